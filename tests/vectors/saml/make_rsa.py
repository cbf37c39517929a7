#!/usr/bin/env python3
"""Writes rsa-padding.txt: signatures of the worthless key `idp.key.pem` whose padding is right or wrong in one thing.

Needs the package `cryptography`, for reading the key only. Each line: verdict, name, message in hex, signature in hex.
"""

import hashlib
import pathlib

from cryptography.hazmat.primitives.serialization import load_pem_private_key

HERE = pathlib.Path(__file__).parent
KEY = load_pem_private_key((HERE / "idp.key.pem").read_bytes(), None).private_numbers()
N, D, SIZE = KEY.public_numbers.n, KEY.d, 256
PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
LINES = []


def padded(info, head=b"\x00\x01", fill=b"\xff", tail=b"", length=None):
    room = SIZE - len(head) - 1 - len(info) - len(tail) if length is None else length
    block = head + fill * room + b"\x00" + info + tail
    return block + b"\x00" * (SIZE - len(block))


def line(verdict, name, block, message=b"vestibule", add=0):
    signature = pow(int.from_bytes(block, "big"), D, N) + add
    LINES.append(f"{verdict} {name} {message.hex()} {signature.to_bytes(SIZE, 'big').hex()}")


digest = hashlib.sha256(b"vestibule").digest()
good = PREFIX + digest
line("valid", "right", padded(good))
line("invalid", "without-the-null-parameter", padded(bytes.fromhex("302f300b0609608648016503040201" + "0420") + digest))
line("invalid", "long-form-lengths", padded(bytes.fromhex("308131300d060960864801650304020105000420") + digest))
line("invalid", "garbage-behind-the-digest", padded(good, length=8))
line("invalid", "garbage-of-one-octet", padded(good, tail=b"\x00"))
line("invalid", "garbage-in-the-parameters", padded(bytes.fromhex("3034301006096086480165030402010403000000" + "0420") + digest))
line("invalid", "zeros-as-padding", padded(good, fill=b"\x00"))
line("invalid", "other-octets-as-padding", padded(good, fill=b"\xfe"))
line("invalid", "block-type-0", padded(good, head=b"\x00\x00"))
line("invalid", "block-type-2", padded(good, head=b"\x00\x02"))
line("invalid", "one-in-front", padded(good, head=b"\x01\x01")) if int.from_bytes(padded(good, head=b"\x01\x01"), "big") < N else None
line("invalid", "no-separator", b"\x00\x01" + b"\xff" * (SIZE - 2 - len(good)) + good)
line("invalid", "seven-octets-of-padding", padded(good, length=7))
line("invalid", "sha1-prefix", padded(bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(b"vestibule").digest()))
line("invalid", "sha512-prefix-sha256-digest", padded(bytes.fromhex("3031300d060960864801650304020305000420") + digest))
line("invalid", "digest-alone", padded(digest))
line("invalid", "digest-too-short", padded(bytes.fromhex("3030300d06096086480165030402010500041f") + digest[:31]))
line("invalid", "digest-of-another-message", padded(PREFIX + hashlib.sha256(b"other").digest()))
line("invalid", "nothing-but-the-digest-at-the-end", b"\x00" * (SIZE - 32) + digest)
for number in range(10_000):
    message = b"vestibule %d" % number
    block = padded(PREFIX + hashlib.sha256(message).digest())
    if pow(int.from_bytes(block, "big"), D, N) + N < 1 << (8 * SIZE):
        line("valid", "before-the-modulus-is-added", block, message)
        line("invalid", "the-modulus-added", block, message, add=N)
        break
for number, name in ((0, "zero"), (1, "one"), (N - 1, "modulus-minus-one"), (N, "modulus")):
    LINES.append(f"invalid signature-{name} {b'vestibule'.hex()} {number.to_bytes(SIZE, 'big').hex()}")
(HERE / "rsa-padding.txt").write_text("\n".join(LINES) + "\n")
