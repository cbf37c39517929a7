"""Each step of the life of users and groups comes out through Envoy at least as well as by correct requests.

Two quick servers of `tests/scim_matrix`; `./test --scim-matrix` plays all of them.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scim_matrix.run import Tools, staged  # noqa: E402
from scim_matrix.servers import ROOT, SERVERS, Places  # noqa: E402
from scim_matrix.steps import STEPS  # noqa: E402

QUICK = [server for server in SERVERS if server.quick]


@pytest.fixture(scope="module", params=QUICK, ids=lambda server: server.name)
def stage(request, envoy_binary, wasm):
    places = Places(python=ROOT / ".tools" / "venv", node=ROOT / ".tools" / "node")
    with staged(request.param, Tools(envoy_binary, wasm, places)) as running:
        yield running


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_step_is_never_worse_through_envoy_than_by_correct_requests(stage, step):
    by_hand, us = stage.play(step, "rfc"), stage.play(step, "us")
    if us.right is None:
        pytest.skip(us.why)
    assert us.right or not by_hand.right, us.why


def test_the_servers_do_not_do_by_themselves_what_entra_means(stage):
    right = {way: sum(stage.play(step, way).right is True for step in STEPS) for way in ("raw", "us")}
    assert right["us"] > right["raw"] + 10, right
