//! The page with users, groups, buttons and the provisioning log.

use super::{escape, origin_of, page, sign_on::picker};
use crate::{
    directory::{Deletion, Group, User, UserChange},
    scim::log::{Entry, Outcome},
    web::{app::App, http::Response},
};

const SHOWN: usize = 100;

/// The start page.
pub fn overview(app: &App) -> Response {
    let (users, groups) = {
        let directory = app.directory();
        (directory.users.clone(), directory.groups.clone())
    };
    let user_rows: String = users.iter().map(user_row).collect();
    let group_rows: String = groups.iter().map(group_row).collect();
    let log: String = app.log().iter().rev().take(SHOWN).map(entry).collect();
    let log = if log.is_empty() { "<p>Nothing has been sent yet.</p>".into() } else { log };
    let home = origin_of(&app.settings.reply_url);
    let main = format!(
        "<h1>Enterprise application</h1>{}<p><a href=\"{home}/\">Open the application</a></p>\
         <p>{}{}{}{}</p><h2>Users</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">User</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Manager</th><th scope=\"col\">Roles</th><th scope=\"col\">Actions\
         </th></tr></thead><tbody>{user_rows}</tbody></table></div><h2>Groups</h2><div class=\"scroll\"><table><thead><tr>\
         <th scope=\"col\">Group</th><th scope=\"col\">Members</th><th scope=\"col\">Actions</th></tr></thead>\
         <tbody>{group_rows}</tbody></table></div><h2>Provisioning log</h2>{log}",
        settings(app),
        button("provision/test-connection", "Test connection"),
        button("provision/cycle", "Start cycle"),
        button("provision/restart", "Restart provisioning"),
        button("sign-in", "Sign in from here (IdP-initiated)"),
        home = escape(&home),
    );
    page(200, "Overview", &main, &home, None)
}

fn settings(app: &App) -> String {
    let rows = [
        ("Identifier (Entity ID)", app.settings.identifier.clone()),
        ("Reply URL", app.settings.reply_url.clone()),
        ("Tenant URL (SCIM)", app.tenant_url.clone()),
        ("Microsoft Entra Identifier", app.settings.issuer()),
        ("Login URL", app.settings.sso_url()),
    ];
    let rows: String =
        rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value))).collect();
    format!("<dl>{rows}</dl>")
}

fn button(action: &str, label: &str) -> String {
    format!("<form method=\"post\" action=\"/ui/{}\"><button>{label}</button></form>", escape(action))
}

fn user_row(user: &User) -> String {
    let state = match (user.deletion, user.account_enabled, user.assigned) {
        (Deletion::Hard, _, _) => "deleted",
        (Deletion::Soft, _, _) => "in the recycle bin",
        (_, false, _) => "disabled",
        (_, _, false) => "not assigned",
        _ => "active",
    };
    let switch = |on: bool, off_action: &str, off: &str, on_action: &str, on_label: &str| {
        let (action, label) = if on { (off_action, off) } else { (on_action, on_label) };
        button(&format!("users/{}/{action}", user.name), label)
    };
    format!(
        "<tr><th scope=\"row\">{}<small>{}</small></th><td data-label=\"State: \">{state}</td>\
         <td data-label=\"Manager: \">{}</td><td data-label=\"Roles: \">{}</td><td>{}{}{}{}</td></tr>",
        escape(&user.display_name),
        escape(&user.user_principal_name),
        escape(user.manager.as_deref().unwrap_or("–")),
        escape(&user.roles.join(", ")),
        button(&format!("users/{}/on-demand", user.name), "Provision on demand"),
        switch(user.account_enabled, "disable", "Disable", "enable", "Enable"),
        switch(user.assigned, "unassign", "Unassign", "assign", "Assign"),
        switch(user.deletion == Deletion::None, "delete", "Delete", "restore", "Restore"),
    )
}

fn group_row(group: &Group) -> String {
    format!(
        "<tr><th scope=\"row\">{}</th><td data-label=\"Members: \">{}</td><td>{}</td></tr>",
        escape(&group.display_name),
        escape(&group.members.join(", ")),
        button(&format!("groups/{}/on-demand", group.name), "Provision on demand"),
    )
}

fn entry(entry: &Entry) -> String {
    let (class, word) = match entry.outcome {
        Outcome::Success => ("success", "Success"),
        Outcome::Failure => ("failure", "Failure"),
        Outcome::Skipped => ("skipped", "Skipped"),
    };
    let mut text = String::new();
    if let Some(request) = &entry.request {
        text.push_str(&format!("{} {}\n", request.method, request.url));
        text.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")));
        text.extend(request.body.iter().map(|body| format!("\n{body:#}\n")));
    }
    text.extend(entry.status.map(|status| format!("\n→ HTTP {status}\n")));
    text.extend(entry.response.iter().filter(|body| !body.is_null()).map(|body| format!("{body:#}\n")));
    text.push_str(&entry.detail);
    format!(
        "<details><summary><span class=\"{class}\">{word}</span> {} <small>{}</small></summary><pre>{}</pre></details>",
        escape(&entry.what),
        entry.time,
        escape(&text)
    )
}

/// A button of the start page.
pub fn action(app: &App, segments: &[&str]) -> Response {
    let busy = match segments {
        ["sign-in"] => return picker(app, None),
        ["provision", "test-connection"] => {
            app.provision(|job, client, record| job.test_connection(client, record)).is_err()
        }
        ["provision", "cycle"] => app.cycle().is_err(),
        ["provision", "restart"] => app.provision(|job, _, _| job.restart()).is_err(),
        ["users", name, "on-demand"] => app.user_on_demand(name).is_err(),
        ["groups", name, "on-demand"] => app.group_on_demand(name).is_err(),
        ["users", name, what] => {
            let Some(change) = change_of(what) else {
                return Response::refusal(404, "not_found", "there is no such action");
            };
            if let Err(detail) = app.directory().change_user(name, change) {
                return Response::refusal(400, "refused", &detail);
            }
            false
        }
        _ => return Response::refusal(404, "not_found", "there is no such action"),
    };
    if busy {
        return Response::refusal(409, "busy", "another run is under way");
    }
    Response::see_other("/")
}

fn change_of(what: &str) -> Option<UserChange> {
    let (enabled, assigned, deletion) = match what {
        "disable" => (Some(false), None, None),
        "enable" => (Some(true), None, None),
        "unassign" => (None, Some(false), None),
        "assign" => (None, Some(true), None),
        "delete" => (None, None, Some(Deletion::Soft)),
        "restore" => (None, None, Some(Deletion::None)),
        _ => return None,
    };
    Some(UserChange { account_enabled: enabled, assigned, deletion, ..UserChange::default() })
}
