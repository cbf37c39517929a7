//! What targets share.

use std::time::Duration;

use vestibule::common::UnixMillis;

/// Panics where the condition holds, in builds that are to show that a panic is found; does nothing otherwise.
#[macro_export]
macro_rules! planted {
    ($condition:expr) => {
        if cfg!(feature = "planted") && $condition {
            panic!("the planted panic");
        }
    };
}

/// The input as text; nothing is asked of other octets.
pub fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// When all vectors of `tests/vectors/saml` are valid.
pub fn now() -> UnixMillis {
    UnixMillis::parse_rfc3339("2027-01-01T10:00:00Z").unwrap()
}

/// A number that depends on every octet (FNV-1a).
pub fn digest(data: &[u8]) -> u64 {
    data.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Processor time that this thread has had.
fn used() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Shortest of up to three runs, in processor time: another program on the machine can only make a run longer.
fn shortest(limit: Duration, run: &dyn Fn()) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let began = used();
        run();
        shortest = shortest.min(used().saturating_sub(began));
        if shortest <= limit {
            break;
        }
    }
    shortest
}

/// Panics where eight times the input takes more than three times as long as linear time would, and long enough to
/// be measured. `make` gives an input of so many copies.
pub fn grows_linearly(make: &dyn Fn(usize) -> Vec<u8>, run: &dyn Fn(&[u8])) {
    let copies = (8192 / make(1).len().max(1)).max(1);
    let (small, large) = (make(copies), make(copies.saturating_mul(8)));
    let base = shortest(Duration::ZERO, &|| run(&small));
    let limit = base * 24 + Duration::from_millis(30);
    let long = shortest(limit, &|| run(&large));
    assert!(long <= limit, "{} octets take {base:?}, {} octets take {long:?}", small.len(), large.len());
}
