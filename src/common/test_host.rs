//! A host for tests: a clock that is set, counted randomness, shared data with real compare-and-swap semantics.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::{Host, HostError, Level, NativeSignature, NativeVerdict, UnixMillis};

/// See the module. Randomness is a counter, so that two draws never agree.
#[derive(Default)]
pub struct TestHost {
    /// The clock.
    pub time: Cell<u64>,
    /// Whether randomness fails.
    pub random_fails: Cell<bool>,
    counter: Cell<u64>,
    /// Shared data: value and compare-and-swap number.
    pub shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    /// Whether shared data fails.
    pub shared_fails: Cell<bool>,
    /// The one value of shared data that cannot be written.
    pub unwritable: RefCell<String>,
    /// Whether no body can be read.
    pub body_fails: Cell<bool>,
    /// Body of the request.
    pub request: RefCell<Vec<u8>>,
    /// Body of the response.
    pub response: RefCell<Vec<u8>>,
    /// Properties by their path, joined with `/`.
    pub properties: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Counters.
    pub counts: RefCell<BTreeMap<String, u64>>,
    /// Values put into histograms.
    pub recorded: RefCell<Vec<(String, u64)>>,
    /// What was said for the access log; the last word counts.
    pub told: RefCell<BTreeMap<&'static str, String>>,
    /// How often a signature was to be verified.
    pub asked_to_verify: Cell<u32>,
    /// Log lines.
    pub lines: RefCell<Vec<String>>,
    /// Those of them that say that something does not work.
    pub errors: RefCell<Vec<String>>,
}

impl TestHost {
    /// A host whose clock stands at `time`, in milliseconds.
    #[must_use]
    pub fn at(time: u64) -> Self {
        let host = Self::default();
        host.time.set(time);
        host
    }
}

impl Host for TestHost {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.time.get())
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        if self.random_fails.get() {
            return Err(HostError::Unavailable);
        }
        for chunk in buffer.chunks_mut(8) {
            let value = self.counter.get().wrapping_add(1);
            self.counter.set(value);
            let bytes = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Ok(())
    }

    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        if self.shared_fails.get() {
            return Err(HostError::Unavailable);
        }
        Ok(self.shared.borrow().get(key).cloned())
    }

    fn shared_set(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError> {
        if self.shared_fails.get() || *self.unwritable.borrow() == key {
            return Err(HostError::Unavailable);
        }
        let mut shared = self.shared.borrow_mut();
        let next = match shared.get(key) {
            Some((_, have)) if cas.is_some_and(|cas| cas != *have) => return Err(HostError::Changed),
            Some((_, have)) => have.wrapping_add(1),
            None => 1,
        };
        shared.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }

    fn verify_natively(&self, _: &NativeSignature<'_>) -> NativeVerdict {
        self.asked_to_verify.set(self.asked_to_verify.get().saturating_add(1));
        NativeVerdict::Unavailable
    }

    fn request_body(&self, length: usize) -> Result<Vec<u8>, HostError> {
        if self.body_fails.get() {
            return Err(HostError::Unavailable);
        }
        Ok(self.request.borrow().iter().take(length).copied().collect())
    }

    fn response_body(&self, length: usize) -> Result<Vec<u8>, HostError> {
        if self.body_fails.get() {
            return Err(HostError::Unavailable);
        }
        Ok(self.response.borrow().iter().take(length).copied().collect())
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.properties.borrow().get(&path.join("/")).cloned()
    }

    fn count(&self, metric: &str) {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(metric.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    fn record(&self, metric: &str, value: u64) {
        self.recorded.borrow_mut().push((metric.to_owned(), value));
    }

    fn tell(&self, key: &'static str, value: &str) {
        self.told.borrow_mut().insert(key, value.to_owned());
    }

    fn log(&self, level: Level, line: &str) {
        if level == Level::Error {
            self.errors.borrow_mut().push(line.to_owned());
        }
        self.lines.borrow_mut().push(line.to_owned());
    }
}
