//! The single sign-on page: addresses, signing, encryption, claims.

use super::html::{Page, area, check, escape, field, note, select};
use crate::{
    keys::Algorithm,
    saml::{
        SignOnSettings,
        claims::{ClaimRule, Emit, GroupValue, NameIdFormat, SOURCES},
        encrypt::{Cipher, KeyTransport},
        response::Signing,
    },
    web::{app::App, http::Response},
};

const SPARE_ROWS: usize = 2;

/// The page.
pub fn single_sign_on(app: &App, query: &str) -> Response {
    let settings = app.settings();
    let main = format!(
        "<h1>Single sign-on</h1>{}{}{}{}{}",
        note(query),
        basic(&settings),
        signing(&settings),
        encryption(&settings),
        claims(&settings)
    );
    Page::new("Single sign-on", "/single-sign-on", main).respond()
}

fn form(action: &str, heading: &str, inside: &str) -> String {
    format!(
        "<h2>{heading}</h2><form method=\"post\" action=\"/ui/single-sign-on/{action}\">{inside}\
         <button class=\"primary\">Save</button></form>"
    )
}

fn basic(settings: &SignOnSettings) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let inside = format!(
        "<div class=\"fields\">{}{}{}{}{}</div>",
        field("Identifier (Entity ID)", "identifier", &settings.identifier, ""),
        field("Reply URL", "reply_url", &settings.reply_url, "Assertion Consumer Service URL"),
        field("Sign on URL", "sign_on_url", &text(&settings.sign_on_url), "Optional"),
        field(
            "Relay State",
            "relay_state",
            &text(&settings.relay_state),
            "For sign-ins that start at Entra; optional"
        ),
        field(
            "Logout URL",
            "logout_url",
            &text(&settings.logout_url),
            "Without it the browser stays at Entra after signing out"
        ),
    );
    let upload = format!(
        "<details class=\"panel\"><summary>Upload metadata file</summary>\
         <form method=\"post\" action=\"/ui/single-sign-on/metadata\">{}<button>Take over</button></form></details>",
        area("Metadata of the application", "metadata", "", "Fills in the addresses and the certificates"),
    );
    form("basic", "Basic SAML configuration", &inside) + &upload
}

fn signing(settings: &SignOnSettings) -> String {
    let word_of = |chosen| Signing::ALL.iter().find(|(it, ..)| *it == chosen).map_or("", |it| it.1);
    let algorithm = Algorithm::ALL.iter().find(|(it, ..)| *it == settings.algorithm).map_or("", |it| it.1);
    let inside = format!(
        "<div class=\"fields\">{}{}</div>{}{}",
        select("Signing option", "signing", word_of(settings.signing), Signing::ALL.map(|it| (it.1, it.2))),
        select("Signing algorithm", "algorithm", algorithm, Algorithm::ALL.map(|it| (it.1, it.2))),
        check(
            "Require verification certificates: requests must be signed",
            "verification_required",
            "1",
            settings.verification_required
        ),
        area(
            "Verification certificate",
            "verification_certificate",
            settings.verification_certificate.as_deref().unwrap_or_default(),
            "PEM or Base64. With it, sign-ins cannot start at Entra",
        ),
    );
    form("signing", "SAML signing certificate", &inside)
}

fn encryption(settings: &SignOnSettings) -> String {
    let cipher = Cipher::ALL.iter().find(|(it, ..)| *it == settings.cipher).map_or("", |it| it.1);
    let transport = match settings.key_transport {
        KeyTransport::OaepMgf1p => "rsa-oaep-mgf1p",
        KeyTransport::OaepSha256 => "rsa-oaep-sha256",
    };
    let inside = format!(
        "{}<div class=\"fields\">{}{}</div>{}",
        check("Encrypt assertions", "encrypts", "1", settings.encrypts),
        select("Cipher", "cipher", cipher, Cipher::ALL.map(|it| (it.1, it.2))),
        select(
            "Key transport",
            "key_transport",
            transport,
            [("rsa-oaep-mgf1p", "RSA-OAEP (SHA-1)"), ("rsa-oaep-sha256", "RSA-OAEP (SHA-256)")],
        ),
        area(
            "Encryption certificate of the application",
            "encryption_certificate",
            settings.encryption_certificate.as_deref().unwrap_or_default(),
            "PEM or Base64",
        ),
    );
    form("encryption", "Token encryption", &inside)
}

fn claims(settings: &SignOnSettings) -> String {
    let claims = &settings.claims;
    let empty = ClaimRule { name: String::new(), source: String::new() };
    let rows: String = claims
        .rules
        .iter()
        .chain(std::iter::repeat_n(&empty, SPARE_ROWS))
        .enumerate()
        .map(|(at, rule)| row(at + 1, rule))
        .collect();
    let sources: String = SOURCES.iter().map(|source| format!("<option value=\"{source}\">")).collect();
    let format = match claims.name_id_format {
        NameIdFormat::EmailAddress => "email_address",
        NameIdFormat::Persistent => "persistent",
        NameIdFormat::Unspecified => "unspecified",
        NameIdFormat::Transient => "transient",
    };
    let emit = match claims.groups.emit {
        Emit::None => "none",
        Emit::All => "all",
        Emit::Assigned => "assigned",
    };
    let value = match claims.groups.value {
        GroupValue::ObjectId => "object_id",
        GroupValue::DisplayName => "display_name",
    };
    let inside = format!(
        "<div class=\"fields\">{}{}</div><fieldset><legend>Claims</legend>\
         <p class=\"quiet\">A source is an attribute such as user.mail, a text in double quotes, ToLowercase(user.mail) \
         or ExtractMailPrefix(user.mail). A row without a name is taken away.</p>\
         <div class=\"claims\">{rows}</div><datalist id=\"sources\">{sources}</datalist></fieldset>\
         <fieldset><legend>Groups</legend><div class=\"fields\">{}{}</div>{}{}</fieldset>",
        field("Unique user identifier (name ID)", "name_id_source", &claims.name_id_source, ""),
        select(
            "Name identifier format",
            "name_id_format",
            format,
            [
                ("email_address", "Email address"),
                ("persistent", "Persistent"),
                ("unspecified", "Unspecified"),
                ("transient", "Transient"),
            ],
        ),
        select(
            "Which groups are told",
            "emit",
            emit,
            [
                ("none", "None"),
                ("all", "Security groups"),
                ("assigned", "Groups assigned to the application")
            ],
        ),
        select(
            "By what",
            "group_value",
            value,
            [("object_id", "Group ID"), ("display_name", "Display name")]
        ),
        check("Emit groups as role claims", "as_roles", "1", claims.groups.as_roles),
        check("Overage: send the link instead of the groups", "overage", "1", claims.groups.overage),
    );
    form("claims", "Attributes and claims", &inside)
}

fn row(number: usize, rule: &ClaimRule) -> String {
    format!(
        "<div class=\"claim\"><input name=\"claim_name\" value=\"{}\" aria-label=\"Name of claim {number}\" \
         autocomplete=\"off\" spellcheck=\"false\"><input name=\"claim_source\" value=\"{}\" list=\"sources\" \
         aria-label=\"Source of claim {number}\" autocomplete=\"off\" spellcheck=\"false\"></div>",
        escape(&rule.name),
        escape(&rule.source),
    )
}
