"""The Entra simulator without Envoy and without the filter: with a service provider and a SCIM server that are not ours."""

import base64
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from harness import settings
from harness.servers import free_port
from harness.simulator import Simulator
from harness.tls import self_signed

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
ACS = "https://app.test/acs"
ENTITY = "https://app.test/saml"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = Simulator(tmp_path_factory.mktemp("simulator"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service_provider(simulator, place):
    """pysaml2, which knows the simulator by its metadata, byte order mark and foreign roles included."""
    from saml2.client import Saml2Client
    from saml2.config import SPConfig

    keys = self_signed(place, "alone")
    url = simulator.ask("/api/settings")["metadata_url"]
    with urllib.request.urlopen(url, timeout=10) as answer:
        metadata = answer.read()
    assert metadata.startswith(b"\xef\xbb\xbf")
    made = {
        "entityid": ENTITY,
        "xmlsec_binary": shutil.which("xmlsec1"),
        "key_file": keys["key"],
        "cert_file": keys["certificate"],
        "encryption_keypairs": [{"key_file": keys["key"], "cert_file": keys["certificate"]}],
        "metadata": {"inline": [metadata.decode("utf-8-sig")]},
        "service": {
            "sp": {
                "endpoints": {"assertion_consumer_service": [(ACS, POST)]},
                "want_response_signed": False,
                "want_assertions_signed": False,
                "want_assertions_or_response_signed": True,
            }
        },
    }
    change = {"identifier": ENTITY, "reply_url": ACS, "encryption_certificate": settings.certificate_text(keys["certificate"])}
    simulator.ask("/api/settings", change, "PATCH")
    return Saml2Client(SPConfig().load(made))


@pytest.mark.parametrize("how", [{}, {"signing": "response"}, {"signing": "both"}, {"encryption": "aes256-gcm"}, {"encryption": "aes256-cbc"}])
def test_another_service_provider_signs_the_person_in(simulator, service_provider, how):
    sso = simulator.ask("/api/settings")["sso_url"]
    request_id, request = service_provider.create_authn_request(sso, sign=False)
    sent = service_provider.apply_binding(REDIRECT, str(request), sso, relay_state="r")
    (location,) = [value for name, value in sent["headers"] if name == "Location"]
    signed = simulator.ask("/api/sign-in", {"user": "ada", "saml_request_url": location} | how)
    assert (signed["acs_url"], signed["relay_state"]) == (ACS, "r")
    read = service_provider.parse_authn_request_response(signed["saml_response"], POST, {request_id: "/"})
    assert read.name_id.text == "ada@meadow.example"
    assert "Ada" in [value for values in read.ava.values() for value in values]


@pytest.mark.parametrize("fault", ["signature", "other_key", "content", "audience", "expired", "unsigned", "in_response_to"])
def test_another_service_provider_refuses_what_is_broken(simulator, service_provider, fault):
    sso = simulator.ask("/api/settings")["sso_url"]
    request_id, request = service_provider.create_authn_request(sso, sign=False)
    sent = service_provider.apply_binding(REDIRECT, str(request), sso)
    (location,) = [value for name, value in sent["headers"] if name == "Location"]
    signed = simulator.ask("/api/sign-in", {"user": "ada", "saml_request_url": location, "break": fault})
    assert base64.b64decode(signed["saml_response"])
    try:
        read = service_provider.parse_authn_request_response(signed["saml_response"], POST, {request_id: "/"})
    except Exception:  # noqa: BLE001 - whatever it is called
        return
    assert read is None or read.name_id is None


def test_another_scim_server_is_provisioned_directly(simulator, tmp_path):
    """As far as a server goes that keeps to the letter: people arrive, and what is Entra's own is refused."""
    port = free_port()
    command = [Path(sys.executable).parent / "scim2-server", "--port", str(port), "--bearer-token", settings.TOKEN]
    with open(tmp_path / "scim2.log", "wb") as log:
        server = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    try:
        simulator.ask("/api/provision/settings", {"tenant_url": f"http://127.0.0.1:{port}/v2"}, "PATCH")
        until = time.monotonic() + 60
        while (report := simulator.ask("/api/provision/test-connection", {}))["outcome"] != "success":
            assert time.monotonic() < until and server.poll() is None, report
            time.sleep(0.3)
        report = simulator.ask("/api/provision/cycle", {})
        lines = {entry["what"]: entry for entry in report["entries"]}
        assert lines["create user mira"]["outcome"] == "success", lines["create user mira"]
        assert lines["create group orchard-crew"]["outcome"] == "failure", "its schema is none of RFC 7643"
        assert report["quarantine"] is None
    finally:
        server.terminate()
        server.wait(10)
