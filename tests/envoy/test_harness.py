"""The harness itself, with an Envoy that has no filter: what the other tests see is what was sent."""

import pytest
from harness.browser import Browser
from harness.upstream import CUT, RESET


@pytest.fixture(scope="module")
def envoy(start):
    with start(wasm=None) as running:
        yield running


@pytest.mark.quick
@pytest.mark.core
def test_the_application_sees_every_header_and_the_exact_body(envoy, app):
    with envoy.h1() as client:
        reply = client.request("POST", "/a?b=c", [("X_Odd", "1"), ("x-odd", "2"), ("x-odd", "3")], b"body")
    seen = app.only()
    assert reply.status == 200 and reply.json() == {"ok": True}
    assert (seen.method, seen.path, seen.body) == ("POST", "/a?b=c", b"body")
    assert seen.all("x-odd") == ["2", "3"] and seen.all("x_odd") == ["1"]


def test_the_application_refuses_what_is_chunked(envoy, app):
    with envoy.h1() as client:
        client.send_head("POST", "/", [("transfer-encoding", "chunked")])
        client.send_chunks(b"abc")
        assert client.reply("POST").status == 411
    assert app.only().chunked


def test_trailers_pass_from_h2_to_h2(envoy, h2_app):
    with envoy.h2() as client:
        reply = client.request("POST", "/h2/x", body=b"abc", trailers=[("x-last", "1")])
    assert reply.status == 200
    assert (h2_app.requests[0].body, h2_app.requests[0].trailers) == (b"abc", [("x-last", "1")])


def test_octets_beyond_ascii_pass_in_headers(envoy, app):
    with envoy.h1() as client:
        assert client.request("GET", "/", [("x-bad", "\xff\xfe")]).status == 200
    assert app.only().get("x-bad") == "\xff\xfe"


def test_h1_and_h2_over_tls(envoy, app):
    from harness.client import H2

    assert Browser(envoy).get("/").status == 200
    with H2(envoy.tls_port, tls=True) as client:
        assert client.request("GET", "/").status == 200
    assert [request.get("host") for request in app.wait_for(2)] == ["localhost:8443", "localhost"]


def test_a_websocket_echoes(envoy, app):
    with envoy.h1() as client:
        client.send_head("GET", "/", [("connection", "upgrade"), ("upgrade", "websocket")])
        assert client.reply().status == 101
        client.send(b"ping")
        assert client.stream.read(9) == b"echo:ping"


def test_an_application_that_resets_gives_503(envoy, app):
    app.handler = lambda request: RESET
    with envoy.h1() as client:
        assert client.request("GET", "/").status == 503


def test_an_answer_that_breaks_off_is_seen_to_break_off(envoy, app):
    app.handler = lambda request: CUT
    with envoy.h1() as client:
        assert client.request("GET", "/").cut


def test_an_expectation_is_answered_before_the_body_is_sent(envoy, app):
    with envoy.h1() as client:
        client.send_head("POST", "/", [("content-length", "3"), ("expect", "100-continue")])
        assert client.stream.readline().startswith(b"HTTP/1.1 100")
        client.stream.readline()
        client.send(b"abc")
        assert client.reply("POST").status == 200
    assert app.only().body == b"abc"
