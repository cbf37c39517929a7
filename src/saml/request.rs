//! The authentication request and its way through the browser (SAML Core 3.4.1, Bindings 3.4).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::escape::{query, xml};
use super::names::{ASSERTION, BINDING_POST, PROTOCOL};
use crate::common::{Host, HostError};

/// Longest URL that is sent; Entra refuses long query strings (AADSTS90015), and so do servers on the way.
pub const MAX_URL: usize = 2048;
/// Longest relay state in octets (Bindings 3.4.3).
pub const MAX_RELAY_STATE: usize = 80;

/// What is asked of the identity provider. No `RequestedAuthnContext`: Entra fails the sign-in when the person proved
/// themselves in another way (AADSTS75011).
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthnRequest<'a> {
    /// The identity provider's URL for the Redirect binding; may have a query.
    pub sso_url: &'a str,
    /// Entity ID of this service provider.
    pub entity_id: &'a str,
    /// Where the answer goes; must be registered at the identity provider.
    pub acs_url: &'a str,
    /// Opaque handle that comes back with the answer; empty for none.
    pub relay_state: &'a str,
    /// Whether the person must prove themselves anew.
    pub force_authn: bool,
    /// Whether the identity provider must not show anything.
    pub is_passive: bool,
    /// `NameIDPolicy/@Format`; without it the identity provider decides.
    pub name_id_format: Option<&'a str>,
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRequest {
    /// `ID` of the request: `_` and 128 random bits in hexadecimal.
    pub id: String,
    /// The message.
    pub xml: String,
    /// Where the browser is sent.
    pub url: String,
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// No randomness.
    Random(HostError),
    /// The relay state is longer than [`MAX_RELAY_STATE`].
    RelayState,
    /// The URL is longer than [`MAX_URL`].
    UrlTooLong,
}

impl RequestError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Random(_) => "request_random",
            Self::RelayState => "request_relay_state",
            Self::UrlTooLong => "request_url_too_long",
        }
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Random(error) => write!(f, "no random identifier for the request: {error}"),
            Self::RelayState => write!(f, "the relay state is longer than {MAX_RELAY_STATE} octets"),
            Self::UrlTooLong => write!(f, "the sign-in URL is longer than {MAX_URL} octets; shorten sso_url"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Makes an `AuthnRequest` and the URL that carries it.
///
/// # Errors
/// Where there is no randomness, or the result would be too long to arrive.
pub fn authn_request(host: &dyn Host, request: &AuthnRequest<'_>) -> Result<PreparedRequest, RequestError> {
    if request.relay_state.len() > MAX_RELAY_STATE {
        return Err(RequestError::RelayState);
    }
    let id = identifier(host)?;
    let xml = message(&id, &host.now().to_rfc3339(), request);
    let deflated = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 9);
    let mut url = with_parameter(request.sso_url, "SAMLRequest", &STANDARD.encode(deflated));
    if !request.relay_state.is_empty() {
        url = with_parameter(&url, "RelayState", request.relay_state);
    }
    if url.len() > MAX_URL { Err(RequestError::UrlTooLong) } else { Ok(PreparedRequest { id, xml, url }) }
}

/// Entra refuses an identifier that begins with a digit (AADSTS7500529).
fn identifier(host: &dyn Host) -> Result<String, RequestError> {
    let mut random = [0u8; 16];
    host.random(&mut random).map_err(RequestError::Random)?;
    let mut id = String::from("_");
    for byte in random {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

fn message(id: &str, now: &str, request: &AuthnRequest<'_>) -> String {
    let force = if request.force_authn { " ForceAuthn=\"true\"" } else { "" };
    let passive = if request.is_passive { " IsPassive=\"true\"" } else { "" };
    let policy = request
        .name_id_format
        .map(|format| format!("<samlp:NameIDPolicy Format=\"{}\"/>", xml(format)))
        .unwrap_or_default();
    let destination = request.sso_url.split('#').next().unwrap_or_default();
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{}\" AssertionConsumerServiceURL=\"{}\" ProtocolBinding=\"{BINDING_POST}\"{force}{passive}>\
         <Issuer xmlns=\"{ASSERTION}\">{}</Issuer>{policy}</samlp:AuthnRequest>",
        xml(destination),
        xml(request.acs_url),
        xml(request.entity_id),
    )
}

/// Adds a parameter behind the query that is there, if one is; a fragment is dropped.
fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{separator}{name}={}", query(value))
}

#[cfg(test)]
mod tests {
    use super::super::xml::{Document, Rules};
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const REQUEST: AuthnRequest<'static> = AuthnRequest {
        sso_url: "https://idp.example/saml2",
        entity_id: "https://app.example/saml?a&b",
        acs_url: "https://app.example/acs",
        relay_state: "",
        force_authn: false,
        is_passive: false,
        name_id_format: None,
    };

    fn made(request: &AuthnRequest<'_>) -> PreparedRequest {
        authn_request(&TestHost::at(1_700_000_000_123), request).unwrap()
    }

    fn decoded(url: &str) -> String {
        let (_, value) = url.split_once("SAMLRequest=").unwrap();
        let value = value.split('&').next().unwrap();
        let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let xml = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(value).unwrap()).unwrap();
        String::from_utf8(xml).unwrap()
    }

    #[test]
    fn the_url_carries_the_deflated_message() {
        let made = made(&REQUEST);
        assert!(made.url.starts_with("https://idp.example/saml2?SAMLRequest="));
        assert_eq!(decoded(&made.url), made.xml);
    }

    #[test]
    fn the_message_says_who_asks_and_where_the_answer_goes() {
        let made = made(&REQUEST);
        let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
        let root = document.root().unwrap();
        assert!(root.is(PROTOCOL, "AuthnRequest"));
        for (name, value) in [
            ("ID", made.id.as_str()),
            ("Version", "2.0"),
            ("IssueInstant", "2023-11-14T22:13:20.123Z"),
            ("Destination", "https://idp.example/saml2"),
            ("AssertionConsumerServiceURL", "https://app.example/acs"),
            ("ProtocolBinding", BINDING_POST),
        ] {
            assert_eq!(root.attribute(name), Some(value));
        }
        assert_eq!(root.attributes().len(), 6, "nothing is asked for that was not configured");
        let children: Vec<_> = root.children().collect();
        assert_eq!(children.len(), 1);
        assert!(children[0].is(ASSERTION, "Issuer"));
        assert_eq!(children[0].text().unwrap(), "https://app.example/saml?a&b");
    }

    #[test]
    fn what_is_configured_is_asked_for() {
        let request = AuthnRequest {
            force_authn: true,
            is_passive: true,
            name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
            ..REQUEST
        };
        let made = made(&request);
        let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
        let root = document.root().unwrap();
        assert_eq!(root.attribute("ForceAuthn"), Some("true"));
        assert_eq!(root.attribute("IsPassive"), Some("true"));
        let policy = root.children().nth(1).unwrap();
        assert!(policy.is(PROTOCOL, "NameIDPolicy"));
        assert_eq!(policy.attribute("Format"), Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"));
    }

    #[test]
    fn an_identifier_begins_with_no_digit_and_has_128_random_bits() {
        let host = TestHost::default();
        let one = authn_request(&host, &REQUEST).unwrap().id;
        let two = authn_request(&host, &REQUEST).unwrap().id;
        assert_ne!(one, two);
        assert_eq!((one.len(), one.starts_with('_')), (33, true));
    }

    #[test]
    fn parameters_are_added_to_the_query_that_is_there() {
        for (sso_url, start) in [
            ("https://i.example/s", "https://i.example/s?SAMLRequest="),
            ("https://i.example/s?", "https://i.example/s?SAMLRequest="),
            ("https://i.example/s?idp=1", "https://i.example/s?idp=1&SAMLRequest="),
            ("https://i.example/s?idp=1&", "https://i.example/s?idp=1&SAMLRequest="),
            ("https://i.example/s?idp=1#top", "https://i.example/s?idp=1&SAMLRequest="),
        ] {
            let url = made(&AuthnRequest { sso_url, ..REQUEST }).url;
            assert!(url.starts_with(start), "{url}");
        }
    }

    #[test]
    fn the_relay_state_is_encoded_and_short() {
        let url = made(&AuthnRequest { relay_state: "a+b&c=ü", ..REQUEST }).url;
        assert!(url.ends_with("&RelayState=a%2Bb%26c%3D%C3%BC"), "{url}");
        let long = "x".repeat(81);
        let request = AuthnRequest { relay_state: &long, ..REQUEST };
        assert_eq!(authn_request(&TestHost::default(), &request), Err(RequestError::RelayState));
    }

    #[test]
    fn a_url_that_would_not_arrive_is_not_sent() {
        let sso_url = format!("https://idp.example/{}", "x".repeat(MAX_URL));
        let request = AuthnRequest { sso_url: &sso_url, ..REQUEST };
        assert_eq!(authn_request(&TestHost::default(), &request), Err(RequestError::UrlTooLong));
    }

    #[test]
    fn without_randomness_there_is_no_request() {
        let host = TestHost::default();
        host.random_fails.set(true);
        let error = authn_request(&host, &REQUEST);
        assert_eq!(error, Err(RequestError::Random(HostError::Unavailable)));
    }
}
