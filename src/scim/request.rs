//! The request pipeline: read everything, rewrite by rule, write canonically, or refuse.

use serde_json::Value;

use super::change::{AccountChange, account_change, at_least, contradicts_itself, left_of};
use super::error::{MEDIA_TYPE, ScimError};
use super::filter::{Filter, Mode, Path};
use super::headers::{self, MediaHeaders};
use super::observe;
use super::patch::Patch;
use super::rule::{Applied, Context, Settings, run};
use super::rules::filter::{READ_FILTER, Reading, TREE};
use super::rules::query::{self, Query};
use super::rules::resource::{self, Resource};
use super::rules::{chosen, members, operations, values};
use super::schema::{GROUP, ResourceKind, USER};
use super::url::{self, Action, Target};
use crate::common::{HeaderEdit, Reply, json};

/// A request of the provisioning client.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// HTTP method, in capitals.
    pub method: &'a str,
    /// Path below the public base, beginning with `/`, with the raw query.
    pub path: &'a str,
    /// `accept`, where there is one.
    pub accept: Option<&'a str>,
    /// `content-type`, where there is one.
    pub content_type: Option<&'a str>,
    /// `content-encoding`, where there is one.
    pub content_encoding: Option<&'a str>,
    /// The whole body; none where the request has none.
    pub body: Option<&'a [u8]>,
}

/// Whether a request with this method carries a message that must be read before it may be forwarded. A body on any
/// other method must be given to [`normalise`] too, which refuses it; it must never be passed on unread.
#[must_use]
pub fn expects_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Normalised {
    /// It goes to the application in this form.
    Forward(Box<Outgoing>),
    /// It is answered here.
    Answer {
        /// The answer.
        reply: Reply,
        /// The audit record.
        applied: Vec<Applied>,
    },
}

/// A request for the application.
pub struct Outgoing {
    /// HTTP method.
    pub method: String,
    /// Canonical path below the application's base, with its query.
    pub path: String,
    /// Changes to the headers; the caller sets `content-length`.
    pub headers: Vec<HeaderEdit>,
    /// The whole body; none where the request has none.
    pub body: Option<Vec<u8>>,
    /// The audit record.
    pub applied: Vec<Applied>,
    /// What it means for a person's access.
    pub change: Option<AccountChange>,
    /// Where the current resource is to be read, below the application's base, if the application answers this PATCH
    /// with 400 `noTarget` or `invalidPath`; [`super::upsert`] then makes the form to send once more (P30, P31, P42).
    pub lookup: Option<String>,
    /// What the repair of the response needs to know.
    pub shape: RequestShape,
    /// Set where the mode is [`super::Mode::Observe`]: method, path, headers and body are those that came.
    pub observed: Option<Observed>,
}

/// What would have become of a request that is only observed, besides the rules in [`Outgoing::applied`].
///
/// Such a request goes on as it came, and so does its answer; no request of our own follows it, but the look at who the
/// person is ([`Outgoing::change`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// It would have been refused so.
    pub refusal: Option<ScimError>,
    /// It would have been answered here.
    pub answered: bool,
}

impl std::fmt::Debug for Outgoing {
    /// Path and body hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("applied", &self.applied)
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}

/// What a request asks, as far as its response is concerned.
#[derive(Clone)]
pub struct RequestShape {
    /// Which resource.
    pub kind: ResourceKind,
    /// What is done with it.
    pub action: Action,
    /// Decoded identifier of the one resource that the request is about.
    pub id: Option<String>,
    /// Whether the response has no body by its method (`HEAD`).
    pub head: bool,
    /// Whether the client itself named a type of message that it wants to read (`accept`); Entra names none.
    pub wants_body: bool,
    /// `startIndex`, where it was given and is a number.
    pub start_index: Option<u64>,
    /// `count`, where it was given and is a number.
    pub count: Option<u64>,
    /// The filter as it goes to the application.
    pub filter: Option<Filter>,
    /// Whether `attributes` was given.
    pub attributes: bool,
    /// `excludedAttributes`, in lower case.
    pub excluded: Vec<String>,
}

impl std::fmt::Debug for RequestShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestShape")
            .field("kind", &self.kind)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// Turns what Entra sends into strict RFC 7644.
///
/// Normalising a second time changes nothing. The order of operations stays, and no value changes but by a rule that
/// the audit record names.
///
/// # Errors
/// [`ScimError`] for everything that cannot be read whole: it must not be forwarded.
pub fn normalise(incoming: &Incoming<'_>, settings: &Settings) -> Result<Normalised, ScimError> {
    if settings.mode == super::Mode::Observe {
        return observe::observe(incoming, settings);
    }
    rewrite(incoming, settings)
}

/// The rules, whatever the mode but for judgements in the strict one.
pub(crate) fn rewrite(incoming: &Incoming<'_>, settings: &Settings) -> Result<Normalised, ScimError> {
    let (path, raw_query) = match incoming.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (incoming.path, None),
    };
    let target = url::target(incoming.method, path, settings.is_on("T2"))?;
    let context = Context { kind: &target.kind, settings };
    let mut applied = Vec::new();
    if target.path != path {
        run(&[&query::T2], &mut String::new(), &context, &mut applied)?;
    }

    let body = incoming.body.filter(|body| !body.is_empty());
    if body.is_some() && !expects_body(incoming.method) {
        return Err(ScimError::Syntax("This method takes no request body.".into()));
    }
    let mut media = MediaHeaders::read(
        incoming.accept,
        incoming.content_type,
        incoming.content_encoding,
        expects_body(incoming.method),
    )?;
    run(headers::ALL, &mut media, &context, &mut applied)?;

    if settings.without_groups && target.kind == ResourceKind::Group && settings.is_on("X3") {
        chosen::only_queries(target.action)?;
    }
    let (query, mut shape) =
        read_query(raw_query, &target, incoming.method == "HEAD", &context, &mut applied)?;
    shape.wants_body = incoming.accept.is_some_and(headers::names_json);
    let body = match body {
        Some(body) => Some(json::parse(body)?),
        None if expects_body(incoming.method) => {
            return Err(ScimError::Syntax("The request has no body.".into()));
        }
        None => None,
    };
    if let Some(body) = &body
        && (contradicts_itself(&target, body) || !has_one_spelling(body))
    {
        return Err(named_twice());
    }
    if let Some(reply) = answer_here(&shape, &context, &mut applied)? {
        return Ok(Normalised::Answer { reply, applied });
    }
    let mut change = account_change(&target, body.as_ref());
    let mut lookup = None;
    let body = match body {
        Some(body) => match rewrite_body(body, &target, &context, &mut applied, &mut lookup)? {
            // Names that are nested (C10) can meet those that were there.
            Some(body) if !has_one_spelling(&body) => return Err(named_twice()),
            Some(body) => {
                if applied.iter().any(|applied| matches!(applied.rule, "X1" | "X2")) {
                    change = left_of(change, &target, &body);
                }
                change = at_least(change, &target, &body);
                Some(json::print(&body, incoming.body.map_or(0, <[u8]>::len)))
            }
            None => return Ok(Normalised::Answer { reply: Reply::status(204), applied }),
        },
        None => None,
    };
    let path = if query.is_empty() { target.path } else { format!("{}?{query}", target.path) };
    Ok(Normalised::Forward(Box::new(Outgoing {
        method: incoming.method.to_owned(),
        path,
        headers: media.edits(),
        body,
        applied,
        change,
        lookup,
        shape,
        observed: None,
    })))
}

fn named_twice() -> ScimError {
    ScimError::Syntax(
        "The request body names an attribute twice, in different spellings, or with white space around it."
            .into(),
    )
}

/// The answer where the application is not asked at all: groups that it does not have, discovery that it does not offer.
fn answer_here(
    shape: &RequestShape,
    context: &Context<'_>,
    applied: &mut Vec<Applied>,
) -> Result<Option<Reply>, ScimError> {
    let settings = context.settings;
    let is_query = matches!(shape.action, Action::List | Action::Search);
    let has_no_groups = settings.without_groups && settings.is_on("X3");
    let body = if has_no_groups && shape.kind == ResourceKind::Group && is_query {
        applied.push(Applied { rule: "R1", place: "Groups".into() });
        super::rules::response::empty_list(shape)
    } else if settings.discovery == super::Discovery::Own
        && matches!(shape.kind, ResourceKind::Discovery(_))
        && settings.is_on("X4")
    {
        run(&[&chosen::X4], &mut String::new(), context, applied)?;
        super::discovery::answer(shape, settings)?
    } else {
        return Ok(None);
    };
    let body = if shape.head { String::new() } else { body.to_string() };
    Ok(Some(Reply::status(200).body(MEDIA_TYPE, body)))
}

/// Reads the query, rewrites it, and notes what the response repair must know.
fn read_query(
    raw: Option<&str>,
    target: &Target,
    head: bool,
    context: &Context<'_>,
    applied: &mut Vec<Applied>,
) -> Result<(String, RequestShape), ScimError> {
    let mut raw = query::split(raw.unwrap_or_default());
    run(query::RAW, &mut raw, context, applied)?;
    let mut query = query::decoded(raw)?;
    run(query::DECODED, &mut query, context, applied)?;
    check_numbers(&query)?;
    let filter = read_filter(&mut query, context, applied)?;
    let value = |name: &str| {
        query
            .iter()
            .find(|parameter| parameter.name.eq_ignore_ascii_case(name))
            .map(|parameter| parameter.value.clone().unwrap_or_default())
    };
    let number = |name: &str| value(name).and_then(|value| value.parse().ok());
    let shape = RequestShape {
        kind: target.kind.clone(),
        action: target.action,
        id: target.id.clone(),
        head,
        wants_body: false,
        start_index: number("startIndex"),
        count: number("count"),
        filter,
        attributes: value("attributes").is_some(),
        excluded: value("excludedAttributes")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect(),
    };
    let written: Vec<&str> = query.iter().map(|parameter| parameter.written.as_str()).collect();
    Ok((written.join("&"), shape))
}

/// Refuses places in a list that are no whole numbers (RFC 7644 section 3.4.2.4), or that are given twice: servers take
/// the first of two, or the last, or begin anew at 1.
fn check_numbers(query: &Query) -> Result<(), ScimError> {
    for name in ["startIndex", "count"] {
        let mut given = query.iter().filter(|parameter| parameter.name.eq_ignore_ascii_case(name));
        let Some(parameter) = given.next() else { continue };
        let text = parameter.value.as_deref().unwrap_or_default();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || given.next().is_some() {
            return Err(ScimError::Value(format!(
                "The query's {name} is no whole number, or is given twice."
            )));
        }
    }
    Ok(())
}

fn read_filter(
    query: &mut Query,
    context: &Context<'_>,
    applied: &mut Vec<Applied>,
) -> Result<Option<Filter>, ScimError> {
    let mut filters = query.iter_mut().filter(|parameter| parameter.name.eq_ignore_ascii_case("filter"));
    let Some(parameter) = filters.next() else { return Ok(None) };
    if filters.next().is_some() {
        return Err(ScimError::Filter("The request has more than one filter.".into()));
    }
    let text = parameter.value.clone().unwrap_or_default();
    let mut reading = Reading { tree: Filter::parse(&text, Mode::Strict), text };
    run(READ_FILTER, &mut reading, context, applied)?;
    let mut filter =
        reading.tree.ok_or_else(|| ScimError::Filter("The filter of the request cannot be read.".into()))?;
    let before = applied.len();
    run(TREE, &mut filter, context, applied)?;
    let mut is_secret = false;
    filter.each(&mut |parent, name, _| {
        is_secret |= parent.is_none() && name.attribute.eq_ignore_ascii_case("password");
    });
    if is_secret {
        return Err(ScimError::Sensitive("A password must not be part of a filter in a URL."));
    }
    let printed = filter.to_string();
    // Without F1 the client's own encoding stays, unless a rule changed the filter.
    if printed != reading.text && (context.settings.is_on("F1") || applied.len() != before) {
        if applied.iter().all(|applied| applied.place != "query.filter") {
            applied.push(Applied { rule: "F1", place: "query.filter".into() });
        }
        parameter.value = Some(printed);
        parameter.written = parameter.canonical();
    }
    Ok(Some(filter))
}

/// Rewrites the message; `None` where nothing is left to ask of the application.
fn rewrite_body(
    body: Value,
    target: &Target,
    context: &Context<'_>,
    applied: &mut Vec<Applied>,
    lookup: &mut Option<String>,
) -> Result<Option<Value>, ScimError> {
    match target.action {
        Action::Patch => {
            let mut patch = Patch::read(body, context, applied)?;
            run(operations::SHAPE, &mut patch, context, applied)?;
            run(operations::PATHS, &mut patch, context, applied)?;
            run(members::ALL, &mut patch, context, applied)?;
            run(values::ALL, &mut patch, context, applied)?;
            patch.check_targets(context)?;
            if *context.kind == ResourceKind::User {
                patch.check_activity()?;
            }
            run(chosen::PATCH, &mut patch, context, applied)?;
            *lookup = super::upsert::lookup(&target.path, &patch, context);
            Ok(if values::is_done(&patch, context) { None } else { Some(patch.write()) })
        }
        Action::Create | Action::Replace => {
            let Value::Object(members) = body else { return Err(no_object()) };
            let mut resource = Resource { members, action: target.action };
            run(resource::ALL, &mut resource, context, applied)?;
            if *context.kind == ResourceKind::User {
                super::patch::check_activity(&mut resource.members)?;
            }
            run(chosen::RESOURCE, &mut resource, context, applied)?;
            Ok(Some(Value::Object(resource.members)))
        }
        _ if body.is_object() => Ok(Some(body)),
        _ => Err(no_object()),
    }
}

fn no_object() -> ScimError {
    ScimError::Syntax("The request body is no JSON object.".into())
}

/// Whether no object has one member in two spellings, or a name with white space around it: names of attributes are case-insensitive (RFC 7643 section 2.1)
/// and may carry their schema, so which of the two counts would be the application's guess.
pub(crate) fn has_one_spelling(body: &Value) -> bool {
    let mut values = vec![body];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(map) => {
                if !map.keys().all(|key| key.trim().len() == key.len()) || has_twice(map) {
                    return false;
                }
                values.extend(map.values());
            }
            _ => {}
        }
    }
    true
}

/// Whether two members have names that mean the same.
fn has_twice(map: &serde_json::Map<String, Value>) -> bool {
    /// So few that each may be compared with each.
    const FEW: usize = 24;
    if map.len() <= FEW && map.keys().all(|key| is_simple(key)) {
        let mut rest = map.keys();
        while let Some(key) = rest.next() {
            if rest.clone().any(|other| other.eq_ignore_ascii_case(key)) {
                return true;
            }
        }
        return false;
    }
    let mut seen = std::collections::HashSet::with_capacity(map.len());
    !map.keys().all(|key| seen.insert(folded(key)))
}

/// Whether a name is nothing but a name: no path, and without a schema.
fn is_simple(key: &str) -> bool {
    !key.bytes().any(|byte| matches!(byte, b':' | b'.' | b'[' | b' '))
}

/// A member's name without casing and without what the rules take off it.
fn folded(key: &str) -> String {
    let path = if is_simple(key) { None } else { Path::parse(key, Mode::Strict) };
    let Some(mut path) = path else { return key.to_ascii_lowercase() };
    path.name.dotted = false;
    if (path.name.is_of(USER) || path.name.is_of(GROUP)) && !path.name.is_bare_urn() {
        path.name.urn = None;
    }
    path.to_string().to_ascii_lowercase()
}
