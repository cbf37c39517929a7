//! What the assertion states: how the person signed in, and their attributes (SAML Core 2.7).

use std::collections::BTreeMap;

use super::envelope::{child, required, time};
use super::{Expectations, Reader, Rejection};
use crate::common::UnixMillis;
use crate::saml::encryption::EncryptionFault;
use crate::saml::names::ASSERTION;
use crate::saml::xml::{Document, Element, Rules};

/// What the authentication statements say; that of the first, but the earliest end of session of all.
#[derive(Default)]
pub(super) struct Authentication {
    pub(super) session_index: Option<String>,
    pub(super) context: Option<String>,
    pub(super) instant: Option<UnixMillis>,
    pub(super) session_not_on_or_after: Option<UnixMillis>,
}

/// Reads the authentication statements; none of their sessions may have ended.
pub(super) fn authentication(
    assertion: Element<'_>,
    expect: &Expectations<'_>,
) -> Result<Authentication, Rejection> {
    let mut found: Option<Authentication> = None;
    for statement in assertion.children().filter(|part| part.is(ASSERTION, "AuthnStatement")) {
        let one = authn_statement(statement, expect)?;
        found = Some(match found {
            None => one,
            Some(first) => {
                let ends = [first.session_not_on_or_after, one.session_not_on_or_after];
                Authentication { session_not_on_or_after: ends.into_iter().flatten().min(), ..first }
            }
        });
    }
    match found {
        Some(found) => Ok(found),
        None if expect.accept.no_authn_statement => Ok(Authentication::default()),
        None => Err(Rejection::Missing("AuthnStatement")),
    }
}

fn authn_statement(statement: Element<'_>, expect: &Expectations<'_>) -> Result<Authentication, Rejection> {
    let instant = time(required(statement, "AuthnInstant")?, "AuthnInstant")?;
    let session_not_on_or_after = statement
        .attribute("SessionNotOnOrAfter")
        .map(|text| time(text, "SessionNotOnOrAfter"))
        .transpose()?;
    if session_not_on_or_after.is_some_and(|end| expect.now.before(expect.skew) >= end) {
        return Err(Rejection::SessionExpired);
    }
    let context = child(statement, ASSERTION, "AuthnContext")?.ok_or(Rejection::Missing("AuthnContext"))?;
    let class = child(context, ASSERTION, "AuthnContextClassRef")?.and_then(Element::text);
    Ok(Authentication {
        session_index: statement.attribute("SessionIndex").map(str::to_owned),
        context: class.map(|class| class.into_owned()),
        instant: Some(instant),
        session_not_on_or_after,
    })
}

/// Reads all attribute statements; names are compared to the letter, values kept in order.
pub(super) fn attributes(
    assertion: Element<'_>,
    reader: &mut Reader<'_, '_>,
) -> Result<BTreeMap<String, Vec<String>>, Rejection> {
    let expect = reader.expect;
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let statements = assertion.children().filter(|part| part.is(ASSERTION, "AttributeStatement"));
    for attribute in statements.flat_map(Element::children) {
        let (name, values) = if attribute.is(ASSERTION, "EncryptedAttribute") {
            decrypted(attribute, reader)?
        } else {
            values(attribute)?
        };
        if attributes.contains_key(&name) && !expect.accept.duplicate_attribute {
            return Err(Rejection::DuplicateAttribute(name));
        }
        attributes.entry(name).or_default().extend(values);
    }
    Ok(attributes)
}

/// Name and values of an `Attribute` (Core 2.7.3.1).
fn values(attribute: Element<'_>) -> Result<(String, Vec<String>), Rejection> {
    if !attribute.is(ASSERTION, "Attribute") {
        return Err(Rejection::Unexpected(attribute.local().to_owned()));
    }
    let name = required(attribute, "Name")?;
    let mut values = Vec::new();
    for value in attribute.children() {
        if !value.is(ASSERTION, "AttributeValue") {
            return Err(Rejection::Unexpected(value.local().to_owned()));
        }
        values.push(value.text_content().into_owned());
    }
    Ok((name.to_owned(), values))
}

/// The attribute in an `EncryptedAttribute` (Core 2.7.3.2). One that cannot be read is not left out: what it says may be
/// what speaks against somebody.
fn decrypted(
    encrypted: Element<'_>,
    reader: &mut Reader<'_, '_>,
) -> Result<(String, Vec<String>), Rejection> {
    if !reader.expect.accept.encrypted_attributes {
        return Err(Rejection::EncryptedContent);
    }
    let outcome = reader.decryptor.decrypt(reader.host, encrypted, |octets| {
        let document = Document::parse(octets, Rules::MESSAGE).ok()?;
        document.root().filter(|root| root.is(ASSERTION, "Attribute")).map(values)
    });
    match outcome {
        Ok(attribute) => attribute,
        Err(EncryptionFault::Busy) => Err(EncryptionFault::Busy.into()),
        Err(fault @ EncryptionFault::BlockChaining) => Err(fault.into()),
        Err(_) => Err(Rejection::EncryptedContent),
    }
}
