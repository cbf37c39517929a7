//! How the `context` of a case maps to our configuration. This is the one place that says so.
//!
//! | in the case | with us |
//! |---|---|
//! | `context.config.public_base` | what Entra calls: `public_url` and `scim.public_path` of the tenant |
//! | `context.config.upstream_base` | its path is `scim.application.path` |
//! | `context.config.upstream_auth: "own"`, or any `upstream_credential` | `scim.application.credential` is not `keep` |
//! | `context.config.upstream_credential` | `scim.application.credential: {bearer: ...}` |
//! | `context.config.secrets` | `scim.tokens`, one for each |
//! | `context.config.mode: observe`, `normalise` or `strict` | `scim.mode`; another `mode` is one of credentials |
//! | `context.config.validator_mode`, `validator` | `scim.validator` (R13) |
//! | `context.config.rules_off` | `scim.rules_off` |
//! | `context.config.literal_backslash` | `scim.literal_backslash` (F6) |
//! | `context.config.patch`, `members`, `remove_all_members`, `filter`, `eager`, `unknown_attributes`, `user_name`, `groups`, `delete`, `deactivate`, `discovery`, there or within `context.config.abilities` | the same under `scim.abilities` |
//! | `context.config.without_groups: true`, or `resource_types` without `Group` | `scim.abilities.groups: false` (R1, X3) |
//! | `context.config.schemas` | `scim.schemas` |
//! | `context.schemas`, `context.resource_types` | the application's answers to `/Schemas` and `/ResourceTypes` |
//! | `context.schema_hints` | types that the application's `/Schemas` declares |
//! | `context.known_schemas` | schemas that the application's `/Schemas` lists |
//! | `context.upstream_resource` | the resource as it is read before the PATCH is sent (P30, P31, P42) |
//! | `context.upstream_responses` | the application's answers, in order, to the request and to our own calls |

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::ability::Mode;
use super::super::authenticate::Token;
use super::super::learnt::{KnownAttributes, Learnt};
use super::super::rule::Settings;
use super::super::schema::{DeclaredTypes, ValueType};
use crate::config::{AbilitySettings, Problem, SchemaSettings};
use crate::crypto::sha256;

/// Members of `context.config` that are read here or by the decisions on credentials.
const KNOWN: [&str; 20] = [
    "public_base",
    "upstream_base",
    "upstream_auth",
    "upstream_credential",
    "secrets",
    "validator_mode",
    "validator",
    "schemas",
    "abilities",
    "rules_off",
    "literal_backslash",
    "without_groups",
    "resource_types",
    "mode",
    "tenant_ids",
    "audiences",
    "appids",
    "clients",
    "tenants",
    "token_lifetime_s",
];

/// The mode of the pipelines that `name` means.
pub(super) fn mode(name: &str) -> Option<Mode> {
    [("observe", Mode::Observe), ("normalise", Mode::Normalise), ("strict", Mode::Strict)]
        .into_iter()
        .find_map(|(have, mode)| (have == name).then_some(mode))
}

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
        names
            .filter(|name| !KNOWN.contains(name) && !AbilitySettings::FIELDS.contains(name))
            .chain(self.abilities().is_err().then_some("abilities"))
            .chain(self.schemas().is_err().then_some("schemas"))
            .collect()
    }

    /// The block of abilities; its fields may stand beside the other settings too.
    fn abilities(self) -> Result<AbilitySettings, Vec<Problem>> {
        let config = self.get("/config").and_then(Value::as_object);
        let beside = config.into_iter().flatten();
        let mut block: Map<String, Value> = beside
            .filter(|(name, _)| AbilitySettings::FIELDS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        block.extend(self.get("/config/abilities").and_then(Value::as_object).cloned().unwrap_or_default());
        AbilitySettings::read(&Value::Object(block))
    }

    fn schemas(self) -> Result<SchemaSettings, Vec<Problem>> {
        self.get("/config/schemas").map_or_else(|| Ok(SchemaSettings::default()), SchemaSettings::read)
    }

    /// The settings of the pipelines.
    pub(super) fn settings(self) -> Settings {
        let help = self.abilities().unwrap_or_default();
        let schemas = self.schemas().unwrap_or_default();
        let supported = schemas.supported.iter().flatten().map(String::as_str);
        let own_types = schemas.attributes.iter().map(|(name, value_type)| (name.as_str(), *value_type));
        let hints = self.declared_types();
        let mut settings = Settings {
            public_base: "https://edge.example/scim".into(),
            application_base: "/scim/v2".into(),
            own_credential: self.text("/config/upstream_auth") == Some("own")
                || self.get("/config/upstream_credential").is_some(),
            validator_mode: self.is_set("/config/validator_mode") || self.is_set("/config/validator"),
            literal_backslash: self.is_set("/config/literal_backslash"),
            without_groups: self.is_without_groups() || help.groups == Some(false),
            groups_are_decided: help.groups.is_some(),
            discovery: help.discovery,
            mode: self.text("/config/mode").and_then(mode).unwrap_or_default(),
            abilities: help.abilities,
            known_schemas: schemas.known.as_ref().map(|known| known.iter().cloned().collect()),
            known_attributes: KnownAttributes::of(supported),
            off: self.texts("/config/rules_off").into_iter().map(str::to_owned).collect(),
            declared_types: hints.iter().chain(own_types).collect(),
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
        match self.learnt() {
            Some(learnt) => settings.with_learnt(&learnt),
            None => settings,
        }
    }

    /// What the application says of itself.
    fn learnt(self) -> Option<Learnt> {
        let schemas = self.get("/schemas").map(|answer| Learnt::schemas(answer.to_string().as_bytes()));
        let types = self.get("/resource_types");
        let mut learnt = match (schemas, types) {
            (Some(Ok(learnt)), _) => learnt,
            (_, Some(_)) => Learnt::default(),
            _ => return None,
        };
        if let Some(types) = types {
            // An answer that cannot be read teaches nothing, here as there.
            let _ = learnt.resource_types(types.to_string().as_bytes());
        }
        Some(learnt)
    }

    fn is_without_groups(self) -> bool {
        let types = self.get("/config/resource_types").map(|_| self.texts("/config/resource_types"));
        self.is_set("/config/without_groups") || types.is_some_and(|types| !types.contains(&"Group"))
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
            .map(|secret| Token::new("token", sha256(secret.as_bytes())))
            .collect()
    }
}

/// The path of a URL, without a trailing slash.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    path.trim_end_matches('/')
}
