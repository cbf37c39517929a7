"""Runs the matrix; the exit code is the verdict."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "envoy"))

from . import conformance, report  # noqa: E402
from .run import Column, Tools, column  # noqa: E402
from .servers import ROOT, SERVERS, Places, version_of  # noqa: E402

# Servers that describe themselves well enough for the conformance tools to judge them.
CONFORMANCE = ["scim2-server", "scimmy", "scim-patch"]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scim_matrix")
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--wasm", required=True)
    parser.add_argument("--tools", type=Path, default=ROOT / ".tools")
    parser.add_argument("--server", action="append", help="only this one; may be repeated")
    parser.add_argument("--no-conformance", action="store_true", help="without scim2-cli and scim-sanity")
    parser.add_argument("--why", action="append", default=[], help="the reasons of this way as well")
    parser.add_argument("--markdown", type=Path, help="also writes the page")
    parser.add_argument("--junitxml", type=Path, help="also writes the verdicts")
    return parser.parse_args()


def verdict(columns: list[Column], compared: list[conformance.Comparison]) -> list[str]:
    """Where the filter makes something worse."""
    found = []
    for one in columns:
        found += [f"{one.server.name}: {title}: us is worse than rfc: {why}" for title, why in one.worse("us", "rfc")]
        found += [f"{one.server.name}: {title}: us+ is worse than us: {why}" for title, why in one.worse("us+", "us")]
    return found + [f"{one.server}: {one.tool}: more fails through the filter" for one in compared if one.violated()]


def main() -> int:
    """Plays all and judges."""
    asked = arguments()
    tools = Tools(str(Path(asked.envoy).resolve()), str(Path(asked.wasm).resolve()), Places.below(asked.tools))
    columns, compared = [], []
    for server in [server for server in SERVERS if not asked.server or server.name in asked.server]:
        print(f"{server.name} …", flush=True)
        columns.append(column(server, tools))
        print(report.counts_text(columns[-1]), flush=True)
        if server.name in CONFORMANCE and not asked.no_conformance:
            compared += conformance.compare(server, tools)
    print(report.table(columns))
    for way in ["us", "us+", *asked.why]:
        print(f"\nNot right by {way}:\n{report.failures_text(columns, way)}")
    print(f"\nConformance, passed and failed, straight → through the filter:\n{report.conformance_text(compared)}")
    if asked.junitxml:
        asked.junitxml.write_text(report.junit(columns, compared))
    if asked.markdown:
        names = ("scim2-cli", "scim2-tester", "scim-sanity")
        versions = {name: version_of(name, tools.places) for name in names}
        asked.markdown.write_text(report.markdown(columns, compared, {"Envoy": envoy_version(tools)} | versions))
    violations = verdict(columns, compared)
    print("\nVerdict:", "never worse" if not violations else "\n  ".join(["worse:", *violations]))
    return 1 if violations else 0


def envoy_version(tools: Tools) -> str:
    """What the binary says of itself."""
    said = subprocess.run([tools.envoy, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"/(\d+\.\d+\.\d+)/", said).group(1)


if __name__ == "__main__":
    sys.exit(main())
