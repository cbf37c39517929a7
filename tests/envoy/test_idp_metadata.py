"""Trust by metadata that a real server publishes: signed by pysaml2, fetched by Envoy, rolled over, late, or not there."""

import threading
import time

import pytest
from harness import settings
from harness.browser import Browser
from harness.idp import IdentityProvider
from harness.logout import published
from harness.sign_in import Login, has_session, sign_in
from harness.tls import self_signed
from harness.upstream import CUT, HANG, RESET, Answer, Application

pytestmark = pytest.mark.modes("held", "early")

PROVIDER = "tenants.0.saml.identity_provider"
CODE = "event=document.failed code="


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Other keys of the identity provider, and the one that signs its metadata."""
    place = tmp_path_factory.mktemp("more-keys")
    return {name: self_signed(place, name) for name in ("next", "publisher")}


class Site:
    """An Envoy and the server whose metadata it trusts."""

    def __init__(self, start, base, answer, pinned: dict | None, timeout_ms: int = 1000):
        self.server = Application(lambda request: answer)
        source = {"cluster": "idp", "authority": "idp.test", "path": "/metadata?appid=1", "timeout_ms": timeout_ms}
        provider = {"entity_id": settings.IDP, "metadata": source}
        if pinned:
            provider["pinned"] = {"certificates": [settings.certificate_text(pinned["certificate"])]}
        else:
            provider["trust"] = "tls"
        self._start = start(settings.changed(base, PROVIDER, provider), clusters={"idp": self.server.port})

    def __enter__(self):
        self.envoy = self._start.__enter__()
        return self

    def __exit__(self, *error):
        try:
            self._start.__exit__(*error)
        finally:
            self.server.stop()

    def known(self):
        """Waits until the metadata has been read."""
        self.envoy.wait_for_log("event=document.fetched")
        return self


def as_xml(document: bytes) -> Answer:
    return Answer(200, document, [("content-type", "application/samlmetadata+xml")])


def test_people_sign_in_by_what_metadata_says_that_a_pinned_key_signed(start, base, app, idp, keys):
    document = published(idp, signed_by=keys["publisher"])
    with Site(start, base, as_xml(document), keys["publisher"]) as site:
        site.known()
        sign_in(site.envoy, idp, "ada@n.example")
        asked = site.server.wait_for(1)[0]
        assert asked.path == "/metadata?appid=1" and asked.get("host") == "idp.test"
        # Envoy merges histograms when it flushes its statistics, every five seconds.
        until = time.monotonic() + 15
        while "vestibule.document.duration_ms" not in (shown := site.envoy.admin("/stats?usedonly&filter=vestibule")):
            assert time.monotonic() < until, shown
            time.sleep(0.5)


@pytest.mark.parametrize("signed", ["by another key", "not at all"])
def test_metadata_that_the_pinned_key_did_not_sign_signs_nobody_in(start, base, app, idp, keys, signed):
    document = published(idp, signed_by=keys["next"] if signed == "by another key" else None)
    code = {"by another key": "signature_untrusted", "not at all": "metadata_unsigned"}[signed]
    with Site(start, base, as_xml(document), keys["publisher"]) as site:
        site.envoy.wait_for_log(CODE + code)
        reply = Browser(site.envoy).get("/private/page")
        assert reply.status == 503 and reply.get("retry-after") == "5"


@pytest.mark.parametrize("way", [RESET, CUT, Answer(500), Answer(302, b"", [("location", "https://evil.test/")])])
def test_a_server_that_gives_nothing_leaves_a_page_and_no_hung_stream(start, base, app, way):
    with Site(start, base, way, None) as site:
        site.envoy.wait_for_log(CODE)
        began = time.monotonic()
        reply = Browser(site.envoy).get("/private/page")
        assert reply.status == 503 and b"<!doctype html>" in reply.body
        assert Browser(site.envoy).fetch("/public/x").status == 200, "everything else goes on"
        assert time.monotonic() - began < 2


def test_a_server_that_is_late_at_the_start_is_asked_again_within_seconds(start, base, app, idp):
    with Site(start, base, Answer(503), None) as site:
        site.envoy.wait_for_log(CODE)
        assert Browser(site.envoy).get("/private/page").status == 503
        time.sleep(2)
        before = len(site.server.requests)
        for _ in range(50):
            Browser(site.envoy).get("/private/page")
        asked = len(site.server.requests) - before
        assert asked <= 6, "who asks for a page has nothing fetched"
        site.server.handler = lambda request: as_xml(published(idp))
        time.sleep(9)  # each thread of Envoy waits for its own turn: 1, 2, 4 and 8 seconds
        for _ in range(8):
            sign_in(site.envoy, idp, "ada@n.example")


def begun_elsewhere(start, base, idp):
    """A login that another Envoy began, which has the same keys."""
    with Site(start, base, as_xml(published(idp)), None) as other:
        other.known()
        browser = Browser(other.envoy)
        return Login(browser), dict(browser.cookies)


def test_an_answer_that_comes_before_the_metadata_waits_for_it(start, base, app, idp):
    login, cookies = begun_elsewhere(start, base, idp)
    slow = as_xml(published(idp))
    slow.after = 3
    with Site(start, base, slow, None, timeout_ms=8000) as site:
        browser = Browser(site.envoy)
        browser.cookies = cookies
        reply = login.answer(idp.response(login.request.id), browser)
        site.known()
        assert reply.status == 303, reply.body
        assert has_session(browser)


def test_an_answer_does_not_wait_for_a_server_that_hangs(start, base, app, idp):
    login, cookies = begun_elsewhere(start, base, idp)
    with Site(start, base, HANG, None, timeout_ms=3000) as site:
        browser = Browser(site.envoy)
        browser.cookies = cookies
        began = time.monotonic()
        reply = login.answer(idp.response(login.request.id), browser)
        assert reply.status == 503 and reply.get("retry-after")
        assert time.monotonic() - began < 12


def test_a_metadata_server_that_dies_in_the_middle_of_a_login_leaves_no_hung_stream(start, base, app, idp):
    login, cookies = begun_elsewhere(start, base, idp)
    with Site(start, base, HANG, None, timeout_ms=8000) as site:
        browser = Browser(site.envoy)
        browser.cookies = cookies
        dying = threading.Timer(1.5, site.server.stop)
        began = time.monotonic()
        dying.start()
        reply = login.answer(idp.response(login.request.id), browser)
        dying.join()
        assert reply.status == 503 and reply.get("retry-after")
        assert time.monotonic() - began < 7, "it was waited for beyond its death"
        assert not any(site.envoy.stats(r"http\.(plain|tls)\.downstream_rq_active").values())
        assert Browser(site.envoy).fetch("/public/x").status == 200, "everything else goes on"


def test_a_certificate_is_rolled_over_without_a_restart_and_without_a_lost_login(start, base, app, idp, keys):
    next_idp = IdentityProvider(keys["next"])
    try:
        with Site(start, base, as_xml(published(idp)), None) as site:
            site.known()
            old = sign_in(site.envoy, idp, "ada@n.example")
            before = len(site.server.requests)  # each thread of Envoy has read it for itself
            # Announced long before it is used, as Entra does, or on the very day.
            site.server.handler = lambda request: as_xml(published(next_idp))
            time.sleep(61)  # nobody makes us fetch more than once a minute
            sign_in(site.envoy, next_idp, "grace@n.example")
            assert has_session(old)
            login = Login(Browser(site.envoy))
            assert login.answer(idp.response(login.request.id)).status == 403, "the old key has gone"
            assert len(site.server.requests) == before + 1, "once for the new key, and not again for the old one"
            # And a server that is down now changes nothing.
            site.server.handler = lambda request: RESET
            sign_in(site.envoy, next_idp, "hedy@n.example")
    finally:
        next_idp.close()
