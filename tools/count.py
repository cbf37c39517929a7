"""Counts what a test runner ran: `count.py KIND LOG STATUS` prints `PASSED FAILED SKIPPED`.

A runner that died, or that ran nothing, counts as one failure: silence is no success.
"""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.M)
# One line per test program that cargo starts.
STARTED = re.compile(r"^\s*(?:Running (?:unittests|tests|benches|examples)\b|Doc-tests )", re.M)


def cargo(text: str, status: int) -> tuple[int, int, int]:
    """Adds up the programs of `cargo test`; one that was started and closed with no result died."""
    results = [tuple(map(int, found)) for found in RESULT.findall(text)]
    passed, failed, skipped = (sum(column) for column in zip(*results)) if results else (0, 0, 0)
    failed += max(0, len(STARTED.findall(text)) - len(results))
    return settle(passed, failed, skipped, status)


def junit(report: str, status: int) -> tuple[int, int, int]:
    """Adds up a JUnit report; an error while collecting or cleaning up is a failure."""
    try:
        suites = list(ET.parse(report).getroot().iter("testsuite"))
    except (OSError, ET.ParseError):
        return 0, 1, 0
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    # A test that passed and then failed in its clean-up is counted as a test and as an error.
    cases = [case for suite in suites for case in suite.iter("testcase")]
    bad = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    bad = max(bad, 1) if failures + errors else bad
    return settle(max(0, len(cases) - bad - skipped), bad, skipped, status)


def check(_: str, status: int) -> tuple[int, int, int]:
    """A check that is no test: it adds nothing, unless it fails."""
    return 0, int(status != 0), 0


def settle(passed: int, failed: int, skipped: int, status: int) -> tuple[int, int, int]:
    nothing_ran = passed + failed == 0
    return passed, max(failed, int(status != 0 or nothing_ran)), skipped


def main() -> None:
    kind, log, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if kind == "cargo":
        text = Path(log).read_text(errors="replace") if Path(log).exists() else ""
        counted = cargo(re.sub(r"\x1b\[[0-9;]*m", "", text), status)
    elif kind == "junit":
        counted = junit(log, status)
    else:
        counted = check(log, status)
    print(*counted)


if __name__ == "__main__":
    main()
