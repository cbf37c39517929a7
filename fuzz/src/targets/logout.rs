//! Logout messages: a query of the Redirect binding as it came, or (where the input is XML) a message of the POST
//! binding, which also goes as an unsigned one by redirect.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use vestibule::common::UnixMillis;
use vestibule::common::test_host::TestHost;
use vestibule::crypto::PublicKey;
use vestibule::saml::deflate::deflate;
use vestibule::saml::logout::{
    Expect, LogoutError, Message, RELAY_STATE, Received, read_post, read_redirect,
};
use vestibule::saml::signature::Relaxed;

use super::response::encoded;
use crate::planted;
use crate::support::text;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/saml/", $name))
    };
}

/// All that the trusted keys ever signed in a query, for us or for others.
const QUERIES: [&str; 10] = [
    vector!("logout/request.query"),
    vector!("logout/request-relay.query"),
    vector!("logout/request-lower.query"),
    vector!("logout/request-all-sessions.query"),
    vector!("logout/request-sha1.query"),
    vector!("logout/request-ecdsa.query"),
    vector!("logout/request-as-response.query"),
    vector!("logout/response.query"),
    vector!("logout/response-as-request.query"),
    vector!("logout/response-entra.query"),
];
/// The same within a message, with the parameter that it belongs to.
const POSTED: [(&str, &str); 2] =
    [("SAMLRequest", vector!("logout/request.xml")), ("SAMLResponse", vector!("logout/response.xml"))];

static KEYS: LazyLock<[PublicKey; 2]> = LazyLock::new(|| {
    [vector!("idp.cert.pem"), vector!("idp-ec.cert.pem")].map(|pem| PublicKey::from_certificate(pem).unwrap())
});
/// What the signed queries say, relay state included, for there it is signed as well.
static QUERIED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let right: BTreeSet<_> =
        QUERIES.iter().filter_map(|query| redirected(query).ok()?.signed(true)).collect();
    assert!(right.len() >= 5, "{right:?}");
    right
});
/// What the signed messages say.
static SIGNED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let right: BTreeSet<_> =
        POSTED.iter().filter_map(|(name, xml)| posted(name, xml.as_bytes()).ok()?.signed(false)).collect();
    assert_eq!(right.len(), POSTED.len());
    right
});

/// Judges with everything let through that is no attack on the signature.
fn expecting<T>(judge: impl FnOnce(&TestHost, &Expect<'_>) -> T) -> T {
    let issuers = ["https://idp.example/entity/", "https://login.idp.example/entity/"].map(str::to_owned);
    let expect = Expect {
        issuers: &issuers,
        destination: "https://app.example/slo",
        no_destination: true,
        keys: &*KEYS,
        relaxed: Relaxed {
            sha1_signature: true,
            sha1_digest: true,
            short_rsa: true,
            inclusive: true,
            empty_reference: true,
        },
        now: UnixMillis::parse_rfc3339("2027-01-01T10:01:00Z").unwrap(),
        skew: Duration::from_secs(60),
    };
    judge(&TestHost::default(), &expect)
}

fn redirected(query: &str) -> Result<Received, LogoutError> {
    expecting(|host, expect| read_redirect(host, query, expect))
}

fn posted(name: &str, xml: &[u8]) -> Result<Received, LogoutError> {
    expecting(|host, expect| read_post(host, &[(name.to_owned(), encoded(xml))], expect))
}

trait Signed {
    /// What the message says where a signature is claimed for it.
    fn signed(&self, with_state: bool) -> Option<String>;
}

impl Signed for Received {
    fn signed(&self, with_state: bool) -> Option<String> {
        let what = match &self.message {
            Message::Request(one) => {
                format!("{} {} {:?} {:?}", one.id, one.name_id, one.session_indexes, one.ends)
            }
            Message::Response(one) if one.signed => format!("{} {:?}", one.in_response_to, one.outcome),
            Message::Response(_) => return None,
        };
        Some(if with_state { format!("{what} {:?}", self.relay_state) } else { what })
    }
}

/// What a message ends, or is believed in, is what the provider's key signed.
fn nothing_else(judged: Result<Received, LogoutError>, right: &BTreeSet<String>, in_query: bool) {
    match judged {
        Ok(received) => {
            if let Some(state) = &received.relay_state {
                assert!(state.len() <= RELAY_STATE && !state.chars().any(char::is_control));
            }
            if let Some(told) = received.signed(in_query) {
                assert!(right.contains(&told), "{told} was never signed");
            }
        }
        Err(error) => {
            assert!(!error.code().is_empty() && !error.to_string().is_empty());
            planted!(error == LogoutError::Parameter("SAMLEncoding"));
        }
    }
}

/// Whose sessions end is what was signed.
pub fn logout(data: &[u8]) {
    if !data.starts_with(b"<") {
        let Some(query) = text(data) else { return };
        return nothing_else(redirected(query), &QUERIED, true);
    }
    for (name, _) in POSTED {
        nothing_else(posted(name, data), &SIGNED, false);
        // A signature within is none in a query: nothing of this is ever believed.
        let packed = encoded(&deflate(data));
        let escaped = packed.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let received = redirected(&format!("{name}={escaped}"));
        assert_eq!(received.map(|received| received.signed(true)).unwrap_or_default(), None);
    }
}
