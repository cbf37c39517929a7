//! Requests and answers as a case writes them: `{method, path, headers, body}` and `{status, headers, body}`.

use serde_json::{Map, Value, json};

use super::super::request::Outgoing;
use super::super::rule::Settings;
use super::super::{RequestShape, Upstream, repair};
use super::Trail;
use crate::common::{Headers, Reply};

/// Headers as the host would give them.
pub(super) fn headers(of: &Value) -> Headers {
    let pairs = of.get("headers").and_then(Value::as_object);
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

/// The octets of a body: a text stands for itself, anything else for its JSON.
pub(super) fn body(of: &Value) -> Option<Vec<u8>> {
    match of.get("body")? {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        value => Some(value.to_string().into_bytes()),
    }
}

/// A body as a case writes it.
fn shown(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    crate::common::json::parse(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

/// A header's name in its usual spelling.
fn spelt(name: &str) -> String {
    match name {
        "www-authenticate" => return "WWW-Authenticate".into(),
        "etag" => return "ETag".into(),
        _ => {}
    }
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

/// A request for the application. Of its headers those that the rules decide on are shown.
pub(super) fn request<'h>(
    method: &str,
    path: &str,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: Option<&[u8]>,
) -> Value {
    let headers: Map<String, Value> = headers.map(|(name, value)| (spelt(name), value.into())).collect();
    json!({"method": method, "path": path, "headers": headers, "body": body.map_or(Value::Null, shown)})
}

/// What reaches the application of `request`.
pub(super) fn forwarded(original: &Value, outgoing: &Outgoing) -> Value {
    let mut list = headers(original);
    outgoing.headers.iter().for_each(|edit| list.apply(edit));
    let decided = ["accept", "content-type"].into_iter();
    let decided = decided.filter_map(|name| list.text(name).map(|value| (name, value)));
    request(&outgoing.method, &outgoing.path, decided, outgoing.body.as_deref())
}

/// An answer of our own.
pub(super) fn reply(reply: &Reply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (spelt(name), value.as_str().into())).collect();
    json!({"status": reply.status, "headers": headers, "body": shown(&reply.body)})
}

/// The status of an answer; `None` where it is no HTTP status.
pub(super) fn status(of: &Value) -> Option<u16> {
    let status = u16::try_from(of.get("status")?.as_u64()?).ok()?;
    (100..=599).contains(&status).then_some(status)
}

/// What Entra gets of the application's answer.
pub(super) fn answered(
    shape: &RequestShape,
    upstream: &Value,
    settings: &Settings,
    trail: &mut Trail,
) -> Option<Value> {
    let mut list = headers(upstream);
    let raw = body(upstream).unwrap_or_default();
    let repaired = repair(
        shape,
        &Upstream {
            status: status(upstream)?,
            content_type: list.text("content-type"),
            location: list.text("location"),
            body: &raw,
        },
        settings,
    );
    trail.add("response", &repaired.applied);
    repaired.headers.iter().for_each(|edit| list.apply(edit));
    let headers: Map<String, Value> = list
        .iter()
        .map(|(name, value)| {
            (spelt(&String::from_utf8_lossy(name)), String::from_utf8_lossy(value).into_owned().into())
        })
        .collect();
    let body = repaired.body.unwrap_or(raw);
    Some(json!({"status": repaired.status, "headers": headers, "body": shown(&body)}))
}
