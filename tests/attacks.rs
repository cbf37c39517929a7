//! The table of attacks names a test for each row, and each of these tests exists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    missing_docs
)]

use std::collections::BTreeSet;
use std::path::Path;

const TABLE: &str = include_str!("../docs/saml-attacks.md");

/// Rows without a test, each for the reason that the table gives.
const WITHOUT: [&str; 1] = ["5.15"];

fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?, cells.nth(1)?))
    };
    TABLE
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .filter_map(cells)
        .collect()
}

/// Names of all functions of this repository's code and tests.
fn functions(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().map(str::trim_start) {
                let rest = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def "));
                found.extend(rest.and_then(|rest| rest.split('(').next()).map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_row_of_the_catalogue_is_there() {
    let sections = [(1, 21), (2, 21), (3, 11), (4, 7), (5, 15), (6, 11), (7, 7), (8, 11)];
    let mut expected: BTreeSet<String> = sections
        .iter()
        .flat_map(|(section, last)| (1..=*last).map(move |row| format!("{section}.{row}")))
        .collect();
    expected.extend(["7.4", "8.25"].map(str::to_owned));
    expected.extend(["7.6", "8.12", "8.13", "8.14", "8.15", "8.16", "8.18", "8.29"].map(str::to_owned));
    expected.extend(["8.19", "8.20", "8.21", "8.22", "8.23", "8.24", "8.30"].map(str::to_owned));
    expected.extend(["8.17", "8.25", "8.26", "8.27", "8.28"].map(str::to_owned));
    let have: BTreeSet<String> = rows().iter().map(|(row, _)| (*row).to_owned()).collect();
    assert_eq!(have, expected);
}

#[test]
fn every_test_that_the_table_names_exists() {
    let mut existing = BTreeSet::new();
    for directory in ["src", "tests"] {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        functions(&place, &mut existing);
    }
    for (row, tests) in rows() {
        let named: Vec<&str> =
            tests.split('`').skip(1).step_by(2).filter(|name| name.contains('_')).collect();
        assert_eq!(named.is_empty() || WITHOUT.contains(&row), WITHOUT.contains(&row), "{row} names no test");
        for name in named.iter().filter(|_| !WITHOUT.contains(&row)) {
            assert!(existing.contains(*name), "{row}: there is no test {name}");
        }
    }
}

/// What a line compares by `==`, where it looks like a secret or a hash of one.
fn compares_secrets(line: &str) -> bool {
    let secret = |text: &str| {
        // What a method makes of something is not the thing.
        if text.contains("()") {
            return false;
        }
        let word: String = text.chars().filter(|char| !"&*()".contains(*char)).collect();
        let last = word.rsplit(['.', ':']).next().unwrap_or_default().to_owned();
        ["digest", "sha256", "secret", "secrets", "mac", "tag", "password"].contains(&last.as_str())
    };
    [" == ", " != "].iter().any(|operator| {
        line.match_indices(operator).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + operator.len()..]);
            let left = before.rsplit([' ', ',']).next().unwrap_or_default();
            let right = after.split([' ', ',', ';']).next().unwrap_or_default();
            secret(left) || secret(right)
        })
    })
}

fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn row_8_26_secrets_are_compared_in_constant_time_and_nowhere_else() {
    for planted in
        ["if token.sha256 == digest {", "let same = (a != *client.secret);", "x.iter().any(|it| it == &tag)"]
    {
        assert!(compares_secrets(planted), "{planted}");
    }
    assert!(!compares_secrets("if self.language.tag() == other {"));
    assert!(!compares_secrets("if name == \"digest\" && kind != Kind::Tag {"));
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    // Digests of XML are public; everything else that is called so is not.
    let ours = files.iter().filter(|(path, _)| !path.contains("/src/saml/") && !path.contains("test"));
    let mut constant = 0;
    for (path, text) in ours {
        let code = text.split("#[cfg(test)]").next().unwrap();
        constant += code.matches(" equal(&").count() + code.matches(" equal(have, ").count();
        for line in code.lines() {
            assert!(!compares_secrets(line), "{path}: {line}");
        }
    }
    assert!(constant >= 3, "only {constant} comparisons in constant time are found");
}
