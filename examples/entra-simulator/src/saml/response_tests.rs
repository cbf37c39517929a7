use std::{io::Write, process::Command};

use super::{Break, Built, Encryption, Order, Signing, build};
use crate::{
    directory::Directory,
    keys::{Algorithm, tests::shared_key},
    random,
    saml::{
        SignOnSettings,
        claims::{Emit, GroupRule, GroupValue, NameIdFormat, groups_told},
        context::Context,
        encrypt::{Cipher, KeyTransport},
        test_settings,
    },
};

/// The response of an order that is changed a little.
fn ordered(settings: &SignOnSettings, change: impl FnOnce(&mut Order<'_>)) -> Built {
    let directory = Directory::with_examples();
    let mut user = directory.user("ada").unwrap().clone();
    user.display_name = "Ada <Ferngrove> & Söhne \"\u{1f33f}\"\r".into();
    let groups = groups_told(settings.claims.groups, &directory, "ada");
    let mut order = Order {
        settings,
        key: shared_key(),
        user: &user,
        name_id: "ada@meadow.example",
        name_id_format: NameIdFormat::EmailAddress,
        groups: &groups,
        context: &Context::default(),
        in_response_to: None,
        signing: Signing::Assertion,
        algorithm: Algorithm::RsaSha256,
        encryption: None,
        fault: None,
        now_ms: 1_800_000_000_123,
    };
    change(&mut order);
    build(&order).unwrap()
}

fn response(signing: Signing, fault: Option<Break>, in_response_to: Option<&str>) -> String {
    let settings = test_settings();
    let id = in_response_to.map(str::to_owned);
    ordered(&settings, |order| {
        (order.signing, order.fault) = (signing, fault);
        order.in_response_to = id.as_deref().map(|id| &*Box::leak(id.to_owned().into_boxed_str()));
    })
    .xml
}

fn by(signing: Signing, algorithm: Algorithm) -> String {
    ordered(&test_settings(), |order| (order.signing, order.algorithm) = (signing, algorithm)).xml
}

/// Whether Debian's `xmlsec1` accepts every signature; none if it is not installed.
fn xmlsec_accepts(xml: &str, algorithm: Algorithm) -> Option<bool> {
    Command::new("xmlsec1").arg("--version").output().ok()?;
    let directory = std::env::temp_dir().join(format!("entra-simulator-{}", random::guid().unwrap()));
    std::fs::create_dir_all(&directory).unwrap();
    let (document, certificate) = (directory.join("response.xml"), directory.join("certificate.pem"));
    std::fs::File::create(&document).unwrap().write_all(xml.as_bytes()).unwrap();
    std::fs::write(&certificate, shared_key().certificate_pem(algorithm)).unwrap();
    let verdict = ["Assertion", "Response"].iter().all(|name| {
        let path = format!("//*[local-name()='{name}']/*[local-name()='Signature']");
        if !xml.contains(&format!("{name} ID=")) || !has_own_signature(xml, name) {
            return true;
        }
        let mut command = Command::new("xmlsec1");
        command.args(["--verify", "--id-attr:ID", "Assertion", "--id-attr:ID"]);
        command
            .arg("urn:oasis:names:tc:SAML:2.0:protocol:Response")
            .arg("--pubkey-cert-pem")
            .arg(&certificate);
        let kind = if algorithm.uri().contains("ecdsa") { "ecdsa" } else { "rsa" };
        command.args(["--enabled-key-data", kind, "--node-xpath", &path]).arg(&document);
        let output = command.output().unwrap();
        output.status.success()
    });
    std::fs::remove_dir_all(&directory).unwrap();
    Some(verdict)
}

fn has_own_signature(xml: &str, name: &str) -> bool {
    let (_, element) = xml.split_once(&format!("{name} ID=")).unwrap();
    let (_, after_issuer) = element.split_once("</Issuer>").unwrap();
    after_issuer.starts_with("<Signature ")
}

#[test]
fn a_response_has_the_shape_of_entras() {
    let xml = response(Signing::Assertion, None, Some("_request"));
    assert!(xml.starts_with("<samlp:Response ID=\"_"), "{xml}");
    assert!(!xml.contains('\n'));
    assert!(xml.contains("xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"><Issuer xmlns="));
    assert!(xml.find("<AttributeStatement>").unwrap() < xml.find("<AuthnStatement ").unwrap());
    assert_eq!(xml.matches("InResponseTo=\"_request\"").count(), 2);
    assert!(xml.contains("NotBefore=\"2027-01-15T07:55:00.123Z\" NotOnOrAfter=\"2027-01-15T09:00:00.123Z\""));
    assert!(xml.contains("<Audience>https://localhost:8443/saml</Audience>"));
    assert!(xml.contains("<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>"));
}

#[test]
fn an_unsolicited_response_names_no_request() {
    assert!(!response(Signing::Assertion, None, None).contains("InResponseTo"));
}

#[test]
fn the_signing_option_decides_what_is_signed() {
    for (signing, of_assertion, of_response) in [
        (Signing::Assertion, true, false),
        (Signing::Response, false, true),
        (Signing::Both, true, true),
        (Signing::AssertionSha1, true, false),
    ] {
        let xml = response(signing, None, None);
        assert_eq!(xml.contains("rsa-sha1"), signing == Signing::AssertionSha1);
        assert_eq!(has_own_signature(&xml, "Assertion"), of_assertion, "{signing:?}");
        assert_eq!(has_own_signature(&xml, "Response"), of_response, "{signing:?}");
    }
}

#[test]
fn an_independent_verifier_accepts_every_signature() {
    for signing in [Signing::Assertion, Signing::Response, Signing::Both, Signing::AssertionSha1] {
        let Some(verdict) = xmlsec_accepts(&response(signing, None, Some("_r")), Algorithm::RsaSha256) else {
            eprintln!("skipped: xmlsec1 is not installed");
            return;
        };
        assert!(verdict, "{signing:?}");
    }
}

#[test]
fn an_independent_verifier_refuses_spoilt_responses() {
    for signing in [Signing::Assertion, Signing::Response, Signing::Both] {
        for fault in [Break::Signature, Break::Content] {
            let Some(verdict) = xmlsec_accepts(&response(signing, Some(fault), None), Algorithm::RsaSha256)
            else {
                eprintln!("skipped: xmlsec1 is not installed");
                return;
            };
            assert!(!verdict, "{signing:?} {fault:?}");
        }
    }
}

#[test]
fn each_fault_changes_what_it_names() {
    let with = |fault| response(Signing::Both, Some(fault), None);
    assert!(with(Break::Audience).contains("<Audience>https://other.example/saml</Audience>"));
    assert!(with(Break::Recipient).contains("Recipient=\"https://other.example/saml/acs\""));
    assert!(with(Break::Expired).contains("NotOnOrAfter=\"2027-01-15T07:00:00.123Z\""));
    assert!(with(Break::Issuer).contains("sts.windows.net/00000000-"));
    assert!(with(Break::Content).contains(">xada@meadow.example<"));
}

#[test]
fn each_algorithm_is_accepted_by_an_independent_verifier() {
    for (algorithm, ..) in Algorithm::ALL {
        let xml = by(Signing::Both, algorithm);
        assert_eq!(xml.matches(&format!("SignatureMethod Algorithm=\"{}\"", algorithm.uri())).count(), 2);
        if algorithm.uri().ends_with("MGF1") {
            // Beyond xmlsec1 1.2; the padding is verified by another library beside the keys.
            continue;
        }
        let Some(verdict) = xmlsec_accepts(&xml, algorithm) else {
            eprintln!("skipped: xmlsec1 is not installed");
            return;
        };
        assert!(verdict, "{algorithm:?}");
    }
}

#[test]
fn an_encrypted_assertion_is_read_by_an_independent_reader() {
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(
        &crate::keys::new_rsa().unwrap().as_slice().into(),
        &rcgen::PKCS_RSA_SHA256,
    )
    .unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap().pem();
    for (cipher, ..) in Cipher::ALL {
        // OAEP with SHA-256 is beyond xmlsec1 1.2.
        let key_transport = KeyTransport::OaepMgf1p;
        let encryption = Encryption { certificate: certificate.clone(), cipher, key_transport };
        let settings = test_settings();
        let encryption = Box::leak(Box::new(encryption));
        let xml = ordered(&settings, |order| order.encryption = Some(encryption)).xml;
        assert!(!xml.contains("ada@meadow.example") && xml.contains("<EncryptedAssertion"));
        let Some(plain) = decrypted(&xml, &pair.serialize_pem()) else {
            eprintln!("skipped: xmlsec1 is not installed");
            return;
        };
        assert!(plain.contains("ada@meadow.example"), "{cipher:?}: {plain}");
    }
}

/// What Debian's `xmlsec1` makes of an encrypted document; none if it is not installed.
fn decrypted(xml: &str, key: &str) -> Option<String> {
    Command::new("xmlsec1").arg("--version").output().ok()?;
    let directory = std::env::temp_dir().join(format!("entra-simulator-{}", random::guid().unwrap()));
    std::fs::create_dir_all(&directory).unwrap();
    let (document, key_file) = (directory.join("response.xml"), directory.join("key.pem"));
    std::fs::write(&document, xml).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let mut command = Command::new("xmlsec1");
    command.args(["--decrypt", "--privkey-pem"]).arg(&key_file).arg(&document);
    let output = command.output().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { errors })
}

#[test]
fn more_faults_change_what_they_name() {
    let with = |fault| response(Signing::Assertion, Some(fault), Some("_r"));
    assert!(!with(Break::Unsigned).contains("<Signature"));
    assert!(with(Break::Clock).contains("NotBefore=\"2027-01-15T08:05:00.123Z\""));
    assert!(with(Break::Destination).contains("Destination=\"https://other.example/saml/acs\""));
    assert!(!with(Break::InResponseTo).contains("InResponseTo=\"_r\""));
    assert!(with(Break::Status).contains("AADSTS50105") && !with(Break::Status).contains("<Assertion "));
    assert!(with(Break::NoPassive).contains("status:NoPassive"));
    assert!(with(Break::Doctype).starts_with("<!DOCTYPE"));
    let stranger = with(Break::OtherKey);
    assert!(stranger.contains("<Signature ") && !stranger.contains(&shared_key().certificate_base64()));
}

#[test]
fn a_wrapped_response_keeps_a_good_signature_over_what_was_signed() {
    for signing in [Signing::Assertion, Signing::Response, Signing::Both] {
        let xml = response(signing, Some(Break::Wrapped), None);
        let (forged, real) = (xml.find(">mallory@meadow.example<"), xml.find(">ada@meadow.example<"));
        assert!(forged.is_some() && real.is_some(), "{signing:?}");
        assert_eq!(xml.matches("<samlp:Extensions>").count(), 1, "{signing:?}");
    }
    let xml = response(Signing::Assertion, Some(Break::Wrapped), None);
    let Some(verdict) = xmlsec_accepts(&xml, Algorithm::RsaSha256) else { return };
    assert!(verdict, "the signature itself is good, which is what makes the attack");
}

#[test]
fn more_groups_than_150_become_a_link() {
    let groups: Vec<String> = (0..151).map(|number| format!("g-{number}")).collect();
    let groups = Box::leak(groups.into_boxed_slice());
    let xml = ordered(&test_settings(), |order| order.groups = groups).xml;
    assert!(xml.contains("/claims/groups.link") && !xml.contains("g-150"));
    let mut settings = test_settings();
    settings.claims.groups.overage = true;
    assert!(ordered(&settings, |_| {}).xml.contains("/claims/groups.link"));
}

#[test]
fn the_list_of_claims_is_what_is_sent() {
    let mut settings = test_settings();
    settings.claims.rules =
        vec![serde_json::from_str(r#"{"name":"dept","source":"user.department"}"#).unwrap()];
    settings.claims.groups =
        GroupRule { emit: Emit::Assigned, value: GroupValue::DisplayName, as_roles: true, overage: false };
    let xml = ordered(&settings, |_| {}).xml;
    assert!(xml.contains(r#"<Attribute Name="dept"><AttributeValue>Orchards</AttributeValue>"#));
    assert!(xml.contains(r#"claims/role"><AttributeValue>Orchard crew<"#) && !xml.contains("givenname"));
}

#[test]
fn the_context_is_what_was_chosen() {
    let context = Context::new("x509", false, 90);
    let context = Box::leak(Box::new(context));
    let xml = ordered(&test_settings(), |order| order.context = context).xml;
    assert!(xml.contains("classes:X509<") && !xml.contains("multipleauthn"));
    assert!(xml.contains("AuthnInstant=\"2027-01-15T06:30:00.123Z\""));
}
