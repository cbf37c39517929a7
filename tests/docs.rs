//! The documentation says what the code does.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

const SCIM: &str = include_str!("../docs/scim.md");

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
