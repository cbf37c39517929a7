"""What xmlsec1 does for an identity provider: it encrypts assertions and verifies requests."""

import re
import subprocess
import tempfile
from pathlib import Path

ENC = "http://www.w3.org/2001/04/xmlenc#"
GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
CBC = ENC + "aes256-cbc"
OAEP = ENC + "rsa-oaep-mgf1p"
RSA15 = ENC + "rsa-1_5"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
ASSERTION = re.compile(rb"<(\w+:)?Assertion .*</(\w+:)?Assertion>", re.S)
TEMPLATE = """<xenc:EncryptedData xmlns:xenc="{enc}" Type="{enc}Element"><xenc:EncryptionMethod Algorithm="{cipher}"/>\
<KeyInfo xmlns="{dsig}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}"/>\
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></KeyInfo>\
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"""


def encrypted(xml: bytes, certificate: str, cipher: str = GCM, transport: str = OAEP) -> bytes:
    """The response with its assertion encrypted to the key of this certificate (a PEM file)."""
    assertion = ASSERTION.search(xml)[0]
    # As a document of its own: the prefixes that it uses are declared around it.
    start, rest = assertion.split(b">", 1)
    around = re.findall(rb' (xmlns:\w+="[^"]+")', xml[: xml.index(assertion)])
    missing = b"".join(b" " + name for name in dict.fromkeys(around) if name not in start)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "data.xml").write_bytes(start + missing + b">" + rest)
        template = TEMPLATE.format(enc=ENC, dsig=DSIG, cipher=cipher, transport=transport)
        (Path(place) / "template.xml").write_text(template)
        command = ["xmlsec1", "--encrypt", "--pubkey-cert-pem", certificate, "--session-key", "aes-256"]
        out = _run(*command, "--xml-data", f"{place}/data.xml", f"{place}/template.xml")
    data = out.split(b"?>\n", 1)[1].rstrip(b"\n")
    wrapped = b'<EncryptedAssertion xmlns="%s">%s</EncryptedAssertion>' % (SAML.encode(), data)
    return xml.replace(assertion, wrapped)


def is_signed(xml: bytes, certificate: str, root: str) -> bool:
    """Whether the key of this certificate signed the root of this document; `root` is namespace and name."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(xml)
        file.flush()
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", certificate, "--enabled-key-data", "x509", "--id-attr:ID", root]
        return subprocess.run([*command, file.name], capture_output=True, check=False).returncode == 0


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
