"""Identity providers that are products of others, against the filter: each side knows the other by its metadata.

pysaml2 stands in the other files; here are npm samlp (Auth0) and SimpleSAMLphp (Debian)."""

import base64
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import settings
from harness.browser import Browser
from harness.logout import SLO
from harness.providers import ORIGIN, Form, Samlp, SimpleSaml
from harness.sign_in import has_session
from harness.tls import self_signed

pytestmark = pytest.mark.modes("held", "early")

SIGN_OUT = "/.vestibule/sign-out"


@pytest.fixture(scope="module", params=[Samlp, SimpleSaml])
def provider(request, tmp_path_factory, idp_keys):
    running = request.param(tmp_path_factory.mktemp("provider") / "place", idp_keys)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sp_keys(place):
    return self_signed(place, "sp-of-providers")


@pytest.fixture(scope="module")
def trusting(base, provider):
    """The filter's configuration, with the provider's metadata as it publishes them."""
    metadata = provider.request("GET", provider.metadata_path)
    assert metadata.status == 200, metadata.body
    known = {"entity_id": settings.IDP, "metadata": {"text": metadata.body.decode()}}
    return settings.changed(base, "tenants.0.saml.identity_provider", known)


@pytest.fixture(scope="module")
def full(trusting, provider, sp_keys):
    """With a key for everything: signed requests, encrypted assertions, logout."""
    own = {
        "key": {"value": Path(sp_keys["key"]).read_text()},
        "certificate": settings.certificate_text(sp_keys["certificate"]),
    }
    made = settings.changed(trusting, "tenants.0.saml.request", {"sign": own})
    made = settings.changed(made, "tenants.0.saml.decryption_keys", [own])
    if provider.cbc:
        made = settings.changed(made, "tenants.0.saml.accept", ["cbc"])
    return settings.changed(made, "tenants.0.saml.logout", {})


@pytest.fixture(scope="module")
def plain_envoy(start, trusting):
    with start(trusting) as running:
        yield running


@pytest.fixture(scope="module")
def full_envoy(start, full):
    with start(full) as running:
        yield running


def published(envoy) -> bytes:
    reply = Browser(envoy).get("/.vestibule/saml/metadata")
    assert reply.status == 200
    return reply.body


def signed_in(envoy, provider) -> Browser:
    """A browser that has been to the provider and back."""
    browser = Browser(envoy)
    provider.cookies.clear()
    reply = browser.get("/private/page?tab=2")
    assert reply.status == 302
    back = provider.visit(reply.get("location")).bring(browser, settings.ACS)
    assert back.status == 303, f"{back.body}\n{envoy.log()[-2000:]}"
    assert urlsplit(back.get("location")).path == "/private/page"
    assert has_session(browser)
    return browser


@pytest.mark.core
@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_a_person_signs_in(plain_envoy, app, provider, sign):
    provider.know(published(plain_envoy), sign=sign)
    signed_in(plain_envoy, provider)
    arrived = app.requests[-1]
    assert arrived.get("x-user") == "ada@n.example" and arrived.get("x-email") == "ada@n.example"
    assert "g-1" in arrived.get("x-groups")


@pytest.mark.core
def test_a_person_signs_in_by_a_signed_request_and_an_encrypted_assertion(full_envoy, app, provider, sp_keys):
    provider.know(published(full_envoy), signed_requests=True, encryption=sp_keys)
    browser = Browser(full_envoy)
    provider.cookies.clear()
    location = browser.get("/private/page").get("location")
    answer = provider.visit(location)
    xml = base64.b64decode(answer.fields["SAMLResponse"])
    assert b"EncryptedAssertion" in xml and b"ada@n.example" not in xml
    assert answer.bring(browser, settings.ACS).status == 303, full_envoy.log()[-2000:]
    assert has_session(browser)
    assert app.requests[-1].get("x-user") == "ada@n.example"


def test_the_provider_that_wants_signed_requests_refuses_ours_without(full_envoy, app, provider, sp_keys):
    """Otherwise the test before would show nothing."""
    provider.know(published(full_envoy), signed_requests=True)
    location = Browser(full_envoy).get("/private/page").get("location")
    unsigned = location.partition("&SigAlg=")[0]
    assert unsigned != location
    for forged in (unsigned, location[:-12] + "AAAAAAAAAA%3D"):
        provider.cookies.clear()
        page = provider.visit(forged)
        assert page.url is None and any(text in page.page.body for text in provider.refusal), page.page.body[:1000]
    assert provider.visit(location).fields["SAMLResponse"]


@pytest.mark.core
def test_signing_out_here_signs_out_there_and_comes_back(full_envoy, app, provider, sp_keys):
    provider.know(published(full_envoy), signed_requests=True)
    browser = signed_in(full_envoy, provider)
    leaving = browser.post_form(SIGN_OUT, {})
    assert leaving.status == 303 and leaving.get("location").startswith(f"{ORIGIN}/")
    assert not has_session(browser)
    page = provider.visit(leaving.get("location")).bring(browser, SLO)
    assert page.status == 200, page.body
    assert b"signed out here and at your organisation" in page.body, page.body


@pytest.mark.core
def test_signing_out_there_signs_out_here(full_envoy, app, provider, sp_keys):
    provider.know(published(full_envoy), signed_requests=True)
    browser, other = signed_in(full_envoy, provider), Browser(full_envoy)
    # The frame in which the provider sends its request has no cookie of ours.
    answer = provider.sign_out().bring(other, SLO)
    assert answer.status == 303, f"{answer.body}\n{full_envoy.log()[-2000:]}"
    assert not has_session(browser)
    # And the provider is content with our answer.
    end = provider.visit(answer.get("location"))
    assert end.page.status in (200, 302, 303), end.page.body
    assert end.url is None or end.url.startswith(f"{ORIGIN}/bye"), end.url
    assert Form(end.page.body.decode()).action is None


def test_a_provider_that_dies_in_the_middle_of_a_login_leaves_nothing_behind(plain_envoy, app, provider, tmp_path, idp_keys):
    """The filter waits for nothing of a provider but its metadata: where it dies, the browser stands alone."""
    first = type(provider)(tmp_path / "first", idp_keys)
    browser = Browser(plain_envoy)
    first.know(published(plain_envoy))
    location = browser.get("/private/page").get("location")
    first.stop()
    with pytest.raises(OSError):
        first.visit(location)
    assert not any(plain_envoy.stats(r"http\.(plain|tls)\.downstream_rq_active").values())
    second = type(provider)(tmp_path / "second", idp_keys)
    try:
        second.know(published(plain_envoy))
        # The login that was begun is still good when the provider is there again.
        assert second.visit(location).bring(browser, settings.ACS).status == 303
        assert has_session(browser)
    finally:
        second.stop()
