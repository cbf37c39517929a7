//! *Token encryption*: an assertion for the holder of one RSA key (XML Encryption 1.1).

use aes::Aes256;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::cipher::{Array, BlockModeEncrypt, KeyIvInit};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use rsa::{Oaep, RsaPublicKey, pkcs8::DecodePublicKey, rand_core::UnwrapErr};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;
use x509_cert::der::{Decode, Encode};

use crate::{
    random,
    xml::{ASSERTION, ENCRYPTION, ENCRYPTION_11, Element, SIGNATURE},
};

/// How the content is encrypted. Entra says "AES-256", and most likely means the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cipher {
    #[default]
    #[serde(rename = "aes256-gcm")]
    Aes256Gcm,
    #[serde(rename = "aes128-gcm")]
    Aes128Gcm,
    #[serde(rename = "aes256-cbc")]
    Aes256Cbc,
}

/// How the key of the content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KeyTransport {
    /// RSA-OAEP with SHA-1 throughout.
    #[default]
    #[serde(rename = "rsa-oaep-mgf1p")]
    OaepMgf1p,
    /// RSA-OAEP with SHA-256 throughout.
    #[serde(rename = "rsa-oaep-sha256")]
    OaepSha256,
}

impl Cipher {
    /// All, as a page offers them.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Aes256Gcm, "aes256-gcm", "AES-256-GCM"),
        (Self::Aes128Gcm, "aes128-gcm", "AES-128-GCM"),
        (Self::Aes256Cbc, "aes256-cbc", "AES-256-CBC"),
    ];

    const fn uri(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }

    /// The key and the text, ready to be encoded.
    fn encrypt(self, plain: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
        let long: [u8; 32] = random::bytes()?;
        match self {
            Self::Aes256Gcm => Ok((long.to_vec(), gcm(&AES_256_GCM, &long, plain)?)),
            Self::Aes128Gcm => {
                let short: [u8; 16] = random::bytes()?;
                Ok((short.to_vec(), gcm(&AES_128_GCM, &short, plain)?))
            }
            Self::Aes256Cbc => Ok((long.to_vec(), cbc(&long, plain)?)),
        }
    }
}

fn gcm(algorithm: &'static Algorithm, key: &[u8], plain: &str) -> Result<Vec<u8>, String> {
    let failed = |_| "the assertion could not be encrypted".to_owned();
    let vector: [u8; 12] = random::bytes()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(failed)?);
    let mut text = plain.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key(vector);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text).map_err(failed)?;
    Ok([vector.as_slice(), &text].concat())
}

/// The padding of XML Encryption 5.2.1: random octets, the last of which counts them.
fn cbc(key: &[u8; 32], plain: &str) -> Result<Vec<u8>, String> {
    let vector: [u8; 16] = random::bytes()?;
    let mut text = plain.as_bytes().to_vec();
    let missing = 16 - text.len() % 16;
    let filling: [u8; 16] = random::bytes()?;
    text.extend(filling.iter().take(missing - 1));
    text.push(u8::try_from(missing).unwrap_or(16));
    let failed = "the assertion could not be encrypted";
    let mut encryptor = cbc::Encryptor::<Aes256>::new_from_slices(key, &vector).map_err(|_| failed)?;
    for chunk in text.chunks_exact_mut(16) {
        encryptor.encrypt_block(<&mut Array<u8, _>>::try_from(chunk).map_err(|_| failed)?);
    }
    Ok([vector.as_slice(), &text].concat())
}

/// The RSA key in a certificate, which is PEM or base64.
///
/// # Errors
/// No certificate, or none with an RSA key.
pub fn public_key(certificate: &str) -> Result<RsaPublicKey, String> {
    let der = spki_of(certificate)?;
    RsaPublicKey::from_public_key_der(&der).map_err(|_| "the certificate has no RSA key".to_owned())
}

/// The `SubjectPublicKeyInfo` of a certificate in DER.
///
/// # Errors
/// No certificate.
pub fn spki_of(certificate: &str) -> Result<Vec<u8>, String> {
    let base64: String = certificate
        .lines()
        .filter(|line| !line.contains("-----"))
        .flat_map(str::chars)
        .filter(|character| !character.is_whitespace())
        .collect();
    let der = STANDARD.decode(base64).map_err(|_| "the certificate is neither PEM nor base64")?;
    let certificate =
        x509_cert::Certificate::from_der(&der).map_err(|_| "this is no certificate".to_owned())?;
    let key = certificate.tbs_certificate().subject_public_key_info().to_der();
    key.map_err(|_| "the certificate has no key".to_owned())
}

/// An `EncryptedAssertion` with the text of an assertion in it.
///
/// # Errors
/// An unusable certificate, or no random numbers.
pub fn encrypted(
    plain: &str,
    certificate: &str,
    cipher: Cipher,
    transport: KeyTransport,
) -> Result<Element, String> {
    let recipient = public_key(certificate)?;
    let (key, text) = cipher.encrypt(plain)?;
    let mut random = UnwrapErr(getrandom::SysRng);
    let wrapped = match transport {
        KeyTransport::OaepMgf1p => recipient.encrypt(&mut random, Oaep::<Sha1>::new(), &key),
        KeyTransport::OaepSha256 => recipient.encrypt(&mut random, Oaep::<Sha256>::new(), &key),
    };
    let wrapped = wrapped.map_err(|error| format!("the key could not be encrypted: {error}"))?;
    let data = Element::new(ENCRYPTION, "EncryptedData")
        .with("Type", "http://www.w3.org/2001/04/xmlenc#Element")
        .child(Element::new(ENCRYPTION, "EncryptionMethod").with("Algorithm", cipher.uri()))
        .child(Element::new(SIGNATURE, "KeyInfo").child(encrypted_key(transport, &wrapped)))
        .child(value(&text));
    Ok(Element::new(ASSERTION, "EncryptedAssertion").child(data))
}

fn encrypted_key(transport: KeyTransport, wrapped: &[u8]) -> Element {
    let digest = |uri: &str| Element::new(SIGNATURE, "DigestMethod").with("Algorithm", uri);
    let method = Element::new(ENCRYPTION, "EncryptionMethod");
    let method = match transport {
        KeyTransport::OaepMgf1p => method
            .with("Algorithm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p")
            .child(digest("http://www.w3.org/2000/09/xmldsig#sha1")),
        KeyTransport::OaepSha256 => method
            .with("Algorithm", "http://www.w3.org/2009/xmlenc11#rsa-oaep")
            .child(digest("http://www.w3.org/2001/04/xmlenc#sha256"))
            .child(
                Element::new(ENCRYPTION_11, "MGF")
                    .with("Algorithm", "http://www.w3.org/2009/xmlenc11#mgf1sha256"),
            ),
    };
    Element::new(ENCRYPTION, "EncryptedKey").child(method).child(value(wrapped))
}

fn value(octets: &[u8]) -> Element {
    let text = Element::new(ENCRYPTION, "CipherValue").text(STANDARD.encode(octets));
    Element::new(ENCRYPTION, "CipherData").child(text)
}
