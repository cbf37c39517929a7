"""Octets and headers that are nearly right."""

import json
import random

from harness.scim_app import patch
from wasm_host.abi import Pairs
from wasm_host.calls import CallAnswer

ODD = [b"\0", b"\xff\xfe", b"\r\n", b"%", b"%00", b"\xc3", b"\xed\xa0\x80", b"..", b"//", b";", b"\\", b"{", b'"', b"A" * 70_000]


def octets(chance: random.Random, known: bytes) -> bytes:
    """A few changes of one octet or of many."""
    made = bytearray(known)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(6):
            case 0 if made:
                made[min(at, len(made) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                made[at:at] = chance.choice(ODD)
            case 2:
                del made[at : at + chance.choice([1, 2, 100])]
            case 3:
                del made[at:]
            case 4:
                made[at:at] = made[: chance.randrange(len(made) + 1)][:1000]
            case _:
                made[at : at + 4] = chance.randbytes(4)
    return bytes(made)


def path(chance: random.Random, known: str) -> bytes:
    """A path, mostly as it is."""
    text = known.encode()
    if chance.random() < 0.7:
        return text
    changed = octets(chance, text)
    return changed if chance.random() < 0.5 else chance.choice([b"", b"/public/..", b"/%70ublic/%2e%2e", b"//"]) + changed


def pairs(chance: random.Random, known: Pairs) -> Pairs:
    """A header list with some more, fewer, doubled or odd pairs."""
    made = list(known)
    match chance.randrange(6):
        case 0:
            made.insert(chance.randrange(len(made) + 1), chance.choice(made))
        case 1:
            made.pop(chance.randrange(len(made)))
        case 2:
            made.append((octets(chance, b"x-user"), octets(chance, b"somebody")))
        case 3:
            made += [(b"cookie", b"a=%d" % number) for number in range(chance.choice([10, 1000]))]
        case 4:
            made += [(b"x-%d" % number, b"y" * 50) for number in range(chance.choice([100, 2000]))]
        case _:
            at = chance.randrange(len(made))
            made[at] = (made[at][0], octets(chance, made[at][1]))
    return made


def cookies(chance: random.Random, jar: dict[str, str]) -> Pairs:
    """The cookies of a browser, mostly as they are; in one line or in several."""
    lines = [f"{name}={value}".encode("latin-1") for name, value in jar.items()]
    if chance.random() < 0.3:
        lines = [octets(chance, line) for line in lines]
    if chance.random() < 0.1:
        lines = lines * chance.choice([2, 50])
    if chance.random() < 0.2:
        lines.append(b"__Host-vestibule-s.demo=" + chance.randbytes(9).hex().encode())
    chance.shuffle(lines)
    return [(b"cookie", line) for line in lines] if chance.random() < 0.3 else [(b"cookie", b"; ".join(lines))]


def scim(chance: random.Random) -> bytes:
    """A body of the provisioning client."""
    value = chance.choice(["True", "False", True, None, 1, {"a": "b"}, [], "x" * 100])
    op = chance.choice(["Replace", "add", "Remove", "frobnicate"])
    where = chance.choice(["active", "displayName", 'emails[type eq "work"].value', "members", "", "a..b"])
    body = patch(*[{"op": op, "path": where, "value": value}] * chance.choice([0, 1, 1, 3, 300]))
    if chance.random() < 0.2:
        body = json.dumps({"schemas": [], "userName": "x", "active": value}).encode()
    return body if chance.random() < 0.6 else octets(chance, body)


def answer(chance: random.Random, known: CallAnswer) -> CallAnswer:
    """Another answer to a call."""
    match chance.randrange(6):
        case 0:
            return CallAnswer.broken()
        case 1:
            return CallAnswer([(b":status", chance.choice([b"500", b"301", b"", b"\xff", b"-1", b"200", b"99999999999"]))], known.body)
        case 2:
            return CallAnswer(known.headers, octets(chance, known.body))
        case 3:
            return CallAnswer(known.headers, known.body + b" " * chance.choice([1, 100_000, 2_000_000]))
        case 4:
            return CallAnswer(pairs(chance, known.headers), known.body)
        case _:
            return CallAnswer(known.headers, b"")
