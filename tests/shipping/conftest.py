"""Tests of what `./build` ships; the filter is the one that was just built."""

import pathlib

import pytest


def pytest_addoption(parser):
    parser.addoption("--wasm", required=True, help="the built filter")


@pytest.fixture(scope="session")
def filter_file(request) -> pathlib.Path:
    file = pathlib.Path(request.config.getoption("--wasm"))
    assert file.is_file(), f"{file} is missing: tools/build-wasm.sh"
    return file
