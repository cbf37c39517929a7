"""Policies where the proxy takes part: metadata of routes, addresses of clients, signing in anew."""

import pytest
from harness import bootstrap, settings, trap
from harness.browser import Browser, query_of
from harness.idp import AuthnRequest
from harness.sign_in import Login, sign_in

pytestmark = pytest.mark.modes("held", "early")

OPEN = {"vestibule": {"policy": "open"}}
CLOSED = {"vestibule": {"policy": "closed"}}
ACCESS = {
    "identity_headers": [{"name": "x-user", "value": "{name_id}"}],
    "rules": [{"path": {"prefix": "/always"}, "access": "public"}],
    "policies": {
        "open": [{"path": {"prefix": "/"}, "access": "public"}],
        "closed": [{"path": {"prefix": "/"}, "access": "signed_in"}],
    },
}
ROUTES = [
    bootstrap.route("/r", "app", metadata=OPEN, headers=[{"name": "x-user", "present_match": True}]),
    bootstrap.route("/r", "app", metadata=OPEN, headers=[{"name": "x-choice", "string_match": {"exact": "open"}}]),
    bootstrap.route("/r/open", "app", metadata=OPEN),
    bootstrap.route("/r/other", "app", metadata={"elsewhere": {"policy": "open"}}),
    bootstrap.route("/r/misspelt", "app", metadata={"vestibule": {"policy": "opened"}}),
    bootstrap.route("/r/number", "app", metadata={"vestibule": {"policy": 1}}),
    bootstrap.route("/r/deep", "app", metadata={"vestibule": {"policy": {"open": "open"}}}),
    bootstrap.route("/r/none", "app"),
    bootstrap.route("/r", "app", metadata=CLOSED),
    bootstrap.route("/private", "app", metadata=CLOSED),
    bootstrap.route("/", "app"),
]


@pytest.fixture(scope="module")
def routed(start, base):
    with start(settings.changed(base, "tenants.0.access", ACCESS), routes=ROUTES) as running:
        yield running


def get(envoy, path, *headers):
    with envoy.h1() as client:
        return client.request("GET", path, list(headers)).status


@pytest.mark.core
def test_a_route_whose_metadata_name_an_open_policy_is_open(routed, app):
    assert get(routed, "/r/open/x") == 200
    assert get(routed, "/r/x", ("x-choice", "open")) == 200
    assert len(app.requests) == 2


@pytest.mark.core
def test_a_route_whose_metadata_name_a_closed_policy_is_closed(routed, app, idp):
    assert get(routed, "/r/x") == 401
    assert get(routed, "/r/x", ("x-choice", "other")) == 401
    assert not app.requests
    browser = sign_in(routed, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/r/x").status == 200
    assert app.only().get("x-user") == "ada@n.example"


@pytest.mark.parametrize("path", ["/r/other", "/r/misspelt", "/r/number", "/r/deep", "/r/none", "/x"])
def test_a_route_without_a_policy_that_is_known_lets_nobody_pass(routed, app, idp, path):
    assert get(routed, path) == 403
    browser = sign_in(routed, idp, "ada@n.example")
    app.clear()
    assert browser.fetch(path).status == 403
    assert not app.requests


@pytest.mark.parametrize("path", ["/always", "/always/x"])
def test_common_rules_decide_before_the_policy_of_the_route(routed, app, path):
    assert get(routed, path, ("x-user", "forged")) == 200
    assert "x-user" not in app.only().names()


@pytest.mark.core
@pytest.mark.parametrize("spelling", ["x-user", "X-User"])
def test_a_forged_header_that_chose_the_weaker_policy_is_a_refusal(routed, app, spelling):
    assert get(routed, "/r/x", (spelling, "forged")) == 400
    assert not app.requests


@pytest.mark.core
@pytest.mark.parametrize("planted", [("x_user", "f"), ("x-original-url", "/"), ("cookie", "__Host-vestibule-s.demo=1.A")])
def test_what_is_taken_away_on_a_route_chosen_by_path_is_a_refusal_too(routed, app, planted):
    assert get(routed, "/r/open/x", planted) == 400
    assert not app.requests


# Addresses of clients.

OFFICE = [
    {"path": {"prefix": "/here"}, "access": "public", "require": [{"client": ["127.0.0.0/8"]}]},
    {"path": {"prefix": "/there"}, "access": "public", "require": [{"client": ["10.0.0.0/8", "::ffff:10.0.0.0/104"]}]},
    {"path": {"prefix": "/either"}, "clients": ["10.0.0.0/8"], "access": "public"},
    {"path": {"prefix": "/either"}, "access": "signed_in"},
]
FORGED = [("x-forwarded-for", "10.0.0.1"), ("x-real-ip", "10.0.0.1"), ("x-envoy-external-address", "10.0.0.1")]


@pytest.mark.core
def test_the_address_of_the_client_is_the_peers_and_no_headers(start, base, app):
    with start(settings.changed(base, "tenants.0.access.rules", OFFICE)) as envoy:
        assert get(envoy, "/here") == 200
        assert get(envoy, "/here", *FORGED) == 200
        for headers in ([], FORGED, FORGED[:1], [("forwarded", "for=10.0.0.1")], [("x-forwarded-for", "::ffff:10.0.0.1")]):
            assert get(envoy, "/there", *headers) == 403, headers
            assert get(envoy, "/either", *headers) == 401, headers
    assert {request.path for request in app.requests} == {"/here"}


def test_without_use_remote_address_the_address_is_the_senders_word_as_check_warns(start, base, app):
    rules = settings.changed(base, "tenants.0.access.rules", OFFICE)
    with start(rules, options={"use_remote_address": False}) as envoy:
        assert get(envoy, "/there") == 403
        assert get(envoy, "/there", *FORGED[:1]) == 200


# Signing in anew.


def test_a_page_that_wants_a_second_factor_asks_once_and_then_says_so(start, base, app, idp):
    rules = [
        {"path": {"prefix": "/mfa"}, "access": "signed_in", "require": [{"mfa": True}]},
        {"path": {"prefix": "/"}, "access": "signed_in"},
    ]
    with start(settings.changed(base, "tenants.0.access.rules", rules)) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        # That sign-in was just now: another would be the same.
        page = browser.get("/mfa/x")
        assert page.status == 403 and b"/.vestibule/sign-in?fresh=1" in page.body
        assert browser.fetch("/mfa/x").status == 401
        assert not app.requests
        again = browser.get("/.vestibule/sign-in?fresh=1&return=/mfa/x")
        query = query_of(again.get("location"))
        assert b'ForceAuthn="true"' in AuthnRequest(query["SAMLRequest"]).xml
        methods = ["urn:password", "http://schemas.microsoft.com/claims/multipleauthn"]
        login = Login(Browser(envoy), "/mfa/x")
        assert login.answer(idp.response(login.request.id, "ada@n.example", {"authn_methods": methods})).status == 303
        assert login.browser.get("/mfa/x").status == 200


# What a crash, a log and a disabled route must not do.


def test_row_8_27_a_filter_that_traps_lets_nobody_pass_unless_envoy_is_told_to(start, app, tmp_path):
    module = tmp_path / "trap.wasm"
    module.write_bytes(trap.module())
    passed = {}
    for policy in ("FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"):
        app.clear()
        envoy = start(wasm=str(module))
        (plugin,) = trap.plugins(envoy.bootstrap)
        plugin["failure_policy"] = policy
        envoy.crash_expected = True
        with envoy:
            statuses = [get(envoy, "/nowhere") for _ in range(3)]
            assert "Uncaught RuntimeError" in envoy.log()
        passed[policy] = len(app.requests)
        assert passed[policy] or statuses == [503] * 3
    assert passed["FAIL_RELOAD"] == passed["FAIL_CLOSED"] == 0
    # The control: the trap is real, and this is what `check` warns of.
    assert passed["FAIL_OPEN"] > 0


def test_row_8_28_a_route_that_switches_the_filter_off_is_open_as_check_warns(start, base, app):
    off = bootstrap.typed("envoy.config.route.v3.FilterConfig", disabled=True, config={})
    routes = [bootstrap.route("/off", "app") | {"typed_per_filter_config": {"vestibule": off}}, bootstrap.route("/", "app")]
    with start(routes=routes) as envoy:
        assert get(envoy, "/off/x") == 200
        assert get(envoy, "/x") == 403
    assert [request.path for request in app.requests] == ["/off/x"]


def test_row_8_25_no_secret_and_nobodys_name_is_in_our_log_lines_at_any_level(start, base, app, idp):
    with start(log_level="trace") as envoy:
        browser = Browser(envoy)
        login = Login(browser, "/private/page")
        xml = idp.response(login.request.id, "ada@n.example", {"roles": ["admin"], "given_name": "Adaline"})
        assert login.answer(xml).status == 303
        assert browser.fetch("/private/x").status == 200
        assert browser.fetch("/nowhere").status == 403
        login = Login(Browser(envoy), "/private/page")
        login.answer(xml.replace(b"Adaline", b"Mallory"))
        cookies = list(browser.sessions().values())
        # A browser that signs out, and one whose cookie is broken.
        broken = Browser(envoy)
        broken.cookies = {name: value[:-2] + "AA" for name, value in browser.sessions().items()}
        broken.fetch("/private/x")
        browser.post_form("/.vestibule/sign-out", {})
        lines = [line for line in envoy.log().splitlines() if "wasm log" in line]
    assert any("event=sign_on.accepted" in line for line in lines) and any("event=" in line for line in lines)
    secrets = ["ada@n.example", "Adaline", "Mallory", "SAMLResponse", "object-of-", settings.TOKEN, settings.APP_TOKEN]
    secrets += [value[:24] for value in cookies]
    assert [line for line in lines if any(secret in line for secret in secrets)] == []


def test_row_8_29_cookies_on_several_lines_are_all_read(start, base, app, idp):
    with start() as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        from harness.client import H1, H2

        crumbs = [("cookie", "a=1")] + [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
        for client in (H1, H2):
            with client(envoy.tls_port, tls=True, host=browser.authority) as connection:
                assert connection.request("GET", "/private/x", [*crumbs, ("cookie", "b=2")]).status == 200
    assert [request.get("x-user") for request in app.requests] == ["ada@n.example"] * 2
