//! Rounds through the identity provider: how a browser that keeps the login but not the session is stopped from going
//! round for ever (Entra stops it as AADSTS50196).

use super::cookies::{Cookies, OWN_PREFIX};
use super::session::expired;
use crate::common::{Host, UnixMillis};
use crate::crypto::{KeyRing, SealError};

/// Makes and reads the cookie in which a browser keeps when it came back from the identity provider.
#[derive(Debug)]
pub struct Rounds {
    ring: KeyRing,
    tenant: String,
    name: String,
}

/// How long a round counts, in seconds.
const COUNTS: u64 = 60;
/// More are not remembered.
const MOST: usize = 4;

impl Rounds {
    /// `ring` is of a purpose of its own.
    #[must_use]
    pub fn new(ring: KeyRing, tenant: &str) -> Self {
        Self { ring, tenant: tenant.to_owned(), name: format!("{OWN_PREFIX}r.{tenant}") }
    }

    /// How many rounds this browser made within a minute.
    #[must_use]
    pub fn recent(&self, now: UnixMillis, at_host: &str, sent: &Cookies<'_>) -> usize {
        self.times(now, at_host, sent).len()
    }

    /// One round more: the `Set-Cookie` value.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn add(&self, host: &dyn Host, at_host: &str, sent: &Cookies<'_>) -> Result<String, SealError> {
        let now = host.now();
        let mut times = self.times(now, at_host, sent);
        times.push(now.0);
        let from = times.len().saturating_sub(MOST);
        let plain =
            serde_json::to_vec(times.get(from..).unwrap_or_default()).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &self.context(at_host))?;
        Ok(format!("{}={sealed}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={COUNTS}", self.name))
    }

    /// The `Set-Cookie` value that forgets all rounds.
    #[must_use]
    pub fn forget(&self) -> String {
        expired(&self.name, "None")
    }

    /// How many cookies of this name are ours indeed.
    #[must_use]
    pub fn cookies(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        sent.values(&self.name)
            .take(MOST)
            .filter(|sealed| self.ring.open(sealed, &self.context(at_host)).is_ok())
            .count()
    }

    fn times(&self, now: UnixMillis, at_host: &str, sent: &Cookies<'_>) -> Vec<u64> {
        let readable = sent.values(&self.name).take(MOST).find_map(|sealed| {
            let plain = self.ring.open(sealed, &self.context(at_host)).ok()?;
            serde_json::from_slice::<Vec<u64>>(&plain).ok()
        });
        let since = now.before(std::time::Duration::from_secs(COUNTS));
        let mut times = readable.unwrap_or_default();
        times.retain(|time| since.0 < *time && *time <= now.0);
        times
    }

    fn context<'a>(&'a self, at_host: &'a str) -> [&'a str; 2] {
        [&self.tenant, at_host]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::Headers;
    use crate::common::test_host::TestHost;
    use crate::crypto::MasterKey;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn rounds() -> Rounds {
        let ring = KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], "rounds").unwrap();
        Rounds::new(ring, "t")
    }

    fn jar(line: &str) -> Headers {
        Headers::from([("cookie", line.split(';').next().unwrap())])
    }

    #[test]
    fn rounds_of_the_last_minute_are_counted() {
        let host = TestHost::at(100_000);
        let mut headers = Headers::default();
        for expected in 1..=3 {
            headers = jar(&rounds().add(&host, "a.example", &Cookies::read(&headers)).unwrap());
            let count = |now, at| rounds().recent(UnixMillis(now), at, &Cookies::read(&headers));
            assert_eq!(count(host.time.get(), "a.example"), expected);
            assert_eq!(count(host.time.get(), "b.example"), 0);
            assert_eq!(count(host.time.get() + 60_000, "a.example"), 0);
            host.time.set(host.time.get() + 10);
        }
    }

    #[test]
    fn a_made_up_cookie_counts_nothing() {
        let headers = jar("__Host-vestibule-r.t=AAAA");
        assert_eq!(rounds().recent(UnixMillis(1), "a.example", &Cookies::read(&headers)), 0);
        assert_eq!(rounds().cookies("a.example", &Cookies::read(&headers)), 0);
    }
}
