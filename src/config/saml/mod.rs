//! Sign-on settings of one tenant.

mod keys;
mod logout;
mod metadata;
mod provider;
mod relaxation;
mod request;
mod store;

use std::time::Duration;

use super::node::Node;
use super::secret::Environment;

pub use keys::{DecryptionKeys, RequestSigning};
pub use logout::LogoutSettings;
pub use metadata::{Metadata, MetadataSource};
pub use provider::{Brand, EntraSettings, GroupOverage, IdentityProvider, Trust};
pub use request::{RequestBinding, RequestSettings};
pub use store::ReplayStore;

/// The service provider of one tenant.
#[derive(Debug)]
pub struct SamlSettings {
    /// Our entity ID: Entra's *Identifier*, and the audience of every assertion.
    pub entity_id: String,
    /// Path of the assertion consumer.
    pub acs_path: String,
    /// Its whole URL: Entra's *Reply URL*, and the recipient of every assertion.
    pub acs_url: String,
    /// Where a person lands who wanted to go nowhere in particular: a path on this host.
    pub start_path: String,
    /// How far the identity provider's clock may be off.
    pub clock_skew: Duration,
    /// The identity providers, at least one.
    pub identity_providers: Vec<IdentityProvider>,
    /// Names of relaxations of the profile.
    pub accept: Vec<String>,
    /// Which signatures must be there.
    pub requires: RequiredSignatures,
    /// Keys that assertions may be encrypted to.
    pub decryption: DecryptionKeys,
    /// What becomes of a response that answers no request.
    pub unsolicited: Unsolicited,
    /// How long ago the person may have proved who they are to the identity provider.
    pub max_authn_age: Option<Duration>,
    /// What is asked of the identity provider, and how.
    pub request: RequestSettings,
    /// What makes an assertion single-use across a fleet.
    pub replay_store: Option<ReplayStore>,
    /// Single Logout.
    pub logout: Option<LogoutSettings>,
}

impl SamlSettings {
    /// The identity provider of this entity ID, and its place in the list.
    #[must_use]
    pub fn provider_of(&self, issuer: &str) -> Option<(usize, &IdentityProvider)> {
        self.identity_providers.iter().enumerate().find(|(_, provider)| provider.entity_id == issuer)
    }

    /// The place of an identity provider by its name. The only one needs none.
    #[must_use]
    pub fn provider_named(&self, name: Option<&str>) -> Option<usize> {
        match name {
            Some(name) => self.identity_providers.iter().position(|provider| provider.name == name),
            None => (self.identity_providers.len() == 1).then_some(0),
        }
    }
}

/// Which signatures must be there. One that is there must be right in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequiredSignatures {
    /// That of the response or that of the assertion.
    #[default]
    Any,
    /// That of the assertion.
    Assertion,
    /// That of the response.
    Response,
    /// Both.
    Both,
}

/// What becomes of a response that answers no request: a sign-in that began at the identity provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsolicited {
    /// It is refused.
    #[default]
    Refuse,
    /// It signs the person in where it was issued no longer ago than this.
    Accept(Duration),
    /// It proves nothing, and a sign-in of our own is begun in its stead.
    Bounce,
}

/// Where our own endpoints live.
const OWN_PREFIX: &str = "/.vestibule";

const FIELDS: &[&str] = &[
    "entity_id",
    "acs_path",
    "start_path",
    "clock_skew_seconds",
    "identity_provider",
    "identity_providers",
    "entra",
    "accept",
    "requires",
    "decryption_keys",
    "allow_unsolicited",
    "unsolicited_max_age_seconds",
    "max_authn_age_seconds",
    "request",
    "replay_store",
    "logout",
];

pub(super) fn read(
    node: &Node<'_>,
    (public_url, prefix): (Option<&str>, &str),
    environment: Environment<'_>,
) -> Option<SamlSettings> {
    let fields = node.fields(FIELDS);
    let entity_id = fields
        .need("entity_id", "write the Identifier (Entity ID) that Entra has for this application")
        .and_then(|node| node.text().map(str::to_owned));
    let acs_path = match fields.get("acs_path") {
        Some(node) => read_path(&node, "use letters, digits, - . _ ~ only; not the root").filter(|path| {
            if path == "/" {
                node.error("is the root", "give the assertion consumer a path of its own");
            }
            path != "/"
        }),
        None => Some(format!("{prefix}{OWN_PREFIX}/saml/acs")),
    };
    let start_path = match fields.get("start_path") {
        Some(node) => read_start_path(&node, acs_path.as_deref(), prefix),
        None => Some(format!("{prefix}/")),
    };
    let skew = match fields.get("clock_skew_seconds") {
        Some(node) => node.number(0..=300),
        None => Some(60),
    };
    let entra = match fields.get("entra") {
        Some(node) => provider::read_entra(&node).map(Some),
        None => Some(None),
    };
    let accept = fields.get("accept").map(|node| relaxation::read(&node)).unwrap_or_default();
    let short_keys = accept.iter().any(|name| name == "rsa-1024");
    let preset = entra.as_ref().and_then(Option::as_ref).map(|(entra, _)| entra);
    let identity_providers = match (fields.get("identity_providers"), fields.get("identity_provider")) {
        (Some(node), None) => {
            if let Some(other) = fields.get("entra") {
                other.error("stands beside identity_providers", "write `entra` in each that is Entra");
            }
            provider::read_listed(&node, short_keys)
        }
        (Some(node), Some(_)) => {
            node.error("stands beside identity_provider", "write one of the two");
            None
        }
        (None, _) => fields
            .need("identity_provider", "write entity_id, sso_url and certificates of the identity provider")
            .and_then(|node| provider::read_only(&node, entra.clone().flatten(), short_keys)),
    };
    let requires = match fields.get("requires") {
        Some(node) => node.choice(&[
            ("any", RequiredSignatures::Any),
            ("assertion", RequiredSignatures::Assertion),
            ("response", RequiredSignatures::Response),
            ("both", RequiredSignatures::Both),
        ]),
        None => Some(RequiredSignatures::Any),
    };
    let decryption = match fields.get("decryption_keys") {
        Some(node) => keys::read_decryption(&node, environment),
        None => DecryptionKeys::default(),
    };
    let unsolicited = read_unsolicited(&fields);
    let max_authn_age = match fields.get("max_authn_age_seconds") {
        Some(node) => node.number(60..=366 * 86_400).map(|seconds| Some(Duration::from_secs(seconds))),
        None => Some(None),
    };
    let request = match fields.get("request") {
        Some(node) => request::read(&node, environment),
        None => Some(RequestSettings::default()),
    };
    let forced = request.as_ref().is_some_and(|request| request.force_authn);
    if let (true, Some(Unsolicited::Accept(_)), Some(node)) =
        (forced, &unsolicited, fields.get("allow_unsolicited"))
    {
        node.error(
            "takes responses that answer no request, while request.force_authn has every person prove anew who they are when \
             asked",
            "write `bounce` here, or max_authn_age_seconds in the place of request.force_authn",
        );
    }
    let replay_store = match fields.get("replay_store") {
        Some(node) => store::read(&node, environment).map(Some),
        None => Some(None),
    };
    let logout = match fields.get("logout") {
        Some(node) => {
            let providers = identity_providers.as_deref().unwrap_or_default();
            let metadata = providers.iter().any(|it| matches!(it.trust, Trust::Metadata(_)));
            let listed = fields.get("identity_providers").is_some();
            let metadata = metadata || listed;
            let addressed = node.fields_quietly(&["slo_url", "response_url"]);
            if let Some(address) = addressed.filter(|_| listed) {
                address.error(
                    "says for all identity providers where people sign out",
                    "write slo_url in each of identity_providers, or let its metadata say it",
                );
            }
            logout::read(&node, (public_url, prefix), request.as_ref(), preset, metadata)
                .filter(|logout| {
                    let same = acs_path.as_ref() == Some(&logout.path);
                    if same {
                        node.error("has the path of the assertion consumer", "give each a path of its own");
                    }
                    !same
                })
                .map(Some)
        }
        None => Some(None),
    };
    let acs_path = acs_path?;
    entra?;
    Some(SamlSettings {
        entity_id: entity_id?,
        acs_url: format!("{}{acs_path}", public_url?),
        acs_path,
        start_path: start_path?,
        clock_skew: Duration::from_secs(skew?),
        identity_providers: identity_providers?,
        accept,
        requires: requires?,
        decryption,
        unsolicited: unsolicited?,
        max_authn_age: max_authn_age?,
        request: request?,
        replay_store: replay_store?,
        logout: logout?,
    })
}

fn read_path(node: &Node<'_>, remedy: &str) -> Option<String> {
    let path = node.text()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let normal = crate::common::path::NormalPath::read(path.as_bytes());
    if normal.is_err() || !path.bytes().all(plain) {
        node.error(format!("`{path}` is not a plain path"), format!("begin with / and {remedy}"));
        return None;
    }
    Some(path.to_owned())
}

/// A page of the application: neither the consumer, which takes no GET, nor an endpoint of ours.
fn read_start_path(node: &Node<'_>, acs_path: Option<&str>, prefix: &str) -> Option<String> {
    let path = read_path(node, "use letters, digits, - . _ ~ only")?;
    let same = acs_path.is_some_and(|acs| acs.trim_end_matches('/') == path.trim_end_matches('/'));
    if same || crate::common::path::is_at_or_below(&path, &format!("{prefix}{OWN_PREFIX}")) {
        node.error(
            format!("`{path}` is an endpoint of the filter"),
            "write the path of a page of the application",
        );
        return None;
    }
    Some(path)
}

fn read_unsolicited(fields: &super::node::Fields<'_>) -> Option<Unsolicited> {
    let max_age = match fields.get("unsolicited_max_age_seconds") {
        Some(node) => node.number(10..=3600),
        None => Some(300),
    };
    let choice = match fields.get("allow_unsolicited") {
        None => return max_age.map(|_| Unsolicited::Refuse),
        Some(node) if node.is_text() => node.choice(&[("bounce", Unsolicited::Bounce)]),
        Some(node) => match node.flag()? {
            false => Some(Unsolicited::Refuse),
            true => {
                node.warn(
                    "lets anybody sign a browser in as themselves, without its owner noticing",
                    "set the Sign-on URL at the identity provider, and write `bounce` here",
                );
                max_age.map(|seconds| Unsolicited::Accept(Duration::from_secs(seconds)))
            }
        },
    };
    max_age.and(choice)
}
