//! Rule A5: tokens that the application's own authorization server has issued, read by its published keys (RFC 9068) or
//! by asking it (RFC 7662).

use serde_json::Value;

use super::super::authenticate::bearer;
use super::super::error::Denied;
use super::Vouched;
use super::jwt::{Claims, Form, Jwt, JwtError, Keys, Kind};
use crate::common::json::parse;
use crate::common::{Headers, UnixMillis};
use crate::crypto::SignatureAlgorithm;

/// What a token must say. Empty lists ask nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `iss`.
    pub issuer: Option<String>,
    /// One of these is in `aud`.
    pub audiences: Vec<String>,
    /// `client_id` (or `azp`, where there is none) is one of these.
    pub clients: Vec<String>,
    /// All of these are in `scope` (or `scp`).
    pub scopes: Vec<String>,
}

/// How the server makes access tokens, where they are JWT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTokens {
    /// What they must say.
    pub wanted: Wanted,
    /// Accepted algorithms.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Whether `typ` must be `at+jwt` (RFC 9068 section 4).
    pub typed: bool,
}

/// Why such a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRefused {
    /// There is no single bearer credential.
    Credential(Denied),
    /// The credential is not such a token.
    Token(JwtError),
    /// The server says that it is not active.
    Inactive,
}

impl ServerRefused {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Credential(denied) => denied.code(),
            Self::Token(error) => error.code(),
            Self::Inactive => "token_inactive",
        }
    }

    /// Whether a newer key set might say otherwise.
    #[must_use]
    pub fn wants_newer_keys(self) -> bool {
        self == Self::Token(JwtError::UnknownKey)
    }
}

/// The client that a token of the server was issued to.
///
/// # Errors
/// [`ServerRefused`] where it is not such a token, or not for us.
pub fn server_token(
    headers: &Headers,
    tokens: &ServerTokens,
    keys: &super::Published<'_>,
    now: UnixMillis,
) -> Result<Vouched<String>, ServerRefused> {
    let token = bearer(headers).map_err(ServerRefused::Credential)?;
    believed(token, tokens, keys, now).map_err(ServerRefused::Token)
}

pub(super) fn believed(
    token: &str,
    tokens: &ServerTokens,
    keys: &dyn Keys,
    now: UnixMillis,
) -> Result<Vouched<String>, JwtError> {
    let kind = if tokens.typed { Kind::AccessToken } else { Kind::AnyAccessToken };
    let token = Jwt::parse_as(token, &Form { algorithms: &tokens.algorithms, kind })?;
    // As with Entra's: what says itself that it is another's needs no newer keys to be refused.
    if tokens.wanted.issuer.as_deref().is_some_and(|issuer| token.unverified("iss") != Some(issuer)) {
        return Err(JwtError::Claim("iss"));
    }
    let claims = token.verified(keys, now)?;
    tokens.wanted.met_by(&claims)?;
    Ok(Vouched { who: client(&claims), until: claims.end()? })
}

/// What the server said of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Who has it, for the log.
    pub client: String,
    /// Its end, where the server said.
    pub expires: Option<UnixMillis>,
}

/// Reads the server's answer (RFC 7662 section 2.2). `None` where it is no such answer: nothing is known then.
///
/// `active` must be `true` itself: no text, no number.
#[must_use]
pub fn introspected(body: &[u8], wanted: &Wanted, now: UnixMillis) -> Option<Result<Active, ServerRefused>> {
    let Ok(Value::Object(map)) = parse(body) else { return None };
    let active = map.get("active")?.as_bool()?;
    if !active {
        return Some(Err(ServerRefused::Inactive));
    }
    let claims = Claims(map);
    Some(judged(&claims, wanted, now).map_err(ServerRefused::Token))
}

fn judged(claims: &Claims, wanted: &Wanted, now: UnixMillis) -> Result<Active, JwtError> {
    let expires = match claims.has("exp") {
        true => Some(claims.moment("exp").ok_or(JwtError::Expired)?),
        false => None,
    };
    if expires.is_some_and(|expires| expires <= now) {
        return Err(JwtError::Expired);
    }
    claims.has_begun(now)?;
    wanted.met_by(claims)?;
    Ok(Active { client: client(claims), expires })
}

impl Wanted {
    fn met_by(&self, claims: &Claims) -> Result<(), JwtError> {
        if self.issuer.as_deref().is_some_and(|issuer| claims.text("iss") != Some(issuer)) {
            return Err(JwtError::Claim("iss"));
        }
        let audiences = texts(claims.0.get("aud"));
        if !self.audiences.is_empty() && !self.audiences.iter().any(|own| audiences.contains(&own.as_str())) {
            return Err(JwtError::Claim("aud"));
        }
        let client = claims.text("client_id").or_else(|| claims.text("azp"));
        if !self.clients.is_empty() && !client.is_some_and(|id| self.clients.iter().any(|own| own == id)) {
            return Err(JwtError::Claim("client_id"));
        }
        let named = claims.0.get("scope").or_else(|| claims.0.get("scp"));
        let scopes: Vec<&str> = texts(named).into_iter().flat_map(|text| text.split(' ')).collect();
        if !self.scopes.iter().all(|own| scopes.contains(&own.as_str())) {
            return Err(JwtError::Claim("scope"));
        }
        Ok(())
    }
}

/// A text, or the texts of a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn client(claims: &Claims) -> String {
    let named = ["client_id", "azp", "sub"].iter().find_map(|name| claims.text(name));
    named.unwrap_or_default().to_owned()
}
