//! Metadata of an identity provider (SAML Metadata 2.0): where it signs people in, and with which keys.
//!
//! A document is read for one entity, whose identifier the operator has configured: whoever can exchange the document
//! can therefore not exchange the identity provider. Trust comes from elsewhere: the document stands in the
//! configuration, a pinned key signed it, or the operator relies on the transport. Where a signature counts, everything
//! is read from the signed octets and nothing from around them.

mod duration;
mod endpoint;
mod error;
mod role;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::names::{METADATA, PROTOCOL};
use super::signature::{Relaxed, Trust, verify_enveloped};
use super::xml::{Document, Element, Limits, Rules};
use crate::common::{Host, UnixMillis};
use crate::crypto::PublicKey;

pub use endpoint::{Binding, Endpoint};
pub use error::MetadataError;

/// Largest document in octets. One entity has some 20 KiB; the register of a whole federation is no document for a proxy.
pub const MAX_SIZE: usize = 262_144;

const RULES: Rules =
    Rules { limits: Limits { bytes: MAX_SIZE, ..Limits::MESSAGE }, comments: true, instructions: false };

/// What an identity provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Its entity ID, the one that was asked for.
    pub entity_id: String,
    /// Keys it signs with: every one that is listed, for those of tomorrow are listed today.
    pub keys: Vec<PublicKey>,
    /// Certificates that were left out because their key cannot be used (an RSA key of 1024 bit, another curve).
    pub unusable_certificates: usize,
    /// Where it signs people in, at least one; all `https`.
    pub sign_on: Vec<Endpoint>,
    /// Where it signs people out; may be empty.
    pub logout: Vec<Endpoint>,
    /// From when on it must not be used any more.
    pub valid_until: Option<UnixMillis>,
    /// How long it may be kept before it is read anew.
    pub cache_duration: Option<Duration>,
}

impl ProviderMetadata {
    /// The last moment of the certificate that is valid for longest; `None` where there is no date.
    #[must_use]
    pub fn keys_end(&self) -> Option<UnixMillis> {
        self.keys.iter().filter_map(|key| Some(key.validity()?.not_after)).max()
    }
}

/// Whose metadata is wanted, and which keys of it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The entity it must be about.
    pub entity_id: &'a str,
    /// Whether RSA keys of 1024 to 2047 bit count (`accept: [rsa-1024]`).
    pub short_keys: bool,
}

impl<'a> From<&'a str> for Wanted<'a> {
    fn from(entity_id: &'a str) -> Self {
        Self { entity_id, short_keys: false }
    }
}

/// Reads metadata out of a document that is trusted for other reasons than its signature.
///
/// # Errors
/// Where the document is not of the schema, or does not say all that is needed.
pub fn read<'w>(document: &[u8], wanted: impl Into<Wanted<'w>>) -> Result<ProviderMetadata, MetadataError> {
    let document = Document::parse(document, RULES)?;
    let root = document.root().ok_or(MetadataError::NotMetadata)?;
    entity(root, wanted.into())
}

/// As [`read`], from a document of which a pinned key must have signed the root or the entity (Metadata 3.1).
///
/// # Errors
/// As [`read`], and where the signature is missing or not of one of `pinned`.
pub fn read_signed<'w>(
    host: &dyn Host,
    document: &[u8],
    wanted: impl Into<Wanted<'w>>,
    pinned: &[PublicKey],
) -> Result<ProviderMetadata, MetadataError> {
    let wanted = wanted.into();
    let document = Document::parse(document, RULES)?;
    let root = document.root().ok_or(MetadataError::NotMetadata)?;
    // Pinning decides, not the date: the time only tells about the certificate.
    let trust = Trust { keys: pinned, now: host.now(), relaxed: Relaxed::default() };
    let whole = verify_enveloped(host, root, trust).map_err(MetadataError::Signature)?;
    let signed = match whole {
        Some(signed) => signed,
        None if root.is(METADATA, "EntitiesDescriptor") => {
            let own = only(root, wanted.entity_id)?;
            let signed = verify_enveloped(host, own, trust).map_err(MetadataError::Signature)?;
            let mut metadata = signed_entity(&signed.ok_or(MetadataError::Unsigned)?, wanted)?;
            // What is not signed may shorten its life.
            metadata.bound(own)?;
            return Ok(metadata);
        }
        None => return Err(MetadataError::Unsigned),
    };
    signed_entity(&signed, wanted)
}

fn signed_entity(
    signed: &super::signature::Signed,
    wanted: Wanted<'_>,
) -> Result<ProviderMetadata, MetadataError> {
    let document = signed.document().map_err(MetadataError::Signature)?;
    entity(document.root().ok_or(MetadataError::NotMetadata)?, wanted)
}

/// The entity of this identifier: the root itself, or one of those that the root lists.
fn entity(root: Element<'_>, wanted: Wanted<'_>) -> Result<ProviderMetadata, MetadataError> {
    let own = if root.is(METADATA, "EntityDescriptor") {
        match root.attribute("entityID") {
            Some(found) if found == wanted.entity_id => root,
            Some(found) if found.contains("{tenant") => return Err(MetadataError::TenantPlaceholder),
            _ => return Err(MetadataError::OtherEntity),
        }
    } else if root.is(METADATA, "EntitiesDescriptor") {
        only(root, wanted.entity_id)?
    } else {
        return Err(MetadataError::NotMetadata);
    };
    let mut metadata = role::read(only_role(own)?, wanted)?;
    metadata.bound(own)?;
    metadata.bound(only_role(own)?)?;
    Ok(metadata)
}

/// The one entity of this identifier below a list; lists may be nested (Metadata 2.3.1).
fn only<'d>(root: Element<'d>, entity_id: &str) -> Result<Element<'d>, MetadataError> {
    let mut lists = vec![root];
    let mut found = None;
    while let Some(list) = lists.pop() {
        for child in list.children() {
            if child.is(METADATA, "EntitiesDescriptor") {
                lists.push(child);
            } else if child.is(METADATA, "EntityDescriptor")
                && child.attribute("entityID") == Some(entity_id)
                && found.replace(child).is_some()
            {
                return Err(MetadataError::Several("EntityDescriptor"));
            }
        }
    }
    found.ok_or(MetadataError::OtherEntity)
}

/// The one role of an identity provider that speaks SAML 2.0. Entra lists two roles of WS-Federation beside it.
fn only_role(entity: Element<'_>) -> Result<Element<'_>, MetadataError> {
    let mut roles = entity.children().filter(|role| {
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        role.is(METADATA, "IDPSSODescriptor")
            && protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    });
    let role = roles.next().ok_or(MetadataError::NoRole)?;
    if roles.next().is_some() { Err(MetadataError::Several("IDPSSODescriptor")) } else { Ok(role) }
}

impl ProviderMetadata {
    /// Lives no longer than this element and those around it say (Metadata 2.3.1, 2.3.2, 2.4.1: the shortest counts).
    fn bound(&mut self, element: Element<'_>) -> Result<(), MetadataError> {
        let mut around = Some(element);
        while let Some(here) = around {
            if let Some(text) = here.attribute("validUntil") {
                let end = UnixMillis::parse_rfc3339(text.trim()).ok_or(MetadataError::Time("validUntil"))?;
                self.valid_until = Some(self.valid_until.map_or(end, |have| have.min(end)));
            }
            if let Some(text) = here.attribute("cacheDuration") {
                let span = duration::parse(text.trim()).ok_or(MetadataError::Time("cacheDuration"))?;
                self.cache_duration = Some(self.cache_duration.map_or(span, |have| have.min(span)));
            }
            around = here.parent();
        }
        Ok(())
    }
}

/// Whether fetching the metadata anew may help with a message whose signature no known key made.
///
/// `KeyInfo` is anybody's word: it is only a hint, and gains nobody any trust. Where every signature of the message names
/// a certificate that is known, the signature is simply wrong.
#[must_use]
pub fn may_have_new_key(message: &[u8], known: &[PublicKey]) -> bool {
    let Ok(document) = Document::parse(message, Rules::MESSAGE) else { return false };
    let Some(root) = document.root() else { return false };
    let mut named = role::certificates(root).take(MAX_HINTS).peekable();
    // Signed without naming a key, or encrypted: nothing speaks against it.
    named.peek().is_none()
        || !named.all(|text| PublicKey::from_certificate(&text).is_ok_and(|key| known.contains(&key)))
}

/// More certificates of a message are not looked at.
const MAX_HINTS: usize = 4;
