//! PATCH messages (RFC 7644 section 3.5.2).

use serde_json::{Value, json};
use vestibule::common::json::parse;
use vestibule::scim::{Incoming, MEDIA_TYPE, Normalised, normalise};

use super::scim::{changes_only_by_rule, normalised, settings, with_rules_off};
use crate::planted;
use crate::support::{digest, grows_linearly};

/// A PATCH of a user, a group and something else.
pub fn patch(data: &[u8]) {
    for path in ["/Users/u", "/Groups/g", "/Devices/d"] {
        if let Some(outgoing) = normalised("PATCH", path, data, &settings()) {
            changes_only_by_rule(data, &outgoing);
            let (before, after) = (parse(data).unwrap(), parse(outgoing.body.as_deref().unwrap()).unwrap());
            assert_eq!(marks(&after), marks(&before), "{after}");
            if path != "/Users/u" {
                keeps_members(&before, &after);
            }
            planted!(
                operations(&after).count() > 3
                    && outgoing.applied.iter().any(|applied| applied.rule == "P20")
            );
        }
        with_rules_off("PATCH", path, data);
    }
    let operations = parse(data).ok().and_then(|body| body.get("Operations")?.as_array().cloned());
    if let Some(operations) = operations.filter(|all| !all.is_empty() && digest(data) & 255 == 0) {
        let make = |copies| {
            let all: Vec<&Value> = std::iter::repeat_n(&operations, copies).flatten().collect();
            json!({"Operations": all}).to_string().into_bytes()
        };
        for path in ["/Users/u", "/Groups/g"] {
            grows_linearly(&make, &|body| {
                let incoming = Incoming {
                    method: "PATCH",
                    path,
                    accept: None,
                    content_type: Some(MEDIA_TYPE),
                    content_encoding: None,
                    body: Some(body),
                };
                drop(
                    normalise(&incoming, &settings())
                        .map(|normalised| matches!(normalised, Normalised::Forward(_))),
                );
            });
        }
    }
}

fn operations(body: &Value) -> impl Iterator<Item = &serde_json::Map<String, Value>> {
    let named =
        body.as_object().into_iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case("Operations"));
    named.filter_map(|(_, list)| list.as_array()).flatten().filter_map(Value::as_object)
}

fn text<'v>(operation: &'v serde_json::Map<String, Value>, name: &str) -> &'v str {
    let mut named = operation.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
    named.find_map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Operations on attributes that no schema and no rule knows, with numbers as values: they stay, in their order.
fn marks(body: &Value) -> Vec<(String, String)> {
    let is_ours = |path: &str| path.starts_with("zz") && path.bytes().all(|byte| byte.is_ascii_lowercase());
    operations(body)
        .filter(|operation| is_ours(text(operation, "path")))
        .filter(|operation| !text(operation, "op").trim().eq_ignore_ascii_case("remove"))
        .filter_map(|operation| {
            let value = operation.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"))?.1;
            value.is_number().then(|| (text(operation, "path").to_owned(), value.to_string()))
        })
        .collect()
}

/// A removal that names members removes no others, and nothing becomes a removal of members that was none.
fn keeps_members(before: &Value, after: &Value) {
    let removes = |operation: &&serde_json::Map<String, Value>| {
        text(operation, "op").trim().eq_ignore_ascii_case("remove")
            && text(operation, "path").trim().eq_ignore_ascii_case("members")
    };
    let bare = |body| operations(body).filter(removes).count();
    let unnamed = |body| {
        let without_value = |operation: &&serde_json::Map<String, Value>| {
            let value = operation.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"));
            value.is_none_or(|(_, value)| value.is_null())
        };
        operations(body).filter(removes).filter(without_value).count()
    };
    assert!(bare(after) <= unnamed(before), "{after}");
}
