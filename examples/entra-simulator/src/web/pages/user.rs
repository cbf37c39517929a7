//! One user, and one group.

use super::{
    html::{Page, button, check, escape, facts, field, note, risky, select},
    not_found,
    people::{state_of, state_of_group},
};
use crate::{
    directory::{Deletion, User},
    web::{app::App, http::Response},
};

/// A user: properties, state, what can be done.
pub fn user(app: &App, name: &str, query: &str) -> Response {
    let (user, others) = {
        let directory = app.directory();
        let Some(user) = directory.user(name).cloned() else { return not_found() };
        let others: Vec<(String, String)> = directory
            .users
            .iter()
            .filter(|other| other.name != name && other.deletion != Deletion::Hard)
            .map(|other| (other.name.clone(), other.display_name.clone()))
            .collect();
        (user, others)
    };
    let (class, state) = state_of(&user);
    let main = format!(
        "<p class=\"crumb\"><a href=\"/people\">Users and groups</a></p><h1>{} <span class=\"chip {class}\">{state}</span></h1>\
         {}<div class=\"actions\">{}</div>{}<h2>Properties</h2><form method=\"post\" action=\"/ui/users/{}\" class=\"fields\">{}\
         <button class=\"primary\">Save</button></form>",
        escape(&user.display_name),
        note(query),
        actions(&user),
        facts(&[("Object ID", user.object_id.clone())]),
        escape(&user.name),
        fields(&user, &others),
    );
    Page::new(&user.display_name, "/people", main).respond()
}

fn actions(user: &User) -> String {
    let to = |action: &str| format!("users/{}/{action}", user.name);
    let switch = |on: bool, off: (&str, &str), back: (&str, &str)| {
        let (action, label) = if on { off } else { back };
        button(&to(action), label, "")
    };
    let deleted = user.deletion != Deletion::None;
    format!(
        "{}<a class=\"button\" href=\"/try?user={}\">Sign in as</a>{}{}{}{}",
        button(&to("on-demand"), "Provision on demand", "primary"),
        escape(&user.name),
        switch(user.account_enabled, ("disable", "Disable account"), ("enable", "Enable account")),
        switch(user.assigned, ("unassign", "Remove assignment"), ("assign", "Assign to application")),
        switch(!deleted, ("delete", "Delete (recycle bin)"), ("restore", "Restore")),
        if user.deletion == Deletion::Hard {
            String::new()
        } else {
            risky(&to("delete-for-good"), "Delete for good", "Delete this user for good?")
        },
    )
}

fn fields(user: &User, others: &[(String, String)]) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let managers = std::iter::once(("", "nobody"))
        .chain(others.iter().map(|(name, display)| (name.as_str(), display.as_str())));
    [
        field("User principal name", "userPrincipalName", &user.user_principal_name, ""),
        field("Display name", "displayName", &user.display_name, ""),
        field("First name", "givenName", &text(&user.given_name), ""),
        field("Last name", "surname", &text(&user.surname), ""),
        field("Email", "mail", &text(&user.mail), ""),
        field("Mail nickname", "mailNickname", &text(&user.mail_nickname), "becomes externalId"),
        field("Job title", "jobTitle", &text(&user.job_title), ""),
        field("Department", "department", &text(&user.department), ""),
        field("Employee ID", "employeeId", &text(&user.employee_id), ""),
        field("Preferred language", "preferredLanguage", &text(&user.preferred_language), ""),
        field("Business phone", "businessPhone", &text(&user.business_phone), ""),
        select("Manager", "manager", user.manager.as_deref().unwrap_or_default(), managers),
        field("App roles", "roles", &user.roles.join(", "), "separated by commas"),
    ]
    .concat()
}

/// A group: name, members, what can be done.
pub fn group(app: &App, name: &str, query: &str) -> Response {
    let (group, users) = {
        let directory = app.directory();
        let Some(group) = directory.group(name).cloned() else { return not_found() };
        (group, directory.users.clone())
    };
    let (class, state) = state_of_group(&group);
    let to = |action: &str| format!("groups/{}/{action}", group.name);
    let (action, label) = match (group.deletion, group.assigned) {
        (Deletion::None, true) => ("unassign", "Remove assignment"),
        (Deletion::None, false) => ("assign", "Assign to application"),
        _ => ("restore", "Restore"),
    };
    let members: String = users
        .iter()
        .filter(|user| user.deletion != Deletion::Hard)
        .map(|user| check(&user.display_name, "members", &user.name, group.members.contains(&user.name)))
        .collect();
    let delete = match group.deletion {
        Deletion::None => risky(&to("delete"), "Delete", "Delete this group?"),
        _ => String::new(),
    };
    let main = format!(
        "<p class=\"crumb\"><a href=\"/people\">Users and groups</a></p><h1>{} <span class=\"chip {class}\">{state}</span></h1>\
         {}<div class=\"actions\">{}{}{delete}</div>{}<form method=\"post\" action=\"/ui/groups/{}\"><div class=\"fields\">{}</div>\
         <fieldset><legend>Members</legend>{members}</fieldset><button class=\"primary\">Save</button></form>",
        escape(&group.display_name),
        note(query),
        button(&to("on-demand"), "Provision on demand", "primary"),
        button(&to(action), label, ""),
        facts(&[("Object ID", group.object_id.clone())]),
        escape(&group.name),
        field("Display name", "displayName", &group.display_name, ""),
    );
    Page::new(&group.display_name, "/people", main).respond()
}
