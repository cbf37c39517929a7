//! Metadata of this service provider (SAML Metadata 2.4.4), for the "upload metadata file" of the identity provider.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::enveloped::{NotSigned, Signing, sign};
use super::escape::xml;
use super::names::{BINDING_POST, BINDING_REDIRECT, DSIG, METADATA, PROTOCOL};
use crate::common::Host;
use crate::crypto::{DecryptionKey, sha256};

/// What the metadata says.
#[derive(Clone, Copy, Debug)]
pub struct ServiceProvider<'a> {
    /// Entity ID of this service provider.
    pub entity_id: &'a str,
    /// URL of its assertion consumer.
    pub acs_url: &'a str,
    /// Whether the assertion itself must be signed, not only the response around it.
    pub want_assertions_signed: bool,
    /// What its requests are signed with, where they are.
    pub signing: Option<Signing<'a>>,
    /// Keys that assertions may be encrypted to.
    pub encryption: &'a [EncryptionKey<'a>],
    /// The only format of names that is asked for, where one is.
    pub name_id_format: Option<&'a str>,
    /// URL of its logout endpoint, where it has one; both bindings are spoken there.
    pub slo_url: Option<&'a str>,
}

/// A key that assertions may be encrypted to.
#[derive(Clone, Copy, Debug)]
pub enum EncryptionKey<'a> {
    /// Base64 of its certificate's DER.
    Certificate(&'a str),
    /// Its numbers, where there is no certificate.
    Numbers(&'a DecryptionKey),
}

/// The metadata document. Content type: `application/samlmetadata+xml`.
#[must_use]
pub fn metadata(provider: &ServiceProvider<'_>) -> String {
    let (before, after) = parts(provider, "");
    format!("{DECLARATION}{before}{after}")
}

/// The same, signed; its text depends on the provider alone, so that it can be kept.
///
/// # Errors
/// Where it cannot be signed.
pub fn signed_metadata(
    host: &dyn Host,
    provider: &ServiceProvider<'_>,
    signing: Signing<'_>,
) -> Result<String, NotSigned> {
    let hash = sha256(metadata(provider).as_bytes());
    let id: String = std::iter::once("_".to_owned())
        .chain(hash.iter().take(16).map(|byte| format!("{byte:02x}")))
        .collect();
    let (before, after) = parts(provider, &format!(" ID=\"{id}\""));
    Ok(format!("{DECLARATION}{}", sign(host, &before, &after, &id, signing)?))
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The start tag of the root and the rest: a signature is the first child (Metadata 2.3.2).
fn parts(provider: &ServiceProvider<'_>, id: &str) -> (String, String) {
    let keys: String = provider
        .signing
        .map(|signing| key_descriptor("signing", &certificate(signing.certificate), ""))
        .into_iter()
        .chain(provider.encryption.iter().map(|key| key_descriptor("encryption", &key_info(key), METHODS)))
        .collect();
    let format = provider
        .name_id_format
        .map(|format| format!("    <md:NameIDFormat>{}</md:NameIDFormat>\n", xml(format)))
        .unwrap_or_default();
    let logout: String = provider
        .slo_url
        .map(|url| {
            [BINDING_REDIRECT, BINDING_POST].map(|binding| {
                format!("    <md:SingleLogoutService Binding=\"{binding}\" Location=\"{}\"/>\n", xml(url))
            })
        })
        .into_iter()
        .flatten()
        .collect();
    let before =
        format!("<md:EntityDescriptor xmlns:md=\"{METADATA}\"{id} entityID=\"{}\">", xml(provider.entity_id));
    let after = format!(
        "\n  <md:SPSSODescriptor AuthnRequestsSigned=\"{}\"{} \
         protocolSupportEnumeration=\"{PROTOCOL}\">\n{keys}{logout}{format}    \
         <md:AssertionConsumerService Binding=\"{BINDING_POST}\" Location=\"{}\" index=\"0\" isDefault=\"true\"/>\n  \
         </md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
        provider.signing.is_some(),
        // Where nothing is wanted nothing is said: some providers take a "false" for a wish.
        if provider.want_assertions_signed { " WantAssertionsSigned=\"true\"" } else { "" },
        xml(provider.acs_url),
    );
    (before, after)
}

/// What we decrypt without being told to by name.
const METHODS: &str = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
                       <md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/>\
                       <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>";

fn key_descriptor(usage: &str, key: &str, methods: &str) -> String {
    format!(
        "    <md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo xmlns:ds=\"{DSIG}\">{key}</ds:KeyInfo>{methods}\
         </md:KeyDescriptor>\n"
    )
}

fn certificate(text: &str) -> String {
    format!("<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>", xml(text))
}

fn key_info(key: &EncryptionKey<'_>) -> String {
    match key {
        EncryptionKey::Certificate(text) => certificate(text),
        EncryptionKey::Numbers(key) => {
            let (modulus, exponent) = key.public_parts();
            format!(
                "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{}</ds:Modulus><ds:Exponent>{}</ds:Exponent>\
                 </ds:RSAKeyValue></ds:KeyValue>",
                STANDARD.encode(modulus),
                STANDARD.encode(exponent),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::{Document, Element, Rules};
    use super::*;
    use crate::common::test_host::TestHost;
    use crate::crypto::{PublicKey, SigningKey};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PLAIN: ServiceProvider<'static> = ServiceProvider {
        entity_id: "https://app.example/saml?a=1&b='\"<x>",
        acs_url: "https://app.example/acs",
        want_assertions_signed: true,
        signing: None,
        encryption: &[],
        name_id_format: None,
        slo_url: None,
    };

    fn role<'d>(document: &'d Document<'d>) -> Element<'d> {
        let root = document.root().unwrap();
        assert!(root.is(METADATA, "EntityDescriptor"));
        assert_eq!(root.attribute("entityID"), Some("https://app.example/saml?a=1&b='\"<x>"));
        root.children().find(|child| child.is(METADATA, "SPSSODescriptor")).unwrap()
    }

    #[test]
    fn metadata_names_the_entity_and_its_only_consumer() {
        let text = metadata(&PLAIN);
        let document = Document::parse(text.as_bytes(), Rules::CANONICAL).unwrap();
        let role = role(&document);
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

    #[test]
    fn keys_and_the_format_of_names_stand_before_the_consumer_as_the_schema_wants() {
        let signer = SigningKey::from_pem(include_str!("../../tests/vectors/saml/idp.key.pem")).unwrap();
        let ours = DecryptionKey::from_pem(include_str!("../../tests/vectors/saml/sp.key.pem")).unwrap();
        let text = metadata(&ServiceProvider {
            signing: Some(Signing { key: &signer, certificate: "AAAA" }),
            encryption: &[EncryptionKey::Certificate("BBBB"), EncryptionKey::Numbers(&ours)],
            name_id_format: Some("urn:f"),
            slo_url: Some("https://app.example/slo"),
            ..PLAIN
        });
        let document = Document::parse(text.as_bytes(), Rules::CANONICAL).unwrap();
        let role = role(&document);
        assert_eq!(role.attribute("AuthnRequestsSigned"), Some("true"));
        let parts: Vec<_> = role.children().map(|part| (part.local(), part.attribute("use"))).collect();
        assert_eq!(
            parts,
            [
                ("KeyDescriptor", Some("signing")),
                ("KeyDescriptor", Some("encryption")),
                ("KeyDescriptor", Some("encryption")),
                ("SingleLogoutService", None),
                ("SingleLogoutService", None),
                ("NameIDFormat", None),
                ("AssertionConsumerService", None),
            ]
        );
        let numbers = role.children().nth(2).unwrap();
        let value = |local| {
            let found = numbers.descendants().find(|part| part.local() == local).unwrap();
            STANDARD.decode(found.text().unwrap().as_bytes()).unwrap()
        };
        let theirs = PublicKey::from_rsa_parts(&value("Modulus"), &value("Exponent")).unwrap();
        assert_eq!(theirs.spki(), ours.spki().unwrap());
    }

    #[test]
    fn signed_metadata_is_the_same_text_each_time_and_its_signature_is_the_first_child() {
        let signer = SigningKey::from_pem(include_str!("../../tests/vectors/saml/idp.key.pem")).unwrap();
        let signing = Signing { key: &signer, certificate: "AAAA" };
        let provider = ServiceProvider { signing: Some(signing), ..PLAIN };
        let host = TestHost::default();
        let one = signed_metadata(&host, &provider, signing).unwrap();
        assert_eq!(one, signed_metadata(&host, &provider, signing).unwrap());
        let certificate = include_str!("../../tests/vectors/saml/idp.cert.pem");
        assert!(super::super::enveloped::tests::is_signed_by(&one, certificate));
        let changed = one.replace("https://app.example/acs", "https://evil.example/acs");
        assert!(!super::super::enveloped::tests::is_signed_by(&changed, certificate));
    }
}
