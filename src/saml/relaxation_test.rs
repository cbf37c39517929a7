//! Each relaxation lets in what it is named for, and nothing is let in without it.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::response::{Accept, Expectations, Rejection};
use super::vectors_test::{ASSERTION_SIGNED, RESPONSE_SIGNED, expectations, judge_with, trusted};
use crate::crypto::PublicKey;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/saml/", $name))
    };
}

fn code(xml: &str, names: &[&str]) -> &'static str {
    let outcome = judge_with(xml, &trusted(), |expect| {
        names.iter().for_each(|name| assert!(expect.relax(name), "{name}"));
    });
    outcome.map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
}

/// Accepted with the name; with all other names refused as without any.
fn only_with(name: &str, xml: &str, refused: &str) {
    assert_eq!(code(xml, &[]), refused);
    assert_eq!(code(xml, &[name]), "accepted");
    let others: Vec<&str> = Accept::NAMES.into_iter().filter(|other| *other != name).collect();
    assert_eq!(code(xml, &others), refused, "without {name}");
}

#[test]
fn sha_1_is_accepted_by_name_in_signature_and_digest_apart() {
    only_with("sha1-digest", vector!("bad-sha1-digest.xml"), "signature_digest_algorithm");
    let both = vector!("bad-sha1.xml");
    assert_eq!(code(both, &["sha1-signature"]), "signature_digest_algorithm");
    assert_eq!(code(both, &["sha1-digest"]), "signature_algorithm");
    assert_eq!(code(both, &["sha1-signature", "sha1-digest"]), "accepted");
}

#[test]
fn inclusive_canonicalisation_is_accepted_by_name() {
    only_with("inclusive-c14n", vector!("bad-inclusive-c14n.xml"), "signature_transform");
    let signed_info = vector!("bad-inclusive-c14n-of-signed-info.xml");
    only_with("inclusive-c14n", signed_info, "signature_canonicalization");
}

/// Everything that is in scope is part of what was signed.
#[test]
fn a_namespace_added_around_an_inclusively_canonicalised_element_breaks_its_signature() {
    let xml = vector!("bad-inclusive-c14n.xml");
    let added = xml.replacen("<samlp:Response ", "<samlp:Response xmlns:evil=\"urn:evil\" ", 1);
    assert_eq!(code(&added, &["inclusive-c14n"]), "signature_digest");
    let language = xml.replacen("<samlp:Response ", "<samlp:Response xml:lang=\"en\" ", 1);
    assert_eq!(code(&language, &["inclusive-c14n"]), "signature_canonical");
}

#[test]
fn a_response_that_refers_to_the_whole_document_is_accepted_by_name() {
    only_with("empty-reference-uri", vector!("bad-empty-uri.xml"), "signature_reference");
}

#[test]
fn a_response_that_answers_no_request_is_accepted_by_name() {
    only_with("unsolicited", vector!("bad-unsolicited.xml"), "unsolicited");
}

#[test]
fn a_short_key_is_accepted_by_name() {
    let certificate = vector!("short.cert.pem");
    assert!(PublicKey::from_certificate(certificate).is_err());
    let keys = [PublicKey::from_certificate_even_short(certificate).unwrap()];
    assert!(keys[0].is_short());
    let code = |names: &[&str]| {
        let outcome = judge_with(vector!("bad-short-key.xml"), &keys, |expect| {
            names.iter().for_each(|name| assert!(expect.relax(name)));
        });
        outcome.map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
    };
    assert_eq!(code(&[]), "signature_key_size");
    assert_eq!(code(&["sha1-signature", "cbc"]), "signature_key_size");
    assert_eq!(code(&["rsa-1024"]), "accepted");
}

#[test]
fn an_answer_to_a_request_of_another_browser_is_refused_though_unsolicited_ones_are_accepted() {
    let keys = trusted();
    let outcome = judge_with(ASSERTION_SIGNED, &keys, |expect| {
        assert!(expect.relax("unsolicited"));
        expect.request_ids = &[];
    });
    assert_eq!(outcome.unwrap_err(), Rejection::UnknownRequest);
}

#[test]
fn a_missing_destination_is_accepted_by_name() {
    let xml = ASSERTION_SIGNED.replace(" Destination=\"https://app.example/acs\"", "");
    only_with("no-destination", &xml, "missing");
    let other = ASSERTION_SIGNED.replace("Destination=\"https://app.example/acs\"", "Destination=\"\"");
    assert_eq!(code(&other, &["no-destination"]), "destination_mismatch");
}

#[test]
fn a_missing_issuer_of_the_response_is_accepted_by_name() {
    let issuer = "<Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://idp.example/entity/</Issuer><samlp:Status>";
    assert!(ASSERTION_SIGNED.contains(issuer));
    only_with("no-response-issuer", &ASSERTION_SIGNED.replace(issuer, "<samlp:Status>"), "missing");
}

#[test]
fn no_relaxation_makes_up_for_a_missing_or_broken_signature() {
    for (xml, refused) in [
        (vector!("bad-unsigned.xml"), "unsigned"),
        (vector!("bad-key.xml"), "signature_untrusted"),
        (vector!("bad-two-references.xml"), "signature_reference"),
        (vector!("bad-xpath.xml"), "signature_transform"),
        (vector!("bad-enveloped-only.xml"), "signature_transform"),
        (vector!("bad-audience.xml"), "audience_mismatch"),
        (vector!("bad-recipient.xml"), "recipient_mismatch"),
        (vector!("bad-issuer.xml"), "issuer_mismatch"),
        (vector!("bad-expired.xml"), "expired"),
    ] {
        assert_eq!(code(xml, &Accept::NAMES), refused);
    }
}

#[test]
fn a_name_that_is_not_offered_relaxes_nothing() {
    let keys = trusted();
    for name in ["", "everything", "rsa-1_5", "3des", "no-transforms", "advice-assertions"] {
        let mut expect: Expectations<'_> = expectations(&keys);
        assert!(!expect.relax(name));
        assert_eq!(expect.accept, Accept::default());
        assert!(!expect.allow_unsolicited);
    }
}

/// An identifier may begin with a digit, as some identity providers write it; but it is never an expression.
#[test]
fn a_reference_is_to_the_whole_identifier_and_nothing_else() {
    for (reference, id) in [("#_response ", "_response "), ("#xpointer(id('_response'))", "_response")] {
        let xml = RESPONSE_SIGNED
            .replace("ID=\"_response\"", &format!("ID=\"{id}\""))
            .replace("URI=\"#_response\"", &format!("URI=\"{reference}\""));
        assert!(matches!(code(&xml, &Accept::NAMES), "signature_untrusted" | "signature_reference"));
    }
}

/// RSASSA-PSS with a salt as long as the hash, made by openssl; another length is another algorithm.
#[test]
fn rsa_pss_is_verified_with_the_salt_of_the_standard_only() {
    use crate::crypto::{SignatureAlgorithm, verify};
    let key = PublicKey::from_certificate(vector!("idp.cert.pem")).unwrap();
    let host = crate::common::test_host::TestHost::default();
    for line in vector!("rsa-pss.txt").lines() {
        let [digest, salt, hex] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let octets = |from: usize| u8::from_str_radix(&hex[from..from + 2], 16).unwrap();
        let signature: Vec<u8> = (0..hex.len()).step_by(2).map(octets).collect();
        for (name, algorithm) in [
            ("sha256", SignatureAlgorithm::PssSha256),
            ("sha384", SignatureAlgorithm::PssSha384),
            ("sha512", SignatureAlgorithm::PssSha512),
            ("pkcs1", SignatureAlgorithm::RsaSha256),
        ] {
            let right = name == digest && salt == "digest";
            let verdict = verify(&host, &key, algorithm, b"signed octets", &signature);
            assert_eq!(verdict.is_ok(), right, "{digest} {salt} as {name}");
            assert!(verify(&host, &key, algorithm, b"other octets", &signature).is_err());
        }
    }
}
