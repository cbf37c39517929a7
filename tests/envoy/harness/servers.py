"""Third-party SCIM servers, unmodified, each in its own process on a free port."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import settings
from .client import H1
from .messages import Reply

SECONDS = 60  # to start; a busy computer needs them
ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server:
    """A SCIM server; `ask` talks to it directly, past the filter, with the application's own credential."""

    def __init__(self, command: list[str], base: str, port: int | None, place: Path):
        self.base = base
        self._log = place / "server.log"
        environment = {"PATH": os.environ["PATH"], "APP_SCIM_TOKEN": settings.APP_TOKEN}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=_node_folder(), env=environment)
        self.port = port or self._printed_port()
        self._wait()

    def _printed_port(self) -> int:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"^(\d+)$", self._log.read_text(), re.M):
                return int(found.group(1))
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self._log.read_text()}")

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError(f"the server did not start:\n{self._log.read_text()}")

    def stop(self) -> None:
        """Ends this process and no other."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, method: str, path: str, value=None) -> Reply:
        """One request to the server itself; a value is sent as JSON, octets as they are."""
        headers = [("authorization", f"Bearer {settings.APP_TOKEN}"), ("connection", "close")]
        body = value if isinstance(value, bytes | None) else json.dumps(value).encode()
        if body is not None:
            headers.append(("content-type", "application/scim+json"))
        with H1(self.port) as client:
            return client.request(method, self.base + path, headers, body)


def _node_folder() -> Path:
    place = ROOT / ".tools" / "node"
    assert (place / "node_modules").is_dir(), "the npm test servers are missing; run tools/setup.sh node"
    return place


def scimmy(place: Path) -> Server:
    """npm `scimmy` with `scimmy-routers`."""
    script = ROOT / "tests" / "envoy" / "node" / "scimmy-server.mjs"
    return Server(["node", str(script)], "/scim", None, place)


def scim2_server(place: Path) -> Server:
    """PyPI `scim2-server`, in memory."""
    port = free_port()
    program = Path(sys.executable).parent / "scim2-server"
    return Server([str(program), "--port", str(port), "--bearer-token", settings.APP_TOKEN], "/v2", port, place)
