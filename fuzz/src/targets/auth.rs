//! Credentials of the provisioning client: tokens, key sets, the token endpoint's form.

use std::sync::LazyLock;

use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, UnixMillis};
use vestibule::crypto::sha256;
use vestibule::scim::auth::{
    Client, EntraIssuer, EntraRefused, Federation, JwkSet, JwtError, Published, TokenEndpoint, TokenRequest,
    entra_token, token,
};

use crate::planted;
use crate::support::{digest, grows_linearly, text};

const TOKEN: &str = include_str!("../../../tests/vectors/scim/jwt/entra-v1.jwt");
const KEYS: &[u8] = include_bytes!("../../../tests/vectors/scim/jwt/keys.json");
const TENANT: &str = "3d0c5b7e-1111-4222-8333-944445555666";
const NOW: UnixMillis = UnixMillis(1_800_000_060_000);

static SET: LazyLock<JwkSet> = LazyLock::new(|| JwkSet::parse(KEYS).unwrap());

/// A bearer token: the one that was signed is accepted, and no other.
pub fn jwt(data: &[u8]) {
    let host = TestHost::default();
    let keys = Published { set: &SET, host: &host };
    let value = [b"Bearer ", data].concat();
    let headers = Headers::new(vec![(b"authorization".to_vec(), value)]);
    match entra_token(&headers, &EntraIssuer::of(TENANT), &keys, NOW) {
        Ok(good) => {
            assert_eq!(good.who, TENANT);
            assert_eq!(text(data).map(str::trim), Some(TOKEN.trim()), "a token that was never signed");
        }
        Err(refused) => {
            assert!(!refused.code().is_empty());
            planted!(refused == EntraRefused::Token(JwtError::Signature));
        }
    }
}

/// A published key set.
pub fn jwk(data: &[u8]) {
    let Some(set) = JwkSet::parse(data) else { return };
    planted!(
        format!("{set:?}").matches("kid").count() > 3
            || data.windows(5).filter(|octets| octets == b"\"kid\"").count() > 4
    );
    if digest(data) & 255 == 0 {
        let make = |copies: usize| {
            format!("{{\"keys\":[{}]}}", vec!["{\"kty\":\"RSA\"}"; copies].join(",")).into_bytes()
        };
        grows_linearly(&make, &|data| drop(JwkSet::parse(data)));
    }
    // Whoever signed it, the token is for nobody but the tenant.
    let host = TestHost::default();
    let keys = Published { set: &set, host: &host };
    let headers = Headers::from([("authorization", format!("Bearer {}", TOKEN.trim()).as_str())]);
    let other = EntraIssuer::of("00000000-0000-4000-8000-000000000000");
    assert!(entra_token(&headers, &other, &keys, NOW).is_err());
}

/// The token endpoint: the first line is the `Authorization` header, the rest the form.
pub fn form(data: &[u8]) {
    const SECRET: &str = "s3cr3t-of-the-client";
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut pairs = vec![(b"content-type".to_vec(), b"application/x-www-form-urlencoded".to_vec())];
    if !header.is_empty() {
        pairs.push((b"authorization".to_vec(), header.to_vec()));
    }
    let headers = Headers::new(pairs);
    let endpoint = TokenEndpoint {
        clients: vec![Client { id: "entra".into(), secrets: vec![sha256(SECRET.as_bytes())] }],
        federations: vec![Federation {
            tenant_id: TENANT.into(),
            subject: "subject".into(),
            audiences: vec!["api://vestibule".into()],
            application: "application".into(),
            client_id: None,
        }],
        lifetime: 3600,
    };
    let host = TestHost::default();
    let request = TokenRequest { method: "POST", headers: &headers, body };
    match token(&request, &endpoint, &|_| Some(Published { set: &SET, host: &host }), NOW) {
        Ok(granted) => {
            assert_eq!(granted.client, "entra");
            let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            let in_body = plain(&said(body)).contains(SECRET);
            assert!(in_body || !header.is_empty(), "a token without a secret");
            planted!(in_body && body.windows(7).any(|octets| octets == b"&scope="));
        }
        Err(error) => {
            let reply = error.reply();
            assert!((400..500).contains(&reply.status));
            assert!(!String::from_utf8_lossy(&reply.body).contains(SECRET));
        }
    }
}

/// Form encoding undone as far as it can be.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let octet = match (first, after) {
            (b'%', [high, low, ..]) => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        out.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}
