"""The logout half of the identity provider, and its metadata: pysaml2 again, and raw queries signed by hand."""

import base64
import zlib
from urllib.parse import quote, urlsplit

from . import settings
from .idp import EMAIL, IdentityProvider

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
IDP_SLO = "https://idp.test/slo"
SLO_PATH = "/.vestibule/saml/slo"
SLO = f"https://localhost:8443{SLO_PATH}"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


class LogoutProvider:
    """pysaml2 with the filter's own published metadata as all it knows of the service provider."""

    def __init__(self, idp: IdentityProvider, sp_metadata: bytes, endpoints=((IDP_SLO, REDIRECT),)):
        self.server = make(idp, [sp_metadata.decode()], endpoints)

    def request(self, user: str, index: str | None, binding: str = REDIRECT, relay_state: str = ""):
        """A signed request to end a session: what the browser is sent with."""
        from saml2.saml import NameID
        from saml2.samlp import SessionIndex
        from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

        more = {"sign": True, "sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256} if binding == POST else {}
        _, message = self.server.create_logout_request(
            SLO,
            settings.ENTITY,
            name_id=NameID(format=EMAIL, text=user),
            session_indexes=[SessionIndex(text=index)] if index else None,
            **more,
        )
        return self._carried(message, binding, SLO, relay_state, response=False)

    def answer(self, request: str, binding: str = REDIRECT):
        """A signed response to a request of the filter, given in the encoding of the Redirect binding."""
        read = self.server.parse_logout_request(request, REDIRECT)
        self.person, self.indexes = read.message.name_id, [index.text for index in read.message.session_index]
        response = self.server.create_logout_response(read.message, bindings=[binding])
        return self._carried(response, binding, SLO, "", response=True)

    def _carried(self, message, binding: str, to: str, relay_state: str, response: bool):
        more = {"sign": True, "sigalg": RSA_SHA256} if binding == REDIRECT else {}
        made = self.server.apply_binding(binding, str(message), to, relay_state, response=response, **more)
        if binding == REDIRECT:
            (location,) = [value for name, value in made["headers"] if name == "Location"]
            parts = urlsplit(location)
            return f"{parts.path}?{parts.query}"
        name = "SAMLResponse" if response else "SAMLRequest"
        return {name: base64.b64encode(str(message).encode()).decode(), "RelayState": relay_state}

    def status_of(self, response: str, binding: str = REDIRECT) -> str:
        """What a response of the filter says, by pysaml2's reading."""
        read = self.server.parse_logout_request_response(response, binding)
        return read.response.status.status_code.value.rsplit(":", 1)[-1]


def make(idp: IdentityProvider, sp_metadata: list[str], endpoints):
    """A pysaml2 server that knows these service providers."""
    from saml2.config import IdPConfig
    from saml2.server import Server

    return Server(config=IdPConfig().load(_config(idp.keys, idp.xmlsec, sp_metadata, endpoints)))


def _config(keys: dict, xmlsec: str, sp_metadata: list[str], endpoints) -> dict:
    sso = [(settings.IDP_SSO, REDIRECT)]
    services = {"single_sign_on_service": sso, "single_logout_service": list(endpoints)}
    return {
        "entityid": settings.IDP,
        "xmlsec_binary": xmlsec,
        "key_file": keys["key"],
        "cert_file": keys["certificate"],
        "metadata": {"inline": sp_metadata},
        "service": {"idp": {"endpoints": services}},
    }


def published(idp: IdentityProvider, more: list[dict] = (), signed_by: dict | None = None) -> bytes:
    """Metadata of the identity provider as pysaml2 writes it; `more` are keys that are announced too."""
    from saml2.config import IdPConfig
    from saml2.metadata import entity_descriptor, sign_entity_descriptor
    from saml2.sigver import security_context
    from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

    def descriptor(keys: dict):
        config = IdPConfig().load(_config(keys, idp.xmlsec, [], [(IDP_SLO, REDIRECT)]))
        return config, entity_descriptor(config)

    _, document = descriptor(idp.keys)
    for keys in more:
        _, other = descriptor(keys)
        signing = [key for key in other.idpsso_descriptor.key_descriptor if key.use == "signing"]
        document.idpsso_descriptor.key_descriptor.extend(signing)
    if signed_by is None:
        return str(document).encode()
    config, _ = descriptor(signed_by)
    _, xml = sign_entity_descriptor(document, None, security_context(config), SIG_RSA_SHA256, DIGEST_SHA256)
    return str(xml).encode()


def raw_query(xml: str, key_file: str, relay_state: str = "", lower: bool = True) -> str:
    """A query signed by hand, percent-encoded as Entra does it: in lower case."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    def escaped(text: str) -> str:
        out = quote(text, safe="").split("%")
        return out[0] + "".join("%" + (part[:2].lower() if lower else part[:2]) + part[2:] for part in out[1:])

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = base64.b64encode(packer.compress(xml.encode()) + packer.flush()).decode()
    text = f"SAMLRequest={escaped(packed)}"
    if relay_state:
        text += f"&RelayState={escaped(relay_state)}"
    text += f"&SigAlg={escaped(RSA_SHA256)}"
    with open(key_file, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}&Signature={escaped(base64.b64encode(signature).decode())}"
