//! The documentation says what the code does.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

const SCIM: &str = include_str!("../docs/scim.md");

#[test]
fn every_rewrite_rule_is_documented_in_the_order_it_is_applied() {
    let documented: Vec<&str> = SCIM
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .map(|(id, _)| id)
        .filter(|id| id.starts_with(['T', 'F', 'P', 'C', 'R']) && id.len() <= 3 && *id != "T")
        .collect();
    let rules: Vec<&str> = vestibule::scim::catalogue().iter().map(|(id, _)| *id).collect();
    for (id, says) in vestibule::scim::catalogue() {
        println!("| {id} | {says} |");
    }
    assert_eq!(documented, rules);
}
