//! The assertion (SAML Core 2): read only from octets that a trusted key signed.

use super::envelope::{child, issuer, required, time, version};
use super::{Accepted, Reader, Rejection, Warning};
use super::{conditions, statements, subject};
use crate::saml::names::ASSERTION;
use crate::saml::names::DSIG;
use crate::saml::xml::Element;

/// Checks a signed assertion and takes the identity from it.
///
/// `in_response_to` is what the response around it says.
pub(super) fn read(
    assertion: Element<'_>,
    in_response_to: Option<&str>,
    reader: &mut Reader<'_, '_>,
) -> Result<Accepted, Rejection> {
    let expect = reader.expect;
    reader.checks.begin("assertion");
    version(assertion)?;
    let id = required(assertion, "ID")?;
    let issued = time(required(assertion, "IssueInstant")?, "IssueInstant of the assertion")?;
    parts_are_known(assertion)?;
    let whose =
        child(assertion, ASSERTION, "Issuer")?.ok_or(Rejection::Missing("Issuer of the assertion"))?;
    issuer(whose, "assertion", expect)?;
    reader.checks.begin("conditions");
    let conditions = conditions::check(assertion, expect)?;
    reader.checks.begin("subject");
    let subject = subject::check(assertion, in_response_to, reader)?;
    reader.checks.begin("authentication");
    let authentication = statements::authentication(assertion, expect)?;
    reader.checks.begin("attributes");
    let attributes = statements::attributes(assertion, reader)?;
    let end = match conditions.not_on_or_after {
        Some(end) => end.min(subject.not_on_or_after),
        None => subject.not_on_or_after,
    };
    let identity = crate::common::Identity {
        issuer: expect.idp_entity_id.to_owned(),
        name_id: subject.name.text,
        name_id_format: subject.name.format,
        name_qualifier: subject.name.qualifier,
        sp_name_qualifier: subject.name.sp_qualifier,
        session_index: authentication.session_index,
        authn_context: authentication.context,
        authn_instant: authentication.instant.map(|instant| instant.0),
        attributes,
    };
    Ok(Accepted {
        identity,
        assertion_id: id.to_owned(),
        issued,
        in_response_to: subject.in_response_to,
        not_on_or_after: end.after(expect.skew),
        conditions_end: conditions.end_as_written,
        session_not_on_or_after: authentication.session_not_on_or_after,
        authn_instant: authentication.instant,
        warnings: if subject.name_unread { vec![Warning::NameIdUnread] } else { Vec::new() },
    })
}

/// The schema's children and no others, nothing beside them.
fn parts_are_known(assertion: Element<'_>) -> Result<(), Rejection> {
    const KNOWN: [&str; 8] = [
        "Issuer",
        "Subject",
        "Conditions",
        "Advice",
        "Statement",
        "AuthnStatement",
        "AuthzDecisionStatement",
        "AttributeStatement",
    ];
    if assertion.has_text() {
        return Err(Rejection::Unexpected("text".to_owned()));
    }
    for part in assertion.children() {
        let known = part.is(DSIG, "Signature")
            || (part.namespace_name() == ASSERTION && KNOWN.contains(&part.local()));
        if !known {
            return Err(Rejection::Unexpected(part.local().to_owned()));
        }
    }
    Ok(())
}
