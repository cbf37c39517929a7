"""Runs the matrix; the exit code is the verdict."""

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "envoy"))

from . import conformance, report  # noqa: E402
from .run import Column, Tools, column  # noqa: E402
from .servers import ROOT, SERVERS, Places, Server, version_of  # noqa: E402

# Servers that describe themselves well enough for the conformance tools to judge them.
CONFORMANCE = ["scim2-server", "scimmy", "better-auth"]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scim_matrix")
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--wasm", required=True)
    parser.add_argument("--tools", type=Path, default=ROOT / ".tools")
    parser.add_argument("--server", action="append", help="only this one; may be repeated")
    parser.add_argument("--no-conformance", action="store_true", help="without scim2-cli and scim-sanity")
    parser.add_argument("--jobs", type=int, default=2, help="servers at the same time")
    parser.add_argument("--why", action="append", default=[], help="the reasons of this way as well")
    parser.add_argument("--markdown", type=Path, help="also writes the page")
    parser.add_argument("--junitxml", type=Path, help="also writes the verdicts")
    return parser.parse_args()


def verdict(columns: list[Column], compared: list[conformance.Comparison]) -> list[str]:
    """Where the filter makes something worse, or not right although the server stores it."""
    found = []
    for one in columns:
        found += [f"{one.server.name}: {title}: us is worse than rfc: {why}" for title, why in one.worse("us", "rfc")]
        found += [f"{one.server.name}: {title}: not right with all settings: {why}" for title, why in one.unexplained()]
        found += [f"{one.server.name}: {title}: us+ is worse than us: {why}" for title, why in one.worse("us+", "us")]
    return found + [f"{one.server}: {one.tool}: more fails through the filter" for one in compared if one.violated()]


def play(server: Server, tools: Tools, judged: bool) -> tuple[Column, list[conformance.Comparison]]:
    """One server: its steps, and what the conformance tools say of it."""
    one = column(server, tools)
    print(report.counts_text(one), flush=True)
    return one, conformance.compare(server, tools) if judged and server.name in CONFORMANCE else []


def main() -> int:
    """Plays all and judges."""
    asked = arguments()
    tools = Tools(str(Path(asked.envoy).resolve()), str(Path(asked.wasm).resolve()), Places.below(asked.tools))
    servers = [server for server in SERVERS if not asked.server or server.name in asked.server]
    with ThreadPoolExecutor(asked.jobs) as pool:
        played = list(pool.map(lambda server: play(server, tools, not asked.no_conformance), servers))
    columns = [one for one, _ in played]
    compared = [one for _, many in played for one in many]
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
