//! `/.vestibule/status`: how this filter stands, for operators, where the configuration lets them. No secret, no person.

use serde_json::{Value, json};

use crate::common::{Host, Reply, UnixMillis, about};
use crate::config::OperatorSettings;
use crate::crypto::{PublicKey, equal, sha256};

use super::Gateway;
use super::choice::peer;
use super::pages::private;
use super::provider::{self, Found};
use super::request::{Head, form, only};
use super::tenant::TenantRoom;

const PATH: &str = "/.vestibule/status";

/// The answer, where it is asked for by somebody who may; for anybody else there is nothing here.
pub(super) fn answer(gateway: &Gateway, head: &Head, host: &dyn Host) -> Option<Reply> {
    if head.path_only() != PATH || !matches!(head.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let settings = gateway.operators.as_ref()?;
    if !may(settings, head, host) {
        host.count("vestibule.status.refused");
        return None;
    }
    let query = form(head.query()).unwrap_or_default();
    let body = status(gateway, only(&query, "tenant"), host).to_string();
    Some(private(Reply::status(200)).body("application/json", body))
}

/// Both conditions must hold where both are there.
fn may(settings: &OperatorSettings, head: &Head, host: &dyn Host) -> bool {
    let near = settings.from.is_empty()
        || peer(host).is_some_and(|peer| settings.from.iter().any(|network| network.holds(peer)));
    let token = head.headers.only("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let known = settings
        .token_sha256
        .is_none_or(|wanted| token.is_some_and(|token| equal(&sha256(token.trim().as_bytes()), &wanted)));
    near && known
}

fn status(gateway: &Gateway, wanted: Option<&str>, host: &dyn Host) -> Value {
    let now = host.now();
    let rooms: Vec<&TenantRoom> = match wanted {
        Some(name) => gateway.by_name.get(name).and_then(|at| gateway.tenants.get(*at)).into_iter().collect(),
        None => gateway.tenants.iter().collect(),
    };
    let tenants: Vec<Value> = rooms.iter().map(|room| tenant(gateway, room, host)).collect();
    let warnings: Vec<String> = rooms.iter().flat_map(|room| room.warnings_at(now)).collect();
    json!({
        "version": about::VERSION,
        "commit": about::COMMIT,
        "time": now.to_rfc3339(),
        "keys": gateway.key_ids,
        "tenants": tenants,
        "documents": gateway.documents.standing(),
        "warnings": warnings,
    })
}

fn tenant(gateway: &Gateway, room: &TenantRoom, host: &dyn Host) -> Value {
    let settings = &room.settings;
    let providers = settings.saml.iter().flat_map(|saml| &saml.identity_providers).enumerate();
    let providers: Vec<Value> = providers
        .map(|(at, configured)| {
            let (state, keys) = match provider::find(gateway, room, at, host) {
                Found::Known(known) => ("known", known.keys().iter().map(key).collect()),
                Found::Coming(_) => ("awaited", Vec::new()),
                Found::Unknown => ("unknown", Vec::new()),
            };
            json!({ "name": configured.name, "entity_id": configured.entity_id, "state": state, "keys": keys })
        })
        .collect();
    json!({
        "name": settings.name,
        "public_url": settings.public_url,
        "path_prefix": settings.path_prefix,
        "hosts": settings.hosts,
        "provisioning": settings.scim.is_some(),
        "rules": settings.access.all_rules().count(),
        "identity_providers": providers,
    })
}

/// The first eight octets of the key's SHA-256, and when its certificate ends.
fn key(key: &PublicKey) -> Value {
    let id: String = sha256(key.spki()).iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    json!({ "id": id, "ends": key.validity().map(|validity| UnixMillis::to_rfc3339(validity.not_after)) })
}
