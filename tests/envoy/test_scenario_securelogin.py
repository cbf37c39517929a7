"""SecureLogin, as it is shipped in both variants: the Authorize button. docs/scenarios.md names each line."""

import contextlib
import itertools
import json
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from harness.authorities import Key, server_claims
from harness.browser import Browser, query_of
from harness.client import H1
from harness.messages import scim_error
from harness.scenarios import GROUP, ORIGIN, USER, Builder, replace
from harness.scim_app import patch
from harness.servers import scimmy
from harness.upstream import RESET, Answer

NUMBER = itertools.count()
CLIENT = ("authorization", "Basic ZW50cmE6Y2xpZW50LXNlY3JldA==")
FORM = ("content-type", "application/x-www-form-urlencoded")
REDIRECT = "https://portal.azure.com/TokenAuthorize"
ATTRIBUTES = {
    "userName": ("matched@meadow.example", "matched.anew@meadow.example"),
    "active": ("True", "False"),
    'emails[type eq "work"].value': ("ada@meadow.example", "ada.lovelace@meadow.example"),
    "name.givenName": ("Ada", "Augusta"),
    "name.familyName": ("Lovelace", "King"),
    'phoneNumbers[type eq "mobile"].value': ("+44 7700 900123", "+41 79 123 45 67"),
    "externalId": ("object-1815", "object-1852"),
    "preferredLanguage": ("en-GB", "de-CH"),
}


@pytest.fixture(scope="module")
def builder(envoy_binary, wasm, tls, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Builder(envoy_binary, wasm, tls, tmp_path_factory.mktemp, stack)


@pytest.fixture(scope="module", params=["introspection", "jwks"])
def scenario(request, builder):
    """Each variant before another application."""
    return builder.securelogin(kind=scimmy) if request.param == "introspection" else builder.securelogin_jwks()


@pytest.fixture(scope="module")
def tenant(scenario):
    return scenario.tenant


@pytest.fixture(autouse=True)
def _fresh(request):
    yield
    if "scenario" in request.fixturenames:
        made = request.getfixturevalue("scenario")
        garbage = list(made.site.garbage)
        made.site.clear()
        assert not garbage


class AuthorizationServer:
    """The application's own: a page to consent on, codes, access tokens and refresh tokens."""

    def __init__(self, scenario):
        self.scenario, self.seen, self.codes = scenario, [], {}
        scenario.site.pages = self.answer

    def issue(self) -> str:
        if key := self.scenario.parts.get("key"):
            return Builder.access_token(key, jti=str(next(NUMBER)))
        token = f"access-{next(NUMBER)}"
        self.scenario.parts["oauth"].tokens[token] = {"active": True} | server_claims(client_id="entra", scope="scim")
        return token

    def answer(self, request):
        url = urlsplit(request.path)
        self.seen.append(request)
        if url.path == "/oauth2/authorize":
            asked = parse_qs(url.query)
            code = f"code-{next(NUMBER)}"
            self.codes[code] = True
            back = f"{asked['redirect_uri'][0]}?{urlencode({'code': code, 'state': asked['state'][0]})}"
            return Answer(302, b"", [("location", back), ("set-cookie", "OAUTH=of-the-server; Path=/oauth2")])
        if url.path == "/oauth2/token" and request.get("authorization") == CLIENT[1]:
            form = parse_qs(request.body.decode())
            good = self.codes.pop(form.get("code", [""])[0], False) or form.get("refresh_token") == ["refresh-1"]
            if good:
                made = {"access_token": self.issue(), "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-1"}
                return Answer(200, json.dumps(made).encode(), [("content-type", "application/json"), ("cache-control", "no-store")])
            return Answer(400, b'{"error":"invalid_grant"}')
        return Answer(401, b'{"error":"invalid_client"}')


def to(scenario, method, path, headers, body=None):
    with H1(scenario.envoy.tls_port, tls=True, host="localhost:8443") as client:
        return client.request(method, path, headers, body)


def test_authorize_ends_with_a_token_that_provisions(scenario, tenant):
    """The administrator's browser, Entra's exchange of the code, and then the renewed token, all through the filter."""
    server = AuthorizationServer(scenario)
    browser = Browser(scenario.envoy)
    query = urlencode({"response_type": "code", "client_id": "entra", "redirect_uri": REDIRECT, "state": "s 1&2"})
    consent = browser.get(f"/oauth2/authorize?{query}")
    assert consent.status == 302 and consent.get("location").startswith(f"{REDIRECT}?")
    back = query_of(consent.get("location"))
    assert back["state"] == "s 1&2"
    form = urlencode({"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT}).encode()
    granted = to(scenario, "POST", "/oauth2/token", [CLIENT, FORM], form)
    assert granted.status == 200, granted.body
    assert tenant.entra(scenario.envoy, "GET", "/Users", token=granted.json()["access_token"]).status == 200
    form = urlencode({"grant_type": "refresh_token", "refresh_token": granted.json()["refresh_token"]}).encode()
    renewed = to(scenario, "POST", "/oauth2/token", [CLIENT, FORM], form).json()["access_token"]
    assert tenant.entra(scenario.envoy, "GET", "/Users", token=renewed).status == 200
    assert len(server.seen) == 3


def test_the_authorization_and_token_endpoints_are_let_through_untouched(scenario):
    """Method, path, query, headers, body and answer, without a session; and nobody is told who is there."""
    server = AuthorizationServer(scenario)
    body = b"grant_type=authorization_code&code=wrong%2Bone&x=%7B%22active%22%3A%22False%22%7D"
    reply = to(scenario, "POST", "/oauth2/token?x=a%2Bb&y", [CLIENT, FORM, ("accept", "text/plain"), ("x-email", "forged")], body)
    assert reply.status == 400 and reply.body == b'{"error":"invalid_grant"}'
    seen = server.seen[-1]
    assert (seen.method, seen.path, seen.body) == ("POST", "/oauth2/token?x=a%2Bb&y", body)
    assert seen.get("authorization") == CLIENT[1] and seen.get("accept") == "text/plain" and seen.get("content-type") == FORM[1]
    assert seen.get("x-email") is None and seen.get("x-user") is None
    reply = to(scenario, "GET", "/oauth2/authorize?response_type=code&redirect_uri=https%3A%2F%2Fa.test%2F&state=1", [])
    assert reply.status == 302 and reply.get("set-cookie") == "OAUTH=of-the-server; Path=/oauth2"
    assert server.seen[-1].path.endswith("redirect_uri=https%3A%2F%2Fa.test%2F&state=1")


def test_what_lies_beside_those_endpoints_wants_a_sign_in(scenario):
    for path in ("/oauth2x/token", "/OAUTH2/token", "/oauth2/../admin", "/oauth2/%2e%2e/admin", "/"):
        assert to(scenario, "GET", path, []).status in (302, 400, 401, 403), path
    assert not scenario.site.requests


def test_there_is_no_secret_token_and_another_token_is_refused(scenario, tenant):
    assert "tokens:" not in scenario.envoy.text
    for token in ("of-nobody", "x" * 500, "a.b.c"):
        scim_error(tenant.entra(scenario.envoy, "GET", "/Users", token=token), 401)
    assert not scenario.site.scim_requests()


def test_the_access_token_ends_at_the_filter_and_the_application_sees_its_own_credential(scenario, tenant):
    assert tenant.entra(scenario.envoy, "GET", "/Users").status == 200
    assert {request.get("authorization") for request in scenario.site.scim_requests()} == {"Bearer own-secret"}
    assert tenant.token not in scenario.envoy.log()


def test_a_token_of_another_kind_of_client_provisions_nobody(scenario, tenant):
    """The same server issues tokens to people and to other clients."""
    for wrong in ({"client_id": "mobile-app"}, {"scope": "openid profile"}, {"exp": int(time.time()) - 3600}):
        if key := scenario.parts.get("key"):
            token = Builder.access_token(key, **wrong)
        else:
            token = f"other-{next(NUMBER)}"
            said = {"active": "exp" not in wrong} | server_claims(**({"client_id": "entra", "scope": "scim"} | wrong))
            scenario.parts["oauth"].tokens[token] = said
        scim_error(tenant.entra(scenario.envoy, "GET", "/Users", token=token), 401)


def test_introspection_is_asked_with_the_filters_own_credential_over_tls(builder):
    made = builder.securelogin()
    oauth = made.parts["oauth"]
    assert made.tenant.entra(made.envoy, "GET", "/Users").status == 200
    asked = oauth.only("POST")
    assert asked.path == "/oauth2/introspect" and asked.get("host") == "oauth.example.com"
    assert asked.get("authorization").startswith("Basic ")
    assert parse_qs(asked.body.decode())["token"] == [made.tenant.token]
    assert made.tenant.entra(made.envoy, "GET", "/Users").status == 200
    assert len(oauth.requests) == 1, "an answer is believed for a while"
    made.site.clear()
    oauth.answer = Answer(500, b"out of order")
    scim_error(made.tenant.entra(made.envoy, "GET", "/Users", token="not-seen-before"), 503)
    oauth.answer = RESET
    scim_error(made.tenant.entra(made.envoy, "GET", "/Users", token="not-seen-either"), 503)
    assert not made.site.scim_requests()


@pytest.mark.parametrize("variant", ["securelogin", "securelogin_jwks"])
def test_a_server_that_is_not_the_authorization_server_is_not_believed(builder, variant):
    """Its certificate is for another host: no token is good, and the job is told to come again, not that it is broken."""
    made = getattr(builder, variant)(certified_for="evil.example.com")
    reply = made.tenant.entra(made.envoy, "GET", "/Users")
    scim_error(reply, 503)
    assert reply.get("retry-after") and not made.site.scim_requests() and not made.parts["oauth"].requests


def test_a_token_signed_with_a_key_that_is_not_published_is_refused(builder):
    made = builder.securelogin_jwks()
    assert made.tenant.entra(made.envoy, "GET", "/Users").status == 200
    for kid in ("first", "second"):
        scim_error(made.tenant.entra(made.envoy, "GET", "/Users", token=Builder.access_token(Key(kid))), 401)


# Attributes.


def new_user() -> dict:
    name = f"person-{next(NUMBER)}@meadow.example"
    return {
        "schemas": [USER],
        "externalId": ATTRIBUTES["externalId"][0],
        "userName": name,
        "active": "True",
        "emails": [{"primary": True, "type": "work", "value": ATTRIBUTES['emails[type eq "work"].value'][0]}],
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "phoneNumbers": [{"type": "mobile", "value": ATTRIBUTES['phoneNumbers[type eq "mobile"].value'][0]}],
        "preferredLanguage": "en-GB",
        "meta": {"resourceType": "User"},
    }


def read(have: dict, path: str):
    if "[" in path:
        attribute, kind = path.split("[")[0], path.split('"')[1]
        values = [element["value"] for element in have.get(attribute) or [] if element.get("type") == kind]
        assert len(values) <= 1
        return values[0] if values else None
    at = have
    for step in path.split("."):
        at = (at or {}).get(step)
    return at


def test_every_attribute_of_a_new_user_arrives(scenario, tenant):
    body = new_user()
    made = tenant.entra(scenario.envoy, "POST", "/Users", body)
    assert made.status == 201, made.body
    have = tenant.stored(f"/Users/{made.json()['id']}")
    for path, (first, _) in ATTRIBUTES.items():
        expected = {"userName": body["userName"], "active": True}.get(path, first)
        assert read(have, path) == expected, path


@pytest.mark.parametrize("path", ATTRIBUTES)
def test_each_attribute_is_changed_by_itself(scenario, tenant, path):
    id = tenant.entra(scenario.envoy, "POST", "/Users", new_user()).json()["id"]
    before = tenant.stored(f"/Users/{id}")
    value = f"anew-{next(NUMBER)}@meadow.example" if path == "userName" else ATTRIBUTES[path][1]
    reply = tenant.entra(scenario.envoy, "PATCH", f"/Users/{id}", replace(path, value))
    assert reply.status in (200, 204), reply.body
    after = tenant.stored(f"/Users/{id}")
    assert read(after, path) == (False if path == "active" else value)
    for other in ATTRIBUTES:
        if other != path:
            assert read(after, other) == read(before, other), f"{other} changed too"


def test_name_external_id_and_members_of_a_group_arrive(scenario, tenant):
    envoy = scenario.envoy
    people = [tenant.entra(envoy, "POST", "/Users", new_user()).json()["id"] for _ in range(3)]
    name = f"Crew {next(NUMBER)}"
    body = {"schemas": [GROUP], "displayName": name, "externalId": f"object-of-{name}", "meta": {"resourceType": "Group"}}
    made = tenant.entra(envoy, "POST", "/Groups", body)
    assert made.status == 201, made.body
    group = made.json()["id"]
    add = [{"$ref": None, "value": id} for id in people]
    for operation in ({"op": "Add", "path": "members", "value": add}, {"op": "Remove", "path": "members", "value": add[:1]}):
        reply = tenant.entra(envoy, "PATCH", f"/Groups/{group}", patch(operation))
        assert reply.status in (200, 204), reply.body
    have = tenant.stored(f"/Groups/{group}")
    assert have["displayName"] == name and have["externalId"] == f"object-of-{name}"
    assert {member["value"] for member in have["members"]} == set(people[1:])
    quoted = name.replace(" ", "+")
    found = tenant.entra(envoy, "GET", f"/Groups?excludedAttributes=members&filter=displayName+eq+%22{quoted}%22").json()
    assert [entry["id"] for entry in found["Resources"]] == [group]


def test_the_shipped_file_names_endpoints_that_lie_where_they_are_let_through(scenario):
    assert f"Authorization endpoint: {ORIGIN}/oauth2/authorize" in scenario.envoy.text
    assert "pass: [/oauth2]" in scenario.envoy.text


