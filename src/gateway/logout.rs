//! Single Logout: ours to the identity provider, and the identity provider's to us.

mod receive;
mod send;

use crate::access::{LedgerError, Standing};
use crate::common::path::NormalPath;
use crate::common::{Host, Identity, PersonKeys, UnixMillis};
use crate::config::{IdentityProvider, LogoutSettings, SamlSettings};

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

/// What was issued to somebody by an identity provider.
#[derive(Clone, Copy)]
pub(super) struct Issued<'a> {
    pub(super) identity: &'a Identity,
    /// The values by which the person is recognised.
    pub(super) keys: &'a PersonKeys,
    /// The identity provider's session.
    pub(super) index: Option<&'a str>,
    pub(super) at: UnixMillis,
}

/// Whether the identity provider has ended it: also by a mark of a configuration with more or fewer identity providers, or
/// where no more sign-outs are taken, for what was ended stays so.
pub(super) fn standing(
    gateway: &Gateway,
    tenant: &TenantRoom,
    issued: Issued<'_>,
    host: &dyn Host,
) -> Result<Standing, LedgerError> {
    let saml = tenant.settings.saml.as_ref();
    let Some((_, provider)) = saml.and_then(|saml| saml.provider_of(&issued.identity.issuer)) else {
        // Nobody vouches any more for what a provider said that was taken out of the configuration.
        return Ok(Standing::Ended);
    };
    let is_ended = |name: &str, index: &str| {
        gateway.people.is_index_ended(host, &tenant.settings.name, (name, index), issued.at)
    };
    if let Some(index) = issued.index {
        let name = name_of(provider, &issued.identity.name_id);
        if is_ended(name, index)? || is_ended(&of_provider(provider, name), index)? {
            return Ok(Standing::Ended);
        }
    }
    for key in issued.keys.iter() {
        if is_ended(&of_provider(provider, key), WHOLE)? {
            return Ok(Standing::Ended);
        }
    }
    Ok(Standing::Clear)
}

/// In the place of an index: all sessions of somebody at one identity provider of several. No index is blank.
const WHOLE: &str = "";

fn of_provider(provider: &IdentityProvider, name: &str) -> String {
    // No octet of XML is zero.
    format!("{}\0{name}", provider.entity_id)
}

/// Entra's index is the identifier of an assertion, which is one person's, and the name in its logout requests need not be
/// the one of the sign-in. Elsewhere an index can be a small number.
fn name_of<'n>(provider: &IdentityProvider, name_id: &'n str) -> &'n str {
    if provider.entra.is_some() { "" } else { name_id }
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
    let Some(provider) = saml.identity_providers.get(at) else { return Err(LedgerError::Unavailable) };
    // Where there are several identity providers, none ends the sessions of another's people.
    let several = saml.identity_providers.len() > 1;
    if indexes.is_empty() {
        let keys = PersonKeys::from_iter([name_id]);
        if several {
            let mut whole = keys.iter().map(|key| of_provider(provider, key));
            return whole.try_for_each(|whole| gateway.people.end_index(host, name, &whole, WHOLE));
        }
        let all = gateway.people.end_sessions(host, name, &keys)?;
        return if all { Ok(()) } else { gateway.people.raise_epoch(host, name) };
    }
    let whose = name_of(provider, name_id);
    let whose = if several { of_provider(provider, whose) } else { whose.to_owned() };
    indexes.iter().try_for_each(|index| gateway.people.end_index(host, name, &whose, index))
}
