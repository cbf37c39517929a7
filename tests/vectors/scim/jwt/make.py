"""Makes entra-v1.jwt and keys.json with openssl, from the test key of the SAML vectors. Run in this folder."""

import base64
import json
import re
import subprocess

KEY = "../../saml/idp.key.pem"


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def part(value: dict) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())


TENANT = "3d0c5b7e-1111-4222-8333-944445555666"
header = {"typ": "JWT", "alg": "RS256", "kid": "known-key", "x5t": "known-key"}
claims = {
    "iss": f"https://sts.windows.net/{TENANT}/",
    "aud": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
    "appid": "00000014-0000-0000-c000-000000000000",
    "tid": TENANT,
    "ver": "1.0",
    "nbf": 1_800_000_000,
    "exp": 1_800_003_600,
}
message = f"{part(header)}.{part(claims)}"
signature = subprocess.run(
    ["openssl", "dgst", "-sha256", "-sign", KEY], input=message.encode(), capture_output=True, check=True
).stdout
with open("entra-v1.jwt", "w") as file:
    file.write(f"{message}.{encode(signature)}\n")

printed = subprocess.run(
    ["openssl", "rsa", "-in", KEY, "-noout", "-modulus"], capture_output=True, check=True, text=True
).stdout
modulus = bytes.fromhex(re.search("=([0-9A-F]+)", printed)[1])
rsa = {"kty": "RSA", "use": "sig", "kid": "known-key", "n": encode(modulus), "e": "AQAB"}
keys = [
    {"kty": "EC", "kid": "known-key", "crv": "P-256", "x": "AA", "y": "AA"},
    {**rsa, "use": "enc", "kid": "for-encryption"},
    {**rsa, "kid": "weak", "n": encode(modulus[:64])},
    rsa,
]
with open("keys.json", "w") as file:
    json.dump({"keys": keys}, file, indent=1)
    file.write("\n")
