//! Sessions, policies, identity headers and revocation.

mod checked;
mod cookies;
mod headers;
mod leases;
mod ledger;
mod login;
mod logout;
mod people;
mod policy;
mod replay;
mod rounds;
mod session;

pub use checked::{CheckId, Checked};
pub use cookies::{Cookies, is_own_cookie};
pub use headers::{Forgeries, TooLarge, render};
pub use leases::{Lease, Leases};
pub use ledger::LedgerError;
pub use login::{Login, LoginCookies, Manner, is_handle};
pub use logout::LogoutCookies;
pub use people::{Holder, Look, People, Standing};
pub use policy::{Decision, Question, decide, passes_on_every_route, route_matters, session_matters};
pub use replay::{Replay, UsedOnce};
pub use rounds::Rounds;
pub use session::{Session, SessionCookies, person_keys};
