//! What we send: a request when somebody signs out here, and the answers to requests of the identity provider.

use std::time::Duration;

use crate::common::{Host, Identity, Reply};
use crate::config::{LogoutSettings, RequestBinding, SamlSettings};
use crate::gateway::pages::{Reference, carry_for, private};
use crate::gateway::provider::{Found, Provider, find};
use crate::gateway::request::Head;
use crate::gateway::sign_on::signing;
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, reports};
use crate::saml::logout::{Outgoing, logout_request, logout_response};
use crate::saml::request::Sent;

/// How long the identity provider may take with a request of ours.
const LIFETIME: Duration = Duration::from_secs(300);

/// Where a message goes, and how.
pub(super) struct Address {
    pub(super) request_url: String,
    response_url: String,
    binding: RequestBinding,
}

impl Address {
    /// From the configuration, or from the metadata.
    pub(super) fn of(logout: &LogoutSettings, provider: &Provider) -> Option<Self> {
        if let Some(url) = &logout.slo_url {
            return Some(Self {
                request_url: url.clone(),
                response_url: logout.response_url.as_ref().unwrap_or(url).clone(),
                binding: logout.binding.unwrap_or_default(),
            });
        }
        let (endpoint, binding) = provider.sign_out(logout.binding)?;
        let response_url = logout.response_url.as_ref().or(endpoint.response_location.as_ref());
        Some(Self {
            request_url: endpoint.location.clone(),
            response_url: response_url.unwrap_or(&endpoint.location).clone(),
            binding,
        })
    }
}

/// Sends the browser to the identity provider after the local session has ended; `None` where there is nowhere to go.
pub(in crate::gateway) fn leave(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    person: &Identity,
    host: &dyn Host,
) -> Option<Reply> {
    let (saml, logout) = super::settings(tenant)?;
    // A name that is not known cannot be named.
    if person.name_id.is_empty() {
        return None;
    }
    let begun = begin(gateway, tenant, (saml, logout), head, person, host);
    if let Err(code) = &begun {
        report(tenant, host, code);
    }
    begun.ok()
}

fn begin(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (saml, logout): (&SamlSettings, &LogoutSettings),
    head: &Head,
    person: &Identity,
    host: &dyn Host,
) -> Result<Reply, &'static str> {
    let Found::Known(provider) = find(gateway, tenant, host) else { return Err("provider_unknown") };
    let address = Address::of(logout, &provider).ok_or("no_logout_endpoint")?;
    let out = outgoing(gateway, saml, logout, (&address.request_url, address.binding), "", host)?;
    let (id, sent) =
        logout_request(host, person, host.now().after(LIFETIME), &out).map_err(|error| error.code())?;
    let line = tenant.logouts.begin(host, &id, &head.host).map_err(|_| "unavailable.randomness")?;
    host.count("vestibule.logout.started");
    Ok(carried(sent).with("set-cookie", line))
}

/// The answer to a request of the identity provider; `None` where there is nowhere to send it.
pub(super) fn answer(
    gateway: &Gateway,
    tenant: &TenantRoom,
    provider: &Provider,
    (in_response_to, relay_state): (&str, &str),
    success: bool,
    host: &dyn Host,
) -> Option<Reply> {
    let (saml, logout) = super::settings(tenant)?;
    let answered = Address::of(logout, provider).ok_or("no_logout_endpoint").and_then(|address| {
        let out =
            outgoing(gateway, saml, logout, (&address.response_url, address.binding), relay_state, host)?;
        logout_response(host, in_response_to, success, &out).map_err(|error| error.code())
    });
    match answered {
        Ok(sent) => Some(carried(sent)),
        Err(code) => {
            report(tenant, host, code);
            None
        }
    }
}

fn outgoing<'a>(
    gateway: &Gateway,
    saml: &'a SamlSettings,
    logout: &LogoutSettings,
    (url, binding): (&'a str, RequestBinding),
    relay_state: &'a str,
    host: &dyn Host,
) -> Result<Outgoing<'a>, &'static str> {
    let signing = if logout.sign { Some(signing(saml).ok_or("request_signature")?) } else { None };
    if signing.is_some() && !gateway.signatures.take(host.now(), 1) {
        return Err("signing_busy");
    }
    Ok(Outgoing { url, binding, entity_id: &saml.entity_id, relay_state, signing })
}

fn carried(sent: Sent) -> Reply {
    match sent {
        Sent::Redirect(url) => private(Reply::status(303)).with("location", url),
        Sent::Form { action, fields } => {
            carry_for("Sign out", "You are taken to your organisation's sign-out page.", &action, &fields)
        }
    }
}

fn report(tenant: &TenantRoom, host: &dyn Host, code: &str) {
    reports::logout(host, &tenant.settings.name, "failed", code, &Reference::new(host), "");
}
