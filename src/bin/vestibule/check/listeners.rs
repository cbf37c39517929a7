//! What is around the filter: TLS, limits, the admin interface, and what goes past it.

use std::path::Path;

use vestibule::common::UnixMillis;
use vestibule::crypto::PublicKey;

use super::document::Place;
use super::envoy::{Envoy, Manager, data_source, is_loopback, is_loopback_host};
use super::finding::{Finding, Findings, Severity};
use super::plugin::{OurConfiguration, ending, now};

/// Envoy's limit where a listener says nothing.
const DEFAULT_LIMIT: u64 = 1_048_576;

/// Judges the listener and filter chain of a manager with our filter.
pub(crate) fn judge(
    manager: &Manager<'_>,
    ours: &OurConfiguration,
    directory: &Path,
    findings: &mut Findings,
) {
    if let Some(listener) = &manager.listener {
        limit(listener, ours, findings);
        inspector(listener, ours, findings);
    }
    if let (Some(listener), Some(chain)) = (&manager.listener, &manager.chain) {
        tls(listener, chain, directory, findings);
    }
    upgrades(manager, findings);
    bodies(manager, findings);
}

fn limit(listener: &Place<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let largest = ours.largest_body().and_then(|largest| u64::try_from(largest).ok());
    let given = listener.number_of("per_connection_buffer_limit_bytes");
    let place = listener.get("per_connection_buffer_limit_bytes").unwrap_or_else(|| listener.clone());
    let limit = given.unwrap_or(DEFAULT_LIMIT);
    match largest {
        Some(largest) if limit <= largest => findings.error(
            &place,
            &format!("per_connection_buffer_limit_bytes ({limit}) is not larger than max_body_bytes and max_response_bytes ({largest})"),
            "Envoy itself answers such requests 413 and such responses 500, which Entra takes for a broken application",
            &format!("write per_connection_buffer_limit_bytes: {}", largest.saturating_mul(2)),
        ),
        _ if given.is_none() => findings.warn(
            &place,
            "has no per_connection_buffer_limit_bytes",
            "Envoy's own default decides how much the filter may hold",
            "write per_connection_buffer_limit_bytes: 2097152, larger than max_body_bytes and max_response_bytes",
        ),
        _ => {}
    }
}

/// The name that a client asks for in the TLS handshake is read by a listener filter; without it nobody asked for any.
fn inspector(listener: &Place<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    const REMEDY: &str = "add listener_filters: [{name: tls_inspector, typed_config: {\"@type\": type.googleapis.com/\
                          envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}] to the listener";
    let filters = listener.each("listener_filters");
    let reads = |filter: &Place<'_>| {
        let kind = filter.get("typed_config").map(|config| config.message().0).unwrap_or_default();
        // Without a type it may be anything that another file defines.
        kind.ends_with(".TlsInspector") || filter.get("config_discovery").is_some()
    };
    if filters.iter().any(reads) {
        return;
    }
    let matches =
        listener.each("filter_chains").into_iter().filter_map(|chain| chain.get("filter_chain_match"));
    let by_handshake = |place: &Place<'_>| {
        !place.each("server_names").is_empty()
            || !place.each("application_protocols").is_empty()
            || place.text_of("transport_protocol").is_some()
    };
    if let Some(place) = matches.into_iter().find(by_handshake) {
        findings.error(
            &place,
            "matches what the TLS handshake says, and the listener has no tls_inspector",
            "nothing reads the handshake before the chain is chosen, so that this chain is never chosen",
            REMEDY,
        );
    } else if let Some(names) = ours.handshake_names() {
        findings.push(Finding {
            severity: Severity::Error,
            line: names.line,
            path: names.path,
            what: "chooses the tenant by the TLS handshake, and the listener has no tls_inspector".to_owned(),
            why: "without it the filter is told no name: every request to this tenant is answered 421"
                .to_owned(),
            remedy: REMEDY.to_owned(),
        });
    }
}

fn tls(listener: &Place<'_>, chain: &Place<'_>, directory: &Path, findings: &mut Findings) {
    let local = listener.get("address").is_some_and(|address| is_loopback(&address));
    let Some((name, context)) =
        chain.down(&["transport_socket", "typed_config"]).map(|config| config.message())
    else {
        if !local {
            findings.warn(
                chain,
                "has no TLS",
                "cookies, assertions and tokens travel in clear to whoever terminates TLS before Envoy, if anybody does",
                "add a transport_socket with DownstreamTlsContext, or listen on 127.0.0.1 only",
            );
        }
        return;
    };
    if !name.ends_with(".DownstreamTlsContext") {
        return;
    }
    let Some(common) = context.get("common_tls_context") else { return };
    let least = common.get("tls_params").and_then(|params| params.get("tls_minimum_protocol_version"));
    if let Some(least) = least.filter(|least| matches!(least.text(), Some("TLSv1_0" | "TLSv1_1"))) {
        findings.warn(
            &least,
            "allows a version of TLS that is broken",
            "TLS 1.0 and 1.1 rest on SHA-1 and MD5 (RFC 8996)",
            "write tls_minimum_protocol_version: TLSv1_2",
        );
    }
    for entry in common.each("tls_certificates") {
        let Some(source) = entry.get("certificate_chain") else { continue };
        let text = match data_source(&source) {
            Some((name, true)) => std::fs::read_to_string(directory.join(name)).ok(),
            Some((text, false)) => Some(text.to_owned()),
            None => None,
        };
        if let Some(what) = text.and_then(|text| ending(end_of_first(&text), now())) {
            findings.warn(
                &source,
                &what,
                "browsers and Entra refuse to speak to a server whose certificate is over",
                "renew it",
            );
        }
    }
}

/// The end of the first certificate in PEM: that of the server itself.
fn end_of_first(pem: &str) -> Option<UnixMillis> {
    let begin = "-----BEGIN CERTIFICATE-----";
    let end = "-----END CERTIFICATE-----";
    let rest = pem.split_once(begin)?.1;
    let one = format!("{begin}{}{end}\n", rest.split_once(end)?.0);
    let key = PublicKey::from_certificate_even_short(&one).ok()?;
    key.validity().map(|validity| validity.not_after)
}

/// An upgrade with filters of its own does not pass through those of the manager.
fn upgrades(manager: &Manager<'_>, findings: &mut Findings) {
    for upgrade in manager.place.each("upgrade_configs") {
        let filters = upgrade.each("filters");
        let ours = filters.iter().flat_map(super::envoy::plugins).any(|plugin| plugin.is_ours());
        if !filters.is_empty() && !ours {
            findings.warn(
                &upgrade,
                &format!(
                    "upgrades to {} have filters of their own, and Vestibule is not among them",
                    upgrade.text_of("upgrade_type").unwrap_or("that protocol")
                ),
                "such requests reach the application past every rule",
                "leave `filters` out, so that those of the manager hold",
            );
        }
    }
}

/// Filters before ours that change what it must see as it came.
fn bodies(manager: &Manager<'_>, findings: &mut Findings) {
    let before = manager.filters.iter().take_while(|filter| !filter.plugins.iter().any(|it| it.is_ours()));
    for filter in before {
        let kind = filter.place.get("typed_config").map(|config| config.message().0).unwrap_or_default();
        if kind.ends_with(".router.v3.Router") {
            findings.error(
                &filter.place,
                "the router stands before Vestibule",
                "the router ends the chain: no request would reach the filter",
                "put Vestibule before envoy.filters.http.router",
            );
        }
    }
}

/// The admin interface shows the configuration and stops Envoy for whoever can reach it.
pub(crate) fn judge_admin(envoy: &Envoy<'_>, findings: &mut Findings) {
    let Some(address) = &envoy.admin else { return };
    if !is_loopback_host(address.text_of("address").unwrap_or_default()) {
        findings.warn(
            address,
            "the admin interface can be reached from other machines",
            "whoever reaches it reads the configuration and can end Envoy",
            "write address: 127.0.0.1",
        );
    }
}
