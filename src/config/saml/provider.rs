//! The identity provider that is trusted, and what is special about Microsoft Entra ID.

use super::metadata::{self, Metadata};
use crate::config::node::Node;
use crate::crypto::{MAX_KEYS, PublicKey};

/// The identity provider that is trusted.
#[derive(Debug)]
pub struct IdentityProvider {
    /// Where it stands in the configuration.
    pub place: String,
    /// Short name, one of a kind within the tenant: part of links and of what a login remembers.
    pub name: String,
    /// What people know it by, where they choose among several.
    pub label: Option<String>,
    /// Whose button it has there.
    pub brand: Brand,
    /// Its entity ID: the issuer of every response.
    pub entity_id: String,
    /// Why it is trusted.
    pub trust: Trust,
    /// What holds for Microsoft Entra ID alone, where that is what it is.
    pub entra: Option<EntraSettings>,
    /// What happens where Entra left out the groups because there are too many.
    pub group_overage: GroupOverage,
    /// Whether its RSA keys of 1024 to 2047 bit count (`accept: [rsa-1024]`).
    pub short_keys: bool,
    /// Where people sign out there; `None`: where its metadata or `logout.slo_url` says.
    pub slo_url: Option<String>,
}

/// Whose button an identity provider has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brand {
    /// A plain one.
    #[default]
    None,
    /// Microsoft's, as its brand rules want it.
    Microsoft,
}

/// What the only identity provider of a tenant is called.
const ONLY: &str = "default";
/// More nobody can choose from, and each may cost a signature check.
const MOST: usize = 8;

/// `identity_provider`: the only one.
pub(super) fn read_only(
    node: &Node<'_>,
    entra: Option<(EntraSettings, GroupOverage)>,
    short_keys: bool,
) -> Option<Vec<IdentityProvider>> {
    let (entra, group_overage) = entra.unzip();
    let provider = read(node, entra.as_ref(), short_keys, &[])?;
    Some(vec![IdentityProvider { entra, group_overage: group_overage.unwrap_or_default(), ..provider }])
}

/// `identity_providers`: several to choose from.
pub(super) fn read_listed(node: &Node<'_>, short_keys: bool) -> Option<Vec<IdentityProvider>> {
    let entries = node.list();
    if entries.is_empty() || entries.len() > MOST {
        node.error(format!("has {} entries", entries.len()), format!("list one to {MOST}"));
    }
    let mut providers: Vec<IdentityProvider> = Vec::new();
    for entry in &entries {
        let Some(provider) = read_one(entry, short_keys) else { continue };
        if providers.iter().any(|other| other.name == provider.name) {
            entry
                .error(format!("`{}` names two identity providers", provider.name), "give each its own name");
        }
        if providers.iter().any(|other| other.entity_id == provider.entity_id) {
            entry.error(
                format!("the entity_id `{}` is another's already", provider.entity_id),
                "an issuer is one identity provider: remove one of the two, or list both certificates in one",
            );
        }
        providers.push(provider);
    }
    (providers.len() == entries.len()).then_some(providers)
}

fn read_one(node: &Node<'_>, short_keys: bool) -> Option<IdentityProvider> {
    const MORE: &[&str] = &["name", "label", "brand", "entra", "slo_url"];
    let fields = node.fields(&[FIELDS, MORE].concat());
    let name = fields.need("name", "give it a short name, such as entra").and_then(|node| {
        let name = node.text()?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > 48 || !name.bytes().all(plain) {
            node.error(format!("`{name}` is not a name"), "use a-z, 0-9 and -, at most 48");
        }
        Some(name.to_owned())
    });
    let label = fields.get("label").map(|node| node.text().map(str::to_owned));
    let (entra, overage) = match fields.get("entra") {
        Some(node) => read_entra(&node).map(|(entra, overage)| (Some(entra), overage))?,
        None => (None, GroupOverage::Deny),
    };
    let brand = match fields.get("brand") {
        Some(node) => node.choice(&[("none", Brand::None), ("microsoft", Brand::Microsoft)]),
        None if entra.is_some() => Some(Brand::Microsoft),
        None => Some(Brand::None),
    };
    let slo_url = match (fields.get("slo_url"), &entra) {
        (Some(node), _) => read_url(&node).map(Some),
        (None, Some(entra)) if fields.get("metadata").is_none() => {
            Some(Some(format!("https://login.microsoftonline.com/{}/saml2", entra.tenant_id)))
        }
        (None, _) => Some(None),
    };
    let provider = read(node, entra.as_ref(), short_keys, MORE)?;
    Some(IdentityProvider {
        name: name?,
        label: match label {
            Some(None) => return None,
            Some(label) => label,
            None => None,
        },
        brand: brand?,
        entra,
        group_overage: overage,
        slo_url: slo_url?,
        ..provider
    })
}

const FIELDS: &[&str] = &["entity_id", "sso_url", "certificates", "metadata", "pinned", "trust"];

/// Why an identity provider is trusted.
#[derive(Debug)]
pub enum Trust {
    /// Its address and its certificates stand in the configuration.
    Pinned {
        /// Where a browser is sent to sign in.
        sso_url: String,
        /// Keys out of the pinned certificates; several for rollover.
        keys: Vec<PublicKey>,
    },
    /// It is what its metadata says.
    Metadata(Metadata),
}

/// What holds where the identity provider is Microsoft Entra ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraSettings {
    /// The directory, a GUID in lower case: the only one whose people may sign in.
    pub tenant_id: String,
}

/// What happens where Entra left out the groups because there are too many (more than 150).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupOverage {
    /// Nobody is signed in of whom the groups are not known, where a rule or a header needs them.
    #[default]
    Deny,
    /// They are signed in as somebody without groups.
    Ignore,
}

pub(super) fn read_entra(node: &Node<'_>) -> Option<(EntraSettings, GroupOverage)> {
    let fields = node.fields(&["tenant_id", "group_overage"]);
    let tenant_id =
        fields.need("tenant_id", "write the Tenant ID of the directory, a GUID").and_then(|node| {
            let text = node.text()?;
            if !is_guid(text) {
                node.error(
                    format!("`{text}` is not a GUID"),
                    "write the Tenant ID, not a domain: issuers and claims name no domain",
                );
                return None;
            }
            Some(text.to_ascii_lowercase())
        });
    let overage = match fields.get("group_overage") {
        Some(node) => {
            let choice = node.choice(&[("deny", GroupOverage::Deny), ("ignore", GroupOverage::Ignore)]);
            if choice == Some(GroupOverage::Ignore) {
                node.warn(
                    "signs people of more than 150 groups in as if they had none",
                    "send only the groups assigned to the application, and write `deny` here",
                );
            }
            choice
        }
        None => Some(GroupOverage::Deny),
    };
    Some((EntraSettings { tenant_id: tenant_id? }, overage?))
}

/// RFC 9562, 4: 8-4-4-4-12 hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn read(
    node: &Node<'_>,
    entra: Option<&EntraSettings>,
    short_keys: bool,
    more: &[&str],
) -> Option<IdentityProvider> {
    let fields = node.fields(&[FIELDS, more].concat());
    let of = |entity_id, trust| IdentityProvider {
        place: node.path.clone(),
        name: ONLY.to_owned(),
        label: None,
        brand: Brand::None,
        entity_id,
        trust,
        entra: None,
        group_overage: GroupOverage::Deny,
        short_keys,
        slo_url: None,
    };
    let entity_id = match (fields.get("entity_id"), entra) {
        (Some(node), _) => read_entity_id(&node, entra),
        (None, Some(entra)) => Some(format!("https://sts.windows.net/{}/", entra.tenant_id)),
        (None, None) => {
            fields.need(
                "entity_id",
                "write Entra's Microsoft Entra Identifier, https://sts.windows.net/<tenant id>/",
            );
            None
        }
    };
    if let Some(node) = fields.get("metadata") {
        for other in ["sso_url", "certificates"].iter().filter_map(|name| fields.get(name)) {
            other.error("stands beside metadata, which says the same", "write one of the two");
        }
        let metadata = metadata::read(&node, &fields, |node| read_certificates(node, short_keys))?;
        return Some(of(entity_id?, Trust::Metadata(metadata)));
    }
    for other in ["pinned", "trust"].iter().filter_map(|name| fields.get(name)) {
        other.error(
            "is about metadata, and there is none",
            "write `metadata` beside it, or `certificates` instead",
        );
    }
    let sso_url = match (fields.get("sso_url"), entra) {
        (Some(node), _) => read_url(&node),
        (None, Some(entra)) => Some(format!("https://login.microsoftonline.com/{}/saml2", entra.tenant_id)),
        (None, None) => {
            fields.need(
                "sso_url",
                "write Entra's Login URL, https://login.microsoftonline.com/<tenant id>/saml2",
            );
            None
        }
    };
    let keys = fields
        .need("certificates", "paste the signing certificate (Base64 or PEM)")
        .map(|node| read_certificates(&node, short_keys));
    let trust = Trust::Pinned { sso_url: sso_url?, keys: keys? };
    Some(of(entity_id?, trust))
}

fn read_entity_id(node: &Node<'_>, entra: Option<&EntraSettings>) -> Option<String> {
    let text = node.text()?;
    if text.contains("{tenant}") {
        node.error(
            "is the metadata of `common`, which no response is issued by",
            "write the identifier with your tenant id",
        );
    }
    if entra.is_some_and(|entra| !text.to_ascii_lowercase().contains(&entra.tenant_id)) {
        node.error(
            "is the identifier of another tenant than entra.tenant_id",
            "leave it out, or write the one with this tenant id",
        );
    }
    Some(text.to_owned())
}

pub(super) fn read_url(node: &Node<'_>) -> Option<String> {
    let url = node.text()?;
    let printable = url.bytes().all(|byte| (0x21..0x7f).contains(&byte) && !b"\"<>\\^`{|}".contains(&byte));
    let local = url.starts_with("http://localhost") || url.starts_with("http://127.0.0.1");
    if !printable || url.contains('#') || !(url.starts_with("https://") || local) {
        node.error("is not an https URL", "write the whole address, beginning with https://");
        return None;
    }
    Some(url.to_owned())
}

fn read_certificates(node: &Node<'_>, short_keys: bool) -> Vec<PublicKey> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("has no certificate: nobody could sign in", "paste at least one (Base64 or PEM)");
    }
    let mut keys = Vec::new();
    for entry in &entries {
        let Some(text) = entry.text() else { continue };
        let key = if short_keys {
            PublicKey::from_certificate_even_short(text)
        } else {
            PublicKey::from_certificate(text)
        };
        match key {
            Ok(key) => keys.push(key),
            Err(error) => entry.error(
                error.to_string(),
                "download the signing certificate (Base64) again and paste all of it",
            ),
        }
    }
    // A signature is tried with so many keys; one that is never tried would be a lost login some day.
    if keys.len() > MAX_KEYS {
        node.error(
            format!("has {} certificates, and more than {MAX_KEYS} are not tried", keys.len()),
            "leave out the certificates that nothing is signed with any more",
        );
    }
    keys
}
