"""Hostile HTTP from clients, and from an application: every shape at every kind of place."""

import random
import re
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from harness import bootstrap, settings
from harness.client import H1

from . import shapes_h1, shapes_h2
from .shapes_h1 import Target
from .shapes_h2 import Asked
from .verdict import Verdict
from .world import World

QUIET = 0.15  # seconds without an octet after which an attacker leaves
AT_ONCE = 12
ACS = urlsplit(settings.ACS).path.encode()
FORM = b"content-type: application/x-www-form-urlencoded"
PATCH = (
    b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":'
    b'[{"op":"Replace","path":"displayName","value":"Ada"}]}'
)
# What an application may answer to make trouble; each goes out as it is.
ANSWERS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-user: forged\r\nset-cookie: a=b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: \xff\xfe\r\nset-cookie: \xff=\xfe\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(3000)) + b"\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"".join(b"set-cookie: c%d=v; Path=/\r\n" % n for n in range(90)) + b"content-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nset-cookie: __Host-vestibule-s.demo=planted; Path=/; Secure\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nlink: <x>\r\n\r\n" * 50 + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    b"HTTP/1.1 999 Strange\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"",
    b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: 4000000\r\n\r\n" + b"[" * 4_000_000,
    b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\n[\r\n" * 3000 + b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08",
    b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: 3\r\n\r\n{}x",
    b"HTTP/1.1 500 Broken\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
]  # fmt: skip
WHOLE_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\nset-cookie: a=b; Path=/\r\ntransfer-encoding: chunked\r\n\r\n"
    b'14\r\n{"id":"u-1","userNam\r\n15\r\ne":"ada@n.example"}  \r\n0\r\nx-trailer: y\r\n\r\n'
)


class Rude:
    """An application that answers with exactly the octets it was given, and a reset behind them."""

    def __init__(self):
        self.octets = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Takes no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(self.octets)
            time.sleep(0.02)
            _reset(connection)
        except OSError:
            pass
        finally:
            connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def targets(world: World) -> list[Target]:
    """Every kind of place, with and without the right to be there."""
    cookie, bearer = b"cookie: " + world.cookie.encode(), b"authorization: Bearer " + settings.TOKEN.encode()
    scim = settings.SCIM.encode()
    kinds = (b"content-type: application/scim+json",)
    return [
        Target("public", b"POST", b"/public/x"),
        Target("mixed", b"GET", b"/mixed/x"),
        Target("closed", b"POST", b"/private/x"),
        Target("closed, with a session", b"POST", b"/private/x", (cookie,)),
        Target("closed, session without the claim", b"GET", b"/admin/x", (cookie,)),
        Target("without a policy", b"GET", b"/nowhere"),
        Target("assertion consumer", b"POST", ACS, (FORM,), b"SAMLResponse=PHg%2B&RelayState=x"),
        Target("sign-out", b"POST", b"/.vestibule/sign-out", (FORM,)),
        Target("provisioning, no token", b"PATCH", scim + b"/Users/u-1", kinds, PATCH),
        Target("provisioning", b"PATCH", scim + b"/Users/u-1", (*kinds, bearer), PATCH),
        Target("provisioning, list", b"GET", scim + b"/Users", (bearer,)),
        Target("the application's own SCIM", b"GET", b"/app-scim/v2/Users", (bearer,)),
    ]


def in_h2(target: Target) -> Asked:
    """The same target over HTTP/2."""
    pairs = [tuple(line.decode().split(": ", 1)) for line in target.lines]
    return Asked(target.method.decode(), target.path.decode(), pairs, target.body)


def send(port: int, parts, end: str = "leave", quiet: float = QUIET, tls: bool = False) -> bytes:
    """Sends the parts and gives what came back; `end` is `leave`, `reset` or `finish` (half-closed)."""
    came = b""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(connection, server_hostname="localhost")
        for part in parts:
            if isinstance(part, float):
                time.sleep(part)
            else:
                connection.settimeout(1)
                connection.sendall(part)
        if end == "reset":
            _reset(connection)
            return came
        if end == "finish":
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(quiet)
        while data := connection.recv(65536):
            came += data
            if len(came) > 4_000_000:
                break
    except (OSError, TimeoutError):
        pass
    finally:
        connection.close()
    return came


STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


def _statuses(came: bytes) -> list[int]:
    return [int(found) for found in STATUS.findall(came)]


def _one_h1(world: World, verdict: Verdict, name: str, shape, target: Target, tls: bool = False) -> None:
    came = send(world.envoy.tls_port if tls else world.envoy.plain_port, shape(target), tls=tls)
    verdict.count("hostile connections, HTTP/1")
    for status in _statuses(came):
        verdict.count(f"HTTP/1 answers {status // 100}xx")
        if status in (500, 502, 503, 504) and target.name not in UPSTREAM:
            verdict.fail(f"{status} for {name} at {target.name}: {came[:200]!r}")


# Where something is forwarded, a failure can be the application's, which leaves where it understands nothing. Whether the
# filter trapped is asked of the access log everywhere.
UPSTREAM = {"public", "mixed", "closed, with a session", "provisioning", "provisioning, list"}


def _one_h2(world: World, verdict: Verdict, shape, target: Target) -> None:
    came = send(world.envoy.plain_port, shape(in_h2(target)))
    verdict.count("hostile connections, HTTP/2")
    verdict.count("octets of HTTP/2 answers", len(came))


def run_shapes(world: World, verdict: Verdict, chosen: random.Random, until: float = 0.0) -> None:
    """Every shape at every target, in random order, until then; without `until` each shape at two targets."""
    h1, h2, places = shapes_h1.shapes(), shapes_h2.shapes(), targets(world)

    def some() -> list[Target]:
        return places if until else chosen.sample(places, 2)

    jobs = [lambda n=n, s=s, t=t: _one_h1(world, verdict, n, s, t) for n, s in h1.items() for t in some()]
    jobs += [lambda s=s, t=t: _one_h2(world, verdict, s, t) for s in h2.values() for t in some()]
    chosen.shuffle(jobs)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for at in range(0, len(jobs), 300):
            list(pool.map(lambda job: job(), jobs[at : at + 300]))
            world.judge(verdict, f"after {min(at + 300, len(jobs))} hostile connections")
            world.judge_applications(verdict)
            if until and time.monotonic() > until:
                return


def run_resets(world: World, verdict: Verdict, pieces: int) -> None:
    """Good requests, left at so many points each, by a reset and by a half-closed connection."""
    jobs = []
    for target in targets(world):
        whole = target.head(b"content-length: %d" % len(target.body)) + target.body
        asked = in_h2(target)
        framed = shapes_h2.START + asked.head(end=False) + shapes_h2.frame(0, 1, 1, asked.body)
        for octets in (whole, framed):
            for at in range(1, len(octets), max(1, len(octets) // pieces)):
                jobs += [lambda o=octets[:at], end=end: send(world.envoy.plain_port, [o, 0.001], end) for end in ("reset", "finish")]
            # The request is whole, and its sender leaves while it is in work.
            jobs += [lambda o=octets, p=pause: send(world.envoy.plain_port, [o, p], "reset") for pause in (0.0, 0.002, 0.01)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda job: job(), jobs))
    verdict.count("requests left half-way", len(jobs))
    world.judge(verdict, "after requests left half-way")
    world.judge_applications(verdict)


def run_answers(world: World, verdict: Verdict, rude: Rude, pieces: int) -> None:
    """An application that answers nonsense, and one that leaves at each point of its answer."""
    cuts = range(0, len(WHOLE_ANSWER), max(1, len(WHOLE_ANSWER) // pieces))
    asked = [
        ("GET", "/rude/public", [], None),
        ("GET", "/rude/private", [("cookie", world.cookie)], None),
        ("HEAD", "/rude/private", [("cookie", world.cookie)], None),
        ("GET", settings.SCIM + "/Users/u-1", [settings.BEARER], None),
        ("PATCH", settings.SCIM + "/Users/u-1", [settings.BEARER, settings.SCIM_JSON], PATCH),
    ]
    for octets in [*ANSWERS, *[WHOLE_ANSWER[:at] for at in cuts]]:
        rude.octets = octets
        for method, path, headers, body in asked:
            began = time.monotonic()
            try:
                with H1(world.envoy.plain_port, seconds=8) as client:
                    reply = client.request(method, path, headers, body)
                status = reply.status
            except (OSError, ValueError, IndexError, EOFError) as error:
                status = f"{type(error).__name__}"
            if time.monotonic() - began > 7:
                verdict.fail(f"{method} {path} hung behind {octets[:60]!r}, {len(octets)} octets: {status}")
            verdict.count("answers of a rude application")
            verdict.count(f"what came of them: {status}")


def rude_world(envoy: str, wasm: str, rude: Rude) -> World:
    """A world in which the SCIM server and everything below `/rude` is the rude application."""

    def configured(base: dict) -> dict:
        rules = base["tenants"][0]["access"]["rules"]
        rules.insert(0, {"path": {"prefix": "/rude/public"}, "access": "public"})
        rules.insert(0, {"path": {"prefix": "/rude/private"}, "access": "signed_in"})
        base["tenants"][0]["scim"]["application"]["timeout_ms"] = 1000
        return base

    return World(
        envoy,
        wasm,
        configured,
        routes=[bootstrap.route("/rude", "rude"), bootstrap.route("/app-scim/", "rude")],
        clusters={"rude": rude.port},
    )


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1) -> Verdict:
    """Each shape at two places; with minutes every shape everywhere, in random order, again and again."""
    verdict = Verdict("hostile HTTP")
    until = time.monotonic() + minutes * 60
    rounds = 0
    with World(envoy, wasm) as world:
        world.judge(verdict, "at first")
        while rounds == 0 or time.monotonic() < until:
            run_shapes(world, verdict, random.Random(seed + rounds), until if minutes else 0)
            run_resets(world, verdict, 200 if minutes else 8)
            rounds += 1
        world.judge(verdict, "at the end")
        world.judge_traps(verdict)
        world.envoy.crash_expected = True  # what was found is in the verdict
    rude = Rude()
    try:
        with rude_world(envoy, wasm, rude) as world:
            run_answers(world, verdict, rude, 500 if minutes else 8)
            world.people.application.clear()
            world.judge_traps(verdict)
            world.envoy.crash_expected = True
    finally:
        rude.stop()
    verdict.note(f"{rounds} rounds, seed {seed}")
    return verdict
