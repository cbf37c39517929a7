//! Single Logout: ours to the identity provider, and the identity provider's to us.

mod receive;
mod send;

use crate::access::{LedgerError, Standing};
use crate::common::path::NormalPath;
use crate::common::{Host, Identity, PersonKeys, UnixMillis};
use crate::config::{LogoutSettings, SamlSettings};

use super::Gateway;
use super::request::Head;
use super::tenant::TenantRoom;

pub(super) use receive::{posted, redirected};
pub(super) use send::leave;

fn settings(tenant: &TenantRoom) -> Option<(&SamlSettings, &LogoutSettings)> {
    let saml = tenant.settings.saml.as_ref()?;
    Some((saml, saml.logout.as_ref()?))
}

/// Whether a path in normal form is that of our endpoint.
pub(super) fn is_at(tenant: &TenantRoom, path: &str) -> bool {
    settings(tenant).is_some_and(|(_, logout)| logout.path == path)
}

/// Whether a request is meant for our endpoint.
pub(super) fn is_meant(tenant: &TenantRoom, head: &Head) -> bool {
    NormalPath::read(head.path.as_bytes()).is_ok_and(|path| is_at(tenant, path.as_str()))
}

/// Whether the identity provider has ended what was issued at `issued` for this identity.
pub(super) fn standing(
    gateway: &Gateway,
    tenant: &TenantRoom,
    identity: &Identity,
    issued: UnixMillis,
    host: &dyn Host,
) -> Result<Standing, LedgerError> {
    standing_at(gateway, tenant, (identity, identity.session_index.as_deref()), issued, host)
}

/// The same of what was issued to the person of this identity in the identity provider's session `index`.
pub(super) fn standing_at(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (identity, index): (&Identity, Option<&str>),
    issued: UnixMillis,
    host: &dyn Host,
) -> Result<Standing, LedgerError> {
    let (Some((saml, _)), Some(index)) = (settings(tenant), index) else {
        return Ok(Standing::Clear);
    };
    let Some((at, _)) = saml.provider_of(&identity.issuer) else { return Ok(Standing::Ended) };
    let name = name_of(saml, at, &identity.name_id);
    let session = (name.as_str(), index);
    let ended = gateway.people.is_index_ended(host, &tenant.settings.name, session, issued)?;
    Ok(if ended { Standing::Ended } else { Standing::Clear })
}

/// Entra's index is the identifier of an assertion, which is one person's, and the name in its logout requests need not be
/// the one of the sign-in. Elsewhere an index can be a small number.
///
/// Where there are several identity providers, none ends the sessions of another's people.
fn name_of(saml: &SamlSettings, at: usize, name_id: &str) -> String {
    let provider = saml.identity_providers.get(at);
    let name = if provider.is_some_and(|provider| provider.entra.is_some()) { "" } else { name_id };
    match provider.filter(|_| saml.identity_providers.len() > 1) {
        // No octet of XML is zero.
        Some(provider) => format!("{}\0{name}", provider.entity_id),
        None => name.to_owned(),
    }
}

/// Ends the sessions of somebody: those of these sessions at the identity provider, or all where there is none.
fn end(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (saml, at): (&SamlSettings, usize),
    name_id: &str,
    indexes: &[String],
    host: &dyn Host,
) -> Result<(), LedgerError> {
    let name = &tenant.settings.name;
    if indexes.is_empty() {
        let all = gateway.people.end_sessions(host, name, &PersonKeys::from_iter([name_id]))?;
        return if all { Ok(()) } else { gateway.people.raise_epoch(host, name) };
    }
    indexes
        .iter()
        .try_for_each(|index| gateway.people.end_index(host, name, &name_of(saml, at, name_id), index))
}
