"""Time as the module is told it: it stands still unless somebody moves it."""

LAST = (1 << 64) - 1  # what eight octets hold


class Clock:
    """Nanoseconds since 1970."""

    def __init__(self, seconds: float):
        self.now_ns = int(seconds * 1_000_000_000)

    def seconds(self) -> float:
        """The same in seconds."""
        return self.now_ns / 1_000_000_000

    def move(self, milliseconds: float) -> None:
        """Time passes, or is set back."""
        self.now_ns = min(max(0, self.now_ns + int(milliseconds * 1_000_000)), LAST)
