"""The short form of `exchange_fuzz.py`, and proof that it finds what is planted."""

import os

import exchange_fuzz
import planted
import pytest

SECONDS = float(os.environ.get("VESTIBULE_FUZZ_SECONDS", "20"))
# The same in every run: a failure is repeated by the number that is printed with it.
SEED = 20_261_126


def test_exchanges_at_random_trap_and_open_nothing(module):
    fuzzer = exchange_fuzz.Fuzzer(module)
    cases, found = exchange_fuzz.run(fuzzer, SECONDS, SEED, most=3)
    assert not found, "\n".join(found)
    assert cases > 20
    for reached in ("calls to the application", "closed answered 200", "provisioning answered 200", "event out_of_order"):
        assert fuzzer.tally[reached], f"not one {reached}: {fuzzer.tally}"


@pytest.mark.parametrize(
    ("what", "does", "otherwise", "says"),
    [
        ("lets everything through", planted.OPEN, 0, "OPEN"),
        ("traps at the third body", planted.TRAPS, 1, "TRAPPED"),
        ("lets go on what was held, with the trailers", planted.OPEN_AT_TRAILERS, 1, "OPEN"),
    ],
)
def test_a_planted_fault_is_found_and_found_again_by_its_number(what, does, otherwise, says):
    fuzzer = exchange_fuzz.Fuzzer(planted.module(does, otherwise))
    _, found = exchange_fuzz.run(fuzzer, 60, SEED, most=1)
    assert found and says in found[0], (what, found)
    number = int(found[0].split()[1].rstrip(":"))
    again = exchange_fuzz.Fuzzer(planted.module(does, otherwise)).case(number)
    assert again == found[0].partition(": ")[2]
