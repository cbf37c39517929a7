"""An identity provider that is not ours: pysaml2 makes and signs the responses."""

import base64
import contextlib
import datetime
import shutil
import tempfile
import time
import types
import zlib
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from . import settings

NS = {"p": "urn:oasis:names:tc:SAML:2.0:protocol", "a": "urn:oasis:names:tc:SAML:2.0:assertion"}
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
CLAIMS = {
    "email": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "given_name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
    "surname": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
    "name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "upn": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "display_name": "http://schemas.microsoft.com/identity/claims/displayname",
    "object_id": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "tenant_id": "http://schemas.microsoft.com/identity/claims/tenantid",
    "groups": "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "groups_link": "http://schemas.microsoft.com/claims/groups.link",
    "roles": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "authn_methods": "http://schemas.microsoft.com/claims/authnmethodsreferences",
}
SP_METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" WantAssertionsSigned="true">
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{acs}" index="0"/>
</SPSSODescriptor></EntityDescriptor>"""
NAME_MAP = 'MAP = {{"identifier": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri", "to": {to!r}, "fro": {fro!r}}}\n'


class AuthnRequest:
    """What a sign-in request of the filter says, read from the Redirect binding."""

    def __init__(self, encoded: str):
        self.xml = zlib.decompress(base64.b64decode(encoded, validate=True), -15)
        root = ElementTree.fromstring(self.xml)
        assert root.tag == "{%s}AuthnRequest" % NS["p"]
        self.id = root.attrib["ID"]
        self.acs = root.attrib["AssertionConsumerServiceURL"]
        self.issuer = root.find("a:Issuer", NS).text


class IdentityProvider:
    """Signs what it is told to, also what no honest provider would say."""

    def __init__(self, keys: dict, other_service: str = "https://other.test/saml"):
        xmlsec = shutil.which("xmlsec1")
        assert xmlsec, "xmlsec1 is missing; pysaml2 signs with it. Remedy: apt-get install xmlsec1"
        self.keys, self.xmlsec = keys, xmlsec
        self._place = tempfile.TemporaryDirectory(prefix="vestibule-idp-")
        maps = Path(self._place.name) / "maps"
        maps.mkdir()
        fro = {name: alias for alias, name in CLAIMS.items()}
        (maps / "entra.py").write_text(NAME_MAP.format(to=CLAIMS, fro=fro))
        metadata = [SP_METADATA.format(entity=entity, acs=settings.ACS) for entity in (settings.ENTITY, other_service)]
        self._metadata, self._maps = metadata, str(maps)

    def close(self) -> None:
        """Removes its files."""
        self._place.cleanup()

    def _server(self, metadata: list[str], issuer: str):
        from saml2.config import IdPConfig
        from saml2.server import Server

        policy = {"lifetime": {"minutes": 60}, "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}
        sso = [(settings.IDP_SSO, "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect")]
        config = {
            "entityid": issuer,
            "xmlsec_binary": self.xmlsec,
            "key_file": self.keys["key"],
            "cert_file": self.keys["certificate"],
            "metadata": {"inline": metadata},
            "attribute_map_dir": self._maps,
            "service": {"idp": {"endpoints": {"single_sign_on_service": sso}, "policy": {"default": policy}}},
        }
        return Server(config=IdPConfig().load(config))

    def response(
        self,
        in_response_to: str | None,
        user: str = "ada@n.example",
        claims: dict | None = None,
        sign: str = "assertion",
        audience: str = settings.ENTITY,
        recipient: str = settings.ACS,
        ago: datetime.timedelta = datetime.timedelta(0),
        issuer: str = settings.IDP,
        metadata: str | None = None,
    ) -> bytes:
        """A response as XML, valid for an hour from when it was made; `sign` is `assertion`, `response` or `both`."""
        from saml2.saml import NameID
        from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

        identity = {"email": user, "object_id": f"object-of-{user}"} | (claims or {})
        identity = {name: value for name, value in identity.items() if value is not None}
        server = self._server([metadata] if metadata else self._metadata, issuer)
        with _clock_set_back(ago):
            made = server.create_authn_response(
                identity,
                in_response_to=in_response_to,
                destination=recipient,
                sp_entity_id=audience,
                name_id=NameID(format=EMAIL, text=user),
                authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": issuer},
                sign_assertion=sign in ("assertion", "both"),
                sign_response=sign in ("response", "both"),
                sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256,
            )
        return str(made).encode()


@contextlib.contextmanager
def _clock_set_back(by: datetime.timedelta):
    """Lets pysaml2 live in the past."""

    class Past(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.now(tz) - by

    def gmtime(seconds=None):
        return time.gmtime(time.time() - by.total_seconds() if seconds is None else seconds)

    past = types.SimpleNamespace(**(vars(time) | {"gmtime": gmtime}))
    with mock.patch("saml2.time_util.datetime", Past), mock.patch("saml2.time_util.time", past):
        yield


def form(xml: bytes, relay_state: str | None) -> dict[str, str]:
    """The fields that a provider's page posts."""
    fields = {"SAMLResponse": base64.b64encode(xml).decode()}
    return fields if relay_state is None else {**fields, "RelayState": relay_state}
