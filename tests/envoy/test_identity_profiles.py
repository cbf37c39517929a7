"""What applications are told in the ways they know: profiles, credentials, rules of their own, and nothing forged."""

import base64
import quopri
from urllib.parse import unquote

import pytest
from harness import identity, settings
from harness.browser import Browser
from harness.client import H1, H2
from harness.settings import changed
from harness.sign_in import Login, sign_in

pytestmark = pytest.mark.modes("held", "early")

FORGED = "forged@evil.example"
PASSWORD = "of-the-application"
BASIC = "Basic " + base64.b64encode(f"ada@n.example:{PASSWORD}".encode()).decode()
ADA = {"display_name": "Ada Lovelace", "groups": ["staff", "a|b,c"], "roles": ["Editor"], "name": "ada@n.example"}


def access(base, **fields):
    """The configuration with fields of `access` set (`...` takes one away)."""
    for name, value in fields.items():
        base = changed(base, f"tenants.0.access.{name}", value)
    return base


@pytest.fixture(scope="module")
def everything(base):
    """Grafana's headers, credentials, and rules that say something else."""
    rules = base["tenants"][0]["access"]["rules"]
    own = [
        {
            "path": {"prefix": "/private/team"},
            "access": "signed_in",
            "identity_headers": {
                "set": [{"name": "x-team", "value": "{claim:groups|first}"}, {"name": "x-webauth-user", "value": "team"}],
                "remove": ["x-webauth-role", "authorization"],
            },
        },
        {"path": {"prefix": "/private/nobody"}, "access": "signed_in", "identity_headers": "none"},
    ]
    return access(
        base,
        profiles=["grafana"],
        basic_credentials={"user": "{name_id}", "password": {"value": PASSWORD}},
        rules=[*own, *rules],
    )


@pytest.fixture(scope="module")
def grafana(start, everything):
    with start(everything) as running:
        yield running


NAMES = [*identity.WELL_KNOWN, *settings.IDENTITY_HEADERS, "x-team", "authorization"]


@pytest.mark.core
def test_grafana_is_told_who_is_there_as_its_auth_proxy_wants_it(grafana, app, idp):
    browser = sign_in(grafana, idp, "ada@n.example", claims=ADA | {"display_name": "Ada Müller"})
    app.clear()
    assert browser.fetch("/private/x").status == 200
    request = app.only()
    # As Grafana reads them with `headers_encoded = true`.
    decoded = {
        name: quopri.decodestring(request.get(f"x-webauth-{name}").encode()).decode()
        for name in ("user", "email", "name", "role")
    }
    assert decoded == {
        "user": "ada@n.example",
        "email": "ada@n.example",
        "name": "Ada Müller",
        "role": "Editor",
    }
    groups = [unquote(group) for group in request.get("x-webauth-groups").split(",")]
    assert groups == ["staff", "a|b,c"]


def test_a_person_of_two_roles_has_none_for_grafana(grafana, app, idp):
    browser = sign_in(grafana, idp, "ada@n.example", claims=ADA | {"roles": ["Viewer", "Admin"]})
    app.clear()
    assert browser.fetch("/private/x").status == 200
    assert "x-webauth-role" not in app.only().names()


PROFILES = {
    "x-forwarded": {
        "x-forwarded-user": "ada@n.example",
        "x-forwarded-email": "ada@n.example",
        "x-forwarded-preferred-username": "ada@n.example",
        "x-forwarded-groups": "staff,a|b%2Cc",
    },
    "remote-user": {
        "remote-user": "ada@n.example",
        "remote-email": "ada@n.example",
        "remote-name": "Ada Lovelace",
        "remote-groups": "staff,a|b%2Cc",
    },
    "jenkins": {
        "x-forwarded-user": "ada@n.example",
        "x-forwarded-mail": "ada@n.example",
        "x-forwarded-displayname": "Ada Lovelace",
        "x-forwarded-groups": "staff|a%7Cb,c",
    },
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_tells_what_its_applications_read(start, base, app, idp, profile):
    with start(access(base, profiles=[profile], identity_headers=...)) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example", claims=ADA)
        app.clear()
        forged = [(name, FORGED) for known in identity.WELL_KNOWN for name in (known, known.replace("-", "_"))]
        assert browser.fetch("/private/x", headers=forged).status == 200
    assert dict(identity.found(app.only().headers, identity.WELL_KNOWN)) == PROFILES[profile]
    assert len(identity.found(app.only().headers, identity.WELL_KNOWN)) == len(PROFILES[profile])


@pytest.mark.core
@pytest.mark.parametrize("path", ["/public/x", "/mixed/x"])
@pytest.mark.parametrize("version", ["h1", "h2"])
def test_row_7_4_forged_profile_headers_never_arrive(grafana, app, path, version):
    spellings = [spelt for name in identity.WELL_KNOWN for spelt in identity.spellings(name)]
    spellings += ["x-team", "X_Team", "x.team"]
    if version == "h2":
        spellings = sorted({name.lower() for name in spellings})
    for at in range(0, len(spellings), 60):
        app.clear()
        with getattr(grafana, version)() as client:
            pairs = [(name, FORGED) for name in spellings[at : at + 60]]
            assert client.request("GET", path, [("x-kept", "1"), *pairs, *pairs[:3]]).status == 200
        assert identity.found(app.only().headers, NAMES) == []
        assert app.only().get("x-kept") == "1"


@pytest.mark.core
def test_row_7_4_forged_profile_headers_never_arrive_as_trailers(grafana, h2_app):
    for name in ["x-webauth-user", "x_webauth_user", "x-vestibule-assertion", "x-team", "remote_user", "authorization"]:
        h2_app.clear()
        with grafana.h2() as client:
            trailers = [(name, FORGED), ("x-kept", "1"), (name, FORGED)]
            assert client.request("POST", "/h2/public/x", body=b"abc", trailers=trailers).status == 200
        assert h2_app.requests[0].trailers == [("x-kept", "1")], name


@pytest.mark.core
def test_row_7_4_forged_profile_headers_beside_a_session_leave_only_the_true_ones(grafana, app, idp):
    browser = sign_in(grafana, idp, "ada@n.example", claims=ADA)
    forged = [(name, FORGED) for known in NAMES for name in identity.spellings(known)[:4]]
    for at in range(0, len(forged), 60):  # Envoy takes 100 headers
        headers = forged[at : at + 60]
        app.clear()
        assert browser.fetch("/private/x", headers=headers).status == 200
        told = dict(identity.found(app.only().headers, NAMES))
        assert FORGED not in told.values() and told["x-webauth-user"] == "ada@n.example"
        assert len(identity.found(app.only().headers, NAMES)) == len(told)


@pytest.mark.core
def test_row_7_5_the_application_gets_its_credentials_and_never_the_clients(grafana, app, idp):
    theirs = [("authorization", "Basic Zm9yZ2VkOmZvcmdlZA=="), ("Authorization", "Bearer forged")]
    for path in ("/public/x", "/mixed/x"):
        app.clear()
        with grafana.h1() as client:
            assert client.request("GET", path, theirs).status == 200
        assert app.only().all("authorization") == []
    browser = sign_in(grafana, idp, "ada@n.example")
    for path in ("/private/x", "/mixed/x"):
        app.clear()
        assert browser.fetch(path, headers=theirs).status == 200
        assert app.only().all("authorization") == [BASIC]
    with H2(grafana.tls_port, tls=True, host=browser.authority) as client:
        app.clear()
        cookies = [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
        assert client.request("GET", "/private/x", [*cookies, theirs[0]]).status == 200
        assert app.only().all("authorization") == [BASIC]


def test_row_7_5_without_credentials_of_ours_the_clients_pass(envoy, app):
    with envoy.h1() as client:
        assert client.request("GET", "/public/x", [("authorization", "Bearer theirs")]).status == 200
    assert app.only().all("authorization") == ["Bearer theirs"]


@pytest.mark.modes("held")  # Provisioning is.
def test_the_provisioning_client_still_proves_itself_where_the_application_gets_credentials(grafana, scim_app):
    from harness.scim_app import ScriptedScim, entra, user

    ScriptedScim(scim_app, user("ada"))
    assert entra(grafana, "GET", "/Users/u-1").status == 200


@pytest.mark.core
def test_a_rule_adds_replaces_and_suppresses_headers(grafana, app, idp):
    browser = sign_in(grafana, idp, "ada@n.example", claims=ADA)
    app.clear()
    assert browser.fetch("/private/team/x", headers=[("x-webauth-role", "Admin")]).status == 200
    told = dict(identity.found(app.only().headers, NAMES))
    assert told["x-team"] == "staff" and told["x-webauth-user"] == "team"
    assert "x-webauth-role" not in told and "authorization" not in told
    assert told["x-webauth-email"] == "ada@n.example"
    app.clear()
    assert browser.fetch("/private/nobody/x", headers=[("x-webauth-user", FORGED)]).status == 200
    assert identity.found(app.only().headers, NAMES) == []


VALUES = {
    "Ada\r\nx-webauth-user: admin": "Ada%0D%0Ax-webauth-user: admin",
    "Ada\nLovelace": "Ada%0ALovelace",
    "Ada\tLovelace": "Ada%09Lovelace",
    "Łukasz \U0001f600": "%C5%81ukasz %F0%9F%98%80",
    "100%": "100%25",
    "\x85x\x7f": "%C2%85x%7F",
}


def told_of(start, configuration, app, idp, name):
    """What comes of a person of this name: the status, and the header."""
    with start(configuration) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        claims = {"display_name": name}
        # An XML library writes the characters as references, so that they survive the reader.
        xml = idp.response(login.request.id, "ada@n.example", claims=claims)
        assert login.answer(xml).status == 303
        app.clear()
        status = browser.fetch("/private/x").status
    return status, [request.get("x-name") for request in app.requests], app.requests


@pytest.fixture(scope="module")
def named(base):
    return access(base, identity_headers=[{"name": "x-name", "value": "{claim:display_name}"}])


def test_row_7_1_7_2_values_are_encoded_and_never_split(start, named, app, idp):
    with start(named) as envoy:
        for given, text in VALUES.items():
            browser = sign_in(envoy, idp, "ada@n.example", claims={"display_name": given})
            app.clear()
            assert browser.fetch("/private/x").status == 200
            # What an XML reader makes of raw line ends is the provider's matter; none may arrive.
            assert app.only().all("x-name") in ([text], [text.replace("%0D%0A", "%0A")], [text.replace("%09", " ")])
            assert "x-webauth-user" not in app.only().names()


@pytest.mark.core
def test_row_7_1_7_2_values_that_cannot_stand_are_refused_where_that_is_wanted(start, named, app, idp):
    with start(access(named, on_unencodable="refuse")) as envoy:
        browser = sign_in_quietly(envoy, idp, {"display_name": "Łukasz"})
        app.clear()
        reply = browser.fetch("/private/x")
        assert reply.status == 403 and reply.json()["error"] == "identity_unencodable"
        assert browser.get("/private/x").status == 403
        assert not app.requests
        browser = sign_in_quietly(envoy, idp, {"display_name": "100% Ada"})
        app.clear()
        assert browser.fetch("/private/x").status == 200
        assert app.only().get("x-name") == "100% Ada"


def sign_in_quietly(envoy, idp, claims):
    """A browser with a session, without looking whether it lets to a page."""
    browser = Browser(envoy)
    login = Login(browser)
    assert login.answer(idp.response(login.request.id, "ada@n.example", claims=claims)).status == 303
    return browser


@pytest.mark.core
def test_row_7_7_a_header_that_is_too_long_is_refused_and_never_cut(start, named, app, idp):
    with start(access(named, max_header_bytes=300, max_headers_bytes=400)) as envoy:
        for length, status in ((300, 200), (301, 403)):
            browser = sign_in_quietly(envoy, idp, {"display_name": "a" * length})
            app.clear()
            assert browser.fetch("/private/x").status == status
            assert [request.get("x-name") for request in app.requests] == ["a" * 300] * (status == 200)


def test_row_7_7_a_hundred_and_fifty_groups_arrive(envoy, app, idp):
    groups = [f"{at:08d}-0000-4000-8000-000000000000" for at in range(150)]
    browser = sign_in(envoy, idp, "ada@n.example", claims={"groups": groups})
    app.clear()
    assert browser.fetch("/private/x").status == 200
    assert app.only().get("x-groups").split(",") == groups


def test_row_7_3_a_group_whose_name_has_the_separator_is_one_group(envoy, app, idp):
    for groups in (["admins,staff"], ["a,b", "c%2Cd"]):
        browser = sign_in(envoy, idp, "ada@n.example", claims={"groups": groups})
        app.clear()
        assert browser.fetch("/private/x").status == 200
        assert [unquote(group) for group in app.only().get("x-groups").split(",")] == groups


def test_groups_arrive_by_name(start, base, app, idp):
    ids = ["0A000000-0000-4000-8000-000000000000", "0b000000-0000-4000-8000-000000000000"]
    names = {ids[0].lower(): "admins"}
    for unknown, arrives in (("drop", "admins"), ("keep", f"admins,{ids[1]}")):
        with start(access(base, group_names=names, unknown_groups=unknown)) as envoy:
            browser = sign_in(envoy, idp, "ada@n.example", claims={"groups": [*ids, "admins"]})
            app.clear()
            assert browser.fetch("/private/x").status == 200
            assert app.only().get("x-groups") == arrives


@pytest.mark.parametrize("where", ["rule", "assertion"])
def test_group_overage_counts_wherever_groups_are_told(start, base, idp, where):
    from test_identity_assertion import EC_KEY

    made = access(base, identity_headers=[{"name": "x-user", "value": "{name_id}"}])
    if where == "rule":
        rule = {
            "path": {"prefix": "/private/team"},
            "access": "signed_in",
            "identity_headers": {"set": [{"name": "x-team", "value": "{claim:groups}"}]},
        }
        made = access(made, rules=[rule, *made["tenants"][0]["access"]["rules"]])
    else:
        assertion = {"audience": "app", "key": {"value": EC_KEY}}
        made = access(made, assertion=assertion | {"claims": [{"name": "groups", "values": "{claim:groups}"}]})
    claims = {"groups_link": "https://graph.windows.net/x/users/y/getMemberObjects"}
    with start(made) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        assert login.answer(idp.response(login.request.id, claims=claims)).status == 403
        assert not browser.sessions()
    with start(access(base, identity_headers=[{"name": "x-user", "value": "{name_id}"}])) as envoy:
        sign_in(envoy, idp, "ada@n.example", claims=claims)


WRONG = {
    "identity_headers.0.value": ("{claim:email|lowr}", r"did you mean lower"),
    "identity_headers.1.name": ("authorization", r"basic_credentials"),
    "profiles": (["grafna"], r"did you mean grafana"),
    "group_names": ({"a": "x", "A": "y"}, r"is there twice"),
    "on_unencodable": ("maybe", r"encode, refuse"),
    "max_header_bytes": (1, r"256"),
    "basic_credentials": ({"user": "x"}, r"password"),
}


def test_what_is_wrong_is_named_with_its_remedy(start, base):
    from test_configuration import refusal

    for where, (value, _) in WRONG.items():
        base = access(base, **{where: value})
    log = refusal(start, base)
    for where, (_, remedy) in WRONG.items():
        import re

        name = where.split(".")[0]
        assert re.search(rf"{name}.*{remedy}", log), (where, log)


def test_our_credentials_are_never_in_the_log(grafana, app, idp):
    sign_in(grafana, idp, "ada@n.example")
    assert PASSWORD not in grafana.log() and BASIC.split()[1] not in grafana.log()


def test_a_session_on_two_cookie_lines_tells_the_same(grafana, app, idp):
    browser = sign_in(grafana, idp, "ada@n.example", claims=ADA)
    pairs = [("cookie", "a=1")] + [("cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    app.clear()
    with H1(grafana.tls_port, tls=True, host=browser.authority) as client:
        assert client.request("GET", "/private/x", pairs).status == 200
    assert app.only().get("x-webauth-user") == "ada@n.example"
