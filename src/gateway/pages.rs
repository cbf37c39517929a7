//! The few pages a person may see: plain HTML, no scripts, nothing of the request reflected.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::{Host, Reply};
use crate::crypto::sha256;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;\
margin:12vh auto;padding:0 1.5rem}h1{font-size:1.5rem}code{user-select:all}button{font:inherit;padding:.5rem 1.2rem}";

/// A reference that stands on the page and in the log line, so that the two can be brought together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference(String);

impl Reference {
    /// Random; without randomness it is empty, and the page goes without.
    pub(super) fn new(host: &dyn Host) -> Self {
        let mut random = [0u8; 5];
        match host.random(&mut random) {
            Ok(()) => Self(random.iter().map(|byte| format!("{byte:02x}")).collect()),
            Err(_) => Self(String::new()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a page offers to do.
pub(super) enum Offer<'a> {
    Nothing,
    /// A link.
    Link(&'a str, &'a str),
    /// A form without fields that POSTs to this path.
    Post(&'a str, &'a str),
    /// The same, where the answer sends the browser on to another site.
    PostAndLeave(&'a str, &'a str),
}

/// A page of ours. All texts are escaped.
pub(super) fn page(
    status: u16,
    title: &str,
    text: &str,
    offer: &Offer<'_>,
    reference: Option<&Reference>,
) -> Reply {
    // Browsers hold the redirect that answers a form against this as well.
    let forms = if matches!(offer, Offer::PostAndLeave(..)) { "'self' https:" } else { "'self'" };
    let offer = match offer {
        Offer::Nothing => String::new(),
        Offer::Link(path, label) => format!("<p><a href=\"{}\">{}</a></p>", escape(path), escape(label)),
        Offer::Post(path, label) | Offer::PostAndLeave(path, label) => format!(
            "<form method=\"post\" action=\"{}\"><button type=\"submit\">{}</button></form>",
            escape(path),
            escape(label),
        ),
    };
    let reference =
        reference.filter(|reference| !reference.0.is_empty()).map_or_else(String::new, |reference| {
            format!("<p>If you ask for help, give this reference: <code>{}</code></p>", escape(&reference.0))
        });
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head>\
         <body><main><h1>{0}</h1><p>{1}</p>{offer}{reference}</main></body></html>",
        escape(title),
        escape(text),
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'",
        STANDARD.encode(sha256(STYLE.as_bytes())),
    );
    private(Reply::status(status))
        .with("content-security-policy", policy)
        // With `no-referrer` browsers would send `Origin: null` with our own sign-out form.
        .with("referrer-policy", "same-origin")
        .body("text/html; charset=utf-8", html)
}

/// Submits the form by itself; who runs no scripts presses the button.
const SUBMIT: &str = "document.forms[0].submit()";

/// A page that carries a sign-in request to another site.
pub(super) fn carry(action: &str, fields: &[(&'static str, String)]) -> Reply {
    carry_for("Sign in", "You are taken to your organisation's sign-in page.", action, fields)
}

/// A page that carries a form to another site.
pub(super) fn carry_for(title: &str, text: &str, action: &str, fields: &[(&'static str, String)]) -> Reply {
    let fields: String = fields
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p>\
         <form method=\"post\" action=\"{}\">{fields}<button type=\"submit\">Continue</button></form></main>\
         <script>{SUBMIT}</script></body></html>",
        escape(action),
        title = escape(title),
        text = escape(text),
    );
    // Where the identity provider sends the browser on, browsers hold that against `form-action` as well.
    let local = if action.starts_with("http://") { " http:" } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; form-action https:{local}; \
         frame-ancestors 'none'; base-uri 'none'",
        STANDARD.encode(sha256(STYLE.as_bytes())),
        STANDARD.encode(sha256(SUBMIT.as_bytes())),
    );
    private(Reply::status(200))
        .with("content-security-policy", policy)
        .with("referrer-policy", "strict-origin")
        .body("text/html; charset=utf-8", html)
}

/// What a program gets instead of a page.
pub(super) fn problem(status: u16, code: &str, text: &str) -> Reply {
    let body = serde_json::json!({ "error": code, "message": text });
    private(Reply::status(status)).body("application/json", body.to_string())
}

/// No cache keeps it, and nobody guesses its type.
pub(super) fn private(reply: Reply) -> Reply {
    reply.with("cache-control", "no-store").with("x-content-type-options", "nosniff")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn markup_in_a_text_is_shown_not_run() {
        let reply = page(403, "<b>", "\"><script>", &Offer::Link("/?\"", "'"), None);
        let body = String::from_utf8(reply.body).unwrap();
        assert!(!body.contains("<script>") && !body.contains("<b>") && !body.contains("/?\""));
    }

    #[test]
    fn a_form_for_another_site_runs_the_one_script_that_submits_it() {
        let reply = carry("https://idp.example/?a=1&b=\"", &[("SAMLRequest", "<\"'".to_owned())]);
        let body = String::from_utf8(reply.body).unwrap();
        assert!(body.contains("action=\"https://idp.example/?a=1&amp;b=&quot;\""));
        assert!(body.contains("name=\"SAMLRequest\" value=\"&lt;&quot;&#39;\""));
        assert!(body.contains("<button type=\"submit\">"));
        assert_eq!(body.matches("<script").count(), 1);
        let policy = &reply.headers.iter().find(|(name, _)| name == "content-security-policy").unwrap().1;
        assert!(policy.starts_with("default-src 'none'"));
        assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"));
    }

    #[test]
    fn a_page_runs_no_script_and_is_kept_nowhere() {
        let reply = page(200, "a", "b", &Offer::Nothing, None);
        let header =
            |name: &str| reply.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
        assert!(header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(header("cache-control"), Some("no-store"));
    }
}
