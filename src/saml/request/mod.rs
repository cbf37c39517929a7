//! The authentication request and its way through the browser (SAML Core 3.4.1, Bindings 3.4 and 3.5).

mod message;
mod post;
mod redirect;
#[cfg(test)]
mod tests;

pub(super) use message::identifier;

use super::enveloped::Signing;
use crate::common::{Host, HostError};
use crate::config::RequestBinding;

/// Longest URL that is sent; Entra refuses long query strings (AADSTS90015), and so do servers on the way.
pub const MAX_URL: usize = 2048;
/// The same with a signature, which alone has some 350 to 1400 octets.
pub const MAX_SIGNED_URL: usize = 4096;
/// Longest relay state in octets (Bindings 3.4.3).
pub const MAX_RELAY_STATE: usize = 80;

/// What is asked of the identity provider. Nothing is asked for that was not configured: Entra fails the sign-in where a
/// `RequestedAuthnContext` is there and the person proved themselves in another way (AADSTS75011).
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthnRequest<'a> {
    /// The identity provider's URL; may have a query.
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
    /// `RequestedAuthnContext`, any of these exactly; none for no such element.
    pub authn_context: &'a [String],
    /// Parameters beside the request: `whr`, `login_hint`.
    pub hints: &'a [(String, String)],
    /// How the request travels.
    pub binding: RequestBinding,
    /// What the request is signed with, where it is.
    pub signing: Option<Signing<'a>>,
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRequest {
    /// `ID` of the request: `_` and 128 random bits in hexadecimal.
    pub id: String,
    /// The message.
    pub xml: String,
    /// What the browser does with it.
    pub sent: Sent,
}

/// How a browser carries a request to the identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// By going to this URL.
    Redirect(String),
    /// By submitting a form.
    Form {
        /// URL it goes to.
        action: String,
        /// Names and values.
        fields: Vec<(&'static str, String)>,
    },
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// No randomness.
    Random(HostError),
    /// The relay state is longer than [`MAX_RELAY_STATE`].
    RelayState,
    /// The URL is longer than [`MAX_URL`], or [`MAX_SIGNED_URL`] with a signature.
    UrlTooLong,
    /// It could not be signed.
    Signature,
}

impl RequestError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Random(_) => "request_random",
            Self::RelayState => "request_relay_state",
            Self::UrlTooLong => "request_url_too_long",
            Self::Signature => "request_signature",
        }
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Random(error) => write!(f, "no random identifier for the request: {error}"),
            Self::RelayState => write!(f, "the relay state is longer than {MAX_RELAY_STATE} octets"),
            Self::UrlTooLong => write!(
                f,
                "the sign-in URL is longer than {MAX_URL} octets ({MAX_SIGNED_URL} where it is signed); shorten sso_url or \
                 the hints, or use binding: post"
            ),
            Self::Signature => f.write_str("the request could not be signed"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Makes an `AuthnRequest` and what carries it.
///
/// # Errors
/// Where there is no randomness, or the result would be too long to arrive.
pub fn authn_request(host: &dyn Host, request: &AuthnRequest<'_>) -> Result<PreparedRequest, RequestError> {
    if request.relay_state.len() > MAX_RELAY_STATE {
        return Err(RequestError::RelayState);
    }
    let id = message::identifier(host)?;
    let parts = message::parts(&id, &host.now().to_rfc3339(), request);
    match request.binding {
        RequestBinding::Redirect => redirect::prepare(host, id, parts, request),
        RequestBinding::Post => post::prepare(host, id, &parts, request),
    }
}

/// A message on its way to the identity provider.
#[derive(Clone, Copy)]
pub(super) struct Carried<'a> {
    /// `ID` of the root.
    pub(super) id: &'a str,
    /// The message up to where a signature has its place.
    pub(super) before: &'a str,
    /// The rest of it.
    pub(super) after: &'a str,
    /// `SAMLRequest` or `SAMLResponse`.
    pub(super) parameter: &'static str,
    /// Empty for none.
    pub(super) relay_state: &'a str,
}

/// Puts a message into a URL or a form.
pub(super) fn carry(
    host: &dyn Host,
    message: &Carried<'_>,
    url: &str,
    binding: RequestBinding,
    signing: Option<Signing<'_>>,
) -> Result<Sent, RequestError> {
    let url = url.split('#').next().unwrap_or_default();
    match binding {
        RequestBinding::Redirect => redirect::carry(host, message, url, signing).map(Sent::Redirect),
        RequestBinding::Post => {
            let (_, fields) = post::carry(host, message, signing)?;
            Ok(Sent::Form { action: url.to_owned(), fields })
        }
    }
}

/// The sign-in URL with the hints behind the query that is there, if one is; a fragment is dropped.
fn target(request: &AuthnRequest<'_>) -> String {
    let url = request.sso_url.split('#').next().unwrap_or_default().to_owned();
    request.hints.iter().fold(url, |url, (name, value)| with_parameter(&url, name, value))
}

fn with_parameter(url: &str, name: &str, value: &str) -> String {
    with_query(url, &format!("{name}={}", super::escape::query(value)))
}

/// Adds to the query that is there, if one is.
fn with_query(url: &str, query: &str) -> String {
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{separator}{query}")
}
