//! What is known of attributes: the core schemas and the enterprise extension of RFC 7643, and what an operator adds.
//!
//! Types decide, never looks: a text stays a text unless the schema says that the attribute is something else.

use std::collections::BTreeMap;

use super::name::Name;
pub use crate::config::ValueType;

/// Core User (RFC 7643 section 4.1).
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Core Group (RFC 7643 section 4.2).
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Enterprise User (RFC 7643 section 4.3).
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// One attribute of a schema.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// Spelling of the schema; clients may write it in any casing (RFC 7643 section 2.1).
    pub(crate) name: &'static str,
    pub(crate) value_type: ValueType,
    /// Whether it holds an array.
    pub(crate) multi: bool,
    /// Whether a resource must have it.
    pub(crate) required: bool,
    /// Sub-attributes of a complex one.
    pub(crate) subs: &'static [Attribute],
}

const fn single(name: &'static str, value_type: ValueType) -> Attribute {
    Attribute { name, value_type, multi: false, required: false, subs: &[] }
}

const fn text(name: &'static str) -> Attribute {
    single(name, ValueType::Text)
}

const fn required(name: &'static str) -> Attribute {
    Attribute { name, value_type: ValueType::Text, multi: false, required: true, subs: &[] }
}

const fn object(name: &'static str, subs: &'static [Attribute]) -> Attribute {
    Attribute { name, value_type: ValueType::Complex, multi: false, required: false, subs }
}

const fn list(name: &'static str, subs: &'static [Attribute]) -> Attribute {
    Attribute { name, value_type: ValueType::Complex, multi: true, required: false, subs }
}

const PLURAL: &[Attribute] = &[
    text("value"),
    text("display"),
    text("type"),
    single("primary", ValueType::Boolean),
    single("$ref", ValueType::Reference),
];

const ADDRESS: &[Attribute] = &[
    text("formatted"),
    text("streetAddress"),
    text("locality"),
    text("region"),
    text("postalCode"),
    text("country"),
    text("type"),
    single("primary", ValueType::Boolean),
];

const NAME: &[Attribute] = &[
    text("formatted"),
    text("familyName"),
    text("givenName"),
    text("middleName"),
    text("honorificPrefix"),
    text("honorificSuffix"),
];

const META: &[Attribute] = &[
    text("resourceType"),
    single("created", ValueType::DateTime),
    single("lastModified", ValueType::DateTime),
    single("location", ValueType::Reference),
    text("version"),
];

const REFERENCE: &[Attribute] =
    &[text("value"), single("$ref", ValueType::Reference), text("display"), text("type")];

const MANAGER: &[Attribute] = &[text("value"), single("$ref", ValueType::Reference), text("displayName")];

/// Attributes of every resource (RFC 7643 section 3.1).
const COMMON_ATTRIBUTES: &[Attribute] = &[
    text("id"),
    text("externalId"),
    object("meta", META),
    Attribute { name: "schemas", value_type: ValueType::Reference, multi: true, required: true, subs: &[] },
];

const USER_ATTRIBUTES: &[Attribute] = &[
    required("userName"),
    object("name", NAME),
    text("displayName"),
    text("nickName"),
    single("profileUrl", ValueType::Reference),
    text("title"),
    text("userType"),
    text("preferredLanguage"),
    text("locale"),
    text("timezone"),
    single("active", ValueType::Boolean),
    text("password"),
    list("emails", PLURAL),
    list("phoneNumbers", PLURAL),
    list("ims", PLURAL),
    list("photos", PLURAL),
    list("addresses", ADDRESS),
    list("groups", REFERENCE),
    list("entitlements", PLURAL),
    list("roles", PLURAL),
    list("x509Certificates", PLURAL),
];

const GROUP_ATTRIBUTES: &[Attribute] = &[required("displayName"), list("members", REFERENCE)];

const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    text("employeeNumber"),
    text("costCenter"),
    text("organization"),
    text("division"),
    text("department"),
    object("manager", MANAGER),
];

/// Which resource a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// `/Users`
    User,
    /// `/Groups`
    Group,
    /// `/Schemas`, `/ResourceTypes` or `/ServiceProviderConfig`; the spelling of the RFC.
    Discovery(&'static str),
    /// `/Me`, read only.
    Me,
    /// Any other endpoint, as it was written.
    Other(String),
}

impl ResourceKind {
    /// URN of the core schema, where there is one.
    pub(crate) fn core(&self) -> Option<&'static str> {
        match self {
            Self::User | Self::Me => Some(USER),
            Self::Group => Some(GROUP),
            _ => None,
        }
    }

    fn attributes(&self) -> &'static [Attribute] {
        match self {
            Self::User | Self::Me => USER_ATTRIBUTES,
            Self::Group => GROUP_ATTRIBUTES,
            _ => &[],
        }
    }
}

/// Types that an operator declares or an application publishes: full attribute name (`urn:…:User:badge`) to type.
///
/// Names are compared without casing (RFC 7643 section 2.1); a core attribute has its plain name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredTypes(BTreeMap<String, (String, ValueType)>);

impl DeclaredTypes {
    /// No types.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares one, in place of an earlier word on it.
    pub fn insert(&mut self, name: &str, value_type: ValueType) {
        let name = plain(name);
        self.0.insert(name.to_ascii_lowercase(), (name.to_owned(), value_type));
    }

    /// The type of the attribute or sub-attribute of this full name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ValueType> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&plain(name).to_ascii_lowercase()).map(|(_, value_type)| *value_type)
    }

    /// All of them, an attribute before its parts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueType)> {
        self.0.values().map(|(name, value_type)| (name.as_str(), *value_type))
    }
}

impl<N: AsRef<str>> FromIterator<(N, ValueType)> for DeclaredTypes {
    fn from_iter<I: IntoIterator<Item = (N, ValueType)>>(all: I) -> Self {
        let mut types = Self::new();
        all.into_iter().for_each(|(name, value_type)| types.insert(name.as_ref(), value_type));
        types
    }
}

impl<const N: usize> From<[(String, ValueType); N]> for DeclaredTypes {
    fn from(all: [(String, ValueType); N]) -> Self {
        all.into_iter().collect()
    }
}

/// A name without the core schema that may stand before it.
fn plain(name: &str) -> &str {
    let without = |urn: &str| {
        let (start, rest) = name.split_at_checked(urn.len())?;
        rest.strip_prefix(':').filter(|_| start.eq_ignore_ascii_case(urn))
    };
    without(USER).or_else(|| without(GROUP)).unwrap_or(name)
}

/// An attribute or sub-attribute by its name in any casing.
pub(crate) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The attribute of a resource of `kind` that has this very name.
pub(crate) fn spelt(kind: &ResourceKind, name: &str) -> Option<&'static Attribute> {
    kind.attributes().iter().chain(COMMON_ATTRIBUTES).find(|attribute| attribute.name == name)
}

/// The known schema that `urn` spells, in any casing, in the schema's own spelling.
pub(crate) fn known_urn(urn: &str) -> Option<&'static str> {
    [USER, GROUP, ENTERPRISE].into_iter().find(|known| known.eq_ignore_ascii_case(urn))
}

/// The attribute (not its sub-attribute) that `name` means in a resource of `kind`.
pub(crate) fn attribute(kind: &ResourceKind, name: &Name) -> Option<&'static Attribute> {
    match name.urn.as_deref() {
        None => find(kind.attributes(), &name.attribute).or_else(|| find(COMMON_ATTRIBUTES, &name.attribute)),
        Some(urn) => match known_urn(urn)? {
            ENTERPRISE => find(ENTERPRISE_ATTRIBUTES, &name.attribute),
            core if kind.core() == Some(core) => {
                find(kind.attributes(), &name.attribute).or_else(|| find(COMMON_ATTRIBUTES, &name.attribute))
            }
            _ => None,
        },
    }
}

/// The attributes that a schema of the RFC defines itself.
pub(crate) fn own_attributes(urn: &str) -> &'static [Attribute] {
    match known_urn(urn) {
        Some(USER) => USER_ATTRIBUTES,
        Some(GROUP) => GROUP_ATTRIBUTES,
        Some(ENTERPRISE) => ENTERPRISE_ATTRIBUTES,
        _ => &[],
    }
}

/// The sub-attribute that `name` means, where it names one.
pub(crate) fn sub_attribute(kind: &ResourceKind, name: &Name) -> Option<&'static Attribute> {
    find(attribute(kind, name)?.subs, name.sub.as_deref()?)
}

/// The attribute or sub-attribute that `name` ends at.
pub(crate) fn meant(kind: &ResourceKind, name: &Name) -> Option<&'static Attribute> {
    if name.sub.is_some() { sub_attribute(kind, name) } else { attribute(kind, name) }
}

/// The type of the attribute or sub-attribute that `name` ends at; what was declared comes before what is built in.
pub(crate) fn value_type(kind: &ResourceKind, name: &Name, declared: &DeclaredTypes) -> Option<ValueType> {
    if !declared.0.is_empty()
        && let Some(value_type) = declared.get(&name.to_string())
    {
        return Some(value_type);
    }
    if let Some(attribute) = meant(kind, name) {
        return Some(attribute.value_type);
    }
    // `primary` is a Boolean in every multi-valued attribute, known or not (RFC 7643 section 2.4).
    name.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case("primary")).then_some(ValueType::Boolean)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn kind_of(text: &str) -> Option<ValueType> {
        value_type(&ResourceKind::User, &Name::parse(text)?, &DeclaredTypes::new())
    }

    #[test]
    fn types_come_from_the_schema_in_any_spelling() {
        for (name, want) in [
            ("active", Some(ValueType::Boolean)),
            ("ACTIVE", Some(ValueType::Boolean)),
            ("urn:ietf:params:scim:schemas:core:2.0:user:Active", Some(ValueType::Boolean)),
            ("title", Some(ValueType::Text)),
            ("emails.Primary", Some(ValueType::Boolean)),
            ("widgets.primary", Some(ValueType::Boolean)),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
                Some(ValueType::Text),
            ),
            ("urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:active", None),
            ("department", None),
            ("members", None),
        ] {
            assert_eq!(kind_of(name), want, "{name}");
        }
    }

    #[test]
    fn a_declared_type_comes_before_the_built_in_one() {
        let urn = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:remoteWorker";
        let declared = DeclaredTypes::from([(urn.to_owned(), ValueType::Boolean)]);
        let name = Name::parse(&urn.to_uppercase()).unwrap();
        assert_eq!(value_type(&ResourceKind::User, &name, &declared), Some(ValueType::Boolean));
    }
}
