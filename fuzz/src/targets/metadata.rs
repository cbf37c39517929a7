//! Metadata of an identity provider.

use std::sync::LazyLock;

use vestibule::common::test_host::TestHost;
use vestibule::crypto::PublicKey;
use vestibule::saml::idp_metadata::{
    Endpoint, MetadataError, ProviderMetadata, may_have_new_key, read, read_signed,
};

use crate::planted;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/saml/", $name))
    };
}

/// All that the pinned key ever signed.
const SIGNED: [&str; 3] = [
    vector!("metadata/signed.xml"),
    vector!("metadata/list-signed.xml"),
    vector!("metadata/list-entity-signed.xml"),
];
const ENTITY: &str = "https://idp.example/entity/";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

static PINNED: LazyLock<[PublicKey; 1]> =
    LazyLock::new(|| [PublicKey::from_certificate(vector!("idp.cert.pem")).unwrap()]);
static RIGHT: LazyLock<ProviderMetadata> = LazyLock::new(|| {
    let all = SIGNED.map(|xml| pinned(xml.as_bytes()).unwrap());
    assert!(all.iter().all(|one| *one == all[0]), "the three say the same");
    all.into_iter().next().unwrap()
});

fn pinned(document: &[u8]) -> Result<ProviderMetadata, MetadataError> {
    read_signed(&TestHost::default(), document, ENTITY, &*PINNED)
}

/// Where a key is pinned, nothing counts but what it signed; what is read at all is of the entity that was asked for.
pub fn metadata(data: &[u8]) {
    if let Ok(mut found) = pinned(data) {
        // What is not signed may shorten its life, and do nothing else.
        (found.valid_until, found.cache_duration) = (RIGHT.valid_until, RIGHT.cache_duration);
        assert_eq!(found, *RIGHT, "this was never signed");
    }
    match read(data, ENTITY) {
        Ok(found) => sound(data, &found),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            planted!(error == MetadataError::Several("IDPSSODescriptor"));
        }
    }
    // Only a hint; but it must come to an end.
    let _ = may_have_new_key(data, &*PINNED);
}

/// Of the one entity that was asked for, as another reader sees it, and with all that signing in needs.
fn sound(data: &[u8], found: &ProviderMetadata) {
    assert_eq!(found.entity_id, ENTITY);
    assert!((1..=16).contains(&found.keys.len()) && !found.sign_on.is_empty());
    let text = std::str::from_utf8(data).unwrap();
    let document = roxmltree::Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).unwrap();
    let mut own = document.descendants().filter(|node| {
        node.has_tag_name((METADATA, "EntityDescriptor")) && node.attribute("entityID") == Some(ENTITY)
    });
    let entity = own.next().unwrap();
    let roles = |local: &'static str| {
        entity
            .children()
            .filter(move |role| role.has_tag_name((METADATA, "IDPSSODescriptor")))
            .flat_map(move |role| role.children().filter(move |child| child.has_tag_name((METADATA, local))))
    };
    let listed = |local, endpoint: &Endpoint| {
        roles(local).any(|there| {
            there.attribute("Location") == Some(&endpoint.location)
                && there.attribute("ResponseLocation") == endpoint.response_location.as_deref()
        })
    };
    for (local, endpoints) in
        [("SingleSignOnService", &found.sign_on), ("SingleLogoutService", &found.logout)]
    {
        for endpoint in endpoints {
            assert!(endpoint.location.starts_with("https://") && endpoint.location.is_ascii());
            assert!(listed(local, endpoint), "{endpoint:?} is not of this entity");
        }
    }
    let certificates: Vec<_> = roles("KeyDescriptor")
        .filter(|key| key.attribute("use").is_none_or(|usage| usage == "signing"))
        .flat_map(|key| key.descendants().filter(|part| part.tag_name().name() == "X509Certificate"))
        .map(|part| {
            part.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect::<String>()
        })
        .filter_map(|text| PublicKey::from_certificate(&text).ok())
        .collect();
    assert!(found.keys.iter().all(|key| certificates.contains(key)), "a key that the role does not list");
}
