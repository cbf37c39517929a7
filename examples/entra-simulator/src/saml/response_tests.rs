use std::{io::Write, process::Command};

use super::{Break, Order, Signing, build};
use crate::{directory::Directory, keys::tests::shared_key, random, saml::test_settings};

fn response(signing: Signing, fault: Option<Break>, in_response_to: Option<&str>) -> String {
    let directory = Directory::with_examples();
    let mut user = directory.user("ada").unwrap().clone();
    user.display_name = "Ada <Ferngrove> & Söhne \"\u{1f33f}\"\r".into();
    let order = Order {
        settings: &test_settings(),
        key: shared_key(),
        user: &user,
        groups: &directory.groups_of("ada"),
        in_response_to,
        signing,
        fault,
        now_ms: 1_800_000_000_123,
    };
    build(&order).unwrap()
}

/// Whether Debian's `xmlsec1` accepts every signature; none if it is not installed.
fn xmlsec_accepts(xml: &str) -> Option<bool> {
    Command::new("xmlsec1").arg("--version").output().ok()?;
    let directory = std::env::temp_dir().join(format!("entra-simulator-{}", random::guid().unwrap()));
    std::fs::create_dir_all(&directory).unwrap();
    let (document, certificate) = (directory.join("response.xml"), directory.join("certificate.pem"));
    std::fs::File::create(&document).unwrap().write_all(xml.as_bytes()).unwrap();
    std::fs::write(&certificate, shared_key().certificate_pem()).unwrap();
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
        command.args(["--enabled-key-data", "rsa", "--node-xpath", &path]).arg(&document);
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
        let Some(verdict) = xmlsec_accepts(&response(signing, None, Some("_r"))) else {
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
            let Some(verdict) = xmlsec_accepts(&response(signing, Some(fault), None)) else {
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
fn more_groups_than_150_become_a_link() {
    let directory = Directory::with_examples();
    let groups: Vec<String> = (0..151).map(|number| format!("g-{number}")).collect();
    let order = Order {
        settings: &test_settings(),
        key: shared_key(),
        user: directory.user("ada").unwrap(),
        groups: &groups,
        in_response_to: None,
        signing: Signing::Assertion,
        fault: None,
        now_ms: 0,
    };
    let xml = build(&order).unwrap();
    assert!(xml.contains("/claims/groups.link") && !xml.contains("g-150"));
}
