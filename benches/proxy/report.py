"""Tables in Markdown, and the object that `--json` prints."""

import dataclasses

from .rounds import Ratio, Rounds


@dataclasses.dataclass
class Row:
    """One line of a table."""

    name: str
    cells: dict[str, object]


@dataclasses.dataclass
class Section:
    """A table, what is said about it, and figures for the object."""

    title: str
    facts: str
    rows: list[Row]
    figures: dict[str, object] = dataclasses.field(default_factory=dict)
    spread: dict[str, float] = dataclasses.field(default_factory=dict)
    by_processor: dict[str, float] = dataclasses.field(default_factory=dict)
    by_processor_spread: dict[str, float] = dataclasses.field(default_factory=dict)
    missing: dict[str, str] = dataclasses.field(default_factory=dict)

    def ratios(self, rounds: Rounds, pairs: dict[str, tuple[str, str]]) -> "Section":
        """Adds ratios of throughput, by the clock and by processor time of the proxy."""
        for name, (one, other) in pairs.items():
            clock, processor = rounds.ratio(one, other), rounds.ratio(one, other, "processor_rate")
            self.figure(name, clock)
            self.by_processor[name] = round(processor.median, 4)
            self.by_processor_spread[name] = round(processor.half_width, 4)
        return self

    def figure(self, name: str, value: Ratio) -> "Section":
        """Adds one figure with its spread."""
        self.figures[name] = round(value.median, 4)
        self.spread[name] = round(value.half_width, 4)
        return self

    def lacks(self, names: list[str], why: str) -> "Section":
        """Figures that could not be had, and the reason."""
        for name in names:
            self.figures[name], self.missing[name] = None, why
        return self

    def markdown(self) -> str:
        """The table."""
        lines = [f"### {self.title}", "", self.facts, ""]
        columns = list(dict.fromkeys(column for row in self.rows for column in row.cells))
        if self.rows:
            lines += ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
            for row in self.rows:
                lines.append(f"| {row.name} | " + " | ".join(_cell(row.cells.get(column)) for column in columns) + " |")
            lines.append("")
        for why in dict.fromkeys(self.missing.values()):
            names = ", ".join(f"`{name}`" for name, reason in self.missing.items() if reason == why)
            lines += [f"Not measured: {names}: {why}", ""]
        return "\n".join(lines)


def _cell(value) -> str:
    if value is None:
        return ""
    if isinstance(value, Ratio):
        digits = 3 if abs(value.median) < 10 else 1 if abs(value.median) < 100 else 0
        return f"{value.median:,.{digits}f} ± {value.half_width:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def as_object(sections: list[Section], about: dict) -> dict:
    """One flat object; `null` where something could not be measured, with the reason in `missing`."""
    made, names = {}, ("spread", "by_processor", "by_processor_spread", "missing")
    for section in sections:
        made |= section.figures
    for name in names:
        made[name] = {}
        for section in sections:
            made[name] |= getattr(section, name)
    return made | {"about": about}
