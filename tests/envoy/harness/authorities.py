"""Who issues tokens for the provisioning client: Entra, and an application's own authorization server."""

import base64
import json
import time
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .messages import Request
from .upstream import Answer, Application

TENANT = "3d0c5b7e-1111-4222-8333-944445555666"
OTHER_TENANT = "aaaa5b7e-1111-4222-8333-944445555666"
SERVICE = "00000014-0000-0000-c000-000000000000"
AUDIENCE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
SUBJECT = "7b7b7b7b-0000-4000-8000-000000000001"
FEDERATED = "cb1d50fe-8ed0-4944-9e7d-5981aad3bc4b"
APP_ID = "99990000-0000-4000-8000-000000000abc"


def encode(octets: bytes) -> str:
    """Base64 as JOSE wants it."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _part(value: dict) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())


class Key:
    """An RSA key with its name."""

    def __init__(self, kid: str):
        self.kid = kid
        self._key = rsa.generate_private_key(65537, 2048)

    def jwk(self) -> dict:
        numbers = self._key.public_key().public_numbers()
        n = numbers.n.to_bytes(256, "big")
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": encode(n), "e": "AQAB"}

    def sign(self, claims: dict, **header) -> str:
        """A compact token."""
        message = f"{_part({'alg': 'RS256', 'kid': self.kid} | header)}.{_part(claims)}"
        signature = self._key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{message}.{encode(signature)}"


class KeyServer(Application):
    """Publishes keys; `keys` may change, `answer` may be set to something else than the set."""

    def __init__(self, *keys: Key):
        self.keys = list(keys)
        self.answer = None
        self.after = 0.0
        super().__init__(self._publish)

    def _publish(self, request: Request):
        if self.answer is not None:
            return self.answer
        body = json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()
        return Answer(200, body, after=self.after)

    def clear(self) -> None:
        super().clear()
        self.handler, self.answer, self.after = self._publish, None, 0.0


def entra_claims(**more) -> dict:
    """What Entra's provisioning service says of itself."""
    now = int(time.time())
    return {
        "iss": f"https://sts.windows.net/{TENANT}/",
        "aud": AUDIENCE,
        "appid": SERVICE,
        "tid": TENANT,
        "ver": "1.0",
        "nbf": now - 5,
        "exp": now + 3600,
    } | more


def federated_claims(**more) -> dict:
    """The same by workload identity federation."""
    return {
        "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "aud": f"api://{APP_ID}",
        "sub": SUBJECT,
        "oid": SUBJECT,
        "tid": TENANT,
        "azp": FEDERATED,
        "ver": "2.0",
        "exp": int(time.time()) + 3600,
    } | more


def server_claims(**more) -> dict:
    """An access token of the application's own server."""
    return {
        "iss": "https://login.app.test",
        "aud": "https://app.test/scim",
        "client_id": "entra",
        "scope": "openid scim",
        "exp": int(time.time()) + 3600,
    } | more


class Introspector(Application):
    """An authorization server that answers RFC 7662 questions from `tokens`."""

    def __init__(self):
        self.tokens: dict[str, dict] = {}
        self.answer = None
        super().__init__(self._tell)

    def _tell(self, request: Request):
        if self.answer is not None:
            return self.answer
        asked = parse_qs(request.body.decode()).get("token", [""])[0]
        return Answer(200, json.dumps(self.tokens.get(asked, {"active": False})).encode())

    def clear(self) -> None:
        super().clear()
        self.handler, self.answer = self._tell, None
