//! `vestibule policy test`: which rule decides on a request, and why; 0 it passes, 1 it does not, 2 wrong usage.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vestibule::access::{Decision, Explained};
use vestibule::common::{Identity, UnixMillis};
use vestibule::config::{claim_name, read_tree};
use vestibule::gateway::{Gateway, Outcome, Rehearsal, Rehearsed};

use super::output::{self, Failure, read};

#[derive(Subcommand)]
pub(super) enum PolicyCommand {
    /// Say what becomes of a request, by which rule and why: 0 it passes, 1 it is refused or must sign in, 2 wrong usage
    Test(Arguments),
}

#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration (YAML or JSON), or - for standard input
    config: PathBuf,
    /// Method of the request
    #[arg(long, default_value = "GET")]
    method: String,
    /// Whole URL, or path and query
    #[arg(long)]
    url: String,
    /// Who is signed in (YAML or JSON): claims by alias or full name, and name_id, authn_context,
    /// signed_in_seconds_ago. Without it nobody is
    #[arg(long)]
    claims: Option<PathBuf>,
    /// Name of Envoy's route
    #[arg(long)]
    route: Option<String>,
    /// Name of the policy in the metadata of Envoy's route
    #[arg(long)]
    policy: Option<String>,
    /// Address of the client
    #[arg(long)]
    address: Option<IpAddr>,
    /// Name of the tenant, where the URL does not say
    #[arg(long)]
    tenant: Option<String>,
}

/// Runs one of them.
pub(super) fn run(command: &PolicyCommand, json: bool) -> Result<ExitCode, Failure> {
    let PolicyCommand::Test(arguments) = command;
    let rehearsed = rehearse(arguments).map_err(Failure)?;
    if json {
        output::json(&in_json(&rehearsed))?;
    } else {
        output::print(&in_words(&rehearsed))?;
    }
    Ok(output::verdict(matches!(rehearsed.outcome, Outcome::Passes { .. } | Outcome::Own(_))))
}

fn rehearse(arguments: &Arguments) -> Result<Rehearsed, String> {
    let text = text_of(&arguments.config)?;
    // No secret decides here; one that is not set on this machine does not matter.
    let environment =
        |name: &str| Some(std::env::var(name).unwrap_or_else(|_| vestibule::config::STAND_IN.to_owned()));
    let (gateway, _) = Gateway::compile(&text, &environment)
        .map_err(|errors| format!("{}: {}", arguments.config.display(), errors.join("\n")))?;
    let now = UnixMillis::default().after(std::time::UNIX_EPOCH.elapsed().unwrap_or_default());
    let identity = match &arguments.claims {
        Some(file) => Some(identity(file, now)?),
        None => None,
    };
    let request = Rehearsal {
        method: &arguments.method,
        url: &arguments.url,
        tenant: arguments.tenant.as_deref(),
        route: arguments.route.as_deref(),
        policy: arguments.policy.as_deref(),
        client: arguments.address,
        identity,
        now,
    };
    gateway.rehearse(&request).map_err(|error| error.to_string())
}

fn text_of(path: &Path) -> Result<Vec<u8>, String> {
    read(path).map_err(|Failure(why)| why)
}

/// Reads who is signed in.
fn identity(file: &Path, now: UnixMillis) -> Result<Identity, String> {
    let wrong = |what: &str| format!("{}: {what}", file.display());
    let Value::Object(fields) = read_tree(&text_of(file)?).map_err(|problem| wrong(&problem.to_string()))?
    else {
        return Err(wrong("is no mapping of claims to values"));
    };
    let mut identity = Identity { authn_instant: Some(now.0), ..Identity::default() };
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("name_id", Value::String(text)) => identity.name_id = text,
            ("authn_context", Value::String(text)) => identity.authn_context = Some(text),
            ("signed_in_seconds_ago", Value::Number(number)) => {
                let seconds =
                    number.as_u64().ok_or_else(|| wrong("signed_in_seconds_ago is no whole number"))?;
                identity.authn_instant = Some(now.before(Duration::from_secs(seconds)).0);
            }
            ("name_id" | "authn_context" | "signed_in_seconds_ago", _) => {
                return Err(wrong(&format!("{name} has the wrong type")));
            }
            (name, value) => {
                let values = values(value)
                    .ok_or_else(|| wrong(&format!("{name} is neither text nor a list of texts")))?;
                attributes.insert(claim_name(name).to_owned(), values);
            }
        }
    }
    identity.attributes = attributes;
    Ok(identity)
}

fn values(value: Value) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        value => Some(vec![text(value)?]),
    }
}

fn outcome(outcome: Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Passes { identified: true } => ("passes", "passes, with identity headers".to_owned()),
        Outcome::Passes { identified: false } => ("passes", "passes, without identity headers".to_owned()),
        Outcome::SignIn => {
            ("sign_in", "must sign in: a browser is redirected, a program gets 401".to_owned())
        }
        Outcome::SignInAnew => {
            ("sign_in_anew", "must sign in anew: a browser is redirected, a program gets 401".to_owned())
        }
        Outcome::Refused(code) => ("refused", format!("is refused ({code})")),
        Outcome::Own(whose) => ("own", format!("is for {whose}; no rule is asked")),
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass { .. } => "pass",
        Decision::Stale => "sign in anew, the sign-in is too old",
        Decision::Weak => "sign in anew, in another way",
        Decision::SignIn => "sign in",
        Decision::Forbidden => "forbidden",
        Decision::Denied => "denied",
    }
}

fn in_words(rehearsed: &Rehearsed) -> String {
    let tenant =
        rehearsed.tenant.as_ref().map_or_else(|| "no tenant".to_owned(), |name| format!("tenant {name}"));
    let mut text = format!("{tenant}: the request {}\n", outcome(rehearsed.outcome).1);
    let several = rehearsed.ways.len() > 1;
    for way in &rehearsed.ways {
        if several {
            text.push_str(&format!("\n{}: {}\n", looked_at(way), decision(way.decision)));
        }
        for judged in &way.rules {
            let sign = if judged.decides { "decides" } else { "no" };
            text.push_str(&format!("  {}: {sign}: {}\n", judged.rule, judged.why));
        }
        if !way.rules.iter().any(|judged| judged.decides) {
            text.push_str("  no rule decides: denied\n");
        }
    }
    if several {
        text.push_str("\nThe strictest of these counts.\n");
    }
    text
}

fn looked_at(way: &Explained) -> String {
    let how = if way.folded { "without regard to case, where a rule demands something" } else { "as it is" };
    format!("{:?} {how}", way.path)
}

fn in_json(rehearsed: &Rehearsed) -> Value {
    let ways: Vec<Value> = rehearsed
        .ways
        .iter()
        .map(|way| {
            let rules: Vec<Value> = way
                .rules
                .iter()
                .map(|judged| json!({"rule": judged.rule, "decides": judged.decides, "why": judged.why}))
                .collect();
            json!({"path": way.path, "any_case": way.folded, "decision": decision(way.decision), "rules": rules})
        })
        .collect();
    let (name, says) = outcome(rehearsed.outcome);
    let code = match rehearsed.outcome {
        Outcome::Refused(code) => Value::from(code),
        _ => Value::Null,
    };
    json!({
        "tenant": rehearsed.tenant,
        "outcome": name,
        "code": code,
        "says": says,
        "readings": rehearsed.readings,
        "ways": ways,
    })
}
