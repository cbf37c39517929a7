//! Sealed values: what a browser or shared data may carry for us without reading or changing it.
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce; one key per purpose by HKDF-SHA-256 from each master key; the
//! identifier of the key inside. The first key of a ring seals, any opens.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::digest::{equal, hmac_sha256};
use crate::common::{Host, HostError};

/// First byte of every sealed value, so that another format can follow.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// A secret of at least 32 bytes from which keys are derived, with its public identifier.
pub struct MasterKey {
    id: String,
    secret: Zeroizing<Vec<u8>>,
}

impl MasterKey {
    /// Its public identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Takes the secret; `None` where it is shorter than 32 bytes or the identifier is empty or longer than 32 bytes.
    #[must_use]
    pub fn new(id: &str, secret: &[u8]) -> Option<Self> {
        (secret.len() >= 32 && !id.is_empty() && id.len() <= 32)
            .then(|| Self { id: id.to_owned(), secret: Zeroizing::new(secret.to_vec()) })
    }

    fn derive(&self, purpose: &str) -> Option<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0u8; 32]);
        Hkdf::<Sha256>::new(None, &self.secret)
            .expand_multi_info(
                &[b"vestibule v1|", purpose.as_bytes(), b"|", self.id.as_bytes()],
                key.as_mut_slice(),
            )
            .ok()?;
        Some(key)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// Keys of one purpose. Values sealed for one purpose do not open for another. A clone shares the keys.
#[derive(Clone)]
pub struct KeyRing {
    keys: Rc<[(String, Zeroizing<[u8; 32]>)]>,
    purpose: Rc<str>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({}, {} keys)", self.purpose, self.keys.len())
    }
}

/// Why a value was not sealed or did not open. The browser learns none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// No key, or no randomness.
    Unavailable,
    /// Not of our format.
    Malformed,
    /// Sealed with a key that is not in the ring.
    UnknownKey,
    /// Changed, or sealed for another purpose, tenant or host.
    Forged,
}

impl From<HostError> for SealError {
    fn from(_: HostError) -> Self {
        Self::Unavailable
    }
}

impl KeyRing {
    /// Derives the keys of `purpose` from `masters`; the first seals.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] where there is no master key.
    pub fn derive(masters: &[MasterKey], purpose: &str) -> Result<Self, SealError> {
        let keys: Option<Vec<_>> =
            masters.iter().map(|master| Some((master.id.clone(), master.derive(purpose)?))).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { keys: keys.into(), purpose: purpose.into() }),
            _ => Err(SealError::Unavailable),
        }
    }

    /// A tag over the parts with each key, the first key's first.
    #[must_use]
    pub fn tags(&self, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        self.keys.iter().map(|(_, key)| hmac_sha256(key, parts)).collect()
    }

    /// Whether `tag` was made over the parts with any key of the ring.
    #[must_use]
    pub fn is_authentic(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.keys.iter().any(|(_, key)| equal(&hmac_sha256(key, parts), tag))
    }

    /// Seals `plain`, bound to `context`, as URL-safe base64 without padding.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] where there is no randomness.
    pub fn seal(&self, host: &dyn Host, plain: &[u8], context: &[&str]) -> Result<String, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::Unavailable)?;
        let mut nonce = [0u8; NONCE];
        host.random(&mut nonce)?;
        let mut sealed = vec![VERSION, u8::try_from(id.len()).map_err(|_| SealError::Unavailable)?];
        sealed.extend_from_slice(id.as_bytes());
        sealed.extend_from_slice(&nonce);
        let aad = self.associated(&sealed, context);
        let cipher = XChaCha20Poly1305::new((&**key).into());
        let text = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| SealError::Unavailable)?;
        sealed.extend_from_slice(&text);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`KeyRing::seal`] made with the same purpose and `context`.
    ///
    /// # Errors
    /// Where the value is not ours, or no longer.
    pub fn open(&self, sealed: &str, context: &[&str]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError::Malformed)?;
        let (&[version, id_len], rest) = bytes.split_first_chunk::<2>().ok_or(SealError::Malformed)?;
        if version != VERSION {
            return Err(SealError::Malformed);
        }
        let (id, rest) = rest.split_at_checked(usize::from(id_len)).ok_or(SealError::Malformed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
        let head = bytes.get(..bytes.len().saturating_sub(text.len())).ok_or(SealError::Malformed)?;
        let (_, key) =
            self.keys.iter().find(|(have, _)| have.as_bytes() == id).ok_or(SealError::UnknownKey)?;
        let aad = self.associated(head, context);
        XChaCha20Poly1305::new((&**key).into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Forged)
    }

    /// Whether the first key, with which this ring seals, is the one that `sealed` names. Says nothing of whether it opens.
    #[must_use]
    pub fn seals_like(&self, sealed: &str) -> bool {
        let Some((id, _)) = self.keys.first() else { return false };
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(sealed) else { return false };
        bytes.get(2..).is_some_and(|rest| {
            bytes.get(1).map(|len| usize::from(*len)) == Some(id.len()) && rest.starts_with(id.as_bytes())
        })
    }

    fn associated(&self, head: &[u8], context: &[&str]) -> Vec<u8> {
        let mut aad = head.to_vec();
        for part in std::iter::once(&&*self.purpose).chain(context) {
            aad.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn master(id: &str, byte: u8) -> MasterKey {
        MasterKey::new(id, &[byte; 32]).unwrap()
    }

    fn ring(purpose: &str) -> KeyRing {
        KeyRing::derive(&[master("new", 1), master("old", 2)], purpose).unwrap()
    }

    #[test]
    fn opens_what_it_sealed() {
        let host = TestHost::default();
        let sealed = ring("session").seal(&host, b"ada", &["tenant"]).unwrap();
        assert_eq!(&*ring("session").open(&sealed, &["tenant"]).unwrap(), b"ada");
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let host = TestHost::default();
        let ring = ring("session");
        assert_ne!(ring.seal(&host, b"ada", &[]).unwrap(), ring.seal(&host, b"ada", &[]).unwrap());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let host = TestHost::default();
        let ring = ring("session");
        let sealed = URL_SAFE_NO_PAD.decode(ring.seal(&host, b"ada", &["t"]).unwrap()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut forged = sealed.clone();
                forged[at] ^= 1 << bit;
                assert!(ring.open(&URL_SAFE_NO_PAD.encode(forged), &["t"]).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn another_purpose_context_or_split_of_context_does_not_open_it() {
        let host = TestHost::default();
        let sealed = ring("session").seal(&host, b"ada", &["ab", "c"]).unwrap();
        assert_eq!(ring("login").open(&sealed, &["ab", "c"]), Err(SealError::Forged));
        assert_eq!(ring("session").open(&sealed, &["other", "c"]), Err(SealError::Forged));
        assert_eq!(ring("session").open(&sealed, &["a", "bc"]), Err(SealError::Forged));
    }

    #[test]
    fn a_value_of_another_version_is_none_of_ours_and_the_key_is_named_inside() {
        let host = TestHost::default();
        let sealed = ring("session").seal(&host, b"ada", &[]).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert_eq!((bytes[0], &bytes[2..5]), (VERSION, b"new".as_slice()));
        bytes[0] = VERSION + 1;
        assert_eq!(ring("session").open(&URL_SAFE_NO_PAD.encode(bytes), &[]), Err(SealError::Malformed));
        assert!(ring("session").seals_like(&sealed));
        let other = KeyRing::derive(&[master("old", 2), master("new", 1)], "session").unwrap();
        assert!(!other.seals_like(&sealed) && !other.seals_like("") && !other.seals_like("AQ"));
    }

    #[test]
    fn an_older_key_still_opens_and_a_removed_one_does_not() {
        let host = TestHost::default();
        let old = KeyRing::derive(&[master("old", 2)], "session").unwrap();
        let sealed = old.seal(&host, b"ada", &[]).unwrap();
        assert!(ring("session").open(&sealed, &[]).is_ok());
        let without = KeyRing::derive(&[master("new", 1)], "session").unwrap();
        assert_eq!(without.open(&sealed, &[]), Err(SealError::UnknownKey));
    }

    #[test]
    fn without_randomness_nothing_is_sealed() {
        let host = TestHost::default();
        host.random_fails.set(true);
        assert_eq!(ring("session").seal(&host, b"ada", &[]), Err(SealError::Unavailable));
    }

    #[test]
    fn truncated_and_empty_values_are_malformed_not_a_panic() {
        let host = TestHost::default();
        let sealed = ring("session").seal(&host, b"ada", &[]).unwrap();
        for end in 0..sealed.len() {
            assert!(ring("session").open(&sealed[..end], &[]).is_err());
        }
    }

    #[test]
    fn a_short_secret_is_no_master_key() {
        assert!(MasterKey::new("a", &[1; 31]).is_none());
        assert!(MasterKey::new("", &[1; 32]).is_none());
    }
}
