//! Temporary: stands in for the gateway while `host` is built. Not for use.
#![allow(missing_docs)]

use std::rc::Rc;

use super::{Call, Edits, Event, Origin, Step};
use crate::common::{HeaderEdit, Headers, Host, Level, Reply};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeCrypto {
    Auto,
    Off,
}

#[derive(Clone, Copy, Debug)]
pub struct HostSettings {
    pub stop_iteration: bool,
    pub native_crypto: NativeCrypto,
}

#[derive(Debug)]
pub struct Gateway {
    settings: HostSettings,
}

impl Gateway {
    pub fn compile(
        text: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<String>), Vec<String>> {
        let value: serde_json::Value = serde_json::from_slice(text)
            .map_err(|error| vec![format!("configuration: {error}"), "second".into()])?;
        let settings = HostSettings {
            stop_iteration: value
                .pointer("/host/stop_iteration")
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(true),
            native_crypto: match value.pointer("/host/native_crypto").and_then(serde_json::Value::as_str) {
                Some("off") => NativeCrypto::Off,
                _ => NativeCrypto::Auto,
            },
        };
        let secret = environment("VESTIBULE_KEY").map(|secret| secret.len());
        Ok((Self { settings }, vec![format!("stub gateway, key {secret:?} {:?}", environment("A=B"))]))
    }
    pub fn host_settings(&self) -> HostSettings {
        self.settings
    }
    pub fn prepare(&self, host: &dyn Host) -> Result<(), String> {
        host.shared_set("stub", b"", None).map_err(|error| error.to_string())?;
        let (_, cas) = host.shared_get("stub").map_err(|error| error.to_string())?.ok_or("not there")?;
        host.shared_set("stub", b"one", Some(cas)).map_err(|error| error.to_string())?;
        let lost = host.shared_set("stub", b"two", Some(cas));
        let mut random = vec![0; 200_000];
        host.random(&mut random).map_err(|error| error.to_string())?;
        let zeros = random.iter().filter(|octet| **octet == 0).count();
        host.log(Level::Info, &format!("stub: cas {cas} lost {lost:?} zeros {zeros} now {:?}", host.now()));
        Ok(())
    }
    pub fn exchange(self: &Rc<Self>) -> Exchange {
        Exchange { path: String::new(), waits: false, headers: Headers::default(), after_call: false }
    }
}

#[derive(Debug)]
pub struct Exchange {
    path: String,
    waits: bool,
    headers: Headers,
    after_call: bool,
}

impl Exchange {
    fn param(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(have, _)| *have == name)
            .map(|(_, v)| v)
    }
    fn edits(&self, prefix: &str) -> Vec<HeaderEdit> {
        let Some((_, query)) = self.path.split_once('?') else { return Vec::new() };
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(key, value)| {
                let key = key.strip_prefix(prefix)?;
                let value = value.replace("%0a", "\n");
                let (name, text) = value.split_once(':').unwrap_or((&value, ""));
                let name = name.replace('@', ":");
                match key {
                    "set" => Some(HeaderEdit::set(&name, text)),
                    "add" => Some(HeaderEdit::add(&name, text)),
                    "remove" => Some(HeaderEdit::remove(&name)),
                    _ => None,
                }
            })
            .collect()
    }
    fn convert(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        match self.param("f") {
            Some("same") => None,
            Some("grow") => Some([body.as_slice(), b"-grown-", body.as_slice()].concat()),
            Some("shrink") => Some(body.into_iter().take(3).collect()),
            Some("empty") => Some(Vec::new()),
            Some("huge") => Some(vec![b'h'; 3_000_000]),
            _ => Some(body.to_ascii_uppercase()),
        }
    }
    fn answers(&self, phase: &str) -> bool {
        self.path.starts_with("/answer") && self.param("phase") == Some(phase)
    }
    fn reply(&self) -> Step {
        Step::Answer(
            Reply::status(403)
                .with("set-cookie", "a=1")
                .with("set-cookie", "b=2")
                .body("application/json", r#"{"answer":true}"#),
        )
    }
    fn call(&self) -> Step {
        Step::Call(Call {
            cluster: self.param("cluster").unwrap_or("other").to_owned(),
            headers: vec![
                (":method".into(), "GET".into()),
                (":path".into(), self.param("target").unwrap_or("/called").into()),
                (":authority".into(), "other".into()),
            ],
            body: Vec::new(),
            timeout_ms: self.param("timeout").and_then(|t| t.parse().ok()).unwrap_or(5000),
            max_answer: 100_000,
        })
    }
    fn body_done(&mut self, size: usize, host: &dyn Host, trailers: bool) -> Step {
        if self.answers(if trailers { "trailers" } else { "body" }) {
            return self.reply();
        }
        if self.path.starts_with("/call-body") && !self.after_call {
            self.after_call = true;
            return self.call();
        }
        let body = match host.request_body(size) {
            Ok(body) => body,
            Err(error) => {
                return Step::Answer(Reply::status(555).body("text/plain", format!("body: {error}")));
            }
        };
        host.log(Level::Info, &format!("stub: body of {} size {size}", body.len()));
        let trailers = if trailers { vec![HeaderEdit::set("x-trailer-added", "yes")] } else { Vec::new() };
        Step::Continue(Edits { headers: self.edits(""), trailers, body: self.convert(body) })
    }
    fn response_done(&self, size: usize, host: &dyn Host, trailers: bool) -> Step {
        if self.answers(if trailers { "resptrailers" } else { "respbody" }) {
            return self.reply();
        }
        let body = host.response_body(size).unwrap_or_default();
        host.log(Level::Info, &format!("stub: response body of {} size {size}", body.len()));
        let trailers = if trailers { vec![HeaderEdit::set("x-trailer-added", "yes")] } else { Vec::new() };
        Step::Continue(Edits { headers: self.edits("r"), trailers, body: self.convert(body) })
    }
    pub fn waits_for_request_body(&self) -> bool {
        self.waits
    }
    pub fn on(&mut self, event: Event, host: &dyn Host) -> Step {
        let text = format!("{event:?}");
        let step = self.decide(event, host);
        host.log(
            Level::Info,
            &format!("stub: {} {} -> {step:?}", self.path, text.chars().take(300).collect::<String>()),
        );
        step
    }
    fn decide(&mut self, event: Event, host: &dyn Host) -> Step {
        match event {
            Event::RequestHeaders { headers, end } => {
                self.path = headers.text(":path").unwrap_or_default().to_owned();
                self.headers = headers;
                host.count("vestibule.stub.requests");
                if self.answers("headers") {
                    return self.reply();
                }
                if self.path.starts_with("/call") && !self.path.starts_with("/call-body") {
                    return self.call();
                }
                let holds = ["/hold", "/call-body", "/answer"].iter().any(|p| self.path.starts_with(p))
                    && (!end || self.path.starts_with("/hold-bad"))
                    && !self.param("phase").is_some_and(|phase| phase.starts_with("resp"));
                if holds {
                    self.waits = true;
                    return Step::Hold;
                }
                Step::Continue(Edits { headers: self.edits(""), ..Edits::default() })
            }
            Event::RequestBody { size, end } => {
                if self.path.starts_with("/call") && !self.path.starts_with("/call-body") {
                    return if self.after_call { Step::go_on() } else { Step::Hold };
                }
                if !self.waits {
                    return Step::go_on();
                }
                if !end {
                    return Step::Hold;
                }
                self.body_done(size, host, false)
            }
            Event::RequestTrailers { .. } => {
                if self.path.starts_with("/call") && !self.path.starts_with("/call-body") {
                    return if self.after_call { Step::go_on() } else { Step::Hold };
                }
                if self.waits { self.body_done(usize::MAX, host, true) } else { Step::go_on() }
            }
            Event::CallAnswered(answer) => {
                if self.param("phase") == Some("call") {
                    return self.reply();
                }
                let status =
                    answer.as_ref().map_or("none".to_owned(), |a| format!("{} {}", a.status, a.body.len()));
                if self.path.starts_with("/call-body") {
                    let mut step = self.body_done(usize::MAX, host, false);
                    if let Step::Continue(edits) = &mut step {
                        edits.headers.push(HeaderEdit::set("x-call", &status));
                    }
                    return step;
                }
                self.after_call = true;
                let mut headers = self.edits("");
                headers.push(HeaderEdit::set("x-call", &status));
                Step::Continue(Edits { headers, ..Edits::default() })
            }
            Event::ResponseHeaders { end, origin, .. } => {
                if self.answers("respheaders") && origin == Origin::Upstream {
                    return self.reply();
                }
                let code = host.property(&["response", "code_details"]);
                let code = code.map_or("absent".to_owned(), |c| String::from_utf8_lossy(&c).into_owned());
                let mut headers = vec![
                    HeaderEdit::set("x-origin", &format!("{origin:?}")),
                    HeaderEdit::set("x-details", &code),
                ];
                let holds = (self.path.starts_with("/resp")
                    || self.param("phase").is_some_and(|p| p.starts_with("resp")))
                    && origin == Origin::Upstream
                    && !end
                    && self.param("late").is_none();
                if holds {
                    return Step::Hold;
                }
                headers.extend(self.edits("r"));
                Step::Continue(Edits { headers, ..Edits::default() })
            }
            Event::ResponseBody { size, end } => {
                if self.path.starts_with("/resp")
                    || self.param("phase").is_some_and(|p| p.starts_with("resp"))
                {
                    if !end {
                        return Step::Hold;
                    }
                    return self.response_done(size, host, false);
                }
                Step::go_on()
            }
            Event::ResponseTrailers { .. } => {
                if self.path.starts_with("/resp")
                    || self.param("phase").is_some_and(|p| p.starts_with("resp"))
                {
                    return self.response_done(usize::MAX, host, true);
                }
                Step::go_on()
            }
            Event::HostMismatch => Step::Answer(Reply::status(500).body("text/plain", "host mismatch\n")),
            Event::Done => Step::Hold,
        }
    }
}
