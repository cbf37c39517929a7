//! The POST binding's encoding of a message (SAML Bindings 3.5.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Rejection;
use crate::saml::xml::is_white;

/// Decodes the form parameter `SAMLResponse`: strict Base64 (RFC 4648, 4) with XML white space allowed anywhere.
///
/// # Errors
/// [`Rejection::Base64`] for another alphabet, missing or excess padding, trailing bits, or nothing at all.
pub fn decode_post(saml_response_param: &str) -> Result<Vec<u8>, Rejection> {
    let packed: Vec<u8> = saml_response_param.bytes().filter(|byte| !is_white(char::from(*byte))).collect();
    match STANDARD.decode(packed) {
        Ok(message) if !message.is_empty() => Ok(message),
        _ => Err(Rejection::Base64),
    }
}
