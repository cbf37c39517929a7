//! Sign-on of one tenant, in the form the SAML room takes.

use std::cell::OnceCell;

use crate::common::{Budget, Host};
use crate::config::{RequiredSignatures, SamlSettings, Unsolicited};
use crate::saml::enveloped::Signing;
use crate::saml::metadata::{EncryptionKey, ServiceProvider, metadata, signed_metadata};
use crate::saml::response::{Accept, Required};

/// See the module.
#[derive(Debug)]
pub(in crate::gateway) struct SamlRoom {
    pub(in crate::gateway) accept: Accept,
    pub(super) requires: Required,
    /// Made at the first request for it: a signature is dear, and the text is always the same.
    signed_metadata: OnceCell<String>,
}

impl SamlRoom {
    pub(in crate::gateway) fn new(settings: &SamlSettings) -> Self {
        // Entra goes on signing with an expired certificate: the pinned key decides, the date is only warned about.
        let mut accept = Accept::outdated_certificates();
        for name in &settings.accept {
            // The configuration knows the names, which a test holds; one that is unknown after all relaxes nothing.
            let _ = accept.relax(name);
        }
        let requires = match settings.requires {
            RequiredSignatures::Any => Required::Any,
            RequiredSignatures::Assertion => Required::Assertion,
            RequiredSignatures::Response => Required::Response,
            RequiredSignatures::Both => Required::Both,
        };
        Self { accept, requires, signed_metadata: OnceCell::new() }
    }

    pub(super) fn metadata(&self, settings: &SamlSettings) -> String {
        described(settings, metadata)
    }

    /// `None` where it cannot be signed now.
    pub(super) fn signed_metadata(
        &self,
        settings: &SamlSettings,
        host: &dyn Host,
        budget: &Budget,
    ) -> Option<String> {
        if let Some(text) = self.signed_metadata.get() {
            return Some(text.clone());
        }
        let signing = signing(settings).filter(|_| budget.take(host.now(), 1))?;
        let text = described(settings, |provider| signed_metadata(host, provider, signing)).ok()?;
        Some(self.signed_metadata.get_or_init(|| text).clone())
    }
}

/// The service provider's metadata, as its endpoint gives it: what is uploaded to the identity provider.
#[must_use]
pub fn service_provider_metadata(settings: &SamlSettings) -> String {
    described(settings, metadata)
}

/// What requests are signed with, where the configuration says so.
pub(in crate::gateway) fn signing(settings: &SamlSettings) -> Option<Signing<'_>> {
    let signing = settings.request.signing.as_ref()?;
    Some(Signing { key: signing.key.as_ref()?, certificate: &signing.certificate })
}

/// Whether a response that answers no request signs anybody in.
pub(super) fn takes_unsolicited(settings: &SamlSettings) -> bool {
    matches!(settings.unsolicited, Unsolicited::Accept(_))
}

fn described<T>(settings: &SamlSettings, write: impl FnOnce(&ServiceProvider<'_>) -> T) -> T {
    let keys = settings.decryption.keys.iter().zip(&settings.decryption.certificates);
    let encryption: Vec<EncryptionKey<'_>> = keys
        .map(|(key, certificate)| match certificate {
            Some(text) => EncryptionKey::Certificate(text),
            None => EncryptionKey::Numbers(key),
        })
        .collect();
    write(&ServiceProvider {
        entity_id: &settings.entity_id,
        acs_url: &settings.acs_url,
        want_assertions_signed: matches!(
            settings.requires,
            RequiredSignatures::Assertion | RequiredSignatures::Both
        ),
        signing: signing(settings),
        encryption: &encryption,
        name_id_format: settings.request.name_id_format.as_deref(),
        slo_url: settings.logout.as_ref().map(|logout| logout.url.as_str()),
    })
}
