//! The pending login: what binds a response of the identity provider to the browser that asked for it.
//!
//! One sealed, short-lived cookie per request, `SameSite=None` because the response is a cross-site POST. The relay
//! state carries only the cookie's handle; where to go afterwards is sealed inside.

use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, OWN_PREFIX};
use super::session::expired;
use crate::common::{Host, UnixMillis};
use crate::crypto::{KeyRing, SealError};

/// A request to the identity provider that awaits its response.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// `ID` of the `AuthnRequest`.
    pub request_id: String,
    /// Path and query to go to afterwards, on this host.
    pub target: String,
    /// How it was asked for.
    #[serde(default)]
    pub manner: Manner,
    /// Name of the identity provider that was asked, where there are several: another's answer is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether the round through the identity provider that it is part of has been counted (see [`super::Rounds`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// When it began, in milliseconds since the epoch.
    began: u64,
}

/// What a login is begun with.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    /// `ID` of the `AuthnRequest`.
    pub request_id: &'a str,
    /// Path and query to go to afterwards, on this host.
    pub target: &'a str,
    /// How it is asked for.
    pub manner: Manner,
    /// Name of the identity provider, where there are several.
    pub provider: Option<&'a str>,
    /// Whether its round has been counted.
    pub counted: bool,
}

/// How the identity provider was asked to sign somebody in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manner {
    /// As it sees fit.
    #[default]
    Plain,
    /// So that the person proves who they are anew.
    Forced,
    /// Only if it can do so without asking; nobody minds if not.
    Tried,
}

impl Login {
    /// When it began.
    #[must_use]
    pub fn began(&self) -> UnixMillis {
        UnixMillis(self.began)
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Makes and reads the login cookies of one tenant.
#[derive(Debug)]
pub struct LoginCookies {
    ring: KeyRing,
    tenant: String,
    prefix: String,
    lifetime: std::time::Duration,
}

/// Logins that may be pending in one browser; the oldest gives way. Tabs that begin at once may make it more.
const MOST: usize = 5;

impl LoginCookies {
    /// `ring` is of a purpose of its own.
    #[must_use]
    pub fn new(ring: KeyRing, tenant: &str, lifetime: std::time::Duration) -> Self {
        Self { ring, tenant: tenant.to_owned(), prefix: format!("{OWN_PREFIX}l.{tenant}."), lifetime }
    }

    /// A new handle: what the relay state carries.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn handle(host: &dyn Host) -> Result<String, SealError> {
        let mut random = [0u8; 8];
        host.random(&mut random)?;
        Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Remembers a login in the browser: the `Set-Cookie` values.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn begin(
        &self,
        host: &dyn Host,
        handle: &str,
        beginning: Beginning<'_>,
        at_host: &str,
        sent: &Cookies<'_>,
    ) -> Result<Vec<String>, SealError> {
        let now = host.now();
        let login = Login {
            request_id: beginning.request_id.to_owned(),
            target: beginning.target.to_owned(),
            manner: beginning.manner,
            provider: beginning.provider.map(str::to_owned),
            counted: beginning.counted,
            began: now.0,
        };
        let plain = serde_json::to_vec(&login).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &self.context(handle, at_host))?;
        let mut lines = vec![format!(
            "{}{handle}={sealed}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age={}",
            self.prefix,
            self.lifetime.as_secs(),
        )];
        let mut pending = self.pending(now, at_host, sent);
        pending.sort_by_key(|(_, login)| std::cmp::Reverse(login.began));
        let readable: Vec<&str> =
            pending.iter().take(MOST.saturating_sub(1)).map(|(handle, _)| handle.as_str()).collect();
        for (old, _) in sent.below(&self.prefix).filter(|(old, _)| !readable.contains(old)).take(MOST) {
            if is_handle(old) {
                lines.push(expired(&format!("{}{old}", self.prefix), "None"));
            }
        }
        Ok(lines)
    }

    /// The logins this browser began and that have not run out, with their handles.
    #[must_use]
    pub fn pending(&self, now: UnixMillis, at_host: &str, sent: &Cookies<'_>) -> Vec<(String, Login)> {
        let goes_on = |login: &Login| now < UnixMillis(login.began).after(self.lifetime);
        self.opened(at_host, sent).filter(|(_, login)| goes_on(login)).collect()
    }

    /// How many cookies of a request are ours indeed, whatever the time.
    #[must_use]
    pub fn cookies(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        self.opened(at_host, sent).count()
    }

    fn opened<'s>(
        &'s self,
        at_host: &'s str,
        sent: &'s Cookies<'_>,
    ) -> impl Iterator<Item = (String, Login)> + 's {
        sent.below(&self.prefix).filter_map(move |(handle, sealed)| {
            let plain = self.ring.open(sealed, &self.context(handle, at_host)).ok()?;
            Some((handle.to_owned(), serde_json::from_slice(&plain).ok()?))
        })
    }

    /// A `Set-Cookie` value that forgets a login.
    #[must_use]
    pub fn forget(&self, handle: &str) -> String {
        expired(&format!("{}{handle}", self.prefix), "None")
    }

    fn context<'a>(&'a self, handle: &'a str, at_host: &'a str) -> [&'a str; 3] {
        [&self.tenant, at_host, handle]
    }
}

/// Whether a text has the form of a handle.
#[must_use]
pub fn is_handle(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::Headers;
    use crate::common::test_host::TestHost;
    use crate::crypto::MasterKey;
    use std::time::Duration;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn cookies() -> LoginCookies {
        let ring = KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], "login").unwrap();
        LoginCookies::new(ring, "t", Duration::from_secs(600))
    }

    fn begin(host: &TestHost, jar: &Headers, id: &str) -> (String, Vec<String>) {
        let handle = LoginCookies::handle(host).unwrap();
        let manner = Manner::Plain;
        let beginning = Beginning { request_id: id, target: "/back", manner, provider: None, counted: false };
        let lines = cookies().begin(host, &handle, beginning, "a.example", &Cookies::read(jar)).unwrap();
        (handle, lines)
    }

    fn jar(lines: &[String]) -> Headers {
        let mut headers = Headers::default();
        for line in lines {
            headers.apply(&crate::common::HeaderEdit::add("cookie", line.split(';').next().unwrap()));
        }
        headers
    }

    fn pending(headers: &Headers, now: u64, at: &str) -> Vec<String> {
        let logins = cookies().pending(UnixMillis(now), at, &Cookies::read(headers));
        logins.into_iter().map(|(_, login)| login.request_id).collect()
    }

    #[test]
    fn a_login_is_known_to_the_browser_that_began_it_for_ten_minutes() {
        let host = TestHost::at(1000);
        let (_, lines) = begin(&host, &Headers::default(), "_1");
        let headers = jar(&lines);
        assert_eq!(pending(&headers, 1001, "a.example"), ["_1"]);
        assert_eq!(pending(&headers, 601_000, "a.example"), Vec::<String>::new());
        let ours = |at| cookies().cookies(at, &Cookies::read(&headers));
        assert_eq!([ours("a.example"), ours("b.example")], [1, 0], "it is ours whatever the time");
        assert_eq!(pending(&headers, 1001, "b.example"), Vec::<String>::new());
        assert_eq!(pending(&Headers::default(), 1001, "a.example"), Vec::<String>::new());
    }

    #[test]
    fn its_cookie_survives_a_cross_site_post() {
        let (handle, lines) = begin(&TestHost::at(1000), &Headers::default(), "_1");
        assert!(lines[0].starts_with(&format!("__Host-vestibule-l.t.{handle}=")));
        assert!(lines[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=600"));
    }

    #[test]
    fn a_cookie_moved_to_another_handle_does_not_open() {
        let (handle, lines) = begin(&TestHost::at(1000), &Headers::default(), "_1");
        let moved = vec![lines[0].replace(&handle, "0123456789abcdef")];
        assert!(pending(&jar(&moved), 1001, "a.example").is_empty());
    }

    #[test]
    fn of_more_than_five_tabs_the_oldest_gives_way() {
        let host = TestHost::at(1000);
        let mut lines: Vec<String> = Vec::new();
        for at in 0..8 {
            host.time.set(1000 + at);
            let (_, set) = begin(&host, &jar(&lines), &format!("_{at}"));
            let gone: Vec<String> =
                set[1..].iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
            lines.retain(|line| !gone.iter().any(|name| line.starts_with(name.as_str())));
            lines.push(set[0].clone());
        }
        assert_eq!(pending(&jar(&lines), 2000, "a.example"), ["_3", "_4", "_5", "_6", "_7"]);
    }

    #[test]
    fn each_of_many_tabs_that_begin_at_once_finds_its_own() {
        let host = TestHost::at(1000);
        let none = Headers::default();
        let lines: Vec<String> =
            (0..30).map(|at| begin(&host, &none, &format!("_{at}")).1.remove(0)).collect();
        let headers = jar(&lines);
        assert_eq!(pending(&headers, 1001, "a.example").len(), 30);
        assert_eq!(
            cookies().cookies("a.example", &Cookies::read(&headers)),
            30,
            "and none of them is planted"
        );
        // The next one tidies up.
        let (_, set) = begin(&host, &headers, "_next");
        assert_eq!(set.len(), 1 + MOST);
    }
}
