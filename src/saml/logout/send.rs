//! Logout messages of our own (Core 3.7, Bindings 3.4 and 3.5).

use super::RELAY_STATE;
use crate::common::{Host, Identity, UnixMillis};
use crate::config::RequestBinding;
use crate::saml::enveloped::Signing;
use crate::saml::escape::xml;
use crate::saml::names::{ASSERTION, PROTOCOL, SUCCESS};
use crate::saml::request::{Carried, RequestError, Sent, carry, identifier};

/// Where a message goes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// URL of the identity provider.
    pub url: &'a str,
    /// How the message travels.
    pub binding: RequestBinding,
    /// Entity ID of this service provider.
    pub entity_id: &'a str,
    /// What came with the message that is answered; empty for none. Longer ones than 80 octets do not go.
    pub relay_state: &'a str,
    /// What the message is signed with, where it is.
    pub signing: Option<Signing<'a>>,
}

/// A request to end the session of this person at the identity provider, that counts until `ends`; with its `ID`.
///
/// # Errors
/// Where there is no randomness, or the result would be too long to arrive.
pub fn logout_request(
    host: &dyn Host,
    person: &Identity,
    ends: UnixMillis,
    out: &Outgoing<'_>,
) -> Result<(String, Sent), RequestError> {
    let id = identifier(host)?;
    let attribute = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {name}=\"{}\"", xml(value))).unwrap_or_default()
    };
    let index = person
        .session_index
        .as_ref()
        .map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", xml(index)))
        .unwrap_or_default();
    let more = format!(" NotOnOrAfter=\"{}\"", ends.to_rfc3339());
    let content = format!(
        "<NameID xmlns=\"{ASSERTION}\"{}{}{}>{}</NameID>{index}",
        attribute("Format", &person.name_id_format),
        attribute("NameQualifier", &person.name_qualifier),
        attribute("SPNameQualifier", &person.sp_name_qualifier),
        xml(&person.name_id),
    );
    let sent = send(host, super::request::ROOT, &id, &more, &content, "SAMLRequest", out)?;
    Ok((id, sent))
}

/// The answer to a request of the identity provider.
///
/// # Errors
/// Where there is no randomness, or the result would be too long to arrive.
pub fn logout_response(
    host: &dyn Host,
    in_response_to: &str,
    success: bool,
    out: &Outgoing<'_>,
) -> Result<Sent, RequestError> {
    let id = identifier(host)?;
    let status = if success { SUCCESS } else { "urn:oasis:names:tc:SAML:2.0:status:Responder" };
    let more = format!(" InResponseTo=\"{}\"", xml(in_response_to));
    let content = format!("<samlp:Status><samlp:StatusCode Value=\"{status}\"/></samlp:Status>");
    send(host, super::response::ROOT, &id, &more, &content, "SAMLResponse", out)
}

fn send(
    host: &dyn Host,
    root: &str,
    id: &str,
    more: &str,
    content: &str,
    parameter: &'static str,
    out: &Outgoing<'_>,
) -> Result<Sent, RequestError> {
    if out.relay_state.len() > RELAY_STATE {
        return Err(RequestError::RelayState);
    }
    let before = format!(
        "<samlp:{root} xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{}\"\
         {more}><Issuer xmlns=\"{ASSERTION}\">{}</Issuer>",
        host.now().to_rfc3339(),
        xml(out.url.split('#').next().unwrap_or_default()),
        xml(out.entity_id),
    );
    let after = format!("{content}</samlp:{root}>");
    let carried = Carried { id, before: &before, after: &after, parameter, relay_state: out.relay_state };
    carry(host, &carried, out.url, out.binding, out.signing)
}
