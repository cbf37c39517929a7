//! The allocator of the filter: small pieces that were given back are kept by their size and handed out again.
//!
//! A list of a hundred users is some thousand pieces of a few octets each. What WASI brings looks for each among all sizes and
//! joins each with its neighbours when it comes back; that was a tenth of the time of a list. How much is kept is bounded, so that
//! memory that was once needed in one size is not held from all others.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

/// Sizes are rounded up to whole steps; a step has room for a pointer.
const STEP: usize = 16;
/// One list for each number of steps up to 512 octets. Nothing has the size nought.
const SIZES: usize = 33;
/// So many octets are kept of each size, about what a list of a hundred users takes. With more, what a burst leaves behind would
/// be handed out in pieces that lie far apart.
const MOST: usize = 64 * 1024;
/// What every piece is aligned to.
const ALIGNMENT: usize = 8;

/// See the module. `A` gives what is not kept.
pub(super) struct Kept<A> {
    source: A,
    lists: UnsafeCell<[List; SIZES]>,
}

/// Pieces of one size.
#[derive(Clone, Copy)]
struct List {
    /// The one that came back last. Each has the address of the one before it in its first octets.
    last: *mut u8,
    /// Octets of all of them.
    octets: usize,
}

// SAFETY: the host runs a VM in one thread, and this target has no others.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
unsafe impl<A> Sync for Kept<A> {}

impl<A> Kept<A> {
    /// Nothing kept yet.
    pub(super) const fn new(source: A) -> Self {
        Self { source, lists: UnsafeCell::new([List { last: ptr::null_mut(), octets: 0 }; SIZES]) }
    }
}

/// How many steps a piece takes; `None` where pieces like it are not kept.
fn steps(layout: Layout) -> Option<usize> {
    let steps = layout.size().div_ceil(STEP);
    (steps < SIZES && layout.align() <= ALIGNMENT).then_some(steps)
}

/// A piece of so many steps as the source knows it: it is asked for the whole of the last step as well.
fn whole(steps: usize) -> Layout {
    let size = steps.saturating_mul(STEP);
    // SAFETY: the alignment is a power of two, and `SIZES` steps are far from the end of the address space.
    unsafe { Layout::from_size_align_unchecked(size, ALIGNMENT) }
}

/// Takes out the piece of so many steps that came back last.
fn take(lists: &mut [List; SIZES], steps: usize) -> Option<*mut u8> {
    let list = lists.get_mut(steps).filter(|list| !list.last.is_null())?;
    let piece = list.last;
    // SAFETY: it is at least a step, aligned for a pointer, and nobody has had it since `put` wrote one there.
    list.last = unsafe { piece.cast::<*mut u8>().read() };
    list.octets = list.octets.saturating_sub(steps.saturating_mul(STEP));
    Some(piece)
}

/// Whether a piece of so many steps is kept now.
///
/// # Safety
/// It must be one that was asked for as [`whole`], and its owner must be done with it.
unsafe fn put(lists: &mut [List; SIZES], steps: usize, piece: *mut u8) -> bool {
    let Some(list) = lists.get_mut(steps).filter(|list| list.octets < MOST) else { return false };
    // SAFETY: it is at least a step, aligned for a pointer, and nobody's.
    unsafe { piece.cast::<*mut u8>().write(list.last) };
    list.last = piece;
    list.octets = list.octets.saturating_add(steps.saturating_mul(STEP));
    true
}

// SAFETY: a piece goes to one owner at a time: it is the source's, in a list, or handed out. Whether it is kept follows from the layout alone,
// which is the same when it comes back. No reference to the lists lives while the source is called.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Kept<A> {
    // Not in line: it would be in some thousand places.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(steps) = steps(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.source.alloc(layout) };
        };
        // SAFETY: one thread, and no other reference to the lists.
        let kept = take(unsafe { &mut *self.lists.get() }, steps);
        // SAFETY: its size is not nought, for the caller's is not.
        kept.unwrap_or_else(|| unsafe { self.source.alloc(whole(steps)) })
    }

    #[inline(never)]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let Some(steps) = steps(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.source.dealloc(piece, layout) };
        };
        // SAFETY: one thread, and no other reference to the lists; the same layout was handed out a whole piece.
        if !unsafe { put(&mut *self.lists.get(), steps, piece) } {
            // SAFETY: it was asked for so.
            unsafe { self.source.dealloc(piece, whole(steps)) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if steps(layout).is_none() {
            // SAFETY: as the caller promises.
            return unsafe { self.source.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller promises; the piece has room for the layout.
        unsafe {
            let piece = self.alloc(layout);
            if !piece.is_null() {
                piece.write_bytes(0, layout.size());
            }
            piece
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises a size that is none too large for the alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (steps(layout), steps(wanted)) {
            // SAFETY: as the caller promises; both are the source's.
            (None, None) => unsafe { self.source.realloc(piece, layout, size) },
            (have, want) if have == want => piece,
            // SAFETY: as the caller promises; the new piece is another one, and as much is copied as both have room for.
            _ => unsafe {
                let new = self.alloc(wanted);
                if !new.is_null() {
                    new.copy_from_nonoverlapping(piece, layout.size().min(size));
                    self.dealloc(piece, layout);
                }
                new
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The system's, with a record of what is out and has not come back.
    #[derive(Default)]
    struct Recorded {
        out: RefCell<BTreeMap<usize, Layout>>,
    }

    impl Recorded {
        fn octets(&self) -> usize {
            self.out.borrow().values().map(Layout::size).sum()
        }
    }

    // SAFETY: as the system's, which it asks for everything.
    unsafe impl GlobalAlloc for Recorded {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let piece = unsafe { std::alloc::System.alloc(layout) };
            assert!(self.out.borrow_mut().insert(piece.addr(), layout).is_none());
            piece
        }

        unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
            assert_eq!(self.out.borrow_mut().remove(&piece.addr()), Some(layout), "another layout came back");
            unsafe { std::alloc::System.dealloc(piece, layout) }
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    /// A piece full of octets that are its own.
    struct Piece {
        at: *mut u8,
        layout: Layout,
        mark: u8,
    }

    impl Piece {
        fn of(kept: &Kept<Recorded>, layout: Layout, mark: u8) -> Self {
            let at = unsafe { kept.alloc(layout) };
            assert!(!at.is_null() && at.addr().is_multiple_of(layout.align()), "{layout:?}");
            unsafe { at.write_bytes(mark, layout.size()) };
            Self { at, layout, mark }
        }

        fn octets(&self) -> &[u8] {
            unsafe { std::slice::from_raw_parts(self.at, self.layout.size()) }
        }

        fn is_whole(&self) -> bool {
            self.octets().iter().all(|octet| *octet == self.mark)
        }

        fn resize(&mut self, kept: &Kept<Recorded>, size: usize) {
            let both = self.layout.size().min(size);
            self.at = unsafe { kept.realloc(self.at, self.layout, size) };
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
            assert!(self.octets()[..both].iter().all(|octet| *octet == self.mark));
            unsafe { self.at.write_bytes(self.mark, size) };
        }

        fn give_back(self, kept: &Kept<Recorded>) {
            assert!(self.is_whole(), "somebody else wrote into {:?}", self.layout);
            unsafe { kept.dealloc(self.at, self.layout) };
        }
    }

    #[test]
    fn a_piece_that_came_back_is_handed_out_again_for_what_needs_as_many_steps() {
        let kept = Kept::new(Recorded::default());
        let first = Piece::of(&kept, layout(17), 1);
        let at = first.at;
        first.give_back(&kept);
        let other = Piece::of(&kept, layout(33), 2);
        assert_ne!(other.at, at);
        let again = Piece::of(&kept, layout(32), 3);
        assert_eq!(again.at, at);
        let another = Piece::of(&kept, layout(32), 4);
        assert_ne!(another.at, at, "it is out");
        for piece in [other, again, another] {
            piece.give_back(&kept);
        }
    }

    #[test]
    fn large_pieces_and_those_of_a_wide_alignment_go_to_the_source_and_back() {
        let kept = Kept::new(Recorded::default());
        for layout in [layout(513), layout(1 << 20), Layout::from_size_align(64, 64).unwrap()] {
            let piece = Piece::of(&kept, layout, 7);
            assert_eq!(kept.source.octets(), layout.size());
            piece.give_back(&kept);
            assert_eq!(kept.source.octets(), 0);
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_rest_goes_back() {
        let kept = Kept::new(Recorded::default());
        for (sizes, size) in [(1, 16), (2, 100), (3, 512)] {
            let pieces: Vec<Piece> = (0..6000).map(|_| Piece::of(&kept, layout(size), 1)).collect();
            pieces.into_iter().for_each(|piece| piece.give_back(&kept));
            let octets = kept.source.octets();
            assert!((sizes * MOST..sizes * (MOST + 512)).contains(&octets), "{octets} of {sizes} sizes");
        }
    }

    #[test]
    fn zeroed_pieces_are_zero_whatever_was_in_them() {
        let kept = Kept::new(Recorded::default());
        for size in [1, 16, 500, 600] {
            Piece::of(&kept, layout(size), 0xff).give_back(&kept);
            let at = unsafe { kept.alloc_zeroed(layout(size)) };
            let piece = Piece { at, layout: layout(size), mark: 0 };
            assert!(piece.is_whole());
            piece.give_back(&kept);
        }
    }

    #[test]
    fn a_source_that_has_nothing_left_is_no_piece_and_takes_none_away() {
        struct Nothing;
        // SAFETY: it hands nothing out.
        unsafe impl GlobalAlloc for Nothing {
            unsafe fn alloc(&self, _: Layout) -> *mut u8 {
                ptr::null_mut()
            }
            unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
                unreachable!("nothing was handed out")
            }
        }
        let kept = Kept::new(Nothing);
        let mut own = [5u8; 32];
        for size in [1, 512, 513] {
            assert!(unsafe { kept.alloc(layout(size)) }.is_null());
            assert!(unsafe { kept.alloc_zeroed(layout(size)) }.is_null());
        }
        let grown = unsafe { kept.realloc(own.as_mut_ptr(), layout(32), 33) };
        assert!(grown.is_null());
        assert_eq!(own, [5; 32], "what there is stays its owner's");
    }

    #[test]
    fn no_two_owners_have_a_piece_whatever_the_order() {
        const LONGEST: u32 = 700;
        let kept = Kept::new(Recorded::default());
        let mut pieces: Vec<Piece> = Vec::new();
        // A generator of its own, so that a run is the same each time.
        let mut state = 0x2545_f491_u32;
        let mut random = |below: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % below
        };
        for turn in 0..60_000u32 {
            let size = 1 + random(LONGEST) as usize;
            let at = random(pieces.len().max(1) as u32) as usize;
            match random(5) {
                0 | 1 => {
                    let align = 1 << random(5);
                    let layout = Layout::from_size_align(size, align).unwrap();
                    pieces.push(Piece::of(&kept, layout, turn as u8));
                }
                2 if !pieces.is_empty() => pieces[at].resize(&kept, size),
                _ if !pieces.is_empty() => pieces.swap_remove(at).give_back(&kept),
                _ => {}
            }
        }
        assert!(pieces.iter().all(Piece::is_whole));
        pieces.into_iter().for_each(|piece| piece.give_back(&kept));
        assert!(kept.source.octets() < SIZES * (MOST + 512));
    }
}
