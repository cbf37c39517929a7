"""Whatever is wrong with a response or with the way it comes: no session, a page with a reference, a code in the log."""

import datetime
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest
from harness import settings
from harness.browser import Browser
from harness.idp import IdentityProvider, form
from harness.sign_in import IDP_ORIGIN, Login, has_session
from harness.tls import self_signed

pytestmark = pytest.mark.modes("held", "early")

SIGNED = ["assertion", "response", "both"]


def refused(reply, browser, envoy=None, since=0):
    assert reply.status == 403, f"{reply.status}: {reply.body[:300]!r}"
    assert (reply.get("content-type") or "").startswith("text/html")
    assert re.search(rb"[Rr]eference", reply.body)
    assert not has_session(browser)
    if envoy:
        assert re.search(r"code=\S+", envoy.log()[since:]), "the log does not say why"


def altered(xml: bytes, old: bytes, new: bytes) -> bytes:
    assert xml.count(old) >= 1, f"{old!r} is not in the response"
    return xml.replace(old, new, 1)


@pytest.mark.quick
@pytest.mark.core
@pytest.mark.parametrize("signed", SIGNED)
def test_one_changed_byte_in_the_name_is_refused(envoy, app, idp, signed):
    browser = Browser(envoy)
    login = Login(browser)
    since = len(envoy.log())
    xml = idp.response(login.request.id, "ada@n.example", sign=signed)
    refused(login.answer(altered(xml, b">ada@n", b">bda@n")), browser, envoy, since)


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b">object-of-", b">object_of-"),
        (b"</ns1:NameID>", b" </ns1:NameID>"),
        (b"<ns1:NameID ", b'<ns1:NameID x="1" '),
        (b"ada@n.example</ns1:NameID>", b"ada@n.example<!-- -->.evil</ns1:NameID>"),
        (b"<ns2:SignatureValue>", b"<ns2:SignatureValue>AAAA"),
        (b"<ns2:DigestValue>", b"<ns2:DigestValue>A"),
        (b"rsa-sha256", b"rsa-sha512"),
    ],
)
def test_a_change_inside_the_response_is_refused(envoy, app, idp, signed, old, new):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(altered(idp.response(login.request.id, sign=signed), old, new)), browser)


@pytest.mark.core
def test_an_unsigned_response_is_refused(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(login.request.id, sign="neither")), browser)


@pytest.mark.core
@pytest.mark.parametrize("signed", SIGNED)
def test_another_key_is_refused(envoy, app, tmp_path, signed):
    stranger = IdentityProvider(self_signed(tmp_path, "stranger"))
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(stranger.response(login.request.id, sign=signed)), browser)
    stranger.close()


@pytest.mark.core
@pytest.mark.parametrize("signed", SIGNED)
def test_another_audience_is_refused(envoy, app, idp, signed):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(login.request.id, audience="https://other.test/saml", sign=signed)), browser)


@pytest.mark.core
@pytest.mark.parametrize(
    "recipient", ["https://localhost:8443/other", "https://other.test/.vestibule/saml/acs", settings.ACS + "/"]
)
def test_another_recipient_is_refused(envoy, app, idp, recipient):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(login.request.id, recipient=recipient)), browser)


@pytest.mark.core
@pytest.mark.parametrize("hours", [2, 24 * 400, -3])
def test_an_expired_or_future_response_is_refused(envoy, app, idp, hours):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(login.request.id, ago=datetime.timedelta(hours=hours))), browser)


@pytest.mark.core
def test_another_issuer_is_refused(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(login.request.id, issuer="https://idp.evil/metadata")), browser)


@pytest.mark.core
def test_a_response_sent_from_another_browser_is_refused(envoy, app, idp):
    victim, attacker = Browser(envoy), Browser(envoy)
    login = Login(attacker)
    xml = idp.response(login.request.id, "attacker@n.example")
    refused(login.answer(xml, browser=victim), victim)


def test_a_response_to_the_login_of_another_browser_is_refused(envoy, app, idp):
    victim, attacker = Browser(envoy), Browser(envoy)
    theirs, own = Login(attacker), Login(victim)
    xml = idp.response(theirs.request.id, "attacker@n.example")
    refused(own.answer(xml), victim)
    refused(own.answer(xml, relay_state=theirs.relay_state), victim)


@pytest.mark.core
def test_a_response_sent_again_is_refused(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    xml = idp.response(login.request.id)
    assert login.answer(xml).status == 303
    browser.cookies.clear()
    refused(login.answer(xml), browser)


@pytest.mark.core
def test_row_8_1_a_response_sent_many_times_at_once_to_several_workers_is_used_once(start, app, idp):
    with start(concurrency=4) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        xml, cookies = idp.response(login.request.id), dict(browser.cookies)

        def again(_) -> int:
            other = Browser(envoy)
            other.cookies = dict(cookies)  # that of the login too: nothing but the table of used assertions is in the way
            return login.answer(xml, other).status

        with ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(again, range(36)))
        assert sorted(statuses) == [303] + [403] * 35
        assert again(0) == 403


@pytest.mark.core
@pytest.mark.parametrize("in_response_to", [None, "_" + "0" * 32])
def test_a_response_to_no_request_of_ours_is_refused(envoy, app, idp, in_response_to):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(idp.response(in_response_to)), browser)


@pytest.mark.parametrize("relay_state", ["x", "", "https://evil.test/", "\u00e9", "A" * 4000])
def test_a_foreign_relay_state_is_refused_or_leads_home(envoy, app, idp, relay_state):
    browser = Browser(envoy)
    login = Login(browser)
    fields = form(idp.response(login.request.id), relay_state)
    reply = browser.post_form(urlsplit(settings.ACS).path, fields, origin=IDP_ORIGIN)
    assert reply.status in (303, 403)
    assert "evil" not in (reply.get("location") or "")


@pytest.mark.core
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"SAMLResponse": ""},
        {"SAMLResponse": "!!!"},
        {"SAMLResponse": "aGVsbG8="},
        {"SAMLResponse": "PGE+PGI+PC9hPg=="},
        {"RelayState": "x"},
        {"SAMLRequest": "PGE+PC9hPg=="},
    ],
)
def test_what_is_no_response_is_refused(envoy, app, fields):
    browser = Browser(envoy)
    Login(browser)
    reply = browser.post_form(urlsplit(settings.ACS).path, fields, origin=IDP_ORIGIN)
    assert reply.status in (400, 403)
    assert not has_session(browser)


@pytest.mark.parametrize("doubled", ["SAMLResponse", "RelayState"])
@pytest.mark.parametrize("with_what", ["itself", "another value"])
def test_a_form_that_says_one_thing_twice_is_refused(envoy, app, idp, doubled, with_what):
    browser = Browser(envoy)
    login = Login(browser)
    fields = form(idp.response(login.request.id), login.relay_state)
    more = (doubled, fields[doubled] if with_what == "itself" else "x")
    headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", IDP_ORIGIN)]
    body = urlencode([*fields.items(), more]).encode()
    assert browser.request("POST", urlsplit(settings.ACS).path, headers, body).status in (400, 403)
    assert not has_session(browser)


@pytest.mark.parametrize("octets", [2_000_000, 5_000_000])
def test_a_huge_form_is_refused_and_harms_nobody(envoy, app, octets):
    browser = Browser(envoy)
    try:
        reply = browser.post_form(urlsplit(settings.ACS).path, {"SAMLResponse": "A" * octets}, origin=IDP_ORIGIN)
        assert reply.status in (400, 403, 413) or reply.cut
    except OSError:
        pass  # refused before all of it had gone
    assert browser.fetch("/public/x").status == 200


BOMB = b"<!DOCTYPE a [<!ENTITY b 'x'>" + b"".join(b"<!ENTITY b%d '&b;&b;'>" % n for n in range(30)) + b"]><a>&b29;</a>"


@pytest.mark.parametrize(
    "xml", [BOMB, b"<a>" * 20_000, b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", b"\x00\xff\xfe"]
)
def test_a_hostile_document_is_refused_and_harms_nobody(envoy, app, xml):
    browser = Browser(envoy)
    login = Login(browser)
    refused(login.answer(xml), browser)


@pytest.mark.core
def test_only_a_post_reaches_the_assertion_consumer(envoy, app):
    for method in ("GET", "PUT", "DELETE"):
        assert Browser(envoy).request(method, urlsplit(settings.ACS).path).status in (400, 405)
    assert not app.requests


def test_a_made_up_pending_cookie_is_none(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    (name,) = browser.cookies
    browser.cookies[name] = secrets.token_urlsafe(120)
    refused(login.answer(idp.response(login.request.id)), browser)
