//! What was let through for somebody and is still open: a download, a stream of events, a WebSocket.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::access::Session;
use crate::common::{Host, UnixMillis};
use crate::gateway::Gateway;

use super::gate::{Gate, gate};

/// The shortest time between two looks at one stream where nothing has happened.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest.
const LOOK_AT_LEAST: Duration = Duration::from_secs(30);

/// An open stream and whose it is.
pub(in crate::gateway) struct Watch {
    tenant: usize,
    session: Rc<Session>,
    opened: UnixMillis,
    /// When it is looked at again, also where nothing has happened.
    next: Cell<UnixMillis>,
}

impl std::fmt::Debug for Watch {
    /// Whose it is is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("opened", &self.opened).finish_non_exhaustive()
    }
}

/// How an open stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Seen {
    /// It may stay open.
    Well,
    /// It is broken off, for this reason.
    Over(&'static str),
}

impl Watch {
    pub(in crate::gateway) fn new(tenant: usize, session: Rc<Session>, now: UnixMillis) -> Self {
        Self { tenant, session, opened: now, next: Cell::new(now.after(LOOK_EVERY)) }
    }

    /// The tenant, for the log.
    pub(in crate::gateway) fn tenant(&self) -> usize {
        self.tenant
    }

    /// Whether the stream may stay open.
    pub(in crate::gateway) fn look(&self, gateway: &Gateway, host: &dyn Host) -> Seen {
        let now = host.now();
        let in_time = (self.opened..self.next.get()).contains(&now);
        if in_time && !gateway.something_changed() {
            return Seen::Well;
        }
        let Some(tenant) = gateway.tenants.get(self.tenant) else { return Seen::Over("tenant") };
        let settings = &tenant.settings.access.account;
        let oldest = settings.max_stream_age.map(|age| self.opened.after(age));
        if oldest.is_some_and(|oldest| now >= oldest) {
            return Seen::Over("max_stream_age");
        }
        if now >= self.session.ends() {
            return Seen::Over("session_over");
        }
        let part = settings.recheck.and_then(|recheck| recheck.every.checked_div(8)).unwrap_or(LOOK_AT_LEAST);
        let next = now.after(part.clamp(LOOK_EVERY, LOOK_AT_LEAST)).min(self.session.ends());
        self.next.set(oldest.map_or(next, |oldest| oldest.min(next)));
        match gate(gateway, tenant, &self.session, None, None, host) {
            // Nothing is kept back while the answer is on its way.
            Gate::Open | Gate::Wait(..) => Seen::Well,
            Gate::Void => Seen::Over("revoked"),
            Gate::Unknowable(code) => Seen::Over(code),
        }
    }
}
