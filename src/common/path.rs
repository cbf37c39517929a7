//! Request paths in one strict normal form, so that a policy and the application cannot read one path differently.

/// A path without query, percent-decoded once, free of everything that servers are known to read in different ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath(String);

/// Why a path is ambiguous. The request is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// Does not begin with `/`.
    NotAbsolute,
    /// `%2F`, `%5C` or a backslash.
    EncodedSeparator,
    /// `.` or `..` as a segment, encoded or not.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `;` begins a path parameter for some servers.
    Semicolon,
    /// A control character, encoded or not.
    Control,
    /// `%` without two hexadecimal digits, or an escape inside an escape (`%252e`).
    BadEscape,
    /// Not UTF-8 once decoded (overlong forms included).
    NotUtf8,
    /// `#` has no place in a request, and an encoded one or `%3F` is read as the end of the path by some.
    Fragment,
    /// A segment that ends in a dot or a space: some file systems do not see them.
    TrailingDot,
}

impl PathProblem {
    /// A stable name for log and metric.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAbsolute => "path.not_absolute",
            Self::EncodedSeparator => "path.encoded_separator",
            Self::DotSegment => "path.dot_segment",
            Self::EmptySegment => "path.empty_segment",
            Self::Semicolon => "path.semicolon",
            Self::Control => "path.control",
            Self::BadEscape => "path.bad_escape",
            Self::NotUtf8 => "path.not_utf8",
            Self::Fragment => "path.fragment",
            Self::TrailingDot => "path.trailing_dot",
        }
    }
}

impl NormalPath {
    /// Reads the value of `:path`; the query is not part of it.
    ///
    /// # Errors
    /// Where two servers could read the path differently.
    pub fn read(path_and_query: &[u8]) -> Result<Self, PathProblem> {
        let raw = path_and_query.split(|byte| *byte == b'?').next().unwrap_or_default();
        if raw.first() != Some(&b'/') {
            return Err(PathProblem::NotAbsolute);
        }
        let mut decoded = Vec::with_capacity(raw.len());
        let mut rest = raw.iter();
        while let Some(byte) = rest.next() {
            let (byte, escaped) = match byte {
                b'%' => {
                    let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                    let (high, low) =
                        (digit().ok_or(PathProblem::BadEscape)?, digit().ok_or(PathProblem::BadEscape)?);
                    let value = high.saturating_mul(16).saturating_add(low);
                    (u8::try_from(value).map_err(|_| PathProblem::BadEscape)?, true)
                }
                byte => (*byte, false),
            };
            match byte {
                b'/' | b'\\' if escaped => return Err(PathProblem::EncodedSeparator),
                b'\\' => return Err(PathProblem::EncodedSeparator),
                b';' => return Err(PathProblem::Semicolon),
                b'#' => return Err(PathProblem::Fragment),
                b'?' if escaped => return Err(PathProblem::Fragment),
                0..=0x1f | 0x7f => return Err(PathProblem::Control),
                byte => decoded.push(byte),
            }
        }
        let text = String::from_utf8(decoded).map_err(|_| PathProblem::NotUtf8)?;
        if text.chars().any(char::is_control) {
            return Err(PathProblem::Control);
        }
        if has_escape(&text) {
            return Err(PathProblem::BadEscape);
        }
        let mut segments = text.split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "." | ".." => return Err(PathProblem::DotSegment),
                "" if segments.peek().is_some() => return Err(PathProblem::EmptySegment),
                segment if segment.ends_with(['.', ' ']) => return Err(PathProblem::TrailingDot),
                _ => {}
            }
        }
        Ok(Self(text))
    }

    /// The decoded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn has_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(
        |window| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

/// Whether `path` is `base` or lies below it; `base` has no trailing slash.
#[must_use]
pub fn is_at_or_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// [`is_at_or_below`] without regard to case, for what must stay closed to every spelling.
#[must_use]
pub fn is_at_or_below_any_case(path: &str, base: &str) -> bool {
    is_at_or_below(&folded(path), &folded(base))
}

/// The path as an application that does not distinguish case may compare it: through upper case and back, so that
/// letters which share one (`ſ` and `s`) agree.
#[must_use]
pub fn folded(path: &str) -> String {
    path.to_uppercase().to_lowercase()
}

/// The host of an authority: without port, IPv6 brackets kept.
#[must_use]
pub fn host_without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A bare IPv6 address is full of colons; only a bracketed one can carry a port.
            if host.contains(':') && !host.ends_with(']') { authority } else { host }
        }
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn plain_paths_are_decoded_once_and_lose_their_query() {
        for (raw, normal) in [
            ("/", "/"),
            ("/a/b/", "/a/b/"),
            ("/a?b=/../c", "/a"),
            ("/%61dmin", "/admin"),
            ("/m%C3%BCnchen", "/münchen"),
            ("/a%20b", "/a b"),
            ("/100%25", "/100%"),
        ] {
            assert_eq!(NormalPath::read(raw.as_bytes()).unwrap().as_str(), normal, "{raw}");
        }
    }

    #[test]
    fn whatever_servers_read_differently_is_refused() {
        use PathProblem::*;
        for (raw, problem) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("http://x/", NotAbsolute),
            ("/a%2fb", EncodedSeparator),
            ("/a%5Cb", EncodedSeparator),
            ("/a\\b", EncodedSeparator),
            ("/a/../b", DotSegment),
            ("/a/%2e%2E/b", DotSegment),
            ("/a/.", DotSegment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a;b", Semicolon),
            ("/a%3bb", Semicolon),
            ("/a%00", Control),
            ("/a%0d%0a", Control),
            ("/a\x7f", Control),
            ("/a%c2%85", Control),
            ("/a%", BadEscape),
            ("/a%2", BadEscape),
            ("/a%zz", BadEscape),
            ("/a%252e", BadEscape),
            ("/a%c0%ae", NotUtf8),
            ("/a#b", Fragment),
            ("/a%23b", Fragment),
            ("/a%3fb", Fragment),
            ("/a./b", TrailingDot),
            ("/a%20", TrailingDot),
            ("/a/..%20/b", TrailingDot),
        ] {
            assert_eq!(NormalPath::read(raw.as_bytes()), Err(problem), "{raw}");
        }
        assert_eq!(NormalPath::read(b"/\xff"), Err(NotUtf8));
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        assert!(is_at_or_below("/scim", "/scim"));
        assert!(is_at_or_below("/scim/Users", "/scim"));
        assert!(!is_at_or_below("/scimitar", "/scim"));
        assert!(is_at_or_below_any_case("/SCIM/users", "/scim"));
        assert!(is_at_or_below_any_case("/\u{17f}cim/users", "/scim"));
    }

    #[test]
    fn a_port_is_no_part_of_the_host() {
        for (authority, host) in [
            ("localhost:8443", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8443", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
        ] {
            assert_eq!(host_without_port(authority), host);
        }
    }
}
