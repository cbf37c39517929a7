"""Canonical forms that others published: of Santuario, of Merlin's and the W3C's interoperability tests, of SSOReady.

Those that cut pieces out of an element's inside with XPath are left out: no signature of the profile can ask for such a thing."""

import base64
import hashlib
import os
import re
from pathlib import Path

import pytest
from conftest import ROOT

FOLDER = Path(os.environ.get("VESTIBULE_FIXTURES", ROOT.parent / "shared" / "fixtures")) / "xmldsig"


def read(name: str) -> bytes:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path.read_bytes()


def forms(ours, xml: bytes, prefixes: list[str] = (), **which) -> dict[str, bytes]:
    (answer,) = ours.answers([{"xml": xml, "prefixes": list(prefixes), **which}])
    assert answer.get("inside"), answer
    return {name: base64.b64decode(octets) for name, octets in answer["inside"].items() if octets is not None}


@pytest.mark.parametrize(
    ("source", "element", "expected"),
    [
        ("example2_2_1", "elem2", "example2_2_c14nized_exclusive"),
        ("example2_2_2", "elem2", "example2_2_c14nized_exclusive"),
        ("example2_2_3", "p", "example2_2_3_c14nized_exclusive"),
        ("example2_4", "elem2", "example2_4_c14nized"),
        ("plain-soap-1.1", "Body", "plain-soap-c14nized"),
    ],
)
def test_exclusive_forms_of_santuario(ours, source, element, expected):
    made = forms(ours, read(f"c14n-santuario-inExcl/{source}.xml"), element=element)["exclusive"]
    assert made == read(f"c14n-santuario-inExcl/{expected}.xml")


@pytest.mark.parametrize("source", ["merlin-exc-c14n-one", "c14n-interop-Y1"])
def test_exclusive_forms_of_the_interoperability_tests(ours, source):
    xml = read(f"{source}/exc-signature.xml")
    made = forms(ours, xml, ["bar", "#default"], at="to-be-signed")
    digests = re.findall(rb"<dsig:DigestValue>([^<]+)<", xml)
    order = ["exclusive", "exclusive_prefixes", "exclusive_comments", "exclusive_comments_prefixes"]
    assert [base64.b64encode(hashlib.sha1(made[form]).digest()) for form in order] == digests
    if source == "merlin-exc-c14n-one":
        return
    # What Y1 calls c14n-4 is SignedInfo itself.
    assert forms(ours, xml, element="SignedInfo")["exclusive"] == read(f"{source}/c14n-4.txt")


@pytest.mark.parametrize("case", ["charmods", "nested_redeclaration", "saml", "shadowing", "start_end", "whitespace"])
def test_forms_of_ssoready(ours, case):
    xml = read(f"c14n-ssoready/{case}/in.xml")
    made = forms(ours, xml, **({"at": "root"} if b'"root"' in xml else {"element": "root"}))
    assert made["exclusive"] == read(f"c14n-ssoready/{case}/out.xml").rstrip(b"\n")
