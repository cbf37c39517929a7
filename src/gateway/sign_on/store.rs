//! The last steps of a sign-in: the store of used assertions, where there is one, the person's standing, the session.

use std::time::Duration;

use crate::access::{CheckId, Holder, Places, Session, Standing, person_keys};
use crate::common::{Host, Reply, UnixMillis};
use crate::config::ReplayStore;
use crate::crypto::sha256;
use crate::gateway::event::{Call, CallAnswer};
use crate::gateway::logout::{self, Issued};
use crate::gateway::pages::{Language, Reference, View, private};
use crate::gateway::recheck::{self, Vouched, Word};
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, reports};
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
    /// Whether a lock-out is on record, which only the application's own words take back.
    pub(super) blocked: bool,
    /// The question about the account, where one was asked.
    pub(super) asked: Option<CheckId>,
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
    ) -> Finished {
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
        let view = View::in_language(&tenant.settings.pages, self.language.clone());
        Finished::Answer(refusal.reply(tenant, &view, &self.reference, host))
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

/// What becomes of a sign-in in whose way nothing but the person themselves can stand.
pub(in crate::gateway) enum Finished {
    /// It is answered.
    Answer(Reply),
    /// The application is asked about the account first, until then at the latest.
    Vouch(CheckId, UnixMillis, Box<Redeeming>),
}

/// How long a lock-out stands whatever the application says, where nothing else is said of it.
const LOCK_OUT_STANDS: Duration = Duration::from_secs(300);

/// Nothing but the person themselves can stand in the way now: are they locked out, and what does the application say?
pub(super) fn finish(
    gateway: &Gateway,
    tenant: &TenantRoom,
    mut redeeming: Redeeming,
    host: &dyn Host,
) -> Finished {
    let blocked = match stands(gateway, tenant, (&redeeming.accepted, None), redeeming.began, host) {
        Ok(since) => since.is_some(),
        Err(refusal) => return Finished::Answer(redeeming.refused(tenant, &refusal, host)),
    };
    redeeming.blocked = blocked;
    let nonce = format!("sign-in {} {}", redeeming.accepted.identity.issuer, redeeming.accepted.assertion_id);
    match recheck::vouch(gateway, tenant, &redeeming.accepted.identity, (&nonce, blocked), host) {
        Word::Wait(id, until) => {
            redeeming.asked = Some(id);
            Finished::Vouch(id, until, Box::new(redeeming))
        }
        word => Finished::Answer(conclude(gateway, tenant, redeeming, word, host)),
    }
}

impl Redeeming {
    fn refused(&self, tenant: &TenantRoom, refusal: &Refusal, host: &dyn Host) -> Reply {
        let view = View::in_language(&tenant.settings.pages, self.language.clone());
        refusal.reply(tenant, &view, &self.reference, host)
    }

    /// The application has spoken, or will not in time.
    pub(in crate::gateway) fn vouched(
        self,
        gateway: &Gateway,
        tenant: &TenantRoom,
        host: &dyn Host,
    ) -> Reply {
        let word = match &self.asked {
            Some(id) => recheck::word(gateway, tenant, id, self.blocked, host),
            None => Word::Unknowable("exchange"),
        };
        conclude(gateway, tenant, self, word, host)
    }
}

fn conclude(
    gateway: &Gateway,
    tenant: &TenantRoom,
    redeeming: Redeeming,
    word: Word,
    host: &dyn Host,
) -> Reply {
    let Redeeming { accepted, at_host, target, began, now, lines, reference, language, .. } = redeeming;
    let vouched = match word {
        Word::Welcome(vouched) => Ok(vouched),
        Word::Inactive => Err(deactivated()),
        Word::NotProvisioned => Err(Refusal::with("not_provisioned", Page::NotProvisioned, "")),
        Word::Unknowable(code) => Err(Refusal::with(code, Page::Unknown, "")),
        Word::Wait(..) => Err(Refusal::new("exchange")),
    };
    let session = vouched
        .and_then(|vouched| cleared(gateway, tenant, (&accepted, began), vouched, host))
        .and_then(|account| begin_session(gateway, tenant, &at_host, (&accepted, account), now, host));
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

fn deactivated() -> Refusal {
    Refusal::with("deactivated", Page::Inactive, "")
}

/// The account of somebody against whom nothing stands: somebody may have been locked out while the application was asked,
/// and the account may be by which alone it is on record.
///
/// A lock-out is taken back: the application says that the account is active, and has had the time of a re-check to hear
/// of it.
fn cleared(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (accepted, began): (&Accepted, UnixMillis),
    vouched: Option<Vouched>,
    host: &dyn Host,
) -> Result<Option<String>, Refusal> {
    let account = vouched.as_ref().map(|vouched| vouched.account.as_str());
    let blocked = || stands(gateway, tenant, (accepted, account), began, host);
    if let Some(since) = blocked()? {
        let Some(Vouched { account, said: true }) = &vouched else { return Err(deactivated()) };
        let (name, keys) = (&tenant.settings.name, person_keys(&accepted.identity));
        gateway
            .people
            .lift(host, name, &keys, account, since)
            .map_err(|_| Refusal::with("revocation_unreadable", Page::Unknown, ""))?;
        reports::lock_out_lifted(host, name);
        if blocked()?.is_some() {
            return Err(deactivated());
        }
    }
    Ok(vouched.map(|vouched| vouched.account))
}

/// Since when the person, or the account where it is known, is locked out, where that may be taken back; where not, and
/// where what they have was issued too early, a refusal.
fn stands(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (accepted, account): (&Accepted, Option<&str>),
    began: UnixMillis,
    host: &dyn Host,
) -> Result<Option<UnixMillis>, Refusal> {
    let name = &tenant.settings.name;
    let (keys, places) = (person_keys(&accepted.identity), Places::default());
    let holder = Holder { keys: &keys, session: None, account, issued: began, places: &places };
    let standing = gateway.people.standing_of(host, name, &holder);
    let standing = standing.and_then(|standing| match standing {
        Standing::Clear => {
            let identity = &accepted.identity;
            let index = identity.session_index.as_deref();
            logout::standing(gateway, tenant, Issued { identity, keys: &keys, index, at: began }, host)
        }
        other => Ok(other),
    });
    match standing {
        Ok(Standing::Clear) => Ok(None),
        Ok(Standing::Blocked) => {
            let settings = &tenant.settings.access.account;
            let asks = settings.recheck.is_some() || settings.required;
            let stands_for = settings.recheck.map_or(LOCK_OUT_STANDS, |recheck| recheck.every);
            match gateway.people.blocked_since(host, name, &keys, account) {
                Ok(Some(since)) if asks && host.now() >= since.after(stands_for) && began > since => {
                    Ok(Some(since))
                }
                Ok(_) => Err(deactivated()),
                Err(_) => Err(Refusal::with("revocation_unreadable", Page::Unknown, "")),
            }
        }
        Ok(Standing::Ended) => Err(Refusal::with("begun_before_revocation", Page::Again, "")),
        Err(_) => Err(Refusal::with("revocation_unreadable", Page::Unknown, "")),
    }
}

fn begin_session(
    gateway: &Gateway,
    tenant: &TenantRoom,
    at_host: &str,
    (accepted, account): (&Accepted, Option<String>),
    now: UnixMillis,
    host: &dyn Host,
) -> Result<Vec<String>, Refusal> {
    let ends = now.after(tenant.settings.session.lifetime);
    let ends = accepted.session_not_on_or_after.map_or(ends, |limit| limit.min(ends));
    if ends <= now {
        return Err(Refusal::new("session_over"));
    }
    let session = Session::begin(host, accepted.identity.clone(), now, ends, &|name| tenant.needs(name));
    let mut session = session.map_err(|_| Refusal::new("unavailable.randomness"))?;
    session.account = account;
    recheck::vouched(gateway, tenant, &session, host);
    match tenant.sessions.set(host, &session, at_host) {
        Ok(Some(lines)) => Ok(lines),
        Ok(None) => {
            let detail = "the attributes that rules and headers use do not fit into cookies: use fewer, or send fewer groups";
            Err(Refusal::with("session_too_large", Page::General, detail))
        }
        Err(_) => Err(Refusal::new("unavailable.randomness")),
    }
}

#[cfg(test)]
mod tests;
