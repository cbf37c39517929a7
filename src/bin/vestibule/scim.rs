//! `vestibule scim`: what the filter does with provisioning requests, as JSON on standard output.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use vestibule::scim::explain::{Explained, Outcome, explain, replay, unusable};

use super::output::read_raw as read;

#[derive(Subcommand)]
pub(super) enum ScimCommand {
    /// Print what becomes of one request: 0 forwarded, 1 refused, 2 no case
    Explain {
        /// The case (JSON), or - for standard input
        case: PathBuf,
    },
    /// Print what becomes of every request of a captured session, one line of JSON each
    Replay {
        /// An HTTP archive (.har), or cases, one a line (.jsonl); - for standard input
        capture: PathBuf,
        /// Path or URL that Entra calls; found by the names of SCIM's endpoints where it is not given
        #[arg(long)]
        base: Option<String>,
    },
}

/// Runs one of them.
pub(super) fn run(command: &ScimCommand) -> ExitCode {
    let reports = match command {
        ScimCommand::Explain { case } => match read(case) {
            Ok(text) => vec![explain(&text)],
            Err(error) => vec![unreadable(case, &error)],
        },
        ScimCommand::Replay { capture, base } => match read(capture) {
            Ok(text) => replay(&text, base.as_deref()),
            Err(error) => vec![unreadable(capture, &error)],
        },
    };
    let lines = matches!(command, ScimCommand::Replay { .. });
    if reports.is_empty() {
        return print(&[unusable("capture_empty", "There is no request in it.")], lines);
    }
    print(&reports, lines)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Explained {
    unusable("unreadable", &format!("{}: {error}", path.display()))
}

/// Prints the reports; the exit code is that of the worst.
fn print(reports: &[Explained], lines: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut worst = 0u8;
    for report in reports {
        let text = if lines { format!("{}", report.json) } else { format!("{:#}", report.json) };
        if let Err(error) = writeln!(out, "{text}") {
            eprintln!("standard output: {error}");
            return ExitCode::from(2);
        }
        worst = worst.max(match report.outcome {
            Outcome::Forwarded => 0,
            Outcome::Refused => 1,
            Outcome::Unusable => 2,
        });
    }
    ExitCode::from(worst)
}
