//! Choosing who signs in, and sending the response to the application.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

use super::html::{Page, check, escape, input, origin_of, select};
use crate::{
    directory::Deletion,
    form,
    keys::Algorithm,
    saml::{
        context::Context,
        encrypt::Cipher,
        faults::Break,
        logout,
        read::PROTOCOL,
        request::{AuthnRequest, Refusal, from_query, message, query_of_form},
        response::Signing,
    },
    web::{
        app::App,
        http::{Request, Response},
        sign_in::{Signed, Wish, sign_in},
    },
};

/// Remembers who signed in, for requests that forbid to ask.
const COOKIE: &str = "simulator_account";

/// What the application sends the browser to: a request to sign in, one to sign out, or an answer to ours.
pub fn saml(app: &App, query: &str, request: &Request) -> Response {
    if query.split('&').any(|part| part.starts_with("SAMLResponse=")) {
        return answered(app, query);
    }
    match message(query, "SAMLRequest") {
        Ok((root, relay_state)) if root.is(PROTOCOL, "LogoutRequest") => {
            match logout::judge(&root, &app.settings()) {
                Ok(wanted) => signed_out(app, &wanted, relay_state.as_deref()),
                Err(refusal) => refused(&refusal),
            }
        }
        Ok(_) => match from_query(query, &app.settings()) {
            Ok((wanted, _)) if wanted.is_passive => passive(app, query, request),
            Ok((wanted, _)) => picker(app, Some((query, &wanted)), ""),
            Err(refusal) => refused(&refusal),
        },
        Err(refusal) => refused(&refusal),
    }
}

/// The same in a form.
pub fn saml_by_post(app: &App, request: &Request) -> Response {
    let fields = form::pairs(request.text()).unwrap_or_default();
    let relay = form::first(&fields, "RelayState");
    if let Some(response) = form::first(&fields, "SAMLResponse") {
        return match query_of_form(response, relay) {
            Ok(query) => answered(app, &query.replacen("SAMLRequest=", "SAMLResponse=", 1)),
            Err(refusal) => refused(&refusal),
        };
    }
    match query_of_form(form::first(&fields, "SAMLRequest").unwrap_or_default(), relay) {
        Ok(query) => saml(app, &query, request),
        Err(refusal) => refused(&refusal),
    }
}

/// The picker for a sign-on that starts here.
pub fn tile(app: &App, query: &str) -> Response {
    let fields = form::pairs(query).unwrap_or_default();
    picker(app, None, form::first(&fields, "user").unwrap_or_default())
}

fn passive(app: &App, query: &str, request: &Request) -> Response {
    let cookies = request.header("cookie").unwrap_or_default();
    let name = cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let silent = Wish { query: Some(query), user: name.unwrap_or_default(), ..Wish::default() };
    if let Ok(signed) = sign_in(app, &silent) {
        return post_to_application(app, &signed, None);
    }
    let Some(anybody) = app.directory().users.first().map(|user| user.name.clone()) else {
        return refused(&Refusal { code: "AADSTS50058", detail: "nobody is signed in".into() });
    };
    let refusal = Wish { user: &anybody, fault: Some(Break::NoPassive), even_if_blocked: true, ..silent };
    match sign_in(app, &refusal) {
        Ok(signed) => post_to_application(app, &signed, None),
        Err(refusal) => refused(&refusal),
    }
}

fn picker(app: &App, request: Option<(&str, &AuthnRequest)>, first: &str) -> Response {
    let settings = app.settings();
    let mut users = app.directory().users.clone();
    users.sort_by_key(|user| user.name != first);
    let people: String = users
        .iter()
        .filter(|user| user.deletion != Deletion::Hard)
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
    let carried = request
        .map(|(query, _)| format!("<input type=\"hidden\" name=\"query\" value=\"{}\">", escape(query)))
        .unwrap_or_default();
    let asks = request.map(|(_, request)| asks_for(request)).unwrap_or_default();
    let main = format!(
        "<h1>Pick an account</h1><p class=\"quiet\">to continue to <b>{}</b>{asks}</p>\
         <form method=\"post\" action=\"/{}/login\">{carried}<div class=\"people\">{people}</div>{}</form>",
        escape(&settings.identifier),
        escape(&settings.tenant_id),
        how_to_answer(settings.encryption_certificate.is_some()),
    );
    let place = if request.is_some() { None } else { Some("/try") };
    // The answer to this form is a page that posts to the application.
    Page { place, ..Page::new("Sign in", "/try", main) }.respond()
}

fn asks_for(request: &AuthnRequest) -> String {
    let mut asks = Vec::new();
    if request.force_authn {
        asks.push("to sign in anew".to_owned());
    }
    if !request.contexts.is_empty() {
        asks.push(format!("for {}", request.contexts.join(", ")));
    }
    if asks.is_empty() { String::new() } else { format!(", which asks {}", escape(&asks.join(" and "))) }
}

fn how_to_answer(can_encrypt: bool) -> String {
    let as_configured = [("", "as configured")];
    let with_default = |all: Vec<(&'static str, &'static str)>| as_configured.into_iter().chain(all);
    let mut ciphers = vec![("none", "not encrypted")];
    if can_encrypt {
        ciphers.extend(Cipher::ALL.map(|it| (it.1, it.2)));
    }
    let faults = std::iter::once(("", "no: a good response")).chain(Break::ALL.map(|it| (it.1, it.2)));
    format!(
        "<details class=\"panel\" open><summary>How to answer</summary><div class=\"fields\">{}{}{}{}{}</div>{}</details>\
         <details class=\"panel\" open><summary>Break it</summary>{}{}</details>",
        select("Sign", "signing", "", with_default(Signing::ALL.map(|it| (it.1, it.2)).to_vec())),
        select("Algorithm", "algorithm", "", with_default(Algorithm::ALL.map(|it| (it.1, it.2)).to_vec())),
        select("Encrypt", "encryption", "", with_default(ciphers)),
        select("Signed in by", "class", "password", Context::words()),
        input("number", "Minutes ago", "age", "15", "", "min=\"0\" max=\"100000\""),
        check("With a second factor (MFA)", "mfa", "1", true),
        select("What is wrong with the response", "break", "", faults),
        check("Sign in even if Entra would turn the user away", "even_if_blocked", "1", false),
    )
}

/// The answer to the picker: the response on its way to the application.
pub fn picked(app: &App, request: &Request) -> Response {
    let Ok(fields) = form::pairs(request.text()) else {
        return Response::refusal(400, "bad_form", "the form cannot be read");
    };
    let field = |name: &str| form::first(&fields, name);
    let text = |name: &str| field(name).filter(|value| !value.is_empty());
    let has_context = field("class").is_some();
    let context = match has_context {
        true => Context::new(
            field("class").unwrap_or_default(),
            field("mfa").is_some(),
            field("age").and_then(|age| age.parse().ok()).unwrap_or_default(),
        ),
        false => Context::default(),
    };
    let user = field("user").unwrap_or_default();
    let wish = Wish {
        query: field("query"),
        user,
        signing: word(text("signing")),
        algorithm: word(text("algorithm")),
        encryption: text("encryption"),
        claims: None,
        context,
        fault: word(text("break")),
        even_if_blocked: field("even_if_blocked").is_some(),
    };
    match sign_in(app, &wish) {
        Ok(signed) => post_to_application(app, &signed, Some(user)),
        Err(refusal) => refused(&refusal),
    }
}

/// Reads one of the words of an enum; none for anything else.
pub fn word<T: DeserializeOwned>(text: Option<&str>) -> Option<T> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(text?)).ok()
}

fn post_to_application(app: &App, signed: &Signed, user: Option<&str>) -> Response {
    let settings = app.settings();
    let hidden = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
    };
    let relay = signed.relay_state.as_deref().map(|relay| hidden("RelayState", relay)).unwrap_or_default();
    let main = format!(
        "<h1>Working…</h1><form method=\"post\" action=\"{}\" data-submit>{}{relay}\
         <p>If the page does not go on by itself, continue by hand.</p><button class=\"primary\">Continue</button></form>",
        escape(&settings.reply_url),
        hidden("SAMLResponse", &STANDARD.encode(&signed.xml)),
    );
    let forms = origin_of(&settings.reply_url);
    let mut response = Page { forms, ..Page::for_users(200, "Working…", main) }.respond();
    if let Some(user) = user.filter(|name| app.directory().user(name).is_some()) {
        response.headers.push(("Set-Cookie", format!("{COOKIE}={user}; Path=/; HttpOnly; SameSite=Lax")));
    }
    response
}

fn signed_out(app: &App, wanted: &logout::LogoutRequest, relay_state: Option<&str>) -> Response {
    app.sessions().ended_by_application(&wanted.session_indexes, &wanted.name_id);
    let settings = app.settings();
    let mut response = match &settings.logout_url {
        Some(to) => match logout::answer(&settings, to, &app.key, &wanted.id, relay_state) {
            Ok(url) => Response::see_other(&url),
            Err(detail) => return refused(&Refusal { code: "AADSTS50003", detail }),
        },
        None => {
            let main = "<h1>You signed out of your account</h1><p>It’s a good idea to close all browser windows.</p>\
                        <p class=\"quiet\">The application has no Logout URL, so the browser does not go back to it.</p>";
            Page::for_users(200, "Signed out", main.into()).respond()
        }
    };
    response.headers.push(("Set-Cookie", format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")));
    response
}

fn answered(app: &App, query: &str) -> Response {
    let (root, _) = match message(query, "SAMLResponse") {
        Ok(read) => read,
        Err(refusal) => return refused(&refusal),
    };
    let status = logout::status_of(&root);
    app.sessions().answered(&status);
    let main = format!(
        "<h1>Signed out of the application</h1><p>It answered: <b>{}</b>.</p><p><a href=\"/sign-ins\" target=\"_top\">To the sign-ins</a></p>",
        escape(&status)
    );
    Page::for_users(200, "Signed out", main).respond()
}

/// The page of Entra's that says no.
pub fn refused(refusal: &Refusal) -> Response {
    let main = format!(
        "<h1>Sorry, but we’re having trouble signing you in.</h1><p class=\"note bad\">{}: {}</p>\
         <p><a href=\"/\">To the simulator</a></p>",
        refusal.code,
        escape(&refusal.detail)
    );
    Page::for_users(400, "Sign-in failed", main).respond()
}
