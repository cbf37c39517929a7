"""Plays every step on one server in every way."""

import contextlib
import copy
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import bootstrap, settings
from harness.envoy import Envoy
from harness.tls import self_signed

from .clients import Client, straight, through
from .scene import Scene, Unprepared
from .servers import Places, Server
from .steps.step import Step
from .stores import STORABLE, stored

# Envoy compiles the filter when it starts; several at once on few cores are each too slow.
STARTING = threading.Lock()

WAYS = ["raw", "rfc", "us", "us+"]


@dataclass(frozen=True)
class Cell:
    """What became of one step on one server in one way."""

    right: bool
    why: str = ""


@dataclass
class Column:
    """One server with all its cells, by step and way."""

    server: Server
    version: str
    ways: list[str]
    cells: dict[tuple[str, str], Cell]

    def cell(self, step: str, way: str) -> Cell:
        """One of them."""
        return self.cells[step, way]

    def right(self, way: str) -> int:
        """How many steps had the right effect."""
        return sum(cell.right for (_, at), cell in self.cells.items() if at == way)

    def counted(self) -> int:
        """How many steps there are for this server."""
        return len(self.server.steps())

    def unexplained(self) -> list[tuple[str, str]]:
        """Steps that are not right with all settings, with the reason, where it is not known that the server cannot."""
        way, cannot = self.ways[-1], self.server.cannot
        cells = [(title, cell) for (title, at), cell in self.cells.items() if at == way]
        return [(title, cell.why) for title, cell in cells if not cell.right and title not in cannot]

    def worse(self, way: str, than: str) -> list[tuple[str, str]]:
        """Steps that come out worse in one way than in another, with the reason."""
        if way not in self.ways:
            return []
        both = [(title, cell, self.cell(title, than)) for (title, at), cell in self.cells.items() if at == way]
        return [(title, cell.why) for title, cell, other in both if other.right and not cell.right]


@dataclass(frozen=True)
class Tools:
    """The programs under test and where the servers are."""

    envoy: str
    wasm: str
    places: Places


@contextlib.contextmanager
def started(server: Server, places: Places) -> Iterator:
    """The server's process."""
    with tempfile.TemporaryDirectory(prefix="vestibule-matrix-") as folder:
        process = server.start(places, Path(folder))
        try:
            yield process
        finally:
            process.stop()


def configuration(certificate: str, base: str, more: dict) -> dict:
    """The tenant's configuration before a server whose SCIM base is `base`."""
    made = settings.changed(settings.settings(certificate), "tenants.0.scim.application.cluster", "third")
    made = settings.changed(made, "tenants.0.scim.application.cluster_path", base)
    # As by default the filter reads what the server says of itself.
    del made["tenants"][0]["scim"]["schemas"]
    made["tenants"][0]["scim"] |= copy.deepcopy(more)
    return made


@contextlib.contextmanager
def gateway(tools: Tools, process, more: dict) -> Iterator[Envoy]:
    """An Envoy with the filter before the server."""
    with tempfile.TemporaryDirectory(prefix="vestibule-matrix-") as folder:
        tls = self_signed(Path(folder), "localhost")
        running = Envoy(
            tools.envoy,
            clusters={"third": process.port},
            routes=[bootstrap.route(settings.APP_SCIM, "third", rewrite=process.base, timeout="15s")],
            tls=tls,
            wasm=tools.wasm,
            configuration=configuration(tls["certificate"], process.base, more),
        )
        with contextlib.ExitStack() as stack:
            with STARTING:
                stack.enter_context(running)
            yield running


def play(step: Step, way: str, client: Client, direct: Client, kept: frozenset[str]) -> Cell:
    """One step in one way."""
    scene = Scene(direct.again(), kept)
    try:
        step.given(scene)
    except Unprepared as error:
        return Cell(False, f"could not be prepared: {error}")
    scene.client = client.again()
    (step.rfc if way == "rfc" else step.entra)(scene)
    step.judge(scene)
    return Cell(not scene.problems, "; ".join(dict.fromkeys(scene.problems)))


@dataclass(frozen=True)
class Stage:
    """A running server with everything before it."""

    kept: frozenset[str]
    direct: Client
    ways: dict[str, Client]

    def play(self, step: Step, way: str) -> Cell:
        """One step in one way; a time-out of a busy machine says nothing, so the step gets a second try."""
        cell = play(step, way, self.ways[way], self.direct, self.kept)
        if not cell.right and re.search(r"answered (0|503|504)\b", cell.why):
            cell = play(step, way, self.ways[way], self.direct, self.kept)
        return cell


@contextlib.contextmanager
def staged(server: Server, tools: Tools) -> Iterator[Stage]:
    """The server, an Envoy before it, and another with its settings where it has some."""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(started(server, tools.places))
        direct = straight(process, strict=True)
        ways = {"raw": straight(process, strict=False), "rfc": direct}
        ways["us"] = through(stack.enter_context(gateway(tools, process, {})))
        if server.settings:
            ways["us+"] = through(stack.enter_context(gateway(tools, process, server.settings)))
        kept = stored(direct)
        lacks = STORABLE - kept
        assert lacks == server.lacks, f"{server.name} does not store {sorted(lacks)}, not {sorted(server.lacks)}"
        yield Stage(kept, direct, ways)


def column(server: Server, tools: Tools) -> Column:
    """Plays the steps in every way that there is for this server."""
    with staged(server, tools) as stage:
        cells = {(step.title, way): stage.play(step, way) for step in server.steps() for way in stage.ways}
        return Column(server, server.version(tools.places), list(stage.ways), cells)
