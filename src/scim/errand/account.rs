//! Deletions that become deactivations, and deactivations that become deletions.

use serde_json::{Value, json};

use super::super::ability::PatchForm;
use super::super::change::ChangeKind;
use super::super::error::ScimError;
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::person::{self, Said};
use super::super::request::{Outgoing, RequestShape};
use super::super::rule::{Applied, Context, Settings};
use super::super::rules::response::is_scim_error;
use super::super::schema::USER;
use super::super::sequence::{OwnRequest, object};
use super::super::url::Action;
use super::{Answered, Begun, Effect, Ended, Errand, ErrandStep, put};
use crate::common::json::parse;

/// Schema of the PATCH message (RFC 7644 section 3.5.2).
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// One write, whose success is answered with 204.
pub(super) struct Account {
    does: Does,
    shape: RequestShape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Deactivate,
    Delete,
}

/// A DELETE as the deactivation of the account.
///
/// Every such DELETE of an account that the application still knows succeeds, the second one too. To answer 404 to it one
/// would have to tell deleted accounts from those that are only inactive; Entra deactivates an account long before it deletes
/// it, so the application's `active` cannot say that, and no other memory outlives the process.
pub(super) fn deactivate(outgoing: &Outgoing, settings: &Settings) -> Begun {
    let path = outgoing.path.clone();
    let operation = json!({"op": "replace", "path": "active", "value": false});
    let patch = json!({"schemas": [PATCH_SCHEMA], "Operations": [operation]}).to_string().into_bytes();
    let applied = vec![Applied { rule: super::KEEP, place: "method".into() }];
    if settings.abilities.patch == PatchForm::Put {
        let (mut first, work) = put::begin(outgoing.shape.clone(), path, patch);
        first.applied = applied;
        return Some((first, work));
    }
    let work = Account { does: Does::Deactivate, shape: outgoing.shape.clone() };
    Some((OwnRequest::patch(path, patch, applied), work.into()))
}

/// A write that deactivates as a DELETE.
pub(super) fn delete(outgoing: &Outgoing) -> (OwnRequest, Errand) {
    let path = outgoing.path.split('?').next().unwrap_or_default().to_owned();
    let mut request = OwnRequest::delete(path);
    request.applied = vec![Applied { rule: super::DELETE, place: "method".into() }];
    (request, Account { does: Does::Delete, shape: outgoing.shape.clone() }.into())
}

/// Whether a PATCH or PUT of a user certainly sets `active` to false. A deletion cannot be taken back, so every word on
/// `active` must be the JSON value false, under its own name; what was read as a deactivation in any other form is none here.
pub(super) fn only_deactivates(outgoing: &Outgoing) -> bool {
    let is_meant = outgoing
        .change
        .as_ref()
        .is_some_and(|change| change.kind == ChangeKind::Deactivate && change.user_id == outgoing.shape.id);
    let Some(body) = outgoing.body.as_deref().filter(|_| is_meant).and_then(|body| parse(body).ok()) else {
        return false;
    };
    let words = match outgoing.shape.action {
        Action::Replace => words_of(&body),
        Action::Patch => {
            let settings = Settings::default();
            let context = Context { kind: &outgoing.shape.kind, settings: &settings };
            let Ok(patch) = Patch::read_own(body, &context) else { return false };
            patch.operations.iter().flat_map(words_in).collect()
        }
        _ => return false,
    };
    !words.is_empty() && words.iter().all(|word| *word == Word::Off)
}

/// What is said of `active`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It is JSON false, under its own name.
    Off,
    Other,
}

fn words_in(operation: &Operation) -> Vec<Word> {
    let value = operation.value.as_ref().unwrap_or(&Value::Null);
    match operation.name() {
        Some(name) if name.is_bare_urn() => {
            // Members below the core schema, or below an extension, where `active` is something else.
            if name.is_of(USER) && !words_of(value).is_empty() { vec![Word::Other] } else { Vec::new() }
        }
        Some(name) if person::is_about_active(name) => {
            let is_off = operation.verb != Verb::Remove
                && !operation.selects()
                && is_own_name(name)
                && *value == Value::Bool(false);
            vec![if is_off { Word::Off } else { Word::Other }]
        }
        Some(_) => Vec::new(),
        None if operation.verb == Verb::Remove => vec![Word::Other],
        None => words_of(value),
    }
}

fn is_own_name(name: &Name) -> bool {
    name.sub.is_none()
        && (name.urn.is_none() || name.is_of(USER))
        && name.attribute.eq_ignore_ascii_case("active")
}

/// The words in a map of attributes; what the tolerant reader finds elsewhere than under the attribute's own name is
/// another word.
fn words_of(value: &Value) -> Vec<Word> {
    let Value::Object(map) = value else {
        // A list of objects, or no object: not the form that a canonical message has.
        return if value.is_null() { Vec::new() } else { vec![Word::Other] };
    };
    let mut words = Vec::new();
    person::each_said(map, &mut |said| {
        if let Said::Active(value) = said {
            words.push(if *value == Value::Bool(false) { Word::Off } else { Word::Other });
        }
    });
    let own = usize::from(member(map, "active").is_some());
    if words.len() == own { words } else { vec![Word::Other] }
}

impl Account {
    pub(super) fn deletes(&self) -> bool {
        self.does == Does::Delete
    }

    pub(super) fn answered(self, answer: &Answered<'_>) -> ErrandStep {
        match (answer.status, self.does) {
            (0, _) => {
                ErrandStep::refused(ScimError::Upstream("The application did not answer."), Effect::Unknown)
            }
            (200, does) if !is_plausible(&self.shape, answer, does == Does::Delete) => ErrandStep::refused(
                ScimError::Upstream("The application says success, and something else in its answer."),
                Effect::Unknown,
            ),
            (200 | 204, _) => ErrandStep::made(204, Vec::new(), Vec::new(), Effect::Applied),
            _ => ErrandStep::Done(Ended::Latest),
        }
    }
}

/// Whether a body under a success says nothing against it: an error, another resource, an account that is active.
pub(super) fn is_plausible(shape: &RequestShape, answer: &Answered<'_>, is_deleted: bool) -> bool {
    if answer.is_bare() {
        return true;
    }
    let Some(map) = object(answer.body) else { return is_deleted && !is_html(answer) };
    let body = Value::Object(map);
    if is_deleted {
        return !is_scim_error(&body);
    }
    let id = person::resource_id(&body);
    !is_scim_error(&body) && (id.is_none() || id == shape.id) && person::person(&body).1 != Some(true)
}

/// Whether an answer is a page for people, such as a server in the application's place shows.
pub(super) fn is_html(answer: &Answered<'_>) -> bool {
    answer.content_type.is_some_and(|value| value.to_ascii_lowercase().contains("html"))
}
