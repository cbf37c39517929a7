"""`./torture RUN`: see the script of that name."""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

RUNS = ("hostile", "kill", "reload", "clock", "full", "soak")


def main() -> int:
    """Runs what was asked for and prints each verdict; 0 where all passed."""
    parser = argparse.ArgumentParser(prog="./torture", description="Tries to break the filter in real Envoy.")
    parser.add_argument("run", choices=(*RUNS, "all"))
    parser.add_argument("--minutes", type=float, default=0.0, help="how long; without it the short form")
    parser.add_argument("--requests", type=int, default=0, help="soak: how many requests; ends sooner if minutes are over")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--wasm", required=True)
    parser.add_argument("--json", help="a file for the verdicts")
    given = parser.parse_args()
    envoy, wasm = str(Path(given.envoy).resolve()), str(Path(given.wasm).resolve())
    verdicts = []
    for name in RUNS if given.run == "all" else (given.run,):
        module = importlib.import_module(f"torture.{name}")
        more = {"requests": given.requests} if name == "soak" and given.requests else {}
        verdict = module.run(envoy, wasm, minutes=given.minutes, seed=given.seed, **more)
        print(verdict.text(), flush=True)
        verdicts.append(verdict)
    if given.json:
        made = [{"run": v.name, "passed": v.passed, "counts": v.counts, "notes": v.notes} for v in verdicts]
        Path(given.json).write_text(json.dumps(made, indent=1))
    passed = all(verdict.passed for verdict in verdicts)
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
