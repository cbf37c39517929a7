//! Plain types that every room speaks.

pub mod about;
mod budget;
mod host;
mod http;
mod identity;
pub mod json;
mod network;
pub mod path;
mod spelling;
mod time;

pub use budget::Budget;
pub use host::{Host, HostError, Level, NativeSignature, NativeSigning, NativeVerdict};
pub use http::{HeaderEdit, Headers, Reply};
pub use identity::{Identity, PersonKeys};
pub use network::{Network, NetworkError, peer_address};
pub use spelling::Spellings;
pub use time::UnixMillis;

#[cfg(not(target_os = "wasi"))]
pub mod test_host;
