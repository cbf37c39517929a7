//! What we receive: requests of the identity provider to end sessions, and its answers to ours.

use crate::access::{Cookies, UsedOnce};
use crate::common::{Host, Reply};
use crate::config::{LogoutSettings, SamlSettings};
use crate::gateway::pages::{Offer, Reference, page, words};
use crate::gateway::provider::{self, Found, Provider};
use crate::gateway::request::{Head, form};
use crate::gateway::sign_on::Consumed;
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, application, reports};
use crate::saml::idp_metadata::may_have_new_key;
use crate::saml::logout::{
    Expect, LogoutError, LogoutRequest, LogoutResponse, Message, Outcome, Received, read_post, read_redirect,
};
use crate::saml::signature::{Relaxed, SignatureFault};

use super::send::{Address, answer};

/// What a message is judged with.
struct Desk<'a> {
    gateway: &'a Gateway,
    tenant: &'a TenantRoom,
    saml: &'a SamlSettings,
    /// The identity provider, and its place.
    provider: &'a Provider,
    at: usize,
    head: &'a Head,
    host: &'a dyn Host,
}

/// A message in the query.
pub(in crate::gateway) fn redirected(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    host: &dyn Host,
) -> Reply {
    let Some((saml, logout)) = super::settings(tenant) else {
        return refused(tenant, head, "not_configured", "", host);
    };
    let mut reply = None;
    for at in 0..saml.identity_providers.len() {
        let Found::Known(provider) = provider::find(gateway, tenant, at, host) else { continue };
        let desk = Desk { gateway, tenant, saml, provider: &provider, at, head, host };
        let read = desk.expecting(logout, |expect| read_redirect(host, head.query(), expect));
        if read == Err(LogoutError::Signature(SignatureFault::Untrusted)) {
            // Nothing waits here: a redirect can be followed again.
            provider::suspect_new_key(gateway, tenant, at, host.now());
        }
        match read {
            Ok(_) => return desk.judge(read),
            // Of several, the first tells what was wrong.
            Err(error) => reply = reply.or(Some(error)),
        }
    }
    match reply {
        Some(error) => refused(tenant, head, error.code(), &error.to_string(), host),
        None => unready(tenant, head, host),
    }
}

/// A message in a form. `again`: it has waited for metadata, and does not wait a second time.
pub(in crate::gateway) fn posted(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    body: &[u8],
    again: bool,
    host: &dyn Host,
) -> Consumed {
    let Some((saml, logout)) = super::settings(tenant) else {
        return Consumed::Answer(refused(tenant, head, "not_configured", "", host));
    };
    let Some(fields) = std::str::from_utf8(body).ok().and_then(form) else {
        return Consumed::Answer(refused(tenant, head, "malformed_form", "", host));
    };
    let (mut failed, mut wait) = (None, None);
    for at in 0..saml.identity_providers.len() {
        let provider = match provider::find(gateway, tenant, at, host) {
            Found::Known(provider) => provider,
            Found::Coming(document) => {
                wait = wait.or(Some(document));
                continue;
            }
            Found::Unknown => continue,
        };
        let desk = Desk { gateway, tenant, saml, provider: &provider, at, head, host };
        let read = desk.expecting(logout, |expect| read_post(host, &fields, expect));
        if read == Err(LogoutError::Signature(SignatureFault::Untrusted)) && !again {
            wait = wait.or_else(|| {
                provider::fetch_for(gateway, tenant, at, host.now(), || {
                    let message = fields.iter().find(|(name, _)| name.starts_with("SAMLRe"));
                    let octets =
                        message.and_then(|(_, value)| crate::saml::response::decode_post(value).ok());
                    octets.is_some_and(|octets| may_have_new_key(&octets, provider.keys()))
                })
            });
        }
        match read {
            Ok(_) => return Consumed::Answer(desk.judge(read)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match (wait.filter(|_| !again), failed) {
        (Some(document), _) => Consumed::Await(document),
        (None, Some(error)) => {
            Consumed::Answer(refused(tenant, head, error.code(), &error.to_string(), host))
        }
        (None, None) => Consumed::Answer(unready(tenant, head, host)),
    }
}

impl Desk<'_> {
    fn expecting<T>(&self, logout: &LogoutSettings, judge: impl FnOnce(&Expect<'_>) -> T) -> T {
        let address = Address::of(logout, self.provider);
        let issuers = issuers(self.provider.entity_id(), address.as_ref().map(|it| it.request_url.as_str()));
        let accept = self.tenant.saml.as_ref().map(|room| room.accept).unwrap_or_default();
        judge(&Expect {
            no_destination: accept.no_destination || issuers.len() > 1,
            issuers: &issuers,
            destination: &logout.url,
            keys: self.provider.keys(),
            relaxed: Relaxed {
                sha1_signature: accept.sha1_signature,
                sha1_digest: accept.sha1_digest,
                short_rsa: accept.rsa_1024,
                inclusive: accept.inclusive_c14n,
                empty_reference: false,
            },
            now: self.host.now(),
            skew: self.saml.clock_skew,
        })
    }

    fn judge(&self, read: Result<Received, LogoutError>) -> Reply {
        match read {
            Ok(Received { message: Message::Request(request), relay_state }) => {
                self.requested(&request, relay_state.as_deref().unwrap_or_default())
            }
            Ok(Received { message: Message::Response(response), .. }) => self.answered(&response),
            Err(error) => refused(self.tenant, self.head, error.code(), &error.to_string(), self.host),
        }
    }

    /// The identity provider ends sessions: here at once, and wherever else this process serves them.
    fn requested(&self, request: &LogoutRequest, relay_state: &str) -> Reply {
        let (gateway, tenant, host) = (self.gateway, self.tenant, self.host);
        // An assertion's identifier has no blank, so that the two are never one.
        let used = format!("logout {}", request.id);
        match gateway.replay.use_once(host, self.provider.entity_id(), &used, request.ends) {
            Ok(UsedOnce::Fresh) => {}
            Ok(UsedOnce::Again) => return refused(tenant, self.head, "replayed", "", host),
            Ok(UsedOnce::Full) => return refused(tenant, self.head, "replay_memory_full", "", host),
            Err(_) => return refused(tenant, self.head, "replay_memory_unreadable", "", host),
        }
        let cookies = Cookies::read(&self.head.headers);
        let is_entra = self.saml.identity_providers.get(self.at).is_some_and(|it| it.entra.is_some());
        let own = tenant.sessions.carried(&self.head.host, &cookies).find(|session| {
            if session.identity.issuer != self.provider.entity_id() {
                return false;
            }
            let (name, index) = (&session.identity.name_id, &session.identity.session_index);
            let named = name.trim().to_lowercase() == request.name_id.trim().to_lowercase();
            let listed = index.as_ref().is_some_and(|index| request.session_indexes.contains(index));
            // Entra may name the person otherwise than at the sign-in, but its index is one person's.
            (named && (listed || request.session_indexes.is_empty())) || (listed && is_entra)
        });
        let mut ended = super::end(
            gateway,
            tenant,
            (self.saml, self.at),
            &request.name_id,
            &request.session_indexes,
            host,
        )
        .is_ok();
        if let Some(own) = &own {
            ended &=
                gateway.people.end_session(host, &tenant.settings.name, (&own.id, own.issued())) == Ok(true);
        }
        let (outcome, code) = if ended { ("accepted", "") } else { ("failed", "logout_not_recorded") };
        reports::logout(host, &tenant.settings.name, outcome, code, &Reference::new(host), "");
        let view = tenant.view(&self.head.headers);
        let reply = answer(gateway, (tenant, &view), self.provider, (&request.id, relay_state), ended, host);
        let reply = reply.unwrap_or_else(|| {
            let (status, said) =
                if ended { (200, &words::SIGNED_OUT) } else { (500, &words::NOT_SIGNED_OUT) };
            page(&view, status, said, &Offer::Nothing, None)
        });
        if own.is_some() { application::signed_out(reply, tenant, self.head, &cookies) } else { reply }
    }

    /// The identity provider has done its part. Nothing ends here that had not ended before.
    fn answered(&self, response: &LogoutResponse) -> Reply {
        let (tenant, host) = (self.tenant, self.host);
        let cookies = Cookies::read(&self.head.headers);
        let pending = tenant.logouts.pending(host.now(), &self.head.host, &cookies);
        if !pending.contains(&response.in_response_to) {
            return refused(
                tenant,
                self.head,
                "unknown_request",
                "the answer belongs to no sign-out of this browser",
                host,
            );
        }
        let whole = response.signed && response.outcome == Outcome::Success;
        let code = match (response.signed, response.outcome) {
            (false, _) => "unsigned",
            (true, Outcome::Success) => "",
            (true, Outcome::Partial) => "partial",
            (true, Outcome::Failed) => "status",
        };
        reports::logout(host, &tenant.settings.name, "answered", code, &Reference::new(host), "");
        let said = if whole { &words::SIGNED_OUT_EVERYWHERE } else { &words::SIGNED_OUT_HERE };
        let start = Offer::Link(&self.saml.start_path, &words::TO_THE_START);
        let reply = page(&tenant.view(&self.head.headers), 200, said, &start, None);
        reply.with("set-cookie", tenant.logouts.forget())
    }
}

/// As what the identity provider may name itself. Entra does so by its entity ID and, in answers, by the host of its
/// endpoints, each with the tenant: `https://sts.windows.net/T/` and `https://login.microsoftonline.com/T/`.
fn issuers(entity_id: &str, slo_url: Option<&str>) -> Vec<String> {
    let mut issuers = vec![entity_id.to_owned()];
    let directory = |url: &str| {
        let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
        Some((host.to_owned(), path.split('/').next()?.to_owned()))
    };
    let at = entity_id.strip_prefix("https://sts.").and_then(|_| directory(entity_id));
    if let (Some((sts, own)), Some((host, other))) = (at, slo_url.and_then(directory))
        && own == other
        && !own.is_empty()
        && entity_id == format!("https://{sts}/{own}/")
    {
        issuers.push(format!("https://{host}/{own}/"));
    }
    issuers
}

fn refused(tenant: &TenantRoom, head: &Head, code: &str, detail: &str, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    reports::logout(host, &tenant.settings.name, "rejected", code, &reference, detail);
    let path = tenant.own_path("/.vestibule/sign-out");
    let offer = Offer::Link(&path, &words::SIGN_OUT);
    page(&tenant.view(&head.headers), 403, &words::SIGN_OUT_REFUSED, &offer, Some(&reference))
}

fn unready(tenant: &TenantRoom, head: &Head, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    reports::logout(host, &tenant.settings.name, "failed", "provider_unknown", &reference, "");
    page(&tenant.view(&head.headers), 503, &words::SIGN_OUT_UNREADY, &Offer::Nothing, Some(&reference))
        .with("retry-after", "5")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn entra_may_name_itself_by_the_host_of_its_endpoints_and_nobody_else_may() {
        let entity = "https://sts.windows.net/t-1/";
        let both = issuers(entity, Some("https://login.microsoftonline.com/t-1/saml2"));
        assert_eq!(both, [entity, "https://login.microsoftonline.com/t-1/"]);
        for (entity, url) in [
            (entity, Some("https://login.microsoftonline.com/t-2/saml2")),
            (entity, Some("https://login.microsoftonline.com")),
            (entity, None),
            ("https://sts.windows.net/", Some("https://login.microsoftonline.com/saml2")),
            ("https://sts.windows.net/t-1/more", Some("https://login.microsoftonline.com/t-1/saml2")),
            ("https://idp.example/t-1/", Some("https://evil.example/t-1/saml2")),
        ] {
            assert_eq!(issuers(entity, url), [entity]);
        }
    }
}
