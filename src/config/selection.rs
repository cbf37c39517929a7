//! How a request finds its tenant: by host, and where several tenants share one, by one thing more.

use std::collections::BTreeMap;

use super::node::Node;
use super::tenant::Tenant;
use crate::common::path::{NormalPath, folded, is_at_or_below};
use crate::common::{Network, NetworkError};

/// What tells a tenant from the others on its hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selector {
    /// Nothing: the hosts are its own, or it has what no path prefix of another tenant claims.
    #[default]
    Host,
    /// The path begins with [`Tenant::path_prefix`].
    PathPrefix,
    /// The name that the client asked for in the TLS handshake is one of these, in lower case.
    Sni(Vec<String>),
    /// The metadata of Envoy's route names this value.
    RouteMetadata(String),
    /// A trusted peer says this value in a header.
    Header(String),
}

impl Selector {
    /// The field that it stands in.
    fn field(&self) -> &'static str {
        match self {
            Self::Host => "hosts",
            Self::PathPrefix => "path_prefix",
            Self::Sni(_) => "sni",
            Self::RouteMetadata(_) => "route_metadata",
            Self::Header(_) => "header",
        }
    }

    /// What must not be said twice on one host.
    fn values<'s>(&'s self, prefix: &str) -> Vec<(String, &'s str)> {
        match self {
            Self::Host => vec![(String::new(), "")],
            Self::PathPrefix => vec![(folded(prefix).into_owned(), "path_prefix")],
            Self::Sni(names) => names.iter().map(|name| (name.clone(), name.as_str())).collect(),
            Self::RouteMetadata(value) | Self::Header(value) => vec![(value.clone(), value)],
        }
    }
}

/// What all tenants share of how they are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSelection {
    /// The header that names the tenant, where there is one.
    pub header: Option<TenantHeader>,
    /// Namespace and key of the route metadata that names the tenant.
    pub route_metadata: (String, String),
}

/// A header that names the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantHeader {
    /// Lower-case name.
    pub name: String,
    /// The only peers that are believed.
    pub from: Vec<Network>,
}

impl Default for TenantSelection {
    fn default() -> Self {
        Self { header: None, route_metadata: ("vestibule".to_owned(), "tenant".to_owned()) }
    }
}

/// `tenant_selection` of the top level.
pub(super) fn read(node: &Node<'_>) -> Option<TenantSelection> {
    let fields = node.fields(&["header", "route_metadata"]);
    let header = match fields.get("header") {
        Some(node) => read_header(&node).map(Some),
        None => Some(None),
    };
    let defaults = TenantSelection::default().route_metadata;
    let route_metadata = match fields.get("route_metadata") {
        Some(node) => {
            let fields = node.fields(&["namespace", "key"]);
            let part = |name: &str, default: String| match fields.get(name) {
                Some(node) => node.text().map(str::to_owned),
                None => Some(default),
            };
            part("namespace", defaults.0).zip(part("key", defaults.1))
        }
        None => Some(defaults),
    };
    Some(TenantSelection { header: header?, route_metadata: route_metadata? })
}

fn read_header(node: &Node<'_>) -> Option<TenantHeader> {
    let fields = node.fields(&["name", "from"]);
    let name = fields
        .need("name", "write the header's name, such as x-tenant")
        .and_then(|node| super::identity::read_header_name(&node));
    let from = fields.need("from", "list the networks of the proxies that set it, such as 10.0.0.0/8");
    let from = from.map(|node| networks(&node))?;
    Some(TenantHeader { name: name?, from })
}

/// A list of networks.
pub(super) fn networks(node: &Node<'_>) -> Vec<Network> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty: nobody would be believed", "list at least one network");
    }
    let mut networks = Vec::new();
    for entry in &entries {
        let Some(text) = entry.text() else { continue };
        match Network::read(text) {
            Ok(network) => networks.push(network),
            Err(NetworkError::HostBits) => entry.error(
                format!("`{text}` has bits behind its length"),
                "write the network's first address, such as 10.0.0.0/8",
            ),
            Err(NetworkError::Malformed) => {
                entry.error(
                    format!("`{text}` is not a network"),
                    "write 10.0.0.0/8, 2001:db8::/32 or an address",
                );
            }
        }
    }
    networks
}

/// `path_prefix` of a tenant: without a slash at its end.
pub(super) fn read_prefix(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let prefix = text.strip_suffix('/').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let normal = NormalPath::read(prefix.as_bytes()).is_ok_and(|path| path.as_str() == prefix);
    if !normal
        || !prefix.bytes().all(plain)
        || prefix.contains("/.vestibule")
        || prefix.split('/').count() > 5
    {
        node.error(
            format!("`{text}` is not a path prefix"),
            "write one to four plain segments, such as /acme; leave it out for the tenant that has the rest of the host",
        );
        return None;
    }
    Some(prefix.to_owned())
}

/// The selector of a tenant: at most one of its kinds.
pub(super) fn read_selector(node: &Node<'_>, fields: &super::node::Fields<'_>) -> Option<Selector> {
    let ways = ["path_prefix", "sni", "route_metadata", "header"];
    let given: Vec<&str> = ways.into_iter().filter(|way| fields.get(way).is_some()).collect();
    let text = |name: &str| fields.get(name).and_then(|node| node.text().map(str::to_owned));
    match given.as_slice() {
        [] => Some(Selector::Host),
        ["path_prefix"] => Some(Selector::PathPrefix),
        ["sni"] => fields.get("sni").map(|node| Selector::Sni(super::tenant::read_hosts(&node))),
        ["route_metadata"] => text("route_metadata").map(Selector::RouteMetadata),
        ["header"] => text("header").map(Selector::Header),
        several => {
            node.error(
                format!("is told apart in several ways: {}", several.join(", ")),
                "choose one of path_prefix, sni, route_metadata and header",
            );
            None
        }
    }
}

/// Reports tenants that a request could not tell apart, and such as no request can reach.
pub(super) fn check(nodes: &[(Node<'_>, &Tenant)], selection: &TenantSelection, top: &Node<'_>) {
    names(nodes);
    sites(nodes);
    headers(nodes, selection, top);
    shared(nodes);
}

fn names(nodes: &[(Node<'_>, &Tenant)]) {
    let mut seen = BTreeMap::new();
    for (node, tenant) in nodes {
        if seen.insert(tenant.name.as_str(), ()).is_some() {
            node.error(format!("`{}` names two tenants", tenant.name), "give every tenant its own name");
        }
    }
}

/// What is known of one host while the tenants are gone through.
#[derive(Default)]
struct Site<'t> {
    first: Option<&'t Tenant>,
    values: BTreeMap<String, &'t str>,
}

fn sites(nodes: &[(Node<'_>, &Tenant)]) {
    let mut sites: BTreeMap<&str, Site<'_>> = BTreeMap::new();
    for (node, tenant) in nodes {
        for host in &tenant.hosts {
            let site = sites.entry(host).or_default();
            let first = *site.first.get_or_insert(tenant);
            let (own, other) = (tenant.selector.field(), first.selector.field());
            // By path, one tenant may have what is left.
            let by_path = [own, other].iter().all(|field| matches!(*field, "path_prefix" | "hosts"));
            if own != other && !by_path {
                node.error(
                    format!(
                        "shares the host `{host}` with tenant `{}`, which is told apart by {other}, not {own}",
                        first.name
                    ),
                    "tell all tenants of a host apart in one way, or give them hosts of their own",
                );
                continue;
            }
            for (value, shown) in tenant.selector.values(&tenant.path_prefix) {
                let Some(owner) = site.values.insert(value, &tenant.name) else { continue };
                match tenant.selector {
                    Selector::Host => node.error(
                        format!("the host `{host}` belongs to tenant `{owner}` already"),
                        "a host belongs to one tenant: remove it from one of them, or tell the two apart by path_prefix, \
                         sni, route_metadata or header",
                    ),
                    _ => node.error(
                        format!("on the host `{host}` the tenant `{owner}` has the same {own} ({shown})"),
                        "give each tenant of a host another value; case makes no difference",
                    ),
                }
            }
        }
    }
}

fn headers(nodes: &[(Node<'_>, &Tenant)], selection: &TenantSelection, top: &Node<'_>) {
    let mut chosen = nodes.iter().filter(|(_, tenant)| matches!(tenant.selector, Selector::Header(_)));
    match (&selection.header, chosen.next()) {
        (None, Some((node, _))) => node.error(
            "is chosen by a header, but nobody may send it",
            "write tenant_selection: {header: {name: x-tenant, from: [10.0.0.0/8]}} at the top level",
        ),
        (Some(_), None) => top.warn(
            "tenant_selection.header chooses no tenant; the header is only taken away",
            "give a tenant a `header`, or leave it out",
        ),
        _ => {}
    }
}

/// What two tenants must not have in common: a token or an assertion for one would be as good for the other.
fn shared(nodes: &[(Node<'_>, &Tenant)]) {
    let (mut tokens, mut consumers) = (BTreeMap::new(), BTreeMap::new());
    for (node, tenant) in nodes {
        for token in tenant.scim.iter().flat_map(|scim| &scim.tokens) {
            if let Some(owner) = tokens.insert(token.sha256, &tenant.name)
                && owner != &tenant.name
            {
                node.error(
                    format!("the token `{}` is a token of tenant `{owner}` too", token.name),
                    "make another (vestibule token new): a token belongs to one tenant",
                );
            }
        }
        let Some(saml) = &tenant.saml else { continue };
        if let Some(owner) = consumers.insert((&saml.acs_url, &saml.entity_id), &tenant.name) {
            node.error(
                format!("has the assertion consumer and the entity_id of tenant `{owner}`"),
                "an assertion for one would be one for the other: give each its own entity_id",
            );
        }
    }
}

/// Reports endpoints of a tenant that lie outside of its path prefix.
pub(super) fn check_prefix(node: &Node<'_>, tenant: &Tenant) {
    let prefix = tenant.path_prefix.as_str();
    if prefix.is_empty() {
        return;
    }
    let saml = tenant.saml.as_ref();
    let endpoints = [
        ("saml.acs_path", saml.map(|saml| &saml.acs_path)),
        ("saml.start_path", saml.map(|saml| &saml.start_path)),
        ("saml.logout.path", saml.and_then(|saml| saml.logout.as_ref()).map(|logout| &logout.path)),
        ("scim.public_path", tenant.scim.as_ref().map(|scim| &scim.public_path)),
        (
            "scim.authentication.token_endpoint.path",
            tenant
                .scim
                .as_ref()
                .and_then(|scim| scim.authentication.token_endpoint.as_ref())
                .map(|endpoint| &endpoint.path),
        ),
    ];
    for (field, path) in endpoints {
        if let Some(path) = path.filter(|path| !is_at_or_below(path, prefix)) {
            node.error(
                format!("{field} `{path}` lies outside of path_prefix `{prefix}`: no request to it would be this tenant's"),
                format!("write {prefix}{path}"),
            );
        }
    }
}
