"""Whole exchanges at random, events and octets: `python tests/second_host/exchange_fuzz.py --wasm FILTER [--seconds N]`.

A case is some thirty events of several streams: pieces of messages, changed and wrong ones, in the wrong order, twice, after
the end; answers to calls that were made and to calls that were not; the timer; jumps of the clock; failing hostcalls; shared
data of somebody else's. After each event: the module has not trapped, and nothing has reached an application that may not.
`--seed N --cases 1` repeats one case, whose number is printed where something is found.
"""

import argparse
import collections
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "envoy")]

import events  # noqa: E402
from provider import QuickProvider  # noqa: E402
from scenarios import sign_in  # noqa: E402
from wasm_host.faults import Faults  # noqa: E402
from wasm_host.module import Module  # noqa: E402
from wasm_host.vm import Trapped  # noqa: E402
from world import BEGAN, VECTOR_KEYS, Violation, World, base, start  # noqa: E402

EVENTS = 30


class Fuzzer:
    """A started host with somebody signed in, which is set back before each case."""

    def __init__(self, module: Module):
        self.module, self.idp = module, QuickProvider(VECTOR_KEYS, BEGAN)
        self.tally: collections.Counter[str] = collections.Counter()
        self.cookies, self.sessions, self._host = {}, {}, None

    def _renew(self) -> None:
        self._host = start(self.module, base(VECTOR_KEYS["certificate"]))
        world = World(self._host, self.idp)
        try:
            person = sign_in(world)
            self.cookies, self.sessions = person.cookies, world.sessions
        except Violation:
            # No filter that can sign people in; a planted one.
            self.tally["nobody could sign in"] += 1
            self._host = start(self.module, base(VECTOR_KEYS["certificate"]))
        self._image = self._host.image()

    def case(self, seed: int) -> str | None:
        """One case: what was found."""
        if self._host is None or self._host.trapped:
            self._renew()
        self._host.restore(self._image, Faults(), seed)
        world = World(self._host, self.idp, faulty=True)
        world.sessions = {value: events.copied(session) for value, session in self.sessions.items()}
        play = events.Play(world, random.Random(seed), self.cookies, self.tally)
        try:
            for _ in range(EVENTS):
                play.event()
            play.end()
            world.check_logs()
        except Trapped as trap:
            return f"TRAPPED {trap}; {play.said()}"
        except Violation as violation:
            self._host = None
            return f"OPEN {violation}; {play.said()}"
        return None


def run(fuzzer: Fuzzer, seconds: float, seed: int, cases: int | None = None, most: int = 5) -> tuple[int, list[str]]:
    """Cases until the time is over: how many, and what was found."""
    found, began, number = [], time.monotonic(), 0
    while time.monotonic() - began < seconds and len(found) < most and number != cases:
        if what := fuzzer.case(seed + number):
            found.append(f"--seed {seed + number}: {what}")
        number += 1
    return number, found


def main() -> int:
    """Prints what was found, and what was reached meanwhile."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--wasm", required=True)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--cases", type=int, default=None)
    given = arguments.parse_args()
    seed = random.SystemRandom().randrange(1 << 40) if given.seed is None else given.seed
    fuzzer = Fuzzer(Module(given.wasm, HERE.parents[1] / ".tools" / "second-host" / "compiled"))
    cases, found = run(fuzzer, given.seconds, seed, given.cases)
    print("\n".join(found))
    for name, times in sorted(fuzzer.tally.items()):
        print(f"  {times:9} {name}")
    print(f"{cases} cases of {EVENTS} events from seed {seed}: {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
