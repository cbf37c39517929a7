//! Rules of responses: R11 R4 R9 R1 R7 R2 R12 R6 R8 R13 R14 R5 R3.

use serde_json::{Map, Value, json};

use super::super::error::{ERROR_SCHEMA, MEDIA_TYPE, error_body};
use super::super::filter::Literal;
use super::super::name::Name;
use super::super::patch::{each_attribute, member};
use super::super::request::RequestShape;
use super::super::response::{Upstream, content};
use super::super::rule::{Context, Notes, Rule, Settings};
use super::super::schema::{self, ResourceKind, ValueType};
use super::super::url::Action;
use super::resource::spell_members;
use super::values::{drop_nulls, manager_object};
use super::{convert, to_boolean};

/// Schema of a list (RFC 7644 section 3.4.2).
const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
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
    /// Whether the body is no longer the application's.
    pub(crate) changed: bool,
    /// Whether the application itself sent a SCIM error.
    was_scim_error: bool,
    pub(crate) drop_challenge: bool,
}

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Answer>] =
    &[&R11, &R9, &R1, &R4, &R7, &R2, &R12, &R6, &R8, &R13, &R14, &R5, &R3];

impl Answer {
    /// Takes an answer of the application.
    pub(crate) fn read(shape: &RequestShape, upstream: &Upstream<'_>) -> Self {
        let content = if shape.head { Content::Empty } else { content(upstream.body) };
        let was_scim_error = matches!(&content, Content::Json(body) if is_scim_error(body));
        Self {
            shape: shape.clone(),
            status: upstream.status,
            content_type: upstream.content_type.map(str::to_owned),
            location: upstream.location.map(str::to_owned),
            content,
            changed: false,
            was_scim_error,
            drop_challenge: false,
        }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn json(&mut self) -> Option<&mut Value> {
        match &mut self.content {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    fn set(&mut self, status: u16, body: Value) {
        self.status = status;
        self.content = Content::Json(body);
        self.content_type = Some(MEDIA_TYPE.to_owned());
        self.changed = true;
    }

    fn drop_body(&mut self, status: u16) {
        self.status = status;
        self.changed = true;
        self.content = Content::Empty;
        self.content_type = None;
    }

    fn is_list(&self) -> bool {
        matches!(self.shape.action, Action::List | Action::Search) && self.is_success()
    }

    /// Calls `change` for each resource of a successful answer; it tells whether it changed something.
    fn each_resource(&mut self, change: &mut dyn FnMut(&mut Map<String, Value>) -> bool) -> bool {
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

fn has_schema(body: &Value, schema: &str) -> bool {
    let schemas = body.as_object().and_then(|body| member(body, "schemas"));
    schemas
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().filter_map(Value::as_str).any(|have| have.eq_ignore_ascii_case(schema)))
}

fn is_scim_error(body: &Value) -> bool {
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
    apply: |answer, context, notes| {
        if answer.status == 401 && context.settings.own_credential {
            answer.set(502, error_body(502, None, Some("upstream rejected the gateway credential")));
            answer.drop_challenge = true;
            notes.mark("status");
        }
    },
};

const R9: Rule<Answer> = Rule {
    id: "R9",
    says: "answers 409 where the application means a duplicate",
    apply: |answer, _, notes| {
        let is_write = matches!(answer.shape.action, Action::Create | Action::Replace | Action::Patch);
        let is_duplicate = answer.status == 400
            && answer.was_scim_error
            && matches!(&answer.content, Content::Json(body)
                if body.get("scimType").and_then(Value::as_str) == Some("uniqueness"));
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
    apply: |answer, _, notes| {
        let asked =
            answer.shape.action == Action::List && answer.shape.filter.is_some() && !answer.shape.head;
        let nothing = (answer.status == 404 && answer.was_scim_error)
            || (answer.status == 204 && matches!(answer.content, Content::Empty));
        if asked && nothing {
            let list = empty_list(&answer.shape);
            answer.set(200, list);
            notes.mark("body");
        }
    },
};

const R4: Rule<Answer> = Rule {
    id: "R4",
    says: "makes a SCIM error of every failure, and a failure of a success that is no SCIM",
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
                let detail = match other {
                    Content::Json(body) => detail(body),
                    _ => None,
                };
                answer.set(status, error_body(status, None, detail.as_deref()));
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
fn is_list_response(body: &Value, shape: &RequestShape, settings: &Settings) -> bool {
    match body {
        Value::Array(items) => settings.is_on("R2") && items.iter().all(Value::is_object),
        Value::Object(map) => {
            let resources = member(map, "Resources").and_then(Value::as_array);
            let total = member(map, "totalResults").and_then(number);
            let named = has_schema(body, LIST_SCHEMA) || (resources.is_some() && !is_scim_error(body));
            named
                && match resources {
                    Some(_) => true,
                    None => total == Some(0) || (total.is_some() && shape.count == Some(0)),
                }
        }
        _ => false,
    }
}

fn number(value: &Value) -> Option<u64> {
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

const R7: Rule<Answer> = Rule {
    id: "R7",
    says: "gives resources the types and spelling of the schema and drops null",
    apply: |answer, context, notes| {
        let kind = context.kind;
        let changed = answer.each_resource(&mut |map| {
            let mut changed = no_null(map);
            if matches!(kind, ResourceKind::Discovery(_)) {
                return changed;
            }
            changed |= spell_members(kind, map);
            if let Some(id) = map.get_mut("id")
                && id.is_number()
            {
                *id = Value::String(id.to_string());
                changed = true;
            }
            each_attribute(map, &mut |name, _, value| {
                changed |= convert(context, name, value, &to_boolean);
                changed |= manager_object(name, value);
            });
            changed
        });
        if changed {
            notes.mark("body");
        }
    },
};

/// Drops null members at any depth; the reader bounds the depth.
fn no_null(map: &mut Map<String, Value>) -> bool {
    let mut changed = drop_nulls(map);
    let mut values: Vec<&mut Value> = map.values_mut().collect();
    while let Some(value) = values.pop() {
        match value {
            Value::Object(inner) => {
                changed |= drop_nulls(inner);
                values.extend(inner.values_mut());
            }
            Value::Array(items) => values.extend(items.iter_mut()),
            _ => {}
        }
    }
    changed
}

const R2: Rule<Answer> = Rule {
    id: "R2",
    says: "completes a list: Resources, schemas and whole numbers",
    apply: |answer, _, notes| {
        let is_catalogue = answer.shape.action == Action::Read
            && matches!(answer.shape.kind, ResourceKind::Discovery("Schemas" | "ResourceTypes"))
            && answer.is_success();
        if !answer.is_list() && !is_catalogue {
            return;
        }
        let start = answer.shape.start_index.unwrap_or(1).max(1);
        let is_list = answer.is_list();
        let changed = match answer.json() {
            Some(value @ Value::Array(_)) => {
                let count = value.as_array().map_or(0, Vec::len);
                *value = json!({
                    "schemas": [LIST_SCHEMA],
                    "totalResults": count,
                    "startIndex": start,
                    "itemsPerPage": count,
                    "Resources": value.take(),
                });
                true
            }
            Some(Value::Object(map)) if is_list => complete(map, start),
            _ => false,
        };
        if changed {
            answer.changed = true;
            notes.mark("body");
        }
    },
};

fn complete(map: &mut Map<String, Value>, start: u64) -> bool {
    let mut changed = false;
    for name in ["schemas", "totalResults", "startIndex", "itemsPerPage", "Resources"] {
        let other = map.keys().find(|key| key.eq_ignore_ascii_case(name) && *key != name).cloned();
        if let Some(other) = other {
            changed |= super::members::rename(map, &other, name);
        }
    }
    if !map.contains_key("schemas") {
        map.insert("schemas".into(), json!([LIST_SCHEMA]));
        changed = true;
    }
    let count = map.get("Resources").and_then(Value::as_array).map_or(0, Vec::len);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    for (name, missing) in [("totalResults", count), ("startIndex", start), ("itemsPerPage", count)] {
        match map.get(name).and_then(number) {
            Some(have) => {
                if !map.get(name).is_some_and(Value::is_number) {
                    map.insert(name.into(), have.into());
                    changed = true;
                }
            }
            None => {
                map.insert(name.into(), missing.into());
                changed = true;
            }
        }
    }
    if !map.get("Resources").is_some_and(Value::is_array) {
        map.insert("Resources".into(), json!([]));
        changed = true;
    }
    changed
}

const R12: Rule<Answer> = Rule {
    id: "R12",
    says: "drops the entries of a complete list that the filter does not match, where another does",
    apply: |answer, context, notes| {
        let Some(filter) = answer.shape.filter.clone().filter(|_| answer.is_list()) else { return };
        let Some(pairs) = filter.equalities() else { return };
        let Some(Value::Object(map)) = answer.json() else { return };
        let total = map.get("totalResults").and_then(number);
        let Some(Value::Array(items)) = map.get_mut("Resources") else { return };
        let before = items.len();
        if total != u64::try_from(before).ok() {
            return;
        }
        let matches =
            |item: &Value| !pairs.iter().any(|(name, literal)| differs(context, item, name, literal));
        // A list is never emptied here: read as "no such user" that would make Entra create another.
        if before < 2 || !items.iter().any(matches) {
            return;
        }
        items.retain(matches);
        let after = items.len();
        if after != before {
            map.insert("totalResults".into(), after.into());
            map.insert("itemsPerPage".into(), after.into());
            answer.changed = true;
            notes.mark("Resources");
        }
    },
};

/// Whether a resource certainly does not have the value. What is not in the answer, or is no plain text, is not judged.
fn differs(context: &Context<'_>, item: &Value, name: &Name, literal: &Literal) -> bool {
    let known = schema::meant(context.kind, name);
    let (Some(known), Literal::Text(want)) = (known, literal) else { return false };
    if known.multi || known.value_type != ValueType::Text {
        return false;
    }
    let holder = match &name.urn {
        Some(urn) if !context.kind.core().is_some_and(|core| name.is_of(core)) => item.get(urn),
        _ => Some(item),
    };
    let value = holder.and_then(|holder| holder.get(&name.attribute));
    let value = match &name.sub {
        Some(sub) => value.and_then(|value| value.get(sub)),
        None => value,
    };
    // Case is not judged either: which attributes are case-exact is the application's word.
    value.and_then(Value::as_str).is_some_and(|have| have.to_lowercase() != want.to_lowercase())
}

const R6: Rule<Answer> = Rule {
    id: "R6",
    says: "leaves members out where the request excludes them",
    apply: |answer, context, notes| {
        let is_group = *context.kind == ResourceKind::Group;
        let urn = format!("{}:members", schema::GROUP).to_ascii_lowercase();
        let excluded = answer.shape.excluded.iter().any(|name| name == "members" || *name == urn);
        if is_group && excluded && answer.each_resource(&mut |map| map.shift_remove("members").is_some()) {
            notes.mark("members");
        }
    },
};

const R8: Rule<Answer> = Rule {
    id: "R8",
    says: "gives Location, meta.location and $ref the public base",
    apply: |answer, context, notes| {
        let settings = context.settings;
        if let Some(public) = answer.location.as_deref().and_then(|have| public_url(have, settings)) {
            answer.location = Some(public);
            notes.mark("header.location");
        }
        let changed = answer.each_resource(&mut |map| {
            let mut changed = false;
            if let Some(location) = map.get_mut("meta").and_then(|meta| meta.get_mut("location")) {
                changed |= publish(location, settings);
            }
            let mut values: Vec<&mut Value> = map.values_mut().collect();
            while let Some(value) = values.pop() {
                match value {
                    Value::Object(inner) => {
                        if let Some(reference) = inner.get_mut("$ref") {
                            changed |= publish(reference, settings);
                        }
                        values.extend(inner.values_mut());
                    }
                    Value::Array(items) => values.extend(items.iter_mut()),
                    _ => {}
                }
            }
            changed
        });
        if changed {
            notes.mark("body");
        }
    },
};

fn publish(value: &mut Value, settings: &Settings) -> bool {
    let public = value.as_str().and_then(|url| public_url(url, settings));
    public.is_some_and(|public| {
        *value = Value::String(public);
        true
    })
}

/// The public form of a URL of the application; `None` where it is none of its SCIM URLs, or public already.
fn public_url(url: &str, settings: &Settings) -> Option<String> {
    let below = |base: &str, path: &str| -> Option<String> {
        let rest = path.strip_prefix(base)?;
        // Below a root every path would match, so only SCIM's own endpoints do.
        let endpoints = ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Me"];
        let is_whole = rest.is_empty() || rest.starts_with(['/', '?']);
        let is_endpoint = endpoints.iter().any(|endpoint| rest.starts_with(endpoint));
        (if base.is_empty() { is_endpoint } else { is_whole }).then(|| rest.to_owned())
    };
    if settings.public_base.is_empty() || below(&settings.public_base, url).is_some() {
        return None;
    }
    let path = match url.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            let slash = rest.find('/')?;
            rest.get(slash..)?
        }
        Some(_) => return None,
        None if url.starts_with('/') && !url.starts_with("//") => url,
        None => return None,
    };
    let bases = [Some(settings.application_base.as_str()), settings.cluster_base.as_deref()];
    let rest = bases.into_iter().flatten().find_map(|base| below(base.trim_end_matches('/'), path))?;
    Some(format!("{}{rest}", settings.public_base.trim_end_matches('/')))
}

const R13: Rule<Answer> = Rule {
    id: "R13",
    says: "cuts schema discovery to what Microsoft's validator takes (validator mode)",
    apply: |answer, context, notes| {
        if !context.settings.validator_mode || *context.kind != ResourceKind::Discovery("Schemas") {
            return;
        }
        let changed = answer.each_resource(&mut |map| {
            let Some(Value::Array(attributes)) = map.get_mut("attributes") else { return false };
            let before = attributes.len();
            attributes.retain(|attribute| !is_named(attribute, "password"));
            let mut changed = attributes.len() != before;
            for attribute in attributes.iter_mut().filter(|attribute| is_named(attribute, "emails")) {
                if let Some(Value::Array(subs)) = attribute.get_mut("subAttributes") {
                    let before = subs.len();
                    subs.retain(|sub| !is_named(sub, "display"));
                    changed |= subs.len() != before;
                }
            }
            changed
        });
        if changed {
            notes.mark("body");
        }
    },
};

fn is_named(attribute: &Value, name: &str) -> bool {
    attribute.get("name").and_then(Value::as_str) == Some(name)
}

const R14: Rule<Answer> = Rule {
    id: "R14",
    says: "describes the authentication of the filter, not that of the application",
    apply: |answer, context, notes| {
        let applies = context.settings.own_credential
            && *context.kind == ResourceKind::Discovery("ServiceProviderConfig")
            && answer.is_success();
        if !applies {
            return;
        }
        let scheme = json!([{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "Authentication terminated at the gateway",
        }]);
        if let Some(Value::Object(body)) = answer.json()
            && body.get("authenticationSchemes") != Some(&scheme)
        {
            body.insert("authenticationSchemes".into(), scheme);
            answer.changed = true;
            notes.mark("authenticationSchemes");
        }
    },
};

const R5: Rule<Answer> = Rule {
    id: "R5",
    says: "gives a success the status that Entra expects of it",
    apply: |answer: &mut Answer, context: &Context<'_>, notes: &mut Notes<'_>| {
        if !answer.is_success() {
            return;
        }
        let is_group = *context.kind == ResourceKind::Group;
        match (answer.shape.action, &answer.content) {
            (Action::Create, Content::Json(_)) if answer.status == 200 => answer.status = 201,
            (Action::Delete, _) if answer.status != 204 => answer.drop_body(204),
            (Action::Patch, Content::Json(_))
                if is_group && answer.status == 200 && !answer.shape.attributes =>
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
    apply: |answer, _, notes| {
        if matches!(answer.content, Content::Json(_)) && answer.content_type.as_deref() != Some(MEDIA_TYPE) {
            answer.content_type = Some(MEDIA_TYPE.to_owned());
            notes.mark("header.content-type");
        }
    },
};
