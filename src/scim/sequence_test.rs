//! What follows the application's answer, for each answer that it may give.

use serde_json::{Value, json};

use super::request::{Incoming, Normalised, normalise};
use super::rule::Settings;
use super::sequence::{Conclusion, Sequence, Step};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PATCH: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
    {"op":"Replace","path":"emails[type eq \"work\"].value","value":"a@n.example"}]}"#;
const REMOVAL: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
    {"op":"Remove","path":"emails[type eq \"work\"]"}]}"#;

fn sequence(method: &str, path: &str, body: Option<&str>) -> Option<Sequence> {
    let incoming = Incoming {
        method,
        path,
        accept: None,
        content_type: None,
        content_encoding: None,
        body: body.map(str::as_bytes),
    };
    let Ok(Normalised::Forward(outgoing)) = normalise(&incoming, &Settings::default()) else {
        panic!("not forwarded")
    };
    Sequence::of(&outgoing, &Settings::default())
}

fn patch(body: &str) -> Sequence {
    sequence("PATCH", "/Users/u-1", Some(body)).unwrap()
}

fn error(scim_type: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "scimType": scim_type})
}

/// What follows each answer in turn, in words.
fn story(mut sequence: Sequence, answers: &[(u16, Value)]) -> Vec<String> {
    let mut told = Vec::new();
    for (status, body) in answers {
        match sequence.answered(*status, body.to_string().as_bytes(), &Settings::default()) {
            Step::Call(call, next) => {
                told.push(format!("{} {}", call.method, call.path));
                told.extend(call.body.map(|body| {
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    body["Operations"].to_string()
                }));
                sequence = *next;
            }
            Step::Done(Conclusion::Made { status, body, .. }) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                told.push(format!("{status} {}", body.get("Resources").unwrap_or(&Value::Null)));
                return told;
            }
            Step::Done(conclusion) => {
                told.push(format!("{conclusion:?}"));
                return told;
            }
        }
    }
    told.push("unfinished".into());
    told
}

#[test]
fn a_patch_that_found_no_target_is_sent_once_more_with_the_element_made() {
    let answers =
        [(400, error("NOTARGET")), (200, json!({"id": "u-1"})), (400, error("noTarget")), (200, json!({}))];
    assert_eq!(
        story(patch(PATCH), &answers),
        [
            "GET /Users/u-1?attributes=emails",
            "PATCH /Users/u-1",
            r#"[{"op":"add","path":"emails","value":[{"type":"work","value":"a@n.example"}]}]"#,
            "Latest",
        ]
    );
}

#[test]
fn any_other_answer_is_the_last() {
    for (status, body) in [
        (200, json!({"scimType": "noTarget"})),
        (204, Value::Null),
        (400, error("invalidValue")),
        (400, json!({})),
        (400, json!(["noTarget"])),
        (404, error("noTarget")),
        (409, error("uniqueness")),
        (500, error("noTarget")),
        (0, Value::Null),
    ] {
        assert_eq!(story(patch(PATCH), &[(status, body.clone())]), ["First"], "{status} {body}");
    }
}

#[test]
fn nothing_is_sent_again_unless_the_resource_was_read_and_calls_for_it() {
    let work = json!({"id": "u-1", "emails": [{"type": "work", "value": "b@n.example"}]});
    for read in [
        (200, work),
        (404, json!({})),
        (401, json!({})),
        (500, json!({"id": "u-1"})),
        (200, json!([])),
        (0, json!({})),
    ] {
        let told = story(patch(PATCH), &[(400, error("noTarget")), read.clone()]);
        assert_eq!(told, ["GET /Users/u-1?attributes=emails", "First"], "{read:?}");
    }
}

#[test]
fn a_removal_of_what_is_not_there_is_a_success() {
    let told = story(patch(REMOVAL), &[(400, error("noTarget")), (200, json!({"id": "u-1"}))]);
    assert_eq!(told, ["GET /Users/u-1?attributes=emails", "204 null"]);
}

#[test]
fn a_patch_without_value_paths_needs_no_sequence() {
    let body = r#"{"Operations":[{"op":"replace","path":"title","value":"x"}]}"#;
    assert!(sequence("PATCH", "/Users/u-1", Some(body)).is_none());
}

fn manager() -> Sequence {
    sequence("GET", "/Users?filter=id+eq+%22u-1%22+and+manager+eq+%22m-1%22&attributes=id", None).unwrap()
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const READ: &str = "GET /Users/u-1?attributes=id,urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Aextension%3Aenterprise%3A2.0%3AUser%3Amanager";

#[test]
fn a_reference_is_compared_here_where_the_application_cannot_filter_by_it() {
    let user =
        |manager: Value| json!({"schemas": [ENTERPRISE], "id": "u-1", ENTERPRISE: {"manager": manager}});
    for (manager_is, want) in [
        (json!({"value": "m-1"}), r#"200 [{"schemas":[],"id":"u-1"}]"#),
        (json!("m-1"), r#"200 [{"schemas":[],"id":"u-1"}]"#),
        (json!({"value": "M-1"}), "200 []"),
        (Value::Null, "200 []"),
    ] {
        let told = story(manager(), &[(400, error("invalidFilter")), (200, user(manager_is))]);
        assert_eq!(told, [READ, want]);
    }
}

#[test]
fn an_empty_list_is_never_made_of_an_error() {
    let gone = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"});
    assert_eq!(story(manager(), &[(400, error("invalidFilter")), (404, gone)]), [READ, "200 []"]);
    for read in [
        (404, json!({})),
        (404, json!("no route")),
        (500, json!({"id": "u-1"})),
        (200, json!({})),
        (200, json!({"id": "u-2"})),
        (200, json!([])),
        (0, json!({"id": "u-1"})),
    ] {
        let told = story(manager(), &[(400, error("invalidFilter")), read.clone()]);
        assert_eq!(told, [READ, "First"], "{read:?}");
    }
}

#[test]
fn members_are_compared_too_and_stay_where_they_were_asked_for() {
    let of = |rest: &str| {
        sequence("GET", &format!("/Groups?filter=members+eq+%22u-1%22+and+id+eq+%22g+1%22{rest}"), None)
            .unwrap()
    };
    let group = json!({"id": "g 1", "members": [{"value": "u-0"}, {"value": "u-1"}]});
    let answers = [(400, error("invalidFilter")), (200, group)];
    assert_eq!(
        story(of("&attributes=id"), &answers),
        ["GET /Groups/g%201?attributes=id,members", r#"200 [{"id":"g 1"}]"#]
    );
    let whole = r#"200 [{"id":"g 1","members":[{"value":"u-0"},{"value":"u-1"}]}]"#;
    assert_eq!(
        story(of("&attributes=members.value"), &answers),
        ["GET /Groups/g%201?attributes=members.value", whole]
    );
    assert_eq!(story(of(""), &answers), ["GET /Groups/g%201", whole]);
}

#[test]
fn what_cannot_be_compared_is_left_to_the_applications_first_answer() {
    let told = |path: &str, resource: Value| {
        story(sequence("GET", path, None).unwrap(), &[(400, error("invalidFilter")), (200, resource)])[1]
            .clone()
    };
    let members = "/Groups?filter=id+eq+%22g%22+and+members+eq+%22u%22";
    for unseen in [json!({"id": "g"}), json!({"id": "g", "members": null})] {
        assert_eq!(told(members, unseen), "First");
    }
    assert_eq!(told(members, json!({"id": "g", "members": []})), "200 []");
    let mail = "/Users?filter=id+eq+%22u%22+and+emails.value+eq+%22Ada@n.example%22";
    let user = |mail: &str| json!({"id": "u", "emails": [{"value": mail}]});
    assert_eq!(told(mail, user("ada@n.example")), "First");
    assert_eq!(told(mail, user("bob@n.example")), "200 []");
    assert!(told(mail, user("Ada@n.example")).starts_with("200 [{"));
}

#[test]
fn other_queries_need_no_sequence() {
    for filter in [
        "userName+eq+%22a%22",
        "id+eq+%22u%22",
        "id+eq+%22u%22+and+userName+eq+%22a%22",
        "id+eq+%22u%22+and+manager+eq+%22m%22+and+title+pr",
        "id+eq+%22..%22+and+manager+eq+%22m%22",
        "id+eq+%22a%2Fb%22+and+manager+eq+%22m%22",
        "id+eq+%22%22+and+manager+eq+%22m%22",
        "id+eq+%22u%22+or+manager+eq+%22m%22",
    ] {
        assert!(sequence("GET", &format!("/Users?filter={filter}"), None).is_none(), "{filter}");
    }
}
