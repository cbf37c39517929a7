//! The response pipeline: what the application answers becomes what Entra expects.

use serde_json::Value;

use super::ability::Mode;
use super::request::RequestShape;
use super::rule::{Applied, Context, Settings, mend};
use super::rules::response::{self, Answer, Content};
use crate::common::json::{MAX_DEPTH, Seen};
use crate::common::{HeaderEdit, json};

/// An answer of the application.
#[derive(Clone, Copy)]
pub struct Upstream<'a> {
    /// HTTP status.
    pub status: u16,
    /// `content-type`, where there is one.
    pub content_type: Option<&'a str>,
    /// `location`, where there is one.
    pub location: Option<&'a str>,
    /// The whole body, not compressed; may be empty.
    pub body: &'a [u8],
}

/// The answer for Entra.
pub struct Repaired {
    /// HTTP status.
    pub status: u16,
    /// Changes to the headers; the caller sets `content-length`.
    pub headers: Vec<HeaderEdit>,
    /// The body where it changes; an empty one where it is dropped.
    pub body: Option<Vec<u8>>,
    /// The audit record.
    pub applied: Vec<Applied>,
    /// Whether the mode is [`Mode::Observe`]: the answer goes on as it came, and `applied` says what would have been.
    pub observed: bool,
}

impl std::fmt::Debug for Repaired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repaired")
            .field("status", &self.status)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

/// Turns the application's answer into one that Entra reads rightly. Never fails: what cannot be read becomes 502.
#[must_use]
pub fn repair(shape: &RequestShape, upstream: &Upstream<'_>, settings: &Settings) -> Repaired {
    let context = Context { kind: &shape.kind, settings };
    let mut answer = Answer::read(shape, upstream);
    let mut applied = Vec::new();
    mend(response::ALL, &mut answer, &context, &mut applied);
    if settings.mode == Mode::Observe {
        return Repaired {
            status: upstream.status,
            headers: Vec::new(),
            body: None,
            applied,
            observed: true,
        };
    }

    let mut headers = Vec::new();
    if answer.content_type.as_deref() != upstream.content_type {
        headers.push(match &answer.content_type {
            Some(content_type) => HeaderEdit::set("content-type", content_type),
            None => HeaderEdit::remove("content-type"),
        });
    }
    if answer.location.as_deref() != upstream.location {
        headers.push(match &answer.location {
            Some(location) => HeaderEdit::set("location", location),
            None => HeaderEdit::remove("location"),
        });
    }
    if answer.drop_challenge {
        headers.push(HeaderEdit::remove("www-authenticate"));
    }
    let body = match &answer.content {
        _ if !answer.changed => None,
        Content::Json(value) => Some(json::print(value, upstream.body.len())),
        Content::Empty | Content::Other => Some(Vec::new()),
    };
    Repaired { status: answer.status, headers, body, applied, observed: false }
}

/// How deep a value nests.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    deepest.unwrap_or_default().saturating_add(1)
}

/// The body as the rules see it, and what was seen in it.
pub(crate) fn content(body: &[u8]) -> (Content, Seen) {
    if body.iter().all(u8::is_ascii_whitespace) {
        return (Content::Empty, Seen::ANYTHING);
    }
    match json::read(body) {
        // A bare array becomes a list (R2), which is one deeper than is read.
        Ok((value @ Value::Array(_), seen)) if depth(&value) >= MAX_DEPTH => (Content::Other, seen),
        Ok((value @ (Value::Object(_) | Value::Array(_)), seen)) => (Content::Json(value), seen),
        _ => (Content::Other, Seen::ANYTHING),
    }
}
