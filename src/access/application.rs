//! The application's own cookies: a login of its own must not survive ours.
//!
//! When the application sets a cookie that the operator named, a cookie of ours goes with it, its companion: sealed, it
//! says which value was set, and under whose session. A named cookie of a request reaches the application only where such
//! a companion names this value and somebody who is that person still. Without a companion it was planted, or kept while
//! everything of ours was thrown away, and is dropped.
//!
//! A companion stands for exactly one cookie of the browser (name, domain and path), is set by the same answer and lives
//! as long, so that neither parallel answers nor equal names below several paths confuse the two.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, OWN_PREFIX, is_own_pair, pairs};
use super::opened::Opened;
use super::session::{OpenedSessions, Session, expired, hex, person_digest};
use super::set_cookie::SetCookie;
use crate::common::{HeaderEdit, Headers, Host, Identity, UnixMillis};
use crate::config::CookieName;
use crate::crypto::{KeyRing, SealError, equal, sha256};

/// The session under which the application set a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Identifier of the session.
    pub session: String,
    /// The person, by a digest.
    pub person: String,
    issued: u64,
    ends: u64,
    /// `None`: written by an older release. What ended it cannot be looked for then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_by: Option<KnownBy>,
}

/// By what else the end of a session may be on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBy {
    /// The identity provider's index of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Identifier of the account at the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Owner {
    /// Whoever has this session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            session: session.id.clone(),
            person: person_digest(&session.identity),
            issued: session.issued().0,
            ends: session.ends().0,
            known_by: Some(KnownBy {
                index: session.identity.session_index.clone(),
                account: session.account.clone(),
            }),
        }
    }

    /// By what else its end may be on record; `None` where nobody wrote that down.
    #[must_use]
    pub fn known_by(&self) -> Option<&KnownBy> {
        self.known_by.as_ref()
    }

    /// When that session was issued.
    #[must_use]
    pub fn issued(&self) -> UnixMillis {
        UnixMillis(self.issued)
    }

    /// When that session ends, whatever is done with it.
    #[must_use]
    pub fn ends(&self) -> UnixMillis {
        UnixMillis(self.ends)
    }

    /// Whether this is the person of that identity. Nobody is known to be somebody without a name (see `no-nameid`).
    #[must_use]
    pub fn is(&self, identity: &Identity) -> bool {
        !identity.name_id.is_empty() && self.person == person_digest(identity)
    }
}

/// What a companion says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Companion {
    name: String,
    value: String,
    domain: Option<String>,
    path: String,
    /// `None`: nobody was signed in.
    owner: Option<Owner>,
}

/// Makes and reads the companions of one tenant's application cookies.
#[derive(Debug)]
pub struct ApplicationCookies {
    ring: KeyRing,
    tenant: String,
    prefix: String,
    names: Vec<CookieName>,
    opened: Rc<Opened<Companion>>,
}

/// What becomes of the cookies of a request.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Edits that keep our cookies, and those of the application that count no more, from it.
    pub hide: Vec<HeaderEdit>,
    /// Whether any of the application is among them: a client may have planted it.
    pub dropped: bool,
    /// `Set-Cookie` values that take those that count no more from the browser.
    pub expire: Vec<String>,
}

/// Companions that are looked at; who has more loses what they stand for.
const MOST: usize = 24;
/// `Set-Cookie` values that take cookies away in one answer; the next takes the others.
const MOST_LINES: usize = 40;
/// Cookies of one answer that get a companion.
const MOST_SET: usize = 16;

impl ApplicationCookies {
    /// `ring` is of a purpose of its own; `names` are the operator's.
    #[must_use]
    pub fn new(ring: KeyRing, tenant: &str, names: &[CookieName], opened: &OpenedSessions) -> Self {
        Self {
            ring,
            tenant: tenant.to_owned(),
            prefix: format!("{OWN_PREFIX}a.{tenant}."),
            names: names.to_vec(),
            opened: Rc::clone(&opened.companions),
        }
    }

    /// Whether the operator named any.
    #[must_use]
    pub fn are_named(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether a request carries what may be one of them to some application.
    #[must_use]
    pub fn are_sent(&self, headers: &Headers) -> bool {
        pairs(headers).any(|pair| !is_own_pair(pair) && !matches!(self.claimed(pair), Claimed::Nothing))
    }

    /// Sorts the cookies of a request to `path`, as the browser wrote it, query left out. `counts` tells whether what was
    /// set under this session (`None`: by nobody) still counts.
    #[must_use]
    pub fn sort(
        &self,
        headers: &Headers,
        sent: &Cookies<'_>,
        (at_host, path): (&str, &str),
        counts: &dyn Fn(Option<&Owner>) -> bool,
    ) -> Sorted {
        if !self.are_named() {
            return Sorted { hide: Cookies::hide(headers), ..Sorted::default() };
        }
        let companions = self.companions(at_host, sent, MOST);
        let (good, bad): (Vec<_>, Vec<_>) =
            companions.iter().partition(|(_, companion)| counts(companion.owner.as_ref()));
        let stays = |pair: &[u8]| match self.claimed(pair) {
            Claimed::Nothing => true,
            Claimed::Cookie(name, value) => {
                let digest = digest(value);
                good.iter().any(|(_, companion)| {
                    companion.name == name && equal(companion.value.as_bytes(), digest.as_bytes())
                })
            }
            Claimed::Unclear => false,
        };
        let hide = Cookies::keep(headers, &stays);
        let mut lines = Lines::default();
        for (handle, companion) in bad {
            lines.add(&companion.name, companion.domain.as_deref(), &companion.path);
            lines.0.push(expired(&format!("{}{handle}", self.prefix), "None"));
        }
        let mut dropped = false;
        for pair in pairs(headers).filter(|pair| !is_own_pair(pair) && !stays(pair)) {
            dropped = true;
            let Claimed::Cookie(name, _) = self.claimed(pair) else { continue };
            for (_, companion) in companions.iter().filter(|(_, companion)| companion.name == name) {
                lines.add(name, companion.domain.as_deref(), &companion.path);
            }
            paths(path).iter().for_each(|path| lines.add(name, None, path));
        }
        lines.0.truncate(MOST_LINES);
        Sorted { hide, dropped, expire: lines.0 }
    }

    /// `Set-Cookie` values that take every named cookie from the browser: those that this request shows, and those that its
    /// companions know.
    #[must_use]
    pub fn expire_all(&self, headers: &Headers, sent: &Cookies<'_>, at: (&str, &str)) -> Vec<String> {
        if self.are_named() { self.sort(headers, sent, at, &|_| false).expire } else { Vec::new() }
    }

    /// `Set-Cookie` values that take what was not set for this person from the browser, as far as companions know it.
    #[must_use]
    pub fn expire_others(&self, sent: &Cookies<'_>, at_host: &str, identity: &Identity) -> Vec<String> {
        let counts = |owner: Option<&Owner>| owner.is_some_and(|owner| owner.is(identity));
        self.sort(&Headers::default(), sent, (at_host, "/"), &counts).expire
    }

    /// The companions of what an answer to a request for `path` sets: `Set-Cookie` values. A cookie that gets none, because
    /// there are too many or there is no randomness, does not come back to the application.
    #[must_use]
    pub fn accompany(
        &self,
        host: &dyn Host,
        answer: &Headers,
        (at_host, path): (&str, &str),
        owner: Option<&Owner>,
    ) -> Vec<String> {
        let named = answer
            .all("set-cookie")
            .filter_map(SetCookie::read)
            .filter(|cookie| self.names.iter().any(|name| name.means(cookie.name)));
        named
            .take(MOST_SET)
            .filter_map(|cookie| self.companion(host, &cookie, (at_host, path), owner).ok())
            .collect()
    }

    /// The `expire` lines that do not take away what this answer of the application sets.
    #[must_use]
    pub fn but_not_set(lines: &[String], answer: &Headers) -> Vec<String> {
        let set: Vec<&str> =
            answer.all("set-cookie").filter_map(SetCookie::read).map(|cookie| cookie.name).collect();
        let name = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
        lines.iter().filter(|line| !set.contains(&name(line).as_str())).cloned().collect()
    }

    /// How many cookies of a request are companions indeed.
    #[must_use]
    pub fn cookies(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        self.companions(at_host, sent, usize::MAX).len()
    }

    fn companion(
        &self,
        host: &dyn Host,
        cookie: &SetCookie<'_>,
        (at_host, request_path): (&str, &str),
        owner: Option<&Owner>,
    ) -> Result<String, SealError> {
        let companion = Companion {
            name: cookie.name.to_owned(),
            value: digest(cookie.value),
            domain: cookie.domain.clone(),
            path: cookie.path.map_or_else(|| default_path(request_path), str::to_owned),
            owner: owner.cloned(),
        };
        let place = [&companion.name, companion.domain.as_deref().unwrap_or_default(), &companion.path];
        let handle = hex(sha256(place.join("\n").as_bytes()).iter().take(8));
        let plain = serde_json::to_vec(&companion).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &[&self.tenant, at_host, &handle])?;
        Ok(format!(
            "{}{handle}={sealed}; Path=/; Secure; HttpOnly; SameSite=None{}",
            self.prefix,
            cookie.lifetime()
        ))
    }

    fn companions<'a>(
        &self,
        at_host: &str,
        sent: &Cookies<'a>,
        most: usize,
    ) -> Vec<(&'a str, Rc<Companion>)> {
        if !self.are_named() {
            return Vec::new();
        }
        sent.below(&self.prefix)
            .take(most)
            .filter_map(|(handle, sealed)| {
                let context = [self.tenant.as_str(), at_host, handle];
                let companion = self.opened.get(&context, sealed, || {
                    serde_json::from_slice(&self.ring.open(sealed, &context).ok()?).ok()
                })?;
                Some((handle, companion))
            })
            .collect()
    }

    /// Which named cookie a pair of the `cookie` header may be to some application.
    fn claimed<'p>(&self, pair: &'p [u8]) -> Claimed<'p> {
        let Ok(text) = std::str::from_utf8(pair.trim_ascii()) else { return Claimed::Unclear };
        let named = |name: &str| self.names.iter().any(|have| have.means(name));
        if let Some((name, value)) = text.split_once('=')
            && named(name.trim())
        {
            return Claimed::Cookie(name, value);
        }
        // There are servers that end a cookie at a comma, at white space or at a quote.
        let split = |char: char| char == ',' || char == '"' || char.is_whitespace();
        let parts: Vec<&str> = text.split(split).filter(|part| !part.is_empty()).collect();
        let hidden = parts.iter().enumerate().any(|(at, part)| match part.split_once('=') {
            Some((name, _)) => named(name),
            None => named(part) && parts.get(at.saturating_add(1)).is_some_and(|next| next.starts_with('=')),
        });
        if hidden { Claimed::Unclear } else { Claimed::Nothing }
    }
}

/// See [`ApplicationCookies::claimed`].
enum Claimed<'p> {
    /// None.
    Nothing,
    /// A named cookie: name and value as they are.
    Cookie(&'p str, &'p str),
    /// One could be hidden in it.
    Unclear,
}

/// `Set-Cookie` values that take cookies away, each once.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, name: &str, domain: Option<&str>, path: &str) {
        let plain = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b';');
        if !plain(name) || !plain(path) || name.contains([',', '"']) {
            return;
        }
        let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let line =
            format!("{name}=; Path={path}{domain}; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }
}

fn digest(value: &str) -> String {
    hex(sha256(value.as_bytes()).iter().take(16))
}

/// The path of a cookie that names none (RFC 6265, 5.1.4).
fn default_path(request: &str) -> String {
    match request.rfind('/') {
        Some(at) if at > 0 && request.starts_with('/') => request.get(..at).unwrap_or("/").to_owned(),
        _ => "/".to_owned(),
    }
}

/// The paths that a cookie sent with a request for `path` can have (RFC 6265, 5.1.4), within a bound.
fn paths(path: &str) -> Vec<&str> {
    const MOST_PATHS: usize = 12;
    let mut found = vec!["/"];
    for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
        found.extend(path.get(..at));
        found.extend(path.get(..=at));
    }
    if !path.ends_with('/') {
        found.push(path);
    }
    found.truncate(MOST_PATHS);
    found
}
