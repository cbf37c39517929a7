//! The request pipeline as a whole: what is forwarded, what is refused, and what is left in the audit record.

use super::*;
use crate::common::{HeaderEdit, Reply};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn send<'a>(method: &'a str, path: &'a str, body: &'a str) -> Result<Normalised, ScimError> {
    with(&Settings::default(), method, path, body.as_bytes())
}

fn with(settings: &Settings, method: &str, path: &str, body: &[u8]) -> Result<Normalised, ScimError> {
    let body = (!body.is_empty()).then_some(body);
    let content_type = body.map(|_| "application/scim+json; charset=utf-8");
    normalise(&Incoming { method, path, accept: None, content_type, content_encoding: None, body }, settings)
}

fn forwarded(result: Result<Normalised, ScimError>) -> Box<Outgoing> {
    match result.unwrap() {
        Normalised::Forward(outgoing) => outgoing,
        Normalised::Answer { .. } => panic!("answered"),
    }
}

fn rules(outgoing: &Outgoing) -> Vec<&'static str> {
    outgoing.applied.iter().map(|applied| applied.rule).collect()
}

fn refused(method: &str, path: &str, body: &[u8]) -> (Reply, serde_json::Value) {
    let reply = with(&Settings::default(), method, path, body).unwrap_err().reply();
    let body = crate::common::json::parse(&reply.body).unwrap();
    (reply, body)
}

#[test]
fn urls_come_out_in_one_canonical_form() {
    for (from, to, want) in [
        (
            "/Users?aadOptscim062020&filter=userName+eq+%22a%22",
            "/Users?filter=userName%20eq%20%22a%22",
            vec!["T1", "F1"],
        ),
        ("/Users?AADOPTSCIM062020=true&count=1", "/Users?count=1", vec!["T1"]),
        ("/Users?AzureAdScimPatch2017", "/Users", vec!["T1"]),
        ("//Users//u/", "/Users/u", vec!["T2"]),
        ("/Users?filter=userName+eq+%22a%2bb%22", "/Users?filter=userName%20eq%20%22a%2Bb%22", vec!["F1"]),
        ("/Users?filter=userName%20eq%20%22a%252b%22", "/Users?filter=userName%20eq%20%22a%252b%22", vec![]),
        (
            "/Groups?filter=displayName+eq+%2210%%22",
            "/Groups?filter=displayName%20eq%20%2210%25%22",
            vec!["F7", "F1"],
        ),
        ("/Users?startindex=0&Count=5", "/Users?startIndex=1&count=5", vec!["F9"]),
        ("/Users/u?attributes=id,userName", "/Users/u?attributes=id,userName", vec![]),
        ("/Users?filter=userName%20EQ%20%20%22a%22", "/Users?filter=userName%20eq%20%22a%22", vec!["F1"]),
        ("/Users?", "/Users", vec![]),
    ] {
        let outgoing = forwarded(send("GET", from, ""));
        let applied: Vec<_> =
            rules(&outgoing).into_iter().filter(|rule| *rule != "T3").fold(Vec::new(), |mut all, rule| {
                if !all.contains(&rule) {
                    all.push(rule);
                }
                all
            });
        assert_eq!((outgoing.path.as_str(), applied), (to, want), "{from}");
        assert_eq!(forwarded(send("GET", to, "")).path, to, "twice: {from}");
    }
}

#[test]
fn a_request_is_forwarded_with_the_headers_of_scim() {
    let outgoing = forwarded(send("GET", "/Users/u", ""));
    for edit in [
        HeaderEdit::set("accept", MEDIA_TYPE),
        HeaderEdit::remove("content-type"),
        HeaderEdit::remove("accept-encoding"),
    ] {
        assert!(outgoing.headers.contains(&edit), "{edit:?}");
    }
    let outgoing = forwarded(send("POST", "/Users", r#"{"userName":"a"}"#));
    assert!(outgoing.headers.contains(&HeaderEdit::set("content-type", MEDIA_TYPE)));
}

#[test]
fn a_disable_request_in_the_default_form_becomes_strict() {
    let outgoing = forwarded(send(
        "PATCH",
        "/Users/u-1",
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#,
    ));
    assert_eq!(
        String::from_utf8(outgoing.body.clone().unwrap()).unwrap(),
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}"#
    );
    assert_eq!(rules(&outgoing), ["T3", "T4", "P1", "P2"]);
    let change = outgoing.change.unwrap();
    assert_eq!((change.kind, change.user_id.as_deref()), (ChangeKind::Deactivate, Some("u-1")));
}

#[test]
fn numbers_keep_their_text_and_other_values_are_untouched() {
    let body = r#"{"userName":"a","x":1.50,"y":1e5,"z":12345678901234567890,"t":"caf\u00e9 \"q\" \\ 🚢"}"#;
    let outgoing = forwarded(send("POST", "/Users", body));
    assert_eq!(
        String::from_utf8(outgoing.body.unwrap()).unwrap(),
        r#"{"userName":"a","x":1.50,"y":1e5,"z":12345678901234567890,"t":"café \"q\" \\ 🚢"}"#
    );
}

#[test]
fn what_cannot_be_read_whole_is_refused() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for (body, scim_type) in [
        (&b"{"[..], "invalidSyntax"),
        (b"", "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b"\"x\"", "invalidSyntax"),
        (b"{\"a\":\"\xff\"}", "invalidSyntax"),
        (deep.as_bytes(), "invalidSyntax"),
        (br#"{"Operations":[],"Operations":[]}"#, "invalidSyntax"),
        (br#"{"Operations":[],"operations":[]}"#, "invalidSyntax"),
        (br#"{"schemas":[]}"#, "invalidSyntax"),
        (br#"{"Operations":{}}"#, "invalidSyntax"),
        (br#"{"Operations":[7]}"#, "invalidSyntax"),
        (br#"{"Operations":[{"path":"active","value":false}]}"#, "invalidSyntax"),
        (br#"{"Operations":[{"op":"move","path":"active"}]}"#, "invalidSyntax"),
        (br#"{"Operations":[{"op":"add","path":"/active","value":false}]}"#, "invalidPath"),
        (br#"{"Operations":[{"op":"add","path":7,"value":false}]}"#, "invalidPath"),
        (br#"{"Operations":[{"op":"add","path":"title","Path":"active","value":false}]}"#, "invalidSyntax"),
        (br#"{"Operations":[{"op":"add","value":{"active":true,"ACTIVE":false}}]}"#, "invalidSyntax"),
        (
            br#"{"Operations":[{"op":"add","value":{"active":true,"urn:ietf:params:scim:schemas:core:2.0:User:active":false}}]}"#,
            "invalidSyntax",
        ),
        (
            br#"{"Operations":[{"op":"add","value":{"active":true,"urn:ietf:params:scim:schemas:core:2.0:User":{"active":false}}}]}"#,
            "invalidSyntax",
        ),
    ] {
        let (reply, answer) = refused("PATCH", "/Users/u", body);
        assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(body));
        assert_eq!(answer["scimType"], scim_type, "{}", String::from_utf8_lossy(body));
    }
    for path in [
        "/Users?filter=userName",
        "/Users?filter=",
        "/Users?filter=a+pr&filter=b+pr",
        "/Users?filter=a+eq+%22b",
    ] {
        let (reply, answer) = refused("GET", path, b"");
        assert_eq!((reply.status, &answer["scimType"]), (400, &"invalidFilter".into()), "{path}");
    }
    assert_eq!(refused("GET", "/Users?x=%ff", b"").0.status, 400);
    assert_eq!(refused("DELETE", "/Users/u", b"{}").0.status, 400);
    assert_eq!(refused("POST", "/Bulk", b"{}").0.status, 501);
    assert_eq!(refused("PATCH", "/me", b"{}").0.status, 501);
}

#[test]
fn another_media_type_is_refused() {
    let incoming = Incoming {
        method: "PATCH",
        path: "/Users/u",
        accept: None,
        content_type: Some("application/x-www-form-urlencoded"),
        content_encoding: None,
        body: Some(b"active=false"),
    };
    assert_eq!(normalise(&incoming, &Settings::default()).unwrap_err().reply().status, 415);
    let gzip = Incoming { content_type: Some(MEDIA_TYPE), content_encoding: Some("gzip"), ..incoming };
    assert_eq!(normalise(&gzip, &Settings::default()).unwrap_err().reply().status, 415);
}

#[test]
fn p43_and_p21_are_answered_without_the_application() {
    for (path, body, rule) in [
        ("/Users/u", r#"{"Operations":[]}"#, "P43"),
        ("/Groups/g", r#"{"Operations":[{"op":"Remove","path":"members","value":[]}]}"#, "P21"),
    ] {
        let Normalised::Answer { reply, applied } = send("PATCH", path, body).unwrap() else {
            panic!("forwarded")
        };
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        assert!(applied.iter().any(|applied| applied.rule == rule));
    }
    let off = Settings { off: ["P43".to_owned()].into(), ..Settings::default() };
    forwarded(with(&off, "PATCH", "/Users/u", br#"{"Operations":[]}"#));
}

#[test]
fn a_rule_that_is_switched_off_does_nothing_and_the_change_is_still_seen() {
    let off: std::collections::BTreeSet<String> = catalogue().iter().map(|rule| rule.id.to_owned()).collect();
    let settings = Settings { off, ..Settings::default() };
    let body = r#"{"Operations":[{"op":"Replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:active":"False"}}]}"#;
    let outgoing = forwarded(with(&settings, "PATCH", "/users/u", body.as_bytes()));
    assert_eq!(outgoing.body.as_deref(), Some(body.as_bytes()));
    assert_eq!(outgoing.applied, []);
    assert_eq!(outgoing.change.unwrap().kind, ChangeKind::Deactivate);
}

#[test]
fn the_audit_record_and_debug_output_name_nobody() {
    let body = r#"{"Operations":[{"op":"Replace","value":{"emails[value eq \"ada@n.example\"].value":"ada@n.example","active":"False"}}]}"#;
    let outgoing = forwarded(send("PATCH", "/Users/ada", body));
    assert!(outgoing.applied.iter().any(|applied| applied.rule == "P3"));
    assert!(!format!("{outgoing:?}").contains("ada"));
    assert!(!format!("{:?}", outgoing.shape).contains("ada"));
}

#[test]
fn what_the_reader_of_a_patch_repairs_leaves_a_record_too() {
    for (operations, rule, place) in [
        (r#""operations":[{"op":"add","path":"title","value":"x"}]"#, "P14", "body"),
        (r#""Operations":[{"Op":"add","path":"title","value":"x"}]"#, "P14", "Operations[0]"),
        (r#""Operations":[{"path":"title","op":"add","value":"x"}]"#, "P14", "Operations[0]"),
        (r#""Operations":[{"op":"add","path":"","value":{"title":"x"}}]"#, "P13", "Operations[0].path"),
        (r#""Operations":[{"op":"add","path":null,"value":{"title":"x"}}]"#, "P13", "Operations[0].path"),
        (r#""Operations":[{"op":"add","path":" title ","value":"x"}]"#, "P13", "Operations[0].path"),
    ] {
        let outgoing = forwarded(send("PATCH", "/Users/u", &format!("{{{operations}}}")));
        let found = outgoing.applied.iter().any(|applied| applied.rule == rule && applied.place == place);
        assert!(found, "{operations}: {:?}", outgoing.applied);
    }
    let body = r#"{"Operations":[{"op":"add","path":"title","value":"x"}],"schemas":[]}"#;
    let outgoing = forwarded(send("PATCH", "/Users/u", body));
    assert_eq!(outgoing.body.as_deref(), Some(body.as_bytes()), "the operations stay at their place");
    let operations = vec![r#"{"Op":"add","path":" title ","value":"x"}"#; 5000].join(",");
    let outgoing = forwarded(send("PATCH", "/Users/u", &format!(r#"{{"Operations":[{operations}]}}"#)));
    assert!(outgoing.applied.len() <= 200);
}

#[test]
fn a_removal_without_path_has_no_target() {
    let body = br#"{"Operations":[{"op":"remove","value":{"members":[{"value":"u-1"}]}}]}"#;
    for path in ["/Groups/g", "/Teams/g", "/Users/u"] {
        let (reply, answer) = refused("PATCH", path, body);
        assert_eq!((reply.status, &answer["scimType"]), (400, &"noTarget".into()), "{path}");
    }
}

#[test]
fn a_list_without_path_that_changes_active_more_than_once_is_refused() {
    for path in ["", r#""path":"","#, r#""path":"urn:ietf:params:scim:schemas:core:2.0:User","#] {
        let send = |value: &str| {
            send(
                "PATCH",
                "/Users/u",
                &format!(r#"{{"Operations":[{{"op":"replace",{path}"value":{value}}}]}}"#),
            )
        };
        for value in [
            r#"[{"active":true},{"active":false}]"#,
            r#"[{"active":"False"},{"title":"x"},{"Active":"True"}]"#,
            r#"[{"active":false},{"active":false}]"#,
        ] {
            assert_eq!(send(value).unwrap_err().reply().status, 400, "{value}");
        }
        for value in [r#"[{"active":"False"}]"#, r#"{"active":[{"$ref":null,"value":"False"}]}"#] {
            let change = forwarded(send(value)).change.unwrap();
            assert_eq!(change.kind, ChangeKind::Deactivate, "{value}");
        }
    }
    forwarded(send(
        "PATCH",
        "/Users/u",
        r#"{"Operations":[{"op":"add","path":"badges","value":[{"active":true},{"active":false}]}]}"#,
    ));
}

#[test]
fn a_thousand_operations_leave_a_bounded_record() {
    let operations = vec![r#"{"op":"Add","path":"title","value":"x"}"#; 5000].join(",");
    let outgoing = forwarded(send("PATCH", "/Users/u", &format!(r#"{{"Operations":[{operations}]}}"#)));
    assert!(outgoing.applied.len() <= 200);
}

#[test]
fn every_rule_is_in_the_catalogue_once() {
    let ids: Vec<_> = catalogue().iter().map(|rule| rule.id).collect();
    for id in "T1 T2 T3 T4 T5 F1 F2 F3 F4 F5 F6 F7 F8 F9 P1 P2 P3 P4 P6 P7 P8 P9 P10 P11 P12 P13 P14 P20 P21 P23 P24 P25 \
               P27 P35 P40 P41 P43 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 R1 R2 R3 R4 R5 R6 R7 R8 R9 R11 R12 R13 R14"
        .split_whitespace()
    {
        assert_eq!(ids.iter().filter(|have| **have == id).count(), 1, "{id}");
    }
}

#[test]
fn a_manager_of_null_leaves_no_empty_object_in_a_create() {
    let enterprise = crate::scim::schema::ENTERPRISE;
    for manager in [r#"{"value":null}"#, r#"{"value":null,"displayName":null}"#, "{}", "null"] {
        let body = format!(r#"{{"userName":"ada","{enterprise}":{{"department":"d","manager":{manager}}}}}"#);
        for mode in [crate::scim::Mode::Normalise, crate::scim::Mode::Strict] {
            let settings = Settings { mode, ..Settings::default() };
            let outgoing = forwarded(with(&settings, "POST", "/Users", body.as_bytes()));
            let sent = crate::common::json::parse(outgoing.body.as_deref().unwrap()).unwrap();
            assert_eq!(sent[enterprise], serde_json::json!({"department": "d"}), "{manager}");
        }
    }
}

#[test]
fn a_body_of_a_megabyte_takes_time_in_proportion() {
    let many =
        |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(",");
    let bodies = [
        ("POST", "/Users", format!("{{{}}}", many(40_000, &|n| format!("\"urn:a:2.0:U{n}\":{{}}")))),
        ("POST", "/Users", format!("{{{}}}", many(40_000, &|n| format!("\"a{n}.b\":1")))),
        ("POST", "/Users", format!(r#"{{"schemas":[{}]}}"#, many(40_000, &|n| format!("\"http://{n}\"")))),
        (
            "PATCH",
            "/Groups/g",
            format!(
                r#"{{"Operations":[{{"op":"Remove","path":"members","value":[{}]}}]}}"#,
                many(40_000, &|n| format!(r#"{{"value":"{n}"}}"#))
            ),
        ),
        (
            "PATCH",
            "/Users/u",
            format!(
                r#"{{"Operations":[{{"op":"add","value":{{"name.givenName":"a",{}}}}}]}}"#,
                many(40_000, &|n| format!("\"Badge{n}\":\"True\""))
            ),
        ),
        (
            "PATCH",
            "/Users/u",
            format!(
                r#"{{"Operations":[{}]}}"#,
                many(15_000, &|n| format!(
                    r#"{{"op":"Add","path":"emails[type eq \"{n}\"].value","value":"a"}}"#
                ))
            ),
        ),
    ];
    for (method, path, body) in bodies {
        let outgoing = forwarded(send(method, path, &body));
        let body = outgoing.body.clone().unwrap();
        if method == "PATCH" {
            let resource = serde_json::json!({"id": outgoing.shape.id});
            upsert(&outgoing.shape, &body, &resource, &Settings::default()).unwrap();
        }
    }
}

#[test]
fn names_that_meet_once_they_are_nested_are_refused_like_those_that_met_before() {
    let user = "urn:ietf:params:scim:schemas:core:2.0:User";
    let body = format!(r#"{{"{user}:active":true,"active.value":0,"{user}":true}}"#);
    for (method, path) in [("POST", "/Groups"), ("PUT", "/Devices/1")] {
        let (reply, body) = refused(method, path, body.as_bytes());
        assert_eq!((reply.status, &body["scimType"]), (400, &"invalidSyntax".into()));
    }
}

#[test]
fn a_deactivation_counts_however_often_it_is_wrapped() {
    let mut value = r#"" False ""#.to_owned();
    for _ in 0..20 {
        let body = format!(r#"{{"Operations":[{{"op":"Replace","path":"active","value":{value}}}]}}"#);
        let outgoing = forwarded(send("PATCH", "/Users/u", &body));
        let sent = crate::common::json::parse(outgoing.body.as_deref().unwrap()).unwrap();
        assert_eq!(sent["Operations"][0]["value"], false, "{body}");
        let kind = outgoing.change.as_ref().map(|change| change.kind);
        assert_eq!(kind, Some(crate::scim::ChangeKind::Deactivate), "{body}");
        value = format!(r#"[{{"value":{value}}}]"#);
    }
}

#[test]
fn a_sub_attribute_with_a_schema_behind_brackets_is_no_filter() {
    let filter =
        "emails[type%20eq%20%22work%22].urn:ietf:params:scim:schemas:core:2.0:Uservalue%20eq%20%22x%22";
    let (reply, body) = refused("GET", &format!("/Users?filter={filter}"), b"");
    assert_eq!((reply.status, &body["scimType"]), (400, &"invalidFilter".into()));
}
