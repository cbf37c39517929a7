//! A bounded table in the host's shared data, for what all workers of one process must know at once.
//!
//! Shared data has no delete and no atomic create, survives configuration updates and can be written by any module
//! that names our `vm_id`. So: a fixed number of shards made when the filter is configured, every change by
//! compare-and-swap, every value authenticated, and whatever cannot be read is an error, never an empty table.
//!
//! A value is the number of its tags in one octet, a tag for each key of the ring, and the rows. While keys are rotated, and
//! when a rotation is taken back, contexts of two configurations share the table for as long as connections drain: one key
//! in common is enough for both.

use std::cell::RefCell;

use crate::common::{Host, HostError, UnixMillis};
use crate::crypto::{KeyRing, sha256};

/// What a row is found by: half a SHA-256, so that shared data holds no personal data in clear.
pub(super) type RowKey = [u8; 16];

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: RowKey,
    pub(super) kind: u8,
    pub(super) time: UnixMillis,
}

/// Why the table could not be read or changed. Every caller refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The host has no shared data, or it failed.
    Unavailable,
    /// A shard is not there or not ours.
    Unreadable,
    /// Other workers were always faster.
    Contended,
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "shared data is not available",
            Self::Unreadable => "shared data is missing or was changed by somebody else",
            Self::Contended => "shared data was changed by other workers all the time",
        })
    }
}

impl std::error::Error for LedgerError {}

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    shards: Vec<Shard>,
    capacity: usize,
    ring: KeyRing,
}

#[derive(Debug)]
struct Shard {
    /// Under which shared data has it.
    name: String,
    /// The octets that were last found authentic: the same octets need no second look, which would cost most of a look-up.
    /// They are compared whole, so that nothing rests on a number that the host gives.
    verified: RefCell<Vec<u8>>,
}

const TAG: usize = 32;
const ROW: usize = 25;
const TRIES: usize = 64;

impl Ledger {
    /// `capacity` is in rows per shard.
    pub(super) fn new(name: &'static str, shards: u8, capacity: usize, ring: KeyRing) -> Self {
        let shard = |at| Shard { name: format!("vestibule/{name}/{at}"), verified: RefCell::default() };
        Self { shards: (0..shards.max(1)).map(shard).collect(), capacity, ring }
    }

    /// The key of a row: what it is about, part by part.
    pub(super) fn key(parts: &[&str]) -> RowKey {
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        let mut key = RowKey::default();
        for (to, from) in key.iter_mut().zip(sha256(&text)) {
            *to = from;
        }
        key
    }

    /// Makes the shards that are not there, and tags those anew that were not tagged with just the keys of the ring, so that
    /// an older key can be taken away later.
    ///
    /// A shard that cannot be read belongs to a configuration with other keys: it is left alone, for it knows who is
    /// locked out.
    pub(super) fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        for shard in &self.shards {
            let name = shard.name.as_str();
            for _ in 0..TRIES {
                let Some((value, cas)) = host.shared_get(name).map_err(unavailable)? else {
                    host.shared_set(name, &self.encode(name, &[])?, None).map_err(unavailable)?;
                    break;
                };
                let anew = self.encode(name, &self.decode(shard, &value)?)?;
                if anew == value {
                    break;
                }
                match host.shared_set(name, &anew, Some(cas)) {
                    Ok(()) => break,
                    Err(HostError::Changed) => {}
                    Err(_) => return Err(LedgerError::Unavailable),
                }
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, host: &dyn Host, key: &RowKey) -> Result<Option<Row>, LedgerError> {
        let shard = self.shard_of(key)?;
        let (value, _) = host.shared_get(&shard.name).map_err(unavailable)?.ok_or(LedgerError::Unreadable)?;
        let body = self.verified(shard, &value)?;
        Ok(body.chunks(ROW).find(|row| row.starts_with(key)).and_then(decode))
    }

    /// Changes the shard of `key`: `change` gets its rows and gives back what the caller wants to know. It may run
    /// several times. Where it leaves more rows than the shard may hold, nothing is written and `Ok(None)` comes back.
    pub(super) fn change<T>(
        &self,
        host: &dyn Host,
        key: &RowKey,
        change: impl Fn(&mut Vec<Row>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        self.change_within(host, key, self.capacity, change)
    }

    /// [`Ledger::change`] for rows whose number is bounded otherwise: they find room where the shard is full.
    pub(super) fn change_even_if_full<T>(
        &self,
        host: &dyn Host,
        key: &RowKey,
        change: impl Fn(&mut Vec<Row>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        self.change_within(host, key, usize::MAX, change)
    }

    fn change_within<T>(
        &self,
        host: &dyn Host,
        key: &RowKey,
        capacity: usize,
        change: impl Fn(&mut Vec<Row>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        let shard = self.shard_of(key)?;
        for _ in 0..TRIES {
            let (mut rows, cas) = self.load(host, shard)?;
            let before = rows.clone();
            let told = change(&mut rows);
            if rows == before {
                return Ok(Some(told));
            }
            if rows.len() > capacity {
                return Ok(None);
            }
            match host.shared_set(&shard.name, &self.encode(&shard.name, &rows)?, Some(cas)) {
                Ok(()) => return Ok(Some(told)),
                Err(HostError::Changed) => {}
                Err(_) => return Err(LedgerError::Unavailable),
            }
        }
        Err(LedgerError::Contended)
    }

    fn shard_of(&self, key: &RowKey) -> Result<&Shard, LedgerError> {
        let first = key.first().copied().map(usize::from).unwrap_or_default();
        // There is at least one.
        let at = first.checked_rem(self.shards.len()).unwrap_or_default();
        self.shards.get(at).ok_or(LedgerError::Unreadable)
    }

    fn load(&self, host: &dyn Host, shard: &Shard) -> Result<(Vec<Row>, u32), LedgerError> {
        let (value, cas) =
            host.shared_get(&shard.name).map_err(unavailable)?.ok_or(LedgerError::Unreadable)?;
        Ok((self.decode(shard, &value)?, cas))
    }

    fn decode(&self, shard: &Shard, value: &[u8]) -> Result<Vec<Row>, LedgerError> {
        let body = self.verified(shard, value)?;
        body.chunks(ROW).map(decode).collect::<Option<_>>().ok_or(LedgerError::Unreadable)
    }

    /// The rows of an authentic value, in octets.
    fn verified<'v>(&self, shard: &Shard, value: &'v [u8]) -> Result<&'v [u8], LedgerError> {
        let (tags, body) = parts(value).ok_or(LedgerError::Unreadable)?;
        // No value is empty, and nothing is kept before something was found authentic.
        if *shard.verified.borrow() == value {
            return Ok(body);
        }
        let whole = body.len().checked_rem(ROW) == Some(0);
        let mut tags = tags.chunks(TAG);
        if !whole || !tags.any(|tag| self.ring.is_authentic(&[shard.name.as_bytes(), body], tag)) {
            return Err(LedgerError::Unreadable);
        }
        shard.verified.replace(value.to_vec());
        Ok(body)
    }

    fn encode(&self, name: &str, rows: &[Row]) -> Result<Vec<u8>, LedgerError> {
        let mut body = Vec::with_capacity(rows.len().saturating_mul(ROW));
        for row in rows {
            body.extend_from_slice(&row.key);
            body.push(row.kind);
            body.extend_from_slice(&row.time.0.to_le_bytes());
        }
        let tags = self.ring.tags(&[name.as_bytes(), &body]);
        let count =
            u8::try_from(tags.len()).ok().filter(|count| *count > 0).ok_or(LedgerError::Unavailable)?;
        Ok([&[count], tags.concat().as_slice(), &body].concat())
    }
}

/// The tags and the rows of a value.
fn parts(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = value.split_first()?;
    rest.split_at_checked(usize::from(*count).checked_mul(TAG)?)
}

fn unavailable(_: HostError) -> LedgerError {
    LedgerError::Unavailable
}

fn decode(bytes: &[u8]) -> Option<Row> {
    let (key, rest) = bytes.split_first_chunk::<16>()?;
    let (&[kind], time) = rest.split_first_chunk::<1>()?;
    Some(Row { key: *key, kind, time: UnixMillis(u64::from_le_bytes(time.try_into().ok()?)) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::common::test_host::TestHost;
    use crate::crypto::MasterKey;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    pub(in crate::access) fn ring(byte: u8) -> KeyRing {
        KeyRing::derive(&[MasterKey::new("k", &[byte; 32]).unwrap()], "ledger").unwrap()
    }

    fn ledger(capacity: usize) -> (TestHost, Ledger) {
        let host = TestHost::default();
        let ledger = Ledger::new("test", 4, capacity, ring(1));
        assert_eq!(ledger.prepare(&host), Ok(()));
        (host, ledger)
    }

    fn row(at: u8) -> Row {
        Row { key: Ledger::key(&[&at.to_string()]), kind: at, time: UnixMillis(u64::from(at)) }
    }

    #[test]
    fn rows_are_found_again_and_survive_a_second_prepare() {
        let (host, ledger) = ledger(100);
        for at in 0..50 {
            ledger.change(&host, &row(at).key, |rows| rows.push(row(at))).unwrap().unwrap();
        }
        assert_eq!(ledger.prepare(&host), Ok(()));
        for at in 0..50 {
            assert_eq!(ledger.get(&host, &row(at).key), Ok(Some(row(at))));
        }
        assert_eq!(ledger.get(&host, &row(51).key), Ok(None));
    }

    #[test]
    fn a_full_shard_takes_no_more_and_forgets_nothing() {
        let (host, ledger) = ledger(1);
        let key = row(1).key;
        assert_eq!(ledger.change(&host, &key, |rows| rows.push(row(1))), Ok(Some(())));
        assert_eq!(ledger.change(&host, &key, |rows| rows.push(row(2))), Ok(None));
        assert_eq!(ledger.get(&host, &key), Ok(Some(row(1))));
    }

    #[test]
    fn a_value_somebody_else_wrote_is_an_error_not_an_empty_table() {
        let (host, ledger) = ledger(10);
        let names: Vec<String> = host.shared.borrow().keys().cloned().collect();
        for name in &names {
            let forged = Ledger::new("test", 4, 10, ring(2)).encode(name, &[]).unwrap();
            host.shared_set(name, &forged, None).unwrap();
        }
        assert_eq!(ledger.get(&host, &row(1).key), Err(LedgerError::Unreadable));
        assert_eq!(ledger.prepare(&host), Err(LedgerError::Unreadable), "and it is not made anew");
    }

    #[test]
    fn rows_outlive_the_key_they_were_written_with_when_keys_are_rotated_in_order() {
        let (host, ledger) = ledger(10);
        ledger.change(&host, &row(1).key, |rows| rows.push(row(1))).unwrap().unwrap();
        let key = |id: &str, byte| MasterKey::new(id, &[byte; 32]).unwrap();
        for masters in [vec![key("new", 9), key("k", 1)], vec![key("new", 9)]] {
            let rotated = Ledger::new("test", 4, 10, KeyRing::derive(&masters, "ledger").unwrap());
            assert_eq!(rotated.prepare(&host), Ok(()));
            assert_eq!(rotated.get(&host, &row(1).key), Ok(Some(row(1))));
        }
    }

    #[test]
    fn while_keys_are_rotated_both_configurations_read_and_write_and_a_rotation_can_be_taken_back() {
        let (host, before) = ledger(10);
        let key = |id: &str, byte| MasterKey::new(id, &[byte; 32]).unwrap();
        let both = [key("new", 9), key("k", 1)];
        let rotated = Ledger::new("test", 4, 10, KeyRing::derive(&both, "ledger").unwrap());
        before.change(&host, &row(1).key, |rows| rows.push(row(1))).unwrap().unwrap();
        assert_eq!(rotated.prepare(&host), Ok(()));
        // Connections of the configuration before are still being served.
        assert_eq!(before.get(&host, &row(1).key), Ok(Some(row(1))));
        rotated.change(&host, &row(2).key, |rows| rows.push(row(2))).unwrap().unwrap();
        assert_eq!(before.get(&host, &row(2).key), Ok(Some(row(2))));
        before.change(&host, &row(3).key, |rows| rows.push(row(3))).unwrap().unwrap();
        assert_eq!(rotated.get(&host, &row(3).key), Ok(Some(row(3))));
        // Taken back.
        assert_eq!(before.prepare(&host), Ok(()));
        for at in 1..=3 {
            assert_eq!(before.get(&host, &row(at).key), Ok(Some(row(at))));
        }
        let new_only = Ledger::new("test", 4, 10, KeyRing::derive(&both[..1], "ledger").unwrap());
        assert_eq!(new_only.get(&host, &row(1).key), Err(LedgerError::Unreadable));
    }

    #[test]
    fn a_number_of_tags_that_does_not_fit_is_an_error() {
        let (host, ledger) = ledger(10);
        ledger.change(&host, &row(1).key, |rows| rows.push(row(1))).unwrap().unwrap();
        let name = ledger.shard_of(&row(1).key).unwrap().name.clone();
        let good = host.shared_get(&name).unwrap().unwrap().0;
        for count in (0..=255).filter(|count| *count != 1) {
            let mut value = good.clone();
            value[0] = count;
            host.shared_set(&name, &value, None).unwrap();
            assert_eq!(ledger.get(&host, &row(1).key), Err(LedgerError::Unreadable), "{count} tags");
        }
        host.shared_set(&name, &[], None).unwrap();
        assert_eq!(ledger.get(&host, &row(1).key), Err(LedgerError::Unreadable));
    }

    #[test]
    fn a_shard_of_another_place_does_not_pass_for_this_one() {
        let (host, ledger) = ledger(10);
        let value = host.shared_get("vestibule/test/0").unwrap().unwrap().0;
        host.shared_set("vestibule/test/1", &value, None).unwrap();
        let mut errors = 0;
        for at in 0..50 {
            errors += usize::from(ledger.get(&host, &row(at).key).is_err());
        }
        assert!(errors > 0);
    }

    #[test]
    fn what_was_authentic_once_does_not_make_another_value_so() {
        let (host, ledger) = ledger(10);
        let key = row(1).key;
        ledger.change(&host, &key, |rows| rows.push(row(1))).unwrap().unwrap();
        assert_eq!(ledger.get(&host, &key), Ok(Some(row(1))));
        let name = ledger.shard_of(&key).unwrap().name.clone();
        let (mut value, cas) = host.shared_get(&name).unwrap().unwrap();
        *value.last_mut().unwrap() ^= 1;
        // Under the very number that the good value had.
        host.shared.borrow_mut().insert(name, (value, cas));
        assert_eq!(ledger.get(&host, &key), Err(LedgerError::Unreadable));
    }

    #[test]
    fn a_host_without_shared_data_is_an_error() {
        let (host, ledger) = ledger(10);
        host.shared_fails.set(true);
        assert_eq!(ledger.get(&host, &row(1).key), Err(LedgerError::Unavailable));
        assert_eq!(ledger.prepare(&host), Err(LedgerError::Unavailable));
    }
}
