//! What follows the application's answer to the forwarded request, as a state machine without I/O.
//!
//! Two kinds of request may need more than one exchange with the application:
//!
//! * a PATCH whose value paths select nothing (P30, P31, P42): the application refuses it with 400, the resource is
//!   read, and the request is sent once more in a form that makes the elements;
//! * a query for one resource and one reference (F5) that the application cannot filter: the resource is read by its
//!   identifier and compared here.
//!
//! A write is sent again only after an answer which proves that nothing was applied: a PATCH is atomic (RFC 7644
//! section 3.5.2), so one that was refused with `noTarget` or `invalidPath` changed nothing. It is sent again at most once.

use serde_json::{Map, Value, json};

use super::ability::Mode;
use super::error::{ERROR_SCHEMA, MEDIA_TYPE};
use super::filter::{Filter, Literal};
use super::name::Name;
use super::patch::member;
use super::request::{Outgoing, RequestShape};
use super::rule::{Applied, Settings};
use super::rules::query;
use super::rules::response::{LIST_SCHEMA, empty_list, has_schema};
use super::schema::ResourceKind;
use super::upsert::upsert;
use super::url::{self, Action};

/// A request of our own to the application.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnRequest {
    /// `GET`, `PATCH`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// Canonical path below the application's base, with its query.
    pub path: String,
    /// The whole body, of [`MEDIA_TYPE`]; none for `GET` and `DELETE`.
    pub body: Option<Vec<u8>>,
    /// The version of the resource that the write is for, as an entity-tag (RFC 7644 section 3.14).
    pub if_match: Option<String>,
    /// Rules that made the body differ from the one sent before.
    pub applied: Vec<Applied>,
}

impl OwnRequest {
    pub(super) fn get(path: String) -> Self {
        Self { method: "GET", path, body: None, if_match: None, applied: Vec::new() }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: "DELETE", ..Self::get(path) }
    }

    pub(super) fn patch(path: String, body: Vec<u8>, applied: Vec<Applied>) -> Self {
        Self { method: "PATCH", path, body: Some(body), if_match: None, applied }
    }

    /// Whether it changes something at the application.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// Its headers; the caller adds the credential and `content-length`.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![("accept", MEDIA_TYPE)];
        if self.body.is_some() {
            headers.push(("content-type", MEDIA_TYPE));
        }
        if let Some(version) = &self.if_match {
            headers.push(("if-match", version));
        }
        headers
    }
}

impl std::fmt::Debug for OwnRequest {
    /// Path and body hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnRequest")
            .field("method", &self.method)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

/// Whose answer Entra gets; [`super::repair`] comes after in every case, with the shape of the request.
pub enum Conclusion {
    /// The answer to the forwarded request.
    First,
    /// The answer that was given last: the one to the request sent once more.
    Latest,
    /// An answer made here.
    Made {
        /// HTTP status.
        status: u16,
        /// A message of [`MEDIA_TYPE`], or empty.
        body: Vec<u8>,
        /// Rules that made it.
        applied: Vec<Applied>,
    },
}

impl std::fmt::Debug for Conclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::First => "First",
            Self::Latest => "Latest",
            Self::Made { .. } => "Made",
        })
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this, and give its answer to [`Sequence::answered`] of what comes with it.
    Call(OwnRequest, Box<Sequence>),
    /// Answer Entra.
    Done(Conclusion),
}

/// A request that was forwarded and may need more than one exchange.
pub struct Sequence {
    shape: RequestShape,
    state: State,
}

enum State {
    /// The forwarded PATCH has not been answered.
    Patching { path: String, body: Vec<u8>, lookup: String },
    /// It was refused; the resource is being read.
    Reading { path: String, body: Vec<u8> },
    /// It was sent once more.
    Resent,
    /// The forwarded query has not been answered.
    Querying(Reference),
    /// It was refused; the one resource is being read.
    Comparing(Reference),
}

impl std::fmt::Debug for Sequence {
    /// Paths, bodies and filters hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::Patching { .. } => "Patching",
            State::Reading { .. } => "Reading",
            State::Resent => "Resent",
            State::Querying(_) => "Querying",
            State::Comparing(_) => "Comparing",
        })
    }
}

/// A query for one resource and one of its references.
struct Reference {
    id: String,
    /// `members.value` or the manager's.
    name: Name,
    value: String,
    /// Where the resource is read.
    path: String,
    /// Whether the client asked for the reference itself.
    is_wanted: bool,
}

impl Sequence {
    /// The sequence that `outgoing` may need; `None` where its first answer is the last.
    #[must_use]
    pub fn of(outgoing: &Outgoing, settings: &Settings) -> Option<Self> {
        // What is only observed is nobody's to repeat, and a comparison in the application's place is a judgement (F5).
        if outgoing.observed.is_some() || settings.mode == Mode::Strict {
            return None;
        }
        let state = match (outgoing.shape.action, &outgoing.lookup, &outgoing.body) {
            (Action::Patch, Some(lookup), Some(body)) => {
                State::Patching { path: outgoing.path.clone(), body: body.clone(), lookup: lookup.clone() }
            }
            (Action::List, _, None) if outgoing.method == "GET" && settings.is_on("F5") => {
                State::Querying(Reference::of(outgoing)?)
            }
            _ => return None,
        };
        Some(Self { shape: outgoing.shape.clone(), state })
    }

    /// Whether an answer with this status to the forwarded request can lead to anything but [`Conclusion::First`].
    #[must_use]
    pub fn heeds(status: u16) -> bool {
        status == 400
    }

    /// Takes the application's answer: at first the one to the forwarded request, then those to our own. A call that
    /// was not answered is given as status 0.
    ///
    /// Ends after two calls at most.
    #[must_use]
    pub fn answered(self, status: u16, body: &[u8], settings: &Settings) -> Step {
        let shape = self.shape;
        match self.state {
            State::Patching { path, body: sent, lookup } => {
                if !(status == 400 && is_scim_type(body, &["noTarget", "invalidPath"])) {
                    return Step::Done(Conclusion::First);
                }
                let next = Self { shape, state: State::Reading { path, body: sent } };
                Step::Call(OwnRequest::get(lookup), Box::new(next))
            }
            State::Reading { path, body: sent } => again(shape, path, &sent, status, body, settings),
            State::Resent => Step::Done(Conclusion::Latest),
            State::Querying(reference) => {
                if !(status == 400 && is_scim_type(body, &["invalidFilter"])) {
                    return Step::Done(Conclusion::First);
                }
                let call = OwnRequest::get(reference.path.clone());
                Step::Call(call, Box::new(Self { shape, state: State::Comparing(reference) }))
            }
            State::Comparing(reference) => Step::Done(compare(&shape, &reference, status, body)),
        }
    }
}

/// The PATCH in its second form, if the resource as it was read calls for one.
fn again(
    shape: RequestShape,
    path: String,
    sent: &[u8],
    status: u16,
    resource: &[u8],
    settings: &Settings,
) -> Step {
    let first = Step::Done(Conclusion::First);
    let Some(resource) = object(resource).filter(|_| status == 200) else { return first };
    match upsert(&shape, sent, &Value::Object(resource), settings) {
        Ok((Some(body), applied)) if !applied.is_empty() => {
            let call = OwnRequest::patch(path, body, applied);
            Step::Call(call, Box::new(Sequence { shape, state: State::Resent }))
        }
        Ok((None, applied)) => Step::Done(Conclusion::Made { status: 204, body: Vec::new(), applied }),
        // The elements are there: what the application refused was something else, and it would again.
        Ok(_) | Err(_) => first,
    }
}

impl Reference {
    /// Reads `id eq "…" and <reference>.value eq "…"`, in either order.
    fn of(outgoing: &Outgoing) -> Option<Self> {
        let pairs = outgoing.shape.filter.as_ref().and_then(Filter::equalities)?;
        let [first, second] = pairs.as_slice() else { return None };
        let (id, reference) = if first.0.is_plain("id") { (first, second) } else { (second, first) };
        let (Literal::Text(id), true, Literal::Text(value)) = (id.1, id.0.is_plain("id"), reference.1) else {
            return None;
        };
        let mut name = reference.0.clone();
        if name.dotted || name.is_bare_urn() || name.sub.as_deref() != Some("value") {
            return None;
        }
        if outgoing.shape.kind.core().is_some_and(|core| name.is_of(core)) {
            name.urn = None;
        }
        let endpoint = match outgoing.shape.kind {
            ResourceKind::User => "Users",
            ResourceKind::Group => "Groups",
            _ => return None,
        };
        let raw = outgoing.path.split_once('?').map_or("", |(_, query)| query);
        let query = query::decoded(query::split(raw)).ok()?;
        let asked = query.iter().find(|parameter| parameter.name == "attributes");
        let asked = asked.map(|parameter| parameter.value.clone().unwrap_or_default());
        let holder = Name { sub: None, ..name.clone() }.to_string();
        let written = format!("/{endpoint}/{}", query::encode(id, false));
        // An identifier that could lead anywhere else is not asked for.
        let target =
            url::target("GET", &written, false).ok().filter(|target| target.id.as_ref() == Some(id))?;
        let mut path = target.path;
        let mut is_wanted = asked.is_none();
        if let Some(asked) = asked {
            let mut names: Vec<&str> =
                asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
            is_wanted = names.iter().any(|asked| is_within(asked, &holder));
            if !is_wanted {
                names.push(&holder);
            }
            let names: Vec<String> = names.iter().map(|name| query::encode(name, false)).collect();
            path.push_str("?attributes=");
            path.push_str(&names.join(","));
        }
        Some(Self { id: id.clone(), name, value: value.clone(), path, is_wanted })
    }

    /// Whether the resource has the reference; `None` where that cannot be said. Identifiers are compared exactly
    /// (RFC 7643 section 3.1); of other values it is not known whether casing counts. Who belongs to what is not shown by
    /// every application: not to see it is not to know it.
    fn holds(&self, resource: &Map<String, Value>) -> Option<bool> {
        let holder = match &self.name.urn {
            Some(urn) => member(resource, urn).and_then(Value::as_object),
            None => Some(resource),
        };
        let is = |name: &str| self.name.attribute.eq_ignore_ascii_case(name);
        let is_belonging = is("members") || is("groups");
        let text =
            |value: &Value| text_of(value.as_object().and_then(|map| member(map, "value")).unwrap_or(value));
        let values: Vec<String> = match holder.and_then(|holder| member(holder, &self.name.attribute)) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            None | Some(Value::Null) if is_belonging => return None,
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        };
        let is_identifier = is_belonging || is("manager");
        let in_other_casing = |have: &String| have.to_lowercase() == self.value.to_lowercase();
        if values.contains(&self.value) {
            Some(true)
        } else if !is_identifier && values.iter().any(in_other_casing) {
            None
        } else {
            Some(false)
        }
    }

    /// Takes the reference out again where it was only asked for in order to compare it.
    fn project(&self, resource: &mut Map<String, Value>) {
        if self.is_wanted {
            return;
        }
        let Some(urn) = &self.name.urn else {
            resource.shift_remove(&self.name.attribute);
            return;
        };
        let is_bare = resource.get_mut(urn).and_then(Value::as_object_mut).is_some_and(|extension| {
            extension.shift_remove(&self.name.attribute);
            extension.is_empty()
        });
        if is_bare {
            resource.shift_remove(urn);
            if let Some(Value::Array(schemas)) = resource.get_mut("schemas") {
                schemas.retain(|schema| schema.as_str() != Some(urn));
            }
        }
    }
}

/// Whether `asked` names `holder`, its schema, or a part of it.
fn is_within(asked: &str, holder: &str) -> bool {
    let (asked, holder) = (asked.to_ascii_lowercase(), holder.to_ascii_lowercase());
    let follows = |longer: &str, shorter: &str| {
        longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '.']))
    };
    follows(&asked, &holder) || follows(&holder, &asked)
}

fn compare(shape: &RequestShape, reference: &Reference, status: u16, body: &[u8]) -> Conclusion {
    let none = || made(&empty_list(shape));
    let Some(mut resource) = object(body) else { return Conclusion::First };
    match status {
        200 => {}
        // Gone, in the application's own words; a page of somebody else's is no word on the resource.
        404 if has_schema(&Value::Object(resource), ERROR_SCHEMA) => return none(),
        _ => return Conclusion::First,
    }
    // Another resource, or none: no answer to the question.
    if member(&resource, "id").and_then(text_of).is_none_or(|id| id != reference.id) {
        return Conclusion::First;
    }
    match reference.holds(&resource) {
        Some(true) => {}
        Some(false) => return none(),
        None => return Conclusion::First,
    }
    reference.project(&mut resource);
    made(&json!({
        "schemas": [LIST_SCHEMA],
        "totalResults": 1,
        "startIndex": shape.start_index.unwrap_or(1).max(1),
        "itemsPerPage": 1,
        "Resources": [resource],
    }))
}

fn made(list: &Value) -> Conclusion {
    let applied = vec![Applied { rule: "F5", place: "Resources".into() }];
    Conclusion::Made { status: 200, body: list.to_string().into_bytes(), applied }
}

pub(super) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match crate::common::json::parse(body) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether an error message says one of `wanted`.
fn is_scim_type(body: &[u8], wanted: &[&str]) -> bool {
    let body = object(body);
    let said = body.as_ref().and_then(|body| member(body, "scimType")).and_then(Value::as_str);
    said.is_some_and(|said| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(said)))
}
