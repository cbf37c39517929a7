"""Measures what starting with the filter costs, for the record that `./test` prints."""

import statistics
from pathlib import Path

import pytest
from harness.record import note


def started(start, **more):
    with start(**more) as envoy:
        return envoy.seconds_to_ready, envoy.resident_kilobytes() / 1024, envoy.log()


@pytest.mark.alone
@pytest.mark.quick
@pytest.mark.core
def test_start_up_and_memory_are_within_reason(start, request):
    without = [started(start, wasm=None) for _ in range(2)]
    with_filter = [started(start) for _ in range(2)]
    workers = started(start, concurrency=2)
    bare, ready = (min(run[0] for run in runs) for runs in (without, with_filter))
    bare_memory, memory = (statistics.median(run[1] for run in runs) for runs in (without, with_filter))
    version = Path(request.config.getoption("--envoy")).parent.name
    note(f"{version}: ready in {ready:.2f} s with the filter, {bare:.2f} s without")
    note(
        f"{version}: resident {memory:.0f} MB with one worker, {workers[1]:.0f} MB with two, {bare_memory:.0f} MB without the filter"
    )
    assert ready < 10
    assert memory < 400
