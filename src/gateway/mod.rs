//! One HTTP exchange as a state machine without I/O.
//!
//! Each host callback is one [`Event`]; each event returns one [`Step`]. Every event is legal in every state and every
//! answer is total: no event, early, late, twice or never, lets a request through whose decision is pending or was a
//! refusal.

mod application;
mod authentication;
#[cfg(test)]
mod authentication_again_test;
#[cfg(test)]
mod authentication_test;
mod choice;
mod closed;
mod documents;
mod event;
mod exchange;
mod forwarded;
mod identity;
mod introspection;
mod join;
#[cfg(test)]
mod join_test;
mod logout;
mod membership;
mod memory;
mod pages;
mod planted;
mod policy;
mod provider;
mod provisioning;
mod recheck;
mod rehearsal;
mod reports;
#[cfg(test)]
mod reports_test;
mod request;
mod route;
mod rules;
mod sign_on;
mod status;
mod tenant;
mod token_endpoint;
mod verified;
mod ways_in;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::access::{Assertions, Forgeries, Leases, LedgerError, OpenedSessions, People, Replay, TableTurn};
use crate::common::{Budget, Host, Level, UnixMillis};
use crate::config::{Configuration, OperatorSettings, Problem};

pub use crate::config::{HostSettings, NativeCrypto};
use crate::crypto::{KeyRing, SealError};
use crate::scim;

pub use crate::access::CheckId;
pub use documents::DocumentId;
pub use event::{Call, CallAnswer, Due, Edits, Event, Origin, Step, Wait};
pub use exchange::{Exchange, StateName};
pub use provider::configured_keys;
pub use rehearsal::{Outcome, Rehearsal, RehearsalError, Rehearsed};
pub use sign_on::{RuledOut, house_rules, service_provider_metadata};

use choice::Choice;
use closed::Closed;
use documents::Documents;
use tenant::{Rings, TenantRoom};

/// A compiled configuration and what all exchanges under it share.
#[derive(Debug)]
pub struct Gateway {
    host: HostSettings,
    /// Who may see how this filter stands; nobody where it is `None`.
    operators: Option<OperatorSettings>,
    /// Names of the master keys, the sealing one first.
    key_ids: Vec<String>,
    tenants: Vec<TenantRoom>,
    by_name: BTreeMap<String, usize>,
    choice: Choice,
    forgeries: Forgeries,
    assertions: Assertions,
    closed: Closed,
    people: People,
    replay: Replay,
    leases: Leases,
    documents: Documents,
    checks: recheck::Checks,
    /// The numbers of the table of who is locked out, as they were last seen, and whether they are new.
    turn: Cell<Option<TableTurn>>,
    changed: Cell<bool>,
    /// Forms that wait for a document.
    waiting: Rc<Cell<usize>>,
    /// Private-key operations that strangers can cause: each kind has its own, so that neither starves the other.
    decryptions: Budget,
    signatures: Budget,
}

/// Texts of pages under keys that there are not.
fn unknown_texts(configuration: &Configuration) -> Vec<Problem> {
    let known = pages::words::keys();
    let mut problems = Vec::new();
    for (tenant, settings) in configuration.tenants.iter().enumerate() {
        for (language, texts) in &settings.pages.texts {
            for key in texts.keys().filter(|key| !known.contains(&key.as_str())) {
                let path = format!("tenants[{tenant}].pages.texts.{language}");
                problems.push(Problem::not_one_of(path, key, "text", &known));
            }
        }
    }
    problems
}

/// Rules that are switched off and that there are not; the configuration alone does not know which there are.
fn unknown_rules(configuration: &Configuration) -> Vec<Problem> {
    let catalogue = scim::catalogue();
    let known: Vec<&str> = catalogue.iter().map(|rule| rule.id).collect();
    let mut problems = Vec::new();
    for (tenant, settings) in configuration.tenants.iter().enumerate() {
        let off = settings.scim.iter().flat_map(|scim| &scim.rules_off).enumerate();
        for (at, rule) in off.filter(|(_, rule)| !known.contains(&rule.as_str())) {
            let path = format!("tenants[{tenant}].scim.rules_off[{at}]");
            problems.push(Problem::not_one_of(path, rule, "rule", &known));
        }
    }
    problems
}

impl Gateway {
    /// Compiles a plugin configuration (YAML or JSON); gives warnings, one line each, beside it.
    ///
    /// # Errors
    /// All problems, one line each, with path and remedy.
    pub fn compile(
        text: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<String>), Vec<String>> {
        let lines = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
        Self::examine(text, environment).map(|(gateway, warnings)| (gateway, lines(warnings))).map_err(lines)
    }

    /// As [`Gateway::compile`], with place, fault and remedy of every problem apart.
    ///
    /// # Errors
    /// All problems.
    pub fn examine(
        text: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let (configuration, warnings) = Configuration::read(text, environment)?;
        let unknown = [unknown_rules(&configuration), unknown_texts(&configuration)].concat();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut documents = Documents::default();
        let sources = provider::sources(&configuration.tenants, &mut documents)?;
        let gateway = Self::assemble(configuration, documents, sources).map_err(|_| {
            vec![Problem {
                path: "keys".to_owned(),
                what: "no key can be derived".to_owned(),
                remedy: "list at least one key".to_owned(),
            }]
        })?;
        Ok((gateway, warnings))
    }

    fn assemble(
        configuration: Configuration,
        mut documents: Documents,
        sources: Vec<Vec<provider::Source>>,
    ) -> Result<Self, SealError> {
        let Configuration { host, keys, selection, operators, tenants } = configuration;
        let key_ids = keys.iter().map(|key| key.id().to_owned()).collect();
        let longest = tenants.iter().map(|tenant| tenant.session.lifetime).max().unwrap_or(Duration::ZERO);
        let forgeries = Forgeries::new(tenants.iter().flat_map(|tenant| tenant.access.identity_names()));
        let closed = Closed::new(tenants.iter().filter_map(|tenant| tenant.scim.as_ref()));
        let by_name = tenants.iter().enumerate().map(|(at, tenant)| (tenant.name.clone(), at)).collect();
        let choice = Choice::new(&tenants, selection);
        let rings = Rings::derive(&keys)?;
        let people = People::new(KeyRing::derive(&keys, "people")?, longest);
        let replay = Replay::new(KeyRing::derive(&keys, "replay")?);
        let leases = Leases::new(KeyRing::derive(&keys, "lease")?);
        let opened = OpenedSessions::default();
        let longest = recheck::longest(tenants.iter().map(|tenant| &tenant.access.account));
        let checks = recheck::Checks::new(KeyRing::derive(&keys, "checked")?, longest);
        let tenants: Result<Vec<_>, _> = tenants
            .into_iter()
            .zip(sources)
            .enumerate()
            .map(|(at, (tenant, providers))| {
                TenantRoom::new(at, tenant, providers, (&rings, &keys), &opened, &mut documents)
            })
            .collect();
        let budget = || Budget::new(host.private_key_operations);
        Ok(Self {
            host,
            operators,
            key_ids,
            tenants: tenants?,
            by_name,
            choice,
            forgeries,
            assertions: Assertions::default(),
            closed,
            people,
            replay,
            leases,
            documents,
            checks,
            turn: Cell::default(),
            changed: Cell::new(true),
            waiting: Rc::default(),
            decryptions: budget(),
            signatures: budget(),
        })
    }

    /// What an operator should know of this configuration at a moment: tokens that have expired or soon will. One line
    /// each.
    #[must_use]
    pub fn warnings_at(&self, now: UnixMillis) -> Vec<String> {
        self.tenants.iter().flat_map(|tenant| tenant.warnings_at(now)).collect()
    }

    /// How the host behaves, as configured.
    #[must_use]
    pub fn host_settings(&self) -> HostSettings {
        self.host
    }

    /// Makes what the workers share. To be called once for each configuration, before the first exchange.
    ///
    /// # Errors
    /// Where the host has no shared data, without which nobody can be locked out at once, or where it belongs to a
    /// configuration with other keys; and where it cannot sign as the configuration wants.
    pub fn prepare(&self, host: &dyn Host) -> Result<(), String> {
        identity::prove(&self.tenants, host)?;
        for warning in self.warnings_at(host.now()) {
            host.log(Level::Warn, &warning);
        }
        provider::warn_of_configured(&self.tenants, host);
        let prepared = self.people.prepare(host).and_then(|()| self.replay.prepare(host));
        let prepared = prepared.and_then(|()| self.checks.prepare(host));
        prepared.and_then(|()| self.leases.prepare(host)).map_err(|error| match error {
            LedgerError::Unreadable => "keys: the shared data of this vm_id was sealed with other keys, and knows who is \
                 locked out; keep one of those keys in `keys` while you rotate, or give this filter a vm_id of its own"
                .to_owned(),
            error => format!("shared data cannot be used ({error}); revocation and single use need it"),
        })
    }

    /// The calls that are to be made now. Every call is answered by [`Gateway::answered`] or [`Gateway::not_sent`], after
    /// which more may be due.
    #[must_use]
    pub fn due(&self, host: &dyn Host) -> Vec<(Due, Call)> {
        let documents = self.documents.due(host).into_iter().map(|(id, call)| (Due::Document(id), call));
        documents.chain(self.checks.due().into_iter().map(|(id, call)| (Due::Check(id), call))).collect()
    }

    /// Whether a call is due that cannot wait for the next look.
    #[must_use]
    pub fn has_due(&self) -> bool {
        self.checks.has_due()
    }

    /// When [`Gateway::due`] should be asked next; `None` where there is nothing to fetch, ever. An exchange that asks to
    /// wait for a document may have made it earlier.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixMillis> {
        if self.checks.has_due() { Some(UnixMillis(0)) } else { self.documents.next_due() }
    }

    /// Whether an answer is on its way, or about to be.
    #[must_use]
    pub fn is_coming(&self, due: &Due) -> bool {
        match due {
            Due::Document(id) => self.documents.is_coming(*id),
            Due::Check(id) => self.checks.is_coming(id),
        }
    }

    /// Whether, since the last time this was asked, an exchange has come to need a document: [`Gateway::next_due`] may be
    /// earlier than it was, though nobody waits.
    #[must_use]
    pub fn take_newly_needed(&self) -> bool {
        self.documents.take_newly_needed()
    }

    /// The answer to a call of [`Gateway::due`]; `None` where it broke off or was too large.
    pub fn answered(&self, due: &Due, answer: Option<&CallAnswer>, host: &dyn Host) {
        match due {
            Due::Document(id) => self.documents.answered(*id, answer, host),
            Due::Check(id) => self.checks.answered(self, id, answer, host),
        }
    }

    /// A call of [`Gateway::due`] could not be made at all.
    pub fn not_sent(&self, due: &Due, host: &dyn Host) {
        match due {
            Due::Document(id) => self.documents.not_sent(*id, host),
            Due::Check(id) => self.checks.answered(self, id, None, host),
        }
    }

    /// A round of [`Event::LookAgain`] begins: has anybody been locked out since the last one? Where nobody was, a look at
    /// a stream costs next to nothing.
    pub fn begin_round(&self, host: &dyn Host) {
        // What a look goes by as well, so that no round is told of a change that the look does not see yet.
        let turn = self.people.turn(host).ok().flatten();
        self.changed.set(turn.is_none() || self.turn.replace(turn) != turn);
    }

    fn something_changed(&self) -> bool {
        self.changed.get()
    }

    /// A new exchange under this configuration.
    #[must_use]
    pub fn exchange(self: &Rc<Self>) -> Exchange {
        Exchange::new(Rc::clone(self))
    }
}
