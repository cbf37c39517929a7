//! What an Envoy configuration does that the rules do not expect: `vestibule check CONFIG --envoy FILE`.
//!
//! The filter cannot read Envoy's options, so this looks at the file from outside. It reads listeners and routes wherever
//! they are in the file (bootstrap, LDS, RDS), and is silent about what it does not know.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vestibule::common::path::PathProblem;
use vestibule::config::{AccessSettings, Tenant};

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// Filters that may change what the rules have decided on, where they stand behind them.
const CHANGING: [&str; 5] = ["lua", "ext_proc", "header_mutation", "rewrite", "golang"];

/// What the file is compared with.
pub(super) struct Expected {
    /// Whether a rule looks at the address of the client.
    client: bool,
    /// Whether a rule looks at Envoy's route.
    route: bool,
    /// Names of headers that the filter sets or takes away.
    headers: BTreeSet<String>,
    /// Spellings that a tenant allows.
    spellings: Vec<PathProblem>,
    /// The applications' own SCIM paths.
    closed: Vec<String>,
}

impl Expected {
    pub(super) fn of(tenants: &[Tenant]) -> Self {
        let access = || tenants.iter().map(|tenant| &tenant.access);
        let curiosity: Vec<_> = access().map(AccessSettings::curiosity).collect();
        let headers = access().flat_map(|access| &access.identity_headers).map(|header| header.name.clone());
        Self {
            client: curiosity.iter().any(|it| it.client),
            route: curiosity.iter().any(|it| it.route || it.policy),
            headers: headers.chain(["cookie".to_owned(), "forwarded".to_owned()]).collect(),
            spellings: PathProblem::ALLOWABLE
                .into_iter()
                .filter(|problem| access().any(|access| access.path_spellings.allow(*problem)))
                .collect(),
            closed: tenants
                .iter()
                .filter_map(|tenant| tenant.scim.as_ref())
                .map(|scim| scim.application.path.clone())
                .collect(),
        }
    }
}

/// All warnings, one line each: place, what, remedy.
pub(super) fn warnings(file: &Value, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut managers = Vec::new();
    walk(file, "", &mut |path, object| {
        if is_type(object, MANAGER) {
            managers.push(path.to_owned());
            manager(path, object, expected, &mut found);
        }
        if object.contains_key("match") && (object.contains_key("route") || object.contains_key("redirect")) {
            route(path, object, expected, &mut found);
        }
        if let Some(Value::Object(overrides)) = object.get("typed_per_filter_config") {
            per_route(path, overrides, &mut found);
        }
        if is_type(object, WASM) {
            plugin(path, object, &mut found);
        }
    });
    if managers.is_empty() {
        found.push("(top level): has no HTTP connection manager; is this an Envoy configuration?".to_owned());
    }
    found
}

fn walk(value: &Value, path: &str, see: &mut dyn FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(path, object);
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(value, &path, see);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                walk(value, &format!("{path}[{at}]"), see);
            }
        }
        _ => {}
    }
}

fn is_type(object: &Map<String, Value>, name: &str) -> bool {
    let given = object.get("@type").and_then(Value::as_str);
    given.is_some_and(|given| given.strip_prefix("type.googleapis.com/") == Some(name))
}

/// `true`, also where a wrapper is written out.
fn is_true(object: &Map<String, Value>, name: &str) -> bool {
    match object.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Object(wrapped)) => wrapped.get("value") == Some(&Value::Bool(true)),
        _ => false,
    }
}

fn manager(path: &str, manager: &Map<String, Value>, expected: &Expected, found: &mut Vec<String>) {
    let Some(at) = position_of_ours(manager) else {
        found.push(format!(
            "{path}.http_filters: the filter is not among them; what this listener routes to is reachable without it: \
             add it, or route elsewhere"
        ));
        return;
    };
    order(path, manager, at, found);
    paths(path, manager, expected, found);
    if expected.client {
        addresses(path, manager, found);
    }
}

fn filters(manager: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    manager.get("http_filters").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn filter_type(filter: &Map<String, Value>) -> &str {
    let config = filter.get("typed_config").and_then(Value::as_object);
    config.and_then(|config| config.get("@type")).and_then(Value::as_str).unwrap_or_default()
}

fn position_of_ours(manager: &Map<String, Value>) -> Option<usize> {
    filters(manager).position(|filter| filter_type(filter).ends_with(WASM))
}

/// What stands before and behind.
fn order(path: &str, manager: &Map<String, Value>, ours: usize, found: &mut Vec<String>) {
    for (at, filter) in filters(manager).enumerate() {
        let kind = filter_type(filter);
        let place = format!("{path}.http_filters[{at}]");
        if at == ours && is_true(filter, "disabled") {
            found.push(format!(
                "{place}.disabled: the filter runs only on routes that enable it; every other is open: leave it out"
            ));
        }
        if at < ours && kind.contains(".cache.") {
            found.push(format!(
                "{place}: a cache before the filter answers without asking it: put it behind the filter"
            ));
        }
        if at < ours && kind.ends_with(ROUTER) {
            found.push(format!("{place}: the router is before the filter, which never runs: put it last"));
        }
        if at > ours && CHANGING.iter().any(|name| kind.contains(&format!(".{name}."))) {
            found.push(format!(
                "{place}: a filter behind ours may change path and headers after they were judged: put it before, or \
                 make sure that it does not"
            ));
        }
    }
}

/// Options by which Envoy changes or refuses paths before the filter sees them.
fn paths(path: &str, manager: &Map<String, Value>, expected: &Expected, found: &mut Vec<String>) {
    let allows = |problem| expected.spellings.contains(&problem);
    let slashes =
        manager.get("path_with_escaped_slashes_action").and_then(Value::as_str).unwrap_or("KEEP_UNCHANGED");
    let normalizes = is_true(manager, "normalize_path");
    let merges = is_true(manager, "merge_slashes");
    let unescapes = matches!(slashes, "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD");
    let mut never = |option: &str, does: &str, problem: PathProblem| {
        if allows(problem) {
            found.push(format!(
                "{path}.{option}: Envoy {does}, so that `{}` in allow_path_spellings allows nothing: leave one of the two \
                 out",
                problem.name()
            ));
        }
    };
    if normalizes {
        never("normalize_path", "resolves dot segments", PathProblem::DotSegment);
    }
    if merges {
        never("merge_slashes", "merges slashes", PathProblem::EmptySegment);
    }
    if unescapes {
        never("path_with_escaped_slashes_action", "decodes them", PathProblem::EncodedSlash);
    }
    if slashes == "REJECT_REQUEST" {
        never("path_with_escaped_slashes_action", "refuses them", PathProblem::EncodedSlash);
    }
    let mut differs = |option: &str, what: &str, problem: PathProblem| {
        if allows(problem) {
            found.push(format!(
                "{path}.{option}: is off and `{}` is allowed: Envoy's routes compare {what} as they come, the \
                 application perhaps not; switch it on",
                problem.name()
            ));
        }
    };
    if !normalizes {
        differs("normalize_path", "dot segments", PathProblem::DotSegment);
        differs("normalize_path", "backslashes", PathProblem::Backslash);
    }
    if !merges {
        differs("merge_slashes", "slashes", PathProblem::EmptySegment);
    }
    if unescapes && !normalizes {
        found.push(format!(
            "{path}.path_with_escaped_slashes_action: decodes slashes, and dot segments between them are refused only by \
             the filter: switch normalize_path on"
        ));
    }
}

/// Whose word the address of the client is.
fn addresses(path: &str, manager: &Map<String, Value>, found: &mut Vec<String>) {
    if !is_true(manager, "use_remote_address") {
        found.push(format!(
            "{path}.use_remote_address: is not true, so that X-Forwarded-For, which anybody can send, gives the address \
             that rules for clients look at: set it to true"
        ));
    }
    let hops = manager.get("xff_num_trusted_hops").and_then(Value::as_u64).unwrap_or_default();
    if hops > 0 || manager.contains_key("original_ip_detection_extensions") {
        found.push(format!(
            "{path}: the address of the client comes from a header of {}: fine where nobody else can reach this listener",
            if hops > 0 { "that many proxies (xff_num_trusted_hops)" } else { "original_ip_detection_extensions" }
        ));
    }
}

fn route(path: &str, route: &Map<String, Value>, expected: &Expected, found: &mut Vec<String>) {
    let action = route.get("route").and_then(Value::as_object);
    for name in ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"] {
        let Some(rewrite) = action.and_then(|action| action.get(name)) else { continue };
        let text = rewrite.as_str().unwrap_or_default();
        let opens = |closed: &String| text.starts_with(closed.as_str()) || closed.starts_with(text);
        let closed = !text.is_empty() && text != "/" && expected.closed.iter().any(opens);
        found.push(if closed {
            format!(
                "{path}.route.{name}: may lead to the application's own SCIM path, which is closed by the path before the \
                 rewrite only: route it elsewhere"
            )
        } else {
            format!(
                "{path}.route.{name}: rules are compared with the path before it: does each of them mean what the \
                 application sees?"
            )
        });
    }
    if !expected.route {
        return;
    }
    let matched = route.get("match").and_then(Value::as_object).and_then(|it| it.get("headers"));
    for header in matched.and_then(Value::as_array).into_iter().flatten() {
        let name = header.get("name").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        if expected.headers.contains(&name) {
            found.push(format!(
                "{path}.match.headers: `{name}` is set or taken away by the filter, and then Envoy chooses the route anew, \
                 perhaps one with another policy: match on another header"
            ));
        }
    }
}

/// Switches that take the filter away from a route.
fn per_route(path: &str, overrides: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, config) in overrides {
        if config.as_object().is_some_and(|config| is_true(config, "disabled")) {
            found.push(format!(
                "{path}.typed_per_filter_config.{name}: is disabled here; if it is this filter, everybody passes: write a \
                 public rule instead"
            ));
        }
    }
}

/// What happens when the filter fails.
fn plugin(path: &str, plugin: &Map<String, Value>, found: &mut Vec<String>) {
    let Some(config) = plugin.get("config").and_then(Value::as_object) else { return };
    if is_true(config, "fail_open")
        || config.get("failure_policy").and_then(Value::as_str) == Some("FAIL_OPEN")
    {
        found.push(format!(
            "{path}.config.failure_policy: lets every request through once the filter has failed: write FAIL_RELOAD or \
             FAIL_CLOSED"
        ));
    }
}
