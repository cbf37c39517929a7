//! The identity provider.

pub mod metadata;
pub mod request;
pub mod response;
mod sign;

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
}

impl SignOnSettings {
    /// The issuer of responses.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://sts.windows.net/{}/", self.tenant_id)
    }

    /// Where authentication requests go.
    #[must_use]
    pub fn sso_url(&self) -> String {
        format!("{}/{}/saml2", self.origin, self.tenant_id)
    }
}

#[cfg(test)]
pub(crate) fn test_settings() -> SignOnSettings {
    SignOnSettings {
        tenant_id: "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7".into(),
        origin: "http://127.0.0.1:9081".into(),
        identifier: "https://localhost:8443/saml".into(),
        reply_url: "https://localhost:8443/.vestibule/saml/acs".into(),
    }
}
