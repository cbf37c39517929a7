"""An HTTP/1.1 application that records exactly what reached it.

Like many servers behind a proxy it understands `content-length` only: a chunked request is recorded and answered 411.
Whatever follows a request on the connection must be a request again; if not, it is kept in `garbage`.
"""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .messages import Pairs, Request

REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1")


@dataclass
class Answer:
    """What the application answers; `content-length` is put on by itself."""

    status: int = 200
    body: bytes = b'{"ok":true}'
    headers: Pairs = field(default_factory=lambda: [("content-type", "application/json")])
    after: float = 0.0  # seconds to wait first


class _Way(str):
    """A way of not answering."""


RESET = _Way("the connection is reset")
HANG = _Way("no answer ever comes")
CUT = _Way("the answer breaks off in the middle of its body")


class Application:
    """Runs on a free port until `stop`. Set `handler` to decide on the answers."""

    def __init__(self, handler: Callable[[Request], "Answer | _Way"] | None = None):
        self.handler = handler or (lambda request: Answer())
        self.requests: list[Request] = []
        self.garbage: list[bytes] = []
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def clear(self) -> None:
        """Forgets the requests so far and answers everything 200 again."""
        with self._changed:
            self.requests, self.garbage = [], []
        self.handler = lambda request: Answer()

    def wait_for(self, count: int = 1, method: str | None = None, seconds: float = 5) -> list[Request]:
        """The requests (of one method) once there are `count` of them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.seen(method)) >= count, seconds)
        found = self.seen(method)
        assert len(found) >= count, f"{len(found)} of {count} requests came"
        return found

    def seen(self, method: str | None = None) -> list[Request]:
        """The requests (of one method) so far."""
        return [request for request in self.requests if method in (None, request.method)]

    def only(self, method: str | None = None) -> Request:
        """The one request (of one method) that came."""
        found = self.wait_for(1, method)
        assert len(found) == 1, f"{[(r.method, r.path) for r in found]}"
        return found[0]

    def stop(self) -> None:
        """Dies: the listener and all connections are closed at once."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in list(self._open):
            _reset(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _secured(self, connection: socket.socket) -> socket.socket:
        """The connection as requests are read from it; one with TLS makes its handshake here."""
        return connection

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection = self._secured(connection)
        except OSError:
            connection.close()
            return
        stream = connection.makefile("rb")
        try:
            while self._exchange(connection, stream):
                pass
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(connection)
            stream.close()
            connection.close()

    def _exchange(self, connection: socket.socket, stream) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
            if len(head) == len(line) and not REQUEST_LINE.fullmatch(line.decode("latin-1").rstrip()):
                self.garbage.append(line)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                return False
        request = _parse(head)
        if not request.chunked and "upgrade" not in request.names():
            length = int(request.get("content-length") or 0)
            request.body = stream.read(length)
            if len(request.body) < length:
                return False
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if "upgrade" in request.names():
            return _echo(connection, stream)
        return self._answer(connection, request)

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        answer = Answer(411, b"chunked requests are not understood") if request.chunked else self.handler(request)
        if answer is RESET:
            _reset(connection)
            return False
        if answer is HANG:
            connection.settimeout(60)
            return bool(connection.recv(1)) and False
        if answer is CUT:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{")
            time.sleep(0.1)
            _reset(connection)
            return False
        time.sleep(answer.after)
        head = [f"HTTP/1.1 {answer.status} Answer"] + [f"{name}: {value}" for name, value in answer.headers]
        if answer.status not in (204, 304) and not any(
            name in ("content-length", "transfer-encoding") for name, _ in answer.headers
        ):
            head.append(f"content-length: {len(answer.body)}")
        body = b"" if request.method == "HEAD" or answer.status in (204, 304) else answer.body
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        return not request.chunked


def _parse(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path = REQUEST_LINE.fullmatch(first).groups()
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    request = Request(method, path, pairs)
    request.chunked = any("chunked" in value.lower() for value in request.all("transfer-encoding"))
    return request


def _echo(connection: socket.socket, stream) -> bool:
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    while data := stream.read1(4096):
        connection.sendall(b"echo:" + data)
    return False


def _reset(connection: socket.socket) -> None:
    """Lets the connection end in a reset; its reader, woken by the shutdown, closes it."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass
