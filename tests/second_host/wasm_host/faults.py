"""How a host fails: which hostcall, which time it is made, and what becomes of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .abi import Status

# What a call that hands octets over may hand over instead.
MANGLERS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda octets: b"",
    "cut by one": lambda octets: octets[:-1],
    "cut to half": lambda octets: octets[: len(octets) // 2],
    "one more": lambda octets: octets + b"\0",
    "all 0xff": lambda octets: b"\xff" * max(1, len(octets)),
    "all nought": lambda octets: b"\0" * max(1, len(octets)),
    "256 KiB more": lambda octets: octets + b"\x80\0\r\n" * 65_536,
    "first octet": lambda octets: bytes([octets[0] ^ 1]) + octets[1:] if octets else b"\xc3",
}


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of `name` (counted from nought; None: all) fails with `status`, or hands over other octets."""

    name: str
    number: int | None
    status: Status | None = None
    mangled: str | None = None

    def __str__(self) -> str:
        number = "every" if self.number is None else f"#{self.number}"
        return f"{self.name} {number}: {self.mangled if self.status is None else self.status.name}"


class Faults:
    """Counts the calls of a VM, and says which of them fail."""

    def __init__(self, *planned: Fault):
        self.planned = planned
        self.made: Counter[str] = Counter()
        self.struck = 0

    def strike(self, name: str) -> Fault | None:
        """To be asked once at each call."""
        number = self.made[name]
        self.made[name] += 1
        for fault in self.planned:
            if fault.name == name and fault.number in (None, number):
                self.struck += 1
                return fault
        return None
