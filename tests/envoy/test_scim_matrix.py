"""Each step of the life of users and groups comes out through Envoy at least as well as by correct requests.

Two quick servers of `tests/scim_matrix`; `./test --scim-matrix` plays all of them.
"""

import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scim_matrix.run import Tools, staged  # noqa: E402
from scim_matrix.servers import ROOT, SERVERS, Places  # noqa: E402

QUICK = [server for server in SERVERS if server.quick]
CELLS = [pytest.param(server, step, id=f"{server.name}: {step.title}") for server in QUICK for step in server.steps()]


@pytest.fixture(scope="module")
def stages(envoy_binary, wasm):
    """Each server with an Envoy before it. That it stores what it is said to store is established first."""
    places = Places(python=ROOT / ".tools" / "venv", node=ROOT / ".tools" / "node")
    with contextlib.ExitStack() as stack:
        tools = Tools(envoy_binary, wasm, places)
        yield {server.name: stack.enter_context(staged(server, tools)) for server in QUICK}


@pytest.mark.parametrize(("server", "step"), CELLS)
def test_a_step_is_never_worse_through_envoy_than_by_correct_requests(stages, server, step):
    by_hand, us = stages[server.name].play(step, "rfc"), stages[server.name].play(step, "us")
    assert us.right or not by_hand.right, us.why


@pytest.mark.parametrize("server", QUICK, ids=lambda server: server.name)
def test_a_server_does_not_do_by_itself_what_entra_means(stages, server):
    play = stages[server.name].play
    right = {way: sum(play(step, way).right for step in server.steps()) for way in ("raw", "us")}
    assert right["us"] > right["raw"] + 10, right
