"""The host's clock jumps, as Envoy sees it: sessions and lock-outs hold on to what they can, and nothing is opened by it."""

import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from harness import settings
from harness.browser import Browser
from harness.envoy import ENVIRONMENT
from harness.scim_app import entra, patch, user
from harness.sign_in import Login, has_session

from .verdict import Verdict
from .world import ADA, World

OFF = patch({"op": "Replace", "path": "active", "value": "False"})
HOUR = 3600


def library(place: Path) -> Path:
    """What shifts Envoy's clock, compiled for this machine."""
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is missing: tools/setup.sh clock (Debian: apt-get install gcc)"
    made = place / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(made), str(source)], check=True)
    return made


class Clock:
    """How far Envoy's clock is from the true one; only the time of day jumps, timers go on."""

    def __init__(self, place: Path):
        self._library, self._file = library(place), place / "shift"
        self._file.write_bytes(bytes(8))
        self.offset = 0

    def set(self, seconds: int) -> None:
        """Jumps; effective with the next look at the clock."""
        self.offset = seconds
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", seconds))

    def now(self) -> float:
        """The time that Envoy believes it is."""
        return time.time() + self.offset

    def environment(self) -> dict[str, str]:
        """What Envoy is started with."""
        return ENVIRONMENT | {"LD_PRELOAD": str(self._library), "SHIFTED_BY": str(self._file)}


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1) -> Verdict:
    """Forward and back, over the ends of sessions, responses and lock-outs."""
    import tempfile

    verdict = Verdict("clock jumps")
    with tempfile.TemporaryDirectory(prefix="vestibule-clock-") as place:
        clock = Clock(Path(place))
        world = World(envoy, wasm, environment=clock.environment())
        with world:
            _jumps(world, clock, verdict)
            clock.set(0)
            world.judge_traps(verdict)
            world.envoy.crash_expected = True
    return verdict


def _jumps(world: World, clock: Clock, verdict: Verdict) -> None:
    def check(holds: bool, what: str) -> None:
        verdict.count("checks")
        verdict.require(holds, what)

    def session(browser: Browser) -> bool:
        return has_session(browser)

    world.people.users["u-2"] = user("mallory@n.example", "u-2")
    ada, mallory = world.sign_in(ADA), world.sign_in("mallory@n.example")
    check(session(ada) and session(mallory), "a session after a sign-in")
    check(entra(world.envoy, "PATCH", "/Users/u-2", OFF).status in (200, 204), "a deactivation")
    check(not session(mallory), "who is locked out has no session")

    # Forward within the session's life, beyond it, and back.
    clock.set(30 * 60)
    check(session(ada), "half an hour later the session of an hour is there")
    check(not session(mallory), "half an hour later the lock-out is there")
    clock.set(2 * HOUR)
    check(not session(ada), "two hours later the session is over")
    login = Login(Browser(world.envoy))
    check(login.answer(world.signer.response(login.request.id, ADA)).status == 403, "a response of two hours ago is too old")
    later = world.sign_in(ADA, clock.now())
    check(session(later), "a sign-in at the new time gives a session")
    login = Login(Browser(world.envoy))
    used = world.signer.response(login.request.id, ADA, clock.now())
    check(login.answer(used).status == 303, "a response is used")

    # Back: what is from the future is no better than what is of now, and nothing comes back to life by it.
    clock.set(0)
    check(not session(mallory), "back again, the lock-out is there")
    login = Login(Browser(world.envoy))
    check(login.answer(used).status == 403, "back again, a response of another login does not serve")
    login = Login(Browser(world.envoy))
    early = world.signer.response(login.request.id, ADA, time.time() + 2 * HOUR)
    check(login.answer(early).status == 403, "a response from the future is refused")
    verdict.note(f"a session issued two hours in the future is {'kept' if session(later) else 'refused'} after the clock went back")

    # Ten years forward and back, and behind the time at which everything began.
    for offset, what in ((10 * 365 * 24 * HOUR, "ten years on"), (-10 * 365 * 24 * HOUR, "ten years back"), (0, "now")):
        clock.set(offset)
        with world.envoy.h1() as client:
            check(client.request("GET", "/public/x").status == 200, f"{what} a public page is there")
            check(client.request("GET", "/private/x").status == 401, f"{what} a closed page is closed")
        check(not session(mallory), f"{what} the lock-out is there")
        check(entra(world.envoy, "GET", "/Users/u-1").status == 200, f"{what} provisioning works")
        anew = world.sign_in(ADA, clock.now())
        check(session(anew), f"{what} somebody can sign in")
        login = Login(Browser(world.envoy))
        refused = login.answer(world.signer.response(login.request.id, "mallory@n.example", clock.now())).status
        check(refused == 403, f"{what} who is locked out cannot sign in: {refused}")
