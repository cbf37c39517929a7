#!/usr/bin/env python3
"""Writes shapes/ anew: valid responses in the forms of several identity providers, and what they say.

Needs xmlsec1 and openssl, and the keys that make.py and make_encrypted.py wrote. Each response is about another person, so
that a mixture of two is noticed. `shapes.json` is written from the values below, never from what a reader read.
"""

import base64
import json
import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
DSIG = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
ENC11 = "http://www.w3.org/2009/xmlenc11#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
RSA256 = (MORE + "rsa-sha256", ENC + "sha256")
RSA384 = (MORE + "rsa-sha384", MORE + "sha384")
RSA512 = (MORE + "rsa-sha512", ENC + "sha512")
EC256 = (MORE + "ecdsa-sha256", ENC + "sha256")
EC384 = (MORE + "ecdsa-sha384", MORE + "sha384")
PSS = {f"pss{bits}": f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1" for bits in (256, 384, 512)}
ACS, AUDIENCE, ISSUER = "https://app.example/acs", "https://app.example/saml", "https://idp.example/entity/"
REQUEST = "_0123456789abcdef0123456789abcdef"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
TRANSPORT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
START, END, SESSION = "2027-01-01T09:55:00.000Z", "2027-01-01T11:00:00.000Z", "2027-01-01T18:00:00.000Z"
PEOPLE = iter("ada grace barbara frances radia sophie adele hedy karen jean kathleen mary joan evelyn ida lise emmy".split())


def run(*command, data=None):
    return subprocess.run(command, check=True, capture_output=True, cwd=HERE, input=data).stdout


def certificate(key):
    return "".join((HERE / f"{key}.cert.pem").read_text().split("-----")[2].split())


def template(element_id, algorithms, prefix="ds", inclusive="", key_info=""):
    p, x = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    list_ = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{inclusive}"/>' if inclusive else ""
    canonical = f'<{p}Transform Algorithm="{EXCLUSIVE}">{list_}</{p}Transform>' if list_ else f'<{p}Transform Algorithm="{EXCLUSIVE}"/>'
    return (
        f'<{p}Signature {x}="{DSIG}"><{p}SignedInfo><{p}CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<{p}SignatureMethod Algorithm="{algorithms[0]}"/><{p}Reference URI="#{element_id}"><{p}Transforms>'
        f'<{p}Transform Algorithm="{DSIG}enveloped-signature"/>{canonical}</{p}Transforms>'
        f'<{p}DigestMethod Algorithm="{algorithms[1]}"/><{p}DigestValue/></{p}Reference></{p}SignedInfo>'
        f'<{p}SignatureValue/>{key_info.format(p=p)}</{p}Signature>'
    )


def x509(key):
    return f"<{{p}}KeyInfo><{{p}}X509Data><{{p}}X509Certificate>{certificate(key)}</{{p}}X509Certificate></{{p}}X509Data></{{p}}KeyInfo>"


def without_declaration(text):
    text = text.decode()
    return (text.split("?>\n", 1)[1] if text.startswith("<?xml") else text).rstrip("\n")


def sign(xml, element, key, pss=None):
    path = "/*/*[local-name()='Signature']" if element == "Response" else "/*/*[local-name()='Assertion']/*[local-name()='Signature']"
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        xml = without_declaration(run(
            "xmlsec1", "--sign", "--privkey-pem", f"{key}.key.pem", "--node-xpath", path,
            "--id-attr:ID", f"{ASSERTION}:Assertion", "--id-attr:ID", f"{PROTOCOL}:Response", file.name))
    return with_pss(xml, pss) if pss else xml


def with_pss(xml, pss):
    """xmlsec1 1.2 cannot sign with RSA-PSS: its digest is kept, and openssl signs the canonical SignedInfo."""
    xml = xml.replace(RSA256[0], PSS[pss])
    signed_info = re.search(r"<ds:SignedInfo>.*</ds:SignedInfo>", xml, re.S)[0]
    octets = re.sub(r"<(ds:\w+)([^>]*)/>", r"<\1\2></\1>", signed_info)
    octets = octets.replace("<ds:SignedInfo>", f'<ds:SignedInfo xmlns:ds="{DSIG}">')
    value = base64.encodebytes(run(
        "openssl", "dgst", f"-sha{pss[3:]}", "-sign", "idp.key.pem", "-sigopt", "rsa_padding_mode:pss",
        "-sigopt", "rsa_pss_saltlen:digest", data=octets.encode())).decode().strip()
    return re.sub(r"(<ds:SignatureValue>)[^<]*", lambda found: found[1] + value, xml)


def encrypt(element, cipher, bits, sibling=False, mgf=""):
    data = (
        f'<xenc:EncryptedData xmlns:xenc="{ENC}" Type="{ENC}Element"><xenc:EncryptionMethod Algorithm="{cipher}"/>'
        f'<KeyInfo xmlns="{DSIG}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{ENC}rsa-oaep-mgf1p"/>'
        f'<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></KeyInfo>'
        f'<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as plain, tempfile.NamedTemporaryFile("w") as form:
        plain.write(element)
        form.write(data)
        plain.flush()
        form.flush()
        data = without_declaration(run("xmlsec1", "--encrypt", "--pubkey-cert-pem", "sp.cert.pem", "--session-key",
                                       f"aes-{bits}", "--xml-data", plain.name, form.name))
    if sibling:
        key = re.search(r"<xenc:EncryptedKey>.*</xenc:EncryptedKey>", data, re.S)[0]
        data = data.replace(key, f'<RetrievalMethod Type="{ENC}EncryptedKey" URI="#_key"/>')
        data += key.replace("<xenc:EncryptedKey>", f'<xenc:EncryptedKey xmlns:xenc="{ENC}" Id="_key">')
    return data


class Shape:
    """How one kind of identity provider writes a response."""

    def __init__(self, protocol="samlp", assertion="", signature="", inclusive="", declaration="", xsi=False, pretty=False,
                 consent=False, name_format="", key_info=True, session=False):
        self.p, self.a = f"{protocol}:", f"{assertion}:" if assertion else ""
        self.xp, self.xa = f"xmlns:{protocol}", f"xmlns:{assertion}" if assertion else "xmlns"
        self.signature, self.inclusive, self.declaration, self.xsi = signature, inclusive, declaration, xsi
        self.pretty, self.consent, self.name_format, self.key_info, self.session = pretty, consent, name_format, key_info, session

    def attribute(self, name, values):
        a = self.a
        typed = ' xmlns:xs="{}" xmlns:xsi="{}" xsi:type="xs:string"'.format(XS, XSI) if self.xsi == "each" else (
            ' xsi:type="xs:string"' if self.xsi else "")
        form = f' NameFormat="{self.name_format}"' if self.name_format else ""
        inside = "".join(f"<{a}AttributeValue{typed}>{value}</{a}AttributeValue>" for value in values)
        return f'<{a}Attribute Name="{name}"{form}>{inside}</{a}Attribute>'

    def assertion(self, v, signature):
        a = self.a
        around = f' xmlns:xs="{XS}" xmlns:xsi="{XSI}"' if self.xsi == "above" else ""
        session = f' SessionNotOnOrAfter="{SESSION}"' if self.session else ""
        attributes = "".join(self.attribute(name, values) for name, values in v["written"])
        return (
            f'<{a}Assertion {self.xa}="{ASSERTION}"{around} ID="{v["assertion"]}" Version="2.0" '
            f'IssueInstant="2027-01-01T10:00:00.000Z"><{a}Issuer>{ISSUER}</{a}Issuer>{signature}'
            f'<{a}Subject><{a}NameID Format="{v["format"]}">{v["name"]}</{a}NameID>'
            f'<{a}SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><{a}SubjectConfirmationData '
            f'InResponseTo="{REQUEST}" NotOnOrAfter="{END}" Recipient="{ACS}"/></{a}SubjectConfirmation>'
            f'</{a}Subject><{a}Conditions NotBefore="{START}" NotOnOrAfter="{END}"><{a}AudienceRestriction>'
            f'<{a}Audience>{AUDIENCE}</{a}Audience></{a}AudienceRestriction></{a}Conditions><{a}AttributeStatement>'
            f'{attributes}</{a}AttributeStatement>'
            f'<{a}AuthnStatement AuthnInstant="2027-01-01T09:59:00.000Z" SessionIndex="{v["session"]}"{session}><{a}AuthnContext>'
            f'<{a}AuthnContextClassRef>{v["context"]}</{a}AuthnContextClassRef></{a}AuthnContext>'
            f'</{a}AuthnStatement></{a}Assertion>'
        )

    def response(self, v, signature, assertion):
        p, a = self.p, self.a
        consent = ' Consent="urn:oasis:names:tc:SAML:2.0:consent:unspecified"' if self.consent else ""
        return (
            f'<{p}Response {self.xp}="{PROTOCOL}" ID="{v["response"]}" Version="2.0" '
            f'IssueInstant="2027-01-01T10:00:00.100Z" Destination="{ACS}"{consent} InResponseTo="{REQUEST}">'
            f'<{a}Issuer {self.xa}="{ASSERTION}">{ISSUER}</{a}Issuer>{signature}'
            f'<{p}Status><{p}StatusCode Value="{SUCCESS}"/></{p}Status>{assertion}</{p}Response>'
        )


SHAPES = {
    "entra": Shape(),
    "adfs": Shape(signature="ds", consent=True),
    "okta": Shape("saml2p", "saml2", "ds", inclusive="xs", xsi="above", declaration='<?xml version="1.0" encoding="UTF-8"?>',
                  name_format="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"),
    "google": Shape("saml2p", "saml2", "ds", xsi="each", declaration='<?xml version="1.0" encoding="UTF-8" standalone="no"?>'),
    "keycloak": Shape("samlp", "saml", "dsig", xsi="each", session=True,
                      name_format="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"),
}
DEFAULT = object()
INDEX = []


def write(kind, what, signed, algorithms=RSA256, key="idp", pss=None, cipher=None, bits=256, sibling=False, needs=()):
    shape, person = SHAPES[kind], next(PEOPLE)
    number = len(INDEX)
    attributes = [
        ("http://schemas.microsoft.com/identity/claims/tenantid", [f"{number:08}-1111-2222-3333-444444444444"]),
        ("http://schemas.microsoft.com/identity/claims/displayname", [f"{person.title()} <{person}> & Söhne"]),
        ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", [f"{person}@example.test"]),
        ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", [f"reader-{person}", f"writer-{person}"]),
        ("empty", [""]),
    ]
    escaped = [(name, [value.replace("&", "&amp;").replace("<", "&lt;") for value in values]) for name, values in attributes]
    v = {
        "name": f"{person}@example.test" if number % 2 == 0 else f"G-{person}-{number:08}",
        "format": EMAIL if number % 2 == 0 else PERSISTENT,
        "context": PASSWORD if number % 3 else TRANSPORT,
        "assertion": f"_assertion-{person}", "response": f"_response-{person}", "session": f"_session-{person}",
        "written": escaped,
    }
    info = x509(key) if shape.key_info else ""
    make = lambda part: template(v[part], algorithms, shape.signature, shape.inclusive, info) if part in signed else ""
    assertion = shape.assertion(v, make("assertion"))
    xml = shape.response(v, "", assertion)
    if "assertion" in signed:
        xml = sign(xml, "Assertion", key, pss)
    if cipher:
        a = shape.a
        plain = re.search(rf"<{a}Assertion .*</{a}Assertion>", xml, re.S)[0]
        data = encrypt(plain, cipher, bits, sibling)
        xml = xml.replace(plain, f'<{a}EncryptedAssertion {shape.xa}="{ASSERTION}">{data}</{a}EncryptedAssertion>')
    if "response" in signed:
        xml = xml.replace(f"</{shape.a}Issuer>", f"</{shape.a}Issuer>{make('response')}", 1)
        xml = sign(xml, "Response", key, pss)
    name = f"{kind}-{what}"
    (HERE / "shapes" / f"{name}.xml").write_text(shape.declaration + xml)
    INDEX.append({
        "name": name, "certificate": f"{key}.cert.pem", "signed": list(signed), "encrypted": bool(cipher), "needs": list(needs),
        "algorithm": PSS[pss] if pss else algorithms[0],
        "expected": {
            "issuer": ISSUER, "name_id": v["name"], "name_id_format": v["format"], "session_index": v["session"],
            "authn_context": v["context"], "attributes": dict(attributes), "assertion_id": v["assertion"],
            "in_response_to": REQUEST, "not_on_or_after": END, "conditions_end": END,
            "session_not_on_or_after": SESSION if shape.session else None, "authn_instant": "2027-01-01T09:59:00.000Z",
        },
    })


if not (HERE / "idp-ec384.key.pem").exists():
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-pkeyopt",
        "ec_param_enc:named_curve", "-nodes", "-days", "36500", "-subj", "/CN=worthless test key idp-ec384",
        "-keyout", "idp-ec384.key.pem", "-out", "idp-ec384.cert.pem")
(HERE / "shapes").mkdir(exist_ok=True)
GCM, CBC = f"{ENC11}aes256-gcm", f"{ENC}aes256-cbc"
write("entra", "assertion", ["assertion"])
write("entra", "response", ["response"])
write("entra", "both", ["assertion", "response"])
write("entra", "ecdsa", ["assertion"], EC256, "idp-ec")
write("entra", "encrypted", ["assertion"], cipher=GCM)
write("entra", "encrypted-cbc", ["assertion"], cipher=CBC, needs=["cbc"])
write("adfs", "assertion", ["assertion"])
write("adfs", "both-sha512", ["assertion", "response"], RSA512)
write("adfs", "pss256", ["assertion"], pss="pss256")
write("okta", "response", ["response"])
write("okta", "both", ["assertion", "response"])
write("okta", "encrypted-both", ["assertion", "response"], cipher=GCM, sibling=True)
write("google", "response", ["response"])
write("google", "encrypted-response", ["response"], cipher=GCM)
write("keycloak", "both", ["assertion", "response"])
write("keycloak", "ecdsa384", ["assertion"], EC384, "idp-ec384")
write("adfs", "response-pss512", ["response"], pss="pss512")
(HERE / "shapes" / "shapes.json").write_text(json.dumps({
    "now": "2027-01-01T10:00:00Z", "idp_entity_id": ISSUER, "audience": AUDIENCE, "acs_url": ACS, "request": REQUEST,
    "shapes": INDEX}, indent=1, ensure_ascii=False) + "\n")
