//! Tenants: nothing of one acts in another, and it costs no more to serve a thousand.
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

use std::time::Instant;

use browser::{Browser, Site, begun, header, message, text};
use provider::Response;
use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, Host, Reply};
use vestibule::gateway::{Event, Gateway, Step};

/// Two tenants on one host. All that could be the same is the same: keys, identity provider, people, entity ID.
fn two() -> String {
    let tenant = |name: &str, token: &str| {
        format!(
            r#"
  - name: {name}
    public_url: https://a.example
    path_prefix: /{name}
    scim:
      public_path: /{name}/scim
      tokens: [{{name: entra, sha256: "{}"}}]
      application: {{path: /app-scim-{name}, cluster: app, credential: {{remove: true}}}}
      schemas: {{from_application: false}}
    saml:
      entity_id: https://a.example/saml
      logout: {{slo_url: "https://idp.example/slo"}}
      identity_provider:
        entity_id: https://idp.example/
        sso_url: https://idp.example/sso
        certificates: ["{}"]
    access:
      recheck: {{enabled: false}}
      identity_headers: [{{name: x-user, value: "{{name_id}}"}}]
      rules: [{{path: {{prefix: /}}, access: signed_in}}]"#,
            hash(token),
            include_str!("vectors/idp.crt").replace('\n', "\\n"),
        )
    };
    format!(
        "keys: [{{id: k1, secret: {{value: \"0123456789abcdef0123456789abcdef\"}}}}]\ntenants:{}{}\n",
        tenant("one", "token-one"),
        tenant("two", "token-two"),
    )
}

fn hash(token: &str) -> String {
    vestibule::crypto::sha256(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

const PAIRS: [(&str, &str); 2] = [("one", "two"), ("two", "one")];

fn acs(tenant: &str) -> String {
    format!("/{tenant}/.vestibule/saml/acs")
}

/// A right answer of the identity provider to a request of this tenant.
fn answer_to(tenant: &str, request: &str, now: u64) -> Response {
    let mut response = Response::to(request, now);
    response.acs = format!("https://a.example{}", acs(tenant));
    response.id = format!("_of-{request}");
    response
}

fn sign_in(browser: &mut Browser<'_>, tenant: &str) {
    let (id, state) = browser.start(&format!("/{tenant}/page"));
    browser.acs_path = acs(tenant);
    let now = browser.site.host.time.get();
    let reply = browser.answer(&answer_to(tenant, &id, now).encoded(), Some(&state));
    assert_eq!(reply.status, 303, "{}", text(&reply));
    assert_eq!(header(&reply, "location"), Some(format!("https://a.example/{tenant}/page").as_str()));
}

fn lets_in(browser: &mut Browser<'_>, tenant: &str) -> bool {
    browser.get(&format!("/{tenant}/check")).is_none()
}

#[test]
fn row_8_13_the_session_of_one_tenant_opens_no_other_whatever_its_cookie_is_called() {
    let site = Site::of(&two());
    for (own, other) in PAIRS {
        let mut browser = site.browser();
        sign_in(&mut browser, own);
        assert!(lets_in(&mut browser, own) && !lets_in(&mut browser, other));
        // Renamed by whoever holds the browser.
        let renamed: Vec<(String, String)> = browser
            .cookies
            .iter()
            .map(|(name, value)| (name.replace(&format!(".{own}"), &format!(".{other}")), value.clone()))
            .collect();
        browser.cookies = renamed.into_iter().collect();
        assert!(!lets_in(&mut browser, other) && !lets_in(&mut browser, own));
    }
}

#[test]
fn sessions_of_two_tenants_live_side_by_side_in_one_browser() {
    let site = Site::of(&two());
    let mut browser = site.browser();
    sign_in(&mut browser, "one");
    sign_in(&mut browser, "two");
    assert!(lets_in(&mut browser, "one") && lets_in(&mut browser, "two"));
}

#[test]
fn a_session_that_is_over_leads_to_a_sign_in_also_where_the_route_chooses_the_tenant() {
    let with = |session: &str| {
        let made = browser::configuration(
            "",
            &format!(
                "session: {{{session}}}\naccess: {{rules: [{{path: {{prefix: /}}, access: signed_in}}]}}"
            ),
        );
        made.replacen("  - name: t\n", "  - name: t\n    route_metadata: one\n", 1)
    };
    let routed = with("");
    let chosen = "xds/route_metadata/filter_metadata/vestibule/tenant";
    // The end itself, no use for half an hour, and a lifetime that the operator shortened.
    let (idle, shortened) = (with("idle_seconds: 1800"), with("lifetime_seconds: 600"));
    for (before, after, seconds) in
        [(&routed, &routed, 8 * 3600), (&idle, &idle, 1800), (&routed, &shortened, 600)]
    {
        let site = Site::of(before);
        site.host.properties.borrow_mut().insert(chosen.to_owned(), b"one".to_vec());
        let mut browser = site.browser();
        let (id, state) = browser.start("/page");
        let now = site.host.time.get();
        let response = Response::to(&id, now).encoded();
        assert_eq!(browser.answer(&response, Some(&state)).status, 303);
        assert!(browser.has_session());
        // A login that was begun, and that the browser has not dropped yet.
        browser.get("/.vestibule/sign-in?fresh=1&return=/page").unwrap();
        assert!(browser.cookies.keys().any(|name| name.contains("-l.t.")));
        let cookies = browser.cookies;
        let Site { host, .. } = site;
        let site = Site { gateway: Site::of(after).gateway, host };
        site.host.time.set(now + seconds * 1000);
        let mut browser = Browser { cookies, ..site.browser() };
        assert_eq!(browser.get("/check").unwrap().status, 302, "to the identity provider");
        let (id, state) = browser.start("/page");
        let mut response = Response::to(&id, site.host.time.get());
        response.id = "_another".to_owned();
        assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
        assert!(browser.has_session());
        browser.cookies.insert("__Host-vestibule-s.t".to_owned(), "1.planted".to_owned());
        assert_eq!(browser.get("/check").unwrap().status, 400, "what is not ours is refused still");
        assert_eq!(browser.get("/check").unwrap().status, 302, "and taken from the browser");
        browser.cookies.insert("__Host-vestibule-s".to_owned(), "1.planted".to_owned());
        browser.cookies.insert("__Host-vestibule-s.nobody".to_owned(), "1.planted".to_owned());
        assert_eq!(browser.get("/check").unwrap().status, 400);
        assert_eq!(browser.get("/check").unwrap().status, 302);
    }
}

#[test]
fn row_8_14_a_login_of_one_tenant_is_none_of_another_and_none_is_a_session() {
    let site = Site::of(&two());
    for (own, other) in PAIRS {
        let mut browser = site.browser();
        let (id, state) = browser.start(&format!("/{own}/page"));
        browser.acs_path = acs(other);
        // The answer that the identity provider gave for the one, posted to the other, and one made for the other.
        for tenant in [own, other] {
            let reply = browser.answer(&answer_to(tenant, &id, site.host.now().0).encoded(), Some(&state));
            assert_eq!(reply.status, 403);
        }
        // The login's cookie under the names of the other's login and session.
        let (name, value) = browser.cookies.iter().find(|(name, _)| name.contains("-l.")).unwrap();
        let (as_login, value) = (name.replace(own, other), value.clone());
        browser.cookies.insert(as_login, value.clone());
        browser.cookies.insert(format!("__Host-vestibule-s.{other}"), format!("1.{value}"));
        browser.cookies.insert(format!("__Host-vestibule-s.{own}"), format!("1.{value}"));
        let reply = browser.answer(&answer_to(other, &id, site.host.now().0).encoded(), Some(&state));
        assert_eq!(reply.status, 403);
        assert!(!lets_in(&mut browser, other) && !lets_in(&mut browser, own));
    }
}

#[test]
fn the_request_of_each_tenant_names_its_own_consumer() {
    let site = Site::of(&two());
    for (own, _) in PAIRS {
        let reply = site.browser().get(&format!("/{own}/page")).unwrap();
        assert!(message(&reply).contains(&format!("https://a.example{}", acs(own))));
        let metadata = site.browser().get(&format!("/{own}/.vestibule/saml/metadata")).unwrap();
        assert!(text(&metadata).contains(&format!("https://a.example/{own}/.vestibule/saml/slo")));
    }
    let nobodys = site.browser().get("/.vestibule/saml/metadata").unwrap();
    assert_eq!(nobodys.status, 404);
}

/// A call of the provisioning client.
fn scim(site: &Site, path: &str, token: &str) -> Step {
    let headers = Headers::from([
        (":method", "GET"),
        (":path", path),
        (":authority", "a.example"),
        ("authorization", format!("Bearer {token}").as_str()),
    ]);
    site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host)
}

fn is_refused(step: &Step) -> bool {
    matches!(step, Step::Answer(Reply { status: 401, .. }))
}

#[test]
fn a_token_of_one_tenant_is_refused_by_another() {
    let site = Site::of(&two());
    for (own, other) in PAIRS {
        let token = format!("token-{own}");
        assert!(!is_refused(&scim(&site, &format!("/{own}/scim/Users"), &token)));
        assert!(is_refused(&scim(&site, &format!("/{other}/scim/Users"), &token)));
    }
}

/// Deactivates the person through the provisioning of one tenant: the application answers 200.
fn deactivate(site: &Site, tenant: &str) {
    let mut exchange = site.gateway.exchange();
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}"#;
    let headers = Headers::from([
        (":method", "PATCH"),
        (":path", format!("/{tenant}/scim/Users/7").as_str()),
        (":authority", "a.example"),
        ("content-type", "application/scim+json"),
        ("authorization", format!("Bearer token-{tenant}").as_str()),
    ]);
    let mut step = exchange.on(Event::RequestHeaders { headers, end: false }, &site.host);
    assert_eq!(step, Step::Hold);
    *site.host.request.borrow_mut() = body.as_bytes().to_vec();
    step = exchange.on(Event::RequestBody { size: body.len(), end: true }, &site.host);
    let person = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","userName":"ada@n.example","active":true}"#;
    for _ in 0..8 {
        let answer = |body: &str| vestibule::gateway::CallAnswer {
            status: 200,
            headers: Headers::from([("content-type", "application/scim+json")]),
            body: body.as_bytes().to_vec(),
        };
        step = match step {
            Step::Call(_) => exchange.on(Event::CallAnswered(Some(answer(person))), &site.host),
            other => {
                step = other;
                break;
            }
        };
    }
    assert!(matches!(step, Step::Continue(_)), "{step:?}");
    let headers = Headers::from([(":status", "204")]);
    let origin = vestibule::gateway::Origin::Upstream;
    let _ = exchange.on(Event::ResponseHeaders { headers, end: true, origin }, &site.host);
}

#[test]
fn a_deactivation_in_one_tenant_ends_the_sessions_of_that_tenant_only() {
    for (own, other) in PAIRS {
        let site = Site::of(&two());
        let mut browser = site.browser();
        sign_in(&mut browser, own);
        sign_in(&mut browser, other);
        site.host.time.set(site.host.time.get() + 10);
        deactivate(&site, own);
        assert!(!lets_in(&mut browser, own), "{own}");
        assert!(lets_in(&mut browser, other), "{other}");
    }
}

#[test]
fn signing_out_of_one_tenant_leaves_the_other() {
    for (own, other) in PAIRS {
        let site = Site::of(&two());
        let mut browser = site.browser();
        sign_in(&mut browser, own);
        sign_in(&mut browser, other);
        browser.acs_path = format!("/{own}/.vestibule/sign-out");
        let mut exchange = site.gateway.exchange();
        let cookies: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = Headers::from([
            (":method", "POST"),
            (":path", browser.acs_path.as_str()),
            (":authority", "a.example"),
            ("origin", "https://a.example"),
            ("cookie", cookies.join("; ").as_str()),
        ]);
        let Step::Answer(reply) = exchange.on(Event::RequestHeaders { headers, end: true }, &site.host)
        else {
            panic!("no answer")
        };
        let cleared =
            reply.headers.iter().filter(|(name, line)| name == "set-cookie" && line.contains("Max-Age=0"));
        assert!(
            cleared.clone().count() > 0 && cleared.clone().all(|(_, line)| line.contains(&format!(".{own}")))
        );
        // The cookie is still in hand, and worth nothing.
        assert!(!lets_in(&mut browser, own) && lets_in(&mut browser, other));
    }
}

#[test]
fn a_pending_sign_out_of_one_tenant_is_none_of_another() {
    let site = Site::of(&two());
    for (own, other) in PAIRS {
        let mut browser = site.browser();
        browser.cookies.insert(format!("__Host-vestibule-o.{other}"), "x".to_owned());
        sign_in(&mut browser, own);
        assert!(lets_in(&mut browser, own) && !lets_in(&mut browser, other));
    }
}

#[test]
fn a_person_never_lands_at_an_endpoint_of_ours_below_a_prefix() {
    let site = Site::of(&two());
    let mut browser = site.browser();
    let reply = browser.get("/one/.vestibule/sign-in?return=/two/.vestibule/sign-out").unwrap();
    let (id, state) = begun(&reply);
    browser.acs_path = acs("one");
    let reply = browser.answer(&answer_to("one", &id, site.host.now().0).encoded(), Some(&state));
    assert_eq!(header(&reply, "location"), Some("https://a.example/one/"));
}

#[test]
fn row_8_16_no_header_of_a_client_gets_into_the_address_of_the_consumer() {
    let site = Site::of(&two());
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-forwarded-proto", "http"),
    ] {
        let headers = Headers::from([
            (":method", "GET"),
            (":path", "/one/page"),
            (":authority", "a.example"),
            ("accept", "text/html"),
            (name, value),
        ]);
        let step = site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host);
        let Step::Answer(reply) = step else { panic!("no answer") };
        let xml = message(&reply);
        assert!(xml.contains(&format!("AssertionConsumerServiceURL=\"https://a.example{}\"", acs("one"))));
        assert!(!xml.contains("evil") && !reply.headers.iter().any(|(_, value)| value.contains("evil")));
    }
    let headers = Headers::from([(":method", "GET"), (":path", "/one/page"), (":authority", "evil.example")]);
    let step = site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host);
    assert!(matches!(step, Step::Answer(Reply { status: 421, .. })));
}

#[test]
fn row_7_4_the_identity_header_of_one_tenant_is_struck_on_the_routes_of_every_other() {
    let text = two()
        .replacen("name: x-user", "name: x-user-of-one", 1)
        .replace("access: signed_in", "access: public");
    let site = Site::of(&text);
    for spelling in ["x-user-of-one", "X_User_Of_One", "x-user"] {
        for (own, _) in PAIRS {
            let path = format!("/{own}/page");
            let headers = Headers::from([
                (":method", "GET"),
                (":path", path.as_str()),
                (":authority", "a.example"),
                (spelling, "mallory"),
            ]);
            let step = site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host);
            let Step::Continue(edits) = step else { panic!("not let through") };
            assert!(
                edits.headers.contains(&vestibule::common::HeaderEdit::remove(&spelling.to_lowercase())),
                "{spelling} at {own}"
            );
        }
    }
}

#[test]
fn row_8_29_the_sessions_of_two_tenants_are_found_in_cookies_on_several_lines() {
    let site = Site::of(&two());
    let mut browser = site.browser();
    sign_in(&mut browser, "one");
    sign_in(&mut browser, "two");
    for (own, _) in PAIRS {
        let path = format!("/{own}/page");
        let mut headers =
            Headers::from([(":method", "GET"), (":path", path.as_str()), (":authority", "a.example")]);
        for (name, value) in &browser.cookies {
            headers.apply(&vestibule::common::HeaderEdit::add("cookie", &format!("{name}={value}")));
        }
        let step = site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host);
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
    }
}

fn refused(text: &str, said: &str) {
    let errors = Gateway::compile(text.as_bytes(), &|_| None).expect_err("must be refused");
    assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
}

#[test]
fn what_two_tenants_must_not_share_is_refused_with_a_remedy() {
    refused(
        &two().replace(&hash("token-two"), &hash("token-one")),
        "the token `entra` is a token of tenant `one` too; make another",
    );
    refused(
        &two().replace("public_path: /two/scim", "public_path: /scim"),
        "scim.public_path `/scim` lies outside of path_prefix `/two`",
    );
    let by_route = two()
        .replace("path_prefix: /one", "route_metadata: one")
        .replace("path_prefix: /two", "route_metadata: two");
    refused(
        &by_route,
        "tenants[1]: has the assertion consumer and the entity_id of tenant `one`; an assertion for one would be one for the other",
    );
}

/// So many tenants, each with provisioning, sign-on and policies of its own.
fn many(count: usize) -> String {
    let tenants: String = (0..count)
        .map(|at| {
            format!(
                r#"
  - name: t{at}
    public_url: https://t{at}.example
    scim:
      public_path: /scim
      tokens: [{{name: entra, sha256: "{}"}}]
      application: {{path: /app-scim, cluster: app, credential: {{remove: true}}}}
    saml:
      entity_id: https://t{at}.example/saml
      identity_provider:
        entity_id: https://idp.example/{at}/
        sso_url: https://idp.example/{at}/sso
        certificates: ["{}"]
    access:
      recheck: {{enabled: false}}
      identity_headers: [{{name: x-user, value: "{{name_id}}"}}]
      rules: [{{path: {{prefix: /public}}, access: public}}, {{path: {{prefix: /}}, access: signed_in}}]"#,
                hash(&format!("token {at}")),
                include_str!("vectors/idp.crt").replace('\n', "\\n"),
            )
        })
        .collect();
    format!(
        "keys: [{{id: k1, secret: {{value: \"0123456789abcdef0123456789abcdef\"}}}}]\ntenants:{tenants}\n"
    )
}

#[test]
fn choosing_among_a_thousand_tenants_takes_about_as_long_as_among_ten() {
    let time = |count: usize| {
        let (gateway, _) = Gateway::compile(many(count).as_bytes(), &|_| None).unwrap();
        let gateway = std::rc::Rc::new(gateway);
        let host = TestHost::at(0);
        let once = |at: usize| {
            // The same ten each time, so that no cold memory is measured.
            let authority = format!("t{}.example", at % 10);
            let headers = Headers::from([
                (":method", "GET"),
                (":path", "/public/x"),
                (":authority", authority.as_str()),
            ]);
            let step = gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &host);
            assert!(matches!(step, Step::Continue(_)), "{step:?}");
        };
        // Short rounds, the best of many: a longer one is interrupted on a busy machine.
        (0..200)
            .map(|_| {
                let began = Instant::now();
                (0..20).for_each(once);
                began.elapsed()
            })
            .min()
            .unwrap()
    };
    let (few, thousand) = (time(10), time(1000));
    println!("20 requests: {few:?} among 10 tenants, {thousand:?} among 1000");
    // Were it linear, it would take a hundred times as long.
    assert!(thousand < few * 6, "{few:?} {thousand:?}");
}
