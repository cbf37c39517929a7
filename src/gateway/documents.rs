//! Documents that somebody else publishes and that decisions rest on: key sets, metadata of identity providers.
//!
//! Each worker fetches them for itself through a cluster of the proxy, keeps the last good one in memory, and reads it
//! anew from time to time, and once more where somebody needs what it lacks: but never more than once a minute,
//! whatever a stranger sends. While none was ever had, everybody is turned away, so it is tried again sooner, by the
//! worker's own clock. Nothing here is shared between workers, so nothing here can be forged by another filter.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::common::{Host, Level, UnixMillis};
use crate::config::Secret;
use crate::scim::auth::JwkSet;
use crate::scim::{self, Learnt};

use super::event::{Call, CallAnswer};
use super::provider::{Provider, Trust};

/// Between two fetches of one document by one worker; the longest pause where one failed.
const BETWEEN: Duration = Duration::from_secs(60);
/// Whoever needs a document waits for the next attempt where it comes so soon: less than anybody's patience.
const SOON: Duration = Duration::from_secs(4);
/// Fetches that one worker has under way at once: a thousand documents that are due together must be no storm.
const MOST_AT_ONCE: usize = 8;
/// Beyond a call's own timeout, after which it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// One of a gateway's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentId(usize);

/// What a document is, which says how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A JWK set (RFC 7517 section 5).
    Keys,
    /// Metadata of an identity provider, trusted so.
    Metadata(Trust),
    /// An application's `/Schemas` (RFC 7644 section 4).
    Schemas,
    /// Its `/ResourceTypes`.
    ResourceTypes,
}

impl Kind {
    fn accept(&self) -> &'static str {
        match self {
            Self::Keys => "application/json",
            Self::Metadata(_) => "application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1",
            Self::Schemas | Self::ResourceTypes => scim::MEDIA_TYPE,
        }
    }

    /// Whether it is read before anybody needs it. What an application says of itself is read for its requests, and not
    /// by workers that have none.
    fn is_read_ahead(&self) -> bool {
        matches!(self, Self::Keys | Self::Metadata(_))
    }

    /// Whether an answer says that there is no such document, which is no failure.
    fn is_absent(&self, status: u16) -> bool {
        matches!(self, Self::Schemas | Self::ResourceTypes) && matches!(status, 400 | 404 | 405 | 410 | 501)
    }
}

/// A document that could be read.
#[derive(Debug)]
enum Content {
    Keys(Rc<JwkSet>),
    Provider(Rc<Provider>),
    Schemas(Rc<Learnt>),
    ResourceTypes(Rc<Vec<u8>>),
}

impl Content {
    fn read(kind: &Kind, bytes: &[u8], host: &dyn Host) -> Result<Self, &'static str> {
        match kind {
            Kind::Keys => JwkSet::parse(bytes).map(|set| Self::Keys(Rc::new(set))).ok_or("unreadable"),
            Kind::Metadata(trust) => {
                trust.read(bytes, host).map(|provider| Self::Provider(Rc::new(provider)))
            }
            Kind::Schemas => {
                Learnt::schemas(bytes).map(|learnt| Self::Schemas(Rc::new(learnt))).map_err(|_| "unreadable")
            }
            Kind::ResourceTypes => match Learnt::default().resource_types(bytes) {
                Ok(()) => Ok(Self::ResourceTypes(Rc::new(bytes.to_vec()))),
                Err(_) => Err("unreadable"),
            },
        }
    }

    /// How long it is kept before it is read anew.
    fn refresh(&self, usual: Duration, now: UnixMillis) -> Duration {
        match self {
            Self::Keys(_) | Self::Schemas(_) | Self::ResourceTypes(_) => usual,
            Self::Provider(provider) => provider.refresh(usual, now).max(BETWEEN),
        }
    }

    /// Tells what an operator should look at.
    fn warn(&self, usual: Duration, host: &dyn Host) {
        if let Self::Provider(provider) = self {
            provider.warn(usual, host);
        }
    }
}

/// What a source is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: everybody may read it.
    Open,
    /// This value of `authorization`.
    Own(Secret),
    /// What the latest authenticated client of this tenant gave, see [`Documents::need`].
    Lent(String),
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) kind: Kind,
    /// Name of the Envoy cluster.
    pub(super) cluster: String,
    pub(super) access: Access,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) timeout_ms: u32,
    /// Octets; a larger document counts as none.
    pub(super) max_size: usize,
    /// How long a good one is kept before it is read anew.
    pub(super) refresh: Duration,
}

impl Source {
    fn call(&self, lent: Option<&Secret>) -> Call {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header(":method", "GET"),
            header(":path", &self.path),
            header(":authority", &self.authority),
            header("accept", self.kind.accept()),
        ];
        let credential = match &self.access {
            Access::Open => None,
            Access::Own(value) => Some(value),
            Access::Lent(_) => lent,
        };
        headers.extend(credential.map(|value| header("authorization", value.expose())));
        Call {
            cluster: self.cluster.clone(),
            headers,
            body: Vec::new(),
            timeout_ms: self.timeout_ms,
            max_answer: self.max_size,
        }
    }
}

/// What somebody who needs more than is at hand may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Wait: it is being fetched, or will be in a moment.
    Coming,
    /// Not again before this moment; what is at hand was read from the source.
    NotBefore(UnixMillis),
    /// Not again before this moment; the last attempt failed, so what is at hand may be old.
    Failed(UnixMillis),
}

/// Where a document stands.
#[derive(Debug, Default)]
struct State {
    /// The last good one.
    content: Option<Content>,
    /// Since when a fetch is under way.
    fetching: Option<UnixMillis>,
    /// When the last fetch began; `None` also where it could not be made.
    begun: Option<UnixMillis>,
    /// When it had its last turn, whether the call could be made or not.
    turn: Option<UnixMillis>,
    failed: bool,
    /// When it is read anew by itself; at once after the start.
    due: UnixMillis,
    wished: bool,
    /// Somebody uses what is not read ahead, and it was not read since.
    needed: bool,
    /// An attempt has ended, well or not.
    tried: bool,
    /// What the source is asked with, where that is lent.
    lent: Option<Secret>,
    /// Attempts, one after another, whose failure was followed by a pause that grows.
    failures: u32,
    /// When that pause is over: no call before, whoever wishes.
    hold_off: UnixMillis,
}

#[derive(Debug)]
struct Document {
    source: Source,
    state: RefCell<State>,
}

/// All documents of a gateway.
#[derive(Debug, Default)]
pub(super) struct Documents {
    all: Vec<Document>,
    /// Something is needed that was not before.
    newly_needed: Cell<bool>,
}

impl Documents {
    /// Adds a document; the same source is one document, whoever needs it.
    pub(super) fn add(&mut self, source: Source) -> DocumentId {
        if let Some(at) = self.all.iter().position(|document| document.source == source) {
            return DocumentId(at);
        }
        self.all.push(Document { source, state: RefCell::default() });
        DocumentId(self.all.len().saturating_sub(1))
    }

    /// The last good key set.
    pub(super) fn keys(&self, id: DocumentId) -> Option<Rc<JwkSet>> {
        match &self.state(id)?.content {
            Some(Content::Keys(keys)) => Some(Rc::clone(keys)),
            _ => None,
        }
    }

    /// What the last good metadata says.
    pub(super) fn provider(&self, id: DocumentId) -> Option<Rc<Provider>> {
        match &self.state(id)?.content {
            Some(Content::Provider(provider)) => Some(Rc::clone(provider)),
            _ => None,
        }
    }

    /// What the last good `/Schemas` says.
    pub(super) fn schemas(&self, id: DocumentId) -> Option<Rc<Learnt>> {
        match &self.state(id)?.content {
            Some(Content::Schemas(learnt)) => Some(Rc::clone(learnt)),
            _ => None,
        }
    }

    /// The last good `/ResourceTypes`.
    pub(super) fn resource_types(&self, id: DocumentId) -> Option<Rc<Vec<u8>>> {
        match &self.state(id)?.content {
            Some(Content::ResourceTypes(bytes)) => Some(Rc::clone(bytes)),
            _ => None,
        }
    }

    /// Whether waiting for it makes sense: a fetch is under way or about to be.
    pub(super) fn is_coming(&self, id: DocumentId) -> bool {
        self.state(id)
            .is_some_and(|state| state.fetching.is_some() || state.wished || (state.needed && !state.tried))
    }

    /// Whether nothing is known of it because the first attempt to read it has not ended.
    pub(super) fn is_untried(&self, id: DocumentId) -> bool {
        self.state(id).is_some_and(|state| !state.tried)
    }

    /// An authenticated request uses a document that is not read ahead; `lent` is what it has for the source. The
    /// document is read when it is due.
    pub(super) fn need(&self, id: DocumentId, lent: Option<&Secret>) {
        let Some(document) = self.all.get(id.0) else { return };
        let Ok(mut state) = document.state.try_borrow_mut() else { return };
        if matches!(document.source.access, Access::Lent(_)) {
            state.lent = lent.cloned();
        }
        if !state.needed {
            state.needed = true;
            self.newly_needed.set(true);
        }
    }

    /// Whether, since the last time this was asked, something has become needed: [`Documents::next_due`] may be earlier.
    pub(super) fn take_newly_needed(&self) -> bool {
        self.newly_needed.take()
    }

    /// Asks for a newer one.
    pub(super) fn wish(&self, id: DocumentId, now: UnixMillis) -> Wish {
        let Some(document) = self.all.get(id.0) else { return Wish::Failed(now.after(BETWEEN)) };
        let Ok(mut state) = document.state.try_borrow_mut() else { return Wish::Failed(now.after(BETWEEN)) };
        state.keep_to(document, now);
        if state.fetching.is_some() || state.wished {
            return Wish::Coming;
        }
        let (allowed, pause) = (state.next_allowed(document), state.hold_off);
        if allowed <= now && pause <= now.after(SOON) {
            state.wished = true;
            return Wish::Coming;
        }
        let moment = allowed.max(pause);
        if state.failed { Wish::Failed(moment) } else { Wish::NotBefore(moment) }
    }

    /// The calls that are to be made now. Each counts as under way until it is answered.
    pub(super) fn due(&self, host: &dyn Host) -> Vec<(DocumentId, Call)> {
        let now = host.now();
        let mut under_way = 0usize;
        for document in &self.all {
            let Ok(mut state) = document.state.try_borrow_mut() else { continue };
            state.keep_to(document, now);
            if state.fetching.is_some_and(|since| document.lost_at(since) <= now) {
                state.end();
                state.fail(document, host);
                report(document, &state, ("not_answered", 0), host);
            }
            under_way = under_way.saturating_add(usize::from(state.fetching.is_some()));
        }
        let mut due: Vec<_> = self
            .all
            .iter()
            .enumerate()
            .filter_map(|(at, document)| {
                let state = document.state.try_borrow().ok().filter(|state| state.fetching.is_none())?;
                state.when(document).filter(|when| *when <= now)?;
                Some((!state.wished, state.turn, at))
            })
            .collect();
        // First those that somebody waits for; among them, and among the others, whose last turn is longest ago: sources
        // that fail, and are tried again soon, keep no other waiting.
        due.sort_unstable();
        let mut calls = Vec::new();
        for (_, _, at) in due.into_iter().take(MOST_AT_ONCE.saturating_sub(under_way)) {
            let Some(document) = self.all.get(at) else { continue };
            let Ok(mut state) = document.state.try_borrow_mut() else { continue };
            state.fetching = Some(now);
            state.begun = Some(now);
            state.turn = Some(now);
            state.wished = false;
            let lent = state.lent.take();
            calls.push((DocumentId(at), document.source.call(lent.as_ref())));
        }
        calls
    }

    /// When [`Documents::due`] should be asked next; `None` where there is no document.
    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        let states =
            || self.all.iter().filter_map(|document| Some((document, document.state.try_borrow().ok()?)));
        let under_way = states().filter(|(_, state)| state.fetching.is_some()).count();
        // Where as many are under way as may be, the next begins when one of them has ended.
        let counts = |state: &State| under_way < MOST_AT_ONCE || state.fetching.is_some();
        states().filter(|(_, state)| counts(state)).filter_map(|(document, state)| state.when(document)).min()
    }

    /// A call could not be made: its cluster may not be there yet. That is no fetch, and is tried again soon.
    pub(super) fn not_sent(&self, id: DocumentId, host: &dyn Host) {
        let Some(document) = self.all.get(id.0) else { return };
        let Ok(mut state) = document.state.try_borrow_mut() else { return };
        state.end();
        state.begun = None;
        state.failed = true;
        state.pause(host);
        host.count("vestibule.document.failed");
        let source = &document.source;
        host.log(
            Level::Error,
            &format!(
                "event=document.failed code=no_cluster cluster={} path={} remedy=\"is there a cluster of this name \
                 in Envoy?\"",
                source.cluster, source.path
            ),
        );
    }

    /// The answer to a call; `None` where it broke off or was too large.
    pub(super) fn answered(&self, id: DocumentId, answer: Option<&CallAnswer>, host: &dyn Host) {
        let Some(document) = self.all.get(id.0) else { return };
        let Ok(mut state) = document.state.try_borrow_mut() else { return };
        let source = &document.source;
        let read = match answer {
            Some(answer) if answer.status == 200 => Content::read(&source.kind, &answer.body, host),
            _ => Err("not_answered"),
        };
        let now = host.now();
        if let Some(since) = state.fetching {
            host.record("vestibule.document.duration_ms", now.0.saturating_sub(since.0));
        }
        state.end();
        if let Ok(content) = &read {
            content.warn(source.refresh, host);
        } else if let Some(kept) = &state.content {
            kept.warn(source.refresh, host);
        }
        if let Some(answer) = answer.filter(|answer| source.kind.is_absent(answer.status)) {
            state.succeed();
            state.due = now.after(jittered(source.refresh, host));
            let (cluster, path, status) = (&source.cluster, &source.path, answer.status);
            host.log(
                Level::Info,
                &format!("event=document.absent cluster={cluster} path={path} status={status}"),
            );
            return;
        }
        let code = read.as_ref().err().copied().unwrap_or_default();
        if let Ok(content) = read {
            let refresh = content.refresh(source.refresh, now);
            state.content = Some(content);
            state.succeed();
            state.due = now.after(jittered(refresh, host));
            host.count("vestibule.document.fetched");
            host.log(
                Level::Info,
                &format!("event=document.fetched cluster={} path={}", source.cluster, source.path),
            );
            return;
        }
        state.fail(document, host);
        report(document, &state, (code, answer.map_or(0, |answer| answer.status)), host);
    }

    /// Where each stands, for the operator: nothing of what is in it.
    pub(super) fn standing(&self) -> Vec<serde_json::Value> {
        let standing = |document: &Document| {
            let state = document.state.try_borrow().ok()?;
            let source = &document.source;
            Some(serde_json::json!({
                "cluster": source.cluster,
                "authority": source.authority,
                "path": source.path,
                "kind": match source.kind {
                    Kind::Keys => "keys",
                    Kind::Metadata(_) => "metadata",
                    Kind::Schemas => "schemas",
                    Kind::ResourceTypes => "resource_types",
                },
                "state": match (&state.content, state.failed) {
                    (Some(_), false) => "good",
                    (Some(_), true) => "old",
                    (None, true) => "failed",
                    (None, false) if state.tried => "absent",
                    (None, false) => "awaited",
                },
                "last_attempt": state.begun.map(UnixMillis::to_rfc3339),
                "next": state.when(document).map(UnixMillis::to_rfc3339),
            }))
        };
        self.all.iter().filter_map(standing).collect()
    }

    fn state(&self, id: DocumentId) -> Option<Ref<'_, State>> {
        self.all.get(id.0)?.state.try_borrow().ok()
    }
}

impl Document {
    /// When a fetch that began `since` is not answered any more.
    fn lost_at(&self, since: UnixMillis) -> UnixMillis {
        since.after(Duration::from_millis(u64::from(self.source.timeout_ms))).after(LOST_AFTER)
    }
}

impl State {
    /// A clock that was set back must not make anybody wait as long as that was: no moment lies further ahead than it was
    /// put, and what has begun has not begun later.
    fn keep_to(&mut self, document: &Document, now: UnixMillis) {
        self.fetching = self.fetching.map(|since| since.min(now));
        self.begun = self.begun.map(|begun| begun.min(now));
        self.turn = self.turn.map(|turn| turn.min(now));
        self.hold_off = self.hold_off.min(now.after(BETWEEN));
        self.due = self.due.min(now.after(document.source.refresh.max(BETWEEN)));
    }

    /// Whether it serves nobody before it is there.
    fn is_missing(&self, document: &Document) -> bool {
        self.content.is_none() && document.source.kind.is_read_ahead()
    }

    /// When it may be fetched because somebody wishes so, but for a pause.
    fn next_allowed(&self, document: &Document) -> UnixMillis {
        match self.begun {
            Some(begun) if !(self.failed && self.is_missing(document)) => begun.after(BETWEEN),
            _ => UnixMillis::default(),
        }
    }

    /// After one more failure: it doubles from a second on, and is not the same in all workers.
    fn pause(&mut self, host: &dyn Host) {
        let seconds = 1u64.checked_shl(self.failures.min(6)).unwrap_or(64).min(BETWEEN.as_secs());
        self.failures = self.failures.saturating_add(1);
        self.hold_off = host.now().after(jittered(Duration::from_secs(seconds), host));
    }

    /// A fetch is over.
    fn end(&mut self) {
        self.fetching = None;
        self.needed = false;
        self.tried = true;
    }

    fn succeed(&mut self) {
        self.failed = false;
        self.failures = 0;
    }

    /// It was asked for, and did not come, or not as it should be.
    fn fail(&mut self, document: &Document, host: &dyn Host) {
        self.failed = true;
        if self.is_missing(document) {
            self.pause(host);
        } else {
            self.failures = 0;
            self.due = self.begun.map_or(host.now(), |begun| begun.after(BETWEEN));
        }
    }

    fn when(&self, document: &Document) -> Option<UnixMillis> {
        match self.fetching {
            Some(since) => Some(document.lost_at(since)),
            None if !self.needed && !self.wished && !document.source.kind.is_read_ahead() => None,
            None => {
                let wanted = if self.wished { UnixMillis::default() } else { self.due };
                Some(wanted.max(self.hold_off))
            }
        }
    }
}

/// Tells that a fetch has failed: why, and with which status, or 0.
fn report(document: &Document, state: &State, (code, status): (&str, u16), host: &dyn Host) {
    host.count("vestibule.document.failed");
    let Source { cluster, path, .. } = &document.source;
    let kept = state.content.is_some();
    host.log(
        Level::Warn,
        &format!(
            "event=document.failed code={code} cluster={cluster} path={path} status={status} kept={kept}"
        ),
    );
}

/// Up to a tenth less than `span`, so that many workers do not ask at once.
fn jittered(span: Duration, host: &dyn Host) -> Duration {
    let mut octet = [0u8; 1];
    if host.random(&mut octet).is_err() {
        return span;
    }
    let tenth = span.checked_div(10).unwrap_or_default();
    let part = tenth.checked_mul(u32::from(octet[0])).and_then(|part| part.checked_div(255));
    span.saturating_sub(part.unwrap_or_default())
}

#[cfg(test)]
mod tests;
