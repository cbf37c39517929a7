//! The readers of this room that are not public, for tests and for the targets in `fuzz/`.

use serde_json::Value;

use super::{protobuf, yaml};

/// Reads one document of YAML or JSON.
#[must_use]
pub fn yaml(text: &str) -> Option<Value> {
    yaml::parse(text).ok()
}

/// Reads a `google.protobuf.Struct` in its wire form.
#[must_use]
pub fn protobuf(bytes: &[u8]) -> Option<Value> {
    protobuf::read_struct(bytes)
}
