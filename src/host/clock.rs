//! The one timer that the host has for a root context.

use std::cell::Cell;
use std::time::Duration;

use crate::common::UnixMillis;

use super::abi;

/// Milliseconds; a shorter period only burns time.
const SHORTEST: u64 = 10;
/// Milliseconds. The period is measured by another clock than ours, which may be set: so look up now and then.
const LONGEST: u64 = 60_000;

/// A tick that is so late was not only kept back by a busy worker: our clock was set forward, and the host's was not.
const OVERDUE: Duration = Duration::from_secs(1);

/// Says when the next tick comes. A period that stays the same is not set anew: that would begin it anew. So would one that
/// brings no tick any sooner: whoever asks again and again would put it off for ever.
#[derive(Default)]
pub(super) struct Clock {
    period: Cell<u32>,
    next: Cell<Option<UnixMillis>>,
}

impl Clock {
    /// Sees to it that a tick comes by `at`.
    pub(super) fn by(&self, now: UnixMillis, at: UnixMillis) {
        let soonest = at.max(now.after(Duration::from_millis(SHORTEST)));
        if self.next.get().is_none_or(|next| next > soonest || next.after(OVERDUE) < now) {
            self.set(now, period(now, at));
        }
    }

    /// A tick has come, and the next one will after the same period.
    pub(super) fn ticked(&self, now: UnixMillis) {
        self.next.set(after(now, self.period.get()));
    }

    /// After a tick: the next one comes by `at`, or none at all.
    pub(super) fn next(&self, now: UnixMillis, at: Option<UnixMillis>) {
        let period = at.map_or(0, |at| period(now, at));
        if period == self.period.get() {
            self.ticked(now);
        } else {
            self.set(now, period);
        }
    }

    fn set(&self, now: UnixMillis, period: u32) {
        if abi::set_tick_period(period).is_err() {
            self.next.set(None);
            return;
        }
        self.period.set(period);
        self.next.set(after(now, period));
    }
}

/// When the tick after this period comes: with none, never. A host may tick once more after it was told to stop.
fn after(now: UnixMillis, period: u32) -> Option<UnixMillis> {
    (period > 0).then(|| now.after(Duration::from_millis(u64::from(period))))
}

fn period(now: UnixMillis, at: UnixMillis) -> u32 {
    u32::try_from(at.0.saturating_sub(now.0).clamp(SHORTEST, LONGEST)).unwrap_or(u32::MAX)
}
