//! Request paths in one strict normal form, so that a policy and the application cannot read one path differently.

use std::borrow::Cow;

use super::spelling::{self, Spellings};

/// A path without query, percent-decoded once, in every way in which a server may read it.
///
/// Most paths have one reading. More there are where a letter is escaped that need not be, where a character looks like
/// another, and where the operator allows spellings by name: then all of them must be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath(Vec<String>);

/// Why a path is ambiguous. The request is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// Does not begin with `/`.
    NotAbsolute,
    /// `%2F`.
    EncodedSlash,
    /// A backslash, encoded or not.
    Backslash,
    /// `.` or `..` as a segment, encoded or not.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `;` begins a path parameter for some servers.
    Semicolon,
    /// A control character, encoded or not.
    Control,
    /// `%` without two hexadecimal digits.
    BadEscape,
    /// An escape inside an escape (`%252e`).
    DoubleEscape,
    /// Not UTF-8 once decoded (overlong forms included).
    NotUtf8,
    /// `#` has no place in a request, and an encoded one or `%3F` is read as the end of the path by some.
    Delimiter,
    /// A segment that ends in a dot or a space: some file systems do not see them.
    TrailingDot,
    /// There are more readings than are judged.
    TooAmbiguous,
}

impl PathProblem {
    /// Those that an operator can allow.
    pub const ALLOWABLE: [Self; 11] = [
        Self::EncodedSlash,
        Self::Backslash,
        Self::DotSegment,
        Self::EmptySegment,
        Self::Semicolon,
        Self::Control,
        Self::BadEscape,
        Self::DoubleEscape,
        Self::NotUtf8,
        Self::Delimiter,
        Self::TrailingDot,
    ];

    /// A stable name for log and metric.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAbsolute => "path.not_absolute",
            Self::EncodedSlash => "path.encoded_slash",
            Self::Backslash => "path.backslash",
            Self::DotSegment => "path.dot_segment",
            Self::EmptySegment => "path.empty_segment",
            Self::Semicolon => "path.semicolon",
            Self::Control => "path.control",
            Self::BadEscape => "path.bad_escape",
            Self::DoubleEscape => "path.double_escape",
            Self::NotUtf8 => "path.not_utf8",
            Self::Delimiter => "path.delimiter",
            Self::TrailingDot => "path.trailing_dot",
            Self::TooAmbiguous => "path.too_ambiguous",
        }
    }

    /// The name by which it is allowed: its code without `path.`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.code().trim_start_matches("path.")
    }
}

impl NormalPath {
    /// Reads the value of `:path`, of which the query is not part, as strictly as can be.
    ///
    /// # Errors
    /// Where two servers could read the path differently.
    pub fn read(path_and_query: &[u8]) -> Result<Self, PathProblem> {
        Self::read_allowing(path_and_query, Spellings::NONE)
    }

    /// As [`NormalPath::read`], with spellings that the operator allows.
    ///
    /// # Errors
    /// Where two servers could read the path differently, in a way that is not allowed.
    pub fn read_allowing(path_and_query: &[u8], allowed: Spellings) -> Result<Self, PathProblem> {
        let raw = path_and_query.split(|byte| *byte == b'?').next().unwrap_or_default();
        if raw.first() != Some(&b'/') {
            return Err(PathProblem::NotAbsolute);
        }
        if let Some(text) = std::str::from_utf8(raw).ok().filter(|text| is_plain(text)) {
            return Ok(Self(vec![text.to_owned()]));
        }
        spelling::readings(raw, allowed).map(Self)
    }

    /// The text, decoded once.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.first().map_or("/", String::as_str)
    }

    /// The text, where it is the only one.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Everything that a server may take it for; at least one.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether a path is what it is to everybody: letters, digits, `-`, `_` and single dots within segments.
fn is_plain(path: &str) -> bool {
    let mut before = 0u8;
    for byte in path.bytes() {
        let good = byte.is_ascii_alphanumeric() || b"-_~!$&'()*+,=:@/.".contains(&byte);
        let ends = byte == b'/' && matches!(before, b'/' | b'.');
        if !good || ends || (byte == b'.' && before == b'/') {
            return false;
        }
        before = byte;
    }
    before != b'.'
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
pub fn folded(path: &str) -> Cow<'_, str> {
    // Nearly every path is ASCII, and is compared with each rule: there is no other way through upper case and back then.
    if !path.is_ascii() {
        Cow::Owned(path.to_uppercase().to_lowercase())
    } else if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(path.to_ascii_lowercase())
    } else {
        Cow::Borrowed(path)
    }
}

/// The host of an authority: without port, IPv6 brackets kept.
#[must_use]
pub fn host_without_port(authority: &str) -> &str {
    split_port(authority).0
}

/// Host and port of an authority; the host with its IPv6 brackets, the port in digits, of which there may be none.
#[must_use]
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A bare IPv6 address is full of colons; only a bracketed one can carry a port.
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

/// The port of an address without a path, written or not (RFC 9110, 4.2.1 and 4.2.2).
#[must_use]
pub fn port_of(url: &str) -> &str {
    let (scheme, authority) = url.split_once("://").unwrap_or_default();
    let (_, port) = split_port(authority);
    port.unwrap_or(if scheme == "http" { "80" } else { "443" })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn folding_is_the_same_way_through_upper_case_for_every_character() {
        for letter in '\0'..=char::MAX {
            let text = format!("/a{letter}B{letter}");
            assert_eq!(folded(&text), text.to_uppercase().to_lowercase());
        }
    }

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
            ("/a%2fb", EncodedSlash),
            ("/a%5Cb", Backslash),
            ("/a\\b", Backslash),
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
            ("/a%252e", DoubleEscape),
            ("/a%25%32e", DoubleEscape),
            ("/a%c0%ae", NotUtf8),
            ("/a#b", Delimiter),
            ("/a%23b", Delimiter),
            ("/a%3fb", Delimiter),
            ("/a./b", TrailingDot),
            ("/a%20", TrailingDot),
            ("/a/..%20/b", TrailingDot),
            ("/a/\u{ff0e}\u{ff0e}/b", DotSegment),
            ("/a/\u{2025}/b", DotSegment),
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

    fn readings(raw: &str, allowed: &[PathProblem]) -> Vec<String> {
        let allowed = allowed.iter().copied().fold(Spellings::NONE, Spellings::with);
        let path = NormalPath::read_allowing(raw.as_bytes(), allowed).unwrap();
        path.readings().map(str::to_owned).collect()
    }

    #[test]
    fn a_path_in_its_shortest_spelling_has_one_reading() {
        for raw in
            ["/", "/a/b.c/", "/.well-known/x", "/m%C3%BCnchen", "/a%20b", "/100%25", "/~a,b=c:@!$&'()*+"]
        {
            assert_eq!(readings(raw, &[]).len(), 1, "{raw}");
        }
    }

    #[test]
    fn an_escape_that_is_not_needed_is_a_reading_of_its_own() {
        assert_eq!(readings("/%61dmin", &[]), ["/admin", "/%61dmin"]);
        assert_eq!(readings("/a%40b%20c", &[]), ["/a@b c", "/a%40b c"]);
    }

    #[test]
    fn a_character_that_looks_like_another_is_read_as_both() {
        assert_eq!(readings("/\u{4f55}\u{ff1f}", &[]), ["/\u{4f55}\u{ff1f}", "/\u{4f55}?", "/\u{4f55}"]);
        assert_eq!(readings("/\u{ff41}dmin", &[]), ["/\u{ff41}dmin", "/admin"]);
        assert_eq!(readings("/\u{17f}ecret", &[]), ["/\u{17f}ecret", "/secret"]);
    }

    #[test]
    fn what_is_allowed_is_read_in_every_way() {
        use PathProblem::*;
        for (raw, allowed, also) in [
            ("/a%2Fb", EncodedSlash, &["/a/b", "/a%2Fb"][..]),
            ("/a\\b", Backslash, &["/a\\b", "/a/b"]),
            ("/a%5cb", Backslash, &["/a\\b", "/a/b", "/a%5cb"]),
            ("/a;x/b", Semicolon, &["/a;x/b", "/a/b", "/a"]),
            ("/a/../b", DotSegment, &["/a/../b", "/b"]),
            ("/a//b", EmptySegment, &["/a//b", "/a/b"]),
            ("//a/b", EmptySegment, &["//a/b", "/a/b", "/b"]),
            ("/a%00b", Control, &["/a\0b", "/a", "/ab"]),
            ("/a%u002fb", BadEscape, &["/a%u002fb", "/a/b"]),
            ("/a%2562", DoubleEscape, &["/a%62", "/ab"]),
            ("/a%c0%afb", NotUtf8, &["/a/b", "/a\u{fffd}\u{fffd}b", "/a\u{c0}\u{af}b"]),
            ("/a%3Fb", Delimiter, &["/a?b", "/a"]),
            ("/a./b%20", TrailingDot, &["/a./b ", "/a/b"]),
        ] {
            let all = readings(raw, &[allowed]);
            for reading in also {
                assert!(all.iter().any(|have| have == reading), "{raw}: {reading:?} is not in {all:?}");
            }
            assert!(NormalPath::read(raw.as_bytes()).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_is_allowed_allows_nothing_else_that_it_leads_to() {
        use PathProblem::*;
        for (raw, allowed, problem) in [
            ("/a/..;/b", Semicolon, DotSegment),
            ("/a/..%2fb", EncodedSlash, DotSegment),
            ("/a%2F%2Fb", EncodedSlash, EmptySegment),
            ("/a/%252e%252e/b", DoubleEscape, DotSegment),
            ("/a/%c0%ae%c0%ae/b", NotUtf8, DotSegment),
            ("/a/.%00.%00/b", Control, DotSegment),
            ("/a%3b", Backslash, Semicolon),
        ] {
            let path = NormalPath::read_allowing(raw.as_bytes(), Spellings::NONE.with(allowed));
            assert_eq!(path, Err(problem), "{raw}");
        }
    }

    #[test]
    fn a_path_with_too_many_readings_is_refused() {
        let all = PathProblem::ALLOWABLE.into_iter().fold(Spellings::NONE, Spellings::with);
        let many = "/a;b//c%2f..%5c%2561;%3f".repeat(8);
        assert_eq!(NormalPath::read_allowing(many.as_bytes(), all), Err(PathProblem::TooAmbiguous));
        let long = format!("/{};", "a".repeat(5000));
        assert_eq!(NormalPath::read_allowing(long.as_bytes(), all), Err(PathProblem::TooAmbiguous));
        assert!(NormalPath::read(format!("/{}", "a".repeat(50_000)).as_bytes()).is_ok());
    }
}
