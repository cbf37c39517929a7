//! Questions to whoever sits there.

use std::io::Write;

use crate::output::Failure;

/// Asks, or takes what was given, or with `--yes` the default.
pub(super) struct Questions {
    yes: bool,
}

impl Questions {
    pub(super) fn new(yes: bool) -> Self {
        Self { yes }
    }

    /// One line of text. What ends up in a file is quoted there; it must not end the line.
    pub(super) fn text(
        &mut self,
        question: &str,
        given: &Option<String>,
        default: &str,
    ) -> Result<String, Failure> {
        let answer = match given {
            Some(text) => text.clone(),
            None if self.yes => default.to_owned(),
            None => {
                eprint!("{question} [{default}]: ");
                let _ = std::io::stderr().flush();
                let mut line = String::new();
                let read = std::io::stdin().read_line(&mut line);
                read.map_err(|error| Failure(format!("standard input: {error}")))?;
                let line = line.trim();
                if line.is_empty() { default.to_owned() } else { line.to_owned() }
            }
        };
        let harmless = |c: char| c.is_ascii_graphic() && !"\"'{}\\`$".contains(c);
        if !answer.chars().all(|c| harmless(c) || c == ' ') {
            return Err(Failure(format!("{question}: use plain characters, without quotes and braces")));
        }
        Ok(answer)
    }
}
