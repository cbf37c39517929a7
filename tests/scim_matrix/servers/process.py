"""One server process on a free loopback port, ended by its own handle."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from harness import settings

SECONDS = 60


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Process:
    """A running server; without `port` it prints its own."""

    token: ClassVar[str] = settings.APP_TOKEN

    def __init__(self, command: list[str], base: str, port: int | None, logs: Path, folder: Path):
        self.base = base
        self._log = logs / "server.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(logs), "APP_SCIM_TOKEN": self.token}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
        try:
            self.port = port or self._wait_for(self._printed)
            self._wait_for(self._listening)
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, look):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log()[-4000:]}")

    def _printed(self) -> int | None:
        found = re.search(r"^(\d+)$", self.log(), re.M)
        return int(found.group(1)) if found else None

    def _listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Ends this process and no other."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
