//! Operations on the elements of a list that a selector picks (`valuePath` of RFC 7644 figure 7).

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::filter::Filter;
use super::super::name::Name;
use super::super::patch::{Operation, Verb, member};
use super::super::rule::Context;
use super::super::rules::members::is_about_members;
use super::Excused;
use super::compare::key_of;
use super::edit::{Editor, path_error, value_error};
use super::index::Index;
use super::list::{is_primary, merge, one_primary};
use super::matches::{check, element_matches};

impl Editor<'_> {
    /// Refuses what selects members and names some as well.
    pub(super) fn guard_selected(&self, name: &Name, has_value: bool) -> Result<(), ScimError> {
        if has_value && is_about_members(self.context.kind, name) {
            return Err(value_error("A removal of members through a selector takes no value."));
        }
        Ok(())
    }

    /// Refuses what cannot select, whatever there is.
    fn may_select(&self, name: &Name, selector: &Filter) -> Result<(), ScimError> {
        self.guard(name)?;
        let attribute = Name { sub: None, ..name.clone() };
        check(self.context, Some(&attribute), selector)?;
        if self.known(name).is_some_and(|known| !known.multi)
            || name.sub.as_deref().is_some_and(|sub| sub.contains('.'))
        {
            return Err(path_error(name, "has no elements to select from"));
        }
        Ok(())
    }

    /// Where the selected elements are; there is at least one.
    fn selected(&mut self, name: &Name, selector: &Filter) -> Result<Vec<usize>, ScimError> {
        self.may_select(name, selector)?;
        let attribute = Name { sub: None, ..name.clone() };
        let context = self.context;
        let found: Vec<usize> = match self.slot(name) {
            Some(Value::Array(items)) => {
                let selects = |item: &Value| element_matches(context, &attribute, item, selector);
                items.iter().enumerate().filter(|(_, item)| selects(item)).map(|(at, _)| at).collect()
            }
            _ => Vec::new(),
        };
        if found.is_empty() {
            return Err(none_selected(name));
        }
        Ok(found)
    }

    /// Does the removals of selected elements of one attribute that `operations` begins with, as one by one, but with one
    /// look at the list. Gives how many were done: none where there are no two of them, or the list became empty.
    pub(super) fn remove_run(
        &mut self,
        operations: &[Operation],
        excused: &mut Excused<'_>,
    ) -> Result<usize, ScimError> {
        let Some(attribute) = operations.first().and_then(|first| self.removed_from(first)) else {
            return Ok(0);
        };
        // Before anything is counted: of many removals from nothing each comes here.
        if !matches!(self.slot(&attribute), Some(Value::Array(_))) {
            return Ok(0);
        }
        let is_next = |operation: &&Operation| self.removed_from(operation).as_ref() == Some(&attribute);
        let run = operations.iter().take_while(is_next).count();
        let run = operations.get(..run).filter(|run| run.len() > 1).unwrap_or_default();
        let Some(Value::Array(items)) = self.slot(&attribute).filter(|_| !run.is_empty()) else {
            return Ok(0);
        };
        let mut list = Removals::from(std::mem::take(items));
        let mut done = 0usize;
        for operation in run {
            done = done.saturating_add(1);
            match self.remove_from(&mut list, operation) {
                Ok(()) if list.left == 0 => break,
                Ok(()) => {}
                // Where it is not let pass, nothing of the resource is used.
                Err(error) => excused(operation, error)?,
            }
        }
        let is_empty = list.left == 0 && !list.items.is_empty();
        if let Some(Value::Array(items)) = self.slot(&attribute) {
            *items = list.rest();
        }
        match operations.get(done.saturating_sub(1)).filter(|_| is_empty) {
            Some(last) => self.clear(&attribute).or_else(|error| excused(last, error)).map(|()| done),
            None => Ok(done),
        }
    }

    /// The core attribute, without its part, that an operation removes selected elements of.
    fn removed_from(&self, operation: &Operation) -> Option<Name> {
        let path = &operation.path.as_ref()?.tree;
        let is_removal = operation.verb == Verb::Remove && path.selector.is_some();
        let name = is_removal.then(|| self.settled(&path.name, operation.value.as_ref()))?;
        (name.urn.is_none() && !name.attribute.is_empty()).then_some(Name { sub: None, ..name })
    }

    fn remove_from(&self, list: &mut Removals, operation: &Operation) -> Result<(), ScimError> {
        let Some(path) = operation.path.as_ref().map(|path| &path.tree) else { return Ok(()) };
        let Some(selector) = &path.selector else { return Ok(()) };
        let name = self.settled(&path.name, operation.value.as_ref());
        self.guard_selected(&name, operation.value.as_ref().is_some_and(|value| !value.is_null()))?;
        self.may_select(&name, selector)?;
        let attribute = Name { sub: None, ..name.clone() };
        list.close_up();
        let found = list.selected(self.context, &attribute, selector);
        if found.is_empty() {
            return Err(none_selected(&name));
        }
        for at in found {
            list.remove(at, name.sub.as_deref());
        }
        Ok(())
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

fn none_selected(name: &Name) -> ScimError {
    ScimError::NoTarget(format!("No element of {} is selected.", name.attribute))
}

/// A list that loses elements, each of which stays in its place until all are known.
struct Removals {
    items: Vec<Value>,
    index: Index,
    is_gone: Vec<bool>,
    left: usize,
}

impl From<Vec<Value>> for Removals {
    fn from(items: Vec<Value>) -> Self {
        Self { index: Index::of(&items), is_gone: vec![false; items.len()], left: items.len(), items }
    }
}

impl Removals {
    fn selected(&self, context: &Context<'_>, attribute: &Name, selector: &Filter) -> Vec<usize> {
        let mut found = self.index.candidates(context, attribute, selector);
        found.retain(|at| {
            self.is_gone.get(*at) == Some(&false)
                && self.items.get(*at).is_some_and(|item| element_matches(context, attribute, item, selector))
        });
        found
    }

    /// Removes an element, or a part of it.
    fn remove(&mut self, at: usize, sub: Option<&str>) {
        let (Some(item), Some(is_gone)) = (self.items.get_mut(at), self.is_gone.get_mut(at)) else { return };
        if !sub.is_some_and(|sub| is_left_without(item, sub)) {
            *is_gone = true;
            self.left = self.left.saturating_sub(1);
        }
    }

    /// Forgets the places of what is gone, once they are more than half: what selects by anything but a value looks at each.
    fn close_up(&mut self) {
        if self.left.saturating_mul(2) < self.items.len() {
            let mut gone = self.is_gone.iter();
            self.items.retain(|_| gone.next() == Some(&false));
            *self = Self::from(std::mem::take(&mut self.items));
        }
    }

    /// The elements that are left.
    fn rest(self) -> Vec<Value> {
        let kept = self.items.into_iter().zip(self.is_gone).filter(|(_, is_gone)| !is_gone);
        kept.map(|(item, _)| item).collect()
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
    let is_nothing = map.is_empty() || (sub.eq_ignore_ascii_case("value") && map.keys().all(is_label));
    !is_nothing
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
