"""The join: a user deactivated through SCIM loses every session at once, and cannot sign in until reactivated."""

import itertools
import time

import pytest
from harness import settings
from harness.browser import Browser
from harness.client import H1, scim_json
from harness.scim_app import ScriptedScim, entra, error, patch, user
from harness.sign_in import Login, has_session, sign_in
from harness.upstream import CUT, HANG, RESET, Answer

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
NUMBER = itertools.count()

PATCHES = {
    "path and text": {"op": "Replace", "path": "active", "value": "False"},
    "path and boolean": {"op": "replace", "path": "active", "value": False},
    "path in other case": {"op": "Replace", "path": "Active", "value": "false"},
    "no path": {"op": "replace", "value": {"active": False}},
    "no path and text": {"op": "Replace", "value": {"active": "False"}},
    "no path among others": {"op": "Replace", "value": {"displayName": "A", "name.givenName": "B", "active": "False"}},
    "URN path": {"op": "Replace", "path": f"{CORE}:active", "value": "False"},
    "URN key": {"op": "Replace", "value": {f"{CORE}:active": False}},
    "add": {"op": "Add", "path": "active", "value": "False"},
    "wrapped value": {"op": "Replace", "path": "active", "value": [{"$ref": None, "value": "False"}]},
}


class Person:
    """Somebody that no other test knows, at the provider and in the SCIM application."""

    def __init__(self, envoy, idp, scim_app, **more):
        number = next(NUMBER)
        self.name, self.id = f"person-{number}@n.example", f"u-{number}"
        self.envoy, self.idp = envoy, idp
        self.scim = ScriptedScim(scim_app, user(self.name, self.id, **more))

    def sign_in(self) -> Browser:
        return sign_in(self.envoy, self.idp, self.name)

    def may_sign_in(self) -> bool:
        browser = Browser(self.envoy)
        login = Login(browser)
        status = login.answer(self.idp.response(login.request.id, self.name)).status
        assert status in (303, 403)
        return status == 303 and has_session(browser)

    def entra(self, method: str, body: bytes | None = None):
        return entra(self.envoy, method, f"/Users/{self.id}", body)

    def resource(self, **more) -> dict:
        return self.scim.users[self.id] | more


@pytest.fixture
def person(envoy, idp, app, scim_app):
    return Person(envoy, idp, scim_app)


OFF = patch(PATCHES["path and text"])
ON = patch({"op": "Replace", "path": "active", "value": "True"})


@pytest.mark.core
@pytest.mark.parametrize("form", PATCHES)
def test_a_deactivation_in_any_form_ends_the_session_and_bars_the_sign_in(person, form):
    browser = person.sign_in()
    assert person.entra("PATCH", patch(PATCHES[form])).status in (200, 204)
    assert not has_session(browser)
    assert not person.may_sign_in()


@pytest.mark.quick
@pytest.mark.core
def test_a_reactivation_lets_the_person_sign_in_again(person):
    browser = person.sign_in()
    person.entra("PATCH", OFF)
    assert not has_session(browser)
    person.entra("PATCH", ON)
    assert person.may_sign_in()
    assert not has_session(browser), "a session that ended stays ended"


@pytest.mark.core
@pytest.mark.parametrize("text", [False, "False", "false"])
def test_a_replacement_by_an_inactive_user_ends_the_session(person, text):
    browser = person.sign_in()
    assert person.entra("PUT", scim_json(person.resource(active=text))).status == 200
    assert not has_session(browser)
    assert not person.may_sign_in()


@pytest.mark.core
def test_a_deletion_ends_the_session(person):
    browser = person.sign_in()
    assert person.entra("DELETE").status == 204
    assert not has_session(browser)
    assert not person.may_sign_in()


@pytest.mark.core
@pytest.mark.parametrize("status", [404, 410])
def test_a_deletion_of_an_account_that_is_gone_ends_the_session(person, status):
    browser = person.sign_in()
    person.scim.write = error(status)
    assert person.entra("DELETE").status == status
    assert not has_session(browser)
    assert not person.may_sign_in()


@pytest.mark.core
def test_creating_an_inactive_user_ends_the_session(person):
    browser = person.sign_in()
    body = scim_json(user(person.name, active="False") | {"id": None})
    assert entra(person.envoy, "POST", "/Users", body).status == 201
    assert not has_session(browser)
    assert not person.may_sign_in()


@pytest.mark.core
@pytest.mark.parametrize("way", [RESET, HANG, CUT, Answer(500, b"oops"), Answer(503, b"busy"), Answer(204, b"", [])])
@pytest.mark.parametrize(("method", "body"), [("PATCH", OFF), ("DELETE", None)])
def test_whatever_is_no_refusal_of_the_application_counts(person, method, body, way):
    browser = person.sign_in()
    person.scim.write = way
    person.entra(method, body)
    assert not has_session(browser)


@pytest.mark.core
@pytest.mark.parametrize("way", [HANG, Answer(200, b"{}", after=1.0)])
def test_a_client_that_left_counts(person, way):
    browser = person.sign_in()
    person.scim.write = way
    with H1(person.envoy.plain_port) as client:
        headers = [settings.BEARER, settings.SCIM_JSON, ("content-length", str(len(OFF)))]
        client.send_head("PATCH", f"{settings.SCIM}/Users/{person.id}", headers)
        client.send(OFF)
        person.scim.application.wait_for(1, "PATCH")
    time.sleep(0.3)
    assert not has_session(browser)


@pytest.mark.core
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 429])
def test_a_refusal_of_the_application_keeps_the_session(person, status):
    browser = person.sign_in()
    person.scim.write = error(status)
    person.entra("PATCH", OFF)
    assert has_session(browser)
    assert person.may_sign_in()


@pytest.mark.core
def test_a_deactivation_without_the_right_token_changes_nothing(person):
    browser = person.sign_in()
    reply = entra(person.envoy, "PATCH", f"/Users/{person.id}", OFF, headers=[("authorization", "Bearer wrong")])
    assert reply.status == 401
    assert has_session(browser)


@pytest.mark.core
def test_another_persons_deactivation_changes_nothing(person, envoy, idp, scim_app):
    browser = person.sign_in()
    other = Person(envoy, idp, scim_app)
    other.entra("PATCH", OFF)
    assert has_session(browser)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "displayName", "value": "False"},
        {"op": "Replace", "path": 'emails[type eq "work"].primary', "value": "False"},
        {"op": "Replace", "path": "active", "value": "True"},
        {"op": "Replace", "path": "urn:example:params:custom:2.0:User:active", "value": "False"},
    ],
)
def test_a_change_that_is_no_deactivation_keeps_the_session(person, operation):
    browser = person.sign_in()
    person.entra("PATCH", patch(operation))
    assert has_session(browser)


def test_the_last_word_of_a_request_counts(person):
    browser = person.sign_in()
    person.entra("PATCH", patch(PATCHES["path and text"], {"op": "Replace", "path": "active", "value": "True"}))
    assert person.may_sign_in()
    person.entra("PATCH", patch({"op": "Replace", "path": "active", "value": "True"}, PATCHES["path and text"]))
    assert not has_session(browser) and not person.may_sign_in()


def test_the_name_is_known_in_any_case(envoy, idp, app, scim_app):
    person = Person(envoy, idp, scim_app)
    browser = person.sign_in()
    person.scim.users[person.id]["userName"] = person.name.upper()
    person.entra("PATCH", OFF)
    assert not has_session(browser)


def test_a_login_that_was_on_its_way_is_barred_too(person):
    browser = Browser(person.envoy)
    login = Login(browser)
    xml = person.idp.response(login.request.id, person.name)
    person.entra("PATCH", OFF)
    assert login.answer(xml).status == 403
    assert not has_session(browser)


@pytest.mark.core
def test_all_workers_know_at_once(start, idp, app, scim_app):
    with start(concurrency=2) as envoy:
        person = Person(envoy, idp, scim_app)
        browser = person.sign_in()
        assert all(has_session(browser) for _ in range(20))
        person.entra("PATCH", OFF)
        assert not any(has_session(browser) for _ in range(40))
        assert not any(person.may_sign_in() for _ in range(6))
        person.entra("PATCH", ON)
        assert all(person.may_sign_in() for _ in range(6))


def test_a_kept_alive_connection_is_no_session(person):
    browser = person.sign_in()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with H1(person.envoy.tls_port, tls=True, host=browser.authority) as client:
        assert client.request("GET", "/private/x", [("cookie", cookie)]).status == 200
        person.entra("PATCH", OFF)
        assert client.request("GET", "/private/x", [("cookie", cookie)]).status == 401


def test_nobody_is_deactivated_by_a_request_that_the_filter_refused(person):
    browser = person.sign_in()
    for body in (OFF[:-1], OFF.replace(b"}]}", b'}],"Operations":[]}'), OFF + b" " * 200_000):
        assert person.entra("PATCH", body).status in (400, 413)
    assert has_session(browser)


def test_an_application_that_answers_with_a_list_locks_nobody_else_out(person, envoy, idp, scim_app):
    browser = person.sign_in()
    other = Person(envoy, idp, scim_app)
    scripted = ScriptedScim(scim_app, user(other.name, other.id), user(person.name, person.id))
    answer = scripted._answer
    everybody = {"Resources": list(scripted.users.values()), "totalResults": 2}
    scim_app.handler = lambda request: (
        Answer(200, scim_json(everybody), [("content-type", "application/scim+json")])
        if request.method == "GET"
        else answer(request)
    )
    person.entra("PATCH", OFF)
    assert not has_session(browser), "who was meant is not known, so everybody signs in anew"
    assert other.may_sign_in()


def test_somebody_locked_out_stays_so_under_a_new_name(person):
    person.entra("PATCH", OFF)
    old, person.name = person.name, f"renamed-{person.name}"
    person.entra("PATCH", patch({"op": "Replace", "path": "userName", "value": person.name}))
    assert not person.may_sign_in()
    person.name = old
    assert not person.may_sign_in()


def test_somebody_renamed_signs_in_by_the_new_name(person):
    browser = person.sign_in()
    person.name = f"renamed-{person.name}"
    person.entra("PATCH", patch({"op": "Replace", "path": "userName", "value": person.name}))
    assert not has_session(browser), "the session knows only the old name"
    assert person.may_sign_in()


@pytest.mark.core
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_new_name_beside_a_reactivation_ends_the_session_by_the_old_one(person, method):
    browser = person.sign_in()
    old, person.name = person.name, f"renamed-{person.name}"
    name = {"op": "Replace", "path": "userName", "value": person.name}
    active = {"op": "Replace", "path": "active", "value": "True"}
    body = patch(name, active) if method == "PATCH" else scim_json(person.resource(userName=person.name, active=True))
    assert person.entra(method, body).status in (200, 204)
    assert not has_session(browser), f"{old} is nobody's name any more"
    assert person.may_sign_in()


def test_a_reactivation_with_the_same_name_keeps_the_session(person):
    browser = person.sign_in()
    assert person.entra("PUT", scim_json(person.resource(active=True))).status == 200
    assert has_session(browser)


@pytest.mark.core
@pytest.mark.parametrize("active", ["False", "True"])
def test_an_address_of_somebody_else_in_a_new_account_neither_locks_out_nor_lets_in(envoy, idp, app, scim_app, active):
    other = Person(envoy, idp, scim_app)
    browser = other.sign_in()
    if active == "True":
        other.entra("PATCH", OFF)
    emails = [{"type": "work", "value": f"adm-{other.name}"}, {"type": "other", "value": other.name}]
    body = scim_json(user(f"adm-{other.name}", active=active, emails=emails) | {"id": None})
    assert entra(envoy, "POST", "/Users", body).status == 201
    assert has_session(browser) == other.may_sign_in() == (active == "False")


def test_an_address_that_a_leaver_left_behind_locks_its_next_owner_not_out(envoy, idp, app, scim_app):
    address = f"sales-{next(NUMBER)}@n.example"
    leaver = Person(envoy, idp, scim_app, emails=[{"type": "work", "value": address, "primary": True}])
    leaver.entra("PATCH", OFF)
    assert not leaver.may_sign_in()
    heir = Person(envoy, idp, scim_app)
    change = {"op": "Add", "path": 'emails[type eq "work"].value', "value": address}
    assert heir.entra("PATCH", patch(change)).status in (200, 204)
    assert heir.may_sign_in()
    assert not leaver.may_sign_in()
