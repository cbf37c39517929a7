"""The parts of the demonstration, started in order, and what the steps need to reach them."""

import hashlib
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import browser
import processes
import render

HERE = Path(__file__).resolve().parent
TENANT_ID = "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7"
CERTIFICATE_DAYS = 180


@dataclass
class Ports:
    """All on 127.0.0.1."""

    https: int = 8443
    admin: int = 9901
    application: int = 9080
    simulator: int = 9081
    scim: int = 9082


class Stage:
    """Everything that runs, and how to talk to it."""

    def __init__(self, options, children):
        self.options = options
        self.children = children
        self.directory = Path(options.state_dir).resolve()
        self.ports = Ports(*processes.free_ports(5)) if options.check else Ports()
        self.origin = f"https://localhost:{self.ports.https}"
        self.simulator = f"http://127.0.0.1:{self.ports.simulator}"
        self.scim_application = f"http://127.0.0.1:{self.ports.scim}/v2"
        self.tenant_url = f"{self.origin}/scim/v2/entra/"
        self.acs_url = f"{self.origin}/.vestibule/saml/acs"
        self.logout_url = f"{self.origin}/.vestibule/saml/slo"
        self.entity_id = f"{self.origin}/saml"
        self.record = self.directory / "application-requests.jsonl"
        self.tls = self.directory / "tls"
        # Entra's token is known to Entra and, as a hash, to the filter; the application's to the filter only.
        self.entra_token = secrets.token_urlsafe(32)
        self.application_token = secrets.token_urlsafe(32)
        self.context = None

    def prepare(self):
        """Makes the working directory, the certificates and Envoy's configuration."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.record.write_text("")
        authority = self.tls / "ca.pem"
        if authority.exists() and time.time() - authority.stat().st_mtime > CERTIFICATE_DAYS * 86400:
            for file in ("ca.pem", "server.pem", "server.key"):
                (self.tls / file).unlink(missing_ok=True)
        self._simulator("tls-certificate", "--state-dir", self.tls, "--name", "localhost")
        certificate = self._simulator("certificate", "--state-dir", self.directory / "simulator").strip()
        values = {
            "ADMIN_PORT": self.ports.admin,
            "HTTPS_PORT": self.ports.https,
            "APP_PORT": self.ports.application,
            "SCIM_PORT": self.ports.scim,
            "TLS_CERTIFICATE": self.tls / "server.pem",
            "TLS_KEY": self.tls / "server.key",
            "ACCESS_LOG": self.directory / "access.log",
            "WASM": Path(self.options.wasm).resolve(),
            "PUBLIC_URL": self.origin,
            "SCIM_TOKEN_SHA256": hashlib.sha256(self.entra_token.encode()).hexdigest(),
            "SP_ENTITY_ID": self.entity_id,
            "IDP_ENTITY_ID": f"https://sts.windows.net/{TENANT_ID}/",
            "IDP_SSO_URL": f"{self.simulator}/{TENANT_ID}/saml2",
            "IDP_CERTIFICATE": certificate,
        }
        template = (HERE / "envoy.yaml.in").read_text(encoding="utf-8")
        (self.directory / "envoy.yaml").write_text(render.render(template, values), encoding="utf-8")
        self.context = browser.trust(authority)

    def _simulator(self, *arguments):
        command = [str(part) for part in (self.options.simulator, *arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except OSError as problem:
            raise processes.NotReady(f"the simulator cannot be started: {problem}") from problem
        if done.returncode != 0:
            raise processes.NotReady(f"{' '.join(command)}:\n{done.stderr.strip()}")
        return done.stdout

    def start(self):
        """Starts the applications, the simulator and Envoy."""
        start, ports, options = self.children.start, self.ports, self.options
        scim = [options.scim2_server, "--port", ports.scim, "--bearer-token", self.application_token]
        start("scim2-server", scim, port=ports.scim)
        application = HERE.parent / "header-app" / "app.py"
        command = [options.python, application, "--port", ports.application, "--record", self.record]
        start("header-app", command, port=ports.application)
        start("simulator", self._simulator_command(), {"ENTRA_SCIM_TOKEN": self.entra_token}, ports.simulator)
        envoy = [options.envoy, "-c", self.directory / "envoy.yaml", "--concurrency", "2", "--disable-hot-restart"]
        envoy += ["-l", "warning", "--component-log-level", "wasm:info"]
        keys = {"VESTIBULE_KEY": secrets.token_urlsafe(48), "APP_SCIM_TOKEN": self.application_token}
        start("envoy", envoy, keys, ports.https, seconds=60)

    def _simulator_command(self):
        return [
            *(self.options.simulator, "serve", "--listen", f"127.0.0.1:{self.ports.simulator}"),
            *("--tenant-id", TENANT_ID, "--sp-entity-id", self.entity_id, "--acs-url", self.acs_url),
            *("--logout-url", self.logout_url),
            *("--scim-url", self.tenant_url, "--scim-token-env", "ENTRA_SCIM_TOKEN"),
            *("--ca-file", self.tls / "ca.pem", "--state-dir", self.directory / "simulator"),
        ]

    def entra(self, method, path, value=None):
        """A call to the simulator's own interface."""
        return browser.call_json(method, f"{self.simulator}/api/{path}", value)

    def scim_direct(self, method, path, value=None):
        """A call to the SCIM application past Envoy, as Entra writes its headers."""
        headers = [("Authorization", f"Bearer {self.application_token}")]
        if value is not None:
            headers.append(("Content-Type", "application/scim+json; charset=utf-8"))
        body = None if value is None else browser.json.dumps(value)
        return browser.call(method, self.scim_application + path, headers, body)

    def new_browser(self):
        """Somebody's fresh browser."""
        return browser.Browser(self.origin, self.context)

    def received(self):
        """Every request that the header application has received so far."""
        return [browser.json.loads(line) for line in self.record.read_text(encoding="utf-8").splitlines()]
