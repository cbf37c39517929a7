//! The last steps of a sign-in: the store of used assertions, where there is one, the person's standing, the session.

use crate::access::{Session, Standing, person_keys};
use crate::common::{Host, Reply, UnixMillis};
use crate::config::ReplayStore;
use crate::crypto::sha256;
use crate::gateway::event::{Call, CallAnswer};
use crate::gateway::pages::{Language, Reference, View, private};
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, logout, reports};
use crate::saml::response::Accepted;

use super::refusal::{Page, Refusal};

/// A valid response, used for the first time in this process, that has not given a session yet.
pub(in crate::gateway) struct Redeeming {
    pub(super) accepted: Accepted,
    pub(super) at_host: String,
    /// Path and query to go to, on this host.
    pub(super) target: String,
    /// When the sign-in began.
    pub(super) began: UnixMillis,
    /// When the session begins.
    pub(super) now: UnixMillis,
    /// `Set-Cookie` values beside the session's.
    pub(super) lines: Vec<String>,
    pub(super) reference: Reference,
    /// That of the person's browser.
    pub(super) language: Language,
}

impl std::fmt::Debug for Redeeming {
    /// Everything in it is of a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redeeming").finish_non_exhaustive()
    }
}

impl Redeeming {
    /// The store has answered, or could not be asked (`None`).
    pub(in crate::gateway) fn answered(
        self,
        gateway: &Gateway,
        tenant: &TenantRoom,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Reply {
        let refusal = match answer.map(|answer| answer.status) {
            // Only this says that there was nothing before; 200 and 204 say that something was replaced (RFC 9110, 9.3.4).
            Some(201) => return finish(gateway, tenant, self, host),
            Some(409 | 412) => Refusal::with("replayed_elsewhere", Page::Again, ""),
            answer => {
                let status = answer.map_or("no answer".to_owned(), |status| status.to_string());
                let detail = format!("the replay store did not answer 201 or 412 but {status}");
                Refusal::with("replay_store", Page::Busy, &detail)
            }
        };
        let view = View::in_language(&tenant.settings.pages, self.language);
        refusal.reply(tenant, &view, &self.reference, host)
    }
}

/// Puts the assertion down as used, if nobody has (RFC 9110, 13.1.2).
pub(super) fn ask(settings: &ReplayStore, accepted: &Accepted) -> Call {
    // No octet of XML is zero, so no two pairs make one text.
    let name = format!("{}\0{}", accepted.identity.issuer, accepted.assertion_id);
    let key: String = sha256(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers: Vec<(String, String)> = [
        (":method", "PUT"),
        (":path", &format!("{}{key}", settings.path_prefix)),
        (":authority", &settings.authority),
        ("content-type", "application/json"),
        ("if-none-match", "*"),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    if let Some(value) = &settings.authorization {
        headers.push(("authorization".to_owned(), value.expose().to_owned()));
    }
    let until = accepted.not_on_or_after.to_rfc3339();
    Call {
        cluster: settings.cluster.clone(),
        headers,
        body: format!("{{\"until\":\"{until}\"}}").into_bytes(),
        timeout_ms: settings.timeout_ms,
        max_answer: 65_536,
    }
}

/// Nothing but the person themselves can stand in the way now.
pub(super) fn finish(gateway: &Gateway, tenant: &TenantRoom, redeeming: Redeeming, host: &dyn Host) -> Reply {
    let Redeeming { accepted, at_host, target, began, now, lines, reference, language } = redeeming;
    let session = stands(gateway, tenant, &accepted, began, host)
        .and_then(|()| begin_session(tenant, &at_host, &accepted, now, host));
    let session = match session {
        Ok(session) => session,
        Err(refusal) => {
            let view = View::in_language(&tenant.settings.pages, language);
            return refusal.reply(tenant, &view, &reference, host);
        }
    };
    reports::sign_on(host, &tenant.settings.name, "accepted", "", &reference, "");
    let location = format!("{}{target}", tenant.settings.public_url);
    let reply = private(Reply::status(303)).with("location", location);
    session.into_iter().chain(lines).fold(reply, |reply, line| reply.with("set-cookie", line))
}

fn stands(
    gateway: &Gateway,
    tenant: &TenantRoom,
    accepted: &Accepted,
    began: UnixMillis,
    host: &dyn Host,
) -> Result<(), Refusal> {
    let keys = person_keys(&accepted.identity);
    let standing = gateway.people.standing(host, &tenant.settings.name, &keys, None, began);
    let standing = standing.and_then(|standing| match standing {
        Standing::Clear => logout::standing(gateway, tenant, &accepted.identity, began, host),
        other => Ok(other),
    });
    match standing {
        Ok(Standing::Clear) => Ok(()),
        Ok(Standing::Blocked) => Err(Refusal::with("deactivated", Page::Inactive, "")),
        Ok(Standing::Ended) => Err(Refusal::with("begun_before_revocation", Page::Again, "")),
        Err(_) => Err(Refusal::new("revocation_unreadable")),
    }
}

fn begin_session(
    tenant: &TenantRoom,
    at_host: &str,
    accepted: &Accepted,
    now: UnixMillis,
    host: &dyn Host,
) -> Result<Vec<String>, Refusal> {
    let ends = now.after(tenant.settings.session.lifetime);
    let ends = accepted.session_not_on_or_after.map_or(ends, |limit| limit.min(ends));
    if ends <= now {
        return Err(Refusal::new("session_over"));
    }
    let session = Session::begin(host, accepted.identity.clone(), now, ends, &|name| tenant.needs(name));
    let session = session.map_err(|_| Refusal::new("unavailable.randomness"))?;
    match tenant.sessions.set(host, &session, at_host) {
        Ok(Some(lines)) => Ok(lines),
        Ok(None) => {
            let detail = "the attributes that rules and headers use do not fit into cookies: use fewer, or send fewer groups";
            Err(Refusal::with("session_too_large", Page::General, detail))
        }
        Err(_) => Err(Refusal::new("unavailable.randomness")),
    }
}
