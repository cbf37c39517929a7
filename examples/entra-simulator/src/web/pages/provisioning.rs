//! The provisioning page: where to, as whom, how it stands.

use serde_json::Value;

use super::{
    html::{Page, button, check, escape, facts, field, input, note, risky, select},
    log,
};
use crate::{
    scim::requests::{Dialect, TenantUrl},
    web::{
        app::{App, Status},
        http::Response,
    },
};

/// The page.
pub fn provisioning(app: &App, query: &str) -> Response {
    let target = app.target();
    let status = app.status();
    let flag = TenantUrl::new(&target.tenant_url, false).dialect() == Dialect::Compatibility;
    let connection = format!(
        "<form method=\"post\" action=\"/ui/provisioning/target\">{}{}{}\
         <button>Save connection</button></form>",
        field("Tenant URL", "tenant_url", &target.tenant_url, "The SCIM endpoint of the application"),
        check("Compatibility flag aadOptscim062020 in the URL", "compatibility", "1", flag),
        check(
            "Keep a trailing slash, so that requests go to //Users",
            "double_slash",
            "1",
            target.double_slash
        ),
    );
    let main = format!(
        "<h1>Provisioning</h1>{}{}<div class=\"actions\">{}{}{}</div>\
         <details class=\"panel\"><summary>Tenant URL and compatibility flag</summary>{connection}</details>\
         <details class=\"panel\"><summary>Admin credentials: <b>{}</b></summary>{}</details>\
         <h2>Provisioning log</h2>{}",
        note(query),
        standing(&status),
        button("provisioning/cycle", "Start cycle", "primary"),
        button("provisioning/test-connection", "Test connection", ""),
        risky("provisioning/restart", "Restart provisioning", "Forget everything about the application?"),
        kind_of(&status.credential).1,
        credential(&status.credential, app),
        log::entries(app),
    );
    Page::new("Provisioning", "/provisioning", main).respond()
}

fn standing(status: &Status) -> String {
    let health = &status.health;
    let position = &status.position;
    let shown = if position.running { "" } else { " hidden" };
    let (class, word) = match health.state {
        "healthy" => ("good", "healthy"),
        "disabled" => ("bad", "switched off"),
        _ => ("bad", "in quarantine"),
    };
    let mut rows = vec![("Cycles", status.cycles.to_string())];
    if let Some(reason) = &health.reason {
        rows.push(("Reason", reason.clone()));
        let times = [
            ("Since", &health.since),
            ("Entra would try again", &health.next_retry),
            ("Entra would switch it off", &health.disabled_on),
        ];
        rows.extend(times.into_iter().filter_map(|(name, time)| Some((name, time.clone()?))));
    }
    if health.escrows > 0 {
        let rule = health.thresholds;
        let text = format!(
            "{}; quarantine from {} failures and more than {} %, from {} in a cycle, or from {} in total",
            health.escrows, rule.percent_from, rule.percent, rule.in_cycle, rule.in_total
        );
        rows.push(("Objects to be retried", text));
    }
    format!(
        "<section class=\"panel open\" aria-label=\"Status\"><p><span class=\"chip {class}\">{word}</span></p>{}\
         <div id=\"progress\" data-running=\"{}\"{shown}><label for=\"bar\">Progress of the cycle</label>\
         <progress id=\"bar\" max=\"{}\" value=\"{}\"></progress> <span id=\"step\" role=\"status\">{}</span></div></section>",
        facts(&rows),
        position.running,
        position.total.max(1),
        position.done,
        escape(&position.current),
    )
}

fn kind_of(credential: &Value) -> (&str, &'static str) {
    let kind = credential.get("kind").and_then(Value::as_str).unwrap_or_default();
    let label = match kind {
        "secret_token" => "Secret token",
        "client_credentials" => "OAuth 2.0 client credentials",
        "federation" => "Workload identity federation",
        _ => "Entra’s own token (secret token left blank)",
    };
    (kind, label)
}

fn credential(credential: &Value, app: &App) -> String {
    let (kind, _) = kind_of(credential);
    let text = |name: &str| credential.get(name).and_then(Value::as_str).unwrap_or_default();
    let target = app.target();
    let audience = match text("audience") {
        "" => format!("api://{}", target.application_id),
        known => known.to_owned(),
    };
    let form = |value: &str, legend: &str, inside: String| {
        format!(
            "<form method=\"post\" action=\"/ui/provisioning/credential\"><fieldset><legend>{legend}{}</legend>\
             <input type=\"hidden\" name=\"kind\" value=\"{value}\">{inside}<button>Use this</button></fieldset></form>",
            if value == kind { " <span class=\"chip good\">in use</span>" } else { "" },
        )
    };
    let secret = "autocomplete=\"new-password\"";
    let federation_note = facts(&[
        ("Object ID of the service principal", target.service_principal_id.clone()),
        ("Application ID", target.application_id.clone()),
    ]);
    // Labels have to find their own field, so the names differ from form to form.
    [
        form(
            "secret_token",
            "Secret token",
            input("password", "Secret token", "token", "", "Sent as Bearer; never shown again", secret),
        ),
        form(
            "entra_token",
            "Entra’s own token",
            "<p>A version 1 token of Entra, for when the secret token is left blank.</p>".into(),
        ),
        form(
            "client_credentials",
            "OAuth 2.0 client credentials",
            [
                field(
                    "Token endpoint",
                    "client_token_endpoint",
                    if kind == "client_credentials" { text("token_endpoint") } else { "" },
                    "",
                ),
                field("Client ID", "client_id", text("client_id"), ""),
                input("password", "Client secret", "client_secret", "", "Never shown again", secret),
                select(
                    "Where the secret is sent",
                    "location",
                    text("location"),
                    [("header", "Authorization header (Basic)"), ("body", "In the body")],
                ),
                field(
                    "Scope",
                    "client_scope",
                    if kind == "client_credentials" { text("scope") } else { "" },
                    "Optional",
                ),
            ]
            .concat(),
        ),
        form(
            "federation",
            "Workload identity federation",
            [
                federation_note,
                field(
                    "Token endpoint",
                    "federation_token_endpoint",
                    if kind == "federation" { text("token_endpoint") } else { "" },
                    "",
                ),
                field("Audience", "audience", &audience, "api://APP_ID, api://APP_ID/HOST or APP_ID"),
                select(
                    "Form",
                    "grant",
                    text("grant"),
                    [
                        ("client_assertion", "Client assertion (RFC 7523)"),
                        ("token_exchange", "Token exchange (RFC 8693)"),
                    ],
                ),
            ]
            .concat(),
        ),
    ]
    .concat()
}
