//! The HTTP-POST binding (SAML Bindings 3.5.4): the fields of a form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Parts;
use super::{AuthnRequest, Carried, PreparedRequest, RequestError, Sent, target};
use crate::common::Host;
use crate::saml::enveloped::{Signing, sign};

/// Names and values, in the order of the form.
type FormFields = Vec<(&'static str, String)>;

pub(super) fn prepare(
    host: &dyn Host,
    id: String,
    parts: &Parts,
    request: &AuthnRequest<'_>,
) -> Result<PreparedRequest, RequestError> {
    let message = Carried {
        id: &id,
        before: &parts.before,
        after: &parts.after,
        parameter: "SAMLRequest",
        relay_state: request.relay_state,
    };
    let (xml, fields) = carry(host, &message, request.signing)?;
    Ok(PreparedRequest { id, xml, sent: Sent::Form { action: target(request), fields } })
}

/// The message as it is sent, and the fields of the form.
pub(super) fn carry(
    host: &dyn Host,
    message: &Carried<'_>,
    signing: Option<Signing<'_>>,
) -> Result<(String, FormFields), RequestError> {
    let xml = match signing {
        Some(signing) => sign(host, message.before, message.after, message.id, signing)
            .map_err(|_| RequestError::Signature)?,
        None => format!("{}{}", message.before, message.after),
    };
    let mut fields = vec![(message.parameter, STANDARD.encode(&xml))];
    if !message.relay_state.is_empty() {
        fields.push(("RelayState", message.relay_state.to_owned()));
    }
    Ok((xml, fields))
}
