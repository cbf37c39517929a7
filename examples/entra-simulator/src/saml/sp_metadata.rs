//! *Upload metadata file*: what an application says of itself.

use super::{
    encrypt::public_key,
    read::{METADATA, Node, SIGNATURE, parse},
};

/// What Entra takes over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Application {
    pub identifier: String,
    pub reply_url: String,
    pub logout_url: Option<String>,
    /// Of the first key for encryption.
    pub encryption_certificate: Option<String>,
    /// Of the first key for signatures.
    pub verification_certificate: Option<String>,
}

/// Reads the metadata of a service provider.
///
/// # Errors
/// It is none.
pub fn read(xml: &str) -> Result<Application, String> {
    let root = parse(xml.trim_start_matches('\u{feff}').trim_start())?;
    if !root.is(METADATA, "EntityDescriptor") {
        return Err("the root is not md:EntityDescriptor".into());
    }
    let role = root.child(METADATA, "SPSSODescriptor").ok_or("there is no SPSSODescriptor")?;
    let consumers: Vec<&Node> = role.children(METADATA, "AssertionConsumerService").collect();
    let consumer = consumers.iter().find(|consumer| consumer.is_true("isDefault")).or(consumers.first());
    let location = |node: &Node| node.attribute("Location").map(str::to_owned);
    let logout = role.children(METADATA, "SingleLogoutService");
    let by_redirect =
        |node: &&Node| node.attribute("Binding").is_some_and(|it| it.ends_with("HTTP-Redirect"));
    Ok(Application {
        identifier: root.attribute("entityID").ok_or("there is no entityID")?.to_owned(),
        reply_url: consumer.and_then(|node| location(node)).ok_or("there is no AssertionConsumerService")?,
        logout_url: logout.into_iter().find(by_redirect).and_then(location),
        encryption_certificate: certificate(role, "encryption").filter(|it| public_key(it).is_ok()),
        verification_certificate: certificate(role, "signing"),
    })
}

fn certificate(role: &Node, purpose: &str) -> Option<String> {
    let for_it = |node: &&Node| node.attribute("use").is_none_or(|known| known == purpose);
    let info = role.children(METADATA, "KeyDescriptor").find(for_it)?.child(SIGNATURE, "KeyInfo")?;
    let text = &info.child(SIGNATURE, "X509Data")?.child(SIGNATURE, "X509Certificate")?.text;
    Some(text.split_ascii_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::keys::tests::shared_key;

    #[test]
    fn addresses_and_certificates_are_taken_over() {
        let certificate = shared_key().certificate_base64();
        let xml = format!(
            r#"<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:app"><SPSSODescriptor><KeyDescriptor use="encryption"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://a.example/slo"/><AssertionConsumerService Location="https://a.example/other"/><AssertionConsumerService isDefault="true" Location="https://a.example/acs"/></SPSSODescriptor></EntityDescriptor>"#
        );
        let read = read(&xml.replace("?>", "?>\n").replace("<?xml version=\"1.0\"?>", "")).unwrap();
        assert_eq!((read.identifier.as_str(), read.reply_url.as_str()), ("urn:app", "https://a.example/acs"));
        assert_eq!(read.logout_url.as_deref(), Some("https://a.example/slo"));
        assert_eq!(read.encryption_certificate, Some(certificate));
        assert_eq!(read.verification_certificate, None);
    }

    #[test]
    fn what_is_no_service_provider_is_refused() {
        assert!(read("<x/>").is_err());
        assert!(
            read("<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='a'/>").is_err()
        );
    }
}
