//! The second form of a PATCH whose value paths select nothing (rules P30, P31, P42).
//!
//! RFC 7644 section 3.5.2.3 refuses them with `noTarget`; Entra means: make the element. A PATCH is atomic, so one that
//! was refused changed nothing and may be sent once more, after a look at the resource.

use std::collections::HashSet;

use serde_json::Value;

use super::ability::Mode;
use super::error::ScimError;
use super::patch::{Patch, member};
use super::person::resource_id;
use super::request::RequestShape;
use super::rule::{Applied, Context, Settings, run};
use super::rules::query;
use super::rules::response::is_scim_error;
use super::rules::upsert::{ALL, Upsert, may_change, selected};

/// Where to read the attributes that the value paths of a PATCH to `path` select from.
pub(crate) fn lookup(path: &str, patch: &Patch, context: &Context<'_>) -> Option<String> {
    // These rules are judgements: where none is wanted, the application's refusal is the last word.
    if context.settings.mode == Mode::Strict || ALL.iter().all(|rule| !context.settings.is_on(rule.id)) {
        return None;
    }
    let mut seen = HashSet::new();
    let mut attributes: Vec<String> = Vec::new();
    for (name, _) in patch.operations.iter().filter(|one| may_change(one)).filter_map(selected) {
        if seen.insert(name.clone()) {
            attributes.push(query::encode(&name, false));
        }
    }
    (!attributes.is_empty()).then(|| format!("{path}?attributes={}", attributes.join(",")))
}

/// The form of a normalised PATCH for the resource as it is now; `None` where nothing is left to do, which is a success.
///
/// # Errors
/// Where `body` is no PATCH message, or `resource` is not the one that the PATCH is for: an error message, a list, or a
/// resource with another identifier or none. The application's first answer is then the last word.
pub fn upsert(
    shape: &RequestShape,
    body: &[u8],
    resource: &Value,
    settings: &Settings,
) -> Result<(Option<Vec<u8>>, Vec<Applied>), ScimError> {
    if !is_asked_for(shape, resource) {
        return Err(ScimError::Value(
            "The application did not answer with the resource that was asked for.".into(),
        ));
    }
    let context = Context { kind: &shape.kind, settings };
    let mut applied = Vec::new();
    let patch = Patch::read_own(crate::common::json::parse(body)?, &context)?;
    let mut subject = Upsert::new(patch, resource, &context);
    run(ALL, &mut subject, &context, &mut applied)?;
    let patch = subject.patch;
    let body = (!patch.operations.is_empty()).then(|| patch.write().to_string().into_bytes());
    Ok((body, applied))
}

/// Whether `resource` is the one that the request is about; `id` is always returned (RFC 7643 section 3.1) and is
/// compared with regard to casing.
pub(crate) fn is_asked_for(shape: &RequestShape, resource: &Value) -> bool {
    let Some(map) = resource.as_object() else { return false };
    let is_message = is_scim_error(resource) || member(map, "Resources").is_some();
    let id = resource_id(resource);
    !is_message && id.is_some() && id == shape.id
}
