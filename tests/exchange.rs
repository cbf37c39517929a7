//! Whatever the order of events, an exchange never panics and never lets a request through whose decision is pending or
//! was a refusal.
#![allow(
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs
)]

#[path = "support/browser.rs"]
mod browser;
#[path = "exchange/in_order.rs"]
mod in_order;
#[path = "support/provider.rs"]
mod provider;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vestibule::common::test_host::TestHost;
use vestibule::common::{HeaderEdit, Headers};
use vestibule::gateway::{CallAnswer, Event, Exchange, Gateway, Origin, StateName, Step};

const TOKEN: &str = "entra-secret-token";
const DEACTIVATE: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations":[{"op":"Replace","path":"active","value":"False"}]}"#;
const RENAME: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations":[{"op":"Replace","path":"displayName","value":"Ada"}]}"#;
const UPSERT: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations":[{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Kiel"}]}"#;
const NO_TARGET: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400",
    "scimType":"noTarget","detail":"nothing selected"}"#;

/// SHA-256 of [`TOKEN`], as the configuration wants it.
fn token_hash() -> String {
    vestibule::crypto::sha256(TOKEN.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gateway(stop_iteration: bool) -> Rc<Gateway> {
    let scim = if stop_iteration {
        format!(
            r#"
    scim:
      public_path: /scim/v2/entra
      tokens: [{{name: entra, sha256: "{}"}}]
      application: {{path: /app-scim, cluster: app, credential: {{remove: true}}}}
      schemas: {{from_application: false}}
      authentication:
        entra_token: {{tenant_id: 3d0c5b7e-1111-4222-8333-944445555666, keys: {{cluster: login}}}}
        token_endpoint: {{clients: [{{id: entra, secrets: [{{sha256: "{}"}}]}}]}}
        application_server:
          introspection:
            {{cluster: server, path: /introspect, client: {{id: a, secret: {{value: b}}}}, scopes: [scim]}}
      max_body_bytes: 4096
      max_response_bytes: 4096"#,
            token_hash(),
            token_hash()
        )
    } else {
        String::new()
    };
    let text = format!(
        r#"
host: {{stop_iteration: {stop_iteration}}}
keys: [{{id: k1, secret: {{value: "0123456789abcdef0123456789abcdef"}}}}]
tenants:
  - name: t
    public_url: https://a.example{scim}
    saml:
      entity_id: https://a.example/saml
      replay_store: {{cluster: store}}
      identity_provider:
        entity_id: https://idp.example/
        sso_url: https://idp.example/sso
        certificates: ["{}"]
    session: {{idle_seconds: 60}}
    access:
      application_cookies: [sid]
      identity_headers: [{{name: x-user, value: "{{name_id}}"}}]
      rules:
        - {{path: {{prefix: /public}}, access: public}}
        - {{path: {{prefix: /nobody}}, access: deny}}
        - {{path: {{prefix: /}}, access: signed_in}}
  - name: m
    public_url: https://m.example
    saml:
      entity_id: https://m.example/saml
      allow_unsolicited: true
      identity_provider:
        entity_id: https://idp.example/
        metadata: {{cluster: idp, authority: idp.example, path: /metadata}}
        trust: tls
"#,
        include_str!("vectors/idp.crt").replace('\n', "\\n"),
    );
    let (gateway, _) =
        Gateway::compile(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
    Rc::new(gateway)
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// What a request is, and so when it may be released at the earliest.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Public,
    Anonymous,
    /// Somebody who is signed in.
    Member,
    Denied,
    Ambiguous,
    UnknownHost,
    Tunnel,
    Metadata,
    ClosedPrefix,
    Form,
    SignIn,
    /// Somebody with a session, whose account must be asked about first.
    Session,
    /// Nothing is known yet of the identity provider.
    Awaited,
    ScimRead,
    ScimWrite,
    ScimUpsert,
    ScimDeactivation,
    ScimStranger,
    ScimGarbage,
    /// The application's own server is asked about the token, and says yes.
    ScimAsked,
    /// The keys never come.
    ScimWithoutKeys,
    Token,
}

const KINDS: [Kind; 22] = [
    Kind::Public,
    Kind::Anonymous,
    Kind::Member,
    Kind::Denied,
    Kind::Ambiguous,
    Kind::UnknownHost,
    Kind::Tunnel,
    Kind::Metadata,
    Kind::ClosedPrefix,
    Kind::Form,
    Kind::SignIn,
    Kind::Session,
    Kind::Awaited,
    Kind::ScimRead,
    Kind::ScimWrite,
    Kind::ScimUpsert,
    Kind::ScimDeactivation,
    Kind::ScimStranger,
    Kind::ScimGarbage,
    Kind::ScimAsked,
    Kind::ScimWithoutKeys,
    Kind::Token,
];

impl Kind {
    fn headers(self) -> Headers {
        let (method, path, host) = match self {
            Self::Public => ("GET", "/public/x", "a.example"),
            Self::Anonymous | Self::Member => ("GET", "/page", "a.example"),
            Self::Denied => ("POST", "/nobody", "a.example"),
            Self::Ambiguous => ("GET", "/public/%2e%2e/page", "a.example"),
            Self::UnknownHost => ("GET", "/public", "b.example"),
            Self::Tunnel => ("CONNECT", "/public", "a.example"),
            Self::Metadata => ("GET", "/.vestibule/saml/metadata", "a.example"),
            Self::ClosedPrefix => ("GET", "/App-Scim/Users", "a.example"),
            Self::Form | Self::SignIn => ("POST", "/.vestibule/saml/acs", "a.example"),
            Self::Session => ("POST", "/page", "a.example"),
            Self::Awaited => ("POST", "/.vestibule/saml/acs", "m.example"),
            Self::ScimRead => ("GET", "/scim/v2/entra/Users/u-1", "a.example"),
            Self::Token => ("POST", "/.vestibule/oauth/token", "a.example"),
            Self::ScimWrite
            | Self::ScimUpsert
            | Self::ScimDeactivation
            | Self::ScimStranger
            | Self::ScimGarbage
            | Self::ScimAsked
            | Self::ScimWithoutKeys => ("PATCH", "/scim/v2/entra/Users/u-1", "a.example"),
        };
        let authorization = match self {
            Self::ScimRead
            | Self::ScimWrite
            | Self::ScimUpsert
            | Self::ScimDeactivation
            | Self::ScimGarbage => format!("Bearer {TOKEN}"),
            Self::ScimWithoutKeys => {
                format!("Bearer {}", include_str!("vectors/scim/jwt/entra-v1.jwt").trim())
            }
            // What a server has said of one token must not count for the next case.
            Self::ScimAsked | Self::ScimStranger => {
                format!("Bearer {}", COUNT.fetch_add(1, Ordering::Relaxed))
            }
            _ => "Bearer another".to_owned(),
        };
        let content_type = if matches!(self, Self::Form | Self::SignIn | Self::Awaited | Self::Token) {
            "application/x-www-form-urlencoded"
        } else {
            "application/scim+json"
        };
        let own = match self {
            Self::SignIn => SIGN_IN.0.as_str(),
            Self::Member | Self::Session => MEMBER.as_str(),
            _ => "a=1",
        };
        let cookie = format!("{own}; sid=planted");
        Headers::from([
            (":method", method),
            (":path", path),
            (":authority", host),
            ("authorization", authorization.as_str()),
            ("content-type", content_type),
            ("cookie", cookie.as_str()),
            ("x-user", "forged"),
        ])
    }

    /// What the application answers.
    fn answer(self) -> &'static str {
        if self == Self::ScimUpsert { NO_TARGET } else { r#"{"id":"u-1"}"# }
    }

    fn body(self) -> &'static str {
        match self {
            Self::ScimDeactivation => DEACTIVATE,
            Self::ScimWrite | Self::ScimAsked | Self::ScimWithoutKeys | Self::ScimStranger => RENAME,
            Self::ScimUpsert => UPSERT,
            Self::ScimGarbage => "{\"a\":1,\"a\":2}",
            Self::Form | Self::Awaited => "SAMLResponse=AAAA",
            Self::SignIn => &SIGN_IN.1,
            Self::Session => "a=b",
            Self::Token => "grant_type=client_credentials&client_id=entra&client_secret=no",
            _ => "",
        }
    }
}

/// Cookie and form of somebody who comes back from the identity provider with a right answer.
static SIGN_IN: LazyLock<(String, String)> = LazyLock::new(|| {
    let site = browser::Site::new("", "");
    let mut browser = site.browser();
    let (id, _) = browser.start("/page");
    let response = provider::Response::to(&id, browser::NOW).encoded();
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (cookies.join("; "), format!("SAMLResponse={}", response.replace('+', "%2B").replace('=', "%3D")))
});

/// Cookies of somebody who has signed in, elsewhere: this process knows nothing of the account.
static MEMBER: LazyLock<String> = LazyLock::new(|| {
    let site = browser::Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    browser.answer(&provider::Response::to(&id, browser::NOW).encoded(), Some(&state));
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    cookies.join("; ")
});

/// One event, without its data.
#[derive(Clone, Copy, Debug)]
enum Happens {
    RequestHeaders { end: bool },
    RequestBody { end: bool, large: bool },
    RequestTrailers,
    CallAnswered { found: bool },
    Woken,
    ResponseHeaders { status: u16, end: bool, local: bool },
    ResponseBody { end: bool, large: bool },
    ResponseTrailers,
    LookAgain,
    HostMismatch,
    Done,
}

impl Happens {
    fn name(self) -> &'static str {
        match self {
            Self::RequestHeaders { .. } => "request headers",
            Self::RequestBody { .. } => "request body",
            Self::RequestTrailers => "request trailers",
            Self::CallAnswered { .. } => "call answered",
            Self::Woken => "woken",
            Self::ResponseHeaders { .. } => "response headers",
            Self::ResponseBody { .. } => "response body",
            Self::ResponseTrailers => "response trailers",
            Self::LookAgain => "look again",
            Self::HostMismatch => "host mismatch",
            Self::Done => "done",
        }
    }

    fn concerns_request(self) -> bool {
        matches!(
            self,
            Self::RequestHeaders { .. }
                | Self::RequestBody { .. }
                | Self::RequestTrailers
                | Self::CallAnswered { .. }
                | Self::Woken
        )
    }

    fn event(self, kind: Kind) -> Event {
        let size = |large| if large { 5000 } else { kind.body().len() };
        match self {
            Self::RequestHeaders { end } => Event::RequestHeaders { headers: kind.headers(), end },
            Self::RequestBody { end, large } => Event::RequestBody { size: size(large), end },
            Self::RequestTrailers => {
                Event::RequestTrailers { trailers: Headers::from([("x-user", "forged")]) }
            }
            Self::CallAnswered { found } => Event::CallAnswered(found.then(|| CallAnswer {
                // The store of used assertions has not seen it.
                status: if kind == Kind::SignIn { 201 } else { 200 },
                headers: Headers::default(),
                body: match kind {
                    Kind::ScimAsked => br#"{"active":true,"scope":"scim"}"#.to_vec(),
                    Kind::ScimStranger => br#"{"active":false,"scope":"scim"}"#.to_vec(),
                    _ => br#"{"id":"u-1","userName":"ada@n.example"}"#.to_vec(),
                },
            })),
            Self::Woken => Event::Woken,
            Self::ResponseHeaders { status, end, local } => Event::ResponseHeaders {
                headers: Headers::from([
                    (":status", status.to_string().as_str()),
                    ("content-type", "text/plain"),
                    ("cache-control", "public"),
                    ("set-cookie", "sid=new"),
                ]),
                end,
                origin: if local { Origin::Local } else { Origin::Upstream },
            },
            Self::ResponseBody { end, large } => Event::ResponseBody { size: size(large), end },
            Self::ResponseTrailers => Event::ResponseTrailers { trailers: Headers::default() },
            Self::LookAgain => Event::LookAgain,
            Self::HostMismatch => Event::HostMismatch,
            Self::Done => Event::Done,
        }
    }
}

/// What happens to a request of this kind when nothing goes wrong. Random events after a part of it come to states that
/// they alone would hardly ever come to.
fn usual(kind: Kind) -> Vec<Happens> {
    let end = kind.body().is_empty();
    let mut walk = vec![Happens::RequestHeaders { end }];
    if matches!(kind, Kind::ScimAsked | Kind::ScimStranger) {
        walk.push(Happens::CallAnswered { found: true });
    }
    if !end {
        walk.push(Happens::RequestBody { end: true, large: false });
    }
    if matches!(kind, Kind::ScimDeactivation | Kind::SignIn) {
        walk.push(Happens::CallAnswered { found: true });
    }
    if matches!(kind, Kind::Session | Kind::Member | Kind::SignIn) {
        walk.push(Happens::Woken);
    }
    let status = if kind == Kind::ScimUpsert { 400 } else { 200 };
    walk.push(Happens::ResponseHeaders { status, end: false, local: false });
    walk.push(Happens::ResponseBody { end: true, large: false });
    walk
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => any::<bool>().prop_map(|end| Happens::RequestHeaders { end }),
        6 => (any::<bool>(), prop::bool::weighted(0.05)).prop_map(|(end, large)| Happens::RequestBody { end, large }),
        2 => Just(Happens::RequestTrailers),
        4 => any::<bool>().prop_map(|found| Happens::CallAnswered { found }),
        2 => Just(Happens::Woken),
        4 => (prop::sample::select(vec![200, 204, 400, 400, 404, 500]), any::<bool>(), any::<bool>())
            .prop_map(|(status, end, local)| Happens::ResponseHeaders { status, end, local }),
        4 => (any::<bool>(), prop::bool::weighted(0.05)).prop_map(|(end, large)| Happens::ResponseBody { end, large }),
        2 => Just(Happens::ResponseTrailers),
        1 => Just(Happens::LookAgain),
        1 => Just(Happens::HostMismatch),
        1 => Just(Happens::Done),
    ]
}

/// Says when a request may have been released, told by nothing but what happened.
#[derive(Default)]
struct Oracle {
    kind: Option<Kind>,
    complete: bool,
    called: bool,
    asked: bool,
    woken: bool,
    spoiled: bool,
    released: bool,
}

impl Oracle {
    fn see(&mut self, happens: Happens, kind: Kind, stop_iteration: bool) {
        match happens {
            Happens::RequestHeaders { end } => {
                // A second head spoils what was not released yet.
                self.spoiled |= self.kind.is_some();
                self.kind = self.kind.or(Some(kind));
                self.complete |= end;
            }
            Happens::RequestBody { end, large } => {
                // What comes after the end changes nothing.
                let limited = !matches!(self.kind, Some(Kind::Session | Kind::Member));
                self.spoiled |= self.kind.is_none() || (large && limited && !self.complete);
                self.complete |= end;
            }
            Happens::RequestTrailers => {
                self.spoiled |= self.kind.is_none();
                self.complete = true;
            }
            Happens::CallAnswered { found } => {
                self.called |= self.complete && self.kind.is_some();
                self.asked |= found && self.kind.is_some();
                // What the server did not say is not asked again.
                self.spoiled |= self.kind == Some(Kind::ScimAsked) && !self.asked;
            }
            Happens::ResponseHeaders { .. } | Happens::ResponseBody { .. } | Happens::ResponseTrailers => {
                self.spoiled |= !self.released;
            }
            Happens::Woken => self.woken |= self.kind.is_some(),
            Happens::HostMismatch | Happens::LookAgain => {}
            Happens::Done => self.spoiled = true,
        }
        let may = match self.kind {
            Some(Kind::Public) => true,
            Some(Kind::ScimRead | Kind::ScimWrite | Kind::ScimUpsert) => self.complete,
            Some(Kind::ScimAsked) => self.complete && self.asked,
            Some(Kind::ScimDeactivation) => self.complete && self.called,
            // The application could not be asked in time, and the sign-in is a moment old.
            Some(Kind::Session | Kind::Member) => self.woken || !stop_iteration,
            // Without held headers the buffer filter behind us keeps the form's head.
            Some(Kind::Form | Kind::SignIn) => !stop_iteration,
            _ => false,
        };
        self.released |= may && !self.spoiled;
    }
}

/// Shared data as a configured filter finds it.
type Shared = BTreeMap<String, (Vec<u8>, u32)>;

fn prepared(gateway: &Gateway) -> Shared {
    let host = TestHost::at(1_700_000_000_000);
    gateway.prepare(&host).unwrap();
    host.shared.into_inner()
}

type Visits = BTreeMap<(StateName, &'static str), u64>;

/// Whether the forged identity header is struck out.
fn strikes(edits: &[HeaderEdit]) -> bool {
    edits.contains(&HeaderEdit::remove("x-user"))
}

fn is_of(edit: &HeaderEdit, wanted: &str) -> bool {
    let (HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _) | HeaderEdit::Remove(name)) = edit;
    name == wanted.as_bytes()
}

/// Whether an edit brings this text in.
fn says(edit: &HeaderEdit, text: &str) -> bool {
    let (HeaderEdit::Set(_, value) | HeaderEdit::Add(_, value)) = edit else { return false };
    String::from_utf8_lossy(value).contains(text)
}

fn run(
    gateway: &Rc<Gateway>,
    kind: Kind,
    events: &[Happens],
    stop_iteration: bool,
    visits: &RefCell<Visits>,
    shared: &Shared,
) -> Result<(), TestCaseError> {
    // Half of the idle lifetime after the sign-in: a renewal is due.
    let host = TestHost::at(browser::NOW + 30_000);
    host.shared.borrow_mut().clone_from(shared);
    *host.request.borrow_mut() = kind.body().as_bytes().to_vec();
    *host.response.borrow_mut() = kind.answer().as_bytes().to_vec();
    let mut exchange: Exchange = gateway.exchange();
    let (mut oracle, mut refused, mut released) = (Oracle::default(), false, false);
    for happens in events {
        let state = exchange.state();
        *visits.borrow_mut().entry((state, happens.name())).or_default() += 1;
        let large = matches!(happens, Happens::RequestBody { large: true, .. });
        if large {
            *host.request.borrow_mut() = vec![b' '; 5000];
        }
        let step = exchange.on(happens.event(kind), &host);
        oracle.see(*happens, kind, stop_iteration);
        if happens.concerns_request() && matches!(step, Step::Continue(_)) {
            prop_assert!(!refused, "{kind:?} went on after a refusal at {happens:?}");
            prop_assert!(oracle.released, "{kind:?} was released too early by {happens:?}");
        }
        if let (Happens::RequestTrailers, Step::Continue(edits)) = (happens, &step) {
            prop_assert!(strikes(&edits.trailers), "{kind:?} let a forged trailer through");
        }
        if happens.concerns_request() && !released && matches!(step, Step::Continue(_)) {
            released = true;
            let Step::Continue(edits) = &step else { unreachable!() };
            prop_assert!(strikes(&edits.headers), "{kind:?} was released with a forged header");
            let cookies = || edits.headers.iter().filter(|edit| is_of(edit, "cookie"));
            // A form goes nowhere, whatever this host lets go.
            let form = matches!(kind, Kind::Form | Kind::SignIn);
            // They come in one line here, which is taken away or replaced.
            let removed = cookies().any(|edit| matches!(edit, HeaderEdit::Remove(_) | HeaderEdit::Set(..)));
            prop_assert!(form || removed, "{kind:?} kept its cookies");
            prop_assert!(cookies().all(|edit| !says(edit, "vestibule") && (form || !says(edit, "planted"))));
        }
        if let Step::Continue(edits) = &step {
            let named =
                edits.headers.iter().find(|edit| is_of(edit, "x-user") && !strikes(&[(*edit).clone()]));
            let expected = HeaderEdit::set("x-user", "ada@n.example");
            let member = matches!(kind, Kind::Member | Kind::Session);
            let right = named.is_none_or(|edit| member && *edit == expected);
            prop_assert!(right, "who is not signed in is not named");
            let cookie = edits.headers.iter().any(|edit| is_of(edit, "set-cookie"));
            let answer = state == StateName::Forwarded && matches!(happens, Happens::ResponseHeaders { .. });
            let private = edits.headers.contains(&HeaderEdit::set("cache-control", "private"));
            prop_assert!(private || !cookie, "{kind:?}: a cookie that caches may keep");
            prop_assert!(!answer || private, "{kind:?}: an answer that caches may keep");
            prop_assert!(!answer || cookie, "{kind:?}: a login of the application without its companion");
        }
        if let Step::Answer(reply) = &step {
            let cookie = reply.headers.iter().any(|(name, value)| {
                name == "set-cookie" && (value.contains("vestibule") || value.contains("Max-Age=0"))
            });
            let kept = !reply.headers.contains(&("cache-control".to_owned(), "no-store".to_owned()));
            prop_assert!(!(cookie && kept), "{kind:?}: a cookie on an answer that caches may keep");
        }
        if matches!(happens, Happens::LookAgain) {
            prop_assert!(matches!(step, Step::Hold | Step::Close), "{kind:?} was moved by a look: {step:?}");
        }
        refused |= matches!(step, Step::Answer(_) | Step::Close);
    }
    Ok(())
}

#[test]
fn no_order_of_events_lets_an_undecided_or_refused_request_through() {
    let gateway = gateway(true);
    let visits = RefCell::new(Visits::new());
    let shared = prepared(&gateway);
    let strategy =
        (prop::sample::select(KINDS.to_vec()), 0..8_usize, prop::collection::vec(happens(), 0..14));
    let mut runner =
        TestRunner::new(Config { cases: 40_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&strategy, |(kind, orderly, rest)| {
            let mut events: Vec<Happens> = usual(kind).into_iter().take(orderly).collect();
            events.extend(rest);
            run(&gateway, kind, &events, true, &visits, &shared)
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let visits = visits.into_inner();
    let states = [
        StateName::Fresh,
        StateName::Consuming,
        StateName::Redeeming,
        StateName::Vouching,
        StateName::Rechecking,
        StateName::Awaiting,
        StateName::Granting,
        StateName::Authenticating,
        StateName::Arriving,
        StateName::Calling,
        StateName::Provisioned,
        StateName::Repairing,
        StateName::FollowingUp,
        StateName::Replacing,
        StateName::Forwarded,
        StateName::Released,
        StateName::Refused,
        StateName::Over,
    ];
    let events = [
        "request headers",
        "request body",
        "request trailers",
        "call answered",
        "woken",
        "response headers",
        "response body",
        "response trailers",
        "look again",
        "host mismatch",
        "done",
    ];
    let mut never = Vec::new();
    for state in states {
        for event in events {
            let count = visits.get(&(state, event)).copied().unwrap_or_default();
            println!("{:<12} {event:<17} {count:>7}", format!("{state:?}"));
            if count == 0 {
                never.push((state, event));
            }
        }
    }
    assert!(never.is_empty(), "never visited: {never:?}");
}

#[test]
fn the_same_holds_where_the_host_cannot_hold_headers() {
    let gateway = gateway(false);
    let visits = RefCell::new(Visits::new());
    let shared = prepared(&gateway);
    let kinds = vec![
        Kind::Public,
        Kind::Anonymous,
        Kind::Member,
        Kind::Denied,
        Kind::Ambiguous,
        Kind::Metadata,
        Kind::Form,
        Kind::SignIn,
    ];
    let strategy = (prop::sample::select(kinds), prop::collection::vec(happens(), 0..14));
    let mut runner =
        TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&strategy, |(kind, mut events)| {
            events.insert(0, Happens::RequestHeaders { end: false });
            run(&gateway, kind, &events, false, &visits, &shared)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
