//! The names of the cookies by which the application itself knows somebody.

use super::node::Node;

/// A cookie's name, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName {
    folded: String,
    prefix: bool,
}

impl CookieName {
    /// Whether a cookie of this name, as a client wrote it, may be taken for the named one by some application: neither
    /// case, nor punctuation, nor percent-escapes count, for there are servers to which each of these is nothing.
    #[must_use]
    pub fn means(&self, name: &str) -> bool {
        let name = folded(name);
        if self.prefix { name.starts_with(&self.folded) } else { name == self.folded }
    }
}

fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let mut digit = || ahead.next().and_then(|digit| char::from(digit).to_digit(16));
        let escaped = match byte {
            b'%' => digit()
                .zip(digit())
                .and_then(|(high, low)| u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()),
            _ => None,
        };
        if escaped.is_some() {
            bytes = ahead;
        }
        let byte = escaped.unwrap_or(byte);
        out.push(if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '_' });
    }
    out
}

pub(super) fn read(node: &Node<'_>) -> Vec<CookieName> {
    node.list().iter().filter_map(read_name).collect()
}

fn read_name(node: &Node<'_>) -> Option<CookieName> {
    let text = node.text()?;
    let name = text.strip_suffix('*').unwrap_or(text);
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
        node.error(
            format!("`{text}` is no cookie name"),
            "write a name such as JSESSIONID, or its beginning and a * such as remember_*",
        );
        return None;
    }
    if name.to_ascii_lowercase().starts_with("__host-vestibule-") {
        node.error("is a cookie of this filter, not of the application", "remove it");
        return None;
    }
    Some(CookieName { folded: folded(name), prefix: name.len() < text.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::Problems;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn names(names: &[&str]) -> Result<Vec<CookieName>, usize> {
        Problems::reading(&serde_json::json!(names), read).map_err(|problems| problems.len())
    }

    #[test]
    fn a_name_is_meant_in_every_spelling_that_an_application_may_read_as_it() {
        let names = names(&["my.session", "remember_*"]).unwrap();
        let means = |name: &str| names.iter().any(|have| have.means(name));
        for name in [
            "my.session",
            "My_Session",
            "my%2Esession",
            "%6dy.session",
            "my[session",
            "remember_me",
            "REMEMBER-",
        ] {
            assert!(means(name), "{name}");
        }
        for name in ["mysession", "my.session2", "remember", "", "%", "%zz", "a%2"] {
            assert!(!means(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "*", "a b", "a=b", "a;b", "a**", "ü", "__Host-vestibule-s.t", "__host-vestibule-*"]
        {
            assert_eq!(names(&[name]), Err(1), "{name}");
        }
    }
}
