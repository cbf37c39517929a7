"""Who gets where: default deny, kinds of route, hosts and paths that are no clear word."""

import pytest
from harness import settings
from harness.browser import NAVIGATION, Browser, query_of
from harness.idp import AuthnRequest
from harness.sign_in import sign_in

pytestmark = pytest.mark.modes("held", "early")


@pytest.mark.quick
@pytest.mark.core
def test_a_path_without_a_policy_is_refused(envoy, app):
    assert Browser(envoy).fetch("/nowhere").status == 403
    assert not app.requests


@pytest.mark.core
def test_a_path_without_a_policy_is_refused_to_the_signed_in_too(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/nowhere").status == 403
    assert not app.requests


@pytest.mark.core
def test_a_script_without_a_session_gets_401_and_is_told_why(envoy, app):
    reply = Browser(envoy).fetch("/private/x")
    assert reply.status == 401 and reply.json()["error"] == "sign_in_required"
    assert not app.requests


def test_a_post_without_a_session_is_not_sent_away_to_sign_in(envoy, app):
    assert Browser(envoy).request("POST", "/private/x", NAVIGATION, b"a=1").status == 401
    assert not app.requests


@pytest.mark.quick
@pytest.mark.core
def test_a_navigation_without_a_session_goes_to_the_provider(envoy, app):
    browser = Browser(envoy)
    reply = browser.get("/private/x?y=z")
    assert reply.status == 302 and not app.requests
    query = query_of(reply.get("location"))
    request = AuthnRequest(query["SAMLRequest"])
    assert (request.acs, request.issuer) == (settings.ACS, settings.ENTITY)
    assert len(query["RelayState"].encode()) <= 80
    (name,) = browser.cookies
    assert name.startswith("__Host-")
    attributes = {part.strip().lower() for part in browser.attributes[name].split(";")}
    assert {"secure", "httponly", "path=/", "samesite=none"} <= attributes


def test_a_missing_claim_is_a_refusal(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/admin/x").status == 403
    assert not app.requests


def test_another_value_of_the_claim_is_a_refusal(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example", claims={"roles": ["admins", "Admin", "user"]})
    app.clear()
    assert browser.fetch("/admin/x").status == 403
    assert not app.requests


def test_the_required_claim_opens(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example", claims={"roles": ["user", "admin"]})
    app.clear()
    assert browser.fetch("/admin/x").status == 200
    assert app.only().get("x-user") == "ada@n.example"


@pytest.mark.core
@pytest.mark.parametrize("host", ["other.test", "localhost.evil.test", "evil.localhost", "127.0.0.1"])
def test_an_unknown_host_is_misdirected(envoy, app, host):
    with envoy.h1(host=host) as client:
        assert client.request("GET", "/public/x").status == 421
    assert not app.requests


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost:8443", "localhost:1"])
def test_case_and_port_of_a_known_host_do_not_matter(envoy, app, host):
    with envoy.h1(host=host) as client:
        assert client.request("GET", "/public/x").status == 200


AMBIGUOUS = [
    "/public/../private/x",
    "/public/..",
    "/public/./x",
    "/public//x",
    "//public/x",
    "/public/%2e%2e/private/x",
    "/public/%2E%2E/private/x",
    "/public/..%2fprivate",
    "/public%2fx",
    "/public%5cx",
    "/public\\..\\private",
    "/public;a=b/x",
    "/public/%00",
    "/public/%0d%0a",
    "/public/%7f",
    "/app-scim/../public/x",
]


@pytest.mark.core
@pytest.mark.parametrize("path", AMBIGUOUS)
def test_an_ambiguous_path_is_refused(envoy, app, scim_app, path):
    with envoy.h1() as client:
        assert client.request("GET", path).status == 400
    assert not app.requests and not scim_app.requests


def test_a_prefix_ends_where_a_segment_ends(envoy, app):
    with envoy.h1() as client:
        assert client.request("GET", "/publicity").status == 403
        assert client.request("GET", "/public").status == 200
        assert client.request("GET", "/public?x=../y//z;%2f").status == 200
    assert [request.path for request in app.requests] == ["/public", "/public?x=../y//z;%2f"]


@pytest.mark.core
def test_a_head_request_is_answered_without_a_body(envoy, app):
    with envoy.h1() as client:
        reply = client.request("HEAD", "/public/x")
        assert (reply.status, reply.body) == (200, b"")
        assert client.request("HEAD", "/private/x").status == 401
        assert client.request("GET", "/public/x").status == 200
    assert [request.method for request in app.requests] == ["HEAD", "GET"]


@pytest.mark.core
def test_a_large_upload_and_download_pass_a_public_route_whole(envoy, app):
    from harness.upstream import Answer

    large = bytes(range(256)) * 12_000
    app.handler = lambda request: Answer(200, large, [("content-type", "application/octet-stream")])
    with envoy.h1() as client:
        reply = client.request("POST", "/public/x", [], large)
    assert reply.status == 200 and reply.body == large
    assert app.only().body == large and app.only().get("content-length") == str(len(large))


@pytest.mark.core
@pytest.mark.modes("held")
def test_the_application_scim_prefix_is_closed(envoy, app, scim_app, idp):
    browser = sign_in(envoy, idp, "ada@n.example", claims={"roles": ["admin"]})
    app.clear()
    for path in (
        "/app-scim/v2/Users",
        "/app-scim/v2",
        "/app-scim/v2/",
        "/app-scim/v2/Users?a=b",
        "/%61pp-scim/v2/Users",
    ):
        for headers in ([], [settings.BEARER], [("authorization", f"Bearer {settings.APP_TOKEN}")]):
            reply = browser.fetch(path, headers=headers)
            assert reply.status in (400, 403, 404), (path, headers, reply.status)
    assert not scim_app.requests and not app.requests


@pytest.mark.parametrize(("opens", "status"), [({}, 403), ({"opens_scim": False}, 403), ({"opens_scim": True}, 200)])
@pytest.mark.modes("held")
def test_the_application_scim_prefix_opens_only_where_a_rule_says_so_in_so_many_words(
    start, base, scim_app, opens, status
):
    rules = [{"path": {"prefix": "/app-scim"}, "access": "public"} | opens]
    with start(settings.changed(base, "tenants.0.access.rules", rules)) as envoy, envoy.h1() as client:
        assert client.request("GET", "/app-scim/v2/Schemas").status == status
    assert len(scim_app.requests) == (status == 200)
