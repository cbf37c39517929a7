//! Asking the application's authorization server about a token (RFC 7662), and remembering what it said.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::common::UnixMillis;
use crate::config;
use crate::scim::Bearer;
use crate::scim::auth::{Wanted, introspected};

use super::event::{Call, CallAnswer};
use super::memory::{Digest, Memory};

/// How long a refusal is believed.
const REFUSED_FOR: Duration = Duration::from_secs(5);
/// Questions of one worker about tokens of one tenant at a time: a stranger with many tokens must not drown the server.
const MAX_OUT: u32 = 32;
/// Octets of an answer.
const MAX_ANSWER: usize = 65_536;

/// The server, and what it said. Refusals have a place of their own, so that no flood of them drives out a good token.
#[derive(Debug)]
pub(super) struct Introspection {
    cluster: String,
    headers: Vec<(String, String)>,
    timeout_ms: u32,
    cache: Duration,
    wanted: Wanted,
    active: RefCell<Memory<String>>,
    refused: RefCell<Memory<&'static str>>,
    out: Rc<Cell<u32>>,
}

/// What is known of a token.
#[derive(Debug)]
pub(super) enum Known {
    /// It is good; who has it.
    Active(String),
    /// It is not.
    Refused(&'static str),
    /// The server must be asked.
    Asks(Call, Ticket),
    /// Too many questions are out.
    Busy,
}

/// A question that is out. It counts until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    digest: Digest,
    out: Rc<Cell<u32>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.out.set(self.out.get().saturating_sub(1));
    }
}

impl Introspection {
    pub(super) fn new(settings: &config::Introspection, wanted: Wanted) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header(":method", "POST"),
            header(":path", &settings.path),
            header(":authority", &settings.authority),
            header("authorization", settings.authorization.expose()),
            header("accept", "application/json"),
            header("content-type", "application/x-www-form-urlencoded"),
        ];
        Self {
            cluster: settings.cluster.clone(),
            headers,
            timeout_ms: settings.timeout_ms,
            cache: settings.cache,
            wanted,
            active: RefCell::default(),
            refused: RefCell::default(),
            out: Rc::default(),
        }
    }

    /// What is known of a token now.
    pub(super) fn known(&self, bearer: &Bearer<'_>, now: UnixMillis) -> Known {
        let digest = *bearer.digest();
        if let Some(client) = self.active.borrow().get(&digest, now) {
            return Known::Active(client.clone());
        }
        if let Some(code) = self.refused.borrow().get(&digest, now) {
            return Known::Refused(code);
        }
        if self.out.get() >= MAX_OUT {
            return Known::Busy;
        }
        self.out.set(self.out.get().saturating_add(1));
        Known::Asks(self.call(bearer.secret()), Ticket { digest, out: Rc::clone(&self.out) })
    }

    fn call(&self, token: &str) -> Call {
        let body = format!("token={}&token_type_hint=access_token", encoded(token)).into_bytes();
        let mut headers = self.headers.clone();
        headers.push(("content-length".to_owned(), body.len().to_string()));
        Call {
            cluster: self.cluster.clone(),
            headers,
            body,
            timeout_ms: self.timeout_ms,
            max_answer: MAX_ANSWER,
        }
    }

    /// Takes the server's answer. False where it is none: nothing is known then, and nothing remembered.
    pub(super) fn learn(&self, ticket: &Ticket, answer: Option<&CallAnswer>, now: UnixMillis) -> bool {
        let answer = answer.filter(|answer| answer.status == 200);
        match answer.and_then(|answer| introspected(&answer.body, &self.wanted, now)) {
            Some(Ok(active)) => {
                // At least for this one request, which asked.
                let least = now.after(Duration::from_secs(1));
                let until = now.after(self.cache).min(active.expires.unwrap_or(UnixMillis(u64::MAX)));
                self.active.borrow_mut().put(ticket.digest, until.max(least), active.client, now);
                true
            }
            Some(Err(refused)) => {
                self.refused.borrow_mut().put(ticket.digest, now.after(REFUSED_FOR), refused.code(), now);
                true
            }
            None => false,
        }
    }
}

/// Form encoding of a bearer token, which is visible ASCII.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::memory;
    use super::*;
    use crate::common::Headers;
    use crate::config::{Secret, TokenDemands};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn introspection(cache: u64) -> Introspection {
        let demands =
            TokenDemands { issuer: None, audiences: Vec::new(), clients: Vec::new(), scopes: Vec::new() };
        let settings = config::Introspection {
            cluster: "server".into(),
            authority: "server".into(),
            path: "/introspect".into(),
            timeout_ms: 1000,
            authorization: Secret::from("Basic eDp5"),
            cache: Duration::from_secs(cache),
            demands,
        };
        Introspection::new(&settings, Wanted { scopes: vec!["scim".into()], ..Wanted::default() })
    }

    fn known(introspection: &Introspection, token: &str, now: UnixMillis) -> Known {
        let headers = Headers::from([("authorization", format!("Bearer {token}").as_str())]);
        introspection.known(&Bearer::of(&headers).unwrap(), now)
    }

    fn says(status: u16, body: &str) -> CallAnswer {
        CallAnswer { status, headers: Headers::default(), body: body.as_bytes().to_vec() }
    }

    fn ask(introspection: &Introspection, token: &str, answer: &str, now: UnixMillis) -> bool {
        let Known::Asks(_, ticket) = known(introspection, token, now) else { panic!("is remembered") };
        introspection.learn(&ticket, Some(&says(200, answer)), now)
    }

    #[test]
    fn the_question_is_a_form_with_our_own_credential() {
        let Known::Asks(call, _) = known(&introspection(60), "a+b/c=&d", NOW) else { panic!() };
        assert_eq!(call.body, b"token=a%2Bb%2Fc%3D%26d&token_type_hint=access_token");
        assert!(call.headers.contains(&("authorization".into(), "Basic eDp5".into())));
    }

    #[test]
    fn a_good_answer_is_remembered_for_the_tokens_life_and_not_longer_than_configured() {
        let server = introspection(60);
        let good = r#"{"active":true,"client_id":"entra","scope":"scim","exp":1800000010}"#;
        assert!(ask(&server, "short", good, NOW));
        let at = |seconds: u64| known(&server, "short", NOW.after(Duration::from_secs(seconds)));
        assert!(matches!(at(0), Known::Active(client) if client == "entra"));
        assert!(matches!(at(9), Known::Active(_)));
        assert!(matches!(at(10), Known::Asks(..)));
        assert!(ask(&server, "long", r#"{"active":true,"scope":"scim"}"#, NOW));
        let at = |seconds: u64| known(&server, "long", NOW.after(Duration::from_secs(seconds)));
        assert!(matches!(at(59), Known::Active(_)));
        assert!(matches!(at(60), Known::Asks(..)));
        assert!(matches!(known(&server, "another", NOW), Known::Asks(..)));
    }

    #[test]
    fn a_refusal_is_remembered_for_seconds() {
        let server = introspection(60);
        assert!(ask(&server, "t", r#"{"active":false}"#, NOW));
        assert!(matches!(known(&server, "t", NOW), Known::Refused("token_inactive")));
        assert!(matches!(known(&server, "t", NOW.after(REFUSED_FOR)), Known::Asks(..)));
        assert!(ask(&server, "u", r#"{"active":true,"scope":"other"}"#, NOW));
        assert!(matches!(known(&server, "u", NOW), Known::Refused("jwt_scope")));
    }

    #[test]
    fn no_answer_is_neither_yes_nor_no() {
        let server = introspection(60);
        for answer in [None, Some(says(401, "{\"active\":true}")), Some(says(500, "")), Some(says(200, "{}"))]
        {
            let Known::Asks(_, ticket) = known(&server, "t", NOW) else { panic!() };
            assert!(!server.learn(&ticket, answer.as_ref(), NOW));
        }
    }

    #[test]
    fn a_flood_neither_drowns_the_server_nor_drives_out_good_tokens() {
        let server = introspection(60);
        assert!(ask(&server, "good", r#"{"active":true,"scope":"scim"}"#, NOW));
        for number in 0..2000 {
            assert!(ask(&server, &format!("bad{number}"), r#"{"active":false}"#, NOW));
        }
        assert!(matches!(known(&server, "good", NOW), Known::Active(_)));
        assert!(server.refused.borrow().len() <= memory::MOST);
        let out: Vec<_> = (0..MAX_OUT).map(|number| known(&server, &format!("x{number}"), NOW)).collect();
        assert!(matches!(known(&server, "y", NOW), Known::Busy));
        drop(out);
        assert!(matches!(known(&server, "y", NOW), Known::Asks(..)));
    }
}
