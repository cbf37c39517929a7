//! Why a response was refused: a stable code for log and metric, a sentence for the operator, nothing for the browser.

use crate::saml::encryption::EncryptionFault;
use crate::saml::signature::SignatureFault;
use crate::saml::xml::XmlError;

/// Why a response was refused. Texts taken from the message are kept only where they name no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The form parameter is not Base64.
    Base64,
    /// The reader refused the document.
    Xml(XmlError),
    /// The root element is not a SAML response.
    NotAResponse(String),
    /// A version other than 2.0.
    Version,
    /// A required attribute or element is missing; its name.
    Missing(&'static str),
    /// An element where the schema has none, or twice where once is allowed; its name.
    Unexpected(String),
    /// Two elements have one identifier.
    DuplicateId,
    /// An assertion anywhere but directly in the response.
    NestedAssertion,
    /// Not exactly one assertion.
    AssertionCount(usize),
    /// The assertion is encrypted and was not read.
    Encryption(EncryptionFault),
    /// The name identifier or an attribute is encrypted, which is not accepted.
    EncryptedContent,
    /// A signature that belongs neither to the response nor to its assertion.
    MisplacedSignature,
    /// The identity provider reports a failure.
    Status {
        /// Last part of the status code.
        status: String,
        /// `AADSTS` and digits, where Entra gave such a code.
        aadsts: Option<String>,
    },
    /// `Destination` is not this assertion consumer.
    Destination(String),
    /// The issuer is not the configured identity provider.
    Issuer(&'static str, String),
    /// A signature that is there does not count; whose, and why.
    Signature(&'static str, SignatureFault),
    /// A required signature is missing.
    Unsigned(&'static str),
    /// The signing key's certificate is outside its dates.
    CertificateOutsideValidity,
    /// A time that is not one, or has no zone; where.
    Time(&'static str),
    /// The conditions' time has not come yet.
    NotYetValid,
    /// The conditions' time has passed.
    Expired,
    /// No audience restriction.
    AudienceMissing,
    /// An audience restriction does not name this service provider.
    Audience(String),
    /// A condition that is not understood (Core 2.5.1.1).
    UnknownCondition(String),
    /// No subject confirmation by bearer.
    ConfirmationMethod,
    /// The confirmation is for another assertion consumer.
    Recipient(String),
    /// The confirmation's time has passed.
    ConfirmationExpired,
    /// The response answers a request that this browser has not pending.
    UnknownRequest,
    /// The response answers no request, and unsolicited ones are not allowed.
    Unsolicited,
    /// Response and assertion say that they answer different requests.
    RequestMismatch,
    /// The session ended before it began.
    SessionExpired,
    /// The name identifier is missing or empty.
    NameId,
    /// The name identifier is qualified for another service provider.
    SpNameQualifier(String),
    /// Several attributes of one name.
    DuplicateAttribute(String),
}

impl Rejection {
    /// How much of a response fits the identity provider that it was held against: of several, the nearest tells why.
    #[must_use]
    pub fn nearness(&self) -> u8 {
        match self {
            Self::Issuer(..) => 0,
            Self::Signature(_, SignatureFault::Untrusted) => 1,
            _ => 2,
        }
    }

    /// Stable public code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Xml(error) => error.code(),
            Self::NotAResponse(_) => "not_a_response",
            Self::Version => "version",
            Self::Missing(_) => "missing",
            Self::Unexpected(_) => "unexpected_element",
            Self::DuplicateId => "duplicate_id",
            Self::NestedAssertion => "nested_assertion",
            Self::AssertionCount(_) => "assertion_count",
            Self::Encryption(fault) => fault.code(),
            Self::EncryptedContent => "encrypted_content",
            Self::MisplacedSignature => "misplaced_signature",
            Self::Status { .. } => "status",
            Self::Destination(_) => "destination_mismatch",
            Self::Issuer(..) => "issuer_mismatch",
            Self::Signature(_, fault) => fault.code(),
            Self::Unsigned(_) => "unsigned",
            Self::CertificateOutsideValidity => "certificate_outside_validity",
            Self::Time(_) => "time",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::AudienceMissing => "audience_missing",
            Self::Audience(_) => "audience_mismatch",
            Self::UnknownCondition(_) => "unknown_condition",
            Self::ConfirmationMethod => "confirmation_method",
            Self::Recipient(_) => "recipient_mismatch",
            Self::ConfirmationExpired => "confirmation_expired",
            Self::UnknownRequest => "unknown_request",
            Self::Unsolicited => "unsolicited",
            Self::RequestMismatch => "request_mismatch",
            Self::SessionExpired => "session_expired",
            Self::NameId => "name_id",
            Self::SpNameQualifier(_) => "sp_name_qualifier_mismatch",
            Self::DuplicateAttribute(_) => "duplicate_attribute",
        }
    }

    /// For the operator: which rule, on what, what to change. Holds no personal data, and is safe in a log line.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Base64 => "the parameter SAMLResponse is not Base64 of a message".to_owned(),
            Self::Xml(error) => format!("the message is not XML as SAML allows it: {error}"),
            Self::NotAResponse(found) => format!("expected a SAML 2.0 Response, found {}", quoted(found)),
            Self::Version => "only SAML version 2.0 is accepted".to_owned(),
            Self::Missing(what) => format!("the message has no {what}"),
            Self::Unexpected(what) => {
                format!("the message has {} where the schema has none, or twice", quoted(what))
            }
            Self::DuplicateId => "two elements of the message have one identifier".to_owned(),
            Self::NestedAssertion => "the message hides an assertion or response within something else".to_owned(),
            Self::AssertionCount(count) => format!("expected exactly one assertion, found {count}"),
            Self::Encryption(fault) => format!("encrypted assertion: {fault}"),
            Self::EncryptedContent => {
                "the name identifier or an attribute is encrypted; encrypt the whole assertion instead at the identity \
                 provider, or nothing"
                    .to_owned()
            }
            Self::MisplacedSignature => {
                "the message has a signature that belongs neither to the response nor to its assertion".to_owned()
            }
            Self::Status { status, aadsts } => format!(
                "the identity provider answered {}{}",
                quoted(status),
                aadsts.as_ref().map(|code| format!(", {code}")).unwrap_or_default()
            ),
            Self::Destination(found) => format!(
                "the response is for {}; the reply URL at the identity provider must be exactly the configured one",
                quoted(found)
            ),
            Self::Issuer(whose, found) => format!(
                "the {whose} was issued by {}; identity_provider.entity_id must be exactly that, if it is the right one",
                quoted(found)
            ),
            Self::Signature(whose, fault) => format!("signature of the {whose}: {fault}"),
            Self::Unsigned(what) => format!("{what} is not signed; change the signing option at the identity provider"),
            Self::CertificateOutsideValidity => {
                "the signing certificate is outside its dates; renew it at the identity provider".to_owned()
            }
            Self::Time(place) => format!("{place} is not a time with a zone"),
            Self::NotYetValid => "the assertion is not valid yet; compare the clocks".to_owned(),
            Self::Expired => "the assertion is no longer valid; compare the clocks".to_owned(),
            Self::AudienceMissing => "the assertion is not restricted to an audience".to_owned(),
            Self::Audience(found) => format!(
                "the assertion is for the audience {}; the identifier at the identity provider must be exactly entity_id",
                quoted(found)
            ),
            Self::UnknownCondition(what) => format!("the condition {} is not understood", quoted(what)),
            Self::ConfirmationMethod => "the subject is not confirmed by bearer".to_owned(),
            Self::Recipient(found) => format!(
                "the assertion is for the recipient {}; the reply URL at the identity provider must be exactly the \
                 configured one",
                quoted(found)
            ),
            Self::ConfirmationExpired => "the subject confirmation has expired; compare the clocks".to_owned(),
            Self::UnknownRequest => {
                "the response answers a request that this browser has not made, or that took too long".to_owned()
            }
            Self::Unsolicited => {
                "the response answers no request; set a sign-on URL at the identity provider so that sign-in starts here"
                    .to_owned()
            }
            Self::RequestMismatch => "response and assertion answer different requests".to_owned(),
            Self::SessionExpired => "the identity provider's session has ended already".to_owned(),
            Self::NameId => "the subject has no name identifier, or an empty one".to_owned(),
            Self::SpNameQualifier(found) => {
                format!("the name identifier is qualified for {}", quoted(found))
            }
            Self::DuplicateAttribute(name) => format!("the attribute {} is there twice", quoted(name)),
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail())
    }
}

impl std::error::Error for Rejection {}

impl From<EncryptionFault> for Rejection {
    fn from(fault: EncryptionFault) -> Self {
        Self::Encryption(fault)
    }
}

impl From<XmlError> for Rejection {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

/// A text of the message in quotes, printable and short: it may be anybody's.
fn quoted(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '?' });
    let mut short: String = printable.take(200).collect();
    if text.chars().nth(200).is_some() {
        short.push_str("...");
    }
    format!("\"{short}\"")
}
