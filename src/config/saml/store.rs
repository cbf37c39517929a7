//! What makes an assertion single-use across a fleet: a store that every Envoy of it asks.

use crate::config::node::Node;
use crate::config::secret::{self, Environment, Secret};

/// An HTTP server that keeps what it was given, behind one of Envoy's clusters: `PUT` with `If-None-Match: *` answers 201
/// where there was nothing under that path, and 412 where there was.
#[derive(Debug)]
pub struct ReplayStore {
    /// Name of the Envoy cluster.
    pub cluster: String,
    /// `:authority` of the calls.
    pub authority: String,
    /// Path before the key, ends in `/`.
    pub path_prefix: String,
    /// How long it may take, in milliseconds; later is a refusal.
    pub timeout_ms: u32,
    /// Value of the `authorization` header, where there is one.
    pub authorization: Option<Secret>,
}

pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<ReplayStore> {
    let fields = node.fields(&["cluster", "authority", "path_prefix", "timeout_ms", "authorization"]);
    let cluster = fields
        .need("cluster", "name the Envoy cluster of the store")
        .and_then(|node| node.text().map(str::to_owned));
    let authority = match fields.get("authority") {
        Some(node) => node.text().map(str::to_owned),
        None => cluster.clone(),
    };
    let path_prefix = match fields.get("path_prefix") {
        Some(node) => super::read_path(&node, "use letters, digits, - . _ ~ only")
            .map(|path| format!("{}/", path.trim_end_matches('/'))),
        None => Some("/vestibule/used/".to_owned()),
    };
    let timeout = match fields.get("timeout_ms") {
        Some(node) => node.number(100..=30_000),
        None => Some(2_000),
    };
    let authorization = match fields.get("authorization") {
        Some(node) => read_authorization(&node, environment).map(Some),
        None => Some(None),
    };
    Some(ReplayStore {
        cluster: cluster?,
        authority: authority?,
        path_prefix: path_prefix?,
        timeout_ms: u32::try_from(timeout?).ok()?,
        authorization: authorization?,
    })
}

fn read_authorization(node: &Node<'_>, environment: Environment<'_>) -> Option<Secret> {
    let secret = secret::read(node, environment)?;
    if !secret.expose().bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        node.error("holds characters that cannot stand in a header", "use printable ASCII");
        return None;
    }
    Some(secret)
}
