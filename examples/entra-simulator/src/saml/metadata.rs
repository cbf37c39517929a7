//! Federation metadata in the shape of Entra's: byte order mark, signature, two WS-Federation roles before the
//! identity provider, each with the certificate.

use crate::{
    keys::{Algorithm, SigningKey},
    random,
    saml::{
        SignOnSettings,
        sign::{key_info, signature_of},
    },
    xml::{ADDRESSING, Element, FEDERATION, METADATA},
};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// The metadata document.
///
/// # Errors
/// It could not be signed.
pub fn document(settings: &SignOnSettings, key: &SigningKey) -> Result<String, String> {
    let id = format!("_{}", random::guid()?);
    let service = |name, binding: &str| {
        Element::new(METADATA, name).with("Binding", binding).with("Location", settings.sso_url())
    };
    let provider = Element::new(METADATA, "IDPSSODescriptor")
        .with("protocolSupportEnumeration", "urn:oasis:names:tc:SAML:2.0:protocol")
        .children(Algorithm::CERTIFICATES.map(|by| key_descriptor(&key.certificate_for(by))))
        .child(service("SingleLogoutService", REDIRECT))
        .child(service("SingleSignOnService", REDIRECT))
        .child(service("SingleSignOnService", POST));
    let mut entity = Element::new(METADATA, "EntityDescriptor")
        .with("ID", id.clone())
        .with("entityID", settings.issuer())
        .child(role(settings, key, "SecurityTokenServiceType", "SecurityTokenServiceEndpoint"))
        .child(role(settings, key, "ApplicationServiceType", "ApplicationServiceEndpoint"))
        .child(provider);
    let signature = signature_of(&entity, &id, key, Algorithm::RsaSha256)?;
    entity.insert_first(signature);
    Ok(format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{}", entity.wire()))
}

fn key_descriptor(certificate: &str) -> Element {
    Element::new(METADATA, "KeyDescriptor").with("use", "signing").child(key_info(certificate))
}

fn role(settings: &SignOnSettings, key: &SigningKey, kind: &str, endpoint: &'static str) -> Element {
    let reference = |address: String| {
        Element::new(ADDRESSING, "EndpointReference").child(Element::new(ADDRESSING, "Address").text(address))
    };
    let passive = format!("{}/{}/wsfed", settings.origin, settings.tenant_id);
    Element::new(METADATA, "RoleDescriptor")
        .typed(FEDERATION, kind)
        .with("protocolSupportEnumeration", FEDERATION.1)
        .child(key_descriptor(&key.certificate_base64()))
        .child(Element::new(FEDERATION, "TargetScopes").child(reference(settings.issuer())))
        .child(Element::new(FEDERATION, endpoint).child(reference(passive.clone())))
        .child(Element::new(FEDERATION, "PassiveRequestorEndpoint").child(reference(passive)))
}

#[cfg(test)]
mod tests {
    use crate::{keys::tests::shared_key, saml::test_settings};

    #[test]
    fn metadata_starts_with_a_byte_order_mark_and_ends_with_the_provider() {
        let text = super::document(&test_settings(), shared_key()).unwrap();
        assert!(text.starts_with("\u{feff}<?xml"));
        assert!(text.ends_with("</IDPSSODescriptor></EntityDescriptor>"));
        assert_eq!(text.matches("<X509Certificate>").count(), 6, "signature, two roles, three keys");
        assert!(text.contains("entityID=\"https://sts.windows.net/3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7/\""));
    }
}
