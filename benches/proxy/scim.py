"""Provisioning: bodies that are rewritten, beside a filter that only parses and prints them; and what a token costs."""

import contextlib
import hashlib
import json

from .servers import Proxy, Upstream, bootstrap, direct, ours, settings, wasm

from harness.authorities import TENANT, Key, entra_claims  # noqa: E402
from harness.scim_app import SCIM_HEADERS, patch  # noqa: E402
from harness.tls import self_signed  # noqa: E402

from . import load
from .report import Row, Section
from .rounds import Rounds

ENTRA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USERS = 100
WATCHED = [("patch", "patch_json"), ("plain_patch", "plain_patch_json"), ("list", "list_json"), ("get_jwt", "get_static")]
# As Entra's provisioning service sends it without a feature flag: verbs with capitals, booleans as text, values in paths.
PATCH = patch(
    {"op": "Replace", "path": "displayName", "value": "Ada Lovelace"},
    {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@n.example"},
    {"op": "Replace", "path": "name.givenName", "value": "Ada"},
    {"op": "Replace", "path": "active", "value": "True"},
    {"op": "Add", "path": f"{ENTRA}:department", "value": "Analytical Engines"},
    {"op": "Add", "path": f"{ENTRA}:manager", "value": "0b1c2d3e-0000-4000-8000-000000000001"},
)


# The same without what says who somebody is, or whether they may come in: no request of our own goes before it.
PLAIN_PATCH = patch(
    {"op": "Replace", "path": "displayName", "value": "Ada Lovelace"},
    {"op": "Replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+44 20 0000"},
    {"op": "Replace", "path": "name.givenName", "value": "Ada"},
    {"op": "Replace", "path": 'roles[primary eq "True"].display', "value": "Countess"},
    {"op": "Add", "path": f"{ENTRA}:department", "value": "Analytical Engines"},
    {"op": "Add", "path": f"{ENTRA}:manager", "value": "0b1c2d3e-0000-4000-8000-000000000001"},
)


def person(at: int) -> dict:
    """A user as an application without much care answers: schemas missing, `active` as text, types of its own."""
    return {
        "id": f"0b1c2d3e-0000-4000-8000-{at:012}",
        "userName": f"user-{at:04}@n.example",
        "externalId": f"object-of-user-{at:04}",
        "displayName": f"Somebody {at:04}",
        "name": {"givenName": "Somebody", "familyName": f"{at:04}", "formatted": f"Somebody {at:04}"},
        "emails": [{"value": f"user-{at:04}@n.example", "type": "work", "primary": "True"}],
        "phoneNumbers": [{"value": "+44 20 0000 0000", "type": "work"}],
        "active": "True",
        "title": "Engineer",
        "meta": {"resourceType": "User", "created": "2026-01-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z"},
    }


def _answers() -> list[dict]:
    """What the application answers, by path."""
    headers = dict(SCIM_HEADERS)
    one = person(1) | {"schemas": [USER]}
    base = settings.APP_SCIM
    return [
        direct(f"{base}/Users/", 200, json.dumps(one), headers),
        direct(f"{base}/Users", 200, json.dumps(everybody()), headers),
        direct(f"/{TENANT}/", 200, "KEYS", {"content-type": "application/json"}),
    ]


def configuration(run) -> dict:
    """The filter's, with a static token and Entra's own."""
    made = settings.settings(self_signed(run.place, "idp")["certificate"])
    scim = made["tenants"][0]["scim"]
    scim["max_body_bytes"] = 1_000_000
    scim["tokens"] = [{"name": "static", "sha256": hashlib.sha256(settings.TOKEN.encode()).hexdigest()}]
    scim["authentication"] = {"entra_token": {"tenant_id": TENANT, "keys": {"cluster": "keys"}}}
    return made


# What `host.mjs` plays to a filter without configuration.
AT_APPLICATION = {"expected": 0}


def _exchange(name: str, method: str, path: str, answer: dict, sent: str | None) -> dict:
    received = json.dumps(answer)
    headers = [(":authority", "localhost"), (":path", settings.SCIM + path), (":method", method), (":scheme", "http")]
    headers += [("authorization", f"Bearer {settings.TOKEN}"), ("accept", "application/scim+json"), ("accept-encoding", "gzip")]
    headers += [("x-forwarded-proto", "http"), ("x-request-id", "6f1f1a0c-0000-4000-8000-000000000000")]
    headers += [settings.SCIM_JSON, ("content-length", str(len(sent)))] if sent else []
    response = [(":status", "200"), *SCIM_HEADERS, ("content-length", str(len(received))), ("server", "envoy")]
    made = {"name": name, "requests": [headers], "response": response, "received": received, "expected": 0}
    return made | ({"sent": sent} if sent else {}) | ({"warm": 200} if len(received) > 10_000 else {})


def patch_exchange() -> dict:
    """The PATCH for `host.mjs`."""
    return _exchange("patch", "PATCH", "/Users/u-1", person(1) | {"schemas": [USER]}, PATCH.decode())


def plain_patch_exchange() -> dict:
    """The PATCH that no request of our own goes before."""
    return _exchange("plain_patch", "PATCH", "/Users/u-1", person(1) | {"schemas": [USER]}, PLAIN_PATCH.decode())


def list_exchange() -> dict:
    """The list of 100 for `host.mjs`."""
    return _exchange("list", "GET", "/Users?startIndex=1&count=100", everybody(), None)


def everybody() -> dict:
    """The list that the application answers."""
    return {"totalResults": USERS, "itemsPerPage": USERS, "startIndex": 1, "Resources": [person(at) for at in range(USERS)]}


@contextlib.contextmanager
def proxies(run):
    """The Envoys, and the token of Entra's own that is a JWT."""
    key, made = Key("k"), configuration(run)
    routes = _answers()
    published = json.dumps({"keys": [key.jwk()]})
    routes[-1]["direct_response"]["body"]["inline_string"] = published
    variants = {
        "plain": [],
        "json": [wasm(run.json, "json")],
        "ours": [ours(run.wasm, made, "ours")],
    }
    with Upstream(run.envoy, routes) as upstream:
        clusters = dict.fromkeys(("app", "scim_app", "keys"), upstream.plain_port)
        with Proxy(run.envoy, variants, clusters, [bootstrap.route("/", "app")], load.PROXY_CORE) as proxy:
            yield proxy, key.sign(entra_claims())


def measure(run) -> list[Section]:
    """See the module."""
    with proxies(run) as (proxy, token):

        def repeated(listener, method, path, bearer=settings.TOKEN, body=None):
            base = settings.SCIM if listener == "ours" else settings.APP_SCIM
            headers = [("authorization", f"Bearer {bearer}"), ("accept", "application/scim+json"), ("accept-encoding", "gzip")]
            headers += [settings.SCIM_JSON] if body else []
            file = load.Requests(run.place, [load.raw(method, base + path, "localhost", headers, body)])
            return lambda: proxy.load(listener, file, run.connections)

        one, all_users = "/Users/u-1", "/Users?startIndex=1&count=100"
        variants = {
            "patch_plain": repeated("plain", "PATCH", one, body=PATCH),
            "patch_json": repeated("json", "PATCH", one, body=PATCH),
            "patch": repeated("ours", "PATCH", one, body=PATCH),
            "plain_patch_json": repeated("json", "PATCH", one, body=PLAIN_PATCH),
            "plain_patch": repeated("ours", "PATCH", one, body=PLAIN_PATCH),
            "list_plain": repeated("plain", "GET", all_users),
            "list_json": repeated("json", "GET", all_users),
            "list": repeated("ours", "GET", all_users),
            "get_plain": repeated("plain", "GET", one),
            "get_plain_jwt": repeated("plain", "GET", one, token),
            "get_json": repeated("json", "GET", one),
            "get_static": repeated("ours", "GET", one),
            "get_jwt": repeated("ours", "GET", one, token),
        }
        rounds = Rounds(variants, WATCHED, run.say).run(run.half_width, run.rounds, run.seconds)
    lengths = f"{len(settings.TOKEN)} octets, a JWT {len(token)}"
    size = len(routes_body())
    names = {
        "patch_plain": ("PATCH, no filter", "patch_json"),
        "patch_json": ("PATCH, Wasm filter that parses and prints", "patch_json"),
        "patch": ("PATCH, Vestibule", "patch_json"),
        "plain_patch_json": ("PATCH that is about nobody's access, Wasm filter that parses and prints", "plain_patch_json"),
        "plain_patch": ("PATCH that is about nobody's access, Vestibule", "plain_patch_json"),
        "list_plain": ("list of 100, no filter", "list_json"),
        "list_json": ("list of 100, Wasm filter that parses and prints", "list_json"),
        "list": ("list of 100, Vestibule", "list_json"),
        "get_plain": ("GET of a user, no filter, static token", "get_plain"),
        "get_plain_jwt": ("the same, a JWT, which nobody reads", "get_plain"),
        "get_json": ("GET of a user, Wasm filter that parses and prints", "get_json"),
        "get_static": ("GET of a user, Vestibule, static token", "get_json"),
        "get_jwt": ("the same, Entra's own JWT (verified before)", "get_static"),
    }
    rows = [
        Row(
            title,
            {
                "of the one to compare with": rounds.ratio(name, other),
                "the same, by processor": rounds.ratio(name, other, "processor_rate"),
                "requests/s": rounds.of(name),
                "processor µs": rounds.of(name, "processor_microseconds"),
            },
        )
        for name, (title, other) in names.items()
    ]
    facts = (
        f"PATCH of {len(PATCH)} octets with six operations as Entra sends them, answered by a user of {len(json.dumps(person(1)))}"
        f" octets; a list of {size:,} octets with 100 users, all of which want repair; a static token has {lengths}; {run.connections} connections, HTTP/1.1"
    )
    figures = {
        "patch_vs_json_wasm": ("patch", "patch_json"),
        "plain_patch_vs_json_wasm": ("plain_patch", "plain_patch_json"),
        "list100_vs_json_wasm": ("list", "list_json"),
        "jwt_scim_vs_static": ("get_jwt", "get_static"),
        "jwt_header_vs_static_plain": ("get_plain_jwt", "get_plain"),
        "get_vs_json_wasm": ("get_static", "get_json"),
        "patch_vs_plain": ("patch", "patch_plain"),
        "list100_vs_plain": ("list", "list_plain"),
    }
    return [Section("Provisioning", facts, rows).ratios(rounds, figures)]


def routes_body() -> str:
    """The list that the application answers."""
    return _answers()[1]["direct_response"]["body"]["inline_string"]
