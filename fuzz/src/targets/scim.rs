//! Provisioning: paths, filters, URLs, resources and lists. PATCH messages have a file of their own.

use serde_json::{Value, json};
use vestibule::common::json::parse;
use vestibule::scim::fuzzing::{account_change, strict_filter, strict_path, tolerant_filter, tolerant_path};
use vestibule::scim::{
    Action, ChangeKind, Incoming, MEDIA_TYPE, Normalised, Outgoing, RequestShape, Settings, Upstream,
    catalogue, normalise, repair,
};

use crate::planted;
use crate::support::{digest, grows_linearly, text};

/// Schema of a SCIM error (RFC 7644 section 3.12).
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

pub fn settings() -> Settings {
    Settings {
        public_base: "https://edge.example/scim".into(),
        application_base: "/app/scim".into(),
        ..Settings::default()
    }
}

fn incoming<'a>(method: &'a str, path: &'a str, body: &'a [u8]) -> Incoming<'a> {
    Incoming {
        method,
        path,
        accept: Some(MEDIA_TYPE),
        content_type: Some(MEDIA_TYPE),
        content_encoding: None,
        body: (!body.is_empty()).then_some(body),
    }
}

/// Normalises, and holds what is true of every request: a refusal is a SCIM error, what is forwarded is JSON and does
/// not change when it is normalised once more, and what it means for a person's access stays.
pub fn normalised(method: &str, path: &str, body: &[u8], settings: &Settings) -> Option<Box<Outgoing>> {
    let first = match normalise(&incoming(method, path, body), settings) {
        Ok(Normalised::Forward(outgoing)) => outgoing,
        Ok(Normalised::Answer { reply, .. }) => {
            assert!(matches!(reply.status, 200 | 204));
            assert!(reply.body.is_empty() || parse(&reply.body).is_ok());
            return None;
        }
        Err(error) => {
            let reply = error.reply();
            let told = parse(&reply.body).unwrap();
            assert!((400..600).contains(&reply.status));
            assert_eq!(told["status"], reply.status.to_string());
            assert_eq!(told["schemas"], json!([ERROR_SCHEMA]));
            return None;
        }
    };
    let written = first.body.clone().unwrap_or_default();
    assert!(written.is_empty() || parse(&written).is_ok());
    match normalise(&incoming(&first.method, &first.path, &written), settings) {
        Ok(Normalised::Forward(second)) => {
            assert_eq!(second.path, first.path);
            assert_eq!(text(&second.body.unwrap_or_default()), text(&written));
            assert_eq!(second.applied, vec![]);
        }
        other => panic!("{other:?} of {}", String::from_utf8_lossy(&written)),
    }
    keeps_change(&first);
    Some(first)
}

/// No rewrite makes or hides a change of access.
fn keeps_change(outgoing: &Outgoing) {
    let path = outgoing.path.split('?').next().unwrap_or_default();
    let after = outgoing.body.as_deref().and_then(|body| account_change(&outgoing.method, path, body));
    let kinds = [outgoing.change.as_ref(), after.as_ref()]
        .map(|change| change.map(|change| change.kind).filter(|kind| *kind != ChangeKind::Rename));
    if outgoing.body.is_some() {
        assert_eq!(kinds[0], kinds[1]);
    }
}

/// The same with some rules switched off, where only the change of access and the form must stay.
pub fn with_rules_off(method: &str, path: &str, body: &[u8]) {
    let chosen = digest(body);
    let off = catalogue().into_iter().map(|rule| rule.id.to_owned()).enumerate();
    let off = off.filter(|(at, _)| chosen.rotate_left(*at as u32) & 7 == 0).map(|(_, id)| id).collect();
    let settings = Settings { off, ..settings() };
    if let Ok(Normalised::Forward(outgoing)) = normalise(&incoming(method, path, body), &settings) {
        assert!(outgoing.body.as_deref().is_none_or(|body| parse(body).is_ok()));
        keeps_change(&outgoing);
    }
}

/// Where no rule says that it changed something in the body, nothing in it has changed.
pub fn changes_only_by_rule(before: &[u8], outgoing: &Outgoing) {
    let silent =
        outgoing.applied.iter().all(|applied| applied.place.starts_with("header") || applied.place == "path");
    if let (true, Some(after)) = (silent, &outgoing.body) {
        assert_eq!(parse(before), parse(after));
    }
}

/// How many different rules were applied.
pub fn rules(outgoing: &Outgoing) -> usize {
    let rules: std::collections::BTreeSet<_> = outgoing.applied.iter().map(|applied| applied.rule).collect();
    rules.len()
}

/// A path of a PATCH operation: what is printed reads as the same path, in both ways of reading and as an operation.
pub fn path(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(path) = strict_path(text) {
        let printed = path.to_string();
        assert_eq!(strict_path(&printed).as_ref(), Some(&path), "{printed}");
        planted!(printed.contains(" ge ") && printed.contains("]."));
    }
    if let Some(path) = tolerant_path(text) {
        let printed = path.to_string();
        assert_eq!(strict_path(&printed).as_ref(), Some(&path), "{printed}");
    }
    for (resource, operation) in [
        ("/Users/u", json!({"op": "Replace", "path": text, "value": "x"})),
        ("/Users/u", json!({"op": "Add", "path": text, "value": [{"value": "x"}]})),
        ("/Groups/g", json!({"op": "Remove", "path": text})),
    ] {
        let body = json!({"Operations": [operation]}).to_string();
        normalised("PATCH", resource, body.as_bytes(), &settings());
    }
}

/// A filter: what is printed reads as the same filter, and in a query it is forwarded as it was understood.
pub fn filter(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let strict = strict_filter(text);
    if let Some(filter) = &strict {
        let printed = filter.to_string();
        assert_eq!(strict_filter(&printed).as_ref(), Some(filter), "{printed}");
        planted!(printed.contains(" or not ("));
    }
    if let Some(filter) = tolerant_filter(text) {
        let printed = filter.to_string();
        assert_eq!(strict_filter(&printed).as_ref(), Some(&filter), "{printed}");
    }
    for resource in ["/Users", "/Groups"] {
        let path = format!("{resource}?filter={}", encoded(text));
        if let Some(outgoing) = normalised("GET", &path, b"", &settings()) {
            let sent = outgoing.path.split_once("?filter=").map(|(_, filter)| decoded(filter));
            let understood = outgoing.shape.filter.as_ref().map(ToString::to_string);
            assert_eq!(sent, understood);
        }
    }
    if strict.is_some() && digest(data) & 255 == 0 {
        let make = |copies: usize| {
            let all = vec![format!("({text})"); copies];
            all.join(" and ").into_bytes()
        };
        grows_linearly(&make, &|data| drop(strict_filter(std::str::from_utf8(data).unwrap())));
        grows_linearly(&make, &|data| drop(tolerant_filter(std::str::from_utf8(data).unwrap())));
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Percent-encoding undone, and nothing else.
fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}

/// A whole URL, with its method in front: `GET /Users?count=1`.
pub fn query(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (method, path) = text.split_once(' ').unwrap_or(("GET", text));
    let body: &[u8] = if matches!(method, "POST" | "PUT") { b"{}" } else { b"" };
    let Some(outgoing) = normalised(method, path, body, &settings()) else { return };
    let written = &outgoing.path;
    assert!(written.starts_with('/'));
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
    let (path, query) = written.split_once('?').unwrap_or((written, ""));
    assert!(!path.contains("//") && !path.contains(['#', ';', '\\']), "{written}");
    assert!(path.split('/').all(|segment| !matches!(decoded(segment).as_str(), "." | "..")));
    for flag in ["aadOptscim062020", "AzureAdScimPatch062020", "AzureAdScimPatch2017"] {
        let names = query.split('&').map(|part| decoded(part.split('=').next().unwrap_or_default()));
        assert!(!names.into_iter().any(|name| name.trim().eq_ignore_ascii_case(flag)), "{written}");
    }
    for number in query.split('&').filter_map(|part| part.strip_prefix("startIndex=")) {
        assert!(!number.parse::<i64>().is_ok_and(|number| number < 1), "{written}");
    }
    assert_eq!(outgoing.shape.filter.is_some(), query.split('&').any(|part| part.starts_with("filter=")));
    let shape = &outgoing.shape;
    planted!(shape.filter.is_some() && shape.count.is_some());
}

/// A resource in a create or a replacement.
pub fn resource(data: &[u8]) {
    for (method, path) in [("POST", "/Users"), ("PUT", "/Users/u"), ("POST", "/Groups")] {
        if let Some(outgoing) = normalised(method, path, data, &settings()) {
            changes_only_by_rule(data, &outgoing);
            planted!(rules(&outgoing) >= 6);
        }
        with_rules_off(method, path, data);
    }
    if let Some(body) = parse(data).ok().filter(|_| digest(data) & 255 == 0) {
        let make = |copies| json!({"userName": "u", "emails": vec![&body; copies]}).to_string().into_bytes();
        let run = |body: &[u8]| drop(normalise(&incoming("POST", "/Users", body), &settings()));
        grows_linearly(&make, &run);
    }
}

/// An answer of the application: the first line is its status and the request's path, the rest its body.
pub fn list(data: &[u8]) {
    let Some((head, body)) = text(data).and_then(|text| text.split_once('\n')) else { return };
    let Some((status, path)) = head.split_once(' ') else { return };
    let Some(status) = status.parse::<u16>().ok().filter(|status| (200..600).contains(status)) else {
        return;
    };
    if status == 204 && !body.is_empty() {
        // There is no such message (RFC 9110 section 6.4.1).
        return;
    }
    let settings = settings();
    let asked = normalise(&incoming("GET", path, b""), &settings);
    let Ok(Normalised::Forward(outgoing)) = asked else { return };
    let upstream =
        Upstream { status, content_type: Some("application/json"), location: None, body: body.as_bytes() };
    let repaired = repair(&outgoing.shape, &upstream, &settings);
    let after = repaired.body.as_deref().unwrap_or(body.as_bytes());
    if repaired.body.as_ref().is_some_and(|body| !body.is_empty()) {
        assert!(parse(after).is_ok());
    }
    if (200..300).contains(&repaired.status) && outgoing.shape.action == Action::List {
        success(&outgoing.shape, &upstream, after);
    }
    if (200..300).contains(&repaired.status) {
        let again = repair(
            &outgoing.shape,
            &Upstream { status: repaired.status, body: after, ..upstream },
            &settings,
        );
        assert_eq!(again.status, repaired.status);
        let again = again.body.unwrap_or_else(|| after.to_vec());
        assert_eq!(text(&again), text(after), "repairing twice");
    }
    let applied = |id| repaired.applied.iter().any(|applied| applied.rule == id);
    planted!(applied("R12") && outgoing.shape.count.is_some());
}

/// A list that Entra is told to believe: the application said all of it.
fn success(shape: &RequestShape, upstream: &Upstream<'_>, after: &[u8]) {
    let before = parse(upstream.body).ok();
    let is_error = before.as_ref().is_some_and(|body| {
        let schemas = body.as_object().and_then(|body| body.get("schemas")).and_then(Value::as_array);
        let names_error = |schema: &Value| {
            // Servers differ in the casing of URNs.
            schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(ERROR_SCHEMA))
        };
        schemas.into_iter().flatten().any(names_error)
    });
    if upstream.status == 204 && after.is_empty() {
        return;
    }
    let after = parse(after).unwrap();
    let entries = after["Resources"].as_array().map_or(0, Vec::len);
    if !(200..300).contains(&upstream.status) || is_error {
        // R1: nobody matches the filter.
        assert!(upstream.status == 404 && is_error && shape.filter.is_some(), "a list out of an error");
        assert_eq!(entries, 0);
        return;
    }
    assert!(after["totalResults"].is_number(), "{after}");
    assert!(after["startIndex"].is_number() && after["itemsPerPage"].is_number(), "{after}");
    assert!(after["Resources"].is_array(), "{after}");
    if upstream.status == 204 {
        return;
    }
    let before = before.unwrap();
    let listed = before.as_array().or_else(|| {
        let members = before.as_object()?.iter();
        let mut named = members.filter(|(name, _)| name.eq_ignore_ascii_case("Resources"));
        named.find_map(|(_, value)| value.as_array())
    });
    let listed = listed.map_or(0, Vec::len);
    assert!(entries <= listed, "entries that the application did not send");
    assert_eq!(entries == 0, listed == 0, "an empty list of what was none");
}
