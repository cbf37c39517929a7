//! Policies through the whole gateway, and what the command line says of them.
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

use std::io::Write;
use std::process::{Command, Stdio};

use browser::{Browser, NOW, Site, begun, configuration, header, message, text};
use provider::Response;
use vestibule::common::{Headers, Reply};
use vestibule::gateway::{Event, Gateway, Step};

const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
const MULTIPLE: &str = "http://schemas.microsoft.com/claims/multipleauthn";

fn site(rules: &str) -> Site {
    Site::new(
        "",
        &format!("access:\n  rules:\n    - {rules}\n    - {{path: {{prefix: /}}, access: signed_in}}"),
    )
}

/// Answers the redirect that a browser was given; every assertion has a name of its own.
fn answer(browser: &mut Browser<'_>, redirect: &Reply, change: impl FnOnce(&mut Response)) -> Reply {
    let (id, state) = begun(redirect);
    let mut response = Response::to(&id, browser.site.host.time.get());
    response.id = format!("_of{id}");
    change(&mut response);
    browser.answer(&response.encoded(), Some(&state))
}

fn later(site: &Site, seconds: u64) {
    site.host.time.set(site.host.time.get() + seconds * 1000);
}

// Signing in anew.

#[test]
fn an_old_sign_in_leads_to_a_fresh_one_and_then_in() {
    let site = site("{path: {prefix: /fresh}, access: signed_in, require: [{max_age_seconds: 300}]}");
    let mut browser = site.browser();
    let redirect = browser.get("/page").unwrap();
    assert_eq!(answer(&mut browser, &redirect, |_| {}).status, 303);
    assert!(browser.get("/fresh").is_none(), "it is fresh still");
    later(&site, 361);
    assert!(browser.get("/page").is_none(), "the session itself lasts");
    let redirect = browser.get("/fresh?a=1").unwrap();
    assert_eq!(redirect.status, 302);
    assert!(message(&redirect).contains("ForceAuthn=\"true\""));
    let reply = answer(&mut browser, &redirect, |_| {});
    assert_eq!(header(&reply, "location"), Some("https://a.example/fresh?a=1"));
    assert!(browser.get("/fresh?a=1").is_none());
}

#[test]
fn a_provider_that_answers_with_the_old_sign_in_is_not_asked_for_ever() {
    let site = site("{path: {prefix: /fresh}, access: signed_in, require: [{max_age_seconds: 300}]}");
    let mut browser = site.browser();
    let old = |response: &mut Response| response.authn_instant = NOW - 3_600_000;
    let redirect = browser.get("/fresh").unwrap();
    assert!(!message(&redirect).contains("ForceAuthn"));
    assert_eq!(answer(&mut browser, &redirect, old).status, 303);
    let redirect = browser.get("/fresh").unwrap();
    assert!(message(&redirect).contains("ForceAuthn=\"true\""));
    let reply = answer(&mut browser, &redirect, old);
    assert_eq!((reply.status, header(&reply, "location")), (403, None), "what was asked for must come back");
    assert!(site.said().contains("code=authn_too_old"), "{}", site.said());
}

#[test]
fn a_sign_in_without_a_second_factor_is_made_anew_once_and_then_a_page_says_so() {
    let site = site("{path: {prefix: /mfa}, access: signed_in, require: [{mfa: true}]}");
    let mut browser = site.browser();
    let redirect = browser.get("/page").unwrap();
    answer(&mut browser, &redirect, |response| response.authn_instant = NOW - 3_600_000);
    let redirect = browser.get("/mfa").unwrap();
    assert!(message(&redirect).contains("ForceAuthn=\"true\""));
    assert!(!message(&redirect).contains("RequestedAuthnContext"), "Entra fails where it is asked for one");
    assert_eq!(answer(&mut browser, &redirect, |_| {}).status, 303);
    let page = browser.get("/mfa?a=1").unwrap();
    assert_eq!((page.status, header(&page, "location")), (403, None));
    assert!(text(&page).contains("/.vestibule/sign-in?fresh=1&amp;return=/mfa%3Fa%3D1"), "{}", text(&page));
    assert!(site.said().contains("code=authn_context"), "{}", site.said());
    assert!(browser.get("/page").is_none(), "the session is what it was");
}

#[test]
fn a_second_factor_opens() {
    let site = site("{path: {prefix: /mfa}, access: signed_in, require: [{mfa: true}]}");
    let mut browser = site.browser();
    let redirect = browser.get("/mfa").unwrap();
    answer(&mut browser, &redirect, |response| {
        *response = response.clone().with(METHODS, &["urn:password", MULTIPLE]);
    });
    assert!(browser.get("/mfa").is_none());
}

#[test]
fn a_claim_that_is_missing_is_no_reason_to_sign_in_anew() {
    let require = "[{claim: roles, one_of: [admin]}, {mfa: true}, {max_age_seconds: 60}]";
    let site = site(&format!("{{path: {{prefix: /admin}}, access: signed_in, require: {require}}}"));
    let mut browser = site.browser();
    let redirect = browser.get("/page").unwrap();
    answer(&mut browser, &redirect, |response| response.authn_instant = NOW - 3_600_000);
    let page = browser.get("/admin").unwrap();
    assert_eq!((page.status, header(&page, "location")), (403, None));
    assert!(site.said().contains("code=claims"));
}

// What only the proxy knows.

fn asks(site: &Site, path: &str, more: &[(&str, &str)]) -> (u16, String) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let head = [(":method", "GET"), (":path", path), (":authority", "a.example")];
    for (name, value) in head.iter().chain(more) {
        pairs.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    }
    let event = Event::RequestHeaders { headers: Headers::new(pairs), end: true };
    match site.gateway.exchange().on(event, &site.host) {
        Step::Continue(_) => (200, String::new()),
        Step::Answer(reply) => (reply.status, site.said()),
        other => panic!("{other:?}"),
    }
}

fn property(site: &Site, path: &str, value: &str) {
    site.host.properties.borrow_mut().insert(path.to_owned(), value.as_bytes().to_vec());
}

#[test]
fn the_address_of_the_client_is_the_proxys_and_no_headers() {
    let site = Site::new(
        "",
        "access:\n  rules:\n    - {path: {prefix: /}, access: public, require: [{client: [10.0.0.0/8]}]}",
    );
    let forged = [("x-forwarded-for", "10.0.0.1"), ("x-real-ip", "10.0.0.1"), ("forwarded", "for=10.0.0.1")];
    assert_eq!(asks(&site, "/", &forged).0, 403, "unknown");
    property(&site, "source/address", "192.0.2.1:443");
    assert_eq!(asks(&site, "/", &forged).0, 403);
    property(&site, "source/address", "[::ffff:10.0.0.1]:443");
    assert_eq!(asks(&site, "/", &[]).0, 200);
}

const BY_POLICY: &str = "access:
  identity_headers: [{name: x-user, value: \"{name_id}\"}]
  rules: [{path: {prefix: /always}, access: public}]
  policy_namespace: ours
  policies:
    open: [{path: {prefix: /}, access: public}]
    staff: [{path: {prefix: /}, access: signed_in}]";

fn by_policy() -> Site {
    Site::new("", BY_POLICY)
}

const POLICY: &str = "xds/route_metadata/filter_metadata/ours/policy";

#[test]
fn the_policy_is_the_one_that_the_metadata_of_the_route_name_or_none() {
    let site = by_policy();
    assert_eq!(asks(&site, "/x", &[]).0, 403, "none is named");
    for (name, status) in [("open", 200), ("staff", 401), ("unknown", 403), ("", 403), ("\u{1}", 403)] {
        property(&site, POLICY, name);
        assert_eq!(asks(&site, "/x", &[]).0, status, "{name:?}");
    }
    site.host.properties.borrow_mut().insert(POLICY.to_owned(), vec![0xff]);
    assert_eq!(asks(&site, "/x", &[]).0, 403);
}

#[test]
fn a_policy_of_a_route_is_not_believed_where_a_header_was_planted_or_the_path_is_ambiguous() {
    let site = by_policy();
    property(&site, POLICY, "open");
    for planted in ["x-user", "X_User", "x-original-url"] {
        let (status, said) = asks(&site, "/x", &[(planted, "forged")]);
        assert_eq!(status, 400, "{planted}");
        assert!(said.contains("code=forged_header_and_route"), "{said}");
    }
    for planted in ["__Host-vestibule-s.t=1.AAAA", "__Host-vestibule-canary"] {
        assert_eq!(asks(&site, "/x", &[("cookie", planted)]).0, 400, "{planted}");
    }
    let (status, said) = asks(&site, "/%78", &[]);
    assert_eq!(status, 400);
    assert!(said.contains("code=path_and_route"), "{said}");
    assert_eq!(asks(&site, "/always", &[("x-user", "forged")]).0, 200, "no route decided this");
    assert_eq!(asks(&site, "/%61lways", &[]).0, 400, "as octets it is not below /always");
}

#[test]
fn a_session_that_is_over_closes_no_route_that_is_open_by_its_policy() {
    let site = by_policy();
    property(&site, POLICY, "staff");
    let mut browser = site.browser();
    let redirect = browser.get("/page").unwrap();
    assert_eq!(answer(&mut browser, &redirect, |_| {}).status, 303);
    property(&site, POLICY, "open");
    assert!(browser.get("/x").is_none());
    later(&site, 8 * 3600);
    assert!(browser.get("/x").is_none(), "its cookies are ours still");
    property(&site, POLICY, "staff");
    assert_eq!(browser.get("/x").unwrap().status, 302);
}

#[test]
fn a_browser_whose_cookies_no_key_opens_any_more_loses_them_with_the_refusal_and_no_others_do() {
    let old = by_policy();
    let mut browser = old.browser();
    property(&old, POLICY, "staff");
    let redirect = browser.get("/page").unwrap();
    assert_eq!(answer(&mut browser, &redirect, |_| {}).status, 303);
    property(&old, POLICY, "open");
    // A forged header is no reason to sign anybody out.
    browser.extra = vec![("x-user", "forged")];
    let cookies = browser.cookies.clone();
    assert_eq!(browser.get("/x").unwrap().status, 400);
    assert_eq!(browser.cookies, cookies);
    browser.extra.clear();
    // Nor is a cookie that names another tenant.
    browser.cookies.insert("__Host-vestibule-s.u".to_owned(), "1.planted".to_owned());
    assert_eq!(browser.get("/x").unwrap().status, 400);
    assert_eq!(browser.cookies, cookies);
    let made = configuration("", BY_POLICY)
        .replace("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let new = Site::of(&made);
    property(&new, POLICY, "open");
    let mut browser = Browser { cookies, ..new.browser() };
    assert_eq!(browser.get("/x").unwrap().status, 400);
    assert!(browser.get("/x").is_none(), "there is a way back");
}

// Paths.

#[test]
fn row_8_17_what_is_ours_has_one_spelling() {
    let site = Site::new(
        "",
        "access:\n  allow_path_spellings: [empty_segment, encoded_slash, semicolon]\n  rules: [{path: {prefix: /}, access: signed_in}]",
    );
    for path in
        ["/%2evestibule/sign-out", "//.vestibule/sign-out", "/.vestibule%2Fsign-out", "/.vestibule;/sign-out"]
    {
        assert_eq!(asks(&site, path, &[]).0, 401, "{path}");
    }
    assert_eq!(asks(&site, "/.vestibule/sign-out", &[]).1, "");
}

#[test]
fn a_refused_path_says_by_which_name_it_is_allowed() {
    let site = site("{path: {prefix: /public}, access: public}");
    for (path, name) in [
        ("/a%2fb", "encoded_slash"),
        ("/a%5cb", "backslash"),
        ("/a/../b", "dot_segment"),
        ("/a//b", "empty_segment"),
        ("/a;b", "semicolon"),
        ("/a%00b", "control"),
        ("/a%zz", "bad_escape"),
        ("/a%2562", "double_escape"),
        ("/a%ff", "not_utf8"),
        ("/a%3f", "delimiter"),
        ("/a.", "trailing_dot"),
    ] {
        let (status, said) = asks(&site, path, &[]);
        assert_eq!(status, 400, "{path}");
        assert!(said.contains(&format!("code=path.{name} ")), "{path}: {said}");
        let allowing = Site::new(
            "",
            &format!(
                "access:\n  allow_path_spellings: [{name}]\n  rules: [{{path: {{prefix: /}}, access: public}}]"
            ),
        );
        assert_eq!(asks(&allowing, path, &[]).0, 200, "{path}");
    }
}

#[test]
fn who_was_sent_to_sign_in_from_an_allowed_spelling_comes_back_to_it() {
    let site = Site::new(
        "",
        "access:\n  allow_path_spellings: [encoded_slash]\n  rules: [{path: {prefix: /}, access: signed_in}]",
    );
    let mut browser = site.browser();
    let redirect = browser.get("/files/a%2Fb").unwrap();
    let reply = answer(&mut browser, &redirect, |_| {});
    assert_eq!(header(&reply, "location"), Some("https://a.example/files/a%2Fb"));
}

// What an operator is told of a wrong configuration.

fn errors(access: &str) -> Vec<String> {
    let text = configuration("", &format!("access:\n{access}"));
    Gateway::compile(text.as_bytes(), &|_| None).err().unwrap_or_default()
}

#[test]
fn a_rule_that_cannot_mean_what_it_says_is_refused() {
    for (rule, said) in [
        ("{hosts: [b.example], access: public}", "is no host of this tenant"),
        ("{hosts: [], access: public}", "would never match"),
        ("{path: {regex: \"a\"}, access: public}", "does not begin with /"),
        ("{path: {regex: \"/(a\"}, access: public}", "is no regular expression"),
        ("{path: {regex: \"/a)|(/b\"}, access: public}", "is no regular expression"),
        ("{path: {regex: \"/a(?x) #\"}, access: public}", "is no regular expression"),
        ("{path: {regex: \"/\u{e4}\"}, access: public}", "names characters outside ASCII"),
        ("{path: {regex: \"/\\\\xe4\"}, access: public}", "names characters outside ASCII"),
        ("{path: {regex: \"/[a-z]{9999}{9999}\"}, access: public}", "is no regular expression"),
        ("{path: {prefix: /a, exact: /a}, access: public}", "needs one of prefix, exact and regex"),
        ("{path: {prefix: /a;b}, access: public}", "can never match"),
        ("{path: {prefix: /}, clients: [10.0.0.1/8], access: public}", "has bits behind its prefix"),
        ("{path: {prefix: /}, clients: [localhost], access: public}", "is no network"),
        ("{path: {prefix: /}, clients: [], access: public}", "is empty"),
        ("{path: {prefix: /}, access: public, require: [{mfa: true}]}", "needs a session"),
        ("{path: {prefix: /}, access: deny, require: [{client: [10.0.0.0/8]}]}", "changes nothing"),
        ("{path: {prefix: /}, access: signed_in, require: [{mfa: false}]}", "asks for nothing"),
        ("{path: {prefix: /}, access: signed_in, require: [{max_age_seconds: 59}]}", "60"),
        (
            "{path: {prefix: /}, access: signed_in, require: [{mfa: true, max_age_seconds: 60}]}",
            "is no condition",
        ),
        ("{path: {prefix: /}, access: signed_in, require: [{authn_context: {}}]}", "is missing"),
        ("{access: public}", "matches nothing"),
    ] {
        let errors = errors(&format!("  rules: [{rule}]"));
        assert!(errors.iter().any(|error| error.contains(said)), "{rule}: {errors:#?}");
    }
    for (access, said) in [
        ("  policies: {}", "has no policy"),
        ("  policy_namespace: x\n  rules: [{path: {prefix: /}, access: public}]", "there are none"),
        ("  allow_path_spellings: [slashes]", "is not a choice here"),
    ] {
        let errors = errors(access);
        assert!(errors.iter().any(|error| error.contains(said)), "{access}: {errors:#?}");
    }
}

#[test]
fn nobody_needs_an_identity_provider_where_rules_only_open_and_deny() {
    let text = "keys: [{id: k1, secret: {value: \"0123456789abcdef0123456789abcdef\"}}]
tenants:
  - name: t
    public_url: https://a.example
    access: {rules: [{path: {prefix: /a}, access: public}, {path: {prefix: /}, access: deny}]}";
    assert!(Gateway::compile(text.as_bytes(), &|_| None).is_ok());
}

// The examples of the page.

const PAGE: &str = include_str!("../docs/policies.md");

fn examples() -> Vec<String> {
    PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_example_of_the_page_is_a_configuration_and_warns_of_nothing() {
    let examples = examples();
    assert_eq!(examples.len(), 6);
    for example in examples.iter().filter(|example| !example.starts_with("name_id")) {
        let indented: String = example.lines().map(|line| format!("  {line}\n")).collect();
        let text = configuration(
            "",
            &format!("hosts: [a.example, app.example.com]\naccess:\n  application_cookies: []\n{indented}"),
        );
        let (_, warnings) = Gateway::compile(text.as_bytes(), &|_| None)
            .unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
        let about = warnings.iter().filter(|warning| warning.contains("access")).collect::<Vec<_>>();
        assert!(about.is_empty(), "{about:#?}");
    }
}

#[test]
fn the_page_lists_every_spelling_that_can_be_allowed() {
    for problem in vestibule::common::path::PathProblem::ALLOWABLE {
        assert!(PAGE.contains(&format!("| `{}` |", problem.name())), "{problem:?}");
    }
}

// The command line.

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs the command with a configuration on standard input and, where it is wanted, a file.
fn vestibule(arguments: &[&str], config: &str, file: Option<&str>) -> Said {
    let place = std::env::temp_dir().join(format!("vestibule-policies-{}-{:p}", std::process::id(), &config));
    if let Some(text) = file {
        std::fs::write(&place, text).unwrap();
    }
    let place_text = place.to_str().unwrap().to_owned();
    let arguments = arguments.iter().map(|text| if *text == "FILE" { place_text.as_str() } else { text });
    let mut child = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Wrong usage is noticed before the configuration is read.
    let _ = child.stdin.take().unwrap().write_all(config.as_bytes());
    let output = child.wait_with_output().unwrap();
    if file.is_some() {
        std::fs::remove_file(&place).unwrap();
    }
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn rules_of_the_page() -> String {
    let rules: String = examples()[0].lines().map(|line| format!("  {line}\n")).collect();
    configuration("", &format!("access:\n{rules}"))
}

#[test]
fn policy_test_says_which_rule_decides_and_why_the_others_do_not() {
    let config = rules_of_the_page();
    let url = "https://a.example/admin/x";
    let said = vestibule(&["policy", "test", "-", "--url", url], &config, None);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for part in [
        "must sign in",
        "rules[0]: no: another path",
        "rules[2]: decides: access: signed_in",
        "nobody is signed in",
    ] {
        assert!(said.out.contains(part), "{part:?} is not in {}", said.out);
    }
    let ada = examples()[5].clone();
    let said = vestibule(&["policy", "test", "-", "--url", url, "--claims", "FILE"], &config, Some(&ada));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("passes, with identity headers") && said.out.contains("one of admin: holds"));
    let said =
        vestibule(&["policy", "test", "-", "--url", url, "--claims", "FILE"], &config, Some("roles: [user]"));
    assert_eq!(said.code, 1);
    assert!(said.out.contains("is refused (claims)"), "{}", said.out);
}

#[test]
fn policy_test_speaks_json() {
    let said =
        vestibule(&["policy", "test", "-", "--url", "/%70ublic", "--json"], &rules_of_the_page(), None);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &value["outcome"], &value["tenant"]), (1, &"sign_in".into(), &"t".into()));
    assert_eq!(value["readings"], serde_json::json!(["/public", "/%70ublic"]));
    assert_eq!(value["ways"][0]["decision"], "pass");
    assert_eq!(value["ways"][2]["rules"][3]["decides"], true);
    let said = vestibule(&["policy", "test", "-", "--url", "/a;b", "--json"], &rules_of_the_page(), None);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, &value["outcome"], &value["code"]),
        (1, &"refused".into(), &"path.semicolon".into())
    );
}

#[test]
fn policy_test_takes_what_only_envoy_knows() {
    let config = configuration(
        "",
        "access:
  policies:
    open: [{path: {prefix: /}, clients: [10.0.0.0/8], access: public}]
    named: [{route: r, access: public}]",
    );
    for (arguments, code) in [
        (&["--policy", "open", "--address", "10.0.0.1"][..], 0),
        (&["--policy", "open", "--address", "::ffff:10.0.0.1"], 0),
        (&["--policy", "open", "--address", "192.0.2.1"], 1),
        (&["--policy", "open"], 1),
        (&["--policy", "named", "--route", "r"], 0),
        (&["--policy", "named"], 1),
        (&[], 1),
    ] {
        let all: Vec<&str> =
            ["policy", "test", "-", "--url", "/x"].iter().chain(arguments).copied().collect();
        let said = vestibule(&all, &config, None);
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.out, said.err);
    }
}

#[test]
fn policy_test_refuses_what_is_no_question() {
    let config = rules_of_the_page();
    for (arguments, said) in [
        (&["--url", "x"][..], "neither"),
        (&["--url", "ftp://a.example/"], "neither"),
        (&["--url", "https://b.example/"], "421"),
        (&["--url", "/", "--tenant", "u"], "no tenant"),
        (&["--url", "/", "--method", "get"], "upper-case"),
        (&["--url", "/", "--claims", "FILE"], "no mapping"),
        (&["--url", "/", "--address", "localhost"], "invalid"),
    ] {
        let all: Vec<&str> = ["policy", "test", "-"].iter().chain(arguments).copied().collect();
        let answer = vestibule(&all, &config, Some("[]"));
        assert_eq!(answer.code, 2, "{arguments:?}: {}", answer.out);
        assert!(answer.err.contains(said), "{said:?}: {}", answer.err);
    }
    assert_eq!(vestibule(&["policy", "test", "-", "--url", "/"], "keys: []", None).code, 2);
}

/// The filter's own answers, by name, beside what the command says.
#[test]
fn policy_test_says_whose_a_path_is_as_the_filter_does() {
    let tenant = |name: &str| {
        format!(
            "  - {{name: {name}, public_url: \"https://a.example\", path_prefix: /{name}, access: {{allow_path_spellings: [encoded_slash, dot_segment], \
             rules: [{{path: {{prefix: /}}, access: public}}]}}}}\n"
        )
    };
    let keys = "keys: [{id: k1, secret: {value: \"0123456789abcdef0123456789abcdef\"}}]\ntenants:\n";
    let config = format!("{keys}{}{}", tenant("acme"), tenant("umbrella"));
    let site = Site::of(&config);
    for (path, code) in [
        ("/acme/x", None),
        ("/acme/x?a=/umbrella", None),
        ("/umbrella", None),
        ("/ACME/x", Some("tenant_spelling")),
        ("/%41cme/x", Some("tenant_spelling")),
        ("/acme%2F..%2Fumbrella/x", Some("unknown_tenant")),
        ("/acme/..%2Fumbrella", Some("tenant_spelling")),
        ("/other", Some("unknown_tenant")),
        ("/", Some("unknown_tenant")),
    ] {
        let url = format!("https://a.example{path}");
        let said = vestibule(&["policy", "test", "-", "--url", &url, "--json"], &config, None);
        let json: serde_json::Value =
            serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{path}: {}", said.err));
        assert_eq!(json["code"].as_str(), code, "{path}: {json}");
        assert_eq!(said.code, i32::from(code.is_some()), "{path}");
        let filter = site.browser().get(path).map(|reply| text(&reply));
        assert_eq!(filter.is_some(), code.is_some(), "{path}: {filter:?}");
        assert!(code.is_none_or(|code| filter.unwrap().contains(code)), "{path}");
    }
    let said = vestibule(&["policy", "test", "-", "--url", "https://a.example/ACME/x"], &config, None);
    assert_eq!((said.code, said.out.as_str()), (1, "no tenant: the request is refused (tenant_spelling)\n"));
    let named = ["policy", "test", "-", "--tenant", "acme", "--url"];
    assert_eq!(vestibule(&[&named[..], &["/acme/x"]].concat(), &config, None).code, 0);
    let said = vestibule(&[&named[..], &["/umbrella/x"]].concat(), &config, None);
    assert!(said.code == 2 && said.err.contains("another tenant"), "{} {}", said.out, said.err);
    let said = vestibule(&[&named[..], &["https://a.example:8443/acme/x"]].concat(), &config, None);
    assert!(said.code == 2 && said.err.contains("421"), "{} {}", said.out, said.err);
}

#[test]
fn policy_test_says_what_no_rule_is_asked_about() {
    for (url, whose) in [
        ("/.vestibule/saml/acs", "the assertion consumer"),
        ("/.vestibule/sign-out", "an endpoint of the filter"),
    ] {
        let said = vestibule(&["policy", "test", "-", "--url", url], &rules_of_the_page(), None);
        assert!(said.code == 0 && said.out.contains(whose), "{}", said.out);
    }
}

// Envoy's configuration.

const ENVOY: &str = include_str!("vectors/check/envoy.yaml");

/// What `check` says of an Envoy with these options of the manager and these fields beside `rules`.
fn checked(manager: &[&str], access: &str) -> String {
    let put = |text: &str, before: &str, lines: &[&str]| {
        let at = text.lines().find(|line| line.trim_start().starts_with(before)).unwrap();
        let indent = " ".repeat(at.len() - at.trim_start().len());
        let new: String = lines.iter().map(|line| format!("{indent}{line}\n")).collect();
        text.replacen(&format!("{at}\n"), &format!("{new}{at}\n"), 1)
    };
    let options =
        ["normalize_path", "merge_slashes", "use_remote_address", "path_with_escaped_slashes_action"];
    let bare: String = ENVOY
        .lines()
        .filter(|line| !options.iter().any(|option| line.trim_start().starts_with(option)))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = put(&put(&bare, "stat_prefix:", manager), "rules:", &[access]);
    let said = vestibule(&["check", "FILE"], "", Some(&file));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out
}

#[test]
fn check_warns_of_path_options_that_disagree_with_allowed_spellings() {
    for (name, manager, said) in [
        ("dot_segment", &["normalize_path: true"][..], "normalize_path: Envoy resolves dot segments"),
        ("dot_segment", &[], "normalize_path is off"),
        ("backslash", &[], "normalize_path is off"),
        ("empty_segment", &["merge_slashes: true"], "merge_slashes: Envoy merges slashes"),
        ("empty_segment", &[], "merge_slashes is off"),
        ("encoded_slash", &["path_with_escaped_slashes_action: REJECT_REQUEST"], "refuses escaped slashes"),
        (
            "encoded_slash",
            &["path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD"],
            "decodes escaped slashes",
        ),
    ] {
        let out = checked(manager, &format!("allow_path_spellings: [{name}]"));
        assert!(out.contains(said), "{name} {manager:?}: {out}");
    }
    let agreed = checked(&["merge_slashes: true"], "allow_path_spellings: [semicolon]");
    assert!(!agreed.contains("slashes") && !agreed.contains("normalize_path"), "{agreed}");
}

#[test]
fn check_warns_where_a_header_gives_the_address_that_rules_look_at() {
    let looks =
        "policies: {office: [{path: {prefix: /}, access: public, require: [{client: [10.0.0.0/8]}]}]}";
    assert!(checked(&[], looks).contains("use_remote_address is not true"));
    let hops = ["use_remote_address: true", "xff_num_trusted_hops: 1"];
    assert!(checked(&hops, looks).contains("comes from a header"));
    assert!(!checked(&hops[..1], looks).contains("address of the client"));
    assert!(!checked(&[], "allow_path_spellings: [semicolon]").contains("address of the client"));
}
