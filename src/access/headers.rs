//! Identity headers: forged ones stripped from every request, true ones made from the session.

use std::collections::BTreeSet;

use crate::common::{HeaderEdit, Headers, Identity};
use crate::config::{IdentityHeader, Piece, Template};

/// Header names that no client may send: the configured identity headers of all tenants, and headers by which
/// applications let a client override what the proxy decided on.
#[derive(Debug)]
pub struct Forgeries(BTreeSet<Vec<u8>>);

/// Headers that change the path, method, host or address an application believes in.
const OVERRIDES: &[&str] = &[
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-original-method",
    "x-original-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-script-name",
    "x-accel-redirect",
    "x-accel-mapping",
    "x-sendfile-type",
    "x-middleware-subrequest",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-host",
];

impl Forgeries {
    /// Collects the names; `headers` are those of all tenants, so that no route of one lets through those of another.
    #[must_use]
    pub fn new<'a>(headers: impl Iterator<Item = &'a IdentityHeader>) -> Self {
        let configured = headers.map(|header| header.name.as_str());
        Self(configured.chain(OVERRIDES.iter().copied()).map(|name| spelling(name.as_bytes())).collect())
    }

    /// Edits that remove every forged header or trailer.
    #[must_use]
    pub fn strip(&self, headers: &Headers) -> Vec<HeaderEdit> {
        let mut edits: Vec<HeaderEdit> = Vec::new();
        for (name, _) in headers.iter() {
            if name.first() != Some(&b':') && self.0.contains(&spelling(name)) {
                let edit = HeaderEdit::Remove(name.to_vec());
                if !edits.contains(&edit) {
                    edits.push(edit);
                }
            }
        }
        edits
    }
}

/// What CGI and WSGI servers make of a header name, and a little more: neither case nor kind and number of separators
/// count.
fn spelling(name: &[u8]) -> Vec<u8> {
    let mut spelling = Vec::with_capacity(name.len());
    for byte in name {
        if byte.is_ascii_alphanumeric() {
            spelling.push(byte.to_ascii_lowercase());
        } else if spelling.last() != Some(&b'-') {
            spelling.push(b'-');
        }
    }
    spelling
}

/// An identity header would be longer than a header may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Longest value of one identity header, in octets.
const LONGEST: usize = 16 * 1024;

/// The headers that tell the application who is there.
///
/// A header whose placeholders are all without a value is not sent. Octets outside printable ASCII, `%`, and in
/// multi-valued claims the separator `,`, are percent-encoded (UTF-8), so that no value can split a header or a list.
///
/// # Errors
/// [`TooLarge`] where a value is longer than 16 KiB.
pub fn render(headers: &[IdentityHeader], identity: &Identity) -> Result<Vec<HeaderEdit>, TooLarge> {
    let mut edits = Vec::new();
    for header in headers {
        let Some(value) = fill(&header.value, identity) else { continue };
        if value.len() > LONGEST {
            return Err(TooLarge);
        }
        edits.push(HeaderEdit::set(&header.name, &value));
    }
    Ok(edits)
}

fn fill(template: &Template, identity: &Identity) -> Option<String> {
    let mut text = String::new();
    let (mut placeholders, mut filled) = (false, false);
    for piece in &template.0 {
        let values: &[String] = match piece {
            Piece::Literal(literal) => {
                text.push_str(literal);
                continue;
            }
            Piece::NameId => std::slice::from_ref(&identity.name_id),
            Piece::AuthnContext => identity.authn_context.as_slice(),
            Piece::Claim(name) => identity.attributes.get(name).map(Vec::as_slice).unwrap_or_default(),
        };
        placeholders = true;
        filled |= values.iter().any(|value| !value.is_empty());
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            encode(value, values.len() > 1, &mut text);
        }
    }
    (filled || !placeholders).then_some(text)
}

fn encode(value: &str, in_list: bool, text: &mut String) {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        let edge = at == 0 || at == last;
        match byte {
            b'%' => text.push_str("%25"),
            b',' if in_list => text.push_str("%2C"),
            // White space at the edge of a value does not survive HTTP.
            b' ' if edge => text.push_str("%20"),
            0x20..=0x7e => text.push(char::from(byte)),
            byte => {
                text.push('%');
                for digit in [byte >> 4, byte & 15] {
                    text.extend(
                        char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn header(name: &str, pieces: Vec<Piece>) -> IdentityHeader {
        IdentityHeader { name: name.to_owned(), value: Template(pieces) }
    }

    fn rendered(pieces: Vec<Piece>, identity: &Identity) -> Option<String> {
        let edits = render(&[header("x-a", pieces)], identity).unwrap();
        match edits.first()? {
            HeaderEdit::Set(_, value) => Some(String::from_utf8(value.clone()).unwrap()),
            _ => None,
        }
    }

    fn claim(values: &[&str]) -> Identity {
        let mut identity = Identity { name_id: "ada".to_owned(), ..Identity::default() };
        identity.attributes.insert("c".to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        identity
    }

    #[test]
    fn forged_headers_are_stripped_in_every_spelling_and_number() {
        let configured = [header("x-user", Vec::new()), header("remote_user", Vec::new())];
        let forgeries = Forgeries::new(configured.iter());
        let headers = Headers::from([
            ("x-user", "a"),
            ("x-user", "b"),
            ("X_User", "c"),
            ("x.user", "c"),
            ("x-_user", "c"),
            ("remote-user", "d"),
            ("x-original-url", "/admin"),
            ("x_http_method_override", "DELETE"),
            ("x-user-agent", "kept"),
            (":path", "/kept"),
        ]);
        let mut after = headers.clone();
        for edit in forgeries.strip(&headers) {
            after.apply(&edit);
        }
        assert_eq!(after, Headers::from([("x-user-agent", "kept"), (":path", "/kept")]));
    }

    #[test]
    fn a_value_can_neither_split_a_header_nor_a_list() {
        let piece = || vec![Piece::Claim("c".to_owned())];
        for (values, text) in [
            (vec!["a\r\nx-admin: 1"], "a%0D%0Ax-admin: 1"),
            (vec!["münchen"], "m%C3%BCnchen"),
            (vec!["100%"], "100%25"),
            (vec!["a,b"], "a,b"),
            (vec!["a,b", "c"], "a%2Cb,c"),
            (vec![" a "], "%20a%20"),
            (vec!["a\0"], "a%00"),
        ] {
            assert_eq!(rendered(piece(), &claim(&values)).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_header_without_a_value_is_not_sent() {
        assert_eq!(rendered(vec![Piece::Claim("absent".to_owned())], &claim(&[])), None);
        assert_eq!(
            rendered(vec![Piece::Literal("id=".to_owned()), Piece::NameId], &claim(&[])).as_deref(),
            Some("id=ada"),
        );
    }

    #[test]
    fn a_value_beyond_the_bound_is_refused() {
        let long = "a".repeat(LONGEST + 1);
        let headers = [header("x-a", vec![Piece::Claim("c".to_owned())])];
        assert_eq!(render(&headers, &claim(&[&long])), Err(TooLarge));
    }
}
