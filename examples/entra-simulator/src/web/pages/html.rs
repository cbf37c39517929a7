//! Pieces of pages. Whatever is not written here is escaped.

use crate::web::http::Response;

const NAVIGATION: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/people", "Users and groups"),
    ("/provisioning", "Provisioning"),
    ("/single-sign-on", "Single sign-on"),
    ("/try", "Sign in as"),
    ("/sign-ins", "Sign-ins"),
];

/// Makes text safe inside elements and quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A page on its way.
pub struct Page<'a> {
    pub status: u16,
    pub title: &'a str,
    /// Path of the entry of the navigation that it belongs to; none on pages that the application's user sees.
    pub place: Option<&'a str>,
    pub main: String,
    /// Origins besides our own to which forms may post.
    pub forms: String,
    /// Origins that may be shown in a frame.
    pub frames: String,
}

impl<'a> Page<'a> {
    /// A page of the administrator's.
    pub fn new(title: &'a str, place: &'a str, main: String) -> Self {
        let (forms, frames) = (String::new(), String::new());
        Self { status: 200, title, place: Some(place), main, forms, frames }
    }

    /// A page that somebody sees who signs in or out.
    pub fn for_users(status: u16, title: &'a str, main: String) -> Self {
        Self { status, place: None, ..Self::new(title, "", main) }
    }

    /// The answer.
    pub fn respond(&self) -> Response {
        let frames = if self.frames.is_empty() { "'none'" } else { self.frames.as_str() };
        let policy = format!(
            "default-src 'none'; base-uri 'none'; frame-ancestors 'self'; style-src 'self'; script-src 'self'; \
             connect-src 'self'; img-src 'self'; frame-src {frames}; form-action 'self' {}",
            self.forms
        );
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title} – Entra simulator</title><link rel=\"stylesheet\" href=\"/assets/style.css\">\
             <link rel=\"icon\" href=\"/assets/icon.svg\"><script src=\"/assets/script.js\" defer></script></head>\
             <body{class}><header class=\"top\"><a class=\"brand\" href=\"/\">Entra simulator</a>\
             <span>a local stand-in, not Microsoft</span></header>{nav}<main id=\"main\">{main}</main></body></html>",
            title = escape(self.title),
            class = if self.place.is_some() { "" } else { " class=\"alone\"" },
            nav = self.place.map(navigation).unwrap_or_default(),
            main = self.main,
        );
        let mut response = Response::new(self.status, "text/html; charset=utf-8", html);
        response.headers.push(("Content-Security-Policy", policy));
        response.headers.push(("X-Frame-Options", "SAMEORIGIN".into()));
        response
    }
}

fn navigation(place: &str) -> String {
    let items: String = NAVIGATION
        .iter()
        .map(|(path, label)| {
            let current = if *path == place { " aria-current=\"page\"" } else { "" };
            format!("<li><a href=\"{path}\"{current}>{label}</a></li>")
        })
        .collect();
    format!("<nav aria-label=\"Pages\"><ul>{items}</ul></nav>")
}

/// What a note in the query says: `?note=saved`.
#[must_use]
pub fn note(query: &str) -> String {
    let word = query.split('&').find_map(|part| part.strip_prefix("note=")).unwrap_or_default();
    let (class, text) = match word {
        "saved" => ("good", "Saved."),
        "created" => ("good", "Created."),
        "done" => ("good", "Done. The provisioning log says what was sent."),
        "failed" => ("bad", "Not everything went well. The provisioning log says why."),
        "started" => ("good", "The cycle has started."),
        "restarted" => {
            ("good", "Everything about the application is forgotten; the next cycle is an initial one.")
        }
        "busy" => ("bad", "Another run is under way. Try again when it is over."),
        _ => return String::new(),
    };
    format!("<p class=\"note {class}\" role=\"status\">{text}</p>")
}

/// A form with a button and nothing else.
#[must_use]
pub fn button(action: &str, label: &str, class: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/ui/{}\"><button class=\"{class}\">{}</button></form>",
        escape(action),
        escape(label)
    )
}

/// The same, with a question before something that cannot be undone.
#[must_use]
pub fn risky(action: &str, label: &str, question: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/ui/{}\" data-confirm=\"{}\"><button class=\"danger\">{}</button></form>",
        escape(action),
        escape(question),
        escape(label)
    )
}

/// A line of text to fill in.
#[must_use]
pub fn field(label: &str, name: &str, value: &str, hint: &str) -> String {
    input("text", label, name, value, hint, "")
}

/// An input of a type; `more` are further attributes, as they are.
#[must_use]
pub fn input(kind: &str, label: &str, name: &str, value: &str, hint: &str, more: &str) -> String {
    let id = format!("f-{name}");
    let (described, hint) = hinted(&id, hint);
    format!(
        "<div class=\"field\"><label for=\"{id}\">{label}</label>\
         <input type=\"{kind}\" id=\"{id}\" name=\"{name}\" value=\"{}\"{described} autocomplete=\"off\" \
         spellcheck=\"false\" {more}>{hint}</div>",
        escape(value)
    )
}

/// Several lines of text.
#[must_use]
pub fn area(label: &str, name: &str, value: &str, hint: &str) -> String {
    let id = format!("f-{name}");
    let (described, hint) = hinted(&id, hint);
    format!(
        "<div class=\"field\"><label for=\"{id}\">{label}</label>\
         <textarea id=\"{id}\" name=\"{name}\" rows=\"4\" spellcheck=\"false\"{described}>{}</textarea>{hint}</div>",
        escape(value)
    )
}

fn hinted(id: &str, hint: &str) -> (String, String) {
    if hint.is_empty() {
        return (String::new(), String::new());
    }
    (format!(" aria-describedby=\"{id}-h\""), format!("<small id=\"{id}-h\">{}</small>", escape(hint)))
}

/// A choice of one.
#[must_use]
pub fn select<'a>(
    label: &str,
    name: &str,
    chosen: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let options: String = options
        .into_iter()
        .map(|(value, text)| {
            let selected = if value == chosen { " selected" } else { "" };
            format!("<option value=\"{}\"{selected}>{}</option>", escape(value), escape(text))
        })
        .collect();
    format!(
        "<div class=\"field\"><label for=\"f-{name}\">{label}</label><select id=\"f-{name}\" name=\"{name}\">\
         {options}</select></div>"
    )
}

/// Yes or no.
#[must_use]
pub fn check(label: &str, name: &str, value: &str, on: bool) -> String {
    let checked = if on { " checked" } else { "" };
    format!(
        "<label class=\"check\"><input type=\"checkbox\" name=\"{name}\" value=\"{}\"{checked}> <span>{}</span></label>",
        escape(value),
        escape(label)
    )
}

/// Names and values, each value in a box of its own to be copied.
#[must_use]
pub fn facts(rows: &[(&str, String)]) -> String {
    let rows: String =
        rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value))).collect();
    format!("<dl class=\"facts\">{rows}</dl>")
}

/// Scheme, host and port of a URL.
#[must_use]
pub fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

#[cfg(test)]
mod tests {
    use super::{check, field, origin_of};

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin_of("https://localhost:8443/.vestibule/saml/acs"), "https://localhost:8443");
    }

    #[test]
    fn values_are_escaped() {
        assert!(field("a", "b", "\"><script>", "").contains("&quot;&gt;&lt;script&gt;"));
        assert!(check("<b>", "n", "\"", true).contains("&lt;b&gt;"));
    }
}
