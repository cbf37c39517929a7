//! The HTTP-POST binding (SAML Bindings 3.5.4): the fields of a form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Parts;
use super::{AuthnRequest, PreparedRequest, RequestError, Sent, target};
use crate::common::Host;
use crate::saml::enveloped::sign;

pub(super) fn prepare(
    host: &dyn Host,
    id: String,
    parts: &Parts,
    request: &AuthnRequest<'_>,
) -> Result<PreparedRequest, RequestError> {
    let xml = match request.signing {
        Some(signing) => {
            sign(host, &parts.before, &parts.after, &id, signing).map_err(|_| RequestError::Signature)?
        }
        None => parts.whole(),
    };
    let mut fields = vec![("SAMLRequest", STANDARD.encode(&xml))];
    if !request.relay_state.is_empty() {
        fields.push(("RelayState", request.relay_state.to_owned()));
    }
    Ok(PreparedRequest { id, xml, sent: Sent::Form { action: target(request), fields } })
}
