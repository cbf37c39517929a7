//! Encrypted assertions: own vectors, encrypted by xmlsec1 and openssl, and what attackers do to them.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::encryption::{Decryptor, EncryptionFault};
use super::response::{Accepted, Expectations, Rejection, Required, validate};
use super::vectors_test::{ASSERTION_SIGNED, expectations, judge_with, trusted};
use super::xml::{Document, Rules};
use crate::common::test_host::TestHost;
use crate::crypto::{DecryptionKey, PublicKey};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/saml/", $name))
    };
}
const GCM: &str = vector!("good-encrypted-gcm256.xml");
const CBC: &str = vector!("cbc-encrypted-256.xml");

fn ours() -> Vec<DecryptionKey> {
    vec![DecryptionKey::from_pem(vector!("sp.key.pem")).unwrap()]
}

fn other() -> DecryptionKey {
    DecryptionKey::from_pem(vector!("other.key.pem")).unwrap()
}

fn judge(
    xml: &str,
    keys: &[DecryptionKey],
    change: impl FnOnce(&mut Expectations<'_>),
) -> Result<Accepted, Rejection> {
    let trusted = trusted();
    let mut expect = Expectations { decryption_keys: keys, ..expectations(&trusted) };
    change(&mut expect);
    validate(&TestHost::default(), xml.as_bytes(), &expect)
}

fn code(xml: &str, change: impl FnOnce(&mut Expectations<'_>)) -> &'static str {
    judge(xml, &ours(), change).map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
}

fn cbc(expect: &mut Expectations<'_>) {
    assert!(expect.relax("cbc"));
}

#[test]
fn an_assertion_encrypted_by_an_independent_program_is_read() {
    let right = judge_with(ASSERTION_SIGNED, &trusted(), |_| {}).unwrap().identity;
    for xml in [
        GCM,
        vector!("good-encrypted-gcm128.xml"),
        vector!("good-encrypted-gcm192.xml"),
        vector!("good-encrypted-sibling.xml"),
        vector!("good-encrypted-response-signed.xml"),
    ] {
        assert!(judge(xml, &ours(), |_| {}).unwrap().identity == right);
    }
    let pkcs1 = vec![DecryptionKey::from_pem(vector!("sp.pkcs1.key.pem")).unwrap()];
    assert!(judge(GCM, &pkcs1, |_| {}).unwrap().identity == right);
}

#[test]
fn block_chaining_is_read_only_where_it_is_accepted_by_name() {
    for xml in [
        CBC,
        vector!("cbc-encrypted-128.xml"),
        vector!("cbc-encrypted-192.xml"),
        vector!("cbc-encrypted-response-signed.xml"),
    ] {
        assert_eq!(code(xml, |_| {}), "encryption_cbc");
        assert_eq!(code(xml, cbc), "accepted");
    }
}

fn encrypted_attributes(expect: &mut Expectations<'_>) {
    assert!(expect.relax("encrypted-attributes"));
}

#[test]
fn an_encrypted_attribute_is_read_where_it_is_accepted_by_name() {
    let right = judge_with(ASSERTION_SIGNED, &trusted(), |_| {}).unwrap().identity;
    let xml = vector!("encrypted-attribute-gcm256.xml");
    assert_eq!(code(xml, |_| {}), "encrypted_content");
    assert!(judge(xml, &ours(), encrypted_attributes).unwrap().identity == right);
    let chained = vector!("encrypted-attribute-cbc256.xml");
    assert_eq!(code(chained, encrypted_attributes), "encryption_cbc");
    let both = |expect: &mut Expectations<'_>| {
        cbc(expect);
        encrypted_attributes(expect);
    };
    assert!(judge(chained, &ours(), both).unwrap().identity == right);
}

#[test]
fn an_attribute_that_cannot_be_read_refuses_and_is_not_left_out() {
    let xml = vector!("encrypted-attribute-gcm256.xml");
    for keys in [Vec::new(), vec![other()]] {
        let refused = judge(xml, &keys, encrypted_attributes).unwrap_err();
        assert_eq!(refused.code(), "encrypted_content");
    }
    // One key serves once in a message.
    let two = vector!("encrypted-attributes-two.xml");
    assert_eq!(code(two, encrypted_attributes), "encrypted_content");
}

#[test]
fn the_key_of_before_still_reads_what_was_encrypted_to_it() {
    let keys = [other(), ours().remove(0)];
    assert!(judge(GCM, &keys, |_| {}).is_ok());
    assert_eq!(judge(GCM, &[other()], |_| {}).unwrap_err().code(), "decryption");
    assert_eq!(judge(GCM, &[], |_| {}).unwrap_err().code(), "encrypted_without_key");
}

/// Row 6.1 and 6.2: anybody can encrypt to us, so that it is encrypted says nothing about who sent it.
#[test]
fn row_6_1_6_2_what_no_trusted_key_signed_is_refused_encrypted_or_not() {
    assert_eq!(code(vector!("bad-encrypted-unsigned.xml"), |_| {}), "decryption");
    assert_eq!(code(vector!("bad-encrypted-other-signer.xml"), |_| {}), "decryption");
    for requires in [Required::Response, Required::Both] {
        assert_eq!(code(GCM, |expect| expect.requires = requires), "unsigned");
    }
    let signed = vector!("good-encrypted-response-signed.xml");
    assert_eq!(code(signed, |expect| expect.requires = Required::Assertion), "unsigned");
}

/// Row 6.3 and 6.6: how long it takes must not tell whether what was decrypted was an assertion.
#[test]
fn row_6_3_6_6_whatever_fails_within_as_many_keys_are_tried() {
    let keys = ours();
    let trusted = [trusted(), vec![PublicKey::from_certificate(vector!("sp.cert.pem")).unwrap()]].concat();
    let at = CBC.rfind("<xenc:CipherValue>").unwrap() + 40;
    let garbled = [&CBC[..at], if &CBC[at..=at] == "A" { "B" } else { "A" }, &CBC[at + 1..]].concat();
    for (what, xml) in [
        ("nothing that can be read", garbled.as_str()),
        ("no signature", vector!("bad-encrypted-unsigned.xml")),
        ("the signature of another", vector!("bad-encrypted-other-signer.xml")),
    ] {
        let host = TestHost::default();
        let mut expect = Expectations { decryption_keys: &keys, ..expectations(&trusted) };
        cbc(&mut expect);
        assert_eq!(validate(&host, xml.as_bytes(), &expect).unwrap_err().code(), "decryption");
        assert_eq!(host.asked_to_verify.get(), 2, "{what}");
    }
}

/// Behind a signature that holds, the reason is told: only its signer wrote this.
#[test]
fn a_signed_assertion_for_somebody_else_is_refused_for_that_reason() {
    assert_eq!(code(vector!("bad-encrypted-audience.xml"), |_| {}), "audience_mismatch");
}

/// Row 6.3, 6.5, 6.6: an attacker who changes what somebody else encrypted learns nothing from the answer.
#[test]
fn row_6_3_6_5_6_6_whatever_is_changed_in_the_octets_the_answer_is_the_same() {
    let right = judge_with(ASSERTION_SIGNED, &trusted(), |_| {}).unwrap().identity;
    let keys = ours();
    for (xml, step) in [(CBC, 61), (GCM, 241)] {
        let marks: Vec<usize> = xml.match_indices("<xenc:CipherValue>").map(|(at, _)| at + 18).collect();
        assert_eq!(marks.len(), 2);
        let mut refused = 0;
        for from in marks {
            let to = from + xml[from..].find('<').unwrap();
            for at in (from..to - 4).step_by(if to - from < 500 { 23 } else { step }) {
                let octet = &xml[at..=at];
                if octet == "\n" {
                    continue;
                }
                let changed = [&xml[..at], if octet == "A" { "B" } else { "A" }, &xml[at + 1..]].concat();
                match judge(&changed, &keys, cbc) {
                    // A changed octet between the parts of a tag, or in KeyInfo, is none that was signed.
                    Ok(accepted) => assert!(accepted.identity == right),
                    Err(rejection) => {
                        assert_eq!(rejection, Rejection::Encryption(EncryptionFault::Failed), "octet {at}");
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > 20, "{refused}");
    }
}

/// Row 6.6: an octet string that is too short for nonce and tag, or vector and block, is no panic.
#[test]
fn row_6_6_truncated_octets_are_refused() {
    for (xml, keep) in [(GCM, 0), (GCM, 4), (GCM, 16), (GCM, 36), (CBC, 4), (CBC, 24), (CBC, 44)] {
        let from = xml.rfind("<xenc:CipherValue>").unwrap() + 18;
        let to = from + xml[from..].find('<').unwrap();
        let changed = [&xml[..from + keep], &xml[to..]].concat();
        let code = code(&changed, cbc);
        assert!(matches!(code, "decryption" | "encryption_structure"), "{keep}: {code}");
    }
}

/// Row 6.4: whoever may ask whether RSA 1.5 padding is right can decrypt.
#[test]
fn row_6_4_rsa_1_5_and_triple_des_are_refused_before_anything_is_decrypted() {
    let everything = |expect: &mut Expectations<'_>| {
        super::response::Accept::NAMES.iter().for_each(|name| assert!(expect.relax(name)));
    };
    assert_eq!(code(vector!("bad-encrypted-rsa15.xml"), everything), "encryption_key_algorithm");
    let triple = CBC.replace("xmlenc#aes256-cbc", "xmlenc#tripledes-cbc");
    assert_eq!(code(&triple, everything), "encryption_algorithm");
}

/// Row 6.9: nothing is ever fetched.
#[test]
fn row_6_9_a_reference_instead_of_octets_is_refused() {
    let from = GCM.rfind("<xenc:CipherValue>").unwrap();
    let to = GCM.rfind("</xenc:CipherData>").unwrap();
    let xml = [&GCM[..from], "<xenc:CipherReference URI=\"http://evil.example/\"/>", &GCM[to..]].concat();
    assert_eq!(code(&xml, |_| {}), "encryption_structure");
}

/// Row 6.8 and 6.7.
#[test]
fn row_6_8_an_encrypted_assertion_beside_another_is_refused() {
    let from = GCM.find("<EncryptedAssertion").unwrap();
    let to = GCM.find("</samlp:Response>").unwrap();
    let twice = [&GCM[..to], &GCM[from..to], "</samlp:Response>"].concat();
    assert_eq!(code(&twice, |_| {}), "assertion_count");
    let plain = &ASSERTION_SIGNED[ASSERTION_SIGNED.find("<Assertion").unwrap()..];
    let both = [&GCM[..to], plain].concat();
    assert_eq!(code(&both, |_| {}), "assertion_count");
}

/// Row 6.10: an operation with the private key is dear.
#[test]
fn row_6_10_a_browser_that_waits_for_nothing_gets_no_private_key_operation() {
    let without = GCM.replace(" InResponseTo=\"_0123456789abcdef0123456789abcdef\"", "");
    let trusted = trusted();
    let keys = ours();
    let expect = Expectations { decryption_keys: &keys, request_ids: &[], ..expectations(&trusted) };
    let host = TestHost::default();
    // Blinding and the stand-in key need randomness: without it there is no operation.
    host.random_fails.set(true);
    assert_eq!(validate(&host, without.as_bytes(), &expect).unwrap_err().code(), "unsolicited");
    assert_eq!(validate(&host, GCM.as_bytes(), &expect).unwrap_err().code(), "unknown_request");
    let expect = Expectations { decryption_keys: &keys, ..expectations(&trusted) };
    assert_eq!(validate(&host, GCM.as_bytes(), &expect).unwrap_err().code(), "decryption");
}

#[test]
fn row_6_10_each_key_serves_once_in_a_message() {
    let document = Document::parse(GCM.as_bytes(), Rules::MESSAGE).unwrap();
    let wrapper = document.root().unwrap().children().last().unwrap();
    let (keys, host) = (ours(), TestHost::default());
    let mut decryptor = Decryptor::new(&keys, false, None);
    let first = decryptor.decrypt(&host, wrapper, |octets| Some(octets.starts_with(b"<Assertion")));
    assert_eq!(first, Ok(true));
    assert_eq!(decryptor.decrypt(&host, wrapper, |_| Some(())), Err(EncryptionFault::NoKey));
}

#[test]
fn row_6_10_more_encrypted_keys_than_anybody_needs_are_refused() {
    let from = GCM.find("<xenc:EncryptedKey>").unwrap();
    let to = GCM.find("</KeyInfo>").unwrap();
    let many = [&GCM[..from], &GCM[from..to].repeat(5), &GCM[to..]].concat();
    assert_eq!(code(&many, |_| {}), "encryption_structure");
}

#[test]
fn oaep_is_read_with_each_hash_and_mask_that_is_named() {
    let (keys, host) = (ours(), TestHost::default());
    for line in vector!("rsa-oaep.txt").lines() {
        let [digest, mask, key, octets] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let digest_uri = match digest {
            "sha1" => "http://www.w3.org/2000/09/xmldsig#sha1",
            _ => "http://www.w3.org/2001/04/xmlenc#sha256",
        };
        let xml = format!(
            "<w><e:EncryptedData xmlns:e='http://www.w3.org/2001/04/xmlenc#'>\
             <e:EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes256-cbc'/>\
             <d:KeyInfo xmlns:d='http://www.w3.org/2000/09/xmldsig#'><e:EncryptedKey>\
             <e:EncryptionMethod Algorithm='http://www.w3.org/2009/xmlenc11#rsa-oaep'>\
             <d:DigestMethod Algorithm='{digest_uri}'/>\
             <m:MGF xmlns:m='http://www.w3.org/2009/xmlenc11#' Algorithm='http://www.w3.org/2009/xmlenc11#mgf1{mask}'/>\
             </e:EncryptionMethod><e:CipherData><e:CipherValue>{}</e:CipherValue></e:CipherData></e:EncryptedKey>\
             </d:KeyInfo><e:CipherData><e:CipherValue>{}</e:CipherValue></e:CipherData></e:EncryptedData></w>",
            base64(key),
            base64(octets)
        );
        let read = |xml: &str| {
            let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
            let mut decryptor = Decryptor::new(&keys, true, None);
            decryptor
                .decrypt(&host, document.root().unwrap(), |octets| (octets == b"plain octets").then_some(()))
        };
        assert_eq!(read(&xml), Ok(()), "{digest} {mask}");
        let other = if mask == "sha1" { "mgf1sha256" } else { "mgf1sha1" };
        let swapped = xml.replace(&format!("mgf1{mask}"), other);
        assert_eq!(read(&swapped), Err(EncryptionFault::Failed), "{digest} {mask}");
        // The older name has no mask of its own.
        let older = xml.replace("2009/xmlenc11#rsa-oaep", "2001/04/xmlenc#rsa-oaep-mgf1p");
        assert_eq!(read(&older), Err(EncryptionFault::KeyAlgorithm));
    }
}

fn base64(hex: &str) -> String {
    use ::base64::Engine;
    let octets: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    ::base64::engine::general_purpose::STANDARD.encode(octets)
}

/// Row 6.10: what a stranger can make a worker compute in one second is bounded.
#[test]
fn row_6_10_no_more_private_key_operations_than_the_second_has_left() {
    let (trusted, keys) = (trusted(), ours());
    let budget = crate::common::Budget::new(2);
    let expect =
        Expectations { decryption_keys: &keys, decryptions: Some(&budget), ..expectations(&trusted) };
    let host = TestHost::default();
    let judge = |host: &TestHost, xml: &str| {
        validate(host, xml.as_bytes(), &expect).map(|_| "accepted").unwrap_or_else(|error| error.code())
    };
    assert_eq!(judge(&host, vector!("bad-encrypted-unsigned.xml")), "decryption");
    assert_eq!(judge(&host, GCM), "accepted");
    assert_eq!(judge(&host, GCM), "decryption_busy");
    assert_eq!(judge(&host, ASSERTION_SIGNED), "accepted", "what is not encrypted costs nothing of it");
    host.time.set(1000);
    assert_eq!(judge(&host, GCM), "accepted");
}

/// Row 6.10: nobody makes us decrypt for a browser that waits for nothing.
#[test]
fn row_6_10_without_a_pending_request_nothing_is_decrypted() {
    let (trusted, keys) = (trusted(), ours());
    let budget = crate::common::Budget::new(1);
    let expect = Expectations {
        decryption_keys: &keys,
        decryptions: Some(&budget),
        request_ids: &[],
        ..expectations(&trusted)
    };
    assert!(validate(&TestHost::default(), GCM.as_bytes(), &expect).is_err());
    assert!(budget.take(crate::common::UnixMillis(0), 1), "nothing was spent");
}
