//! The judgement, for programs and for people.

use std::process::ExitCode;

use serde_json::{Value, json};
use vestibule::common::Identity;
use vestibule::saml::response::{Accepted, Outcome, Rejection, Warning};

use super::Judgement;

impl Judgement {
    /// Prints it; exit code 0 for an accepted response, 1 for a refused one.
    pub(super) fn print(&self, as_json: bool) -> ExitCode {
        if as_json {
            println!("{:#}", self.json());
        } else {
            print!("{}", self.text());
        }
        ExitCode::from(u8::from(self.refused().is_some()))
    }

    /// Why it signs nobody in: by SAML, or by the conditions of the configuration.
    fn refused(&self) -> Option<(&'static str, String)> {
        match (&self.outcome, &self.rules) {
            (Err(rejection), _) => Some((rejection.code(), rejection.detail())),
            (Ok(_), Some(Err(ruled))) => Some((ruled.code, ruled.detail.clone())),
            (Ok(_), _) => None,
        }
    }

    fn checks(&self) -> Vec<(&'static str, Outcome)> {
        let mut all = vec![("encoding", Outcome::Passed)];
        if matches!(self.outcome, Err(Rejection::Base64)) {
            return vec![("encoding", Outcome::Failed)];
        }
        all.extend(self.checks.outcomes(self.outcome.is_err()));
        if let Some(rules) = &self.rules {
            let outcome = if rules.is_ok() { Outcome::Passed } else { Outcome::Failed };
            all.push(("configuration", outcome));
        }
        all
    }

    fn warnings(&self) -> Vec<(&'static str, String)> {
        let mut all = self.warnings.clone();
        if let Ok(accepted) = &self.outcome {
            all.extend(accepted.warnings.iter().map(|warning| (warning.code(), advice(*warning).to_owned())));
        }
        all
    }

    fn json(&self) -> Value {
        let (verdict, code, detail) = match self.refused() {
            None => ("accept", Value::Null, Value::Null),
            Some((code, detail)) => ("reject", code.into(), detail.into()),
        };
        let identity = self.outcome.as_deref().map_or(Value::Null, identity);
        let checks: Vec<Value> = self
            .checks()
            .into_iter()
            .map(|(name, outcome)| json!({"name": name, "outcome": outcome.code()}))
            .collect();
        let warnings: Vec<Value> = self
            .warnings()
            .into_iter()
            .map(|(code, detail)| json!({"code": code, "detail": detail}))
            .collect();
        json!({
            "verdict": verdict,
            "code": code,
            "detail": detail,
            "identity": identity,
            "checks": checks,
            "warnings": warnings,
        })
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        match self.refused() {
            None => lines.push("ACCEPTED: this response signs in".to_owned()),
            Some((code, detail)) => {
                lines.push(format!("REJECTED: {code}"));
                lines.push(format!("  {detail}"));
            }
        }
        // Where a condition of the configuration refuses, what the response says is the way to mend it.
        if let Ok(accepted) = &self.outcome {
            lines.extend(person(&accepted.identity));
            if let Some(end) = &accepted.conditions_end {
                lines.push(format!("  not on or after    {}", printable(end)));
            }
        }
        lines.push("Checks, in order:".to_owned());
        for (name, outcome) in self.checks() {
            lines.push(format!("  {:<8} {}", outcome.code(), name.replace('_', " ")));
        }
        for (code, detail) in self.warnings() {
            lines.push(format!("Warning: {code}: {detail}"));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

fn identity(accepted: &Accepted) -> Value {
    let identity = &accepted.identity;
    json!({
        "issuer": identity.issuer,
        "name_id": (!identity.name_id.is_empty()).then_some(&identity.name_id),
        "name_id_format": identity.name_id_format,
        "session_index": identity.session_index,
        "not_on_or_after": accepted.conditions_end,
        "authn_context": identity.authn_context,
        "attributes": identity.attributes,
    })
}

fn person(identity: &Identity) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:<18} {}", printable(value)));
    line("issuer", &identity.issuer);
    line("name identifier", &identity.name_id);
    for (name, value) in [
        ("format", &identity.name_id_format),
        ("session index", &identity.session_index),
        ("authn context", &identity.authn_context),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    for (name, values) in &identity.attributes {
        lines.push(format!("  {} =", printable(name)));
        lines.extend(values.iter().map(|value| format!("      {}", printable(value))));
    }
    lines
}

/// The text without anything that a terminal obeys: it may be anybody's.
fn printable(text: &str) -> String {
    let unsafe_here = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if unsafe_here(c) { '\u{fffd}' } else { c }).collect()
}

/// What a condition of the configuration has an operator look at.
pub(super) fn of_rule(code: &str) -> String {
    match code {
        "group_overage" => {
            "the person has more than 150 groups and Entra sent none of them; no rule and no header uses groups, or \
             group_overage allows it"
        }
        _ => "see docs/codes.md",
    }
    .to_owned()
}

fn advice(warning: Warning) -> &'static str {
    match warning {
        Warning::CertificateOutsideValidity => {
            "the signing certificate is outside its dates; renew it at the identity provider"
        }
        Warning::NameIdUnread => {
            "the subject's name is encrypted and could not be read; the identity has no name"
        }
    }
}
