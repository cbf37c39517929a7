//! The command line.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use crate::keys::Algorithm;

/// What `--help` prints.
pub const HELP: &str = "\
A local stand-in for Microsoft Entra ID

entra-simulator serve [OPTIONS]         signs people in and provisions them, until it is stopped
    --listen 127.0.0.1:PORT             loopback address to listen on (default 127.0.0.1:9081)
    --tenant-id GUID                    tenant
    --sp-entity-id ID                   Identifier (Entity ID) of the application
    --acs-url URL                       Reply URL (Assertion Consumer Service URL) of the application
    --scim-url URL                      Tenant URL; with ?aadOptscim062020 the compatibility flag is on
    --scim-token-env NAME               environment variable with the Secret Token; without it, Entra's own token
    --logout-url URL                    Logout URL of the application
    --ca-file FILE                      certificates (PEM) to trust instead of the public ones
    --state-dir DIR                     where the signing key is kept; without it, a new one at every start
    --double-slash                      keep a trailing slash of the Tenant URL, so that requests go to //Users
entra-simulator certificate --state-dir DIR [--pem] [--algorithm ALGORITHM]
                                        prints the signing certificate as base64 or PEM; makes it if it is missing.
                                        ALGORITHM: rsa-sha256 (the default), ecdsa-sha256, ecdsa-sha384
entra-simulator tls-certificate --state-dir DIR --name HOST
                                        makes ca.pem, server.pem and server.key for HOST and 127.0.0.1, if missing
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the help.
    Help,
    /// Print the certificate.
    Certificate {
        /// Where it is kept.
        state_dir: PathBuf,
        /// As PEM instead of one line of base64.
        pem: bool,
        /// Which of the certificates.
        algorithm: Algorithm,
    },
    /// Make TLS certificates for a demonstration.
    TlsCertificate {
        /// Where they are kept.
        state_dir: PathBuf,
        /// Host name of the server.
        name: String,
    },
    /// Serve.
    Serve(Box<ServeOptions>),
}

/// Options of `serve`, as in the help.
#[derive(Debug, PartialEq, Eq)]
pub struct ServeOptions {
    pub listen: SocketAddr,
    pub tenant_id: String,
    pub sp_entity_id: String,
    pub acs_url: String,
    pub scim_url: String,
    pub scim_token_env: Option<String>,
    pub logout_url: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub double_slash: bool,
}

const FLAGS: [&str; 2] = ["--pem", "--double-slash"];
const TLS_OPTIONS: [&str; 2] = ["--state-dir", "--name"];
const CERTIFICATE_OPTIONS: [&str; 3] = ["--state-dir", "--pem", "--algorithm"];
const SERVE_OPTIONS: [&str; 10] = [
    "--listen",
    "--tenant-id",
    "--sp-entity-id",
    "--acs-url",
    "--scim-url",
    "--scim-token-env",
    "--logout-url",
    "--ca-file",
    "--state-dir",
    "--double-slash",
];

/// Reads the command line, without the program's name.
///
/// # Errors
/// Something is missing, unknown or not usable.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let command = arguments.next().unwrap_or_else(|| "--help".into());
    match command.as_str() {
        "--help" | "-h" | "help" => Ok(Command::Help),
        "certificate" => certificate(&options(arguments, &CERTIFICATE_OPTIONS)?),
        "tls-certificate" => {
            let options = options(arguments, &TLS_OPTIONS)?;
            let state_dir = required(&options, "--state-dir")?.into();
            Ok(Command::TlsCertificate { state_dir, name: required(&options, "--name")? })
        }
        "serve" => serve(&options(arguments, &SERVE_OPTIONS)?),
        other => Err(format!("there is no command '{other}'")),
    }
}

type Options = HashMap<String, String>;

fn options(mut arguments: impl Iterator<Item = String>, known: &[&str]) -> Result<Options, String> {
    let mut found = Options::new();
    while let Some(name) = arguments.next() {
        if !known.contains(&name.as_str()) {
            return Err(format!("there is no option '{name}' here"));
        }
        let value = match FLAGS.contains(&name.as_str()) {
            true => String::new(),
            false => arguments.next().ok_or_else(|| format!("{name} needs a value"))?,
        };
        if found.insert(name.clone(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(found)
}

fn certificate(options: &Options) -> Result<Command, String> {
    let state_dir = required(options, "--state-dir")?.into();
    let algorithm = match options.get("--algorithm") {
        None => Algorithm::RsaSha256,
        Some(word) => Algorithm::ALL
            .iter()
            .find(|(_, known, _)| known == word)
            .map(|(algorithm, ..)| *algorithm)
            .ok_or_else(|| format!("there is no algorithm '{word}'"))?,
    };
    Ok(Command::Certificate { state_dir, pem: options.contains_key("--pem"), algorithm })
}

fn serve(options: &Options) -> Result<Command, String> {
    let listen = options.get("--listen").map_or("127.0.0.1:9081", String::as_str);
    let listen: SocketAddr = listen.parse().map_err(|_| format!("'{listen}' is no address and port"))?;
    if !listen.ip().is_loopback() {
        return Err("the simulator signs anybody in, so it listens on a loopback address only".into());
    }
    Ok(Command::Serve(Box::new(ServeOptions {
        listen,
        tenant_id: guid(required(options, "--tenant-id")?)?,
        sp_entity_id: required(options, "--sp-entity-id")?,
        acs_url: url(required(options, "--acs-url")?)?,
        scim_url: url(required(options, "--scim-url")?)?,
        scim_token_env: options.get("--scim-token-env").cloned(),
        logout_url: options.get("--logout-url").cloned().map(url).transpose()?,
        ca_file: options.get("--ca-file").map(PathBuf::from),
        state_dir: options.get("--state-dir").map(PathBuf::from),
        double_slash: options.contains_key("--double-slash"),
    })))
}

fn required(options: &Options, name: &str) -> Result<String, String> {
    options.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| format!("{name} is missing"))
}

/// A URL that can stand in a page and in a header.
///
/// # Errors
/// It cannot.
pub fn url(text: String) -> Result<String, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b';'));
    let good = plain && (text.starts_with("https://") || text.starts_with("http://"));
    if good { Ok(text) } else { Err(format!("'{text}' is no http or https URL")) }
}

/// A GUID, in lower case.
///
/// # Errors
/// It is none.
pub fn guid(text: String) -> Result<String, String> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let good =
        lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if good { Ok(text.to_lowercase()) } else { Err(format!("'{text}' is no GUID")) }
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    const GOOD: &str = "serve --tenant-id 3F2B8A10-5c6d-4e7f-8091-a2b3c4d5e6f7 --sp-entity-id urn:a --acs-url \
                        https://a.example/acs --scim-url https://a.example/scim --scim-token-env TOKEN";

    fn of(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_good_line_is_read() {
        let Ok(Command::Serve(options)) = of(GOOD) else { panic!("refused") };
        assert_eq!(options.listen.to_string(), "127.0.0.1:9081");
        assert_eq!(options.tenant_id, "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7");
        assert_eq!(of("").unwrap(), Command::Help);
    }

    #[test]
    fn other_than_loopback_addresses_are_refused() {
        assert!(of(&format!("{GOOD} --listen 0.0.0.0:80")).unwrap_err().contains("loopback"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(of("serve").unwrap_err().contains("--tenant-id"));
        assert!(of(&format!("{GOOD} --what")).unwrap_err().contains("--what"));
        assert!(of(&format!("{GOOD} --ca-file")).unwrap_err().contains("needs a value"));
        assert!(of("certificate --state-dir a --state-dir b").unwrap_err().contains("twice"));
    }
}
