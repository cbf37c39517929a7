"""What the module may ask of `wasi_snapshot_preview1`: environment, time, random octets, its two output streams."""

import struct

from .abi import Status

I32, I64 = "i32", "i64"
SUCCESS, BADF, INVALID = 0, 8, 28
SIGNATURES: dict[str, tuple[list[str], list[str]]] = {
    "environ_get": ([I32] * 2, [I32]),
    "environ_sizes_get": ([I32] * 2, [I32]),
    "args_get": ([I32] * 2, [I32]),
    "args_sizes_get": ([I32] * 2, [I32]),
    "clock_time_get": ([I32, I64, I32], [I32]),
    "fd_write": ([I32] * 4, [I32]),
    "random_get": ([I32] * 2, [I32]),
    "sched_yield": ([], [I32]),
    "proc_exit": ([I32], []),
}
MOST_RANDOM = 65_536


class Exited(Exception):
    """The module ended its process, which a filter must never do."""


class Wasi:
    """One method for each name."""

    def __init__(self, host):
        self.host = host

    def function(self, name: str):
        """What the module gets under this name. A fault's status becomes the error number."""
        act = getattr(self, name)

        def call(*arguments: int):
            self.host.trace.append(name)
            fault = self.host.faults.strike(name)
            if fault is not None and fault.status is not None:
                return int(fault.status)
            return act(*arguments)

        return call

    def _environment(self) -> list[bytes]:
        return [f"{name}={value}".encode() + b"\0" for name, value in self.host.environment.items()]

    def environ_sizes_get(self, count_to: int, size_to: int) -> int:
        self.host.memory.write_u32(count_to, len(self._environment()))
        self.host.memory.write_u32(size_to, sum(map(len, self._environment())))
        return SUCCESS

    def environ_get(self, pointers: int, at: int) -> int:
        for number, entry in enumerate(self._environment()):
            self.host.memory.write_u32(pointers + 4 * number, at)
            self.host.memory.write(at, entry)
            at += len(entry)
        return SUCCESS

    def args_sizes_get(self, count_to: int, size_to: int) -> int:
        self.host.memory.write_u32(count_to, 0)
        self.host.memory.write_u32(size_to, 0)
        return SUCCESS

    def args_get(self, _pointers: int, _at: int) -> int:
        return SUCCESS

    def clock_time_get(self, _which: int, _precision: int, to: int) -> int:
        self.host.memory.write_u64(to, self.host.clock.now_ns)
        return SUCCESS

    def random_get(self, at: int, size: int) -> int:
        if size & 0xFFFFFFFF > MOST_RANDOM:
            return INVALID
        self.host.memory.write(at, self.host.random.randbytes(size))
        return SUCCESS

    def fd_write(self, descriptor: int, vectors: int, count: int, written_to: int) -> int:
        if descriptor not in (1, 2):
            return BADF
        written = b""
        for number in range(count):
            at, size = struct.unpack("<II", self.host.memory.read(vectors + 8 * number, 8))
            written += self.host.memory.read(at, size)
        self.host.logs.append((4 if descriptor == 2 else 2, written.decode("utf-8", "replace")))
        self.host.memory.write_u32(written_to, len(written))
        return SUCCESS

    def sched_yield(self) -> int:
        return SUCCESS

    def proc_exit(self, code: int) -> None:
        raise Exited(code)


__all__ = ["Exited", "Wasi", "SIGNATURES", "Status"]
