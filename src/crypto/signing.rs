//! Signatures of our own: requests to the identity provider and our metadata.

use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::SignatureScheme;
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;

use super::decryption::{Blinding, DecryptionKeyError, pem_of, rsa_private};
use super::digest::sha256;
use crate::common::Host;

/// A private key that signs: RSA of 2048 bit or more, or P-256.
pub struct SigningKey {
    pub(super) kind: Kind,
    spki: Vec<u8>,
}

pub(super) enum Kind {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

/// Why a private key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKeyError {
    /// Not PEM of one private key (PKCS#8, or PKCS#1 for RSA), unencrypted.
    Encoding,
    /// Neither RSA of 2048 to 8192 bit nor P-256.
    Key,
}

impl std::fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not an unencrypted private key in PEM (PKCS#8 or PKCS#1)",
            Self::Key => "not a private key of RSA with 2048 to 8192 bit or of P-256",
        })
    }
}

impl std::error::Error for SigningKeyError {}

/// The signature could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

impl SigningKey {
    /// Reads a private key in PEM: `PRIVATE KEY` (RFC 5208) or `RSA PRIVATE KEY` (RFC 8017, A.1.2).
    ///
    /// # Errors
    /// Where it is not one, or one that is too short.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        if let Some(der) = pem_of(text, "PRIVATE KEY")
            && let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(&der)
        {
            let public = p256::PublicKey::from(key.verifying_key());
            let spki = public.to_public_key_der().map_err(|_| SigningKeyError::Key)?;
            return Ok(Self { spki: spki.into_vec(), kind: Kind::P256(Box::new(key)) });
        }
        let key = rsa_private(text).map_err(|error| match error {
            DecryptionKeyError::Encoding => SigningKeyError::Encoding,
            DecryptionKeyError::Key => SigningKeyError::Key,
        })?;
        if super::decryption::is_short(&key) {
            return Err(SigningKeyError::Key);
        }
        let spki = RsaPublicKey::from(&key).to_public_key_der().map_err(|_| SigningKeyError::Key)?;
        Ok(Self { spki: spki.into_vec(), kind: Kind::Rsa(Box::new(key)) })
    }

    /// DER of the `SubjectPublicKeyInfo` that belongs to it.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether it is an RSA key; otherwise it is one of P-256.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        matches!(self.kind, Kind::Rsa(_))
    }

    /// Signs the SHA-256 hash of `message`: RSASSA-PKCS1-v1_5 (RFC 8017, 8.2), or ECDSA as r and s at full length (XML
    /// Signature 6.4.3).
    ///
    /// # Errors
    /// Where there is no randomness to blind the operation with.
    pub fn sign(&self, host: &dyn Host, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let digest = sha256(message);
        match &self.kind {
            Kind::Rsa(key) => Pkcs1v15Sign::new::<Sha256>()
                .sign(Some(&mut Blinding(host)), key, &digest)
                .map_err(|_| SigningFailed),
            Kind::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&digest).map_err(|_| SigningFailed)?;
                Ok(signature.to_bytes().to_vec())
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    /// Only its kind.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_rsa() { "SigningKey(rsa)" } else { "SigningKey(p256)" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PublicKey, SignatureAlgorithm, verify};
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const RSA: &str = include_str!("../../tests/vectors/saml/idp.key.pem");
    const EC: &str = include_str!("../../tests/vectors/saml/idp-ec.key.pem");

    #[test]
    fn what_is_signed_is_verified_with_the_certificate_that_belongs_to_the_key() {
        let host = TestHost::default();
        for (key, certificate, algorithm) in [
            (RSA, include_str!("../../tests/vectors/saml/idp.cert.pem"), SignatureAlgorithm::RsaSha256),
            (EC, include_str!("../../tests/vectors/saml/idp-ec.cert.pem"), SignatureAlgorithm::EcdsaSha256),
        ] {
            let key = SigningKey::from_pem(key).unwrap();
            let public = PublicKey::from_certificate(certificate).unwrap();
            assert_eq!(key.spki(), public.spki());
            let signature = key.sign(&host, b"message").unwrap();
            assert_eq!(verify(&host, &public, algorithm, b"message", &signature), Ok(()));
            assert!(verify(&host, &public, algorithm, b"massage", &signature).is_err());
        }
    }

    #[test]
    fn a_short_key_does_not_sign() {
        let short = include_str!("../../tests/vectors/saml/short.key.pem");
        assert_eq!(SigningKey::from_pem(short).unwrap_err(), SigningKeyError::Key);
        assert_eq!(SigningKey::from_pem("no key").unwrap_err(), SigningKeyError::Encoding);
    }

    #[test]
    fn without_randomness_rsa_does_not_sign() {
        let host = TestHost::default();
        host.random_fails.set(true);
        assert_eq!(SigningKey::from_pem(RSA).unwrap().sign(&host, b"m"), Err(SigningFailed));
    }
}
