//! The state machine: one state per thing a request can be waiting for.

mod body;
mod state_name;

pub use state_name::StateName;

use std::rc::Rc;

use crate::access::{CheckId, Cookies};
use crate::common::{HeaderEdit, Headers, Host, Level, Reply, UnixMillis};

use super::authentication::{self, Authenticating, Came, Entry};
use super::event::{CallAnswer, Edits, Event, Origin, Step, Wait};
use super::forwarded::Forwarded;
use super::pages::problem;
use super::provisioning::load::Place;
use super::provisioning::{self, Answered, Arriving, Calling, Flow, FollowUp, Next};
use super::recheck::{MOST_ROUNDS, Rechecking, Seen, Watch};
use super::request::Head;
use super::route::{self, Verdict};
use super::sign_on::{Consumed, Finished, Redeeming};
use super::token_endpoint::{self, Asking, Grant};
use super::{Gateway, logout, provider, reports, sign_on};
use body::{Body, read_body};

/// One HTTP exchange.
#[derive(Debug)]
pub struct Exchange {
    gateway: Rc<Gateway>,
    state: State,
    /// When a provisioning request came, while it is in hand.
    provisioning_since: Option<UnixMillis>,
    /// Whose sake it was let through for, if anybody's.
    watch: Option<Box<Watch>>,
}

#[derive(Debug)]
enum State {
    /// Nothing has been seen of the request.
    Fresh,
    /// The form for the assertion consumer is coming in.
    Consuming(usize, Box<Head>),
    /// A form for the token endpoint is coming in, or waits for keys.
    Granting(Box<Asking>),
    /// It is not known yet who sends a provisioning request, or what the application says of itself; its body may be
    /// coming in.
    Authenticating(Box<Authenticating>),
    /// A valid sign-in waits for the store of used assertions.
    Redeeming(usize, Box<Redeeming>),
    /// A valid sign-in waits for the application's word on the account.
    Vouching(usize, Box<Redeeming>),
    /// A request of somebody signed in waits for the same; its body may be coming in.
    Rechecking(Box<Rechecking>),
    /// A form waits for the identity provider's metadata.
    Awaiting(Box<Awaiting>),
    /// The body of a provisioning request is coming in.
    Arriving(Box<Arriving>),
    /// A provisioning request waits for a call of our own.
    Calling(Box<Calling>),
    /// A provisioning request has been released.
    Provisioned(Box<Flow>),
    /// The application's answer to a provisioning request is coming in.
    Repairing(Box<Flow>, Headers),
    /// It is held while calls of our own are made.
    FollowingUp(Box<FollowUp>),
    /// The proxy answered a provisioning request itself; its text makes room for a SCIM error.
    Replacing(Replacement),
    /// A request of ordinary traffic has been released, and its answer gets something of ours.
    Forwarded(Box<Forwarded>),
    /// A request has been released, or was never ours to judge; nothing is left to do but to strip its trailers.
    Released,
    /// We have answered; what the request still sends goes nowhere.
    Refused,
    /// The stream is over.
    Over,
}

/// A form that is complete, and will be looked at again.
struct Awaiting {
    tenant: usize,
    head: Head,
    body: Vec<u8>,
    _place: Place,
}

impl std::fmt::Debug for Awaiting {
    /// The form is a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Awaiting").finish_non_exhaustive()
    }
}

/// The SCIM error that takes the place of the proxy's own text.
#[derive(Debug)]
struct Replacement(Vec<u8>);

impl Exchange {
    pub(super) fn new(gateway: Rc<Gateway>) -> Self {
        Self { gateway, state: State::Fresh, provisioning_since: None, watch: None }
    }

    /// Where this exchange stands.
    #[must_use]
    pub fn state(&self) -> StateName {
        match self.state {
            State::Fresh => StateName::Fresh,
            State::Consuming(..) => StateName::Consuming,
            State::Granting(_) => StateName::Granting,
            State::Authenticating(_) => StateName::Authenticating,
            State::Redeeming(..) => StateName::Redeeming,
            State::Vouching(..) => StateName::Vouching,
            State::Rechecking(_) => StateName::Rechecking,
            State::Awaiting(_) => StateName::Awaiting,
            State::Arriving(_) => StateName::Arriving,
            State::Calling(_) => StateName::Calling,
            State::Provisioned(_) => StateName::Provisioned,
            State::Repairing(..) => StateName::Repairing,
            State::FollowingUp(_) => StateName::FollowingUp,
            State::Replacing(_) => StateName::Replacing,
            State::Forwarded(_) => StateName::Forwarded,
            State::Released => StateName::Released,
            State::Refused => StateName::Refused,
            State::Over => StateName::Over,
        }
    }

    /// Whether headers are held because a body is awaited.
    #[must_use]
    pub fn waits_for_request_body(&self) -> bool {
        match &self.state {
            State::Consuming(..) | State::Arriving(_) => true,
            State::Granting(asking) => asking.reads(),
            _ => false,
        }
    }

    /// Whether it was let through for somebody's sake, so that [`Event::LookAgain`] should come while it is open.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// Takes one event and says what to do.
    pub fn on(&mut self, event: Event, host: &dyn Host) -> Step {
        // Whatever happens in between, an exchange that is being worked on counts as refused.
        let state = std::mem::replace(&mut self.state, State::Refused);
        let (state, step) = match event {
            Event::RequestHeaders { headers, end } => self.request_headers(state, headers, end, host),
            Event::RequestBody { size, end } => self.request_body(state, size, end, host),
            Event::RequestTrailers { trailers } => self.request_trailers(state, &trailers, host),
            Event::CallAnswered(answer) => self.call_answered(state, answer.as_ref(), host),
            Event::CallTooLarge(headers) => match state {
                State::Calling(calling) => next(calling.too_large(&self.gateway, &headers, host)),
                other => self.call_answered(other, None, host),
            },
            Event::Woken => self.woken(state, host),
            Event::ResponseHeaders { headers, end, origin } => {
                self.response_headers(state, headers, end, origin, host)
            }
            Event::ResponseBody { size, end } => self.response_body(state, Some(size), end, host),
            Event::ResponseTrailers { .. } => self.response_body(state, None, true, host),
            Event::LookAgain => self.look_again(state, host),
            Event::HostMismatch => host_mismatch(state, host),
            Event::Done => self.done(state, host),
        };
        self.state = state;
        self.time(host);
        step
    }

    /// How long provisioning requests take, from their head to the end of the stream.
    fn time(&mut self, host: &dyn Host) {
        if let (State::Over, Some(since)) = (&self.state, self.provisioning_since) {
            self.provisioning_since = None;
            host.record("vestibule.scim.duration_ms", host.now().0.saturating_sub(since.0));
        }
    }

    fn request_headers(
        &mut self,
        state: State,
        headers: Headers,
        end: bool,
        host: &dyn Host,
    ) -> (State, Step) {
        match state {
            State::Fresh => {}
            State::Over => return (State::Over, Step::Hold),
            State::Refused => return (State::Refused, Step::Hold),
            // A second head on one stream: whatever was decided was decided on another.
            pending => return self.abandon(pending, host),
        }
        match route::decide_on(&self.gateway, headers, &mut self.watch, host) {
            Verdict::Pass(edits, forwarded) => passed(edits, forwarded),
            Verdict::Recheck(id, until, pending) => {
                (State::Rechecking(pending), Step::Wait(Wait::Check(id, until)))
            }
            Verdict::Answer(reply) => refuse(reply),
            Verdict::Consume(at, head) if end => self.consume(at, head, None, host),
            Verdict::Consume(at, head) => {
                let step = if self.gateway.host.stop_iteration {
                    Step::Hold
                } else {
                    // This host cannot hold headers and still deliver the body: the buffer filter behind us holds them.
                    Step::Continue(Edits {
                        headers: [head.forged.clone(), Cookies::hide(&head.headers)].concat(),
                        ..Edits::default()
                    })
                };
                (State::Consuming(at, Box::new(head)), step)
            }
            Verdict::Token(asking) if end => granted(asking.form_came(&self.gateway, Vec::new(), host)),
            Verdict::Token(asking) => (State::Granting(asking), Step::Hold),
            Verdict::Knock(arriving, headers) => {
                self.provisioning_since = Some(host.now());
                let entry = authentication::enter(&self.gateway, *arriving, &headers, end, host);
                self.entry(entry, &Came { ended: end, ..Came::default() }, host)
            }
        }
    }

    fn request_body(&self, state: State, size: usize, end: bool, host: &dyn Host) -> (State, Step) {
        match state {
            State::Consuming(at, _) if size > sign_on::MAX_FORM => self.form_too_large(at, host),
            State::Consuming(at, head) if end => self.consume(at, *head, Some(size), host),
            State::Granting(asking) if size > token_endpoint::MAX_FORM && asking.reads() => {
                refuse(asking.too_large(&self.gateway, host))
            }
            State::Granting(asking) if end && asking.reads() => self.form_came(asking, size, host),
            State::Authenticating(pending) if size > pending.max_body() => {
                refuse(pending.too_large(&self.gateway, host))
            }
            State::Authenticating(mut pending) if !pending.came.ended => {
                pending.came.received = Some(size);
                pending.came.ended |= end;
                (State::Authenticating(pending), Step::Hold)
            }
            State::Arriving(arriving) if size > arriving.max_body => {
                refuse(arriving.too_large(&self.gateway, host))
            }
            State::Arriving(arriving) if end => self.normalise(*arriving, Some(size), host),
            State::Consuming(..)
            | State::Granting(_)
            | State::Authenticating(_)
            | State::Redeeming(..)
            | State::Vouching(..)
            | State::Rechecking(_)
            | State::Awaiting(_)
            | State::Arriving(_)
            | State::Calling(_)
            | State::Refused
            | State::Over => (state, Step::Hold),
            State::Provisioned(_)
            | State::Repairing(..)
            | State::FollowingUp(_)
            | State::Forwarded(_)
            | State::Released => (state, Step::go_on()),
            // What was not released before the proxy answered is not released after.
            State::Replacing(_) => (state, Step::Hold),
            State::Fresh => out_of_order(host),
        }
    }

    fn request_trailers(&self, state: State, trailers: &Headers, host: &dyn Host) -> (State, Step) {
        match state {
            State::Consuming(at, head) => {
                // The octets that came are all there will be; the host knows how many when asked for as many as allowed.
                self.consume(at, *head, Some(sign_on::MAX_FORM), host)
            }
            State::Arriving(mut arriving) => {
                let limit = arriving.max_body;
                arriving.trailers = provisioning::without(trailers);
                self.normalise(*arriving, Some(limit), host)
            }
            State::Granting(asking) if asking.reads() => {
                self.form_came(asking, token_endpoint::MAX_FORM, host)
            }
            State::Authenticating(mut pending) if !pending.came.ended => {
                // As above: the octets that came are all.
                pending.came.received = Some(pending.max_body());
                pending.came.ended = true;
                pending.came.trailers.extend(provisioning::without(trailers));
                (State::Authenticating(pending), Step::Hold)
            }
            State::Rechecking(mut pending) => {
                pending.trailers.extend(self.gateway.forgeries.strip_trailers(trailers));
                (State::Rechecking(pending), Step::Hold)
            }
            State::Redeeming(..)
            | State::Vouching(..)
            | State::Awaiting(_)
            | State::Granting(_)
            | State::Authenticating(_)
            | State::Calling(_)
            | State::Replacing(_)
            | State::Refused
            | State::Over => (state, Step::Hold),
            State::Provisioned(_) | State::Repairing(..) | State::FollowingUp(_) => {
                let edits = Edits { trailers: provisioning::without(trailers), ..Edits::default() };
                (state, Step::Continue(edits))
            }
            State::Forwarded(_) | State::Released => {
                let forged = self.gateway.forgeries.strip_trailers(trailers);
                (state, Step::Continue(Edits { trailers: forged, ..Edits::default() }))
            }
            State::Fresh => out_of_order(host),
        }
    }

    fn call_answered(&self, state: State, answer: Option<&CallAnswer>, host: &dyn Host) -> (State, Step) {
        match state {
            State::Calling(calling) => next(calling.answered(&self.gateway, answer, host)),
            State::FollowingUp(follow_up) => answered(follow_up.answered(&self.gateway, answer, host)),
            State::Authenticating(pending) => {
                let came = pending.came.clone();
                self.entry(pending.answered(&self.gateway, answer, host), &came, host)
            }
            State::Redeeming(at, redeeming) => match self.gateway.tenants.get(at) {
                Some(tenant) => match redeeming.answered(&self.gateway, tenant, answer, host) {
                    Finished::Answer(reply) => refuse(reply),
                    Finished::Vouch(id, until, redeeming) => vouching(at, id, until, redeeming),
                },
                None => out_of_order(host),
            },
            // Nobody waits for it (any more).
            other => (other, Step::Hold),
        }
    }

    /// What was waited for has come, or will not come in time.
    fn woken(&mut self, state: State, host: &dyn Host) -> (State, Step) {
        match state {
            State::Authenticating(pending) => {
                let came = pending.came.clone();
                self.entry(pending.woken(&self.gateway, host), &came, host)
            }
            State::Granting(asking) => granted(asking.woken(&self.gateway, host)),
            State::Calling(calling) => next(calling.woken(&self.gateway, host)),
            State::Vouching(at, redeeming) => match self.gateway.tenants.get(at) {
                Some(tenant) => refuse(redeeming.vouched(&self.gateway, tenant, host)),
                None => out_of_order(host),
            },
            State::Rechecking(pending) => self.rechecked(*pending, host),
            State::Awaiting(awaiting) => {
                let Awaiting { tenant, head, body, _place } = *awaiting;
                self.consume_form(tenant, head, body, true, host)
            }
            // Nobody waits for it (any more).
            other => (other, Step::Hold),
        }
    }

    fn response_headers(
        &self,
        state: State,
        headers: Headers,
        end: bool,
        origin: Origin,
        host: &dyn Host,
    ) -> (State, Step) {
        let status = headers.text(":status").and_then(|status| status.parse().ok());
        match (state, origin) {
            (State::Provisioned(mut flow), _) => {
                let recorded = flow.answered(&self.gateway, status, !end, origin, host);
                // The proxy's own answer is no success anyway.
                if !recorded && origin == Origin::Upstream {
                    return refuse(provisioning::not_recorded());
                }
                match origin {
                    Origin::Local => local_reply(status, end),
                    Origin::Upstream if end => {
                        let edits = flow.repair(&self.gateway, &headers, &[], host);
                        if edits.body.as_ref().is_some_and(|body| !body.is_empty()) {
                            return refuse(provisioning::as_reply(&headers, edits));
                        }
                        (State::Released, Step::Continue(Edits { body: None, ..edits }))
                    }
                    // Said beforehand it costs nobody a buffer.
                    Origin::Upstream if announced(&headers) > flow.max_response => {
                        self.unread(flow, headers, host)
                    }
                    Origin::Upstream => (State::Repairing(flow, headers), Step::Hold),
                }
            }
            // The proxy gave up on a request that we hold: too large, too slow.
            (State::Arriving(_) | State::Authenticating(_), Origin::Local) => local_reply(status, end),
            (State::Calling(calling), Origin::Local) => {
                calling.abandoned(&self.gateway, host);
                local_reply(status, end)
            }
            (
                State::Consuming(..)
                | State::Redeeming(..)
                | State::Vouching(..)
                | State::Rechecking(_)
                | State::Awaiting(_)
                | State::Granting(_),
                Origin::Local,
            ) => (State::Refused, Step::go_on()),
            // An answer of the application to a request that was never released.
            (
                pending @ (State::Arriving(_)
                | State::Authenticating(_)
                | State::Granting(_)
                | State::Calling(_)
                | State::Consuming(..)
                | State::Redeeming(..)
                | State::Vouching(..)
                | State::Rechecking(_)
                | State::Awaiting(_)),
                Origin::Upstream,
            ) => self.abandon(pending, host),
            // The application's answer broke off, or was larger than the proxy holds.
            (pending @ (State::Repairing(..) | State::FollowingUp(_)), Origin::Local) => {
                self.done(pending, host);
                local_reply(status, end)
            }
            (pending @ (State::Repairing(..) | State::FollowingUp(_) | State::Replacing(_)), _) => {
                self.abandon(pending, host)
            }
            // The proxy refused the request before it came to us.
            (State::Fresh, Origin::Local) => (State::Refused, Step::go_on()),
            // Kept, for an answer of the proxy's own may yet take the place of this one.
            (State::Forwarded(forwarded), _) => {
                let edits = forwarded.answered(&self.gateway, &headers, host);
                (State::Forwarded(forwarded), Step::Continue(edits))
            }
            (State::Released, _) => (State::Released, Step::go_on()),
            (State::Fresh, Origin::Upstream) => self.abandon(State::Fresh, host),
            // Our own answer on its way out.
            (State::Refused, _) => (State::Refused, Step::go_on()),
            (State::Over, _) => (State::Over, Step::Hold),
        }
    }

    /// Response body (`Some`) or trailers (`None`).
    fn response_body(&self, state: State, size: Option<usize>, end: bool, host: &dyn Host) -> (State, Step) {
        match state {
            State::Repairing(flow, headers) if size.is_some_and(|size| size > flow.max_response) => {
                self.unread(flow, headers, host)
            }
            State::Repairing(flow, headers) if end => {
                let length = size.unwrap_or(flow.max_response);
                // One octet more than allowed tells "all of it" from "cut off".
                match host.response_body(length.saturating_add(1)) {
                    Ok(body) if body.len() <= flow.max_response => {
                        answered(flow.ended(&self.gateway, headers, &body, host))
                    }
                    Ok(_) => self.unread(flow, headers, host),
                    Err(_) => {
                        self.done(State::Repairing(flow, headers), host);
                        unreadable(provisioning::unavailable(), host)
                    }
                }
            }
            State::Repairing(..) | State::FollowingUp(_) | State::Over => (state, Step::Hold),
            State::Replacing(Replacement(body)) => {
                let edits = Edits { body: Some(body), ..Edits::default() };
                (State::Replacing(Replacement(Vec::new())), Step::Continue(edits))
            }
            State::Forwarded(_) | State::Released | State::Refused => (state, Step::go_on()),
            pending => self.abandon(pending, host),
        }
    }

    fn done(&self, state: State, host: &dyn Host) -> (State, Step) {
        match state {
            State::Provisioned(mut flow) => flow.abandoned(&self.gateway, host),
            State::Repairing(mut flow, _) => flow.unread(&self.gateway, host),
            State::Calling(calling) => calling.abandoned(&self.gateway, host),
            State::FollowingUp(follow_up) => follow_up.abandoned(&self.gateway, host),
            _ => {}
        }
        (State::Over, Step::Hold)
    }

    /// The account was asked about, or could not be in time: decide anew.
    fn rechecked(&mut self, mut pending: Rechecking, host: &dyn Host) -> (State, Step) {
        let (trailers, rounds) = (std::mem::take(&mut pending.trailers), pending.rounds);
        match route::decide_again(&self.gateway, pending, &mut self.watch, host) {
            Verdict::Pass(edits, forwarded) => passed(Edits { trailers, ..edits }, forwarded),
            Verdict::Recheck(id, until, pending) if rounds < MOST_ROUNDS => {
                let pending = Box::new(Rechecking { trailers, ..*pending });
                (State::Rechecking(pending), Step::Wait(Wait::Check(id, until)))
            }
            Verdict::Recheck(_, _, pending) => match self.gateway.tenants.get(pending.tenant) {
                Some(tenant) => refuse(route::unknowable(tenant, &pending.head, "recheck_restless", host)),
                None => out_of_order(host),
            },
            Verdict::Answer(reply) => refuse(reply),
            Verdict::Consume(..) | Verdict::Knock(..) | Verdict::Token(_) => out_of_order(host),
        }
    }

    /// Whether a stream that was let through may stay open.
    fn look_again(&mut self, state: State, host: &dyn Host) -> (State, Step) {
        let seen = match (&state, &self.watch) {
            (State::Released | State::Forwarded(_), Some(watch)) => watch.look(&self.gateway, host),
            _ => Seen::Well,
        };
        match seen {
            Seen::Well => (state, Step::Hold),
            Seen::Over(code) => {
                let tenant = self.watch.take().and_then(|watch| self.gateway.tenants.get(watch.tenant()));
                reports::stream_closed(host, tenant.map_or("", |tenant| &tenant.settings.name), code);
                (State::Over, Step::Close)
            }
        }
    }

    /// The application's answer is larger than what is read of it.
    fn unread(&self, flow: Box<Flow>, headers: Headers, host: &dyn Host) -> (State, Step) {
        let reply = flow.reply_unread(&self.gateway, &headers, host);
        self.done(State::Repairing(flow, headers), host);
        refuse(reply)
    }

    /// Refuses what should not have happened; a change of somebody's account that was under way counts.
    fn abandon(&self, state: State, host: &dyn Host) -> (State, Step) {
        let refused = out_of_order(host);
        self.done(state, host);
        refused
    }

    fn consume(&self, at: usize, head: Head, size: Option<usize>, host: &dyn Host) -> (State, Step) {
        match read_body(size, sign_on::MAX_FORM, host) {
            Body::All(body) => self.consume_form(at, head, body, false, host),
            Body::TooLarge => self.form_too_large(at, host),
            Body::Unreadable => out_of_order(host),
        }
    }

    fn form_too_large(&self, at: usize, host: &dyn Host) -> (State, Step) {
        match self.gateway.tenants.get(at) {
            Some(tenant) => refuse(route::form_too_large(tenant, host)),
            None => out_of_order(host),
        }
    }

    fn form_came(&self, asking: Box<Asking>, size: usize, host: &dyn Host) -> (State, Step) {
        match read_body(Some(size), token_endpoint::MAX_FORM, host) {
            Body::All(form) => granted(asking.form_came(&self.gateway, form, host)),
            Body::TooLarge => refuse(asking.too_large(&self.gateway, host)),
            Body::Unreadable => unreadable(token_endpoint::unreadable(), host),
        }
    }

    /// What becomes of a provisioning request after its sender was judged, or could not be.
    fn entry(&self, entry: Entry, came: &Came, host: &dyn Host) -> (State, Step) {
        match entry {
            Entry::Refused(reply) => refuse(reply),
            Entry::Pending(pending, step) => (State::Authenticating(pending), step),
            Entry::Admitted(mut arriving) if came.ended => {
                arriving.trailers.clone_from(&came.trailers);
                self.normalise(*arriving, came.received, host)
            }
            Entry::Admitted(arriving) => (State::Arriving(arriving), Step::Hold),
        }
    }

    /// `again`: the form has waited for metadata.
    fn consume_form(
        &self,
        at: usize,
        head: Head,
        body: Vec<u8>,
        again: bool,
        host: &dyn Host,
    ) -> (State, Step) {
        let Some(tenant) = self.gateway.tenants.get(at) else { return out_of_order(host) };
        let consumed = if logout::is_meant(tenant, &head) {
            logout::posted(&self.gateway, tenant, &head, &body, again, host)
        } else {
            sign_on::consume(&self.gateway, tenant, &head, &body, again, host)
        };
        match consumed {
            Consumed::Answer(reply) => refuse(reply),
            Consumed::Redeem(call, redeeming) => (State::Redeeming(at, redeeming), Step::Call(call)),
            Consumed::Vouch(id, until, redeeming) => vouching(at, id, until, redeeming),
            Consumed::Await(document) => match Place::take(&self.gateway.waiting, provider::MOST_WAITING) {
                Some(place) => {
                    let awaiting = Awaiting { tenant: at, head, body, _place: place };
                    let end = host.now().after(provider::PATIENCE);
                    (State::Awaiting(Box::new(awaiting)), Step::Wait(Wait::Document(document, end)))
                }
                // As many wait as there may; this one is judged by what is known.
                None => self.consume_form(at, head, body, true, host),
            },
        }
    }

    fn normalise(&self, arriving: Arriving, size: Option<usize>, host: &dyn Host) -> (State, Step) {
        let limit = arriving.max_body;
        let body = match read_body(size, limit, host) {
            Body::All(body) => body,
            Body::TooLarge => return refuse(arriving.too_large(&self.gateway, host)),
            Body::Unreadable => return unreadable(provisioning::unavailable(), host),
        };
        next(provisioning::normalise(&self.gateway, arriving, size.map(|_| body.as_slice()), host))
    }
}

fn passed(edits: Edits, forwarded: Option<Box<Forwarded>>) -> (State, Step) {
    let state = forwarded.map_or(State::Released, State::Forwarded);
    (state, Step::Continue(edits))
}

fn vouching(at: usize, id: CheckId, until: UnixMillis, redeeming: Box<Redeeming>) -> (State, Step) {
    (State::Vouching(at, redeeming), Step::Wait(Wait::Check(id, until)))
}

/// The length that a response says it has, in octets; 0 where it does not say.
fn announced(headers: &Headers) -> usize {
    headers.text("content-length").and_then(|length| length.parse().ok()).unwrap_or_default()
}

fn next(next: Next) -> (State, Step) {
    match next {
        Next::Answer(reply) => refuse(reply),
        Next::Call(call, calling) => (State::Calling(calling), Step::Call(call)),
        Next::Wait(wait, calling) => (State::Calling(calling), Step::Wait(wait)),
        Next::Hold(calling) => (State::Calling(calling), Step::Hold),
        Next::Forward(edits, flow) => (State::Provisioned(flow), Step::Continue(edits)),
    }
}

fn answered(answered: Answered) -> (State, Step) {
    match answered {
        Answered::Pass(edits) => (State::Released, Step::Continue(edits)),
        Answered::Instead(reply) => refuse(reply),
        Answered::Call(call, follow_up) => (State::FollowingUp(follow_up), Step::Call(call)),
    }
}

fn refuse(reply: Reply) -> (State, Step) {
    (State::Refused, Step::Answer(reply))
}

/// Refuses what should not have happened.
fn out_of_order(host: &dyn Host) -> (State, Step) {
    refuse(route::out_of_order(host))
}

/// The proxy spoke of a body, and does not hand it over; `reply` says so in the form that is expected here.
fn unreadable(reply: Reply, host: &dyn Host) -> (State, Step) {
    reports::out_of_order(host);
    refuse(reply)
}

/// The proxy's own answer to a provisioning request is put as a SCIM error. Its headers need not be held for that: the
/// new body is known before the old one comes.
fn local_reply(status: Option<u16>, end: bool) -> (State, Step) {
    let mut edits = provisioning::replace(&provisioning::local_error(status));
    let body = edits.body.take().unwrap_or_default();
    edits.headers.retain(|edit| !matches!(edit, HeaderEdit::Set(name, _) if name == b"content-length"));
    if end {
        edits.headers.push(HeaderEdit::remove("content-type"));
        return (State::Refused, Step::Continue(edits));
    }
    edits.headers.push(HeaderEdit::remove("content-length"));
    (State::Replacing(Replacement(body)), Step::Continue(edits))
}

fn granted(grant: Grant) -> (State, Step) {
    match grant {
        Grant::Answer(reply) => refuse(reply),
        Grant::Waits(asking, step) => (State::Granting(asking), step),
    }
}

fn host_mismatch(state: State, host: &dyn Host) -> (State, Step) {
    match state {
        State::Consuming(..) | State::Arriving(_) | State::Granting(_) | State::Repairing(..) => {
            host.count("vestibule.exchange.host_mismatch");
            host.log(
                Level::Error,
                "event=exchange.host_mismatch remedy=\"set allow_on_headers_stop_iteration: true in the plugin \
                 configuration of Envoy, or host.stop_iteration: false here\"",
            );
            reports::refused(host, "", "host_mismatch", None);
            refuse(problem(
                500,
                "host_mismatch",
                "The gateway is not set up correctly; its log says how to mend it.",
            ))
        }
        other => (other, Step::Hold),
    }
}
