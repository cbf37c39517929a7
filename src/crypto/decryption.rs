//! Decryption of XML Encryption as SAML uses it: RSA-OAEP (RFC 8017, 7.1) carries the key, AES the octets.
//!
//! RSA 1.5 and triple DES do not exist here. Nobody can tell from the outcome which step failed: where OAEP fails,
//! decryption goes on with a random key and fails later like any other.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{AesGcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{Array, BlockCipherDecrypt, BlockModeDecrypt, BlockSizeUser, KeyIvInit};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::{PaddingScheme, PublicKeyParts};
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use crate::common::{Host, HostError};

/// Text longer than this is no private key.
const MAX_PEM: usize = 65_536;
const SHORT_BITS: u32 = 2048;

/// An RSA key of this service provider, with which an identity provider's messages are decrypted.
pub struct DecryptionKey {
    key: RsaPrivateKey,
}

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptionKeyError {
    /// Not PEM of one private key (PKCS#8 or PKCS#1), unencrypted.
    Encoding,
    /// Not an RSA private key of 1024 to 8192 bit in DER.
    Key,
}

impl DecryptionKeyError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Encoding => "decryption_key_encoding",
            Self::Key => "decryption_key",
        }
    }
}

impl std::fmt::Display for DecryptionKeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not an unencrypted private key in PEM (PKCS#8 or PKCS#1)",
            Self::Key => "not an RSA private key of 1024 to 8192 bit",
        })
    }
}

impl std::error::Error for DecryptionKeyError {}

impl DecryptionKey {
    /// Reads a private key in PEM: `PRIVATE KEY` (RFC 5208) or `RSA PRIVATE KEY` (RFC 8017, A.1.2).
    ///
    /// # Errors
    /// Where it is not one.
    pub fn from_pem(text: &str) -> Result<Self, DecryptionKeyError> {
        let key = rsa_private(text)?;
        Ok(Self { key })
    }

    /// Whether the modulus has fewer than 2048 bit: a message to it can be read by somebody with enough machines.
    #[must_use]
    pub fn is_short(&self) -> bool {
        is_short(&self.key)
    }

    /// Modulus and public exponent, big-endian: what others encrypt with (XML Signature 4.5.2.2).
    #[must_use]
    pub fn public_parts(&self) -> (Vec<u8>, Vec<u8>) {
        (self.key.n_bytes().to_vec(), self.key.e_bytes().to_vec())
    }

    /// DER of the `SubjectPublicKeyInfo` that belongs to it.
    #[must_use]
    pub fn spki(&self) -> Option<Vec<u8>> {
        Some(RsaPublicKey::from(&self.key).to_public_key_der().ok()?.into_vec())
    }

    /// Octets of the modulus, and of everything that is encrypted to this key.
    #[must_use]
    pub fn size(&self) -> usize {
        self.key.size()
    }
}

impl std::fmt::Debug for DecryptionKey {
    /// Only its size.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecryptionKey(rsa {})", self.size().saturating_mul(8))
    }
}

/// The octets between the lines of a PEM text of this label, white space aside.
pub(super) fn pem_of(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > MAX_PEM {
        return None;
    }
    let rest = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inside = rest.strip_suffix(&format!("-----END {label}-----"))?;
    let packed: Zeroizing<String> =
        Zeroizing::new(inside.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    STANDARD.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}

/// An RSA private key in PEM (PKCS#8 or PKCS#1).
pub(super) fn rsa_private(text: &str) -> Result<RsaPrivateKey, DecryptionKeyError> {
    if let Some(der) = pem_of(text, "PRIVATE KEY") {
        RsaPrivateKey::from_pkcs8_der(&der).map_err(|_| DecryptionKeyError::Key)
    } else if let Some(der) = pem_of(text, "RSA PRIVATE KEY") {
        RsaPrivateKey::from_pkcs1_der(&der).map_err(|_| DecryptionKeyError::Key)
    } else {
        Err(DecryptionKeyError::Encoding)
    }
}

/// Whether the modulus has fewer than 2048 bit.
pub(super) fn is_short(key: &RsaPrivateKey) -> bool {
    key.n().bits() < SHORT_BITS
}

/// A hash within OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1, which OAEP does not need to be free of collisions.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How the key of the message is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTransport {
    /// Of the (empty) label.
    pub digest: OaepHash,
    /// Of the mask generation function MGF1.
    pub mask: OaepHash,
}

/// How the message is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockCipher {
    /// AES-GCM with a key of 16 octets, a nonce of 12 and a tag of 16 (XML Encryption 1.1, 5.2.4).
    Aes128Gcm,
    /// The same with a key of 24 octets.
    Aes192Gcm,
    /// The same with a key of 32 octets.
    Aes256Gcm,
    /// AES-CBC (XML Encryption 1.1, 5.2.2): whoever changes the message is not noticed.
    Aes128Cbc,
    /// The same with a key of 24 octets.
    Aes192Cbc,
    /// The same with a key of 32 octets.
    Aes256Cbc,
}

impl BlockCipher {
    fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes192Gcm | Self::Aes192Cbc => 24,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }

    /// Whether a changed message goes unnoticed.
    #[must_use]
    pub fn is_malleable(self) -> bool {
        matches!(self, Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc)
    }
}

/// The message could not be decrypted. There is no second value: which step failed is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecryptionError;

/// Decrypts `data` with the key that `encrypted_key` holds for `key`. One private-key operation, where the length of
/// `encrypted_key` is that of the modulus; none otherwise.
///
/// # Errors
/// [`DecryptionError`], whatever went wrong.
pub fn decrypt(
    host: &dyn Host,
    key: &DecryptionKey,
    transport: KeyTransport,
    encrypted_key: &[u8],
    cipher: BlockCipher,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptionError> {
    let content_key = content_key(host, key, transport, encrypted_key, cipher.key_length())?;
    match cipher {
        BlockCipher::Aes128Gcm => gcm::<AesGcm<Aes128, U12>>(&content_key, data),
        BlockCipher::Aes192Gcm => gcm::<AesGcm<Aes192, U12>>(&content_key, data),
        BlockCipher::Aes256Gcm => gcm::<AesGcm<Aes256, U12>>(&content_key, data),
        BlockCipher::Aes128Cbc => cipher_block_chaining::<Aes128>(&content_key, data),
        BlockCipher::Aes192Cbc => cipher_block_chaining::<Aes192>(&content_key, data),
        BlockCipher::Aes256Cbc => cipher_block_chaining::<Aes256>(&content_key, data),
    }
}

/// The key of the message, or a random one where there is none: the caller goes on in either case.
fn content_key(
    host: &dyn Host,
    key: &DecryptionKey,
    transport: KeyTransport,
    encrypted: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, DecryptionError> {
    if encrypted.len() != key.size() {
        return Err(DecryptionError);
    }
    let mut chosen = Zeroizing::new(vec![0u8; length]);
    host.random(&mut chosen).map_err(|_| DecryptionError)?;
    let found = Zeroizing::new(unwrap_key(host, &key.key, transport, encrypted).unwrap_or_default());
    let right = Choice::from(u8::from(found.len() == length));
    for (at, octet) in chosen.iter_mut().enumerate() {
        octet.conditional_assign(found.get(at).unwrap_or(&0), right);
    }
    Ok(chosen)
}

fn unwrap_key(
    host: &dyn Host,
    key: &RsaPrivateKey,
    transport: KeyTransport,
    encrypted: &[u8],
) -> Result<Vec<u8>, rsa::Error> {
    let mut blinding = Blinding(host);
    let rng = Some(&mut blinding);
    match (transport.digest, transport.mask) {
        (OaepHash::Sha1, OaepHash::Sha1) => Oaep::<Sha1>::new().decrypt(rng, key, encrypted),
        (OaepHash::Sha256, OaepHash::Sha256) => Oaep::<Sha256>::new().decrypt(rng, key, encrypted),
        (OaepHash::Sha1, OaepHash::Sha256) => {
            Oaep::<Sha1, Sha256>::new_with_mgf_hash().decrypt(rng, key, encrypted)
        }
        (OaepHash::Sha256, OaepHash::Sha1) => {
            Oaep::<Sha256, Sha1>::new_with_mgf_hash().decrypt(rng, key, encrypted)
        }
    }
}

/// The host's randomness, with which the private-key operation is blinded.
pub(super) struct Blinding<'h>(pub(super) &'h dyn Host);

impl TryRng for Blinding<'_> {
    type Error = HostError;

    fn try_next_u32(&mut self) -> Result<u32, HostError> {
        let mut octets = [0; 4];
        self.0.random(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, HostError> {
        let mut octets = [0; 8];
        self.0.random(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), HostError> {
        self.0.random(buffer)
    }
}

impl TryCryptoRng for Blinding<'_> {}

/// Nonce, encrypted octets and tag.
fn gcm<C>(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptionError>
where
    C: KeyInit + Aead<NonceSize = U12>,
{
    let (nonce, sealed) = data.split_first_chunk::<12>().ok_or(DecryptionError)?;
    let cipher = C::new_from_slice(key).map_err(|_| DecryptionError)?;
    let plain = cipher.decrypt(&Nonce::<U12>::from(*nonce), sealed).map_err(|_| DecryptionError)?;
    Ok(Zeroizing::new(plain))
}

/// Initialisation vector and whole blocks; the last octet tells how many of the last block are padding.
fn cipher_block_chaining<C>(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptionError>
where
    C: BlockCipherDecrypt + KeyInit + BlockSizeUser<BlockSize = U16>,
{
    let (vector, sealed) = data.split_first_chunk::<16>().ok_or(DecryptionError)?;
    if sealed.is_empty() || !sealed.len().is_multiple_of(16) {
        return Err(DecryptionError);
    }
    let mut decryptor = cbc::Decryptor::<C>::new_from_slices(key, vector).map_err(|_| DecryptionError)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    for block in sealed.chunks_exact(16) {
        let mut block: Array<u8, U16> = block.try_into().map_err(|_| DecryptionError)?;
        decryptor.decrypt_block(&mut block);
        plain.extend_from_slice(&block);
    }
    let padding = usize::from(plain.last().copied().unwrap_or_default());
    if !(1..=16).contains(&padding) {
        return Err(DecryptionError);
    }
    let end = plain.len().saturating_sub(padding);
    plain.truncate(end);
    Ok(plain)
}
