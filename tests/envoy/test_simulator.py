"""Signing in and out with the Entra simulator: every choice of its pages, and every way to break a response."""

import base64
import re
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import settings
from harness.browser import Browser
from harness.sign_in import has_session
from harness.simulator import TENANT, Refused, Simulator
from harness.tls import self_signed

MICROSOFT = "https://login.microsoftonline.com"
SLO = "https://localhost:8443/.vestibule/saml/slo"
SIGN_OUT = "/.vestibule/sign-out"
# What each fault is refused with.
CODES = {
    "audience": "audience_mismatch",
    "recipient": "recipient_mismatch|destination_mismatch",
    "destination": "destination_mismatch",
    "expired": "expired|confirmation_expired",
    "clock": "not_yet_valid",
    "wrapped": "nested_assertion|unexpected_element|misplaced_signature",
    "signature": "signature",
    "other_key": "signature",
    "unsigned": "unsigned",
    "content": "digest|signature",
    "issuer": "issuer_mismatch",
    "in_response_to": "unknown_request",
    "status": "status",
    "no_passive": "status|passive",
    "doctype": "xml_doctype|not_a_response|doctype",
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = Simulator(tmp_path_factory.mktemp("simulator"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def entra(base, simulator):
    """Configured for Entra, with what its page shows."""
    made = settings.changed(base, "tenants.0.saml.entra", {"tenant_id": TENANT})
    return settings.changed(made, "tenants.0.saml.identity_provider", {"certificates": [simulator.certificate]})


@pytest.fixture(scope="module")
def own(place):
    return self_signed(place, "application")


@pytest.fixture(scope="module")
def everything(start, entra, simulator, own):
    """All its certificates, our decryption key, logout, a route that wants a second factor."""
    saml = "tenants.0.saml"
    made = settings.changed(entra, f"{saml}.identity_provider", {"certificates": simulator.certificates})
    key = {"key": {"value": Path(own["key"]).read_text()}, "certificate": settings.certificate_text(own["certificate"])}
    made = settings.changed(made, f"{saml}.decryption_keys", [key])
    sso = simulator.ask("/api/settings")["sso_url"]
    made = settings.changed(made, f"{saml}.logout", {"slo_url": sso})
    mfa = {"path": {"prefix": "/private/mfa"}, "access": "signed_in", "require": [{"mfa": True}]}
    rules = made["tenants"][0]["access"]["rules"]
    made = settings.changed(made, "tenants.0.access.rules", [mfa, *rules])
    simulator.ask("/api/settings", {"logout_url": SLO}, "PATCH")
    with start(made, concurrency=2) as running:
        yield running


@pytest.fixture(scope="module")
def generous(start, entra):
    """Sign-ins that start at Entra, SHA-1 and CBC are accepted."""
    made = settings.changed(entra, "tenants.0.saml.accept", ["sha1-signature", "sha1-digest"])
    with start(settings.changed(made, "tenants.0.saml.allow_unsolicited", True)) as running:
        yield running


class Visit:
    """A browser on its way to a page and through the simulator."""

    def __init__(self, envoy, simulator, path="/private/page"):
        self.envoy, self.simulator, self.browser = envoy, simulator, Browser(envoy)
        self.since = len(envoy.log())
        self.location = self.browser.get(path).get("location")

    def signed(self, **how) -> dict:
        order = {"user": "ada", "saml_request_url": self.location} | how
        return self.simulator.ask("/api/sign-in", order)

    def post(self, signed: dict):
        fields = {"SAMLResponse": signed["saml_response"]}
        if signed["relay_state"]:
            fields["RelayState"] = signed["relay_state"]
        return self.browser.post_form(urlsplit(signed["acs_url"]).path, fields, origin=MICROSOFT)

    def come_back(self, **how):
        return self.post(self.signed(**how))

    def log(self) -> str:
        return self.envoy.log()[self.since :]

    def is_in(self) -> bool:
        return has_session(self.browser)


def xml_of(signed: dict) -> str:
    return base64.b64decode(signed["saml_response"]).decode()


# Signing.


@pytest.mark.core
@pytest.mark.parametrize("signing", ["assertion", "response", "both", "assertion_sha1"])
def test_each_of_entras_signing_choices_signs_the_person_in_or_is_refused_by_name(
    everything, generous, app, simulator, signing
):
    visit = Visit(everything, simulator)
    assert urlsplit(visit.location).path == f"/{TENANT}/saml2"
    signed = visit.signed(signing=signing)
    assert signed["acs_url"] == settings.ACS
    assert ("#rsa-sha1" in xml_of(signed)) == (signing == "assertion_sha1")
    status = visit.post(signed).status
    if signing != "assertion_sha1":
        assert status == 303 and visit.is_in(), visit.log()
        return
    assert status == 403 and not visit.is_in()
    assert "code=signature_algorithm" in visit.log()
    visit = Visit(generous, simulator)
    assert visit.come_back(signing=signing).status == 303 and visit.is_in(), visit.log()


@pytest.mark.parametrize("signing", ["assertion", "response"])
def test_every_algorithm_is_accepted_from_a_key_that_is_known(everything, app, simulator, signing):
    algorithms = ["rsa-sha256", "rsa-sha384", "rsa-sha512"]
    algorithms += ["rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512", "ecdsa-sha256", "ecdsa-sha384"]
    for algorithm in algorithms:
        visit = Visit(everything, simulator)
        reply = visit.come_back(algorithm=algorithm, signing=signing)
        assert reply.status == 303 and visit.is_in(), (algorithm, visit.log())


def test_an_elliptic_key_that_is_not_known_is_refused(generous, app, simulator):
    visit = Visit(generous, simulator)
    assert visit.come_back(algorithm="ecdsa-sha256").status == 403 and not visit.is_in()


# Encryption.


def test_the_certificate_of_our_metadata_is_taken_over_and_assertions_are_encrypted_for_it(
    everything, app, simulator, own
):
    metadata = Browser(everything).get("/.vestibule/saml/metadata").body.decode()
    asked = f"http://127.0.0.1:{simulator.port}/api/settings/metadata"
    with urllib.request.urlopen(urllib.request.Request(asked, metadata.encode()), timeout=20) as answer:
        assert answer.status == 200
    known = simulator.ask("/api/settings")
    assert known["encryption_certificate"] == settings.certificate_text(own["certificate"])
    assert known["logout_url"] == SLO and known["reply_url"] == settings.ACS
    for transport in ["rsa-oaep-mgf1p", "rsa-oaep-sha256"]:
        simulator.ask("/api/settings", {"key_transport": transport}, "PATCH")
        for cipher in ["aes256-gcm", "aes128-gcm"]:
            visit = Visit(everything, simulator)
            signed = visit.signed(encryption=cipher)
            assert "ada@meadow.example" not in xml_of(signed) and "<EncryptedAssertion" in xml_of(signed)
            assert visit.post(signed).status == 303 and visit.is_in(), (cipher, transport, visit.log())
    visit = Visit(everything, simulator)
    assert visit.come_back(encryption="aes256-cbc").status == 403
    assert "code=encryption_cbc" in visit.log()


# Claims and how somebody signed in.


def test_claims_are_what_the_list_says(everything, app, simulator):
    visit = Visit(everything, simulator)
    email = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    assert visit.come_back(claims=[{"name": email, "source": "ToLowercase(user.mail)"}]).status == 303
    assert visit.browser.fetch("/private/echo").status == 200
    seen = app.requests[-1]
    assert seen.get("x-user") == "ada@meadow.example" and seen.get("x-email") == "ada.ferngrove@meadow.example"
    visit = Visit(everything, simulator)
    assert visit.come_back(claims=[]).status == 303
    assert visit.browser.fetch("/private/echo").status == 200
    assert app.requests[-1].get("x-email") is None


def test_groups_are_told_by_identifier_or_name_and_too_many_are_never_taken_for_none(everything, app, simulator):
    group = simulator.ask("/api/groups")[0]
    for value, told in [("display_name", group["displayName"]), ("object_id", group["objectId"])]:
        simulator.ask("/api/settings", {"groups": {"value": value}}, "PATCH")
        visit = Visit(everything, simulator)
        assert visit.come_back().status == 303
        visit.browser.fetch("/private/echo")
        assert app.requests[-1].get("x-groups") == told
    simulator.ask("/api/settings", {"groups": {"overage": True}}, "PATCH")
    try:
        visit = Visit(everything, simulator)
        signed = visit.signed()
        assert "claims/groups.link" in xml_of(signed)
        assert visit.post(signed).status == 403 and not visit.is_in(), "the rules of this tenant use groups"
    finally:
        simulator.ask("/api/settings", {"groups": {}}, "PATCH")


def test_a_second_factor_is_told_and_can_be_left_out(everything, app, simulator):
    visit = Visit(everything, simulator, "/private/mfa/page")
    assert visit.come_back(context={"mfa": False}).status == 303
    assert visit.browser.get("/private/mfa/page").status != 200 and visit.is_in()
    visit = Visit(everything, simulator, "/private/mfa/page")
    assert visit.come_back(context={"class": "multi_factor", "mfa": True}).status == 303
    assert visit.browser.get("/private/mfa/page").status == 200


# Break it.


@pytest.mark.parametrize("fault", sorted(CODES))
def test_each_broken_response_is_refused_by_its_name(everything, app, simulator, fault):
    for signing in ["assertion", "response", "both"]:
        visit = Visit(everything, simulator)
        reply = visit.come_back(**{"break": fault, "signing": signing})
        assert reply.status in (401, 403) and not visit.is_in(), (fault, signing)
        assert b"<h1>" in reply.body and b"mallory" not in reply.body
        code = re.search(r"event=sign_on\.\w+ code=(\S+)", visit.log())
        assert code and re.search(CODES[fault], code[1]), (fault, signing, visit.log())


def test_a_replay_is_refused_in_the_same_browser_and_in_another(everything, app, simulator):
    visit = Visit(everything, simulator)
    assert visit.come_back().status == 303
    for again in [visit, Visit(everything, simulator)]:
        again.since = len(everything.log())
        reply = again.come_back(**{"break": "replay"})
        assert reply.status == 403, again.log()
    assert not again.is_in()


def test_there_is_nothing_to_replay_of_somebody_who_has_not_signed_in(everything, simulator):
    with pytest.raises(Refused) as refused:
        Visit(everything, simulator).signed(user="mira", **{"break": "replay"})
    assert refused.value.body["error"] == "nothing_to_replay"


# From Entra's end.


def test_a_sign_in_that_starts_at_entra_is_refused_or_accepted_as_configured(everything, generous, app, simulator):
    order = {"user": "ada", "unsolicited": True, "relay_state": "/private/there"}
    for envoy, status in [(everything, 403), (generous, 303)]:
        browser = Browser(envoy)
        signed = simulator.ask("/api/sign-in", order)
        fields = {"SAMLResponse": signed["saml_response"], "RelayState": signed["relay_state"]}
        assert browser.post_form(urlsplit(settings.ACS).path, fields, origin=MICROSOFT).status == status
        assert has_session(browser) == (status == 303)


# Signing out.


@pytest.mark.core
def test_signing_out_at_the_application_ends_the_session_at_entra_and_comes_back(everything, app, simulator):
    visit = Visit(everything, simulator)
    index = visit.signed()["session_index"]
    visit = Visit(everything, simulator)
    signed = visit.signed()
    assert visit.post(signed).status == 303
    location = visit.browser.post_form(SIGN_OUT, {}).get("location")
    assert urlsplit(location).path == f"/{TENANT}/saml2"
    status, back, _ = simulator.follow(location)
    assert status == 303 and back.startswith(SLO) and "%2" in back and "%2F" not in back
    page = visit.browser.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
    assert page.status == 200 and b"You are signed out" in page.body, visit.log()
    assert not visit.is_in()
    sessions = {session["index"]: session for session in simulator.ask("/api/sessions")}
    assert sessions[signed["session_index"]]["ended_by"] == "application"
    assert sessions[index]["ended_by"] is None, "another session"


@pytest.mark.core
def test_signing_out_at_entra_ends_the_session_here_even_in_a_frame_without_cookies(everything, app, simulator):
    one, other = Visit(everything, simulator), Visit(everything, simulator)
    signed = one.signed()
    assert one.post(signed).status == 303 and other.come_back().status == 303
    asked = simulator.ask("/api/sign-out", {"session_index": signed["session_index"]})
    url = urlsplit(asked["logout_url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == SLO
    reply = Browser(everything).get(f"{url.path}?{url.query}")
    assert reply.status == 303, one.log()
    status, _, page = simulator.follow(reply.get("location"))
    assert status == 200 and "Success" in page
    assert all(not one.is_in() for _ in range(6)) and other.is_in()
    sessions = {session["index"]: session for session in simulator.ask("/api/sessions")}
    assert sessions[signed["session_index"]]["answer"] == "Success"


# Its own door.


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}],
)
def test_pages_of_other_sites_cannot_have_the_simulator_do_anything(simulator, headers):
    for path, order, method in [
        ("/api/users/ada", {"accountEnabled": False}, "PATCH"),
        ("/api/sign-in", {"user": "ada", "unsolicited": True}, "POST"),
        ("/ui/users/ada/disable", {}, "POST"),
    ]:
        with pytest.raises(Refused) as refused:
            simulator.ask(path, order, method, **headers)
        assert (refused.value.status, refused.value.body["error"]) == (403, "foreign_origin")
    assert simulator.ask("/api/users/ada")["accountEnabled"]
