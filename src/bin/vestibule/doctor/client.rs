//! How the gateway is asked: over TLS that is verified, without following anything, each answer within ten seconds.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::output::{self, Failure};

const TIMEOUT: Duration = Duration::from_secs(10);
const MOST: u64 = 1 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// All headers of this name.
    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// What TLS showed.
#[derive(Debug)]
pub(super) struct Handshake {
    /// `TLS 1.3`
    pub(super) version: &'static str,
    /// The server's certificate in DER.
    pub(super) certificate: Vec<u8>,
    pub(super) chain: usize,
}

/// Asks one gateway.
pub(super) struct Client {
    agent: Agent,
    roots: Vec<Vec<u8>>,
}

impl Client {
    /// Trusts the authorities in `ca`, or those that browsers and Entra trust.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let roots = match ca {
            Some(path) => authorities(path)?,
            None => Vec::new(),
        };
        let trusted = if roots.is_empty() {
            RootCerts::WebPki
        } else {
            RootCerts::new_with_certs(
                &roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>(),
            )
        };
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent("vestibule-doctor")
            .tls_config(TlsConfig::builder().root_certs(trusted).build())
            .build()
            .into();
        Ok(Self { agent, roots })
    }

    /// `GET`, with these headers.
    pub(super) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let request =
            headers.iter().fold(self.agent.get(url), |request, (name, value)| request.header(*name, *value));
        let mut response = request.call().map_err(|error| error.to_string())?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let body =
            response.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status().as_u16(), headers, body })
    }

    /// A connection without TLS: whether anybody is there.
    pub(super) fn reach(host: &str, port: u16) -> Result<TcpStream, String> {
        let addresses =
            (host, port).to_socket_addrs().map_err(|error| format!("the name is not known: {error}"))?;
        let mut last = "the name has no address".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    let limited =
                        stream.set_read_timeout(Some(TIMEOUT)).and(stream.set_write_timeout(Some(TIMEOUT)));
                    return limited.map(|()| stream).map_err(|error| error.to_string());
                }
                Err(error) => last = format!("{address}: {error}"),
            }
        }
        Err(last)
    }

    /// Shakes hands, verifying everything; no request is sent.
    pub(super) fn shake(&self, host: &str, stream: TcpStream) -> Result<Handshake, String> {
        let mut store = RootCertStore::empty();
        if self.roots.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for der in &self.roots {
            store
                .add(CertificateDer::from(der.as_slice()).into_owned())
                .map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(store)
            .with_no_client_auth();
        let plain = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(plain)
            .map_err(|_| "the host is no name that a certificate can have".to_owned())?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| error.to_string())?;
        }
        let version = match stream.conn.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        };
        let chain = stream.conn.peer_certificates().unwrap_or_default();
        let certificate = chain.first().map(|certificate| certificate.to_vec()).unwrap_or_default();
        Ok(Handshake { version, certificate, chain: chain.len() })
    }
}

fn authorities(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let pem = output::read(path)?;
    let certificates: Vec<Vec<u8>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate.der().to_vec()),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::of(path, "there is no certificate in it"));
    }
    Ok(certificates)
}
