//! What an operator says of the schemas that the application has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::node::{Node, Problem, Problems};

/// Data type of an attribute (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A moment, as text.
    DateTime,
    /// A URI, as text.
    Reference,
    /// Base64, as text.
    Binary,
    /// An object with sub-attributes.
    Complex,
}

/// Names of data types (RFC 7643 section 2.3).
const TYPES: &[(&str, ValueType)] = &[
    ("string", ValueType::Text),
    ("boolean", ValueType::Boolean),
    ("integer", ValueType::Integer),
    ("decimal", ValueType::Decimal),
    ("dateTime", ValueType::DateTime),
    ("reference", ValueType::Reference),
    ("binary", ValueType::Binary),
    ("complex", ValueType::Complex),
];

impl ValueType {
    /// The type by its name in a schema, in any casing; an unknown one is read as text, which is never converted.
    #[must_use]
    pub fn named(name: &str) -> Self {
        TYPES
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map_or(Self::Text, |(_, value_type)| *value_type)
    }

    /// Its name in a schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, have)| *have == self).map_or("string", |(name, _)| name)
    }
}

/// How many attributes or schemas an operator may list.
const MOST: usize = 2_000;

/// Schemas of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaSettings {
    /// Types by full attribute name (`urn:…:User:badge`, `urn:…:User:badge.colour`, `name.title`).
    pub attributes: BTreeMap<String, ValueType>,
    /// URNs of all schemas that the application knows; none where it is not said.
    pub known: Option<Vec<String>>,
    /// All attributes that the application knows, by full name; none where it is not said.
    pub supported: Option<Vec<String>>,
    /// How often the application's `/Schemas` is read, in seconds; none where it is not read at all.
    pub from_application: Option<u64>,
}

/// An hour: schemas change with a release of the application.
const REFRESH_SECONDS: u64 = 3_600;

impl Default for SchemaSettings {
    fn default() -> Self {
        Self {
            attributes: BTreeMap::new(),
            known: None,
            supported: None,
            from_application: Some(REFRESH_SECONDS),
        }
    }
}

impl SchemaSettings {
    /// Reads the block by itself.
    ///
    /// # Errors
    /// All problems found.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        Problems::reading(value, read)
    }
}

pub(super) fn read(node: &Node<'_>) -> SchemaSettings {
    let fields = node.fields(&["attributes", "known", "supported", "from_application", "refresh_seconds"]);
    let attributes = fields.get("attributes").map(|node| read_types(&node)).unwrap_or_default();
    let known = fields.get("known").map(|node| {
        bounded(&node)
            .iter()
            .filter_map(|node| {
                let urn = node.text()?;
                if !is_urn(urn) {
                    node.error(
                        format!("`{urn}` is not a schema"),
                        "write its URN: urn:ietf:params:scim:schemas:…",
                    );
                    return None;
                }
                Some(urn.to_owned())
            })
            .collect()
    });
    let supported = fields
        .get("supported")
        .map(|node| bounded(&node).iter().filter_map(|node| read_name(node, node.text()?)).collect());
    let asks = fields.get("from_application").is_none_or(|node| node.flag().unwrap_or_default());
    let refresh = match fields.get("refresh_seconds") {
        Some(node) if !asks => {
            node.error("means nothing where from_application is false", "remove one of them");
            None
        }
        Some(node) => node.number(60..=604_800),
        None => Some(REFRESH_SECONDS),
    };
    SchemaSettings { attributes, known, supported, from_application: refresh.filter(|_| asks) }
}

fn bounded<'n>(node: &Node<'n>) -> Vec<Node<'n>> {
    let list = node.list();
    if list.len() > MOST {
        node.error(format!("has more than {MOST} entries"), "shorten it");
        return Vec::new();
    }
    list
}

fn read_types(node: &Node<'_>) -> BTreeMap<String, ValueType> {
    let entries = node.entries();
    if entries.len() > MOST {
        node.error(format!("has more than {MOST} entries"), "shorten it");
        return BTreeMap::new();
    }
    entries
        .into_iter()
        .filter_map(|(name, entry)| Some((read_name(&entry, name)?, entry.choice(TYPES)?)))
        .collect()
}

fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-_".contains(&byte))
        && !text.ends_with(':')
}

/// A full attribute name, without filters and white space.
pub(super) fn read_name(node: &Node<'_>, name: &str) -> Option<String> {
    let rest = if is_urn(name) { name.rsplit(':').next().unwrap_or_default() } else { name };
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte))
    };
    if !rest.split('.').all(is_word) || rest.split('.').count() > 2 {
        node.error(
            format!("`{name}` is not an attribute"),
            "write its full name: userName, name.givenName, or urn:…:2.0:User:attribute",
        );
        return None;
    }
    Some(name.to_owned())
}
