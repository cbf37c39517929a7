"""What the four scenarios have in common, in the configurations as they are shipped: docs/scenarios.md names each line."""

import contextlib
import json

import pytest
from harness.scenarios import Builder, replace, user_body
from harness.site import error
from harness.upstream import RESET, Answer

NAMES = ["securesafe", "sendsafely", "sosafe", "securelogin", "securelogin_jwks"]


@pytest.fixture(scope="module", params=NAMES)
def scenario(request, envoy_binary, wasm, tls, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield getattr(Builder(envoy_binary, wasm, tls, tmp_path_factory.mktemp, stack), request.param)()


@pytest.fixture(autouse=True)
def _clean(request):
    yield
    if "scenario" in request.fixturenames:
        scenario = request.getfixturevalue("scenario")
        garbage = list(scenario.site.garbage)
        scenario.site.clear()
        assert not garbage


def failed(report: dict) -> str:
    """What the administrator reads where Test Connection failed."""
    assert report["outcome"] == "failure", report
    return json.dumps([entry["response"] or entry["detail"] for entry in report["entries"] if entry["outcome"] == "failure"])


def test_test_connection_succeeds(scenario):
    for tenant in scenario.tenants.values():
        report = tenant.simulator.test_connection()
        assert report["outcome"] == "success" and report["quarantine"] is None, report
        assert [entry["status"] for entry in report["entries"]] == [200, 200]
        assert all(entry["response"]["totalResults"] == 0 for entry in report["entries"])


def test_test_connection_with_a_wrong_token_says_that_it_is_the_token(scenario):
    tenant = scenario.tenant
    reply = tenant.entra(scenario.envoy, "GET", '/Users?filter=userName+eq+%22x%22', token="of-somebody-else")
    assert reply.status == 401 and "token" in reply.json()["detail"].lower(), reply.body
    assert not scenario.site.scim_requests(), "it did not reach the application"


def test_test_connection_says_that_the_application_is_down(scenario):
    scenario.site.instead = lambda request: RESET
    told = failed(scenario.tenant.simulator.test_connection())
    assert '"status": "503"' in told or '"status": "502"' in told, told
    assert "application" in told, told


def test_test_connection_says_that_the_application_refuses_the_gateways_credential(scenario):
    """And not 401, which would put a healthy job in quarantine and send the administrator after a good token. Where the
    secret token is the application's own, the administrator is told just that."""
    scenario.site.instead = lambda request: error(401, "unknown credential")
    report = scenario.tenant.simulator.test_connection()
    told = failed(report)
    own = "basic_from_client" in scenario.envoy.text
    assert {entry["status"] for entry in report["entries"] if entry["outcome"] == "failure"} == {401 if own else 502}, report
    assert ("unknown credential" if own else "gateway credential") in told, told


def test_a_filter_on_the_matching_attribute_finds_the_one_and_nobody_else(scenario):
    tenant, envoy = scenario.tenant, scenario.envoy
    names = ["match.one@meadow.example", "match.two@meadow.example", "o'brien+x@meadow.example"]
    ids = {}
    for name in names:
        made = tenant.entra(envoy, "POST", "/Users", user_body(name))
        assert made.status == 201, made.body
        ids[name] = made.json()["id"]
    for name in names:
        for spelled in (name, name.upper()):
            quoted = spelled.replace("@", "%40").replace("+", "%2b").replace("'", "%27")
            found = tenant.entra(envoy, "GET", f"/Users?filter=userName+eq+%22{quoted}%22").json()
            assert [user["id"] for user in found["Resources"]] == [ids[name]], (spelled, found)
    none = tenant.entra(envoy, "GET", "/Users?filter=userName+eq+%22nobody%40meadow.example%22")
    assert none.status == 200 and none.json()["totalResults"] == 0
    for id in ids.values():
        assert tenant.entra(envoy, "DELETE", f"/Users/{id}").status == 204


def test_the_group_filter_answers_in_the_shape_that_entra_reads(scenario):
    found = scenario.tenant.entra(scenario.envoy, "GET", "/Groups?excludedAttributes=members&filter=displayName+eq+%22nobody%22")
    assert found.status == 200 and found.json()["totalResults"] == 0 and found.json()["Resources"] == []


def test_every_rewritten_request_leaves_one_audit_record_without_a_value(scenario):
    tenant, envoy = scenario.tenant, scenario.envoy
    id = tenant.entra(envoy, "POST", "/Users", user_body("audited@meadow.example")).json()["id"]
    changes = [
        replace("active", "False"),
        replace("active", "True"),
        replace("name.familyName", "Kingsecretname"),
    ]
    for body in changes:
        since, had = len(envoy.log()), len(scenario.site.scim_requests("PATCH"))
        assert tenant.entra(envoy, "PATCH", f"/Users/{id}", body).status in (200, 204)
        sent = scenario.site.scim_requests("PATCH")[had:] or scenario.site.scim_requests("PUT")
        assert sent and sent[-1].body != body, "the request was rewritten"
        records = scenario.audit(since)
        assert len(records) == 1 and "what=PATCH" in records[0] and "P1@" in records[0], records
    log = envoy.log()
    for value in ("audited@", "Kingsecretname", tenant.token, "own-secret"):
        assert value not in log, value
    assert tenant.entra(envoy, "DELETE", f"/Users/{id}").status == 204


def test_a_healthy_job_runs_its_cycles_and_is_never_in_quarantine(scenario):
    for tenant in scenario.tenants.values():
        simulator = tenant.simulator
        first = simulator.cycle()
        assert first["outcome"] == "success" and first["quarantine"] is None, first
        assert {"ada@meadow.example", "bo@meadow.example"} <= tenant.accounts().keys()
        simulator.change("ada", jobTitle="Pomologist", surname="Ferngrove-Oak")
        second = simulator.cycle()
        assert second["outcome"] == "success" and second["quarantine"] is None, second
        assert tenant.accounts()["ada@meadow.example"]["name"]["familyName"] == "Ferngrove-Oak"
        simulator.change("ada", accountEnabled=False)
        assert simulator.cycle()["quarantine"] is None
        assert tenant.accounts()["ada@meadow.example"]["active"] is False
        simulator.change("ada", accountEnabled=True, surname="Ferngrove")
        assert simulator.cycle()["outcome"] == "success"
        assert tenant.accounts()["ada@meadow.example"]["active"] is True


def test_what_the_application_refuses_about_one_person_does_not_stop_the_job(scenario):
    """One bad object is an entry of the log; the others go on, and there is no quarantine."""
    simulator = scenario.tenant.simulator
    simulator.cycle()

    def refuse(request):
        wrong = request.method in ("POST", "PATCH", "PUT") and b"Unacceptable" in request.body
        return error(400, "this name is not acceptable") if wrong else None

    scenario.site.instead = refuse
    simulator.change("bo", surname="Unacceptable")
    simulator.change("mira", surname="Acceptable")
    report = simulator.cycle()
    assert report["quarantine"] is None and report["outcome"] == "failure", report
    bad = [entry for entry in report["entries"] if entry["outcome"] == "failure"]
    assert len(bad) == 1 and "not acceptable" in json.dumps(bad[0]["response"]), bad
    assert scenario.tenant.accounts()["mira@meadow.example"]["name"]["familyName"] == "Acceptable"
    scenario.site.instead = None
    assert simulator.cycle()["outcome"] == "success"
    assert scenario.tenant.accounts()["bo@meadow.example"]["name"]["familyName"] == "Unacceptable"


def test_a_sick_application_is_not_hidden(scenario):
    """An application that fails is seen to fail: no empty list, which would have Entra create everybody anew."""
    scenario.site.instead = lambda request: Answer(500, b"<h1>Internal Server Error</h1>", [("content-type", "text/html")])
    report = scenario.tenant.simulator.test_connection()
    told = failed(report)
    assert all(entry["status"] >= 500 for entry in report["entries"] if entry["outcome"] == "failure"), report
    assert "<h1>" not in told and "application" in told, told
    for path in ("/Users?filter=userName+eq+%22ada%40meadow.example%22", "/Users"):
        assert scenario.tenant.entra(scenario.envoy, "GET", path).status >= 500


def test_sign_on_of_the_same_enterprise_application_knows_the_person_that_was_provisioned(scenario):
    tenant = scenario.tenant
    assert tenant.simulator.cycle()["quarantine"] is None
    path = "/acme/team/x" if "acme" in scenario.tenants else "/work"
    browser = tenant.sign_in(scenario.envoy, path, signing="both")
    assert browser.fetch(path).status == 200
    assert scenario.site.requests[-1].get("x-email") == "ada.ferngrove@meadow.example"
    tenant.simulator.change("ada", accountEnabled=False)
    assert tenant.simulator.on_demand("ada")["outcome"] == "success"
    assert browser.fetch(path).status == 401, "at once"
    tenant.simulator.change("ada", accountEnabled=True)
    assert tenant.simulator.on_demand("ada")["outcome"] == "success"
    tenant.sign_in(scenario.envoy, path, signing="both")
