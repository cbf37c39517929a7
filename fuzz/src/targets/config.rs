//! The configuration.

use serde_json::Value;
use vestibule::config::Configuration;
use vestibule::config::fuzzing;

use crate::planted;
use crate::support::text;

/// YAML: the value that is read, written as JSON, is read as the same value; every problem has a remedy.
pub fn yaml(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(value) = fuzzing::yaml(text) {
        let written = value.to_string();
        if yaml_can_hold(&value, &written) {
            assert_eq!(fuzzing::yaml(&written), Some(value.clone()), "{written}");
        }
        planted!(text.contains("*x") && value.as_object().is_some_and(|members| members.len() > 2));
    }
    compiled(data);
}

/// Whether JSON is YAML here: names are shorter than 1024 characters (YAML 1.2.2, 7.4.2), and JSON leaves characters
/// unescaped that YAML must escape (5.1).
fn yaml_can_hold(value: &Value, written: &str) -> bool {
    let short = match value {
        Value::Object(members) => {
            members.iter().all(|(name, value)| name.len() < 500 && yaml_can_hold(value, ""))
        }
        Value::Array(items) => items.iter().all(|item| yaml_can_hold(item, "")),
        _ => true,
    };
    short && !written.contains(|c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// A `google.protobuf.Struct`.
pub fn protobuf(data: &[u8]) {
    if let Some(value) = fuzzing::protobuf(data) {
        assert!(value.is_object());
        planted!(
            value
                .as_object()
                .is_some_and(|members| members.values().any(|value| *value == Value::Bool(false)))
        );
    }
    compiled(data);
}

fn compiled(data: &[u8]) {
    let environment =
        |name: &str| (name == "SECRET").then(|| "dGhpcyBpcyBhIGtleSBvZiAzMiBieXRlcyBvciBtb3Jl".to_owned());
    match Configuration::read(data, &environment) {
        Ok((configuration, _)) => assert!(!configuration.tenants.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.what.is_empty() && !problem.remedy.is_empty()));
        }
    }
}
