//! What the application is told of a person: identity headers, credentials and a signed assertion.

mod assertion;
mod header;
mod profile;
mod rule;

use super::node::{Fields, Node};
use super::secret::{self, Environment, Secret};
use super::template::{self, Template};

pub use assertion::{AssertionClaim, AssertionSettings};
pub use header::IdentityHeader;
pub use profile::WELL_KNOWN;
pub use rule::Told;

pub(super) use rule::{read as read_rule, wants};

/// What the application of one tenant is told of a person.
#[derive(Debug)]
pub struct IdentitySettings {
    /// Headers: those of the profiles, and the tenant's own.
    pub headers: Vec<IdentityHeader>,
    /// Credentials of HTTP authentication, in place of the client's.
    pub basic: Option<BasicCredentials>,
    /// The signed assertion.
    pub assertion: Option<AssertionSettings>,
    /// Names in place of the identifiers of groups.
    pub groups: GroupNames,
    /// What becomes of values that cannot stand in a header.
    pub unencodable: Unencodable,
    /// Octets of one header's value, at most.
    pub max_header: usize,
    /// Octets of all of them together, names included, at most.
    pub max_headers: usize,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            basic: None,
            assertion: None,
            groups: GroupNames::default(),
            unencodable: Unencodable::default(),
            max_header: 16 * 1024,
            max_headers: 32 * 1024,
        }
    }
}

/// Credentials that the application takes from everybody, with the person's name as user (RFC 7617).
#[derive(Debug)]
pub struct BasicCredentials {
    /// The user.
    pub user: Template,
    /// The password, the same for everybody.
    pub password: Secret,
}

/// Names in place of the identifiers of groups.
#[derive(Debug, Default)]
pub struct GroupNames {
    /// Identifier, lower-case, and name.
    pub names: std::collections::BTreeMap<String, String>,
    /// Whether a group without a name is told by its identifier; otherwise it is not told at all.
    pub keep_unknown: bool,
}

/// What becomes of values that cannot stand in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unencodable {
    /// They are percent-encoded.
    #[default]
    Encode,
    /// The request is refused.
    Refuse,
}

impl IdentitySettings {
    /// Names of all headers that this sets, but `authorization`: no client may send any of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let assertion = self.assertion.iter().map(|assertion| assertion.header.as_str());
        self.headers.iter().map(|header| header.name.as_str()).chain(assertion)
    }

    /// Names of the attributes that it is made of, without those of single rules.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter().flat_map(|header| header.value.claims());
        let basic = self.basic.iter().flat_map(|basic| basic.user.claims());
        let assertion = self.assertion.iter().flat_map(AssertionSettings::used);
        headers.chain(basic).chain(assertion)
    }
}

/// The fields of `access` that are read here.
pub(super) const FIELDS: [&str; 9] = [
    "identity_headers",
    "profiles",
    "basic_credentials",
    "assertion",
    "group_names",
    "unknown_groups",
    "on_unencodable",
    "max_header_bytes",
    "max_headers_bytes",
];

pub(super) fn read(
    fields: &Fields<'_>,
    public_url: Option<&str>,
    environment: Environment<'_>,
) -> Option<IdentitySettings> {
    let defaults = IdentitySettings::default();
    let own = fields.get("identity_headers").map(|node| header::read_all(&node)).unwrap_or_default();
    let profiles = fields.get("profiles").map(|node| profile::read(&node)).unwrap_or_default();
    // What the tenant says itself takes the place of what a profile says.
    let is_own = |header: &IdentityHeader| own.iter().any(|other| other.name == header.name);
    let mut headers: Vec<IdentityHeader> = profiles.into_iter().filter(|header| !is_own(header)).collect();
    headers.extend(own);
    // Whatever is wrong with one of them, the others are looked at as well.
    let basic = fields.get("basic_credentials").map(|node| read_basic(&node, environment));
    let assertion = fields.get("assertion").map(|node| assertion::read(&node, public_url, environment));
    let groups = read_groups(fields);
    if let (Some(Some(assertion)), Some(node)) = (&assertion, fields.get("assertion"))
        && headers.iter().any(|header| header::is_spelling_of(&header.name, &assertion.header))
    {
        let what = format!("has the header `{}`, which is an identity header already", assertion.header);
        node.error(what, "give the assertion a header of its own");
    }
    let unencodable = fields.get("on_unencodable").map_or(Some(Unencodable::Encode), |node| {
        node.choice(&[("encode", Unencodable::Encode), ("refuse", Unencodable::Refuse)])
    });
    let octets = |name: &str, default: usize| match fields.get(name) {
        Some(node) => node.number(256..=61_440).and_then(|octets| usize::try_from(octets).ok()),
        None => Some(default),
    };
    let max_header = octets("max_header_bytes", defaults.max_header);
    let max_headers = octets("max_headers_bytes", defaults.max_headers);
    Some(IdentitySettings {
        headers,
        basic: written(basic)?,
        assertion: written(assertion)?,
        groups: groups?,
        unencodable: unencodable?,
        max_header: max_header?,
        max_headers: max_headers?,
    })
}

/// `None` (an error was reported) is kept apart from `Some(None)` (the field is not there).
fn written<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn read_basic(node: &Node<'_>, environment: Environment<'_>) -> Option<BasicCredentials> {
    let fields = node.fields(&["user", "password"]);
    let user = match fields.get("user") {
        Some(node) => template::read(&node),
        None => Some(Template::name_id()),
    };
    let password = fields.need("password", "write {env: NAME}");
    let secret = password.as_ref().and_then(|node| secret::read(node, environment));
    if let (Some(node), Some(secret)) = (&password, &secret)
        && secret.expose().chars().any(char::is_control)
    {
        node.error("holds control characters", "a password in a header has none (RFC 7617)");
    }
    Some(BasicCredentials { user: user?, password: secret? })
}

fn read_groups(fields: &Fields<'_>) -> Option<GroupNames> {
    let mut groups = GroupNames::default();
    for (id, node) in fields.get("group_names").map(|node| node.entries()).unwrap_or_default() {
        let Some(name) = node.text() else { continue };
        if groups.names.insert(id.to_ascii_lowercase(), name.to_owned()).is_some() {
            node.error("is there twice, in letters of another case", "leave one of them out");
        }
    }
    if let Some(node) = fields.get("unknown_groups") {
        if groups.names.is_empty() {
            node.error(
                "is about groups without a name, and no group has one",
                "write `group_names` beside it",
            );
        }
        groups.keep_unknown = node.choice(&[("keep", true), ("drop", false)])?;
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::header::is_reserved;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_profile_is_made_of_templates_that_compile_and_of_names_that_may_be_set() {
        for (profile, headers) in profile::PROFILES {
            for (name, text) in *headers {
                assert!(!template::own(text).0.is_empty(), "{profile}: {text}");
                assert!(!is_reserved(name), "{profile}: {name}");
                assert!(WELL_KNOWN.contains(name), "{profile}: {name} would pass where nobody sets it");
            }
        }
    }
}
