//! PATCH as GET and PUT, for each answer that the application may give.

use serde_json::{Value, json};

use super::super::ability::{Mode, PatchForm};
use super::super::rule::Settings;
use super::trial::{Said, able, errand, is_forwarded, said, story};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn put() -> Settings {
    able(|abilities| abilities.patch = PatchForm::Put)
}

fn title() -> Value {
    json!({"Operations": [{"op": "Replace", "path": "title", "value": "Chief"}]})
}

fn ada() -> Value {
    json!({"schemas": [USER], "id": "u-1", "userName": "ada", "title": "Clerk", "groups": [{"value": "g"}],
        "meta": {"resourceType": "User", "version": "W/\"7\""}})
}

fn patched(body: &Value, answers: &[Said]) -> Vec<String> {
    story(errand("PATCH", "/Users/u-1", body, &put()), answers, &put())
}

const GET: &str = "GET /Users/u-1";
const PUT: &str = r#"PUT /Users/u-1 if W/"7" {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"u-1","userName":"ada","title":"Chief"}"#;

#[test]
fn the_whole_resource_is_put_back_without_what_only_the_application_sets() {
    for status in [200, 204] {
        assert_eq!(patched(&title(), &[said(200, ada()), said(status, Value::Null)]), [GET, PUT, "Latest"]);
    }
    let created = patched(&title(), &[said(200, ada()), said(201, json!({"id": "u-1"}))]);
    assert_eq!(created, [GET, PUT, r#"made 200 Applied {"id":"u-1"}"#]);
}

#[test]
fn the_version_is_sent_where_there_is_one() {
    let with = |version: Value, etag: Option<&'static str>| {
        let mut user = ada();
        user["meta"]["version"] = version;
        let told = patched(&title(), &[(200, etag, user), said(204, Value::Null)]);
        told[1].split(" {").next().unwrap().to_owned()
    };
    for (version, etag, want) in [
        (json!("W/\"7\""), Some("\"8\""), "PUT /Users/u-1 if \"8\""),
        (json!("W/\"7\""), None, "PUT /Users/u-1 if W/\"7\""),
        (json!("7"), None, "PUT /Users/u-1"),
        (json!("\"7\r\nx: y\""), None, "PUT /Users/u-1"),
        (json!(7), Some("*"), "PUT /Users/u-1"),
        (Value::Null, Some("v7"), "PUT /Users/u-1 if v7"),
    ] {
        assert_eq!(with(version, etag), want);
    }
}

#[test]
fn a_resource_that_changed_in_between_is_read_once_more_and_never_twice() {
    let read = || said(200, ada());
    let conflict = || said(412, json!({}));
    assert_eq!(
        patched(&title(), &[read(), conflict(), read(), said(200, ada())]),
        [GET, PUT, GET, PUT, "Latest"]
    );
    assert_eq!(patched(&title(), &[read(), conflict(), read(), conflict()]), [GET, PUT, GET, PUT, "Latest"]);
    let unversioned = json!({"id": "u-1", "userName": "ada", "schemas": [USER]});
    let told = patched(&title(), &[said(200, unversioned), conflict()]);
    assert_eq!(
        (told.len(), told[2].as_str()),
        (3, "Latest"),
        "no version was named, so that nothing proves what happened"
    );
}

#[test]
fn a_write_without_answer_is_never_sent_again() {
    assert_eq!(
        patched(&title(), &[said(200, ada()), said(0, Value::Null)]),
        [GET, PUT, "Refused scim_upstream Unknown"]
    );
    for status in [400, 404, 409, 500, 503] {
        assert_eq!(patched(&title(), &[said(200, ada()), said(status, json!({}))]), [GET, PUT, "Latest"]);
    }
    let other = patched(&title(), &[said(200, ada()), said(200, json!({"id": "u-2"}))]);
    assert_eq!(other[2], "Refused scim_upstream Unknown");
}

#[test]
fn what_changes_nothing_is_not_written() {
    let same = json!({"Operations": [{"op": "replace", "path": "title", "value": "Clerk"}, {"op": "remove", "path": "nickName"}]});
    assert_eq!(patched(&same, &[said(200, ada())]), [GET, "made 204 Applied"]);
    let mut unlisted = ada();
    unlisted[ENTERPRISE] = json!({"department": "d"});
    assert_eq!(patched(&same, &[said(200, unlisted)]), [GET, "made 204 Applied"]);
    let vain = json!({"Operations": [{"op": "remove", "path": "emails[type eq \"work\"].value"}]});
    assert_eq!(patched(&vain, &[said(200, ada())]), [GET, "made 204 Applied"]);
}

#[test]
fn nothing_is_written_where_the_resource_was_not_read() {
    let error =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404", "id": "u-1"});
    for (answer, want) in [
        (said(404, error.clone()), "Latest"),
        (said(401, json!({})), "Latest"),
        (said(429, Value::Null), "Latest"),
        (said(500, json!({"detail": "x"})), r#"made 500 NotApplied {"detail":"x"}"#),
        (said(0, Value::Null), "Refused scim_upstream NotApplied"),
        (said(204, Value::Null), "Refused scim_upstream NotApplied"),
        (said(302, Value::Null), "Refused scim_upstream NotApplied"),
        (said(200, error), "Refused scim_upstream NotApplied"),
        (said(200, json!({"id": "u-2", "userName": "bo"})), "Refused scim_upstream NotApplied"),
        (said(200, json!({"Resources": [ada()], "totalResults": 1})), "Refused scim_upstream NotApplied"),
        (said(200, json!([ada()])), "Refused scim_upstream NotApplied"),
        (said(200, json!("<html>")), "Refused scim_upstream NotApplied"),
        (said(200, json!({"id": "u-1", "title": "a", "Title": "b"})), "Refused scim_upstream NotApplied"),
        (said(200, json!({"id": "u-1", USER: {"title": "a"}})), "Refused scim_upstream NotApplied"),
    ] {
        assert_eq!(patched(&title(), std::slice::from_ref(&answer)), [GET, want], "{answer:?}");
    }
}

#[test]
fn operations_that_cannot_be_applied_are_refused_and_nothing_is_written() {
    for (operation, want) in [
        (json!({"op": "replace", "value": {"groups": [{"value": "h"}]}}), "scim_mutability"),
        (json!({"op": "remove", "path": "userName"}), "scim_mutability"),
        (json!({"op": "replace", "path": "emails[type ne \"work\"].value", "value": "x"}), "scim_no_target"),
        (json!({"op": "replace", "path": "name", "value": "perhaps"}), "scim_value"),
        (json!({"op": "replace", "path": "emails.value", "value": "x"}), "scim_path"),
    ] {
        let body = json!({"Operations": [operation]});
        assert_eq!(
            patched(&body, &[said(200, ada())]),
            [GET.to_owned(), format!("Refused {want} NotApplied")]
        );
    }
}

#[test]
fn value_paths_on_nothing_make_the_element() {
    let body = json!({"Operations": [
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "L"},
        {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "NL"},
        {"op": "Replace", "path": "emails[Type eq \"work\"].value", "value": "a@n.example"},
        {"op": "Add", "value": {"name.givenName": "Ada", format!("{ENTERPRISE}:department"): "d"}}]});
    let mut user = ada();
    user["Emails"] = json!([{"Type": "WORK", "Value": "old"}]);
    let told = patched(&body, &[said(200, user), said(200, ada())]);
    let put: Value = serde_json::from_str(told[1].split_once(" if W/\"7\" ").unwrap().1).unwrap();
    assert_eq!(
        put,
        json!({"schemas": [USER, ENTERPRISE], "id": "u-1", "userName": "ada", "title": "Clerk",
            "Emails": [{"Type": "WORK", "Value": "a@n.example"}],
            "addresses": [{"type": "work", "locality": "L", "country": "NL"}],
            "name": {"givenName": "Ada"}, ENTERPRISE: {"department": "d"}})
    );
}

#[test]
fn value_paths_on_nothing_are_refused_where_nobody_may_judge() {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a"}]});
    let off = Settings { off: ["P30", "P31"].map(str::to_owned).into(), ..put() };
    let strict = Settings { mode: Mode::Strict, ..put() };
    for settings in [off, strict] {
        let told = story(errand("PATCH", "/Users/u-1", &body, &settings), &[said(200, ada())], &settings);
        assert_eq!(told, [GET, "Refused scim_no_target NotApplied"]);
    }
}

#[test]
fn members_of_a_group_are_put_back_whole() {
    let body = json!({"Operations": [
        {"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u-2"}, {"value": "u-1"}]},
        {"op": "Remove", "path": "members", "value": [{"value": "u-3"}]}]});
    let group = json!({"id": "g 1", "displayName": "Audit", "members": [{"value": "u-1", "display": "Ada"}, {"value": "u-3"}],
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]});
    let planned = errand("PATCH", "/Groups/g%201?attributes=id", &body, &put());
    assert_eq!(planned.exclusive(), Some("/Groups/g%201"));
    let told = story(planned, &[said(200, group), said(204, Value::Null)], &put());
    assert_eq!(
        told,
        [
            "GET /Groups/g%201",
            r#"PUT /Groups/g%201?attributes=id {"id":"g 1","displayName":"Audit","members":[{"value":"u-1","display":"Ada"},{"value":"u-2"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}"#,
            "Latest"
        ]
    );
}

#[test]
fn a_member_that_the_application_numbers_is_the_one_that_entra_names() {
    let group = json!({"id": "g", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "members": [{"value": 7, "display": "Ada", "$ref": "/Users/7"}, {"value": 8}]});
    let told = |operation: Value| {
        let body = json!({"Operations": [operation]});
        let answers = [said(200, group.clone()), said(204, Value::Null)];
        story(errand("PATCH", "/Groups/g", &body, &put()), &answers, &put())[1].clone()
    };
    assert_eq!(told(json!({"op": "add", "path": "members", "value": [{"value": "7"}]})), "made 204 Applied");
    let left = told(json!({"op": "remove", "path": "members", "value": [{"value": "8"}]}));
    assert!(left.contains(r#""members":[{"value":7,"display":"Ada","$ref":"/Users/7"}]"#), "{left}");
}

#[test]
fn a_member_with_a_backslash_is_removed_where_backslashes_are_data() {
    let settings = Settings { literal_backslash: true, ..put() };
    let group = |members: Value| json!({"id": "g", "members": members});
    for id in [r"CORP\ada", r"CORP\\ada", r#"a"b"#] {
        let body = json!({"Operations": [{"op": "remove", "path": "members", "value": [{"value": id}]}]});
        let answers = [said(200, group(json!([{"value": id}, {"value": "u"}]))), said(204, Value::Null)];
        let told = story(errand("PATCH", "/Groups/g", &body, &settings), &answers, &settings);
        assert_eq!(
            told[1..],
            [
                "PUT /Groups/g {\"id\":\"g\",\"members\":[{\"value\":\"u\"}],\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:Group\"]}",
                "Latest"
            ],
            "{id}"
        );
    }
}

#[test]
fn the_removal_of_a_member_who_is_none_changes_nothing_and_hinders_nothing() {
    let group = |members: Value| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g", "displayName": "G", "members": members});
    let change = |operations: Value, group: Value, settings: &Settings| {
        let body = json!({"Operations": operations});
        let planned = errand("PATCH", "/Groups/g", &body, settings);
        story(planned, &[said(200, group), said(204, Value::Null)], settings).remove(1)
    };
    let add = json!({"op": "Add", "path": "members", "value": [{"value": "u-2"}]});
    let remove = json!({"op": "Remove", "path": "members", "value": [{"value": "u-3"}]});
    let put_it = r#"PUT /Groups/g {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g","displayName":"G","members":[{"value":"u-1"},{"value":"u-2"}]}"#;
    let there = group(json!([{"value": "u-1"}]));
    for operations in [json!([remove, add]), json!([add, remove])] {
        assert_eq!(change(operations.clone(), there.clone(), &put()), put_it);
        // An application that does not show its members: nobody knows who is one.
        let hidden = json!({"schemas": [], "id": "g", "displayName": "G"});
        assert_eq!(change(operations.clone(), hidden, &put()), "Refused scim_no_target NotApplied");
        let strict = Settings { mode: Mode::Strict, ..put() };
        let off = Settings { off: ["P42".to_owned()].into(), ..put() };
        for settings in [strict, off] {
            assert_eq!(
                change(operations.clone(), there.clone(), &settings),
                "Refused scim_no_target NotApplied"
            );
        }
    }
    assert_eq!(change(json!([remove]), there, &put()), "made 204 Applied");
}

#[test]
fn only_a_patch_becomes_a_put_and_only_where_that_is_asked_for() {
    let members = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "u"}]}]});
    assert!(is_forwarded("PATCH", "/Groups/g", &members, &Settings::default()));
    assert!(is_forwarded("PATCH", "/Users/u-1", &title(), &Settings::default()));
    assert!(is_forwarded("PUT", "/Users/u-1", &json!({"userName": "a"}), &put()));
    assert!(is_forwarded("POST", "/Users", &json!({"userName": "a"}), &put()));
    assert!(is_forwarded("GET", "/Users/u-1", &Value::Null, &put()));
    assert!(is_forwarded("DELETE", "/Users/u-1", &Value::Null, &put()));
    let watched = Settings { mode: Mode::Observe, ..put() };
    assert!(is_forwarded("PATCH", "/Users/u-1", &title(), &watched));
}
