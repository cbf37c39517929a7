//! Value paths that are looked at before they are sent.

use serde_json::{Value, json};

use super::super::rule::Settings;
use super::trial::{Said, able, errand, is_forwarded, said, story};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn eager() -> Settings {
    able(|abilities| abilities.eager = ["emails".to_owned(), format!("{ENTERPRISE}:badges")].into())
}

fn work(op: &str, more: &[Value]) -> Value {
    let mut operations = vec![json!({"op": op, "path": "emails[type eq \"work\"].value", "value": "a"})];
    operations.extend_from_slice(more);
    json!({"schemas": [], "Operations": operations})
}

fn patched(body: &Value, answers: &[Said]) -> Vec<String> {
    story(errand("PATCH", "/Users/u-1", body, &eager()), answers, &eager())
}

const GET: &str = "GET /Users/u-1?attributes=emails";
const MADE: &str = r#"PATCH /Users/u-1 {"schemas":[],"Operations":[{"op":"add","path":"emails","value":[{"type":"work","value":"a"}]}]}"#;
const AS_SENT: &str = r#"PATCH /Users/u-1 {"schemas":[],"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"a"}]}"#;

#[test]
fn the_patch_is_sent_once_in_the_form_that_selects_something() {
    let none = said(200, json!({"id": "u-1"}));
    for last in [
        said(200, json!({})),
        said(204, Value::Null),
        said(400, json!({"scimType": "noTarget"})),
        said(500, Value::Null),
    ] {
        assert_eq!(patched(&work("Replace", &[]), &[none.clone(), last]), [GET, MADE, "Latest"]);
    }
    let there = said(200, json!({"id": "u-1", "emails": [{"type": "work", "value": "b"}]}));
    assert_eq!(patched(&work("Replace", &[]), &[there, said(204, Value::Null)]), [GET, AS_SENT, "Latest"]);
    let lost = patched(&work("Replace", &[]), &[none, said(0, Value::Null)]);
    assert_eq!(lost, [GET, MADE, "Refused scim_upstream Unknown"]);
}

#[test]
fn a_removal_of_what_is_not_there_is_done() {
    let body = json!({"Operations": [{"op": "remove", "path": "emails[type eq \"work\"]"}]});
    assert_eq!(patched(&body, &[said(200, json!({"id": "u-1", "emails": []}))]), [GET, "made 204 Applied"]);
}

#[test]
fn what_cannot_be_looked_at_is_not_sent_blindly() {
    for (answer, want) in [
        (said(404, json!({})), "Latest"),
        (said(429, json!({})), "Latest"),
        (said(500, json!({})), "made 500 NotApplied {}"),
        (said(0, Value::Null), "Refused scim_upstream NotApplied"),
        (said(200, json!({"id": "u-2"})), "Refused scim_upstream NotApplied"),
        (said(200, json!([])), "Refused scim_upstream NotApplied"),
    ] {
        assert_eq!(patched(&work("Replace", &[]), std::slice::from_ref(&answer)), [GET, want], "{answer:?}");
    }
}

#[test]
fn a_deactivation_does_not_wait_for_an_address() {
    let off = json!({"op": "replace", "path": "active", "value": "False"});
    let body = work("Replace", &[off]);
    for answer in [said(500, json!({})), said(0, Value::Null), said(200, json!({"id": "u-2"}))] {
        let told = patched(&body, &[answer, said(204, Value::Null)]);
        assert_eq!((told.len(), told[2].as_str()), (3, "Latest"));
        assert!(told[1].ends_with(r#"{"op":"replace","path":"active","value":false}]}"#), "{}", told[1]);
    }
    assert_eq!(patched(&body, &[said(404, json!({}))]), [GET, "Latest"]);
}

#[test]
fn attributes_that_are_not_named_are_sent_as_before() {
    for (path, is_eager) in [
        ("emails[type eq \"work\"].value".to_owned(), true),
        ("Emails[type eq \"work\"].value".to_owned(), true),
        (format!("{ENTERPRISE}:badges[type eq \"a\"].value"), true),
        ("phoneNumbers[type eq \"work\"].value".to_owned(), false),
        ("badges[type eq \"a\"].value".to_owned(), false),
        ("emails[type ne \"work\"].value".to_owned(), false),
        ("emails".to_owned(), false),
    ] {
        let value = if path == "emails" { json!([{"value": "a"}]) } else { json!("a") };
        let body = json!({"Operations": [{"op": "add", "path": path, "value": value}]});
        assert_eq!(!is_forwarded("PATCH", "/Users/u-1", &body, &eager()), is_eager, "{path}");
        assert!(is_forwarded("PATCH", "/Users/u-1", &body, &Settings::default()), "{path}");
    }
    let planned = errand("PATCH", "/Users/u-1", &work("add", &[]), &eager());
    assert_eq!(planned.exclusive(), Some("/Users/u-1"));
}
