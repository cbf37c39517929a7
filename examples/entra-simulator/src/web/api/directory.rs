//! Users and groups.

use serde_json::json;

use super::{done, found, not_found, with_body};
use crate::{
    directory::{Deletion, GroupChange, UserChange},
    web::{
        app::App,
        http::{Request, Response},
    },
};

pub(super) fn answer(app: &App, method: &str, segments: &[&str], request: &Request) -> Response {
    match (method, segments) {
        ("GET", ["users"]) => Response::json(200, &json!(app.directory().users)),
        ("GET", ["groups"]) => Response::json(200, &json!(app.directory().groups)),
        ("POST", ["users"]) => with_body(request, |change| done(201, app.directory().add_user(change))),
        ("POST", ["groups"]) => with_body(request, |change| done(201, app.directory().add_group(change))),
        ("GET", ["users", name]) => found(&json!(app.directory().user(name))),
        ("GET", ["groups", name]) => found(&json!(app.directory().group(name))),
        ("PATCH", ["users", name]) => {
            with_body(request, |change| done(200, app.directory().change_user(name, change)))
        }
        ("PATCH", ["groups", name]) => {
            with_body(request, |change| done(200, app.directory().change_group(name, change)))
        }
        ("DELETE", ["users", name]) => {
            let change = UserChange { deletion: Some(Deletion::Hard), ..UserChange::default() };
            done(200, app.directory().change_user(name, change))
        }
        ("DELETE", ["groups", name]) => {
            let change = GroupChange { deletion: Some(Deletion::Hard), ..GroupChange::default() };
            done(200, app.directory().change_group(name, change))
        }
        _ => not_found(),
    }
}
