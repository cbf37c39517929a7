//! Who is signed in, and signing out from Entra's end.

use super::html::{Page, button, escape, note, origin_of};
use crate::web::{api::sign_on::end_session, app::App, http::Response, sessions::Session};

/// The list.
pub fn sign_ins(app: &App, query: &str) -> Response {
    let sessions: Vec<Session> = app.sessions().all().cloned().collect();
    let rows: String = sessions.iter().map(row).collect();
    let list = if rows.is_empty() {
        "<p class=\"quiet\">Nobody has signed in yet.</p>".to_owned()
    } else {
        format!(
            "<table class=\"list\"><thead><tr><th scope=\"col\">User</th><th scope=\"col\">Signed in</th>\
             <th scope=\"col\">State</th><th scope=\"col\">Sign out</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let logout_url = app.settings().logout_url;
    let hint = match &logout_url {
        Some(_) => {
            "Entra tells the application in a frame that nobody sees. A browser may keep the application’s \
                    cookies from it there; as a whole page it is as with other providers."
        }
        None => {
            "The application has no Logout URL, so Entra cannot tell it that somebody signs out. It is set on the \
                 page Single sign-on."
        }
    };
    let main = format!("<h1>Sign-ins</h1>{}<p class=\"quiet\">{hint}</p>{list}", note(query));
    // As a page, the answer to the form leads to the application.
    let forms = logout_url.as_deref().map(origin_of).unwrap_or_default();
    Page { forms, ..Page::new("Sign-ins", "/sign-ins", main) }.respond()
}

fn row(session: &Session) -> String {
    let (class, state) = match (session.ended_by, &session.answer) {
        (None, _) => ("good", "open".to_owned()),
        (Some("application"), _) => ("off", "ended by the application".to_owned()),
        (Some(_), Some(answer)) => ("off", format!("ended by Entra; the application said {answer}")),
        (Some(_), None) => ("off", "ended by Entra; no answer yet".to_owned()),
    };
    let to = |how: &str| format!("sign-ins/{}/{how}", session.index);
    format!(
        "<tr><th scope=\"row\">{}<small>{}</small></th><td data-label=\"Signed in\">{}</td>\
         <td data-label=\"State\"><span class=\"chip {class}\">{}</span></td><td class=\"actions\">{}{}</td></tr>",
        escape(&session.user),
        escape(&session.name_id),
        escape(&session.signed_in.replace('T', " ").chars().take(19).collect::<String>()),
        escape(&state),
        button(&to("frame"), "In a frame", ""),
        button(&to("page"), "As a page", ""),
    )
}

/// Ends a session, and has the browser tell the application.
pub fn sign_out(app: &App, index: &str, in_frame: bool) -> Response {
    let url = match end_session(app, index) {
        Ok(url) => url,
        Err(detail) => return super::problem(&detail, "/sign-ins"),
    };
    if !in_frame {
        return Response::see_other(&url);
    }
    let main = format!(
        "<h1>Signing out</h1><p>The application is being told in this frame; users see none of it.</p>\
         <iframe title=\"Answer of the application\" src=\"{}\"></iframe>\
         <p><a class=\"button\" href=\"/sign-ins\">To the sign-ins</a></p>",
        escape(&url)
    );
    // Its answer leads back here.
    let frames = format!("'self' {}", origin_of(&url));
    Page { frames, ..Page::new("Signing out", "/sign-ins", main) }.respond()
}
