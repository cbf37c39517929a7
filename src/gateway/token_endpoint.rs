//! Our token endpoint, from the request's head to the answer: nothing of it ever reaches the application.

use std::cell::Cell;

use serde_json::json;

use crate::common::{Headers, Host, Reply, UnixMillis};
use crate::scim::auth::{self, Published, TokenRequest};

use super::authentication::PATIENCE;
use super::documents::DocumentId;
use super::event::{Step, Wait};
use super::request::Head;
use super::tenant::TenantRoom;
use super::ways_in::{Issuing, Judgement, with_newer_keys, without_keys};
use super::{Gateway, reports};

/// Octets; an assertion of Entra's has some two thousand.
pub(super) const MAX_FORM: usize = 65_536;

/// A request for a token.
pub(super) struct Asking {
    tenant: usize,
    method: String,
    /// Content type and credential.
    headers: Headers,
    /// The form, once it is complete.
    form: Option<Vec<u8>>,
    /// When patience ends, once it began.
    until: Option<UnixMillis>,
}

impl std::fmt::Debug for Asking {
    /// The form holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// What becomes of it.
pub(super) enum Grant {
    /// The client is answered.
    Answer(Reply),
    /// Keys are on their way.
    Waits(Box<Asking>, Step),
}

/// Whether this path is the tenant's token endpoint.
pub(super) fn is_at(tenant: &TenantRoom, path: &str) -> bool {
    issuing(tenant).is_some_and(|issuing| issuing.path == path)
}

fn issuing(tenant: &TenantRoom) -> Option<&Issuing> {
    tenant.scim.as_ref()?.ways_in.issuing.as_ref()
}

/// Reads a request's head.
pub(super) fn arrive(tenant: &TenantRoom, head: &Head, host: &dyn Host) -> Result<Box<Asking>, Reply> {
    let refused = if head.method != "POST" {
        Some(auth::TokenError::Method)
    } else if head.upgrade {
        Some(auth::TokenError::Request("An upgrade is not possible here."))
    } else {
        None
    };
    if let Some(refused) = refused {
        reports::token_denied(host, &tenant.settings.name, refused.code());
        return Err(refused.reply());
    }
    if head.content_length().is_some_and(|length| length > MAX_FORM) {
        return Err(too_large(tenant, host));
    }
    let wanted = [&b"content-type"[..], b"authorization"];
    let headers = head.headers.iter().filter(|(name, _)| wanted.contains(name));
    Ok(Box::new(Asking {
        tenant: tenant.at,
        method: head.method.clone(),
        headers: Headers::new(headers.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()),
        form: None,
        until: None,
    }))
}

impl Asking {
    /// Whether the form is still coming in.
    pub(super) fn reads(&self) -> bool {
        self.form.is_none()
    }

    /// Refuses it for its size.
    pub(super) fn too_large(&self, gateway: &Gateway, host: &dyn Host) -> Reply {
        gateway.tenants.get(self.tenant).map_or_else(unreadable, |tenant| too_large(tenant, host))
    }

    /// The form is complete.
    pub(super) fn form_came(mut self: Box<Self>, gateway: &Gateway, form: Vec<u8>, host: &dyn Host) -> Grant {
        self.form = Some(form);
        self.until = Some(host.now().after(PATIENCE));
        self.settle(gateway, host)
    }

    /// What was waited for has come, or patience is over.
    pub(super) fn woken(self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Grant {
        if self.reads() { Grant::Waits(self, Step::Hold) } else { self.settle(gateway, host) }
    }

    fn settle(self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Grant {
        let tenant = gateway.tenants.get(self.tenant);
        let Some((tenant, issuing)) = tenant.and_then(|tenant| Some((tenant, issuing(tenant)?))) else {
            return Grant::Answer(error(
                500,
                "server_error",
                "The gateway is not able to serve this request.",
            ));
        };
        let name = &tenant.settings.name;
        let body = self.form.as_deref().unwrap_or_default();
        let request = TokenRequest { method: &self.method, headers: &self.headers, body };
        let sets: Vec<_> = issuing
            .directories
            .iter()
            .map(|(directory, id)| (directory.as_str(), *id, gateway.documents.keys(*id)))
            .collect();
        // Which directory's keys were asked for, and whether there were any.
        let asked: Cell<Option<(DocumentId, bool)>> = Cell::new(None);
        let keys = |directory: &str| {
            let (_, id, set) = sets.iter().find(|(have, _, _)| *have == directory)?;
            asked.set(Some((*id, set.is_some())));
            set.as_deref().map(|set| Published { set, host })
        };
        let refused = match auth::token(&request, &issuing.endpoint, &keys, host.now()) {
            Ok(granted) => return Grant::Answer(grant(name, issuing, &granted, host)),
            Err(refused) => refused,
        };
        let denied = || {
            reports::token_denied(host, name, refused.code());
            Grant::Answer(refused.reply())
        };
        let newer = match asked.get().filter(|_| refused.wants_newer_keys()) {
            None => return denied(),
            Some((document, false)) => without_keys(gateway, document, host.now()),
            Some((document, true)) => {
                let denied = Judgement::Denied(crate::scim::Denied::Unknown, refused.code());
                with_newer_keys(gateway, document, host.now(), denied)
            }
        };
        match newer {
            Judgement::Waits(document) => match self.until.filter(|until| *until > host.now()) {
                Some(until) => Grant::Waits(self, Step::Wait(Wait::Document(document, until))),
                None => later(name, 5, "keys_late", host),
            },
            Judgement::Unknowable { retry_after, code } => later(name, retry_after, code, host),
            Judgement::Denied(..) | Judgement::Accepted(_) | Judgement::Asks(..) => denied(),
        }
    }
}

fn grant(tenant: &str, issuing: &Issuing, granted: &auth::Granted<'_>, host: &dyn Host) -> Reply {
    match auth::issue(&issuing.keys, host, tenant, granted.client, &issuing.endpoint) {
        Ok(token) => {
            reports::token_granted(host, tenant, granted.client);
            granted.reply(&token, &issuing.endpoint)
        }
        Err(_) => {
            reports::token_denied(host, tenant, "token_not_sealed");
            error(500, "server_error", "The gateway is not able to make a token.")
        }
    }
}

fn later(tenant: &str, retry_after: u64, code: &'static str, host: &dyn Host) -> Grant {
    reports::scim_unknowable(host, tenant, code);
    let reply =
        error(503, "temporarily_unavailable", "The client cannot be recognised at present; try again.");
    Grant::Answer(reply.with("retry-after", retry_after.to_string()))
}

fn too_large(tenant: &TenantRoom, host: &dyn Host) -> Reply {
    reports::token_denied(host, &tenant.settings.name, "too_large");
    error(413, "invalid_request", "The form is larger than any that asks for a token.")
}

pub(super) fn unreadable() -> Reply {
    error(500, "server_error", "The gateway could not read this request.")
}

/// An error of RFC 6749 section 5.2.
fn error(status: u16, code: &str, description: &str) -> Reply {
    let body = json!({"error": code, "error_description": description});
    Reply::status(status).body("application/json", body.to_string()).with("cache-control", "no-store")
}
