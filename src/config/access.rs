//! Policies and identity headers of one tenant.

use std::collections::BTreeMap;

use super::account::{self, AccountSettings};
use super::application_cookies::{self, CookieName};
use super::identity::{self, IdentitySettings};
use super::node::Node;
use super::rule_list::RuleList;
use super::rules::{self, Access, Condition, Context, Rule};
use super::secret::Environment;
use crate::common::Spellings;
use crate::common::path::PathProblem;

/// What may be reached by whom, and what the application is told.
#[derive(Debug)]
pub struct AccessSettings {
    /// Ordered; the first that matches decides. Where none does, those of the route's policy are asked.
    pub rules: RuleList,
    /// Rules by the name that the metadata of Envoy's route has; where none decides, the request is refused.
    pub policies: BTreeMap<String, RuleList>,
    /// Namespace of the route's `filter_metadata` in which `policy` is looked up.
    pub policy_namespace: String,
    /// Paths that are let in although servers read them differently; every reading must pass.
    pub path_spellings: Spellings,
    /// How the application is told who is there.
    pub identity: IdentitySettings,
    /// What a session has to do with the person's account.
    pub account: AccountSettings,
    /// Cookies by which the application itself knows somebody.
    pub application_cookies: Vec<CookieName>,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            rules: RuleList::default(),
            policies: BTreeMap::new(),
            policy_namespace: DEFAULT_NAMESPACE.to_owned(),
            path_spellings: Spellings::NONE,
            identity: IdentitySettings::default(),
            account: AccountSettings::default(),
            application_cookies: Vec::new(),
        }
    }
}

impl AccessSettings {
    /// Names of all headers that are set anywhere, but `authorization`: no client may send any of them.
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        self.identity.names().chain(self.told_by_rules().map(|header| header.name.as_str()))
    }

    /// Names of the attributes that the application is told of, or is told something made of.
    pub fn identity_claims(&self) -> impl Iterator<Item = &str> {
        self.identity.claims().chain(self.told_by_rules().flat_map(|header| header.value.claims()))
    }

    fn told_by_rules(&self) -> impl Iterator<Item = &identity::IdentityHeader> {
        self.all_rules().filter_map(|rule| rule.told.as_ref()).flat_map(|told| &told.headers)
    }

    /// The rules that are asked in turn where the route names this policy. An unknown name has none of its own.
    /// Only those that can be about this path.
    pub fn rules_for(&self, policy: Option<&str>, path: &str) -> impl Iterator<Item = &Rule> {
        let named = policy.and_then(|name| self.policies.get(name));
        self.rules.about(path).chain(named.map(|rules| rules.about(path)).into_iter().flatten())
    }

    /// All rules of all policies.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(self.policies.values().flat_map(|rules| rules.iter()))
    }

    /// What the rules want to know of a request beside its head.
    #[must_use]
    pub fn curiosity(&self) -> Curiosity {
        let of_client = |rule: &Rule| {
            rule.clients.is_some() || rule.require.iter().any(|it| matches!(it, Condition::Client(_)))
        };
        Curiosity {
            route: self.all_rules().any(|rule| rule.route.is_some()),
            policy: !self.policies.is_empty(),
            client: self.all_rules().any(of_client),
        }
    }

    /// Whether a rule needs somebody to sign in.
    #[must_use]
    pub fn asks_for_person(&self) -> bool {
        self.all_rules().any(|rule| matches!(rule.access, Access::Optional | Access::SignedIn))
    }
}

/// What rules want to know of a request that costs a question to the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Curiosity {
    /// The name of Envoy's route.
    pub route: bool,
    /// The policy that the route's metadata name.
    pub policy: bool,
    /// The address of the client.
    pub client: bool,
}

/// Namespace of our own in the metadata of routes.
const DEFAULT_NAMESPACE: &str = "vestibule";

/// What is said of accounts comes beside it: what comes of that depends on the tenant.
pub(super) fn read(
    node: &Node<'_>,
    hosts: &[String],
    public_url: Option<&str>,
    environment: Environment<'_>,
) -> Option<(AccessSettings, account::Said)> {
    const FIELDS: [&str; 5] =
        ["application_cookies", "rules", "policies", "policy_namespace", "allow_path_spellings"];
    let fields = node.fields(&[&FIELDS[..], &identity::FIELDS[..], &account::FIELDS[..]].concat());
    let said = account::read(&fields);
    let identity = identity::read(&fields, public_url, environment);
    let spellings = fields.get("allow_path_spellings").map(|node| read_spellings(&node)).unwrap_or_default();
    let context = Context { hosts, spellings, identity: identity.as_ref() };
    let rules = fields.get("rules").map(|node| rules::read_all(&node, context)).unwrap_or_default();
    let policies = fields.get("policies").map(|node| read_policies(&node, context));
    let namespace = fields.get("policy_namespace");
    if let (Some(node), None) = (&namespace, &policies) {
        node.error("says where policies are named, but there are none", "add `policies`, or leave it out");
    }
    let policy_namespace = namespace.map_or(Some(DEFAULT_NAMESPACE), |node| node.text()).map(str::to_owned);
    let named = fields.get("application_cookies");
    let settings = AccessSettings {
        rules: rules.into(),
        policies: policies.unwrap_or_default(),
        policy_namespace: policy_namespace?,
        path_spellings: spellings,
        identity: identity?,
        account: AccountSettings::default(),
        application_cookies: named.as_ref().map(application_cookies::read).unwrap_or_default(),
    };
    if named.is_none() && settings.asks_for_person() {
        node.warn(
            "names no application_cookies: a login of the application's own would survive the session that it was made in",
            "list the cookies in which the application keeps its logins (application_cookies: [JSESSIONID]), or write \
             application_cookies: [] if it has none",
        );
    }
    Some((settings, said?))
}

fn read_policies(node: &Node<'_>, context: Context<'_>) -> BTreeMap<String, RuleList> {
    let entries = node.entries();
    if entries.is_empty() {
        node.error("has no policy: every request would be refused", "add one, or leave `policies` out");
    }
    let read = |(name, node): (&str, Node<'_>)| {
        if name.is_empty() || name.len() > 128 {
            node.error("has no name that a route can give", "use 1 to 128 characters");
        }
        (name.to_owned(), rules::read_all(&node, context).into())
    };
    entries.into_iter().map(read).collect()
}

fn read_spellings(node: &Node<'_>) -> Spellings {
    let names = PathProblem::ALLOWABLE.map(|problem| (problem.name(), problem));
    let allowed = node.list().iter().filter_map(|node| node.choice(&names)).collect::<Vec<_>>();
    if allowed.is_empty() {
        node.warn("allows nothing", "leave it out");
    }
    allowed.into_iter().fold(Spellings::NONE, Spellings::with)
}
