//! Leases: for a short time one exchange of this process, in whatever worker, has a resource for itself.
//!
//! A lease that nobody gives back ends by itself, so that a worker that dies does not lock the resource for ever.

use super::ledger::{Ledger, LedgerError, Row, RowKey};
use crate::common::{Host, UnixMillis};
use crate::crypto::KeyRing;

/// The leases of this process.
#[derive(Debug)]
pub struct Leases {
    ledger: Ledger,
}

/// A lease that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    key: RowKey,
    until: UnixMillis,
}

const SHARDS: u8 = 32;
const CAPACITY: usize = 256;

impl Leases {
    /// The table of this process.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ledger: Ledger::new("lease", SHARDS, CAPACITY, ring) }
    }

    /// Makes the shared table.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.ledger.prepare(host)
    }

    /// Takes the lease of `resource` of a tenant until `until`; `None` where somebody else has it, or too many leases
    /// are out.
    ///
    /// # Errors
    /// Where the table cannot be read or written; the caller must not go on as if it had the lease.
    pub fn take(
        &self,
        host: &dyn Host,
        tenant: &str,
        resource: &str,
        until: UnixMillis,
    ) -> Result<Option<Lease>, LedgerError> {
        let (key, now) = (Ledger::key(&["lease", tenant, resource]), host.now());
        let taken = self.ledger.change(host, &key, |rows| {
            rows.retain(|row| row.time > now);
            if rows.iter().any(|row| row.key == key) {
                return false;
            }
            rows.push(Row { key, kind: 0, time: until });
            true
        })?;
        Ok((taken == Some(true)).then_some(Lease { key, until }))
    }

    /// Gives a lease back. One that has ended meanwhile may be somebody else's by now and stays.
    ///
    /// # Errors
    /// Where the table cannot be written; the lease ends by itself.
    pub fn give_back(&self, host: &dyn Host, lease: &Lease) -> Result<(), LedgerError> {
        let gone = |rows: &mut Vec<Row>| rows.retain(|row| row.key != lease.key || row.time != lease.until);
        self.ledger.change(host, &lease.key, gone).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::ring;
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn leases() -> (TestHost, Leases) {
        let host = TestHost::at(1000);
        let leases = Leases::new(ring(1));
        leases.prepare(&host).unwrap();
        (host, leases)
    }

    #[test]
    fn a_resource_has_one_holder_at_a_time() {
        let (host, leases) = leases();
        let take = |tenant, resource| leases.take(&host, tenant, resource, UnixMillis(2000)).unwrap();
        let held = take("t", "/Users/1").unwrap();
        assert_eq!(take("t", "/Users/1"), None);
        assert!(take("t", "/Users/2").is_some());
        assert!(take("other", "/Users/1").is_some());
        leases.give_back(&host, &held).unwrap();
        assert!(take("t", "/Users/1").is_some());
    }

    #[test]
    fn a_lease_that_nobody_gives_back_ends_by_itself() {
        let (host, leases) = leases();
        let late = leases.take(&host, "t", "/Users/1", UnixMillis(2000)).unwrap().unwrap();
        host.time.set(2000);
        let next = leases.take(&host, "t", "/Users/1", UnixMillis(3000)).unwrap().unwrap();
        leases.give_back(&host, &late).unwrap();
        assert_eq!(
            leases.take(&host, "t", "/Users/1", UnixMillis(4000)),
            Ok(None),
            "the late one ended nothing"
        );
        leases.give_back(&host, &next).unwrap();
    }

    #[test]
    fn leases_that_have_ended_leave_no_rows_behind() {
        let (host, leases) = leases();
        for at in 0..20_000_u64 {
            host.time.set(1000 + at);
            let taken = leases.take(&host, "t", &format!("/Users/{at}"), UnixMillis(1000 + at + 1));
            assert!(taken.unwrap().is_some());
        }
    }

    #[test]
    fn without_shared_data_nobody_has_a_lease() {
        let (host, leases) = leases();
        host.shared_fails.set(true);
        assert!(leases.take(&host, "t", "/Users/1", UnixMillis(2000)).is_err());
    }
}
