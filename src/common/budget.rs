//! How often something dear may be done in one second.

use std::cell::Cell;

use super::UnixMillis;

/// A budget per second, of one worker. What one second leaves over is lost.
#[derive(Debug)]
pub struct Budget {
    most: u32,
    second: Cell<u64>,
    used: Cell<u32>,
}

impl Budget {
    /// `most` in each second.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { most, second: Cell::new(0), used: Cell::new(0) }
    }

    /// Takes `count` of this second's, all or none; `false` where that is more than is left.
    #[must_use]
    pub fn take(&self, now: UnixMillis, count: u32) -> bool {
        let second = now.0 / 1000;
        if self.second.replace(second) != second {
            self.used.set(0);
        }
        let used = self.used.get().saturating_add(count);
        if used > self.most {
            return false;
        }
        self.used.set(used);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_second_has_so_many_and_the_next_has_them_again() {
        let budget = Budget::new(3);
        assert!(budget.take(UnixMillis(1000), 2));
        assert!(!budget.take(UnixMillis(1999), 2), "all or none");
        assert!(budget.take(UnixMillis(1999), 1));
        assert!(!budget.take(UnixMillis(1999), 1));
        assert!(budget.take(UnixMillis(2000), 3));
    }
}
