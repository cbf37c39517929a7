//! Why a response did not sign anybody in, and what the person is told. The browser learns no more than the page says.

use crate::access::Login;
use crate::common::{Host, Reply};
use crate::gateway::pages::{Offer, Reference, View, page_with, words};
use crate::gateway::reports;
use crate::gateway::tenant::TenantRoom;
use crate::saml::encryption::EncryptionFault;
use crate::saml::response::Rejection;

use super::status::Told;
use super::{SIGN_IN, status};

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
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
    /// The identity provider did not sign the person in.
    Status(Told),
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
            Rejection::Status { status, aadsts } => Page::Status(status::told(status, aadsts.as_deref())),
            Rejection::Encryption(EncryptionFault::Busy) => Page::Busy,
            _ => Page::General,
        };
        Self { page, detail: rejection.detail(), ..Self::new(rejection.code()) }
    }

    /// Code and what an operator is told.
    pub(super) fn reason(self) -> (&'static str, String) {
        (self.code, self.detail)
    }

    /// The same, where this login is what was answered.
    pub(super) fn after(mut self, login: Option<&Login>) -> Self {
        self.target = login.map(|login| login.target.clone());
        self
    }

    /// Log line and page.
    pub(super) fn reply(
        &self,
        tenant: &TenantRoom,
        view: &View<'_>,
        reference: &Reference,
        host: &dyn Host,
    ) -> Reply {
        reports::sign_on(host, &tenant.settings.name, "rejected", self.code, reference, &self.detail);
        let sign_in = tenant.own_path(SIGN_IN);
        let link = |parameters: &str| match &self.target {
            Some(target) => format!("{sign_in}?{parameters}return={}", percent_encoded(target)),
            None => format!("{sign_in}?{parameters}").trim_end_matches(['?', '&']).to_owned(),
        };
        let more = match &self.page {
            Page::Status(told) => told.more.as_str(),
            _ => "",
        };
        let (status, said, parameters, label) = match &self.page {
            Page::General => (403, words::NOT_SIGNED_IN, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Inactive => (403, words::INACTIVE, "", None),
            Page::NotProvisioned => (403, words::NOT_PROVISIONED, "", Some(&words::TRY_AGAIN)),
            Page::Unknown => (503, words::NOT_NOW, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Again => (403, words::AGAIN, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Cookies => (403, words::COOKIES, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Busy => (503, words::BUSY, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Unready => (503, words::UNREADY, "", Some(&words::SIGN_IN_AGAIN)),
            Page::Stale => (403, words::STALE, "fresh=1&", Some(&words::SIGN_IN_AGAIN)),
            Page::Groups => (403, words::GROUPS, "", None),
            Page::Status(told) => (403, told.said, "", Some(&words::TRY_AGAIN)),
            Page::Passive => (403, words::PASSIVE, "interactive=1&", Some(&words::SIGN_IN)),
        };
        let link = link(parameters);
        let offer = label.map_or(Offer::Nothing, |label| Offer::Link(&link, label));
        let reply = page_with(view, status, &said, more, &offer, Some(reference));
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
