"""HTTP calls that the module makes, until they are answered."""

from dataclasses import dataclass

from .abi import Pairs


@dataclass
class Call:
    """A call under way."""

    token: int
    context: int
    cluster: str
    headers: Pairs
    body: bytes
    timeout: int


@dataclass
class CallAnswer:
    """What came; without headers the call broke off."""

    headers: Pairs
    body: bytes = b""

    @classmethod
    def broken(cls) -> "CallAnswer":
        """The connection broke off."""
        return cls([])


class Calls:
    """Calls under way, by token."""

    def __init__(self, clusters: set[str]):
        self.clusters = clusters
        self.under_way: dict[int, Call] = {}
        self._last = 0

    def make(self, context: int, cluster: str, headers: Pairs, body: bytes, timeout: int) -> int | None:
        """A token; None where there is no such cluster or the request is none."""
        names = {name for name, _ in headers}
        if cluster not in self.clusters or not {b":method", b":path", b":authority"} <= names:
            return None
        self._last += 1
        self.under_way[self._last] = Call(self._last, context, cluster, headers, body, timeout)
        return self._last
