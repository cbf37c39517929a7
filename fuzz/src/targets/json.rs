//! Strict JSON.

use serde_json::Value;
use vestibule::common::json::{MAX_DEPTH, parse};

use crate::planted;

/// What is read, the library reads as the same value; and it is written so that it is read again.
pub fn json(data: &[u8]) {
    let Ok(value) = parse(data) else { return };
    let octets = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
    let theirs = serde_json::from_slice::<Value>(octets).unwrap();
    assert!(same(&theirs, &value), "{theirs} {value}");
    let written = value.to_string();
    assert_eq!(parse(written.as_bytes()).unwrap(), value);
    assert!(depth(&value) <= MAX_DEPTH);
    planted!(depth(&value) > 5 && written.contains("E-"));
}

/// Equal but for how an exponent is written, which the library changes.
fn same(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => {
            theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| same(theirs, ours))
        }
        (Value::Object(theirs), Value::Object(ours)) => {
            theirs.len() == ours.len()
                && theirs
                    .iter()
                    .zip(ours)
                    .all(|((name, theirs), (own, ours))| name == own && same(theirs, ours))
        }
        (Value::Number(theirs), Value::Number(ours)) => {
            let plain =
                |number: &serde_json::Number| number.to_string().replace(['E', '+'], "e").replace("ee", "e");
            plain(theirs) == plain(ours)
        }
        _ => theirs == ours,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
