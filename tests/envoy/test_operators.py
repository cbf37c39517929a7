"""What operators see of the filter in Envoy: counters, histograms, the access log, the status."""

import hashlib
import json
import pathlib
import re
import time

import pytest
from harness import settings
from harness.scim_app import ScriptedScim, user
from harness.sign_in import sign_in

pytestmark = pytest.mark.modes("held", "early")

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "operators-token-0123456789"


@pytest.fixture(scope="module")
def watched(start, base):
    status = {"from": ["127.0.0.0/8"], "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    keys = ("tenant", "outcome", "code", "reference")
    line = " ".join(f"{key}=%FILTER_STATE(wasm.vestibule.{key}:PLAIN)%" for key in keys)
    with start({**base, "operators": {"status": status}}, access_log=f"logged %REQ(:PATH)% {line}\n") as running:
        yield running


@pytest.mark.core
@pytest.mark.modes("held")  # provisioning is among it
def test_outcomes_are_counted_under_their_fixed_names_and_durations_recorded(watched, app, scim_app, idp):
    sign_in(watched, idp, "ada@n.example")
    ScriptedScim(scim_app, user("ada"))
    with watched.h1() as client:
        credential = [("authorization", f"Bearer {settings.TOKEN}")]
        assert client.request("GET", f"{settings.SCIM}/Users/u-1", credential).status == 200
        assert client.request("GET", "/public/x").status == 200
        assert client.request("GET", "/nowhere").status == 403
    counted = watched.stats("vestibule")
    accesses = ("access.anonymous", "access.identified", "access.refused.no_policy")
    for name in ("sign_on.started", "sign_on.accepted", "scim.authenticated", *accesses):
        assert counted.get(f"wasmcustom.vestibule.{name}", 0) >= 1, (name, counted)
    # Envoy merges histograms when it flushes its statistics, every five seconds.
    until = time.monotonic() + 15
    durations = ("vestibule.sign_on.duration_ms", "vestibule.scim.duration_ms")
    while not all(name in (shown := watched.admin("/stats?usedonly&filter=vestibule.*duration")) for name in durations):
        assert time.monotonic() < until, shown
        time.sleep(0.5)


@pytest.mark.core
def test_which_build_it_is_is_logged_once_and_not_by_every_worker(watched, app):
    watched.wait_for_log(r"signatures are verified")
    version = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)
    said = re.findall(rf"\bvestibule {re.escape(version)}\b", watched.log())
    assert len(said) == 1, said


@pytest.mark.core
def test_the_access_log_can_say_what_came_of_a_request_under_the_reference_of_the_log(watched, app):
    with watched.h1() as client:
        client.request("GET", "/nowhere/logged", [("accept", "text/html"), ("sec-fetch-mode", "navigate")])
        client.request("GET", "/public/logged")
    line = watched.wait_for_log(r"logged /nowhere/logged ", 15)
    found = re.search(r"tenant=demo outcome=access\.refused code=no_policy reference=([0-9a-f]{10})", line)
    assert found, line
    watched.wait_for_log(rf"event=access\.refused code=no_policy ref={found.group(1)}")
    watched.wait_for_log(r"logged /public/logged tenant=demo outcome=access\.anonymous code=- reference=-", 15)


@pytest.mark.core
@pytest.mark.modes("held")  # provisioning is among it
def test_every_refusal_stands_in_the_log_the_access_log_and_the_counters_under_one_code(watched, app):
    refusals = [
        ("GET", "/.vestibule/saml/acs", 405, "access.refused", "method_not_allowed"),
        ("GET", "/.vestibule/nothing", 404, "access.refused", "not_found"),
        ("GET", f"{settings.SCIM}/Users/stranger", 401, "scim.denied", "scim_token_unknown"),
        ("GET", f"{settings.SCIM}/Users?filter=userName%20eq", 400, "scim.refused", "scim_filter"),
    ]
    with watched.h1() as client:
        for method, path, status, event, _ in refusals:
            token = "wrong" if event == "scim.denied" else settings.TOKEN
            assert client.request(method, path, [("authorization", f"Bearer {token}")]).status == status, path
    counted = watched.stats("vestibule")
    for _, path, _, event, code in refusals:
        told = rf"logged {re.escape(path)} tenant=demo outcome={re.escape(event)} code={code} "
        watched.wait_for_log(told, 15)
        watched.wait_for_log(rf"tenant=demo event={re.escape(event)} code={code}\b")
        for name in (event, f"{event}.{code}"):
            assert counted.get(f"wasmcustom.vestibule.{name}", 0) >= 1, (name, counted)
    assert not app.requests


@pytest.mark.core
def test_the_status_is_there_for_whom_it_is_configured_and_for_nobody_else(watched, app, envoy):
    bearer = ("authorization", f"Bearer {TOKEN}")
    with watched.h1() as client:
        reply = client.request("GET", "/.vestibule/status", [bearer])
        assert reply.status == 200 and reply.get("cache-control") == "no-store"
        status = json.loads(reply.body)
        assert status["keys"] == ["k1"] and status["tenants"][0]["name"] == "demo"
        assert status["tenants"][0]["identity_providers"][0]["entity_id"] == settings.IDP
        assert "test-master-key" not in reply.body.decode() and TOKEN not in reply.body.decode()
        for wrong in ([], [("authorization", "Bearer wrong")]):
            assert client.request("GET", "/.vestibule/status", wrong).status == 404
    with envoy.h1() as client:
        assert client.request("GET", "/.vestibule/status", [bearer]).status == 404
    assert not app.requests


@pytest.mark.core
def test_prometheus_gets_the_names_that_the_alert_rules_and_the_dashboard_use(watched, idp):
    sign_in(watched, idp, "bob@n.example")
    with watched.h1() as client:
        assert client.request("GET", "/nowhere").status == 403
    until = time.monotonic() + 15
    while "vestibule_sign_on_duration_ms_bucket" not in (shown := watched.admin("/stats/prometheus?usedonly")):
        assert time.monotonic() < until, shown
        time.sleep(0.5)
    names = set(re.findall(r"^(\w*vestibule\w*)(?:\{| )", shown, re.M))
    counters = watched.stats("wasmcustom.vestibule")
    assert len(counters) > 3
    for counted in counters:
        assert counted.removeprefix("wasmcustom.").replace(".", "_") in names, (counted, names)
    assert {f"envoy_wasm_vestibule_vm_reload_{outcome}" for outcome in ("success", "failure")} <= names_of(watched)


def names_of(envoy) -> set[str]:
    """Names of all metrics that Prometheus gets, those that nothing counted yet among them."""
    return set(re.findall(r"^(\w+)(?:\{| )", envoy.admin("/stats/prometheus"), re.M))
