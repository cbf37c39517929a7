//! What there is in Envoy's own configuration: listeners, connection managers, our filter, routes and clusters.
//!
//! Only finds things; `judge` says what is wrong with them. Names are taken in both spellings of protobuf.

use super::document::{Place, Tree};

/// Type of a Wasm filter.
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const MANAGER: &str = ".HttpConnectionManager";

/// Everything of one Envoy that was found in one or more documents.
#[derive(Debug, Default)]
pub(crate) struct Envoy<'a> {
    pub(crate) listeners: Vec<Place<'a>>,
    pub(crate) managers: Vec<Manager<'a>>,
    pub(crate) clusters: Vec<Place<'a>>,
    /// Whether clusters come from elsewhere too, so that one that is not here may still be there.
    pub(crate) more_clusters: bool,
    /// The admin interface's address.
    pub(crate) admin: Option<Place<'a>>,
}

/// An HTTP connection manager.
#[derive(Clone, Debug)]
pub(crate) struct Manager<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) listener: Option<Place<'a>>,
    pub(crate) chain: Option<Place<'a>>,
    /// Its HTTP filters, in their order.
    pub(crate) filters: Vec<HttpFilter<'a>>,
    /// Its route configurations: its own, or those of the file that its `rds` names.
    pub(crate) routes: Vec<Place<'a>>,
}

/// An entry of `http_filters`.
#[derive(Clone, Debug)]
pub(crate) struct HttpFilter<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) name: &'a str,
    /// Wasm plugins in it: one, or several behind a matcher.
    pub(crate) plugins: Vec<Plugin<'a>>,
}

/// A `PluginConfig`, whosever it is.
#[derive(Clone, Debug)]
pub(crate) struct Plugin<'a> {
    /// The `PluginConfig`.
    pub(crate) place: Place<'a>,
}

impl<'a> Envoy<'a> {
    /// Takes in a bootstrap, or a file of resources as discovery services have them.
    pub(crate) fn take(&mut self, document: &Place<'a>) {
        let resources = document.each("resources");
        let of_type = |suffix: &str| {
            resources.iter().filter(|place| place.type_name().ends_with(suffix)).cloned().collect::<Vec<_>>()
        };
        let statics = document.get("static_resources");
        let of = |name: &str| statics.iter().flat_map(|place| place.each(name)).collect::<Vec<_>>();
        let mut tables = of_type(".RouteConfiguration");
        tables.retain(|table| table.get("virtual_hosts").is_some());
        let listeners = [of("listeners"), of_type(".Listener")].concat();
        for listener in &listeners {
            self.managers.extend(managers(listener, &tables));
        }
        self.listeners.extend(listeners);
        self.clusters.extend([of("clusters"), of_type(".Cluster")].concat());
        let dynamic = document.get("dynamic_resources");
        self.more_clusters |= dynamic.is_some_and(|dynamic| {
            ["cds_config", "ads_config"].iter().any(|name| dynamic.get(name).is_some())
        });
        self.more_clusters |= !resources.is_empty() && statics.is_none();
        self.admin = self.admin.take().or_else(|| document.down(&["admin", "address", "socket_address"]));
    }

    /// The cluster of this name.
    pub(crate) fn cluster(&self, name: &str) -> Option<&Place<'a>> {
        self.clusters.iter().find(|place| place.text_of("name") == Some(name))
    }
}

/// Whether a document is Envoy's own configuration.
pub(crate) fn is_envoy(document: &Place<'_>) -> bool {
    let known = ["static_resources", "dynamic_resources", "admin", "node", "layered_runtime"];
    let resources = document.get("resources").is_some() && document.get("kind").is_none();
    resources || known.iter().any(|name| document.get(name).is_some())
}

fn managers<'a>(listener: &Place<'a>, tables: &[Place<'a>]) -> Vec<Manager<'a>> {
    let mut chains = listener.each("filter_chains");
    chains.extend(listener.get("default_filter_chain"));
    let mut found = Vec::new();
    for chain in &chains {
        for filter in chain.each("filters") {
            let Some((name, message)) = filter.get("typed_config").map(|config| config.message()) else {
                continue;
            };
            if name.ends_with(MANAGER) {
                found.push(Manager::read(message, Some(listener), Some(chain), tables));
            }
        }
    }
    found
}

impl<'a> Manager<'a> {
    fn read(
        place: Place<'a>,
        listener: Option<&Place<'a>>,
        chain: Option<&Place<'a>>,
        tables: &[Place<'a>],
    ) -> Self {
        let filters = place.each("http_filters").into_iter().map(HttpFilter::read).collect();
        let named = place.down(&["rds", "route_config_name"]).and_then(|place| place.text());
        let routes = match place.get("route_config") {
            Some(table) => vec![table],
            None => tables.iter().filter(|table| table.text_of("name") == named).cloned().collect(),
        };
        Self { place, listener: listener.cloned(), chain: chain.cloned(), filters, routes }
    }
}

impl<'a> HttpFilter<'a> {
    pub(crate) fn read(place: Place<'a>) -> Self {
        let name = place.text_of("name").unwrap_or_default();
        let plugins = plugins(&place);
        Self { place, name, plugins }
    }
}

/// All Wasm plugins at or below a place.
pub(crate) fn plugins<'a>(place: &Place<'a>) -> Vec<Plugin<'a>> {
    let messages = place.all().into_iter().map(|place| place.message());
    let wasm = messages.filter(|(name, _)| *name == WASM);
    let configs = wasm.map(|(_, message)| {
        let place = message.get("config").unwrap_or(message);
        Plugin { place }
    });
    configs.collect()
}

/// The configuration of a plugin as it was found.
#[derive(Debug)]
pub(crate) enum Given<'a> {
    /// `StringValue`: YAML or JSON inside.
    Text(Place<'a>),
    /// `Struct`.
    Tree(Place<'a>),
    /// `BytesValue`, or something else that cannot be looked into.
    Opaque(Place<'a>),
    /// Nothing.
    Missing,
}

impl<'a> Plugin<'a> {
    /// What it is configured with.
    pub(crate) fn given(&self) -> Given<'a> {
        let Some(place) = self.place.get("configuration") else { return Given::Missing };
        let value = place.get("value");
        match (place.type_name(), value) {
            ("google.protobuf.StringValue", Some(value)) if value.text().is_some() => Given::Text(value),
            ("google.protobuf.Struct", Some(value)) => Given::Tree(value),
            _ => Given::Opaque(place),
        }
    }

    /// Whether this is Vestibule rather than another Wasm filter: by its module, its names, or what it is configured with.
    pub(crate) fn is_ours(&self) -> bool {
        let code = self.place.down(&["vm_config", "code"]);
        let module = code.iter().flat_map(Place::all).filter_map(|place| place.text());
        let names = ["name", "root_id"].into_iter().filter_map(|name| self.place.text_of(name));
        let vm_id = self.place.down(&["vm_config", "vm_id"]).and_then(|place| place.text());
        let mut texts = module.chain(names).chain(vm_id);
        texts.any(|text| text.to_ascii_lowercase().contains("vestibule"))
            || match self.given() {
                Given::Text(place) => place.text().is_some_and(|text| {
                    text.lines().any(|line| line.trim_start_matches(['{', '"', ' ']).starts_with("tenants"))
                }),
                Given::Tree(place) => place.get("tenants").is_some(),
                Given::Opaque(_) | Given::Missing => false,
            }
    }
}

/// The address of an endpoint or a listener stays on this machine.
pub(crate) fn is_loopback(address: &Place<'_>) -> bool {
    if address.get("pipe").is_some() || address.get("envoy_internal_address").is_some() {
        return true;
    }
    let host =
        address.down(&["socket_address", "address"]).and_then(|place| place.text()).unwrap_or_default();
    is_loopback_host(host)
}

/// 127.0.0.0/8, `::1` or `localhost`.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The addresses of a cluster's endpoints.
pub(crate) fn endpoints<'a>(cluster: &Place<'a>) -> Vec<Place<'a>> {
    let localities = cluster.down(&["load_assignment", "endpoints"]).map(|list| list.entries());
    let localities = localities.unwrap_or_default();
    let endpoints = localities.iter().flat_map(|locality| locality.each("lb_endpoints"));
    endpoints.filter_map(|entry| entry.down(&["endpoint", "address"])).collect()
}

/// The file or inline text of a `DataSource`.
pub(crate) fn data_source<'a>(place: &Place<'a>) -> Option<(&'a str, bool)> {
    match place.text_of("filename") {
        Some(name) => Some((name, true)),
        None => place.text_of("inline_string").map(|text| (text, false)),
    }
}

/// Whether a value is a mapping or list without anything in it.
pub(crate) fn is_empty(place: &Place<'_>) -> bool {
    match &place.node.value {
        Tree::List(list) => list.is_empty(),
        Tree::Map(map) => map.is_empty(),
        Tree::Plain(text) | Tree::Text { text, .. } => text.is_empty(),
    }
}
