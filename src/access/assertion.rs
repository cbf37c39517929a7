//! The signed assertion to the application: a short-lived JWT (RFC 7519), made once for each session and while.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::session::Session;
use super::tell::Untold;
use super::values::Speaker;
use crate::common::{Host, UnixMillis};
use crate::config::AssertionSettings;

/// Assertions of this worker, so that not every request costs a signature. Bounded; the oldest go first.
#[derive(Debug, Default)]
pub struct Assertions(RefCell<Generations>);

/// A generation is dropped as a whole when the next is full; so no more than two are held.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    entries: BTreeMap<String, Entry>,
    octets: usize,
}

#[derive(Clone)]
struct Entry {
    /// The claims that do not change with time; where they are others now, the token is another.
    claims: String,
    token: String,
    fresh_until: UnixMillis,
}

/// Bounds of one generation.
const MOST_ENTRIES: usize = 4096;
const MOST_OCTETS: usize = 4 << 20;

impl std::fmt::Debug for Generations {
    /// How many there are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generations({}, {})", self.young.entries.len(), self.old.entries.len())
    }
}

impl Generations {
    fn get(&mut self, key: &str, claims: &str, now: UnixMillis) -> Option<String> {
        let usable = |entry: &&Entry| entry.claims == claims && now < entry.fresh_until;
        if let Some(entry) = self.young.entries.get(key) {
            return Some(entry).filter(usable).map(|entry| entry.token.clone());
        }
        let entry = self.old.entries.get(key).filter(usable)?.clone();
        let token = entry.token.clone();
        self.put(key.to_owned(), entry);
        Some(token)
    }

    fn put(&mut self, key: String, entry: Entry) {
        let octets = |key: &str, entry: &Entry| {
            key.len().saturating_add(entry.claims.len()).saturating_add(entry.token.len())
        };
        let more = octets(&key, &entry);
        if more > MOST_OCTETS {
            return;
        }
        let young = &mut self.young;
        if young.entries.len() >= MOST_ENTRIES || young.octets.saturating_add(more) > MOST_OCTETS {
            self.old = std::mem::take(young);
        }
        let young = &mut self.young;
        young.octets = young.octets.saturating_add(more);
        if let Some(replaced) = young.entries.insert(key.clone(), entry) {
            young.octets = young.octets.saturating_sub(octets(&key, &replaced));
        }
    }
}

/// Of whom an assertion is.
pub(super) struct About<'a> {
    pub(super) tenant: &'a str,
    pub(super) session: &'a Session,
    pub(super) speaker: Speaker<'a>,
}

impl Assertions {
    /// An assertion about the person, of before or new. It is good for at least half of its lifetime, unless the session
    /// ends sooner, which it never outlives.
    pub(super) fn about(
        &self,
        host: &dyn Host,
        settings: &AssertionSettings,
        about: &About<'_>,
    ) -> Result<String, Untold> {
        let now = host.now();
        let claims = claims(settings, about)?;
        let text = Value::Object(claims.clone()).to_string();
        // No name of a tenant holds a colon.
        let key = format!("{}:{}", about.tenant, about.session.id);
        if let Ok(mut known) = self.0.try_borrow_mut()
            && let Some(token) = known.get(&key, &text, now)
        {
            return Ok(token);
        }
        let (token, fresh_until) = sign(host, settings, claims, now, about.session.ends())?;
        host.count("vestibule.assertion.signed");
        if let Ok(mut known) = self.0.try_borrow_mut() {
            known.put(key, Entry { claims: text, token: token.clone(), fresh_until });
        }
        Ok(token)
    }
}

/// What the token says of the person, whenever it is made.
fn claims(settings: &AssertionSettings, about: &About<'_>) -> Result<Map<String, Value>, Untold> {
    let speaker = &about.speaker;
    let subject = speaker.text(&settings.subject)?.filter(|subject| !subject.is_empty());
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), Value::from(settings.issuer.as_str()));
    claims.insert("aud".to_owned(), Value::from(settings.audience.as_str()));
    claims.insert("sub".to_owned(), Value::from(subject.ok_or(Untold::NoSubject)?));
    for claim in &settings.claims {
        let value = match claim.value.placeholder() {
            Some(placeholder) if claim.list => Some(Value::from(speaker.texts(placeholder)?)),
            _ => speaker.text(&claim.value)?.map(Value::from),
        };
        if let Some(value) = value {
            claims.insert(claim.name.clone(), value);
        }
    }
    Ok(claims)
}

/// A token (RFC 7515, 7.1), and until when it serves further requests.
fn sign(
    host: &dyn Host,
    settings: &AssertionSettings,
    mut claims: Map<String, Value>,
    now: UnixMillis,
    session_ends: UnixMillis,
) -> Result<(String, UnixMillis), Untold> {
    let key = settings.keys.first().filter(|key| key.algorithm() == settings.algorithm);
    let key = key.ok_or(Untold::NotSigned)?;
    let mut random = [0u8; 16];
    host.random(&mut random).map_err(|_| Untold::NotSigned)?;
    let end = now.after(settings.lifetime);
    let issued = now.0 / 1000;
    let expires = (end.min(session_ends).0 / 1000).max(issued.saturating_add(1));
    claims.insert("iat".to_owned(), Value::from(issued));
    claims.insert("exp".to_owned(), Value::from(expires));
    claims.insert("jti".to_owned(), Value::from(URL_SAFE_NO_PAD.encode(random)));
    let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#, key.algorithm().name(), key.id());
    let payload = Value::Object(claims).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(host, message.as_bytes()).map_err(|_| Untold::NotSigned)?;
    let half = settings.lifetime.checked_div(2).unwrap_or(Duration::ZERO);
    // Near the end of the session nothing better can be made.
    let fresh = if session_ends < end { UnixMillis::from_seconds(expires) } else { now.after(half) };
    Ok((format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)), fresh))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn entry(size: usize, fresh_until: u64) -> Entry {
        Entry { claims: "c".to_owned(), token: "t".repeat(size), fresh_until: UnixMillis(fresh_until) }
    }

    #[test]
    fn no_more_than_two_generations_are_held_and_what_is_used_stays() {
        let mut known = Generations::default();
        known.put("used".to_owned(), entry(10, 100));
        for at in 0..3 * MOST_ENTRIES {
            known.put(format!("{at}"), entry(10, 100));
            assert!(known.young.entries.len() <= MOST_ENTRIES);
            if at % 1000 == 0 {
                assert!(known.get("used", "c", UnixMillis(1)).is_some(), "{at}");
            }
        }
        assert!(known.get("0", "c", UnixMillis(1)).is_none());
    }

    #[test]
    fn large_tokens_do_not_fill_the_memory() {
        let mut known = Generations::default();
        for at in 0..100 {
            known.put(format!("{at}"), entry(MOST_OCTETS / 4, 100));
            assert!(known.young.octets <= MOST_OCTETS && known.old.octets <= MOST_OCTETS);
        }
        known.put("huge".to_owned(), entry(MOST_OCTETS, 100));
        assert!(known.get("huge", "c", UnixMillis(1)).is_none());
        known.put("99".to_owned(), entry(1, 100));
        let held: usize = known.young.entries.values().map(|entry| entry.token.len()).sum();
        assert!(known.young.octets >= held && known.young.octets < held + 100);
    }

    #[test]
    fn neither_an_old_token_nor_that_of_other_claims_serves() {
        let mut known = Generations::default();
        known.put("k".to_owned(), entry(1, 100));
        assert!(known.get("k", "c", UnixMillis(99)).is_some());
        assert!(known.get("k", "c", UnixMillis(100)).is_none());
        assert!(known.get("k", "d", UnixMillis(99)).is_none());
    }
}
