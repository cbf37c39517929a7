"""Interleaved rounds, and what is said of them: medians, with the half-width of their 95 % interval."""

import dataclasses
import math
import random
import statistics
import time
from collections.abc import Callable


@dataclasses.dataclass
class Sample:
    """One variant in one round."""

    requests: int
    seconds: float
    processor_seconds: float  # of the proxy, all threads
    p50_us: float = 0.0
    p99_us: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second by the clock."""
        return self.requests / self.seconds

    @property
    def processor_rate(self) -> float:
        """Requests per second of processor time of the proxy."""
        return self.requests / self.processor_seconds

    @property
    def processor_microseconds(self) -> float:
        """Processor time of the proxy for one request."""
        return 1e6 * self.processor_seconds / self.requests


@dataclasses.dataclass
class Ratio:
    """A median over rounds and the half-width of its 95 % interval."""

    median: float
    half_width: float
    rounds: int

    def __str__(self):
        return f"{self.median:.3f} ± {self.half_width:.3f}"


def middle(values: list[float]) -> Ratio:
    """The median with the interval that order statistics give it, which needs no assumption on how values scatter."""
    ordered, n = sorted(values), len(values)
    if n < 6:  # No interval of ranks covers 95 %: all that was seen.
        return Ratio(statistics.median(ordered), (ordered[-1] - ordered[0]) / 2 if n > 1 else math.inf, n)
    below = 0
    while 2 * sum(math.comb(n, k) for k in range(below + 1)) / 2**n <= 0.05:
        below += 1
    low, high = ordered[below - 1], ordered[n - below]
    return Ratio(statistics.median(ordered), (high - low) / 2, n)


class Rounds:
    """Runs variants in rounds, in an order drawn anew for each, until the ratios that are watched are known well enough."""

    def __init__(self, variants: dict[str, Callable[[], Sample]], watched: list[tuple[str, str]], say=lambda line: None):
        self.variants, self.watched, self.say = variants, watched, say
        self.samples: dict[str, list[Sample]] = {name: [] for name in variants}
        self._order = random.Random(1)

    def run(self, half_width: float, at_least: int, seconds: float) -> "Rounds":
        """At most so many seconds; one round of each is thrown away first."""
        names = list(self.variants)
        for name in names:
            self.variants[name]()
        until = time.monotonic() + seconds
        done = 0
        while done < at_least or (time.monotonic() < until and self.widest() > half_width):
            self._order.shuffle(names)
            for name in names:
                self.samples[name].append(self.variants[name]())
            done += 1
            self.say(f"round {done}: widest half-width {self.widest():.3f}")
        return self

    def widest(self) -> float:
        """The largest half-width of the ratios that are watched."""
        return max((self.ratio(*pair).half_width for pair in self.watched), default=0.0)

    def ratio(self, one: str, other: str, by: str = "rate") -> Ratio:
        """Throughput of one variant in that of the other, round by round."""
        pairs = zip(self.samples[one], self.samples[other], strict=True)
        return middle([getattr(a, by) / getattr(b, by) for a, b in pairs])

    def of(self, name: str, what: str = "rate") -> Ratio:
        """A figure of one variant by itself."""
        return middle([getattr(sample, what) for sample in self.samples[name]])
