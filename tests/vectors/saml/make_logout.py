#!/usr/bin/env python3
"""Writes `logout/` and `metadata/` anew. Needs xmlsec1 and openssl, and the worthless keys that make.py makes."""

import base64
import pathlib
import subprocess
import tempfile
import zlib
from urllib.parse import quote

HERE = pathlib.Path(__file__).parent
DSIG = "http://www.w3.org/2000/09/xmldsig#"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
IDP = "https://idp.example/entity/"
SLO = "https://app.example/slo"


def template(element_id):
    return (
        f'<Signature xmlns="{DSIG}"><SignedInfo><CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<SignatureMethod Algorithm="{RSA_SHA256}"/><Reference URI="#{element_id}"><Transforms>'
        f'<Transform Algorithm="{DSIG}enveloped-signature"/><Transform Algorithm="{EXCLUSIVE}"/></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo>'
        "<SignatureValue/></Signature>"
    )


def sign(xml, element, key):
    """`element` is `namespace:local` of the element whose ID is referred to."""
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        command = ["xmlsec1", "--sign", "--privkey-pem", f"{key}.key.pem", "--id-attr:ID", element, file.name]
        out = subprocess.run(command, check=True, capture_output=True, cwd=HERE).stdout.decode()
    return out.split("?>\n", 1)[1].rstrip("\n")


def certificate(name):
    return "".join((HERE / f"{name}.cert.pem").read_text().split("-----")[2].split())


def key_descriptor(name, use=' use="signing"'):
    return (
        f'<KeyDescriptor{use}><KeyInfo xmlns="{DSIG}"><X509Data><X509Certificate>{certificate(name)}'
        "</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    )


def role(kind):
    return (
        f'<RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/'
        f'wsfed/federation/200706" xsi:type="fed:{kind}" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/'
        f'federation/200706">{key_descriptor("other")}</RoleDescriptor>'
    )


def entity(entity_id, signature="", number=1, more=""):
    """As Entra writes it: two roles of another protocol before the one that counts, each with a certificate."""
    bindings = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP"
    return (
        f'<EntityDescriptor ID="_entity{number}" entityID="{entity_id}" xmlns="{MD}"{more}>{signature}'
        f'{role("SecurityTokenServiceType")}{role("ApplicationServiceType")}'
        f'<IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}">{key_descriptor("idp")}{key_descriptor("idp-ec", "")}'
        f'{key_descriptor("sp", " use=" + chr(34) + "encryption" + chr(34))}'
        f'<SingleLogoutService Binding="{bindings}-Redirect" Location="https://idp.example/slo"/>'
        f'<SingleSignOnService Binding="{bindings}-Redirect" Location="https://idp.example/sso"/>'
        f'<SingleSignOnService Binding="{bindings}-POST" Location="https://idp.example/sso-post"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    )


def write(name, text):
    (HERE / name).write_text(text, newline="")


DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
for name, key in (("signed", "idp"), ("signed-by-other", "other")):
    signed = sign(entity(IDP, template("_entity1")), f"{MD}:EntityDescriptor", key)
    write(f"metadata/{name}.xml", "\ufeff" + DECLARATION + signed)
first, second = entity("https://another.example/", number=2), entity(IDP)
listed = f'<EntitiesDescriptor ID="_list" xmlns="{MD}">{template("_list")}{first}{second}</EntitiesDescriptor>'
write("metadata/list-signed.xml", sign(listed, f"{MD}:EntitiesDescriptor", "idp"))
second = entity(IDP, template("_entity1"))
listed = f'<EntitiesDescriptor xmlns="{MD}">{first}{second}</EntitiesDescriptor>'
write("metadata/list-entity-signed.xml", sign(listed, f"{MD}:EntityDescriptor", "idp"))


def request(signature="", destination=SLO, index="<samlp:SessionIndex>_assertion</samlp:SessionIndex>"):
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{PROTOCOL}" ID="_logout" Version="2.0" '
        f'IssueInstant="2027-01-01T10:00:00.000Z" Destination="{destination}" '
        f'NotOnOrAfter="2027-01-01T10:05:00.000Z"><Issuer xmlns="{ASSERTION}">{IDP}</Issuer>{signature}'
        f'<NameID xmlns="{ASSERTION}" Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ada@example.test'
        f"</NameID>{index}</samlp:LogoutRequest>"
    )


def response(signature="", issuer=IDP, destination=f' Destination="{SLO}"'):
    return (
        f'<samlp:LogoutResponse xmlns:samlp="{PROTOCOL}" ID="_answer" Version="2.0" '
        f'IssueInstant="2027-01-01T10:00:00.000Z"{destination} InResponseTo="_request">'
        f'<Issuer xmlns="{ASSERTION}">{issuer}</Issuer>{signature}<samlp:Status>'
        '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>'
    )


def escape(text, lower):
    """Percent-encodes all but the unreserved; Entra writes the digits in lower case."""
    out = quote(text, safe="")
    if not lower:
        return out
    return "".join("%" + part[:2].lower() + part[2:] if at else part for at, part in enumerate(out.split("%")))


def query(name, parameter, xml, key="idp", hash_name="sha256", algorithm=RSA_SHA256, state="", lower=False):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = base64.b64encode(packer.compress(xml.encode()) + packer.flush()).decode()
    text = f"{parameter}={escape(packed, lower)}"
    if state:
        text += f"&RelayState={escape(state, lower)}"
    text += f"&SigAlg={escape(algorithm, lower)}"
    command = ["openssl", "dgst", f"-{hash_name}", "-sign", f"{key}.key.pem"]
    signature = subprocess.run(command, input=text.encode(), check=True, capture_output=True, cwd=HERE).stdout
    if key == "idp-ec":
        signature = raw_of(signature)
    write(f"logout/{name}.query", f"{text}&Signature={escape(base64.b64encode(signature).decode(), lower)}")


def raw_of(der):
    """r and s at full length (XML Signature 6.4.3) of an ECDSA signature in DER."""
    length = der[3]
    numbers = der[4 : 4 + length], der[6 + length :]
    return b"".join(int.from_bytes(number, "big").to_bytes(32, "big") for number in numbers)


query("request", "SAMLRequest", request())
query("request-relay", "SAMLRequest", request(), state="a b+c/d")
query("request-lower", "SAMLRequest", request(), state="https://idp.example/?a=b&c", lower=True)
query("request-all-sessions", "SAMLRequest", request(index=""))
query("request-other-key", "SAMLRequest", request(), key="other")
query("request-sha1", "SAMLRequest", request(), hash_name="sha1", algorithm=DSIG + "rsa-sha1")
query("request-elsewhere", "SAMLRequest", request(destination="https://other.example/slo"))
query(
    "request-ecdsa", "SAMLRequest", request(), key="idp-ec",
    algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
)
query("response", "SAMLResponse", response())
query("response-as-request", "SAMLRequest", response())
query("request-as-response", "SAMLResponse", request())
query("response-entra", "SAMLResponse", response(issuer="https://login.idp.example/entity/", destination=""), lower=True)
for name, key in (("request", "idp"), ("request-other-key", "other")):
    write(f"logout/{name}.xml", sign(request(template("_logout")), f"{PROTOCOL}:LogoutRequest", key))
write("logout/response.xml", sign(response(template("_answer")), f"{PROTOCOL}:LogoutResponse", "idp"))
