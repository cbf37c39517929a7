//! Policies and identity headers of one tenant.

use super::account::{self, AccountSettings};
use super::application_cookies::{self, CookieName};
use super::identity::{self, IdentitySettings, Told};
use super::node::Node;
use super::secret::Environment;
use super::template::claim_name;

/// What may be reached by whom, and what the application is told.
#[derive(Debug, Default)]
pub struct AccessSettings {
    /// Ordered; the first that matches decides, and where none does the request is refused.
    pub rules: Vec<Rule>,
    /// How the application is told who is there.
    pub identity: IdentitySettings,
    /// What a session has to do with the person's account.
    pub account: AccountSettings,
    /// Cookies by which the application itself knows somebody.
    pub application_cookies: Vec<CookieName>,
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
        self.rules.iter().filter_map(|rule| rule.told.as_ref()).flat_map(|told| &told.headers)
    }
}

/// One policy rule.
#[derive(Debug)]
pub struct Rule {
    /// Which paths, in normal form.
    pub path: PathMatch,
    /// Only requests that Envoy routes by the route of this name.
    pub route: Option<String>,
    /// Only these methods, where given.
    pub methods: Option<Vec<String>>,
    /// Who may pass.
    pub access: Access,
    /// What the session must show in addition; all of them.
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

/// A path matcher. The weaker rules (public, optional) compare exactly; the stricter ones without regard to ASCII case,
/// because the application may not distinguish it either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The path itself.
    Exact(String),
    /// The path, or anything below it; without a trailing slash, empty for the root.
    Prefix(String),
}

/// A required attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Attribute name, aliases resolved.
    pub claim: String,
    /// What must hold of its values.
    pub test: Test,
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

/// What is said of accounts comes beside it: what comes of that depends on the tenant.
pub(super) fn read(
    node: &Node<'_>,
    public_url: Option<&str>,
    environment: Environment<'_>,
) -> Option<(AccessSettings, account::Said)> {
    let own = ["application_cookies", "rules"];
    let fields = node.fields(&[&own[..], &identity::FIELDS[..], &account::FIELDS[..]].concat());
    let said = account::read(&fields);
    let identity = identity::read(&fields, public_url, environment);
    let rules = fields.get("rules").map(|node| {
        let identity = identity.as_ref();
        let rules: Vec<Rule> = node.list().iter().filter_map(|node| read_rule(node, identity)).collect();
        warn_of_shadows(&node, &rules);
        rules
    });
    let rules = rules.unwrap_or_default();
    let named = fields.get("application_cookies");
    if named.is_none() && rules.iter().any(|rule| matches!(rule.access, Access::Optional | Access::SignedIn))
    {
        node.warn(
            "names no application_cookies: a login of the application's own would survive the session that it was made in",
            "list the cookies in which the application keeps its logins (application_cookies: [JSESSIONID]), or write \
             application_cookies: [] if it has none",
        );
    }
    let application_cookies = named.map(|node| application_cookies::read(&node)).unwrap_or_default();
    let account = AccountSettings::default();
    Some((AccessSettings { rules, identity: identity?, application_cookies, account }, said?))
}

fn read_rule(node: &Node<'_>, identity: Option<&IdentitySettings>) -> Option<Rule> {
    let fields =
        node.fields(&["path", "route", "methods", "access", "require", "opens_scim", "identity_headers"]);
    let path = match fields.get("path") {
        Some(node) => read_path(&node),
        None if fields.get("route").is_some() => Some(PathMatch::Prefix(String::new())),
        None => {
            node.error("matches nothing", "give it a path: {prefix: /...} or {exact: /...}");
            None
        }
    };
    let route = fields.get("route").map(|node| node.text().map(str::to_owned));
    let methods = fields.get("methods").map(|node| {
        let list = node.list();
        if list.is_empty() {
            node.error("is empty: the rule would never match", "list at least one, or leave `methods` out");
        }
        list.iter().filter_map(|node| node.text().map(str::to_ascii_uppercase)).collect::<Vec<_>>()
    });
    let access = fields.need("access", "write public, optional, signed_in or deny").and_then(|node| {
        node.choice(&[
            ("public", Access::Public),
            ("optional", Access::Optional),
            ("signed_in", Access::SignedIn),
            ("deny", Access::Deny),
        ])
    });
    let require = fields.get("require").map(|node| {
        let conditions: Vec<Condition> = node.list().iter().filter_map(read_condition).collect();
        if conditions.is_empty() {
            node.error("is empty", "list at least one condition, or leave `require` out");
        }
        if access.is_some_and(|access| access != Access::SignedIn) {
            node.error(
                "needs a session, but the rule does not",
                "write access: signed_in, or remove `require`",
            );
        }
        conditions
    });
    let opens_scim = fields.get("opens_scim").map_or(Some(false), |node| node.flag());
    let told = fields.get("identity_headers");
    let identified = access.is_none_or(|access| matches!(access, Access::Optional | Access::SignedIn));
    identity::wants(told.as_ref(), identified);
    let told = told.zip(identity).map(|(node, identity)| identity::read_rule(&node, identity));
    Some(Rule {
        path: path?,
        route: match route {
            Some(None) => return None,
            Some(route) => route,
            None => None,
        },
        methods,
        access: access?,
        require: require.unwrap_or_default(),
        opens_scim: opens_scim?,
        told: match told {
            Some(None) => return None,
            Some(told) => told,
            None => None,
        },
    })
}

fn read_path(node: &Node<'_>) -> Option<PathMatch> {
    let fields = node.fields(&["prefix", "exact"]);
    let (field, prefix) = match (fields.get("prefix"), fields.get("exact")) {
        (Some(field), None) => (field, true),
        (None, Some(field)) => (field, false),
        _ => {
            node.error("needs one of prefix and exact", "write {prefix: /...} or {exact: /...}");
            return None;
        }
    };
    let text = field.text()?;
    match crate::common::path::NormalPath::read(text.as_bytes()) {
        // A pattern that is not its own normal form would never match.
        Ok(normal) if normal.as_str() == text => Some(if prefix {
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

fn read_condition(node: &Node<'_>) -> Option<Condition> {
    let fields = node.fields(&["claim", "exists", "equals", "one_of", "all_of"]);
    let claim = fields
        .need("claim", "name the attribute, by alias (roles, groups, email, ...) or in full")
        .and_then(|node| node.text().map(|text| claim_name(text).to_owned()));
    let texts = |node: &Node<'_>| {
        let values: Vec<String> =
            node.list().iter().filter_map(|node| node.text().map(str::to_owned)).collect();
        if values.is_empty() {
            node.error("has no value: it can never hold", "list at least one");
        }
        values
    };
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
    Some(Condition { claim: claim?, test: test? })
}

/// A rule behind one that matches everything it matches can never decide.
fn warn_of_shadows(node: &Node<'_>, rules: &[Rule]) {
    for (at, rule) in rules.iter().enumerate() {
        let PathMatch::Prefix(earlier) = &rule.path else { continue };
        if rule.route.is_some() || rule.methods.is_some() {
            continue;
        }
        for (later, other) in rules.iter().enumerate().skip(at.saturating_add(1)) {
            let (PathMatch::Prefix(path) | PathMatch::Exact(path)) = &other.path;
            if crate::common::path::is_at_or_below(path, earlier) {
                node.warn(
                    format!("rule {later} can never decide: rule {at} matches first"),
                    "put the narrower rule before the wider one",
                );
            }
        }
    }
}
