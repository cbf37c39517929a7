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

/// `Set-Cookie` values that take from the browser what no tenant opens, and with it what else it has of that tenant: an
/// honest one has such cookies where a key was retired since, and would be refused for as long as it keeps them. Where there
/// are more than anybody looks at, all go.
pub(super) fn taken_away(gateway: &Gateway, head: &Head, cookies: &Cookies<'_>) -> Vec<String> {
    let tenants: BTreeSet<Option<&str>> = cookies.tenants().map(Some).chain([None]).collect();
    let not_ours = |name: &Option<&str>| {
        cookies.are_too_many()
            || cookies.count_of(*name) != name.map_or(0, |name| genuine_of(gateway, name, head, cookies))
    };
    tenants.into_iter().filter(not_ours).flat_map(|name| cookies.expire_of(name)).take(MOST).collect()
}

/// Lines that one answer takes cookies away with.
const MOST: usize = 32;

/// How many cookies are ours indeed, of whichever tenant of this host.
fn genuine(gateway: &Gateway, head: &Head, cookies: &Cookies<'_>) -> usize {
    let tenants: BTreeSet<&str> = cookies.tenants().collect();
    let each = tenants.into_iter().map(|name| genuine_of(gateway, name, head, cookies));
    each.fold(0, usize::saturating_add)
}

/// How many are of the tenant of this name. What has run out is ours still: the browser sends it until something takes it
/// away.
fn genuine_of(gateway: &Gateway, name: &str, head: &Head, cookies: &Cookies<'_>) -> usize {
    let at = gateway.by_name.get(name);
    let Some(tenant) = at.and_then(|at| gateway.tenants.get(*at)) else { return 0 };
    let sessions = tenant.sessions.accounted(&head.host, cookies);
    sessions
        .saturating_add(tenant.application.cookies(&head.host, cookies))
        .saturating_add(tenant.logins.cookies(&head.host, cookies))
        .saturating_add(tenant.rounds.cookies(&head.host, cookies))
        .saturating_add(tenant.logouts.cookies(&head.host, cookies))
}
