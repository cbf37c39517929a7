"""Short forms of `./torture`, and proof that its verdicts can fail. The long forms are run by hand (docs/reliability.md)."""

import random
import sys

import pytest
from harness.servers import ROOT
from test_record import note

sys.path.insert(0, str(ROOT / "tests"))

from torture import clock, full, hostile, kill, reload, soak  # noqa: E402
from torture.verdict import Verdict  # noqa: E402
from torture.world import World  # noqa: E402

SEED = 20261126


def held(verdict: Verdict) -> None:
    print(verdict.text())
    assert verdict.passed, verdict.text()


@pytest.mark.timeout(240)
def test_hostile_http_reaches_nothing_and_harms_nobody(envoy_binary, wasm):
    verdict = hostile.run(envoy_binary, wasm, seed=SEED)
    held(verdict)
    # It was not refused at the door only.
    assert verdict.counts["requests at the application"] > 20 and verdict.counts["requests at the application's SCIM server"] > 5
    assert verdict.counts["HTTP/1 answers 4xx"] > 100 and verdict.counts["octets of HTTP/2 answers"] > 10_000


def test_without_the_filter_the_verdict_on_hostile_http_is_that_it_failed(envoy_binary):
    verdict = Verdict("no filter")
    with World(envoy_binary, None) as world:
        chosen = [target for target in hostile.targets(world) if target.name in ("closed", "public")]
        for target in chosen:
            hostile.send(world.envoy.plain_port, [target.head(b"x-user: forged@evil.example", b"content-length: 0")])
        world.judge(verdict, "without a filter")
        world.judge_applications(verdict)
    wrong = "\n".join(verdict.failures)
    assert "reached a closed path as nobody" in wrong and "an identity header that nobody of us set" in wrong, wrong
    assert "a closed page is 200 to a stranger" in wrong, wrong


@pytest.mark.timeout(300)
def test_after_each_kill_every_write_was_sent_once_and_entras_retry_makes_it_right(envoy_binary, wasm):
    verdict = kill.run(envoy_binary, wasm, seed=SEED)
    held(verdict)
    assert verdict.counts["writes at the application"] > 5 and verdict.counts["accounts read back and compared"] > 5


@pytest.mark.timeout(240)
def test_configuration_updates_under_load_lose_no_session_and_open_no_gap(envoy_binary, wasm):
    verdict = reload.run(envoy_binary, wasm, seed=SEED)
    held(verdict)
    assert verdict.counts["configurations taken"] >= 6 and verdict.counts["wrong configurations refused"] >= 1
    assert verdict.counts["Ada, on a kept connection: 200"] > 20 and verdict.counts["locked out: 401"] > 20


@pytest.mark.timeout(180)
def test_a_clock_that_jumps_opens_nothing_and_brings_nothing_back(envoy_binary, wasm):
    held(clock.run(envoy_binary, wasm, seed=SEED))


@pytest.mark.timeout(180)
def test_lock_outs_and_used_assertions_in_numbers_are_all_kept(envoy_binary, wasm):
    held(full.run(envoy_binary, wasm, seed=SEED))


@pytest.mark.timeout(300)
def test_twenty_thousand_mixed_requests_each_get_their_one_right_answer_and_memory_stays_flat(envoy_binary, wasm):
    verdict = soak.run(envoy_binary, wasm, seed=SEED)
    held(verdict)
    made = sum(verdict.counts.values())
    assert made >= 20_000, made
    for line in verdict.notes:
        note(f"soak: {line}")


def test_a_wrong_answer_fails_the_soak():
    """The verdict is about each answer: one that is not the right one is told."""
    kinds = soak.kinds(["__Host-vestibule-s.demo=" + "A" * 200])
    assert {kind.name for kind in kinds if not kind.refused} >= {"signed-in page", "provisioning write"}
    assert all(len(kind.statuses) == 1 for kind in kinds)
    assert soak.slope([(n * 1000, 100_000 + n * 50) for n in range(100)]) == pytest.approx(5000)
    random.seed(1)
    verdict = Verdict("soak")
    soak._judge_memory(verdict, [(n * 10_000, 100_000 + n * 500) for n in range(100)], 1.0)
    assert not verdict.passed
