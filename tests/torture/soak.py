"""A long life: sign-ins, signed-in requests, provisioning and refusals, each with the one answer that is right, and flat memory."""

import random
import threading
import time
from collections import Counter
from urllib.parse import urlencode, urlsplit

from harness import bootstrap, settings
from harness.client import H1
from harness.envoy import Envoy
from harness.idp import AuthnRequest, form
from harness.browser import NAVIGATION, query_of

from .verdict import Verdict
from .world import World

BATCH = 32  # requests in one packet of a pipelined connection
CLIENTS = 3
SHORT = 20_000
PEOPLE = 40
# Growth that is no leak: tables that fill up to their bound, and what the allocator keeps.
MOST_GROWTH_KB_PER_100K = 2_000
ACS = urlsplit(settings.ACS).path
USER = (
    '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"%s","userName":"ada@n.example",'
    '"externalId":"object-of-ada@n.example","active":true}'
)
RENAME = (
    b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":['
    b'{"op":"Replace","path":"displayName","value":"Ada"},{"op":"Add","path":"title","value":"Countess"}]}'
)
# Of a person who is not among those who sign in: sessions from before are voided by it.
READDRESS = RENAME.replace(b'"path":"title","value":"Countess"', b'"path":"emails[type eq \\"work\\"].value","value":"a@n.example"')
LIST = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[%s]}'


def _direct(prefix: str, body: str, kind: str) -> dict:
    header = {"header": {"key": "content-type", "value": kind}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    answer = {"status": 200, "body": {"inline_string": body}}
    return {"match": {"prefix": prefix}, "direct_response": answer, "response_headers_to_add": [header]}


def upstream(world: World, envoy: str) -> Envoy:
    """Fast applications, in an Envoy of their own so that its memory is apart."""
    base, scim = settings.APP_SCIM, "application/scim+json"
    routes = [
        _direct(f"{base}/Users/", USER % "u-1", scim),
        _direct(f"{base}/Users", LIST % (USER % "u-1"), scim),
        _direct("/", '{"ok":true}', "application/json"),
    ]
    return Envoy(envoy, clusters={}, routes=routes, tls=world.tls)


class Kind:
    """A request as octets, and the status that is right."""

    def __init__(self, name: str, weight: int, statuses: tuple[int, ...], make):
        self.name, self.weight, self.statuses, self.make = name, weight, statuses, make

    @property
    def refused(self) -> bool:
        """Whether Envoy answers itself. Behind two such answers in a row it ends a pipelined connection, with and
        without a filter; so these are asked one by one."""
        return 200 not in self.statuses


def _octets(method: str, path: str, *lines: str, body: bytes | None = None) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "host: localhost:8443", *lines]
    if body is not None:
        head.append(f"content-length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + (body or b"")


def kinds(cookies: list[str]) -> list[Kind]:
    """All but sign-ins, which take three requests."""
    scim, bearer = settings.SCIM, f"authorization: Bearer {settings.TOKEN}"
    json = "content-type: application/scim+json"
    pick = random.choice
    return [
        Kind("signed-in page", 40, (200,), lambda: _octets("GET", "/private/page", f"cookie: {pick(cookies)}")),
        Kind("signed-in form", 6, (200,), lambda: _octets("POST", "/private/form", f"cookie: {pick(cookies)}", body=b"a=1" * 300)),
        Kind("public page", 14, (200,), lambda: _octets("GET", "/public/page", "x-user: forged")),
        Kind("no session", 8, (401,), lambda: _octets("GET", "/private/page", "x-user: forged")),
        Kind("broken session", 5, (401,), lambda: _octets("GET", "/private/page", f"cookie: {_broken(pick(cookies))}")),
        Kind("missing claim", 4, (403,), lambda: _octets("GET", "/admin/page", f"cookie: {pick(cookies)}")),
        Kind("no policy", 3, (403,), lambda: _octets("GET", f"/nowhere/{random.random()}")),
        Kind("ambiguous path", 2, (400,), lambda: _octets("GET", f"/public/../private/{random.random()}")),
        Kind("provisioning write", 8, (200,), lambda: _octets("PATCH", f"{scim}/Users/u-{random.randrange(5000)}", bearer, json, body=RENAME)),
        Kind("provisioning, new address", 1, (200,), lambda: _octets("PATCH", f"{scim}/Users/u-1", bearer, json, body=READDRESS)),
        Kind("provisioning read", 4, (200,), lambda: _octets("GET", f"{scim}/Users?filter=userName%20eq%20%22ada%40n.example%22", bearer)),
        Kind("provisioning, wrong token", 3, (401,), lambda: _octets("PATCH", f"{scim}/Users/u-1", "authorization: Bearer wrong", json, body=RENAME)),
        Kind("provisioning, nonsense", 2, (400,), lambda: _octets("PATCH", f"{scim}/Users/u-1", bearer, json, body=b'{"Operations":[{')),
        Kind("forged response", 1, (403,), lambda: _octets("POST", ACS, "content-type: application/x-www-form-urlencoded", body=b"SAMLResponse=PHg%2B&RelayState=abc")),
    ]  # fmt: skip


def _broken(cookie: str) -> str:
    """The session with one octet changed; what belongs to the login is left out."""
    at = random.randrange(len(cookie) // 2, len(cookie) - 4)
    return cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :]


class Client(threading.Thread):
    """One that sends batches on a connection until there were enough; what is wrong goes into the verdict."""

    def __init__(self, world: World, verdict: Verdict, made: list[Kind], share: "Share"):
        super().__init__(daemon=True)
        self.world, self.verdict, self.kinds, self.share = world, verdict, made, share
        self.weights = [kind.weight for kind in made]
        self.counts: Counter = Counter()
        self.connection = None

    def run(self) -> None:
        try:
            while self.share.take(BATCH):
                self._batch()
                if random.random() < SIGN_INS * BATCH:
                    self._sign_in()
        except Exception as error:  # noqa: BLE001  A client that dies is a finding.
            self.verdict.fail(f"a client ended: {error!r}")

    def _open(self) -> H1:
        if self.connection is None:
            self.connection = H1(self.world.envoy.plain_port, host="localhost:8443", seconds=60)
        return self.connection

    def _close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None

    def _batch(self) -> None:
        chosen = random.choices(self.kinds, self.weights, k=BATCH)
        refused = [kind for kind in chosen if kind.refused]
        forwarded = [kind for kind in chosen if not kind.refused]
        for some in (forwarded, *[[kind] for kind in refused]):
            if some and not self._ask(some):
                return

    def _ask(self, some: list[Kind]) -> bool:
        """Sends these together and reads the answers; whether the connection lived through it or was closed in order."""
        connection = self._open()
        connection.send(b"".join(kind.make() for kind in some))
        for at, kind in enumerate(some):
            reply = connection.reply()
            if reply.status == 0:
                self.verdict.fail(f"the connection ended before the answer to {kind.name}, {at} of {len(some)}")
                self._close()
                return False
            self.counts[f"{kind.name}: {reply.status}"] += 1
            if reply.status not in kind.statuses:
                self.verdict.fail(f"{kind.name} was answered {reply.status}: {reply.body[:150]!r}")
            if "close" in (reply.get("connection") or ""):
                self._close()
                if at + 1 < len(some):
                    self.verdict.fail(f"the answer to {kind.name} closed the connection")
                    return False
        return True

    def _sign_in(self) -> None:
        """From the redirect to a page, and the page itself; three requests."""
        name = f"person-{random.randrange(10_000)}@n.example"
        connection = self._open()
        reply = connection.request("GET", "/private/page", NAVIGATION)
        if reply.status != 302:
            self.verdict.fail(f"a sign-in began with {reply.status}")
            return
        self.counts[f"sign-in begun: {reply.status}"] += 1
        query = query_of(reply.get("location"))
        cookie = "; ".join(line.partition(";")[0] for line in reply.all("set-cookie"))
        xml = self.world.signer.response(AuthnRequest(query["SAMLRequest"]).id, name)
        body = urlencode(form(xml, query["RelayState"])).encode()
        headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://idp.test"), ("cookie", cookie)]
        reply = connection.request("POST", ACS, headers, body)
        self.counts[f"sign-in: {reply.status}"] += 1
        if reply.status != 303:
            self.verdict.fail(f"a sign-in was answered {reply.status}: {reply.body[:200]!r}")
            return
        session = "; ".join(line.partition(";")[0] for line in reply.all("set-cookie") if "vestibule-s." in line)
        reply = connection.request("GET", "/private/page", [("cookie", session)])
        self.counts[f"first page: {reply.status}"] += 1
        if reply.status != 200:
            self.verdict.fail(f"the first page after a sign-in was answered {reply.status}")
        self.share.also(3)


SIGN_INS = 0.004  # of all requests, one in so many begins a sign-in


class Share:
    """How many requests are still to be made, by all clients together."""

    def __init__(self, requests: int, until: float):
        self.left, self.made, self.until = requests, 0, until
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Whether so many more are to be made."""
        with self._lock:
            if self.left <= 0 or time.monotonic() > self.until:
                return False
            self.left -= count
            self.made += count
            return True

    def also(self, count: int) -> None:
        """So many were made besides."""
        with self._lock:
            self.left -= count
            self.made += count


def slope(samples: list[tuple[int, int]]) -> float:
    """Kilobytes per 100,000 requests, by least squares."""
    n = len(samples)
    x, y = sum(s[0] for s in samples) / n, sum(s[1] for s in samples) / n
    spread = sum((s[0] - x) ** 2 for s in samples)
    return 100_000 * sum((s[0] - x) * (s[1] - y) for s in samples) / spread if spread else 0.0


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1, requests: int = 0) -> Verdict:
    """20,000 requests, or as many as asked for, or as fit into the minutes."""
    random.seed(seed)
    requests = requests or (10**9 if minutes else SHORT)
    verdict = Verdict("soak")
    holder = World(envoy, None)  # only its keys: the applications of the soak are another Envoy
    with upstream(holder, envoy) as behind:
        ports = {"app": behind.plain_port, "scim_app": behind.plain_port}
        world = World(envoy, wasm, _checked, clusters=ports, log_answers=False)
        with world:
            cookies = [_session(world.sign_in(f"ada{n}@n.example").cookies) for n in range(PEOPLE)]
            samples = _live(world, verdict, kinds(cookies), Share(requests, time.monotonic() + (minutes * 60 or 600)))
            for sign in world.envoy.crashes():
                verdict.fail(f"crash: {sign}")
            world.envoy.crash_expected = True
            _judge_counters(world, verdict)
    holder.app.stop()
    holder.scim_app.stop()
    _judge_memory(verdict, samples, minutes)
    return verdict


def _checked(base: dict) -> dict:
    """With sessions checked against the application, as is the default, and all the time."""
    base["tenants"][0]["access"]["recheck"] = {"seconds": 5}
    return base


def _session(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items() if "vestibule-s." in name)


def _live(world: World, verdict: Verdict, made: list[Kind], share: Share) -> list[tuple[int, int]]:
    began = time.monotonic()
    clients = [Client(world, verdict, made, share) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    samples, every = [], 0.5
    while any(client.is_alive() for client in clients):
        samples.append((share.made, world.envoy.resident_kilobytes()))
        clients[0].join(every)
        if len(samples) > 400:  # half as many, half as often
            samples, every = samples[::2], every * 2
    samples.append((share.made, world.envoy.resident_kilobytes()))
    for client in clients:
        for what, number in client.counts.items():
            verdict.count(what, number)
    took = time.monotonic() - began
    verdict.note(f"{share.made:,} requests in {took:.0f} s, {share.made / took:.0f} per second")
    return samples


def _judge_counters(world: World, verdict: Verdict) -> None:
    """What Envoy counted: 5xx to clients are ours or the application's, and here neither has a reason."""
    counted = {name: value for name, value in world.envoy.stats("downstream_rq_5xx").items() if "http.plain" in name or "http.tls" in name}
    verdict.require(bool(counted), "Envoy has no counter of 5xx")
    for name, value in counted.items():
        verdict.require(value == 0, f"{name} is {value}")
    verdict.note(f"Envoy's counters of 5xx: {sum(counted.values())}")


def _judge_memory(verdict: Verdict, samples: list[tuple[int, int]], minutes: float) -> None:
    """Flat: from the first third on, when caches are filled."""
    settled = samples[len(samples) // 3 :]
    growth = slope(settled)
    first, last = samples[0][1], samples[-1][1]
    verdict.note(
        f"resident memory {first / 1024:.0f} MiB at first, {settled[0][1] / 1024:.0f} after a third, {last / 1024:.0f} at the end,"
        f" at most {max(s[1] for s in samples) / 1024:.0f}; slope over the last two thirds {growth:+.0f} KiB per 100,000 requests"
    )
    # Over a short run the slope is noise; there the bound is what it grew by.
    span = settled[-1][0] - settled[0][0]
    if span >= 150_000:
        verdict.require(growth <= MOST_GROWTH_KB_PER_100K, f"memory grows by {growth:.0f} KiB per 100,000 requests")
    else:
        verdict.require(last - settled[0][1] <= 16_384, f"memory grew by {last - settled[0][1]} KiB within {span} requests")
