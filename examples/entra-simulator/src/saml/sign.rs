//! Enveloped XML signatures in the one profile that Entra uses.

use crate::{
    keys::{Algorithm, SigningKey, hash_base64},
    xml::{Element, SIGNATURE},
};

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The signature of an element that does not contain it yet.
///
/// # Errors
/// The key refused to sign.
pub fn signature_of(element: &Element, id: &str, key: &SigningKey, by: Algorithm) -> Result<Element, String> {
    let algorithm = |name, value: &str| Element::new(SIGNATURE, name).with("Algorithm", value);
    let transforms = Element::new(SIGNATURE, "Transforms")
        .child(algorithm("Transform", ENVELOPED))
        .child(algorithm("Transform", EXCLUSIVE_C14N));
    let digest = hash_base64(element.canonical().as_bytes(), by.hash());
    let reference = Element::new(SIGNATURE, "Reference")
        .with("URI", format!("#{id}"))
        .child(transforms)
        .child(algorithm("DigestMethod", by.hash().uri()))
        .child(Element::new(SIGNATURE, "DigestValue").text(digest));
    let signed_info = Element::new(SIGNATURE, "SignedInfo")
        .child(algorithm("CanonicalizationMethod", EXCLUSIVE_C14N))
        .child(algorithm("SignatureMethod", by.uri()))
        .child(reference);
    let value = key.sign_base64(signed_info.canonical().as_bytes(), by)?;
    Ok(Element::new(SIGNATURE, "Signature")
        .child(signed_info)
        .child(Element::new(SIGNATURE, "SignatureValue").text(value))
        .child(key_info(&key.certificate_for(by))))
}

/// A certificate as `KeyInfo`.
#[must_use]
pub fn key_info(certificate: &str) -> Element {
    let certificate = Element::new(SIGNATURE, "X509Certificate").text(certificate);
    Element::new(SIGNATURE, "KeyInfo").child(Element::new(SIGNATURE, "X509Data").child(certificate))
}
