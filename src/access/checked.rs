//! Whose account was found active, and when: what one worker has asked the application about, the others need not.
//!
//! Losing an entry costs a question, nothing more; so nothing here is an error, and a full table forgets the oldest.

use std::time::Duration;

use super::ledger::{Ledger, LedgerError, Row, RowKey};
use crate::common::{Host, UnixMillis};
use crate::crypto::KeyRing;

/// The table of this process.
#[derive(Debug)]
pub struct Checked {
    ledger: Ledger,
    capacity: usize,
    /// How long an entry is worth keeping.
    longest: Duration,
}

/// Whom a question is about: half a hash of the tenant and of everything that the answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckId(RowKey);

impl CheckId {
    /// The question about these values in this order.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        Self(Ledger::key(parts))
    }
}

const ACTIVE: u8 = 1;
const SHARDS: u8 = 128;
const CAPACITY: usize = 512;

impl Checked {
    /// `longest`: how long an answer counts at most, with any tenant.
    #[must_use]
    pub fn new(ring: KeyRing, longest: Duration) -> Self {
        Self::with_capacity(ring, longest, SHARDS, CAPACITY)
    }

    fn with_capacity(ring: KeyRing, longest: Duration, shards: u8, capacity: usize) -> Self {
        Self { ledger: Ledger::new("checked", shards, capacity, ring), capacity, longest }
    }

    /// Makes the shared table.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.ledger.prepare(host)
    }

    /// When the account was last found active.
    #[must_use]
    pub fn seen(&self, host: &dyn Host, id: &CheckId) -> Option<UnixMillis> {
        let row = self.ledger.get(host, &id.0).ok().flatten()?;
        // What was seen in the future was seen by a clock that was set back since.
        (row.kind == ACTIVE && row.time <= host.now()).then_some(row.time)
    }

    /// The account was found active by a question asked at `at`.
    pub fn note(&self, host: &dyn Host, id: &CheckId, at: UnixMillis) {
        let old = host.now().before(self.longest);
        let _costs_a_question = self.ledger.change(host, &id.0, |rows| {
            rows.retain(|row| row.key != id.0);
            if rows.len() >= self.capacity {
                rows.retain(|row| row.time > old);
            }
            if rows.len() >= self.capacity
                && let Some(oldest) = (0..rows.len()).min_by_key(|at| rows.get(*at).map(|row| row.time))
            {
                rows.swap_remove(oldest);
            }
            rows.push(Row { key: id.0, kind: ACTIVE, time: at });
        });
    }

    /// The account was not found active: nobody may rest on what was seen before.
    pub fn forget(&self, host: &dyn Host, id: &CheckId) {
        let _costs_a_question = self.ledger.change(host, &id.0, |rows| rows.retain(|row| row.key != id.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::ring;
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn checked() -> (TestHost, Checked) {
        let host = TestHost::at(1_000_000);
        let checked = Checked::with_capacity(ring(1), Duration::from_secs(100), 1, 3);
        checked.prepare(&host).unwrap();
        (host, checked)
    }

    fn id(name: &str) -> CheckId {
        CheckId::of(&["t", name])
    }

    #[test]
    fn what_was_seen_is_known_until_it_is_forgotten() {
        let (host, checked) = checked();
        assert_eq!(checked.seen(&host, &id("ada")), None);
        checked.note(&host, &id("ada"), UnixMillis(999_000));
        assert_eq!(checked.seen(&host, &id("ada")), Some(UnixMillis(999_000)));
        assert_eq!(checked.seen(&host, &id("bob")), None);
        checked.forget(&host, &id("ada"));
        assert_eq!(checked.seen(&host, &id("ada")), None);
    }

    #[test]
    fn a_full_table_forgets_the_oldest_and_takes_the_new() {
        let (host, checked) = checked();
        for (at, name) in ["a", "b", "c", "d"].iter().enumerate() {
            checked.note(&host, &id(name), UnixMillis(999_000 + at as u64));
        }
        assert_eq!(checked.seen(&host, &id("a")), None);
        assert!(["b", "c", "d"].iter().all(|name| checked.seen(&host, &id(name)).is_some()));
    }

    #[test]
    fn what_was_seen_in_the_future_was_not_seen() {
        let (host, checked) = checked();
        checked.note(&host, &id("ada"), UnixMillis(1_000_001));
        assert_eq!(checked.seen(&host, &id("ada")), None);
    }

    #[test]
    fn a_table_that_fails_knows_nobody() {
        let (host, checked) = checked();
        checked.note(&host, &id("ada"), UnixMillis(999_000));
        host.shared_fails.set(true);
        assert_eq!(checked.seen(&host, &id("ada")), None);
    }
}
