//! Trust in an identity provider by its metadata: as text, or from an address.

use std::time::Duration;

use crate::config::node::{Fields, Node};
use crate::crypto::PublicKey;

/// Where the metadata of an identity provider is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataSource {
    /// Name of the Envoy cluster.
    pub cluster: String,
    /// `:authority` of the calls.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u32,
    /// How long a document is kept before it is read anew; shorter where it says so itself.
    pub refresh: Duration,
    /// Keys of which one must have signed the document; none where the transport is trusted.
    pub pinned: Vec<PublicKey>,
}

/// Metadata as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// The document itself. That it stands here is all the trust it needs.
    Text {
        /// The document.
        text: String,
        /// Where it stands in the configuration, for an error.
        place: String,
    },
    /// An address.
    Published(MetadataSource),
}

/// Reads `metadata` with `pinned` or `trust` beside it.
pub(super) fn read(
    node: &Node<'_>,
    beside: &Fields<'_>,
    certificates: impl Fn(&Node<'_>) -> Vec<PublicKey>,
) -> Option<Metadata> {
    let fields = node.fields(&["text", "cluster", "authority", "path", "timeout_ms", "refresh_seconds"]);
    if let Some(text) = fields.get("text") {
        for name in fields.names().into_iter().filter(|name| *name != "text") {
            if let Some(other) = fields.get(name) {
                other.error(
                    "has no meaning beside the text",
                    "write either text, or cluster, authority and path",
                );
            }
        }
        for other in ["pinned", "trust"].iter().filter_map(|name| beside.get(name)) {
            other.error("has no meaning for metadata that stands in the configuration", "leave it out");
        }
        return Some(Metadata::Text { text: text.text()?.to_owned(), place: text.path.clone() });
    }
    let cluster =
        fields.need("cluster", "name the Envoy cluster of the metadata's host").and_then(|node| node.text());
    let authority = fields
        .need("authority", "write the host of the metadata's URL, such as login.microsoftonline.com")
        .and_then(|node| plain(&node, "write a host name"));
    let path = fields
        .need("path", "write path and query of the metadata's URL, with ?appid=<application id> for Entra")
        .and_then(|node| read_path(&node));
    let timeout = fields.get("timeout_ms").map_or(Some(5000), |node| node.number(100..=30_000));
    let refresh = fields.get("refresh_seconds").map_or(Some(3600), |node| node.number(60..=86_400));
    let pinned = read_trust(node, beside, certificates);
    Some(Metadata::Published(MetadataSource {
        cluster: cluster?.to_owned(),
        authority: authority?,
        path: path?,
        timeout_ms: u32::try_from(timeout?).ok()?,
        refresh: Duration::from_secs(refresh?),
        pinned: pinned?,
    }))
}

/// A pinned certificate, or the explicit word that the transport is trusted.
fn read_trust(
    node: &Node<'_>,
    beside: &Fields<'_>,
    certificates: impl Fn(&Node<'_>) -> Vec<PublicKey>,
) -> Option<Vec<PublicKey>> {
    match (beside.get("pinned"), beside.get("trust")) {
        (Some(pinned), None) => {
            let fields = pinned.fields(&["certificates"]);
            let keys = fields
                .need("certificates", "paste the certificate that signs the metadata (Base64 or PEM)")
                .map(|node| certificates(&node))?;
            (!keys.is_empty()).then_some(keys)
        }
        (None, Some(trust)) => {
            trust.choice(&[("tls", ())])?;
            trust.warn(
                "trusts whoever answers in that cluster; Envoy verifies no certificate of an upstream unless it is told to",
                "give the cluster a transport_socket with trusted_ca and match_typed_subject_alt_names, or pin the \
                 certificate that signs the metadata",
            );
            Some(Vec::new())
        }
        (Some(_), Some(both)) => {
            both.error("stands beside pinned certificates", "write one of pinned and trust");
            None
        }
        (None, None) => {
            node.error(
                "comes from the network, and nothing says why to trust it",
                "write pinned: {certificates: [...]} beside it, or trust: tls",
            );
            None
        }
    }
}

fn plain(node: &Node<'_>, remedy: &str) -> Option<String> {
    let text = node.text()?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)) {
        return Some(text.to_owned());
    }
    node.error(format!("`{text}` is not a host"), remedy);
    None
}

fn read_path(node: &Node<'_>) -> Option<String> {
    let path = node.text()?;
    if path.contains("{tenant") {
        node.error("is a template", "write your tenant id");
        return None;
    }
    let printable = |byte: u8| (0x21..0x7f).contains(&byte) && !b"\"<>\\^`{|}#".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(printable) {
        node.error(
            format!("`{path}` is no path"),
            "begin with /, and percent-encode what is not plain ASCII",
        );
        return None;
    }
    Some(path.to_owned())
}
