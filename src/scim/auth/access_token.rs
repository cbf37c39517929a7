//! The tokens that our endpoint gives out: sealed, so that every worker can read them and none must remember them.

use std::time::Duration;

use super::super::authenticate::bearer;
use super::super::error::Denied;
use super::token::TokenEndpoint;
use crate::common::{Headers, Host, UnixMillis};
use crate::crypto::{KeyRing, SealError};

/// How long a token is accepted after its end: the client counts from when it got it, and never asks early.
const GRACE: Duration = Duration::from_secs(60);

/// What a token is bound to: it belongs to one tenant and opens nothing in another.
fn context(tenant: &str) -> [&str; 2] {
    ["scim access token", tenant]
}

/// Makes a token for `client`, which [`super::token`] has granted, valid for the endpoint's lifetime.
///
/// # Errors
/// [`SealError::Unavailable`] where there is no key or no randomness.
pub fn issue(
    keys: &KeyRing,
    host: &dyn Host,
    tenant: &str,
    client: &str,
    endpoint: &TokenEndpoint,
) -> Result<String, SealError> {
    let expires = host.now().after(Duration::from_secs(endpoint.lifetime));
    keys.seal(host, format!("{} {client}", expires.seconds()).as_bytes(), &context(tenant))
}

/// The client whose token the request carries. A client that is no longer configured has none.
///
/// # Errors
/// [`Denied`] where there is no single bearer credential, or it is not a token of this tenant, or no longer.
pub fn access<'e>(
    headers: &Headers,
    keys: &KeyRing,
    tenant: &str,
    endpoint: &'e TokenEndpoint,
    now: UnixMillis,
) -> Result<&'e str, Denied> {
    let token = bearer(headers)?;
    let plain = keys.open(token, &context(tenant)).map_err(|_| Denied::Unknown)?;
    let plain = std::str::from_utf8(&plain).map_err(|_| Denied::Unknown)?;
    let (expires, client) = plain.split_once(' ').ok_or(Denied::Unknown)?;
    let expires = expires.parse().map(UnixMillis::from_seconds).map_err(|_| Denied::Unknown)?;
    if expires.after(GRACE) <= now {
        return Err(Denied::Unknown);
    }
    let clients = endpoint.clients.iter().map(|client| client.id.as_str());
    let mut known = clients.chain(endpoint.federations.iter().map(|federation| federation.subject.as_str()));
    known.find(|known| *known == client).ok_or(Denied::Unknown)
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use super::*;
    use crate::common::test_host::TestHost;
    use crate::crypto::MasterKey;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const START: u64 = 1_800_000_000_000;

    fn ring(secret: u8) -> KeyRing {
        KeyRing::derive(&[MasterKey::new("k", &[secret; 32]).unwrap()], "scim").unwrap()
    }

    fn endpoint(client: &str) -> TokenEndpoint {
        let clients = vec![Client { id: client.into(), secrets: Vec::new() }];
        TokenEndpoint { clients, lifetime: 3600, ..TokenEndpoint::default() }
    }

    fn ask(token: &str, keys: &KeyRing, tenant: &str, client: &str, now: u64) -> Result<String, Denied> {
        let headers = Headers::from([("authorization", format!("Bearer {token}").as_str())]);
        access(&headers, keys, tenant, &endpoint(client), UnixMillis(now)).map(str::to_owned)
    }

    #[test]
    fn a_token_opens_its_tenant_for_its_life_and_nothing_else() {
        let host = TestHost::at(START);
        let token = issue(&ring(1), &host, "one", "entra", &endpoint("entra")).unwrap();
        assert!(token.len() <= 256);
        assert_eq!(ask(&token, &ring(1), "one", "entra", START), Ok("entra".to_owned()));
        assert_eq!(ask(&token, &ring(1), "one", "entra", START + 3_600_000), Ok("entra".to_owned()));
        assert_eq!(ask(&token, &ring(1), "one", "entra", START + 3_660_000), Err(Denied::Unknown));
        assert_eq!(ask(&token, &ring(1), "two", "entra", START), Err(Denied::Unknown));
        assert_eq!(ask(&token, &ring(2), "one", "entra", START), Err(Denied::Unknown));
        assert_eq!(ask(&token, &ring(1), "one", "removed", START), Err(Denied::Unknown));
        assert_eq!(ask("nope", &ring(1), "one", "entra", START), Err(Denied::Unknown));
    }
}
