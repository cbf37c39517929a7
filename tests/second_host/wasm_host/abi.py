"""Numbers and encodings of the ABI, written from its specification."""

import enum
import struct

Pairs = list[tuple[bytes, bytes]]


class Status(enum.IntEnum):
    """`proxy_status_t`."""

    OK = 0
    NOT_FOUND = 1
    BAD_ARGUMENT = 2
    SERIALIZATION_FAILURE = 3
    PARSE_FAILURE = 4
    BAD_EXPRESSION = 5
    INVALID_MEMORY_ACCESS = 6
    EMPTY = 7
    CAS_MISMATCH = 8
    RESULT_MISMATCH = 9
    INTERNAL_FAILURE = 10
    BROKEN_CONNECTION = 11
    UNIMPLEMENTED = 12


FAILURES = [status for status in Status if status]


class Action(enum.IntEnum):
    """What a stream callback answers."""

    CONTINUE = 0
    PAUSE = 1


class Map(enum.IntEnum):
    """Header and trailer maps."""

    REQUEST_HEADERS = 0
    REQUEST_TRAILERS = 1
    RESPONSE_HEADERS = 2
    RESPONSE_TRAILERS = 3
    CALL_HEADERS = 6
    CALL_TRAILERS = 7


class Buffer(enum.IntEnum):
    """Buffers."""

    REQUEST_BODY = 0
    RESPONSE_BODY = 1
    CALL_BODY = 4
    VM_CONFIGURATION = 6
    PLUGIN_CONFIGURATION = 7


REQUEST, RESPONSE = 0, 1  # the directions of a stream


def encode_pairs(pairs: Pairs) -> bytes:
    """A header list as the module reads it."""
    sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in pairs)
    return struct.pack("<I", len(pairs)) + sizes + b"".join(name + b"\0" + value + b"\0" for name, value in pairs)


def decode_pairs(octets: bytes) -> Pairs:
    """A header list as the module wrote it; anything but exactly that is an error of the module."""
    if not octets:
        return []
    (count,) = struct.unpack_from("<I", octets)
    at, pairs = 4 + 8 * count, []
    for number in range(count):
        name_size, value_size = struct.unpack_from("<II", octets, 4 + 8 * number)
        name, value = octets[at : at + name_size], octets[at + name_size + 1 : at + name_size + 1 + value_size]
        at += name_size + value_size + 2
        pairs.append((name, value))
    if encode_pairs(pairs) != octets:
        raise ValueError("the module wrote a header list that is none")
    return pairs
