//! How the `context` of a case maps to our configuration. This is the one place that says so.
//!
//! | in the case | with us |
//! |---|---|
//! | `context.config.public_base` | what Entra calls: `public_url` and `scim.public_path` of the tenant |
//! | `context.config.upstream_base` | its path is `scim.application.path` |
//! | `context.config.upstream_auth: "own"`, or any `upstream_credential` | `scim.application.credential` is not `keep` |
//! | `context.config.upstream_credential` | `scim.application.credential: {bearer: ...}` |
//! | `context.config.secrets` | `scim.tokens`, one for each |
//! | `context.config.validator_mode` | discovery is cut to what Microsoft's validator takes (R13) |
//! | `context.config.rules_off` | `scim.rules_off` |
//! | `context.config.literal_backslash` | backslashes in filter literals are data (F6) |
//! | `context.config.without_groups: true`, `groups: false`, or `resource_types` without `Group` | the application has no groups (R1) |
//! | `context.config.patch: "put"`, `filter: "local"`, `eager: [..]`, `delete: "deactivate"`, `deactivate: "delete"` | what the application is helped with |
//! | `context.schema_hints` | types that the application's `/Schemas` declares |
//! | `context.known_schemas` | schemas that the application's `/Schemas` lists |
//! | `context.upstream_resource` | the resource as it is read before the PATCH is sent (P30, P31, P42) |
//! | `context.upstream_responses` | the application's answers, in order, to the request and to our own calls |

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::ability::{Abilities, Deactivation, Deletion, Filtering, PatchForm};
use super::super::authenticate::Token;
use super::super::rule::Settings;
use super::super::schema::{DeclaredTypes, ValueType};
use crate::crypto::sha256;

/// Members of `context.config` that are read here or by the decisions on credentials.
const KNOWN: [&str; 23] = [
    "patch",
    "filter",
    "eager",
    "delete",
    "deactivate",
    "public_base",
    "upstream_base",
    "upstream_auth",
    "upstream_credential",
    "secrets",
    "validator_mode",
    "rules_off",
    "literal_backslash",
    "without_groups",
    "groups",
    "resource_types",
    "mode",
    "tenant_ids",
    "audiences",
    "appids",
    "clients",
    "tenants",
    "token_lifetime_s",
];

/// Pages of a case whose filter is evaluated here.
const LOCAL_FILTER: Filtering = Filtering::Local { page: 100, most_entries: 10_000 };

/// What a case says of its surroundings.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'c> {
    case: &'c Value,
}

impl<'c> Surroundings<'c> {
    pub(super) fn of(case: &'c Value) -> Self {
        Self { case }
    }

    pub(super) fn get(self, path: &str) -> Option<&'c Value> {
        self.case.pointer("/context")?.pointer(path).filter(|value| !value.is_null())
    }

    pub(super) fn text(self, path: &str) -> Option<&'c str> {
        self.get(path)?.as_str()
    }

    fn is_set(self, path: &str) -> bool {
        self.get(path) == Some(&Value::Bool(true))
    }

    pub(super) fn texts(self, path: &str) -> Vec<&'c str> {
        let list = self.get(path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Names in `context.config` that mean nothing here; a case that sets them is not wholly understood.
    pub(super) fn unknown(self) -> Vec<&'c str> {
        let config = self.get("/config").and_then(Value::as_object);
        let names = config.into_iter().flat_map(|config| config.keys()).map(String::as_str);
        names.filter(|name| !KNOWN.contains(name)).collect()
    }

    /// The settings of the pipelines.
    pub(super) fn settings(self) -> Settings {
        let mut settings = Settings {
            public_base: "https://edge.example/scim".into(),
            application_base: "/scim/v2".into(),
            own_credential: self.text("/config/upstream_auth") == Some("own")
                || self.get("/config/upstream_credential").is_some(),
            validator_mode: self.is_set("/config/validator_mode"),
            literal_backslash: self.is_set("/config/literal_backslash"),
            without_groups: self.is_without_groups(),
            off: self.texts("/config/rules_off").into_iter().map(str::to_owned).collect(),
            declared_types: self.declared_types(),
            abilities: self.abilities(),
            ..Settings::default()
        };
        if let Some(base) = self.text("/config/public_base") {
            base.trim_end_matches('/').clone_into(&mut settings.public_base);
        }
        if let Some(base) = self.text("/config/upstream_base") {
            path_of(base).clone_into(&mut settings.application_base);
        }
        if let Some(known) = self.get("/known_schemas").and_then(Value::as_array) {
            let known: BTreeSet<String> = known.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            settings.known_schemas = Some(known);
        }
        settings
    }

    fn abilities(self) -> Abilities {
        let says = |path: &str, word: &str| self.text(path) == Some(word);
        Abilities {
            patch: if says("/config/patch", "put") { PatchForm::Put } else { PatchForm::Patch },
            filter: if says("/config/filter", "local") { LOCAL_FILTER } else { Filtering::Application },
            eager: self.texts("/config/eager").into_iter().map(str::to_owned).collect(),
            deletion: if says("/config/delete", "deactivate") {
                Deletion::Deactivate
            } else {
                Deletion::Delete
            },
            deactivation: if says("/config/deactivate", "delete") {
                Deactivation::Delete
            } else {
                Deactivation::Deactivate
            },
            ..Abilities::default()
        }
    }

    fn is_without_groups(self) -> bool {
        let types = self.get("/config/resource_types").map(|_| self.texts("/config/resource_types"));
        self.is_set("/config/without_groups")
            || self.get("/config/groups") == Some(&Value::Bool(false))
            || types.is_some_and(|types| !types.contains(&"Group"))
    }

    fn declared_types(self) -> DeclaredTypes {
        let hints = self.get("/schema_hints").and_then(Value::as_object);
        let value_type = |hint: &Value| ValueType::named(hint.as_str().unwrap_or_default());
        hints.into_iter().flatten().map(|(name, hint)| (name, value_type(hint))).collect()
    }

    /// Tokens that are accepted (A1).
    pub(super) fn tokens(self) -> Vec<Token> {
        self.texts("/config/secrets")
            .into_iter()
            .map(|secret| Token { name: "token".into(), sha256: sha256(secret.as_bytes()) })
            .collect()
    }
}

/// The path of a URL, without a trailing slash.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    path.trim_end_matches('/')
}
