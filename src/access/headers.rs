//! Headers that no client may send, struck from every request.

use std::collections::BTreeSet;

use crate::common::{HeaderEdit, Headers};
use crate::config::WELL_KNOWN;

/// Header names that no client may send: the configured identity headers of all tenants, those by which well-known
/// applications let a proxy say who is there, and those by which a client can override what the proxy decided on.
#[derive(Debug)]
pub struct Forgeries {
    spellings: BTreeSet<Vec<u8>>,
    /// With what octets they begin: most headers of honest clients are told apart by the first.
    firsts: BTreeSet<u8>,
}

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
    /// `configured` are the names of all tenants, so that no route of one lets through those of another.
    #[must_use]
    pub fn new<'a>(configured: impl Iterator<Item = &'a str>) -> Self {
        let fixed = OVERRIDES.iter().chain(WELL_KNOWN).copied();
        let spellings: BTreeSet<_> =
            configured.chain(fixed).map(|name| spelling(name.as_bytes()).collect::<Vec<u8>>()).collect();
        let firsts = spellings.iter().filter_map(|spelling| spelling.first().copied()).collect();
        Self { spellings, firsts }
    }

    /// Whether no client may send a header of this name, however it is spelled.
    #[must_use]
    pub fn holds(&self, name: &[u8]) -> bool {
        let spelling = spelling(name);
        spelling.clone().next().is_some_and(|first| self.firsts.contains(&first))
            && self.spellings.contains(&spelling.collect::<Vec<u8>>())
    }

    /// Edits that remove every forged header.
    #[must_use]
    pub fn strip(&self, headers: &Headers) -> Vec<HeaderEdit> {
        removed(headers, |name| self.holds(name))
    }

    /// Edits that remove every forged trailer; credentials and cookies have no place among trailers at all (RFC 9110,
    /// 6.5.1), and servers put trailers and headers together.
    #[must_use]
    pub fn strip_trailers(&self, trailers: &Headers) -> Vec<HeaderEdit> {
        let is_credential =
            |name: &[u8]| [AUTHORIZATION, COOKIE].iter().any(|known| name.eq_ignore_ascii_case(known));
        removed(trailers, |name| is_credential(name) || self.holds(name))
    }
}

/// Whose a cookie is, is looked at among the headers only.
const COOKIE: &[u8] = b"cookie";

const AUTHORIZATION: &[u8] = b"authorization";

/// Edits that remove the client's own credentials, where the application is to get others.
#[must_use]
pub fn without_credentials(headers: &Headers) -> Vec<HeaderEdit> {
    removed(headers, |name| name == AUTHORIZATION)
}

fn removed(headers: &Headers, is_meant: impl Fn(&[u8]) -> bool) -> Vec<HeaderEdit> {
    let mut edits: Vec<HeaderEdit> = Vec::new();
    for (name, _) in headers.iter() {
        if name.first() != Some(&b':') && is_meant(name) {
            let edit = HeaderEdit::Remove(name.to_vec());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    edits
}

/// What CGI and WSGI servers make of a header name, and a little more: neither case nor kind and number of separators
/// count.
fn spelling(name: &[u8]) -> impl Iterator<Item = u8> + Clone {
    let octets = name
        .iter()
        .map(|octet| if octet.is_ascii_alphanumeric() { octet.to_ascii_lowercase() } else { b'-' });
    let mut separated = false;
    octets.filter(move |octet| {
        let again = separated && *octet == b'-';
        separated = *octet == b'-';
        !again
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn left(forgeries: &Forgeries, headers: &Headers) -> Headers {
        let mut after = headers.clone();
        for edit in forgeries.strip(headers) {
            after.apply(&edit);
        }
        after
    }

    #[test]
    fn row_7_4_forged_headers_are_stripped_in_every_spelling_and_number() {
        let forgeries = Forgeries::new(["x-user", "remote_user"].into_iter());
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
        assert_eq!(left(&forgeries, &headers), Headers::from([("x-user-agent", "kept"), (":path", "/kept")]));
    }

    #[test]
    fn row_7_5_headers_that_applications_believe_are_stripped_though_nobody_configured_them() {
        let forgeries = Forgeries::new(std::iter::empty());
        for name in WELL_KNOWN.iter().chain(OVERRIDES) {
            for spelt in [(*name).to_owned(), name.replace('-', "_"), name.to_ascii_uppercase()] {
                assert!(left(&forgeries, &Headers::from([(spelt.as_str(), "x")])).is_empty(), "{spelt}");
            }
        }
    }

    #[test]
    fn row_7_5_credentials_stay_until_the_application_gets_others_and_never_come_as_trailers() {
        let headers = Headers::from([("Authorization", "Basic x"), ("a", "b"), ("authorization", "y")]);
        let forgeries = Forgeries::new(std::iter::empty());
        assert!(forgeries.strip(&headers).is_empty());
        let removed = [HeaderEdit::remove("authorization")];
        assert_eq!(without_credentials(&headers), removed);
        assert_eq!(forgeries.strip_trailers(&headers), removed);
    }

    #[test]
    fn cookies_stay_among_headers_and_never_come_as_trailers() {
        let forgeries = Forgeries::new(std::iter::empty());
        let trailers = Headers::from([("cookie", "sid=planted"), ("a", "b"), ("Cookie", "sid=again")]);
        assert!(forgeries.strip(&trailers).is_empty(), "they are sorted there");
        let mut left = trailers.clone();
        forgeries.strip_trailers(&trailers).iter().for_each(|edit| left.apply(edit));
        assert_eq!(left, Headers::from([("a", "b")]));
    }
}
