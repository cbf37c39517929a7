use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::common::Spellings;
use crate::common::path::PathProblem;
use crate::config::{Configuration, claim_name};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_800_000_000_000;
const REQUEST: Request = Request {
    host: "a.example",
    path: "/",
    method: "GET",
    route: None,
    policy: None,
    client: None,
    identity: None,
};

/// What a test asks; everything but the path has a usual value.
#[derive(Clone, Copy)]
struct Request<'a> {
    host: &'a str,
    path: &'a str,
    method: &'a str,
    route: Option<&'a str>,
    policy: Option<&'a str>,
    client: Option<&'a str>,
    identity: Option<&'a Identity>,
}

/// The rules of a tenant, read as an operator writes them.
fn access(yaml: &str) -> AccessSettings {
    let text = format!(
        "keys: [{{id: k, secret: {{value: dGhpcyBpcyBhIGtleSBvZiAzMiBieXRlcyBvciBtb3Jl}}}}]
tenants:
  - name: t
    public_url: https://a.example
    hosts: [a.example, b.example]
    saml:
      entity_id: https://a.example/saml
      identity_provider:
        entity_id: https://idp.example/
        metadata: {{cluster: idp, authority: idp.example, path: /m}}
        trust: tls
    access:
{yaml}"
    );
    let (configuration, _) = Configuration::read(text.as_bytes(), &|_| None).unwrap();
    configuration.tenants.into_iter().next().unwrap().access
}

fn rules(lines: &[&str]) -> AccessSettings {
    access(&format!("      rules:\n{}", list(lines)))
}

fn list(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("        - {line}\n")).collect()
}

fn with_question<T>(
    settings: &AccessSettings,
    request: Request<'_>,
    ask: impl FnOnce(&Question<'_>) -> T,
) -> T {
    let path = NormalPath::read_allowing(request.path.as_bytes(), settings.path_spellings).unwrap();
    ask(&Question {
        host: request.host,
        path: &path,
        method: request.method,
        route: request.route,
        policy: request.policy,
        client: request.client.map(|text| text.parse().unwrap()),
        identity: request.identity,
        now: UnixMillis(NOW),
        skew: Duration::from_secs(60),
    })
}

/// Asks, and holds that the explanation says the same.
fn ask(settings: &AccessSettings, request: Request<'_>) -> Decision {
    with_question(settings, request, |question| {
        let decision = decide(settings, question);
        let explained = explain(settings, question);
        let all = explained.iter().map(|way| way.decision).reduce(Decision::and);
        assert_eq!(all, Some(decision), "{}", request.path);
        decision
    })
}

fn at(settings: &AccessSettings, path: &str) -> Decision {
    ask(settings, Request { path, ..REQUEST })
}

fn pass(identified: bool) -> Decision {
    Decision::Pass { identified, opens_scim: false }
}

fn somebody(claims: &[(&str, &[&str])]) -> Identity {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let attributes: BTreeMap<String, Vec<String>> =
        claims.iter().map(|(claim, values)| (claim_name(claim).to_owned(), texts(values))).collect();
    Identity { attributes, authn_instant: Some(NOW - 1000), ..Identity::default() }
}

fn with(condition: &str, identity: &Identity) -> Decision {
    let settings = rules(&[&format!("{{path: {{prefix: /}}, access: signed_in, require: [{condition}]}}")]);
    ask(&settings, Request { identity: Some(identity), ..REQUEST })
}

// Which rule decides.

#[test]
fn without_a_matching_rule_nobody_passes() {
    let admin = somebody(&[]);
    let signed_in =
        |settings: &AccessSettings, path| ask(settings, Request { path, identity: Some(&admin), ..REQUEST });
    assert_eq!(signed_in(&AccessSettings::default(), "/"), Decision::Denied);
    assert_eq!(at(&rules(&["{path: {prefix: /a}, access: public}"]), "/b"), Decision::Denied);
    assert_eq!(signed_in(&rules(&["{path: {prefix: /a}, access: deny}"]), "/a"), Decision::Denied);
}

#[test]
fn the_first_matching_rule_decides() {
    let settings = rules(&[
        "{path: {prefix: /public}, access: public}",
        "{path: {prefix: /mixed}, access: optional}",
        "{path: {prefix: /}, access: signed_in}",
    ]);
    let ada = somebody(&[]);
    let signed_in = |path| ask(&settings, Request { path, identity: Some(&ada), ..REQUEST });
    assert_eq!(signed_in("/public/x"), pass(false));
    assert_eq!(at(&settings, "/mixed"), pass(false));
    assert_eq!(signed_in("/mixed"), pass(true));
    assert_eq!(at(&settings, "/"), Decision::SignIn);
    assert_eq!(signed_in("/"), pass(true));
}

#[test]
fn a_stricter_rule_holds_in_any_case_and_a_weaker_one_only_as_written() {
    let settings = rules(&[
        "{path: {prefix: /public}, access: public}",
        "{path: {prefix: /admin}, access: deny}",
        "{path: {prefix: /}, access: signed_in}",
    ]);
    assert_eq!(at(&settings, "/PUBLIC"), Decision::SignIn);
    assert_eq!(at(&settings, "/Admin/x"), Decision::Denied);
}

#[test]
fn of_two_rules_that_demand_something_the_stricter_holds_where_only_case_tells_them_apart() {
    let settings = rules(&[
        "{path: {exact: /app}, access: signed_in}",
        "{path: {prefix: /}, access: signed_in, require: [{claim: roles, one_of: [admin]}]}",
    ]);
    let ada = somebody(&[]);
    let signed_in = |path| ask(&settings, Request { path, identity: Some(&ada), ..REQUEST });
    assert_eq!(signed_in("/app"), pass(true));
    for path in ["/APP", "/app/", "/App"] {
        assert_eq!(signed_in(path), Decision::Forbidden, "{path}");
    }
}

#[test]
fn a_weaker_rule_below_a_stricter_one_opens_only_what_is_written() {
    let settings = rules(&[
        "{path: {prefix: /pub/Free}, access: public}",
        "{path: {prefix: /pub}, access: deny}",
        "{path: {prefix: /}, access: public}",
    ]);
    assert_eq!(at(&settings, "/pub/Free"), pass(false));
    for path in ["/PUB/Free", "/pub/free", "/pub", "/PUB"] {
        assert_eq!(at(&settings, path), Decision::Denied, "{path}");
    }
}

#[test]
fn a_strict_exact_path_holds_with_a_trailing_slash_and_in_any_case() {
    let settings = rules(&["{path: {exact: /admin}, access: deny}", "{path: {prefix: /}, access: public}"]);
    for path in ["/admin", "/admin/", "/ADMIN", "/adm\u{131}n".to_uppercase().as_str()] {
        assert_eq!(at(&settings, path), Decision::Denied, "{path}");
    }
    assert_eq!(at(&settings, "/admins"), pass(false));
}

#[test]
fn a_rule_is_for_the_hosts_that_it_names() {
    let settings = rules(&["{hosts: [B.example], access: public}", "{path: {prefix: /}, access: signed_in}"]);
    assert_eq!(at(&settings, "/"), Decision::SignIn);
    assert_eq!(ask(&settings, Request { host: "b.example", ..REQUEST }), pass(false));
}

#[test]
fn a_rule_for_a_method_or_route_leaves_the_others_alone() {
    let settings =
        rules(&["{route: open, access: public}", "{path: {prefix: /form}, methods: [get], access: public}"]);
    let to = |path, method, route| ask(&settings, Request { path, method, route, ..REQUEST });
    assert_eq!(to("/x", "GET", Some("open")), pass(false));
    assert_eq!(to("/x", "GET", Some("other")), Decision::Denied);
    assert_eq!(to("/form", "GET", None), pass(false));
    assert_eq!(to("/form", "POST", None), Decision::Denied);
}

#[test]
fn a_head_request_is_judged_as_the_get_it_is() {
    let settings = rules(&[
        "{path: {prefix: /open}, methods: [GET], access: signed_in}",
        "{path: {prefix: /open}, access: public}",
    ]);
    let by = |method| ask(&settings, Request { path: "/open", method, ..REQUEST });
    assert_eq!(by("GET"), Decision::SignIn);
    assert_eq!(by("HEAD"), Decision::SignIn);
    assert_eq!(by("POST"), pass(false));
}

// Regular expressions.

#[test]
fn a_regular_expression_matches_the_whole_path_or_not_at_all() {
    let settings = rules(&["{path: {regex: \"/a|/b/[0-9]+\"}, access: public}"]);
    for path in ["/a", "/b/1", "/b/22"] {
        assert_eq!(at(&settings, path), pass(false), "{path}");
    }
    for path in ["/ax", "/x/a", "/b/", "/b/1x", "/b/1/2", "/A", "/a/"] {
        assert_eq!(at(&settings, path), Decision::Denied, "{path}");
    }
}

#[test]
fn a_strict_regular_expression_holds_in_any_case_and_with_a_trailing_slash() {
    let settings =
        rules(&["{path: {regex: \"/Admin/[^x]+\"}, access: deny}", "{path: {prefix: /}, access: public}"]);
    for path in ["/Admin/1", "/admin/1", "/ADMIN/ab", "/Admin/1/", "/Admin/X"] {
        assert_eq!(at(&settings, path), Decision::Denied, "{path}");
    }
    assert_eq!(at(&settings, "/admin/"), pass(false));
}

#[test]
fn where_a_path_is_too_long_for_a_regular_expression_nobody_passes() {
    let settings = rules(&[
        "{path: {prefix: /first}, access: public}",
        "{path: {regex: \"/a+\"}, access: deny}",
        "{path: {prefix: /}, access: public}",
    ]);
    let long = format!("/{}", "b".repeat(1024));
    assert_eq!(at(&settings, &long), Decision::Denied);
    assert_eq!(at(&settings, &format!("/first{long}")), pass(false));
    assert_eq!(at(&settings, &long[..1024]), pass(false));
}

// Networks.

#[test]
fn a_rule_for_a_network_is_not_for_others_and_an_unknown_address_passes_nowhere() {
    let settings = rules(&[
        "{path: {prefix: /}, clients: [10.0.0.0/8, \"2001:db8::/32\"], access: public}",
        "{path: {prefix: /}, access: signed_in}",
    ]);
    let from = |client| ask(&settings, Request { client, ..REQUEST });
    for client in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"] {
        assert_eq!(from(Some(client)), pass(false), "{client}");
    }
    for client in ["11.0.0.1", "2001:db9::1", "::1"] {
        assert_eq!(from(Some(client)), Decision::SignIn, "{client}");
    }
    assert_eq!(from(None), Decision::Denied);
}

#[test]
fn a_network_is_required_of_the_signed_in_and_of_everybody() {
    let settings = rules(&[
        "{path: {exact: /open}, access: public, require: [{client: [10.0.0.0/8]}]}",
        "{path: {prefix: /}, access: signed_in, require: [{client: [10.0.0.0/8]}]}",
    ]);
    let ada = somebody(&[]);
    let from = |path, client, identity| ask(&settings, Request { path, client, identity, ..REQUEST });
    assert_eq!(from("/open", Some("10.0.0.1"), None), pass(false));
    assert_eq!(from("/", Some("10.0.0.1"), Some(&ada)), pass(true));
    assert_eq!(from("/", Some("10.0.0.1"), None), Decision::SignIn);
    for client in [Some("11.0.0.1"), None] {
        assert_eq!(from("/open", client, None), Decision::Forbidden);
        assert_eq!(from("/", client, Some(&ada)), Decision::Forbidden);
        assert_eq!(from("/", client, None), Decision::Forbidden, "signing in would not help");
    }
}

// Conditions.

#[test]
fn required_attributes_must_all_hold() {
    let admin = somebody(&[("roles", &["admin", "dev"])]);
    assert_eq!(with("{claim: roles, exists: true}", &admin), pass(true));
    assert_eq!(with("{claim: roles, one_of: [admin, x]}", &admin), pass(true));
    assert_eq!(with("{claim: roles, one_of: [Admin]}", &admin), Decision::Forbidden);
    assert_eq!(with("{claim: roles, all_of: [admin, dev]}", &admin), pass(true));
    assert_eq!(with("{claim: roles, all_of: [admin, x]}", &admin), Decision::Forbidden);
    assert_eq!(with("{claim: roles, equals: admin}", &admin), Decision::Forbidden, "two values equal none");
    assert_eq!(
        with("{claim: roles, one_of: [admin]}, {claim: groups, exists: true}", &admin),
        Decision::Forbidden
    );
}

#[test]
fn a_second_factor_is_what_entra_ad_fs_and_refeds_say() {
    let method = somebody(&[("authn_methods", &["x", crate::config::MULTIPLE_AUTHN])]);
    assert_eq!(with("{mfa: true}", &method), pass(true));
    for (class, decision) in [
        (crate::config::MULTIPLE_AUTHN, pass(true)),
        (crate::config::REFEDS_MFA, pass(true)),
        ("urn:oasis:names:tc:SAML:2.0:ac:classes:Password", Decision::Weak),
    ] {
        let who = Identity { authn_context: Some(class.to_owned()), ..somebody(&[]) };
        assert_eq!(with("{mfa: true}", &who), decision, "{class}");
    }
    assert_eq!(
        with("{mfa: true}", &somebody(&[("roles", &[crate::config::MULTIPLE_AUTHN])])),
        Decision::Weak
    );
}

#[test]
fn the_authentication_context_is_one_of_those_that_are_wanted() {
    let who = Identity { authn_context: Some("urn:b".to_owned()), ..somebody(&[]) };
    assert_eq!(with("{authn_context: {one_of: [\"urn:a\", \"urn:b\"]}}", &who), pass(true));
    assert_eq!(with("{authn_context: {one_of: [\"urn:a\"]}}", &who), Decision::Weak);
    assert_eq!(with("{authn_context: {one_of: [\"urn:a\"]}}", &somebody(&[])), Decision::Weak);
}

#[test]
fn a_sign_in_is_too_old_after_its_time_and_the_skew_or_where_its_time_is_unknown() {
    let signed_in = |instant| Identity { authn_instant: instant, ..somebody(&[]) };
    for (instant, decision) in [
        (Some(NOW - 359_000), pass(true)),
        (Some(NOW - 361_000), Decision::Stale),
        (Some(NOW + 59_000), pass(true)),
        (Some(NOW + 61_000), Decision::Stale),
        (None, Decision::Stale),
    ] {
        assert_eq!(with("{max_age_seconds: 300}", &signed_in(instant)), decision, "{instant:?}");
    }
}

#[test]
fn what_signing_in_cannot_cure_is_said_first() {
    let old = Identity { authn_instant: Some(0), ..somebody(&[]) };
    assert_eq!(with("{max_age_seconds: 300}, {claim: roles, exists: true}", &old), Decision::Forbidden);
    assert_eq!(with("{max_age_seconds: 300}, {mfa: true}", &old), Decision::Weak);
}

// Policies that routes name.

fn named() -> AccessSettings {
    access(
        "      rules: [{path: {prefix: /always}, access: public}]
      policies:
        open: [{path: {prefix: /}, access: public}]
        staff: [{path: {prefix: /}, access: signed_in}]
        some: [{path: {prefix: /some}, access: public}]
",
    )
}

#[test]
fn the_policy_that_the_route_names_decides_behind_the_common_rules() {
    let settings = named();
    let by = |path, policy| ask(&settings, Request { path, policy, ..REQUEST });
    assert_eq!(by("/x", Some("open")), pass(false));
    assert_eq!(by("/x", Some("staff")), Decision::SignIn);
    assert_eq!(by("/some/x", Some("some")), pass(false));
    assert_eq!(by("/always", Some("staff")), pass(false));
    assert_eq!(by("/always", None), pass(false));
}

#[test]
fn a_missing_or_unknown_policy_name_lets_nobody_pass() {
    let settings = named();
    for policy in [None, Some(""), Some("Open"), Some("none"), Some("open ")] {
        assert_eq!(ask(&settings, Request { path: "/x", policy, ..REQUEST }), Decision::Denied, "{policy:?}");
    }
    assert_eq!(ask(&settings, Request { path: "/x", policy: Some("some"), ..REQUEST }), Decision::Denied);
}

// Who must not be judged on a route that a header may have chosen.

#[test]
fn a_request_that_passes_on_one_route_only_is_known_as_such() {
    let passes = |settings: &AccessSettings, request| {
        with_question(settings, request, |question| passes_on_every_route(settings, question))
    };
    let by_route = rules(&["{route: open, access: public}", "{path: {prefix: /}, access: signed_in}"]);
    let on_open = Request { route: Some("open"), policy: Some("open"), ..REQUEST };
    assert!(!passes(&by_route, on_open));
    assert!(passes(&rules(&["{path: {prefix: /}, access: public}"]), on_open));
    assert!(!passes(&named(), on_open), "another policy, or none, refuses");
    assert!(passes(&named(), Request { path: "/always", ..on_open }));
}

#[test]
fn a_decision_knows_whether_it_looked_at_the_route() {
    let looked = |settings: &AccessSettings, path, route| {
        let request = Request { path, route, ..REQUEST };
        with_question(settings, request, |question| route_matters(settings, question))
    };
    let by_route = rules(&[
        "{path: {prefix: /first}, access: public}",
        "{path: {prefix: /r}, route: open, access: public}",
        "{path: {prefix: /}, access: signed_in}",
    ]);
    assert!(!looked(&by_route, "/first", Some("open")));
    assert!(looked(&by_route, "/r", Some("open")));
    assert!(looked(&by_route, "/r", Some("other")), "passing a route rule by is a decision too");
    assert!(!looked(&by_route, "/other", Some("open")));
    assert!(looked(&named(), "/x", None));
    assert!(!looked(&named(), "/always", None));
}

#[test]
fn who_is_signed_in_does_not_matter_to_a_public_rule() {
    let matters = |path| {
        let settings =
            rules(&["{path: {prefix: /public}, access: public}", "{path: {prefix: /}, access: optional}"]);
        with_question(&settings, Request { path, ..REQUEST }, |question| session_matters(&settings, question))
    };
    assert!(!matters("/public"));
    assert!(matters("/x"));
    assert!(matters("/PUBLIC"));
}

// Spellings that an operator allows.

fn allowing_everything(lines: &[&str]) -> AccessSettings {
    let mut settings = rules(lines);
    settings.path_spellings = PathProblem::ALLOWABLE.into_iter().fold(Spellings::NONE, Spellings::with);
    settings
}

#[test]
fn an_escaped_letter_opens_nothing_that_the_octets_do_not_open() {
    let settings =
        rules(&["{path: {prefix: /public}, access: public}", "{path: {prefix: /}, access: signed_in}"]);
    assert_eq!(at(&settings, "/public/x"), pass(false));
    // A route of the proxy compares the octets: for it this is not below /public.
    assert_eq!(at(&settings, "/%70ublic/x"), Decision::SignIn);
    assert_eq!(at(&settings, "/public/%78"), pass(false));
    assert_eq!(at(&settings, "/public/m%C3%BCnchen%20x"), pass(false));
}

#[test]
fn an_allowed_spelling_must_pass_in_every_reading() {
    let settings = allowing_everything(&[
        "{path: {prefix: /public}, access: public}",
        "{path: {prefix: /admin}, access: deny}",
        "{path: {prefix: /}, access: signed_in}",
    ]);
    for (path, decision) in [
        ("/public/a%2Fb", pass(false)),
        ("/public/a;b=c", pass(false)),
        ("/public//x", pass(false)),
        ("/public/../admin", Decision::Denied),
        ("/public/..;/admin", Decision::Denied),
        ("/public/..%2fadmin", Decision::Denied),
        ("/public/%2e%2e%5cadmin", Decision::Denied),
        ("/public/%252e%252e%252fadmin", Decision::Denied),
        ("/public/%c0%ae%c0%ae/admin", Decision::Denied),
        ("/public/%u002e%u002e/admin", Decision::Denied),
        ("/public/..%00/admin", Decision::Denied),
        ("/public/..%09/admin", Decision::Denied),
        ("/public/\u{ff0e}\u{ff0e}/admin", Decision::Denied),
        ("/public/..\u{ff0f}admin", Decision::Denied),
        ("/admin;x", Decision::Denied),
        ("/admin%3fx", Decision::Denied),
        ("/admin%23x", Decision::Denied),
        ("/admin.", Decision::Denied),
        ("/admin%20", Decision::Denied),
        ("//admin", Decision::Denied),
        ("//public/admin", Decision::Denied),
        ("/x/%2e%2e/admin", Decision::Denied),
        ("/x/..", Decision::SignIn),
    ] {
        assert_eq!(at(&settings, path), decision, "{path}");
    }
}

#[test]
fn rules_found_by_the_first_segment_decide_as_if_each_had_been_looked_at() {
    let paths = [
        "/", "/a", "/A/", "/a/b", "/ab", "/ſafe/x", "/safe", "/SAFE/Ä", "/ä/x", "/Ä", "/x.y/z", "/a-b",
        "/%61/b",
    ];
    let places = [
        "exact: /",
        "exact: /a",
        "exact: /A/",
        "prefix: /a/b",
        "prefix: /",
        "prefix: /safe",
        "prefix: /Ä",
        "exact: /ä/x",
        "regex: '/a.*'",
        "prefix: /x.y",
    ];
    let accesses = ["public", "optional", "signed_in", "deny"];
    let (mut asked, mut decisions) = (0, std::collections::BTreeSet::new());
    for seed in 0..400_usize {
        let mut state = seed.wrapping_mul(0x9e37_79b9).wrapping_add(7);
        let mut draw = |from: usize| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
            (state >> 8) % from
        };
        let lines: Vec<String> = (0..2 + draw(5))
            .map(|_| format!("{{path: {{{}}}, access: {}}}", places[draw(10)], accesses[draw(4)]))
            .collect();
        let settings = allowing_everything(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        for path in paths {
            with_question(&settings, Request { path, ..REQUEST }, |question| {
                let each = explain(&settings, question).into_iter().map(|way| way.decision);
                let expected = each.reduce(Decision::and).unwrap();
                assert_eq!(decide(&settings, question), expected, "{path} {lines:?}");
                decisions.insert(expected);
                asked += 1;
            });
        }
    }
    assert_eq!((asked, decisions.len()), (5200, 3), "{decisions:?}");
}
