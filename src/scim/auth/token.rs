//! Rules A3 and A4: the token endpoint. Entra proves who it is by a secret (RFC 6749 section 4.4) or by a token of its
//! own (RFC 7523 section 2.2, RFC 8693 section 2), and gets a token of ours.

use serde_json::{Value, json};

use super::form::{Basic, Form};
use super::jwt::{Jwt, JwtError, Keys, Published};
use crate::common::{Headers, Reply, UnixMillis};
use crate::crypto::{equal, sha256};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A client that has secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// SHA-256 of each secret; several for rotation.
    pub secrets: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.id)
    }
}

/// A directory whose provisioning service is a client by its own tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// Identifier of the directory, in lower case.
    pub tenant_id: String,
    /// `sub` (and `oid`, where it is there).
    pub subject: String,
    /// Accepted `aud`; three shapes are in use, depending on Microsoft's deployment ring.
    pub audiences: Vec<String>,
    /// `azp`: the Microsoft service.
    pub application: String,
    /// The only `client_id` that may come with it, where one is expected.
    pub client_id: Option<String>,
}

/// Who gets tokens.
#[derive(Clone, Debug, Default)]
pub struct TokenEndpoint {
    /// Clients with secrets (A3).
    pub clients: Vec<Client>,
    /// Clients with tokens of their own (A4).
    pub federations: Vec<Federation>,
    /// Life of a token, in seconds.
    pub lifetime: u64,
}

/// A request to the token endpoint.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    /// HTTP method, in capitals.
    pub method: &'a str,
    /// Its headers.
    pub headers: &'a Headers,
    /// The whole body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for TokenRequest<'_> {
    /// Headers and body hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How the client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `client_credentials`, with a secret or an assertion.
    ClientCredentials,
    /// Token exchange.
    Exchange,
}

/// The client gets a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted<'e> {
    /// Who it is: `client_id`, or the subject of the assertion.
    pub client: &'e str,
    /// How it asked; the answer depends on it.
    pub grant: Grant,
}

impl Granted<'_> {
    /// The answer with a token made for this client (RFC 6749 section 5.1, RFC 8693 section 2.2.1).
    #[must_use]
    pub fn reply(&self, access_token: &str, endpoint: &TokenEndpoint) -> Reply {
        let body = match self.grant {
            Grant::ClientCredentials => {
                json!({"access_token": access_token, "token_type": "Bearer", "expires_in": endpoint.lifetime})
            }
            Grant::Exchange => json!({
                "access_token": access_token,
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": endpoint.lifetime,
            }),
        };
        answer(200, &body)
    }
}

/// Why a client gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The request cannot be read; the text says why.
    Request(&'static str),
    /// The client is not known or does not prove who it is.
    Client {
        /// Whether it tried the `Authorization` header (RFC 6749 section 5.2).
        challenge: bool,
    },
    /// A client's assertion is not accepted.
    Assertion(JwtError),
    /// A token given in exchange is not accepted (RFC 8693 section 2.2.2).
    Subject(JwtError),
    /// A grant that is not offered.
    Grant,
    /// Another method than `POST`.
    Method,
}

impl TokenError {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Request(_) => "token_request",
            Self::Client { .. } => "token_client",
            Self::Assertion(error) | Self::Subject(error) => error.code(),
            Self::Grant => "token_grant",
            Self::Method => "token_method",
        }
    }

    /// Whether a newer key set might say otherwise.
    #[must_use]
    pub fn wants_newer_keys(self) -> bool {
        matches!(self, Self::Assertion(JwtError::UnknownKey) | Self::Subject(JwtError::UnknownKey))
    }

    /// The answer to the client (RFC 6749 section 5.2).
    #[must_use]
    pub fn reply(self) -> Reply {
        let error = |name: &str| json!({"error": name});
        match self {
            Self::Request(what) => {
                answer(400, &json!({"error": "invalid_request", "error_description": what}))
            }
            Self::Subject(_) => answer(400, &error("invalid_request")),
            Self::Client { challenge: false } | Self::Assertion(_) => answer(401, &error("invalid_client")),
            Self::Client { challenge: true } => {
                answer(401, &error("invalid_client")).with("www-authenticate", r#"Basic realm="scim""#)
            }
            Self::Grant => answer(400, &error("unsupported_grant_type")),
            Self::Method => answer(405, &error("invalid_request")).with("allow", "POST"),
        }
    }
}

fn answer(status: u16, body: &Value) -> Reply {
    Reply::status(status).body("application/json", body.to_string()).with("cache-control", "no-store")
}

/// Decides whether the client gets a token. `keys` gives the published keys of a directory (its v2 set).
///
/// An assertion may come more than once: Entra keeps and resends its token, and it has no `jti`.
///
/// # Errors
/// [`TokenError`] where it gets none.
pub fn token<'e, 'k>(
    request: &TokenRequest<'_>,
    endpoint: &'e TokenEndpoint,
    keys: &dyn Fn(&str) -> Option<Published<'k>>,
    now: UnixMillis,
) -> Result<Granted<'e>, TokenError> {
    judged(request, endpoint, &|tenant, check| keys(tenant).map(|keys| check(&keys)), now)
}

/// Hands the keys of a directory to a check; `None` where there are none.
pub(crate) type WithKeys<'w> =
    dyn Fn(&str, &dyn Fn(&dyn Keys) -> Result<(), JwtError>) -> Option<Result<(), JwtError>> + 'w;

/// The same with keys of any origin.
pub(crate) fn judged<'e>(
    request: &TokenRequest<'_>,
    endpoint: &'e TokenEndpoint,
    keys: &WithKeys<'_>,
    now: UnixMillis,
) -> Result<Granted<'e>, TokenError> {
    if request.method != "POST" {
        return Err(TokenError::Method);
    }
    let form = Form::parse(request.headers.only("content-type"), request.body)?;
    let basic = Basic::of(request.headers)?;
    match form.get("grant_type") {
        Some("client_credentials") if form.get("client_assertion").is_some() => {
            if basic.is_some() || form.get("client_secret").is_some() {
                return Err(TokenError::Request("The client authenticates in more than one way."));
            }
            if form.get("client_assertion_type") != Some(ASSERTION) {
                return Err(TokenError::Request("This client_assertion_type is not known."));
            }
            let assertion = form.get("client_assertion").unwrap_or_default();
            let client = federated(assertion, form.get("client_id"), endpoint, keys, now);
            let client = client.map_err(TokenError::Assertion)?;
            Ok(Granted { client, grant: Grant::ClientCredentials })
        }
        Some("client_credentials") => {
            let client = with_secret(&form, basic, endpoint)?;
            Ok(Granted { client, grant: Grant::ClientCredentials })
        }
        Some(EXCHANGE) => {
            if form.get("subject_token_type") != Some(JWT) || form.get("actor_token").is_some() {
                return Err(TokenError::Request("Only one token of type jwt can be exchanged."));
            }
            if form.get("requested_token_type").is_some_and(|wanted| wanted != ACCESS_TOKEN) {
                return Err(TokenError::Request("Only an access token can be asked for."));
            }
            let subject =
                form.get("subject_token").ok_or(TokenError::Request("There is no subject_token."))?;
            let client = federated(subject, form.get("client_id"), endpoint, keys, now);
            Ok(Granted { client: client.map_err(TokenError::Subject)?, grant: Grant::Exchange })
        }
        Some(_) => Err(TokenError::Grant),
        None => Err(TokenError::Request("There is no grant_type.")),
    }
}

/// The client whose secret the request carries, in the header or in the body but not in both.
fn with_secret<'e>(
    form: &Form,
    basic: Option<Basic>,
    endpoint: &'e TokenEndpoint,
) -> Result<&'e str, TokenError> {
    let in_header = basic.is_some();
    if in_header && form.get("client_secret").is_some() {
        return Err(TokenError::Request("The client authenticates in more than one way."));
    }
    let pairs: Vec<(String, String)> = match basic {
        Some(basic) => std::iter::once(basic.written).chain(basic.decoded).collect(),
        None => {
            let pair = form.get("client_id").zip(form.get("client_secret"));
            pair.map(|(id, secret)| (id.to_owned(), secret.to_owned())).into_iter().collect()
        }
    };
    let mut found = None;
    for (id, secret) in &pairs {
        let digest = sha256(secret.as_bytes());
        for client in &endpoint.clients {
            // Every secret is compared, in constant time.
            let is_secret = client.secrets.iter().fold(false, |is, have| equal(have, &digest) | is);
            if is_secret && client.id == *id && !secret.is_empty() && found.is_none() {
                found = Some(client.id.as_str());
            }
        }
    }
    let named = form.get("client_id").filter(|_| in_header);
    found
        .filter(|id| named.is_none_or(|named| named == *id))
        .ok_or(TokenError::Client { challenge: in_header })
}

/// The client that a token of Entra's stands for.
fn federated<'e>(
    token: &str,
    client_id: Option<&str>,
    endpoint: &'e TokenEndpoint,
    keys: &WithKeys<'_>,
    now: UnixMillis,
) -> Result<&'e str, JwtError> {
    let tenant = Jwt::parse(token)?.unverified("tid").map(str::to_owned).ok_or(JwtError::Claim("tid"))?;
    let mut result = Err(JwtError::Claim("tid"));
    for federation in endpoint.federations.iter().filter(|federation| federation.tenant_id == tenant) {
        let check = |keys: &dyn Keys| believed(token, client_id, federation, keys, now);
        match keys(&federation.tenant_id, &check).unwrap_or(Err(JwtError::UnknownKey)) {
            Ok(()) => return Ok(&federation.subject),
            Err(error) => result = Err(error),
        }
    }
    result
}

fn believed(
    token: &str,
    client_id: Option<&str>,
    federation: &Federation,
    keys: &dyn Keys,
    now: UnixMillis,
) -> Result<(), JwtError> {
    let claims = Jwt::parse(token)?.verified(keys, now)?;
    let tenant = &federation.tenant_id;
    claims.is_one_of("tid", std::slice::from_ref(tenant))?;
    claims.is_one_of("iss", &[format!("https://login.microsoftonline.com/{tenant}/v2.0")])?;
    claims.is_one_of("aud", &federation.audiences)?;
    claims.is_one_of("sub", std::slice::from_ref(&federation.subject))?;
    if claims.has("oid") {
        claims.is_one_of("oid", std::slice::from_ref(&federation.subject))?;
    }
    claims.is_one_of("azp", std::slice::from_ref(&federation.application))?;
    let expected = federation.client_id.as_deref();
    match (expected, client_id) {
        (Some(expected), Some(given)) if expected != given => Err(JwtError::Claim("client_id")),
        _ => Ok(()),
    }
}
