"""Single Logout with pysaml2 on the other side, which knows the filter by nothing but its published metadata."""

import datetime
import re
import uuid
from urllib.parse import urlsplit

import pytest
from harness import settings
from harness.browser import Browser, query_of
from harness.logout import IDP_SLO, POST, SLO, SLO_PATH, LogoutProvider, raw_query
from harness.sign_in import IDP_ORIGIN, Login, has_session

pytestmark = pytest.mark.modes("held", "early")

SIGN_OUT = "/.vestibule/sign-out"
REQUEST = """<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_{id}" Version="2.0"
 IssueInstant="{now}" Destination="{destination}"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</Issuer>
<NameID xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{user}</NameID><samlp:SessionIndex>{index}</samlp:SessionIndex>
</samlp:LogoutRequest>"""


@pytest.fixture(scope="module")
def envoy(start, base):
    """Two workers: what one of them is told, the other must know."""
    with start(settings.changed(base, "tenants.0.saml.logout", {"slo_url": IDP_SLO}), concurrency=2) as running:
        yield running


@pytest.fixture(scope="module")
def partner(envoy, idp):
    reply = Browser(envoy).get("/.vestibule/saml/metadata")
    assert reply.status == 200
    return LogoutProvider(idp, reply.body)


class SignedIn:
    """A browser with a session, and the session's index at the identity provider."""

    def __init__(self, envoy, idp, user="ada@n.example"):
        self.browser = Browser(envoy)
        login = Login(self.browser)
        xml = idp.response(login.request.id, user)
        self.index = re.search(rb'SessionIndex="([^"]+)"', xml).group(1).decode()
        assert login.answer(xml).status == 303
        assert has_session(self.browser)

    def ended(self) -> bool:
        """Whether no worker lets the session in; each connection goes to one of them."""
        return all(not has_session(self.browser) for _ in range(8))


def message(**changes) -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {"id": uuid.uuid4().hex, "now": now, "destination": SLO, "issuer": settings.IDP, "user": "ada@n.example"}
    return REQUEST.format(**{**known, "index": "-", **changes})


def test_signing_out_here_ends_the_session_at_the_provider_and_comes_back(envoy, app, idp, partner):
    person = SignedIn(envoy, idp)
    reply = person.browser.post_form(SIGN_OUT, {})
    assert reply.status == 303
    location = reply.get("location")
    assert location.split("?")[0] == IDP_SLO
    assert person.ended()
    back = partner.answer(query_of(location)["SAMLRequest"])
    assert partner.person.text == "ada@n.example" and partner.indexes == [person.index]
    page = person.browser.get(back)
    assert page.status == 200 and b"You are signed out" in page.body
    assert not [name for name in person.browser.cookies if "-o." in name]


def test_an_answer_that_another_browser_brings_is_refused(envoy, app, idp, partner):
    person = SignedIn(envoy, idp)
    location = person.browser.post_form(SIGN_OUT, {}).get("location")
    back = partner.answer(query_of(location)["SAMLRequest"])
    assert Browser(envoy).get(back).status == 403
    assert person.browser.get(back).status == 200


def test_a_request_of_the_provider_ends_the_session_in_every_worker(envoy, app, idp, partner):
    one, other = SignedIn(envoy, idp), SignedIn(envoy, idp)
    # Brought by a browser without any cookie of ours, as a third-party frame is.
    reply = Browser(envoy).get(partner.request("ada@n.example", one.index, relay_state="state-1"))
    assert reply.status == 303, reply.body
    location = reply.get("location")
    assert location.split("?")[0] == IDP_SLO
    query = query_of(location)
    assert query["RelayState"] == "state-1"
    assert partner.status_of(query["SAMLResponse"]) == "Success"
    assert one.ended() and has_session(other.browser)


def test_a_request_without_an_index_ends_all_sessions_of_the_person(envoy, app, idp, partner):
    sessions = [SignedIn(envoy, idp, "grace@n.example") for _ in range(2)]
    bystander = SignedIn(envoy, idp, "hedy@n.example")
    assert Browser(envoy).get(partner.request("grace@n.example", None)).status == 303
    assert all(session.ended() for session in sessions) and has_session(bystander.browser)


def test_a_request_in_a_form_ends_the_session(envoy, app, idp, partner):
    person = SignedIn(envoy, idp)
    fields = partner.request("ada@n.example", person.index, binding=POST)
    reply = Browser(envoy).post_form(SLO_PATH, fields, origin=IDP_ORIGIN)
    assert reply.status == 303, reply.body
    assert person.ended()


def test_a_query_is_verified_as_it_came_lower_case_and_all(envoy, app, idp):
    person = SignedIn(envoy, idp)
    query = raw_query(message(index=person.index), idp.keys["key"], relay_state="https://idp.test/?a=b")
    assert "%3a" in query
    signed, _, signature = query.partition("&Signature=")
    changed = re.sub("%[0-9a-f]{2}", lambda found: found.group().upper(), signed)
    assert Browser(envoy).get(f"{SLO_PATH}?{changed}&Signature={signature}").status == 403
    assert has_session(person.browser)
    assert Browser(envoy).get(f"{SLO_PATH}?{query}").status == 303
    assert person.ended()


@pytest.mark.parametrize("forgery", ["unsigned", "other key", "elsewhere", "other issuer", "old", "injected", "twice"])
def test_what_the_provider_did_not_sign_for_us_ends_nothing(envoy, app, idp, tls, forgery):
    person = SignedIn(envoy, idp)
    hour_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    changes = {
        "elsewhere": {"destination": "https://other.test/slo"},
        "other issuer": {"issuer": "https://evil.test/"},
        "old": {"now": hour_ago.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }.get(forgery, {})
    key = tls["key"] if forgery == "other key" else idp.keys["key"]
    query = raw_query(message(index=person.index, **changes), key)
    if forgery == "unsigned":
        query = query.partition("&SigAlg=")[0]
    if forgery == "injected":
        query += "&RelayState=x"
    if forgery == "twice":
        query += "&" + query
    reply = person.browser.get(f"{SLO_PATH}?{query}")
    assert reply.status == 403 and not reply.all("set-cookie")
    assert has_session(person.browser)


def test_a_request_counts_once(envoy, app, idp):
    person = SignedIn(envoy, idp)
    query = raw_query(message(index=person.index), idp.keys["key"])
    assert [Browser(envoy).get(f"{SLO_PATH}?{query}").status for _ in range(2)] == [303, 403]


def test_nothing_of_the_person_is_in_the_log(envoy, app, idp, partner):
    person = SignedIn(envoy, idp, "secret-person@n.example")
    Browser(envoy).get(partner.request("secret-person@n.example", person.index, relay_state="secret-state"))
    assert person.ended()
    log = envoy.log()
    assert "event=logout.accepted" in log
    assert "secret" not in log and person.index not in log


def test_the_sign_out_page_lets_the_browser_leave(envoy, app):
    page = Browser(envoy).get(SIGN_OUT)
    assert page.status == 200 and "form-action 'self' https:" in page.get("content-security-policy")
    assert urlsplit(SLO).path == SLO_PATH
