//! The beginning of a sign-in: the browser is sent to the identity provider with a request of ours.

use crate::access::{Beginning, Cookies, LoginCookies, Manner};
use crate::common::{Host, Reply};
use crate::config::SamlSettings;
use crate::gateway::pages::{Offer, Reference, Way, carry, page, private, words};
use crate::gateway::provider::Found;
use crate::gateway::request::{Head, form, only};
use crate::gateway::tenant::TenantRoom;
use crate::gateway::{Gateway, provider, reports};
use crate::saml::request::{AuthnRequest, Sent, authn_request};

use super::SIGN_IN;
use super::landing::landing;
use super::refusal::percent_encoded;
use super::room::signing;

/// Rounds that a browser may make within a minute without anybody clicking; then it is told.
pub(super) const MOST_ROUNDS: usize = 2;
/// The same of a browser that keeps the sessions it is given, which were ended: several may be in a minute, and not for ever.
const MOST_ROUNDS_OF_KEEPERS: usize = 4;

/// What somebody wants of a sign-in.
pub(super) struct Wish {
    pub(super) target: String,
    pub(super) manner: Manner,
    /// Whether the identity provider may show something, whatever the configuration says.
    pub(super) interactive: bool,
    /// Whether a person asked for it by a click: a loop does not.
    pub(super) by_hand: bool,
    /// Which identity provider, by its place.
    pub(super) provider: Option<usize>,
    /// Whether the round has been counted.
    pub(super) counted: bool,
}

impl Wish {
    /// To go to this page, as the configuration wants it.
    pub(super) fn plain(target: String) -> Self {
        Self {
            target,
            manner: Manner::Plain,
            interactive: false,
            by_hand: false,
            provider: None,
            counted: false,
        }
    }

    /// What the query of the sign-in link says: `return`, `idp`, `passive=1`, `fresh=1`, `interactive=1`.
    fn of_link(tenant: &TenantRoom, saml: &SamlSettings, query: &str) -> Self {
        let pairs = form(query).unwrap_or_default();
        let is_set = |name| only(&pairs, name) == Some("1");
        let manner = match () {
            () if is_set("passive") => Manner::Tried,
            () if is_set("fresh") => Manner::Forced,
            () => Manner::Plain,
        };
        let target = landing(&tenant.settings, saml, only(&pairs, "return"));
        let provider = saml.provider_named(only(&pairs, "idp"));
        Self { target, manner, interactive: is_set("interactive"), by_hand: true, provider, counted: false }
    }

    /// The query of a sign-in link that says the same, with this identity provider.
    fn as_query(&self, provider: Option<&str>) -> String {
        let mut query = String::new();
        let manner = match self.manner {
            Manner::Plain => None,
            Manner::Forced => Some("fresh"),
            Manner::Tried => Some("passive"),
        };
        for set in manner.into_iter().chain(self.interactive.then_some("interactive")) {
            query.push_str(set);
            query.push_str("=1&");
        }
        if let Some(name) = provider {
            // A name has no character that a query could not hold.
            query.push_str(&format!("idp={name}&"));
        }
        format!("{query}return={}", percent_encoded(&self.target))
    }
}

/// Sends somebody without a session to the identity provider, or tells a program that it needs one.
pub(in crate::gateway) fn demand(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    host: &dyn Host,
) -> Reply {
    match &tenant.settings.saml {
        Some(saml) if head.is_navigation() => start(
            gateway,
            tenant,
            saml,
            head,
            &Wish::plain(landing(&tenant.settings, saml, Some(&head.path))),
            host,
        ),
        Some(saml) if head.is_form() => lost(tenant, saml, head),
        _ => {
            let message = "Sign in with a browser first; what was sent with this request is lost.";
            unauthorized(tenant, "", message)
        }
    }
}

/// Has somebody sign in anew who proved themselves too long ago, or in another way than is wanted; tells a program that
/// this is needed. `None`: a browser comes from there just now, and once more would change nothing.
pub(in crate::gateway) fn demand_anew(
    gateway: &Gateway,
    tenant: &TenantRoom,
    head: &Head,
    host: &dyn Host,
) -> Option<Reply> {
    match &tenant.settings.saml {
        Some(saml) if head.is_navigation() => {
            let rounds = tenant.rounds.recent(host.now(), &head.host, &Cookies::read(&head.headers));
            let wish = Wish {
                manner: Manner::Forced,
                ..Wish::plain(landing(&tenant.settings, saml, Some(&head.path)))
            };
            (rounds < MOST_ROUNDS).then(|| start(gateway, tenant, saml, head, &wish, host))
        }
        _ => Some(unauthorized(
            tenant,
            "?fresh=1",
            "Sign in anew with a browser first; what was sent with this request is lost.",
        )),
    }
}

/// Where a person signs in anew by hand, to come back to this page.
pub(in crate::gateway) fn link_anew(tenant: &TenantRoom, head: &Head) -> String {
    let target = tenant.settings.saml.as_ref().map(|saml| landing(&tenant.settings, saml, Some(&head.path)));
    let target = target.unwrap_or_else(|| tenant.start_path());
    format!("{}?fresh=1&return={}", tenant.own_path(SIGN_IN), percent_encoded(&target))
}

fn unauthorized(tenant: &TenantRoom, query: &str, message: &str) -> Reply {
    let sign_in = format!("{}{query}", tenant.own_path(SIGN_IN));
    let body = serde_json::json!({"error": "sign_in_required", "message": message, "sign_in": sign_in});
    challenge(tenant, private(Reply::status(401).body("application/json", body.to_string())))
}

/// What a 401 must say (RFC 9110, 15.5.2), in a scheme for which no browser asks for a password.
fn challenge(tenant: &TenantRoom, reply: Reply) -> Reply {
    reply.with("www-authenticate", format!("Cookie form-action=\"{}\"", tenant.own_path(SIGN_IN)))
}

/// A form of somebody without a session: nobody keeps it over the way to the identity provider and back.
fn lost(tenant: &TenantRoom, saml: &SamlSettings, head: &Head) -> Reply {
    let from =
        head.headers.only("referer").and_then(|url| url.strip_prefix(tenant.settings.public_url.as_str()));
    let again = format!(
        "{}?return={}",
        tenant.own_path(SIGN_IN),
        percent_encoded(&landing(&tenant.settings, saml, from))
    );
    let offer = Offer::Link(&again, &words::SIGN_IN);
    challenge(tenant, page(&tenant.view(&head.headers), 401, &words::LOST, &offer, None))
}

/// A link that starts a sign-in.
pub(super) fn by_link(
    gateway: &Gateway,
    tenant: &TenantRoom,
    saml: &SamlSettings,
    head: &Head,
    host: &dyn Host,
) -> Reply {
    let wish = Wish::of_link(tenant, saml, head.query());
    if wish.provider.is_none() && saml.identity_providers.len() > 1 && wish.manner != Manner::Tried {
        return choose(tenant, saml, head, &wish);
    }
    start(gateway, tenant, saml, head, &wish, host)
}

/// The page on which somebody chooses among identity providers.
fn choose(tenant: &TenantRoom, saml: &SamlSettings, head: &Head, wish: &Wish) -> Reply {
    let path = tenant.own_path(SIGN_IN);
    let ways: Vec<Way<'_>> = saml
        .identity_providers
        .iter()
        .map(|provider| Way {
            link: format!("{path}?{}", wish.as_query(Some(&provider.name))),
            name: &provider.name,
            label: provider.label.as_deref(),
            brand: provider.brand,
        })
        .collect();
    page(&tenant.view(&head.headers), 200, &words::CHOICE, &Offer::Ways(&ways), None)
}

pub(super) fn start(
    gateway: &Gateway,
    tenant: &TenantRoom,
    saml: &SamlSettings,
    head: &Head,
    wish: &Wish,
    host: &dyn Host,
) -> Reply {
    let cookies = Cookies::read(&head.headers);
    if !tenant.is_public_host(&head.host) {
        // The answer arrives at the public host, and cookies of one host are not seen by another.
        let named = wish.provider.and_then(|at| saml.identity_providers.get(at));
        let named = named.map(|provider| provider.name.as_str());
        let to = match wish.by_hand {
            true => format!("{}?{}", tenant.own_path(SIGN_IN), wish.as_query(named)),
            false => wish.target.clone(),
        };
        return private(Reply::status(302)).with("location", format!("{}{to}", tenant.settings.public_url));
    }
    let rounds = tenant.rounds.recent(host.now(), &head.host, &cookies);
    // Nobody proves anew who they are without being asked anything.
    let in_vain = saml.request.force_authn;
    if wish.manner == Manner::Tried && (rounds > 0 || in_vain) {
        // Whoever tries at every page has been told a moment ago.
        return private(Reply::status(302)).with("location", wish.target.clone());
    }
    // A browser that shows a session, which was ended, keeps what it is given.
    let keeps = || tenant.sessions.read(host.now(), &head.host, &cookies).is_some();
    if !wish.by_hand && rounds >= MOST_ROUNDS && (rounds >= MOST_ROUNDS_OF_KEEPERS || !keeps()) {
        return going_round(tenant, head, wish, host);
    }
    let Some(at) = wish.provider.or_else(|| saml.provider_named(None)) else {
        // Whoever only tries has not chosen either.
        let to = match wish.manner {
            Manner::Tried => wish.target.clone(),
            _ => format!("{}?{}", tenant.own_path(SIGN_IN), wish.as_query(None)),
        };
        return private(Reply::status(302)).with("location", to);
    };
    match begin(gateway, tenant, (saml, at), head, wish, &cookies, host) {
        Ok(reply) => reply,
        Err(code) => failure(tenant, head, host, code),
    }
}

fn begin(
    gateway: &Gateway,
    tenant: &TenantRoom,
    (saml, at): (&SamlSettings, usize),
    head: &Head,
    wish: &Wish,
    cookies: &Cookies<'_>,
    host: &dyn Host,
) -> Result<Reply, &'static str> {
    const RANDOMNESS: &str = "unavailable.randomness";
    let Found::Known(provider) = provider::find(gateway, tenant, at, host) else { return Err(UNREADY) };
    let (sso_url, binding) = provider.sign_on(saml.request.binding).ok_or(UNREADY)?;
    let handle = LoginCookies::handle(host).map_err(|_| RANDOMNESS)?;
    let settings = &saml.request;
    let signing = signing(saml);
    if settings.signing.is_some() && signing.is_none() {
        return Err("request_signature");
    }
    if signing.is_some() && !gateway.signatures.take(host.now(), 1) {
        return Err(BUSY);
    }
    let request = authn_request(
        host,
        &AuthnRequest {
            sso_url,
            entity_id: &saml.entity_id,
            acs_url: &saml.acs_url,
            relay_state: &handle,
            force_authn: wish.manner == Manner::Forced
                || (settings.force_authn && wish.manner == Manner::Plain),
            is_passive: wish.manner == Manner::Tried
                || (settings.is_passive && wish.manner == Manner::Plain && !wish.interactive),
            name_id_format: settings.name_id_format.as_deref(),
            authn_context: &settings.authn_context,
            hints: &settings.hints,
            binding,
            signing,
        },
    )
    .map_err(|error| error.code())?;
    // What was asked for must be what comes back.
    let manner =
        if settings.force_authn && wish.manner == Manner::Plain { Manner::Forced } else { wish.manner };
    let several = saml.identity_providers.len() > 1;
    let asked = saml.identity_providers.get(at).filter(|_| several).map(|provider| provider.name.as_str());
    let login = Beginning {
        request_id: &request.id,
        target: &wish.target,
        manner,
        provider: asked,
        counted: wish.counted,
    };
    let lines = tenant.logins.begin(host, &handle, login, &head.host, cookies).map_err(|_| RANDOMNESS)?;
    host.count("vestibule.sign_on.started");
    let reply = match request.sent {
        Sent::Redirect(url) => private(Reply::status(302)).with("location", url),
        Sent::Form { action, fields } => {
            carry(&tenant.view(&head.headers), &words::CARRY_SIGN_IN, &action, &fields)
        }
    };
    Ok(lines.into_iter().fold(reply, |reply, line| reply.with("set-cookie", line)))
}

const BUSY: &str = "signing_busy";
const UNREADY: &str = "provider_unknown";

fn failure(tenant: &TenantRoom, head: &Head, host: &dyn Host, code: &str) -> Reply {
    let reference = Reference::new(host);
    reports::sign_on(host, &tenant.settings.name, "failed", code, &reference, "");
    let wait = match code {
        BUSY => Some("1"),
        // Its metadata is being fetched.
        UNREADY => Some("5"),
        _ => None,
    };
    let status = if wait.is_some() { 503 } else { 500 };
    let view = tenant.view(&head.headers);
    let reply = page(&view, status, &words::LATER, &Offer::Nothing, Some(&reference));
    wait.into_iter().fold(reply, |reply, seconds| reply.with("retry-after", seconds))
}

/// A browser that signs in again and again and is never signed in keeps no session, or is sent to another Envoy with
/// another key. Another round helps nobody.
pub(super) fn going_round(tenant: &TenantRoom, head: &Head, wish: &Wish, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    let detail = "the browser came back from the identity provider several times within a minute and has no session; \
                  does it keep cookies, and do all Envoys behind this host have the same keys?";
    reports::sign_on(host, &tenant.settings.name, "rejected", "going_round", &reference, detail);
    let again = format!("{}?return={}", tenant.own_path(SIGN_IN), percent_encoded(&wish.target));
    let offer = Offer::Link(&again, &words::SIGN_IN_AGAIN);
    page(&tenant.view(&head.headers), 403, &words::GOING_ROUND, &offer, Some(&reference))
}
