//! When a session was last used: the clock of the idle lifetime.
//!
//! It stands in a cookie of its own beside the session's. A renewal writes this one alone, so an answer that comes late,
//! or twenty at once, can neither bring a session back that the browser has given up nor put another person's in the
//! place of the one that is there: without its session the cookie says nothing.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, OWN_PREFIX};
use super::opened::Opened;
use super::session::{Session, expired};
use crate::common::{Host, UnixMillis};
use crate::crypto::{KeyRing, SealError};

/// The session of this identifier was used then.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Used {
    session: String,
    at: u64,
}

/// Makes and reads the cookie in which a browser keeps when its session was last used.
#[derive(Debug)]
pub(super) struct IdleCookie {
    ring: KeyRing,
    tenant: String,
    name: String,
    idle: Duration,
    opened: Rc<Opened<Used>>,
}

/// A cookie sent more often than so was planted.
const MOST: usize = 4;
/// A renewal is due when this part of the idle lifetime has passed.
const PART: u32 = 8;

impl IdleCookie {
    pub(super) fn new(ring: KeyRing, tenant: &str, idle: Duration, opened: Rc<Opened<Used>>) -> Self {
        Self { ring, tenant: tenant.to_owned(), name: format!("{OWN_PREFIX}i.{tenant}"), idle, opened }
    }

    /// Whether the session was not used for too long.
    pub(super) fn is_over(
        &self,
        now: UnixMillis,
        session: &Session,
        at_host: &str,
        sent: &Cookies<'_>,
    ) -> bool {
        now >= self.last_used(now, session, at_host, sent).after(self.idle)
    }

    /// Whether the session may end by it at all.
    pub(super) fn matters(&self, session: &Session) -> bool {
        self.idle < session.lifetime()
    }

    /// Whether a session in use at `at` has not gone unused for too long until `now`.
    pub(super) fn bridges(&self, at: UnixMillis, now: UnixMillis) -> bool {
        now < at.after(self.idle)
    }

    /// When a good part of the idle lifetime has passed since the browser was told that the session is in use.
    pub(super) fn due(
        &self,
        now: UnixMillis,
        session: &Session,
        at_host: &str,
        sent: &Cookies<'_>,
    ) -> Option<UnixMillis> {
        let part = self.idle.checked_div(PART).unwrap_or(self.idle);
        self.matters(session).then(|| self.last_used(now, session, at_host, sent).after(part))
    }

    /// The `Set-Cookie` value that says the session was used at `at`.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub(super) fn set(
        &self,
        host: &dyn Host,
        session: &Session,
        at: UnixMillis,
        at_host: &str,
    ) -> Result<String, SealError> {
        let used = Used { session: session.id.clone(), at: at.0 };
        let plain = serde_json::to_vec(&used).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &self.context(at_host))?;
        Ok(format!("{}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax", self.name))
    }

    /// The `Set-Cookie` value that takes it away.
    pub(super) fn clear(&self) -> String {
        expired(&self.name, "Lax")
    }

    /// How many cookies of this name are ours indeed.
    pub(super) fn cookies(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        self.all(at_host, sent).count()
    }

    /// The sign-in is a use. What a cookie says of another session counts for nothing. What it says of the future counts for
    /// now: clocks differ, and one that was set back must not sign people out.
    fn last_used(&self, now: UnixMillis, session: &Session, at_host: &str, sent: &Cookies<'_>) -> UnixMillis {
        let issued = session.issued();
        self.all(at_host, sent)
            .filter(|used| used.session == session.id)
            .map(|used| UnixMillis(used.at).min(now))
            .fold(issued, UnixMillis::max)
    }

    fn all<'s>(&'s self, at_host: &'s str, sent: &'s Cookies<'_>) -> impl Iterator<Item = Rc<Used>> + 's {
        sent.values(&self.name).take(MOST).filter_map(move |sealed| {
            let context = self.context(at_host);
            self.opened.get(&context, sealed, || {
                serde_json::from_slice(&self.ring.open(sealed, &context).ok()?).ok()
            })
        })
    }

    fn context<'a>(&'a self, at_host: &'a str) -> [&'a str; 2] {
        [&self.tenant, at_host]
    }
}
