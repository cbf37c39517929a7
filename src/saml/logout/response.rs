//! `LogoutResponse` (Core 3.7.2): how the identity provider's part of a logout went.

use super::check::{child, head, required};
use super::{Expect, LogoutError};
use crate::saml::names::{PROTOCOL, SUCCESS};
use crate::saml::xml::Element;

/// How the identity provider's part of a logout went.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// The request of ours that it answers.
    pub in_response_to: String,
    /// What it says became of it.
    pub outcome: Outcome,
    /// Whether the identity provider signed it. If not, anybody may have written it.
    pub signed: bool,
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything the identity provider knows of has ended.
    Success,
    /// Its own session has ended, one of another application perhaps not (Core 3.2.2.2).
    Partial,
    /// It failed.
    Failed,
}

pub(super) const ROOT: &str = "LogoutResponse";
const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

pub(super) fn read(
    root: Element<'_>,
    expect: &Expect<'_>,
    signed: bool,
) -> Result<LogoutResponse, LogoutError> {
    head(root, ROOT, &[(PROTOCOL, "Status")], expect)?;
    let status = child(root, PROTOCOL, "Status")?.ok_or(LogoutError::Missing("Status"))?;
    let code = child(status, PROTOCOL, "StatusCode")?.ok_or(LogoutError::Missing("StatusCode"))?;
    let second = child(code, PROTOCOL, "StatusCode")?.and_then(|second| second.attribute("Value"));
    let outcome = match (required(code, "Value")?, second) {
        (_, Some(PARTIAL)) => Outcome::Partial,
        (SUCCESS, _) => Outcome::Success,
        _ => Outcome::Failed,
    };
    Ok(LogoutResponse { in_response_to: required(root, "InResponseTo")?.to_owned(), outcome, signed })
}
