//! Validation of a SAML response (SAML Profiles 4.1.4.3, Core 2 and 3.2.2).
//!
//! The message is parsed once to find signatures. What a signature covers is canonicalised and verified, and those
//! octets are parsed anew: identity, conditions and confirmation are read from them and from nothing else. What is
//! not signed may refuse a sign-in, never grant one.

mod assertion;
mod checks;
mod conditions;
mod decode;
mod decrypted;
mod envelope;
mod expect;
mod rejection;
mod statements;
mod subject;

pub use checks::{Checks, Outcome};
pub use decode::decode_post;
pub use expect::{Accept, Accepted, Expectations, Required, Warning};
pub use rejection::Rejection;

use super::encryption::Decryptor;
use super::names::ASSERTION;
use super::signature::{Signed, verify_enveloped};
use super::xml::{Document, Element, Rules};
use crate::common::Host;
use envelope::Envelope;

/// What reading an assertion needs.
struct Reader<'r, 'a> {
    host: &'r dyn Host,
    decryptor: Decryptor<'a>,
    expect: &'r Expectations<'a>,
    checks: &'r mut Checks,
}

/// Validates a decoded response.
///
/// # Errors
/// At the first rule that is broken.
pub fn validate(host: &dyn Host, xml: &[u8], expect: &Expectations<'_>) -> Result<Accepted, Rejection> {
    validate_with(host, xml, expect, &mut Checks::default())
}

/// As [`validate`], and tells in `checks` how far it came.
///
/// # Errors
/// At the first rule that is broken.
pub fn validate_with(
    host: &dyn Host,
    xml: &[u8],
    expect: &Expectations<'_>,
    checks: &mut Checks,
) -> Result<Accepted, Rejection> {
    checks.begin("xml");
    let message = Document::parse(xml, Rules::MESSAGE)?;
    let root = message.root().ok_or(Rejection::Missing("root element"))?;
    checks.begin("envelope");
    // Cheap checks first: a stranger's message costs no signature check.
    let unsigned = enveloped(root, expect, checks)?;
    let response = signed(host, root, "response", expect, checks)?;
    let outer = document_of(response.as_ref(), "response")?;
    let verified =
        outer.as_ref().and_then(Document::root).map(|root| enveloped(root, expect, checks)).transpose()?;
    let mut decryptor = Decryptor::new(expect.decryption_keys, expect.accept.cbc, expect.decryptions);
    let (assertion, decrypted) = if is_encrypted(unsigned.assertion) {
        checks.begin("decryption");
        decrypted::open(host, &mut decryptor, &unsigned, verified.as_ref(), expect)?
    } else {
        (signed(host, unsigned.assertion, "assertion", expect, checks)?, None)
    };
    checks.begin("required_signatures");
    required(response.is_some(), assertion.is_some(), expect.requires)?;

    let inner = document_of(assertion.as_ref(), "assertion")?;
    let bare = decrypted.as_deref().map(decrypted::document).transpose()?;
    // Where the response is signed, it says which request it answers; otherwise it can only contradict.
    let in_response_to = verified.as_ref().unwrap_or(&unsigned).in_response_to;
    let signed_assertion = match (inner.as_ref().and_then(Document::root), &verified) {
        (Some(root), None) => root,
        (Some(root), Some(around)) if is_encrypted(around.assertion) || same_id(root, around.assertion) => {
            root
        }
        (None, Some(around)) if is_encrypted(around.assertion) => {
            bare.as_ref().and_then(Document::root).ok_or(Rejection::Unsigned("the assertion"))?
        }
        (None, Some(around)) => around.assertion,
        (Some(_), Some(_)) => return Err(Rejection::AssertionCount(2)),
        (None, None) => return Err(Rejection::Unsigned("the message")),
    };
    let mut accepted =
        assertion::read(signed_assertion, in_response_to, &mut Reader { host, decryptor, expect, checks })?;
    checks.begin("certificate");
    if [&response, &assertion].into_iter().flatten().any(|signed| signed.key_outside_validity) {
        if !expect.accept.certificate_outside_validity {
            return Err(Rejection::CertificateOutsideValidity);
        }
        accepted.warnings.push(Warning::CertificateOutsideValidity);
    }
    Ok(accepted)
}

fn enveloped<'d>(
    root: Element<'d>,
    expect: &Expectations<'_>,
    checks: &mut Checks,
) -> Result<Envelope<'d>, Rejection> {
    Envelope::check(root, expect).inspect_err(|rejection| {
        if *rejection == Rejection::UnknownRequest {
            checks.answers_unknown(root.attribute("InResponseTo"));
        }
    })
}

fn signed(
    host: &dyn Host,
    element: Element<'_>,
    whose: &'static str,
    expect: &Expectations<'_>,
    checks: &mut Checks,
) -> Result<Option<Signed>, Rejection> {
    checks.begin(if whose == "response" { "response_signature" } else { "assertion_signature" });
    let signed = verify_enveloped(host, element, expect.trust())
        .map_err(|fault| Rejection::Signature(whose, fault))?;
    if signed.is_none() {
        checks.absent();
    }
    Ok(signed)
}

fn document_of<'s>(
    signed: Option<&'s Signed>,
    whose: &'static str,
) -> Result<Option<Document<'s>>, Rejection> {
    signed.map(Signed::document).transpose().map_err(|fault| Rejection::Signature(whose, fault))
}

fn required(response: bool, assertion: bool, requires: Required) -> Result<(), Rejection> {
    let missing = match requires {
        Required::Any if !response && !assertion => "the message",
        Required::Assertion | Required::Both if !assertion => "the assertion",
        Required::Response | Required::Both if !response => "the response",
        _ => return Ok(()),
    };
    Err(Rejection::Unsigned(missing))
}

fn is_encrypted(assertion: Element<'_>) -> bool {
    assertion.is(ASSERTION, "EncryptedAssertion")
}

fn same_id(a: Element<'_>, b: Element<'_>) -> bool {
    a.attribute("ID").is_some() && a.attribute("ID") == b.attribute("ID")
}
