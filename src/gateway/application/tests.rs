//! Logins of the application's own from a former session of the same person.

use super::*;
use crate::access::People;
use crate::common::test_host::TestHost;
use crate::common::{Identity, PersonKeys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_700_000_000_000;

struct Scene {
    gateway: Gateway,
    host: TestHost,
}

impl Scene {
    fn new() -> Self {
        let text = format!(
            r#"
keys: [{{id: k1, secret: {{value: "0123456789abcdef0123456789abcdef"}}}}]
tenants:
  - name: t
    public_url: https://a.example
    saml:
      entity_id: https://a.example/saml
      identity_provider:
        entity_id: https://idp.example/
        sso_url: https://idp.example/sso
        certificates: ["{}"]
      logout: {{slo_url: "https://idp.example/slo"}}
    access: {{application_cookies: [sid], rules: [{{path: {{prefix: /}}, access: signed_in}}]}}
"#,
            include_str!("../../../tests/vectors/idp.crt").replace('\n', "\\n")
        );
        let (gateway, _) =
            Gateway::compile(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let host = TestHost::at(NOW);
        gateway.prepare(&host).unwrap();
        Self { gateway, host }
    }

    fn session(&self, name: &str, index: &str, account: Option<&str>) -> Session {
        let now = self.host.time.get();
        let identity = Identity {
            issuer: "https://idp.example/".to_owned(),
            name_id: name.to_owned(),
            session_index: Some(index.to_owned()),
            ..Identity::default()
        };
        let ends = UnixMillis(now + 3_600_000);
        let mut session = Session::begin(&self.host, identity, UnixMillis(now), ends, &|_| true).unwrap();
        session.account = account.map(str::to_owned);
        self.host.time.set(now + 1000);
        session
    }

    fn counts(&self, session: &Session, owner: &Owner) -> bool {
        still_counts(&self.gateway, &self.gateway.tenants[0], session, owner, &self.host)
    }
}

/// Whether a login made in a session of Ada's counts in the one that follows after this; the accounts that either knows.
fn counts_after(accounts: [Option<&str>; 2], happens: impl FnOnce(&People, &TestHost)) -> bool {
    let scene = Scene::new();
    let former = Owner::of(&scene.session("ada@n.example", "_1", accounts[0]));
    happens(&scene.gateway.people, &scene.host);
    scene.host.time.set(scene.host.time.get() + 1000);
    let session = scene.session("ada@n.example", "_2", accounts[1]);
    assert!(scene.counts(&session, &Owner::of(&session)), "what was made in the session itself counts");
    scene.counts(&session, &former)
}

#[test]
fn a_login_from_a_former_session_goes_on_where_nothing_ended_that() {
    assert!(counts_after([Some("u-1"); 2], |_, _| ()));
    assert!(counts_after([None; 2], |_, _| ()));
    assert!(counts_after([Some("u-1"); 2], |people, host| {
        people.end_account(host, "t", "u-2").unwrap();
        people.make_account_stale(host, "t", "u-2").unwrap();
        people.end_index(host, "t", "ada@n.example", "_3").unwrap();
        people.end_index(host, "t", "bob@n.example", "_1").unwrap();
    }));
}

#[test]
fn a_login_from_a_former_session_ends_by_whatever_ended_that() {
    for accounts in [[Some("u-1"); 2], [Some("u-1"), None], [None, Some("u-1")], [Some("u-1"), Some("u-2")]] {
        // What a change of groups does, with `end` and with `refresh`.
        let end = |people: &People, host: &TestHost| assert!(people.end_account(host, "t", "u-1").unwrap());
        let stale =
            |people: &People, host: &TestHost| assert!(people.make_account_stale(host, "t", "u-1").unwrap());
        assert!(!counts_after(accounts, end), "{accounts:?}");
        assert!(!counts_after(accounts, stale), "{accounts:?}");
    }
    let same = [Some("u-1"); 2];
    assert!(!counts_after(same, |people, host| people.make_all_stale(host, "t").unwrap()));
    assert!(!counts_after(same, |people, host| people.cast_doubt(host, "t").unwrap()));
    assert!(!counts_after(same, |people, host| people.raise_epoch(host, "t").unwrap()));
    assert!(!counts_after(same, |people, host| people.end_index(host, "t", "ada@n.example", "_1").unwrap()));
    assert!(!counts_after(same, |people, host| {
        people.end_sessions(host, "t", &PersonKeys::from_iter(["ada@n.example"])).unwrap();
    }));
}

#[test]
fn an_account_that_only_the_later_session_knows_ends_it_as_well() {
    let end = |people: &People, host: &TestHost| assert!(people.end_account(host, "t", "u-2").unwrap());
    assert!(!counts_after([Some("u-1"), Some("u-2")], end));
}

#[test]
fn of_a_companion_from_an_older_release_only_what_is_of_the_session_itself_counts() {
    let scene = Scene::new();
    let former = scene.session("ada@n.example", "_1", None);
    let mut written = serde_json::to_value(Owner::of(&former)).unwrap();
    written.as_object_mut().unwrap().remove("known_by").unwrap();
    let old: Owner = serde_json::from_value(written).unwrap();
    let session = scene.session("ada@n.example", "_2", None);
    assert!(scene.counts(&former, &old));
    assert!(!scene.counts(&session, &old), "whether that session was ended cannot be told");
    assert!(scene.counts(&session, &Owner::of(&former)));
}
