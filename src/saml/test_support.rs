//! Where tests find the files that are not part of the repository.

use std::path::PathBuf;

/// The folder of the fixtures: `VESTIBULE_FIXTURES`, or `../shared/fixtures` beside the repository.
pub(crate) fn fixtures() -> PathBuf {
    std::env::var_os("VESTIBULE_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"), PathBuf::from)
}

/// Text of a fixture; `None`, with a message, where it is missing.
pub(crate) fn fixture(path: &str) -> Option<String> {
    let path = fixtures().join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(_) => {
            eprintln!("SKIPPED: {} is missing", path.display());
            None
        }
    }
}
