//! Choosing who signs in, and sending the response to the application.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

use super::{SUBMIT, escape, origin_of, page};
use crate::{
    form,
    saml::request::{Refusal, from_query},
    web::{
        api::carried_query,
        app::App,
        http::{Request, Response},
        sign_in::{Signed, Wish, sign_in},
    },
};

/// The page to which the application sends the browser.
pub fn pick_user(app: &App, query: &str) -> Response {
    if let Err(refusal) = from_query(query, &app.settings) {
        return refused(&refusal);
    }
    picker(app, Some(query))
}

/// The picker; without a query for a sign-on that starts here.
pub(super) fn picker(app: &App, query: Option<&str>) -> Response {
    let people: String = app
        .directory()
        .users
        .iter()
        .map(|user| {
            let state = if user.is_active() { "" } else { " – cannot sign in" };
            format!(
                "<button name=\"user\" value=\"{}\">{}<small>{}{state}</small></button>",
                escape(&user.name),
                escape(&user.display_name),
                escape(&user.user_principal_name)
            )
        })
        .collect();
    let carried =
        query.map(|query| format!("<input type=\"hidden\" name=\"query\" value=\"{}\">", escape(query)));
    let main = format!(
        "<h1>Pick an account</h1><p>to continue to <b>{}</b></p><form method=\"post\" action=\"/{}/saml2\">{}\
         <div class=\"people\">{people}</div><fieldset><legend>How to answer</legend>{}{}\
         <label><input type=\"checkbox\" name=\"even_if_blocked\" value=\"1\"> even if Entra would turn the user away\
         </label></fieldset></form>",
        escape(&app.settings.identifier),
        escape(&app.settings.tenant_id),
        carried.unwrap_or_default(),
        choice(
            "Sign",
            "signing",
            &[
                ("assertion", "assertion"),
                ("response", "response"),
                ("both", "both"),
                ("assertion_sha1", "assertion, by SHA-1")
            ]
        ),
        choice(
            "Break it",
            "break",
            &[
                ("", "no"),
                ("audience", "audience"),
                ("recipient", "recipient"),
                ("expired", "expired"),
                ("signature", "signature"),
                ("content", "content after signing"),
                ("issuer", "issuer")
            ]
        ),
    );
    page(200, "Sign in", &main, &origin_of(&app.settings.reply_url), None)
}

fn choice(label: &str, name: &str, options: &[(&str, &str)]) -> String {
    let options: String =
        options.iter().map(|(value, text)| format!("<option value=\"{value}\">{text}</option>")).collect();
    format!("<label>{label} <select name=\"{name}\">{options}</select></label>")
}

/// The answer to the picker: the response on its way to the application.
pub fn picked(app: &App, request: &Request) -> Response {
    let Ok(fields) = form::pairs(request.text()) else {
        return Response::refusal(400, "bad_form", "the form cannot be read");
    };
    let wish = Wish {
        query: carried_query(&fields),
        user: form::first(&fields, "user").unwrap_or_default(),
        signing: word(form::first(&fields, "signing")).unwrap_or_default(),
        fault: word(form::first(&fields, "break")),
        even_if_blocked: form::first(&fields, "even_if_blocked").is_some(),
    };
    match sign_in(app, &wish) {
        Ok(signed) => post_to_application(app, &signed),
        Err(refusal) => refused(&refusal),
    }
}

/// Reads one of the words of an enum; none for anything else.
fn word<T: DeserializeOwned>(text: Option<&str>) -> Option<T> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(text?)).ok()
}

fn post_to_application(app: &App, signed: &Signed) -> Response {
    let hidden = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
    };
    let relay = signed.relay_state.as_deref().map(|relay| hidden("RelayState", relay)).unwrap_or_default();
    let main = format!(
        "<h1>Working…</h1><form method=\"post\" action=\"{}\">{}{relay}\
         <p>If the page does not go on by itself, continue by hand.</p><button>Continue</button></form>",
        escape(&app.settings.reply_url),
        hidden("SAMLResponse", &STANDARD.encode(&signed.xml)),
    );
    page(200, "Working…", &main, &origin_of(&app.settings.reply_url), Some(SUBMIT))
}

fn refused(refusal: &Refusal) -> Response {
    let main = format!(
        "<h1>Sorry, but we’re having trouble signing you in.</h1><p class=\"failure\">{}: {}</p>\
         <p><a href=\"/\">To the simulator</a></p>",
        refusal.code,
        escape(&refusal.detail)
    );
    page(400, "Sign-in failed", &main, "", None)
}
