"""Sessions before an application in real Envoy: what its answers get, cookies in every form, logins of its own, renewal."""

import time

import pytest
from harness import settings
from harness.browser import Browser
from harness.client import H1, H2
from harness.scim_app import ScriptedScim, entra, patch, user
from harness.sign_in import has_session, sign_in
from harness.upstream import Answer

pytestmark = pytest.mark.modes("held", "early")

SID = "sid=from-the-application; Path=/; HttpOnly"
OFF = patch({"op": "Replace", "path": "active", "value": "False"})


@pytest.fixture(scope="module")
def named(start, base):
    """An Envoy that knows the application's own cookies, and whose sessions go unused for a minute at most."""
    made = settings.changed(base, "tenants.0.access.application_cookies", ["sid"])
    made = settings.changed(made, "tenants.0.session", {"lifetime_seconds": 3600, "idle_seconds": 60})
    with start(made) as running:
        yield running


def answers(app, *headers):
    """The application answers everything with these headers."""
    app.handler = lambda request: Answer(200, b"{}", [("content-type", "application/json"), *headers])


def arrived(app) -> str:
    """The cookies that the last request had at the application."""
    return "; ".join(app.requests[-1].all("cookie"))


def large_session(envoy, idp) -> Browser:
    """Somebody whose session is in several pieces."""
    groups = [f"{number:08}-0000-4000-8000-000000000000" for number in range(150)]
    browser = sign_in(envoy, idp, "many@n.example", claims={"groups": groups})
    assert len(browser.sessions()) > 1
    return browser


@pytest.mark.quick
@pytest.mark.core
@pytest.mark.parametrize("way", [H1, H2])
def test_an_answer_given_to_an_identity_is_private_and_others_are_not(envoy, app, idp, way):
    browser = sign_in(envoy, idp, "ada@n.example")
    cookie = ("cookie", "; ".join(f"{name}={value}" for name, value in browser.cookies.items()))
    answers(app, ("cache-control", "public, max-age=60, s-maxage=600"), ("cdn-cache-control", "max-age=600"))
    with way(envoy.tls_port, tls=True, host=browser.authority) as client:
        for path in ("/private/x", "/mixed/x"):
            reply = client.request("GET", path, [cookie])
            assert (reply.status, reply.all("cache-control")) == (200, ["private, max-age=60"])
            assert reply.get("vary") == "Cookie" and reply.get("cdn-cache-control") is None
        nobody = client.request("GET", "/mixed/x")
        assert nobody.get("cache-control") == "public, max-age=60, s-maxage=600" and nobody.get("vary") == "Cookie"
        public = client.request("GET", "/public/x", [cookie])
        assert public.get("cache-control") == "public, max-age=60, s-maxage=600" and public.get("vary") is None


@pytest.mark.core
def test_what_the_proxy_answers_itself_to_an_identity_is_private_too(start, idp):
    from harness import bootstrap

    with start(routes=[bootstrap.route("/", "nowhere")], clusters={"nowhere": 9}) as envoy:
        browser = Browser(envoy)
        from harness.sign_in import Login

        login = Login(browser)
        assert login.answer(idp.response(login.request.id)).status == 303
        reply = browser.fetch("/private/x")
        assert (reply.status, reply.get("cache-control")) == (503, "private")


def test_a_head_an_empty_and_a_large_answer_pass_whole(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    assert browser.request("HEAD", "/private/x").status == 200
    app.handler = lambda request: Answer(204, b"", [])
    assert browser.fetch("/private/x").status == 204
    large = bytes(range(256)) * 12_000
    app.handler = lambda request: Answer(200, large, [("content-type", "application/octet-stream")])
    reply = browser.fetch("/private/x")
    assert reply.body == large and reply.get("content-length") == str(len(large))


@pytest.mark.core
def test_row_8_29_a_session_in_pieces_is_read_from_many_lines_and_crumbs(envoy, app, idp):
    browser = large_session(envoy, idp)
    app.clear()
    pairs = [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    for order in (pairs, pairs[::-1]):
        for way in (H1, H2):
            with way(envoy.tls_port, tls=True, host=browser.authority) as client:
                assert client.request("GET", "/private/x", order).status == 200
            assert app.requests[-1].get("x-user") == "many@n.example"


@pytest.mark.core
def test_a_session_that_lacks_a_piece_is_none(envoy, app, idp):
    browser = large_session(envoy, idp)
    app.clear()
    whole = dict(browser.cookies)
    for missing in browser.sessions():
        browser.cookies = {name: value for name, value in whole.items() if name != missing}
        assert browser.fetch("/private/x").status == 401
    assert not app.requests


def test_a_smaller_session_takes_the_pieces_of_a_larger_one_away(envoy, app, idp):
    from harness.sign_in import Login

    browser = large_session(envoy, idp)
    login = Login(browser, "/.vestibule/sign-in?return=/private/x")
    assert login.answer(idp.response(login.request.id, "ada@n.example")).status == 303
    assert len(browser.sessions()) == 1
    assert has_session(browser)


@pytest.mark.core
@pytest.mark.parametrize("way", [H1, H2])
def test_row_8_12_a_planted_session_cookie_does_no_harm(envoy, app, idp, way):
    browser = large_session(envoy, idp)
    own = [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    for name in browser.sessions():
        planted = ("cookie", f"{name}=2.AAAAAAAA.planted")
        for pairs in ([planted, *own], [*own, planted]):
            with way(envoy.tls_port, tls=True, host=browser.authority) as client:
                assert client.request("GET", "/private/x", pairs).status == 200, name


@pytest.mark.core
@pytest.mark.parametrize("way", [H1, H2])
def test_row_7_6_the_application_sees_none_of_our_cookies_by_h1_and_h2(envoy, app, idp, way):
    browser = large_session(envoy, idp)
    app.clear()
    pairs = [("cookie", 'a="x, y"')] + [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    with way(envoy.tls_port, tls=True, host=browser.authority) as client:
        for path in ("/private/x", "/mixed/x", "/public/x"):
            assert client.request("GET", path, [*pairs, ("cookie", "b=2")]).status == 200
            assert arrived(app) == 'a="x, y"; b=2'


@pytest.mark.core
def test_row_8_18_a_socket_a_stream_and_a_preflight_are_told_401(envoy, app):
    upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    for method, more in (
        ("GET", [*upgrade, ("sec-fetch-mode", "websocket")]),
        ("GET", [("accept", "text/event-stream"), ("sec-fetch-mode", "cors")]),
        ("OPTIONS", [("access-control-request-method", "PUT"), ("origin", "https://other.test")]),
        ("POST", [("accept", "application/json")]),
    ):
        with H1(envoy.tls_port, tls=True, host="localhost:8443") as client:
            reply = client.request(method, "/private/x", more)
        assert (reply.status, reply.json()["error"]) == (401, "sign_in_required"), (method, more)
        assert reply.get("location") is None and reply.get("cache-control") == "no-store"
    assert not app.requests


def test_a_form_that_is_lost_to_a_sign_in_is_said_to_be_lost(envoy, app):
    browser = Browser(envoy)
    reply = browser.post_form("/private/save", {"text": "long"})
    assert reply.status == 401 and b"What you sent was not saved" in reply.body
    assert b"long" not in reply.body and not app.requests


@pytest.mark.core
def test_two_envoys_with_the_same_keys_share_a_session_and_the_applications_login(start, base, app, idp):
    made = settings.changed(base, "tenants.0.access.application_cookies", ["sid"])
    with start(made) as first, start(made) as second:
        browser = large_session(first, idp)
        answers(app, ("set-cookie", SID))
        assert browser.fetch("/private/x").status == 200
        for envoy in (second, first):
            browser.envoy = envoy
            assert browser.fetch("/private/x").status == 200
            assert arrived(app) == "sid=from-the-application"


@pytest.mark.core
@pytest.mark.modes("held")
def test_a_deactivation_ends_the_applications_login_on_every_route(named, app, scim_app, idp):
    ScriptedScim(scim_app, user("gone@n.example", "u-gone"))
    browser = sign_in(named, idp, "gone@n.example")
    answers(app, ("set-cookie", SID))
    assert browser.fetch("/private/x").status == 200
    answers(app)
    kept = dict(browser.cookies)
    for path in ("/private/x", "/mixed/x", "/public/x"):
        assert browser.fetch(path).status == 200 and arrived(app) == "sid=from-the-application"
    assert entra(named, "PATCH", "/Users/u-gone", OFF).status in (200, 204)
    for thrown in ("nothing", "__Host-vestibule-s.", "__Host-vestibule-"):
        for path in ("/mixed/x", "/public/x"):
            browser.cookies = {name: value for name, value in kept.items() if not name.startswith(thrown)}
            reply = browser.fetch(path)
            assert reply.status == 200 and arrived(app) == "", (thrown, path)
            assert "sid" not in browser.cookies, reply.all("set-cookie")
            assert "private" in reply.get("cache-control")
    browser.cookies = dict(kept)
    reply = browser.fetch("/private/x")
    assert reply.status == 401 and "sid" not in browser.cookies


@pytest.mark.core
def test_signing_out_takes_the_applications_logins_away_wherever_they_lie(named, app, idp):
    browser = sign_in(named, idp, "ada@n.example")
    answers(app, ("set-cookie", "sid=1; Path=/private/deep; HttpOnly"))
    assert browser.fetch("/private/deep/x").status == 200
    reply = browser.post_form("/.vestibule/sign-out", {})
    gone = [line for line in reply.all("set-cookie") if line.startswith("sid=; Path=/private/deep;")]
    assert len(gone) == 1, reply.all("set-cookie")
    assert not [name for name in browser.cookies if name.startswith("__Host-")]


def test_another_person_in_the_same_browser_is_not_in_the_login_of_the_first(named, app, idp):
    from harness.sign_in import Login

    browser = sign_in(named, idp, "ada@n.example")
    answers(app, ("set-cookie", SID))
    assert browser.fetch("/private/x").status == 200
    answers(app)
    kept = {name: value for name, value in browser.cookies.items() if not name.startswith("__Host-vestibule-s.")}
    login = Login(browser, "/.vestibule/sign-in?return=/private/x")
    assert login.answer(idp.response(login.request.id, "bob@n.example")).status == 303
    assert "sid" not in browser.cookies
    browser.cookies |= kept
    assert browser.fetch("/private/x").status == 200
    assert app.requests[-1].get("x-user") == "bob@n.example" and arrived(app) == ""


def test_the_applications_own_password_page_goes_on_working(named, app):
    browser = Browser(named)
    answers(app, ("set-cookie", SID))
    assert browser.fetch("/mixed/login").status == 200
    answers(app)
    assert browser.fetch("/mixed/x").status == 200 and arrived(app) == "sid=from-the-application"


def test_a_session_in_use_is_renewed_on_the_applications_answer_once_for_many_at_once(named, app, idp):
    browser = sign_in(named, idp, "ada@n.example")
    answers(app, ("cache-control", "public"), ("set-cookie", "other=1"))
    assert browser.fetch("/private/x").all("set-cookie") == ["other=1"]
    time.sleep(8)  # an eighth of a minute
    cookie = ("cookie", "; ".join(f"{name}={value}" for name, value in browser.cookies.items()))
    with H2(named.tls_port, tls=True, host=browser.authority) as client:
        replies = [client.request("GET", "/private/x", [cookie]) for _ in range(20)]
    assert all(reply.status == 200 and reply.get("cache-control") == "private" for reply in replies)
    lines = [line for reply in replies for line in reply.all("set-cookie") if line != "other=1"]
    assert len(lines) == 1 and lines[0].startswith("__Host-vestibule-i.demo="), lines
