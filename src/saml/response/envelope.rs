//! The response around the assertion: where things are, and what it says of itself.
//!
//! It need not be signed, so what it says may refuse a sign-in but never grant one.

use std::collections::BTreeSet;

use super::{Expectations, Rejection};
use crate::common::UnixMillis;
use crate::saml::names::{ASSERTION, DSIG, ENTITY_FORMAT, PROTOCOL, SUCCESS};
use crate::saml::xml::Element;

/// What a response says of itself.
pub(super) struct Envelope<'d> {
    /// The request it answers.
    pub(super) in_response_to: Option<&'d str>,
    /// Its one assertion, which may be encrypted.
    pub(super) assertion: Element<'d>,
}

impl<'d> Envelope<'d> {
    /// Checks everything but signatures.
    pub(super) fn check(root: Element<'d>, expect: &Expectations<'_>) -> Result<Self, Rejection> {
        if !root.is(PROTOCOL, "Response") {
            return Err(Rejection::NotAResponse(root.local().to_owned()));
        }
        version(root)?;
        required(root, "ID")?;
        time(required(root, "IssueInstant")?, "IssueInstant of the response")?;
        status(root)?;
        let assertion = only_assertion(root)?;
        destination(root, expect)?;
        match child(root, ASSERTION, "Issuer")? {
            Some(element) => issuer(element, "response", expect)?,
            None if expect.accept.no_response_issuer => {}
            None => return Err(Rejection::Missing("Issuer of the response")),
        }
        let in_response_to = root.attribute("InResponseTo");
        if in_response_to.is_some_and(|id| !expect.request_ids.iter().any(|pending| pending == id)) {
            return Err(Rejection::UnknownRequest);
        }
        Ok(Self { in_response_to, assertion })
    }
}

/// Walks the whole message: identifiers unique, assertions and signatures only where they belong; then takes the one
/// assertion.
fn only_assertion(root: Element<'_>) -> Result<Element<'_>, Rejection> {
    let mut ids = BTreeSet::new();
    for element in root.descendants() {
        unique_ids(element, &mut ids)?;
        if element == root {
            continue;
        }
        let at_top = element.parent() == Some(root);
        if (is_assertion(element) && !at_top) || element.is(PROTOCOL, "Response") {
            return Err(Rejection::NestedAssertion);
        }
        if element.is(DSIG, "Object") {
            return Err(Rejection::Unexpected("Object".to_owned()));
        }
        let in_assertion = element
            .parent()
            .is_some_and(|parent| parent.is(ASSERTION, "Assertion") && parent.parent() == Some(root));
        if element.is(DSIG, "Signature") && !at_top && !in_assertion {
            return Err(Rejection::MisplacedSignature);
        }
    }
    if root.has_text() {
        return Err(Rejection::Unexpected("text".to_owned()));
    }
    for child in root.children() {
        let known = child.is(ASSERTION, "Issuer")
            || child.is(DSIG, "Signature")
            || child.is(PROTOCOL, "Extensions")
            || child.is(PROTOCOL, "Status")
            || is_assertion(child);
        if !known {
            return Err(Rejection::Unexpected(child.local().to_owned()));
        }
    }
    let assertions: Vec<_> = root.children().filter(|child| is_assertion(*child)).collect();
    match assertions[..] {
        [one] => Ok(one),
        _ => Err(Rejection::AssertionCount(assertions.len())),
    }
}

/// Walks a decrypted assertion: identifiers unique, no second assertion in it, its signature only where it belongs.
pub(super) fn only_one(assertion: Element<'_>) -> Result<(), Rejection> {
    let mut ids = BTreeSet::new();
    for element in assertion.descendants() {
        unique_ids(element, &mut ids)?;
        if element == assertion {
            continue;
        }
        if is_assertion(element) || element.is(PROTOCOL, "Response") {
            return Err(Rejection::NestedAssertion);
        }
        if element.is(DSIG, "Object") {
            return Err(Rejection::Unexpected("Object".to_owned()));
        }
        if element.is(DSIG, "Signature") && element.parent() != Some(assertion) {
            return Err(Rejection::MisplacedSignature);
        }
    }
    Ok(())
}

/// No two attributes that anybody could take for an identifier have one value.
fn unique_ids<'d>(element: Element<'d>, ids: &mut BTreeSet<&'d str>) -> Result<(), Rejection> {
    for attribute in element.attributes() {
        if attribute.local.eq_ignore_ascii_case("id") && !ids.insert(attribute.value.as_ref()) {
            return Err(Rejection::DuplicateId);
        }
    }
    Ok(())
}

fn is_assertion(element: Element<'_>) -> bool {
    element.is(ASSERTION, "Assertion") || element.is(ASSERTION, "EncryptedAssertion")
}

fn status(root: Element<'_>) -> Result<(), Rejection> {
    let status = child(root, PROTOCOL, "Status")?.ok_or(Rejection::Missing("Status"))?;
    let code = child(status, PROTOCOL, "StatusCode")?.ok_or(Rejection::Missing("StatusCode"))?;
    let value = code.attribute("Value").ok_or(Rejection::Missing("Value of StatusCode"))?;
    if value == SUCCESS {
        return Ok(());
    }
    // The second level says more than the first, where it is there.
    let second = child(code, PROTOCOL, "StatusCode")?.and_then(|second| second.attribute("Value"));
    let name = second.unwrap_or(value);
    let message = child(status, PROTOCOL, "StatusMessage")?.map(Element::text_content);
    Err(Rejection::Status {
        status: name.rsplit(':').next().unwrap_or(name).to_owned(),
        aadsts: message.as_deref().and_then(aadsts),
    })
}

/// `AADSTS` and the digits behind it; nothing else of the text is ever shown.
fn aadsts(message: &str) -> Option<String> {
    message.match_indices("AADSTS").find_map(|(at, mark)| {
        let rest = message.get(at..)?.strip_prefix(mark)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
        (!digits.is_empty()).then(|| format!("{mark}{digits}"))
    })
}

fn destination(root: Element<'_>, expect: &Expectations<'_>) -> Result<(), Rejection> {
    match root.attribute("Destination") {
        Some(found) if found == expect.acs_url => Ok(()),
        Some(found) => Err(Rejection::Destination(found.to_owned())),
        None if expect.accept.no_destination => Ok(()),
        None => Err(Rejection::Missing("Destination")),
    }
}

/// `Version="2.0"` (Core 2.3.3 and 3.2.2).
pub(super) fn version(element: Element<'_>) -> Result<(), Rejection> {
    if element.attribute("Version") == Some("2.0") { Ok(()) } else { Err(Rejection::Version) }
}

/// An attribute that must be there and not be empty.
pub(super) fn required<'d>(element: Element<'d>, name: &'static str) -> Result<&'d str, Rejection> {
    element.attribute(name).filter(|value| !value.is_empty()).ok_or(Rejection::Missing(name))
}

/// A moment as SAML writes it; `place` is for the error.
pub(super) fn time(text: &str, place: &'static str) -> Result<UnixMillis, Rejection> {
    UnixMillis::parse_rfc3339(text).ok_or(Rejection::Time(place))
}

/// The one child of this name; two are an error.
pub(super) fn child<'d>(
    parent: Element<'d>,
    namespace: &str,
    local: &'static str,
) -> Result<Option<Element<'d>>, Rejection> {
    let mut all = parent.children().filter(|child| child.is(namespace, local));
    let first = all.next();
    if all.next().is_some() { Err(Rejection::Unexpected(local.to_owned())) } else { Ok(first) }
}

/// An issuer must be the configured identity provider, to the letter.
pub(super) fn issuer(
    element: Element<'_>,
    whose: &'static str,
    expect: &Expectations<'_>,
) -> Result<(), Rejection> {
    let found = element.text().ok_or_else(|| Rejection::Unexpected("element in Issuer".to_owned()))?;
    let entity = element.attribute("Format").is_none_or(|format| format == ENTITY_FORMAT);
    if found == expect.idp_entity_id && entity {
        Ok(())
    } else {
        Err(Rejection::Issuer(whose, found.into_owned()))
    }
}
