//! One look for all commands: what goes to which stream, and what the exit code says.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

/// Why a command could not do what was asked; exit code 2.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn of(name: &Path, why: impl std::fmt::Display) -> Self {
        Self(format!("{}: {why}", name.display()))
    }
}

/// 0 good, 1 the answer is no.
pub(crate) fn verdict(good: bool) -> ExitCode {
    ExitCode::from(u8::from(!good))
}

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| Failure(format!("standard output: {error}")))
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Prints a value for programs.
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Reads a file, or standard input where it is called `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_raw(path).map_err(|error| Failure::of(path, error))
}

/// As [`read`], with the error itself.
pub(crate) fn read_raw(path: &Path) -> std::io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}
