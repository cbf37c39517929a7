#!/usr/bin/env python3
"""Writes the encrypted vectors of this folder anew, from those that make.py wrote. Needs xmlsec1 and openssl."""

import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
ENC = "http://www.w3.org/2001/04/xmlenc#"
GCM = "http://www.w3.org/2009/xmlenc11#aes{}-gcm"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
ASSERTION = re.compile(r"<Assertion .*</Assertion>", re.S)


def run(*command, data=None):
    return subprocess.run(command, check=True, capture_output=True, cwd=HERE, input=data).stdout


def encrypted(element, cipher, bits, transport=ENC + "rsa-oaep-mgf1p"):
    """`xenc:EncryptedData` of a serialized element, by xmlsec1."""
    template = (
        f'<xenc:EncryptedData xmlns:xenc="{ENC}" Type="{ENC}Element"><xenc:EncryptionMethod Algorithm="{cipher}"/>'
        f'<KeyInfo xmlns="{DSIG}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}"/>'
        f'<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></KeyInfo>'
        f'<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as data, tempfile.NamedTemporaryFile("w") as form:
        data.write(element)
        form.write(template)
        data.flush()
        form.flush()
        out = run("xmlsec1", "--encrypt", "--pubkey-cert-pem", "sp.cert.pem", "--session-key", f"aes-{bits}",
                  "--xml-data", data.name, form.name).decode()
    return out.split("?>\n", 1)[1].rstrip("\n")


def write(name, source, cipher, bits, wrap=lambda data: data, **more):
    xml = (HERE / f"{source}.xml").read_text()
    data = wrap(encrypted(ASSERTION.search(xml)[0], cipher, bits, **more))
    wrapped = f'<EncryptedAssertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{data}</EncryptedAssertion>'
    (HERE / f"{name}.xml").write_text(ASSERTION.sub(lambda _: wrapped, xml))


def sign_response(name):
    """Puts a signature of the trusted key on the response."""
    template = (
        f'<Signature xmlns="{DSIG}"><SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        f'<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI="#_response">'
        f'<Transforms><Transform Algorithm="{DSIG}enveloped-signature"/>'
        f'<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></Transforms>'
        f'<DigestMethod Algorithm="{ENC}sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>'
    )
    path = HERE / f"{name}.xml"
    path.write_text(path.read_text().replace("</Issuer>", "</Issuer>" + template, 1))
    out = run("xmlsec1", "--sign", "--privkey-pem", "idp.key.pem", "--node-xpath",
              "/*[local-name()='Response']/*[local-name()='Signature']", "--id-attr:ID",
              "urn:oasis:names:tc:SAML:2.0:protocol:Response", str(path)).decode()
    path.write_text(out.split("?>\n", 1)[1].rstrip("\n") if out.startswith("<?xml") else out.rstrip("\n"))


def sibling(data):
    """The encrypted key beside the encrypted data instead of inside, as Shibboleth and Okta write it."""
    key = re.search(r"<xenc:EncryptedKey>.*</xenc:EncryptedKey>", data, re.S)[0]
    data = data.replace(key, f'<RetrievalMethod Type="{ENC}EncryptedKey" URI="#_key"/>')
    return data + key.replace("<xenc:EncryptedKey>", f'<xenc:EncryptedKey xmlns:xenc="{ENC}" Id="_key">')


def write_attributes(name, cipher, bits, count):
    """A signed response whose first `count` attributes are encrypted, each with a key of its own."""
    xml = (HERE / "bad-unsigned.xml").read_text()

    def wrapped(attribute):
        whole = attribute[0].replace("<Attribute ", '<Attribute xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ', 1)
        return f"<EncryptedAttribute>{encrypted(whole, cipher, bits)}</EncryptedAttribute>"

    (HERE / f"{name}.xml").write_text(re.sub(r"<Attribute .*?</Attribute>", wrapped, xml, count=count, flags=re.S))
    sign_response(name)


if not (HERE / "sp.key.pem").exists():
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj",
        "/CN=worthless test key sp", "-keyout", "sp.key.pem", "-out", "sp.cert.pem")
    run("openssl", "rsa", "-in", "sp.key.pem", "-traditional", "-out", "sp.pkcs1.key.pem")
for bits in (128, 192, 256):
    write(f"good-encrypted-gcm{bits}", "good-assertion-signed", GCM.format(bits), bits)
    write(f"cbc-encrypted-{bits}", "good-assertion-signed", f"{ENC}aes{bits}-cbc", bits)
write("good-encrypted-sibling", "good-assertion-signed", GCM.format(256), 256, wrap=sibling)
write("bad-encrypted-unsigned", "bad-unsigned", GCM.format(256), 256)
write("bad-encrypted-other-signer", "bad-key", GCM.format(256), 256)
write("bad-encrypted-audience", "bad-audience", GCM.format(256), 256)
write("bad-encrypted-rsa15", "good-assertion-signed", GCM.format(256), 256, transport=ENC + "rsa-1_5")
write("good-encrypted-response-signed", "bad-unsigned", GCM.format(256), 256)
sign_response("good-encrypted-response-signed")
write("cbc-encrypted-response-signed", "bad-unsigned", f"{ENC}aes256-cbc", 256)
sign_response("cbc-encrypted-response-signed")
write_attributes("encrypted-attribute-gcm256", GCM.format(256), 256, 1)
write_attributes("encrypted-attribute-cbc256", f"{ENC}aes256-cbc", 256, 1)
write_attributes("encrypted-attributes-two", GCM.format(256), 256, 2)

# RSA-OAEP with each pair of hashes, and RSA-PSS with each hash: hexadecimal, made by openssl.
lines = []
secret = bytes(range(32))
vector = bytes(range(16, 32))
sealed = vector + run("openssl", "enc", "-aes-256-cbc", "-K", secret.hex(), "-iv", vector.hex(), data=b"plain octets")
for digest in ("sha1", "sha256"):
    for mask in ("sha1", "sha256"):
        key = run("openssl", "pkeyutl", "-encrypt", "-certin", "-inkey", "sp.cert.pem", "-pkeyopt", "rsa_padding_mode:oaep",
                  "-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt", f"rsa_mgf1_md:{mask}", data=secret)
        lines.append(f"{digest} {mask} {key.hex()} {sealed.hex()}")
(HERE / "rsa-oaep.txt").write_text("\n".join(lines) + "\n")
lines = []
for digest in ("sha256", "sha384", "sha512"):
    for salt in ("digest", "0", "max"):
        signature = run("openssl", "dgst", f"-{digest}", "-sign", "idp.key.pem", "-sigopt", "rsa_padding_mode:pss",
                        "-sigopt", f"rsa_pss_saltlen:{salt}", data=b"signed octets")
        lines.append(f"{digest} {salt} {signature.hex()}")
(HERE / "rsa-pss.txt").write_text("\n".join(lines) + "\n")
