//! What Envoy does to paths and addresses before the rules look at them.

use vestibule::common::path::PathProblem;

use super::envoy::Manager;
use super::finding::Findings;
use super::plugin::OurConfiguration;

/// Judges the options of a manager with our filter.
pub(crate) fn judge(manager: &Manager<'_>, ours: &OurConfiguration, findings: &mut Findings) {
    let access = || ours.settings.iter().flat_map(|settings| &settings.tenants).map(|tenant| &tenant.access);
    let allowed = |problem| access().any(|access| access.path_spellings.allow(problem));
    spellings(manager, &allowed, findings);
    if access().any(|access| access.curiosity().client) {
        addresses(manager, findings);
    }
    if access().any(|access| access.all_rules().next().is_some()) {
        rewrites(manager, findings);
    }
}

/// Options that make an allowed spelling pointless, or dangerous.
fn spellings(manager: &Manager<'_>, allowed: &dyn Fn(PathProblem) -> bool, findings: &mut Findings) {
    let place = &manager.place;
    let slashes = place.text_of("path_with_escaped_slashes_action").unwrap_or("KEEP_UNCHANGED");
    let (normalizes, merges) = (place.is_true("normalize_path"), place.is_true("merge_slashes"));
    let unescapes = slashes.starts_with("UNESCAPE_AND_");
    let pointless = [
        ("normalize_path", "resolves dot segments", normalizes, PathProblem::DotSegment),
        ("merge_slashes", "merges slashes", merges, PathProblem::EmptySegment),
        ("path_with_escaped_slashes_action", "decodes escaped slashes", unescapes, PathProblem::EncodedSlash),
        (
            "path_with_escaped_slashes_action",
            "refuses escaped slashes",
            slashes == "REJECT_REQUEST",
            PathProblem::EncodedSlash,
        ),
    ];
    for (option, does, on, problem) in pointless {
        if on && allowed(problem) {
            findings.warn(
                place,
                &format!("{option}: Envoy {does}, and allow_path_spellings has `{}`", problem.name()),
                "the filter never sees such a path: allowing it changes nothing",
                "leave one of the two out",
            );
        }
    }
    let dangerous = [
        ("normalize_path", normalizes, PathProblem::DotSegment),
        ("normalize_path", normalizes, PathProblem::Backslash),
        ("merge_slashes", merges, PathProblem::EmptySegment),
    ];
    for (option, on, problem) in dangerous {
        if !on && allowed(problem) {
            findings.warn(
                place,
                &format!("{option} is off, and allow_path_spellings has `{}`", problem.name()),
                "Envoy's routes compare such a path as it comes, the application perhaps not",
                &format!("write {option}: true, or do not allow it"),
            );
        }
    }
}

/// Whose word the address of the client is.
fn addresses(manager: &Manager<'_>, findings: &mut Findings) {
    let place = &manager.place;
    if !place.is_true("use_remote_address") {
        findings.warn(
            place,
            "use_remote_address is not true, and rules look at the address of the client",
            "whoever sends X-Forwarded-For chooses that address",
            "write use_remote_address: true",
        );
    }
    if place.number_of("xff_num_trusted_hops").is_some_and(|hops| hops > 0)
        || place.get("original_ip_detection_extensions").is_some()
    {
        findings.warn(
            place,
            "the address of the client that rules look at comes from a header",
            "whoever reaches this listener past the proxies before it chooses that address",
            "let nobody but those proxies reach it",
        );
    }
}

/// Routes behind which the application sees another path than the rules.
fn rewrites(manager: &Manager<'_>, findings: &mut Findings) {
    let hosts = manager.routes.iter().flat_map(|table| table.each("virtual_hosts"));
    for route in hosts.flat_map(|host| host.each("routes")) {
        let Some(action) = route.get("route") else { continue };
        let names = ["regex_rewrite", "path_rewrite_policy", "path_rewrite"];
        if let Some(rewrite) = names.into_iter().find_map(|name| action.get(name)) {
            findings.warn(
                &rewrite,
                "rewrites paths by a pattern",
                "rules are compared with the path before it; the application sees another",
                "make sure that each rule means what the application sees, or rewrite whole prefixes only",
            );
        }
    }
}
