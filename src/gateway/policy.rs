//! What the rules are asked about a request, and what follows where another sign-in could help.

use std::net::IpAddr;
use std::time::Duration;

use crate::access::{Decision, Question};
use crate::common::path::NormalPath;
use crate::common::{Host, Identity, Reply, UnixMillis, peer_address};

use super::pages::{Offer, Reference, page, words};
use super::request::Head;
use super::tenant::TenantRoom;
use super::{Gateway, reports, sign_on};

/// What only the proxy knows of a request; looked up where a rule wants to know.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) route: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) client: Option<IpAddr>,
}

impl Facts {
    pub(super) fn gather(tenant: &TenantRoom, host: &dyn Host) -> Self {
        let wants = tenant.curiosity;
        let text = |wanted: bool, path: &[&str]| {
            wanted.then(|| host.property(path).and_then(|text| String::from_utf8(text).ok())).flatten()
        };
        let namespace = tenant.settings.access.policy_namespace.as_str();
        Self {
            route: text(wants.route, &["xds", "route_name"]),
            policy: text(wants.policy, &["xds", "route_metadata", "filter_metadata", namespace, "policy"]),
            // What the proxy holds for the client's address; a header is anybody's word.
            client: text(wants.client, &["source", "address"]).as_deref().and_then(peer_address),
        }
    }

    pub(super) fn question<'q>(
        &'q self,
        tenant: &TenantRoom,
        head: &'q Head,
        path: &'q NormalPath,
        now: UnixMillis,
    ) -> Question<'q> {
        Question {
            host: &head.host,
            path,
            method: &head.method,
            route: self.route.as_deref(),
            policy: self.policy.as_deref(),
            client: self.client,
            identity: None,
            now,
            skew: tenant.settings.saml.as_ref().map_or(Duration::ZERO, |saml| saml.clock_skew),
        }
    }
}

/// A sign-in that is no older than this was made for us: another one comes out the same.
const JUST_NOW: Duration = Duration::from_secs(120);

/// Somebody is signed in, but too long ago, or in another way than is wanted.
pub(super) fn sign_in_anew(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    question: &Question<'_>,
    which: Decision,
    host: &dyn Host,
) -> Reply {
    let recent =
        which == Decision::Weak && question.identity.is_some_and(|who| just_signed_in(who, question));
    let demand =
        if recent && head.is_navigation() { None } else { sign_on::demand_anew(gateway, tenant, head, host) };
    demand.unwrap_or_else(|| not_enough(tenant, head, which, host))
}

fn just_signed_in(identity: &Identity, question: &Question<'_>) -> bool {
    identity.authn_instant.is_some_and(|instant| question.now <= UnixMillis(instant).after(JUST_NOW))
}

/// A page that ends what would be a loop: going on takes a click.
fn not_enough(tenant: &TenantRoom, head: &Head, which: Decision, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    let (code, said) = if which == Decision::Weak {
        ("authn_context", &words::TOO_WEAK)
    } else {
        ("authn_age", &words::TOO_OLD)
    };
    reports::refused(host, &tenant.settings.name, code, Some(&reference));
    let link = sign_on::link_anew(tenant, head);
    let offer = Offer::Link(&link, &words::SIGN_IN_AGAIN);
    page(&tenant.view(&head.headers), 403, said, &offer, Some(&reference))
}
