//! *Require verification certificates*: the signature of a request in the Redirect binding.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use x509_cert::{der::Decode, spki::SubjectPublicKeyInfoRef};

use super::{
    encrypt::spki_of,
    request::{Refusal, refuse},
};
use crate::{form, keys::Algorithm};

const CODE: &str = "AADSTS76021";

/// Whether the octets of a query were signed by the key of a certificate.
///
/// # Errors
/// They were not, in Entra's words.
pub fn query(query: &str, certificate: &str) -> Result<(), Refusal> {
    let part = |name: &str| query.split('&').find(|part| part.split('=').next() == Some(name));
    let decoded = |name: &str| {
        part(name).and_then(|part| part.split_once('=')).and_then(|(_, value)| form::decode(value).ok())
    };
    let (Some(by), Some(signature)) = (decoded("SigAlg"), decoded("Signature")) else {
        return refuse(CODE, "the request is not signed, and the application requires it");
    };
    let by: &dyn ring::signature::VerificationAlgorithm = match by.as_str() {
        uri if uri == Algorithm::RsaSha256.uri() => &RSA_PKCS1_2048_8192_SHA256,
        uri if uri == Algorithm::RsaSha1.uri() => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        other => return refuse(CODE, format!("the request is signed by '{other}'")),
    };
    let signed: Vec<&str> = ["SAMLRequest", "RelayState", "SigAlg"].into_iter().filter_map(part).collect();
    let key = spki_of(certificate).or_else(|detail| refuse("AADSTS50003", detail))?;
    let bits = SubjectPublicKeyInfoRef::from_der(&key)
        .ok()
        .and_then(|info| info.subject_public_key.as_bytes())
        .unwrap_or_default();
    let signature = STANDARD.decode(signature).unwrap_or_default();
    UnparsedPublicKey::new(by, bits)
        .verify(signed.join("&").as_bytes(), &signature)
        .or_else(|_| refuse(CODE, "the signature of the request is not by the verification certificate"))
}
