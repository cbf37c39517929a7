"""Reader and canonical forms against libxml2: whatever we accept it accepts, and every canonical octet is the same.

The inclusive form with comments tells all of a tree that counts: names, namespaces in scope, attributes, texts. Two readers that
agree on it have read the same."""

import base64
import collections
import random
import re

import documents
import libxml2

PREFIXES = ["a", "xs", "#default"]
COUNT = 4000
FORMS = {
    "exclusive": (libxml2.EXCLUSIVE, False, []),
    "exclusive_comments": (libxml2.EXCLUSIVE, True, []),
    "exclusive_prefixes": (libxml2.EXCLUSIVE, False, PREFIXES),
    "exclusive_comments_prefixes": (libxml2.EXCLUSIVE, True, PREFIXES),
    "inclusive": (libxml2.INCLUSIVE, False, []),
    "inclusive_comments": (libxml2.INCLUSIVE, True, []),
}


NAMESPACE = re.compile(rb'( xmlns(?::[^=" ]+)?=")([^"]*)"')
REFERENCES = {b"&amp;": b"&", b"&lt;": b"<", b"&quot;": b'"', b"&#x9;": b"\t", b"&#xA;": b"\n", b"&#xD;": b"\r"}


def unescaped(value: bytes) -> bytes:
    """The value of an attribute in canonical form."""
    return re.sub(rb"&[^;]+;", lambda reference: REFERENCES[reference[0]], value)


def with_bare_namespace_names(canonical: bytes) -> bytes:
    """As libxml2 writes it: the value of a namespace node as it is, although C14N 2.3 has it escaped like an attribute's.

    What it writes is then no XML any more (`xmlns:a="urn:a&b"`); real namespace names have no such characters."""

    return NAMESPACE.sub(lambda found: found[1] + unescaped(found[2]) + b'"', canonical)


def names_no_uri(canonical: bytes) -> bool:
    """Whether a namespace name is no URI to libxml2 (RFC 3986), which then takes it for a relative one and makes no form."""
    return any(not libxml2.is_uri(unescaped(name)) for _, name in NAMESPACE.findall(canonical))


def compared(ours, inputs: list[tuple[str, bytes, str | None]]) -> collections.Counter:
    """Compares everything; what was compared, and how often."""
    questions = [{"xml": octets, "at": at, "prefixes": PREFIXES} for _, octets, at in inputs]
    counts, wrong = collections.Counter(), []
    for (name, octets, at), answer in zip(inputs, ours.answers(questions), strict=True):
        with libxml2.Document(octets) as document:
            if code := answer.get("refused"):
                counts["refused by both" if not document.well_formed else "refused by us alone"] += 1
                counts[code] += 1
                continue
            counts["read"] += 1
            if not document.well_formed:
                wrong.append(f"{name}: libxml2 does not read {octets!r}")
                continue
            for place, apex in (("root", None), ("inside", at)):
                for form, octets_of_form in (answer[place] or {}).items():
                    if octets_of_form is None:
                        counts["form not made"] += 1
                        continue
                    mode, comments, prefixes = FORMS[form]
                    theirs = document.canonical(mode, comments, apex, prefixes)
                    counts[f"{form} of {place}"] += 1
                    mine = base64.b64decode(octets_of_form)
                    if theirs == mine:
                        continue
                    if theirs is None and names_no_uri(base64.b64decode(answer["root"]["inclusive"])):
                        counts["explained: libxml2 refuses namespace names that are no URI"] += 1
                        continue
                    if theirs == with_bare_namespace_names(mine):
                        counts["explained: libxml2 does not escape namespace names"] += 1
                        continue
                    wrong.append(f"{name}: {form} of {place}:\n{octets!r}\n{theirs!r}\n{mine!r}")
    assert not wrong, "\n".join(wrong[:5]) + f"\n{len(wrong)} wrong"
    return counts


def test_generated_documents_have_the_same_canonical_octets(ours):
    chance = random.Random(1)
    counts = compared(ours, [(f"made {at}", documents.made(chance), "i") for at in range(COUNT)])
    print(dict(counts))
    assert counts["read"] == COUNT, counts
    assert all(counts[f"{form} of root"] == COUNT and counts[f"{form} of inside"] > COUNT / 4 for form in FORMS), counts


def test_the_two_things_about_namespace_names_in_which_libxml2_differs(ours):
    inputs = [("escaped", b"<x xmlns='urn:a&amp;b'/>", None), ("no URI", "<x xmlns='urn:\u00e9'/>".encode(), None)]
    counts = compared(ours, inputs)
    assert counts["explained: libxml2 refuses namespace names that are no URI"] >= len(FORMS), counts
    escaped = with_bare_namespace_names(b'<x xmlns="urn:a&amp;b" a="&amp;">&amp;</x>')
    assert escaped == b'<x xmlns="urn:a&b" a="&amp;">&amp;</x>'


def test_mutated_documents_are_read_the_same_or_refused(ours):
    chance = random.Random(2)
    inputs = [(f"changed {at}", documents.changed(documents.made(chance), chance), "i") for at in range(2 * COUNT)]
    counts = compared(ours, inputs)
    print(dict(counts))
    assert counts["read"] > COUNT / 8 and counts["refused by both"] > COUNT, counts
    codes = [code for code in counts if code.startswith("xml_")]
    assert len(codes) > 12, counts


def test_responses_and_mutants_of_responses_have_the_same_canonical_octets(ours, corpus, is_whole):
    inputs = [(name, octets, None) for name, octets, _ in corpus]
    inputs += [(name, octets, "_assertion-ada") for name, octets in ours.mutants(1500, 400_000)]
    counts = compared(ours, inputs)
    print(dict(counts))
    assert counts["read"] > (1200 if is_whole else 800), counts
