//! Whether a session counts now, and whether somebody may have one.

use std::time::Duration;

use crate::access::{CheckId, LedgerError, Look, Session, Standing, person_keys};
use crate::common::{HeaderEdit, Host, Identity, UnixMillis};
use crate::config::Recheck;
use crate::gateway::Gateway;
use crate::gateway::logout::{self, Issued};
use crate::gateway::request::Head;
use crate::gateway::tenant::TenantRoom;

use super::inquiry::{Finding, Question};
use super::{Asked, Known};

/// How often one request waits for an answer, where each time another doubt came up meanwhile.
pub(in crate::gateway) const MOST_ROUNDS: u8 = 3;
/// How long what a page asks for in the background goes on with groups that are out of date.
const STALE_FOR: Duration = Duration::from_secs(300);

/// What becomes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Gate {
    /// It counts.
    Open,
    /// It does not: whoever has it signs in anew.
    Void,
    /// That is being asked, until then at the latest.
    Wait(CheckId, UnixMillis),
    /// It cannot be known now.
    Unknowable(&'static str),
}

/// A request that waits for a re-check.
pub(in crate::gateway) struct Rechecking {
    pub(in crate::gateway) tenant: usize,
    pub(in crate::gateway) head: Head,
    /// Since when it waits.
    pub(in crate::gateway) since: UnixMillis,
    pub(in crate::gateway) rounds: u8,
    /// What strikes its trailers, where it has any.
    pub(in crate::gateway) trailers: Vec<HeaderEdit>,
}

impl std::fmt::Debug for Rechecking {
    /// The head is a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rechecking").field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

/// What is known of a session without asking anybody.
pub(super) fn look(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    host: &dyn Host,
) -> Result<Look, LedgerError> {
    let issued = Issued {
        identity: &session.identity,
        keys: session.keys(),
        index: session.identity.session_index.as_deref(),
        at: session.issued(),
    };
    let by_provider = || logout::standing(gateway, tenant, issued, host);
    gateway.people.look_further(host, &tenant.settings.name, &session.holder(), &by_provider)
}

/// What is known against a session now, where nobody can wait for more. What is not known yet is an error.
pub(in crate::gateway) fn standing(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    host: &dyn Host,
) -> Result<Standing, LedgerError> {
    let look = look(gateway, tenant, session, host)?;
    let Some(doubt) = look.doubt.filter(|_| look.standing == Standing::Clear) else {
        return Ok(look.standing);
    };
    if tenant.settings.access.account.recheck.is_none() {
        return Ok(Standing::Ended);
    }
    let id = Question::of_session(tenant, session).id(tenant, "");
    let known = gateway.checks.known(&id, host).filter(|known| known.at > doubt);
    match known {
        Some(Known { seen: Some(_), .. }) => Ok(Standing::Clear),
        Some(Known { finding: Finding::Inactive | Finding::Missing, .. }) => Ok(Standing::Ended),
        _ => Err(LedgerError::Unavailable),
    }
}

/// Whether a session counts for this request. `waited`: since when the request has waited for the answer.
pub(in crate::gateway) fn gate(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    head: Option<&Head>,
    waited: Option<UnixMillis>,
    host: &dyn Host,
) -> Gate {
    let look = match look(gateway, tenant, session, host) {
        Ok(look) => look,
        Err(_) => return Gate::Unknowable("revocation_unreadable"),
    };
    if look.standing != Standing::Clear {
        return Gate::Void;
    }
    if let Some(stale) = look.stale {
        // A page that is asked for goes through a sign-in and comes back; anything else could not.
        let asks_for_a_page = head.is_some_and(Head::is_navigation);
        if asks_for_a_page || host.now() > stale.after(STALE_FOR) {
            return Gate::Void;
        }
    }
    match tenant.settings.access.account.recheck {
        Some(settings) => rechecked(gateway, tenant, (session, look.doubt, waited), settings, host),
        None if look.doubt.is_some() => Gate::Void,
        None => Gate::Open,
    }
}

fn rechecked(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (session, doubt, waited): (&Session, Option<UnixMillis>, Option<UnixMillis>),
    settings: Recheck,
    host: &dyn Host,
) -> Gate {
    let (checks, now) = (&gateway.checks, host.now());
    let question = Question::of_session(tenant, session);
    let id = question.id(tenant, "");
    let known = checks.known(&id, host);
    if let Some(Known { at, finding: Finding::Inactive | Finding::Missing, seen: None }) = &known
        // Who signed in since was asked about then.
        && *at >= session.issued()
    {
        return Gate::Void;
    }
    // An answer from before the doubt says nothing of it.
    let seen =
        known.as_ref().and_then(|known| known.seen).filter(|seen| doubt.is_none_or(|doubt| *seen > doubt));
    // Who has waited for an answer takes it, however short it counts for others.
    let counts =
        |seen: UnixMillis| now < seen.after(settings.every) || waited.is_some_and(|since| seen >= since);
    if let Some(seen) = seen.filter(|seen| counts(*seen)) {
        // Asked for again while it still counts, so that nobody waits who is there all the time.
        let early = settings.every.checked_div(4).unwrap_or_default();
        if now >= seen.after(settings.every.saturating_sub(early)) {
            let _goes_on_either_way = checks.ask(gateway, id, question, false, host);
        }
        return Gate::Open;
    }
    // Nor does one that was waited for: the doubt came meanwhile, or the question was under way before it. It is asked
    // once more then, and waited for; but not by who has waited in vain, for that is the same as no answer.
    let is_behind = |since: UnixMillis| {
        now < since.after(patience(tenant))
            && known.as_ref().zip(doubt).is_some_and(|(known, doubt)| known.at <= doubt)
    };
    let waits = waited.is_none_or(is_behind);
    if waits
        && !known.as_ref().is_some_and(|known| known.is_unclear(now))
        && checks.ask(gateway, id, question, false, host) == Asked::Coming
    {
        return Gate::Wait(id, now.after(patience(tenant)));
    }
    // Where there is nothing to ask by, that is known at once.
    let unclear = checks.known(&id, host).is_some_and(|known| known.is_unclear(now));
    // The identity provider vouched for them when they signed in.
    let vouched = Some(session.issued()).filter(|issued| doubt.is_none_or(|doubt| *issued > doubt));
    let last = seen.max(vouched);
    let grace = settings.grace.map(|grace| settings.every.saturating_add(grace));
    match (last, grace) {
        (Some(last), Some(grace)) if now < last.after(grace) => {
            host.count("vestibule.recheck.passed_unchecked");
            Gate::Open
        }
        // A sign-in settles what the application cannot be asked about, and is asked for when it can.
        (None, _) => Gate::Void,
        _ => Gate::Unknowable(if unclear { "account_unclear" } else { "recheck_unreachable" }),
    }
}

/// How long somebody is kept waiting.
fn patience(tenant: &TenantRoom) -> Duration {
    let timeout = tenant.settings.scim.as_ref().map_or(0, |scim| scim.application.timeout_ms);
    Duration::from_millis(u64::from(timeout)).saturating_add(Duration::from_secs(1))
}

/// The account of somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Vouched {
    /// Its identifier at the application.
    pub(in crate::gateway) account: String,
    /// Whether the application says in so many words that it is active: nothing else takes a lock-out back.
    pub(in crate::gateway) said: bool,
}

/// The application's word on somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Word {
    /// The account is active, or nobody needs one; which it is, where there is one.
    Welcome(Option<Vouched>),
    /// The account is not active.
    Inactive,
    /// There is no account, and one is needed.
    NotProvisioned,
    /// It cannot be known now.
    Unknowable(&'static str),
    /// It is being asked, until then at the latest.
    Wait(CheckId, UnixMillis),
}

/// Asks the application about somebody who signs in, where it is to be asked. `nonce` is the sign-in's own; `blocked` as in
/// [`word`].
pub(in crate::gateway) fn vouch(
    gateway: &Gateway,
    tenant: &TenantRoom,
    identity: &Identity,
    (nonce, blocked): (&str, bool),
    host: &dyn Host,
) -> Word {
    let settings = &tenant.settings.access.account;
    if settings.recheck.is_none() && !settings.required {
        return Word::Welcome(None);
    }
    let question = Question::of_identity(tenant, identity, person_keys(identity));
    let id = question.id(tenant, nonce);
    match gateway.checks.ask(gateway, id, question, true, host) {
        Asked::Coming => Word::Wait(id, host.now().after(patience(tenant))),
        Asked::NotNow => word(gateway, tenant, &id, blocked, host),
    }
}

/// What came of it. `blocked`: a lock-out is on record here, and only the application's own words take it back.
pub(in crate::gateway) fn word(
    gateway: &Gateway,
    tenant: &TenantRoom,
    id: &CheckId,
    blocked: bool,
    host: &dyn Host,
) -> Word {
    let settings = &tenant.settings.access.account;
    let known = gateway.checks.known.borrow_mut().remove(id);
    let code = match &known {
        Some(Known { finding: Finding::Unclear, .. }) => "account_unclear",
        _ => "recheck_unreachable",
    };
    match known.map(|known| known.finding) {
        Some(Finding::Active { said: false, .. }) if blocked => Word::Inactive,
        Some(Finding::Active { account, said }) => Word::Welcome(Some(Vouched { account, said })),
        Some(Finding::Inactive) => Word::Inactive,
        Some(Finding::Missing) if blocked => Word::Inactive,
        Some(Finding::Missing) if settings.required => Word::NotProvisioned,
        Some(Finding::Missing) => Word::Welcome(None),
        Some(Finding::Unclear) if blocked => Word::Inactive,
        // The identity provider vouches for them at this moment; what counts on while the application is away counts here.
        Some(Finding::Unclear) | None if !blocked && !settings.required => {
            match settings.recheck.and_then(|recheck| recheck.grace) {
                Some(_) => {
                    host.count("vestibule.recheck.passed_unchecked");
                    Word::Welcome(None)
                }
                None => Word::Unknowable(code),
            }
        }
        _ if blocked => Word::Inactive,
        _ => Word::Unknowable(code),
    }
}

/// The account was just found active at the sign-in that gave this session: its first use need not ask again.
pub(in crate::gateway) fn vouched(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    host: &dyn Host,
) {
    let Some(account) = session.account.clone() else { return };
    let question = Question::of_session(tenant, session);
    let id = question.id(tenant, "");
    gateway.checks.checked.note(host, &id, session.issued());
    let at_issue = Some(session.issued());
    let known =
        Known { at: session.issued(), finding: Finding::Active { account, said: false }, seen: at_issue };
    gateway.checks.remember(id, known, host);
}
