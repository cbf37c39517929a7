//! Valid messages, mutilated at random, and what is left of their signatures inside. `tests/mutants` asks who is signed
//! in afterwards, of many more messages.

use std::ops::Range;

use super::response::{Accept, Accepted};
use super::signature::{Relaxed, Trust, verify_enveloped};
use super::vectors_test::{ASSERTION_SIGNED, BOTH_SIGNED, RESPONSE_SIGNED, judge_with, trusted};
use super::xml::{Document, Rules};
use crate::common::UnixMillis;
use crate::common::test_host::TestHost;
use crate::crypto::DecryptionKey;

const ROUNDS: usize = 20_000;

/// xorshift64*: the same mutations in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

/// Where the elements of a well-formed text begin and end; nothing useful, but no failure, for any other text.
fn elements(xml: &str) -> Vec<Range<usize>> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for (at, _) in xml.match_indices('<') {
        let Some(end) = xml[at..].find('>').map(|length| at + length + 1) else { continue };
        if xml[at..].starts_with("</") {
            if let Some(start) = open.pop() {
                found.push(start..end);
            }
        } else if xml[..end].ends_with("/>") {
            found.push(at..end);
        } else if xml[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            open.push(at);
        }
    }
    found
}

/// What an attacker would like to be read: the assertion of somebody else, unsigned.
fn evil() -> String {
    let all = elements(ASSERTION_SIGNED);
    let of = |name: &str| {
        all.iter().map(|range| &ASSERTION_SIGNED[range.clone()]).find(|text| text.starts_with(name)).unwrap()
    };
    of("<Assertion")
        .replace(of("<Signature"), "")
        .replace("ada@example.test", "admin@example.test")
        .replace(">reader<", ">owner<")
}

const WRAPPERS: [(&str, &str); 9] = [
    ("<samlp:Extensions>", "</samlp:Extensions>"),
    ("<Advice xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</Advice>"),
    ("<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Object>"),
    ("<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</KeyInfo>"),
    ("<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Signature>"),
    ("<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</SignedInfo>"),
    (
        "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_evil\" Version=\"2.0\">",
        "</Assertion>",
    ),
    ("<x xmlns:samlp=\"urn:x\" xmlns=\"urn:y\">", "</x>"),
    ("<![CDATA[", "]]>"),
];

const INSERTS: [&str; 14] = [
    "<!-- -->",
    "<!---->",
    "&amp;",
    "&#13;",
    " ",
    "<?x y?>",
    "<![CDATA[admin]]>",
    " xmlns=\"\"",
    " xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
    " ID=\"_assertion\"",
    " Id=\"_response\"",
    "\u{feff}",
    "\0",
    "admin@example.test",
];

const RENAMES: [(&str, &str); 12] = [
    ("_assertion", "_response"),
    ("_response", "_assertion"),
    ("_assertion", "_evil"),
    ("ada@example.test", "admin@example.test"),
    ("SignedInfo", "Manifest"),
    ("Signature>", "Object>"),
    ("<Assertion", "<samlp:Assertion"),
    ("exc-c14n#", "exc-c14n#WithComments"),
    ("rsa-sha256", "hmac-sha256"),
    ("URI=\"#_assertion\"", "URI=\"\""),
    (">reader<", ">owner<"),
    ("xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"", "xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\""),
];

fn boundary(xml: &str, mut at: usize) -> usize {
    while !xml.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One mutation.
fn mutate(xml: &str, evil: &str, random: &mut Random) -> String {
    let all = elements(xml);
    if all.is_empty() {
        return xml.to_owned();
    }
    let one = random.of(&all).clone();
    let other = random.of(&all).clone();
    let with = |range: Range<usize>, text: &str| [&xml[..range.start], text, &xml[range.end..]].concat();
    match random.below(11) {
        0 => with(one, ""),
        1 => with(one.start..one.start, &xml[other]),
        2 => with(one.end..one.end, &xml[other]),
        3 => with(one, &xml[other]),
        4 => {
            let (before, after) = random.of(&WRAPPERS);
            with(one.clone(), &[before, &xml[one], after].concat())
        }
        5 => with(one.start..one.start, evil),
        6 => with(one.end..one.end, evil),
        7 => with(one.clone(), &evil.replace("</Assertion>", &[&xml[one], "</Assertion>"].concat())),
        8 => {
            let at = boundary(xml, random.below(xml.len()));
            with(at..at, random.of::<&str>(&INSERTS))
        }
        9 => {
            // Just inside an element or a start tag, where it is most likely to matter.
            let at = one.start + xml[one.clone()].find('>').unwrap_or(0) + random.below(2);
            with(at..at, random.of::<&str>(&INSERTS))
        }
        _ => {
            let (from, to) = random.of(&RENAMES);
            let places: Vec<_> = xml.match_indices(from).map(|(at, _)| at).collect();
            match places.is_empty() {
                true => xml.to_owned(),
                false => {
                    let at = *random.of(&places);
                    with(at..at + from.len(), to)
                }
            }
        }
    }
}

fn signed(accepted: &Accepted, right: &Accepted) -> bool {
    accepted.identity == right.identity
        && accepted.assertion_id == right.assertion_id
        && accepted.in_response_to == right.in_response_to
        && accepted.not_on_or_after == right.not_on_or_after
}

/// The signed octets of the seeds; nothing else was ever signed by the trusted key.
fn ever_signed() -> Vec<Vec<u8>> {
    let signed = |xml: &str| signed_in(xml).into_iter().flatten().collect::<Vec<_>>();
    [ASSERTION_SIGNED, RESPONSE_SIGNED, BOTH_SIGNED].iter().flat_map(|xml| signed(xml)).collect()
}

/// What the signature check alone makes of every element of a message, wherever it stands.
fn signed_in(xml: &str) -> Vec<Option<Vec<u8>>> {
    let Ok(document) = Document::parse(xml.as_bytes(), Rules::MESSAGE) else { return Vec::new() };
    let (host, keys) = (TestHost::default(), trusted());
    let trust = Trust { keys: &keys, now: UnixMillis::default(), relaxed: Relaxed::default() };
    let verified = |element| verify_enveloped(&host, element, trust).ok().flatten();
    let octets = |element| verified(element).map(|signed| signed.octets().to_vec());
    document.root().unwrap().descendants().map(octets).collect()
}

#[test]
fn whatever_verifies_anywhere_in_a_mutilated_message_was_signed_to_the_octet() {
    let (evil, right) = (evil(), ever_signed());
    assert_eq!(right.len(), 4);
    let mut random = Random(0x5a17_ed5a_17ed_0002);
    let seeds = [ASSERTION_SIGNED, RESPONSE_SIGNED, BOTH_SIGNED];
    let mut verified = 0;
    for round in 0..ROUNDS / 4 {
        let mut xml = (*random.of(&seeds)).to_owned();
        for _ in 0..=random.below(3) {
            xml = mutate(&xml, &evil, &mut random);
        }
        for octets in signed_in(&xml).into_iter().flatten() {
            assert!(right.contains(&octets), "round {round}: {xml}");
            verified += 1;
        }
    }
    println!("{verified} signatures held");
    assert!(verified > ROUNDS / 100);
}

/// Anybody can encrypt to us: the attacker has an encrypted assertion of their own.
#[test]
fn no_mutilated_encrypted_message_signs_in_anybody_whom_the_signer_did_not_sign() {
    let decryption = [DecryptionKey::from_pem(include_str!("../../tests/vectors/saml/sp.key.pem")).unwrap()];
    let unsigned = include_str!("../../tests/vectors/saml/bad-encrypted-unsigned.xml");
    let all = elements(unsigned);
    let encrypted = all.iter().map(|range| &unsigned[range.clone()]);
    let evil =
        [encrypted.max_by_key(|text| text.starts_with("<EncryptedAssertion")).unwrap().to_owned(), evil()];
    assert!(evil[0].starts_with("<EncryptedAssertion"));
    let keys = trusted();
    let seeds = [
        include_str!("../../tests/vectors/saml/good-encrypted-gcm256.xml"),
        include_str!("../../tests/vectors/saml/good-encrypted-sibling.xml"),
        include_str!("../../tests/vectors/saml/good-encrypted-response-signed.xml"),
        include_str!("../../tests/vectors/saml/cbc-encrypted-256.xml"),
        BOTH_SIGNED,
    ];
    let right = judge_with(ASSERTION_SIGNED, &keys, |_| {}).unwrap();
    let mut random = Random(0x5a17_ed5a_17ed_0003);
    let mut codes = std::collections::BTreeMap::<&str, usize>::new();
    for round in 0..ROUNDS / 8 {
        let mut xml = (*random.of(&seeds)).to_owned();
        for _ in 0..=random.below(2) {
            xml = {
                let evil = random.of(&evil).clone();
                mutate(&xml, &evil, &mut random)
            };
        }
        let outcome = judge_with(&xml, &keys, |expect| {
            expect.decryption_keys = &decryption;
            Accept::NAMES.iter().for_each(|name| assert!(expect.relax(name)));
        });
        match outcome {
            Ok(accepted) => {
                assert!(signed(&accepted, &right), "round {round}: {xml}");
                *codes.entry("accepted, as signed").or_default() += 1;
            }
            Err(rejection) => *codes.entry(rejection.code()).or_default() += 1,
        }
    }
    println!("{codes:?}");
    assert!(codes.contains_key("decryption") && codes.contains_key("accepted, as signed"), "{codes:?}");
}
