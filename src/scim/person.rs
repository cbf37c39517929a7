//! Who a user resource is about, and whether the account is active: read tolerantly, because applications and clients
//! differ in what they write.

use serde_json::{Map, Value};

use super::filter::{Mode, Path};
use super::name::Name;
use super::patch::member;
use super::schema;
use crate::common::PersonKeys;

/// How deep wrapped values are looked into.
const MOST_WRAPPINGS: usize = 4;

/// What a value for `active` reads as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    On,
    Off,
    Unclear,
}

/// Reads a value of `active` in every form that has been seen: JSON, text, zero, null, or any of them wrapped.
pub(crate) fn activity(value: &Value) -> Activity {
    let mut value = value;
    for _ in 0..MOST_WRAPPINGS {
        value = match value {
            Value::Array(items) => match items.as_slice() {
                // [] is unassigned, like null (RFC 7643 section 2.5).
                [] => return Activity::Off,
                [only] => only,
                _ => return Activity::Unclear,
            },
            Value::Object(map) => match member(map, "value") {
                Some(inner) => inner,
                None => return Activity::Unclear,
            },
            Value::Null => return Activity::Off,
            Value::Bool(value) => return if *value { Activity::On } else { Activity::Off },
            Value::Number(number) => {
                return if number.as_f64() == Some(0.0) { Activity::Off } else { Activity::Unclear };
            }
            Value::String(text) => {
                return match super::rules::boolean(text) {
                    Some(true) => Activity::On,
                    Some(false) => Activity::Off,
                    None if text.trim() == "0" => Activity::Off,
                    None => Activity::Unclear,
                };
            }
        };
    }
    Activity::Unclear
}

/// What one attribute says of the person.
pub(crate) enum Said<'v> {
    /// It is the account's activity.
    Active(&'v Value),
    /// It is a key, or holds keys.
    Keys(&'v Value),
}

/// The attributes that matter, in any spelling: unqualified or qualified by the core schema.
fn said<'v>(name: &Name, value: &'v Value) -> Option<Said<'v>> {
    let is_core = match name.urn.as_deref() {
        None => true,
        Some(urn) => urn.eq_ignore_ascii_case(schema::USER) || is_core_like(urn),
    };
    if !is_core {
        return None;
    }
    let sub = name.sub.as_deref().unwrap_or("value");
    let is = |attribute: &str| name.attribute.eq_ignore_ascii_case(attribute);
    if !sub.eq_ignore_ascii_case("value") {
        return None;
    }
    if is("active") {
        return Some(Said::Active(value));
    }
    (is("userName") || is("externalId") || is("emails")).then_some(Said::Keys(value))
}

/// A misspelt core schema still means the core schema to a lenient application; an extension never does.
fn is_core_like(urn: &str) -> bool {
    let urn = urn.to_ascii_lowercase();
    urn.contains(":core:") && urn.ends_with(":user")
}

/// Calls `visit` with everything a map of attributes says of the person, in order; extensions' objects are entered.
pub(crate) fn each_said(map: &Map<String, Value>, visit: &mut dyn FnMut(Said<'_>)) {
    for (key, value) in map {
        let Some(path) = read_key(key) else { continue };
        match (path.name.is_bare_urn(), value) {
            (true, Value::Object(inner)) => {
                for (key, value) in inner {
                    if let Some(name) = Name::parse(key).filter(|name| name.urn.is_none()) {
                        let name = Name { urn: path.name.urn.clone(), ..name };
                        if let Some(said) = said(&name, value) {
                            visit(said);
                        }
                    }
                }
            }
            _ => {
                if let Some(said) = said(&path.name, value) {
                    visit(said);
                }
            }
        }
    }
}

fn read_key(key: &str) -> Option<Path> {
    Path::parse(key, Mode::Strict).or_else(|| Path::parse(key, Mode::Unescaped))
}

/// What a value under a name says of the person.
pub(crate) fn said_at<'v>(name: &Name, value: &'v Value) -> Option<Said<'v>> {
    said(name, value)
}

/// Adds the texts of a value that holds keys: a text, an object with a `value`, or a list of either.
pub(crate) fn add_keys(keys: &mut PersonKeys, value: &Value) {
    let mut one = |value: &Value| {
        let text = match value {
            Value::Object(map) => member(map, "value").and_then(Value::as_str),
            other => other.as_str(),
        };
        if let Some(text) = text {
            keys.add(text);
        }
    };
    match value {
        Value::Array(items) => items.iter().for_each(&mut one),
        other => one(other),
    }
}

/// The keys by which the person of a user resource is recognised, and whether the account is active where that can be
/// read. Of a list answer the first resource is read.
#[must_use]
pub fn person(resource: &Value) -> (PersonKeys, Option<bool>) {
    let mut keys = PersonKeys::none();
    let mut active = None;
    let resource = match resource {
        Value::Array(items) => items.first(),
        Value::Object(map) => match member(map, "Resources") {
            Some(Value::Array(items)) => items.first(),
            _ => Some(resource),
        },
        _ => None,
    };
    if let Some(map) = resource.and_then(Value::as_object) {
        each_said(map, &mut |said| match said {
            Said::Active(value) => match activity(value) {
                Activity::On => active = Some(true),
                Activity::Off => active = Some(false),
                Activity::Unclear => {}
            },
            Said::Keys(value) => add_keys(&mut keys, value),
        });
    }
    (keys, active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_user_is_read_from_a_resource_or_from_a_list_of_one() {
        let user = json!({"userName":"Ada@N.example","externalId":"E1","active":"False",
            "emails":[{"value":"ada@n.example"},{"type":"x"},{"value":"lo@n.example"}]});
        for resource in [user.clone(), json!({"Resources":[user.clone()]}), json!({"resources":[user]})] {
            let (keys, active) = person(&resource);
            assert_eq!(keys.iter().collect::<Vec<_>>(), ["ada@n.example", "e1", "lo@n.example"]);
            assert_eq!(active, Some(false));
        }
    }

    #[test]
    fn nothing_is_invented() {
        for resource in
            [json!(null), json!([]), json!({"Resources":[]}), json!("x"), json!({"active":"maybe"})]
        {
            let (keys, active) = person(&resource);
            assert!(keys.is_empty());
            assert_eq!(active, None);
        }
    }
}
