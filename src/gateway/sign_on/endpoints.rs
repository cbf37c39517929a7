//! Our own endpoints beside the assertion consumer, which can be put elsewhere.

use crate::access::Cookies;
use crate::common::{Host, Reply};
use crate::config::SamlSettings;
use crate::gateway::pages::{Leaving, Offer, Reference, page, words};
use crate::gateway::request::Head;
use crate::gateway::route::refused;
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, application, logout, reports};

use super::{METADATA, SIGN_IN, SIGN_OUT, start};

/// Answers a request to one of our own endpoints; `None` where the path is not ours.
pub(in crate::gateway) fn own_endpoint(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    path: &str,
    host: &dyn Host,
) -> Option<Reply> {
    let path = path.strip_prefix(tenant.settings.path_prefix.as_str())?;
    if path != "/.vestibule" && !path.starts_with("/.vestibule/") {
        return None;
    }
    let saml = tenant.settings.saml.as_ref();
    Some(match (path, saml, head.method.as_str()) {
        (METADATA, Some(saml), "GET" | "HEAD") => metadata(gateway, tenant, saml, head, host),
        (SIGN_IN, Some(saml), "GET") => start::by_link(gateway, tenant, saml, head, host),
        (SIGN_OUT, saml, "GET" | "HEAD") => {
            let path = tenant.own_path(SIGN_OUT);
            let offer = match saml.and_then(leaving) {
                Some(leaving) => Offer::PostAndLeave(&path, &words::SIGN_OUT, leaving),
                None => Offer::Post(&path, &words::SIGN_OUT),
            };
            page(&tenant.view(&head.headers), 200, &words::ASK_SIGN_OUT, &offer, None)
        }
        (SIGN_OUT, _, "POST") => sign_out(gateway, tenant, head, host),
        (METADATA | SIGN_IN | SIGN_OUT, _, _) => {
            refused(tenant, 405, "method_not_allowed", "This method is not possible here.", host)
        }
        _ => refused(tenant, 404, "not_found", "There is nothing here.", host),
    })
}

/// How signing out leads on to an identity provider; `None` where it does not.
fn leaving(saml: &SamlSettings) -> Option<Leaving> {
    let logout = saml.logout.as_ref()?;
    let mut urls =
        saml.identity_providers.iter().map(|provider| &provider.slo_url).chain([&logout.slo_url]).flatten();
    let plain = urls.any(|url| url.starts_with("http://"));
    Some(if plain { Leaving::Plainly } else { Leaving::Safely })
}

/// `?signed=1`: with a signature of the key that requests are signed with.
fn metadata(
    gateway: &Gateway,
    tenant: &TenantRoom,
    saml: &SamlSettings,
    head: &Head,
    host: &dyn Host,
) -> Reply {
    let Some(room) = &tenant.saml else {
        return refused(tenant, 404, "not_found", "There is nothing here.", host);
    };
    let xml = match head.query() {
        "signed=1" if saml.request.signing.is_none() => {
            let text = "No key is configured that the metadata could be signed with.";
            return refused(tenant, 404, "no_signing_key", text, host);
        }
        "signed=1" => room.signed_metadata(saml, host, &gateway.signatures),
        _ => Some(room.metadata(saml)),
    };
    match xml {
        Some(xml) => Reply::status(200)
            .with("x-content-type-options", "nosniff")
            .body("application/samlmetadata+xml", xml),
        None => refused(tenant, 503, "not_signed", "The metadata cannot be signed now.", host)
            .with("retry-after", "1"),
    }
}

/// Ends the local session; a form on another site cannot.
fn sign_out(gateway: &Gateway, tenant: &TenantRoom, head: &Head, host: &dyn Host) -> Reply {
    let site = head.headers.text("sec-fetch-site");
    let foreign = match head.headers.only("origin") {
        // What a page of this site sends that has browsers name none (`Referrer-Policy: no-referrer`); one in a sandbox, or
        // of another site, is not `same-origin`, which no page can write.
        Some("null") => head.headers.only("sec-fetch-site") != Some("same-origin"),
        Some(origin) => origin != tenant.settings.public_url,
        None => head.headers.has("origin"),
    };
    if foreign || site.is_some_and(|site| site != "same-origin" && site != "none") {
        return refused(tenant, 403, "cross_site", "Signing out must be asked for on this site.", host);
    }
    let cookies = Cookies::read(&head.headers);
    let mut recorded = true;
    for session in tenant.sessions.carried(&head.host, &cookies) {
        recorded &= gateway.people.end_session(host, &tenant.settings.name, (&session.id, session.issued()))
            == Ok(true);
        host.count("vestibule.session.signed_out");
    }
    let session = tenant.sessions.read(host.now(), &head.host, &cookies);
    let start = tenant.start_path();
    // A script cannot follow to another site; its page stays.
    let navigates = head.headers.text("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let leaving = session.as_ref().filter(|_| recorded && navigates);
    let leaving = leaving.and_then(|session| logout::leave(gateway, tenant, head, &session.identity, host));
    let view = tenant.view(&head.headers);
    let reply = if let Some(leaving) = leaving {
        leaving
    } else if recorded {
        page(&view, 200, &words::SIGNED_OUT, &Offer::Link(&start, &words::TO_THE_START), None)
    } else {
        let reference = Reference::new(host);
        reports::sign_on(host, &tenant.settings.name, "failed", "sign_out_not_recorded", &reference, "");
        page(&view, 500, &words::SIGNED_OUT_IN_PART, &Offer::Nothing, Some(&reference))
    };
    let reply = application::signed_out(reply, tenant, head, &cookies);
    // Whoever signs out on purpose goes round no more.
    reply.with("set-cookie", tenant.rounds.forget())
}
