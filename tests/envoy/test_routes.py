"""A decision that used Envoy's route: stripping a header may move the request to another one, so it is refused."""

import pytest
from harness import bootstrap, settings

pytestmark = pytest.mark.modes("held", "early")

OPEN_BY_HEADER = {"name": "x-user", "present_match": True}
OPEN_BY_CHOICE = {"name": "x-choice", "string_match": {"exact": "open"}}
RULES = [
    {"route": "open", "path": {"prefix": "/r"}, "access": "public"},
    {"path": {"prefix": "/r"}, "access": "signed_in"},
    {"path": {"prefix": "/public"}, "access": "public"},
]


@pytest.fixture(scope="module")
def envoy(start, base):
    routes = [
        bootstrap.route("/r", "app", name="open", headers=[OPEN_BY_HEADER]),
        bootstrap.route("/r", "app", name="open", headers=[OPEN_BY_CHOICE]),
        bootstrap.route("/r/open", "app", name="open"),
        bootstrap.route("/r", "app", name="closed"),
        bootstrap.route("/", "app"),
    ]
    with start(settings.changed(base, "tenants.0.access.rules", RULES), routes=routes) as running:
        yield running


def get(envoy, path, *headers):
    with envoy.h1() as client:
        return client.request("GET", path, list(headers)).status


@pytest.mark.core
def test_a_route_that_a_rule_opens_is_open(envoy, app):
    assert get(envoy, "/r/x", ("x-choice", "open")) == 200
    assert get(envoy, "/r/open/x") == 200


@pytest.mark.core
def test_a_route_that_no_rule_opens_is_closed(envoy, app):
    assert get(envoy, "/r/x") == 401
    assert get(envoy, "/r/x", ("x-choice", "other")) == 401
    assert not app.requests


@pytest.mark.core
@pytest.mark.parametrize("spelling", ["x-user", "X-User"])
def test_a_forged_header_that_chose_the_weaker_route_is_a_refusal(envoy, app, spelling):
    assert get(envoy, "/r/x", (spelling, "forged")) == 400
    assert not app.requests


@pytest.mark.core
@pytest.mark.parametrize("name", ["x-user", "x_email", "x-original-url"])
def test_a_stripped_header_on_a_route_chosen_by_path_is_a_refusal_too(envoy, app, name):
    assert get(envoy, "/r/open/x", (name, "forged")) == 400
    assert not app.requests


def test_a_decision_without_route_properties_is_none_of_this(envoy, app):
    assert get(envoy, "/public/x", ("x-user", "forged")) == 200
    assert "x-user" not in app.only().names()
