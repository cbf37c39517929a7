"""The Entra simulator provisions through the filter: with every form of credential, in both dialects."""

import copy
import hashlib
import json
import re
import time
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from harness import settings
from harness.scim_app import SCIM_HEADERS, error
from harness.simulator import APPLICATION_ID, SERVICE_PRINCIPAL, TENANT, Refused, Simulator
from harness.upstream import Answer

TOKEN_PATH = "/.vestibule/oauth/token"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SECRET = "of-the-client-0123456789"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = Simulator(tmp_path_factory.mktemp("simulator"))
    yield running
    running.stop()


class Store:
    """An application that keeps what is created and agrees to every change."""

    def __init__(self, application):
        self.made, self.refuse = {}, None
        application.handler = self._answer

    def _answer(self, request):
        if self.refuse:
            return error(self.refuse)
        path = request.path.split("?")[0].removeprefix(settings.APP_SCIM)
        _, collection, *one = path.split("/")
        if request.method == "POST":
            entry = request.json() | {"id": f"{collection[0].lower()}-{len(self.made) + 1}"}
            self.made[entry["id"]] = (collection, entry)
            return Answer(201, json.dumps(entry).encode(), SCIM_HEADERS)
        if one:
            if one[0] not in self.made:
                return error(404)
            return Answer(200, json.dumps(self.made[one[0]][1]).encode(), SCIM_HEADERS)
        listed = [entry for kind, entry in self.made.values() if kind == collection]
        if wanted := re.search(r'(\w+) eq "([^"]*)"', unquote_plus(request.path)):
            listed = [entry for entry in listed if entry.get(wanted[1], "").lower() == wanted[2].lower()]
        body = {"schemas": [LIST], "totalResults": len(listed), "startIndex": 1, "itemsPerPage": len(listed)}
        return Answer(200, json.dumps(body | {"Resources": listed}).encode(), SCIM_HEADERS)


@pytest.fixture(autouse=True)
def store(scim_app):
    return Store(scim_app)


def ways(base: dict, simulator) -> dict:
    """Every way in at once, beside the static token."""
    made = copy.deepcopy(base)
    made["tenants"][0]["scim"]["authentication"] = {
        "entra_token": {"tenant_id": TENANT, "keys": {"cluster": "entra"}},
        "token_endpoint": {
            "clients": [{"id": "entra-client", "secrets": [{"sha256": hashlib.sha256(SECRET.encode()).hexdigest()}]}],
            "federations": [
                {
                    "tenant_id": TENANT,
                    "subject": SERVICE_PRINCIPAL,
                    "audiences": [f"api://{APPLICATION_ID}", APPLICATION_ID],
                    "keys": {"cluster": "entra"},
                }
            ],
        },
    }
    return made


@pytest.fixture(scope="module")
def envoy(start, base, simulator):
    with start(ways(base, simulator), clusters={"entra": simulator.port}) as running:
        simulator.ask("/api/provision/settings", {"tenant_url": tenant_url(running)}, "PATCH")
        yield running


def tenant_url(envoy) -> str:
    return f"http://localhost:{envoy.plain_port}{settings.SCIM}/"


def credentials(envoy) -> dict:
    endpoint = f"http://localhost:{envoy.plain_port}{TOKEN_PATH}"
    client = {"kind": "client_credentials", "token_endpoint": endpoint, "client_id": "entra-client", "client_secret": SECRET}
    federation = {"kind": "federation", "token_endpoint": endpoint}
    return {
        "secret token": {"kind": "secret_token", "token": settings.TOKEN},
        "entra token": {"kind": "entra_token"},
        "client, basic": client | {"location": "header"},
        "client, body": client | {"location": "body"},
        "federation, 7523": federation | {"audience": f"api://{APPLICATION_ID}", "grant": "client_assertion"},
        "federation, 8693": federation | {"audience": APPLICATION_ID, "grant": "token_exchange"},
    }


FORMS = ["secret token", "entra token", "client, basic", "client, body", "federation, 7523", "federation, 8693"]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_credential_is_let_in(envoy, scim_app, simulator, form):
    chosen = simulator.ask("/api/provision/credential", credentials(envoy)[form], "PUT")
    assert SECRET not in json.dumps(chosen) and settings.TOKEN not in json.dumps(chosen)
    report = simulator.ask("/api/provision/test-connection", {})
    assert report["outcome"] == "success", report
    asked_for_token = [entry for entry in report["entries"] if entry["what"] == "get a token"]
    assert len(asked_for_token) == (1 if "," in form else 0)
    assert len(scim_app.requests) == 2
    assert {request.get("authorization") for request in scim_app.requests} == {f"Bearer {settings.APP_TOKEN}"}
    log = json.dumps(simulator.ask("/api/provision/log"))
    assert SECRET not in log and settings.TOKEN not in log and "eyJ" not in log
    again = simulator.ask("/api/provision/test-connection", {})
    assert all(entry["what"] != "get a token" for entry in again["entries"]), "a token is kept"


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_wrong_credential_is_refused_and_stops_the_job(envoy, scim_app, simulator, form):
    wrong = dict(credentials(envoy)[form])
    if form == "entra token":
        simulator.ask("/api/provision/settings", {"tenant_url": tenant_url(envoy)}, "PATCH")
        wrong = {"kind": "secret_token", "token": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"}
    for name in ("token", "client_secret"):
        if name in wrong:
            wrong[name] = "wrong"
    if wrong["kind"] == "federation":
        wrong["audience"] = "api://another"
    simulator.ask("/api/provision/credential", wrong, "PUT")
    report = simulator.ask("/api/provision/cycle", {})
    assert report["outcome"] == "failure" and report["quarantine"].startswith("InvalidCredentials"), report
    assert not scim_app.requests
    status = simulator.ask("/api/provision/status")
    assert status["health"]["state"] == "quarantine" and status["health"]["next_retry"]
    simulator.ask("/api/provision/credential", credentials(envoy)["secret token"], "PUT")
    simulator.ask("/api/provision/restart", {})


@pytest.mark.parametrize("flag", [False, True])
def test_a_cycle_in_both_dialects_arrives_as_rfc_7644(envoy, scim_app, simulator, flag):
    simulator.ask("/api/provision/credential", credentials(envoy)["secret token"], "PUT")
    simulator.ask("/api/provision/restart", {})
    target = simulator.ask("/api/provision/settings", {"compatibility": flag}, "PATCH")
    assert ("aadOptscim062020" in target["tenant_url"]) == flag
    started = simulator.ask("/api/provision/cycle?wait=false", {})
    assert started["running"]
    until = time.monotonic() + 60
    while (status := simulator.ask("/api/provision/status"))["running"] and time.monotonic() < until:
        time.sleep(0.1)
    assert status["last_outcome"] == "success", simulator.ask("/api/provision/log")[-3:]
    assert status["done"] == status["total"] == 10 and status["health"]["state"] == "healthy"
    assert all("aadOptscim062020" not in request.path for request in scim_app.requests)
    created = scim_app.seen("POST")
    assert [request.json()["active"] for request in created if "userName" in request.json()] == [True] * 3
    simulator.ask("/api/users/ada", {"accountEnabled": False}, "PATCH")
    try:
        report = simulator.ask("/api/provision/cycle", {})
        sent = [entry for entry in report["entries"] if entry["what"] == "disable user ada"][0]
        assert (sent["action"], sent["message"]) == ("disable", "User 'ada' was disabled in customappsso")
        value = sent["request"]["body"]["Operations"][0]["value"]
        assert value == (False if flag else "False")
        assert scim_app.seen("PATCH")[-1].json()["Operations"][0]["value"] is False
    finally:
        simulator.ask("/api/users/ada", {"accountEnabled": True}, "PATCH")


def test_an_application_that_fails_is_tried_again_and_does_not_stop_the_job(envoy, scim_app, store, simulator):
    simulator.ask("/api/provision/restart", {})
    simulator.ask("/api/provision/credential", credentials(envoy)["secret token"], "PUT")
    store.refuse = 500
    report = simulator.ask("/api/provision/on-demand", {"user": "ada"})
    assert report["outcome"] == "failure" and report["quarantine"] is None
    store.refuse = None
    assert simulator.ask("/api/provision/on-demand", {"user": "ada"})["outcome"] == "success"


def test_a_wrong_tenant_url_is_said_in_entras_words(envoy, simulator):
    url = f"http://localhost:{envoy.plain_port}/not-here/"
    simulator.ask("/api/provision/settings", {"tenant_url": url}, "PATCH")
    try:
        report = simulator.ask("/api/provision/test-connection", {})
        assert report["outcome"] == "failure"
        assert report["entries"][0]["status"] in (401, 403, 404)
    finally:
        simulator.ask("/api/provision/settings", {"tenant_url": tenant_url(envoy)}, "PATCH")


def test_a_credential_that_cannot_be_is_refused(simulator):
    for wrong in [{"kind": "secret_token", "token": ""}, {"kind": "basic"}, {"kind": "federation", "audience": "a"}]:
        with pytest.raises(Refused) as refused:
            simulator.ask("/api/provision/credential", wrong, "PUT")
        assert refused.value.status == 400


def test_its_source_shares_no_crate_with_the_filter():
    manifest = (Path(__file__).resolve().parents[2] / "examples/entra-simulator/Cargo.toml").read_text()
    assert "vestibule" not in manifest.lower() and "path =" not in manifest
