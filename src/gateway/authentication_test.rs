//! Keys that come late, roll over or stay away, and what the provisioning client is told meanwhile.

use std::rc::Rc;

use super::event::{CallAnswer, Event, Origin, Step, Wait};
use super::{Exchange, Gateway, StateName};
use crate::common::test_host::TestHost;
use crate::common::{Headers, Reply};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOKEN: &str = include_str!("../../tests/vectors/scim/jwt/entra-v1.jwt");
const KEYS: &str = include_str!("../../tests/vectors/scim/jwt/keys.json");
const START: u64 = 1_800_000_060_000;

struct Scene {
    gateway: Rc<Gateway>,
    host: TestHost,
}

impl Scene {
    fn new() -> Self {
        Self::with("{from_application: false}")
    }

    fn with(schemas: &str) -> Self {
        let text = r#"
keys: [{id: k1, secret: {value: "0123456789abcdef0123456789abcdef"}}]
tenants:
  - name: t
    public_url: https://a.example
    scim:
      public_path: /scim
      authentication:
        entra_token:
          {tenant_id: 3d0c5b7e-1111-4222-8333-944445555666, keys: {cluster: login, refresh_seconds: 86400}}
      application: {path: /app-scim, cluster: app, credential: {remove: true}}
      max_body_bytes: 4096
      schemas: SCHEMAS
"#
        .replace("SCHEMAS", schemas);
        let (gateway, _) = Gateway::compile(text.as_bytes(), &|_| None).unwrap();
        Self { gateway: Rc::new(gateway), host: TestHost::at(START) }
    }

    /// Makes the calls that are due; how many there were.
    fn fetch(&self, keys: Option<&str>) -> usize {
        let calls = self.gateway.due(&self.host);
        for (id, _) in &calls {
            let answer = keys.map(|keys| CallAnswer {
                status: 200,
                headers: Headers::default(),
                body: keys.as_bytes().to_vec(),
            });
            self.gateway.answered(id, answer.as_ref(), &self.host);
        }
        calls.len()
    }

    fn later(&self, seconds: u64) {
        self.host.time.set(self.host.time.get() + seconds * 1000);
    }

    fn ask(&self, end: bool) -> (Exchange, Step) {
        self.ask_with(TOKEN.trim(), end)
    }

    fn ask_with(&self, token: &str, end: bool) -> (Exchange, Step) {
        let headers = Headers::from([
            (":method", if end { "GET" } else { "PATCH" }),
            (":path", "/scim/Users/u-1"),
            (":authority", "a.example"),
            ("authorization", format!("Bearer {token}").as_str()),
            ("content-type", "application/scim+json"),
        ]);
        let mut exchange = self.gateway.exchange();
        let step = exchange.on(Event::RequestHeaders { headers, end }, &self.host);
        (exchange, step)
    }
}

fn answered(step: Step) -> (u16, Option<String>) {
    let Step::Answer(Reply { status, headers, .. }) = step else { panic!("{step:?}") };
    (status, headers.into_iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value))
}

/// Other keys than the token's.
fn other_keys() -> String {
    KEYS.replace("\"known-key\"", "\"yesterdays-key\"")
}

#[test]
fn a_request_waits_for_the_first_keys_and_then_goes_on() {
    let scene = Scene::new();
    let (mut exchange, step) = scene.ask(true);
    assert!(matches!(step, Step::Wait(Wait::Document(..))), "{step:?}");
    assert_eq!(exchange.on(Event::Woken, &scene.host), step, "nothing has come");
    assert_eq!(scene.fetch(Some(KEYS)), 1);
    assert!(matches!(exchange.on(Event::Woken, &scene.host), Step::Continue(_)));
    assert!(matches!(scene.ask(true).1, Step::Continue(_)), "the next one does not wait");
}

#[test]
fn a_body_that_comes_while_its_sender_is_unknown_is_not_lost() {
    for ended_before in [true, false] {
        let scene = Scene::new();
        let body = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations":[{"op":"Replace","path":"displayName","value":"Ada"}]}"#;
        let (mut exchange, _) = scene.ask(false);
        let size = body.len();
        *scene.host.request.borrow_mut() = body.to_vec();
        let part = Event::RequestBody { size: 10, end: false };
        let whole = || Event::RequestBody { size, end: true };
        assert_eq!(exchange.on(part, &scene.host), Step::Hold);
        if ended_before {
            assert_eq!(exchange.on(whole(), &scene.host), Step::Hold);
        }
        scene.fetch(Some(KEYS));
        let mut step = exchange.on(Event::Woken, &scene.host);
        if !ended_before {
            assert_eq!((step, exchange.state()), (Step::Hold, StateName::Arriving));
            step = exchange.on(whole(), &scene.host);
        }
        let Step::Continue(edits) = step else { panic!("{step:?}") };
        assert!(String::from_utf8(edits.body.unwrap()).unwrap().contains("displayName"));
    }
}

#[test]
fn trailers_that_come_meanwhile_are_taken_away() {
    let scene = Scene::new();
    let (mut exchange, _) = scene.ask(false);
    *scene.host.request.borrow_mut() = b"{}".to_vec();
    exchange.on(Event::RequestBody { size: 2, end: false }, &scene.host);
    let trailers = Headers::from([("x-a", "1"), ("x-a", "2"), ("x-b", "")]);
    assert_eq!(exchange.on(Event::RequestTrailers { trailers }, &scene.host), Step::Hold);
    scene.fetch(Some(KEYS));
    match exchange.on(Event::Woken, &scene.host) {
        Step::Continue(edits) => assert_eq!(edits.trailers.len(), 2),
        step => assert_eq!(answered(step).0, 400, "an empty patch may be refused, but not let through whole"),
    }
}

#[test]
fn a_body_that_is_too_large_is_not_held_for_a_stranger() {
    let scene = Scene::new();
    let (mut exchange, _) = scene.ask(false);
    let step = exchange.on(Event::RequestBody { size: 4097, end: false }, &scene.host);
    assert_eq!(answered(step).0, 413);
}

#[test]
fn without_keys_nobody_is_refused_for_good() {
    let scene = Scene::new();
    let (mut exchange, _) = scene.ask(true);
    scene.later(5);
    assert_eq!(answered(exchange.on(Event::Woken, &scene.host)), (503, Some("5".into())), "patience is over");
    assert_eq!(scene.fetch(None), 1);
    let (mut exchange, step) = scene.ask(true);
    assert!(matches!(step, Step::Wait(_)), "the next attempt is in a second");
    assert_eq!(scene.fetch(None), 0, "and not sooner");
    scene.later(1);
    assert_eq!(scene.fetch(Some("{}")), 1);
    assert!(matches!(exchange.on(Event::Woken, &scene.host), Step::Wait(_)), "nor is the one after far");
    scene.later(4);
    assert_eq!(answered(exchange.on(Event::Woken, &scene.host)).0, 503, "patience is over");
    for pause in [4, 8] {
        assert_eq!(scene.fetch(None), 1);
        scene.later(pause);
    }
    assert_eq!(scene.fetch(None), 1);
    let (status, after) = answered(scene.ask(true).1);
    assert_eq!(status, 503, "nobody waits so long");
    assert!(["15", "16"].contains(&after.unwrap().as_str()));
}

#[test]
fn what_no_key_could_make_good_is_refused_without_keys() {
    let scene = Scene::new();
    let (header, _) = TOKEN.split_once('.').unwrap();
    for token in ["nonsense", "a.b.c", &format!("{header}.e30.AAAA")] {
        assert_eq!(answered(scene.ask_with(token, true).1), (401, None), "{token}");
    }
}

#[test]
fn a_new_key_is_found_and_an_unknown_one_refused_once_a_fresh_set_does_not_have_it() {
    let scene = Scene::new();
    assert_eq!(scene.fetch(Some(&other_keys())), 1);
    assert_eq!(answered(scene.ask(true).1), (401, None), "the set is less than a minute old");
    scene.later(60);
    let (mut exchange, step) = scene.ask(true);
    assert!(matches!(step, Step::Wait(_)));
    assert_eq!(scene.fetch(Some(&other_keys())), 1);
    assert_eq!(answered(exchange.on(Event::Woken, &scene.host)), (401, None));
    for _ in 0..50 {
        assert_eq!(answered(scene.ask(true).1), (401, None));
        assert_eq!(scene.fetch(None), 0, "once a minute");
    }
    scene.later(60);
    let (mut exchange, _) = scene.ask(true);
    assert_eq!(scene.fetch(Some(KEYS)), 1);
    assert!(matches!(exchange.on(Event::Woken, &scene.host), Step::Continue(_)));
}

#[test]
fn where_the_newest_keys_cannot_be_had_an_unknown_key_is_not_held_against_anybody() {
    let scene = Scene::new();
    scene.fetch(Some(&other_keys()));
    scene.later(60);
    let (mut exchange, _) = scene.ask(true);
    assert_eq!(scene.fetch(None), 1);
    assert_eq!(answered(exchange.on(Event::Woken, &scene.host)), (503, Some("60".into())));
}

#[test]
fn known_keys_go_on_working_while_newer_ones_cannot_be_had() {
    let scene = Scene::new();
    scene.fetch(Some(KEYS));
    scene.later(600);
    scene.fetch(None);
    assert!(matches!(scene.ask(true).1, Step::Continue(_)));
}

const CREW: &str = "urn:ietf:params:scim:schemas:extension:Crew:2.0:User";

/// Lets a PATCH of a Boolean of an extension in, and says what it waits for.
fn learning() -> (Scene, Exchange, Step) {
    let scene = Scene::with("{refresh_seconds: 600}");
    assert_eq!(scene.fetch(Some(KEYS)), 1, "the keys are read ahead, what the application has is not");
    assert!(!scene.gateway.take_newly_needed());
    let body = format!(
        r#"{{"schemas":[],"Operations":[{{"op":"replace","path":"{CREW}:remote","value":"False"}}]}}"#
    );
    *scene.host.request.borrow_mut() = body.into_bytes();
    let (exchange, step) = scene.ask(false);
    (scene, exchange, step)
}

fn publish(scene: &Scene) {
    let schemas =
        format!(r#"{{"Resources":[{{"id":"{CREW}","attributes":[{{"name":"remote","type":"boolean"}}]}}]}}"#);
    for (id, call) in scene.gateway.due(&scene.host) {
        let is_schemas = call.headers.iter().any(|(_, value)| value.ends_with("/Schemas"));
        let body = if is_schemas { schemas.clone() } else { r#"{"Resources":[]}"#.to_owned() };
        let answer = CallAnswer { status: 200, headers: Headers::default(), body: body.into_bytes() };
        scene.gateway.answered(&id, Some(&answer), &scene.host);
    }
}

fn whole(scene: &Scene) -> Event {
    Event::RequestBody { size: scene.host.request.borrow().len(), end: true }
}

fn sent(step: Step) -> String {
    let Step::Continue(edits) = step else { panic!("{step:?}") };
    String::from_utf8(edits.body.unwrap()).unwrap()
}

#[test]
fn the_first_request_waits_for_what_the_application_says_of_itself() {
    let (scene, mut exchange, step) = learning();
    assert!(matches!(step, Step::Wait(Wait::Document(..))), "{step:?}");
    assert!(scene.gateway.take_newly_needed());
    assert_eq!(exchange.on(whole(&scene), &scene.host), Step::Hold);
    assert_eq!(exchange.on(Event::Woken, &scene.host), step, "nothing has come");
    publish(&scene);
    assert!(sent(exchange.on(Event::Woken, &scene.host)).contains(r#""value":false"#));
    let (mut next, step) = scene.ask(false);
    assert_eq!((step, next.state()), (Step::Hold, StateName::Arriving), "the next one does not wait");
    assert!(sent(next.on(whole(&scene), &scene.host)).contains(r#""value":false"#));
}

#[test]
fn nobody_waits_longer_for_it_than_a_few_seconds() {
    let (scene, mut exchange, _) = learning();
    exchange.on(whole(&scene), &scene.host);
    scene.later(5);
    assert!(sent(exchange.on(Event::Woken, &scene.host)).contains(r#""value":"False""#));
}

#[test]
fn where_it_cannot_be_had_nobody_waits_any_more() {
    let (scene, mut exchange, _) = learning();
    exchange.on(whole(&scene), &scene.host);
    assert_eq!(scene.fetch(None), 2);
    assert!(sent(exchange.on(Event::Woken, &scene.host)).contains(r#""value":"False""#));
    let (next, step) = scene.ask(false);
    assert_eq!((step, next.state()), (Step::Hold, StateName::Arriving));
    assert_eq!(scene.fetch(None), 0, "the next attempt is in a minute");
}

#[test]
fn a_stranger_makes_us_ask_the_application_nothing() {
    let scene = Scene::with("{}");
    scene.fetch(Some(KEYS));
    assert_eq!(answered(scene.ask_with("nonsense", true).1).0, 401);
    assert!(!scene.gateway.take_newly_needed());
    assert_eq!(scene.fetch(None), 0);
}

#[test]
fn a_request_goes_by_what_was_known_when_it_began() {
    let (scene, mut exchange, _) = learning();
    publish(&scene);
    exchange.on(Event::Woken, &scene.host);
    let Step::Continue(_) = exchange.on(whole(&scene), &scene.host) else { panic!() };
    scene.later(3600);
    let (_, _later) = scene.ask(false);
    let gone = r#"{"Resources":[]}"#;
    assert!(scene.fetch(Some(gone)) >= 2);
    // The answer is still mended by the types that the request was.
    let answer = format!(r#"{{"id":"u-1","{CREW}":{{"remote":"true"}}}}"#);
    *scene.host.response.borrow_mut() = answer.clone().into_bytes();
    let headers = Headers::from([(":status", "200"), ("content-type", "application/scim+json")]);
    exchange.on(Event::ResponseHeaders { headers, end: false, origin: Origin::Upstream }, &scene.host);
    let step = exchange.on(Event::ResponseBody { size: answer.len(), end: true }, &scene.host);
    assert!(sent(step).contains(r#""remote":true"#));
}
