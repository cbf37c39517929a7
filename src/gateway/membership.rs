//! What a change of a group means for the sessions of its members: their assertions named the groups of the sign-in.

use crate::access::LedgerError;
use crate::common::Host;
use crate::config::OnGroupChange;
use crate::scim::{self, Members};

use super::tenant::TenantRoom;
use super::{Gateway, reports};

/// Whose sessions a request will concern, where that matters to this tenant.
pub(super) fn concerned(
    tenant: &TenantRoom,
    method: &str,
    path: &str,
    body: Option<&[u8]>,
) -> Option<Members> {
    if tenant.settings.access.account.on_group_change == OnGroupChange::Ignore {
        return None;
    }
    scim::concerned(method, path, body)
}

/// The change was made, or may have been. False where what it means could not be recorded.
pub(super) fn settle(gateway: &Gateway, tenant: &TenantRoom, members: &Members, host: &dyn Host) -> bool {
    let ends = tenant.settings.access.account.on_group_change == OnGroupChange::End;
    let recorded = record(gateway, &tenant.settings.name, members, ends, host).is_ok();
    let accounts = match members {
        Members::These(members) => Some(members.len()),
        Members::Anybody => None,
    };
    reports::groups_changed(host, &tenant.settings.name, accounts, recorded);
    recorded
}

fn record(
    gateway: &Gateway,
    tenant: &str,
    members: &Members,
    ends: bool,
    host: &dyn Host,
) -> Result<(), LedgerError> {
    let people = &gateway.people;
    let mut all = true;
    match members {
        Members::These(members) => {
            for account in members {
                all &= if ends {
                    people.end_account(host, tenant, account)?
                } else {
                    people.make_account_stale(host, tenant, account)?
                };
            }
        }
        Members::Anybody => all = false,
    }
    match (all, ends) {
        (true, _) => Ok(()),
        (false, true) => people.raise_epoch(host, tenant),
        (false, false) => people.make_all_stale(host, tenant),
    }
}
