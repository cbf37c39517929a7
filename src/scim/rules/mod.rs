//! The catalogue: every quirk that is repaired, as one rule each. Adding a quirk means adding a rule here and nowhere else.

pub(crate) mod chosen;
pub(crate) mod filter;
pub(crate) mod members;
pub(crate) mod operations;
pub(crate) mod query;
pub(crate) mod resource;
pub(crate) mod response;
pub(crate) mod response_list;
pub(crate) mod response_resource;
pub(crate) mod upsert;
pub(crate) mod values;

#[cfg(test)]
mod response_test;
#[cfg(test)]
pub(crate) mod trial;

use serde_json::Value;

use super::name::Name;
use super::rule::{Context, Rule, RuleSummary};
use super::schema::{self, ValueType};

/// What a text means where a Boolean is expected: `true` and `false` in any casing, white space around them ignored.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Converts texts below `name` whose type says that they are something else. Other texts stay: the application answers.
pub(crate) fn convert(
    context: &Context<'_>,
    name: &Name,
    value: &mut Value,
    to: &dyn Fn(ValueType, &str) -> Option<Value>,
) -> bool {
    let mut changed = false;
    match value {
        Value::String(text) => {
            let types = &context.settings.declared_types;
            let converted =
                schema::value_type(context.kind, name, types).and_then(|value_type| to(value_type, text));
            if let Some(converted) = converted {
                *value = converted;
                changed = true;
            }
        }
        // A complex attribute has no complex sub-attributes (RFC 7643 section 2.3.8): one level is all.
        Value::Object(map) if name.sub.is_none() => {
            for (key, value) in map.iter_mut().filter(|(_, value)| value.is_string()) {
                changed |= convert(context, &name.with_sub(key), value, to);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut().filter(|item| !item.is_array()) {
                changed |= convert(context, name, item, to);
            }
        }
        _ => {}
    }
    changed
}

/// Text to Boolean, for [`convert`].
pub(crate) fn to_boolean(value_type: ValueType, text: &str) -> Option<Value> {
    (value_type == ValueType::Boolean).then(|| boolean(text)).flatten().map(Value::Bool)
}

/// The objects of a value: itself, or the elements of an array.
pub(crate) fn objects(value: &mut Value) -> Vec<&mut serde_json::Map<String, Value>> {
    match value {
        Value::Object(map) => vec![map],
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).collect(),
        _ => Vec::new(),
    }
}

/// Every rule, in the order in which they are applied.
#[must_use]
pub fn catalogue() -> Vec<RuleSummary> {
    fn add<S>(all: &mut Vec<RuleSummary>, rules: &[&Rule<S>]) {
        for rule in rules {
            if !all.iter().any(|have| have.id == rule.id) {
                all.push(RuleSummary { id: rule.id, says: rule.says, certainty: rule.certainty });
            }
        }
    }
    let mut all = Vec::new();
    add(&mut all, super::headers::ALL);
    add(&mut all, &[&query::T2]);
    add(&mut all, query::RAW);
    add(&mut all, query::DECODED);
    add(&mut all, filter::READ_FILTER);
    add(&mut all, filter::TREE);
    add(&mut all, operations::SHAPE);
    add(&mut all, operations::PATHS);
    add(&mut all, members::ALL);
    add(&mut all, values::ALL);
    add(&mut all, resource::ALL);
    add(&mut all, chosen::PATCH);
    add(&mut all, &[&chosen::X4]);
    add(&mut all, upsert::ALL);
    add(&mut all, response::ALL);
    all
}
