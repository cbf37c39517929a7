//! The requests as Entra writes them, deviations from RFC 7644 included. Nothing here is sent.

use serde_json::{Map, Value, json};

use crate::{
    directory::{Group, User},
    form,
    scim::{
        ENTERPRISE,
        attributes::{Mapped, fits_a_value_map, map, place},
    },
};

const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// No SCIM schema at all, and yet in every group that Entra creates.
const ADSCIM_GROUP_SCHEMA: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A request without its credential.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRequest {
    /// HTTP method.
    pub method: &'static str,
    /// Absolute URL, encoded as it is sent.
    pub url: String,
    /// Body; its absence means that no Content-Type is sent either.
    pub body: Option<Value>,
}

impl RawRequest {
    /// Headers besides the credential. Entra sends no Accept.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &'static str)> {
        self.body.iter().map(|_| ("Content-Type", "application/scim+json; charset=utf-8")).collect()
    }
}

/// In which of its two dialects the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Capital operations, booleans as text, one operation per attribute.
    Default,
    /// With `aadOptscim062020` in the tenant URL: dotted keys in path-less operations instead.
    Compatibility,
}

/// The *Tenant URL* field.
#[derive(Debug, Clone)]
pub struct TenantUrl {
    base: String,
    /// Query that the administrator typed, which leaks onto every request.
    query: Option<String>,
}

impl TenantUrl {
    /// Takes the URL as typed. With `keep_slash`, a trailing slash leads to `//Users`.
    #[must_use]
    pub fn new(typed: &str, keep_slash: bool) -> Self {
        let (base, query) = match typed.split_once('?') {
            Some((base, query)) => (base, Some(query.to_owned())),
            None => (typed, None),
        };
        let base = if keep_slash { base } else { base.trim_end_matches('/') };
        Self { base: base.to_owned(), query: query.filter(|query| !query.is_empty()) }
    }

    /// Which dialect the flag in the query asks for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        let flagged =
            self.query.as_ref().is_some_and(|query| query.to_lowercase().contains("aadoptscim062020"));
        if flagged { Dialect::Compatibility } else { Dialect::Default }
    }

    /// The URL as typed, with the flag of the compatible dialect or without it.
    #[must_use]
    pub fn with_flag(typed: &str, flag: bool) -> String {
        let (base, query) = typed.split_once('?').unwrap_or((typed, ""));
        let is_flag = |part: &&str| part.to_lowercase().starts_with("aadoptscim062020");
        let mut parts: Vec<&str> =
            query.split('&').filter(|part| !part.is_empty() && !is_flag(part)).collect();
        if flag {
            parts.push("aadOptscim062020");
        }
        let separator = if parts.is_empty() { "" } else { "?" };
        format!("{base}{separator}{}", parts.join("&"))
    }

    fn at(&self, path: &str, parameters: &str) -> String {
        let query = [self.query.as_deref().unwrap_or_default(), parameters];
        let query = query.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{}/{path}{separator}{query}", self.base)
    }
}

fn get(url: String) -> RawRequest {
    RawRequest { method: "GET", url, body: None }
}

fn filter(attribute: &str, value: &str) -> String {
    // The client library escapes neither quotes nor backslashes.
    format!("filter={}", form::encode_dotnet(&format!("{attribute} eq \"{value}\"")))
}

/// Looks for a user by the matching attribute.
#[must_use]
pub fn match_user(url: &TenantUrl, user_name: &str) -> RawRequest {
    get(url.at("Users", &filter("userName", user_name)))
}

/// Looks for a group by the matching attribute.
#[must_use]
pub fn match_group(url: &TenantUrl, display_name: &str) -> RawRequest {
    get(url.at("Groups", &format!("excludedAttributes=members&{}", filter("displayName", display_name))))
}

/// The two requests of *Test Connection*, which are also the health check of a cycle.
#[must_use]
pub fn test_connection(url: &TenantUrl, random: &str) -> [RawRequest; 2] {
    [match_user(url, random), match_group(url, random)]
}

/// Reads a user by identifier, to see whether it is still there.
#[must_use]
pub fn read_user(url: &TenantUrl, id: &str) -> RawRequest {
    get(url.at(&format!("Users/{id}"), ""))
}

/// Creates a user. Booleans are text in the default dialect.
#[must_use]
pub fn create_user(url: &TenantUrl, user: &User, dialect: Dialect) -> RawRequest {
    let mut body = Map::new();
    body.insert("schemas".into(), json!([USER_SCHEMA, ENTERPRISE]));
    body.insert("active".into(), boolean(user.is_active(), dialect));
    for (path, value) in map(user) {
        place(&mut body, &path, &value);
    }
    body.insert("meta".into(), json!({"resourceType": "User"}));
    RawRequest { method: "POST", url: url.at("Users", ""), body: Some(body.into()) }
}

/// Creates a group, without members and with a schema that is none.
#[must_use]
pub fn create_group(url: &TenantUrl, group: &Group) -> RawRequest {
    let body = json!({
        "schemas": [GROUP_SCHEMA, ADSCIM_GROUP_SCHEMA],
        "externalId": group.object_id,
        "displayName": group.display_name,
        "meta": {"resourceType": "Group"},
    });
    RawRequest { method: "POST", url: url.at("Groups", ""), body: Some(body) }
}

/// Deletes an object; `collection` is `Users` or `Groups`.
#[must_use]
pub fn delete(url: &TenantUrl, collection: &str, id: &str) -> RawRequest {
    RawRequest { method: "DELETE", url: url.at(&format!("{collection}/{id}"), ""), body: None }
}

/// Changes an object; `collection` is `Users` or `Groups`.
#[must_use]
pub fn patch(url: &TenantUrl, collection: &str, id: &str, operations: Vec<Value>) -> RawRequest {
    let body = json!({"schemas": [PATCH_SCHEMA], "Operations": operations});
    RawRequest { method: "PATCH", url: url.at(&format!("{collection}/{id}"), ""), body: Some(body) }
}

/// Operations that bring a user from `old` to `new`. What is gone from the directory is left as it is.
#[must_use]
pub fn changes(old: &Mapped, new: &Mapped, dialect: Dialect) -> Vec<Value> {
    let before = |path: &str| old.iter().find(|(known, _)| known == path).map(|(_, value)| value);
    let changed: Vec<_> = new.iter().filter(|(path, value)| before(path) != Some(value)).collect();
    let verb = |path: &str| if before(path).is_some() { "Replace" } else { "Add" };
    if dialect == Dialect::Default {
        return changed
            .iter()
            .map(|(path, value)| operation(verb(path), path, value.as_str(), dialect))
            .collect();
    }
    let mut out = Vec::new();
    for name in ["Add", "Replace"] {
        let of_verb = changed.iter().filter(|(path, _)| verb(path) == name && fits_a_value_map(path));
        let values: Map<String, Value> =
            of_verb.map(|(path, value)| (path.clone(), value.as_str().into())).collect();
        if !values.is_empty() {
            out.push(json!({"op": name.to_lowercase(), "value": values}));
        }
    }
    let value_paths = changed.iter().filter(|(path, _)| !fits_a_value_map(path));
    out.extend(value_paths.map(|(path, value)| operation(verb(path), path, value.as_str(), dialect)));
    out
}

/// One operation with a path.
#[must_use]
pub fn operation(verb: &str, path: &str, value: impl Into<Value>, dialect: Dialect) -> Value {
    json!({"op": cased(verb, dialect), "path": path, "value": value.into()})
}

/// Disables or restores a user.
#[must_use]
pub fn set_active(active: bool, dialect: Dialect) -> Value {
    operation("Replace", "active", boolean(active, dialect), dialect)
}

/// Sets the manager to an identifier of the application, as bare text.
#[must_use]
pub fn set_manager(had_one: bool, id: Option<&str>, dialect: Dialect) -> Value {
    let path = format!("{ENTERPRISE}:manager");
    match id {
        Some(id) => operation(if had_one { "Replace" } else { "Add" }, &path, id, dialect),
        None => json!({"op": cased("Remove", dialect), "path": path}),
    }
}

/// Adds members by identifier.
#[must_use]
pub fn add_members(ids: &[String], dialect: Dialect) -> Vec<Value> {
    if ids.is_empty() { Vec::new() } else { vec![operation("Add", "members", member_values(ids), dialect)] }
}

/// Removes members by identifier. In the default dialect they stand in `value`, which RFC 7644 does not have for
/// a removal: a server that ignores it empties the group.
#[must_use]
pub fn remove_members(ids: &[String], dialect: Dialect) -> Vec<Value> {
    match dialect {
        _ if ids.is_empty() => Vec::new(),
        Dialect::Default => vec![operation("Remove", "members", member_values(ids), dialect)],
        Dialect::Compatibility => ids
            .iter()
            .map(|id| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}))
            .collect(),
    }
}

fn member_values(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"$ref": null, "value": id})).collect()
}

fn cased(verb: &str, dialect: Dialect) -> String {
    if dialect == Dialect::Default { verb.to_owned() } else { verb.to_lowercase() }
}

fn boolean(value: bool, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Default => if value { "True" } else { "False" }.into(),
        Dialect::Compatibility => value.into(),
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
