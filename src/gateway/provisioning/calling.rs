//! A request that waits for calls of our own before it goes on, or that they take the place of.

use std::time::Duration;

use crate::access::Lease;
use crate::common::{Headers, Host, Reply, UnixMillis};
use crate::scim::{Answered, Applied, Effect, Ended, Errand, ErrandStep, OwnRequest};

use super::super::event::{CallAnswer, Edits, Wait};
use super::super::join::Settled;
use super::super::{Gateway, reports};
use super::answer::{local_error, not_recorded, unavailable};
use super::load::too_many;
use super::{Flow, Next, application, flow, parts};

/// How long a write waits for another one of the same resource.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks whether the other one is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Calls that one write makes at most: read and write, and both once more.
const CALLS_OF_A_WRITE: u64 = 4;

/// A request that is in our hands.
#[derive(Debug)]
pub(in crate::gateway) struct Calling {
    flow: Flow,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The application is asked whose account it is, before a write that may make it forget.
    LookingUp(Then),
    /// Another exchange changes the same resource.
    Queueing(Task, UnixMillis),
    /// Exchanges of our own take the place of the request.
    Errand {
        errand: Box<Errand>,
        lease: Option<Lease>,
        /// Whether one of the calls was a write.
        wrote: bool,
        /// Whether the one that is under way is.
        writes: bool,
    },
}

/// What comes after the look-up.
#[derive(Debug)]
pub(super) enum Then {
    /// The request goes on in this form.
    Forward(Edits),
    /// Exchanges of our own take its place.
    Errand(Task),
}

/// An errand that has not begun.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) first: OwnRequest,
    pub(super) errand: Box<Errand>,
    /// The resource that nobody else of this process may change meanwhile.
    pub(super) exclusive: Option<String>,
}

/// Begins: asks who the person is, where the request may change that, and goes on from there.
pub(super) fn begin(gateway: &Gateway, flow: Flow, then: Then, host: &dyn Host) -> Next {
    let Some((_, settings, _)) = parts(gateway, flow.tenant) else { return Next::Answer(unavailable()) };
    match flow.account().map(application::account) {
        Some(request) => {
            let call = application::call(settings, flow.credential.as_ref(), request);
            Next::Call(call, Box::new(Calling { flow, stage: Stage::LookingUp(then) }))
        }
        None => go_on(gateway, flow, then, host),
    }
}

fn go_on(gateway: &Gateway, flow: Flow, then: Then, host: &dyn Host) -> Next {
    match then {
        Then::Forward(edits) => Next::Forward(edits, Box::new(flow)),
        Then::Errand(task) => queue(gateway, flow, task, host.now(), host),
    }
}

/// Takes the lease of the resource, where one is wanted, or waits for it.
fn queue(gateway: &Gateway, mut flow: Flow, task: Task, since: UnixMillis, host: &dyn Host) -> Next {
    let Some((tenant, settings, _)) = parts(gateway, flow.tenant) else {
        return Next::Answer(unavailable());
    };
    let Some(resource) = &task.exclusive else { return send(gateway, flow, task, None) };
    let longest = u64::from(settings.application.timeout_ms).saturating_mul(CALLS_OF_A_WRITE);
    let until = host.now().after(Duration::from_millis(longest)).after(PATIENCE);
    let name = &tenant.settings.name;
    match gateway.leases.take(host, name, resource, until) {
        Ok(Some(lease)) => send(gateway, flow, task, Some(lease)),
        Ok(None) if host.now() < since.after(PATIENCE) => {
            let wait = Wait::Until(host.now().after(LOOK_EVERY));
            Next::Wait(wait, Box::new(Calling { flow, stage: Stage::Queueing(task, since) }))
        }
        Ok(None) => {
            reports::scim_queue_full(host, name);
            let _nothing_was_sent = flow.settle(gateway, Settled::Refused, host);
            Next::Answer(too_many(5, "Another request is changing this resource; try again."))
        }
        Err(_) => {
            reports::scim_refused(host, name, "revocation_unreadable");
            let _nothing_was_sent = flow.settle(gateway, Settled::Refused, host);
            Next::Answer(unavailable())
        }
    }
}

fn send(gateway: &Gateway, flow: Flow, task: Task, lease: Option<Lease>) -> Next {
    let Some((_, settings, _)) = parts(gateway, flow.tenant) else { return Next::Answer(unavailable()) };
    let wrote = task.first.is_write();
    let call = application::call(settings, flow.credential.as_ref(), task.first);
    let stage = Stage::Errand { errand: task.errand, lease, wrote, writes: wrote };
    Next::Call(call, Box::new(Calling { flow, stage }))
}

impl Calling {
    /// A call of ours was answered, or not.
    pub(in crate::gateway) fn answered(
        mut self,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Next {
        match self.stage {
            Stage::LookingUp(then) => {
                self.flow.looked_up(answer);
                go_on(gateway, self.flow, then, host)
            }
            Stage::Queueing(task, since) => queue(gateway, self.flow, task, since, host),
            Stage::Errand { errand, lease, wrote, .. } => {
                progress(gateway, self.flow, *errand, (lease, wrote), answer, host)
            }
        }
    }

    /// The answer to a call of ours is larger than what is read of it. The success of a write that nobody needs a body of
    /// stays one; anything else is no answer.
    pub(in crate::gateway) fn too_large(
        mut self,
        gateway: &Gateway,
        headers: &Headers,
        host: &dyn Host,
    ) -> Next {
        match self.stage {
            Stage::Errand { lease, writes: true, .. } if self.flow.needs_no_body(headers) => {
                if let Some(lease) = &lease {
                    let _ends_by_itself = gateway.leases.give_back(host, lease);
                }
                let applied = vec![Applied { rule: "R5", place: "status".into() }];
                let made = Ended::Made { status: 204, body: Vec::new(), applied, effect: Effect::Applied };
                Next::Answer(conclude(gateway, &mut self.flow, made, None, host))
            }
            stage => Self { stage, ..self }.answered(gateway, None, host),
        }
    }

    /// What was waited for may have come.
    pub(in crate::gateway) fn woken(self, gateway: &Gateway, host: &dyn Host) -> Next {
        match self.stage {
            Stage::Queueing(task, since) => queue(gateway, self.flow, task, since, host),
            // A call is under way, and its answer decides.
            stage => Next::Hold(Box::new(Self { stage, ..self })),
        }
    }

    /// The client left before the write went on. It may have been the last word on this person: count it.
    pub(in crate::gateway) fn abandoned(mut self, gateway: &Gateway, host: &dyn Host) {
        if let Stage::Errand { lease: Some(lease), wrote: false, .. } = &self.stage {
            // A write that is under way keeps its lease until it ends by itself.
            let _ends_by_itself = gateway.leases.give_back(host, lease);
        }
        self.flow.abandoned(gateway, host);
    }
}

fn progress(
    gateway: &Gateway,
    mut flow: Flow,
    errand: Errand,
    (lease, wrote): (Option<Lease>, bool),
    answer: Option<&CallAnswer>,
    host: &dyn Host,
) -> Next {
    let Some((tenant, settings, _)) = parts(gateway, flow.tenant) else {
        return Next::Answer(unavailable());
    };
    let told = answer.map_or_else(Answered::default, |answer| Answered {
        status: answer.status,
        etag: answer.headers.only("etag"),
        content_type: answer.headers.text("content-type"),
        location: answer.headers.text("location"),
        body: &answer.body,
    });
    match errand.answered(&told, &flow.rules) {
        ErrandStep::Call(request, errand) => {
            reports::scim_rewritten(host, &tenant.settings.name, request.method, &request.applied);
            let writes = request.is_write();
            let call = application::call(settings, flow.credential.as_ref(), request);
            let stage = Stage::Errand { errand, lease, wrote: wrote || writes, writes };
            Next::Call(call, Box::new(Calling { flow, stage }))
        }
        ErrandStep::Done(ended) => {
            if let Some(lease) = &lease {
                let _ends_by_itself = gateway.leases.give_back(host, lease);
            }
            Next::Answer(conclude(gateway, &mut flow, ended, answer, host))
        }
    }
}

/// The last answer is known: settle the change by it, and give it to the client.
fn conclude(
    gateway: &Gateway,
    flow: &mut Flow,
    ended: Ended,
    latest: Option<&CallAnswer>,
    host: &dyn Host,
) -> Reply {
    let settled = match &ended {
        Ended::Latest => flow.settled_by(latest.map(|answer| answer.status)),
        Ended::Made { effect, .. } | Ended::Refused { effect, .. } => match effect {
            Effect::Applied => Settled::Done,
            Effect::NotApplied => Settled::Refused,
            Effect::Unknown => Settled::Unknown,
        },
    };
    if !flow.settle(gateway, settled, host) {
        return not_recorded();
    }
    match (ended, latest) {
        (Ended::Latest, Some(answer)) => flow.reply_to(gateway, answer, host),
        (Ended::Latest, None) => local_error(Some(504)),
        (Ended::Made { status, body, applied, .. }, _) => {
            if let Some((tenant, ..)) = parts(gateway, flow.tenant) {
                reports::scim_rewritten(host, &tenant.settings.name, "response", &applied);
            }
            flow.reply(gateway, &flow::made(status, &body), host)
        }
        (Ended::Refused { error, .. }, _) => {
            if let Some((tenant, ..)) = parts(gateway, flow.tenant) {
                reports::scim_refused(host, &tenant.settings.name, error.code());
            }
            error.reply()
        }
    }
}
