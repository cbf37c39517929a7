//! Our filter as Envoy loads it: what becomes of a failure, whose data it shares, and which secrets it can read.

use super::capabilities;
use super::document::Place;
use super::envoy::{Envoy, Given, Manager, Plugin, data_source, is_empty};
use super::finding::{Finding, Findings, Severity};
use super::plugin::{Named, OurConfiguration};

/// Judges one `PluginConfig` of ours and gives what it is configured with.
pub(crate) fn judge(plugin: &Plugin<'_>, findings: &mut Findings) -> Option<OurConfiguration> {
    failure(&plugin.place, findings);
    module(&plugin.place, findings);
    capabilities::judge(&plugin.place, findings);
    let ours = match plugin.given() {
        Given::Text(place) => {
            OurConfiguration::of_text(place.text().unwrap_or_default(), Some(&place), findings)
        }
        Given::Tree(place) => OurConfiguration::of_tree(&place, findings),
        Given::Opaque(place) => {
            findings.error(
                &place,
                "is neither a StringValue nor a Struct with a `value`",
                "the filter gets nothing that it can read, and Envoy refuses it",
                "write \"@type\": type.googleapis.com/google.protobuf.StringValue and the configuration as `value`",
            );
            return None;
        }
        Given::Missing => {
            findings.error(
                &plugin.place,
                "has no `configuration`",
                "without one the filter refuses to start, and so does Envoy",
                "add configuration: {\"@type\": type.googleapis.com/google.protobuf.StringValue, value: |…}",
            );
            return None;
        }
    };
    stop_iteration(plugin, &ours, findings);
    variables(plugin, &ours, findings);
    Some(ours)
}

fn failure(place: &Place<'_>, findings: &mut Findings) {
    const WHY: &str = "after a failure of the module every request reaches the application unseen";
    if let Some(policy) =
        place.get("failure_policy").filter(|it| matches!(it.text(), Some("FAIL_OPEN" | "3")))
    {
        findings.warn(&policy, "is FAIL_OPEN", WHY, "write failure_policy: FAIL_RELOAD");
    }
    if let Some(flag) = place.get("fail_open").filter(|_| place.is_true("fail_open")) {
        findings.warn(&flag, "is true", WHY, "write failure_policy: FAIL_RELOAD instead");
    }
}

fn module(place: &Place<'_>, findings: &mut Findings) {
    let Some(vm) = place.get("vm_config") else {
        findings.error(
            place,
            "has no `vm_config`",
            "Envoy does not know which module to load",
            "add vm_config: {vm_id: vestibule, runtime: envoy.wasm.runtime.v8, code: {local: {filename: vestibule.wasm}}}",
        );
        return;
    };
    if vm.get("vm_id").is_none_or(|id| is_empty(&id)) {
        findings.warn(
            &vm,
            "has no `vm_id`",
            "shared data (who is locked out, which assertions were used) belongs to the vm_id: with none, every other \
             Wasm filter without one can read and overwrite it",
            "write vm_id: vestibule, and keep it over upgrades",
        );
    }
    if let Some(runtime) = vm.get("runtime").filter(|it| it.text() != Some("envoy.wasm.runtime.v8")) {
        findings.warn(
            &runtime,
            "is not envoy.wasm.runtime.v8",
            "Envoy's own builds have no other, and the filter was tested with no other",
            "write runtime: envoy.wasm.runtime.v8",
        );
    }
    if let Some(flag) = vm.get("allow_precompiled").filter(|_| vm.is_true("allow_precompiled")) {
        findings.warn(
            &flag,
            "is true",
            "machine code in the module is run without looking whether it is what the module says",
            "leave it out",
        );
    }
    let local = vm.down(&["code", "local"]);
    let remote = vm.down(&["code", "remote"]);
    if let Some(remote) = remote {
        if remote.get("sha256").is_none_or(|sum| is_empty(&sum)) {
            findings.error(
                &remote,
                "has no `sha256`",
                "whoever answers at that address decides what runs as the filter; Envoy refuses it",
                "write the SHA-256 of the module",
            );
        }
        findings.warn(
            &remote,
            "loads the module from the network",
            "Envoy calls this unstable (\"may cause a crash\"), and nothing is served until it is there",
            "put the module next to Envoy: code: {local: {filename: vestibule.wasm}}",
        );
    } else if local.is_none_or(|local| data_source(&local).is_none() && local.get("inline_bytes").is_none()) {
        findings.error(
            &vm,
            "names no module (`code`)",
            "Envoy does not know what to load",
            "write code: {local: {filename: vestibule.wasm}}",
        );
    }
}

fn stop_iteration(plugin: &Plugin<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let envoys = plugin.place.is_true("allow_on_headers_stop_iteration");
    let place = plugin.place.get("allow_on_headers_stop_iteration").unwrap_or_else(|| plugin.place.clone());
    if ours.stop_iteration() && !envoys {
        findings.error(
            &place,
            "allow_on_headers_stop_iteration is not true, but host.stop_iteration is (the default)",
            "requests whose body must be read (provisioning, sign-on) are answered 500",
            "write allow_on_headers_stop_iteration: true beside vm_config; it needs Envoy 1.35 or newer",
        );
    }
    if !ours.stop_iteration() && envoys {
        findings.error(
            &place,
            "allow_on_headers_stop_iteration is true, but host.stop_iteration is false",
            "requests whose body must be read are answered 500",
            "leave host.stop_iteration out",
        );
    }
}

fn variables(plugin: &Plugin<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let vm = plugin.place.get("vm_config").unwrap_or_else(|| plugin.place.clone());
    let environment = vm.get("environment_variables");
    let keys = environment.iter().flat_map(|place| place.each("host_env_keys"));
    let keys: Vec<&str> = keys.filter_map(|place| place.text()).collect();
    let values = environment.and_then(|place| place.get("key_values"));
    for variable in ours.variables() {
        if let Some(value) = values.as_ref().and_then(|values| values.get(&variable.name)) {
            findings.warn(
                &value,
                &format!("holds the secret `{}`", variable.name),
                "a secret in the configuration can be read by anybody who sees Envoy's /config_dump",
                "set the variable for the Envoy process and list its name under host_env_keys",
            );
        } else if !keys.contains(&variable.name.as_str()) {
            missing_variable(&variable, "vm_config.environment_variables.host_env_keys", findings);
        }
    }
}

/// A variable that the configuration wants and the filter cannot see.
pub(crate) fn missing_variable(variable: &Named, place: &str, findings: &mut Findings) {
    findings.push(Finding {
        severity: Severity::Error,
        line: variable.line,
        path: variable.path.clone(),
        what: format!("the variable `{}` is not listed in {place}", variable.name),
        why: "the filter cannot read it, and refuses to start".to_owned(),
        remedy: format!("add {} to {place}, and set it for the Envoy process", variable.name),
    });
}

/// The `vm_id` of a plugin, where it has one.
fn id_of<'a>(plugin: &Plugin<'a>) -> Option<(&'a str, Place<'a>)> {
    let id = plugin.place.down(&["vm_config", "vm_id"]).filter(|id| !is_empty(id))?;
    Some((id.text()?, id))
}

/// What only shows when all filters of an Envoy are seen together.
pub(crate) fn judge_together(
    envoy: &Envoy<'_>,
    ours: &[(Plugin<'_>, OurConfiguration)],
    findings: &mut Findings,
) {
    for (plugin, mine) in ours {
        let Some((id, place)) = id_of(plugin) else { continue };
        let others =
            envoy.managers.iter().flat_map(|manager| &manager.filters).flat_map(|filter| &filter.plugins);
        let stranger = others
            .filter(|other| !other.is_ours())
            .find(|other| id_of(other).is_some_and(|(have, _)| have == id));
        if stranger.is_some() {
            findings.warn(
                &place,
                &format!("`{id}` is also the vm_id of another filter"),
                "shared data belongs to the vm_id: the other filter can overwrite who is locked out",
                "give each a vm_id of its own",
            );
        }
        let differs = ours.iter().any(|(other, configuration)| {
            id_of(other).is_some_and(|(have, _)| have == id) && configuration.key_text() != mine.key_text()
        });
        if differs {
            findings.warn(
                &place,
                &format!("`{id}` is shared with a Vestibule that has other keys"),
                "what one seals the other cannot read, and the second to start refuses its configuration",
                "give both the same `keys`, or each a vm_id of its own",
            );
        }
    }
}

/// The buffer filter that must stand behind ours where headers cannot be held.
pub(crate) fn judge_buffer(
    manager: &Manager<'_>,
    filter: usize,
    ours: &OurConfiguration,
    findings: &mut Findings,
) {
    if ours.stop_iteration() {
        return;
    }
    let is_buffer = |place: &Place<'_>| {
        place.get("typed_config").is_some_and(|config| config.message().0.ends_with(".buffer.v3.Buffer"))
    };
    let behind = manager.filters.iter().skip(filter.saturating_add(1));
    if !behind.into_iter().any(|filter| is_buffer(&filter.place))
        && let Some(filter) = manager.filters.get(filter)
    {
        findings.error(
            &filter.place,
            "host.stop_iteration is false, and no buffer filter stands behind it",
            "without held headers, bodies must be collected by Envoy itself; sign-ins are answered 500",
            "add envoy.filters.http.buffer behind this filter, or set allow_on_headers_stop_iteration: true and leave \
             host.stop_iteration out",
        );
    }
}
