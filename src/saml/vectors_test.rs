//! Our own vectors (`tests/vectors/saml`), signed by xmlsec1: always there, natively and as Wasm.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::response::{Accept, Accepted, Expectations, Rejection, Required, decode_post, validate};
use crate::common::test_host::TestHost;
use crate::common::{Host, HostError, Level, NativeSignature, NativeVerdict, UnixMillis};
use crate::crypto::PublicKey;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/saml/", $name))
    };
}
pub(super) const ASSERTION_SIGNED: &str = vector!("good-assertion-signed.xml");
pub(super) const RESPONSE_SIGNED: &str = vector!("good-response-signed.xml");
pub(super) const BOTH_SIGNED: &str = vector!("good-both-signed.xml");
const REQUEST: &str = "_0123456789abcdef0123456789abcdef";

pub(super) fn trusted() -> Vec<PublicKey> {
    vec![PublicKey::from_certificate(vector!("idp.cert.pem")).unwrap()]
}

fn now() -> UnixMillis {
    UnixMillis::parse_rfc3339("2027-01-01T10:00:00Z").unwrap()
}

/// Validates as the vectors want it, with changes.
pub(super) fn judge_with<'a>(
    xml: &str,
    keys: &'a [PublicKey],
    change: impl FnOnce(&mut Expectations<'a>),
) -> Result<Accepted, Rejection> {
    let mut expect = expectations(keys);
    change(&mut expect);
    validate(&TestHost::default(), xml.as_bytes(), &expect)
}

pub(super) fn expectations(keys: &[PublicKey]) -> Expectations<'_> {
    static PENDING: LazyLock<Vec<String>> =
        LazyLock::new(|| vec!["_of_another_tab".to_owned(), REQUEST.to_owned()]);
    Expectations {
        idp_entity_id: "https://idp.example/entity/",
        audience: "https://app.example/saml",
        acs_url: "https://app.example/acs",
        request_ids: &PENDING,
        allow_unsolicited: false,
        keys,
        decryption_keys: &[],
        decryptions: None,
        skew: Duration::ZERO,
        now: now(),
        requires: Required::Any,
        accept: Accept::default(),
    }
}

fn judge(xml: &str) -> Result<Accepted, Rejection> {
    judge_with(xml, &trusted(), |_| {})
}

fn code(xml: &str) -> &'static str {
    judge(xml).map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
}

#[test]
fn a_response_of_an_independent_signer_is_accepted_wherever_it_is_signed() {
    for xml in [ASSERTION_SIGNED, RESPONSE_SIGNED, BOTH_SIGNED] {
        let accepted = judge(xml).unwrap();
        let identity = &accepted.identity;
        assert_eq!(identity.issuer, "https://idp.example/entity/");
        assert_eq!(identity.name_id, "ada@example.test");
        let format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
        assert_eq!(identity.name_id_format.as_deref(), Some(format));
        assert_eq!(identity.session_index.as_deref(), Some("_assertion"));
        let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
        assert_eq!(identity.authn_context.as_deref(), Some(class));
        let name = "http://schemas.microsoft.com/identity/claims/displayname";
        assert_eq!(identity.attributes[name], ["Ada & Lovelace é"]);
        let role = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
        assert_eq!(identity.attributes[role], ["reader", "writer"]);
        assert_eq!(accepted.assertion_id, "_assertion");
        assert_eq!(accepted.in_response_to.as_deref(), Some(REQUEST));
        assert_eq!(accepted.not_on_or_after.to_rfc3339(), "2027-01-01T11:00:00.000Z");
        assert_eq!(accepted.authn_instant.unwrap().to_rfc3339(), "2027-01-01T09:59:00.000Z");
        assert!(accepted.warnings.is_empty());
    }
}

#[test]
fn an_elliptic_curve_signature_is_accepted_from_its_key_only() {
    let xml = vector!("good-ecdsa.xml");
    let key = PublicKey::from_certificate(vector!("idp-ec.cert.pem")).unwrap();
    assert!(judge_with(xml, std::slice::from_ref(&key), |_| {}).is_ok());
    assert_eq!(code(xml), "signature_untrusted");
    let rejection = judge_with(ASSERTION_SIGNED, &[key], |_| {}).unwrap_err();
    assert_eq!(rejection.code(), "signature_untrusted");
}

#[test]
fn a_response_that_is_wrong_in_one_thing_is_refused_for_that_thing() {
    for (xml, expected) in [
        (vector!("bad-audience.xml"), "audience_mismatch"),
        (vector!("bad-recipient.xml"), "recipient_mismatch"),
        (vector!("bad-expired.xml"), "expired"),
        (vector!("bad-request.xml"), "unknown_request"),
        (vector!("bad-issuer.xml"), "issuer_mismatch"),
        (vector!("bad-status.xml"), "status"),
        (vector!("bad-key.xml"), "signature_untrusted"),
        (vector!("bad-sha1.xml"), "signature_algorithm"),
        (vector!("bad-unsigned.xml"), "unsigned"),
    ] {
        assert_eq!(code(xml), expected);
    }
}

#[test]
fn the_rarer_forms_of_the_profile_are_accepted() {
    for xml in [vector!("good-inclusive-prefixes.xml"), vector!("good-with-comments.xml")] {
        assert!(judge(xml).unwrap().identity == judge(ASSERTION_SIGNED).unwrap().identity);
    }
}

#[test]
fn a_valid_signature_outside_the_profile_is_refused() {
    for (xml, expected) in [
        (vector!("bad-sha1-digest.xml"), "signature_digest_algorithm"),
        (vector!("bad-inclusive-c14n.xml"), "signature_transform"),
        (vector!("bad-inclusive-c14n-of-signed-info.xml"), "signature_canonicalization"),
        (vector!("bad-xpath.xml"), "signature_transform"),
        (vector!("bad-enveloped-only.xml"), "signature_transform"),
        (vector!("bad-c14n-twice.xml"), "signature_transform"),
        (vector!("bad-two-references.xml"), "signature_reference"),
        (vector!("bad-empty-uri.xml"), "signature_reference"),
        (vector!("bad-object.xml"), "unexpected_element"),
    ] {
        assert_eq!(code(xml), expected);
    }
}

#[test]
fn one_changed_octet_is_refused_or_changes_nothing_that_is_accepted() {
    let keys = trusted();
    for (xml, step) in [(ASSERTION_SIGNED, 1), (RESPONSE_SIGNED, 5), (BOTH_SIGNED, 5)] {
        let right = judge(xml).unwrap().identity;
        let (mut tried, mut refused) = (0, 0);
        for at in (0..xml.len()).step_by(step) {
            if !xml.is_char_boundary(at) || !xml.is_char_boundary(at + 1) {
                continue;
            }
            tried += 1;
            let other = if &xml[at..=at] == "A" { "B" } else { "A" };
            let changed = [&xml[..at], other, &xml[at + 1..]].concat();
            match judge_with(&changed, &keys, |_| {}) {
                Ok(accepted) => assert!(accepted.identity == right, "octet {at}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > tried * 9 / 10, "{refused} of {tried}");
    }
}

#[test]
fn every_changed_octet_of_a_signed_assertion_is_refused() {
    let keys = trusted();
    let from = ASSERTION_SIGNED.find("<Subject>").unwrap();
    let to = ASSERTION_SIGNED.find("</Assertion>").unwrap();
    for at in (from..to).filter(|at| ASSERTION_SIGNED.as_bytes()[*at].is_ascii()) {
        let other = if &ASSERTION_SIGNED[at..=at] == "a" { "b" } else { "a" };
        let changed = [&ASSERTION_SIGNED[..at], other, &ASSERTION_SIGNED[at + 1..]].concat();
        assert!(judge_with(&changed, &keys, |_| {}).is_err(), "octet {at}");
    }
}

#[test]
fn every_beginning_of_a_message_is_an_error_and_no_deletion_changes_who_signs_in() {
    let keys = trusted();
    let right = judge(BOTH_SIGNED).unwrap().identity;
    for at in (0..BOTH_SIGNED.len()).filter(|at| BOTH_SIGNED.is_char_boundary(*at)) {
        assert!(judge_with(&BOTH_SIGNED[..at], &keys, |_| {}).is_err());
    }
    let starts: Vec<_> = BOTH_SIGNED.match_indices('<').map(|(at, _)| at).collect();
    for (n, from) in starts.iter().enumerate() {
        for to in &starts[n + 1..] {
            let cut = [&BOTH_SIGNED[..*from], &BOTH_SIGNED[*to..]].concat();
            // Without the signature of the response, that of the assertion still holds.
            if let Ok(accepted) = judge_with(&cut, &keys, |_| {}) {
                assert!(accepted.identity == right, "without {from}..{to}");
            }
        }
    }
}

#[test]
fn a_response_sent_from_another_browser_is_refused() {
    let other = vec!["_another".to_owned()];
    let keys = trusted();
    for requests in [other.as_slice(), &[]] {
        for unsolicited in [false, true] {
            let rejection = judge_with(ASSERTION_SIGNED, &keys, |expect| {
                expect.request_ids = requests;
                expect.allow_unsolicited = unsolicited;
            });
            assert_eq!(rejection.unwrap_err().code(), "unknown_request");
        }
    }
}

#[test]
fn the_interval_of_validity_is_half_open_and_widened_by_the_skew() {
    let keys = trusted();
    let at = |time: &str, skew: u64| {
        let outcome = judge_with(ASSERTION_SIGNED, &keys, |expect| {
            expect.now = UnixMillis::parse_rfc3339(time).unwrap();
            expect.skew = Duration::from_secs(skew);
        });
        outcome.map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
    };
    assert_eq!(at("2027-01-01T09:54:59.999Z", 0), "not_yet_valid");
    assert_eq!(at("2027-01-01T09:55:00.000Z", 0), "accepted");
    assert_eq!(at("2027-01-01T09:54:00.000Z", 60), "accepted");
    assert_eq!(at("2027-01-01T09:53:59.999Z", 60), "not_yet_valid");
    assert_eq!(at("2027-01-01T10:59:59.999Z", 0), "accepted");
    assert_eq!(at("2027-01-01T11:00:00.000Z", 0), "expired");
    assert_eq!(at("2027-01-01T11:00:59.999Z", 60), "accepted");
    assert_eq!(at("2027-01-01T11:01:00.000Z", 60), "expired");
}

#[test]
fn a_required_signature_must_be_there() {
    let keys = trusted();
    let with = |xml, requires| judge_with(xml, &keys, |expect| expect.requires = requires).is_ok();
    for (xml, response, assertion) in
        [(ASSERTION_SIGNED, false, true), (RESPONSE_SIGNED, true, false), (BOTH_SIGNED, true, true)]
    {
        assert!(with(xml, Required::Any));
        assert_eq!(with(xml, Required::Response), response);
        assert_eq!(with(xml, Required::Assertion), assertion);
        assert_eq!(with(xml, Required::Both), response && assertion);
    }
}

#[test]
fn without_a_configured_key_nobody_is_trusted() {
    let rejection = judge_with(ASSERTION_SIGNED, &[], |_| {}).unwrap_err();
    assert_eq!(rejection.code(), "signature_untrusted");
}

#[test]
fn the_second_of_two_keys_is_tried_too() {
    let other = PublicKey::from_certificate(vector!("other.cert.pem")).unwrap();
    let keys = [other, trusted().remove(0)];
    assert!(judge_with(ASSERTION_SIGNED, &keys, |_| {}).is_ok());
}

#[test]
fn the_form_parameter_is_strict_base64_with_white_space() {
    let right = STANDARD.encode(ASSERTION_SIGNED);
    let wrapped =
        right.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
    assert_eq!(decode_post(&wrapped.join("\r\n")).unwrap(), ASSERTION_SIGNED.as_bytes());
    for wrong in ["", " ", "=", "QQ", "QQ===", "QR==", "Q-==", "QQ==QQ==", "QQ==\0", "QQ==\u{a0}", "%51Q=="] {
        assert_eq!(decode_post(wrong), Err(Rejection::Base64), "{wrong:?}");
    }
}

#[test]
fn a_code_of_entra_is_shown_and_the_rest_of_its_text_is_not() {
    let xml = vector!("bad-status.xml").replace(
        "</samlp:Status>",
        "<samlp:StatusMessage>AADSTS&lt;script&gt; AADSTS50105: ada@example.test is not assigned</samlp:StatusMessage>\
         </samlp:Status>",
    );
    let rejection = judge(&xml).unwrap_err();
    assert_eq!(rejection.detail(), "the identity provider answered \"Responder\", AADSTS50105");
}

#[test]
fn what_a_stranger_writes_cannot_break_out_of_the_log_line() {
    let xml = ASSERTION_SIGNED.replace(
        "Destination=\"https://app.example/acs\"",
        "Destination=\"x&quot; code=accepted&#10;level=info é\"",
    );
    let detail = judge(&xml).unwrap_err().detail();
    assert!(detail.contains("\"x??code=accepted?level=info??\""), "{detail}");
}

/// A host that answers for itself.
struct Native(NativeVerdict, Cell<usize>);

impl Host for Native {
    fn now(&self) -> UnixMillis {
        now()
    }
    fn random(&self, _: &mut [u8]) -> Result<(), HostError> {
        Err(HostError::Unavailable)
    }
    fn shared_get(&self, _: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        Err(HostError::Unavailable)
    }
    fn shared_set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), HostError> {
        Err(HostError::Unavailable)
    }
    fn verify_natively(&self, question: &NativeSignature<'_>) -> NativeVerdict {
        assert_eq!(question.hash, "sha256");
        assert!(question.message.starts_with(b"<SignedInfo xmlns="));
        self.1.set(self.1.get() + 1);
        self.0
    }
    fn request_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }
    fn response_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }
    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }
    fn count(&self, _: &str) {}
    fn log(&self, _: Level, _: &str) {}
}

#[test]
fn the_host_is_asked_first_and_its_no_is_final() {
    let keys = trusted();
    let expect = expectations(&keys);
    for (verdict, right) in
        [(NativeVerdict::Valid, true), (NativeVerdict::Invalid, false), (NativeVerdict::Unavailable, true)]
    {
        let host = Native(verdict, Cell::new(0));
        assert_eq!(validate(&host, ASSERTION_SIGNED.as_bytes(), &expect).is_ok(), right, "{verdict:?}");
        assert_eq!(host.1.get(), 1);
    }
}

#[test]
fn a_strangers_message_costs_no_signature_check() {
    let keys = trusted();
    let host = Native(NativeVerdict::Valid, Cell::new(0));
    let expect = Expectations { request_ids: &[], ..expectations(&keys) };
    assert!(validate(&host, ASSERTION_SIGNED.as_bytes(), &expect).is_err());
    assert_eq!(host.1.get(), 0);
}

/// Who renews a certificate over the same key has two; the signature does not tell which is meant.
#[test]
fn of_two_certificates_of_one_key_one_that_is_valid_is_enough() {
    let ended = PublicKey::from_certificate(vector!("idp-ended.cert.pem")).unwrap();
    let valid = trusted().remove(0);
    assert!(ended == valid && ended.validity() != valid.validity());
    let warned = |keys: &[PublicKey]| {
        let accepted = judge_with(ASSERTION_SIGNED, keys, |expect| {
            assert!(expect.relax("cert-outside-validity"));
        });
        accepted.unwrap().warnings.iter().any(|warning| warning.code() == "certificate_outside_validity")
    };
    assert!(warned(std::slice::from_ref(&ended)));
    assert!(!warned(&[ended.clone(), valid.clone()]) && !warned(&[valid, ended]));
}
