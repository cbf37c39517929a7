//! Strict mode: what is certain is repaired, what is a matter of judgement is refused and named.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn send(settings: &Settings, method: &str, path: &str, body: &str) -> Result<Normalised, ScimError> {
    let body = (!body.is_empty()).then_some(body.as_bytes());
    normalise(
        &Incoming { method, path, accept: None, content_type: None, content_encoding: None, body },
        settings,
    )
}

fn strict() -> Settings {
    Settings { mode: Mode::Strict, ..Settings::default() }
}

fn patch(operation: &str) -> String {
    format!(r#"{{"Operations":[{operation}]}}"#)
}

#[test]
fn a_judgement_is_refused_with_its_rule_and_made_in_normalise() {
    let nobody =
        format!(r#"{{"userName":"a","{ENTERPRISE}":{{"manager":{{"value":""}},"department":"d"}}}}"#);
    for (rule, method, path, body, scim_type) in [
        ("F4", "GET", "/Users?filter=externalId+eq+ada", String::new(), "invalidFilter"),
        ("F5", "GET", "/Users?filter=manager+eq+%22m%22", String::new(), "invalidFilter"),
        ("F6", "GET", "/Users?filter=displayName+eq+%22a+%22b%22+c%22", String::new(), "invalidFilter"),
        ("F7", "GET", "/Users?filter=displayName+eq+%2210%%22", String::new(), "invalidFilter"),
        (
            "F4",
            "PATCH",
            "/Users/u",
            patch(r#"{"op":"add","path":"emails[type eq work].value","value":"a"}"#),
            "invalidPath",
        ),
        (
            "F6",
            "PATCH",
            "/Users/u",
            patch(r#"{"op":"add","path":"emails[type eq \"a\"b\"].value","value":"a"}"#),
            "invalidPath",
        ),
        (
            "P9",
            "PATCH",
            "/Users/u",
            patch(&format!(r#"{{"op":"replace","path":"{ENTERPRISE}:manager","value":""}}"#)),
            "invalidValue",
        ),
        (
            "P21",
            "PATCH",
            "/Groups/g",
            patch(r#"{"op":"remove","path":"members","value":[]}"#),
            "invalidValue",
        ),
        (
            "P25",
            "PATCH",
            "/Groups/g",
            patch(r#"{"op":"add","path":"members","value":[{"value":"u","displayName":"U"}]}"#),
            "invalidValue",
        ),
        (
            "P35",
            "PATCH",
            "/Users/u",
            patch(r#"{"op":"add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"a\"}"}]}"#),
            "invalidValue",
        ),
        ("P41", "PATCH", "/Users/u", patch(r#"{"op":"replace","path":"title","value":""}"#), "invalidValue"),
        ("P43", "PATCH", "/Users/u", patch(""), "invalidSyntax"),
        (
            "C6",
            "POST",
            "/Users",
            r#"{"schemas":["urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],"userName":"a"}"#
                .into(),
            "invalidSyntax",
        ),
        ("C7", "POST", "/Users", r#"{"userName":"a","roles":[{"displayName":"R"}]}"#.into(), "invalidValue"),
        ("C8", "POST", "/Users", nobody, "invalidValue"),
        ("C10", "POST", "/Users", r#"{"userName":"a","name.givenName":"A"}"#.into(), "invalidSyntax"),
    ] {
        let error = send(&strict(), method, path, &body).unwrap_err();
        let reply = error.reply();
        let told = crate::common::json::parse(&reply.body).unwrap();
        assert_eq!(reply.status, 400, "{rule} {told}");
        assert_eq!(told["scimType"], scim_type, "{rule} {told}");
        assert!(told["detail"].as_str().unwrap().contains(&format!("rule {rule} ")), "{told}");
        assert!(send(&Settings::default(), method, path, &body).is_ok(), "{rule}");
        let off = Settings { off: [rule.to_owned()].into(), ..strict() };
        if let Err(ScimError::Judgement { rule: other, .. }) = send(&off, method, path, &body) {
            assert_ne!(other, rule, "a rule that is switched off refuses nothing");
        }
    }
}

#[test]
fn what_is_certain_or_means_the_same_is_repaired_as_ever() {
    for (method, path, body) in [
        ("GET", "//Users/?aadOptscim062020&startindex=0&filter=userName+eq+%22a%22", String::new()),
        ("GET", "/Users?filter=emails[type+eq+%22work%22].value+eq+%22x%22", String::new()),
        ("PATCH", "/Users/u", patch(r#"{"op":"Replace","path":"active","value":"False","name":"x"}"#)),
        ("PATCH", "/Users/u", patch(r#"{"op":"Replace","value":{"name.givenName":"A"}}"#)),
        ("PATCH", "/Users/u", patch(r#"{"op":"Replace","path":"manager","value":"u-2"}"#)),
        ("PATCH", "/Users/u", patch(r#"{"op":"Replace","path":"manager","value":null}"#)),
        ("PATCH", "/Users/u", patch(r#"{"op":"Replace","path":"emails","value":[]}"#)),
        (
            "PATCH",
            "/Groups/g",
            patch(r#"{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u"}]}"#),
        ),
        ("POST", "/Users", r#"{"UserName":"a","active":"True","id":"1","title":null}"#.into()),
    ] {
        let normalise = send(&Settings::default(), method, path, &body);
        let strict = send(&strict(), method, path, &body);
        let (Ok(Normalised::Forward(first)), Ok(Normalised::Forward(second))) = (normalise, strict) else {
            panic!("{method} {path} {body}")
        };
        assert_eq!((&first.path, &first.body, &first.applied), (&second.path, &second.body, &second.applied));
    }
}

#[test]
fn a_backslash_that_the_operator_has_spoken_about_is_no_judgement() {
    let path = "/Users?filter=userName+eq+%22CORP%5C%5CAudit%22";
    let settings = Settings { literal_backslash: true, ..strict() };
    let Ok(Normalised::Forward(outgoing)) = send(&settings, "GET", path, "") else { panic!() };
    assert!(outgoing.applied.iter().any(|applied| applied.rule == "F6"));
}

#[test]
fn a_listed_schema_that_the_application_lacks_is_a_judgement_and_a_missing_one_is_not() {
    let settings =
        Settings { known_schemas: Some(std::collections::BTreeSet::from(["urn:x".into()])), ..strict() };
    let listed = format!(r#"{{"schemas":["{ENTERPRISE}"],"userName":"a"}}"#);
    assert_eq!(send(&settings, "POST", "/Users", &listed).unwrap_err().code(), "scim_judgement");
    let missing = format!(r#"{{"schemas":["urn:x"],"userName":"a","{ENTERPRISE}":{{"department":"d"}}}}"#);
    assert!(send(&settings, "POST", "/Users", &missing).is_ok());
}

#[test]
fn a_refused_value_path_is_not_tried_again() {
    let body = patch(r#"{"op":"add","path":"emails[type eq \"work\"].value","value":"a"}"#);
    let lookup = |settings: &Settings| match send(settings, "PATCH", "/Users/u", &body) {
        Ok(Normalised::Forward(outgoing)) => outgoing.lookup,
        other => panic!("{other:?}"),
    };
    assert!(lookup(&Settings::default()).is_some());
    assert_eq!(lookup(&strict()), None);
}

#[test]
fn answers_are_mended_as_in_normalise() {
    let Ok(Normalised::Forward(outgoing)) = send(&strict(), "GET", "/Users?filter=userName+eq+%22a%22", "")
    else {
        panic!()
    };
    let body = br#"[{"id":"1","userName":"a"},{"id":"2","userName":"b"}]"#;
    let upstream = Upstream { status: 200, content_type: None, location: None, body };
    let mended = |settings: &Settings| repair(&outgoing.shape, &upstream, settings);
    assert_eq!(mended(&strict()).applied, mended(&Settings::default()).applied);
    assert_eq!(mended(&strict()).body, mended(&Settings::default()).body);
}
