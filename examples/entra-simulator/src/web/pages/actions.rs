//! What the forms of the pages do.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{not_found, problem, sign_ins, sign_on::word};
use crate::{
    directory::{Deletion, GroupChange, UserChange},
    form,
    saml::{
        change::SettingsChange,
        claims::{ClaimRule, GroupRule},
    },
    scim::log::Outcome,
    web::{
        api::{
            provisioning::{TargetChange, change_target, choose},
            sign_on::{change_settings, upload},
        },
        app::{App, Busy},
        http::{Request, Response},
    },
};

type Fields = Vec<(String, String)>;

/// A form was submitted.
pub fn action(app: &Arc<App>, segments: &[&str], request: &Request) -> Response {
    let Ok(fields) = form::pairs(request.text()) else {
        return problem("the form cannot be read", "/");
    };
    match segments {
        ["users"] => create_user(app, &fields),
        ["users", name] => {
            back(app.directory().change_user(name, user_change(&fields)), &at_user(name), "saved")
        }
        ["users", name, "on-demand"] => ran(app.user_on_demand(name).map(|run| run.map(|it| it.outcome))),
        ["users", name, what] => match change_of(what) {
            Some(change) => back(app.directory().change_user(name, change), &at_user(name), "saved"),
            None => not_found(),
        },
        ["groups"] => create_group(app, &fields),
        ["groups", name] => {
            back(app.directory().change_group(name, group_change(&fields)), &at_group(name), "saved")
        }
        ["groups", name, "on-demand"] => ran(app.group_on_demand(name).map(|run| run.map(|it| it.outcome))),
        ["groups", name, what] => match group_change_of(what) {
            Some(change) => back(app.directory().change_group(name, change), &at_group(name), "saved"),
            None => not_found(),
        },
        ["provisioning", what] => provisioning(app, what, &fields),
        ["single-sign-on", what] => single_sign_on(app, what, &fields),
        ["sign-ins", index, how @ ("frame" | "page")] => sign_ins::sign_out(app, index, *how == "frame"),
        _ => not_found(),
    }
}

fn at_user(name: &str) -> String {
    format!("/users/{name}")
}

fn at_group(name: &str) -> String {
    format!("/groups/{name}")
}

fn back<T>(result: Result<T, String>, to: &str, note: &str) -> Response {
    match result {
        Ok(_) => Response::see_other(&format!("{to}?note={note}")),
        Err(detail) => problem(&detail, to),
    }
}

fn ran(result: Result<Option<Outcome>, Busy>) -> Response {
    match result {
        Ok(Some(Outcome::Failure)) => Response::see_other("/provisioning?note=failed"),
        Ok(Some(_)) => Response::see_other("/provisioning?note=done"),
        Ok(None) => not_found(),
        Err(Busy) => Response::see_other("/provisioning?note=busy"),
    }
}

fn first<'a>(fields: &'a Fields, name: &str) -> &'a str {
    form::first(fields, name).unwrap_or_default().trim()
}

fn filled(fields: &Fields, name: &str) -> Option<String> {
    Some(first(fields, name)).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// A field that is there and may be empty.
fn given(fields: &Fields, name: &str) -> Option<Option<String>> {
    form::first(fields, name).map(|_| filled(fields, name))
}

fn create_user(app: &App, fields: &Fields) -> Response {
    let name = first(fields, "user_name");
    let change = UserChange {
        name: Some(name.to_owned()),
        display_name: filled(fields, "user_display_name"),
        ..UserChange::default()
    };
    let made = app.directory().add_user(change);
    back(made.map_err(|detail| detail.clone()), &made_at("users", name), "created")
}

fn create_group(app: &App, fields: &Fields) -> Response {
    let name = first(fields, "group_name");
    let change = GroupChange {
        name: Some(name.to_owned()),
        display_name: filled(fields, "group_display_name"),
        ..GroupChange::default()
    };
    back(app.directory().add_group(change), &made_at("groups", name), "created")
}

/// Where a new object is; the list where the name is none.
fn made_at(kind: &str, name: &str) -> String {
    let good = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if good { format!("/{kind}/{name}") } else { "/people".into() }
}

fn user_change(fields: &Fields) -> UserChange {
    let roles = first(fields, "roles").split(',').map(str::trim).filter(|role| !role.is_empty());
    UserChange {
        user_principal_name: filled(fields, "userPrincipalName"),
        display_name: filled(fields, "displayName"),
        given_name: given(fields, "givenName"),
        surname: given(fields, "surname"),
        mail: given(fields, "mail"),
        mail_nickname: given(fields, "mailNickname"),
        job_title: given(fields, "jobTitle"),
        department: given(fields, "department"),
        employee_id: given(fields, "employeeId"),
        preferred_language: given(fields, "preferredLanguage"),
        business_phone: given(fields, "businessPhone"),
        manager: given(fields, "manager"),
        roles: Some(roles.map(str::to_owned).collect()),
        ..UserChange::default()
    }
}

fn group_change(fields: &Fields) -> GroupChange {
    let members = fields.iter().filter(|(name, _)| name == "members").map(|(_, value)| value.clone());
    GroupChange {
        display_name: filled(fields, "displayName"),
        members: Some(members.collect()),
        ..GroupChange::default()
    }
}

fn change_of(what: &str) -> Option<UserChange> {
    let (enabled, assigned, deletion) = match what {
        "disable" => (Some(false), None, None),
        "enable" => (Some(true), None, None),
        "unassign" => (None, Some(false), None),
        "assign" => (None, Some(true), None),
        "delete" => (None, None, Some(Deletion::Soft)),
        "restore" => (None, None, Some(Deletion::None)),
        "delete-for-good" => (None, None, Some(Deletion::Hard)),
        _ => return None,
    };
    Some(UserChange { account_enabled: enabled, assigned, deletion, ..UserChange::default() })
}

fn group_change_of(what: &str) -> Option<GroupChange> {
    let (assigned, deletion) = match what {
        "unassign" => (Some(false), None),
        "assign" => (Some(true), None),
        "delete" => (None, Some(Deletion::Hard)),
        "restore" => (None, Some(Deletion::None)),
        _ => return None,
    };
    Some(GroupChange { assigned, deletion, ..GroupChange::default() })
}

fn provisioning(app: &Arc<App>, what: &str, fields: &Fields) -> Response {
    let outcome = |run: Result<Result<crate::scim::job::Report, String>, Busy>| match run {
        Ok(Err(detail)) => problem(&detail, "/provisioning"),
        Ok(Ok(report)) => ran(Ok(Some(report.outcome))),
        Err(Busy) => ran(Err(Busy)),
    };
    let note = |word: &str| Response::see_other(&format!("/provisioning?note={word}"));
    let saved = |response: Response| match response.status {
        200 => note("saved"),
        409 => note("busy"),
        _ => problem(&detail_of(&response), "/provisioning"),
    };
    match what {
        "test-connection" => outcome(app.test_connection()),
        "cycle" => note(if app.start_cycle().is_ok() { "started" } else { "busy" }),
        "restart" => match app.provision(|job, _, _| job.restart()) {
            Ok(()) => note("restarted"),
            Err(Busy) => note("busy"),
        },
        "target" => saved(change_target(
            app,
            TargetChange {
                tenant_url: Some(first(fields, "tenant_url").to_owned()),
                compatibility: Some(form::first(fields, "compatibility").is_some()),
                double_slash: Some(form::first(fields, "double_slash").is_some()),
                ..TargetChange::default()
            },
        )),
        "credential" => match serde_json::from_value(credential(fields)) {
            Ok(credential) => saved(choose(app, credential)),
            Err(error) => problem(&error.to_string(), "/provisioning"),
        },
        _ => not_found(),
    }
}

/// The fields of a credential by the names of the interface for scripts.
fn credential(fields: &Fields) -> Value {
    let kind = first(fields, "kind");
    let names: &[(&str, &str)] = match kind {
        "secret_token" => &[("token", "token")],
        "client_credentials" => &[
            ("token_endpoint", "client_token_endpoint"),
            ("client_id", "client_id"),
            ("client_secret", "client_secret"),
            ("location", "location"),
            ("scope", "client_scope"),
        ],
        "federation" => {
            &[("token_endpoint", "federation_token_endpoint"), ("audience", "audience"), ("grant", "grant")]
        }
        _ => &[],
    };
    let mut out: Map<String, Value> = names
        .iter()
        .filter(|(name, field)| *name != "scope" || !first(fields, field).is_empty())
        .map(|(name, field)| ((*name).to_owned(), first(fields, field).into()))
        .collect();
    out.insert("kind".into(), kind.into());
    out.into()
}

fn single_sign_on(app: &App, what: &str, fields: &Fields) -> Response {
    let on = |name: &str| Some(form::first(fields, name).is_some());
    let change = match what {
        "metadata" => return back(upload(app, first(fields, "metadata")), "/single-sign-on", "saved"),
        "basic" => SettingsChange {
            identifier: Some(first(fields, "identifier").to_owned()),
            reply_url: Some(first(fields, "reply_url").to_owned()),
            sign_on_url: Some(filled(fields, "sign_on_url")),
            relay_state: Some(filled(fields, "relay_state")),
            logout_url: Some(filled(fields, "logout_url")),
            ..SettingsChange::default()
        },
        "signing" => SettingsChange {
            signing: word(form::first(fields, "signing")),
            algorithm: word(form::first(fields, "algorithm")),
            verification_required: on("verification_required"),
            verification_certificate: Some(filled(fields, "verification_certificate")),
            ..SettingsChange::default()
        },
        "encryption" => SettingsChange {
            encrypts: on("encrypts"),
            cipher: word(form::first(fields, "cipher")),
            key_transport: word(form::first(fields, "key_transport")),
            encryption_certificate: Some(filled(fields, "encryption_certificate")),
            ..SettingsChange::default()
        },
        "claims" => SettingsChange {
            name_id_source: Some(first(fields, "name_id_source").to_owned()),
            name_id_format: word(form::first(fields, "name_id_format")),
            claims: Some(rules(fields)),
            groups: serde_json::from_value::<GroupRule>(json!({
                "emit": first(fields, "emit"),
                "value": first(fields, "group_value"),
                "as_roles": on("as_roles"),
                "overage": on("overage"),
            }))
            .ok(),
            ..SettingsChange::default()
        },
        _ => return not_found(),
    };
    back(change_settings(app, change), "/single-sign-on", "saved")
}

/// The rows of the list that have a name.
fn rules(fields: &Fields) -> Vec<ClaimRule> {
    let all =
        |of: &'static str| fields.iter().filter(move |(name, _)| name == of).map(|(_, value)| value.trim());
    all("claim_name")
        .zip(all("claim_source"))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, source)| ClaimRule { name: name.to_owned(), source: source.to_owned() })
        .collect()
}

fn detail_of(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    body.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned()
}
