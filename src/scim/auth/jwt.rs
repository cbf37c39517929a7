//! JSON Web Tokens, strictly: compact JWS (RFC 7515 section 7.1), public-key algorithms that are named beforehand and
//! nothing else, keys from outside only.

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
    /// Another algorithm or type than is expected, or a header that brings its own key or a meaning that must be
    /// understood.
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
            Self::Claim("appid" | "azp" | "client_id") => "jwt_application",
            Self::Claim("scope") => "jwt_scope",
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
    fn check(
        &self,
        kid: &str,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), JwtError>;
}

/// The algorithms of RFC 7518 section 3.1 that are known here: no `none`, nothing symmetric.
pub const ALGORITHMS: [(&str, SignatureAlgorithm); 8] = [
    ("RS256", SignatureAlgorithm::RsaSha256),
    ("RS384", SignatureAlgorithm::RsaSha384),
    ("RS512", SignatureAlgorithm::RsaSha512),
    ("PS256", SignatureAlgorithm::PssSha256),
    ("PS384", SignatureAlgorithm::PssSha384),
    ("PS512", SignatureAlgorithm::PssSha512),
    ("ES256", SignatureAlgorithm::EcdsaSha256),
    ("ES384", SignatureAlgorithm::EcdsaSha384),
];

fn algorithm(name: &str) -> Option<SignatureAlgorithm> {
    ALGORITHMS.iter().find(|(have, _)| *have == name).map(|(_, algorithm)| *algorithm)
}

/// The RSA and elliptic-curve keys of a JWK set (RFC 7517 section 5).
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// A key, and what it signs with: the publisher's word, never the token's.
#[derive(Clone, Debug)]
struct Jwk {
    kid: String,
    key: PublicKey,
    /// `None`: any algorithm for RSA.
    algorithm: Option<SignatureAlgorithm>,
}

impl Jwk {
    fn signs_with(&self, algorithm: SignatureAlgorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm)
    }
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

fn key(jwk: &Value) -> Option<Jwk> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let operations = jwk.get("key_ops").map(|all| all.as_array().map(Vec::as_slice).unwrap_or_default());
    let is_for_signatures = text("use").is_none_or(|use_| use_ == "sig")
        && operations.is_none_or(|all| all.iter().any(|operation| operation == "verify"));
    if !is_for_signatures {
        return None;
    }
    // An algorithm that we do not know is for somebody else.
    let named = match jwk.get("alg") {
        Some(name) => Some(algorithm(name.as_str()?)?),
        None => None,
    };
    let octets = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let kid = text("kid").filter(|kid| !kid.is_empty())?.to_owned();
    match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let is_rsa = named.is_none_or(|named| !is_ecdsa(named));
            let key = PublicKey::from_rsa_parts(&octets("n")?, &octets("e")?).ok()?;
            is_rsa.then_some(Jwk { kid, key, algorithm: named })
        }
        // The curve says the algorithm (RFC 7518 section 3.4).
        ("EC", Some(curve)) => {
            let (own, length) = match curve {
                "P-256" => (SignatureAlgorithm::EcdsaSha256, 64),
                "P-384" => (SignatureAlgorithm::EcdsaSha384, 96),
                _ => return None,
            };
            let key = PublicKey::from_ec_point(&octets("x")?, &octets("y")?).ok()?;
            let is_own = key.signature_length() == length && named.is_none_or(|named| named == own);
            is_own.then_some(Jwk { kid, key, algorithm: Some(own) })
        }
        _ => None,
    }
}

fn is_ecdsa(algorithm: SignatureAlgorithm) -> bool {
    matches!(
        algorithm,
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512
    )
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
    fn check(
        &self,
        kid: &str,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), JwtError> {
        let mut result = Err(JwtError::UnknownKey);
        for key in self.set.keys.iter().filter(|key| key.kid == kid) {
            // A key that signs otherwise is at hand, and no newer set is asked for.
            if !key.signs_with(algorithm) {
                result = Err(JwtError::Signature);
                continue;
            }
            match verify(self.host, &key.key, algorithm, message, signature) {
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
    algorithm: SignatureAlgorithm,
    message: &'t str,
    signature: Vec<u8>,
    claims: Claims,
}

/// What a token says.
pub(crate) struct Claims(pub(super) Map<String, Value>);

/// How a token must be made.
#[derive(Clone, Copy)]
pub(crate) struct Form<'f> {
    pub(crate) algorithms: &'f [SignatureAlgorithm],
    pub(crate) kind: Kind,
}

/// Its `typ` (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `JWT`, or none.
    Jwt,
    /// `at+jwt` (RFC 9068 section 2.1) and nothing else.
    AccessToken,
    /// `at+jwt`, or what a plain token may have: servers older than RFC 9068.
    AnyAccessToken,
}

impl Form<'_> {
    /// What Entra makes.
    const ENTRA: Form<'static> = Form { algorithms: &[SignatureAlgorithm::RsaSha256], kind: Kind::Jwt };

    fn takes_type(&self, typ: Option<&Value>) -> bool {
        let Some(typ) = typ else { return self.kind != Kind::AccessToken };
        let is = |name: &str| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case(name));
        let is_access = is("at+jwt") || is("application/at+jwt");
        match self.kind {
            Kind::Jwt => is("JWT"),
            Kind::AccessToken => is_access,
            Kind::AnyAccessToken => is_access || is("JWT"),
        }
    }
}

impl<'t> Jwt<'t> {
    /// Reads a compact JWS as Entra makes it.
    pub(crate) fn parse(text: &'t str) -> Result<Self, JwtError> {
        Self::parse_as(text, &Form::ENTRA)
    }

    /// Reads a compact JWS.
    ///
    /// Neither `none` nor a symmetric algorithm is ever taken, and no key or key address out of the token itself
    /// (RFC 8725 sections 3.1 and 3.10). A claim that occurs twice refuses the token.
    pub(crate) fn parse_as(text: &'t str, form: &Form<'_>) -> Result<Self, JwtError> {
        if text.len() > MAX_TOKEN {
            return Err(JwtError::Malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(JwtError::Malformed)?;
        let header = object(header)?;
        let foreign = ["jwk", "jku", "x5c", "x5u", "crit", "b64", "enc", "zip"];
        let is_plain = foreign.iter().all(|name| !header.contains_key(*name));
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let kid = text("kid").filter(|kid| !kid.is_empty());
        let algorithm = text("alg").and_then(algorithm).filter(|name| form.algorithms.contains(name));
        let (Some(algorithm), Some(kid)) = (algorithm, kid) else { return Err(JwtError::Header) };
        if !is_plain || !form.takes_type(header.get("typ")) {
            return Err(JwtError::Header);
        }
        let kid = kid.to_owned();
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
        Ok(Self { kid, algorithm, message, signature, claims: Claims(object(claims)?) })
    }

    /// A claim of a token that nobody has vouched for: only to choose whose keys to ask.
    pub(crate) fn unverified(&self, name: &str) -> Option<&str> {
        self.claims.text(name)
    }

    /// The claims, once the signature and the dates are right.
    pub(crate) fn verified(self, keys: &dyn Keys, now: UnixMillis) -> Result<Claims, JwtError> {
        keys.check(&self.kid, self.algorithm, self.message.as_bytes(), &self.signature)?;
        let claims = self.claims;
        if claims.end()? <= now {
            return Err(JwtError::Expired);
        }
        claims.has_begun(now)?;
        Ok(claims)
    }
}

/// A claim of whatever looks like a token, which nobody has vouched for: it may refuse, and grants nothing.
pub(crate) fn unverified(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.get(..MAX_TOKEN.min(text.len()))?.split_once('.')?;
    let (claims, _) = rest.split_once('.')?;
    object(claims).ok()?.get(name)?.as_str().map(str::to_owned)
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

    /// The first moment at which the token is not accepted any more: `exp`, and what clocks may differ.
    pub(super) fn end(&self) -> Result<UnixMillis, JwtError> {
        self.moment("exp").map(|expires| expires.after(SKEW)).ok_or(JwtError::Expired)
    }

    /// Refuses where there is an `nbf` which has not come.
    pub(super) fn has_begun(&self, now: UnixMillis) -> Result<(), JwtError> {
        if !self.has("nbf") {
            return Ok(());
        }
        let begins = self.moment("nbf").ok_or(JwtError::NotYet)?;
        if begins > now.after(SKEW) { Err(JwtError::NotYet) } else { Ok(()) }
    }

    /// `NumericDate` (RFC 7519 section 2); a fraction of a second is cut off.
    pub(super) fn moment(&self, name: &str) -> Option<UnixMillis> {
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
