//! Who may provision, beyond static tokens.

use std::time::Duration;

use super::node::{Fields, Node};
use super::scim::hex32;
use super::secret::{Environment, Secret};
use super::server_tokens;
use crate::common::path::{NormalPath, folded, is_at_or_below};

/// The ways in beside static tokens. None is open that is not configured.
#[derive(Debug, Default)]
pub struct Authentication {
    /// Entra's own token, where the administrator left the secret token blank.
    pub entra_token: Option<EntraTokenSettings>,
    /// Tokens of our own, for a client secret or for workload identity federation.
    pub token_endpoint: Option<TokenEndpointSettings>,
    /// Tokens of the application's own authorization server.
    pub application_server: Option<ApplicationServer>,
}

/// Where a key set is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// Envoy cluster.
    pub cluster: String,
    /// `:authority` of the call.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u32,
    /// How often the set is read anew.
    pub refresh: Duration,
}

/// Entra's own v1 token.
#[derive(Debug)]
pub struct EntraTokenSettings {
    /// Directories, in lower case.
    pub tenant_ids: Vec<String>,
    /// Accepted `aud`.
    pub audiences: Vec<String>,
    /// Accepted `appid`.
    pub applications: Vec<String>,
    /// The directories' keys.
    pub keys: KeySource,
}

/// The token endpoint.
#[derive(Debug)]
pub struct TokenEndpointSettings {
    /// Its path on the tenant's hosts.
    pub path: String,
    /// Life of a token.
    pub lifetime: Duration,
    /// Clients with secrets.
    pub clients: Vec<TokenClient>,
    /// Clients with tokens of Entra's.
    pub federations: Vec<FederationSettings>,
}

/// A client with secrets.
#[derive(Debug)]
pub struct TokenClient {
    /// `client_id`.
    pub id: String,
    /// SHA-256 of each secret.
    pub secrets: Vec<[u8; 32]>,
}

/// A directory whose provisioning service is a client by its own tokens.
#[derive(Debug)]
pub struct FederationSettings {
    /// The directory, in lower case.
    pub tenant_id: String,
    /// `sub`.
    pub subject: String,
    /// Accepted `aud`.
    pub audiences: Vec<String>,
    /// `azp`.
    pub application: String,
    /// The only `client_id` that may come with it, where one is expected.
    pub client_id: Option<String>,
    /// The directory's keys.
    pub keys: KeySource,
}

/// The application's own authorization server.
#[derive(Debug)]
pub struct ApplicationServer {
    /// How its tokens are read.
    pub reading: TokenReading,
    /// Paths of its endpoints, which are let through without a session.
    pub pass: Vec<String>,
}

/// What a token must say. Empty lists ask nothing.
#[derive(Debug)]
pub struct TokenDemands {
    /// `iss`.
    pub issuer: Option<String>,
    /// One of these is in `aud`.
    pub audiences: Vec<String>,
    /// `client_id` is one of these.
    pub clients: Vec<String>,
    /// All of these are in `scope`.
    pub scopes: Vec<String>,
}

/// How tokens of the application's server are read.
#[derive(Debug)]
pub enum TokenReading {
    /// By asking it (RFC 7662).
    Introspection(Introspection),
    /// By its published keys (RFC 9068).
    Keys {
        /// The keys.
        source: KeySource,
        /// Accepted algorithms, by their names in RFC 7518.
        algorithms: Vec<String>,
        /// Whether `typ` must be `at+jwt`.
        typed: bool,
        /// What a token must say.
        demands: TokenDemands,
    },
}

/// Where and how to ask for tokens.
#[derive(Debug)]
pub struct Introspection {
    /// Envoy cluster.
    pub cluster: String,
    /// `:authority` of the call.
    pub authority: String,
    /// Path of the introspection endpoint.
    pub path: String,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u32,
    /// Whole value of the `authorization` header that says who asks.
    pub authorization: Secret,
    /// How long a good answer is believed, at most; the token's own end comes first.
    pub cache: Duration,
    /// What a token must say.
    pub demands: TokenDemands,
}

/// The audience of Entra's provisioning service, the same for every application of every directory.
const ENTRA_AUDIENCE: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// Entra's provisioning service.
const ENTRA_APPLICATION: &str = "00000014-0000-0000-c000-000000000000";
/// The same where it proves itself by workload identity federation.
const FEDERATED_APPLICATION: &str = "cb1d50fe-8ed0-4944-9e7d-5981aad3bc4b";
/// Host of Entra's key sets.
const ENTRA_HOST: &str = "login.microsoftonline.com";
/// Where a token endpoint may lie among our own endpoints.
const OWN_TOKEN_PATH: &str = "/.vestibule/oauth/token";

pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<Authentication> {
    let fields = node.fields(&["entra_token", "token_endpoint", "application_server"]);
    let entra_token = fields.get("entra_token").map(|node| read_entra(&node));
    let token_endpoint = fields.get("token_endpoint").map(|node| read_endpoint(&node));
    let application_server =
        fields.get("application_server").map(|node| server_tokens::read(&node, environment));
    if fields.names().is_empty() {
        node.error(
            "names no way in",
            "write entra_token, token_endpoint or application_server, or leave it out",
        );
    }
    // What could not be read was reported; the rest is still of use for finding further errors.
    Some(Authentication {
        entra_token: entra_token.flatten(),
        token_endpoint: token_endpoint.flatten(),
        application_server: application_server.flatten(),
    })
}

impl Authentication {
    /// Whether anybody gets in by one of these ways.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entra_token.is_none() && self.token_endpoint.is_none() && self.application_server.is_none()
    }

    /// Reports endpoints that lie in one another's way. `taken` are further paths of ours, `closed` those of SCIM.
    pub(super) fn check_paths(&self, node: &Node<'_>, taken: &[&str], closed: &[&str]) {
        let overlap = |a: &str, b: &str| {
            let (a, b) = (folded(a), folded(b));
            is_at_or_below(&a, &b) || is_at_or_below(&b, &a)
        };
        let token = self.token_endpoint.as_ref().map(|endpoint| endpoint.path.as_str());
        if let Some(path) = token {
            let remedy = format!("give it another path, such as {OWN_TOKEN_PATH}");
            for other in taken.iter().filter(|other| folded(path) == folded(other)) {
                node.error(format!("the token endpoint `{path}` is `{other}`, which is another's"), &*remedy);
            }
            for other in closed.iter().filter(|other| overlap(path, other)) {
                node.error(
                    format!("the token endpoint `{path}` and the SCIM path `{other}` overlap"),
                    &*remedy,
                );
            }
            if is_at_or_below(&folded(path), "/.vestibule") && path != OWN_TOKEN_PATH {
                node.error(
                    format!("the token endpoint `{path}` lies among Vestibule's own endpoints"),
                    &*remedy,
                );
            }
        }
        let pass = self.application_server.as_ref().map(|server| server.pass.as_slice()).unwrap_or_default();
        for path in pass {
            let own = taken.iter().copied().chain(token).chain(["/.vestibule"]);
            for other in own.chain(closed.iter().copied()).filter(|other| overlap(path, other)) {
                node.error(
                    format!("application_server.pass: `{path}` and `{other}` overlap"),
                    "let only the paths of the application's authorization server through",
                );
            }
        }
    }

    /// Puts the token endpoint below a tenant's path prefix, where nothing else was written.
    pub(super) fn move_below(&mut self, prefix: &str) {
        if let Some(endpoint) = self.token_endpoint.as_mut().filter(|it| it.path == OWN_TOKEN_PATH) {
            endpoint.path.insert_str(0, prefix);
        }
    }

    /// Directories whose provisioning service may come in.
    pub(super) fn directories(&self) -> impl Iterator<Item = &str> {
        let entra = self.entra_token.iter().flat_map(|entra| &entra.tenant_ids);
        let endpoint = self.token_endpoint.iter().flat_map(|endpoint| &endpoint.federations);
        entra.chain(endpoint.map(|federation| &federation.tenant_id)).map(String::as_str)
    }
}

fn read_entra(node: &Node<'_>) -> Option<EntraTokenSettings> {
    let fields = node.fields(&["tenant_id", "tenant_ids", "audiences", "applications", "keys"]);
    let tenant_ids: Option<Vec<String>> = match (fields.get("tenant_id"), fields.get("tenant_ids")) {
        (Some(one), None) => read_tenant_id(&one).map(|one| vec![one]),
        (None, Some(all)) => {
            let entries = all.list();
            if entries.is_empty() {
                all.error("is empty", "list the tenant ids of the directories that may provision");
            }
            entries.iter().map(read_tenant_id).collect()
        }
        _ => {
            node.error(
                "needs exactly one of tenant_id, tenant_ids",
                "write the directory (tenant) id of Entra",
            );
            None
        }
    };
    let own = match tenant_ids.as_deref() {
        Some([one]) => one.clone(),
        _ => "common".to_owned(),
    };
    let keys = read_entra_keys(&fields, &format!("/{own}/discovery/keys"));
    let audiences = texts(&fields, "audiences", &[ENTRA_AUDIENCE]);
    let applications = texts(&fields, "applications", &[ENTRA_APPLICATION]);
    Some(EntraTokenSettings {
        tenant_ids: tenant_ids?,
        audiences: audiences?,
        applications: applications?,
        keys: keys?,
    })
}

fn read_entra_keys(fields: &Fields<'_>, path: &str) -> Option<KeySource> {
    let keys =
        fields.need("keys", "write {cluster: NAME}: the Envoy cluster of login.microsoftonline.com")?;
    let known = keys.fields(&["cluster", "authority", "path", "timeout_ms", "refresh_seconds"]);
    read_keys(&known, Some((ENTRA_HOST, path)))
}

/// A key set; `defaults` are authority and path where nothing is written.
pub(super) fn read_keys(fields: &Fields<'_>, defaults: Option<(&str, &str)>) -> Option<KeySource> {
    let cluster = read_cluster(fields);
    let authority = match (fields.get("authority"), defaults) {
        (Some(node), _) => node.text().map(str::to_owned),
        (None, Some((authority, _))) => Some(authority.to_owned()),
        (None, None) => cluster.clone(),
    };
    let path = match (fields.get("path"), defaults) {
        (Some(node), _) => read_target(&node),
        (None, Some((_, path))) => Some(path.to_owned()),
        (None, None) => {
            fields.need("path", "write the path of the key set, such as /.well-known/jwks.json");
            None
        }
    };
    let timeout_ms = read_timeout(fields);
    let refresh = match fields.get("refresh_seconds") {
        Some(node) => node.number(60..=86_400),
        None => Some(3600),
    };
    Some(KeySource {
        cluster: cluster?,
        authority: authority?,
        path: path?,
        timeout_ms: timeout_ms?,
        refresh: Duration::from_secs(refresh?),
    })
}

pub(super) fn read_cluster(fields: &Fields<'_>) -> Option<String> {
    let node = fields.need("cluster", "name the Envoy cluster through which it is reached")?;
    node.text().map(str::to_owned)
}

pub(super) fn read_timeout(fields: &Fields<'_>) -> Option<u32> {
    match fields.get("timeout_ms") {
        Some(node) => node.number(100..=30_000).and_then(|number| u32::try_from(number).ok()),
        None => Some(4_000),
    }
}

/// Path and query of a call of our own.
pub(super) fn read_target(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        node.error(format!("`{text}` is not a path"), "begin with /; a query may follow");
        return None;
    }
    Some(text.to_owned())
}

/// A path of ours or of the application's server, as requests for it are compared; `/.well-known` is one.
pub(super) fn read_path(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let path = text.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !path.bytes().all(plain)
        || !NormalPath::read(path.as_bytes()).is_ok_and(|normal| normal.as_str() == path)
    {
        node.error(
            format!("`{text}` is not a plain path"),
            "begin with / and use letters, digits, - . _ ~ only; the root itself is not possible",
        );
        return None;
    }
    Some(path.to_owned())
}

/// A directory's identifier, in lower case.
pub(super) fn read_tenant_id(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let groups: Vec<&str> = text.split('-').collect();
    let is_guid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_guid {
        node.error(
            format!("`{text}` is not a tenant id"),
            "write the directory (tenant) id as Entra shows it: 11111111-2222-3333-4444-555555555555",
        );
        return None;
    }
    Some(text.to_ascii_lowercase())
}

/// A list of texts, each without spaces. A list that is there is not empty.
pub(super) fn texts(fields: &Fields<'_>, name: &str, default: &[&str]) -> Option<Vec<String>> {
    let Some(node) = fields.get(name) else {
        return Some(default.iter().map(|text| (*text).to_owned()).collect());
    };
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty", "list at least one, or leave it out");
        return None;
    }
    entries
        .iter()
        .map(|entry| {
            let text = entry.text()?;
            if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                entry.error(
                    format!("`{text}` holds spaces or control characters"),
                    "write it as it stands in tokens",
                );
                return None;
            }
            Some(text.to_owned())
        })
        .collect()
}

fn read_endpoint(node: &Node<'_>) -> Option<TokenEndpointSettings> {
    let fields = node.fields(&["path", "lifetime_seconds", "clients", "federations"]);
    let path = match fields.get("path") {
        Some(node) => read_path(&node),
        None => Some(OWN_TOKEN_PATH.to_owned()),
    };
    let lifetime = match fields.get("lifetime_seconds") {
        Some(node) => node.number(300..=86_400),
        None => Some(3600),
    };
    let clients = fields.get("clients").map_or(Some(Vec::new()), |node| read_clients(&node));
    let federations = fields.get("federations").map_or(Some(Vec::new()), |node| read_federations(&node));
    if fields.get("clients").is_none() && fields.get("federations").is_none() {
        node.error("has nobody who could get a token", "list clients: [{id, secrets}] or federations");
    }
    Some(TokenEndpointSettings {
        path: path?,
        lifetime: Duration::from_secs(lifetime?),
        clients: clients?,
        federations: federations?,
    })
}

fn read_clients(node: &Node<'_>) -> Option<Vec<TokenClient>> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty", "list at least one: {id: entra, secrets: [{sha256: ...}]}");
    }
    let mut clients: Vec<TokenClient> = Vec::new();
    for entry in &entries {
        let fields = entry.fields(&["id", "secrets"]);
        let id = fields.need("id", "write the client id that is entered in Entra").and_then(|node| {
            let id = node.text()?;
            if id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                node.error(
                    format!("`{id}` is not a client id"),
                    "use at most 128 visible characters, no colon",
                );
                return None;
            }
            if clients.iter().any(|other| other.id == id) {
                node.error(format!("`{id}` names two clients"), "list all secrets of a client in one place");
            }
            Some(id.to_owned())
        });
        let secrets =
            fields.need("secrets", "list at least one: {sha256: ...}").map(|node| read_secrets(&node));
        if let (Some(id), Some(secrets)) = (id, secrets) {
            clients.push(TokenClient { id, secrets });
        }
    }
    Some(clients)
}

fn read_secrets(node: &Node<'_>) -> Vec<[u8; 32]> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty", "list at least one: {sha256: ...}; make it with `vestibule token new`");
    }
    let hash = |entry: &Node<'_>| {
        let node = entry.fields(&["sha256"]).need("sha256", "make it with `vestibule token hash`")?;
        hex32(&node)
    };
    entries.iter().filter_map(hash).collect()
}

fn read_federations(node: &Node<'_>) -> Option<Vec<FederationSettings>> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty", "list at least one: {tenant_id, subject, audiences, keys}");
    }
    let mut all: Vec<FederationSettings> = Vec::new();
    for entry in &entries {
        let Some(one) = read_federation(entry) else { continue };
        if all.iter().any(|other| other.tenant_id == one.tenant_id && other.keys != one.keys) {
            entry.error(
                format!("the directory {} has two key sets", one.tenant_id),
                "write the same `keys` wherever the same directory is named",
            );
        }
        all.push(one);
    }
    Some(all)
}

fn read_federation(node: &Node<'_>) -> Option<FederationSettings> {
    let fields = node.fields(&["tenant_id", "subject", "audiences", "application", "client_id", "keys"]);
    let tenant_id = fields
        .need("tenant_id", "write the directory (tenant) id of Entra")
        .and_then(|node| read_tenant_id(&node));
    let plain = |node: &Node<'_>| {
        let text = node.text()?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            node.error(format!("`{text}` holds spaces or control characters"), "write it as Entra shows it");
            return None;
        }
        Some(text.to_owned())
    };
    let subject = fields
        .need("subject", "write the object id of the enterprise application's service principal")
        .and_then(|node| plain(&node));
    let audiences = match fields.need("audiences", "list the application id, as api://ID and as ID") {
        Some(_) => texts(&fields, "audiences", &[]),
        None => None,
    };
    let application =
        fields.get("application").map_or(Some(FEDERATED_APPLICATION.to_owned()), |node| plain(&node));
    let client_id = fields.get("client_id").map(|node| plain(&node));
    let path = format!("/{}/discovery/v2.0/keys", tenant_id.as_deref().unwrap_or("common"));
    let keys = read_entra_keys(&fields, &path);
    Some(FederationSettings {
        tenant_id: tenant_id?,
        subject: subject?,
        audiences: audiences?,
        application: application?,
        client_id: match client_id {
            Some(id) => Some(id?),
            None => None,
        },
        keys: keys?,
    })
}
