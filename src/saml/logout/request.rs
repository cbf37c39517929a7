//! `LogoutRequest` (Core 3.7.1): whose sessions are to end.

use super::check::{Head, MAX_AGE, MAX_VALUE, child, head, time};
use super::{Expect, LogoutError};
use crate::common::UnixMillis;
use crate::saml::names::{ASSERTION, PROTOCOL};
use crate::saml::xml::{Element, all_white};

/// More sessions than this are not told apart.
const MAX_INDEXES: usize = 16;

/// Whose sessions are to end.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// `ID`: what the response answers, and what is used once.
    pub id: String,
    /// The person.
    pub name_id: String,
    /// Their sessions at the identity provider; empty for all of them. More than sixteen are all of them.
    pub session_indexes: Vec<String>,
    /// Until when it could be presented again, clock skew included.
    pub ends: UnixMillis,
}

impl std::fmt::Debug for LogoutRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogoutRequest").field("sessions", &self.session_indexes.len()).finish_non_exhaustive()
    }
}

pub(super) const ROOT: &str = "LogoutRequest";

/// Checks all but the signature.
pub(super) fn check<'d>(root: Element<'d>, expect: &Expect<'_>) -> Result<Head<'d>, LogoutError> {
    const KNOWN: [(&str, &str); 4] = [
        (ASSERTION, "NameID"),
        (ASSERTION, "BaseID"),
        (ASSERTION, "EncryptedID"),
        (PROTOCOL, "SessionIndex"),
    ];
    let head = head(root, ROOT, &KNOWN, expect)?;
    if let Some(end) = root.attribute("NotOnOrAfter")
        && expect.now.before(expect.skew) >= time(end, "NotOnOrAfter")?
    {
        return Err(LogoutError::Expired);
    }
    Ok(head)
}

/// Reads it from signed octets, after [`check`].
pub(super) fn read(root: Element<'_>, expect: &Expect<'_>) -> Result<LogoutRequest, LogoutError> {
    let head = check(root, expect)?;
    if child(root, ASSERTION, "EncryptedID")?.is_some() {
        return Err(LogoutError::EncryptedName);
    }
    if child(root, ASSERTION, "BaseID")?.is_some() {
        return Err(LogoutError::NameId);
    }
    let name = child(root, ASSERTION, "NameID")?.ok_or(LogoutError::NameId)?;
    let name = name.text().filter(|text| !all_white(text) && text.len() <= MAX_VALUE);
    let mut session_indexes = Vec::new();
    for index in root.children().filter(|child| child.is(PROTOCOL, "SessionIndex")) {
        let text = index.text().filter(|text| !text.is_empty() && text.len() <= MAX_VALUE);
        session_indexes.push(text.ok_or(LogoutError::Missing("SessionIndex"))?.into_owned());
    }
    if session_indexes.len() > MAX_INDEXES {
        session_indexes.clear();
    }
    Ok(LogoutRequest {
        id: head.id.to_owned(),
        name_id: name.ok_or(LogoutError::NameId)?.into_owned(),
        session_indexes,
        ends: head.issued.after(MAX_AGE).after(expect.skew),
    })
}
