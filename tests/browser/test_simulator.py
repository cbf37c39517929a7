"""The pages of the Entra simulator: looked at in every size, and used as an administrator does."""

import re

import pytest
from look import look, watch

PAGES = ["people", "users/ada", "groups/orchard-crew", "provisioning", "single-sign-on", "try", "sign-ins", "nowhere"]


@pytest.fixture
def admin(person, stage):
    """A page of the simulator, whose complaints are none."""
    page = person().new_page()
    complaints = watch(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(stage.simulator + "/")
    yield page
    assert not complaints


def open_all(page):
    """Opens everything that is folded away."""
    page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")


def test_the_start_page_says_what_goes_where(admin, stage, shots):
    assert stage.entity_id in admin.content() and stage.acs_url in admin.content()
    assert admin.get_by_text("Login URL and Logout URL").is_visible()
    look(admin, shots, "simulator-overview")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_in_order_folded_and_unfolded(admin, stage, shots, path):
    admin.goto(f"{stage.simulator}/{path}")
    name = "simulator-" + path.replace("/", "-")
    look(admin, shots, name)
    if admin.locator("details").count():
        open_all(admin)
        look(admin, shots, f"{name}-open")


def test_long_values_and_many_people_do_not_burst_a_page(admin, stage, shots):
    long = "Wolfeschlegelsteinhausenbergerdorff-" * 3
    name = "a-rather-long-short-name-of-somebody"
    order = {"name": name, "displayName": long, "userPrincipalName": f"{long}@meadow.example", "roles": [long, "b"]}
    stage.entra("POST", "users", order)
    try:
        for path in ("people", f"users/{name}", "try"):
            admin.goto(f"{stage.simulator}/{path}")
            look(admin, shots, f"simulator-long-{path.split('/')[0]}")
    finally:
        stage.entra("DELETE", f"users/{name}")


def test_a_user_is_created_edited_disabled_and_deleted_by_hand(admin, stage):
    admin.goto(f"{stage.simulator}/people")
    admin.click("text=New user")
    admin.fill("#f-user_name", "ivo")
    admin.fill("#f-user_display_name", "Ivo Reedmace")
    admin.click("text=Create user")
    admin.wait_for_url("**/users/ivo?note=created")
    admin.fill("#f-jobTitle", "Cooper")
    admin.select_option("#f-manager", "mira")
    admin.fill("#f-roles", "member, auditor")
    admin.click("button:has-text('Save')")
    assert admin.get_by_role("status").text_content() == "Saved."
    user = stage.entra("GET", "users/ivo").json()
    assert (user["jobTitle"], user["manager"], user["roles"]) == ("Cooper", "mira", ["member", "auditor"])
    for action, state in [("Disable account", "disabled"), ("Enable account", "active"), ("Delete (recycle bin)", "in the recycle bin")]:
        admin.click(f"button:has-text('{action}')")
        assert admin.locator("h1 .chip").text_content() == state
    admin.click("button:has-text('Delete for good')")
    assert admin.locator("h1 .chip").text_content() == "deleted for good"


def test_what_cannot_be_is_said_and_nothing_is_changed(admin, stage, shots):
    admin.goto(f"{stage.simulator}/single-sign-on")
    admin.fill("#f-reply_url", "javascript:alert(1)")
    admin.click("button:has-text('Save') >> nth=0")
    admin.wait_for_selector("h1:has-text('That could not be done')")
    look(admin, shots, "simulator-problem")
    assert stage.entra("GET", "settings").json()["reply_url"] == stage.acs_url


def test_members_of_a_group_are_ticked(admin, stage):
    admin.goto(f"{stage.simulator}/groups/orchard-crew")
    admin.check("input[value=mira]")
    admin.click("button:has-text('Save')")
    assert "mira" in stage.entra("GET", "groups/orchard-crew").json()["members"]
    admin.uncheck("input[value=mira]")
    admin.click("button:has-text('Save')")


def test_a_cycle_shows_its_progress_and_the_log_says_what_was_sent(admin, stage, shots):
    stage.entra("PATCH", "users/ada", {"department": "Cider press"})
    admin.goto(f"{stage.simulator}/provisioning")
    admin.click("button:has-text('Start cycle')")
    admin.wait_for_url(re.compile("note=(done|failed)"))
    assert "note=done" in admin.url
    line = admin.locator(".line", has_text="update user ada").first
    line.locator("summary").click()
    assert "Cider press" in line.text_content() and "User 'ada' was updated in customappsso" in line.text_content()
    admin.check("input[value=failure]")
    assert not line.is_visible()
    admin.check("input[value=sent]")
    assert line.is_visible()
    look(admin, shots, "simulator-log")


def test_a_wrong_credential_puts_the_job_into_quarantine_on_the_page(admin, stage, shots):
    admin.goto(f"{stage.simulator}/provisioning")
    try:
        admin.click("summary:has-text('Admin credentials')")
        admin.fill("#f-token", "wrong")
        admin.click("button:has-text('Use this') >> nth=0")
        admin.click("button:has-text('Start cycle')")
        admin.wait_for_url(re.compile("note=(done|failed)"))
        assert admin.get_by_text("in quarantine").first.is_visible()
        look(admin, shots, "simulator-quarantine")
        assert "wrong" not in admin.content().replace("went wrong", "")
    finally:
        stage.entra("PUT", "provision/credential", {"kind": "secret_token", "token": stage.entra_token})
        assert stage.entra("POST", "provision/cycle").json()["outcome"] == "success"


def test_the_compatibility_flag_is_a_switch(admin, stage):
    for on in (True, False):
        admin.goto(f"{stage.simulator}/provisioning")
        admin.click("summary:has-text('Tenant URL')")
        admin.set_checked("input[name=compatibility]", on)
        admin.click("text=Save connection")
        assert ("aadOptscim062020" in stage.entra("GET", "provision/settings").json()["tenant_url"]) == on


def test_claims_are_added_and_taken_away(admin, stage):
    admin.goto(f"{stage.simulator}/single-sign-on")
    before = stage.entra("GET", "settings").json()["claims"]
    rows = admin.locator(".claim")
    rows.nth(len(before)).locator("input").nth(0).fill("department")
    rows.nth(len(before)).locator("input").nth(1).fill("user.department")
    admin.locator("form[action$='/claims'] button").click()
    assert stage.entra("GET", "settings").json()["claims"][-1] == {"name": "department", "source": "user.department"}
    admin.locator(".claim").nth(len(before)).locator("input").nth(0).fill("")
    admin.locator("form[action$='/claims'] button").click()
    assert stage.entra("GET", "settings").json()["claims"] == before


def test_the_sign_in_page_shows_how_to_answer_and_what_is_broken(person, stage, shots):
    page = person().new_page()
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")
    look(page, shots, "simulator-pick")
    page.select_option("select[name=break]", "audience")
    page.click("button[value=ada]")
    page.wait_for_selector("h1:has-text('You could not be signed in')")
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")
    page.click("button[value=zoe]")
    page.wait_for_selector("h1:has-text('trouble signing you in')")
    assert "AADSTS50105" in page.content()
    look(page, shots, "simulator-refused")


def test_without_scripts_the_response_goes_on_by_a_button(person, stage, shots):
    page = person(java_script_enabled=False).new_page()
    page.goto(f"{stage.origin}/inside")
    page.click("button[value=ada]")
    assert page.text_content("h1") == "Working…"
    page.screenshot(path=shots / "simulator-working-360-light.png")
    page.click("button")
    page.wait_for_url(f"{stage.origin}/inside")


def test_the_pages_work_by_keyboard(admin, stage):
    admin.goto(f"{stage.simulator}/users/bo")
    admin.keyboard.press("Tab")
    assert admin.evaluate("document.activeElement.textContent") == "Entra simulator"
    outline = admin.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    for _ in range(20):
        admin.keyboard.press("Tab")
        if admin.evaluate("document.activeElement.textContent") == "Disable account":
            break
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/users/bo?note=saved")
    assert admin.locator("h1 .chip").text_content() == "disabled"
    admin.click("button:has-text('Enable account')")


def test_signing_out_at_entra_is_told_to_the_application_in_a_frame(person, stage, shots):
    """The frame is of another site, so no cookie comes along: the session ends all the same."""
    page = person().new_page()
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")
    page.click("button[value=mira]")
    page.wait_for_url(f"{stage.origin}/inside")
    admin = page.context.new_page()
    admin.goto(f"{stage.simulator}/sign-ins")
    look(admin, shots, "simulator-sign-ins-some")
    admin.locator("tr", has_text="mira").first.get_by_text("In a frame").click()
    frame = admin.frame_locator("iframe")
    frame.locator("text=Success").wait_for()
    look(admin, shots, "simulator-signing-out")
    page.reload()
    page.wait_for_url("**/saml2?*")
    admin.goto(f"{stage.simulator}/sign-ins")
    assert "the application said Success" in admin.locator("tr", has_text="mira").first.text_content()


def test_signing_out_at_entra_as_a_page_comes_back_to_the_simulator(person, stage):
    page = person().new_page()
    complaints = watch(page)
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")
    page.click("button[value=mira]")
    page.wait_for_url(f"{stage.origin}/inside")
    page.goto(f"{stage.simulator}/sign-ins")
    page.locator("tr", has_text="mira").first.get_by_text("As a page").click()
    page.wait_for_selector("h1:has-text('Signed out of the application')")
    assert "Success" in page.text_content("main") and not complaints
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")


def test_signing_out_at_the_application_ends_the_sign_in_at_entra(person, stage):
    page = person().new_page()
    complaints = watch(page)
    page.goto(f"{stage.origin}/inside")
    page.wait_for_url("**/saml2?*")
    page.click("button[value=bo]")
    page.wait_for_url(f"{stage.origin}/inside")
    page.goto(f"{stage.origin}/.vestibule/sign-out")
    page.click("button")
    page.wait_for_selector("h1:has-text('You are signed out')")
    assert "at your organisation" in page.text_content("main") and not complaints
    page.goto(f"{stage.simulator}/sign-ins")
    assert "ended by the application" in page.locator("tr", has_text="bo").first.text_content()
