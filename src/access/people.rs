//! Who has been locked out: the join of provisioning and sign-on.
//!
//! A deactivation or deletion through SCIM blocks every key of that person; sessions that carry one of them end, and a
//! sign-in is refused until SCIM reactivates. What cannot be attributed to a person casts doubt on the whole tenant: every
//! session that is older is re-checked where the application can be asked, and signs in anew elsewhere. What must end
//! whatever the application says raises the tenant's epoch: every older session signs in anew.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use super::ledger::{Ledger, LedgerError, Row, RowKey};
use super::turn::{TableTurn, Turn};
use crate::common::{Host, HostError, PersonKeys, UnixMillis};
use crate::crypto::KeyRing;

/// See the module.
#[derive(Debug)]
pub struct People {
    ledger: Ledger,
    /// Another one whenever the table is.
    turn: Turn,
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

/// Under what somebody is found in the table, and what was found. One for each person and session, whose keys stay the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Places {
    rows: OnceCell<Rows>,
    found: Cell<Option<Found>>,
}

/// What was found in the table about what was issued at `issued`.
#[derive(Clone, Copy, Debug)]
struct Found {
    turn: TableTurn,
    at: UnixMillis,
    issued: UnixMillis,
    /// Whether the caller's own further look is in it.
    further: bool,
    look: Look,
}

/// Whoever changes the table without a turn, as a filter of an older release in the same process would, is seen after that.
const BELIEVED: Duration = Duration::from_secs(1);

impl Places {
    fn found(&self, turn: TableTurn, now: UnixMillis, issued: UnixMillis, further: bool) -> Option<Look> {
        let found = self.found.get()?;
        let holds = found.turn == turn && found.issued == issued && found.further == further;
        (holds && (found.at..found.at.after(BELIEVED)).contains(&now)).then_some(found.look)
    }
}

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
const TABLE: &str = "people";
const SHARDS: u8 = 128;
const CAPACITY: usize = 1024;

impl People {
    /// `longest_session` is the longest lifetime any tenant gives a session.
    #[must_use]
    pub fn new(ring: KeyRing, longest_session: Duration) -> Self {
        Self::with_capacity(ring, longest_session, SHARDS, CAPACITY)
    }

    fn with_capacity(ring: KeyRing, longest_session: Duration, shards: u8, capacity: usize) -> Self {
        let ledger = Ledger::new(TABLE, shards, capacity, ring);
        Self { ledger, turn: Turn::of(TABLE), longest_session, capacity }
    }

    /// Makes the shared table.
    ///
    /// # Errors
    /// Where shared data is not available, or belongs to a configuration with other keys.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.ledger.prepare(host)?;
        self.turn.prepare(host).map_err(unavailable)
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
        self.release(host, &account_row(tenant, id), host.now_anew(), &|_| true)
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
        let until = host.now_anew();
        keys.iter().try_for_each(|key| self.release(host, &person_row(tenant, key), until, &|_| true))
    }

    /// Since when a person, or the account where it is known, is blocked; the last mark counts.
    ///
    /// # Errors
    /// Where the table cannot be read.
    pub fn blocked_since(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
        account: Option<&str>,
    ) -> Result<Option<UnixMillis>, LedgerError> {
        let mut since = None;
        let persons = keys.iter().map(|key| person_row(tenant, key));
        for row in persons.chain(account.map(|id| account_row(tenant, id))) {
            if let Some(Row { kind: BLOCKED, time, .. }) = self.ledger.get(host, &row)? {
                since = since.max(Some(time));
            }
        }
        Ok(since)
    }

    /// The application says of its own accord that the account is active: a reactivation that another process saw. What
    /// was issued before the lock-out stays void; since then nothing was issued. Who was locked out after `judged`, which is
    /// what the application was asked about, stays so.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn lift(
        &self,
        host: &dyn Host,
        tenant: &str,
        keys: &PersonKeys,
        account: &str,
        judged: UnixMillis,
    ) -> Result<(), LedgerError> {
        let rows = keys.iter().map(|key| person_row(tenant, key));
        rows.chain([account_row(tenant, account)])
            .try_for_each(|row| self.release(host, &row, UnixMillis(0), &|time| time <= judged))
    }

    /// A block becomes the end of what was issued until then, or until `until` where that is later; only one of a time that
    /// `counts`.
    fn release(
        &self,
        host: &dyn Host,
        key: &RowKey,
        until: UnixMillis,
        counts: &dyn Fn(UnixMillis) -> bool,
    ) -> Result<(), LedgerError> {
        let was_blocked = self.ledger.change_even_if_full(host, key, |rows| {
            let mut blocked = false;
            let is_meant = |row: &&mut Row| row.key == *key && row.kind == BLOCKED && counts(row.time);
            for row in rows.iter_mut().filter(is_meant) {
                // A clock that was set back must not revive what was void.
                (row.kind, row.time) = (ENDED, until.max(row.time));
                blocked = true;
            }
            blocked
        })?;
        // Who does not hear of it still holds the person for blocked, and what was issued until now is void either way.
        if was_blocked.ok_or(LedgerError::Contended)? { self.changed(host) } else { Ok(()) }
    }

    /// Ends one session (sign-out), issued at `issued`: also where the clock was set back since. `Ok(false)`: the table is
    /// full.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn end_session(
        &self,
        host: &dyn Host,
        tenant: &str,
        (id, issued): (&str, UnixMillis),
    ) -> Result<bool, LedgerError> {
        self.put_at(host, &session_row(tenant, id), ENDED, host.now_anew().max(issued))
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
        let now = host.now_anew();
        let put = self.ledger.change_even_if_full(host, &key, |rows| {
            let time = replaced(rows, &key).map_or(now, |old| old.time.max(now));
            rows.push(Row { key, kind, time });
        })?;
        self.changed(host)?;
        put.ok_or(LedgerError::Contended)
    }

    /// Said also where nothing had to be changed: whoever comes again because it could not be said the first time has
    /// nothing left to change.
    fn changed(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.turn.next(host).map_err(unavailable)
    }

    /// All that is known of somebody.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn look(&self, host: &dyn Host, tenant: &str, of: &Holder<'_>) -> Result<Look, LedgerError> {
        self.look_as(host, tenant, of, None)
    }

    /// The same, and where nothing certain is known, what `further` finds in this table: it is remembered with the rest,
    /// so that it must be the same for the same places as long as the table is.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn look_further(
        &self,
        host: &dyn Host,
        tenant: &str,
        of: &Holder<'_>,
        further: &dyn Fn() -> Result<Standing, LedgerError>,
    ) -> Result<Look, LedgerError> {
        self.look_as(host, tenant, of, Some(further))
    }

    fn look_as(
        &self,
        host: &dyn Host,
        tenant: &str,
        of: &Holder<'_>,
        further: Option<&dyn Fn() -> Result<Standing, LedgerError>>,
    ) -> Result<Look, LedgerError> {
        let look_up = |rows: &Rows| {
            let mut look = self.look_up(host, rows, of.issued)?;
            if let Some(further) = further.filter(|_| look.standing == Standing::Clear) {
                look.standing = further()?;
            }
            Ok(look)
        };
        let known = of.places.rows.get_or_init(|| Rows::of(tenant, of));
        // The account is known only at the end of a sign-in; and nobody is looked up at two tenants.
        if !known.is_of(tenant, of.account) {
            return look_up(&Rows::of(tenant, of));
        }
        // Read before the table: what changes in between is a change since.
        let (turn, at, issued, further) = (self.turn(host)?, host.now(), of.issued, further.is_some());
        if let Some(look) = turn.and_then(|turn| of.places.found(turn, at, issued, further)) {
            return Ok(look);
        }
        let look = look_up(known)?;
        of.places.found.set(turn.map(|turn| Found { turn, at, issued, further, look }));
        Ok(look)
    }

    fn look_up(&self, host: &dyn Host, rows: &Rows, issued: UnixMillis) -> Result<Look, LedgerError> {
        let mut look = Look { standing: Standing::Clear, doubt: None, stale: None };
        for key in &rows.standing {
            match self.ledger.get(host, key)? {
                Some(Row { kind: BLOCKED, .. }) => {
                    look.standing = Standing::Blocked;
                    return Ok(look);
                }
                Some(Row { time, .. }) if issued <= time => look.standing = Standing::Ended,
                _ => {}
            }
        }
        let older = |row: Option<Row>| row.map(|row| row.time).filter(|time| issued <= *time);
        look.doubt = older(self.ledger.get(host, &rows.doubt)?);
        for key in &rows.stale {
            look.stale = look.stale.max(older(self.ledger.get(host, key)?));
        }
        Ok(look)
    }

    /// Whether a former session of somebody who has another one now was never ended: what casts doubt on it, or made what
    /// was said of groups out of date, ended it, for nobody asks about a session that is over.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn stood(&self, host: &dyn Host, tenant: &str, of: &Holder<'_>) -> Result<bool, LedgerError> {
        let look = self.look(host, tenant, of)?;
        Ok(look == Look { standing: Standing::Clear, doubt: None, stale: None })
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
        self.standing_of(
            host,
            tenant,
            &Holder { keys, session: session_id, account: None, issued, places: &places },
        )
    }

    /// The same of somebody whose account may be known.
    ///
    /// # Errors
    /// Where the table cannot be read; the caller refuses.
    pub fn standing_of(
        &self,
        host: &dyn Host,
        tenant: &str,
        of: &Holder<'_>,
    ) -> Result<Standing, LedgerError> {
        let look = self.look(host, tenant, of)?;
        Ok(match look.standing {
            Standing::Clear if look.doubt.is_some() => Standing::Ended,
            standing => standing,
        })
    }

    /// What changes after anything here did. `None`: nothing to go by.
    ///
    /// # Errors
    /// Where shared data is not available.
    pub fn turn(&self, host: &dyn Host) -> Result<Option<TableTurn>, LedgerError> {
        self.turn.now(host).map_err(unavailable)
    }

    fn put(&self, host: &dyn Host, key: &RowKey, kind: u8) -> Result<bool, LedgerError> {
        self.put_at(host, key, kind, host.now_anew())
    }

    fn put_at(&self, host: &dyn Host, key: &RowKey, kind: u8, now: UnixMillis) -> Result<bool, LedgerError> {
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
        self.changed(host)?;
        Ok(put.is_some())
    }
}

/// Takes the row of `key` out.
fn replaced(rows: &mut Vec<Row>, key: &RowKey) -> Option<Row> {
    let at = rows.iter().position(|row| row.key == *key)?;
    Some(rows.swap_remove(at))
}

fn unavailable(_: HostError) -> LedgerError {
    LedgerError::Unavailable
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
mod tests;
