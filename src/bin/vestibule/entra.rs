//! `vestibule entra`: what goes into each field of the admin centre, and what comes back from it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use vestibule::config::{
    Configuration, GroupOverage, Metadata, RequiredSignatures, SamlSettings, ScimSettings, Tenant, Trust,
    Unsolicited,
};

use crate::check::plugin;
use crate::output::{self, Failure};

/// What is asked for.
#[derive(Args)]
pub(crate) struct Entra {
    /// A plugin configuration, or a file with one inside
    config: PathBuf,
    /// Name of the tenant; all of them where it is not given
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Write our metadata, for "Upload metadata file", into this file
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

/// A field of the admin centre.
struct Field {
    name: &'static str,
    value: String,
    note: &'static str,
}

/// A page of the admin centre with its fields.
struct Page {
    title: &'static str,
    path: &'static str,
    fields: Vec<Field>,
}

impl Page {
    fn new(title: &'static str, path: &'static str) -> Self {
        Self { title, path, fields: Vec::new() }
    }

    fn add(&mut self, name: &'static str, value: impl Into<String>, note: &'static str) {
        self.fields.push(Field { name, value: value.into(), note });
    }
}

/// Prints it, and writes the metadata where asked.
pub(crate) fn run(entra: &Entra, as_json: bool) -> Result<ExitCode, Failure> {
    let tenants = tenants(&entra.config, entra.tenant.as_deref())?;
    if let Some(path) = &entra.metadata {
        write_metadata(path, &tenants, &entra.config)?;
    }
    if as_json {
        let all: Vec<Value> = tenants.iter().map(|tenant| json_of(&tenant.name, &pages(tenant))).collect();
        output::json(&json!({"tenants": all, "metadata": entra.metadata}))?;
        return Ok(ExitCode::SUCCESS);
    }
    for tenant in &tenants {
        output::print(&text_of(&tenant.name, &pages(tenant)))?;
    }
    if let Some(path) = &entra.metadata {
        output::line(&format!("Our metadata is in {}.", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The tenants of a configuration, or the one of this name.
fn tenants(path: &std::path::Path, name: Option<&str>) -> Result<Vec<Tenant>, Failure> {
    let text = output::read(path)?;
    let found = plugin::embedded(&String::from_utf8_lossy(&text));
    if found.is_empty() {
        return Err(Failure::of(path, "there is no configuration of the filter in it"));
    }
    let mut tenants = Vec::new();
    for text in found {
        let (configuration, _) =
            Configuration::read(text.as_bytes(), &plugin::environment).map_err(|errors| {
                let count = output::counted(errors.len(), "error");
                Failure::of(path, format!("{count}; see vestibule check"))
            })?;
        tenants.extend(configuration.tenants);
    }
    let names: Vec<String> = tenants.iter().map(|tenant| tenant.name.clone()).collect();
    tenants.retain(|tenant| name.is_none_or(|name| tenant.name == name));
    if tenants.is_empty() {
        return Err(Failure::of(path, format!("no such tenant; there are {}", names.join(", "))));
    }
    Ok(tenants)
}

fn write_metadata(
    path: &std::path::Path,
    tenants: &[Tenant],
    config: &std::path::Path,
) -> Result<(), Failure> {
    let [tenant] = tenants else {
        let names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        return Err(Failure::of(config, format!("give --tenant, one of {}", names.join(", "))));
    };
    let Some(saml) = &tenant.saml else {
        return Err(Failure::of(config, format!("tenant {} has no sign-on", tenant.name)));
    };
    if saml.request.signing.as_ref().is_some_and(|signing| signing.key.is_none()) {
        return Err(Failure::of(
            config,
            "the key that requests are signed with is only set in Envoy; set its environment variable here, too, or \
             download the metadata from the running gateway",
        ));
    }
    let text = vestibule::gateway::service_provider_metadata(saml);
    std::fs::write(path, text).map_err(|error| Failure::of(path, error))
}

fn pages(tenant: &Tenant) -> Vec<Page> {
    let mut pages = Vec::new();
    if let Some(saml) = &tenant.saml {
        pages.push(basic(tenant, saml));
        pages.push(claims(tenant, saml));
        pages.push(certificate(saml));
    }
    if let Some(scim) = &tenant.scim {
        pages.push(credentials(tenant, scim));
        pages.push(mappings(scim));
    }
    pages.push(back(tenant));
    pages
}

fn basic(tenant: &Tenant, saml: &SamlSettings) -> Page {
    let mut page = Page::new("Basic SAML Configuration", "Enterprise application > Single sign-on > SAML");
    page.add("Identifier (Entity ID)", &saml.entity_id, "the only one; remove others");
    page.add("Reply URL (Assertion Consumer Service URL)", &saml.acs_url, "make it the default");
    let unsolicited = saml.unsolicited != Unsolicited::Refuse;
    if unsolicited {
        page.add(
            "Sign on URL",
            "",
            "leave it empty: sign-ins that begin in My Apps are accepted by this configuration",
        );
        let start = format!("{}{}", tenant.public_url, saml.start_path);
        page.add("Relay State", start, "the page on which such a sign-in lands; may be left empty");
    } else {
        let link = format!("{}/.vestibule/sign-in?return={}", tenant.public_url, saml.start_path);
        page.add(
            "Sign on URL",
            link,
            "My Apps then begins at the application; without it the tile there fails",
        );
        page.add("Relay State", "", "leave it empty");
    }
    match &saml.logout {
        Some(logout) => page.add("Logout Url (Optional)", &logout.url, ""),
        None => page.add(
            "Logout Url (Optional)",
            "",
            "leave it empty: Single Logout is not configured (saml.logout)",
        ),
    }
    page
}

fn claims(tenant: &Tenant, saml: &SamlSettings) -> Page {
    let mut page = Page::new("Attributes & Claims", "Enterprise application > Single sign-on > SAML");
    let format = saml.request.name_id_format.as_deref().and_then(|format| format.rsplit(':').next());
    let note = match format {
        Some("persistent") => "format Persistent",
        Some("emailAddress") => "format Email address",
        _ => "what provisioning sends as userName or externalId, so that a deactivation finds the session",
    };
    page.add("Unique User Identifier (Name ID)", "user.userprincipalname", note);
    for name in needed(tenant) {
        let (value, note) = match name.rsplit('/').next() {
            Some("groups") => ("Groups assigned to the application", "Add a group claim"),
            Some("role") => ("user.assignedroles", "app roles, assigned under Users and groups"),
            Some("emailaddress") => ("user.mail", ""),
            Some("givenname") => ("user.givenname", ""),
            Some("surname") => ("user.surname", ""),
            Some("upn" | "name") => ("user.userprincipalname", ""),
            Some("displayname" | "objectidentifier" | "tenantid") => {
                ("", "Entra sends it without being asked")
            }
            _ => ("", "a rule or an identity header uses it: add a claim of exactly this name"),
        };
        page.fields.push(Field {
            name: "Claim",
            value: format!("{name} = {value}").trim_end_matches("= ").trim().to_owned(),
            note,
        });
    }
    if saml.group_overage == GroupOverage::Ignore {
        page.add("Groups", "", "send only groups assigned to the application: above 150 Entra sends none");
    }
    page
}

/// Names of the attributes that rules and headers use.
fn needed(tenant: &Tenant) -> Vec<String> {
    let in_headers = tenant.access.identity_claims().map(str::to_owned);
    let in_rules = tenant.access.rules.iter().flat_map(|rule| &rule.require).map(|it| it.claim.clone());
    let mut all: Vec<String> = in_headers.chain(in_rules).collect();
    all.sort();
    all.dedup();
    all
}

fn certificate(saml: &SamlSettings) -> Page {
    let mut page = Page::new("SAML Certificates", "Enterprise application > Single sign-on > SAML");
    let option = match saml.requires {
        RequiredSignatures::Any | RequiredSignatures::Assertion => "Sign SAML assertion",
        RequiredSignatures::Response => "Sign SAML response",
        RequiredSignatures::Both => "Sign SAML response and assertion",
    };
    page.add("Signing Option", option, "");
    page.add("Signing Algorithm", "SHA-256", "");
    if !saml.decryption.keys.is_empty() {
        page.add(
            "Token encryption",
            "import our certificate, and activate it",
            "Security > Token encryption",
        );
    }
    if saml.request.signing.is_some() {
        page.add(
            "Verification certificates",
            "upload our certificate; Require verification certificates: on",
            "",
        );
    }
    page
}

fn credentials(tenant: &Tenant, scim: &ScimSettings) -> Page {
    let mut page =
        Page::new("Admin Credentials", "Enterprise application > Provisioning, Provisioning Mode: Automatic");
    page.add("Tenant URL", format!("{}{}", tenant.public_url, scim.public_path), "");
    for token in &scim.tokens {
        let value = format!("the token that `{}` is the hash of", token.name);
        page.add("Secret Token", value, "nobody can read it from here; a new one: vestibule token new");
    }
    let ways = &scim.authentication;
    if ways.entra_token.is_some() {
        page.add(
            "Secret Token",
            "",
            "leave it empty: Entra then sends a token of its own, which is accepted",
        );
    }
    if let Some(endpoint) = &ways.token_endpoint {
        let url = format!("{}{}", tenant.public_url, endpoint.path);
        for client in &endpoint.clients {
            page.add("Authentication method", "OAuth 2.0 client credentials grant", "");
            page.add("Token endpoint", url.clone(), "");
            page.add("Client identifier", &client.id, "");
            page.add("Client secret", "the secret whose hash is in the configuration", "");
        }
        for federation in &endpoint.federations {
            page.add("Authentication method", "Workload identity federation", "");
            page.add("Token endpoint", url.clone(), "");
            page.add("Audience", federation.audiences.join(" or "), "");
            if let Some(client) = &federation.client_id {
                page.add("Client identifier", client, "");
            }
        }
    }
    if ways.application_server.is_some() {
        page.add("Authorize", "press it", "sign in at the application's own authorization server");
    }
    page
}

fn mappings(scim: &ScimSettings) -> Page {
    let mut page = Page::new("Mappings", "Enterprise application > Provisioning > Mappings");
    page.add(
        "externalId (users)",
        "objectId",
        "Entra's default is mailNickname: change it, so that a deactivation finds every session of the person",
    );
    page.add("userName", "userPrincipalName", "matching precedence 1");
    page.add(
        "active",
        "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")",
        "keep it: without it nobody is ever deactivated, only deleted after 30 days",
    );
    if scim.help.groups == Some(false) {
        page.add("Provision Microsoft Entra ID Groups", "Enabled: No", "the application has no groups");
    } else {
        page.add(
            "Provision Microsoft Entra ID Groups",
            "displayName, externalId = objectId, members",
            "or switch it off",
        );
    }
    page
}

fn back(tenant: &Tenant) -> Page {
    let mut page =
        Page::new("Copy back into the configuration", "Enterprise application > Single sign-on > SAML");
    let place = "saml.identity_provider";
    if let Some(saml) = &tenant.saml {
        let provider = &saml.identity_provider;
        page.add("Microsoft Entra Identifier", format!("{place}.entity_id, now {}", provider.entity_id), "");
        match &provider.trust {
            Trust::Pinned { sso_url, keys } => {
                page.add("Login URL", format!("{place}.sso_url, now {sso_url}"), "");
                let count = output::counted(keys.len(), "certificate");
                page.add("Certificate (Base64)", format!("{place}.certificates, now {count}"), "");
            }
            Trust::Metadata(Metadata::Published(source)) => {
                let now = format!("{place}.metadata, now https://{}{}", source.authority, source.path);
                page.add("App Federation Metadata Url", now, "with its appid, or it names the wrong key");
            }
            Trust::Metadata(Metadata::Text { .. }) => {
                page.add("Federation Metadata XML", format!("{place}.metadata.text"), "");
            }
        }
        if let Some(logout) = saml.logout.as_ref().and_then(|logout| logout.slo_url.as_ref()) {
            page.add("Logout URL", format!("saml.logout.slo_url, now {logout}"), "");
        }
    }
    if let Some(scim) = &tenant.scim {
        for federation in scim.authentication.token_endpoint.iter().flat_map(|it| &it.federations) {
            let now = format!("federations.subject, now {}", federation.subject);
            page.add("Object ID of the enterprise application", now, "Enterprise application > Overview");
        }
    }
    page
}

fn text_of(tenant: &str, pages: &[Page]) -> String {
    let mut text = format!("Tenant {tenant}\n");
    for page in pages.iter().filter(|page| !page.fields.is_empty()) {
        text.push_str(&format!("\n{}\n  ({})\n", page.title, page.path));
        for Field { name, value, note } in &page.fields {
            let value = if value.is_empty() { "-" } else { value };
            text.push_str(&format!("  {name}:\n      {value}\n"));
            if !note.is_empty() {
                text.push_str(&format!("      ({note})\n"));
            }
        }
    }
    text.push('\n');
    text
}

fn json_of(tenant: &str, pages: &[Page]) -> Value {
    let pages: Vec<Value> = pages
        .iter()
        .filter(|page| !page.fields.is_empty())
        .map(|page| {
            let fields: Vec<Value> = page
                .fields
                .iter()
                .map(|field| {
                    let note = (!field.note.is_empty()).then_some(field.note);
                    json!({"name": field.name, "value": field.value, "note": note})
                })
                .collect();
            json!({"page": page.title, "where": page.path, "fields": fields})
        })
        .collect();
    json!({"tenant": tenant, "pages": pages})
}
