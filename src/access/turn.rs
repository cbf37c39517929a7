//! Whether anything was changed in a table of shared data since it was looked at, by one look at one value.
//!
//! Whoever changes the table writes something new here afterwards, before the change is reported as done. Who reads it
//! before the table, and finds the same when coming back, need not look again. The value is nobody's word: it is never
//! understood, only compared with what was seen before, together with the number that the host counts its writes by.
//! So whoever writes here makes others look again, and an old value that is put back is not taken for the old time.

use crate::common::{Host, HostError};

/// Where it is in shared data.
#[derive(Debug)]
pub(super) struct Turn(String);

/// What was read at one time; only good for comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableTurn([u8; LENGTH], u32);

const LENGTH: usize = 16;

impl Turn {
    /// Of the table of this name.
    pub(super) fn of(table: &str) -> Self {
        Self(format!("vestibule/{table}/turn"))
    }

    /// Makes the value where it is not there.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub(super) fn prepare(&self, host: &dyn Host) -> Result<(), HostError> {
        if host.shared_get(&self.0)?.is_some() { Ok(()) } else { self.next(host) }
    }

    /// What is there now, to be read before the table. `None`: nothing to go by, and nothing may be remembered.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub(super) fn now(&self, host: &dyn Host) -> Result<Option<TableTurn>, HostError> {
        let found = host.shared_get(&self.0)?;
        Ok(found.and_then(|(value, number)| Some(TableTurn(value.try_into().ok()?, number))))
    }

    /// The table was changed.
    ///
    /// # Errors
    /// Where that cannot be told to others, who then may not know: the change must not be reported as done.
    pub(super) fn next(&self, host: &dyn Host) -> Result<(), HostError> {
        let mut value = [0; LENGTH];
        // Where there is no randomness the host's number still is another.
        let _by_number_alone = host.random(&mut value);
        host.shared_set(&self.0, &value, None)
    }
}
