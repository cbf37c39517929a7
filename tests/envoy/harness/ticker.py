"""An application whose answers never end by themselves: one chunk every fifth of a second."""

import socket
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = b"data: tick\n\n"


class Ticker:
    """Runs on a free port until `stop`; `broken` counts the clients that left, as it sees it."""

    def __init__(self):
        self.broken = 0
        self._stopped = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Ends all answers."""
        self._stopped = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tick, args=(connection,), daemon=True).start()

    def _tick(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(HEAD)
                while not self._stopped:
                    connection.sendall(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
                    time.sleep(0.2)
            except OSError:
                self.broken += 1
