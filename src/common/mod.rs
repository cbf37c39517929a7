//! Plain types that every room speaks.

mod budget;
mod host;
mod http;
mod identity;
pub mod json;
pub mod path;
mod time;

pub use budget::Budget;
pub use host::{Host, HostError, Level, NativeSignature, NativeSigning, NativeVerdict};
pub use http::{HeaderEdit, Headers, Reply};
pub use identity::{Identity, PersonKeys};
pub use time::UnixMillis;

#[cfg(not(target_os = "wasi"))]
pub mod test_host;
