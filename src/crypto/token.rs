//! Signatures of the tokens that we give to the application (RFC 7515, RFC 7518).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use super::certificate::PublicKey;
use super::digest::sha256;
use super::signature::{SignatureAlgorithm, verify};
use super::signing::{Kind, SigningFailed, SigningKey, SigningKeyError};
use crate::common::{Host, NativeSigning};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// ECDSA with P-256 and SHA-256, in Wasm. The nonce is that of RFC 6979, so no randomness can spoil it.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, by the host alone: in Wasm it would cost some 13 ms of a worker.
    Rs256,
}

impl TokenAlgorithm {
    /// Its name in JOSE (RFC 7518, 3.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A private key that signs tokens.
pub struct TokenKey {
    key: SigningKey,
    public: PublicKey,
    id: String,
    jwk: String,
    /// PKCS#8, as hosts take it; of RSA keys only.
    pkcs8: Option<Zeroizing<Vec<u8>>>,
}

impl TokenKey {
    /// Reads a private key in PEM. Without `id` it is named by its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// Where it is neither RSA of 2048 bit or more nor P-256.
    pub fn from_pem(text: &str, id: Option<&str>) -> Result<Self, SigningKeyError> {
        let key = SigningKey::from_pem(text)?;
        let public = PublicKey::from_spki(key.spki()).map_err(|_| SigningKeyError::Key)?;
        let (numbers, algorithm, pkcs8) = match &key.kind {
            Kind::P256(_) => {
                // The SPKI ends in the uncompressed point (RFC 5480, 2.2).
                let point = key.spki().last_chunk::<64>().ok_or(SigningKeyError::Key)?;
                let (x, y) = point.split_at(32);
                let numbers =
                    format!(r#""crv":"P-256","kty":"EC","x":"{}","y":"{}""#, encoded(x), encoded(y));
                (numbers, TokenAlgorithm::Es256, None)
            }
            Kind::Rsa(rsa) => {
                let numbers = format!(
                    r#""e":"{}","kty":"RSA","n":"{}""#,
                    number(&rsa.e_bytes()),
                    number(&rsa.n_bytes())
                );
                let pkcs8 = rsa.to_pkcs8_der().map_err(|_| SigningKeyError::Key)?;
                (numbers, TokenAlgorithm::Rs256, Some(Zeroizing::new(pkcs8.as_bytes().to_vec())))
            }
        };
        // The members above stand in the order that the thumbprint wants, and there are no others in it.
        let thumbprint = || encoded(&sha256(format!("{{{numbers}}}").as_bytes()));
        let id = id.map_or_else(thumbprint, str::to_owned);
        let jwk = format!(r#"{{{numbers},"kid":"{id}","use":"sig","alg":"{}"}}"#, algorithm.name());
        Ok(Self { key, public, id, jwk, pkcs8 })
    }

    /// Its name, `kid`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> TokenAlgorithm {
        if self.key.is_rsa() { TokenAlgorithm::Rs256 } else { TokenAlgorithm::Es256 }
    }

    /// Its public part as a JWK (RFC 7517), JSON.
    #[must_use]
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// Signs: for ES256 r and s at full length (RFC 7518, 3.4).
    ///
    /// # Errors
    /// For RS256 where the host cannot sign, or its signature is not that of this key over `message`.
    pub fn sign(&self, host: &dyn Host, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let Some(pkcs8) = &self.pkcs8 else { return self.key.sign(host, message) };
        let question = NativeSigning { hash: "sha256", private_key: pkcs8, message };
        let signature = host.sign_natively(&question).ok_or(SigningFailed)?;
        // A faulty signature would give the private key away (Boneh, DeMillo, Lipton).
        verify(host, &self.public, SignatureAlgorithm::RsaSha256, message, &signature)
            .map_err(|_| SigningFailed)?;
        Ok(signature)
    }
}

impl std::fmt::Debug for TokenKey {
    /// Only its name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.id)
    }
}

fn encoded(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// `Base64urlUInt` (RFC 7518, 2): no leading zero.
fn number(octets: &[u8]) -> String {
    let first = octets.iter().position(|octet| *octet != 0).unwrap_or_default();
    encoded(octets.get(first..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::test_host::TestHost;
    use crate::common::{HostError, Level, NativeSignature, NativeVerdict, UnixMillis};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const EC: &str = include_str!("../../tests/vectors/saml/idp-ec.key.pem");
    const RSA: &str = include_str!("../../tests/vectors/saml/idp.key.pem");
    /// The key of RFC 6979, A.2.5, as PKCS#8.
    const RFC_6979: &str = include_str!("../../tests/vectors/rfc6979-p256.key.pem");

    /// A host that signs as it is told: with this key, or something else.
    struct Signer(Option<SigningKey>);

    impl Host for Signer {
        fn now(&self) -> UnixMillis {
            UnixMillis(0)
        }
        fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
            buffer.fill(7);
            Ok(())
        }
        fn shared_get(&self, _: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
            Err(HostError::Unavailable)
        }
        fn shared_set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), HostError> {
            Err(HostError::Unavailable)
        }
        fn verify_natively(&self, _: &NativeSignature<'_>) -> NativeVerdict {
            NativeVerdict::Unavailable
        }
        fn sign_natively(&self, question: &NativeSigning<'_>) -> Option<Vec<u8>> {
            self.0.as_ref()?.sign(self, question.message).ok()
        }
        fn request_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
            Err(HostError::WrongPhase)
        }
        fn response_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
            Err(HostError::WrongPhase)
        }
        fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
            None
        }
        fn count(&self, _: &str) {}
        fn log(&self, _: Level, _: &str) {}
    }

    #[test]
    fn the_nonce_of_ecdsa_is_that_of_rfc_6979() {
        let key = TokenKey::from_pem(RFC_6979, None).unwrap();
        let host = TestHost::default();
        host.random_fails.set(true);
        let hex: String =
            key.sign(&host, b"sample").unwrap().iter().map(|octet| format!("{octet:02X}")).collect();
        assert_eq!(
            hex,
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        );
    }

    #[test]
    fn the_public_part_is_published_and_nothing_else() {
        let key = TokenKey::from_pem(RFC_6979, Some("k1")).unwrap();
        assert_eq!(
            key.jwk(),
            r#"{"crv":"P-256","kty":"EC","x":"YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y","y":"eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk","kid":"k1","use":"sig","alg":"ES256"}"#
        );
        let rsa = TokenKey::from_pem(RSA, Some("k2")).unwrap();
        let jwk: serde_json::Value = serde_json::from_str(rsa.jwk()).unwrap();
        let names: Vec<&String> = jwk.as_object().unwrap().keys().collect();
        assert_eq!(names, ["e", "kty", "n", "kid", "use", "alg"]);
        assert_eq!((jwk["e"].as_str(), jwk["alg"].as_str()), (Some("AQAB"), Some("RS256")));
    }

    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let key = TokenKey::from_pem(EC, None).unwrap();
        assert_eq!(key.id().len(), 43);
        assert_eq!(TokenKey::from_pem(EC, None).unwrap().id(), key.id());
        assert_ne!(TokenKey::from_pem(RFC_6979, None).unwrap().id(), key.id());
    }

    #[test]
    fn rs256_is_signed_by_the_host_or_not_at_all() {
        let key = TokenKey::from_pem(RSA, None).unwrap();
        assert_eq!(key.sign(&TestHost::default(), b"m"), Err(SigningFailed));
        assert_eq!(key.sign(&Signer(None), b"m"), Err(SigningFailed));
        let signer = Signer(Some(SigningKey::from_pem(RSA).unwrap()));
        assert_eq!(key.sign(&signer, b"m").unwrap().len(), 256);
    }

    #[test]
    fn a_signature_of_the_host_that_is_wrong_is_not_used() {
        let key = TokenKey::from_pem(RSA, None).unwrap();
        let other = include_str!("../../tests/vectors/saml/other.key.pem");
        for wrong in [other, EC] {
            let signer = Signer(Some(SigningKey::from_pem(wrong).unwrap()));
            assert_eq!(key.sign(&signer, b"m"), Err(SigningFailed));
        }
    }
}
