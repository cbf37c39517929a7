//! What was opened of sealed cookies, so that the common request costs a look-up and no cryptography.
//!
//! Only what opened is kept, under the whole of what was opened, so that another text never finds it. What a cookie is
//! worth at a moment (its times, what is known against its person) is judged anew at each use, outside of here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

/// See the module. Bounded: two generations of which the older goes when the younger is full; what is used stays.
#[derive(Debug)]
pub(super) struct Opened<T> {
    generations: RefCell<Generations<T>>,
    /// With random keys, and over octets that nobody can guess: where something lies tells nobody anything.
    hasher: RandomState,
    entries: usize,
    octets: usize,
    tries: Cell<u64>,
}

#[derive(Debug)]
struct Generations<T> {
    young: HashMap<u64, Entry<T>>,
    old: HashMap<u64, Entry<T>>,
    /// Octets of the texts of the younger.
    octets: usize,
}

/// Something opened, beside what it was opened of.
#[derive(Debug)]
struct Entry<T> {
    context: Vec<String>,
    sealed: String,
    opened: Rc<T>,
}

impl<T> Entry<T> {
    fn is_of(&self, context: &[&str], sealed: &str) -> bool {
        self.context.iter().eq(context) && same(self.sealed.as_bytes(), sealed.as_bytes())
    }

    fn octets(&self) -> usize {
        self.context.iter().fold(self.sealed.len(), |sum, part| sum.saturating_add(part.len()))
    }
}

/// Entries of one generation.
const ENTRIES: usize = 1024;
/// Octets of the sealed texts of one generation.
const OCTETS: usize = 1 << 20;
/// So many octets of the end of a sealed text say where it lies. The tag of a seal is in them, which only who has the text
/// can know; the whole is compared.
const TELLING: usize = 48;

impl<T> Default for Opened<T> {
    fn default() -> Self {
        Self::within(ENTRIES, OCTETS)
    }
}

impl<T> Opened<T> {
    fn within(entries: usize, octets: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), octets: 0 };
        let (generations, hasher) = (RefCell::new(generations), RandomState::new());
        Self { generations, hasher, entries, octets, tries: Cell::new(0) }
    }

    /// What the text `sealed`, bound to `context`, has in it: from before, or opened now.
    pub(super) fn get(
        &self,
        context: &[&str],
        sealed: &str,
        open: impl FnOnce() -> Option<T>,
    ) -> Option<Rc<T>> {
        let end = sealed.as_bytes().last_chunk::<TELLING>().map_or(sealed.as_bytes(), |end| end);
        let place = self.hasher.hash_one((context, end));
        if let Some(found) = self.found(place, context, sealed) {
            return Some(found);
        }
        self.tries.set(self.tries.get().saturating_add(1));
        let opened = Rc::new(open()?);
        let context = context.iter().map(|part| (*part).to_owned()).collect();
        self.keep(place, Entry { context, sealed: sealed.to_owned(), opened: Rc::clone(&opened) });
        Some(opened)
    }

    /// How often something had to be opened, or was tried to.
    #[must_use]
    pub(super) fn tries(&self) -> u64 {
        self.tries.get()
    }

    fn found(&self, place: u64, context: &[&str], sealed: &str) -> Option<Rc<T>> {
        let mut generations = self.generations.try_borrow_mut().ok()?;
        let is_it = |entry: &&Entry<T>| entry.is_of(context, sealed);
        if let Some(entry) = generations.young.get(&place).filter(is_it) {
            return Some(Rc::clone(&entry.opened));
        }
        generations.old.get(&place).filter(is_it)?;
        let entry = generations.old.remove(&place)?;
        drop(generations);
        let opened = Rc::clone(&entry.opened);
        self.keep(place, entry);
        Some(opened)
    }

    fn keep(&self, place: u64, entry: Entry<T>) {
        let Ok(mut generations) = self.generations.try_borrow_mut() else { return };
        let more = entry.octets();
        if more > self.octets {
            return;
        }
        let octets = generations.octets.saturating_add(more);
        if generations.young.len() >= self.entries || octets > self.octets {
            generations.old = std::mem::take(&mut generations.young);
            generations.octets = 0;
        }
        generations.octets = generations.octets.saturating_add(more);
        generations.young.insert(place, entry);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations.borrow();
        generations.young.len() + generations.old.len()
    }
}

/// Whether both are the same, eight octets at a time, and all of them wherever the first difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((one, last), (other, other_last)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let differs = one
        .iter()
        .zip(other)
        .fold(0, |differs, (one, other)| differs | (u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other)));
    differs == 0 && one.len() == other.len() && last == other_last
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
    fn texts_that_differ_anywhere_or_are_of_another_context_are_not_the_same() {
        let text: String = ('a'..='z').cycle().take(203).collect();
        let cache = Opened::default();
        got(&cache, &text);
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            got(&cache, std::str::from_utf8(&other).unwrap());
            assert_eq!(cache.tries(), at as u64 + 2, "octet {at}");
        }
        for length in 0..text.len() {
            assert!(!same(&text.as_bytes()[..length], text.as_bytes()));
        }
        got(&cache, &text);
        let tries = cache.tries();
        for context in [&["t", ""][..], &["u"], &[]] {
            cache.get(context, &text, || Some(String::new()));
        }
        assert_eq!(cache.tries(), tries + 3);
        got(&cache, &text);
        assert_eq!(cache.tries(), tries + 3, "what is there is found");
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
