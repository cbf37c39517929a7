//! The applications' own SCIM prefixes, closed to every way in but the provisioning client's.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::common::path::folded;
use crate::config::ScimSettings;

/// Which paths are closed, on every host, whoever owns them.
///
/// How long it takes to tell grows with the path, and hardly with the number of tenants.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// Where Envoy routes to SCIM servers. Envoy's `prefix` ends within a segment as well, so these do too. None begins
    /// with another.
    routed: BTreeSet<String>,
    /// Where SCIM servers believe to be, and where Entra calls: at segments.
    known: BTreeSet<String>,
}

impl Closed {
    pub(super) fn new<'s>(settings: impl Iterator<Item = &'s ScimSettings>) -> Self {
        let (mut routed, mut known) = (BTreeSet::new(), BTreeSet::new());
        for scim in settings {
            routed.insert(folded(&scim.application.path).into_owned());
            known.insert(folded(&scim.public_path).into_owned());
            if !scim.application.cluster_path.is_empty() {
                known.insert(folded(&scim.application.cluster_path).into_owned());
            }
        }
        Self::of(&routed, known)
    }

    fn of(routed: &BTreeSet<String>, known: BTreeSet<String>) -> Self {
        let mut shortest: BTreeSet<String> = BTreeSet::new();
        // In order, so that what a prefix begins with comes before it.
        for prefix in routed {
            if !shortest.last().is_some_and(|shorter| prefix.starts_with(shorter.as_str())) {
                shortest.insert(prefix.clone());
            }
        }
        Self { routed: shortest, known }
    }

    /// Whether a path in normal form is closed, in any spelling.
    pub(super) fn holds(&self, path: &str) -> bool {
        let path = folded(path);
        // Of prefixes none of which begins with another, only the last one before the path can be its prefix.
        let before = self.routed.range::<str, _>((Bound::Unbounded, Bound::Included(&*path))).next_back();
        if before.is_some_and(|prefix| path.starts_with(prefix.as_str())) {
            return true;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.filter_map(|end| path.get(..end)).any(|prefix| self.known.contains(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_closed_prefix_is_closed_in_every_spelling_that_a_route_may_match() {
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let closed = Closed::of(&set(&["/app-scim", "/app-scim-two", "/b"]), set(&["/scim/v2"]));
        for path in [
            "/app-scim",
            "/app-scim/Users",
            "/APP-Scim/users",
            "/app-scimUsers",
            "/app-scim-tz",
            "/bc",
            "/scim/v2",
            "/SCIM/V2/x",
        ] {
            assert!(closed.holds(path), "{path}");
        }
        for path in ["/", "/app", "/scim", "/scim/v20"] {
            assert!(!closed.holds(path), "{path}");
        }
    }
}
