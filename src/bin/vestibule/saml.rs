//! `vestibule saml inspect`: judges a captured response as the filter does, and says what to change.

mod expect;
mod input;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use vestibule::common::{Host, HostError, Level, NativeSignature, NativeVerdict, UnixMillis};
use vestibule::gateway::RuledOut;
use vestibule::saml::response::{Accepted, Checks, Expectations, Rejection, decode_post, validate_with};

use expect::{Attempt, Expected};
use input::Message;

/// What can be done with sign-on messages.
#[derive(Subcommand)]
pub(crate) enum SamlCommand {
    /// Judge a response as the filter does, and say what to change
    Inspect(Box<Inspect>),
}

/// What to judge a response by. What is not given is taken from the message, with a warning.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The response: XML, Base64, a URL-encoded form or a HAR file; - for standard input
    file: PathBuf,
    /// A signing certificate of the identity provider (PEM or Base64 of DER); may be repeated
    #[arg(long, value_name = "FILE")]
    idp_cert: Vec<PathBuf>,
    /// Entity ID of the identity provider (Entra: Microsoft Entra Identifier)
    #[arg(long, value_name = "ID")]
    idp_entity_id: Option<String>,
    /// Our entity ID (Entra: Identifier)
    #[arg(long, value_name = "ID")]
    audience: Option<String>,
    /// URL of our assertion consumer (Entra: Reply URL)
    #[arg(long, value_name = "URL")]
    acs: Option<String>,
    /// Identifier of the request that the browser has pending; none: it has none
    #[arg(long, value_name = "ID|none")]
    request_id: Option<String>,
    /// A private key of ours (PEM) that messages are encrypted to; may be repeated
    #[arg(long, value_name = "FILE")]
    decryption_key: Vec<PathBuf>,
    /// The time of the sign-in (RFC 3339) instead of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixMillis>,
    /// How many seconds the clocks may be apart, at most 300 [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=300))]
    skew: Option<u64>,
    /// A relaxation by its name; may be repeated
    #[arg(long, value_name = "NAME", value_parser = relaxation)]
    accept: Vec<String>,
    /// Take what to judge by from this plugin configuration: that of the identity provider whose answer it is, and the
    /// conditions beyond SAML (directory, groups, way and time of the sign-in). The account is not asked about
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of the tenant in the configuration; needed where it has several
    #[arg(long, value_name = "NAME", requires = "config")]
    tenant: Option<String>,
}

fn time(text: &str) -> Result<UnixMillis, String> {
    UnixMillis::parse_rfc3339(text).ok_or_else(|| "not a time such as 2027-01-31T09:00:00Z".to_owned())
}

fn relaxation(name: &str) -> Result<String, String> {
    let names = vestibule::saml::response::Accept::NAMES;
    if names.contains(&name) {
        Ok(name.to_owned())
    } else {
        Err(format!("no such relaxation; there are {}", names.join(", ")))
    }
}

/// Why nothing could be judged; exit code 2.
pub(crate) struct Usage(String);

/// Runs one of the commands.
pub(crate) fn run(command: SamlCommand, json: bool) -> ExitCode {
    let SamlCommand::Inspect(inspect) = command;
    match judge(&inspect) {
        Ok(judgement) => judgement.print(json),
        Err(Usage(why)) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// What came of one response.
struct Judgement {
    outcome: Result<Box<Accepted>, Rejection>,
    checks: Checks,
    /// What the conditions of the configuration say of an accepted response; `None` where nobody asked them.
    rules: Option<Result<(), RuledOut>>,
    /// Of the command itself: what was not checked, or what is odd about the input. Code and sentence.
    warnings: Vec<(&'static str, String)>,
}

fn judge(inspect: &Inspect) -> Result<Judgement, Usage> {
    let mut expected = Expected::read(inspect)?;
    let (message, mut warnings) = input::read(&inspect.file)?;
    warnings.append(&mut expected.warnings);
    let xml = match message {
        Message::Xml(xml) => Ok(xml),
        Message::Encoded(text) => decode_post(&text),
    };
    let xml = match xml {
        Ok(xml) => xml,
        Err(rejection) => {
            let checks = Checks::default();
            return Ok(Judgement { outcome: Err(rejection), checks, rules: None, warnings });
        }
    };
    let host = CommandLine { now: expected.now };
    let mut nearest: Option<Judgement> = None;
    for attempt in expected.attempts() {
        let judgement = by(attempt, &host, &xml);
        if nearest.as_ref().is_none_or(|have| nearness(have) < nearness(&judgement)) {
            nearest = Some(judgement);
        }
    }
    let mut judgement = nearest.ok_or_else(|| Usage("there is no identity provider".to_owned()))?;
    warnings.append(&mut judgement.warnings);
    Ok(Judgement { warnings, ..judgement })
}

/// As the answer of one identity provider.
fn by(mut attempt: Attempt<'_>, host: &CommandLine, xml: &[u8]) -> Judgement {
    let mut warnings = attempt.warnings();
    loop {
        let mut checks = Checks::default();
        let outcome = attempt.with(|expect: &Expectations<'_>| validate_with(host, xml, expect, &mut checks));
        let rules = match &outcome {
            Ok(accepted) => {
                warnings.append(&mut attempt.unseen(accepted));
                attempt.rules(accepted)
            }
            Err(rejection) => match attempt.learn(rejection, &checks) {
                Some(warning) => {
                    warnings.push(warning);
                    continue;
                }
                None => None,
            },
        };
        let rules = rules.map(|rules| {
            rules.map(|codes| warnings.extend(codes.into_iter().map(|code| (code, report::of_rule(code)))))
        });
        return Judgement { outcome: outcome.map(Box::new), checks, rules, warnings };
    }
}

/// How near a judgement is to an answer of the identity provider; the filter refuses by the nearest as well.
fn nearness(judgement: &Judgement) -> u8 {
    judgement.outcome.as_ref().err().map_or(u8::MAX, Rejection::nearness)
}

/// The host of a single judgement: a clock that stands, randomness of the operating system, nothing shared.
struct CommandLine {
    now: UnixMillis,
}

impl Host for CommandLine {
    fn now(&self) -> UnixMillis {
        self.now
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(buffer).map_err(|_| HostError::Unavailable)
    }

    fn shared_get(&self, _: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        Err(HostError::Unavailable)
    }

    fn shared_set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), HostError> {
        Err(HostError::Unavailable)
    }

    fn verify_natively(&self, _: &NativeSignature<'_>) -> NativeVerdict {
        NativeVerdict::Unavailable
    }

    fn request_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }

    fn response_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }

    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }

    fn count(&self, _: &str) {}

    fn log(&self, _: Level, _: &str) {}
}
