//! What an administrator can choose about sign-on, rule by rule, through the whole gateway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[path = "sign_on/attacks.rs"]
mod attacks;
#[path = "support/browser.rs"]
mod browser;
#[path = "support/provider.rs"]
mod provider;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use browser::{Browser, NOW, Sent, Site, begun, header, message, text};
use provider::{Response, failure};
use vestibule::common::Reply;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const TENANT_CLAIM: &str = "http://schemas.microsoft.com/identity/claims/tenantid";
const OBJECT_CLAIM: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const OVERAGE: &str = "http://schemas.microsoft.com/claims/groups.link";

fn signs_in(browser: &mut Browser<'_>, change: impl FnOnce(&mut Response)) -> Reply {
    let (id, state) = browser.start("/page");
    let mut response = Response::to(&id, browser.site.host.time.get());
    change(&mut response);
    browser.answer(&response.encoded(), Some(&state))
}

/// Status of the answer, and the code in the log where it is a refusal.
fn outcome(saml: &str, change: impl FnOnce(&mut Response)) -> (u16, String) {
    let site = Site::new(saml, "");
    let reply = signs_in(&mut site.browser(), change);
    let said = site.said();
    let code = said.split("code=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    (reply.status, code.to_owned())
}

fn refused(saml: &str, code: &str, change: impl FnOnce(&mut Response)) {
    assert_eq!(outcome(saml, change), (403, code.to_owned()), "{saml}");
}

fn accepted(saml: &str, change: impl FnOnce(&mut Response)) {
    assert_eq!(outcome(saml, change), (303, String::new()), "{saml}");
}

// Signatures.

#[test]
fn each_signature_that_is_required_must_be_there() {
    let (assertion, response) = ((true, false), (false, true));
    let both = (true, true);
    for (requires, good, bad) in [
        ("any", &[assertion, response, both][..], &[(false, false)][..]),
        ("assertion", &[assertion, both], &[response]),
        ("response", &[response, both], &[assertion]),
        ("both", &[both], &[assertion, response]),
    ] {
        let saml = format!("requires: {requires}");
        for signs in good {
            accepted(&saml, |response| (response.sign_assertion, response.sign_response) = *signs);
        }
        for signs in bad {
            refused(&saml, "unsigned", |response| {
                (response.sign_assertion, response.sign_response) = *signs;
            });
        }
    }
}

#[test]
fn a_relaxation_holds_only_where_it_is_named() {
    let site = Site::new("", "");
    let strict = |saml: &str| {
        let site = Site::new(saml, "");
        let mut browser = site.browser();
        let (id, state) = browser.start("/page");
        let xml = Response::to(&id, NOW).xml();
        let without = xml.replacen(&format!(" Destination=\"{}\"", provider::ACS), "", 1);
        browser.answer(&STANDARD.encode(without), Some(&state)).status
    };
    assert_eq!(strict(""), 403);
    assert_eq!(strict("accept: [no-destination]"), 303);
    assert_eq!(strict("accept: [no-response-issuer]"), 403);
    drop(site);
}

// Where people land.

#[test]
fn row_8_7_a_sign_in_lands_where_it_began_whatever_the_relay_state_says() {
    for state in ["https://evil.example", "//evil.example", "/other", ""] {
        let site = Site::new("", "");
        let mut browser = site.browser();
        let (id, _) = browser.start("/page?a=1");
        let reply = browser.answer(&Response::to(&id, NOW).encoded(), Some(state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/page?a=1"));
    }
}

/// Administrators are told to write one URL into Identifier, Reply URL and Relay State.
#[test]
fn a_target_that_is_the_consumer_itself_is_the_start_page() {
    for path in [
        "/.vestibule/sign-in",
        "/.vestibule/sign-in?return=/auth/saml2/",
        "/.vestibule/sign-in?return=/auth/saml2?x=1",
    ] {
        let site = Site::new("acs_path: /auth/saml2/\nstart_path: /home", "");
        let mut browser = site.browser();
        browser.acs_path = "/auth/saml2/".to_owned();
        let (id, state) = browser.start(path);
        let response = Response { acs: "https://a.example/auth/saml2/".to_owned(), ..Response::to(&id, NOW) };
        let reply = browser.answer(&response.encoded(), Some(&state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/home"), "{path}");
    }
    for state in ["https://a.example/auth/saml2/", "https://a.example/auth/saml2", "/auth/saml2/?a=b"] {
        let site = Site::new("acs_path: /auth/saml2/\nstart_path: /home\nallow_unsolicited: true", "");
        let mut browser = site.browser();
        browser.acs_path = "/auth/saml2/".to_owned();
        let response =
            Response { acs: "https://a.example/auth/saml2/".to_owned(), ..Response::unsolicited(NOW) };
        let reply = browser.answer(&response.encoded(), Some(state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/home"), "{state}");
    }
}

// Sign-ins that begin at the identity provider.

#[test]
fn row_8_3_8_6_a_response_to_no_request_is_refused_unless_allowed_waiting_or_not() {
    let site = Site::new("", "");
    let reply = site.browser().answer(&Response::unsolicited(NOW).encoded(), None);
    assert_eq!(reply.status, 403);
    let mut waiting = site.browser();
    waiting.start("/page");
    assert_eq!(waiting.answer(&Response::unsolicited(NOW).encoded(), None).status, 403);
    assert!(site.said().contains("code=unsolicited"), "{}", site.said());
}

#[test]
fn a_fresh_response_to_no_request_signs_in_where_it_is_allowed_and_once() {
    let site = Site::new("allow_unsolicited: true", "");
    let mut browser = site.browser();
    let reply = browser.answer(&Response::unsolicited(NOW).encoded(), None);
    assert_eq!((reply.status, header(&reply, "location")), (303, Some("https://a.example/")));
    assert!(browser.has_session());
    let again = site.browser().answer(&Response::unsolicited(NOW).encoded(), None);
    assert_eq!(again.status, 403);
    assert!(site.said().contains("code=replayed"));
}

#[test]
fn an_old_response_to_no_request_is_refused_though_it_is_still_valid() {
    for (issued, status) in
        [(NOW - 359_000, 303), (NOW - 361_000, 403), (NOW + 59_000, 303), (NOW + 61_000, 403)]
    {
        let site = Site::new("allow_unsolicited: true", "");
        let response = Response { issued, ..Response::unsolicited(NOW) };
        assert_eq!(site.browser().answer(&response.encoded(), None).status, status, "{issued}");
    }
    let site =
        Site::new("allow_unsolicited: true\nunsolicited_max_age_seconds: 30\nclock_skew_seconds: 0", "");
    let response = Response { issued: NOW - 31_000, ..Response::unsolicited(NOW) };
    assert_eq!(site.browser().answer(&response.encoded(), None).status, 403);
    assert!(site.said().contains("code=unsolicited_stale"));
}

#[test]
fn row_8_7_the_relay_state_of_an_unsolicited_response_leads_to_this_host_or_to_the_start_page() {
    for (state, lands) in [
        ("/deep/link?a=1", "/deep/link?a=1"),
        ("https://a.example/deep", "/deep"),
        ("https://a.example", "/home"),
        (provider::ACS, "/home"),
        ("https://a.example.evil.example/", "/home"),
        ("https://a.example@evil.example/", "/home"),
        ("https://evil.example/", "/home"),
        ("//evil.example", "/home"),
        ("/\\evil.example", "/home"),
        ("/%5cevil.example", "/home"),
        ("///evil.example", "/home"),
        ("/\t/evil.example", "/home"),
        ("javascript:alert(1)", "/home"),
        ("/a\r\nset-cookie: x=y", "/home"),
        ("/.vestibule/sign-out", "/home"),
        ("", "/home"),
    ] {
        let site = Site::new("allow_unsolicited: true\nstart_path: /home", "");
        let reply = site.browser().answer(&Response::unsolicited(NOW).encoded(), Some(state));
        let expected = format!("https://a.example{lands}");
        assert_eq!(header(&reply, "location"), Some(expected.as_str()), "{state:?}");
        assert!(!reply.headers.iter().any(|(name, value)| name != "set-cookie" && value.contains('\n')));
    }
}

#[test]
fn a_bounced_response_proves_nothing_and_starts_a_sign_in_of_our_own() {
    let site = Site::new("allow_unsolicited: bounce", "");
    let mut browser = site.browser();
    let reply = browser.answer(&Response::unsolicited(NOW).encoded(), Some("/deep"));
    assert_eq!(reply.status, 302);
    assert!(header(&reply, "location").unwrap().starts_with("https://idp.example/sso?SAMLRequest="));
    let (id, state) = begun(&reply);
    let mut response = Response::to(&id, NOW);
    response.id = "_assertion-2".to_owned();
    let reply = browser.answer(&response.encoded(), Some(&state));
    assert_eq!(header(&reply, "location"), Some("https://a.example/deep"));
    assert!(browser.has_session());
}

#[test]
fn a_bounced_sign_in_is_one_round_and_may_be_followed_by_another() {
    let site = Site::new(
        "allow_unsolicited: bounce",
        "access: {rules: [{path: {prefix: /}, access: signed_in, require: [{max_age_seconds: 300}]}]}",
    );
    let mut browser = site.browser();
    let launch = |browser: &mut Browser<'_>, name: &str, authenticated: u64| {
        let reply = browser.answer(&Response::unsolicited(NOW).encoded(), None);
        assert_eq!(reply.status, 302, "{name}: {}", text(&reply));
        let (id, state) = begun(&reply);
        let mut response = Response::to(&id, NOW);
        (response.id, response.authn_instant) = (name.to_owned(), authenticated);
        assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303, "{name}");
    };
    launch(&mut browser, "_first", NOW);
    launch(&mut browser, "_second", NOW - 400_000);
    let anew = site.browser();
    let mut anew = Browser { cookies: browser.cookies.clone(), ..anew };
    anew.cookies.retain(|name, _| !name.contains("-r."));
    launch(&mut anew, "_third", NOW - 400_000);
    assert_eq!(
        anew.get("/page").unwrap().status,
        302,
        "who proved themselves too long ago is asked once more"
    );
}

#[test]
fn a_sign_in_link_on_another_host_of_the_tenant_goes_on_at_the_one_that_is_published() {
    let site = Site::new("", "hosts: [a.example, www.a.example]");
    let headers = vestibule::common::Headers::from([
        (":method", "GET"),
        (":path", "/.vestibule/sign-in?fresh=1&interactive=1&idp=only&return=/p"),
        (":authority", "www.a.example"),
        ("accept", "text/html"),
    ]);
    let event = vestibule::gateway::Event::RequestHeaders { headers, end: true };
    let vestibule::gateway::Step::Answer(reply) = site.gateway.exchange().on(event, &site.host) else {
        panic!()
    };
    let location = header(&reply, "location").unwrap();
    assert!(location.starts_with("https://a.example/.vestibule/sign-in?"), "{location}");
    for said in ["fresh=1", "interactive=1", "return=/p"] {
        assert!(location.contains(said), "{location}");
    }
}

#[test]
fn what_would_not_be_accepted_is_not_bounced_either() {
    let site = Site::new("allow_unsolicited: bounce", "");
    let unsigned = Response { sign_assertion: false, ..Response::unsolicited(NOW) };
    assert_eq!(site.browser().answer(&unsigned.encoded(), None).status, 403);
    let elsewhere = Response::to("_of-another-browser", NOW);
    assert_eq!(site.browser().answer(&elsewhere.encoded(), None).status, 403, "row 8.4");
}

#[test]
fn row_8_19_a_provider_that_never_says_what_it_answers_is_not_bounced_for_ever() {
    let site = Site::new("allow_unsolicited: bounce", "");
    let mut browser = site.browser();
    let reply = browser.answer(&Response::unsolicited(NOW).encoded(), None);
    let (_, state) = begun(&reply);
    // It returns our relay state: so this answers our request, and another request would be answered no better.
    browser.cookies.clear();
    assert_eq!(browser.answer(&Response::unsolicited(NOW).encoded(), Some(&state)).status, 403);
    // It returns nothing at all.
    let mut browser = site.browser();
    let rounds: Vec<u16> =
        (0..3).map(|_| browser.answer(&Response::unsolicited(NOW).encoded(), None).status).collect();
    assert_eq!(rounds, [302, 302, 403]);
    assert!(site.said().contains("code=going_round"));
}

// Loops.

#[test]
fn row_8_19_a_browser_without_cookies_is_told_so_and_not_sent_round() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    browser.cookies.clear();
    let reply = browser.answer(&Response::to(&id, NOW).encoded(), Some(&state));
    assert_eq!((reply.status, header(&reply, "location")), (403, None));
    assert!(text(&reply).contains("cookies"));
    assert!(site.said().contains("code=no_pending_login"));
}

#[test]
fn row_8_19_the_third_redirect_within_a_minute_of_a_browser_that_keeps_no_session_is_a_page() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    for round in 0..2 {
        let reply = signs_in(&mut browser, |response| response.id = format!("_round-{round}"));
        assert_eq!(reply.status, 303);
        browser.cookies.retain(|name, _| !name.starts_with("__Host-vestibule-s."));
    }
    let reply = browser.get("/page").unwrap();
    assert_eq!((reply.status, header(&reply, "location")), (403, None));
    assert!(text(&reply).contains("/.vestibule/sign-in?return=/page"));
    assert!(site.said().contains("code=going_round"));
    assert_eq!(browser.get("/.vestibule/sign-in?return=/page").unwrap().status, 302, "a click is no loop");
    site.host.time.set(NOW + 61_000);
    assert_eq!(browser.get("/page").unwrap().status, 302, "and later it is tried again");
}

#[test]
fn a_browser_whose_sessions_end_again_and_again_is_not_sent_round_for_ever_either() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    for round in 0..4 {
        site.host.time.set(NOW + round * 1000);
        let reply = signs_in(&mut browser, |response| response.id = format!("_round-{round}"));
        assert_eq!(reply.status, 303, "it keeps what it is given: {round}");
        let mut elsewhere = site.browser();
        elsewhere.cookies.clone_from(&browser.cookies);
        site.host.time.set(NOW + round * 1000 + 500);
        assert_eq!(elsewhere.post_to("/.vestibule/sign-out").status, 200);
        assert!(browser.cookies.keys().any(|name| name.starts_with("__Host-vestibule-s.")));
    }
    let reply = browser.get("/page").unwrap();
    assert_eq!((reply.status, header(&reply, "location")), (403, None));
    assert!(site.said().contains("code=going_round"));
    assert_eq!(browser.get("/.vestibule/sign-in?return=/page").unwrap().status, 302, "a click is no loop");
}

#[test]
fn many_tabs_are_no_loop() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    for tab in 0..9 {
        assert_eq!(browser.get(&format!("/tab/{tab}")).unwrap().status, 302);
    }
    let pending = browser.cookies.keys().filter(|name| name.starts_with("__Host-vestibule-l.")).count();
    assert_eq!(pending, 5, "at most five are remembered");
}

// What is asked of the identity provider.

#[test]
fn nothing_is_asked_for_that_was_not_configured() {
    let site = Site::new("", "");
    let xml = message(&site.browser().get("/page").unwrap());
    for word in ["ForceAuthn", "IsPassive", "NameIDPolicy", "RequestedAuthnContext", "Signature"] {
        assert!(!xml.contains(word), "{word}");
    }
}

#[test]
fn what_is_configured_is_asked_for() {
    let saml = "request:\n  name_id_format: persistent\n  authn_context: [\"urn:x\"]\n  hints: {whr: n.example, login_hint: \"a b\"}";
    let reply = Site::new(saml, "").browser().get("/page").unwrap();
    let xml = message(&reply);
    assert!(
        xml.contains("<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"/>")
    );
    assert!(xml.contains("Comparison=\"exact\"") && xml.contains(">urn:x</"));
    let location = header(&reply, "location").unwrap();
    assert!(location.contains("whr=n.example&") && location.contains("login_hint=a%20b&"), "{location}");
}

#[test]
fn a_way_of_signing_in_that_was_asked_for_must_be_the_one_that_was_used() {
    let saml = "request: {authn_context: [\"urn:a\", \"urn:b\"]}";
    accepted(saml, |response| response.context = "urn:b".to_owned());
    refused(saml, "authn_context", |response| response.context = "urn:c".to_owned());
}

#[test]
fn by_post_the_browser_submits_a_form_that_no_other_page_can_change() {
    let site = Site::new("request: {binding: post}", "");
    let reply = site.browser().get("/page").unwrap();
    assert_eq!(reply.status, 200);
    let html = text(&reply);
    assert!(html.contains("<form method=\"post\" action=\"https://idp.example/sso\">"));
    assert!(html.contains("name=\"SAMLRequest\"") && html.contains("name=\"RelayState\""));
    let policy = header(&reply, "content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    assert!(reply.headers.iter().any(|(name, _)| name == "set-cookie"));
}

fn signing() -> String {
    let certificate = include_str!("vectors/saml/other.cert.pem").replace('\n', "\\n");
    format!("request: {{sign: {{key: {{env: SIGNING_KEY}}, certificate: \"{certificate}\"}}}}")
}

#[test]
fn a_signed_redirect_says_how_and_metadata_announces_it() {
    let site = Site::new(&signing(), "");
    let reply = site.browser().get("/page").unwrap();
    let location = header(&reply, "location").unwrap();
    assert!(
        location
            .contains("&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=")
    );
    let metadata = text(&site.browser().get("/.vestibule/saml/metadata").unwrap());
    assert!(metadata.contains("AuthnRequestsSigned=\"true\"") && metadata.contains("use=\"signing\""));
    assert!(!metadata.contains("Signature>"));
    let signed = text(&site.browser().get("/.vestibule/saml/metadata?signed=1").unwrap());
    assert!(signed.contains("<ds:SignatureValue>"));
    let unsigned = Site::new("", "").browser().get("/.vestibule/saml/metadata?signed=1").unwrap();
    assert_eq!(unsigned.status, 404);
}

#[test]
fn strangers_cannot_make_a_worker_sign_for_ever() {
    let site = Site::new(&signing(), "");
    let statuses: Vec<u16> = (0..22).map(|_| site.browser().get("/page").unwrap().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 302).count(), 20);
    let reply = site.browser().get("/page").unwrap();
    assert_eq!((reply.status, header(&reply, "retry-after")), (503, Some("1")));
    site.host.time.set(NOW + 1000);
    assert_eq!(site.browser().get("/page").unwrap().status, 302);
}

// When the person proved who they are.

#[test]
fn a_sign_in_at_the_provider_that_is_too_long_ago_is_done_again() {
    let saml = "max_authn_age_seconds: 600";
    accepted(saml, |response| response.authn_instant = NOW - 659_000);
    refused(saml, "authn_too_old", |response| response.authn_instant = NOW - 661_000);
    refused(saml, "authn_too_old", |response| response.authn_instant = NOW + 61_000);
    let site = Site::new(saml, "");
    let mut browser = site.browser();
    let reply = signs_in(&mut browser, |response| response.authn_instant = 0);
    assert!(text(&reply).contains("/.vestibule/sign-in?fresh=1&amp;return=/page"));
    assert!(message(&browser.get("/.vestibule/sign-in?fresh=1").unwrap()).contains("ForceAuthn=\"true\""));
}

#[test]
fn who_was_to_prove_themselves_anew_must_have_done_so() {
    let saml = "request: {force_authn: true}";
    assert!(message(&Site::new(saml, "").browser().get("/page").unwrap()).contains("ForceAuthn=\"true\""));
    accepted(saml, |response| response.authn_instant = NOW - 59_000);
    refused(saml, "authn_too_old", |response| response.authn_instant = NOW - 61_000);
}

#[test]
fn no_way_round_leads_past_a_sign_in_that_is_to_be_anew() {
    let site = Site::new("request: {force_authn: true}", "");
    for query in ["passive=1&", "passive=1&fresh=1&", "passive=1&interactive=1&", "passive=1&idp=x&"] {
        let reply = site.browser().get(&format!("/.vestibule/sign-in?{query}return=/mixed")).unwrap();
        let back = (reply.status, header(&reply, "location"));
        assert_eq!(back, (302, Some("/mixed")), "{query}: nobody proves anew who they are unasked");
        assert!(header(&reply, "set-cookie").is_none());
    }
    for query in ["", "fresh=1&", "interactive=1&"] {
        let reply = site.browser().get(&format!("/.vestibule/sign-in?{query}return=/mixed")).unwrap();
        assert!(message(&reply).contains("ForceAuthn=\"true\""), "{query}");
    }
}

#[test]
fn a_login_begun_before_it_was_to_be_anew_is_no_way_round_either() {
    let before = Site::new("", "");
    for path in ["/.vestibule/sign-in?passive=1&return=/page", "/page"] {
        for (proven, status) in [(NOW - 61_000, 403), (NOW - 59_000, 303)] {
            let site = Site::new("request: {force_authn: true}", "");
            let mut browser = before.browser();
            let (id, state) = browser.start(path);
            let cookies = browser.cookies;
            let mut browser = site.browser();
            browser.cookies = cookies;
            let response = Response { authn_instant: proven, ..Response::to(&id, NOW) };
            let reply = browser.answer(&response.encoded(), Some(&state));
            assert_eq!(reply.status, status, "{path} {proven}");
            assert_eq!(site.said().contains("authn_too_old"), status == 403);
        }
    }
}

// What the identity provider says where it did not sign somebody in.

fn told(status: &str, text_of_provider: &str) -> (String, String) {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let reply = browser.answer(&failure(&id, NOW, status, text_of_provider), Some(&state));
    assert_eq!(reply.status, 403);
    (text(&reply), site.said())
}

#[test]
fn each_status_has_a_page_of_its_own_with_a_reference_and_a_way_on() {
    let mut seen = std::collections::BTreeSet::new();
    for status in [
        "AuthnFailed",
        "NoPassive",
        "RequestDenied",
        "NoAuthnContext",
        "UnknownPrincipal",
        "InvalidNameIDPolicy",
    ] {
        let (page, said) = told(status, "");
        assert!(said.contains("code=status") && said.contains(status), "{said}");
        assert!(page.contains("reference") && page.contains("return=/page"), "{page}");
        let words = page.split("<h1>").nth(1).unwrap().split("<a ").next().unwrap().to_owned();
        assert!(seen.insert(words), "{status} has no words of its own");
    }
}

#[test]
fn row_8_8_of_the_providers_message_only_entras_code_is_shown() {
    let (page, said) =
        told("AuthnFailed", "&quot;&gt;&lt;script&gt;x&lt;/script&gt; AADSTS50105: Ada is not assigned");
    assert!(page.contains("AADSTS50105") && page.contains("not assigned to this application"));
    for text in [&page, &said] {
        assert!(!text.contains("<script") && !text.contains("Ada"), "{text}");
    }
    assert!(said.contains("AADSTS50105"));
}

#[test]
fn somebody_who_may_stay_anonymous_is_sent_on_where_the_provider_must_not_ask() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let reply = browser.get("/.vestibule/sign-in?passive=1&return=/mixed").unwrap();
    assert!(message(&reply).contains("IsPassive=\"true\""));
    let (id, state) = begun(&reply);
    let reply = browser.answer(&failure(&id, NOW, "NoPassive", ""), Some(&state));
    assert_eq!((reply.status, header(&reply, "location")), (303, Some("https://a.example/mixed")));
    let reply = browser.get("/.vestibule/sign-in?passive=1&return=/mixed").unwrap();
    assert_eq!(header(&reply, "location"), Some("/mixed"), "a page that always tries makes no loop");
}

#[test]
fn where_every_request_is_passive_the_person_gets_a_button_that_is_not() {
    let site = Site::new("request: {is_passive: true}", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let reply = browser.answer(&failure(&id, NOW, "NoPassive", ""), Some(&state));
    assert_eq!(reply.status, 403);
    assert!(text(&reply).contains("/.vestibule/sign-in?interactive=1&amp;return=/page"));
    let reply = browser.get("/.vestibule/sign-in?interactive=1&return=/page").unwrap();
    assert!(!message(&reply).contains("IsPassive"));
}

// Microsoft Entra ID.

fn entra() -> Site {
    let text = browser::configuration(&format!("entra: {{tenant_id: {}}}", TENANT.to_uppercase()), "");
    let usual = "        entity_id: https://idp.example/\n        sso_url: https://idp.example/sso\n";
    assert!(text.contains(usual));
    Site::of(&text.replace(usual, ""))
}

#[test]
fn the_preset_knows_where_entra_is() {
    let reply = entra().browser().get("/page").unwrap();
    let start = format!("https://login.microsoftonline.com/{TENANT}/saml2?SAMLRequest=");
    assert!(header(&reply, "location").unwrap().starts_with(&start));
}

/// Name and values.
type Claim<'c> = (&'c str, &'c [&'c str]);

#[test]
fn the_directory_is_pinned_by_the_issuer_and_by_a_claim_and_the_person_by_an_identifier() {
    let of = |issuer: &str, claims: &[Claim<'_>]| {
        let site = entra();
        let reply = signs_in(&mut site.browser(), |response| {
            response.issuer = issuer.to_owned();
            for (name, values) in claims {
                *response = response.clone().with(name, values);
            }
        });
        (reply.status, site.said())
    };
    let issuer = format!("https://sts.windows.net/{TENANT}/");
    let tenant: Claim<'_> = (TENANT_CLAIM, &[TENANT]);
    let object: Claim<'_> = (OBJECT_CLAIM, &["o-1"]);
    assert_eq!(of(&issuer, &[tenant, object]).0, 303);
    let upper = TENANT.to_uppercase();
    assert_eq!(of(&issuer, &[(TENANT_CLAIM, &[&upper]), object]).0, 303);
    for (issuer, claims, code) in [
        (
            "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            &[tenant, object][..],
            "issuer_mismatch",
        ),
        (issuer.as_str(), &[object], "entra_tenant"),
        (&issuer, &[(TENANT_CLAIM, &["00000000-0000-0000-0000-000000000000"]), object], "entra_tenant"),
        (
            &issuer,
            &[(TENANT_CLAIM, &[TENANT, "00000000-0000-0000-0000-000000000000"]), object],
            "entra_tenant",
        ),
        (&issuer, &[tenant], "entra_object_id"),
        (&issuer, &[tenant, (OBJECT_CLAIM, &["o-1", "o-2"])], "entra_object_id"),
        (&issuer, &[tenant, (OBJECT_CLAIM, &[" "])], "entra_object_id"),
    ] {
        let (status, said) = of(issuer, claims);
        assert_eq!(status, 403);
        assert!(said.contains(&format!("code={code} ")), "{said}");
    }
}

#[test]
fn row_5_14_too_many_groups_are_not_taken_for_none() {
    let overage = |response: &mut Response| {
        *response = response.clone().with(OVERAGE, &["https://graph.windows.net/x"]);
    };
    refused("", "group_overage", overage);
    let site = Site::new("", "access:\n  rules: [{path: {prefix: /}, access: signed_in}]");
    assert_eq!(signs_in(&mut site.browser(), overage).status, 303, "nobody asks for the groups");
    assert!(site.host.lines.borrow().iter().any(|line| line.contains("code=group_overage")));
}

// One use in a fleet.

const STORE: &str = "replay_store: {cluster: store, authority: store.example, path_prefix: /used}";

fn to_store<'s>(browser: &mut Browser<'s>) -> (vestibule::gateway::Call, vestibule::gateway::Exchange) {
    let (id, state) = browser.start("/page");
    match browser.post(&Response::to(&id, NOW).encoded(), Some(&state)) {
        Sent::Calls(call, exchange) => (*call, *exchange),
        Sent::Answered(reply) => panic!("{reply:?}"),
        Sent::Waits(_) => panic!("it waits"),
    }
}

#[test]
fn an_assertion_is_put_down_as_used_before_it_gives_a_session() {
    let site = Site::new(STORE, "");
    let mut browser = site.browser();
    let (call, exchange) = to_store(&mut browser);
    assert_eq!(call.cluster, "store");
    let field =
        |name: &str| call.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    assert_eq!((field(":method"), field("if-none-match")), (Some("PUT"), Some("*")));
    let path = field(":path").unwrap();
    assert!(path.starts_with("/used/") && path.len() == "/used/".len() + 64, "{path}");
    let body = String::from_utf8(call.body.clone()).unwrap();
    assert!(body.starts_with("{\"until\":\"2023-11-14T23:") && !body.contains("ada"), "{body}");
    assert!(!browser.has_session());
    let reply = browser.called(exchange, Some(201));
    assert_eq!((reply.status, header(&reply, "location")), (303, Some("https://a.example/page")));
    assert!(browser.has_session());
}

#[test]
fn row_8_1_an_assertion_that_was_used_elsewhere_gives_no_session() {
    for status in [412, 409] {
        let site = Site::new(STORE, "");
        let mut browser = site.browser();
        let (_, exchange) = to_store(&mut browser);
        assert_eq!(browser.called(exchange, Some(status)).status, 403);
        assert!(!browser.has_session());
        assert!(site.host.lines.borrow().iter().any(|line| line.contains("code=replayed_elsewhere")));
    }
}

#[test]
fn a_store_that_does_not_say_that_it_was_the_first_use_gives_no_session() {
    for status in
        [None, Some(200), Some(204), Some(302), Some(401), Some(404), Some(500), Some(503), Some(504)]
    {
        let site = Site::new(STORE, "");
        let mut browser = site.browser();
        let (_, exchange) = to_store(&mut browser);
        let reply = browser.called(exchange, status);
        assert_eq!((reply.status, header(&reply, "retry-after")), (503, Some("1")), "{status:?}");
        assert!(!browser.has_session());
    }
}

#[test]
fn a_response_that_is_refused_is_not_put_down() {
    let site = Site::new(STORE, "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let forged = Response { sign_assertion: false, ..Response::to(&id, NOW) };
    assert_eq!(browser.answer(&forged.encoded(), Some(&state)).status, 403);
}
