//! The assertion out of an `EncryptedAssertion` (SAML Core 2.3.4).
//!
//! Anybody can encrypt to this service provider, and can change what others encrypted. Unless the response around is
//! signed, its sender may therefore learn one thing only: whether the octets held an assertion that a trusted key
//! signed. Every other outcome is the same error, and as many keys are tried.

use super::envelope::{Envelope, only_one};
use super::{Expectations, Rejection};
use crate::common::Host;
use crate::saml::c14n::{MAX_OUTPUT, Method, canonicalize};
use crate::saml::encryption::Decryptor;
use crate::saml::names::ASSERTION;
use crate::saml::signature::{SignatureFault, Signed, verify_as_long, verify_counting};
use crate::saml::xml::{Document, Element, Fault, Rules};

/// What was decrypted: octets that the assertion's own signature covers, or, where it has none, those of the assertion
/// as the signed response holds it.
pub(super) type Opened = (Option<Signed>, Option<Vec<u8>>);

/// Decrypts the assertion, from the signed octets of the response where it is signed.
pub(super) fn open(
    host: &dyn Host,
    decryptor: &mut Decryptor<'_>,
    message: &Envelope<'_>,
    verified: Option<&Envelope<'_>>,
    expect: &Expectations<'_>,
) -> Result<Opened, Rejection> {
    // A private-key operation is dear: a browser that waits for nothing gets none.
    if expect.request_ids.is_empty() && !expect.allow_unsolicited {
        return Err(Rejection::Unsolicited);
    }
    let source = verified.unwrap_or(message).assertion;
    let scope =
        if expect.accept.encrypted_inherits_namespaces { names_in_scope(message) } else { Vec::new() };
    let mut tried = 0usize;
    let outcome = decryptor.decrypt(host, source, |octets| {
        let outcome = assertion(host, octets, &scope, verified.is_some(), expect, &mut tried);
        match outcome {
            Ok(opened) => Some(Ok(opened)),
            // Under the signature of the response nobody but its signer wrote this: the reason may be told.
            Err(Some(rejection)) if verified.is_some() => Some(Err(rejection)),
            Err(_) => None,
        }
    });
    match outcome {
        Ok(opened) => opened,
        Err(fault) => {
            if verified.is_none() {
                verify_as_long(host, expect.trust(), tried);
            }
            Err(fault.into())
        }
    }
}

/// The canonical octets of an assertion, parsed anew.
pub(super) fn document(octets: &[u8]) -> Result<Document<'_>, Rejection> {
    Document::parse(octets, Rules::CANONICAL).map_err(Rejection::Xml)
}

fn names_in_scope<'d>(message: &Envelope<'d>) -> Vec<(&'d str, &'d str)> {
    let document = message.assertion.document();
    let inside = message.assertion.children().next().unwrap_or(message.assertion);
    inside
        .scope()
        .into_iter()
        .map(|(prefix, namespace)| (prefix, document.namespace_name(namespace)))
        .collect()
}

/// Reads decrypted octets. `Err(None)` where they are no assertion at all: perhaps another key does better.
fn assertion(
    host: &dyn Host,
    octets: &[u8],
    scope: &[(&str, &str)],
    response_signed: bool,
    expect: &Expectations<'_>,
    tried: &mut usize,
) -> Result<Opened, Option<Rejection>> {
    let (document, on_its_own) = match Document::parse(octets, Rules::MESSAGE) {
        Ok(document) => (document, true),
        Err(error) if error.fault == Fault::UnboundPrefix && !scope.is_empty() => {
            (Document::parse_within(octets, Rules::MESSAGE, scope).map_err(|_| None)?, false)
        }
        Err(_) => return Err(None),
    };
    let root = document.root().filter(|root| root.is(ASSERTION, "Assertion")).ok_or(None)?;
    only_one(root).map_err(Some)?;
    let signed = verify_counting(host, root, expect.trust(), tried);
    match signed.map_err(|fault| Some(Rejection::Signature("assertion", fault)))? {
        Some(signed) => Ok((Some(signed), None)),
        // What a prefix from outside means, only a signature that covers its use can tell.
        None if response_signed && on_its_own => Ok((None, Some(canonical(root).map_err(Some)?))),
        None => Err(Some(Rejection::Unsigned("the assertion"))),
    }
}

fn canonical(root: Element<'_>) -> Result<Vec<u8>, Rejection> {
    canonicalize(root, &Method::default(), None, MAX_OUTPUT)
        .map_err(|_| Rejection::Signature("assertion", SignatureFault::Canonical))
}
