//! How many provisioning requests one worker has in hand at once: each may hold two bodies in memory.

use std::cell::Cell;
use std::rc::Rc;

use crate::common::Reply;
use crate::scim;

/// A place among those in hand, given back when the exchange is over, however it ends.
#[derive(Debug)]
pub(in crate::gateway) struct Place(Rc<Cell<usize>>);

impl Place {
    /// A place, if fewer than `most` are taken.
    pub(in crate::gateway) fn take(in_hand: &Rc<Cell<usize>>, most: usize) -> Option<Self> {
        let taken = in_hand.get();
        if taken >= most {
            return None;
        }
        in_hand.set(taken.saturating_add(1));
        Some(Self(Rc::clone(in_hand)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// The client is to come again later (RFC 6585 section 4); nothing of the request was done.
pub(super) fn too_many(seconds: u32, detail: &str) -> Reply {
    scim::error_reply(429, None, detail).with("retry-after", seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_place_is_given_back_when_its_holder_ends() {
        let in_hand = Rc::new(Cell::new(0));
        let first = Place::take(&in_hand, 2);
        let second = Place::take(&in_hand, 2);
        assert!(first.is_some() && second.is_some() && Place::take(&in_hand, 2).is_none());
        drop(first);
        assert!(Place::take(&in_hand, 2).is_some());
        drop(second);
        assert_eq!(in_hand.get(), 0);
    }

    #[test]
    fn who_comes_too_often_is_told_when_to_come_again() {
        let reply = too_many(2, "busy");
        assert_eq!(reply.status, 429);
        assert!(reply.headers.contains(&("retry-after".into(), "2".into())));
    }
}
