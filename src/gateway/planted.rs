//! What a client could have planted so that Envoy chooses a route by it.
//!
//! Every header edit makes Envoy choose the route anew, while we decided on the old one. So where a decision looked at
//! the route, a request from which something is taken away that is not of our own making is refused.

use std::collections::BTreeSet;

use crate::access::Cookies;

use super::Gateway;
use super::request::Head;

/// Whether anything that goes on without was not made by us: a forged header, or a cookie of our name that no tenant
/// opens.
pub(super) fn is_planted(gateway: &Gateway, head: &Head, cookies: &Cookies<'_>) -> bool {
    !head.forged.is_empty() || cookies.count() != genuine(gateway, head, cookies)
}

/// How many cookies are ours indeed, of whichever tenant of this host. What has run out is ours still: the browser sends it
/// until something takes it away.
fn genuine(gateway: &Gateway, head: &Head, cookies: &Cookies<'_>) -> usize {
    let tenants: BTreeSet<&str> = cookies.tenants().collect();
    let rooms = tenants.into_iter().filter_map(|name| gateway.tenants.get(*gateway.by_name.get(name)?));
    rooms
        .map(|tenant| {
            let sessions = tenant.sessions.accounted(&head.host, cookies);
            sessions
                .saturating_add(tenant.application.cookies(&head.host, cookies))
                .saturating_add(tenant.logins.cookies(&head.host, cookies))
                .saturating_add(tenant.rounds.cookies(&head.host, cookies))
                .saturating_add(tenant.logouts.cookies(&head.host, cookies))
        })
        .fold(0, usize::saturating_add)
}
