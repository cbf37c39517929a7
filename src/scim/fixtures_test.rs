//! Runs the worked cases of the shared fixtures through the pipelines, and prints what became of each rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::common::Headers;
use crate::crypto::sha256;

/// Rules that are not built, and why. A case that names one is run and shown, not asserted.
const NOT_YET: &[(&str, &str)] = &[
    ("A2", "tokens of Entra itself: not in this slice"),
    ("A3", "client credentials: not in this slice"),
    ("A4", "workload identity federation: not in this slice"),
    ("A5", "access tokens of the application's server: not in this slice"),
];

fn folder() -> Option<PathBuf> {
    let root = match std::env::var_os("VESTIBULE_FIXTURES") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
    };
    let folder = root.join("scim");
    folder.is_dir().then_some(folder)
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path).and_then(Value::as_str)
}

fn settings(case: &Value) -> Settings {
    let mut settings = Settings {
        public_base: text(case, "/context/config/public_base")
            .unwrap_or("https://edge.example/scim")
            .to_owned(),
        application_base: "/scim/v2".into(),
        own_credential: text(case, "/context/config/upstream_auth") == Some("own"),
        validator_mode: case.pointer("/context/config/validator_mode") == Some(&Value::Bool(true)),
        ..Settings::default()
    };
    if let Some(base) = text(case, "/context/config/upstream_base") {
        let path = base.splitn(4, '/').nth(3).unwrap_or_default();
        settings.application_base = format!("/{path}");
    }
    if let Some(hints) = case.pointer("/context/schema_hints").and_then(Value::as_object) {
        for (name, value_type) in hints {
            let value_type = match value_type.as_str() {
                Some("boolean") => ValueType::Boolean,
                Some("integer") => ValueType::Integer,
                Some("decimal") => ValueType::Decimal,
                Some("dateTime") => ValueType::DateTime,
                _ => ValueType::Text,
            };
            settings.declared_types.insert(name.clone(), value_type);
        }
    }
    if let Some(known) = case.pointer("/context/known_schemas").and_then(Value::as_array) {
        let known: BTreeSet<String> = known.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        settings.known_schemas = Some(known);
    }
    settings
}

fn headers(of: &Value) -> Headers {
    let pairs = of.pointer("/headers").and_then(Value::as_object);
    Headers::new(
        pairs
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                (name.as_bytes().to_vec(), value.as_str().unwrap_or_default().as_bytes().to_vec())
            })
            .collect(),
    )
}

fn body(of: &Value) -> Option<Vec<u8>> {
    match of.get("body")? {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        value => Some(value.to_string().into_bytes()),
    }
}

fn run(request: &Value, settings: &Settings) -> Result<Normalised, ScimError> {
    let headers = headers(request);
    let body = body(request);
    normalise(
        &Incoming {
            method: text(request, "/method").unwrap(),
            path: text(request, "/path").unwrap(),
            accept: headers.text("accept"),
            content_type: headers.text("content-type"),
            content_encoding: headers.text("content-encoding"),
            body: body.as_deref(),
        },
        settings,
    )
}

/// What reaches the application, in the fixtures' form.
fn seen(request: &Value, outgoing: &Outgoing) -> Value {
    let mut list = headers(request);
    outgoing.headers.iter().for_each(|edit| list.apply(edit));
    let shown =
        |name: &str, list: &Headers| list.text(name).map(|value| (name.to_owned(), Value::from(value)));
    let headers: serde_json::Map<_, _> =
        ["accept", "content-type"].iter().filter_map(|name| shown(name, &list)).collect();
    let body = outgoing.body.as_deref().map_or(Value::Null, |body| crate::common::json::parse(body).unwrap());
    serde_json::json!({"method": outgoing.method, "path": outgoing.path, "headers": headers, "body": body})
}

fn lower_headers(mut value: Value) -> Value {
    if let Some(headers) = value.pointer_mut("/headers").and_then(Value::as_object_mut) {
        let lower = std::mem::take(headers).into_iter().map(|(name, value)| (name.to_lowercase(), value));
        *headers = lower.collect();
    }
    value
}

/// What Entra sees, in the fixtures' form; headers that the case does not name are left out.
fn answered(case: &Value, outgoing: &Outgoing, settings: &Settings) -> Value {
    let upstream = &case["upstream_response"];
    let mut list = headers(upstream);
    let raw = body(upstream).unwrap_or_default();
    let status = upstream["status"].as_u64().unwrap();
    let repaired = repair(
        &outgoing.shape,
        &Upstream {
            status: u16::try_from(status).unwrap(),
            content_type: list.text("content-type"),
            location: list.text("location"),
            body: &raw,
        },
        settings,
    );
    repaired.headers.iter().for_each(|edit| list.apply(edit));
    let body = repaired.body.unwrap_or(raw);
    let body = match body.as_slice() {
        [] => Value::Null,
        body => crate::common::json::parse(body).unwrap(),
    };
    let names: serde_json::Map<_, _> = list
        .iter()
        .map(|(name, value)| {
            (
                String::from_utf8_lossy(name).into_owned(),
                Value::from(String::from_utf8_lossy(value).into_owned()),
            )
        })
        .collect();
    serde_json::json!({"status": repaired.status, "headers": names, "body": body})
}

enum Outcome {
    Right,
    Wrong(String),
    Skipped(&'static str),
}

fn compare(got: &Value, want: &[Value]) -> Outcome {
    if want.iter().any(|want| same(got, &lower_headers(want.clone()))) {
        Outcome::Right
    } else {
        Outcome::Wrong(format!("got  {got}\n  want {}", want[0]))
    }
}

/// `Value` compares maps without regard to order and numbers by their text.
fn same(got: &Value, want: &Value) -> bool {
    got == want
}

fn judge(case: &Value) -> Outcome {
    let request = &case["request"];
    let want = &case["expected_normalized"];
    let settings = settings(case);
    if let Some(decision) = want.get("decision") {
        return authentication(case, decision);
    }
    let sequence = want.get("upstream_requests").and_then(Value::as_array).filter(|all| !all.is_empty());
    if sequence.is_some() && text(case, "/rule") == Some("F5") {
        return Outcome::Skipped("a call between request and response, not in this slice");
    }
    let outgoing = match run(request, &settings) {
        Err(error) => return Outcome::Wrong(format!("refused: {error}")),
        Ok(Normalised::Answer { reply, .. }) => {
            let want = want.get("short_circuit").or_else(|| want.get("response"));
            let Some(want) = want else { return Outcome::Wrong("answered".into()) };
            let body = match reply.body.as_slice() {
                [] => Value::Null,
                body => crate::common::json::parse(body).unwrap(),
            };
            let right = want["status"] == reply.status && want["body"] == body;
            return if right { Outcome::Right } else { Outcome::Wrong(format!("answered {}", reply.status)) };
        }
        Ok(Normalised::Forward(outgoing)) => outgoing,
    };
    if let Some(want) = want.get("response") {
        return compare(&answered(case, &outgoing, &settings), std::slice::from_ref(want));
    }
    if want.get("short_circuit").is_some() {
        return Outcome::Wrong("forwarded".into());
    }
    let got = seen(request, &outgoing);
    if let Some(sequence) = sequence {
        return in_sequence(case, sequence, got, &outgoing, &settings);
    }
    if let Some(resource) = case.pointer("/context/upstream_resource") {
        let again = resent(got, &outgoing, resource, &settings);
        return compare(&again, std::slice::from_ref(want));
    }
    match run(&got, &settings) {
        Ok(Normalised::Forward(again)) if seen(&got, &again) == got && again.applied.is_empty() => {}
        Ok(Normalised::Forward(again)) => {
            return Outcome::Wrong(format!("not idempotent: {got}\n  then {}", seen(&got, &again)));
        }
        _ => return Outcome::Wrong("not idempotent".into()),
    }
    let others = case.get("alternatives").and_then(Value::as_array).cloned().unwrap_or_default();
    compare(&got, &[vec![want.clone()], others].concat())
}

/// The second form of a PATCH, once the resource is known.
fn resent(mut request: Value, outgoing: &Outgoing, resource: &Value, settings: &Settings) -> Value {
    if let Some(body) = &outgoing.body {
        let (body, _) = upsert(&outgoing.shape, body, resource, settings).unwrap();
        request["body"] = body.map_or(Value::Null, |body| crate::common::json::parse(&body).unwrap());
    }
    request
}

/// Refused with `noTarget`, looked up, sent once more.
fn in_sequence(
    case: &Value,
    want: &[Value],
    first: Value,
    outgoing: &Outgoing,
    settings: &Settings,
) -> Outcome {
    let Some(lookup) = &outgoing.lookup else { return Outcome::Wrong("no look-up".into()) };
    let resource = case.pointer("/context/upstream_responses/1/body").cloned().unwrap_or_default();
    let again = resent(first.clone(), outgoing, &resource, settings);
    let right = compare(&first, std::slice::from_ref(&want[0]));
    if !matches!(right, Outcome::Right) {
        return right;
    }
    if text(&want[1], "/path") != Some(lookup) {
        return Outcome::Wrong(format!("looks up {lookup}"));
    }
    compare(&again, std::slice::from_ref(&want[2]))
}

fn authentication(case: &Value, decision: &Value) -> Outcome {
    let secrets =
        case.pointer("/context/config/secrets").and_then(Value::as_array).cloned().unwrap_or_default();
    let tokens: Vec<Token> = secrets
        .iter()
        .filter_map(Value::as_str)
        .map(|secret| Token { name: "token".into(), sha256: sha256(secret.as_bytes()) })
        .collect();
    let got = authenticate(&headers(&case["request"]), &tokens);
    let right = match got {
        Ok(_) => decision["allow"] == Value::Bool(true),
        Err(denied) => decision["status"] == denied.reply().status,
    };
    if right { Outcome::Right } else { Outcome::Wrong("decision".into()) }
}

#[test]
fn the_shared_cases_come_out_as_they_should() {
    let Some(folder) = folder() else {
        println!("skipped: no shared fixtures (set VESTIBULE_FIXTURES)");
        return;
    };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut counts = [0usize; 3];
    for name in names {
        let case = crate::common::json::parse(&std::fs::read(&name).unwrap()).unwrap();
        let rules = text(&case, "/rule").unwrap().to_owned();
        let id = text(&case, "/id").unwrap().to_owned();
        let reason = NOT_YET.iter().find(|(rule, _)| rules.split(',').any(|have| have.trim() == *rule));
        let outcome = judge(&case);
        let shown = match (&outcome, reason) {
            (Outcome::Right, Some(_)) => {
                counts[2] += 1;
                format!("{id} right, not asserted")
            }
            (Outcome::Right, None) => {
                counts[0] += 1;
                format!("{id} right")
            }
            (Outcome::Skipped(why), _) => {
                counts[2] += 1;
                format!("{id} skipped: {why}")
            }
            (Outcome::Wrong(_), Some((_, why))) => {
                counts[2] += 1;
                format!("{id} not yet: {why}")
            }
            (Outcome::Wrong(what), None) => {
                counts[1] += 1;
                wrong.push(format!("{id} ({rules}): {what}"));
                format!("{id} WRONG")
            }
        };
        table.entry(rules).or_default().push(shown);
    }
    for (rule, cases) in &table {
        println!("{rule:12} {}", cases.join("; "));
    }
    println!("right {}, wrong {}, not yet {}", counts[0], counts[1], counts[2]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
