"""SecureSafe, as it is shipped: many customers, sign-on that is optional, two roles. docs/scenarios.md names each line."""

import contextlib
import json
import re
from urllib.parse import urlsplit

import pytest
from harness.browser import Browser, query_of
from harness.client import H1
from harness.idp import AuthnRequest
from harness.scenarios import MICROSOFT, ORIGIN, Builder, honest_or_not, replace, said, user_body
from harness.upstream import Answer

PERSON = "ada@meadow.example"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
IDENTITY = {"x-tenant", "x-user", "x-email", "x-plan-role", "x-authn-context"}
MFA = ["http://schemas.microsoft.com/claims/multipleauthn"]


@pytest.fixture(scope="module")
def builder(envoy_binary, wasm, tls, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Builder(envoy_binary, wasm, tls, tmp_path_factory.mktemp, stack)


@pytest.fixture(scope="module")
def both(builder):
    made = builder.securesafe()
    for tenant in made.tenants.values():
        report = tenant.simulator.cycle()
        assert report["outcome"] == "success", report
    return made


@pytest.fixture(autouse=True)
def _fresh(both):
    both.site.clear()
    yield
    assert not both.site.garbage


@pytest.fixture(scope="module")
def acme(both):
    return both.tenants["acme"]


@pytest.fixture(scope="module")
def umbrella(both):
    return both.tenants["umbrella"]


@pytest.fixture(scope="module")
def provider(acme, tmp_path_factory):
    made = honest_or_not(acme, tmp_path_factory.mktemp("provider"))
    yield made
    made.close()


def claims(acme, **more) -> dict:
    """What Entra always says, with a role."""
    user = acme.simulator.ask("/api/users/ada")
    said = {"tenant_id": acme.simulator.tenant_id, "object_id": user["objectId"], "email": user["mail"]}
    return said | more


def begin(envoy, path) -> tuple[Browser, str, str]:
    """A browser that was sent away to sign in, with the identifier of the request and the relay state."""
    browser = Browser(envoy)
    reply = browser.get(path)
    assert reply.status == 302, reply.body
    query = query_of(reply.get("location"))
    return browser, AuthnRequest(query["SAMLRequest"]).id, query["RelayState"]


def signed_in(both, acme, provider, path="/acme/team/x", **more) -> Browser:
    """A browser of ada, about whom the provider says this."""
    browser, request, relay = begin(both.envoy, path)
    answer = said(acme, provider, request, PERSON, claims(acme, **more)) | {"relay_state": relay}
    reply = acme.post(browser, answer)
    assert reply.status == 303, reply.body[:500]
    return browser


# Four values, and many customers behind one Envoy.


def test_the_four_values_that_the_vendor_hands_over_are_all_that_a_customer_needs(both, acme):
    """A SCIM URL, a SAML URL, a token and a tenant that the application knows."""
    settings = acme.simulator.ask("/api/settings")
    assert urlsplit(settings["tenant_url"]).path == "/acme/scim/v2"
    assert settings["reply_url"] == f"{ORIGIN}/acme/saml/acs" and settings["identifier"] == f"{ORIGIN}/acme/saml"
    assert acme.simulator.test_connection()["outcome"] == "success"
    browser = acme.sign_in(both.envoy, "/acme/team/plan")
    assert browser.fetch("/acme/team/plan").status == 200
    assert both.site.requests[-1].get("x-tenant") == "acme"


def test_each_customers_people_go_to_their_own_directory(both, acme, umbrella):
    for tenant, name in ((acme, "acme"), (umbrella, "umbrella")):
        location = Browser(both.envoy).get(f"/{name}/team/x").get("location")
        assert location.startswith(f"{MICROSOFT}/{tenant.simulator.tenant_id}/saml2?")
        request = AuthnRequest(query_of(location)["SAMLRequest"])
        assert request.issuer == tenant.entity and request.acs == tenant.acs


def test_a_token_of_one_customer_opens_nothing_of_another(both, acme, umbrella):
    for mine, other in ((acme, umbrella), (umbrella, acme)):
        before = other.accounts()
        for method, path, body in [
            ("GET", "/Users", None),
            ("POST", "/Users", user_body("intruder@meadow.example")),
            ("PATCH", f"/Users/{before[PERSON]['id']}", replace("active", "False")),
            ("DELETE", f"/Users/{before[PERSON]['id']}", None),
        ]:
            assert other.entra(both.envoy, method, path, body, token=mine.token).status == 401
        assert other.accounts() == before
    assert not both.site.scim_requests()


def test_what_one_customer_provisions_is_seen_at_that_customer_only(both, acme, umbrella):
    made = acme.entra(both.envoy, "POST", "/Users", user_body("only-acme@meadow.example"))
    assert made.status == 201
    assert made.json()["meta"]["location"] == f"{ORIGIN}/acme/scim/v2/Users/{made.json()['id']}"
    sent = both.site.scim_requests("POST")[-1]
    assert sent.get("authorization") == "Bearer own-secret-for-acme" and sent.path.startswith("/acme/api/scim/v2/Users")
    assert "only-acme@meadow.example" in acme.accounts() and "only-acme@meadow.example" not in umbrella.accounts()
    assert acme.entra(both.envoy, "DELETE", f"/Users/{made.json()['id']}").status == 204


def test_the_applications_own_scim_server_is_closed_to_everybody(both, acme):
    for credential in (acme.token, "own-secret-for-acme"):
        for path in ("/acme/api/scim/v2/Users", "/umbrella/api/scim/v2/Users", "/acme/api/../api/scim/v2/Users"):
            with H1(both.envoy.tls_port, tls=True, host="localhost:8443") as client:
                headers = [("authorization", f"Bearer {credential}")]
                assert client.request("GET", path, headers).status in (400, 403, 404), path
    assert not both.site.requests


def test_a_session_of_one_customer_is_none_at_another(both, acme, umbrella):
    browser = acme.sign_in(both.envoy, "/acme/team/x")
    both.site.clear()
    begun = browser.get("/umbrella/team/x")
    assert begun.status == 302 and umbrella.simulator.tenant_id in begun.get("location")
    assert browser.fetch("/umbrella/team/x").status == 401
    for name, value in list(browser.sessions().items()):
        browser.cookies[name.replace(".acme", ".umbrella")] = value
    assert any(".umbrella" in name for name in browser.cookies)
    assert browser.fetch("/umbrella/team/x").status == 401, "renamed, it is none either"
    assert browser.fetch("/umbrella/safe").status == 200
    assert not IDENTITY & both.site.requests[-1].names(), "an optional page is told nothing"


def test_a_login_of_one_customer_is_refused_at_another(both, acme, umbrella, provider):
    """The response of acme's directory: at umbrella's consumer, and made out to umbrella but signed by acme's key."""
    browser = Browser(both.envoy)
    mine = browser.get("/acme/team/x").get("location")
    theirs = query_of(browser.get("/umbrella/team/x").get("location"))
    answer = acme.respond(mine)
    assert acme.post(browser, answer, acs="/umbrella/saml/acs").status == 403
    request = AuthnRequest(theirs["SAMLRequest"]).id
    forged = said(umbrella, provider, request, PERSON, claims(acme) | {"tenant_id": umbrella.simulator.tenant_id})
    assert umbrella.post(browser, forged | {"relay_state": theirs["RelayState"]}).status == 403
    assert browser.fetch("/umbrella/team/x").status == 401
    assert "code=signature_" in both.envoy.log()


def test_a_deactivation_at_one_customer_leaves_the_same_name_at_another_alone(both, acme, umbrella):
    mine, theirs = acme.sign_in(both.envoy, "/acme/team/x"), umbrella.sign_in(both.envoy, "/umbrella/team/x")
    acme.simulator.change("ada", accountEnabled=False)
    assert acme.simulator.on_demand("ada")["outcome"] == "success"
    assert mine.fetch("/acme/team/x").status == 401 and theirs.fetch("/umbrella/team/x").status == 200
    acme.simulator.change("ada", accountEnabled=True)
    assert acme.simulator.on_demand("ada")["outcome"] == "success"


# Properties.


def test_given_name_family_name_and_mail_arrive(both, acme):
    user = acme.accounts()[PERSON]
    assert (user["name"]["givenName"], user["name"]["familyName"]) == ("Ada", "Ferngrove")
    assert [mail["value"] for mail in user["emails"]] == ["ada.ferngrove@meadow.example"]
    acme.simulator.change("ada", givenName="Adah", surname="Ferngrove-Hill", mail="adah@meadow.example")
    assert acme.simulator.cycle()["outcome"] == "success"
    user = acme.accounts()[PERSON]
    assert (user["name"]["givenName"], user["name"]["familyName"]) == ("Adah", "Ferngrove-Hill")
    assert [mail["value"] for mail in user["emails"]] == ["adah@meadow.example"]
    acme.simulator.change("ada", givenName="Ada", surname="Ferngrove", mail="ada.ferngrove@meadow.example")
    assert acme.simulator.cycle()["outcome"] == "success"


# The application's own sign-in page.


def test_the_sign_in_page_of_the_application_stays_and_nobody_is_told_of_anybody(both):
    browser = Browser(both.envoy)
    forged = [(name, "forged") for name in sorted(IDENTITY)]
    for path in ("/acme/login", "/acme/safe", "/acme"):
        assert browser.get(path, forged).status == 200
        assert not IDENTITY & both.site.requests[-1].names()
    body = b"user=ada&password=of-the-application"
    assert browser.request("POST", "/acme/login", [("content-type", "application/x-www-form-urlencoded")], body).status == 200
    assert both.site.requests[-1].body == body


def test_a_password_login_of_the_application_goes_on_working_without_microsoft(both):
    browser = Browser(both.envoy)
    cookie = [("set-cookie", "SAFESESSION=by-password; Path=/; HttpOnly; Secure")]
    both.site.pages = lambda request: Answer(200, b"{}", cookie if request.path == "/acme/login" else [])
    assert browser.request("POST", "/acme/login", [], b"").status == 200
    assert browser.get("/acme/safe").status == 200
    assert "SAFESESSION=by-password" in (both.site.requests[-1].get("cookie") or "")


def test_the_microsoft_button_is_a_link_that_starts_a_sign_in_and_comes_back(both, acme):
    browser = Browser(both.envoy)
    page = browser.get("/acme/safe")
    assert page.status == 200 and not IDENTITY & both.site.requests[-1].names()
    begun = browser.get("/acme/.vestibule/sign-in?return=/acme/safe")
    assert begun.status == 302 and begun.get("location").startswith(f"{MICROSOFT}/{acme.simulator.tenant_id}/saml2?")
    back = acme.post(browser, acme.respond(begun.get("location")))
    assert back.status == 303 and urlsplit(back.get("location")).path == "/acme/safe"
    assert browser.get("/acme/safe").status == 200
    assert both.site.requests[-1].get("x-email") == "ada.ferngrove@meadow.example", "an optional page is told who is there"


def test_pages_that_require_a_sign_in_do(both):
    browser = Browser(both.envoy)
    assert browser.get("/acme/team/x").status == 302 and browser.fetch("/acme/team/x").status == 401
    assert browser.get("/acme/static/logo.svg").status == 200
    assert [request.path for request in both.site.requests] == ["/acme/static/logo.svg"]


# Roles.


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        (["PlanOwner"], "PlanOwner"),
        (["PlanUser"], "PlanUser"),
        ([], "PlanUser"),
        (["PlanOwner", "PlanUser"], "PlanUser"),
    ],
)
def test_the_role_is_decided_from_what_entra_says_and_told_in_a_header(both, acme, provider, roles, told):
    browser = signed_in(both, acme, provider, authn_methods=MFA, **({"roles": roles} if roles else {}))
    assert browser.get("/acme/safe", [("x-plan-role", "PlanOwner")]).status == 200
    assert both.site.requests[-1].get("x-plan-role") == told
    assert browser.fetch("/acme/admin/x").status == (200 if roles == ["PlanOwner"] else 403)


# Access begins and ends in Entra.


def test_assigning_creates_the_user_and_unassigning_revokes_at_once(both, acme):
    assert "zoe@meadow.example" not in acme.accounts()
    begun = Browser(both.envoy).get("/acme/team/x").get("location")
    assert acme.respond(begun, "zoe")["error"] == "AADSTS50105", "Entra itself refuses who is not assigned"
    acme.simulator.change("zoe", assigned=True)
    assert acme.simulator.cycle()["outcome"] == "success"
    assert acme.accounts()["zoe@meadow.example"]["active"] is True
    browser = acme.sign_in(both.envoy, "/acme/team/x", "zoe")
    assert browser.fetch("/acme/team/x").status == 200
    acme.simulator.change("zoe", assigned=False)
    report = acme.simulator.cycle()
    assert report["outcome"] == "success", report
    assert browser.fetch("/acme/team/x").status == 401, "no manual step, at once"
    begun = Browser(both.envoy)
    location = begun.get("/acme/team/x").get("location")
    refused = acme.post(begun, acme.respond(location, "zoe", even_if_blocked=True))
    assert refused.status == 403 and begun.fetch("/acme/team/x").status == 401


def test_a_removed_user_is_out_at_once_and_cannot_come_back(both, acme):
    acme.simulator.ask("/api/users", {"name": "ivo", "givenName": "Ivo", "surname": "Reed"})
    assert acme.simulator.on_demand("ivo")["outcome"] == "success"
    browser = acme.sign_in(both.envoy, "/acme/team/x", "ivo")
    assert browser.fetch("/acme/team/x").status == 200
    acme.simulator.ask("/api/users/ivo", method="DELETE")
    report = acme.simulator.on_demand("ivo")
    assert report["outcome"] == "success" and report["entries"][-1]["request"]["method"] == "DELETE", report
    assert browser.fetch("/acme/team/x").status == 401
    assert "ivo@meadow.example" not in acme.accounts()
    again = Browser(both.envoy)
    location = again.get("/acme/team/x").get("location")
    assert acme.post(again, acme.respond(location, "ivo", even_if_blocked=True)).status == 403


def test_somebody_who_was_never_provisioned_gets_no_session(both, acme, provider):
    browser, request, relay = begin(both.envoy, "/acme/team/x")
    stranger = claims(acme, object_id="99999999-0000-4000-8000-000000000000", email="stranger@meadow.example")
    answer = said(acme, provider, request, "stranger@meadow.example", stranger) | {"relay_state": relay}
    assert acme.post(browser, answer).status == 403
    assert browser.fetch("/acme/team/x").status == 401


# More than one factor.


def test_the_authentication_context_is_passed_on(both, acme):
    browser = acme.sign_in(both.envoy, "/acme/team/x")
    assert browser.fetch("/acme/team/x").status == 200
    assert both.site.requests[-1].get("x-authn-context") == PASSWORD


def test_more_than_one_factor_can_be_required(both, acme, provider):
    weak = signed_in(both, acme, provider, roles=["PlanOwner"])
    assert weak.fetch("/acme/team/x").status == 200 and weak.fetch("/acme/admin/x").status == 401
    page = weak.get("/acme/admin/x")
    assert page.status == 403 and b"/acme/.vestibule/sign-in?fresh=1" in page.body, "who has just signed in is not sent round"
    anew = weak.get("/acme/.vestibule/sign-in?fresh=1&return=/acme/admin/x")
    query = query_of(anew.get("location"))
    request = AuthnRequest(query["SAMLRequest"])
    assert b'ForceAuthn="true"' in request.xml
    strong = said(acme, provider, request.id, PERSON, claims(acme, roles=["PlanOwner"], authn_methods=MFA))
    back = acme.post(weak, strong | {"relay_state": query["RelayState"]})
    assert back.status == 303 and urlsplit(back.get("location")).path == "/acme/admin/x"
    assert weak.fetch("/acme/admin/x").status == 200


def test_a_context_can_be_required_by_name(both, acme, provider):
    """The same file with one line changed: owners must have come by a certificate, which nobody has."""
    context = "{authn_context: {one_of: [%s]}}"
    for wanted, status in (("urn:oasis:names:tc:SAML:2.0:ac:classes:X509", 401), (PASSWORD, 200)):
        with both.envoy.changed("{mfa: true}", context % f'"{wanted}"') as envoy:
            browser, request, relay = begin(envoy, "/acme/team/x")
            answer = said(acme, provider, request, PERSON, claims(acme, roles=["PlanOwner"]))
            assert acme.post(browser, answer | {"relay_state": relay}).status == 303
            assert browser.fetch("/acme/admin/x").status == status, wanted


def test_nothing_of_a_person_or_a_secret_is_in_the_log(both, acme):
    log = both.envoy.log()
    for secret in (acme.token, "own-secret-for", "ferngrove", "meadow.example"):
        assert not re.search(re.escape(secret), log, re.I), secret
    assert json.dumps("event=scim.rewritten")[1:-1] in log
