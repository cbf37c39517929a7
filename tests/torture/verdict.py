"""What a run counted, and what it found wrong."""

import threading
import time
from collections import Counter

SHOWN = 20


class Verdict:
    """Passed unless something failed; may be filled from several threads."""

    def __init__(self, name: str):
        self.name = name
        self.counts: Counter = Counter()
        self.failures: list[str] = []
        self.failed = 0
        self.notes: list[str] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def count(self, what: str, number: int = 1) -> None:
        """Adds to a count."""
        with self._lock:
            self.counts[what] += number

    def fail(self, why: str) -> None:
        """Something is wrong; the first are kept in words."""
        with self._lock:
            self.failed += 1
            if len(self.failures) < SHOWN:
                self.failures.append(why)

    def require(self, holds: bool, why: str) -> None:
        """Fails unless it holds."""
        if not holds:
            self.fail(why)

    def note(self, line: str) -> None:
        """A figure for the record."""
        self.notes.append(line)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.failed == 0

    def text(self) -> str:
        """All of it, in words."""
        took = time.monotonic() - self._began
        lines = [f"{self.name}: {'passed' if self.passed else f'FAILED, {self.failed} times'} in {took:.0f} s"]
        lines += [f"  {number:>9,}  {what}" for what, number in sorted(self.counts.items())]
        lines += [f"  {line}" for line in self.notes]
        lines += [f"  wrong: {why}" for why in self.failures]
        return "\n".join(lines)
