//! The same token again: it is verified once, and never believed for longer, or by anybody else, than it would be if it
//! were verified each time.

use std::rc::Rc;

use super::Gateway;
use super::event::{CallAnswer, Event, Step};
use crate::common::test_host::TestHost;
use crate::common::{Headers, Reply};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOKEN: &str = include_str!("../../tests/vectors/scim/jwt/entra-v1.jwt");
const KEYS: &str = include_str!("../../tests/vectors/scim/jwt/keys.json");
const SERVER_TOKEN: &str = include_str!("../../tests/vectors/scim/jwt/server-es256.jwt");
const SERVER_KEYS: &str = include_str!("../../tests/vectors/scim/jwt/server-keys.json");
const DIRECTORY: &str = "3d0c5b7e-1111-4222-8333-944445555666";
/// A minute into the hour of the token's life.
const START: u64 = 1_800_000_060_000;
/// Seconds from there to the end of that hour.
const LEFT: u64 = 3_540;
/// How far clocks may differ, in seconds.
const SKEW: u64 = 300;

struct Scene {
    gateway: Rc<Gateway>,
    host: TestHost,
}

fn gateway(tenants: &[(&str, &str, &str)]) -> Rc<Gateway> {
    let mut text =
        String::from("keys: [{id: k1, secret: {value: \"0123456789abcdef0123456789abcdef\"}}]\ntenants:\n");
    for (name, host, authentication) in tenants {
        text.push_str(&format!(
            "  - name: {name}
    public_url: https://{host}
    scim:
      public_path: /scim
      authentication: {authentication}
      application: {{path: /app-scim, cluster: app, credential: {{remove: true}}}}
      schemas: {{from_application: false}}
"
        ));
    }
    let (gateway, _) = Gateway::compile(text.as_bytes(), &|_| None).unwrap();
    Rc::new(gateway)
}

fn entra(more: &str) -> String {
    format!(
        "{{entra_token: {{tenant_id: {DIRECTORY}, keys: {{cluster: login, refresh_seconds: 86400}}{more}}}}}"
    )
}

impl Scene {
    fn new() -> Self {
        Self::of(gateway(&[("a", "a.example", &entra(""))]), KEYS)
    }

    fn of(gateway: Rc<Gateway>, keys: &str) -> Self {
        let scene = Self { gateway, host: TestHost::at(START) };
        scene.publish(keys);
        scene
    }

    /// The keys are read, where that is due.
    fn publish(&self, keys: &str) -> usize {
        let calls = self.gateway.due(&self.host);
        for (id, _) in &calls {
            let answer =
                CallAnswer { status: 200, headers: Headers::default(), body: keys.as_bytes().to_vec() };
            self.gateway.answered(id, Some(&answer), &self.host);
        }
        calls.len()
    }

    fn at(&self, seconds: u64) {
        self.host.time.set(START + seconds * 1000);
    }

    /// Status of the answer, or 0 where it goes on to the application, and how often a signature was verified for it.
    fn ask(&self, authority: &str, token: &str) -> (u16, u32) {
        let headers = Headers::from([
            (":method", "GET"),
            (":path", "/scim/Users/u-1"),
            (":authority", authority),
            ("authorization", format!("Bearer {}", token.trim()).as_str()),
        ]);
        let before = self.host.asked_to_verify.get();
        let status =
            match self.gateway.exchange().on(Event::RequestHeaders { headers, end: true }, &self.host) {
                Step::Answer(Reply { status, .. }) => status,
                Step::Continue(_) => 0,
                Step::Wait(_) => 1,
                step => panic!("{step:?}"),
            };
        (status, self.host.asked_to_verify.get() - before)
    }
}

#[test]
fn the_same_token_is_verified_once() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN), (0, 1));
    for _ in 0..3 {
        assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
    }
    assert!(scene.host.lines.borrow().iter().all(|line| !line.contains(TOKEN.trim())));
}

#[test]
fn a_token_of_the_applications_server_is_verified_once() {
    let server = "{application_server: {jwks: {cluster: login, authority: idp.example, path: /keys, \
                  issuer: \"https://login.app.example\", audiences: [\"https://app.example/scim\"], algorithms: [ES256]}}}";
    let scene = Scene::of(gateway(&[("a", "a.example", server)]), SERVER_KEYS);
    assert_eq!(scene.ask("a.example", SERVER_TOKEN), (0, 1));
    assert_eq!(scene.ask("a.example", SERVER_TOKEN), (0, 0));
}

#[test]
fn a_verified_token_ends_when_it_says_and_clocks_may_differ() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    scene.at(LEFT + SKEW - 1);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
    scene.at(LEFT + SKEW);
    assert_eq!(scene.ask("a.example", TOKEN).0, 401);
}

#[test]
fn where_the_clock_was_set_back_a_token_is_judged_anew() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    scene.host.time.set(START - 1000);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 1));
    scene.host.time.set(START - 3_600_000);
    assert_eq!(scene.ask("a.example", TOKEN).0, 401, "it is not valid yet");
}

#[test]
fn a_key_that_is_not_published_any_more_opens_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    scene.at(60);
    // Somebody with an unknown key makes the set be read once more.
    let strange = TOKEN.replacen(TOKEN.split_once('.').unwrap().0, &unknown_key(), 1);
    assert_eq!(scene.ask("a.example", &strange).0, 1);
    assert_eq!(scene.publish(&KEYS.replace("\"known-key\"", "\"tomorrows-key\"")), 1);
    assert_eq!(scene.ask("a.example", TOKEN), (401, 0));
}

#[test]
fn a_key_of_the_same_name_with_other_numbers_opens_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    let mut others: serde_json::Value = serde_json::from_str(KEYS).unwrap();
    for key in others["keys"].as_array_mut().unwrap() {
        let Some(n) = key["n"].as_str() else { continue };
        key["n"] = format!("{}{}", if n.starts_with('u') { 'v' } else { 'u' }, &n[1..]).into();
    }
    scene.at(60);
    scene.ask("a.example", &TOKEN.replacen(TOKEN.split_once('.').unwrap().0, &unknown_key(), 1));
    assert_eq!(scene.publish(&others.to_string()), 1);
    assert_eq!(scene.ask("a.example", TOKEN).0, 401);
}

#[test]
fn keys_that_were_read_anew_judge_the_token_anew() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN), (0, 1));
    scene.at(60);
    scene.ask("a.example", &TOKEN.replacen(TOKEN.split_once('.').unwrap().0, &unknown_key(), 1));
    assert_eq!(scene.publish(KEYS), 1);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 1));
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
}

#[test]
fn what_one_tenant_has_verified_opens_no_other() {
    let other = entra("").replace(DIRECTORY, "00000000-0000-4000-8000-000000000000");
    let audience = entra(", audiences: [\"api://another\"]");
    let gateway = gateway(&[
        ("a", "a.example", &entra("")),
        ("b", "b.example", &other),
        ("c", "c.example", &audience),
        ("d", "d.example", &entra("")),
    ]);
    let scene = Scene::of(gateway, KEYS);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 1));
    assert_eq!(scene.ask("b.example", TOKEN), (401, 0));
    assert_eq!(scene.ask("c.example", TOKEN).0, 401, "verified, and for somebody else");
    assert_eq!(scene.ask("d.example", TOKEN), (0, 1), "each tenant judges for itself");
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
}

#[test]
fn a_changed_configuration_remembers_nothing() {
    let before = Scene::new();
    assert_eq!(before.ask("a.example", TOKEN).0, 0);
    let after = Scene::of(gateway(&[("a", "a.example", &entra(", audiences: [\"api://another\"]"))]), KEYS);
    assert_eq!(after.ask("a.example", TOKEN), (401, 1));
}

#[test]
fn a_refused_token_is_judged_each_time_and_a_good_one_does_not_vouch_for_its_like() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    let (message, signature) = TOKEN.trim().rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{message}.{other}{}", &signature[1..]);
    assert_eq!(scene.ask("a.example", &forged), (401, 1));
    assert_eq!(scene.ask("a.example", &forged), (401, 1));
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
}

#[test]
fn claims_that_were_changed_under_the_signature_of_a_good_token_are_not_believed() {
    let scene = Scene::new();
    assert_eq!(scene.ask("a.example", TOKEN).0, 0);
    let [head, claims, signature] = TOKEN.trim().split('.').collect::<Vec<_>>()[..] else { panic!() };
    for other in [format!("{head}.{claims}A.{signature}"), format!("{claims}.{claims}.{signature}")] {
        assert_eq!(scene.ask("a.example", &other).0, 401, "{other}");
    }
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
}

#[test]
fn a_static_token_that_is_a_signed_one_as_well_ends_when_the_configuration_says() {
    let digest = crate::crypto::sha256(TOKEN.trim().as_bytes());
    let digest = digest.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let expires = crate::common::UnixMillis(START + 60_000).to_rfc3339();
    let tokens = format!("\n      tokens: [{{name: pasted, sha256: {digest}, expires: \"{expires}\"}}]");
    let scene = Scene::of(gateway(&[("a", "a.example", &(entra("") + &tokens))]), KEYS);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
    scene.at(59);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
    scene.at(60);
    assert_eq!(scene.ask("a.example", TOKEN), (401, 0), "though its signature is good for an hour");
    scene.at(0);
    assert_eq!(scene.ask("a.example", TOKEN), (0, 0));
}

/// The head of a token that was made with a key nobody has published.
fn unknown_key() -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256","kid":"nobodys-key"}"#)
}
