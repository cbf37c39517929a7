"""The core of the end-to-end tests in another host: the same file, unchanged.

| here | in `tests/envoy` |
|---|---|
| `public`, `closed` | `test_access.py`, `test_identity_headers.py`, `test_path_spellings.py` |
| `session`, `replayed` | `test_sign_in.py`, `test_sign_in_refused.py`, `test_sessions.py` |
| `policy`, the policy of a route | `test_policies.py` |
| `provisioning`, `refused_provisioning` | `test_scim.py` |
| `deactivation` | `test_revocation.py` |
| `sign_out` | `test_logout.py` |
| accepted and refused configurations | `test_configuration.py` |
| bodies that are never delivered | `test_host_mismatch.py` |
| trailers | `test_routes.py`, `test_scim.py` |
"""

import json

import pytest
import scenarios
from harness import settings
from scenarios import ADA, FORGERIES, SCENARIOS, live, scim, sign_in
from wasm_host.abi import Status
from wasm_host.faults import Faults
from wasm_host.foreign import Envoys, None_, YesToEverything
from wasm_host.shared import SharedData
from world import Person, World, new_host, start

# Hosts with Envoy's functions, without any, and those to which an unknown name is an error of one kind or another.
FOREIGN = {
    "as Envoy has them": Envoys(),
    "none": None_(Status.NOT_FOUND),
    "unknown is BAD_ARGUMENT": None_(Status.BAD_ARGUMENT),
    "unknown is INTERNAL_FAILURE": None_(Status.INTERNAL_FAILURE),
    "unknown is UNIMPLEMENTED": None_(Status.UNIMPLEMENTED),
    "all valid": YesToEverything(),
}


@pytest.fixture(scope="session")
def hosts(module, base):
    """A started host of each kind, with what it was like then."""
    made = {}
    for kind, foreign in FOREIGN.items():
        host = start(module, base, foreign=foreign)
        made[kind] = (host, host.image())
    return made


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("kind", FOREIGN)
def test_core(hosts, idp, kind, scenario):
    host, image = hosts[kind]
    host.restore(image, Faults(), seed=1)
    assert live(World(host, idp), SCENARIOS[scenario]) == "whole"


def test_where_an_unknown_function_traps_none_is_called_once_the_configuration_says_so(module, base, idp):
    configuration = settings.changed(base, "host.native_crypto", "off")
    host = start(module, configuration, foreign=None_(None))
    assert live(World(host, idp), scenarios.session) == "whole"
    assert "proxy_call_foreign_function" not in host.trace


def test_only_a_host_that_knows_right_from_wrong_is_asked(hosts):
    said = {kind: [line for _, line in host.logs if line.startswith("signatures are verified")] for kind, (host, _) in hosts.items()}
    by_the_proxy = [kind for kind, lines in said.items() if lines == ["signatures are verified by the proxy"]]
    assert by_the_proxy == ["as Envoy has them"]
    assert all(len(lines) == 1 for lines in said.values())


def test_a_forged_response_is_refused_where_the_host_finds_every_signature_valid(hosts, idp):
    host, image = hosts["all valid"]
    host.restore(image, Faults(), seed=2)
    world, person = World(host, idp), Person(World(host, idp))
    query = scenarios.query_of(person.get("/private/page").get("location"))
    xml = world.signed(scenarios.AuthnRequest(query["SAMLRequest"]).id, ADA)
    forged = scenarios.form(xml.replace(b"ada@n.example", b"eve@n.example"), query["RelayState"])
    assert person.post_form(scenarios.ACS, forged, origin=scenarios.IDP_ORIGIN).status == 403
    assert not person.sessions()


@pytest.mark.parametrize("name", ["X-User", "x-uSer", "Cookie", "AUTHORIZATION"])
@pytest.mark.parametrize("path", ["/public/x", "/mixed/x", "/private/x", settings.SCIM + "/Users"])
def test_a_request_whose_header_names_the_host_did_not_fold_reaches_nobody(hosts, idp, path, name):
    # Such a host would not find by the folded name what is to be taken out.
    host, image = hosts["none"]
    host.restore(image, Faults(), seed=3)
    world = World(host, idp)
    pairs = [(":authority", "localhost:8443"), (":path", path), (":method", "GET"), (":scheme", "https"), (name, "ada@n.example")]
    pairs = [(name.encode(), value.encode()) for name, value in pairs]
    stream = world.open(pairs)
    world.send(stream, pairs, None, 1, None)
    assert world.finish(stream).status == 500
    assert not world.app.requests and not world.scim_app.requests


@pytest.mark.parametrize(
    "configuration",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"tenants": []}', b'{"nonsense": 1}', b"\0" * 100, b"[" * 100_000],
)
def test_a_wrong_configuration_is_refused_and_nothing_is_let_through(module, idp, configuration):
    host = new_host(module)
    assert not host.start(configuration)
    assert [line for level, line in host.logs if level >= 4], "nothing was said"
    for path in ("/public/x", "/private/x", settings.SCIM + "/Users"):
        assert World(host, idp).request("GET", path, [settings.BEARER]).status == 500


def test_a_wrong_configuration_after_a_right_one_lets_nothing_through(module, base, idp):
    host = start(module, base)
    assert World(host, idp).request("GET", "/public/x").status == 200
    assert not host.configure(b"{}")
    assert World(host, idp).request("GET", "/public/x").status == 500
    assert host.configure(json.dumps(base).encode())
    assert World(host, idp).request("GET", "/public/x").status == 200


def test_a_missing_secret_is_refused(module, base):
    host = new_host(module)
    host.environment = {}
    assert not host.start(json.dumps(base).encode())


@pytest.mark.parametrize(("named", "status"), [(b"open", 200), (b"closed", 401), (b"unknown", 403), (b"\xff\0", 403), (None, 403)])
def test_the_metadata_of_a_route_choose_its_policy(module, base, idp, named, status):
    access = {
        "rules": [],
        "policies": {
            "open": [{"path": {"prefix": "/"}, "access": "public"}],
            "closed": [{"path": {"prefix": "/"}, "access": "signed_in"}],
        },
    }
    made = settings.changed(base, "tenants.0.access", access)
    host = start(module, made)
    if named is not None:
        host.properties["xds", "route_metadata", "filter_metadata", "vestibule", "policy"] = named
    # The world takes only paths of this kind for public.
    assert World(host, idp).request("GET", "/public/x").status == status


def test_a_deactivation_at_one_worker_ends_the_session_at_another(module, base, idp):
    shared = SharedData()
    one, other = (World(start(module, base, shared=shared, seed=seed), idp) for seed in (1, 2))
    person = sign_in(one)
    person.envoy, other.sessions = other, one.sessions
    assert person.fetch("/private/page").status == 200
    assert scim(one, "PATCH", "/Users/u-1", scenarios.OFF).status == 200
    assert person.fetch("/private/page").status in (401, 403)


@pytest.mark.parametrize("trailers", [[], [(b"x-user", b"forged-by-the-client"), (b"te", b"x")]])
def test_trailers_end_a_message_too(module, base, idp, trailers):
    world = World(start(module, base), idp)
    body = scenarios.patch({"op": "Replace", "path": "active", "value": "True"})
    assert scim(world, "PATCH", "/Users/u-1", body, trailers=trailers, chunks=3).status == 200
    assert world.scim_app.requests[-1].json()["Operations"][0]["value"] is True
    assert world.request("POST", "/private/x", FORGERIES, b"x", trailers=trailers).status == 401


def test_a_host_that_delivers_no_body_to_held_headers_gets_a_refusal(module, base, idp):
    world = World(start(module, base, stop_iteration=False), idp)
    assert scim(world, "PATCH", "/Users/u-1", scenarios.OFF).status == 500
    assert not [request for request in world.scim_app.requests if request.method == "PATCH"]


def test_a_host_that_is_known_to_deliver_none_decides_on_headers_alone(module, base, idp):
    made = settings.changed(settings.changed(base, "host.stop_iteration", False), "tenants.0.scim", ...)
    world = World(start(module, made, stop_iteration=False), idp)
    assert world.request("POST", "/public/x", FORGERIES, b"x").status == 200
    assert world.request("POST", "/private/x", FORGERIES, b"x").status == 401


def test_what_the_module_imports_is_known_here_or_never_called(hosts):
    from wasm_host import hostcalls, wasi

    unknown = [
        name
        for where, name, _ in next(iter(hosts.values()))[0].module.imports()
        if name not in (hostcalls.SIGNATURES if where == "env" else wasi.SIGNATURES)
    ]
    made = {name for host, _ in hosts.values() for name in host.trace}
    assert not made & set(unknown), unknown


@pytest.mark.parametrize("scenario", ["session", "replayed", "policy"])
def test_core_with_pysaml2(hosts, pysaml2, scenario):
    host, image = hosts["none"]
    host.restore(image, Faults(), seed=3)
    assert live(World(host, pysaml2), SCENARIOS[scenario]) == "whole"
