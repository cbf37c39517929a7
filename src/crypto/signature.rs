//! Verification of signatures: by the host where it can, here where it cannot.

use rsa::pkcs1v15::Pkcs1v15Sign;
use sha2::{Sha256, Sha384, Sha512};

use super::certificate::PublicKey;
use super::digest::{sha256, sha384, sha512};
use crate::common::{Host, NativeSignature, NativeVerdict};

/// The signature algorithms there are. A name that is not here does not exist for us: no HMAC, no SHA-1, no MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2).
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
}

/// The signature is not that of this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureError;

impl std::fmt::Display for SignatureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the signature is not of this key")
    }
}

impl std::error::Error for SignatureError {}

/// Verifies `signature` over `message`.
///
/// # Errors
/// [`SignatureError`] where it is wrong in any way.
pub fn verify(
    host: &dyn Host,
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    // RFC 8017, 8.2.2, step 1. Checked before any implementation sees it, so that all agree.
    if signature.len() != key.size() {
        return Err(SignatureError);
    }
    let hash = match algorithm {
        SignatureAlgorithm::RsaSha256 => "sha256",
        SignatureAlgorithm::RsaSha384 => "sha384",
        SignatureAlgorithm::RsaSha512 => "sha512",
    };
    match host.verify_natively(&NativeSignature { hash, spki: key.spki(), signature, message }) {
        NativeVerdict::Valid => Ok(()),
        NativeVerdict::Invalid => Err(SignatureError),
        NativeVerdict::Unavailable => verify_here(key, algorithm, message, signature),
    }
}

fn verify_here(
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let rsa = key.rsa();
    match algorithm {
        SignatureAlgorithm::RsaSha256 => {
            rsa.verify(Pkcs1v15Sign::new::<Sha256>(), &sha256(message), signature)
        }
        SignatureAlgorithm::RsaSha384 => {
            rsa.verify(Pkcs1v15Sign::new::<Sha384>(), &sha384(message), signature)
        }
        SignatureAlgorithm::RsaSha512 => {
            rsa.verify(Pkcs1v15Sign::new::<Sha512>(), &sha512(message), signature)
        }
    }
    .map_err(|_| SignatureError)
}
