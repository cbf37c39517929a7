//! Trust by metadata through the whole gateway: what is believed, when it is fetched, and who waits for it.
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

use browser::{Browser, NOW, Site, begun, header, text};
use provider::Response;
use single_logout::{KEY, OTHER_KEY, escaped};
use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, UnixMillis};
use vestibule::crypto::SigningKey;
use vestibule::gateway::{CallAnswer, Due, Event, Exchange, Gateway, Step, Wait};
use vestibule::saml::enveloped::{Signing, sign};

const IDP_CERTIFICATE: &str = include_str!("vectors/idp.crt");
const OTHER_CERTIFICATE: &str = include_str!("vectors/saml/other.cert.pem");
const URL: &str = "cluster: idp, authority: idp.example, path: /metadata";

/// A tenant whose identity provider is known by what stands here.
fn site(trust: &str) -> Site {
    Site::of(&configuration(trust, ""))
}

fn configuration(trust: &str, saml: &str) -> String {
    let text = browser::configuration(saml, "");
    let (before, rest) = text.split_once("        sso_url:").unwrap();
    let (_, after) = rest.split_once("certificates: ").unwrap();
    let after = after.split_once('\n').unwrap().1;
    format!("{before}        {trust}\n{after}")
}

fn pem(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn inside(certificate: &str) -> String {
    certificate.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Metadata with these signing certificates, signed where a key is given.
fn metadata(certificates: &[&str], more: &str, key: Option<&str>) -> String {
    let keys: String = certificates
        .iter()
        .map(|certificate| {
            format!(
                "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
                 <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>",
                inside(certificate)
            )
        })
        .collect();
    let before = format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\" entityID=\"https://idp.example/\"{more}>"
    );
    let binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    let after = format!(
        "<IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <SingleLogoutService Binding=\"{binding}\" Location=\"https://idp.example/slo\" \
         ResponseLocation=\"https://idp.example/slo/done\"/>\
         <SingleSignOnService Binding=\"{binding}\" Location=\"https://idp.example/sso\"/></IDPSSODescriptor>\
         </EntityDescriptor>"
    );
    match key {
        None => format!("{before}{after}"),
        Some(key) => {
            let key = SigningKey::from_pem(key).unwrap();
            sign(&TestHost::default(), &before, &after, "_m", Signing { key: &key, certificate: "AAAA" })
                .unwrap()
        }
    }
}

/// Answers whatever is to be fetched now; how much that was.
fn fetched(site: &Site, status: u16, body: &str) -> usize {
    let due = site.gateway.due(&site.host);
    for (id, call) in &due {
        assert_eq!(call.cluster, "idp");
        let answer = CallAnswer { status, headers: Headers::default(), body: body.as_bytes().to_vec() };
        site.gateway.answered(id, Some(&answer), &site.host);
    }
    due.len()
}

fn later(site: &Site, seconds: u64) {
    site.host.time.set(site.host.time.get() + seconds * 1000);
}

/// The form with the answer to a login is sent; the exchange and what it does.
fn send(browser: &Browser<'_>, response: &str, state: &str) -> (Exchange, Step) {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers = Headers::from([
        (":method", "POST"),
        (":path", "/.vestibule/saml/acs"),
        (":authority", "a.example"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookies.join("; ").as_str()),
    ]);
    let body = format!("SAMLResponse={}&RelayState={state}", escaped(response));
    let host = &browser.site.host;
    let mut exchange = browser.site.gateway.exchange();
    assert_eq!(exchange.on(Event::RequestHeaders { headers, end: false }, host), Step::Hold);
    *host.request.borrow_mut() = body.as_bytes().to_vec();
    let step = exchange.on(Event::RequestBody { size: body.len(), end: true }, host);
    (exchange, step)
}

fn status(step: &Step) -> u16 {
    match step {
        Step::Answer(reply) => reply.status,
        other => panic!("{other:?}"),
    }
}

fn by_tls() -> Site {
    site(&format!("metadata: {{{URL}}}\n        trust: tls"))
}

fn by_pin() -> Site {
    site(&format!("metadata: {{{URL}}}\n        pinned: {{certificates: [\"{}\"]}}", pem(OTHER_CERTIFICATE)))
}

fn response(id: &str, site: &Site) -> String {
    Response::to(id, site.host.time.get()).encoded()
}

#[test]
fn metadata_in_the_configuration_says_where_to_sign_in_and_by_which_keys() {
    let text = metadata(&[IDP_CERTIFICATE], "", None).replace('"', "\\\"");
    let site = site(&format!("metadata: {{text: \"{text}\"}}"));
    let mut browser = site.browser();
    let reply = browser.get("/page").unwrap();
    assert!(header(&reply, "location").unwrap().starts_with("https://idp.example/sso?SAMLRequest="));
    let (id, state) = begun(&reply);
    assert_eq!(browser.answer(&response(&id, &site), Some(&state)).status, 303);
    assert!(site.gateway.next_due().is_none(), "nothing is fetched");
}

#[test]
fn until_metadata_is_there_signing_in_is_not_possible_and_says_when_to_try_again() {
    let site = by_tls();
    let mut browser = site.browser();
    let reply = browser.get("/page").unwrap();
    assert_eq!((reply.status, header(&reply, "retry-after")), (503, Some("5")));
    assert!(text(&reply).starts_with("<!doctype html>"));
    assert_eq!(fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", None)), 1);
    let (id, state) = browser.start("/page");
    assert_eq!(browser.answer(&response(&id, &site), Some(&state)).status, 303);
    assert!(browser.has_session());
}

#[test]
fn a_form_that_comes_before_the_metadata_waits_for_it() {
    let known = by_tls();
    fetched(&known, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let mut browser = known.browser();
    let (id, state) = browser.start("/page");
    // Another worker, which has just been started.
    let fresh = by_tls();
    let browser = Browser {
        site: &fresh,
        cookies: browser.cookies.clone(),
        acs_path: browser.acs_path.clone(),
        extra: Vec::new(),
    };
    let (mut exchange, step) = send(&browser, &response(&id, &fresh), &state);
    let Step::Wait(Wait::Document(document, end)) = step else { panic!("{step:?}") };
    assert_eq!(end, UnixMillis(NOW + 10_000));
    assert!(fresh.gateway.is_coming(&Due::Document(document)));
    fetched(&fresh, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    assert!(!fresh.gateway.is_coming(&Due::Document(document)));
    assert_eq!(status(&exchange.on(Event::Woken, &fresh.host)), 303);
}

#[test]
fn a_form_does_not_wait_for_ever() {
    let known = by_tls();
    fetched(&known, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let mut browser = known.browser();
    let (id, state) = browser.start("/page");
    let fresh = by_tls();
    let browser = Browser {
        site: &fresh,
        cookies: browser.cookies.clone(),
        acs_path: browser.acs_path.clone(),
        extra: Vec::new(),
    };
    let (mut exchange, step) = send(&browser, &response(&id, &fresh), &state);
    assert!(matches!(step, Step::Wait(_)));
    // The server does not answer in time, or dies: both end the wait, and the second look does not wait again.
    fetched(&fresh, 503, "");
    let step = exchange.on(Event::Woken, &fresh.host);
    assert_eq!(status(&step), 503);
    for seconds in [1, 2, 4] {
        let (mut exchange, step) = send(&browser, &response(&id, &fresh), &state);
        assert!(matches!(step, Step::Wait(_)), "the next attempt is in {seconds} s: {step:?}");
        assert_eq!(fetched(&fresh, 503, ""), 0, "and not sooner because somebody waits");
        later(&fresh, seconds);
        assert_eq!(fetched(&fresh, 503, ""), 1);
        assert_eq!(status(&exchange.on(Event::Woken, &fresh.host)), 503);
    }
    let (_, step) = send(&browser, &response(&id, &fresh), &state);
    assert_eq!(status(&step), 503, "nobody waits longer than that for an attempt");
}

#[test]
fn a_form_that_comes_shortly_before_the_next_attempt_waits_for_it() {
    let known = by_tls();
    fetched(&known, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let mut browser = known.browser();
    let (id, state) = browser.start("/page");
    let fresh = by_tls();
    fetched(&fresh, 503, "");
    let browser = Browser {
        site: &fresh,
        cookies: browser.cookies.clone(),
        acs_path: browser.acs_path.clone(),
        extra: Vec::new(),
    };
    let (mut exchange, step) = send(&browser, &response(&id, &fresh), &state);
    let Step::Wait(Wait::Document(document, _)) = step else { panic!("{step:?}") };
    assert!(fresh.gateway.is_coming(&Due::Document(document)));
    later(&fresh, 1);
    assert_eq!(fetched(&fresh, 200, &metadata(&[IDP_CERTIFICATE], "", None)), 1);
    assert_eq!(status(&exchange.on(Event::Woken, &fresh.host)), 303);
}

#[test]
fn only_so_many_forms_wait_at_once() {
    let known = by_tls();
    fetched(&known, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let mut browser = known.browser();
    let (id, state) = browser.start("/page");
    let fresh = by_tls();
    let browser = Browser {
        site: &fresh,
        cookies: browser.cookies.clone(),
        acs_path: browser.acs_path.clone(),
        extra: Vec::new(),
    };
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let (exchange, step) = send(&browser, &response(&id, &fresh), &state);
        assert!(matches!(step, Step::Wait(_)));
        waiting.push(exchange);
    }
    assert_eq!(status(&send(&browser, &response(&id, &fresh), &state).1), 503);
    waiting.pop();
    assert!(
        matches!(send(&browser, &response(&id, &fresh), &state).1, Step::Wait(_)),
        "a place was given back"
    );
}

#[test]
fn a_key_that_is_new_has_the_metadata_fetched_and_no_login_is_lost() {
    let site = by_tls();
    fetched(&site, 200, &metadata(&[OTHER_CERTIFICATE], "", None));
    later(&site, 61);
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let (mut exchange, step) = send(&browser, &response(&id, &site), &state);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert_eq!(fetched(&site, 200, &metadata(&[OTHER_CERTIFICATE, IDP_CERTIFICATE], "", None)), 1);
    assert_eq!(status(&exchange.on(Event::Woken, &site.host)), 303);
}

#[test]
fn a_key_that_stays_unknown_is_refused_and_fetched_for_once_a_minute_only() {
    let site = by_tls();
    fetched(&site, 200, &metadata(&[OTHER_CERTIFICATE], "", None));
    later(&site, 61);
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let (mut exchange, step) = send(&browser, &response(&id, &site), &state);
    assert!(matches!(step, Step::Wait(_)));
    fetched(&site, 200, &metadata(&[OTHER_CERTIFICATE], "", None));
    assert_eq!(status(&exchange.on(Event::Woken, &site.host)), 403);
    assert!(site.said().contains("code=signature_untrusted"));
    let (_, step) = send(&browser, &response(&id, &site), &state);
    assert_eq!(status(&step), 403, "not again within a minute");
    assert_eq!(fetched(&site, 200, ""), 0);
}

#[test]
fn a_broken_message_of_a_known_key_has_nothing_fetched() {
    let site = by_tls();
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    later(&site, 61);
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let named = Response::to(&id, site.host.time.get())
        .xml()
        .replace("AAAA</ds:X509Cert", &format!("{}</ds:X509Cert", inside(IDP_CERTIFICATE)));
    let (before, after) = named.split_once("<ds:SignatureValue>").unwrap();
    let forged = format!("{before}<ds:SignatureValue>AAAA{}", &after[4..]);
    use base64::Engine;
    let forged = base64::engine::general_purpose::STANDARD.encode(forged);
    assert_eq!(status(&send(&browser, &forged, &state).1), 403);
    assert!(site.said().contains("code=signature_untrusted"));
    // And a message that is wrong in another way neither.
    let mut wrong = Response::to(&id, site.host.time.get());
    wrong.issuer = "https://evil.example/".to_owned();
    assert_eq!(status(&send(&browser, &wrong.encoded(), &state).1), 403);
    assert_eq!(fetched(&site, 200, ""), 0);
}

#[test]
fn a_pinned_key_must_have_signed_what_is_fetched() {
    let site = by_pin();
    for bad in [
        metadata(&[IDP_CERTIFICATE], "", None),
        metadata(&[IDP_CERTIFICATE], "", Some(KEY)),
        metadata(&[IDP_CERTIFICATE], "", Some(OTHER_KEY)).replace("idp.example/sso", "evil.example/sso"),
    ] {
        assert_eq!(fetched(&site, 200, &bad), 1);
        assert_eq!(site.browser().get("/page").unwrap().status, 503);
        later(&site, 61);
    }
    assert_eq!(fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", Some(OTHER_KEY))), 1);
    assert_eq!(site.browser().get("/page").unwrap().status, 302);
}

#[test]
fn what_was_good_is_kept_whatever_the_server_says_later() {
    let site = by_tls();
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let good = metadata(&[IDP_CERTIFICATE], "", None);
    for (status, bad) in [
        (503, String::new()),
        (200, "<html>".to_owned()),
        (200, good.replace("https://idp.example/\"", "https://evil.example/\"")),
        (200, metadata(&[], "", None)),
        (200, good.replace("https://idp.example/sso", "http://idp.example/sso")),
        (200, good.replace("https://idp.example/\"", "https://sts.windows.net/{tenant}/\"")),
        (200, metadata(&[IDP_CERTIFICATE], " validUntil=\"2020-01-01T00:00:00Z\"", None)),
        (302, good.clone()),
        (200, good[..good.len() - 10].to_owned()),
    ] {
        later(&site, 3600);
        assert_eq!(fetched(&site, status, &bad), 1);
        assert!(site.host.lines.borrow().iter().any(|line| line.contains("kept=true")));
        let mut browser = site.browser();
        let (id, state) = browser.start("/page");
        assert_eq!(browser.answer(&response(&id, &site), Some(&state)).status, 303);
        // An assertion is used once; the next one needs another identifier, or another process.
        site.host.shared.borrow_mut().clear();
        site.gateway.prepare(&site.host).unwrap();
    }
    let failed = site.host.counts.borrow()["vestibule.document.failed"];
    assert_eq!(failed, 9);
}

#[test]
fn metadata_that_has_run_out_is_not_used_any_more() {
    let site = by_tls();
    let end = UnixMillis(NOW + 7_200_000).to_rfc3339();
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], &format!(" validUntil=\"{end}\""), None));
    assert_eq!(site.browser().get("/page").unwrap().status, 302);
    assert!(site.gateway.next_due().unwrap() <= UnixMillis(NOW + 3_600_000), "looked at again before that");
    later(&site, 3601);
    fetched(&site, 503, "");
    assert!(site.said().contains("event=document.failed"));
    assert!(site.host.lines.borrow().iter().any(|line| line.contains("event=metadata.expires ")));
    assert_eq!(site.browser().get("/page").unwrap().status, 302, "until then it is good");
    later(&site, 3599);
    assert_eq!(site.browser().get("/page").unwrap().status, 503);
    assert_eq!(site.host.counts.borrow()["vestibule.metadata.expires"], 2);
}

#[test]
fn it_is_read_again_as_early_as_it_says() {
    let site = by_tls();
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], " cacheDuration=\"PT10M\"", None));
    let next = site.gateway.next_due().unwrap().0 - NOW;
    assert!((540_000..=600_000).contains(&next), "{next}");
    later(&site, 601);
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], " cacheDuration=\"PT1S\"", None));
    let next = site.gateway.next_due().unwrap().0 - site.host.time.get();
    assert!((54_000..=60_000).contains(&next), "but not more often than once a minute: {next}");
}

#[test]
fn a_certificate_that_ends_soon_is_warned_about() {
    let site = by_tls();
    let key = vestibule::crypto::PublicKey::from_certificate(IDP_CERTIFICATE).unwrap();
    let end = key.validity().unwrap().not_after;
    site.host.time.set(end.0 - 29 * 86_400_000);
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    assert!(site.host.lines.borrow().iter().any(|line| line.contains("event=metadata.certificate_expires")));
    assert_eq!(site.host.counts.borrow()["vestibule.metadata.certificate_expires"], 1);
}

#[test]
fn logout_goes_where_the_metadata_says() {
    let text = configuration(&format!("metadata: {{{URL}}}\n        trust: tls"), "logout: {}");
    let site = Site::of(&text);
    fetched(&site, 200, &metadata(&[IDP_CERTIFICATE], "", None));
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    assert_eq!(browser.answer(&response(&id, &site), Some(&state)).status, 303);
    let reply = single_logout::post(&mut browser, "/.vestibule/sign-out", "", false);
    assert!(header(&reply, "location").unwrap().starts_with("https://idp.example/slo?SAMLRequest="));
    let query = single_logout::Logout::of("ada@n.example", &[]).query("");
    let reply = browser.get(&format!("{}?{query}", single_logout::SLO_PATH)).unwrap();
    assert!(header(&reply, "location").unwrap().starts_with("https://idp.example/slo/done?SAMLResponse="));
}

// Configuration.

fn errors(trust: &str, saml: &str) -> Vec<String> {
    Gateway::compile(configuration(trust, saml).as_bytes(), &|_| None).expect_err("must be refused")
}

#[track_caller]
fn refused(trust: &str, saml: &str, said: &str) {
    let errors = errors(trust, saml);
    assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
}

#[test]
fn an_operator_is_told_what_is_wrong_with_trust_by_metadata() {
    let url = format!("metadata: {{{URL}}}");
    refused(&url, "", "identity_provider.metadata: comes from the network, and nothing says why to trust it");
    refused(&format!("{url}\n        trust: dns"), "", "write one of tls");
    let pin = format!("pinned: {{certificates: [\"{}\"]}}", pem(OTHER_CERTIFICATE));
    refused(&format!("{url}\n        trust: tls\n        {pin}"), "", "write one of pinned and trust");
    refused(&format!("{url}\n        pinned: {{certificates: []}}"), "", "has no certificate");
    let many = vec![format!("\"{}\"", pem(OTHER_CERTIFICATE)); 17].join(", ");
    let said = "certificates: has 17 certificates, and more than 16 are not tried";
    refused(&format!("{url}\n        pinned: {{certificates: [{many}]}}"), "", said);
    refused(&format!("sso_url: https://idp.example/sso\n        certificates: [{many}]"), "", said);
    refused(
        &format!("{url}\n        trust: tls\n        sso_url: https://idp.example/"),
        "",
        "stands beside metadata",
    );
    refused(
        "metadata: {text: \"<a/>\"}",
        "",
        "identity_provider.metadata.text: is neither an EntityDescriptor",
    );
    refused(&format!("metadata: {{text: \"<a/>\", {URL}}}"), "", "has no meaning beside the text");
    refused("metadata: {text: \"<a/>\"}\n        trust: tls", "", "has no meaning for metadata that stands");
    refused("metadata: {cluster: a, authority: b}\n        trust: tls", "", "metadata.path: is missing");
    refused("metadata: {cluster: a, authority: b, path: x}\n        trust: tls", "", "`x` is no path");
    refused(
        "metadata: {cluster: a, authority: b, path: \"/{tenant}/x\"}\n        trust: tls",
        "",
        "is a template",
    );
    refused("trust: tls", "", "is about metadata, and there is none");
}

#[test]
fn trust_in_the_transport_is_warned_about() {
    let text = configuration(&format!("metadata: {{{URL}}}\n        trust: tls"), "");
    let (_, warnings) = Gateway::compile(text.as_bytes(), &|_| None).unwrap();
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("identity_provider.trust") && line.contains("verifies no certificate"))
    );
    let text = configuration(
        &format!("metadata: {{{URL}}}\n        pinned: {{certificates: [\"{}\"]}}", pem(OTHER_CERTIFICATE)),
        "",
    );
    let (_, warnings) = Gateway::compile(text.as_bytes(), &|_| None).unwrap();
    assert!(!warnings.iter().any(|line| line.contains("identity_provider")), "{warnings:?}");
}

#[test]
fn an_operator_is_told_what_is_wrong_with_logout() {
    let fixed =
        format!("sso_url: https://idp.example/sso\n        certificates: [\"{}\"]", pem(IDP_CERTIFICATE));
    refused(&fixed, "logout: {}", "saml.logout.slo_url: is missing");
    refused(&fixed, "logout: {slo_url: \"http://idp.example/\"}", "is not an https URL");
    refused(&fixed, "logout: {slo_url: \"https://idp.example/\", sign: true}", "has no key to sign with");
    refused(&fixed, "logout: {slo_url: \"https://idp.example/\", path: /.vestibule/sign-out}", "is taken");
    refused(
        &fixed,
        "logout: {slo_url: \"https://idp.example/\", path: /.vestibule/saml/acs}",
        "path of the assertion consumer",
    );
    refused(
        &fixed,
        "logout: {slo_url: \"https://idp.example/\", binding: soap}",
        "write one of redirect, post",
    );
    refused(&fixed, "logout: {slo_ur: \"https://idp.example/\"}", "did you mean `slo_url`?");
}

/// Two identity providers: where one is has still to be fetched, the other is known.
fn one_of_two(saml: &str) -> Site {
    let known =
        format!("sso_url: \"https://other.example/sso\", certificates: [\"{}\"]", pem(IDP_CERTIFICATE));
    Site::of(&format!(
        "keys: [{{id: k1, secret: {{value: \"0123456789abcdef0123456789abcdef\"}}}}]\ntenants:\n  - name: t\n    \
         public_url: https://a.example\n    saml:\n      entity_id: https://a.example/saml\n      {saml}\n      \
         identity_providers:\n        \
         - {{name: staff, label: S, entity_id: \"https://idp.example/\", metadata: {{{URL}}}, trust: tls}}\n        \
         - {{name: guests, label: G, entity_id: \"https://other.example/\", {known}}}\n    \
         access: {{rules: [{{path: {{prefix: /}}, access: signed_in}}]}}\n"
    ))
}

#[test]
fn who_comes_from_an_identity_provider_that_is_known_waits_for_no_other() {
    let site = one_of_two("allow_unsolicited: true");
    let mut browser = site.browser();
    let (id, _) = begun(&browser.get("/.vestibule/sign-in?idp=guests&return=/page").unwrap());
    let mut response = Response::to(&id, site.host.time.get());
    "https://other.example/".clone_into(&mut response.issuer);
    // Without the relay state it may be an answer of either.
    let (_, step) = send(&browser, &response.encoded(), "");
    assert_eq!(status(&step), 303);
    let (_, step) = send(&browser, &Response::to(&id, site.host.time.get()).encoded(), "");
    assert!(matches!(step, Step::Wait(Wait::Document(..))), "{step:?}: the one that is coming may know it");
}
