//! Sends requests over HTTP or HTTPS.

use std::{fs, path::Path, sync::Arc, time::Duration};

use serde_json::Value;
use ureq::{
    Agent,
    config::AutoHeaderValue,
    http,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::scim::requests::RawRequest;

const TIMEOUT: Duration = Duration::from_secs(30);
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

/// Something that can deliver a request.
pub trait Deliver {
    /// Sends a request and waits for the answer, whatever its status.
    ///
    /// # Errors
    /// No answer came.
    fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String>;
}

/// The real client.
pub struct Client {
    agent: Agent,
    token: String,
}

impl Client {
    /// A client that trusts the certificates in `ca_file`, or the public ones if there is none.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate in it.
    pub fn new(token: String, ca_file: Option<&Path>) -> Result<Self, String> {
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
        Ok(Self { agent: config.into(), token })
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
    fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(&request.url)
            .header("Authorization", format!("Bearer {}", self.token));
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
