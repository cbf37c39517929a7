//! What the root context does for the streams: it fetches documents and wakes who waits.
//!
//! The answer to a call comes to the context in whose callback the call was made. A stream that is woken here
//! is not in a callback of its own, so the answers to its calls come to the root too, which hands them on.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::common::UnixMillis;
use crate::gateway::{Call, Due, Wait};

use super::exchange_host::{self, ExchangeHost};
use super::service::{LOOK_AFTER, Service};
use super::stream::Inner;
use super::{abi, dispatch, wire};

/// A call on behalf of all streams that is under way.
pub(super) struct Fetch {
    due: Due,
    max_answer: usize,
}

/// A stream that waits.
pub(super) struct Sleeper {
    id: u32,
    stream: Weak<RefCell<Inner>>,
    wait: Wait,
    since: UnixMillis,
}

/// A stream whose call is answered to the root.
pub(super) struct Forward {
    id: u32,
    stream: Weak<RefCell<Inner>>,
}

/// Documents.
impl Service {
    /// The configuration was accepted: the first documents are fetched as soon as the host runs.
    pub(super) fn begin(&self, now: UnixMillis) {
        if let Some(due) = self.gateway.next_due() {
            self.clock.by(now, due);
        }
    }

    /// An exchange has been told something: if it has come to need something, the root will fetch it.
    pub(super) fn fetch_what_is_needed(&self) {
        if (self.gateway.take_newly_needed() || self.gateway.has_due())
            && let Some(due) = self.gateway.next_due()
        {
            self.clock.by(exchange_host::now(), due);
        }
    }

    /// When there is something to do next.
    pub(super) fn next_errand(&self) -> Option<UnixMillis> {
        let wake = self.sleepers.try_borrow().ok().and_then(|all| all.iter().map(|one| one.wait.end()).min());
        wake.into_iter().chain(self.gateway.next_due()).min()
    }

    /// Makes the calls that are due. To be called in a callback of the root. True where the context may be another.
    pub(super) fn fetch_what_is_due(&self) -> bool {
        let calls = self.gateway.due(&ExchangeHost::outside_streams(self));
        for (due, call) in &calls {
            match dispatch(call) {
                Some(token) => {
                    self.forget_fetches_of(due);
                    let fetch = Fetch { due: *due, max_answer: call.max_answer };
                    if let Ok(mut fetches) = self.fetches.try_borrow_mut() {
                        fetches.insert(token, fetch);
                    }
                }
                None => self.gateway.not_sent(due, &ExchangeHost::outside_streams(self)),
            }
        }
        !calls.is_empty()
    }

    /// What is asked for anew is not asked for twice.
    fn forget_fetches_of(&self, due: &Due) {
        if let Ok(mut fetches) = self.fetches.try_borrow_mut() {
            fetches.retain(|token, fetch| {
                let stays = fetch.due != *due;
                if !stays {
                    dispatch::call_forgotten(*token);
                }
                stays
            });
        }
    }

    /// A call that was made in a callback of the root has failed, and the root cannot be entered. What was asked for is not
    /// to be had for now; who waits for it is woken by the next tick, which the wait has seen to.
    pub(super) fn call_lost(&self, token: u32) {
        let fetch = self.fetches.try_borrow_mut().ok().and_then(|mut fetches| fetches.remove(&token));
        if let Some(fetch) = fetch {
            self.gateway.answered(&fetch.due, None, &ExchangeHost::outside_streams(self));
        }
        let forward = self.forwards.try_borrow_mut().ok().and_then(|mut forwards| forwards.remove(&token));
        if let Some(forward) = forward
            && let Some(stream) = forward.stream.upgrade()
            && let Ok(mut inner) = stream.try_borrow_mut()
            && abi::set_effective_context(forward.id).is_ok()
        {
            inner.call_answered_to_root(token, 0, 0);
        }
    }

    /// A call that was made in a callback of the root is answered.
    pub(super) fn call_answered(self: &Rc<Self>, root: u32, token: u32, headers: usize, body_size: usize) {
        let now = exchange_host::now();
        let fetch = self.fetches.try_borrow_mut().ok().and_then(|mut fetches| fetches.remove(&token));
        if let Some(fetch) = fetch {
            let answer = super::stream::read_answer(headers, body_size, fetch.max_answer);
            let host = ExchangeHost::outside_streams(self);
            self.gateway.answered(&fetch.due, answer.as_ref(), &host);
            // One question may take several calls.
            self.fetch_what_is_due();
        }
        let forward = self.forwards.try_borrow_mut().ok().and_then(|mut forwards| forwards.remove(&token));
        if let Some(forward) = forward
            && let Some(stream) = forward.stream.upgrade()
            && let Ok(mut inner) = stream.try_borrow_mut()
            && abi::set_effective_context(forward.id).is_ok()
        {
            inner.call_answered_to_root(token, headers, body_size);
        }
        self.wake(now);
        let _root_always_lives = abi::set_effective_context(root);
        if let Some(next) = self.next_errand() {
            self.clock.by(now, next);
        }
    }
}

/// Streams.
impl Service {
    /// A stream waits; it is woken in a callback of the root.
    pub(super) fn sleep(&self, id: u32, stream: &Weak<RefCell<Inner>>, wait: Wait, now: UnixMillis) {
        if let Ok(mut sleepers) = self.sleepers.try_borrow_mut() {
            sleepers.push(Sleeper { id, stream: stream.clone(), wait, since: now });
        }
        let next = self.gateway.next_due().into_iter().chain([wait.end()]).min();
        self.clock.by(now, next.unwrap_or(now));
    }

    /// The answer to this call comes to the root, and is meant for this stream.
    pub(super) fn forward(&self, token: u32, id: u32, stream: &Weak<RefCell<Inner>>) {
        if let Ok(mut forwards) = self.forwards.try_borrow_mut() {
            forwards.insert(token, Forward { id, stream: stream.clone() });
        }
    }

    /// Wakes the streams for which there is nothing to wait any more. True where another context was entered.
    pub(super) fn wake(&self, now: UnixMillis) -> bool {
        let all = self.sleepers.replace(Vec::new());
        let (awake, mut asleep): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| self.is_over(one, now));
        asleep.retain(|one| one.stream.strong_count() > 0);
        if let Ok(mut sleepers) = self.sleepers.try_borrow_mut() {
            sleepers.append(&mut asleep);
        }
        let mut entered = false;
        for one in awake {
            let Some(stream) = one.stream.upgrade() else { continue };
            let Ok(mut inner) = stream.try_borrow_mut() else { continue };
            // The stream may be gone for the host: then there is nobody to be told.
            if abi::set_effective_context(one.id).is_ok() {
                entered = true;
                inner.woken();
            }
        }
        entered
    }

    fn is_over(&self, one: &Sleeper, now: UnixMillis) -> bool {
        // A clock that was set back must not let anybody sleep on.
        let in_time = (one.since..one.wait.end()).contains(&now);
        let is_coming = match one.wait {
            Wait::Document(id, _) => self.gateway.is_coming(&Due::Document(id)),
            Wait::Check(id, _) => self.gateway.is_coming(&Due::Check(id)),
            Wait::Until(_) => true,
        };
        !in_time || !is_coming
    }
}

/// Streams that are open.
impl Service {
    /// A stream was let through for somebody's sake; it is looked at now and then while it is open.
    pub(super) fn opened(&self, id: u32, stream: &Weak<RefCell<Inner>>, now: UnixMillis) {
        if let Ok(mut open) = self.open.try_borrow_mut() {
            open.insert(id, stream.clone());
        }
        self.clock.by(now, now.after(LOOK_AFTER));
    }

    /// A stream is over.
    pub(super) fn closed(&self, id: u32) {
        if let Ok(mut open) = self.open.try_borrow_mut() {
            open.remove(&id);
        }
        // Most hosts do not answer the calls of a stream that is gone.
        if let Ok(mut forwards) = self.forwards.try_borrow_mut() {
            forwards.retain(|token, forward| {
                let stays = forward.id != id;
                if !stays {
                    dispatch::call_forgotten(*token);
                }
                stays
            });
        }
    }

    pub(super) fn has_open(&self) -> bool {
        self.open.try_borrow().is_ok_and(|open| !open.is_empty())
    }

    /// Looks at the streams that are open. True where another context was entered.
    pub(super) fn look_at_the_open(&self) -> bool {
        // A copy: a stream that is closed strikes itself off.
        let Some(open) = self.open.try_borrow().ok().filter(|open| !open.is_empty()).map(|open| open.clone())
        else {
            return false;
        };
        self.gateway.begin_round(&ExchangeHost::outside_streams(self));
        let mut entered = false;
        for (id, stream) in open {
            let Some(stream) = stream.upgrade() else {
                self.closed(id);
                continue;
            };
            if let Ok(mut inner) = stream.try_borrow_mut() {
                entered |= inner.look_again();
            }
        }
        entered
    }
}

/// Makes a call; its answer comes to the context in whose callback this is.
pub(super) fn dispatch(call: &Call) -> Option<u32> {
    const LONGEST: u32 = 600_000;
    let headers = wire::write_pairs(&call.headers)?;
    let token =
        abi::http_call(&call.cluster, &headers, &call.body, call.timeout_ms.clamp(1, LONGEST)).ok()?;
    dispatch::call_made(token).then_some(token)
}
