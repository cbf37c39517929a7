//! What can happen to an exchange, and what it may ask of the host in return.

use crate::access::CheckId;
use crate::common::{HeaderEdit, Headers, Reply, UnixMillis};

use super::documents::DocumentId;

/// One host callback.
#[derive(Debug)]
pub enum Event {
    /// The request's header list. `end`: no body and no trailers follow.
    RequestHeaders {
        /// All pairs, pseudo-headers included.
        headers: Headers,
        /// Whether the request ends here.
        end: bool,
    },
    /// More of the request's body is at hand; [`crate::common::Host::request_body`] reads it.
    RequestBody {
        /// Octets buffered so far, this chunk included.
        size: usize,
        /// Whether the request ends here. Never true where trailers follow.
        end: bool,
    },
    /// The request's trailers: the request ends here; the body buffered so far is all of it.
    RequestTrailers {
        /// All pairs.
        trailers: Headers,
    },
    /// The answer to [`Step::Call`]; `None` where the call could not be made, broke off or was too large.
    CallAnswered(Option<CallAnswer>),
    /// The answer to [`Step::Call`] is larger than the call allows; all pairs of its header list.
    CallTooLarge(Headers),
    /// What [`Step::Wait`] waited for has come, or will not come in time: the exchange looks for itself.
    Woken,
    /// The response's header list.
    ResponseHeaders {
        /// All pairs, `:status` included.
        headers: Headers,
        /// Whether the response ends here.
        end: bool,
        /// Who made the response.
        origin: Origin,
    },
    /// More of the response's body is at hand.
    ResponseBody {
        /// Octets buffered so far, this chunk included.
        size: usize,
        /// Whether the response ends here.
        end: bool,
    },
    /// The response's trailers: the response ends here.
    ResponseTrailers {
        /// All pairs.
        trailers: Headers,
    },
    /// What was let through is still open: may it stay so?
    LookAgain,
    /// A held message has waited long for its body and this host has never shown that it delivers one to a held message
    /// (`allow_on_headers_stop_iteration` does not agree with `host.stop_iteration`).
    HostMismatch,
    /// The stream is over, however it ended. Comes once, last; but nothing may rest on that.
    Done,
}

/// Who made a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The application.
    Upstream,
    /// The proxy itself, or this filter: a local reply.
    Local,
}

/// An answer to a call of our own.
pub struct CallAnswer {
    /// `:status`; a cluster that is down answers 503, a timeout 504.
    pub status: u16,
    /// All pairs.
    pub headers: Headers,
    /// The body, within the bound that the call named.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for CallAnswer {
    /// The body is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What is asked for on behalf of all exchanges of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// A document.
    Document(DocumentId),
    /// The application's word on an account.
    Check(CheckId),
}

/// What the host does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Apply the edits, then let this phase go on. While headers were held this releases them.
    Continue(Edits),
    /// Keep everything back and wait for the next event.
    Hold,
    /// Keep everything back and make this call; its answer is [`Event::CallAnswered`].
    Call(Call),
    /// Keep everything back until then; what ends it is [`Event::Woken`]. A stream may end meanwhile.
    Wait(Wait),
    /// Answer the client; the request goes no further.
    Answer(Reply),
    /// Break the stream off, whatever has been sent of it. The answer to [`Event::LookAgain`] only, to which
    /// [`Step::Hold`] means that the stream may stay open.
    Close,
}

/// What an exchange waits for that is no answer to a call of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A document which is being fetched; no longer than until this moment.
    Document(DocumentId, UnixMillis),
    /// The application's word on an account; no longer than until this moment.
    Check(CheckId, UnixMillis),
    /// This moment.
    Until(UnixMillis),
}

impl Wait {
    /// When the waiting ends at the latest.
    #[must_use]
    pub fn end(self) -> UnixMillis {
        match self {
            Self::Document(_, end) | Self::Check(_, end) | Self::Until(end) => end,
        }
    }
}

/// Changes to what is being let through.
#[derive(Default, PartialEq, Eq)]
pub struct Edits {
    /// To the headers of the current direction; legal only while they are held.
    pub headers: Vec<HeaderEdit>,
    /// To the trailers, in a trailers event.
    pub trailers: Vec<HeaderEdit>,
    /// Replaces all of the buffered body.
    pub body: Option<Vec<u8>>,
}

impl std::fmt::Debug for Edits {
    /// The body is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edits")
            .field("headers", &self.headers)
            .field("trailers", &self.trailers)
            .field("body", &self.body.as_ref().map(Vec::len))
            .finish()
    }
}

impl Step {
    /// Go on, nothing changed.
    #[must_use]
    pub fn go_on() -> Self {
        Self::Continue(Edits::default())
    }
}

/// A request of our own, through one of Envoy's clusters.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the Envoy cluster.
    pub cluster: String,
    /// All pairs, `:method`, `:path` and `:authority` included.
    pub headers: Vec<(String, String)>,
    /// Body, may be empty.
    pub body: Vec<u8>,
    /// Milliseconds after which the answer is 504; never 0.
    pub timeout_ms: u32,
    /// An answer whose body is larger counts as none.
    pub max_answer: usize,
}

impl std::fmt::Debug for Call {
    /// The headers hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
