//! Clusters whose answers decide who gets in: Envoy verifies no certificate of an upstream unless it is told to.

use super::document::Place;
use super::envoy::{Envoy, endpoints, is_empty, is_loopback};
use super::finding::{Finding, Findings, Severity};
use super::plugin::{Named, OurConfiguration, Purpose};

/// Judges every cluster that our configuration names.
pub(crate) fn judge(ours: &OurConfiguration, envoy: &Envoy<'_>, findings: &mut Findings) {
    let mut judged = Vec::new();
    for (named, purpose) in ours.clusters() {
        judge_named(&named, purpose, envoy, findings);
        let cluster = envoy.cluster(&named.name).filter(|_| purpose == Purpose::Application);
        // Many tenants may be customers of one application.
        if let Some(cluster) = cluster.filter(|_| !judged.contains(&named.name)) {
            application(cluster, &named, ours.rechecks(), findings);
            judged.push(named.name);
        }
    }
}

/// The application's own SCIM server is given a credential, and where sessions are checked, it says who is still in.
fn application(cluster: &Place<'_>, named: &Named, rechecks: bool, findings: &mut Findings) {
    let addresses = endpoints(cluster);
    if !addresses.is_empty() && addresses.iter().all(is_loopback) {
        return;
    }
    let why = if rechecks {
        "the application's credential goes there, and sessions are checked there: whoever answers in its place reads the \
         one and decides who stays signed in"
    } else {
        "the application's credential goes there, for whoever answers in its place"
    };
    let gaps = gaps(cluster);
    if gaps.iter().any(|gap| [NO_TLS, NOT_TLS, MATCH_NOT_TLS].contains(gap)) {
        if !addresses.is_empty() && addresses.iter().all(is_private) {
            return;
        }
        let remedy = "give the cluster a transport_socket (UpstreamTlsContext) with sni and a validation_context with \
                      trusted_ca and match_typed_subject_alt_names, or let Envoy run beside the application and reach it \
                      on 127.0.0.1";
        let what = format!(
            "the cluster `{}` reaches the application beyond a network of your own without TLS",
            named.name
        );
        findings.at(Severity::Warning, cluster, &what, why, remedy);
    } else if !gaps.is_empty() {
        let severity = if rechecks { Severity::Error } else { Severity::Warning };
        let remedy = "give its UpstreamTlsContext sni, and a validation_context with trusted_ca and \
                      match_typed_subject_alt_names";
        findings.at(
            severity,
            cluster,
            &format!("the cluster `{}` {}", named.name, gaps.join(", ")),
            why,
            remedy,
        );
    }
}

/// Whether an address lies in a network of one's own: private (RFC 1918, RFC 4193), or a name that only such a network has.
fn is_private(address: &Place<'_>) -> bool {
    let host =
        address.down(&["socket_address", "address"]).and_then(|place| place.text()).unwrap_or_default();
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_private() || address.is_loopback(),
        Ok(std::net::IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback(),
        Err(_) => !host.contains('.') || host.ends_with(".internal") || host.ends_with(".local"),
    }
}

const NO_TLS: &str = "has no TLS";
const NOT_TLS: &str = "has a transport_socket that is not TLS";
const MATCH_NOT_TLS: &str = "has a transport_socket_matches whose transport_socket is not TLS";

/// Judges the cluster of one name.
pub(crate) fn judge_named(named: &Named, purpose: Purpose, envoy: &Envoy<'_>, findings: &mut Findings) {
    match envoy.cluster(&named.name) {
        Some(cluster) => judge_one(cluster, named, purpose, findings),
        None if envoy.more_clusters => elsewhere(named, purpose, findings),
        None => unknown(named, envoy, findings),
    }
}

fn unknown(named: &Named, envoy: &Envoy<'_>, findings: &mut Findings) {
    let names: Vec<&str> = envoy.clusters.iter().filter_map(|cluster| cluster.text_of("name")).collect();
    let add = "add it under static_resources.clusters";
    findings.push(Finding {
        severity: Severity::Error,
        line: named.line,
        path: named.path.clone(),
        what: format!("there is no cluster `{}`", named.name),
        why: "every call to it would fail".to_owned(),
        remedy: match names.as_slice() {
            [] => add.to_owned(),
            names => format!("{add}, or name one of {}", names.join(", ")),
        },
    });
}

/// A cluster that is not in the file, but may be there.
fn elsewhere(named: &Named, purpose: Purpose, findings: &mut Findings) {
    if purpose.decides() {
        findings.push(Finding {
            severity: Severity::Warning,
            line: named.line,
            path: named.path.clone(),
            what: format!("the cluster `{}` is not in this file, so that its TLS was not looked at", named.name),
            why: format!("it is used for {}; whoever answers in its place decides who gets in", purpose.name()),
            remedy: "see to it that it verifies the server: trusted CA, name of the server (SAN), and SNI; or put it \
                     into this file"
                .to_owned(),
        });
    }
}

fn judge_one(cluster: &Place<'_>, named: &Named, purpose: Purpose, findings: &mut Findings) {
    if !purpose.decides() {
        return;
    }
    let gaps = gaps(cluster);
    if gaps.is_empty() {
        // The filter warns of `trust: tls` because it cannot see the cluster; here it was seen.
        if let Some(provider) = named.path.strip_suffix(".metadata.cluster") {
            findings.settle(&format!("{provider}.trust"));
        }
        return;
    }
    let addresses = endpoints(cluster);
    let local = !addresses.is_empty() && addresses.iter().all(is_loopback);
    let (severity, remedy) = if local {
        let remedy = "fine for a trial on this machine; before it is another machine, give the cluster a transport_socket \
                      with sni and a validation_context with trusted_ca and match_typed_subject_alt_names";
        (Severity::Warning, remedy)
    } else {
        (
            Severity::Error,
            "give the cluster a transport_socket (UpstreamTlsContext) with sni and a validation_context with \
                           trusted_ca and match_typed_subject_alt_names",
        )
    };
    let what = format!("the cluster `{}` {}", named.name, gaps.join(", "));
    let why = format!(
        "it is used for {} ({}); whoever answers in its place decides who gets in",
        purpose.name(),
        named.path
    );
    findings.at(severity, cluster, &what, &why, remedy);
}

/// What the cluster lacks to know that it speaks to the right server; empty where nothing.
fn gaps(cluster: &Place<'_>) -> Vec<&'static str> {
    // A match takes its endpoints away from the cluster's own socket, which has those that no match takes.
    let own = cluster.get("transport_socket").map(|socket| (socket, NOT_TLS));
    let matches = cluster.each("transport_socket_matches");
    let matched = matches.iter().filter_map(|entry| Some((entry.get("transport_socket")?, MATCH_NOT_TLS)));
    let sockets: Vec<_> = own.into_iter().chain(matched).collect();
    if sockets.is_empty() {
        return vec![NO_TLS];
    }
    let options = cluster.get("typed_extension_protocol_options");
    let mut gaps: Vec<&'static str> = Vec::new();
    for (socket, not_tls) in &sockets {
        let Some((name, context)) = socket.get("typed_config").map(|config| config.message()) else {
            return vec!["has a transport_socket without typed_config"];
        };
        if !name.ends_with(".UpstreamTlsContext") {
            return vec![not_tls];
        }
        for gap in context_gaps(&context, options.as_ref()) {
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
    }
    gaps
}

fn context_gaps(context: &Place<'_>, options: Option<&Place<'_>>) -> Vec<&'static str> {
    let mut gaps = Vec::new();
    let everywhere: Vec<Place<'_>> = options.iter().flat_map(|options| options.all()).collect();
    let option = |name: &str| everywhere.iter().any(|place| place.is_true(name));
    let common = context.get("common_tls_context");
    let combined = common.as_ref().and_then(|common| common.get("combined_validation_context"));
    let validation = common
        .as_ref()
        .and_then(|common| common.get("validation_context"))
        .or_else(|| combined.as_ref().and_then(|combined| combined.get("default_validation_context")));
    let by_sds = combined.is_some()
        || common.as_ref().is_some_and(|common| common.get("validation_context_sds_secret_config").is_some());
    let has = |name: &str| {
        validation.as_ref().and_then(|context| context.get(name)).is_some_and(|place| !is_empty(&place))
    };
    let system = validation.as_ref().is_some_and(|context| context.get("system_root_certs").is_some());
    if !(has("trusted_ca") || has("ca_certificate_provider_instance") || system || by_sds) {
        gaps.push("trusts any certificate (no trusted_ca)");
    }
    let names = has("match_typed_subject_alt_names") || has("match_subject_alt_names");
    if !(names || context.is_true("auto_sni_san_validation") || option("auto_san_validation")) {
        gaps.push("trusts the certificate of any server (no match_typed_subject_alt_names)");
    }
    let sni = context.get("sni").is_some_and(|sni| !is_empty(&sni));
    if !(sni || context.is_true("auto_host_sni") || option("auto_sni")) {
        gaps.push("does not say which server it wants (no sni)");
    }
    let trust = validation.as_ref().and_then(|context| context.text_of("trust_chain_verification"));
    if trust == Some("ACCEPT_UNTRUSTED") {
        gaps.push("accepts certificates that are not trusted (trust_chain_verification: ACCEPT_UNTRUSTED)");
    }
    gaps
}
