//! What may still be done to one direction of a stream.
//!
//! The host keeps pointers to its maps only while they are held; a call at the wrong time fails at best. So every call
//! that changes something goes through a [`Flow`], which knows.

use crate::common::{HeaderEdit, Headers, HostError};
use crate::gateway::Edits;

use super::abi::{self, Buffer, Direction, Map};
use super::wire::{self, Framing};

/// Whether a map of the host can be read and changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    NotYet,
    AtHand,
    Gone,
}

/// Octets that every proxy has room for (`per_connection_buffer_limit_bytes` below this is not supported).
const ROOM: usize = 16_384;

/// Why a message cannot go on as the exchange wants it.
pub(super) enum Fault {
    /// The host did not do it.
    Host(HostError),
    /// Headers, trailers or body are not at hand, or not any more.
    NotAtHand,
    /// The end of the message would be elsewhere than its headers say.
    Framing,
    /// The host may have no room for a body that grew.
    NoRoom,
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(error) => write!(f, "{error}"),
            Self::NotAtHand => f.write_str("what was to be changed has gone on or has not come"),
            Self::Framing => f.write_str("the edit contradicts where the message ends"),
            Self::NoRoom => f.write_str("the proxy may have no room for the rewritten body"),
        }
    }
}

/// What is to be done after edits were applied.
pub(super) enum Applied {
    /// Let it go on.
    Sound,
    /// The proxy may lack the room for this response body; see [`Flow::apply`].
    TooLargeInPlace,
}

/// Names and values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

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
    /// The headers promise the other side a length.
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
        let headers = abi::pairs(self.header_map())?;
        // There is no message without pseudo-headers; an empty list is a host that could not say.
        if headers.is_empty() {
            return Err(HostError::Unavailable);
        }
        self.promised_length = headers.has("content-length");
        Ok(headers)
    }

    /// A headers callback of a message that nobody reads or changes.
    pub(super) fn passes(&mut self, end: bool) {
        *self = Self { ended: end, ..Self::new(self.direction) };
        self.went_on();
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
        // A message of headers and trailers has an empty body.
        self.body.get_or_insert(0);
        abi::pairs(self.trailer_map())
    }

    /// Octets of body that may be read.
    pub(super) fn readable_body(&self) -> Option<usize> {
        if self.dead { None } else { self.body }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
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
    ///
    /// Where part of a body is kept back and more is to come, it goes on with the callback that brings more: Envoy 1.36
    /// loses the octets that follow after it was told to go on in between.
    pub(super) fn resume(&mut self) -> Result<(), HostError> {
        let more_to_come = self.body.is_some() && !self.ended;
        if self.paused && !self.dead && !more_to_come {
            abi::continue_stream(self.direction)?;
            self.went_on();
        }
        Ok(())
    }

    /// Applies edits, and sees to the framing: the host sends whatever `content-length` it finds, and octets beyond a
    /// stale length are the next request on that connection.
    ///
    /// A buffer that grows beyond its limit is answered by Envoy at once, from within the call that made it grow: it
    /// destroys the stream, which calls back into the VM that is still at work, and the whole process dies (1.36 and
    /// 1.40). Only in the callbacks of a request, `inline`, is that answer put off. So nothing is made to grow elsewhere
    /// beyond what was held already or [`ROOM`]: a request is refused, and a response is left to the caller, with its
    /// header edits applied.
    ///
    /// # Errors
    /// Where something is no longer at hand, or the framing would be wrong. Some of the edits may have been applied: the
    /// message must not go on.
    pub(super) fn apply(&mut self, edits: &Edits, inline: bool) -> Result<Applied, Fault> {
        let length = edits.body.as_ref().map(Vec::len).or(self.complete_length());
        for change in &edits.headers {
            self.edit_header(change, length)?;
        }
        if !edits.trailers.is_empty() && self.trailers != Presence::AtHand {
            return Err(Fault::NotAtHand);
        }
        edits.trailers.iter().try_for_each(|change| abi::edit(self.trailer_map(), change))?;
        if let Some(body) = &edits.body {
            let held = self.body.ok_or(Fault::NotAtHand)?;
            if body.len() > held.max(ROOM) && !(inline && self.is_request()) {
                let can_be_replied = !self.is_request() && self.ended && self.headers == Presence::AtHand;
                return if can_be_replied { Ok(Applied::TooLargeInPlace) } else { Err(Fault::NoRoom) };
            }
            self.replace_body(body, held)?;
            return Ok(Applied::Sound);
        }
        match length {
            // A request that came in chunks goes on with a length: many an application cannot read chunks.
            Some(length)
                if self.is_request() && !self.promised_length && self.trailers == Presence::NotYet =>
            {
                self.set_length(length)?;
            }
            _ => {}
        }
        Ok(Applied::Sound)
    }

    /// The headers of a response that is to be sent as a reply of our own: its status, and all pairs but those of framing.
    pub(super) fn as_reply(&self) -> Result<(u16, Pairs), HostError> {
        let headers = abi::pairs(self.header_map())?;
        let status = headers.text(":status").and_then(|status| status.parse().ok());
        let kept = headers.iter().filter(|(name, _)| wire::is_kept_in_reply(name));
        let kept = kept.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        Ok((status.ok_or(HostError::Unavailable)?, kept))
    }

    const fn is_request(&self) -> bool {
        matches!(self.direction, Direction::Request)
    }

    /// The length of the message, where its headers are still held and all of its body is at hand.
    fn complete_length(&self) -> Option<usize> {
        self.body.filter(|_| self.ended && self.headers == Presence::AtHand)
    }

    /// Applies one edit to the headers; `length` is what will be sent, where that is known.
    fn edit_header(&mut self, change: &HeaderEdit, length: Option<usize>) -> Result<(), Fault> {
        if self.headers != Presence::AtHand {
            return Err(Fault::NotAtHand);
        }
        match wire::framing(change) {
            Framing::None => {}
            Framing::LengthRemoved => self.promised_length = false,
            Framing::Length(promised) if promised.is_some() && promised == length => {
                self.promised_length = true;
            }
            Framing::Length(_) | Framing::Encoding => return Err(Fault::Framing),
        }
        Ok(abi::edit(self.header_map(), change)?)
    }

    /// Puts `body` in the place of what is at hand.
    fn replace_body(&mut self, body: &[u8], held: usize) -> Result<(), Fault> {
        if self.headers == Presence::AtHand {
            // More may follow what is at hand: then only the other side's own framing can be right.
            if self.ended {
                self.set_length(body.len())?;
            } else {
                abi::edit(self.header_map(), &HeaderEdit::remove("content-length"))?;
                self.promised_length = false;
            }
        } else if self.promised_length && body.len() != held {
            return Err(Fault::Framing);
        }
        abi::replace_buffer(self.buffer(), held, body)?;
        self.body = Some(body.len());
        Ok(())
    }

    fn set_length(&mut self, length: usize) -> Result<(), HostError> {
        abi::edit(self.header_map(), &HeaderEdit::remove("transfer-encoding"))?;
        abi::edit(self.header_map(), &HeaderEdit::set("content-length", &length.to_string()))?;
        self.promised_length = true;
        Ok(())
    }
}
