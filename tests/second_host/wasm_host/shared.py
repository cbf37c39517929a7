"""Shared data of all VMs with one id, with compare-and-swap as proxies have it."""


class SharedData:
    """Values with a number that is never nought and changes with each write."""

    def __init__(self):
        self._values: dict[bytes, tuple[bytes, int]] = {}
        self._last = 0

    def __deepcopy__(self, _known) -> "SharedData":
        made = SharedData()
        made._values, made._last = dict(self._values), self._last
        return made

    def get(self, key: bytes) -> tuple[bytes, int] | None:
        """The value and its number."""
        return self._values.get(key)

    def set(self, key: bytes, value: bytes, cas: int) -> bool:
        """Writes, unless `cas` is a number and not that of the value that is there."""
        known = self._values.get(key)
        if cas and known and known[1] != cas:
            return False
        self._last += 1
        self._values[key] = (value, self._last)
        return True

    def keys(self) -> list[bytes]:
        """The keys that were written."""
        return list(self._values)
