//! `vestibule doctor`: asks a running gateway what Entra and browsers will ask, with a verdict for each line.

mod client;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use vestibule::common::UnixMillis;
use vestibule::crypto::PublicKey;

use crate::check::plugin::{SOON, now};
use crate::output::{self, Failure};
use client::{Answer, Client};

/// Whom to ask, and what for.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Address of the gateway: scheme and host, as in public_url, and the tenant's path_prefix where it has one
    url: String,
    /// Entra's Tenant URL, for Test Connection; a path is taken at the host of URL
    #[arg(long, value_name = "URL")]
    tenant_url: Option<String>,
    /// Environment variable that holds the secret token
    #[arg(long, value_name = "NAME", requires = "tenant_url", conflicts_with = "token_stdin")]
    token_env: Option<String>,
    /// Read the secret token from standard input
    #[arg(long, requires = "tenant_url")]
    token_stdin: bool,
    /// Certificate authorities to trust (PEM) instead of the public ones, for a trial
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// What came of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Weak,
    No,
    /// It was not asked, or there is nothing to ask.
    Skipped,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Weak => "weak",
            Self::No => "NO",
            Self::Skipped => "-",
        }
    }
}

/// A line of the report.
struct Line {
    question: &'static str,
    verdict: Verdict,
    found: String,
    remedy: String,
}

#[derive(Default)]
struct Report(Vec<Line>);

impl Report {
    fn add(
        &mut self,
        question: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Line { question, verdict, found: found.into(), remedy: remedy.into() });
    }

    fn is_good(&self) -> bool {
        self.0.iter().all(|line| line.verdict != Verdict::No)
    }
}

/// Asks everything and prints the verdicts.
pub(crate) fn run(doctor: &Doctor, as_json: bool) -> Result<ExitCode, Failure> {
    let base = Base::read(&doctor.url)?;
    let tenant_url = doctor.tenant_url.as_deref().map(|url| base.below(url)).transpose()?;
    let token = token(doctor)?;
    let client = Client::new(doctor.ca.as_deref())?;
    let mut report = Report::default();
    if reached(&base, &client, &mut report) {
        clock(&base, &client, &mut report);
        metadata(&base, &client, &mut report);
        redirect(&base, &client, &mut report);
        match &tenant_url {
            Some(url) => provisioning(url, token.as_deref(), &client, &mut report),
            None => report.add("provisioning", Verdict::Skipped, "not asked", "give --tenant-url"),
        }
    }
    if as_json {
        let lines: Vec<Value> = report
            .0
            .iter()
            .map(|line| {
                json!({"question": line.question, "verdict": line.verdict.name().to_ascii_lowercase(),
                       "found": line.found, "remedy": (!line.remedy.is_empty()).then_some(&line.remedy)})
            })
            .collect();
        output::json(&json!({"url": base.url, "good": report.is_good(), "lines": lines}))?;
    } else {
        for line in &report.0 {
            output::line(&format!("{:<5} {:<18} {}", line.verdict.name(), line.question, line.found))?;
            if !line.remedy.is_empty() {
                output::line(&format!("{:24} -> {}", "", line.remedy))?;
            }
        }
        output::line(&format!("{}: {}", base.url, if report.is_good() { "good" } else { "not good" }))?;
    }
    Ok(output::verdict(report.is_good()))
}

/// Scheme and authority, and a path below which a tenant is.
struct Base {
    /// All of it, without a slash at its end.
    url: String,
    /// Without the path.
    origin: String,
    host: String,
    port: u16,
    tls: bool,
}

impl Base {
    fn read(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            let what = "is not scheme and host, such as https://app.example.com, with a tenant's path_prefix behind it where \
                        there is one";
            Failure(format!("`{text}` {what}"))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (authority, path) =
            rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).ok_or_else(wrong)?;
        let path = path.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['?', '#', '@', ' ']) || !is_prefix(path) {
            return Err(wrong());
        }
        let host = vestibule::common::path::host_without_port(authority).to_owned();
        let port = match authority.strip_prefix(host.as_str()) {
            Some("") if host.starts_with('[') || !host.contains(':') => None,
            Some("") => return Err(wrong()),
            Some(rest) => Some(rest.strip_prefix(':').ok_or_else(wrong)?),
            None => return Err(wrong()),
        };
        let tls = match scheme {
            "https" => true,
            "http" if crate::check::envoy::is_loopback_host(&host) => false,
            "http" => return Err(Failure("http is for a trial on this machine; write https".to_owned())),
            _ => return Err(wrong()),
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_| wrong())?,
            None if tls => 443,
            None => 80,
        };
        let origin = format!("{scheme}://{authority}");
        Ok(Self { url: format!("{origin}{path}"), origin, host, port, tls })
    }

    /// A path, or a whole URL of the same gateway: a token goes nowhere else.
    fn below(&self, url: &str) -> Result<String, Failure> {
        let path = url.strip_prefix(self.origin.as_str()).unwrap_or(url).trim_end_matches('/');
        if path.starts_with('/') && !path.starts_with("//") {
            return Ok(format!("{}{path}", self.origin));
        }
        Err(Failure(format!("`{url}` is not below {}", self.origin)))
    }
}

/// Whether a path can be a tenant's `path_prefix`, or is empty.
fn is_prefix(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment = |it: &str| !it.is_empty() && it.bytes().all(plain) && !matches!(it, "." | "..");
    path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
}

fn token(doctor: &Doctor) -> Result<Option<String>, Failure> {
    let text = match &doctor.token_env {
        Some(name) => std::env::var(name).map_err(|_| Failure(format!("the variable {name} is not set")))?,
        None if doctor.token_stdin => {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.map_err(|error| Failure(format!("standard input: {error}")))?;
            line
        }
        None => return Ok(None),
    };
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure("the token is empty, or holds characters that no token has".to_owned()));
    }
    Ok(Some(text.to_owned()))
}

/// Whether somebody is there whom it is safe to ask.
fn reached(base: &Base, client: &Client, report: &mut Report) -> bool {
    let stream = match Client::reach(&base.host, base.port) {
        Ok(stream) => stream,
        Err(why) => {
            let remedy = "see to the name in DNS, the listener's port, and what stands between";
            report.add("reachable", Verdict::No, why, remedy);
            return false;
        }
    };
    report.add("reachable", Verdict::Good, format!("{}:{} answers", base.host, base.port), "");
    if !base.tls {
        report.add("TLS", Verdict::Weak, "none: only for a trial on this machine", "Entra calls https only");
        return true;
    }
    match client.shake(&base.host, stream) {
        Ok(shaken) => {
            let found = format!(
                "{}, {} in the chain, trusted, for this name",
                shaken.version,
                output::counted(shaken.chain, "certificate")
            );
            report.add("TLS", Verdict::Good, found, "");
            expiry(&shaken.certificate, report);
            true
        }
        Err(why) => {
            let remedy = "Entra wants a certificate of a public authority, for this name, with all intermediates; nothing \
                          further was asked";
            report.add("TLS", Verdict::No, why, remedy);
            false
        }
    }
}

fn expiry(certificate: &[u8], report: &mut Report) {
    let key = PublicKey::from_certificate_der(certificate).ok();
    let end = key.and_then(|key| key.validity()).map(|validity| validity.not_after);
    match end {
        Some(end) if end <= now().after(SOON) => {
            report.add("certificate", Verdict::Weak, format!("ends {}", end.to_rfc3339()), "renew it");
        }
        Some(end) => report.add("certificate", Verdict::Good, format!("ends {}", end.to_rfc3339()), ""),
        None => report.add("certificate", Verdict::Skipped, "its dates cannot be read", ""),
    }
}

/// The clock of the gateway, from the header `Date` of any answer.
fn clock(base: &Base, client: &Client, report: &mut Report) {
    let answer = match client.get(&format!("{}/.vestibule/", base.url), &[]) {
        Ok(answer) => answer,
        Err(why) => return report.add("clock", Verdict::No, why, "see to it that HTTP is answered"),
    };
    let moment = answer.header("date").and_then(http_date);
    let Some(there) = moment else {
        return report.add("clock", Verdict::Skipped, "the answer has no Date", "");
    };
    let apart = there.seconds().abs_diff(now().seconds());
    let found = format!(
        "{} of difference to this computer",
        output::counted(usize::try_from(apart).unwrap_or(usize::MAX), "second")
    );
    let remedy = "assertions are good for minutes: let both keep time by NTP";
    match apart {
        0..=30 => report.add("clock", Verdict::Good, found, ""),
        31..=60 => report.add("clock", Verdict::Weak, found, remedy),
        _ => report.add("clock", Verdict::No, found, remedy),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<UnixMillis> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)?.checked_add(1)?;
    UnixMillis::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

fn metadata(base: &Base, client: &Client, report: &mut Report) {
    const QUESTION: &str = "metadata";
    let url = format!("{}/.vestibule/saml/metadata", base.url);
    let answer = match client.get(&url, &[]) {
        Ok(answer) => answer,
        Err(why) => return report.add(QUESTION, Verdict::No, why, ""),
    };
    let value = |name: &str| attribute(&answer.body, name);
    match (answer.status, value("entityID")) {
        (200, Some(entity)) => {
            let consumer = answer
                .body
                .split_once("AssertionConsumerService")
                .and_then(|(_, rest)| attribute(rest, "Location"))
                .unwrap_or_default();
            if consumer.starts_with(&format!("{}/", base.url)) {
                let found = format!("Identifier {entity}, Reply URL {consumer}");
                report.add(QUESTION, Verdict::Good, found, "");
            } else {
                let found = format!("the Reply URL is {consumer}, which is not below {}", base.url);
                report.add(
                    QUESTION,
                    Verdict::No,
                    found,
                    "correct public_url, or ask the gateway by that address",
                );
            }
        }
        (200, None) => report.add(
            QUESTION,
            Verdict::No,
            "the answer is no metadata",
            "is this the gateway, with the filter in it?",
        ),
        _ if has_no_sign_on(&answer) => {
            report.add(QUESTION, Verdict::Skipped, "no sign-on is configured for this host", "");
        }
        (status, _) => {
            let remedy = match status {
                421 => "add this host to `hosts` of a tenant",
                404 if is_nobodys(&answer) => BY_PATH,
                _ => "is this the gateway, with the filter in it?",
            };
            report.add(QUESTION, Verdict::No, format!("answered {status}"), remedy);
        }
    }
}

/// What the filter answers at its sign-on endpoints where a tenant has no `saml`.
fn has_no_sign_on(answer: &Answer) -> bool {
    (answer.status == 404 && answer.body.contains("not_found"))
        || (answer.status == 405 && answer.body.contains("method_not_allowed"))
}

const BY_PATH: &str = "several tenants share this host: ask with the path_prefix of one behind it, such as \
                       https://app.example.com/acme";

/// What the filter answers where its tenants are told apart by more than the host.
fn is_nobodys(answer: &Answer) -> bool {
    answer.status == 404 && answer.body.contains("unknown_tenant")
}

/// The value of an attribute in XML of our own making.
fn attribute(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}

/// Where a browser signs in, below a tenant's address.
const SIGN_IN: &str = "/.vestibule/sign-in";

/// What a browser gets that has no session; where it is asked at which identity provider, what it gets at each.
fn redirect(base: &Base, client: &Client, report: &mut Report) {
    let answer = match navigate(client, &format!("{}{SIGN_IN}", base.url)) {
        Ok(answer) => answer,
        Err(why) => return report.add(QUESTION, Verdict::No, why, ""),
    };
    let ways = ways(base, &answer);
    if ways.is_empty() {
        return sent(&answer, None, report);
    }
    for (name, url) in ways {
        match navigate(client, &url) {
            Ok(answer) => sent(&answer, Some(&name), report),
            Err(why) => report.add(QUESTION, Verdict::No, format!("{name}: {why}"), ""),
        }
    }
}

const QUESTION: &str = "sign-in";

/// As a browser opens a page.
fn navigate(client: &Client, url: &str) -> Result<Answer, String> {
    let headers = [
        ("accept", "text/html"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "none"),
    ];
    client.get(url, &headers)
}

/// The identity providers that a page lets people choose among: name and address, which is the gateway's own.
fn ways(base: &Base, answer: &Answer) -> Vec<(String, String)> {
    const MOST: usize = 20;
    if answer.status != 200 {
        return Vec::new();
    }
    let path = base.url.strip_prefix(base.origin.as_str()).unwrap_or_default();
    let own = format!("{path}{SIGN_IN}?");
    let links =
        answer.body.split("<a ").skip(1).filter_map(|link| attribute(link.split('>').next()?, "href"));
    let named = links.filter_map(|link| {
        let mut query = link.strip_prefix(own.as_str())?.split('&');
        let name = query.find_map(|pair| pair.strip_prefix("idp="))?.to_owned();
        Some((name, format!("{}{link}", base.origin)))
    });
    named.take(MOST).collect()
}

/// Judges where a browser is sent, to this identity provider of several.
fn sent(answer: &Answer, whose: Option<&str>, report: &mut Report) {
    let of = whose.map_or_else(String::new, |name| format!("{name}: "));
    let location = answer.header("location").unwrap_or_default();
    let target = match answer.status {
        302 | 303 if location.contains("SAMLRequest=") => {
            location.split('?').next().unwrap_or_default().to_owned()
        }
        200 if answer.body.contains("SAMLRequest") => answer
            .body
            .split_once("<form")
            .and_then(|(_, rest)| attribute(rest, "action"))
            .unwrap_or_default(),
        _ if has_no_sign_on(answer) => {
            return report.add(QUESTION, Verdict::Skipped, "no sign-on is configured for this host", "");
        }
        status => {
            let remedy = match status {
                503 => {
                    "the identity provider's metadata cannot be fetched, or the gateway is overloaded: see its log"
                }
                404 if is_nobodys(answer) => BY_PATH,
                _ => "a browser is not sent to the identity provider: see the gateway's log",
            };
            return report.add(QUESTION, Verdict::No, format!("{of}answered {status}"), remedy);
        }
    };
    let kept = answer.headers("set-cookie").next().is_some();
    let local = target.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        crate::check::envoy::is_loopback_host(vestibule::common::path::host_without_port(authority))
    });
    if !kept {
        report.add(
            QUESTION,
            Verdict::No,
            format!("{of}no cookie is set, so that no answer could be told from a stranger's"),
            "is something removing Set-Cookie?",
        );
    } else if target.starts_with("https://") || local {
        report.add(QUESTION, Verdict::Good, format!("{of}a browser is sent to {target}"), "");
    } else {
        report.add(
            QUESTION,
            Verdict::No,
            format!("{of}a browser is sent to {target}"),
            "the Login URL must be https",
        );
    }
}

/// Test Connection, as Entra does it; and that nobody else gets in.
fn provisioning(url: &str, token: Option<&str>, client: &Client, report: &mut Report) {
    let Ok(nobody) = crate::token::random() else {
        return report.add("provisioning", Verdict::Skipped, "no randomness here", "");
    };
    let ask = |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        client
            .get(&format!("{url}{path}"), &[("authorization", &bearer), ("accept", "application/scim+json")])
    };
    let users = format!("/Users?filter=userName+eq+%22{nobody}%22");
    closed(&ask(&users, &nobody), report);
    let Some(token) = token else {
        let remedy = "give the secret token by --token-env NAME or --token-stdin";
        return report.add(
            "Test Connection",
            Verdict::Skipped,
            "not asked: it needs the secret token",
            remedy,
        );
    };
    listed("users", &ask(&users, token), report);
    let groups = format!("/Groups?excludedAttributes=members&filter=displayName+eq+%22{nobody}%22");
    listed("groups", &ask(&groups, token), report);
}

/// The answer to a token that nobody was given.
fn closed(answer: &Result<Answer, String>, report: &mut Report) {
    const QUESTION: &str = "closed to others";
    match answer.as_ref().map(|answer| answer.status) {
        Ok(401) => report.add(QUESTION, Verdict::Good, "a token that nobody was given is refused", ""),
        Ok(503) => report.add(
            QUESTION,
            Verdict::Weak,
            "tokens cannot be judged now (503)",
            "keys or the token server cannot be reached: see the gateway's log",
        ),
        Ok(404) => report.add(
            QUESTION,
            Verdict::No,
            "answered 404",
            "correct the path of the Tenant URL (scim.public_path)",
        ),
        Ok(200..=299) => report.add(
            QUESTION,
            Verdict::No,
            "a token that nobody was given is ACCEPTED",
            "nothing guards the SCIM server: is the filter on this route?",
        ),
        Ok(status) => report.add(
            QUESTION,
            Verdict::No,
            format!("answered {status} instead of 401"),
            "see the gateway's log",
        ),
        Err(why) => report.add(QUESTION, Verdict::No, why.clone(), ""),
    }
}

fn listed(what: &'static str, answer: &Result<Answer, String>, report: &mut Report) {
    let question = if what == "users" { "Test: users" } else { "Test: groups" };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return report.add(question, Verdict::No, why.clone(), ""),
    };
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let is_list = json.get("schemas").and_then(Value::as_array).is_some_and(|schemas| {
        schemas.iter().any(|schema| schema == "urn:ietf:params:scim:api:messages:2.0:ListResponse")
    });
    match (answer.status, json.get("totalResults").and_then(Value::as_u64)) {
        (200, Some(0)) if is_list => {
            report.add(question, Verdict::Good, "a search for nobody finds nobody", "")
        }
        (200, Some(count)) if is_list => report.add(
            question,
            Verdict::No,
            format!("a search for nobody finds {count}"),
            "the application does not filter: scim.abilities.filter: local",
        ),
        (200, _) => report.add(
            question,
            Verdict::No,
            "200, but no SCIM list",
            "does application.path lead to the SCIM server?",
        ),
        (401, _) => report.add(
            question,
            Verdict::No,
            "the token is refused (401)",
            "compare: vestibule token hash; dates of the token; the gateway's log",
        ),
        (404, _) => report.add(
            question,
            Verdict::No,
            "answered 404",
            "Entra takes this for a wrong Tenant URL: correct public_path and application.path",
        ),
        (status, _) => {
            report.add(question, Verdict::No, format!("answered {status}"), "see the gateway's log")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_scheme_and_host_and_a_token_goes_nowhere_else() {
        for wrong in [
            "app.example.com",
            "https://",
            "https:///acme",
            "https://a/b?c",
            "https://a//b",
            "https://a/../b",
            "https://a/%61",
            "https://a/b c",
            "ftp://a",
            "http://a.example",
            "https://u@a",
            "https://a:x",
        ] {
            assert!(Base::read(wrong).is_err(), "{wrong}");
        }
        let base = Base::read("https://app.example.com:8443/").unwrap();
        assert_eq!((base.host.as_str(), base.port, base.tls), ("app.example.com", 8443, true));
        assert_eq!(Base::read("http://[::1]:80").unwrap().host, "[::1]");
        let below = Base::read("https://app.example.com/acme/").unwrap();
        assert_eq!(
            (below.url.as_str(), below.host.as_str()),
            ("https://app.example.com/acme", "app.example.com")
        );
        assert_eq!(below.below("/acme/scim/").unwrap(), "https://app.example.com/acme/scim");
        assert!(below.below("https://elsewhere.example/acme/scim").is_err());
        assert_eq!(base.below("/scim/").unwrap(), "https://app.example.com:8443/scim");
        assert_eq!(
            base.below("https://app.example.com:8443/scim").unwrap(),
            "https://app.example.com:8443/scim"
        );
        for wrong in
            ["https://evil.example/scim", "https://app.example.com:84430/scim", "//evil.example/", "scim"]
        {
            assert!(base.below(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_date_of_http_is_read() {
        let moment = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(
            moment.to_rfc3339(),
            UnixMillis::parse_rfc3339("1994-11-06T08:49:37Z").unwrap().to_rfc3339()
        );
        assert!(http_date("yesterday").is_none());
    }
}
