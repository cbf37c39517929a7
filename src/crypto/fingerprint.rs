//! Fingerprints under a key that nobody is told.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use zeroize::Zeroizing;

use super::digest::{hmac_sha256, sha256};

/// Takes fingerprints of texts, to know a text again without keeping it.
///
/// A text is hashed by Poly1305 (RFC 8439 section 2.5), not as a message authentication code, which could be used once, but
/// as the universal hash that it is made of: whoever does not know the key finds two texts of n octets that have the same
/// hash with a chance of at most 8 ⌈n/16⌉ / 2^106 for each attempt. What is handed out is SHA-256 of that under a second
/// key, so that neither a fingerprint nor the place that it has among others, which a look-up takes its time by, tells
/// anything of the hash.
pub struct FingerprintKey {
    hash: Zeroizing<[u8; 32]>,
    cover: Zeroizing<[u8; 32]>,
}

impl FingerprintKey {
    /// With a key that looks random to everybody else, and serves nothing else.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let part = |name: &[u8]| Zeroizing::new(hmac_sha256(key, &[name]));
        Self { hash: part(b"hash"), cover: part(b"cover") }
    }

    /// The fingerprint of a text.
    #[must_use]
    pub fn of(&self, text: &[u8]) -> [u8; 32] {
        // One block of SHA-256, always of the same length: no HMAC is needed to keep texts apart.
        let mut covered = Zeroizing::new([0; 48]);
        let (cover, hash) = covered.split_at_mut(self.cover.len());
        cover.copy_from_slice(&*self.cover);
        hash.copy_from_slice(&hashed(&self.hash, text));
        sha256(&*covered)
    }
}

fn hashed(key: &[u8; 32], text: &[u8]) -> [u8; 16] {
    Poly1305::new(key.into()).compute_unpadded(text).into()
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// RFC 8439 section 2.5.2.
    #[test]
    fn the_hash_of_the_published_text_is_the_published_one() {
        let key = [
            0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33, 0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8,
            0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd, 0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b,
        ];
        assert_eq!(
            hashed(&key, b"Cryptographic Forum Research Group"),
            [0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6, 0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9]
        );
    }

    #[test]
    fn texts_of_other_lengths_or_octets_and_other_keys_give_other_fingerprints() {
        let key = FingerprintKey::new(&[7; 32]);
        let text = [b'x'; 64];
        let own = key.of(&text);
        assert_eq!(own, key.of(&text));
        for at in 0..text.len() {
            let mut other = text;
            other[at] = b'y';
            assert_ne!(own, key.of(&other), "octet {at}");
            assert_ne!(own, key.of(&text[..at]), "the first {at}");
        }
        assert_ne!(own, key.of(&[&text[..], &[0]].concat()), "a zero more");
        assert_ne!(own, FingerprintKey::new(&[8; 32]).of(&text));
    }

    #[test]
    fn fingerprints_of_texts_that_differ_little_have_nothing_in_common() {
        let key = FingerprintKey::new(&[7; 32]);
        let (one, other) = (key.of(b"a text of one block"), key.of(b"a text of one blocl"));
        let differs: u32 = one.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert!((80..=176).contains(&differs), "{differs} of 256 bits");
    }
}
