//! What operators may see over HTTP. Nobody may unless this is configured.

use super::node::Node;
use super::selection::networks;
use crate::common::Network;

/// Who may see how the filter stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSettings {
    /// Networks of the peers that may; from anywhere where there is none.
    pub from: Vec<Network>,
    /// SHA-256 of the bearer token that is wanted; none where there is none.
    pub token_sha256: Option<[u8; 32]>,
}

/// `operators` of the top level.
pub(super) fn read(node: &Node<'_>) -> Option<OperatorSettings> {
    let fields = node.fields(&["status"]);
    let status = fields.need("status", "write status: {from: [127.0.0.1], token_sha256: ...}")?;
    let fields = status.fields(&["from", "token_sha256"]);
    let from = fields.get("from").map(|node| networks(&node));
    let token = match fields.get("token_sha256") {
        Some(node) => read_hash(&node).map(Some),
        None => Some(None),
    };
    if from.is_none() && fields.get("token_sha256").is_none() {
        status.error(
            "lets anybody see it",
            "say from where (`from`), or hash a token with `vestibule token hash` (`token_sha256`), or both",
        );
        return None;
    }
    Some(OperatorSettings { from: from.unwrap_or_default(), token_sha256: token? })
}

fn read_hash(node: &Node<'_>) -> Option<[u8; 32]> {
    let text = node.text()?;
    let mut hash = [0u8; 32];
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (octet, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)).filter(|_| digits) {
        *octet = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())?;
    }
    if !digits {
        node.error("is not the SHA-256 of a token", "make one with `vestibule token hash`");
        return None;
    }
    Some(hash)
}
