//! Schema discovery (RFC 7644 section 4) from configuration, for applications that have none (X4).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ability::Filtering;
use super::error::ScimError;
use super::name::Name;
use super::request::RequestShape;
use super::rule::Settings;
use super::rules::response::LIST_SCHEMA;
use super::rules::response_resource::authentication_scheme;
use super::schema::{self, Attribute, ENTERPRISE, GROUP, ResourceKind, USER, ValueType};

const PROVIDER: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// What is said of the size of answers where the application decides on it.
const MOST_RESULTS: u64 = 200;

/// The answer to `GET` of a discovery endpoint.
///
/// # Errors
/// 403 for a query with a filter (RFC 7644 section 4), 404 for what there is not.
pub(crate) fn answer(shape: &RequestShape, settings: &Settings) -> Result<Value, ScimError> {
    if shape.filter.is_some() {
        return Err(ScimError::Forbidden("Schema discovery takes no filter."));
    }
    let all = match shape.kind {
        ResourceKind::Discovery("ServiceProviderConfig") if shape.id.is_none() => {
            return Ok(provider(settings));
        }
        ResourceKind::Discovery("ResourceTypes") => resource_types(settings),
        ResourceKind::Discovery("Schemas") => schemas(settings),
        _ => Vec::new(),
    };
    let Some(id) = &shape.id else {
        let count = all.len();
        return Ok(json!({
            "schemas": [LIST_SCHEMA],
            "totalResults": count,
            "startIndex": 1,
            "itemsPerPage": count,
            "Resources": all,
        }));
    };
    all.into_iter()
        .find(|one| one.get("id").and_then(Value::as_str).is_some_and(|have| have.eq_ignore_ascii_case(id)))
        .ok_or(ScimError::Absent("There is no such schema or resource type."))
}

fn meta(settings: &Settings, resource_type: &str, path: &str) -> Value {
    json!({
        "resourceType": resource_type,
        "location": format!("{}/{path}", settings.public_base.trim_end_matches('/')),
    })
}

fn provider(settings: &Settings) -> Value {
    let most = match settings.abilities.filter {
        Filtering::Local { most_entries, .. } => most_entries,
        Filtering::Application => MOST_RESULTS,
    };
    json!({
        "schemas": [PROVIDER],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": most},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": false},
        "authenticationSchemes": [authentication_scheme()],
        "meta": meta(settings, "ServiceProviderConfig", "ServiceProviderConfig"),
    })
}

fn resource_types(settings: &Settings) -> Vec<Value> {
    let extensions = extensions(settings);
    let one = |name: &str, endpoint: &str, core: &str| {
        let listed: Vec<Value> = extensions
            .keys()
            .filter(|urn| is_of_groups(urn) == (core == GROUP))
            .map(|urn| json!({"schema": urn, "required": false}))
            .collect();
        json!({
            "schemas": [RESOURCE_TYPE],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "schema": core,
            "schemaExtensions": listed,
            "meta": meta(settings, "ResourceType", &format!("ResourceTypes/{name}")),
        })
    };
    let mut all = vec![one("User", "/Users", USER)];
    if !settings.without_groups {
        all.push(one("Group", "/Groups", GROUP));
    }
    all
}

/// Whether an extension is one of groups, which its URN says by convention.
fn is_of_groups(urn: &str) -> bool {
    urn.rsplit(':').next().is_some_and(|last| last.eq_ignore_ascii_case("group"))
}

/// Extensions by URN, with their attributes.
fn extensions(settings: &Settings) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let is_known = |urn: &str| {
        settings
            .known_schemas
            .as_ref()
            .is_none_or(|known| known.iter().any(|have| have.eq_ignore_ascii_case(urn)))
    };
    if is_known(ENTERPRISE) {
        let known = described(settings, &ResourceKind::User, ENTERPRISE, schema::own_attributes(ENTERPRISE));
        if !known.is_empty() {
            all.insert(ENTERPRISE.to_owned(), known);
        }
    }
    for urn in settings.known_schemas.iter().flatten().filter(|urn| urn.contains(":extension:")) {
        if schema::known_urn(urn).is_none() {
            all.insert(urn.clone(), Vec::new());
        }
    }
    for (urn, attributes) in declared(settings) {
        let key = all.keys().find(|have| have.eq_ignore_ascii_case(&urn)).cloned().unwrap_or(urn);
        all.entry(key).or_default().extend(attributes);
    }
    all.retain(|urn, _| !(settings.without_groups && is_of_groups(urn)));
    all
}

fn schemas(settings: &Settings) -> Vec<Value> {
    let mut own: BTreeMap<String, Vec<Value>> = declared_core(settings);
    let mut core = |name: &str, urn: &'static str, kind: &ResourceKind| {
        let mut attributes = described(settings, kind, urn, schema::own_attributes(urn));
        attributes.extend(own.remove(urn).unwrap_or_default());
        (name.to_owned(), urn.to_owned(), attributes)
    };
    let mut all = vec![core("User", USER, &ResourceKind::User)];
    if !settings.without_groups {
        all.push(core("Group", GROUP, &ResourceKind::Group));
    }
    for (urn, attributes) in extensions(settings) {
        let name = if urn == ENTERPRISE { "EnterpriseUser" } else { name_of(&urn) };
        all.push((name.to_owned(), urn, attributes));
    }
    all.into_iter()
        .map(|(name, urn, attributes)| {
            let location = format!("Schemas/{urn}");
            json!({
                "schemas": [SCHEMA],
                "id": urn,
                "name": name,
                "description": name,
                "attributes": attributes,
                "meta": meta(settings, "Schema", &location),
            })
        })
        .collect()
}

/// A short name for an extension: the part of its URN before the version.
fn name_of(urn: &str) -> &str {
    let is_version = |part: &str| part.starts_with(|char: char| char.is_ascii_digit());
    urn.rsplit(':').skip(1).find(|part| !is_version(part)).unwrap_or(urn)
}

/// The attributes of a schema of the RFC that the application knows.
fn described(settings: &Settings, kind: &ResourceKind, urn: &str, all: &[Attribute]) -> Vec<Value> {
    let lacks = |name: &Name| settings.known_attributes.lacks(kind, name);
    let is_cut = |name: &str| settings.validator_mode && settings.is_on("R13") && name == "password";
    all.iter()
        .filter_map(|attribute| {
            let name = Name { urn: Some(urn.to_owned()), ..Name::plain(attribute.name) };
            if lacks(&name) || is_cut(attribute.name) {
                return None;
            }
            let subs: Vec<Value> = attribute
                .subs
                .iter()
                .filter(|sub| !lacks(&name.with_sub(sub.name)))
                .filter(|sub| {
                    !(settings.validator_mode && attribute.name == "emails" && sub.name == "display")
                })
                .map(|sub| one(sub, Some(attribute)))
                .collect();
            let mut described = one(attribute, None);
            if let Some(map) = described.as_object_mut().filter(|_| !subs.is_empty()) {
                map.insert("subAttributes".into(), subs.into());
            }
            Some(described)
        })
        .collect()
}

/// Characteristics of an attribute (RFC 7643 sections 2.2 and 7).
fn one(attribute: &Attribute, parent: Option<&Attribute>) -> Value {
    let within = parent.map_or("", |parent| parent.name);
    let mutability = match (within, attribute.name) {
        ("", "groups") | ("groups", _) | ("manager", "displayName") => "readOnly",
        ("", "password") => "writeOnly",
        ("members", "value" | "$ref" | "type") => "immutable",
        _ => "readWrite",
    };
    let is_secret = within.is_empty() && attribute.name == "password";
    let is_login = within.is_empty() && attribute.name == "userName";
    let mut map = Map::new();
    map.insert("name".into(), attribute.name.into());
    map.insert("type".into(), attribute.value_type.name().into());
    map.insert("multiValued".into(), attribute.multi.into());
    map.insert("description".into(), attribute.name.into());
    map.insert("required".into(), attribute.required.into());
    map.insert(
        "caseExact".into(),
        matches!(attribute.value_type, ValueType::Reference | ValueType::Binary).into(),
    );
    map.insert("mutability".into(), mutability.into());
    map.insert("returned".into(), (if is_secret { "never" } else { "default" }).into());
    map.insert("uniqueness".into(), (if is_login { "server" } else { "none" }).into());
    if attribute.value_type == ValueType::Reference {
        let types = match within {
            "manager" => json!(["User"]),
            "groups" => json!(["Group"]),
            "members" => json!(["User", "Group"]),
            _ => json!(["external"]),
        };
        map.insert("referenceTypes".into(), types);
    }
    Value::Object(map)
}

/// Declared attributes of core schemas, by URN.
fn declared_core(settings: &Settings) -> BTreeMap<String, Vec<Value>> {
    let plain = settings.declared_types.iter().filter(|(name, _)| !name.contains(':'));
    let mut all = BTreeMap::new();
    collect(plain.map(|(name, value_type)| (USER.to_owned(), name, value_type)), &mut all);
    all
}

/// Declared attributes of extensions, by URN.
fn declared(settings: &Settings) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    let qualified = settings.declared_types.iter().filter_map(|(name, value_type)| {
        let (urn, attribute) = name.rsplit_once(':')?;
        let urn = schema::known_urn(urn).map_or_else(|| urn.to_owned(), str::to_owned);
        Some((urn, attribute, value_type))
    });
    collect(qualified, &mut all);
    all
}

fn collect<'d>(
    declared: impl Iterator<Item = (String, &'d str, ValueType)>,
    all: &mut BTreeMap<String, Vec<Value>>,
) {
    // An attribute comes before its parts: names are in order.
    for (urn, name, value_type) in declared {
        let (attribute, sub) = name.split_once('.').map_or((name, None), |(name, sub)| (name, Some(sub)));
        let parsed = Name { urn: Some(urn.clone()), ..Name::plain(attribute) };
        let is_ours = [ResourceKind::User, ResourceKind::Group]
            .iter()
            .any(|kind| schema::attribute(kind, &parsed).is_some());
        if is_ours {
            continue;
        }
        let attributes = all.entry(urn).or_default();
        match sub {
            None => attributes.push(plain(attribute, value_type)),
            Some(sub) => {
                let holder =
                    attributes.iter_mut().find(|have| have.get("name").is_some_and(|have| have == attribute));
                if let Some(Value::Object(holder)) = holder {
                    let subs = holder.entry("subAttributes").or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(subs) = subs {
                        subs.push(plain(sub, value_type));
                    }
                }
            }
        }
    }
}

fn plain(name: &str, value_type: ValueType) -> Value {
    json!({
        "name": name,
        "type": value_type.name(),
        "multiValued": false,
        "description": name,
        "required": false,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    })
}

#[cfg(test)]
#[path = "discovery_test.rs"]
mod tests;
