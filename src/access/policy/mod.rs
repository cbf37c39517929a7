//! Ordered rules: the first that matches decides, and where none does the request is refused.
//!
//! A path may be read in more than one way, and an application may or may not distinguish case. So a request is judged in
//! every way, and passes only if it does in each: the strictest decision counts.

mod conditions;
mod explained;
mod matching;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

pub use explained::{Explained, Judged, explain};
use matching::{Fit, Way, fit};

use crate::common::path::NormalPath;
use crate::common::{Identity, UnixMillis};
use crate::config::{Access, AccessSettings, Rule};

/// What the rules are asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Host of the request, lower-case, without port.
    pub host: &'a str,
    /// Path, in all its readings.
    pub path: &'a NormalPath,
    /// Method, upper-case.
    pub method: &'a str,
    /// Name of Envoy's route, where it is known.
    pub route: Option<&'a str>,
    /// The policy that the metadata of Envoy's route name, where they do.
    pub policy: Option<&'a str>,
    /// Address of the client as the proxy knows it, where it does.
    pub client: Option<IpAddr>,
    /// Who is signed in.
    pub identity: Option<&'a Identity>,
    /// The time.
    pub now: UnixMillis,
    /// How far the clock of the identity provider may be from ours.
    pub skew: Duration,
}

/// What the rules say, from the least strict to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Let it pass.
    Pass {
        /// Whether the application is told who is there.
        identified: bool,
        /// Whether the rule may open the application's own SCIM prefix.
        opens_scim: bool,
    },
    /// The person proved who they are too long ago; doing it anew would help.
    Stale,
    /// The person signed in in another way than is wanted; signing in anew may help.
    Weak,
    /// Only somebody signed in may pass.
    SignIn,
    /// Not entitled, whoever it is or will be.
    Forbidden,
    /// No rule matches, or one that denies, or it cannot be known whether one matches.
    Denied,
}

impl Decision {
    /// What is left where both must let it pass.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Pass { identified, opens_scim },
                Self::Pass { identified: also_identified, opens_scim: also_opens },
            ) => {
                Self::Pass { identified: identified || also_identified, opens_scim: opens_scim && also_opens }
            }
            (one, other) => one.max(other),
        }
    }

    /// Whether it lets the request pass.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Pass { .. })
    }
}

/// Asks the rules.
#[must_use]
pub fn decide(settings: &AccessSettings, question: &Question<'_>) -> Decision {
    let mut decision: Option<Decision> = None;
    each_way(settings, question, |rule| {
        let one = of(rule, question);
        decision = Some(decision.map_or(one, |before| before.and(one)));
    });
    decision.unwrap_or(Decision::Denied)
}

/// The rule that says what the application is told, where one decides: for the path decoded once, as it is written.
#[must_use]
pub fn deciding<'s>(settings: &'s AccessSettings, question: &Question<'_>) -> Option<&'s Rule> {
    let way = ways(question).next()?;
    settings.rules_for(question.policy, way.path).find(|rule| fit(rule, question, way) == Fit::Matches)
}

/// Whether it matters to the decision who is signed in: not where the rules let anybody pass without identity.
#[must_use]
pub fn session_matters(settings: &AccessSettings, question: &Question<'_>) -> bool {
    let mut matters = false;
    each_way(settings, question, |rule| {
        matters |= rule.is_ok_and(|rule| matches!(rule.access, Access::Optional | Access::SignedIn));
    });
    matters
}

/// Whether the request would pass whatever route Envoy chose.
#[must_use]
pub fn passes_on_every_route(settings: &AccessSettings, question: &Question<'_>) -> bool {
    let routes = || {
        let named = settings.all_rules().filter_map(|rule| rule.route.as_deref());
        named.map(Some).chain(std::iter::once(None))
    };
    let policies = settings.policies.keys().map(|name| Some(name.as_str())).chain(std::iter::once(None));
    // Without policies there is nothing behind the common rules, and no name changes that.
    policies.into_iter().all(|policy| {
        routes().all(|route| decide(settings, &Question { route, policy, ..*question }).passes())
    })
}

/// Whether the decision on this request looks at Envoy's route: a rule up to the deciding one names a route, or the
/// deciding one is of the policy that the route names.
///
/// Such a decision must not be combined with a header edit on behalf of a forger, because the edit makes Envoy choose
/// the route anew.
#[must_use]
pub fn route_matters(settings: &AccessSettings, question: &Question<'_>) -> bool {
    ways(question).any(|way| {
        for rule in settings.rules.about(way.path) {
            match fit(rule, question, way) {
                Fit::Otherwise(_) => {}
                Fit::OtherRoute => return true,
                Fit::Matches | Fit::Unknowable(_) => return rule.route.is_some(),
            }
        }
        !settings.policies.is_empty()
    })
}

/// The rule that decides, for each way in which the request is looked at.
fn each_way<'s>(
    settings: &'s AccessSettings,
    question: &Question<'_>,
    mut take: impl FnMut(Result<&'s Rule, Undecided>),
) {
    for way in ways(question) {
        let decisive =
            settings.rules_for(question.policy, way.path).find_map(|rule| match fit(rule, question, way) {
                Fit::Matches => Some(Ok(rule)),
                Fit::Unknowable(_) => Some(Err(Undecided)),
                Fit::OtherRoute | Fit::Otherwise(_) => None,
            });
        take(decisive.unwrap_or(Err(Undecided)));
    }
}

/// No rule decides.
#[derive(Clone, Copy)]
struct Undecided;

/// Every reading of the path, as it is and folded.
fn ways<'q>(question: &Question<'q>) -> impl Iterator<Item = Way<'q>> {
    question.path.readings().flat_map(|path| [Way::as_written(path), Way::folded(path)])
}

fn of(rule: Result<&Rule, Undecided>, question: &Question<'_>) -> Decision {
    let Ok(rule) = rule else { return Decision::Denied };
    let opens_scim = rule.opens_scim;
    let required = conditions::all(&rule.require, question);
    match (rule.access, question.identity) {
        (Access::Deny, _) => Decision::Denied,
        // A condition that signing in cannot change.
        (_, _) if required == conditions::Outcome::Fails => Decision::Forbidden,
        (Access::Public, _) => Decision::Pass { identified: false, opens_scim },
        (Access::Optional, identity) => Decision::Pass { identified: identity.is_some(), opens_scim },
        (Access::SignedIn, None) => Decision::SignIn,
        (Access::SignedIn, Some(_)) => match required {
            conditions::Outcome::Holds => Decision::Pass { identified: true, opens_scim },
            conditions::Outcome::Stale => Decision::Stale,
            conditions::Outcome::Weak => Decision::Weak,
            conditions::Outcome::Fails => Decision::Forbidden,
        },
    }
}
