//! Order and equality of numbers and texts.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::super::filter::Operator;
use super::matches::ordered;

/// Numbers by their value: whole ones exactly, others as far as a double goes.
pub(super) fn compare_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.to_string().parse::<i128>().ok();
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// Texts, with regard to casing only where `exact`.
pub(super) fn compare_texts(have: &str, want: &str, operator: Operator, exact: bool) -> bool {
    if !exact {
        return compare_texts(&have.to_lowercase(), &want.to_lowercase(), operator, true);
    }
    match operator {
        Operator::Co => have.contains(want),
        Operator::Sw => have.starts_with(want),
        Operator::Ew => have.ends_with(want),
        other => ordered(other, have.cmp(want)),
    }
}

/// A text that two values share exactly where they are equal, whatever the order of their members.
///
/// Recursion is bounded by the depth that the reader of JSON allows.
pub(super) fn identity(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(identity).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut members: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), identity(value)))
                .collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        plain => plain.to_string(),
    }
}

/// The name under which an object has a member, in any casing.
pub(super) fn key_of(map: &Map<String, Value>, name: &str) -> Option<String> {
    if map.contains_key(name) {
        return Some(name.to_owned());
    }
    map.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}
