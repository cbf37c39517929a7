//! Who somebody is, as plain values that rooms hand to one another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A person as the identity provider's signed assertion names them (SAML Core 2.4 and 2.7).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Entity ID of the identity provider that signed.
    pub issuer: String,
    /// Text of the `NameID`.
    pub name_id: String,
    /// `Format` of the `NameID`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_id_format: Option<String>,
    /// `NameQualifier` of the `NameID`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier` of the `NameID`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_name_qualifier: Option<String>,
    /// `SessionIndex` of the authentication statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_index: Option<String>,
    /// `AuthnContextClassRef` of the authentication statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authn_context: Option<String>,
    /// `AuthnInstant` of the authentication statement: when the person proved who they are, in milliseconds since the
    /// epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authn_instant: Option<u64>,
    /// Attribute name to values, in the order of the assertion.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl std::fmt::Debug for Identity {
    /// Names nobody: an identity must be safe to meet in a log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("attributes", &self.attributes.len()).finish_non_exhaustive()
    }
}

/// The values by which one person can be recognised, in provisioning and in sign-on alike.
///
/// SCIM gives `userName`, `externalId` and mail addresses; an assertion gives the name identifier, the object
/// identifier, the user principal name and mail addresses. Two sets that share a value mean the same person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonKeys {
    keys: Vec<String>,
    overflow: bool,
}

/// No honest person has more; every key is a look-up.
const MOST_KEYS: usize = 32;

impl PersonKeys {
    /// No key: nobody can be recognised.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a value; case and surrounding white space do not distinguish people, an empty value is nobody's. More than
    /// 32 are not kept, which [`PersonKeys::is_complete`] tells.
    pub fn add(&mut self, value: &str) {
        let value = value.trim().to_lowercase();
        if value.is_empty() || self.keys.contains(&value) {
            return;
        }
        if self.keys.len() >= MOST_KEYS {
            self.overflow = true;
        } else {
            self.keys.push(value);
        }
    }

    /// Whether all values that were added are here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.overflow
    }

    /// Adds all keys of `other`.
    pub fn extend(&mut self, other: &Self) {
        for key in &other.keys {
            self.add(key);
        }
        self.overflow |= other.overflow;
    }

    /// Whether nobody can be recognised by this set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys, normalised.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for PersonKeys {
    fn from_iter<T: IntoIterator<Item = &'a str>>(values: T) -> Self {
        let mut keys = Self::none();
        for value in values {
            keys.add(value);
        }
        keys
    }
}

impl std::fmt::Debug for PersonKeys {
    /// Tells how many keys there are, not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonKeys({})", self.keys.len())
    }
}
