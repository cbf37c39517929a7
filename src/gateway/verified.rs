//! Signed tokens that were found good, so that the same one is not verified at each request.
//!
//! What is remembered belongs to one way in of one tenant under one configuration, and to the very key set that was
//! asked: when that is read anew, be it the same or not, every token is judged anew. Only what was found good is
//! remembered, so no stranger can fill this, and nobody is kept out by what once was.
//!
//! A token is found by the SHA-256 of the end of its text, and is the same only where all of its text is; to hash the
//! kilobyte that it has would cost more at each request. The end is of the signature, 192 bits of it, which nobody can
//! guess who does not have the token: so the time that the comparison afterwards takes tells nobody anything.

use std::cell::RefCell;
use std::rc::Rc;

use crate::common::UnixMillis;
use crate::crypto::sha256;
use crate::scim::auth::{JwkSet, Vouched};

use super::memory::{Digest, Memory};

/// Octets at the end of a token that it is found by.
const END: usize = 32;
/// Octets of a token beyond which none is remembered. Entra's have two thousand or so.
const LONGEST: usize = 16_384;

/// Tokens found good by one set of keys.
#[derive(Debug, Default)]
pub(super) struct Verified(RefCell<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By these keys. They are held, so that no other set can have their place.
    keys: Option<Rc<JwkSet>>,
    tokens: Memory<Seen>,
}

struct Seen {
    /// All of the token.
    text: Box<str>,
    who: String,
    /// When it was judged. Where the clock has been set back since, that says nothing.
    since: UnixMillis,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seen({}, since {:?})", self.who, self.since)
    }
}

impl Inner {
    fn is_by(&self, keys: &Rc<JwkSet>) -> bool {
        self.keys.as_ref().is_some_and(|own| Rc::ptr_eq(own, keys))
    }
}

impl Verified {
    /// Who has this token, where it was found good by these keys and would be now.
    pub(super) fn who(&self, token: &str, keys: &Rc<JwkSet>, now: UnixMillis) -> Option<String> {
        let inner = self.0.try_borrow().ok().filter(|inner| inner.is_by(keys))?;
        let seen = inner.tokens.get(&end(token)?, now)?;
        (*seen.text == *token && seen.since <= now).then(|| seen.who.clone())
    }

    /// Remembers a token that these keys have just vouched for.
    pub(super) fn put(&self, token: &str, keys: &Rc<JwkSet>, good: &Vouched<String>, now: UnixMillis) {
        let Some(end) = end(token).filter(|_| token.len() <= LONGEST) else { return };
        let Ok(mut inner) = self.0.try_borrow_mut() else { return };
        if !inner.is_by(keys) {
            inner.tokens.clear();
            inner.keys = Some(Rc::clone(keys));
        }
        let seen = Seen { text: token.into(), who: good.who.clone(), since: now };
        inner.tokens.put(end, good.until, seen, now);
    }
}

/// What a token is found by; none where it is too short to be one.
fn end(token: &str) -> Option<Digest> {
    token.as_bytes().last_chunk::<END>().map(|end| sha256(end))
}

#[cfg(test)]
mod tests {
    use super::super::memory::MOST;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn good(until: u64) -> Vouched<String> {
        Vouched { who: "entra".into(), until: UnixMillis(until) }
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
        verified.put(&token(1), &keys, &good(NOW.0 + 10), NOW);
        assert_eq!(verified.who(&token(1), &keys, NOW).as_deref(), Some("entra"));
        assert!(verified.who(&token(1), &keys, UnixMillis(NOW.0 + 9)).is_some());
        assert_eq!(verified.who(&token(1), &keys, UnixMillis(NOW.0 + 10)), None);
        assert_eq!(verified.who(&token(2), &keys, NOW), None, "another token");
    }

    #[test]
    fn another_key_set_knows_nothing_of_it_and_neither_does_the_first_when_it_comes_again() {
        let (verified, first, second) = (Verified::default(), keys(), keys());
        verified.put(&token(1), &first, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&token(1), &second, NOW), None);
        verified.put(&token(2), &second, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&token(1), &second, NOW), None);
        assert_eq!(verified.who(&token(1), &first, NOW), None);
        assert!(verified.who(&token(2), &second, NOW).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_it_be_judged_anew() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put(&token(1), &keys, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&token(1), &keys, UnixMillis(NOW.0 - 1)), None);
    }

    #[test]
    fn their_number_is_bounded() {
        let (verified, keys) = (Verified::default(), keys());
        for at in 0..MOST as u64 * 3 {
            verified.put(&token(at), &keys, &good(NOW.0 + 10 + at), NOW);
        }
        assert_eq!(verified.0.borrow().tokens.len(), MOST);
        assert!(
            verified.who(&token(MOST as u64 * 3 - 1), &keys, NOW).is_some(),
            "what ends first makes room"
        );
    }

    #[test]
    fn a_token_that_differs_from_one_that_is_remembered_in_any_octet_or_in_its_length_is_not_it() {
        let (verified, keys) = (Verified::default(), keys());
        let known = token(1);
        verified.put(&known, &keys, &good(u64::MAX), NOW);
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
    fn a_token_of_unreasonable_length_is_judged_each_time() {
        let (verified, keys) = (Verified::default(), keys());
        for (length, remembered) in [(LONGEST, true), (LONGEST + 1, false), (END, true), (END - 1, false)] {
            let token = "x".repeat(length);
            verified.put(&token, &keys, &good(u64::MAX), NOW);
            assert_eq!(verified.who(&token, &keys, NOW).is_some(), remembered, "{length}");
        }
    }

    #[test]
    fn nothing_that_is_printed_for_developers_shows_a_token() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put(&token(1), &keys, &good(u64::MAX), NOW);
        assert!(!format!("{verified:?}").contains("signature"));
    }
}
