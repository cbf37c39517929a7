"""HTTP/1 as an attacker writes it: each shape gives the octets (and pauses, in seconds) of one connection."""

from collections.abc import Callable
from dataclasses import dataclass

Part = bytes | float
Shape = Callable[["Target"], list[Part]]

# What a server behind would take for a request of its own, were it misled about where the first one ends.
SMUGGLED = b"GET /private/smuggled HTTP/1.1\r\nhost: localhost\r\nx-user: forged@evil.example\r\nx-smuggled: 1\r\n\r\n"


@dataclass(frozen=True)
class Target:
    """Where a shape is sent: its method, path, further header lines and, where it takes one, body."""

    name: str
    method: bytes
    path: bytes
    lines: tuple[bytes, ...] = ()
    body: bytes = b"a=1"

    def head(self, *lines: bytes, first: bytes | None = None, host: bytes = b"host: localhost", end=b"\r\n") -> bytes:
        """A head with the target's own lines and these."""
        request = first if first is not None else self.method + b" " + self.path + b" HTTP/1.1"
        return end.join([request, *([host] if host else []), *self.lines, *lines]) + end + end


CHUNKED_SMUGGLED = b"0\r\n\r\n" + SMUGGLED


def _lined(*lines: bytes, body: bytes = b"") -> Shape:
    return lambda target: [target.head(*lines) + body]


def _first(make: Callable[[Target], bytes], host: bytes = b"host: localhost", body: bytes = b"") -> Shape:
    return lambda target: [target.head(first=make(target), host=host) + body]


def _length(value: bytes) -> Shape:
    return _lined(b"content-length: " + value, body=b"a=1++" + SMUGGLED)


CODINGS = [
    b"transfer-encoding : chunked",
    b"transfer-encoding:chunked",
    b"Transfer-Encoding:\tchunked",
    b"transfer-encoding: xchunked",
    b"transfer-encoding: chunked, identity",
    b"transfer-encoding: identity, chunked",
    b"transfer-encoding: identity",
    b"transfer-encoding: gzip, chunked",
    b"transfer-encoding: chunked, chunked",
    b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
    b"transfer-encoding: x\r\ntransfer-encoding: chunked",
    b" transfer-encoding: chunked",
    b"transfer-encoding: \x0bchunked",
    b"transfer-encoding: chunked;q=1",
    b'transfer-encoding: "chunked"',
    b"transfer-encoding: CHUNKED",
    b"transfer-encoding: chunked\x00",
    b"transfer_encoding: chunked",
    b"transfer-encoding\x00: chunked",
    b"transfer-encoding:\r\n chunked",
    b"x: y\rtransfer-encoding: chunked",
    b"x: y\ntransfer-encoding: chunked",
    b"transfer-encoding: chunked\xff",
]
LENGTHS = [
    b"5\r\ncontent-length: 5", b"5\r\ncontent-length: 6", b"5, 5", b"5, 6", b"+5", b"-1", b"0x5", b"5 5", b"005", b"",
    b"18446744073709551616", b"18446744073709551621", b"9223372036854775808", b"5\x00", b"5.0", b"\t5", b"5;", b"\xd9\xa5",
    b"0", b"99999999",
]  # fmt: skip
LINES = {
    "folded": [b"x-folded: one\r\n two"],
    "folded before all": [b" x-user: forged@evil.example"],
    "line feeds": [b"x: y\nx-user: forged@evil.example"],
    "carriage return": [b"x: y\rx-user: forged@evil.example"],
    "nul in value": [b"x: a\x00b"],
    "nul in name": [b"x\x00: a"],
    "control in value": [b"x: a\x01\x1f\x7fb"],
    "no colon": [b"nonsense"],
    "space before colon": [b"x-user : forged@evil.example"],
    "empty name": [b": forged"],
    "name with brackets": [b"x(user): forged"],
    "octets in name": [b"x-\xff\xfe: forged"],
    "octets in value": [b"x: \xff\xfe\x80", b"authorization: Bearer \xff\xfe", b"cookie: \xff\xfe=\x80"],
    "connection names identity": [b"connection: x-user, x-email, authorization, cookie, host"],
    "connection names length": [b"connection: content-length, transfer-encoding"],
    "connection close keep": [b"connection: close", b"connection: keep-alive", b"proxy-connection: keep-alive"],
    "h2c": [b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQAAP__"],
    "websocket": [b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13", b"sec-websocket-key: eA=="],
    "upgrade to nonsense": [b"connection: upgrade", b"upgrade: nonsense/9, websocket"],
    "expect": [b"expect: 100-continue", b"content-length: 3"],
    "expect nonsense": [b"expect: the-spanish-inquisition"],
    "te": [b"te: trailers, chunked;q=0"],
    "trailer": [b"trailer: x-user, host, content-length"],
    "rewrites": [b"x-original-url: /private/x", b"x-rewrite-url: /private/x", b"x-http-method-override: DELETE"],
    "envoys own": [b"x-envoy-original-path: /public/x", b"x-envoy-internal: true", b"x-envoy-decorator-operation: x"],
    "forwarded": [b"forwarded: host=evil.test;proto=https", b"x-forwarded-host: evil.test", b"x-forwarded-proto: gopher"],
    "identity": [b"x-user: forged@evil.example", b"X_User: forged@evil.example", b"x.user: forged", b"x-user:forged"],
    "identity a hundred times": [b"x-%b: forged" % name for name in (b"user", b"email", b"groups") * 30],
    "two authorizations": [b"authorization: Bearer a", b"authorization: Bearer b"],
    "long value": [b"x: " + b"y" * 50_000],
    "longer value": [b"x: " + b"y" * 61_000],
    "longest value": [b"x: " + b"y" * 300_000],
    "long name": [b"x" * 40_000 + b": y"],
    "ninety headers": [b"x-%d: y" % n for n in range(90)],
    "hundred and one headers": [b"x-%d: y" % n for n in range(101)],
    "thousands of headers": [b"x-%d: y" % n for n in range(5000)],
    "thousand cookies in one line": [b"cookie: " + b"; ".join(b"c%d=v" % n for n in range(1000))],
    "thousand cookies in ninety lines": [b"cookie: " + b"; ".join(b"c%d=v" % (n * 11 + m) for m in range(11)) for n in range(90)],
    "thousand sessions": [b"cookie: " + b"; ".join(b"__Host-vestibule-s.demo=AAAA%d" % n for n in range(1000))],
    "a huge session": [b"cookie: __Host-vestibule-s.demo=" + b"A" * 50_000],
    "pieces of a session": [b"cookie: " + b"; ".join(b"__Host-vestibule-s.demo.%d=" % n + b"B" * 3000 for n in range(15))],
    "broken cookies": [b'cookie: ;;=;a;"=\\";__Host-vestibule-s.demo;=x;\t=\t', b"cookie:", b"cookie: ="],
    "accept languages": [b"accept-language: " + b",".join(b"x%d;q=0.%d" % (n, n) for n in range(3000))],
    "content types": [b"content-type: " + b"a/b;" * 5000],
    "encodings": [b"content-encoding: gzip, br, deflate", b"accept-encoding: gzip"],
}  # fmt: skip
FIRST = {
    "absolute form, same host": (lambda t: t.method + b" http://localhost" + t.path + b" HTTP/1.1", b"host: localhost"),
    "absolute form, other host": (lambda t: t.method + b" http://localhost" + t.path + b" HTTP/1.1", b"host: evil.test"),
    "absolute form, evil": (lambda t: t.method + b" http://evil.test" + t.path + b" HTTP/1.1", b"host: localhost"),
    "absolute form, user": (lambda t: t.method + b" http://localhost@evil.test" + t.path + b" HTTP/1.1", b"host: localhost"),
    "absolute form, scheme": (lambda t: t.method + b" file://localhost" + t.path + b" HTTP/1.1", b"host: localhost"),
    "authority form": (lambda t: b"CONNECT localhost:443 HTTP/1.1", b"host: localhost"),
    "connect to a path": (lambda t: b"CONNECT " + t.path + b" HTTP/1.1", b"host: localhost"),
    "asterisk": (lambda t: b"OPTIONS * HTTP/1.1", b"host: localhost"),
    "trace": (lambda t: b"TRACE " + t.path + b" HTTP/1.1", b"host: localhost"),
    "unknown method": (lambda t: b"FROBNICATE " + t.path + b" HTTP/1.1", b"host: localhost"),
    "long method": (lambda t: b"G" * 2000 + b" " + t.path + b" HTTP/1.1", b"host: localhost"),
    "lower method": (lambda t: t.method.lower() + b" " + t.path + b" HTTP/1.1", b"host: localhost"),
    "method with a control": (lambda t: t.method + b"\x01 " + t.path + b" HTTP/1.1", b"host: localhost"),
    "no slash": (lambda t: t.method + b" " + t.path[1:] + b" HTTP/1.1", b"host: localhost"),
    "fragment": (lambda t: t.method + b" " + t.path + b"#/public/x HTTP/1.1", b"host: localhost"),
    "fragment before": (lambda t: t.method + b" /public/x#" + t.path + b" HTTP/1.1", b"host: localhost"),
    "long path": (lambda t: t.method + b" " + t.path + b"/" + b"a" * 40_000 + b" HTTP/1.1", b"host: localhost"),
    "long query": (lambda t: t.method + b" " + t.path + b"?" + b"a=b&" * 10_000 + b" HTTP/1.1", b"host: localhost"),
    "octets in path": (lambda t: t.method + b" " + t.path + b"\xff\xfe\x80 HTTP/1.1", b"host: localhost"),
    "control in path": (lambda t: t.method + b" " + t.path + b"\x01\x7f HTTP/1.1", b"host: localhost"),
    "nul in path": (lambda t: t.method + b" " + t.path + b"\x00 HTTP/1.1", b"host: localhost"),
    "space in path": (lambda t: t.method + b" " + t.path + b" x HTTP/1.1", b"host: localhost"),
    "tabs": (lambda t: t.method + b"\t" + t.path + b"\tHTTP/1.1", b"host: localhost"),
    "many spaces": (lambda t: t.method + b"   " + t.path + b"   HTTP/1.1", b"host: localhost"),
    "version 1.0": (lambda t: t.method + b" " + t.path + b" HTTP/1.0", b"host: localhost"),
    "version 1.0 without host": (lambda t: t.method + b" " + t.path + b" HTTP/1.0", b""),
    "version 0.9": (lambda t: t.method + b" " + t.path, b""),
    "version 1.2": (lambda t: t.method + b" " + t.path + b" HTTP/1.2", b"host: localhost"),
    "version 2.0": (lambda t: t.method + b" " + t.path + b" HTTP/2.0", b"host: localhost"),
    "version 11": (lambda t: t.method + b" " + t.path + b" HTTP/1.11", b"host: localhost"),
    "lower version": (lambda t: t.method + b" " + t.path + b" http/1.1", b"host: localhost"),
    "no host": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b""),
    "empty host": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host:"),
    "two hosts": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost\r\nhost: evil.test"),
    "two hosts, other order": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: evil.test\r\nhost: localhost"),
    "one host twice": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost\r\nhost: localhost"),
    "hosts in one": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost, evil.test"),
    "host with a path": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost/public"),
    "host with user": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: evil@localhost"),
    "host with octets": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost\xff"),
    "host with a strange port": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost:99999999"),
    "host with a dot": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost."),
    "host in brackets": (lambda t: t.method + b" " + t.path + b" HTTP/1.1", b"host: [::1]:80"),
    "preface": (lambda t: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"host: localhost"),
    "empty lines before": (lambda t: b"\r\n\r\n" + t.method + b" " + t.path + b" HTTP/1.1", b"host: localhost"),
}
CHUNKS = {
    "extension": b"3;name=value\r\na=1\r\n0\r\n\r\n",
    "quoted extension": b'3;name="a\r\n0\r\n\r\n"\r\na=1\r\n0\r\n\r\n',
    "long extension": b"3;" + b"x" * 70_000 + b"\r\na=1\r\n0\r\n\r\n",
    "extension with a line feed": b"3;x\na=1\r\n0\r\n\r\n" + SMUGGLED,
    "line feeds": b"3\na=1\n0\n\n" + SMUGGLED,
    "leading zeros": b"0000000003\r\na=1\r\n00000\r\n\r\n",
    "signed": b"+3\r\na=1\r\n0\r\n\r\n",
    "negative": b"-3\r\na=1\r\n0\r\n\r\n",
    "hexadecimal mark": b"0x3\r\na=1\r\n0\r\n\r\n",
    "spaces": b"3 \r\na=1\r\n 0\r\n\r\n",
    "overflow": b"10000000000000003\r\na=1\r\n0\r\n\r\n" + SMUGGLED,
    "largest": b"ffffffffffffffff\r\na=1\r\n0\r\n\r\n" + SMUGGLED,
    "no number": b"zz\r\na=1\r\n0\r\n\r\n",
    "data too long": b"3\r\na=1++++\r\n0\r\n\r\n" + SMUGGLED,
    "data too short": b"9\r\na=1\r\n0\r\n\r\n" + SMUGGLED,
    "a thousand of one octet": b"1\r\na\r\n" * 1000 + b"0\r\n\r\n",
    "never ending": b"3\r\na=1\r\n",
    "identity in trailers": b"3\r\na=1\r\n0\r\nx-user: forged@evil.example\r\nX_User: forged@evil.example\r\n\r\n",
    "framing in trailers": b"3\r\na=1\r\n0\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nhost: evil.test\r\n\r\n" + SMUGGLED,
    "credentials in trailers": b"3\r\na=1\r\n0\r\nauthorization: Bearer x\r\ncookie: a=b\r\n:path: /private/x\r\n\r\n",
    "octets in trailers": b"3\r\na=1\r\n0\r\nx: \xff\xfe\r\nx\x00: y\r\n\r\n",
    "many trailers": b"3\r\na=1\r\n0\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(3000)) + b"\r\n",
    "long trailers": b"3\r\na=1\r\n0\r\nx: " + b"y" * 80_000 + b"\r\n\r\n",
}  # fmt: skip


def _slowly(octets: bytes, step: int, pause: float) -> list[Part]:
    return [part for at in range(0, len(octets), step) for part in (octets[at : at + step], pause)]


def _with_body(target: Target) -> bytes:
    return target.head(b"content-length: %d" % len(target.body)) + target.body


STREAMS: dict[str, Shape] = {
    "length and coding": lambda t: [t.head(b"content-length: 5", b"transfer-encoding: chunked") + CHUNKED_SMUGGLED],
    "coding and length": lambda t: [
        t.head(b"transfer-encoding: chunked", b"content-length: %d" % len(CHUNKED_SMUGGLED)) + CHUNKED_SMUGGLED
    ],
    "more than the length": lambda t: [t.head(b"content-length: 0") + SMUGGLED],
    "body without length": lambda t: [t.head() + SMUGGLED],
    "slow head": lambda t: _slowly(t.head(), max(1, len(t.head()) // 30), 0.01),
    "slow body": lambda t: [t.head(b"content-length: %d" % len(t.body)), *_slowly(t.body, max(1, len(t.body) // 20), 0.01)],
    "slow chunks": lambda t: [t.head(b"transfer-encoding: chunked"), *[p for _ in range(10) for p in (b"1\r\na\r\n", 0.01)], b"0\r\n\r\n"],
    "head that stops": lambda t: [t.head()[:-3], 0.2],
    "body that stops": lambda t: [t.head(b"content-length: 5000") + b"a=1", 0.2],
    "pipelined after a refusal": lambda t: [_with_body(t) + _with_body(t) + SMUGGLED + _with_body(t)],
    "pipelined fifty times": lambda t: [_with_body(t) * 50],
    "forbidden then public": lambda t: [t.head() + b"GET /public/after HTTP/1.1\r\nhost: localhost\r\n\r\n" + SMUGGLED],
    "public then forbidden": lambda t: [b"GET /public/before HTTP/1.1\r\nhost: localhost\r\n\r\n" + t.head() + SMUGGLED],
    "large body": lambda t: [t.head(b"content-length: 400000") + b"x" * 400_000],
    "too large a body": lambda t: [t.head(b"content-length: 3000000") + b"x" * 3_000_000],
    "too large in chunks": lambda t: [t.head(b"transfer-encoding: chunked"), b"8000\r\n" + b"x" * 32768 + b"\r\n", *([b"8000\r\n" + b"x" * 32768 + b"\r\n"] * 60), b"0\r\n\r\n"],
    "line feeds only": lambda t: [t.head(end=b"\n")],
    "carriage returns only": lambda t: [t.head(end=b"\r")],
    "not http": lambda t: [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))],
    "nothing": lambda t: [b"", 0.05],
}  # fmt: skip


def shapes() -> dict[str, Shape]:
    """All of them by name."""
    found = dict(STREAMS)
    found |= {f"coding {line!r}": _lined(line, body=CHUNKED_SMUGGLED) for line in CODINGS}
    found |= {f"coding {line!r} and a length": _lined(b"content-length: 4", line, body=CHUNKED_SMUGGLED) for line in CODINGS}
    found |= {f"length {value!r}": _length(value) for value in LENGTHS}
    found |= {f"headers: {name}": _lined(*lines) for name, lines in LINES.items()}
    found |= {f"headers with a body: {name}": _lined(*lines, b"content-length: 3", body=b"a=1") for name, lines in LINES.items()}
    found |= {f"request line: {name}": _first(make, host) for name, (make, host) in FIRST.items()}
    found |= {f"chunks: {name}": _lined(b"transfer-encoding: chunked", body=body) for name, body in CHUNKS.items()}
    return found
