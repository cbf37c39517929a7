"""Provisioning through the filter: who may, what the application receives, what Entra gets back."""

import base64
import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from harness import settings
from harness.client import scim_json
from harness.messages import scim_error
from harness.scim_app import SCIM_HEADERS, ScriptedScim, entra, error, patch, user
from harness.upstream import Answer

USERS = settings.SCIM + "/Users"
RENAME = patch({"op": "Replace", "path": "displayName", "value": "Ada \u00e9"})
RENAMED = {"op": "replace", "path": "displayName", "value": "Ada \u00e9"}


@pytest.fixture(autouse=True)
def scripted(scim_app):
    return ScriptedScim(scim_app, user("ada"))


def received(scim_app, method="PATCH"):
    """The one write that came, whose length is checked to be exact."""
    request = scim_app.only(method)
    assert not request.chunked
    assert request.get("content-length") == str(len(request.body))
    return request


# Who may.


@pytest.mark.quick
@pytest.mark.core
@pytest.mark.parametrize(
    "given",
    [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "Bearer wrong")],
        [("authorization", f"Bearer {settings.TOKEN}x")],
        [("authorization", f"Bearer {settings.TOKEN[:-1]}")],
        [("authorization", f"Basic {settings.TOKEN}")],
        [("authorization", settings.TOKEN)],
        [("authorization", f"Bearer {settings.APP_TOKEN}")],
        [("authorization", f"Bearer wrong, Bearer {settings.TOKEN}")],
        [("authorization", "Bearer wrong"), settings.BEARER],
        [settings.BEARER, ("authorization", "Bearer wrong")],
        [("x-authorization", f"Bearer {settings.TOKEN}")],
    ],
)
def test_without_the_right_token_nothing_happens(envoy, scim_app, given):
    for method, body in (("GET", None), ("PATCH", RENAME), ("DELETE", None)):
        reply = entra(envoy, method, "/Users/u-1", body, given)
        scim_error(reply, 401)
        assert reply.get("www-authenticate").lower().startswith("bearer")
    assert not scim_app.requests


def test_a_token_that_is_no_text_is_refused_with_a_scim_error(envoy, scim_app):
    reply = entra(envoy, "GET", "/Users", headers=[("authorization", f"Bearer {settings.TOKEN}\xff")])
    scim_error(reply, reply.status)
    assert reply.status in (400, 401)
    assert not scim_app.requests


def test_the_hash_of_the_token_is_not_the_token(envoy, scim_app, base):
    kept = base["tenants"][0]["scim"]["tokens"][0]["sha256"]
    scim_error(entra(envoy, "GET", "/Users", headers=[("authorization", f"Bearer {kept}")]), 401)
    assert not scim_app.requests


def test_the_scheme_may_be_spelt_in_any_case(envoy):
    assert entra(envoy, "GET", "/Users", headers=[("Authorization", f"bEARER {settings.TOKEN}")]).status == 200


def test_each_of_several_tokens_opens(start, base):
    import hashlib

    tokens = [{"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest()} for name in ("old-one", "new-one")]
    with start(settings.changed(base, "tenants.0.scim.tokens", tokens)) as envoy:
        for token in ("old-one", "new-one"):
            assert entra(envoy, "GET", "/Users", headers=[("authorization", f"Bearer {token}")]).status == 200
        scim_error(entra(envoy, "GET", "/Users"), 401)


@pytest.mark.core
def test_the_application_gets_its_own_credential_and_never_that_of_entra(envoy, scim_app):
    assert entra(envoy, "GET", "/Users/u-1").status == 200
    assert scim_app.only().get("authorization") == f"Bearer {settings.APP_TOKEN}"
    assert not [value for _, value in scim_app.only().headers if settings.TOKEN in value]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("scripted_as", ["SCIM", "a page"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/Users?filter=userName+eq+%22ada%22", None),
        ("GET", "/Users/u-1", None),
        ("PATCH", "/Users/u-1", RENAME),
        ("DELETE", "/Groups/g-1", None),
    ],
)
def test_a_refusal_of_our_own_credential_is_no_refusal_of_entras(
    envoy, scim_app, status, scripted_as, method, path, body
):
    page = Answer(status, b"<h1>no</h1>", [("content-type", "text/html"), ("www-authenticate", "Bearer")])
    answer = page if scripted_as == "a page" else error(status)
    scim_app.handler = lambda request: answer
    reply = entra(envoy, method, path, body)
    scim_error(reply, 502)
    assert reply.get("www-authenticate") is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_entras_own_credential_reaches_it(start, base, scim_app, status):
    scim_app.handler = lambda request: error(status)
    with start(settings.changed(base, "tenants.0.scim.application.credential", {"keep": True})) as envoy:
        scim_error(entra(envoy, "GET", "/Users/u-1"), status)


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ({"keep": True}, f"Bearer {settings.TOKEN}"),
        ({"remove": True}, None),
        (
            {"basic": {"user": "vestibule", "password": {"env": "APP_SCIM_TOKEN"}}},
            "Basic " + base64.b64encode(b"vestibule:app-own-secret").decode(),
        ),
    ],
)
def test_the_credential_for_the_application_is_as_configured(start, base, scim_app, credential, expected):
    with start(settings.changed(base, "tenants.0.scim.application.credential", credential)) as envoy:
        assert entra(envoy, "GET", "/Users/u-1").status == 200
    assert scim_app.only().get("authorization") == expected


# What the application receives.


@pytest.mark.quick
@pytest.mark.core
def test_a_rewritten_patch_arrives_with_its_exact_length(envoy, scim_app):
    assert entra(envoy, "PATCH", "/Users/u-1", RENAME).status == 200
    request = received(scim_app)
    assert request.path == "/app-scim/v2/Users/u-1"
    assert request.json()["Operations"] == [RENAMED]


def test_a_rewritten_patch_of_a_chunked_request_arrives_with_its_exact_length(envoy, scim_app):
    with envoy.h1() as client:
        client.send_head(
            "PATCH", f"{USERS}/u-1", [settings.BEARER, settings.SCIM_JSON, ("transfer-encoding", "chunked")]
        )
        client.send_chunks(RENAME[:7], RENAME[7:9], RENAME[9:])
        assert client.reply("PATCH").status == 200
    assert received(scim_app).json()["Operations"] == [RENAMED]


@pytest.mark.core
def test_a_rewritten_patch_by_h2_arrives_with_its_exact_length(envoy, scim_app):
    with envoy.h2() as client:
        reply = client.request("PATCH", f"{USERS}/u-1", [settings.BEARER, settings.SCIM_JSON], RENAME)
    assert reply.status == 200
    assert received(scim_app).json()["Operations"] == [RENAMED]


@pytest.mark.core
def test_a_rewritten_patch_that_ends_in_trailers_arrives_with_its_exact_length(envoy, scim_app):
    with envoy.h2() as client:
        headers = [settings.BEARER, settings.SCIM_JSON]
        reply = client.request("PATCH", f"{USERS}/u-1", headers, RENAME, trailers=[("x-last", "1")])
    assert reply.status == 200
    assert received(scim_app).json()["Operations"] == [RENAMED]


def test_a_body_that_comes_octet_by_octet_arrives_whole(envoy, scim_app):
    with envoy.h2() as client:
        stream = client.start("PATCH", f"{USERS}/u-1", [settings.BEARER, settings.SCIM_JSON])
        for at in range(len(RENAME)):
            client.send(stream, RENAME[at : at + 1], end=at == len(RENAME) - 1)
        assert client.reply(stream).status == 200
    assert received(scim_app).json()["Operations"] == [RENAMED]


@pytest.mark.core
def test_a_client_that_expects_100_continue_is_served(envoy, scim_app):
    with envoy.h1() as client:
        headers = [
            settings.BEARER,
            settings.SCIM_JSON,
            ("content-length", str(len(RENAME))),
            ("expect", "100-continue"),
        ]
        client.send_head("PATCH", f"{USERS}/u-1", headers)
        assert client.stream.readline().startswith(b"HTTP/1.1 100")
        client.stream.readline()
        client.send(RENAME)
        assert client.reply("PATCH").status == 200
    assert received(scim_app).json()["Operations"] == [RENAMED]


def test_two_requests_on_one_connection_do_not_mix(envoy, scim_app):
    with envoy.h1() as client:
        for name in ("A", "B" * 200, "C"):
            body = patch({"op": "Replace", "path": "displayName", "value": name})
            assert client.request("PATCH", f"{USERS}/u-1", [settings.BEARER, settings.SCIM_JSON], body).status == 200
    sent = [request.json()["Operations"][0]["value"] for request in scim_app.seen("PATCH")]
    assert sent == ["A", "B" * 200, "C"]


def test_a_text_boolean_becomes_one(envoy, scim_app):
    entra(envoy, "PATCH", "/Users/u-1", patch({"op": "Add", "path": "active", "value": "True"}))
    assert received(scim_app).json()["Operations"] == [{"op": "add", "path": "active", "value": True}]


def test_a_text_that_looks_like_a_boolean_stays_text(envoy, scim_app):
    entra(envoy, "PATCH", "/Users/u-1", patch({"op": "Replace", "path": "title", "value": "True"}))
    assert received(scim_app).json()["Operations"][0]["value"] == "True"


@pytest.mark.core
def test_a_member_removal_never_empties_the_group(envoy, scim_app):
    removal = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u-1"}, {"value": 'u"2'}]}
    assert entra(envoy, "PATCH", "/Groups/g-1", patch(removal)).status in (200, 204)
    operations = received(scim_app).json()["Operations"]
    assert operations == [
        {"op": "remove", "path": 'members[value eq "u-1"]'},
        {"op": "remove", "path": 'members[value eq "u\\"2"]'},
    ]


def test_the_numbers_of_a_body_keep_their_text(envoy, scim_app):
    body = b'{"schemas":["urn:x"],"userName":"ada","n":[1.0,1e400,12345678901234567890,-0]}'
    entra(envoy, "POST", "/Users", body)
    sent = received(scim_app, "POST").body.replace(b" ", b"")
    assert b"[1.0,1e400,12345678901234567890,-0]" in sent


def test_the_media_type_towards_the_application_is_scim(envoy, scim_app):
    with envoy.h1() as client:
        headers = [settings.BEARER, ("content-type", "application/json")]
        assert client.request("PATCH", f"{USERS}/u-1", headers, RENAME).status == 200
    assert received(scim_app).get("content-type") == "application/scim+json"


def test_a_read_without_accept_gets_one(envoy, scim_app):
    entra(envoy, "GET", "/Users/u-1")
    assert scim_app.only().get("accept") == "application/scim+json"


@pytest.mark.core
@pytest.mark.parametrize(
    ("path", "expected_path", "expected_filter"),
    [
        ("/Users?filter=userName+eq+%22ada%2bx%40n.example%22", "/Users", 'userName eq "ada+x@n.example"'),
        ("/Users?filter=userName%20eq%20%22ada%22&aadOptscim062020", "/Users", 'userName eq "ada"'),
        ("//Users?filter=userName%20eq%20%22ada%22", "/Users", 'userName eq "ada"'),
    ],
)
def test_a_filter_arrives_as_it_was_meant(envoy, scim_app, path, expected_path, expected_filter):
    assert entra(envoy, "GET", path).status == 200
    sent = urlsplit(scim_app.only().path)
    assert sent.path == settings.APP_SCIM + expected_path
    assert "+" not in sent.query
    assert parse_qs(sent.query) == {"filter": [expected_filter]}


@pytest.mark.parametrize(
    "path", ["/../private", "/Users/..%2f..%2fadmin", "/Users/%2e%2e/x", "/Users\\x", "/Users;x/y"]
)
def test_a_path_cannot_leave_the_scim_application(envoy, scim_app, app, path):
    assert entra(envoy, "GET", path).status in (400, 403, 404)
    assert not scim_app.requests and not app.requests


def test_a_path_that_only_begins_like_the_scim_path_is_not_it(envoy, scim_app):
    with envoy.h1() as client:
        assert client.request("GET", f"{settings.SCIM}x/Users", [settings.BEARER]).status == 403
    assert not scim_app.requests


# What is refused, and how.

DEEP = b'{"schemas":["x"],"Operations":[{"op":"add","path":"a","value":' + b"[" * 10_000 + b"]" * 10_000 + b"}]}"
WRONG_BODIES = {
    "no JSON": b"hello",
    "cut off": RENAME[:-1],
    "followed by more": RENAME + b"{}",
    "empty": b"",
    "a list": b"[]",
    "a text": b'"x"',
    "duplicate keys": b'{"schemas":["x"],"Operations":[],"Operations":[{"op":"remove","path":"active"}]}',
    "duplicate keys, one escaped": b'{"schemas":["x"],"userName":"a","user\\u004eame":"b"}',
    "duplicate keys deep inside": b'{"schemas":["x"],"Operations":[{"op":"add","path":"a","value":{"b":1,"b":2}}]}',
    "nested 10 000 deep": DEEP,
    "no UTF-8": b'{"schemas":["x"],"userName":"\xff\xfe"}',
    "a lone surrogate": b'{"schemas":["x"],"userName":"\\ud800"}',
    "a bare control character": b'{"schemas":["x"],"userName":"a\x00b"}',
    "not a number": b'{"schemas":["x"],"n":NaN}',
}


@pytest.mark.core
@pytest.mark.parametrize("what", WRONG_BODIES)
def test_a_body_that_is_no_clear_json_is_refused_and_nothing_arrives(envoy, scim_app, what):
    for method, path in (("POST", "/Users"), ("PATCH", "/Users/u-1"), ("PUT", "/Users/u-1")):
        body = scim_error(entra(envoy, method, path, WRONG_BODIES[what]), 400)
        assert body.get("scimType") == "invalidSyntax"
    assert not scim_app.requests
    assert entra(envoy, "GET", "/Users/u-1").status == 200


def large(octets):
    return scim_json({"schemas": ["x"], "userName": "ada", "nickName": "x" * octets})


@pytest.mark.core
@pytest.mark.parametrize("octets", [100_001, 900_000, 3_000_000])
def test_a_body_over_the_limit_is_refused_with_a_scim_error(envoy, scim_app, octets):
    with envoy.h1() as client:
        client.send_head("POST", USERS, [settings.BEARER, settings.SCIM_JSON, ("content-length", str(octets))])
        # The refusal may come before the body has gone, and the connection may close under it.
        try:
            client.send(b" " * octets)
        except OSError:
            pass
        scim_error(client.reply("POST"), 413)
    assert not scim_app.requests


@pytest.mark.parametrize("octets", [100_001, 900_000])
def test_a_body_over_the_limit_without_a_length_is_refused_with_a_scim_error(envoy, scim_app, octets):
    with envoy.h2() as client:
        stream = client.start("POST", USERS, [settings.BEARER, settings.SCIM_JSON])
        client.send(stream, b" " * octets, end=True)
        scim_error(client.reply(stream), 413)
    assert not scim_app.requests


def test_a_body_just_below_the_limit_passes(envoy, scim_app):
    assert entra(envoy, "POST", "/Users", large(99_000)).status == 201
    assert len(received(scim_app, "POST").json()["nickName"]) == 99_000


def test_a_body_over_the_limit_needs_the_right_token_to_be_told_so(envoy, scim_app):
    reply = entra(envoy, "POST", "/Users", large(200_000), headers=[])
    scim_error(reply, 401)


def test_a_compressed_body_is_refused(envoy, scim_app):
    import gzip

    with envoy.h1() as client:
        headers = [settings.BEARER, settings.SCIM_JSON, ("content-encoding", "gzip")]
        scim_error(client.request("POST", USERS, headers, gzip.compress(RENAME)), 415)
    assert not scim_app.requests


@pytest.mark.core
@pytest.mark.parametrize("name", ["x-bad", "user-agent", "content-type", "accept", "prefer", "if-match"])
def test_header_octets_that_are_no_text_do_not_harm_the_worker(envoy, scim_app, name):
    with envoy.h1() as client:
        headers = [settings.BEARER, *([] if name == "content-type" else [settings.SCIM_JSON]), (name, "\xff\xfe")]
        assert client.request("PATCH", f"{USERS}/u-1", headers, RENAME).status in (200, 400, 415)
    assert entra(envoy, "GET", "/Users/u-1").status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_sends_nothing(envoy, scim_app):
    client = envoy.h1()
    client.send_head(
        "PATCH", f"{USERS}/u-1", [settings.BEARER, settings.SCIM_JSON, ("content-length", str(len(RENAME)))]
    )
    client.send(RENAME[:10])
    time.sleep(0.2)
    client.close()
    assert entra(envoy, "GET", "/Users/u-1").status == 200
    assert not scim_app.seen("PATCH")


# What Entra gets back.


@pytest.mark.core
def test_locations_are_in_the_public_place(envoy, scim_app, scripted):
    inner = f"http://scim-app.internal{settings.APP_SCIM}/Users/u-9"
    created = user("ada", "u-9", meta={"resourceType": "User", "location": inner})
    headers = [("content-type", "application/json"), ("location", inner)]
    scripted.write = Answer(201, json.dumps(created).encode(), headers)
    reply = entra(envoy, "POST", "/Users", scim_json(user("ada")))
    public = f"https://localhost:8443{USERS}/u-9"
    assert reply.status == 201
    assert reply.get("location") == public and reply.json()["meta"]["location"] == public
    assert reply.get("content-type").startswith("application/scim+json")
    if reply.get("content-length"):
        assert reply.get("content-length") == str(len(reply.body))


def test_a_mistake_of_the_application_is_told_as_a_scim_error(envoy, scripted):
    scripted.write = Answer(500, b"<html>oops</html>", [("content-type", "text/html")])
    # A page for people is no reason that Entra could show.
    body = scim_error(entra(envoy, "PATCH", "/Users/u-1", RENAME), 500, told=False)
    assert "oops" not in str(body)


def test_a_scim_error_of_the_application_passes(envoy, scripted):
    from harness.scim_app import error

    scripted.write = error(409, scimType="uniqueness")
    body = scim_error(entra(envoy, "POST", "/Users", scim_json(user("ada"))), 409)
    assert body["scimType"] == "uniqueness"


def test_a_page_is_never_taken_for_an_empty_list(envoy, scim_app):
    scim_app.handler = lambda request: Answer(200, b"<html>login</html>", [("content-type", "text/html")])
    reply = entra(envoy, "GET", "/Users?filter=userName%20eq%20%22ada%22")
    scim_error(reply, 502)


@pytest.mark.core
def test_an_answer_without_a_body_is_no_hang(envoy, scim_app):
    reply = entra(envoy, "DELETE", "/Users/u-1")
    assert (reply.status, reply.body) == (204, b"")


def test_a_large_answer_comes_whole(envoy, scim_app):
    listed = [user(f"user-{n}", f"u-{n}", nickName="x" * 900) for n in range(500)]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 500, "Resources": listed}
    scim_app.handler = lambda request: Answer(200, json.dumps(body).encode(), SCIM_HEADERS)
    reply = entra(envoy, "GET", "/Users")
    assert reply.status == 200 and len(reply.json()["Resources"]) == 500
