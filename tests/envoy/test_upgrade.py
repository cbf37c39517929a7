"""A websocket passes where the person may pass, is refused where not, and is never held back."""

import pytest
from harness.client import H1
from harness.sign_in import sign_in

pytestmark = pytest.mark.modes("held", "early")

UPGRADE = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("origin", "https://localhost:8443"),
]


def echoes(envoy, path, headers=()):
    with H1(envoy.tls_port, tls=True, host="localhost:8443") as client:
        client.send_head("GET", path, [*UPGRADE, *headers])
        assert client.reply().status == 101
        for turn in range(3):
            client.send(b"ping%d" % turn)
            assert client.stream.read(10) == b"echo:ping%d" % turn


@pytest.mark.core
@pytest.mark.modes("held")
def test_a_websocket_on_a_public_route_passes(envoy, app):
    echoes(envoy, "/public/socket")
    assert "x-user" not in app.only().names()


@pytest.mark.core
@pytest.mark.modes("held")
def test_a_websocket_with_a_session_passes_with_the_identity(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    echoes(envoy, "/private/socket", [("cookie", cookie), ("x-user", "forged")])
    assert app.only().get("x-user") == "ada@n.example"


@pytest.mark.core
def test_a_websocket_without_a_session_is_refused(envoy, app):
    with H1(envoy.tls_port, tls=True, host="localhost:8443") as client:
        client.send_head("GET", "/private/socket", UPGRADE)
        assert client.reply().status == 401
    assert not app.requests


@pytest.mark.modes("held")
def test_a_websocket_to_the_scim_application_is_refused_and_does_not_hang(envoy, scim_app):
    from harness import settings

    with envoy.h1(seconds=5) as client:
        client.send_head("GET", settings.SCIM + "/Users", [settings.BEARER, *UPGRADE])
        assert 400 <= client.reply().status < 500
    assert not scim_app.requests
