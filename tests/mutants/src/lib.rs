//! Valid signed responses, changed at random by operators with a name.
//!
//! An operator is either *harmless*, so that the changed message must be accepted with the very values that the identity
//! provider wrote, or *hostile*: then the message may be refused or accepted, but never with other values than those of
//! one message that was signed. What was signed is known from `tests/vectors/saml/shapes/shapes.json`, which no reader of
//! this project had a part in.

pub mod differential;
pub mod harmless;
pub mod hostile;
pub mod judge;
pub mod markup;
pub mod random;
pub mod report;
pub mod run;
pub mod seeds;
pub mod wrapping;

#[cfg(test)]
mod tests;
