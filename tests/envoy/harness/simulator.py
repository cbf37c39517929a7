"""The Entra simulator as a process of its own. Its code is not the filter's."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from . import settings
from .servers import free_port
from .simulator_program import program

TENANT = "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7"
# Invented, as the simulator has them.
SERVICE_PRINCIPAL = "8a7b6c5d-4e3f-4d2c-8b1a-0f9e8d7c6b5a"
APPLICATION_ID = "5d0c4b3a-2e1f-4a6b-9c8d-7e6f5a4b3c2d"
STARTS_WITHIN = float(os.environ.get("VESTIBULE_ENVOY_STARTS_WITHIN", "30"))


class Refused(Exception):
    """The simulator said no; `status` and `body` are its answer."""

    def __init__(self, status: int, body: dict):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Simulator:
    """A process of the simulator with its example users, of whom most tests sign in `ada`."""

    def __init__(self, place):
        self.port = free_port()
        command = [program(), "serve", "--listen", f"127.0.0.1:{self.port}", "--tenant-id", TENANT, "--state-dir", str(place)]
        command += ["--sp-entity-id", settings.ENTITY, "--acs-url", settings.ACS]
        command += ["--scim-url", "https://localhost:1/scim", "--scim-token-env", "TOKEN"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={"TOKEN": settings.TOKEN})
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                self.certificates = self.ask("/api/settings")["certificates"]
                break
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "the simulator did not start"
                time.sleep(0.05)
        self.certificate = self.certificates[0]

    def ask(self, path: str, order=None, method: str | None = None, **headers) -> dict:
        """One request to its interface for scripts."""
        body = None if order is None else json.dumps(order).encode()
        sent = {"content-type": "application/json"} | headers
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, sent, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise Refused(refused.code, json.load(refused)) from None

    def follow(self, url: str) -> tuple[int, str | None, str]:
        """What its pages answer: status, where they lead, and text."""

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        try:
            with urllib.request.build_opener(Stay).open(url, timeout=30) as answer:
                return answer.status, None, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers.get("location"), answer.read().decode()

    def stop(self) -> None:
        """Ends this process and no other."""
        self.process.terminate()
        self.process.wait(10)
