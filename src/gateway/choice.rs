//! Which tenant a request is for. What it costs does not grow with the number of tenants.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::common::path::{NormalPath, folded, port_of};
use crate::common::{HeaderEdit, Headers, Host, Network, peer_address};
use crate::config::{Selector, Tenant, TenantSelection};

use super::request::Head;

/// Finds the tenant of a request.
#[derive(Debug)]
pub(super) struct Choice {
    sites: BTreeMap<String, Site>,
    /// Whose names may stand in a TLS handshake.
    names: BTreeMap<String, BTreeSet<usize>>,
    /// Whether it matters which name a client asked for: not where there is one tenant, found by its hosts alone.
    names_matter: bool,
    /// Of each tenant the port that a client may ask for, where it matters: not where there is one tenant, or where
    /// Envoy's route or a trusted peer says which it is.
    ports: Vec<Option<String>>,
    selection: TenantSelection,
}

/// The tenants of one host.
#[derive(Debug, Default)]
struct Site {
    /// Who has the host alone, or what no prefix claims.
    rest: Option<usize>,
    /// By prefix as it is compared: the prefix as it is written, and whose it is.
    prefixes: BTreeMap<String, (String, usize)>,
    sni: BTreeMap<String, usize>,
    metadata: BTreeMap<String, usize>,
    headers: BTreeMap<String, usize>,
}

/// Why a request is nobody's. It is answered by [`Nobody::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// The host is not served.
    UnknownHost,
    /// The host is served, but nothing says for whom.
    UnknownTenant,
    /// The path begins with another spelling of a tenant's prefix: the application may not distinguish the two.
    Spelling,
    /// The client asked for the name of one tenant in the TLS handshake, and for the host of another now.
    Misdirected,
}

impl Nobody {
    /// Stable code, for log and metric.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::UnknownHost => "unknown_host",
            Self::UnknownTenant => "unknown_tenant",
            Self::Spelling => "tenant_spelling",
            Self::Misdirected => "misdirected",
        }
    }

    /// RFC 9110, 15.5.20: a client may try a misdirected request again on a connection of its own.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::UnknownHost | Self::Misdirected => 421,
            Self::UnknownTenant => 404,
            Self::Spelling => 400,
        }
    }

    /// What a program is told.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::UnknownHost => "This host is not served here.",
            Self::UnknownTenant => "Nothing is served at this address.",
            Self::Spelling => "This path can be read in more than one way.",
            Self::Misdirected => "This host is not served on this connection.",
        }
    }
}

/// Whose a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Which tenant.
    pub(super) tenant: usize,
    /// Whether Envoy's route said so, which a header of the client may have chosen.
    pub(super) by_route: bool,
    /// The host that the browser believes in, where it is not that of the request.
    pub(super) host: Option<String>,
}

impl Choice {
    pub(super) fn new(tenants: &[Tenant], selection: TenantSelection) -> Self {
        let mut sites: BTreeMap<String, Site> = BTreeMap::new();
        let mut names: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (at, tenant) in tenants.iter().enumerate() {
            let shown = match &tenant.selector {
                Selector::Sni(names) => names.as_slice(),
                _ => &[],
            };
            for name in tenant.hosts.iter().chain(shown) {
                names.entry(name.clone()).or_default().insert(at);
            }
            for host in &tenant.hosts {
                sites.entry(host.clone()).or_default().add(at, tenant);
            }
        }
        let names_matter = tenants.len() > 1 || sites.values().any(|site| !site.sni.is_empty());
        let ports = tenants.iter().map(|tenant| {
            let by_client = !matches!(tenant.selector, Selector::RouteMetadata(_) | Selector::Header(_));
            (tenants.len() > 1 && by_client).then(|| port_of(&tenant.public_url).to_owned())
        });
        Self { sites, names, names_matter, ports: ports.collect(), selection }
    }

    /// Removes the header that names a tenant from what any but a trusted peer sends, and every other spelling of it.
    pub(super) fn strip(&self, headers: &Headers, host: &dyn Host) -> Vec<HeaderEdit> {
        let Some(header) = &self.selection.header else { return Vec::new() };
        let mut alike =
            headers.iter().map(|(name, _)| name).filter(|name| is_alike(name, &header.name)).peekable();
        if alike.peek().is_none() {
            return Vec::new();
        }
        let trusted = is_trusted(&header.from, host);
        let mut edits: Vec<HeaderEdit> = Vec::new();
        for name in alike.filter(|name| !trusted || *name != header.name.as_bytes()) {
            let edit = HeaderEdit::Remove(name.to_vec());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        edits
    }

    /// The tenant of a host and path, where these two say it ([`Choice::needs_more`]); as [`Choice::of`] finds it.
    pub(super) fn by_address(&self, (host, port): (&str, Option<&str>), path: &str) -> Result<usize, Nobody> {
        let site = self.sites.get(host).ok_or(Nobody::UnknownHost)?;
        let normal = NormalPath::read(path.as_bytes());
        let path = normal.as_ref().map_or(path, NormalPath::as_str);
        let tenant = site.by_prefix(path)?.or(site.rest).ok_or(Nobody::UnknownTenant)?;
        if self.leads_there(port, tenant) { Ok(tenant) } else { Err(Nobody::UnknownHost) }
    }

    /// Whether the tenants of this host are told apart by something that is not in a URL.
    pub(super) fn needs_more(&self, host: &str) -> bool {
        let site = self.sites.get(host);
        site.is_some_and(|site| !(site.sni.is_empty() && site.metadata.is_empty() && site.headers.is_empty()))
    }

    /// Whether everything that a server may take this path for is of this tenant; `authority` is that of the request.
    pub(super) fn agrees(&self, authority: &str, path: &NormalPath, tenant: usize) -> bool {
        let Some(site) = self.sites.get(authority) else { return false };
        let whose = |reading: &str| site.by_prefix(reading).map(|at| at.or(site.rest));
        site.prefixes.is_empty() || path.readings().all(|reading| whose(reading) == Ok(Some(tenant)))
    }

    /// Whether Envoy leads a request to where this tenant is: it compares the host with its port, and may lead another port
    /// to the application of another tenant.
    pub(super) fn leads_there(&self, port: Option<&str>, tenant: usize) -> bool {
        let own = self.ports.get(tenant).and_then(Option::as_deref);
        own.is_none_or(|own| port.is_none_or(|port| port == own))
    }

    /// Whose this request is; `path` without query, in normal form where it has one. Forged headers are gone already.
    pub(super) fn of(&self, head: &Head, path: &str, host: &dyn Host) -> Result<Chosen, Nobody> {
        let site = self.sites.get(&head.host).ok_or(Nobody::UnknownHost)?;
        let asked = || host.property(&["connection", "requested_server_name"]);
        let name = self.names_matter.then(asked).flatten().unwrap_or_default();
        let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
        let named = self.names.get(&name);
        let (tenant, by_route) = site.choose(head, path, &name, &self.selection, host)?;
        if !self.leads_there(head.port.as_deref(), tenant) {
            return Err(Nobody::UnknownHost);
        }
        // RFC 9113, 9.1.1: browsers reuse connections for every host that the certificate names.
        if named.is_some_and(|named| !named.contains(&tenant)) {
            return Err(Nobody::Misdirected);
        }
        let host = site.sni.contains_key(&name).then_some(name);
        Ok(Chosen { tenant, by_route, host })
    }
}

impl Site {
    fn add(&mut self, at: usize, tenant: &Tenant) {
        match &tenant.selector {
            Selector::Host => self.rest = Some(at),
            Selector::PathPrefix => {
                let prefix = tenant.path_prefix.clone();
                self.prefixes.insert(folded(&prefix).into_owned(), (prefix, at));
            }
            Selector::Sni(names) => self.sni.extend(names.iter().map(|name| (name.clone(), at))),
            Selector::RouteMetadata(value) => {
                self.metadata.insert(value.clone(), at);
            }
            Selector::Header(value) => {
                self.headers.insert(value.clone(), at);
            }
        }
    }

    fn choose(
        &self,
        head: &Head,
        path: &str,
        name: &str,
        selection: &TenantSelection,
        host: &dyn Host,
    ) -> Result<(usize, bool), Nobody> {
        let unknown = Nobody::UnknownTenant;
        if !self.sni.is_empty() {
            return self.sni.get(name).map(|at| (*at, false)).ok_or(Nobody::Misdirected);
        }
        if !self.metadata.is_empty() {
            let (namespace, key) = &selection.route_metadata;
            let value = host.property(&["xds", "route_metadata", "filter_metadata", namespace, key]);
            let value = value.and_then(|value| String::from_utf8(value).ok()).ok_or(unknown)?;
            return self.metadata.get(&value).map(|at| (*at, true)).ok_or(unknown);
        }
        if let Some(header) = selection.header.as_ref().filter(|_| !self.headers.is_empty()) {
            // Only a trusted peer's is left by now; said twice it is nobody's word.
            let value = head.headers.only(&header.name).ok_or(unknown)?;
            return self.headers.get(value).map(|at| (*at, false)).ok_or(unknown);
        }
        let at = self.by_prefix(path)?.or(self.rest).ok_or(unknown)?;
        Ok((at, false))
    }

    /// The longest prefix that ends at a segment. Only as many segments are looked at as a prefix may have.
    fn by_prefix(&self, path: &str) -> Result<Option<usize>, Nobody> {
        const MOST_SEGMENTS: usize = 4;
        if self.prefixes.is_empty() {
            return Ok(None);
        }
        let compared = folded(path);
        let slashes = compared.match_indices('/').map(|(at, _)| at);
        let ends = slashes.chain([compared.len()]).skip(1).take(MOST_SEGMENTS);
        let mut found = None;
        for end in ends {
            let prefix = compared.get(..end).and_then(|prefix| self.prefixes.get(prefix));
            found = prefix.or(found);
        }
        match found {
            Some((prefix, at)) if crate::common::path::is_at_or_below(path, prefix) => Ok(Some(*at)),
            Some(_) => Err(Nobody::Spelling),
            None => Ok(None),
        }
    }
}

/// The peer itself must be trusted: an address that Envoy took from `x-forwarded-for` has no port.
fn is_trusted(from: &[Network], host: &dyn Host) -> bool {
    peer(host).is_some_and(|address| from.iter().any(|network| network.holds(address)))
}

/// The address of the peer itself, where the proxy took it from no header.
pub(super) fn peer(host: &dyn Host) -> Option<IpAddr> {
    let source = String::from_utf8(host.property(&["source", "address"])?).ok()?;
    if source.ends_with(":0") { None } else { peer_address(&source) }
}

/// As CGI servers compare names: neither case nor kind of separator counts.
fn is_alike(name: &[u8], known: &str) -> bool {
    let alike = |a: u8, b: u8| a.eq_ignore_ascii_case(&b) || (is_separator(a) && is_separator(b));
    name.len() == known.len() && name.iter().zip(known.bytes()).all(|(a, b)| alike(*a, b))
}

fn is_separator(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests;
