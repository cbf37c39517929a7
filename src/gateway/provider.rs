//! The identity provider as it is known now: from the configuration, or from metadata that is fetched.

use std::rc::Rc;
use std::time::Duration;

use crate::common::{Host, Level, UnixMillis};
use crate::config::{IdentityProvider, Metadata, Problem, RequestBinding, Tenant, Trust as Trusted};
use crate::crypto::PublicKey;
use crate::saml::encryption::EncryptionFault;
use crate::saml::idp_metadata::{
    self, Binding, Endpoint, MAX_SIZE, MetadataError, ProviderMetadata, Wanted, may_have_new_key,
};
use crate::saml::response::Rejection;
use crate::saml::signature::SignatureFault;

use super::Gateway;
use super::documents::{Access, DocumentId, Documents, Kind, Source as Address, Wish};
use super::tenant::TenantRoom;

/// A certificate that ends within this time is warned about.
const SOON: Duration = Duration::from_secs(30 * 86_400);
/// `validUntil` is warned about where it comes within two of the times in which metadata is read anew; what stands in the
/// configuration is not, and gets as long as a certificate.
const HALF_OF_SOON: Duration = Duration::from_secs(15 * 86_400);
/// How long a form waits for metadata.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Forms that may wait in one worker at once: each holds half a megabyte at most.
pub(super) const MOST_WAITING: usize = 32;

/// What is known of an identity provider.
#[derive(Debug)]
pub(super) struct Provider(ProviderMetadata);

/// Where that comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// From the configuration; it does not change.
    Fixed(Rc<Provider>),
    /// From an address.
    Published(DocumentId),
}

/// What is at hand now.
pub(super) enum Found {
    Known(Rc<Provider>),
    /// Nothing yet, but it is being fetched.
    Coming(DocumentId),
    /// Nothing, and not soon.
    Unknown,
}

/// Why a document of metadata is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    /// The entity it must be about.
    entity_id: String,
    /// Whether RSA keys of 1024 to 2047 bit count.
    short_keys: bool,
    /// Keys of which one must have signed it; none where the transport is trusted.
    pinned: Vec<PublicKey>,
}

impl Trust {
    /// Reads a document; the code of what is wrong with it.
    pub(super) fn read(&self, document: &[u8], host: &dyn Host) -> Result<Provider, &'static str> {
        let wanted = Wanted { entity_id: &self.entity_id, short_keys: self.short_keys };
        let read = if self.pinned.is_empty() {
            idp_metadata::read(document, wanted)
        } else {
            idp_metadata::read_signed(host, document, wanted, &self.pinned)
        };
        let provider = Provider(read.map_err(MetadataError::code)?);
        if provider.is_over(host.now()) { Err("metadata_expired") } else { Ok(provider) }
    }
}

impl Provider {
    /// Of what stands in the configuration.
    fn pinned(entity_id: &str, (sso_url, slo_url): (&str, Option<&str>), keys: &[PublicKey]) -> Self {
        let endpoint =
            |binding, url: &str| Endpoint { binding, location: url.to_owned(), response_location: None };
        let both = |url| vec![endpoint(Binding::Redirect, url), endpoint(Binding::Post, url)];
        Self(ProviderMetadata {
            entity_id: entity_id.to_owned(),
            keys: keys.to_vec(),
            unusable_certificates: 0,
            sign_on: both(sso_url),
            logout: slo_url.map(both).unwrap_or_default(),
            valid_until: None,
            cache_duration: None,
        })
    }

    pub(super) fn entity_id(&self) -> &str {
        &self.0.entity_id
    }

    pub(super) fn keys(&self) -> &[PublicKey] {
        &self.0.keys
    }

    /// Where a browser signs in: by this binding if there is such a place, otherwise by the one there is.
    pub(super) fn sign_on(&self, binding: RequestBinding) -> Option<(&str, RequestBinding)> {
        let wanted = self.0.sign_on.iter().find(|endpoint| spoken(endpoint.binding) == binding);
        let endpoint = wanted.or(self.0.sign_on.first())?;
        Some((&endpoint.location, spoken(endpoint.binding)))
    }

    /// Where a browser signs out: by this binding if there is such a place, otherwise by redirect.
    pub(super) fn sign_out(&self, binding: Option<RequestBinding>) -> Option<(&Endpoint, RequestBinding)> {
        let by = |binding| self.0.logout.iter().find(|endpoint| spoken(endpoint.binding) == binding);
        let wanted = by(binding.unwrap_or(RequestBinding::Redirect));
        let endpoint = wanted.or(self.0.logout.first())?;
        Some((endpoint, spoken(endpoint.binding)))
    }

    /// Metadata 2.3.2: what has run out must not be used.
    fn is_over(&self, now: UnixMillis) -> bool {
        self.0.valid_until.is_some_and(|end| end <= now)
    }

    /// When to look again: as usual, but as early as the document says, and before it runs out.
    pub(super) fn refresh(&self, usual: Duration, now: UnixMillis) -> Duration {
        let left =
            self.0.valid_until.map(|end| Duration::from_millis(end.0.saturating_sub(now.0).div_euclid(2)));
        [self.0.cache_duration, left].into_iter().flatten().fold(usual, Duration::min)
    }

    /// Tells of what ends soon, each time the document was to be read.
    pub(super) fn warn(&self, usual: Duration, host: &dyn Host) {
        let now = host.now();
        let say = |what: &str, more: &str| {
            host.count(&format!("vestibule.metadata.{what}"));
            host.log(Level::Warn, &format!("event=metadata.{what} entity={} {more}", self.0.entity_id));
        };
        if let Some(end) = self.0.keys_end().filter(|end| *end <= now.after(SOON)) {
            say("certificate_expires", &format!("last_certificate_ends={}", end.to_rfc3339()));
        }
        if let Some(end) = self.0.valid_until.filter(|end| *end <= now.after(usual).after(usual)) {
            say("expires", &format!("valid_until={}", end.to_rfc3339()));
        }
        if self.0.unusable_certificates > 0 {
            say("certificate_unusable", &format!("count={}", self.0.unusable_certificates));
        }
    }
}

fn spoken(binding: Binding) -> RequestBinding {
    match binding {
        Binding::Redirect => RequestBinding::Redirect,
        Binding::Post => RequestBinding::Post,
    }
}

/// Tells of what ends soon and stands in the configuration, when that is taken: nobody reads it anew.
pub(super) fn warn_of_configured(tenants: &[TenantRoom], host: &dyn Host) {
    let fixed = |source: &Source| match source {
        Source::Fixed(provider) => Some(Rc::clone(provider)),
        Source::Published(_) => None,
    };
    for provider in tenants.iter().flat_map(|tenant| &tenant.providers).filter_map(fixed) {
        provider.warn(HALF_OF_SOON, host);
    }
}

/// Where each tenant's identity providers are known from.
///
/// # Errors
/// For metadata in the configuration that cannot be used.
pub(super) fn sources(
    tenants: &[Tenant],
    documents: &mut Documents,
) -> Result<Vec<Vec<Source>>, Vec<Problem>> {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for tenant in tenants {
        let mut own = Vec::new();
        for provider in tenant.saml.iter().flat_map(|saml| &saml.identity_providers) {
            match source(provider, documents) {
                Ok(source) => own.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        sources.push(own);
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

fn source(provider: &IdentityProvider, documents: &mut Documents) -> Result<Source, Problem> {
    let entity_id = &provider.entity_id;
    Ok(match &provider.trust {
        Trusted::Pinned { sso_url, keys } => {
            let urls = (sso_url.as_str(), provider.slo_url.as_deref());
            Source::Fixed(Rc::new(Provider::pinned(entity_id, urls, keys)))
        }
        Trusted::Metadata(Metadata::Text { text, place }) => {
            let metadata =
                idp_metadata::read(text.as_bytes(), wanted(provider)).map_err(|error| Problem {
                    path: place.clone(),
                    what: format!("is {error}"),
                    remedy: "paste all of the identity provider's metadata".to_owned(),
                })?;
            Source::Fixed(Rc::new(Provider(metadata)))
        }
        Trusted::Metadata(Metadata::Published(source)) => Source::Published(documents.add(Address {
            kind: Kind::Metadata(Trust {
                entity_id: entity_id.clone(),
                short_keys: provider.short_keys,
                pinned: source.pinned.clone(),
            }),
            cluster: source.cluster.clone(),
            access: Access::Open,
            authority: source.authority.clone(),
            path: source.path.clone(),
            timeout_ms: source.timeout_ms,
            max_size: MAX_SIZE,
            refresh: source.refresh,
        })),
    })
}

/// What is wanted of an identity provider's metadata.
fn wanted(provider: &IdentityProvider) -> Wanted<'_> {
    Wanted { entity_id: &provider.entity_id, short_keys: provider.short_keys }
}

/// The keys of an identity provider that a configuration names by itself; none where they are fetched.
#[must_use]
pub fn configured_keys(provider: &IdentityProvider) -> Vec<PublicKey> {
    match &provider.trust {
        Trusted::Pinned { keys, .. } => keys.clone(),
        Trusted::Metadata(Metadata::Text { text, .. }) => {
            idp_metadata::read(text.as_bytes(), wanted(provider))
                .map(|metadata| metadata.keys)
                .unwrap_or_default()
        }
        Trusted::Metadata(Metadata::Published(_)) => Vec::new(),
    }
}

/// One of a tenant's identity providers, as far as it is known now.
pub(super) fn find(gateway: &Gateway, tenant: &TenantRoom, at: usize, host: &dyn Host) -> Found {
    let now = host.now();
    let known = match tenant.providers.get(at) {
        Some(Source::Fixed(provider)) => Some(Rc::clone(provider)),
        Some(Source::Published(id)) => gateway.documents.provider(*id),
        None => None,
    };
    match known {
        Some(provider) if !provider.is_over(now) => Found::Known(provider),
        _ => fetch_anew(gateway, tenant, at, now).map_or(Found::Unknown, Found::Coming),
    }
}

/// Has the metadata fetched once more, where it comes from an address and that was not done within a minute.
fn fetch_anew(gateway: &Gateway, tenant: &TenantRoom, at: usize, now: UnixMillis) -> Option<DocumentId> {
    match tenant.providers.get(at) {
        Some(Source::Published(id)) if gateway.documents.wish(*id, now) == Wish::Coming => Some(*id),
        _ => None,
    }
}

/// The document to wait for, where a response was refused because of a key that may be new.
pub(super) fn for_new_key(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (at, provider): (usize, &Provider),
    rejection: &Rejection,
    message: &[u8],
    now: UnixMillis,
) -> Option<DocumentId> {
    fetch_for(gateway, tenant, at, now, || match rejection {
        Rejection::Signature(_, SignatureFault::Untrusted) => may_have_new_key(message, provider.keys()),
        // One error for all that goes wrong below an encryption that has no proof of its own.
        Rejection::Encryption(EncryptionFault::Failed) => true,
        _ => false,
    })
}

/// The document to wait for, where `hint` says that a key may be new.
pub(super) fn fetch_for(
    gateway: &Gateway,
    tenant: &TenantRoom,
    at: usize,
    now: UnixMillis,
    hint: impl FnOnce() -> bool,
) -> Option<DocumentId> {
    let published = matches!(tenant.providers.get(at), Some(Source::Published(_)));
    (published && hint()).then(|| fetch_anew(gateway, tenant, at, now)).flatten()
}

/// For messages that do not wait: the next one finds what was fetched.
pub(super) fn suspect_new_key(gateway: &Gateway, tenant: &TenantRoom, at: usize, now: UnixMillis) {
    let _next_time = fetch_anew(gateway, tenant, at, now);
}
