"""The matrix as text and as Markdown."""

import datetime
import json
from collections.abc import Iterable
from xml.etree import ElementTree

from .conformance import Comparison
from .run import WAYS, Column
from .steps import STEPS

TEXT = {True: "+", False: "-", None: "."}  # None: the server does not store what the step is about
MARK = {True: "✓", False: "✗", None: "·"}


def table(columns: list[Column]) -> str:
    """Server × step, each cell with one sign for each way."""
    ways = ["/".join(column.ways) for column in columns]
    widths = [max(len(column.server.name), len(names)) for column, names in zip(columns, ways, strict=True)]

    def line(title: str, cells: Iterable[str]) -> str:
        return title.ljust(52) + "  ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True))

    lines = [line("", (column.server.name for column in columns)), line("", ways)]
    for step in STEPS:
        lines.append(line(step.title, (_signs(column, step.title, TEXT) for column in columns)))
    for way in WAYS:
        lines.append(line(f"right effect, {way}", (_counted(column, way) for column in columns)))
    return "\n".join(lines)


def _signs(column: Column, step: str, signs: dict) -> str:
    if step not in {one.title for one in column.server.steps()}:
        return signs[None]
    return "".join(signs[column.cell(step, way).right] for way in column.ways)


def _counted(column: Column, way: str) -> str:
    return f"{column.right(way)}/{column.counted()}" if way in column.ways else ""


def counts_text(column: Column) -> str:
    """One line for a server."""
    return (
        f"{column.server.name}: "
        + ", ".join(f"{way} {column.right(way)}" for way in column.ways)
        + f" of {column.counted()}"
    )


def failures(column: Column, way: str) -> list[tuple[str, str, bool]]:
    """Each step of a way that is not right, why, and whether correct requests do better."""
    if way not in column.ways:
        return []
    steps = column.server.steps()
    cells = [(step.title, column.cell(step.title, way), column.cell(step.title, "rfc")) for step in steps]
    return [(title, cell.why, rfc.right) for title, cell, rfc in cells if not cell.right]


def failures_text(columns: list[Column], way: str) -> str:
    """One line for each."""
    return "\n".join(
        f"{column.server.name}: {title}: {why} [{'WORSE than rfc' if worse else 'rfc too'}]"
        for column in columns
        for title, why, worse in failures(column, way)
    )


def conformance_text(compared: list[Comparison]) -> str:
    """One line for each tool and server, and what is worse."""
    lines = []
    for one in compared:
        lines.append(f"{one.tool.ljust(30)}{one.server.ljust(22)}{one.straight.counts()} → {one.us.counts()}")
        lines += [f"    worse: {said}" for said in one.worse()]
    return "\n".join(lines)


def junit(columns: list[Column], compared: list[Comparison]) -> str:
    """The verdicts as a JUnit report: one case for each step at each server, and for each tool."""
    suite = ElementTree.Element("testsuite", name="scim-matrix")

    def case(name: str, within: str, failure: str | None) -> None:
        element = ElementTree.SubElement(suite, "testcase", name=name, classname=within)
        if failure is not None:
            ElementTree.SubElement(element, "failure", message=failure)

    for column in columns:
        worse = dict(column.unexplained()) | dict(column.worse("us+", "us")) | dict(column.worse("us", "rfc"))
        for step in column.server.steps():
            case(step.title, column.server.name, worse.get(step.title))
    for one in compared:
        case(one.tool, one.server, "; ".join(one.worse()) if one.violated() else None)
    cases = list(suite)
    suite.set("failures", str(sum(one.find("failure") is not None for one in cases)))
    suite.set("tests", str(len(cases)))
    return ElementTree.tostring(suite, encoding="unicode")


def markdown(columns: list[Column], compared: list[Comparison], versions: dict[str, str]) -> str:
    """The page for docs/."""
    total = sum(column.counted() for column in columns)
    sums = {way: sum(column.right(way) for column in columns) for way in ("raw", "rfc", "us")}
    sums["us+"] = _best(columns)
    parts = [
        "# What becomes of Entra's requests at other people's servers\n",
        _prose(columns, total, sums, versions),
        "## Counts\n",
        _counts(columns, total),
        "## Step by step\n",
        "Signs of a cell: " + ", ".join(f"`{way}`" for way in WAYS) + "; · where the server does not store what the "
        "step is about, as correct requests establish.\n",
        _matrix(columns),
        "## What is not right through the filter\n",
        _reasons(columns, "us"),
        *_configured(columns),
        "## Conformance tools\n",
        _conformance(compared),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _prose(columns: list[Column], total: int, sums: dict[str, int], versions: dict[str, str]) -> str:
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"""The life of users and groups, replayed as Entra performs it, at servers that others have written and that run
unmodified: {len(STEPS)} steps at {len(columns)} servers, {total} cells that say something. After each step the state is read back
from the server itself, past the filter, and judged: the change is there, and nothing else has changed.

| way | what is sent | right effect |
|---|---|---|
| `raw` | Entra's requests, straight at the server | {sums["raw"]} of {total} |
| `rfc` | correct requests of the same intention, written by hand, straight at the server | {sums["rfc"]} of {total} |
| `us` | Entra's requests through the filter in Envoy, without settings for this server | {sums["us"]} of {total} |
| `us+` | the same with the settings named below, where there are some | {sums["us+"]} of {total} |

The rules that the run enforces: `us` is never worse than `rfc`, `us+` never worse than `us`, and with `us+` every step is right, but those
of which it is said below why no request can have the right effect there. Run of {day} with {used}; `./test --scim-matrix` repeats it.
"""


def _counts(columns: list[Column], total: int) -> str:
    lines = ["| server | version | steps | raw | rfc | us | us+ |", "|---|---|---|---|---|---|---|"]
    for column in columns:
        cells = [str(column.right(way)) if way in column.ways else "" for way in WAYS]
        package = column.server.package.removeprefix("npm:")
        registry = "npm" if column.server.package.startswith("npm:") else "PyPI"
        name = f"{column.server.name} ({registry} `{package}`)"
        lines.append(f"| {name} | {column.version} | {column.counted()} | {' | '.join(cells)} |")
    sums = [sum(column.right(way) for column in columns) for way in WAYS[:3]]
    return "\n".join([*lines, f"| all | | {total} | {' | '.join(map(str, sums))} | {_best(columns)} |", ""])


def _best(columns: list[Column]) -> int:
    """Right through the filter, with settings where there are some."""
    return sum(column.right("us+" if "us+" in column.ways else "us") for column in columns)


def _matrix(columns: list[Column]) -> str:
    lines = ["| step | rules | " + " | ".join(column.server.name for column in columns) + " |"]
    lines.append("|---|---|" + "---|" * len(columns))
    for step in STEPS:
        cells = " | ".join(_signs(column, step.title, MARK) for column in columns)
        lines.append(f"| {_escaped(step.title)} | {step.rules} | {cells} |")
    return "\n".join([*lines, ""])


def _reasons(columns: list[Column], way: str) -> str:
    lines = []
    for column in columns:
        lines += [
            f"* {column.server.name}, {_escaped(title)}: {_escaped(why)}"
            + (" **(a correct request has the right effect)**" if worse else "")
            + (f" ({column.server.cannot[title]})" if title in column.server.cannot else "")
            for title, why, worse in failures(column, way)
        ]
    return "\n".join([*(lines or ["None."]), ""])


def _configured(columns: list[Column]) -> list[str]:
    able = [column for column in columns if "us+" in column.ways]  # the others are right without
    if not able:
        return []
    lines = ["| server | in its `scim:` section |", "|---|---|"]
    lines += [f"| {column.server.name} | `{json.dumps(column.server.settings)}` |" for column in able]
    head = ["## With settings for the server (`us+`)\n", "\n".join(lines) + "\n"]
    return [*head, "What is still not right:\n", _reasons(able, "us+")]


def _conformance(compared: list[Comparison]) -> str:
    if not compared:
        return "Not run.\n"
    lines = ["| tool | server | straight: passed, failed | through the filter |", "|---|---|---|---|"]
    lines += [f"| {c.tool} | {c.server} | {c.straight.counts()} | {c.us.counts()} |" for c in compared]
    notes = [f"* {c.tool} at {c.server}: {_escaped(said)}" for c in compared for said in c.worse()]
    if notes:
        lines += ["", "Fails through the filter only:", "", *notes]
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
