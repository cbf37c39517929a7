"""A filter in its host, an application behind it, an identity provider and people: all in one process, and the same
every time. What must hold whatever happens is checked at each request that reaches the application and each reply."""

import copy
import dataclasses
import functools
import json
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness import settings
from harness.browser import Browser
from harness.messages import Reply, Request
from harness.scim_app import ScriptedScim, user
from wasm_host.abi import REQUEST, RESPONSE, Pairs
from wasm_host.calls import Call, CallAnswer
from wasm_host.clock import Clock
from wasm_host.module import Module
from wasm_host.stream import DETAILS, Stream
from wasm_host.vm import Host

ENVIRONMENT = {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop", "APP_SCIM_TOKEN": settings.APP_TOKEN}
SECRETS = [settings.TOKEN, *ENVIRONMENT.values()]
SESSION = "__Host-vestibule-s."
ACS = urlsplit(settings.ACS).path.encode()
OURS = "__Host-vestibule-"
# What a client plants; it must not come out on the other side in any spelling of these names.
FORGED = "forged-by-the-client"
IDENTITY = {"x-user", "x-email", "x-groups"}
OPEN_PATHS = ("/public", "/mixed")
ROUNDS = 60
_VECTORS = Path(__file__).parents[1] / "vectors"
VECTOR_KEYS = {"key": str(_VECTORS / "idp.key"), "certificate": str(_VECTORS / "idp.crt")}
# Seconds since 1970: the same in every run.
BEGAN = 1_796_000_000


class Violation(AssertionError):
    """Something that must never happen."""


class Stopped(Exception):
    """A step was refused, which a host that fails may bring about."""


class Server:
    """An application in this process, with the interface that scripts of the harness expect."""

    def __init__(self):
        self.requests: list[Request] = []
        self.handler = None


@dataclasses.dataclass
class Session:
    """Whose session a cookie is, and whether it may still be used."""

    person: str
    ended: bool = False


def _sealed(cookie: str) -> str:
    """The sealed part of a session's cookie."""
    return cookie.split(".", 2)[-1]


class World:
    """`faulty`: the host fails, so that a refusal is as good as success."""

    def __init__(self, host: Host, idp, faulty: bool = False):
        self.host, self.idp, self.faulty = host, idp, faulty
        self.app, self.scim_app = Server(), Server()
        self.scim = ScriptedScim(self.scim_app, user("ada@n.example"))
        self.sessions: dict[str, Session] = {}
        self.signing_in: str | None = None
        self.violations: list[str] = []
        self.answered_call = lambda call, answer: answer
        self.held = 0

    # What must hold.

    def violated(self, what: str) -> None:
        """Something that must never happen has happened."""
        self.violations.append(what)
        raise Violation(what)

    def _check_reached(self, stream: Stream, request: Request) -> None:
        """A request has come to an application: may it?"""
        for name, value in request.headers:
            if FORGED in value and re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") in IDENTITY:
                self.violated(f"a forged {name} reached the application")
            if name.lower() == "cookie" and any(one.strip().startswith(OURS) for one in value.split(";")):
                self.violated("a cookie of the filter reached the application")
        lengths = request.all("content-length") if stream.length_is_right else []
        if lengths and lengths != [str(len(request.body))]:
            self.violated(f"content-length {lengths} with {len(request.body)} octets")
        path = request.path.split("?")[0]
        if path.startswith(settings.APP_SCIM):
            self._check_provisioning(stream, request)
        elif not is_open(path):
            self._check_person(stream, request)
        elif (person := request.get("x-user")) and person not in self._people(stream):
            self.violated(f"{person} is said to be there, but is not")

    def _people(self, stream: Stream) -> list[str]:
        sent = [value for name, value in stream.came if name == b"cookie"]
        pairs = [one.strip().partition("=") for value in sent for one in value.decode("latin-1").split(";")]
        # Number and mark of the pieces are nobody's word; the seal is.
        given = {_sealed(value): session for value, session in self.sessions.items()}
        found = [given[_sealed(value)] for name, _, value in pairs if name.startswith(SESSION) and _sealed(value) in given]
        return [session.person for session in found if not session.ended]

    def _check_person(self, stream: Stream, request: Request) -> None:
        people = self._people(stream)
        if not people:
            self.violated(f"{request.method} {request.path} reached the application without a session")
        if request.all("x-user") not in [[person] for person in people]:
            self.violated(f"{request.all('x-user')} reached the application, it is {people}")

    def _check_provisioning(self, stream: Stream, request: Request) -> None:
        given = [value.decode("latin-1").partition(" ") for name, value in stream.came if name == b"authorization"]
        if [(scheme.lower(), token.strip()) for scheme, _, token in given] != [("bearer", settings.TOKEN)]:
            self.violated(f"{request.method} {request.path} reached the SCIM server unauthenticated")
        if any(settings.TOKEN in value for _, value in request.headers):
            self.violated("the token of the provisioning client reached the application")
        if request.all("authorization") != [f"Bearer {settings.APP_TOKEN}"]:
            self.violated(f"the application was not given its own credential: {request.headers}")

    def _check_reply(self, stream: Stream, reply: Reply) -> None:
        """A session is given out to who signs in, and made anew for who has one."""
        given = [value.partition(";")[0].partition("=")[2] for value in reply.all("set-cookie") if value.startswith(SESSION)]
        for cookie in given:
            if not cookie or cookie in self.sessions:
                continue
            path = dict(stream.came).get(b":path", b"")
            person = self._people(stream)[:1] or ([self.signing_in] if path.startswith(ACS) else [])
            if not person or person == [None]:
                self.violated("a session was given out to nobody")
            self.sessions[cookie] = Session(person[0])

    def check_logs(self) -> None:
        """No secret is in any log line."""
        for _, line in self.host.logs:
            if any(secret in line for secret in SECRETS) or any(value in line for value in self.sessions if len(value) > 20):
                self.violated(f"a secret is in the log: {line[:80]}")

    # Requests.

    def request(
        self,
        method: str,
        path: str,
        headers=(),
        body: bytes | None = None,
        chunks: int = 1,
        trailers: Pairs | None = None,
        client: str = "192.0.2.1:40000",
    ) -> Reply:
        """One request, and what came of it: status 0 is a stream that was broken off or that nothing ended."""
        pairs = [
            (b":authority", b"localhost:8443"),
            (b":path", path.encode("latin-1")),
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b"x-forwarded-proto", b"https"),
        ]
        pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if body is not None and trailers is None:
            pairs.append((b"content-length", str(len(body)).encode()))
        stream = self.open(pairs, client)
        self.send(stream, pairs, body, chunks, trailers)
        return self.finish(stream)

    def open(self, pairs: Pairs, client: str = "192.0.2.1:40000") -> Stream:
        """A stream to which nothing has been delivered."""
        stream = Stream(self.host, {("source", "address"): client.encode(), ("request", "total_size"): b"\0" * 8})
        stream.came, stream.answered, stream.length_is_right = list(pairs), False, True
        return stream

    def send(self, stream: Stream, pairs: Pairs, body: bytes | None, chunks: int = 1, trailers: Pairs | None = None):
        """A whole request, piece by piece."""
        stream.headers(REQUEST, list(pairs), body is None and trailers is None)
        if body is not None:
            size = max(1, -(-len(body) // chunks))
            pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
            for number, piece in enumerate(pieces):
                stream.body(REQUEST, piece, trailers is None and number == len(pieces) - 1)
                self.serve(stream)
        if trailers is not None:
            stream.trailers(REQUEST, list(trailers))

    def finish(self, stream: Stream) -> Reply:
        """Lets the world turn until the stream is at its end."""
        for _ in range(ROUNDS):
            self.serve(stream)
            if self._is_over(stream):
                break
            if self.host.calls.under_way:
                self.answer_calls()
            elif self.host.tick_period:
                self.host.clock.move(self.host.tick_period)
                self.host.tick()
            else:
                break
        self.held += not self._is_over(stream)
        stream.close()
        return self.reply_of(stream)

    @staticmethod
    def _is_over(stream: Stream) -> bool:
        return stream.reset or stream.sides[RESPONSE].complete

    def reply_of(self, stream: Stream) -> Reply:
        """What the client got; status 0 where the stream was broken off, or nothing came."""
        side = stream.sides[RESPONSE]
        if stream.reset or side.sent_headers is None:
            return Reply(0, [], b"", cut=True)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in side.sent_headers]
        said = dict(pairs)[":status"]
        # What is no status a client takes for an error.
        status = int(said) if said.isdecimal() and len(said) == 3 else 599
        reply = Reply(status, [pair for pair in pairs if pair[0] != ":status"], bytes(side.sent), cut=not side.complete)
        self._check_reply(stream, reply)
        return reply

    # Behind the filter.

    def serve(self, stream: Stream) -> None:
        """Looks at what has gone on towards the application, and answers what is complete."""
        side = stream.sides[REQUEST]
        if side.sent_headers is None:
            return
        request = _as_request(side.sent_headers, bytes(side.sent), side.complete)
        if not side.complete:
            partly = [pair for pair in request.headers if pair[0] != "content-length"]
            self._check_reached(stream, dataclasses.replace(request, headers=partly))
            return
        self._check_reached(stream, request)
        if stream.answered:
            return
        stream.answered = True
        if stream.reset or stream.replied:
            return
        answer = self._application(request)
        pairs = [(b":status", str(answer.status).encode())]
        pairs += [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
        pairs.append((b"content-length", str(len(answer.body)).encode()))
        self.respond(stream, pairs, answer.body)

    def respond(self, stream: Stream, pairs: Pairs, body: bytes, trailers: Pairs | None = None) -> None:
        """The application answers."""
        stream.properties[DETAILS] = b"via_upstream"
        stream.headers(RESPONSE, pairs, not body and trailers is None)
        if body:
            stream.body(RESPONSE, body, trailers is None)
        if trailers is not None:
            stream.trailers(RESPONSE, trailers)

    def _application(self, request: Request):
        from harness.upstream import Answer

        server = self.scim_app if request.path.startswith(settings.APP_SCIM) else self.app
        server.requests.append(request)
        return server.handler(request) if server.handler else Answer()

    def answer_calls(self) -> None:
        """Answers the calls of the filter that are under way."""
        for call in list(self.host.calls.under_way.values()):
            self.host.answer_call(call.token, call.context, self.answered_call(call, self.answer_to(call)))

    def answer_to(self, call: Call) -> CallAnswer:
        """What the application answers to a call of the filter."""
        request = _as_request(call.headers, call.body, True)
        if call.cluster == "scim_app" and request.all("authorization") != [f"Bearer {settings.APP_TOKEN}"]:
            self.violated("a call of the filter has not the application's credential")
        answer = self._application(request)
        pairs = [(b":status", str(answer.status).encode())]
        return CallAnswer(pairs + [(n.lower().encode(), v.encode("latin-1")) for n, v in answer.headers], answer.body)

    # Steps of scenarios.

    def expect(self, reply: Reply, *statuses: int) -> Reply:
        """The reply, if it is as it should be. From a failing host a refusal is one as well, and ends the scenario."""
        if reply.status in statuses and not reply.cut:
            return reply
        if self.faulty and is_refusal(reply):
            raise Stopped
        self.violated(f"{reply.status} instead of {statuses}: {reply.body[:200]!r}")

    def refused(self, reply: Reply, what: str, *statuses: int) -> None:
        """The reply must be one of these refusals; from a failing host, any."""
        if reply.status not in statuses and not (self.faulty and is_refusal(reply)):
            self.violated(f"{what} was answered {reply.status}, not {statuses}")

    def demand(self, holds: bool, what: str) -> None:
        """What else must be so in a scenario that was not refused."""
        if not holds:
            self.violated(what)

    def signed(self, request_id: str, person: str, **more) -> bytes:
        """A response of the identity provider, made once for each request: all else is the same every time."""
        return _signed(self.idp, request_id, person, tuple(sorted(more.items())))


@functools.lru_cache(maxsize=10_000)
def _signed(idp, request_id: str, person: str, more: tuple) -> bytes:
    return idp.response(request_id, person, **dict(more))


def is_open(path: str) -> bool:
    """Whether an application could read this path only as one of an open route, however it decodes it."""
    for _ in range(3):
        path = unquote(path, errors="replace").replace("\\", "/")
    path = "/".join(part.partition(";")[0] for part in path.split("/"))
    path = posixpath.normpath(path)
    return any(path == one or path.startswith(one + "/") for one in OPEN_PATHS)


def is_refusal(reply: Reply) -> bool:
    """Whether the client was refused: an error, nothing at all, or the way to sign in."""
    if reply.status >= 400 or reply.status == 0 or reply.cut:
        return True
    return reply.status in (302, 303) and any(v.startswith(settings.IDP_SSO) for v in reply.all("location"))


def _as_request(pairs: Pairs, body: bytes, complete: bool) -> Request:
    text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]
    known = {":method": "", ":path": ""} | dict(text)
    headers = [pair for pair in text if not pair[0].startswith(":")]
    return Request(known[":method"], known[":path"], headers, body, chunked=not complete)


class Person(Browser):
    """A browser whose requests never leave this process."""

    def __init__(self, world: World):
        super().__init__(world)

    def request(self, method: str, path: str, headers=(), body: bytes | None = None) -> Reply:
        pairs = list(headers)
        if self.cookies:
            pairs.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        reply = self.envoy.request(method, path, pairs, body)
        for line in reply.all("set-cookie"):
            self._keep(line)
        return reply


def new_host(module: Module, **more) -> Host:
    """A host with the clusters and the secrets of the tests."""
    more.setdefault("clock", Clock(BEGAN))
    return Host(module, clusters={"app", "scim_app"}, environment=ENVIRONMENT, **more)


def start(module: Module, configuration: dict, **more) -> Host:
    """The same, with a configuration that is accepted."""
    host = new_host(module, **more)
    assert host.start(json.dumps(configuration).encode()), host.logs
    return host


def base(idp_certificate: str) -> dict:
    """The configuration of the end-to-end tests, with Single Logout."""
    from harness.logout import IDP_SLO

    made = settings.changed(settings.settings(idp_certificate), "tenants.0.saml.logout", {"slo_url": IDP_SLO})
    return copy.deepcopy(made)
