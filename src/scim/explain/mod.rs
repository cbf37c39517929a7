//! What the filter would do with one case: a request, what is known around it, and what the application answers.
//!
//! Without I/O, and with the very pipelines of the filter; `vestibule scim explain` prints it. A case is
//! `{request: {method, path, headers, body}, context?, upstream_response?}`, with `path` below the SCIM base and a
//! `body` that is JSON, or a text that stands for itself. [`context`](self) says what `context` means to us.

mod archive;
mod context;
mod decision;
mod errand;
mod message;
#[cfg(test)]
mod settings_test;

use serde_json::{Map, Value, json};

use super::change::ChangeKind;
use super::errand::{Plan, plan};
use super::request::{Incoming, Normalised, Observed, Outgoing, normalise};
use super::rule::{Applied, Settings};
use super::rules::catalogue;
use super::sequence::{Conclusion, Sequence, Step};
use super::upsert::upsert;
use crate::common::{Reply, json::parse};
use context::Surroundings;

pub use archive::replay;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on, or is answered here with success.
    Forwarded,
    /// The client is refused.
    Refused,
    /// It is no case.
    Unusable,
}

/// The explanation of one case.
#[derive(Clone)]
pub struct Explained {
    /// How it ended.
    pub outcome: Outcome,
    /// What is printed: the members of a case's `expected_normalized`, and `rules` and `notes`.
    pub json: Value,
}

impl std::fmt::Debug for Explained {
    /// A case may be a captured request with personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explained").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// The rules that applied, and what there is to say of them.
#[derive(Default)]
struct Trail {
    rules: Vec<&'static str>,
    notes: Vec<String>,
}

impl Trail {
    fn add(&mut self, side: &str, applied: &[Applied]) {
        for Applied { rule, place } in applied {
            if !self.rules.contains(rule) {
                self.rules.push(rule);
            }
            let known = catalogue().into_iter().find(|have| have.id == *rule);
            let says = known.map_or_else(|| super::errand::says(rule), |rule| rule.says);
            self.notes.push(format!("{rule} at {side} {place}: {says}"));
        }
    }

    fn observed(&mut self, observed: &Observed) {
        self.note("nothing is rewritten (mode: observe); the rules say what would be");
        if let Some(refusal) = &observed.refusal {
            self.note(format!("would be refused: {}", refusal.code()));
        }
        if observed.answered {
            self.note("would be answered without the application");
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn end(self, outcome: Outcome, members: Value) -> Explained {
        let mut json = match members {
            Value::Object(members) => members,
            other => Map::from_iter([("result".to_owned(), other)]),
        };
        json.insert("rules".into(), json!(self.rules));
        json.insert("notes".into(), json!(self.notes));
        Explained { outcome, json: Value::Object(json) }
    }
}

/// Explains the case in `text`, the octets of a JSON file.
#[must_use]
pub fn explain(text: &[u8]) -> Explained {
    match parse(text) {
        Ok(case) => explain_case(&case),
        Err(error) => unusable(error.code(), &format!("The case is no strict JSON: {error}.")),
    }
}

/// What stands in place of an explanation where there is no case.
#[must_use]
pub fn unusable(code: &str, detail: &str) -> Explained {
    let error = json!({"error": {"code": code, "detail": detail}});
    Trail::default().end(Outcome::Unusable, error)
}

/// Explains a case that has been read.
#[must_use]
pub fn explain_case(case: &Value) -> Explained {
    let request = case.get("request");
    let text = |name: &str| request.and_then(|request| request.get(name)).and_then(Value::as_str);
    let (Some(request), Some(method), Some(path)) = (request, text("method"), text("path")) else {
        return unusable("case_request", "A case needs `request` with `method` and `path`.");
    };
    let around = Surroundings::of(case);
    let mut trail = Trail::default();
    for name in around.unknown() {
        trail.note(format!("context.config.{name} means nothing here"));
    }
    if asks_for_a_decision(case, around) {
        return decision::decide(request, around, trail);
    }
    let settings = around.settings();
    let headers = message::headers(request);
    let body = message::body(request);
    let incoming = Incoming {
        method,
        path,
        accept: headers.text("accept"),
        content_type: headers.text("content-type"),
        content_encoding: headers.text("content-encoding"),
        body: body.as_deref(),
    };
    match normalise(&incoming, &settings) {
        Err(error) => {
            trail.note(format!("refused: {}", error.code()));
            answer(case, &error.reply(), Outcome::Refused, trail)
        }
        Ok(Normalised::Answer { reply, applied }) => {
            trail.add("request", &applied);
            trail.note("the application is not asked");
            answer(case, &reply, Outcome::Forwarded, trail)
        }
        Ok(Normalised::Forward(outgoing)) => {
            if let Some(observed) = &outgoing.observed {
                trail.observed(observed);
            }
            if let Some(change) = &outgoing.change {
                trail.note(meaning(change.kind));
            }
            match plan(*outgoing, &settings) {
                Plan::Forward(outgoing) => {
                    trail.add("request", &outgoing.applied);
                    forward(case, request, &outgoing, &settings, trail)
                }
                Plan::Errand(planned) => {
                    trail.add("request", &planned.applied);
                    errand::explain(case, *planned, &settings, trail)
                }
            }
        }
    }
}

fn meaning(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Deactivate => "this deactivates a person: every session ends",
        ChangeKind::Delete => "this deletes a person: every session ends",
        ChangeKind::Reactivate => "this lets a person sign in again",
        ChangeKind::Rename => "this renames a person: sessions under the old name end",
    }
}

/// An answer of the filter itself. A case with an answer of the application asks for what Entra gets, unless the
/// request never comes so far.
fn answer(case: &Value, reply: &Reply, outcome: Outcome, trail: Trail) -> Explained {
    let shown = message::reply(reply);
    let members = if outcome == Outcome::Forwarded && case.get("upstream_response").is_some() {
        json!({"response": shown})
    } else {
        json!({"short_circuit": shown, "upstream_requests": []})
    };
    trail.end(outcome, members)
}

fn forward(
    case: &Value,
    request: &Value,
    outgoing: &Outgoing,
    settings: &Settings,
    mut trail: Trail,
) -> Explained {
    let around = Surroundings::of(case);
    let mut forwarded = message::forwarded(request, outgoing);
    if let Some(answers) = around.get("/upstream_responses").and_then(Value::as_array) {
        return in_sequence(forwarded, answers, outgoing, settings, trail);
    }
    if let Some(upstream) = case.get("upstream_response") {
        return match message::answered(&outgoing.shape, upstream, settings, &mut trail) {
            Some(response) => trail.end(Outcome::Forwarded, json!({"response": response})),
            None => unusable("case_status", "`upstream_response` needs a `status`."),
        };
    }
    let resource = around.get("/upstream_resource").filter(|_| outgoing.lookup.is_some());
    match (&outgoing.body, resource) {
        (Some(body), Some(resource)) => match upsert(&outgoing.shape, body, resource, settings) {
            Ok((Some(body), applied)) => {
                trail.add("request", &applied);
                if let (Some(members), Ok(body)) = (forwarded.as_object_mut(), parse(&body)) {
                    members.insert("body".into(), body);
                }
            }
            Ok((None, applied)) => {
                trail.add("request", &applied);
                trail.note("nothing is left to ask of the application");
                return answer(case, &Reply::status(204), Outcome::Forwarded, trail);
            }
            Err(error) => return answer(case, &error.reply(), Outcome::Refused, trail),
        },
        _ if Sequence::of(outgoing, settings).is_some() => {
            trail.note("if the application refuses this form, the resource is read and the request is tried once more");
        }
        _ => {}
    }
    trail.end(Outcome::Forwarded, forwarded)
}

/// Plays the application from `answers`.
fn in_sequence(
    first: Value,
    answers: &[Value],
    outgoing: &Outgoing,
    settings: &Settings,
    mut trail: Trail,
) -> Explained {
    let mut sent = vec![first];
    let mut given = answers.iter();
    let mut latest = given.next();
    let mut step = match (latest, Sequence::of(outgoing, settings)) {
        (Some(answer), Some(sequence)) => took(sequence, answer, settings),
        _ => Step::Done(Conclusion::First),
    };
    while let Step::Call(call, sequence) = step {
        trail.add("request", &call.applied);
        sent.push(message::request(
            call.method,
            &call.path,
            call.headers().into_iter(),
            call.body.as_deref(),
        ));
        latest = given.next();
        if latest.is_none() {
            trail.note("the case has no answer to the last request; it counts as not answered");
        }
        step = took(*sequence, latest.unwrap_or(&Value::Null), settings);
    }
    let Step::Done(conclusion) = step else { return unusable("case_sequence", "The sequence has no end.") };
    let made;
    let (last, is_ours) = match conclusion {
        Conclusion::First => (answers.first(), false),
        Conclusion::Latest => (latest, false),
        Conclusion::Made { status, body, applied } => {
            trail.add("response", &applied);
            let body = parse(&body).unwrap_or_default();
            let headers = if body.is_null() { json!({}) } else { json!({"Content-Type": super::MEDIA_TYPE}) };
            made = json!({"status": status, "headers": headers, "body": body});
            (Some(&made), true)
        }
    };
    let mut members = Map::from_iter([("upstream_requests".to_owned(), Value::Array(sent))]);
    // The application's own success says nothing that the requests do not.
    let shown = last.filter(|last| {
        let is_success = message::status(last).is_some_and(|status| (200..300).contains(&status));
        is_ours || !is_success || outgoing.body.is_none()
    });
    let response = shown.and_then(|last| message::answered(&outgoing.shape, last, settings, &mut trail));
    if let Some(response) = response {
        members.insert("response".into(), response);
    }
    trail.end(Outcome::Forwarded, Value::Object(members))
}

fn took(sequence: Sequence, answer: &Value, settings: &Settings) -> Step {
    let body = message::body(answer).unwrap_or_default();
    sequence.answered(message::status(answer).unwrap_or(0), &body, settings)
}

/// Whether the case is about the credential rather than the request.
fn asks_for_a_decision(case: &Value, around: Surroundings<'_>) -> bool {
    let is_of_credentials = around.text("/config/mode").is_some_and(|mode| context::mode(mode).is_none());
    case.get("category").and_then(Value::as_str) == Some("auth") || is_of_credentials
}
