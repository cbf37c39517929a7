"""Envoy's own configuration, made from plain data. Envoy reads JSON as YAML."""

import json

HTTP = "envoy.extensions.filters.http"
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
SECRETS = ["VESTIBULE_KEY", "APP_SCIM_TOKEN"]
failure_policy = "FAIL_RELOAD"  # what `--failure-policy` says


def typed(name: str, **fields) -> dict:
    """A message with its type, as Envoy's `Any` wants it."""
    return {"@type": f"type.googleapis.com/{name}", **fields}


def cluster(name: str, port: int, http2: bool = False) -> dict:
    """An upstream on loopback."""
    protocol = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    options = typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", explicit_http_config=protocol)
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [endpoint]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    }


def route(prefix: str, cluster: str, **more) -> dict:
    """A route by path prefix. `rewrite`, `headers`, `name`, `metadata`, `timeout` (default 3 s) may be named."""
    action = {"cluster": cluster, "timeout": more.get("timeout", "3s")}
    if "rewrite" in more:
        action["prefix_rewrite"] = more["rewrite"]
    match = {"prefix": prefix}
    if "headers" in more:
        match["headers"] = more["headers"]
    made = {"match": match, "route": action}
    if "name" in more:
        made["name"] = more["name"]
    if "metadata" in more:
        made["metadata"] = {"filter_metadata": more["metadata"]}
    return made


def plugin(wasm: str, configuration, stop_iteration: bool = True, as_struct: bool = False) -> dict:
    """The filter as an entry of `http_filters`."""
    if as_struct:
        given = typed("google.protobuf.Struct", value=configuration)
    else:
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        given = typed("google.protobuf.StringValue", value=text)
    vm = {
        "vm_id": "vestibule",
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": wasm}},
        "environment_variables": {"host_env_keys": SECRETS},
    }
    config = {
        "name": "vestibule",
        "root_id": "vestibule",
        "vm_config": vm,
        "configuration": given,
        "failure_policy": failure_policy,
        "allow_on_headers_stop_iteration": stop_iteration,
    }
    return {"name": "vestibule", "typed_config": typed(f"{HTTP}.wasm.v3.Wasm", config=config)}


def buffer(octets: int = 4_000_000) -> dict:
    """Envoy's buffer filter, which a filter that cannot hold heads needs behind it."""
    limit = typed(f"{HTTP}.buffer.v3.Buffer", max_request_bytes=octets)
    return {"name": "envoy.filters.http.buffer", "typed_config": limit}


def listener(
    name: str,
    routes: list[dict],
    filters: list[dict],
    tls: dict | None,
    buffer_limit: int | None,
    options: dict | None = None,
    use_remote_address: bool = True,
    tls_inspector: bool = False,
    access_log: str | None = None,
) -> dict:
    """A listener on a free port that speaks HTTP/1.1 and HTTP/2, with and without TLS. `options` are the manager's."""
    router = {"name": "envoy.filters.http.router", "typed_config": typed(f"{HTTP}.router.v3.Router")}
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    manager = typed(
        MANAGER,
        stat_prefix=name,
        codec_type="AUTO",
        use_remote_address=use_remote_address,
        stream_idle_timeout="20s",
        http_protocol_options={"enable_trailers": True},
        upgrade_configs=[{"upgrade_type": "websocket"}],
        route_config={"name": name, "virtual_hosts": hosts},
        http_filters=[*filters, router],
    ) | (options or {})
    if access_log:
        format_ = {"text_format_source": {"inline_string": access_log}}
        to = typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", log_format=format_)
        manager["access_log"] = [{"name": "envoy.access_loggers.stdout", "typed_config": to}]
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if tls:
        files = {"certificate_chain": {"filename": tls["certificate"]}, "private_key": {"filename": tls["key"]}}
        common = {"tls_certificates": [files], "alpn_protocols": ["h2", "http/1.1"]}
        context = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common)
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    made = {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [chain],
    }
    if tls_inspector and tls:
        inspector = typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")
        made["listener_filters"] = [{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}]
    if buffer_limit:
        made["per_connection_buffer_limit_bytes"] = buffer_limit
    return made


def bootstrap(clusters, routes, filters, tls, buffer_limit=None, options=None, **more) -> dict:
    """The whole file: the same routes behind a plain and a TLS listener."""
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "clusters": clusters,
            "listeners": [
                listener("plain", routes, filters, None, buffer_limit, options, **more),
                listener("tls", routes, filters, tls, buffer_limit, options, **more),
            ],
        },
    }
