//! What was opened of sealed cookies, so that the common request costs a look-up and no cryptography.
//!
//! Only what opened is kept, under the whole of what was opened, so that another text never finds it. What a cookie is
//! worth at a moment (its times, what is known against its person) is judged anew at each use, outside of here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// See the module. Bounded: two generations of which the older goes when the younger is full; what is used stays.
#[derive(Debug)]
pub(super) struct Opened<T> {
    generations: RefCell<Generations<T>>,
    entries: usize,
    octets: usize,
    tries: Cell<u64>,
}

#[derive(Debug)]
struct Generations<T> {
    // Hashed with random keys: comparing secrets in order would tell by its time how far a guess was right.
    young: HashMap<String, Rc<T>>,
    old: HashMap<String, Rc<T>>,
    /// Octets of the keys of the younger.
    octets: usize,
}

/// Entries of one generation.
const ENTRIES: usize = 1024;
/// Octets of the sealed texts of one generation.
const OCTETS: usize = 1 << 20;

impl<T> Default for Opened<T> {
    fn default() -> Self {
        Self::within(ENTRIES, OCTETS)
    }
}

impl<T> Opened<T> {
    fn within(entries: usize, octets: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), octets: 0 };
        Self { generations: RefCell::new(generations), entries, octets, tries: Cell::new(0) }
    }

    /// What the text `sealed`, bound to `context`, has in it: from before, or opened now.
    pub(super) fn get(
        &self,
        context: &[&str],
        sealed: &str,
        open: impl FnOnce() -> Option<T>,
    ) -> Option<Rc<T>> {
        // No tenant, host or cookie name has a line end.
        let key = [context, &[sealed]].concat().join("\n");
        if let Some(found) = self.found(&key) {
            return Some(found);
        }
        self.tries.set(self.tries.get().saturating_add(1));
        let opened = Rc::new(open()?);
        self.keep(key, &opened);
        Some(opened)
    }

    /// How often something had to be opened, or was tried to.
    #[must_use]
    pub(super) fn tries(&self) -> u64 {
        self.tries.get()
    }

    fn found(&self, key: &str) -> Option<Rc<T>> {
        let mut generations = self.generations.try_borrow_mut().ok()?;
        if let Some(found) = generations.young.get(key) {
            return Some(Rc::clone(found));
        }
        let (key, found) = generations.old.remove_entry(key)?;
        drop(generations);
        self.keep(key, &found);
        Some(found)
    }

    fn keep(&self, key: String, opened: &Rc<T>) {
        let Ok(mut generations) = self.generations.try_borrow_mut() else { return };
        if key.len() > self.octets {
            return;
        }
        let octets = generations.octets.saturating_add(key.len());
        if generations.young.len() >= self.entries || octets > self.octets {
            generations.old = std::mem::take(&mut generations.young);
            generations.octets = 0;
        }
        generations.octets = generations.octets.saturating_add(key.len());
        generations.young.insert(key, Rc::clone(opened));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations.borrow();
        generations.young.len() + generations.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn got(cache: &Opened<String>, text: &str) -> String {
        cache.get(&["t"], text, || Some(text.to_uppercase())).unwrap().to_string()
    }

    #[test]
    fn what_was_opened_is_not_opened_again() {
        let cache = Opened::default();
        assert_eq!([got(&cache, "a"), got(&cache, "b"), got(&cache, "a")], ["A", "B", "A"]);
        assert_eq!(cache.tries(), 2);
    }

    #[test]
    fn another_context_or_text_is_another_thing() {
        let cache = Opened::default();
        got(&cache, "a");
        for (context, text) in [(&["u"][..], "a"), (&["t", "h"], "a"), (&["t"], "aa"), (&[], "a")] {
            assert!(cache.get(context, text, || None).is_none(), "{context:?} {text}");
        }
    }

    #[test]
    fn what_does_not_open_is_not_kept() {
        let cache: Opened<String> = Opened::default();
        for _ in 0..3 {
            assert!(cache.get(&["t"], "a", || None).is_none());
        }
        assert_eq!((cache.tries(), cache.len()), (3, 0));
    }

    #[test]
    fn it_is_bounded_in_number_and_what_is_used_stays() {
        let cache = Opened::within(10, 1 << 20);
        for at in 0..1000 {
            got(&cache, &format!("text {at}"));
            got(&cache, "used");
            assert!(cache.len() <= 20, "{}", cache.len());
        }
        assert_eq!(cache.tries(), 1001);
    }

    #[test]
    fn it_is_bounded_in_octets() {
        let cache = Opened::within(1000, 500);
        for at in 0..100 {
            got(&cache, &format!("{at:0100}"));
            assert!(cache.len() <= 10, "{}", cache.len());
        }
        got(&cache, &"x".repeat(600));
        assert_eq!(cache.tries(), 101);
        got(&cache, &"x".repeat(600));
        assert_eq!(cache.tries(), 102, "what is larger than all of it is not kept");
    }
}
