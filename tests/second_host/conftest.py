"""Options and fixtures of the second host. The people, the scripted SCIM server and pysaml2 are those of
`tests/envoy/harness`; the host is `wasm_host`."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "envoy")]

import world  # noqa: E402
from harness.idp import IdentityProvider  # noqa: E402
from provider import Pysaml2, QuickProvider  # noqa: E402
from wasm_host.module import Module  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--wasm", help="path of the filter")


@pytest.fixture(scope="session")
def module(request):
    path = request.config.getoption("--wasm")
    assert path and Path(path).is_file(), f"--wasm {path} is not there; run tools/build-wasm.sh"
    return Module(path, keep=HERE.parents[1] / ".tools" / "second-host" / "compiled")


@pytest.fixture(scope="session")
def base():
    return world.base(world.VECTOR_KEYS["certificate"])


@pytest.fixture(scope="session")
def idp():
    return QuickProvider(world.VECTOR_KEYS, world.BEGAN)


@pytest.fixture(scope="session")
def pysaml2():
    provider = IdentityProvider(world.VECTOR_KEYS)
    yield Pysaml2(provider, world.BEGAN)
    provider.close()
