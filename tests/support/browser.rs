//! A browser before a gateway: keeps cookies, follows nothing by itself.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vestibule::common::test_host::TestHost;
use vestibule::common::{HeaderEdit, Headers, Reply};
use vestibule::gateway::{Call, CallAnswer, Event, Exchange, Gateway, Origin, Step};

pub(crate) const NOW: u64 = 1_700_000_000_000;
const ACS_PATH: &str = "/.vestibule/saml/acs";

pub(crate) struct Site {
    pub(crate) gateway: Rc<Gateway>,
    pub(crate) host: TestHost,
}

impl Site {
    /// A tenant whose `saml` has these lines of YAML beside the usual ones, and whose other fields are these.
    pub(crate) fn new(saml: &str, more: &str) -> Self {
        Self::of(&configuration(saml, more))
    }

    /// With this configuration.
    pub(crate) fn of(text: &str) -> Self {
        let environment = |name: &str| match name {
            "SP_KEY" => Some(include_str!("../vectors/saml/sp.key.pem").to_owned()),
            "SIGNING_KEY" => Some(include_str!("../vectors/saml/other.key.pem").to_owned()),
            _ => None,
        };
        let (gateway, _) =
            Gateway::compile(text.as_bytes(), &environment).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let host = TestHost::at(NOW);
        gateway.prepare(&host).unwrap();
        Self { gateway: Rc::new(gateway), host }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { site: self, cookies: BTreeMap::new(), acs_path: ACS_PATH.to_owned(), extra: Vec::new() }
    }

    /// The last line of the log.
    pub(crate) fn said(&self) -> String {
        self.host.lines.borrow().last().cloned().unwrap_or_default()
    }
}

pub(crate) fn configuration(saml: &str, more: &str) -> String {
    let indented = |text: &str, by: usize| {
        text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect::<String>()
    };
    format!(
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
{}{}"#,
        include_str!("../vectors/idp.crt").replace('\n', "\\n"),
        indented(saml, 6),
        indented(
            if more.is_empty() {
                "access:\n  identity_headers: [{name: x-user, value: \"{name_id}\"}, {name: x-groups, value: \"{claim:groups}\"}]\n  rules: [{path: {prefix: /}, access: signed_in}]"
            } else {
                more
            },
            4
        ),
    )
}

pub(crate) struct Browser<'s> {
    pub(crate) site: &'s Site,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) acs_path: String,
    /// Headers that take the place of the usual ones.
    pub(crate) extra: Vec<(&'static str, &'static str)>,
}

/// A request that was let through and is not answered yet.
pub(crate) struct Pending {
    exchange: Exchange,
    request: Headers,
}

/// A request as the application got it, and its answer as the browser did.
pub(crate) struct Served {
    request: Headers,
    answer: Headers,
}

impl Served {
    pub(crate) fn told(&self, name: &str) -> Option<String> {
        self.request.text(name).map(str::to_owned)
    }

    /// All of the `cookie` header.
    pub(crate) fn cookie(&self) -> Option<String> {
        let lines: Vec<&str> =
            self.request.all("cookie").map(|line| std::str::from_utf8(line).unwrap()).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    pub(crate) fn answered(&self, name: &str) -> Option<String> {
        self.answer.text(name).map(str::to_owned)
    }

    /// All `Set-Cookie` values.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.answer.all("set-cookie").map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
    }
}

/// What a form came to.
pub(crate) enum Sent {
    Answered(Reply),
    /// A call is being made; the exchange waits.
    Calls(Box<Call>, Box<Exchange>),
    /// Something is waited for.
    Waits(Box<Exchange>),
}

impl Browser<'_> {
    fn headers(&self, method: &str, path: &str) -> Headers {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = Headers::from([
            (":method", method),
            (":path", path),
            (":authority", "a.example"),
            ("accept", "text/html"),
            ("sec-fetch-mode", "navigate"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", cookies.join("; ").as_str()),
        ]);
        for (name, value) in &self.extra {
            headers.apply(&HeaderEdit::set(name, value));
        }
        headers
    }

    fn keep(&mut self, reply: &Reply) {
        let lines = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        lines.for_each(|(_, line)| self.keep_line(line));
    }

    fn keep_line(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// A page that is let through to the application.
    pub(crate) fn ask(&mut self, path: &str) -> Pending {
        let mut exchange = self.site.gateway.exchange();
        let mut request = self.headers("GET", path);
        let step =
            exchange.on(Event::RequestHeaders { headers: request.clone(), end: true }, &self.site.host);
        let Step::Continue(edits) = step else { panic!("{path} is not let through: {step:?}") };
        edits.headers.iter().for_each(|edit| request.apply(edit));
        Pending { exchange, request }
    }

    /// The application answers 200 with these headers.
    pub(crate) fn complete(&mut self, pending: Pending, headers: &[(&str, &str)]) -> Served {
        let Pending { mut exchange, request } = pending;
        let mut answer = Headers::from([(":status", "200")]);
        headers.iter().for_each(|(name, value)| answer.apply(&HeaderEdit::add(name, value)));
        let event = Event::ResponseHeaders { headers: answer.clone(), end: true, origin: Origin::Upstream };
        let Step::Continue(edits) = exchange.on(event, &self.site.host) else { panic!("not passed on") };
        edits.headers.iter().for_each(|edit| answer.apply(edit));
        let served = Served { request, answer };
        served.lines().iter().for_each(|line| self.keep_line(line));
        served
    }

    /// A page of the application, which answers 200 with these headers.
    pub(crate) fn serve(&mut self, path: &str, headers: &[(&str, &str)]) -> Served {
        let pending = self.ask(path);
        self.complete(pending, headers)
    }

    /// Presses a button of ours.
    pub(crate) fn post_to(&mut self, path: &str) -> Reply {
        let mut exchange = self.site.gateway.exchange();
        let headers = self.headers("POST", path);
        match exchange.on(Event::RequestHeaders { headers, end: true }, &self.site.host) {
            Step::Answer(reply) => {
                self.keep(&reply);
                reply
            }
            other => panic!("{other:?}"),
        }
    }

    /// A page; `None` where the request is let through to the application.
    pub(crate) fn get(&mut self, path: &str) -> Option<Reply> {
        let mut exchange = self.site.gateway.exchange();
        match exchange
            .on(Event::RequestHeaders { headers: self.headers("GET", path), end: true }, &self.site.host)
        {
            Step::Answer(reply) => {
                self.keep(&reply);
                Some(reply)
            }
            Step::Continue(_) => None,
            other => panic!("{other:?}"),
        }
    }

    /// What the application is told beside a request that is let through: the value of a header.
    pub(crate) fn told(&mut self, path: &str, header: &str) -> Option<String> {
        let mut exchange = self.site.gateway.exchange();
        let headers = self.headers("GET", path);
        let Step::Continue(edits) =
            exchange.on(Event::RequestHeaders { headers, end: true }, &self.site.host)
        else {
            panic!("not let through")
        };
        edits.headers.iter().find_map(|edit| match edit {
            HeaderEdit::Set(name, value) if name == header.as_bytes() => {
                Some(String::from_utf8(value.clone()).unwrap())
            }
            _ => None,
        })
    }

    /// What the browser is sent to the identity provider with: identifier of the request, relay state.
    pub(crate) fn start(&mut self, path: &str) -> (String, String) {
        let reply = self.get(path).expect("a redirect");
        begun(&reply)
    }

    pub(crate) fn post(&mut self, response: &str, relay_state: Option<&str>) -> Sent {
        let mut body = format!("SAMLResponse={}", escaped(response));
        if let Some(state) = relay_state {
            body.push_str(&format!("&RelayState={}", escaped(state)));
        }
        self.post_body(body)
    }

    /// Posts a form as it is.
    pub(crate) fn post_body(&mut self, body: String) -> Sent {
        let mut exchange = self.site.gateway.exchange();
        let headers = self.headers("POST", &self.acs_path);
        let step = exchange.on(Event::RequestHeaders { headers, end: false }, &self.site.host);
        assert_eq!(step, Step::Hold);
        let size = body.len();
        *self.site.host.request.borrow_mut() = body.into_bytes();
        match exchange.on(Event::RequestBody { size, end: true }, &self.site.host) {
            Step::Answer(reply) => {
                self.keep(&reply);
                Sent::Answered(reply)
            }
            Step::Call(call) => Sent::Calls(Box::new(call), Box::new(exchange)),
            Step::Wait(_) => Sent::Waits(Box::new(exchange)),
            other => panic!("{other:?}"),
        }
    }

    /// As [`Browser::post`], where no call is expected.
    pub(crate) fn answer(&mut self, response: &str, relay_state: Option<&str>) -> Reply {
        match self.post(response, relay_state) {
            Sent::Answered(reply) => reply,
            Sent::Calls(call, _) => panic!("{call:?}"),
            Sent::Waits(_) => panic!("it waits"),
        }
    }

    /// The answer to a call that an exchange waits for.
    pub(crate) fn called(&mut self, mut exchange: Exchange, status: Option<u16>) -> Reply {
        let answer =
            status.map(|status| CallAnswer { status, headers: Headers::default(), body: Vec::new() });
        match exchange.on(Event::CallAnswered(answer), &self.site.host) {
            Step::Answer(reply) => {
                self.keep(&reply);
                reply
            }
            other => panic!("{other:?}"),
        }
    }

    /// What was waited for has come, or will not.
    pub(crate) fn woken(&mut self, mut exchange: Exchange) -> Reply {
        match exchange.on(Event::Woken, &self.site.host) {
            Step::Answer(reply) => {
                self.keep(&reply);
                reply
            }
            other => panic!("{other:?}"),
        }
    }

    /// A script's request for a page: its exchange and what is done first.
    pub(crate) fn begins(&self, path: &str) -> (Exchange, Step) {
        self.begins_as("GET", path)
    }

    /// The same for something that it sends, of which nothing but the head has come.
    pub(crate) fn begins_with_body(&self, path: &str) -> (Exchange, Step) {
        self.begins_as("POST", path)
    }

    fn begins_as(&self, method: &str, path: &str) -> (Exchange, Step) {
        let mut exchange = self.site.gateway.exchange();
        let mut headers = self.headers(method, path);
        headers.apply(&HeaderEdit::set("sec-fetch-mode", "cors"));
        let step = exchange.on(Event::RequestHeaders { headers, end: method == "GET" }, &self.site.host);
        (exchange, step)
    }

    pub(crate) fn has_session(&mut self) -> bool {
        self.get("/check").is_none()
    }
}

pub(crate) fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
}

pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// Identifier and relay state out of a redirect to the identity provider.
pub(crate) fn begun(reply: &Reply) -> (String, String) {
    let location = header(reply, "location").expect("a redirect");
    let field = |name: &str| {
        let (_, rest) = location.split_once(&format!("{name}=")).unwrap();
        unescaped(rest.split('&').next().unwrap())
    };
    let xml = request(&field("SAMLRequest"));
    let (_, rest) = xml.split_once(" ID=\"").unwrap();
    (rest.split('"').next().unwrap().to_owned(), field("RelayState"))
}

/// The message of a redirect.
pub(crate) fn message(reply: &Reply) -> String {
    let (_, rest) = header(reply, "location").unwrap().split_once("SAMLRequest=").unwrap();
    request(&unescaped(rest.split('&').next().unwrap()))
}

fn request(encoded: &str) -> String {
    let deflated = STANDARD.decode(encoded).unwrap();
    String::from_utf8(miniz_oxide::inflate::decompress_to_vec(&deflated).unwrap()).unwrap()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        } else {
            byte
        });
    }
    String::from_utf8(out).unwrap()
}
