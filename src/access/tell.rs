//! What the application is told of who is there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::assertion::{About, Assertions};
use super::session::Session;
use super::values::{CannotStand, Speaker};
use crate::common::{HeaderEdit, Host};
use crate::config::{BasicCredentials, IdentitySettings, Told};

/// Why the application cannot be told who is there. The request must not reach it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// A header, or all of them together, would be longer than they may be.
    TooLarge,
    /// A value cannot stand in a header and is not to be encoded, or a user's name holds a colon or a control character.
    CannotStand,
    /// The assertion has no subject.
    NoSubject,
    /// The assertion could not be signed: no key, no randomness, or the host did not do it.
    NotSigned,
}

impl Untold {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "identity_too_large",
            Self::CannotStand => "identity_unencodable",
            Self::NoSubject => "identity_without_subject",
            Self::NotSigned => "assertion_not_signed",
        }
    }
}

impl From<CannotStand> for Untold {
    fn from(_: CannotStand) -> Self {
        Self::CannotStand
    }
}

/// What is needed to tell the application of one tenant who is there.
pub struct Teller<'a> {
    /// Time and randomness, for assertions.
    pub host: &'a dyn Host,
    /// Name of the tenant.
    pub tenant: &'a str,
    /// What it is told.
    pub settings: &'a IdentitySettings,
    /// What it is told instead where this rule decided.
    pub rule: Option<&'a Told>,
    /// Assertions that were made before.
    pub assertions: &'a Assertions,
}

impl Teller<'_> {
    /// The headers that tell the application who is there. A header whose placeholders are all without a value is not
    /// set.
    ///
    /// # Errors
    /// Where anything of it cannot be told; then nothing is.
    pub fn tell(&self, session: &Session) -> Result<Vec<HeaderEdit>, Untold> {
        let settings = self.settings;
        let speaker = Speaker {
            identity: &session.identity,
            groups: &settings.groups,
            unencodable: settings.unencodable,
        };
        let headers = self.rule.map_or(&settings.headers, |told| &told.headers);
        let mut told: Vec<(&str, String)> = Vec::new();
        for header in headers {
            if let Some(value) = speaker.header(&header.value)? {
                told.push((&header.name, value));
            }
        }
        if let Some(basic) = settings.basic.as_ref().filter(|_| self.rule.is_none_or(|told| told.basic)) {
            told.push(("authorization", credentials(&speaker, basic)?));
        }
        let assertion = settings.assertion.as_ref().filter(|_| self.rule.is_none_or(|told| told.assertion));
        if let Some(assertion) = assertion {
            let about = About { tenant: self.tenant, session, speaker };
            told.push((&assertion.header, self.assertions.about(self.host, assertion, &about)?));
        }
        let octets =
            |(name, value): &(&str, String)| name.len().saturating_add(value.len()).saturating_add(4);
        let all = told.iter().map(octets).fold(0, usize::saturating_add);
        if all > settings.max_headers || told.iter().any(|(_, value)| value.len() > settings.max_header) {
            return Err(Untold::TooLarge);
        }
        Ok(told.iter().map(|(name, value)| HeaderEdit::set(name, value)).collect())
    }
}

/// RFC 7617, 2: neither part holds control characters, and the user no colon.
fn credentials(speaker: &Speaker<'_>, basic: &BasicCredentials) -> Result<String, Untold> {
    let user = speaker.text(&basic.user)?.unwrap_or_default();
    if user.is_empty() {
        return Err(Untold::NoSubject);
    }
    if user.chars().any(|letter| letter == ':' || letter.is_control()) {
        return Err(Untold::CannotStand);
    }
    let pair = zeroize::Zeroizing::new(format!("{user}:{}", basic.password.expose()));
    Ok(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}
