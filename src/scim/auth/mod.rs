//! Who may provision, beyond static tokens: tokens of Entra itself (A2), a token endpoint of our own, by client secret
//! (A3) or by workload identity federation (A4), and tokens of the application's own authorization server (A5).
//!
//! Pure functions of the request, the settings, the published keys and the time. Nothing here is fetched: where a key
//! is not known the error says so ([`JwtError::UnknownKey`]), and the caller refreshes its key set, at most once a
//! minute, and asks again.

mod access_token;
mod entra;
mod form;
mod jwt;
mod server;
mod token;

use crate::common::UnixMillis;
pub use access_token::{access, issue};

pub(crate) use entra::judged as entra_judged;
pub use entra::{EntraIssuer, EntraRefused, entra_token, says_entra};
pub(crate) use jwt::Keys;
pub(crate) use jwt::unverified;
pub use jwt::{ALGORITHMS, JwkSet, JwtError, Published};
pub use server::{Active, ServerRefused, ServerTokens, Wanted, introspected, server_token};
pub(crate) use token::judged as token_judged;
pub use token::{Client, Federation, Grant, Granted, TokenEndpoint, TokenError, TokenRequest, token};

/// A token that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched<T> {
    /// Who has it.
    pub who: T,
    /// The first moment at which the same token would not be accepted, clocks' difference included.
    pub until: UnixMillis,
}

#[cfg(test)]
mod auth_test;
#[cfg(test)]
mod server_test;
