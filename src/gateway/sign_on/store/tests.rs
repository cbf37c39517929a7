//! Who gets a session: what is on record of the account is looked at as well as what is of the names.

use super::*;
use crate::common::test_host::TestHost;
use crate::common::{Identity, PersonKeys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_700_000_000_000;
const ACTIVE: bool = true;

struct Scene {
    gateway: Gateway,
    host: TestHost,
}

impl Scene {
    fn new(access: &str) -> Self {
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
    scim:
      public_path: /scim
      tokens: [{{name: t, sha256: {}}}]
      application: {{path: /app-scim, cluster: app, credential: {{bearer: {{value: ours}}}}}}
    access: {{{access} rules: [{{path: {{prefix: /}}, access: signed_in}}]}}
"#,
            include_str!("../../../../tests/vectors/idp.crt").replace('\n', "\\n"),
            "a".repeat(64)
        );
        let (gateway, _) =
            Gateway::compile(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let host = TestHost::at(NOW);
        gateway.prepare(&host).unwrap();
        Self { gateway, host }
    }

    /// A sign-in of Ada's, begun `began` seconds from the beginning and accepted now, for whose account the application
    /// gives `account` and whether it says that it is active.
    fn signs_in(&self, began: u64, account: Option<(&str, bool)>) -> Result<Option<String>, &'static str> {
        let accepted = Accepted {
            identity: Identity {
                issuer: "https://idp.example/".to_owned(),
                name_id: "ada@n.example".to_owned(),
                ..Identity::default()
            },
            assertion_id: "_1".to_owned(),
            issued: UnixMillis(self.host.time.get()),
            in_response_to: None,
            not_on_or_after: UnixMillis(self.host.time.get() + 60_000),
            conditions_end: None,
            session_not_on_or_after: None,
            authn_instant: None,
            warnings: Vec::new(),
        };
        let began = UnixMillis(NOW + began * 1000);
        let vouched = account.map(|(account, said)| Vouched { account: account.to_owned(), said });
        cleared(&self.gateway, &self.gateway.tenants[0], (&accepted, began), vouched, &self.host)
            .map_err(|refusal| refusal.code)
    }

    fn at(&self, seconds: u64) {
        self.host.time.set(NOW + seconds * 1000);
    }
}

#[test]
fn a_lock_out_that_is_on_record_by_the_account_alone_refuses_the_sign_in() {
    let scene = Scene::new("");
    scene.gateway.people.block_account(&scene.host, "t", "u-1").unwrap();
    scene.at(10);
    assert_eq!(scene.signs_in(5, Some(("u-1", ACTIVE))), Err("deactivated"), "there would be no session");
    assert_eq!(scene.signs_in(5, Some(("u-2", ACTIVE))), Ok(Some("u-2".to_owned())));
    assert_eq!(scene.signs_in(5, None), Ok(None));
}

#[test]
fn it_is_taken_back_by_the_applications_own_words_when_it_is_as_old_as_a_re_check() {
    let scene = Scene::new("");
    let blocked = || scene.gateway.people.is_account_blocked(&scene.host, "t", "u-1").unwrap();
    scene.gateway.people.block_account(&scene.host, "t", "u-1").unwrap();
    scene.at(299);
    assert_eq!(scene.signs_in(290, Some(("u-1", ACTIVE))), Err("deactivated"));
    scene.at(300);
    assert_eq!(scene.signs_in(0, Some(("u-1", ACTIVE))), Err("deactivated"), "begun before it");
    assert_eq!(scene.signs_in(290, Some(("u-1", !ACTIVE))), Err("deactivated"), "it does not say so");
    assert!(blocked());
    assert_eq!(scene.signs_in(290, Some(("u-1", ACTIVE))), Ok(Some("u-1".to_owned())));
    assert!(!blocked());
}

#[test]
fn where_nobody_asks_the_application_nothing_is_taken_back() {
    let scene = Scene::new("recheck: {enabled: false},");
    scene.gateway.people.block_account(&scene.host, "t", "u-1").unwrap();
    scene.at(900);
    assert_eq!(scene.signs_in(800, Some(("u-1", ACTIVE))), Err("deactivated"));
}

#[test]
fn a_lock_out_by_name_is_not_taken_back_while_a_later_one_of_the_account_stands() {
    let scene = Scene::new("");
    let people = &scene.gateway.people;
    people.block(&scene.host, "t", &PersonKeys::from_iter(["ada@n.example"])).unwrap();
    scene.at(200);
    people.block_account(&scene.host, "t", "u-1").unwrap();
    scene.at(320);
    assert_eq!(scene.signs_in(310, Some(("u-1", ACTIVE))), Err("deactivated"));
    scene.at(500);
    assert_eq!(scene.signs_in(490, Some(("u-1", ACTIVE))), Ok(Some("u-1".to_owned())), "of both");
}

#[test]
fn a_login_begun_before_the_accounts_sessions_were_ended_is_begun_anew() {
    let scene = Scene::new("on_group_change: end,");
    scene.at(10);
    assert!(scene.gateway.people.end_account(&scene.host, "t", "u-1").unwrap());
    scene.at(20);
    assert_eq!(scene.signs_in(5, Some(("u-1", ACTIVE))), Err("begun_before_revocation"));
    assert_eq!(scene.signs_in(15, Some(("u-1", ACTIVE))), Ok(Some("u-1".to_owned())));
}
