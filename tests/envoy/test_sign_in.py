"""A response that pysaml2 signed signs the person in, and gives the application the identity."""

import base64
import re
from urllib.parse import quote, urlencode, urlsplit

import pytest
from harness import settings
from harness.browser import Browser, query_of
from harness.client import H2
from harness.envoy import ENVIRONMENT
from harness.idp import IdentityProvider, form
from harness.sign_in import Login, has_session, sign_in

pytestmark = pytest.mark.modes("held", "early")

SIGN_OUT = "/.vestibule/sign-out"


@pytest.mark.quick
@pytest.mark.core
@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_a_signed_response_signs_the_person_in(envoy, app, idp, signed):
    browser = Browser(envoy)
    login = Login(browser, "/private/page?tab=2")
    reply = login.answer(idp.response(login.request.id, "ada@n.example", sign=signed))
    assert reply.status == 303
    assert urlsplit(reply.get("location"))._replace(scheme="", netloc="").geturl() == "/private/page?tab=2"
    app.clear()
    assert browser.get("/private/page?tab=2").status == 200
    assert app.only().get("x-user") == "ada@n.example"
    assert app.only().get("x-email") == "ada@n.example"


def test_the_session_cookie_is_bound_to_the_host_and_out_of_reach(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    (name,) = browser.sessions()
    assert name.startswith("__Host-")
    attributes = {part.strip().lower() for part in browser.attributes[name].split(";")}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
    assert "domain" not in browser.attributes[name].lower()


def test_the_pending_cookie_is_gone_after_the_sign_in(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    (pending,) = browser.cookies
    login.answer(idp.response(login.request.id))
    assert pending not in browser.cookies and len(browser.sessions()) == 1


def test_nothing_of_the_person_is_readable_in_the_cookie_or_the_log(envoy, app, idp):
    browser = sign_in(envoy, idp, "secret-person@n.example")
    for value in browser.cookies.values():
        decoded = base64.urlsafe_b64decode(value.replace(".", "") + "===")
        assert b"secret-person" not in decoded and "secret-person" not in value
    assert "secret-person" not in envoy.log()


def test_groups_and_roles_reach_the_application(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example", claims={"groups": ["g-1", "g-2"], "roles": ["admin"]})
    app.clear()
    assert browser.fetch("/admin/x").status == 200
    groups = app.only().get("x-groups")
    assert "g-1" in groups and "g-2" in groups


def test_a_value_that_would_break_a_header_does_not(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example", claims={"groups": ["a\r\nx-admin: yes", "J\u00fcrgen"]})
    app.clear()
    assert browser.fetch("/private/x").status in (200, 403)
    assert all("x-admin" not in request.names() for request in app.requests)


def test_two_logins_in_two_tabs_both_end_well(envoy, app, idp):
    browser = Browser(envoy)
    first, second = Login(browser, "/private/one"), Login(browser, "/private/two")
    assert first.answer(idp.response(first.request.id)).get("location").endswith("/private/one")
    assert second.answer(idp.response(second.request.id)).get("location").endswith("/private/two")


@pytest.mark.core
def test_our_metadata_is_enough_for_the_provider(envoy, app, idp_keys):
    reply = Browser(envoy).get("/.vestibule/saml/metadata")
    assert reply.status == 200
    assert reply.get("content-type").split(";")[0] in ("application/samlmetadata+xml", "application/xml", "text/xml")
    provider = IdentityProvider(idp_keys)
    browser = Browser(envoy)
    login = Login(browser)
    made = provider.response(login.request.id, "ada@n.example", metadata=reply.body.decode())
    assert login.answer(made).status == 303
    provider.close()


def test_a_sign_in_link_comes_back_to_where_it_says(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser, "/.vestibule/sign-in?return=/private/there%3Fa%3Db")
    reply = login.answer(idp.response(login.request.id))
    assert reply.status == 303 and reply.get("location").endswith("/private/there?a=b")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/%2f/evil.test",
        "https:evil.test",
        "/\t/evil.test",
        "@evil.test",
    ],
)
def test_a_sign_in_link_never_leads_elsewhere(envoy, app, idp, target):
    browser = Browser(envoy)
    reply = browser.get("/.vestibule/sign-in?return=" + quote(target, safe=""))
    if reply.status == 400:
        return
    login = Login(browser, "/.vestibule/sign-in?return=" + quote(target, safe=""))
    place = login.answer(idp.response(login.request.id)).get("location")
    assert place.startswith("/") or place.startswith("https://localhost:8443/"), place
    assert "evil" not in urlsplit(place).netloc and not place.startswith(("//", "/\\")), place


def test_the_relay_state_tells_nothing(envoy, app):
    browser = Browser(envoy)
    query = query_of(browser.get("/private/a-secret-place").get("location"))
    assert "secret" not in query["RelayState"]


@pytest.mark.core
def test_signing_out_ends_the_session(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    page = browser.get(SIGN_OUT)
    assert page.status == 200 and b"<form" in page.body.lower()
    assert has_session(browser), "looking at the page is not signing out"
    assert browser.post_form(SIGN_OUT, {}).status in (200, 303)
    assert not browser.cookies
    assert not has_session(browser)


def test_another_site_cannot_sign_a_person_out(envoy, app, idp):
    browser = sign_in(envoy, idp, "ada@n.example")
    assert browser.post_form(SIGN_OUT, {}, origin="https://evil.test").status == 403
    assert has_session(browser)


def test_a_session_cookie_does_not_outlive_the_session(start, base, app, idp):
    with start(settings.changed(base, "tenants.0.session.lifetime_seconds", 60)) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        (name,) = browser.sessions()
        said = re.search(r"max-age=(\d+)", browser.attributes[name], re.I)
        assert said is None or int(said.group(1)) <= 60
        assert has_session(browser)


def test_a_session_passes_from_one_envoy_to_another_with_the_same_key(start, app, idp):
    with start() as first, start() as second:
        browser = sign_in(first, idp, "ada@n.example")
        browser.envoy = second
        assert has_session(browser)


def test_a_session_of_another_key_is_none(start, app, idp):
    other = ENVIRONMENT | {"VESTIBULE_KEY": "another-master-key-0123456789-abcdefghijk"}
    with start() as first, start(environment=other) as second:
        browser = sign_in(first, idp, "ada@n.example")
        browser.envoy = second
        assert not has_session(browser)


def test_a_retired_key_still_opens_what_it_sealed(start, base, app, idp):
    keys = [{"id": "k2", "secret": {"env": "APP_SCIM_TOKEN"}}, {"id": "k1", "secret": {"env": "VESTIBULE_KEY"}}]
    environment = ENVIRONMENT | {"APP_SCIM_TOKEN": "new-master-key-0123456789-abcdefghijklmno"}
    with start() as first, start(settings.changed(base, "keys", keys), environment=environment) as second:
        browser = sign_in(first, idp, "ada@n.example")
        browser.envoy = second
        assert has_session(browser)


@pytest.mark.core
@pytest.mark.parametrize("native", ["auto", "off"])
def test_sign_in_works_with_and_without_native_verification(start, base, app, idp, native):
    with start(settings.changed(base, "host.native_crypto", native)) as envoy:
        assert has_session(sign_in(envoy, idp, "ada@n.example"))


@pytest.mark.parametrize("trailers", [None, [("x-last", "1")]])
def test_sign_in_works_by_h2(envoy, app, idp, trailers):
    browser = Browser(envoy)
    login = Login(browser)
    body = urlencode(form(idp.response(login.request.id), login.relay_state)).encode()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookie),
        ("origin", "https://idp.test"),
    ]
    with H2(envoy.tls_port, tls=True, host="localhost:8443") as client:
        assert client.request("POST", urlsplit(settings.ACS).path, headers, body, trailers).status == 303
