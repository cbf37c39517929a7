"""The events of a case, and how they are chosen."""

import base64
import collections
import dataclasses
import json
import random
from urllib.parse import urlencode

import mutations
from harness import settings
from harness.browser import query_of
from harness.idp import AuthnRequest
from harness.logout import SLO_PATH
from scenarios import ACS, ADA, SIGN_OUT
from wasm_host.abi import FAILURES, REQUEST, RESPONSE
from wasm_host.calls import CallAnswer
from wasm_host.faults import MANGLERS, Fault, Faults
from wasm_host.hostcalls import SIGNATURES
from wasm_host.stream import DETAILS, Stream
from wasm_host.vm import ROOT
from world import FORGED, Session, World

PATHS = [
    "/public/x", "/mixed/x", "/private/page", "/admin/x", "/", ACS, SIGN_OUT, SLO_PATH, "/.vestibule/saml/metadata",
    f"{settings.SCIM}/Users", f"{settings.SCIM}/Users/u-1", f"{settings.SCIM}/Groups", f"{settings.SCIM}/Schemas",
    f"{settings.SCIM}/Users?filter=userName%20eq%20%22ada%40n.example%22", f"{settings.SCIM}/Bulk", f"{settings.SCIM}/token",
]  # fmt: skip
METHODS = ["GET"] * 8 + ["POST"] * 5 + ["PATCH"] * 4 + ["PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "PRI", ""]
RAW = [
    "proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers", "proxy_on_response_headers",
    "proxy_on_response_body", "proxy_on_response_trailers",
]  # fmt: skip


def copied(session: Session) -> Session:
    """The same, to be ended on its own."""
    return dataclasses.replace(session)


class Play:
    """Streams under way, and a source of chance."""

    def __init__(self, world: World, chance: random.Random, cookies: dict, tally: collections.Counter):
        self.world, self.host, self.chance, self.cookies, self.tally = world, world.host, chance, dict(cookies), tally
        self.streams: list[Stream] = []
        self.done: list[int] = []
        self.log: list[str] = []
        self.requests: dict[str, str] = {}
        self.failing = 0  # events until the host is sound again
        self.world.signing_in = ADA
        self.choices = [
            (self.begin, 30), (self.go_on, 30), (self.answer_call, 8), (self.tick, 6), (self.out_of_order, 5),
            (self.nobodys_call, 2), (self.clock, 3), (self.client_gone, 4), (self.fail_next, 4), (self.spoil_shared, 2),
            (self.configure, 1), (self.proxy_answers, 2), (self.unknown, 2), (self.after_the_end, 2), (self.twice, 3),
        ]  # fmt: skip

    def event(self) -> None:
        """One event, chosen by weight."""
        self.failing -= 1
        if self.failing == 0:
            self.host.faults = Faults()
        act = self.chance.choices([one for one, _ in self.choices], [weight for _, weight in self.choices])[0]
        self.log.append(act.__name__)
        self.tally[f"event {act.__name__}"] += 1
        act()
        for stream in list(self.streams):
            self.world.serve(stream)
            self._look_at(stream)

    def end(self) -> None:
        """All streams are brought to their end."""
        self.host.faults = Faults()
        for stream in self.streams:
            while stream.pieces:
                self._deliver(stream)
            self.world.finish(stream)
            self._look_at(stream)
        self.tally["calls to the application"] += len(self.world.app.requests) + len(self.world.scim_app.requests)

    def said(self) -> str:
        """What happened, for people."""
        return " ".join(self.log[-40:])

    def _look_at(self, stream: Stream) -> None:
        side = stream.sides[RESPONSE]
        if stream.counted or not (stream.reset or side.sent_headers is not None):
            return
        stream.counted = True
        reply = self.world.reply_of(stream)
        self.tally[f"{stream.kind} answered {reply.status}"] += 1
        if reply.status == 302 and (reply.get("location") or "").startswith(settings.IDP_SSO):
            query = query_of(reply.get("location"))
            self.requests[AuthnRequest(query["SAMLRequest"]).id] = query.get("RelayState", "")
        for line in reply.all("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value

    # Events.

    def begin(self) -> None:
        """A request comes: its head at once, the rest in pieces."""
        chance = self.chance
        path = mutations.path(chance, chance.choice(PATHS))
        method = chance.choice(METHODS)
        if self.requests and chance.random() < 0.25:
            path, method = ACS.encode(), "POST"
        headers, body = self._headers(path), None
        if method in ("POST", "PUT", "PATCH") or chance.random() < 0.1:
            body, kind = self._body(path)
            headers.append((b"content-type", kind))
            if chance.random() < 0.8:
                headers.append((b"content-length", str(len(body)).encode()))
        pairs = [
            (b":authority", b"localhost:8443"), (b":path", path), (b":method", method.encode()), (b":scheme", b"https"),
            (b"x-forwarded-proto", b"https"), *headers,
        ]  # fmt: skip
        changed = False
        if chance.random() < 0.15:
            pairs, changed = mutations.pairs(chance, pairs), True
        trailers = [(b"x-user", FORGED.encode()), (b"t", b"\xff")] if chance.random() < 0.2 else None
        stream = self.world.open(pairs)
        stream.kind = "provisioning" if settings.SCIM.encode() in path else "closed" if b"private" in path else "other"
        stream.counted, stream.length_is_right = False, not changed
        stream.pieces = [("headers", pairs, body is None and trailers is None)]
        if body is not None:
            cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice([0, 0, 1, 3])))
            parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
            stream.pieces += [("body", part, trailers is None and n == len(parts) - 1) for n, part in enumerate(parts)]
        if trailers is not None:
            stream.pieces.append(("trailers", trailers))
        self.streams.append(stream)
        self._deliver(stream)

    def _headers(self, path: bytes) -> list:
        chance = self.chance
        headers = [(b"accept", chance.choice([b"text/html", b"application/json", b"\xff", b"*/*"]))]
        if chance.random() < 0.6:
            headers.append((b"sec-fetch-mode", chance.choice([b"navigate", b"cors", b"no-cors", b""])))
            headers.append((b"sec-fetch-dest", b"document"))
        if chance.random() < 0.5:
            headers.append((chance.choice([b"x-user", b"x_user", b"X-User".lower(), b"x--email", b"x.groups"]), FORGED.encode()))
        if chance.random() < 0.6:
            headers += mutations.cookies(chance, self.cookies)
        if chance.random() < 0.7 and settings.SCIM.encode() in path:
            right = settings.BEARER[1].encode()
            headers.append((b"authorization", right if chance.random() < 0.8 else mutations.octets(chance, right)))
        if chance.random() < 0.4:
            headers.append((b"origin", chance.choice([b"https://localhost:8443", b"https://idp.test", b"null", b"\0"])))
        if chance.random() < 0.1:
            headers.append((chance.choice([b"upgrade", b"expect", b"te", b"x-forwarded-for", b"range"]), b"websocket"))
        return headers

    def _body(self, path: bytes) -> tuple[bytes, bytes]:
        chance = self.chance
        if ACS.encode() in path or SLO_PATH.encode() in path:
            fields = {"SAMLResponse": base64.b64encode(self._response()).decode(), "RelayState": "x"}
            if self.requests:
                fields["RelayState"] = next(reversed(self.requests.values()))
            body = urlencode(fields).encode()
            return (body if chance.random() < 0.7 else mutations.octets(chance, body)), b"application/x-www-form-urlencoded"
        if settings.SCIM.encode() in path:
            return mutations.scim(chance), chance.choice([b"application/scim+json", b"application/json", b"text/plain"])
        return mutations.octets(chance, b"a=b&c=d" * chance.choice([1, 10, 2000])), b"application/x-www-form-urlencoded"

    def _response(self) -> bytes:
        request = next(reversed(self.requests), "_nobody-asked")
        xml = self.world.signed(request, ADA)
        return xml if self.chance.random() < 0.6 else mutations.octets(self.chance, xml)

    def go_on(self) -> None:
        """The next piece of a message that is under way, or the answer to it."""
        waiting = [stream for stream in self.streams if stream.pieces]
        if waiting:
            self._deliver(self.chance.choice(waiting))

    def _deliver(self, stream: Stream) -> None:
        kind, *more = stream.pieces.pop(0)
        if stream.over or stream.reset or stream.sides[REQUEST].dead:
            return
        if kind == "headers":
            more[0] = list(more[0])
        getattr(stream, kind)(REQUEST, *more)

    def answer_call(self) -> None:
        """A call is answered, rightly or not."""
        calls = self.host.calls.under_way
        if not calls:
            return
        call = self.chance.choice(list(calls.values()))
        answer = self.world.answer_to(call)
        if self.chance.random() < 0.5:
            answer = mutations.answer(self.chance, answer)
        self.host.answer_call(call.token, call.context, answer)

    def nobodys_call(self) -> None:
        """An answer to no call, or to one that was answered."""
        token = self.chance.choice([0, 1, 2, 3, 0xFFFFFFFF, 77])
        if token not in self.host.calls.under_way:
            context = self.chance.choice([ROOT, *self.host.streams, *self.done, 999])
            self.host.answer_call(token, context, CallAnswer([(b":status", b"200")], b"{}"))

    def tick(self) -> None:
        """The timer comes, asked for or not."""
        self.world.host.clock.move(self.chance.choice([0, self.host.tick_period, 1000, 40_000]))
        self.host.tick()

    def clock(self) -> None:
        """The clock is set."""
        by = self.chance.choice([-10**12, -3_600_000, -1000, 1000, 600_000, 3_600_000, 10**10, 10**15])
        self.host.clock.now_ns = min(max(0, self.host.clock.now_ns + by * 1_000_000), (1 << 64) - 1)

    def client_gone(self) -> None:
        """A stream breaks off."""
        if self.streams:
            stream = self.streams.pop(self.chance.randrange(len(self.streams)))
            self.done.append(stream.id)
            stream.close()

    def fail_next(self) -> None:
        """Some hostcall fails for a while, or once, or hands over something else."""
        name = self.chance.choice([*SIGNATURES, "random_get"])
        number = self.chance.choice([None, 0, 0, 1, 2])
        # What a host may say of headers is not for the filter to doubt, unless they are none.
        mangled = self.chance.choice(["nothing", "cut by one", "one more", "all 0xff"])
        way = {"status": self.chance.choice(FAILURES)} if self.chance.random() < 0.7 else {"mangled": mangled}
        self.host.faults, self.failing = Faults(Fault(name, number, **way)), self.chance.choice([1, 2, 5])

    def spoil_shared(self) -> None:
        """Shared data are not ours alone."""
        keys = self.host.shared.keys()
        if keys:
            key = self.chance.choice(sorted(keys))
            value, _ = self.host.shared.get(key)
            self.host.shared.set(key, mutations.octets(self.chance, value), 0)

    def configure(self) -> None:
        """The same configuration once more, or a wrong one: cut, or with a field that nobody knows. One with another octet may
        be right, and mean something else."""
        from world import VECTOR_KEYS, base

        text = json.dumps(base(VECTOR_KEYS["certificate"])).encode()
        wrong = [text[: self.chance.randrange(len(text))], text.replace(b"{", b'{"unknown": 1, ', 1)]
        self.host.configure(text if self.chance.random() < 0.6 else self.chance.choice(wrong))

    def proxy_answers(self) -> None:
        """The proxy itself answers a request: a limit, a timeout, an application that is down."""
        open_ = [one for one in self.streams if not one.over and not one.reset and one.sides[RESPONSE].headers is None]
        open_ = [one for one in open_ if one.sides[RESPONSE].sent_headers is None]
        if open_:
            stream = self.chance.choice(open_)
            stream.sides[REQUEST].dead = stream.answered = True
            stream.pieces.clear()
            stream.properties.pop(DETAILS, None)
            status = self.chance.choice([b"413", b"503", b"504", b"408", b"", b"abc", b"99999"])
            stream.headers(RESPONSE, [(b":status", status), (b"content-length", b"3")], False)
            stream.body(RESPONSE, b"no\n", True)

    def out_of_order(self) -> None:
        """A callback of a stream whose turn it is not; what it lets go on is judged like any other."""
        alive = [stream for stream in self.streams if not stream.over and not stream.reset]
        if not alive:
            return
        stream, direction = self.chance.choice(alive), self.chance.choice([REQUEST, RESPONSE])
        stream.length_is_right = False
        kind = self.chance.choice(["headers", "body", "trailers"])
        if direction == REQUEST and kind == "headers" and stream.sides[REQUEST].sent_headers is None:
            path = self.chance.choice(PATHS).encode()
            stream.came = [(name, path if name == b":path" else value) for name, value in stream.came]
            stream.headers(REQUEST, list(stream.came), self.chance.random() < 0.5)
        elif kind == "body" and stream.sides[direction].headers is not None:
            stream.body(direction, b"", self.chance.random() < 0.5)
        elif kind == "trailers" and stream.sides[direction].headers is not None:
            stream.trailers(direction, [(b"x-user", FORGED.encode())])
        else:
            self.host.callback(f"proxy_on_{'request' if direction == REQUEST else 'response'}_body", stream.id, 5, 1)

    def unknown(self) -> None:
        """Callbacks of contexts that never were: nothing goes on."""
        name, context = self.chance.choice(RAW), self.chance.choice([0, ROOT, 12345, 0xFFFFFFFF])
        action = self.host.callback(name, context, *([0] * (1 if "trailers" in name else 2)))
        if action != 1:
            self.world.violated(f"{name} of no stream went on")
        self.host.settle()

    def after_the_end(self) -> None:
        """Callbacks of streams that are over."""
        if self.done:
            context = self.chance.choice(self.done)
            name = self.chance.choice([*RAW, "proxy_on_log", "proxy_on_done", "proxy_on_delete"])
            self.host.callback(name, context, *([0] * (0 if name not in RAW else 1 if "trailers" in name else 2)))
            self.host.settle()

    def twice(self) -> None:
        """A stream is over, and goes on; a context is made that is there."""
        if self.streams and self.chance.random() < 0.5:
            self.host.callback("proxy_on_log", self.chance.choice(self.streams).id)
        elif self.streams:
            self.host.callback("proxy_on_context_create", self.chance.choice(self.streams).id, self.chance.choice([ROOT, 7]))
        else:
            self.host.callback("proxy_on_context_create", ROOT, 0)
        self.host.settle()
