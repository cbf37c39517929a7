//! Bodies of requests that are read whole.

use crate::common::Host;

/// What became of one.
pub(super) enum Body {
    All(Vec<u8>),
    TooLarge,
    Unreadable,
}

/// Reads a complete body of `size` octets (`None`: there is none), never more than `limit` and one.
pub(super) fn read_body(size: Option<usize>, limit: usize, host: &dyn Host) -> Body {
    let Some(size) = size else { return Body::All(Vec::new()) };
    match host.request_body(size.min(limit).saturating_add(1)) {
        Ok(body) if body.len() > limit => Body::TooLarge,
        Ok(body) => Body::All(body),
        Err(_) => Body::Unreadable,
    }
}
