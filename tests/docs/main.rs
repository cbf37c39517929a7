//! The documentation says what the code does. Parts of it are made from the code: `tools/make-docs.sh` writes them anew.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, missing_docs)]

mod codes;
mod configuration;
mod links;
mod metrics;
mod picture;
mod rules;
mod snippets;

use std::collections::BTreeSet;
use std::path::PathBuf;

/// Whether a page is what was made of it; where `VESTIBULE_WRITE_DOCS` is set, it is written.
fn same_or_written(path: &str, is: &str, made: &str) {
    if std::env::var_os("VESTIBULE_WRITE_DOCS").is_some() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let differs = is.lines().zip(made.lines()).find(|(is, made)| is != made);
    assert!(
        is == made,
        "{path} is not what is made from the code (run tools/make-docs.sh); first difference: {differs:?}"
    );
}

const SCIM: &str = include_str!("../../docs/scim.md");

#[test]
fn every_rewrite_rule_is_documented_in_the_order_it_is_applied() {
    let is_rule = |line: &&str| {
        let id = line.trim_start_matches("| ").split(' ').next().unwrap_or_default();
        let (letter, number) = id.split_at_checked(1).unwrap_or_default();
        line.starts_with("| ") && "TFPCRX".contains(letter) && number.parse::<u8>().is_ok()
    };
    let documented: Vec<&str> = SCIM.lines().filter(is_rule).collect();
    let rules: Vec<String> = vestibule::scim::catalogue()
        .iter()
        .map(|rule| format!("| {} | {} | {} |", rule.id, rule.certainty.name(), rule.says))
        .collect();
    println!("{}", rules.join("\n"));
    assert_eq!(documented, rules);
}

const OPERATE: &str = include_str!("../../docs/operate.md");

/// Every source file of the library that holds no tests.
fn source_files() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.file_name().unwrap().to_str().unwrap().contains("test")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// Names that begin so in the sources; what is filled in stands as `<what>`.
fn names(begin: &str, ends: &[char]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in source_files() {
        let code = text.split("mod tests {").next().unwrap();
        for rest in code.split(begin).skip(1) {
            let name = rest.split(ends).next().unwrap();
            found.insert(name.replace('{', "<").replace('}', ">"));
        }
    }
    found
}

/// Names in the first column of the tables of one section.
fn documented(section: &str) -> BTreeSet<String> {
    let (_, rest) = OPERATE.split_once(section).unwrap();
    let rows = rest.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`').to_owned()).collect()
}

/// Names of all counters and histograms.
fn counted() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for call in ["count(\"", "count(&format!(\"", "record(\""] {
        named.extend(names(&format!("{call}vestibule."), &['"']));
    }
    named.into_iter().map(|name| format!("vestibule.{name}")).collect()
}

#[test]
fn every_counter_and_histogram_is_documented_and_no_other() {
    let named = counted();
    assert!(named.len() > 30, "the sources were not read");
    assert_eq!(documented("## Counters and histograms"), named, "docs/operate.md (left) and the code differ");
}

#[test]
fn every_event_of_the_log_is_documented_and_no_other() {
    let named = names("event=", &[' ', '"', '\\']);
    assert!(named.len() > 15, "the sources were not read");
    assert_eq!(documented("## Log lines"), named, "docs/operate.md (left) and the code differ");
}

#[test]
fn every_key_for_the_access_log_is_documented_and_no_other() {
    let named = names("host.tell(\"", &['"']);
    assert_eq!(documented("## Access log"), named, "docs/operate.md (left) and the code differ");
}
