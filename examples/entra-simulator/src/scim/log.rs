//! The provisioning log: each request with its answer, as Entra's log would tell it.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use crate::{
    clock,
    scim::{
        requests::RawRequest,
        task::{Action, Step},
    },
};

const KEPT: usize = 500;

/// What the answer means for the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Success,
    /// Not done, to be tried again in the next cycle.
    Failure,
    /// Nothing had to be done.
    Skipped,
}

/// A request as it was sent, without the credential.
#[derive(Debug, Clone, Serialize)]
pub struct SentRequest {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Option<Value>,
}

impl From<&RawRequest> for SentRequest {
    fn from(raw: &RawRequest) -> Self {
        Self { method: raw.method, url: raw.url.clone(), headers: raw.headers(), body: raw.body.clone() }
    }
}

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Position since the start of the simulator.
    pub number: u64,
    /// UTC.
    pub time: String,
    /// Such as "create user ada".
    pub what: String,
    /// Short name of the object; empty for the connection.
    pub object: String,
    /// Entra's word for what is done.
    pub action: Action,
    /// Entra's word for the step.
    pub step: Step,
    /// None where nothing was sent.
    pub request: Option<SentRequest>,
    /// None if no answer came.
    pub status: Option<u16>,
    /// The answer, as JSON where it is JSON, otherwise as text.
    pub response: Option<Value>,
    /// The verdict.
    pub outcome: Outcome,
    /// Why not, in words an administrator would read; empty where it went well.
    pub detail: String,
    /// The code that Entra would give it, such as `InvalidCredentials`.
    pub error_code: Option<String>,
    /// What Entra's log would say, for better or worse.
    pub message: String,
}

/// The latest entries.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    written: u64,
}

impl Log {
    /// Adds an entry; number and time are set here.
    pub fn push(&mut self, mut entry: Entry) -> Entry {
        self.written += 1;
        entry.number = self.written;
        entry.time = clock::format_ms(clock::now_ms());
        self.entries.push_back(entry.clone());
        while self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        entry
    }

    /// All kept entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
}
