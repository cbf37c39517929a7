//! What the service provider makes of a message, in a form in which other implementations can say the same.
//!
//! `tests/differential` asks libxml2 and xmlsec1 the same questions.

use std::io::{BufRead, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::common::UnixMillis;
use vestibule::crypto::PublicKey;
use vestibule::saml::c14n::{MAX_OUTPUT, Method, canonicalize};
use vestibule::saml::signature::{Relaxed, Trust, verify_enveloped};
use vestibule::saml::xml::{Document, Element, Limits, Rules};

use crate::judge::{Message, NoHost};
use crate::run::mutant;

/// As messages are read, with instructions as well, for canonical forms have them.
const RULES: Rules = Rules { limits: Limits::MESSAGE, comments: true, instructions: true };
/// Everything that can be switched on: what is compared is arithmetic, not policy.
const RELAXED: Relaxed = Relaxed {
    sha1_signature: true,
    sha1_digest: true,
    short_rsa: true,
    inclusive: true,
    empty_reference: true,
};

/// What an attacker would write into `DigestValue`: SHA-256 of the exclusive canonical form without the signature.
#[must_use]
pub fn digest_without_signature(xml: &str) -> Option<String> {
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).ok()?;
    let root = document.root()?;
    let signature = root.children().find(|child: &Element<'_>| child.local() == "Signature");
    let octets = canonicalize(root, &Method::default(), signature, MAX_OUTPUT).ok()?;
    Some(STANDARD.encode(vestibule::crypto::sha256(&octets)))
}

/// Writes mutants, one JSON object a line: their number and their octets.
///
/// # Errors
/// Where nobody reads.
pub fn emit(first: u64, count: usize, out: &mut dyn Write) -> std::io::Result<()> {
    for number in (first..).take(count) {
        let Some(mutant) = mutant(number) else { continue };
        if let Message::Octets(octets) = mutant.message {
            writeln!(out, "{}", json!({ "name": number.to_string(), "xml": STANDARD.encode(octets) }))?;
        }
    }
    Ok(())
}

/// Answers each line of `questions`, a JSON object with `xml` and either `certificates` (what of its signatures?) or
/// `prefixes` and perhaps `at` or `element` (what are its canonical forms?), with a line.
///
/// # Errors
/// Where a line is no question, or nobody reads.
pub fn answer(questions: &mut dyn BufRead, out: &mut dyn Write) -> std::io::Result<()> {
    let wrong = || std::io::Error::other("not a question");
    let mut line = String::new();
    while questions.read_line(&mut line)? > 0 {
        let question: Value = serde_json::from_str(&line)?;
        let xml = question["xml"].as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or_else(wrong)?;
        let answer = match question["certificates"].as_array() {
            Some(certificates) => {
                let texts: Vec<&str> = certificates.iter().filter_map(Value::as_str).collect();
                signatures(&xml, &texts)
            }
            None => {
                let prefixes = question["prefixes"].as_array().ok_or_else(wrong)?;
                let prefixes: Vec<String> = prefixes
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|prefix| prefix.replace("#default", ""))
                    .collect();
                canonical(&xml, question["at"].as_str(), question["element"].as_str(), &prefixes)
            }
        };
        writeln!(out, "{answer}")?;
        line.clear();
    }
    Ok(())
}

/// For the root and for an assertion in it: `valid`, `absent`, or why not.
fn signatures(xml: &[u8], certificates: &[&str]) -> Value {
    let keys: Vec<_> =
        certificates.iter().filter_map(|pem| PublicKey::from_certificate_even_short(pem).ok()).collect();
    let document = match Document::parse(xml, Rules::MESSAGE) {
        Ok(document) => document,
        Err(error) => return json!({ "refused": error.code() }),
    };
    let Some(root) = document.root() else { return json!({ "refused": "xml_root" }) };
    let trust = Trust { keys: &keys, now: UnixMillis::default(), relaxed: RELAXED };
    let of = |element: Element<'_>| match verify_enveloped(&NoHost::default(), element, trust) {
        Ok(Some(_)) => "valid",
        Ok(None) => "absent",
        Err(fault) => fault.code(),
    };
    let mut assertions = root.children().filter(|child| child.local() == "Assertion");
    let assertion = assertions.next().filter(|_| assertions.next().is_none());
    json!({ "root": of(root), "assertion": assertion.map_or("absent", of) })
}

/// Canonical forms of the root, and of the one element whose `ID` is `at` or whose local name is `named`.
fn canonical(xml: &[u8], at: Option<&str>, named: Option<&str>, prefixes: &[String]) -> Value {
    let document = match Document::parse(xml, RULES) {
        Ok(document) => document,
        Err(error) => return json!({ "refused": error.code() }),
    };
    let Some(root) = document.root() else { return json!({ "refused": "xml_root" }) };
    let is_it = |element: &Element<'_>| match (at, named) {
        (Some(id), _) => element.attribute("ID").or(element.attribute("Id")) == Some(id),
        (None, named) => Some(element.local()) == named,
    };
    let mut inside = root.descendants().filter(is_it);
    let inside = inside.next().filter(|_| inside.next().is_none());
    let forms = |element: Element<'_>| {
        let form = |inclusive, comments, inclusive_prefixes: &[String]| {
            let method = Method { inclusive, comments, inclusive_prefixes: inclusive_prefixes.to_vec() };
            canonicalize(element, &method, None, MAX_OUTPUT).ok().map(|octets| STANDARD.encode(octets))
        };
        json!({
            "exclusive": form(false, false, &[]),
            "exclusive_comments": form(false, true, &[]),
            "exclusive_prefixes": form(false, false, prefixes),
            "exclusive_comments_prefixes": form(false, true, prefixes),
            "inclusive": form(true, false, &[]),
            "inclusive_comments": form(true, true, &[]),
        })
    };
    json!({ "root": forms(root), "inside": inside.map(forms) })
}
