//! Deletions that become deactivations, and the other way round.

use serde_json::{Value, json};

use super::super::ability::{Deactivation, Deletion, PatchForm};
use super::super::rule::Settings;
use super::trial::{Said, able, errand, is_forwarded, said, story};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn keeping() -> Settings {
    able(|abilities| abilities.deletion = Deletion::Deactivate)
}

fn deleting() -> Settings {
    able(|abilities| abilities.deactivation = Deactivation::Delete)
}

fn deleted(settings: &Settings, answers: &[Said]) -> Vec<String> {
    story(errand("DELETE", "/Users/u-1", &Value::Null, settings), answers, settings)
}

const OFF: &str = r#"PATCH /Users/u-1 {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}"#;

#[test]
fn a_deletion_deactivates_and_says_that_it_deleted() {
    for answer in [
        said(204, Value::Null),
        said(200, Value::Null),
        said(200, json!({"id": "u-1", "active": false})),
        said(200, json!({"userName": "ada"})),
    ] {
        assert_eq!(
            deleted(&keeping(), std::slice::from_ref(&answer)),
            [OFF, "made 204 Applied"],
            "{answer:?}"
        );
    }
    for status in [401, 404, 409, 500, 501] {
        assert_eq!(deleted(&keeping(), &[said(status, json!({}))]), [OFF, "Latest"]);
    }
    for answer in [
        said(0, Value::Null),
        said(200, json!({"id": "u-1", "active": true})),
        said(200, json!({"id": "u-2"})),
        said(200, json!("<html>")),
        said(200, json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"})),
    ] {
        assert_eq!(
            deleted(&keeping(), std::slice::from_ref(&answer)),
            [OFF, "Refused scim_upstream Unknown"],
            "{answer:?}"
        );
    }
}

#[test]
fn an_application_without_patch_is_deactivated_by_put() {
    let mut settings = keeping();
    settings.abilities.patch = PatchForm::Put;
    let ada = |active: bool| {
        said(200, json!({"id": "u-1", "userName": "ada", "active": active, "schemas": [USER]}))
    };
    let put = r#"PUT /Users/u-1 {"id":"u-1","userName":"ada","active":false,"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]}"#;
    assert_eq!(deleted(&settings, &[ada(true), ada(false)]), ["GET /Users/u-1", put, "made 204 Applied"]);
    assert_eq!(deleted(&settings, &[ada(false)]), ["GET /Users/u-1", "made 204 Applied"]);
    assert_eq!(deleted(&settings, &[said(404, json!({}))]), ["GET /Users/u-1", "Latest"]);
    let error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "500"});
    for no_success in [ada(true), said(200, error), said(200, json!({"id": "u-2", "active": false}))] {
        let told = deleted(&settings, &[ada(true), no_success]);
        assert_eq!(told[2], "Refused scim_upstream Unknown");
    }
    let lost = deleted(&settings, &[ada(true), said(0, Value::Null)]);
    assert_eq!(lost[2], "Refused scim_upstream Unknown");
}

#[test]
fn only_users_are_kept() {
    assert!(is_forwarded("DELETE", "/Groups/g", &Value::Null, &keeping()));
    assert!(is_forwarded("DELETE", "/Devices/d", &Value::Null, &keeping()));
    assert!(is_forwarded("DELETE", "/Users/u-1", &Value::Null, &Settings::default()));
    let planned = errand("DELETE", "/users/u%2D1/", &Value::Null, &keeping());
    assert_eq!(planned.exclusive(), Some("/Users/u-1"));
    assert!(planned.change.is_some());
}

fn deactivations() -> Vec<Value> {
    [
        json!([{"op": "replace", "path": "active", "value": false}]),
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!([{"op": "add", "path": format!("{USER}:active"), "value": false}]),
        json!([{"op": "replace", "value": {"active": false, "title": "x"}}]),
        json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": "Active", "value": [{"$ref": null, "value": "false"}]}]),
    ]
    .into_iter()
    .map(|operations| json!({"Operations": operations}))
    .collect()
}

#[test]
fn a_certain_deactivation_deletes() {
    for body in deactivations() {
        for (answer, want) in [
            (said(204, Value::Null), "made 204 Applied"),
            (said(200, Value::Null), "made 204 Applied"),
            (said(404, json!({})), "Latest"),
            (said(500, json!({})), "Latest"),
            (said(0, Value::Null), "Refused scim_upstream Unknown"),
        ] {
            let planned = errand("PATCH", "/Users/u-1?attributes=id", &body, &deleting());
            assert_eq!(planned.exclusive(), Some("/Users/u-1"));
            assert_eq!(story(planned, &[answer], &deleting()), ["DELETE /Users/u-1", want], "{body}");
        }
        assert!(is_forwarded("PATCH", "/Users/u-1", &body, &Settings::default()));
    }
    let put = json!({"userName": "ada", "active": "False"});
    let told = story(errand("PUT", "/Users/u-1", &put, &deleting()), &[said(204, Value::Null)], &deleting());
    assert_eq!(told, ["DELETE /Users/u-1", "made 204 Applied"]);
}

#[test]
fn a_deletion_is_never_made_of_anything_less_certain() {
    let misspelt = "urn:ietf:params:scim:schemas:core:2.0";
    for operations in [
        json!([{"op": "replace", "path": "active", "value": true}]),
        json!([{"op": "replace", "path": "active", "value": null}]),
        json!([{"op": "replace", "path": "active", "value": []}]),
        json!([{"op": "remove", "path": "active"}]),
        json!([{"op": "replace", "path": "active.value", "value": false}]),
        json!([{"op": "replace", "path": format!("{misspelt}:active"), "value": false}]),
        json!([{"op": "replace", "path": misspelt, "value": {"active": false}}]),
        json!([{"op": "replace", "path": USER, "value": {"active": false}}]),
        json!([{"op": "replace", "value": {USER: {"active": false}}}]),
        json!([{"op": "replace", "value": [{"active": false}]}]),
        json!([{"op": "replace", "path": "active", "value": false}, {"op": "replace", "path": "active", "value": true}]),
        json!([{"op": "replace", "path": "active", "value": true}, {"op": "replace", "path": "active", "value": false}]),
        json!([{"op": "replace", "path": "active", "value": false}, {"op": "remove", "path": "active"}]),
        json!([{"op": "replace", "path": "active", "value": false}, {"op": "add", "path": "active.value", "value": false}]),
        json!([{"op": "replace", "path": "name.active", "value": false}]),
        json!([{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:active", "value": false}]),
        json!([{"op": "replace", "path": "title", "value": "active"}]),
    ] {
        assert!(
            is_forwarded("PATCH", "/Users/u-1", &json!({"Operations": operations}), &deleting()),
            "{operations}"
        );
    }
    for body in deactivations() {
        assert!(is_forwarded("PATCH", "/Groups/g", &body, &deleting()));
        assert!(is_forwarded("PATCH", "/Devices/d", &body, &deleting()));
    }
    for body in [
        json!({"userName": "a", "active": null}),
        json!({"userName": "a"}),
        json!({"userName": "a", "active": true}),
    ] {
        assert!(is_forwarded("PUT", "/Users/u-1", &body, &deleting()), "{body}");
    }
    assert!(is_forwarded("POST", "/Users", &json!({"userName": "a", "active": false}), &deleting()));
    let off = Settings { off: ["P2".to_owned()].into(), ..deleting() };
    let text = json!({"Operations": [{"op": "replace", "path": "active", "value": "False"}]});
    assert!(
        is_forwarded("PATCH", "/Users/u-1", &text, &off),
        "a text is no certain word where the rule that reads it is off"
    );
}

#[test]
fn a_deactivation_that_is_not_certain_still_becomes_a_put() {
    let mut settings = deleting();
    settings.abilities.patch = PatchForm::Put;
    let body = json!({"Operations": [{"op": "remove", "path": "active"}]});
    assert_eq!(errand("PATCH", "/Users/u-1", &body, &settings).first.method, "GET");
}
