"""SendSafely, as it is shipped: one URL for three fields, two signatures, two claims. docs/scenarios.md names each line."""

import base64
import contextlib
from urllib.parse import urlsplit

import pytest
from harness.browser import Browser, query_of
from harness.idp import AuthnRequest
from harness.messages import scim_error
from harness.scenarios import DIRECTORY, MICROSOFT, ORIGIN, Builder, honest_or_not, replace, said, user_body
from harness.scim_app import patch
from harness.servers import ROOT
from harness.upstream import Answer

ACS = f"{ORIGIN}/auth/saml2/"
PERSON = "ada@meadow.example"
SSO = f"{MICROSOFT}/{DIRECTORY}/saml2"
REDUCED = {"object_id": None, "email": "ada.ferngrove@meadow.example"}  # `emailaddress` and nothing else


@pytest.fixture(scope="module")
def scenario(envoy_binary, wasm, tls, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        made = Builder(envoy_binary, wasm, tls, tmp_path_factory.mktemp, stack).sendsafely()
        report = made.tenant.simulator.cycle()
        assert report["quarantine"] is None, report
        yield made


@pytest.fixture(scope="module")
def tenant(scenario):
    return scenario.tenant


@pytest.fixture(scope="module")
def provider(tenant, tmp_path_factory):
    made = honest_or_not(tenant, tmp_path_factory.mktemp("provider"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _fresh(scenario):
    scenario.site.clear()
    yield
    assert not scenario.site.garbage


def sign_in(envoy, tenant, provider, sign="both", **more):
    """The browser, and the answer of the consumer."""
    browser = Browser(envoy)
    query = query_of(browser.get("/files").get("location"))
    request = AuthnRequest(query["SAMLRequest"]).id
    answer = said(tenant, provider, request, PERSON, REDUCED, sign=sign, **more)
    return browser, tenant.post(browser, answer | {"relay_state": query["RelayState"]})


def has_session(browser) -> bool:
    return browser.fetch("/files").status == 200


# Sign-on.


def test_identifier_reply_url_and_relay_state_are_one_url(scenario, tenant):
    settings = tenant.simulator.ask("/api/settings")
    assert settings["identifier"] == settings["reply_url"] == ACS
    request = AuthnRequest(query_of(Browser(scenario.envoy).get("/files").get("location"))["SAMLRequest"])
    assert request.issuer == request.acs == ACS


def test_a_relay_state_that_names_the_consumer_does_not_loop_and_leads_to_the_start_page(scenario, tenant):
    """As Entra sends it where the field Relay State is filled in: first at the Test button, then with the browser's own login."""
    envoy = scenario.envoy
    browser = Browser(envoy)
    bounced = tenant.post(browser, tenant.respond(None, signing="both") | {"relay_state": ACS})
    assert bounced.status in (302, 303) and bounced.get("location").startswith(f"{SSO}?")
    back = tenant.post(browser, tenant.respond(bounced.get("location"), signing="both"))
    assert back.status == 303 and back.get("location") in ("/", f"{ORIGIN}/")
    scenario.site.clear()
    assert browser.get("/").status == 200 and [r.path for r in scenario.site.requests] == ["/"], "one page, and no round"
    with envoy.changed("allow_unsolicited: bounce", "allow_unsolicited: true") as taking:
        browser = Browser(taking)
        for relay in (ACS, ACS.rstrip("/"), "/auth/saml2/", f"{ACS}?x=1"):
            landed = tenant.post(browser, tenant.respond(None, signing="both") | {"relay_state": relay})
            assert landed.status == 303 and landed.get("location") in ("/", f"{ORIGIN}/"), relay
            assert browser.get("/").status == 200


@pytest.mark.parametrize(("sign", "status"), [("both", 303), ("assertion", 403), ("response", 403)])
def test_both_signatures_must_be_there(scenario, tenant, provider, sign, status):
    browser, reply = sign_in(scenario.envoy, tenant, provider, sign)
    assert reply.status == status and has_session(browser) == (status == 303)


@pytest.mark.parametrize("which", [0, 1])
def test_each_of_the_two_signatures_is_verified(scenario, tenant, which):
    """One octet of one signature value is another; the other signature is good."""
    browser = Browser(scenario.envoy)
    answer = tenant.respond(browser.get("/files").get("location"), signing="both")
    xml = base64.b64decode(answer["saml_response"]).decode()
    assert xml.count("rsa-sha256") == 2 and xml.count("#sha256") == 2
    parts = xml.split("<SignatureValue>")
    assert len(parts) == 3
    first = parts[which + 1]
    parts[which + 1] = ("B" if first[0] == "A" else "A") + first[1:]
    spoilt = base64.b64encode("<SignatureValue>".join(parts).encode()).decode()
    assert tenant.post(browser, answer | {"saml_response": spoilt}).status == 403 and not has_session(browser)
    assert tenant.post(browser, answer).status == 303 and has_session(browser), "as it came, it is good"


def test_a_mail_address_and_a_name_are_all_that_is_needed(scenario, tenant, provider):
    browser, reply = sign_in(scenario.envoy, tenant, provider)
    assert reply.status == 303 and has_session(browser)
    told = scenario.site.requests[-1]
    assert told.get("x-user") == PERSON and told.get("x-email") == "ada.ferngrove@meadow.example"


def test_the_certificate_is_pasted_as_base64_text_and_no_metadata_is_read(scenario, tmp_path):
    text = scenario.envoy.text
    assert "metadata" not in text and "sso_url: https://login" in text and "slo_url: https://login" in text
    pasted = scenario.tenant.simulator.certificate
    assert scenario.envoy.validated(pasted, f"{pasted[:64]} {pasted[64:]}", tmp_path).returncode == 0, "white space and all"
    broken = scenario.envoy.validated(pasted, pasted[:-8], tmp_path)
    assert broken.returncode != 0 and "certificates[0]" in broken.stderr, "a certificate that is cut is said to be so"


def test_the_test_button_starts_at_the_provider_and_signs_in(scenario, tenant):
    """Unsolicited, without a relay state: as it is shipped by a sign-in of our own, and with `true` as it is."""
    browser = Browser(scenario.envoy)
    bounced = tenant.post(browser, tenant.respond(None, signing="both"))
    assert bounced.get("location").startswith(f"{SSO}?") and not has_session(browser)
    assert tenant.post(browser, tenant.respond(bounced.get("location"), signing="both")).status == 303
    assert has_session(browser)
    with scenario.envoy.changed("allow_unsolicited: bounce", "allow_unsolicited: true") as taking:
        browser = Browser(taking)
        answer = tenant.respond(None, signing="both")
        assert tenant.post(browser, answer).status == 303 and has_session(browser)
        assert tenant.post(Browser(taking), answer).status == 403, "once"
        assert "allow_unsolicited" in taking.log(), "the administrator is told what it costs"
    with scenario.envoy.changed("allow_unsolicited: bounce", "allow_unsolicited: false") as refusing:
        assert tenant.post(Browser(refusing), tenant.respond(None, signing="both")).status == 403


def test_signing_out_goes_to_the_logout_url_of_the_provider(scenario, tenant, provider):
    browser, _ = sign_in(scenario.envoy, tenant, provider)
    assert has_session(browser)
    reply = browser.post_form("/.vestibule/sign-out", {})
    assert reply.status == 303 and reply.get("location").startswith(f"{SSO}?")
    assert "SAMLRequest" in query_of(reply.get("location"))
    assert not has_session(browser), "here it has ended, whatever the provider does"


# Provisioning.


def test_the_tenant_url_with_a_slash_at_its_end_works(scenario, tenant):
    assert tenant.simulator.ask("/api/settings")["tenant_url"].endswith("/scim/v2/entra/")
    assert tenant.simulator.test_connection()["outcome"] == "success"
    for path in ("/scim/v2/entra/Users", "/scim/v2/entra//Users"):
        below = path.removeprefix("/scim/v2/entra")
        assert tenant.entra(scenario.envoy, "GET", f"{below}?filter=userName+eq+%22nobody%22").json()["totalResults"] == 0


def test_a_token_with_a_colon_reaches_the_application_as_user_and_password(scenario, tenant):
    assert tenant.token.count(":") == 1 and "@" in tenant.token
    assert tenant.entra(scenario.envoy, "GET", "/Users").status == 200
    basic = "Basic " + base64.b64encode(tenant.token.encode()).decode()
    assert {request.get("authorization") for request in scenario.site.scim_requests()} == {basic}
    assert tenant.entra(scenario.envoy, "GET", "/Users", token="provisioning@app.example.com:other").status == 401


def test_a_change_of_user_name_is_refused_and_said_so(scenario, tenant):
    id = tenant.accounts()[PERSON]["id"]
    for body in (
        replace("userName", "other@meadow.example"),
        patch({"op": "Replace", "value": {"userName": "other@meadow.example", "displayName": "A"}}),
        patch({"op": "Add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:userName", "value": "x@meadow.example"}),
    ):
        scim_error(tenant.entra(scenario.envoy, "PATCH", f"/Users/{id}", body), 400)
    assert not scenario.site.scim_requests("PATCH") and PERSON in tenant.accounts()


def test_a_change_of_user_name_is_dropped_where_it_is_configured_so(scenario, tenant):
    id = tenant.accounts()[PERSON]["id"]
    with scenario.envoy.changed("user_name: refuse", "user_name: drop") as dropping:
        both = patch({"op": "Replace", "value": {"userName": "other@meadow.example", "name.familyName": "Ferngrove-X"}})
        assert tenant.entra(dropping, "PATCH", f"/Users/{id}", both).status in (200, 204)
        only = replace("userName", "other@meadow.example")
        assert tenant.entra(dropping, "PATCH", f"/Users/{id}", only).status in (200, 204)
        assert "X2@" in dropping.log(), "and it is in the audit record"
        assert tenant.accounts()[PERSON]["name"]["familyName"] == "Ferngrove-X"
        back = replace("name.familyName", "Ferngrove")
        assert tenant.entra(dropping, "PATCH", f"/Users/{id}", back).status in (200, 204)


def test_the_four_attributes_arrive(scenario, tenant):
    name = "four@meadow.example"
    made = tenant.entra(scenario.envoy, "POST", "/Users", user_body(name))
    assert made.status == 201
    have = tenant.accounts()[name]
    assert have["active"] is True and have["name"]["givenName"] == "Ada" and have["name"]["familyName"] == "Lovelace"
    for path, value in (("active", "False"), ("name.givenName", "Augusta"), ("name.familyName", "King"), ("active", "True")):
        body = replace(path, value)
        assert tenant.entra(scenario.envoy, "PATCH", f"/Users/{have['id']}", body).status in (200, 204)
    have = tenant.accounts()[name]
    assert have["active"] is True and have["name"]["givenName"] == "Augusta" and have["name"]["familyName"] == "King"
    assert tenant.entra(scenario.envoy, "DELETE", f"/Users/{have['id']}").status == 204


def test_groups_are_not_there_and_the_test_connection_passes(scenario, tenant):
    """The application has no `/Groups` at all: it would answer 404, and is not even asked."""
    gone = Answer(404, b'{"detail": "there is no such page"}')
    scenario.site.instead = lambda request: gone if "/Groups" in request.path else None
    assert tenant.simulator.test_connection()["outcome"] == "success"
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "G"}
    scim_error(tenant.entra(scenario.envoy, "POST", "/Groups", body), 501)
    assert not [request for request in scenario.site.scim_requests() if "/Groups" in request.path]


# A deactivation destroys data.

HARMLESS = {
    "title that says false": {"op": "Replace", "path": "title", "value": "False"},
    "display name that says false": {"op": "Replace", "path": "displayName", "value": "active: false"},
    "active that is true, as text": {"op": "Replace", "path": "active", "value": "True"},
    "active that is true, in the value": {"op": "Replace", "value": {"active": "True", "displayName": "False"}},
    "active of a mail address": {"op": "Replace", "path": 'emails[type eq "work"].display', "value": "false"},
}
UNREADABLE = {
    "active that is no boolean": {"op": "Replace", "path": "active", "value": "Falsch"},
    "active that is a number": {"op": "Replace", "path": "active", "value": 0},
    "active that is nothing": {"op": "Replace", "path": "active", "value": ""},
    "active that is an object": {"op": "Replace", "path": "active", "value": {"x": False}},
    "two words on active": {"op": "Replace", "value": {"active": "True", "Active": "False"}},
    "an unknown verb": {"op": "Disable", "path": "active", "value": "False"},
    "half a path": {"op": "Replace", "path": 'active[type eq "work"', "value": "False"},
}


def deactivates(request) -> bool:
    """Whether a careless application could read a deactivation or a deletion in a request."""
    if request.method == "DELETE":
        return True
    try:
        body = request.json()
    except ValueError:
        return b"active" in request.body.lower()
    about = [(str(name).lower().split(":")[-1], value) for name, value in body.items()]
    for operation in body.get("Operations") or []:
        path, value = str(operation.get("path") or "").lower().split(":")[-1], operation.get("value")
        about.append((path, value))
        about += [(str(k).lower().split(":")[-1], v) for k, v in value.items()] if isinstance(value, dict) else []
    return any(name == "active" and value not in (True, "True", "true") for name, value in about)


def deactivations(scenario) -> list:
    """What reached the application and could be read as one."""
    return [r for r in scenario.site.scim_requests() if r.method in ("PATCH", "PUT", "DELETE", "POST") and deactivates(r)]


@pytest.mark.parametrize("operation", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_only_looks_like_a_deactivation_deactivates_nobody(scenario, tenant, operation):
    id = tenant.accounts()[PERSON]["id"]
    tenant.entra(scenario.envoy, "PATCH", f"/Users/{id}", patch(operation))
    assert not deactivations(scenario) and tenant.accounts()[PERSON]["active"] is True


@pytest.mark.parametrize("operation", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_whole_is_refused_and_deactivates_nobody(scenario, tenant, operation):
    id = tenant.accounts()[PERSON]["id"]
    reply = tenant.entra(scenario.envoy, "PATCH", f"/Users/{id}", patch(operation))
    scim_error(reply, 400)
    assert not deactivations(scenario) and tenant.accounts()[PERSON]["active"] is True


@pytest.mark.parametrize("body", [b"", b"{", b'{"active":false', b'{"Operations":[{"op":"Replace","path":"active","value":"Fal'])
def test_a_request_that_is_cut_deactivates_nobody(scenario, tenant, body):
    id = tenant.accounts()[PERSON]["id"]
    assert tenant.entra(scenario.envoy, "PATCH", f"/Users/{id}", body).status == 400
    assert not deactivations(scenario) and tenant.accounts()[PERSON]["active"] is True


def test_a_real_deactivation_is_exactly_one_request_for_exactly_one_account(scenario, tenant):
    simulator = tenant.simulator
    others = {name: user["active"] for name, user in tenant.accounts().items() if name != PERSON}
    simulator.change("ada", accountEnabled=False)
    assert simulator.cycle()["outcome"] == "success"
    assert len(deactivations(scenario)) == 1
    have = tenant.accounts()
    assert have.pop(PERSON)["active"] is False
    assert {name: user["active"] for name, user in have.items()} == others
    simulator.change("ada", accountEnabled=True)
    assert simulator.cycle()["outcome"] == "success" and tenant.accounts()[PERSON]["active"] is True


def test_the_cycle_and_provisioning_on_demand_both_work(scenario, tenant):
    simulator = tenant.simulator
    simulator.ask("/api/users", {"name": "lin", "givenName": "Lin", "surname": "Marsh"})
    on_demand = simulator.on_demand("lin")
    assert on_demand["outcome"] == "success" and tenant.accounts()["lin@meadow.example"]["name"]["givenName"] == "Lin"
    simulator.change("lin", givenName="Linnea")
    cycle = simulator.cycle()
    assert cycle["outcome"] == "success" and cycle["quarantine"] is None, cycle
    assert tenant.accounts()["lin@meadow.example"]["name"]["givenName"] == "Linnea"
    simulator.change("lin", givenName="Lin", accountEnabled=False)
    assert simulator.on_demand("lin")["outcome"] == "success"
    have = tenant.accounts()["lin@meadow.example"]
    assert have["name"]["givenName"] == "Lin" and have["active"] is False


def test_removing_the_person_ends_the_session_as_well(scenario, tenant, provider):
    browser, _ = sign_in(scenario.envoy, tenant, provider)
    assert has_session(browser)
    tenant.simulator.change("ada", assigned=False)
    assert tenant.simulator.on_demand("ada")["outcome"] == "success"
    assert not has_session(browser)
    tenant.simulator.change("ada", assigned=True)
    assert tenant.simulator.on_demand("ada")["outcome"] == "success"


def test_the_shipped_file_names_the_three_fields_by_the_same_url():
    text = (ROOT / "examples/scenarios/sendsafely/vestibule.yaml").read_text()
    entity = text.split("entity_id: ")[1].split("\n")[0]
    assert urlsplit(entity).path == text.split("acs_path: ")[1].split("\n")[0] == "/auth/saml2/"
