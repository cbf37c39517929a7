"""No client puts an identity header through: no spelling, no number, no route, no place."""

import re

import pytest
from harness import settings
from harness.browser import Browser
from harness.client import H1, H2
from harness.scim_app import ScriptedScim, user
from harness.sign_in import sign_in

pytestmark = pytest.mark.modes("held", "early")

SPELLINGS = [
    "x-user",
    "X-USER",
    "x_user",
    "X_User",
    "x--user",
    "x__user",
    "x-_user",
    "x.user",
    "x!user",
    "x~user",
    "x|user",
]
FORGED = "forged@evil.example"
OVERRIDES = [
    "x-original-url",
    "X-Rewrite-URL",
    "x_original_url",
    "x-http-method-override",
    "X-HTTP-Method",
    "x-method-override",
    "x_http_method_override",
]


def identity(request, headers=None):
    """What an application that folds names in any way could take for an identity header."""
    folded = [
        (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), value) for name, value in headers or request.headers
    ]
    return [(name, value) for name, value in folded if name in settings.IDENTITY_HEADERS]


@pytest.mark.quick
@pytest.mark.core
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", ["/public/x", "/mixed/x"])
def test_a_forged_header_in_any_spelling_never_arrives(envoy, app, path, spelling):
    with envoy.h1() as client:
        assert client.request("GET", path, [(spelling, FORGED)]).status == 200
    assert identity(app.only()) == []


@pytest.mark.parametrize("spelling", [name.lower() for name in SPELLINGS])
def test_a_forged_header_never_arrives_by_h2(envoy, app, spelling):
    with envoy.h2() as client:
        assert client.request("GET", "/public/x", [(spelling, FORGED)]).status == 200
    assert identity(app.only()) == []


@pytest.mark.core
def test_many_forged_headers_in_many_spellings_at_once_never_arrive(envoy, app):
    forged = [(name, f"{FORGED}{turn}") for turn in range(3) for name in SPELLINGS]
    forged += [(name, FORGED) for name in settings.IDENTITY_HEADERS]
    with envoy.h1() as client:
        assert client.request("GET", "/public/x", [("x-kept", "1"), *forged]).status == 200
    assert identity(app.only()) == []
    assert app.only().get("x-kept") == "1"


@pytest.mark.core
def test_a_forged_header_beside_a_session_leaves_only_the_true_identity(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    forged = [(name, FORGED) for name in SPELLINGS]
    assert browser.fetch("/private/x", headers=forged).status == 200
    assert identity(app.only()) == [("x-user", "ada@n.example"), ("x-email", "ada@n.example")]


def test_an_identity_header_without_a_claim_is_absent_and_not_the_forged_one(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/private/x", headers=[("x-groups", "admins")]).status == 200
    assert "x-groups" not in app.only().names()


@pytest.mark.core
@pytest.mark.modes("held")
def test_a_forged_header_never_arrives_at_the_scim_application(envoy, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with envoy.h1() as client:
        forged = [(name, FORGED) for name in SPELLINGS]
        assert client.request("GET", f"{settings.SCIM}/Users/u-1", [settings.BEARER, *forged]).status == 200
    assert identity(scim_app.only()) == []


@pytest.mark.core
@pytest.mark.parametrize("spelling", ["x-user", "x_user", "x--user", "x.user", "cookie", "authorization"])
def test_a_forged_trailer_by_h2_never_arrives(envoy, h2_app, spelling):
    trailers = [(spelling, FORGED), ("x-kept", "1"), (spelling, FORGED)]
    with envoy.h2() as client:
        assert client.request("POST", "/h2/public/x", body=b"abc", trailers=trailers).status == 200
    request = h2_app.requests[0]
    assert request.body == b"abc"
    assert request.trailers == [("x-kept", "1")]


def test_a_forged_trailer_without_a_body_never_arrives(envoy, h2_app):
    with envoy.h2() as client:
        assert client.request("GET", "/h2/public/x", trailers=[("x-user", FORGED), ("x-kept", "1")]).status == 200
    assert h2_app.requests[0].trailers == [("x-kept", "1")]


def test_a_forged_trailer_of_a_chunked_request_never_arrives(envoy, h2_app):
    with envoy.h1() as client:
        client.send_head("POST", "/h2/public/x", [("transfer-encoding", "chunked"), ("te", "trailers")])
        client.send_chunks(b"abc", trailers=[("X-User", FORGED), ("x-kept", "1")])
        assert client.reply("POST").status == 200
    assert identity(None, h2_app.requests[0].trailers) == []
    assert ("x-kept", "1") in h2_app.requests[0].trailers


@pytest.mark.core
@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_header_never_arrives(envoy, app, name):
    with envoy.h1() as client:
        assert client.request("GET", "/public/x", [(name, "/admin")]).status == 200
    assert not app.only().names() & {name.lower()}


def test_the_connection_header_cannot_name_an_identity_header_away(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    reply = browser.fetch("/private/x", headers=[("connection", "x-user, keep-alive")])
    if reply.status == 200:
        assert app.only().get("x-user") == "ada@n.example"
    else:
        assert reply.status == 400 and not app.requests


@pytest.mark.core
def test_our_cookies_never_arrive_and_others_do(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    ours = list(browser.cookies)
    browser.cookies = {"first": "1", **browser.cookies, "theme": "dark"}
    app.clear()
    assert browser.fetch("/private/x").status == 200
    cookies = "; ".join(app.only().all("cookie"))
    assert "first=1" in cookies and "theme=dark" in cookies
    assert not [name for name in ours if name in cookies]


def test_a_session_cookie_on_a_second_cookie_line_never_arrives(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    pairs = [("cookie", "a=1")] + [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    app.clear()
    with H1(envoy.tls_port, tls=True, host=browser.authority) as client:
        assert client.request("GET", "/private/x", pairs).status == 200
    assert app.only().all("cookie") == ["a=1"]


def test_cookie_crumbs_by_h2_are_one_header(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    pairs = [("cookie", "a=1")] + [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    app.clear()
    with H2(envoy.tls_port, tls=True, host=browser.authority) as client:
        assert client.request("GET", "/private/x", [*pairs, ("cookie", "b=2")]).status == 200
    assert app.only().get("x-user") == "ada@n.example"
    assert "; ".join(app.only().all("cookie")) == "a=1; b=2"


@pytest.mark.core
@pytest.mark.parametrize("value", ["\xff\xfe", "a\xffb"])
@pytest.mark.parametrize("name", ["x-bad", "x-user", "cookie", "authorization", "content-type", "accept", "user-agent"])
def test_octets_that_are_no_text_do_not_harm_the_worker(envoy, app, name, value):
    with envoy.h1() as client:
        assert client.request("GET", "/public/x", [(name, value)]).status in (200, 400)
    with envoy.h1() as client:
        assert client.request("GET", "/public/y").status == 200
    assert all(identity(request) == [] for request in app.requests)


def test_octets_that_are_no_text_beside_a_session_do_not_harm_it(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    assert browser.fetch("/private/x", headers=[("x-bad", "\xff")]).status in (200, 400)
    assert browser.fetch("/private/x").status == 200


def test_a_broken_session_cookie_is_no_session(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    whole = dict(browser.cookies)
    for name, value in browser.sessions().items():
        for broken in ("", "x", value[:-1], value[1:], value + "x", "\xff" * 40, value.swapcase()):
            browser.cookies = whole | {name: broken}
            app.clear()
            # 400: the octets are no text at all.
            assert browser.fetch("/private/x").status in (400, 401), (name, broken)
            assert not app.requests


def test_a_person_without_a_session_has_no_identity_on_an_optional_route(envoy, app, idp):
    assert Browser(envoy).fetch("/mixed/x").status == 200
    assert identity(app.only()) == []
    browser = sign_in(envoy, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/mixed/x").status == 200
    assert app.only().get("x-user") == "ada@n.example"
