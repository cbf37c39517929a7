//! That the index overlooks no element, and that a run of removals is what they are one by one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::error::ScimError;
use super::super::filter::{Mode, Path};
use super::super::patch::Patch;
use super::super::rule::{Context, Settings};
use super::super::rules::resource::described;
use super::super::schema::{DeclaredTypes, ResourceKind, ValueType};
use super::apply;
use super::index::Index;
use super::matches::element_matches;

fn read(text: &str) -> Value {
    crate::common::json::parse(text.as_bytes()).unwrap()
}

/// As an application may write a part; many of these are equal to one another in a filter.
fn part() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        r#""a""#,
        r#""A""#,
        r#""ΑΣ""#,
        r#""ας""#,
        r#""7""#,
        "7",
        "7.0",
        "70e-1",
        r#""7.0""#,
        "0",
        "-0",
        "-0.0",
        "9007199254740993",
        "9007199254740992.0",
        r#""True""#,
        r#"" true ""#,
        "true",
        "false",
        "null",
        r#""""#,
        r#""2026-01-02T03:04:05Z""#,
        r#""2026-01-02T04:04:05+01:00""#,
        r#"["a",7,null]"#,
        r#"{"value":"a"}"#,
        r#"{"Value":["A",{"value":"b"}],"type":"a"}"#,
        r#"[{"value":7},["a"]]"#,
        "[]",
        "{}",
    ])
    .prop_map(read)
}

fn element() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["value", "Value", "VALUE", "type", "primary", "Primary", "made"]);
    let object = prop::collection::btree_map(key, part(), 0..4).prop_map(|map| json!(map));
    prop_oneof![4 => object, 1 => part()]
}

fn comparison() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(vec!["value", "Value", "VALUE", "type", "primary", "made", "value.value"]);
    let literal = prop::sample::select(vec![
        r#""a""#,
        r#""A""#,
        r#""ας""#,
        r#""7""#,
        "7",
        "7.0",
        r#""7.0""#,
        "0",
        "-0",
        "9007199254740993",
        "true",
        "false",
        "null",
        r#""TRUE""#,
        r#""""#,
        r#""2026-01-02T03:04:05Z""#,
    ]);
    let operator = prop::sample::select(vec!["eq", "eq", "eq", "eq", "eq", "ne", "co"]);
    (name, operator, literal).prop_map(|(name, operator, literal)| format!("{name} {operator} {literal}"))
}

fn selector() -> impl Strategy<Value = String> {
    let joint = prop::sample::select(vec![" and ", " and ", " or "]);
    (prop::collection::vec(comparison(), 1..4), joint).prop_map(|(parts, joint)| parts.join(joint))
}

fn settings() -> Settings {
    let mut declared = DeclaredTypes::new();
    declared.insert("things.made", ValueType::DateTime);
    Settings { declared_types: declared, ..Settings::default() }
}

fn list() -> impl Strategy<Value = (&'static str, Vec<Value>)> {
    let attribute = prop::sample::select(vec!["members", "things"]);
    (attribute, prop::collection::vec(element(), 0..6))
}

fn done(attribute: &str, items: &[Value], operations: &[Value]) -> Result<Value, ScimError> {
    let settings = settings();
    let context = Context { kind: &ResourceKind::Group, settings: &settings };
    let patch = Patch::read_own(read(&json!({"Operations": operations}).to_string()), &context)?;
    let mut resource = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g-1"});
    resource[attribute] = Value::Array(items.to_vec());
    let resource = read(&resource.to_string());
    apply(resource.as_object().unwrap(), &patch.operations, &context).map(Value::Object)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_element_that_is_selected_or_described_is_overlooked((attribute, items) in list(), selector in selector()) {
        let settings = settings();
        let context = Context { kind: &ResourceKind::Group, settings: &settings };
        let path = Path::parse(&format!("{attribute}[{selector}]"), Mode::Strict).unwrap();
        let filter = path.selector.unwrap();
        // Only such are asked for the elements that they describe.
        let is_plain = filter.equalities().is_some_and(|pairs| pairs.iter().all(|(name, _)| name.sub.is_none()));
        let wanted = described(&filter).filter(|_| is_plain);
        let same = |have: Option<&Value>, want: &Value| match (have, want) {
            (Some(Value::String(have)), Value::String(want)) => have.to_lowercase() == want.to_lowercase(),
            (have, want) => have == Some(want),
        };
        let places = Index::of(&items).candidates(&context, &path.name, &filter);
        prop_assert!(places.is_sorted());
        for (at, item) in items.iter().enumerate() {
            let is_meant = element_matches(&context, &path.name, item, &filter)
                || wanted.as_ref().is_some_and(|wanted| wanted.iter().all(|(key, want)| same(item.get(key), want)));
            prop_assert!(!is_meant || places.contains(&at), "{item} of {attribute}[{selector}]");
        }
    }

    #[test]
    fn a_run_of_removals_is_what_they_are_one_by_one(
        (attribute, items) in list(),
        paths in prop::collection::vec((selector(), prop::sample::select(vec!["", "", ".value", ".type", ".a.b"])), 1..5),
        core in any::<bool>(),
    ) {
        let prefix = if core { "urn:ietf:params:scim:schemas:core:2.0:Group:" } else { "" };
        let operations: Vec<Value> = paths
            .iter()
            .map(|(selector, sub)| json!({"op": "remove", "path": format!("{prefix}{attribute}[{selector}]{sub}")}))
            .collect();
        let mut one_by_one = Ok(items.clone());
        for operation in &operations {
            one_by_one = one_by_one.and_then(|items| {
                let after = done(attribute, &items, std::slice::from_ref(operation))?;
                Ok(after.get(attribute).and_then(Value::as_array).cloned().unwrap_or_default())
            });
        }
        let at_once = done(attribute, &items, &operations).map(|after| {
            after.get(attribute).and_then(Value::as_array).cloned().unwrap_or_default()
        });
        prop_assert_eq!(at_once, one_by_one);
    }
}

#[test]
fn of_a_long_list_few_elements_are_looked_at() {
    let settings = settings();
    let context = Context { kind: &ResourceKind::Group, settings: &settings };
    let items: Vec<Value> = (0..5000).map(|n| json!({"value": format!("U-{n}"), "type": "User"})).collect();
    let index = Index::of(&items);
    for (text, want) in [
        (r#"members[value eq "u-4321"]"#, &[4321][..]),
        (r#"members[type eq "user" and Value eq "u-7"]"#, &[7]),
        (r#"members[value eq "u-7" and type eq "Group"]"#, &[]),
        (r#"members[value eq "nobody"].display"#, &[]),
    ] {
        let path = Path::parse(text, Mode::Strict).unwrap();
        assert_eq!(index.candidates(&context, &path.name, &path.selector.unwrap()), want, "{text}");
    }
}
