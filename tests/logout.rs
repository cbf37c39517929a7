//! Single Logout through the whole gateway: whose session ends by which message, and what goes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs
)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/provider.rs"]
mod provider;
#[path = "support/single_logout.rs"]
mod single_logout;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use browser::{Browser, NOW, Site, header, text};
use provider::Response;
use single_logout::{Logout, OTHER_KEY, SLO, SLO_PATH, post};
use vestibule::common::Reply;

const PLAIN: &str = "logout: {slo_url: \"https://idp.example/slo\"}";
const POSTING: &str = "logout: {slo_url: \"https://idp.example/slo\", response_url: \"https://idp.example/slo/done\", binding: post}";

fn signing(more: &str) -> String {
    format!(
        "request: {{sign: {{key: {{env: SIGNING_KEY}}, certificate: \"{}\"}}}}\n{more}",
        include_str!("vectors/saml/other.cert.pem").replace('\n', "\\n")
    )
}

/// A browser with a session whose index at the identity provider is this one.
fn signed_in<'s>(site: &'s Site, index: &str) -> Browser<'s> {
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let mut response = Response::to(&id, site.host.time.get());
    response.id = index.to_owned();
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
    assert!(browser.has_session());
    browser
}

/// A stranger's browser brings the message: what counts is the message alone.
fn from_elsewhere(site: &Site, query: &str) -> Reply {
    site.browser().get(&format!("{SLO_PATH}?{query}")).unwrap()
}

/// What a reply carries to the identity provider: address, message, relay state.
fn carried(reply: &Reply, parameter: &str) -> (String, String, Option<String>) {
    let location = header(reply, "location").expect("a redirect");
    let (url, query) = location.split_once('?').unwrap();
    let value = |name: &str| {
        let raw = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
        Some(raw.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
    };
    let packed = STANDARD.decode(value(parameter).unwrap()).unwrap();
    let xml = String::from_utf8(miniz_oxide::inflate::decompress_to_vec(&packed).unwrap()).unwrap();
    (url.to_owned(), xml, value("RelayState"))
}

fn code_of(site: &Site) -> String {
    site.said().split("code=").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[track_caller]
fn refused(site: &Site, query: &str, code: &str) {
    let reply = from_elsewhere(site, query);
    assert_eq!((reply.status, code_of(site).as_str()), (403, code));
    assert!(header(&reply, "location").is_none() && header(&reply, "set-cookie").is_none());
}

#[test]
fn a_signed_request_ends_the_session_of_its_person_and_index_wherever_it_comes_from() {
    let site = Site::new(PLAIN, "");
    let (mut one, mut two) = (signed_in(&site, "_index-1"), signed_in(&site, "_index-2"));
    let reply = from_elsewhere(&site, &Logout::of("ada@n.example", &["_index-1"]).query("state-1"));
    assert_eq!(reply.status, 303);
    let (url, xml, state) = carried(&reply, "SAMLResponse");
    assert_eq!((url.as_str(), state.as_deref()), ("https://idp.example/slo", Some("state-1")));
    assert!(xml.contains("<samlp:LogoutResponse ") && xml.contains("InResponseTo=\"_logout-1\""));
    assert!(xml.contains("Destination=\"https://idp.example/slo\"") && xml.contains("status:Success"));
    assert!(xml.contains(">https://a.example/saml</Issuer>"));
    assert!(!one.has_session() && two.has_session());
}

#[test]
fn a_request_without_an_index_ends_all_sessions_of_its_person() {
    let site = Site::new(PLAIN, "");
    let (mut one, mut two) = (signed_in(&site, "_index-1"), signed_in(&site, "_index-2"));
    from_elsewhere(&site, &Logout::of("ADA@n.example", &[]).query(""));
    assert!(!one.has_session() && !two.has_session());
    site.host.time.set(NOW + 1);
    assert!(signed_in(&site, "_index-3").has_session(), "and signing in anew is possible");
}

#[test]
fn another_person_or_another_index_keeps_the_session() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    for (id, name, index) in [
        ("_1", "bob@n.example", "_index-1"),
        ("_2", "ada@n.example", "_index-2"),
        ("_3", "ada@n.example", "_INDEX-1"),
    ] {
        let message = Logout { id: id.to_owned(), ..Logout::of(name, &[index]) };
        assert_eq!(from_elsewhere(&site, &message.query("")).status, 303, "it is answered all the same");
        assert!(browser.has_session(), "{name} {index}");
    }
    let mut bobs = Logout::of("bob@n.example", &[]);
    bobs.id = "_4".to_owned();
    assert_eq!(browser.get(&format!("{SLO_PATH}?{}", bobs.query(""))).unwrap().status, 303);
    assert!(browser.has_session(), "though this very browser brought it");
}

#[test]
fn the_browser_that_brings_the_request_forgets_its_session() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    let reply =
        browser.get(&format!("{SLO_PATH}?{}", Logout::of("ada@n.example", &["_index-1"]).query(""))).unwrap();
    assert_eq!(reply.status, 303);
    assert!(!browser.cookies.keys().any(|name| name.contains("-s.")));
}

#[test]
fn a_login_that_was_begun_before_the_logout_signs_nobody_in_to_the_ended_session() {
    let site = Site::new(PLAIN, "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    site.host.time.set(NOW + 1000);
    let mut message = Logout::of("ada@n.example", &["_index-1"]);
    message.now = NOW + 1000;
    from_elsewhere(&site, &message.query(""));
    site.host.time.set(NOW + 2000);
    let mut response = Response::to(&id, NOW + 2000);
    response.id = "_index-1".to_owned();
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 403);
    assert!(!browser.has_session());
}

#[test]
fn what_is_unsigned_forged_or_meant_for_another_ends_nothing() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    let good = || Logout::of("ada@n.example", &["_index-1"]);
    refused(&site, &good().unsigned(""), "unsigned");
    refused(&site, &Logout { key: OTHER_KEY, ..good() }.query(""), "signature_untrusted");
    refused(
        &site,
        &Logout { destination: "https://b.example/slo".into(), ..good() }.query(""),
        "destination_mismatch",
    );
    refused(&site, &Logout { destination: String::new(), ..good() }.query(""), "missing");
    refused(&site, &Logout { issuer: "https://evil.example/".into(), ..good() }.query(""), "issuer_mismatch");
    refused(&site, &Logout { now: NOW - 400_000, ..good() }.query(""), "stale");
    refused(&site, &Logout { now: NOW + 61_000, ..good() }.query(""), "stale");
    refused(&site, &format!("{}&RelayState=x", good().query("")), "signature_untrusted");
    refused(&site, &format!("{0}&{0}", good().query("")), "logout_parameter");
    refused(&site, "", "logout_parameter");
    // The browser's own cookie does not make an unsigned message count.
    assert_eq!(browser.get(&format!("{SLO_PATH}?{}", good().unsigned(""))).unwrap().status, 403);
    assert!(browser.has_session());
}

#[test]
fn a_request_is_used_once() {
    let site = Site::new(PLAIN, "");
    let query = Logout::of("ada@n.example", &["_index-1"]).query("");
    assert_eq!(from_elsewhere(&site, &query).status, 303);
    site.host.time.set(NOW + 1);
    let mut browser = signed_in(&site, "_index-1");
    refused(&site, &query, "replayed");
    assert!(browser.has_session());
}

#[test]
fn a_relay_state_stays_what_it_is_and_adds_no_parameter() {
    let site = Site::new(PLAIN, "");
    let evil = "x&SAMLResponse=y\"><script>";
    let reply = from_elsewhere(&site, &Logout::of("ada@n.example", &[]).query(evil));
    let location = header(&reply, "location").unwrap();
    assert_eq!(location.matches("SAMLResponse=").count(), 1);
    assert!(location.ends_with("&RelayState=x%26SAMLResponse%3Dy%22%3E%3Cscript%3E"), "{location}");
    let posting = Site::new(POSTING, "");
    let reply = post(&mut posting.browser(), SLO_PATH, &Logout::of("ada@n.example", &[]).form(evil), true);
    assert!(text(&reply).contains("value=\"x&amp;SAMLResponse=y&quot;&gt;&lt;script&gt;\""));
}

#[test]
fn a_request_in_a_form_is_answered_by_a_form() {
    let site = Site::new(POSTING, "");
    let mut browser = signed_in(&site, "_index-1");
    let body = Logout::of("ada@n.example", &["_index-1"]).form("s");
    // A cross-site form brings no session along; the session ends all the same.
    let reply = post(&mut browser, SLO_PATH, &body, true);
    assert_eq!(reply.status, 200);
    let page = text(&reply);
    assert!(
        page.contains("action=\"https://idp.example/slo/done\"") && page.contains("name=\"SAMLResponse\"")
    );
    assert!(!browser.has_session());
    let unsigned = format!("SAMLRequest={}", STANDARD.encode("<a/>").replace('=', "%3D"));
    assert_eq!(post(&mut browser, SLO_PATH, &unsigned, true).status, 403);
}

#[test]
fn the_answer_is_signed_where_a_key_is_configured() {
    use vestibule::common::test_host::TestHost;
    use vestibule::crypto::{PublicKey, SignatureAlgorithm, verify};
    let site = Site::new(&signing(PLAIN), "");
    let reply = from_elsewhere(&site, &Logout::of("ada@n.example", &[]).query("s"));
    let query = header(&reply, "location").unwrap().split_once('?').unwrap().1;
    let (message, signature) = query.split_once("&Signature=").unwrap();
    let names: Vec<&str> = message.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    assert_eq!(names, ["SAMLResponse", "RelayState", "SigAlg"]);
    let signature =
        STANDARD.decode(signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")).unwrap();
    let key = PublicKey::from_certificate(include_str!("vectors/saml/other.cert.pem")).unwrap();
    let host = TestHost::default();
    assert!(verify(&host, &key, SignatureAlgorithm::RsaSha256, message.as_bytes(), &signature).is_ok());
    let unsigned = Site::new(&signing("logout: {slo_url: \"https://idp.example/slo\", sign: false}"), "");
    let reply = from_elsewhere(&unsigned, &Logout::of("ada@n.example", &[]).query("s"));
    assert!(!header(&reply, "location").unwrap().contains("Signature="));
}

// Ours to the identity provider.

#[test]
fn signing_out_here_signs_out_at_the_provider_and_comes_back() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    let mut copy = site.browser();
    copy.cookies = browser.cookies.clone();
    let reply = post(&mut browser, "/.vestibule/sign-out", "", false);
    assert_eq!(reply.status, 303);
    let (url, xml, _) = carried(&reply, "SAMLRequest");
    assert_eq!(url, "https://idp.example/slo");
    for part in [
        "<samlp:LogoutRequest ",
        "Destination=\"https://idp.example/slo\"",
        "NotOnOrAfter=\"2023-11-14T22:18:20.000Z\"",
        ">ada@n.example</NameID>",
        "<samlp:SessionIndex>_index-1</samlp:SessionIndex>",
        ">https://a.example/saml</Issuer>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    assert!(!browser.has_session() && !copy.has_session(), "the local session ends first");
    let id = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(browser.cookies.keys().any(|name| name.contains("-o.")));
    let reply = browser.get(&format!("{SLO_PATH}?{}", Logout::answering(id).query(""))).unwrap();
    assert_eq!(reply.status, 200);
    assert!(text(&reply).contains("You are signed out here and at your organisation"));
    assert!(!browser.cookies.keys().any(|name| name.contains("-o.")), "the answer is awaited no more");
}

#[test]
fn an_answer_to_another_browsers_request_is_refused_and_an_unsigned_one_believed_in_nothing() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    let reply = post(&mut browser, "/.vestibule/sign-out", "", false);
    let (_, xml, _) = carried(&reply, "SAMLRequest");
    let id = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    refused(&site, &Logout::answering(&id).query(""), "unknown_request");
    let other = browser.get(&format!("{SLO_PATH}?{}", Logout::answering("_other").query(""))).unwrap();
    assert_eq!(other.status, 403);
    let forged =
        browser.get(&format!("{SLO_PATH}?{}", Logout { key: OTHER_KEY, ..Logout::answering(&id) }.query("")));
    assert_eq!(forged.unwrap().status, 403);
    let unsigned = browser.get(&format!("{SLO_PATH}?{}", Logout::answering(&id).unsigned(""))).unwrap();
    assert_eq!(unsigned.status, 200);
    assert!(!text(&unsigned).contains("at your organisation"));
    site.host.time.set(NOW + 601_000);
    let late = Logout { now: NOW + 601_000, ..Logout::answering(&id) };
    assert_eq!(browser.get(&format!("{SLO_PATH}?{}", late.query(""))).unwrap().status, 403);
}

#[test]
fn without_a_session_or_from_a_script_signing_out_goes_nowhere_else() {
    let site = Site::new(PLAIN, "");
    assert_eq!(post(&mut site.browser(), "/.vestibule/sign-out", "", false).status, 200);
    let mut browser = signed_in(&site, "_index-1");
    assert_eq!(post(&mut browser, "/.vestibule/sign-out", "", true).status, 403, "another site cannot");
    assert!(browser.has_session());
    let page = browser.get("/.vestibule/sign-out").unwrap();
    assert!(header(&page, "content-security-policy").unwrap().contains("form-action 'self' https:;"));
    let trial = Site::new(&PLAIN.replace("https://idp.example", "http://127.0.0.1:9081"), "");
    let page = trial.browser().get("/.vestibule/sign-out").unwrap();
    assert!(header(&page, "content-security-policy").unwrap().contains("form-action 'self' https: http:;"));
    let plain = Site::new("", "");
    let page = plain.browser().get("/.vestibule/sign-out").unwrap();
    assert!(header(&page, "content-security-policy").unwrap().contains("form-action 'self';"));
}

#[test]
fn a_request_of_ours_by_post_is_a_form_that_submits_itself() {
    let site = Site::new(&signing(POSTING), "");
    let mut browser = signed_in(&site, "_index-1");
    let reply = post(&mut browser, "/.vestibule/sign-out", "", false);
    assert_eq!(reply.status, 200);
    let page = text(&reply);
    assert!(page.contains("action=\"https://idp.example/slo\"") && page.contains("name=\"SAMLRequest\""));
    assert!(page.contains("<title>Sign out</title>") && page.contains("<button "));
    let value = page.split("name=\"SAMLRequest\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let xml = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
    assert!(xml.contains("<ds:Signature ") && xml.contains("</Issuer><ds:Signature"));
}

#[test]
fn our_metadata_names_the_endpoint_only_where_there_is_one() {
    let of = |saml: &str| text(&Site::new(saml, "").browser().get("/.vestibule/saml/metadata").unwrap());
    assert_eq!(of(PLAIN).matches(&format!("SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{SLO}\"")).count(), 1);
    assert_eq!(of(PLAIN).matches("SingleLogoutService").count(), 2);
    assert!(!of("").contains("SingleLogoutService"));
    assert_eq!(Site::new("", "").browser().get(SLO_PATH).unwrap().status, 404);
}

#[test]
fn the_endpoint_can_lie_elsewhere_and_takes_nothing_but_get_and_forms() {
    let site = Site::new("logout: {slo_url: \"https://idp.example/slo\", path: /bye}", "");
    let message = Logout { destination: "https://a.example/bye".into(), ..Logout::of("ada@n.example", &[]) };
    assert_eq!(site.browser().get(&format!("/bye?{}", message.query(""))).unwrap().status, 303);
    assert!(site.browser().get(SLO_PATH).unwrap().status == 404);
}

#[test]
fn entra_is_understood_though_it_names_the_person_and_itself_otherwise() {
    let tenant = "11111111-2222-3333-4444-555555555555";
    let issuer = format!("https://sts.windows.net/{tenant}/");
    let text = browser::configuration("", "")
        .replace("entity_id: https://idp.example/\n", &format!("entity_id: {issuer}\n"))
        .replace(
            "      identity_provider:\n",
            &format!("      entra: {{tenant_id: {tenant}}}\n      logout: {{}}\n      identity_provider:\n"),
        );
    let site = Site::of(&text);
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let claim = |name: &str| format!("http://schemas.microsoft.com/identity/claims/{name}");
    let mut response = Response::to(&id, NOW)
        .with(&claim("tenantid"), &[tenant])
        .with(&claim("objectidentifier"), &["99999999-2222-3333-4444-555555555555"]);
    response.issuer = issuer.clone();
    response.id = "_entra-assertion".to_owned();
    let reply = browser.answer(&response.encoded(), Some(&state));
    assert_eq!(reply.status, 303, "{}", site.said());
    let reply = post(&mut browser, "/.vestibule/sign-out", "", false);
    let (url, xml, _) = carried(&reply, "SAMLRequest");
    assert_eq!(url, format!("https://login.microsoftonline.com/{tenant}/saml2"));
    let own = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
    let login = format!("https://login.microsoftonline.com/{tenant}/");
    let answer = Logout { issuer: login, destination: String::new(), ..Logout::answering(own) };
    assert_eq!(browser.get(&format!("{SLO_PATH}?{}", answer.query(""))).unwrap().status, 200);
    // Signed in anew; then Entra ends it under another name.
    site.host.time.set(NOW + 1000);
    let (id, state) = browser.start("/page");
    let mut again = Response::to(&id, NOW + 1000)
        .with(&claim("tenantid"), &[tenant])
        .with(&claim("objectidentifier"), &["99999999-2222-3333-4444-555555555555"]);
    (again.issuer, again.id) = (issuer.clone(), "_entra-assertion-2".to_owned());
    assert_eq!(browser.answer(&again.encoded(), Some(&state)).status, 303);
    let end = Logout { issuer, now: NOW + 1000, ..Logout::of("pairwise-opaque", &["_entra-assertion-2"]) };
    assert_eq!(from_elsewhere(&site, &end.query("")).status, 303);
    assert!(!browser.has_session());
}

#[test]
fn a_logout_that_cannot_be_recorded_is_not_answered_with_success() {
    let site = Site::new(PLAIN, "");
    let query = Logout::of("ada@n.example", &["_index-1"]).query("");
    site.host.shared_fails.set(true);
    let reply = from_elsewhere(&site, &query);
    assert!(
        reply.status == 403 && header(&reply, "location").is_none(),
        "not even whether it was used before"
    );
}

#[test]
fn nothing_of_a_person_gets_into_the_log() {
    let site = Site::new(PLAIN, "");
    let mut browser = signed_in(&site, "_index-1");
    browser.get(&format!("{SLO_PATH}?{}", Logout::of("ada@n.example", &["_index-1"]).query("secret-state")));
    refused(
        &site,
        &Logout { key: OTHER_KEY, ..Logout::of("ada@n.example", &[]) }.query(""),
        "signature_untrusted",
    );
    for line in site.host.lines.borrow().iter() {
        assert!(!line.contains("ada") && !line.contains("_index") && !line.contains("secret"), "{line}");
    }
}

/// `binding` is for what we send, wherever the address stands.
#[test]
fn an_identity_provider_of_several_is_spoken_to_as_the_configuration_says() {
    let certificate = include_str!("vectors/idp.crt").replace('\n', "\\n");
    for (binding, status) in [("redirect", 303), ("post", 200)] {
        let usual = browser::configuration(&signing(&format!("logout: {{binding: {binding}}}")), "");
        let (before, rest) = usual.split_once("      identity_provider:\n").unwrap();
        let after = rest.split_once("certificates: ").unwrap().1.split_once('\n').unwrap().1;
        let site = Site::of(&format!(
            "{before}      identity_providers:\n        - {{name: only, entity_id: \"https://idp.example/\", \
             sso_url: \"https://idp.example/sso\", slo_url: \"https://idp.example/slo\", \
             certificates: [\"{certificate}\"]}}\n{after}"
        ));
        let mut browser = signed_in(&site, "_index-1");
        let reply = post(&mut browser, "/.vestibule/sign-out", "", false);
        assert_eq!(reply.status, status, "{binding}: {}", text(&reply));
        if binding == "post" {
            let page = text(&reply);
            assert!(
                page.contains("action=\"https://idp.example/slo\"") && page.contains("name=\"SAMLRequest\"")
            );
        }
    }
}
