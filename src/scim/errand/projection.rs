//! Which attributes of the entries are asked for, and which of them the client gets (RFC 7644 section 3.9).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::filter::Filter;
use super::super::name::Name;
use super::super::rules::query::{self, Query};
use super::super::schema::ResourceKind;

/// What the client wants of each entry.
pub(super) struct Projection {
    kind: ResourceKind,
    wanted: Vec<Name>,
    unwanted: Vec<Name>,
    /// Whether more is asked for than is wanted.
    is_needed: bool,
}

/// The attributes that a filter looks at.
fn looked_at(filter: &Filter) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    filter.clone().each(&mut |parent, name, _| {
        if parent.is_none() && !names.contains(name) {
            names.push(name.clone());
        }
    });
    names
}

fn list(query: &Query, parameter: &str) -> Vec<Name> {
    let value = query.iter().find(|have| have.name.eq_ignore_ascii_case(parameter));
    let value = value.and_then(|have| have.value.as_deref()).unwrap_or_default();
    value.split(',').filter_map(|name| Name::parse(name.trim())).collect()
}

impl Projection {
    pub(super) fn of(kind: &ResourceKind, query: &Query) -> Self {
        Self {
            kind: kind.clone(),
            wanted: list(query, "attributes"),
            unwanted: list(query, "excludedAttributes"),
            is_needed: false,
        }
    }

    /// The parameters that ask for what the client wants and for what the filter looks at.
    pub(super) fn asked(&mut self, filter: &Filter) -> Vec<String> {
        let needed = looked_at(filter);
        let mut parameters = Vec::new();
        if !self.wanted.is_empty() {
            let mut asked = self.wanted.clone();
            for name in &needed {
                if !asked.iter().any(|have| self.covers(have, name)) {
                    asked.push(name.clone());
                    self.is_needed = true;
                }
            }
            parameters.push(written("attributes", &asked));
        }
        if !self.unwanted.is_empty() {
            let mut left = self.unwanted.clone();
            left.retain(|name| {
                !needed.iter().any(|needed| self.covers(name, needed) || self.covers(needed, name))
            });
            self.is_needed |= left.len() != self.unwanted.len();
            if !left.is_empty() {
                parameters.push(written("excludedAttributes", &left));
            }
        }
        parameters
    }

    /// The same name, without the core schema and in lower case: schema, attribute, part.
    fn key(&self, name: &Name) -> (String, String, String) {
        let urn = name.urn.as_deref().filter(|_| !self.kind.core().is_some_and(|core| name.is_of(core)));
        let lower = |text: Option<&str>| text.unwrap_or_default().to_ascii_lowercase();
        (lower(urn), lower(Some(&name.attribute)), lower(name.sub.as_deref()))
    }

    /// Whether the attribute, part or schema `wide` holds all of `narrow`.
    fn covers(&self, wide: &Name, narrow: &Name) -> bool {
        let (wide, narrow) = (self.key(wide), self.key(narrow));
        wide.0 == narrow.0
            && (wide.1.is_empty() || (wide.1 == narrow.1 && (wide.2.is_empty() || wide.2 == narrow.2)))
    }

    /// Takes out what was only asked for in order to look at it.
    pub(super) fn project(&self, entry: &mut Map<String, Value>) {
        if !self.is_needed {
            return;
        }
        if !self.wanted.is_empty() {
            self.keep(entry);
        }
        for name in &self.unwanted {
            self.drop(entry, name);
        }
    }

    /// Keeps what is wanted and what every resource has (RFC 7643 section 3.1: `id` and `schemas` are always returned).
    fn keep(&self, entry: &mut Map<String, Value>) {
        let keys: Vec<_> = self.wanted.iter().map(|name| self.key(name)).collect();
        let parts = |urn: &str, attribute: &str| -> Option<BTreeSet<String>> {
            let of = keys.iter().filter(|(have, name, _)| have == urn && name == attribute);
            let parts: Vec<_> = of.map(|(_, _, part)| part.clone()).collect();
            // An attribute that is wanted as a whole is kept as a whole.
            (!parts.iter().any(String::is_empty)).then(|| parts.into_iter().collect())
        };
        let keep_in = |urn: &str, map: &mut Map<String, Value>| {
            map.retain(|key, value| {
                let key = key.to_ascii_lowercase();
                let is_always = urn.is_empty() && matches!(key.as_str(), "id" | "schemas");
                let wanted = if is_always { None } else { parts(urn, &key) };
                let Some(parts) = wanted else { return true };
                each_object(value, &mut |map| map.retain(|key, _| parts.contains(&key.to_ascii_lowercase())));
                !parts.is_empty()
            });
        };
        let mut extensions: Map<String, Value> = Map::new();
        for (key, value) in std::mem::take(entry) {
            let urn = key.to_ascii_lowercase();
            let is_schema = urn.starts_with("urn:") && value.is_object();
            let is_whole = keys.iter().any(|(have, attribute, _)| *have == urn && attribute.is_empty());
            match value {
                Value::Object(mut inner) if is_schema && !is_whole => {
                    keep_in(&urn, &mut inner);
                    if !inner.is_empty() {
                        extensions.insert(key, Value::Object(inner));
                    }
                }
                value if is_schema => {
                    extensions.insert(key, value);
                }
                value => {
                    entry.insert(key, value);
                }
            }
        }
        keep_in("", entry);
        entry.extend(extensions);
    }

    fn drop(&self, entry: &mut Map<String, Value>, name: &Name) {
        let (urn, attribute, part) = self.key(name);
        if urn.is_empty() && matches!(attribute.as_str(), "id" | "schemas") {
            return;
        }
        if attribute.is_empty() {
            entry.retain(|key, _| urn.is_empty() || !key.eq_ignore_ascii_case(&urn));
            return;
        }
        let holder = if urn.is_empty() {
            Some(entry)
        } else {
            let holder = entry.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(&urn));
            holder.and_then(|(_, holder)| holder.as_object_mut())
        };
        let Some(holder) = holder else { return };
        if part.is_empty() {
            holder.retain(|key, _| !key.eq_ignore_ascii_case(&attribute));
        } else if let Some((_, value)) =
            holder.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(&attribute))
        {
            each_object(value, &mut |map| map.retain(|key, _| !key.eq_ignore_ascii_case(&part)));
        }
    }
}

fn each_object(value: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => visit(map),
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(visit),
        _ => {}
    }
}

fn written(parameter: &str, names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(|name| query::encode(&name.to_string(), false)).collect();
    format!("{parameter}={}", names.join(","))
}
