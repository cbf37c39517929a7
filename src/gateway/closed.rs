//! The applications' own SCIM prefixes, closed to every way in but the provisioning client's.

use crate::common::path::{folded, is_at_or_below};
use crate::config::ScimSettings;

/// Which paths are closed, on every host, whoever owns them.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// Where Envoy routes to SCIM servers. Envoy's `prefix` ends within a segment as well, so these do too.
    routed: Vec<String>,
    /// Where SCIM servers believe to be, and where Entra calls: at segments.
    known: Vec<String>,
}

impl Closed {
    pub(super) fn new<'s>(settings: impl Iterator<Item = &'s ScimSettings>) -> Self {
        let mut closed = Self::default();
        for scim in settings {
            closed.routed.push(folded(&scim.application.path));
            closed.known.push(folded(&scim.public_path));
            if !scim.application.cluster_path.is_empty() {
                closed.known.push(folded(&scim.application.cluster_path));
            }
        }
        closed
    }

    /// Whether a path in normal form is closed, in any spelling.
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = folded(path);
        self.routed.iter().any(|prefix| path.starts_with(prefix))
            || self.known.iter().any(|prefix| is_at_or_below(&path, prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_closed_prefix_is_closed_in_every_spelling_that_a_route_may_match() {
        let closed = Closed { routed: vec!["/app-scim".to_owned()], known: vec!["/scim/v2".to_owned()] };
        for path in
            ["/app-scim", "/app-scim/Users", "/APP-Scim/users", "/app-scimUsers", "/scim/v2", "/SCIM/V2/x"]
        {
            assert!(closed.holds(path), "{path}");
        }
        for path in ["/", "/app", "/scim", "/scim/v20"] {
            assert!(!closed.holds(path), "{path}");
        }
    }
}
