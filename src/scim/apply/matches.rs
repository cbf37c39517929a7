//! Whether a filter holds of a resource (RFC 7644 section 3.4.2.2).
//!
//! What an application answers is read tolerantly, for an entry that is overlooked becomes a second account: `"True"` is
//! true where the schema says Boolean, and a number is the text that it is written as.

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::filter::{Filter, Literal, Operator};
use super::super::name::Name;
use super::super::patch::member;
use super::super::rule::Context;
use super::super::rules::boolean;
use super::super::rules::resource::literal_value;
use super::super::schema::{self, ResourceKind, ValueType};
use super::compare::{compare_numbers, compare_texts};
use crate::common::UnixMillis;

/// What a filter is tried on.
#[derive(Clone, Copy)]
enum Subject<'v> {
    Resource(&'v Map<String, Value>),
    /// One element, or the one value, of an attribute.
    Element(&'v Name, &'v Value),
}

/// Looks at one comparison: the attribute whose element it is about, and its three parts.
type Visit<'v> = dyn FnMut(Option<&Name>, &Name, Operator, &Literal) + 'v;

/// Refuses comparisons that have no meaning: by order of what has none, or within what is no text. `parent` is the
/// attribute whose elements the filter selects, where it does.
///
/// # Errors
/// [`ScimError::Filter`].
pub(crate) fn check(context: &Context<'_>, parent: Option<&Name>, filter: &Filter) -> Result<(), ScimError> {
    let mut sound = true;
    let mut one = |parent: Option<&Name>, name: &Name, operator: Operator, literal: &Literal| {
        let value_type = type_of(context, &full(parent, name));
        let word = match literal {
            Literal::Word(_) => literal_value(literal),
            Literal::Text(_) | Literal::Bare(_) => Value::from(""),
        };
        let is_truth = word.is_boolean() || value_type == Some(ValueType::Boolean);
        let has_order = !is_truth && !word.is_null() && value_type != Some(ValueType::Binary);
        sound &= match operator {
            Operator::Eq | Operator::Ne => true,
            Operator::Co | Operator::Sw | Operator::Ew => word.is_string(),
            Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => has_order,
        };
    };
    each_comparison(parent, filter, &mut one);
    if sound {
        Ok(())
    } else {
        Err(ScimError::Filter("The filter compares what cannot be compared in this way.".into()))
    }
}

/// Recursion is bounded by the depth that the reader of filters allows.
fn each_comparison(parent: Option<&Name>, filter: &Filter, visit: &mut Visit<'_>) {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => {
            parts.iter().for_each(|part| each_comparison(parent, part, visit));
        }
        Filter::Not(inner) => each_comparison(parent, inner, visit),
        Filter::Present(_) => {}
        Filter::Compare(name, operator, literal) => visit(parent, name, *operator, literal),
        Filter::Element { attribute, selector, tail } => {
            each_comparison(Some(attribute), selector, visit);
            if let Some(tail) = tail {
                each_comparison(Some(attribute), tail, visit);
            }
        }
    }
}

/// Whether `filter`, which [`check`] let pass, holds of a resource.
pub(crate) fn resource_matches(
    context: &Context<'_>,
    resource: &Map<String, Value>,
    filter: &Filter,
) -> bool {
    holds(context, Subject::Resource(resource), filter)
}

/// Whether `selector`, which [`check`] let pass, selects this element of `attribute`.
pub(crate) fn element_matches(
    context: &Context<'_>,
    attribute: &Name,
    element: &Value,
    selector: &Filter,
) -> bool {
    holds(context, Subject::Element(attribute, element), selector)
}

/// Recursion is bounded by the depth that the reader of filters allows.
fn holds(context: &Context<'_>, subject: Subject<'_>, filter: &Filter) -> bool {
    match filter {
        Filter::Or(parts) => parts.iter().any(|part| holds(context, subject, part)),
        Filter::And(parts) => parts.iter().all(|part| holds(context, subject, part)),
        Filter::Not(inner) => !holds(context, subject, inner),
        Filter::Present(name) => values(context, subject, name).iter().any(|value| is_something(value)),
        Filter::Compare(name, operator, literal) => compares(context, subject, name, *operator, literal),
        Filter::Element { attribute, selector, tail } => {
            values(context, subject, attribute).into_iter().any(|element| {
                let element = Subject::Element(attribute, element);
                holds(context, element, selector)
                    && tail.as_ref().is_none_or(|tail| holds(context, element, tail))
            })
        }
    }
}

/// The values that a name leads to; those of an array one by one.
fn values<'v>(context: &Context<'_>, subject: Subject<'v>, name: &Name) -> Vec<&'v Value> {
    let mut found = match subject {
        Subject::Resource(resource) => {
            let holder = match &name.urn {
                Some(urn) if !context.kind.core().is_some_and(|core| name.is_of(core)) => {
                    member(resource, urn).and_then(Value::as_object)
                }
                _ => Some(resource),
            };
            flat(holder.and_then(|holder| member(holder, &name.attribute)))
        }
        Subject::Element(_, element) => part(element, &name.attribute),
    };
    for sub in name.sub.iter().flat_map(|sub| sub.split('.')) {
        found = found.into_iter().flat_map(|value| part(value, sub)).collect();
    }
    found
}

fn flat(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null()).collect(),
        Some(value) => vec![value],
    }
}

/// A part of a value; a value without parts is its own `value` (RFC 7643 section 2.4).
fn part<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(map) => flat(member(map, name)),
        plain if name.eq_ignore_ascii_case("value") => flat(Some(plain)),
        _ => Vec::new(),
    }
}

/// Whether a value is there: "non-empty or non-null, or contains a non-empty node".
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(map) => map.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(
    context: &Context<'_>,
    subject: Subject<'_>,
    name: &Name,
    operator: Operator,
    literal: &Literal,
) -> bool {
    let found = values(context, subject, name);
    // A complex value without a word on its part is compared by its `value` (RFC 7644 section 3.4.2.2).
    let found: Vec<&Value> = found
        .into_iter()
        .flat_map(|value| if value.is_object() { part(value, "value") } else { vec![value] })
        .collect();
    let is_null = *literal == Literal::Word("null".into());
    if found.is_empty() || is_null {
        // Unassigned and null are the same (RFC 7643 section 2.5); what has no value differs from every value.
        return match operator {
            Operator::Eq => is_null && found.is_empty(),
            Operator::Ne => is_null != found.is_empty(),
            _ => false,
        };
    }
    let parent = match subject {
        Subject::Element(parent, _) => Some(parent),
        Subject::Resource(_) => None,
    };
    let meant = full(parent, name);
    let comparison = Comparison {
        value_type: type_of(context, &meant),
        exact: is_case_exact(context, &meant),
        operator,
        literal,
    };
    found.into_iter().any(|value| comparison.holds(value))
}

struct Comparison<'a> {
    value_type: Option<ValueType>,
    exact: bool,
    operator: Operator,
    literal: &'a Literal,
}

impl Comparison<'_> {
    fn holds(&self, value: &Value) -> bool {
        let want = literal_value(self.literal);
        if self.value_type == Some(ValueType::Boolean) || value.is_boolean() {
            let same = truth(value).is_some_and(|value| truth(&want) == Some(value));
            return match self.operator {
                Operator::Eq => same,
                Operator::Ne => !same,
                _ => false,
            };
        }
        if let (Value::Number(have), Value::Number(want)) = (value, &want) {
            return compare_numbers(have, want).is_some_and(|order| ordered(self.operator, order));
        }
        let (Some(have), Some(want)) = (text(value), text(&want)) else {
            return self.operator == Operator::Ne;
        };
        if self.value_type == Some(ValueType::DateTime)
            && let (Some(have), Some(want)) =
                (UnixMillis::parse_rfc3339(&have), UnixMillis::parse_rfc3339(&want))
            && !matches!(self.operator, Operator::Co | Operator::Sw | Operator::Ew)
        {
            return ordered(self.operator, have.cmp(&want));
        }
        compare_texts(&have, &want, self.operator, self.exact)
    }
}

pub(super) fn ordered(operator: Operator, order: std::cmp::Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => boolean(text),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A name as it is within the resource.
pub(super) fn full(parent: Option<&Name>, name: &Name) -> Name {
    match parent {
        Some(parent) => parent.with_sub(&name.attribute),
        None => name.clone(),
    }
}

pub(super) fn type_of(context: &Context<'_>, name: &Name) -> Option<ValueType> {
    schema::value_type(context.kind, name, &context.settings.declared_types)
}

/// Whether casing counts. It does not unless a schema says so (RFC 7643 section 2.2); it does in identifiers, also in
/// those of other resources, and in references and binary data (sections 2.3.6, 2.3.7, 3.1).
fn is_case_exact(context: &Context<'_>, name: &Name) -> bool {
    if matches!(type_of(context, name), Some(ValueType::Binary | ValueType::Reference)) {
        // Names of schemas are URNs, whose casing varies.
        return !name.attribute.eq_ignore_ascii_case("schemas");
    }
    let is_core = name.urn.is_none() || context.kind.core().is_some_and(|core| name.is_of(core));
    let is = |attribute: &str| name.attribute.eq_ignore_ascii_case(attribute);
    let ends_at = |sub: &str| name.sub.as_deref().is_none_or(|have| have.eq_ignore_ascii_case(sub));
    let is_user = matches!(context.kind, ResourceKind::User | ResourceKind::Me);
    if is_core {
        return is("id")
            || is("externalId")
            || (is("meta") && (ends_at("version") || ends_at("resourceType")))
            || (is("x509Certificates") && ends_at("value"))
            || ((is("members") || (is_user && is("groups"))) && ends_at("value"));
    }
    name.is_of(schema::ENTERPRISE) && is("manager") && ends_at("value")
}
