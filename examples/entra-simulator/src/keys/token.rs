//! The key with which Entra signs its own tokens, one for all tenants, and its publication as a JWK set (RFC 7517).

use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use super::{Hash, files, new_rsa, rsa_sign};

const FILES: [&str; 2] = ["token-key.der", "token-key-id"];

/// Signs compact JWS by RS256.
pub struct TokenKey {
    key: RsaKeyPair,
    id: String,
}

impl TokenKey {
    /// A new key.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn generate() -> Result<Self, String> {
        Self::from_der(&new_rsa()?)
    }

    /// Reads the key from a directory, and makes it there if it is missing.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood.
    pub fn load_or_make(directory: &Path) -> Result<Self, String> {
        let made = || {
            let key = new_rsa()?;
            let id = Self::from_der(&key)?.id.into_bytes();
            Ok((key, id))
        };
        Self::from_der(&files::load_or_make(directory, FILES, made)?.0)
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        let key = RsaKeyPair::from_pkcs8(der).map_err(|error| format!("unusable token key: {error}"))?;
        let public: PublicKeyComponents<Vec<u8>> = key.public().into();
        let id = URL_SAFE_NO_PAD.encode(Hash::Sha1.of(&public.n));
        Ok(Self { key, id })
    }

    /// The set that is published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let public: PublicKeyComponents<Vec<u8>> = self.key.public().into();
        json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(&public.n),
            "e": URL_SAFE_NO_PAD.encode(&public.e),
        }]})
    }

    /// A compact token with these claims.
    ///
    /// # Errors
    /// The key refused to sign.
    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = json!({"typ": "JWT", "alg": "RS256", "x5t": self.id, "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signed = rsa_sign(&self.key, &RSA_PKCS1_SHA256, message.as_bytes());
        let signed = signed.ok_or("the token could not be signed")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}
