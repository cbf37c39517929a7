//! Verification of signatures: by the host where it can, here where it cannot.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::PublicKeyParts;
use rsa::{Pss, RsaPublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::certificate::{KeyKind, PublicKey};
use super::digest::{sha1, sha256, sha384, sha512};
use crate::common::{Host, NativeSignature, NativeVerdict};

/// A signature is tried with so many keys at most.
pub const MAX_KEYS: usize = 16;

/// The signature algorithms there are. A name that is not here does not exist for us: no HMAC, no MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2).
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-1: only where an operator accepts it by name.
    RsaSha1,
    /// RSASSA-PSS with SHA-256, MGF1 of the same and a salt as long as the hash (RFC 8017, 8.1; RFC 9231, 2.3.10).
    PssSha256,
    /// RSASSA-PSS with SHA-384.
    PssSha384,
    /// RSASSA-PSS with SHA-512.
    PssSha512,
    /// ECDSA with SHA-256; the signature is r and s at full length (XML Signature 6.4.3).
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(message).to_vec(),
            Self::Sha256 => sha256(message).to_vec(),
            Self::Sha384 => sha384(message).to_vec(),
            Self::Sha512 => sha512(message).to_vec(),
        }
    }
}

impl SignatureAlgorithm {
    fn is_rsa(self) -> bool {
        !matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512)
    }

    fn is_pss(self) -> bool {
        matches!(self, Self::PssSha256 | Self::PssSha384 | Self::PssSha512)
    }

    /// Whether the host is asked: it knows PKCS#1 v1.5 and ECDSA with SHA-2.
    fn is_known_to_hosts(self) -> bool {
        !self.is_pss() && self != Self::RsaSha1
    }

    fn hash(self) -> Hash {
        match self {
            Self::RsaSha1 => Hash::Sha1,
            Self::RsaSha256 | Self::PssSha256 | Self::EcdsaSha256 => Hash::Sha256,
            Self::RsaSha384 | Self::PssSha384 | Self::EcdsaSha384 => Hash::Sha384,
            Self::RsaSha512 | Self::PssSha512 | Self::EcdsaSha512 => Hash::Sha512,
        }
    }
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
/// [`SignatureError`] where it is wrong in any way, or of another kind than the key.
pub fn verify(
    host: &dyn Host,
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let hash = algorithm.hash();
    let native = |signature: &[u8]| {
        if !algorithm.is_known_to_hosts() {
            return NativeVerdict::Unavailable;
        }
        host.verify_natively(&NativeSignature { hash: hash.name(), spki: key.spki(), signature, message })
    };
    // The length is checked before any implementation sees the signature, so that all agree.
    let verdict = match key.kind() {
        KeyKind::Rsa(rsa) if algorithm.is_rsa() && signature.len() == rsa.size() => native(signature),
        KeyKind::P256(_) if !algorithm.is_rsa() && signature.len() == 64 => native(&der_of(signature)?),
        KeyKind::P384(_) if !algorithm.is_rsa() && signature.len() == 96 => native(&der_of(signature)?),
        _ => return Err(SignatureError),
    };
    match verdict {
        NativeVerdict::Valid => Ok(()),
        NativeVerdict::Invalid => Err(SignatureError),
        NativeVerdict::Unavailable => verify_here(key, algorithm, &hash.of(message), signature),
    }
}

fn verify_here(
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    match key.kind() {
        KeyKind::Rsa(rsa) if algorithm.is_pss() => verify_pss(rsa, algorithm.hash(), digest, signature),
        KeyKind::Rsa(rsa) => verify_rsa(rsa, algorithm.hash(), digest, signature),
        KeyKind::P256(key) => {
            let signature = p256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError)?;
            key.verify_prehash(digest, &signature).map_err(|_| SignatureError)
        }
        KeyKind::P384(key) => {
            let signature = p384::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError)?;
            key.verify_prehash(digest, &signature).map_err(|_| SignatureError)
        }
    }
}

fn verify_rsa(rsa: &RsaPublicKey, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let scheme = match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    };
    rsa.verify(scheme, digest, signature).map_err(|_| SignatureError)
}

fn verify_pss(rsa: &RsaPublicKey, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    match hash {
        Hash::Sha1 => return Err(SignatureError),
        Hash::Sha256 => rsa.verify(Pss::<Sha256>::new(), digest, signature),
        Hash::Sha384 => rsa.verify(Pss::<Sha384>::new(), digest, signature),
        Hash::Sha512 => rsa.verify(Pss::<Sha512>::new(), digest, signature),
    }
    .map_err(|_| SignatureError)
}

/// `Ecdsa-Sig-Value` (RFC 3279, 2.2.3) of r and s, each half of `raw`.
fn der_of(raw: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let half = raw.len().checked_div(2).ok_or(SignatureError)?;
    let (r, s) = raw.split_at_checked(half).ok_or(SignatureError)?;
    let inside = [integer(r)?, integer(s)?].concat();
    let length = u8::try_from(inside.len()).ok().filter(|length| *length < 128).ok_or(SignatureError)?;
    Ok([&[0x30, length], inside.as_slice()].concat())
}

/// A positive INTEGER in DER: no leading zeros but the one that keeps it positive.
fn integer(octets: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let first = octets.iter().position(|byte| *byte != 0).ok_or(SignatureError)?;
    let digits = octets.get(first..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    let value = [sign, digits].concat();
    let length = u8::try_from(value.len()).map_err(|_| SignatureError)?;
    Ok([&[0x02, length], value.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_signature_of_another_kind_or_length_is_not_even_tried() {
        let rsa = include_str!("../../tests/vectors/saml/idp.cert.pem");
        let ec = include_str!("../../tests/vectors/saml/idp-ec.cert.pem");
        let host = crate::common::test_host::TestHost::default();
        for (certificate, algorithm, length) in [
            (rsa, SignatureAlgorithm::RsaSha256, 255),
            (rsa, SignatureAlgorithm::RsaSha256, 257),
            (rsa, SignatureAlgorithm::RsaSha256, 0),
            (rsa, SignatureAlgorithm::EcdsaSha256, 256),
            (ec, SignatureAlgorithm::RsaSha256, 64),
            (ec, SignatureAlgorithm::EcdsaSha256, 63),
            (ec, SignatureAlgorithm::EcdsaSha256, 96),
        ] {
            let key = PublicKey::from_certificate(certificate).unwrap();
            assert_eq!(verify(&host, &key, algorithm, b"m", &vec![1; length]), Err(SignatureError));
        }
    }

    /// Bleichenbacher's forgery of 2006 and its relatives live from what a verifier does not look at.
    #[test]
    fn padding_that_is_wrong_in_one_thing_is_refused() {
        let key = PublicKey::from_certificate(include_str!("../../tests/vectors/saml/idp.cert.pem")).unwrap();
        let host = crate::common::test_host::TestHost::default();
        let octets = |hex: &str| -> Vec<u8> {
            let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        for line in include_str!("../../tests/vectors/saml/rsa-padding.txt").lines() {
            let [verdict, name, message, signature] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let algorithm = SignatureAlgorithm::RsaSha256;
            let outcome = verify(&host, &key, algorithm, &octets(message), &octets(signature));
            assert_eq!(outcome.is_ok(), verdict == "valid", "{name}");
        }
    }

    #[test]
    fn integers_of_an_ecdsa_signature_are_minimal_and_positive() {
        let mut raw = [0u8; 64];
        raw[31] = 0x7f;
        raw[32] = 0x80;
        let der = der_of(&raw).unwrap();
        assert_eq!(der[..7], [0x30, 38, 0x02, 1, 0x7f, 0x02, 33]);
        assert_eq!(der[7..9], [0, 0x80]);
        assert_eq!(der_of(&[0; 64]), Err(SignatureError), "r and s are at least 1");
    }
}
