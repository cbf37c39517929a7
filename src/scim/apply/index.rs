//! Where in a list the elements may be that a selector selects, so that thousands of selections from thousands of elements
//! take time in proportion to both, not to their product.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::{Map, Value};

use super::super::filter::{Filter, Literal};
use super::super::name::Name;
use super::super::rule::Context;
use super::super::rules::boolean;
use super::super::rules::resource::literal_value;
use super::super::schema::ValueType;
use super::matches::{full, type_of};

/// The elements of a list by what their parts are.
///
/// Only a first choice: every element that a selector selects is among its [`Index::candidates`], but not every candidate
/// is selected. Texts are compared in lower case here, numbers as doubles and as text, and names in any casing; which
/// elements are meant is for the caller to say, by the one rule there is. Elements that lose parts, or go, need no new
/// index; elements that gain some do.
pub(crate) struct Index {
    /// Of names and values, so that no application or client can choose what falls together.
    hasher: RandomState,
    /// Hash and place, in order.
    places: Vec<(u64, usize)>,
    count: usize,
}

/// What a part may be equal as.
#[derive(Hash)]
enum Form {
    Text(String),
    Number(u64),
    Truth(bool),
}

impl Index {
    /// The index of these elements.
    pub(crate) fn of(items: &[Value]) -> Self {
        let mut index = Self { hasher: RandomState::new(), places: Vec::new(), count: items.len() };
        for (at, item) in items.iter().enumerate() {
            match item {
                Value::Object(map) => {
                    for (key, value) in map {
                        index.add(at, &key.to_ascii_lowercase(), value);
                    }
                }
                // A value without parts is its own `value`.
                plain => index.add(at, "value", plain),
            }
        }
        index.places.sort_unstable();
        index
    }

    fn add(&mut self, at: usize, name: &str, value: &Value) {
        let Self { hasher, places, .. } = self;
        each_scalar(value, &mut |scalar| {
            each_form(scalar, &mut |form| places.push((hasher.hash_one((name, form)), at)));
        });
    }

    /// Places, in order, among which are those of all elements of `attribute` that `selector` selects or describes
    /// ([`described`](super::super::rules::resource::described)).
    pub(crate) fn candidates(
        &self,
        context: &Context<'_>,
        attribute: &Name,
        selector: &Filter,
    ) -> Vec<usize> {
        let pairs = selector.equalities().unwrap_or_default();
        let is_last = |at: usize, name: &Name| {
            !pairs.iter().skip(at).skip(1).any(|(later, _)| later.attribute == name.attribute)
        };
        // All pairs hold of an element that is selected. An element that is described has the last value of each name.
        let narrowed = pairs.iter().enumerate().filter(|(at, (name, _))| is_last(*at, name));
        let fewest = narrowed
            .filter_map(|(_, (name, literal))| self.equal(context, attribute, name, literal))
            .min_by_key(|found| found.iter().map(|places| places.len()).sum::<usize>());
        let Some(found) = fewest else { return (0..self.count).collect() };
        let mut places: Vec<usize> = found.into_iter().flatten().map(|(_, at)| *at).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Where a part may equal a literal; `None` where that cannot be told by its forms.
    fn equal(
        &self,
        context: &Context<'_>,
        attribute: &Name,
        name: &Name,
        literal: &Literal,
    ) -> Option<Vec<&[(u64, usize)]>> {
        let want = literal_value(literal);
        // Nothing is equal to null, and a moment is written in many ways.
        let has_forms =
            !want.is_null() && type_of(context, &full(Some(attribute), name)) != Some(ValueType::DateTime);
        if !has_forms || name.urn.is_some() || name.sub.is_some() {
            return None;
        }
        let name = name.attribute.to_ascii_lowercase();
        let mut found = Vec::new();
        each_form(&want, &mut |form| found.push(self.at(self.hasher.hash_one((name.as_str(), form)))));
        Some(found)
    }

    fn at(&self, hash: u64) -> &[(u64, usize)] {
        let first = self.places.partition_point(|(have, _)| *have < hash);
        let end = self.places.partition_point(|(have, _)| *have <= hash);
        self.places.get(first..end).unwrap_or_default()
    }
}

/// The plain values of a part, which may be a list, or complex and then is compared by its own `value`.
///
/// Recursion is bounded by the depth that the reader of JSON allows.
fn each_scalar(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_scalar(item, visit)),
        Value::Object(map) => each_named_value(map, visit),
        plain => visit(plain),
    }
}

fn each_named_value(map: &Map<String, Value>, visit: &mut dyn FnMut(&Value)) {
    for (key, value) in map {
        if key.eq_ignore_ascii_case("value") {
            each_scalar(value, visit);
        }
    }
}

/// Two values of which one equals the other in a filter share a form.
fn each_form(value: &Value, visit: &mut dyn FnMut(Form)) {
    match value {
        Value::String(text) => {
            if let Some(truth) = boolean(text) {
                visit(Form::Truth(truth));
            }
            visit(Form::Text(text.to_lowercase()));
        }
        Value::Number(number) => {
            if let Some(double) = number.as_f64() {
                // Zero has two signs and one value.
                visit(Form::Number((double + 0.0).to_bits()));
            }
            visit(Form::Text(number.to_string().to_lowercase()));
        }
        Value::Bool(truth) => {
            visit(Form::Truth(*truth));
            visit(Form::Text(truth.to_string()));
        }
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
}
