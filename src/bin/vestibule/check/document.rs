//! YAML and JSON as trees that know their lines, so that every problem can say where it is.
//!
//! More is read than the filter itself takes: several documents, tags, and whatever else stands in the files of Envoy and
//! Kubernetes.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Deepest nesting, and most values that aliases may make.
const DEEPEST: usize = 128;
const MOST_VALUES: usize = 500_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// Line, from 1.
    pub(crate) line: usize,
    pub(crate) value: Tree,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A scalar that is not quoted: text, number, truth or nothing at all.
    Plain(String),
    /// Text in quotes, or a block.
    Text {
        text: String,
        /// Whether its lines are lines of the file, the first at its own line.
        literal: bool,
    },
    List(Vec<Located>),
    Map(Vec<(String, Located)>),
}

/// Why a text could not be read, and in which line (0 where there is none).
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) what: String,
    pub(crate) line: usize,
}

/// Reads all documents of a text; empty ones are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Located>, Unreadable> {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event
            .map_err(|error| Unreadable { what: error.info().to_owned(), line: error.marker().line() })?;
        let line = span.start.line();
        builder.take(event, line).map_err(|what| Unreadable { what: what.to_owned(), line })?;
    }
    let empty = |document: &Located| matches!(&document.value, Tree::Plain(text) if ["", "~"].contains(&text.as_str()));
    builder.documents.retain(|document| !empty(document));
    Ok(builder.documents)
}

struct Open {
    tree: Tree,
    name: Option<String>,
    anchor: usize,
    line: usize,
    /// Envoy leaves out what is tagged `!ignore`.
    ignored: bool,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Located>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Located>,
    values: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), &'static str> {
        let ignored =
            |tag: Option<&granit_parser::Tag>| tag.is_some_and(|tag| tag.to_string().ends_with("ignore"));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let ignored = ignored(tag.as_deref());
                // The parser says where the text of a block begins; empty lines before it are part of the block.
                let empty = text.bytes().take_while(|byte| *byte == b'\n').count();
                let line = if style == ScalarStyle::Literal { line.saturating_sub(empty) } else { line };
                let value = if style == ScalarStyle::Plain && tag.is_none() {
                    Tree::Plain(text.into_owned())
                } else {
                    Tree::Text { text: text.into_owned(), literal: style == ScalarStyle::Literal }
                };
                self.place(Located { line, value }, anchor, ignored)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(Tree::List(Vec::new()), anchor, line, ignored(tag.as_deref()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(Tree::Map(Vec::new()), anchor, line, ignored(tag.as_deref()))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Err("a collection ends that did not begin") };
                self.place(Located { line: open.line, value: open.tree }, open.anchor, open.ignored)
            }
            Event::Alias(id) => {
                let value = self.anchors.get(&id).cloned().ok_or("an alias has no anchor")?;
                self.place(value, 0, false)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, tree: Tree, anchor: usize, line: usize, ignored: bool) -> Result<(), &'static str> {
        if self.open.len() >= DEEPEST {
            return Err("the nesting is too deep");
        }
        self.open.push(Open { tree, name: None, anchor, line, ignored });
        Ok(())
    }

    fn place(&mut self, node: Located, anchor: usize, ignored: bool) -> Result<(), &'static str> {
        self.values = self.values.saturating_add(node.size());
        if self.values > MOST_VALUES {
            return Err("aliases make too many values");
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.tree {
            Tree::List(list) if !ignored => list.push(node),
            Tree::Map(map) => match open.name.take() {
                Some(name) if !ignored => map.push((name, node)),
                Some(_) => {}
                None => {
                    let (Tree::Plain(name) | Tree::Text { text: name, .. }) = node.value else {
                        return Err("a name is not text");
                    };
                    if map.iter().any(|(have, _)| *have == name) {
                        return Err("a name stands twice in one mapping");
                    }
                    open.name = Some(name);
                }
            },
            _ => {}
        }
        Ok(())
    }
}

impl Located {
    fn size(&self) -> usize {
        let (mut count, mut rest) = (0usize, vec![self]);
        while let Some(node) = rest.pop() {
            count = count.saturating_add(1);
            match &node.value {
                Tree::List(list) => rest.extend(list),
                Tree::Map(map) => rest.extend(map.iter().map(|(_, node)| node)),
                Tree::Plain(_) | Tree::Text { .. } => {}
            }
        }
        count
    }

    /// The field, by its name in snake case or, as JSON of protobuf may have it, in camel case.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Tree::Map(map) = &self.value else { return None };
        let camel = camel(name);
        map.iter().find(|(have, _)| have == name || *have == camel).map(|(_, node)| node)
    }

    /// The text, whether in quotes or not.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Tree::Plain(text) | Tree::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value without lines.
    pub(crate) fn json(&self) -> Value {
        match &self.value {
            Tree::Plain(text) => scalar(text),
            Tree::Text { text, .. } => Value::String(text.clone()),
            Tree::List(list) => Value::Array(list.iter().map(Self::json).collect()),
            Tree::Map(map) => Value::Object(
                map.iter().map(|(name, node)| (name.clone(), node.json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The line of the place that a path such as `tenants[0].saml.entity_id` names, or of the last step that is there.
    pub(crate) fn line_of(&self, path: &str) -> usize {
        let mut here = self;
        let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
        for step in steps {
            let next = match &here.value {
                Tree::Map(map) => map.iter().find(|(name, _)| name == step).map(|(_, node)| node),
                Tree::List(list) => step.parse::<usize>().ok().and_then(|at| list.get(at)),
                _ => None,
            };
            match next {
                Some(next) => here = next,
                None => break,
            }
        }
        here.line
    }
}

/// The core schema of YAML 1.2, as the filter reads it.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => text.parse::<Number>().map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}

/// `per_connection_buffer_limit_bytes` as `perConnectionBufferLimitBytes`.
fn camel(name: &str) -> String {
    let mut upper = false;
    let mut made = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else {
            made.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
    made
}

/// A node with the path to it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) path: String,
    pub(crate) node: &'a Located,
}

impl<'a> Place<'a> {
    /// The top of a document.
    pub(crate) fn top(node: &'a Located) -> Self {
        Self { path: String::new(), node }
    }

    pub(crate) fn line(&self) -> usize {
        self.node.line
    }

    /// A field; see [`Located::get`].
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        Some(Self { path: self.path_of(name), node: self.node.get(name)? })
    }

    /// The path of a field, whether it is there or not.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field of a field …
    pub(crate) fn down(&self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self.clone(), |here, name| here.get(name))
    }

    /// The entries of a list that is a field; none where it is not there.
    pub(crate) fn each(&self, name: &str) -> Vec<Self> {
        self.get(name).map(|list| list.entries()).unwrap_or_default()
    }

    /// The entries of a list.
    pub(crate) fn entries(&self) -> Vec<Self> {
        let Tree::List(list) = &self.node.value else { return Vec::new() };
        list.iter()
            .enumerate()
            .map(|(at, node)| Self { path: format!("{}[{at}]", self.path), node })
            .collect()
    }

    /// The fields of a mapping.
    pub(crate) fn fields(&self) -> Vec<(&'a str, Self)> {
        let Tree::Map(map) = &self.node.value else { return Vec::new() };
        map.iter()
            .map(|(name, node)| {
                let dotted = name.contains('.');
                let path = if dotted { format!("{}[\"{name}\"]", self.path) } else { self.path_of(name) };
                (name.as_str(), Self { path, node })
            })
            .collect()
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.node.text()
    }

    /// The text of a field.
    pub(crate) fn text_of(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|place| place.text())
    }

    /// Whether a field is true, as Envoy's reader takes it (YAML 1.1 words where they are not quoted).
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.text_of(name)
            .is_some_and(|text| ["true", "yes", "on", "y"].contains(&text.to_ascii_lowercase().as_str()))
    }

    /// A whole number, which protobuf's JSON may write as text.
    pub(crate) fn number_of(&self, name: &str) -> Option<u64> {
        self.text_of(name)?.parse().ok()
    }

    /// The last part of the type of an `Any`: `envoy.….v3.Wasm`; empty where it has none.
    pub(crate) fn type_name(&self) -> &'a str {
        let url = self.node.get("@type").and_then(Located::text).unwrap_or_default();
        url.rsplit('/').next().unwrap_or_default()
    }

    /// The message of an `Any`: itself, or what is inside a `TypedStruct`, with its type.
    pub(crate) fn message(&self) -> (&'a str, Self) {
        let name = self.type_name();
        if name.ends_with(".TypedStruct") {
            let url = self.text_of("type_url").unwrap_or_default();
            let inner = self.get("value").unwrap_or_else(|| self.clone());
            return (url.rsplit('/').next().unwrap_or_default(), inner);
        }
        (name, self.clone())
    }

    /// This place and everything below it.
    pub(crate) fn all(&self) -> Vec<Self> {
        let (mut found, mut rest) = (Vec::new(), vec![self.clone()]);
        while let Some(place) = rest.pop() {
            let mut below: Vec<Self> = place.fields().into_iter().map(|(_, place)| place).collect();
            below.extend(place.entries());
            below.reverse();
            rest.extend(below);
            found.push(place);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line_and_every_place_its_path() {
        let text = "a: 1\nb:\n  - c: x\n  - {d_e: [y, \"z\"]}\n---\n# nothing\n---\nf: |\n  g: 1\n  h: 2\n";
        let documents = read(text).unwrap();
        assert_eq!(documents.len(), 2);
        let top = Place::top(&documents[0]);
        let second = &top.each("b")[1];
        assert_eq!((second.path.as_str(), second.line()), ("b[1]", 4));
        assert_eq!(second.each("d_e")[1].path, "b[1].d_e[1]");
        assert_eq!(documents[0].line_of("b[1].d_e[0]"), 4);
        assert_eq!(documents[0].line_of("b[0].missing"), 3);
        let Tree::Text { literal: true, .. } = &documents[1].get("f").unwrap().value else {
            panic!("no block")
        };
        assert_eq!(documents[1].line_of("f"), 9);
    }

    #[test]
    fn a_block_begins_at_its_first_line_whatever_stands_around_it() {
        for (text, line) in [
            ("f: |\n  a: 1\n", 2),
            ("f: |  # comment\n  a: 1\n", 2),
            ("f: |\n\n  a: 1\n", 2),
            ("f: |-\n  # a comment of its own\n  a: 1\n", 2),
            ("x: 1\nf: |\n\n\n  a: 1\n", 3),
        ] {
            let documents = read(text).unwrap();
            assert_eq!(documents[0].line_of("f"), line, "{text:?}");
        }
    }

    #[test]
    fn names_are_found_in_both_spellings_of_protobuf() {
        let documents = read("{\"typedConfig\": {\"@type\": \"x/y.Z\"}, \"vm_id\": \"a\"}").unwrap();
        let top = Place::top(&documents[0]);
        assert_eq!(top.get("typed_config").unwrap().type_name(), "y.Z");
        assert_eq!(top.text_of("vm_id"), Some("a"));
    }

    #[test]
    fn what_is_ambiguous_is_refused_and_what_envoy_ignores_is_left_out() {
        assert_eq!(read("a: 1\na: 2").unwrap_err().line, 2);
        let documents = read("a: !ignore {b: 1}\nc: 2").unwrap();
        assert!(documents[0].get("a").is_none() && documents[0].get("c").is_some());
    }
}
