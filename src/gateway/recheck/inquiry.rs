//! One question about somebody's account, in as many calls as it takes.

use std::rc::Rc;

use crate::access::{CheckId, Session};
use crate::common::{Identity, PersonKeys};
use crate::config::{Match, ScimSettings};
use crate::gateway::event::{Call, CallAnswer};
use crate::gateway::provisioning::{account_request, own_call, parts};
use crate::gateway::{Gateway, tenant::TenantRoom};
use crate::scim::{
    self, Account, Answered, Ended, Errand, ErrandStep, Incoming, Normalised, OwnRequest, Plan,
};

/// Whom a question is about.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) tenant: usize,
    /// Identifier of the account, where the sign-in found it.
    pub(super) account: Option<String>,
    /// Attributes and the values that they must have; the first that finds an account decides.
    values: Vec<(&'static str, String)>,
    /// By which the person is recognised.
    pub(super) keys: PersonKeys,
}

impl std::fmt::Debug for Question {
    /// Whom it is about is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// What the application says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// There is an account, and nothing says that it is inactive.
    Active {
        /// Its identifier at the application.
        account: String,
        /// Whether the application says in so many words that it is active.
        said: bool,
    },
    /// There is one, and it is not active.
    Inactive,
    /// There is none.
    Missing,
    /// It answers, but not this.
    Unclear,
}

/// What comes next.
pub(super) enum Next {
    /// This is asked, and [`Inquiry::answered`] takes the answer.
    Call(Call, Box<Inquiry>),
    /// The answer is known.
    Found(Finding),
    /// The application cannot be asked now; its status, or 0.
    Unreachable(u16),
}

/// A question that is under way.
pub(super) struct Inquiry {
    question: Question,
    /// By the same rules from beginning to end.
    rules: Rc<scim::Settings>,
    stage: Stage,
    /// Whether one of the answers could not be read.
    unclear: bool,
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.question.fmt(f)
    }
}

enum Stage {
    /// The account of this identifier was asked for.
    Account,
    /// The value at this place was asked for.
    Match(usize),
    /// The same, in several calls: the application does not filter.
    Errand(usize, Box<Errand>),
}

impl Question {
    pub(super) fn of_session(tenant: &TenantRoom, session: &Session) -> Self {
        let values = values(&tenant.settings.access.account.matches, &session.identity);
        Self { tenant: tenant.at, account: session.account.clone(), values, keys: session.keys().clone() }
    }

    pub(super) fn of_identity(tenant: &TenantRoom, identity: &Identity, keys: PersonKeys) -> Self {
        let values = values(&tenant.settings.access.account.matches, identity);
        Self { tenant: tenant.at, account: None, values, keys }
    }

    /// Questions with the same answer have the same identifier, in all workers. `nonce` makes it a question of its own.
    pub(super) fn id(&self, tenant: &TenantRoom, nonce: &str) -> CheckId {
        let mut parts =
            vec![tenant.settings.name.as_str(), nonce, self.account.as_deref().unwrap_or_default()];
        parts.extend(self.values.iter().flat_map(|(attribute, value)| [*attribute, value.as_str()]));
        CheckId::of(&parts)
    }
}

fn values(matches: &[Match], identity: &Identity) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    for one in matches {
        let value = match &one.claim {
            None => Some(&identity.name_id),
            Some(claim) => identity.attributes.get(claim).and_then(|values| values.first()),
        };
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else { continue };
        let pair = (one.attribute, value.clone());
        if !values.contains(&pair) {
            values.push(pair);
        }
    }
    values
}

/// Begins: by the account itself where it is known, for its identifier outlives every name.
pub(super) fn begin(gateway: &Gateway, question: Question) -> Next {
    let Some((_, _, room)) = parts(gateway, question.tenant) else { return Next::Unreachable(0) };
    let rules = room.rules.now(&gateway.documents);
    let account = question.account.clone();
    let inquiry = Inquiry { question, rules, stage: Stage::Account, unclear: false };
    match account {
        Some(account) => inquiry.call(gateway, account_request(&account)),
        None => inquiry.by_value(gateway, 0),
    }
}

impl Inquiry {
    /// An answer came, or will not.
    pub(super) fn answered(mut self, gateway: &Gateway, answer: Option<&CallAnswer>) -> Next {
        let Some(answer) = answer else { return Next::Unreachable(0) };
        match self.stage {
            Stage::Account => match answer.status {
                200 => {
                    let known = self.question.account.clone().unwrap_or_default();
                    match scim::read_one(&known, &answer.body) {
                        Account::Found { id, active } => judged(id, active),
                        // A server without accounts by identifier may answer anything.
                        _ => self.by_value(gateway, 0),
                    }
                }
                status if is_unreachable(status) => Next::Unreachable(status),
                _ => self.by_value(gateway, 0),
            },
            Stage::Match(at) if answer.status == 200 => self.read(gateway, at, &answer.body),
            Stage::Match(_) if is_unreachable(answer.status) => Next::Unreachable(answer.status),
            Stage::Match(at) => {
                self.unclear = true;
                self.by_value(gateway, at.saturating_add(1))
            }
            Stage::Errand(at, errand) => {
                self.stage = Stage::Match(at);
                self.errand(gateway, at, *errand, answer)
            }
        }
    }

    /// Asks by the value at this place, or ends where there is none.
    fn by_value(mut self, gateway: &Gateway, at: usize) -> Next {
        let Some((attribute, value)) = self.question.values.get(at).cloned() else {
            let nothing_to_ask_by = self.question.values.is_empty() && self.question.account.is_none();
            let unclear = self.unclear || nothing_to_ask_by;
            return Next::Found(if unclear { Finding::Unclear } else { Finding::Missing });
        };
        let path = scim::account_query(attribute, &value);
        let incoming = Incoming {
            method: "GET",
            path: &path,
            accept: None,
            content_type: None,
            content_encoding: None,
            body: None,
        };
        // By the same rules as the provisioning client's own questions: what helps one application helps here.
        let outgoing = match scim::normalise(&incoming, &self.rules) {
            Ok(Normalised::Forward(outgoing)) => outgoing,
            Ok(Normalised::Answer { .. }) | Err(_) => {
                self.unclear = true;
                return self.by_value(gateway, at.saturating_add(1));
            }
        };
        match scim::plan(*outgoing, &self.rules) {
            Plan::Forward(outgoing) => {
                self.stage = Stage::Match(at);
                let path = outgoing.path;
                let request =
                    OwnRequest { method: "GET", path, body: None, if_match: None, applied: Vec::new() };
                self.call(gateway, request)
            }
            Plan::Errand(planned) => {
                self.stage = Stage::Errand(at, Box::new(planned.errand));
                self.call(gateway, planned.first)
            }
        }
    }

    fn errand(mut self, gateway: &Gateway, at: usize, errand: Errand, answer: &CallAnswer) -> Next {
        if is_unreachable(answer.status) {
            return Next::Unreachable(answer.status);
        }
        let told = Answered {
            status: answer.status,
            etag: answer.headers.only("etag"),
            content_type: answer.headers.text("content-type"),
            location: answer.headers.text("location"),
            body: &answer.body,
        };
        match errand.answered(&told, &self.rules) {
            ErrandStep::Call(request, errand) => {
                self.stage = Stage::Errand(at, errand);
                self.call(gateway, request)
            }
            ErrandStep::Done(Ended::Made { status: 200, body, .. }) => self.read(gateway, at, &body),
            ErrandStep::Done(Ended::Latest) if answer.status == 200 => self.read(gateway, at, &answer.body),
            ErrandStep::Done(_) => {
                self.unclear = true;
                self.by_value(gateway, at.saturating_add(1))
            }
        }
    }

    fn read(mut self, gateway: &Gateway, at: usize, body: &[u8]) -> Next {
        let Some((attribute, value)) = self.question.values.get(at) else {
            return Next::Found(Finding::Unclear);
        };
        match scim::read_list(attribute, value, body) {
            // Whoever goes by that name now is somebody else than who signed in.
            Account::Found { id, .. } if self.question.account.as_ref().is_some_and(|known| *known != id) => {
                self.by_value(gateway, at.saturating_add(1))
            }
            Account::Found { id, active } => judged(id, active),
            Account::Missing => self.by_value(gateway, at.saturating_add(1)),
            Account::Several | Account::Unclear => {
                self.unclear = true;
                self.by_value(gateway, at.saturating_add(1))
            }
        }
    }

    fn call(self, gateway: &Gateway, request: OwnRequest) -> Next {
        let Some(settings) = settings(gateway, self.question.tenant) else { return Next::Unreachable(0) };
        Next::Call(own_call(settings, request), Box::new(self))
    }
}

fn settings(gateway: &Gateway, at: usize) -> Option<&ScimSettings> {
    gateway.tenants.get(at)?.settings.scim.as_ref()
}

fn judged(account: String, active: Option<bool>) -> Next {
    Next::Found(match active {
        Some(false) => Finding::Inactive,
        active => Finding::Active { account, said: active == Some(true) },
    })
}

/// A status that says nothing of the account: the application is away, busy, or does not know us.
fn is_unreachable(status: u16) -> bool {
    !(200..500).contains(&status) || matches!(status, 401 | 403 | 407 | 408 | 425 | 429)
}
