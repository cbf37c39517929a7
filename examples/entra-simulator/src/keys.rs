//! The signing key and certificate of the simulated tenant.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256};
use ring::{digest, rand::SystemRandom, signature};
use rsa::{
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
    rand_core::UnwrapErr,
};

const KEY_FILE: &str = "signing-key.der";
const CERTIFICATE_FILE: &str = "signing-certificate.der";
/// Clearly not Microsoft's, and otherwise like the certificates Entra makes.
const COMMON_NAME: &str = "Entra Simulator Federated SSO Certificate (not Microsoft)";

/// *Signing algorithm* of the SAML signing certificate page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The default.
    Sha256,
    /// For applications that know nothing newer.
    Sha1,
}

/// `DigestInfo` of a SHA-1 hash up to the hash (RFC 8017, 9.2).
const SHA1_PREFIX: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// A key pair that signs as Entra does: RSA-2048, PKCS#1 v1.5.
pub struct SigningKey {
    key: signature::RsaKeyPair,
    /// The same; `ring` does not sign SHA-1.
    old: rsa::RsaPrivateKey,
    certificate: Vec<u8>,
}

impl SigningKey {
    /// Makes a new key with a self-signed certificate.
    ///
    /// # Errors
    /// The key or certificate could not be made.
    pub fn generate() -> Result<Self, String> {
        let (key, certificate) = generate()?;
        Self::from_der(&key, certificate)
    }

    /// Reads key and certificate from a directory, and makes them there if they are missing.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood.
    pub fn load_or_make(directory: &Path) -> Result<Self, String> {
        let key_path = directory.join(KEY_FILE);
        let certificate_path = directory.join(CERTIFICATE_FILE);
        if !key_path.exists() || !certificate_path.exists() {
            fs::create_dir_all(directory).map_err(|error| cannot("make", directory, &error))?;
            let (key, certificate) = generate()?;
            write_private(&key_path, &key)?;
            fs::write(&certificate_path, certificate)
                .map_err(|error| cannot("write", &certificate_path, &error))?;
        }
        let key = fs::read(&key_path).map_err(|error| cannot("read", &key_path, &error))?;
        let certificate =
            fs::read(&certificate_path).map_err(|error| cannot("read", &certificate_path, &error))?;
        Self::from_der(&key, certificate)
    }

    fn from_der(key: &[u8], certificate: Vec<u8>) -> Result<Self, String> {
        let old = rsa::RsaPrivateKey::from_pkcs8_der(key)
            .map_err(|error| format!("unusable signing key: {error}"))?;
        let key = signature::RsaKeyPair::from_pkcs8(key)
            .map_err(|error| format!("unusable signing key: {error}"))?;
        Ok(Self { key, old, certificate })
    }

    /// The certificate as one line of base64, as it stands in metadata and messages.
    #[must_use]
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        for (place, character) in self.certificate_base64().chars().enumerate() {
            if place > 0 && place % 64 == 0 {
                out.push('\n');
            }
            out.push(character);
        }
        out.push_str("\n-----END CERTIFICATE-----\n");
        out
    }

    /// RSA signature as base64.
    ///
    /// # Errors
    /// The key refused to sign.
    pub fn sign_base64(&self, message: &[u8], algorithm: Algorithm) -> Result<String, String> {
        let signed = match algorithm {
            Algorithm::Sha256 => {
                let mut out = vec![0u8; self.key.public().modulus_len()];
                let random = SystemRandom::new();
                self.key.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut out).ok().map(|()| out)
            }
            Algorithm::Sha1 => {
                let padding =
                    rsa::Pkcs1v15Sign { hash_len: Some(20), prefix: SHA1_PREFIX.to_vec().into_boxed_slice() };
                self.old.sign(padding, &hash(message, algorithm)).ok()
            }
        };
        signed.map(|out| STANDARD.encode(out)).ok_or_else(|| "the signature could not be made".to_owned())
    }
}

fn hash(message: &[u8], algorithm: Algorithm) -> Vec<u8> {
    let algorithm = match algorithm {
        Algorithm::Sha256 => &digest::SHA256,
        Algorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
    };
    digest::digest(algorithm, message).as_ref().to_vec()
}

/// The hash as base64.
#[must_use]
pub fn hash_base64(message: &[u8], algorithm: Algorithm) -> String {
    STANDARD.encode(hash(message, algorithm))
}

fn generate() -> Result<(Vec<u8>, Vec<u8>), String> {
    let private = rsa::RsaPrivateKey::new(&mut UnwrapErr(getrandom::SysRng), 2048)
        .map_err(|error| format!("no RSA key could be made: {error}"))?;
    let key = private.to_pkcs8_der().map_err(|error| format!("the key cannot be written: {error}"))?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.as_bytes().into(), &PKCS_RSA_SHA256)
        .map_err(|error| format!("the key cannot be used: {error}"))?;
    let certificate = certificate_parameters()
        .self_signed(&pair)
        .map_err(|error| format!("no certificate could be made: {error}"))?;
    Ok((key.as_bytes().to_vec(), certificate.der().to_vec()))
}

fn certificate_parameters() -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, COMMON_NAME);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.not_before = rcgen::date_time_ymd(2025, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2045, 1, 1);
    parameters
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// It cannot be written.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), String> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|error| cannot("write", path, &error))?;
    file.write_all(contents).map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::SigningKey;

    /// One key for all tests: making one takes a moment.
    pub(crate) fn shared_key() -> &'static SigningKey {
        static KEY: OnceLock<SigningKey> = OnceLock::new();
        KEY.get_or_init(|| SigningKey::generate().unwrap())
    }

    #[test]
    fn the_same_certificate_is_read_again() {
        let directory =
            std::env::temp_dir().join(format!("entra-simulator-{}", crate::random::guid().unwrap()));
        let first = SigningKey::load_or_make(&directory).unwrap().certificate_base64();
        let second = SigningKey::load_or_make(&directory).unwrap().certificate_base64();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(first, second);
        assert!(first.starts_with("MII"));
    }

    #[test]
    fn pem_lines_are_at_most_64_characters() {
        let pem = shared_key().certificate_pem();
        assert!(pem.lines().all(|line| line.len() <= 64));
        assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    }
}
