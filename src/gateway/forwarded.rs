//! A request of ordinary traffic that went on to the application, and what its answer must get.

use std::rc::Rc;

use crate::access::{ApplicationCookies, Session, Standing, keep_private, vary_by_cookie};
use crate::common::{HeaderEdit, Headers, Host, UnixMillis};

use super::Gateway;
use super::application::{Who, place};
use super::event::Edits;
use super::request::Head;
use super::route::standing;
use super::tenant::TenantRoom;

/// What is remembered of a request until its answer comes.
pub(super) struct Forwarded {
    pub(super) tenant: usize,
    pub(super) at_host: String,
    /// As the browser wrote it, without query.
    pub(super) path: String,
    /// When it went on.
    pub(super) at: UnixMillis,
    /// The application was told who is there.
    pub(super) identified: bool,
    /// What it gets depends on who is signed in.
    pub(super) varies: bool,
    /// It wants to become something else than HTTP: its answer is no place for cookies.
    pub(super) upgrade: bool,
    pub(super) who: Who,
    /// The session whose use the browser is to be told of, where its answer does not come before this.
    pub(super) renews: Option<(Rc<Session>, UnixMillis)>,
    /// `Set-Cookie` values that take logins of the application away.
    pub(super) expire: Vec<String>,
}

impl std::fmt::Debug for Forwarded {
    /// It is a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarded").field("identified", &self.identified).finish_non_exhaustive()
    }
}

impl Forwarded {
    /// Of whose answer nothing is known to be wanted yet.
    pub(super) fn new(tenant: usize, head: &Head, who: Who, host: &dyn Host) -> Self {
        let (at_host, path) = place(head);
        Self {
            tenant,
            at_host: at_host.to_owned(),
            path: path.to_owned(),
            at: host.now(),
            identified: false,
            varies: false,
            upgrade: head.upgrade,
            who,
            renews: None,
            expire: Vec::new(),
        }
    }

    /// `None` where the answer gets nothing of ours.
    pub(super) fn if_of_use(self, tenant: &TenantRoom) -> Option<Box<Self>> {
        let of_use = self.varies || tenant.application.are_named();
        of_use.then(|| Box::new(self))
    }

    /// The answer's headers have come, the application's or the proxy's own.
    pub(super) fn answered(&self, gateway: &Gateway, answer: &Headers, host: &dyn Host) -> Edits {
        let cookies = match gateway.tenants.get(self.tenant) {
            Some(tenant) if !self.upgrade => self.cookies(gateway, tenant, answer, host),
            _ => Vec::new(),
        };
        let mut headers = Vec::new();
        // A cookie that a shared cache keeps is given to strangers.
        if self.identified || !cookies.is_empty() {
            headers.extend(keep_private(answer));
        }
        // Also to nobody: somebody who signs in must not be shown what a cache kept of nobody's.
        if self.varies {
            headers.extend(vary_by_cookie(answer));
        }
        headers.extend(cookies.iter().map(|line| HeaderEdit::add("set-cookie", line)));
        Edits { headers, ..Edits::default() }
    }

    fn cookies(
        &self,
        gateway: &Gateway,
        tenant: &TenantRoom,
        answer: &Headers,
        host: &dyn Host,
    ) -> Vec<String> {
        let mut lines = ApplicationCookies::but_not_set(&self.expire, answer);
        if tenant.application.are_named()
            && let Some(owner) = self.who.owner()
        {
            let place = (self.at_host.as_str(), self.path.as_str());
            lines.extend(tenant.application.accompany(host, answer, place, owner.as_ref()));
        }
        if let Some((session, due)) = &self.renews
            && host.now() >= *due
        {
            lines.extend(self.renewal(gateway, tenant, session, host));
        }
        lines
    }

    /// What has ended since is not renewed, nor what nothing is known of.
    fn renewal(
        &self,
        gateway: &Gateway,
        tenant: &TenantRoom,
        session: &Session,
        host: &dyn Host,
    ) -> Vec<String> {
        if standing(gateway, tenant, session, host) != Ok(Standing::Clear) {
            return Vec::new();
        }
        // Without randomness the next request renews it.
        let lines = tenant.sessions.renew(host, session, self.at, &self.at_host).unwrap_or_default();
        if !lines.is_empty() {
            host.count("vestibule.session.renewed");
        }
        lines
    }
}
