//! The provisioning log.

use super::html::escape;
use crate::{
    scim::{
        log::{Entry, Outcome},
        task::{Action, Step},
    },
    web::app::App,
};

const SHOWN: usize = 100;

/// The latest lines, newest first.
pub fn entries(app: &App) -> String {
    let log = app.log();
    let lines: String = log.iter().rev().take(SHOWN).map(entry).collect();
    if lines.is_empty() {
        return "<p class=\"quiet\">Nothing has been sent yet.</p>".into();
    }
    let filter = "<form class=\"filter\" data-filter><fieldset><legend>Show</legend>\
                  <label class=\"check\"><input type=\"radio\" name=\"show\" value=\"\" checked> <span>All</span></label>\
                  <label class=\"check\"><input type=\"radio\" name=\"show\" value=\"failure\"> <span>Failures</span></label>\
                  <label class=\"check\"><input type=\"radio\" name=\"show\" value=\"sent\"> <span>Requests</span></label>\
                  </fieldset></form>";
    format!("{filter}<div class=\"log\">{lines}</div>")
}

fn entry(entry: &Entry) -> String {
    let (class, word) = match entry.outcome {
        Outcome::Success => ("good", "Success"),
        Outcome::Failure => ("bad", "Failure"),
        Outcome::Skipped => ("off", "Skipped"),
    };
    let kind = match (&entry.outcome, &entry.request) {
        (Outcome::Failure, _) => "failure",
        (_, Some(_)) => "sent",
        _ => "skipped",
    };
    let code = entry.error_code.as_ref().map(|code| format!("<dt>Error code</dt><dd>{}</dd>", escape(code)));
    let target = entry.request.as_ref().map(|request| {
        let status = entry.status.map_or_else(|| "no answer".into(), |status| format!("HTTP {status}"));
        format!("{} · {status}", request.method)
    });
    format!(
        "<details class=\"line\" data-kind=\"{kind}\"><summary><span class=\"chip {class}\">{word}</span>\
         <span class=\"what\">{}</span><small>{}<time>{}</time></small></summary><div class=\"inside\"><p>{}</p>\
         <dl class=\"facts\"><dt>Action</dt><dd>{}</dd><dt>Step</dt><dd>{}</dd>{}</dl>{}</div></details>",
        escape(&entry.what),
        target.map(|target| format!("{} · ", escape(&target))).unwrap_or_default(),
        escape(entry.time.get(11..19).unwrap_or(&entry.time)),
        escape(&entry.message),
        action(entry.action),
        step(entry.step),
        code.unwrap_or_default(),
        exchange(entry),
    )
}

fn exchange(entry: &Entry) -> String {
    let Some(request) = &entry.request else { return String::new() };
    let mut sent = format!("{} {}\n", request.method, request.url);
    sent.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")));
    sent.extend(request.body.iter().map(|body| format!("\n{body:#}\n")));
    let mut got = entry.status.map_or_else(|| "no answer\n".into(), |status| format!("HTTP {status}\n"));
    got.extend(entry.response.iter().filter(|body| !body.is_null()).map(|body| format!("\n{body:#}\n")));
    format!(
        "<h3>Request</h3><pre tabindex=\"0\" aria-label=\"Request\">{}</pre><h3>Answer</h3>\
         <pre tabindex=\"0\" aria-label=\"Answer\">{}</pre>",
        escape(&sent),
        escape(&got)
    )
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "Create",
        Action::Update => "Update",
        Action::Disable => "Disable",
        Action::Delete => "Delete",
        Action::Other => "Other",
    }
}

const fn step(step: Step) -> &'static str {
    match step {
        Step::Connection => "Test connection",
        Step::Scoping => "Determine if user is in scope",
        Step::Matching => "Match user between source and target system",
        Step::References => "Resolve references",
        Step::Export => "Perform action",
    }
}
