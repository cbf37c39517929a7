#!/usr/bin/env python3
"""Writes the vectors of this folder anew. Needs xmlsec1 and openssl. The keys made here are worthless."""

import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
DSIG = "http://www.w3.org/2000/09/xmldsig#"
GOOD = {
    "issuer": "https://idp.example/entity/",
    "audience": "https://app.example/saml",
    "recipient": "https://app.example/acs",
    "request": "_0123456789abcdef0123456789abcdef",
    "end": "2027-01-01T11:00:00.000Z",
    "status": "urn:oasis:names:tc:SAML:2.0:status:Success",
}
RSA = ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256")
ECDSA = ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", RSA[1])
SHA1 = (DSIG + "rsa-sha1", DSIG + "sha1")


def run(*command):
    subprocess.run(command, check=True, capture_output=True, cwd=HERE)


def key(name, *algorithm):
    run("openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "36500", "-subj",
        f"/CN=worthless test key {name}", "-keyout", f"{name}.key.pem", "-out", f"{name}.cert.pem")


EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
XPATH = (f'<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>not(ancestor-or-self::*'
         f'[local-name()="Signature"])</XPath></Transform>')


def prefix_list(element, algorithm=EXCLUSIVE):
    return (f'<{element} Algorithm="{algorithm}"><InclusiveNamespaces xmlns="{EXCLUSIVE}" '
            f'PrefixList="samlp unknown #default"/></{element}>')


def template(element_id, algorithms, profile):
    signature, digest = algorithms
    method = f'<CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
    enveloped = f'<Transform Algorithm="{DSIG}enveloped-signature"/>'
    canonical = f'<Transform Algorithm="{EXCLUSIVE}"/>'
    uri, more, references = f"#{element_id}", "", 1
    if profile == "inclusive-prefixes":
        method, canonical = prefix_list("CanonicalizationMethod"), prefix_list("Transform")
    elif profile == "with-comments":
        canonical = f'<Transform Algorithm="{EXCLUSIVE}WithComments"/>'
    elif profile == "inclusive-c14n":
        canonical = f'<Transform Algorithm="{INCLUSIVE}"/>'
    elif profile == "inclusive-c14n-of-signed-info":
        method = f'<CanonicalizationMethod Algorithm="{INCLUSIVE}"/>'
    elif profile == "xpath":
        enveloped = XPATH
    elif profile == "enveloped-only":
        canonical = ""
    elif profile == "c14n-twice":
        canonical = canonical * 2
    elif profile == "empty-uri":
        uri = ""
    elif profile == "two-references":
        references = 2
    elif profile == "object":
        more = "<Object><x xmlns=\"urn:x\"/></Object>"
    reference = (
        f'<Reference URI="{uri}"><Transforms>{enveloped}{canonical}</Transforms>'
        f'<DigestMethod Algorithm="{digest}"/><DigestValue/></Reference>'
    )
    return (
        f'<Signature xmlns="{DSIG}"><SignedInfo>{method}<SignatureMethod Algorithm="{signature}"/>'
        f'{reference * references}</SignedInfo><SignatureValue/>{more}</Signature>'
    )


def response(signed, algorithms=RSA, profile="", **changes):
    v = GOOD | changes
    response_signature = template("_response", algorithms, profile) if "response" in signed else ""
    assertion_signature = template("_assertion", algorithms, profile) if "assertion" in signed else ""
    return (
        f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0" '
        f'IssueInstant="2027-01-01T10:00:00.100Z" Destination="https://app.example/acs" InResponseTo="{v["request"]}">'
        f'<Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{v["issuer"]}</Issuer>{response_signature}'
        f'<samlp:Status><samlp:StatusCode Value="{v["status"]}"/></samlp:Status>'
        f'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_assertion" Version="2.0" '
        f'IssueInstant="2027-01-01T10:00:00.000Z"><Issuer>{v["issuer"]}</Issuer>{assertion_signature}'
        f'<Subject><NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ada@example.test</NameID>'
        f'<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData '
        f'InResponseTo="{v["request"]}" NotOnOrAfter="{v["end"]}" Recipient="{v["recipient"]}"/></SubjectConfirmation>'
        f'</Subject><Conditions NotBefore="2027-01-01T09:55:00.000Z" NotOnOrAfter="{v["end"]}"><AudienceRestriction>'
        f'<Audience>{v["audience"]}</Audience></AudienceRestriction></Conditions><AttributeStatement>'
        f'<Attribute Name="http://schemas.microsoft.com/identity/claims/displayname"><AttributeValue>Ada &amp; Lovelace '
        f'é</AttributeValue></Attribute><Attribute Name="http://schemas.microsoft.com/ws/2008/06/identity/claims/role">'
        f'<AttributeValue>reader</AttributeValue><AttributeValue>writer</AttributeValue></Attribute></AttributeStatement>'
        f'<AuthnStatement AuthnInstant="2027-01-01T09:59:00.000Z" SessionIndex="_assertion"><AuthnContext>'
        f'<AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext>'
        f'</AuthnStatement></Assertion></samlp:Response>'
    )


def sign(xml, element, key_name):
    namespace = {"Assertion": "assertion", "Response": "protocol"}[element]
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        path = "/*[local-name()='Response']/*[local-name()='Signature']"
        if element == "Assertion":
            path = "/*/*[local-name()='Assertion']/*[local-name()='Signature']"
        out = subprocess.run(
            ["xmlsec1", "--sign", "--privkey-pem", f"{key_name}.key.pem", "--node-xpath", path,
             "--id-attr:ID", f"urn:oasis:names:tc:SAML:2.0:{namespace}:{element}", file.name],
            check=True, capture_output=True, cwd=HERE)
    text = out.stdout.decode()
    return text.split("?>\n", 1)[1].rstrip("\n") if text.startswith("<?xml") else text.rstrip("\n")


def write(name, signed=("assertion",), key_name="idp", algorithms=RSA, profile="", **changes):
    xml = response(signed, algorithms, profile, **changes)
    if profile == "unsolicited":
        xml = xml.replace(f' InResponseTo="{GOOD["request"]}"', "")
    for element in ("Assertion", "Response"):
        if element.lower() in signed:
            xml = sign(xml, element, key_name)
    (HERE / f"{name}.xml").write_text(xml)


if not (HERE / "idp.key.pem").exists():
    key("idp", "rsa:2048")
    key("other", "rsa:2048")
    key("idp-ec", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:named_curve")
if not (HERE / "short.key.pem").exists():
    key("short", "rsa:1024")
# A second certificate of the key that has ended by the time at which all is judged.
run("openssl", "req", "-x509", "-key", "idp.key.pem", "-days", "1", "-subj", "/CN=worthless test key idp",
    "-out", "idp-ended.cert.pem")
write("good-assertion-signed")
write("good-response-signed", ("response",))
write("good-both-signed", ("assertion", "response"))
write("good-ecdsa", key_name="idp-ec", algorithms=ECDSA)
write("bad-audience", audience="https://other.example/saml")
write("bad-recipient", recipient="https://app.example/acs/other")
write("bad-expired", end="2027-01-01T10:00:00.000Z")
write("bad-request", request="_fedcba9876543210fedcba9876543210")
write("bad-issuer", issuer="https://idp.example/other/")
write("bad-status", status="urn:oasis:names:tc:SAML:2.0:status:Responder")
write("bad-key", key_name="other")
write("bad-sha1", algorithms=SHA1)
write("bad-sha1-digest", algorithms=(RSA[0], SHA1[1]))
write("bad-short-key", key_name="short")
write("bad-unsolicited", profile="unsolicited")
write("bad-unsigned", ())
for profile in ("inclusive-prefixes", "with-comments"):
    write(f"good-{profile}", profile=profile)
for profile in ("inclusive-c14n", "inclusive-c14n-of-signed-info", "xpath", "enveloped-only", "c14n-twice", "two-references", "object"):
    write(f"bad-{profile}", profile=profile)
write("bad-empty-uri", ("response",), profile="empty-uri")
