//! Multi-valued attributes: what is added joins what is there, and one element at most is primary.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::patch::member;
use super::compare::{identity, key_of};

/// Adds elements, each where it is not there already: RFC 7644 section 3.5.2.1 adds nothing twice, and RFC 7643
/// section 2.4 has no combination of value and type twice. What is said again with more to it completes the element.
///
/// `by_value` tells that elements are references, whose `value` alone says what they are.
pub(super) fn append(have: &mut Vec<Value>, given: Vec<Value>, by_value: bool) -> Result<(), ScimError> {
    let mut index = Index::of(have, by_value);
    let mut primary = Vec::new();
    for item in given {
        let at = match index.find(&item) {
            Found::Same(at) => at,
            Found::Akin(at) => {
                if let Some(into) = have.get_mut(at) {
                    let before = identity(into);
                    if let (Value::Object(into), Value::Object(item)) = (&mut *into, &item) {
                        merge(into, item);
                    }
                    index.became(at, &before, into);
                }
                at
            }
            Found::New => {
                let at = have.len();
                index.add(at, &item);
                have.push(item.clone());
                at
            }
        };
        if is_primary(&item) {
            primary.push(at);
        }
    }
    one_primary(have, primary)
}

enum Found {
    Same(usize),
    Akin(usize),
    New,
}

/// Where elements are, so that thousands of members are added in linear time.
struct Index {
    by_value: bool,
    whole: HashMap<String, usize>,
    values: HashMap<String, usize>,
    typed: HashMap<(String, String), usize>,
}

impl Index {
    fn of(items: &[Value], by_value: bool) -> Self {
        let mut index =
            Self { by_value, whole: HashMap::new(), values: HashMap::new(), typed: HashMap::new() };
        items.iter().enumerate().for_each(|(at, item)| index.add(at, item));
        index
    }

    fn add(&mut self, at: usize, item: &Value) {
        self.whole.entry(identity(item)).or_insert(at);
        if let Some((value, kind)) = value_and_type(item) {
            self.values.entry(value.clone()).or_insert(at);
            self.typed.entry((value, kind.unwrap_or_default())).or_insert(at);
        }
    }

    /// An element is another than it was.
    fn became(&mut self, at: usize, before: &str, item: &Value) {
        if self.whole.get(before) == Some(&at) {
            self.whole.remove(before);
        }
        self.add(at, item);
    }

    fn find(&self, item: &Value) -> Found {
        if let Some(at) = self.whole.get(&identity(item)) {
            return Found::Same(*at);
        }
        let Some((value, kind)) = value_and_type(item) else { return Found::New };
        let at = match kind {
            Some(kind) if !self.by_value => self.typed.get(&(value, kind)),
            _ => self.values.get(&value),
        };
        at.map_or(Found::New, |at| Found::Akin(*at))
    }
}

fn value_and_type(item: &Value) -> Option<(String, Option<String>)> {
    let map = item.as_object()?;
    let value = as_named(member(map, "value").filter(|value| !value.is_null())?);
    let kind = member(map, "type").filter(|kind| !kind.is_null());
    Some((value, kind.map(|kind| identity(kind).to_lowercase())))
}

/// What an element is named by: an application may write the identifiers of its members as numbers, and Entra names them
/// as text.
fn as_named(value: &Value) -> String {
    match value {
        Value::Number(number) => identity(&Value::from(number.to_string())),
        value => identity(value),
    }
}

/// Sets members of an object, by their names in any casing; null takes one away.
///
/// Where the `value` of a reference becomes another, what was derived from the old one goes unless it is given as well.
pub(super) fn merge(into: &mut Map<String, Value>, given: &Map<String, Value>) {
    let before = member(into, "value").cloned();
    for (key, value) in given {
        let own = key_of(into, key).unwrap_or_else(|| key.clone());
        let is_same = own.eq_ignore_ascii_case("value")
            && into.get(&own).is_some_and(|have| as_named(have) == as_named(value));
        if value.is_null() {
            into.shift_remove(&own);
        } else if !is_same {
            into.insert(own, value.clone());
        }
    }
    if before.is_some() && member(into, "value") != before.as_ref() {
        let is_reference = key_of(into, "$ref").is_some();
        for derived in ["$ref", "displayName", "display"] {
            // Of anything but a reference, `display` is a label that somebody gave.
            if derived == "display" && !is_reference {
                continue;
            }
            if let Some(key) = key_of(into, derived).filter(|_| member(given, derived).is_none()) {
                into.shift_remove(&key);
            }
        }
    }
}

/// Whether an element says that it is the primary one.
pub(super) fn is_primary(item: &Value) -> bool {
    item.as_object().and_then(|item| member(item, "primary")) == Some(&Value::Bool(true))
}

/// Makes the one element that was set primary the only one (RFC 7644 section 3.5.2).
pub(super) fn one_primary(items: &mut [Value], mut set: Vec<usize>) -> Result<(), ScimError> {
    set.sort_unstable();
    set.dedup();
    let one = match set.as_slice() {
        [] => return Ok(()),
        [one] => *one,
        _ => return Err(ScimError::Value("Only one element of an attribute can be primary.".into())),
    };
    for (_, item) in items.iter_mut().enumerate().filter(|(at, item)| *at != one && is_primary(item)) {
        if let Value::Object(item) = item
            && let Some(key) = key_of(item, "primary")
        {
            item.insert(key, Value::Bool(false));
        }
    }
    Ok(())
}

/// Takes out the elements that are named: each that has every member of one that is given. What else a removal with a
/// value may mean is a guess that could empty a list.
pub(super) fn remove_named(have: &mut Vec<Value>, given: &[Value]) -> Result<(), ScimError> {
    let mut wanted: HashSet<String> = HashSet::new();
    for item in given {
        let value = match item {
            Value::Object(map) => member(map, "value").unwrap_or(&Value::Null),
            plain => plain,
        };
        let has_no_more = item.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| {
                value.is_null()
                    || ["value", "$ref", "display", "type"]
                        .iter()
                        .any(|known| key.eq_ignore_ascii_case(known))
            })
        });
        if value.is_null() || value.is_object() || value.is_array() || !has_no_more {
            return Err(ScimError::Value("A removal names elements that cannot be told.".into()));
        }
        wanted.insert(as_named(value));
    }
    have.retain(|item| {
        let value = match item {
            Value::Object(map) => member(map, "value").unwrap_or(&Value::Null),
            plain => plain,
        };
        !wanted.contains(&as_named(value))
    });
    Ok(())
}
