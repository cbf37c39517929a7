"""Reading and writing the module's memory, and having it make room there."""

import ctypes
import struct

import wasmtime

from .abi import Status


class OutOfBounds(Exception):
    """The module named octets that it does not have: a fault of the module."""


class Memory:
    """The linear memory of one instance."""

    def __init__(self, store: wasmtime.Store, instance: wasmtime.Instance):
        exports = instance.exports(store)
        self._store = store
        self._memory = exports["memory"]
        # The specification has the first of these as the newer name.
        self._allocate = exports.get("proxy_on_memory_allocate") or exports["malloc"]
        # Room that was made and handed over; a module that gives back what it does not own would show in its allocator.
        self.handed_over = 0

    def size(self) -> int:
        """Octets."""
        return self._memory.data_len(self._store)

    def image(self) -> bytes:
        """All of it."""
        return bytes(self._memory.read(self._store, 0, self.size()))

    def restore(self, image: bytes) -> None:
        """As it was; what was added since is nought, as it was when it was added."""
        at = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        ctypes.memmove(at, image, len(image))
        ctypes.memset(at + len(image), 0, self.size() - len(image))

    def read(self, at: int, size: int) -> bytes:
        """Octets of the module."""
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        if at + size > self.size():
            raise OutOfBounds(f"{size} octets at {at}")
        return bytes(self._memory.read(self._store, at, at + size))

    def write(self, at: int, octets: bytes) -> None:
        """Octets into the module."""
        at &= 0xFFFFFFFF
        if at + len(octets) > self.size():
            raise OutOfBounds(f"{len(octets)} octets at {at}")
        self._memory.write(self._store, octets, at)

    def write_u32(self, at: int, value: int) -> None:
        """A number of four octets."""
        self.write(at, struct.pack("<I", value & 0xFFFFFFFF))

    def write_u64(self, at: int, value: int) -> None:
        """A number of eight octets."""
        self.write(at, struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF))

    def hand_over(self, octets: bytes, to: int, size_to: int) -> Status:
        """Has the module make room, fills it, and says where it is. Nothing at all is a null pointer."""
        at = 0
        if octets:
            at = self._allocate(self._store, len(octets)) & 0xFFFFFFFF
            if not at:
                return Status.INTERNAL_FAILURE
            self.write(at, octets)
            self.handed_over += len(octets)
        self.write_u32(to, at)
        self.write_u32(size_to, len(octets))
        return Status.OK
