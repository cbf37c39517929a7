//! What an operator writes, compiled to a validated form.
//!
//! The plugin configuration is YAML or JSON. Unknown fields are refused with a suggestion, all problems are reported at
//! once, each with its path and its remedy, and a configuration with a problem is never used: Envoy refuses it.

mod access;
mod account;
mod application_cookies;
mod authentication;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod identity;
mod node;
mod operators;
mod pages;
mod pattern;
mod protobuf;
mod root;
mod rule_list;
mod rules;
mod saml;
mod scim;
mod secret;
mod selection;
mod server_tokens;
mod template;
mod tenant;
mod yaml;

pub use access::{AccessSettings, Curiosity};
pub use account::{AccountSettings, Match, OnGroupChange, Recheck};
pub use application_cookies::CookieName;
pub use authentication::{
    ApplicationServer, Authentication, EntraTokenSettings, FederationSettings, Introspection, KeySource,
    TokenClient, TokenDemands, TokenEndpointSettings, TokenReading,
};
pub use identity::{
    AssertionClaim, AssertionSettings, BasicCredentials, GroupNames, IdentityHeader, IdentitySettings, Told,
    Unencodable, WELL_KNOWN,
};
pub use node::Problem;
pub use operators::OperatorSettings;
pub use pages::PageSettings;
pub use pattern::Pattern;
pub use root::{Configuration, HostSettings, NativeCrypto, read_tree};
pub use rule_list::RuleList;
pub use rules::{Access, Condition, MULTIPLE_AUTHN, PathMatch, REFEDS_MFA, Rule, Test};
pub use saml::{
    Brand, DecryptionKeys, EntraSettings, GroupOverage, IdentityProvider, LogoutSettings, Metadata,
    MetadataSource, ReplayStore, RequestBinding, RequestSettings, RequestSigning, RequiredSignatures,
    SamlSettings, Trust, Unsolicited,
};
pub use scim::{
    Abilities, AbilitySettings, Deactivation, Deletion, Discovery, EmptiedGroups, Filtering, MemberChanges,
    Mode, PatchForm, SchemaSettings, UnknownAttributes, UserNameChange, ValueType,
};
pub use scim::{Credential, ScimApplication, ScimSettings, TokenHash};
pub use secret::{STAND_IN, Secret};
pub use selection::{Selector, TenantHeader, TenantSelection};
pub use template::{Function, Piece, Placeholder, Source, Template, claim_name};
pub use tenant::{SessionSettings, Tenant};
