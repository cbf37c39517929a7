//! Properties of applying operations, for operations and resources made of pieces.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::error::ScimError;
use super::super::filter::{Mode, Path};
use super::super::patch::Patch;
use super::super::request::has_one_spelling;
use super::super::rule::{Context, Settings};
use super::super::schema::ResourceKind;
use super::apply;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const OWN: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";

fn plain() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!("a"),
        json!("work"),
        json!(""),
        json!(true),
        json!(false),
        json!(7),
        Value::Null,
    ])
}

fn element() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["value", "type", "primary", "display", "Value"]);
    prop::collection::btree_map(key, plain(), 0..4).prop_map(|map| json!(map))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => plain(), 2 => element(), 2 => prop::collection::vec(prop_oneof![element(), plain()], 0..4).prop_map(Value::Array)]
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "title".to_owned(),
        "Active".to_owned(),
        "userName".to_owned(),
        "name".to_owned(),
        "name.givenName".to_owned(),
        "emails".to_owned(),
        r#"emails[type eq "work"]"#.to_owned(),
        r#"emails[type eq "work"].value"#.to_owned(),
        r#"emails[primary eq true or value co "a"].primary"#.to_owned(),
        "widgets".to_owned(),
        "widgets[value pr].value".to_owned(),
        "id".to_owned(),
        "groups".to_owned(),
        "schemas".to_owned(),
        ENTERPRISE.to_owned(),
        format!("{ENTERPRISE}:manager"),
        format!("{ENTERPRISE}:manager.value"),
        format!("{OWN}:tags"),
        format!("{OWN}:badge.colour"),
    ])
}

fn operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "replace", "remove"]);
    (op, path(), prop::option::of(value())).prop_map(|(op, path, value)| {
        let mut operation = json!({"op": op, "path": path});
        if let Some(value) = value {
            operation["value"] = value;
        }
        operation
    })
}

fn resource() -> impl Strategy<Value = Value> {
    let lists = || prop::collection::vec(element(), 0..3);
    (prop::option::of(lists()), prop::option::of(lists()), prop::option::of(plain()), prop::option::of(element()), prop::option::of(plain())).prop_map(
        |(emails, widgets, title, manager, tag)| {
            let mut user = json!({"schemas": [USER], "id": "u-1", "userName": "ada", "unknown": {"a": [1, {"b": null}]}, "groups": [{"value": "g"}]});
            let mut set = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    user[name] = value;
                }
            };
            set("emails", emails.map(Value::Array));
            set("widgets", widgets.map(Value::Array));
            set("title", title);
            set(ENTERPRISE, manager.map(|manager| json!({"department": "d", "manager": manager})));
            set(OWN, tag.map(|tag| json!({"tags": [tag], "level": 1})));
            user
        },
    )
    // Any other is refused before it comes here.
    .prop_filter("one spelling of each name", has_one_spelling)
}

fn done(resource: &Value, operations: &[Value]) -> Result<Value, ScimError> {
    let read = |value: &Value| crate::common::json::parse(value.to_string().as_bytes()).unwrap();
    let settings = Settings::default();
    let context = Context { kind: &ResourceKind::User, settings: &settings };
    let patch = Patch::read(read(&json!({"Operations": operations})), &context, &mut Vec::new())?;
    apply(read(resource).as_object().unwrap(), &patch.operations, &context).map(Value::Object)
}

/// Where a path leads at the top of the resource, in lower case.
fn top(operation: &Value) -> String {
    let name = Path::parse(operation["path"].as_str().unwrap(), Mode::Strict).unwrap().name;
    name.urn.unwrap_or(name.attribute).to_lowercase()
}

fn without(resource: &Value, names: &[String]) -> Map<String, Value> {
    let resource = crate::common::json::parse(resource.to_string().as_bytes()).unwrap();
    let mut map = resource.as_object().unwrap().clone();
    map.retain(|key, _| key != "schemas" && !names.contains(&key.to_lowercase()));
    map
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_no_operation_names_stays(resource in resource(), operations in prop::collection::vec(operation(), 0..5)) {
        if let Ok(after) = done(&resource, &operations) {
            let named: Vec<String> = operations.iter().map(top).collect();
            prop_assert_eq!(without(&after, &named), without(&resource, &named));
            for listed in resource["schemas"].as_array().unwrap() {
                prop_assert!(after["schemas"].as_array().unwrap().contains(listed) || named.contains(&"schemas".to_owned()));
            }
            for (key, value) in after.as_object().unwrap() {
                let is_listed = after["schemas"].as_array().unwrap().contains(&json!(key));
                prop_assert!(!key.starts_with("urn:") || is_listed || without(&after, &[]) == without(&resource, &[]) || value.as_object().is_none_or(Map::is_empty));
            }
        }
    }

    #[test]
    fn a_refusal_says_why_in_the_words_of_the_rfc(resource in resource(), operations in prop::collection::vec(operation(), 1..4)) {
        if let Err(error) = done(&resource, &operations) {
            let body: Value = serde_json::from_slice(&error.reply().body).unwrap();
            let known = ["noTarget", "invalidPath", "invalidFilter", "invalidValue", "mutability", "invalidSyntax"];
            prop_assert!(known.contains(&body["scimType"].as_str().unwrap_or_default()), "{body}");
        }
    }

    #[test]
    fn what_is_read_only_or_required_stays_whatever_is_asked(resource in resource(), operations in prop::collection::vec(operation(), 0..5)) {
        if let Ok(after) = done(&resource, &operations) {
            prop_assert_eq!(&after["id"], &json!("u-1"));
            prop_assert_eq!(&after["groups"], &json!([{"value": "g"}]));
            prop_assert!(after.get("userName").is_some_and(|name| !name.is_null()));
        }
    }

    #[test]
    fn setting_the_same_twice_is_setting_it_once(resource in resource(), operation in operation().prop_filter("no removal", |operation| operation["op"] != "remove")) {
        if let Ok(once) = done(&resource, std::slice::from_ref(&operation)) {
            // A value path may select by what it changes.
            if let Ok(twice) = done(&once, std::slice::from_ref(&operation)) {
                prop_assert!(twice == once || operation["path"].as_str().unwrap().contains('['));
            }
        }
    }

    #[test]
    fn an_addition_and_its_removal_leave_nothing(value in prop_oneof![plain().prop_filter("something", |value| !value.is_null()), element()], path in prop::sample::select(vec!["title".to_owned(), "widget".to_owned(), "emails".to_owned(), format!("{OWN}:badge"), format!("{ENTERPRISE}:department")])) {
        let before = json!({"schemas": [USER], "id": "u-1", "userName": "ada"});
        let add = json!({"op": "add", "path": path, "value": value});
        let remove = json!({"op": "remove", "path": path});
        if let Ok(added) = done(&before, std::slice::from_ref(&add)) {
            prop_assert_eq!(done(&added, std::slice::from_ref(&remove)), Ok(before.clone()));
            prop_assert_eq!(done(&before, &[add, remove]), Ok(before));
        }
    }

    #[test]
    fn an_element_that_was_added_is_removed_alone(have in prop::collection::vec(0u8..5, 0..5), new in 5u8..9) {
        let element = |n: &u8| json!({"value": format!("v{n}")});
        let mut have: Vec<Value> = have.iter().map(element).collect();
        have.dedup();
        let mut before = json!({"schemas": [USER], "id": "u-1", "userName": "ada"});
        if !have.is_empty() {
            before["roles"] = Value::Array(have);
        }
        let add = json!({"op": "add", "path": "roles", "value": [element(&new)]});
        let remove = json!({"op": "remove", "path": format!("roles[value eq \"v{new}\"]")});
        prop_assert_eq!(done(&before, &[add, remove]), Ok(before));
    }
}
