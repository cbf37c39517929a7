//! Policy rules: which requests one is about, and what it wants.

use std::time::Duration;

use super::identity::{self, IdentitySettings, Told};
use super::node::Node;
use super::pattern::{self, Pattern};
use super::template::claim_name;
use crate::common::path::{NormalPath, is_at_or_below};
use crate::common::{Network, NetworkError, Spellings};

/// One policy rule.
#[derive(Debug)]
pub struct Rule {
    /// Only these hosts of the tenant, where given; lower-case, without port.
    pub hosts: Option<Vec<String>>,
    /// Which paths, in normal form.
    pub path: PathMatch,
    /// Only requests that Envoy routes by the route of this name.
    pub route: Option<String>,
    /// Only these methods, where given.
    pub methods: Option<Vec<String>>,
    /// Only clients of these networks, where given.
    pub clients: Option<Vec<Network>>,
    /// Who may pass.
    pub access: Access,
    /// What must hold in addition; all of it.
    pub require: Vec<Condition>,
    /// Whether this rule may open the application's own SCIM prefix.
    pub opens_scim: bool,
    /// What the application is told here, where it is not what it is told elsewhere.
    pub told: Option<Told>,
}

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without identity headers.
    Public,
    /// Anybody; with identity headers where there is a session.
    Optional,
    /// Only somebody with a session.
    SignedIn,
    /// Nobody.
    Deny,
}

impl Access {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Optional => "optional",
            Self::SignedIn => "signed_in",
            Self::Deny => "deny",
        }
    }
}

/// A path matcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The path itself.
    Exact(String),
    /// The path, or anything below it; without a trailing slash, empty for the root.
    Prefix(String),
    /// A regular expression for the whole path.
    Pattern(Pattern),
}

/// Something that must hold beside the sign-in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An attribute, by its full name, with these values.
    Claim {
        /// Attribute name, aliases resolved.
        claim: String,
        /// What must hold of its values.
        test: Test,
    },
    /// The assertion's `AuthnContextClassRef` is one of these.
    AuthnContext(Vec<String>),
    /// The person proved themselves with more than one factor.
    Mfa,
    /// The person proved who they are at most so long ago.
    MaxAge(Duration),
    /// The client is in one of these networks.
    Client(Vec<Network>),
}

/// Says of a sign-in with Entra or AD FS that there was more than one factor.
pub const MULTIPLE_AUTHN: &str = "http://schemas.microsoft.com/claims/multipleauthn";
/// The same for members of REFEDS (<https://refeds.org/profile/mfa>).
pub const REFEDS_MFA: &str = "https://refeds.org/profile/mfa";

impl Condition {
    /// The attribute that it looks at, by its full name.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Claim { claim, .. } => Some(claim),
            Self::Mfa => Some(claim_name("authn_methods")),
            Self::AuthnContext(_) | Self::MaxAge(_) | Self::Client(_) => None,
        }
    }
}

/// What must hold of an attribute's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// There is a value.
    Exists,
    /// There is exactly one value, and it is this.
    Equals(String),
    /// At least one value is among these.
    OneOf(Vec<String>),
    /// All of these are among the values.
    AllOf(Vec<String>),
}

/// What rules are read beside.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    /// Hosts of the tenant.
    pub(super) hosts: &'c [String],
    /// Spellings of paths that are allowed.
    pub(super) spellings: Spellings,
    /// What the application is told; `None` where that has errors.
    pub(super) identity: Option<&'c IdentitySettings>,
}

pub(super) fn read_all(node: &Node<'_>, context: Context<'_>) -> Vec<Rule> {
    let read: Vec<Option<Rule>> = node.list().iter().map(|node| read(node, context)).collect();
    warn_of_shadows(node, &read);
    read.into_iter().flatten().collect()
}

fn read(node: &Node<'_>, context: Context<'_>) -> Option<Rule> {
    let fields = node.fields(&[
        "hosts",
        "path",
        "route",
        "methods",
        "clients",
        "access",
        "require",
        "opens_scim",
        "identity_headers",
    ]);
    let elsewhere = ["route", "hosts"].iter().any(|name| fields.get(name).is_some());
    let path = match fields.get("path") {
        Some(node) => read_path(&node, context.spellings),
        None if elsewhere => Some(PathMatch::Prefix(String::new())),
        None => {
            node.error("matches nothing", "give it a path: {prefix: /...}, {exact: /...} or {regex: /...}");
            None
        }
    };
    let own_hosts = fields.get("hosts").map(|node| read_hosts(&node, context.hosts));
    let route = fields.get("route").map(|node| node.text().map(str::to_owned));
    let methods = fields.get("methods").map(|node| read_methods(&node));
    let clients = fields.get("clients").map(|node| read_networks(&node));
    let access = fields.need("access", "write public, optional, signed_in or deny").and_then(|node| {
        let kinds = [Access::Public, Access::Optional, Access::SignedIn, Access::Deny];
        node.choice(&kinds.map(|access| (access.name(), access)))
    });
    let require = fields.get("require").map(|node| read_conditions(&node, access)).unwrap_or_default();
    let opens_scim = fields.get("opens_scim").map_or(Some(false), |node| node.flag());
    let told = fields.get("identity_headers");
    let identified = access.is_none_or(|access| matches!(access, Access::Optional | Access::SignedIn));
    identity::wants(told.as_ref(), identified);
    let told = told.zip(context.identity).map(|(node, identity)| identity::read_rule(&node, identity));
    Some(Rule {
        hosts: own_hosts,
        path: path?,
        route: match route {
            Some(None) => return None,
            Some(route) => route,
            None => None,
        },
        methods,
        clients,
        access: access?,
        require,
        opens_scim: opens_scim?,
        told: match told {
            Some(None) => return None,
            Some(told) => told,
            None => None,
        },
    })
}

fn read_hosts(node: &Node<'_>, known: &[String]) -> Vec<String> {
    let list = node.list();
    if list.is_empty() {
        node.error("is empty: the rule would never match", "list at least one, or leave `hosts` out");
    }
    let mut hosts = Vec::new();
    for node in list {
        let Some(host) = node.text().map(str::to_ascii_lowercase) else { continue };
        if !known.contains(&host) {
            let remedy = format!("the hosts of this tenant are {}", known.join(", "));
            node.error(format!("`{host}` is no host of this tenant: the rule would never match"), remedy);
        }
        hosts.push(host);
    }
    hosts
}

fn read_methods(node: &Node<'_>) -> Vec<String> {
    let list = node.list();
    if list.is_empty() {
        node.error("is empty: the rule would never match", "list at least one, or leave `methods` out");
    }
    list.iter().filter_map(|node| node.text().map(str::to_ascii_uppercase)).collect()
}

fn read_networks(node: &Node<'_>) -> Vec<Network> {
    let list = node.list();
    if list.is_empty() {
        node.error("is empty: nobody would be in it", "list at least one network, such as 10.0.0.0/8");
    }
    let mut networks = Vec::new();
    for node in list {
        let Some(text) = node.text() else { continue };
        match Network::read(text) {
            Ok(network) => networks.push(network),
            Err(NetworkError::Malformed) => {
                node.error(
                    format!("`{text}` is no network"),
                    "write 10.0.0.0/8, 2001:db8::/32 or an address",
                );
            }
            Err(NetworkError::HostBits) => {
                node.error(
                    format!("`{text}` has bits behind its prefix"),
                    "set them to zero, or write a longer prefix",
                );
            }
        }
    }
    networks
}

fn read_path(node: &Node<'_>, spellings: Spellings) -> Option<PathMatch> {
    let fields = node.fields(&["prefix", "exact", "regex"]);
    let names = fields.names();
    let [name] = names.as_slice() else {
        node.error(
            "needs one of prefix, exact and regex",
            "write {prefix: /...}, {exact: /...} or {regex: /...}",
        );
        return None;
    };
    let field = fields.get(name)?;
    if *name == "regex" {
        return pattern::read(&field).map(PathMatch::Pattern);
    }
    let text = field.text()?;
    match NormalPath::read_allowing(text.as_bytes(), spellings) {
        // A text that is not its own normal form would never match.
        Ok(normal) if normal.as_str() == text => Some(if *name == "prefix" {
            PathMatch::Prefix(text.trim_end_matches('/').to_owned())
        } else {
            PathMatch::Exact(text.to_owned())
        }),
        _ => {
            field.error(
                format!("`{text}` can never match: requests are compared in normal form"),
                "begin with /, decode percent-escapes, and leave out the query, `//`, `;` and dot segments",
            );
            None
        }
    }
}

fn read_conditions(node: &Node<'_>, access: Option<Access>) -> Vec<Condition> {
    let list = node.list();
    if list.is_empty() {
        node.error("is empty", "list at least one condition, or leave `require` out");
    }
    let conditions: Vec<Condition> = list.iter().filter_map(read_condition).collect();
    if access == Some(Access::Deny) {
        node.error("changes nothing: nobody passes anyway", "remove `require`, or write another access");
    } else if access.is_some_and(|access| access != Access::SignedIn)
        && conditions.iter().any(|condition| !matches!(condition, Condition::Client(_)))
    {
        node.error("needs a session, but the rule does not", "write access: signed_in, or remove `require`");
    }
    conditions
}

fn read_condition(node: &Node<'_>) -> Option<Condition> {
    let fields = node.fields(&[
        "claim",
        "exists",
        "equals",
        "one_of",
        "all_of",
        "authn_context",
        "mfa",
        "max_age_seconds",
        "client",
    ]);
    let names = fields.names();
    let only = match names.as_slice() {
        [only] => fields.get(only).map(|node| (*only, node)),
        _ => None,
    };
    match only {
        Some(("authn_context", node)) => {
            let fields = node.fields(&["one_of"]);
            let classes = fields.need("one_of", "list the classes, one of which must have been used")?;
            Some(Condition::AuthnContext(texts(&classes)))
        }
        Some(("mfa", node)) => match node.flag()? {
            true => Some(Condition::Mfa),
            false => {
                node.error("asks for nothing", "write mfa: true, or remove it");
                None
            }
        },
        // Less could not be kept: from the sign-in at the provider to its arrival here it takes a while.
        Some(("max_age_seconds", node)) => {
            node.number(60..=31_536_000).map(Duration::from_secs).map(Condition::MaxAge)
        }
        Some(("client", node)) => Some(Condition::Client(read_networks(&node))),
        _ if fields.get("claim").is_none() && !names.is_empty() => {
            node.error(
                "is no condition",
                "write one of {claim: ..., one_of: [...]}, {authn_context: {one_of: [...]}}, {mfa: true}, \
                 {max_age_seconds: ...}, {client: [...]}",
            );
            None
        }
        _ => read_claim(node),
    }
}

fn read_claim(node: &Node<'_>) -> Option<Condition> {
    let fields = node.fields(&["claim", "exists", "equals", "one_of", "all_of"]);
    let claim = fields
        .need("claim", "name the attribute, by alias (roles, groups, email, ...) or in full")
        .and_then(|node| node.text().map(|text| claim_name(text).to_owned()));
    let names: Vec<&str> = fields.names().into_iter().filter(|name| *name != "claim").collect();
    let test = match names.as_slice() {
        ["exists"] => fields.get("exists").and_then(|node| node.flag()?.then_some(Test::Exists)),
        ["equals"] => {
            fields.get("equals").and_then(|node| node.text().map(|text| Test::Equals(text.to_owned())))
        }
        ["one_of"] => fields.get("one_of").map(|node| Test::OneOf(texts(&node))),
        ["all_of"] => fields.get("all_of").map(|node| Test::AllOf(texts(&node))),
        _ => None,
    };
    if test.is_none() {
        node.error(
            "needs exactly one test of the attribute",
            "write one of exists: true, equals: ..., one_of: [...], all_of: [...]",
        );
    }
    Some(Condition::Claim { claim: claim?, test: test? })
}

fn texts(node: &Node<'_>) -> Vec<String> {
    let values: Vec<String> = node.list().iter().filter_map(|node| node.text().map(str::to_owned)).collect();
    if values.is_empty() {
        node.error("has no value: it can never hold", "list at least one");
    }
    values
}

/// A rule behind one that matches everything it matches can never decide.
fn warn_of_shadows(node: &Node<'_>, rules: &[Option<Rule>]) {
    let known = |(at, rule): (usize, &'_ Option<Rule>)| -> Option<(usize, String, bool)> {
        let rule = rule.as_ref()?;
        let everywhere = rule.route.is_none() && rule.methods.is_none() && rule.clients.is_none();
        match &rule.path {
            PathMatch::Prefix(path) => Some((at, path.clone(), everywhere && rule.hosts.is_none())),
            PathMatch::Exact(path) => Some((at, path.clone(), false)),
            PathMatch::Pattern(_) => None,
        }
    };
    let known: Vec<(usize, String, bool)> = rules.iter().enumerate().filter_map(known).collect();
    for (at, (earlier, prefix, wide)) in known.iter().enumerate() {
        for (later, path, _) in known.iter().skip(at.saturating_add(1)) {
            if *wide && is_at_or_below(path, prefix) {
                node.warn(
                    format!("rule {later} can never decide: rule {earlier} matches first"),
                    "put the narrower rule before the wider one",
                );
            }
        }
    }
}
