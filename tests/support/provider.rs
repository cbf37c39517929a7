//! An identity provider for native tests: says what it is told to, and signs it with the key of `tests/vectors`.
#![allow(dead_code)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vestibule::common::UnixMillis;
use vestibule::common::test_host::TestHost;
use vestibule::crypto::SigningKey;
use vestibule::saml::enveloped::{Signing, sign};

pub(crate) const ISSUER: &str = "https://idp.example/";
pub(crate) const ENTITY: &str = "https://a.example/saml";
pub(crate) const ACS: &str = "https://a.example/.vestibule/saml/acs";
const KEY: &str = include_str!("../vectors/idp.key");
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const NAMES: &str = "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";

/// What a response says.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) now: u64,
    pub(crate) issuer: String,
    pub(crate) acs: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) session_ends: Option<u64>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) issued: u64,
    pub(crate) authn_instant: u64,
    pub(crate) context: String,
    pub(crate) attributes: Vec<(String, Vec<String>)>,
    pub(crate) sign_assertion: bool,
    pub(crate) sign_response: bool,
}

impl Response {
    /// A right answer to this request.
    pub(crate) fn to(request: &str, now: u64) -> Self {
        Self {
            now,
            issuer: ISSUER.to_owned(),
            acs: ACS.to_owned(),
            id: "_assertion-1".to_owned(),
            name: "ada@n.example".to_owned(),
            session_ends: None,
            in_response_to: Some(request.to_owned()),
            issued: now,
            authn_instant: now,
            context: "urn:oasis:names:tc:SAML:2.0:ac:classes:Password".to_owned(),
            attributes: Vec::new(),
            sign_assertion: true,
            sign_response: false,
        }
    }

    /// An answer to no request.
    pub(crate) fn unsolicited(now: u64) -> Self {
        Self { in_response_to: None, ..Self::to("", now) }
    }

    pub(crate) fn with(mut self, name: &str, values: &[&str]) -> Self {
        self.attributes.push((name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
        self
    }

    /// The message.
    pub(crate) fn xml(&self) -> String {
        let time = |millis: u64| UnixMillis(millis).to_rfc3339();
        let request =
            self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let end = time(self.now + 3_600_000);
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, values)| {
                let values: String = values
                    .iter()
                    .map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>"))
                    .collect();
                format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
            })
            .collect();
        let statement = if attributes.is_empty() {
            String::new()
        } else {
            format!("<saml:AttributeStatement>{attributes}</saml:AttributeStatement>")
        };
        let issuer = format!("<saml:Issuer>{}</saml:Issuer>", self.issuer);
        let acs = &self.acs;
        let session_ends = self
            .session_ends
            .map(|ends| format!(" SessionNotOnOrAfter=\"{}\"", time(ends)))
            .unwrap_or_default();
        let before = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" IssueInstant=\"{}\" \
             Version=\"2.0\">{issuer}",
            self.id,
            time(self.issued),
        );
        let after = format!(
            "<saml:Subject><saml:NameID>{}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData{request} NotOnOrAfter=\"{end}\" Recipient=\"{acs}\"/>\
             </saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{end}\"><saml:AudienceRestriction>\
             <saml:Audience>{ENTITY}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{}\" SessionIndex=\"{}\"{session_ends}><saml:AuthnContext>\
             <saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
             {statement}</saml:Assertion>",
            self.name,
            time(self.issued.saturating_sub(300_000)),
            time(self.authn_instant),
            self.id,
            self.context,
        );
        let assertion = signed(self.sign_assertion, &before, &after, &self.id);
        let before = format!(
            "<samlp:Response {NAMES} ID=\"_response-1\" Version=\"2.0\" IssueInstant=\"{}\" \
             Destination=\"{acs}\"{request}>{issuer}",
            time(self.now),
        );
        let after = format!(
            "<samlp:Status><samlp:StatusCode Value=\"{SUCCESS}\"/></samlp:Status>{assertion}</samlp:Response>"
        );
        signed(self.sign_response, &before, &after, "_response-1")
    }

    /// The message as a form has it.
    pub(crate) fn encoded(&self) -> String {
        STANDARD.encode(self.xml())
    }
}

/// An answer without an assertion: this second-level status, this message.
pub(crate) fn failure(request: &str, now: u64, status: &str, message: &str) -> String {
    let code = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:status:{name}");
    STANDARD.encode(format!(
        "<samlp:Response {NAMES} ID=\"_response-1\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{ACS}\" \
         InResponseTo=\"{request}\"><saml:Issuer>{ISSUER}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"{}\">\
         <samlp:StatusCode Value=\"{}\"/></samlp:StatusCode><samlp:StatusMessage>{message}</samlp:StatusMessage>\
         </samlp:Status></samlp:Response>",
        UnixMillis(now).to_rfc3339(),
        code("Responder"),
        code(status),
    ))
}

fn signed(wanted: bool, before: &str, after: &str, id: &str) -> String {
    if !wanted {
        return format!("{before}{after}");
    }
    let key = SigningKey::from_pem(KEY).unwrap();
    sign(&TestHost::default(), before, after, id, Signing { key: &key, certificate: "AAAA" }).unwrap()
}
