//! The HTTP-Redirect binding with DEFLATE encoding (SAML Bindings 3.4.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Parts;
use super::{
    AuthnRequest, Carried, MAX_SIGNED_URL, MAX_URL, PreparedRequest, RequestError, Sent, target, with_query,
};
use crate::common::Host;
use crate::saml::deflate::deflate;
use crate::saml::enveloped::Signing;
use crate::saml::escape::query;

pub(super) fn prepare(
    host: &dyn Host,
    id: String,
    parts: Parts,
    request: &AuthnRequest<'_>,
) -> Result<PreparedRequest, RequestError> {
    let message = Carried {
        id: &id,
        before: &parts.before,
        after: &parts.after,
        parameter: "SAMLRequest",
        relay_state: request.relay_state,
    };
    let url = carry(host, &message, &target(request), request.signing)?;
    Ok(PreparedRequest { xml: parts.whole(), id, sent: Sent::Redirect(url) })
}

/// The URL that carries a message.
pub(super) fn carry(
    host: &dyn Host,
    message: &Carried<'_>,
    url: &str,
    signing: Option<Signing<'_>>,
) -> Result<String, RequestError> {
    let xml = format!("{}{}", message.before, message.after);
    let mut text = format!("{}={}", message.parameter, query(&STANDARD.encode(deflate(xml.as_bytes()))));
    if !message.relay_state.is_empty() {
        text = format!("{text}&RelayState={}", query(message.relay_state));
    }
    if let Some(signing) = signing {
        text = signed(host, &text, signing)?;
    }
    let url = with_query(url, &text);
    let most = if signing.is_some() { MAX_SIGNED_URL } else { MAX_URL };
    if url.len() > most { Err(RequestError::UrlTooLong) } else { Ok(url) }
}

/// Bindings 3.4.4.1: what is signed are the octets of the query as they are sent, `SAMLRequest`, `RelayState` and `SigAlg`
/// in this order.
fn signed(host: &dyn Host, message: &str, signing: Signing<'_>) -> Result<String, RequestError> {
    let message = format!("{message}&SigAlg={}", query(signing.algorithm()));
    let signature = signing.key.sign(host, message.as_bytes()).map_err(|_| RequestError::Signature)?;
    Ok(format!("{message}&Signature={}", query(&STANDARD.encode(signature))))
}
