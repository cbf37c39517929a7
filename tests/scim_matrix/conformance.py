"""The conformance tools of PyPI, straight at a server and through the filter."""

import contextlib
import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import bootstrap, settings
from harness.envoy import Envoy
from harness.tls import self_signed

from .run import STARTING, Tools, configuration, started
from .servers import Server
from .servers.process import free_port

MINUTES = 3

@dataclass(frozen=True)
class Target:
    """Where a tool is pointed."""

    url: str
    token: str
    folder: Path


@dataclass(frozen=True)
class Tally:
    """What a tool counted; `failed` by the check's name with what it says."""

    passed: int
    failed: tuple[tuple[str, str], ...]

    def names(self) -> Counter:
        """How often each check failed."""
        return Counter(name for name, _ in self.failed)

    def counts(self) -> str:
        """Passed and failed."""
        return f"{self.passed}, {len(self.failed)}"


@dataclass(frozen=True)
class Comparison:
    """One tool at one server."""

    tool: str
    server: str
    straight: Tally
    us: Tally

    def _more(self) -> list[tuple[str, str]]:
        more = self.us.names() - self.straight.names()
        return [(name, said) for name, said in self.us.failed if more[name]]

    def worse(self) -> list[str]:
        """Checks that fail more often through the filter than straight."""
        return [f"{name}: {said}" for name, said in self._more()]

    def violated(self) -> bool:
        """Whether more fails through the filter than straight."""
        return len(self.us.failed) > len(self.straight.failed)

    def better(self) -> list[str]:
        """Checks that fail less often through the filter."""
        return sorted(self.straight.names() - self.us.names())


def scim2_cli(tools: Tools, target: Target) -> Tally:
    """`scim2 test` (scim2-tester)."""
    program = [str(tools.places.python / "bin" / "scim2"), "--no-verify", "-u", target.url, "test"]
    text = _output(program, target, {"SCIM_CLI_HEADERS": f"Authorization: Bearer {target.token}"})
    found = re.findall(r"^([A-Z]+) (\w+)\n(?:  (.*)\n)?", re.sub(r"\x1b\[[0-9;]*m", "", text), re.M)
    assert found, f"scim2 test has judged nothing:\n{text[-2000:]}"
    failed = tuple((name, said) for status, name, said in found if status in ("ERROR", "CRITICAL", "DEVIATION"))
    return Tally(len(found) - len(failed), failed)


def scim_sanity(*options: str):
    """`scim-sanity probe`."""

    def run(tools: Tools, target: Target) -> Tally:
        program = [str(tools.places.python / "bin" / "scim-sanity"), "probe", target.url, "--token", target.token]
        program += ["--tls-no-verify", "--i-accept-side-effects", "--json-output", *options]
        text = _output(program, target, {})
        results = json.loads(text[text.index("{") :])["results"]
        failed = tuple((one["name"], one.get("message", "")) for one in results if one["status"] in ("fail", "error"))
        return Tally(sum(one["status"] == "pass" for one in results), failed)

    return run


TOOLS = {
    "scim2-cli test": scim2_cli,
    "scim-sanity": scim_sanity(),
    "scim-sanity --profile entra": scim_sanity("--profile", "entra"),
}


def _output(program: list[str], target: Target, environment: dict) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(target.folder), "TERM": "dumb", **environment}
    done = subprocess.run(program, capture_output=True, text=True, timeout=60 * MINUTES, env=environment, check=False)
    return done.stdout or done.stderr


@contextlib.contextmanager
def _public(tools: Tools, process, more: dict) -> Iterator[str]:
    """An Envoy whose public URL is where it really listens: the tools follow locations."""
    with tempfile.TemporaryDirectory(prefix="vestibule-matrix-") as folder:
        tls, port = self_signed(Path(folder), "localhost"), free_port()
        url = f"https://localhost:{port}"
        envoy = Envoy(
            tools.envoy,
            clusters={"third": process.port},
            routes=[bootstrap.route(settings.APP_SCIM, "third", rewrite=process.base, timeout="15s")],
            tls=tls,
            wasm=tools.wasm,
            configuration=settings.changed(
                configuration(tls["certificate"], process.base, more), "tenants.0.public_url", url
            ),
        )
        for listener in envoy.bootstrap["static_resources"]["listeners"]:
            if listener["name"] == "tls":
                listener["address"]["socket_address"]["port_value"] = port
        with contextlib.ExitStack() as stack:
            with STARTING:
                stack.enter_context(envoy)
            yield url


def compare(server: Server, tools: Tools) -> list[Comparison]:
    """Every tool at one server, which is new each time."""
    found = []
    for name, tool in TOOLS.items():
        with tempfile.TemporaryDirectory(prefix="vestibule-matrix-") as folder:
            place = Path(folder)
            with started(server, tools.places) as process:
                straight = tool(tools, Target(f"http://127.0.0.1:{process.port}{process.base}", process.token, place))
            with started(server, tools.places) as process, _public(tools, process, {}) as url:
                us = tool(tools, Target(url + settings.SCIM, settings.TOKEN, place))
            found.append(Comparison(name, server.name, straight, us))
    return found
