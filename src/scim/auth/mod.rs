//! Who may provision, beyond static tokens: tokens of Entra itself (A2) and a token endpoint of our own, by client
//! secret (A3) or by workload identity federation (A4).
//!
//! Pure functions of the request, the settings, the published keys and the time. Nothing here is fetched: where a key
//! is not known the error says so ([`JwtError::UnknownKey`]), and the caller refreshes its key set, at most once a
//! minute, and asks again.

mod access_token;
mod entra;
mod form;
mod jwt;
mod token;

pub use access_token::{access, issue};
pub(crate) use entra::judged as entra_judged;
pub use entra::{EntraIssuer, EntraRefused, entra_token};
pub(crate) use jwt::Keys;
pub use jwt::{JwkSet, JwtError, Published};
pub(crate) use token::judged as token_judged;
pub use token::{Client, Federation, Grant, Granted, TokenEndpoint, TokenError, TokenRequest, token};

#[cfg(test)]
mod auth_test;
