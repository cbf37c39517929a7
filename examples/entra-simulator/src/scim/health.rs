//! Progress of a cycle, and the quarantine of the job.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::clock::{format_ms, now_ms};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// After that many days in quarantine the job is switched off.
const DAYS_UNTIL_DISABLED: i64 = 28;

/// How far a run has come; read while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
    running: AtomicBool,
    current: Mutex<String>,
}

/// The same, to be told.
#[derive(Debug, Clone, Serialize)]
pub struct Position {
    pub running: bool,
    /// Steps done.
    pub done: usize,
    /// Steps there are.
    pub total: usize,
    /// What is being done.
    pub current: String,
}

impl Progress {
    /// A run has begun.
    pub fn begin(&self) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(0, Ordering::Relaxed);
        self.running.store(true, Ordering::Relaxed);
        self.now_at("");
    }

    /// So many steps are known to be ahead.
    pub fn expect(&self, steps: usize) {
        self.total.store(steps, Ordering::Relaxed);
    }

    /// One step is done.
    pub fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// What is being done.
    pub fn now_at(&self, what: &str) {
        what.clone_into(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The run is over.
    pub fn end(&self) {
        self.running.store(false, Ordering::Relaxed);
        self.now_at("");
    }

    /// Where it is.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            running: self.running.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            current: self.current.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// From when on failures put the job into quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// More than this share of the objects of a cycle failed, …
    pub percent: usize,
    /// … and they are at least so many;
    pub percent_from: usize,
    /// or so many failed in a cycle;
    pub in_cycle: usize,
    /// or so many objects wait to be tried again.
    pub in_total: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { percent: 40, percent_from: 5_000, in_cycle: 40_000, in_total: 60_000 }
    }
}

/// A job in quarantine.
#[derive(Debug, Clone)]
struct Quarantine {
    reason: String,
    since_ms: i64,
    retries: u32,
    last_ms: i64,
}

/// What lives on between cycles.
#[derive(Debug, Default)]
pub struct Health {
    pub thresholds: Thresholds,
    quarantine: Option<Quarantine>,
    /// Objects that wait to be tried again.
    escrows: HashSet<String>,
}

/// The same, to be told.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// `healthy`, `quarantine` or `disabled`.
    pub state: &'static str,
    pub reason: Option<String>,
    pub since: Option<String>,
    /// When Entra would try again by itself.
    pub next_retry: Option<String>,
    /// When Entra would switch the job off.
    pub disabled_on: Option<String>,
    /// Objects that wait to be tried again.
    pub escrows: usize,
    pub thresholds: Thresholds,
}

impl Health {
    /// An object was handled.
    pub fn object(&mut self, id: &str, failed: bool) {
        if failed {
            self.escrows.insert(id.to_owned());
        } else {
            self.escrows.remove(id);
        }
    }

    /// A cycle is over: of `objects`, `failed` were not handled. Why the job is in quarantine now.
    pub fn judge(&mut self, objects: usize, failed: usize, critical: Option<String>) -> Option<String> {
        let rule = self.thresholds;
        let many = failed >= rule.percent_from && failed * 100 > objects * rule.percent;
        let reason = critical.or_else(|| {
            (many || failed >= rule.in_cycle || self.escrows.len() >= rule.in_total).then(|| {
                format!("EncounteredEscrowProportionThreshold: {failed} of {objects} objects failed")
            })
        });
        let now = now_ms();
        self.quarantine = reason.clone().map(|reason| match self.quarantine.take() {
            Some(before) => Quarantine { reason, retries: before.retries + 1, last_ms: now, ..before },
            None => Quarantine { reason, since_ms: now, retries: 0, last_ms: now },
        });
        reason
    }

    /// Whether the job is switched off.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.quarantine.as_ref().is_some_and(|it| now_ms() - it.since_ms > DAYS_UNTIL_DISABLED * DAY)
    }

    /// How the job is.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let quarantine = self.quarantine.as_ref();
        let wait = quarantine.map(|it| match it.retries {
            0 => 6 * HOUR,
            1 => 12 * HOUR,
            _ => DAY,
        });
        HealthReport {
            state: match quarantine {
                None => "healthy",
                Some(_) if self.is_disabled() => "disabled",
                Some(_) => "quarantine",
            },
            reason: quarantine.map(|it| it.reason.clone()),
            since: quarantine.map(|it| format_ms(it.since_ms)),
            next_retry: quarantine.zip(wait).map(|(it, wait)| format_ms(it.last_ms + wait)),
            disabled_on: quarantine.map(|it| format_ms(it.since_ms + DAYS_UNTIL_DISABLED * DAY)),
            escrows: self.escrows.len(),
            thresholds: self.thresholds,
        }
    }

    /// *Restart provisioning*.
    pub fn restart(&mut self) {
        *self = Self { thresholds: self.thresholds, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, Thresholds};

    #[test]
    fn forty_percent_count_from_five_thousand_on() {
        let mut health = Health::default();
        assert_eq!(health.judge(6_000, 4_999, None), None);
        assert!(health.judge(6_000, 5_000, None).is_some());
        assert_eq!(health.report().state, "quarantine");
        assert_eq!(health.judge(100_000, 39_999, None), None);
        assert!(health.judge(200_000, 40_000, None).is_some());
        health.thresholds = Thresholds { percent_from: 2, ..Thresholds::default() };
        assert_eq!(health.judge(5, 2, None), None, "exactly 40 %");
        assert!(health.judge(4, 2, None).is_some());
    }

    #[test]
    fn objects_that_wait_count_until_they_are_handled() {
        let mut health =
            Health { thresholds: Thresholds { in_total: 2, ..Default::default() }, ..Health::default() };
        health.object("a", true);
        health.object("b", true);
        assert!(health.judge(100, 1, None).is_some());
        health.object("b", false);
        assert_eq!(health.judge(100, 0, None), None);
        assert_eq!((health.report().state, health.report().escrows), ("healthy", 1));
    }

    #[test]
    fn retries_come_after_six_twelve_and_then_every_24_hours() {
        let mut health = Health::default();
        let mut waits = Vec::new();
        for _ in 0..4 {
            health.judge(1, 0, Some("InvalidCredentials".into()));
            let quarantine = health.quarantine.clone().unwrap();
            let next = health.report().next_retry.unwrap();
            let hours = [6, 12, 24]
                .into_iter()
                .find(|hours| crate::clock::format_ms(quarantine.last_ms + hours * super::HOUR) == next);
            waits.push(hours.unwrap());
        }
        assert_eq!(waits, [6, 12, 24, 24]);
        health.restart();
        assert_eq!(health.report().state, "healthy");
    }

    #[test]
    fn the_job_is_off_after_28_days() {
        let mut health = Health::default();
        health.judge(1, 0, Some("InvalidCredentials".into()));
        assert!(!health.is_disabled());
        if let Some(quarantine) = &mut health.quarantine {
            quarantine.since_ms -= 28 * super::DAY + 1000;
        }
        assert_eq!(health.report().state, "disabled");
    }
}
