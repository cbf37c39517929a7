//! Tables of the response rules: what the application answers, and what Entra sees.

use serde_json::{Value, json};

use super::super::request::{Incoming, Normalised, normalise};
use super::super::response::{Repaired, Upstream, repair};
use super::super::rule::Settings;
use super::super::{Outgoing, error::MEDIA_TYPE};
use crate::common::{HeaderEdit, Headers};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const QUERY: &str = "/Users?filter=userName+eq+%22ada%22";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn settings() -> Settings {
    Settings {
        public_base: "https://edge.example/scim/v2/entra".into(),
        application_base: "/app-scim/v2".into(),
        cluster_base: Some("/v2".into()),
        ..Settings::default()
    }
}

fn asked(method: &str, path: &str, settings: &Settings) -> Box<Outgoing> {
    let body: Option<&[u8]> = match method {
        "POST" => Some(br#"{"userName":"ada"}"#),
        "PATCH" => Some(br#"{"Operations":[{"op":"add","path":"externalId","value":"x"}]}"#),
        _ => None,
    };
    let incoming = Incoming { method, path, accept: None, content_type: None, content_encoding: None, body };
    match normalise(&incoming, settings).unwrap() {
        Normalised::Forward(outgoing) => outgoing,
        Normalised::Answer { .. } => panic!("answered"),
    }
}

struct Seen {
    status: u16,
    body: Value,
    rules: Vec<&'static str>,
    repaired: Repaired,
}

fn with(settings: &Settings, method: &str, path: &str, status: u16, content_type: &str, body: &str) -> Seen {
    let outgoing = asked(method, path, settings);
    let upstream = Upstream {
        status,
        content_type: (!content_type.is_empty()).then_some(content_type),
        location: None,
        body: body.as_bytes(),
    };
    let repaired = repair(&outgoing.shape, &upstream, settings);
    let bytes = repaired.body.clone().unwrap_or_else(|| body.as_bytes().to_vec());
    let body = crate::common::json::parse(&bytes).unwrap_or(Value::Null);
    Seen {
        status: repaired.status,
        body,
        rules: repaired.applied.iter().map(|applied| applied.rule).collect(),
        repaired,
    }
}

fn ask(method: &str, path: &str, status: u16, body: &str) -> Seen {
    with(&settings(), method, path, status, MEDIA_TYPE, body)
}

#[test]
fn what_entra_can_read_passes_untouched() {
    for (method, path, status, body) in [
        ("GET", "/Users/u", 200, r#"{"schemas":["x"],"id":"u","active":false,"age":1.50}"#),
        (
            "GET",
            QUERY,
            200,
            &*format!(
                r#"{{"schemas":["{LIST}"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}}"#
            ),
        ),
        ("GET", QUERY, 500, &*format!(r#"{{"schemas":["{ERROR}"],"status":"500"}}"#)),
        ("PATCH", "/Users/u", 204, ""),
        ("DELETE", "/Users/u", 204, ""),
    ] {
        let seen = ask(method, path, status, body);
        assert!(seen.repaired.body.is_none() && seen.repaired.headers.is_empty(), "{method} {path}");
        assert_eq!((seen.status, seen.rules), (status, vec![]), "{method} {path}");
    }
}

#[test]
fn r1_an_empty_list_is_made_only_of_the_applications_own_word() {
    let error = format!(r#"{{"schemas":["{ERROR}"],"status":"404"}}"#);
    let unsaid = format!(r#"{{"schemas":["{ERROR}"],"detail":"none"}}"#);
    let numeric = format!(r#"{{"schemas":["{ERROR}"],"status":404}}"#);
    for (status, body) in [(404, error.as_str()), (404, &*unsaid), (404, &*numeric), (204, "")] {
        let seen = ask("GET", QUERY, status, body);
        assert_eq!((seen.status, seen.rules), (200, vec!["R1"]));
        assert_eq!(
            seen.body,
            json!({"schemas":[LIST],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]})
        );
    }
    for (path, status, body) in [
        (QUERY, 404, "<html>no route</html>"),
        (QUERY, 404, r#"{"message":"no route"}"#),
        (QUERY, 404, ""),
        (QUERY, 500, error.as_str()),
        (QUERY, 404, &*format!(r#"{{"schemas":["{ERROR}"],"status":"500"}}"#)),
        (QUERY, 404, &*format!(r#"{{"schemas":["{ERROR}"],"status":503}}"#)),
        (QUERY, 404, &*format!(r#"{{"schemas":["{ERROR}"],"Status":"no"}}"#)),
        ("/Users/u", 404, error.as_str()),
        ("/Users", 404, error.as_str()),
    ] {
        let seen = ask("GET", path, status, body);
        assert_eq!(seen.status, status, "{path} {body}");
        assert_eq!(seen.body["schemas"], json!([ERROR]));
    }
}

#[test]
fn r1_a_group_query_is_answered_where_there_are_no_groups() {
    let settings = Settings { without_groups: true, ..settings() };
    let path = "/Groups?excludedAttributes=members&filter=displayName+eq+%22x%22";
    let incoming = Incoming {
        method: "GET",
        path,
        accept: None,
        content_type: None,
        content_encoding: None,
        body: None,
    };
    let Normalised::Answer { reply, applied } = normalise(&incoming, &settings).unwrap() else {
        panic!("forwarded")
    };
    assert_eq!(reply.status, 200);
    assert_eq!(crate::common::json::parse(&reply.body).unwrap()["totalResults"], 0);
    assert!(applied.iter().any(|applied| applied.rule == "R1"));
}

#[test]
fn r2_completes_a_list() {
    let seen =
        ask("GET", "/Users?startIndex=3&count=5", 200, r#"{"totalresults":"7","resources":[{"id":"u"}]}"#);
    assert_eq!(
        seen.body,
        json!({"schemas":[LIST],"totalResults":7,"startIndex":3,"itemsPerPage":1,"Resources":[{"id":"u"}]})
    );
    let seen = ask("GET", "/Users", 200, r#"[{"id":"u"}]"#);
    assert_eq!(seen.body["totalResults"], 1);
}

#[test]
fn r3_calls_a_message_scim() {
    let seen = with(&settings(), "GET", "/Users/u", 200, "application/json; charset=utf-8", r#"{"id":"u"}"#);
    assert_eq!(seen.repaired.headers, vec![HeaderEdit::set("content-type", MEDIA_TYPE)]);
    assert_eq!(seen.rules, ["R3"]);
}

#[test]
fn r2_makes_no_list_that_is_nested_deeper_than_is_read() {
    let nested =
        |depth: usize| format!("[{{\"id\":\"1\",\"x\":{}{}}}]", "[".repeat(depth - 2), "]".repeat(depth - 2));
    let deep = |depth: usize| with(&settings(), "GET", "/Users", 200, "application/json", &nested(depth));
    let made = deep(63);
    assert_eq!((made.status, made.body["totalResults"].as_u64()), (200, Some(1)));
    assert_eq!(deep(64).status, 502);
}

#[test]
fn r4_makes_a_scim_error_of_every_failure_and_never_passes_html() {
    for (body, detail) in [
        ("<html>password=hunter2</html>", None),
        ("", None),
        (r#"{"message":"not found"}"#, Some("not found")),
        (r#"{"message":" "}"#, None),
        (r#"{"error":{"message":"a\nb"}}"#, Some("a b")),
        (r#"{"detail":"d","message":"m"}"#, Some("d")),
        ("[1]", None),
    ] {
        let seen = with(&settings(), "GET", "/Users/u", 404, "text/html", body);
        assert_eq!(seen.status, 404);
        assert_eq!(seen.body["status"], "404");
        assert_eq!(seen.body.get("detail").and_then(Value::as_str), detail, "{body}");
        assert!(seen.repaired.headers.contains(&HeaderEdit::set("content-type", MEDIA_TYPE)));
    }
    for body in ["<html>password=hunter2</html>", "", r#"{"message":" "}"#] {
        let seen = with(&settings(), "GET", "/Users/u", 503, "text/html", body);
        assert_eq!(seen.body["detail"], "the application answered 503 and did not say why", "{body}");
    }
    let long = format!(r#"{{"message":"{}"}}"#, "é".repeat(5000));
    assert_eq!(ask("GET", "/Users/u", 500, &long).body["detail"].as_str().unwrap().chars().count(), 300);
    let number = format!(r#"{{"schemas":["{ERROR}"],"status":404}}"#);
    assert_eq!(ask("GET", "/Users/u", 404, &number).body["status"], "404");
}

#[test]
fn r4_a_success_that_is_no_answer_is_a_failure_and_never_an_empty_list() {
    for body in [
        "{}",
        "",
        "<html>",
        r#""ok""#,
        "[1]",
        r#"{"id":"u"}"#,
        r#"{"ok":true}"#,
        &*format!(r#"{{"schemas":["{LIST}"]}}"#),
        &*format!(r#"{{"schemas":["{LIST}"],"totalResults":3}}"#),
        &*format!(r#"{{"schemas":["{ERROR}"],"status":"404"}}"#),
        r#"{"totalResults":0,"totalResults":1,"Resources":[]}"#,
    ] {
        let seen = ask("GET", QUERY, 200, body);
        assert_eq!(seen.status, 502, "{body}");
        assert_eq!(seen.body["schemas"], json!([ERROR]));
    }
    for (method, path) in
        [("GET", "/Users/u"), ("POST", "/Users"), ("PATCH", "/Users/u"), ("DELETE", "/Users/u")]
    {
        let seen = with(&settings(), method, path, 200, "text/html", "<html>sign in</html>");
        assert_eq!(seen.status, 502, "{method}");
    }
}

#[test]
fn r4_an_empty_list_that_contradicts_itself_is_a_failure() {
    let named = |rest: &str| format!(r#"{{"schemas":["{LIST}"],{rest}}}"#);
    for body in [
        r#"{"totalResults":5,"Resources":[]}"#.to_owned(),
        named(r#""totalResults":5,"Resources":[]"#),
        named(r#""TotalResults":"5","resources":[]"#),
        named(r#""totalResults":"many","Resources":[]"#),
        named(r#""totalResults":null,"Resources":null"#),
        named(r#""totalResults":0,"Resources":{}"#),
        named(r#""totalResults":0,"Resources":"none""#),
        named(r#""totalResults":1,"Resources":["u"]"#),
        named(r#""totalResults":3,"Resources":null"#),
        r#"{"status":500,"Resources":[]}"#.to_owned(),
        r#"{"status":"404","totalResults":0,"Resources":[]}"#.to_owned(),
        r#"{"Status":"503","message":"down","Resources":[{"id":"u"}]}"#.to_owned(),
    ] {
        for path in [QUERY, "/Users?startIndex=5&count=2"] {
            let seen = ask("GET", path, 200, &body);
            assert_eq!((seen.status, &seen.body["schemas"]), (502, &json!([ERROR])), "{path} {body}");
        }
    }
    for (path, body) in [
        (QUERY, named(r#""totalResults":0,"Resources":null"#)),
        (QUERY, r#"{"Resources":[]}"#.to_owned()),
        ("/Users?startIndex=6&count=5", named(r#""totalResults":5,"Resources":[]"#)),
        ("/Users?count=0", named(r#""totalResults":5,"Resources":[]"#)),
        ("/Users?count=0", named(r#""totalResults":5"#)),
        (QUERY, named(r#""status":"500","totalResults":0,"Resources":[]"#)),
    ] {
        let seen = ask("GET", path, 200, &body);
        assert_eq!((seen.status, &seen.body["Resources"]), (200, &json!([])), "{path} {body}");
    }
}

#[test]
fn r2_makes_no_list_of_what_is_none_even_where_r4_is_switched_off() {
    let settings = Settings { off: ["R4".to_owned()].into(), ..settings() };
    for body in ["{}", r#"{"error":"down"}"#, r#"{"totalResults":5,"Resources":[]}"#] {
        let seen = with(&settings, "GET", QUERY, 200, MEDIA_TYPE, body);
        assert_eq!(seen.body, crate::common::json::parse(body.as_bytes()).unwrap());
    }
}

#[test]
fn r5_leaves_the_body_to_a_client_that_says_that_it_wants_one() {
    for (accept, status) in [
        (None, 204),
        (Some("*/*"), 204),
        (Some("text/html, */*;q=0.8"), 204),
        (Some("application/scim+json"), 200),
        (Some("text/html, Application/JSON;q=0.9"), 200),
    ] {
        let body = br#"{"Operations":[{"op":"add","path":"externalId","value":"x"}]}"#;
        let incoming = Incoming {
            method: "PATCH",
            path: "/Groups/g",
            accept,
            content_type: None,
            content_encoding: None,
            body: Some(body),
        };
        let Ok(Normalised::Forward(outgoing)) = normalise(&incoming, &settings()) else { panic!() };
        let upstream =
            Upstream { status: 200, content_type: Some(MEDIA_TYPE), location: None, body: br#"{"id":"g"}"# };
        assert_eq!(repair(&outgoing.shape, &upstream, &settings()).status, status, "{accept:?}");
    }
}

#[test]
fn r4_an_error_under_a_success_status_is_no_deletion() {
    let body = format!(r#"{{"schemas":["{ERROR}"],"status":"500"}}"#);
    for (method, path) in
        [("DELETE", "/Users/u"), ("DELETE", "/Groups/g"), ("PATCH", "/Groups/g"), ("POST", "/Users")]
    {
        let seen = ask(method, path, 200, &body);
        assert_eq!((seen.status, seen.rules), (502, vec!["R4"]), "{method} {path}");
        let off = Settings { off: ["R4".to_owned()].into(), ..settings() };
        let seen = with(&off, method, path, 200, MEDIA_TYPE, &body);
        assert_eq!(seen.status, 200, "{method} {path}: what it says is passed on, and is no 201 or 204");
    }
}

#[test]
fn r5_gives_a_success_its_status() {
    for (method, path, status, body, want) in [
        ("POST", "/Users", 200, r#"{"id":"u"}"#, 201),
        ("DELETE", "/Users/u", 200, r#"{"ok":true}"#, 204),
        ("PATCH", "/Groups/g", 200, r#"{"id":"g"}"#, 204),
        ("PATCH", "/Groups/g?attributes=id", 200, r#"{"id":"g"}"#, 200),
        ("PATCH", "/Users/u", 200, r#"{"id":"u"}"#, 200),
        ("PATCH", "/Users/u", 200, "", 204),
    ] {
        let seen = ask(method, path, status, body);
        assert_eq!(seen.status, want, "{method} {path}");
        assert_eq!(
            want == 204 && !body.is_empty(),
            seen.repaired.body.as_deref() == Some(b"") && !body.is_empty()
        );
    }
}

#[test]
fn r6_leaves_excluded_members_out() {
    let body = r#"{"id":"g","members":[{"value":"u"}]}"#;
    assert_eq!(ask("GET", "/Groups/g?excludedAttributes=Members", 200, body).body, json!({"id":"g"}));
    assert_eq!(ask("GET", "/Groups/g", 200, body).body["members"][0]["value"], "u");
}

#[test]
fn r7_gives_resources_the_types_of_the_schema() {
    let body = r#"{"Id":7,"UserName":"a","title":null,"active":"True","emails":[{"value":"x","primary":"false","type":null}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"m"}}"#;
    assert_eq!(
        ask("GET", "/Users/u", 200, body).body,
        json!({"id":"7","userName":"a","active":true,"emails":[{"value":"x","primary":false}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"}}})
    );
}

#[test]
fn r8_gives_location_and_references_the_public_base_and_nothing_else() {
    let public = "https://edge.example/scim/v2/entra/Users/u";
    for (url, want) in [
        ("https://app.example/app-scim/v2/Users/u", public),
        ("http://10.0.0.1:8080/v2/Users/u", public),
        ("/app-scim/v2/Users/u", public),
        ("/v2/Users/u", public),
        (public, public),
        ("https://app.example/app-scim/v20/Users/u", "https://app.example/app-scim/v20/Users/u"),
        ("https://app.example/people/u", "https://app.example/people/u"),
        ("http://localhost:8080/v2/Users/u?x=1", "https://edge.example/scim/v2/entra/Users/u?x=1"),
        ("https://app.example/v2/users/u", "https://edge.example/scim/v2/entra/users/u"),
        ("https://app.example/v2/Users", "https://edge.example/scim/v2/entra/Users"),
        ("https://docs.example/v2/Users-guide", "https://docs.example/v2/Users-guide"),
        ("https://docs.example/v2/guide/u", "https://docs.example/v2/guide/u"),
        ("https://docs.example/v2", "https://docs.example/v2"),
        ("https://docs.example/x/v2/Users/u", "https://docs.example/x/v2/Users/u"),
        ("https://app.example/v2/Users/../../admin", "https://app.example/v2/Users/../../admin"),
        ("https://app.example/v2/Users/%2E%2e/x", "https://app.example/v2/Users/%2E%2e/x"),
        ("https:///v2/Users/u", "https:///v2/Users/u"),
        ("../Users/u", "../Users/u"),
        ("//evil.example/v2/Users/u", "//evil.example/v2/Users/u"),
        ("javascript://x/v2/Users/u", "javascript://x/v2/Users/u"),
    ] {
        let body =
            json!({"id":"u","profileUrl":url,"meta":{"location":url},"groups":[{"$ref":url,"value":url}]});
        let outgoing = asked("GET", "/Users/u", &settings());
        let text = body.to_string();
        let upstream = Upstream {
            status: 200,
            content_type: Some(MEDIA_TYPE),
            location: Some(url),
            body: text.as_bytes(),
        };
        let repaired = repair(&outgoing.shape, &upstream, &settings());
        let seen = crate::common::json::parse(&repaired.body.unwrap_or(text.clone().into_bytes())).unwrap();
        assert_eq!(
            seen,
            json!({"id":"u","profileUrl":url,"meta":{"location":want},"groups":[{"$ref":want,"value":url}]}),
            "{url}"
        );
        let mut headers = Headers::from([("location", url)]);
        repaired.headers.iter().for_each(|edit| headers.apply(edit));
        assert_eq!(headers.text("location"), Some(want), "{url}");
    }
}

#[test]
fn r8_takes_below_a_root_only_the_endpoints_of_scim() {
    let settings = Settings { cluster_base: Some(String::new()), ..settings() };
    let of = |path: &str, url: &str| {
        let body = json!({"id":"u","meta":{"location":url},"members":[{"$ref":url}]}).to_string();
        let seen = with(&settings, "GET", path, 200, MEDIA_TYPE, &body).body;
        (
            seen["meta"]["location"].as_str().unwrap().to_owned(),
            seen["members"][0]["$ref"].as_str().unwrap().to_owned(),
        )
    };
    for url in [
        "https://docs.example/Users-guide",
        "https://docs.example/Users.html",
        "https://docs.example/",
        "/Userspace",
    ] {
        assert_eq!(of("/Users/u", url), (url.to_owned(), url.to_owned()), "{url}");
    }
    let public = "https://edge.example/scim/v2/entra/Users/u".to_owned();
    assert_eq!(of("/Users/u", "http://127.0.0.1:3000/Users/u"), (public.clone(), public.clone()));
    // A resource's own location is at its own endpoint; a reference may point to another.
    let foreign = "http://127.0.0.1:3000/Users/u";
    assert_eq!(of("/Groups/g", foreign), (foreign.to_owned(), public));
    let team = "https://edge.example/scim/v2/entra/Teams/t".to_owned();
    assert_eq!(of("/Teams/t", "/Teams/t"), (team.clone(), team));
}

#[test]
fn r9_calls_a_duplicate_a_conflict() {
    let body = format!(r#"{{"schemas":["{ERROR}"],"status":"400","scimType":"uniqueness"}}"#);
    let seen = ask("POST", "/Users", 400, &body);
    assert_eq!((seen.status, &seen.body["status"]), (409, &json!("409")));
    assert_eq!(ask("GET", "/Users/u", 400, &body).status, 400);
}

#[test]
fn r9_knows_a_duplicate_in_an_error_without_a_schema() {
    let body = r#"{"scimType":"uniqueness","detail":"taken","status":"400"}"#;
    for (method, path) in [("POST", "/Users"), ("PATCH", "/Users/u")] {
        let seen = ask(method, path, 400, body);
        assert_eq!(seen.status, 409, "{method}");
        let want = json!({"schemas": [ERROR], "status": "409", "scimType": "uniqueness", "detail": "taken"});
        assert_eq!(seen.body, want);
        assert!(seen.rules.contains(&"R9") && seen.rules.contains(&"R4"), "{:?}", seen.rules);
    }
    assert_eq!(ask("GET", "/Users/u", 400, body).status, 400);
    for other in
        [r#"{"scimType":"invalidValue"}"#, r#"{"detail":"uniqueness"}"#, r#"{"scimType":["uniqueness"]}"#]
    {
        assert_eq!(ask("POST", "/Users", 400, other).status, 400, "{other}");
    }
}

#[test]
fn r4_keeps_the_keyword_of_an_error_where_it_is_one_of_scims() {
    for (said, want) in [
        (json!("noTarget"), json!("noTarget")),
        (json!("MUTABILITY"), json!("mutability")),
        (json!("<b>mine</b>"), Value::Null),
        (json!(7), Value::Null),
    ] {
        let seen = ask("PATCH", "/Users/u", 400, &json!({"scimType": said}).to_string());
        assert_eq!((seen.status, &seen.body["scimType"]), (400, &want), "{said}");
    }
}

#[test]
fn r11_hides_that_the_filters_own_credential_is_refused() {
    let own = Settings { own_credential: true, ..settings() };
    for status in [401, 403] {
        for (method, path) in
            [("GET", QUERY), ("POST", "/Users"), ("PATCH", "/Users/u"), ("DELETE", "/Users/u")]
        {
            let seen = with(&own, method, path, status, "text/plain", "no");
            assert_eq!((seen.status, &seen.body["status"]), (502, &json!("502")), "{method} {status}");
            assert!(seen.body["detail"].is_string());
            assert!(seen.repaired.headers.contains(&HeaderEdit::remove("www-authenticate")));
            assert_eq!(with(&settings(), method, path, status, "text/plain", "no").status, status);
        }
    }
}

#[test]
fn r12_drops_what_does_not_match() {
    let list = |names: &[&str], total: usize| {
        let items: Vec<Value> = names.iter().map(|name| json!({"id": name, "userName": name})).collect();
        json!({"schemas":[LIST],"totalResults":total,"startIndex":1,"itemsPerPage":names.len(),"Resources":items}).to_string()
    };
    for (names, total, left) in [
        (vec!["ADA", "adam"], 2, 1),
        (vec!["ada", "Ada"], 2, 2),
        // An application that cuts names, knows accounts by another domain, trims or composes letters differently may mean this one.
        (vec!["ad"], 1, 1),
        (vec!["ada@n.example"], 1, 1),
        (vec!["CORP\\Ada", "root"], 2, 2),
        (vec![" ada "], 1, 1),
        (vec!["ad\u{e1}"], 1, 1),
        (vec!["ada\u{301}"], 1, 1),
        (vec!["ada", "adam"], 9, 2),
        (vec!["adam"], 9, 1),
    ] {
        let seen = ask("GET", QUERY, 200, &list(&names, total));
        assert_eq!(seen.body["Resources"].as_array().unwrap().len(), left, "{names:?}");
    }
}

#[test]
fn r12_hands_nobody_out_for_somebody_else() {
    let list = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| json!({"id": name, "userName": name})).collect();
        json!({"schemas":[LIST],"totalResults":names.len(),"Resources":items}).to_string()
    };
    for names in [vec!["adam"], vec!["root"], vec!["adam", "adah"]] {
        let seen = ask("GET", QUERY, 200, &list(&names));
        assert_eq!((seen.status, &seen.body["schemas"]), (502, &json!([ERROR])), "{names:?}");
        assert_eq!(seen.rules.last(), Some(&"R12"), "{names:?}");
    }
    assert_eq!(ask("GET", QUERY, 200, &list(&[])).status, 200, "nobody is an answer");
}

#[test]
fn r12_leaves_whom_another_attribute_names() {
    let by_mail = |mail: &str| {
        let user = json!({"id": "u-1", "userName": "lovelace", "emails": [{"value": mail}]});
        json!({"schemas": [LIST], "totalResults": 1, "Resources": [user]}).to_string()
    };
    for (mail, status) in [("ada@n.example", 200), ("eve@n.example", 502)] {
        assert_eq!(ask("GET", QUERY, 200, &by_mail(mail)).status, status, "{mail}");
    }
}

#[test]
fn r13_and_r14_change_discovery_only_where_they_are_asked_to() {
    let schemas = r#"{"Resources":[{"attributes":[{"name":"password"},{"name":"emails","subAttributes":[{"name":"display"}]}]}]}"#;
    let validator = Settings { validator_mode: true, ..settings() };
    let seen = with(&validator, "GET", "/Schemas", 200, MEDIA_TYPE, schemas);
    assert_eq!(seen.body["Resources"][0]["attributes"], json!([{"name":"emails","subAttributes":[]}]));
    assert!(ask("GET", "/Schemas", 200, schemas).repaired.body.is_none());
    let own = Settings { own_credential: true, ..settings() };
    let seen = with(&own, "GET", "/ServiceProviderConfig", 200, MEDIA_TYPE, r#"{"patch":{}}"#);
    assert_eq!(seen.body["authenticationSchemes"][0]["type"], "oauthbearertoken");
}

#[test]
fn a_head_request_keeps_its_empty_body() {
    let seen = with(&settings(), "HEAD", "/Users/u", 404, "text/html", "");
    assert_eq!(seen.status, 404);
    assert!(seen.repaired.body.is_none());
}
