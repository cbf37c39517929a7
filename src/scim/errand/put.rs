//! A PATCH as GET and PUT.
//!
//! The application must give whole resources: what it leaves out of its answer to GET (the members of a group, say) is left
//! out of the PUT as well. RFC 7644 section 3.5.1 lets it keep what it never returns, such as a password.

use serde_json::{Map, Value};

use super::super::ability::Mode;
use super::super::apply;
use super::super::error::ScimError;
use super::super::name::Name;
use super::super::patch::{Operation, Patch, member};
use super::super::person::resource_id;
use super::super::request::{Outgoing, RequestShape, has_one_spelling};
use super::super::rule::{Applied, Context, Settings, run};
use super::super::rules::resource::spell_members;
use super::super::rules::upsert::{self, Upsert};
use super::super::schema::ResourceKind;
use super::super::sequence::{OwnRequest, object};
use super::super::url::Action;
use super::account::{is_html, is_plausible};
use super::{Answered, Begun, Effect, ErrandStep};
use crate::common::json;

/// Longest entity-tag that is sent back.
const LONGEST_VERSION: usize = 256;

pub(super) struct Put {
    shape: RequestShape,
    /// Path of the PUT, with the query of the request; without it the path of the GET.
    path: String,
    /// The PATCH message in its canonical form.
    patch: Vec<u8>,
    state: State,
}

enum State {
    Reading {
        is_second: bool,
    },
    Writing {
        is_second: bool,
        /// Whether the version of the resource was sent along.
        is_conditional: bool,
    },
}

/// Begins with the GET.
pub(super) fn plan(outgoing: &Outgoing) -> Begun {
    outgoing.shape.id.as_ref()?;
    Some(begin(outgoing.shape.clone(), outgoing.path.clone(), outgoing.body.clone()?))
}

/// The same for a PATCH that is none of the client's.
pub(super) fn begin(shape: RequestShape, path: String, patch: Vec<u8>) -> (OwnRequest, super::Errand) {
    let put = Put { shape, path, patch, state: State::Reading { is_second: false } };
    (put.read(), put.into())
}

impl Put {
    /// Without the query of the request: `attributes` would hide a part of what is to be sent back.
    fn read(&self) -> OwnRequest {
        OwnRequest::get(self.path.split('?').next().unwrap_or_default().to_owned())
    }

    pub(super) fn answered(self, answer: &Answered<'_>, settings: &Settings) -> ErrandStep {
        match self.state {
            State::Reading { is_second } => self.has_read(answer, is_second, settings),
            State::Writing { is_second, is_conditional } => {
                self.has_written(answer, !is_second && is_conditional)
            }
        }
    }

    fn has_read(self, answer: &Answered<'_>, is_second: bool, settings: &Settings) -> ErrandStep {
        if answer.status != 200 {
            return not_read(answer);
        }
        // Which of two spellings of one name the application means cannot be known.
        let resource = answer.resource(&self.shape).filter(apply::is_plain).map(Value::Object);
        let Some(Value::Object(resource)) = resource.filter(has_one_spelling) else {
            let what = "The application did not answer with the resource that was asked for.";
            return ErrandStep::refused(ScimError::Upstream(what), Effect::NotApplied);
        };
        let mut applied = vec![Applied { rule: super::PUT, place: "body".into() }];
        let after = match self.applied_to(&resource, settings, &mut applied) {
            Ok(after) => after,
            Err(error) => return ErrandStep::refused(error, Effect::NotApplied),
        };
        if after == resource {
            return ErrandStep::made(204, Vec::new(), applied, Effect::Applied);
        }
        let if_match = version(answer.etag, &resource);
        let body = Value::Object(sendable(after, &self.shape.kind)).to_string().into_bytes();
        let is_conditional = if_match.is_some();
        let request =
            OwnRequest { method: "PUT", path: self.path.clone(), body: Some(body), if_match, applied };
        ErrandStep::call(request, Self { state: State::Writing { is_second, is_conditional }, ..self })
    }

    /// The resource with the operations applied, those that select nothing first made to select something.
    fn applied_to(
        &self,
        resource: &Map<String, Value>,
        settings: &Settings,
        applied: &mut Vec<Applied>,
    ) -> Result<Map<String, Value>, ScimError> {
        let context = Context { kind: &self.shape.kind, settings };
        let mut patch = Patch::read_own(json::parse(&self.patch)?, &context)?;
        // To make an element is to judge; who wants no judgement gets `noTarget`.
        if settings.mode != Mode::Strict && patch.operations.iter().any(Operation::selects) {
            // The rules know names in the spelling of the schema; what is sent back keeps the application's own.
            let mut spelt = resource.clone();
            spell_members(&self.shape.kind, &mut spelt);
            let mut subject = Upsert::new(patch, &Value::Object(spelt), &context);
            run(upsert::ALL, &mut subject, &context, applied)?;
            patch = subject.patch;
        }
        if settings.mode == Mode::Strict || !settings.is_on("P42") {
            return apply::apply(resource, &patch.operations, &context);
        }
        let before = Value::Object(resource.clone());
        let is_shown = |name: &Name| upsert::elements(context.kind, &before, name).is_some();
        let (after, vain) = apply::apply_what_is_there(resource, &patch.operations, &context, &is_shown)?;
        applied.extend(vain.into_iter().map(|place| Applied { rule: "P42", place }));
        Ok(after)
    }

    fn has_written(self, answer: &Answered<'_>, may_retry: bool) -> ErrandStep {
        match answer.status {
            // Never sent again: the first one may have arrived.
            0 => ErrandStep::refused(ScimError::Upstream("The application did not answer."), Effect::Unknown),
            // Somebody else changed the resource in between; nothing was changed here.
            412 if may_retry => {
                let next = Self { state: State::Reading { is_second: true }, ..self };
                ErrandStep::call(next.read(), next)
            }
            200 | 201 if is_another(&self.shape, answer) => ErrandStep::refused(
                ScimError::Upstream("The application answered with another resource."),
                Effect::Unknown,
            ),
            // A body that says nothing is no word against it, for the account as it was asked for was put whole.
            200 if self.shape.action == Action::Delete
                && (object(answer.body).is_some() || is_html(answer))
                && !is_plausible(&self.shape, answer, false) =>
            {
                ErrandStep::refused(
                    ScimError::Upstream("The application says success, and something else in its answer."),
                    Effect::Unknown,
                )
            }
            200 | 204 if self.shape.action == Action::Delete => {
                ErrandStep::made(204, Vec::new(), Vec::new(), Effect::Applied)
            }
            // To a PATCH nothing is created.
            201 => ErrandStep::made(200, answer.body.to_vec(), Vec::new(), Effect::Applied),
            _ => ErrandStep::Done(super::Ended::Latest),
        }
    }
}

/// What a failed GET means: nothing was changed, whatever its status, and its own words are passed on.
pub(super) fn not_read(answer: &Answered<'_>) -> ErrandStep {
    match answer.status {
        0 => ErrandStep::refused(ScimError::Upstream("The application did not answer."), Effect::NotApplied),
        400..=499 => ErrandStep::Done(super::Ended::Latest),
        // Read by its status alone, such an answer would leave open whether something was changed.
        500..=599 => ErrandStep::made(answer.status, answer.body.to_vec(), Vec::new(), Effect::NotApplied),
        _ => ErrandStep::refused(
            ScimError::Upstream("The application did not answer with the resource that was asked for."),
            Effect::NotApplied,
        ),
    }
}

/// Whether an answer to a write is about another resource.
fn is_another(shape: &RequestShape, answer: &Answered<'_>) -> bool {
    let id = object(answer.body).and_then(|map| resource_id(&Value::Object(map)));
    id.is_some() && id != shape.id
}

/// The version to name in `If-Match`: the header, or `meta.version`, which is the same by RFC 7644 section 3.14 and
/// is taken only where it has the form of an entity-tag.
fn version(etag: Option<&str>, resource: &Map<String, Value>) -> Option<String> {
    let is_sendable = |text: &&str| {
        (1..=LONGEST_VERSION).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let is_tag = |text: &&str| {
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inner.is_some_and(|inner| !inner.contains(['"', ' ']))
    };
    let meta = member(resource, "meta").and_then(Value::as_object);
    let own = meta.and_then(|meta| member(meta, "version")).and_then(Value::as_str).filter(is_tag);
    // `*` would match every version.
    let etag = etag.map(str::trim).filter(|etag| *etag != "*");
    etag.filter(is_sendable).or_else(|| own.filter(is_sendable)).map(str::to_owned)
}

/// The resource without what only the application sets.
fn sendable(mut resource: Map<String, Value>, kind: &ResourceKind) -> Map<String, Value> {
    resource.retain(|key, _| {
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        let is_theirs = is("meta") || (*kind == ResourceKind::User && is("groups"));
        !is_theirs
    });
    resource
}
