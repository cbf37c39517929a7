//! Plays the application, and tells what an errand does.

use serde_json::Value;

use super::super::ability::Abilities;
use super::super::request::{Incoming, Normalised, normalise};
use super::super::rule::Settings;
use super::{Answered, Ended, ErrandStep, Plan, Planned, plan};

pub(super) fn able(change: impl FnOnce(&mut Abilities)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings.abilities);
    settings
}

/// How a request of the client goes to the application.
pub(super) fn planned(method: &str, path: &str, body: &Value, settings: &Settings) -> Plan {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let incoming = Incoming {
        method,
        path,
        accept: None,
        content_type: None,
        content_encoding: None,
        body: (!body.is_empty()).then_some(&body),
    };
    match normalise(&incoming, settings) {
        Ok(Normalised::Forward(outgoing)) => plan(*outgoing, settings),
        other => panic!("not forwarded: {other:?}"),
    }
}

pub(super) fn errand(method: &str, path: &str, body: &Value, settings: &Settings) -> Planned {
    match planned(method, path, body, settings) {
        Plan::Errand(planned) => *planned,
        Plan::Forward(_) => panic!("{method} {path} is forwarded"),
    }
}

pub(super) fn is_forwarded(method: &str, path: &str, body: &Value, settings: &Settings) -> bool {
    matches!(planned(method, path, body, settings), Plan::Forward(_))
}

/// An answer: status, entity-tag and body.
pub(super) type Said = (u16, Option<&'static str>, Value);

pub(super) fn said(status: u16, body: Value) -> Said {
    (status, None, body)
}

/// What follows each answer in turn, in words.
pub(super) fn story(planned: Planned, answers: &[Said], settings: &Settings) -> Vec<String> {
    let mut told = Vec::new();
    let mut step = ErrandStep::Call(planned.first, Box::new(planned.errand));
    let mut answers = answers.iter();
    loop {
        let (call, errand) = match step {
            ErrandStep::Call(call, errand) => (call, errand),
            ErrandStep::Done(Ended::Made { status, body, effect, .. }) => {
                told.push(
                    format!("made {status} {effect:?} {}", String::from_utf8(body).unwrap()).trim().into(),
                );
                return told;
            }
            ErrandStep::Done(ended) => {
                told.push(format!("{ended:?}"));
                return told;
            }
        };
        let version = call.if_match.as_ref().map(|version| format!(" if {version}")).unwrap_or_default();
        let body =
            call.body.as_ref().map(|body| format!(" {}", String::from_utf8_lossy(body))).unwrap_or_default();
        told.push(format!("{} {}{version}{body}", call.method, call.path));
        let Some((status, etag, body)) = answers.next() else {
            told.push("unfinished".into());
            return told;
        };
        let body = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            body => body.to_string().into_bytes(),
        };
        let answered = Answered { status: *status, etag: *etag, body: &body, ..Answered::default() };
        step = errand.answered(&answered, settings);
    }
}
