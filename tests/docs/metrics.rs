//! The alert rules and the dashboard use no name that the filter does not count under.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::Value;
use vestibule::config::read_tree;

/// Counters that Envoy itself keeps of the module; a test in real Envoy looks at their names (`tests/envoy/test_operators.py`).
const OF_ENVOY: &[&str] =
    &["envoy_wasm_vestibule_vm_reload_success", "envoy_wasm_vestibule_vm_reload_failure"];

/// What is filled in: outcomes and events are few, codes and rules any.
const FILLED: &[(&str, &str)] = &[
    ("<outcome>", "(accepted|rejected|failed|answered|identified|anonymous|active|inactive|missing|unclear)"),
    ("<event>", "(rewritten|observed)"),
    ("<what>", "(certificate_expires|certificate_unusable|expires)"),
    ("<code>", "[a-z0-9_]+"),
    ("<rule>", "[A-Z][0-9]+|x"),
];

/// Patterns of the names that Prometheus sees, out of the sources.
fn patterns() -> Vec<Regex> {
    let counted = super::counted();
    assert!(counted.len() > 30);
    let pattern = |name: &String| {
        let mut pattern = name.replace('.', "_");
        for (hole, filled) in FILLED {
            pattern = pattern.replace(hole, &format!("(?:{filled})"));
        }
        assert!(!pattern.contains('<'), "{name}: say in FILLED what may stand there");
        Regex::new(&format!("^{pattern}(_bucket|_sum|_count)?$")).unwrap()
    };
    counted.iter().map(pattern).collect()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(format!("{}/docs/observe/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Every text below `key`, wherever it stands.
fn below(tree: &Value, key: &str, found: &mut Vec<String>) {
    match tree {
        Value::Array(entries) => entries.iter().for_each(|entry| below(entry, key, found)),
        Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(text) if name == key => found.push(text.to_owned()),
            _ => below(value, key, found),
        }),
        _ => {}
    }
}

/// Names in expressions. `vestibule_x_.+` and `vestibule_x_(.+)` stand for all names that begin so.
fn names(expressions: &[String]) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:envoy_wasm_)?vestibule_[A-Za-z0-9_]+").unwrap();
    let named = expressions
        .iter()
        .flat_map(|text| name.find_iter(text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>());
    named.map(|name| if name.ends_with('_') { format!("{name}x") } else { name }).collect()
}

#[test]
fn every_metric_of_the_alert_rules_and_of_the_dashboard_is_one_that_the_filter_has() {
    let (mut rules, mut panels) = (Vec::new(), Vec::new());
    below(&read_tree(text("alerts.yaml").as_bytes()).unwrap(), "expr", &mut rules);
    below(&serde_json::from_str(&text("dashboard.json")).unwrap(), "expr", &mut panels);
    assert!(rules.len() >= 10 && panels.len() >= 20, "{} rules, {} expressions", rules.len(), panels.len());
    let used: BTreeSet<String> = names(&rules).union(&names(&panels)).cloned().collect();
    assert!(used.len() > 25, "{used:?}");
    let patterns = patterns();
    let unknown: Vec<_> = used
        .iter()
        .filter(|name| {
            !OF_ENVOY.contains(&name.as_str()) && !patterns.iter().any(|pattern| pattern.is_match(name))
        })
        .collect();
    assert_eq!(unknown, Vec::<&String>::new());
    assert!(!patterns.iter().any(|pattern| pattern.is_match("vestibule_sign_on_gone_x")), "anything passes");
}

/// Counters of which one event, with none before and none for hours after, is what an alert is about.
const SELDOM: &[&str] = &[
    "vestibule_metadata_certificate_expires",
    "vestibule_scim_denied",
    "vestibule_scim_person_unknown",
    "vestibule_recheck_not_recorded",
    "vestibule_exchange_host_mismatch",
    "vestibule_exchange_out_of_order",
];

/// A rate does not see a counter's first event, and is nothing again when its window has passed: an alert that waits as
/// long never comes.
#[test]
fn what_happens_once_is_compared_with_what_was_there_before_and_not_waited_for() {
    let tree = read_tree(text("alerts.yaml").as_bytes()).unwrap();
    let rules = tree["groups"][0]["rules"].as_array().unwrap();
    for counter in SELDOM {
        let expression = |rule: &Value| rule["expr"].as_str().unwrap_or_default().to_owned();
        let about: Vec<&Value> = rules.iter().filter(|rule| expression(rule).contains(counter)).collect();
        assert!(!about.is_empty(), "no alert is about {counter}");
        for rule in about {
            let compared = expression(rule);
            assert!(compared.contains(&format!("sum({counter}) - (sum({counter} offset ")), "{rule}");
            assert!(!compared.contains("rate(") && !compared.contains("increase("), "{rule}");
            assert!(rule.get("for").is_none(), "{rule}");
        }
    }
}

#[test]
fn every_alert_says_what_happened_and_what_to_do() {
    let tree = read_tree(text("alerts.yaml").as_bytes()).unwrap();
    for rule in tree["groups"][0]["rules"].as_array().unwrap() {
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{rule}");
        for said in ["summary", "action"] {
            assert!(rule["annotations"][said].as_str().is_some_and(|text| text.len() > 15), "{rule}");
        }
    }
}
