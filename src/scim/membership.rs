//! Whose membership of a group a request changes. Read tolerantly, like everything that concerns somebody's access: what
//! cannot be read concerns everybody.

use serde_json::{Map, Value};

use super::name::Name;
use super::patch::{Verb, member};
use super::schema::ResourceKind;
use super::url::{self, Action};
use crate::common::json;

/// The members that are concerned, by their identifiers at the application.
#[derive(Clone, PartialEq, Eq)]
pub enum Members {
    /// These.
    These(Vec<String>),
    /// Whoever is in the group, which the request does not say.
    Anybody,
}

impl std::fmt::Debug for Members {
    /// Tells how many there are, not who.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::These(members) => write!(f, "These({})", members.len()),
            Self::Anybody => f.write_str("Anybody"),
        }
    }
}

/// More are as good as everybody: each is a change of its own in a bounded table.
const MOST: usize = 64;

/// Whose membership a request of the provisioning client changes; `path` is below the public base. `None`: nobody's.
#[must_use]
pub fn concerned(method: &str, path: &str, body: Option<&[u8]>) -> Option<Members> {
    let path = path.split('?').next().unwrap_or_default();
    let target = url::target(method, path, true).ok()?;
    if target.kind != ResourceKind::Group {
        return None;
    }
    let body = body.and_then(|body| json::parse(body).ok());
    let members = match target.action {
        Action::Read | Action::List | Action::Search => return None,
        // Who was in it is not said.
        Action::Delete | Action::Replace => return Some(Members::Anybody),
        Action::Create => match body.as_ref().and_then(Value::as_object) {
            Some(body) => named(body, false).and_then(|values| all_listed(&values)),
            None => None,
        },
        Action::Patch => patched(body.as_ref()),
    };
    match members {
        Some(members) if members.is_empty() => None,
        Some(members) if members.len() <= MOST => Some(Members::These(members)),
        _ => Some(Members::Anybody),
    }
}

/// The members that a PATCH names; `None` where it may concern others.
fn patched(body: Option<&Value>) -> Option<Vec<String>> {
    let operations = body?.as_object().and_then(|body| member(body, "Operations"))?.as_array()?;
    let mut members = Vec::new();
    for operation in operations {
        let operation = operation.as_object()?;
        let verb = member(operation, "op").and_then(Value::as_str).and_then(Verb::parse);
        let path = member(operation, "path").and_then(Value::as_str).map(str::trim).unwrap_or_default();
        let value = member(operation, "value").filter(|value| !value.is_null());
        let more = match at(path) {
            Place::Elsewhere => continue,
            Place::One(member) => Some(vec![member]),
            Place::Unclear => None,
            Place::All => match (verb, value) {
                (Some(Verb::Add | Verb::Remove), Some(value)) => listed(value),
                _ => None,
            },
            place @ (Place::Map | Place::Schema | Place::MaybeSchema) => match (place, value) {
                (place, Some(Value::Object(map))) => match named(map, !matches!(place, Place::Map)) {
                    Some(values) if values.is_empty() => continue,
                    Some(values) if matches!(verb, Some(Verb::Add | Verb::Remove)) => all_listed(&values),
                    _ => None,
                },
                (Place::MaybeSchema, Some(Value::Array(items))) if items.iter().any(speaks_of_members) => {
                    None
                }
                (Place::MaybeSchema, Some(_)) => continue,
                _ => None,
            },
        };
        members.extend(more?);
        if members.len() > MOST {
            return None;
        }
    }
    Some(members)
}

/// Whether an element of a list has what may be members.
fn speaks_of_members(item: &Value) -> bool {
    let mut names = item.as_object().into_iter().flat_map(|map| map.keys());
    names.any(|name| name.to_ascii_lowercase().starts_with("members"))
}

/// What the path of an operation means.
enum Place {
    /// There is none: the value is a map of attributes.
    Map,
    /// The members.
    All,
    /// One of them.
    One(String),
    /// Something of the members.
    Unclear,
    /// A schema: the value is a map of its attributes.
    Schema,
    /// The same, or another attribute.
    MaybeSchema,
    /// Another attribute.
    Elsewhere,
}

/// What the name of an attribute means, in any spelling and with or without its schema.
enum Part {
    Members,
    OfMembers,
    Schema,
    /// A schema without version is written as an attribute below it would be.
    MaybeSchema,
    Other,
}

fn part(text: &str) -> Part {
    let head = text.split('[').next().unwrap_or_default().trim();
    let name = Name::parse(head);
    let last = head.rsplit(':').next().unwrap_or_default().trim();
    let attribute = name.as_ref().map_or(last, |name| &name.attribute);
    let begins = |text: &str| text.to_ascii_lowercase().starts_with("members");
    let is_whole = name.as_ref().is_none_or(|name| name.sub.is_none());
    if last.eq_ignore_ascii_case("members") || (is_whole && attribute.eq_ignore_ascii_case("members")) {
        return Part::Members;
    }
    if begins(last) || begins(attribute) {
        return Part::OfMembers;
    }
    match name {
        Some(name) if name.is_bare_urn() => Part::Schema,
        Some(Name { urn: Some(urn), sub: None, .. }) if !urn.contains('.') => Part::MaybeSchema,
        Some(_) => Part::Other,
        // What cannot be read may be anything that it mentions.
        None if text.to_ascii_lowercase().contains("members") => Part::OfMembers,
        None if head.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) => Part::Schema,
        None => Part::Other,
    }
}

fn at(path: &str) -> Place {
    if path.is_empty() {
        return Place::Map;
    }
    match part(path) {
        Part::Members => {}
        Part::Schema if !path.contains('[') => return Place::Schema,
        Part::MaybeSchema => return Place::MaybeSchema,
        Part::OfMembers | Part::Schema => return Place::Unclear,
        Part::Other => return Place::Elsewhere,
    }
    let Some((_, filter)) = path.split_once('[') else { return Place::All };
    // members[value eq "u-1"]
    let literal = filter.trim().strip_suffix(']').and_then(|filter| {
        let (attribute, rest) = filter.trim().split_once(char::is_whitespace)?;
        let (operator, literal) = rest.trim().split_once(char::is_whitespace)?;
        let plain = attribute.eq_ignore_ascii_case("value") && operator.eq_ignore_ascii_case("eq");
        plain.then_some(literal.trim())
    });
    match literal.and_then(|literal| serde_json::from_str::<String>(literal).ok()) {
        Some(member) => Place::One(member),
        None => Place::Unclear,
    }
}

/// The values of `members` in a map of attributes, also below the name of a schema, which the map itself may be below;
/// `None` where it says something of members that cannot be read.
fn named(map: &Map<String, Value>, is_below: bool) -> Option<Vec<&Value>> {
    let mut values = Vec::new();
    for (key, value) in map {
        match (part(key), value) {
            (Part::Members, value) if !key.contains('[') => values.push(value),
            (Part::Schema | Part::MaybeSchema, Value::Object(inner)) if !is_below => {
                values.extend(named(inner, true)?);
            }
            (Part::MaybeSchema | Part::Other, _) | (Part::Schema, Value::Null) => {}
            (Part::Members | Part::OfMembers | Part::Schema, _) => return None,
        }
    }
    Some(values)
}

/// The identifiers in all these.
fn all_listed(values: &[&Value]) -> Option<Vec<String>> {
    let lists: Vec<Vec<String>> = values.iter().map(|value| listed(value)).collect::<Option<_>>()?;
    Some(lists.concat())
}

/// The identifiers in a list of members, or in one; `None` where one of them cannot be read.
fn listed(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(id) => Some(id.clone()),
        Value::Object(map) => member(map, "value").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        Value::Null => Some(Vec::new()),
        other => one(other).map(|id| vec![id]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn patch(operations: &str) -> Option<Members> {
        concerned("PATCH", "/Groups/g-1", Some(format!(r#"{{"Operations":{operations}}}"#).as_bytes()))
    }

    fn these(ids: &[&str]) -> Option<Members> {
        Some(Members::These(ids.iter().map(|id| (*id).to_owned()).collect()))
    }

    #[test]
    fn members_that_come_or_go_are_named() {
        for (operations, ids) in [
            (r#"[{"op":"Add","path":"members","value":[{"value":"a"},{"value":"b"}]}]"#, &["a", "b"][..]),
            (r#"[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"a"}]}]"#, &["a"]),
            (r#"[{"op":"remove","path":"members[value eq \"a\"]"}]"#, &["a"]),
            (
                r#"[{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:Group:members","value":"a"}]"#,
                &["a"],
            ),
            (r#"[{"op":"add","value":{"Members":[{"value":"a"}]}}]"#, &["a"]),
            (r#"[{"op":"add","value":{"members":[{"value":"a"}],"Members":[{"value":"b"}]}}]"#, &["a", "b"]),
            (
                r#"[{"op":"add","path":"members","value":"a"},{"op":"remove","path":"members","value":"b"}]"#,
                &["a", "b"],
            ),
        ] {
            assert_eq!(patch(operations), these(ids), "{operations}");
        }
        let body = br#"{"displayName":"x","members":[{"value":"a"}]}"#;
        assert_eq!(concerned("POST", "/Groups", Some(body)), these(&["a"]));
    }

    #[test]
    fn what_does_not_say_whom_it_concerns_concerns_anybody() {
        for operations in [
            r#"[{"op":"remove","path":"members"}]"#,
            r#"[{"op":"replace","path":"members","value":[{"value":"a"}]}]"#,
            r#"[{"op":"replace","value":{"members":[]}}]"#,
            r#"[{"op":"add","path":"members","value":[{"display":"a"}]}]"#,
            r#"[{"op":"remove","path":"members[display eq \"a\"]"}]"#,
            r#"[{"op":"remove","path":"members.value","value":"a"}]"#,
            r#"[{"op":"perhaps","path":"members","value":"a"}]"#,
            "7",
        ] {
            assert_eq!(patch(operations), Some(Members::Anybody), "{operations}");
        }
        let many: Vec<String> = (0..65).map(|at| format!(r#"{{"value":"{at}"}}"#)).collect();
        let many = format!(r#"[{{"op":"add","path":"members","value":[{}]}}]"#, many.join(","));
        assert_eq!(patch(&many), Some(Members::Anybody));
        assert_eq!(concerned("DELETE", "/Groups/g", None), Some(Members::Anybody));
        assert_eq!(concerned("PUT", "/Groups/g", Some(b"{}")), Some(Members::Anybody));
        assert_eq!(concerned("PATCH", "/Groups/g", Some(b"{")), Some(Members::Anybody));
    }

    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

    #[test]
    fn members_below_the_name_of_a_schema_are_members() {
        for urn in [CORE, &CORE.to_lowercase(), "urn:northwind:2.0:Crew", "urn:northwind:crew"] {
            for operations in [
                format!(r#"[{{"op":"add","value":{{"{urn}":{{"members":[{{"value":"a"}}]}}}}}}]"#),
                format!(r#"[{{"op":"add","value":{{"{urn}:members":[{{"value":"a"}}]}}}}]"#),
                format!(r#"[{{"op":"add","path":"{urn}","value":{{"Members":[{{"value":"a"}}]}}}}]"#),
                format!(r#"[{{"op":"remove","path":"{urn}:members[value eq \"a\"]"}}]"#),
            ] {
                assert_eq!(patch(&operations), these(&["a"]), "{operations}");
            }
            let body = format!(r#"{{"displayName":"x","{urn}":{{"members":[{{"value":"a"}}]}}}}"#);
            assert_eq!(concerned("POST", "/Groups", Some(body.as_bytes())), these(&["a"]), "{body}");
            let whole =
                format!(r#"[{{"op":"replace","value":{{"{urn}":{{"members":[{{"value":"a"}}]}}}}}}]"#);
            assert_eq!(patch(&whole), Some(Members::Anybody), "{whole}");
        }
        let dotted = format!(r#"[{{"op":"add","path":"{CORE}.members","value":[{{"value":"a"}}]}}]"#);
        assert_eq!(patch(&dotted), these(&["a"]));
    }

    #[test]
    fn a_schema_whose_members_cannot_be_read_concerns_anybody() {
        for operations in [
            format!(r#"[{{"op":"add","value":{{"{CORE}":[{{"members":[{{"value":"a"}}]}}]}}}}]"#),
            format!(r#"[{{"op":"add","path":"{CORE}","value":[{{"members":[{{"value":"a"}}]}}]}}]"#),
            format!(r#"[{{"op":"add","value":{{"{CORE}":{{"members":[{{"display":"a"}}]}}}}}}]"#),
            format!(
                r#"[{{"op":"add","value":{{"{CORE}":{{"members[value eq \"urn:x:a\"].display":"x"}}}}}}]"#
            ),
            format!(r#"[{{"op":"remove","path":"{CORE}"}}]"#),
            format!(r#"[{{"op":"add","path":"{CORE}:members.value","value":"a"}}]"#),
            format!(r#"[{{"op":"add","value":{{"{CORE}":{{"{CORE}":{{"members":[{{"value":"a"}}]}}}}}}}}]"#),
            r#"[{"op":"add","value":{"members[value eq \"a\"].display":"x"}}]"#.to_owned(),
        ] {
            assert_eq!(patch(&operations), Some(Members::Anybody), "{operations}");
        }
        let body = format!(r#"{{"{CORE}":[{{"members":[{{"value":"a"}}]}}]}}"#);
        assert_eq!(concerned("POST", "/Groups", Some(body.as_bytes())), Some(Members::Anybody));
    }

    #[test]
    fn what_concerns_no_membership_concerns_nobody() {
        for other in [
            format!(r#"[{{"op":"add","value":{{"{CORE}":{{"displayName":"x"}}}}}}]"#),
            format!(r#"[{{"op":"add","path":"{CORE}:displayName","value":"x"}}]"#),
            format!(r#"[{{"op":"add","path":"{CORE}","value":{{"displayName":"x"}}}}]"#),
            r#"[{"op":"add","value":{"urn:northwind:2.0:Crew":{"badge":"members"},"urn:x:y":"z"}}]"#
                .to_owned(),
            r#"[{"op":"add","path":"urn:northwind:2.0:Crew:badge","value":{"colour":"red"}}]"#.to_owned(),
        ] {
            assert_eq!(patch(&other), None, "{other}");
        }
        assert_eq!(patch(r#"[{"op":"replace","path":"displayName","value":"members"}]"#), None);
        assert_eq!(patch(r#"[{"op":"replace","value":{"displayName":"x"}}]"#), None);
        assert_eq!(concerned("POST", "/Groups", Some(br#"{"displayName":"x"}"#)), None);
        assert_eq!(concerned("GET", "/Groups/g", None), None);
        let users = br#"{"Operations":[{"op":"add","path":"members","value":"a"}]}"#;
        assert_eq!(concerned("PATCH", "/Users/u", Some(users)), None);
    }
}
