//! The signed assertion to the application.

use std::time::Duration;

use super::header;
use crate::config::node::Node;
use crate::config::secret::{self, Environment};
use crate::config::template::{self, Function, Template};
use crate::crypto::{TokenAlgorithm, TokenKey};

/// A short-lived JWT (RFC 7519) that tells the application who is there.
#[derive(Debug)]
pub struct AssertionSettings {
    /// `aud`.
    pub audience: String,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: Template,
    /// The first signs, the public part of all is published. Empty only where their text is not known here.
    pub keys: Vec<TokenKey>,
    /// What the first key signs with.
    pub algorithm: TokenAlgorithm,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// Lower-case name of the header.
    pub header: String,
    /// Claims beside the registered ones.
    pub claims: Vec<AssertionClaim>,
}

/// One claim of the assertion.
#[derive(Debug)]
pub struct AssertionClaim {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Template,
    /// Whether it is an array of all values of the only placeholder, instead of a string.
    pub list: bool,
}

impl AssertionSettings {
    /// Names of the attributes that it is made of.
    pub fn used(&self) -> impl Iterator<Item = &str> {
        self.subject.claims().chain(self.claims.iter().flat_map(|claim| claim.value.claims()))
    }
}

/// More keys than this serve no rotation.
const MOST_KEYS: usize = 8;
/// Claims that say what the token is (RFC 7519, 4.1).
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
const DEFAULT_HEADER: &str = "x-vestibule-assertion";
const FIELDS: &[&str] =
    &["audience", "issuer", "subject", "key", "keys", "algorithm", "lifetime_seconds", "header", "claims"];
const NEW_KEY: &str = "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";

pub(super) fn read(
    node: &Node<'_>,
    public_url: Option<&str>,
    environment: Environment<'_>,
) -> Option<AssertionSettings> {
    let fields = node.fields(FIELDS);
    let audience = fields
        .need("audience", "write what the application expects as `aud`, such as its own address")
        .and_then(|node| node.text().map(str::to_owned));
    let issuer = match fields.get("issuer") {
        Some(node) => node.text().map(str::to_owned),
        None => public_url.map(str::to_owned),
    };
    let subject =
        fields.get("subject").map_or_else(|| Some(Template::name_id()), |node| template::read(&node));
    let algorithm = fields.get("algorithm").map_or(Some(TokenAlgorithm::Es256), |node| {
        node.choice(&[("ES256", TokenAlgorithm::Es256), ("RS256", TokenAlgorithm::Rs256)])
    });
    let keys = match (fields.get("key"), fields.get("keys")) {
        (Some(key), None) => read_keys(&[key], environment),
        (None, Some(keys)) => {
            let entries = keys.list();
            if entries.is_empty() || entries.len() > MOST_KEYS {
                keys.error(format!("has no key, or more than {MOST_KEYS}"), NEW_KEY);
            }
            read_keys(&entries, environment)
        }
        _ => {
            node.error(
                "needs one of key and keys",
                "write key: {env: NAME}; the variable holds a private key in PEM",
            );
            Vec::new()
        }
    };
    if let (Some(algorithm), Some(first)) = (algorithm, keys.first())
        && first.algorithm() != algorithm
    {
        let (wanted, is) = (algorithm.name(), first.algorithm().name());
        node.error(
            format!("signs with {wanted}, and its first key is one for {is}"),
            format!(
                "write algorithm: {is}, or put a key for {wanted} first (ES256 wants P-256, RS256 wants RSA)"
            ),
        );
    }
    let lifetime = match fields.get("lifetime_seconds") {
        Some(node) => node.number(10..=3600),
        None => Some(120),
    };
    let header = match fields.get("header") {
        Some(node) => header::read_name(&node),
        None => Some(DEFAULT_HEADER.to_owned()),
    };
    let claims = fields.get("claims").map(|node| read_claims(&node)).unwrap_or_default();
    Some(AssertionSettings {
        audience: audience?,
        issuer: issuer?,
        subject: subject?,
        keys,
        algorithm: algorithm?,
        lifetime: Duration::from_secs(lifetime?),
        header: header?,
        claims,
    })
}

fn read_keys(entries: &[Node<'_>], environment: Environment<'_>) -> Vec<TokenKey> {
    let mut keys: Vec<TokenKey> = Vec::new();
    for entry in entries {
        let fields = entry.fields(&["id", "key", "env", "value"]);
        let id = match fields.get("id") {
            Some(node) => match node.text().filter(|id| is_key_id(id)) {
                Some(id) => Some(id),
                None => {
                    node.error(
                        "is not a key id",
                        "use letters, digits, - . and _, at most 64, or leave it out",
                    );
                    continue;
                }
            },
            None => None,
        };
        let text = match fields.get("key") {
            Some(key) => secret::read(&key, environment),
            None if id.is_some() => fields.need("key", "write {id: ..., key: {env: NAME}}").and(None),
            None => secret::read(entry, environment),
        };
        let Some(text) = text else { continue };
        if text.is_stand_in() {
            entry.warn(
                "was not looked at: its environment variable is not set here",
                "set it to have it checked",
            );
            continue;
        }
        match TokenKey::from_pem(text.expose(), id) {
            Ok(key) if keys.iter().any(|other| other.id() == key.id()) => {
                entry.error(format!("has the id `{}` of another key", key.id()), "give every key its own");
            }
            Ok(key) => keys.push(key),
            Err(error) => entry.error(format!("is {error}"), NEW_KEY),
        }
    }
    keys
}

fn is_key_id(id: &str) -> bool {
    id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn read_claims(node: &Node<'_>) -> Vec<AssertionClaim> {
    let mut claims: Vec<AssertionClaim> = Vec::new();
    for entry in node.list() {
        let fields = entry.fields(&["name", "value", "values"]);
        let name = fields.need("name", "write the name of the claim").and_then(|node| {
            let name = node.text()?;
            if REGISTERED.contains(&name) {
                node.error(format!("`{name}` is a claim that the token has anyway"), "choose another name");
                return None;
            }
            Some(name.to_owned())
        });
        let (field, list) = match (fields.get("value"), fields.get("values")) {
            (Some(value), None) => (value, false),
            (None, Some(values)) => (values, true),
            _ => {
                entry.error(
                    "needs one of value and values",
                    "write value: \"{claim:email}\" for a string, values: \"{claim:groups}\" for an array",
                );
                continue;
            }
        };
        let Some(value) = template::read(&field) else { continue };
        let joins = |value: &Template| {
            value.placeholder().is_none_or(|it| it.functions.iter().any(|it| matches!(it, Function::Join(_))))
        };
        if list && joins(&value) {
            field.error("is not one placeholder without join", "write values: \"{claim:groups}\"");
        }
        let Some(name) = name else { continue };
        if claims.iter().any(|claim| claim.name == name) {
            entry.error(format!("`{name}` is there twice"), "remove one of the two");
        }
        claims.push(AssertionClaim { name, value, list });
    }
    claims
}
