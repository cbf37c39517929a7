//! The assertion consumer: what a browser brings from the identity provider.

use std::collections::BTreeSet;

use crate::access::{CheckId, Cookies, LedgerError, Login, Manner, UsedOnce, is_handle};
use crate::common::{Host, Reply, UnixMillis};
use crate::config::{IdentityProvider, SamlSettings, Unsolicited, claim_name};
use crate::gateway::documents::DocumentId;
use crate::gateway::event::Call;
use crate::gateway::pages::{Reference, private};
use crate::gateway::provider::{Found, Provider};
use crate::gateway::request::{Head, form, only};
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, provider, reports};
use crate::saml::response::{Accepted, Expectations, Rejection, decode_post, validate};

use super::landing::of_relay_state;
use super::refusal::{Page, Refusal};
use super::room::{SamlRoom, takes_unsolicited};
use super::start::{MOST_ROUNDS, Wish, going_round, start};
use super::store::{Finished, Redeeming, ask};
use super::{rules, store};

/// What becomes of a form.
pub(in crate::gateway) enum Consumed {
    /// It is answered.
    Answer(Reply),
    /// The store of used assertions is asked first.
    Redeem(Call, Box<Redeeming>),
    /// The application is asked about the account first, until then at the latest.
    Vouch(CheckId, UnixMillis, Box<Redeeming>),
    /// The identity provider's metadata is fetched first; then the same form is consumed again.
    Await(DocumentId),
}

/// The fields of the form that count.
struct Form {
    response: String,
    relay_state: Option<String>,
}

/// What the consumer works with.
struct Desk<'a> {
    gateway: &'a Gateway,
    tenant: &'a TenantRoom,
    saml: &'a SamlSettings,
    room: &'a SamlRoom,
    head: &'a Head,
    cookies: Cookies<'a>,
    /// The session begins before its standing is asked for, so that a lock-out in between is later than it.
    now: UnixMillis,
    pending: Vec<(String, Login)>,
    /// Whether it has waited for metadata already.
    again: bool,
    host: &'a dyn Host,
}

/// The whole form is at hand. `again`: it has waited for metadata, and does not wait a second time.
pub(in crate::gateway) fn consume(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    body: &[u8],
    again: bool,
    host: &dyn Host,
) -> Consumed {
    let reference = Reference::new(host);
    let view = tenant.view(&head.headers);
    let (Some(saml), Some(room)) = (&tenant.settings.saml, &tenant.saml) else {
        return Consumed::Answer(Refusal::new("not_configured").reply(tenant, &view, &reference, host));
    };
    let cookies = Cookies::read(&head.headers);
    let now = host.now();
    let pending = tenant.logins.pending(now, &head.host, &cookies);
    let desk = Desk { gateway, tenant, saml, room, head, cookies, now, pending, again, host };
    match desk.take(body, reference.clone()) {
        Ok(consumed) => consumed,
        Err(refusal) => Consumed::Answer(refusal.reply(tenant, &view, &reference, host)),
    }
}

impl Desk<'_> {
    fn take(&self, body: &[u8], reference: Reference) -> Result<Consumed, Refusal> {
        if self.pending.is_empty() && self.saml.unsolicited == Unsolicited::Refuse {
            return Err(no_pending_login());
        }
        let form = read(body)?;
        let xml = decode_post(&form.response);
        let mut first: Result<(), Refusal> = Err(no_pending_login());
        let mut rejected: Option<(usize, Rejection)> = None;
        let mut wait = None;
        for (at, settings) in self.candidates(form.relay_state.as_deref()) {
            let provider = match provider::find(self.gateway, self.tenant, at, self.host) {
                Found::Known(provider) => provider,
                // Others may know whose it is, and need not wait for this one.
                Found::Coming(document) if !self.again => {
                    wait = wait.or(Some(document));
                    continue;
                }
                _ => {
                    first = Err(unready());
                    continue;
                }
            };
            let xml = match &xml {
                Ok(xml) => xml,
                Err(rejection) => return self.reject((at, rejection), &form, &reference),
            };
            let request_ids = self.asked(at);
            match validate(self.host, xml, &self.expectations(&request_ids, &provider)) {
                Ok(accepted) => return self.accept(settings, accepted, &form, reference),
                Err(rejection) => match self.new_key((at, &provider), &rejection, xml) {
                    Some(document) => {
                        // Where the response says who issued it, it was that one.
                        let is_named = matches!(rejection, Rejection::Signature(..))
                            && !self.room.accept.no_response_issuer;
                        let first = wait.filter(|_| !is_named);
                        return Ok(Consumed::Await(first.unwrap_or(document)));
                    }
                    // Who it may be from tells why; of several, the first that could be asked.
                    None if rejected
                        .as_ref()
                        .is_some_and(|(_, have)| have.nearness() >= rejection.nearness()) => {}
                    None => rejected = Some((at, rejection)),
                },
            }
        }
        if let Some(document) = wait {
            return Ok(Consumed::Await(document));
        }
        match (rejected, first) {
            (Some((at, rejection)), _) => self.reject((at, &rejection), &form, &reference),
            (None, first) => Err(first.err().unwrap_or_else(no_pending_login)),
        }
    }

    /// Whose answer it may be: of the identity provider that the login was begun at which the relay state names;
    /// otherwise of each that this browser has a login at, or of any where nobody need have asked. Whose it is indeed, the
    /// signature says; a login at one is never answered by another.
    fn candidates(&self, relay_state: Option<&str>) -> Vec<(usize, &IdentityProvider)> {
        let named = |login: &Login| self.saml.provider_named(login.provider.as_deref());
        let answered = self.pending.iter().find(|(handle, _)| Some(handle.as_str()) == relay_state);
        let places: BTreeSet<usize> = match answered {
            Some((_, login)) => named(login).into_iter().collect(),
            None if self.saml.unsolicited != Unsolicited::Refuse => {
                (0..self.saml.identity_providers.len()).collect()
            }
            None => self.pending.iter().filter_map(|(_, login)| named(login)).collect(),
        };
        let provider = |at| Some((at, self.saml.identity_providers.get(at)?));
        places.into_iter().filter_map(provider).collect()
    }

    /// Identifiers of the requests that this identity provider was sent.
    fn asked(&self, at: usize) -> Vec<String> {
        let asked = |login: &Login| self.saml.provider_named(login.provider.as_deref()) == Some(at);
        let logins = self.pending.iter().map(|(_, login)| login);
        logins.filter(|login| asked(login)).map(|login| login.request_id.clone()).collect()
    }

    fn expectations<'e>(&'e self, request_ids: &'e [String], provider: &'e Provider) -> Expectations<'e> {
        Expectations {
            idp_entity_id: provider.entity_id(),
            audience: &self.saml.entity_id,
            acs_url: &self.saml.acs_url,
            request_ids,
            allow_unsolicited: takes_unsolicited(self.saml),
            keys: provider.keys(),
            decryption_keys: &self.saml.decryption.keys,
            decryptions: Some(&self.gateway.decryptions),
            skew: self.saml.clock_skew,
            now: self.now,
            requires: self.room.requires,
            accept: self.room.accept,
        }
    }

    /// The metadata to wait for, where a key that is not known yet may have signed the response.
    fn new_key(&self, provider: (usize, &Provider), rejection: &Rejection, xml: &[u8]) -> Option<DocumentId> {
        if self.again {
            return None;
        }
        provider::for_new_key(self.gateway, self.tenant, provider, rejection, xml, self.now)
    }

    /// A valid response: of whom, and may they come in?
    fn accept(
        &self,
        provider: &IdentityProvider,
        accepted: Accepted,
        form: &Form,
        reference: Reference,
    ) -> Result<Consumed, Refusal> {
        let answered = match &accepted.in_response_to {
            Some(id) => {
                let found = self.pending.iter().find(|(_, login)| login.request_id == *id);
                Some(found.ok_or(Refusal::with("in_response_to", Page::Again, ""))?)
            }
            None => None,
        };
        let login = answered.map(|(_, login)| login);
        let groups_matter = self.tenant.needs(claim_name("groups"));
        let seen = rules::check((self.saml, provider), &accepted, login, groups_matter, self.now)
            .map_err(|refusal| refusal.after(login))?;
        use_once(self.gateway, &accepted, self.host).map_err(|refusal| refusal.after(login))?;
        if let Some((handle, login)) = answered {
            self.login_once(handle, login).map_err(|refusal| refusal.after(Some(login)))?;
        }
        for code in accepted.warnings.iter().map(|warning| warning.code()).chain(seen) {
            reports::sign_on_warning(self.host, &self.tenant.settings.name, code);
        }
        if let Some(login) = login {
            let took = self.now.0.saturating_sub(login.began().0);
            self.host.record("vestibule.sign_on.duration_ms", took);
        }
        // A round that began with a response nobody asked for was counted when it began.
        let counts = !login.is_some_and(|login| login.counted);
        let round = counts.then(|| self.tenant.rounds.add(self.host, &self.head.host, &self.cookies));
        let others =
            self.tenant.application.expire_others(&self.cookies, &self.head.host, &accepted.identity);
        let redeeming = Redeeming {
            at_host: self.head.host.clone(),
            target: match login {
                Some(login) => login.target.clone(),
                None => of_relay_state(&self.tenant.settings, self.saml, form.relay_state.as_deref()),
            },
            // Clocks differ: what was issued up to a skew before a lock-out may have been begun before it.
            began: login
                .map_or_else(|| accepted.issued.before(self.saml.clock_skew).min(self.now), Login::began),
            now: self.now,
            lines: answered
                .map(|(handle, _)| self.tenant.logins.forget(handle))
                .into_iter()
                .chain(round.and_then(Result::ok))
                .chain(others)
                .collect(),
            reference,
            accepted,
            language: self.tenant.view(&self.head.headers).language(),
            blocked: false,
            asked: None,
        };
        Ok(match &self.saml.replay_store {
            Some(settings) => {
                let call = ask(settings, &redeeming.accepted);
                Consumed::Redeem(call, Box::new(redeeming))
            }
            None => match store::finish(self.gateway, self.tenant, redeeming, self.host) {
                Finished::Answer(reply) => Consumed::Answer(reply),
                Finished::Vouch(id, until, redeeming) => Consumed::Vouch(id, until, redeeming),
            },
        })
    }

    /// A login is answered once, also where the browser keeps its cookie or somebody has a copy.
    fn login_once(&self, handle: &str, login: &Login) -> Result<(), Refusal> {
        let until = login.began().after(self.tenant.settings.session.login_lifetime);
        // Neither a tenant nor a handle has a blank, and no identity provider is named so.
        let whose = format!("login {}", self.tenant.settings.name);
        used_once(self.gateway.replay.use_once(self.host, &whose, handle, until))
    }

    /// `at`: whose it would have been.
    fn reject(
        &self,
        (at, rejection): (usize, &Rejection),
        form: &Form,
        reference: &Reference,
    ) -> Result<Consumed, Refusal> {
        let relay_state = form.relay_state.as_deref();
        // Not what says so, but who knows the handle: it finds a sealed cookie of this browser or nothing.
        let answered = self.pending.iter().find(|(handle, _)| Some(handle.as_str()) == relay_state);
        let login = answered.map(|(_, login)| login);
        match rejection {
            Rejection::Unsolicited if self.bounces(relay_state) => {
                Ok(Consumed::Answer(self.bounce(at, relay_state)))
            }
            Rejection::UnknownRequest if self.pending.is_empty() => Err(no_pending_login()),
            Rejection::Status { status, .. } if status == "NoPassive" => match answered {
                Some((handle, login)) if login.manner == Manner::Tried => {
                    Ok(Consumed::Answer(self.anonymous(handle, login, reference)))
                }
                _ => Err(Refusal::of(rejection).after(login)),
            },
            _ => Err(Refusal::of(rejection).after(login)),
        }
    }

    /// A response that comes with a handle of ours answers a request after all, though it does not say so: another request
    /// would be answered no better.
    fn bounces(&self, relay_state: Option<&str>) -> bool {
        self.saml.unsolicited == Unsolicited::Bounce && !relay_state.is_some_and(is_handle)
    }

    /// The response proves nothing: a sign-in of our own takes its place, which the same identity provider will answer at
    /// once.
    fn bounce(&self, at: usize, relay_state: Option<&str>) -> Reply {
        let target = of_relay_state(&self.tenant.settings, self.saml, relay_state);
        let wish = Wish { provider: Some(at), counted: true, ..Wish::plain(target) };
        let rounds = self.tenant.rounds.recent(self.now, &self.head.host, &self.cookies);
        if rounds >= MOST_ROUNDS {
            return going_round(self.tenant, self.head, &wish, self.host);
        }
        self.host.count("vestibule.sign_on.bounced");
        let reply = start(self.gateway, self.tenant, self.saml, self.head, &wish, self.host);
        match self.tenant.rounds.add(self.host, &self.head.host, &self.cookies) {
            Ok(line) => reply.with("set-cookie", line),
            Err(_) => reply,
        }
    }

    /// Nobody minds: back to the page, without a session.
    fn anonymous(&self, handle: &str, login: &Login, reference: &Reference) -> Reply {
        let name = &self.tenant.settings.name;
        reports::sign_on(self.host, name, "rejected", "no_passive", reference, "");
        let location = format!("{}{}", self.tenant.settings.public_url, login.target);
        let reply = private(Reply::status(303))
            .with("location", location)
            .with("set-cookie", self.tenant.logins.forget(handle));
        match self.tenant.rounds.add(self.host, &self.head.host, &self.cookies) {
            Ok(line) => reply.with("set-cookie", line),
            Err(_) => reply,
        }
    }
}

fn unready() -> Refusal {
    let detail =
        "nothing is known of the identity provider yet: its metadata could not be fetched, or has run out";
    Refusal::with("provider_unknown", Page::Unready, detail)
}

fn no_pending_login() -> Refusal {
    let detail = "the browser sent no cookie of a login: it keeps none, took too long, or the login was another's; a sign-in \
                  that begins at the identity provider needs allow_unsolicited";
    Refusal::with("no_pending_login", Page::Cookies, detail)
}

fn read(body: &[u8]) -> Result<Form, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::new("malformed_form"))?;
    let pairs = form(text).ok_or(Refusal::new("malformed_form"))?;
    let response = only(&pairs, "SAMLResponse").ok_or(Refusal::new("no_single_response"))?.to_owned();
    // Who sends two wants somebody to read the other.
    if pairs.iter().filter(|(name, _)| name == "RelayState").count() > 1 {
        return Err(Refusal::new("two_relay_states"));
    }
    Ok(Form { response, relay_state: only(&pairs, "RelayState").map(str::to_owned) })
}

fn use_once(gateway: &Gateway, accepted: &Accepted, host: &dyn Host) -> Result<(), Refusal> {
    let until = accepted.not_on_or_after;
    used_once(gateway.replay.use_once(host, &accepted.identity.issuer, &accepted.assertion_id, until))
}

fn used_once(used: Result<UsedOnce, LedgerError>) -> Result<(), Refusal> {
    match used {
        Ok(UsedOnce::Fresh) => Ok(()),
        Ok(UsedOnce::Again) => Err(Refusal::with("replayed", Page::Again, "")),
        // Neither is the person's doing, and a later sign-in may go through.
        Ok(UsedOnce::Full) => Err(Refusal::with("replay_memory_full", Page::Busy, "")),
        Err(_) => Err(Refusal::with("replay_memory_unreadable", Page::Unknown, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_table_of_used_assertions_that_is_full_or_unreadable_refuses_for_now_and_blames_nobody() {
        let refusals = [
            (Ok(UsedOnce::Full), "replay_memory_full", Page::Busy),
            (Err(LedgerError::Unavailable), "replay_memory_unreadable", Page::Unknown),
            (Ok(UsedOnce::Again), "replayed", Page::Again),
        ];
        for (used, code, page) in refusals {
            assert_eq!(used_once(used), Err(Refusal::with(code, page, "")));
        }
        assert_eq!(used_once(Ok(UsedOnce::Fresh)), Ok(()));
    }
}
