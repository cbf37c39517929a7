//! Operations on the elements of a list that a selector picks (`valuePath` of RFC 7644 figure 7).

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::filter::Filter;
use super::super::name::Name;
use super::super::patch::{Verb, member};
use super::compare::key_of;
use super::edit::{Editor, path_error, value_error};
use super::list::{is_primary, merge, one_primary};
use super::matches::{check, element_matches};

impl Editor<'_> {
    /// Where the selected elements are; there is at least one.
    fn selected(&mut self, name: &Name, selector: &Filter) -> Result<Vec<usize>, ScimError> {
        self.guard(name)?;
        let attribute = Name { sub: None, ..name.clone() };
        check(self.context, Some(&attribute), selector)?;
        if self.known(name).is_some_and(|known| !known.multi)
            || name.sub.as_deref().is_some_and(|sub| sub.contains('.'))
        {
            return Err(path_error(name, "has no elements to select from"));
        }
        let context = self.context;
        let found: Vec<usize> = match self.slot(name) {
            Some(Value::Array(items)) => {
                let selects = |item: &Value| element_matches(context, &attribute, item, selector);
                items.iter().enumerate().filter(|(_, item)| selects(item)).map(|(at, _)| at).collect()
            }
            _ => Vec::new(),
        };
        if found.is_empty() {
            return Err(ScimError::NoTarget(format!("No element of {} is selected.", name.attribute)));
        }
        Ok(found)
    }

    /// Removes the selected elements, or a part of each.
    pub(super) fn remove_elements(&mut self, name: &Name, selector: &Filter) -> Result<(), ScimError> {
        let found = self.selected(name, selector)?;
        let Some(Value::Array(items)) = self.slot(name) else { return Ok(()) };
        let mut found = found.into_iter().peekable();
        let mut at = 0usize;
        items.retain_mut(|item| {
            let is_found = found.next_if_eq(&at).is_some();
            at = at.saturating_add(1);
            !is_found || name.sub.as_deref().is_some_and(|sub| is_left_without(item, sub))
        });
        if items.is_empty() { self.clear(name) } else { Ok(()) }
    }

    /// Adds to the selected elements, replaces them, or sets a part of each.
    pub(super) fn set_elements(
        &mut self,
        verb: Verb,
        name: &Name,
        selector: &Filter,
        value: &Value,
    ) -> Result<(), ScimError> {
        let found = self.selected(name, selector)?;
        if value.is_null() {
            return self.remove_elements(name, selector);
        }
        // One element in a list of its own is that element.
        let value = match value {
            Value::Array(items) if items.len() == 1 => items.first().unwrap_or(value),
            other => other,
        };
        let change = match &name.sub {
            Some(_) if value.is_object() || value.is_array() => {
                return Err(value_error("A part of an element takes a plain value."));
            }
            Some(sub) => Change::Part(sub, value.clone()),
            None => match (verb, self.spelt(name, value)) {
                (_, Value::Array(_)) => return Err(value_error("An element takes no list as its value.")),
                (Verb::Replace, whole) => Change::Whole(whole),
                (_, Value::Object(more)) => Change::More(more),
                (_, plain) => Change::Whole(plain),
            },
        };
        let Some(Value::Array(items)) = self.slot(name) else { return Ok(()) };
        let mut primary = Vec::new();
        for at in found {
            if let Some(item) = items.get_mut(at) {
                change.make(item)?;
                if change.makes_primary() && is_primary(item) {
                    primary.push(at);
                }
            }
        }
        one_primary(items, primary)
    }
}

/// Takes a part from an element, and tells whether there is an element left: one whose significant value is gone
/// (`value`, RFC 7643 section 2.4) only labels nothing.
fn is_left_without(item: &mut Value, sub: &str) -> bool {
    let Value::Object(map) = item else { return !sub.eq_ignore_ascii_case("value") };
    if let Some(key) = key_of(map, sub) {
        map.shift_remove(&key);
    }
    let labels = ["type", "primary", "display", "$ref"];
    let is_label = |key: &String| labels.iter().any(|label| key.eq_ignore_ascii_case(label));
    !map.is_empty() && !(sub.eq_ignore_ascii_case("value") && map.keys().all(is_label))
}

enum Change<'a> {
    Part(&'a str, Value),
    More(Map<String, Value>),
    Whole(Value),
}

impl Change<'_> {
    fn make(&self, item: &mut Value) -> Result<(), ScimError> {
        match (self, item) {
            (Self::Part(sub, value), Value::Object(map)) => {
                merge(map, &Map::from_iter([((*sub).to_owned(), value.clone())]));
            }
            (Self::Part(sub, value), item) if sub.eq_ignore_ascii_case("value") => *item = value.clone(),
            (Self::More(more), Value::Object(map)) => merge(map, more),
            (Self::Whole(whole), item) if item.is_object() == whole.is_object() => *item = whole.clone(),
            _ => return Err(value_error("An element does not take a value of this kind.")),
        }
        Ok(())
    }

    fn makes_primary(&self) -> bool {
        match self {
            Self::Part(sub, _) => sub.eq_ignore_ascii_case("primary"),
            Self::More(more) => member(more, "primary").is_some(),
            Self::Whole(_) => true,
        }
    }
}
