//! Signed tokens that were found good, so that the same one is not verified at each request.
//!
//! What is remembered belongs to one way in of one tenant under one configuration, and to the very key set that was
//! asked: when that is read anew, be it the same or not, every token is judged anew. Only what was found good is
//! remembered, so no stranger can fill this, and nobody is kept out by what once was.

use std::cell::RefCell;
use std::rc::Rc;

use crate::common::UnixMillis;
use crate::scim::auth::{JwkSet, Vouched};

use super::memory::{Digest, Memory};

/// Tokens found good by one set of keys.
#[derive(Debug, Default)]
pub(super) struct Verified(RefCell<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By these keys. They are held, so that no other set can have their place.
    keys: Option<Rc<JwkSet>>,
    tokens: Memory<Seen>,
}

#[derive(Debug)]
struct Seen {
    who: String,
    /// When it was judged. Where the clock has been set back since, that says nothing.
    since: UnixMillis,
}

impl Inner {
    fn is_by(&self, keys: &Rc<JwkSet>) -> bool {
        self.keys.as_ref().is_some_and(|own| Rc::ptr_eq(own, keys))
    }
}

impl Verified {
    /// Who has this token, where it was found good by these keys and would be now.
    pub(super) fn who(&self, token: &Digest, keys: &Rc<JwkSet>, now: UnixMillis) -> Option<String> {
        let inner = self.0.try_borrow().ok().filter(|inner| inner.is_by(keys))?;
        let seen = inner.tokens.get(token, now).filter(|seen| seen.since <= now)?;
        Some(seen.who.clone())
    }

    /// Remembers a token that these keys have just vouched for.
    pub(super) fn put(&self, token: Digest, keys: &Rc<JwkSet>, good: &Vouched<String>, now: UnixMillis) {
        let Ok(mut inner) = self.0.try_borrow_mut() else { return };
        if !inner.is_by(keys) {
            inner.tokens.clear();
            inner.keys = Some(Rc::clone(keys));
        }
        inner.tokens.put(token, good.until, Seen { who: good.who.clone(), since: now }, now);
    }
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

    #[test]
    fn a_token_is_remembered_until_its_end_and_no_longer() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put([1; 32], &keys, &good(NOW.0 + 10), NOW);
        assert_eq!(verified.who(&[1; 32], &keys, NOW).as_deref(), Some("entra"));
        assert!(verified.who(&[1; 32], &keys, UnixMillis(NOW.0 + 9)).is_some());
        assert_eq!(verified.who(&[1; 32], &keys, UnixMillis(NOW.0 + 10)), None);
        assert_eq!(verified.who(&[2; 32], &keys, NOW), None, "another token");
    }

    #[test]
    fn another_key_set_knows_nothing_of_it_and_neither_does_the_first_when_it_comes_again() {
        let (verified, first, second) = (Verified::default(), keys(), keys());
        verified.put([1; 32], &first, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&[1; 32], &second, NOW), None);
        verified.put([2; 32], &second, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&[1; 32], &second, NOW), None);
        assert_eq!(verified.who(&[1; 32], &first, NOW), None);
        assert!(verified.who(&[2; 32], &second, NOW).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_it_be_judged_anew() {
        let (verified, keys) = (Verified::default(), keys());
        verified.put([1; 32], &keys, &good(u64::MAX), NOW);
        assert_eq!(verified.who(&[1; 32], &keys, UnixMillis(NOW.0 - 1)), None);
    }

    #[test]
    fn their_number_is_bounded() {
        let (verified, keys) = (Verified::default(), keys());
        for at in 0..MOST as u64 * 3 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&at.to_be_bytes());
            verified.put(digest, &keys, &good(NOW.0 + 10 + at), NOW);
        }
        assert_eq!(verified.0.borrow().tokens.len(), MOST);
        let mut last = [0; 32];
        last[..8].copy_from_slice(&(MOST as u64 * 3 - 1).to_be_bytes());
        assert!(verified.who(&last, &keys, NOW).is_some(), "what ends first makes room");
    }
}
