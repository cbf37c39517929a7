//! The session: who signed in, sealed into a cookie that only this tenant's host can open.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::application::Companion;
use super::cookies::{Cookies, OWN_PREFIX};
use super::idle::{IdleCookie, Used};
use super::opened::Opened;
use super::people::{Holder, Places};
use crate::common::{Host, Identity, PersonKeys, UnixMillis};
use crate::config::claim_name;
use crate::crypto::{KeyRing, SealError, sha256};

/// A sign-in that is being remembered.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// Random, 128 bits in hexadecimal.
    pub id: String,
    /// Who signed in.
    pub identity: Identity,
    /// The values by which provisioning may know the person.
    keys: Vec<String>,
    /// Identifier of the account at the application, where the sign-in found one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// When it was issued, in milliseconds since the epoch.
    issued: u64,
    /// When it ends, in milliseconds since the epoch.
    ends: u64,
    /// When this worker last told the browser that it is in use.
    #[serde(skip)]
    renewed: Cell<Option<UnixMillis>>,
    /// Whether it was sealed with a key that seals no more.
    #[serde(skip)]
    old_key: bool,
    /// The keys as they are compared.
    #[serde(skip)]
    compared: OnceCell<PersonKeys>,
    /// Where it is looked up.
    #[serde(skip)]
    places: Places,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The values of an identity by which provisioning may know the person: name identifier, object identifier, user
/// principal name and mail address.
#[must_use]
pub fn person_keys(identity: &Identity) -> PersonKeys {
    let mut keys = PersonKeys::none();
    keys.add(&identity.name_id);
    for alias in ["object_id", "name", "upn", "email"] {
        for value in identity.attributes.get(claim_name(alias)).into_iter().flatten() {
            keys.add(value);
        }
    }
    keys
}

impl Session {
    /// A new session that begins at `now` and ends at `ends`. Attributes that are not in `needed` are left out, for a
    /// cookie has little room; the person's keys are taken before that.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn begin(
        host: &dyn Host,
        mut identity: Identity,
        now: UnixMillis,
        ends: UnixMillis,
        needed: &dyn Fn(&str) -> bool,
    ) -> Result<Self, SealError> {
        let mut random = [0u8; 16];
        host.random(&mut random)?;
        let keys = person_keys(&identity).iter().map(str::to_owned).collect();
        identity.attributes.retain(|name, _| needed(name));
        let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            id,
            identity,
            keys,
            account: None,
            issued: now.0,
            ends: ends.0,
            renewed: Cell::default(),
            old_key: false,
            compared: OnceCell::new(),
            places: Places::default(),
        })
    }

    /// When it was issued.
    #[must_use]
    pub fn issued(&self) -> UnixMillis {
        UnixMillis(self.issued)
    }

    /// When it ends, whatever is done with it.
    #[must_use]
    pub fn ends(&self) -> UnixMillis {
        UnixMillis(self.ends)
    }

    /// From its beginning to its end.
    pub(super) fn lifetime(&self) -> Duration {
        Duration::from_millis(self.ends.saturating_sub(self.issued))
    }

    /// The values by which provisioning may know the person.
    #[must_use]
    pub fn keys(&self) -> &PersonKeys {
        self.compared.get_or_init(|| self.keys.iter().map(String::as_str).collect())
    }

    /// The session as what is known against it is looked for.
    #[must_use]
    pub fn holder(&self) -> Holder<'_> {
        Holder {
            keys: self.keys(),
            session: Some(&self.id),
            account: self.account.as_deref(),
            issued: self.issued(),
            places: &self.places,
        }
    }
}

/// Names a person without saying who it is: half a SHA-256 of identity provider and name identifier, in hexadecimal.
#[must_use]
pub(super) fn person_digest(identity: &Identity) -> String {
    // No octet of XML is zero, so no two pairs make one text.
    let text = format!("{}\0{}", identity.issuer, identity.name_id);
    hex(sha256(text.as_bytes()).iter().take(16))
}

pub(super) fn hex<'b>(octets: impl Iterator<Item = &'b u8>) -> String {
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// What one worker has opened of sessions and what belongs to them, for all tenants together.
#[derive(Clone, Debug, Default)]
pub struct OpenedSessions {
    sessions: Rc<Opened<Session>>,
    used: Rc<Opened<Used>>,
    /// See [`super::ApplicationCookies`].
    pub(super) companions: Rc<Opened<Companion>>,
}

/// Keys, and how long a session may go unused.
#[derive(Debug)]
pub struct SessionRings {
    /// Seals sessions.
    pub session: KeyRing,
    /// Seals when they were used.
    pub idle: KeyRing,
}

/// How long sessions live, as it is configured now.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimes {
    /// From the sign-in to the end; of a session that was issued for longer, too.
    pub lifetime: Duration,
    /// How long a session may go unused.
    pub idle: Duration,
}

/// Makes and reads the session cookies of one tenant.
#[derive(Debug)]
pub struct SessionCookies {
    ring: KeyRing,
    tenant: String,
    name: String,
    lifetime: Duration,
    idle: IdleCookie,
    opened: Rc<Opened<Session>>,
}

/// Octets of one cookie's value; browsers keep at least 4096 of name, value and attributes together.
const PIECE: usize = 3600;
/// Most pieces, so that request headers stay within what servers take.
const PIECES: usize = 8;
/// Values of one name that are tried: whoever plants more has to plant them before ours.
const TRIED: usize = 4;
/// Octets of the mark by which pieces of one session know one another.
const MARK: usize = 8;
/// Of requests at the same time one renews; the next does so after this, should its answer have been lost.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

impl SessionCookies {
    /// `rings` are of purposes of their own.
    #[must_use]
    pub fn new(rings: SessionRings, tenant: &str, times: SessionTimes, opened: &OpenedSessions) -> Self {
        Self {
            ring: rings.session,
            tenant: tenant.to_owned(),
            name: format!("{OWN_PREFIX}s.{tenant}"),
            lifetime: times.lifetime,
            idle: IdleCookie::new(rings.idle, tenant, times.idle, Rc::clone(&opened.used)),
            opened: Rc::clone(&opened.sessions),
        }
    }

    /// `Set-Cookie` values that give the browser this session; `None` where it is too large for cookies.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn set(
        &self,
        host: &dyn Host,
        session: &Session,
        at_host: &str,
    ) -> Result<Option<Vec<String>>, SealError> {
        let plain = serde_json::to_vec(session).map_err(|_| SealError::Unavailable)?;
        let sealed = self.ring.seal(host, &plain, &self.context(at_host))?;
        let pieces: Vec<&[u8]> = sealed.as_bytes().chunks(PIECE).collect();
        if pieces.len() > PIECES {
            return Ok(None);
        }
        let mark = mark(&sealed).ok_or(SealError::Unavailable)?;
        let mut lines = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let piece = std::str::from_utf8(piece).map_err(|_| SealError::Unavailable)?;
            let count = if at == 0 { format!("{}.", pieces.len()) } else { String::new() };
            lines.push(format!(
                "{}={count}{mark}.{piece}; Path=/; Secure; HttpOnly; SameSite=Lax",
                self.piece_name(at)
            ));
        }
        // Pieces of a larger, older session must not outlive it; the cross-site POST that signs in does not show them.
        lines.extend((pieces.len()..PIECES).map(|at| expired(&self.piece_name(at), "Lax")));
        Ok(Some(lines))
    }

    /// `Set-Cookie` values that take the session from the browser.
    #[must_use]
    pub fn clear(&self, sent: &Cookies<'_>) -> Vec<String> {
        let mut lines = vec![expired(&self.name, "Lax")];
        let sent_pieces =
            (1..PIECES).map(|at| self.piece_name(at)).filter(|name| sent.values(name).next().is_some());
        lines.extend(sent_pieces.map(|name| expired(&name, "Lax")));
        lines.push(self.idle.clear());
        lines
    }

    /// From when on the browser should be told again that the session is in use, or be given it under the present key: where
    /// that comes before the answer does, it is told with it. `None`: the session does not end by going unused.
    #[must_use]
    pub fn renewal_due(
        &self,
        now: UnixMillis,
        session: &Session,
        at_host: &str,
        sent: &Cookies<'_>,
    ) -> Option<UnixMillis> {
        if session.old_key { Some(now) } else { self.idle.due(now, session, at_host, sent) }
    }

    /// `Set-Cookie` values that renew a session which was used at `at` and is used by the answer now: none where that was
    /// done a moment ago, or where it is over. Its end stays where it was.
    ///
    /// The session itself is written only to change its key, and only within two seconds of the request: an answer that
    /// comes later could put it in the place of what the browser has by then.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn renew(
        &self,
        host: &dyn Host,
        session: &Session,
        at: UnixMillis,
        at_host: &str,
    ) -> Result<Vec<String>, SealError> {
        let now = host.now();
        let lately = |at: UnixMillis| at <= now && now < at.after(AGAIN_AFTER);
        if now >= session.ends() || session.renewed.get().is_some_and(lately) {
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        if session.old_key && now < at.after(Duration::from_secs(2)) {
            lines.extend(self.set(host, session, at_host)?.unwrap_or_default());
        }
        // The answer is a use as well: what it took to make one does not count as idle, and an answer that comes late says
        // nothing older than one before it. What went unused for too long meanwhile stays over.
        if self.idle.matters(session) && self.idle.bridges(at, now) {
            lines.push(self.idle.set(host, session, now, at_host)?);
        }
        session.renewed.set(Some(now));
        Ok(lines)
    }

    /// How many cookies of this request are ours indeed, whatever the time: browsers keep those of a session that is over.
    #[must_use]
    pub fn accounted(&self, at_host: &str, sent: &Cookies<'_>) -> usize {
        let opens = self.carried(at_host, sent).next().is_some();
        let pieces = if opens { self.pieces(sent).unwrap_or_default() } else { 0 };
        pieces.saturating_add(self.idle.cookies(at_host, sent))
    }

    /// How many sessions had to be opened in this worker so far, or were tried to.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.tries()
    }

    /// How many cookies the session of this request is made of, where each came once: none of them can be a client's own
    /// invention if the session opened.
    fn pieces(&self, sent: &Cookies<'_>) -> Option<usize> {
        let mut first = sent.values(&self.name);
        let (count, _) = first.next()?.split_once('.')?;
        let count: usize = count.parse().ok().filter(|count| (1..=PIECES).contains(count))?;
        let single =
            first.next().is_none() && (1..count).all(|at| sent.values(&self.piece_name(at)).count() == 1);
        single.then_some(count)
    }

    /// The session a request carries, if it is whole, ours, of this tenant and host, and not over. Sent twice, the
    /// first that opens counts: whoever planted another cannot have sealed it.
    #[must_use]
    pub fn read(&self, now: UnixMillis, at_host: &str, sent: &Cookies<'_>) -> Option<Rc<Session>> {
        self.carried(at_host, sent)
            .filter(|session| now.0 < session.ends && session.issued <= now.0.saturating_add(300_000))
            .find(|session| !self.idle.is_over(now, session, at_host, sent))
    }

    /// All sessions that a request carries, whole, ours, of this tenant and host, whatever the time: what somebody ends is
    /// ended also where the clock says that it is over.
    pub fn carried<'s>(
        &'s self,
        at_host: &'s str,
        sent: &'s Cookies<'_>,
    ) -> impl Iterator<Item = Rc<Session>> + 's {
        sent.values(&self.name).take(TRIED).filter_map(move |first| self.open(first, at_host, sent))
    }

    fn open(&self, first: &str, at_host: &str, sent: &Cookies<'_>) -> Option<Rc<Session>> {
        let (count, first) = first.split_once('.')?;
        let count: usize = count.parse().ok().filter(|count| (1..=PIECES).contains(count))?;
        let (mark, first) = first.split_once('.').filter(|(mark, _)| mark.len() == MARK)?;
        let mut sealed = first.to_owned();
        for at in 1..count {
            let name = self.piece_name(at);
            let own = |value: &'_ str| Some(value.strip_prefix(mark)?.strip_prefix('.')?.to_owned());
            sealed.push_str(&sent.values(&name).take(TRIED).find_map(own)?);
        }
        let context = self.context(at_host);
        self.opened.get(&context, &sealed, || {
            let plain = self.ring.open(&sealed, &context).ok()?;
            let session: Session = serde_json::from_slice(&plain).ok()?;
            // A lifetime that was shortened since holds for it too: what ended it is not kept for longer.
            let ends = session.ends.min(session.issued().after(self.lifetime).0);
            Some(Session { old_key: !self.ring.seals_like(&sealed), ends, ..session })
        })
    }

    fn piece_name(&self, at: usize) -> String {
        if at == 0 { self.name.clone() } else { format!("{}.{at}", self.name) }
    }

    fn context<'a>(&'a self, at_host: &'a str) -> [&'a str; 2] {
        [&self.tenant, at_host]
    }
}

/// The end of the sealed text, which no other shares and nobody can choose.
fn mark(sealed: &str) -> Option<&str> {
    sealed.get(sealed.len().checked_sub(MARK)?..)
}

/// A `Set-Cookie` value that takes a cookie of ours away.
pub(super) fn expired(name: &str, same_site: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite={same_site}; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::Headers;
    use crate::common::test_host::TestHost;
    use crate::crypto::MasterKey;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn cookies(tenant: &str) -> SessionCookies {
        let ring = |purpose| KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], purpose).unwrap();
        let rings = SessionRings { session: ring("session"), idle: ring("idle") };
        let times = SessionTimes { lifetime: Duration::from_secs(7200), idle: Duration::from_secs(3600) };
        SessionCookies::new(rings, tenant, times, &OpenedSessions::default())
    }

    fn identity(values: usize) -> Identity {
        let mut identity = Identity { name_id: "Ada@n.example".to_owned(), ..Identity::default() };
        identity.attributes.insert("groups".to_owned(), (0..values).map(|at| format!("{at:036}")).collect());
        identity.attributes.insert("unused".to_owned(), vec!["x".repeat(9000)]);
        identity
    }

    fn signed_in(host: &TestHost, values: usize) -> Vec<String> {
        let needed = |name: &str| name == "groups";
        let session = Session::begin(host, identity(values), host.now(), UnixMillis(5000), &needed).unwrap();
        let mut lines = cookies("t").set(host, &session, "a.example").unwrap().unwrap();
        lines.retain(|line| !line.ends_with("Max-Age=0"));
        lines
    }

    fn as_request(lines: &[String]) -> Headers {
        let pairs: Vec<&str> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
        Headers::from([("cookie", pairs.join("; ").as_str())])
    }

    fn read(headers: &Headers, tenant: &str, host: &str, now: u64) -> Option<Rc<Session>> {
        cookies(tenant).read(UnixMillis(now), host, &Cookies::read(headers))
    }

    #[test]
    fn a_session_comes_back_with_what_is_needed_and_nothing_else() {
        let host = TestHost::at(1000);
        let headers = as_request(&signed_in(&host, 2));
        let session = read(&headers, "t", "a.example", 1001).unwrap();
        assert_eq!(session.identity.name_id, "Ada@n.example");
        assert_eq!(session.identity.attributes.keys().collect::<Vec<_>>(), ["groups"]);
        assert_eq!(session.keys().iter().collect::<Vec<_>>(), ["ada@n.example"]);
    }

    #[test]
    fn its_cookies_are_host_only_secure_and_not_for_scripts() {
        for line in signed_in(&TestHost::at(1000), 300) {
            assert!(line.starts_with("__Host-vestibule-s.t"), "{line}");
            assert!(line.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{line}");
            assert!(line.len() < 4096);
        }
    }

    #[test]
    fn another_tenant_another_host_and_a_later_time_do_not_get_in() {
        let headers = as_request(&signed_in(&TestHost::at(1000), 2));
        assert!(read(&headers, "t", "a.example", 4999).is_some());
        assert!(read(&headers, "t", "a.example", 5000).is_none());
        assert!(read(&headers, "u", "a.example", 1001).is_none());
        assert!(read(&headers, "t", "b.example", 1001).is_none());
    }

    #[test]
    fn a_large_session_is_read_whole_or_not_at_all() {
        let lines = signed_in(&TestHost::at(1000), 150);
        assert!(lines.len() > 1);
        assert!(read(&as_request(&lines), "t", "a.example", 1001).is_some());
        for missing in 0..lines.len() {
            let mut some = lines.clone();
            some.remove(missing);
            assert!(read(&as_request(&some), "t", "a.example", 1001).is_none());
        }
    }

    #[test]
    fn pieces_of_two_sessions_do_not_mix() {
        let host = TestHost::at(1000);
        let (one, two) = (signed_in(&host, 150), signed_in(&host, 150));
        let mixed = [one[0].clone(), two[1].clone()];
        assert!(read(&as_request(&mixed), "t", "a.example", 1001).is_none());
    }

    #[test]
    fn a_planted_second_cookie_does_no_harm() {
        let line = signed_in(&TestHost::at(1000), 2).remove(0);
        let planted = "__Host-vestibule-s.t=1.AAAA".to_owned();
        for order in [[planted.clone(), line.clone()], [line, planted]] {
            assert!(read(&as_request(&order), "t", "a.example", 1001).is_some());
        }
    }

    #[test]
    fn a_session_too_large_for_cookies_is_not_cut() {
        let host = TestHost::at(1000);
        let needed = |_: &str| true;
        let session = Session::begin(&host, identity(2000), host.now(), UnixMillis(5000), &needed).unwrap();
        assert_eq!(cookies("t").set(&host, &session, "a.example"), Ok(None));
    }

    #[test]
    fn a_smaller_session_takes_the_pieces_of_a_larger_one_away() {
        let host = TestHost::at(1000);
        let needed = |_: &str| false;
        let session = Session::begin(&host, identity(0), host.now(), UnixMillis(5000), &needed).unwrap();
        let lines = cookies("t").set(&host, &session, "a.example").unwrap().unwrap();
        let away: Vec<&String> = lines.iter().filter(|line| line.ends_with("Max-Age=0")).collect();
        assert_eq!(away.len(), PIECES - 1);
        assert!(away.iter().all(|line| line.starts_with("__Host-vestibule-s.t.")));
    }

    #[test]
    fn only_a_session_whose_cookies_came_once_accounts_for_them() {
        let lines = signed_in(&TestHost::at(1000), 150);
        let headers = as_request(&lines);
        assert_eq!(cookies("t").accounted("a.example", &Cookies::read(&headers)), lines.len());
        let mut doubled = lines.clone();
        doubled.push("__Host-vestibule-s.t.1=planted".to_owned());
        let doubled = as_request(&doubled);
        assert_eq!(cookies("t").accounted("a.example", &Cookies::read(&doubled)), 0);
        for (tenant, host) in [("u", "a.example"), ("t", "b.example")] {
            assert_eq!(cookies(tenant).accounted(host, &Cookies::read(&headers)), 0);
        }
        let changed = as_request(&lines).text("cookie").unwrap().replacen("s.t=3.", "s.t=2.", 1);
        let changed = Headers::from([("cookie", changed.as_str())]);
        assert_eq!(cookies("t").accounted("a.example", &Cookies::read(&changed)), 0, "it does not open");
    }

    #[test]
    fn signing_out_takes_every_piece_away() {
        let lines = signed_in(&TestHost::at(1000), 300);
        let headers = as_request(&lines);
        let cleared = cookies("t").clear(&Cookies::read(&headers));
        assert_eq!(cleared.len(), lines.len() + 1, "and the time of the last use");
        assert!(cleared.iter().all(|line| line.ends_with("Max-Age=0")));
    }
}
