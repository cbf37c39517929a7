"""The filter's configuration is replaced again and again, by a file that Envoy watches (LDS), while people work."""

import copy
import json
import os
import random
import threading
import time
from pathlib import Path

from harness import settings
from harness.client import H1
from harness.envoy import Envoy
from harness.scim_app import entra, patch, user
from harness.servers import free_port

from .verdict import Verdict
from .world import ADA, World, cookie_of

SHORT_UPDATES = 8
LOCKED_OUT = "mallory@n.example"
LATER = "eve@n.example"
REFUSED = "Failed to configure base Wasm plugin"  # what Envoy says of a configuration that we refuse
OFF = patch({"op": "Replace", "path": "active", "value": "False"})


class Watching(Envoy):
    """An Envoy whose listeners are in a file of their own."""

    def __enter__(self):
        # A name that is renamed over is what Envoy looks for.
        self._listeners = self.bootstrap["static_resources"].pop("listeners")
        for listener in self._listeners:
            listener["address"]["socket_address"]["port_value"] = free_port()
        source = {"path_config_source": {"path": "./lds.json"}, "resource_api_version": "V3"}
        self.bootstrap["dynamic_resources"] = {"lds_config": source}
        self.bootstrap["node"] = {"id": "torture", "cluster": "torture"}
        self.version = 0
        return super().__enter__()

    def _write(self, place: Path) -> str:
        self.write(place, self._listeners)
        return super()._write(place)

    def write(self, place: Path, listeners: list[dict]) -> None:
        """Puts a new version in place at once."""
        self.version += 1
        made = [{"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"} | listener for listener in listeners]
        (place / "lds.new").write_text(json.dumps({"version_info": str(self.version), "resources": made}))
        os.rename(place / "lds.new", place / "lds.json")

    def update(self, configuration: dict) -> None:
        """Another configuration of the filter."""
        listeners = copy.deepcopy(self._listeners)
        for listener in listeners:
            manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
            plugin = manager["http_filters"][0]["typed_config"]["config"]
            plugin["configuration"]["value"] = json.dumps(configuration)
        self.write(Path(self._place.name), listeners)

    def taken(self) -> int:
        """How many updates Envoy has taken."""
        return self.stats("listener_manager.lds.update_success").get("listener_manager.lds.update_success", 0)

    def refused(self) -> int:
        """How many it has refused."""
        return self.stats("listener_manager.lds.update_rejected").get("listener_manager.lds.update_rejected", 0)


class Worker(threading.Thread):
    """Asks for the same thing again and again, on connections that it keeps, and knows what is right."""

    def __init__(self, world: World, verdict: Verdict, name: str, asked: tuple, right: int, keep: bool = True):
        super().__init__(daemon=True)
        self.world, self.verdict, self.what, self.asked, self.right, self.keep = world, verdict, name, asked, right, keep
        self.over = False

    def run(self) -> None:
        connection, used = None, 0
        while not self.over:
            try:
                if connection is None:
                    connection, used = H1(self.world.envoy.plain_port, seconds=20), 0
                reply = connection.request(*self.asked)
                used += 1
            except TimeoutError:
                self.verdict.fail(f"{self.what}: hung")
                connection = None
                continue
            except OSError:
                # A listener that goes takes its idle connections along; a client then tries again on a new one.
                self.verdict.count(f"{self.what}: connection ended by Envoy " + ("between requests" if used else "before its first"))
                connection = None
                continue
            if reply.status == 0:
                self.verdict.count(f"{self.what}: connection ended by Envoy between requests")
                connection = None
                continue
            self.verdict.count(f"{self.what}: {reply.status}")
            if reply.status != self.right:
                self.verdict.fail(f"{self.what} was answered {reply.status} instead of {self.right}: {reply.body[:120]!r}")
            if not self.keep or "close" in (reply.get("connection") or ""):
                connection.close()
                connection = None


def variants(base: dict):
    """Configurations that are all right, each different from the one before."""
    number = 0
    while True:
        number += 1
        made = copy.deepcopy(base)
        tenant = made["tenants"][0]
        tenant["session"]["login_lifetime_seconds"] = 300 + number
        tenant["scim"]["max_in_hand"] = 64 + number % 5
        if number % 3 == 0:
            tenant["access"]["rules"].insert(0, {"path": {"prefix": f"/private/new-{number}"}, "access": "deny"})
        if number % 4 == 0:  # a key is added in front: sessions of the old one stay
            made["keys"] = [{"id": f"k{number}", "secret": {"value": f"another-master-key-{number:04}-0123456789abcdef"}}, *made["keys"]]
        yield made


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1) -> Verdict:
    """Some updates, or as many as fit into the minutes; every fifth is one that must be refused."""
    verdict = Verdict("configuration updates under load")
    chosen = random.Random(seed)
    world = World(envoy, wasm, concurrency=2, log_answers=False, kind=Watching)
    with world:
        mallory = user(LOCKED_OUT, "u-2")
        world.people.users["u-2"] = mallory
        locked_out = cookie_of(world.sign_in(LOCKED_OUT))
        status = entra(world.envoy, "PATCH", "/Users/u-2", OFF).status
        verdict.require(status in (200, 204), f"the deactivation is {status}")
        page, scim = "/private/page", settings.SCIM + "/Users/u-1"
        world.people.users["u-3"] = user(LATER, "u-3")
        world.welcome.add(LATER)
        later = [("cookie", cookie_of(world.sign_in(LATER)))]
        kept = world.envoy.h1(seconds=20)
        verdict.require(kept.request("GET", page, later).status == 200, "a session before the updates")
        workers = [
            Worker(world, verdict, "Ada, on a kept connection", ("GET", page, [("cookie", world.cookie), ("x-user", "forged")]), 200),
            Worker(world, verdict, "Ada, each time anew", ("GET", page, [("cookie", world.cookie)]), 200, keep=False),
            Worker(world, verdict, "nobody", ("GET", page, [("x-user", ADA)]), 401),
            Worker(world, verdict, "locked out", ("GET", page, [("cookie", locked_out)]), 401),
            Worker(world, verdict, "provisioning", ("GET", scim, [settings.BEARER]), 200),
            Worker(world, verdict, "provisioning without token", ("GET", scim, []), 401),
        ]
        for worker in workers:
            worker.start()
        _update(world.envoy, world.configuration, verdict, chosen, minutes)
        time.sleep(0.5)
        for worker in workers:
            worker.over = True
        for worker in workers:
            worker.join(30)
            verdict.require(not worker.is_alive(), f"{worker.what} hangs")
        world.judge(verdict, "after the last update")
        # A connection from before the first update is served by the configuration of then, and knows of what came since.
        before = kept.request("GET", page, later).status
        verdict.count(f"a connection from before all updates: {before}")
        verdict.require(before in (0, 200), f"a session on a connection from before the updates is answered {before}")
        status = entra(world.envoy, "PATCH", "/Users/u-3", OFF).status
        verdict.require(status in (200, 204), f"a deactivation after the updates is {status}")
        with world.envoy.h1() as client:
            reply = client.request("GET", page, later)
            verdict.require(reply.status == 401, f"who was locked out after the updates is answered {reply.status}")
        if before == 200:
            after = kept.request("GET", page, later).status
            verdict.count(f"the same, when its person was locked out since: {after}")
            verdict.require(after == 401, f"who was locked out is answered {after} on a connection from before the updates")
        kept.close()
        with world.envoy.h1() as client:
            reply = client.request("GET", page, [("cookie", locked_out)])
            verdict.require(reply.status == 401, f"who was locked out before the updates is answered {reply.status}")
        world.judge_applications(verdict)
        for sign in world.envoy.crashes():
            if REFUSED not in sign:
                verdict.fail(f"crash: {sign}")
        for name, value in world.envoy.stats("downstream_rq_5xx").items():
            if "http.plain" in name or "http.tls" in name:
                verdict.require(value == 0, f"{name} is {value}")
        world.envoy.crash_expected = True
    return verdict


def _update(envoy: Watching, base: dict, verdict: Verdict, chosen: random.Random, minutes: float) -> None:
    made, until, number = variants(base), time.monotonic() + minutes * 60, 0
    while number < SHORT_UPDATES or time.monotonic() < until:
        number += 1
        time.sleep(chosen.uniform(0.2, 1.0))
        taken, refused = envoy.taken(), envoy.refused()
        if number % 5 == 0:
            broken = copy.deepcopy(base)
            broken["tenants"][0]["acess"] = {}
            envoy.update(broken)
            _until(verdict, lambda: envoy.refused() > refused, "a configuration that is wrong was not refused")
            verdict.count("wrong configurations refused")
        else:
            envoy.update(next(made))
            _until(verdict, lambda: envoy.taken() > taken, "a configuration that is right was not taken")
            verdict.count("configurations taken")


def _until(verdict: Verdict, holds, otherwise: str, seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            verdict.fail(otherwise)
            return
        time.sleep(0.05)
