"""What people live through in a browser, before the demonstration."""

import re
import time

import pytest
from look import look, watch

SIGN_IN = "/.vestibule/sign-in"
SIGN_OUT = "/.vestibule/sign-out"


def pick(page, user="ada", **how):
    """Chooses an account on Entra's page, which goes on by itself."""
    page.wait_for_url("**/saml2?*")
    for name, value in how.items():
        if value is True:
            page.check(f"input[name={name}]")
        else:
            page.select_option(f"select[name={name}]", value)
    page.click(f"button[value={user}]")


def sign_in(page, stage, path="/", user="ada"):
    page.goto(stage.origin + path)
    pick(page, user)
    page.wait_for_url(stage.origin + path)
    assert f"{user}@meadow.example" in page.content()


def test_an_optional_route_offers_the_microsoft_button_and_comes_back_signed_in(stage, person, shots):
    page = person().new_page()
    page.goto(f"{stage.origin}/mixed/hello")
    assert "Nobody is signed in" in page.content()
    page.screenshot(path=shots / "optional-anonymous.png")
    page.click("text=Sign in with Microsoft")
    pick(page)
    page.wait_for_url(f"{stage.origin}/mixed/hello")
    assert "ada@meadow.example" in page.content()
    page.screenshot(path=shots / "optional-signed-in.png")


def test_a_required_route_asks_for_a_sign_in_and_lands_where_it_was_meant_to(stage, person):
    page = person().new_page()
    complaints = watch(page)
    sign_in(page, stage, "/somewhere?tab=2")
    assert not complaints


def test_two_tabs_sign_in_each_to_its_own_page(stage, person):
    context = person()
    one, two = context.new_page(), context.new_page()
    one.goto(f"{stage.origin}/one")
    two.goto(f"{stage.origin}/two")
    pick(two)
    two.wait_for_url(f"{stage.origin}/two")
    pick(one)
    one.wait_for_url(f"{stage.origin}/one")
    assert "ada@meadow.example" in one.content() and "ada@meadow.example" in two.content()


def test_after_signing_out_the_back_button_shows_nothing_that_still_works(stage, person, shots):
    page = person().new_page()
    sign_in(page, stage, "/inside")
    page.goto(stage.origin + SIGN_OUT)
    look(page, shots, "ask-sign-out")
    page.click("button")
    page.wait_for_selector("h1:has-text('You are signed out')")
    look(page, shots, "signed-out")
    page.go_back()
    page.go_back()
    page.reload()
    page.wait_for_url("**/saml2?*")
    assert not [cookie for cookie in page.context.cookies() if "vestibule-s." in cookie["name"]]


def test_the_button_of_the_sign_out_page_works_by_keyboard(stage, person):
    page = person().new_page()
    sign_in(page, stage)
    page.goto(stage.origin + SIGN_OUT)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Sign out"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('You are signed out')")


def test_when_the_session_ends_a_script_is_told_and_a_page_signs_in_anew(stage, person):
    page = person().new_page()
    sign_in(page, stage)
    fetch = "fetch('/echo').then((reply) => reply.status)"
    assert page.evaluate(fetch) == 200
    until = time.monotonic() + 75
    while (status := page.evaluate(fetch)) == 200 and time.monotonic() < until:
        time.sleep(1)
    assert status == 401
    page.reload()
    page.wait_for_url("**/saml2?*")


def test_no_access_is_said_with_the_reference_of_the_log_in_the_language_of_the_browser(stage, person, shots):
    page = person().new_page()
    complaints = watch(page)
    sign_in(page, stage)
    reply = page.goto(f"{stage.origin}/admin/hello")
    assert reply.status == 403 and page.text_content("h1") == "No access"
    look(page, shots, "no-access")
    reference = page.text_content("code")
    assert re.search(rf"event=access\.refused code=claims ref={reference}\b", stage.log("envoy.log"))
    assert not complaints
    german = person(locale="de-DE").new_page()
    sign_in(german, stage)
    german.goto(f"{stage.origin}/admin/hello")
    assert german.text_content("h1") == "Kein Zugriff"
    look(german, shots, "no-access-german")


def test_what_came_of_a_request_stands_in_the_access_log_without_the_person(stage, person):
    page = person().new_page()
    sign_in(page, stage, "/logged")
    page.goto(f"{stage.origin}/admin/logged")
    reference = page.text_content("code")
    until = time.monotonic() + 15
    while reference not in (log := stage.log("access.log")) and time.monotonic() < until:
        time.sleep(0.5)
    assert f"GET /admin/logged 403 tenant=demo outcome=access.refused code=claims ref={reference}" in log
    assert re.search(r"GET /logged 200 tenant=demo outcome=access\.identified code=- ref=-", log)
    # A reference is ten random hexadecimal digits, and may spell a name.
    without_references = re.sub(r"ref=[0-9a-f]{10}\b", "ref=", log).lower()
    assert not [word for word in ("ada", "ferngrove", "meadow.example") if word in without_references]


def test_a_revocation_ends_a_session_whose_page_is_open(stage, person, shots):
    page = person().new_page()
    sign_in(page, stage, "/open")
    fetch = "fetch('/echo').then((reply) => reply.status)"
    assert page.evaluate(fetch) == 200
    try:
        stage.provision("ada", {"accountEnabled": False})
        assert page.evaluate(fetch) == 401
        page.reload()
        pick(page, "ada", even_if_blocked=True)
        page.wait_for_selector("h1:has-text('Your account is not active')")
        look(page, shots, "not-active")
    finally:
        stage.provision("ada", {"accountEnabled": True})
    sign_in(person().new_page(), stage)


@pytest.mark.parametrize("fault", ["signature", "audience"])
def test_a_response_that_is_refused_shows_a_page_with_the_reference_of_the_log(stage, person, shots, fault):
    page = person().new_page()
    page.goto(f"{stage.origin}/")
    pick(page, "ada", **{"break": fault})
    page.wait_for_selector("h1:has-text('You could not be signed in')")
    reference = page.text_content("code")
    assert re.search(rf"event=sign_on\.rejected code=\S+ ref={reference}\b", stage.log("envoy.log"))
    if fault == "signature":
        look(page, shots, "not-signed-in")


def test_a_browser_that_keeps_no_cookies_is_told_so(stage, person, shots):
    context = person()
    page = context.new_page()
    page.goto(f"{stage.origin}/")
    page.wait_for_url("**/saml2?*")
    context.clear_cookies()
    pick(page)
    page.wait_for_selector("h1:has-text('Please sign in again')")
    look(page, shots, "cookies")


@pytest.mark.parametrize("locale,title", [("en-GB", "Sign in"), ("de-DE", "Anmelden")])
def test_where_several_identity_providers_serve_a_host_people_choose(stage, person, shots, locale, title):
    page = person(locale=locale).new_page()
    complaints = watch(page)
    page.goto(f"{stage.choice}/page")
    assert page.url == f"{stage.choice}{SIGN_IN}?return=/page" and page.text_content("h1") == title
    look(page, shots, f"choice-{locale[:2]}")
    button = page.locator("a.microsoft")
    style = button.evaluate("(it) => { const s = getComputedStyle(it); return [s.backgroundColor, s.color, s.fontSize]; }")
    assert style == ["rgb(255, 255, 255)", "rgb(94, 94, 94)", "15px"]
    page.emulate_media(color_scheme="dark")
    style = button.evaluate("(it) => { const s = getComputedStyle(it); return [s.backgroundColor, s.color]; }")
    assert style == ["rgb(47, 47, 47)", "rgb(255, 255, 255)"]
    assert button.locator("svg").bounding_box()["width"] == 21
    page.keyboard.press("Tab")
    assert "microsoft" in page.evaluate("document.activeElement.className")
    assert not complaints


def test_a_request_by_post_goes_on_by_itself_and_without_scripts_by_a_button(stage, person, shots):
    page = person().new_page()
    complaints = watch(page)
    page.goto(f"{stage.choice}{SIGN_IN}?return=/page")
    with page.expect_request(lambda request: request.method == "POST" and "/saml2" in request.url):
        page.click("a.microsoft")
    assert not complaints
    without = person(java_script_enabled=False).new_page()
    without.goto(f"{stage.choice}{SIGN_IN}?idp=entra&return=/page")
    assert without.text_content("h1") == "Sign in"
    without.screenshot(path=shots / "carry-360-light.png")
    with without.expect_request(lambda request: request.method == "POST" and "/saml2" in request.url):
        without.click("button")
