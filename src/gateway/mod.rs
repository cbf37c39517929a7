//! One HTTP exchange as a state machine without I/O.
//!
//! Each host callback is one [`Event`]; each event returns one [`Step`]. Every event is legal in every state and every
//! answer is total: no event, early, late, twice or never, lets a request through whose decision is pending or was a
//! refusal.

mod event;

pub use event::{Call, CallAnswer, Edits, Event, Origin, Step};

// Temporary, until the gateway is there.
mod stub;
pub use stub::{Exchange, Gateway, HostSettings, NativeCrypto};
