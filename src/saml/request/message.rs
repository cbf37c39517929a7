//! The message itself (SAML Core 3.4.1).

use std::fmt::Write;

use super::{AuthnRequest, RequestError};
use crate::common::Host;
use crate::saml::escape::xml;
use crate::saml::names::{ASSERTION, BINDING_POST, PROTOCOL};

/// The message in two halves: between them, right behind the issuer, a signature has its place (Core 3.2.1).
pub(super) struct Parts {
    pub(super) before: String,
    pub(super) after: String,
}

impl Parts {
    /// The message without a signature.
    pub(super) fn whole(&self) -> String {
        format!("{}{}", self.before, self.after)
    }
}

/// Entra refuses an identifier that begins with a digit (AADSTS7500529).
pub(in crate::saml) fn identifier(host: &dyn Host) -> Result<String, RequestError> {
    let mut random = [0u8; 16];
    host.random(&mut random).map_err(RequestError::Random)?;
    let mut id = String::from("_");
    for byte in random {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

pub(super) fn parts(id: &str, now: &str, request: &AuthnRequest<'_>) -> Parts {
    let force = if request.force_authn { " ForceAuthn=\"true\"" } else { "" };
    let passive = if request.is_passive { " IsPassive=\"true\"" } else { "" };
    let policy = request
        .name_id_format
        .map(|format| format!("<samlp:NameIDPolicy Format=\"{}\"/>", xml(format)))
        .unwrap_or_default();
    let destination = request.sso_url.split('#').next().unwrap_or_default();
    Parts {
        before: format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
             Destination=\"{}\" AssertionConsumerServiceURL=\"{}\" ProtocolBinding=\"{BINDING_POST}\"{force}{passive}>\
             <Issuer xmlns=\"{ASSERTION}\">{}</Issuer>",
            xml(destination),
            xml(request.acs_url),
            xml(request.entity_id),
        ),
        after: format!("{policy}{}</samlp:AuthnRequest>", context(request.authn_context)),
    }
}

/// `RequestedAuthnContext` (Core 3.3.2.2.1); Entra knows no comparison but `exact`.
fn context(classes: &[String]) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let classes: String = classes
        .iter()
        .map(|class| {
            format!("<AuthnContextClassRef xmlns=\"{ASSERTION}\">{}</AuthnContextClassRef>", xml(class))
        })
        .collect();
    format!("<samlp:RequestedAuthnContext Comparison=\"exact\">{classes}</samlp:RequestedAuthnContext>")
}
