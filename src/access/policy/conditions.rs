//! What must hold beside the sign-in itself.

use super::Question;
use crate::common::{Identity, UnixMillis};
use crate::config::{Condition, MULTIPLE_AUTHN, REFEDS_MFA, Test, claim_name};

/// How conditions come out, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// They hold.
    Holds,
    /// The sign-in is too old.
    Stale,
    /// It was made in another way.
    Weak,
    /// They do not hold, and signing in changes nothing.
    Fails,
}

/// How all of them come out together. Without an identity, what is asked of one is not failed yet.
pub(super) fn all(conditions: &[Condition], question: &Question<'_>) -> Outcome {
    conditions.iter().map(|condition| one(condition, question)).max().unwrap_or(Outcome::Holds)
}

/// How one of them comes out.
pub(super) fn one(condition: &Condition, question: &Question<'_>) -> Outcome {
    if let Condition::Client(networks) = condition {
        let inside = question.client.is_some_and(|address| networks.iter().any(|it| it.holds(address)));
        return if inside { Outcome::Holds } else { Outcome::Fails };
    }
    let Some(identity) = question.identity else { return Outcome::Stale };
    let (holds, otherwise) = match condition {
        Condition::Claim { claim, test } => (values_pass(values(identity, claim), test), Outcome::Fails),
        Condition::AuthnContext(wanted) => {
            (identity.authn_context.as_ref().is_some_and(|class| wanted.contains(class)), Outcome::Weak)
        }
        Condition::Mfa => (used_several_factors(identity), Outcome::Weak),
        Condition::MaxAge(most) => {
            let fresh = identity.authn_instant.map(UnixMillis).is_some_and(|instant| {
                instant <= question.now.after(question.skew)
                    && question.now.before(question.skew) <= instant.after(*most)
            });
            (fresh, Outcome::Stale)
        }
        Condition::Client(_) => (false, Outcome::Fails),
    };
    if holds { Outcome::Holds } else { otherwise }
}

fn values<'i>(identity: &'i Identity, claim: &str) -> &'i [String] {
    identity.attributes.get(claim).map(Vec::as_slice).unwrap_or_default()
}

fn values_pass(values: &[String], test: &Test) -> bool {
    match test {
        Test::Exists => values.iter().any(|value| !value.is_empty()),
        Test::Equals(wanted) => matches!(values, [only] if only == wanted),
        Test::OneOf(wanted) => !wanted.is_empty() && values.iter().any(|value| wanted.contains(value)),
        Test::AllOf(wanted) => !wanted.is_empty() && wanted.iter().all(|value| values.contains(value)),
    }
}

/// Entra says so in an attribute, AD FS and REFEDS in the class as well.
fn used_several_factors(identity: &Identity) -> bool {
    let class = identity.authn_context.as_deref();
    class.is_some_and(|class| class == MULTIPLE_AUTHN || class == REFEDS_MFA)
        || values(identity, claim_name("authn_methods")).iter().any(|method| method == MULTIPLE_AUTHN)
}

/// In words, for an operator.
pub(super) fn says(condition: &Condition) -> String {
    let list = |values: &[String]| values.join(", ");
    match condition {
        Condition::Claim { claim, test } => match test {
            Test::Exists => format!("claim {claim} exists"),
            Test::Equals(value) => format!("claim {claim} equals {value}"),
            Test::OneOf(values) => format!("claim {claim} is one of {}", list(values)),
            Test::AllOf(values) => format!("claim {claim} has all of {}", list(values)),
        },
        Condition::AuthnContext(classes) => format!("authn_context is one of {}", list(classes)),
        Condition::Mfa => "mfa".to_owned(),
        Condition::MaxAge(most) => format!("signed in at most {} s ago", most.as_secs()),
        Condition::Client(networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            format!("client is in {}", list(&networks))
        }
    }
}
