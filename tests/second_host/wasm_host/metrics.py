"""Counters and histograms by name."""

from collections import Counter

from .abi import Status


class Metrics:
    """A number for each name; a histogram keeps its sum."""

    def __init__(self):
        self._names: list[str] = []
        self.values: Counter[str] = Counter()

    def define(self, name: str) -> int:
        """The number of this name."""
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name)

    def add(self, metric: int, value: int) -> Status:
        """Adds to a metric."""
        if not 0 <= metric < len(self._names):
            return Status.NOT_FOUND
        self.values[self._names[metric]] += value
        return Status.OK
