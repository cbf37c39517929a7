"""An Envoy that is told to keep the casing of header names on the wire: the filter sees them folded all the same."""

import pytest
from harness import bootstrap

pytestmark = [pytest.mark.core, pytest.mark.modes("held", "early")]

FORMATTER = {
    "name": "preserve_case",
    "typed_config": bootstrap.typed("envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"),
}


@pytest.fixture(scope="module")
def envoy(start):
    kept = {"enable_trailers": True, "header_key_format": {"stateful_formatter": FORMATTER}}
    with start(options={"http_protocol_options": kept}) as running:
        yield running


def get(envoy, path, *headers):
    with envoy.h1() as client:
        return client.request("GET", path, list(headers))


def test_a_name_with_capitals_is_served(envoy, app):
    assert get(envoy, "/public/x", ("X-Something", "kept")).status == 200
    assert app.requests[-1].all("x-something") == ["kept"]


@pytest.mark.parametrize("name", ["x-user", "X-User", "x-uSer", "X-USER"])
def test_a_forged_identity_is_taken_out_however_its_name_is_written(envoy, app, name):
    assert get(envoy, "/public/x", (name, "forged-by-the-client")).status == 200
    assert "forged-by-the-client" not in str(app.requests[-1].headers)


def test_a_closed_route_stays_closed(envoy, app):
    assert get(envoy, "/private/x", ("X-User", "ada@n.example")).status == 401
    assert not app.requests
