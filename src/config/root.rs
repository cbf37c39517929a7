//! The whole configuration.

use serde_json::Value;

use super::node::{Node, Problem, Problems};
use super::operators::{self, OperatorSettings};
use super::protobuf;
use super::secret::{self, Environment};
use super::selection::{self, TenantSelection};
use super::tenant::{self, Tenant};
use super::yaml;
use crate::crypto::MasterKey;

/// How this host behaves (facts that a filter cannot find out for itself).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostSettings {
    /// Whether Envoy's `allow_on_headers_stop_iteration` is true for this plugin: held headers still get body callbacks.
    pub stop_iteration: bool,
    /// Whether the host's own signature verification may be called.
    pub native_crypto: NativeCrypto,
    /// Private-key operations of one worker in one second, decryptions and signatures apart.
    pub private_key_operations: u32,
}

/// Use of the host's `verify_signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeCrypto {
    /// Used where a known-answer probe proves it is there.
    Auto,
    /// Never called: some hosts trap on functions they do not know.
    Off,
}

/// A validated configuration.
#[derive(Debug)]
pub struct Configuration {
    /// How the host behaves.
    pub host: HostSettings,
    /// Master keys; the first seals, all open.
    pub keys: Vec<MasterKey>,
    /// Who may see how the filter stands, where anybody may.
    pub operators: Option<OperatorSettings>,
    /// How tenants that share a host are told apart.
    pub selection: TenantSelection,
    /// The tenants, at least one.
    pub tenants: Vec<Tenant>,
}

impl Configuration {
    /// Reads and compiles `text`; gives warnings beside the configuration.
    ///
    /// # Errors
    /// All problems found, never only the first.
    pub fn read(text: &[u8], environment: Environment<'_>) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let value = parse(text)?;
        let problems = Problems::default();
        let configuration = read(&Node::root(&value, &problems), environment);
        match (configuration, problems.take()) {
            (Some(configuration), (errors, warnings)) if errors.is_empty() => Ok((configuration, warnings)),
            (_, (errors, _)) if !errors.is_empty() => Err(errors),
            _ => Err(vec![top_level("could not be compiled".to_owned(), "please report this configuration")]),
        }
    }
}

fn top_level(what: String, remedy: &str) -> Problem {
    Problem { path: String::new(), what, remedy: remedy.to_owned() }
}

/// YAML or JSON as a tree of values.
///
/// # Errors
/// Where it is neither.
pub fn read_tree(text: &[u8]) -> Result<Value, Problem> {
    parse(text).map_err(|problems| {
        problems.into_iter().next().unwrap_or_else(|| top_level("cannot be read".to_owned(), "mend it"))
    })
}

/// YAML or JSON, or a `google.protobuf.Struct`, which Envoy hands over in its wire form.
fn parse(text: &[u8]) -> Result<Value, Vec<Problem>> {
    if let Some(value) = protobuf::read_struct(text) {
        return Ok(value);
    }
    let problem = |what: String, remedy: &str| vec![top_level(what, remedy)];
    let text = std::str::from_utf8(text)
        .map_err(|_| problem("is not UTF-8".to_owned(), "save the configuration as UTF-8"))?;
    if text.trim().is_empty() {
        return Err(problem(
            "is empty".to_owned(),
            "give the plugin a configuration with `keys` and `tenants`",
        ));
    }
    yaml::parse(text).map_err(|error| {
        let remedy = format!("mend the syntax in line {}", error.line.max(1));
        problem(format!("is neither YAML nor JSON ({})", error.what), &remedy)
    })
}

fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<Configuration> {
    let fields = node.fields(&["host", "keys", "operators", "tenant_selection", "tenants"]);
    let host = fields.get("host").map_or(Some(HostSettings::default()), |node| read_host(&node));
    let keys = fields
        .need("keys", "list at least one key: {id: k1, secret: {env: NAME}}")
        .map(|node| read_keys(&node, environment));
    let stop_iteration = host.is_none_or(|host| host.stop_iteration);
    let operators = match fields.get("operators") {
        Some(node) => operators::read(&node).map(Some),
        None => Some(None),
    };
    let selection = match fields.get("tenant_selection") {
        Some(node) => selection::read(&node),
        None => Some(TenantSelection::default()),
    };
    let tenants = fields.need("tenants", "list at least one tenant").map(|node| {
        let selection = selection.clone().unwrap_or_default();
        tenant::read_all(&node, environment, stop_iteration, &selection)
    });
    Some(Configuration {
        host: host?,
        keys: keys?,
        operators: operators?,
        selection: selection?,
        tenants: tenants?,
    })
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { stop_iteration: true, native_crypto: NativeCrypto::Auto, private_key_operations: 20 }
    }
}

fn read_host(node: &Node<'_>) -> Option<HostSettings> {
    let fields = node.fields(&["stop_iteration", "native_crypto", "private_key_operations_per_second"]);
    let stop_iteration = fields.get("stop_iteration").map_or(Some(true), |node| node.flag());
    let native_crypto = fields.get("native_crypto").map_or(Some(NativeCrypto::Auto), |node| {
        node.choice(&[("auto", NativeCrypto::Auto), ("off", NativeCrypto::Off)])
    });
    let operations = match fields.get("private_key_operations_per_second") {
        Some(node) => node.number(1..=10_000),
        None => Some(u64::from(HostSettings::default().private_key_operations)),
    };
    Some(HostSettings {
        stop_iteration: stop_iteration?,
        native_crypto: native_crypto?,
        private_key_operations: u32::try_from(operations?).ok()?,
    })
}

fn read_keys(node: &Node<'_>, environment: Environment<'_>) -> Vec<MasterKey> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("has no key", "list at least one: {id: k1, secret: {env: NAME}}");
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut keys = Vec::new();
    for entry in &entries {
        let fields = entry.fields(&["id", "secret"]);
        let id = fields.need("id", "give the key a short name").and_then(|node| {
            let id = node.text()?;
            if seen.contains(&id) {
                node.error(format!("`{id}` names two keys"), "give every key its own id");
            }
            seen.push(id);
            Some(id)
        });
        let secret = fields.need("secret", "write {env: NAME}");
        let text = secret.as_ref().and_then(|node| secret::read(node, environment));
        let (Some(id), Some(node), Some(text)) = (id, secret, text) else { continue };
        match MasterKey::new(id, text.expose().as_bytes()) {
            Some(key) if distinct(text.expose()) >= 8 => keys.push(key),
            Some(_) => {
                node.error("has too few different characters to be random", "make one: vestibule keys new")
            }
            None => node.error(
                "is shorter than 32 bytes, or its id is longer than 32",
                "make one with enough randomness: vestibule keys new",
            ),
        }
    }
    keys
}

fn distinct(text: &str) -> usize {
    text.bytes().collect::<std::collections::BTreeSet<_>>().len()
}
