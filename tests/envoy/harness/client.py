"""Clients that send exactly the octets they are told to."""

import json
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.errors
import h2.events

from .messages import Pairs, Reply


def _connect(port: int, tls: bool, alpn: str, seconds: float, sni: str = "localhost") -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificate is made anew for every run
    context.set_alpn_protocols([alpn])
    return context.wrap_socket(plain, server_hostname=sni)


def latin(text: str | bytes) -> bytes:
    """Header text as octets: one character is one octet."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


class H1:
    """One HTTP/1.1 connection; `sni` is the name that is asked for in the TLS handshake."""

    def __init__(self, port: int, tls: bool = False, host: str = "localhost", seconds: float = 10, sni: str = "localhost"):
        self.host = host
        self.socket = _connect(port, tls, "http/1.1", seconds, sni)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Leaves, whatever is still to come."""
        self.stream.close()
        self.socket.close()

    def send_head(self, method: str, path: str, headers: Pairs = ()) -> None:
        """Sends a request line and headers; `host` is put on where it is missing."""
        lines = [latin(method) + b" " + latin(path) + b" HTTP/1.1"]
        if not any(name.lower() == "host" for name, _ in headers):
            lines.append(b"host: " + latin(self.host))
        lines += [latin(name) + b": " + latin(value) for name, value in headers]
        self.socket.sendall(b"\r\n".join(lines) + b"\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Sends octets as they are."""
        self.socket.sendall(data)

    def send_chunks(self, *chunks: bytes, trailers: Pairs = ()) -> None:
        """Sends a chunked body with its end."""
        for chunk in chunks:
            self.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.send(b"0\r\n" + b"".join(latin(n) + b": " + latin(v) + b"\r\n" for n, v in trailers) + b"\r\n")

    def request(self, method: str, path: str, headers: Pairs = (), body: bytes | None = None) -> Reply:
        """One exchange; a body goes with its `content-length`."""
        pairs = list(headers)
        if body is not None:
            pairs.append(("content-length", str(len(body))))
        self.send_head(method, path, pairs)
        if body:
            self.send(body)
        return self.reply(method)

    def reply(self, method: str = "GET") -> Reply:
        """Reads one response; interim ones (1xx) are noted and passed over, an upgrade is the end."""
        interim = []
        while True:
            first = self.stream.readline()
            if not first:
                return Reply(0, [], interim=interim, cut=True)
            status = int(first.split(b" ")[1])
            reply = Reply(status, self._pairs(), interim=interim)
            if status == 101 or status >= 200:
                break
            interim.append(status)
        if method != "HEAD" and status not in (101, 204, 304):
            self._body(reply)
        return reply

    def _pairs(self) -> Pairs:
        pairs = []
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            pairs.append((name, value.strip()))
        return pairs

    def _body(self, reply: Reply) -> None:
        if "chunked" in "".join(reply.all("transfer-encoding")):
            while size := int(self.stream.readline() or b"0", 16):
                reply.body += self.stream.read(size)
                self.stream.readline()
            reply.trailers = self._pairs()
        elif (length := reply.get("content-length")) is not None:
            reply.body = self.stream.read(int(length))
            reply.cut = len(reply.body) < int(length)
        else:
            reply.body = self.stream.read()


class H2:
    """One HTTP/2 connection, with prior knowledge or over TLS. Nothing that it is told to send is checked."""

    def __init__(self, port: int, tls: bool = False, host: str = "localhost", seconds: float = 10):
        self.host, self.tls, self.seconds = host, tls, seconds
        self.socket = _connect(port, tls, "h2", seconds)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                header_encoding="latin-1",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        self.h2.initiate_connection()
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Leaves, whatever is still to come."""
        self.socket.close()

    def _flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def start(self, method: str, path: str, headers: Pairs = (), end: bool = False) -> int:
        """Sends headers and gives the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [
            (":method", method),
            (":scheme", "https" if self.tls else "http"),
            (":authority", self.host),
            (":path", path),
        ]
        pairs = [(latin(name), latin(value)) for name, value in [*pseudo, *headers]]
        self.h2.send_headers(stream, pairs, end_stream=end)
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, end: bool = False) -> None:
        """Sends data as far as the window allows, waiting for more of it."""
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            part, data = data[:room], data[room:]
            self.h2.send_data(stream, part, end_stream=end and not data)
            self._flush()
            if not data:
                return
            while self.h2.local_flow_control_window(stream) == 0:
                self.h2.receive_data(self.socket.recv(65536))
                self._flush()

    def trailers(self, stream: int, trailers: Pairs) -> None:
        """Ends a request with trailers."""
        self.h2.send_headers(stream, [(latin(n), latin(v)) for n, v in trailers], end_stream=True)
        self._flush()

    def request(
        self, method: str, path: str, headers: Pairs = (), body: bytes | None = None, trailers: Pairs | None = None
    ) -> Reply:
        """One exchange."""
        stream = self.start(method, path, headers, end=body is None and trailers is None)
        if body is not None:
            self.send(stream, body, end=trailers is None)
        if trailers is not None:
            self.trailers(stream, trailers)
        return self.reply(stream)

    def reply(self, stream: int) -> Reply:
        """Reads until this stream ends, whichever way."""
        reply = Reply(0, [])
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            data = self.socket.recv(65536)
            if not data:
                reply.cut = True
                return reply
            for event in self.h2.receive_data(data):
                if getattr(event, "stream_id", stream) in (stream, None) and self._ends(reply, event):
                    self._flush()
                    return reply
            self._flush()
        raise TimeoutError(f"no end of stream {stream} within {self.seconds} s")

    def _ends(self, reply: Reply, event) -> bool:
        match event:
            case h2.events.ResponseReceived() | h2.events.InformationalResponseReceived():
                status = int(dict(event.headers)[":status"])
                if status < 200:
                    reply.interim.append(status)
                else:
                    reply.status = status
                    reply.headers = [(n, v) for n, v in event.headers if not n.startswith(":")]
            case h2.events.DataReceived():
                reply.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                reply.trailers = list(event.headers)
            case h2.events.StreamEnded():
                return True
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                # A whole answer followed by NO_ERROR only says that the rest of the request is not wanted.
                reply.cut = True
                return True
        return False


def scim_json(value) -> bytes:
    """A SCIM body as Entra prints it: no spaces."""
    return json.dumps(value, separators=(",", ":")).encode()
