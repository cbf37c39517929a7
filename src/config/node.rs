//! A reader of configuration trees that goes on after an error, so that all of them are reported at once.

use std::cell::RefCell;

use serde_json::{Map, Value};

/// Something wrong or weak in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `tenants[0].saml.entity_id`.
    pub path: String,
    /// What is wrong, without any secret value.
    pub what: String,
    /// What to change.
    pub remedy: String,
}

impl Problem {
    /// `given`, at `path`, is none of `known`; the remedy names those that are spelt most alike.
    pub(crate) fn not_one_of(path: String, given: &str, thing: &str, known: &[&str]) -> Self {
        let given: String = given.chars().take(64).collect();
        let letters: Vec<char> = given.chars().collect();
        let far = |name: &str| distance(&letters, &name.chars().collect::<Vec<_>>());
        let least = known.iter().map(|name| far(name)).min().unwrap_or_default();
        let near: Vec<&str> = known.iter().copied().filter(|name| far(name) == least).take(5).collect();
        let remedy = if least <= letters.len().div_ceil(2) {
            format!("did you mean {}?", near.join(", "))
        } else {
            format!("the {thing}s are {}", known.join(", "))
        };
        Self { path, what: format!("`{given}` is not a {thing}"), remedy }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "(top level)" } else { &self.path };
        write!(f, "{path}: {}; {}", self.what, self.remedy)
    }
}

/// Collects errors and warnings while a tree is read.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Problems {
    pub(super) fn error(&self, path: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem { path: path.to_owned(), what: what.into(), remedy: remedy.into() };
        self.errors.borrow_mut().push(problem);
    }

    pub(super) fn warn(&self, path: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem { path: path.to_owned(), what: what.into(), remedy: remedy.into() };
        self.warnings.borrow_mut().push(problem);
    }

    /// What `read` makes of `value` alone.
    ///
    /// # Errors
    /// All problems; paths begin at `value`.
    pub(super) fn reading<T>(value: &Value, read: impl FnOnce(&Node<'_>) -> T) -> Result<T, Vec<Problem>> {
        let problems = Self::default();
        let read = read(&Node::root(value, &problems));
        let (errors, _) = problems.take();
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }

    /// Errors and warnings, in the order they were found.
    pub(super) fn take(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.errors.into_inner(), self.warnings.into_inner())
    }
}

/// One place in the tree.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) path: String,
    value: &'a Value,
    problems: &'a Problems,
}

/// An object whose field names have been checked.
pub(super) struct Fields<'a> {
    path: String,
    map: Option<&'a Map<String, Value>>,
    problems: &'a Problems,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value, problems: &'a Problems) -> Self {
        Self { path: String::new(), value, problems }
    }

    pub(super) fn error(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.error(&self.path, what, remedy);
    }

    pub(super) fn warn(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.warn(&self.path, what, remedy);
    }

    fn wrong_type(&self, wanted: &str) {
        self.error(format!("is {}", kind(self.value)), format!("write {wanted}"));
    }

    /// The fields of an object; a field that is not `known` is an error with a suggestion.
    pub(super) fn fields(&self, known: &[&str]) -> Fields<'a> {
        let map = match self.value {
            Value::Object(map) => Some(map),
            _ => {
                self.wrong_type(&format!("a mapping with the fields {}", known.join(", ")));
                None
            }
        };
        for name in map.into_iter().flat_map(Map::keys) {
            if !known.contains(&name.as_str()) {
                let remedy = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields here are {}", known.join(", ")),
                };
                self.problems.error(&join(&self.path, name), "is not a field Vestibule knows", remedy);
            }
        }
        Fields { path: self.path.clone(), map, problems: self.problems }
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => {
                self.error("is empty", "write a value or leave the field out");
                None
            }
            _ => {
                self.wrong_type("text (in quotes)");
                None
            }
        }
    }

    /// Whether it is text at all; for fields that may be something else.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, Value::String(_))
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong_type("true or false");
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let number = match self.value {
            // A protobuf Struct has only floating-point numbers, so `60` may come as `60.0`.
            Value::Number(number) => number
                .as_u64()
                .or_else(|| number.to_string().strip_suffix(".0").and_then(|text| text.parse().ok())),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                self.error(
                    format!("is not a whole number from {} to {}", range.start(), range.end()),
                    "write one in that range",
                );
                None
            }
        }
    }

    /// The first of these fields that is there, where this is an object.
    pub(super) fn fields_quietly(&self, names: &[&str]) -> Option<Node<'a>> {
        let Value::Object(map) = self.value else { return None };
        names.iter().find_map(|name| {
            let value = map.get(*name)?;
            Some(Node { path: join(&self.path, name), value, problems: self.problems })
        })
    }

    /// The entries of a list.
    pub(super) fn list(&self) -> Vec<Node<'a>> {
        match self.value {
            Value::Array(entries) => entries
                .iter()
                .enumerate()
                .map(|(at, value)| Node {
                    path: format!("{}[{at}]", self.path),
                    value,
                    problems: self.problems,
                })
                .collect(),
            _ => {
                self.wrong_type("a list");
                Vec::new()
            }
        }
    }

    /// The fields of an object whose names are the operator's own.
    pub(super) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        match self.value {
            Value::Object(map) => map
                .iter()
                .map(|(name, value)| {
                    let node = Node { path: join(&self.path, name), value, problems: self.problems };
                    (name.as_str(), node)
                })
                .collect(),
            _ => {
                self.wrong_type("a mapping");
                Vec::new()
            }
        }
    }

    /// Whether this is a mapping, where something else is possible too.
    pub(super) fn is_mapping(&self) -> bool {
        self.value.is_object()
    }

    /// One of `choices`, by its spelling.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.error(
                format!("`{text}` is not a choice here"),
                format!("write one of {}", names.join(", ")),
            );
        }
        found
    }
}

impl<'a> Fields<'a> {
    /// The field, where it is there.
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.map?.get(name)?;
        Some(Node { path: join(&self.path, name), value, problems: self.problems })
    }

    /// The field; it is an error if it is not there.
    pub(super) fn need(&self, name: &str, remedy: &str) -> Option<Node<'a>> {
        let node = self.get(name);
        if node.is_none() && self.map.is_some() {
            self.problems.error(&join(&self.path, name), "is missing", remedy);
        }
        node
    }

    /// The names of the fields that are there.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.map.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect()
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// The known name that differs least, if it is near enough to be a misspelling.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name: Vec<char> = name.chars().take(64).collect();
    let (distance, near) = known
        .iter()
        .map(|candidate| (distance(&name, &candidate.chars().collect::<Vec<_>>()), *candidate))
        .min()?;
    (distance <= name.len().div_ceil(3)).then_some(near)
}

/// Levenshtein distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_misspelt_field_is_named_with_the_nearest_known_one() {
        let value = serde_json::json!({"entityid": "x", "zzz": 1});
        let problems = Problems::default();
        Node::root(&value, &problems).fields(&["entity_id", "acs_path"]);
        let (errors, _) = problems.take();
        assert_eq!(errors[0].path, "entityid");
        assert_eq!(errors[0].remedy, "did you mean `entity_id`?");
        assert_eq!(errors[1].remedy, "the fields here are entity_id, acs_path");
    }

    #[test]
    fn distance_counts_edits() {
        let of = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!((of("", "abc"), of("kitten", "sitting"), of("same", "same")), (3, 3, 0));
    }

    #[test]
    fn a_whole_number_may_come_as_a_float_from_a_protobuf_struct() {
        let problems = Problems::default();
        for (text, expected) in
            [("60", Some(60)), ("60.0", Some(60)), ("60.5", None), ("-1", None), ("301", None)]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Node::root(&value, &problems).number(0..=300), expected, "{text}");
        }
    }
}
