//! Private keys of the service provider.

use crate::config::node::Node;
use crate::config::secret::{self, Environment, Secret};
use crate::crypto::{DecryptionKey, PublicKey, SigningKey};

/// More keys than this are not tried.
const MOST: usize = 4;

/// Keys that assertions may be encrypted to; several while one takes the place of another.
#[derive(Debug, Default)]
pub struct DecryptionKeys {
    /// The keys themselves.
    pub keys: Vec<DecryptionKey>,
    /// Base64 of each key's certificate, where one was given: what an identity provider encrypts to.
    pub certificates: Vec<Option<String>>,
}

/// What requests are signed with.
#[derive(Debug)]
pub struct RequestSigning {
    /// The private key; `None` where its text is not known here (see [`secret::STAND_IN`]).
    pub key: Option<SigningKey>,
    /// Base64 of its certificate, which the identity provider verifies with.
    pub certificate: String,
}

const KEY_REMEDY: &str = "write {env: NAME}; the variable holds a private key in PEM (PKCS#8 or PKCS#1)";

pub(super) fn read_decryption(node: &Node<'_>, environment: Environment<'_>) -> DecryptionKeys {
    let entries = node.list();
    if entries.len() > MOST {
        node.error(format!("has more than {MOST} keys"), "leave out those that no identity provider uses");
    }
    let mut all = DecryptionKeys::default();
    for entry in &entries {
        let fields = entry.fields(&["key", "certificate", "env", "value"]);
        let text = match fields.get("key") {
            Some(key) => secret::read(&key, environment),
            None => secret::read(entry, environment),
        };
        let Some(text) = text.filter(|text| is_known(entry, text)) else { continue };
        let key = match DecryptionKey::from_pem(text.expose()) {
            Ok(key) if key.is_short() => {
                entry.error("has fewer than 2048 bit", "make a new key: openssl genrsa 3072");
                continue;
            }
            Ok(key) => key,
            Err(error) => {
                entry.error(format!("is {error}"), KEY_REMEDY);
                continue;
            }
        };
        let certificate = fields.get("key").and_then(|_| fields.get("certificate"));
        let certificate = certificate.and_then(|node| read_certificate(&node, key.spki().as_deref()));
        all.keys.push(key);
        all.certificates.push(certificate);
    }
    all
}

pub(super) fn read_signing(node: &Node<'_>, environment: Environment<'_>) -> Option<RequestSigning> {
    let fields = node.fields(&["key", "certificate"]);
    let secret = fields.need("key", KEY_REMEDY);
    let text = secret.as_ref().and_then(|node| secret::read(node, environment));
    let known = match (&secret, &text) {
        (Some(node), Some(text)) => is_known(node, text),
        _ => false,
    };
    let key = match (secret, &text) {
        (Some(node), Some(text)) if known => match SigningKey::from_pem(text.expose()) {
            Ok(key) => Some(key),
            Err(error) => {
                node.error(format!("is {error}"), KEY_REMEDY);
                return None;
            }
        },
        _ => None,
    };
    if let Some(key) = key.as_ref().filter(|key| !key.is_rsa()) {
        node.warn(
            format!("{key:?} makes ECDSA signatures, which Entra does not verify"),
            "use an RSA key where the identity provider is Entra",
        );
    }
    let certificate = fields
        .need(
            "certificate",
            "paste the certificate of the key (Base64 or PEM), as the identity provider has it",
        )
        .and_then(|node| read_certificate(&node, key.as_ref().map(SigningKey::spki)));
    text.as_ref()?;
    Some(RequestSigning { key, certificate: certificate? })
}

/// Whether the text of a key is at hand; otherwise it is said that nobody looked at it.
fn is_known(node: &Node<'_>, text: &Secret) -> bool {
    if text.is_stand_in() {
        node.warn("was not looked at: its environment variable is not set here", "set it to have it checked");
    }
    !text.is_stand_in()
}

/// Base64 of a certificate whose key is this one, where the key is known.
fn read_certificate(node: &Node<'_>, spki: Option<&[u8]>) -> Option<String> {
    let text = node.text()?;
    match PublicKey::from_certificate(text) {
        Ok(public) if spki.is_none_or(|spki| spki == public.spki()) => Some(base64(text)),
        Ok(_) => {
            node.error("is the certificate of another key", "paste the one that belongs to the private key");
            None
        }
        Err(error) => {
            node.error(error.to_string(), "paste all of the certificate (Base64 or PEM)");
            None
        }
    }
}

/// What stands between the lines of PEM, or the whole text, without white space.
fn base64(text: &str) -> String {
    let inside = text
        .split_once("-----BEGIN CERTIFICATE-----")
        .map_or(text, |(_, rest)| rest.split("-----END").next().unwrap_or_default());
    inside.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}
