//! `vestibule token`: secret tokens, of which the configuration holds only the hash.

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use serde_json::json;
use vestibule::crypto::sha256;

use crate::output::{self, Failure};

/// What can be done with tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token: what to paste into Entra, and what to put into the configuration
    New {
        /// Its name in the configuration and in the log
        #[arg(long, default_value = "entra", value_name = "NAME")]
        name: String,
    },
    /// Read a token from standard input and print what to put into the configuration
    Hash {
        /// Its name in the configuration and in the log
        #[arg(long, default_value = "entra", value_name = "NAME")]
        name: String,
    },
}

/// Runs one of them.
pub(crate) fn run(command: &TokenCommand, as_json: bool) -> Result<ExitCode, Failure> {
    match command {
        TokenCommand::New { name } => {
            let token = random()?;
            let sha256 = hash(token.as_bytes());
            if as_json {
                output::json(&json!({"token": token, "configuration": {"name": name, "sha256": sha256}}))?;
            } else {
                output::line(&format!("Paste into Entra (Secret Token):   {token}"))?;
                output::line(&format!("Put into the configuration:        {}", entry(name, &sha256)))?;
            }
        }
        TokenCommand::Hash { name } => hash_given(name, as_json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn hash_given(name: &str, as_json: bool) -> Result<(), Failure> {
    let mut token = String::new();
    std::io::stdin().read_line(&mut token).map_err(|error| Failure(format!("standard input: {error}")))?;
    let token = token.trim_end_matches(['\r', '\n']);
    if token.is_empty() {
        return Err(Failure("no token on standard input".to_owned()));
    }
    let short = token.len() < 16;
    let warning = format!(
        "a token of {} characters can be guessed from its hash; make one: vestibule token new",
        token.len()
    );
    let sha256 = hash(token.as_bytes());
    if as_json {
        let warnings: &[&str] = if short { &[&warning] } else { &[] };
        return output::json(
            &json!({"configuration": {"name": name, "sha256": sha256}, "warnings": warnings}),
        );
    }
    if short {
        eprintln!("warning: {warning}");
    }
    output::line(&entry(name, &sha256))
}

/// As it stands in the list `tokens`.
pub(crate) fn entry(name: &str, sha256: &str) -> String {
    format!("{{name: {name}, sha256: \"{sha256}\"}}")
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash(token: &[u8]) -> String {
    sha256(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 256 random bits as text.
pub(crate) fn random() -> Result<String, Failure> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| Failure(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}
