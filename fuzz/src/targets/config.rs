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
        assert_eq!(fuzzing::yaml(&written), Some(value.clone()), "{written}");
        planted!(text.contains("*") && matches!(&value, Value::Object(map) if map.values().any(Value::is_array)));
    }
    compiled(data);
}

/// A `google.protobuf.Struct`.
pub fn protobuf(data: &[u8]) {
    if let Some(value) = fuzzing::protobuf(data) {
        assert!(value.is_object());
        planted!(matches!(&value, Value::Object(map) if map.values().any(|value| value.as_array().is_some_and(|list| list.len() > 2))));
    }
    compiled(data);
}

fn compiled(data: &[u8]) {
    let environment = |name: &str| (name == "SECRET").then(|| "dGhpcyBpcyBhIGtleSBvZiAzMiBieXRlcyBvciBtb3Jl".to_owned());
    match Configuration::read(data, &environment) {
        Ok((configuration, _)) => assert!(!configuration.tenants.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.what.is_empty() && !problem.remedy.is_empty()));
        }
    }
}
