//! Whether a rule is about a request.

use super::Question;
use crate::common::path::{folded, is_at_or_below};
use crate::config::{Access, PathMatch, Pattern, Rule};

/// One way of looking at a request's path.
#[derive(Clone, Copy)]
pub(super) struct Way<'q> {
    /// The reading.
    pub(super) path: &'q str,
    /// Whether the rules that demand something are compared without regard to case, trailing slashes included: the
    /// application may not distinguish them. The others open only what is written.
    pub(super) folded: bool,
}

impl<'q> Way<'q> {
    pub(super) fn as_written(path: &'q str) -> Self {
        Self { path, folded: false }
    }

    pub(super) fn folded(path: &'q str) -> Self {
        Self { path, folded: true }
    }
}

/// How a rule and a request fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is about the request.
    Matches,
    /// It would be on another route; all else matches.
    OtherRoute,
    /// It is not, because of this.
    Otherwise(Mismatch),
    /// It cannot be known, because of this: then nobody passes.
    Unknowable(Mismatch),
}

/// What of a rule does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Its hosts.
    Host,
    /// Its path.
    Path,
    /// Its methods.
    Method,
    /// Its networks.
    Client,
    /// Its networks, because the address is unknown.
    ClientUnknown,
    /// Its regular expression, because the path is too long.
    PathTooLong,
}

impl Mismatch {
    /// In words.
    #[must_use]
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Host => "another host",
            Self::Path => "another path",
            Self::Method => "another method",
            Self::Client => "the client is in none of its networks",
            Self::ClientUnknown => "the client's address is unknown, so nobody passes",
            Self::PathTooLong => "the path is too long for a regular expression, so nobody passes",
        }
    }
}

pub(super) fn fit(rule: &Rule, question: &Question<'_>, way: Way<'_>) -> Fit {
    if rule.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|host| host == question.host)) {
        return Fit::Otherwise(Mismatch::Host);
    }
    // HEAD is GET without the body: whoever may not have the one must not learn from the other.
    let method = if question.method == "HEAD" { "GET" } else { question.method };
    let names = |have: &String| have == question.method || have == method;
    if rule.methods.as_ref().is_some_and(|methods| !methods.iter().any(names)) {
        return Fit::Otherwise(Mismatch::Method);
    }
    if matches!(&rule.path, PathMatch::Pattern(_)) && way.path.len() > Pattern::LONGEST_PATH {
        return Fit::Unknowable(Mismatch::PathTooLong);
    }
    if !path_matches(rule, way) {
        return Fit::Otherwise(Mismatch::Path);
    }
    let of_network = rule
        .clients
        .as_ref()
        .map(|networks| question.client.map(|address| networks.iter().any(|network| network.holds(address))));
    match (of_network, rule.route.as_deref()) {
        (Some(Some(false)), _) => Fit::Otherwise(Mismatch::Client),
        (_, Some(route)) if question.route != Some(route) => Fit::OtherRoute,
        (Some(None), _) => Fit::Unknowable(Mismatch::ClientUnknown),
        _ => Fit::Matches,
    }
}

fn path_matches(rule: &Rule, way: Way<'_>) -> bool {
    let opens = matches!(rule.access, Access::Public | Access::Optional);
    let path = way.path;
    let as_written = match &rule.path {
        PathMatch::Exact(exact) => path == exact,
        PathMatch::Prefix(prefix) => is_at_or_below(path, prefix),
        PathMatch::Pattern(pattern) => pattern.matches(path),
    };
    if as_written || !way.folded || opens {
        return as_written;
    }
    let path = folded(path);
    // A trailing slash is nothing to many applications.
    let trimmed = path.trim_end_matches('/');
    match &rule.path {
        PathMatch::Exact(exact) => trimmed == folded(exact).trim_end_matches('/'),
        PathMatch::Prefix(prefix) => is_at_or_below(&path, &folded(prefix)),
        PathMatch::Pattern(pattern) => {
            pattern.matches_any_case(&path) || pattern.matches_any_case(trimmed) || pattern.matches(trimmed)
        }
    }
}
