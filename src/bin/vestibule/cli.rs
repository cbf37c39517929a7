//! Commands and their exit codes: 0 good, 1 the answer is no, 2 wrong usage.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::{self, Failure};
use crate::{check, keys, saml, scim, token};

const EXAMPLES: &str = "\
Examples:
  vestibule check envoy.yaml                         every problem, with its place and its remedy
  vestibule token new                                a secret token for Entra, and its hash for the configuration
  vestibule keys rotate config.yaml --write          a new key before the old ones
  vestibule saml inspect response.xml --config config.yaml
  vestibule scim explain case.json                   what becomes of a provisioning request, and why

Exit codes: 0 good, 1 the answer is no, 2 wrong usage. Every command has --json for programs and --help with examples.";

const CHECK_EXAMPLES: &str = "\
Examples:
  vestibule check config.yaml              a plugin configuration by itself
  vestibule check envoy.yaml               Envoy's configuration with the filter in it
  vestibule check manifests.yaml           WasmPlugin, EnvoyFilter, EnvoyExtensionPolicy, ConfigMap; several documents
  kubectl get wasmplugin -o yaml | vestibule check -
  vestibule check --strict --json *.yaml   for a pipeline: warnings are a no, too

Exit codes: 0 no error (with --strict: no warning either), 1 problems, 2 a file cannot be read.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  vestibule token new                      for Entra's field Secret Token; only its hash goes into the configuration
  vestibule token hash < token.txt         the hash of a token that there is already";

const KEYS_EXAMPLES: &str = "\
Examples:
  export VESTIBULE_KEY=$(vestibule keys new)
  vestibule keys rotate config.yaml          shows the list of keys with a new one before the old ones
  vestibule keys rotate config.yaml --write  changes the file
  vestibule keys rotate config.yaml --retire changes the list back: the oldest key goes";

const SCIM_EXAMPLES: &str = "\
Examples:
  vestibule scim explain case.json         what becomes of one request, by which rules
  vestibule scim replay session.har        of every request of a recorded session, one line each

Both print JSON, whether --json is given or not.";

const SAML_EXAMPLES: &str = "\
Examples:
  vestibule saml inspect response.xml --config config.yaml
  vestibule saml inspect session.har --idp-cert entra.cer --audience https://app.example.com/saml
  pbpaste | vestibule saml inspect - --config config.yaml --tenant example --at 2027-01-31T09:00:00Z";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  vestibule completions bash > ~/.local/share/bash-completion/completions/vestibule
  vestibule completions zsh > ~/.zfunc/_vestibule
  vestibule completions fish > ~/.config/fish/completions/vestibule.fish";

#[derive(Parser)]
#[command(
    name = "vestibule",
    version,
    about = "For the people who run Vestibule: checks configurations, makes secrets, and says what happens and why",
    after_help = EXAMPLES,
    arg_required_else_help = true
)]
struct Arguments {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print every problem of a configuration, with its place, what comes of it, and the remedy
    #[command(after_help = CHECK_EXAMPLES)]
    Check(check::Check),
    /// Make and hash secret tokens for Entra's field "Secret Token"
    #[command(after_help = TOKEN_EXAMPLES)]
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Make and rotate the keys that seal sessions
    #[command(after_help = KEYS_EXAMPLES)]
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Sign-on messages
    #[command(after_help = SAML_EXAMPLES)]
    Saml {
        #[command(subcommand)]
        command: saml::SamlCommand,
    },
    /// What the filter does with provisioning requests
    #[command(after_help = SCIM_EXAMPLES)]
    Scim {
        #[command(subcommand)]
        command: scim::ScimCommand,
    },
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let Arguments { json, command } = Arguments::parse();
    let done = match command {
        Command::Check(check) => check::run(&check, json),
        Command::Token { command } => token::run(&command, json),
        Command::Keys { command } => keys::run(&command, json),
        Command::Saml { command } => return saml::run(command, json),
        Command::Scim { command } => return scim::run(&command),
        Command::Completions { shell } => completions(shell),
    };
    done.unwrap_or_else(|Failure(why)| {
        eprintln!("error: {why}");
        ExitCode::from(2)
    })
}

fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vestibule", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
