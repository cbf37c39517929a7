//! Attribute names (`attrPath` of RFC 7644 figure 1), read tolerantly: `userName`, `name.givenName`,
//! `urn:…:2.0:User:manager.value`, and the old `urn:…:2.0:User.department`.

use super::schema;

/// An attribute name, taken apart but spelt as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// URN of the schema that qualifies it.
    pub(crate) urn: Option<String>,
    /// Whether a dot stood between URN and name, where a colon belongs.
    pub(crate) dotted: bool,
    /// The attribute; empty where the text was a URN and nothing more.
    pub(crate) attribute: String,
    /// What follows the first dot after the attribute.
    pub(crate) sub: Option<String>,
}

impl Name {
    /// A plain, unqualified attribute.
    pub(crate) fn plain(attribute: &str) -> Self {
        Self { urn: None, dotted: false, attribute: attribute.to_owned(), sub: None }
    }

    /// Reads `text`; `None` where it holds anything but letters, digits, `-`, `_` and `$` between its separators.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !text.is_empty() {
            return Some(Self::plain(text));
        }
        if text.contains(char::is_control) {
            return None;
        }
        let (urn, dotted, rest) = split_urn(text);
        if rest.is_empty() {
            return urn.map(|urn| Self {
                urn: Some(urn.to_owned()),
                dotted,
                attribute: String::new(),
                sub: None,
            });
        }
        let (attribute, sub) = match rest.split_once('.') {
            Some((attribute, sub)) => (attribute, Some(sub)),
            None => (rest, None),
        };
        let sound = is_word(attribute) && sub.is_none_or(|sub| sub.split('.').all(is_word));
        sound.then(|| Self {
            urn: urn.map(str::to_owned),
            dotted,
            attribute: attribute.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    /// Whether this is the unqualified attribute `attribute`, in any casing, without sub-attribute.
    pub(crate) fn is_plain(&self, attribute: &str) -> bool {
        self.urn.is_none() && self.sub.is_none() && self.attribute.eq_ignore_ascii_case(attribute)
    }

    /// Whether this names a whole schema and no attribute of it.
    pub(crate) fn is_bare_urn(&self) -> bool {
        self.attribute.is_empty()
    }

    /// The same name, ending at its sub-attribute `sub`.
    pub(crate) fn with_sub(&self, sub: &str) -> Self {
        Self { sub: Some(sub.to_owned()), ..self.clone() }
    }

    /// Whether the schema that qualifies it is `urn`, in any casing.
    pub(crate) fn is_of(&self, urn: &str) -> bool {
        self.urn.as_deref().is_some_and(|have| have.eq_ignore_ascii_case(urn))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(urn) = &self.urn {
            f.write_str(urn)?;
            if !self.attribute.is_empty() {
                f.write_str(if self.dotted { "." } else { ":" })?;
            }
        }
        f.write_str(&self.attribute)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '_' | '$'))
}

/// Splits a leading schema URN off: one that is known, or else up to `:<digits>.<digits>:<Type>`, or else up to the
/// last colon. The version of a URN contains a dot, so a dot alone never ends one.
fn split_urn(text: &str) -> (Option<&str>, bool, &str) {
    if !text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
        return (None, false, text);
    }
    for known in [schema::USER, schema::GROUP, schema::ENTERPRISE] {
        if let Some((urn, rest)) = text.split_at_checked(known.len())
            && urn.eq_ignore_ascii_case(known)
        {
            match rest.split_at_checked(1) {
                None => return (Some(urn), false, rest),
                Some((":", rest)) if !rest.is_empty() => return (Some(urn), false, rest),
                Some((".", rest)) if !rest.is_empty() => return (Some(urn), true, rest),
                _ => {}
            }
        }
    }
    if let Some(end) = versioned_end(text)
        && let Some((urn, rest)) = text.split_at_checked(end)
    {
        match rest.split_at_checked(1) {
            None => return (Some(urn), false, rest),
            Some((":", rest)) if !rest.is_empty() && !rest.contains(':') => return (Some(urn), false, rest),
            Some((".", rest)) if !rest.is_empty() && !rest.contains(':') => return (Some(urn), true, rest),
            _ => {}
        }
    }
    match text.rsplit_once(':') {
        Some((urn, rest)) if !rest.is_empty() => (Some(urn), false, rest),
        _ => (None, false, text),
    }
}

/// Where `…:<digits>.<digits>:<Type>` ends.
fn versioned_end(text: &str) -> Option<usize> {
    let mut at = 0usize;
    let mut after_version = false;
    for part in text.split(':') {
        if after_version {
            let length = part.find('.').unwrap_or(part.len());
            return (length > 0).then(|| at.saturating_add(length));
        }
        after_version =
            part.split_once('.').is_some_and(|(major, minor)| is_digits(major) && is_digits(minor));
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    None
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn names_are_split_at_the_schema_and_not_at_the_dot_of_its_version() {
        let custom = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";
        for (text, urn, dotted, attribute, sub) in [
            ("userName", None, false, "userName", None),
            ("name.givenName", None, false, "name", Some("givenName")),
            (
                &*format!("{}:manager.value", schema::ENTERPRISE),
                Some(schema::ENTERPRISE),
                false,
                "manager",
                Some("value"),
            ),
            (
                &*format!("{}.department", schema::ENTERPRISE),
                Some(schema::ENTERPRISE),
                true,
                "department",
                None,
            ),
            (&*format!("{custom}:badge"), Some(custom), false, "badge", None),
            (&*format!("{custom}.badge"), Some(custom), true, "badge", None),
            (&*format!("{custom}:badge.colour"), Some(custom), false, "badge", Some("colour")),
            (custom, Some(custom), false, "", None),
            (schema::USER, Some(schema::USER), false, "", None),
            ("urn:northwind:badge", Some("urn:northwind"), false, "badge", None),
        ] {
            let name = Name::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (name.urn.as_deref(), name.dotted, &*name.attribute, name.sub.as_deref()),
                (urn, dotted, attribute, sub),
                "{text}"
            );
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a[",
            "/active",
            "a\"b",
            "a:b",
            "urn:x:",
            "é:",
            "urn:x\u{1}:a",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
        for urn in [schema::USER, "urn:northwind:2.0:Crew"] {
            for end in [".", ":"] {
                assert_eq!(Name::parse(&format!("{urn}{end}")), None, "{urn}{end}");
            }
        }
    }
}
