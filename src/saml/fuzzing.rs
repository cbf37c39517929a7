//! The readers of this room that are not public, for the targets in `fuzz/`.

pub use super::deflate::{deflate, inflate};
