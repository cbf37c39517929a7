//! Responses in the exact shape of Entra's: one line, the assertion in the default namespace, attributes before the
//! authentication statement, three fractional digits.

use serde::{Deserialize, Serialize};

use crate::{
    clock::format_ms,
    directory::User,
    keys::{Algorithm, SigningKey},
    random,
    saml::{SignOnSettings, sign::signature_of},
    xml::{ASSERTION, Element, PROTOCOL},
};

const MINUTE: i64 = 60_000;
/// Above this number Entra sends a link instead of the groups.
const MAX_GROUPS: usize = 150;
const IDENTITY: &str = "http://schemas.microsoft.com/identity/claims";
const PERSON: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const MICROSOFT: &str = "http://schemas.microsoft.com/ws/2008/06/identity";

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
    fn algorithm(self) -> Algorithm {
        if self == Self::AssertionSha1 { Algorithm::Sha1 } else { Algorithm::Sha256 }
    }
}

/// A deliberate fault, to see what the user would see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// Made for another application.
    Audience,
    /// Made for another consumer endpoint.
    Recipient,
    /// Two hours old.
    Expired,
    /// The signature is by nobody's key.
    Signature,
    /// Another name signed in than the one that was signed for.
    Content,
    /// Made by another tenant.
    Issuer,
}

/// Everything one response depends on.
pub struct Order<'a> {
    /// The tenant and application.
    pub settings: &'a SignOnSettings,
    /// Signs.
    pub key: &'a SigningKey,
    /// Who signs in.
    pub user: &'a User,
    /// Object ids of the user's groups.
    pub groups: &'a [String],
    /// ID of the request; none for a sign-on that the provider starts.
    pub in_response_to: Option<&'a str>,
    /// What is signed.
    pub signing: Signing,
    /// The fault, if one is wanted.
    pub fault: Option<Break>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// The text of a response.
///
/// # Errors
/// It could not be signed.
pub fn build(order: &Order<'_>) -> Result<String, String> {
    let values = Values::of(order)?;
    let mut assertion = assertion(order, &values);
    if order.signing != Signing::Response {
        let signature = signature_of(&assertion, &values.assertion_id, order.key, order.signing.algorithm())?;
        assertion.insert_after_first(signature);
    }
    let code =
        Element::new(PROTOCOL, "StatusCode").with("Value", "urn:oasis:names:tc:SAML:2.0:status:Success");
    let mut response = Element::new(PROTOCOL, "Response")
        .with("ID", values.response_id.clone())
        .with("Version", "2.0")
        .with("IssueInstant", format_ms(values.issued))
        .with("Destination", values.recipient.clone())
        .with_some("InResponseTo", order.in_response_to)
        .child(Element::new(ASSERTION, "Issuer").text(values.issuer.clone()))
        .child(Element::new(PROTOCOL, "Status").child(code))
        .child(assertion);
    if matches!(order.signing, Signing::Response | Signing::Both) {
        let signature = signature_of(&response, &values.response_id, order.key, order.signing.algorithm())?;
        response.insert_after_first(signature);
    }
    Ok(spoil(response.wire(), order))
}

/// What a fault changes before signing.
struct Values {
    response_id: String,
    assertion_id: String,
    issuer: String,
    audience: String,
    recipient: String,
    issued: i64,
}

impl Values {
    fn of(order: &Order<'_>) -> Result<Self, String> {
        let settings = order.settings;
        let unless = |fault: Break, good: String, bad: &str| {
            if order.fault == Some(fault) { bad.to_owned() } else { good }
        };
        let age = if order.fault == Some(Break::Expired) { 120 * MINUTE } else { 0 };
        Ok(Self {
            response_id: format!("_{}", random::guid()?),
            assertion_id: format!("_{}", random::guid()?),
            issuer: unless(
                Break::Issuer,
                settings.issuer(),
                "https://sts.windows.net/00000000-0000-4000-8000-000000000000/",
            ),
            audience: unless(Break::Audience, settings.identifier.clone(), "https://other.example/saml"),
            recipient: unless(Break::Recipient, settings.reply_url.clone(), "https://other.example/saml/acs"),
            issued: order.now_ms - age,
        })
    }
}

/// Faults that are put in after signing.
fn spoil(text: String, order: &Order<'_>) -> String {
    match order.fault {
        Some(Break::Signature) => {
            // Another letter at the first place of every signature value, which stays good base64.
            let marker = "<SignatureValue>";
            let swap = |part: &str| {
                let replacement = if part.starts_with('A') { "B" } else { "A" };
                replacement.chars().chain(part.chars().skip(1)).collect::<String>()
            };
            let mut parts = text.split(marker);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |out, part| out + marker + &swap(part))
        }
        Some(Break::Content) => {
            let name = &order.user.user_principal_name;
            text.replacen(&format!(">{name}<"), &format!(">x{name}<"), 1)
        }
        _ => text,
    }
}

fn assertion(order: &Order<'_>, values: &Values) -> Element {
    let element = |name| Element::new(ASSERTION, name);
    let (start, end) = (format_ms(values.issued - 5 * MINUTE), format_ms(values.issued + 60 * MINUTE));
    let name_id = element("NameID")
        .with("Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
        .text(order.user.user_principal_name.clone());
    let confirmation_data = element("SubjectConfirmationData")
        .with_some("InResponseTo", order.in_response_to)
        .with("NotOnOrAfter", end.clone())
        .with("Recipient", values.recipient.clone());
    let confirmation = element("SubjectConfirmation")
        .with("Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
        .child(confirmation_data);
    let audience = element("AudienceRestriction").child(element("Audience").text(values.audience.clone()));
    let conditions = element("Conditions").with("NotBefore", start).with("NotOnOrAfter", end).child(audience);
    let context_class =
        element("AuthnContextClassRef").text("urn:oasis:names:tc:SAML:2.0:ac:classes:Password");
    let statement = element("AuthnStatement")
        .with("AuthnInstant", format_ms(values.issued - 15 * MINUTE))
        .with("SessionIndex", values.assertion_id.clone())
        .child(element("AuthnContext").child(context_class));
    element("Assertion")
        .with("ID", values.assertion_id.clone())
        .with("IssueInstant", format_ms(values.issued))
        .with("Version", "2.0")
        .child(element("Issuer").text(values.issuer.clone()))
        .child(element("Subject").child(name_id).child(confirmation))
        .child(conditions)
        .child(element("AttributeStatement").children(claims(order)))
        .child(statement)
}

fn claims(order: &Order<'_>) -> Vec<Element> {
    let user = order.user;
    let tenant = &order.settings.tenant_id;
    let methods = [
        format!("{MICROSOFT}/authenticationmethod/password"),
        "http://schemas.microsoft.com/claims/multipleauthn".to_owned(),
    ];
    let mut out = vec![
        claim(&format!("{IDENTITY}/tenantid"), std::slice::from_ref(tenant)),
        claim(&format!("{IDENTITY}/objectidentifier"), std::slice::from_ref(&user.object_id)),
        claim(&format!("{IDENTITY}/displayname"), std::slice::from_ref(&user.display_name)),
    ];
    if order.groups.len() > MAX_GROUPS {
        let link = format!("https://graph.windows.net/{tenant}/users/{}/getMemberObjects", user.object_id);
        out.push(claim("http://schemas.microsoft.com/claims/groups.link", &[link]));
    } else if !order.groups.is_empty() {
        out.push(claim(&format!("{MICROSOFT}/claims/groups"), order.groups));
    }
    out.push(claim(&format!("{IDENTITY}/identityprovider"), &[order.settings.issuer()]));
    out.push(claim("http://schemas.microsoft.com/claims/authnmethodsreferences", &methods));
    if !user.roles.is_empty() {
        out.push(claim(&format!("{MICROSOFT}/claims/role"), &user.roles));
    }
    // A claim whose source is empty is left out.
    for (name, value) in
        [("givenname", &user.given_name), ("surname", &user.surname), ("emailaddress", &user.mail)]
    {
        out.extend(
            value.as_ref().map(|value| claim(&format!("{PERSON}/{name}"), std::slice::from_ref(value))),
        );
    }
    out.push(claim(&format!("{PERSON}/name"), std::slice::from_ref(&user.user_principal_name)));
    out
}

fn claim(name: &str, values: &[String]) -> Element {
    Element::new(ASSERTION, "Attribute")
        .with("Name", name)
        .children(values.iter().map(|value| Element::new(ASSERTION, "AttributeValue").text(value.clone())))
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
