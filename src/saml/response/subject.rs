//! The subject and its confirmation (SAML Core 2.4, Profiles 4.1.4.2 and 4.1.4.3).

use super::envelope::{child, time};
use super::{Expectations, Reader, Rejection};
use crate::common::UnixMillis;
use crate::saml::encryption::EncryptionFault;
use crate::saml::names::{ASSERTION, BEARER};
use crate::saml::xml::{Document, Element, Rules, all_white};

/// A confirmed subject.
pub(super) struct Subject {
    pub(super) name: Name,
    /// The name is encrypted and was not read.
    pub(super) name_unread: bool,
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
    reader: &mut Reader<'_, '_>,
) -> Result<Subject, Rejection> {
    let expect = reader.expect;
    let subject = child(assertion, ASSERTION, "Subject")?.ok_or(Rejection::Missing("Subject"))?;
    if subject.has_text() {
        return Err(Rejection::Unexpected("text".to_owned()));
    }
    let mut best: Option<Confirmed> = None;
    let (mut reason, mut seen) = (Rejection::Missing("SubjectConfirmation"), false);
    for part in subject.children() {
        if part.is(ASSERTION, "EncryptedID") && !expect.accept.encrypted_name_id {
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
                    if why == Rejection::UnknownRequest {
                        let data = child(part, ASSERTION, "SubjectConfirmationData")?;
                        reader.checks.answers_unknown(data.and_then(|data| data.attribute("InResponseTo")));
                    }
                    reason = why;
                    seen = true;
                }
            }
        } else if !part.is(ASSERTION, "NameID") && !part.is(ASSERTION, "EncryptedID") {
            return Err(Rejection::Unexpected(part.local().to_owned()));
        }
    }
    let Some(Confirmed { in_response_to, not_on_or_after }) = best else { return Err(reason) };
    let name = match (child(subject, ASSERTION, "NameID")?, child(subject, ASSERTION, "EncryptedID")?) {
        (Some(_), Some(_)) => return Err(Rejection::Unexpected("EncryptedID".to_owned())),
        (Some(plain), None) => Some(name(plain, expect)?),
        (None, Some(encrypted)) => decrypted_name(encrypted, reader)?,
        (None, None) if expect.accept.no_name_id => Some(Name::default()),
        (None, None) => return Err(Rejection::NameId),
    };
    let name_unread = name.is_none();
    let name = name.unwrap_or_default();
    Ok(Subject { name, name_unread, in_response_to, not_on_or_after })
}

/// A `NameID` (Core 2.2.3).
#[derive(Default)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) format: Option<String>,
    pub(super) qualifier: Option<String>,
    pub(super) sp_qualifier: Option<String>,
}

/// The name in an `EncryptedID`; `None` where no private key is left for it or its algorithms are not allowed.
fn decrypted_name(encrypted: Element<'_>, reader: &mut Reader<'_, '_>) -> Result<Option<Name>, Rejection> {
    let expect = reader.expect;
    let outcome = reader.decryptor.decrypt(reader.host, encrypted, |octets| {
        let document = Document::parse(octets, Rules::MESSAGE).ok()?;
        let root = document.root().filter(|root| root.is(ASSERTION, "NameID"))?;
        Some(name(root, expect))
    });
    match outcome {
        Ok(name) => name.map(Some),
        Err(EncryptionFault::Structure(_) | EncryptionFault::Failed) => Err(Rejection::EncryptedContent),
        Err(EncryptionFault::Busy) => Err(EncryptionFault::Busy.into()),
        Err(_) => Ok(None),
    }
}

fn name(name_id: Element<'_>, expect: &Expectations<'_>) -> Result<Name, Rejection> {
    let text = name_id.text().filter(|text| !all_white(text)).ok_or(Rejection::NameId)?;
    if let Some(qualifier) = name_id.attribute("SPNameQualifier")
        && qualifier != expect.audience
        && !expect.accept.sp_name_qualifier_mismatch
    {
        return Err(Rejection::SpNameQualifier(qualifier.to_owned()));
    }
    let attribute = |name| name_id.attribute(name).map(str::to_owned);
    Ok(Name {
        text: text.into_owned(),
        format: attribute("Format"),
        qualifier: attribute("NameQualifier"),
        sp_qualifier: attribute("SPNameQualifier"),
    })
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
    // Profiles 4.1.4.2 has none here, but some providers send it. It can only refuse.
    if let Some(begin) = data.attribute("NotBefore")
        && expect.now.after(expect.skew) < time(begin, "NotBefore of the subject confirmation")?
    {
        return Err(Rejection::NotYetValid);
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
