//! Why a response did not sign anybody in, and what the person is told. The browser learns no more than the page says.

use crate::access::Login;
use crate::common::{Host, Reply};
use crate::gateway::pages::{Offer, Reference, page};
use crate::gateway::reports;
use crate::gateway::tenant::TenantRoom;
use crate::saml::encryption::EncryptionFault;
use crate::saml::response::Rejection;

use super::{SIGN_IN, status};

/// See the module.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    detail: String,
    page: Page,
    /// Where the person wanted to go.
    target: Option<String>,
}

/// What the person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Nothing more than that it did not work.
    General,
    /// The account is not active.
    Inactive,
    /// There is no account.
    NotProvisioned,
    /// The application could not be asked about the account.
    Unknown,
    /// Start again: the login took too long, or was used already.
    Again,
    /// The browser sent no login along.
    Cookies,
    /// Come back in a moment.
    Busy,
    /// Nothing is known of the identity provider yet.
    Unready,
    /// The sign-in is too old; the person must prove who they are anew.
    Stale,
    /// The groups did not come along.
    Groups,
    /// The identity provider did not sign the person in: title, text.
    Status(&'static str, String),
    /// It did not, because it was not to ask them.
    Passive,
}

impl Refusal {
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, detail: String::new(), page: Page::General, target: None }
    }

    pub(super) fn with(code: &'static str, page: Page, detail: &str) -> Self {
        Self { page, detail: detail.to_owned(), ..Self::new(code) }
    }

    pub(super) fn of(rejection: &Rejection) -> Self {
        let page = match rejection {
            Rejection::Status { status, .. } if status == "NoPassive" => Page::Passive,
            Rejection::Status { status, aadsts } => {
                let (title, text) = status::told(status, aadsts.as_deref());
                Page::Status(title, text)
            }
            Rejection::Encryption(EncryptionFault::Busy) => Page::Busy,
            _ => Page::General,
        };
        Self { page, detail: rejection.detail(), ..Self::new(rejection.code()) }
    }

    /// The same, where this login is what was answered.
    pub(super) fn after(mut self, login: Option<&Login>) -> Self {
        self.target = login.map(|login| login.target.clone());
        self
    }

    /// Log line and page.
    pub(super) fn reply(&self, tenant: &TenantRoom, reference: &Reference, host: &dyn Host) -> Reply {
        reports::sign_on(host, &tenant.settings.name, "rejected", self.code, reference, &self.detail);
        let link = |parameters: &str| match &self.target {
            Some(target) => format!("{SIGN_IN}?{parameters}return={}", percent_encoded(target)),
            None => format!("{SIGN_IN}?{parameters}").trim_end_matches(['?', '&']).to_owned(),
        };
        let again = link("");
        let (status, title, text, offer) = match &self.page {
            Page::General => (
                403,
                "You could not be signed in",
                "The answer of your organisation's sign-in service was not accepted.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Inactive => (
                403,
                "Your account is not active",
                "Access to this application has been withdrawn. Ask your administrator if you need it.",
                Offer::Nothing,
            ),
            Page::NotProvisioned => (
                403,
                "You have no account here yet",
                "Your organisation has not set up an account for you in this application. Ask your administrator to assign \
                 you to it; after that it can take up to an hour.",
                Offer::Link(&again, "Try again"),
            ),
            Page::Unknown => (
                503,
                "Signing in is not possible now",
                "It cannot be checked at this moment whether your account is active. Please try again.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Again => (
                403,
                "Please sign in again",
                "This sign-in was begun in another browser, took too long, or was used already.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Cookies => (
                403,
                "Please sign in again",
                "Your browser did not say which sign-in this belongs to. It was begun in another browser, took too long, \
                 or your browser keeps no cookies of this site: allow them, then sign in again.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Busy => (
                503,
                "Signing in is not possible now",
                "Many people are signing in at this moment. Please try again.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Unready => (
                503,
                "Signing in is not possible now",
                "Your organisation's sign-in service cannot be reached at this moment. Please try again.",
                Offer::Link(&again, "Sign in again"),
            ),
            Page::Stale => {
                return page(
                    403,
                    "Please prove who you are again",
                    "Your last sign-in at your organisation is too long ago for this application.",
                    &Offer::Link(&link("fresh=1&"), "Sign in again"),
                    Some(reference),
                );
            }
            Page::Groups => (
                403,
                "Your groups are not known",
                "You belong to more groups than your organisation's sign-in service sends, so your access cannot be \
                 decided. Ask your administrator to send only the groups that are assigned to this application.",
                Offer::Nothing,
            ),
            Page::Status(title, text) => (403, *title, text.as_str(), Offer::Link(&again, "Try again")),
            Page::Passive => {
                return page(
                    403,
                    "You are not signed in yet",
                    "Your organisation's sign-in service wants to ask you something first.",
                    &Offer::Link(&link("interactive=1&"), "Sign in"),
                    Some(reference),
                );
            }
        };
        let reply = page(status, title, text, &offer, Some(reference));
        if status == 503 { reply.with("retry-after", "1") } else { reply }
    }
}

/// A text as the value of a query parameter.
pub(super) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
