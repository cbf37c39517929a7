"""What the filter learns from the application's own schemas."""

import json
import threading
import time

import pytest
from harness import settings
from harness.messages import scim_error
from harness.scim_app import SCIM_HEADERS, ScriptedScim, entra, error, patch, user
from harness.upstream import HANG, RESET, Answer

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CREW = "urn:ietf:params:scim:schemas:extension:Crew:2.0:User"


def attribute(name, kind="string", *sub, many=False):
    made = {"name": name, "type": kind, "multiValued": many}
    return made | ({"subAttributes": list(sub)} if sub else {})


def listed(*resources):
    body = {"schemas": [LIST], "totalResults": len(resources), "Resources": list(resources)}
    return Answer(200, json.dumps(body).encode(), SCIM_HEADERS)


SCHEMAS = listed(
    {
        "id": USER,
        "name": "User",
        "attributes": [
            attribute("userName"),
            attribute("active", "boolean"),
            attribute("displayName"),
            attribute("name", "complex", attribute("givenName"), attribute("familyName")),
        ],
    },
    {"id": CREW, "name": "Crew", "attributes": [attribute("remote", "boolean"), attribute("floor", "integer")]},
)
TYPES = listed({"id": "User", "name": "User", "endpoint": "/Users", "schema": USER})


class Published(ScriptedScim):
    def __init__(self, application, schemas=SCHEMAS, types=TYPES):
        self.discovery = {"/Schemas": schemas, "/ResourceTypes": types}
        super().__init__(application, user("ada"))

    def _answer(self, request):
        found = self.discovery.get(request.path.removeprefix(settings.APP_SCIM))
        return found if found is not None else super()._answer(request)


def learning(start, base, **abilities):
    asked = settings.changed(base, "tenants.0.scim.schemas", {"from_application": True})
    return start(settings.changed(asked, "tenants.0.scim.abilities", abilities))


def questions(scim_app):
    """What the filter asked for its own knowledge."""
    paths = [request.path.removeprefix(settings.APP_SCIM) for request in scim_app.requests]
    return sorted(path for path in paths if path in ("/Schemas", "/ResourceTypes"))


BOTH = ["/ResourceTypes", "/Schemas"]
CHANGE = patch(
    {"op": "Replace", "path": f"{CREW}:remote", "value": "False"},
    {"op": "Add", "path": f"{CREW}:floor", "value": "4"},
    {"op": "Add", "path": "title", "value": "True"},
)
LEARNT = {f"{CREW}:remote": False, f"{CREW}:floor": 4, "title": "True"}
AS_SENT = {f"{CREW}:remote": "False", f"{CREW}:floor": "4", "title": "True"}


def sent(scim_app):
    """Values of the one PATCH that arrived, by path."""
    return {one["path"]: one.get("value") for one in scim_app.only("PATCH").json()["Operations"]}


@pytest.mark.core
def test_types_of_an_extension_are_those_that_the_application_publishes(start, base, scim_app):
    Published(scim_app)
    with learning(start, base) as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        assert sent(scim_app) == LEARNT
        for _ in range(3):
            assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        assert questions(scim_app) == BOTH, "they are cached"


@pytest.mark.core
def test_what_comes_before_the_schemas_are_known_waits_for_them(start, base, scim_app):
    slow = Answer(SCHEMAS.status, SCHEMAS.body, SCHEMAS.headers, after=1.5)
    Published(scim_app, schemas=slow)
    replies = []
    with learning(start, base) as envoy:
        threads = [
            threading.Thread(target=lambda: replies.append(entra(envoy, "PATCH", "/Users/u-1", CHANGE)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [reply.status for reply in replies] == [200] * 8
    for request in scim_app.seen("PATCH"):
        assert {one["path"]: one["value"] for one in request.json()["Operations"]} == LEARNT
    assert len(scim_app.seen("PATCH")) == 8 and questions(scim_app) == BOTH


def test_a_body_that_comes_in_pieces_meanwhile_is_not_lost(start, base, scim_app):
    Published(scim_app, schemas=Answer(SCHEMAS.status, SCHEMAS.body, SCHEMAS.headers, after=1.0))
    with learning(start, base) as envoy, envoy.h2() as client:
        stream = client.start("PATCH", settings.SCIM + "/Users/u-1", [settings.BEARER, settings.SCIM_JSON])
        for at in range(0, len(CHANGE), 40):
            client.send(stream, CHANGE[at : at + 40], end=at + 40 >= len(CHANGE))
            time.sleep(0.05)
        assert client.reply(stream).status == 200
    assert sent(scim_app) == LEARNT


def test_nobody_waits_for_ever_and_only_the_first_ones_wait(start, base, scim_app):
    Published(scim_app, schemas=HANG)
    impatient = settings.changed(base, "tenants.0.scim.application.timeout_ms", 1000)
    with learning(start, impatient) as envoy:
        began = time.monotonic()
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        assert 0.9 < time.monotonic() - began < 5
        assert sent(scim_app) == AS_SENT
        began = time.monotonic()
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        assert time.monotonic() - began < 0.9
        assert questions(scim_app) == BOTH, "the next attempt is in a minute"


def test_nothing_is_asked_before_there_is_a_request_nor_for_a_stranger(start, base, scim_app):
    Published(scim_app)
    with learning(start, base) as envoy:
        time.sleep(1)
        scim_error(entra(envoy, "GET", "/Users/u-1", headers=[]), 401)
        time.sleep(0.3)
        assert not scim_app.requests
        assert entra(envoy, "GET", "/Users/u-1").status == 200
        assert questions(scim_app) == BOTH


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ({"bearer": {"env": "APP_SCIM_TOKEN"}}, f"Bearer {settings.APP_TOKEN}"),
        ({"keep": True}, f"Bearer {settings.TOKEN}"),
        ({"remove": True}, None),
    ],
)
def test_the_schemas_are_asked_for_with_the_credential_for_the_application(
    start, base, scim_app, credential, expected
):
    Published(scim_app)
    with learning(start, settings.changed(base, "tenants.0.scim.application.credential", credential)) as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        assert settings.TOKEN not in envoy.log()
    assert questions(scim_app) == BOTH
    assert {request.get("authorization") for request in scim_app.requests} == {expected}
    assert sent(scim_app) == LEARNT


def test_attributes_that_the_application_does_not_publish_are_dropped_or_refused(start, base, scim_app):
    Published(scim_app)
    with learning(start, base, unknown_attributes="drop") as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
        paths = [one["path"] for one in scim_app.only("PATCH").json()["Operations"]]
        assert paths == [f"{CREW}:remote", f"{CREW}:floor"]
        envoy.wait_for_log("rules=.*X1@")
    scim_app.requests.clear()
    with learning(start, base, unknown_attributes="refuse") as envoy:
        scim_error(entra(envoy, "PATCH", "/Users/u-1", CHANGE), 400)
        assert not scim_app.seen("PATCH")


def test_an_application_without_groups_says_so_by_its_resource_types(start, base, scim_app):
    Published(scim_app)
    with learning(start, base) as envoy:
        reply = entra(envoy, "GET", "/Groups?filter=displayName+eq+%22x%22")
        assert reply.status == 200 and reply.json()["totalResults"] == 0
        assert questions(scim_app) == BOTH and len(scim_app.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [error(404), error(401), Answer(200, b"<html>", [("content-type", "text/html")]), Answer(500, b"", []), RESET],
)
def test_without_schemas_everything_goes_on_as_it_is(start, base, scim_app, answer):
    Published(scim_app, answer, answer)
    with learning(start, base, unknown_attributes="drop") as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", CHANGE).status == 200
    assert sent(scim_app) == AS_SENT
