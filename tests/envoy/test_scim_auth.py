"""Who may provision: dated tokens, Entra's own, our token endpoint, and the application's authorization server."""

import base64
import copy
import hashlib
import json
import threading
import time
from urllib.parse import quote, urlencode

import pytest
from harness import authorities, settings
from harness.authorities import Introspector, Key, KeyServer, entra_claims, federated_claims, server_claims
from harness.client import H1
from harness.messages import scim_error
from harness.scim_app import ScriptedScim, entra, patch, user
from harness.upstream import HANG, Answer

TOKEN_PATH = "/.vestibule/oauth/token"
VMS = 2  # that fetch for themselves: one worker, and Envoy's main thread
RENAME = patch({"op": "Replace", "path": "displayName", "value": "Ada"})
FORM = ("content-type", "application/x-www-form-urlencoded")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def bearer(token: str):
    return [("authorization", f"Bearer {token}")]


def get(envoy, token: str):
    return entra(envoy, "GET", "/Users/u-1", headers=bearer(token))


def with_ways(base: dict, **ways) -> dict:
    """The usual configuration with these ways in and no static token."""
    made = copy.deepcopy(base)
    scim = made["tenants"][0]["scim"]
    del scim["tokens"]
    scim["authentication"] = ways
    return made


@pytest.fixture(autouse=True)
def scripted(scim_app):
    return ScriptedScim(scim_app, user("ada"))


@pytest.fixture
def keys():
    server = KeyServer(Key("first"))
    yield server
    server.stop()


@pytest.fixture
def introspector():
    server = Introspector()
    yield server
    server.stop()


# Static tokens.


def test_a_token_that_has_expired_is_refused_and_said_so(start, base, scim_app):
    def at(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    tokens = [
        {"name": "gone", "sha256": digest("gone"), "expires": at(-10)},
        {"name": "to-come", "sha256": digest("to-come"), "not_before": at(3600)},
        {"name": "soon-over", "sha256": digest("soon-over"), "expires": at(86400)},
        {"name": "good", "sha256": digest("good"), "not_before": at(-10), "expires": at(365 * 86400)},
    ]
    with start(settings.changed(base, "tenants.0.scim.tokens", tokens)) as envoy:
        for token, status in [("gone", 401), ("to-come", 401), ("soon-over", 200), ("good", 200)]:
            assert get(envoy, token).status == status, token
        envoy.wait_for_log("token `gone` has expired")
        envoy.wait_for_log("token `soon-over` expires soon")
        envoy.wait_for_log("code=token_expired")
        assert "token `good`" not in envoy.log()
    assert len(scim_app.requests) == 2


# Entra's own token.


def entra_token(**more):
    return {"entra_token": {"tenant_id": authorities.TENANT, "keys": {"cluster": "keys"}} | more}


@pytest.mark.core
def test_entras_own_token_opens_for_its_directory_and_application_only(start, base, keys, scim_app):
    key, stranger = keys.keys[0], Key("first")
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
        assert get(envoy, key.sign(entra_claims())).status == 200
        fetched = keys.wait_for(VMS)
        assert fetched[0].path == f"/{authorities.TENANT}/discovery/keys"
        assert fetched[0].get("host") == "login.microsoftonline.com"
        other = {"tid": authorities.OTHER_TENANT, "iss": f"https://sts.windows.net/{authorities.OTHER_TENANT}/"}
        for refused in [
            key.sign(entra_claims(**other)),
            key.sign(entra_claims(appid="11111111-0000-0000-c000-000000000000")),
            key.sign(entra_claims(aud="api://another")),
            key.sign(entra_claims(exp=int(time.time()) - 3600)),
            stranger.sign(entra_claims()),
            key.sign(entra_claims(), alg="HS256"),
            key.sign(entra_claims(), alg="none"),
            settings.TOKEN,
        ]:
            scim_error(get(envoy, refused), 401)
        assert len(keys.requests) == VMS, "what is refused anyway needs no newer keys"
    assert len(scim_app.requests) == 1
    assert scim_app.only().get("authorization") == f"Bearer {settings.APP_TOKEN}"


@pytest.mark.core
@pytest.mark.quick
def test_at_a_cold_start_requests_wait_for_the_keys(start, base, keys, scim_app):
    keys.after = 1.5
    token = keys.keys[0].sign(entra_claims())
    replies = []
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:

        def one(number):
            body = RENAME if number % 2 else None
            replies.append(entra(envoy, "PATCH" if body else "GET", "/Users/u-1", body, bearer(token)))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {reply.status for reply in replies} == {200}
        assert len(replies) == 24
        stats = envoy.stats("vestibule.document")
        assert any("fetched" in name and count >= 1 for name, count in stats.items()), stats
    assert len(scim_app.seen("PATCH")) == 12 and len(scim_app.seen("GET")) == 12
    assert {len(request.body) for request in scim_app.seen("PATCH")} == {len(scim_app.seen("PATCH")[0].body)}
    assert len(keys.requests) <= VMS


def test_deactivation_after_a_wait_still_looks_the_person_up(start, base, keys, scim_app):
    keys.after = 1.0
    token = keys.keys[0].sign(entra_claims())
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", off, bearer(token)).status == 200
        envoy.wait_for_log("event=revocation.deactivated person_known=true")
    assert [request.method for request in scim_app.requests] == ["GET", "PATCH"]


def test_a_client_that_leaves_while_it_waits_harms_nobody(start, base, keys):
    keys.after = 1.0
    token = keys.keys[0].sign(entra_claims())
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
        for _ in range(5):
            client = H1(envoy.plain_port)
            client.socket.sendall(
                f"GET {settings.SCIM}/Users HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n".encode()
            )
            client.socket.close()
        assert get(envoy, token).status == 200


def test_without_any_keys_nobody_is_told_that_the_token_is_wrong(start, base, keys, scim_app):
    token = keys.keys[0].sign(entra_claims())
    for answer in (Answer(503), HANG, Answer(200, b"<html>")):
        keys.answer = answer
        with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
            began = time.monotonic()
            reply = get(envoy, token)
            scim_error(reply, 503)
            assert int(reply.get("retry-after")) in range(1, 61)
            assert time.monotonic() - began < 8
            scim_error(get(envoy, "no-jwt-at-all"), 401)
    assert not scim_app.requests


def test_a_token_that_was_let_in_before_is_refused_at_its_end_and_opens_for_no_forgery(start, base, keys, scim_app):
    key = keys.keys[0]
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
        # Clocks may differ by 300 seconds.
        short = key.sign(entra_claims(nbf=int(time.time()) - 600, exp=int(time.time()) - 295))
        good = key.sign(entra_claims())
        for _ in range(3):
            assert get(envoy, short).status == 200
            assert get(envoy, good).status == 200
            message, _, signature = good.rpartition(".")
            forged = f"{message}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
            scim_error(get(envoy, forged), 401)
        time.sleep(6)
        scim_error(get(envoy, short), 401)
        assert get(envoy, good).status == 200
    assert len(scim_app.requests) == 7


def test_a_new_key_is_fetched_once_and_an_unknown_one_is_401(start, base, keys):
    first = keys.keys[0]
    with start(with_ways(base, **entra_token()), clusters={"keys": keys.port}) as envoy:
        assert get(envoy, first.sign(entra_claims())).status == 200
        keys.wait_for(VMS)
        for _ in range(3):
            scim_error(get(envoy, Key("new").sign(entra_claims())), 401)
        assert len(keys.requests) == VMS, "within a minute of the last fetch"


def test_the_last_keys_are_kept_where_the_source_is_gone(start, base, keys):
    first = keys.keys[0]
    ways = entra_token(keys={"cluster": "keys", "refresh_seconds": 60})
    with start(with_ways(base, **ways), clusters={"keys": keys.port}) as envoy:
        assert get(envoy, first.sign(entra_claims())).status == 200
        keys.stop()
        assert get(envoy, first.sign(entra_claims(ver="1.0"))).status == 200


# Our token endpoint.


def endpoint(**more):
    clients = [{"id": "entra-contoso", "secrets": [{"sha256": digest("old")}, {"sha256": digest("n:w %")}]}]
    return {"token_endpoint": {"clients": clients} | more}


def ask(envoy, headers, body, host="localhost"):
    with H1(envoy.plain_port, host=host) as client:
        return client.request("POST", TOKEN_PATH, [FORM, *headers], body.encode())


def basic(pair: str):
    return ("authorization", "Basic " + base64.b64encode(pair.encode()).decode())


@pytest.mark.core
def test_a_secret_buys_a_token_in_header_and_body(start, base, scim_app):
    with start(with_ways(base, **endpoint())) as envoy:
        grant = "grant_type=client_credentials"
        encoded = f"entra-contoso:{quote('n:w %', safe='')}"
        in_body = urlencode({"client_id": "entra-contoso", "client_secret": "old"})
        for headers, body in [
            ([basic("entra-contoso:old")], grant),
            ([basic(encoded)], grant),
            ([], f"{grant}&{in_body}&scope=scim"),
        ]:
            reply = ask(envoy, headers, body)
            assert reply.status == 200, reply.body
            assert reply.get("cache-control") == "no-store"
            given = json.loads(reply.body)
            assert given["token_type"] == "Bearer" and given["expires_in"] == 3600
            assert len(given["access_token"]) <= 256
            assert get(envoy, given["access_token"]).status == 200
            changed = given["access_token"][:-2] + ("AA" if not given["access_token"].endswith("AA") else "BB")
            scim_error(get(envoy, changed), 401)
        for headers, body, status, error in [
            ([basic("entra-contoso:wrong")], grant, 401, "invalid_client"),
            ([basic("another:old")], grant, 401, "invalid_client"),
            ([], grant, 401, "invalid_client"),
            ([basic("entra-contoso:old")], "grant_type=password", 400, "unsupported_grant_type"),
            ([], "x=" + "y" * 70_000, 413, "invalid_request"),
        ]:
            reply = ask(envoy, headers, body)
            assert (reply.status, json.loads(reply.body)["error"]) == (status, error)
            assert reply.get("cache-control") == "no-store"
        with envoy.h1() as client:
            assert client.request("GET", TOKEN_PATH).status == 405
            wrong_type = client.request("POST", TOKEN_PATH, [("content-type", "application/json")], b"{}")
            assert (wrong_type.status, json.loads(wrong_type.body)["error"]) == (400, "invalid_request")
    assert len(scim_app.requests) == 3


def test_a_token_of_one_tenant_opens_nothing_in_another(start, base, scim_app):
    made = with_ways(base, **endpoint())
    second = copy.deepcopy(made["tenants"][0]) | {"name": "second", "hosts": ["second.test"]}
    second["public_url"] = "https://second.test"
    made["tenants"].append(second)
    with start(made) as envoy:
        form = "grant_type=client_credentials"
        tokens = {
            host: json.loads(ask(envoy, [basic("entra-contoso:old")], form, host).body)["access_token"]
            for host in ("localhost", "second.test")
        }
        for host in tokens:
            for of, token in tokens.items():
                with H1(envoy.plain_port, host=host) as client:
                    reply = client.request("GET", settings.SCIM + "/Users/u-1", bearer(token))
                assert reply.status == (200 if host == of else 401), (host, of)


@pytest.mark.core
def test_workload_identity_buys_a_token_in_both_forms(start, base, keys):
    federation = {
        "tenant_id": authorities.TENANT,
        "subject": authorities.SUBJECT,
        "audiences": [f"api://{authorities.APP_ID}", authorities.APP_ID],
        "keys": {"cluster": "keys"},
    }
    made = with_ways(base, token_endpoint={"federations": [federation]})
    key = keys.keys[0]
    keys.after = 1.0

    def assertion(token):
        return urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": "whatever",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": token,
            }
        )

    def exchange(token):
        return urlencode(
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": token,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "audience": "scim",
            }
        )

    with start(made, clusters={"keys": keys.port}) as envoy:
        for form in (assertion, exchange):
            reply = ask(envoy, [], form(key.sign(federated_claims())))
            assert reply.status == 200, reply.body
            given = json.loads(reply.body)
            assert ("issued_token_type" in given) == (form is exchange)
            assert get(envoy, given["access_token"]).status == 200
            for wrong in (
                federated_claims(tid=authorities.OTHER_TENANT),
                federated_claims(sub="another", oid="another"),
                federated_claims(aud="api://another"),
                federated_claims(azp="another"),
            ):
                refused = ask(envoy, [], form(key.sign(wrong)))
                assert refused.status == (401 if form is assertion else 400), refused.body
        scim_error(get(envoy, key.sign(federated_claims())), 401)
    assert keys.requests[0].path == f"/{authorities.TENANT}/discovery/v2.0/keys"


# The application's own authorization server.


def introspection(**more):
    asked = {
        "cluster": "server",
        "path": "/oauth2/introspect",
        "client": {"id": "vestibule", "secret": {"env": "APP_SCIM_TOKEN"}},
        "audiences": ["https://app.test/scim"],
        "scopes": ["scim"],
    } | more
    return {"application_server": {"introspection": asked, "pass": ["/oauth2"]}}


@pytest.mark.core
def test_a_token_is_accepted_where_the_server_says_so_and_that_is_remembered(start, base, introspector, scim_app):
    introspector.tokens = {
        "good": server_claims(active=True),
        "foreign": server_claims(active=True, aud="https://other.test"),
        "text": server_claims(active="true"),
    }
    with start(with_ways(base, **introspection()), clusters={"server": introspector.port}) as envoy:
        for _ in range(5):
            assert get(envoy, "good").status == 200
            scim_error(get(envoy, "unknown"), 401)
            assert entra(envoy, "PATCH", "/Users/u-1", RENAME, bearer("good")).status == 200
        assert len(introspector.requests) == 2, "each once"
        asked = introspector.requests[0]
        assert asked.get("authorization") == basic(f"vestibule:{settings.APP_TOKEN}")[1]
        assert asked.body == b"token=good&token_type_hint=access_token"
        scim_error(get(envoy, "foreign"), 401)
        scim_error(get(envoy, "text"), 503)
        introspector.tokens["brief"] = server_claims(active=True, exp=int(time.time()) + 5)
        assert get(envoy, "brief").status == 200
        introspector.tokens["brief"] = {"active": False}
        time.sleep(6)
        scim_error(get(envoy, "brief"), 401)
    assert {request.get("authorization") for request in scim_app.requests} == {f"Bearer {settings.APP_TOKEN}"}


def test_a_server_that_is_down_refuses_nobody(start, base, introspector, scim_app):
    with start(with_ways(base, **introspection(timeout_ms=500)), clusters={"server": introspector.port}) as envoy:
        for answer in (Answer(500), Answer(401), HANG, Answer(200, b"no json")):
            introspector.answer = answer
            reply = get(envoy, "good")
            scim_error(reply, 503)
            assert reply.get("retry-after")
        introspector.stop()
        scim_error(get(envoy, "good"), 503)
    assert not scim_app.requests


def test_the_servers_endpoints_are_let_through_untouched(start, base, introspector, app, scim_app):
    with start(with_ways(base, **introspection()), clusters={"server": introspector.port}) as envoy:
        with envoy.h1() as client:
            sent = [basic("a:b"), FORM, ("x-user", "forged")]
            assert client.request("POST", "/oauth2/token?x=1", sent, b"grant_type=x").status == 200
            assert client.request("GET", "/oauth2x").status in (401, 403)
            assert client.request("GET", "/oauth2/../private/x").status == 400
        token = app.only()
        assert (token.path, token.body, token.get("authorization")) == ("/oauth2/token?x=1", b"grant_type=x", sent[0][1])
        assert "x-user" not in token.names()
    assert not scim_app.requests


@pytest.mark.core
def test_tokens_of_the_server_are_read_by_its_published_keys(start, base, keys):
    published = {
        "cluster": "keys",
        "path": "/.well-known/jwks.json",
        "issuer": "https://login.app.test",
        "audiences": ["https://app.test/scim"],
        "scopes": ["scim"],
    }
    key = keys.keys[0]
    with start(with_ways(base, application_server={"jwks": published}), clusters={"keys": keys.port}) as envoy:
        assert get(envoy, key.sign(server_claims(), typ="at+jwt")).status == 200
        listed = server_claims(aud=["x", "https://app.test/scim"])
        assert get(envoy, key.sign(listed, typ="at+jwt")).status == 200
        for claims, typ in [
            (server_claims(), "JWT"),
            (server_claims(iss="https://evil.test"), "at+jwt"),
            (server_claims(aud="https://other.test"), "at+jwt"),
            (server_claims(scope="openid"), "at+jwt"),
            (server_claims(exp=1), "at+jwt"),
        ]:
            scim_error(get(envoy, key.sign(claims, typ=typ)), 401)
        scim_error(get(envoy, key.sign(server_claims(), typ="at+jwt", alg="RS512")), 401)


# Towards the application.


@pytest.mark.parametrize(
    ("credential", "token", "expected"),
    [
        ({"basic_from_client": True}, "ada@h.example:k/e+y==", basic("ada@h.example:k/e+y==")[1]),
        ({"basic": {"from_token": {"env": "APP_SCIM_TOKEN"}}}, "any", basic("app@h.example:own-secret")[1]),
    ],
)
def test_an_account_and_key_become_basic_for_the_application(start, base, scim_app, credential, token, expected):
    made = settings.changed(base, "tenants.0.scim.application.credential", credential)
    made = settings.changed(made, "tenants.0.scim.tokens.0.sha256", digest(token))
    environment = {
        "VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop",
        "APP_SCIM_TOKEN": "app@h.example:own-secret",
    }
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    with start(made, environment=environment) as envoy:
        assert get(envoy, token).status == 200
        assert entra(envoy, "PATCH", "/Users/u-1", off, bearer(token)).status == 200
        scim_error(get(envoy, "x:y"), 401)
    assert [request.get("authorization") for request in scim_app.requests] == [expected] * 3


def test_a_token_that_is_no_account_and_key_is_our_fault_and_not_entras(start, base, scim_app):
    made = settings.changed(base, "tenants.0.scim.application.credential", {"basic_from_client": True})
    with start(made) as envoy:
        scim_error(get(envoy, settings.TOKEN), 500)
    assert not scim_app.requests
