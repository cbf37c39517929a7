//! A request that waits for calls of our own before it goes on, or that they take the place of.

use crate::common::{Host, Level};

use super::super::Gateway;
use super::super::event::{CallAnswer, Edits};
use super::{Flow, Next};

/// A write that waits for the person's keys before it may change whether they are active.
#[derive(Debug)]
pub(in crate::gateway) struct Calling {
    pub(super) edits: Edits,
    pub(super) flow: Flow,
}

impl Calling {
    /// The application has answered, or not: the write goes on either way, for Entra wants it.
    pub(in crate::gateway) fn answered(
        mut self,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Next {
        let learnt = match (&mut self.flow.change, answer) {
            (Some(change), Some(answer)) if answer.status == 200 => change.learn(&answer.body),
            _ => false,
        };
        if !learnt {
            let tenant = gateway.tenants.get(self.flow.tenant);
            let name = tenant.map_or("", |tenant| tenant.settings.name.as_str());
            let status = answer.map_or(0, |answer| answer.status);
            host.count("vestibule.scim.person_unknown");
            host.log(Level::Warn, &format!("tenant={name} event=scim.person_unknown status={status}"));
        }
        Next::Forward(self.edits, Box::new(self.flow))
    }

    /// The client left before the write went on. It may have been the last word on this person: count it.
    pub(in crate::gateway) fn abandoned(mut self, gateway: &Gateway, host: &dyn Host) {
        self.flow.abandoned(gateway, host);
    }
}
