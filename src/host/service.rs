//! What all streams of one configuration in one VM share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::common::{Host as _, Level, UnixMillis, about};
use crate::config::STAND_IN;
use crate::gateway::{Gateway, HostSettings};

use super::abi::{self, Metric};
use super::clock::Clock;
use super::errands::{Fetch, Forward, Sleeper};
use super::exchange_host::ExchangeHost;
use super::native::Native;
use super::stream::Inner;

/// Names of metrics are fixed in the code; more than this many is a fault, and counts nothing.
const MAX_METRICS: usize = 1024;
/// How often held streams are looked after.
pub(super) const LOOK_AFTER: Duration = Duration::from_secs(1);

/// A compiled configuration and what was learned of the host since.
pub(super) struct Service {
    pub(super) gateway: Rc<Gateway>,
    pub(super) settings: HostSettings,
    pub(super) native: Native,
    metrics: RefCell<BTreeMap<String, Option<u32>>>,
    delivers_bodies: Cell<bool>,
    waiting: RefCell<Vec<Waiting>>,
    pub(super) clock: Clock,
    pub(super) fetches: RefCell<BTreeMap<u32, Fetch>>,
    pub(super) sleepers: RefCell<Vec<Sleeper>>,
    pub(super) forwards: RefCell<BTreeMap<u32, Forward>>,
    /// Streams that were let through for somebody's sake and are open.
    pub(super) open: RefCell<BTreeMap<u32, Weak<RefCell<Inner>>>>,
    /// When they were last looked at.
    looked: Cell<UnixMillis>,
}

/// A stream that is held for its body.
struct Waiting {
    id: u32,
    stream: Weak<RefCell<Inner>>,
}

impl Service {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// One line for each fault.
    pub(super) fn new(configuration: &[u8]) -> Result<Rc<Self>, Vec<String>> {
        let (gateway, warnings) = Gateway::compile(configuration, &environment)?;
        let settings = gateway.host_settings();
        let native = Native::new(settings.native_crypto);
        let service = Self {
            gateway: Rc::new(gateway),
            settings,
            native,
            metrics: RefCell::default(),
            delivers_bodies: Cell::new(false),
            waiting: RefCell::default(),
            clock: Clock::default(),
            fetches: RefCell::default(),
            sleepers: RefCell::default(),
            forwards: RefCell::default(),
            open: RefCell::default(),
            looked: Cell::default(),
        };
        for warning in warnings {
            abi::log(Level::Warn, &warning);
        }
        let host = ExchangeHost::outside_streams(&service);
        service.gateway.prepare(&host).map_err(|error| vec![error])?;
        host.log(
            Level::Info,
            if service.native.is_proven() {
                "signatures are verified by the proxy"
            } else {
                "signatures are verified in Wasm"
            },
        );
        about::announce(&host);
        Ok(Rc::new(service))
    }

    /// The timer came: whatever is due. All of it in the name of the root context, which is entered again at the end.
    pub(super) fn tick(self: &Rc<Self>, root: u32, now: UnixMillis) {
        self.clock.ticked(now);
        // First, for only now is the root the context that calls are made in.
        self.fetch_what_is_due();
        let held = self.look_after_the_held(now);
        let woken = self.wake(now);
        // Other reasons may have the timer come more often.
        let due = now < self.looked.get() || now >= self.looked.get().after(LOOK_AFTER);
        let looked = due && self.look_at_the_open();
        if due {
            self.looked.set(now);
        }
        if held || woken || looked {
            let _root_always_lives = abi::set_effective_context(root);
        }
        // Counted from the last look: a tick that came a millisecond early must not put the next look off by a whole round.
        let look_after = (self.watches() || self.has_open()).then(|| self.looked.get().after(LOOK_AFTER));
        self.clock.next(now, self.next_errand().into_iter().chain(look_after).min());
    }

    /// Adds one to a counter.
    pub(super) fn count(&self, name: &str) {
        if let Some(id) = self.metric(Metric::Counter, name) {
            let _a_lost_count_is_no_reason_to_refuse = abi::increment(id);
        }
    }

    /// Puts a value into a histogram.
    pub(super) fn record(&self, name: &str, value: u64) {
        if let Some(id) = self.metric(Metric::Histogram, name) {
            let _a_lost_value_is_no_reason_to_refuse = abi::record(id, value);
        }
    }

    fn metric(&self, kind: Metric, name: &str) -> Option<u32> {
        let mut metrics = self.metrics.try_borrow_mut().ok()?;
        match metrics.get(name) {
            Some(id) => *id,
            None if metrics.len() >= MAX_METRICS => None,
            None => {
                let id = abi::define_metric(kind, name).ok();
                metrics.insert(name.to_owned(), id);
                id
            }
        }
    }

    /// This host has delivered a body to a request whose headers were held, as `host.stop_iteration` says it does.
    pub(super) fn host_delivers_bodies(&self) {
        if !self.delivers_bodies.replace(true) {
            self.waiting.replace(Vec::new());
        }
    }

    /// Watches over a stream that is held for its body, until this host has proven that it delivers bodies.
    pub(super) fn watch(&self, id: u32, stream: &Weak<RefCell<Inner>>, now: UnixMillis) {
        if self.delivers_bodies.get() {
            return;
        }
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push(Waiting { id, stream: stream.clone() });
        }
        self.clock.by(now, now.after(LOOK_AFTER));
    }

    /// Refuses the streams that wait for a body which the host keeps back. True where another context was entered.
    fn look_after_the_held(&self, now: UnixMillis) -> bool {
        let watched = self.waiting.replace(Vec::new());
        let (mut kept, mut entered) = (Vec::new(), false);
        for one in watched {
            let Some(stream) = one.stream.upgrade() else { continue };
            // One callback runs at a time and this is none of the stream's.
            let Ok(mut inner) = stream.try_borrow_mut() else { continue };
            if !inner.is_held_for_body() || abi::set_effective_context(one.id).is_err() {
                continue;
            }
            entered = true;
            if !inner.refuse_if_kept_waiting(now) {
                drop(inner);
                kept.push(one);
            }
        }
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.append(&mut kept);
        }
        entered
    }

    fn watches(&self) -> bool {
        self.waiting.try_borrow().is_ok_and(|waiting| !waiting.is_empty())
    }
}

/// A secret named in the configuration. Not text: as good as not there.
fn environment(name: &str) -> Option<String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    abi::environment(name).filter(|text| text != STAND_IN)
}
