//! Sends requests over HTTP or HTTPS.

use std::{fs, path::Path, sync::Arc, time::Duration};

use serde_json::Value;
use ureq::{
    Agent,
    config::AutoHeaderValue,
    http,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    clock::now_ms,
    keys::token::TokenKey,
    scim::{
        credential::{Credential, Principal, TokenRequest},
        log::SentRequest,
        requests::RawRequest,
    },
};

const TIMEOUT: Duration = Duration::from_secs(30);
const FORM: &str = "application/x-www-form-urlencoded";
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// An answer of the application.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or the text where it is no JSON; null for an empty body.
    pub body: Value,
    /// Whether the body was JSON.
    pub is_json: bool,
}

/// A token was asked for.
#[derive(Debug)]
pub struct Exchange {
    /// Without the secrets.
    pub request: SentRequest,
    /// None if no answer came.
    pub status: Option<u16>,
    /// Without the token.
    pub response: Option<Value>,
    /// Why there is no token.
    pub failure: Option<String>,
}

/// Something that can deliver a request.
pub trait Deliver {
    /// Gets what has to be had before a request; what was exchanged for it, if anything was.
    fn prepare(&mut self) -> Option<Exchange> {
        None
    }

    /// Sends a request and waits for the answer, whatever its status.
    ///
    /// # Errors
    /// No answer came.
    fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String>;
}

/// The real client.
pub struct Client {
    agent: Agent,
    credential: Credential,
    principal: Principal,
    key: Arc<TokenKey>,
    /// Of a token endpoint, kept over requests and cycles.
    token: Option<Token>,
}

struct Token {
    text: String,
    until_ms: i64,
}

impl Client {
    /// A client that trusts the certificates in `ca_file`, or the public ones if there is none.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate in it.
    pub fn new(
        credential: Credential,
        principal: Principal,
        key: Arc<TokenKey>,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = ca_file {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(read_certificates(path)?)));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            // Entra sends none of these.
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .tls_config(tls.build())
            .build();
        Ok(Self { agent: config.into(), credential, principal, key, token: None })
    }

    /// The credential that is chosen.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Chooses another credential.
    pub fn set_credential(&mut self, credential: Credential) {
        self.credential = credential;
        self.token = None;
    }

    /// Who the service is.
    pub fn set_principal(&mut self, principal: Principal) {
        self.principal = principal;
        self.token = None;
    }

    fn bearer(&self) -> Result<String, String> {
        if let Some(ready) = self.credential.ready_token(&self.principal, &self.key)? {
            return Ok(ready);
        }
        self.token.as_ref().map(|token| token.text.clone()).ok_or_else(|| "there is no token".into())
    }

    fn fetch(&mut self, request: &TokenRequest) -> Exchange {
        let sent = SentRequest {
            method: "POST",
            url: request.url.clone(),
            headers: vec![("Content-Type", FORM)],
            body: Some(request.shown()),
        };
        let done = |status, response, failure| Exchange { request: sent, status, response, failure };
        let mut builder = self.agent.post(&request.url).header("Content-Type", FORM);
        if let Some((id, secret)) = &request.basic {
            let pair = STANDARD.encode(format!("{id}:{secret}"));
            builder = builder.header("Authorization", format!("Basic {pair}"));
        }
        let mut answer = match builder.send(request.body()) {
            Ok(answer) => answer,
            Err(error) => return done(None, None, Some(format!("no answer: {error}"))),
        };
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string().unwrap_or_default();
        let mut body: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = body.get("access_token").and_then(Value::as_str).map(str::to_owned);
        let seconds = body.get("expires_in").and_then(Value::as_i64).unwrap_or(3600);
        if let Some(shown) = body.get_mut("access_token") {
            *shown = "(not shown)".into();
        }
        match token.filter(|_| status == 200) {
            Some(text) => {
                let kept = (seconds - 300).max(seconds / 2);
                self.token = Some(Token { text, until_ms: now_ms() + kept * 1000 });
                done(Some(status), Some(body), None)
            }
            None => {
                let why =
                    format!("InvalidCredentials: the token endpoint answered HTTP {status} without a token");
                done(Some(status), Some(body), Some(why))
            }
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let found: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() { Err(format!("there is no certificate in {}", path.display())) } else { Ok(found) }
}

impl Deliver for Client {
    fn prepare(&mut self) -> Option<Exchange> {
        if self.token.as_ref().is_some_and(|token| token.until_ms > now_ms()) {
            return None;
        }
        self.token = None;
        let request = self.credential.token_request(&self.principal, &self.key).ok()??;
        Some(self.fetch(&request))
    }

    fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(&request.url)
            .header("Authorization", format!("Bearer {}", self.bearer()?));
        for (name, value) in request.headers() {
            builder = builder.header(name, value);
        }
        let result = match &request.body {
            Some(body) => {
                let ready = builder.body(body.to_string()).map_err(|error| error.to_string())?;
                self.agent.run(ready)
            }
            None => self.agent.run(builder.body(()).map_err(|error| error.to_string())?),
        };
        let mut response = result.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        if status == 401 {
            // The next run gets a new one; whether Entra does so at once is not documented.
            self.token = None;
        }
        let text = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(|error| error.to_string())?;
        Ok(answer(status, text))
    }
}

fn answer(status: u16, text: String) -> Answer {
    match serde_json::from_str(&text) {
        Ok(body) => Answer { status, body, is_json: true },
        Err(_) if text.is_empty() => Answer { status, body: Value::Null, is_json: false },
        Err(_) => Answer { status, body: text.into(), is_json: false },
    }
}
