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
use keys::{SigningKey, token::TokenKey};
use saml::SignOnSettings;
use scim::{
    client::Client,
    credential::{Credential, Principal},
};
use web::{
    app::{App, Target},
    http,
    router::route,
};

/// Of the simulated enterprise application; invented.
const APPLICATION_ID: &str = "5d0c4b3a-2e1f-4a6b-9c8d-7e6f5a4b3c2d";
const SERVICE_PRINCIPAL_ID: &str = "8a7b6c5d-4e3f-4d2c-8b1a-0f9e8d7c6b5a";

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
        Command::Certificate { state_dir, pem, algorithm } => {
            SigningKey::load_or_make(&state_dir).map(|key| {
                if pem {
                    print!("{}", key.certificate_pem(algorithm));
                } else {
                    println!("{}", key.certificate_for(algorithm));
                }
            })
        }
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
    let (key, token_key) = match &options.state_dir {
        Some(directory) => (SigningKey::load_or_make(directory)?, TokenKey::load_or_make(directory)?),
        None => (SigningKey::generate()?, TokenKey::generate()?),
    };
    let credential = match &options.scim_token_env {
        Some(name) => Credential::SecretToken {
            token: std::env::var(name)
                .map_err(|_| format!("the environment has no {name} with the SCIM token"))?,
        },
        None => Credential::EntraToken {},
    };
    let listener =
        TcpListener::bind(options.listen).map_err(|error| format!("{}: {error}", options.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let settings = SignOnSettings {
        logout_url: options.logout_url,
        ..SignOnSettings::new(
            options.tenant_id.clone(),
            format!("http://{address}"),
            options.sp_entity_id,
            options.acs_url,
        )
    };
    let target = Target {
        tenant_url: options.scim_url,
        double_slash: options.double_slash,
        application_id: APPLICATION_ID.into(),
        service_principal_id: SERVICE_PRINCIPAL_ID.into(),
    };
    let principal =
        Principal { tenant_id: options.tenant_id, object_id: target.service_principal_id.clone() };
    let token_key = Arc::new(token_key);
    let client = Client::new(credential, principal, Arc::clone(&token_key), options.ca_file.as_deref())?;
    let app = Arc::new(App::new(settings, key, token_key, target, client));
    println!("Entra simulator on http://{address}/");
    http::serve(&listener, move |request| route(&app, request));
    Ok(())
}
