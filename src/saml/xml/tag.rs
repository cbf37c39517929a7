//! What stands inside a start tag.

use std::borrow::Cow;

use super::Fault;
use super::chars::{is_white, split_qname};
use super::text::attribute_value;

/// A name and a normalised value, namespaces not yet resolved.
pub(super) struct RawAttribute<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) value: Cow<'a, str>,
}

/// A start tag taken apart (XML 3.1): name, then attributes, each after white space.
pub(super) struct Tag<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) attributes: Vec<RawAttribute<'a>>,
}

impl<'a> Tag<'a> {
    /// Reads what stands between `<` and `>` (or `/>`), with at most `max` attributes and declarations of at most
    /// `max_value` octets each.
    pub(super) fn parse(inside: &'a str, max: usize, max_value: usize) -> Result<Self, Fault> {
        let (name, mut rest) = split_where(inside, is_white);
        let (prefix, local) = split_qname(name).ok_or(Fault::Name)?;
        let mut attributes = Vec::new();
        loop {
            let next = rest.trim_start_matches(is_white);
            if next.is_empty() {
                return Ok(Self { prefix, local, attributes });
            }
            if next.len() == rest.len() {
                return Err(Fault::Syntax);
            }
            let (attribute, after) = one_attribute(next, max_value)?;
            if attributes.len() >= max {
                return Err(Fault::Limit("attributes of one element"));
            }
            attributes.push(attribute);
            rest = after;
        }
    }
}

fn one_attribute(text: &str, max_value: usize) -> Result<(RawAttribute<'_>, &str), Fault> {
    let (name, rest) = split_where(text, |c| c == '=' || is_white(c));
    let (prefix, local) = split_qname(name).ok_or(Fault::Name)?;
    let rest = rest.trim_start_matches(is_white).strip_prefix('=').ok_or(Fault::Syntax)?;
    let rest = rest.trim_start_matches(is_white);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(Fault::Syntax)?;
    let (raw, rest) =
        rest.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).ok_or(Fault::Syntax)?;
    if raw.len() > max_value {
        return Err(Fault::Limit("octets of an attribute"));
    }
    Ok((RawAttribute { prefix, local, value: attribute_value(raw)? }, rest))
}

/// Splits before the first character that `stop` names.
fn split_where(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.find(stop).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}
