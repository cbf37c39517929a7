//! The readers of this room that are not public, for tests and for the targets in `fuzz/`.

use super::change::{self, AccountChange};
use super::filter::{Filter, Mode, Path};
use super::url;
use crate::common::json;

/// Reads a filter whose quoted literals are JSON strings.
#[must_use]
pub fn strict_filter(text: &str) -> Option<Filter> {
    Filter::parse(text, Mode::Strict)
}

/// Reads a filter whose literals may hold unescaped quotes and backslashes (F6).
#[must_use]
pub fn tolerant_filter(text: &str) -> Option<Filter> {
    Filter::parse(text, Mode::Unescaped)
}

/// Reads a path of a PATCH operation whose quoted literals are JSON strings.
#[must_use]
pub fn strict_path(text: &str) -> Option<Path> {
    Path::parse(text, Mode::Strict)
}

/// Reads a path of a PATCH operation whose literals may hold unescaped quotes and backslashes (F6).
#[must_use]
pub fn tolerant_path(text: &str) -> Option<Path> {
    Path::parse(text, Mode::Unescaped)
}

/// What a write means for a person's access, read from the request as it stands.
#[must_use]
pub fn account_change(method: &str, path: &str, body: &[u8]) -> Option<AccountChange> {
    let body = json::parse(body).ok()?;
    change::account_change(&url::target(method, path, true).ok()?, Some(&body))
}
