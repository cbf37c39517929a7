//! How tokens of the application's own authorization server are read.

use std::time::Duration;

use super::authentication::{
    ApplicationServer, Introspection, TokenDemands, TokenReading, read_cluster, read_keys, read_path,
    read_target, read_timeout, texts,
};
use super::node::{Fields, Node};
use super::secret::{self, Environment, Secret};

/// The algorithms of RFC 7518 that are known.
const ALGORITHMS: [&str; 8] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"];

pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<ApplicationServer> {
    let fields = node.fields(&["introspection", "jwks", "pass"]);
    let reading = match (fields.get("introspection"), fields.get("jwks")) {
        (Some(node), None) => read_introspection(&node, environment).map(TokenReading::Introspection),
        (None, Some(node)) => read_published(&node),
        _ => {
            node.error("needs exactly one of introspection, jwks", "say how tokens of that server are read");
            None
        }
    };
    let pass = match fields.get("pass") {
        Some(node) => node.list().iter().map(read_path).collect(),
        None => Some(Vec::new()),
    };
    Some(ApplicationServer { reading: reading?, pass: pass? })
}

const DEMANDS: [&str; 4] = ["issuer", "audiences", "clients", "scopes"];

fn read_demands(fields: &Fields<'_>) -> Option<TokenDemands> {
    let issuer = fields.get("issuer").map(|node| node.text().map(str::to_owned));
    let (audiences, clients, scopes) =
        (texts(fields, "audiences", &[]), texts(fields, "clients", &[]), texts(fields, "scopes", &[]));
    let issuer = match issuer {
        Some(issuer) => Some(issuer?),
        None => None,
    };
    Some(TokenDemands { issuer, audiences: audiences?, clients: clients?, scopes: scopes? })
}

fn read_introspection(node: &Node<'_>, environment: Environment<'_>) -> Option<Introspection> {
    let known = ["cluster", "authority", "path", "timeout_ms", "client", "bearer", "cache_seconds"];
    let fields = node.fields(&[&known[..], &DEMANDS].concat());
    let cluster = read_cluster(&fields);
    let authority = match fields.get("authority") {
        Some(node) => node.text().map(str::to_owned),
        None => cluster.clone(),
    };
    let path = fields
        .need("path", "write the path of the introspection endpoint")
        .and_then(|node| read_target(&node));
    let timeout_ms = read_timeout(&fields);
    let authorization = match (fields.get("client"), fields.get("bearer")) {
        (Some(client), None) => read_client(&client, environment),
        (None, Some(bearer)) => secret::read(&bearer, environment)
            .and_then(|secret| header_text(&bearer, format!("Bearer {}", secret.expose()))),
        _ => {
            node.error(
                "needs exactly one of client, bearer",
                "write client: {id, secret: {env: NAME}}: the endpoint must know who asks (RFC 7662 section 2.1)",
            );
            None
        }
    };
    let cache = match fields.get("cache_seconds") {
        Some(node) => node.number(0..=3600),
        None => Some(300),
    };
    let demands = read_demands(&fields);
    if demands.as_ref().is_some_and(|demands| {
        demands.audiences.is_empty() && demands.clients.is_empty() && demands.scopes.is_empty()
    }) {
        node.error(
            "takes every token that the server has issued to anybody, for whatever",
            "demand something that only the provisioning client's tokens say: audiences, clients or scopes",
        );
    }
    Some(Introspection {
        cluster: cluster?,
        authority: authority?,
        path: path?,
        timeout_ms: timeout_ms?,
        authorization: authorization?,
        cache: Duration::from_secs(cache?),
        demands: demands?,
    })
}

/// `client_secret_basic`: identifier and secret are form-encoded first (RFC 6749 section 2.3.1).
fn read_client(node: &Node<'_>, environment: Environment<'_>) -> Option<Secret> {
    let fields = node.fields(&["id", "secret"]);
    let id = fields.need("id", "write our client id at that server").and_then(|node| node.text());
    let secret = fields.need("secret", "write {env: NAME}").and_then(|node| secret::read(&node, environment));
    let pair = format!("{}:{}", form_encoded(id?), form_encoded(secret?.expose()));
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
    header_text(node, format!("Basic {encoded}"))
}

fn form_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn header_text(node: &Node<'_>, value: String) -> Option<Secret> {
    if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        node.error("holds characters that cannot stand in a header", "use printable ASCII");
        return None;
    }
    Some(Secret::from(value.as_str()))
}

fn read_published(node: &Node<'_>) -> Option<TokenReading> {
    let known =
        ["cluster", "authority", "path", "timeout_ms", "refresh_seconds", "algorithms", "require_type"];
    let fields = node.fields(&[&known[..], &DEMANDS].concat());
    let source = read_keys(&fields, None);
    let algorithms = match fields.get("algorithms") {
        Some(node) => {
            let entries = node.list();
            if entries.is_empty() {
                node.error("is empty", "list at least one, or leave it out for RS256");
            }
            entries.iter().map(|node| node.choice(&ALGORITHMS.map(|name| (name, name)))).collect()
        }
        None => Some(vec!["RS256"]),
    };
    let typed = fields.get("require_type").map_or(Some(true), |node| node.flag());
    if typed == Some(false)
        && let Some(node) = fields.get("require_type")
    {
        node.warn(
            "an identity token of the same server may be taken for an access token",
            "leave it out where the server writes typ: at+jwt (RFC 9068); else demand clients or scopes",
        );
    }
    fields.need("issuer", "write the server's issuer, as it stands in its tokens");
    fields.need("audiences", "list the audience that the server writes for provisioning");
    let demands = read_demands(&fields);
    Some(TokenReading::Keys {
        source: source?,
        algorithms: algorithms?.into_iter().map(str::to_owned).collect(),
        typed: typed?,
        demands: demands?,
    })
}
