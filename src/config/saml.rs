//! Sign-on settings of one tenant.

use std::time::Duration;

use super::node::Node;
use crate::crypto::PublicKey;

/// The service provider of one tenant.
#[derive(Debug)]
pub struct SamlSettings {
    /// Our entity ID: Entra's *Identifier*, and the audience of every assertion.
    pub entity_id: String,
    /// Path of the assertion consumer.
    pub acs_path: String,
    /// Its whole URL: Entra's *Reply URL*, and the recipient of every assertion.
    pub acs_url: String,
    /// How far the identity provider's clock may be off.
    pub clock_skew: Duration,
    /// The identity provider.
    pub identity_provider: IdentityProvider,
}

/// The identity provider that is trusted.
#[derive(Debug)]
pub struct IdentityProvider {
    /// Its entity ID: the issuer of every response.
    pub entity_id: String,
    /// Where a browser is sent to sign in (Redirect binding).
    pub sso_url: String,
    /// Keys out of the pinned certificates; several for rollover.
    pub keys: Vec<PublicKey>,
}

/// Where our own endpoints live.
const OWN_PREFIX: &str = "/.vestibule";

pub(super) fn read(node: &Node<'_>, public_url: Option<&str>) -> Option<SamlSettings> {
    let fields = node.fields(&["entity_id", "acs_path", "clock_skew_seconds", "identity_provider"]);
    let entity_id = fields
        .need("entity_id", "write the Identifier (Entity ID) that Entra has for this application")
        .and_then(|node| node.text().map(str::to_owned));
    let acs_path = match fields.get("acs_path") {
        Some(node) => read_path(&node),
        None => Some(format!("{OWN_PREFIX}/saml/acs")),
    };
    let skew = match fields.get("clock_skew_seconds") {
        Some(node) => node.number(0..=300),
        None => Some(60),
    };
    let identity_provider = fields
        .need("identity_provider", "write entity_id, sso_url and certificates of the identity provider")
        .and_then(|node| read_provider(&node));
    let acs_path = acs_path?;
    Some(SamlSettings {
        entity_id: entity_id?,
        acs_url: format!("{}{acs_path}", public_url?),
        acs_path,
        clock_skew: Duration::from_secs(skew?),
        identity_provider: identity_provider?,
    })
}

fn read_path(node: &Node<'_>) -> Option<String> {
    let path = node.text()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let normal = crate::common::path::NormalPath::read(path.as_bytes());
    if normal.is_err() || !path.bytes().all(plain) || path == "/" {
        node.error(
            format!("`{path}` is not a plain path"),
            "begin with / and use letters, digits, - . _ ~ only; not the root",
        );
        return None;
    }
    Some(path.to_owned())
}

fn read_provider(node: &Node<'_>) -> Option<IdentityProvider> {
    let fields = node.fields(&["entity_id", "sso_url", "certificates"]);
    let entity_id = fields
        .need("entity_id", "write Entra's Microsoft Entra Identifier, https://sts.windows.net/<tenant id>/")
        .and_then(|node| {
            let text = node.text()?;
            if text.contains("{tenant}") {
                node.error(
                    "is the metadata of `common`, which no response is issued by",
                    "write the identifier with your tenant id",
                );
            }
            Some(text.to_owned())
        });
    let sso_url = fields
        .need("sso_url", "write Entra's Login URL, https://login.microsoftonline.com/<tenant id>/saml2")
        .and_then(|node| read_url(&node));
    let keys = fields
        .need("certificates", "paste the signing certificate (Base64 or PEM)")
        .map(|node| read_certificates(&node));
    Some(IdentityProvider { entity_id: entity_id?, sso_url: sso_url?, keys: keys? })
}

fn read_url(node: &Node<'_>) -> Option<String> {
    let url = node.text()?;
    let printable = url.bytes().all(|byte| (0x21..0x7f).contains(&byte) && !b"\"<>\\^`{|}".contains(&byte));
    let local = url.starts_with("http://localhost") || url.starts_with("http://127.0.0.1");
    if !printable || url.contains('#') || !(url.starts_with("https://") || local) {
        node.error("is not an https URL", "write the whole address, beginning with https://");
        return None;
    }
    Some(url.to_owned())
}

fn read_certificates(node: &Node<'_>) -> Vec<PublicKey> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("has no certificate: nobody could sign in", "paste at least one (Base64 or PEM)");
    }
    let mut keys = Vec::new();
    for entry in &entries {
        let Some(text) = entry.text() else { continue };
        match PublicKey::from_certificate(text) {
            Ok(key) => keys.push(key),
            Err(error) => entry.error(
                error.to_string(),
                "download the signing certificate (Base64) again and paste all of it",
            ),
        }
    }
    keys
}
