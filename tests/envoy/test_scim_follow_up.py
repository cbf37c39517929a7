"""What follows the application's refusal: value paths that select nothing, and references it cannot filter."""

import json

import pytest
from harness import settings
from harness.messages import scim_error
from harness.scim_app import ScriptedScim, entra, error, patch, user
from harness.upstream import Answer

WORK = patch({"op": "Add", "path": 'emails[type eq "work"].value', "value": "ada@n.example"})
TOWN = patch(
    {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Kiel"},
    {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "DE"},
)
SCIM = [("content-type", "application/scim+json")]


class Strict(ScriptedScim):
    """Refuses a selector that selects nothing, as RFC 7644 section 3.5.2.3 says, and takes everything else."""

    def __init__(self, application, *users, scim_type="noTarget", after=None):
        super().__init__(application, *users)
        self.scim_type, self.after = scim_type, after

    def _answer(self, request):
        if request.method == "PATCH":
            paths = [operation.get("path", "") for operation in request.json()["Operations"]]
            if any("[" in path for path in paths):
                return error(400, scimType=self.scim_type)
            if self.after is not None:
                return self.after
        return super()._answer(request)


def methods(scim_app):
    return [request.method for request in scim_app.requests]


@pytest.mark.core
@pytest.mark.quick
def test_an_element_that_does_not_exist_is_made(envoy, scim_app):
    Strict(scim_app, user("ada"))
    reply = entra(envoy, "PATCH", "/Users/u-1", TOWN)
    assert reply.status == 200 and reply.json()["userName"] == "ada"
    assert methods(scim_app) == ["PATCH", "GET", "PATCH"]
    first, read, second = scim_app.requests
    assert read.path == "/app-scim/v2/Users/u-1?attributes=addresses"
    assert second.json()["Operations"] == [
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Kiel", "country": "DE"}]}
    ]
    assert {request.get("authorization") for request in scim_app.requests} == {f"Bearer {settings.APP_TOKEN}"}
    assert second.get("content-length") == str(len(second.body))
    assert second.get("content-type") == "application/scim+json"


def test_the_same_over_h2_and_in_chunks(envoy, scim_app):
    Strict(scim_app, user("ada"))
    with envoy.h2() as client:
        reply = client.request(
            "PATCH", settings.SCIM + "/Users/u-1", [settings.BEARER, settings.SCIM_JSON], TOWN
        )
    assert reply.status == 200
    assert methods(scim_app) == ["PATCH", "GET", "PATCH"]


@pytest.mark.parametrize("scim_type", ["invalidValue", "invalidSyntax", "mutability", None])
def test_any_other_refusal_is_the_last_word(envoy, scim_app, scim_type):
    Strict(scim_app, user("ada"), scim_type=scim_type)
    reply = entra(envoy, "PATCH", "/Users/u-1", TOWN)
    scim_error(reply, 400)
    assert reply.json().get("scimType") == scim_type
    assert methods(scim_app) == ["PATCH"]


def test_a_write_is_sent_again_at_most_once(envoy, scim_app):
    Strict(scim_app, user("ada"), after=error(400, scimType="noTarget"))
    scim_error(entra(envoy, "PATCH", "/Users/u-1", TOWN), 400)
    assert methods(scim_app) == ["PATCH", "GET", "PATCH"]


def test_an_element_that_is_there_makes_the_refusal_the_last_word(envoy, scim_app):
    Strict(scim_app, user("ada", addresses=[{"type": "work", "locality": "Ulm"}]))
    scim_error(entra(envoy, "PATCH", "/Users/u-1", TOWN), 400)
    assert methods(scim_app) == ["PATCH", "GET"]


def test_an_account_that_cannot_be_read_makes_the_refusal_the_last_word(envoy, scim_app):
    Strict(scim_app)
    scim_error(entra(envoy, "PATCH", "/Users/u-1", TOWN), 400)
    assert methods(scim_app) == ["PATCH", "GET"]


@pytest.mark.core
def test_the_last_answer_arrives_whole_however_large(envoy, scim_app):
    large = user("ada", nickName="x" * 200_000)
    Strict(scim_app, user("ada"), after=Answer(200, json.dumps(large).encode(), SCIM))
    reply = entra(envoy, "PATCH", "/Users/u-1", TOWN)
    assert reply.status == 200 and reply.json()["nickName"] == large["nickName"]
    assert reply.get("content-length") == str(len(reply.body))


@pytest.mark.parametrize(("status", "seen"), [(500, 500), (429, 429), (401, 502), (409, 409)])
def test_the_last_answer_is_repaired_like_any_other(envoy, scim_app, status, seen):
    page = Answer(status, b"<h1>no</h1>", [("content-type", "text/html"), ("retry-after", "7")])
    Strict(scim_app, user("ada"), after=page)
    reply = entra(envoy, "PATCH", "/Users/u-1", TOWN)
    scim_error(reply, seen, told=False)
    assert reply.get("retry-after") == "7"


def test_the_removal_of_what_is_not_there_is_a_success(envoy, scim_app):
    Strict(scim_app, user("ada"))
    reply = entra(envoy, "PATCH", "/Users/u-1", patch({"op": "Remove", "path": 'addresses[type eq "work"]'}))
    assert reply.status == 204 and reply.body == b""
    assert methods(scim_app) == ["PATCH", "GET"]


def test_a_refused_selector_beside_a_deactivation_still_deactivates(envoy, scim_app):
    Strict(scim_app, user("ada"))
    both = patch(
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Kiel"},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    assert entra(envoy, "PATCH", "/Users/u-1", both).status == 200
    assert methods(scim_app) == ["GET", "PATCH", "GET", "PATCH"]
    assert {"op": "replace", "path": "active", "value": False} in scim_app.requests[-1].json()["Operations"]


class WithoutReferences(ScriptedScim):
    """Cannot filter by a reference."""

    def _answer(self, request):
        if request.method == "GET" and "filter=" in request.path:
            return error(400, scimType="invalidFilter")
        return super()._answer(request)


MANAGED = user(
    "ada", **{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "m-1"}}}
)
QUERY = "/Users?filter=id+eq+%22u-1%22+and+manager+eq+%22{}%22&attributes=id"


@pytest.mark.core
@pytest.mark.parametrize(("manager", "found"), [("m-1", 1), ("m-2", 0)])
def test_a_reference_is_compared_here_where_the_application_cannot(envoy, scim_app, manager, found):
    WithoutReferences(scim_app, MANAGED)
    reply = entra(envoy, "GET", QUERY.format(manager))
    assert reply.status == 200
    assert reply.json()["totalResults"] == found
    assert [entry["id"] for entry in reply.json().get("Resources", [])] == ["u-1"] * found
    assert methods(scim_app) == ["GET", "GET"]


def test_an_unreachable_account_never_becomes_an_empty_list(envoy, scim_app):
    class Broken(WithoutReferences):
        def _answer(self, request):
            if "filter=" not in request.path:
                return Answer(500, b"", [])
            return super()._answer(request)

    Broken(scim_app, MANAGED)
    scim_error(entra(envoy, "GET", QUERY.format("m-1")), 400)
