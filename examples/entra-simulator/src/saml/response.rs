//! Responses in the exact shape of Entra's: one line, the assertion in the default namespace, attributes before the
//! authentication statement, three fractional digits.

use serde::{Deserialize, Serialize};

use crate::{
    clock::format_ms,
    directory::User,
    keys::{Algorithm, SigningKey},
    random,
    saml::{
        SignOnSettings,
        claims::{NameIdFormat, statement},
        context::Context,
        encrypt::{Cipher, KeyTransport, encrypted},
        faults::{Break, spoil, strange_key},
        sign::signature_of,
    },
    xml::{ASSERTION, Element, PROTOCOL},
};

const BLOCKED: &str = "AADSTS50105: Your administrator has configured the application to block users unless they are \
specifically granted ('assigned') access to the application.";
const NOT_SIGNED_IN: &str = "AADSTS50058: A silent sign-in request was sent but no user is signed in.";
const MINUTE: i64 = 60_000;

/// *Signing option* of the SAML signing certificate page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// "Sign SAML assertion", the default.
    #[default]
    Assertion,
    /// "Sign SAML response".
    Response,
    /// "Sign SAML response and assertion".
    Both,
    /// "Sign SAML assertion" with the signing algorithm SHA-1.
    AssertionSha1,
}

impl Signing {
    /// All, as a page offers them.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Assertion, "assertion", "Sign SAML assertion"),
        (Self::Response, "response", "Sign SAML response"),
        (Self::Both, "both", "Sign SAML response and assertion"),
        (Self::AssertionSha1, "assertion_sha1", "Sign SAML assertion, by SHA-1"),
    ];

    fn algorithm(self, chosen: Algorithm) -> Algorithm {
        if self == Self::AssertionSha1 { Algorithm::RsaSha1 } else { chosen }
    }
}

/// For whom an assertion is encrypted, and how.
#[derive(Debug, Clone)]
pub struct Encryption {
    pub certificate: String,
    pub cipher: Cipher,
    pub key_transport: KeyTransport,
}

/// Everything one response depends on.
#[derive(Clone)]
pub struct Order<'a> {
    /// The tenant and application.
    pub settings: &'a SignOnSettings,
    /// Signs.
    pub key: &'a SigningKey,
    /// Who signs in.
    pub user: &'a User,
    /// Name identifier.
    pub name_id: &'a str,
    /// And its format.
    pub name_id_format: NameIdFormat,
    /// The user's groups as they are told.
    pub groups: &'a [String],
    /// How the user signed in.
    pub context: &'a Context,
    /// ID of the request; none for a sign-on that the provider starts.
    pub in_response_to: Option<&'a str>,
    /// What is signed.
    pub signing: Signing,
    /// By what.
    pub algorithm: Algorithm,
    /// None: the assertion can be read by everybody.
    pub encryption: Option<&'a Encryption>,
    /// The fault, if one is wanted.
    pub fault: Option<Break>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

impl Order<'_> {
    /// Second status code and message, where this is no sign-in.
    fn refusal(&self) -> Option<(&'static str, &'static str)> {
        match self.fault {
            Some(Break::Status) => Some(("RequestDenied", BLOCKED)),
            Some(Break::NoPassive) => Some(("NoPassive", NOT_SIGNED_IN)),
            _ => None,
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Built {
    /// Its text.
    pub xml: String,
    /// Identifies the session at both ends: the ID of the assertion.
    pub session_index: String,
}

/// Makes a response.
///
/// # Errors
/// It could not be signed or encrypted.
pub fn build(order: &Order<'_>) -> Result<Built, String> {
    let values = Values::of(order)?;
    let key = if order.fault == Some(Break::OtherKey) { strange_key()? } else { order.key };
    let algorithm = order.signing.algorithm(order.algorithm);
    let signs = order.fault != Some(Break::Unsigned);
    let of_assertion = signs && order.signing != Signing::Response;
    let of_response = signs && matches!(order.signing, Signing::Response | Signing::Both);
    let wrapped = order.fault == Some(Break::Wrapped);

    let mut assertion = assertion(order, &values)?;
    if of_assertion {
        let signature = signature_of(&assertion, &values.assertion_id, key, algorithm)?;
        assertion.insert_after_first(signature);
    }
    let mut hidden = None;
    if wrapped && !of_response {
        hidden = Some(std::mem::replace(&mut assertion, forged_assertion(order, &values)?));
    }
    // What is within the encryption has to be spoilt before.
    let spoilt_inside = order.encryption.is_some() && of_assertion && order.fault != Some(Break::Doctype);
    if let Some(encryption) = order.encryption {
        let plain = assertion.wire();
        let plain = if spoilt_inside { spoil(plain, order.fault, order.name_id) } else { plain };
        assertion = encrypted(&plain, &encryption.certificate, encryption.cipher, encryption.key_transport)?;
    }
    let mut response = response(order, &values, &values.response_id, assertion);
    if of_response {
        let signature = signature_of(&response, &values.response_id, key, algorithm)?;
        response.insert_after_first(signature);
        if wrapped {
            let forged = forged_assertion(order, &values)?;
            let id = format!("_{}", random::guid()?);
            hidden = Some(std::mem::replace(&mut response, self::response(order, &values, &id, forged)));
        }
    }
    if let Some(signed) = hidden {
        // With its good signature, where a careless reader finds it by its ID and then looks elsewhere for the name.
        response.insert_after_first(Element::new(PROTOCOL, "Extensions").child(signed));
    }
    let xml = response.wire();
    let xml = if spoilt_inside { xml } else { spoil(xml, order.fault, order.name_id) };
    Ok(Built { xml, session_index: values.assertion_id })
}

/// What somebody would slip in: the same with another name.
fn forged_assertion(order: &Order<'_>, values: &Values) -> Result<Element, String> {
    let mut user = order.user.clone();
    user.user_principal_name = "mallory@meadow.example".into();
    user.display_name = "Mallory".into();
    user.mail = Some(user.user_principal_name.clone());
    let name_id = user.user_principal_name.clone();
    let values = Values { assertion_id: format!("_{}", random::guid()?), ..values.clone() };
    assertion(&Order { user: &user, name_id: &name_id, ..order.clone() }, &values)
}

fn response(order: &Order<'_>, values: &Values, id: &str, assertion: Element) -> Element {
    let code = |value: &str| {
        let value = format!("urn:oasis:names:tc:SAML:2.0:status:{value}");
        Element::new(PROTOCOL, "StatusCode").with("Value", value)
    };
    let response = Element::new(PROTOCOL, "Response")
        .with("ID", id)
        .with("Version", "2.0")
        .with("IssueInstant", format_ms(values.issued))
        .with("Destination", values.destination.clone())
        .with_some("InResponseTo", values.in_response_to.as_deref())
        .child(Element::new(ASSERTION, "Issuer").text(values.issuer.clone()));
    let status = Element::new(PROTOCOL, "Status");
    if let Some((second, said)) = order.refusal() {
        let code = code("Responder").child(code(second));
        let message = Element::new(PROTOCOL, "StatusMessage").text(said);
        return response.child(status.child(code).child(message));
    }
    response.child(status.child(code("Success"))).child(assertion)
}

/// What a fault changes before signing.
#[derive(Debug, Clone)]
struct Values {
    response_id: String,
    assertion_id: String,
    issuer: String,
    audience: String,
    recipient: String,
    destination: String,
    in_response_to: Option<String>,
    issued: i64,
}

impl Values {
    fn of(order: &Order<'_>) -> Result<Self, String> {
        let settings = order.settings;
        let unless = |fault: Break, good: &str, bad: &str| {
            if order.fault == Some(fault) { bad.to_owned() } else { good.to_owned() }
        };
        let shift = match order.fault {
            Some(Break::Expired) => -120 * MINUTE,
            Some(Break::Clock) => 10 * MINUTE,
            _ => 0,
        };
        let recipient = unless(Break::Recipient, &settings.reply_url, "https://other.example/saml/acs");
        let in_response_to = match order.fault {
            Some(Break::InResponseTo) => Some(format!("_{}", random::guid()?)),
            _ => order.in_response_to.map(str::to_owned),
        };
        Ok(Self {
            response_id: format!("_{}", random::guid()?),
            assertion_id: format!("_{}", random::guid()?),
            issuer: unless(
                Break::Issuer,
                &settings.issuer(),
                "https://sts.windows.net/00000000-0000-4000-8000-000000000000/",
            ),
            audience: unless(Break::Audience, &settings.identifier, "https://other.example/saml"),
            destination: unless(Break::Destination, &recipient, "https://other.example/saml/acs"),
            recipient,
            in_response_to,
            issued: order.now_ms + shift,
        })
    }
}

fn assertion(order: &Order<'_>, values: &Values) -> Result<Element, String> {
    let element = |name| Element::new(ASSERTION, name);
    let (start, end) = (format_ms(values.issued - 5 * MINUTE), format_ms(values.issued + 60 * MINUTE));
    let name_id = element("NameID").with("Format", order.name_id_format.uri()).text(order.name_id.to_owned());
    let confirmation_data = element("SubjectConfirmationData")
        .with_some("InResponseTo", values.in_response_to.as_deref())
        .with("NotOnOrAfter", end.clone())
        .with("Recipient", values.recipient.clone());
    let confirmation = element("SubjectConfirmation")
        .with("Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
        .child(confirmation_data);
    let audience = element("AudienceRestriction").child(element("Audience").text(values.audience.clone()));
    let conditions = element("Conditions").with("NotBefore", start).with("NotOnOrAfter", end).child(audience);
    let context_class = element("AuthnContextClassRef").text(order.context.class()?);
    let instant = values.issued - i64::from(order.context.age_minutes) * MINUTE;
    let authn = element("AuthnStatement")
        .with("AuthnInstant", format_ms(instant))
        .with("SessionIndex", values.assertion_id.clone())
        .child(element("AuthnContext").child(context_class));
    Ok(element("Assertion")
        .with("ID", values.assertion_id.clone())
        .with("IssueInstant", format_ms(values.issued))
        .with("Version", "2.0")
        .child(element("Issuer").text(values.issuer.clone()))
        .child(element("Subject").child(name_id).child(confirmation))
        .child(conditions)
        .child(statement(order.settings, order.user, order.groups, order.context))
        .child(authn))
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
