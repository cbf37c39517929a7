//! Re-checks: is the account behind a session still active? Asked of the application's own SCIM server.
//!
//! The marks of [`crate::access::People`] live in one process. What another process saw, or this one before it was
//! restarted, is learnt here: each session is checked at its first use in a process, and again when the last answer is
//! too old. One question is under way for each person in each worker, whoever waits for it; it is owned by the worker and
//! not by a request, so that a client that leaves takes no answer away. Who is there all the time never waits: the answer
//! is renewed in the background before it is too old.

mod gate;
mod inquiry;
mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::access::{CheckId, Checked, LedgerError};
use crate::common::{Host, UnixMillis};
use crate::config::AccountSettings;
use crate::crypto::KeyRing;

use super::event::{Call, CallAnswer};
use super::tenant::TenantRoom;
use super::{Gateway, reports};

pub(super) use gate::{Gate, MOST_ROUNDS, Rechecking, Vouched, Word, gate, standing, vouch, vouched, word};
pub(super) use watch::{Seen, Watch};

use inquiry::{Finding, Inquiry, Next, Question};

/// Calls of one worker that are under way at once for one tenant: one application that is slow holds no other up.
const MOST_OUT: usize = 32;
/// Questions that wait for their turn; more count as an application that cannot be reached.
const MOST_OPEN: usize = 4096;
/// Answers that one worker remembers.
const MOST_KNOWN: usize = 16_384;
/// How long an application that could not be reached is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// How long an unclear answer is left alone.
const UNCLEAR_FOR: Duration = Duration::from_secs(10);
/// After so many times the timeout of a call one that is not answered counts as lost, and its question with it.
const LOST_AFTER: u64 = 8;

/// What one worker knows and asks.
#[derive(Debug)]
pub(super) struct Checks {
    checked: Checked,
    known: RefCell<BTreeMap<CheckId, Known>>,
    open: RefCell<BTreeMap<CheckId, Open>>,
    /// Per tenant the calls that were handed out and not answered yet.
    out: RefCell<BTreeMap<usize, usize>>,
    /// Tenants whose application could not be reached, and until when it is left alone.
    down: RefCell<BTreeMap<usize, UnixMillis>>,
}

/// An answer, and when it was asked for.
#[derive(Clone, Debug)]
struct Known {
    at: UnixMillis,
    finding: Finding,
    /// When the session was last found to be in order.
    seen: Option<UnixMillis>,
}

impl Known {
    /// Whether the application has just said what cannot be read.
    fn is_unclear(&self, now: UnixMillis) -> bool {
        self.finding == Finding::Unclear && now < self.at.after(UNCLEAR_FOR)
    }
}

/// A question that is not answered yet.
#[derive(Debug)]
struct Open {
    inquiry: Option<Box<Inquiry>>,
    /// What is to be sent; `None` while an answer is awaited.
    call: Option<Call>,
    /// When it was begun: its answer is no younger.
    since: UnixMillis,
    /// When its latest call is not answered any more. One question may take many calls.
    lost: UnixMillis,
    question: Question,
    /// Whether a sign-in asks: what that means for the person is decided there.
    sign_in: bool,
}

/// What comes of wanting to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The answer is on its way.
    Coming,
    /// The application is left alone for a while, or there are too many questions.
    NotNow,
}

/// How long an answer counts at most under these settings.
pub(super) fn longest<'s>(settings: impl Iterator<Item = &'s AccountSettings>) -> Duration {
    let each = settings.filter_map(|settings| settings.recheck);
    each.map(|it| it.every.saturating_add(it.grace.unwrap_or_default())).max().unwrap_or_default()
}

impl Checks {
    pub(super) fn new(ring: KeyRing, longest: Duration) -> Self {
        Self {
            checked: Checked::new(ring, longest),
            known: RefCell::default(),
            open: RefCell::default(),
            out: RefCell::default(),
            down: RefCell::default(),
        }
    }

    pub(super) fn prepare(&self, host: &dyn Host) -> Result<(), LedgerError> {
        self.checked.prepare(host)
    }

    /// The calls that are to be made now.
    pub(super) fn due(&self) -> Vec<(CheckId, Call)> {
        let mut calls = Vec::new();
        let mut all_out = self.out.borrow_mut();
        let mut open = self.open.borrow_mut();
        let mut unsent: Vec<_> = open.iter_mut().filter(|(_, open)| open.call.is_some()).collect();
        // Identifiers are hashes: who asked first must not wait for whoever comes before by that.
        unsent.sort_by_key(|(_, open)| open.since);
        for (id, open) in unsent {
            let out = all_out.entry(open.question.tenant).or_default();
            if *out < MOST_OUT
                && let Some(call) = open.call.take()
            {
                *out = out.saturating_add(1);
                calls.push((*id, call));
            }
        }
        calls
    }

    /// Whether [`Checks::due`] has something to give.
    pub(super) fn has_due(&self) -> bool {
        let out = self.out.borrow();
        let has_room = |tenant: &usize| out.get(tenant).is_none_or(|out| *out < MOST_OUT);
        self.open.borrow().values().any(|open| open.call.is_some() && has_room(&open.question.tenant))
    }

    /// Whether the answer to a question is on its way.
    pub(super) fn is_coming(&self, id: &CheckId) -> bool {
        self.open.borrow().contains_key(id)
    }

    /// A call was answered, or not.
    pub(super) fn answered(
        &self,
        gateway: &Gateway,
        id: &CheckId,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) {
        let Some(mut open) = self.open.borrow_mut().remove(id) else { return };
        if open.call.is_some() {
            // It answers a call that was given up: this question has not been sent yet.
            self.open.borrow_mut().insert(*id, open);
            return;
        }
        self.is_out_no_more(open.question.tenant);
        let Some(inquiry) = open.inquiry.take() else { return };
        match inquiry.answered(gateway, answer) {
            Next::Call(call, inquiry) => {
                (open.call, open.inquiry) = (Some(call), Some(inquiry));
                open.lost = lost(gateway, open.question.tenant, host.now());
                self.open.borrow_mut().insert(*id, open);
            }
            Next::Found(finding) => self.found(gateway, id, &open, finding, host),
            Next::Unreachable(status) => self.unreachable(gateway, open.question.tenant, status, host),
        }
    }

    /// A call of this tenant is answered, or given up.
    fn is_out_no_more(&self, tenant: usize) {
        if let Some(out) = self.out.borrow_mut().get_mut(&tenant) {
            *out = out.saturating_sub(1);
        }
    }

    /// Wants to know. What is under way is not asked a second time.
    fn ask(
        &self,
        gateway: &Gateway,
        id: CheckId,
        question: Question,
        sign_in: bool,
        host: &dyn Host,
    ) -> Asked {
        let (now, tenant) = (host.now(), question.tenant);
        if self.open.borrow().get(&id).is_some_and(|open| (open.since..open.lost).contains(&now)) {
            return Asked::Coming;
        }
        // A clock that was set back leaves it alone no longer than that.
        let is_down = self
            .down
            .borrow()
            .get(&tenant)
            .is_some_and(|until| now < *until && *until <= now.after(LEFT_ALONE));
        if is_down || self.open.borrow().len() >= MOST_OPEN {
            return Asked::NotNow;
        }
        let lost = lost(gateway, tenant, now);
        host.count("vestibule.recheck.asked");
        match inquiry::begin(gateway, question.clone()) {
            Next::Call(call, inquiry) => {
                let open =
                    Open { inquiry: Some(inquiry), call: Some(call), since: now, lost, question, sign_in };
                let given_up = self.open.borrow_mut().insert(id, open);
                if given_up.is_some_and(|open| open.call.is_none()) {
                    self.is_out_no_more(tenant);
                }
                Asked::Coming
            }
            Next::Found(finding) => {
                let open = Open { inquiry: None, call: None, since: now, lost, question, sign_in };
                self.found(gateway, &id, &open, finding, host);
                Asked::NotNow
            }
            Next::Unreachable(status) => {
                self.unreachable(gateway, tenant, status, host);
                Asked::NotNow
            }
        }
    }

    /// What is known of it here, or by another worker.
    fn known(&self, id: &CheckId, host: &dyn Host) -> Option<Known> {
        let known = self.known.borrow().get(id).filter(|known| known.at <= host.now()).cloned();
        let here = known.as_ref().map_or(UnixMillis(0), |known| known.at);
        // Another worker may have found out more since; it does not say which account it was, and nobody asks.
        match self.checked.seen(host, id).filter(|at| *at > here) {
            Some(at) => {
                let finding = Finding::Active { account: String::new(), said: false };
                Some(Known { at, finding, seen: Some(at) })
            }
            None => known,
        }
    }

    fn remember(&self, id: CheckId, known: Known, host: &dyn Host) {
        let mut all = self.known.borrow_mut();
        if all.len() >= MOST_KNOWN && !all.contains_key(&id) {
            let old = host.now().before(Duration::from_secs(3600));
            all.retain(|_, known| known.at > old);
        }
        if all.len() >= MOST_KNOWN
            && let Some(oldest) = all.iter().min_by_key(|(_, known)| known.at).map(|(id, _)| *id)
        {
            all.remove(&oldest);
        }
        all.insert(id, known);
    }

    /// The application has spoken.
    fn found(&self, gateway: &Gateway, id: &CheckId, open: &Open, finding: Finding, host: &dyn Host) {
        let Some(tenant) = gateway.tenants.get(open.question.tenant) else { return };
        self.down.borrow_mut().remove(&open.question.tenant);
        let name = &tenant.settings.name;
        let outcome = match &finding {
            Finding::Active { .. } => "active",
            Finding::Inactive => "inactive",
            Finding::Missing => "missing",
            Finding::Unclear => "unclear",
        };
        reports::rechecked(host, name, outcome, open.sign_in);
        let ends = match &finding {
            Finding::Inactive => true,
            // Who had no account when they signed in may have none now.
            Finding::Missing => open.question.account.is_some() || tenant.settings.access.account.required,
            Finding::Active { .. } | Finding::Unclear => false,
        };
        if !open.sign_in {
            match &finding {
                Finding::Active { .. } => self.checked.note(host, id, open.since),
                Finding::Inactive | Finding::Missing => self.checked.forget(host, id),
                Finding::Unclear => {}
            }
            if ends && end(gateway, tenant, &open.question, host).is_err() {
                // What is remembered below ends the session in this worker all the same.
                reports::recheck_not_recorded(host, name);
            }
        }
        let seen = match &finding {
            // What cannot be read takes nothing back.
            Finding::Unclear => self.known(id, host).and_then(|known| known.seen),
            _ => (!ends).then_some(open.since),
        };
        self.remember(*id, Known { at: open.since, finding, seen }, host);
    }

    fn unreachable(&self, gateway: &Gateway, tenant: usize, status: u16, host: &dyn Host) {
        self.down.borrow_mut().insert(tenant, host.now().after(LEFT_ALONE));
        if let Some(tenant) = gateway.tenants.get(tenant) {
            reports::recheck_unreachable(host, &tenant.settings.name, status);
        }
    }
}

/// When a call that is made `now` is not answered any more.
fn lost(gateway: &Gateway, tenant: usize, now: UnixMillis) -> UnixMillis {
    let settings = gateway.tenants.get(tenant).and_then(|tenant| tenant.settings.scim.as_ref());
    let timeout = settings.map_or(0, |scim| u64::from(scim.application.timeout_ms));
    now.after(Duration::from_millis(timeout.saturating_mul(LOST_AFTER)))
}

/// The account is not active any more: its sessions end as after a deactivation. Signing in anew asks the application
/// again, so that a reactivation needs no word to this process.
fn end(
    gateway: &Gateway,
    tenant: &TenantRoom,
    question: &Question,
    host: &dyn Host,
) -> Result<(), LedgerError> {
    let name = &tenant.settings.name;
    let mut all = gateway.people.end_sessions(host, name, &question.keys)?;
    if let Some(account) = &question.account {
        all &= gateway.people.end_account(host, name, account)?;
    }
    if all { Ok(()) } else { gateway.people.cast_doubt(host, name) }
}
