//! Headers as well-known applications want them.

use super::header::IdentityHeader;
use crate::config::node::{Node, Problem};
use crate::config::template;

/// A header's name and the template of its value.
type Entry = (&'static str, &'static str);

/// Profile and headers.
pub(super) const PROFILES: &[(&str, &[Entry])] = &[
    // As oauth2-proxy with `pass_user_headers`.
    (
        "x-forwarded",
        &[
            ("x-forwarded-user", "{name_id}"),
            ("x-forwarded-email", "{claim:email}"),
            ("x-forwarded-preferred-username", "{claim:name}"),
            ("x-forwarded-groups", "{claim:groups|join:,}"),
        ],
    ),
    // As Authelia, and what servers read as REMOTE_USER.
    (
        "remote-user",
        &[
            ("remote-user", "{name_id}"),
            ("remote-email", "{claim:email}"),
            ("remote-name", "{claim:display_name}"),
            ("remote-groups", "{claim:groups|join:,}"),
        ],
    ),
    // `auth.proxy` of Grafana. It knows one role; of several none is told rather than any.
    (
        "grafana",
        &[
            ("x-webauth-user", "{name_id}"),
            ("x-webauth-email", "{claim:email}"),
            ("x-webauth-name", "{claim:display_name|quoted_printable}"),
            ("x-webauth-groups", "{claim:groups|quoted_printable|join:,}"),
            ("x-webauth-role", "{claim:roles|only}"),
        ],
    ),
    // The defaults of Jenkins' plugin reverse-proxy-auth.
    (
        "jenkins",
        &[
            ("x-forwarded-user", "{name_id}"),
            ("x-forwarded-mail", "{claim:email}"),
            ("x-forwarded-displayname", "{claim:display_name}"),
            ("x-forwarded-groups", "{claim:groups|join:'|'}"),
        ],
    ),
];

/// Headers by which well-known applications let a proxy say who is there. No client may send one of them, whether it is
/// set here or not: the application may listen to it all the same.
pub const WELL_KNOWN: &[&str] = &[
    "x-vestibule-assertion",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-mail",
    "x-forwarded-displayname",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-access-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-access-token",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "x-remote-user",
    "x-remote-group",
    "x-remote-groups",
    "x-webauth-user",
    "x-webauth-email",
    "x-webauth-name",
    "x-webauth-groups",
    "x-webauth-role",
    "x-webauth-login",
    "x-webauth-orgs",
    "x-jwt-assertion",
    "x-authenticated-user",
];

pub(super) fn read(node: &Node<'_>) -> Vec<IdentityHeader> {
    let names: Vec<&str> = PROFILES.iter().map(|(name, _)| *name).collect();
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for entry in node.list() {
        let Some(text) = entry.text() else { continue };
        let Some((_, profile)) = PROFILES.iter().find(|(name, _)| *name == text) else {
            let unknown = Problem::not_one_of(entry.path.clone(), text, "profile", &names);
            entry.error(unknown.what, unknown.remedy);
            continue;
        };
        for (name, value) in *profile {
            let header = IdentityHeader { name: (*name).to_owned(), value: template::own(value) };
            match headers.iter().find(|other| other.name == header.name) {
                None => headers.push(header),
                Some(other) if *other == header => {}
                Some(_) => entry.error(
                    format!("wants another `{name}` than the profile before it"),
                    "leave one of the profiles out, and write its other headers under `identity_headers`",
                ),
            }
        }
    }
    headers
}
