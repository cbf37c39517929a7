//! Who a user resource is about, and whether the account is active: read tolerantly, because applications and clients
//! differ in what they write.

use serde_json::{Map, Value};

use super::filter::{Filter, Literal, Mode, Path};
use super::name::Name;
use super::patch::member;
use crate::common::PersonKeys;

/// How often a value is unwrapped: as often as P6 does, which is as deep as JSON is read.
const MOST_WRAPPINGS: usize = crate::common::json::MAX_DEPTH;

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

/// Whether a value of `active` says true, false or that it is unassigned, by itself or wrapped: anything else (a number,
/// another word, an object) is for each application to guess, and some guess false.
pub(crate) fn is_activity(value: &Value) -> bool {
    let mut value = value;
    for _ in 0..MOST_WRAPPINGS {
        value = match value {
            Value::Array(items) => match items.as_slice() {
                [] => return true,
                [only] => only,
                _ => return false,
            },
            Value::Object(map) => match member(map, "value") {
                Some(inner) => inner,
                None => return false,
            },
            Value::Null | Value::Bool(_) => return true,
            Value::Number(_) => return false,
            Value::String(text) => return super::rules::boolean(text).is_some(),
        };
    }
    false
}

/// What one attribute says of the person.
pub(crate) enum Said<'v> {
    /// It is the account's activity.
    Active(&'v Value),
    /// It is a key, or holds keys.
    Keys(&'v Value),
    /// It is e-mail addresses, of which the person's own at work are keys.
    Emails(&'v Value, Addresses),
}

/// Which of somebody's e-mail addresses a value is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// All that there are.
    All,
    /// Some that are added to those there are.
    Added,
    /// The person's own at work.
    Own,
    /// Others.
    Others,
    /// Some that are selected by something that does not tell.
    Unclear,
}

impl Addresses {
    /// Those that a selector (RFC 7644 section 3.5.2) picks.
    fn selected_by(selector: Option<&Filter>) -> Self {
        let Some(selector) = selector else { return Self::All };
        let Some(pairs) = selector.equalities() else { return Self::Unclear };
        let text = |literal: &Literal| match literal {
            Literal::Text(text) | Literal::Word(text) | Literal::Bare(text) => text.trim().to_owned(),
        };
        let values = |name: &str| {
            pairs.iter().filter(|pair| pair.0.is_plain(name)).map(|pair| text(pair.1)).collect::<Vec<_>>()
        };
        let (types, primaries) = (values("type"), values("primary"));
        if types.iter().any(|text| is_work(text))
            || primaries.iter().any(|text| super::rules::boolean(text) == Some(true))
        {
            Self::Own
        } else if types.is_empty() && primaries.is_empty() {
            Self::Unclear
        } else {
            Self::Others
        }
    }
}

/// The attributes that matter, in any spelling: unqualified or qualified by the core schema.
fn said<'v>(name: &Name, selector: Option<&Filter>, value: &'v Value) -> Option<Said<'v>> {
    if name.urn.is_none() {
        return said_of(&name.attribute, name.sub.as_deref(), selector, value);
    }
    let path = below_core(name)?;
    match path.split_once('.') {
        Some((attribute, sub)) => said_of(attribute, Some(sub), selector, value),
        None => said_of(&path, None, selector, value),
    }
}

fn said_of<'v>(
    attribute: &str,
    sub: Option<&str>,
    selector: Option<&Filter>,
    value: &'v Value,
) -> Option<Said<'v>> {
    let is = |name: &str| attribute.eq_ignore_ascii_case(name);
    if sub.is_some_and(|sub| !sub.eq_ignore_ascii_case("value")) {
        None
    } else if is("active") {
        Some(Said::Active(value))
    } else if is("emails") {
        Some(Said::Emails(value, Addresses::selected_by(selector)))
    } else if is("userName") || is("externalId") {
        Some(Said::Keys(value))
    } else {
        None
    }
}

/// What a name means below the core schema, in lower case and with dots; empty for the schema itself, `None` for other
/// schemas.
///
/// A misspelt core schema (`urn:…:core:2.0:active`, `urn:…:core:2.0:User.active`) still means the core schema to a
/// lenient application; an extension never does.
fn below_core(name: &Name) -> Option<String> {
    let Some(urn) = &name.urn else { return Some(name.to_string().to_ascii_lowercase()) };
    let says_core = |part: &str| part.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"core"));
    if !says_core(urn) && !says_core(&name.attribute) && !name.sub.as_deref().is_some_and(says_core) {
        return None;
    }
    let text = name.to_string().to_ascii_lowercase();
    let (_, rest) =
        format!("{text}:").split_once(":core:").map(|(start, rest)| (start.len(), rest.to_owned()))?;
    let rest =
        rest.trim_end_matches(':').trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
    let rest = rest.trim_start_matches(':');
    let user = rest.strip_prefix("user").or_else(|| rest.rsplit_once(":user").map(|(_, after)| after));
    let rest = match user {
        Some("") => "",
        Some(after) => after.strip_prefix([':', '.']).unwrap_or(rest),
        None => rest,
    };
    // A part of an attribute may stand below the attribute as if that were a schema.
    Some(rest.replace(':', "."))
}

/// Whether a name is that of a whole schema: its value holds attributes, and is none itself.
pub(crate) fn is_schema(name: &Name) -> bool {
    if name.urn.is_none() {
        return is_nothing(name);
    }
    match below_core(name) {
        Some(rest) => rest.is_empty(),
        None => name.is_bare_urn(),
    }
}

/// Whether a name is, or is below, the activity of an account.
pub(crate) fn is_about_active(name: &Name) -> bool {
    is_about(name, "active")
}

/// Whether a name is, or is below, the name by which a user signs in.
pub(crate) fn is_about_user_name(name: &Name) -> bool {
    is_about(name, "username")
}

/// `attribute`: in lower case.
fn is_about(name: &Name, attribute: &str) -> bool {
    if name.urn.is_none() {
        return name.attribute.eq_ignore_ascii_case(attribute);
    }
    below_core(name).is_some_and(|path| path.split('.').next() == Some(attribute))
}

/// A name without schema and attribute.
fn is_nothing(name: &Name) -> bool {
    name.attribute.is_empty() && name.sub.is_none()
}

/// Whether a name is that of the core schema, however it is misspelt.
pub(crate) fn is_core_schema(name: &Name) -> bool {
    name.urn.is_some() && below_core(name).as_deref() == Some("")
}

/// Calls `visit` with everything a map of attributes says of the person, in order; the object of the core schema is
/// entered.
pub(crate) fn each_said(map: &Map<String, Value>, visit: &mut dyn FnMut(Said<'_>)) {
    for (key, value) in map {
        let Some(Path { name, selector }) = read_key(key) else { continue };
        let is_core = if name.urn.is_none() { is_nothing(&name) } else { is_core_schema(&name) };
        if is_core {
            for (key, value) in value.as_object().into_iter().flatten() {
                let name = Name::parse(key).filter(|name| name.urn.is_none());
                if let Some(said) = name.and_then(|name| said(&name, None, value)) {
                    visit(said);
                }
            }
        } else if let Some(said) = said(&name, selector.as_ref(), value) {
            visit(said);
        }
    }
}

fn read_key(key: &str) -> Option<Path> {
    Path::parse(key, Mode::Strict).or_else(|| Path::parse(key, Mode::Unescaped))
}

/// What a value at a path says of the person.
pub(crate) fn said_at<'v>(path: &Path, value: &'v Value) -> Option<Said<'v>> {
    said(&path.name, path.selector.as_ref(), value)
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
/// read.
///
/// Of e-mail addresses only those of type `work` and those marked primary are keys, or the only one there is: another
/// may be somebody else's too. A list is nobody: what asks for one resource and gets a list learns of no person.
#[must_use]
pub fn person(resource: &Value) -> (PersonKeys, Option<bool>) {
    let mut keys = PersonKeys::none();
    let mut active = None;
    if let Some(map) = one_resource(resource) {
        each_said(map, &mut |said| match said {
            Said::Active(value) => match activity(value) {
                Activity::On => active = Some(true),
                Activity::Off => active = Some(false),
                Activity::Unclear => {}
            },
            Said::Keys(value) => add_keys(&mut keys, value),
            Said::Emails(value, addresses) => {
                let _may_be_anybodys = add_own_addresses(&mut keys, value, addresses);
            }
        });
    }
    (keys, active)
}

/// The identifier of a resource (RFC 7643 section 3.1), also where it is written as a number; none of a list.
#[must_use]
pub fn resource_id(resource: &Value) -> Option<String> {
    match member(one_resource(resource)?, "id")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The members of a resource; `None` for a list and for what is no object.
fn one_resource(resource: &Value) -> Option<&Map<String, Value>> {
    resource.as_object().filter(|map| member(map, "Resources").is_none())
}

/// Adds the person's own addresses at work; what comes back are those that may be such.
pub(crate) fn add_own_addresses(keys: &mut PersonKeys, value: &Value, addresses: Addresses) -> PersonKeys {
    let mut unclear = PersonKeys::none();
    let items = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let has_text = |item: &&Value| match item {
        Value::Object(map) => {
            member(map, "value").and_then(Value::as_str).is_some_and(|text| !text.is_empty())
        }
        other => other.is_string(),
    };
    let items: Vec<&Value> = items.iter().filter(has_text).collect();
    let is_only = items.len() == 1;
    for item in items {
        let is_key = match addresses {
            Addresses::All => is_only || is_own(item),
            Addresses::Added => is_own(item) || (is_only && type_of(item).is_none()),
            Addresses::Own => true,
            Addresses::Others | Addresses::Unclear => is_own(item),
        };
        if is_key {
            add_keys(keys, item);
        } else if addresses == Addresses::Unclear {
            add_keys(&mut unclear, item);
        }
    }
    unclear
}

/// Whether an address is marked as the person's own at work.
fn is_own(address: &Value) -> bool {
    let primary = address.as_object().and_then(|map| member(map, "primary"));
    type_of(address).is_some_and(is_work) || primary.is_some_and(|primary| activity(primary) == Activity::On)
}

fn type_of(address: &Value) -> Option<&str> {
    member(address.as_object()?, "type")?.as_str().filter(|text| !text.trim().is_empty())
}

fn is_work(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("work")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn keys_of(resource: &Value) -> Vec<String> {
        person(resource).0.iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_user_is_read_from_a_resource() {
        let user = json!({"userName":"Ada@N.example","externalId":"E1","active":"False","id":"u-1"});
        assert_eq!(keys_of(&user), ["ada@n.example", "e1"]);
        assert_eq!(person(&user).1, Some(false));
        assert_eq!(resource_id(&user).as_deref(), Some("u-1"));
        assert_eq!(resource_id(&json!({"Id": 7})).as_deref(), Some("7"));
    }

    #[test]
    fn a_list_is_nobody() {
        let user = json!({"id":"u-1","userName":"ada","active":false});
        for list in [
            json!([user]),
            json!({"Resources":[user]}),
            json!({"resources":[user]}),
            json!({"id":"u-1","userName":"ada","active":false,"Resources":[]}),
            json!({"id":"u-1","userName":"ada","active":false,"Resources":null}),
        ] {
            assert_eq!((keys_of(&list), person(&list).1, resource_id(&list)), (vec![], None, None), "{list}");
        }
        for id in [json!(null), json!(""), json!(true), json!({"id":"x"})] {
            assert_eq!(resource_id(&json!({"id": id})), None, "{id}");
        }
    }

    #[test]
    fn of_addresses_only_the_persons_own_at_work_are_keys() {
        let two = |first: Value| json!({"emails":[first, {"type":"home","value":"h@n.example"}]});
        for own in [
            json!({"type":"work","value":"A@n.example"}),
            json!({"Type":"Work","Value":"a@n.example"}),
            json!({"type":"other","primary":true,"value":"a@n.example"}),
            json!({"primary":"True","value":"a@n.example"}),
        ] {
            assert_eq!(keys_of(&two(own.clone())), ["a@n.example"], "{own}");
        }
        for other in [
            json!({"type":"other","value":"a@n.example"}),
            json!({"primary":"False","value":"a@n.example"}),
            json!({"primary":false,"value":"a@n.example"}),
            json!("a@n.example"),
        ] {
            assert_eq!(keys_of(&two(other.clone())), Vec::<String>::new(), "{other}");
        }
        for only in [
            json!([{"type":"home","value":"h@n.example"}]),
            json!([{"value":"h@n.example"}, {"type":"work"}, {"value":""}]),
            json!(["h@n.example"]),
            json!("h@n.example"),
            json!({"value":"h@n.example"}),
        ] {
            assert_eq!(keys_of(&json!({"emails": only})), ["h@n.example"], "{only}");
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
