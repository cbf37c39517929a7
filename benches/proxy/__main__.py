"""`./bench`: see there."""

import argparse
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import access, footprint, host_calls, load, mellon, profile, scim, sign_ins, stages
from .report import as_object
from .servers import ROOT

SECTIONS = {
    "access": access.measure,
    "scim": scim.measure,
    "sign_ins": sign_ins.measure,
    "mellon": mellon.measure,
    "host_calls": host_calls.measure,
    "stages": stages.measure,
    "footprint": footprint.measure,
    "million": footprint.million,
    "profile": profile.measure,
}
# Minutes of steady load, and what wants another module than the one that is shipped.
BY_NAME_ONLY = {"million", "profile"}


@dataclasses.dataclass
class Run:
    """What every section needs to know."""

    envoy: str
    wasm: str
    empty: str
    json: str
    calls: str
    stages: str
    stages_wasm: str
    place: Path
    quick: bool
    connections: int = 16
    half_width: float = 0.02
    rounds: int = 10
    seconds: float = 420.0

    def say(self, line: str) -> None:
        """Progress."""
        print(f"bench: {line}", file=sys.stderr, flush=True)


def main() -> int:
    options = argparse.ArgumentParser(prog="./bench", description=__doc__)
    options.add_argument("only", nargs="*", help=f"sections: {' '.join(SECTIONS)}")
    options.add_argument("--json", action="store_true", help="print one object instead of tables")
    options.add_argument("--quick", action="store_true", help="few rounds: what breaks, not what it costs")
    options.add_argument("--seconds", type=float, default=420, help="at most so many for the rounds of one section")
    for name in ("envoy", "wasm", "empty", "json-filter", "calls", "stages", "stages-wasm"):
        options.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    # So that the servers that were started are ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unknown = set(chosen.only) - set(SECTIONS)
    if unknown:
        options.error(f"no section is named {' '.join(unknown)}; there are {' '.join(SECTIONS)}")
    names = chosen.only or [name for name in SECTIONS if name not in BY_NAME_ONLY]
    sections = []
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as place:
        run = Run(
            chosen.envoy,
            chosen.wasm,
            chosen.empty,
            chosen.json_filter,
            chosen.calls,
            chosen.stages,
            chosen.stages_wasm,
            Path(place),
            chosen.quick,
            rounds=3 if chosen.quick else 10,
            seconds=0 if chosen.quick else chosen.seconds,
        )
        for name in names:
            run.say(f"section {name}")
            sections += SECTIONS[name](run)
    if chosen.json:
        print(json.dumps(as_object(sections, about(run)), indent=1))
    else:
        print("\n".join(f"{key}: {value}" for key, value in about(run).items()) + "\n")
        print("\n".join(section.markdown() for section in sections))
    return 0


def about(run: Run) -> dict:
    """What was measured, and where."""
    model = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    said = subprocess.run([run.envoy, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"/(\d+\.\d+\.\d+)/", said)
    return {
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{model}, {os.cpu_count()} cores",
        "load average": " ".join(f"{one:.1f}" for one in os.getloadavg()),
        "envoy": version.group(1) if version else "unknown",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "quick": run.quick,
        "cores": f"proxy on {load.PROXY_CORE}, load and upstream on {load.LOAD_CORE}",
    }


if __name__ == "__main__":
    sys.exit(main())
