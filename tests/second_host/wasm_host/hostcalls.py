"""The functions `env.proxy_*`, in terms of a host and its contexts."""

import struct
from collections.abc import Callable

from .abi import Buffer, Map, Status, decode_pairs, encode_pairs
from .faults import MANGLERS

I32, I64 = "i32", "i64"
# Name and parameters; every one returns a status.
SIGNATURES: dict[str, list[str]] = {
    "proxy_log": [I32] * 3,
    "proxy_get_log_level": [I32],
    "proxy_get_current_time_nanoseconds": [I32],
    "proxy_get_buffer_bytes": [I32] * 5,
    "proxy_set_buffer_bytes": [I32] * 5,
    "proxy_get_buffer_status": [I32] * 3,
    "proxy_get_header_map_pairs": [I32] * 3,
    "proxy_set_header_map_pairs": [I32] * 3,
    "proxy_get_header_map_value": [I32] * 5,
    "proxy_replace_header_map_value": [I32] * 5,
    "proxy_add_header_map_value": [I32] * 5,
    "proxy_remove_header_map_value": [I32] * 3,
    "proxy_get_header_map_size": [I32] * 2,
    "proxy_get_property": [I32] * 4,
    "proxy_set_property": [I32] * 4,
    "proxy_get_shared_data": [I32] * 5,
    "proxy_set_shared_data": [I32] * 5,
    "proxy_send_local_response": [I32] * 8,
    "proxy_call_foreign_function": [I32] * 6,
    "proxy_define_metric": [I32] * 4,
    "proxy_increment_metric": [I32, I64],
    "proxy_record_metric": [I32, I64],
    "proxy_get_metric": [I32] * 2,
    "proxy_continue_stream": [I32],
    "proxy_close_stream": [I32],
    "proxy_set_effective_context": [I32],
    "proxy_set_tick_period_milliseconds": [I32],
    "proxy_http_call": [I32] * 10,
}


class Hostcalls:
    """One method for each name above, without the prefix; what is not there is answered UNIMPLEMENTED."""

    def __init__(self, host):
        self.host = host

    def function(self, name: str) -> Callable[..., int]:
        """What the module gets under this name."""
        act = getattr(self, name.removeprefix("proxy_"), None)

        def call(*arguments: int) -> int:
            self.host.trace.append(name)
            fault = self.host.faults.strike(name)
            if fault is not None and fault.status is not None:
                return int(fault.status)
            self.mangle = MANGLERS[fault.mangled] if fault is not None else None
            return int(act(*arguments)) if act else int(Status.UNIMPLEMENTED)

        return call

    def _text(self, at: int, size: int) -> str:
        return self.host.memory.read(at, size).decode("utf-8", "replace")

    def _hand_over(self, octets: bytes, to: int, size_to: int) -> Status:
        if self.mangle:
            octets = self.mangle(octets)
        return self.host.memory.hand_over(octets, to, size_to)

    def log(self, level: int, at: int, size: int) -> Status:
        self.host.logs.append((level, self._text(at, size)))
        return Status.OK

    def get_log_level(self, to: int) -> Status:
        self.host.memory.write_u32(to, 2)
        return Status.OK

    def get_current_time_nanoseconds(self, to: int) -> Status:
        time = self.host.clock.now_ns
        if self.mangle:
            time = struct.unpack("<Q", self.mangle(struct.pack("<Q", time))[:8].ljust(8, b"\0"))[0]
        self.host.memory.write_u64(to, time)
        return Status.OK

    # Buffers and maps.

    def get_buffer_bytes(self, kind: int, start: int, length: int, to: int, size_to: int) -> Status:
        held = self.host.buffer(kind)
        if held is None:
            return Status.NOT_FOUND
        start, length = start & 0xFFFFFFFF, length & 0xFFFFFFFF
        return self._hand_over(bytes(held[start : start + length]), to, size_to)

    def set_buffer_bytes(self, kind: int, start: int, length: int, at: int, size: int) -> Status:
        held = self.host.buffer(kind)
        if not isinstance(held, bytearray) or kind not in (Buffer.REQUEST_BODY, Buffer.RESPONSE_BODY):
            return Status.NOT_FOUND
        start, length = start & 0xFFFFFFFF, length & 0xFFFFFFFF
        if start and start < len(held):
            return Status.BAD_ARGUMENT
        held[start : start + length] = self.host.memory.read(at, size)
        return Status.OK

    def get_header_map_pairs(self, kind: int, to: int, size_to: int) -> Status:
        pairs = self.host.map(kind)
        if pairs is None:
            return Status.BAD_ARGUMENT
        return self._hand_over(encode_pairs(pairs), to, size_to)

    def replace_header_map_value(self, kind: int, name_at: int, name_size: int, at: int, size: int) -> Status:
        return self._edit(kind, name_at, name_size, self.host.memory.read(at, size), keep=False)

    def add_header_map_value(self, kind: int, name_at: int, name_size: int, at: int, size: int) -> Status:
        return self._edit(kind, name_at, name_size, self.host.memory.read(at, size), keep=True)

    def remove_header_map_value(self, kind: int, name_at: int, name_size: int) -> Status:
        return self._edit(kind, name_at, name_size, None, keep=False)

    def _edit(self, kind: int, name_at: int, name_size: int, value: bytes | None, keep: bool) -> Status:
        pairs, name = self.host.map(kind), self.host.memory.read(name_at, name_size).lower()
        if pairs is None or kind >= Map.CALL_HEADERS:
            return Status.BAD_ARGUMENT
        at = next((place for place, pair in enumerate(pairs) if pair[0] == name), len(pairs))
        if not keep:
            pairs[:] = [pair for pair in pairs if pair[0] != name]
        if value is not None:
            pairs.insert(len(pairs) if keep else at, (name, value))
        return Status.OK

    # What is known of the stream, and what all share.

    def get_property(self, path_at: int, path_size: int, to: int, size_to: int) -> Status:
        path = tuple(self._text(path_at, path_size).split("\0"))
        found = self.host.property(path)
        if found is None and not self.mangle:
            return Status.NOT_FOUND
        return self._hand_over(found or b"", to, size_to)

    def set_property(self, path_at: int, path_size: int, at: int, size: int) -> Status:
        self.host.set_property(self._text(path_at, path_size), self.host.memory.read(at, size))
        return Status.OK

    def get_shared_data(self, key_at: int, key_size: int, to: int, size_to: int, cas_to: int) -> Status:
        found = self.host.shared.get(self.host.memory.read(key_at, key_size))
        if found is None:
            return Status.NOT_FOUND
        self.host.memory.write_u32(cas_to, found[1])
        return self._hand_over(found[0], to, size_to)

    def set_shared_data(self, key_at: int, key_size: int, at: int, size: int, cas: int) -> Status:
        key, value = self.host.memory.read(key_at, key_size), self.host.memory.read(at, size)
        return Status.OK if self.host.shared.set(key, value, cas & 0xFFFFFFFF) else Status.CAS_MISMATCH

    def call_foreign_function(self, name_at: int, name_size: int, at: int, size: int, to: int, size_to: int) -> Status:
        status, answer = self.host.foreign.call(self._text(name_at, name_size), self.host.memory.read(at, size))
        return self._hand_over(answer, to, size_to) if status is Status.OK else status

    def define_metric(self, kind: int, name_at: int, name_size: int, to: int) -> Status:
        self.host.memory.write_u32(to, self.host.metrics.define(self._text(name_at, name_size)))
        return Status.OK

    def increment_metric(self, metric: int, by: int) -> Status:
        return self.host.metrics.add(metric, by)

    def record_metric(self, metric: int, value: int) -> Status:
        return self.host.metrics.add(metric, value)

    # What is to happen.

    def send_local_response(
        self, status: int, _: int, __: int, body: int, body_size: int, headers: int, size: int, ___: int
    ) -> Status:
        pairs = decode_pairs(self.host.memory.read(headers, size))
        return self.host.local_response(status, pairs, self.host.memory.read(body, body_size))

    def continue_stream(self, direction: int) -> Status:
        return self.host.continue_stream(direction)

    def close_stream(self, direction: int) -> Status:
        return self.host.close_stream(direction)

    def set_effective_context(self, context: int) -> Status:
        return self.host.enter(context)

    def set_tick_period_milliseconds(self, period: int) -> Status:
        self.host.tick_period = period & 0xFFFFFFFF
        return Status.OK

    def http_call(
        self, name: int, name_size: int, headers: int, headers_size: int, body: int, body_size: int,
        _trailers: int, _trailers_size: int, timeout: int, to: int,
    ) -> Status:  # fmt: skip
        pairs = decode_pairs(self.host.memory.read(headers, headers_size))
        token = self.host.call(self._text(name, name_size), pairs, self.host.memory.read(body, body_size), timeout)
        if token is None:
            return Status.BAD_ARGUMENT
        self.host.memory.write_u32(to, token)
        return Status.OK
