"""Functions that only some hosts have, and the ways in which hosts have none."""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from .abi import Status

HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
Answer = tuple[Status, bytes]


class None_:
    """A host without any: it answers every name with this status, or traps (Kong's does)."""

    def __init__(self, status: Status | None = Status.NOT_FOUND):
        self.status = status

    def call(self, name: str, argument: bytes) -> Answer:
        """There is no such function."""
        if self.status is None:
            raise NotImplementedError(f"unknown foreign function {name}")
        return self.status, b""


class Envoys(None_):
    """`verify_signature` and `sign` as Envoy 1.40 answers them; other names are not found."""

    def call(self, name: str, argument: bytes) -> Answer:
        if name == "verify_signature":
            return self._guarded(argument, _verify)
        if name == "sign":
            return self._guarded(argument, _sign)
        return super().call(name, argument)

    @staticmethod
    def _guarded(argument: bytes, act) -> Answer:
        try:
            fields = read_fields(argument)
        except (IndexError, ValueError):
            return Status.BAD_ARGUMENT, b""
        try:
            return Status.OK, act(fields)
        except (ValueError, KeyError, TypeError, UnsupportedAlgorithm) as error:
            return Status.OK, field(2, f"Failed to initialize: {error}"[:100].encode())


class YesToEverything(None_):
    """A host that finds every signature valid."""

    def call(self, name: str, argument: bytes) -> Answer:
        return Status.OK, b"\x08\x01"


def _verify(fields: dict[int, bytes]) -> bytes:
    digest = HASHES[fields[1].decode().lower()]()
    key = serialization.load_der_public_key(fields[2])
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(fields.get(3, b""), fields.get(4, b""), padding.PKCS1v15(), digest)
        else:
            key.verify(fields.get(3, b""), fields.get(4, b""), ec.ECDSA(digest))
    except InvalidSignature:
        return field(2, b"Failed to verify digest. Error code: 0")
    return b"\x08\x01"


def _sign(fields: dict[int, bytes]) -> bytes:
    digest = HASHES[fields[1].decode().lower()]()
    key = serialization.load_der_private_key(fields[2], None)
    if isinstance(key, rsa.RSAPrivateKey):
        made = key.sign(fields.get(3, b""), padding.PKCS1v15(), digest)
    else:
        made = key.sign(fields.get(3, b""), ec.ECDSA(digest))
    return b"\x08\x01" + field(2, made)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, out = len(value), bytearray([number << 3 | 2])
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out) + value


def read_fields(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a protobuf message."""
    fields, at = {}, 0
    while at < len(message):
        tag, at = message[at], at + 1
        if tag & 7 != 2:
            raise ValueError("only strings and octets are understood")
        size = shift = 0
        while True:
            octet, at = message[at], at + 1
            size |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                break
        if at + size > len(message):
            raise ValueError("cut short")
        fields[tag >> 3] = message[at : at + size]
        at += size
    return fields
