"""The Envoys of a run: one with a listener for each variant, all on one worker, and one that answers in the application's place."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "envoy"))

from harness import bootstrap, settings  # noqa: E402
from harness.bootstrap import HTTP, typed  # noqa: E402
from harness.envoy import Envoy  # noqa: E402

from . import load  # noqa: E402

AUTHORITY = "localhost:8443"
KILOBYTE = "x" * 1024
LIMIT = 4 << 20


class Proxy(Envoy):
    """An Envoy of one worker, bound to one core, with a listener for each entry of `variants`: name to filters."""

    def __init__(self, binary: str, variants: dict[str, list[dict]], clusters: dict[str, int], routes, core, **more):
        super().__init__(binary, clusters=clusters, routes=routes, tls={}, environment=more.pop("environment", None), **more)
        listeners = [
            bootstrap.listener(name, routes, filters, None, LIMIT) for name, filters in ({"plain": [], "tls": []} | variants).items()
        ]
        self.bootstrap["static_resources"]["listeners"] = listeners
        for listener in listeners:
            # As most run it: a proxy at the edge that believes no forwarding header.
            manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
            manager["stat_prefix"] = "bench"
        self.core = core

    def __enter__(self):
        super().__enter__()
        load.pin(self.process.pid, self.core)
        return self

    def load(self, variant: str, requests, connections: int = 16, seconds: int = 1):
        """One variant under load."""
        return load.load(self.ports[variant], self.process.pid, requests, connections, seconds)

    def once(self, variant: str, requests, connections: int, status: int):
        """Each request once."""
        return load.once(self.ports[variant], self.process.pid, requests, connections, status)


def direct(path: str, status: int, body: str, headers: dict[str, str]) -> dict:
    """A route that answers by itself; `path` is a prefix."""
    added = [{"header": {"key": name, "value": value}} for name, value in headers.items()]
    return {
        "match": {"prefix": path},
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [
            {**one, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for one in added
        ],
    }


class Upstream(Envoy):
    """Answers in the application's place: Envoy's `direct_response`, on the core that makes the load."""

    def __init__(self, binary: str, routes: list[dict]):
        super().__init__(binary, clusters={}, routes=routes, tls={}, environment={})
        buffer = {
            "name": "envoy.filters.http.buffer",
            "typed_config": typed(f"{HTTP}.buffer.v3.Buffer", max_request_bytes=LIMIT),
        }
        # With the buffer filter it answers when it has the whole body, as an application does.
        made = [bootstrap.listener(name, routes, [buffer], None, LIMIT) for name in ("plain", "tls")]
        for one in made:
            manager = one["filter_chains"][0]["filters"][0]["typed_config"]
            manager["route_config"]["max_direct_response_body_size_bytes"] = LIMIT
        self.bootstrap["static_resources"]["listeners"] = made

    def __enter__(self):
        super().__enter__()
        load.pin(self.process.pid, load.LOAD_CORE)
        return self


def application(path: str = "/") -> dict:
    """A page of one kilobyte."""
    return direct(path, 200, KILOBYTE, {"content-type": "text/html"})


def wasm(path: str, vm_id: str, configuration: str = "") -> dict:
    """Another Wasm filter than ours."""
    config = {
        "name": vm_id,
        "root_id": vm_id,
        "vm_config": {
            "vm_id": vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": path}},
        },
        "configuration": typed("google.protobuf.StringValue", value=configuration),
        "allow_on_headers_stop_iteration": True,
    }
    return {"name": vm_id, "typed_config": typed(f"{HTTP}.wasm.v3.Wasm", config=config)}


def ours(path: str, configuration: dict, vm_id: str) -> dict:
    """Our filter; with a `vm_id` of its own it has a VM of its own."""
    made = bootstrap.plugin(path, configuration)
    made["typed_config"]["config"]["vm_config"]["vm_id"] = vm_id
    return made


def lua() -> dict:
    """One header set by a script."""
    script = "function envoy_on_request(handle) handle:headers():replace('x-user', 'ada@n.example') end"
    source = {"inline_string": script}
    return {"name": "envoy.filters.http.lua", "typed_config": typed(f"{HTTP}.lua.v3.Lua", default_source_code=source)}


def jwt_authn(jwks: dict, issuer: str, cached: bool) -> dict:
    """Envoy's own verification of a bearer token."""
    provider = {
        "issuer": issuer,
        "local_jwks": {"inline_string": json.dumps(jwks)},
        "payload_in_metadata": "jwt",
        "claim_to_headers": [{"header_name": "x-user", "claim_name": "sub"}],
    }
    if cached:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    made = typed(
        f"{HTTP}.jwt_authn.v3.JwtAuthentication",
        providers={"p": provider},
        rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}],
    )
    return {"name": "envoy.filters.http.jwt_authn", "typed_config": made}


__all__ = ["AUTHORITY", "Envoy", "Proxy", "Upstream", "bootstrap", "settings"]
