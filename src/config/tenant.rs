//! One tenant: one customer of the application, with its own tokens, identity provider and policies.

use std::time::Duration;

use super::access::{self, AccessSettings};
use super::node::Node;
use super::pages::{self, PageSettings};
use super::saml::{self, SamlSettings};
use super::scim::{self, ScimSettings};
use super::secret::Environment;
use super::selection::{self, Selector, TenantSelection};

/// A validated tenant.
#[derive(Debug)]
pub struct Tenant {
    /// Name: part of cookie names and metrics.
    pub name: String,
    /// Values of `:authority`, without port, lower-case.
    pub hosts: Vec<String>,
    /// What tells it from other tenants on its hosts.
    pub selector: Selector,
    /// What the path of every endpoint of ours begins with: empty, or without a slash at its end.
    pub path_prefix: String,
    /// Scheme and authority under which browsers and Entra reach this tenant, without a trailing slash.
    pub public_url: String,
    /// Provisioning.
    pub scim: Option<ScimSettings>,
    /// Sign-on.
    pub saml: Option<SamlSettings>,
    /// Sessions.
    pub session: SessionSettings,
    /// Policies and identity headers.
    pub access: AccessSettings,
    /// The pages that people see.
    pub pages: PageSettings,
}

/// How long a sign-in lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// From sign-in to the end of the session.
    pub lifetime: Duration,
    /// From the last request to the end of the session; no less than the lifetime where nothing ends by it.
    pub idle: Duration,
    /// From the redirect to the identity provider to its response.
    pub login_lifetime: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(8 * 3600),
            idle: Duration::from_secs(3600),
            login_lifetime: Duration::from_secs(600),
        }
    }
}

/// Characters that can stand in a cookie name, a metric name and a log line alike.
fn is_name(text: &str) -> bool {
    text.len() <= 48
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn read_all(
    node: &Node<'_>,
    environment: Environment<'_>,
    stop_iteration: bool,
    selection: &TenantSelection,
) -> Vec<Tenant> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("has no tenant", "list at least one");
    }
    let read: Vec<(Node<'_>, Tenant)> = entries
        .iter()
        .filter_map(|entry| Some((entry.clone(), read(entry, environment, stop_iteration)?)))
        .collect();
    let borrowed: Vec<(Node<'_>, &Tenant)> =
        read.iter().map(|(entry, tenant)| (entry.clone(), tenant)).collect();
    selection::check(&borrowed, selection, node);
    read.into_iter().map(|(_, tenant)| tenant).collect()
}

fn read(node: &Node<'_>, environment: Environment<'_>, stop_iteration: bool) -> Option<Tenant> {
    let fields = node.fields(&[
        "name",
        "hosts",
        "path_prefix",
        "sni",
        "route_metadata",
        "header",
        "public_url",
        "scim",
        "saml",
        "session",
        "access",
        "pages",
    ]);
    let name = fields.need("name", "give the tenant a short name").and_then(|node| {
        let name = node.text()?;
        if !is_name(name) {
            node.error(format!("`{name}` is not a tenant name"), "use a-z, 0-9 and -, at most 48");
        }
        Some(name.to_owned())
    });
    let public_url = fields
        .need("public_url", "write the address that browsers use, such as https://app.example.com")
        .and_then(|node| read_public_url(&node));
    let hosts = match fields.get("hosts") {
        Some(node) => read_hosts(&node),
        None => public_url.as_deref().and_then(host_of).map(|host| vec![host.to_owned()]).unwrap_or_default(),
    };
    let selector = selection::read_selector(node, &fields);
    let path_prefix = match fields.get("path_prefix") {
        Some(node) => selection::read_prefix(&node),
        None => Some(String::new()),
    };
    let prefix = path_prefix.as_deref().unwrap_or_default();
    let scim = fields.get("scim").map(|node| {
        if !stop_iteration {
            node.error(
                "provisioning needs headers that can be held",
                "set allow_on_headers_stop_iteration: true in Envoy and host.stop_iteration: true here",
            );
        }
        scim::read(&node, environment)
    });
    let saml = fields.get("saml").map(|node| saml::read(&node, (public_url.as_deref(), prefix), environment));
    let session = fields.get("session").map_or(Some(SessionSettings::default()), |node| read_session(&node));
    let access = fields.get("access").map_or_else(
        || Some(<(AccessSettings, _)>::default()),
        |node| access::read(&node, &hosts, public_url.as_deref(), environment),
    );
    let pages = fields.get("pages").map_or_else(|| Some(PageSettings::default()), |node| pages::read(&node));
    let (scim, saml) = (transpose(scim)?, transpose(saml)?);
    let (mut access, said) = access?;
    access.account = said.settle(node, scim.as_ref(), saml.is_some());
    let mut tenant = Tenant {
        name: name?,
        hosts,
        selector: selector?,
        public_url: public_url?,
        scim,
        saml,
        session: session?,
        access,
        path_prefix: path_prefix?,
        pages: pages?,
    };
    check(node, &tenant);
    if let Some(scim) = &mut tenant.scim {
        scim.authentication.move_below(&tenant.path_prefix);
    }
    selection::check_prefix(node, &tenant);
    let named = match &tenant.selector {
        Selector::Sni(names) => names.as_slice(),
        _ => &[],
    };
    let known = |host: &str| tenant.hosts.iter().chain(named).any(|have| have == host);
    if host_of(&tenant.public_url).is_some_and(|host| !known(host)) {
        node.error(
            "does not have the host of its public_url among its hosts",
            "add it to `hosts`: the answer of the identity provider arrives there",
        );
    }
    Some(tenant)
}

/// `None` (an error was reported) is kept apart from `Some(None)` (the field is not there).
fn transpose<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn check(node: &Node<'_>, tenant: &Tenant) {
    if tenant.scim.is_none() && tenant.saml.is_none() && tenant.access.all_rules().next().is_none() {
        node.warn("does nothing: every request is refused", "give it scim, saml or access");
    }
    if tenant.saml.is_none() && tenant.access.asks_for_person() {
        node.error(
            "has rules that need a sign-in, but no identity provider",
            "add `saml`, or make those rules public or deny",
        );
    }
    if let Some(scim) = &tenant.scim {
        let consumer = tenant.saml.as_ref().map(|saml| saml.acs_path.as_str());
        let application = &scim.application;
        let closed = [&scim.public_path, &application.path, &application.cluster_path];
        let closed: Vec<&str> =
            closed.into_iter().map(String::as_str).filter(|path| !path.is_empty()).collect();
        scim.authentication.check_paths(node, consumer.as_slice(), &closed);
    }
    let (Some(scim), Some(saml)) = (&tenant.scim, &tenant.saml) else { return };
    check_directories(node, scim, saml);
    for path in [&scim.public_path, &scim.application.path] {
        if crate::common::path::is_at_or_below(&saml.acs_path, path) {
            node.error(
                format!("the assertion consumer `{}` lies inside the SCIM path `{path}`", saml.acs_path),
                "give one of them another path",
            );
        }
        if saml.logout.as_ref().is_some_and(|it| crate::common::path::is_at_or_below(&it.path, path)) {
            node.error(
                format!("the logout endpoint lies inside the SCIM path `{path}`"),
                "give one of them another path",
            );
        }
    }
}

/// Who provisions and who signs in belong together: a token made for one directory must not create the people of
/// another.
fn check_directories(node: &Node<'_>, scim: &ScimSettings, saml: &SamlSettings) {
    let issuers: Vec<&str> =
        saml.identity_providers.iter().map(|provider| provider.entity_id.as_str()).collect();
    let own: Vec<&str> = issuers
        .iter()
        .filter_map(|issuer| issuer.strip_prefix("https://sts.windows.net/"))
        .map(|id| id.trim_end_matches('/'))
        .collect();
    let agrees = |id: &str| own.iter().any(|own| own.eq_ignore_ascii_case(id));
    let issuer = issuers.join("`, `");
    for token in &scim.tokens {
        let Some(id) = token.tenant_id.as_deref().filter(|id| !agrees(id)) else { continue };
        node.error(
            format!("the token `{}` was made for the directory {id}, but people sign in from `{issuer}`", token.name),
            format!("the two are one pair: write https://sts.windows.net/{id}/ as the identity provider's entity_id, or \
                     the directory of that provider as tenant_id"),
        );
    }
    for id in scim.authentication.directories().filter(|id| !own.is_empty() && !agrees(id)) {
        node.warn(
            format!("the directory {id} provisions, but people sign in from `{issuer}`"),
            "fine where both are yours; a user of one is matched with a user of the other by name",
        );
    }
}

fn read_public_url(node: &Node<'_>) -> Option<String> {
    let url = node.text()?;
    let remedy =
        "write scheme and host only, such as https://app.example.com or https://app.example.com:8443";
    let (scheme, rest) = url.split_once("://").or_else(|| {
        node.error(format!("`{url}` is not a URL"), remedy);
        None
    })?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let plain = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if authority.is_empty() || !plain || authority != authority.to_ascii_lowercase() {
        node.error(format!("`{url}` is not scheme and lower-case host"), remedy);
        return None;
    }
    let host = host_of(url).unwrap_or_default();
    match scheme {
        "https" => {}
        "http" if host == "localhost" || host == "127.0.0.1" => node.warn(
            "is http: only for a trial on this computer",
            "use https; cookies are Secure and browsers keep them only for localhost",
        ),
        _ => {
            node.error(format!("the scheme `{scheme}` cannot carry Secure cookies"), "use https");
            return None;
        }
    }
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    if authority.ends_with(default_port) {
        node.error("names the default port", "leave it out: browsers do, and the two would not be the same");
        return None;
    }
    let (_, port) = crate::common::path::split_port(authority);
    if port.is_some_and(|port| port.starts_with('0') || port.parse::<u16>().is_err()) {
        node.error(format!("`{url}` has no such port"), remedy);
        return None;
    }
    Some(format!("{scheme}://{authority}"))
}

/// The host of a URL or authority, without port, as it stands in `hosts`.
fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split('/').next()?;
    Some(crate::common::path::host_without_port(authority))
}

pub(super) fn read_hosts(node: &Node<'_>) -> Vec<String> {
    let entries = node.list();
    if entries.is_empty() {
        node.error("is empty", "list the host names, or leave `hosts` out to use that of public_url");
    }
    let mut hosts = Vec::new();
    for entry in &entries {
        let Some(host) = entry.text() else { continue };
        if crate::common::path::host_without_port(host) != host || host.contains(['/', '*', ' ', '@']) {
            entry.error(
                format!("`{host}` is not a plain host name"),
                "write it without scheme, port and path",
            );
        } else {
            hosts.push(host.to_ascii_lowercase());
        }
    }
    hosts
}

fn read_session(node: &Node<'_>) -> Option<SessionSettings> {
    let fields = node.fields(&["lifetime_seconds", "idle_seconds", "login_lifetime_seconds"]);
    let defaults = SessionSettings::default();
    let seconds = |name: &str, range, default| match fields.get(name) {
        Some(node) => node.number(range).map(Duration::from_secs),
        None => Some(default),
    };
    let lifetime = seconds("lifetime_seconds", 60..=7 * 86_400, defaults.lifetime);
    let idle = seconds("idle_seconds", 60..=7 * 86_400, defaults.idle);
    let login_lifetime = seconds("login_lifetime_seconds", 30..=3600, defaults.login_lifetime);
    Some(SessionSettings { lifetime: lifetime?, idle: idle?, login_lifetime: login_lifetime? })
}
