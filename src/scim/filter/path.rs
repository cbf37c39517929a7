//! Paths of PATCH operations (RFC 7644 section 3.5.2, figure 7).

use super::super::name::Name;
use super::{Filter, Mode, read};

/// `attribute`, `attribute.sub`, `attribute[selector]` or `attribute[selector].sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The attribute with its schema and the sub-attribute that the path ends at.
    pub(crate) name: Name,
    /// Which elements of a multi-valued attribute are meant.
    pub(crate) selector: Option<Filter>,
}

impl Path {
    /// Reads all of `text`; `None` where it is no path.
    pub(crate) fn parse(text: &str, mode: Mode) -> Option<Self> {
        // Most are one word, which is a name in every mode.
        if is_one_word(text) {
            return Some(Self::of(Name::plain(text)));
        }
        let (name, selector) = read::Reader::new(text, mode).whole_path()?;
        Some(Self { name, selector })
    }

    /// The path of a whole attribute.
    pub(crate) fn of(name: Name) -> Self {
        Self { name, selector: None }
    }
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'))
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(selector) = &self.selector else {
            return write!(f, "{}", self.name);
        };
        let attribute = Name { sub: None, ..self.name.clone() };
        write!(f, "{attribute}[{selector}]")?;
        match &self.name.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn paths_are_printed_as_they_are_read() {
        for text in [
            "active",
            "name.givenName",
            r#"emails[type eq "work"].value"#,
            r#"members[value eq "CORP\\ada \"A\""]"#,
            r#"addresses[type eq "work" and primary eq true].streetAddress"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:badges[kind eq 1].number",
        ] {
            assert_eq!(Path::parse(text, Mode::Strict).unwrap().to_string(), text);
        }
    }

    #[test]
    fn one_word_is_read_as_the_reader_of_paths_reads_it() {
        for text in [
            "active", "and", "not", "true", "null", "$ref", "x-y_z", "1", "-", "urn", "a b", "a.b", "urn:x",
            "", "é",
        ] {
            for mode in [Mode::Strict, Mode::Unescaped] {
                let slowly = read::Reader::new(text, mode).whole_path();
                let path = Path::parse(text, mode).map(|path| (path.name, path.selector));
                assert_eq!(path, slowly, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "/active",
            "a b",
            "emails[",
            "emails[]",
            r#"emails[type eq "work"]value"#,
            "a[b pr].c d",
            "a.b[c pr]",
        ] {
            assert_eq!(Path::parse(text, Mode::Strict), None, "{text}");
        }
    }
}
