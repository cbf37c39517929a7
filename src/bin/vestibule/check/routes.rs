//! Routes: what goes past the filter, what leads to the application's SCIM server, and what our own headers would move.

use vestibule::access::Forgeries;
use vestibule::common::path::{is_at_or_below, port_of};
use vestibule::config::ScimApplication;

use super::document::Place;
use super::envoy::{HttpFilter, Manager};
use super::finding::{Findings, Severity};
use super::plugin::OurConfiguration;

const FILTER_CONFIG: &str = ".FilterConfig";

/// A route with what is above it.
struct Route<'a> {
    place: Place<'a>,
    host: Place<'a>,
    table: Place<'a>,
}

impl<'a> Route<'a> {
    /// Itself and what is above it, the narrowest first.
    fn scopes(&self) -> [&Place<'a>; 3] {
        [&self.place, &self.host, &self.table]
    }

    /// Envoy takes one of these for each request.
    fn ways(&self) -> Vec<Way<'a>> {
        let weighted = weighted(&self.place);
        if weighted.is_empty() {
            return vec![Way { cluster: None, targets: targets(&self.place) }];
        }
        let way = |cluster: Place<'a>| {
            let targets = cluster.text_of("name").into_iter().collect();
            Way { cluster: Some(cluster), targets }
        };
        weighted.into_iter().map(way).collect()
    }
}

/// One of the ways that a route leads.
struct Way<'a> {
    /// The weighted cluster, where it is one of several.
    cluster: Option<Place<'a>>,
    targets: Vec<&'a str>,
}

fn routes<'a>(manager: &Manager<'a>) -> Vec<Route<'a>> {
    let mut all = Vec::new();
    for table in &manager.routes {
        for host in table.each("virtual_hosts") {
            for place in host.each("routes") {
                all.push(Route { place, host: host.clone(), table: table.clone() });
            }
        }
    }
    all
}

/// Whether the filter of this name is on for a way of a route; `None` where nothing is said.
fn switch<'a>(route: &Route<'a>, way: &Way<'a>, name: &str) -> Option<(bool, Place<'a>)> {
    way.cluster.iter().chain(route.scopes()).find_map(|scope| {
        let config = scope.get("typed_per_filter_config")?;
        let (_, entry) = config.fields().into_iter().find(|(have, _)| *have == name)?;
        let (kind, message) = entry.message();
        kind.ends_with(FILTER_CONFIG).then(|| (!message.is_true("disabled"), entry.clone()))
    })
}

/// Judges the routes of a manager whose filter at `at` is ours.
pub(crate) fn judge(
    manager: &Manager<'_>,
    filter: &HttpFilter<'_>,
    ours: &OurConfiguration,
    findings: &mut Findings,
) {
    let all = routes(manager);
    let off_by_default = filter.place.is_true("disabled");
    let mut unguarded = Vec::new();
    let mut guarded = Vec::new();
    for route in &all {
        for way in route.ways() {
            match switch(route, &way, filter.name) {
                Some((false, place)) => off(&mut unguarded, route, place, way),
                None if off_by_default => off(&mut unguarded, route, route.place.clone(), way),
                _ => guarded.push(way),
            }
        }
    }
    let anywhere = !guarded.is_empty();
    let behind: Vec<&str> = guarded.into_iter().flat_map(|way| way.targets).collect();
    for unguarded in &unguarded {
        past(unguarded, &behind, ours, findings);
    }
    if off_by_default && !anywhere && !all.is_empty() {
        findings.error(
            &filter.place,
            "is disabled, and no route enables it",
            "every request reaches the application unseen",
            "take `disabled: true` away",
        );
    }
    hosts(manager, ours, findings);
    ports(manager, ours, findings);
    headers(&all, ours, findings);
    application(&all, ours, findings);
}

/// A route, or some of its ways, where the filter is off because of one place.
struct Unguarded<'r, 'a> {
    route: &'r Route<'a>,
    place: Place<'a>,
    targets: Vec<&'a str>,
    /// Whether one of them leads where a header or a plugin says.
    anywhere: bool,
}

/// Where one place switches off several ways, it is told once.
fn off<'r, 'a>(all: &mut Vec<Unguarded<'r, 'a>>, route: &'r Route<'a>, place: Place<'a>, way: Way<'a>) {
    let same = |have: &&mut Unguarded<'_, '_>| {
        have.place.path == place.path && have.route.place.path == route.place.path
    };
    match all.iter_mut().find(same) {
        Some(have) => {
            have.anywhere |= way.targets.is_empty();
            have.targets.extend(way.targets);
        }
        None => {
            let anywhere = way.targets.is_empty();
            all.push(Unguarded { route, place, targets: way.targets, anywhere });
        }
    }
}

/// A route on which the filter is off. `behind` are the clusters that other routes lead to with the filter on; a route
/// to another cluster, named outright, does not reach what the filter guards.
fn past(unguarded: &Unguarded<'_, '_>, behind: &[&str], ours: &OurConfiguration, findings: &mut Findings) {
    let Unguarded { route, place, targets, anywhere } = unguarded;
    if reaches_nothing(&route.place) {
        return;
    }
    let elsewhere = !behind.is_empty() && !*anywhere && !targets.iter().any(|target| behind.contains(target));
    if !elsewhere {
        findings.warn(
            place,
            &format!("the filter is disabled on the route {}", shown(&route.place)),
            "requests there reach the application without a sign-in, and with whatever identity headers they bring",
            "take it away, and write a rule with access: public in the configuration instead",
        );
    }
    let leads_in =
        |it: &&ScimApplication| targets.contains(&it.cluster.as_str()) && way_in(&route.place, it).is_some();
    if applications(ours).iter().any(leads_in) {
        open_scim(&route.place, findings);
    }
}

fn open_scim(route: &Place<'_>, findings: &mut Findings) {
    findings.error(
        route,
        "leads to the application's SCIM server past the filter",
        "whoever can reach it creates and deletes users without a credential",
        "put the filter in front of this route, or lead it elsewhere",
    );
}

/// Judges a manager without our filter beside one that has it.
pub(crate) fn judge_unguarded(
    manager: &Manager<'_>,
    guarded: &[&Manager<'_>],
    ours: &OurConfiguration,
    findings: &mut Findings,
) {
    let behind: Vec<&str> =
        guarded.iter().flat_map(|manager| routes(manager)).flat_map(|route| targets(&route.place)).collect();
    let local = manager.listener.as_ref().and_then(|listener| listener.get("address"));
    let local = local.is_some_and(|address| super::envoy::is_loopback(&address));
    for route in routes(manager) {
        if applications(ours).iter().any(|it| way_in(&route.place, it).is_some()) {
            open_scim(&route.place, findings);
        } else if !local && targets(&route.place).iter().any(|target| behind.contains(target)) {
            findings.warn(
                &route.place,
                "leads to the application, but Vestibule is not among the http_filters here",
                "requests there reach the application without a sign-in, and with whatever identity headers they bring",
                "add the filter to this connection manager, or redirect to the other listener",
            );
        }
    }
}

/// A redirect or an answer of Envoy's own.
fn reaches_nothing(route: &Place<'_>) -> bool {
    route.get("route").is_none()
}

fn shown(route: &Place<'_>) -> String {
    if let Some(name) = route.text_of("name") {
        return format!("`{name}`");
    }
    let path = route.get("match").into_iter().flat_map(|place| place.fields());
    let path = path.filter_map(|(_, place)| place.text()).find(|text| text.starts_with('/'));
    path.map_or_else(|| route.path.clone(), |path| format!("of `{path}`"))
}

fn targets<'a>(route: &Place<'a>) -> Vec<&'a str> {
    let Some(action) = route.get("route") else { return Vec::new() };
    let weighted = weighted(route).into_iter().filter_map(|cluster| cluster.text_of("name"));
    action.text_of("cluster").into_iter().chain(weighted).collect()
}

fn weighted<'a>(route: &Place<'a>) -> Vec<Place<'a>> {
    let clusters = route.down(&["route", "weighted_clusters"]);
    clusters.map(|place| place.each("clusters")).unwrap_or_default()
}

fn applications(ours: &OurConfiguration) -> Vec<&ScimApplication> {
    let tenants = ours.settings.iter().flat_map(|settings| &settings.tenants);
    tenants.filter_map(|tenant| Some(&tenant.scim.as_ref()?.application)).collect()
}

/// What a route matches and what it makes of it, where both are plain text.
fn prefix_and_rewrite<'a>(route: &Place<'a>) -> Option<(&'a str, &'a str)> {
    let matcher = route.get("match")?;
    let names = ["prefix", "path_separated_prefix", "path"];
    let matched = names.into_iter().find_map(|name| matcher.text_of(name))?;
    let rewrite = route.get("route")?.text_of("prefix_rewrite");
    Some((matched, rewrite.unwrap_or(matched)))
}

/// A path by which a route leads to an application's SCIM server; `None` where there is none.
fn way_in(route: &Place<'_>, application: &ScimApplication) -> Option<String> {
    if !targets(route).contains(&application.cluster.as_str()) {
        return None;
    }
    let (matched, rewrite) = prefix_and_rewrite(route)?;
    let wanted = application.cluster_path.as_str();
    if let Some(rest) = wanted.strip_prefix(rewrite.trim_end_matches('/')) {
        let separated = rest.is_empty() || rest.starts_with('/');
        let exact = route.get("match").is_some_and(|matcher| matcher.get("path").is_some());
        return (separated && (rest.is_empty() || !exact))
            .then(|| format!("{}{rest}", matched.trim_end_matches('/')));
    }
    is_at_or_below(rewrite, wanted).then(|| matched.to_owned())
}

/// Hosts of ours that no virtual host takes.
fn hosts(manager: &Manager<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let Some(table) = manager.routes.first() else { return };
    let domains: Vec<&str> = manager
        .routes
        .iter()
        .flat_map(|table| table.each("virtual_hosts"))
        .flat_map(|host| host.each("domains"))
        .filter_map(|domain| domain.text())
        .collect();
    // Envoy compares the authority as the browser writes it: with the port of our address, where that has one.
    let takes = |domain: &str, host: &str, authority: &str| {
        let domain = domain.to_ascii_lowercase();
        let bare = vestibule::common::path::host_without_port(&domain);
        let own_port = |rest: &str| rest.is_empty() || authority.ends_with(rest);
        if !own_port(domain.get(bare.len()..).unwrap_or_default()) {
            return false;
        }
        match (bare.strip_prefix('*'), bare.strip_suffix('*')) {
            (Some(""), _) => true,
            (Some(suffix), _) => host.ends_with(suffix) && host.len() > suffix.len(),
            (_, Some(prefix)) => host.starts_with(prefix),
            _ => bare == host,
        }
    };
    for tenant in ours.settings.iter().flat_map(|settings| &settings.tenants) {
        let authority = tenant.public_url.rsplit('/').next().unwrap_or_default();
        let is_taken = |host: &String| domains.iter().any(|domain| takes(domain, host, authority));
        for host in tenant.hosts.iter().filter(|host| !is_taken(host)) {
            findings.warn(
                table,
                &format!("no virtual host takes `{host}`, a host of the tenant `{}`", tenant.name),
                "Envoy answers 404 there",
                "add it to `domains` of a virtual host, or write \"*\": unknown hosts are refused by the filter",
            );
        }
    }
}

/// A host of ours that Envoy leads elsewhere where a client writes a port behind it: it is judged as ours all the same.
fn ports(manager: &Manager<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let (Some(table), Some(settings)) = (manager.routes.first(), &ours.settings) else { return };
    if manager.place.is_true("strip_any_host_port") || table.is_true("ignore_port_in_host_matching") {
        return;
    }
    let all = table.each("virtual_hosts");
    let virtual_host = |authority: &str| virtual_host(&all, &authority.to_ascii_lowercase());
    let listens =
        manager.listener.as_ref().and_then(|listener| listener.down(&["address", "socket_address"]));
    let listens = listens.and_then(|address| address.number_of("port_value")).map(|port| port.to_string());
    let several = settings.tenants.len() > 1;
    for tenant in &settings.tenants {
        // With several tenants the filter refuses any other.
        let port = if several { port_of(&tenant.public_url) } else { "1" };
        if manager.place.is_true("strip_matching_host_port") && listens.as_deref() == Some(port) {
            continue;
        }
        for host in &tenant.hosts {
            let (bare, other) = (virtual_host(host), virtual_host(&format!("{host}:{port}")));
            let (Some(bare), Some(other)) = (bare, other) else { continue };
            if bare.path == other.path || leads_like(bare, other) {
                continue;
            }
            findings.at(
                if several { Severity::Error } else { Severity::Warning },
                table,
                &format!("leads `{host}:{port}` elsewhere than `{host}`"),
                "the filter judges both alike, with the rules and the identity headers of the tenant whose host it is",
                "write strip_any_host_port: true in the connection manager",
            );
        }
    }
}

/// Whether all of one virtual host's routes reach nothing, or the one cluster that all of the other's do.
fn leads_like(bare: &Place<'_>, other: &Place<'_>) -> bool {
    let clusters = |host: &Place<'_>| -> Vec<Option<String>> {
        let mut clusters: Vec<_> = host
            .each("routes")
            .iter()
            .filter(|route| !reaches_nothing(route))
            // What a header or a plugin says is nobody's guess.
            .flat_map(|route| match targets(route).as_slice() {
                [] => vec![None],
                targets => targets.iter().map(|target| Some((*target).to_owned())).collect(),
            })
            .collect();
        clusters.sort();
        clusters.dedup();
        clusters
    };
    match clusters(other).as_slice() {
        [] => true,
        [Some(only)] => clusters(bare) == [Some(only.clone())],
        _ => false,
    }
}

/// The virtual host that Envoy takes for an authority: exact, by the longest `*.example.com`, by the longest `example.*`,
/// or `*`.
fn virtual_host<'h, 'a>(all: &'h [Place<'a>], authority: &str) -> Option<&'h Place<'a>> {
    let rank = |domain: &str| match (domain.strip_prefix('*'), domain.strip_suffix('*')) {
        (Some(""), _) => Some((0, 0)),
        (Some(end), _) => (authority.ends_with(end) && authority.len() > end.len()).then_some((2, end.len())),
        (_, Some(start)) => {
            (authority.starts_with(start) && authority.len() > start.len()).then_some((1, start.len()))
        }
        _ => (domain == authority).then_some((3, 0)),
    };
    let ranked = all.iter().filter_map(|host| {
        let domains = host.each("domains");
        let best = domains.iter().filter_map(|domain| rank(&domain.text()?.to_ascii_lowercase())).max()?;
        Some((best, host))
    });
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, host)| host)
}

/// Routes that match on headers which the filter sets or removes: that moves the request after it was judged.
fn headers(all: &[Route<'_>], ours: &OurConfiguration, findings: &mut Findings) {
    let tenants: Vec<_> = ours.settings.iter().flat_map(|settings| &settings.tenants).collect();
    let forgeries = Forgeries::new(tenants.iter().flat_map(|tenant| tenant.access.identity_names()));
    let basic = tenants.iter().any(|tenant| tenant.access.identity.basic.is_some());
    let moves = |name: &str| {
        name == "cookie" || (basic && name == "authorization") || forgeries.holds(name.as_bytes())
    };
    let ours: Vec<&str> = tenants.iter().flat_map(|tenant| tenant.access.identity_names()).collect();
    for route in all {
        let matchers = route.place.get("match").map(|place| place.each("headers")).unwrap_or_default();
        for matcher in matchers {
            let Some(name) = matcher.text_of("name").map(str::to_ascii_lowercase) else { continue };
            if moves(&name) {
                findings.warn(
                    &matcher,
                    &format!("the route matches on `{name}`, which the filter sets or removes"),
                    "Envoy chooses the route anew when a header changes: a request may be served by another route than \
                     the one it was judged on",
                    "match on host and path only",
                );
            }
        }
        let weighted = weighted(&route.place);
        let scopes = weighted.iter().chain(route.scopes());
        let added = scopes.flat_map(|scope| scope.each("request_headers_to_add"));
        for added in added {
            let Some(name) = added.get("header").and_then(|header| header.text_of("key")) else { continue };
            if ours.contains(&name.to_ascii_lowercase().as_str()) {
                findings.warn(
                    &added,
                    &format!("adds `{name}`, an identity header of the filter"),
                    "the application is told this, whoever is there",
                    "leave it to the filter",
                );
            }
        }
    }
}

/// Whether a route takes a path, whatever else it wants of the request.
fn takes(route: &Place<'_>, path: &str) -> bool {
    let Some(matcher) = route.get("match") else { return false };
    let text = |name: &str| matcher.text_of(name);
    match (text("prefix"), text("path_separated_prefix"), text("path")) {
        (Some(prefix), _, _) => path.starts_with(prefix),
        (_, Some(prefix), _) => is_at_or_below(path, prefix.trim_end_matches('/')),
        (_, _, Some(exact)) => path == exact,
        // A pattern: who knows.
        _ => true,
    }
}

/// The application's SCIM server: a route must lead there, and none past the path that the filter closes.
fn application(all: &[Route<'_>], ours: &OurConfiguration, findings: &mut Findings) {
    let Some(settings) = &ours.settings else { return };
    let rooms: Vec<_> = settings.tenants.iter().filter_map(|tenant| tenant.scim.as_ref()).collect();
    let closed = |path: &str| {
        rooms.iter().any(|scim| {
            is_at_or_below(path, &scim.application.path) || is_at_or_below(path, &scim.public_path)
        })
    };
    for application in rooms.iter().map(|scim| &scim.application) {
        let users = format!("{}/Users", application.path);
        match (all.iter().find(|route| takes(&route.place, &users)), all.first()) {
            (Some(route), _) => {
                let targets = targets(&route.place);
                if !targets.is_empty() && !targets.contains(&application.cluster.as_str()) {
                    findings.warn(
                        &route.place,
                        &format!(
                            "leads `{}` to the cluster `{}`, but our own calls go to `{}`",
                            application.path,
                            targets.join(", "),
                            application.cluster
                        ),
                        "who is deactivated is looked up at another server than the one that is changed",
                        "name the same cluster in both places",
                    );
                }
            }
            (None, Some(first)) => findings.error(
                &first.host,
                &format!("no route leads to `{}`, the application's SCIM server", application.path),
                "every provisioning request is answered 404, which Entra takes for \"there is no such user\"",
                &format!(
                    "add {{match: {{path_separated_prefix: {}}}, route: {{cluster: {}}}}}",
                    application.path, application.cluster
                ),
            ),
            (None, None) => {}
        }
        for route in all {
            let Some(path) = way_in(&route.place, application) else { continue };
            let first = all.iter().find(|other| takes(&other.place, &path));
            let reached = first.is_some_and(|first| first.place.path == route.place.path);
            if reached && !closed(&path) {
                findings.warn(
                    &route.place,
                    &format!("leads `{path}` to the application's SCIM server, which only `{}` closes", application.path),
                    "whoever the rules let reach that path creates and deletes users without Entra's credential",
                    "rewrite only below application.path, or write a rule {path: {prefix: …}, access: deny} for it",
                );
            }
        }
    }
}
