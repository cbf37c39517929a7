//! The pending sign-out: what binds the identity provider's answer to the browser that asked for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, OWN_PREFIX};
use super::session::expired;
use crate::common::{Host, UnixMillis};
use crate::crypto::{KeyRing, SealError};

/// Makes and reads the cookie in which a browser keeps the sign-out it asked the identity provider for. There is one: the
/// last counts.
#[derive(Debug)]
pub struct LogoutCookies {
    ring: KeyRing,
    tenant: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    request_id: String,
    began: u64,
}

/// How long the identity provider may take.
const LIFETIME: Duration = Duration::from_secs(600);

impl LogoutCookies {
    /// `ring` is of a purpose of its own.
    #[must_use]
    pub fn new(ring: KeyRing, tenant: &str) -> Self {
        Self { ring, tenant: tenant.to_owned(), name: format!("{OWN_PREFIX}o.{tenant}") }
    }

    /// Remembers a request of ours in the browser: the `Set-Cookie` value. The answer may be a cross-site POST.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn begin(&self, host: &dyn Host, request_id: &str, at_host: &str) -> Result<String, SealError> {
        let pending = Pending { request_id: request_id.to_owned(), began: host.now().0 };
        let plain = serde_json::to_vec(&pending).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &self.context(at_host))?;
        Ok(format!(
            "{}={sealed}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={}",
            self.name,
            LIFETIME.as_secs()
        ))
    }

    /// Identifiers of the requests whose answers this browser awaits: one, unless somebody planted another.
    #[must_use]
    pub fn pending(&self, now: UnixMillis, at_host: &str, sent: &Cookies<'_>) -> Vec<String> {
        self.opened(at_host, sent)
            .filter(|pending| now < UnixMillis(pending.began).after(LIFETIME))
            .map(|pending| pending.request_id)
            .collect()
    }

    /// How many cookies of this name are ours indeed.
    #[must_use]
    pub fn cookies(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        self.opened(at_host, sent).count()
    }

    /// The `Set-Cookie` value that forgets it.
    #[must_use]
    pub fn forget(&self) -> String {
        expired(&self.name, "None")
    }

    fn opened<'s>(&'s self, at_host: &'s str, sent: &'s Cookies<'_>) -> impl Iterator<Item = Pending> + 's {
        sent.values(&self.name).take(4).filter_map(move |sealed| {
            let plain = self.ring.open(sealed, &self.context(at_host)).ok()?;
            serde_json::from_slice(&plain).ok()
        })
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

    fn cookies(purpose: &str, tenant: &str) -> LogoutCookies {
        LogoutCookies::new(
            KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], purpose).unwrap(),
            tenant,
        )
    }

    #[test]
    fn a_sign_out_is_known_to_the_browser_that_asked_for_ten_minutes() {
        let host = TestHost::at(1000);
        let line = cookies("logout", "t").begin(&host, "_1", "a.example").unwrap();
        assert!(line.starts_with("__Host-vestibule-o.t=") && line.contains("; SameSite=None;"));
        let headers = Headers::from([("cookie", line.split(';').next().unwrap())]);
        let sent = Cookies::read(&headers);
        let known = |purpose, tenant, at, now| cookies(purpose, tenant).pending(UnixMillis(now), at, &sent);
        assert_eq!(known("logout", "t", "a.example", 600_999), ["_1"]);
        for (purpose, tenant, at, now) in [
            ("logout", "t", "a.example", 601_000),
            ("logout", "t", "b.example", 1000),
            ("logout", "u", "a.example", 1000),
            ("session", "t", "a.example", 1000),
        ] {
            assert!(known(purpose, tenant, at, now).is_empty());
        }
        assert_eq!(cookies("logout", "t").cookies("a.example", &sent), 1);
    }
}
