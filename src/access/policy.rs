//! Ordered rules: the first that matches decides, and where none does the request is refused.

use crate::common::{Identity, path};
use crate::config::{Access, Condition, PathMatch, Rule, Test};

/// What the rules are asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Path in normal form.
    pub path: &'a str,
    /// Method, upper-case.
    pub method: &'a str,
    /// Name of Envoy's route, where it is known.
    pub route: Option<&'a str>,
    /// Who is signed in.
    pub identity: Option<&'a Identity>,
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let it pass; `identified`: with identity headers.
    Pass {
        /// Whether the application is told who is there.
        identified: bool,
        /// Whether the rule may open the application's own SCIM prefix.
        opens_scim: bool,
    },
    /// Only somebody signed in may pass.
    SignIn,
    /// Signed in, but not entitled.
    Forbidden,
    /// No rule matches, or one that denies.
    Denied,
}

/// Asks the rules.
#[must_use]
pub fn decide(rules: &[Rule], question: &Question<'_>) -> Decision {
    let Some(rule) = rules.iter().find(|rule| matches(rule, question)) else { return Decision::Denied };
    let opens_scim = rule.opens_scim;
    match (rule.access, question.identity) {
        (Access::Deny, _) => Decision::Denied,
        (Access::Public, _) => Decision::Pass { identified: false, opens_scim },
        (Access::Optional, identity) => Decision::Pass { identified: identity.is_some(), opens_scim },
        (Access::SignedIn, None) => Decision::SignIn,
        (Access::SignedIn, Some(identity)) => {
            if rule.require.iter().all(|condition| holds(condition, identity)) {
                Decision::Pass { identified: true, opens_scim }
            } else {
                Decision::Forbidden
            }
        }
    }
}

/// The rule that decides, where there is one.
#[must_use]
pub fn deciding<'r>(rules: &'r [Rule], question: &Question<'_>) -> Option<&'r Rule> {
    rules.iter().find(|rule| matches(rule, question))
}

/// Whether it matters to the decision who is signed in: not where the rule lets anybody pass without identity.
#[must_use]
pub fn session_matters(rules: &[Rule], question: &Question<'_>) -> bool {
    rules.iter().find(|rule| matches(rule, question)).is_some_and(|rule| rule.access != Access::Public)
}

/// Whether the request would pass whatever route Envoy chose.
#[must_use]
pub fn passes_on_every_route(rules: &[Rule], question: &Question<'_>) -> bool {
    let named = rules.iter().filter_map(|rule| rule.route.as_deref());
    named.map(Some).chain(std::iter::once(None)).all(|route| {
        let question = Question { route, ..*question };
        matches!(decide(rules, &question), Decision::Pass { .. })
    })
}

/// Whether the decision on this request looks at Envoy's route: a rule up to the deciding one names a route.
///
/// Such a decision must not be combined with a header edit on behalf of a forger, because the edit makes Envoy choose
/// the route anew.
#[must_use]
pub fn route_matters(rules: &[Rule], question: &Question<'_>) -> bool {
    let mut looked = false;
    for rule in rules {
        if !matches_but_route(rule, question) {
            continue;
        }
        looked |= rule.route.is_some();
        if rule.route.is_none() || rule.route.as_deref() == question.route {
            break;
        }
    }
    looked
}

fn matches(rule: &Rule, question: &Question<'_>) -> bool {
    matches_but_route(rule, question)
        && rule.route.as_deref().is_none_or(|route| question.route == Some(route))
}

fn matches_but_route(rule: &Rule, question: &Question<'_>) -> bool {
    let weak = matches!(rule.access, Access::Public | Access::Optional);
    let path_matches = match &rule.path {
        PathMatch::Exact(exact) if weak => question.path == exact,
        // A trailing slash is nothing to many applications.
        PathMatch::Exact(exact) => {
            path::folded(question.path).trim_end_matches('/') == path::folded(exact).trim_end_matches('/')
        }
        PathMatch::Prefix(prefix) if weak => path::is_at_or_below(question.path, prefix),
        PathMatch::Prefix(prefix) => path::is_at_or_below_any_case(question.path, prefix),
    };
    // HEAD is GET without the body: whoever may not have the one must not learn from the other.
    let method = if question.method == "HEAD" { "GET" } else { question.method };
    let names = |have: &String| have == question.method || have == method;
    path_matches && rule.methods.as_ref().is_none_or(|methods| methods.iter().any(names))
}

fn holds(condition: &Condition, identity: &Identity) -> bool {
    let values = identity.attributes.get(&condition.claim).map(Vec::as_slice).unwrap_or_default();
    match &condition.test {
        Test::Exists => values.iter().any(|value| !value.is_empty()),
        Test::Equals(wanted) => matches!(values, [only] if only == wanted),
        Test::OneOf(wanted) => !wanted.is_empty() && values.iter().any(|value| wanted.contains(value)),
        Test::AllOf(wanted) => !wanted.is_empty() && wanted.iter().all(|value| values.contains(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn rule(prefix: &str, access: Access) -> Rule {
        Rule {
            path: PathMatch::Prefix(prefix.to_owned()),
            route: None,
            methods: None,
            access,
            require: Vec::new(),
            opens_scim: false,
            told: None,
        }
    }

    fn admin() -> Identity {
        let mut identity = Identity::default();
        identity.attributes.insert("role".to_owned(), vec!["admin".to_owned(), "dev".to_owned()]);
        identity
    }

    fn ask(rules: &[Rule], path: &str, identity: Option<&Identity>) -> Decision {
        decide(rules, &Question { path, method: "GET", route: None, identity })
    }

    fn pass(identified: bool) -> Decision {
        Decision::Pass { identified, opens_scim: false }
    }

    #[test]
    fn without_a_matching_rule_nobody_passes() {
        assert_eq!(ask(&[], "/", Some(&admin())), Decision::Denied);
        assert_eq!(ask(&[rule("/a", Access::Public)], "/b", None), Decision::Denied);
        assert_eq!(ask(&[rule("/a", Access::Deny)], "/a", Some(&admin())), Decision::Denied);
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let rules =
            [rule("/public", Access::Public), rule("/mixed", Access::Optional), rule("", Access::SignedIn)];
        let admin = admin();
        assert_eq!(ask(&rules, "/public/x", Some(&admin)), pass(false));
        assert_eq!(ask(&rules, "/mixed", None), pass(false));
        assert_eq!(ask(&rules, "/mixed", Some(&admin)), pass(true));
        assert_eq!(ask(&rules, "/", None), Decision::SignIn);
        assert_eq!(ask(&rules, "/", Some(&admin)), pass(true));
    }

    #[test]
    fn a_stricter_rule_holds_in_any_case_and_a_weaker_one_only_as_written() {
        let rules =
            [rule("/public", Access::Public), rule("/admin", Access::Deny), rule("", Access::SignedIn)];
        assert_eq!(ask(&rules, "/PUBLIC", None), Decision::SignIn);
        assert_eq!(ask(&rules, "/Admin/x", Some(&admin())), Decision::Denied);
    }

    #[test]
    fn required_attributes_must_all_hold() {
        let admin = admin();
        let with = |test: Test| {
            let mut rule = rule("", Access::SignedIn);
            rule.require = vec![Condition { claim: "role".to_owned(), test }];
            ask(&[rule], "/", Some(&admin))
        };
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        assert_eq!(with(Test::Exists), pass(true));
        assert_eq!(with(Test::OneOf(texts(&["admin", "x"]))), pass(true));
        assert_eq!(with(Test::OneOf(texts(&["Admin"]))), Decision::Forbidden);
        assert_eq!(with(Test::OneOf(Vec::new())), Decision::Forbidden);
        assert_eq!(with(Test::AllOf(texts(&["admin", "dev"]))), pass(true));
        assert_eq!(with(Test::AllOf(texts(&["admin", "x"]))), Decision::Forbidden);
        assert_eq!(with(Test::Equals("admin".to_owned())), Decision::Forbidden, "two values equal none");
    }

    #[test]
    fn a_rule_for_a_method_or_route_leaves_the_others_alone() {
        let mut by_route = rule("", Access::Public);
        by_route.route = Some("open".to_owned());
        let mut by_method = rule("/form", Access::Public);
        by_method.methods = Some(vec!["GET".to_owned()]);
        let rules = [by_route, by_method];
        let ask = |path, method, route| decide(&rules, &Question { path, method, route, identity: None });
        assert_eq!(ask("/x", "GET", Some("open")), pass(false));
        assert_eq!(ask("/x", "GET", Some("other")), Decision::Denied);
        assert_eq!(ask("/form", "GET", None), pass(false));
        assert_eq!(ask("/form", "POST", None), Decision::Denied);
    }

    #[test]
    fn a_head_request_is_judged_as_the_get_it_is() {
        let mut strict = rule("/open", Access::SignedIn);
        strict.methods = Some(vec!["GET".to_owned()]);
        let rules = [strict, rule("/open", Access::Public)];
        let ask = |method| decide(&rules, &Question { path: "/open", method, route: None, identity: None });
        assert_eq!(ask("GET"), Decision::SignIn);
        assert_eq!(ask("HEAD"), Decision::SignIn);
        assert_eq!(ask("POST"), pass(false));
    }

    #[test]
    fn a_strict_exact_path_holds_with_a_trailing_slash_and_in_any_case() {
        let mut strict = rule("", Access::Deny);
        strict.path = PathMatch::Exact("/admin".to_owned());
        let rules = [strict, rule("", Access::Public)];
        for path in ["/admin", "/admin/", "/ADMIN"] {
            assert_eq!(ask(&rules, path, None), Decision::Denied, "{path}");
        }
        assert_eq!(ask(&rules, "/admins", None), pass(false));
    }

    #[test]
    fn a_request_that_passes_on_one_route_only_is_known_as_such() {
        let mut by_route = rule("", Access::Public);
        by_route.route = Some("open".to_owned());
        let question = Question { path: "/", method: "GET", route: Some("open"), identity: None };
        assert!(!passes_on_every_route(&[by_route, rule("", Access::SignedIn)], &question));
        assert!(passes_on_every_route(&[rule("", Access::Public)], &question));
    }

    #[test]
    fn who_is_signed_in_does_not_matter_to_a_public_rule() {
        let rules = [rule("/public", Access::Public), rule("", Access::Optional)];
        let question = |path| Question { path, method: "GET", route: None, identity: None };
        assert!(!session_matters(&rules, &question("/public")));
        assert!(session_matters(&rules, &question("/x")));
    }

    #[test]
    fn a_decision_knows_whether_it_looked_at_the_route() {
        let mut by_route = rule("/r", Access::Public);
        by_route.route = Some("open".to_owned());
        let rules = [rule("/first", Access::Public), by_route, rule("", Access::SignedIn)];
        let looked =
            |path, route| route_matters(&rules, &Question { path, method: "GET", route, identity: None });
        assert!(!looked("/first", Some("open")));
        assert!(looked("/r", Some("open")));
        assert!(looked("/r", Some("other")), "passing a route rule by is a decision too");
        assert!(!looked("/other", Some("open")));
    }
}
