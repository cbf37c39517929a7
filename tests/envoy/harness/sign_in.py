"""Signing a person in, step by step as a browser does it."""

from urllib.parse import urlsplit

from . import settings
from .browser import Browser, query_of
from .idp import AuthnRequest, IdentityProvider, form
from .messages import Reply

IDP_ORIGIN = "https://idp.test"


class Login:
    """A login that the filter started and nobody has answered yet."""

    def __init__(self, browser: Browser, path: str = "/private/page"):
        reply = browser.get(path)
        assert reply.status == 302, f"{reply.status}: {reply.body[:300]!r}"
        self.location = reply.get("location")
        assert self.location.split("?")[0] == settings.IDP_SSO
        query = query_of(self.location)
        self.browser = browser
        self.relay_state = query.get("RelayState")
        self.request = AuthnRequest(query["SAMLRequest"])

    def answer(self, xml: bytes, browser: Browser | None = None, relay_state: str | None = None) -> Reply:
        """Posts a response to the assertion consumer, from the provider's page."""
        fields = form(xml, relay_state or self.relay_state)
        return (browser or self.browser).post_form(urlsplit(settings.ACS).path, fields, origin=IDP_ORIGIN)


def sign_in(envoy, idp: IdentityProvider, user: str, path: str = "/private/page", **response) -> Browser:
    """A browser with a session of `user`."""
    browser = Browser(envoy)
    login = Login(browser, path)
    reply = login.answer(idp.response(login.request.id, user, **response))
    assert reply.status == 303, f"{reply.status}: {reply.body[:500]!r}"
    assert has_session(browser)
    return browser


def has_session(browser: Browser) -> bool:
    """Whether the filter lets this browser to a signed-in page."""
    return browser.fetch("/private/check").status == 200
