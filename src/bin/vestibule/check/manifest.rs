//! Manifests of Kubernetes: Istio's WasmPlugin and EnvoyFilter, Envoy Gateway's EnvoyExtensionPolicy, and what stands
//! beside them in the same file.

use super::document::Place;
use super::envoy::{Envoy, HttpFilter, is_empty};
use super::finding::Findings;
use super::plugin::{Named, OurConfiguration, Purpose};
use super::{clusters, filter};

/// The documents of a file that mean something to us.
#[derive(Debug, Default)]
pub(crate) struct Manifests<'a> {
    documents: Vec<(Kind, Place<'a>)>,
    rules: Vec<Place<'a>>,
    buffer_limits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    WasmPlugin,
    EnvoyFilter,
    ExtensionPolicy,
}

impl<'a> Manifests<'a> {
    /// Takes in a document; whether it is a manifest at all.
    pub(crate) fn take(&mut self, document: &Place<'a>) -> bool {
        let (Some(kind), Some(_)) = (document.text_of("kind"), document.text_of("apiVersion")) else {
            return false;
        };
        match kind {
            "WasmPlugin" => self.documents.push((Kind::WasmPlugin, document.clone())),
            "EnvoyFilter" => self.documents.push((Kind::EnvoyFilter, document.clone())),
            "EnvoyExtensionPolicy" => self.documents.push((Kind::ExtensionPolicy, document.clone())),
            "DestinationRule" => self.rules.push(document.clone()),
            "ClientTrafficPolicy" => {
                self.buffer_limits |= document.down(&["spec", "connection", "bufferLimit"]).is_some();
            }
            "List" => {
                for item in document.each("items") {
                    self.take(&item);
                }
            }
            _ => {}
        }
        true
    }

    /// Judges all of them; how many filters of ours there are.
    pub(crate) fn judge(&self, findings: &mut Findings) -> usize {
        let mut envoy = Envoy { more_clusters: true, ..Envoy::default() };
        for (kind, document) in &self.documents {
            if *kind == Kind::EnvoyFilter {
                envoy.clusters.extend(patches(document, "CLUSTER"));
            }
        }
        let mut ours = Vec::new();
        for (kind, document) in &self.documents {
            match kind {
                Kind::WasmPlugin => ours.extend(self.wasm_plugin(document, findings)),
                Kind::ExtensionPolicy => ours.extend(self.extension_policy(document, findings)),
                Kind::EnvoyFilter => {
                    for patch in patches(document, "HTTP_FILTER") {
                        let plugins = HttpFilter::read(patch).plugins;
                        let mine = plugins.iter().filter(|plugin| plugin.is_ours());
                        ours.extend(mine.filter_map(|plugin| filter::judge(plugin, findings)));
                    }
                }
            }
        }
        for configuration in &ours {
            self.judge_clusters(configuration, &envoy, findings);
        }
        ours.len()
    }

    fn judge_clusters(&self, ours: &OurConfiguration, envoy: &Envoy<'_>, findings: &mut Findings) {
        let ruled = |named: &Named| {
            let host = named.name.rsplit('|').next().unwrap_or_default();
            self.rules.iter().find(|rule| rule.down(&["spec", "host"]).and_then(|it| it.text()) == Some(host))
        };
        for (named, purpose) in ours.clusters().iter().filter(|(_, purpose)| purpose.decides()) {
            match ruled(named) {
                Some(rule) if envoy.cluster(&named.name).is_none() => {
                    destination_rule(rule, named, *purpose, findings);
                }
                _ => clusters::judge_named(named, *purpose, envoy, findings),
            }
        }
    }

    /// Whether something in the file switches on what the manifest itself cannot say.
    fn stop_iteration_by_patch(&self) -> bool {
        self.documents
            .iter()
            .filter(|(kind, _)| *kind == Kind::EnvoyFilter)
            .flat_map(|(_, document)| document.all())
            .any(|place| place.is_true("allow_on_headers_stop_iteration"))
    }

    fn wasm_plugin(&self, document: &Place<'a>, findings: &mut Findings) -> Option<OurConfiguration> {
        let spec = document.get("spec")?;
        let url = spec.text_of("url").unwrap_or_default();
        let names = [
            Some(url),
            spec.text_of("pluginName"),
            document.down(&["metadata", "name"]).and_then(|it| it.text()),
        ];
        let named = names.into_iter().flatten().any(|text| text.to_ascii_lowercase().contains("vestibule"));
        let configuration = spec.get("pluginConfig");
        if !named && configuration.as_ref().is_none_or(|it| it.get("tenants").is_none()) {
            return None;
        }
        if url.is_empty() {
            findings.error(
                &spec,
                "has no `url`",
                "Istio does not know which module to load",
                "write url: oci://…",
            );
        } else if !url.starts_with("file://") && spec.get("sha256").is_none_or(|sum| is_empty(&sum)) {
            findings.warn(
                &spec.get("url").unwrap_or_else(|| spec.clone()),
                "is not pinned by `sha256`",
                "whoever can push to that address decides what runs as the filter",
                "write sha256: the SHA-256 of the module",
            );
        }
        if let Some(strategy) = spec.get("failStrategy").filter(|it| it.text() == Some("FAIL_OPEN")) {
            findings.warn(
                &strategy,
                "is FAIL_OPEN",
                "after a failure of the module every request reaches the application unseen",
                "write failStrategy: FAIL_RELOAD",
            );
        }
        if spec.text_of("phase").is_none_or(|phase| phase != "AUTHN") {
            findings.warn(
                &spec.get("phase").unwrap_or_else(|| spec.clone()),
                "does not run in the phase AUTHN",
                "Istio's own authentication and authorization would judge the request before anybody knows who is there",
                "write phase: AUTHN",
            );
        }
        let Some(configuration) = configuration else {
            findings.error(
                &spec,
                "has no `pluginConfig`",
                "without one the filter refuses to start",
                "write it below spec",
            );
            return None;
        };
        let ours = OurConfiguration::of_tree(&configuration, findings);
        self.held_headers(
            &ours,
            &configuration,
            "a WasmPlugin",
            "use an EnvoyFilter with the whole Wasm filter instead, or leave \
             provisioning out and write host.stop_iteration: false",
            findings,
        );
        let entries = spec.get("vmConfig").map(|vm| vm.each("env")).unwrap_or_default();
        let host: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.text_of("valueFrom") == Some("HOST"))
            .filter_map(|entry| entry.text_of("name"))
            .collect();
        for variable in ours.variables() {
            let inline = entries.iter().find(|entry| entry.text_of("name") == Some(&variable.name));
            match inline {
                Some(entry) if entry.get("value").is_some() => findings.warn(
                    entry,
                    &format!("holds the secret `{}`", variable.name),
                    "a secret in a manifest can be read by anybody who sees it, or Envoy's /config_dump",
                    "write valueFrom: HOST, and set the variable for the proxy from a Secret",
                ),
                _ if !host.contains(&variable.name.as_str()) => {
                    filter::missing_variable(&variable, "spec.vmConfig.env (valueFrom: HOST)", findings);
                }
                _ => {}
            }
        }
        Some(ours)
    }

    fn extension_policy(&self, document: &Place<'a>, findings: &mut Findings) -> Vec<OurConfiguration> {
        let entries = document.get("spec").map(|spec| spec.each("wasm")).unwrap_or_default();
        let mut all = Vec::new();
        for entry in &entries {
            let named = entry
                .all()
                .iter()
                .filter_map(Place::text)
                .any(|text| text.to_ascii_lowercase().contains("vestibule"));
            let configuration = entry.get("config");
            if !named && configuration.as_ref().is_none_or(|it| it.get("tenants").is_none()) {
                continue;
            }
            all.extend(self.gateway_filter(entry, configuration, findings));
        }
        all
    }

    fn gateway_filter(
        &self,
        entry: &Place<'a>,
        configuration: Option<Place<'a>>,
        findings: &mut Findings,
    ) -> Option<OurConfiguration> {
        if let Some(flag) = entry.get("failOpen").filter(|_| entry.is_true("failOpen")) {
            findings.warn(
                &flag,
                "is true",
                "after a failure of the module every request reaches the application unseen",
                "leave it out",
            );
        }
        for source in ["http", "image"].iter().filter_map(|name| entry.down(&["code", name])) {
            if source.get("sha256").is_none_or(|sum| is_empty(&sum)) {
                findings.warn(
                    &source,
                    "is not pinned by `sha256`",
                    "whoever can push to that address decides what runs as the filter",
                    "write sha256: the SHA-256 of the module",
                );
            }
        }
        let Some(configuration) = configuration else {
            findings.error(
                entry,
                "has no `config`",
                "without one the filter refuses to start",
                "write it beside `code`",
            );
            return None;
        };
        let ours = OurConfiguration::of_tree(&configuration, findings);
        self.held_headers(
            &ours,
            &configuration,
            "an EnvoyExtensionPolicy",
            "leave provisioning out here and write \
             host.stop_iteration: false, or set the field with an EnvoyPatchPolicy",
            findings,
        );
        if !self.buffer_limits {
            findings.warn(
                entry,
                "no ClientTrafficPolicy in this file sets connection.bufferLimit",
                "Envoy Gateway's own limit is 32 KiB: larger assertions and bodies are answered 413",
                "add a ClientTrafficPolicy with spec.connection.bufferLimit: 2Mi for the same Gateway",
            );
        }
        let keys = entry.get("env").map(|env| env.each("hostKeys")).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().filter_map(Place::text).collect();
        for variable in ours.variables().iter().filter(|it| !keys.contains(&it.name.as_str())) {
            filter::missing_variable(variable, "env.hostKeys", findings);
        }
        Some(ours)
    }

    fn held_headers(
        &self,
        ours: &OurConfiguration,
        place: &Place<'_>,
        what: &str,
        remedy: &str,
        findings: &mut Findings,
    ) {
        if ours.stop_iteration() && !self.stop_iteration_by_patch() {
            findings.error(
                place,
                &format!("{what} cannot set allow_on_headers_stop_iteration, but host.stop_iteration is true (the default)"),
                "requests whose body must be read are answered 500",
                remedy,
            );
        }
    }
}

/// What an EnvoyFilter puts in at one kind of place.
fn patches<'a>(document: &Place<'a>, kind: &str) -> Vec<Place<'a>> {
    let patches = document.get("spec").map(|spec| spec.each("configPatches")).unwrap_or_default();
    patches
        .iter()
        .filter(|patch| patch.text_of("applyTo") == Some(kind))
        .filter_map(|patch| patch.down(&["patch", "value"]))
        .collect()
}

fn destination_rule(rule: &Place<'_>, named: &Named, purpose: Purpose, findings: &mut Findings) {
    let tls = rule.down(&["spec", "trafficPolicy", "tls"]);
    let text = |name: &str| tls.as_ref().and_then(|tls| tls.text_of(name)).unwrap_or_default();
    let mut gaps = Vec::new();
    if !matches!(text("mode"), "SIMPLE" | "MUTUAL") {
        gaps.push("has no TLS (mode: SIMPLE)");
    } else {
        if tls.as_ref().is_some_and(|tls| tls.is_true("insecureSkipVerify")) {
            gaps.push("trusts any certificate (insecureSkipVerify)");
        } else if text("caCertificates").is_empty() && text("credentialName").is_empty() {
            gaps.push("names no trusted CA (caCertificates)");
        }
        if tls.as_ref().is_none_or(|tls| tls.each("subjectAltNames").is_empty()) {
            gaps.push("trusts the certificate of any server (no subjectAltNames)");
        }
        if text("sni").is_empty() {
            gaps.push("does not say which server it wants (no sni)");
        }
    }
    if !gaps.is_empty() {
        findings.error(
            tls.as_ref().unwrap_or(rule),
            &format!("the rule for `{}` {}", named.name, gaps.join(", ")),
            &format!(
                "it is used for {} ({}); whoever answers in its place decides who gets in",
                purpose.name(),
                named.path
            ),
            "write trafficPolicy.tls: {mode: SIMPLE, caCertificates: system, subjectAltNames: [HOST], sni: HOST}",
        );
    }
}
