"""Envoy's `allow_on_headers_stop_iteration` and our `host.stop_iteration` do not agree: 500, never forwarded."""

import time

import pytest
from harness import bootstrap, settings
from harness.browser import Browser
from harness.scim_app import ScriptedScim, entra, patch, user
from harness.sign_in import Login, sign_in

RENAME = patch({"op": "Replace", "path": "displayName", "value": "Ada"})


@pytest.mark.core
def test_a_held_request_whose_body_never_comes_is_answered_500(start, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with start(stop_iteration=False) as envoy:
        began = time.monotonic()
        assert entra(envoy, "PATCH", "/Users/u-1", RENAME).status == 500
        assert time.monotonic() - began < 10
        envoy.wait_for_log("allow_on_headers_stop_iteration")
    assert not scim_app.seen("PATCH")


def test_a_sign_in_under_a_mismatch_is_answered_500_and_gives_no_session(start, app, idp):
    with start(stop_iteration=False) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        assert login.answer(idp.response(login.request.id)).status == 500
        assert browser.fetch("/private/x").status in (401, 500)


def test_a_host_that_cannot_hold_headers_still_decides_on_headers_alone(start, base, app):
    made = settings.changed(settings.changed(base, "host.stop_iteration", False), "tenants.0.scim", ...)
    with start(made, stop_iteration=False) as envoy, envoy.h1() as client:
        assert client.request("GET", "/public/x", [("x-user", "forged")]).status == 200
        assert client.request("POST", "/public/x", [("x-user", "forged")], b"abc").status == 200
        assert client.request("GET", "/private/x").status == 401
    assert all("x-user" not in request.names() for request in app.requests) and len(app.requests) == 2


@pytest.mark.core
def test_a_host_that_cannot_hold_headers_signs_people_in_with_the_buffer_filter_behind(start, base, app, idp):
    made = settings.changed(settings.changed(base, "host.stop_iteration", False), "tenants.0.scim", ...)
    with start(made, stop_iteration=False, filters=(bootstrap.buffer(1_000_000),)) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        assert browser.get("/private/page").status == 200
        assert app.only().get("x-user") == "ada@n.example"
        assert not app.seen("POST"), "the form is nobody's business but ours"
