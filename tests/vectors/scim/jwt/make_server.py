"""Makes server-*.jwt and server-keys.json with openssl, from the test keys of the SAML vectors. Run in this folder."""

import base64
import json
import re
import subprocess

RSA, EC = "../../saml/idp.key.pem", "../../saml/idp-ec.key.pem"


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def part(value: dict) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def raw(der: bytes) -> bytes:
    """r and s of a DER signature on P-256, each at full length."""
    length = der[3]
    r, s = der[4 : 4 + length], der[6 + length :]
    return r.lstrip(b"\0").rjust(32, b"\0") + s.lstrip(b"\0").rjust(32, b"\0")


claims = {
    "iss": "https://login.app.example",
    "aud": ["https://app.example/scim", "other"],
    "sub": "somebody",
    "client_id": "entra",
    "scope": "openid scim",
    "iat": 1_800_000_000,
    "exp": 1_800_003_600,
}
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
for name, key, kid, options in [
    ("RS384", RSA, "rsa", ["-sha384"]),
    ("PS256", RSA, "rsa", ["-sha256", *PSS]),
    ("ES256", EC, "ec", ["-sha256"]),
]:
    message = f"{part({'typ': 'at+jwt', 'alg': name, 'kid': kid})}.{part(claims)}"
    signature = openssl("dgst", *options, "-sign", key, given=message.encode())
    with open(f"server-{name.lower()}.jwt", "w") as file:
        file.write(f"{message}.{encode(raw(signature) if key == EC else signature)}\n")

modulus = bytes.fromhex(re.search(b"=([0-9A-F]+)", openssl("rsa", "-in", RSA, "-noout", "-modulus"))[1].decode())
point = openssl("ec", "-in", EC, "-pubout", "-outform", "DER")[-64:]
keys = [
    {"kty": "RSA", "kid": "rsa", "n": encode(modulus), "e": "AQAB"},
    {"kty": "RSA", "kid": "rsa-rs256-only", "alg": "RS256", "n": encode(modulus), "e": "AQAB"},
    {"kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": encode(point[:32]), "y": encode(point[32:])},
    {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
]
with open("server-keys.json", "w") as file:
    json.dump({"keys": keys}, file, indent=1)
    file.write("\n")
