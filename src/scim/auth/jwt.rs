//! JSON Web Tokens, strictly: compact JWS (RFC 7515 section 7.1), RS256 and nothing else, keys from outside only.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::common::json::parse;
use crate::common::{Host, UnixMillis};
use crate::crypto::{PublicKey, SignatureAlgorithm, verify};

/// Longest token that is read, in octets.
const MAX_TOKEN: usize = 16_384;
/// Most keys of a set that are kept.
const MAX_KEYS: usize = 64;
/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(300);

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtError {
    /// No compact JWS of two JSON objects, or too long.
    Malformed,
    /// Another algorithm than RS256, or a header that brings its own key or a meaning that must be understood.
    Header,
    /// The key is not in the set: it may be new.
    UnknownKey,
    /// The signature is not of that key.
    Signature,
    /// Expired, or without `exp`.
    Expired,
    /// Not valid yet.
    NotYet,
    /// Issued by or for somebody else; the text names the claim.
    Claim(&'static str),
}

impl JwtError {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "jwt_malformed",
            Self::Header => "jwt_header",
            Self::UnknownKey => "jwt_unknown_key",
            Self::Signature => "jwt_signature",
            Self::Expired => "jwt_expired",
            Self::NotYet => "jwt_not_yet",
            Self::Claim("iss") => "jwt_issuer",
            Self::Claim("aud") => "jwt_audience",
            Self::Claim("tid") => "jwt_tenant",
            Self::Claim("appid" | "azp") => "jwt_application",
            Self::Claim("sub" | "oid") => "jwt_subject",
            Self::Claim(_) => "jwt_claim",
        }
    }
}

impl std::fmt::Display for JwtError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for JwtError {}

/// Says whether a signature is that of the key with this identifier.
pub(crate) trait Keys {
    fn check(&self, kid: &str, message: &[u8], signature: &[u8]) -> Result<(), JwtError>;
}

/// The RSA keys of a JWK set (RFC 7517 section 5).
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<(String, PublicKey)>,
}

impl JwkSet {
    /// Reads a published set. Keys of other kinds or uses, and keys that are too weak, are left out
    /// (RFC 7517 section 5). `None` where it is no key set or has no key left.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let set = parse(bytes).ok()?;
        let keys = set.get("keys")?.as_array()?.iter().filter_map(key).take(MAX_KEYS).collect::<Vec<_>>();
        (!keys.is_empty()).then_some(Self { keys })
    }
}

fn key(jwk: &Value) -> Option<(String, PublicKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let is_for_signatures = text("use").is_none_or(|use_| use_ == "sig");
    let is_for_rs256 = text("alg").is_none_or(|alg| alg == "RS256");
    if text("kty") != Some("RSA") || !is_for_signatures || !is_for_rs256 {
        return None;
    }
    let octets = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let key = PublicKey::from_rsa_parts(&octets("n")?, &octets("e")?).ok()?;
    Some((text("kid")?.to_owned(), key))
}

/// A published set, and the host that may verify natively.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// The keys.
    pub set: &'a JwkSet,
    /// The host.
    pub host: &'a dyn Host,
}

impl std::fmt::Debug for Published<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.set.fmt(f)
    }
}

impl Keys for Published<'_> {
    fn check(&self, kid: &str, message: &[u8], signature: &[u8]) -> Result<(), JwtError> {
        let mut result = Err(JwtError::UnknownKey);
        for (_, key) in self.set.keys.iter().filter(|(have, _)| have == kid) {
            match verify(self.host, key, SignatureAlgorithm::RsaSha256, message, signature) {
                Ok(()) => return Ok(()),
                Err(_) => result = Err(JwtError::Signature),
            }
        }
        result
    }
}

/// A token that has been read and not believed.
pub(crate) struct Jwt<'t> {
    kid: String,
    message: &'t str,
    signature: Vec<u8>,
    claims: Claims,
}

/// What a token says.
pub(crate) struct Claims(Map<String, Value>);

impl<'t> Jwt<'t> {
    /// Reads a compact JWS.
    ///
    /// Neither `none` nor a symmetric algorithm is ever taken, and no key or key address out of the token itself
    /// (RFC 8725 sections 3.1 and 3.10). A claim that occurs twice refuses the token.
    pub(crate) fn parse(text: &'t str) -> Result<Self, JwtError> {
        if text.len() > MAX_TOKEN {
            return Err(JwtError::Malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(JwtError::Malformed)?;
        let header = object(header)?;
        let foreign = ["jwk", "jku", "x5c", "x5u", "crit", "b64", "enc", "zip"];
        let is_plain = foreign.iter().all(|name| !header.contains_key(*name));
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let is_jwt = match header.get("typ") {
            None => true,
            Some(typ) => typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")),
        };
        let kid = text("kid").filter(|kid| !kid.is_empty());
        let (Some("RS256"), true, true, Some(kid)) = (text("alg"), is_plain, is_jwt, kid) else {
            return Err(JwtError::Header);
        };
        let kid = kid.to_owned();
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
        Ok(Self { kid, message, signature, claims: Claims(object(claims)?) })
    }

    /// A claim of a token that nobody has vouched for: only to choose whose keys to ask.
    pub(crate) fn unverified(&self, name: &str) -> Option<&str> {
        self.claims.text(name)
    }

    /// The claims, once the signature and the dates are right.
    pub(crate) fn verified(self, keys: &dyn Keys, now: UnixMillis) -> Result<Claims, JwtError> {
        keys.check(&self.kid, self.message.as_bytes(), &self.signature)?;
        let claims = self.claims;
        let expires = claims.moment("exp").ok_or(JwtError::Expired)?;
        if expires.after(SKEW) <= now {
            return Err(JwtError::Expired);
        }
        if claims.0.contains_key("nbf") {
            let begins = claims.moment("nbf").ok_or(JwtError::NotYet)?;
            if begins > now.after(SKEW) {
                return Err(JwtError::NotYet);
            }
        }
        Ok(claims)
    }
}

impl Claims {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Refuses unless the claim is one of these texts. A list of audiences is none of them: Entra sends one.
    pub(crate) fn is_one_of(&self, name: &'static str, wanted: &[String]) -> Result<(), JwtError> {
        let is = self.text(name).is_some_and(|have| wanted.iter().any(|wanted| wanted == have));
        if is { Ok(()) } else { Err(JwtError::Claim(name)) }
    }

    /// `NumericDate` (RFC 7519 section 2); a fraction of a second is cut off.
    fn moment(&self, name: &str) -> Option<UnixMillis> {
        let number = self.0.get(name)?.as_number()?.to_string();
        let whole = number.split_once('.').map_or(number.as_str(), |(whole, _)| whole);
        whole.parse().ok().map(UnixMillis::from_seconds)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let octets = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)?;
    match parse(&octets) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(JwtError::Malformed),
    }
}
