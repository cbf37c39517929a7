//! `vestibule init`: a commented configuration, and an Envoy with it that starts as it is.

mod ask;
mod write;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::check;
use crate::output::{self, Failure};
use crate::token;

/// What the configuration is for. What is not given is asked, or with --yes as in the default.
#[derive(Args, Clone)]
pub(crate) struct Init {
    /// Folder for the files
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Ask nothing: take the defaults for what is not given
    #[arg(long)]
    yes: bool,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// Address that browsers and Entra use [default: https://app.example.com]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Name of the tenant [default: example]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the application listens [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    application: Option<String>,
    /// Path of the application's SCIM server, or none [default: /scim/v2]
    #[arg(long, value_name = "PATH|none")]
    scim: Option<String>,
    /// Directory (tenant) id of Entra, or none for no sign-on [default: none]
    #[arg(long, value_name = "GUID|none")]
    entra: Option<String>,
    /// "Certificate (Base64)" of the enterprise application
    #[arg(long, value_name = "FILE", conflicts_with = "application_id")]
    certificate: Option<PathBuf>,
    /// Application (client) id: the certificate is then read from Entra's metadata
    #[arg(long, value_name = "GUID")]
    application_id: Option<String>,
    /// Certificate chain of the listener (PEM); without one it listens without TLS, on this machine only
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Where Envoy listens [default: 0.0.0.0:8443 with TLS, 127.0.0.1:8443 without]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where Envoy's admin interface listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// The filter
    #[arg(long, value_name = "FILE", default_value = "vestibule.wasm")]
    wasm: PathBuf,
}

/// Everything that was decided.
struct Plan {
    public_url: String,
    name: String,
    application: (String, u16),
    scim: Option<String>,
    sign_on: Option<SignOn>,
    tls: Option<(PathBuf, PathBuf)>,
    listen: SocketAddr,
    admin: SocketAddr,
    wasm: PathBuf,
    token: String,
    key: String,
}

/// How people sign in.
struct SignOn {
    directory: String,
    trust: Trust,
}

/// Where the identity provider's certificate comes from.
enum Trust {
    /// Base64 of DER.
    Certificate(String),
    /// Entra's metadata of the application of this id.
    Metadata(String),
}

/// Asks, writes the files, and checks what it wrote.
pub(crate) fn run(init: &Init, as_json: bool) -> Result<ExitCode, Failure> {
    let plan = plan(init)?;
    let files = [
        ("vestibule.yaml", write::configuration(&plan), false),
        ("envoy.yaml", write::envoy(&plan), false),
        ("secrets.env", write::secrets(&plan), true),
    ];
    let (_, findings) = check::examine(files[1].1.as_bytes(), &init.folder);
    if let Some(error) = findings.iter().find(|finding| finding.severity == check::finding::Severity::Error) {
        return Err(Failure(format!("{}: {}; {}", error.path, error.what, error.remedy)));
    }
    for (name, text, secret) in &files {
        save(&init.folder.join(name), text, *secret, init.force)?;
    }
    let names: Vec<String> =
        files.iter().map(|(name, ..)| init.folder.join(name).display().to_string()).collect();
    if as_json {
        let token = plan.scim.is_some().then_some(&plan.token);
        let warnings: Vec<_> = findings.iter().map(|finding| finding.json("envoy.yaml")).collect();
        output::json(&json!({"files": names, "secret_token": token, "warnings": warnings}))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("Written: {}", names.join(", ")))?;
    for finding in &findings {
        output::print(&finding.text("envoy.yaml"))?;
    }
    output::print(&next_steps(&plan, &init.folder))?;
    Ok(ExitCode::SUCCESS)
}

fn next_steps(plan: &Plan, folder: &Path) -> String {
    let folder = folder.display();
    let mut text = format!(
        "\nStart it:\n  cd {folder}; set -a; . ./secrets.env; set +a; envoy -c envoy.yaml\n\
         What goes into Entra's fields:\n  vestibule entra {folder}/vestibule.yaml\n"
    );
    if plan.scim.is_some() {
        text.push_str(&format!(
            "Paste into Entra (Secret Token), it is shown only now:\n  {}\nPut into secrets.env: APP_SCIM_TOKEN, the application's own SCIM token.\n",
            plan.token
        ));
    }
    if plan.sign_on.is_none() {
        text.push_str("There is no sign-on yet: run it again with --entra, and the application's own sign-in is replaced.\n");
    }
    text
}

fn save(path: &Path, text: &str, secret: bool, force: bool) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| Failure::of(folder, error))?;
    }
    if path.exists() && !force {
        return Err(Failure::of(path, "is there already; --force overwrites it"));
    }
    if secret && path.exists() {
        // The mode is only set when a file is made.
        std::fs::remove_file(path).map_err(|error| Failure::of(path, error))?;
    }
    let mode = if secret { 0o600 } else { 0o644 };
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Failure::of(path, error))
}

fn plan(init: &Init) -> Result<Plan, Failure> {
    let mut ask = ask::Questions::new(init.yes);
    let public_url =
        ask.text("Address that browsers and Entra use", &init.public_url, "https://app.example.com")?;
    let name = ask.text("Name of the tenant", &init.name, "example")?;
    let application =
        ask.text("Where the application listens (host:port)", &init.application, "127.0.0.1:8080")?;
    let application = host_and_port(&application)?;
    let scim = ask.text("Path of the application's SCIM server, or none", &init.scim, "/scim/v2")?;
    let directory = ask.text("Directory (tenant) id of Entra for sign-on, or none", &init.entra, "none")?;
    let sign_on = match directory.as_str() {
        "none" if init.certificate.is_some() || init.application_id.is_some() => {
            return Err(Failure("--certificate and --application-id need --entra".to_owned()));
        }
        "none" => None,
        _ => Some(SignOn { trust: trust(init, &mut ask)?, directory }),
    };
    let tls = init.tls_certificate.clone().zip(init.tls_key.clone());
    let listen = init.listen.unwrap_or_else(|| {
        let address = if tls.is_some() { [0, 0, 0, 0] } else { [127, 0, 0, 1] };
        SocketAddr::from((address, 8443))
    });
    if tls.is_none() && !listen.ip().is_loopback() {
        return Err(Failure(
            "without --tls-certificate and --tls-key it listens on this machine only: --listen 127.0.0.1:PORT".to_owned(),
        ));
    }
    Ok(Plan {
        public_url: public_url.trim_end_matches('/').to_owned(),
        name,
        application,
        scim: (scim != "none").then_some(scim),
        sign_on,
        tls,
        listen,
        admin: init.admin,
        wasm: init.wasm.clone(),
        token: token::random()?,
        key: token::random()?,
    })
}

fn trust(init: &Init, ask: &mut ask::Questions) -> Result<Trust, Failure> {
    if let Some(path) = &init.certificate {
        return certificate(path);
    }
    let id = match &init.application_id {
        Some(id) => id.clone(),
        None => {
            let question = "Application (client) id, or the file of \"Certificate (Base64)\"";
            let answer = ask.text(question, &None, "")?;
            if Path::new(&answer).is_file() {
                return certificate(Path::new(&answer));
            }
            answer
        }
    };
    if id.is_empty() {
        return Err(Failure("sign-on needs --certificate FILE or --application-id GUID".to_owned()));
    }
    if !id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') || id.len() != 36 {
        return Err(Failure(format!("`{id}` is neither an application id (a GUID) nor a file")));
    }
    Ok(Trust::Metadata(id))
}

fn certificate(path: &Path) -> Result<Trust, Failure> {
    let text = output::read(path)?;
    let text = String::from_utf8_lossy(&text);
    vestibule::crypto::PublicKey::from_certificate(&text).map_err(|error| Failure::of(path, error))?;
    let base64 = text.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
    Ok(Trust::Certificate(base64))
}

fn host_and_port(text: &str) -> Result<(String, u16), Failure> {
    let wrong = || Failure(format!("`{text}` is not host:port"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let port = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(wrong());
    }
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}
