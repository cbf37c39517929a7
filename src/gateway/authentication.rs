//! A provisioning request at the door, before it is known who sends it.
//!
//! Nothing is refused with 401 that cannot be judged: Entra would put the job into quarantine. Where keys or the
//! application's authorization server cannot be had, the request waits for them, and then it is told to come again.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::{HeaderEdit, Headers, Host, Reply, UnixMillis};
use crate::config::Credential;
use crate::scim;

use super::event::{CallAnswer, Step, Wait};
use super::introspection::Ticket;
use super::provisioning::{Arriving, unavailable};
use super::ways_in::Judgement;
use super::{Gateway, reports};

/// How long a request is held for keys that are on their way.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A provisioning request that cannot begin yet: it is not known who sends it, or, once it is let in, what the
/// application says of itself. Nothing of it goes anywhere.
#[derive(Debug)]
pub(super) struct Authenticating {
    arriving: Arriving,
    /// The credential, and no other header.
    credential: Headers,
    /// When patience ends.
    until: UnixMillis,
    ticket: Option<Ticket>,
    /// It has been let in, and waits for what the application says of itself.
    is_in: bool,
    /// What has come meanwhile.
    pub(super) came: Came,
}

/// How much of a request has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Came {
    /// Octets of body; `None` where there is no body so far.
    pub(super) received: Option<usize>,
    /// Whether the request is complete.
    pub(super) ended: bool,
    /// Take away what came as trailers.
    pub(super) trailers: Vec<HeaderEdit>,
}

/// What becomes of a request at the door.
pub(super) enum Entry {
    /// It may come in.
    Admitted(Box<Arriving>),
    /// It stays outside until something comes.
    Pending(Box<Authenticating>, Step),
    /// It goes no further.
    Refused(Reply),
}

/// Judges a request when its head has come.
pub(super) fn enter(
    gateway: &Gateway,
    arriving: Arriving,
    headers: &Headers,
    ended: bool,
    host: &dyn Host,
) -> Entry {
    let credentials = headers.iter().filter(|(name, _)| *name == b"authorization");
    let credential = Headers::new(credentials.map(|(name, value)| (name.to_vec(), value.to_vec())).collect());
    let pending = Authenticating {
        arriving,
        credential,
        until: host.now().after(PATIENCE),
        ticket: None,
        is_in: false,
        came: Came { ended, ..Came::default() },
    };
    Box::new(pending).settle(gateway, host)
}

impl Authenticating {
    /// The largest body that may come.
    pub(super) fn max_body(&self) -> usize {
        self.arriving.max_body
    }

    /// Refuses it for its size.
    pub(super) fn too_large(&self, gateway: &Gateway, host: &dyn Host) -> Reply {
        self.arriving.too_large(gateway, host)
    }

    /// What was waited for has come, or patience is over.
    pub(super) fn woken(self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Entry {
        // A call of our own is still out: only its answer ends that.
        if self.ticket.is_some() {
            return Entry::Pending(self, Step::Hold);
        }
        if self.is_in { self.begin(gateway, host) } else { self.settle(gateway, host) }
    }

    /// The application's server has answered, or not.
    pub(super) fn answered(
        mut self: Box<Self>,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Entry {
        let Some(ticket) = self.ticket.take() else { return Entry::Pending(self, Step::Hold) };
        let Some((tenant, _, room)) = super::provisioning::parts(gateway, self.arriving.tenant) else {
            return Entry::Refused(unavailable());
        };
        if room.ways_in.learn(&ticket, answer, host.now()) {
            return self.settle(gateway, host);
        }
        reports::introspection_failed(host, &tenant.settings.name, answer.map_or(0, |answer| answer.status));
        later(host, &tenant.settings.name, 5, "introspection_unavailable")
    }

    fn settle(mut self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Entry {
        let Some((tenant, settings, room)) = super::provisioning::parts(gateway, self.arriving.tenant) else {
            return Entry::Refused(unavailable());
        };
        let name = &tenant.settings.name;
        match room.ways_in.judge(gateway, name, &self.credential, host) {
            Judgement::Accepted(who) => {
                match for_application(&settings.application.credential, &self.credential) {
                    Ok(None) => {}
                    Ok(Some(value)) => self.arriving.authorization = Some(value),
                    Err(reply) => {
                        reports::scim_denied(host, name, "token_not_account_and_key");
                        return Entry::Refused(reply);
                    }
                }
                reports::scim_authenticated(host, name, &who);
                match self.arriving.admitted(gateway, host) {
                    Ok(arriving) => Box::new(Self { arriving, is_in: true, ..*self }).begin(gateway, host),
                    Err(reply) => Entry::Refused(reply),
                }
            }
            Judgement::Denied(denied, code) => {
                reports::scim_denied(host, name, code);
                Entry::Refused(denied.reply())
            }
            Judgement::Unknowable { retry_after, code } => later(host, name, retry_after, code),
            Judgement::Waits(_) if host.now() >= self.until => later(host, name, 5, "keys_late"),
            Judgement::Waits(document) => {
                let step = Step::Wait(Wait::Document(document, self.until));
                self.pending(step, gateway, host)
            }
            Judgement::Asks(call, ticket) => {
                self.ticket = Some(ticket);
                self.pending(Step::Call(call), gateway, host)
            }
        }
    }

    /// It was let in. Where the application has just been asked for the first time what it has, the answer is waited
    /// for; after that, and where there is none in time, the request goes on by what is known.
    fn begin(self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Entry {
        match self.arriving.awaits(gateway).filter(|_| host.now() < self.until) {
            Some(document) => {
                let step = Step::Wait(Wait::Document(document, self.until));
                Entry::Pending(self, step)
            }
            None => Entry::Admitted(Box::new(self.arriving)),
        }
    }

    fn pending(self: Box<Self>, step: Step, gateway: &Gateway, host: &dyn Host) -> Entry {
        // Nobody is let in later whose body is too large anyway.
        let limit = self.max_body();
        if self.arriving.declared_length.is_some_and(|length| length > limit) {
            return Entry::Refused(self.too_large(gateway, host));
        }
        Entry::Pending(self, step)
    }
}

/// What the application gets in the place of Entra's own credential, where it is made from that.
fn for_application(credential: &Credential, given: &Headers) -> Result<Option<Vec<u8>>, Reply> {
    if *credential != Credential::BasicFromClient {
        return Ok(None);
    }
    let pair = scim::bearer(given).ok().filter(|token| token.contains(':'));
    let unfit = || {
        scim::error_reply(
            500,
            None,
            "The token is not of the form account:key, which the application asks for.",
        )
    };
    pair.map(|pair| Some(format!("Basic {}", STANDARD.encode(pair)).into_bytes())).ok_or_else(unfit)
}

/// Nothing can be said now; Entra comes again.
fn later(host: &dyn Host, tenant: &str, retry_after: u64, code: &'static str) -> Entry {
    reports::scim_unknowable(host, tenant, code);
    let reply = scim::error_reply(503, None, "The credential cannot be checked at present; try again.");
    Entry::Refused(reply.with("retry-after", retry_after.to_string()))
}
