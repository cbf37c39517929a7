"""The matrix as text."""

from .run import Cell, Column
from .steps import STEPS

SIGNS = {True: "+", False: "-", None: "."}


def sign(cell: Cell) -> str:
    """One character."""
    return SIGNS[cell.right]


def table(columns: list[Column]) -> str:
    """Server × step, each cell with one sign for each way."""
    widths = [max(len(column.server.name), len('/'.join(column.ways))) for column in columns]
    lines = [" " * 50 + "  ".join(c.server.name.ljust(w) for c, w in zip(columns, widths, strict=True))]
    lines.append(" " * 50 + "  ".join("/".join(column.ways)[:w].ljust(w) for column, w in zip(columns, widths, strict=True)))
    for step in STEPS:
        cells = ["".join(sign(column.cell(step.title, way)) for way in column.ways) for column in columns]
        lines.append(step.title.ljust(50) + "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)))
    for way in ("raw", "rfc", "us", "us+"):
        shown = [f"{c.right(way)}/{c.counted()}" if way in c.ways else "" for c in columns]
        lines.append(f"right effect, {way}".ljust(50) + "  ".join(s.ljust(w) for s, w in zip(shown, widths, strict=True)))
    return "\n".join(lines)


def failures(columns: list[Column], way: str) -> str:
    """One line for each cell of a way that is not right."""
    lines = []
    for column in columns:
        for step in STEPS:
            if way in column.ways and column.cell(step.title, way).right is False:
                mark = "rfc too" if column.cell(step.title, "rfc").right is False else "WORSE"
                lines.append(f"{column.server.name}: {step.title}: {column.cell(step.title, way).why} [{mark}]")
    return "\n".join(lines)
