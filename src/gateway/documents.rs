//! Documents that somebody else publishes and that decisions rest on: key sets, metadata of identity providers.
//!
//! Each worker fetches them for itself through a cluster of the proxy, keeps the last good one in memory, and reads it
//! anew from time to time, and once more where somebody needs what it lacks: but never more than once a minute,
//! whatever a stranger sends. Nothing here is shared between workers, so nothing here can be forged by another filter.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::common::{Host, Level, UnixMillis};
use crate::config::Secret;
use crate::scim::auth::JwkSet;
use crate::scim::{self, Learnt};

use super::event::{Call, CallAnswer};
use super::provider::{Provider, Trust};

/// Between two fetches of one document by one worker, also where the first failed.
const BETWEEN: Duration = Duration::from_secs(60);
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
    /// When the last fetch began.
    begun: Option<UnixMillis>,
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
    /// Calls that could not even be made, one after another.
    not_sent: u32,
    /// No call before this moment.
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
        if state.fetching.is_some() || state.wished {
            return Wish::Coming;
        }
        match state.next_allowed() {
            Some(allowed) if allowed > now => {
                if state.failed {
                    Wish::Failed(allowed)
                } else {
                    Wish::NotBefore(allowed)
                }
            }
            _ => {
                state.wished = true;
                Wish::Coming
            }
        }
    }

    /// The calls that are to be made now. Each counts as under way until it is answered.
    pub(super) fn due(&self, now: UnixMillis) -> Vec<(DocumentId, Call)> {
        let mut calls = Vec::new();
        for (at, document) in self.all.iter().enumerate() {
            let Ok(mut state) = document.state.try_borrow_mut() else { continue };
            if state.fetching.is_some_and(|since| document.lost_at(since) <= now) {
                state.end();
                state.fail(now);
            }
            if state.when(document).is_some_and(|when| when <= now) && state.fetching.is_none() {
                state.fetching = Some(now);
                state.begun = Some(now);
                state.wished = false;
                let lent = state.lent.take();
                calls.push((DocumentId(at), document.source.call(lent.as_ref())));
            }
        }
        calls
    }

    /// When [`Documents::due`] should be asked next; `None` where there is no document.
    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.all.iter().filter_map(|document| document.state.try_borrow().ok()?.when(document)).min()
    }

    /// A call could not be made: its cluster may not be there yet. That is no fetch, and is tried again soon.
    pub(super) fn not_sent(&self, id: DocumentId, host: &dyn Host) {
        let Some(document) = self.all.get(id.0) else { return };
        let Ok(mut state) = document.state.try_borrow_mut() else { return };
        let seconds = 1u64.checked_shl(state.not_sent.min(6)).unwrap_or(64).min(BETWEEN.as_secs());
        state.not_sent = state.not_sent.saturating_add(1);
        state.end();
        state.begun = None;
        state.failed = true;
        state.hold_off = host.now().after(Duration::from_secs(seconds));
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
        state.not_sent = 0;
        state.end();
        let now = host.now();
        if let Ok(content) = &read {
            content.warn(source.refresh, host);
        } else if let Some(kept) = &state.content {
            kept.warn(source.refresh, host);
        }
        if let Some(answer) = answer.filter(|answer| source.kind.is_absent(answer.status)) {
            state.failed = false;
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
            state.failed = false;
            state.due = now.after(jittered(refresh, host));
            host.count("vestibule.document.fetched");
            host.log(
                Level::Info,
                &format!("event=document.fetched cluster={} path={}", source.cluster, source.path),
            );
            return;
        }
        state.fail(now);
        host.count("vestibule.document.failed");
        let status = answer.map_or(0, |answer| answer.status);
        host.log(
            Level::Warn,
            &format!(
                "event=document.failed code={code} cluster={} path={} status={status} kept={}",
                source.cluster,
                source.path,
                state.content.is_some()
            ),
        );
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
    fn next_allowed(&self) -> Option<UnixMillis> {
        self.begun.map(|begun| begun.after(BETWEEN))
    }

    /// A fetch is over.
    fn end(&mut self) {
        self.fetching = None;
        self.needed = false;
        self.tried = true;
    }

    fn fail(&mut self, now: UnixMillis) {
        self.failed = true;
        self.due = self.next_allowed().unwrap_or(now);
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
mod tests {
    use super::*;
    use crate::common::Headers;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const START: u64 = 1_800_000_000_000;
    const KEYS: &str = include_str!("../../tests/vectors/scim/jwt/keys.json");

    fn source(path: &str) -> Source {
        Source {
            kind: Kind::Keys,
            cluster: "keys".into(),
            access: Access::Open,
            authority: "keys.example".into(),
            path: path.into(),
            timeout_ms: 5000,
            max_size: 100_000,
            refresh: Duration::from_secs(3600),
        }
    }

    fn one() -> (Documents, DocumentId) {
        let mut documents = Documents::default();
        let id = documents.add(source("/keys"));
        (documents, id)
    }

    fn good() -> CallAnswer {
        CallAnswer { status: 200, headers: Headers::default(), body: KEYS.as_bytes().to_vec() }
    }

    fn bad(status: u16) -> CallAnswer {
        CallAnswer { status, headers: Headers::default(), body: b"{\"keys\":[]}".to_vec() }
    }

    fn due(documents: &Documents, host: &TestHost) -> usize {
        documents.due(host.now()).len()
    }

    fn later(host: &TestHost, seconds: u64) {
        host.time.set(host.time.get() + seconds * 1000);
    }

    #[test]
    fn a_document_is_fetched_at_once_and_then_about_every_hour() {
        let (documents, id) = one();
        let host = TestHost::at(START);
        let calls = documents.due(host.now());
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].1.headers[1], (":path".to_owned(), "/keys".to_owned()));
        assert!(documents.keys(id).is_none() && documents.is_coming(id));
        documents.answered(id, Some(&good()), &host);
        assert!(documents.keys(id).is_some() && !documents.is_coming(id));
        assert_eq!(due(&documents, &host), 0);
        let next = documents.next_due().unwrap().0 - START;
        assert!((3_240_000..=3_600_000).contains(&next), "{next}");
        later(&host, 3600);
        assert_eq!(due(&documents, &host), 1);
        assert_eq!(host.counts.borrow()["vestibule.document.fetched"], 1);
    }

    #[test]
    fn a_document_that_an_application_does_not_have_is_no_failure_and_is_not_asked_for_all_the_time() {
        let mut documents = Documents::default();
        let host = TestHost::at(START);
        let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
        for status in [400, 404, 405, 501] {
            documents.need(id, None);
            assert_eq!(due(&documents, &host), 1);
            documents.answered(id, Some(&bad(status)), &host);
            assert!(documents.schemas(id).is_none() && !documents.is_untried(id));
            later(&host, 600);
            documents.need(id, None);
            assert_eq!(due(&documents, &host), 0);
            later(&host, 3600);
        }
        assert!(!host.counts.borrow().contains_key("vestibule.document.failed"));
        for status in [401, 403, 429, 500] {
            assert_eq!(due(&documents, &host), 1);
            documents.answered(id, Some(&bad(status)), &host);
            later(&host, 60);
            documents.need(id, None);
        }
        assert_eq!(host.counts.borrow()["vestibule.document.failed"], 4);
    }

    #[test]
    fn what_requests_alone_need_is_read_for_them_and_not_again_while_there_are_none() {
        let mut documents = Documents::default();
        let host = TestHost::at(START);
        let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
        assert!(due(&documents, &host) == 0 && documents.next_due().is_none());
        assert!(documents.is_untried(id) && !documents.is_coming(id));
        documents.need(id, None);
        assert!(documents.take_newly_needed() && !documents.take_newly_needed());
        assert!(documents.is_coming(id), "whoever waits goes on waiting until it is asked for");
        assert_eq!(due(&documents, &host), 1);
        let answer = CallAnswer { body: br#"{"Resources":[]}"#.to_vec(), ..bad(200) };
        documents.answered(id, Some(&answer), &host);
        assert!(documents.schemas(id).is_some() && !documents.is_untried(id) && !documents.is_coming(id));
        later(&host, 7200);
        assert!(due(&documents, &host) == 0 && documents.next_due().is_none());
        documents.need(id, None);
        assert!(documents.take_newly_needed() && !documents.is_coming(id), "the old one serves meanwhile");
        assert_eq!(due(&documents, &host), 1);
    }

    #[test]
    fn an_attempt_that_came_to_nothing_keeps_nobody_waiting() {
        let host = TestHost::at(START);
        let end = |how: &dyn Fn(&Documents, DocumentId)| {
            let mut documents = Documents::default();
            let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
            documents.need(id, None);
            assert_eq!(due(&documents, &host), 1);
            how(&documents, id);
            assert!(!documents.is_untried(id) && !documents.is_coming(id));
            documents.need(id, None);
            assert!(!documents.is_coming(id), "nor the next request");
        };
        end(&|documents, id| documents.answered(id, None, &host));
        end(&|documents, id| documents.answered(id, Some(&bad(503)), &host));
        end(&|documents, id| documents.not_sent(id, &host));
        end(&|documents, _| {
            later(&host, 10);
            assert_eq!(due(documents, &host), 0, "it is never answered");
        });
    }

    #[test]
    fn a_source_that_asks_for_a_credential_gets_it() {
        let own = Source { access: Access::Own(Secret::from("Bearer s")), ..source("/Schemas") };
        assert!(own.call(None).headers.contains(&("authorization".into(), "Bearer s".into())));
        assert!(!format!("{own:?}").contains("Bearer"));
    }

    #[test]
    fn a_credential_is_lent_to_its_own_tenants_source_alone_and_not_kept() {
        let mut documents = Documents::default();
        let host = TestHost::at(START);
        let mut lent = |tenant: &str| {
            let access = Access::Lent(tenant.into());
            documents.add(Source { kind: Kind::Schemas, access, ..source("/Schemas") })
        };
        let (a, b) = (lent("a"), lent("b"));
        let open = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
        assert!(a != b);
        documents.need(a, Some(&Secret::from("Bearer of-a")));
        documents.need(b, None);
        documents.need(open, Some(&Secret::from("Bearer of-c")));
        let credentials = |documents: &Documents| -> Vec<Option<String>> {
            let calls = documents.due(host.now());
            let of = |call: &Call| call.headers.iter().find(|(name, _)| name == "authorization").cloned();
            calls.iter().map(|(_, call)| of(call).map(|(_, value)| value)).collect()
        };
        assert_eq!(credentials(&documents), [Some("Bearer of-a".into()), None, None]);
        documents.answered(a, Some(&bad(404)), &host);
        later(&host, 3600);
        documents.need(a, None);
        assert!(credentials(&documents).contains(&None));
        assert!(!format!("{documents:?}").contains("of-a"));
    }

    #[test]
    fn what_was_good_is_kept_whatever_comes_after() {
        let (documents, id) = one();
        let host = TestHost::at(START);
        due(&documents, &host);
        documents.answered(id, Some(&good()), &host);
        for answer in [None, Some(bad(200)), Some(bad(500)), Some(bad(404))] {
            later(&host, 3600);
            assert_eq!(due(&documents, &host), 1);
            documents.answered(id, answer.as_ref(), &host);
            assert!(documents.keys(id).is_some());
        }
        assert_eq!(host.counts.borrow()["vestibule.document.failed"], 4);
    }

    #[test]
    fn nobody_makes_us_fetch_more_than_once_a_minute() {
        let (documents, id) = one();
        let host = TestHost::at(START);
        due(&documents, &host);
        assert_eq!(documents.wish(id, host.now()), Wish::Coming, "it is on its way");
        documents.answered(id, Some(&good()), &host);
        later(&host, 59);
        assert_eq!(documents.wish(id, host.now()), Wish::NotBefore(UnixMillis(START + 60_000)));
        assert_eq!(due(&documents, &host), 0);
        later(&host, 1);
        for _ in 0..3 {
            assert_eq!(documents.wish(id, host.now()), Wish::Coming);
        }
        assert_eq!(due(&documents, &host), 1);
        assert_eq!(due(&documents, &host), 0);
        documents.answered(id, Some(&bad(503)), &host);
        later(&host, 30);
        assert!(matches!(documents.wish(id, host.now()), Wish::Failed(_)), "a failed fetch counts too");
        assert_eq!(due(&documents, &host), 0);
        later(&host, 30);
        assert_eq!(due(&documents, &host), 1, "and is made up for");
    }

    #[test]
    fn a_call_that_could_not_be_made_is_no_fetch() {
        let (documents, id) = one();
        let host = TestHost::at(START);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert_eq!(due(&documents, &host), 1);
            documents.not_sent(id, &host);
            assert_eq!(documents.wish(id, host.now()), Wish::Coming);
            assert_eq!(due(&documents, &host), 0);
            let next = documents.next_due().unwrap();
            pauses.push((next.0 - host.now().0) / 1000);
            host.time.set(next.0);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_fetch_that_is_never_answered_is_given_up() {
        let (documents, id) = one();
        let host = TestHost::at(START);
        due(&documents, &host);
        later(&host, 9);
        assert!(due(&documents, &host) == 0 && documents.is_coming(id));
        later(&host, 1);
        assert!(due(&documents, &host) == 0 && !documents.is_coming(id));
        later(&host, 50);
        assert_eq!(due(&documents, &host), 1);
    }

    #[test]
    fn one_source_is_one_document() {
        let mut documents = Documents::default();
        let first = documents.add(source("/a"));
        assert_ne!(first, documents.add(source("/b")));
        assert_eq!(first, documents.add(source("/a")));
    }
}
