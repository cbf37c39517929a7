//! Why the rules say what they say, rule by rule, for an operator.

use super::conditions::{self, Outcome};
use super::matching::{Fit, fit};
use super::{Decision, Question, Undecided, of, ways};
use crate::config::AccessSettings;

/// One way of looking at the path, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The reading of the path.
    pub path: String,
    /// Whether rules that demand something were compared without regard to case.
    pub folded: bool,
    /// The rules that were looked at, in order; the last may be the deciding one.
    pub rules: Vec<Judged>,
    /// What this way alone would give.
    pub decision: Decision,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its place in the configuration: `rules[2]`, `policies.staff[0]`.
    pub rule: String,
    /// Whether it decides.
    pub decides: bool,
    /// Why it does not; or, where it does, what it wants and which conditions do not hold.
    pub why: String,
}

/// As [`super::decide`], with reasons: one for each way of looking at the path. The strictest counts.
#[must_use]
pub fn explain(settings: &AccessSettings, question: &Question<'_>) -> Vec<Explained> {
    let mut ways_seen = Vec::new();
    for way in ways(question) {
        let named = question.policy.and_then(|name| settings.policies.get_key_value(name));
        let common = settings.rules.iter().enumerate().map(|(at, rule)| (format!("rules[{at}]"), rule));
        let of_route = named.into_iter().flat_map(|(name, rules)| {
            rules.iter().enumerate().map(move |(at, rule)| (format!("policies.{name}[{at}]"), rule))
        });
        let mut rules = Vec::new();
        let mut decision = Decision::Denied;
        for (place, rule) in common.chain(of_route) {
            let (decides, why) = match fit(rule, question, way) {
                Fit::Matches => {
                    decision = of(Ok(rule), question);
                    (true, wants(rule, question))
                }
                Fit::OtherRoute => {
                    (false, format!("only on route {}", rule.route.as_deref().unwrap_or_default()))
                }
                Fit::Otherwise(mismatch) => (false, mismatch.says().to_owned()),
                Fit::Unknowable(mismatch) => {
                    decision = of(Err(Undecided), question);
                    (true, mismatch.says().to_owned())
                }
            };
            rules.push(Judged { rule: place, decides, why });
            if decides {
                break;
            }
        }
        ways_seen.push(Explained { path: way.path.to_owned(), folded: way.folded, rules, decision });
    }
    ways_seen
}

fn wants(rule: &crate::config::Rule, question: &Question<'_>) -> String {
    let mut why = format!("access: {}", rule.access.name());
    for condition in &rule.require {
        let outcome = match conditions::one(condition, question) {
            Outcome::Holds => "holds",
            _ if question.identity.is_none() && condition_is_of_person(condition) => "nobody is signed in",
            Outcome::Stale => "does not hold: the sign-in is too old, or its time unknown",
            Outcome::Weak => "does not hold: signed in in another way",
            Outcome::Fails => "does not hold",
        };
        why.push_str(&format!("; {}: {outcome}", conditions::says(condition)));
    }
    why
}

fn condition_is_of_person(condition: &crate::config::Condition) -> bool {
    !matches!(condition, crate::config::Condition::Client(_))
}
