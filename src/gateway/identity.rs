//! How the application is told who is there, and where it finds the keys to check it with.

use crate::access::{Session, Teller, Untold, without_credentials as client_credentials};
use crate::common::{HeaderEdit, Host, Reply};
use crate::config::{AssertionSettings, Rule};
use crate::crypto::TokenAlgorithm;

use super::pages::{Offer, Reference, page, problem, words};
use super::request::Head;
use super::route::refused;
use super::tenant::TenantRoom;
use super::{Gateway, reports};

/// Where the application finds the keys of our assertions.
const KEYS: &str = "/.vestibule/jwks.json";
/// How long it may keep them, in seconds. A new key is to be published as long as this before it signs.
const KEYS_MAX_AGE: u32 = 300;

/// Refuses a configuration whose assertions this host cannot sign.
pub(super) fn prove(tenants: &[TenantRoom], host: &dyn Host) -> Result<(), String> {
    for (at, tenant) in tenants.iter().enumerate() {
        let Some(assertion) = &tenant.settings.access.identity.assertion else { continue };
        // ES256 needs no host.
        if assertion.algorithm != TokenAlgorithm::Rs256 {
            continue;
        }
        let signs = |assertion: &AssertionSettings| {
            assertion
                .keys
                .first()
                .is_some_and(|key| key.sign(host, b"vestibule: can this host sign?").is_ok())
        };
        if !signs(assertion) {
            return Err(format!(
                "tenants[{at}].access.assertion.algorithm: RS256 is signed by the proxy, and this one did not, or not \
                 rightly; use Envoy 1.37 or later with host.native_crypto: auto, or write ES256 and a key for it"
            ));
        }
    }
    Ok(())
}

/// The public keys of this tenant's assertions (RFC 7517, 5); `None` where the path is another.
pub(super) fn own_endpoint(tenant: &TenantRoom, head: &Head, path: &str, host: &dyn Host) -> Option<Reply> {
    if path.strip_prefix(tenant.settings.path_prefix.as_str()) != Some(KEYS) {
        return None;
    }
    let Some(assertion) = &tenant.settings.access.identity.assertion else {
        return Some(refused(tenant, 404, "not_found", "There is nothing here.", host));
    };
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return Some(refused(tenant, 405, "method_not_allowed", "This method is not possible here.", host));
    }
    let keys: Vec<&str> = assertion.keys.iter().map(|key| key.jwk()).collect();
    let reply = Reply::status(200)
        .with("cache-control", format!("public, max-age={KEYS_MAX_AGE}"))
        .with("x-content-type-options", "nosniff")
        .body("application/jwk-set+json", format!("{{\"keys\":[{}]}}", keys.join(",")));
    Some(reply)
}

/// Where the application gets credentials from us, those of the client go, whatever the rule: the application could not
/// tell them apart.
pub(super) fn without_credentials(tenant: &TenantRoom, mut head: Head) -> Head {
    if tenant.settings.access.identity.basic.is_some() {
        let edits = client_credentials(&head.headers);
        head.strike(edits);
    }
    head
}

/// The headers that tell the application of this session; `rule` is the one that let it pass.
pub(super) fn tell(
    gateway: &Gateway,
    tenant: &TenantRoom,
    rule: Option<&Rule>,
    session: &Session,
    host: &dyn Host,
) -> Result<Vec<HeaderEdit>, Untold> {
    let teller = Teller {
        host,
        tenant: &tenant.settings.name,
        settings: &tenant.settings.access.identity,
        rule: rule.and_then(|rule| rule.told.as_ref()),
        assertions: &gateway.assertions,
    };
    teller.tell(session)
}

/// What somebody gets of whom the application cannot be told: never the page itself.
pub(super) fn untold(tenant: &TenantRoom, head: &Head, untold: Untold, host: &dyn Host) -> Reply {
    let reference = Reference::new(host);
    host.count("vestibule.access.untold");
    reports::refused(host, &tenant.settings.name, untold.code(), Some(&reference));
    let (status, said) = match untold {
        Untold::NotSigned => (503, &words::NOT_PROVEN),
        Untold::TooLarge | Untold::CannotStand | Untold::NoSubject => (403, &words::UNTOLD),
    };
    if head.is_navigation() {
        page(&tenant.view(&head.headers), status, said, &Offer::Nothing, Some(&reference))
    } else {
        problem(status, untold.code(), said.text.english())
    }
}
