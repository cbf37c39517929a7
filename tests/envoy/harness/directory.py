"""A directory of the Entra simulator: one tenant with one enterprise application, each in a process of its own."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .servers import free_port
from .simulator_program import program


class Directory:
    """Makes its certificate at once; `serve` starts it when the gateway's addresses are known."""

    def __init__(self, place: Path, tenant_id: str):
        self.tenant_id, self.place, self._program = tenant_id, place, program()
        made = subprocess.run([self._program, "certificate", "--state-dir", str(place)], capture_output=True, check=True)
        self.certificate = made.stdout.decode().strip()
        self._process = None

    def serve(self, entity: str, acs: str, scim_url: str, token: str, authority: str, *more: str) -> "Directory":
        """Starts it for one enterprise application; `authority` is the file of certificates that it trusts."""
        self.stop()
        self.port = free_port()
        command = [self._program, "serve", "--listen", f"127.0.0.1:{self.port}", "--tenant-id", self.tenant_id]
        command += ["--state-dir", str(self.place), "--sp-entity-id", entity, "--acs-url", acs]
        command += ["--scim-url", scim_url, "--scim-token-env", "TOKEN", "--ca-file", authority, *more]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={"TOKEN": token})
        until = time.monotonic() + 30
        while True:
            try:
                self.ask("/api/settings")
                return self
            except OSError:
                assert time.monotonic() < until and self._process.poll() is None, "the simulator did not start"
                time.sleep(0.05)

    def ask(self, path: str, order: dict | None = None, method: str | None = None) -> dict:
        """One request to its interface for scripts; what it refuses is told as well."""
        body = None if order is None else json.dumps(order).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        asked = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            return json.load(refusal)

    def change(self, user: str, **fields) -> dict:
        """Changes a user of the directory."""
        return self.ask(f"/api/users/{user}", fields, "PATCH")

    def test_connection(self) -> dict:
        """*Test Connection*."""
        return self.ask("/api/provision/test-connection", {})

    def cycle(self) -> dict:
        """A whole cycle."""
        return self.ask("/api/provision/cycle", {})

    def on_demand(self, user: str) -> dict:
        """*Provision on demand*."""
        return self.ask("/api/provision/on-demand", {"user": user})

    def stop(self) -> None:
        """Ends this process and no other."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
