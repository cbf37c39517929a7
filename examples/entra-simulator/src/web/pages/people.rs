//! Users and groups: the lists.

use super::html::{Page, button, escape, field, note};
use crate::{
    directory::{Deletion, Group, User},
    web::{app::App, http::Response},
};

/// The lists, and forms for new ones.
pub fn people(app: &App, query: &str) -> Response {
    let (users, groups) = {
        let directory = app.directory();
        (directory.users.clone(), directory.groups.clone())
    };
    let user_rows: String = users.iter().map(user_row).collect();
    let group_rows: String = groups.iter().map(group_row).collect();
    let main = format!(
        "<h1>Users and groups</h1>{}<h2>Users</h2><table class=\"list\"><thead><tr><th scope=\"col\">User</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Manager</th><th scope=\"col\">Roles</th>\
         <th scope=\"col\">Actions</th></tr></thead><tbody>{user_rows}</tbody></table>\
         <details class=\"new\"><summary>New user</summary><form method=\"post\" action=\"/ui/users\" class=\"fields\">\
         {}{}<button class=\"primary\">Create user</button></form></details>\
         <h2>Groups</h2><table class=\"list\"><thead><tr><th scope=\"col\">Group</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Members</th><th scope=\"col\">Actions</th></tr></thead><tbody>{group_rows}</tbody></table>\
         <details class=\"new\"><summary>New group</summary><form method=\"post\" action=\"/ui/groups\" class=\"fields\">\
         {}{}<button class=\"primary\">Create group</button></form></details>",
        note(query),
        field("Short name", "user_name", "", "a to z, 0 to 9, '-' and '.'"),
        field("Display name", "user_display_name", "", ""),
        field("Short name", "group_name", "", "a to z, 0 to 9, '-' and '.'"),
        field("Display name", "group_display_name", "", ""),
    );
    Page::new("Users and groups", "/people", main).respond()
}

/// One word for how a user stands.
pub fn state_of(user: &User) -> (&'static str, &'static str) {
    match (user.deletion, user.account_enabled, user.assigned) {
        (Deletion::Hard, _, _) => ("off", "deleted for good"),
        (Deletion::Soft, _, _) => ("off", "in the recycle bin"),
        (_, false, _) => ("off", "disabled"),
        (_, _, false) => ("off", "not assigned"),
        _ => ("good", "active"),
    }
}

/// One word for how a group stands.
pub fn state_of_group(group: &Group) -> (&'static str, &'static str) {
    match (group.deletion, group.assigned) {
        (Deletion::None, true) => ("good", "assigned"),
        (Deletion::None, false) => ("off", "not assigned"),
        _ => ("off", "deleted"),
    }
}

fn user_row(user: &User) -> String {
    let (class, state) = state_of(user);
    format!(
        "<tr><th scope=\"row\"><a href=\"/users/{name}\">{}</a><small>{}</small></th>\
         <td data-label=\"State\"><span class=\"chip {class}\">{state}</span></td>\
         <td data-label=\"Manager\">{}</td><td data-label=\"Roles\">{}</td><td class=\"actions\">{}</td></tr>",
        escape(&user.display_name),
        escape(&user.user_principal_name),
        escape(user.manager.as_deref().unwrap_or("–")),
        if user.roles.is_empty() { "–".into() } else { escape(&user.roles.join(", ")) },
        button(&format!("users/{}/on-demand", user.name), "Provision on demand", ""),
        name = escape(&user.name),
    )
}

fn group_row(group: &Group) -> String {
    let (class, state) = state_of_group(group);
    format!(
        "<tr><th scope=\"row\"><a href=\"/groups/{name}\">{}</a></th>\
         <td data-label=\"State\"><span class=\"chip {class}\">{state}</span></td><td data-label=\"Members\">{}</td>\
         <td class=\"actions\">{}</td></tr>",
        escape(&group.display_name),
        if group.members.is_empty() { "–".into() } else { escape(&group.members.join(", ")) },
        button(&format!("groups/{}/on-demand", group.name), "Provision on demand", ""),
        name = escape(&group.name),
    )
}
