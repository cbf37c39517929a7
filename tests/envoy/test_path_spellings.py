"""Spellings of one path, each of which some server reads as `/secret/…`: none of them gets there without its policy.

Each is first shown to reach an application where everything is public and every spelling is allowed, and to be read there as the
secret path by an oracle that shares no code with the filter (`harness.lax`). Then, whatever the filter allows and Envoy does, nothing
that can be read so reaches the application.
"""

import pytest
from harness import bootstrap, lax, settings

pytestmark = pytest.mark.modes("held", "early")

NAMES = [
    "encoded_slash",
    "backslash",
    "dot_segment",
    "empty_segment",
    "semicolon",
    "control",
    "bad_escape",
    "double_escape",
    "not_utf8",
    "delimiter",
    "trailing_dot",
]
SPELLINGS = [
    # Case, and letters that need no escape.
    "/SECRET/x",
    "/Secret/x",
    "/%73ecret/x",
    "/s%65cret/x",
    "/%53ECRET/x",
    "/%73%65%63%72%65%74/x",
    "/secret/",
    "/%c5%bfecret/x",
    "/%ef%bd%93ecret/x",
    # Slashes.
    "/secret%2fx",
    "/secret%2Fx",
    "/%2fsecret/x",
    "//secret/x",
    "///secret/x",
    "//host/secret/x",
    "/secret//x",
    "/public//../secret/x",
    "/secret%ef%bc%8fx",
    # Backslashes.
    "/secret%5cx",
    "/secret%5Cx",
    "/secret\\x",
    "/\\secret/x",
    "/public\\..\\secret/x",
    "/public/..%5csecret/x",
    "/public/..%5c..%5csecret/x",
    # Dot segments.
    "/./secret/x",
    "/.//secret/x",
    "/%2e/secret/x",
    "/secret/./x",
    "/public/../secret/x",
    "/public/x/../../secret/x",
    "/public/%2e%2e/secret/x",
    "/public/%2E%2E/secret/x",
    "/public/.%2e/secret/x",
    "/public/%2e./secret/x",
    "/public/..%2fsecret/x",
    "/public/%2e%2e%2fsecret/x",
    "/public/%2e%2e//secret/x",
    "/public/%ef%bc%8e%ef%bc%8e/secret/x",
    "/public/..%ef%bc%8fsecret/x",
    "/public/%e2%80%a5/secret/x",
    # Parameters.
    "/secret;/x",
    "/secret;a=b/x",
    "/secret;x",
    "/secret%3b/x",
    "/secret%3Ba/x",
    "/public/..;/secret/x",
    "/public/..;a=b/secret/x",
    "/public/..%3b/secret/x",
    "/;/secret/x",
    # More than one decoding.
    "/%2573ecret/x",
    "/secret%252fx",
    "/public/%252e%252e/secret/x",
    "/public/%252e%252e%252fsecret/x",
    "/public/..%252fsecret/x",
    "/public/..%255csecret/x",
    "/public/%25252e%25252e/secret/x",
    # Overlong and other forms.
    "/public/%c0%ae%c0%ae/secret/x",
    "/public/..%c0%afsecret/x",
    "/public/..%c1%9csecret/x",
    "/public/%e0%80%ae%e0%80%ae/secret/x",
    "/public/..%e0%80%afsecret/x",
    "/public/%u002e%u002e/secret/x",
    "/public/..%u002fsecret/x",
    "/%u0073ecret/x",
    # Control characters, ends, dots and spaces.
    "/secret%00",
    "/secret%00.html",
    "/secret%00/x",
    "/se%00cret/x",
    "/public/..%00/secret/x",
    "/public/.%09./secret/x",
    "/secret%0a/x",
    "/secret%0d%0a/x",
    "/secret%7f/x",
    "/secret%3fx",
    "/secret%3Fa=/x",
    "/secret%23x",
    "/secret./x",
    "/secret../x",
    "/secret%2e/x",
    "/secret%20/x",
    "/secret.%20/x",
]
DEFAULT: dict = {}
HARDENED = {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "REJECT_REQUEST"}
DECODING = {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}
OPTIONS = {"default": DEFAULT, "hardened": HARDENED, "decoding": DECODING}
PUBLIC = {"path": {"prefix": "/"}, "access": "public"}
SECRET = {"path": {"prefix": "/secret"}, "access": "signed_in", "require": [{"claim": "roles", "one_of": ["admin"]}]}
POLICIES = {
    "rules": {"rules": [SECRET, PUBLIC]},
    "regex": {"rules": [SECRET | {"path": {"regex": "/secret(/.*)?"}}, PUBLIC]},
}


def spellings(allowed):
    return {"allow_path_spellings": NAMES} if allowed else {}


def with_access(base, access):
    return settings.changed(base, "tenants.0.access", access)


def ask(envoy, protocol, path):
    with getattr(envoy, protocol)() as client:
        return client.request("GET", path)


def test_there_are_at_least_sixty_spellings():
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60


@pytest.fixture(scope="module")
def open_envoy(start, base):
    with start(with_access(base, {"rules": [PUBLIC]} | spellings(True))) as envoy:
        yield envoy


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("path", SPELLINGS)
def test_row_8_17_each_spelling_reaches_the_application_under_a_public_policy(open_envoy, app, protocol, path):
    assert ask(open_envoy, protocol, path).status == 200
    assert lax.reaches(app.only().path, "/secret"), app.only().path


@pytest.fixture(scope="module", params=[f"{o}-{p}-{a}" for o in OPTIONS for p in POLICIES for a in ("strict", "lax")])
def guarded(request, start, base):
    options, policy, allowed = request.param.split("-")
    access = POLICIES[policy] | spellings(allowed == "lax")
    with start(with_access(base, access), options=OPTIONS[options]) as envoy:
        envoy.merges = bool(OPTIONS[options])
        yield envoy


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_row_8_17_no_spelling_reaches_the_stricter_path_without_its_policy(guarded, app, protocol):
    assert ask(guarded, protocol, "/public/x").status == 200
    assert ask(guarded, protocol, "/secret/x").status == 401
    statuses = {path: ask(guarded, protocol, path).status for path in SPELLINGS}
    reached = [request.path for request in app.requests if lax.reaches(request.path, "/secret")]
    assert not reached
    passed = {path for path, status in statuses.items() if status not in (400, 401, 403)}
    # Where Envoy merges slashes, these are paths of their own.
    assert passed <= ({"//host/secret/x", "/public//../secret/x"} if guarded.merges else set())
    assert len(app.requests) == 1 + len(passed)


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_row_8_17_no_spelling_reaches_a_path_whose_route_names_a_stricter_policy(start, base, app, protocol):
    routes = [
        bootstrap.route("/secret", "app", metadata={"vestibule": {"policy": "closed"}}),
        bootstrap.route("/", "app", metadata={"vestibule": {"policy": "open"}}),
    ]
    policies = {"open": [PUBLIC], "closed": [SECRET]}
    # Envoy's routes distinguish case, and only there may the application as well.
    other_case = {"/SECRET/x", "/Secret/x"}
    for allowed in (False, True):
        access = {"policies": policies} | spellings(allowed)
        with start(with_access(base, access), routes=routes) as envoy:
            assert ask(envoy, protocol, "/secret/x").status == 401
            for path in SPELLINGS:
                if path not in other_case:
                    assert ask(envoy, protocol, path).status in (400, 401, 403), path
            assert not app.requests


def test_an_absolute_form_is_judged_by_its_path(start, base, app):
    with start(with_access(base, POLICIES["rules"])) as envoy:
        assert ask(envoy, "h1", "http://localhost/public/x").status == 200
        for path in ("http://localhost/secret/x", "http://localhost//secret/x", "http://localhost/public/../secret/x"):
            assert ask(envoy, "h1", path).status in (400, 401), path
        assert ask(envoy, "h1", "/public/x#/secret").status == 400
    assert [request.path for request in app.requests] == ["/public/x"]
