//! The application's own cookies in a request and in answers of ours.

use std::rc::Rc;

use crate::access::{CheckId, Cookies, Holder, LedgerError, Owner, Places, Session, Sorted, Standing};
use crate::common::{Host, Reply, UnixMillis};

use super::Gateway;
use super::logout::{self, Issued};
use super::recheck::{self, Gate};
use super::request::Head;
use super::route::standing;
use super::tenant::TenantRoom;

/// Who asks, where that is known.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Nobody is signed in.
    Nobody,
    /// Whoever has this session, against which nothing is known.
    Person(Rc<Session>),
    /// It cannot be told, by which code; `None`: nobody wants to know.
    Unknown(Option<&'static str>),
}

impl Who {
    /// Who asks on a route where it does not matter: looked up where the application has cookies of its own. Where one
    /// of them comes, it is a login, and the session under which it was made counts here as on every other route: an
    /// error is what must be waited for first. `waited`: since when the request has waited for it.
    pub(super) fn on_open_route(
        gateway: &Gateway,
        tenant: &TenantRoom,
        head: &Head,
        cookies: &Cookies<'_>,
        waited: Option<UnixMillis>,
        host: &dyn Host,
    ) -> Result<Self, (CheckId, UnixMillis)> {
        if !tenant.application.are_named() {
            return Ok(Self::Unknown(None));
        }
        let Some(session) = tenant.sessions.read(host.now(), &head.host, cookies) else {
            return Ok(Self::Nobody);
        };
        if !tenant.application.are_sent(&head.headers) {
            // Nothing goes along. What the application sets now is looked at when it comes back.
            return Ok(match standing(gateway, tenant, &session, host) {
                Ok(Standing::Clear) => Self::Person(session),
                Ok(_) => Self::Nobody,
                Err(_) => Self::Unknown(Some("revocation_unreadable")),
            });
        }
        match recheck::gate(gateway, tenant, &session, None, waited, host) {
            Gate::Open => Ok(Self::Person(session)),
            Gate::Void => Ok(Self::Nobody),
            Gate::Unknowable(code) => Ok(Self::Unknown(Some(code))),
            Gate::Wait(id, until) => Err((id, until)),
        }
    }

    pub(super) fn of(session: Option<&Rc<Session>>) -> Self {
        session.map_or(Self::Nobody, |session| Self::Person(Rc::clone(session)))
    }

    /// Under whose session the application sets cookies now; `None` where that cannot be told.
    pub(super) fn owner(&self) -> Option<Option<Owner>> {
        match self {
            Self::Nobody => Some(None),
            Self::Person(session) => Some(Some(Owner::of(session))),
            Self::Unknown(_) => None,
        }
    }
}

/// Sorts the cookies of a request. Where it cannot be told who asks, the application's are kept back, and stay with the
/// browser.
pub(super) fn sort(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    cookies: &Cookies<'_>,
    who: &Who,
    host: &dyn Host,
) -> Sorted {
    let counts = |owner: Option<&Owner>| match (who, owner) {
        (Who::Nobody, None) => true,
        (Who::Person(session), Some(owner)) => still_counts(gateway, tenant, session, owner, host),
        _ => false,
    };
    let mut sorted = tenant.application.sort(&head.headers, cookies, place(head), &counts);
    if matches!(who, Who::Unknown(_)) {
        sorted.expire.clear();
    }
    if !sorted.expire.is_empty() {
        host.count("vestibule.session.application_cookie_dropped");
    }
    sorted
}

/// A login of the application lives as long as the session under which it was made would: also where the same person has
/// signed in anew since, but not beyond its end, a sign-out or a revocation.
fn still_counts(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    owner: &Owner,
    host: &dyn Host,
) -> bool {
    if owner.session == session.id {
        return true;
    }
    let ends = owner.ends().min(owner.issued().after(tenant.settings.session.lifetime));
    owner.is(&session.identity)
        && host.now() < ends
        && stood(gateway, tenant, session, owner, host) == Ok(true)
}

/// Whether nothing ended a former session of the same person: by name, by account, by itself, or at the identity provider.
fn stood(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    owner: &Owner,
    host: &dyn Host,
) -> Result<bool, LedgerError> {
    let Some(known_by) = owner.known_by() else { return Ok(false) };
    let name = &tenant.settings.name;
    // The account may have become known since, or have become another.
    let accounts = [known_by.account.as_deref(), session.account.as_deref()];
    for account in accounts {
        let places = Places::default();
        let former = Holder {
            keys: session.keys(),
            session: Some(&owner.session),
            account,
            issued: owner.issued(),
            places: &places,
        };
        if !gateway.people.stood(host, name, &former)? {
            return Ok(false);
        }
        if accounts.first() == accounts.last() {
            break;
        }
    }
    let issued = Issued {
        identity: &session.identity,
        keys: session.keys(),
        index: known_by.index.as_deref(),
        at: owner.issued(),
    };
    Ok(logout::standing(gateway, tenant, issued, host)? == Standing::Clear)
}

/// The same reply, with what counts no more taken from the browser.
pub(super) fn without(reply: Reply, lines: &[String]) -> Reply {
    lines.iter().fold(reply, |reply, line| reply.with("set-cookie", line.clone()))
}

/// The same reply, with a session that has ended, and every login of the application, taken from the browser.
pub(super) fn signed_out(reply: Reply, tenant: &TenantRoom, head: &Head, cookies: &Cookies<'_>) -> Reply {
    // The way back leads to no page that the browser has kept.
    let reply = without(reply, &tenant.sessions.clear(cookies)).with("clear-site-data", "\"cache\"");
    without(reply, &tenant.application.expire_all(&head.headers, cookies, place(head)))
}

/// Where a request was sent, as the browser wrote it: host, and path without query.
pub(super) fn place(head: &Head) -> (&str, &str) {
    (&head.host, head.path.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
