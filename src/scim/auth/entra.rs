//! Rule A2: the token that Entra makes itself where no secret is entered.
//!
//! Its audience is the same for every custom application of every tenant, so signature and audience prove nothing:
//! tenant, issuer and application are pinned too.

use super::super::authenticate::bearer;
use super::super::error::Denied;
use super::Vouched;
use super::jwt::{Jwt, JwtError, Keys, unverified};
use crate::common::{Headers, UnixMillis};

/// Whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraIssuer {
    /// Identifiers of the directories, in lower case.
    pub tenant_ids: Vec<String>,
    /// Accepted `aud`.
    pub audiences: Vec<String>,
    /// Accepted `appid`: the provisioning service's.
    pub applications: Vec<String>,
}

impl EntraIssuer {
    /// The provisioning service for one directory, as Microsoft documents it.
    #[must_use]
    pub fn of(tenant_id: &str) -> Self {
        Self {
            tenant_ids: vec![tenant_id.to_ascii_lowercase()],
            audiences: vec!["8adf8e6e-67b2-4cf2-a259-e3dc5476c621".into()],
            applications: vec!["00000014-0000-0000-c000-000000000000".into()],
        }
    }
}

/// Why Entra's token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntraRefused {
    /// There is no single bearer credential.
    Credential(Denied),
    /// The credential is not such a token.
    Token(JwtError),
}

impl EntraRefused {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Credential(denied) => denied.code(),
            Self::Token(error) => error.code(),
        }
    }

    /// What the client is told: 401 with its challenge.
    #[must_use]
    pub fn denied(self) -> Denied {
        match self {
            Self::Credential(denied) => denied,
            Self::Token(_) => Denied::Unknown,
        }
    }

    /// Whether a newer key set might say otherwise.
    #[must_use]
    pub fn wants_newer_keys(self) -> bool {
        self == Self::Token(JwtError::UnknownKey)
    }
}

/// Whether a request carries what says of itself that Entra has made it.
#[must_use]
pub fn says_entra(headers: &Headers) -> bool {
    let issuer = bearer(headers).ok().and_then(|token| unverified(token, "iss"));
    issuer.is_some_and(|issuer| issuer.starts_with("https://sts.windows.net/"))
}

/// Accepts a request that carries Entra's own token of one of the directories; the directory is returned.
///
/// # Errors
/// [`EntraRefused`] for anything else.
pub fn entra_token<'i>(
    headers: &Headers,
    issuer: &'i EntraIssuer,
    keys: &super::Published<'_>,
    now: UnixMillis,
) -> Result<Vouched<&'i str>, EntraRefused> {
    judged(headers, issuer, keys, now)
}

/// The same with keys of any origin.
pub(crate) fn judged<'i>(
    headers: &Headers,
    issuer: &'i EntraIssuer,
    keys: &dyn Keys,
    now: UnixMillis,
) -> Result<Vouched<&'i str>, EntraRefused> {
    let token = bearer(headers).map_err(EntraRefused::Credential)?;
    believed(token, issuer, keys, now).map_err(EntraRefused::Token)
}

fn believed<'i>(
    token: &str,
    issuer: &'i EntraIssuer,
    keys: &dyn Keys,
    now: UnixMillis,
) -> Result<Vouched<&'i str>, JwtError> {
    let token = Jwt::parse(token)?;
    // A token that says itself that it is another's needs no newer keys to be refused.
    if !token.unverified("tid").is_some_and(|tid| issuer.tenant_ids.iter().any(|have| have == tid)) {
        return Err(JwtError::Claim("tid"));
    }
    let claims = token.verified(keys, now)?;
    let tenant = claims.text("tid").and_then(|tid| issuer.tenant_ids.iter().find(|have| *have == tid));
    let tenant = tenant.ok_or(JwtError::Claim("tid"))?;
    claims.is_one_of("iss", &[format!("https://sts.windows.net/{tenant}/")])?;
    claims.is_one_of("aud", &issuer.audiences)?;
    claims.is_one_of("appid", &issuer.applications)?;
    if claims.has("ver") {
        claims.is_one_of("ver", &["1.0".to_owned()])?;
    }
    Ok(Vouched { who: tenant, until: claims.end()? })
}
