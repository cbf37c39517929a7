//! What one order of events leads to, where it takes more than one call or more than one exchange.

use super::*;

#[test]
fn a_value_path_that_selects_nothing_is_sent_once_more_after_a_look_at_the_resource() {
    let gateway = gateway(true);
    let host = TestHost::at(1_700_000_000_000);
    gateway.prepare(&host).unwrap();
    let kind = Kind::ScimUpsert;
    *host.request.borrow_mut() = kind.body().as_bytes().to_vec();
    *host.response.borrow_mut() = kind.answer().as_bytes().to_vec();
    let mut exchange = gateway.exchange();
    let mut on = |happens: Happens| exchange.on(happens.event(kind), &host);
    assert_eq!(on(Happens::RequestHeaders { end: false }), Step::Hold);
    assert!(matches!(on(Happens::RequestBody { end: true, large: false }), Step::Continue(_)));
    assert_eq!(on(Happens::ResponseHeaders { status: 400, end: false, local: false }), Step::Hold);
    let Step::Call(read) = on(Happens::ResponseBody { end: true, large: false }) else { panic!("no look") };
    assert!(read.headers.contains(&(":method".into(), "GET".into())));
    let Step::Call(again) = on(Happens::CallAnswered { found: true }) else { panic!("not sent again") };
    assert!(again.headers.contains(&(":method".into(), "PATCH".into())));
    assert!(String::from_utf8(again.body).unwrap().contains(r#""path":"addresses","value":[{"type":"work""#));
    let Step::Answer(reply) = on(Happens::CallAnswered { found: true }) else { panic!("no answer") };
    assert_eq!(reply.status, 200);
}

/// The gateway of [`gateway`] in front of an application without PATCH.
fn gateway_without_patch() -> Rc<Gateway> {
    let text = format!(
        r#"
keys: [{{id: k1, secret: {{value: "0123456789abcdef0123456789abcdef"}}}}]
tenants:
  - name: t
    public_url: https://a.example
    scim:
      public_path: /scim/v2/entra
      tokens: [{{name: entra, sha256: "{}"}}]
      application: {{path: /app-scim, cluster: app, credential: {{remove: true}}}}
      schemas: {{from_application: false}}
      abilities: {{patch: put}}
"#,
        token_hash()
    );
    let (gateway, _) =
        Gateway::compile(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
    Rc::new(gateway)
}

/// A PATCH of `kind` as far as its first step.
fn begin(gateway: &Rc<Gateway>, kind: Kind, host: &TestHost) -> (Exchange, Step) {
    *host.request.borrow_mut() = kind.body().as_bytes().to_vec();
    let mut exchange = gateway.exchange();
    assert_eq!(exchange.on(Happens::RequestHeaders { end: false }.event(kind), host), Step::Hold);
    let step = exchange.on(Happens::RequestBody { end: true, large: false }.event(kind), host);
    (exchange, step)
}

fn method(step: &Step) -> &str {
    let Step::Call(call) = step else { panic!("no call: {step:?}") };
    &call.headers.iter().find(|(name, _)| name == ":method").unwrap().1
}

#[test]
fn two_writes_of_one_resource_that_is_read_and_replaced_follow_one_another() {
    let (gateway, host) = (gateway_without_patch(), TestHost::at(1_700_000_000_000));
    gateway.prepare(&host).unwrap();
    let kind = Kind::ScimWrite;
    let (mut first, step) = begin(&gateway, kind, &host);
    assert_eq!(method(&step), "GET");
    let (mut second, step) = begin(&gateway, kind, &host);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert!(matches!(second.on(Event::Woken, &host), Step::Wait(_)));
    assert_eq!(method(&first.on(Happens::CallAnswered { found: true }.event(kind), &host)), "PUT");
    let done = first.on(Happens::CallAnswered { found: true }.event(kind), &host);
    assert!(matches!(&done, Step::Answer(reply) if reply.status == 200), "{done:?}");
    assert_eq!(method(&second.on(Event::Woken, &host)), "GET");
}

#[test]
fn who_waits_too_long_for_a_resource_comes_again_later() {
    let (gateway, host) = (gateway_without_patch(), TestHost::at(1_700_000_000_000));
    gateway.prepare(&host).unwrap();
    let (_first, _) = begin(&gateway, Kind::ScimWrite, &host);
    let (mut second, _) = begin(&gateway, Kind::ScimWrite, &host);
    host.time.set(1_700_000_000_000 + 6_000);
    let Step::Answer(reply) = second.on(Event::Woken, &host) else { panic!("no answer") };
    assert_eq!(reply.status, 429);
    assert!(reply.headers.iter().any(|(name, _)| name == "retry-after"));
}

#[test]
fn a_client_that_leaves_before_the_write_gives_the_resource_back() {
    let (gateway, host) = (gateway_without_patch(), TestHost::at(1_700_000_000_000));
    gateway.prepare(&host).unwrap();
    let (mut first, _) = begin(&gateway, Kind::ScimWrite, &host);
    first.on(Event::Done, &host);
    let (mut second, step) = begin(&gateway, Kind::ScimWrite, &host);
    assert_eq!(method(&step), "GET");
    assert_eq!(
        method(&second.on(Happens::CallAnswered { found: true }.event(Kind::ScimWrite), &host)),
        "PUT"
    );
    second.on(Event::Done, &host);
    let (_, step) = begin(&gateway, Kind::ScimWrite, &host);
    assert!(matches!(step, Step::Wait(_)), "a write under way keeps it");
}

#[test]
fn trailers_are_taken_away_also_where_a_call_comes_between() {
    let (gateway, host) = (gateway(true), TestHost::at(1_700_000_000_000));
    gateway.prepare(&host).unwrap();
    let kind = Kind::ScimDeactivation;
    *host.request.borrow_mut() = kind.body().as_bytes().to_vec();
    let mut exchange = gateway.exchange();
    let mut on = |happens: Happens| exchange.on(happens.event(kind), &host);
    assert_eq!(on(Happens::RequestHeaders { end: false }), Step::Hold);
    assert_eq!(on(Happens::RequestBody { end: false, large: false }), Step::Hold);
    assert!(matches!(on(Happens::RequestTrailers), Step::Call(_)));
    let Step::Continue(edits) = on(Happens::CallAnswered { found: true }) else { panic!("not released") };
    assert!(strikes(&edits.trailers), "a forged trailer goes to the application");
}
