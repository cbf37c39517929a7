//! Decisions on credentials, as a case writes them: `context.config.mode` says which of our ways is meant.
//!
//! | in the case | with us |
//! |---|---|
//! | `mode: static`, or none | static tokens (A1) |
//! | `mode: entra-v1` with `tenant_ids`, `audiences`, `appids` | [`EntraIssuer`] (A2) |
//! | `mode: client_credentials` with `clients` | [`TokenEndpoint::clients`] (A3) |
//! | `mode: wif` with `tenants` of `tid`, `subject`, `audiences`, `azp` | [`TokenEndpoint::federations`] (A4) |
//! | `token_lifetime_s` | [`TokenEndpoint::lifetime`], one hour where it is not said |
//! | `context.jwt`, `context.assertion` | what stands at `<jwt>`; signed well by the key `known-key` |
//!
//! Only the signature of such a token is taken for granted: a case holds no key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::auth::{
    self, Client, EntraIssuer, Federation, JwtError, Keys, TokenEndpoint, TokenRequest,
};
use super::super::authenticate::authenticate;
use super::context::Surroundings;
use super::{Explained, Outcome, Trail, message, unusable};
use crate::common::{Headers, UnixMillis};
use crate::crypto::{SignatureAlgorithm, sha256};

/// What `now` means in a case.
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// Takes every signature of the one key that a case knows.
struct Supposed;

impl Keys for Supposed {
    fn check(
        &self,
        kid: &str,
        _algorithm: SignatureAlgorithm,
        _message: &[u8],
        _signature: &[u8],
    ) -> Result<(), JwtError> {
        if kid == "known-key" { Ok(()) } else { Err(JwtError::UnknownKey) }
    }
}

pub(super) fn decide(request: &Value, around: Surroundings<'_>, trail: Trail) -> Explained {
    let mut request = request.clone();
    if let Some(token) = around.get("/jwt").or_else(|| around.get("/assertion")).map(compact) {
        put(&mut request, &token);
    }
    let headers = message::headers(&request);
    match around.text("/config/mode").unwrap_or("static") {
        "static" => by_secret(&headers, around, trail),
        "entra-v1" => by_entra(&headers, around, trail),
        "client_credentials" | "wif" => at_token_endpoint(&request, &headers, around, trail),
        _ => unusable("case_mode", "This way of authentication is not known here."),
    }
}

fn by_secret(headers: &Headers, around: Surroundings<'_>, mut trail: Trail) -> Explained {
    match authenticate(headers, &around.tokens(), NOW) {
        Ok(_) => {
            let decision = match around.text("/config/upstream_credential") {
                Some(credential) => {
                    json!({"allow": true, "upstream_headers": {"Authorization": format!("Bearer {credential}")}})
                }
                None => json!({"allow": true}),
            };
            trail.end(Outcome::Forwarded, json!({"decision": decision}))
        }
        Err(denied) => {
            trail.note(format!("refused: {}", denied.code()));
            let reply = denied.reply();
            let challenge = reply.headers.iter().find(|(name, _)| name == "www-authenticate");
            let challenge = challenge.map(|(_, value)| value.as_str());
            let decision =
                json!({"allow": false, "status": reply.status, "headers": {"WWW-Authenticate": challenge}});
            trail.end(Outcome::Refused, json!({"decision": decision}))
        }
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn by_entra(headers: &Headers, around: Surroundings<'_>, mut trail: Trail) -> Explained {
    let issuer = EntraIssuer {
        tenant_ids: owned(around.texts("/config/tenant_ids")),
        audiences: owned(around.texts("/config/audiences")),
        applications: owned(around.texts("/config/appids")),
    };
    match auth::entra_judged(headers, &issuer, &Supposed, NOW) {
        Ok(_) => trail.end(Outcome::Forwarded, json!({"decision": {"allow": true}})),
        Err(refused) => {
            trail.note(format!("refused: {}", refused.code()));
            let status = refused.denied().reply().status;
            let decision = if refused.wants_newer_keys() {
                json!({"allow": false, "status": status, "jwks_refresh": true})
            } else {
                json!({"allow": false, "status": status})
            };
            trail.end(Outcome::Refused, json!({"decision": decision}))
        }
    }
}

fn at_token_endpoint(
    request: &Value,
    headers: &Headers,
    around: Surroundings<'_>,
    mut trail: Trail,
) -> Explained {
    let endpoint = endpoint(around);
    let body = message::body(request).unwrap_or_default();
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
    let asked = TokenRequest { method, headers, body: &body };
    let (outcome, reply) =
        match auth::token_judged(&asked, &endpoint, &|_, check| Some(check(&Supposed)), NOW) {
            Ok(granted) => (Outcome::Forwarded, granted.reply("<opaque>", &endpoint)),
            Err(error) => {
                trail.note(format!("refused: {}", error.code()));
                if error.wants_newer_keys() {
                    trail.note("the key set is read anew, at most once a minute");
                }
                (Outcome::Refused, error.reply())
            }
        };
    trail.end(outcome, json!({"decision": {"token_response": message::reply(&reply)}}))
}

fn endpoint(around: Surroundings<'_>) -> TokenEndpoint {
    let list = |path: &str| around.get(path).and_then(Value::as_array).into_iter().flatten();
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let texts = |of: &Value, name: &str| -> Vec<String> {
        let list = of.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let clients = list("/config/clients").filter_map(|client| {
        let secrets = texts(client, "secrets").iter().map(|secret| sha256(secret.as_bytes())).collect();
        Some(Client { id: text(client, "id")?, secrets })
    });
    let federations = list("/config/tenants").filter_map(|tenant| {
        Some(Federation {
            tenant_id: text(tenant, "tid")?,
            subject: text(tenant, "subject")?,
            audiences: texts(tenant, "audiences"),
            application: text(tenant, "azp")?,
            client_id: text(tenant, "client_id"),
        })
    });
    TokenEndpoint {
        clients: clients.collect(),
        federations: federations.collect(),
        lifetime: around.get("/config/token_lifetime_s").and_then(Value::as_u64).unwrap_or(3600),
    }
}

/// A compact token of `{header, claims}`.
fn compact(token: &Value) -> String {
    let part = |name: &str| URL_SAFE_NO_PAD.encode(token.get(name).map(Value::to_string).unwrap_or_default());
    let mut claims = token.get("claims").cloned().unwrap_or_default();
    for claim in claims.as_object_mut().into_iter().flat_map(|claims| claims.values_mut()) {
        if let Some(moment) = claim.as_str().and_then(moment) {
            *claim = moment.into();
        }
    }
    format!(
        "{}.{}.{}",
        part("header"),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        URL_SAFE_NO_PAD.encode("signed")
    )
}

/// Seconds of `now`, `now+3600` or `now-5`.
fn moment(text: &str) -> Option<i64> {
    let rest = text.strip_prefix("now")?;
    let offset: i64 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
    i64::try_from(NOW.seconds()).ok()?.checked_add(offset)
}

/// Puts the token where the request says `<jwt>`.
fn put(request: &mut Value, token: &str) {
    let headers = request
        .get_mut("headers")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|all| all.values_mut());
    for value in headers {
        if let Some(text) = value.as_str() {
            *value = text.replace("<jwt>", token).into();
        }
    }
    if let Some(body) = request.get_mut("body")
        && let Some(text) = body.as_str()
    {
        *body = text.replace("<jwt>", token).into();
    }
}
