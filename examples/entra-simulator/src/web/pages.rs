//! Pages for people.

mod overview;
mod sign_on;

pub use overview::{action, overview};
pub use sign_on::{pick_user, picked};

use crate::{
    keys::{Algorithm, hash_base64},
    web::http::Response,
};

const STYLE: &str = include_str!("pages/style.css");
/// Submits the response to the application; without scripts, the button does.
const SUBMIT: &str = "document.forms[0].submit()";

/// A whole page. `form_targets` are origins besides our own to which its forms may post.
fn page(status: u16, title: &str, main: &str, form_targets: &str, script: Option<&str>) -> Response {
    let script_policy =
        script.map_or_else(|| "'none'".into(), |text| format!("'sha256-{}'", sha256_of(text)));
    let policy = format!(
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-{}'; \
         script-src {script_policy}; form-action 'self' {form_targets}",
        sha256_of(STYLE)
    );
    let script = script.map(|text| format!("<script>{text}</script>")).unwrap_or_default();
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} – Entra simulator</title><style>{STYLE}</style></head>\
         <body><header><p>Entra simulator <span>a local stand-in, not Microsoft</span></p></header>\
         <main>{main}</main>{script}</body></html>",
        title = escape(title)
    );
    let mut response = Response::new(status, "text/html; charset=utf-8", html);
    response.headers.push(("Content-Security-Policy", policy));
    response
}

fn sha256_of(text: &str) -> String {
    hash_base64(text.as_bytes(), Algorithm::Sha256)
}

/// Makes text safe inside elements and quoted attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(super::origin_of("https://localhost:8443/.vestibule/saml/acs"), "https://localhost:8443");
    }
}
