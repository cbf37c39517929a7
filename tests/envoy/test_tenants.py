"""Which tenant a request is for, where Envoy has a say: the TLS handshake, the route, the peer's address."""

import copy
import hashlib
import os
import ssl
import time
from pathlib import Path

import pytest
from harness import bootstrap, settings
from harness.browser import Browser
from harness.client import H1, H2
from harness.idp import form

pytestmark = pytest.mark.modes("held", "early")

KEYS = [{"id": "k1", "secret": {"env": "VESTIBULE_KEY"}}]


def tenant(name, **chosen):
    """A tenant that lets everybody through and says so: without provisioning and sign-on."""
    access = {
        "identity_headers": [{"name": "x-user", "value": "{name_id}"}],
        "rules": [{"path": {"prefix": "/"}, "access": "public"}],
    }
    return {"name": name, "public_url": "https://localhost:8443", "access": access, **chosen}


def served(envoy, authority, path="/x", sni=None, headers=(), h2=False):
    """Status and error code of a request."""
    kind = H2 if h2 else H1
    with Handshake(sni), kind(envoy.tls_port if sni else envoy.plain_port, tls=bool(sni), host=authority) as client:
        reply = client.request("GET", path, list(headers))
    return reply.status, reply.body


class Handshake:
    """Lets the harness ask for this name in the TLS handshake."""

    def __init__(self, sni):
        self.sni, self.wrap = sni, ssl.SSLContext.wrap_socket

    def __enter__(self):
        sni, wrap = self.sni, self.wrap
        if sni:
            ssl.SSLContext.wrap_socket = lambda context, plain, server_hostname=None: wrap(context, plain, server_hostname=sni)

    def __exit__(self, *_):
        ssl.SSLContext.wrap_socket = self.wrap


@pytest.fixture(scope="module")
def by_host(start):
    tenants = [
        tenant("one", public_url="https://one.test", hosts=["one.test"]),
        tenant("two", public_url="https://two.test", hosts=["two.test"]),
    ]
    with start({"keys": KEYS, "tenants": tenants}, tls_inspector=True) as running:
        yield running


@pytest.mark.core
@pytest.mark.parametrize("h2", [False, True])
def test_a_handshake_for_one_tenant_and_a_host_of_another_get_421(by_host, app, h2):
    assert served(by_host, "one.test", sni="one.test", h2=h2)[0] == 200
    assert served(by_host, "two.test", sni="two.test", h2=h2)[0] == 200
    app.clear()
    for sni, authority in (("one.test", "two.test"), ("two.test", "one.test")):
        status, body = served(by_host, authority, sni=sni, h2=h2)
        assert status == 421 and b'"misdirected"' in body
    assert not app.requests


@pytest.mark.core
def test_a_port_behind_the_host_leads_to_no_other_tenants_application(start, app, scim_app):
    """Envoy compares `domains` with the port: what is judged as one's must not arrive at the other's."""
    configuration = {"keys": KEYS, "tenants": [tenant(name, public_url=f"https://{name}.test") for name in ("one", "two")]}
    leads = {"one.test": "app", "*": "scim_app"}
    hosts = [{"name": to, "domains": [at], "routes": [bootstrap.route("/", to)]} for at, to in leads.items()]
    options = {"route_config": {"name": "split", "virtual_hosts": hosts}}
    with start(configuration, options=options) as envoy:
        assert served(envoy, "one.test")[0] == 200 and len(app.requests) == 1
        for port in (1, 80, 8443):
            assert served(envoy, f"one.test:{port}")[0] == 421, port
        assert not scim_app.requests
        assert served(envoy, "one.test:443")[0] == 200 and len(scim_app.requests) == 1, "`vestibule check` finds this"
    with start(configuration, options=options | {"strip_any_host_port": True}) as envoy:
        for port in (1, 443):
            assert served(envoy, f"one.test:{port}")[0] == 200
        assert len(app.requests) == 3 and len(scim_app.requests) == 1


def test_a_name_in_the_handshake_that_is_no_tenants_says_nothing(by_host, app):
    assert served(by_host, "one.test", sni="edge.test")[0] == 200


def test_the_name_in_the_handshake_chooses_the_tenant_of_a_shared_host(start, app):
    tenants = [
        tenant("one", public_url="https://one.test", hosts=["inner.test"], sni=["one.test"]),
        tenant("two", public_url="https://two.test", hosts=["inner.test"], sni=["two.test"]),
    ]
    tenants[1]["access"]["rules"] = [{"path": {"prefix": "/elsewhere"}, "access": "public"}]
    with start({"keys": KEYS, "tenants": tenants}, tls_inspector=True) as envoy:
        assert served(envoy, "inner.test", sni="one.test")[0] == 200
        assert served(envoy, "inner.test", sni="two.test")[0] == 403
        assert served(envoy, "inner.test", sni="three.test")[0] == 421
        assert served(envoy, "inner.test")[0] == 421


@pytest.mark.core
def test_the_metadata_of_the_route_chooses_and_a_header_that_moves_the_request_is_refused(start, app):
    tenants = [tenant("one", hosts=["localhost"], route_metadata="first"), tenant("two", hosts=["localhost"], route_metadata="second")]
    tenants[1]["access"]["rules"] = [{"path": {"prefix": "/elsewhere"}, "access": "public"}]

    def route(prefix, value, **more):
        made = bootstrap.route(prefix, "app", **more)
        made["metadata"] = {"filter_metadata": {"vestibule": {"tenant": value}}}
        return made

    forged = {"name": "x-user", "present_match": True}
    routes = [
        route("/second", "first", headers=[forged]),
        route("/first", "first"),
        route("/second", "second"),
        route("/third", "third"),
        bootstrap.route("/", "app"),
    ]
    with start({"keys": KEYS, "tenants": tenants}, routes=routes) as envoy:
        assert served(envoy, "localhost", "/first/x")[0] == 200
        assert served(envoy, "localhost", "/second/x")[0] == 403
        app.clear()
        for path in ("/third/x", "/fourth/x"):
            status, body = served(envoy, "localhost", path)
            assert status == 404 and b'"unknown_tenant"' in body
        # The header chooses the first tenant's route; without it, which is how it would go on, the second's is chosen.
        assert served(envoy, "localhost", "/second/x", headers=[("x-user", "forged")])[0] == 400
        cookie = ("cookie", "__Host-vestibule-s.one=1.planted")
        assert served(envoy, "localhost", "/first/x", headers=[cookie])[0] == 400
        assert not app.requests


def by_header(networks):
    tenants = [tenant("one", hosts=["localhost"], header="first"), tenant("two", hosts=["localhost"], header="second")]
    tenants[1]["access"]["rules"] = [{"path": {"prefix": "/elsewhere"}, "access": "public"}]
    return {"keys": KEYS, "tenant_selection": {"header": {"name": "x-tenant", "from": networks}}, "tenants": tenants}


@pytest.mark.core
def test_a_header_chooses_the_tenant_where_a_trusted_peer_sends_it(start, app):
    with start(by_header(["127.0.0.0/8"])) as envoy:
        assert served(envoy, "localhost", headers=[("x-tenant", "first")])[0] == 200
        assert served(envoy, "localhost", headers=[("x-tenant", "second")])[0] == 403
        assert served(envoy, "localhost", headers=[("x-tenant", "third")])[0] == 404
        assert served(envoy, "localhost")[0] == 404


def test_from_anybody_else_the_header_is_taken_away_and_ignored(start, app):
    with start(by_header(["192.0.2.0/24"])) as envoy:
        assert served(envoy, "localhost", headers=[("x-tenant", "first")])[0] == 404
        # An address that Envoy takes from a header is no peer.
        forwarded = [("x-tenant", "first"), ("x-forwarded-for", "192.0.2.7")]
        assert served(envoy, "localhost", headers=forwarded)[0] == 404
        assert not app.requests


def test_an_address_out_of_a_header_is_no_peer_where_envoy_believes_it(start, app):
    with start(by_header(["192.0.2.0/24"]), use_remote_address=False) as envoy:
        forwarded = [("x-tenant", "first"), ("x-forwarded-for", "192.0.2.7")]
        assert served(envoy, "localhost", headers=forwarded)[0] == 404
        assert not app.requests


def below(base, name):
    """The tenant of most tests, below a path prefix."""
    made = copy.deepcopy(base["tenants"][0])
    token = hashlib.sha256(f"token-{name}".encode()).hexdigest()
    made |= {"name": name, "path_prefix": f"/{name}", "hosts": ["localhost"]}
    made["scim"] |= {"public_path": f"/{name}/scim", "tokens": [{"name": "entra", "sha256": token}]}
    made["saml"] |= {"acs_path": f"/{name}/.vestibule/saml/acs"}
    made["access"]["rules"] = [{"path": {"prefix": "/"}, "access": "signed_in"}]
    return made


@pytest.mark.core
@pytest.mark.modes("held")
def test_two_tenants_below_prefixes_of_one_host_have_sessions_of_their_own(start, base, app, idp):
    configuration = {**base, "tenants": [below(base, "one"), below(base, "two")]}
    with start(configuration) as envoy:
        browser = Browser(envoy)
        for name, other in (("one", "two"), ("two", "one")):
            acs = f"https://localhost:8443/{name}/.vestibule/saml/acs"
            from harness.idp import AuthnRequest
            from harness.browser import query_of

            reply = browser.get(f"/{name}/page")
            assert reply.status == 302
            query = query_of(reply.get("location"))
            request = AuthnRequest(query["SAMLRequest"])
            assert request.acs == acs
            answer = idp.response(request.id, "ada@n.example", recipient=acs, metadata=idp_metadata(acs))
            fields = form(answer, query["RelayState"])
            # At the other's consumer it is nobody's.
            assert browser.post_form(f"/{other}/.vestibule/saml/acs", fields, origin="https://idp.test").status == 403
            reply = browser.post_form(f"/{name}/.vestibule/saml/acs", fields, origin="https://idp.test")
            assert reply.status == 303 and reply.get("location") == f"https://localhost:8443/{name}/page"
            assert browser.fetch(f"/{name}/x").status == 200
            assert browser.fetch(f"/{name.upper()}/x").status == 400
        for name, other in (("one", "two"), ("two", "one")):
            bearer = [("authorization", f"Bearer token-{name}")]
            with envoy.h1() as client:
                assert client.request("GET", f"/{other}/scim/Users/1", bearer).status == 401


def idp_metadata(acs):
    from harness.idp import SP_METADATA

    return SP_METADATA.format(entity=settings.ENTITY, acs=acs)


COUNT = 1000


def many(base, count):
    """So many tenants, each with provisioning, sign-on and rules of its own."""
    made = []
    for at in range(count):
        one = copy.deepcopy(base["tenants"][0])
        one |= {"name": f"t{at}", "public_url": f"https://t{at}.test", "hosts": [f"t{at}.test"]}
        one["scim"]["tokens"] = [{"name": "entra", "sha256": hashlib.sha256(f"token {at}".encode()).hexdigest()}]
        one["saml"]["entity_id"] = f"https://t{at}.test/saml"
        made.append(one)
    return {**base, "tenants": made}


def per_request(envoy, count):
    """Microseconds a request takes, best of a few rounds, over hosts in turn."""
    best = None
    for _ in range(5):
        with envoy.h1() as client:
            began = time.perf_counter()
            for at in range(300):
                reply = client.request("GET", "/public/x", [("host", f"t{at * 7 % count}.test")])
                assert reply.status == 200
            took = (time.perf_counter() - began) / 300 * 1e6
        best = took if best is None else min(best, took)
    return best


@pytest.mark.alone
def test_a_thousand_tenants_start_soon_take_little_memory_and_cost_a_request_nothing(start, base, app):
    figures = {}
    for count in (1, COUNT):
        with start(many(base, count)) as envoy:
            figures[count] = (envoy.seconds_to_ready, envoy.resident_kilobytes() / 1024, per_request(envoy, count))
    (first, small, quick), (ready, memory, each) = figures[1], figures[COUNT]
    line = (
        f"{COUNT} tenants: ready in {ready:.2f} s (one tenant: {first:.2f} s), resident {memory:.0f} MB "
        f"({small:.0f} MB), {each:.0f} µs a request ({quick:.0f} µs)"
    )
    print(line)
    if path := os.environ.get("VESTIBULE_RECORD"):
        with Path(path).open("a") as record:
            record.write(line + "\n")
    assert ready < 25
    assert memory - small < 250
    assert each < quick * 2.5
