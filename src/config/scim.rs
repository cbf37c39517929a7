//! Provisioning settings of one tenant.

mod abilities;
mod ability;
mod schemas;

pub use abilities::AbilitySettings;
pub use ability::{
    Abilities, Deactivation, Deletion, Discovery, EmptiedGroups, Filtering, MemberChanges, Mode, PatchForm,
    UnknownAttributes, UserNameChange,
};
pub use schemas::{SchemaSettings, ValueType};

use super::authentication::{self, Authentication};
use super::node::Node;
use super::secret::{self, Environment, Secret};
use crate::common::UnixMillis;

/// Provisioning of one tenant.
#[derive(Debug)]
pub struct ScimSettings {
    /// What Entra calls (the path of its Tenant URL), without a trailing slash.
    pub public_path: String,
    /// Secret tokens, as hashes; several for rotation.
    pub tokens: Vec<TokenHash>,
    /// Further ways in.
    pub authentication: Authentication,
    /// The application's own SCIM server.
    pub application: ScimApplication,
    /// Largest request body, in octets; larger is 413.
    pub max_body: usize,
    /// Largest response body that is read, in octets; larger is 502.
    pub max_response: usize,
    /// How many requests one worker has in hand at once; more are 429.
    pub max_in_hand: usize,
    /// How far the rules reach.
    pub mode: Mode,
    /// Identifiers of rules that are switched off.
    pub rules_off: Vec<String>,
    /// Whether backslashes in filter literals are data, never escapes.
    pub literal_backslash: bool,
    /// Whether schema discovery is cut to what Microsoft's validator takes.
    pub validator: bool,
    /// What is said of the application's schemas.
    pub schemas: SchemaSettings,
    /// What the application is helped with.
    pub help: AbilitySettings,
}

/// SHA-256 of a secret token, with a name for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash {
    /// Name for the log.
    pub name: String,
    /// SHA-256 of the token's octets.
    pub sha256: [u8; 32],
    /// When it begins to be accepted.
    pub not_before: Option<UnixMillis>,
    /// When it ceases to be accepted.
    pub expires: Option<UnixMillis>,
    /// The directory that it was made for, in lower case.
    pub tenant_id: Option<String>,
}

/// Where the application's SCIM server is, and how to speak to it.
#[derive(Debug)]
pub struct ScimApplication {
    /// Path prefix that Envoy routes to it, without a trailing slash; closed to every other way in.
    pub path: String,
    /// Envoy cluster for calls of our own.
    pub cluster: String,
    /// Path prefix at that cluster, where it differs from `path` because the route rewrites it.
    pub cluster_path: String,
    /// `:authority` of calls of our own.
    pub authority: String,
    /// The credential put on instead of Entra's.
    pub credential: Credential,
    /// What calls of our own carry that no request of the client's is behind; `None`: as `credential` says, where that is
    /// not the client's own.
    pub own_credential: Option<Secret>,
    /// How long a call of our own may take, in milliseconds.
    pub timeout_ms: u32,
}

/// What the application gets as `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Entra's own, as it came.
    Keep,
    /// Entra's own text, which is `account:key`, as `Basic`.
    BasicFromClient,
    /// None at all.
    Remove,
    /// This whole value of the header.
    Set(Secret),
}

const FIELDS: &[&str] = &[
    "public_path",
    "tokens",
    "authentication",
    "application",
    "max_body_bytes",
    "max_response_bytes",
    "max_in_hand",
    "mode",
    "rules_off",
    "literal_backslash",
    "validator",
    "schemas",
    "abilities",
];

const MODES: &[(&str, Mode)] =
    &[("observe", Mode::Observe), ("normalise", Mode::Normalise), ("strict", Mode::Strict)];

pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<ScimSettings> {
    let fields = node.fields(FIELDS);
    let public_path = fields
        .need("public_path", "write the path of Entra's Tenant URL, such as /scim/v2/entra")
        .and_then(|node| read_path(&node));
    let authentication = fields.get("authentication").map(|node| authentication::read(&node, environment));
    let tokens = match (fields.get("tokens"), &authentication) {
        (Some(node), _) => Some(read_tokens(&node)),
        (None, Some(_)) => Some(Vec::new()),
        (None, None) => {
            fields.need(
                "tokens",
                "list at least one: {name: entra, sha256: ...}, made with `vestibule token new`, or write another way in \
                 under `authentication`",
            );
            None
        }
    };
    let application = fields
        .need("application", "say where the application's own SCIM server is")
        .and_then(|node| read_application(&node, environment));
    let max_body = match fields.get("max_body_bytes") {
        Some(node) => node.number(1024..=64 << 20),
        None => Some(1_000_000),
    };
    let max_response = match fields.get("max_response_bytes") {
        Some(node) => node.number(1024..=64 << 20),
        None => Some(1_000_000),
    };
    let max_in_hand = match fields.get("max_in_hand") {
        Some(node) => node.number(1..=10_000),
        None => Some(64),
    };
    let rules_off = fields
        .get("rules_off")
        .map(|node| node.list().iter().filter_map(|node| node.text().map(str::to_owned)).collect::<Vec<_>>());
    let mode = fields.get("mode").and_then(|node| node.choice(MODES));
    let literal_backslash = fields.get("literal_backslash").and_then(|node| node.flag());
    let validator = fields.get("validator").and_then(|node| node.flag());
    let schemas = fields.get("schemas").map(|node| schemas::read(&node));
    let help = fields.get("abilities").map(|node| abilities::read(&node));
    let settings = ScimSettings {
        public_path: public_path?,
        tokens: tokens?,
        authentication: match authentication {
            Some(authentication) => authentication?,
            None => Authentication::default(),
        },
        application: application?,
        max_body: usize::try_from(max_body?).ok()?,
        max_response: usize::try_from(max_response?).ok()?,
        max_in_hand: usize::try_from(max_in_hand?).ok()?,
        mode: mode.unwrap_or_default(),
        rules_off: rules_off.unwrap_or_default(),
        literal_backslash: literal_backslash.unwrap_or_default(),
        validator: validator.unwrap_or_default(),
        schemas: schemas.unwrap_or_default(),
        help: help.unwrap_or_default(),
    };
    check(node, &settings);
    Some(settings)
}

/// What is only seen when all of it is at hand.
fn check(node: &Node<'_>, settings: &ScimSettings) {
    let SchemaSettings { supported, from_application, .. } = &settings.schemas;
    let help = &settings.help;
    // Where schema discovery is answered here, the application is not asked either.
    let is_asked = from_application.is_some() && help.discovery == Discovery::Application;
    if help.abilities.unknown_attributes != UnknownAttributes::Pass && supported.is_none() && !is_asked {
        node.error(
            "cannot know which attributes the application does not know",
            "list them in schemas.supported, or set schemas.from_application: true and abilities.discovery: application",
        );
    }
    if settings.mode == Mode::Observe && *help != AbilitySettings::default() {
        node.warn("abilities do nothing in mode: observe", "they take effect with mode: normalise or strict");
    }
    if settings.application.cluster_path.is_empty() {
        node.warn(
            "the application's SCIM server begins at the root of its cluster and cannot be closed by path",
            "make sure that no other route of Envoy leads to that cluster",
        );
    }
    if settings.public_path == settings.application.path {
        node.warn(
            "public_path and application.path are the same",
            "fine where the application's prefix is what Entra calls; nobody gets there without Entra's token",
        );
    }
}

/// A path prefix of plain characters, without a trailing slash.
fn read_path(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let path = text.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !path.starts_with('/') || path.contains("//") || path.contains("/.") || !path.bytes().all(plain) {
        node.error(
            format!("`{text}` is not a plain path"),
            "begin with / and use letters, digits, - . _ ~ only; the root itself is not possible",
        );
        return None;
    }
    Some(path.to_owned())
}

fn read_tokens(node: &Node<'_>) -> Vec<TokenHash> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("has no token", "list at least one: {name: entra, sha256: ...}");
    }
    let mut tokens = Vec::new();
    for entry in &entries {
        let fields = entry.fields(&["name", "sha256", "not_before", "expires", "tenant_id"]);
        let name = fields.need("name", "give the token a name for the log").and_then(|node| node.text());
        let sha256 =
            fields.need("sha256", "make it with `vestibule token hash`").and_then(|node| hex32(&node));
        // What is written and cannot be read must not be left out: the token would open for longer than was meant.
        let not_before = fields.get("not_before").map(|node| read_moment(&node));
        let expires = fields.get("expires").map(|node| read_moment(&node));
        let tenant_id = fields.get("tenant_id").map(|node| authentication::read_tenant_id(&node));
        if let (Some(Some(begins)), Some(Some(ends))) = (not_before, expires)
            && begins >= ends
        {
            entry.error("is over before it begins", "write an `expires` that is later than `not_before`");
        }
        if let (Some(name), Some(sha256)) = (name, sha256) {
            let (not_before, expires, tenant_id) =
                (not_before.flatten(), expires.flatten(), tenant_id.flatten());
            tokens.push(TokenHash { name: name.to_owned(), sha256, not_before, expires, tenant_id });
        }
    }
    tokens
}

fn read_moment(node: &Node<'_>) -> Option<UnixMillis> {
    let text = node.text()?;
    let moment = UnixMillis::parse_rfc3339(text);
    if moment.is_none() {
        node.error(
            format!("`{text}` is not a moment"),
            "write it with a zone, such as \"2027-01-31T00:00:00Z\"",
        );
    }
    moment
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hex32(node: &Node<'_>) -> Option<[u8; 32]> {
    let hash = digits(node.text()?);
    if hash.is_none() {
        node.error("is not 64 hexadecimal digits", "make it with `vestibule token hash`");
    }
    hash
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (pair, byte) in text.as_bytes().chunks_exact(2).zip(out.iter_mut()) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

fn read_application(node: &Node<'_>, environment: Environment<'_>) -> Option<ScimApplication> {
    let fields = node.fields(&[
        "path",
        "cluster",
        "cluster_path",
        "authority",
        "credential",
        "own_credential",
        "timeout_ms",
    ]);
    let path = fields
        .need("path", "write the path under which Envoy routes to the application's SCIM server")
        .and_then(|node| read_path(&node));
    let cluster = fields
        .need("cluster", "name the Envoy cluster of the application's SCIM server")
        .and_then(|node| node.text().map(str::to_owned));
    let cluster_path = match fields.get("cluster_path") {
        Some(node) if node.text() == Some("/") => Some(String::new()),
        Some(node) => read_path(&node),
        None => path.clone(),
    };
    let authority = match fields.get("authority") {
        Some(node) => node.text().map(str::to_owned),
        None => cluster.clone(),
    };
    let credential = fields
        .need(
            "credential",
            "write {bearer: {env: NAME}}, {basic: ...}, {basic_from_client: true}, {keep: true} or {remove: true}",
        )
        .and_then(|node| read_credential(&node, environment));
    let own_credential = match fields.get("own_credential") {
        Some(node) => match read_credential(&node, environment) {
            Some(Credential::Set(value)) => Some(value),
            Some(_) => {
                node.error(
                    "is no credential that could be sent",
                    "write {bearer: {env: NAME}} or {basic: ...}",
                );
                return None;
            }
            None => return None,
        },
        None => None,
    };
    let timeout = match fields.get("timeout_ms") {
        Some(node) => node.number(100..=60_000),
        None => Some(5_000),
    };
    Some(ScimApplication {
        path: path?,
        cluster: cluster?,
        cluster_path: cluster_path?,
        authority: authority?,
        credential: credential?,
        own_credential,
        timeout_ms: u32::try_from(timeout?).ok()?,
    })
}

fn read_credential(node: &Node<'_>, environment: Environment<'_>) -> Option<Credential> {
    let fields = node.fields(&["bearer", "basic", "basic_from_client", "keep", "remove"]);
    match fields.names().as_slice() {
        ["keep"] => fields.get("keep")?.flag()?.then_some(Credential::Keep),
        ["basic_from_client"] => {
            fields.get("basic_from_client")?.flag()?.then_some(Credential::BasicFromClient)
        }
        ["remove"] => fields.get("remove")?.flag()?.then_some(Credential::Remove),
        ["bearer"] => {
            let secret = secret::read(&fields.get("bearer")?, environment)?;
            header_value(node, format!("Bearer {}", secret.expose()))
        }
        ["basic"] => {
            let basic = fields.get("basic")?.fields(&["user", "password", "from_token"]);
            if let Some(token) = basic.get("from_token") {
                if basic.names().len() > 1 {
                    node.error(
                        "has from_token beside user or password",
                        "the token is `account:key` and says both",
                    );
                }
                let pair = secret::read(&token, environment)?;
                if !pair.expose().contains(':') {
                    token.error("is not of the form account:key", "check the secret, or use bearer");
                    return None;
                }
                return header_value(node, format!("Basic {}", base64_of(pair.expose())));
            }
            let user = basic.need("user", "write the user name").and_then(|node| node.text());
            let password =
                basic.need("password", "write {env: NAME}").and_then(|node| secret::read(&node, environment));
            let pair = format!("{}:{}", user?, password?.expose());
            header_value(node, format!("Basic {}", base64_of(&pair)))
        }
        _ => {
            node.error("needs exactly one of bearer, basic, basic_from_client, keep, remove", "choose one");
            None
        }
    }
}

fn base64_of(pair: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair)
}

fn header_value(node: &Node<'_>, value: String) -> Option<Credential> {
    if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        node.error("holds characters that cannot stand in a header", "use printable ASCII");
        return None;
    }
    Some(Credential::Set(Secret::from(value.as_str())))
}
