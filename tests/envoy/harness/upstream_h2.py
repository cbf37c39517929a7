"""An HTTP/2 application that records headers, body and trailers, and answers 200."""

import socket
import threading

import h2.config
import h2.connection
import h2.events

from .messages import Request


class H2Application:
    """Runs on a free port until `stop`, without TLS."""

    def __init__(self):
        self.requests: list[Request] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def clear(self) -> None:
        """Forgets the requests so far."""
        self.requests = []

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

    def _secured(self, connection: socket.socket) -> socket.socket:
        """The connection as requests are read from it; one with TLS makes its handshake here."""
        return connection

    def _serve(self, connection: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        h2c = h2.connection.H2Connection(config)
        h2c.initiate_connection()
        streams: dict[int, Request] = {}
        try:
            connection = self._secured(connection)
            connection.sendall(h2c.data_to_send())
            while data := connection.recv(65536):
                for event in h2c.receive_data(data):
                    self._happened(h2c, streams, event)
                connection.sendall(h2c.data_to_send())
        except OSError:
            pass

    def _happened(self, h2c, streams: dict[int, Request], event) -> None:
        match event:
            case h2.events.RequestReceived():
                pseudo = dict(event.headers)
                plain = [(n, v) for n, v in event.headers if not n.startswith(":")]
                streams[event.stream_id] = Request(pseudo[":method"], pseudo[":path"], plain)
            case h2.events.DataReceived():
                streams[event.stream_id].body += event.data
                h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                streams[event.stream_id].trailers = list(event.headers)
            case h2.events.StreamEnded():
                self.requests.append(streams[event.stream_id])
                h2c.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                h2c.send_data(event.stream_id, b'{"ok":true}', end_stream=True)
