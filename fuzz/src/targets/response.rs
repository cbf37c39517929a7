//! SAML responses, signed and encrypted; the seeds are `tests/vectors/saml`.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use vestibule::common::test_host::TestHost;
use vestibule::crypto::{DecryptionKey, PublicKey};
use vestibule::saml::response::{Accept, Accepted, Expectations, Rejection, Required, decode_post, validate};

use crate::planted;
use crate::support::{now, text};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/saml/", $name))
    };
}

/// All that the trusted key ever signed for the audience, each in its signed form.
const SIGNED: [&str; 7] = [
    vector!("good-assertion-signed.xml"),
    vector!("good-response-signed.xml"),
    vector!("good-both-signed.xml"),
    vector!("good-inclusive-prefixes.xml"),
    vector!("good-with-comments.xml"),
    vector!("bad-unsolicited.xml"),
    vector!("bad-inclusive-c14n.xml"),
];

static KEYS: LazyLock<Vec<PublicKey>> =
    LazyLock::new(|| vec![PublicKey::from_certificate(vector!("idp.cert.pem")).unwrap()]);
static OURS: LazyLock<Vec<DecryptionKey>> =
    LazyLock::new(|| vec![DecryptionKey::from_pem(vector!("sp.key.pem")).unwrap()]);
static RIGHT: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let right: BTreeSet<_> =
        SIGNED.iter().filter_map(|xml| judge(xml.as_bytes(), &[]).ok()).map(|one| told(&one)).collect();
    assert!(!right.is_empty());
    right
});

/// Judges with everything let through that is no attack on the signature.
fn judge(xml: &[u8], decryption_keys: &[DecryptionKey]) -> Result<Accepted, Rejection> {
    let pending = ["_0123456789abcdef0123456789abcdef".to_owned()];
    let mut expect = Expectations {
        idp_entity_id: "https://idp.example/entity/",
        audience: "https://app.example/saml",
        acs_url: "https://app.example/acs",
        request_ids: &pending,
        allow_unsolicited: false,
        keys: &KEYS,
        decryption_keys,
        decryptions: None,
        skew: Duration::ZERO,
        now: now(),
        requires: Required::Any,
        accept: Accept::default(),
    };
    for name in Accept::NAMES {
        assert!(expect.relax(name));
    }
    validate(&TestHost::default(), xml, &expect)
}

/// Who signed in, and for how long.
fn told(accepted: &Accepted) -> String {
    let who = serde_json::to_string(&accepted.identity).unwrap();
    format!("{who} {} {:?}", accepted.assertion_id, accepted.not_on_or_after)
}

/// Whoever is signed in is the one whom the signer signed.
fn nobody_else(data: &[u8], keys: &[DecryptionKey]) {
    match judge(data, keys) {
        Ok(accepted) => {
            let told = told(&accepted);
            assert!(RIGHT.contains(&told), "{told} was never signed");
        }
        Err(rejection) => {
            assert!(!rejection.code().is_empty());
            planted!(
                rejection.code() == "assertion_count" && data.windows(5).any(|octets| octets == b"_evil")
            );
        }
    }
}

/// A response, none of it encrypted to us.
pub fn response(data: &[u8]) {
    nobody_else(data, &[]);
}

/// A response that may be encrypted to us, which anybody can do.
pub fn encrypted(data: &[u8]) {
    nobody_else(data, &OURS);
}

/// The form parameter of the POST binding.
pub fn base64(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(octets) = decode_post(text) else { return };
    let packed: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    assert_eq!(encoded(&octets), packed, "two texts for the same octets");
    assert!(!octets.is_empty());
    planted!(octets.starts_with(b"<b>") && packed.ends_with('='));
}

/// RFC 4648, 4.
pub fn encoded(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in octets.chunks(3) {
        let all =
            chunk.iter().fold(0u32, |all, octet| all << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let sextet = (all >> (18 - 6 * at)) & 63;
            out.push(if at > chunk.len() { '=' } else { char::from(ALPHABET[sextet as usize]) });
        }
    }
    out
}
