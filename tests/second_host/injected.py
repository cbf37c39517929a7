"""Every hostcall's failure in turn: `python tests/second_host/injected.py --wasm FILTER [--every]`.

For each scenario, each hostcall that it makes and each time it makes it, the same scenario is lived through once more
with that one call failing. In the short form each failure comes with one status and one mangling, another one from call to
call; with `--every` it comes with all of them. Besides, each hostcall fails each time it is made, with each status.
"""

import argparse
import collections
import dataclasses
import itertools
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "envoy")]

from provider import QuickProvider  # noqa: E402
from scenarios import SCENARIOS, live  # noqa: E402
from wasm_host.abi import FAILURES  # noqa: E402
from wasm_host.faults import MANGLERS, Fault, Faults  # noqa: E402
from wasm_host.module import Module  # noqa: E402
from wasm_host.vm import Host, Image, Trapped  # noqa: E402
from world import BEGAN, VECTOR_KEYS, Violation, World, base, new_host, start  # noqa: E402

# Calls that hand octets over, which can be wrong without a status that says so.
HAND_OVER = {
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_call_foreign_function",
    "proxy_get_current_time_nanoseconds",
}
SEED = 7


@dataclasses.dataclass
class Outcome:
    """What became of one run: `whole`, `refused`, or what must not happen."""

    scenario: str
    fault: Fault
    became: str
    bad: bool = False
    held: int = 0

    def __str__(self) -> str:
        return f"{self.scenario}, {self.fault}: {self.became}"


class Injector:
    """A started host that is set back before each run; a new one where it trapped."""

    def __init__(self, module: Module, configuration: dict, idp: QuickProvider):
        self.module, self.configuration, self.idp = module, configuration, idp
        self._renew()

    def _renew(self) -> None:
        self.host: Host = start(self.module, self.configuration)
        self.image: Image = self.host.image()

    def all_of(self, scenario: str, every: bool) -> list[Outcome]:
        """What came of all faults of a scenario, or of configuring."""
        if scenario == "start":
            return [self.run_at_start(fault) for fault in plan_of_start(self.host, every)]
        return [self.run(scenario, fault) for fault in plan(self, scenario, every)]

    def calls_of(self, scenario: str) -> collections.Counter:
        """How often the scenario makes each hostcall."""
        self._live(scenario, faults := Faults())
        return faults.made

    def _live(self, scenario: str, faults: Faults, faulty: bool = False) -> tuple[str, World]:
        self.host.restore(self.image, faults, SEED)
        world = World(self.host, self.idp, faulty)
        return live(world, SCENARIOS[scenario]), world

    def run(self, scenario: str, fault: Fault) -> Outcome:
        """One run with one fault."""
        try:
            became, world = self._live(scenario, Faults(fault), faulty=True)
            outcome = Outcome(scenario, fault, became, held=world.held)
        except Trapped as trap:
            outcome = Outcome(scenario, fault, f"TRAPPED {trap}", bad=True)
        except Violation as violation:
            outcome = Outcome(scenario, fault, f"OPEN {violation}", bad=True)
        if self.host.trapped or self.host.streams or self.host.calls.under_way and outcome.bad:
            self._renew()
        return outcome

    def run_at_start(self, fault: Fault) -> Outcome:
        """The host fails while it configures the filter; whatever comes of that, nothing may be opened."""
        import json

        try:
            host = new_host(self.module, faults=Faults(fault))
            accepted = host.start(json.dumps(self.configuration).encode())
            for name in ("closed", "refused_provisioning", "public"):
                live(World(host, self.idp, faulty=True), SCENARIOS[name])
            return Outcome("start", fault, "whole" if accepted else "refused")
        except Trapped as trap:
            # The one trap that is known: see docs/second-host.md. The configuration is not accepted, nothing is served.
            if fault.name == "random_get" and fault.number == 1 and "failed to generate random data" in str(trap):
                return Outcome("start", fault, "refused")
            return Outcome("start", fault, f"TRAPPED {trap}", bad=True)
        except Violation as violation:
            return Outcome("start", fault, f"OPEN {violation}", bad=True)


def ways(name: str, which: int | None) -> list[dict]:
    """The ways in which a call fails; `which`: one of them and one mangling."""
    failed = [{"status": status} for status in FAILURES]
    mangled = [{"mangled": one} for one in MANGLERS] if name in HAND_OVER else []
    if which is None:
        return failed + mangled
    return [failed[which % len(failed)], *mangled[which % len(MANGLERS) :][:1]]


def plan(injector: Injector, scenario: str, every: bool) -> list[Fault]:
    """All faults of a scenario."""
    count = itertools.count()
    planned = []
    for name, times in sorted(injector.calls_of(scenario).items()):
        if name == "proxy_log":
            times = min(times, 3)
        planned += [Fault(name, number, **way) for number in range(times) for way in ways(name, None if every else next(count))]
        planned += [Fault(name, None, **way) for way in ways(name, None if every else next(count))]
    return planned


def plan_of_start(host: Host, every: bool) -> list[Fault]:
    """The same for configuring; of the many times shared data are prepared, the first, the last and one in between."""
    planned, count = [], itertools.count()
    for name, times in sorted(host.faults.made.items()):
        numbers = sorted({0, 1, times // 2, times - 1} & set(range(times)))
        for number in [*(range(times) if every and times < 50 else numbers), None]:
            planned += [Fault(name, number, **way) for way in ways(name, None if every else next(count))]
    return planned


def main() -> int:
    """Prints what came of all runs, and how to repeat those that must not be."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--wasm", required=True)
    arguments.add_argument("--every", action="store_true")
    arguments.add_argument("--scenario", choices=[*SCENARIOS, "start"])
    given = arguments.parse_args()
    began, bad, tally = time.monotonic(), [], collections.Counter()
    module = Module(given.wasm, HERE.parents[1] / ".tools" / "second-host" / "compiled")
    injector = Injector(module, base(VECTOR_KEYS["certificate"]), QuickProvider(VECTOR_KEYS, BEGAN))
    for scenario in [given.scenario] if given.scenario else ["start", *SCENARIOS]:
        outcomes = injector.all_of(scenario, given.every)
        became = collections.Counter("bad" if one.bad else one.became for one in outcomes)
        tally.update(became)
        bad += [one for one in outcomes if one.bad]
        for one in outcomes:
            if one.bad:
                print(f"  {one}")
        print(f"{scenario:22} {dict(became)}, left held {sum(bool(one.held) for one in outcomes)}", flush=True)
    print(f"{sum(tally.values())} runs in {time.monotonic() - began:.0f} s: {dict(tally)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
