//! A case whose request is no single exchange: the requests that we make ourselves, as far as the case has answers.

use serde_json::{Map, Value, json};

use super::super::errand::{Answered, Ended, ErrandStep, Planned};
use super::super::error::MEDIA_TYPE;
use super::super::rule::Settings;
use super::context::Surroundings;
use super::{Explained, Outcome, Trail, message, unusable};
use crate::common::json::parse;

/// The application as the case describes it: by its answers in order, by one answer, or by the resource it has.
enum Application<'c> {
    Answers(std::slice::Iter<'c, Value>),
    Resource(Value),
    Unknown,
}

impl<'c> Application<'c> {
    fn of(case: &'c Value) -> Self {
        let around = Surroundings::of(case);
        if let Some(answers) = around.get("/upstream_responses").and_then(Value::as_array) {
            return Self::Answers(answers.iter());
        }
        match (case.get("upstream_response"), around.get("/upstream_resource")) {
            (Some(answer), _) => Self::Answers(std::slice::from_ref(answer).iter()),
            (None, Some(resource)) => Self::Resource(json!({"status": 200, "headers": {}, "body": resource})),
            (None, None) => Self::Unknown,
        }
    }

    fn answer(&mut self, method: &str) -> Option<Value> {
        match self {
            Self::Answers(answers) => answers.next().cloned(),
            // A list is no resource, but then the errand says so itself.
            Self::Resource(answer) if method == "GET" => Some(answer.clone()),
            Self::Resource(_) | Self::Unknown => None,
        }
    }
}

/// Plays the application.
pub(super) fn explain(case: &Value, planned: Planned, settings: &Settings, mut trail: Trail) -> Explained {
    let mut application = Application::of(case);
    let is_read = planned.exclusive().is_none();
    let Planned { first, errand, shape, .. } = planned;
    let mut sent = Vec::new();
    let mut step = ErrandStep::Call(first, Box::new(errand));
    let mut latest = Value::Null;
    let ended = loop {
        let (call, next) = match step {
            ErrandStep::Call(call, next) => (call, next),
            ErrandStep::Done(ended) => break Some(ended),
        };
        trail.add("request", &call.applied);
        sent.push(message::request(
            call.method,
            &call.path,
            call.headers().into_iter(),
            call.body.as_deref(),
        ));
        let Some(answer) = application.answer(call.method) else {
            trail.note("what comes next depends on the application's answer");
            break None;
        };
        step = took(*next, &answer, settings);
        latest = answer;
    };
    let mut members = Map::from_iter([("upstream_requests".to_owned(), Value::Array(sent))]);
    let (last, is_shown) = match ended {
        None => (None, false),
        Some(Ended::Latest) => {
            let is_success = message::status(&latest).is_some_and(|status| (200..300).contains(&status));
            // The application's own success says nothing that the requests do not.
            (Some(latest), is_read || !is_success)
        }
        Some(Ended::Made { status, body, applied, .. }) => {
            trail.add("response", &applied);
            let headers = if body.is_empty() { json!({}) } else { json!({"Content-Type": MEDIA_TYPE}) };
            let body = match parse(&body) {
                Ok(body) => body,
                Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
            };
            let body = if body.as_str() == Some("") { Value::Null } else { body };
            (Some(json!({"status": status, "headers": headers, "body": body})), true)
        }
        Some(Ended::Refused { error, .. }) => {
            trail.note(format!("refused: {}", error.code()));
            members.insert("response".into(), message::reply(&error.reply()));
            return trail.end(Outcome::Refused, Value::Object(members));
        }
    };
    if let Some(last) = last.filter(|_| is_shown) {
        let Some(response) = message::answered(&shape, &last, settings, &mut trail) else {
            return unusable("case_status", "An answer of the application needs a `status`.");
        };
        members.insert("response".into(), response);
    }
    trail.end(Outcome::Forwarded, Value::Object(members))
}

fn took(errand: super::super::errand::Errand, answer: &Value, settings: &Settings) -> ErrandStep {
    let headers = message::headers(answer);
    let body = message::body(answer).unwrap_or_default();
    let answered = Answered {
        status: message::status(answer).unwrap_or(0),
        etag: headers.text("etag"),
        content_type: headers.text("content-type"),
        location: headers.text("location"),
        body: &body,
    };
    errand.answered(&answered, settings)
}
