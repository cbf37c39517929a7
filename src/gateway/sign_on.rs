//! Sign-on: the redirect to the identity provider, the assertion consumer, metadata and sign-out.

use crate::access::{Cookies, LoginCookies, Session, Standing, UsedOnce, person_keys};
use crate::common::{Host, Reply, UnixMillis};
use crate::config::SamlSettings;
use crate::saml::metadata::{ServiceProvider, metadata};
use crate::saml::request::{AuthnRequest, authn_request};
use crate::saml::response::{Accept, Accepted, Expectations, Required, decode_post, validate};

use super::pages::{Offer, Reference, page, private, problem};
use super::request::{Head, form, only, safe_target};
use super::tenant::TenantRoom;
use super::{Gateway, reports};

/// Where our own endpoints live, beside the assertion consumer, which can be put elsewhere.
pub(super) const OWN_PREFIX: &str = "/.vestibule";
const METADATA: &str = "/.vestibule/saml/metadata";
const SIGN_IN: &str = "/.vestibule/sign-in";
const SIGN_OUT: &str = "/.vestibule/sign-out";

/// Largest form the assertion consumer reads, in octets: 150 groups make 26 kB of base64, percent-encoding aside.
pub(super) const MAX_FORM: usize = 512 * 1024;

/// Answers a request to one of our own endpoints; `None` where the path is not ours.
pub(super) fn own_endpoint(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    path: &str,
    host: &dyn Host,
) -> Option<Reply> {
    if path != OWN_PREFIX && !path.starts_with("/.vestibule/") {
        return None;
    }
    let saml = tenant.settings.saml.as_ref();
    Some(match (path, saml, head.method.as_str()) {
        (METADATA, Some(saml), "GET" | "HEAD") => {
            let xml = metadata(&ServiceProvider {
                entity_id: &saml.entity_id,
                acs_url: &saml.acs_url,
                want_assertions_signed: false,
            });
            Reply::status(200)
                .with("x-content-type-options", "nosniff")
                .body("application/samlmetadata+xml", xml)
        }
        (SIGN_IN, Some(saml), "GET") => {
            let target = form(head.query()).and_then(|pairs| safe_target(only(&pairs, "return")?));
            start(tenant, saml, head, target.as_deref().unwrap_or("/"), host)
        }
        (SIGN_OUT, _, "GET" | "HEAD") => {
            page(200, "Sign out", "Do you want to sign out?", &Offer::Post(SIGN_OUT, "Sign out"), None)
        }
        (SIGN_OUT, _, "POST") => sign_out(gateway, tenant, head, host),
        (METADATA | SIGN_IN | SIGN_OUT, _, _) => {
            problem(405, "method_not_allowed", "This method is not possible here.")
        }
        _ => problem(404, "not_found", "There is nothing here."),
    })
}

/// Sends somebody without a session to the identity provider, or tells a program that it needs one.
pub(super) fn demand(tenant: &TenantRoom, head: &Head, host: &dyn Host) -> Reply {
    match &tenant.settings.saml {
        Some(saml) if head.is_navigation() => {
            let target = safe_target(&head.path).unwrap_or_else(|| "/".to_owned());
            start(tenant, saml, head, &target, host)
        }
        _ => private(
            Reply::status(401).body(
                "application/json",
                serde_json::json!({
                    "error": "sign_in_required",
                    "message": "Sign in with a browser first; what was sent with this request is lost.",
                    "sign_in": SIGN_IN,
                })
                .to_string(),
            ),
        ),
    }
}

fn start(tenant: &TenantRoom, saml: &SamlSettings, head: &Head, target: &str, host: &dyn Host) -> Reply {
    let target = if target.split('?').next() == Some(saml.acs_path.as_str()) { "/" } else { target };
    if !tenant.is_public_host(&head.host) {
        // The answer arrives at the public host, and cookies of one host are not seen by another.
        return private(Reply::status(302))
            .with("location", format!("{}{target}", tenant.settings.public_url));
    }
    let Ok(handle) = LoginCookies::handle(host) else {
        return failure(tenant, host, "unavailable.randomness");
    };
    let request = authn_request(
        host,
        &AuthnRequest {
            sso_url: &saml.identity_provider.sso_url,
            entity_id: &saml.entity_id,
            acs_url: &saml.acs_url,
            relay_state: &handle,
            ..AuthnRequest::default()
        },
    );
    let request = match request {
        Ok(request) => request,
        Err(error) => return failure(tenant, host, error.code()),
    };
    let cookies = Cookies::read(&head.headers);
    let begun = tenant.logins.begin(host, &handle, &request.id, target, &head.host, &cookies);
    let Ok(lines) = begun else { return failure(tenant, host, "unavailable.randomness") };
    host.count("vestibule.sign_on.started");
    let reply = private(Reply::status(302)).with("location", request.url);
    lines.into_iter().fold(reply, |reply, line| reply.with("set-cookie", line))
}

fn failure(tenant: &TenantRoom, host: &dyn Host, code: &str) -> Reply {
    let reference = Reference::new(host);
    reports::sign_on(host, &tenant.settings.name, "failed", code, &reference, "");
    page(500, "Signing in is not possible now", "Please try again later.", &Offer::Nothing, Some(&reference))
}

/// Why a response did not sign anybody in. The browser learns no more than the page says.
struct Refusal {
    code: &'static str,
    detail: String,
    page: Page,
}

/// What the person is told.
enum Page {
    /// Nothing more than that it did not work.
    General,
    /// The account is not active.
    Inactive,
    /// Start again: the login took too long, or was another browser's.
    Again,
}

impl Refusal {
    fn new(code: &'static str) -> Self {
        Self { code, detail: String::new(), page: Page::General }
    }
}

/// The assertion consumer: the whole form is at hand.
pub(super) fn consume(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    body: &[u8],
    host: &dyn Host,
) -> Reply {
    let reference = Reference::new(host);
    let name = &tenant.settings.name;
    match accept(gateway, tenant, head, body, host) {
        Ok(reply) => {
            reports::sign_on(host, name, "accepted", "", &reference, "");
            reply
        }
        Err(refusal) => {
            reports::sign_on(host, name, "rejected", refusal.code, &reference, &refusal.detail);
            let again = Offer::Link(SIGN_IN, "Sign in again");
            let (title, text, offer) = match refusal.page {
                Page::General => (
                    "You could not be signed in",
                    "The answer of your organisation's sign-in service was not accepted.",
                    again,
                ),
                Page::Inactive => (
                    "Your account is not active",
                    "Access to this application has been withdrawn. Ask your administrator if you need it.",
                    Offer::Nothing,
                ),
                Page::Again => (
                    "Please sign in again",
                    "This sign-in was begun in another browser, took too long, or was used already.",
                    again,
                ),
            };
            page(403, title, text, &offer, Some(&reference))
        }
    }
}

fn accept(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    body: &[u8],
    host: &dyn Host,
) -> Result<Reply, Refusal> {
    let saml = tenant.settings.saml.as_ref().ok_or(Refusal::new("not_configured"))?;
    let cookies = Cookies::read(&head.headers);
    // The session begins before its standing is asked for, so that a lock-out in between is later than it.
    let now = host.now();
    let pending = tenant.logins.pending(now, &head.host, &cookies);
    if pending.is_empty() {
        return Err(Refusal { page: Page::Again, ..Refusal::new("no_pending_login") });
    }
    let request_ids: Vec<String> = pending.iter().map(|(_, login)| login.request_id.clone()).collect();
    let accepted = validated(saml, body, &request_ids, host)?;
    let (handle, login) = pending
        .into_iter()
        .find(|(_, login)| Some(&login.request_id) == accepted.in_response_to.as_ref())
        .ok_or(Refusal { page: Page::Again, ..Refusal::new("in_response_to") })?;
    use_once(gateway, &accepted, host)?;
    for warning in &accepted.warnings {
        reports::sign_on_warning(host, &tenant.settings.name, warning.code());
    }
    let keys = person_keys(&accepted.identity);
    let name = &tenant.settings.name;
    match gateway.people.standing(host, name, &keys, None, login.began()) {
        Ok(Standing::Clear) => {}
        Ok(Standing::Blocked) => return Err(Refusal { page: Page::Inactive, ..Refusal::new("deactivated") }),
        Ok(Standing::Ended) => {
            return Err(Refusal { page: Page::Again, ..Refusal::new("begun_before_revocation") });
        }
        Err(_) => return Err(Refusal::new("revocation_unreadable")),
    }
    let lines = begin_session(tenant, head, &accepted, now, host)?;
    let location = format!("{}{}", tenant.settings.public_url, login.target);
    let reply = private(Reply::status(303)).with("location", location);
    let reply = lines.into_iter().fold(reply, |reply, line| reply.with("set-cookie", line));
    Ok(reply.with("set-cookie", tenant.logins.forget(&handle)))
}

fn validated(
    saml: &SamlSettings,
    body: &[u8],
    request_ids: &[String],
    host: &dyn Host,
) -> Result<Accepted, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::new("malformed_form"))?;
    let pairs = form(text).ok_or(Refusal::new("malformed_form"))?;
    let response = only(&pairs, "SAMLResponse").ok_or(Refusal::new("no_single_response"))?;
    // The relay state decides nothing here; but who sends two wants somebody to read the other.
    if pairs.iter().filter(|(name, _)| name == "RelayState").count() > 1 {
        return Err(Refusal::new("two_relay_states"));
    }
    let provider = &saml.identity_provider;
    let expectations = Expectations {
        idp_entity_id: &provider.entity_id,
        audience: &saml.entity_id,
        acs_url: &saml.acs_url,
        request_ids,
        allow_unsolicited: false,
        keys: &provider.keys,
        decryption_keys: &[],
        skew: saml.clock_skew,
        now: host.now(),
        requires: Required::Any,
        // Entra goes on signing with an expired certificate: the pinned key decides, the date is only warned about.
        accept: Accept::outdated_certificates(),
    };
    decode_post(response).and_then(|xml| validate(host, &xml, &expectations)).map_err(|rejection| Refusal {
        code: rejection.code(),
        detail: rejection.detail(),
        page: Page::General,
    })
}

fn use_once(gateway: &Gateway, accepted: &Accepted, host: &dyn Host) -> Result<(), Refusal> {
    let until = accepted.not_on_or_after;
    match gateway.replay.use_once(host, &accepted.identity.issuer, &accepted.assertion_id, until) {
        Ok(UsedOnce::Fresh) => Ok(()),
        Ok(UsedOnce::Again) => Err(Refusal { page: Page::Again, ..Refusal::new("replayed") }),
        Ok(UsedOnce::Full) => Err(Refusal::new("replay_memory_full")),
        Err(_) => Err(Refusal::new("replay_memory_unreadable")),
    }
}

fn begin_session(
    tenant: &TenantRoom,
    head: &Head,
    accepted: &Accepted,
    now: UnixMillis,
    host: &dyn Host,
) -> Result<Vec<String>, Refusal> {
    let ends = now.after(tenant.settings.session.lifetime);
    let ends = accepted.session_not_on_or_after.map_or(ends, |limit| limit.min(ends));
    if ends <= now {
        return Err(Refusal::new("session_over"));
    }
    let session = Session::begin(host, accepted.identity.clone(), now, ends, &|name| tenant.needs(name));
    let session = session.map_err(|_| Refusal::new("unavailable.randomness"))?;
    match tenant.sessions.set(host, &session, &head.host) {
        Ok(Some(lines)) => Ok(lines),
        Ok(None) => Err(Refusal {
            detail: "the attributes that rules and headers use do not fit into cookies: use fewer, or send fewer groups"
                .to_owned(),
            ..Refusal::new("session_too_large")
        }),
        Err(_) => Err(Refusal::new("unavailable.randomness")),
    }
}

/// Ends the local session; a form on another site cannot.
fn sign_out(gateway: &Gateway, tenant: &TenantRoom, head: &Head, host: &dyn Host) -> Reply {
    let origin = head.headers.only("origin");
    let foreign = head.headers.has("origin") && origin != Some(tenant.settings.public_url.as_str());
    let site = head.headers.text("sec-fetch-site");
    if foreign || site.is_some_and(|site| site != "same-origin" && site != "none") {
        return problem(403, "cross_site", "Signing out must be asked for on this site.");
    }
    let cookies = Cookies::read(&head.headers);
    let mut recorded = true;
    if let Some(session) = tenant.sessions.read(host.now(), &head.host, &cookies) {
        recorded = gateway.people.end_session(host, &tenant.settings.name, &session.id) == Ok(true);
        host.count("vestibule.session.signed_out");
    }
    let reply = if recorded {
        let text = "You can close this window.";
        page(200, "You are signed out", text, &Offer::Link("/", "Go to the start"), None)
    } else {
        let reference = Reference::new(host);
        reports::sign_on(host, &tenant.settings.name, "failed", "sign_out_not_recorded", &reference, "");
        let text = "This browser has forgotten the session, but a copy of it elsewhere could not be ended.";
        page(500, "You are signed out here only", text, &Offer::Nothing, Some(&reference))
    };
    tenant.sessions.clear(&cookies).into_iter().fold(reply, |reply, line| reply.with("set-cookie", line))
}
