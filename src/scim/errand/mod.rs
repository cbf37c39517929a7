//! Exchanges of our own in place of the request that came, for an application that cannot do what it is asked; without I/O.
//!
//! | asked for | the application gets |
//! |---|---|
//! | PATCH, `patch: put` | GET, and PUT of the resource with the operations applied (RFC 7644 section 3.5.2) |
//! | PATCH with value paths on an `eager` attribute | GET, and PATCH in the form that selects something (P30, P31, P42) |
//! | PATCH of a group's members, `members: listed` | PATCH with lists of members; GET first where all are replaced |
//! | a filtered list, `filter: local` | GET of every page; the filter is evaluated here |
//! | DELETE of a user, `delete: deactivate` | PATCH that sets `active` to false (GET and PUT with `patch: put`) |
//! | `active` set to false, `deactivate: delete` | DELETE |
//!
//! A write is made at most twice: the second time only after 412, which proves that the first one changed nothing (RFC 9110
//! section 15.5.13). One that was not answered is never sent again.

mod account;
#[cfg(test)]
mod account_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod cost_test;
mod eager;
#[cfg(test)]
mod eager_test;
mod listing;
#[cfg(test)]
mod listing_test;
mod members;
#[cfg(test)]
mod members_test;
mod projection;
mod put;
#[cfg(test)]
mod put_test;
#[cfg(test)]
mod trial;

use serde_json::{Map, Value};

use super::ability::{Deactivation, Deletion, Filtering, MemberChanges, Mode, PatchForm};
use super::change::{AccountChange, ChangeKind};
use super::error::ScimError;
use super::request::{Outgoing, RequestShape};
use super::rule::{Applied, Settings};
use super::schema::ResourceKind;
use super::sequence::{OwnRequest, object};
use super::upsert::is_asked_for;
use super::url::Action;

/// How a request goes to the application.
#[derive(Debug)]
pub enum Plan {
    /// As it is.
    Forward(Box<Outgoing>),
    /// Exchanges of our own take the place of the forwarded request.
    Errand(Box<Planned>),
}

/// An errand, and what the caller must know of it.
pub struct Planned {
    /// What is sent first.
    pub first: OwnRequest,
    /// What takes the answer to it.
    pub errand: Errand,
    /// What the repair of the response needs to know.
    pub shape: RequestShape,
    /// What the request means for a person's access, as in [`Outgoing::change`].
    pub change: Option<AccountChange>,
    /// The audit record so far.
    pub applied: Vec<Applied>,
    exclusive: Option<String>,
}

impl Planned {
    /// The resource whose writes must not overlap, as its canonical path; `None` where nothing is written.
    #[must_use]
    pub fn exclusive(&self) -> Option<&str> {
        self.exclusive.as_deref()
    }
}

impl std::fmt::Debug for Planned {
    /// Paths hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planned")
            .field("first", &self.first)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

/// An answer of the application.
#[derive(Clone, Copy, Default)]
pub struct Answered<'a> {
    /// HTTP status; 0 where there was no answer.
    pub status: u16,
    /// `etag`, where there is one.
    pub etag: Option<&'a str>,
    /// `content-type`, where there is one.
    pub content_type: Option<&'a str>,
    /// `location`, where there is one.
    pub location: Option<&'a str>,
    /// The whole body, not compressed; may be empty.
    pub body: &'a [u8],
}

impl Answered<'_> {
    /// The resource that was asked for; `None` for another one, a list, an error, and what is no JSON.
    fn resource(&self, shape: &RequestShape) -> Option<Map<String, Value>> {
        let value = Value::Object(object(self.body).filter(|_| self.status == 200)?);
        match value {
            value if !is_asked_for(shape, &value) => None,
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Whether the body is empty, or white space.
    fn is_bare(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }
}

/// What is known about the write that the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The application is in the state that was asked for.
    Applied,
    /// Nothing was changed.
    NotApplied,
    /// It may have been changed.
    Unknown,
}

/// How an errand ended. [`super::repair`] comes after `Latest` and `Made`, with the shape of the request.
pub enum Ended {
    /// The application's latest answer is the answer, and its status says what is known about the write.
    Latest,
    /// An answer made here.
    Made {
        /// HTTP status.
        status: u16,
        /// A message of [`super::MEDIA_TYPE`], or empty.
        body: Vec<u8>,
        /// What made it.
        applied: Vec<Applied>,
        /// What is known about the write.
        effect: Effect,
    },
    /// A final error.
    Refused {
        /// What the client is told.
        error: ScimError,
        /// What is known about the write.
        effect: Effect,
    },
}

impl std::fmt::Debug for Ended {
    /// Bodies hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latest => f.write_str("Latest"),
            Self::Made { status, effect, .. } => write!(f, "Made {status} {effect:?}"),
            Self::Refused { error, effect } => write!(f, "Refused {} {effect:?}", error.code()),
        }
    }
}

/// What to do next.
#[derive(Debug)]
pub enum ErrandStep {
    /// Send this, and give its answer to [`Errand::answered`] of what comes with it.
    Call(OwnRequest, Box<Errand>),
    /// Answer the client.
    Done(Ended),
}

impl ErrandStep {
    fn call(request: OwnRequest, work: impl Into<Errand>) -> Self {
        Self::Call(request, Box::new(work.into()))
    }

    fn made(status: u16, body: Vec<u8>, applied: Vec<Applied>, effect: Effect) -> Self {
        Self::Done(Ended::Made { status, body, applied, effect })
    }

    fn refused(error: ScimError, effect: Effect) -> Self {
        Self::Done(Ended::Refused { error, effect })
    }
}

/// Exchanges that are under way.
pub struct Errand(Work);

enum Work {
    Put(put::Put),
    Eager(eager::Eager),
    Members(members::Difference),
    Listing(Box<listing::Listing>),
    Account(account::Account),
}

impl From<put::Put> for Errand {
    fn from(work: put::Put) -> Self {
        Self(Work::Put(work))
    }
}

impl From<eager::Eager> for Errand {
    fn from(work: eager::Eager) -> Self {
        Self(Work::Eager(work))
    }
}

impl From<members::Difference> for Errand {
    fn from(work: members::Difference) -> Self {
        Self(Work::Members(work))
    }
}

impl From<Box<listing::Listing>> for Errand {
    fn from(work: Box<listing::Listing>) -> Self {
        Self(Work::Listing(work))
    }
}

impl From<account::Account> for Errand {
    fn from(work: account::Account) -> Self {
        Self(Work::Account(work))
    }
}

impl std::fmt::Debug for Errand {
    /// Paths, bodies and filters hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Work::Put(_) => "Put",
            Work::Eager(_) => "Eager",
            Work::Members(_) => "Members",
            Work::Listing(_) => "Listing",
            Work::Account(_) => "Account",
        })
    }
}

impl Errand {
    /// Takes the application's answer to the latest request.
    ///
    /// Ends after four answers at most; a list after as many as there are pages, which are bounded.
    #[must_use]
    pub fn answered(self, answer: &Answered<'_>, settings: &Settings) -> ErrandStep {
        match self.0 {
            Work::Put(work) => work.answered(answer, settings),
            Work::Eager(work) => work.answered(answer, settings),
            Work::Members(work) => work.answered(answer, settings),
            Work::Listing(work) => work.answered(answer, settings),
            Work::Account(work) => work.answered(answer),
        }
    }
}

/// How `outgoing` goes to the application, by what the application is able to do.
#[must_use]
pub fn plan(mut outgoing: Outgoing, settings: &Settings) -> Plan {
    let abilities = &settings.abilities;
    // Who only wants to see what would happen wants nothing to happen otherwise.
    if settings.mode == Mode::Observe {
        return Plan::Forward(Box::new(outgoing));
    }
    let members = match outgoing.shape.action {
        Action::Patch if abilities.members == MemberChanges::Listed => members::plan(&outgoing, settings),
        _ => members::Listed::Not,
    };
    let difference = match members {
        // Whole resources are put here, and one that was read before this write would undo it: it waits for its turn.
        members::Listed::Forward(body, applied) if abilities.patch == PatchForm::Put => {
            let (request, work) = members::at_its_turn(&outgoing, body, applied);
            Some((request, work.into()))
        }
        members::Listed::Forward(body, applied) => {
            outgoing.body = Some(body);
            outgoing.applied.extend(applied);
            return Plan::Forward(Box::new(outgoing));
        }
        members::Listed::Errand(begun) => {
            let (request, work) = *begun;
            Some((request, work.into()))
        }
        members::Listed::Not => None,
    };
    let is_user = outgoing.shape.kind == ResourceKind::User && outgoing.shape.id.is_some();
    let planned = match outgoing.shape.action {
        _ if difference.is_some() => difference,
        Action::Delete if is_user && abilities.deletion == Deletion::Deactivate => {
            account::deactivate(&outgoing, settings)
        }
        Action::Patch | Action::Replace
            if is_user
                && abilities.deactivation == Deactivation::Delete
                && account::only_deactivates(&outgoing) =>
        {
            Some(account::delete(&outgoing))
        }
        Action::Patch if abilities.patch == PatchForm::Put => put::plan(&outgoing),
        Action::Patch => eager::plan(&outgoing, settings),
        Action::List => match abilities.filter {
            Filtering::Local { page, most_entries } => listing::plan(&outgoing, page, most_entries),
            Filtering::Application => None,
        },
        _ => None,
    };
    let Some((first, errand)) = planned else { return Plan::Forward(Box::new(outgoing)) };
    // What is sent is a deletion: its answer is read as that of one.
    if let (Work::Account(work), Some(change)) = (&errand.0, &mut outgoing.change)
        && work.deletes()
    {
        change.kind = ChangeKind::Delete;
    }
    let is_read = outgoing.shape.action == Action::List;
    let path = outgoing.path.split('?').next().unwrap_or_default();
    let exclusive = (!is_read).then(|| path.to_owned());
    let shape = match &errand.0 {
        // With the numbers that are meant where others were written.
        Work::Listing(listing) => listing.shape().clone(),
        _ => outgoing.shape,
    };
    Plan::Errand(Box::new(Planned {
        exclusive,
        first,
        errand,
        shape,
        change: outgoing.change,
        applied: outgoing.applied,
    }))
}

/// What a record of an errand means; such a record is no rule of the catalogue, and has the name of what asks for it.
pub(crate) fn says(record: &str) -> &'static str {
    match record {
        PUT => "applies the operations to the resource and replaces it",
        LISTED => "writes the members that change as a list",
        LOCAL => "evaluates the filter over the application's list",
        KEEP => "deactivates the account in place of deleting it",
        DELETE => "deletes the account in place of deactivating it",
        _ => "",
    }
}

/// The records that errands leave.
const PUT: &str = "patch.put";
const LISTED: &str = "members.listed";
const LOCAL: &str = "filter.local";
const KEEP: &str = "delete.deactivate";
const DELETE: &str = "deactivate.delete";

/// What an errand begins with.
type Begun = Option<(OwnRequest, Errand)>;
