"""Signs responses fast: the assertion is written in its canonical form at once (exclusive canonicalisation)."""

import base64
import hashlib
import secrets
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from harness import settings

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Signer:
    """An identity provider that signs the assertion with RSA-SHA256."""

    def __init__(self, key_file: str):
        self._key = serialization.load_pem_private_key(Path(key_file).read_bytes(), None)

    def response(self, in_response_to: str, user: str, clock: float | None = None) -> bytes:
        """A response for an hour; `clock` is the time that the provider believes it is."""
        now = time.time() if clock is None else clock
        made, until, id = _instant(now), _instant(now + 3600), f"_{secrets.token_hex(16)}"
        head = (
            f'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" IssueInstant="{made}"'
            f' Version="2.0"><saml:Issuer>{settings.IDP}</saml:Issuer>'
        )
        rest = (
            '<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'
            f'{user}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData InResponseTo="{in_response_to}" NotOnOrAfter="{until}"'
            f' Recipient="{settings.ACS}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{made}" NotOnOrAfter="{until}"><saml:AudienceRestriction><saml:Audience>'
            f"{settings.ENTITY}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{made}" SessionIndex="{id}"><saml:AuthnContext>'
            "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>"
            f'</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="{OBJECT_ID}">'
            f"<saml:AttributeValue>object-of-{user}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"
            "</saml:Assertion>"
        )
        digest = base64.b64encode(hashlib.sha256((head + rest).encode()).digest()).decode()
        info = (
            f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}">'
            "</ds:CanonicalizationMethod>"
            '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
            f'<ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"></ds:Transform>'
            f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
            '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
            f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        )
        octets = self._key.sign(info.encode(), padding.PKCS1v15(), hashes.SHA256())
        signature = (
            f'<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue>{base64.b64encode(octets).decode()}'
            "</ds:SignatureValue></ds:Signature>"
        )
        return (
            '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
            f' ID="_{secrets.token_hex(16)}" InResponseTo="{in_response_to}" IssueInstant="{made}" Version="2.0"'
            f' Destination="{settings.ACS}"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
            f'{settings.IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="'
            'urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>'
            f"{head}{signature}{rest}</samlp:Response>"
        ).encode()
