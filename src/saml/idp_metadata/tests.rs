//! Metadata that is believed, and metadata that is not. `metadata/` was signed by xmlsec1.

use std::time::Duration;

use super::*;
use crate::common::test_host::TestHost;
use crate::saml::signature::SignatureFault;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/saml/", $name))
    };
}
const SIGNED: &str = vector!("metadata/signed.xml");
const SIGNED_BY_OTHER: &str = vector!("metadata/signed-by-other.xml");
const LIST: &str = vector!("metadata/list-signed.xml");
const LIST_ENTITY: &str = vector!("metadata/list-entity-signed.xml");
const IDP: &str = "https://idp.example/entity/";

fn key(pem: &str) -> PublicKey {
    PublicKey::from_certificate(pem).unwrap()
}

fn idp() -> PublicKey {
    key(vector!("idp.cert.pem"))
}

fn plain(xml: &str) -> Result<ProviderMetadata, MetadataError> {
    read(xml.as_bytes(), IDP)
}

fn pinned(xml: &str) -> Result<ProviderMetadata, MetadataError> {
    read_signed(&TestHost::default(), xml.as_bytes(), IDP, &[idp()])
}

fn without_signature(xml: &str) -> String {
    let (before, rest) = xml.split_once("<Signature ").unwrap();
    format!("{before}{}", rest.split_once("</Signature>").unwrap().1)
}

#[test]
fn keys_and_endpoints_come_from_the_saml_role_and_from_no_other() {
    for xml in [SIGNED, LIST, LIST_ENTITY] {
        for metadata in [plain(xml), pinned(xml)] {
            let metadata = metadata.unwrap();
            assert_eq!(metadata.entity_id, IDP);
            assert_eq!(metadata.keys, [idp(), key(vector!("idp-ec.cert.pem"))], "signing, and use not said");
            let to = |endpoint: &Endpoint| (endpoint.binding, endpoint.location.clone());
            assert_eq!(
                metadata.sign_on.iter().map(to).collect::<Vec<_>>(),
                [
                    (Binding::Redirect, "https://idp.example/sso".to_owned()),
                    (Binding::Post, "https://idp.example/sso-post".to_owned())
                ]
            );
            assert_eq!(metadata.logout.len(), 1);
            assert_eq!((metadata.valid_until, metadata.cache_duration), (None, None));
        }
    }
}

#[test]
fn exactly_one_byte_order_mark_is_taken_away() {
    assert!(SIGNED.starts_with('\u{feff}'));
    assert!(plain(SIGNED).is_ok() && plain(SIGNED.trim_start_matches('\u{feff}')).is_ok());
    assert!(matches!(plain(&format!("\u{feff}{SIGNED}")), Err(MetadataError::Xml(_))));
}

#[test]
fn a_signature_of_another_key_is_no_pinned_one() {
    let untrusted = Err(MetadataError::Signature(SignatureFault::Untrusted));
    assert_eq!(pinned(SIGNED_BY_OTHER), untrusted);
    assert!(plain(SIGNED_BY_OTHER).is_ok(), "where the transport is trusted it does not matter");
    // Keys inside do not vouch for themselves.
    let other = key(vector!("other.cert.pem"));
    assert!(read_signed(&TestHost::default(), SIGNED.as_bytes(), IDP, &[other]).is_err());
}

#[test]
fn what_a_pinned_key_must_sign_is_not_used_unsigned() {
    for xml in [SIGNED, LIST, LIST_ENTITY] {
        assert_eq!(pinned(&without_signature(xml)), Err(MetadataError::Unsigned));
        assert!(plain(&without_signature(xml)).is_ok());
    }
}

#[test]
fn whatever_is_changed_in_signed_metadata_is_noticed() {
    for (from, to) in [
        ("https://idp.example/sso\"", "https://evil.example/sso\""),
        ("use=\"encryption\"", "use=\"signing\""),
        ("<IDPSSODescriptor ", "<IDPSSODescriptor validUntil=\"2099-01-01T00:00:00Z\" "),
    ] {
        for xml in [SIGNED, LIST, LIST_ENTITY] {
            let changed = xml.replace(from, to);
            assert_ne!(changed, xml);
            assert_eq!(pinned(&changed), Err(MetadataError::Signature(SignatureFault::Digest)), "{to}");
        }
    }
}

#[test]
fn a_signed_entity_inside_another_one_is_not_taken_for_it() {
    let body = SIGNED.split_once("?>").unwrap().1;
    let evil = body.replace("https://idp.example/sso", "https://evil.example/sso");
    let evil = without_signature(&evil).replace("_entity1", "_evil");
    let (start, rest) = evil.split_once('>').unwrap();
    // Around the signed one, before it, and behind it.
    for wrapped in [
        format!("{start}><Extensions>{body}</Extensions>{rest}"),
        format!("{start}>{body}{rest}"),
        format!("<EntitiesDescriptor xmlns=\"{METADATA}\">{evil}{body}</EntitiesDescriptor>"),
        format!("<EntitiesDescriptor xmlns=\"{METADATA}\">{body}{evil}</EntitiesDescriptor>"),
    ] {
        let judged = pinned(&wrapped);
        assert!(judged.is_err(), "{judged:?}");
    }
}

#[test]
fn two_descriptors_of_one_entity_are_nobodys_word() {
    let one = without_signature(SIGNED.split_once("?>").unwrap().1);
    let list = format!(
        "<EntitiesDescriptor xmlns=\"{METADATA}\">{one}<EntitiesDescriptor>{}</EntitiesDescriptor></EntitiesDescriptor>",
        one.replace("_entity1", "_entity2")
    );
    assert_eq!(plain(&list), Err(MetadataError::Several("EntityDescriptor")));
    let role = "<IDPSSODescriptor ";
    let (before, after) = one.split_once(role).unwrap();
    let inside = after.split_once("</EntityDescriptor>").unwrap().0;
    let twice = format!("{before}{role}{inside}{role}{after}");
    assert_eq!(plain(&twice), Err(MetadataError::Several("IDPSSODescriptor")));
}

#[test]
fn another_entity_and_the_template_for_all_tenants_are_refused() {
    assert_eq!(read(SIGNED.as_bytes(), "https://idp.example/entity"), Err(MetadataError::OtherEntity));
    assert_eq!(read(LIST.as_bytes(), "https://third.example/"), Err(MetadataError::OtherEntity));
    let template = SIGNED.replace(IDP, "https://sts.windows.net/{tenant}/");
    assert_eq!(plain(&template), Err(MetadataError::TenantPlaceholder));
    let issuer = "https://sts.windows.net/{tenantid}/";
    assert_eq!(plain(&SIGNED.replace(IDP, issuer)), Err(MetadataError::TenantPlaceholder));
}

#[test]
fn what_does_not_say_enough_is_not_used() {
    let saml = "urn:oasis:names:tc:SAML:2.0:protocol";
    assert_eq!(
        plain(&SIGNED.replace(saml, "urn:oasis:names:tc:SAML:1.1:protocol")),
        Err(MetadataError::NoRole)
    );
    assert_eq!(plain(&SIGNED.replace("IDPSSODescriptor", "SPSSODescriptor")), Err(MetadataError::NoRole));
    assert_eq!(
        plain(&SIGNED.replace("https://idp.example/sso", "http://idp.example/sso")),
        Err(MetadataError::NoSignOn)
    );
    let no_keys = SIGNED.replace("X509Certificate>", "X509Subject>");
    assert_eq!(plain(&no_keys), Err(MetadataError::NoKeys));
    assert_eq!(plain("<a/>"), Err(MetadataError::NotMetadata));
    assert_eq!(plain(&SIGNED.replace(METADATA, "urn:x")), Err(MetadataError::NotMetadata));
}

#[test]
fn a_certificate_that_cannot_be_used_is_left_out_and_counted() {
    let short: String = vector!("short.cert.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let ec: String = vector!("idp-ec.cert.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let metadata = plain(&SIGNED.replace(&ec, &short)).unwrap();
    assert_eq!((metadata.keys.len(), metadata.unusable_certificates), (1, 1));
}

#[test]
fn a_short_key_counts_where_it_is_accepted_by_name() {
    let short: String = vector!("short.cert.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let ours: String = vector!("idp.cert.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let xml = SIGNED.replace(&ours, &short);
    let of = |short_keys| read(xml.as_bytes(), Wanted { entity_id: IDP, short_keys }).unwrap().keys;
    assert_eq!(of(false), [key(vector!("idp-ec.cert.pem"))]);
    let short = PublicKey::from_certificate_even_short(vector!("short.cert.pem")).unwrap();
    assert_eq!(of(true), [short, key(vector!("idp-ec.cert.pem"))]);
}

#[test]
fn of_two_certificates_of_one_key_the_dates_of_both_count() {
    let inside = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let (ended, valid) = (inside(vector!("idp-ended.cert.pem")), inside(vector!("idp.cert.pem")));
    let ec = inside(vector!("idp-ec.cert.pem"));
    for (first, second) in [(&ended, &valid), (&valid, &ended)] {
        let xml = SIGNED.replace(&valid, "FIRST").replace(&ec, "SECOND");
        let xml = xml.replace("FIRST", first).replace("SECOND", second);
        let metadata = plain(&xml).unwrap();
        assert_eq!(metadata.keys, [idp()]);
        assert_eq!(metadata.keys[0].validity(), idp().validity(), "the other began later and ended before");
    }
}

#[test]
fn of_times_the_shortest_counts() {
    let xml = SIGNED
        .replace(
            &format!("entityID=\"{IDP}\""),
            &format!("entityID=\"{IDP}\" validUntil=\"2027-02-01T00:00:00Z\" cacheDuration=\"PT6H\""),
        )
        .replace(
            "<IDPSSODescriptor ",
            "<IDPSSODescriptor validUntil=\"2027-01-15T00:00:00Z\" cacheDuration=\"P1D\" ",
        );
    let metadata = plain(&xml).unwrap();
    assert_eq!(metadata.valid_until, UnixMillis::parse_rfc3339("2027-01-15T00:00:00Z"));
    assert_eq!(metadata.cache_duration, Some(Duration::from_secs(6 * 3600)));
    let around = LIST_ENTITY.replace(
        "<EntitiesDescriptor ",
        "<EntitiesDescriptor validUntil=\"2027-01-02T00:00:00Z\" cacheDuration=\"PT1H\" ",
    );
    for metadata in [plain(&around), pinned(&around)] {
        let metadata = metadata.unwrap();
        assert_eq!(metadata.valid_until, UnixMillis::parse_rfc3339("2027-01-02T00:00:00Z"));
        assert_eq!(metadata.cache_duration, Some(Duration::from_secs(3600)));
    }
    for wrong in ["validUntil=\"2027-02-01T00:00:00\"", "validUntil=\"soon\"", "cacheDuration=\"-PT1H\""] {
        let xml = SIGNED.replace("<IDPSSODescriptor ", &format!("<IDPSSODescriptor {wrong} "));
        assert!(matches!(plain(&xml), Err(MetadataError::Time(_))), "{wrong}");
    }
}

#[test]
fn metadata_that_is_cut_off_or_larger_than_any_is_refused() {
    for end in (0..SIGNED.len()).step_by(97).filter(|end| SIGNED.is_char_boundary(*end)) {
        assert!(plain(&SIGNED[..end]).is_err() && pinned(&SIGNED[..end]).is_err(), "{end}");
    }
    let large = format!("{SIGNED}{}", " ".repeat(MAX_SIZE));
    assert!(matches!(plain(&large), Err(MetadataError::Xml(_))));
    assert!(plain(&SIGNED.replace("?>", "?><!DOCTYPE x>")).is_err());
}

#[test]
fn more_keys_than_a_signature_is_tried_with_are_refused() {
    let many = SIGNED.replace("</IDPSSODescriptor>", &format!("{}</IDPSSODescriptor>", certificates_of(40)));
    assert_eq!(plain(&many), Err(MetadataError::TooMany("certificates")));
}

fn certificates_of(count: usize) -> String {
    let one = "<KeyDescriptor><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>AAAA\
               </X509Certificate></X509Data></KeyInfo></KeyDescriptor>";
    one.repeat(count)
}

#[test]
fn a_certificate_that_is_named_tells_whether_fetching_anew_may_help() {
    let named = SIGNED.replace(
        "</SignatureValue>",
        &format!(
            "</SignatureValue><KeyInfo><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo>",
            vector!("idp.cert.pem").lines().filter(|line| !line.starts_with('-')).collect::<String>()
        ),
    );
    let message = named.split_once("<RoleDescriptor").unwrap().0.to_owned() + "</EntityDescriptor>";
    assert!(!may_have_new_key(message.as_bytes(), &[idp()]), "the key is known: the signature is wrong");
    assert!(may_have_new_key(message.as_bytes(), &[key(vector!("other.cert.pem"))]));
    assert!(may_have_new_key(b"<a/>", &[idp()]), "nothing is said");
    assert!(!may_have_new_key(b"<a>", &[idp()]), "no message");
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn real_metadata_of_entra_is_read() {
    use crate::saml::test_support::fixture;
    for name in [
        "entra-2023-federationmetadata-appspecific.xml",
        "metadata-azure-multiple-signing.xml",
        "metadata-azure-wsfed-signed-xmlcrypto.xml",
        "metadata-azure-2013-lightsaml.xml",
    ] {
        let Some(text) = fixture(&format!("saml/entra/{name}")) else { continue };
        let issuer = text.split("entityID=\"").nth(1).unwrap().split('"').next().unwrap();
        let metadata = read(text.as_bytes(), issuer).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The oldest of them has one binding only.
        let bindings = if name.contains("2013") { 1 } else { 2 };
        assert!(
            !metadata.keys.is_empty() && metadata.sign_on.len() == bindings && metadata.logout.len() <= 1,
            "{name}"
        );
        println!("{name}: {} keys, {} unusable", metadata.keys.len(), metadata.unusable_certificates);
    }
    let Some(text) = fixture("saml/entra/entra-2023-federationmetadata-appspecific.xml") else { return };
    let Some(own) = fixture("saml/entra/entra-2023-app-cert.pem") else { return };
    let issuer = "https://sts.windows.net/a9054a0f-2011-4e31-b3ac-fd8c354146ec/";
    let metadata = read_signed(&TestHost::default(), text.as_bytes(), issuer, &[key(&own)]).unwrap();
    assert_eq!(metadata.keys, [key(&own)]);
}
