//! Sessions, policies, identity headers and revocation.

mod application;
#[cfg(test)]
mod application_test;
mod assertion;
mod caching;
mod checked;
mod cookies;
mod headers;
mod idle;
mod leases;
mod ledger;
mod login;
mod logout;
mod opened;
mod people;
mod policy;
mod replay;
mod rounds;
mod session;
#[cfg(test)]
mod session_test;
mod set_cookie;
mod tell;
#[cfg(test)]
mod tell_test;
mod turn;
mod values;

pub use application::{ApplicationCookies, KnownBy, Owner, Sorted};
pub use assertion::Assertions;
pub use caching::{keep_private, vary_by_cookie};
pub use checked::{CheckId, Checked};
pub use cookies::{Cookies, is_own_cookie};
pub use headers::{Forgeries, without_credentials};
pub use leases::{Lease, Leases};
pub use ledger::LedgerError;
pub use login::{Beginning, Login, LoginCookies, Manner, is_handle};
pub use logout::LogoutCookies;
pub use people::{Holder, Look, People, Places, Standing};
pub use policy::{
    Decision, Explained, Judged, Question, decide, deciding, explain, passes_on_every_route, route_matters,
    session_matters,
};
pub use replay::{Replay, UsedOnce};
pub use rounds::Rounds;
pub use session::{OpenedSessions, Session, SessionCookies, SessionRings, SessionTimes, person_keys};
pub use tell::{Teller, Untold};
pub use turn::TableTurn;
