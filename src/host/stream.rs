//! One HTTP exchange, as the proxy sees it: every callback becomes an event, every step is carried out.
//!
//! Whatever goes wrong here ends in a refusal or a broken stream, never in letting something through.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::common::{Host as _, HostError, Level, Reply, UnixMillis};
use crate::gateway::{Call, CallAnswer, Edits, Event, Exchange, Origin, StateName, Step, Wait};

use super::abi::{self, Buffer, Direction, Map};
use super::dispatch::Action;
use super::errands;
use super::exchange_host::{self, ExchangeHost};
use super::flow::{Applied, Fault, Flow};
use super::service::Service;

/// Calls that could not even be made are answered at once; an exchange that goes on asking is refused.
const MAX_FAILED_CALLS: usize = 4;
/// `%RESPONSE_CODE_DETAILS%` of our own replies.
const DETAILS_ANSWER: &str = "vestibule";
/// The same where this module refused, for a reason that is in the log.
const DETAILS_REFUSAL: &str = "vestibule_host_refusal";
/// The same where an application's response was rewritten to something too large to go on in its place.
const DETAILS_REWRITTEN: &str = "vestibule_rewritten_response";
/// What the proxy says of a response that came from the application.
const VIA_UPSTREAM: &[u8] = b"via_upstream";
/// Where headers are held and the body has come to the proxy, but was not delivered, the exchange is refused after so
/// many milliseconds.
const KEPT_BACK_AFTER: u64 = 2_000;
/// The same where nothing of the body came, or the proxy does not say; only while the host is unproven.
const NOTHING_CAME_AFTER: u64 = 30_000;

/// The context of a stream.
pub(super) struct Stream(Rc<RefCell<Inner>>);

/// The state of a stream.
pub(super) struct Inner {
    id: u32,
    me: Weak<RefCell<Self>>,
    /// `None` where the configuration was not accepted, or the stream is over.
    work: Option<Work>,
    request: Flow,
    response: Flow,
    call: Option<PendingCall>,
    /// A local reply of ours was sent.
    answered: bool,
    held: Option<Held>,
    /// The direction that waits to be woken.
    asleep: Option<Direction>,
}

/// A direction whose headers are held until its body comes.
#[derive(Clone, Copy)]
struct Held {
    direction: Direction,
    since: UnixMillis,
    /// Octets of the request that had come by then, where the proxy says.
    received: Option<u64>,
}

struct Work {
    service: Rc<Service>,
    exchange: Exchange,
}

struct PendingCall {
    token: u32,
    direction: Direction,
    max_answer: usize,
}

/// From where a step is carried out.
#[derive(Clone, Copy)]
struct Turn {
    direction: Direction,
    /// In a callback of this direction, whose return value decides; otherwise the direction must be resumed.
    inline: bool,
    /// In a callback of the root, which gets the answers to calls made now.
    by_root: bool,
}

impl Turn {
    const fn inline(direction: Direction) -> Self {
        Self { direction, inline: true, by_root: false }
    }

    const fn later(direction: Direction) -> Self {
        Self { direction, inline: false, by_root: false }
    }

    const fn by_root(direction: Direction) -> Self {
        Self { direction, inline: false, by_root: true }
    }
}

impl Stream {
    pub(super) fn new(id: u32, service: Option<Rc<Service>>) -> Self {
        Self(Rc::new_cyclic(|me| {
            RefCell::new(Inner {
                id,
                me: me.clone(),
                work: service.map(|service| Work { exchange: service.gateway.exchange(), service }),
                request: Flow::new(Direction::Request),
                response: Flow::new(Direction::Response),
                call: None,
                answered: false,
                held: None,
                asleep: None,
            })
        }))
    }

    /// No host calls back while it is in a callback; were it otherwise, nothing would go on.
    fn act(&self, act: impl FnOnce(&mut Inner) -> Action) -> Action {
        self.0.try_borrow_mut().map_or(Action::Pause, |mut inner| act(&mut inner))
    }
}

/// Callbacks.
impl Stream {
    pub(super) fn request_headers(&self, end: bool) -> Action {
        self.act(|inner| inner.request_headers(end))
    }

    pub(super) fn request_body(&self, size: usize, end: bool) -> Action {
        self.act(|inner| inner.request_body(size, end))
    }

    pub(super) fn request_trailers(&self) -> Action {
        self.act(Inner::request_trailers)
    }

    pub(super) fn response_headers(&self, end: bool) -> Action {
        self.act(|inner| inner.response_headers(end))
    }

    pub(super) fn response_body(&self, size: usize, end: bool) -> Action {
        self.act(|inner| inner.response_body(size, end))
    }

    pub(super) fn response_trailers(&self) -> Action {
        self.act(Inner::response_trailers)
    }

    pub(super) fn call_answered(&self, token: u32, headers: usize, body_size: usize) {
        if let Ok(mut inner) = self.0.try_borrow_mut() {
            inner.call_answered(token, headers, body_size, Turn::later);
        }
    }

    /// The stream is over; may come more than once.
    pub(super) fn done(&self) {
        if let Ok(mut inner) = self.0.try_borrow_mut() {
            inner.done();
        }
    }
}

/// Callbacks.
impl Inner {
    fn request_headers(&mut self, end: bool) -> Action {
        match self.request.headers_came(end) {
            Ok(headers) => self.event(Direction::Request, Event::RequestHeaders { headers, end }),
            Err(error) => self.refuse(Direction::Request, "request headers", error),
        }
    }

    fn request_body(&mut self, size: usize, end: bool) -> Action {
        if self.request.is_dead() {
            return Action::Pause;
        }
        self.body_follows_headers(Direction::Request);
        self.request.body_came(size, end);
        self.event(Direction::Request, Event::RequestBody { size, end })
    }

    fn request_trailers(&mut self) -> Action {
        if self.request.is_dead() {
            return Action::Pause;
        }
        self.body_follows_headers(Direction::Request);
        match self.request.trailers_came() {
            Ok(trailers) => self.event(Direction::Request, Event::RequestTrailers { trailers }),
            Err(error) => self.refuse(Direction::Request, "request trailers", error),
        }
    }

    fn response_headers(&mut self, end: bool) -> Action {
        if self.answer_is_of_no_use() {
            self.response.passes(end);
            return Action::Continue;
        }
        let origin = self.origin();
        if self.request.keeps_headers() || (origin == Origin::Local && self.request.is_paused()) {
            // Somebody else answered: a limit, a timeout. The request can no longer go on.
            self.request.kill();
        }
        match self.response.headers_came(end) {
            Ok(headers) => self.event(Direction::Response, Event::ResponseHeaders { headers, end, origin }),
            Err(error) => self.refuse(Direction::Response, "response headers", error),
        }
    }

    /// Whether the request has gone on, and nothing is to be done with its answer, whatever it says: the headers stay where
    /// they are, for to be given them costs more than all else of such an answer.
    fn answer_is_of_no_use(&self) -> bool {
        let released = |work: &Work| work.exchange.state() == StateName::Released;
        self.work.as_ref().is_some_and(released) && !self.request.keeps_headers() && !self.request.is_paused()
    }

    fn response_body(&mut self, size: usize, end: bool) -> Action {
        if self.response.is_dead() {
            return Action::Pause;
        }
        self.body_follows_headers(Direction::Response);
        self.response.body_came(size, end);
        self.event(Direction::Response, Event::ResponseBody { size, end })
    }

    fn response_trailers(&mut self) -> Action {
        if self.response.is_dead() {
            return Action::Pause;
        }
        self.body_follows_headers(Direction::Response);
        match self.response.trailers_came() {
            Ok(trailers) => self.event(Direction::Response, Event::ResponseTrailers { trailers }),
            Err(error) => self.refuse(Direction::Response, "response trailers", error),
        }
    }

    fn call_answered(&mut self, token: u32, headers: usize, body_size: usize, turn: fn(Direction) -> Turn) {
        let Some(call) = self.call.take_if(|call| call.token == token) else { return };
        let event = if headers > 0 && body_size > call.max_answer {
            abi::pairs(Map::CallHeaders).map_or(Event::CallAnswered(None), Event::CallTooLarge)
        } else {
            Event::CallAnswered(read_answer(headers, body_size, call.max_answer))
        };
        if let Some(step) = self.ask(event) {
            self.carry_out(step, turn(call.direction));
        }
    }

    /// The answer to a call that was made in a callback of the root.
    pub(super) fn call_answered_to_root(&mut self, token: u32, headers: usize, body_size: usize) {
        self.call_answered(token, headers, body_size, Turn::by_root);
    }

    /// In a callback of the root: what this stream waited for has come, or will not.
    pub(super) fn woken(&mut self) {
        let Some(direction) = self.asleep.take() else { return };
        if let Some(step) = self.ask(Event::Woken) {
            self.carry_out(step, Turn::by_root(direction));
        }
    }

    fn done(&mut self) {
        // Before the exchange hears of it: what the host held for this stream is gone.
        self.request.kill();
        self.response.kill();
        let _nothing_left_to_do = self.ask(Event::Done);
        if let Some(work) = self.work.take() {
            work.service.closed(self.id);
        }
        self.call = None;
        self.asleep = None;
    }

    /// In a callback of the root: may what was let through stay open? True where this context was entered.
    pub(super) fn look_again(&mut self) -> bool {
        // First: what the exchange asks the host for is asked in the name of this stream.
        if self.work.is_none() || abi::set_effective_context(self.id).is_err() {
            return false;
        }
        if let Some(Step::Close) = self.ask(Event::LookAgain) {
            self.break_off(Direction::Response);
        }
        true
    }

    /// Nothing more is sent in either direction, and both sides are told that it was not all.
    fn break_off(&mut self, direction: Direction) -> Action {
        self.request.kill();
        self.response.kill();
        let _cannot_be_helped = abi::close_stream(direction);
        if let Some(work) = &self.work {
            work.service.closed(self.id);
        }
        Action::Pause
    }

    fn watch_while_open(&self, direction: Direction) {
        if let Some(work) = self.work.as_ref().filter(|_| direction == Direction::Request)
            && work.exchange.is_watched()
        {
            work.service.opened(self.id, &self.me, exchange_host::now());
        }
    }

    fn origin(&self) -> Origin {
        let details = || abi::property(&["response", "code_details"]);
        if !self.answered && details().is_some_and(|details| details == VIA_UPSTREAM) {
            Origin::Upstream
        } else {
            Origin::Local
        }
    }

    fn body_follows_headers(&mut self, direction: Direction) {
        self.held = None;
        if self.flow(direction).holds_headers()
            && let Some(work) = &self.work
        {
            work.service.host_delivers_bodies();
        }
    }
}

/// Steps.
impl Inner {
    fn event(&mut self, direction: Direction, event: Event) -> Action {
        match self.ask(event) {
            Some(step) => self.carry_out(step, Turn::inline(direction)),
            // Our own refusal is on its way to the client.
            None if self.answered && direction == Direction::Response => {
                self.flow(direction).went_on();
                Action::Continue
            }
            None => self.refuse(direction, "no accepted configuration", HostError::Unavailable),
        }
    }

    /// Tells the exchange; `None` where there is none.
    fn ask(&mut self, event: Event) -> Option<Step> {
        let (request, response) = (self.request.readable_body(), self.response.readable_body());
        let work = self.work.as_mut()?;
        let host = ExchangeHost::new(&work.service, request, response);
        let step = work.exchange.on(event, &host);
        work.service.fetch_what_is_needed();
        Some(step)
    }

    fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// Carries out a step. The action is of use only to an inline turn.
    fn carry_out(&mut self, mut step: Step, turn: Turn) -> Action {
        for _ in 0..MAX_FAILED_CALLS {
            if self.flow(turn.direction).is_dead() {
                return Action::Pause;
            }
            match step {
                Step::Continue(edits) => return self.go_on(&edits, turn),
                Step::Hold => return self.hold(turn),
                Step::Answer(reply) => return self.answer(&reply, turn.direction),
                Step::Close => return self.break_off(turn.direction),
                Step::Wait(wait) => return self.sleep(wait, turn.direction),
                Step::Call(call) => {
                    if self.call.is_some() {
                        return self.refuse(turn.direction, "a second call", HostError::WrongPhase);
                    }
                    if self.dispatch(&call, turn) {
                        return Action::Pause;
                    }
                    match self.ask(Event::CallAnswered(None)) {
                        Some(next) => step = next,
                        None => break,
                    }
                }
            }
        }
        self.refuse(turn.direction, "calls that cannot be made", HostError::Unavailable)
    }

    fn go_on(&mut self, edits: &Edits, turn: Turn) -> Action {
        let flow = self.flow(turn.direction);
        let done = match flow.apply(edits, turn.inline) {
            Ok(Applied::Sound) if turn.inline => {
                flow.went_on();
                Ok(())
            }
            Ok(Applied::Sound) => flow.resume().map_err(Fault::Host),
            Ok(Applied::TooLargeInPlace) => return self.response_as_reply(edits.body.as_deref()),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => {
                self.watch_while_open(turn.direction);
                Action::Continue
            }
            Err(error) => self.refuse(turn.direction, "edits", error),
        }
    }

    /// Sends the application's response, edited, as a reply of our own: its new body is larger than the proxy may have
    /// room for.
    fn response_as_reply(&mut self, body: Option<&[u8]>) -> Action {
        match self.response.as_reply() {
            Ok((status, headers)) => {
                let body = body.unwrap_or_default();
                self.reply(status, &headers, body, Direction::Response, DETAILS_REWRITTEN)
            }
            Err(error) => self.refuse(Direction::Response, "response headers", error),
        }
    }

    fn hold(&mut self, turn: Turn) -> Action {
        let stop_iteration = self.work.as_ref().is_some_and(|work| work.service.settings.stop_iteration);
        let called = self.call.is_some() || self.asleep == Some(turn.direction);
        let flow = self.flow(turn.direction);
        flow.pause();
        if !called && flow.has_ended() {
            return self.refuse(turn.direction, "a hold that nothing would end", HostError::WrongPhase);
        }
        if !called && flow.is_held_at_headers() && !stop_iteration {
            return self.refuse(turn.direction, "headers held without stop_iteration", HostError::WrongPhase);
        }
        self.watch(turn.direction);
        Action::Pause
    }

    /// Sends a reply in the place of whatever was to be sent, at most once; where that is too late, breaks off.
    fn answer(&mut self, reply: &Reply, direction: Direction) -> Action {
        if !(200..=599).contains(&reply.status) {
            return self.refuse(direction, "a reply of no final status", HostError::WrongPhase);
        }
        self.reply(reply.status, &reply.headers, &reply.body, direction, DETAILS_ANSWER)
    }

    fn refuse(&mut self, direction: Direction, place: &str, error: impl std::fmt::Display) -> Action {
        abi::log(
            Level::Error,
            &format!("event=exchange.host_refusal code=host_refusal refused at {place}: {error}"),
        );
        if let Some(work) = &self.work {
            let host = ExchangeHost::new(&work.service, None, None);
            host.count("vestibule.exchange.host_refusal");
            host.tell("outcome", "exchange.host_refusal");
            host.tell("code", "host_refusal");
        }
        let reply = Reply::status(500)
            .with("cache-control", "no-store")
            .body("text/plain; charset=utf-8", "The gateway could not process this exchange.\n");
        self.reply(reply.status, &reply.headers, &reply.body, direction, DETAILS_REFUSAL)
    }

    fn reply<T: AsRef<[u8]>>(
        &mut self,
        status: u16,
        headers: &[(T, T)],
        body: &[u8],
        direction: Direction,
        details: &str,
    ) -> Action {
        let too_late = match direction {
            Direction::Request => self.response.has_started(),
            Direction::Response => !self.response.keeps_headers(),
        };
        let stands = !self.answered && !too_late;
        self.request.kill();
        self.response.kill();
        self.flow(direction).pause();
        if !stands || abi::local_response(status, details, headers, body).is_err() {
            // Nothing is let through where the host refuses this as well: both directions are dead.
            let _cannot_be_helped = abi::close_stream(direction);
        }
        self.answered = true;
        Action::Pause
    }

    /// Keeps everything back until the root wakes this stream.
    fn sleep(&mut self, wait: Wait, direction: Direction) -> Action {
        if self.asleep.is_some() || self.call.is_some() {
            return self.refuse(direction, "a wait beside another", HostError::WrongPhase);
        }
        self.flow(direction).pause();
        self.asleep = Some(direction);
        if let Some(work) = &self.work {
            work.service.sleep(self.id, &self.me, wait, exchange_host::now());
        }
        Action::Pause
    }

    /// Makes a call; its answer comes to this stream.
    fn dispatch(&mut self, call: &Call, turn: Turn) -> bool {
        let Some(token) = errands::dispatch(call) else { return false };
        if turn.by_root
            && let Some(work) = &self.work
        {
            work.service.forward(token, self.id, &self.me);
        }
        self.call = Some(PendingCall { token, direction: turn.direction, max_answer: call.max_answer });
        self.flow(turn.direction).pause();
        true
    }
}

/// Watching a host that may not agree with the configuration.
impl Inner {
    fn watch(&mut self, direction: Direction) {
        if self.held.is_some() || !self.waits_for_body(direction) {
            return;
        }
        if let Some(work) = &self.work {
            let received = octets_received();
            self.held = Some(Held { direction, since: exchange_host::now(), received });
            work.service.watch(self.id, &self.me, exchange_host::now());
        }
    }

    fn waits_for_body(&self, direction: Direction) -> bool {
        let Some(work) = &self.work else { return false };
        let held = match direction {
            Direction::Request => self.request.is_held_at_headers() && work.exchange.waits_for_request_body(),
            Direction::Response => self.response.is_held_at_headers(),
        };
        held && self.call.is_none() && self.asleep.is_none()
    }

    pub(super) fn is_held_for_body(&self) -> bool {
        self.held.is_some_and(|held| self.waits_for_body(held.direction))
    }

    /// Refuses an exchange whose body has come to the proxy but not to us. True where there is nothing left to watch.
    pub(super) fn refuse_if_kept_waiting(&mut self, now: UnixMillis) -> bool {
        let Some(held) = self.held else { return true };
        let came = match held.direction {
            Direction::Request => match (held.received, octets_received()) {
                (Some(before), Some(by_now)) => by_now > before,
                _ => true,
            },
            Direction::Response => abi::property(&["response", "backend_latency"]).is_some(),
        };
        let patience = if came { KEPT_BACK_AFTER } else { NOTHING_CAME_AFTER };
        if now.0.saturating_sub(held.since.0) < patience {
            return false;
        }
        // A call made from here would be answered to the root, and letting go on is out of the question.
        match self.ask(Event::HostMismatch) {
            Some(Step::Answer(reply)) => self.answer(&reply, held.direction),
            _ => self.refuse(held.direction, "a body that never came", HostError::WrongPhase),
        };
        true
    }
}

/// Octets of this request that the proxy has received, headers included; `None` where it does not say.
fn octets_received() -> Option<u64> {
    let size = abi::property(&["request", "total_size"])?;
    Some(u64::from_le_bytes(size.try_into().ok()?))
}

/// An answer to a call. Broken off, too large or without a status: none.
pub(super) fn read_answer(headers: usize, body_size: usize, max_answer: usize) -> Option<CallAnswer> {
    if headers == 0 || body_size > max_answer {
        return None;
    }
    let headers = abi::pairs(Map::CallHeaders).ok()?;
    let status = headers.only(":status")?.parse().ok()?;
    let body = if body_size == 0 { Vec::new() } else { abi::buffer(Buffer::CallBody, body_size).ok()? };
    (body.len() == body_size).then_some(CallAnswer { status, headers, body })
}
