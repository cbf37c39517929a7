//! Which build this is.

use super::{Host, Level};

/// The version of this package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that a release was built from; `None` in a build for development.
pub const COMMIT: Option<&str> = option_env!("VESTIBULE_COMMIT");

/// Under which key the workers of a process tell one another what was said already.
const SAID: &str = "vestibule.build";

/// The version and, where it is known, the commit: `0.1.0 (4f2a…)`.
#[must_use]
pub fn build() -> String {
    match COMMIT {
        Some(commit) => format!("{VERSION} ({commit})"),
        None => VERSION.to_owned(),
    }
}

/// Logs which build this is, once in each process and not in every worker.
pub fn announce(host: &dyn Host) {
    let build = build();
    let said = host.shared_get(SAID).ok().flatten();
    if said.as_ref().is_some_and(|(said, _)| said == build.as_bytes()) {
        return;
    }
    let cas = said.map(|(_, cas)| cas);
    if host.shared_set(SAID, build.as_bytes(), cas).is_ok() {
        host.log(Level::Info, &format!("vestibule {build}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::test_host::TestHost;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_build_is_logged_once_for_all_workers() {
        let host = TestHost::default();
        announce(&host);
        announce(&host);
        let lines = host.lines.borrow();
        assert_eq!(lines.iter().filter(|line| line.contains(VERSION)).count(), 1, "{lines:?}");
    }

    #[test]
    fn another_build_in_the_same_process_is_logged_again() {
        let host = TestHost::default();
        host.shared_set(SAID, b"0.0.1", None).unwrap();
        announce(&host);
        assert_eq!(host.lines.borrow().len(), 1);
    }
}
