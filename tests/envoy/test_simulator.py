"""The four ways in which an administrator can have Entra sign, by the simulator, whose code is not the filter's."""

import base64
import json
import os
import subprocess
import time
import urllib.request
from urllib.parse import urlsplit

import pytest
from harness import settings
from harness.browser import Browser
from harness.servers import ROOT, free_port
from harness.sign_in import has_session

TENANT = "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7"



class Simulator:
    """A process of the simulator, with one person, `ada`."""

    def __init__(self, place):
        build = ["cargo", "build", "--quiet", "--locked", "--package", "entra-simulator"]
        subprocess.run(build, cwd=ROOT, check=True)
        program = f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/debug/entra-simulator"
        made = subprocess.run([program, "certificate", "--state-dir", str(place)], capture_output=True, check=True)
        self.certificate = made.stdout.decode().strip()
        self.port = free_port()
        command = [program, "serve", "--listen", f"127.0.0.1:{self.port}", "--tenant-id", TENANT, "--state-dir", str(place)]
        command += ["--sp-entity-id", settings.ENTITY, "--acs-url", settings.ACS]
        command += ["--scim-url", "https://localhost:1/scim", "--scim-token-env", "TOKEN"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={"TOKEN": "of-no-worth"})
        until = time.monotonic() + 20
        while True:
            try:
                self.ask("/api/settings")
                return
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "the simulator did not start"
                time.sleep(0.05)

    def ask(self, path: str, order: dict | None = None) -> dict:
        """One request to its interface for scripts."""
        body = None if order is None else json.dumps(order).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """Ends this process and no other."""
        self.process.terminate()
        self.process.wait(10)


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


def answered(envoy, simulator, signing: str) -> tuple[Browser, int]:
    """A browser that has gone to the simulator and back."""
    browser = Browser(envoy)
    location = browser.get("/private/page").get("location")
    assert urlsplit(location).path == f"/{TENANT}/saml2"
    signed = simulator.ask("/api/sign-in", {"user": "ada", "saml_request_url": location, "signing": signing})
    assert signed["acs_url"] == settings.ACS
    fields = {"SAMLResponse": signed["saml_response"], "RelayState": signed["relay_state"]}
    reply = browser.post_form(urlsplit(settings.ACS).path, fields, origin="https://login.microsoftonline.com")
    assert (b"#rsa-sha1" in base64.b64decode(signed["saml_response"])) == (signing == "assertion_sha1")
    return browser, reply.status


@pytest.mark.core
@pytest.mark.parametrize("signing", ["assertion", "response", "both", "assertion_sha1"])
def test_each_of_entras_signing_choices_signs_the_person_in_or_is_refused_by_name(start, app, simulator, entra, signing):
    with start(entra) as envoy:
        browser, status = answered(envoy, simulator, signing)
        if signing != "assertion_sha1":
            assert status == 303 and has_session(browser), envoy.log()[-1500:]
            return
        assert status == 403 and not has_session(browser)
        assert "code=signature_algorithm" in envoy.log()
    with start(settings.changed(entra, "tenants.0.saml.accept", ["sha1-signature", "sha1-digest"])) as envoy:
        browser, status = answered(envoy, simulator, signing)
        assert status == 303 and has_session(browser), envoy.log()[-1500:]
