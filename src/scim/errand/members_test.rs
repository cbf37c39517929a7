use serde_json::{Value, json};

use super::super::Mode;
use super::super::ability::{MemberChanges, PatchForm};
use super::super::rule::Settings;
use super::Plan;
use super::trial::{Said, able, errand, planned, said, story};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const GROUP: &str = "/Groups/g-1";

fn listed() -> Settings {
    able(|abilities| abilities.members = MemberChanges::Listed)
}

fn patch(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// The operations that are forwarded, and the records.
fn forwarded(operations: Value, settings: &Settings) -> (Value, Vec<String>) {
    match planned("PATCH", GROUP, &patch(operations), settings) {
        Plan::Forward(outgoing) => {
            let body: Value = serde_json::from_slice(&outgoing.body.unwrap()).unwrap();
            let records = outgoing.applied.iter().filter(|applied| applied.rule == "members.listed");
            (body["Operations"].clone(), records.map(|applied| applied.place.clone()).collect())
        }
        Plan::Errand(planned) => panic!("{planned:?}"),
    }
}

fn group(members: Value) -> Said {
    said(200, json!({"id": "g-1", "displayName": "Team", "members": members}))
}

#[test]
fn removals_in_both_of_entras_forms_are_lists_of_members() {
    let want = json!([{"op": "remove", "path": "members", "value": [{"value": "u-1"}, {"value": "u\"2"}]}]);
    for operations in [
        json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u-1"}, {"value": "u\"2"}]}]),
        json!([
            {"op": "remove", "path": "members[value eq \"u-1\"]"},
            {"op": "remove", "path": "members[value eq \"u\\\"2\"]"}
        ]),
    ] {
        let (got, records) = forwarded(operations, &listed());
        assert_eq!((got, records.len()), (want.clone(), 1));
    }
}

#[test]
fn a_member_with_a_backslash_is_named_as_it_is() {
    let settings = Settings { literal_backslash: true, ..listed() };
    for id in [r"CORP\ada", r"CORP\\ada", r#"a"b"#] {
        let (got, _) =
            forwarded(json!([{"op": "remove", "path": "members", "value": [{"value": id}]}]), &settings);
        assert_eq!(got, json!([{"op": "remove", "path": "members", "value": [{"value": id}]}]));
    }
}

#[test]
fn the_order_of_additions_and_removals_stays() {
    let add = json!({"op": "add", "path": "members", "value": [{"value": "u-2"}]});
    let remove = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    let (got, records) = forwarded(json!([remove("u-1"), remove("u-2"), add, remove("u-3")]), &listed());
    assert_eq!(
        got,
        json!([
            {"op": "remove", "path": "members", "value": [{"value": "u-1"}, {"value": "u-2"}]},
            add,
            {"op": "remove", "path": "members", "value": [{"value": "u-3"}]}
        ])
    );
    assert_eq!(records, ["Operations[0].path", "Operations[3].path"]);
}

#[test]
fn what_selects_members_in_another_way_stays_as_it_is() {
    for operations in [
        json!([{"op": "remove", "path": "members[type eq \"User\"]"}]),
        json!([{"op": "remove", "path": "members[value eq \"u\" or value eq \"v\"]"}]),
        json!([{"op": "remove", "path": "members[value eq \"u\" and type eq \"User\"]"}]),
        json!([{"op": "add", "path": "members", "value": [{"value": "u-1"}]}]),
    ] {
        assert_eq!(forwarded(operations.clone(), &listed()), (operations, Vec::new()));
    }
}

#[test]
fn nothing_of_it_happens_where_it_is_not_asked_for_or_only_observed() {
    let operations = json!([{"op": "remove", "path": "members[value eq \"u-1\"]"}]);
    let observing = Settings { mode: Mode::Observe, ..listed() };
    for settings in [Settings::default(), observing] {
        assert_eq!(forwarded(operations.clone(), &settings), (operations.clone(), Vec::new()));
    }
}

#[test]
fn beside_put_it_is_the_members_alone_that_are_patched() {
    let settings = able(|abilities| {
        abilities.members = MemberChanges::Listed;
        abilities.patch = PatchForm::Put;
    });
    let rename = json!({"op": "replace", "path": "displayName", "value": "Crew"});
    let remove = json!({"op": "remove", "path": "members[value eq \"u-1\"]"});
    let patched = |operations: Value, answer: Said| {
        let planned = errand("PATCH", GROUP, &patch(operations), &settings);
        assert_eq!(planned.exclusive(), Some(GROUP), "no resource that was read before is put over it");
        story(planned, &[answer], &settings)
    };
    let told = patched(json!([remove]), said(204, Value::Null));
    assert!(
        told[0].starts_with("PATCH /Groups/g-1 ") && told[0].contains(r#""value":[{"value":"u-1"}]"#),
        "{told:?}"
    );
    assert_eq!(told[1..], ["Latest"]);
    let told = patched(json!([rename, remove]), said(0, Value::Null));
    assert!(
        told[0].contains("Crew") && told[0].contains("u-1"),
        "a request is not torn into two writes: {told:?}"
    );
    assert_eq!(told[1..], ["Refused scim_upstream Unknown"]);
    let put = errand("PATCH", GROUP, &patch(json!([rename])), &settings);
    assert_eq!(story(put, &[group(json!([]))], &settings)[0], "GET /Groups/g-1");
}

/// The forms in which an operation without the path `members` changes members.
fn without_path(op: &str, members: &Value) -> Vec<Value> {
    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
    vec![
        json!({"op": op, "value": {"members": members}}),
        json!({"op": op, "value": {"Members": members}}),
        json!({"op": op, "value": {CORE: {"members": members}}}),
        json!({"op": op, "value": {CORE.to_lowercase(): {"Members": members}}}),
        json!({"op": op, "path": CORE, "value": {"members": members}}),
    ]
}

#[test]
fn members_in_a_map_of_attributes_are_patched_and_never_put() {
    let settings = able(|abilities| {
        abilities.members = MemberChanges::Listed;
        abilities.patch = PatchForm::Put;
    });
    let operations = |body: &str| {
        let (_, body) = body.split_once(" {").unwrap();
        let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
        body["Operations"].clone()
    };
    let new = json!([{"value": "u-9"}]);
    for operation in without_path("add", &new) {
        let planned = errand("PATCH", GROUP, &patch(json!([operation])), &settings);
        assert_eq!(planned.exclusive(), Some(GROUP));
        let told = story(planned, &[said(204, Value::Null)], &settings);
        assert!(told[0].starts_with("PATCH /Groups/g-1 "), "{operation}: {told:?}");
        assert_eq!(told[1..], ["Latest"], "{operation}");
        let sent = operations(&told[0]);
        let path = sent[0]["path"].as_str().unwrap().to_lowercase();
        assert!(path.ends_with("members") && sent[0]["value"] == new, "{operation}: {sent}");
    }
    for operation in without_path("replace", &new) {
        let planned = errand("PATCH", GROUP, &patch(json!([operation])), &settings);
        let told = story(planned, &[group(json!([{"value": "u-1"}])), said(204, Value::Null)], &settings);
        assert_eq!(told[0], "GET /Groups/g-1?attributes=members", "{operation}");
        let sent = operations(&told[1]);
        assert!(told[1].starts_with("PATCH ") && sent[0]["op"] == "remove", "{operation}: {told:?}");
        assert_eq!([&sent[0]["value"], &sent[1]["value"]], [&json!([{"value": "u-1"}]), &new], "{operation}");
    }
}

#[test]
fn what_stands_beside_members_in_a_map_goes_along_in_the_same_patch() {
    let add = json!({"op": "add", "value": {"displayName": "Crew", "members": [{"value": "u-9"}]}});
    let remove = json!({"op": "remove", "path": "members[value eq \"u-1\"]"});
    let (got, _) = forwarded(json!([add, remove]), &listed());
    assert_eq!(
        got,
        json!([
            {"op": "add", "value": {"displayName": "Crew"}},
            {"op": "add", "path": "members", "value": [{"value": "u-9"}]},
            {"op": "remove", "path": "members", "value": [{"value": "u-1"}]}
        ])
    );
}

#[test]
fn a_map_without_members_is_put_and_null_empties_no_group() {
    let settings = able(|abilities| {
        abilities.members = MemberChanges::Listed;
        abilities.patch = PatchForm::Put;
    });
    let told = |operation: Value| {
        let planned = errand("PATCH", GROUP, &patch(json!([operation])), &settings);
        story(planned, &[group(json!([{"value": "u-1"}])), said(204, Value::Null)], &settings)
    };
    let renamed = told(json!({"op": "replace", "value": {"displayName": "Crew"}}));
    assert!(renamed[1].starts_with("PUT /Groups/g-1 "), "{renamed:?}");
    let nobody = told(json!({"op": "replace", "value": {"members": null}}));
    assert!(nobody[1].starts_with("Refused"), "{nobody:?}");
}

#[test]
fn a_replacement_of_all_members_is_the_difference_to_those_that_there_are() {
    let told = |operations: Value, members: Value| {
        let settings = listed();
        let planned = errand("PATCH", GROUP, &patch(operations), &settings);
        assert_eq!(planned.exclusive(), Some(GROUP));
        story(planned, &[group(members), said(204, Value::Null)], &settings)
    };
    let wrap = |operations: &str| {
        format!(
            r#"PATCH /Groups/g-1 {{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operations}]}}"#
        )
    };
    let replace = |ids: &[&str]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
        json!({"op": "replace", "path": "members", "value": members})
    };
    let there = json!([{"value": "u-1", "display": "One"}, {"value": "u-2"}]);
    assert_eq!(
        told(json!([replace(&["u-2", "u-3"])]), there.clone()),
        [
            "GET /Groups/g-1?attributes=members".to_owned(),
            wrap(concat!(
                r#"{"op":"remove","path":"members","value":[{"value":"u-1"}]},"#,
                r#"{"op":"add","path":"members","value":[{"value":"u-3"}]}"#
            )),
            "Latest".to_owned()
        ]
    );
    let nothing = told(json!([replace(&["u-2", "u-1"])]), there.clone());
    assert_eq!(nothing[1..], ["made 204 Applied"]);
    let all = told(json!([{"op": "remove", "path": "members"}]), there.clone());
    assert_eq!(all[1], wrap(r#"{"op":"remove","path":"members","value":[{"value":"u-1"},{"value":"u-2"}]}"#));
    let rename = json!({"op": "replace", "path": "displayName", "value": "Crew"});
    let remove = json!({"op": "remove", "path": "members[value eq \"u-3\"]"});
    let mixed = told(json!([rename, replace(&["u-2", "u-3"]), remove]), there);
    assert_eq!(
        mixed[1],
        wrap(concat!(
            r#"{"op":"replace","path":"displayName","value":"Crew"},"#,
            r#"{"op":"remove","path":"members","value":[{"value":"u-1"}]}"#
        ))
    );
}

#[test]
fn members_that_cannot_be_read_are_not_replaced() {
    let settings = listed();
    let replace = patch(json!([{"op": "replace", "path": "members", "value": [{"value": "u-1"}]}]));
    let end = |answer: Said| {
        let told = story(errand("PATCH", GROUP, &replace, &settings), &[answer], &settings);
        told.into_iter().skip(1).collect::<Vec<_>>()
    };
    assert_eq!(end(group(json!([{"display": "nobody"}]))), ["Refused scim_upstream NotApplied"]);
    assert_eq!(end(said(404, json!({}))), ["Latest"]);
    assert_eq!(end(said(500, Value::Null)), ["made 500 NotApplied"]);
    assert_eq!(end(said(0, Value::Null)), ["Refused scim_upstream NotApplied"]);
    assert_eq!(end(said(200, json!({"id": "g-2", "members": []}))), ["Refused scim_upstream NotApplied"]);
    let by_type = patch(json!([
        {"op": "replace", "path": "members", "value": [{"value": "u-1"}]},
        {"op": "remove", "path": "members[type eq \"User\"]"}
    ]));
    let told = story(errand("PATCH", GROUP, &by_type, &settings), &[group(json!([]))], &settings);
    assert_eq!(told[1], "Refused scim_upstream NotApplied", "what cannot be followed is not guessed");
}

#[test]
fn a_write_that_is_not_answered_is_not_repeated() {
    let settings = listed();
    let replace = patch(json!([{"op": "replace", "path": "members", "value": [{"value": "u-1"}]}]));
    let told = story(
        errand("PATCH", GROUP, &replace, &settings),
        &[group(json!([])), said(0, Value::Null)],
        &settings,
    );
    assert_eq!(told[2], "Refused scim_upstream Unknown");
}

#[test]
fn users_are_none_of_its_business() {
    let settings = listed();
    let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
    assert!(matches!(planned("PATCH", "/Users/u-1", &off, &settings), Plan::Forward(_)));
}
