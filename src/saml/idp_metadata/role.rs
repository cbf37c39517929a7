//! The role of an identity provider: `IDPSSODescriptor` (Metadata 2.4.3).

use super::{Endpoint, MetadataError, ProviderMetadata, Wanted};
use crate::crypto::{PublicKey, keep_key};
use crate::saml::names::{DSIG, METADATA};
use crate::saml::signature::MAX_KEYS;
use crate::saml::xml::Element;

/// Certificates that are looked at; more are no honest list.
const MAX_CERTIFICATES: usize = 32;
/// Endpoints that are kept.
const MAX_ENDPOINTS: usize = 16;

pub(super) fn read(role: Element<'_>, wanted: Wanted<'_>) -> Result<ProviderMetadata, MetadataError> {
    let (keys, unusable_certificates) = keys(role, wanted.short_keys)?;
    let sign_on = endpoints(role, "SingleSignOnService");
    if sign_on.is_empty() {
        return Err(MetadataError::NoSignOn);
    }
    Ok(ProviderMetadata {
        entity_id: wanted.entity_id.to_owned(),
        keys,
        unusable_certificates,
        sign_on,
        logout: endpoints(role, "SingleLogoutService"),
        valid_until: None,
        cache_duration: None,
    })
}

/// All keys that the role signs with: of every descriptor whose use is signing or not said (Metadata 2.4.1.1). Entra
/// lists certificates that are not active yet; that is what makes a rollover go unnoticed.
fn keys(role: Element<'_>, short_keys: bool) -> Result<(Vec<PublicKey>, usize), MetadataError> {
    let signing = role.children().filter(|child| {
        child.is(METADATA, "KeyDescriptor") && child.attribute("use").is_none_or(|usage| usage == "signing")
    });
    let read = if short_keys { PublicKey::from_certificate_even_short } else { PublicKey::from_certificate };
    let (mut keys, mut unusable) = (Vec::new(), 0usize);
    for (at, text) in signing.flat_map(certificates).enumerate() {
        if at >= MAX_CERTIFICATES {
            return Err(MetadataError::TooMany("certificates"));
        }
        match read(&text) {
            Ok(key) => keep_key(&mut keys, key),
            Err(_) => unusable = unusable.saturating_add(1),
        }
    }
    match keys.len() {
        0 => Err(MetadataError::NoKeys),
        // A signature is tried with so many keys; one that is never tried would be a lost login some day.
        count if count > MAX_KEYS => Err(MetadataError::TooMany("keys")),
        _ => Ok((keys, unusable)),
    }
}

/// Texts of all `KeyInfo/X509Data/X509Certificate` inside.
pub(super) fn certificates(element: Element<'_>) -> impl Iterator<Item = String> {
    element
        .descendants()
        .filter(|part| {
            let data = part.parent().filter(|data| data.is(DSIG, "X509Data"));
            part.is(DSIG, "X509Certificate")
                && data.and_then(Element::parent).is_some_and(|info| info.is(DSIG, "KeyInfo"))
        })
        .map(|certificate| certificate.text_content().into_owned())
}

fn endpoints(role: Element<'_>, name: &str) -> Vec<Endpoint> {
    role.children()
        .filter(|child| child.is(METADATA, name))
        .filter_map(Endpoint::read)
        .take(MAX_ENDPOINTS)
        .collect()
}
