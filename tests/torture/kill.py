"""Everything around the filter, and Envoy itself, is killed and started again, in the middle of work."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from harness import authorities, bootstrap, settings
from harness.browser import Browser
from harness.client import H1
from harness.envoy import Envoy
from harness.scim_app import entra
from harness.servers import ROOT, free_port
from harness.sign_in import Login, has_session
from harness.simulator_program import program
from harness.tls import self_signed

from .verdict import Verdict

DIRECTORY = "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7"
METADATA = f"{DIRECTORY}/federationmetadata/2007-06/federationmetadata.xml"
SHORT_KILLS = 8
HUNG = 15  # seconds


class Process:
    """A part in a process of its own, which can be killed and started again on the same port."""

    def __init__(self, command: list[str], port: int, environment: dict | None = None, stderr=subprocess.DEVNULL):
        self.command, self.port = command, port
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "tests")} | (environment or {})
        self._stderr = stderr
        self.start()

    def start(self) -> None:
        """Starts it and waits until it listens."""
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=self._stderr, cwd=ROOT
        )
        until = time.monotonic() + 60
        while True:
            try:
                socket_of(self.port)
                return
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, f"{self.command[0]} did not start"
                time.sleep(0.05)

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def socket_of(port: int) -> None:
    """Whether somebody listens there; an error if not."""
    with contextlib.closing(H1(port, seconds=2)):
        pass


class Reborn(Envoy):
    """An Envoy on fixed ports, which can be killed and started again."""

    def fix(self, ports: dict[str, int]) -> None:
        """Where its listeners are."""
        for listener in self.bootstrap["static_resources"]["listeners"]:
            listener["address"]["socket_address"]["port_value"] = ports[listener["name"]]

    def kill(self) -> None:
        """As `kill -9`; its crashes until then are kept."""
        self.seen = getattr(self, "seen", []) + self.crashes()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._place.cleanup()

    def again(self) -> None:
        """Starts anew."""
        self.__enter__()


class Stage:
    """Application, keys and metadata as servers of their own, the simulator as Entra, Envoy on fixed ports."""

    def __init__(self, envoy: str, wasm: str, place: Path, parts: contextlib.ExitStack):
        self.place, self.journal = place, place / "journal.jsonl"
        tls = self_signed(place, "localhost")
        python = sys.executable
        self.app_port, self.keys_port, self.sim_port = free_port(), free_port(), free_port()
        ports = {"plain": free_port(), "tls": free_port()}
        self.app = Process([python, "-m", "torture.recorder", str(self.app_port), str(self.journal)], self.app_port)
        parts.callback(lambda: self.app.kill())
        self.key = authorities.Key("k1")
        (place / "keys.json").write_text(json.dumps({"keys": [self.key.jwk()]}))
        serve = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", str(place)]
        self.keys = Process([python, *serve, str(self.keys_port)], self.keys_port)
        parts.callback(lambda: self.keys.kill())
        self.simulator = Process(
            [program(), "serve", "--listen", f"127.0.0.1:{self.sim_port}", "--tenant-id", DIRECTORY, "--state-dir",
             str(place / "simulator"), "--sp-entity-id", settings.ENTITY, "--acs-url", settings.ACS, "--scim-url",
             f"http://localhost:{ports['plain']}{settings.SCIM}", "--scim-token-env", "TOKEN"],
            self.sim_port, {"TOKEN": settings.TOKEN},
        )  # fmt: skip
        parts.callback(lambda: self.simulator.kill())
        # The simulator answers in the clear, and metadata that sends people to such an address is refused.
        with urllib.request.urlopen(f"http://127.0.0.1:{self.sim_port}/{METADATA}", timeout=20) as answer:
            document = answer.read().replace(b"http://127.0.0.1", b"https://127.0.0.1")
        (place / "metadata.xml").write_bytes(document)
        self.metadata_port = free_port()
        self.metadata = Process([python, *serve, str(self.metadata_port)], self.metadata_port)
        parts.callback(lambda: self.metadata.kill())
        self.envoy = Reborn(
            envoy,
            clusters={"app": self.app_port, "scim_app": self.app_port, "keys": self.keys_port, "metadata": self.metadata_port},
            routes=[bootstrap.route("/", "app")],
            tls=tls,
            wasm=wasm,
            configuration=self._configuration(),
            concurrency=2,
        )
        self.envoy.fix(ports)
        self.envoy.__enter__()
        parts.callback(self._end_envoy)

    def _end_envoy(self) -> None:
        self.envoy.crash_expected = True  # what was found is in the verdict
        if self.envoy.process.poll() is None:
            self.envoy.__exit__(None, None, None)

    def _configuration(self) -> dict:
        made = settings.settings(str(self.place / "localhost.crt"))
        tenant = made["tenants"][0]
        tenant["scim"]["authentication"] = {
            "entra_token": {
                "tenant_id": authorities.TENANT,
                "audiences": [authorities.AUDIENCE],
                "keys": {"cluster": "keys", "path": "/keys.json"},
            }
        }
        tenant["saml"]["entra"] = {"tenant_id": DIRECTORY}
        tenant["saml"]["identity_provider"] = {
            "trust": "tls",
            "metadata": {"cluster": "metadata", "authority": "127.0.0.1", "path": "/metadata.xml", "refresh_seconds": 60},
        }
        return made

    def ask(self, path: str, order: dict | None = None, method: str | None = None) -> dict:
        """One request to the simulator's interface for scripts."""
        body = None if order is None else json.dumps(order).encode()
        url = f"http://127.0.0.1:{self.sim_port}/api/{path}"
        asked = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def sign_in(self, user: str, pause=lambda: None) -> tuple[Browser, int]:
        """A browser that went to the simulator and back; `pause` is called on the way."""
        browser = Browser(self.envoy)
        reply = browser.get("/private/page")
        if reply.status != 302:
            return browser, reply.status
        pause()
        signed = self.ask("sign-in", {"user": user, "saml_request_url": reply.get("location")})
        pause()
        fields = {"SAMLResponse": signed["saml_response"], "RelayState": signed["relay_state"]}
        return browser, browser.post_form("/.vestibule/saml/acs", fields, origin="https://login.microsoftonline.com").status

    def kept(self) -> dict:
        """What the application has, by `userName`."""
        with H1(self.app_port) as client:
            reply = client.request("GET", settings.APP_SCIM + "/Users?count=1000", [("authorization", f"Bearer {settings.APP_TOKEN}")])
        return {entry["userName"]: entry for entry in reply.json()["Resources"]}

    def writes(self) -> list[dict]:
        """What the application was sent, killed or not."""
        if not self.journal.exists():
            return []
        lines = [json.loads(line) for line in self.journal.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line["method"] != "GET"]


def _quietly(action) -> object:
    """What came of it, or the error: parts are being killed."""
    try:
        return action()
    except (OSError, ValueError, AssertionError, TimeoutError) as error:
        return error


class Entra(threading.Thread):
    """Changes the directory and provisions, on and on."""

    def __init__(self, stage: Stage, verdict: Verdict):
        super().__init__(daemon=True)
        self.stage, self.verdict, self.over, self.round = stage, verdict, False, 0
        self.random = random.Random(7)

    def run(self) -> None:
        names = [entry["name"] for entry in self.stage.ask("users")]
        while not self.over:
            self.round += 1
            for name in self.random.sample(names, 2):
                change = {"displayName": f"{name} {self.round}", "accountEnabled": self.random.random() < 0.7}
                _quietly(lambda n=name, c=change: self.stage.ask(f"users/{n}", c, "PATCH"))
            began = time.monotonic()
            report = _quietly(lambda: self.stage.ask("provision/cycle", {}))
            took = time.monotonic() - began
            self.verdict.count("provisioning cycles in the turmoil")
            if isinstance(report, dict) and report.get("outcome") != "success":
                self.verdict.count("of these with failures, to be tried again")
            if took > 60:
                self.verdict.fail(f"a provisioning cycle hung for {took:.0f} s")


class People(threading.Thread):
    """Signs in and looks at a page, on and on."""

    def __init__(self, stage: Stage, verdict: Verdict, user: str):
        super().__init__(daemon=True)
        self.stage, self.verdict, self.user, self.over = stage, verdict, user, False

    def run(self) -> None:
        while not self.over:
            began = time.monotonic()
            came = _quietly(lambda: self.stage.sign_in(self.user, lambda: time.sleep(0.1)))
            if time.monotonic() - began > HUNG * 2:
                self.verdict.fail(f"a sign-in hung for {time.monotonic() - began:.0f} s")
            time.sleep(0.05)
            self.verdict.count("sign-ins in the turmoil: " + (str(came[1]) if isinstance(came, tuple) else "no answer"))
            with_nobody = _quietly(lambda: H1(self.stage.envoy.plain_port, seconds=HUNG).request("GET", "/private/x"))
            status = getattr(with_nobody, "status", "no answer")
            if status == 200:
                self.verdict.fail("a closed page was shown to nobody")
            if isinstance(with_nobody, TimeoutError):
                self.verdict.fail("a request hung")


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1) -> Verdict:
    """Kills one part after another, some times or for some minutes, and then asks how things stand."""
    verdict = Verdict("kill")
    chosen = random.Random(seed)
    until = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="vestibule-kill-") as place, contextlib.ExitStack() as parts:
        stage = Stage(envoy, wasm, Path(place), parts)
        _settle(stage, verdict, "at first")
        before, status = stage.sign_in(stage.ask("users")[0]["name"])
        verdict.require(status == 303 and has_session(before), f"a sign-in before anything was killed is {status}")
        entra_at_work = Entra(stage, verdict)
        at_work = [entra_at_work, *[People(stage, verdict, entry["name"]) for entry in stage.ask("users")[1:3]]]
        for thread in at_work:
            thread.start()
        victims = ["app", "envoy", "metadata", "app", "keys", "envoy", "app", "simulator"]
        kills = 0
        while kills < SHORT_KILLS or time.monotonic() < until:
            time.sleep(chosen.uniform(0.2, 1.5))
            _kill(stage, victims[kills % len(victims)], verdict, chosen)
            kills += 1
        for thread in at_work:
            thread.over = True
        for thread in at_work:
            thread.join(120)
            verdict.require(not thread.is_alive(), f"{type(thread).__name__} hangs")
        _settle(stage, verdict, "after the last kill")
        _judge_writes(stage, verdict)
        for sign in getattr(stage.envoy, "seen", []) + stage.envoy.crashes():
            verdict.fail(f"crash: {sign}")
        _metadata(stage, verdict)
        _keys(stage, verdict)
        for sign in stage.envoy.crashes():
            verdict.fail(f"crash: {sign}")
    return verdict


def _kill(stage: Stage, victim: str, verdict: Verdict, chosen: random.Random) -> None:
    verdict.count(f"killed: {victim}")
    part = getattr(stage, victim)
    part.kill()
    time.sleep(chosen.uniform(0.0, 0.8))
    part.again() if victim == "envoy" else part.start()


def _come_to_rest(stage: Stage, verdict: Verdict, when: str) -> dict | None:
    report = None
    for _ in range(6):
        report = _quietly(lambda: stage.ask("provision/cycle", {}))
        if isinstance(report, dict) and report["outcome"] == "success":
            return report
        verdict.count("cycles of Entra's own retry")
    wrong = [e for e in report["entries"] if e["outcome"] == "failure"] if isinstance(report, dict) else report
    verdict.fail(f"{when}: provisioning does not come to rest: {str(wrong)[:600]}")
    return None


def _show_who_is_unknown(stage: Stage, report: dict, kept: dict) -> None:
    """The simulator forgets whom it provisioned when it is killed, which Entra does not: who is disabled before it saw them
    again is out of its scope. They are enabled for one cycle, in which it finds them."""
    out_of_scope = {e["object"] for e in report["entries"] if e["what"] == f"user {e['object']}" and "was never provisioned" in e["detail"]}
    unknown = [u for u in stage.ask("users") if u["name"] in out_of_scope and u["userPrincipalName"] in kept and not u["accountEnabled"]]
    for user in unknown:
        stage.ask(f"users/{user['name']}", {"accountEnabled": True}, "PATCH")
    if unknown:
        _quietly(lambda: stage.ask("provision/cycle", {}))
    for user in unknown:
        stage.ask(f"users/{user['name']}", {"accountEnabled": False}, "PATCH")


def _settle(stage: Stage, verdict: Verdict, when: str) -> None:
    """Entra's own retry: cycles until one is without failure; then the application has what Entra has."""
    report = _come_to_rest(stage, verdict, when)
    if report is None:
        return
    kept = stage.kept()
    _show_who_is_unknown(stage, report, kept)
    if _come_to_rest(stage, verdict, when) is None:
        return
    kept = stage.kept()
    for user in stage.ask("users"):
        entry = kept.get(user["userPrincipalName"])
        active = user["accountEnabled"] and user["assigned"] and user["deletion"] == "none"
        if entry is None:
            verdict.require(not active, f"{when}: {user['name']} is not there")
            continue
        verdict.count("accounts read back and compared")
        verdict.require(entry.get("active", True) == active, f"{when}: {user['name']} is active: {entry.get('active')}, not {active}")
        verdict.require(entry.get("displayName") == user["displayName"], f"{when}: {user['name']} is called {entry.get('displayName')!r}")
    doubled = [name for name, number in Counter(entry["userName"] for entry in kept.values()).items() if number > 1]
    verdict.require(not doubled, f"{when}: twice there: {doubled}")


def _judge_writes(stage: Stage, verdict: Verdict) -> None:
    """What Entra sent once reached the application at most once: Envoy numbers requests, also when it sends them anew."""
    writes = stage.writes()
    verdict.count("writes at the application", len(writes))
    verdict.require(bool(writes), "no write reached the application")
    for number, times in Counter(write["request_id"] for write in writes).items():
        verdict.require(times == 1 and bool(number), f"a write was sent {times} times: {number}")


def _metadata(stage: Stage, verdict: Verdict) -> None:
    """The metadata are not to be had when Envoy starts: nobody gets in, and all is well once they are."""
    name = stage.ask("users")[0]["name"]
    stage.ask(f"users/{name}", {"accountEnabled": True}, "PATCH")
    _settle(stage, verdict, "before the metadata go")
    stage.envoy.kill()
    stage.metadata.kill()
    stage.envoy.again()
    reply = Browser(stage.envoy).get("/private/page")
    verdict.require(reply.status == 503, f"without metadata a sign-in begins with {reply.status}")
    with H1(stage.envoy.plain_port) as client:
        verdict.require(client.request("GET", "/private/x").status == 401, "without metadata a closed page is not closed")
        verdict.require(client.request("GET", "/public/x").status == 200, "without metadata a public page is not there")
    stage.metadata.start()
    until = time.monotonic() + 90
    while (came := _quietly(lambda: stage.sign_in(name)[1])) != 303:
        if time.monotonic() > until:
            verdict.fail(f"90 s after the metadata came back a sign-in is {came}")
            return
        time.sleep(2)
    verdict.count("sign-ins after the metadata came back")


def _keys(stage: Stage, verdict: Verdict) -> None:
    """The keys are gone: tokens whose key is known go on; after a restart nobody gets in, until the keys are back."""
    bearer = [("authorization", f"Bearer {stage.key.sign(authorities.entra_claims())}")]

    def asked() -> int:
        return entra(stage.envoy, "GET", "/Users", headers=bearer).status

    _until(verdict, lambda: asked() == 200, "with its keys there, Entra's own token is not accepted")
    stage.keys.kill()
    verdict.require(asked() == 200, "a token whose key is known is not accepted while the keys cannot be had")
    stage.envoy.kill()
    stage.envoy.again()
    for _ in range(5):
        status = asked()
        verdict.require(status == 503, f"without keys Entra's own token is answered {status}")
        verdict.count("tokens that could not be judged, and were not let in")
    stage.keys.start()
    _until(verdict, lambda: asked() == 200, "90 s after the keys came back Entra's own token is not accepted")


def _until(verdict: Verdict, holds, otherwise: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            verdict.fail(otherwise)
            return
        time.sleep(1)
