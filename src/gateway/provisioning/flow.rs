//! A request that the application has: what its answer means for the person, and what Entra gets of it.

use std::rc::Rc;

use crate::common::{HeaderEdit, Headers, Host};
use crate::config::Secret;
use crate::scim::{self, Action, Members, RequestShape, ResourceKind, Sequence, Upstream};

use super::super::event::Origin;
use super::super::event::{Call, CallAnswer, Edits};
use super::super::join::{Change, Settled};
use super::super::{Gateway, membership, reports};
use super::answer::{
    compressed, local_error, not_recorded, replace, response_too_large, set_body, unavailable,
};
use super::load::Place;
use super::{application, parts};
use crate::common::Reply;

/// A request that has been released to the application.
#[derive(Debug)]
pub(in crate::gateway) struct Flow {
    pub(super) tenant: usize,
    /// The rules as they were when the request came: one request goes by one set of rules.
    pub(super) rules: Rc<scim::Settings>,
    pub(super) shape: RequestShape,
    pub(super) change: Option<Change>,
    /// Whose sessions a change of a group concerns.
    pub(super) members: Option<Members>,
    /// What the application's first answer may lead to.
    pub(super) sequence: Option<Sequence>,
    /// For calls of our own.
    pub(super) credential: Option<Secret>,
    pub(in crate::gateway) max_response: usize,
    /// Kept until the exchange is over.
    pub(super) _place: Option<Place>,
}

/// The application's answer, whole.
pub(in crate::gateway) enum Answered {
    /// It goes to the client, changed so.
    Pass(Edits),
    /// It does not; this does.
    Instead(Reply),
    /// Another call comes first.
    Call(Call, Box<FollowUp>),
}

/// The application's answer is held while calls of our own are made.
pub(in crate::gateway) struct FollowUp {
    flow: Flow,
    headers: Headers,
    body: Vec<u8>,
    sequence: Box<Sequence>,
    /// Whether one of the calls was a write.
    wrote: bool,
}

impl std::fmt::Debug for FollowUp {
    /// Headers and body hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FollowUp").field("sequence", &self.sequence).field("wrote", &self.wrote).finish()
    }
}

fn status_of(headers: &Headers) -> Option<u16> {
    headers.text(":status").and_then(|status| status.parse().ok())
}

impl Flow {
    /// What a status of the application says of the change.
    pub(super) fn settled_by(&self, status: Option<u16>) -> Settled {
        match status {
            Some(200..=299) => Settled::Done,
            // What was to be deleted is not there (any more), which is what was asked for; nobody asks for it again.
            Some(404 | 410) if self.change.as_ref().is_some_and(Change::deletes) => Settled::Gone,
            Some(400..=499) => Settled::Refused,
            _ => Settled::Unknown,
        }
    }

    /// What the response's status says of the change. Comes before the response is passed on, so that Entra's success
    /// is never earlier than the lock-out. False where the lock-out could not be recorded: then there is no success.
    ///
    /// An answer with a body (`more`) that may lead to another request settles nothing yet.
    #[must_use]
    pub(in crate::gateway) fn answered(
        &mut self,
        gateway: &Gateway,
        status: Option<u16>,
        more: bool,
        origin: Origin,
        host: &dyn Host,
    ) -> bool {
        let heeded = origin == Origin::Upstream && more && status.is_some_and(Sequence::heeds);
        self.sequence.take_if(|_| !heeded);
        if self.sequence.is_some() {
            return true;
        }
        let settled = if origin == Origin::Upstream { self.settled_by(status) } else { Settled::Unknown };
        self.settle(gateway, settled, host)
    }

    /// The account whose holder must be asked for before the write goes on.
    pub(super) fn account(&self) -> Option<&str> {
        self.change.as_ref().and_then(Change::account)
    }

    /// The application has said whose account it is, or not: the write goes on either way, for Entra wants it.
    pub(super) fn looked_up(&mut self, answer: Option<&CallAnswer>) {
        if let (Some(change), Some(answer)) = (&mut self.change, answer) {
            change.looked_up(answer.status, &answer.body);
        }
    }

    /// The stream ended without a response; nobody is left to be told.
    pub(in crate::gateway) fn abandoned(&mut self, gateway: &Gateway, host: &dyn Host) {
        let _reported = self.settle(gateway, Settled::Unknown, host);
    }

    /// The response came, but not whole. A success was recorded when it began, and a refusal changed nothing.
    pub(in crate::gateway) fn unread(&mut self, gateway: &Gateway, host: &dyn Host) {
        if self.sequence.take().is_some() {
            let _nobody_to_tell = self.settle(gateway, Settled::Refused, host);
        }
    }

    /// What the client gets where the answer is too large to be read.
    pub(in crate::gateway) fn reply_unread(
        &self,
        gateway: &Gateway,
        headers: &Headers,
        host: &dyn Host,
    ) -> Reply {
        if self.needs_no_body(headers) {
            Reply::status(204)
        } else {
            self.unusable(gateway, response_too_large(), host)
        }
    }

    /// Whether an answer is good without its body. The success of a change of a group is (rule R5), and a server that
    /// answers one with all members must not make it a failure. In the mode `observe` no rule makes anything of anything.
    pub(super) fn needs_no_body(&self, headers: &Headers) -> bool {
        let is_success = matches!(status_of(headers), Some(200..=299));
        let is_json = headers.text("content-type").is_some_and(is_json);
        let is_group = self.shape.kind == ResourceKind::Group && self.shape.action == Action::Patch;
        let is_mended = self.rules.is_on("R5") && self.rules.mode != scim::Mode::Observe;
        is_success && is_json && is_group && is_mended
    }

    /// The application's answer goes nowhere, and this takes its place.
    fn unusable(&self, gateway: &Gateway, reply: Reply, host: &dyn Host) -> Reply {
        if let Some((tenant, ..)) = parts(gateway, self.tenant) {
            reports::scim_refused(host, &tenant.settings.name, "scim_upstream");
        }
        reply
    }

    pub(super) fn settle(&mut self, gateway: &Gateway, settled: Settled, host: &dyn Host) -> bool {
        let recorded = self.change.as_mut().is_none_or(|change| change.settle(gateway, settled, host));
        let concerns = self.members.take().filter(|_| settled != Settled::Refused);
        let recorded = match (concerns, gateway.tenants.get(self.tenant)) {
            (Some(members), Some(tenant)) => membership::settle(gateway, tenant, &members, host) && recorded,
            _ => recorded,
        };
        // What was refused is over; of the rest the response may say more.
        if settled != Settled::Done {
            self.change = None;
        }
        recorded
    }

    /// The whole response is at hand: what becomes of it.
    pub(in crate::gateway) fn ended(
        mut self,
        gateway: &Gateway,
        headers: Headers,
        body: &[u8],
        host: &dyn Host,
    ) -> Answered {
        match self.sequence.take() {
            Some(sequence) => {
                let follow_up = FollowUp {
                    flow: self,
                    headers,
                    body: body.to_vec(),
                    sequence: Box::new(sequence),
                    wrote: false,
                };
                follow_up.go_on(gateway, None, host)
            }
            None => Answered::Pass(self.repair(gateway, &headers, body, host)),
        }
    }

    /// The whole response is at hand and the last: apply the response rules, and learn from it who was meant.
    pub(in crate::gateway) fn repair(
        &mut self,
        gateway: &Gateway,
        headers: &Headers,
        body: &[u8],
        host: &dyn Host,
    ) -> Edits {
        let Some((tenant, ..)) = parts(gateway, self.tenant) else { return replace(&unavailable()) };
        let status = status_of(headers).unwrap_or(502);
        let is_plain =
            headers.get("content-encoding").is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity"));
        if !is_plain && self.rules.mode != scim::Mode::Observe {
            return replace(&self.unusable(gateway, compressed(), host));
        }
        self.learn_from(gateway, status, body, host);
        let upstream = Upstream {
            status,
            content_type: headers.text("content-type"),
            location: headers.text("location"),
            body,
        };
        let repaired = scim::repair(&self.shape, &upstream, &self.rules);
        if repaired.observed {
            reports::scim_observed(host, &tenant.settings.name, "response", &repaired.applied, None);
            return Edits::default();
        }
        reports::scim_rewritten(host, &tenant.settings.name, "response", &repaired.applied);
        let mut edits = Edits { headers: repaired.headers, ..Edits::default() };
        if repaired.status != status {
            edits.headers.push(HeaderEdit::set(":status", &repaired.status.to_string()));
        }
        if let Some(body) = repaired.body {
            set_body(&mut edits, headers, body, repaired.status);
        }
        edits
    }

    /// The answer to a request of our own, as an answer to the client.
    pub(super) fn reply(&mut self, gateway: &Gateway, upstream: &Upstream<'_>, host: &dyn Host) -> Reply {
        let Some((tenant, ..)) = parts(gateway, self.tenant) else { return unavailable() };
        self.learn_from(gateway, upstream.status, upstream.body, host);
        let repaired = scim::repair(&self.shape, upstream, &self.rules);
        reports::scim_rewritten(host, &tenant.settings.name, "response", &repaired.applied);
        let body = repaired.body.unwrap_or_else(|| upstream.body.to_vec());
        let mut headers = Headers::default();
        for (name, value) in [("content-type", upstream.content_type), ("location", upstream.location)] {
            if let Some(value) = value {
                headers.apply(&HeaderEdit::set(name, value));
            }
        }
        for edit in &repaired.headers {
            headers.apply(edit);
        }
        let text = |name: &str| headers.text(name).filter(|_| !body.is_empty() || name == "location");
        let mut reply = Reply::status(repaired.status);
        for name in ["content-type", "location"] {
            if let Some(value) = text(name) {
                reply = reply.with(name, value);
            }
        }
        Reply { body, ..reply }
    }

    /// The application's own words about the account, after the write: it may know the person by more keys than before.
    fn learn_from(&mut self, gateway: &Gateway, status: u16, body: &[u8], host: &dyn Host) {
        let Some(mut change) = self.change.take() else { return };
        if (200..=299).contains(&status) && !body.is_empty() && change.learn(body) {
            let _reported = change.settle(gateway, Settled::Done, host);
        }
    }
}

impl FollowUp {
    /// A call of our own was answered, or not.
    pub(in crate::gateway) fn answered(
        self,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Answered {
        self.go_on(gateway, Some(answer), host)
    }

    /// Nobody waits any more. What a second write did is not known.
    pub(in crate::gateway) fn abandoned(mut self, gateway: &Gateway, host: &dyn Host) {
        let settled = if self.wrote { Settled::Unknown } else { Settled::Refused };
        let _nobody_to_tell = self.flow.settle(gateway, settled, host);
    }

    /// `answer`: `None` at first, where the forwarded request's own answer is the one to be judged.
    fn go_on(mut self, gateway: &Gateway, answer: Option<Option<&CallAnswer>>, host: &dyn Host) -> Answered {
        let Some((tenant, settings, _)) = parts(gateway, self.flow.tenant) else {
            return Answered::Instead(unavailable());
        };
        let (status, body) = match answer {
            None => (status_of(&self.headers).unwrap_or(0), self.body.as_slice()),
            Some(None) => (0, &[][..]),
            Some(Some(answer)) => (answer.status, answer.body.as_slice()),
        };
        match self.sequence.answered(status, body, &self.flow.rules) {
            scim::Step::Call(request, sequence) => {
                reports::scim_rewritten(host, &tenant.settings.name, request.method, &request.applied);
                self.wrote |= request.is_write();
                let call = application::call(settings, self.flow.credential.as_ref(), request);
                Answered::Call(call, Box::new(Self { sequence, ..self }))
            }
            scim::Step::Done(conclusion) => {
                let latest = answer.flatten();
                self.flow.conclude(gateway, &conclusion, (&self.headers, &self.body), latest, host)
            }
        }
    }
}

impl Flow {
    /// The last answer is known: settle the change by it, and give it to the client.
    fn conclude(
        mut self,
        gateway: &Gateway,
        conclusion: &scim::Conclusion,
        first: (&Headers, &[u8]),
        latest: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Answered {
        let settled = match conclusion {
            scim::Conclusion::First => Settled::Refused,
            scim::Conclusion::Latest => self.settled_by(latest.map(|answer| answer.status)),
            scim::Conclusion::Made { status, .. } => self.settled_by(Some(*status)),
        };
        if !self.settle(gateway, settled, host) {
            return Answered::Instead(not_recorded());
        }
        match (conclusion, latest) {
            (scim::Conclusion::First, _) => {
                let (headers, body) = first;
                Answered::Pass(self.repair(gateway, headers, body, host))
            }
            (scim::Conclusion::Made { status, body, applied }, _) => {
                if let Some((tenant, ..)) = parts(gateway, self.tenant) {
                    reports::scim_rewritten(host, &tenant.settings.name, "response", applied);
                }
                Answered::Instead(self.reply(gateway, &made(*status, body), host))
            }
            (scim::Conclusion::Latest, Some(answer)) => {
                Answered::Instead(self.reply_to(gateway, answer, host))
            }
            (scim::Conclusion::Latest, None) => Answered::Instead(local_error(Some(504))),
        }
    }

    /// The answer to a call of our own, as an answer to the client.
    pub(super) fn reply_to(&mut self, gateway: &Gateway, answer: &CallAnswer, host: &dyn Host) -> Reply {
        let encoding = answer.headers.get("content-encoding");
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
            return self.unusable(gateway, compressed(), host);
        }
        let content_type = answer.headers.text("content-type");
        if matches!(answer.status, 502..=504) && !content_type.is_some_and(is_json) {
            // The proxy's own words about a call that came to nothing.
            return local_error(Some(answer.status));
        }
        let location = answer.headers.text("location");
        let upstream = Upstream { status: answer.status, content_type, location, body: &answer.body };
        let reply = self.reply(gateway, &upstream, host);
        match answer.headers.only("retry-after") {
            Some(value) => reply.with("retry-after", value),
            None => reply,
        }
    }
}

/// An answer that was made here.
pub(super) fn made(status: u16, body: &[u8]) -> Upstream<'_> {
    Upstream { status, content_type: (!body.is_empty()).then_some(scim::MEDIA_TYPE), location: None, body }
}

/// Whether a content type is that of a SCIM message.
fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case(scim::MEDIA_TYPE) || media.eq_ignore_ascii_case("application/json")
}
