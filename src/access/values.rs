//! What a template says of a person.
//!
//! In a header, octets outside printable ASCII, `%`, white space at an edge, and within a list the separator, are
//! percent-encoded (UTF-8); or the value is refused, where the operator wants that. So no value can split a header or a
//! list, and splitting and decoding gives back what the assertion said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::Identity;
use crate::config::{Function, GroupNames, Piece, Placeholder, Source, Template, Unencodable, claim_name};

/// A value cannot stand where it should, and is not to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotStand;

/// Who is spoken of, and how.
#[derive(Clone, Copy)]
pub(super) struct Speaker<'a> {
    pub(super) identity: &'a Identity,
    pub(super) groups: &'a GroupNames,
    pub(super) unencodable: Unencodable,
}

/// A value on its way. `encoded`: `%` has a meaning in it already.
#[derive(Clone)]
struct Value {
    text: String,
    encoded: bool,
}

impl Value {
    fn raw(text: &str) -> Self {
        Self { text: text.to_owned(), encoded: false }
    }

    fn encoded(text: String) -> Self {
        Self { text, encoded: true }
    }
}

impl Speaker<'_> {
    /// The value of a header; `None` where none of the template's placeholders has one.
    pub(super) fn header(&self, template: &Template) -> Result<Option<String>, CannotStand> {
        self.fill(template, |value| self.for_header(value, None))
    }

    /// The text as it is, for a place that takes any text.
    pub(super) fn text(&self, template: &Template) -> Result<Option<String>, CannotStand> {
        self.fill(template, |value| Ok(value.text))
    }

    /// All values of a placeholder as they are.
    pub(super) fn texts(&self, placeholder: &Placeholder) -> Result<Vec<String>, CannotStand> {
        Ok(self.values(placeholder)?.into_iter().map(|value| value.text).collect())
    }

    fn fill(
        &self,
        template: &Template,
        finish: impl Fn(Value) -> Result<String, CannotStand>,
    ) -> Result<Option<String>, CannotStand> {
        let mut text = String::new();
        let (mut placeholders, mut filled) = (false, false);
        for piece in &template.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(placeholder) => {
                    placeholders = true;
                    let Some(value) = self.one(placeholder)? else { continue };
                    filled = true;
                    text.push_str(&finish(value)?);
                }
            }
        }
        Ok((filled || !placeholders).then_some(text))
    }

    /// The values of a placeholder as one.
    fn one(&self, placeholder: &Placeholder) -> Result<Option<Value>, CannotStand> {
        let mut values = self.values(placeholder)?;
        let joined = placeholder.functions.iter().any(|function| matches!(function, Function::Join(_)));
        let chosen = placeholder.functions.iter().any(|it| matches!(it, Function::First | Function::Only));
        // One group whose name has a comma must not read as two.
        let is_list = is_list(&placeholder.source) && !chosen;
        if !joined && (values.len() > 1 || (is_list && !values.is_empty())) {
            values = self.apply(&Function::Join(",".to_owned()), values)?;
        }
        Ok(values.into_iter().next())
    }

    fn values(&self, placeholder: &Placeholder) -> Result<Vec<Value>, CannotStand> {
        let identity = self.identity;
        let texts: &[String] = match &placeholder.source {
            Source::NameId => std::slice::from_ref(&identity.name_id),
            Source::AuthnContext => identity.authn_context.as_slice(),
            Source::Claim(name) if name == claim_name("groups") => {
                let names = self.group_names();
                let values = names.iter().filter(|name| !name.is_empty()).map(|name| Value::raw(name));
                return self.through(&placeholder.functions, values.collect());
            }
            Source::Claim(name) => identity.attributes.get(name).map(Vec::as_slice).unwrap_or_default(),
        };
        let values = texts.iter().filter(|text| !text.is_empty()).map(|text| Value::raw(text));
        self.through(&placeholder.functions, values.collect())
    }

    fn through(&self, functions: &[Function], values: Vec<Value>) -> Result<Vec<Value>, CannotStand> {
        functions.iter().try_fold(values, |values, function| self.apply(function, values))
    }

    /// The groups, by name where they have one.
    fn group_names(&self) -> Vec<&str> {
        let ids = self.identity.attributes.get(claim_name("groups")).map(Vec::as_slice).unwrap_or_default();
        let names = &self.groups.names;
        if names.is_empty() {
            return ids.iter().map(String::as_str).collect();
        }
        ids.iter()
            .filter_map(|id| match names.get(&id.to_ascii_lowercase()) {
                Some(name) => Some(name.as_str()),
                // A group that calls itself by the name that another one was given is not that one.
                None if names.values().any(|name| name.eq_ignore_ascii_case(id)) => None,
                None => self.groups.keep_unknown.then_some(id.as_str()),
            })
            .collect()
    }

    fn apply(&self, function: &Function, values: Vec<Value>) -> Result<Vec<Value>, CannotStand> {
        let each = |change: &dyn Fn(&Value) -> Value| values.iter().map(change).collect();
        Ok(match function {
            Function::Lower => {
                each(&|value| Value { text: value.text.to_lowercase(), encoded: value.encoded })
            }
            Function::Local(domain) => values
                .iter()
                .filter_map(|value| {
                    let text = local_part(&value.text, domain.as_deref())?;
                    Some(Value { text: text.to_owned(), encoded: value.encoded })
                })
                .collect(),
            Function::First => values.into_iter().take(1).collect(),
            Function::Only if values.len() == 1 => values,
            Function::Only => Vec::new(),
            Function::Join(separator) => self.join(&values, separator)?.into_iter().collect(),
            Function::Default(text) if values.is_empty() => vec![Value::raw(text)],
            Function::Default(_) => values,
            Function::Base64 => each(&|value| Value::encoded(STANDARD.encode(&value.text))),
            Function::Percent => each(&|value| {
                let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                Value::encoded(escaped(&value.text, '%', |byte, _| unreserved(byte)))
            }),
            Function::QuotedPrintable => each(&|value| {
                let plain = |byte: u8, edge: bool| match byte {
                    b'=' => false,
                    b' ' => !edge,
                    byte => byte.is_ascii_graphic(),
                };
                Value::encoded(escaped(&value.text, '=', plain))
            }),
        })
    }

    /// One text of all, in which the separator can only be found between them.
    fn join(&self, values: &[Value], separator: &str) -> Result<Option<Value>, CannotStand> {
        if values.is_empty() {
            return Ok(None);
        }
        let mark = separator.bytes().find(|byte| *byte != b' ').unwrap_or(b' ');
        let texts: Vec<String> = values
            .iter()
            .map(|value| self.for_header(value.clone(), Some(mark)))
            .collect::<Result<_, _>>()?;
        Ok(Some(Value::encoded(texts.join(separator))))
    }

    /// The value as it may stand in a header, and, with `mark`, in a list that is split there.
    fn for_header(&self, value: Value, mark: Option<u8>) -> Result<String, CannotStand> {
        let Value { text, encoded } = value;
        let stands = |byte: u8, edge: bool| match byte {
            byte if Some(byte) == mark => false,
            // White space at the edge of a value does not survive HTTP.
            b' ' => !edge,
            byte => byte.is_ascii_graphic(),
        };
        match self.unencodable {
            Unencodable::Encode => {
                Ok(escaped(&text, '%', |byte, edge| stands(byte, edge) && (encoded || byte != b'%')))
            }
            Unencodable::Refuse => {
                let last = text.len().saturating_sub(1);
                let all = text.bytes().enumerate().all(|(at, byte)| stands(byte, at == 0 || at == last));
                if all { Ok(text) } else { Err(CannotStand) }
            }
        }
    }
}

/// Whether an application takes this apart even where there is one value.
fn is_list(source: &Source) -> bool {
    matches!(source, Source::Claim(name) if [claim_name("groups"), claim_name("roles")].contains(&name.as_str()))
}

/// What stands before the last `@`. `None`: not of this domain.
fn local_part<'v>(text: &'v str, domain: Option<&str>) -> Option<&'v str> {
    match (text.rsplit_once('@'), domain) {
        (Some((local, of)), Some(domain)) if of.eq_ignore_ascii_case(domain) => Some(local),
        (_, Some(_)) => None,
        (Some((local, _)), None) => Some(local),
        (None, None) => Some(text),
    }
    .filter(|local| !local.is_empty())
}

/// `text` with every octet that is not `plain` as two hexadecimal digits; `plain` is also told whether it stands at an
/// edge.
fn escaped(text: &str, escape: char, plain: impl Fn(u8, bool) -> bool) -> String {
    let last = text.len().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        if plain(byte, at == 0 || at == last) {
            out.push(char::from(byte));
        } else {
            out.push(escape);
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    out
}
