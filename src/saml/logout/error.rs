//! Why a logout message is refused.

use crate::saml::signature::SignatureFault;
use crate::saml::xml::XmlError;

/// Why a logout message is refused. Nothing of the message is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutError {
    /// A parameter is missing, there twice, spelt in another way, or beside one that excludes it; which.
    Parameter(&'static str),
    /// A value is not Base64.
    Base64,
    /// Not one deflated message, or too large a one.
    Deflate,
    /// The reader refused the document.
    Xml(XmlError),
    /// Another message than the parameter says.
    NotLogout,
    /// A version other than 2.0.
    Version,
    /// A required attribute or element is missing; which.
    Missing(&'static str),
    /// An element where the schema has none, or twice.
    Unexpected,
    /// Two elements have one identifier.
    DuplicateId,
    /// The issuer is not the configured identity provider.
    Issuer,
    /// `Destination` is not this endpoint.
    Destination,
    /// A time that is none, or has no zone; where.
    Time(&'static str),
    /// The message is not of this hour: too old, or of the future.
    Stale,
    /// `NotOnOrAfter` has passed.
    Expired,
    /// The name of the person is encrypted.
    EncryptedName,
    /// The name of the person is missing or empty.
    NameId,
    /// A request without a signature.
    Unsigned,
    /// A signature that is there does not count.
    Signature(SignatureFault),
}

impl LogoutError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Parameter(_) => "logout_parameter",
            Self::Base64 => "base64",
            Self::Deflate => "deflate",
            Self::Xml(error) => error.code(),
            Self::NotLogout => "not_a_logout_message",
            Self::Version => "version",
            Self::Missing(_) => "missing",
            Self::Unexpected => "unexpected_element",
            Self::DuplicateId => "duplicate_id",
            Self::Issuer => "issuer_mismatch",
            Self::Destination => "destination_mismatch",
            Self::Time(_) => "time",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::EncryptedName => "encrypted_content",
            Self::NameId => "name_id",
            Self::Unsigned => "unsigned",
            Self::Signature(fault) => fault.code(),
        }
    }
}

impl std::fmt::Display for LogoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parameter(which) => write!(f, "the parameter {which} must be there exactly once, or not at all"),
            Self::Base64 => f.write_str("a value is not Base64"),
            Self::Deflate => f.write_str("not one deflated message of at most 256 KiB"),
            Self::Xml(error) => write!(f, "the message is not XML as it is read here: {error}"),
            Self::NotLogout => f.write_str("another message than its parameter says"),
            Self::Version => f.write_str("not SAML 2.0"),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Unexpected => f.write_str("an element where none belongs, or twice"),
            Self::DuplicateId => f.write_str("two elements have one identifier"),
            Self::Issuer => f.write_str("the issuer is not the configured identity provider"),
            Self::Destination => f.write_str(
                "the destination is not this endpoint; compare the Logout URL at the identity provider with ours",
            ),
            Self::Time(what) => write!(f, "{what} is no time with a zone"),
            Self::Stale => f.write_str("issued more than five minutes ago, or in the future; compare the clocks"),
            Self::Expired => f.write_str("its time has passed; compare the clocks"),
            Self::EncryptedName => f.write_str("the name is encrypted, which is not read in logout requests"),
            Self::NameId => f.write_str("the request names nobody"),
            Self::Unsigned => {
                f.write_str("a logout request must be signed; have the identity provider sign logout requests")
            }
            Self::Signature(fault) => write!(f, "{fault}"),
        }
    }
}

impl std::error::Error for LogoutError {}

impl From<XmlError> for LogoutError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

impl From<SignatureFault> for LogoutError {
    fn from(fault: SignatureFault) -> Self {
        Self::Signature(fault)
    }
}
