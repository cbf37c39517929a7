//! What requests and responses have in common (Core 3.2), checked before anything costly.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Expect, LogoutError};
use crate::common::UnixMillis;
use crate::saml::names::{ASSERTION, DSIG, ENTITY_FORMAT, PROTOCOL};
use crate::saml::xml::Element;

/// How old a message may be: it travels through a browser at once.
pub(super) const MAX_AGE: Duration = Duration::from_secs(300);
/// Octets of an identifier or name; longer ones are no honest provider's.
pub(super) const MAX_VALUE: usize = 1024;

/// Identifier and time of a message whose form, issuer, destination and time are right.
#[derive(Debug)]
pub(super) struct Head<'d> {
    pub(super) id: &'d str,
    pub(super) issued: UnixMillis,
}

/// Checks all but signature and content.
pub(super) fn head<'d>(
    root: Element<'d>,
    local: &str,
    known: &[(&str, &str)],
    expect: &Expect<'_>,
) -> Result<Head<'d>, LogoutError> {
    if !root.is(PROTOCOL, local) {
        return Err(LogoutError::NotLogout);
    }
    structure(root, known)?;
    if root.attribute("Version") != Some("2.0") {
        return Err(LogoutError::Version);
    }
    let id = required(root, "ID")?;
    if id.len() > MAX_VALUE {
        return Err(LogoutError::Missing("ID"));
    }
    issuer(root, expect)?;
    match root.attribute("Destination") {
        Some(found) if found == expect.destination => {}
        // Bindings 3.4.5.2 and 3.5.5.2 want it in whatever is signed.
        None if expect.no_destination => {}
        None => return Err(LogoutError::Missing("Destination")),
        Some(_) => return Err(LogoutError::Destination),
    }
    let issued = time(required(root, "IssueInstant")?, "IssueInstant")?;
    let (now, skew) = (expect.now, expect.skew);
    if issued > now.after(skew) || issued.after(MAX_AGE).after(skew) <= now {
        return Err(LogoutError::Stale);
    }
    Ok(Head { id, issued })
}

/// Known children only, each where it belongs; one signature at most, and no second message inside.
fn structure(root: Element<'_>, known: &[(&str, &str)]) -> Result<(), LogoutError> {
    if root.has_text() {
        return Err(LogoutError::Unexpected);
    }
    let common = [(ASSERTION, "Issuer"), (DSIG, "Signature"), (PROTOCOL, "Extensions")];
    for child in root.children() {
        if !common.iter().chain(known).any(|(namespace, local)| child.is(namespace, local)) {
            return Err(LogoutError::Unexpected);
        }
    }
    let mut ids = BTreeSet::new();
    for element in root.descendants() {
        for attribute in element.attributes() {
            if attribute.local.eq_ignore_ascii_case("id") && !ids.insert(attribute.value.as_ref()) {
                return Err(LogoutError::DuplicateId);
            }
        }
        let message = element.is(PROTOCOL, "LogoutRequest") || element.is(PROTOCOL, "LogoutResponse");
        let misplaced = element.is(DSIG, "Signature") && element.parent() != Some(root);
        if (message && element != root) || misplaced || element.is(DSIG, "Object") {
            return Err(LogoutError::Unexpected);
        }
    }
    Ok(())
}

fn issuer(root: Element<'_>, expect: &Expect<'_>) -> Result<(), LogoutError> {
    let element = child(root, ASSERTION, "Issuer")?.ok_or(LogoutError::Missing("Issuer"))?;
    let text = element.text().ok_or(LogoutError::Unexpected)?;
    let entity = element.attribute("Format").is_none_or(|format| format == ENTITY_FORMAT);
    if entity && expect.issuers.iter().any(|issuer| *issuer == text) {
        Ok(())
    } else {
        Err(LogoutError::Issuer)
    }
}

/// An attribute that must be there and not be empty.
pub(super) fn required<'d>(element: Element<'d>, name: &'static str) -> Result<&'d str, LogoutError> {
    element.attribute(name).filter(|value| !value.is_empty()).ok_or(LogoutError::Missing(name))
}

/// A moment as SAML writes it.
pub(super) fn time(text: &str, place: &'static str) -> Result<UnixMillis, LogoutError> {
    UnixMillis::parse_rfc3339(text).ok_or(LogoutError::Time(place))
}

/// The one child of this name; two are an error.
pub(super) fn child<'d>(
    parent: Element<'d>,
    namespace: &str,
    local: &str,
) -> Result<Option<Element<'d>>, LogoutError> {
    let mut all = parent.children().filter(|child| child.is(namespace, local));
    let first = all.next();
    if all.next().is_some() { Err(LogoutError::Unexpected) } else { Ok(first) }
}
