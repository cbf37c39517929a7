//! Enveloped signatures of our own (XML Signature, SAML Core 5.4): exclusive canonicalisation, SHA-256, one reference.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::c14n::{self, Method};
use super::escape::xml;
use super::names::DSIG;
use super::xml::{Document, Rules};
use crate::common::Host;
use crate::crypto::{SigningKey, sha256};

/// What messages of ours are signed with.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The private key.
    pub key: &'a SigningKey,
    /// Base64 of the certificate's DER, for those who look up the key by it.
    pub certificate: &'a str,
}

impl Signing<'_> {
    /// Identifier of the algorithm (RFC 9231, 2.3.2 and 2.3.6).
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        if self.key.is_rsa() {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        } else {
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        }
    }
}

/// The document could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSigned;

/// Signs the document that `before` and `after` make together, whose root has this `ID`, and puts the signature between
/// them.
///
/// # Errors
/// Where the two make no document, or there is no randomness.
pub fn sign(
    host: &dyn Host,
    before: &str,
    after: &str,
    id: &str,
    signing: Signing<'_>,
) -> Result<String, NotSigned> {
    let whole = format!("{before}{after}");
    let document = Document::parse(whole.as_bytes(), Rules::MESSAGE).map_err(|_| NotSigned)?;
    let root = document.root().filter(|root| root.attribute("ID") == Some(id)).ok_or(NotSigned)?;
    let octets =
        c14n::canonicalize(root, &Method::default(), None, c14n::MAX_OUTPUT).map_err(|_| NotSigned)?;
    // Written as its canonical form is, so that these octets are what a verifier hashes.
    let signed_info = format!(
        "<ds:SignedInfo xmlns:ds=\"{DSIG}\">\
         <ds:CanonicalizationMethod Algorithm=\"{exclusive}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{algorithm}\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"{exclusive}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        exclusive = c14n::EXCLUSIVE,
        algorithm = signing.algorithm(),
        id = xml(id),
        digest = STANDARD.encode(sha256(&octets)),
    );
    let value = signing.key.sign(host, signed_info.as_bytes()).map_err(|_| NotSigned)?;
    Ok(format!(
        "{before}<ds:Signature xmlns:ds=\"{DSIG}\">{signed_info}<ds:SignatureValue>{}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </ds:Signature>{after}",
        STANDARD.encode(value),
        xml(signing.certificate),
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::signature::{Relaxed, Trust, verify_enveloped};
    use super::*;
    use crate::common::UnixMillis;
    use crate::common::test_host::TestHost;
    use crate::crypto::PublicKey;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KEYS: [(&str, &str); 2] = [
        (
            include_str!("../../tests/vectors/saml/idp.key.pem"),
            include_str!("../../tests/vectors/saml/idp.cert.pem"),
        ),
        (
            include_str!("../../tests/vectors/saml/idp-ec.key.pem"),
            include_str!("../../tests/vectors/saml/idp-ec.cert.pem"),
        ),
    ];

    /// Whether the key of the certificate made the signature over the root.
    pub(in crate::saml) fn is_signed_by(xml: &str, certificate: &str) -> bool {
        let keys = [PublicKey::from_certificate(certificate).unwrap()];
        let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
        let trust = Trust { keys: &keys, now: UnixMillis(0), relaxed: Relaxed::default() };
        matches!(verify_enveloped(&TestHost::default(), document.root().unwrap(), trust), Ok(Some(_)))
    }

    #[test]
    fn what_is_signed_here_is_verified_by_the_rules_for_others() {
        for (key, certificate) in KEYS {
            let key = SigningKey::from_pem(key).unwrap();
            let signing = Signing { key: &key, certificate: "AAAA" };
            let xml = sign(&TestHost::default(), "<a ID=\"_1\">", "<b x='1'/></a>", "_1", signing).unwrap();
            assert!(is_signed_by(&xml, certificate), "{xml}");
            assert!(!is_signed_by(&xml.replace("x='1'", "x='2'"), certificate));
        }
    }

    #[test]
    fn what_is_no_document_is_not_signed() {
        let key = SigningKey::from_pem(KEYS[0].0).unwrap();
        let signing = Signing { key: &key, certificate: "" };
        assert_eq!(sign(&TestHost::default(), "<a ID=\"_1\">", "", "_1", signing), Err(NotSigned));
        assert_eq!(sign(&TestHost::default(), "<a ID=\"_2\">", "</a>", "_1", signing), Err(NotSigned));
    }
}
