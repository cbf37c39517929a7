"""Prints the licences of every crate that comes into the filter or the command line, with their texts.

A crate that names a licence and brings no text is printed, and said to be, with that of another crate under the same
licence; where there is none, this fails: what cannot be shown must not be shipped.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = re.compile(r"^(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT|UNLICENSE)", re.IGNORECASE)
TARGETS = ("wasm32-wasip1", "x86_64-unknown-linux-musl")


def shipped(target: str) -> dict[str, dict]:
    """The packages that are linked for a target, by their identifiers."""
    answer = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    known = json.loads(answer.stdout)
    packages = {package["id"]: package for package in known["packages"]}
    needs = {node["id"]: node["deps"] for node in known["resolve"]["nodes"]}
    open_ones = [known["resolve"]["root"]]
    seen: set[str] = set()
    while open_ones:
        at = open_ones.pop()
        if at in seen:
            continue
        seen.add(at)
        for need in needs[at]:
            # Neither what tests need nor what only runs while building.
            if any(kind["kind"] is None for kind in need["dep_kinds"]):
                open_ones.append(need["pkg"])
    return {at: packages[at] for at in seen if packages[at]["source"]}


def texts(package: dict) -> list[str]:
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and TEXTS.match(file.name)]
    return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]


def main() -> int:
    packages: dict[str, dict] = {}
    for target in TARGETS:
        packages.update(shipped(target))
    standard: dict[str, list[str]] = {}
    for package in packages.values():
        if found := texts(package):
            standard.setdefault(package["license"] or "", found)
    by_text: dict[str, list[str]] = collections.defaultdict(list)
    missing = []
    print("Vestibule contains the following third-party software.\n")
    for package in sorted(packages.values(), key=lambda package: (package["name"], package["version"])):
        name = f"{package['name']} {package['version']}"
        print(f"  {name}: {package['license']}")
        found = texts(package)
        if not found:
            found = standard.get(package["license"] or "", [])
            name += " (brings no text of its own)"
        if not found:
            missing.append(f"{name} ({package['license']})")
        for text in found:
            by_text[text].append(name)
    for text, names in by_text.items():
        print(f"\n{'=' * 100}\n{', '.join(names)}\n{'=' * 100}\n\n{text}")
    if missing:
        print("licences: no text for " + ", ".join(missing), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
