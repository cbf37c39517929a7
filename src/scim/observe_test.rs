use super::super::ability::Mode;
use super::super::change::ChangeKind;
use super::super::response::{Upstream, repair};
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn settings() -> Settings {
    Settings { mode: Mode::Observe, ..Settings::default() }
}

fn send(settings: &Settings, method: &str, path: &str, body: &str) -> Result<Normalised, ScimError> {
    let body = (!body.is_empty()).then_some(body.as_bytes());
    let content_type = body.map(|_| "application/json; charset=utf-8");
    let incoming = Incoming { method, path, accept: None, content_type, content_encoding: None, body };
    super::super::normalise(&incoming, settings)
}

fn passed(settings: &Settings, method: &str, path: &str, body: &str) -> Box<Outgoing> {
    match send(settings, method, path, body).unwrap() {
        Normalised::Forward(outgoing) => {
            assert_eq!((outgoing.method.as_str(), outgoing.path.as_str()), (method, path));
            assert_eq!(outgoing.body.as_deref().unwrap_or_default(), body.as_bytes());
            assert!(outgoing.headers.is_empty() && outgoing.lookup.is_none());
            outgoing
        }
        Normalised::Answer { .. } => panic!("answered"),
    }
}

fn rules(outgoing: &Outgoing) -> Vec<&'static str> {
    outgoing.applied.iter().map(|applied| applied.rule).collect()
}

#[test]
fn a_request_goes_on_as_it_came_and_the_record_says_what_would_have_been() {
    let outgoing = passed(
        &settings(),
        "PATCH",
        "//Users/u-1/?aadOptscim062020",
        r#"{"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#,
    );
    assert_eq!(rules(&outgoing), ["T2", "T3", "T4", "T5", "T1", "P1", "P2"]);
    assert_eq!(outgoing.observed, Some(Observed::default()));
    assert_eq!(outgoing.change.unwrap().kind, ChangeKind::Deactivate);
    let outgoing =
        passed(&settings(), "GET", "/Users?filter=emails[type+eq+%22work%22].value+eq+%22x%22", "");
    assert_eq!(rules(&outgoing), ["T3", "F1", "F2"]);
}

#[test]
fn what_would_be_refused_goes_on_and_the_refusal_is_told() {
    for (method, path, body, code) in [
        ("PATCH", "/Users/u", "{", "json_syntax"),
        ("PATCH", "/Users/u", r#"{"Operations":[{"op":"Remove"}]}"#, "scim_no_target"),
        ("GET", "/Users?filter=nonsense", "", "scim_filter"),
        (
            "PATCH",
            "/Groups/g",
            r#"{"Operations":[{"op":"remove","path":"members","value":[7]}]}"#,
            "scim_value",
        ),
    ] {
        let outgoing = passed(&settings(), method, path, body);
        let refusal = outgoing.observed.unwrap().refusal.unwrap();
        if code == "json_syntax" {
            assert!(matches!(refusal, ScimError::Json(_)));
        } else {
            assert_eq!(refusal.code(), code, "{path}");
        }
    }
}

#[test]
fn nothing_is_answered_here() {
    let settings = Settings { without_groups: true, ..settings() };
    let outgoing = passed(&settings, "GET", "/Groups?filter=displayName+eq+%22x%22", "");
    assert!(outgoing.observed.as_ref().unwrap().answered && rules(&outgoing).contains(&"R1"));
    let outgoing = passed(&settings, "POST", "/Groups", r#"{"displayName":"g"}"#);
    assert_eq!(outgoing.observed.unwrap().refusal.unwrap().code(), "scim_unsupported");
    let outgoing = passed(&self::settings(), "PATCH", "/Users/u", r#"{"Operations":[]}"#);
    assert!(outgoing.observed.unwrap().answered);
}

#[test]
fn what_the_operator_chose_to_drop_is_still_sent_and_still_counts() {
    let settings = Settings {
        abilities: Abilities { user_name_change: super::super::UserNameChange::Drop, ..Abilities::default() },
        ..settings()
    };
    let body = r#"{"Operations":[{"op":"replace","path":"userName","value":"bea"}]}"#;
    let outgoing = passed(&settings, "PATCH", "/Users/u", body);
    assert_eq!(rules(&outgoing), ["T3", "T4", "T5", "X2"]);
    let change = outgoing.change.unwrap();
    assert_eq!((change.kind, change.keys.iter().collect::<Vec<_>>()), (ChangeKind::Rename, vec!["bea"]));
}

#[test]
fn a_write_that_cannot_be_read_counts_as_a_deactivation() {
    for body in [
        "{",
        "\u{feff}{}",
        r#"{"Operations":7}"#,
        r#"{"Operations":[{"op":"replace","path":"x y z","value":false}]}"#,
        r#"{"Operations":[{"op":"replace","path":"title","value":"t"}],"operations":[]}"#,
        r#"{"Operations":[{"op":"replace","value":{"active":true,"Active":"False"}}]}"#,
        r#"{"active":true,"active":false}"#,
    ] {
        let change = passed(&settings(), "PATCH", "/Users/u%2D1", body).change.unwrap();
        assert_eq!((change.kind, change.user_id.as_deref()), (ChangeKind::Deactivate, Some("u-1")), "{body}");
    }
    assert_eq!(passed(&settings(), "PUT", "/Users/u", "[]").change.unwrap().kind, ChangeKind::Deactivate);
    let zipped = Incoming {
        method: "PATCH",
        path: "/Users/u",
        accept: None,
        content_type: None,
        content_encoding: Some("gzip"),
        body: Some(b"\x1f\x8b"),
    };
    let Ok(Normalised::Forward(outgoing)) = super::super::normalise(&zipped, &settings()) else { panic!() };
    assert_eq!(outgoing.change.unwrap().kind, ChangeKind::Deactivate);
}

#[test]
fn nobody_is_let_in_or_locked_out_by_what_says_nothing_of_it() {
    for (method, path, body) in [
        ("POST", "/Users", "{"),
        ("POST", "/Users", r#"{"userName":"a","active":true,"Active":"true"}"#),
        ("PATCH", "/Groups/g", "{"),
        ("GET", "/Users/u?filter=%", ""),
        (
            "PATCH",
            "/Users/u?filter=nonsense",
            r#"{"Operations":[{"op":"replace","path":"title","value":"t"}]}"#,
        ),
        ("PATCH", "/Users/u", r#"{"Operations":[{"op":"replace","path":"meta","value":"t"}]}"#),
    ] {
        assert_eq!(passed(&settings(), method, path, body).change, None, "{method} {path} {body}");
    }
    let body = r#"{"Operations":[{"op":"replace","path":"active","value":true}]}"#;
    let change = passed(&settings(), "PATCH", "/Users/u?filter=nonsense", body).change.unwrap();
    assert_eq!(change.kind, ChangeKind::Reactivate);
}

#[test]
fn a_path_that_may_lead_elsewhere_is_refused_all_the_same() {
    for (method, path) in [
        ("GET", "/Users/../../admin"),
        ("DELETE", "/Users/u%2f..%2fv"),
        ("PATCH", "/Me"),
        ("POST", "/Bulk"),
        ("PATCH", "/User/u"),
        ("PATCH", "/Users/u/active"),
    ] {
        let body = if matches!(method, "PATCH" | "POST") { "{}" } else { "" };
        assert!(send(&settings(), method, path, body).is_err(), "{method} {path}");
    }
}

#[test]
fn an_answer_goes_on_as_it_came() {
    let outgoing = passed(&settings(), "GET", "/Users?filter=userName+eq+%22a%22", "");
    let upstream = Upstream {
        status: 404,
        content_type: Some("text/html"),
        location: None,
        body: b"<html>no route</html>",
    };
    let repaired = repair(&outgoing.shape, &upstream, &settings());
    assert!(repaired.observed && repaired.headers.is_empty() && repaired.body.is_none());
    assert_eq!(
        (repaired.status, repaired.applied.iter().map(|one| one.rule).collect::<Vec<_>>()),
        (404, vec!["R4"])
    );
}
