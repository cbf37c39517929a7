//! A local stand-in for Microsoft Entra ID: signs real SAML responses and replays Entra's provisioning requests in
//! their raw form, over plain HTTP on the loopback interface. See `--help`.

mod arguments;
mod clock;
mod directory;
mod form;
mod keys;
mod random;
mod saml;
mod scim;
mod tls;
mod web;
mod xml;

use std::{net::TcpListener, process::ExitCode, sync::Arc};

use arguments::{Command, ServeOptions};
use keys::SigningKey;
use saml::SignOnSettings;
use scim::{client::Client, job::Job, requests::TenantUrl};
use web::{api::route, app::App, http};

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("entra-simulator: {problem}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Help => {
            println!("{}", arguments::HELP);
            Ok(())
        }
        Command::Certificate { state_dir, pem } => SigningKey::load_or_make(&state_dir).map(|key| {
            if pem { print!("{}", key.certificate_pem()) } else { println!("{}", key.certificate_base64()) }
        }),
        Command::TlsCertificate { state_dir, name } => tls::make(&state_dir, &name),
        Command::Serve(options) => serve(*options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("entra-simulator: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: ServeOptions) -> Result<(), String> {
    let key = match &options.state_dir {
        Some(directory) => SigningKey::load_or_make(directory)?,
        None => SigningKey::generate()?,
    };
    let token = std::env::var(&options.scim_token_env)
        .map_err(|_| format!("the environment has no {} with the SCIM token", options.scim_token_env))?;
    let listener =
        TcpListener::bind(options.listen).map_err(|error| format!("{}: {error}", options.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let settings = SignOnSettings {
        tenant_id: options.tenant_id,
        origin: format!("http://{address}"),
        identifier: options.sp_entity_id,
        reply_url: options.acs_url,
    };
    let job = Job::new(TenantUrl::new(&options.scim_url, options.double_slash));
    let client = Client::new(token, options.ca_file.as_deref())?;
    let app = Arc::new(App::new(settings, key, options.scim_url, job, client));
    println!("Entra simulator on http://{address}/");
    http::serve(&listener, move |request| route(&app, request));
    Ok(())
}
