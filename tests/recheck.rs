//! What the application is asked about accounts, and what its answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[path = "recheck/again.rs"]
mod again;
#[path = "support/browser.rs"]
mod browser;
#[path = "support/provider.rs"]
mod provider;

use browser::{Browser, NOW, Sent, Site, configuration, header};
use provider::Response;
use vestibule::common::{Headers, Reply};
use vestibule::gateway::{CallAnswer, Event, Gateway, Step};

const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";

fn tenant(application: &str, access: &str) -> String {
    let more = format!(
        "scim:
  public_path: /scim
  tokens: [{{name: t, sha256: {}}}]
  application: {{path: /app-scim, cluster: app, {application}}}
access:
  identity_headers: [{{name: x-user, value: \"{{name_id}}\"}}]
  application_cookies: []
  rules: [{{path: {{prefix: /}}, access: signed_in}}]
{access}",
        "a".repeat(64)
    );
    configuration("", &more)
}

fn site(access: &str) -> Site {
    Site::of(&tenant("credential: {bearer: {value: ours}}", access))
}

/// Answers everything that the application is asked by `(path, credential) -> (status, body)`; the paths asked for.
fn application(site: &Site, answer: impl Fn(&str) -> (u16, String)) -> Vec<String> {
    let mut asked = Vec::new();
    loop {
        let due = site.gateway.due(&site.host);
        if due.is_empty() {
            return asked;
        }
        for (id, call) in due {
            let value = |name: &str| call.headers.iter().find(|(have, _)| have == name).unwrap().1.clone();
            assert_eq!((call.cluster.as_str(), value("authorization").as_str()), ("app", "Bearer ours"));
            let path = value(":path");
            let (status, body) = answer(&path);
            asked.push(path);
            let answer = CallAnswer { status, headers: Headers::default(), body: body.into_bytes() };
            site.gateway.answered(&id, Some(&answer).filter(|_| status > 0), &site.host);
        }
    }
}

fn found(active: &str) -> String {
    format!(
        r#"{{"totalResults":1,"Resources":[{{"id":"u/1","externalId":"oid-1","userName":"ada@n.example"{active}}}]}}"#
    )
}

const NONE: &str = r#"{"totalResults":0,"Resources":[]}"#;

/// Signs in, with an application that answers so; the reply and what was asked.
fn sign_in(browser: &mut Browser<'_>, answer: impl Fn(&str) -> (u16, String)) -> (Reply, Vec<String>) {
    let (id, state) = browser.start("/page");
    let response = Response {
        id: format!("_a{id}"),
        now: browser.site.host.time.get(),
        issued: browser.site.host.time.get(),
        ..Response::to(&id, NOW)
    };
    match browser.post(&response.with(OBJECT_ID, &["oid-1"]).encoded(), Some(&state)) {
        Sent::Waits(exchange) => {
            let asked = application(browser.site, answer);
            (browser.woken(*exchange), asked)
        }
        Sent::Answered(reply) => (reply, Vec::new()),
        Sent::Calls(call, _) => panic!("{call:?}"),
    }
}

fn signed_in<'s>(site: &'s Site) -> Browser<'s> {
    let mut browser = site.browser();
    let (reply, _) = sign_in(&mut browser, |_| (200, found(r#","active":true"#)));
    assert_eq!(reply.status, 303);
    browser
}

fn later(site: &Site, seconds: u64) {
    site.host.time.set(site.host.time.get() + seconds * 1000);
}

/// What becomes of a script's request: its status, 200 where it goes on, and what was asked meanwhile.
fn asks(browser: &Browser<'_>, answer: impl Fn(&str) -> (u16, String)) -> (u16, Vec<String>) {
    let status = |step: Step| match step {
        Step::Continue(_) => 200,
        Step::Answer(reply) => reply.status,
        other => panic!("{other:?}"),
    };
    match browser.begins("/x") {
        (mut exchange, Step::Wait(_)) => {
            let asked = application(browser.site, answer);
            (status(exchange.on(Event::Woken, &browser.site.host)), asked)
        }
        (_, step) => (status(step), application(browser.site, answer)),
    }
}

const BY_ID: &str = "/app-scim/Users/u%2F1";

#[test]
fn an_account_is_asked_for_by_its_identifier_and_before_that_by_what_the_assertion_says() {
    let site = site("");
    let mut browser = site.browser();
    let (reply, asked) = sign_in(&mut browser, |_| (200, found("")));
    assert_eq!(
        (reply.status, asked),
        (303, vec!["/app-scim/Users?filter=externalId%20eq%20%22oid-1%22".to_owned()])
    );
    assert_eq!(asks(&browser, |_| panic!("was asked at the sign-in")), (200, vec![]));
    later(&site, 300);
    let one = r#"{"id":"u/1","userName":"renamed","active":true}"#;
    assert_eq!(asks(&browser, |_| (200, one.to_owned())), (200, vec![BY_ID.to_owned()]));
    assert_eq!(asks(&browser, |_| panic!("asked twice")), (200, vec![]));
}

#[test]
fn what_one_attribute_does_not_find_the_next_does() {
    let site = site("");
    let mut browser = site.browser();
    let by_name = |path: &str| (200, if path.contains("userName") { found("") } else { NONE.to_owned() });
    let (reply, asked) = sign_in(&mut browser, by_name);
    assert_eq!(reply.status, 303);
    assert_eq!(asked[1], "/app-scim/Users?filter=userName%20eq%20%22ada%40n.example%22");
}

#[test]
fn an_application_without_accounts_by_identifier_is_asked_by_name() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 300);
    let (status, asked) =
        asks(&browser, |path| if path == BY_ID { (404, String::new()) } else { (200, found("")) });
    assert_eq!((status, asked.len()), (200, 2));
}

#[test]
fn an_inactive_or_missing_account_has_no_session_and_another_of_its_name_gives_none() {
    let another = found("").replace("u/1", "u/2");
    let inactive = r#"{"id":"u/1","active":"False"}"#;
    for (by_id, by_name) in [((200, inactive), ""), ((404, ""), NONE), ((404, ""), another.as_str())] {
        let site = site("");
        let browser = signed_in(&site);
        later(&site, 300);
        let answer = |path: &str| {
            let (status, body) = if path == BY_ID { by_id } else { (200, by_name) };
            (status, body.to_owned())
        };
        assert_eq!(asks(&browser, answer).0, 401);
        assert_eq!(asks(&browser, |_| panic!("it has ended")), (401, vec![]), "and stays so");
    }
}

#[test]
fn an_answer_that_says_nothing_is_no_answer_and_counts_neither_way() {
    let several = r#"{"totalResults":2,"Resources":[{"id":"1","externalId":"oid-1","userName":"ada@n.example"},
        {"id":"2","externalId":"oid-1","userName":"ada@n.example"}]}"#;
    let page = r#"{"totalResults":9,"Resources":[{"id":"9","userName":"bob"}]}"#;
    for (status, body) in
        [(200, several), (200, page), (200, "<html>"), (404, ""), (0, ""), (500, ""), (401, ""), (429, "")]
    {
        let site = site("");
        let browser = signed_in(&site);
        let answer = |path: &str| {
            if path == BY_ID && status == 200 { (404, String::new()) } else { (status, body.to_owned()) }
        };
        later(&site, 301);
        assert_eq!(asks(&browser, answer).0, 200, "{body}: within the grace");
        later(&site, 300);
        assert_eq!(asks(&browser, answer).0, 503, "{body}: beyond it");
    }
}

#[test]
fn an_application_that_cannot_be_reached_is_left_alone_for_a_while() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 301);
    assert_eq!(asks(&browser, |_| (503, String::new())).1.len(), 1);
    assert_eq!(asks(&browser, |_| panic!("asked at once again")), (200, vec![]));
    later(&site, 6);
    assert_eq!(asks(&browser, |_| (200, r#"{"id":"u/1"}"#.to_owned())), (200, vec![BY_ID.to_owned()]));
}

#[test]
fn the_answer_is_renewed_in_the_background_before_it_is_too_old() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 224);
    assert_eq!(asks(&browser, |_| panic!("too early")), (200, vec![]));
    later(&site, 1);
    let (_, step) = browser.begins("/x");
    assert!(matches!(step, Step::Continue(_)), "nobody waits");
    assert_eq!(application(&site, |_| (200, r#"{"id":"u/1"}"#.to_owned())), [BY_ID]);
    later(&site, 200);
    assert_eq!(asks(&browser, |_| panic!("known from then")), (200, vec![]));
}

#[test]
fn who_waits_and_gets_no_answer_in_time_is_treated_like_one_whose_application_is_away() {
    let site = site("  recheck: {unreachable: refuse}\n");
    let browser = signed_in(&site);
    later(&site, 300);
    let (mut exchange, step) = browser.begins("/x");
    let Step::Wait(wait) = step else { panic!("{step:?}") };
    assert_eq!(wait.end().0 - site.host.time.get(), 6000);
    let Step::Answer(reply) = exchange.on(Event::Woken, &site.host) else { panic!() };
    assert_eq!(reply.status, 503);
    assert!(reply.headers.iter().any(|(name, _)| name == "retry-after"));
}

#[test]
fn row_7_5_trailers_of_a_request_that_waits_lose_what_no_client_may_send_and_credentials() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 300);
    let (mut exchange, step) = browser.begins_with_body("/x");
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    let trailers = Headers::from([
        ("authorization", "Basic x"),
        ("X_User", "root"),
        ("x-checksum", "kept"),
        ("x-user", "y"),
    ]);
    assert_eq!(exchange.on(Event::RequestTrailers { trailers: trailers.clone() }, &site.host), Step::Hold);
    application(&site, |_| (200, r#"{"id":"u/1"}"#.to_owned()));
    let Step::Continue(edits) = exchange.on(Event::Woken, &site.host) else { panic!("not released") };
    let mut left = trailers;
    edits.trailers.iter().for_each(|edit| left.apply(edit));
    assert_eq!(left, Headers::from([("x-checksum", "kept")]));
}

#[test]
fn several_requests_of_one_person_make_one_question() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 300);
    let mut waiting: Vec<_> = (0..5).map(|_| browser.begins("/x")).collect();
    assert!(waiting.iter().all(|(_, step)| matches!(step, Step::Wait(_))));
    assert_eq!(application(&site, |_| (200, r#"{"id":"u/1"}"#.to_owned())).len(), 1);
    for (exchange, _) in &mut waiting {
        assert!(matches!(exchange.on(Event::Woken, &site.host), Step::Continue(_)));
    }
}

#[test]
fn who_may_sign_in_is_the_applications_word() {
    for (required, body, status) in [
        (false, found(r#","active":false"#), 403),
        (true, found(r#","active":false"#), 403),
        (false, NONE.to_owned(), 303),
        (true, NONE.to_owned(), 403),
        (true, found(""), 303),
        (false, "<html>".to_owned(), 303),
        (true, "<html>".to_owned(), 503),
    ] {
        let site = site(&format!("  require_provisioned: {required}\n"));
        let (reply, _) = sign_in(&mut site.browser(), |_| (200, body.clone()));
        assert_eq!(reply.status, status, "{required} {body}");
        let session =
            reply.headers.iter().any(|(name, value)| name == "set-cookie" && value.contains("-s.t="));
        assert!(session || status != 303);
    }
}

#[test]
fn a_provider_is_not_believed_about_a_login_that_began_before_the_account_was_found_inactive() {
    let site = site("");
    let mut late = site.browser();
    let (id, state) = late.start("/page");
    let browser = signed_in(&site);
    later(&site, 300);
    assert_eq!(asks(&browser, |_| (200, r#"{"id":"u/1","active":false}"#.to_owned())).0, 401);
    let response = Response { id: "_late".to_owned(), ..Response::to(&id, NOW) };
    match late.post(&response.with(OBJECT_ID, &["oid-1"]).encoded(), Some(&state)) {
        Sent::Answered(reply) => assert_eq!(reply.status, 403),
        Sent::Waits(_) | Sent::Calls(..) => panic!("asked about"),
    }
}

fn warnings(text: &str) -> Result<Vec<String>, Vec<String>> {
    Gateway::compile(text.as_bytes(), &|_| None).map(|(_, warnings)| warnings)
}

#[test]
fn without_a_credential_of_our_own_nothing_is_asked_and_that_is_said() {
    let said = warnings(&tenant("credential: {keep: true}", "")).unwrap();
    assert!(said.iter().any(|line| line.contains("own_credential")), "{said:?}");
    let site = Site::of(&tenant("credential: {keep: true}", ""));
    let (reply, asked) = sign_in(&mut site.browser(), |_| panic!("asked"));
    assert_eq!((reply.status, asked), (303, vec![]));
    for wants in ["  recheck: {seconds: 60}\n", "  require_provisioned: true\n"] {
        assert!(warnings(&tenant("credential: {keep: true}", wants)).is_err(), "{wants}");
    }
    let own = "credential: {keep: true}, own_credential: {bearer: {value: ours}}";
    let site = Site::of(&tenant(own, ""));
    let (_, asked) = sign_in(&mut site.browser(), |_| (200, found("")));
    assert_eq!(asked.len(), 1);
}

#[test]
fn what_cannot_be_is_refused_with_a_remedy() {
    let ours = "credential: {bearer: {value: ours}}";
    for (access, says) in [
        ("  recheck: {seconds: 0}\n", "seconds"),
        ("  recheck: {unreachable: allow}\n", "refuse"),
        ("  recheck: {unreachable: {}}\n", "grace_seconds"),
        ("  recheck: {match: []}\n", "externalId"),
        ("  recheck: {match: [{attribute: title, claim: name_id}]}\n", "title"),
        ("  recheck: {enabled: false}\n  on_group_change: end\n", "recheck"),
        ("  on_group_change: perhaps\n", "perhaps"),
    ] {
        let errors = warnings(&tenant(ours, access)).expect_err(access);
        assert!(errors.iter().any(|line| line.contains(says)), "{access}: {errors:?}");
    }
}

// A login of the application's own, on routes where it does not matter who is there.

/// A browser to which the application has given a login of its own.
fn logged_in(site: &Site) -> Browser<'_> {
    let mut browser = signed_in(site);
    browser.serve("/page", &[("set-cookie", "sid=1; Path=/; HttpOnly")]);
    browser
}

fn site_with_logins(access: &str) -> Site {
    let rules =
        "  rules: [{path: {prefix: /public}, access: public}, {path: {prefix: /}, access: signed_in}]\n";
    let made = tenant("credential: {bearer: {value: ours}}", access)
        .replace("application_cookies: []", "application_cookies: [sid]")
        .replace("  rules: [{path: {prefix: /}, access: signed_in}]\n", rules);
    assert!(made.contains("/public") && made.contains("[sid]"));
    Site::of(&made)
}

/// The named cookie with which a script's request arrives at the application, and what was asked meanwhile.
fn arrives_with(
    browser: &Browser<'_>,
    path: &str,
    answer: impl Fn(&str) -> (u16, String),
) -> (Option<String>, Vec<String>) {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = Headers::from([("cookie", cookies.join("; ").as_str())]);
    let (edits, asked) = match browser.begins(path) {
        (mut exchange, Step::Wait(_)) => {
            let asked = application(browser.site, answer);
            (exchange.on(Event::Woken, &browser.site.host), asked)
        }
        (_, step) => (step, application(browser.site, answer)),
    };
    let Step::Continue(edits) = edits else { panic!("{edits:?}") };
    edits.headers.iter().for_each(|edit| request.apply(edit));
    (request.text("cookie").map(str::to_owned), asked)
}

#[test]
fn the_applications_login_of_somebody_deactivated_elsewhere_ends_on_public_routes_too() {
    let site = site_with_logins("");
    let browser = logged_in(&site);
    let active = |_: &str| (200, r#"{"id":"u/1","active":true}"#.to_owned());
    assert_eq!(arrives_with(&browser, "/public", |_| panic!("known")), (Some("sid=1".to_owned()), vec![]));
    later(&site, 300);
    assert_eq!(
        arrives_with(&browser, "/public", active),
        (Some("sid=1".to_owned()), vec![BY_ID.to_owned()]),
        "the request waits: without its cookie the application would set another login"
    );
    later(&site, 300);
    let inactive = |_: &str| (200, r#"{"id":"u/1","active":false}"#.to_owned());
    assert_eq!(arrives_with(&browser, "/public", inactive), (None, vec![BY_ID.to_owned()]));
    assert_eq!(arrives_with(&browser, "/public", |_| panic!("it has ended")), (None, vec![]));
}

#[test]
fn the_applications_login_is_kept_back_on_public_routes_where_nothing_can_be_known() {
    let site = site_with_logins("  recheck: {seconds: 60}\n");
    let mut browser = logged_in(&site);
    later(&site, 61);
    let away = |_: &str| (503, String::new());
    assert_eq!(arrives_with(&browser, "/public", away).0.as_deref(), Some("sid=1"), "within the grace");
    later(&site, 60);
    assert_eq!(arrives_with(&browser, "/public", away).0, None, "beyond it");
    let pending = browser.ask("/public");
    assert!(browser.complete(pending, &[]).lines().is_empty(), "and is not taken from the browser");
    later(&site, 6);
    let active = |_: &str| (200, r#"{"id":"u/1","active":true}"#.to_owned());
    assert_eq!(arrives_with(&browser, "/public", active).0.as_deref(), Some("sid=1"));
}

#[test]
fn where_the_route_named_an_open_policy_and_nothing_can_be_known_that_is_said_and_nobody_accused() {
    let policies =
        "  recheck: {seconds: 60}\n  policies: {open: [{path: {prefix: /docs}, access: public}]}\n";
    let made = tenant("credential: {bearer: {value: ours}}", policies)
        .replace("application_cookies: []", "application_cookies: [sid]")
        .replace("rules: [{path: {prefix: /}", "rules: [{path: {prefix: /page}");
    let site = Site::of(&made);
    let mut browser = logged_in(&site);
    let policy = "xds/route_metadata/filter_metadata/vestibule/policy";
    site.host.properties.borrow_mut().insert(policy.to_owned(), b"open".to_vec());
    assert!(browser.get("/docs").is_none());
    later(&site, 200);
    let (mut exchange, step) = browser.begins("/docs");
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    application(&site, |_| (503, String::new()));
    let Step::Answer(reply) = exchange.on(Event::Woken, &site.host) else { panic!("let through") };
    assert_eq!(reply.status, 503);
    assert!(header(&reply, "retry-after").is_some() && header(&reply, "set-cookie").is_none());
    assert!(site.said().contains("code=recheck_unreachable"), "{}", site.said());
    let page = browser.get("/docs").unwrap();
    assert_eq!(page.status, 503, "while it is left alone");
    browser.cookies.insert("__Host-vestibule-s.elsewhere".to_owned(), "1.planted".to_owned());
    assert_eq!(browser.get("/docs").unwrap().status, 400, "what is not ours is refused still");
    browser.cookies.remove("__Host-vestibule-s.elsewhere");
    later(&site, 6);
    let active = |_: &str| (200, r#"{"id":"u/1","active":true}"#.to_owned());
    assert_eq!(arrives_with(&browser, "/docs", active).0.as_deref(), Some("sid=1"));
}

#[test]
fn at_its_own_authorization_server_the_applications_login_waits_for_the_answer_as_elsewhere() {
    let pass = "{application_server: {pass: [/oauth2], introspection: {cluster: app, path: /i, bearer: {value: b}, scopes: [scim]}}}";
    let made = tenant("credential: {bearer: {value: ours}}", "");
    let indent = made
        .lines()
        .find(|line| line.trim() == "public_path: /scim")
        .unwrap()
        .replace("public_path: /scim", "");
    let line = format!("{indent}authentication: {pass}\n{indent}public_path: /scim");
    let made = made.replace(&format!("{indent}public_path: /scim"), &line);
    let site = Site::of(&made.replace("application_cookies: []", "application_cookies: [sid]"));
    let browser = logged_in(&site);
    assert_eq!(arrives_with(&browser, "/oauth2", |_| panic!("known")).0.as_deref(), Some("sid=1"));
    later(&site, 300);
    let active = |_: &str| (200, r#"{"id":"u/1","active":true}"#.to_owned());
    let arrived = (Some("sid=1".to_owned()), vec![BY_ID.to_owned()]);
    assert_eq!(arrives_with(&browser, "/oauth2", active), arrived);
    assert_eq!(arrives_with(&browser, "/oauth2", |_| panic!("known")).0.as_deref(), Some("sid=1"));
    // A program, or somebody with a session alone, waits for nothing.
    later(&site, 300);
    let mut alone = Browser { cookies: browser.cookies.clone(), ..site.browser() };
    alone.cookies.remove("sid").unwrap();
    assert!(matches!(alone.begins("/oauth2").1, Step::Continue(_)));
    assert!(matches!(site.browser().begins("/oauth2").1, Step::Continue(_)));
    assert!(site.gateway.due(&site.host).is_empty());
    let inactive = |_: &str| (200, r#"{"id":"u/1","active":false}"#.to_owned());
    let browser = logged_in(&site);
    later(&site, 300);
    assert_eq!(arrives_with(&browser, "/oauth2", inactive), (None, vec![BY_ID.to_owned()]));
    assert_eq!(arrives_with(&browser, "/oauth2", |_| panic!("it has ended")), (None, vec![]));
}

#[test]
fn a_public_route_waits_for_nobody_whose_request_carries_no_login_of_the_application() {
    let site = site_with_logins("");
    let browser = signed_in(&site);
    later(&site, 400);
    let (_, step) = browser.begins("/public");
    assert!(matches!(step, Step::Continue(_)), "{step:?}");
    assert!(site.gateway.due(&site.host).is_empty(), "and nobody is asked");
}

#[test]
fn who_has_waited_longest_is_asked_about_first() {
    let site = site("");
    let name = |at: u64| format!("oid-{at}-{}", at.wrapping_mul(0x9e37_79b9));
    let waiting: Vec<_> = (0..36)
        .map(|at| {
            site.host.time.set(NOW + at);
            let mut browser = site.browser();
            let (id, state) = browser.start("/page");
            let response = Response { id: format!("_a{id}"), name: name(at), ..Response::to(&id, NOW) };
            match browser.post(&response.with(OBJECT_ID, &[&name(at)]).encoded(), Some(&state)) {
                Sent::Waits(exchange) => exchange,
                _ => panic!("{at}"),
            }
        })
        .collect();
    let due = site.gateway.due(&site.host);
    assert_eq!((waiting.len(), due.len()), (36, 32), "more are not sent at once");
    for (at, (_, call)) in (0..).zip(&due) {
        let path = &call.headers.iter().find(|(name, _)| name == ":path").unwrap().1;
        assert!(path.contains(&name(at)), "{at}: {path}");
    }
}
