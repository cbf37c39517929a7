//! XML Encryption as SAML uses it (SAML Core 6): one element, encrypted to this service provider.
//!
//! What stands around the encrypted octets is anybody's: it only chooses among the algorithms that are allowed. What
//! comes out is parsed as a document of its own.

use super::names::{DSIG, XMLENC, XMLENC11};
use super::signature::base64_of;
use super::xml::Element;
use crate::common::{Budget, Host};
use crate::crypto::{self, BlockCipher, DecryptionKey, KeyTransport, OaepHash};
use zeroize::Zeroizing;

/// More keys than this are not tried.
pub const MAX_KEYS: usize = 4;

/// Why an encrypted element cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionFault {
    /// Not the structure of XML Encryption; what is missing or too much.
    Structure(&'static str),
    /// An algorithm for the key that is not allowed: anything but RSA-OAEP.
    KeyAlgorithm,
    /// An algorithm for the octets that is not allowed: anything but AES-GCM.
    Algorithm,
    /// AES-CBC, which must be accepted by name.
    BlockChaining,
    /// There is no key to decrypt with, or none that has not served already.
    NoKey,
    /// This worker has done all the private-key operations that it may do in this second.
    Busy,
    /// Decryption failed, or what came out is not what was expected. Deliberately one value for everything.
    Failed,
}

impl EncryptionFault {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Structure(_) => "encryption_structure",
            Self::KeyAlgorithm => "encryption_key_algorithm",
            Self::Algorithm => "encryption_algorithm",
            Self::BlockChaining => "encryption_cbc",
            Self::NoKey => "encrypted_without_key",
            Self::Busy => "decryption_busy",
            Self::Failed => "decryption",
        }
    }
}

impl std::fmt::Display for EncryptionFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Structure(what) => write!(f, "the encrypted element is not of the SAML profile: {what}"),
            Self::KeyAlgorithm => f.write_str(
                "the key is not encrypted with RSA-OAEP; RSA 1.5 is never accepted: choose RSA-OAEP at the identity \
                 provider",
            ),
            Self::Algorithm => f.write_str(
                "the element is not encrypted with AES; triple DES is never accepted: choose AES-GCM at the identity \
                 provider",
            ),
            Self::BlockChaining => f.write_str(
                "the element is encrypted with AES-CBC; choose AES-GCM at the identity provider, or accept cbc",
            ),
            Self::NoKey => f.write_str(
                "the message is encrypted and no decryption key is configured; configure one, or switch token \
                 encryption off at the identity provider",
            ),
            Self::Busy => f.write_str(
                "this worker may decrypt no more in this second; raise host.private_key_operations_per_second if people \
                 really sign in that often",
            ),
            Self::Failed => f.write_str(
                "it was not encrypted to a configured key, or what it holds is not what a trusted key signed; compare \
                 the encryption certificate at the identity provider with ours, and its signing certificate with the \
                 configured ones",
            ),
        }
    }
}

impl std::error::Error for EncryptionFault {}

/// The private keys, each of which serves once: nobody makes this worker compute for longer than that.
pub struct Decryptor<'a> {
    keys: Vec<&'a DecryptionKey>,
    block_chaining: bool,
    budget: Option<&'a Budget>,
}

impl<'a> Decryptor<'a> {
    /// For one message. `block_chaining`: whether AES-CBC is accepted. `budget`: what is left of this second's
    /// private-key operations.
    #[must_use]
    pub fn new(keys: &'a [DecryptionKey], block_chaining: bool, budget: Option<&'a Budget>) -> Self {
        Self { keys: keys.iter().take(MAX_KEYS).collect(), block_chaining, budget }
    }

    /// Decrypts the element that `wrapper` (`EncryptedAssertion`, `EncryptedID`, `EncryptedAttribute`) holds, with each
    /// key that is left in turn, until `read` finds in the octets what it wants.
    ///
    /// # Errors
    /// [`EncryptionFault::Failed`] for everything that depends on a private key.
    pub fn decrypt<T>(
        &mut self,
        host: &dyn Host,
        wrapper: Element<'_>,
        mut read: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, EncryptionFault> {
        let data = EncryptedData::of(wrapper)?;
        if data.cipher.is_malleable() && !self.block_chaining {
            return Err(EncryptionFault::BlockChaining);
        }
        if self.keys.is_empty() {
            return Err(EncryptionFault::NoKey);
        }
        let octets = base64_of(data.value).map_err(|_| EncryptionFault::Structure("CipherValue"))?;
        let wrapped = data.keys.iter().map(|key| EncryptedKey::of(*key)).collect::<Result<Vec<_>, _>>()?;
        // Each key is tried on one encrypted key only, chosen by its length, which everybody can see.
        let tries: Vec<(&DecryptionKey, &EncryptedKey)> = std::mem::take(&mut self.keys)
            .into_iter()
            .filter_map(|key| Some((key, wrapped.iter().find(|one| one.octets.len() == key.size())?)))
            .collect();
        // All at once and before the first: that there is no more to spend must not tell what the first one found.
        let count = u32::try_from(tries.len()).unwrap_or(u32::MAX);
        if self.budget.is_some_and(|budget| !budget.take(host.now(), count)) {
            return Err(EncryptionFault::Busy);
        }
        for (key, mine) in tries {
            let plain: Result<Zeroizing<Vec<u8>>, _> =
                crypto::decrypt(host, key, mine.transport, &mine.octets, data.cipher, &octets);
            if let Some(found) = plain.ok().and_then(|plain| read(&plain)) {
                return Ok(found);
            }
        }
        Err(EncryptionFault::Failed)
    }
}

/// `xenc:EncryptedData` and the encrypted keys that belong to it.
struct EncryptedData<'d> {
    cipher: BlockCipher,
    value: Element<'d>,
    keys: Vec<Element<'d>>,
}

impl<'d> EncryptedData<'d> {
    fn of(wrapper: Element<'d>) -> Result<Self, EncryptionFault> {
        let all = children(wrapper)?;
        let [data, siblings @ ..] = &all[..] else { return Err(EncryptionFault::Structure("empty")) };
        if !data.is(XMLENC, "EncryptedData") || !siblings.iter().all(|key| key.is(XMLENC, "EncryptedKey")) {
            return Err(EncryptionFault::Structure("unexpected element"));
        }
        if data.attribute("Type").is_some_and(|kind| kind != "http://www.w3.org/2001/04/xmlenc#Element") {
            return Err(EncryptionFault::Structure("Type"));
        }
        let inside = children(*data)?;
        let (method, key_info, cipher_data) = match &inside[..] {
            [method, key_info, data] => (method, Some(key_info), data),
            [method, data] => (method, None, data),
            _ => return Err(EncryptionFault::Structure("EncryptedData")),
        };
        if !method.is(XMLENC, "EncryptionMethod") || key_info.is_some_and(|info| !info.is(DSIG, "KeyInfo")) {
            return Err(EncryptionFault::Structure("EncryptedData"));
        }
        let mut keys = Vec::new();
        for part in key_info.map(|info| children(*info)).transpose()?.unwrap_or_default() {
            if part.is(XMLENC, "EncryptedKey") {
                keys.push(part);
            } else if part.is(DSIG, "RetrievalMethod") {
                let id = part.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
                keys.extend(siblings.iter().filter(|key| id.is_some() && key.attribute("Id") == id));
            }
        }
        if keys.is_empty() {
            keys.extend(siblings);
        }
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(EncryptionFault::Structure("EncryptedKey"));
        }
        Ok(Self { cipher: cipher(*method)?, value: value(*cipher_data)?, keys })
    }
}

/// `xenc:EncryptedKey`.
struct EncryptedKey {
    transport: KeyTransport,
    octets: Vec<u8>,
}

impl EncryptedKey {
    fn of(key: Element<'_>) -> Result<Self, EncryptionFault> {
        let inside = children(key)?;
        let one = |local| {
            let mut all = inside.iter().filter(|part| part.is(XMLENC, local));
            all.next()
                .filter(|_| all.next().is_none())
                .copied()
                .ok_or(EncryptionFault::Structure("EncryptedKey"))
        };
        let octets = base64_of(value(one("CipherData")?)?);
        Ok(Self {
            transport: transport(one("EncryptionMethod")?)?,
            octets: octets.map_err(|_| EncryptionFault::Structure("CipherValue"))?,
        })
    }
}

/// The elements inside one that has no text of its own.
fn children(element: Element<'_>) -> Result<Vec<Element<'_>>, EncryptionFault> {
    if element.has_text() {
        return Err(EncryptionFault::Structure("text"));
    }
    Ok(element.children().collect())
}

/// `CipherData` holds the octets themselves: a `CipherReference` would have us fetch them.
fn value(data: Element<'_>) -> Result<Element<'_>, EncryptionFault> {
    match &children(data)?[..] {
        [value] if data.is(XMLENC, "CipherData") && value.is(XMLENC, "CipherValue") => Ok(*value),
        _ => Err(EncryptionFault::Structure("CipherData")),
    }
}

fn cipher(method: Element<'_>) -> Result<BlockCipher, EncryptionFault> {
    if !children(method)?.is_empty() {
        return Err(EncryptionFault::Structure("EncryptionMethod"));
    }
    match method.attribute("Algorithm") {
        Some("http://www.w3.org/2009/xmlenc11#aes128-gcm") => Ok(BlockCipher::Aes128Gcm),
        Some("http://www.w3.org/2009/xmlenc11#aes192-gcm") => Ok(BlockCipher::Aes192Gcm),
        Some("http://www.w3.org/2009/xmlenc11#aes256-gcm") => Ok(BlockCipher::Aes256Gcm),
        Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc") => Ok(BlockCipher::Aes128Cbc),
        Some("http://www.w3.org/2001/04/xmlenc#aes192-cbc") => Ok(BlockCipher::Aes192Cbc),
        Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc") => Ok(BlockCipher::Aes256Cbc),
        _ => Err(EncryptionFault::Algorithm),
    }
}

/// RSA-OAEP (XML Encryption 1.1, 5.5.2): hash and mask as given, SHA-1 where nothing is.
fn transport(method: Element<'_>) -> Result<KeyTransport, EncryptionFault> {
    let mask_is_free = match method.attribute("Algorithm") {
        Some("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p") => false,
        Some("http://www.w3.org/2009/xmlenc11#rsa-oaep") => true,
        _ => return Err(EncryptionFault::KeyAlgorithm),
    };
    let mut chosen = KeyTransport { digest: OaepHash::Sha1, mask: OaepHash::Sha1 };
    for part in children(method)? {
        let algorithm = part.attribute("Algorithm");
        if part.is(DSIG, "DigestMethod") {
            chosen.digest = match algorithm {
                Some("http://www.w3.org/2000/09/xmldsig#sha1") => OaepHash::Sha1,
                Some("http://www.w3.org/2001/04/xmlenc#sha256") => OaepHash::Sha256,
                _ => return Err(EncryptionFault::KeyAlgorithm),
            };
        } else if part.is(XMLENC11, "MGF") && mask_is_free {
            chosen.mask = match algorithm {
                Some("http://www.w3.org/2009/xmlenc11#mgf1sha1") => OaepHash::Sha1,
                Some("http://www.w3.org/2009/xmlenc11#mgf1sha256") => OaepHash::Sha256,
                _ => return Err(EncryptionFault::KeyAlgorithm),
            };
        } else {
            return Err(EncryptionFault::KeyAlgorithm);
        }
    }
    Ok(chosen)
}
