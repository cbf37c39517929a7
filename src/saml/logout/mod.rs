//! Single Logout (SAML Core 3.7, Profiles 4.4, Bindings 3.4 and 3.5).
//!
//! A request of the identity provider ends somebody's sessions, so it must be signed: over the octets of the query as
//! they came (Redirect binding), or within the message (POST binding), of which then nothing but the signed octets is
//! read. A response ends nothing any more; unsigned it is told apart, and believed in nothing.

mod check;
mod error;
mod post;
mod query;
mod request;
mod response;
mod send;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::signature::{Relaxed, Trust};
use crate::common::UnixMillis;
use crate::crypto::PublicKey;

pub use error::LogoutError;
pub use post::read_post;
pub use query::{RELAY_STATE, read_redirect};
pub use request::LogoutRequest;
pub use response::{LogoutResponse, Outcome};
pub use send::{Outgoing, logout_request, logout_response};

/// What a logout message is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// Whom it may come from, compared exactly. Entra names itself in two ways: in requests by its entity ID, in
    /// responses by the host of its endpoints.
    pub issuers: &'a [String],
    /// URL of our own endpoint.
    pub destination: &'a str,
    /// Whether a signed message may leave out where it is going.
    pub no_destination: bool,
    /// The identity provider's keys; the first sixteen are tried.
    pub keys: &'a [PublicKey],
    /// What is accepted beyond the profile of signatures.
    pub relaxed: Relaxed,
    /// The time.
    pub now: UnixMillis,
    /// How far the clocks may be apart.
    pub skew: Duration,
}

impl<'a> Expect<'a> {
    fn trust(&self) -> Trust<'a> {
        Trust { keys: self.keys, now: self.now, relaxed: self.relaxed }
    }
}

/// A message that met all expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What it says.
    pub message: Message,
    /// The relay state that came with it and must go back with the answer.
    pub relay_state: Option<String>,
}

/// What the identity provider sends.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// It asks to end sessions. Always signed.
    Request(LogoutRequest),
    /// It answers a request of ours.
    Response(LogoutResponse),
}

impl std::fmt::Debug for Message {
    /// Whom it is about is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Request(_) => "Request",
            Self::Response(_) => "Response",
        })
    }
}
