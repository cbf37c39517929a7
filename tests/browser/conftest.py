"""The demonstration, run once, and a headless Chromium before it. Screenshots are left to look at."""

import argparse
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "demo"))

import processes  # noqa: E402
from stage import Stage  # noqa: E402

SIZES = {"360": (360, 740), "1440": (1440, 900)}
SECOND_TENANT = """
                              - name: choice
                                hosts: ["127.0.0.1"]
                                public_url: https://127.0.0.1:@PORT@
                                saml:
                                  entity_id: https://127.0.0.1:@PORT@/saml
                                  identity_providers:
                                    - {name: entra, label: Meadow staff, brand: microsoft, entity_id: "@IDP@", sso_url: "@SSO@", certificates: ["@CERTIFICATE@"]}
                                    - {name: partners, label: Partners and suppliers, entity_id: "https://partners.example/", sso_url: "https://partners.example/sso", certificates: ["@CERTIFICATE@"]}
                                  request: {binding: post}
                                access: {rules: [{path: {prefix: /}, access: signed_in}]}
                                pages: {support: "mailto:help@meadow.example"}
"""
ACCESS_LOG = "%REQ(:METHOD)% %PATH(NQ)% %RESPONSE_CODE% tenant=%FILTER_STATE(wasm.vestibule.tenant:PLAIN)% outcome=%FILTER_STATE(wasm.vestibule.outcome:PLAIN)% code=%FILTER_STATE(wasm.vestibule.code:PLAIN)% ref=%FILTER_STATE(wasm.vestibule.reference:PLAIN)%"


def pytest_addoption(parser):
    parser.addoption("--envoy", required=True)
    parser.addoption("--wasm", required=True)
    parser.addoption("--simulator", required=True)
    parser.addoption("--scim2-server", required=True)
    parser.addoption("--chromium", default="/usr/bin/chromium")
    parser.addoption("--shots", default=str(ROOT / ".tools" / "logs" / "browser"))


class Demonstration(Stage):
    """The demonstration with short sessions, a second tenant that has two identity providers, and an access log of ours."""

    def prepare(self):
        super().prepare()
        file = self.directory / "envoy.yaml"
        text = file.read_text()
        certificate = re.search(r'certificates: \["([^"]+)"\]', text).group(1)
        second = SECOND_TENANT.replace("@PORT@", str(self.ports.https)).replace("@CERTIFICATE@", certificate)
        second = second.replace("@IDP@", f"https://sts.windows.net/{self.tenant}/")
        second = second.replace("@SSO@", f"{self.simulator}/{self.tenant}/saml2")
        begin = "- {path: {prefix: /}, access: signed_in}\n"
        assert text.count(begin) == 1 and "lifetime_seconds: 28800" in text
        text = text.replace(begin, begin + second.lstrip("\n"))
        text = text.replace("lifetime_seconds: 28800", "lifetime_seconds: 60")
        text = re.sub(r'inline_string: ".*?\\n"', f'inline_string: "{ACCESS_LOG}\\\\n"', text)
        file.write_text(text)

    @property
    def tenant(self):
        from stage import TENANT_ID

        return TENANT_ID

    @property
    def choice(self):
        return f"https://127.0.0.1:{self.ports.https}"

    def provision(self, user, change):
        """Changes somebody in the directory and provisions them at once."""
        self.entra("PATCH", f"users/{user}", change)
        report = self.entra("POST", "provision/on-demand", {"user": user}).json()
        assert report["outcome"] == "success", json.dumps(report)[:2000]

    def log(self, name):
        return (self.directory / name).read_text(errors="replace")


@pytest.fixture(scope="session")
def stage(request, tmp_path_factory):
    option = request.config.getoption
    options = argparse.Namespace(
        envoy=option("--envoy"),
        wasm=option("--wasm"),
        simulator=option("--simulator"),
        scim2_server=option("--scim2-server"),
        python=sys.executable,
        state_dir=str(tmp_path_factory.mktemp("demonstration")),
        check=True,
        only_provisioning=False,
    )
    made = Demonstration(options, None)
    made.prepare()
    with processes.Children(made.directory) as children:
        made.children = children
        made.start()
        report = made.entra("POST", "provision/cycle").json()
        assert report["outcome"] == "success", json.dumps(report)[:2000]
        yield made
        assert not children.ended(), f"ended by itself: {children.ended()}\n{processes.tail(made.directory / 'envoy.log')}"


@pytest.fixture(scope="session")
def chromium(request):
    from playwright.sync_api import sync_playwright

    path = request.config.getoption("--chromium")
    assert Path(path).is_file(), f"{path} is not there; run tools/setup.sh browser"
    with sync_playwright() as playwright:
        # Within a container there is no other sandbox to be had; it shows pages of our own only.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def shots(request):
    """Where screenshots go, and the pictures of one page in every size and scheme."""
    place = Path(request.config.getoption("--shots"))
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def person(chromium, stage):
    """Makes somebody's browser: its own cookies, language, scheme."""
    contexts = []

    def make(**more):
        more.setdefault("viewport", {"width": 1280, "height": 800})
        context = chromium.new_context(ignore_https_errors=True, **more)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
