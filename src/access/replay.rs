//! An assertion is used once (SAML Profiles 4.1.4.5): those that were are remembered until they would be refused anyway.

use super::ledger::{Ledger, LedgerError, Row};
use crate::common::{Host, UnixMillis};
use crate::crypto::KeyRing;

/// The assertions that were used in this process.
#[derive(Debug)]
pub struct Replay {
    ledger: Ledger,
    capacity: usize,
}

/// Whether something was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedOnce {
    /// Never before; it is remembered now.
    Fresh,
    /// It was.
    Again,
    /// The table is full: refuse, never forget early.
    Full,
}

const SHARDS: u8 = 64;
const CAPACITY: usize = 1024;

impl Replay {
    /// The table of this process.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self::with_capacity(ring, SHARDS, CAPACITY)
    }

    fn with_capacity(ring: KeyRing, shards: u8, capacity: usize) -> Self {
        Self { ledger: Ledger::new("used", shards, capacity, ring), capacity }
    }

    /// Makes the shared table.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.ledger.prepare(host)
    }

    /// Uses the assertion `id` of `issuer`, which would be accepted until `until`.
    ///
    /// # Errors
    /// Where the table cannot be read or written; the caller refuses.
    pub fn use_once(
        &self,
        host: &dyn Host,
        issuer: &str,
        id: &str,
        until: UnixMillis,
    ) -> Result<UsedOnce, LedgerError> {
        let (key, now) = (Ledger::key(&["assertion", issuer, id]), host.now());
        let used = self.ledger.change(host, &key, |rows| {
            if rows.iter().any(|row| row.key == key) {
                return UsedOnce::Again;
            }
            if rows.len() >= self.capacity {
                rows.retain(|row| row.time > now);
            }
            rows.push(Row { key, kind: 0, time: until });
            UsedOnce::Fresh
        })?;
        Ok(used.unwrap_or(UsedOnce::Full))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::ring;
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn replay() -> (TestHost, Replay) {
        let host = TestHost::at(1000);
        let replay = Replay::with_capacity(ring(1), 4, 8);
        replay.prepare(&host).unwrap();
        (host, replay)
    }

    #[test]
    fn the_second_use_of_an_assertion_is_noticed() {
        let (host, replay) = replay();
        let uses = |issuer, id| replay.use_once(&host, issuer, id, UnixMillis(2000)).unwrap();
        assert_eq!(uses("idp", "_1"), UsedOnce::Fresh);
        assert_eq!(uses("idp", "_1"), UsedOnce::Again);
        assert_eq!(uses("idp", "_2"), UsedOnce::Fresh);
        assert_eq!(uses("other", "_1"), UsedOnce::Fresh);
    }

    #[test]
    fn a_full_table_refuses_until_what_it_holds_has_expired() {
        let (host, replay) = replay();
        let mut at = 0u32;
        while replay.use_once(&host, "idp", &format!("_{at}"), UnixMillis(2000)).unwrap() == UsedOnce::Fresh {
            at += 1;
        }
        let refused = format!("_{at}");
        assert_eq!(replay.use_once(&host, "idp", &refused, UnixMillis(9000)), Ok(UsedOnce::Full));
        assert_eq!(replay.use_once(&host, "idp", "_0", UnixMillis(9000)), Ok(UsedOnce::Again));
        host.time.set(2001);
        assert_eq!(replay.use_once(&host, "idp", &refused, UnixMillis(9000)), Ok(UsedOnce::Fresh));
    }
}
