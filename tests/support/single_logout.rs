//! What a test of Single Logout needs beside a browser: raw requests, and messages that an identity provider signs.
#![allow(dead_code)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, Reply, UnixMillis};
use vestibule::crypto::SigningKey;
use vestibule::gateway::{Event, Step};
use vestibule::saml::enveloped::{Signing, sign};

use crate::browser::{Browser, NOW};

pub(crate) const SLO: &str = "https://a.example/.vestibule/saml/slo";
pub(crate) const SLO_PATH: &str = "/.vestibule/saml/slo";
pub(crate) const KEY: &str = include_str!("../vectors/idp.key");
pub(crate) const OTHER_KEY: &str = include_str!("../vectors/saml/other.key.pem");
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A logout message of the identity provider.
pub(crate) struct Logout {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) destination: String,
    pub(crate) name_id: String,
    pub(crate) indexes: Vec<String>,
    /// The request that is answered; with it, this is a response.
    pub(crate) answers: Option<String>,
    pub(crate) key: &'static str,
    pub(crate) now: u64,
}

impl Logout {
    pub(crate) fn of(name_id: &str, indexes: &[&str]) -> Self {
        Self {
            id: "_logout-1".to_owned(),
            issuer: "https://idp.example/".to_owned(),
            destination: SLO.to_owned(),
            name_id: name_id.to_owned(),
            indexes: indexes.iter().map(|index| (*index).to_owned()).collect(),
            answers: None,
            key: KEY,
            now: NOW,
        }
    }

    pub(crate) fn answering(request: &str) -> Self {
        Self { answers: Some(request.to_owned()), ..Self::of("", &[]) }
    }

    fn halves(&self) -> (String, String) {
        let (root, more) = match &self.answers {
            Some(id) => ("LogoutResponse", format!(" InResponseTo=\"{id}\"")),
            None => ("LogoutRequest", String::new()),
        };
        let content = match &self.answers {
            Some(_) => "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>"
                .to_owned(),
            None => {
                let indexes: String = self
                    .indexes
                    .iter()
                    .map(|index| format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>"))
                    .collect();
                format!("<saml:NameID>{}</saml:NameID>{indexes}", self.name_id)
            }
        };
        let destination = if self.destination.is_empty() {
            String::new()
        } else {
            format!(" Destination=\"{}\"", self.destination)
        };
        (
            format!(
                "<samlp:{root} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
                 xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\"\
                 {destination}{more}><saml:Issuer>{}</saml:Issuer>",
                self.id,
                UnixMillis(self.now).to_rfc3339(),
                self.issuer
            ),
            format!("{content}</samlp:{root}>"),
        )
    }

    fn parameter(&self) -> &'static str {
        if self.answers.is_some() { "SAMLResponse" } else { "SAMLRequest" }
    }

    /// The query of a redirect, unsigned.
    pub(crate) fn unsigned(&self, relay_state: &str) -> String {
        let (before, after) = self.halves();
        let packed = miniz_oxide::deflate::compress_to_vec(format!("{before}{after}").as_bytes(), 6);
        let mut query = format!("{}={}", self.parameter(), escaped(&STANDARD.encode(packed)));
        if !relay_state.is_empty() {
            query.push_str(&format!("&RelayState={}", escaped(relay_state)));
        }
        query
    }

    /// The query of a redirect, signed, in lower-case escapes as Entra writes them.
    pub(crate) fn query(&self, relay_state: &str) -> String {
        let text = format!("{}&SigAlg={}", self.unsigned(relay_state), escaped(RSA_SHA256));
        let key = SigningKey::from_pem(self.key).unwrap();
        let signature = key.sign(&TestHost::default(), text.as_bytes()).unwrap();
        format!("{text}&Signature={}", escaped(&STANDARD.encode(signature)))
    }

    /// The body of a form, signed within.
    pub(crate) fn form(&self, relay_state: &str) -> String {
        let (before, after) = self.halves();
        let key = SigningKey::from_pem(self.key).unwrap();
        let signing = Signing { key: &key, certificate: "AAAA" };
        let xml = sign(&TestHost::default(), &before, &after, &self.id, signing).unwrap();
        let mut body = format!("{}={}", self.parameter(), escaped(&STANDARD.encode(xml)));
        if !relay_state.is_empty() {
            body.push_str(&format!("&RelayState={}", escaped(relay_state)));
        }
        body
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            },
        )
        .collect()
}

/// A POST of a form to this path, with what a browser sends along on its own site (or none of it: `cross_site`).
pub(crate) fn post(browser: &mut Browser<'_>, path: &str, body: &str, cross_site: bool) -> Reply {
    // What a cross-site POST carries are the cookies with SameSite=None.
    let lax = |name: &str| name.contains("-s.");
    let cookies: Vec<String> = browser
        .cookies
        .iter()
        .filter(|(name, _)| !(cross_site && lax(name)))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let origin = if cross_site { "https://idp.example" } else { "https://a.example" };
    let headers = Headers::from([
        (":method", "POST"),
        (":path", path),
        (":authority", "a.example"),
        ("sec-fetch-mode", "navigate"),
        ("origin", origin),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookies.join("; ").as_str()),
    ]);
    let mut exchange = browser.site.gateway.exchange();
    let host = &browser.site.host;
    *host.request.borrow_mut() = body.as_bytes().to_vec();
    let step = match exchange.on(Event::RequestHeaders { headers, end: false }, host) {
        Step::Hold => exchange.on(Event::RequestBody { size: body.len(), end: true }, host),
        step => step,
    };
    let Step::Answer(reply) = step else { panic!("{step:?}") };
    keep(browser, &reply);
    reply
}

fn keep(browser: &mut Browser<'_>, reply: &Reply) {
    for (_, line) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            browser.cookies.remove(name);
        } else {
            browser.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
