use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::names::{ASSERTION, BINDING_POST, PROTOCOL};
use super::super::xml::{Document, Rules};
use super::*;
use crate::common::test_host::TestHost;
use crate::crypto::{PublicKey, SignatureAlgorithm, SigningKey, verify};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const REQUEST: AuthnRequest<'static> = AuthnRequest {
    sso_url: "https://idp.example/saml2",
    entity_id: "https://app.example/saml?a&b",
    acs_url: "https://app.example/acs",
    relay_state: "",
    force_authn: false,
    is_passive: false,
    name_id_format: None,
    authn_context: &[],
    hints: &[],
    binding: RequestBinding::Redirect,
    signing: None,
};

fn made(request: &AuthnRequest<'_>) -> PreparedRequest {
    authn_request(&TestHost::at(1_700_000_000_123), request).unwrap()
}

impl PreparedRequest {
    fn url(&self) -> &str {
        let Sent::Redirect(url) = &self.sent else { panic!("not a redirect") };
        url
    }
}

fn decoded(url: &str) -> String {
    let (_, value) = url.split_once("SAMLRequest=").unwrap();
    let value = value.split('&').next().unwrap();
    let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let xml = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(value).unwrap()).unwrap();
    String::from_utf8(xml).unwrap()
}

#[test]
fn the_url_carries_the_deflated_message() {
    let made = made(&REQUEST);
    assert!(made.url().starts_with("https://idp.example/saml2?SAMLRequest="));
    assert_eq!(decoded(made.url()), made.xml);
}

#[test]
fn the_message_says_who_asks_and_where_the_answer_goes() {
    let made = made(&REQUEST);
    let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
    let root = document.root().unwrap();
    assert!(root.is(PROTOCOL, "AuthnRequest"));
    for (name, value) in [
        ("ID", made.id.as_str()),
        ("Version", "2.0"),
        ("IssueInstant", "2023-11-14T22:13:20.123Z"),
        ("Destination", "https://idp.example/saml2"),
        ("AssertionConsumerServiceURL", "https://app.example/acs"),
        ("ProtocolBinding", BINDING_POST),
    ] {
        assert_eq!(root.attribute(name), Some(value));
    }
    assert_eq!(root.attributes().len(), 6, "nothing is asked for that was not configured");
    let children: Vec<_> = root.children().collect();
    assert_eq!(children.len(), 1);
    assert!(children[0].is(ASSERTION, "Issuer"));
    assert_eq!(children[0].text().unwrap(), "https://app.example/saml?a&b");
}

#[test]
fn what_is_configured_is_asked_for() {
    let request = AuthnRequest {
        force_authn: true,
        is_passive: true,
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        ..REQUEST
    };
    let made = made(&request);
    let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
    let root = document.root().unwrap();
    assert_eq!(root.attribute("ForceAuthn"), Some("true"));
    assert_eq!(root.attribute("IsPassive"), Some("true"));
    let policy = root.children().nth(1).unwrap();
    assert!(policy.is(PROTOCOL, "NameIDPolicy"));
    assert_eq!(policy.attribute("Format"), Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"));
}

#[test]
fn an_identifier_begins_with_no_digit_and_has_128_random_bits() {
    let host = TestHost::default();
    let one = authn_request(&host, &REQUEST).unwrap().id;
    let two = authn_request(&host, &REQUEST).unwrap().id;
    assert_ne!(one, two);
    assert_eq!((one.len(), one.starts_with('_')), (33, true));
}

#[test]
fn parameters_are_added_to_the_query_that_is_there() {
    for (sso_url, start) in [
        ("https://i.example/s", "https://i.example/s?SAMLRequest="),
        ("https://i.example/s?", "https://i.example/s?SAMLRequest="),
        ("https://i.example/s?idp=1", "https://i.example/s?idp=1&SAMLRequest="),
        ("https://i.example/s?idp=1&", "https://i.example/s?idp=1&SAMLRequest="),
        ("https://i.example/s?idp=1#top", "https://i.example/s?idp=1&SAMLRequest="),
    ] {
        let made = made(&AuthnRequest { sso_url, ..REQUEST });
        let url = made.url();
        assert!(url.starts_with(start), "{url}");
    }
}

#[test]
fn the_relay_state_is_encoded_and_short() {
    let made = made(&AuthnRequest { relay_state: "a+b&c=ü", ..REQUEST });
    let url = made.url();
    assert!(url.ends_with("&RelayState=a%2Bb%26c%3D%C3%BC"), "{url}");
    let long = "x".repeat(81);
    let request = AuthnRequest { relay_state: &long, ..REQUEST };
    assert_eq!(authn_request(&TestHost::default(), &request), Err(RequestError::RelayState));
}

#[test]
fn a_url_that_would_not_arrive_is_not_sent() {
    let sso_url = format!("https://idp.example/{}", "x".repeat(MAX_URL));
    let request = AuthnRequest { sso_url: &sso_url, ..REQUEST };
    assert_eq!(authn_request(&TestHost::default(), &request), Err(RequestError::UrlTooLong));
}

#[test]
fn without_randomness_there_is_no_request() {
    let host = TestHost::default();
    host.random_fails.set(true);
    let error = authn_request(&host, &REQUEST);
    assert_eq!(error, Err(RequestError::Random(HostError::Unavailable)));
}

const KEYS: [(&str, &str, SignatureAlgorithm, &str); 2] = [
    (
        include_str!("../../../tests/vectors/saml/idp.key.pem"),
        include_str!("../../../tests/vectors/saml/idp.cert.pem"),
        SignatureAlgorithm::RsaSha256,
        "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256",
    ),
    (
        include_str!("../../../tests/vectors/saml/idp-ec.key.pem"),
        include_str!("../../../tests/vectors/saml/idp-ec.cert.pem"),
        SignatureAlgorithm::EcdsaSha256,
        "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23ecdsa-sha256",
    ),
];

#[test]
fn the_signature_of_a_redirect_is_over_the_octets_of_the_query_as_they_are_sent() {
    for (key, certificate, algorithm, name) in KEYS {
        let key = SigningKey::from_pem(key).unwrap();
        let signing = Some(Signing { key: &key, certificate: "AAAA" });
        let hints = [("whr".to_owned(), "n.example".to_owned())];
        let sso_url = "https://i.example/s?idp=1";
        let made = made(&AuthnRequest { sso_url, relay_state: "a/b", hints: &hints, signing, ..REQUEST });
        let url = made.url();
        assert!(url.starts_with("https://i.example/s?idp=1&whr=n.example&SAMLRequest="), "{url}");
        let (message, signature) =
            url.split_once("SAMLRequest=").unwrap().1.split_once("&Signature=").unwrap();
        assert!(message.ends_with(&format!("&RelayState=a%2Fb&SigAlg={name}")), "{message}");
        let signature = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let public = PublicKey::from_certificate(certificate).unwrap();
        let message = format!("SAMLRequest={message}");
        let signature = STANDARD.decode(signature).unwrap();
        let outcome = verify(&TestHost::default(), &public, algorithm, message.as_bytes(), &signature);
        assert_eq!(outcome, Ok(()));
    }
}

#[test]
fn a_form_carries_the_message_whole_and_signed_where_the_schema_has_the_signature() {
    for (key, certificate, ..) in KEYS {
        let key = SigningKey::from_pem(key).unwrap();
        let contexts = ["urn:a".to_owned()];
        let made = made(&AuthnRequest {
            relay_state: "state",
            binding: RequestBinding::Post,
            signing: Some(Signing { key: &key, certificate: "AAAA" }),
            authn_context: &contexts,
            ..REQUEST
        });
        let Sent::Form { action, fields } = &made.sent else { panic!("not a form") };
        assert_eq!(action, "https://idp.example/saml2");
        assert_eq!(fields[1], ("RelayState", "state".to_owned()));
        assert_eq!(STANDARD.decode(&fields[0].1).unwrap(), made.xml.as_bytes());
        assert!(super::super::enveloped::tests::is_signed_by(&made.xml, certificate), "{}", made.xml);
        let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
        let parts: Vec<_> = document.root().unwrap().children().map(|part| part.local()).collect();
        assert_eq!(parts, ["Issuer", "Signature", "RequestedAuthnContext"]);
    }
}

#[test]
fn ways_of_signing_in_are_asked_for_exactly_and_only_where_they_are_named() {
    let classes = ["urn:a".to_owned(), "urn:b&c".to_owned()];
    let made = made(&AuthnRequest { authn_context: &classes, ..REQUEST });
    let document = Document::parse(made.xml.as_bytes(), Rules::CANONICAL).unwrap();
    let context = document.root().unwrap().children().nth(1).unwrap();
    assert!(context.is(PROTOCOL, "RequestedAuthnContext"));
    assert_eq!(context.attribute("Comparison"), Some("exact"));
    let named: Vec<_> = context.children().map(|class| class.text().unwrap().into_owned()).collect();
    assert_eq!(named, classes);
}
