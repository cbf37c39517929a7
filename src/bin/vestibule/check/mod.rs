//! `vestibule check`: every problem of a configuration, with its place, what comes of it, and the remedy.
//!
//! It reads the plugin configuration by itself, Envoy's configuration with the filter in it, and manifests of Istio and
//! Envoy Gateway. [`document`] reads YAML with lines, [`envoy`] finds listeners, filters, routes and clusters, and the
//! others judge.

mod capabilities;
mod clusters;
pub(crate) mod document;
pub(crate) mod envoy;
mod filter;
pub(crate) mod finding;
mod listeners;
mod manifest;
mod paths;
pub(crate) mod plugin;
mod routes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::output::{self, Failure};
use document::{Located, Place};
use envoy::{Envoy, Plugin};
use finding::{Finding, Findings, Severity};
use manifest::Manifests;
use plugin::OurConfiguration;

/// What to check.
#[derive(Args)]
pub(crate) struct Check {
    /// Files to check (YAML or JSON), each by itself; - for standard input
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    /// Warnings are a no, too
    #[arg(long)]
    strict: bool,
}

/// What kind of file it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plugin,
    Envoy,
    Manifests,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin configuration",
            Self::Envoy => "Envoy configuration",
            Self::Manifests => "manifests",
        }
    }
}

/// Checks all files and prints what was found.
pub(crate) fn run(check: &Check, as_json: bool) -> Result<ExitCode, Failure> {
    let mut reports = Vec::new();
    for path in &check.configs {
        let text = output::read(path)?;
        let (kind, findings) = examine(&text, path.parent().unwrap_or(Path::new("")));
        reports.push((path.display().to_string(), kind, findings));
    }
    let count = |findings: &[Finding], severity| findings.iter().filter(|it| it.severity == severity).count();
    let mut good = true;
    let mut files = Vec::new();
    for (file, kind, findings) in &reports {
        let (errors, warnings) = (count(findings, Severity::Error), count(findings, Severity::Warning));
        let verdict = errors == 0 && (warnings == 0 || !check.strict);
        good &= verdict;
        if as_json {
            let problems: Vec<_> = findings.iter().map(|finding| finding.json(file)).collect();
            files.push(json!({
                "file": file, "kind": kind.name(), "good": verdict, "errors": errors, "warnings": warnings,
                "problems": problems,
            }));
            continue;
        }
        for finding in findings {
            output::print(&finding.text(file))?;
        }
        let word = if verdict { "good" } else { "not good" };
        let errors = output::counted(errors, "error");
        output::line(&format!(
            "{file} ({}): {word}, {errors}, {}",
            kind.name(),
            output::counted(warnings, "warning")
        ))?;
    }
    if as_json {
        output::json(&json!({"good": good, "files": files}))?;
    }
    Ok(output::verdict(good))
}

/// Everything that is wrong with a text; `directory` is where file names in it begin.
pub(crate) fn examine(text: &[u8], directory: &Path) -> (Kind, Vec<Finding>) {
    let mut findings = Findings::default();
    let Some(text) = std::str::from_utf8(text).ok() else {
        let what = "is not UTF-8".to_owned();
        findings.push(top_level(0, what, "save it as UTF-8"));
        return (Kind::Plugin, findings.sorted());
    };
    let documents = match document::read(text) {
        Ok(documents) => documents,
        Err(error) => {
            let what = format!("is neither YAML nor JSON ({})", error.what);
            findings.push(top_level(error.line, what, "mend the syntax there"));
            return (Kind::Plugin, findings.sorted());
        }
    };
    let kind = judge(text, &documents, directory, &mut findings);
    (kind, findings.sorted())
}

fn top_level(line: usize, what: String, remedy: &str) -> Finding {
    let (path, why, remedy) = (String::new(), String::new(), remedy.to_owned());
    Finding { severity: Severity::Error, line, path, what, why, remedy }
}

fn judge(text: &str, documents: &[Located], directory: &Path, findings: &mut Findings) -> Kind {
    let places: Vec<Place<'_>> = documents.iter().map(Place::top).collect();
    let mut manifests = Manifests::default();
    let others: Vec<&Place<'_>> = places.iter().filter(|place| !manifests.take(place)).collect();
    if others.len() < places.len() {
        let mut ours = manifests.judge(findings);
        for document in &places {
            ours = ours.saturating_add(config_map(document, directory, findings));
        }
        if ours == 0 {
            findings.push(nothing_of_ours("no manifest in this file has the filter in it"));
        }
        return Kind::Manifests;
    }
    if others.iter().any(|place| envoy::is_envoy(place)) {
        let mut envoy = Envoy::default();
        for place in others {
            envoy.take(place);
        }
        judge_envoy(&envoy, directory, findings);
        return Kind::Envoy;
    }
    OurConfiguration::of_text(text, None, findings);
    Kind::Plugin
}

fn nothing_of_ours(what: &str) -> Finding {
    let remedy = "name the file that has it; the filter is recognised by its module's name (vestibule.wasm) or its \
                  configuration (tenants)";
    top_level(0, what.to_owned(), remedy)
}

/// Configurations that a ConfigMap holds as files; how many filters of ours are in them.
fn config_map(document: &Place<'_>, directory: &Path, findings: &mut Findings) -> usize {
    let data = document.get("data").filter(|_| document.text_of("kind") == Some("ConfigMap"));
    let mut ours = 0usize;
    for (_, file) in data.iter().flat_map(Place::fields) {
        let Some(text) = file.text() else { continue };
        let Ok(documents) = document::read(text) else { continue };
        let is_envoy = documents.iter().map(Place::top).any(|place| envoy::is_envoy(&place));
        let is_plugin = documents.iter().any(|it| it.get("tenants").is_some() && it.get("keys").is_some());
        if !is_envoy && !is_plugin {
            continue;
        }
        ours = ours.saturating_add(1);
        let (_, found) = examine(text.as_bytes(), directory);
        for mut finding in found {
            finding.line = file.line().saturating_add(finding.line.saturating_sub(1));
            finding.path = format!("{}: {}", file.path, finding.path);
            findings.push(finding);
        }
    }
    ours
}

fn judge_envoy(envoy: &Envoy<'_>, directory: &Path, findings: &mut Findings) {
    let mut ours: Vec<(Plugin<'_>, OurConfiguration)> = Vec::new();
    let mut guarded = Vec::new();
    for manager in &envoy.managers {
        for (at, filter) in manager.filters.iter().enumerate() {
            for plugin in filter.plugins.iter().filter(|plugin| plugin.is_ours()) {
                guarded.push(manager);
                let Some(configuration) = filter::judge(plugin, findings) else { continue };
                filter::judge_buffer(manager, at, &configuration, findings);
                listeners::judge(manager, &configuration, directory, findings);
                paths::judge(manager, &configuration, findings);
                routes::judge(manager, filter, &configuration, findings);
                clusters::judge(&configuration, envoy, findings);
                ours.push((plugin.clone(), configuration));
            }
        }
    }
    if guarded.is_empty() {
        findings.push(nothing_of_ours("no connection manager in this file has the filter in it"));
        return;
    }
    for manager in &envoy.managers {
        let has = guarded.iter().any(|guarded| guarded.place.path == manager.place.path);
        for (_, configuration) in ours.iter().filter(|_| !has) {
            routes::judge_unguarded(manager, &guarded, configuration, findings);
        }
    }
    filter::judge_together(envoy, &ours, findings);
    listeners::judge_admin(envoy, findings);
}
