//! The one door to cryptographic primitives.
//!
//! Nothing outside this room imports a cipher, hash or RSA crate. Randomness and native verification come in through
//! [`crate::common::Host`].

mod certificate;
mod decryption;
mod digest;
mod seal;
mod signature;
mod signing;
mod token;

pub use certificate::{CertificateError, PublicKey, Validity, keep_key};
pub use decryption::{
    BlockCipher, DecryptionError, DecryptionKey, DecryptionKeyError, KeyTransport, OaepHash, decrypt,
};
pub use digest::{equal, hmac_sha256, sha1, sha256, sha384, sha512};
pub use seal::{KeyRing, MasterKey, SealError};
pub use signature::{MAX_KEYS, SignatureAlgorithm, SignatureError, verify};
pub use signing::{SigningFailed, SigningKey, SigningKeyError};
pub use token::{TokenAlgorithm, TokenKey};
