//! What operators see of a refusal, wherever it is made: the log, the counters, the access log.

use std::rc::Rc;

use super::event::{CallAnswer, Event, Origin, Step};
use super::{Exchange, Gateway};
use crate::common::test_host::TestHost;
use crate::common::{Headers, Reply};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOKEN: &str = "a-secret-token";
const START: u64 = 1_800_000_060_000;
const SCIM: &str = "application/scim+json";

pub(super) struct Scene {
    pub(super) gateway: Rc<Gateway>,
    pub(super) host: TestHost,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// With more of `scim`.
    pub(super) fn with(more: &str) -> Self {
        Self::changed(more, ("", ""))
    }

    /// And something in the place of something else.
    fn changed(more: &str, (from, to): (&str, &str)) -> Self {
        let hash: String =
            crate::crypto::sha256(TOKEN.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let text = r#"
keys: [{id: k1, secret: {value: "0123456789abcdef0123456789abcdef"}}]
tenants:
  - name: t
    public_url: https://a.example
    saml:
      entity_id: https://a.example/saml
      identity_provider:
        entity_id: https://idp.example/
        metadata: {cluster: idp, authority: idp.example, path: /metadata}
        trust: tls
    scim:
      public_path: /scim
      tokens: [{name: entra, sha256: "HASH"}]
      authentication:
        token_endpoint: {clients: [{id: entra, secrets: [{sha256: "HASH"}]}]}
      application: {path: /app-scim, cluster: app, credential: {remove: true}}
      schemas: {from_application: false}
      max_body_bytes: 4096
MORE
    access:
      rules: [{path: {prefix: /}, access: signed_in}]
"#
        .replace("HASH", &hash)
        .replace("MORE", more);
        assert!(text.contains(from));
        let text = if from.is_empty() { text } else { text.replace(from, to) };
        let (gateway, _) =
            Gateway::compile(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let scene = Self { gateway: Rc::new(gateway), host: TestHost::at(START) };
        scene.gateway.prepare(&scene.host).unwrap();
        scene
    }

    /// The head of a request without a body.
    fn ask(&self, method: &str, path: &str, more: &[(&str, &str)]) -> (Exchange, Step) {
        self.head(method, path, more, true)
    }

    fn head(&self, method: &str, path: &str, more: &[(&str, &str)], end: bool) -> (Exchange, Step) {
        let mut pairs = vec![(":method", method), (":path", path), (":authority", "a.example")];
        pairs.extend(more);
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.apply(&crate::common::HeaderEdit::add(name, value));
        }
        let mut exchange = self.gateway.exchange();
        let step = exchange.on(Event::RequestHeaders { headers, end }, &self.host);
        (exchange, step)
    }

    /// A request of Entra's.
    pub(super) fn provision(&self, method: &str, path: &str, body: &str) -> (Exchange, Step) {
        let authorization = format!("Bearer {TOKEN}");
        let more = [("authorization", authorization.as_str()), ("content-type", SCIM)];
        let (mut exchange, step) = self.head(method, path, &more, body.is_empty());
        if body.is_empty() {
            return (exchange, step);
        }
        assert_eq!(step, Step::Hold);
        *self.host.request.borrow_mut() = body.as_bytes().to_vec();
        let step = exchange.on(Event::RequestBody { size: body.len(), end: true }, &self.host);
        (exchange, step)
    }

    /// The application's answer to a request that was released.
    pub(super) fn respond(&self, exchange: &mut Exchange, status: &str, body: &str) -> Step {
        let mut headers = Headers::from([(":status", status)]);
        if !body.is_empty() {
            headers.apply(&crate::common::HeaderEdit::add("content-type", SCIM));
        }
        let end = body.is_empty();
        let origin = Origin::Upstream;
        let step = exchange.on(Event::ResponseHeaders { headers, end, origin }, &self.host);
        if end {
            return step;
        }
        *self.host.response.borrow_mut() = body.as_bytes().to_vec();
        exchange.on(Event::ResponseBody { size: body.len(), end: true }, &self.host)
    }

    /// How often this was counted.
    pub(super) fn counted(&self, name: &str) -> u64 {
        self.host.counts.borrow().get(&format!("vestibule.{name}")).copied().unwrap_or_default()
    }

    /// How many lines of the log say this.
    pub(super) fn said(&self, text: &str) -> usize {
        self.host.lines.borrow().iter().filter(|line| line.contains(text)).count()
    }

    /// Outcome and code for the access log.
    fn told(&self) -> (String, String) {
        let told = self.host.told.borrow();
        let of = |key: &str| told.get(key).cloned().unwrap_or_default();
        (of("outcome"), of("code"))
    }

    /// Refused under this code, once: in the log, counted by itself and by its code, and in the access log.
    fn assert_refused(&self, event: &str, code: &str) {
        assert_eq!(self.said(&format!("event={event} code={code}")), 1, "{:#?}", self.host.lines.borrow());
        let counts = (self.counted(event), self.counted(&format!("{event}.{code}")));
        assert_eq!(counts, (1, 1), "{event} {code}");
        assert_eq!(self.told(), (event.to_owned(), code.to_owned()));
    }
}

pub(super) fn answered(step: Step) -> u16 {
    let Step::Answer(Reply { status, .. }) = step else { panic!("{step:?}") };
    status
}

pub(super) fn called(step: &Step) {
    assert!(matches!(step, Step::Call(_)), "{step:?}");
}

pub(super) fn answer(status: u16, body: &str) -> Event {
    let headers = Headers::from([(":status", status.to_string().as_str()), ("content-type", SCIM)]);
    Event::CallAnswered(Some(CallAnswer { status, headers, body: body.as_bytes().to_vec() }))
}

#[test]
fn a_sign_in_that_fails_on_our_side_is_an_error_of_the_log() {
    let scene = Scene::new();
    let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let (_, step) = scene.ask("GET", "/page", &page);
    assert_eq!(answered(step), 503);
    let errors = scene.host.errors.borrow();
    assert!(
        errors.iter().any(|line| line.contains("event=sign_on.failed code=provider_unknown")),
        "{errors:?}"
    );
}

pub(super) const ADA: &str =
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"u-1","userName":"ada@n.example"}"#;

pub(super) fn patched(operation: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"Replace",{operation}}}]}}"#
    )
}

pub(super) fn active(active: bool) -> String {
    patched(&format!(r#""path":"active","value":{active}"#))
}

#[test]
fn what_an_exchange_of_our_own_refuses_is_told_like_any_other_refusal() {
    let scene = Scene::with("      abilities: {patch: put}");
    let (mut exchange, step) =
        scene.provision("PATCH", "/scim/Users/u-1", &patched(r#""path":"displayName","value":"Ada""#));
    called(&step);
    let step = exchange.on(answer(200, r#"{"id":"u-2","userName":"bo"}"#), &scene.host);
    assert_eq!(answered(step), 502);
    scene.assert_refused("scim.refused", "scim_upstream");
}

#[test]
fn a_write_is_told_once_also_where_the_application_answers_with_the_user() {
    for (operation, event) in [
        (active(false), "revocation.deactivated"),
        (active(true), "revocation.reactivated"),
        (patched(r#""path":"userName","value":"bo@n.example""#), "revocation.renamed"),
    ] {
        for more in ["", "      abilities: {patch: put}"] {
            let scene = Scene::with(more);
            let (mut exchange, mut step) = scene.provision("PATCH", "/scim/Users/u-1", &operation);
            called(&step);
            while matches!(step, Step::Call(_)) {
                step = exchange.on(answer(200, ADA), &scene.host);
            }
            if more.is_empty() {
                assert!(matches!(step, Step::Continue(_)), "{step:?}");
                step = scene.respond(&mut exchange, "200", ADA);
                assert!(matches!(step, Step::Continue(_)), "{step:?}");
            } else {
                assert_eq!(answered(step), 200, "{event}");
            }
            assert_eq!((scene.counted(event), scene.said(event)), (1, 1), "{event} {more}");
            assert_eq!(scene.counted("scim.person_unknown"), 0);
        }
    }
}

#[test]
fn what_could_not_be_put_down_the_second_time_is_said_and_not_counted_anew() {
    let scene = Scene::new();
    let (mut exchange, _) = scene.provision("PATCH", "/scim/Users/u-1", &active(false));
    exchange.on(answer(200, ADA), &scene.host);
    let headers = Headers::from([(":status", "200"), ("content-type", SCIM)]);
    let head = Event::ResponseHeaders { headers, end: false, origin: Origin::Upstream };
    assert_eq!(exchange.on(head, &scene.host), Step::Hold);
    scene.host.shared_fails.set(true);
    *scene.host.response.borrow_mut() = ADA.as_bytes().to_vec();
    exchange.on(Event::ResponseBody { size: ADA.len(), end: true }, &scene.host);
    assert_eq!(scene.counted("revocation.deactivated"), 1);
    let errors = scene.host.errors.borrow();
    assert!(
        matches!(errors.as_slice(), [one] if one.contains("deactivated person_known=true recorded=false"))
    );
}

/// Somebody of these names was locked out before: a new account lifts that, and nobody was reactivated.
#[test]
fn a_new_account_is_no_reactivation_and_lifts_a_lock_out_all_the_same() {
    let scene = Scene::new();
    let mut ada = crate::common::PersonKeys::none();
    ada.add("ada@n.example");
    let blocked =
        |scene: &Scene| scene.gateway.people.blocked_since(&scene.host, "t", &ada, None).unwrap().is_some();
    scene.gateway.people.block(&scene.host, "t", &ada).unwrap();
    assert!(blocked(&scene));
    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@n.example","active":true}"#;
    let (mut exchange, step) = scene.provision("POST", "/scim/Users", body);
    assert!(matches!(step, Step::Continue(_)), "{step:?}");
    scene.respond(&mut exchange, "201", ADA);
    assert!(!blocked(&scene));
    assert_eq!((scene.counted("revocation.reactivated"), scene.said("revocation.")), (0, 0));
}

#[test]
fn doubt_is_told_where_it_is_cast_and_only_there() {
    let rename = patched(r#""path":"userName","value":"bo@n.example""#);
    let cases = [
        // Nothing was done, whoever it was about; who had the account is known by it.
        ("DELETE", String::new(), "404", 0),
        ("DELETE", String::new(), "410", 0),
        ("PATCH", active(false), "404", 0),
        ("PATCH", rename.clone(), "400", 0),
        // Nobody is let out by it.
        ("PATCH", active(true), "204", 0),
        ("DELETE", String::new(), "204", 1),
        ("PATCH", active(false), "204", 1),
        ("PATCH", rename, "204", 1),
    ];
    for (method, body, status, doubts) in cases {
        let scene = Scene::new();
        let (mut exchange, step) = scene.provision(method, "/scim/Users/u-1", &body);
        called(&step);
        let step = exchange.on(answer(404, ""), &scene.host);
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
        assert_eq!(scene.counted("scim.person_unknown"), 0, "nothing is known yet of the write");
        scene.respond(&mut exchange, status, "");
        let told = (scene.counted("scim.person_unknown"), scene.said("event=scim.person_unknown status=404"));
        assert_eq!(told, (doubts, doubts as usize), "{method} {body} {status}");
    }
}

#[test]
fn another_method_at_the_token_endpoint_is_told() {
    let scene = Scene::new();
    let (_, step) = scene.ask("GET", "/.vestibule/oauth/token", &[]);
    assert_eq!(answered(step), 405);
    scene.assert_refused("token.denied", "token_method");
}

/// Headers.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn whoever_is_refused_at_an_endpoint_of_ours_leaves_a_trace() {
    const ACS: &str = "/.vestibule/saml/acs";
    let cases: [(&str, &str, Pairs<'_>, u16, &str); 9] = [
        ("GET", ACS, &[], 405, "method_not_allowed"),
        ("POST", ACS, &[("content-type", "text/plain")], 415, "unsupported_media_type"),
        ("POST", ACS, &[FORM, ("content-length", "9000000")], 413, "too_large"),
        ("DELETE", "/.vestibule/sign-out", &[], 405, "method_not_allowed"),
        ("GET", "/.vestibule/elsewhere", &[], 404, "not_found"),
        ("POST", "/.vestibule/sign-out", &[("origin", "https://b.example")], 403, "cross_site"),
        ("GET", "/.vestibule/saml/metadata?signed=1", &[], 404, "no_signing_key"),
        ("GET", "/.vestibule/jwks.json", &[], 404, "not_found"),
        ("POST", "/.vestibule/saml/metadata", &[], 405, "method_not_allowed"),
    ];
    for (method, path, more, status, code) in cases {
        let scene = Scene::new();
        let (_, step) = scene.ask(method, path, more);
        assert_eq!(answered(step), status, "{method} {path}");
        scene.assert_refused("access.refused", code);
    }
}

/// The host says only with the body how large it is.
#[test]
fn what_grows_too_large_is_told_of_whoever_sends_it() {
    let authorization = format!("Bearer {TOKEN}");
    let entra = [("authorization", authorization.as_str()), ("content-type", SCIM)];
    let cases: [(&str, Pairs<'_>, &str); 3] = [
        ("/.vestibule/saml/acs", &[FORM], "access.refused"),
        ("/.vestibule/oauth/token", &[FORM], "token.denied"),
        ("/scim/Users", &entra, "scim.refused"),
    ];
    for (path, more, event) in cases {
        let scene = Scene::new();
        let (mut exchange, step) = scene.head("POST", path, more, false);
        assert_eq!(step, Step::Hold);
        let step = exchange.on(Event::RequestBody { size: 9_000_000, end: false }, &scene.host);
        assert_eq!(answered(step), 413, "{path}");
        scene.assert_refused(event, "too_large");
        // The same where it says so beforehand.
        let scene = Scene::new();
        let (_, step) = scene.head("POST", path, &[more, &[("content-length", "9000000")]].concat(), false);
        assert_eq!(answered(step), 413, "{path}");
        scene.assert_refused(event, "too_large");
    }
}

#[test]
fn an_answer_of_the_application_that_cannot_be_used_is_told_of() {
    for (name, value) in [("content-encoding", "gzip"), ("content-length", "90000000")] {
        let scene = Scene::new();
        let (mut exchange, step) = scene.provision("GET", "/scim/Users/u-1", "");
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
        let headers = Headers::from([(":status", "200"), ("content-type", SCIM), (name, value)]);
        let head = Event::ResponseHeaders { headers, end: false, origin: Origin::Upstream };
        exchange.on(head, &scene.host);
        exchange.on(Event::ResponseBody { size: 2, end: true }, &scene.host);
        scene.assert_refused("scim.refused", "scim_upstream");
    }
}

#[test]
fn who_gets_no_token_or_cannot_be_judged_now_is_told_by_reason_and_to_the_access_log() {
    let scene = Scene::new();
    let (mut exchange, _) = scene.head("POST", "/.vestibule/oauth/token", &[FORM], false);
    let form = "grant_type=password&client_id=entra&client_secret=no";
    *scene.host.request.borrow_mut() = form.as_bytes().to_vec();
    let step = exchange.on(Event::RequestBody { size: form.len(), end: true }, &scene.host);
    assert_eq!(answered(step), 400);
    scene.assert_refused("token.denied", "token_grant");
    super::reports::scim_unknowable(&scene.host, "t", "keys_late");
    scene.assert_refused("scim.unknowable", "keys_late");
}

#[test]
fn who_is_turned_away_because_of_others_is_told_to_the_access_log() {
    let scene = Scene::with("      max_in_hand: 1");
    let (_in_hand, step) = scene.provision("GET", "/scim/Users/u-1", "");
    assert!(matches!(step, Step::Continue(_)), "{step:?}");
    let (_, step) = scene.provision("GET", "/scim/Users/u-2", "");
    assert_eq!(answered(step), 429);
    assert_eq!((scene.counted("scim.overload"), scene.said("event=scim.overload")), (1, 1));
    assert_eq!(scene.told().0, "scim.overload");
}

#[test]
fn an_exchange_that_makes_no_sense_is_counted_wherever_it_is_refused() {
    let authorization = format!("Bearer {TOKEN}");
    let entra = [("authorization", authorization.as_str()), ("content-type", SCIM)];
    let body = || Event::RequestBody { size: 3, end: true };
    let assert_told = |scene: &Scene, what: &str| {
        assert_eq!(scene.counted("exchange.out_of_order"), 1, "{what}");
        assert_eq!(scene.said("event=exchange.out_of_order"), 1, "{what}");
        assert_eq!(scene.told(), ("exchange.out_of_order".to_owned(), "exchange".to_owned()), "{what}");
    };
    for event in [body(), Event::RequestTrailers { trailers: Headers::default() }] {
        let scene = Scene::new();
        let what = format!("{event:?}");
        assert_eq!(answered(scene.gateway.exchange().on(event, &scene.host)), 500);
        assert_told(&scene, &what);
    }
    // The host does not hand over what it spoke of.
    let cases: [(&str, Pairs<'_>); 3] =
        [("/.vestibule/saml/acs", &[FORM]), ("/.vestibule/oauth/token", &[FORM]), ("/scim/Users", &entra)];
    for (path, more) in cases {
        let scene = Scene::new();
        let (mut exchange, _) = scene.head("POST", path, more, false);
        scene.host.body_fails.set(true);
        assert_eq!(answered(exchange.on(body(), &scene.host)), 500);
        assert_told(&scene, path);
    }
    let scene = Scene::new();
    let (mut exchange, _) = scene.provision("GET", "/scim/Users/u-1", "");
    scene.host.body_fails.set(true);
    assert_eq!(answered(scene.respond(&mut exchange, "200", ADA)), 500);
    assert_told(&scene, "an answer");
    // A second head on one stream.
    let scene = Scene::new();
    let (mut exchange, _) = scene.head("POST", "/.vestibule/saml/acs", &[FORM], false);
    let again = Event::RequestHeaders { headers: Headers::default(), end: true };
    assert_eq!(answered(exchange.on(again, &scene.host)), 500);
    assert_told(&scene, "a second head");
}

#[test]
fn the_time_of_a_provisioning_request_is_taken_also_where_it_is_answered_at_once() {
    let cases = [("Bearer no".to_owned(), 401, 1), (format!("Bearer {TOKEN}"), 429, 0)];
    for (authorization, status, most) in cases {
        let scene = Scene::with("      max_in_hand: 1");
        let _in_hand = (most == 0).then(|| scene.provision("GET", "/scim/Users/u-1", ""));
        let more = [("authorization", authorization.as_str())];
        let (mut exchange, step) = scene.ask("GET", "/scim/Users/u-1", &more);
        assert_eq!(answered(step), status);
        scene.host.time.set(START + 3);
        exchange.on(Event::Done, &scene.host);
        exchange.on(Event::Done, &scene.host);
        assert_eq!(*scene.host.recorded.borrow(), [("vestibule.scim.duration_ms".to_owned(), 3)], "{status}");
    }
}

#[test]
fn a_token_that_the_application_cannot_be_shown_was_not_let_in() {
    let scene = Scene::changed("", ("{remove: true}", "{basic_from_client: true}"));
    let (_, step) = scene.provision("GET", "/scim/Users/u-1", "");
    assert_eq!(answered(step), 500);
    scene.assert_refused("scim.denied", "token_not_account_and_key");
    assert_eq!(scene.counted("scim.authenticated"), 0);
}

#[test]
fn a_certificate_in_the_configuration_that_ends_is_warned_about() {
    const CERTIFICATE: &str = include_str!("../../tests/vectors/idp.crt");
    let pasted = format!(
        "certificates: [\"{}\"]\n        sso_url: https://idp.example/sso",
        CERTIFICATE.replace('\n', "\\n")
    );
    let fetched = "metadata: {cluster: idp, authority: idp.example, path: /metadata}\n        trust: tls";
    let scene = Scene::changed("", (fetched, &pasted));
    let key = crate::crypto::PublicKey::from_certificate(CERTIFICATE).unwrap();
    let end = key.validity().unwrap().not_after;
    let warned = |days: u64| {
        let host = TestHost::at(end.0 - days * 86_400_000);
        scene.gateway.prepare(&host).unwrap();
        host.counts.borrow().get("vestibule.metadata.certificate_expires").copied()
    };
    assert_eq!((warned(31), warned(29)), (None, Some(1)));
}

#[test]
fn the_status_of_one_tenant_shows_no_warning_of_another() {
    let rules = "rules: [{path: {prefix: /}, access: signed_in}]\n";
    let more = format!(
        "{rules}  - name: u\n    public_url: https://b.example\n    scim:\n      public_path: /scim\n      \
         tokens: [{{name: old, sha256: \"{}\", expires: \"2001-01-01T00:00:00Z\"}}]\n      \
         application: {{path: /app-scim, cluster: app, credential: {{remove: true}}}}\n      \
         schemas: {{from_application: false}}\n    access: {{rules: []}}\n\
         operators: {{status: {{from: [10.0.0.0/8]}}}}\n",
        "0".repeat(64)
    );
    let scene = Scene::changed("", (rules, &more));
    scene.host.properties.borrow_mut().insert("source/address".to_owned(), b"10.1.1.1:1".to_vec());
    let warnings = |query: &str| {
        let Step::Answer(reply) = scene.ask("GET", &format!("/.vestibule/status{query}"), &[]).1 else {
            panic!("no answer")
        };
        let status: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        status["warnings"].as_array().unwrap().len()
    };
    assert_eq!((warnings(""), warnings("?tenant=u"), warnings("?tenant=t")), (1, 1, 0));
}

#[test]
fn a_group_whose_answer_is_too_large_was_changed_all_the_same() {
    let remove = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members[value eq \"u-1\"]"}]}"#;
    let rename = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"x"}]}"#;
    let scene = Scene::with("      abilities: {patch: put, members: listed}\n");
    let too_large = |body: &str, status: &str, kind: &str| {
        let (mut exchange, step) = scene.provision("PATCH", "/scim/Groups/g", body);
        called(&step);
        let headers = Headers::from([(":status", status), ("content-type", kind)]);
        answered(exchange.on(Event::CallTooLarge(headers), &scene.host))
    };
    assert_eq!(too_large(remove, "200", SCIM), 204);
    assert_eq!(too_large(remove, "200", "text/html"), 502);
    assert_eq!(too_large(remove, "500", SCIM), 502);
    assert_eq!(too_large(rename, "200", SCIM), 502, "what was only read was not changed");
}
