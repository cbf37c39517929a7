//! Identity headers: a name, and the template of its value.

use crate::config::node::Node;
use crate::config::template::{self, Template};

/// A header that tells the application something about the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Lower-case name.
    pub name: String,
    /// Its value.
    pub value: Template,
}

pub(super) fn read_all(node: &Node<'_>) -> Vec<IdentityHeader> {
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for entry in node.list() {
        let fields = entry.fields(&["name", "value"]);
        let name = fields.need("name", "write the header's name").and_then(|node| read_name(&node));
        let value =
            fields.need("value", "write a template such as {name_id}").and_then(|node| template::read(&node));
        let (Some(name), Some(value)) = (name, value) else { continue };
        if headers.iter().any(|header| is_spelling_of(&header.name, &name)) {
            entry.error(format!("`{name}` is set twice"), "a header has one value: remove one of the two");
        }
        headers.push(IdentityHeader { name, value });
    }
    headers
}

/// Names whose meaning belongs to HTTP or to the proxy itself.
const RESERVED: &[&str] = &[
    "authorization",
    "host",
    "cookie",
    "set-cookie",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "date",
    "keep-alive",
    "proxy-connection",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether no identity header may have this name.
pub(super) fn is_reserved(name: &str) -> bool {
    // Every spelling of an identity header is struck from every request: `content_length` would take the length away.
    let spelling = name.replace('_', "-");
    RESERVED.contains(&spelling.as_str()) || spelling.starts_with("x-envoy-")
}

/// Whether the two names are one to servers that do not tell `_` from `-`.
pub(super) fn is_spelling_of(one: &str, other: &str) -> bool {
    one.replace('_', "-") == other.replace('_', "-")
}

pub(super) fn read_name(node: &Node<'_>) -> Option<String> {
    let name = node.text()?.to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.bytes().all(token) || is_reserved(&name) || name.len() > 128 {
        node.error(
            format!("`{name}` cannot be an identity header"),
            if name == "authorization" {
                "write `basic_credentials` where the application wants credentials"
            } else {
                "use letters, digits, - and _, and no header that HTTP itself needs"
            },
        );
        return None;
    }
    Some(name)
}
