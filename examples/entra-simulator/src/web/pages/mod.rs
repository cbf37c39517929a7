//! Pages for people.

mod actions;
mod html;
mod log;
mod overview;
mod people;
mod provisioning;
mod sign_ins;
mod sign_on;
mod single_sign_on;
mod user;

pub use actions::action;
pub use sign_on::{picked, saml, saml_by_post};

use html::{Page, escape};

use crate::web::{
    app::App,
    http::{Request, Response},
};

const STYLE: &str = include_str!("style.css");
/// A door.
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><path fill=\"#0b5cad\" d=\"M3 1h10v14H3z\"/>\
<circle cx=\"10.5\" cy=\"8\" r=\"1.2\" fill=\"#fff\"/></svg>";
const SCRIPT: &str = include_str!("script.js");

/// A page by its path.
pub fn page_at(app: &App, segments: &[&str], request: &Request) -> Response {
    let query = request.query.as_str();
    match segments {
        [] => overview::overview(app, query),
        ["people"] => people::people(app, query),
        ["users", name] => user::user(app, name, query),
        ["groups", name] => user::group(app, name, query),
        ["provisioning"] => provisioning::provisioning(app, query),
        ["single-sign-on"] => single_sign_on::single_sign_on(app, query),
        ["try"] => sign_on::tile(app, query),
        ["sign-ins"] => sign_ins::sign_ins(app, query),
        ["assets", "style.css"] => Response::new(200, "text/css; charset=utf-8", STYLE),
        ["assets", "script.js"] => Response::new(200, "text/javascript; charset=utf-8", SCRIPT),
        ["assets", "icon.svg"] => Response::new(200, "image/svg+xml", ICON),
        _ => not_found(),
    }
}

/// There is no such page.
pub fn not_found() -> Response {
    let main = "<h1>There is no such page</h1><p><a href=\"/\">To the start page</a></p>";
    Page { status: 404, ..Page::new("No such page", "", main.into()) }.respond()
}

/// Something could not be done.
fn problem(detail: &str, back: &str) -> Response {
    let main = format!(
        "<h1>That could not be done</h1><p class=\"note bad\" role=\"alert\">{}</p><p><a class=\"button\" href=\"{}\">Back</a></p>",
        escape(detail),
        escape(back)
    );
    Page { status: 400, ..Page::new("That could not be done", "", main) }.respond()
}

#[cfg(test)]
mod tests;
