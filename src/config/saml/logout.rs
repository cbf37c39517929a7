//! Single Logout: what ends here also ends at the identity provider, and the reverse.

use super::provider::{EntraSettings, read_url};
use super::request::{RequestBinding, RequestSettings};
use super::{OWN_PREFIX, read_path};
use crate::config::node::Node;

/// Single Logout of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutSettings {
    /// Path of our own endpoint.
    pub path: String,
    /// Its whole URL: Entra's *Logout URL*.
    pub url: String,
    /// Where requests of ours go; `None`: where the metadata says.
    pub slo_url: Option<String>,
    /// Where responses of ours go, if elsewhere.
    pub response_url: Option<String>,
    /// How messages of ours travel; `None`: as the metadata says, or by redirect.
    pub binding: Option<RequestBinding>,
    /// Whether messages of ours are signed.
    pub sign: bool,
}

pub(super) fn read(
    node: &Node<'_>,
    (public_url, prefix): (Option<&str>, &str),
    request: Option<&RequestSettings>,
    entra: Option<&EntraSettings>,
    has_metadata: bool,
) -> Option<LogoutSettings> {
    let fields = node.fields(&["path", "slo_url", "response_url", "binding", "sign"]);
    let path = match fields.get("path") {
        Some(node) => read_path(&node, "use letters, digits, - . _ ~ only; not the root").filter(|path| {
            let own = path.strip_prefix(prefix).unwrap_or(path);
            let taken = ["", "/", "/.vestibule/saml/metadata", "/.vestibule/sign-in", "/.vestibule/sign-out"];
            let free = !taken.contains(&own);
            if !free {
                node.error(format!("`{path}` is taken"), "give the logout endpoint a path of its own");
            }
            free
        }),
        None => Some(format!("{prefix}{OWN_PREFIX}/saml/slo")),
    };
    let url = |name: &str| match fields.get(name) {
        Some(node) => read_url(&node).map(Some),
        None => Some(None),
    };
    let slo_url = match (url("slo_url")?, entra) {
        (None, Some(entra)) if !has_metadata => {
            Some(format!("https://login.microsoftonline.com/{}/saml2", entra.tenant_id))
        }
        (None, None) if !has_metadata => {
            fields.need(
                "slo_url",
                "write Entra's Logout URL, https://login.microsoftonline.com/<tenant id>/saml2",
            );
            return None;
        }
        (slo_url, _) => slo_url,
    };
    let response_url = url("response_url")?;
    let binding = match fields.get("binding") {
        Some(node) => {
            node.choice(&[("redirect", RequestBinding::Redirect), ("post", RequestBinding::Post)]).map(Some)
        }
        None => Some(None),
    };
    let can_sign = request.is_some_and(|request| request.signing.is_some());
    let sign = match fields.get("sign") {
        Some(node) => {
            let sign = node.flag();
            if sign == Some(true) && !can_sign {
                node.error("has no key to sign with", "give saml.request.sign a key and its certificate");
            }
            sign
        }
        None => Some(can_sign),
    };
    let path = path?;
    Some(LogoutSettings {
        url: format!("{}{path}", public_url?),
        path,
        slo_url,
        response_url,
        binding: binding?,
        sign: sign?,
    })
}
