"""The compose example, built and brought up once for all tests, and taken down whatever happens."""

import contextlib
import os
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "docker-compose"
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "examples" / "demo")]

import browser  # noqa: E402
from engine import Engine, run  # noqa: E402


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Site:
    """The example as it runs: who asks it what, and what it left in its logs."""

    def __init__(self, engine, base, name, files):
        self.engine = engine
        self.files = [part for file in files for part in ("-f", str(file))]
        self.https, self.simulator_port = free_ports(2)
        self.project = f"vestibule-check-{name}-{os.getpid()}"
        self.variables = {
            "BASE_IMAGE": base,
            "HTTPS_PORT": str(self.https),
            "SIMULATOR_PORT": str(self.simulator_port),
            "COMPOSE_PROJECT_NAME": self.project,
        }
        self.origin = f"https://localhost:{self.https}"
        self.simulator = f"http://127.0.0.1:{self.simulator_port}"

    def compose(self, *arguments, **more):
        return self.engine.compose(*self.files, *arguments, cwd=EXAMPLE, environment=self.variables, **more)

    def entra(self, method, path, value=None):
        """A call to the simulator's own interface, through the published port."""
        return browser.call_json(method, f"{self.simulator}/api/{path}", value)

    def new_browser(self):
        return browser.Browser(self.origin, self.context)

    def trust(self, place):
        """Takes the certificate authority that the first start made."""
        file = place / "ca.pem"
        gateway = self.compose("ps", "-q", "gateway").stdout.strip()
        file.write_text(self.engine.docker("exec", gateway, "cat", "/state/tls/ca.pem").stdout)
        self.context = browser.trust(file)


@pytest.fixture(scope="session")
def engine():
    with Engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def base(engine):
    """What the image is built from; all parts of it are gathered."""
    run([EXAMPLE / "prepare"], seconds=1800)
    base, origin = engine.base_image()
    with open(os.environ["VESTIBULE_RECORD"], "a", encoding="utf-8") as record:
        version = engine.docker("version", "--format", "{{.Server.Version}}").stdout.strip()
        whose = "started for this run" if engine.own else "already there"
        record.write(f"compose: Docker {version}, {whose}; base image {base} from {origin}\n")
    return base


@contextlib.contextmanager
def running(engine, base, place, name, *files):
    """Brings the example up and takes it down again; nothing of it is left."""
    site = Site(engine, base, name, files)
    try:
        site.compose("up", "--detach", "--build", seconds=900)
        site.trust(place)
        yield site
    except BaseException:
        print(site.compose("logs", "--no-color", check=False).stdout[-8000:])
        raise
    finally:
        site.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)
        engine.docker("image", "rm", "vestibule-example", check=False)
        assert engine.left(site.project) == []


@pytest.fixture(scope="module")
def site(engine, base, tmp_path_factory):
    with running(engine, base, tmp_path_factory.mktemp("site"), "plain", EXAMPLE / "compose.yaml") as site:
        yield site


@pytest.fixture
def grafana(engine, base, tmp_path):
    files = [EXAMPLE / "compose.yaml", EXAMPLE / "compose.grafana.yaml", Path(__file__).parent / "in-place-of-grafana.yaml"]
    with running(engine, base, tmp_path, "grafana", *files) as site:
        yield site
