//! A PATCH whose value paths are made to select something before it is sent: for applications that accept one that
//! selects nothing, and do nothing.

use serde_json::Value;

use super::super::change::ChangeKind;
use super::super::patch::Patch;
use super::super::request::{Outgoing, RequestShape};
use super::super::rule::{Context, Settings};
use super::super::rules::upsert::selected;
use super::super::sequence::OwnRequest;
use super::super::upsert::upsert;
use super::{Answered, Begun, Effect, Ended, ErrandStep, put};
use crate::common::json;

pub(super) struct Eager {
    shape: RequestShape,
    path: String,
    patch: Vec<u8>,
    /// Whether the request must arrive even where the resource cannot be read.
    is_urgent: bool,
    is_sent: bool,
}

/// Begins with a GET of the attributes that are selected from, where one of them is named in the configuration.
pub(super) fn plan(outgoing: &Outgoing, settings: &Settings) -> Begun {
    let eager = &settings.abilities.eager;
    let (lookup, body) = (outgoing.lookup.clone()?, outgoing.body.clone()?);
    if eager.is_empty() || outgoing.shape.id.is_none() {
        return None;
    }
    let context = Context { kind: &outgoing.shape.kind, settings };
    let patch = Patch::read_own(json::parse(&body).ok()?, &context).ok()?;
    let is_eager = |attribute: &str| eager.iter().any(|eager| eager.eq_ignore_ascii_case(attribute));
    if !patch.operations.iter().filter_map(selected).any(|(attribute, _)| is_eager(&attribute)) {
        return None;
    }
    let work = Eager {
        shape: outgoing.shape.clone(),
        path: outgoing.path.clone(),
        patch: body,
        is_urgent: outgoing.change.as_ref().is_some_and(|change| change.kind == ChangeKind::Deactivate),
        is_sent: false,
    };
    Some((OwnRequest::get(lookup), work.into()))
}

impl Eager {
    pub(super) fn answered(self, answer: &Answered<'_>, settings: &Settings) -> ErrandStep {
        if self.is_sent {
            return match answer.status {
                0 => ErrandStep::refused(
                    super::ScimError::Upstream("The application did not answer."),
                    Effect::Unknown,
                ),
                _ => ErrandStep::Done(Ended::Latest),
            };
        }
        let resource = answer.resource(&self.shape).map(Value::Object);
        let form = resource.map(|resource| upsert(&self.shape, &self.patch, &resource, settings));
        match form {
            Some(Ok((Some(body), applied))) => {
                let request = OwnRequest::patch(self.path.clone(), body, applied);
                ErrandStep::call(request, Self { is_sent: true, ..self })
            }
            Some(Ok((None, applied))) => ErrandStep::made(204, Vec::new(), applied, Effect::Applied),
            // Nothing was applied so far, so that the form of the client may still be sent. Unseen it could be accepted and
            // do nothing, which is what eager mode is there against: the client is told to come again. But nobody stays
            // active because an e-mail address could not be looked at.
            _ if self.is_urgent && answer.status != 404 => {
                let request = OwnRequest::patch(self.path.clone(), self.patch.clone(), Vec::new());
                ErrandStep::call(request, Self { is_sent: true, ..self })
            }
            // The resource was read, and a rule refuses to judge what is meant.
            Some(Err(error)) => ErrandStep::refused(error, Effect::NotApplied),
            None => put::not_read(answer),
        }
    }
}
