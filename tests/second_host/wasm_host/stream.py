"""One HTTP exchange: delivers it to the module piece by piece and does what the module says."""

from dataclasses import dataclass, field

from .abi import REQUEST, RESPONSE, Action, Buffer, Map, Pairs, Status
from .vm import ROOT, Host

NAMES = {REQUEST: "request", RESPONSE: "response"}
DETAILS = ("response", "code_details")


@dataclass
class Side:
    """One direction: what is held, and what has gone on."""

    headers: Pairs | None = None
    body: bytearray = field(default_factory=bytearray)
    trailers: Pairs | None = None
    ended: bool = False
    stopped_at_headers: bool = False
    waiting: list[tuple] = field(default_factory=list)
    dead: bool = False
    # What has gone on.
    sent_headers: Pairs | None = None
    sent: bytearray = field(default_factory=bytearray)
    sent_trailers: Pairs | None = None
    complete: bool = False


class Stream:
    """The module is told of a stream with its first headers, as a proxy does."""

    def __init__(self, host: Host, properties: dict[tuple[str, ...], bytes] | None = None):
        self.host, self.id = host, host.new_id()
        self.sides = {REQUEST: Side(), RESPONSE: Side()}
        self.properties = dict(properties or {})
        self.told: dict[str, bytes] = {}
        self.reset = self.over = self.replied = False
        self._reply: tuple[int, Pairs, bytes] | None = None
        self._goes_on: set[int] = set()
        self._breaks_off = False
        host.streams[self.id] = self
        host.callback("proxy_on_context_create", self.id, ROOT)

    # What comes.

    def headers(self, direction: int, pairs: Pairs, end: bool) -> None:
        """The head of a message."""
        side = self.sides[direction]
        side.headers, side.ended = pairs, end
        action = self._callback(f"proxy_on_{NAMES[direction]}_headers", len(pairs), int(end))
        side.stopped_at_headers = action is Action.PAUSE
        self._act(direction, action)

    def body(self, direction: int, octets: bytes, end: bool) -> None:
        """A piece of body."""
        side = self.sides[direction]
        if self._keeps_back(side, ("body", octets, end)):
            return
        side.body += octets
        side.ended = side.ended or end
        self._act(direction, self._callback(f"proxy_on_{NAMES[direction]}_body", len(side.body), int(end)))

    def trailers(self, direction: int, pairs: Pairs) -> None:
        """Trailers, which end the message."""
        side = self.sides[direction]
        if self._keeps_back(side, ("trailers", pairs)):
            return
        side.trailers, side.ended = pairs, True
        self._act(direction, self._callback(f"proxy_on_{NAMES[direction]}_trailers", len(pairs)))

    def _keeps_back(self, side: Side, event: tuple) -> bool:
        if side.dead or self.reset or self.over:
            return True
        if side.stopped_at_headers and not self.host.stop_iteration:
            side.waiting.append(event)
            return True
        return False

    def _callback(self, name: str, *arguments: int) -> Action:
        answer = self.host.callback(name, self.id, *arguments)
        assert answer in (0, 1), f"{name} answered {answer}"
        return Action(answer)

    def close(self) -> None:
        """The stream is over, however it ended."""
        if self.over:
            return
        self.over = True
        self.host.callback("proxy_on_log", self.id)
        self.host.callback("proxy_on_done", self.id)
        self.host.callback("proxy_on_delete", self.id)
        self.host.streams.pop(self.id, None)
        self.host.settle()

    # What the module asks for.

    def local_response(self, status: int, headers: Pairs, body: bytes) -> Status:
        """Taken note of; the proxy does it later."""
        if self._reply is None:
            self._reply = (status, headers, body)
        self.host.touched.append(self)
        return Status.OK

    def continue_(self, direction: int) -> Status:
        """The same."""
        if direction not in self.sides:
            return Status.BAD_ARGUMENT
        self._goes_on.add(direction)
        self.host.touched.append(self)
        return Status.OK

    def break_off(self) -> Status:
        """The same."""
        self._breaks_off = True
        self.host.touched.append(self)
        return Status.OK

    def buffer(self, kind: int) -> bytearray | None:
        """A body that is held."""
        direction = {Buffer.REQUEST_BODY: REQUEST, Buffer.RESPONSE_BODY: RESPONSE}.get(kind)
        return None if direction is None else self.sides[direction].body

    def map(self, kind: int) -> Pairs | None:
        """Headers or trailers that are held."""
        request, response = self.sides[REQUEST], self.sides[RESPONSE]
        return {
            Map.REQUEST_HEADERS: request.headers,
            Map.REQUEST_TRAILERS: request.trailers,
            Map.RESPONSE_HEADERS: response.headers,
            Map.RESPONSE_TRAILERS: response.trailers,
        }.get(kind)

    # What the proxy does.

    def _act(self, direction: int, action: Action) -> None:
        answered_elsewhere = self._reply is not None and not (self.replied and direction == RESPONSE)
        if action is Action.CONTINUE and not answered_elsewhere and not self._breaks_off:
            self._flush(direction)
        self.host.settle()

    def settle(self) -> None:
        """Does what was taken note of."""
        if self.over or self.reset:
            return
        if self._breaks_off:
            self._reset()
        elif self._reply is not None and not self.replied:
            self.replied = True
            self._answer(*self._reply)
        else:
            goes_on, self._goes_on = self._goes_on, set()
            for direction in goes_on:
                self._flush(direction)

    def _reset(self) -> None:
        self.reset = True
        for side in self.sides.values():
            side.dead, side.headers, side.trailers = True, None, None

    def _flush(self, direction: int) -> None:
        side = self.sides[direction]
        if side.dead or self.reset:
            return
        if side.headers is not None:
            side.sent_headers, side.headers = side.headers, None
        side.sent += side.body
        side.body.clear()
        if side.trailers is not None:
            side.sent_trailers, side.trailers = side.trailers, None
        side.complete, side.stopped_at_headers = side.ended, False
        waiting, side.waiting = side.waiting, []
        for kind, *more in waiting:
            getattr(self, kind)(direction, *more)

    def _answer(self, status: int, headers: Pairs, body: bytes) -> None:
        """A local reply: through the module where no response was on its way, else past it; too late, a reset."""
        request, response = self.sides[REQUEST], self.sides[RESPONSE]
        request.dead, request.headers, request.trailers = True, None, None
        request.body.clear()
        if response.sent_headers is not None:
            self._reset()
            return
        began = response.headers is not None
        pairs = [(b":status", str(status).encode()), *headers]
        if body:
            pairs.append((b"content-length", str(len(body)).encode()))
        if began:
            self.sides[RESPONSE] = Side(dead=True, sent_headers=pairs, sent=bytearray(body), complete=True)
            return
        self.properties.pop(DETAILS, None)
        self.headers(RESPONSE, pairs, not body)
        if body:
            self.body(RESPONSE, body, True)
