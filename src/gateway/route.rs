//! What becomes of a request, decided on its head.

use std::rc::Rc;

use crate::access::{
    CheckId, Cookies, Decision, LedgerError, Question, Session, Standing, decide, deciding,
    passes_on_every_route, route_matters, session_matters,
};
use crate::common::path::NormalPath;
use crate::common::{HeaderEdit, Headers, Host, Reply, UnixMillis};

use super::application::{self, Who};
use super::choice::Nobody;
use super::event::Edits;
use super::forwarded::Forwarded;
use super::pages::{Offer, Reference, page, problem, words};
use super::policy::{self, Facts};
use super::provisioning::{self, Arriving};
use super::recheck::{self, Gate, Rechecking, Watch};
use super::request::{Head, HeadProblem};
use super::tenant::TenantRoom;
use super::token_endpoint::{self, Asking};
use super::ways_in::WaysIn;
use super::{Gateway, identity, logout, planted, reports, sign_on, status};

/// See the module.
pub(super) enum Verdict {
    /// Let it pass to the application, changed so; its answer gets something of ours where this is remembered.
    Pass(Edits, Option<Box<Forwarded>>),
    /// It goes no further.
    Answer(Reply),
    /// A form for the assertion consumer of this tenant.
    Consume(usize, Head),
    /// A request below the public path; nobody has let it in yet.
    Knock(Box<Arriving>, Headers),
    /// A request for a token.
    Token(Box<Asking>),
    /// A request of somebody whose account is asked about first, until then at the latest.
    Recheck(CheckId, UnixMillis, Box<Rechecking>),
}

/// Decides on a request's head. Where it passes for somebody's sake, `watch` remembers whose.
pub(super) fn decide_on(
    gateway: &Rc<Gateway>,
    headers: Headers,
    watch: &mut Option<Box<Watch>>,
    host: &dyn Host,
) -> Verdict {
    let mut forged = gateway.forgeries.strip(&headers);
    forged.extend(gateway.choice.strip(&headers, host));
    if !forged.is_empty() {
        host.count("vestibule.access.forged_header");
    }
    let mut head = match Head::read(headers, forged) {
        Ok(head) => head,
        Err(problem) => return Verdict::Answer(bad_head(problem, host)),
    };
    if let Some(reply) = status::answer(gateway, &head, host) {
        return Verdict::Answer(reply);
    }
    let strict = NormalPath::read(head.path.as_bytes());
    let compared = strict.as_ref().map_or_else(|_| head.path_only(), NormalPath::as_str);
    let chosen = match gateway.choice.of(&head, compared, host) {
        Ok(chosen) => chosen,
        Err(nobody) => return Verdict::Answer(nobodys(nobody, host)),
    };
    let at = chosen.tenant;
    let Some(tenant) = gateway.tenants.get(at) else {
        return Verdict::Answer(nobodys(Nobody::UnknownTenant, host));
    };
    host.tell("tenant", &tenant.settings.name);
    let authority = head.host.clone();
    if let Some(host) = chosen.host {
        head.host = host;
    }
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
        return match provisioning::arrive(gateway, at, &head, below) {
            Ok(arriving) => Verdict::Knock(Box::new(arriving), head.headers),
            Err(reply) => Verdict::Answer(reply),
        };
    }
    let path = match NormalPath::read_allowing(head.path.as_bytes(), tenant.settings.access.path_spellings) {
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
    // What one application reads as a path of this tenant, another may read as one of the next.
    if !gateway.choice.agrees(&authority, &path, at) {
        return Verdict::Answer(nobodys(Nobody::Spelling, host));
    }
    if chosen.by_route {
        let cookies = Cookies::read(&head.headers);
        if planted::is_planted(gateway, &head, &cookies) {
            let away = planted::taken_away(gateway, &head, &cookies);
            return Verdict::Answer(application::without(planted_and_route(tenant, host), &away));
        }
    }
    // What is ours has one spelling. Every other is the application's, as far as the rules let it through.
    let Some(only) = path.only() else {
        let head = identity::without_credentials(tenant, head);
        return judge(gateway, tenant, head, &path, None, watch, host);
    };
    if token_endpoint::is_at(tenant, only) {
        return match token_endpoint::arrive(tenant, &head, host) {
            Ok(asking) => Verdict::Token(asking),
            Err(reply) => Verdict::Answer(reply),
        };
    }
    if is_way_in(gateway, tenant, only) {
        return let_through(gateway, tenant, head, None, host);
    }
    if tenant.settings.saml.as_ref().is_some_and(|saml| saml.acs_path == only) {
        return consumer(at, tenant, head, host);
    }
    if logout::is_at(tenant, only) {
        return match head.method.as_str() {
            "GET" => Verdict::Answer(logout::redirected(gateway, tenant, &head, host)),
            _ => consumer(at, tenant, head, host),
        };
    }
    if let Some(reply) = identity::own_endpoint(tenant, &head, only, host) {
        return Verdict::Answer(reply);
    }
    if let Some(reply) = sign_on::own_endpoint(gateway, tenant, &head, only, host) {
        return Verdict::Answer(reply);
    }
    let head = identity::without_credentials(tenant, head);
    judge(gateway, tenant, head, &path, None, watch, host)
}

/// What is known of the account has changed, or will not in time.
pub(super) fn decide_again(
    gateway: &Gateway,
    pending: Rechecking,
    watch: &mut Option<Box<Watch>>,
    host: &dyn Host,
) -> Verdict {
    let Some(tenant) = gateway.tenants.get(pending.tenant) else {
        return Verdict::Answer(out_of_order(host));
    };
    let waited = Some((pending.since, pending.rounds));
    // It could be read before.
    match NormalPath::read_allowing(pending.head.path.as_bytes(), tenant.settings.access.path_spellings) {
        Ok(path) if path.only().is_some_and(|only| is_way_in(gateway, tenant, only)) => {
            let_through(gateway, tenant, pending.head, waited, host)
        }
        Ok(path) => judge(gateway, tenant, pending.head, &path, waited, watch, host),
        Err(ambiguous) => {
            Verdict::Answer(problem(400, ambiguous.code(), "This path can be read in more than one way."))
        }
    }
}

/// `waited`: since when the request has waited for the account, and how often.
fn judge(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: Head,
    path: &NormalPath,
    waited: Option<(UnixMillis, u8)>,
    watch: &mut Option<Box<Watch>>,
    host: &dyn Host,
) -> Verdict {
    let since = waited.map(|(since, _)| since);
    match by_policy(gateway, tenant, &head, path, (since, watch), host) {
        Ok(verdict) => verdict,
        Err(awaited) => wait(tenant, head, waited, awaited, host),
    }
}

/// Has a request wait until this is known, until then at the latest.
fn wait(
    tenant: &TenantRoom,
    head: Head,
    waited: Option<(UnixMillis, u8)>,
    (id, until): (CheckId, UnixMillis),
    host: &dyn Host,
) -> Verdict {
    let rounds = waited.map_or(0, |(_, rounds)| rounds).saturating_add(1);
    let (tenant, since, trailers) = (tenant.at, host.now(), Vec::new());
    Verdict::Recheck(id, until, Box::new(Rechecking { tenant, head, since, rounds, trailers }))
}

fn nobodys(nobody: Nobody, host: &dyn Host) -> Reply {
    reports::refused(host, "", nobody.code(), None);
    problem(nobody.status(), nobody.code(), nobody.text())
}

fn bad_head(which: HeadProblem, host: &dyn Host) -> Reply {
    let (status, code, text) = match which {
        HeadProblem::Pseudo => (400, "bad_request", "The request's head cannot be read."),
        HeadProblem::Method => (400, "bad_method", "The request's method cannot be read."),
        HeadProblem::HopByHop => {
            (400, "bad_connection", "The request's connection header names headers that stay.")
        }
        HeadProblem::Connect => (405, "no_tunnel", "This is no tunnel."),
    };
    reports::refused(host, "", code, None);
    problem(status, code, text)
}

/// Refused with a body for programs, and told to the operator under the same code.
pub(super) fn refused(
    tenant: &TenantRoom,
    status: u16,
    code: &'static str,
    text: &str,
    host: &dyn Host,
) -> Reply {
    reports::refused(host, &tenant.settings.name, code, None);
    problem(status, code, text)
}

/// What should not have happened.
pub(super) fn out_of_order(host: &dyn Host) -> Reply {
    reports::out_of_order(host);
    problem(500, "exchange", "The gateway could not follow this exchange.")
}

fn consumer(at: usize, tenant: &TenantRoom, head: Head, host: &dyn Host) -> Verdict {
    if head.method != "POST" {
        reports::refused(host, &tenant.settings.name, "method_not_allowed", None);
        let (view, start) = (tenant.view(&head.headers), tenant.start_path());
        let offer = Offer::Link(&start, &words::TO_THE_START);
        return Verdict::Answer(page(&view, 405, &words::NOTHING_HERE, &offer, None));
    }
    if head.upgrade || head.media_type() != "application/x-www-form-urlencoded" {
        let text = "A form is expected here.";
        return Verdict::Answer(refused(tenant, 415, "unsupported_media_type", text, host));
    }
    if head.content_length().is_some_and(|length| length > sign_on::MAX_FORM) {
        return Verdict::Answer(form_too_large(tenant, host));
    }
    Verdict::Consume(at, head)
}

pub(super) fn form_too_large(tenant: &TenantRoom, host: &dyn Host) -> Reply {
    refused(tenant, 413, "too_large", "The form is larger than any sign-in answer.", host)
}

/// Whether a path is one of the application's own ways in, which no rule is asked about.
fn is_way_in(gateway: &Gateway, tenant: &TenantRoom, path: &str) -> bool {
    let passes = tenant.settings.scim.as_ref().is_some_and(|scim| WaysIn::passes(scim, path));
    passes && !gateway.closed.holds(path)
}

/// A request for the application's own ways in: its cookies are sorted, nothing else is looked at. `waited` as in
/// [`judge`].
fn let_through(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: Head,
    waited: Option<(UnixMillis, u8)>,
    host: &dyn Host,
) -> Verdict {
    let cookies = Cookies::read(&head.headers);
    let since = waited.map(|(since, _)| since);
    let who = match Who::on_open_route(gateway, tenant, &head, &cookies, since, host) {
        Ok(who) => who,
        Err(awaited) => return wait(tenant, head, waited, awaited, host),
    };
    let sorted = application::sort(gateway, tenant, &head, &cookies, &who, host);
    let headers = [head.forged.clone(), sorted.hide].concat();
    let forwarded = Forwarded { expire: sorted.expire, ..Forwarded::new(tenant.at, &head, who, host) };
    Verdict::Pass(Edits { headers, ..Edits::default() }, forwarded.if_of_use(tenant))
}

/// An error is what must be waited for first.
fn by_policy(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    path: &NormalPath,
    (waited, watch): (Option<UnixMillis>, &mut Option<Box<Watch>>),
    host: &dyn Host,
) -> Result<Verdict, (CheckId, UnixMillis)> {
    let at = tenant.at;
    let access = &tenant.settings.access;
    let facts = Facts::gather(tenant, host);
    let anybody = facts.question(tenant, head, path, host.now());
    let cookies = Cookies::read(&head.headers);
    let matters = session_matters(access, &anybody);
    let session = if matters {
        match session(gateway, tenant, head, &cookies, waited, host) {
            Ok(session) => session,
            Err(Stop::Answer(reply)) => return Ok(Verdict::Answer(reply)),
            Err(Stop::Wait(id, until)) => return Err((id, until)),
        }
    } else {
        None
    };
    let who = if matters {
        Who::of(session.as_ref())
    } else {
        Who::on_open_route(gateway, tenant, head, &cookies, waited, host)?
    };
    let sorted = application::sort(gateway, tenant, head, &cookies, &who, host);
    let question = Question { identity: session.as_ref().map(|session| &session.identity), ..anybody };
    let seen = Seen { cookies: &cookies, dropped: sorted.dropped, who: &who };
    if let Some(reply) = route_cannot_be_trusted(gateway, tenant, head, &seen, &question, host) {
        return Ok(Verdict::Answer(application::without(reply, &sorted.expire)));
    }
    let verdict = match decide(access, &question) {
        Decision::SignIn => {
            reports::sign_in_required(host);
            Verdict::Answer(sign_on::demand(gateway, tenant, head, host))
        }
        which @ (Decision::Stale | Decision::Weak) => {
            reports::sign_in_required(host);
            Verdict::Answer(policy::sign_in_anew(gateway, tenant, head, &question, which, host))
        }
        Decision::Denied => Verdict::Answer(no_access(tenant, head, "no_policy", host)),
        Decision::Forbidden => Verdict::Answer(no_access(tenant, head, "claims", host)),
        Decision::Pass { opens_scim: false, .. }
            if path.readings().any(|path| gateway.closed.holds(path)) =>
        {
            Verdict::Answer(no_access(tenant, head, "scim_prefix_closed", host))
        }
        Decision::Pass { identified, .. } => {
            let mut headers: Vec<HeaderEdit> = head.forged.clone();
            headers.extend(sorted.hide);
            let identified = session.as_ref().filter(|_| identified);
            if let Some(session) = identified {
                match identity::tell(gateway, tenant, deciding(access, &question), session, host) {
                    Ok(edits) => headers.extend(edits),
                    Err(untold) => {
                        let reply = identity::untold(tenant, head, untold, host);
                        return Ok(Verdict::Answer(application::without(reply, &sorted.expire)));
                    }
                }
            }
            reports::passed(host, identified.is_some());
            let renewed = |session: &Rc<Session>| {
                let due = tenant.sessions.renewal_due(host.now(), session, &head.host, &cookies)?;
                Some((Rc::clone(session), due))
            };
            let forwarded = Forwarded {
                identified: identified.is_some(),
                varies: matters,
                renews: session.as_ref().and_then(renewed),
                expire: sorted.expire.clone(),
                ..Forwarded::new(at, head, who, host)
            };
            let whose = identified.cloned();
            *watch = whose.map(|session| Box::new(Watch::new(at, session, host.now())));
            Verdict::Pass(Edits { headers, ..Edits::default() }, forwarded.if_of_use(tenant))
        }
    };
    Ok(match verdict {
        Verdict::Answer(reply) => Verdict::Answer(application::without(reply, &sorted.expire)),
        other => other,
    })
}

/// The cookies of a request, and what is known of them.
struct Seen<'a> {
    cookies: &'a Cookies<'a>,
    /// Some of the application are dropped.
    dropped: bool,
    /// For whose sake.
    who: &'a Who,
}

/// Every header edit makes Envoy choose the route anew, while we decided on the old one. So where the decision looked at
/// the route, nothing that the client could have planted may be removed on the way: the request is refused, unless it
/// would pass on every route.
fn route_cannot_be_trusted(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    Seen { cookies, dropped, who }: &Seen<'_>,
    question: &Question<'_>,
    host: &dyn Host,
) -> Option<Reply> {
    let access = &tenant.settings.access;
    if !route_matters(access, question) {
        return None;
    }
    let name = &tenant.settings.name;
    if question.route.is_none() && tenant.curiosity.route {
        reports::refused(host, name, "route_unknown", None);
        return Some(no_access(tenant, head, "route_unknown", host));
    }
    let planted = planted::is_planted(gateway, head, cookies);
    // The proxy's routes compare the octets as they came, the application perhaps not.
    let several = question.path.only().is_none();
    if !(planted || *dropped || several)
        || !decide(access, question).passes()
        || passes_on_every_route(access, question)
    {
        return None;
    }
    // Cookies of the application's that are kept back are the client's word as well; but not the client's fault where it
    // cannot be known whose they are.
    match who {
        Who::Unknown(Some(code)) if *dropped && !planted => {
            return Some(unknowable(tenant, head, code, host));
        }
        _ if planted || *dropped => {
            let away = planted::taken_away(gateway, head, cookies);
            return Some(application::without(planted_and_route(tenant, host), &away));
        }
        _ => {}
    }
    reports::refused(host, name, "path_and_route", None);
    Some(problem(400, "path_and_route", "This path can be read in more than one way."))
}

fn planted_and_route(tenant: &TenantRoom, host: &dyn Host) -> Reply {
    reports::refused(host, &tenant.settings.name, "forged_header_and_route", None);
    let text = "The request carries a header or cookie that only the gateway may set.";
    problem(400, "forged_header", text)
}

/// Why a request cannot be decided on now.
enum Stop {
    Answer(Reply),
    Wait(CheckId, UnixMillis),
}

/// The session that counts: whole, not over, and nothing known against it.
fn session(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    cookies: &Cookies<'_>,
    waited: Option<UnixMillis>,
    host: &dyn Host,
) -> Result<Option<Rc<Session>>, Stop> {
    let Some(session) = tenant.sessions.read(host.now(), &head.host, cookies) else { return Ok(None) };
    match recheck::gate(gateway, tenant, &session, Some(head), waited, host) {
        Gate::Open => Ok(Some(session)),
        Gate::Void => {
            host.count("vestibule.session.revoked");
            Ok(None)
        }
        Gate::Wait(id, until) => Err(Stop::Wait(id, until)),
        Gate::Unknowable(code) => Err(Stop::Answer(unknowable(tenant, head, code, host))),
    }
}

/// Whether somebody may enter cannot be known now.
pub(super) fn unknowable(tenant: &TenantRoom, head: &Head, code: &'static str, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    reports::refused(host, &tenant.settings.name, code, Some(&reference));
    let reply = if head.is_navigation() {
        page(&tenant.view(&head.headers), 503, &words::NOT_NOW, &Offer::Nothing, Some(&reference))
    } else {
        problem(503, "not_possible_now", words::NOT_NOW.text.english())
    };
    reply.with("retry-after", "5")
}

/// What is known against a session now, without asking anybody.
pub(super) fn standing(
    gateway: &Gateway,
    tenant: &TenantRoom,
    session: &Session,
    host: &dyn Host,
) -> Result<Standing, LedgerError> {
    recheck::standing(gateway, tenant, session, host)
}

fn no_access(tenant: &TenantRoom, head: &Head, code: &'static str, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    reports::refused(host, &tenant.settings.name, code, Some(&reference));
    if head.is_navigation() {
        let start = tenant.start_path();
        let offer = Offer::Link(&start, &words::TO_THE_START);
        page(&tenant.view(&head.headers), 403, &words::NO_ACCESS, &offer, Some(&reference))
    } else {
        problem(403, "no_access", "Access to this is not allowed.")
    }
}
