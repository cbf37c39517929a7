//! What the module may call and by what it is called, where Envoy is told to restrict it (`capability_restriction_config`).
//!
//! A callback that is not allowed is never called: without `proxy_on_request_headers` Envoy does not ask the filter at all.

use super::document::Place;
use super::finding::Findings;

/// Callbacks without which requests or answers pass by the filter, wholly or in part.
const CALLBACKS: &[&str] = &[
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
];

/// Without these the filter does not start, or does not do its work.
const NEEDED: &[&str] = &[
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_http_call_response",
    "proxy_on_delete",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_set_effective_context",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_http_call",
    "proxy_send_local_response",
    "proxy_continue_stream",
    "proxy_close_stream",
    "random_get",
    "environ_get",
    "environ_sizes_get",
];

/// Without these nobody sees what it does, or it does it more slowly.
const WANTED: &[&str] = &[
    "proxy_log",
    "proxy_set_property",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_call_foreign_function",
    "proxy_on_done",
    "proxy_on_log",
];

const REMEDY: &str = "add it; envoy/envoy.yaml has the whole list";

/// Judges the lists of a `PluginConfig`; an empty one restricts nothing.
pub(crate) fn judge(plugin: &Place<'_>, findings: &mut Findings) {
    for way in [&["capability_restriction_config"][..], &["vm_config", "capability_restriction_config"]] {
        let list = plugin.down(way).and_then(|config| config.get("allowed_capabilities"));
        let Some(list) = list.filter(|list| !list.fields().is_empty()) else { continue };
        let allowed: Vec<&str> = list.fields().into_iter().map(|(name, _)| name).collect();
        let missing = |wanted: &[&'static str]| {
            let missing: Vec<_> = wanted.iter().copied().filter(|name| !allowed.contains(name)).collect();
            (!missing.is_empty()).then(|| format!("does not allow {}", missing.join(", ")))
        };
        if let Some(what) = missing(CALLBACKS) {
            let why = "Envoy never calls what is not allowed: without proxy_on_request_headers every request reaches the \
                       application unseen, without the others bodies and answers pass unread";
            findings.error(&list, &what, why, REMEDY);
        }
        if let Some(what) = missing(NEEDED) {
            findings.error(
                &list,
                &what,
                "the filter does not start without, or does not do its work",
                REMEDY,
            );
        }
        if let Some(what) = missing(WANTED) {
            let why =
                "log, counters and access log stay empty without, and signatures are verified more slowly";
            findings.warn(&list, &what, why, REMEDY);
        }
    }
}
