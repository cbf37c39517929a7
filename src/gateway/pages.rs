//! The few pages a person may see: plain HTML, no scripts, nothing of the request reflected.

mod language;
pub(super) mod words;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::{Headers, Host, Reply};
use crate::config::{Brand, PageSettings};
use crate::crypto::sha256;

pub(super) use language::Language;
use words::{Said, Words};

const STYLE: &str = include_str!("pages/style.css");

/// Microsoft's logo: four squares, 21 by 21.
const MICROSOFT: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"21\" height=\"21\" viewBox=\"0 0 21 21\" \
aria-hidden=\"true\" focusable=\"false\"><path fill=\"#f25022\" d=\"M1 1h9v9H1z\"/><path fill=\"#7fba00\" d=\"M11 1h9v9h-9z\"/>\
<path fill=\"#00a4ef\" d=\"M1 11h9v9H1z\"/><path fill=\"#ffb900\" d=\"M11 11h9v9h-9z\"/></svg>";

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

/// Who looks at a page, and how the tenant wants it.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    settings: &'a PageSettings,
    language: Language,
}

impl<'a> View<'a> {
    /// As this request's browser wants it.
    pub(super) fn of(settings: &'a PageSettings, headers: &Headers) -> Self {
        let accept = headers.text("accept-language").unwrap_or_default();
        Self { settings, language: Language::wanted(accept, settings) }
    }

    /// In this language.
    pub(super) fn in_language(settings: &'a PageSettings, language: Language) -> Self {
        Self { settings, language }
    }

    /// The language it is in.
    pub(super) fn language(&self) -> Language {
        self.language.clone()
    }

    /// The operator's words, or ours.
    fn say(&self, words: &'static Words) -> &str {
        let own = |language: &str| Some(self.settings.texts.get(language)?.get(words.key)?.as_str());
        let built_in = if self.language.code() == "de" { words.german } else { words.english };
        own(self.language.code()).unwrap_or(built_in)
    }
}

/// A way to sign in, of several.
pub(super) struct Way<'a> {
    pub(super) link: String,
    pub(super) name: &'a str,
    pub(super) label: Option<&'a str>,
    pub(super) brand: Brand,
}

/// Where a form may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// To a site with TLS.
    Safely,
    /// Also to one without: an identity provider of a trial.
    Plainly,
}

/// What a page offers to do.
pub(super) enum Offer<'a> {
    Nothing,
    /// A link.
    Link(&'a str, &'static Words),
    /// A form without fields that POSTs to this path.
    Post(&'a str, &'static Words),
    /// The same, where the answer sends the browser on to another site, by one of these schemes.
    PostAndLeave(&'a str, &'static Words, Leaving),
    /// Ways to sign in.
    Ways(&'a [Way<'a>]),
}

/// A page of ours. All texts are escaped.
pub(super) fn page(
    view: &View<'_>,
    status: u16,
    said: &Said,
    offer: &Offer<'_>,
    reference: Option<&Reference>,
) -> Reply {
    page_with(view, status, said, "", offer, reference)
}

/// A page of ours, with a few more words that need no translation.
pub(super) fn page_with(
    view: &View<'_>,
    status: u16,
    said: &Said,
    more: &str,
    offer: &Offer<'_>,
    reference: Option<&Reference>,
) -> Reply {
    // Browsers hold the redirect that answers a form against this as well.
    let forms = match offer {
        Offer::PostAndLeave(.., Leaving::Safely) => "'self' https:",
        Offer::PostAndLeave(.., Leaving::Plainly) => "'self' https: http:",
        _ => "'self'",
    };
    let mut text = escape(view.say(said.text));
    if !more.is_empty() {
        text.push(' ');
        text.push_str(&escape(more));
    }
    let inside = format!("<p>{text}</p>{}{}", offered(view, offer), footer(view, reference));
    document(view, status, said, &inside, None, forms).with("referrer-policy", "same-origin")
}

fn offered(view: &View<'_>, offer: &Offer<'_>) -> String {
    match offer {
        Offer::Nothing => String::new(),
        Offer::Link(path, label) => {
            format!("<p><a href=\"{}\">{}</a></p>", escape(path), escape(view.say(label)))
        }
        Offer::Post(path, label) | Offer::PostAndLeave(path, label, _) => format!(
            "<form method=\"post\" action=\"{}\"><button type=\"submit\">{}</button></form>",
            escape(path),
            escape(view.say(label)),
        ),
        Offer::Ways(ways) => {
            let items: String = ways.iter().map(|way| format!("<li>{}</li>", one_way(view, way))).collect();
            format!("<ul>{items}</ul>")
        }
    }
}

/// Microsoft's rules leave the button its own words; whose directory it is stands above.
fn one_way(view: &View<'_>, way: &Way<'_>) -> String {
    let link = escape(&way.link);
    let label = way.label.map(escape);
    match way.brand {
        Brand::Microsoft => {
            let of = label.map(|label| format!("<span class=\"of\">{label}</span>")).unwrap_or_default();
            let text = escape(view.say(&words::SIGN_IN_WITH_MICROSOFT));
            format!("{of}<a class=\"way microsoft\" href=\"{link}\">{MICROSOFT}<span>{text}</span></a>")
        }
        Brand::None => {
            let text = label.unwrap_or_else(|| escape(way.name));
            format!("<a class=\"way\" href=\"{link}\">{text}</a>")
        }
    }
}

fn footer(view: &View<'_>, reference: Option<&Reference>) -> String {
    let reference = reference.filter(|reference| !reference.0.is_empty()).map(|reference| {
        format!("<p>{} <code>{}</code></p>", escape(view.say(&words::REFERENCE)), escape(&reference.0))
    });
    let support = view.settings.support.as_ref().filter(|_| reference.is_some()).map(|address| {
        format!("<p><a href=\"{}\">{}</a></p>", escape(address), escape(view.say(&words::SUPPORT)))
    });
    match (reference, support) {
        (None, None) => String::new(),
        (reference, support) => {
            format!("<footer>{}{}</footer>", reference.unwrap_or_default(), support.unwrap_or_default())
        }
    }
}

/// The whole page, with the policy that lets nothing run or load but what stands in it.
fn document(
    view: &View<'_>,
    status: u16,
    said: &Said,
    inside: &str,
    script: Option<&str>,
    forms: &str,
) -> Reply {
    let title = escape(view.say(said.title));
    let style = format!("{STYLE}{}", view.settings.style);
    let run = script.map(|script| format!("<script>{script}</script>")).unwrap_or_default();
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>{style}</style></head><body><main><h1>{title}</h1>{inside}</main>{run}</body></html>",
        escape(view.language.code()),
    );
    let hash = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
    let scripts = script.map(|script| format!(" script-src 'sha256-{}';", hash(script))).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}';{scripts} form-action {forms}; frame-ancestors 'none'; base-uri 'none'",
        hash(&style),
    );
    private(Reply::status(status))
        .with("content-security-policy", policy)
        .with("content-language", view.language.code())
        .with("vary", "accept-language")
        // With `no-referrer` browsers would send `Origin: null` with our own sign-out form.
        .body("text/html; charset=utf-8", html)
}

/// Submits the form by itself; who runs no scripts presses the button.
const SUBMIT: &str = "document.forms[0].submit()";

/// A page that carries a form to another site.
pub(super) fn carry(view: &View<'_>, said: &Said, action: &str, fields: &[(&'static str, String)]) -> Reply {
    let fields: String = fields
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect();
    let inside = format!(
        "<p>{}</p><form method=\"post\" action=\"{}\">{fields}<button type=\"submit\">{}</button></form>",
        escape(view.say(said.text)),
        escape(action),
        escape(view.say(&words::CONTINUE)),
    );
    // Where the identity provider sends the browser on, browsers hold that against `form-action` as well.
    let forms = if action.starts_with("http://") { "https: http:" } else { "https:" };
    document(view, 200, said, &inside, Some(SUBMIT), forms).with("referrer-policy", "strict-origin")
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
mod tests;
