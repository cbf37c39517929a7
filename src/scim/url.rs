//! The URL of a request below the SCIM base: which resource it is about, in one canonical spelling.

use super::error::ScimError;
use super::schema::ResourceKind;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `GET` of one resource, or of a discovery endpoint.
    Read,
    /// `GET` of a collection.
    List,
    /// `POST` to a collection.
    Create,
    /// `PUT`.
    Replace,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// `POST` to `.search` (RFC 7644 section 3.4.3): reads, and is passed on as it is.
    Search,
}

/// The resource that a URL names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: ResourceKind,
    /// Decoded identifier of one resource.
    pub(crate) id: Option<String>,
    pub(crate) action: Action,
    /// Canonical path below the base.
    pub(crate) path: String,
}

/// The endpoints of RFC 7644 section 3.2 table 1.
const USERS: &str = "Users";
const GROUPS: &str = "Groups";
const ME: &str = "Me";
const BULK: &str = "Bulk";
const SEARCH: &str = ".search";
const DISCOVERY: [&str; 3] = ["Schemas", "ResourceTypes", "ServiceProviderConfig"];

struct Segment {
    decoded: String,
    canonical: String,
}

/// Reads the path; `method` in capitals. Doubled and trailing slashes are collapsed where `collapse` says so.
pub(crate) fn target(method: &str, path: &str, collapse: bool) -> Result<Target, ScimError> {
    if !path.starts_with('/') {
        return Err(ScimError::Url("The path of the request cannot be read."));
    }
    let mut segments = Vec::new();
    for raw in path.split('/').filter(|raw| !raw.is_empty()) {
        segments.push(segment(raw)?);
    }
    let endpoint = match segments.first_mut() {
        Some(first) => {
            let known = [USERS, GROUPS, ME, BULK, SEARCH].into_iter().chain(DISCOVERY);
            if let Some(known) = known.into_iter().find(|known| known.eq_ignore_ascii_case(&first.decoded)) {
                known.clone_into(&mut first.canonical);
                known.clone_into(&mut first.decoded);
            }
            if is_other_version(&first.decoded) {
                return Err(ScimError::Version);
            }
            // Anything else in an endpoint's name is read differently by different servers.
            if !first
                .decoded
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
            {
                return Err(ScimError::Endpoint);
            }
            // A tolerant server may take such a write for one to the real endpoint, past the rules of that endpoint.
            if !matches!(method, "GET" | "HEAD") && looks_like_another(&first.decoded) {
                return Err(ScimError::Endpoint);
            }
            first.decoded.clone()
        }
        None => String::new(),
    };
    let id = segments.get(1).map(|segment| segment.decoded.clone());
    let action = action(method, &endpoint, id.as_deref(), segments.len())?;
    let kind = match endpoint.as_str() {
        USERS => ResourceKind::User,
        GROUPS => ResourceKind::Group,
        ME => ResourceKind::Me,
        _ => match DISCOVERY.into_iter().find(|known| *known == endpoint) {
            Some(known) => ResourceKind::Discovery(known),
            None => ResourceKind::Other(endpoint),
        },
    };
    let id = if action == Action::Search { None } else { id };
    Ok(Target { kind, id, action, path: canonical(path, &segments, collapse) })
}

fn action(method: &str, endpoint: &str, id: Option<&str>, segments: usize) -> Result<Action, ScimError> {
    let is_read = matches!(method, "GET" | "HEAD");
    if !is_read && matches!(endpoint, ME | BULK) {
        return Err(ScimError::Unsupported(
            "Writes through /Me and /Bulk are not supported; write to the resource itself.",
        ));
    }
    if is_read {
        let is_collection = segments == 1 && endpoint != ME && !DISCOVERY.contains(&endpoint);
        return Ok(if is_collection { Action::List } else { Action::Read });
    }
    if !matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") || DISCOVERY.contains(&endpoint) {
        return Err(ScimError::Method);
    }
    match (method, segments) {
        ("POST", 1) if endpoint == SEARCH => Ok(Action::Search),
        ("POST", 1) => Ok(Action::Create),
        ("POST", 2) if id.is_some_and(|id| id.eq_ignore_ascii_case(SEARCH)) => Ok(Action::Search),
        ("PUT", 2) => Ok(Action::Replace),
        ("PATCH", 2) => Ok(Action::Patch),
        ("DELETE", 2) => Ok(Action::Delete),
        (_, 1 | 2) => Err(ScimError::Method),
        // A write below a resource is not SCIM; the application might take it for one to the resource.
        _ => Err(ScimError::Endpoint),
    }
}

/// Whether a segment names a version of the protocol (RFC 7644 section 3.13) other than the one that is served.
fn is_other_version(segment: &str) -> bool {
    let version = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    version.starts_with(|char: char| char.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && !matches!(version, "2" | "2.0")
}

/// Whether an endpoint is none of those whose writes have rules of their own but could be read as one of them:
/// `/User`, `/users.`, `/Users.json`.
fn looks_like_another(endpoint: &str) -> bool {
    let guarded = [USERS, GROUPS, ME, BULK];
    !guarded.contains(&endpoint)
        && endpoint.split('.').any(|part| {
            let letters: String = part.chars().filter(char::is_ascii_alphanumeric).collect();
            guarded.iter().any(|guarded| {
                let singular = guarded.strip_suffix('s').unwrap_or(guarded);
                letters.eq_ignore_ascii_case(guarded) || letters.eq_ignore_ascii_case(singular)
            })
        })
}

fn canonical(path: &str, segments: &[Segment], collapse: bool) -> String {
    let mut parts = segments.iter().map(|segment| segment.canonical.as_str());
    if collapse {
        let joined = parts.collect::<Vec<_>>().join("/");
        return format!("/{joined}");
    }
    path.split('/')
        .map(|raw| if raw.is_empty() { "" } else { parts.next().unwrap_or_default() })
        .collect::<Vec<_>>()
        .join("/")
}

/// One path segment: percent-encoding undone for unreserved characters only (RFC 3986 section 6.2.2.2).
fn segment(raw: &str) -> Result<Segment, ScimError> {
    let mut bytes = raw.bytes();
    let mut decoded = Vec::new();
    let mut canonical = String::new();
    while let Some(byte) = bytes.next() {
        let (byte, plain) = match byte {
            b'%' => {
                let pair = (bytes.next(), bytes.next());
                let byte =
                    hex_pair(pair).ok_or(ScimError::Url("The path holds a broken percent-encoding."))?;
                (byte, is_unreserved(byte))
            }
            b';' | b'\\' | b'#' | b'?' => {
                return Err(ScimError::Url("The path holds a character that servers read differently."));
            }
            byte => (byte, is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte)),
        };
        if byte.is_ascii_control() || matches!(byte, b'/' | b'\\') {
            return Err(ScimError::Url("The path holds an encoded slash, backslash or control character."));
        }
        decoded.push(byte);
        if plain {
            canonical.push(char::from(byte));
        } else {
            push_encoded(&mut canonical, byte);
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| ScimError::Url("The path is not UTF-8."))?;
    if matches!(decoded.as_str(), "." | "..") || decoded.chars().any(char::is_control) {
        return Err(ScimError::Url("The path holds a dot segment or a control character."));
    }
    if hides_a_separator(&decoded) {
        return Err(ScimError::Url(
            "The path holds a dot, slash or backslash that is encoded more than once.",
        ));
    }
    Ok(Segment { decoded, canonical })
}

/// How often a segment is decoded to see whether it hides something; what is wrapped deeper than that hides something.
const MOST_ENCODINGS: usize = 6;

/// Whether a segment that was decoded once becomes ambiguous to a server that decodes once more, or more often.
fn hides_a_separator(decoded: &str) -> bool {
    let mut text = decoded.to_ascii_lowercase();
    for _ in 0..MOST_ENCODINGS {
        if ["%2e", "%2f", "%5c"].iter().any(|hidden| text.contains(hidden)) {
            return true;
        }
        let next = decoded_once_more(&text);
        if next == text {
            return false;
        }
        text = next;
    }
    true
}

fn decoded_once_more(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        match hex_pair((ahead.next(), ahead.next())) {
            Some(hidden) if byte == b'%' => {
                out.push(hidden);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).to_ascii_lowercase()
}

pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

pub(crate) fn push_encoded(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 0xf] {
        out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
    }
}

pub(crate) fn hex_pair(pair: (Option<u8>, Option<u8>)) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let value = digit(pair.0)?.wrapping_shl(4) | digit(pair.1)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_spelling_of_a_user_is_that_user() {
        for (path, canonical, id) in [
            ("/Users/u-1", "/Users/u-1", "u-1"),
            ("/users/u-1", "/Users/u-1", "u-1"),
            ("/USERS/u-1", "/Users/u-1", "u-1"),
            ("/%55sers/u%2D1", "/Users/u-1", "u-1"),
            ("//Users//u-1/", "/Users/u-1", "u-1"),
            ("/Users/a%40b%c3%a9", "/Users/a%40b%C3%A9", "a@bé"),
            ("/Users/a@b", "/Users/a@b", "a@b"),
            ("/Users/é x", "/Users/%C3%A9%20x", "é x"),
            ("/Users/%2575", "/Users/%2575", "%75"),
        ] {
            let target = target("DELETE", path, true).unwrap();
            assert_eq!((target.kind, target.action), (ResourceKind::User, Action::Delete), "{path}");
            assert_eq!((target.path.as_str(), target.id.as_deref()), (canonical, Some(id)), "{path}");
        }
    }

    #[test]
    fn an_ambiguous_path_is_refused() {
        for path in [
            "/Users/..",
            "/Users/%2e%2E/x",
            "/./Users",
            "/Users/a%2fb",
            "/Users/a%5Cb",
            "/Users/a\\b",
            "/Users/%00",
            "/Users/%0a",
            "/Users/%ff",
            "/Users/%zz",
            "/Users/%4",
            "/Users;x/u",
            "/Users/u;x",
            "/Users/u#x",
            "Users",
            "/Users/%c2%85",
            "/Users/u%252fx",
            "/Users/%252E%252e",
            "/Users/u%255C",
            "/Users/u%25252f",
            "/Users/u-1%2525252Fx",
            "/Users/u-1%2525%25%33%32fx",
            "/Users/u%25%32%25%36%36",
            "/Users/u%2525252525252525",
            "/Groups%252fx/g",
        ] {
            let error = target("DELETE", path, true).err().unwrap();
            assert_eq!(error.reply().status, 400, "{path}");
        }
        for path in ["/Users%20/u", "/Us\u{ff45}rs/u", "/Users%3b/u"] {
            assert!(target("DELETE", path, true).is_err(), "{path}");
        }
    }

    #[test]
    fn another_version_of_the_protocol_is_named_as_such() {
        for path in ["/v1/Users", "/V1.1/Users/u", "/v3"] {
            for method in ["GET", "PATCH"] {
                assert_eq!(target(method, path, true).err(), Some(ScimError::Version), "{method} {path}");
            }
        }
        for path in ["/v2/Users", "/vehicles", "/v"] {
            assert!(target("GET", path, true).is_ok(), "{path}");
        }
    }

    #[test]
    fn writes_go_to_a_resource_or_a_collection_and_nowhere_else() {
        for (method, path, status) in [
            ("POST", "/Users/u-1", 405),
            ("DELETE", "/Users", 405),
            ("PATCH", "/Users", 405),
            ("PATCH", "/v2/Users/u-1", 404),
            ("PATCH", "/Users/u-1/active", 404),
            ("PUT", "/Schemas/x", 405),
            ("POST", "/Bulk", 501),
            ("POST", "/b%75lk", 501),
            ("PATCH", "/me", 501),
            ("DELETE", "/Me/x", 501),
            ("patch", "/Users/u-1", 405),
            ("TRACE", "/Users/u-1", 405),
        ] {
            assert_eq!(target(method, path, true).err().unwrap().reply().status, status, "{method} {path}");
        }
    }

    #[test]
    fn a_write_to_what_only_looks_like_an_endpoint_goes_nowhere() {
        for endpoint in [
            "User",
            "user",
            "users.",
            ".Users",
            "Users.json",
            "Users-",
            "_users",
            "v2.Users",
            "Group",
            "groups.",
            "Groups.xml",
            "Me.json",
            "bulk.",
            "Bulk_",
            "%55ser",
        ] {
            for (method, rest) in [("PATCH", "/u-1"), ("DELETE", "/u-1"), ("PUT", "/u-1"), ("POST", "")] {
                let path = format!("/{endpoint}{rest}");
                let error = target(method, &path, true).err().unwrap_or_else(|| panic!("{method} {path}"));
                assert_eq!(error.reply().status, 404, "{method} {path}");
            }
            assert!(target("GET", &format!("/{endpoint}/u-1"), true).is_ok(), "{endpoint}");
        }
        for endpoint in ["Teams", "Devices", "UserProfiles", "user-types", "Memberships", "GroupTypes"] {
            assert!(target("PATCH", &format!("/{endpoint}/x"), true).is_ok(), "{endpoint}");
        }
        assert_eq!(target("POST", "/.search", true).unwrap().action, Action::Search);
    }

    #[test]
    fn reads_are_told_apart() {
        for (path, action) in [
            ("/Users", Action::List),
            ("/Users/u-1", Action::Read),
            ("/Schemas", Action::Read),
            ("/ServiceProviderConfig", Action::Read),
            ("/Devices", Action::List),
        ] {
            assert_eq!(target("GET", path, true).unwrap().action, action, "{path}");
        }
        assert_eq!(target("POST", "/Users/.search", true).unwrap().action, Action::Search);
    }

    #[test]
    fn without_collapsing_slashes_stay_and_the_target_is_still_found() {
        let target = target("PATCH", "//users/u-1/", false).unwrap();
        assert_eq!((target.path.as_str(), target.id.as_deref()), ("//Users/u-1/", Some("u-1")));
    }
}
