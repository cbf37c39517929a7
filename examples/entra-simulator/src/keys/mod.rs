//! The signing keys and certificates of the simulated tenant.

pub mod algorithm;
pub mod files;
pub mod token;

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, SignatureAlgorithm,
};
use ring::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, RsaEncoding, RsaKeyPair},
};
use rsa::{
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
    rand_core::UnwrapErr,
};

pub use algorithm::{Algorithm, Hash};

const RSA_FILES: [&str; 2] = ["signing-key.der", "signing-certificate.der"];
const P256_FILES: [&str; 2] = ["signing-key-p256.der", "signing-certificate-p256.der"];
const P384_FILES: [&str; 2] = ["signing-key-p384.der", "signing-certificate-p384.der"];
/// Clearly not Microsoft's, and otherwise like the certificates Entra makes.
const COMMON_NAME: &str = "Entra Simulator Federated SSO Certificate (not Microsoft)";

/// `DigestInfo` of a SHA-1 hash up to the hash (RFC 8017, 9.2).
const SHA1_PREFIX: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// The keys of the tenant: RSA-2048 as Entra has it, and two elliptic ones as other providers have.
pub struct SigningKey {
    rsa: RsaKeyPair,
    /// The same; `ring` does not sign SHA-1.
    old: rsa::RsaPrivateKey,
    certificate: Vec<u8>,
    p256: Elliptic,
    p384: Elliptic,
}

/// A key on a curve, with its certificate.
struct Elliptic {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
}

impl SigningKey {
    /// Makes new keys with self-signed certificates.
    ///
    /// # Errors
    /// A key or certificate could not be made.
    pub fn generate() -> Result<Self, String> {
        let elliptic = [elliptic_der(&PKCS_ECDSA_P256_SHA256)?, elliptic_der(&PKCS_ECDSA_P384_SHA384)?];
        Self::from_der(rsa_der()?, elliptic)
    }

    /// Reads keys and certificates from a directory, and makes there what is missing.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood.
    pub fn load_or_make(directory: &Path) -> Result<Self, String> {
        let rsa = files::load_or_make(directory, RSA_FILES, rsa_der)?;
        let p256 = files::load_or_make(directory, P256_FILES, || elliptic_der(&PKCS_ECDSA_P256_SHA256))?;
        let p384 = files::load_or_make(directory, P384_FILES, || elliptic_der(&PKCS_ECDSA_P384_SHA384))?;
        Self::from_der(rsa, [p256, p384])
    }

    fn from_der(rsa: (Vec<u8>, Vec<u8>), [p256, p384]: [(Vec<u8>, Vec<u8>); 2]) -> Result<Self, String> {
        let (key, certificate) = rsa;
        let old = rsa::RsaPrivateKey::from_pkcs8_der(&key)
            .map_err(|error| format!("unusable signing key: {error}"))?;
        let rsa = RsaKeyPair::from_pkcs8(&key).map_err(|error| format!("unusable signing key: {error}"))?;
        let p256 = Elliptic::from_der(p256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let p384 = Elliptic::from_der(p384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING)?;
        Ok(Self { rsa, old, certificate, p256, p384 })
    }

    /// The RSA certificate as one line of base64, as it stands in metadata and messages.
    #[must_use]
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// The certificate of the key that signs by an algorithm, as one line of base64.
    #[must_use]
    pub fn certificate_for(&self, algorithm: Algorithm) -> String {
        STANDARD.encode(match algorithm {
            Algorithm::EcdsaSha256 => &self.p256.certificate,
            Algorithm::EcdsaSha384 => &self.p384.certificate,
            _ => &self.certificate,
        })
    }

    /// The certificate for an algorithm as PEM.
    #[must_use]
    pub fn certificate_pem(&self, algorithm: Algorithm) -> String {
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        for (place, character) in self.certificate_for(algorithm).chars().enumerate() {
            if place > 0 && place % 64 == 0 {
                out.push('\n');
            }
            out.push(character);
        }
        out.push_str("\n-----END CERTIFICATE-----\n");
        out
    }

    /// Signature as base64; of an elliptic key as XML signatures want it, `r` and `s` without frame.
    ///
    /// # Errors
    /// The key refused to sign.
    pub fn sign_base64(&self, message: &[u8], algorithm: Algorithm) -> Result<String, String> {
        let signed = match algorithm {
            Algorithm::RsaSha256 => rsa_sign(&self.rsa, &signature::RSA_PKCS1_SHA256, message),
            Algorithm::RsaSha384 => rsa_sign(&self.rsa, &signature::RSA_PKCS1_SHA384, message),
            Algorithm::RsaSha512 => rsa_sign(&self.rsa, &signature::RSA_PKCS1_SHA512, message),
            Algorithm::RsaPssSha256 => rsa_sign(&self.rsa, &signature::RSA_PSS_SHA256, message),
            Algorithm::RsaPssSha384 => rsa_sign(&self.rsa, &signature::RSA_PSS_SHA384, message),
            Algorithm::RsaPssSha512 => rsa_sign(&self.rsa, &signature::RSA_PSS_SHA512, message),
            Algorithm::EcdsaSha256 => self.p256.sign(message),
            Algorithm::EcdsaSha384 => self.p384.sign(message),
            Algorithm::RsaSha1 => {
                let padding =
                    rsa::Pkcs1v15Sign { hash_len: Some(20), prefix: SHA1_PREFIX.to_vec().into_boxed_slice() };
                self.old.sign(padding, &Hash::Sha1.of(message)).ok()
            }
        };
        signed.map(|out| STANDARD.encode(out)).ok_or_else(|| "the signature could not be made".to_owned())
    }
}

impl Elliptic {
    fn from_der(
        (key, certificate): (Vec<u8>, Vec<u8>),
        algorithm: &'static EcdsaSigningAlgorithm,
    ) -> Result<Self, String> {
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &key, &SystemRandom::new())
            .map_err(|error| format!("unusable signing key: {error}"))?;
        Ok(Self { key, certificate })
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.key.sign(&SystemRandom::new(), message).ok().map(|signed| signed.as_ref().to_vec())
    }
}

fn rsa_sign(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0u8; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut out).ok().map(|()| out)
}

/// The hash as base64.
#[must_use]
pub fn hash_base64(message: &[u8], hash: Hash) -> String {
    STANDARD.encode(hash.of(message))
}

/// A new RSA key in PKCS#8.
pub(crate) fn new_rsa() -> Result<Vec<u8>, String> {
    let private = rsa::RsaPrivateKey::new(&mut UnwrapErr(getrandom::SysRng), 2048)
        .map_err(|error| format!("no RSA key could be made: {error}"))?;
    let key = private.to_pkcs8_der().map_err(|error| format!("the key cannot be written: {error}"))?;
    Ok(key.as_bytes().to_vec())
}

fn rsa_der() -> Result<(Vec<u8>, Vec<u8>), String> {
    let key = new_rsa()?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.as_slice().into(), &PKCS_RSA_SHA256)
        .map_err(|error| format!("the key cannot be used: {error}"))?;
    Ok((key, self_signed(&pair)?))
}

fn elliptic_der(algorithm: &'static SignatureAlgorithm) -> Result<(Vec<u8>, Vec<u8>), String> {
    let pair = KeyPair::generate_for(algorithm).map_err(|error| format!("no key could be made: {error}"))?;
    let certificate = self_signed(&pair)?;
    Ok((pair.serialize_der(), certificate))
}

fn self_signed(pair: &KeyPair) -> Result<Vec<u8>, String> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, COMMON_NAME);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.not_before = rcgen::date_time_ymd(2025, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2045, 1, 1);
    let made =
        parameters.self_signed(pair).map_err(|error| format!("no certificate could be made: {error}"))?;
    Ok(made.der().to_vec())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::{Algorithm, SigningKey};

    /// One set of keys for all tests: making an RSA key takes a moment.
    pub(crate) fn shared_key() -> &'static SigningKey {
        static KEY: OnceLock<SigningKey> = OnceLock::new();
        KEY.get_or_init(|| SigningKey::generate().unwrap())
    }

    #[test]
    fn the_same_certificates_are_read_again() {
        let directory =
            std::env::temp_dir().join(format!("entra-simulator-{}", crate::random::guid().unwrap()));
        let [first, second] = [(), ()].map(|()| {
            let key = SigningKey::load_or_make(&directory).unwrap();
            [Algorithm::RsaSha256, Algorithm::EcdsaSha256, Algorithm::EcdsaSha384]
                .map(|algorithm| key.certificate_for(algorithm))
        });
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(first, second);
        assert!(first[0].starts_with("MII") && first[0] != first[1] && first[1] != first[2]);
    }

    #[test]
    fn pem_lines_are_at_most_64_characters() {
        let pem = shared_key().certificate_pem(Algorithm::RsaSha256);
        assert!(pem.lines().all(|line| line.len() <= 64));
        assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    }

    #[test]
    fn pss_is_verified_by_another_library() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let key = shared_key();
        let signed = |by: Algorithm| {
            STANDARD
                .decode(key.sign_base64(b"message", by).unwrap())
                .map(|it| (it, by.hash().of(b"message")))
                .unwrap()
        };
        let public = key.old.to_public_key();
        let (signature, hash) = signed(Algorithm::RsaPssSha256);
        assert!(public.verify(rsa::Pss::<sha2::Sha256>::new(), &hash, &signature).is_ok());
        let (signature, hash) = signed(Algorithm::RsaPssSha384);
        assert!(public.verify(rsa::Pss::<sha2::Sha384>::new(), &hash, &signature).is_ok());
        let (signature, hash) = signed(Algorithm::RsaPssSha512);
        assert!(public.verify(rsa::Pss::<sha2::Sha512>::new(), &hash, &signature).is_ok());
    }

    #[test]
    fn signatures_of_elliptic_keys_have_no_frame() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        for (algorithm, length) in [(Algorithm::EcdsaSha256, 64), (Algorithm::EcdsaSha384, 96)] {
            let signed = shared_key().sign_base64(b"message", algorithm).unwrap();
            assert_eq!(STANDARD.decode(signed).unwrap().len(), length);
        }
    }
}
