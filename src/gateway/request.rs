//! What a request's head says, read once.

use crate::common::{HeaderEdit, Headers, Spellings, path};

/// The head of a request from which every forged header has been struck.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    /// Value of `:path`; octets that are not UTF-8 are percent-encoded, which every reader of paths refuses.
    pub(super) path: String,
    /// Host of `:authority`, without port, lower-case.
    pub(super) host: String,
    /// Port of `:authority`, as it is written; `None` where there is none.
    pub(super) port: Option<String>,
    pub(super) headers: Headers,
    /// Removes what was forged; comes first in every forward.
    pub(super) forged: Vec<HeaderEdit>,
    /// Whether the request wants to become something else than HTTP; its body is never held.
    pub(super) upgrade: bool,
}

/// Why a head cannot be read. The request is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadProblem {
    /// `:method`, `:path` or `:authority` is missing, double or not text.
    Pseudo,
    /// CONNECT without a protocol: this is no tunnel.
    Connect,
    /// A method that is not written in upper-case letters: applications may read it as another.
    Method,
    /// An upgrade whose `connection` names other headers, which the next hop would take away.
    HopByHop,
}

impl Head {
    pub(super) fn read(mut headers: Headers, forged: Vec<HeaderEdit>) -> Result<Self, HeadProblem> {
        for edit in &forged {
            headers.apply(edit);
        }
        let text = |name| headers.only(name).map(str::to_owned).ok_or(HeadProblem::Pseudo);
        let (method, authority) = (text(":method")?, text(":authority")?);
        if !is_method(&method) {
            return Err(HeadProblem::Method);
        }
        let protocol = headers.has(":protocol");
        if method == "CONNECT" && !protocol {
            return Err(HeadProblem::Connect);
        }
        let upgrade = protocol || headers.has("upgrade");
        if upgrade && !headers.all("connection").all(is_plain_connection) {
            return Err(HeadProblem::HopByHop);
        }
        let (host, port) = path::split_port(&authority);
        let (host, port) = (host.to_ascii_lowercase(), port.map(str::to_owned));
        if headers.all(":path").count() != 1 {
            return Err(HeadProblem::Pseudo);
        }
        let path = headers.get(":path").map(path_text).ok_or(HeadProblem::Pseudo)?;
        Ok(Self { method, path, host, port, headers, forged, upgrade })
    }

    /// Strikes what counts as forged for this tenant alone.
    pub(super) fn strike(&mut self, edits: Vec<HeaderEdit>) {
        for edit in &edits {
            self.headers.apply(edit);
        }
        self.forged.extend(edits);
    }

    /// Whether every name and value is UTF-8: what is not, applications read in different ways.
    pub(super) fn is_text(&self) -> bool {
        self.headers
            .iter()
            .all(|(name, value)| std::str::from_utf8(name).is_ok() && std::str::from_utf8(value).is_ok())
    }

    /// The path without its query, as it came.
    pub(super) fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Path and query, split at the first `?`.
    pub(super) fn query(&self) -> &str {
        self.path.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether a person's browser asks for a page, so that a redirect leads somewhere.
    pub(super) fn is_navigation(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD") && self.shows_a_page()
    }

    /// Whether a person's browser sends a form and shows what is answered.
    pub(super) fn is_form(&self) -> bool {
        self.method == "POST" && self.shows_a_page()
    }

    fn shows_a_page(&self) -> bool {
        if self.upgrade {
            return false;
        }
        match self.headers.text("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => {
                !self.headers.has("x-requested-with")
                    && self.headers.text("accept").is_some_and(|accept| accept.contains("text/html"))
            }
        }
    }

    /// `content-length`, where it is a number.
    pub(super) fn content_length(&self) -> Option<usize> {
        self.headers.only("content-length")?.parse().ok()
    }

    /// The media type of the body, without parameters, lower-case.
    pub(super) fn media_type(&self) -> String {
        let value = self.headers.only("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

fn is_method(method: &str) -> bool {
    (1..=32).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

/// Envoy passes `connection` on with an upgrade; what it names is gone behind the next hop, our headers among it.
fn is_plain_connection(value: &[u8]) -> bool {
    const PLAIN: [&[u8]; 5] = [b"upgrade", b"keep-alive", b"close", b"http2-settings", b""];
    value
        .split(|byte| *byte == b',')
        .all(|token| PLAIN.contains(&token.trim_ascii().to_ascii_lowercase().as_slice()))
}

fn path_text(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) => text.to_owned(),
        Err(_) => path
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
            .collect(),
    }
}

/// Pairs of an `application/x-www-form-urlencoded` text, decoded. `None` where an escape is broken or the result is not
/// UTF-8.
pub(super) fn form(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The value of a parameter that must occur exactly once.
pub(super) fn only<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let mut values = pairs.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str());
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// Where a browser may be sent after a sign-in: a path on this host, in a form that no browser reads as another host.
/// `allowed`: spellings of paths that the application is known to use.
pub(super) fn safe_target(target: &str, allowed: Spellings) -> Option<String> {
    let plain = target.len() <= 2048 && target.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let normal = path::NormalPath::read_allowing(target.as_bytes(), allowed).ok()?;
    let elsewhere = |path: &str| path.starts_with("//") || path.starts_with("/\\");
    let ours = |path: &str| path.contains("/.vestibule") || elsewhere(path);
    (plain && !target.contains('\\') && !elsewhere(target) && !normal.readings().any(ours))
        .then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn head(pairs: &[(&str, &str)]) -> Result<Head, HeadProblem> {
        let mut headers =
            Headers::from([(":method", "GET"), (":path", "/a?b"), (":authority", "A.example:443")]);
        for (name, value) in pairs {
            headers.apply(&HeaderEdit::set(name, value));
        }
        Head::read(headers, Vec::new())
    }

    #[test]
    fn the_host_is_compared_without_port_and_case() {
        assert_eq!(head(&[]).unwrap().host, "a.example");
    }

    #[test]
    fn a_tunnel_is_refused_and_an_extended_connect_is_an_upgrade() {
        assert_eq!(head(&[(":method", "CONNECT")]).unwrap_err(), HeadProblem::Connect);
        assert!(head(&[(":method", "CONNECT"), (":protocol", "websocket")]).unwrap().upgrade);
    }

    #[test]
    fn a_method_in_other_letters_is_refused() {
        for method in ["get", "Get", "G T", "", "GÉT"] {
            assert_eq!(head(&[(":method", method)]).unwrap_err(), HeadProblem::Method, "{method}");
        }
        assert!(head(&[(":method", "VERSION-CONTROL")]).is_ok());
    }

    #[test]
    fn an_upgrade_cannot_name_headers_that_the_next_hop_takes_away() {
        let upgrade = |connection| head(&[("upgrade", "websocket"), ("connection", connection)]);
        assert_eq!(upgrade("Upgrade, X-User").unwrap_err(), HeadProblem::HopByHop);
        assert!(upgrade("keep-alive, Upgrade").is_ok());
    }

    #[test]
    fn a_head_that_is_not_text_is_known_as_such() {
        assert!(head(&[("x-a", "ü")]).unwrap().is_text());
        let mut headers = Headers::from([(":method", "GET"), (":authority", "a.example")]);
        headers.apply(&HeaderEdit::Set(b":path".to_vec(), b"/a\xff".to_vec()));
        let head = Head::read(headers, Vec::new()).unwrap();
        assert!(!head.is_text());
        assert_eq!(head.path, "/a%FF");
    }

    #[test]
    fn only_a_browser_that_asks_for_a_page_is_redirected() {
        for (pairs, navigation) in [
            (&[("accept", "text/html,*/*")][..], true),
            (&[("accept", "application/json")], false),
            (&[], false),
            (&[("sec-fetch-mode", "navigate")], true),
            (&[("accept", "text/html"), ("sec-fetch-mode", "cors")], false),
            (&[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")], false),
            (&[("accept", "text/html"), (":method", "POST")], false),
            (&[("accept", "text/html"), ("upgrade", "websocket")], false),
        ] {
            assert_eq!(head(pairs).unwrap().is_navigation(), navigation, "{pairs:?}");
        }
    }

    #[test]
    fn nobody_is_sent_to_another_host_after_signing_in() {
        let everything = path::PathProblem::ALLOWABLE.into_iter().fold(Spellings::NONE, Spellings::with);
        for target in [
            "https://evil.example",
            "//evil.example",
            "/\\evil",
            "/%5cevil",
            "\\\\evil",
            "javascript:alert(1)",
            "data:x",
            "/a\r\nset-cookie: x",
            "@evil.com",
            "///evil",
            "/\t/evil",
            "/..//evil",
            "",
            "/.vestibule/sign-out",
            "/ü",
            "/a b",
        ] {
            assert_eq!(safe_target(target, Spellings::NONE), None, "{target:?}");
            assert_eq!(safe_target(target, everything), None, "{target:?}");
        }
        assert_eq!(safe_target(&format!("/{}", "a".repeat(8000)), Spellings::NONE), None);
        for target in ["/", "/a/b?c=d&e=%2F", "/ok@evil"] {
            assert_eq!(safe_target(target, Spellings::NONE).as_deref(), Some(target));
        }
        assert_eq!(safe_target("/a%2Fb;c", Spellings::NONE), None);
        assert_eq!(safe_target("/a%2Fb;c", everything).as_deref(), Some("/a%2Fb;c"));
    }

    #[test]
    fn a_parameter_that_comes_twice_is_nobodys_word() {
        let pairs = form("a=1&b=%32+3&b=4&c").unwrap();
        assert_eq!(only(&pairs, "a"), Some("1"));
        assert_eq!(only(&pairs, "b"), None);
        assert_eq!(only(&pairs, "c"), Some(""));
        assert_eq!(form("a=%zz"), None);
        assert_eq!(form("a=%ff"), None);
    }
}
