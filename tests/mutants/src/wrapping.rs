//! Signature wrapping: the eight variants that have a number, and their generalisations.
//!
//! Everywhere, what was signed stays somewhere in the message, and what an attacker wrote is put where it would be read.

use crate::markup::Markup;
use crate::random::Random;
use crate::seeds::{ENCRYPTED_UNSIGNED, OTHER_SIGNER, SETTING, Seed};

/// `None` where the message lacks what it needs.
pub type Operator = fn(&Seed, &str, &mut Random) -> Option<String>;

/// All operators of this kind.
pub const OPERATORS: [(&str, Operator); 12] = [
    ("XSW1", xsw1),
    ("XSW2", xsw2),
    ("XSW3", xsw3),
    ("XSW4", xsw4),
    ("XSW5", xsw5),
    ("XSW6", xsw6),
    ("XSW7", xsw7),
    ("XSW8", xsw8),
    ("wrapping, general", general),
    ("assertion replaced by an attacker's", replaced),
    ("assertion beside the attacker's", beside),
    ("forged SignedInfo", forged_signed_info),
];

/// The same message about somebody else. With `same_ids`, under the same identifiers.
#[must_use]
pub fn about_mallory(seed: &Seed, xml: &str, same_ids: bool) -> String {
    let person = &seed.person;
    let title: String = person[..1].to_uppercase() + &person[1..];
    let changed = xml
        .replace(&format!("{title} &lt;{person}"), "Mallory &lt;mallory")
        .replace(&format!("{person}@"), "mallory@")
        .replace(&format!("-{person}"), "-mallory");
    if !same_ids {
        return changed;
    }
    changed
        .replace("_assertion-mallory", &format!("_assertion-{person}"))
        .replace("_response-mallory", &format!("_response-{person}"))
}

fn without(xml: &str, local: &str) -> String {
    let markup = Markup::scan(xml);
    markup.first(local).map_or_else(|| xml.to_owned(), |element| markup.with(element.whole.clone(), ""))
}

fn piece<'x>(xml: &'x str, local: &str) -> Option<&'x str> {
    let markup = Markup::scan(xml);
    markup.first(local).map(|element| &xml[element.whole.clone()])
}

/// Without the XML declaration, which has no place inside.
fn bare(xml: &str) -> &str {
    Markup::scan(xml).elements.first().map_or(xml, |root| &xml[root.whole.clone()])
}

/// An assertion that nobody trusted signed: unsigned, with a signature that is not its own, or by another signer.
pub fn evil_assertion(seed: &Seed, random: &mut Random) -> Option<String> {
    let others: Vec<&Seed> = SETTING.seeds.iter().filter(|other| !other.encrypted).collect();
    let from = if seed.encrypted { *random.of(&others)? } else { seed };
    let same_ids = random.once_in(2);
    let evil = about_mallory(from, piece(from.xml, "Assertion")?, same_ids);
    Some(match random.below(8) {
        0..=3 => without(&evil, "Signature"),
        4 | 5 => evil,
        6 => piece(OTHER_SIGNER, "Assertion")?.to_owned(),
        _ => piece(ENCRYPTED_UNSIGNED, "EncryptedAssertion")?.to_owned(),
    })
}

/// Puts `what` right before the end of the first element of this name, or in its start where it is of the empty form.
fn append(xml: &str, local: &str, what: &str) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = markup.first(local).filter(|element| !element.is_empty_form())?;
    Some(markup.with(element.inside.end..element.inside.end, what))
}

fn before(xml: &str, local: &str, what: &str) -> Option<String> {
    let markup = Markup::scan(xml);
    let at = markup.first(local)?.whole.start;
    Some(markup.with(at..at, what))
}

fn xsw1(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let evil = about_mallory(seed, xml, random.once_in(4));
    append(&evil, "Signature", &without(bare(xml), "Signature"))
}

fn xsw2(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let evil = about_mallory(seed, xml, random.once_in(4));
    before(&evil, "Signature", &without(bare(xml), "Signature"))
}

fn xsw3(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let evil = evil_assertion(seed, random)?;
    before(xml, assertion_name(seed), &evil)
}

fn assertion_name(seed: &Seed) -> &'static str {
    if seed.encrypted { "EncryptedAssertion" } else { "Assertion" }
}

fn xsw4(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = piece(xml, assertion_name(seed))?;
    let evil = evil_assertion(seed, random)?;
    let name = if evil.contains("EncryptedData") { "EncryptedAssertion" } else { "Assertion" };
    Some(xml.replacen(original, &append(&evil, name, original)?, 1))
}

fn xsw5(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = piece(xml, "Assertion")?;
    let evil = about_mallory(seed, original, random.once_in(4));
    append(&xml.replacen(original, &evil, 1), "Response", &without(original, "Signature"))
}

fn xsw6(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = piece(xml, "Assertion")?;
    let evil = about_mallory(seed, original, random.once_in(4));
    let wrapped = append(&evil, "Signature", &without(original, "Signature"))?;
    Some(xml.replacen(original, &wrapped, 1))
}

fn xsw7(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let evil = evil_assertion(seed, random)?;
    let extensions =
        format!("<e:Extensions xmlns:e=\"urn:oasis:names:tc:SAML:2.0:protocol\">{evil}</e:Extensions>");
    before(xml, random.of(&["Status", assertion_name(seed)])?, &extensions)
}

fn xsw8(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = piece(xml, "Assertion")?;
    let evil = about_mallory(seed, original, random.once_in(4));
    let object = format!(
        "<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\">{}</Object>",
        without(original, "Signature")
    );
    let wrapped = append(&evil, "Signature", &object)?;
    Some(xml.replacen(original, &wrapped, 1))
}

/// Where something can be hidden.
const PLACES: [&str; 22] = [
    "Response",
    "Issuer",
    "Signature",
    "SignedInfo",
    "Reference",
    "Transforms",
    "DigestValue",
    "SignatureValue",
    "KeyInfo",
    "X509Data",
    "Status",
    "StatusCode",
    "Assertion",
    "Subject",
    "NameID",
    "SubjectConfirmation",
    "Conditions",
    "Audience",
    "AttributeStatement",
    "AttributeValue",
    "AuthnContext",
    "EncryptedAssertion",
];

const AROUND: [(&str, &str); 9] = [
    ("", ""),
    ("", ""),
    ("<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Object>"),
    ("<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</KeyInfo>"),
    ("<Extensions xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\">", "</Extensions>"),
    ("<StatusDetail xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\">", "</StatusDetail>"),
    ("<Advice xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</Advice>"),
    ("<Evidence xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</Evidence>"),
    ("<x xmlns=\"urn:x\">", "</x>"),
];

/// The signed part anywhere in the attacker's, or the attacker's anywhere in the signed one.
fn general(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = bare(xml);
    let part = *random.of(&["Response", assertion_name(seed)])?;
    let inner = piece(original, part)?;
    let keep_signature = random.once_in(2);
    let stripped = if keep_signature { inner.to_owned() } else { without(inner, "Signature") };
    let (outer, hidden) = if random.once_in(3) {
        (original.to_owned(), evil_assertion(seed, random)?)
    } else {
        let mut evil = about_mallory(seed, original, random.once_in(2));
        if random.once_in(3) {
            evil = without(&evil, "Signature");
        }
        (evil, stripped)
    };
    let (open, close) = random.of(&AROUND)?;
    let hidden = [open, &hidden as &str, close].concat();
    let place = random.of(&PLACES)?;
    match random.below(3) {
        0 => before(&outer, place, &hidden),
        1 => {
            let markup = Markup::scan(&outer);
            let at = markup.first(place)?.whole.end;
            Some(markup.with(at..at, &hidden))
        }
        _ => append(&outer, place, &hidden),
    }
}

fn replaced(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let original = piece(xml, assertion_name(seed))?;
    Some(xml.replacen(original, &evil_assertion(seed, random)?, 1))
}

fn beside(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let own = markup.first(assertion_name(seed))?;
    let at = if random.once_in(2) { own.whole.start } else { own.whole.end };
    Some(markup.with(at..at, &evil_assertion(seed, random)?))
}

/// The attacker's assertion with the right digest of itself, in a second `SignedInfo`, `Reference`, `DigestValue` or
/// comment beside the signed one.
fn forged_signed_info(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let signed = if seed.response_signed { bare(xml) } else { piece(xml, "Assertion")? };
    let evil = about_mallory(seed, signed, true);
    let digest = crate::differential::digest_without_signature(&evil)?;
    let markup = Markup::scan(&evil);
    let part = *random.of(&["SignedInfo", "Reference", "DigestValue"])?;
    let own = markup.first(part)?;
    let value = markup.first("DigestValue")?;
    let right = markup.text(&own.whole);
    let forged = right.replacen(markup.text(&value.inside), &digest, 1);
    let text = match random.below(6) {
        0 => [&forged as &str, right].concat(),
        1 => [right, &forged].concat(),
        2 => forged,
        3 if part == "DigestValue" => right.replace("</", &format!("<!--{digest}--></")),
        4 if part == "DigestValue" => right.replacen('>', &format!("><!--{digest}-->"), 1),
        _ => format!("{right}<x xmlns=\"urn:x\">{forged}</x>"),
    };
    let wrapped = markup.with(own.whole.clone(), &text);
    Some(xml.replacen(signed, &wrapped, 1))
}
