"""Options and fixtures of the second host. The identity provider, the people and the scripted SCIM server are those of
`tests/envoy/harness`; the host is `wasm_host`."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "envoy")]

import world  # noqa: E402
from harness.idp import IdentityProvider  # noqa: E402
from harness.tls import self_signed  # noqa: E402
from wasm_host.module import Module  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--wasm", help="path of the filter")


@pytest.fixture(scope="session")
def module(request):
    path = request.config.getoption("--wasm")
    assert path and Path(path).is_file(), f"--wasm {path} is not there; run tools/build-wasm.sh"
    return Module(path, keep=HERE.parents[1] / ".tools" / "second-host" / "compiled")


@pytest.fixture(scope="session")
def idp_keys(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("keys"), "idp")


@pytest.fixture(scope="session")
def idp(idp_keys):
    provider = IdentityProvider(idp_keys)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def base(idp_keys):
    return world.base(idp_keys["certificate"])
