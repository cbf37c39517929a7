//! Signed tokens that were found good, so that the same one is not verified at each request.
//!
//! What is remembered belongs to one way in of one tenant under one configuration, and to the very key set that was
//! asked: when that is read anew, be it the same or not, every token is judged anew. Only what was found good is
//! remembered, so no stranger can fill this, and nobody is kept out by what once was.
//!
//! A token is known again by its fingerprint: to take the SHA-256 of all of it at each request made provisioning with
//! signed tokens slower than with static ones.

use std::cell::RefCell;
use std::rc::Rc;

use crate::common::{Host, UnixMillis};
use crate::crypto::{FingerprintKey, hmac_sha256};
use crate::scim::auth::{JwkSet, Vouched};

use super::memory::Memory;

/// Tokens found good by one set of keys.
#[derive(Debug, Default)]
pub(super) struct Verified(RefCell<Option<Inner>>);

#[derive(Debug)]
struct Inner {
    /// By these keys. They are held, so that no other set can have their place.
    keys: Rc<JwkSet>,
    fingerprints: FingerprintKey,
    tokens: Memory<Seen>,
}

#[derive(Debug)]
struct Seen {
    who: String,
    /// When it was judged. Where the clock has been set back since, that says nothing.
    since: UnixMillis,
}

impl Inner {
    /// Nothing is remembered by these keys yet, and `token` will be the first. None where the host has no random octets:
    /// nothing is remembered then.
    fn begin(keys: &Rc<JwkSet>, token: &str, host: &dyn Host) -> Option<Self> {
        let mut random = [0; 32];
        host.random(&mut random).ok()?;
        // The token is as good a secret, should a host say that it gave random octets and not give any.
        let fingerprints = FingerprintKey::new(&hmac_sha256(&random, &[token.as_bytes()]));
        Some(Self { keys: Rc::clone(keys), fingerprints, tokens: Memory::default() })
    }
}

impl Verified {
    /// Who has this token, where it was found good by these keys and would be now.
    pub(super) fn who(&self, token: &str, keys: &Rc<JwkSet>, now: UnixMillis) -> Option<String> {
        let inner = self.0.try_borrow().ok()?;
        let inner = inner.as_ref().filter(|inner| Rc::ptr_eq(&inner.keys, keys))?;
        let seen = inner.tokens.get(&inner.fingerprints.of(token.as_bytes()), now)?;
        (seen.since <= now).then(|| seen.who.clone())
    }

    /// Remembers a token that these keys have just vouched for.
    pub(super) fn put(&self, token: &str, keys: &Rc<JwkSet>, good: &Vouched<String>, host: &dyn Host) {
        let Ok(mut inner) = self.0.try_borrow_mut() else { return };
        if inner.as_ref().is_none_or(|inner| !Rc::ptr_eq(&inner.keys, keys)) {
            *inner = Inner::begin(keys, token, host);
        }
        let Some(inner) = inner.as_mut() else { return };
        let now = host.now();
        let seen = Seen { who: good.who.clone(), since: now };
        inner.tokens.put(inner.fingerprints.of(token.as_bytes()), good.until, seen, now);
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MOST;
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn good(until: u64) -> Vouched<String> {
        Vouched { who: "entra".into(), until: UnixMillis(until) }
    }

    fn host() -> TestHost {
        TestHost::at(NOW.0)
    }

    fn keys() -> Rc<JwkSet> {
        Rc::new(JwkSet::default())
    }

    /// A token; the numbers are at its end.
    fn token(number: u64) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJpZHAifQ.signature-of-it-{number:032}")
    }

    #[test]
    fn a_token_is_remembered_until_its_end_and_no_longer() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put(&token(1), &keys, &good(NOW.0 + 10), &host());
        assert_eq!(verified.who(&token(1), &keys, NOW).as_deref(), Some("entra"));
        assert!(verified.who(&token(1), &keys, UnixMillis(NOW.0 + 9)).is_some());
        assert_eq!(verified.who(&token(1), &keys, UnixMillis(NOW.0 + 10)), None);
        assert_eq!(verified.who(&token(2), &keys, NOW), None, "another token");
    }

    #[test]
    fn another_key_set_knows_nothing_of_it_and_neither_does_the_first_when_it_comes_again() {
        let (verified, first, second) = (Verified::default(), keys(), keys());
        verified.put(&token(1), &first, &good(u64::MAX), &host());
        assert_eq!(verified.who(&token(1), &second, NOW), None);
        verified.put(&token(2), &second, &good(u64::MAX), &host());
        assert_eq!(verified.who(&token(1), &second, NOW), None);
        assert_eq!(verified.who(&token(1), &first, NOW), None);
        assert!(verified.who(&token(2), &second, NOW).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_it_be_judged_anew() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put(&token(1), &keys, &good(u64::MAX), &host());
        assert_eq!(verified.who(&token(1), &keys, UnixMillis(NOW.0 - 1)), None);
    }

    #[test]
    fn their_number_is_bounded() {
        let (verified, keys) = (Verified::default(), keys());
        for at in 0..MOST as u64 * 3 {
            verified.put(&token(at), &keys, &good(NOW.0 + 10 + at), &host());
        }
        assert_eq!(verified.0.borrow().as_ref().map(|inner| inner.tokens.len()), Some(MOST));
        assert!(
            verified.who(&token(MOST as u64 * 3 - 1), &keys, NOW).is_some(),
            "what ends first makes room"
        );
    }

    #[test]
    fn a_token_that_differs_from_one_that_is_remembered_in_any_octet_or_in_its_length_is_not_it() {
        let (verified, keys) = (Verified::default(), keys());
        let known = token(1);
        verified.put(&known, &keys, &good(u64::MAX), &host());
        for at in 0..known.len() {
            let mut other = known.clone().into_bytes();
            other[at] = b'~';
            assert_eq!(verified.who(std::str::from_utf8(&other).unwrap(), &keys, NOW), None, "octet {at}");
            assert_eq!(verified.who(&known[at..], &keys, NOW).is_some(), at == 0, "from octet {at}");
        }
        assert_eq!(verified.who(&format!("x{known}"), &keys, NOW), None);
        assert_eq!(verified.who(&format!("{known}x"), &keys, NOW), None);
        assert_eq!(verified.who("", &keys, NOW), None);
    }

    #[test]
    fn without_random_octets_nothing_is_remembered() {
        let (verified, keys, host) = (Verified::default(), keys(), host());
        host.random_fails.set(true);
        verified.put(&token(1), &keys, &good(u64::MAX), &host);
        assert_eq!(verified.who(&token(1), &keys, NOW), None);
        host.random_fails.set(false);
        verified.put(&token(1), &keys, &good(u64::MAX), &host);
        assert!(verified.who(&token(1), &keys, NOW).is_some());
    }

    #[test]
    fn a_host_that_gives_zeros_for_random_octets_makes_no_two_tokens_the_same() {
        let (verified, keys, host) = (Verified::default(), keys(), host());
        host.random_is_none.set(true);
        verified.put(&token(1), &keys, &good(u64::MAX), &host);
        assert!(verified.who(&token(1), &keys, NOW).is_some());
        assert_eq!(verified.who(&token(2), &keys, NOW), None);
        assert_eq!(verified.who("", &keys, NOW), None);
    }

    #[test]
    fn nothing_of_a_token_is_kept_or_printed() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put(&token(1), &keys, &good(u64::MAX), &host());
        let printed = format!("{verified:?}");
        assert!(printed.contains("FingerprintKey(…)"), "{printed}");
        assert!(!printed.contains("signature"), "{printed}");
    }
}
