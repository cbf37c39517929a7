//! What may still be done to one direction of a stream.
//!
//! The host keeps pointers to its maps only while they are held; a call at the wrong time fails at best. So every call
//! that changes something goes through a [`Flow`], which knows.

use crate::common::{HeaderEdit, Headers, HostError};
use crate::gateway::Edits;

use super::abi::{self, Buffer, Direction, Map};

/// Whether a map of the host can be read and changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    NotYet,
    AtHand,
    Gone,
}

/// One direction of a stream.
pub(super) struct Flow {
    direction: Direction,
    headers: Presence,
    trailers: Presence,
    /// Octets of body at hand: those of the present callback and those kept back before.
    body: Option<usize>,
    /// The last callback came: nothing follows by itself.
    ended: bool,
    /// The direction stands still and needs [`abi::continue_stream`] to go on outside a callback of its own.
    paused: bool,
    /// Nothing of this direction goes on any more, whatever happens.
    dead: bool,
    /// A length of body that the headers have promised to the other side.
    promised_length: bool,
}

impl Flow {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            headers: Presence::NotYet,
            trailers: Presence::NotYet,
            body: None,
            ended: false,
            paused: false,
            dead: false,
            promised_length: false,
        }
    }

    fn header_map(&self) -> Map {
        match self.direction {
            Direction::Request => Map::RequestHeaders,
            Direction::Response => Map::ResponseHeaders,
        }
    }

    fn trailer_map(&self) -> Map {
        match self.direction {
            Direction::Request => Map::RequestTrailers,
            Direction::Response => Map::ResponseTrailers,
        }
    }

    fn buffer(&self) -> Buffer {
        match self.direction {
            Direction::Request => Buffer::RequestBody,
            Direction::Response => Buffer::ResponseBody,
        }
    }

    /// A headers callback: a fresh message, also where a local reply takes the place of another response.
    pub(super) fn headers_came(&mut self, end: bool) -> Result<Headers, HostError> {
        *self = Self { headers: Presence::AtHand, ended: end, ..Self::new(self.direction) };
        let pairs = abi::pairs(self.header_map())?;
        // There is no message without pseudo-headers; an empty list is a host that could not say.
        if pairs.is_empty() {
            return Err(HostError::Unavailable);
        }
        let headers = Headers::new(pairs);
        self.promised_length = headers.has("content-length");
        Ok(headers)
    }

    /// A body callback.
    pub(super) fn body_came(&mut self, size: usize, end: bool) {
        self.body = Some(size);
        self.ended = self.ended || end;
    }

    /// A trailers callback.
    pub(super) fn trailers_came(&mut self) -> Result<Headers, HostError> {
        self.trailers = Presence::AtHand;
        self.ended = true;
        Ok(Headers::new(abi::pairs(self.trailer_map())?))
    }

    /// Octets of body that may be read.
    pub(super) fn readable_body(&self) -> Option<usize> {
        if self.dead { None } else { self.body }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(super) fn has_started(&self) -> bool {
        self.headers != Presence::NotYet
    }

    /// Whether the headers are still kept back or were not seen yet.
    pub(super) fn keeps_headers(&self) -> bool {
        self.headers != Presence::Gone
    }

    /// Whether headers stand still and no body has come yet.
    pub(super) fn is_held_at_headers(&self) -> bool {
        self.paused && !self.dead && self.headers == Presence::AtHand && self.body.is_none() && !self.ended
    }

    /// Whether headers that were kept back are followed by a body or trailers all the same.
    pub(super) fn holds_headers(&self) -> bool {
        self.paused && self.headers == Presence::AtHand
    }

    /// Whether no further callback of this direction will come by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// Nothing goes on any more.
    pub(super) fn kill(&mut self) {
        self.dead = true;
        self.body = None;
    }

    /// The present callback lets this direction go on.
    pub(super) fn went_on(&mut self) {
        self.headers = Presence::Gone;
        self.trailers = Presence::Gone;
        self.body = None;
        self.paused = false;
    }

    /// Lets a direction that stands still go on, at most once.
    pub(super) fn resume(&mut self) -> Result<(), HostError> {
        if self.paused && !self.dead {
            abi::continue_stream(self.direction)?;
            self.went_on();
        }
        Ok(())
    }

    /// Applies edits.
    ///
    /// # Errors
    /// Where something is no longer at hand, or the length already promised to the other side would be broken. Some
    /// of the edits may have been applied: the message must not go on.
    pub(super) fn apply(&mut self, edits: &Edits) -> Result<(), HostError> {
        self.apply_to_map(self.headers, self.header_map(), &edits.headers)?;
        for change in &edits.headers {
            self.note_length(change);
        }
        self.apply_to_map(self.trailers, self.trailer_map(), &edits.trailers)?;
        edits.body.as_ref().map_or(Ok(()), |body| self.replace_body(body))
    }

    fn apply_to_map(&self, presence: Presence, map: Map, edits: &[HeaderEdit]) -> Result<(), HostError> {
        if !edits.is_empty() && presence != Presence::AtHand {
            return Err(HostError::WrongPhase);
        }
        edits.iter().try_for_each(|change| abi::edit(map, change))
    }

    fn note_length(&mut self, change: &HeaderEdit) {
        let (name, present) = match change {
            HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _) => (name, true),
            HeaderEdit::Remove(name) => (name, false),
        };
        if name.eq_ignore_ascii_case(b"content-length") {
            self.promised_length = present;
        }
    }

    /// Puts `body` in the place of what is at hand. While the headers are held their length is made exact: the host does
    /// not do it, and octets beyond a stale length are the next request on that connection.
    fn replace_body(&mut self, body: &[u8]) -> Result<(), HostError> {
        let held = self.body.ok_or(HostError::WrongPhase)?;
        if self.headers == Presence::AtHand {
            let length = HeaderEdit::set("content-length", &body.len().to_string());
            abi::edit(self.header_map(), &HeaderEdit::remove("transfer-encoding"))?;
            abi::edit(self.header_map(), &length)?;
            self.promised_length = true;
        } else if self.promised_length && body.len() != held {
            return Err(HostError::WrongPhase);
        }
        abi::replace_buffer(self.buffer(), held, body)?;
        self.body = Some(body.len());
        Ok(())
    }
}
