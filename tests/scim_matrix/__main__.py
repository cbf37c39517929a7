"""Runs the matrix; the exit code is the verdict."""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "envoy"))

from . import report  # noqa: E402
from .run import Tools, column  # noqa: E402
from .servers import ROOT, SERVERS, Places  # noqa: E402


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scim_matrix")
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--wasm", required=True)
    parser.add_argument("--tools", type=Path, default=ROOT / ".tools")
    parser.add_argument("--server", action="append", help="only this one; may be repeated")
    parser.add_argument("--why", action="append", default=[], help="the reasons of this way as well")
    return parser.parse_args()


def main() -> int:
    """Plays all and judges."""
    asked = arguments()
    tools = Tools(str(Path(asked.envoy).resolve()), str(Path(asked.wasm).resolve()), Places.below(asked.tools))
    columns = []
    for server in SERVERS:
        if not asked.server or server.name in asked.server:
            print(f"{server.name} …", flush=True)
            columns.append(column(server, tools))
    print(report.table(columns))
    for way in ["us", *asked.why]:
        print(f"\nNot right by {way}:\n{report.failures(columns, way)}")
    return 1 if any(column.violations() for column in columns) else 0


if __name__ == "__main__":
    sys.exit(main())
