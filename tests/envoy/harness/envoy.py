"""Starts a real Envoy on free ports and ends it again: by its own process id, and only its own."""

import functools
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import bootstrap
from .client import H1, H2

# What Envoy logs when a VM ended. A line of ours that only speaks of such things carries `code=`.
CRASH = re.compile(r"panicked at|Uncaught RuntimeError|in-VM backtrace|VM .*(?:failed|crash)|Assert(?:ion)? fail", re.I)
CODE = re.compile(r"event=[a-z_.]+ code=([a-z][a-z0-9_.]*)")
ENVIRONMENT = {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop", "APP_SCIM_TOKEN": "app-own-secret"}


# Seconds; a computer that does much else needs more.
STARTS_WITHIN = float(os.environ.get("VESTIBULE_ENVOY_STARTS_WITHIN", "30"))


def version(binary: str) -> tuple[int, int]:
    """The release line of this Envoy, such as (1, 40)."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"/(\d+)\.(\d+)\.\d+/", said).groups()
    return int(major), int(minor)


class StartFailed(AssertionError):
    """Envoy did not come up; `log` is what it said."""

    def __init__(self, log: str):
        super().__init__(f"Envoy did not start:\n{_tail(log)}")
        self.log = log


@functools.cache
def explained_codes() -> frozenset[str]:
    """The codes that the documentation explains: every one that is logged must be among them."""
    page = Path(__file__).parents[3] / "docs/codes.md"
    return frozenset(re.findall(r'^\| <a id="([a-z0-9_.]+)">', page.read_text(), re.M))


def _tail(log: str, lines: int = 60) -> str:
    return "\n".join(log.splitlines()[-lines:])


class Envoy:
    """One Envoy process; use it as a context.

    `clusters` maps names to ports, or to `(port, "h2")`. Without `wasm` there is no filter. `options` are those of the
    HTTP connection manager.
    """

    def __init__(
        self,
        binary: str,
        *,
        clusters: dict,
        routes: list[dict],
        tls: dict,
        wasm: str | None = None,
        configuration=None,
        stop_iteration: bool = True,
        as_struct: bool = False,
        concurrency: int = 1,
        buffer_limit: int | None = None,
        filters: tuple = (),
        options: dict | None = None,
        log_level: str = "warning",
        environment: dict | None = None,
        **listener,
    ):
        made = [
            bootstrap.cluster(name, *((at, False) if isinstance(at, int) else (at[0], True)))
            for name, at in clusters.items()
        ]
        ours = [bootstrap.plugin(wasm, configuration, stop_iteration, as_struct)] if wasm else []
        self.bootstrap = bootstrap.bootstrap(
            made, routes, [*ours, *filters], tls, buffer_limit, options, **listener
        )
        self.binary, self.concurrency, self.log_level = binary, concurrency, log_level
        self.environment = ENVIRONMENT if environment is None else environment
        self.crash_expected = False
        self.ports: dict[str, int] = {}

    def __enter__(self):
        self._place = tempfile.TemporaryDirectory(prefix="vestibule-envoy-")
        place = Path(self._place.name)
        self._log = place / "envoy.log"
        file = self._write(place)
        command = [self.binary, "-c", file, "--concurrency", str(self.concurrency), "--disable-hot-restart"]
        command += [
            "--admin-address-path",
            "admin.txt",
            "--log-level",
            self.log_level,
            "--use-dynamic-base-id",
            "--file-flush-interval-msec",
            "200",
        ]
        if self.log_level == "warning":
            command += ["--component-log-level", "wasm:info"]
        self.started = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=place, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], **self.environment}
            )
        try:
            self._wait_ready(place / "admin.txt")
        except BaseException:
            self._end()
            raise
        return self

    def _write(self, place: Path) -> str:
        """Writes what Envoy is configured with, and gives the name of the file."""
        (place / "envoy.json").write_text(json.dumps(self.bootstrap, indent=1))
        return "envoy.json"

    def __exit__(self, kind, *_):
        try:
            crashes = self.crashes()
        finally:
            status = self._end()
        if kind:
            print(f"---- end of Envoy's log\n{_tail(self.log_text)}")
            return
        if not self.crash_expected:
            assert not crashes, f"a VM crashed: {crashes}\n{_tail(self.log_text)}"
            assert status in (0, -15), f"Envoy ended with {status}\n{_tail(self.log_text)}"
        unexplained = set(CODE.findall(self.log_text)) - explained_codes()
        assert not unexplained, f"docs/codes.md does not explain {unexplained}"

    def _note_ports(self) -> None:
        self.plain_port, self.tls_port = self.ports.get("plain"), self.ports.get("tls")

    def _end(self) -> int:
        self.process.terminate()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log_text = self._log.read_text(errors="replace")
        self._place.cleanup()
        return status

    def _wait_ready(self, address: Path) -> None:
        while True:
            ended = self.process.poll() is not None
            if ended or time.monotonic() - self.started > STARTS_WITHIN:
                raise StartFailed(self.log())
            try:
                self.admin_address = address.read_text().strip()
                if self.admin_address and self.admin("/ready").startswith("LIVE"):
                    break
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.02)
        self.seconds_to_ready = time.monotonic() - self.started
        for entry in json.loads(self.admin("/listeners?format=json"))["listener_statuses"]:
            self.ports[entry["name"]] = entry["local_address"]["socket_address"]["port_value"]
        self._note_ports()

    def admin(self, path: str, method: str = "GET") -> str:
        """Asks Envoy's admin interface."""
        asked = urllib.request.Request(f"http://{self.admin_address}{path}", method=method)
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return answer.read().decode()

    def log(self) -> str:
        """What Envoy has logged so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else self.log_text

    def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches."""
        lines = self.admin(f"/stats?filter={pattern}").splitlines()
        pairs = (line.rsplit(": ", 1) for line in lines if ": " in line)
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def crashes(self) -> list[str]:
        """Signs that a VM ended: log lines and reload counters."""
        found = [line for line in self.log().splitlines() if CRASH.search(line) and "code=" not in line]
        if self.process.poll() is not None:
            return [*found, f"the process ended by itself with {self.process.returncode}"]
        reloads = self.stats("vm_reload")
        return found + [f"{name}={count}" for name, count in reloads.items() if count]

    def wait_for_log(self, pattern: str, seconds: float = 5) -> str:
        """The first log line that matches, once it is there."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.log().splitlines():
                if re.search(pattern, line):
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no log line matches {pattern!r}:\n{_tail(self.log())}")

    def resident_kilobytes(self) -> int:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def h1(self, **more) -> H1:
        """An HTTP/1.1 connection to the plain listener."""
        return H1(self.plain_port, **more)

    def h2(self, **more) -> H2:
        """An HTTP/2 connection to the plain listener, with prior knowledge."""
        return H2(self.plain_port, **more)
