//! `SignedInfo` of XML Signature, cut down to what SAML allows.

use super::{Relaxed, SignatureFault, base64_of, canonicalization, children};
use crate::crypto::{self, SignatureAlgorithm};
use crate::saml::c14n::Method;
use crate::saml::names::DSIG;
use crate::saml::xml::{Element, is_nmtoken};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// How `SignedInfo` itself is made into octets and signed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SigningMethod {
    pub(super) canonicalization: Method,
    pub(super) algorithm: SignatureAlgorithm,
}

/// A digest and what it is the digest of.
pub(super) enum Digest {
    Sha1(Vec<u8>),
    Sha256(Vec<u8>),
    Sha384(Vec<u8>),
    Sha512(Vec<u8>),
}

impl Digest {
    pub(super) fn matches(&self, octets: &[u8]) -> bool {
        match self {
            Self::Sha1(digest) => crypto::equal(digest, &crypto::sha1(octets)),
            Self::Sha256(digest) => crypto::equal(digest, &crypto::sha256(octets)),
            Self::Sha384(digest) => crypto::equal(digest, &crypto::sha384(octets)),
            Self::Sha512(digest) => crypto::equal(digest, &crypto::sha512(octets)),
        }
    }
}

/// What is signed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// The element with this identifier.
    Id(String),
    /// The whole document, comments aside.
    Document,
}

/// All that a `SignedInfo` of the profile says.
pub(super) struct SignedInfo {
    pub(super) method: SigningMethod,
    /// The one element that is referred to.
    pub(super) reference: Reference,
    /// Canonicalisation of that element; never with comments (XML Signature 4.4.3.3: a same-document reference by
    /// identifier leaves them out).
    pub(super) transform: Method,
    pub(super) digest: Digest,
}

impl SignedInfo {
    /// Reads only what is needed to make the octets and verify them.
    pub(super) fn method_of(
        signed_info: Element<'_>,
        relaxed: Relaxed,
    ) -> Result<SigningMethod, SignatureFault> {
        let (method, algorithm, _) = parts(signed_info)?;
        Ok(SigningMethod {
            canonicalization: canonicalization(method, relaxed, SignatureFault::Canonicalization)?,
            algorithm: algorithm_of(algorithm, relaxed)?,
        })
    }

    /// Reads all of it.
    pub(super) fn read(signed_info: Element<'_>, relaxed: Relaxed) -> Result<Self, SignatureFault> {
        let (_, _, reference) = parts(signed_info)?;
        let [transforms, digest_method, digest_value] = &children(reference)?[..] else {
            return Err(SignatureFault::Structure("Reference"));
        };
        if !transforms.is(DSIG, "Transforms")
            || !digest_method.is(DSIG, "DigestMethod")
            || !digest_value.is(DSIG, "DigestValue")
        {
            return Err(SignatureFault::Structure("Reference"));
        }
        let reference = match reference.attribute("URI") {
            Some("") if relaxed.empty_reference => Reference::Document,
            Some(uri) => {
                let id = uri.strip_prefix('#').filter(|id| is_nmtoken(id));
                Reference::Id(id.ok_or(SignatureFault::Reference)?.to_owned())
            }
            None => return Err(SignatureFault::Reference),
        };
        Ok(Self {
            method: Self::method_of(signed_info, relaxed)?,
            reference,
            transform: transform_of(*transforms, relaxed)?,
            digest: digest_of(*digest_method, *digest_value, relaxed)?,
        })
    }
}

/// `CanonicalizationMethod`, `SignatureMethod` and exactly one `Reference`.
fn parts(signed_info: Element<'_>) -> Result<(Element<'_>, Element<'_>, Element<'_>), SignatureFault> {
    let all = children(signed_info)?;
    if all.iter().filter(|child| child.is(DSIG, "Reference")).count() != 1 {
        return Err(SignatureFault::Reference);
    }
    match &all[..] {
        [canonicalization, algorithm, reference]
            if canonicalization.is(DSIG, "CanonicalizationMethod")
                && algorithm.is(DSIG, "SignatureMethod")
                && reference.is(DSIG, "Reference") =>
        {
            Ok((*canonicalization, *algorithm, *reference))
        }
        _ => Err(SignatureFault::Structure("SignedInfo")),
    }
}

fn algorithm_of(method: Element<'_>, relaxed: Relaxed) -> Result<SignatureAlgorithm, SignatureFault> {
    if !children(method)?.is_empty() {
        return Err(SignatureFault::Algorithm);
    }
    algorithm_named(method.attribute("Algorithm").unwrap_or_default(), relaxed)
}

/// The algorithm of this identifier, where it is accepted.
pub(in crate::saml) fn algorithm_named(
    identifier: &str,
    relaxed: Relaxed,
) -> Result<SignatureAlgorithm, SignatureFault> {
    match identifier {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Ok(SignatureAlgorithm::RsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Ok(SignatureAlgorithm::RsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Ok(SignatureAlgorithm::RsaSha512),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if relaxed.sha1_signature => {
            Ok(SignatureAlgorithm::RsaSha1)
        }
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1" => Ok(SignatureAlgorithm::PssSha256),
        "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1" => Ok(SignatureAlgorithm::PssSha384),
        "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1" => Ok(SignatureAlgorithm::PssSha512),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Ok(SignatureAlgorithm::EcdsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Ok(SignatureAlgorithm::EcdsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => Ok(SignatureAlgorithm::EcdsaSha512),
        _ => Err(SignatureFault::Algorithm),
    }
}

fn transform_of(transforms: Element<'_>, relaxed: Relaxed) -> Result<Method, SignatureFault> {
    let [enveloped, canonical] = &children(transforms)?[..] else {
        return Err(SignatureFault::Transform);
    };
    if !enveloped.is(DSIG, "Transform")
        || !canonical.is(DSIG, "Transform")
        || enveloped.attribute("Algorithm") != Some(ENVELOPED)
        || !children(*enveloped)?.is_empty()
    {
        return Err(SignatureFault::Transform);
    }
    let method = canonicalization(*canonical, relaxed, SignatureFault::Transform)?;
    Ok(Method { comments: false, ..method })
}

fn digest_of(method: Element<'_>, value: Element<'_>, relaxed: Relaxed) -> Result<Digest, SignatureFault> {
    if !children(method)?.is_empty() {
        return Err(SignatureFault::DigestAlgorithm);
    }
    let value = base64_of(value)?;
    match method.attribute("Algorithm") {
        Some("http://www.w3.org/2000/09/xmldsig#sha1") if relaxed.sha1_digest => Ok(Digest::Sha1(value)),
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => Ok(Digest::Sha256(value)),
        Some("http://www.w3.org/2001/04/xmldsig-more#sha384") => Ok(Digest::Sha384(value)),
        Some("http://www.w3.org/2001/04/xmlenc#sha512") => Ok(Digest::Sha512(value)),
        _ => Err(SignatureFault::DigestAlgorithm),
    }
}
