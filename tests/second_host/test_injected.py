"""Every hostcall's failure in turn; see `injected.py`, whose long form is `--every`."""

import inspect

import injected
import pytest
import scenarios
from scenarios import SCENARIOS
from wasm_host.abi import Status
from wasm_host.faults import Fault


@pytest.fixture(scope="session")
def injector(module, base, idp):
    return injected.Injector(module, base, idp)


@pytest.mark.parametrize("scenario", ["start", *SCENARIOS])
def test_no_failure_of_a_hostcall_traps_or_opens(injector, scenario):
    outcomes = injector.all_of(scenario, every=False)
    bad = [str(one) for one in outcomes if one.bad]
    assert not bad, "\n".join(bad)
    assert len(outcomes) > 20, "nothing was injected"
    # Where nothing is ever refused nothing was injected, and where everything is the scenario is none.
    assert {one.became for one in outcomes} & {"whole"}
    if scenario not in ("closed", "refused_provisioning"):
        assert {one.became for one in outcomes} & {"refused"}


def test_a_failure_is_injected_where_it_is_said_to_be(injector):
    for name, became in (("proxy_get_header_map_pairs", "refused"), ("proxy_increment_metric", "whole")):
        outcome = injector.run("public", Fault(name, None, Status.INTERNAL_FAILURE))
        assert outcome.became == became, outcome


def test_a_closed_route_that_reaches_the_application_is_found(injector, monkeypatch):
    """Proof that the judge judges: a scenario that tells the application of a request nobody let through."""

    def opened(world):
        stream = world.open([(b":method", b"GET"), (b":path", b"/private/x"), (b":authority", b"localhost:8443")])
        stream.sides[0].sent_headers, stream.sides[0].complete = list(stream.came), True
        world.finish(stream)

    monkeypatch.setitem(SCENARIOS, "opened", opened)
    outcome = injector.run("opened", Fault("proxy_log", 999, Status.NOT_FOUND))
    assert outcome.bad and "without a session" in outcome.became


def test_scenarios_are_what_is_injected_into():
    assert set(SCENARIOS) == {
        name for name, one in vars(scenarios).items()
        if inspect.isfunction(one) and one.__module__ == "scenarios" and one.__code__.co_varnames[:1] == ("world",)
        and one.__code__.co_argcount == 1
    }  # fmt: skip
