//! Enveloped XML signatures in the one profile that Entra uses.

use crate::{
    keys::{Algorithm, SigningKey, hash_base64},
    xml::{Element, SIGNATURE},
};

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Of the signature and of the digest.
const SHA256: (&str, &str) =
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256");
const SHA1: (&str, &str) =
    ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1");

/// The signature of an element that does not contain it yet.
///
/// # Errors
/// The key refused to sign.
pub fn signature_of(
    element: &Element,
    id: &str,
    key: &SigningKey,
    hash: Algorithm,
) -> Result<Element, String> {
    let (method, digest) = match hash {
        Algorithm::Sha256 => SHA256,
        Algorithm::Sha1 => SHA1,
    };
    let algorithm = |name, value: &str| Element::new(SIGNATURE, name).with("Algorithm", value);
    let transforms = Element::new(SIGNATURE, "Transforms")
        .child(algorithm("Transform", ENVELOPED))
        .child(algorithm("Transform", EXCLUSIVE_C14N));
    let reference = Element::new(SIGNATURE, "Reference")
        .with("URI", format!("#{id}"))
        .child(transforms)
        .child(algorithm("DigestMethod", digest))
        .child(
            Element::new(SIGNATURE, "DigestValue").text(hash_base64(element.canonical().as_bytes(), hash)),
        );
    let signed_info = Element::new(SIGNATURE, "SignedInfo")
        .child(algorithm("CanonicalizationMethod", EXCLUSIVE_C14N))
        .child(algorithm("SignatureMethod", method))
        .child(reference);
    let value = key.sign_base64(signed_info.canonical().as_bytes(), hash)?;
    Ok(Element::new(SIGNATURE, "Signature")
        .child(signed_info)
        .child(Element::new(SIGNATURE, "SignatureValue").text(value))
        .child(key_info(key)))
}

/// The certificate as `KeyInfo`.
pub fn key_info(key: &SigningKey) -> Element {
    let certificate = Element::new(SIGNATURE, "X509Certificate").text(key.certificate_base64());
    Element::new(SIGNATURE, "KeyInfo").child(Element::new(SIGNATURE, "X509Data").child(certificate))
}
