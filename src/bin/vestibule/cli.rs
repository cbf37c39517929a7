//! Commands and their exit codes: 0 good, 1 the answer is no, 2 wrong usage.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use vestibule::common::about;

use crate::output::{self, Failure};
use crate::{check, doctor, entra, init, keys, policy, saml, scim, token};

const EXAMPLES: &str = "\
Examples:
  vestibule init gateway                             a configuration, and an Envoy that starts with it
  vestibule entra config.yaml                        what goes into each field of Entra's admin centre
  vestibule doctor https://app.example.com           what Entra and browsers will meet, with a verdict per line
  vestibule check envoy.yaml                         every problem, with its place and its remedy
  vestibule token new                                a secret token for Entra, and its hash for the configuration
  vestibule keys rotate config.yaml --write          a new key before the old ones
  vestibule policy test config.yaml --url /admin     which rule decides on a request, and why
  vestibule saml inspect response.xml --config config.yaml
  vestibule scim explain case.json                   what becomes of a provisioning request, and why

Exit codes: 0 good, 1 the answer is no, 2 wrong usage. Every command has --json for programs and --help with examples.";

const CHECK_EXAMPLES: &str = "\
Examples:
  vestibule check config.yaml              a plugin configuration by itself
  vestibule check envoy.yaml               Envoy's configuration with the filter in it
  vestibule check manifests.yaml           WasmPlugin, EnvoyFilter, EnvoyExtensionPolicy, ConfigMap; several documents
  vestibule check - < manifests.yaml       what kubectl get -o yaml prints
  vestibule check --strict --json *.yaml   for a pipeline: warnings are a no, too

Exit codes: 0 no error (with --strict: no warning either), 1 problems, 2 a file cannot be read.";

const INIT_EXAMPLES: &str = "\
Examples:
  vestibule init gateway                   asks, and writes gateway/{vestibule.yaml,envoy.yaml,secrets.env}
  vestibule init trial --yes --public-url https://app.example.com --application app.internal:8080
  vestibule init sign-on --yes --public-url https://app.example.com --scim none \\
      --entra 11111111-2222-3333-4444-555555555555 --application-id 99999999-8888-7777-6666-555555555555

Exit codes: 0 written, 2 wrong usage.";

const ENTRA_EXAMPLES: &str = "\
Examples:
  vestibule entra config.yaml                        every tenant
  vestibule entra envoy.yaml --tenant example        one, out of Envoy's configuration
  vestibule entra config.yaml --metadata sp.xml      and the file for Upload metadata file";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  vestibule doctor https://app.example.com
  vestibule doctor https://app.example.com --tenant-url /scim/v2/entra --token-env SCIM_TOKEN
  vestibule doctor https://app.example.com/acme
  vestibule doctor https://localhost:8443 --ca ca.pem --tenant-url /scim/v2/entra --token-stdin < token.txt

The token is never taken from the command line, which other users of the machine can see.
Exit codes: 0 no line says NO, 1 one does, 2 wrong usage.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  vestibule token new                      for Entra's field Secret Token; only its hash goes into the configuration
  vestibule token hash < token.txt         the hash of a token that there is already";

const KEYS_EXAMPLES: &str = "\
Examples:
  export VESTIBULE_KEY=$(vestibule keys new)
  vestibule keys rotate config.yaml           shows the list of keys with a new one before the old ones
  vestibule keys rotate config.yaml --write   changes the file
  vestibule keys rotate config.yaml --retire  shows the list without the oldest key";

const SCIM_EXAMPLES: &str = "\
Examples:
  vestibule scim explain case.json         what becomes of one request, by which rules
  vestibule scim replay session.har        of every request of a recorded session, one line each

Both print JSON, whether --json is given or not.";

const POLICY_EXAMPLES: &str = "\
Examples:
  vestibule policy test config.yaml --url https://app.example.com/admin
  vestibule policy test config.yaml --method POST --url /admin --tenant example --claims claims/ada.yaml --address 10.0.0.1

Exit codes: 0 the request passes, 1 it is refused or must sign in, 2 wrong usage.";

const SAML_EXAMPLES: &str = "\
Examples:
  vestibule saml inspect response.xml --config config.yaml
  vestibule saml inspect sign-in.har --idp-cert entra.cer --audience https://app.example.com/saml
  vestibule saml inspect - --config config.yaml --tenant example --at 2027-01-31T09:00:00Z < response.xml";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  vestibule completions bash > ~/.local/share/bash-completion/completions/vestibule
  vestibule completions zsh > ~/.zfunc/_vestibule
  vestibule completions fish > ~/.config/fish/completions/vestibule.fish";

#[derive(Parser)]
#[command(
    name = "vestibule",
    version = about::build(),
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
    /// Write a commented configuration, and an Envoy configuration with it that starts as it is
    #[command(after_help = INIT_EXAMPLES)]
    Init(Box<init::Init>),
    /// Print every problem of a configuration, with its place, what comes of it, and the remedy
    #[command(after_help = CHECK_EXAMPLES)]
    Check(check::Check),
    /// Print what goes into each field of Entra's admin centre, and what to copy back
    #[command(after_help = ENTRA_EXAMPLES)]
    Entra(entra::Entra),
    /// Ask a running gateway what Entra and browsers will ask, with a verdict per line
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(doctor::Doctor),
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
    /// What rules say of a request
    #[command(after_help = POLICY_EXAMPLES)]
    Policy {
        #[command(subcommand)]
        command: policy::PolicyCommand,
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
        Command::Init(init) => init::run(&init, json),
        Command::Entra(entra) => entra::run(&entra, json),
        Command::Doctor(doctor) => doctor::run(&doctor, json),
        Command::Token { command } => token::run(&command, json),
        Command::Keys { command } => keys::run(&command, json),
        Command::Policy { command } => policy::run(&command, json),
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
