//! Enveloped XML signatures, in the one profile SAML needs (SAML Core 5.4), and nothing read on trust.
//!
//! The document is used only to find octets: those of `SignedInfo`, which the key verifies, and those of the signed
//! element, which the digest verifies. Whatever is decided afterwards is read from these octets, parsed anew.
//! `KeyInfo` is not read at all: keys come from the configuration only.

mod signed_info;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::c14n::{self, C14nError, Method};
use super::names::{ASSERTION, DSIG, PROTOCOL};
use super::xml::{Document, Element, Rules, is_white};
use crate::common::{Host, UnixMillis};
use crate::crypto::{self, PublicKey, SignatureAlgorithm};
pub(in crate::saml) use signed_info::algorithm_named;
use signed_info::{Reference, SignedInfo};

pub use crate::crypto::MAX_KEYS;

/// Canonical octets of `SignedInfo` may be this long; real ones have about 1 KiB. They are hashed before anything is
/// known to come from a trusted key.
const MAX_SIGNED_INFO: usize = 16_384;

/// Whom to trust, and with what.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// Keys out of the configuration; the first sixteen are tried.
    pub keys: &'a [PublicKey],
    /// The time.
    pub now: UnixMillis,
    /// What is accepted beyond the profile.
    pub relaxed: Relaxed,
}

/// What is accepted beyond the profile; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relaxed {
    /// Signatures over a SHA-1 hash.
    pub sha1_signature: bool,
    /// SHA-1 as digest of the signed element.
    pub sha1_digest: bool,
    /// RSA keys of 1024 to 2047 bit.
    pub short_rsa: bool,
    /// Inclusive canonicalisation 1.0 and 1.1.
    pub inclusive: bool,
    /// A response that refers to itself as the whole document (`URI=""`).
    pub empty_reference: bool,
}

/// Why a signature that is there does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// More than one signature in one element.
    Several,
    /// The signature is not right behind the issuer.
    Position,
    /// A child, a text or a comment where the profile has none, or something missing.
    Structure(&'static str),
    /// A canonicalisation other than exclusive.
    Canonicalization,
    /// A signature algorithm other than RSA or ECDSA with SHA-256, SHA-384 or SHA-512.
    Algorithm,
    /// A digest other than SHA-256, SHA-384 or SHA-512.
    DigestAlgorithm,
    /// Transforms other than enveloped-signature and exclusive canonicalisation.
    Transform,
    /// Not exactly one reference, or one that is not to the element around the signature.
    Reference,
    /// A value that is not Base64.
    Base64,
    /// No trusted key made it.
    Untrusted,
    /// All keys that are trusted are too short.
    KeySize,
    /// The signed element is not the one that was signed.
    Digest,
    /// Canonical octets are too large or cannot be read again.
    Canonical,
}

impl SignatureFault {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Several => "signature_several",
            Self::Position => "signature_position",
            Self::Structure(_) => "signature_structure",
            Self::Canonicalization => "signature_canonicalization",
            Self::Algorithm => "signature_algorithm",
            Self::DigestAlgorithm => "signature_digest_algorithm",
            Self::Transform => "signature_transform",
            Self::Reference => "signature_reference",
            Self::Base64 => "signature_base64",
            Self::Untrusted => "signature_untrusted",
            Self::KeySize => "signature_key_size",
            Self::Digest => "signature_digest",
            Self::Canonical => "signature_canonical",
        }
    }
}

impl std::fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Several => f.write_str("one element holds more than one signature"),
            Self::Position => f.write_str("the signature is not right behind the issuer"),
            Self::Structure(what) => write!(f, "the signature is not of the SAML profile: {what}"),
            Self::Canonicalization => f.write_str("only exclusive canonicalisation is accepted"),
            Self::Algorithm => f.write_str(
                "only RSA and ECDSA with SHA-2 are accepted; choose SHA-256 at the identity provider",
            ),
            Self::DigestAlgorithm => f.write_str(
                "only SHA-256, SHA-384 and SHA-512 digests are accepted; choose SHA-256 at the identity provider",
            ),
            Self::Transform => {
                f.write_str("only enveloped-signature followed by exclusive canonicalisation is accepted")
            }
            Self::Reference => f.write_str("the signature must refer to the element around it and nothing else"),
            Self::Base64 => f.write_str("a value is not Base64"),
            Self::Untrusted => f.write_str(
                "no configured certificate made this signature; compare the identity provider's signing \
                 certificate with the configured ones",
            ),
            Self::KeySize => f.write_str(
                "the configured certificates have RSA keys of fewer than 2048 bit; make a new one at the identity provider",
            ),
            Self::Digest => f.write_str("the signed element was changed after it was signed"),
            Self::Canonical => f.write_str("the signed element has no usable canonical form"),
        }
    }
}

impl std::error::Error for SignatureFault {}

impl From<C14nError> for SignatureFault {
    fn from(_: C14nError) -> Self {
        Self::Canonical
    }
}

/// The octets that a trusted key signed.
pub struct Signed {
    octets: Vec<u8>,
    /// Whether the key's certificate was outside its dates.
    pub key_outside_validity: bool,
}

impl Signed {
    /// The octets themselves.
    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The signed element, read from the signed octets.
    ///
    /// # Errors
    /// Where they are no document by the reader's rules.
    pub fn document(&self) -> Result<Document<'_>, SignatureFault> {
        Document::parse(&self.octets, Rules::CANONICAL).map_err(|_| SignatureFault::Canonical)
    }
}

fn is_valid(key: &PublicKey, now: UnixMillis) -> bool {
    key.validity().is_none_or(|dates| dates.contains(now))
}

/// Verifies the signature that is a child of `parent`; `None` where there is none.
///
/// # Errors
/// Where there is one that breaks any rule.
pub fn verify_enveloped(
    host: &dyn Host,
    parent: Element<'_>,
    trust: Trust<'_>,
) -> Result<Option<Signed>, SignatureFault> {
    verify_counting(host, parent, trust, &mut 0)
}

/// As [`verify_enveloped`]; `tried` grows by the number of keys that were tried.
///
/// # Errors
/// As [`verify_enveloped`].
pub(super) fn verify_counting(
    host: &dyn Host,
    parent: Element<'_>,
    trust: Trust<'_>,
    tried: &mut usize,
) -> Result<Option<Signed>, SignatureFault> {
    let Some(signature) = find(parent)? else { return Ok(None) };
    let parts = Parts::of(signature)?;

    let relaxed = trust.relaxed;
    let before = SignedInfo::method_of(parts.signed_info, relaxed)?;
    let octets = c14n::canonicalize(parts.signed_info, &before.canonicalization, None, MAX_SIGNED_INFO)?;
    let value = base64_of(parts.value)?;
    let mut allowed = trust.keys.iter().take(MAX_KEYS).filter(|key| relaxed.short_rsa || !key.is_short());
    let key = allowed.find(|key| {
        *tried = tried.saturating_add(1);
        crypto::verify(host, key, before.algorithm, &octets, &value).is_ok()
    });
    let key = key.ok_or_else(|| {
        let only_short = !relaxed.short_rsa && trust.keys.iter().all(PublicKey::is_short);
        let fault = if only_short { SignatureFault::KeySize } else { SignatureFault::Untrusted };
        if trust.keys.is_empty() { SignatureFault::Untrusted } else { fault }
    })?;

    // From here on SignedInfo is what was signed, not what stands in the document.
    let document = Document::parse(&octets, Rules::CANONICAL).map_err(|_| SignatureFault::Canonical)?;
    let root = document.root().ok_or(SignatureFault::Canonical)?;
    let signed_info = SignedInfo::read(root, relaxed)?;
    if signed_info.method != before {
        return Err(SignatureFault::Canonical);
    }
    let id = parent.attribute("ID").filter(|id| !id.is_empty()).ok_or(SignatureFault::Reference)?;
    match &signed_info.reference {
        Reference::Id(reference) if reference == id => {}
        // The whole document is its root element, and only a response is ever the root of a message.
        Reference::Document if parent.parent().is_none() && parent.is(PROTOCOL, "Response") => {}
        _ => return Err(SignatureFault::Reference),
    }
    let octets = c14n::canonicalize(parent, &signed_info.transform, Some(signature), c14n::MAX_OUTPUT)?;
    if !signed_info.digest.matches(&octets) {
        return Err(SignatureFault::Digest);
    }
    let signed = Signed {
        octets,
        key_outside_validity: !trust.keys.iter().any(|same| same == key && is_valid(same, trust.now)),
    };
    check_same(&signed, parent, id)?;
    Ok(Some(signed))
}

/// Takes about as long as trying the keys that are left after `tried`, and comes to nothing.
pub(super) fn verify_as_long(host: &dyn Host, trust: Trust<'_>, tried: usize) {
    let allowed = trust.keys.iter().take(MAX_KEYS).filter(|key| trust.relaxed.short_rsa || !key.is_short());
    for key in allowed.skip(tried) {
        // Nobody has signed this; only the time matters.
        let length = key.signature_length();
        let elliptic = length <= 96;
        let algorithm =
            if elliptic { SignatureAlgorithm::EcdsaSha256 } else { SignatureAlgorithm::RsaSha256 };
        let _ = crypto::verify(host, key, algorithm, &[], &vec![1; length]);
    }
}

/// The signed octets must say of their root what the document said: name and identifier.
fn check_same(signed: &Signed, parent: Element<'_>, id: &str) -> Result<(), SignatureFault> {
    let document = signed.document()?;
    let root = document.root().ok_or(SignatureFault::Canonical)?;
    let same = root.is(parent.namespace_name(), parent.local()) && root.attribute("ID") == Some(id);
    if same { Ok(()) } else { Err(SignatureFault::Canonical) }
}

/// The one signature of `parent`: a direct child with nothing but the issuer before it (Core 2.3.3, 3.2.2).
fn find(parent: Element<'_>) -> Result<Option<Element<'_>>, SignatureFault> {
    let mut all = parent.children().filter(|child| child.is(DSIG, "Signature"));
    let Some(signature) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(SignatureFault::Several);
    }
    let mut before = parent.children().take_while(|child| *child != signature);
    let behind_issuer = before.next().is_none_or(|first| first.is(ASSERTION, "Issuer"));
    if !behind_issuer || before.next().is_some() {
        return Err(SignatureFault::Position);
    }
    Ok(Some(signature))
}

/// The parts of a signature element: `SignedInfo`, `SignatureValue`, and a `KeyInfo` that nobody reads.
struct Parts<'d> {
    signed_info: Element<'d>,
    value: Element<'d>,
}

impl<'d> Parts<'d> {
    fn of(signature: Element<'d>) -> Result<Self, SignatureFault> {
        if signature.has_comment() {
            return Err(SignatureFault::Structure("comment"));
        }
        let [signed_info, value, rest @ ..] = &children(signature)?[..] else {
            return Err(SignatureFault::Structure("parts missing"));
        };
        if !signed_info.is(DSIG, "SignedInfo") {
            return Err(SignatureFault::Structure("no SignedInfo"));
        }
        if !value.is(DSIG, "SignatureValue") {
            return Err(SignatureFault::Structure("no SignatureValue"));
        }
        match rest {
            [] => {}
            [key_info] if key_info.is(DSIG, "KeyInfo") => {}
            _ => return Err(SignatureFault::Structure("unexpected element")),
        }
        Ok(Self { signed_info: *signed_info, value: *value })
    }
}

/// The elements inside one that has no text of its own.
fn children(element: Element<'_>) -> Result<Vec<Element<'_>>, SignatureFault> {
    if element.has_text() {
        return Err(SignatureFault::Structure("unexpected text"));
    }
    Ok(element.children().collect())
}

/// Base64 (RFC 4648, 4) between XML white space.
pub(super) fn base64_of(element: Element<'_>) -> Result<Vec<u8>, SignatureFault> {
    let text = element.text().ok_or(SignatureFault::Base64)?;
    let packed: Cow<'_, str> =
        if text.contains(is_white) { text.chars().filter(|c| !is_white(*c)).collect() } else { text };
    match STANDARD.decode(packed.as_bytes()) {
        Ok(octets) if !octets.is_empty() => Ok(octets),
        _ => Err(SignatureFault::Base64),
    }
}

/// Canonicalisation as `element` (a `CanonicalizationMethod` or `Transform`) asks for it.
fn canonicalization(
    element: Element<'_>,
    relaxed: Relaxed,
    fault: SignatureFault,
) -> Result<Method, SignatureFault> {
    let (inclusive, comments) = match element.attribute("Algorithm").ok_or(fault)? {
        c14n::EXCLUSIVE => (false, false),
        c14n::EXCLUSIVE_WITH_COMMENTS => (false, true),
        c14n::INCLUSIVE | c14n::INCLUSIVE_11 if relaxed.inclusive => (true, false),
        c14n::INCLUSIVE_WITH_COMMENTS | c14n::INCLUSIVE_11_WITH_COMMENTS if relaxed.inclusive => (true, true),
        _ => return Err(fault),
    };
    let inclusive_prefixes = match &children(element)?[..] {
        [] => Vec::new(),
        [list] if !inclusive && list.is(c14n::EXCLUSIVE, "InclusiveNamespaces") => prefixes(*list, fault)?,
        _ => return Err(fault),
    };
    Ok(Method { inclusive, comments, inclusive_prefixes })
}

/// At most 64 prefixes; `#default` becomes the empty one.
fn prefixes(list: Element<'_>, fault: SignatureFault) -> Result<Vec<String>, SignatureFault> {
    if !children(list)?.is_empty() {
        return Err(fault);
    }
    let text = list.attribute("PrefixList").unwrap_or_default();
    let prefixes: Vec<String> = text
        .split(is_white)
        .filter(|prefix| !prefix.is_empty())
        .map(|prefix| if prefix == "#default" { String::new() } else { prefix.to_owned() })
        .collect();
    if prefixes.len() > 64 { Err(fault) } else { Ok(prefixes) }
}
