//! The join of provisioning and sign-on: what a write means for somebody's sessions.

use serde_json::Value;

use crate::access::LedgerError;
use crate::common::{Host, PersonKeys, json};
use crate::scim::{self, AccountChange, ChangeKind};

use super::{Gateway, reports};

/// A change of somebody's account that has been asked for.
pub(super) struct Change {
    tenant: usize,
    kind: ChangeKind,
    /// Identifier of the account at the application; none in a create.
    account: Option<String>,
    /// Keys that the request names.
    asked: PersonKeys,
    /// Keys that the application has for the account.
    known: PersonKeys,
    /// Whether the application says that the account is inactive, whatever this request changes.
    inactive: bool,
    /// Status with which it answered who that is; 0 where it did not.
    asked_status: u16,
    /// Whether it was told to the operator: once, however often the application's words make it be settled anew.
    told: bool,
    /// The same of the doubt on everybody.
    doubted: bool,
    /// Whether a reactivation gives the account another name, too: found out before its own answer is learnt from.
    renames: bool,
}

impl std::fmt::Debug for Change {
    /// Whom it is about is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// How a write ended, as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The application said 2xx.
    Done,
    /// The application does not know what it was to delete, which is what was asked for.
    Gone,
    /// The application said anything else of 4xx: nothing was changed.
    Refused,
    /// Anything else: it may have been applied.
    Unknown,
}

impl Change {
    pub(super) fn asked(tenant: usize, change: AccountChange) -> Self {
        Self {
            tenant,
            kind: change.kind,
            account: change.user_id,
            asked: change.keys,
            known: PersonKeys::none(),
            inactive: false,
            asked_status: 0,
            told: false,
            doubted: false,
            renames: false,
        }
    }

    /// Whether the account is to be deleted.
    pub(super) fn deletes(&self) -> bool {
        self.kind == ChangeKind::Delete
    }

    /// The account whose holder must be asked for before the write goes on.
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The application's answer to the question whose account it is.
    pub(super) fn looked_up(&mut self, status: u16, body: &[u8]) {
        self.asked_status = status;
        if status == 200 {
            let _or_settling_casts_doubt = self.learn(body);
        }
    }

    /// Learns from the application's own words who the account belongs to. A list, or a resource of another account, is
    /// nobody's word: an application that answers the wrong question must not lock the wrong person out.
    pub(super) fn learn(&mut self, body: &[u8]) -> bool {
        let Ok(resource) = json::parse(body) else { return false };
        if !self.is_about(&resource) {
            return false;
        }
        let (keys, active) = scim::person(&resource);
        self.inactive = active == Some(false);
        self.known.extend(&keys);
        !keys.is_empty()
    }

    fn is_about(&self, resource: &Value) -> bool {
        match &self.account {
            Some(account) => scim::resource_id(resource).as_ref() == Some(account),
            None => true,
        }
    }

    /// Whether it is known whose account it is; else everybody of the tenant is looked at anew. Without an account the
    /// keys in the request are all there is, and all the application will know.
    fn is_determined(&self) -> bool {
        !self.known.is_empty() || (self.account.is_none() && !self.asked.is_empty())
    }

    fn all(&self) -> PersonKeys {
        let mut all = self.known.clone();
        all.extend(&self.asked);
        all
    }

    /// Whether a reactivation also gives the account a name that it did not have, as far as is known: then it is a rename
    /// as well, for a name that somebody active carries no longer must keep no session.
    fn renames(&mut self) -> bool {
        let is_new = |key: &str| !self.known.iter().any(|known| known == key);
        let asks = self.account.is_some() && (!self.asked.is_complete() || self.asked.iter().any(is_new));
        self.renames |= self.kind == ChangeKind::Reactivate && asks;
        self.renames
    }

    /// Does to the person what the write meant. False where that could not be recorded.
    pub(super) fn settle(&mut self, gateway: &Gateway, settled: Settled, host: &dyn Host) -> bool {
        let Some(tenant) = gateway.tenants.get(self.tenant) else { return false };
        let name = &tenant.settings.name;
        match (self.kind, settled) {
            (_, Settled::Refused) => true,
            // Whether somebody may come in again is not guessed; that a name may have changed is no less so for it.
            (ChangeKind::Reactivate, Settled::Unknown) => {
                if !self.renames() {
                    return true;
                }
                // The new name may be that of somebody whom this is not about.
                let recorded = self.end_former_names(gateway, name, host).is_ok();
                reports::renamed(host, name, self.is_first(), self.is_determined(), recorded);
                recorded
            }
            (ChangeKind::Reactivate, Settled::Done | Settled::Gone) => {
                let unlocked = self.unlock(gateway, name, host).is_ok();
                let is_first = self.is_first();
                // Whoever was just created was not away; a lock-out of the same names is lifted all the same.
                reports::reactivated(host, name, is_first && self.account.is_some(), unlocked);
                if !self.renames() {
                    return true;
                }
                let recorded = self.end_former_names(gateway, name, host).is_ok();
                reports::renamed(host, name, is_first, self.is_determined(), recorded);
                recorded
            }
            // Nobody is let out by a deletion whose holder nobody can name any more: whoever it was is known by the account,
            // or was to be found out when the application deleted it.
            (_, Settled::Gone) if self.was_gone() => {
                let id = self.account.as_ref();
                id.is_none_or(|id| gateway.people.block_account(host, name, id).is_ok())
            }
            (ChangeKind::Deactivate | ChangeKind::Delete, _) => {
                let recorded = self.lock_out(gateway, name, host).is_ok();
                reports::deactivated(host, name, self.is_first(), self.is_determined(), recorded);
                recorded
            }
            (ChangeKind::Rename, settled) => {
                let recorded = self.rename(gateway, name, settled, host).is_ok();
                reports::renamed(host, name, self.is_first(), self.is_determined(), recorded);
                recorded
            }
        }
    }

    /// Whether the application did not know the account before it was to be deleted either.
    fn was_gone(&self) -> bool {
        matches!(self.asked_status, 404 | 410)
    }

    fn is_first(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    fn lock_out(&mut self, gateway: &Gateway, tenant: &str, host: &dyn Host) -> Result<(), LedgerError> {
        let people = &gateway.people;
        let person = people.block(host, tenant, &self.all());
        let account = self.account.as_ref().map(|id| people.block_account(host, tenant, id));
        // Where there was no room for all of it, the doubt is cast already.
        let doubt = if self.is_determined() && person != Ok(false) {
            Ok(())
        } else {
            self.cast_doubt(gateway, tenant, host)
        };
        person.and(account.unwrap_or(Ok(()))).and(doubt)
    }

    /// It is not known, or there is no room to say, whose sessions this concerns: everybody's are looked at anew.
    fn cast_doubt(&mut self, gateway: &Gateway, tenant: &str, host: &dyn Host) -> Result<(), LedgerError> {
        if !std::mem::replace(&mut self.doubted, true) {
            reports::person_unknown(host, tenant, self.asked_status);
        }
        gateway.people.cast_doubt(host, tenant)
    }

    fn unlock(&self, gateway: &Gateway, tenant: &str, host: &dyn Host) -> Result<(), LedgerError> {
        gateway.people.unblock(host, tenant, &self.all())?;
        self.account.as_ref().map_or(Ok(()), |id| gateway.people.unblock_account(host, tenant, id))
    }

    /// Who has another name now signs in by it; a later deactivation names only the new one. An account that is locked out
    /// stays so under the new name; one that is not takes over a name or address that somebody left behind.
    fn rename(
        &mut self,
        gateway: &Gateway,
        tenant: &str,
        settled: Settled,
        host: &dyn Host,
    ) -> Result<(), LedgerError> {
        let people = &gateway.people;
        let locked_out = match &self.account {
            Some(id) => people.is_account_blocked(host, tenant, id)?,
            None => false,
        };
        if locked_out || self.inactive {
            let all_found = people.block(host, tenant, &self.all())?;
            return self.or_doubt(all_found, gateway, tenant, host);
        }
        if settled == Settled::Done {
            people.unblock(host, tenant, &self.asked)?;
        }
        self.end_former_names(gateway, tenant, host)
    }

    /// Who has another name carries it no longer: sessions by the old one end, also those that know the account only.
    fn end_former_names(
        &mut self,
        gateway: &Gateway,
        tenant: &str,
        host: &dyn Host,
    ) -> Result<(), LedgerError> {
        let people = &gateway.people;
        let mut all_found = people.end_sessions(host, tenant, &self.all())?;
        if let Some(id) = &self.account {
            all_found &= people.end_account(host, tenant, id)?;
        }
        self.or_doubt(all_found, gateway, tenant, host)
    }

    /// Casts doubt on everybody where it is not known who was meant, or not `all_found` room.
    fn or_doubt(
        &mut self,
        all_found: bool,
        gateway: &Gateway,
        tenant: &str,
        host: &dyn Host,
    ) -> Result<(), LedgerError> {
        if self.is_determined() && all_found { Ok(()) } else { self.cast_doubt(gateway, tenant, host) }
    }
}
