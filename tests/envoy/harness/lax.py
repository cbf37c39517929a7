"""Everything that a careless application could read in a path: an oracle of its own, that shares nothing with the filter."""

import re
import unicodedata

OVERLONG = {b"\xc0\xae": b".", b"\xc0\xaf": b"/", b"\xc1\x9c": b"\\", b"\xe0\x80\xae": b".", b"\xe0\x80\xaf": b"/"}


def _unescaped(path: bytes) -> bytes:
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), path)


def _wide(path: bytes) -> bytes:
    return re.sub(rb"%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)).encode(errors="replace"), path)


def _overlong(path: bytes) -> bytes:
    for form, octet in OVERLONG.items():
        path = path.replace(form, octet)
    return path


def _resolved(path: bytes) -> bytes:
    kept: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b"..":
            kept = kept[:-1]
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join(kept)


def _folded(path: bytes) -> bytes:
    try:
        return unicodedata.normalize("NFKC", path.decode()).upper().lower().encode()
    except UnicodeDecodeError:
        return path.lower()


STEPS = [
    _unescaped,
    _wide,
    _overlong,
    _resolved,
    _folded,
    lambda path: path.replace(b"\\", b"/"),
    lambda path: re.sub(rb";[^/]*", b"", path),
    lambda path: path.split(b";")[0],
    lambda path: path.split(b"?")[0],
    lambda path: path.split(b"#")[0],
    lambda path: path.split(b"\0")[0],
    lambda path: re.sub(rb"[\x00-\x1f\x7f]", b"", path),
    lambda path: re.sub(rb"//+", b"/", path),
    lambda path: re.sub(rb"^//[^/]*", b"", path) or b"/",
    lambda path: re.sub(rb"([^/.])[. ]+(?=/|$)", rb"\1", path),
]


def readings(path: str) -> set[bytes]:
    """What chains of these steps make of a path as it arrived."""
    found = {path.encode("latin-1").split(b"?")[0]}
    new = set(found)
    while new:
        new = {step(reading) for reading in new for step in STEPS} - found
        found |= new
        assert len(found) < 5000, f"{path} has too many readings"
    return found


def reaches(path: str, prefix: str) -> bool:
    """Whether a careless application could take this path for one at or below `prefix`."""
    base = prefix.encode()
    return any(reading == base or reading.startswith(base + b"/") for reading in readings(path))
