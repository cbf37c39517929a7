//! Metadata of this service provider (SAML Metadata 2.4.4), for the "upload metadata file" of the identity provider.

use super::escape::xml;
use super::names::{BINDING_POST, METADATA, PROTOCOL};

/// What the metadata says.
#[derive(Clone, Copy, Debug)]
pub struct ServiceProvider<'a> {
    /// Entity ID of this service provider.
    pub entity_id: &'a str,
    /// URL of its assertion consumer.
    pub acs_url: &'a str,
    /// Whether the assertion itself must be signed, not only the response around it.
    pub want_assertions_signed: bool,
}

/// The metadata document. Content type: `application/samlmetadata+xml`.
#[must_use]
pub fn metadata(provider: &ServiceProvider<'_>) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{}\">\n  \
         <md:SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"{}\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">\n    \
         <md:AssertionConsumerService Binding=\"{BINDING_POST}\" Location=\"{}\" index=\"0\" isDefault=\"true\"/>\n  \
         </md:SPSSODescriptor>\n\
         </md:EntityDescriptor>\n",
        xml(provider.entity_id),
        provider.want_assertions_signed,
        xml(provider.acs_url),
    )
}

#[cfg(test)]
mod tests {
    use super::super::xml::{Document, Rules};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn metadata_names_the_entity_and_its_only_consumer() {
        let text = metadata(&ServiceProvider {
            entity_id: "https://app.example/saml?a=1&b='\"<x>",
            acs_url: "https://app.example/acs",
            want_assertions_signed: true,
        });
        let document = Document::parse(text.as_bytes(), Rules::CANONICAL).unwrap();
        let root = document.root().unwrap();
        assert!(root.is(METADATA, "EntityDescriptor"));
        assert_eq!(root.attribute("entityID"), Some("https://app.example/saml?a=1&b='\"<x>"));
        let role = root.children().next().unwrap();
        assert!(role.is(METADATA, "SPSSODescriptor"));
        assert_eq!(role.attribute("AuthnRequestsSigned"), Some("false"));
        assert_eq!(role.attribute("WantAssertionsSigned"), Some("true"));
        assert_eq!(role.attribute("protocolSupportEnumeration"), Some(PROTOCOL));
        let consumers: Vec<_> = role.children().collect();
        assert_eq!(consumers.len(), 1);
        assert!(consumers[0].is(METADATA, "AssertionConsumerService"));
        assert_eq!(consumers[0].attribute("Binding"), Some(BINDING_POST));
        assert_eq!(consumers[0].attribute("Location"), Some("https://app.example/acs"));
        assert_eq!(consumers[0].attribute("index"), Some("0"));
    }
}
