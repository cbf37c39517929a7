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
    // Nothing is trimmed off a text that begins and ends so, and most are longer than the two words.
    let is_bare = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_graphic);
    let octets = text.as_bytes();
    let is_trim = is_bare(octets.first()) && is_bare(octets.last());
    if is_trim && octets.len() > "false".len() {
        return None;
    }
    let text = if is_trim { text } else { text.trim() };
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// What a text may be besides a text.
pub(crate) struct Conversion {
    /// Whether a text may be one at all, whatever its type: most are none, and their types need not be looked up.
    may: fn(&str) -> bool,
    to: fn(ValueType, &str) -> Option<Value>,
}

impl Conversion {
    /// Whether [`convert`] might change something in this value, whatever its name.
    pub(crate) fn may_be_within(&self, value: &Value) -> bool {
        let text = |value: &Value| value.as_str().is_some_and(self.may);
        let object = |value: &Value| value.as_object().is_some_and(|map| map.values().any(text));
        match value {
            Value::Array(items) => items.iter().any(|item| text(item) || object(item)),
            other => text(other) || object(other),
        }
    }
}

/// Text to Boolean.
pub(crate) const TO_BOOLEAN: Conversion = Conversion { may: |text| boolean(text).is_some(), to: to_boolean };

/// Text to number.
pub(crate) const TO_NUMBER: Conversion = Conversion {
    may: |text| text.starts_with(|char: char| char == '-' || char.is_ascii_digit()),
    to: values::to_number,
};

/// Converts texts below `name` whose type says that they are something else. Other texts stay: the application answers.
pub(crate) fn convert(
    context: &Context<'_>,
    name: &Name,
    value: &mut Value,
    conversion: &Conversion,
) -> bool {
    let Conversion { may, to } = conversion;
    let mut changed = false;
    match value {
        Value::String(text) if !may(text) => {}
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
            for (key, value) in map.iter_mut().filter(|(_, value)| value.as_str().is_some_and(may)) {
                changed |= convert(context, &name.with_sub(key), value, conversion);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut().filter(|item| !item.is_array()) {
                changed |= convert(context, name, item, conversion);
            }
        }
        _ => {}
    }
    changed
}

fn to_boolean(value_type: ValueType, text: &str) -> Option<Value> {
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
