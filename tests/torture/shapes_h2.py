"""HTTP/2 as an attacker writes it: frames by hand, nothing checked."""

import struct
from collections.abc import Callable

import hpack

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITISED = 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Part = bytes | float
Shape = Callable[["Asked"], list[Part]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


START = PREFACE + frame(SETTINGS, 0, 0)


class Asked:
    """A target in terms of HTTP/2."""

    def __init__(self, method: str, path: str, pairs=(), body: bytes = b"a=1"):
        self.method, self.path, self.pairs, self.body = method, path, list(pairs), body
        self._encoder = hpack.Encoder()

    def block(self, *more, pseudo=None) -> bytes:
        """A header block; the table of the connection is never used, so that blocks stand alone."""
        own = [(":method", self.method), (":scheme", "http"), (":authority", "localhost"), (":path", self.path)]
        pairs = [*(own if pseudo is None else pseudo), *self.pairs, *more]
        return b"".join(_literal(name, value) for name, value in pairs)

    def head(self, *more, stream: int = 1, end: bool = True, pseudo=None) -> bytes:
        """HEADERS, with CONTINUATION where it takes some."""
        return split(self.block(*more, pseudo=pseudo), stream, END_STREAM if end else 0)


def _octets(value) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _integer(value: int) -> bytes:
    if value < 127:
        return bytes([value])
    out, value = b"\x7f", value - 127
    while value >= 128:
        out, value = out + bytes([value % 128 | 128]), value // 128
    return out + bytes([value])


def _literal(name, value) -> bytes:
    name, value = _octets(name), _octets(value)
    return b"\x00" + _integer(len(name)) + name + _integer(len(value)) + value


def split(block: bytes, stream: int, flags: int, size: int = 16_000) -> bytes:
    """A block in frames of this size."""
    parts = [block[at : at + size] for at in range(0, len(block), size)] or [b""]
    out = b""
    for number, part in enumerate(parts):
        last = END_HEADERS if number == len(parts) - 1 else 0
        out += frame(HEADERS if number == 0 else CONTINUATION, last | (flags if number == 0 else 0), stream, part)
    return out


def _own(asked: Asked, **changed) -> list:
    own = {":method": asked.method, ":scheme": "http", ":authority": "localhost", ":path": asked.path} | changed
    return [(name, value) for name, value in own.items() if value is not None]


HEAD_LINES = {
    "identity": [("x-user", "forged@evil.example"), ("x_user", "forged@evil.example")],
    "upper case": [("X-User", "forged@evil.example")],
    "connection": [("connection", "x-user"), ("keep-alive", "x")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "te": [("te", "gzip")],
    "upgrade": [("upgrade", "websocket")],
    "host as well": [("host", "evil.test")],
    "two hosts": [("host", "localhost"), ("host", "evil.test")],
    "two lengths": [("content-length", "3"), ("content-length", "4")],
    "wrong length": [("content-length", "30")],
    "short length": [("content-length", "1")],
    "no number as length": [("content-length", "3, 3")],
    "line ends in a value": [("x", "a\r\nx-user: forged@evil.example")],
    "line feed in a value": [("x", "a\nb")],
    "nul in a value": [("x", "a\0b")],
    "line ends in a name": [("x: y\r\nx-user", "forged@evil.example")],
    "colon in a name": [("x:y", "z")],
    "space in a name": [("x user", "z")],
    "empty name": [("", "z")],
    "octets": [("x", b"\xff\xfe\x80"), (b"x-\xff", "z")],
    "late pseudo header": [("x", "y"), (":path", "/private/late")],
    "unknown pseudo header": [(":user", "forged@evil.example")],
    "status": [(":status", "200")],
    "protocol": [(":protocol", "websocket")],
    "cookie crumbs": [("cookie", f"c{n}=v") for n in range(1000)],
    "crumbs of sessions": [("cookie", f"__Host-vestibule-s.demo=AAAA{n}") for n in range(1000)],
    "long value": [("x", "y" * 50_000)],
    "longer value": [("x", "y" * 100_000)],
    "hundred headers": [(f"x-{n}", "y") for n in range(101)],
    "thousands of headers": [(f"x-{n}", "y") for n in range(5000)],
    "two authorizations": [("authorization", "Bearer a"), ("authorization", "Bearer b")],
    "empty authorization": [("authorization", "")],
}
PSEUDO = {
    "no path": {":path": None},
    "empty path": {":path": ""},
    "asterisk": {":path": "*"},
    "absolute path": {":path": "http://localhost/public/x"},
    "path with a space": {":path": "/public/x HTTP/1.1\r\nx-user: forged"},
    "path with nul": {":path": "/public/\0"},
    "path with octets": {":path": b"/public/\xff"},
    "no method": {":method": None},
    "method with a space": {":method": "GET /private/x HTTP/1.1\r\nx: y\r\n\r\nGET"},
    "connect": {":method": "CONNECT", ":scheme": None, ":path": None},
    "no scheme": {":scheme": None},
    "strange scheme": {":scheme": "gopher"},
    "scheme with a path": {":scheme": "http://evil.test/"},
    "no authority": {":authority": None},
    "empty authority": {":authority": ""},
    "authority with user": {":authority": "evil@localhost"},
    "authority with a path": {":authority": "localhost/private"},
    "evil authority": {":authority": "evil.test"},
}


def _pair_twice(name: str, value: str) -> Shape:
    return lambda a: [START + a.head(pseudo=[*_own(a), (name, value)])]


def _many(make: Callable[[int], bytes], count: int) -> Shape:
    return lambda a: [START + b"".join(make(n) for n in range(count))]


STREAMS: dict[str, Shape] = {
    "plain": lambda a: [START + a.head(end=False) + frame(DATA, END_STREAM, 1, a.body)],
    "rapid reset": lambda a: [
        START + b"".join(a.head(stream=s, end=False) + frame(RST, 0, s, b"\0\0\0\x08") for s in range(1, 401, 2))
    ],
    "rapid reset with data": lambda a: [
        START
        + b"".join(
            a.head(stream=s, end=False) + frame(DATA, END_STREAM, s, a.body) + frame(RST, 0, s, b"\0\0\0\x08")
            for s in range(1, 201, 2)
        )
    ],
    "a hundred streams at once": lambda a: [START + b"".join(a.head(stream=s) for s in range(1, 201, 2))],
    "hundred streams that never end": lambda a: [START + b"".join(a.head(stream=s, end=False) for s in range(1, 201, 2)), 0.2],
    "continuations without end": lambda a: [
        START + frame(HEADERS, 0, 1, a.block()) + frame(CONTINUATION, 0, 1, b"") * 2000
    ],
    "long continuations": lambda a: [
        START + frame(HEADERS, 0, 1, a.block()) + frame(CONTINUATION, 0, 1, _literal("x", "y" * 15_000)) * 40
    ],
    "head in single octets": lambda a: [START + split(a.block(), 1, END_STREAM, size=1)],
    "continuation of another stream": lambda a: [START + frame(HEADERS, 0, 1, a.block()) + frame(CONTINUATION, 4, 3, b"")],
    "continuation of nothing": lambda a: [START + frame(CONTINUATION, 4, 1, a.block())],
    "frame between continuations": lambda a: [START + frame(HEADERS, 0, 1, a.block()) + frame(PING, 0, 0, b"\0" * 8)],
    "block that stops": lambda a: [START + frame(HEADERS, END_HEADERS | END_STREAM, 1, a.block()[:-3])],
    "index of nothing": lambda a: [START + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\x0f")],
    "table too large": lambda a: [START + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xff\xff\xff\x0f" + a.block())],
    "bad huffman": lambda a: [START + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x81\xff\x81\xff")],
    "pings": _many(lambda n: frame(PING, 0, 0, struct.pack(">Q", n)), 3000),
    "answers to no pings": _many(lambda n: frame(PING, 1, 0, struct.pack(">Q", n)), 3000),
    "settings": _many(lambda n: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535 - n % 2)), 3000),
    "settings without sense": lambda a: [PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0xFFFFFFFF)) + a.head()],
    "settings of odd length": lambda a: [PREFACE + frame(SETTINGS, 0, 0, b"\0\0\0") + a.head()],
    "no window": lambda a: [PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)) + a.head(), 0.3],
    "window of one octet": lambda a: [
        PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1)) + a.head(), *[p for _ in range(10) for p in (frame(WINDOW, 0, 1, b"\0\0\0\1"), 0.02)]
    ],
    "windows": lambda a: [START + a.head() + b"".join(frame(WINDOW, 0, 0, b"\0\0\0\1") for _ in range(3000))],
    "window overflow": lambda a: [START + a.head() + frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 2],
    "window of nothing": lambda a: [START + a.head() + frame(WINDOW, 0, 1, b"\0\0\0\0")],
    "empty data": lambda a: [START + a.head(end=False) + frame(DATA, 0, 1) * 3000 + frame(DATA, END_STREAM, 1)],
    "padded data": lambda a: [START + a.head(end=False) + frame(DATA, PADDED | END_STREAM, 1, b"\x40" + a.body + b"\0" * 64)],
    "too much padding": lambda a: [START + a.head(end=False) + frame(DATA, PADDED | END_STREAM, 1, b"\xff" + a.body)],
    "data on stream nought": lambda a: [START + frame(DATA, END_STREAM, 0, a.body)],
    "data before the head": lambda a: [START + frame(DATA, END_STREAM, 1, a.body)],
    "data after the end": lambda a: [START + a.head() + frame(DATA, END_STREAM, 1, a.body)],
    "head after the end": lambda a: [START + a.head() + a.head()],
    "even stream": lambda a: [START + a.head(stream=2)],
    "streams backwards": lambda a: [START + a.head(stream=9) + a.head(stream=3)],
    "depends on itself": lambda a: [START + frame(HEADERS, 37, 1, b"\0\0\0\1\x10" + a.block())],
    "priorities": _many(lambda n: frame(PRIORITY, 0, 2 * n + 1, struct.pack(">IB", 2 * n + 3, 255)), 3000),
    "push": lambda a: [START + a.head() + frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" + a.block())],
    "unknown frames": _many(lambda n: frame(100 + n % 100, 255, n, b"x" * 50), 1000),
    "frame too large": lambda a: [START + a.head(end=False) + frame(DATA, END_STREAM, 1, b"x" * 20_000)],
    "frame of sixteen megabytes": lambda a: [START + b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 10_000],
    "goaway, then on": lambda a: [START + frame(GOAWAY, 0, 0, b"\0" * 8) + a.head()],
    "goaways": _many(lambda n: frame(GOAWAY, 0, 0, b"\0" * 8), 1000),
    "no preface": lambda a: [a.head()],
    "half a preface": lambda a: [PREFACE[:10]],
    "preface twice": lambda a: [PREFACE + START + a.head()],
    "settings again and again acknowledged": _many(lambda n: frame(SETTINGS, 1, 0), 1000),
    "trailers with identity": lambda a: [
        START + a.head(end=False) + frame(DATA, 0, 1, a.body)
        + split(_literal("x-user", "forged@evil.example") + _literal("x_user", "forged"), 1, END_STREAM)
    ],
    "trailers with pseudo headers": lambda a: [
        START + a.head(end=False) + frame(DATA, 0, 1, a.body) + split(_literal(":path", "/private/x"), 1, END_STREAM)
    ],
    "trailers that do not end": lambda a: [START + a.head(end=False) + frame(DATA, 0, 1, a.body) + split(_literal("x", "y"), 1, 0)],
    "trailers alone": lambda a: [START + a.head(end=False) + split(_literal("x", "y"), 1, END_STREAM)],
    "trailers in thousands": lambda a: [
        START + a.head(end=False) + frame(DATA, 0, 1, a.body)
        + split(b"".join(_literal(f"x-{n}", "y") for n in range(3000)), 1, END_STREAM)
    ],
    "slow frames": lambda a: [START, *[p for octet in a.head(end=False)[:60] for p in (bytes([octet]), 0.005)]],
    "large body": lambda a: [START + a.head(end=False) + frame(DATA, 0, 1, b"x" * 16_000) * 4, 0.1],
    "after a refusal": lambda a: [
        START + b"".join(a.head(stream=s, end=False) + frame(DATA, END_STREAM, s, a.body) for s in (1, 3, 5, 7))
    ],
}  # fmt: skip


def shapes() -> dict[str, Shape]:
    """All of them by name."""
    found = dict(STREAMS)
    for name, lines in HEAD_LINES.items():
        found[f"headers: {name}"] = lambda a, lines=lines: [START + a.head(*lines)]
        found[f"headers with a body: {name}"] = lambda a, lines=lines: [
            START + a.head(*lines, end=False) + frame(DATA, END_STREAM, 1, a.body)
        ]
    for name, changed in PSEUDO.items():
        found[f"pseudo headers: {name}"] = lambda a, changed=changed: [START + a.head(pseudo=_own(a, **changed))]
    for name, value in ((":path", "/private/x"), (":authority", "evil.test"), (":method", "DELETE"), (":scheme", "x")):
        found[f"pseudo headers: two {name}"] = _pair_twice(name, value)
    return found
