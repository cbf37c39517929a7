"""Groups and lists that are larger than what a gateway should hold."""

import json

import pytest
from harness import settings
from harness.messages import scim_error
from harness.scim_app import SCIM_HEADERS, ScriptedScim, entra, patch, user
from harness.upstream import Answer

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def group(members: int) -> dict:
    listed = [{"value": f"user-{at:08}", "display": f"Somebody {at:08}"} for at in range(members)]
    return {"schemas": [GROUP], "id": "g-1", "displayName": "All", "members": listed}


@pytest.fixture(scope="module")
def envoy(start):
    """With room for more than the filter reads, as envoy/envoy.yaml has it."""
    with start(buffer_limit=2 << 20) as running:
        yield running


@pytest.fixture(scope="module")
def everybody():
    return Answer(200, json.dumps(group(50_000)).encode(), SCIM_HEADERS)


def chunked(answer: Answer) -> Answer:
    """The same without a length said beforehand."""
    pieces = [answer.body[at : at + 50_000] for at in range(0, len(answer.body), 50_000)] + [b""]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return Answer(answer.status, body, [*answer.headers, ("transfer-encoding", "chunked")])


CHANGE = patch(
    {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "user-new"}]},
    {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "user-00000007"}]},
)


@pytest.mark.core
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_group_of_50_000_is_changed_without_being_read(envoy, scim_app, everybody, framing):
    ScriptedScim(scim_app, write=everybody if framing == "content-length" else chunked(everybody))
    reply = entra(envoy, "PATCH", "/Groups/g-1", CHANGE)
    assert reply.status == 204 and reply.body == b""
    assert scim_app.only().json()["Operations"] == [
        {"op": "add", "path": "members", "value": [{"value": "user-new"}]},
        {"op": "remove", "path": 'members[value eq "user-00000007"]'},
    ]


def test_an_unreadable_failure_stays_a_failure(envoy, scim_app, everybody):
    for status, content_type in ((500, "application/scim+json"), (200, "text/html")):
        large = Answer(status, everybody.body, [("content-type", content_type)])
        ScriptedScim(scim_app, write=large)
        scim_error(entra(envoy, "PATCH", "/Groups/g-1", CHANGE), 502)


def test_a_user_too_large_to_be_read_is_no_success(envoy, scim_app):
    large = user("ada", nickName="x" * 2_000_000)
    ScriptedScim(scim_app, user("ada"), write=Answer(200, json.dumps(large).encode(), SCIM_HEADERS))
    rename = patch({"op": "Replace", "path": "displayName", "value": "Ada"})
    scim_error(entra(envoy, "PATCH", "/Users/u-1", rename), 502)


def test_two_thousand_members_at_once_arrive_in_order(envoy, scim_app):
    ScriptedScim(scim_app, write=Answer(204, b"", []))
    wanted = [f"user-{at:04}" for at in range(2_000)]
    gone = patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": one} for one in wanted]})
    assert entra(envoy, "PATCH", "/Groups/g-1", gone).status == 204
    assert [one["path"] for one in scim_app.only().json()["Operations"]] == [
        f'members[value eq "{one}"]' for one in wanted
    ]
    assert settings.TOKEN not in str(scim_app.only().headers)
