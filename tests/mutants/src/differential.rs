//! What the service provider makes of a message, in a form in which other implementations can say the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vestibule::saml::c14n::{MAX_OUTPUT, Method, canonicalize};
use vestibule::saml::xml::{Document, Element, Rules};

/// What an attacker would write into `DigestValue`: SHA-256 of the exclusive canonical form without the signature.
#[must_use]
pub fn digest_without_signature(xml: &str) -> Option<String> {
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).ok()?;
    let root = document.root()?;
    let signature = root.children().find(|child: &Element<'_>| child.local() == "Signature");
    let octets = canonicalize(root, &Method::default(), signature, MAX_OUTPUT).ok()?;
    Some(STANDARD.encode(vestibule::crypto::sha256(&octets)))
}

/// Writes what becomes of mutants, one JSON object a line.
#[cfg(not(target_arch = "wasm32"))]
pub fn emit(_first: u64, _count: usize, _out: &mut dyn std::io::Write) {}
