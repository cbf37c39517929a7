"""Options and fixtures. Everything that is started is ended here, by its own handle."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import bootstrap, settings  # noqa: E402
from harness.envoy import Envoy  # noqa: E402
from harness.idp import IdentityProvider  # noqa: E402
from harness.tls import self_signed  # noqa: E402
from harness.upstream import Application  # noqa: E402
from harness.upstream_h2 import H2Application  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--envoy", help="path of the Envoy binary")
    parser.addoption("--wasm", help="path of the filter")


def pytest_configure(config):
    config.addinivalue_line("markers", "core: also run on the oldest supported Envoy")
    config.addinivalue_line("markers", "quick: also run by ./test --quick")
    config.addinivalue_line("markers", "alone: measures, and is therefore not run beside others")


@pytest.fixture(scope="session")
def envoy_binary(request):
    return _existing(request, "--envoy", "tools/setup.sh envoy")


@pytest.fixture(scope="session")
def wasm(request):
    return _existing(request, "--wasm", "tools/build-wasm.sh")


def _existing(request, option, remedy):
    path = request.config.getoption(option)
    assert path and Path(path).is_file(), f"{option} {path} is not there; run {remedy}"
    return str(Path(path).resolve())


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def tls(place):
    return self_signed(place, "localhost")


@pytest.fixture(scope="session")
def idp_keys(place):
    return self_signed(place, "idp")


@pytest.fixture(scope="session")
def idp(idp_keys):
    provider = IdentityProvider(idp_keys)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def base(idp_keys):
    """The configuration that tests start from."""
    return settings.settings(idp_keys["certificate"])


@pytest.fixture(scope="module")
def _app():
    application = Application()
    yield application
    application.stop()


@pytest.fixture(scope="module")
def _scim_app():
    application = Application()
    yield application
    application.stop()


@pytest.fixture(scope="module")
def _h2_app():
    application = H2Application()
    yield application
    application.stop()


@pytest.fixture
def app(_app):
    """The application behind the filter; nothing has reached it yet."""
    _app.clear()
    return _app


@pytest.fixture
def scim_app(_scim_app):
    """The application's SCIM server, scripted by the test; nothing has reached it yet."""
    _scim_app.clear()
    return _scim_app


@pytest.fixture
def h2_app(_h2_app):
    """An application that speaks HTTP/2, under `/h2/`."""
    _h2_app.clear()
    return _h2_app


@pytest.fixture(scope="module")
def start(envoy_binary, wasm, tls, _app, _scim_app, _h2_app, base):
    """Makes an Envoy with the filter; what is not named is as in most tests."""

    def make(configuration=None, routes=None, **more):
        more.setdefault("wasm", wasm)
        return Envoy(
            envoy_binary,
            clusters={"app": _app.port, "scim_app": _scim_app.port, "h2_app": (_h2_app.port, "h2")}
            | more.pop("clusters", {}),
            routes=routes or default_routes(),
            tls=tls,
            configuration=base if configuration is None else configuration,
            **more,
        )

    return make


def default_routes():
    return [
        bootstrap.route("/app-scim/", "scim_app"),
        bootstrap.route("/h2/", "h2_app"),
        bootstrap.route("/", "app"),
    ]


@pytest.fixture(scope="module")
def envoy(start):
    """An Envoy shared by the tests of a file, with one worker."""
    with start() as running:
        yield running


@pytest.fixture(autouse=True)
def no_surplus_bytes(_app, _scim_app):
    """A wrong `content-length` towards an application shows as bytes that are no request."""
    yield
    assert not _app.garbage and not _scim_app.garbage, (_app.garbage, _scim_app.garbage)
