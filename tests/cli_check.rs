//! `vestibule check`, run as an operator runs it: a table of mistakes, each found with its place and its remedy, and
//! nothing found where nothing is wrong.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const EXPIRED: &str = include_str!("vectors/check/expired.crt");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vestibule")).arg("check").args(arguments).output().unwrap()
}

/// Exit code and problems of a text that is given as a file.
fn problems(name: &str, text: &str) -> (i32, Vec<Value>) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    let output = check(&[path.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code().unwrap(), json["files"][0]["problems"].as_array().unwrap().clone())
}

fn base(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/vectors/check").join(name)).unwrap()
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for name in ["plugin.yaml", "envoy.yaml", "istio.yaml", "istio-filter.yaml", "gateway.yaml"] {
        assert_eq!(problems(&format!("good-{name}"), &base(name)), (0, Vec::new()), "{name}");
    }
}

/// One mistake: the file, what is changed (to what), and what is found: how bad, at which path, in which words, and which
/// remedy is named.
struct Mistake(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ERROR: &str = "error";
const WARNING: &str = "warning";
const PLUGIN: &str = "plugin.yaml";
const ENVOY: &str = "envoy.yaml";
const ISTIO: &str = "istio.yaml";
const PATCH: &str = "istio-filter.yaml";
const GATEWAY: &str = "gateway.yaml";

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // The plugin configuration.
    Mistake(PLUGIN, "entity_id: https://app", "entityid: https://app", ERROR, "tenants[0].saml.entityid", "did you mean `entity_id`?", "did you mean `entity_id`?"),
    Mistake(PLUGIN, "keys:\n  - {id: k1, secret: {env: VESTIBULE_KEY}}\n", "", ERROR, "keys", "list at least one key", "list at least one key: {id: k1, secret: {env:"),
    Mistake(PLUGIN, "secret: {env: VESTIBULE_KEY}", "secret: {value: \"0123456789abcdefghijklmnopqrstuvwxyz\"}", WARNING, "keys[0].secret.value", "config_dump", "name an environment variable instead: {env:"),
    Mistake(PLUGIN, "secret: {env: VESTIBULE_KEY}", "secret: {value: short}", ERROR, "keys[0].secret", "vestibule keys new", "make one with enough randomness: vestibule keys"),
    Mistake(PLUGIN, "name: example", "name: Example Ltd", ERROR, "tenants[0].name", "a-z, 0-9", "use a-z, 0-9 and -, at most 48"),
    Mistake(PLUGIN, "public_url: https://app.example.com", "public_url: http://app.example.com", ERROR, "tenants[0].public_url", "use https", "use https"),
    Mistake(PLUGIN, "public_url: https://app.example.com", "public_url: https://app.example.com:443", ERROR, "tenants[0].public_url", "default port", "leave it out: browsers do, and the two would"),
    Mistake(PLUGIN, "public_url: https://app.example.com", "public_url: https://app.example.com\n    hosts: [other.example.com]", ERROR, "tenants[0]", "add it to `hosts`", "add it to `hosts`: the answer of the identity"),
    Mistake(PLUGIN, "public_path: /scim/v2/entra", "public_path: /", ERROR, "scim.public_path", "the root itself is not possible", "begin with / and use letters, digits, - . _ ~"),
    Mistake(PLUGIN, "sha256: \"00000", "sha256: \"xyz00", ERROR, "scim.tokens[0].sha256", "vestibule token hash", "make it with `vestibule token hash`"),
    Mistake(PLUGIN, "{name: entra, sha256:", "{name: entra, expires: \"2026-01-01T00:00:00Z\", sha256:", WARNING, "", "has expired", "make a new one (vestibule token new), list it"),
    Mistake(PLUGIN, "{name: entra, sha256:", "{name: entra, expires: tomorrow, sha256:", ERROR, "scim.tokens[0].expires", "with a zone", "write it with a zone, such as"),
    Mistake(PLUGIN, "{name: entra, sha256:", "{name: entra, tenant_id: 99999999-2222-3333-4444-555555555555, sha256:", ERROR, "tenants[0]", "one pair", "the two are one pair: write"),
    Mistake(PLUGIN, "credential: {bearer: {env: APP_SCIM_TOKEN}}", "credential: {}", ERROR, "scim.application.credential", "choose one", "choose one"),
    Mistake(PLUGIN, "        cluster: app\n", "", ERROR, "scim.application.cluster", "name the Envoy cluster", "name the Envoy cluster of the application's"),
    Mistake(PLUGIN, "      application:\n", "      mode: normalize\n      application:\n", ERROR, "scim.mode", "normalise", "write one of observe, normalise, strict"),
    Mistake(PLUGIN, "      application:\n", "      rules_off: [P99]\n      application:\n", ERROR, "scim.rules_off[0]", "did you mean", "did you mean P9?"),
    Mistake(PLUGIN, "      application:\n", "      max_body_bytes: 1\n      application:\n", ERROR, "scim.max_body_bytes", "in that range", "write one in that range"),
    Mistake(PLUGIN, "      application:\n", "      mode: observe\n      abilities: {patch: put}\n      application:\n", WARNING, "scim", "abilities do nothing", "they take effect with mode: normalise or strict"),
    Mistake(PLUGIN, "/11111111-2222-3333-4444-555555555555/saml2", "/11111111-2222-3333-4444-555555555555/saml2#x", ERROR, "identity_provider.sso_url", "beginning with https://", "write the whole address, beginning with https://"),
    Mistake(PLUGIN, "https://sts.windows.net/11111111-2222-3333-4444-555555555555/", "https://sts.windows.net/{tenant}/", ERROR, "identity_provider.entity_id", "your tenant id", "write the identifier with your tenant id"),
    Mistake(PLUGIN, "certificates: [\"MII", "certificates: [\"AAA", ERROR, "identity_provider.certificates[0]", "paste all of it", "download the signing certificate (Base64) again"),
    Mistake(PLUGIN, "certificates: [", "certificates: [EXPIRED, ", WARNING, "identity_provider.certificates[0]", "has expired (2021-01-01", "remove it once the identity provider signs with"),
    Mistake(PLUGIN, "      identity_provider:\n", "      accept: [sha1-signature]\n      identity_provider:\n", WARNING, "saml.accept[0]", "SHA-1", "mend it at the identity provider, and take the"),
    Mistake(PLUGIN, "      identity_provider:\n", "      accept: [rsa-1024]\n      identity_provider:\n", WARNING, "saml.accept[0]", "can break", "mend it at the identity provider, and take the"),
    Mistake(PLUGIN, "      identity_provider:\n", "      allow_unsolicited: true\n      identity_provider:\n", WARNING, "saml.allow_unsolicited", "bounce", "set the Sign-on URL at the identity provider,"),
    Mistake(PLUGIN, "      identity_provider:\n", "      entra: {tenant_id: contoso.com}\n      identity_provider:\n", ERROR, "saml.entra.tenant_id", "not a domain", "write the Tenant ID, not a domain: issuers and"),
    Mistake(PLUGIN, "      identity_provider:\n", "      clock_skew_seconds: 3600\n      identity_provider:\n", ERROR, "saml.clock_skew_seconds", "0 to 300", "write one in that range"),
    Mistake(PLUGIN, "      identity_provider:\n", "      acs_path: /scim/v2/acs\n      identity_provider:\n", ERROR, "tenants[0]", "another path", "give one of them another path"),
    Mistake(PLUGIN, "      identity_provider:\n", "      request: {authn_context: [\"urn:oasis:names:tc:SAML:2.0:ac:classes:Password\"]}\n      identity_provider:\n", WARNING, "saml.request.authn_context", "AADSTS75011", "leave it out, and demand the way of signing in"),
    Mistake(PLUGIN, "value: \"{name_id}\"", "value: \"{nameid}\"", ERROR, "access.identity_headers[0].value", "name_id", "write {name_id}, {authn_context} or {claim:NAME}"),
    Mistake(PLUGIN, "{name: x-user,", "{name: content-length,", ERROR, "access.identity_headers[0].name", "no header that HTTP itself needs", "use letters, digits, - and _, and no header"),
    Mistake(PLUGIN, "{prefix: /public}", "{prefix: /}", WARNING, "access.rules", "can never decide", "put the narrower rule before the wider one"),
    Mistake(PLUGIN, "{prefix: /admin}, access: signed_in", "{prefix: /admin}, access: public", ERROR, "access.rules[1].require", "access: signed_in", "write access: signed_in, or remove `require`"),
    Mistake(PLUGIN, "{prefix: /admin}", "{prefix: /admin/../x}", ERROR, "access.rules[1].path.prefix", "normal form", "begin with /, decode percent-escapes, and leave"),
    Mistake(PLUGIN, "access: public", "access: open", ERROR, "access.rules[0].access", "signed_in", "write one of public, optional, signed_in, deny"),
    Mistake(PLUGIN, "tenants:\n", "tenants: [\n", ERROR, "", "mend the syntax", "mend the syntax there"),
    // Envoy's own.
    Mistake(ENVOY, "                        failure_policy: FAIL_RELOAD", "                        failure_policy: FAIL_OPEN", WARNING, "typed_config.config.failure_policy", "FAIL_RELOAD", "write failure_policy: FAIL_RELOAD"),
    Mistake(ENVOY, "                        failure_policy: FAIL_RELOAD", "                        fail_open: true", WARNING, "typed_config.config.fail_open", "unseen", "write failure_policy: FAIL_RELOAD instead"),
    Mistake(ENVOY, "                          vm_id: vestibule\n", "", WARNING, "vm_config", "vm_id: vestibule", "write vm_id: vestibule, and keep it over"),
    Mistake(ENVOY, "envoy.wasm.runtime.v8", "envoy.wasm.runtime.null", WARNING, "vm_config.runtime", "envoy.wasm.runtime.v8", "write runtime: envoy.wasm.runtime.v8"),
    Mistake(ENVOY, "runtime: envoy.wasm.runtime.v8", "allow_precompiled: true", WARNING, "vm_config.allow_precompiled", "leave it out", "leave it out"),
    Mistake(ENVOY, "code: {local: {filename: vestibule.wasm}}", "code: {remote: {http_uri: {uri: http://x/vestibule.wasm}}}", ERROR, "vm_config.code.remote", "SHA-256", "write the SHA-256 of the module"),
    Mistake(ENVOY, "code: {local: {filename: vestibule.wasm}}", "code: {local: {}}", ERROR, "vm_config", "filename: vestibule.wasm", "write code: {local: {filename: vestibule.wasm}}"),
    Mistake(ENVOY, "                        allow_on_headers_stop_iteration: true\n", "", ERROR, "typed_config.config", "allow_on_headers_stop_iteration: true", "write allow_on_headers_stop_iteration: true"),
    Mistake(ENVOY, "                        allow_on_headers_stop_iteration: true\n", "                        allow_on_headers_stop_iteration: false\n", ERROR, "allow_on_headers_stop_iteration", "answered 500", "write allow_on_headers_stop_iteration: true"),
    Mistake(ENVOY, "host_env_keys: [VESTIBULE_KEY, APP_SCIM_TOKEN,", "host_env_keys: [VESTIBULE_KEY,", ERROR, "application.credential.bearer.env", "APP_SCIM_TOKEN", "add APP_SCIM_TOKEN to"),
    Mistake(ENVOY, "{host_env_keys: [VESTIBULE_KEY, ", "{key_values: {VESTIBULE_KEY: x}, host_env_keys: [", WARNING, "key_values.VESTIBULE_KEY", "config_dump", "set the variable for the Envoy process and list"),
    Mistake(ENVOY, "google.protobuf.StringValue", "google.protobuf.BytesValue", ERROR, "configuration", "StringValue", "write \"@type\":"),
    Mistake(ENVOY, "                        configuration:\n", "                        configuratoin:\n", ERROR, "typed_config.config", "has no `configuration`", "add configuration: {\"@type\":"),
    Mistake(ENVOY, "sha256: \"000", "sha265: \"000", ERROR, "tenants[0].scim.tokens[0].sha265", "did you mean `sha256`?", "did you mean `sha256`?"),
    Mistake(ENVOY, "      per_connection_buffer_limit_bytes: 2097152\n", "", WARNING, "static_resources.listeners[0]", "per_connection_buffer_limit_bytes: 2097152", "write per_connection_buffer_limit_bytes:"),
    Mistake(ENVOY, "per_connection_buffer_limit_bytes: 2097152", "per_connection_buffer_limit_bytes: 65536", ERROR, "per_connection_buffer_limit_bytes", "2000000", "write per_connection_buffer_limit_bytes: 2000000"),
    Mistake(ENVOY, "                                scim:\n", "                                scim:\n                                  max_body_bytes: 4000000\n", ERROR, "per_connection_buffer_limit_bytes", "8000000", "write per_connection_buffer_limit_bytes: 8000000"),
    Mistake(ENVOY, "keys: {cluster: microsoft}", "keys: {cluster: mircosoft}", ERROR, "entra_token.keys.cluster", "name one of app, published, microsoft", "add it under static_resources.clusters, or name"),
    Mistake(ENVOY, "                                    cluster: app\n", "                                    cluster: application\n", ERROR, "scim.application.cluster", "static_resources.clusters", "add it under static_resources.clusters, or name"),
    Mistake(ENVOY, "trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}\n", "\n", ERROR, "clusters[2]", "no trusted_ca", "give the cluster a transport_socket"),
    Mistake(ENVOY, "match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: login.microsoftonline.com}}]", "", ERROR, "clusters[2]", "certificate of any server", "give the cluster a transport_socket"),
    Mistake(ENVOY, "          sni: login.microsoftonline.com\n", "", ERROR, "clusters[2]", "no sni", "give the cluster a transport_socket"),
    Mistake(ENVOY, "              trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}\n", "              trusted_ca: {filename: x}\n              trust_chain_verification: ACCEPT_UNTRUSTED\n", ERROR, "clusters[2]", "ACCEPT_UNTRUSTED", "give the cluster a transport_socket"),
    Mistake(ENVOY, "          auto_sni_san_validation: true\n", "", ERROR, "clusters[3]", "the introspection of tokens", "give the cluster a transport_socket"),
    Mistake(ENVOY, "validation_context: {system_root_certs: {}}", "validation_context: {}", ERROR, "clusters[3]", "no trusted_ca", "give the cluster a transport_socket"),
    Mistake(ENVOY, "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n          sni: store", "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer\n          sni: store", ERROR, "clusters[4]", "not TLS", "give the cluster a transport_socket"),
    Mistake(ENVOY, "address: 10.0.0.7, port_value: 8443}}}}]}]\n      transport_socket:", "address: 127.0.0.1, port_value: 8443}}}}]}]\n      x:", WARNING, "clusters[4]", "fine for a trial on this machine", "fine for a trial on this machine; before it is"),
    Mistake(ENVOY, "pinned: {certificates: [", "trust: tls #", ERROR, "clusters[1]", "has no TLS", "give the cluster a transport_socket"),
    Mistake(ENVOY, "        - transport_socket:\n            name: envoy.transport_sockets.tls\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", "        - x:\n            typed_config:\n              \"@type\": x", WARNING, "filter_chains[0]", "DownstreamTlsContext", "add a transport_socket with"),
    Mistake(ENVOY, "        - transport_socket:\n            name: envoy.transport_sockets.tls\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Down", "        - filter_chain_match: {server_names: [app.example.com]}\n          transport_socket:\n            name: envoy.transport_sockets.tls\n            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Down", ERROR, "filter_chains[0].filter_chain_match", "the listener has no tls_inspector", "add listener_filters: [{name: tls_inspector,"),
    Mistake(ENVOY, "      filter_chains:\n        - transport_socket:\n", "      listener_filters: [{name: a, typed_config: {\"@type\": x/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]\n      filter_chains:\n        - filter_chain_match: {server_names: [app.example.com]}\n          transport_socket:\n", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "                                public_url: https://app.example.com\n", "                                public_url: https://app.example.com\n                                sni: [app.example.com]\n", ERROR, "tenants[0].sni", "answered 421", "add listener_filters: [{name: tls_inspector,"),
    Mistake(ENVOY, "trusted_ca: {filename: /etc/app-ca.pem}\n", "\n", ERROR, "clusters[0]", "no trusted_ca", "give its UpstreamTlsContext sni, and a"),
    Mistake(ENVOY, "match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: app.internal}}]", "", ERROR, "clusters[0]", "decides who stays signed in", "give its UpstreamTlsContext sni, and a"),
    Mistake(ENVOY, "          sni: app.internal\n", "", ERROR, "clusters[0]", "no sni", "give its UpstreamTlsContext sni, and a"),
    Mistake(ENVOY, "              trusted_ca: {filename: /etc/app-ca.pem}\n", "              trusted_ca: {filename: x}\n              trust_chain_verification: ACCEPT_UNTRUSTED\n", ERROR, "clusters[0]", "ACCEPT_UNTRUSTED", "give its UpstreamTlsContext sni, and a"),
    Mistake(ENVOY, "address: app.internal, port_value: 8443}}}}]}]\n      transport_socket:", "address: app.example.com, port_value: 8443}}}}]}]\n      x:", WARNING, "clusters[0]", "without TLS", "give the cluster a transport_socket"),
    Mistake(ENVOY, "address: app.internal, port_value: 8443}}}}]}]\n      transport_socket:", "address: 127.0.0.1, port_value: 8080}}}}]}]\n      x:", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "TLSv1_2", "TLSv1_0", WARNING, "tls_minimum_protocol_version", "TLSv1_2", "write tls_minimum_protocol_version: TLSv1_2"),
    Mistake(ENVOY, "certificate_chain: {filename: tls.crt}", "certificate_chain: {inline_string: EXPIRED}", WARNING, "certificate_chain", "renew it", "renew it"),
    Mistake(ENVOY, "address: 127.0.0.1, port_value: 9901", "address: 0.0.0.0, port_value: 9901", WARNING, "admin.address.socket_address", "127.0.0.1", "write address: 127.0.0.1"),
    Mistake(ENVOY, "                          route: {cluster: app}\n                        - match: {prefix: /}", "                          route: {cluster: app}\n                          typed_per_filter_config: {vestibule: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}\n                        - match: {prefix: /}", WARNING, "routes[1].typed_per_filter_config.vestibule", "access: public", "take it away, and write a rule with access:"),
    Mistake(ENVOY, "                    - name: app\n                      domains", "                    - name: app\n                      typed_per_filter_config: {vestibule: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}\n                      domains", ERROR, "routes[0]", "SCIM server past the filter", "put the filter in front of this route, or lead"),
    Mistake(ENVOY, "                  - name: vestibule\n                    typed_config:", "                  - name: vestibule\n                    disabled: true\n                    typed_config:", ERROR, "http_filters[0]", "take `disabled: true` away", "take `disabled: true` away"),
    Mistake(ENVOY, "match: {path_separated_prefix: /scim/v2}\n                          route: {cluster: app}", "match: {path_separated_prefix: /scim/v2}\n                          route: {cluster: oauth}", WARNING, "routes[0]", "name the same cluster", "name the same cluster in both places"),
    Mistake(ENVOY, "                        - match: {prefix: /}\n", "                        - match: {prefix: /api/}\n", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "match: {path_separated_prefix: /scim/v2}\n                          route: {cluster: app}", "match: {path_separated_prefix: /users-api}\n                          route: {cluster: app, prefix_rewrite: /scim/v2}", WARNING, "routes[0]", "`/users-api` to the application's SCIM server", "rewrite only below application.path, or write a"),
    Mistake(ENVOY, "match: {path: /status}", "match: {path: /status, headers: [{name: X-User, present_match: true}]}", WARNING, "match.headers[0]", "match on host and path only", "match on host and path only"),
    Mistake(ENVOY, "match: {path: /status}", "match: {path: /status, headers: [{name: cookie, present_match: true}]}", WARNING, "match.headers[0]", "which the filter sets or removes", "match on host and path only"),
    Mistake(ENVOY, "match: {path: /status}", "match: {path: /status, headers: [{name: x_user, present_match: true}]}", WARNING, "match.headers[0]", "which the filter sets or removes", "match on host and path only"),
    Mistake(ENVOY, "match: {path: /status}", "match: {path: /status, headers: [{name: x-original-url, present_match: true}]}", WARNING, "match.headers[0]", "which the filter sets or removes", "match on host and path only"),
    Mistake(ENVOY, "match: {path: /status}", "match: {path: /status, headers: [{name: accept, present_match: true}]}", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "                        - name: status\n", "                        - name: status\n                          request_headers_to_add: [{header: {key: X-User, value: admin}}]\n", WARNING, "request_headers_to_add[0]", "leave it to the filter", "leave it to the filter"),
    Mistake(ENVOY, "domains: [\"app.example.com\", ", "domains: [\"apps.example.com\", ", WARNING, "route_config", "no virtual host takes `app.example.com`", "add it to `domains` of a virtual host, or write"),
    Mistake(ENVOY, "domains: [\"app.example.com\", ", "domains: [\"app.example.com:8080\", ", WARNING, "route_config", "no virtual host takes `app.example.com`", "add it to `domains` of a virtual host, or write"),
    Mistake(ENVOY, "                          route: {cluster: app}\n                http_filters:\n", "                          route: {cluster: app}\n                    - {name: rest, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: published}}]}\n                http_filters:\n", WARNING, "route_config", "leads `app.example.com:1` elsewhere", "write strip_any_host_port: true"),
    Mistake(ENVOY, "                          route: {cluster: app}\n                http_filters:\n", "                          route: {cluster: app}\n                    - {name: rest, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: published}}]}\n                  ignore_port_in_host_matching: true\n                http_filters:\n", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "                          route: {cluster: app}\n                http_filters:\n", "                          route: {cluster: app}\n                    - {name: rest, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: published}}]}\n                strip_any_host_port: true\n                http_filters:\n", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "[{upgrade_type: websocket}]", "[{upgrade_type: websocket, filters: [{name: router, typed_config: {\"@type\": x/envoy.extensions.filters.http.router.v3.Router}}]}]", WARNING, "upgrade_configs[0]", "past every rule", "leave `filters` out, so that those of the"),
    Mistake(ENVOY, "                  - name: vestibule\n", "                  - name: r\n                    typed_config: {\"@type\": x/envoy.extensions.filters.http.router.v3.Router}\n                  - name: vestibule\n", ERROR, "http_filters[0]", "before envoy.filters.http.router", "put Vestibule before envoy.filters.http.router"),
    Mistake(ENVOY, "                  - name: vestibule\n", "                  - name: other\n                    typed_config: {\"@type\": x/envoy.extensions.filters.http.wasm.v3.Wasm, config: {name: other, vm_config: {vm_id: other, code: {local: {filename: other.wasm}}}}}\n                  - name: vestibule\n", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "extensions.filters.http.wasm.v3.Wasm", "extensions.filters.http.lua.v3.Lua", ERROR, "", "has the filter in it", "name the file that has it; the filter is"),
    Mistake(ENVOY, "                            keys:\n", "                            host: {stop_iteration: false}\n                            keys:\n", ERROR, "filter_chains[0].filters[0].typed_config.http_filters[0]", "leave host.stop_iteration out", "add envoy.filters.http.buffer behind this"),
    Mistake(ENVOY, "use_remote_address: true\n", "use_remote_address: true\n                use_remote_address: false\n", ERROR, "", "stands twice", "mend the syntax there"),
    Mistake(ENVOY, "match: {path: /status}\n                          route: {cluster: app}", "match: {path: /status}\n                          route: {weighted_clusters: {clusters: [{name: app, weight: 1}, {name: app, weight: 1, typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}}]}}", WARNING, "weighted_clusters.clusters[1].typed_per_filter_config", "disabled on the route `status`", "take it away, and write a rule"),
    Mistake(ENVOY, "match: {path: /status}\n                          route: {cluster: app}", "match: {path: /status}\n                          route: {weighted_clusters: {clusters: [{name: app, weight: 1}, {name: assets, weight: 1, typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}}]}}", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "match: {path: /status}\n                          route: {cluster: app}", "match: {path: /status}\n                          typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}\n                          route: {weighted_clusters: {clusters: [{name: app, weight: 1, typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, config: {}}}}]}}", WARNING, "", "NOTHING", ""),
    Mistake(ENVOY, "match: {path_separated_prefix: /scim/v2}\n                          route: {cluster: app}", "match: {path_separated_prefix: /scim/v2}\n                          route: {weighted_clusters: {clusters: [{name: app, weight: 1, typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}}]}}", ERROR, "routes[0]", "SCIM server past the filter", "put the filter in front of this route"),
    Mistake(ENVOY, "match: {path: /status}\n                          route: {cluster: app}", "match: {path: /status}\n                          route: {weighted_clusters: {clusters: [{name: app, weight: 1, request_headers_to_add: [{header: {key: X-User, value: admin}}]}]}}", WARNING, "clusters[0].request_headers_to_add[0]", "leave it to the filter", "leave it to the filter"),
    Mistake(ENVOY, "    - name: store\n", "    - name: store\n      transport_socket_matches: [{name: plain, match: {plain: true}, transport_socket: {name: raw, typed_config: {\"@type\": x/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}]\n", ERROR, "clusters[4]", "transport_socket_matches whose transport_socket is not TLS", "give the cluster a transport_socket"),
    Mistake(ENVOY, "    - name: store\n", "    - name: store\n      transport_socket_matches: [{name: other, match: {a: b}, transport_socket: {name: tls, typed_config: {\"@type\": x/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: store.example.com, common_tls_context: {validation_context: {match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: store.example.com}}]}}}}}]\n", ERROR, "clusters[4]", "no trusted_ca", "give the cluster a transport_socket"),
    Mistake(ENVOY, "    - name: store\n", "    - name: store\n      transport_socket_matches: [{name: other, match: {a: b}, transport_socket: {name: tls, typed_config: {\"@type\": x/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: store.example.com, common_tls_context: {validation_context: {trusted_ca: {filename: x}, match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: store.example.com}}]}}}}}]\n", WARNING, "", "NOTHING", ""),
    // Manifests.
    Mistake(ISTIO, "  failStrategy: FAIL_RELOAD", "  failStrategy: FAIL_OPEN", WARNING, "spec.failStrategy", "FAIL_RELOAD", "write failStrategy: FAIL_RELOAD"),
    Mistake(ISTIO, "  phase: AUTHN\n", "", WARNING, "spec", "phase: AUTHN", "write phase: AUTHN"),
    Mistake(ISTIO, "  phase: AUTHN\n", "  phase: STATS\n", WARNING, "spec.phase", "phase: AUTHN", "write phase: AUTHN"),
    Mistake(ISTIO, "  sha256: 1111", "  sha265: 1111", WARNING, "spec.url", "not pinned", "write sha256: the SHA-256 of the module"),
    Mistake(ISTIO, "    host: {stop_iteration: false}\n", "", ERROR, "spec.pluginConfig", "EnvoyFilter", "use an EnvoyFilter with the whole Wasm filter"),
    Mistake(ISTIO, "valueFrom: HOST", "value: abc", WARNING, "spec.vmConfig.env[0]", "valueFrom: HOST", "write valueFrom: HOST, and set the variable for"),
    Mistake(ISTIO, "{name: VESTIBULE_KEY, valueFrom: HOST}", "{name: VESTIBULE, valueFrom: HOST}", ERROR, "keys[0].secret.env", "valueFrom: HOST", "add VESTIBULE_KEY to spec.vmConfig.env"),
    Mistake(ISTIO, "caCertificates: system, subjectAltNames: [store.example.com],", "", ERROR, "spec.trafficPolicy.tls", "subjectAltNames", "write trafficPolicy.tls: {mode: SIMPLE,"),
    Mistake(ISTIO, "mode: SIMPLE", "mode: DISABLE", ERROR, "spec.trafficPolicy.tls", "mode: SIMPLE", "write trafficPolicy.tls: {mode: SIMPLE,"),
    Mistake(ISTIO, "host: store.example.com\n", "host: other.example.com\n", WARNING, "replay_store.cluster", "not in this file", "see to it that it verifies the server: trusted"),
    Mistake(ISTIO, "      rules:", "      ruels:", ERROR, "access.ruels", "did you mean `rules`?", "did you mean `rules`?"),
    Mistake(ISTIO, "kind: WasmPlugin", "kind: WasmPlugins", ERROR, "", "no manifest in this file", "name the file that has it; the filter is"),
    Mistake(PATCH, "                allowOnHeadersStopIteration: true\n", "", ERROR, "value.config", "allow_on_headers_stop_iteration: true", "write allow_on_headers_stop_iteration: true"),
    Mistake(PATCH, "failurePolicy: FAIL_RELOAD", "failurePolicy: FAIL_OPEN", WARNING, "value.config.failure_policy", "FAIL_RELOAD", "write failure_policy: FAIL_RELOAD"),
    Mistake(PATCH, "hostEnvKeys: [VESTIBULE_KEY]", "hostEnvKeys: []", ERROR, "keys[0].secret.env", "host_env_keys", "add VESTIBULE_KEY to"),
    Mistake(PATCH, "              sni: login.microsoftonline.com\n", "", ERROR, "configPatches[1].patch.value", "no sni", "give the cluster a transport_socket"),
    Mistake(PATCH, "vmId: vestibule", "vmId: \"\"", WARNING, "vm_config", "vm_id: vestibule", "write vm_id: vestibule, and keep it over"),
    Mistake(GATEWAY, "failOpen: false", "failOpen: true", WARNING, "spec.wasm[0].failOpen", "leave it out", "leave it out"),
    Mistake(GATEWAY, "          sha256: 1111", "          sha265: 1111", WARNING, "code.image", "not pinned", "write sha256: the SHA-256 of the module"),
    Mistake(GATEWAY, "hostKeys: [VESTIBULE_KEY]", "hostKeys: []", ERROR, "keys[0].secret.env", "env.hostKeys", "add VESTIBULE_KEY to env.hostKeys, and set it"),
    Mistake(GATEWAY, "        host: {stop_iteration: false}\n", "", ERROR, "spec.wasm[0].config", "host.stop_iteration: false", "leave provisioning out here and write"),
    Mistake(GATEWAY, "connection: {bufferLimit: 2Mi}", "tls: {}", WARNING, "spec.wasm[0]", "connection.bufferLimit", "add a ClientTrafficPolicy with"),
    Mistake(GATEWAY, "entity_id: https://app.example.com/saml", "entity_id: \"\"", ERROR, "tenants[0].saml.entity_id", "write a value", "write a value or leave the field out"),
];

#[test]
fn every_mistake_of_the_table_is_found_with_its_place_and_its_remedy() {
    let expired: String = EXPIRED.lines().filter(|line| !line.starts_with('-')).collect();
    let mut missed = Vec::new();
    let mut found_mistakes = 0;
    for (at, Mistake(file, from, to, severity, path, says, remedy)) in MISTAKES.iter().enumerate() {
        let good = base(file);
        assert!(good.contains(from), "{file} does not have {from:?}");
        let certificate = if to.contains("inline_string") { format!("{EXPIRED:?}") } else { expired.clone() };
        let bad = good.replacen(from, &to.replace("EXPIRED", &certificate), 1);
        let (code, problems) = problems(&format!("mistake-{at}.yaml"), &bad);
        if *says == "NOTHING" {
            assert!(problems.is_empty(), "{to:?} is no mistake: {problems:#?}");
            continue;
        }
        let lines = bad.lines().count();
        let hit = problems.iter().any(|problem| {
            let text = |name: &str| problem[name].as_str().unwrap_or_default();
            let all = format!("{} {} {}", text("what"), text("why"), text("remedy"));
            let line = problem["line"].as_u64();
            text("severity") == *severity
                && matches_path(text("path"), path)
                && all.contains(says)
                && !remedy.is_empty()
                && text("remedy").starts_with(remedy)
                && line.is_none_or(|line| (1..=u64::try_from(lines).unwrap()).contains(&line))
                && (path.is_empty() || line.is_some())
        });
        let expected = i32::from(problems.iter().any(|problem| problem["severity"] == ERROR));
        if !hit || code != expected {
            missed.push(format!(
                "{file}: {to:?} ({severity} {path} {says:?} {remedy:?}, exit {code}): {problems:#?}"
            ));
        }
        found_mistakes += 1;
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(found_mistakes >= 110, "{found_mistakes} mistakes");
}

#[test]
fn a_cluster_that_sessions_are_not_checked_at_is_judged_less_harshly() {
    let without = base(ENVOY).replacen("trusted_ca: {filename: /etc/app-ca.pem}\n", "\n", 1);
    let unchecked = without.replacen(
        "access:\n",
        "access:\n                                  recheck: {enabled: false}\n",
        1,
    );
    let severity = |name: &str, text: &str| {
        let (_, found) = problems(name, text);
        let mut about = found.iter().filter(|it| it["path"].as_str().unwrap().ends_with("clusters[0]"));
        let first =
            about.next().unwrap_or_else(|| panic!("{found:#?}"))["severity"].as_str().unwrap().to_owned();
        assert!(about.next().is_none(), "said once");
        first
    };
    assert_eq!(severity("rechecked.yaml", &without), ERROR);
    assert_eq!(severity("not-rechecked.yaml", &unchecked), WARNING);
}

/// What is judged as one tenant's and reaches another's application is no matter of taste.
#[test]
fn a_port_that_leads_to_another_tenants_application_is_an_error() {
    let tenant = "- {name: other, public_url: \"https://other.example.com\", access: {rules: [{path: {prefix: /}, access: public}]}}";
    let rest =
        "- {name: rest, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: published}}]}";
    let two = base(ENVOY)
        .replacen(
            "- name: example\n",
            &format!("{tenant}\n                              - name: example\n"),
            1,
        )
        .replacen(
            "                http_filters:\n",
            &format!("                    {rest}\n                http_filters:\n"),
            1,
        );
    let (code, found) = problems("ports.yaml", &two);
    let what: Vec<_> =
        found.iter().map(|it| (it["severity"].as_str().unwrap(), it["what"].as_str().unwrap())).collect();
    assert_eq!(what, [(ERROR, "leads `app.example.com:443` elsewhere than `app.example.com`")]);
    assert_eq!(code, 1);
    let told = two.replacen(
        "domains: [\"app.example.com\",",
        "domains: [\"app.example.com\", \"app.example.com:443\",",
        1,
    );
    let (code, found) = problems("ports-told.yaml", &told);
    assert!(code == 0 && found.is_empty(), "{found:#?}");
}

/// Whether a path names the place, whichever of protobuf's spellings the file has.
fn matches_path(path: &str, wanted: &str) -> bool {
    path.contains(wanted)
}

#[test]
fn the_line_is_that_of_the_place() {
    let line_of = |text: &str, what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    let bad = base(ENVOY).replacen("public_path:", "publicpath:", 1).replacen("FAIL_RELOAD", "FAIL_OPEN", 1);
    let (_, problems) = problems("lines.yaml", &bad);
    let line = |what: &str| {
        let found = problems.iter().find(|problem| problem["path"].as_str().unwrap().ends_with(what));
        found.unwrap()["line"].as_u64().unwrap()
    };
    assert_eq!(line("failure_policy"), u64::try_from(line_of(&bad, "FAIL_OPEN")).unwrap());
    assert_eq!(line("scim.publicpath"), u64::try_from(line_of(&bad, "publicpath")).unwrap());
}

#[test]
fn the_text_names_file_line_path_reason_and_remedy() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("text.yaml");
    std::fs::write(&path, base(ENVOY).replacen("FAIL_RELOAD", "FAIL_OPEN", 1)).unwrap();
    let output = check(&[path.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("text.yaml:47: warning: static_resources.listeners[0]"), "{text}");
    assert!(text.contains("failure_policy: is FAIL_OPEN\n    why:    after a failure"), "{text}");
    assert!(text.contains("\n    remedy: write failure_policy: FAIL_RELOAD\n"), "{text}");
    assert!(text.ends_with("(Envoy configuration): good, 0 errors, 1 warning\n"), "{text}");
}

#[test]
fn exit_codes_are_0_good_1_no_2_wrong_usage() {
    let weak = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("weak.yaml");
    std::fs::write(&weak, base(ENVOY).replacen("FAIL_RELOAD", "FAIL_OPEN", 1)).unwrap();
    let bad = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bad.yaml");
    std::fs::write(&bad, base(PLUGIN).replacen("tenants", "tenant", 1)).unwrap();
    let (weak, bad) = (weak.to_str().unwrap(), bad.to_str().unwrap());
    let code = |arguments: &[&str]| check(arguments).status.code().unwrap();
    assert_eq!(code(&[weak]), 0);
    assert_eq!(code(&["--strict", weak]), 1);
    assert_eq!(code(&[bad]), 1);
    assert_eq!(code(&[weak, bad]), 1);
    assert_eq!(code(&["no-such-file.yaml"]), 2);
    assert_eq!(code(&[]), 2);
    assert_eq!(code(&["--no-such-flag", weak]), 2);
}

#[test]
fn a_struct_is_read_as_a_string_is() {
    let text = base(ENVOY);
    let (head, rest) =
        text.split_once("google.protobuf.StringValue\n                          value: |\n").unwrap();
    let made = format!("{head}google.protobuf.Struct\n                          value:\n{rest}");
    assert_eq!(problems("struct.yaml", &made), (0, Vec::new()));
    let (_, found) = problems("struct-bad.yaml", &made.replacen("public_path", "publicpath", 1));
    assert!(found[0]["path"].as_str().unwrap().starts_with("tenants[0].scim.public"), "{found:#?}");
    let json = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("struct.yaml");
    assert!(json.exists());
}

#[test]
fn every_filter_of_a_file_is_judged() {
    let text = base(ENVOY);
    let at = text.find("    - name: https\n").unwrap();
    let end = text.find("  clusters:\n").unwrap();
    let second = text[at..end].replacen("https", "second", 1).replacen("8443", "8444", 1).replacen(
        "FAIL_RELOAD",
        "FAIL_OPEN",
        1,
    );
    let made = format!("{}{second}{}", &text[..end], &text[end..]);
    let (code, found) = problems("two.yaml", &made);
    assert_eq!((code, found.len()), (0, 1), "{found:#?}");
    assert!(found[0]["path"].as_str().unwrap().contains("listeners[1]"));
    let other_keys = made.replacen("{id: k1,", "{id: k2,", 1);
    let (_, found) = problems("two-keys.yaml", &other_keys);
    assert!(found.iter().any(|it| it["what"].as_str().unwrap().contains("other keys")), "{found:#?}");
}

#[test]
fn a_listener_without_the_filter_is_a_way_past_it() {
    let text = base(ENVOY);
    let plain = "    - name: plain\n      address: {socket_address: {address: 0.0.0.0, port_value: 8080}}\n      filter_chains:\n        - filters:\n            - name: hcm\n              typed_config:\n                \"@type\": x/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n                route_config: {virtual_hosts: [{name: a, domains: [\"*\"], routes: [ROUTE]}]}\n  clusters:\n";
    let with = |route: &str| {
        problems("past.yaml", &text.replacen("  clusters:\n", &plain.replace("ROUTE", route), 1))
    };
    let (code, found) = with("{match: {prefix: /}, route: {cluster: app}}");
    assert_eq!(code, 1);
    assert!(found[0]["what"].as_str().unwrap().contains("SCIM server past the filter"), "{found:#?}");
    let (code, found) = with("{match: {prefix: /static/}, route: {cluster: app}}");
    assert_eq!(code, 0);
    assert!(found[0]["what"].as_str().unwrap().contains("not among the http_filters"), "{found:#?}");
    assert_eq!(with("{match: {prefix: /}, redirect: {https_redirect: true}}"), (0, Vec::new()));
}

#[test]
fn a_route_without_the_filter_is_warned_about_unless_it_leads_to_another_server() {
    let off = "typed_per_filter_config: {vestibule: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}";
    let with = |action: &str| {
        let first = "                        - match: {path_separated_prefix: /scim/v2}\n";
        let route =
            format!("                        - {{match: {{prefix: /assets}}, {action}, {off}}}\n{first}");
        problems("assets.yaml", &base(ENVOY).replacen(first, &route, 1))
    };
    assert_eq!(with("route: {cluster: assets}"), (0, Vec::new()));
    for past in [
        "route: {cluster: app}",
        "route: {cluster_header: x-cluster}",
        "route: {weighted_clusters: {clusters: [{name: assets, weight: 1}, {name: app, weight: 1}]}}",
    ] {
        let (_, found) = with(past);
        assert!(
            found.iter().any(|it| it["what"].as_str().unwrap().contains("disabled on the route")),
            "{past}"
        );
    }
}

#[test]
fn a_shared_vm_id_and_a_missing_buffer_filter_are_found() {
    let other = "                  - name: other\n                    typed_config: {\"@type\": x/envoy.extensions.filters.http.wasm.v3.Wasm, config: {name: other, vm_config: {vm_id: x1, code: {local: {filename: other.wasm}}}}}\n                  - name: vestibule\n";
    let made = base(ENVOY).replacen("                  - name: vestibule\n", other, 1).replacen(
        "vm_id: vestibule",
        "vm_id: x1",
        1,
    );
    let (_, found) = problems("shared.yaml", &made);
    assert!(found[0]["what"].as_str().unwrap().contains("also the vm_id of another filter"), "{found:#?}");
    let made = base(ENVOY)
        .replacen("allow_on_headers_stop_iteration: true", "allow_on_headers_stop_iteration: false", 1)
        .replacen(
            "                            keys:\n",
            "                            host: {stop_iteration: false}\n                            keys:\n",
            1,
        );
    let (_, found) = problems("buffer.yaml", &made);
    assert!(found.iter().any(|it| it["what"].as_str().unwrap().contains("no buffer filter")), "{found:#?}");
}

#[test]
fn a_capability_that_the_filter_needs_and_that_is_not_allowed_is_found() {
    let whole = std::fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    let lines: Vec<&str> = whole
        .lines()
        .filter(|line| line.starts_with("                            ") && line.ends_with(": {}"))
        .collect();
    assert!(lines.len() > 30, "{} capabilities", lines.len());
    for line in lines {
        let name = line.trim().trim_end_matches(": {}");
        let (code, found) = problems("capability.yaml", &whole.replacen(&format!("{line}\n"), "", 1));
        let told = found.iter().find(|it| it["what"].as_str().unwrap().ends_with(name)).expect(name);
        assert!(told["path"].as_str().unwrap().ends_with("allowed_capabilities"), "{told}");
        assert_eq!(code == 1, told["severity"] == ERROR, "{name}");
        if name.starts_with("proxy_on_request_") {
            assert!(told["why"].as_str().unwrap().contains("unseen"), "{told}");
        }
    }
    let given = "                        vm_config:\n";
    let newer = format!(
        "{given}                          capability_restriction_config: {{allowed_capabilities: {{proxy_log: {{}}}}}}\n"
    );
    let (code, found) = problems("capability.yaml", &whole.replacen(given, &newer, 1));
    assert_eq!((code, found.len()), (1, 3), "{found:#?}");
    let empty = newer.replace("proxy_log: {}", "");
    assert_eq!(problems("capability.yaml", &whole.replacen(given, &empty, 1)), (0, Vec::new()));
}

#[test]
fn a_config_map_is_looked_into() {
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let map = |text: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: envoy}}\ndata:\n  envoy.yaml: |\n{}",
            indented(text)
        )
    };
    assert_eq!(problems("map.yaml", &map(&base(ENVOY))), (0, Vec::new()));
    let bad = map(&base(ENVOY).replacen("FAIL_RELOAD", "FAIL_OPEN", 1));
    let (_, found) = problems("map-bad.yaml", &bad);
    let line = bad.lines().position(|line| line.contains("FAIL_OPEN")).unwrap() + 1;
    assert_eq!(found[0]["line"].as_u64(), u64::try_from(line).ok(), "{found:#?}");
}

/// Every configuration that is shipped: those of `envoy/` and `examples/`, and the blocks of README and docs.
#[test]
fn nothing_is_found_in_any_shipped_configuration() {
    let mut files = Vec::new();
    for folder in ["envoy", "examples"] {
        collect(&root().join(folder), &mut files);
    }
    let mut checked = 0;
    for path in files {
        if path.extension().is_none_or(|ext| ext != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("tenants:") {
            continue;
        }
        // With a key for each variable that holds one, so that keys are looked at, too.
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        let output = command
            .args(["check", "--strict"])
            .arg(&path)
            .env("SAML_DECRYPTION_KEY", include_str!("vectors/idp.key"))
            .env("ASSERTION_KEY", include_str!("vectors/rfc6979-p256.key.pem"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        checked += 1;
    }
    assert!(checked >= 13, "{checked} files");
    let mut blocks = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (at, block) in text.split("```yaml\n").skip(1).enumerate() {
            let block = block.split("```").next().unwrap();
            if !block.contains("tenants:") || !block.contains("keys:") {
                continue;
            }
            let name = format!("block-{}-{at}.yaml", page.file_stem().unwrap().to_str().unwrap());
            assert_eq!(problems(&name, &filled(block)), (0, Vec::new()), "{} block {at}", page.display());
            blocks += 1;
        }
    }
    assert!(blocks >= 1);
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    pages.extend(
        docs.map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "md")),
    );
    pages
}

/// What a reader of a page puts in the place of its gaps.
fn filled(block: &str) -> String {
    let certificate: String =
        include_str!("vectors/idp.crt").lines().filter(|line| !line.starts_with('-')).collect();
    block
        .replace("<tenant id>", "11111111-2222-3333-4444-555555555555")
        .replace("MIIC…", &certificate)
        .replace("sha256: \"…\"", &format!("sha256: \"{}\"", "0".repeat(64)))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn certificates_in_metadata_that_stands_in_the_configuration_are_looked_at_too() {
    let good = base(PLUGIN);
    let expired: String = EXPIRED.lines().filter(|line| !line.starts_with('-')).collect();
    let text = format!(
        "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='https://sts.windows.net/11111111-2222-3333-4444-555555555555/'>\
         <IDPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'><KeyDescriptor use='signing'>\
         <KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'><X509Data><X509Certificate>{expired}</X509Certificate></X509Data></KeyInfo>\
         </KeyDescriptor><SingleSignOnService Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect' Location='https://idp.example/sso'/>\
         </IDPSSODescriptor></EntityDescriptor>"
    );
    let bad: String = good
        .lines()
        .filter(|line| !line.contains("sso_url:"))
        .map(|line| {
            let place = line.len() - line.trim_start().len();
            let is_certificates = line.trim_start().starts_with("certificates: [\"MII");
            let metadata = format!("{}metadata: {{text: \"{text}\"}}\n", " ".repeat(place));
            if is_certificates { metadata } else { format!("{line}\n") }
        })
        .collect();
    let (code, problems) = problems("metadata-text.yaml", &bad);
    let found =
        problems.iter().find(|problem| problem["what"].as_str().unwrap().contains("has expired (2021-01-01"));
    let found = found.unwrap_or_else(|| panic!("{problems:#?}"));
    assert!(matches_path(found["path"].as_str().unwrap(), "identity_provider.metadata.text"), "{found}");
    assert_eq!((code, &found["severity"]), (0, &serde_json::Value::from(WARNING)));
}
