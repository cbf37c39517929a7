//! The table of attacks names a test for each row, and each of these tests exists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

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
    expected.extend(["7.6", "8.12", "8.13", "8.14", "8.15", "8.16", "8.18", "8.29"].map(str::to_owned));
    expected.extend(["8.19", "8.20", "8.21", "8.22", "8.23", "8.24", "8.30"].map(str::to_owned));
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
