//! The subject and its confirmation (SAML Core 2.4, Profiles 4.1.4.2 and 4.1.4.3).

use super::envelope::{child, time};
use super::{Expectations, Rejection};
use crate::common::UnixMillis;
use crate::saml::names::{ASSERTION, BEARER};
use crate::saml::xml::{Element, all_white};

/// A confirmed subject.
pub(super) struct Subject {
    pub(super) name_id: String,
    pub(super) name_id_format: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) not_on_or_after: UnixMillis,
}

/// A confirmation that holds.
struct Confirmed {
    in_response_to: Option<String>,
    not_on_or_after: UnixMillis,
}

/// Takes the name and finds a confirmation that holds; one is enough (Core 2.4).
pub(super) fn check(
    assertion: Element<'_>,
    in_response_to: Option<&str>,
    expect: &Expectations<'_>,
) -> Result<Subject, Rejection> {
    let subject = child(assertion, ASSERTION, "Subject")?.ok_or(Rejection::Missing("Subject"))?;
    if subject.has_text() {
        return Err(Rejection::Unexpected("text".to_owned()));
    }
    let mut best: Option<Confirmed> = None;
    let (mut reason, mut seen) = (Rejection::Missing("SubjectConfirmation"), false);
    for part in subject.children() {
        if part.is(ASSERTION, "EncryptedID") {
            return Err(Rejection::EncryptedContent);
        }
        if part.is(ASSERTION, "SubjectConfirmation") {
            match confirm(part, in_response_to, expect) {
                Ok(one) if best.as_ref().is_none_or(|have| have.not_on_or_after < one.not_on_or_after) => {
                    best = Some(one);
                }
                Ok(_) => {}
                // A bearer confirmation that fails says more than one that is not meant for us.
                Err(Rejection::ConfirmationMethod) if seen => {}
                Err(why) => {
                    reason = why;
                    seen = true;
                }
            }
        } else if !part.is(ASSERTION, "NameID") {
            return Err(Rejection::Unexpected(part.local().to_owned()));
        }
    }
    let Some(Confirmed { in_response_to, not_on_or_after }) = best else { return Err(reason) };
    let (name_id, name_id_format) = name(subject, expect)?;
    Ok(Subject { name_id, name_id_format, in_response_to, not_on_or_after })
}

fn name(subject: Element<'_>, expect: &Expectations<'_>) -> Result<(String, Option<String>), Rejection> {
    let Some(name_id) = child(subject, ASSERTION, "NameID")? else {
        return if expect.accept.no_name_id { Ok((String::new(), None)) } else { Err(Rejection::NameId) };
    };
    let text = name_id.text().filter(|text| !all_white(text)).ok_or(Rejection::NameId)?;
    if let Some(qualifier) = name_id.attribute("SPNameQualifier")
        && qualifier != expect.audience
        && !expect.accept.sp_name_qualifier_mismatch
    {
        return Err(Rejection::SpNameQualifier(qualifier.to_owned()));
    }
    Ok((text.into_owned(), name_id.attribute("Format").map(str::to_owned)))
}

/// Whether one confirmation holds: by bearer, for this consumer, in time, for a request of this browser.
fn confirm(
    confirmation: Element<'_>,
    response_to: Option<&str>,
    expect: &Expectations<'_>,
) -> Result<Confirmed, Rejection> {
    if confirmation.attribute("Method") != Some(BEARER) {
        return Err(Rejection::ConfirmationMethod);
    }
    let data = child(confirmation, ASSERTION, "SubjectConfirmationData")?
        .ok_or(Rejection::Missing("SubjectConfirmationData"))?;
    match data.attribute("Recipient") {
        Some(recipient) if recipient == expect.acs_url => {}
        Some(recipient) => return Err(Rejection::Recipient(recipient.to_owned())),
        None => return Err(Rejection::Missing("Recipient of the subject confirmation")),
    }
    if data.attribute("NotBefore").is_some() {
        return Err(Rejection::Unexpected("NotBefore of the subject confirmation".to_owned()));
    }
    let end = data
        .attribute("NotOnOrAfter")
        .ok_or(Rejection::Missing("NotOnOrAfter of the subject confirmation"))?;
    let not_on_or_after = time(end, "NotOnOrAfter of the subject confirmation")?;
    if expect.now.before(expect.skew) >= not_on_or_after {
        return Err(Rejection::ConfirmationExpired);
    }
    let in_response_to = data.attribute("InResponseTo");
    request(in_response_to, response_to, expect)?;
    Ok(Confirmed { in_response_to: in_response_to.map(str::to_owned), not_on_or_after })
}

/// The signed confirmation must name a pending request of this browser, and the one the response names, if it does.
fn request(
    in_response_to: Option<&str>,
    response_to: Option<&str>,
    expect: &Expectations<'_>,
) -> Result<(), Rejection> {
    match in_response_to {
        Some(id) if !expect.request_ids.iter().any(|pending| pending == id) => Err(Rejection::UnknownRequest),
        Some(id) if response_to.is_some_and(|other| other != id) => Err(Rejection::RequestMismatch),
        Some(_) => Ok(()),
        None if response_to.is_some() => Err(Rejection::RequestMismatch),
        None if expect.allow_unsolicited => Ok(()),
        None => Err(Rejection::Unsolicited),
    }
}
