//! The start page: what is to be copied where, and how things stand.

use super::html::{Page, button, escape, facts, note, origin_of};
use crate::web::{app::App, http::Response};

/// The start page.
pub fn overview(app: &App, query: &str) -> Response {
    let settings = app.settings();
    let target = app.target();
    let (users, groups) = {
        let directory = app.directory();
        (directory.users.iter().filter(|user| user.is_active()).count(), directory.groups.len())
    };
    let status = app.status();
    let home = settings.sign_on_url.clone().unwrap_or_else(|| format!("{}/", origin_of(&settings.reply_url)));
    let open = app.sessions().all().filter(|session| session.ended_by.is_none()).count();
    let to_application = [
        ("Microsoft Entra Identifier", settings.issuer()),
        ("Login URL and Logout URL", settings.sso_url()),
        (
            "App Federation Metadata Url",
            format!(
                "{}/{}/federationmetadata/2007-06/federationmetadata.xml",
                settings.origin, settings.tenant_id
            ),
        ),
        ("Tenant ID", settings.tenant_id.clone()),
        ("Keys of Entra’s own tokens", format!("{}/{}/discovery/keys", settings.origin, settings.tenant_id)),
    ];
    let from_application = [
        ("Identifier (Entity ID)", settings.identifier.clone()),
        ("Reply URL", settings.reply_url.clone()),
        ("Logout URL", settings.logout_url.clone().unwrap_or_else(|| "none".into())),
        ("Tenant URL (SCIM)", target.tenant_url),
    ];
    let cards = format!(
        "<ul class=\"cards\"><li><a href=\"/people\"><b>{users}</b> active {}, {groups} {}</a></li>\
         <li><a href=\"/provisioning\">Provisioning: <b>{}</b>, {} {}</a></li>\
         <li><a href=\"/sign-ins\"><b>{open}</b> open {}</a></li></ul>",
        plural(users, "user"),
        plural(groups, "group"),
        status.health.state,
        status.cycles,
        plural(usize::try_from(status.cycles).unwrap_or_default(), "cycle"),
        plural(open, "sign-in"),
    );
    let main = format!(
        "<h1>Enterprise application</h1>{}{cards}<p class=\"actions\"><a class=\"button\" href=\"{home}\">Open the \
         application</a> <a class=\"button\" href=\"/try\">Sign in from here</a></p><div class=\"actions\">{}{}</div>\
         <h2>What the application needs to know</h2>{}<h2>What Entra knows of the application</h2>{}\
         <h2>Signing certificate (Base64)</h2><pre class=\"copy\" tabindex=\"0\" aria-label=\"Signing certificate\">{}</pre>",
        note(query),
        button("provisioning/test-connection", "Test connection", ""),
        button("provisioning/cycle", "Start cycle", "primary"),
        facts(&to_application),
        facts(&from_application),
        app.key.certificate_base64(),
        home = escape(&home),
    );
    Page::new("Overview", "/", main).respond()
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
