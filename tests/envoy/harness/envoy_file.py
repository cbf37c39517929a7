"""Starts Envoy with a configuration as it is shipped: a file of `envoy/`, or what stands in a manifest.

What is changed, and nothing else, each by one pattern over the text:

- `port_value` of the listeners becomes 0, so that Envoy takes a free port, and that of the admin interface a free one;
- the address and port of a cluster's endpoint become those of the test's server for it;
- `/etc/ssl/certs/ca-certificates.crt` and other files of a `trusted_ca` become the test's authority;
- what a reader is told to replace: the hash of the secret token (zeros).

Certificates, keys and the module lie beside the file under the names that it uses.
"""

import re
import shutil
from pathlib import Path

from .client import H1
from .envoy import Envoy
from .messages import Pairs, Reply
from .servers import free_port

FOLDER = Path(__file__).resolve().parents[3] / "envoy"
ADMIN = "127.0.0.1:9901"
SOCKET = re.compile(r"\{socket_address: \{address: ([^,\s]+), port_value: (\d+)\}\}")
TRUSTED = re.compile(r"trusted_ca: \{filename: [^}]+\}")
TOKEN = re.compile(r'sha256: "0{63}([0-9])"')


class EnvoyFile(Envoy):
    """One file of `envoy/`, or another `text`. `servers` maps `HOST:PORT` of an endpoint to the port of the test's server.

    `files` are put beside it. `edit`, if any, sees the text last. `hashes` are those of the secret tokens, in order.
    """

    def __init__(
        self,
        binary: str,
        name: str,
        wasm: str,
        servers: dict[str, int],
        files: dict[str, str],
        trusted: str | None = None,
        hashes: tuple[str, ...] = (),
        environment: dict | None = None,
        edit=None,
        text: str | None = None,
    ):
        self.binary, self.concurrency, self.log_level = binary, 1, "warning"
        self.environment = environment or {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop"}
        self.crash_expected = False
        self.ports: dict[str, int] = {}
        self._files = {**files, "vestibule.wasm": wasm}
        text = (FOLDER / name).read_text(encoding="utf-8") if text is None else text
        self._admin_port = free_port()
        self._reached: set[str] = set()
        text = SOCKET.sub(lambda found: self._socket(found, servers), text)
        assert self._reached == set(servers), f"{name} has the endpoints {self._reached}"
        if trusted:
            text = TRUSTED.sub(f"trusted_ca: {{filename: {trusted}}}", text)
        text = TOKEN.sub(lambda found: f'sha256: "{hashes[int(found.group(1))]}"', text)
        self.text = edit(text) if edit else text

    def _socket(self, found: re.Match, servers: dict[str, int]) -> str:
        address, port = found.groups()
        key = f"{address}:{port}"
        if address == "0.0.0.0" or key == ADMIN:
            port = self._admin_port if key == ADMIN else 0
            return f"{{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}"
        self._reached.add(key)
        return f"{{socket_address: {{address: 127.0.0.1, port_value: {servers[key]}}}}}"

    def _write(self, place: Path) -> str:
        for name, source in self._files.items():
            shutil.copy(source, place / name)
        (place / "envoy.yaml").write_text(self.text, encoding="utf-8")
        return "envoy.yaml"

    def ask(self, host: str, path: str, headers: Pairs = (), method: str = "GET", body: bytes | None = None) -> Reply:
        """One request over TLS to a host of the file."""
        with H1(self.ports["https"], tls=True, host=host, sni=host) as client:
            return client.request(method, path, list(headers), body)
