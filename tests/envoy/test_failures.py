"""The application dies, hangs or breaks off: a clear 5xx, no hung stream, and the worker lives on."""

import time

import pytest
from harness import settings
from harness.client import scim_json
from harness.messages import Reply
from harness.scim_app import SCIM_HEADERS, ScriptedScim, entra, patch, user
from harness.upstream import CUT, HANG, RESET, Answer, Application

RENAME = patch({"op": "Replace", "path": "displayName", "value": "Ada"})


def ended(reply: Reply, began: float) -> None:
    assert time.monotonic() - began < 12, "the stream hung"
    assert reply.cut or 500 <= reply.status <= 599, f"{reply.status}: {reply.body[:200]!r}"


@pytest.mark.core
@pytest.mark.parametrize("way", [RESET, HANG])
def test_a_page_of_a_dying_application_is_a_5xx(envoy, app, way):
    app.handler = lambda request: way
    began = time.monotonic()
    with envoy.h1() as client:
        reply = client.request("GET", "/public/x")
    ended(reply, began)
    assert not reply.cut


def test_a_page_that_breaks_off_is_seen_to_break_off(envoy, app):
    app.handler = lambda request: CUT
    began = time.monotonic()
    with envoy.h1() as client:
        ended(client.request("GET", "/public/x"), began)


@pytest.mark.core
@pytest.mark.parametrize("way", [RESET, HANG, CUT])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", RENAME), ("DELETE", None)])
def test_a_scim_request_to_a_dying_application_is_a_5xx(envoy, scim_app, method, body, way):
    scim_app.handler = lambda request: way
    began = time.monotonic()
    ended(entra(envoy, method, "/Users/u-1", body), began)
    ScriptedScim(scim_app, user("ada"))
    assert entra(envoy, "GET", "/Users/u-1").status == 200


@pytest.mark.core
def test_an_application_killed_in_the_middle_of_an_upload_is_a_5xx(start):
    victim = Application()
    from harness import bootstrap

    routes = [bootstrap.route("/", "victim")]
    with start(routes=routes, clusters={"victim": victim.port}) as envoy, envoy.h2() as client:
        stream = client.start("POST", "/public/x", [("content-length", "200000")])
        client.send(stream, b"x" * 1000)
        time.sleep(0.3)
        victim.stop()
        began = time.monotonic()
        ended(client.reply(stream), began)


@pytest.mark.core
def test_an_application_that_is_not_there_is_a_503(start):
    victim = Application()
    victim.stop()
    with start(clusters={"app": victim.port, "scim_app": victim.port}) as envoy:
        with envoy.h1() as client:
            assert client.request("GET", "/public/x").status == 503
        assert entra(envoy, "GET", "/Users").status in (502, 503)
        assert entra(envoy, "PATCH", "/Users/u-1", RENAME).status in (502, 503)


def test_an_answer_before_the_end_of_the_request_is_passed_on(envoy, app):
    app.handler = lambda request: Answer(403, b"no", [("connection", "close")])
    with envoy.h1() as client:
        assert client.request("POST", "/public/x", [], b"x" * 10_000).status == 403


def test_a_slow_application_is_waited_for(envoy, scim_app):
    scim_app.handler = lambda request: Answer(200, scim_json(user("ada")), SCIM_HEADERS, after=1.0)
    assert entra(envoy, "GET", "/Users/u-1").status == 200


def test_a_client_that_leaves_while_the_application_thinks_harms_nobody(envoy, app, scim_app):
    app.handler = lambda request: Answer(200, b"late", after=0.5)
    scim_app.handler = lambda request: Answer(200, scim_json(user("ada")), SCIM_HEADERS, after=0.5)
    for path, headers in (("/public/x", []), (f"{settings.SCIM}/Users/u-1", [settings.BEARER])):
        client = envoy.h1()
        client.send_head("GET", path, headers)
        time.sleep(0.2)
        client.close()
    time.sleep(0.6)
    with envoy.h1() as client:
        assert client.request("GET", "/public/x").status == 200


def test_many_streams_of_one_connection_do_not_mix(envoy, scim_app):
    ScriptedScim(scim_app, *[user(f"user-{n}", f"u-{n}") for n in range(20)])
    with envoy.h2() as client:
        paths = [f"{settings.SCIM}/Users/u-{n}" for n in range(20)]
        streams = [client.start("GET", path, [settings.BEARER], end=True) for path in paths]
        bodies = {stream: b"" for stream in streams}
        import h2.events

        open_streams = set(streams)
        while open_streams:
            for event in client.h2.receive_data(client.socket.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                if isinstance(event, h2.events.StreamEnded):
                    open_streams.discard(event.stream_id)
    for n, stream in enumerate(streams):
        assert f'"user-{n}"'.encode() in bodies[stream]
