//! Rules of responses: R11 R9 R1 R4 R5 R3 here, those of lists and resources in their own files.

use serde_json::{Map, Value, json};

use super::super::error::{ERROR_SCHEMA, MEDIA_TYPE, error_body};
use super::super::patch::member;
use super::super::request::RequestShape;
use super::super::response::{Upstream, content};
use super::super::rule::{Certainty, Context, Notes, Rule, Settings};
use super::super::schema::ResourceKind;
use super::super::url::Action;
use super::chosen::X3;
use super::response_list::{R2, R12};
use super::response_resource::{R6, R7, R8, R13, R14};
use crate::common::json::Seen;

/// Schema of a list (RFC 7644 section 3.4.2).
pub(crate) const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// How many characters of the application's words are passed on.
const LONGEST_DETAIL: usize = 300;

/// A body.
pub(crate) enum Content {
    /// None, or white space.
    Empty,
    /// A JSON object or array.
    Json(Value),
    /// Something else.
    Other,
}

/// An answer on its way to Entra.
pub(crate) struct Answer {
    pub(crate) shape: RequestShape,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) content: Content,
    /// What may be in the content: rules that mend something need not look for what is not.
    pub(crate) seen: Seen,
    /// Whether the body is no longer the application's.
    pub(crate) changed: bool,
    /// Whether the application itself sent a SCIM error.
    was_scim_error: bool,
    pub(crate) drop_challenge: bool,
}

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Answer>] =
    &[&R11, &R9, &R1, &R4, &R7, &R2, &R12, &R6, &R8, &R13, &X3, &R14, &R5, &R3];

impl Answer {
    /// Takes an answer of the application.
    pub(crate) fn read(shape: &RequestShape, upstream: &Upstream<'_>) -> Self {
        let (content, seen) =
            if shape.head { (Content::Empty, Seen::ANYTHING) } else { content(upstream.body) };
        let was_scim_error = matches!(&content, Content::Json(body) if is_scim_error(body));
        Self {
            shape: shape.clone(),
            status: upstream.status,
            content_type: upstream.content_type.map(str::to_owned),
            location: upstream.location.map(str::to_owned),
            content,
            seen,
            changed: false,
            was_scim_error,
            drop_challenge: false,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn json(&mut self) -> Option<&mut Value> {
        match &mut self.content {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn set(&mut self, status: u16, body: Value) {
        self.status = status;
        self.content = Content::Json(body);
        self.seen = Seen::ANYTHING;
        self.content_type = Some(MEDIA_TYPE.to_owned());
        self.changed = true;
    }

    fn drop_body(&mut self, status: u16) {
        self.status = status;
        self.changed = true;
        self.content = Content::Empty;
        self.content_type = None;
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.shape.action, Action::List | Action::Search) && self.is_success()
    }

    /// Calls `change` for each resource of a successful answer; it tells whether it changed something.
    pub(crate) fn each_resource(&mut self, change: &mut dyn FnMut(&mut Map<String, Value>) -> bool) -> bool {
        if !self.is_success() {
            return false;
        }
        let is_collection = self.is_list() || matches!(self.shape.kind, ResourceKind::Discovery(_));
        let mut changed = false;
        match self.json() {
            Some(Value::Array(items)) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    changed |= change(item);
                }
            }
            Some(Value::Object(map)) => {
                let name = map.keys().find(|key| key.eq_ignore_ascii_case("Resources")).cloned();
                match name.filter(|_| is_collection).and_then(|name| map.get_mut(&name)) {
                    Some(Value::Array(items)) => {
                        for item in items.iter_mut().filter_map(Value::as_object_mut) {
                            changed |= change(item);
                        }
                    }
                    _ => changed |= change(map),
                }
            }
            _ => {}
        }
        self.changed |= changed;
        changed
    }
}

/// Whether a message says that it is of `schema`.
pub(crate) fn has_schema(body: &Value, schema: &str) -> bool {
    let schemas = body.as_object().and_then(|body| member(body, "schemas"));
    schemas
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().filter_map(Value::as_str).any(|have| have.eq_ignore_ascii_case(schema)))
}

pub(crate) fn is_scim_error(body: &Value) -> bool {
    has_schema(body, ERROR_SCHEMA)
}

/// A list without entries that echoes the request's start.
pub(crate) fn empty_list(shape: &RequestShape) -> Value {
    json!({
        "schemas": [LIST_SCHEMA],
        "totalResults": 0,
        "startIndex": shape.start_index.unwrap_or(1).max(1),
        "itemsPerPage": 0,
        "Resources": [],
    })
}

const R11: Rule<Answer> = Rule {
    id: "R11",
    says: "answers 502 where the application refuses the filter's own credential",
    certainty: Certainty::Judgement,
    apply: |answer, context, notes| {
        // 403 too: the client's own credential was never seen by the application, and either would end the job.
        if matches!(answer.status, 401 | 403) && context.settings.own_credential {
            let detail = match answer.status {
                401 => "upstream rejected the gateway credential",
                _ => "upstream does not permit this to the gateway credential",
            };
            answer.set(502, error_body(502, None, Some(detail)));
            answer.drop_challenge = true;
            notes.mark("status");
        }
    },
};

const R9: Rule<Answer> = Rule {
    id: "R9",
    says: "answers 409 where the application means a duplicate",
    certainty: Certainty::Judgement,
    apply: |answer, _, notes| {
        let is_write = matches!(answer.shape.action, Action::Create | Action::Replace | Action::Patch);
        // Also in an error that does not name its schema (R4): the word has no other meaning.
        let is_duplicate = answer.status == 400
            && matches!(&answer.content, Content::Json(body) if scim_type(body) == Some("uniqueness"));
        if is_write && is_duplicate {
            answer.status = 409;
            if let Some(Value::Object(body)) = answer.json() {
                body.insert("status".into(), "409".into());
            }
            answer.changed = true;
            notes.mark("status");
        }
    },
};

const R1: Rule<Answer> = Rule {
    id: "R1",
    says: "answers an empty list where a filter matches nothing",
    certainty: Certainty::Partly,
    apply: |answer, _, notes| {
        let asked =
            answer.shape.action == Action::List && answer.shape.filter.is_some() && !answer.shape.head;
        let nothing = (answer.status == 404 && answer.was_scim_error && says_no_other(&answer.content, 404))
            || (answer.status == 204 && matches!(answer.content, Content::Empty));
        if asked && nothing {
            let list = empty_list(&answer.shape);
            answer.set(200, list);
            notes.mark("body");
        }
    },
};

/// Whether the `status` of an error message is the one of its response, as far as it has one.
fn says_no_other(content: &Content, status: u64) -> bool {
    let Content::Json(Value::Object(body)) = content else { return false };
    member(body, "status").is_none_or(|said| said.is_null() || number(said) == Some(status))
}

const R4: Rule<Answer> = Rule {
    id: "R4",
    says: "makes a SCIM error of every failure, and a failure of a success that is no SCIM",
    certainty: Certainty::Partly,
    apply: |answer, context, notes| {
        if answer.shape.head || matches!(answer.status, 100..200 | 204 | 304) {
            return;
        }
        if answer.is_success() {
            if let Some(detail) = not_scim(answer, context.settings) {
                answer.set(502, error_body(502, None, Some(detail)));
                notes.mark("body");
            }
            return;
        }
        let status = answer.status;
        match &mut answer.content {
            Content::Json(Value::Object(body)) if answer.was_scim_error => {
                if repair_error(body, status) {
                    answer.changed = true;
                    notes.mark("body");
                }
            }
            other => {
                let (own, scim_type) = match other {
                    Content::Json(body) => (detail(body), scim_type(body)),
                    _ => (None, None),
                };
                // An application that is out of order says nothing; whoever reads the provisioning log must see where to look.
                let unsaid = || format!("the application answered {status} and did not say why");
                let detail = own.or_else(|| (status >= 500).then(unsaid));
                answer.set(status, error_body(status, scim_type, detail.as_deref()));
                notes.mark("body");
            }
        }
    },
};

/// Why a success cannot be passed on, where it cannot.
fn not_scim(answer: &Answer, settings: &Settings) -> Option<&'static str> {
    const NO_LIST: &str = "upstream answer is not a SCIM ListResponse";
    const NO_RESOURCE: &str = "upstream answer is not a SCIM resource";
    let is_html =
        answer.content_type.as_deref().is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    match (answer.shape.action, &answer.content) {
        (Action::List | Action::Search, Content::Json(body)) => {
            (!is_list_response(body, &answer.shape, settings)).then_some(NO_LIST)
        }
        (Action::List | Action::Search, _) => Some(NO_LIST),
        (Action::Delete, Content::Other) if is_html => Some(NO_RESOURCE),
        (Action::Delete, _) if answer.was_scim_error => Some(NO_RESOURCE),
        (Action::Delete, _) => None,
        (Action::Read | Action::Create, Content::Empty) => Some(NO_RESOURCE),
        (_, Content::Other) => Some(NO_RESOURCE),
        // An error under a success status is no success.
        (_, Content::Json(_)) if answer.was_scim_error => Some(NO_RESOURCE),
        _ => None,
    }
}

/// Whether a body answers a query. An answer that says neither how many nor which is none: read as an empty list, it
/// would make Entra create everybody anew.
pub(crate) fn is_list_response(body: &Value, shape: &RequestShape, settings: &Settings) -> bool {
    match body {
        Value::Array(items) => settings.is_on("R2") && items.iter().all(Value::is_object),
        Value::Object(map) => {
            let resources = match member(map, "Resources") {
                None | Some(Value::Null) => None,
                Some(Value::Array(items)) if items.iter().all(Value::is_object) => Some(items),
                Some(_) => return false,
            };
            let total = member(map, "totalResults").and_then(number);
            let is_failure = is_scim_error(body)
                || member(map, "status").and_then(number).is_some_and(|status| (400..600).contains(&status));
            let named = has_schema(body, LIST_SCHEMA) || (resources.is_some() && !is_failure);
            named
                && match resources {
                    Some(items) => !items.is_empty() || may_be_empty(map, shape),
                    None => total == Some(0) || (total.is_some() && shape.count == Some(0)),
                }
        }
        _ => false,
    }
}

/// Whether a list may be without entries: there are none, or none was asked for.
fn may_be_empty(list: &Map<String, Value>, shape: &RequestShape) -> bool {
    let total = match member(list, "totalResults") {
        None => return true,
        Some(total) => number(total),
    };
    // `.search` asks in its body, which is passed on as it is.
    let none_asked = shape.action == Action::Search || shape.count == Some(0);
    total.is_some_and(|total| total == 0 || none_asked || shape.start_index.unwrap_or(1) > total)
}

/// A whole number, as JSON or as text.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn repair_error(body: &mut Map<String, Value>, status: u16) -> bool {
    let mut changed = false;
    let want = Value::String(status.to_string());
    if body.get("status") != Some(&want) {
        body.insert("status".into(), want);
        changed = true;
    }
    if let Some(Value::String(detail)) = body.get_mut("detail") {
        let short = bounded(detail);
        if short != *detail {
            *detail = short;
            changed = true;
        }
    }
    changed
}

/// The keywords of errors (RFC 7644 section 3.12, table 9).
const SCIM_TYPES: [&str; 10] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
];

/// The keyword of an error, where it is one of SCIM's.
fn scim_type(body: &Value) -> Option<&'static str> {
    let said = member(body.as_object()?, "scimType")?.as_str()?;
    SCIM_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(said))
}

/// The application's own words about a failure, where it says any in a form that is known.
fn detail(body: &Value) -> Option<String> {
    let map = body.as_object()?;
    let own = ["detail", "message", "error_description", "error", "title"];
    let text = own.into_iter().find_map(|name| match member(map, name)? {
        Value::String(text) => Some(text.as_str()),
        Value::Object(inner) => member(inner, "message")?.as_str(),
        _ => None,
    })?;
    let text = bounded(text);
    (!text.trim().is_empty()).then_some(text)
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_DETAIL).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

const R5: Rule<Answer> = Rule {
    id: "R5",
    says: "gives a success the status that Entra expects of it",
    certainty: Certainty::Partly,
    apply: |answer: &mut Answer, context: &Context<'_>, notes: &mut Notes<'_>| {
        if !answer.is_success() || answer.was_scim_error {
            return;
        }
        let is_group = *context.kind == ResourceKind::Group;
        match (answer.shape.action, &answer.content) {
            (Action::Create, Content::Json(_)) if answer.status == 200 => answer.status = 201,
            (Action::Delete, _) if answer.status != 204 => answer.drop_body(204),
            (Action::Patch, Content::Json(_))
                if is_group
                    && answer.status == 200
                    && !answer.shape.attributes
                    && !answer.shape.wants_body =>
            {
                answer.drop_body(204);
            }
            (Action::Patch, Content::Empty) if answer.status != 204 => answer.drop_body(204),
            _ => return,
        }
        notes.mark("status");
    },
};

const R3: Rule<Answer> = Rule {
    id: "R3",
    says: "calls a SCIM message application/scim+json",
    certainty: Certainty::Certain,
    apply: |answer, _, notes| {
        if matches!(answer.content, Content::Json(_)) && answer.content_type.as_deref() != Some(MEDIA_TYPE) {
            answer.content_type = Some(MEDIA_TYPE.to_owned());
            notes.mark("header.content-type");
        }
    },
};
