use serde_json::json;

use super::super::super::request::{Incoming, Normalised, normalise};
use super::super::super::response::{Upstream, repair};
use super::super::super::{Abilities, ChangeKind, KnownAttributes, Outgoing, Settings};
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const USER: &str = schema::USER;
const ENTERPRISE: &str = schema::ENTERPRISE;

fn knowing(unknown_attributes: UnknownAttributes) -> Settings {
    Settings {
        known_attributes: KnownAttributes::of([
            "userName",
            "name.givenName",
            "name.familyName",
            "displayName",
            "emails.value",
            "emails.type",
            "title",
            "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:badge",
        ]),
        abilities: Abilities { unknown_attributes, ..Abilities::default() },
        ..Settings::default()
    }
}

fn naming(user_name_change: UserNameChange) -> Settings {
    Settings { abilities: Abilities { user_name_change, ..Abilities::default() }, ..Settings::default() }
}

fn send(settings: &Settings, method: &str, path: &str, body: &str) -> Result<Normalised, ScimError> {
    let body = (!body.is_empty()).then_some(body.as_bytes());
    let content_type = body.map(|_| "application/scim+json");
    let incoming = Incoming { method, path, accept: Some("a/b"), content_type, content_encoding: None, body };
    normalise(&incoming, settings)
}

fn forwarded(settings: &Settings, method: &str, path: &str, body: &str) -> Box<Outgoing> {
    match send(settings, method, path, body).unwrap() {
        Normalised::Forward(outgoing) => outgoing,
        Normalised::Answer { .. } => panic!("answered: {body}"),
    }
}

fn places(outgoing: &Outgoing, rule: &str) -> Vec<String> {
    outgoing.applied.iter().filter(|one| one.rule == rule).map(|one| one.place.clone()).collect()
}

fn body_of(outgoing: &Outgoing) -> Value {
    crate::common::json::parse(outgoing.body.as_deref().unwrap()).unwrap()
}

#[test]
fn x1_leaves_out_of_a_create_what_the_application_does_not_know() {
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "a", "externalId": "e", "active": true, "nickName": "n",
        "name": {"givenName": "A", "middleName": "M"},
        "emails": [{"value": "a", "type": "work", "display": "A"}, {"display": "B"}],
        "phoneNumbers": [{"value": "1"}],
        ENTERPRISE: {"department": "d"},
        "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User": {"badge": "7", "colour": "red"},
    });
    let outgoing = forwarded(&knowing(UnknownAttributes::Drop), "POST", "/Users", &body.to_string());
    assert_eq!(
        body_of(&outgoing),
        json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User"], "userName": "a", "externalId": "e", "active": true,
            "name": {"givenName": "A"}, "emails": [{"value": "a", "type": "work"}],
            "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User": {"badge": "7"},
        })
    );
    assert_eq!(places(&outgoing, "X1").len(), 6);
    let second = forwarded(
        &knowing(UnknownAttributes::Drop),
        "POST",
        "/Users",
        &String::from_utf8(outgoing.body.unwrap()).unwrap(),
    );
    assert_eq!(second.applied, []);
}

#[test]
fn x1_leaves_operations_out_and_never_clears_by_leaving_out() {
    let operations = json!({"Operations": [
        {"op": "replace", "path": "nickName", "value": "n"},
        {"op": "replace", "path": "emails[type eq \"work\"].display", "value": "x"},
        {"op": "replace", "path": "emails", "value": [{"display": "x"}]},
        {"op": "replace", "path": "name", "value": {"givenName": "A", "middleName": "M"}},
        {"op": "add", "value": {"title": "t", "nickName": "n", ENTERPRISE: {"department": "d"}}},
        {"op": "remove", "path": format!("{ENTERPRISE}:manager")},
        {"op": "replace", "path": "active", "value": false},
    ]});
    let outgoing = forwarded(&knowing(UnknownAttributes::Drop), "PATCH", "/Users/u", &operations.to_string());
    assert_eq!(
        body_of(&outgoing)["Operations"],
        json!([
            {"op": "replace", "path": "name", "value": {"givenName": "A"}},
            {"op": "add", "value": {"title": "t"}},
            {"op": "replace", "path": "active", "value": false},
        ])
    );
    assert_eq!(
        places(&outgoing, "X1"),
        [
            "Operations[0].path",
            "Operations[1].path",
            "Operations[2].value",
            "Operations[3].value",
            "Operations[4].value",
            "Operations[5].path"
        ]
    );
    let only = r#"{"Operations":[{"op":"replace","path":"nickName","value":"n"}]}"#;
    match send(&knowing(UnknownAttributes::Drop), "PATCH", "/Users/u", only).unwrap() {
        Normalised::Answer { reply, applied } => {
            assert_eq!((reply.status, applied[0].rule), (204, "X1"));
        }
        Normalised::Forward(_) => panic!("forwarded"),
    }
}

#[test]
fn x1_refuses_where_that_is_chosen() {
    let refuse = knowing(UnknownAttributes::Refuse);
    for (method, path, body, code) in [
        ("POST", "/Users", r#"{"userName":"a","nickName":"n"}"#, "scim_value"),
        ("PUT", "/Users/u", r#"{"userName":"a","name":{"middleName":"n"}}"#, "scim_value"),
        ("PATCH", "/Users/u", r#"{"Operations":[{"op":"add","path":"nickName","value":"n"}]}"#, "scim_path"),
        ("PATCH", "/Users/u", r#"{"Operations":[{"op":"add","value":{"nickName":"n"}}]}"#, "scim_path"),
    ] {
        assert_eq!(send(&refuse, method, path, body).unwrap_err().code(), code, "{body}");
    }
    assert!(send(&refuse, "POST", "/Users", r#"{"userName":"a","title":"t"}"#).is_ok());
}

#[test]
fn x1_needs_knowledge_and_never_touches_activity_or_membership() {
    let blind = Settings { known_attributes: KnownAttributes::default(), ..knowing(UnknownAttributes::Drop) };
    let body = r#"{"userName":"a","nickName":"n"}"#;
    assert_eq!(places(&forwarded(&blind, "POST", "/Users", body), "X1"), Vec::<String>::new());
    let settings = knowing(UnknownAttributes::Drop);
    for (path, operation) in [
        ("/Users/u", json!({"op": "replace", "path": "active", "value": false})),
        (
            "/Users/u",
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:active", "value": false}),
        ),
        (
            "/Users/u",
            json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0": {"active": false}}}),
        ),
        (
            "/Users/u",
            json!({"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:active": {USER: {"value": ""}}}}),
        ),
        ("/Groups/g", json!({"op": "add", "path": "members", "value": [{"value": "u"}]})),
        ("/Groups/g", json!({"op": "replace", "path": "displayName", "value": "g"})),
        ("/Teams/t", json!({"op": "replace", "path": "anything", "value": "g"})),
    ] {
        let body = json!({"Operations": [operation]}).to_string();
        let outgoing = forwarded(&settings, "PATCH", path, &body);
        assert_eq!(places(&outgoing, "X1"), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn x2_leaves_a_change_of_user_name_out_in_every_form() {
    let title = r#"{"op":"add","path":"title","value":"t"}"#;
    for operation in [
        json!({"op": "Replace", "path": "userName", "value": "b"}),
        json!({"op": "replace", "path": "USERNAME", "value": "b"}),
        json!({"op": "add", "path": format!("{USER}:userName"), "value": "b"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "value": {"userName": "b"}}),
        json!({"op": "replace", "value": {"UserName": "b", "name.givenName": "x"}}),
        json!({"op": "replace", "value": {USER: {"userName": "b"}}}),
        json!({"op": "replace", "path": USER, "value": {"userName": "b"}}),
        json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0": {"userName": "b"}}}),
    ] {
        let body = format!(r#"{{"Operations":[{operation},{title}]}}"#);
        let outgoing = forwarded(&naming(UserNameChange::Drop), "PATCH", "/Users/u", &body);
        let text = body_of(&outgoing).to_string();
        assert!(!text.to_lowercase().contains("username") && text.contains("title"), "{text}");
        assert!(!places(&outgoing, "X2").is_empty(), "{operation}");
        let error = send(&naming(UserNameChange::Refuse), "PATCH", "/Users/u", &body).unwrap_err();
        assert_eq!(error.code(), "scim_mutability", "{operation}");
    }
    let only = r#"{"Operations":[{"op":"replace","path":"userName","value":"b"}]}"#;
    let answer = send(&naming(UserNameChange::Drop), "PATCH", "/Users/u", only).unwrap();
    assert!(matches!(answer, Normalised::Answer { reply, .. } if reply.status == 204));
}

#[test]
fn x2_leaves_replacements_creates_groups_and_other_names_alone() {
    let drop = naming(UserNameChange::Drop);
    for (method, path, body) in [
        ("PUT", "/Users/u", r#"{"userName":"b"}"#),
        ("POST", "/Users", r#"{"userName":"b"}"#),
        ("PATCH", "/Groups/g", r#"{"Operations":[{"op":"replace","path":"userName","value":"b"}]}"#),
        (
            "PATCH",
            "/Users/u",
            r#"{"Operations":[{"op":"replace","path":"urn:a:2.0:User:userName","value":"b"}]}"#,
        ),
    ] {
        assert_eq!(places(&forwarded(&drop, method, path, body), "X2"), Vec::<String>::new(), "{body}");
    }
    let refuse = naming(UserNameChange::Refuse);
    assert_eq!(
        send(&refuse, "PUT", "/Users/u", r#"{"userName":"b"}"#).unwrap_err().code(),
        "scim_mutability"
    );
    assert!(send(&refuse, "POST", "/Users", r#"{"userName":"b"}"#).is_ok());
}

#[test]
fn a_name_that_is_left_out_lets_nobody_in() {
    let drop = naming(UserNameChange::Drop);
    let with = |rest: &str| {
        let body = format!(r#"{{"Operations":[{{"op":"replace","path":"userName","value":"b"}},{rest}]}}"#);
        forwarded(&drop, "PATCH", "/Users/u", &body).change
    };
    assert_eq!(with(r#"{"op":"add","path":"title","value":"t"}"#), None);
    let change = with(r#"{"op":"replace","path":"active","value":"False"}"#).unwrap();
    assert_eq!((change.kind, change.keys.is_empty()), (ChangeKind::Deactivate, true));
    let change = with(r#"{"op":"replace","path":"externalId","value":"e"}"#).unwrap();
    assert_eq!((change.kind, change.keys.iter().collect::<Vec<_>>()), (ChangeKind::Rename, vec!["e"]));
}

#[test]
fn x3_without_groups_there_is_nothing_but_an_empty_list() {
    let settings = Settings { without_groups: true, ..Settings::default() };
    for (method, path, status) in [
        ("GET", "/Groups/g", 404),
        ("HEAD", "/groups/g", 404),
        ("POST", "/Groups", 501),
        ("PATCH", "/Groups/g", 501),
        ("PUT", "/Groups/g", 501),
        ("DELETE", "/Groups/g", 501),
    ] {
        let body = if matches!(method, "POST" | "PATCH" | "PUT") { "{}" } else { "" };
        assert_eq!(
            send(&settings, method, path, body).unwrap_err().reply().status,
            status,
            "{method} {path}"
        );
    }
    for (method, path, body, wants_body) in [
        ("GET", "/Groups", "", true),
        ("GET", "//groups?filter=displayName+eq+%22x%22", "", true),
        ("POST", "/Groups/.search", "{}", true),
        ("HEAD", "/Groups", "", false),
    ] {
        match send(&settings, method, path, body).unwrap() {
            Normalised::Answer { reply, .. } => {
                assert_eq!((reply.status, !reply.body.is_empty()), (200, wants_body), "{method} {path}");
            }
            Normalised::Forward(_) => panic!("forwarded: {path}"),
        }
    }
    let off = Settings { off: ["X3".to_owned()].into(), ..settings.clone() };
    forwarded(&off, "GET", "/Groups?filter=displayName+eq+%22x%22", "");
    forwarded(&off, "POST", "/Groups", "{}");
    let outgoing = forwarded(&settings, "GET", "/ResourceTypes", "");
    let body =
        json!([{"id": "User", "endpoint": "/Users"}, {"id": "Group", "endpoint": "/Groups"}]).to_string();
    let upstream = Upstream { status: 200, content_type: None, location: None, body: body.as_bytes() };
    let repaired = repair(&outgoing.shape, &upstream, &settings);
    let list = crate::common::json::parse(&repaired.body.unwrap()).unwrap();
    assert_eq!((&list["totalResults"], &list["Resources"][0]["id"]), (&json!(1), &json!("User")));
    assert!(repaired.applied.iter().any(|one| one.rule == "X3"));
}

#[test]
fn p22_refuses_what_would_take_all_members_from_a_group_and_nothing_else() {
    let settings = Settings {
        abilities: Abilities { emptied_groups: EmptiedGroups::Refuse, ..Abilities::default() },
        ..Settings::default()
    };
    let patch = |operation: &str| format!(r#"{{"schemas":[],"Operations":[{operation}]}}"#);
    for operation in [
        r#"{"op":"remove","path":"members"}"#,
        r#"{"op":"Remove","path":"urn:ietf:params:scim:schemas:core:2.0:Group:Members"}"#,
        r#"{"op":"replace","path":"members","value":[]}"#,
        r#"{"op":"replace","path":"members","value":null}"#,
        r#"{"op":"replace","value":{"members":[]}}"#,
        r#"{"op":"replace","value":{"displayName":"a","Members":null}}"#,
        r#"{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:Group"}"#,
        r#"{"op":"remove","path":"members[value pr]"}"#,
        r#"{"op":"remove","path":"members[value pr].value"}"#,
        r#"{"op":"remove","path":"members[type eq \"User\"]"}"#,
        r#"{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:Group","value":{"members":[]}}"#,
        r#"{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:Group":{"members":null}}}"#,
    ] {
        let refused = send(&settings, "PATCH", "/Groups/g", &patch(operation)).unwrap_err();
        let (status, told) = (refused.reply().status, refused.reply().body);
        assert_eq!(status, 400, "{operation}");
        assert!(String::from_utf8(told).unwrap().contains("invalidValue"), "{operation}");
        forwarded(&Settings::default(), "PATCH", "/Groups/g", &patch(operation));
    }
    for operation in [
        r#"{"op":"remove","path":"members","value":[{"value":"u-1"}]}"#,
        r#"{"op":"remove","path":"members[value eq \"u-1\"]"}"#,
        r#"{"op":"add","path":"members","value":[{"value":"u-1"}]}"#,
        r#"{"op":"replace","path":"members","value":[{"value":"u-1"}]}"#,
        r#"{"op":"replace","path":"displayName","value":"a"}"#,
        r#"{"op":"remove","path":"members[value pr].display"}"#,
        r#"{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:Group":{"displayName":"a"}}}"#,
    ] {
        forwarded(&settings, "PATCH", "/Groups/g", &patch(operation));
    }
    forwarded(&settings, "PATCH", "/Users/u", &patch(r#"{"op":"remove","path":"title"}"#));
}
