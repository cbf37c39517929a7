"""Signed SAML responses in the shape of Entra's, made fast enough for thousands: written in canonical form, so that only a
digest and a signature are needed for each. That they are right is proved by both service providers that take them."""

import base64
import datetime
import hashlib
import itertools
import os
import urllib.parse
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

P, A = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"
D, E = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/04/xmlenc#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
IDENTITY = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
GROUPS = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
ROLES = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
GROUP = "aaaaaaaa-0000-4000-8000-"


def groups(count: int = 10) -> list[str]:
    """Groups, by object id."""
    return [f"{GROUP}{at:012}" for at in range(count)]


class Signer:
    """An identity provider with one RSA-2048 key; a service provider with another may be named for encryption."""

    _number = itertools.count(1)

    def __init__(self, keys: dict, issuer: str, audience: str, recipient: str, encrypt_to: str | None = None):
        self.keys = keys
        self.key = serialization.load_pem_private_key(Path(keys["key"]).read_bytes(), None)
        self.certificate = "".join(Path(keys["certificate"]).read_text().split("-----")[2].split())
        self.issuer, self.audience, self.recipient = issuer, audience, recipient
        self.encrypt_to = None
        if encrypt_to:
            self.encrypt_to = x509.load_pem_x509_certificate(Path(encrypt_to).read_bytes()).public_key()

    def response(self, in_response_to: str | None, user: str, what: str = "assertion", groups: int = 10) -> str:
        """`what` is signed or done: `assertion`, `both`, `encrypted` (the assertion is signed as well)."""
        now = datetime.datetime.now(datetime.UTC)
        stamp, end = (f"{at:%Y-%m-%dT%H:%M:%S}.000Z" for at in (now, now + datetime.timedelta(hours=1)))
        answers = f' InResponseTo="{in_response_to}"' if in_response_to else ""
        assertion = self._assertion(user, stamp, end, answers, groups)
        if what == "encrypted":
            assertion = self._encrypted(assertion)
        id_ = self._id()
        head = f'<samlp:Response xmlns:samlp="{P}" Destination="{self.recipient}" ID="{id_}"{answers} IssueInstant="{stamp}" Version="2.0">'
        issuer = f'<Issuer xmlns="{A}">{self.issuer}</Issuer>'
        status = f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>'
        signature = self._signature(head + issuer + status + assertion + "</samlp:Response>", id_) if what == "both" else ""
        return head + issuer + signature + status + assertion + "</samlp:Response>"

    def form(self, in_response_to: str | None, user: str, relay_state: str, what: str = "assertion") -> bytes:
        """The same as a browser posts it."""
        encoded = base64.b64encode(self.response(in_response_to, user, what).encode()).decode()
        return urllib.parse.urlencode({"SAMLResponse": encoded, "RelayState": relay_state}).encode()

    def _id(self) -> str:
        return f"_{os.getpid():x}-{next(self._number):012x}-4000-8000-{os.urandom(6).hex()}"

    def _assertion(self, user: str, stamp: str, end: str, answers: str, count: int) -> str:
        attributes = {
            MICROSOFT + "tenantid": ["3d0c5b7e-1111-4222-8333-944445555666"],
            MICROSOFT + "objectidentifier": [f"object-of-{user}"],
            MICROSOFT + "displayname": ["Ada Lovelace"],
            "http://schemas.microsoft.com/claims/authnmethodsreferences": [
                "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
                "http://schemas.microsoft.com/claims/multipleauthn",
            ],
            IDENTITY + "givenname": ["Ada"],
            IDENTITY + "surname": ["Lovelace"],
            IDENTITY + "emailaddress": [user],
            IDENTITY + "name": [user],
            ROLES: ["user"],
            GROUPS: groups(count),
        }
        listed = "".join(
            f'<Attribute Name="{name}">' + "".join(f"<AttributeValue>{one}</AttributeValue>" for one in values) + "</Attribute>"
            for name, values in attributes.items()
        )
        id_ = self._id()
        head = f'<Assertion xmlns="{A}" ID="{id_}" IssueInstant="{stamp}" Version="2.0"><Issuer>{self.issuer}</Issuer>'
        rest = (
            f'<Subject><NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{user}</NameID>'
            f'<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData{answers}'
            f' NotOnOrAfter="{end}" Recipient="{self.recipient}"></SubjectConfirmationData></SubjectConfirmation></Subject>'
            f'<Conditions NotBefore="{stamp}" NotOnOrAfter="{end}"><AudienceRestriction><Audience>{self.audience}</Audience>'
            f"</AudienceRestriction></Conditions><AttributeStatement>{listed}</AttributeStatement>"
            f'<AuthnStatement AuthnInstant="{stamp}" SessionIndex="{id_}"><AuthnContext><AuthnContextClassRef>'
            f"urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion>"
        )
        return head + self._signature(head + rest, id_) + rest

    def _signature(self, canonical: str, id_: str) -> str:
        digest = base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode()
        info = (
            f'<CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>'
            '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></SignatureMethod>'
            f'<Reference URI="#{id_}"><Transforms><Transform Algorithm="{D}enveloped-signature"></Transform>'
            f'<Transform Algorithm="{C14N}"></Transform></Transforms>'
            '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>'
            f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
        )
        made = self.key.sign(f'<SignedInfo xmlns="{D}">{info}'.encode(), padding.PKCS1v15(), hashes.SHA256())
        return (
            f'<Signature xmlns="{D}"><SignedInfo>{info}<SignatureValue>{base64.b64encode(made).decode()}</SignatureValue>'
            f"<KeyInfo><X509Data><X509Certificate>{self.certificate}</X509Certificate></X509Data></KeyInfo></Signature>"
        )

    def _encrypted(self, assertion: str) -> str:
        key, nonce = AESGCM.generate_key(256), os.urandom(12)
        data = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, assertion.encode(), None)).decode()
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # rsa-oaep-mgf1p, as Entra does
        wrapped = base64.b64encode(self.encrypt_to.encrypt(key, oaep)).decode()
        return (
            f'<EncryptedAssertion xmlns="{A}"><xenc:EncryptedData xmlns:xenc="{E}" Type="{E}Element">'
            '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"></xenc:EncryptionMethod>'
            f'<KeyInfo xmlns="{D}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{E}rsa-oaep-mgf1p">'
            f'<DigestMethod Algorithm="{D}sha1"></DigestMethod></xenc:EncryptionMethod>'
            f"<xenc:CipherData><xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></KeyInfo>"
            f"<xenc:CipherData><xenc:CipherValue>{data}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></EncryptedAssertion>"
        )
