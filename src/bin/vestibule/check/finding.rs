//! One thing that is wrong or weak, and the list of them.

use serde_json::{Value, json};

use super::document::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It does not work, or it is not safe.
    Error,
    /// It works, but there is a better way.
    Warning,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// Line in the file, from 1; 0 where none can be told.
    pub(crate) line: usize,
    /// Path within the document; for the plugin's own configuration, within that.
    pub(crate) path: String,
    pub(crate) what: String,
    /// What comes of it; empty where `what` says it.
    pub(crate) why: String,
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn json(&self, file: &str) -> Value {
        json!({
            "severity": self.severity.name(),
            "file": file,
            "line": (self.line > 0).then_some(self.line),
            "path": self.path,
            "what": self.what,
            "why": (!self.why.is_empty()).then_some(&self.why),
            "remedy": self.remedy,
        })
    }

    pub(crate) fn text(&self, file: &str) -> String {
        let place = if self.line > 0 { format!("{file}:{}", self.line) } else { file.to_owned() };
        let path = if self.path.is_empty() { "(top level)" } else { &self.path };
        let mut text = format!("{place}: {}: {path}: {}\n", self.severity.name(), self.what);
        if !self.why.is_empty() {
            text.push_str(&format!("    why:    {}\n", self.why));
        }
        text.push_str(&format!("    remedy: {}\n", self.remedy));
        text
    }
}

/// Everything that was found, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        // One cluster may be named by several tenants, and one route table stand behind several listeners.
        let same = |have: &Finding| (&have.path, &have.what) == (&finding.path, &finding.what);
        if !self.0.iter().any(same) {
            self.0.push(finding);
        }
    }

    /// Takes back a warning about a path, once it is known that there is nothing to warn of.
    pub(crate) fn settle(&mut self, path: &str) {
        self.0.retain(|finding| finding.severity != Severity::Warning || finding.path != path);
    }

    /// Something about a place of the file.
    pub(crate) fn at(&mut self, severity: Severity, place: &Place<'_>, what: &str, why: &str, remedy: &str) {
        self.push(Finding {
            severity,
            line: place.line(),
            path: place.path.clone(),
            what: what.to_owned(),
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    pub(crate) fn error(&mut self, place: &Place<'_>, what: &str, why: &str, remedy: &str) {
        self.at(Severity::Error, place, what, why, remedy);
    }

    pub(crate) fn warn(&mut self, place: &Place<'_>, what: &str, why: &str, remedy: &str) {
        self.at(Severity::Warning, place, what, why, remedy);
    }

    /// By line, errors before warnings of the same line.
    pub(crate) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| (finding.line, finding.severity));
        self.0
    }
}
