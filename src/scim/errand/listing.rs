//! A filtered list, made here of the pages of the whole list: for applications that cannot filter.
//!
//! What is read wrongly as "nobody" makes Entra create an account twice. So a list that cannot be relied on is an error,
//! however little speaks against it, and never an empty list.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use super::super::apply::matches::{check, resource_matches};
use super::super::error::{ERROR_SCHEMA, ScimError};
use super::super::filter::Filter;
use super::super::patch::member;
use super::super::person::resource_id;
use super::super::request::{Outgoing, RequestShape};
use super::super::rule::{Applied, Context, Settings};
use super::super::rules::query::{self, Parameter};
use super::super::rules::response::{LIST_SCHEMA, has_schema, is_list_response, number};
use super::super::schema::ResourceKind;
use super::super::sequence::{OwnRequest, object};
use super::projection::Projection;
use super::{Answered, Begun, Effect, Ended, ErrandStep};

/// More entries than this are not given at once, whatever the client asks for; it asks for the next ones.
const MOST_KEPT: u64 = 1000;
/// An application may make its pages this many times smaller than it is asked to.
const SMALLER: u64 = 10;

pub(super) struct Listing {
    shape: RequestShape,
    filter: Filter,
    projection: Projection,
    /// Path with the parameters that every page has, ending in `?` or `&`.
    base: String,
    page: u64,
    most_entries: u64,
    /// First of the matching entries that the client wants, counted from 1, and how many.
    start: u64,
    count: u64,

    pages: u64,
    /// What the application said last that the whole list has.
    total: Option<u64>,
    /// Entries seen, by a digest of their identifiers.
    seen: HashSet<u64>,
    matched: u64,
    kept: Vec<Value>,
    /// Whether the list is complete if the answer that is waited for shows nothing new.
    is_confirming: bool,
}

/// Begins with the first page.
pub(super) fn plan(outgoing: &Outgoing, page: u64, most_entries: u64) -> Begun {
    let is_known = matches!(outgoing.shape.kind, ResourceKind::User | ResourceKind::Group);
    if outgoing.method != "GET" || !is_known {
        return None;
    }
    let filter = outgoing.shape.filter.clone()?;
    let (path, raw) = outgoing.path.split_once('?')?;
    let query = query::decoded(query::split(raw)).ok()?;
    let whole = |name: &str| {
        let parameter = query.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))?;
        parameter.value.as_deref()?.trim().parse::<i64>().ok()
    };
    let mut projection = Projection::of(&outgoing.shape.kind, &query);
    let page = page.max(1);
    // Below its least, a number means the least (RFC 7644 section 3.4.2.4).
    let start = u64::try_from(whole("startIndex").unwrap_or(1)).unwrap_or(1).max(1);
    let count = whole("count").map_or(page, |count| u64::try_from(count).unwrap_or(0)).min(MOST_KEPT);
    let is_ours = |parameter: &Parameter| {
        ["filter", "startIndex", "count", "attributes", "excludedAttributes"]
            .iter()
            .any(|ours| parameter.name.eq_ignore_ascii_case(ours))
    };
    let others =
        query.iter().filter(|parameter| !is_ours(parameter)).map(|parameter| parameter.written.clone());
    let parameters: Vec<String> = others.chain(projection.asked(&filter)).collect();
    let base = parameters.iter().fold(format!("{path}?"), |base, parameter| format!("{base}{parameter}&"));
    let listing = Box::new(Listing {
        shape: RequestShape { start_index: Some(start), count: Some(count), ..outgoing.shape.clone() },
        filter,
        projection,
        base,
        page,
        most_entries,
        start,
        count,
        pages: 0,
        total: None,
        seen: HashSet::new(),
        matched: 0,
        kept: Vec::new(),
        is_confirming: false,
    });
    Some((listing.next(), listing.into()))
}

/// Why a list cannot be relied on.
enum Fault {
    /// In the application's own words.
    Said,
    Ours(ScimError),
}

impl From<ScimError> for Fault {
    fn from(error: ScimError) -> Self {
        Self::Ours(error)
    }
}

fn unreliable(what: &'static str) -> Fault {
    Fault::Ours(ScimError::Upstream(what))
}

/// A page of the application.
struct Page {
    total: u64,
    entries: Vec<Value>,
}

impl Listing {
    pub(super) fn shape(&self) -> &RequestShape {
        &self.shape
    }

    fn next(&self) -> OwnRequest {
        let start = self.seen_so_far().saturating_add(1);
        OwnRequest::get(format!("{}startIndex={start}&count={}", self.base, self.page))
    }

    fn seen_so_far(&self) -> u64 {
        u64::try_from(self.seen.len()).unwrap_or(u64::MAX)
    }

    /// How many entries are in memory between two pages.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn answered(mut self: Box<Self>, answer: &Answered<'_>, settings: &Settings) -> ErrandStep {
        match self.take(answer, settings) {
            Ok(true) => self.done(),
            Ok(false) => ErrandStep::call(self.next(), self),
            Err(Fault::Said) => ErrandStep::Done(Ended::Latest),
            Err(Fault::Ours(error)) => ErrandStep::refused(error, Effect::NotApplied),
        }
    }

    /// Takes a page, and tells whether it was the last.
    fn take(&mut self, answer: &Answered<'_>, settings: &Settings) -> Result<bool, Fault> {
        let context = Context { kind: &self.shape.kind.clone(), settings };
        check(&context, None, &self.filter)?;
        if self.is_confirming && is_past_the_end(answer) {
            return Ok(true);
        }
        let page = self.read(answer, settings)?;
        if self.is_confirming && page.entries.is_empty() {
            return Ok(true);
        }
        self.pages = self.pages.saturating_add(1);
        if page.total > self.most_entries {
            return Err(ScimError::TooMany(format!(
                "The application has more than {} entries; they are not looked through here.",
                self.most_entries
            ))
            .into());
        }
        // Entries that went may have moved others to pages that were read already.
        if self.total.is_some_and(|before| page.total < before) {
            return Err(unreliable("The application's list changed while it was read."));
        }
        let is_first = self.total.is_none();
        self.total = Some(page.total);
        let given = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
        let news = self.look_through(page.entries, &context)?;
        if self.is_confirming {
            return if news == 0 {
                Ok(true)
            } else {
                Err(unreliable("The application's totalResults is wrong."))
            };
        }
        if news != given {
            return Err(unreliable("The application's list repeats its entries."));
        }
        let seen = self.seen_so_far();
        if seen > page.total {
            return Err(unreliable("The application's list has more entries than it says."));
        }
        if seen == page.total {
            // One full page that is said to be all: some count only the page where all should be counted.
            self.is_confirming = is_first && given == self.page;
            return Ok(!self.is_confirming);
        }
        if given == 0 {
            return Err(unreliable("The application's list has fewer entries than it says."));
        }
        let most = self.most_entries.checked_div(self.page).unwrap_or(0).saturating_add(1);
        if self.pages >= most.saturating_mul(SMALLER) {
            return Err(ScimError::TooMany("The application's list has too many pages.".into()).into());
        }
        Ok(false)
    }

    fn read(&self, answer: &Answered<'_>, settings: &Settings) -> Result<Page, Fault> {
        const NO_LIST: &str = "The application did not answer with a list.";
        match answer.status {
            200 => {}
            0 => return Err(unreliable("The application did not answer.")),
            // Not said of the filtered list, so that it must not become an empty one (R1).
            404 => return Err(unreliable("The application has no such list.")),
            400..=599 => return Err(Fault::Said),
            _ => return Err(unreliable(NO_LIST)),
        }
        let map = object(answer.body).ok_or_else(|| unreliable(NO_LIST))?;
        // Without it nobody knows whether there is more (RFC 7644 section 3.4.2: REQUIRED).
        let total = member(&map, "totalResults").and_then(number);
        let total = total.ok_or_else(|| unreliable("The application's list does not say how long it is."))?;
        let shape = RequestShape {
            start_index: Some(self.seen_so_far().saturating_add(1)),
            count: Some(self.page),
            filter: None,
            ..self.shape.clone()
        };
        let body = Value::Object(map);
        if !is_list_response(&body, &shape, settings) {
            return Err(unreliable(NO_LIST));
        }
        let Value::Object(mut map) = body else { return Err(unreliable(NO_LIST)) };
        let key = map.keys().find(|key| key.eq_ignore_ascii_case("Resources")).cloned();
        let entries = match key.and_then(|key| map.shift_remove(&key)) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        Ok(Page { total, entries })
    }

    /// Counts the entries that match, keeps those that the client wants, and tells how many were not seen before.
    fn look_through(&mut self, entries: Vec<Value>, context: &Context<'_>) -> Result<u64, Fault> {
        let mut news = 0u64;
        for entry in entries {
            let Some(id) = resource_id(&entry) else {
                return Err(unreliable("An entry of the application's list has no id."));
            };
            if !self.seen.insert(digest(&id)) {
                continue;
            }
            news = news.saturating_add(1);
            let Value::Object(mut entry) = entry else { continue };
            if !self.is_confirming && resource_matches(context, &entry, &self.filter) {
                self.keep(&mut entry);
            }
        }
        Ok(news)
    }

    fn keep(&mut self, entry: &mut Map<String, Value>) {
        self.matched = self.matched.saturating_add(1);
        let end = self.start.saturating_add(self.count);
        if (self.start..end).contains(&self.matched) {
            self.projection.project(entry);
            self.kept.push(Value::Object(std::mem::take(entry)));
        }
    }

    fn done(self: Box<Self>) -> ErrandStep {
        let list = json!({
            "schemas": [LIST_SCHEMA],
            "totalResults": self.matched,
            "startIndex": self.start,
            "itemsPerPage": self.kept.len(),
            "Resources": self.kept,
        });
        let applied = vec![Applied { rule: super::LOCAL, place: "Resources".into() }];
        ErrandStep::made(200, list.to_string().into_bytes(), applied, Effect::NotApplied)
    }
}

/// Whether the application says that the list does not go so far.
fn is_past_the_end(answer: &Answered<'_>) -> bool {
    matches!(answer.status, 400 | 404)
        && object(answer.body).is_some_and(|map| has_schema(&Value::Object(map), ERROR_SCHEMA))
}

/// Identifiers themselves would take memory without bound. Two that have one digest make an error, not a wrong list.
fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
