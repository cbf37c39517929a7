//! Endpoints: where a browser is sent, and how a message travels there.

use crate::saml::names::{BINDING_POST, BINDING_REDIRECT};
use crate::saml::xml::Element;

/// How a message travels through the browser. Other bindings are not spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// HTTP-Redirect (Bindings 3.4).
    Redirect,
    /// HTTP-POST (Bindings 3.5).
    Post,
}

/// `EndpointType` (Metadata 2.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How messages get there.
    pub binding: Binding,
    /// Where requests go.
    pub location: String,
    /// Where responses go, if elsewhere.
    pub response_location: Option<String>,
}

impl Endpoint {
    /// Reads an endpoint. `None` where its binding is not spoken here or a URL of it is not `https`: nobody is sent there.
    pub(super) fn read(element: Element<'_>) -> Option<Self> {
        let binding = match element.attribute("Binding")? {
            BINDING_REDIRECT => Binding::Redirect,
            BINDING_POST => Binding::Post,
            _ => return None,
        };
        let location = element.attribute("Location").filter(|url| is_https(url))?.to_owned();
        let response_location = match element.attribute("ResponseLocation") {
            Some(url) if is_https(url) => Some(url.to_owned()),
            Some(_) => return None,
            None => None,
        };
        Some(Self { binding, location, response_location })
    }
}

/// Whether a browser can be sent there: an absolute `https` URL with a host, in printable ASCII, without user
/// information and fragment.
fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let printable = |byte: u8| (0x21..0x7f).contains(&byte) && !b"\"<>\\^`{|}#".contains(&byte);
    url.len() <= 1024 && !authority.is_empty() && !authority.contains('@') && url.bytes().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn nobody_is_sent_to_what_is_no_plain_https_url() {
        assert!(is_https("https://idp.example/sso?a=1&b=%20"));
        for url in [
            "http://idp.example/sso",
            "https://",
            "https:///sso",
            "https://a@idp.example/",
            "HTTPS://idp.example/",
            "javascript:alert(1)",
            "https://idp.example/a b",
            "https://idp.example/\r\nset-cookie: x",
            "https://idp.example/#x",
            "https://idp.example/{tenant}",
            "https://ïdp.example/",
            "//idp.example/",
        ] {
            assert!(!is_https(url), "{url:?}");
        }
        assert!(!is_https(&format!("https://idp.example/{}", "x".repeat(1024))));
    }
}
