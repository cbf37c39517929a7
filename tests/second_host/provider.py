"""An identity provider of few lines, quick enough to sign a response for each of some thousand sign-ins. What it writes is
its own canonical form already, so that nothing is needed to sign it but a hash and a key. `test_core.py` also runs with
pysaml2."""

import base64
import datetime
import hashlib
import time
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from harness import settings
from harness.idp import CLAIMS, EMAIL

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
SIGNED_INFO = (
    '<ds:SignedInfo xmlns:ds="{dsig}"><ds:CanonicalizationMethod Algorithm="{c14n}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
    '<ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{dsig}enveloped-signature"></ds:Transform>'
    '<ds:Transform Algorithm="{c14n}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)
BEFORE_SIGNATURE = (
    '<saml:Assertion xmlns:saml="{assertion}" ID="{id}" IssueInstant="{now}" Version="2.0">'
    "<saml:Issuer>{issuer}</saml:Issuer>"
)
AFTER_SIGNATURE = (
    '<saml:Subject><saml:NameID Format="{email}">{user}</saml:NameID>'
    '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
    'InResponseTo="{request}" NotOnOrAfter="{end}" Recipient="{acs}"></saml:SubjectConfirmationData>'
    "</saml:SubjectConfirmation></saml:Subject>"
    '<saml:Conditions NotBefore="{now}" NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{audience}'
    "</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
    '<saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{id}"><saml:AuthnContext><saml:AuthnContextClassRef>'
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>"
    "</saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
)
RESPONSE = (
    '<samlp:Response xmlns:samlp="{protocol}" ID="_r{id}" Version="2.0" IssueInstant="{now}" Destination="{acs}"'
    ' InResponseTo="{request}"><saml:Issuer xmlns:saml="{assertion}">{issuer}</saml:Issuer><samlp:Status>'
    '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{signed}</samlp:Response>'
)


class QuickProvider:
    """Signs assertions as Entra does."""

    def __init__(self, keys: dict, now: float):
        self._key = serialization.load_pem_private_key(Path(keys["key"]).read_bytes(), None)
        self._now = datetime.datetime.fromtimestamp(now, datetime.UTC)

    def response(self, request: str, user: str, claims: dict | None = None) -> bytes:
        """A response as XML, valid for an hour, the same each time."""
        now = self._now
        id = "_" + hashlib.sha256(f"{request} {user} {claims}".encode()).hexdigest()[:32]
        fields = {
            "assertion": ASSERTION,
            "protocol": PROTOCOL,
            "id": id,
            "now": _time(now),
            "end": _time(now + datetime.timedelta(hours=1)),
            "issuer": settings.IDP,
            "email": EMAIL,
            "user": escape(user),
            "request": escape(request),
            "acs": settings.ACS,
            "audience": settings.ENTITY,
            "attributes": _attributes({"email": user, "object_id": f"object-of-{user}"} | (claims or {})),
        }
        before, after = BEFORE_SIGNATURE.format(**fields), AFTER_SIGNATURE.format(**fields)
        signed = before + self._signature(id, (before + after).encode()) + after
        return RESPONSE.format(signed=signed, **fields).encode()

    def _signature(self, id: str, canonical: bytes) -> str:
        digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
        info = SIGNED_INFO.format(dsig=DSIG, c14n=C14N, id=id, digest=digest)
        made = self._key.sign(info.encode(), padding.PKCS1v15(), hashes.SHA256())
        value = base64.b64encode(made).decode()
        return f'<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>'


class Pysaml2:
    """pysaml2, at the time of the world."""

    def __init__(self, idp, now: float):
        self._idp, self._now = idp, now

    def response(self, request: str, user: str, claims: dict | None = None) -> bytes:
        """A response as XML."""
        ago = datetime.timedelta(seconds=time.time() - self._now)
        return self._idp.response(request, user, claims, ago=ago)


def _time(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _attributes(values: dict) -> str:
    made = ""
    for alias, value in values.items():
        texts = value if isinstance(value, list) else [value]
        inner = "".join(f"<saml:AttributeValue>{escape(text)}</saml:AttributeValue>" for text in texts)
        made += f'<saml:Attribute Name="{CLAIMS[alias]}">{inner}</saml:Attribute>'
    return made
