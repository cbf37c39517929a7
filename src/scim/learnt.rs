//! What an application publishes of itself: `/Schemas` and `/ResourceTypes` (RFC 7644 section 4), read with distrust.
//!
//! The answer may be anything. What is not understood teaches nothing, and without knowledge nothing is dropped,
//! refused or converted. The types of the core and enterprise schemas are those of RFC 7643, whatever an application
//! says of them; an operator's word comes before both.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::name::Name;
use super::patch::member;
use super::rule::Settings;
use super::rules::response::number;
use super::schema::{DeclaredTypes, ENTERPRISE, GROUP, ResourceKind, USER, ValueType, attribute, known_urn};

/// How many schemas an application may have.
const MOST_SCHEMAS: usize = 200;
/// How many attributes and sub-attributes they may have together.
const MOST_ATTRIBUTES: usize = 5_000;
/// How long a name or URN may be, in octets.
const LONGEST_NAME: usize = 256;

/// Attributes of every resource (RFC 7643 section 3.1), and those whose silent loss would be a loss of access control
/// or of people: they are never unknown.
const ALWAYS: [&str; 7] = ["schemas", "id", "externalid", "meta", "username", "active", "members"];

/// Sub-attributes by which an element is what it is (RFC 7643 section 2.4); applications often do not list them.
const ALWAYS_WITHIN: [&str; 2] = ["value", "$ref"];

/// Attribute to sub-attributes, in lower case; none where the sub-attributes are not said.
type Attributes = BTreeMap<String, BTreeSet<String>>;

/// The attributes that an application knows, by schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownAttributes(BTreeMap<String, Attributes>);

impl KnownAttributes {
    /// The attributes of these full names (`userName`, `name.givenName`, `urn:…:2.0:User:badge`). A plain name is one of
    /// users, and of groups where the core schema of groups has it.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut known = Self::default();
        for name in names.into_iter().filter_map(Name::parse) {
            let sub = name.sub.as_deref();
            match &name.urn {
                Some(urn) => known.add(urn, &name.attribute, sub),
                None => {
                    known.add(USER, &name.attribute, sub);
                    if attribute(&ResourceKind::Group, &name).is_some() {
                        known.add(GROUP, &name.attribute, sub);
                    }
                }
            }
        }
        known
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, urn: &str, attribute: &str, sub: Option<&str>) {
        let attributes = self.0.entry(urn.to_ascii_lowercase()).or_default();
        let subs = attributes.entry(attribute.to_ascii_lowercase()).or_default();
        subs.extend(sub.map(str::to_ascii_lowercase));
    }

    /// Whether the application certainly does not know the attribute, or the sub-attribute, that `name` means in a
    /// resource of `kind`. Where nothing is known of the resource type, nothing is unknown.
    pub(crate) fn lacks(&self, kind: &ResourceKind, name: &Name) -> bool {
        let Some(core) = kind.core() else { return false };
        let Some(of_core) = self.0.get(&core.to_ascii_lowercase()) else { return false };
        let is_core = name.urn.as_ref().is_none_or(|_| name.is_of(core));
        let attribute = name.attribute.to_ascii_lowercase();
        if is_core && ALWAYS.contains(&attribute.as_str()) {
            return false;
        }
        let attributes = match name.urn.as_deref().filter(|_| !is_core) {
            Some(urn) => match self.0.get(&urn.to_ascii_lowercase()) {
                Some(attributes) => attributes,
                None => return true,
            },
            None => of_core,
        };
        if name.is_bare_urn() {
            return false;
        }
        let Some(subs) = attributes.get(&attribute) else { return true };
        match name.sub.as_deref().map(str::to_ascii_lowercase) {
            Some(sub) => !subs.is_empty() && !subs.contains(&sub) && !ALWAYS_WITHIN.contains(&sub.as_str()),
            None => false,
        }
    }
}

/// Why an answer teaches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLearnt {
    /// It is no JSON, or neither a ListResponse nor an array.
    Unreadable,
    /// It has more schemas or attributes than are read.
    TooMany,
}

impl NotLearnt {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "schemas_unreadable",
            Self::TooMany => "schemas_too_many",
        }
    }
}

impl std::fmt::Display for NotLearnt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the application's answer is no list of schemas",
            Self::TooMany => "the application has more schemas or attributes than are read",
        })
    }
}

impl std::error::Error for NotLearnt {}

/// What an application has taught about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Types of attributes beyond the core and enterprise schemas.
    pub declared_types: DeclaredTypes,
    /// URNs of its schemas; none where the answer may not have all of them.
    pub known_schemas: Option<BTreeSet<String>>,
    /// Its attributes, of those schemas that list any.
    pub attributes: KnownAttributes,
    /// Whether it has groups; none where it does not say.
    pub has_groups: Option<bool>,
}

impl Learnt {
    /// Reads an answer to `GET /Schemas`: a ListResponse (RFC 7644 section 3.4.2) or a bare array.
    ///
    /// # Errors
    /// [`NotLearnt`]; what was learnt before is then still the best there is.
    pub fn schemas(body: &[u8]) -> Result<Self, NotLearnt> {
        let list = List::read(body)?;
        let mut learnt = Self::default();
        let mut urns = BTreeSet::new();
        let mut budget = MOST_ATTRIBUTES;
        let mut attributes = KnownAttributes::default();
        if list.items.len() > MOST_SCHEMAS {
            return Err(NotLearnt::TooMany);
        }
        for schema in list.items.iter().filter_map(Value::as_object) {
            let Some(urn) = text(schema, "id").filter(|urn| is_urn(urn)) else { continue };
            // The spelling of the RFC where it is one of its schemas.
            let urn = known_urn(urn).unwrap_or(urn);
            urns.insert(urn.to_owned());
            for (name, described) in described(schema, "attributes") {
                take(&mut budget)?;
                learnt.learn_type(urn, name, None, described);
                attributes.add(urn, name, None);
                for (sub, described) in self::described(described, "subAttributes") {
                    take(&mut budget)?;
                    learnt.learn_type(urn, name, Some(sub), described);
                    attributes.add(urn, name, Some(sub));
                }
            }
        }
        // A list with holes says nothing of what is not in it; nor do users without a name for signing in.
        let has_users = !attributes.lacks(&ResourceKind::User, &Name::plain("userName"))
            && attributes.0.get(&USER.to_ascii_lowercase()).is_some_and(|all| all.contains_key("username"));
        if list.is_whole && has_users {
            learnt.known_schemas = Some(urns);
            learnt.attributes = attributes;
        }
        Ok(learnt)
    }

    /// Takes an answer to `GET /ResourceTypes` too.
    ///
    /// # Errors
    /// [`NotLearnt`]; nothing is changed then.
    pub fn resource_types(&mut self, body: &[u8]) -> Result<(), NotLearnt> {
        let list = List::read(body)?;
        let is = |item: &Value, endpoint: &str, urn: &str| {
            let Some(item) = item.as_object() else { return false };
            let says =
                |name, want: &str| text(item, name).is_some_and(|have| have.eq_ignore_ascii_case(want));
            says("schema", urn)
                || says("endpoint", endpoint)
                || says("endpoint", endpoint.trim_start_matches('/'))
        };
        let has_users = list.items.iter().any(|item| is(item, "/Users", USER));
        let has_groups = list.items.iter().any(|item| is(item, "/Groups", GROUP));
        self.has_groups = (has_groups || (has_users && list.is_whole)).then_some(has_groups);
        Ok(())
    }

    fn learn_type(&mut self, urn: &str, name: &str, sub: Option<&str>, described: &Map<String, Value>) {
        if is_of_the_rfc(urn, name) {
            return;
        }
        let Some(value_type) = text(described, "type") else { return };
        let sub = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
        self.declared_types.insert(&format!("{urn}:{name}{sub}"), ValueType::named(value_type));
    }
}

impl Settings {
    /// These settings, with what the application has taught where the operator has not spoken.
    #[must_use]
    pub fn with_learnt(&self, learnt: &Learnt) -> Self {
        let mut settings = self.clone();
        settings.declared_types = learnt.declared_types.iter().chain(self.declared_types.iter()).collect();
        if settings.known_schemas.is_none() {
            settings.known_schemas.clone_from(&learnt.known_schemas);
        }
        if settings.known_attributes.is_empty() {
            settings.known_attributes = learnt.attributes.clone();
        }
        if !settings.groups_are_decided && learnt.has_groups == Some(false) {
            settings.without_groups = true;
        }
        settings
    }
}

struct List {
    items: Vec<Value>,
    /// Whether nothing is missing, as far as the answer says.
    is_whole: bool,
}

impl List {
    fn read(body: &[u8]) -> Result<Self, NotLearnt> {
        match crate::common::json::parse(body) {
            Ok(Value::Array(items)) => Ok(Self { items, is_whole: true }),
            Ok(Value::Object(map)) => {
                let Some(Value::Array(items)) = member(&map, "Resources") else {
                    return Err(NotLearnt::Unreadable);
                };
                let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                let is_whole =
                    member(&map, "totalResults").and_then(number).is_none_or(|total| total <= count);
                Ok(Self { items: items.clone(), is_whole })
            }
            _ => Err(NotLearnt::Unreadable),
        }
    }
}

/// Whether an attribute has its type of RFC 7643. What is declared of a core schema goes by its plain name, which users and
/// groups share: the word on an attribute of either is one on the other's, too.
fn is_of_the_rfc(urn: &str, name: &str) -> bool {
    let name = match urn {
        USER | GROUP => Name::plain(name),
        ENTERPRISE => Name { urn: Some(urn.to_owned()), ..Name::plain(name) },
        _ => return false,
    };
    [ResourceKind::User, ResourceKind::Group].iter().any(|kind| attribute(kind, &name).is_some())
}

fn take(budget: &mut usize) -> Result<(), NotLearnt> {
    *budget = budget.checked_sub(1).ok_or(NotLearnt::TooMany)?;
    Ok(())
}

fn text<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    member(map, name)?.as_str().filter(|text| text.len() <= LONGEST_NAME)
}

fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The attributes of a schema, or sub-attributes of an attribute, that have a name which can be one.
fn described<'v>(
    map: &'v Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = (&'v str, &'v Map<String, Value>)> {
    let items = member(map, list).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_object).filter_map(|item| {
        let name = text(item, "name")?;
        // `Name` splits at dots and colons; a name that is not whole is none.
        (Name::parse(name)? == Name::plain(name)).then_some((name, item))
    })
}

#[cfg(test)]
mod tests;
