//! The operations of a PATCH, applied to a resource (RFC 7644 section 3.5.2).
//!
//! For applications that only know PUT. The operations are in their canonical form already; they are applied in order, and
//! all of them or none. Names are taken in any casing (RFC 7643 section 2.1). Attributes that no schema knows are treated by
//! the shape of the value that is there, or else of the one that is given.

#[cfg(test)]
mod apply_test;
mod compare;
mod edit;
mod elements;
pub(crate) mod index;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod index_test;
mod list;
pub(crate) mod matches;
#[cfg(test)]
mod matches_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod properties_test;

use serde_json::{Map, Value};

use super::error::ScimError;
use super::name::Name;
use super::patch::{Operation, Verb, member};
use super::rule::Context;
use super::schema;
use edit::Editor;

/// The resource as it is after the operations.
///
/// # Errors
/// As RFC 7644 section 3.12 names them: `noTarget`, `invalidPath`, `invalidFilter`, `invalidValue`, `mutability`.
pub(crate) fn apply(
    resource: &Map<String, Value>,
    operations: &[Operation],
    context: &Context<'_>,
) -> Result<Map<String, Value>, ScimError> {
    apply_each(resource, operations, context, &mut |_, error| Err(error))
}

/// The same; but where a removal selects nothing of an attribute that the application shows (`is_shown`), nothing is
/// removed (P42). Gives the places of such removals too.
///
/// # Errors
/// As [`apply`].
pub(crate) fn apply_what_is_there(
    resource: &Map<String, Value>,
    operations: &[Operation],
    context: &Context<'_>,
    is_shown: &dyn Fn(&Name) -> bool,
) -> Result<(Map<String, Value>, Vec<String>), ScimError> {
    let mut vain = Vec::new();
    let after = apply_each(resource, operations, context, &mut |operation, error| {
        let is_removal = operation.verb == Verb::Remove && operation.selects();
        let is_vain = is_removal && matches!(error, ScimError::NoTarget(_));
        if !is_vain || !operation.name().is_some_and(is_shown) {
            return Err(error);
        }
        vain.push(operation.at("path"));
        Ok(())
    })?;
    Ok((after, vain))
}

/// Says whether what an operation cannot do is let pass, or ends it all.
type Excused<'e> = dyn FnMut(&Operation, ScimError) -> Result<(), ScimError> + 'e;

/// What cannot be done is `excused`, or ends it.
fn apply_each(
    resource: &Map<String, Value>,
    operations: &[Operation],
    context: &Context<'_>,
    excused: &mut Excused<'_>,
) -> Result<Map<String, Value>, ScimError> {
    let mut editor = Editor::new(resource.clone(), context);
    let mut rest = operations;
    while let Some((operation, after)) = rest.split_first() {
        let done = editor.remove_run(rest, excused)?;
        if done > 0 {
            rest = rest.get(done..).unwrap_or_default();
            continue;
        }
        editor.operate(operation).or_else(|error| excused(operation, error))?;
        rest = after;
    }
    let mut after = editor.done();
    // What lists its schemas wrongly anyway is not changed by operations that change nothing.
    if after == *resource {
        return Ok(after);
    }
    list_schemas(resource, &mut after, context);
    Ok(after)
}

/// Lists the schemas that the resource now has data of, and no more those whose data went (RFC 7643 section 3).
fn list_schemas(before: &Map<String, Value>, after: &mut Map<String, Value>, context: &Context<'_>) {
    let is_extension =
        |key: &str, value: &Value| is_urn(key) && value.as_object().is_some_and(|map| !map.is_empty());
    let extensions = |map: &Map<String, Value>| -> Vec<String> {
        map.iter().filter(|(key, value)| is_extension(key, value)).map(|(key, _)| key.clone()).collect()
    };
    let (had, has) = (extensions(before), extensions(after));
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let gone = |urn: &str| had.iter().any(|have| same(have, urn)) && !has.iter().any(|have| same(have, urn));
    let key = compare::key_of(after, "schemas").unwrap_or_else(|| "schemas".into());
    let mut listed = match after.get(&key) {
        Some(Value::Array(listed)) => listed.clone(),
        _ => Vec::new(),
    };
    listed.retain(|urn| urn.as_str().is_none_or(|urn| !gone(urn)));
    let spelt = |urn: &str| schema::known_urn(urn).map_or_else(|| urn.to_owned(), str::to_owned);
    // A resource that lists nothing at all gets its core schema as well: it cannot be without (RFC 7643 section 3).
    let core = context.kind.core().filter(|_| listed.is_empty()).map(str::to_owned);
    for urn in core.into_iter().chain(has.iter().map(|urn| spelt(urn))) {
        if !listed.iter().filter_map(Value::as_str).any(|have| same(have, &urn)) {
            listed.push(urn.into());
        }
    }
    if !listed.is_empty() && member(after, "schemas").and_then(Value::as_array) != Some(&listed) {
        after.insert(key, Value::Array(listed));
    }
}

fn is_urn(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// Whether a resource can be edited without guessing: no attribute of the core schema stands under the schema's name,
/// where a second one of the same name could stand beside it.
pub(crate) fn is_plain(resource: &Map<String, Value>) -> bool {
    ![schema::USER, schema::GROUP].iter().any(|core| member(resource, core).is_some())
}
