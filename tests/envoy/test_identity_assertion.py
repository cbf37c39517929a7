"""The signed assertion: the application checks it with PyJWT and the keys that we publish."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from harness import identity
from harness.browser import Browser
from harness.settings import changed
from harness.sign_in import sign_in
from test_configuration import refusal

pytestmark = pytest.mark.modes("held", "early")

AUDIENCE = "https://app.example"
ISSUER = "https://localhost:8443"
HEADER = "x-vestibule-assertion"
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


EC_KEY, OLD_KEY = pem(ec.generate_private_key(ec.SECP256R1())), pem(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = pem(rsa.generate_private_key(65537, 2048))


def asserting(base, **fields):
    """The configuration with an assertion."""
    made = {"audience": AUDIENCE, "key": {"value": EC_KEY}} | fields
    made = {name: value for name, value in made.items() if value is not ...}
    return changed(base, "tenants.0.access.assertion", made)


def keys(envoy) -> dict:
    reply = Browser(envoy).fetch("/.vestibule/jwks.json")
    assert reply.status == 200
    return reply


def checked(envoy, token: str, algorithm: str = "ES256") -> dict:
    """The claims of a token, as an application checks them: by nothing but the published keys."""
    published = jwt.PyJWKSet.from_dict(keys(envoy).json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    required = ["iss", "sub", "aud", "exp", "iat", "jti"]
    return jwt.decode(
        token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=ISSUER, options={"require": required}, leeway=2
    )


CLAIMS = [
    {"name": "email", "value": "{claim:email|lower}"},
    {"name": "groups", "values": "{claim:groups}"},
    {"name": "acr", "value": "{authn_context}"},
]


@pytest.fixture(scope="module")
def signing(start, base):
    made = asserting(base, claims=CLAIMS, lifetime_seconds=10)
    made = changed(made, "tenants.0.access.identity_headers", ...)
    with start(made) as running:
        yield running


@pytest.mark.quick
@pytest.mark.core
def test_the_application_checks_the_assertion_by_our_published_keys(signing, app, idp):
    browser = sign_in(signing, idp, "ada@n.example", claims={"groups": ["a,b", "ü\n"]})
    app.clear()
    assert browser.fetch("/private/x").status == 200
    token = app.only().get(HEADER)
    claims = checked(signing, token)
    assert claims["sub"] == claims["email"] == "ada@n.example"
    assert claims["groups"] in (["a,b", "ü\n"], ["a,b", "ü"])
    assert claims["acr"].endswith(":Password")
    assert claims["exp"] - claims["iat"] == 10 and abs(claims["iat"] - time.time()) < 10


@pytest.mark.core
def test_an_assertion_serves_a_session_for_half_of_its_lifetime(signing, app, idp):
    browser = sign_in(signing, idp, "ada@n.example")
    app.clear()
    for _ in range(5):
        assert browser.fetch("/private/x").status == 200
    tokens = {request.get(HEADER) for request in app.requests}
    other = sign_in(signing, idp, "ada@n.example")
    app.clear()
    assert other.fetch("/private/x").status == 200
    assert len(tokens) <= 2 and app.only().get(HEADER) not in tokens
    time.sleep(5.5)
    app.clear()
    assert browser.fetch("/private/x").status == 200
    assert app.only().get(HEADER) not in tokens
    assert checked(signing, app.only().get(HEADER))["exp"] - time.time() > 4


@pytest.mark.core
def test_the_keys_are_public_and_may_be_kept_for_a_while(signing, app):
    reply = keys(signing)
    assert reply.get("content-type") == "application/jwk-set+json"
    assert reply.get("cache-control") == "public, max-age=300"
    assert reply.get("set-cookie") is None
    (key,) = reply.json()["keys"]
    assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x", "y"]
    with signing.h1() as client:
        assert client.request("POST", "/.vestibule/jwks.json", body=b"").status == 405
        assert client.request("HEAD", "/.vestibule/jwks.json").status == 200
    assert not app.requests


def test_without_an_assertion_there_are_no_keys(envoy):
    assert Browser(envoy).fetch("/.vestibule/jwks.json").status == 404


@pytest.mark.core
@pytest.mark.parametrize("path", ["/public/x", "/mixed/x", "/h2/public/x"])
@pytest.mark.parametrize("version", ["h1", "h2"])
def test_row_7_5_a_forged_assertion_never_arrives(signing, app, h2_app, path, version):
    names = identity.spellings(HEADER)
    if version == "h2":
        names = sorted({name.lower() for name in names})
    with getattr(signing, version)() as client:
        assert client.request("GET", path, [(name, FORGED) for name in names]).status == 200
    request = h2_app.requests[0] if path.startswith("/h2") else app.only()
    assert identity.found(request.headers, [HEADER]) == []


@pytest.mark.core
def test_row_7_5_a_forged_assertion_beside_a_session_is_replaced(signing, app, idp):
    browser = sign_in(signing, idp, "ada@n.example")
    app.clear()
    forged = [(name, FORGED) for name in identity.spellings(HEADER)]
    assert browser.fetch("/private/x", headers=forged).status == 200
    ((_, token),) = identity.found(app.only().headers, [HEADER])
    assert checked(signing, token)["sub"] == "ada@n.example"


def test_a_key_that_comes_and_one_that_goes_are_both_published(start, base, app, idp):
    made = asserting(base, key=..., keys=[{"id": "new", "key": {"value": EC_KEY}}, {"value": OLD_KEY}], issuer="i")
    with start(made) as envoy:
        published = keys(envoy).json()["keys"]
        assert len({key["kid"] for key in published}) == 2 and published[0]["kid"] == "new"
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        assert browser.fetch("/private/x").status == 200
        token = app.only().get(HEADER)
        assert jwt.get_unverified_header(token)["kid"] == "new"
        key = jwt.PyJWKSet.from_dict({"keys": published})["new"]
        assert jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE)["iss"] == "i"
    with start(asserting(base, key={"value": OLD_KEY})) as envoy:
        assert keys(envoy).json()["keys"] == [published[1]], "a key is named by its thumbprint"


def test_the_kid_is_the_thumbprint_of_rfc_7638(start, base):
    with start(asserting(base)) as envoy:
        (key,) = keys(envoy).json()["keys"]
    import hashlib

    members = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = hashlib.sha256(members.encode()).digest()
    assert key["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_two_workers_publish_the_same_and_sign_alike(start, base, app, idp):
    with start(asserting(base), concurrency=2) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        for _ in range(20):
            assert browser.fetch("/private/x").status == 200
        tokens = {request.get(HEADER) for request in app.requests}
        assert 1 <= len(tokens) <= 2, "one for each worker"
        for token in tokens:
            checked(envoy, token)


def test_an_assertion_that_is_too_long_refuses_the_request(start, base, app, idp):
    made = asserting(base, claims=[{"name": "groups", "values": "{claim:groups}"}])
    with start(changed(made, "tenants.0.access.max_header_bytes", 1000)) as envoy:
        browser = sign_in(envoy, idp, "ada@n.example")
        big = {"groups": ["g" * 40 for _ in range(24)]}
        from test_identity_profiles import sign_in_quietly

        browser = sign_in_quietly(envoy, idp, big)
        app.clear()
        assert browser.fetch("/private/x").status == 403
        assert not app.requests


def test_a_person_without_the_claim_that_names_them_is_refused(start, base, app, idp):
    from test_identity_profiles import sign_in_quietly

    with start(asserting(base, subject="{claim:upn}")) as envoy:
        browser = sign_in_quietly(envoy, idp, {})
        app.clear()
        reply = browser.fetch("/private/x")
        assert reply.status == 403 and reply.json()["error"] == "identity_without_subject"
        assert not app.requests


def signs(envoy_binary) -> bool:
    """Whether this Envoy has the function `sign` (1.37 and later)."""
    import re

    return tuple(map(int, re.search(r"envoy-(\d+)\.(\d+)", envoy_binary).groups())) >= (1, 37)


@pytest.mark.core
def test_rs256_is_signed_by_the_proxy_or_is_no_configuration(start, base, app, idp, envoy_binary):
    made = asserting(base, key={"value": RSA_KEY}, algorithm="RS256")
    if not signs(envoy_binary):
        log = refusal(start, made)
        assert "tenants[0].access.assertion.algorithm: RS256" in log and "1.37" in log
        return
    with start(made) as envoy:
        (key,) = keys(envoy).json()["keys"]
        assert sorted(key) == ["alg", "e", "kid", "kty", "n", "use"] and key["alg"] == "RS256"
        browser = sign_in(envoy, idp, "ada@n.example")
        app.clear()
        assert browser.fetch("/private/x").status == 200
        assert checked(envoy, app.only().get(HEADER), "RS256")["sub"] == "ada@n.example"
    log = refusal(start, changed(made, "host.native_crypto", "off"))
    assert "tenants[0].access.assertion.algorithm: RS256" in log


WRONG = {
    "audience": (..., r"assertion\.audience"),
    "key": ({"value": "no key"}, r"assertion\.key.*openssl genpkey"),
    "algorithm": ("HS256", r"assertion\.algorithm.*ES256, RS256"),
    "lifetime_seconds": (5, r"assertion\.lifetime_seconds.*10"),
    "header": ("cookie", r"assertion\.header"),
    "claims": ([{"name": "sub", "value": "x"}], r"assertion\.claims\[0\]\.name"),
}


def test_what_is_wrong_is_named_with_its_remedy(start, base):
    import re

    log = refusal(start, asserting(base, **{name: value for name, (value, _) in WRONG.items()}))
    for _, told in WRONG.values():
        assert re.search(told, log), (told, log)
    log = refusal(start, asserting(base, algorithm="RS256"))
    assert "write algorithm: ES256" in log


def test_no_key_and_no_token_is_ever_in_the_log(signing, app, idp):
    browser = sign_in(signing, idp, "ada@n.example")
    app.clear()
    assert browser.fetch("/private/x").status == 200
    assert app.only().get(HEADER).split(".")[1] not in signing.log()
    assert EC_KEY.splitlines()[1] not in signing.log()
