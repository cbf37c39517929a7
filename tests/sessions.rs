//! Sessions before an application: what its answers get, what becomes of its own logins, and what an attacker can do with
//! cookies, through the whole gateway.
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

use browser::{Browser, NOW, Served, Site, begun, header, text};
use provider::Response;
use vestibule::common::{Headers, Reply};
use vestibule::gateway::{Event, Step};

const MINUTE: u64 = 60_000;
const RULES: &str = "access:
  application_cookies: [sid]
  identity_headers: [{name: x-user, value: \"{name_id}\"}]
  rules:
    - {path: {prefix: /public}, access: public}
    - {path: {prefix: /mixed}, access: optional}
    - {path: {prefix: /api}, methods: [OPTIONS], access: public}
    - {path: {prefix: /}, access: signed_in}";

fn site() -> Site {
    Site::new("", RULES)
}

fn signs_in_as(browser: &mut Browser<'_>, name: &str) -> Reply {
    let reply = browser.get("/.vestibule/sign-in?return=/page").expect("a redirect");
    let (id, state) = begun(&reply);
    let now = browser.site.host.time.get();
    let response = Response { id: format!("_{id}"), name: name.to_owned(), ..Response::to(&id, now) };
    browser.answer(&response.encoded(), Some(&state))
}

fn signed_in(site: &Site) -> Browser<'_> {
    let mut browser = site.browser();
    assert_eq!(signs_in_as(&mut browser, "ada@n.example").status, 303);
    browser
}

/// A browser to which the application has given a login of its own, made by Ada.
fn logged_in(site: &Site) -> Browser<'_> {
    let mut browser = signed_in(site);
    browser.serve("/page", &[("set-cookie", "sid=1; Path=/; HttpOnly")]);
    assert_eq!(browser.serve("/page", &[]).cookie().as_deref(), Some("sid=1"));
    browser
}

fn cache_control(served: &Served) -> Option<String> {
    served.answered("cache-control")
}

/// Signs out and says what is left in the browser.
fn sign_out(browser: &mut Browser<'_>) -> Reply {
    browser.post_to("/.vestibule/sign-out")
}

// Caches.

#[test]
fn answers_given_to_an_identity_are_private_and_told_apart_by_cookies() {
    let site = site();
    let mut browser = signed_in(&site);
    for path in ["/page", "/mixed"] {
        let served = browser.serve(path, &[("cache-control", "public, max-age=60")]);
        assert_eq!(served.told("x-user").as_deref(), Some("ada@n.example"));
        assert_eq!(cache_control(&served).as_deref(), Some("private, max-age=60"), "{path}");
        assert_eq!(served.answered("vary").as_deref(), Some("Cookie"), "{path}");
    }
    assert_eq!(cache_control(&browser.serve("/page", &[])).as_deref(), Some("private"));
    let strict = browser.serve("/page", &[("cache-control", "no-store")]);
    assert_eq!(cache_control(&strict).as_deref(), Some("no-store"));
}

#[test]
fn answers_on_an_optional_route_to_nobody_may_be_kept_but_are_told_apart_by_cookies() {
    let site = site();
    let served =
        site.browser().serve("/mixed", &[("cache-control", "public, max-age=60"), ("vary", "accept")]);
    assert_eq!(served.told("x-user"), None);
    assert_eq!(cache_control(&served).as_deref(), Some("public, max-age=60"));
    assert_eq!(served.answered("vary").as_deref(), Some("accept, Cookie"));
}

#[test]
fn answers_on_a_public_route_are_left_alone() {
    let site = site();
    let mut browser = signed_in(&site);
    let served = browser.serve("/public", &[("cache-control", "public, max-age=60")]);
    assert_eq!(served.told("x-user"), None);
    assert_eq!(cache_control(&served).as_deref(), Some("public, max-age=60"));
    assert_eq!(served.answered("vary"), None);
}

#[test]
fn a_cookie_of_ours_is_never_set_on_an_answer_that_a_shared_cache_may_keep() {
    let site = site();
    let mut browser = site.browser();
    // The companion of a login that the application makes for nobody of ours.
    let public = [("cache-control", "public, max-age=60"), ("set-cookie", "sid=1; Path=/")];
    let served = browser.serve("/public/login", &public);
    assert_eq!(served.lines().len(), 2);
    assert_eq!(cache_control(&served).as_deref(), Some("private, max-age=60"));
    // What takes a login away.
    browser.cookies.insert("sid".to_owned(), "planted".to_owned());
    let served = browser.serve("/public", &public[..1]);
    assert!(served.lines().iter().any(|line| line.starts_with("sid=; ")), "{:?}", served.lines());
    assert_eq!(cache_control(&served).as_deref(), Some("private, max-age=60"));
    // Answers of ours.
    let mut browser = logged_in(&site);
    let replies = [
        sign_out(&mut browser),
        site.browser().get("/page").unwrap(),
        signs_in_as(&mut site.browser(), "bob@n.example"),
    ];
    for reply in replies {
        assert!(header(&reply, "set-cookie").is_some());
        assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    }
}

// Renewal.

#[test]
fn a_session_in_use_is_renewed_on_the_applications_answer_and_that_is_private() {
    let site = site();
    let mut browser = signed_in(&site);
    site.host.time.set(NOW + 5 * MINUTE);
    assert!(browser.serve("/page", &[]).lines().is_empty());
    site.host.time.set(NOW + 30 * MINUTE);
    let served = browser.serve("/page", &[("cache-control", "public")]);
    assert_eq!(served.lines().len(), 1);
    assert!(served.lines()[0].starts_with("__Host-vestibule-i.t="));
    assert_eq!(cache_control(&served).as_deref(), Some("private"));
    site.host.time.set(NOW + 80 * MINUTE);
    assert!(browser.has_session());
    site.host.time.set(NOW + 90 * MINUTE);
    assert!(!browser.has_session(), "an hour after it was used last");
}

#[test]
fn idle_seconds_is_how_long_a_session_may_go_unused() {
    let site = Site::new("", &format!("session: {{idle_seconds: 120}}\n{RULES}"));
    let mut browser = signed_in(&site);
    site.host.time.set(NOW + 2 * MINUTE - 1);
    assert!(browser.has_session());
    site.host.time.set(NOW + 2 * MINUTE);
    assert!(!browser.has_session());
}

/// The browser asks again as soon as it is answered, and each answer takes most of the idle lifetime.
#[test]
fn a_page_that_polls_slowly_is_never_idle_at_any_moment() {
    const SECOND: u64 = 1000;
    let site = Site::new("", &format!("session: {{idle_seconds: 60}}\n{RULES}"));
    let mut browser = signed_in(&site);
    for poll in 0..6 {
        let began = NOW + poll * 50 * SECOND;
        site.host.time.set(began);
        let pending = browser.ask("/page/poll");
        for second in [10, 25, 49] {
            site.host.time.set(began + second * SECOND);
            assert!(browser.has_session(), "poll {poll}, second {second}");
        }
        site.host.time.set(began + 50 * SECOND);
        let served = browser.complete(pending, &[]);
        assert_eq!(served.lines().len(), 1, "poll {poll}");
    }
    site.host.time.set(NOW + 300 * SECOND + 60 * SECOND);
    assert!(!browser.has_session());
}

#[test]
fn no_renewal_outlives_the_session_end_that_the_provider_names() {
    let site = site();
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let response = Response { session_ends: Some(NOW + 70 * MINUTE), ..Response::to(&id, NOW) };
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
    for minute in [30, 60, 69] {
        site.host.time.set(NOW + minute * MINUTE);
        browser.serve("/page", &[]);
    }
    site.host.time.set(NOW + 70 * MINUTE);
    assert!(!browser.has_session());
}

#[test]
fn a_lifetime_made_shorter_holds_for_the_sessions_that_there_are() {
    let before = site();
    let mut browser = logged_in(&before);
    let short = format!("session: {{lifetime_seconds: 600}}\n{RULES}");
    let after = |minutes: u64| {
        let site = Site::new("", &short);
        site.host.time.set(NOW + minutes * MINUTE);
        site
    };
    let (within, beyond) = (after(9), after(10));
    let at = |site: &Site| {
        let mut browser = site.browser();
        browser.cookies = logged_in(&before).cookies;
        browser.has_session()
    };
    assert!(at(&within) && !at(&beyond), "what ended it may be forgotten by then");
    before.host.time.set(NOW + 10 * MINUTE);
    assert!(browser.has_session(), "which it was issued for longer than");
    // The application's login from it ends then as well, also in the next session.
    assert_eq!(signs_in_as(&mut browser, "ada@n.example").status, 303);
    for (minutes, arrives) in [(9, Some("sid=1")), (10, None)] {
        let site = after(minutes);
        let mut anew = site.browser();
        anew.cookies.clone_from(&browser.cookies);
        let served = anew.serve("/page", &[]);
        assert_eq!((served.told("x-user").is_some(), served.cookie().as_deref()), (true, arrives));
    }
}

#[test]
fn what_ended_while_the_application_worked_is_not_renewed() {
    let site = site();
    let mut browser = signed_in(&site);
    let mut elsewhere = site.browser();
    elsewhere.cookies.clone_from(&browser.cookies);
    site.host.time.set(NOW + 30 * MINUTE);
    let pending = browser.ask("/page");
    assert_eq!(sign_out(&mut elsewhere).status, 200);
    let served = browser.complete(pending, &[]);
    assert!(served.lines().is_empty(), "{:?}", served.lines());
    assert!(!browser.has_session());
}

#[test]
fn where_nothing_is_known_of_somebodys_standing_nothing_is_renewed() {
    let site = site();
    let mut browser = signed_in(&site);
    site.host.time.set(NOW + 30 * MINUTE);
    let pending = browser.ask("/page");
    site.host.shared_fails.set(true);
    assert!(browser.complete(pending, &[]).lines().is_empty());
}

#[test]
fn an_upgrade_is_no_place_for_a_renewal_and_the_next_request_is() {
    let site = site();
    let mut browser = signed_in(&site);
    site.host.time.set(NOW + 30 * MINUTE);
    browser.extra = vec![("upgrade", "websocket"), ("connection", "upgrade")];
    let served = browser.serve("/page", &[]);
    assert!(served.lines().is_empty());
    assert_eq!(cache_control(&served).as_deref(), Some("private"));
    browser.extra.clear();
    assert_eq!(browser.serve("/page", &[]).lines().len(), 1);
}

// Signing out.

#[test]
fn a_sign_out_is_asked_for_on_this_site_also_by_a_page_that_names_no_origin() {
    let site = site();
    for (extra, status) in [
        (vec![("origin", "https://a.example")], 200),
        (vec![("origin", "https://a.example"), ("sec-fetch-site", "same-origin")], 200),
        (vec![("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        (vec![], 200),
        (vec![("origin", "null")], 403),
        (vec![("origin", "null"), ("sec-fetch-site", "none")], 403),
        (vec![("origin", "null"), ("sec-fetch-site", "same-site")], 403),
        (vec![("origin", "null"), ("sec-fetch-site", "cross-site")], 403),
        (vec![("origin", "NULL"), ("sec-fetch-site", "same-origin")], 403),
        (vec![("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], 403),
        (vec![("origin", "https://a.example"), ("sec-fetch-site", "cross-site")], 403),
    ] {
        let mut browser = signed_in(&site);
        browser.extra = extra.clone();
        assert_eq!(sign_out(&mut browser).status, status, "{extra:?}");
        browser.extra.clear();
        assert_eq!(browser.has_session(), status == 403, "{extra:?}");
        site.host.time.set(site.host.time.get() + 1);
    }
}

// Logins of the application's own.

#[test]
fn a_sign_out_ends_the_applications_login_too_and_takes_it_from_the_browser() {
    let site = site();
    let mut browser = logged_in(&site);
    let kept = browser.cookies.clone();
    let reply = sign_out(&mut browser);
    assert!(reply.headers.iter().any(|(_, line)| line.starts_with("sid=; Path=/; ")), "{:?}", reply.headers);
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert_eq!(
        header(&reply, "clear-site-data"),
        Some("\"cache\""),
        "the way back leads to no page that was kept"
    );
    // Who kept everything gets no further than who kept nothing.
    for path in ["/mixed", "/public"] {
        browser.cookies.clone_from(&kept);
        let served = browser.serve(path, &[]);
        assert_eq!((served.cookie(), served.told("x-user")), (None, None), "{path}");
        assert!(!browser.cookies.contains_key("sid"), "{path}");
    }
}

#[test]
fn a_login_does_not_survive_the_session_on_optional_and_public_routes_whatever_is_thrown_away() {
    let site = site();
    let kept = logged_in(&site).cookies;
    for thrown in ["__Host-vestibule-s.", "__Host-vestibule-"] {
        for path in ["/mixed", "/public"] {
            let mut browser = site.browser();
            browser.cookies = kept.clone();
            browser.cookies.retain(|name, _| !name.starts_with(thrown));
            assert_eq!(browser.serve(path, &[]).cookie(), None, "{thrown} {path}");
            assert!(!browser.cookies.contains_key("sid"));
        }
    }
}

#[test]
fn a_login_ends_with_the_session_by_time() {
    let site = site();
    let mut browser = logged_in(&site);
    site.host.time.set(NOW + 61 * MINUTE);
    let kept = browser.cookies.clone();
    let reply = browser.get("/page").unwrap();
    assert_eq!(reply.status, 302);
    assert!(!browser.cookies.contains_key("sid"), "also on our own answer");
    browser.cookies = kept;
    assert_eq!(browser.serve("/mixed", &[]).cookie(), None);
}

#[test]
fn another_person_does_not_come_into_the_login_of_the_first() {
    let site = site();
    let ada = logged_in(&site);
    let mut bob = site.browser();
    bob.cookies.clone_from(&ada.cookies);
    assert_eq!(signs_in_as(&mut bob, "bob@n.example").status, 303);
    assert!(!bob.cookies.contains_key("sid"), "the sign-in takes it away");
    for (name, value) in ada.cookies.iter().filter(|(name, _)| !name.contains("-s.t")) {
        bob.cookies.insert(name.clone(), value.clone());
    }
    let served = bob.serve("/page", &[]);
    assert_eq!((served.told("x-user").as_deref(), served.cookie()), (Some("bob@n.example"), None));
}

#[test]
fn the_same_person_signed_in_anew_keeps_it_until_the_session_it_was_made_in_ends() {
    let site = site();
    let mut browser = logged_in(&site);
    let mut first = site.browser();
    first.cookies.clone_from(&browser.cookies);
    site.host.time.set(NOW + MINUTE);
    assert_eq!(signs_in_as(&mut browser, "ada@n.example").status, 303);
    assert_eq!(browser.serve("/page", &[]).cookie().as_deref(), Some("sid=1"));
    assert_eq!(sign_out(&mut first).status, 200);
    let served = browser.serve("/page", &[]);
    assert_eq!((served.told("x-user").is_some(), served.cookie()), (true, None));
}

#[test]
fn the_applications_own_password_page_goes_on_working_for_who_is_not_signed_in() {
    let site = site();
    let mut browser = site.browser();
    browser.serve("/mixed/login", &[("set-cookie", "sid=own; Path=/")]);
    assert_eq!(browser.serve("/mixed", &[]).cookie().as_deref(), Some("sid=own"));
    assert_eq!(signs_in_as(&mut browser, "ada@n.example").status, 303);
    assert_eq!(browser.serve("/mixed", &[]).cookie(), None, "whoever that was is not ada");
}

#[test]
fn where_revocation_cannot_be_read_the_applications_login_is_kept_back_and_not_taken_away() {
    let site = site();
    let mut browser = logged_in(&site);
    site.host.shared_fails.set(true);
    let served = browser.serve("/public", &[]);
    assert_eq!((served.cookie(), served.lines().len()), (None, 0));
    assert_eq!(browser.get("/page").unwrap().status, 503);
    site.host.shared_fails.set(false);
    assert_eq!(browser.serve("/page", &[]).cookie().as_deref(), Some("sid=1"));
}

#[test]
fn answers_of_ours_take_a_dead_login_away() {
    let site = site();
    for fetch in [false, true] {
        let mut browser = site.browser();
        browser.cookies.insert("sid".to_owned(), "planted".to_owned());
        if fetch {
            browser.extra = vec![("sec-fetch-mode", "cors")];
        }
        let reply = browser.get("/page").unwrap();
        assert_eq!(reply.status, if fetch { 401 } else { 302 });
        assert!(!browser.cookies.contains_key("sid"));
    }
}

/// Dropping it makes Envoy choose the route anew, and the route may have been chosen by it.
#[test]
fn a_planted_login_that_may_have_chosen_the_route_is_refused_once_and_taken_away() {
    let rules = "access:
  application_cookies: [sid]
  rules:
    - {route: open, path: {prefix: /}, access: public}
    - {path: {prefix: /}, access: signed_in}";
    let site = Site::new("", rules);
    site.host.properties.borrow_mut().insert("xds/route_name".to_owned(), b"open".to_vec());
    let mut browser = site.browser();
    browser.cookies.insert("sid".to_owned(), "planted".to_owned());
    assert_eq!(browser.get("/x").unwrap().status, 400);
    assert!(!browser.cookies.contains_key("sid"));
    browser.serve("/x", &[("set-cookie", "sid=own; Path=/")]);
    assert_eq!(browser.serve("/x", &[]).cookie().as_deref(), Some("sid=own"));
}

#[test]
fn row_7_6_the_application_sees_none_of_our_cookies_and_all_others_as_they_came() {
    let site = site();
    let mut browser = logged_in(&site);
    browser.serve("/page", &[]);
    browser.cookies.insert("a".to_owned(), "\"x, y\"".to_owned());
    for path in ["/page", "/mixed", "/public"] {
        assert_eq!(browser.serve(path, &[]).cookie().as_deref(), Some("a=\"x, y\"; sid=1"), "{path}");
    }
}

// Attacks.

#[test]
fn row_8_12_a_planted_session_cookie_before_or_behind_does_no_harm() {
    let site = site();
    let browser = signed_in(&site);
    let own: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let own = own.join("; ");
    for planted in ["1.AAAAAAAA.AAAA", "8.AAAAAAAA.AAAA", "", "x"] {
        let planted = format!("__Host-vestibule-s.t={planted}");
        let jars = [
            vec![planted.clone(), own.clone()],
            vec![own.clone(), planted.clone()],
            vec![format!("{planted};{own}")],
        ];
        for lines in jars {
            let step = ask(&site, "/page", &lines, &[]);
            assert!(matches!(step, Step::Continue(_)), "{lines:?}");
        }
    }
}

/// A request with these `cookie` lines, each a header of its own.
fn ask(site: &Site, path: &str, lines: &[String], more: &[(&str, &str)]) -> Step {
    let mut headers = Headers::from([(":method", "GET"), (":path", path), (":authority", "a.example")]);
    for line in lines {
        headers.apply(&vestibule::common::HeaderEdit::add("cookie", line));
    }
    for (name, value) in more {
        headers.apply(&vestibule::common::HeaderEdit::set(name, value));
    }
    site.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &site.host)
}

fn status(step: &Step) -> u16 {
    match step {
        Step::Answer(reply) => reply.status,
        Step::Continue(_) => 200,
        _ => 0,
    }
}

#[test]
fn row_8_14_no_cookie_of_ours_serves_as_another() {
    let site = site();
    let mut browser = logged_in(&site);
    site.host.time.set(NOW + 30 * MINUTE);
    browser.serve("/page", &[]);
    browser.get("/.vestibule/sign-in?return=/page").unwrap();
    let kinds: Vec<(String, String)> =
        browser.cookies.clone().into_iter().filter(|(name, _)| name != "sid").collect();
    // Session, time of use, login, rounds, companion.
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    for (name, value) in &kinds {
        let is_session = name == "__Host-vestibule-s.t";
        for bare in [value.clone(), format!("1.{}.{value}", value.get(value.len() - 8..).unwrap())] {
            let step = ask(&site, "/page", &[format!("__Host-vestibule-s.t={bare}")], &[]);
            assert_eq!(status(&step) == 200, is_session && bare == *value, "{name} as a session");
        }
    }
    // And no other is a login: a right response to the one that waits does not sign in.
    let reply = browser.get("/.vestibule/sign-in?return=/page").unwrap();
    let (id, state) = begun(&reply);
    let login = format!("__Host-vestibule-l.t.{state}");
    let waiting = browser.cookies.clone();
    for (name, value) in waiting.iter().filter(|(name, _)| **name != login) {
        let mut browser = site.browser();
        let sealed = if name.contains("-s.t") { value.rsplit('.').next().unwrap() } else { value };
        browser.cookies.insert(login.clone(), sealed.to_owned());
        let response = Response { id: format!("_{name}"), ..Response::to(&id, site.host.time.get()) };
        assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 403, "{name} as a login");
        assert!(!browser.has_session());
    }
}

#[test]
fn row_8_15_a_planted_session_is_not_the_one_that_a_sign_in_gives() {
    let site = site();
    let mut attacker = site.browser();
    assert_eq!(signs_in_as(&mut attacker, "mallory@n.example").status, 303);
    let mut victim = site.browser();
    victim.cookies.clone_from(&attacker.cookies);
    assert_eq!(signs_in_as(&mut victim, "ada@n.example").status, 303);
    let session = |browser: &Browser<'_>| browser.cookies["__Host-vestibule-s.t"].clone();
    assert_ne!(session(&victim), session(&attacker));
    assert_eq!(victim.serve("/page", &[]).told("x-user").as_deref(), Some("ada@n.example"));
    assert_eq!(attacker.serve("/page", &[]).told("x-user").as_deref(), Some("mallory@n.example"));
    sign_out(&mut attacker);
    assert!(victim.has_session(), "the two have nothing in common");
}

#[test]
fn row_8_16_no_header_says_where_the_provider_answers() {
    let site = site();
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "1"),
        ("forwarded", "host=evil.example"),
        ("x-host", "evil.example"),
        ("host", "evil.example"),
        ("x-original-host", "evil.example"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ] {
        let mut browser = site.browser();
        browser.extra = vec![(name, value)];
        let reply = browser.get("/page").unwrap();
        let message = browser::message(&reply);
        assert!(
            message.contains(&format!("AssertionConsumerServiceURL=\"{}\"", provider::ACS)),
            "{name}: {message}"
        );
        assert!(!message.contains("evil"));
        let metadata = text(&browser.get("/.vestibule/saml/metadata").unwrap());
        assert!(metadata.contains(provider::ACS) && !metadata.contains("evil"), "{name}");
    }
    let evil = [(":authority", "evil.example"), ("sec-fetch-mode", "navigate")];
    assert_eq!(status(&ask(&site, "/page", &[], &evil)), 421);
}

#[test]
fn row_8_18_what_is_no_navigation_is_told_401_in_words_for_programs() {
    let site = site();
    for more in [
        &[("sec-fetch-mode", "cors")][..],
        &[("sec-fetch-mode", "same-origin"), ("accept", "text/html")],
        &[("accept", "application/json")],
        &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
        &[("accept", "text/event-stream"), ("sec-fetch-mode", "cors")],
        &[("upgrade", "websocket"), ("connection", "upgrade"), ("sec-fetch-mode", "websocket")],
        &[(":method", "OPTIONS"), ("access-control-request-method", "PUT"), ("sec-fetch-mode", "cors")],
        &[(":method", "POST"), ("accept", "application/json")],
        &[(":method", "PUT"), ("accept", "text/html"), ("sec-fetch-mode", "navigate")],
        &[(":method", "DELETE")],
        &[],
    ] {
        let Step::Answer(reply) = ask(&site, "/page", &[], more) else { panic!("{more:?}") };
        assert_eq!(reply.status, 401, "{more:?}");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["error"], "sign_in_required", "{more:?}");
        assert_eq!(body["sign_in"], "/.vestibule/sign-in");
        assert!(header(&reply, "www-authenticate").unwrap().contains("/.vestibule/sign-in"));
        assert_eq!(header(&reply, "location"), None);
        assert_eq!(header(&reply, "set-cookie"), None, "no login begins");
    }
    let preflight = [(":method", "OPTIONS"), ("access-control-request-method", "PUT")];
    assert_eq!(status(&ask(&site, "/api/x", &[], &preflight)), 200, "where a rule lets it");
    assert_eq!(status(&ask(&site, "/api/x", &[], &[(":method", "PUT")])), 401);
}

#[test]
fn a_form_that_is_lost_to_a_sign_in_is_said_to_be_lost() {
    let site = site();
    for (referer, back) in [
        (Some("https://a.example/edit/7?x=1"), "/.vestibule/sign-in?return=/edit/7%3Fx%3D1"),
        (Some("https://a.example.evil/edit"), "/.vestibule/sign-in?return=/\""),
        (Some("https://evil.example/edit"), "/.vestibule/sign-in?return=/\""),
        (None, "/.vestibule/sign-in?return=/\""),
    ] {
        let mut more = vec![(":method", "POST"), ("sec-fetch-mode", "navigate"), ("accept", "text/html")];
        more.extend(referer.map(|url| ("referer", url)));
        let Step::Answer(reply) = ask(&site, "/save", &[], &more) else { panic!() };
        assert_eq!(reply.status, 401);
        assert!(header(&reply, "www-authenticate").is_some() && header(&reply, "location").is_none());
        let page = text(&reply);
        assert!(page.contains("What you sent was not saved"), "{page}");
        assert!(page.contains(back), "{referer:?}: {page}");
    }
}

#[test]
fn row_8_29_cookies_of_every_line_count() {
    let site = site();
    let browser = signed_in(&site);
    let lines: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let before = [vec!["a=1".to_owned()], lines.clone()].concat();
    let behind = [lines, vec!["a=1".to_owned()]].concat();
    for lines in [before, behind] {
        assert!(matches!(ask(&site, "/page", &lines, &[]), Step::Continue(_)), "{lines:?}");
    }
}

// Logins that wait.

#[test]
fn logins_in_several_tabs_each_end_where_they_began() {
    let site = site();
    let mut browser = site.browser();
    let begun: Vec<(String, (String, String))> =
        (0..5).map(|at| format!("/tab/{at}")).map(|path| (path.clone(), browser.start(&path))).collect();
    for (path, (id, state)) in begun.iter().rev() {
        let response = Response { id: format!("_{id}"), ..Response::to(id, NOW) };
        let reply = browser.answer(&response.encoded(), Some(state));
        assert_eq!(header(&reply, "location"), Some(format!("https://a.example{path}").as_str()));
    }
    assert!(!browser.cookies.keys().any(|name| name.contains("-l.t.")), "none waits any longer");
}

#[test]
fn a_login_is_used_once_also_where_the_browser_keeps_its_cookie() {
    let site = site();
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let waiting = browser.cookies.clone();
    let response =
        |assertion: &str| Response { id: assertion.to_owned(), ..Response::to(&id, NOW) }.encoded();
    assert_eq!(browser.answer(&response("_1"), Some(&state)).status, 303);
    let mut again = site.browser();
    again.cookies = waiting;
    assert_eq!(again.answer(&response("_2"), Some(&state)).status, 403);
    assert!(site.said().contains("code=replayed"), "{}", site.said());
    assert!(!again.has_session());
}

#[test]
fn the_relay_state_is_a_handle_and_nothing_of_the_target_can_be_read() {
    let site = site();
    let mut browser = site.browser();
    let (_, state) = browser.start("/a-secret-place?token=7");
    assert!(state.len() == 16 && state.bytes().all(|byte| byte.is_ascii_hexdigit()), "{state}");
    let all: String = browser.cookies.iter().map(|(name, value)| format!("{name}={value};")).collect();
    assert!(!all.contains("secret") && all.contains(&state));
}

#[test]
fn no_sign_in_leads_to_an_endpoint_of_ours() {
    let site = Site::new(
        "acs_path: /in\nlogout: {path: /out, slo_url: https://idp.example/slo}\nstart_path: /home",
        RULES,
    );
    for target in
        ["/in", "/in/", "/in?x=1", "/out", "/out/", "/out?x=1", "/.vestibule/sign-out", "/.vestibule"]
    {
        let mut browser = site.browser();
        browser.acs_path = "/in".to_owned();
        let (id, state) = browser.start(&format!("/.vestibule/sign-in?return={target}"));
        let response = Response {
            acs: "https://a.example/in".to_owned(),
            id: format!("_{id}"),
            ..Response::to(&id, NOW)
        };
        let reply = browser.answer(&response.encoded(), Some(&state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/home"), "{target}");
    }
}
