//! YAML 1.2 (core schema), and with it JSON, as a tree of values.
//!
//! The parser's events are put together here, because a configuration needs little of what the richer libraries bring:
//! one document, no tags, double names refused, and aliases within a budget.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Number, Value};

/// Deepest nesting, and most values that aliases may make.
const DEEPEST: usize = 64;
const MOST_VALUES: usize = 200_000;

/// Why a text is no configuration. Never quotes it: it may hold secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    /// What is wrong.
    pub(super) what: String,
    /// The line, from 1; 0 where there is none.
    pub(super) line: usize,
}

/// Reads the one document of `text`.
pub(super) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        let line = line_of(&span);
        builder.take(event).map_err(|what| YamlError { what: what.to_owned(), line })?;
    }
    builder.root.ok_or(YamlError { what: "there is no document".to_owned(), line: 0 })
}

fn scan_error(error: &ScanError) -> YamlError {
    YamlError { what: error.info().to_owned(), line: error.marker().line() }
}

fn line_of(span: &Span) -> usize {
    span.start.line()
}

/// A collection whose end has not come.
enum Open {
    List(Vec<Value>),
    /// With the name whose value is awaited.
    Object(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    root: Option<Value>,
    open: Vec<(Open, usize)>,
    anchors: BTreeMap<usize, Value>,
    values: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                no_tag(tag.is_some())?;
                let value = if style == ScalarStyle::Plain {
                    plain(&text)?
                } else {
                    Value::String(text.into_owned())
                };
                self.place(value, anchor, style == ScalarStyle::Plain)
            }
            Event::SequenceStart(_, anchor, tag) => {
                no_tag(tag.is_some())?;
                self.begin(Open::List(Vec::new()), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                no_tag(tag.is_some())?;
                self.begin(Open::Object(Map::new(), None), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Open::List(list), anchor)) => self.place(Value::Array(list), anchor, false),
                Some((Open::Object(map, None), anchor)) => self.place(Value::Object(map), anchor, false),
                _ => Err("a collection ends that did not begin"),
            },
            Event::Alias(id) => {
                let value = self.anchors.get(&id).cloned().ok_or("an alias has no anchor")?;
                self.copied(&value)?;
                self.place(value, 0, false)
            }
            Event::DocumentStart(..) if self.root.is_some() => Err("there is a second document"),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => Ok(()),
            _ => Err("something here has no place in a configuration"),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Result<(), &'static str> {
        if self.open.len() >= DEEPEST {
            return Err("the nesting is too deep");
        }
        self.open.push((open, anchor));
        Ok(())
    }

    /// What is written out is as long as the text; what is copied need not be.
    fn copied(&mut self, value: &Value) -> Result<(), &'static str> {
        self.values = self.values.saturating_add(size(value));
        if self.values > MOST_VALUES { Err("aliases make too many values") } else { Ok(()) }
    }

    /// A whole value: it goes into what is open, or is the document.
    fn place(&mut self, value: Value, anchor: usize, is_plain: bool) -> Result<(), &'static str> {
        if anchor != 0 {
            self.copied(&value)?;
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None if self.root.is_some() => return Err("there is a second document"),
            None => self.root = Some(value),
            Some((Open::List(list), _)) => list.push(value),
            Some((Open::Object(map, name), _)) => match name.take() {
                Some(name) => {
                    map.insert(name, value);
                }
                None => {
                    let text = match value {
                        Value::String(text) => text,
                        // `on: x` or `1: x`: the name is the text as written.
                        other if is_plain => other.to_string(),
                        _ => return Err("a name is not text"),
                    };
                    if map.contains_key(&text) {
                        return Err("a name stands twice in one mapping");
                    }
                    *name = Some(text);
                }
            },
        }
        Ok(())
    }
}

fn no_tag(tagged: bool) -> Result<(), &'static str> {
    if tagged { Err("a tag has no place in a configuration") } else { Ok(()) }
}

/// Values in a tree, without recursion: its depth is bounded, but the bound is not known here.
fn size(value: &Value) -> usize {
    let (mut count, mut rest) = (0usize, vec![value]);
    while let Some(value) = rest.pop() {
        count = count.saturating_add(1);
        match value {
            Value::Array(list) => rest.extend(list),
            Value::Object(map) => rest.extend(map.values()),
            _ => {}
        }
    }
    count
}

/// A plain scalar in the core schema (YAML 1.2.2, 10.3.2). What looks like a number but has no exact form is an error.
fn plain(text: &str) -> Result<Value, &'static str> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => match whole(text) {
            Some(number) => Value::Number(number),
            None => match text.parse::<Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text.to_owned()),
            },
        },
    })
}

fn whole(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match digits.split_at_checked(2) {
        Some(("0x", hex)) => i64::from_str_radix(hex, 16).ok()?,
        Some(("0o", octal)) => i64::from_str_radix(octal, 8).ok()?,
        _ if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    Some(Number::from(if text.starts_with('-') { value.checked_neg()? } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(text: &str) -> String {
        match parse(text) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{} at {}", error.what, error.line),
        }
    }

    #[test]
    fn yaml_and_json_give_the_same_tree() {
        let yaml = "# comment\na: 1\nb: [x, 'y', \"z\\n\"]\nc:\n  - {d: true}\n  - null\n  - 0x1f\n  - -2\n  - 1.5\ne: |\n  two\n  lines\n";
        let json = r#"{"a":1,"b":["x","y","z\n"],"c":[{"d":true},null,31,-2,1.5],"e":"two\nlines\n"}"#;
        assert_eq!(read(yaml), json);
        assert_eq!(read(json), json);
    }

    #[test]
    fn words_that_only_yaml_1_1_takes_for_truth_are_text() {
        assert_eq!(read("[yes, no, on, off, y]"), r#"["yes","no","on","off","y"]"#);
    }

    #[test]
    fn quoted_text_stays_text() {
        assert_eq!(read(r#"["1", 'true', "null", ""]"#), r#"["1","true","null",""]"#);
    }

    #[test]
    fn aliases_work_within_a_budget() {
        assert_eq!(read("a: &x {b: 1}\nc: *x"), r#"{"a":{"b":1},"c":{"b":1}}"#);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..10 {
            let before = at - 1;
            bomb.push_str(&format!("a{at}: &a{at} [{}]\n", format!("*a{before}, ").repeat(10)));
        }
        assert!(read(&bomb).starts_with("aliases make too many values"));
    }

    #[test]
    fn what_is_ambiguous_is_refused_with_its_line() {
        for (text, what) in [
            ("a: 1\nb: 2\na: 3", "a name stands twice in one mapping at 3"),
            ("{\"a\":1,\"a\":2}", "a name stands twice in one mapping at 1"),
            ("a: !secret x", "a tag has no place in a configuration at 1"),
            ("a: 1\n---\nb: 2", "there is a second document at 2"),
            ("? [a]\n: b", "a name is not text at 1"),
            ("", "there is no document at 0"),
        ] {
            assert_eq!(read(text), what, "{text:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for deep in ["[".repeat(10_000), "- ".repeat(10_000), "{a: ".repeat(100), "a: [".repeat(70)] {
            assert!(parse(&deep).is_err());
        }
        assert!(read(&format!("{}1{}", "[".repeat(65), "]".repeat(65))).contains("too deep"));
    }

    #[test]
    fn an_error_does_not_repeat_the_text() {
        let error = parse("secret: \"hunter2 and more").unwrap_err();
        assert!(!error.what.contains("hunter2"));
        assert_eq!(error.line, 1);
    }
}
