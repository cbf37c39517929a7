//! Provisioning: what Entra sends becomes strict RFC 7644, and what the application answers becomes what Entra expects.
//!
//! ```text
//! request:  authenticate -> url, headers, query -> filter tree -> message -> rules -> canonical form
//! response: message -> rules -> what Entra can read
//! ```
//!
//! Every quirk is one rule with its identifier (`P2`, `F6`, `R8`, ...); [`catalogue`] lists them. What cannot be read
//! whole is refused, never forwarded half-read.

mod ability;
mod apply;
pub mod auth;
mod authenticate;
mod change;
mod discovery;
mod errand;
mod error;
pub mod explain;
mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod learnt;
mod lookup;
mod membership;
mod name;
mod observe;
mod patch;
mod person;
mod request;
#[cfg(test)]
mod request_test;
mod response;
mod rule;
mod rules;
mod schema;
mod sequence;
#[cfg(test)]
mod sequence_test;
#[cfg(test)]
mod strict_test;
mod upsert;
mod url;
#[cfg(test)]
mod wrong_input_test;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod fixtures_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod properties_test;

pub use ability::{
    Abilities, Deactivation, Deletion, Discovery, EmptiedGroups, Filtering, MemberChanges, Mode, PatchForm,
    UnknownAttributes, UserNameChange,
};
pub(crate) use authenticate::bearer;
pub use authenticate::{Bearer, Token, authenticate, known};
pub use change::{AccountChange, ChangeKind};
pub use errand::{Answered, Effect, Ended, Errand, ErrandStep, Plan, Planned, plan};
pub use error::{Denied, MEDIA_TYPE, ScimError, error_reply};
pub use filter::{Filter, Literal, Operator, Path};
pub use learnt::{KnownAttributes, Learnt, NotLearnt};
pub use lookup::{Account, account_query, read_list, read_one};
pub use membership::{Members, concerned};
pub use name::Name;
pub use person::{person, resource_id};
pub use request::{Incoming, Normalised, Observed, Outgoing, RequestShape, expects_body, normalise};
pub use response::{Repaired, Upstream, repair};
pub use rule::{Applied, Certainty, RuleSummary, Settings};
pub use rules::catalogue;
pub use schema::{DeclaredTypes, ResourceKind, ValueType};
pub use sequence::{Conclusion, OwnRequest, Sequence, Step};
pub use upsert::upsert;
pub use url::Action;
