//! Who has been locked out: the join of provisioning and sign-on.
//!
//! A deactivation or deletion through SCIM blocks every key of that person; sessions that carry one of them end, and a
//! sign-in is refused until SCIM reactivates. What cannot be attributed to a person casts doubt on the whole tenant: every
//! session that is older is re-checked where the application can be asked, and signs in anew elsewhere. What must end
//! whatever the application says raises the tenant's epoch: every older session signs in anew.

use std::cell::OnceCell;
use std::time::Duration;

use super::ledger::{Ledger, LedgerError, Row, RowKey};
use crate::common::{Host, PersonKeys, UnixMillis};
use crate::crypto::KeyRing;

/// See the module.
#[derive(Debug)]
pub struct People {
    ledger: Ledger,
    /// How long a row that only ends older sessions is worth keeping.
    longest_session: Duration,
    capacity: usize,
}

/// Whose standing is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The values by which the person is recognised.
    pub keys: &'a PersonKeys,
    /// The session, where there is one.
    pub session: Option<&'a str>,
    /// Identifier of the account at the application, where it is known.
    pub account: Option<&'a str>,
    /// When the session or assertion was issued.
    pub issued: UnixMillis,
    /// Under what all this is found: worked out the first time, for a session is looked up with each request.
    pub places: &'a Places,
}

/// Under what somebody is found in the table. One for each person and session, whose keys stay the same.
#[derive(Clone, Debug, Default)]
pub struct Places(OnceCell<Rows>);

#[derive(Clone, Debug)]
struct Rows {
    tenant: String,
    account: Option<String>,
    /// What is certain.
    standing: Vec<RowKey>,
    doubt: RowKey,
    stale: Vec<RowKey>,
}

impl Rows {
    fn of(tenant: &str, of: &Holder<'_>) -> Self {
        let persons = of.keys.iter().map(|key| person_row(tenant, key));
        let account = of.account.map(|id| account_row(tenant, id));
        let session = of.session.map(|id| session_row(tenant, id));
        let standing = persons.chain(account).chain(session).chain([epoch_row(tenant)]).collect();
        let stale = std::iter::once(all_stale_row(tenant)).chain(of.account.map(|id| stale_row(tenant, id)));
        Self {
            tenant: tenant.to_owned(),
            account: of.account.map(str::to_owned),
            standing,
            doubt: doubt_row(tenant),
            stale: stale.collect(),
        }
    }

    fn is_of(&self, tenant: &str, account: Option<&str>) -> bool {
        self.tenant == tenant && self.account.as_deref() == account
    }
}

/// All that is known of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What is certain.
    pub standing: Standing,
    /// Since when it is not certain who was meant by a lock-out, where the session or assertion is older.
    pub doubt: Option<UnixMillis>,
    /// Since when what the assertion said of groups may be out of date, where it is older.
    pub stale: Option<UnixMillis>,
}

/// What is known of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against them.
    Clear,
    /// What was issued at that time is void; signing in anew is possible.
    Ended,
    /// Deactivated: no session, no sign-in.
    Blocked,
}

const BLOCKED: u8 = 1;
const ENDED: u8 = 2;
const STALE: u8 = 3;
const SHARDS: u8 = 128;
const CAPACITY: usize = 1024;

impl People {
    /// `longest_session` is the longest lifetime any tenant gives a session.
    #[must_use]
    pub fn new(ring: KeyRing, longest_session: Duration) -> Self {
        Self::with_capacity(ring, longest_session, SHARDS, CAPACITY)
    }

    fn with_capacity(ring: KeyRing, longest_session: Duration, shards: u8, capacity: usize) -> Self {
        Self { ledger: Ledger::new("people", shards, capacity, ring), longest_session, capacity }
    }

    /// Makes the shared table.
    ///
    /// # Errors
    /// Where shared data is not available, or belongs to a configuration with other keys.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.ledger.prepare(host)
    }

    /// Blocks a person. `Ok(false)`: not every key found room, and doubt was cast on everybody as well.
    ///
    /// # Errors
    /// Where a key could not be recorded; all others and the doubt were tried nevertheless. The caller must not report
    /// success to the provisioning client.
    pub fn block(&self, host: &dyn Host, tenant: &str, keys: &PersonKeys) -> Result<bool, LedgerError> {
        let told: Vec<Result<bool, LedgerError>> =
            keys.iter().map(|key| self.put(host, &person_row(tenant, key), BLOCKED)).collect();
        let all = keys.is_complete() && told.iter().all(|told| *told == Ok(true));
        if !all || keys.is_empty() {
            self.cast_doubt(host, tenant)?;
        }
        match told.into_iter().find_map(Result::err) {
            Some(error) => Err(error),
            None => Ok(all),
        }
    }

    /// Remembers that the account of this identifier is locked out, under whatever names its holder goes.
    ///
    /// # Errors
    /// Where it could not be recorded.
    pub fn block_account(&self, host: &dyn Host, tenant: &str, id: &str) -> Result<(), LedgerError> {
        // Without room the names still are blocked; only a later rename could escape, and then the doubt is not enough.
        if self.put(host, &account_row(tenant, id), BLOCKED)? {
            Ok(())
        } else {
            self.cast_doubt(host, tenant)
        }
    }

    /// The account is no longer locked out; sessions from before stay void.
    ///
    /// # Errors
    /// Where it could not be recorded.
    pub fn unblock_account(&self, host: &dyn Host, tenant: &str, id: &str) -> Result<(), LedgerError> {
        self.release(host, &account_row(tenant, id), host.now())
    }

    /// Voids the sessions of an account; signing in anew is possible. `Ok(false)`: there was no room.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn end_account(&self, host: &dyn Host, tenant: &str, id: &str) -> Result<bool, LedgerError> {
        self.put(host, &account_row(tenant, id), ENDED)
    }

    /// What an assertion said of the groups of this account may be out of date. `Ok(false)`: there was no room.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn make_account_stale(&self, host: &dyn Host, tenant: &str, id: &str) -> Result<bool, LedgerError> {
        self.put(host, &stale_row(tenant, id), STALE)
    }

    /// Whether the account of this identifier is locked out.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub fn is_account_blocked(&self, host: &dyn Host, tenant: &str, id: &str) -> Result<bool, LedgerError> {
        Ok(matches!(self.ledger.get(host, &account_row(tenant, id))?, Some(Row { kind: BLOCKED, .. })))
    }

    /// Voids a person's sessions; signing in anew is possible, unless they are blocked. `Ok(false)`: not every key found
    /// room, and the caller decides what that means for everybody.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn end_sessions(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
    ) -> Result<bool, LedgerError> {
        let mut all = keys.is_complete();
        for key in keys.iter() {
            all &= self.put(host, &person_row(tenant, key), ENDED)?;
        }
        Ok(all)
    }

    /// Lets a person sign in again; what was issued before stays void.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn unblock(&self, host: &dyn Host, tenant: &str, keys: &PersonKeys) -> Result<(), LedgerError> {
        keys.iter().try_for_each(|key| self.release(host, &person_row(tenant, key), host.now()))
    }

    /// Since when a person or an account is blocked; the last mark counts.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub fn blocked_since(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
    ) -> Result<Option<UnixMillis>, LedgerError> {
        let mut since = None;
        for key in keys.iter() {
            if let Some(Row { kind: BLOCKED, time, .. }) = self.ledger.get(host, &person_row(tenant, key))? {
                since = since.max(Some(time));
            }
        }
        Ok(since)
    }

    /// The application says of its own accord that the account is active: a reactivation that another process saw. What
    /// was issued before the lock-out stays void; since then nothing was issued.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn lift(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
        account: &str,
    ) -> Result<(), LedgerError> {
        let rows = keys.iter().map(|key| person_row(tenant, key));
        rows.chain([account_row(tenant, account)]).try_for_each(|row| self.release(host, &row, UnixMillis(0)))
    }

    /// A block becomes the end of what was issued until then, or until `until` where that is later.
    fn release(&self, host: &dyn Host, key: &RowKey, until: UnixMillis) -> Result<(), LedgerError> {
        self.ledger.change(host, key, |rows| {
            for row in rows.iter_mut().filter(|have| have.key == *key && have.kind == BLOCKED) {
                // A clock that was set back must not revive what was void.
                (row.kind, row.time) = (ENDED, until.max(row.time));
            }
        })?;
        Ok(())
    }

    /// Ends one session (sign-out). `Ok(false)`: the table is full.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn end_session(&self, host: &dyn Host, tenant: &str, session_id: &str) -> Result<bool, LedgerError> {
        self.put(host, &session_row(tenant, session_id), ENDED)
    }

    /// Ends the sessions of the identity provider's session `index`: those of the person of this `name`, or whoever's
    /// where it is empty, for some identity providers have one index for one person only.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn end_index(
        &self,
        host: &dyn Host,
        tenant: &str,
        name: &str,
        index: &str,
    ) -> Result<(), LedgerError> {
        if self.put(host, &index_row(tenant, name, index), ENDED)? {
            Ok(())
        } else {
            self.raise_epoch(host, tenant)
        }
    }

    /// Whether [`People::end_index`] ended what was issued at `issued`.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn is_index_ended(
        &self,
        host: &dyn Host,
        tenant: &str,
        (name, index): (&str, &str),
        issued: UnixMillis,
    ) -> Result<bool, LedgerError> {
        Ok(self.ledger.get(host, &index_row(tenant, name, index))?.is_some_and(|row| issued <= row.time))
    }

    /// Voids everything issued for `tenant` until now.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn raise_epoch(&self, host: &dyn Host, tenant: &str) -> Result<(), LedgerError> {
        self.set_for_tenant(host, epoch_row(tenant), ENDED)
    }

    /// Somebody was locked out, and it cannot be told who: whoever's session is older is looked at anew.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn cast_doubt(&self, host: &dyn Host, tenant: &str) -> Result<(), LedgerError> {
        self.set_for_tenant(host, doubt_row(tenant), ENDED)
    }

    /// What assertions said of anybody's groups may be out of date.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn make_all_stale(&self, host: &dyn Host, tenant: &str) -> Result<(), LedgerError> {
        self.set_for_tenant(host, all_stale_row(tenant), STALE)
    }

    /// A few rows for each tenant: they find room even in a full shard, and push nobody out.
    fn set_for_tenant(&self, host: &dyn Host, key: RowKey, kind: u8) -> Result<(), LedgerError> {
        let now = host.now();
        let put = self.ledger.change_even_if_full(host, &key, |rows| {
            let time = replaced(rows, &key).map_or(now, |old| old.time.max(now));
            rows.push(Row { key, kind, time });
        })?;
        put.ok_or(LedgerError::Contended)
    }

    /// All that is known of somebody.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn look(&self, host: &dyn Host, tenant: &str, of: &Holder<'_>) -> Result<Look, LedgerError> {
        let mut look = Look { standing: Standing::Clear, doubt: None, stale: None };
        let known = of.places.0.get_or_init(|| Rows::of(tenant, of));
        // The account is known only at the end of a sign-in; and nobody is looked up at two tenants.
        let anew = (!known.is_of(tenant, of.account)).then(|| Rows::of(tenant, of));
        let rows = anew.as_ref().unwrap_or(known);
        for key in &rows.standing {
            match self.ledger.get(host, key)? {
                Some(Row { kind: BLOCKED, .. }) => {
                    look.standing = Standing::Blocked;
                    return Ok(look);
                }
                Some(Row { time, .. }) if of.issued <= time => look.standing = Standing::Ended,
                _ => {}
            }
        }
        let older = |row: Option<Row>| row.map(|row| row.time).filter(|time| of.issued <= *time);
        look.doubt = older(self.ledger.get(host, &rows.doubt)?);
        for key in &rows.stale {
            look.stale = look.stale.max(older(self.ledger.get(host, key)?));
        }
        Ok(look)
    }

    /// What is known of somebody whose session or assertion was issued at `issued`; doubt counts as an end.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn standing(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
        session_id: Option<&str>,
        issued: UnixMillis,
    ) -> Result<Standing, LedgerError> {
        let places = Places::default();
        let of = Holder { keys, session: session_id, account: None, issued, places: &places };
        let look = self.look(host, tenant, &of)?;
        Ok(match look.standing {
            Standing::Clear if look.doubt.is_some() => Standing::Ended,
            standing => standing,
        })
    }

    /// Numbers of which one changes whenever anything here does.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub fn stamps(&self, host: &dyn Host) -> Result<Vec<u32>, LedgerError> {
        self.ledger.stamps(host)
    }

    fn put(&self, host: &dyn Host, key: &RowKey, kind: u8) -> Result<bool, LedgerError> {
        let now = host.now();
        let stale = now.before(self.longest_session);
        let put = self.ledger.change(host, key, |rows| {
            if kind == ENDED && rows.iter().any(|have| have.key == *key && have.kind == BLOCKED) {
                return;
            }
            let time = replaced(rows, key).map_or(now, |old| old.time.max(now));
            if rows.len() >= self.capacity {
                rows.retain(|have| have.kind == BLOCKED || have.time > stale);
            }
            rows.push(Row { key: *key, kind, time });
        })?;
        Ok(put.is_some())
    }
}

/// Takes the row of `key` out.
fn replaced(rows: &mut Vec<Row>, key: &RowKey) -> Option<Row> {
    let at = rows.iter().position(|row| row.key == *key)?;
    Some(rows.swap_remove(at))
}

fn person_row(tenant: &str, key: &str) -> RowKey {
    Ledger::key(&["person", tenant, key])
}

fn account_row(tenant: &str, id: &str) -> RowKey {
    Ledger::key(&["account", tenant, id])
}

fn session_row(tenant: &str, id: &str) -> RowKey {
    Ledger::key(&["session", tenant, id])
}

fn index_row(tenant: &str, name: &str, index: &str) -> RowKey {
    Ledger::key(&["index", tenant, &name.trim().to_lowercase(), index])
}

fn epoch_row(tenant: &str) -> RowKey {
    Ledger::key(&["epoch", tenant])
}

fn doubt_row(tenant: &str) -> RowKey {
    Ledger::key(&["doubt", tenant])
}

fn stale_row(tenant: &str, id: &str) -> RowKey {
    Ledger::key(&["stale", tenant, id])
}

fn all_stale_row(tenant: &str) -> RowKey {
    Ledger::key(&["all stale", tenant])
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::ring;
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_holder_that_was_looked_up_before_is_found_under_a_new_account_and_at_another_tenant() {
        let (host, people) = people();
        let (keys, places) = (keys(&["ada@n.example"]), Places::default());
        let standing = |tenant: &str, account: Option<&str>| {
            let of = Holder { keys: &keys, session: Some("s"), account, issued: host.now(), places: &places };
            people.look(&host, tenant, &of).unwrap().standing
        };
        assert_eq!(standing("t", None), Standing::Clear);
        people.block_account(&host, "t", "u-1").unwrap();
        assert_eq!([standing("t", None), standing("t", Some("u-1"))], [Standing::Clear, Standing::Blocked]);
        people.end_session(&host, "other", "s").unwrap();
        assert_eq!([standing("t", None), standing("other", None)], [Standing::Clear, Standing::Ended]);
        people.block(&host, "t", &keys).unwrap();
        assert_eq!(standing("t", None), Standing::Blocked, "looked up each time, where was worked out once");
    }

    fn people() -> (TestHost, People) {
        let host = TestHost::at(1_000_000);
        let people = People::with_capacity(ring(1), Duration::from_secs(3600), 4, 8);
        people.prepare(&host).unwrap();
        (host, people)
    }

    fn keys(keys: &[&str]) -> PersonKeys {
        keys.iter().copied().collect()
    }

    fn standing(host: &TestHost, people: &People, of: &[&str], issued: u64) -> Standing {
        people.standing(host, "t", &keys(of), None, UnixMillis(issued)).unwrap()
    }

    #[test]
    fn a_blocked_person_is_recognised_by_any_key_in_any_case() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["Ada@N.example", "oid-1"])).unwrap();
        for of in [&["ada@n.example"][..], &["OID-1"], &["other", "oid-1"]] {
            assert_eq!(standing(&host, &people, of, 2_000_000), Standing::Blocked);
        }
        assert_eq!(standing(&host, &people, &["bob@n.example"], 0), Standing::Clear);
    }

    #[test]
    fn a_block_of_one_tenant_means_nothing_in_another() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["ada"])).unwrap();
        let other = people.standing(&host, "u", &keys(&["ada"]), None, UnixMillis(0)).unwrap();
        assert_eq!(other, Standing::Clear);
    }

    #[test]
    fn after_reactivation_older_sessions_stay_void_and_new_ones_live() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["ada"])).unwrap();
        host.time.set(1_100_000);
        people.unblock(&host, "t", &keys(&["ada"])).unwrap();
        assert_eq!(standing(&host, &people, &["ada"], 1_050_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["ada"], 1_100_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["ada"], 1_100_001), Standing::Clear);
    }

    #[test]
    fn reactivating_somebody_who_was_not_blocked_ends_nothing() {
        let (host, people) = people();
        people.unblock(&host, "t", &keys(&["ada"])).unwrap();
        assert_eq!(standing(&host, &people, &["ada"], 1), Standing::Clear);
    }

    #[test]
    fn blocking_nobody_in_particular_voids_everything_issued_before() {
        let (host, people) = people();
        people.block(&host, "t", &PersonKeys::none()).unwrap();
        assert_eq!(standing(&host, &people, &["bob"], 1_000_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["bob"], 1_000_001), Standing::Clear);
    }

    #[test]
    fn an_ended_session_is_void_and_others_of_the_person_are_not() {
        let (host, people) = people();
        people.end_session(&host, "t", "s1").unwrap();
        let of = |id| people.standing(&host, "t", &keys(&["ada"]), Some(id), UnixMillis(1)).unwrap();
        assert_eq!(of("s1"), Standing::Ended);
        assert_eq!(of("s2"), Standing::Clear);
    }

    #[test]
    fn somebody_renamed_signs_in_anew_but_a_block_stays() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["bob"])).unwrap();
        people.end_sessions(&host, "t", &keys(&["ada", "bob"])).unwrap();
        assert_eq!(standing(&host, &people, &["ada"], 1_000_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["ada"], 1_000_001), Standing::Clear);
        assert_eq!(standing(&host, &people, &["bob"], 2_000_000), Standing::Blocked);
    }

    #[test]
    fn a_clock_that_is_set_back_revives_nothing() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["ada"])).unwrap();
        people.raise_epoch(&host, "t").unwrap();
        host.time.set(500_000);
        people.unblock(&host, "t", &keys(&["ada"])).unwrap();
        people.raise_epoch(&host, "t").unwrap();
        assert_eq!(standing(&host, &people, &["ada"], 900_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["bob"], 900_000), Standing::Ended);
    }

    #[test]
    fn a_block_that_cannot_be_recorded_is_an_error() {
        let (host, people) = people();
        host.shared_fails.set(true);
        assert!(people.block(&host, "t", &keys(&["ada"])).is_err());
        assert!(people.block(&host, "t", &PersonKeys::none()).is_err());
    }

    #[test]
    fn more_keys_than_can_be_one_person_raise_the_epoch() {
        let (host, people) = people();
        let many: Vec<String> = (0..100).map(|at| format!("mail-{at}")).collect();
        let keys: PersonKeys = many.iter().map(String::as_str).collect();
        assert_eq!(people.block(&host, "t", &keys), Ok(false));
        assert_eq!(standing(&host, &people, &["mail-99"], 1_000_000), Standing::Ended);
    }

    #[test]
    fn the_epoch_of_one_tenant_pushes_nobody_out_of_a_full_table() {
        let (host, people) = people();
        let mut names = Vec::new();
        for at in 0..200 {
            let name = format!("user-{at}");
            if people.block(&host, "t", &keys(&[&name])).unwrap() {
                names.push(name);
            }
        }
        people.raise_epoch(&host, "another").unwrap();
        for name in &names {
            assert_eq!(standing(&host, &people, &[name], 2_000_000), Standing::Blocked);
        }
    }

    #[test]
    fn an_account_is_locked_out_apart_from_the_names_of_its_holder() {
        let (host, people) = people();
        people.block_account(&host, "t", "u-1").unwrap();
        assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(true));
        assert_eq!(people.is_account_blocked(&host, "u", "u-1"), Ok(false));
        assert_eq!(standing(&host, &people, &["u-1"], 1), Standing::Clear, "an identifier is no name");
        people.unblock_account(&host, "t", "u-1").unwrap();
        assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(false));
    }

    #[test]
    fn a_full_table_casts_doubt_rather_than_forget() {
        let (host, people) = people();
        let mut at = 0u32;
        let full = loop {
            at += 1;
            let name = format!("user-{at}");
            if !people.block(&host, "t", &keys(&[&name])).unwrap() {
                break name;
            }
        };
        assert_eq!(standing(&host, &people, &["user-1"], 2_000_000), Standing::Blocked);
        assert_eq!(standing(&host, &people, &[&full], 1_000_000), Standing::Ended);
        assert_eq!(standing(&host, &people, &["somebody else"], 1_000_000), Standing::Ended);
    }

    fn look(host: &TestHost, people: &People, account: Option<&str>, issued: u64) -> Look {
        let keys = keys(&["ada"]);
        let places = Places::default();
        let of = Holder { keys: &keys, session: None, account, issued: UnixMillis(issued), places: &places };
        people.look(host, "t", &of).unwrap()
    }

    #[test]
    fn a_session_is_recognised_by_its_account_whatever_name_its_holder_goes_by() {
        let (host, people) = people();
        people.block_account(&host, "t", "u-1").unwrap();
        assert_eq!(look(&host, &people, Some("u-1"), 2_000_000).standing, Standing::Blocked);
        assert_eq!(look(&host, &people, Some("u-2"), 2_000_000).standing, Standing::Clear);
        assert_eq!(look(&host, &people, None, 2_000_000).standing, Standing::Clear);
        people.unblock_account(&host, "t", "u-1").unwrap();
        assert_eq!(look(&host, &people, Some("u-1"), 1_000_000).standing, Standing::Ended, "stays void");
        assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).standing, Standing::Clear);
    }

    #[test]
    fn doubt_concerns_who_was_there_before_and_ends_nobody_by_itself() {
        let (host, people) = people();
        people.cast_doubt(&host, "t").unwrap();
        assert_eq!(look(&host, &people, None, 1_000_000).standing, Standing::Clear);
        assert_eq!(look(&host, &people, None, 1_000_000).doubt, Some(UnixMillis(1_000_000)));
        assert_eq!(look(&host, &people, None, 1_000_001).doubt, None);
        assert_eq!(
            standing(&host, &people, &["ada"], 1_000_000),
            Standing::Ended,
            "where nobody can be asked"
        );
    }

    #[test]
    fn groups_out_of_date_are_those_of_the_account_or_of_everybody() {
        let (host, people) = people();
        assert_eq!(people.make_account_stale(&host, "t", "u-1"), Ok(true));
        assert_eq!(look(&host, &people, Some("u-1"), 1_000_000).stale, Some(UnixMillis(1_000_000)));
        assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).stale, None);
        assert_eq!(look(&host, &people, Some("u-2"), 1).stale, None);
        people.make_all_stale(&host, "t").unwrap();
        assert_eq!(look(&host, &people, None, 1).stale, Some(UnixMillis(1_000_000)));
        assert_eq!(look(&host, &people, None, 1).standing, Standing::Clear);
    }

    #[test]
    fn what_ends_sessions_takes_no_block_away() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["ada"])).unwrap();
        people.block_account(&host, "t", "u-1").unwrap();
        assert_eq!(people.end_sessions(&host, "t", &keys(&["ada"])), Ok(true));
        assert_eq!(people.end_account(&host, "t", "u-1"), Ok(true));
        assert_eq!(standing(&host, &people, &["ada"], 2_000_000), Standing::Blocked);
        assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(true));
    }

    #[test]
    fn a_block_that_is_lifted_keeps_void_what_was_issued_before_it() {
        let (host, people) = people();
        people.block(&host, "t", &keys(&["ada"])).unwrap();
        people.block_account(&host, "t", "u-1").unwrap();
        assert_eq!(people.blocked_since(&host, "t", &keys(&["bob", "ada"])), Ok(Some(UnixMillis(1_000_000))));
        host.time.set(1_500_000);
        people.lift(&host, "t", &keys(&["ada"]), "u-1").unwrap();
        assert_eq!(people.blocked_since(&host, "t", &keys(&["ada"])), Ok(None));
        assert_eq!(standing(&host, &people, &["ada"], 1_000_000), Standing::Ended);
        assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).standing, Standing::Clear);
    }

    #[test]
    fn an_account_that_finds_no_room_casts_doubt() {
        let (host, people) = people();
        let room = |at: u32| people.put(&host, &account_row("t", &at.to_string()), BLOCKED).unwrap();
        let full = (0..10_000).find(|at| !room(*at)).unwrap().to_string();
        people.block_account(&host, "t", &full).unwrap();
        assert_eq!(look(&host, &people, Some(&full), 1_000_000).doubt, Some(UnixMillis(1_000_000)));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error() {
        let (host, people) = people();
        host.shared_fails.set(true);
        assert!(people.standing(&host, "t", &keys(&["ada"]), None, UnixMillis(0)).is_err());
    }

    #[test]
    fn a_session_of_the_provider_ends_for_its_person_and_what_was_issued_until_then() {
        let (host, people) = people();
        people.end_index(&host, "t", "Ada@n.example", "_s1").unwrap();
        let ended = |tenant, name, index, issued| {
            people.is_index_ended(&host, tenant, (name, index), UnixMillis(issued)).unwrap()
        };
        assert!(ended("t", "ada@N.example", "_s1", 1_000_000));
        assert!(!ended("t", "ada@n.example", "_s1", 1_000_001), "who signs in anew is signed in");
        assert!(!ended("t", "bob@n.example", "_s1", 1_000_000));
        assert!(!ended("t", "ada@n.example", "_s2", 1_000_000));
        assert!(!ended("t", "ada@n.example", "_S1", 1_000_000), "an index is compared to the letter");
        assert!(!ended("u", "ada@n.example", "_s1", 1_000_000));
        assert!(!ended("t", "", "_s1", 1_000_000));
        assert_eq!(
            standing(&host, &people, &["ada@n.example"], 0),
            Standing::Clear,
            "other sessions live on"
        );
    }

    #[test]
    fn where_there_is_no_room_for_a_logout_everybody_signs_in_anew() {
        let (host, people) = people();
        let room = |at: u32| people.put(&host, &index_row("t", "n", &at.to_string()), BLOCKED).unwrap();
        let full = (0..10_000).find(|at| !room(*at)).unwrap();
        people.end_index(&host, "t", "n", &full.to_string()).unwrap();
        assert_eq!(standing(&host, &people, &["anybody"], 1_000_000), Standing::Ended);
    }
}
