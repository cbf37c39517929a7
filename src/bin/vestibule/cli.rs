//! Commands and their exit codes: 0 good, 1 the answer is no, 2 wrong usage.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Parser, Subcommand};
use vestibule::common::UnixMillis;
use vestibule::config::Configuration;
use vestibule::crypto::sha256;
use vestibule::gateway::Gateway;

use crate::bootstrap::Expected;

#[derive(Parser)]
#[command(
    name = "vestibule",
    version,
    about = "Checks configurations and makes secrets for the Vestibule filter"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read a plugin configuration and print every problem with its place and its remedy
    Check {
        /// The configuration (YAML or JSON), or - for standard input
        config: PathBuf,
        /// Envoy's configuration, to be compared with it
        #[arg(long)]
        envoy: Option<PathBuf>,
    },
    /// Policies
    Policy {
        #[command(subcommand)]
        command: crate::policy::PolicyCommand,
    },
    /// Sign-on messages
    Saml {
        #[command(subcommand)]
        command: crate::saml::SamlCommand,
    },
    /// Secret tokens for Entra's "Secret Token" field
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Keys that seal sessions
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// What the filter does with provisioning requests
    Scim {
        #[command(subcommand)]
        command: super::scim::ScimCommand,
    },
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make a token: what to paste into Entra, and what to put into the configuration
    New,
    /// Read a token from standard input and print what to put into the configuration
    Hash,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make a key of 256 random bits
    New,
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { config, envoy } => check(&config, envoy.as_deref()),
        Command::Policy { command } => crate::policy::run(&command),
        Command::Saml { command } => crate::saml::run(command),
        Command::Token { command: TokenCommand::New } => with_random(|token| {
            println!("Paste into Entra (Secret Token):   {token}");
            println!(
                "Put into the configuration:        {{name: entra, sha256: \"{}\"}}",
                hash(token.as_bytes())
            );
        }),
        Command::Token { command: TokenCommand::Hash } => hash_token(),
        Command::Keys { command: KeysCommand::New } => with_random(|key| println!("{key}")),
        Command::Scim { command } => super::scim::run(&command),
    }
}

fn check(config: &Path, envoy: Option<&Path>) -> ExitCode {
    let text = match read(config) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", config.display());
            return ExitCode::from(2);
        }
    };
    // Envoy's environment is not this one: a variable that is not set here may well be set there.
    let environment =
        |name: &str| Some(std::env::var(name).unwrap_or_else(|_| vestibule::config::STAND_IN.to_owned()));
    match Gateway::compile(&text, &environment) {
        Ok((gateway, mut warnings)) => {
            let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            warnings.extend(gateway.warnings_at(UnixMillis::default().after(since_1970)));
            for warning in &warnings {
                println!("warning: {warning}");
            }
            match compare(&text, envoy, &environment) {
                Ok(differences) => {
                    for difference in &differences {
                        println!("warning: envoy: {difference}");
                    }
                    warnings.extend(differences);
                }
                Err(error) => {
                    eprintln!("{error}");
                    return ExitCode::from(2);
                }
            }
            println!("{}: good, {} warnings", config.display(), warnings.len());
            ExitCode::SUCCESS
        }
        Err(errors) => {
            for error in &errors {
                println!("error: {error}");
            }
            println!("{}: {} errors", config.display(), errors.len());
            ExitCode::from(1)
        }
    }
}

/// What Envoy's configuration does that the filter's does not expect.
fn compare(
    config: &[u8],
    envoy: Option<&Path>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let Some(envoy) = envoy else { return Ok(Vec::new()) };
    let text = read(envoy).map_err(|error| format!("{}: {error}", envoy.display()))?;
    let tree =
        vestibule::config::read_tree(&text).map_err(|problem| format!("{}: {problem}", envoy.display()))?;
    let Ok((configuration, _)) = Configuration::read(config, environment) else { return Ok(Vec::new()) };
    Ok(crate::bootstrap::warnings(&tree, &Expected::of(&configuration.tenants)))
}

pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}

fn hash_token() -> ExitCode {
    let mut token = String::new();
    if let Err(error) = std::io::stdin().read_line(&mut token) {
        eprintln!("standard input: {error}");
        return ExitCode::from(2);
    }
    let token = token.trim_end_matches(['\r', '\n']);
    if token.is_empty() {
        eprintln!("no token on standard input");
        return ExitCode::from(2);
    }
    if token.len() < 16 {
        eprintln!(
            "warning: a token of {} characters can be guessed from its hash; make one: vestibule token new",
            token.len()
        );
    }
    println!("{{name: entra, sha256: \"{}\"}}", hash(token.as_bytes()));
    ExitCode::SUCCESS
}

fn hash(token: &[u8]) -> String {
    sha256(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn with_random(print: impl Fn(&str)) -> ExitCode {
    let mut random = [0u8; 32];
    if let Err(error) = getrandom::fill(&mut random) {
        eprintln!("no randomness: {error}");
        return ExitCode::from(1);
    }
    print(&URL_SAFE_NO_PAD.encode(random));
    ExitCode::SUCCESS
}
