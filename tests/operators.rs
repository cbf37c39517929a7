//! What operators see: the status, for whom it is meant; counters; what the access log is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/provider.rs"]
mod provider;

use browser::{Site, configuration, text};
use provider::Response;
use vestibule::common::Headers;
use vestibule::common::Reply;
use vestibule::gateway::{Event, Gateway, Step};

fn with(operators: &str) -> Site {
    Site::of(&format!("{}\noperators: {operators}", configuration("", "")))
}

fn ask(site: &Site, source: &str, authorization: Option<&str>, path: &str) -> Reply {
    site.host.properties.borrow_mut().insert("source/address".to_owned(), source.as_bytes().to_vec());
    let mut pairs = vec![(":method", "GET"), (":path", path), (":authority", "a.example")];
    pairs.extend(authorization.map(|value| ("authorization", value)));
    let mut headers = Headers::from([(":scheme", "https")]);
    for (name, value) in pairs {
        headers.apply(&vestibule::common::HeaderEdit::add(name, value));
    }
    match site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host) {
        Step::Answer(reply) => reply,
        other => panic!("{other:?}"),
    }
}

const STATUS: &str = "/.vestibule/status";

fn hash(token: &str) -> String {
    vestibule::crypto::sha256(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn there_is_no_status_unless_it_is_configured() {
    let site = Site::new("", "");
    assert_eq!(ask(&site, "127.0.0.1:1", None, STATUS).status, 404);
}

#[test]
fn the_status_is_for_whom_the_configuration_says_and_not_there_for_anybody_else() {
    let (token, wrong) = (Some("Bearer the-token"), Some("Bearer another"));
    let (from, secret) = ("from: [10.0.0.0/8]", format!("token_sha256: {}", hash("the-token")));
    for (operators, source, authorization, status) in [
        (format!("{{status: {{{from}}}}}"), "10.1.1.1:1", None, 200),
        (format!("{{status: {{{from}}}}}"), "11.1.1.1:1", None, 404),
        (format!("{{status: {{{from}}}}}"), "10.1.1.1:0", None, 404),
        (format!("{{status: {{{from}}}}}"), "", None, 404),
        (format!("{{status: {{{secret}}}}}"), "11.1.1.1:1", token, 200),
        (format!("{{status: {{{secret}}}}}"), "11.1.1.1:1", wrong, 404),
        (format!("{{status: {{{secret}}}}}"), "11.1.1.1:1", None, 404),
        (format!("{{status: {{{from}, {secret}}}}}"), "10.1.1.1:1", token, 200),
        (format!("{{status: {{{from}, {secret}}}}}"), "11.1.1.1:1", token, 404),
        (format!("{{status: {{{from}, {secret}}}}}"), "10.1.1.1:1", wrong, 404),
    ] {
        let site = with(&operators);
        assert_eq!(
            ask(&site, source, authorization, STATUS).status,
            status,
            "{operators} {source} {authorization:?}"
        );
    }
}

#[test]
fn the_status_says_how_things_stand_and_no_secret() {
    let site = with("{status: {from: [10.0.0.0/8]}}");
    let reply = ask(&site, "10.1.1.1:1", None, STATUS);
    assert!(reply.headers.contains(&("cache-control".to_owned(), "no-store".to_owned())));
    let body = text(&reply);
    assert!(!body.contains("0123456789abcdef"));
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["keys"], serde_json::json!(["k1"]));
    let tenant = &status["tenants"][0];
    assert_eq!((&tenant["name"], &tenant["public_url"]), (&"t".into(), &"https://a.example".into()));
    let provider = &tenant["identity_providers"][0];
    assert_eq!((&provider["state"], provider["keys"].as_array().unwrap().len()), (&"known".into(), 1));
    assert_eq!(provider["keys"][0]["id"].as_str().unwrap().len(), 16);
    let one = text(&ask(&site, "10.1.1.1:1", None, "/.vestibule/status?tenant=nobody"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&one).unwrap()["tenants"], serde_json::json!([]));
}

#[test]
fn a_document_that_is_awaited_is_said_to_be() {
    let published = configuration("", "").replace(
        "sso_url: https://idp.example/sso",
        "metadata: {cluster: idp, authority: idp.example, path: /metadata}\n        trust: tls\n        #",
    );
    let published: String = published
        .lines()
        .filter(|line| !line.contains("certificates:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let site = Site::of(&format!("{published}\noperators: {{status: {{from: [10.0.0.0/8]}}}}"));
    let status: serde_json::Value =
        serde_json::from_str(&text(&ask(&site, "10.1.1.1:1", None, STATUS))).unwrap();
    let document = &status["documents"][0];
    assert_eq!((&document["kind"], &document["state"]), (&"metadata".into(), &"awaited".into()));
    assert_eq!(status["tenants"][0]["identity_providers"][0]["state"], "awaited");
}

#[test]
fn a_status_that_anybody_could_see_is_refused_with_a_remedy() {
    for (operators, said) in [
        ("{status: {}}", "operators.status: lets anybody see it; say from where"),
        ("{status: {token_sha256: abc}}", "operators.status.token_sha256: is not the SHA-256 of a token"),
        ("{}", "operators.status: is missing"),
    ] {
        let text = format!("{}\noperators: {operators}", configuration("", ""));
        let errors = Gateway::compile(text.as_bytes(), &|_| None).expect_err("must be refused");
        assert!(errors.iter().any(|error| error.contains(said)), "{errors:#?}");
    }
}

#[test]
fn each_outcome_has_a_counter_and_tells_the_access_log_under_the_reference_of_the_page() {
    let site = Site::new(
        "",
        "access:\n  rules:\n    - {path: {prefix: /public}, access: public}\n    - {path: {prefix: /page}, access: signed_in}",
    );
    let counted = |name: &str| site.host.counts.borrow().get(name).copied().unwrap_or_default();
    let told = |key: &str| site.host.told.borrow().get(key).cloned().unwrap_or_default();
    let mut browser = site.browser();
    assert!(browser.get("/public/x").is_none());
    assert_eq!((counted("vestibule.access.anonymous"), told("outcome").as_str()), (1, "access.anonymous"));
    assert_eq!(told("tenant"), "t");
    let (id, state) = browser.start("/page");
    assert_eq!(counted("vestibule.access.sign_in_required"), 1);
    site.host.time.set(site.host.time.get() + 1500);
    let wrong = browser.answer("bm9uc2Vuc2U=", Some(&state));
    assert_eq!(told("outcome"), "sign_on.rejected");
    assert!(text(&wrong).contains(&told("reference")) && !told("reference").is_empty());
    assert!(site.said().contains(&format!("ref={}", told("reference"))));
    assert_eq!(counted("vestibule.sign_on.rejected"), 1);
    assert_eq!(counted(&format!("vestibule.sign_on.rejected.{}", told("code"))), 1);
    let right = browser.answer(&Response::to(&id, site.host.time.get()).encoded(), Some(&state));
    assert_eq!((right.status, counted("vestibule.sign_on.accepted")), (303, 1));
    assert!(site.host.recorded.borrow().contains(&("vestibule.sign_on.duration_ms".to_owned(), 1500)));
    assert!(browser.get("/page").is_none());
    assert_eq!((counted("vestibule.access.identified"), told("outcome").as_str()), (1, "access.identified"));
    let refused = browser.get("/elsewhere").unwrap();
    assert_eq!((refused.status, counted("vestibule.access.refused.no_policy")), (403, 1));
    assert!(text(&refused).contains(&told("reference")));
    for (key, value) in site.host.told.borrow().iter() {
        assert!(!value.contains("ada"), "{key} holds something of a person");
    }
}

#[test]
fn row_8_25_no_line_of_the_log_holds_a_person_an_assertion_a_cookie_or_a_token() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/secret-page?secret=query");
    let response = Response::to(&id, site.host.time.get()).with(
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        &["secret-mail@n.example"],
    );
    let encoded = response.encoded();
    browser.answer("bm9uc2Vuc2U=", Some("secret-relay-state"));
    assert_eq!(browser.answer(&encoded, Some(&state)).status, 303);
    assert!(browser.get("/secret-page?secret=query").is_none());
    assert_eq!(browser.answer(&encoded, Some(&state)).status, 403);
    browser.post_to("/.vestibule/sign-out");
    let mut secrets: Vec<String> =
        ["ada@n.example", "secret", "_assertion", "bm9uc2Vuc2U"].map(str::to_owned).to_vec();
    secrets.extend(browser.cookies.values().cloned());
    secrets.push(encoded.chars().take(40).collect());
    let lines = site.host.lines.borrow();
    assert!(lines.len() >= 3, "{lines:#?}");
    for line in lines.iter() {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            assert!(!line.contains(secret.as_str()), "{secret:?} is in {line:?}");
        }
    }
}
