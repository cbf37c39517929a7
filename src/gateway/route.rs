//! What becomes of a request, decided on its head.

use std::rc::Rc;

use crate::access::{Cookies, Decision, Question, Session, Standing, decide, render, route_matters};
use crate::common::path::{NormalPath, is_at_or_below_any_case};
use crate::common::{HeaderEdit, Headers, Host, Reply};

use super::event::Edits;
use super::pages::{Offer, Reference, page, problem};
use super::provisioning::{self, Arriving};
use super::request::{Head, HeadProblem};
use super::tenant::TenantRoom;
use super::{Gateway, reports, sign_on};

/// See the module.
pub(super) enum Verdict {
    /// Let it pass to the application, changed so.
    Pass(Edits),
    /// It goes no further.
    Answer(Reply),
    /// A form for the assertion consumer of this tenant.
    Consume(usize, Head),
    /// An authenticated request of the provisioning client.
    Provision(Box<Arriving>),
}

/// Decides on a request's head.
pub(super) fn decide_on(gateway: &Rc<Gateway>, headers: Headers, host: &dyn Host) -> Verdict {
    let forged = gateway.forgeries.strip(&headers);
    if !forged.is_empty() {
        host.count("vestibule.access.forged_header");
    }
    let head = match Head::read(headers, forged) {
        Ok(head) => head,
        Err(problem) => return Verdict::Answer(bad_head(problem, host)),
    };
    let Some((at, tenant)) =
        gateway.by_host.get(&head.host).and_then(|at| Some((*at, gateway.tenants.get(*at)?)))
    else {
        reports::refused(host, "", "unknown_host", None);
        return Verdict::Answer(problem(421, "unknown_host", "This host is not served here."));
    };
    let below = provisioning::below(tenant, &head.path);
    if !head.is_text() {
        reports::refused(host, &tenant.settings.name, "header_not_utf8", None);
        let text = "A header of the request is not UTF-8.";
        return Verdict::Answer(match below {
            Some(_) => crate::scim::error_reply(400, None, text),
            None => problem(400, "header_not_utf8", text),
        });
    }
    if let Some(below) = below {
        return match provisioning::arrive(gateway, at, &head, below, host) {
            Ok(arriving) => Verdict::Provision(Box::new(arriving)),
            Err(reply) => Verdict::Answer(reply),
        };
    }
    let path = match NormalPath::read(head.path.as_bytes()) {
        Ok(path) => path,
        Err(ambiguous) => {
            reports::refused(host, &tenant.settings.name, ambiguous.code(), None);
            return Verdict::Answer(problem(
                400,
                ambiguous.code(),
                "This path can be read in more than one way.",
            ));
        }
    };
    if tenant.settings.saml.as_ref().is_some_and(|saml| saml.acs_path == path.as_str()) {
        return consumer(tenant, at, head);
    }
    if let Some(reply) = sign_on::own_endpoint(gateway, tenant, &head, path.as_str(), host) {
        return Verdict::Answer(reply);
    }
    by_policy(gateway, tenant, &head, &path, host)
}

fn bad_head(which: HeadProblem, host: &dyn Host) -> Reply {
    let (status, code, text) = match which {
        HeadProblem::Pseudo => (400, "bad_request", "The request's head cannot be read."),
        HeadProblem::Connect => (405, "no_tunnel", "This is no tunnel."),
    };
    reports::refused(host, "", code, None);
    problem(status, code, text)
}

fn consumer(tenant: &TenantRoom, at: usize, head: Head) -> Verdict {
    if head.method != "POST" {
        let text = "This address only takes the answer of your organisation's sign-in service.";
        return Verdict::Answer(page(
            405,
            "Nothing to see here",
            text,
            &Offer::Link("/", "Go to the start"),
            None,
        ));
    }
    if head.upgrade || head.media_type() != "application/x-www-form-urlencoded" {
        return Verdict::Answer(problem(415, "unsupported_media_type", "A form is expected here."));
    }
    if head.content_length().is_some_and(|length| length > sign_on::MAX_FORM) {
        return Verdict::Answer(form_too_large());
    }
    debug_assert!(tenant.settings.saml.is_some(), "only a tenant with sign-on has a consumer");
    Verdict::Consume(at, head)
}

pub(super) fn form_too_large() -> Reply {
    problem(413, "too_large", "The form is larger than any sign-in answer.")
}

fn by_policy(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    path: &NormalPath,
    host: &dyn Host,
) -> Verdict {
    let rules = &tenant.settings.access.rules;
    let name = &tenant.settings.name;
    let session = match session(gateway, tenant, head, host) {
        Ok(session) => session,
        Err(reply) => return Verdict::Answer(reply),
    };
    let route = rules
        .iter()
        .any(|rule| rule.route.is_some())
        .then(|| host.property(&["xds", "route_name"]).and_then(|name| String::from_utf8(name).ok()))
        .flatten();
    let question = Question {
        path: path.as_str(),
        method: &head.method,
        route: route.as_deref(),
        identity: session.as_ref().map(|session| &session.identity),
    };
    if !head.forged.is_empty() && route_matters(rules, &question) {
        reports::refused(host, name, "forged_header_and_route", None);
        let text = "The request carries a header that only the gateway may set.";
        return Verdict::Answer(problem(400, "forged_header", text));
    }
    match decide(rules, &question) {
        Decision::SignIn => Verdict::Answer(sign_on::demand(tenant, head, host)),
        Decision::Denied => Verdict::Answer(no_access(tenant, head, "no_policy", host)),
        Decision::Forbidden => Verdict::Answer(no_access(tenant, head, "claims", host)),
        Decision::Pass { opens_scim: false, .. }
            if gateway.closed.iter().any(|closed| is_at_or_below_any_case(path.as_str(), closed)) =>
        {
            Verdict::Answer(no_access(tenant, head, "scim_prefix_closed", host))
        }
        Decision::Pass { identified, .. } => {
            let identity = session.as_ref().filter(|_| identified).map(|session| &session.identity);
            let mut headers: Vec<HeaderEdit> = head.forged.clone();
            headers.extend(Cookies::hide(&head.headers));
            if let Some(identity) = identity {
                match render(&tenant.settings.access.identity_headers, identity) {
                    Ok(edits) => headers.extend(edits),
                    Err(_) => return Verdict::Answer(no_access(tenant, head, "identity_too_large", host)),
                }
            }
            Verdict::Pass(Edits { headers, ..Edits::default() })
        }
    }
}

/// The session that counts: whole, not over, and nothing known against it.
fn session(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    host: &dyn Host,
) -> Result<Option<Session>, Reply> {
    let cookies = Cookies::read(&head.headers);
    let Some(session) = tenant.sessions.read(host.now(), &head.host, &cookies) else { return Ok(None) };
    let name = &tenant.settings.name;
    match gateway.people.standing(host, name, &session.keys(), Some(&session.id), session.issued()) {
        Ok(Standing::Clear) => Ok(Some(session)),
        Ok(Standing::Ended | Standing::Blocked) => {
            host.count("vestibule.session.revoked");
            Ok(None)
        }
        Err(_) => {
            let reference = Reference::new(host);
            reports::refused(host, name, "revocation_unreadable", Some(&reference));
            let text = "It cannot be checked now whether you may enter. Please try again later.";
            Err(page(503, "Not possible now", text, &Offer::Nothing, Some(&reference)))
        }
    }
}

fn no_access(tenant: &TenantRoom, head: &Head, code: &'static str, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    reports::refused(host, &tenant.settings.name, code, Some(&reference));
    if head.is_navigation() {
        let text = "You have no access to this page. Ask your administrator if you need it.";
        page(403, "No access", text, &Offer::Link("/", "Go to the start"), Some(&reference))
    } else {
        problem(403, "no_access", "Access to this is not allowed.")
    }
}
