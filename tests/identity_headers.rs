//! What the application is told of who is there, through the whole gateway; and what an operator may write about it.
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

use browser::{Browser, NOW, Site, configuration, header, text};
use provider::Response;
use vestibule::common::test_host::TestHost;
use vestibule::gateway::Gateway;

const GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
const OVERAGE: &str = "http://schemas.microsoft.com/claims/groups.link";
const EC: &str = include_str!("vectors/saml/idp-ec.key.pem");
const RSA: &str = include_str!("vectors/saml/idp.key.pem");

/// A tenant of the flow sequence `access` and one rule for signed-in people.
fn access(fields: &str) -> String {
    format!("access:\n{}  rules: [{{path: {{prefix: /}}, access: signed_in}}]", lines(fields))
}

fn lines(fields: &str) -> String {
    fields.lines().map(|line| format!("  {line}\n")).collect()
}

fn assertion(more: &str) -> String {
    access(&format!("assertion: {{audience: app, key: {{value: {EC:?}}}{more}}}"))
}

fn signed_in<'s>(site: &'s Site, change: impl FnOnce(Response) -> Response) -> Browser<'s> {
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let response = change(Response::to(&id, NOW));
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303, "{}", site.said());
    browser
}

#[track_caller]
fn wrong(more: &str, said: &str) {
    let text = configuration("", more);
    let errors = Gateway::compile(text.as_bytes(), &|_| None).map(|_| ()).expect_err("must be refused");
    assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
}

#[test]
fn a_rule_says_what_the_application_is_told() {
    let site = Site::new(
        "",
        r#"access:
  profiles: [x-forwarded]
  identity_headers: [{name: x-user, value: "{name_id|lower|local:n.example}"}]
  rules:
    - path: {prefix: /team}
      access: signed_in
      identity_headers: {set: [{name: x-team, value: "{claim:groups|first}"}], remove: [X-Forwarded-User]}
    - {path: {prefix: /nobody}, access: signed_in, identity_headers: none}
    - {path: {prefix: /}, access: signed_in}"#,
    );
    let mut browser = signed_in(&site, |response| response.with(GROUPS, &["a", "b"]));
    assert_eq!(browser.told("/page", "x-user").as_deref(), Some("ada"));
    assert_eq!(browser.told("/page", "x-forwarded-user").as_deref(), Some("ada@n.example"));
    assert_eq!(browser.told("/page", "x-team"), None);
    assert_eq!(browser.told("/team", "x-team").as_deref(), Some("a"));
    assert_eq!(browser.told("/team", "x-forwarded-user"), None);
    assert_eq!(browser.told("/team", "x-forwarded-groups").as_deref(), Some("a,b"));
    assert_eq!(browser.told("/nobody", "x-user"), None);
}

#[test]
fn what_cannot_be_told_or_proven_never_reaches_the_application() {
    let site = Site::new("", &assertion(""));
    let mut browser = signed_in(&site, |response| response);
    site.host.random_fails.set(true);
    let reply = browser.get("/page").expect("an answer of ours");
    assert_eq!(reply.status, 503);
    assert!(site.said().contains("code=assertion_not_signed"), "{}", site.said());
    site.host.random_fails.set(false);
    assert!(browser.told("/page", "x-vestibule-assertion").is_some());

    for (fields, code) in [
        (
            "on_unencodable: refuse\nidentity_headers: [{name: x-a, value: \"{claim:groups}\"}]",
            "identity_unencodable",
        ),
        (
            "max_headers_bytes: 256\nidentity_headers: [{name: x-a, value: \"{claim:groups}\"}]",
            "identity_too_large",
        ),
    ] {
        let site = Site::new("", &access(fields));
        let long = "g".repeat(300);
        let mut browser = signed_in(&site, |response| response.with(GROUPS, &["a,b", &long]));
        assert_eq!(browser.get("/page").expect("an answer of ours").status, 403);
        assert!(site.said().contains(&format!("code={code}")), "{}", site.said());
    }
}

#[test]
fn the_keys_are_published_and_nothing_of_the_private_ones() {
    let site = Site::new("", &assertion(""));
    let reply = site.browser().get("/.vestibule/jwks.json").expect("the keys");
    assert_eq!((reply.status, header(&reply, "cache-control")), (200, Some("public, max-age=300")));
    let keys: serde_json::Value = serde_json::from_str(&text(&reply)).unwrap();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert!(keys["keys"][0].get("d").is_none());
    let none = Site::new("", "").browser().get("/.vestibule/jwks.json").expect("an answer of ours");
    assert_eq!(none.status, 404);
}

#[test]
fn rs256_without_a_proxy_that_signs_is_no_configuration() {
    let more = access(&format!("assertion: {{audience: app, algorithm: RS256, key: {{value: {RSA:?}}}}}"));
    let (gateway, _) = Gateway::compile(configuration("", &more).as_bytes(), &|_| None).unwrap();
    let error = gateway.prepare(&TestHost::at(NOW)).unwrap_err();
    assert!(error.starts_with("tenants[0].access.assertion.algorithm: RS256"), "{error}");
    wrong(
        &access(&format!("assertion: {{audience: app, key: {{value: {RSA:?}}}}}")),
        "write algorithm: RS256, or put a key for ES256 first",
    );
}

#[test]
fn too_many_groups_are_noticed_wherever_groups_are_told() {
    let team = "access:\n  rules: [{path: {prefix: /}, access: signed_in, identity_headers: {set: [{name: x-g, value: \"{claim:groups}\"}]}}]";
    let in_assertion = assertion(", claims: [{name: g, values: \"{claim:groups}\"}]");
    let basic = access("basic_credentials: {user: \"{claim:groups|first}\", password: {value: secret}}");
    let nowhere = access("profiles: [remote-user]\nidentity_headers: [{name: remote-groups, value: none}]");
    for (more, status) in [(team, 403), (&in_assertion, 403), (&basic, 403), (&nowhere, 303)] {
        let site = Site::new("", more);
        let mut browser = site.browser();
        let (id, state) = browser.start("/page");
        let response = Response::to(&id, NOW).with(OVERAGE, &["https://graph.example/x"]);
        assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, status, "{more}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    for (fields, said) in [
        ("profiles: [grafna]", "access.profiles[0]: `grafna` is not a profile; did you mean grafana?"),
        ("profiles: [jenkins, x-forwarded]", "wants another `x-forwarded-groups` than the profile before it"),
        ("identity_headers: [{name: authorization, value: a}]", "write `basic_credentials`"),
        ("identity_headers: [{name: x-a, value: \"{name_id|lowr}\"}]", "did you mean lower?"),
        ("group_names: {A: x, a: y}", "is there twice"),
        ("unknown_groups: keep", "write `group_names` beside it"),
        ("on_unencodable: drop", "write one of encode, refuse"),
        ("max_header_bytes: 10", "from 256 to 61440"),
        ("basic_credentials: {user: x}", "password: is missing"),
        ("basic_credentials: {password: {value: \"a\\nb\"}}", "control characters"),
        ("identity_header: []", "did you mean `identity_headers`?"),
    ] {
        wrong(&access(fields), said);
    }
    for (more, said) in [
        (", lifetime_seconds: 5", "from 10 to 3600"),
        (", claims: [{name: exp, value: a}]", "`exp` is a claim that the token has anyway"),
        (", claims: [{name: a}]", "needs one of value and values"),
        (", claims: [{name: a, values: \"{claim:groups|join}\"}]", "is not one placeholder without join"),
        (", keys: []", "needs one of key and keys"),
        (", header: cookie", "cannot be an identity header"),
    ] {
        wrong(&assertion(more), said);
    }
    let twice = format!(
        "assertion: {{audience: app, header: X-User, key: {{value: {EC:?}}}}}\nidentity_headers: [{{name: x_user, value: a}}]"
    );
    wrong(&access(&twice), "an identity header already");
    let rule = |told: &str, access: &str| {
        format!(
            "access:\n  profiles: [grafana]\n  rules: [{{path: {{prefix: /}}, access: {access}, identity_headers: {told}}}]"
        )
    };
    wrong(&rule("none", "public"), "the rule lets everybody or nobody pass");
    wrong(&rule("all", "signed_in"), "write one of none");
    wrong(&rule("{remove: [x-webauth-usr]}", "signed_in"), "did you mean x-webauth-user?");
    wrong(&rule("{add: []}", "signed_in"), "the fields here are set, remove");
}

/// `vestibule check` does not know the environment of Envoy.
#[test]
fn a_key_that_is_only_set_in_envoy_is_no_error_where_somebody_checks_elsewhere() {
    let more = access("assertion: {audience: app, key: {env: ASSERTION_KEY}}");
    let stand_in = |_: &str| Some(vestibule::config::STAND_IN.to_owned());
    let (_, warnings) = Gateway::compile(configuration("", &more).as_bytes(), &stand_in).unwrap();
    assert!(warnings.iter().any(|warning| warning.contains("was not looked at")), "{warnings:#?}");
}
