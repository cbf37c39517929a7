//! The HTTP-Redirect binding with DEFLATE encoding (SAML Bindings 3.4.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Parts;
use super::{AuthnRequest, MAX_SIGNED_URL, MAX_URL, PreparedRequest, RequestError, Sent, target, with_query};
use crate::common::Host;
use crate::saml::enveloped::Signing;
use crate::saml::escape::query;

pub(super) fn prepare(
    host: &dyn Host,
    id: String,
    parts: Parts,
    request: &AuthnRequest<'_>,
) -> Result<PreparedRequest, RequestError> {
    let xml = parts.whole();
    let deflated = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 9);
    let mut message = format!("SAMLRequest={}", query(&STANDARD.encode(deflated)));
    if !request.relay_state.is_empty() {
        message = format!("{message}&RelayState={}", query(request.relay_state));
    }
    if let Some(signing) = request.signing {
        message = signed(host, &message, signing)?;
    }
    let url = with_query(&target(request), &message);
    let most = if request.signing.is_some() { MAX_SIGNED_URL } else { MAX_URL };
    if url.len() > most {
        return Err(RequestError::UrlTooLong);
    }
    Ok(PreparedRequest { id, xml, sent: Sent::Redirect(url) })
}

/// Bindings 3.4.4.1: what is signed are the octets of the query as they are sent, `SAMLRequest`, `RelayState` and `SigAlg`
/// in this order.
fn signed(host: &dyn Host, message: &str, signing: Signing<'_>) -> Result<String, RequestError> {
    let message = format!("{message}&SigAlg={}", query(signing.algorithm()));
    let signature = signing.key.sign(host, message.as_bytes()).map_err(|_| RequestError::Signature)?;
    Ok(format!("{message}&Signature={}", query(&STANDARD.encode(signature))))
}
