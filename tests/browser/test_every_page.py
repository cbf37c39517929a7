"""Every page of the filter in both languages, put into the page that it really sends."""

import re
from pathlib import Path

import pytest
from look import look

WORDS = Path(__file__).resolve().parents[2] / "src" / "gateway" / "pages" / "words.rs"
LITERAL = r'"((?:[^"\\]|\\.)*)"'
PAGE = re.compile(rf'^    ([A-Z_]+) "([\w.]+)"\s+{LITERAL}\s+{LITERAL}\s+{LITERAL}\s+{LITERAL}', re.M)


def pages():
    text = WORDS.read_text()
    return [found.groups() for found in PAGE.finditer(text[text.index("\npages! {") :])]


def test_all_pages_are_found():
    assert len(pages()) == WORDS.read_text().split("\npages! {")[1].split("\n}\n")[0].count("\n    ") // 3


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page_is_in_order_in_every_size(stage, person, shots, language):
    page = person(locale={"en": "en-GB", "de": "de-DE"}[language]).new_page()
    page.goto(f"{stage.origin}/")
    page.wait_for_url("**/saml2?*")
    page.click("button[value=ada]")
    page.wait_for_url(f"{stage.origin}/")
    page.goto(f"{stage.origin}/admin/x")
    assert page.locator("html").get_attribute("lang") == language
    faults = {}
    for name, _, *said in pages():
        title, text = said[:2] if language == "en" else said[2:]
        page.evaluate("([title, text]) => { document.querySelector('h1').textContent = title; document.querySelector('main p').textContent = text; }", [title, text])
        try:
            look(page, shots, f"page-{name.lower()}-{language}")
        except AssertionError as found:
            faults[name] = str(found)
    assert not faults, faults
