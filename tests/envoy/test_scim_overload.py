"""More provisioning requests at once than one worker takes in hand."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import settings
from harness.client import H1
from harness.messages import scim_error
from harness.scim_app import ScriptedScim, entra, patch, user
from harness.upstream import HANG, Answer

RENAME = patch({"op": "Replace", "path": "displayName", "value": "Ada"})
SLOW = Answer(200, b'{"id":"u-1"}', [("content-type", "application/scim+json")], after=1.0)


@pytest.fixture(scope="module")
def narrow(start, base):
    with start(settings.changed(base, "tenants.0.scim.max_in_hand", 2)) as envoy:
        yield envoy


def test_what_is_too_much_is_429_with_retry_after_and_never_reaches_the_application(narrow, scim_app):
    ScriptedScim(scim_app, user("ada"), write=SLOW)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: entra(narrow, "PATCH", "/Users/u-1", RENAME), range(6)))
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 4 and len(scim_app.requests) == 2
    for reply in refused:
        scim_error(reply, 429)
        assert int(reply.get("retry-after")) >= 1
    ScriptedScim(scim_app, user("ada"))
    assert entra(narrow, "PATCH", "/Users/u-1", RENAME).status == 200


def test_clients_that_leave_give_their_place_back(narrow, scim_app):
    ScriptedScim(scim_app, user("ada"), write=HANG)
    for _ in range(8):
        client = H1(narrow.plain_port)
        client.send_head(
            "PATCH",
            f"{settings.SCIM}/Users/u-1",
            [settings.BEARER, settings.SCIM_JSON, ("content-length", str(len(RENAME)))],
        )
        client.send(RENAME)
        scim_app.wait_for(1)
        client.close()
        scim_app.clear()
        ScriptedScim(scim_app, user("ada"), write=HANG)
    ScriptedScim(scim_app, user("ada"))
    assert entra(narrow, "PATCH", "/Users/u-1", RENAME).status == 200


def test_strangers_take_no_place(narrow, scim_app):
    ScriptedScim(scim_app, user("ada"))
    open_ones = []
    try:
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", narrow.plain_port))
            head = f"PATCH {settings.SCIM}/Users/u-1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"
            client.sendall(head.encode())
            open_ones.append(client)
        assert entra(narrow, "PATCH", "/Users/u-1", RENAME).status == 200
    finally:
        for client in open_ones:
            client.close()
