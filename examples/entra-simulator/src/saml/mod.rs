//! The identity provider.

pub mod change;
pub mod claims;
pub mod context;
pub mod encrypt;
pub mod faults;
pub mod logout;
pub mod metadata;
pub mod read;
pub mod request;
pub mod response;
mod sign;
pub mod sp_metadata;
mod verify;

use claims::ClaimSettings;
use encrypt::{Cipher, KeyTransport};
use response::Signing;

use crate::keys::Algorithm;

/// What the tenant and the enterprise application's single sign-on page are set to.
#[derive(Debug, Clone)]
pub struct SignOnSettings {
    /// Tenant GUID.
    pub tenant_id: String,
    /// Origin under which the simulator is reached, without trailing slash.
    pub origin: String,
    /// *Identifier (Entity ID)* of the application.
    pub identifier: String,
    /// *Reply URL (Assertion Consumer Service URL)* of the application.
    pub reply_url: String,
    /// *Sign on URL*: where the tile leads; without it, the tile signs in from here.
    pub sign_on_url: Option<String>,
    /// *Relay State*, for sign-ons that start here.
    pub relay_state: Option<String>,
    /// *Logout URL*. Without it the browser does not return after signing out.
    pub logout_url: Option<String>,
    /// *Signing option*.
    pub signing: Signing,
    /// *Signing algorithm*.
    pub algorithm: Algorithm,
    /// Whether assertions are encrypted, where there is a certificate.
    pub encrypts: bool,
    pub encryption_certificate: Option<String>,
    pub cipher: Cipher,
    pub key_transport: KeyTransport,
    /// *Require verification certificates*.
    pub verification_required: bool,
    pub verification_certificate: Option<String>,
    /// *Attributes & Claims*.
    pub claims: ClaimSettings,
}

impl SignOnSettings {
    /// As a new enterprise application has them.
    #[must_use]
    pub fn new(tenant_id: String, origin: String, identifier: String, reply_url: String) -> Self {
        Self {
            tenant_id,
            origin,
            identifier,
            reply_url,
            sign_on_url: None,
            relay_state: None,
            logout_url: None,
            signing: Signing::default(),
            algorithm: Algorithm::default(),
            encrypts: false,
            encryption_certificate: None,
            cipher: Cipher::default(),
            key_transport: KeyTransport::default(),
            verification_required: false,
            verification_certificate: None,
            claims: ClaimSettings::default(),
        }
    }

    /// The issuer of responses.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://sts.windows.net/{}/", self.tenant_id)
    }

    /// Where authentication and logout requests go.
    #[must_use]
    pub fn sso_url(&self) -> String {
        format!("{}/{}/saml2", self.origin, self.tenant_id)
    }
}

#[cfg(test)]
pub(crate) fn test_settings() -> SignOnSettings {
    SignOnSettings::new(
        "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7".into(),
        "http://127.0.0.1:9081".into(),
        "https://localhost:8443/saml".into(),
        "https://localhost:8443/.vestibule/saml/acs".into(),
    )
}
