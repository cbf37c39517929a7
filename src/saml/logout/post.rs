//! The POST binding: a message in a form, signed within (Bindings 3.5).

use super::{Expect, LogoutError, Message, Received, query, request, response};
use crate::common::Host;
use crate::saml::response::decode_post;
use crate::saml::signature::verify_enveloped;
use crate::saml::xml::{Document, Rules};

/// Reads the parameters of a form, decoded: exactly one of `SAMLRequest` and `SAMLResponse`, and at most one `RelayState`.
///
/// # Errors
/// At the first rule that is broken.
pub fn read_post(
    host: &dyn Host,
    form: &[(String, String)],
    expect: &Expect<'_>,
) -> Result<Received, LogoutError> {
    let one = |name: &'static str| {
        let mut values = form.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { Err(LogoutError::Parameter(name)) } else { Ok(first) }
    };
    let relay_state = one("RelayState")?.and_then(query::bounded);
    let (is_request, message) = match (one("SAMLRequest")?, one("SAMLResponse")?) {
        (Some(message), None) => (true, message),
        (None, Some(message)) => (false, message),
        _ => return Err(LogoutError::Parameter("SAMLRequest or SAMLResponse")),
    };
    let octets = decode_post(message).map_err(|_| LogoutError::Base64)?;
    let message = Document::parse(&octets, Rules::MESSAGE)?;
    let root = message.root().ok_or(LogoutError::NotLogout)?;
    // Cheap checks first: a stranger's message costs no signature check.
    if is_request {
        request::check(root, expect)?;
    } else {
        response::read(root, expect, false)?;
    }
    let signed = verify_enveloped(host, root, expect.trust())?;
    let message = match (signed, is_request) {
        (Some(signed), true) => {
            let document = signed.document()?;
            Message::Request(request::read(document.root().ok_or(LogoutError::NotLogout)?, expect)?)
        }
        (Some(signed), false) => {
            let document = signed.document()?;
            Message::Response(response::read(document.root().ok_or(LogoutError::NotLogout)?, expect, true)?)
        }
        (None, true) => return Err(LogoutError::Unsigned),
        (None, false) => Message::Response(response::read(root, expect, false)?),
    };
    Ok(Received { message, relay_state })
}
