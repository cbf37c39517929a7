//! Why metadata is not used.

use crate::saml::signature::SignatureFault;
use crate::saml::xml::XmlError;

/// Why metadata is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataError {
    /// The reader refused the document.
    Xml(XmlError),
    /// The root is neither an entity nor a list of entities.
    NotMetadata,
    /// It is not about the configured entity.
    OtherEntity,
    /// It is the template that Entra publishes for `common`.
    TenantPlaceholder,
    /// What must be there once is there more often.
    Several(&'static str),
    /// The entity is no identity provider that speaks SAML 2.0.
    NoRole,
    /// No certificate with a key that can be used.
    NoKeys,
    /// No place to sign in, over `https`, by the Redirect or the POST binding.
    NoSignOn,
    /// A time or duration that is none; where.
    Time(&'static str),
    /// More of something than is read.
    TooMany(&'static str),
    /// A signature is wanted, and there is none.
    Unsigned,
    /// The signature that is there does not count.
    Signature(SignatureFault),
}

impl MetadataError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Xml(error) => error.code(),
            Self::NotMetadata => "metadata_root",
            Self::OtherEntity => "metadata_other_entity",
            Self::TenantPlaceholder => "metadata_tenant_placeholder",
            Self::Several(_) => "metadata_several",
            Self::NoRole => "metadata_no_role",
            Self::NoKeys => "metadata_no_keys",
            Self::NoSignOn => "metadata_no_sign_on",
            Self::Time(_) => "metadata_time",
            Self::TooMany(_) => "metadata_too_many",
            Self::Unsigned => "metadata_unsigned",
            Self::Signature(fault) => fault.code(),
        }
    }
}

impl std::fmt::Display for MetadataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Xml(error) => write!(f, "not XML as it is read here: {error}"),
            Self::NotMetadata => f.write_str("neither an EntityDescriptor nor an EntitiesDescriptor"),
            Self::OtherEntity => f.write_str("not about the configured entity_id"),
            Self::TenantPlaceholder => {
                f.write_str("the template for all tenants; take the metadata of your tenant and application")
            }
            Self::Several(what) => write!(f, "more than one {what} could be meant"),
            Self::NoRole => f.write_str("no IDPSSODescriptor that speaks SAML 2.0"),
            Self::NoKeys => f.write_str("no signing certificate with a key that is accepted"),
            Self::NoSignOn => {
                f.write_str("no SingleSignOnService over https by the Redirect or the POST binding")
            }
            Self::Time(what) => write!(f, "{what} is no time or duration with a zone"),
            Self::TooMany(what) => write!(f, "too many {what}"),
            Self::Unsigned => f.write_str("not signed, though a pinned certificate says that it must be"),
            Self::Signature(fault) => write!(f, "its signature does not count: {fault}"),
        }
    }
}

impl std::error::Error for MetadataError {}

impl From<XmlError> for MetadataError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}
