"""Every file of `envoy/` in a real Envoy, each with a request that shows what the file is for.

How a file is made to start here is said, and done, in `harness/envoy_file.py`.
"""

import hashlib
import json
import os
import re
import ssl
import textwrap
import time
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness.authorities import Key, federated_claims
from harness.browser import NAVIGATION, Browser, query_of
from harness.client import H1, H2, scim_json
from harness.envoy import StartFailed, version
from harness.envoy_file import FOLDER, EnvoyFile
from harness.idp import SP_METADATA, AuthnRequest, IdentityProvider, form
from harness.scim_app import USER, patch
from harness.settings import certificate_text
from harness.tls import self_signed
from harness.upstream import Answer
from harness.upstream_tls import TlsApplication, TlsH2Application, TlsKeyServer

DIRECTORY = "11111111-2222-3333-4444-555555555555"
LOGIN = "login.microsoftonline.com"
APP, PUBLISHED = "app.internal:8080", f"{LOGIN}:443"
HOST = "app.example.com"
FORGED = ("x-user", "root")
TOKENS = tuple(f"secret-token-{number}" for number in range(3))
HASHES = tuple(hashlib.sha256(token.encode()).hexdigest() for token in TOKENS)
SCIM = [("content-type", "application/scim+json")]
PROOFS = {}


def proves(name: str):
    """Marks the test that starts this file."""

    def mark(test):
        PROOFS[name] = test
        return test

    return mark


def bearer(token: str):
    return ("authorization", f"Bearer {token}")


def scim(value: dict, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), SCIM)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Certificates, for the names of the files."""
    place = tmp_path_factory.mktemp("files")
    hosts = {"app": HOST, "acme": "acme.example.com", "umbrella": "umbrella.example.com", "login": LOGIN}
    hosts |= {"impostor": "impostor.example.net", "collector": "collector.internal", "idp": "idp"}
    made = {name: self_signed(place, name, host) for name, host in hosts.items()}
    authority = place / "authority.pem"
    authority.write_text("".join(open(made[name]["certificate"]).read() for name in ("login", "impostor", "collector")))
    return made | {"authority": str(authority)}


@pytest.fixture
def begin(envoy_binary, wasm, keys, app):
    """Envoy with a file of `envoy/`; the application of the file is the test's."""

    def make(name, servers=None, application=APP, **more):
        files = {"tls.crt": keys["app"]["certificate"], "tls.key": keys["app"]["key"]} | more.pop("files", {})
        reached = {application: app.port} | (servers or {})
        return EnvoyFile(envoy_binary, name, wasm, reached, files, keys["authority"], HASHES, **more)

    return make


def navigates(envoy, path, host=HOST, *headers):
    return envoy.ask(host, path, [*NAVIGATION, *headers])


def sent_to_sign_in(reply, directory=DIRECTORY):
    """Whether a browser is sent to this directory's login page."""
    location = reply.get("location") or ""
    return reply.status == 302 and location.startswith(f"https://{LOGIN}/{directory}/saml2?")


@proves("some-routes.yaml")
def test_some_routes_the_filter_looks_at_one_and_is_switched_off_on_another(begin, app, scim_app):
    with begin("some-routes.yaml", {"assets.internal:8080": scim_app.port}) as envoy:
        assert sent_to_sign_in(navigates(envoy, "/page"))
        assert envoy.ask(HOST, "/public/page", [FORGED]).status == 200
        assert "x-user" not in app.only().names()
        assert envoy.ask(HOST, "/assets/logo.svg", [FORGED]).status == 200
        assert scim_app.only().get("x-user") == "root", "nobody takes forged headers away where the filter is off"
        assert envoy.ask(HOST, "/assetsandmore").status == 401


@proves("policies.yaml")
def test_policies_each_route_has_the_one_that_its_metadata_names(begin, app):
    with begin("policies.yaml") as envoy:
        assert navigates(envoy, "/docs/start").status == 200
        assert navigates(envoy, "/.well-known/security.txt").status == 200
        assert sent_to_sign_in(navigates(envoy, "/app/page"))
        assert sent_to_sign_in(navigates(envoy, "/admin/users"))
        assert navigates(envoy, "/neither").status == 403
        # Taking a forged header away would have Envoy choose the route anew, after the decision.
        assert navigates(envoy, "/docs/start", HOST, FORGED).status == 400
    assert len(app.requests) == 2


@proves("tenants.yaml")
def test_tenants_each_has_its_directory_and_its_token(begin, app):
    app.handler = lambda request: scim({"schemas": [USER], "id": "u-1", "userName": "ada"})
    secrets = {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop", "APP_SCIM_TOKEN": "of-the-application"}
    with begin("tenants.yaml", environment=secrets) as envoy:
        assert sent_to_sign_in(navigates(envoy, "/page", "acme.example.com"))
        assert sent_to_sign_in(navigates(envoy, "/fabrikam/page"), "66666666-7777-8888-9999-aaaaaaaaaaaa")
        assert sent_to_sign_in(navigates(envoy, "/umbrella/page"), "bbbbbbbb-cccc-dddd-eeee-ffffffffffff")
        assert navigates(envoy, "/nobody/page").status == 404
        ways = [("acme.example.com", ""), (HOST, "/fabrikam"), (HOST, "/umbrella")]
        for number, (host, prefix) in enumerate(ways):
            for other, token in enumerate(TOKENS):
                reply = envoy.ask(host, f"{prefix}/scim/v2/entra/Users/u-1", [bearer(token)])
                assert reply.status == (200 if other == number else 401), (host, prefix, token)
    reached = [(request.path, request.get("authorization")) for request in app.requests if "/Users" in request.path]
    of_the_application = "Bearer of-the-application"
    assert reached == [(f"/tenants/{name}/scim/Users/u-1", of_the_application) for name in ("acme", "fabrikam", "umbrella")]


@proves("sni.yaml")
def test_sni_the_handshake_chooses_tenant_and_certificate(begin, app, keys):
    files = {f"{name}.{end}": keys[name][of] for name in ("acme", "umbrella") for end, of in (("crt", "certificate"), ("key", "key"))}
    with begin("sni.yaml", files=files) as envoy:
        for name in ("acme", "umbrella"):
            with H1(envoy.ports["https"], tls=True, host=f"{name}.example.com", sni=f"{name}.example.com") as client:
                shown = x509.load_der_x509_certificate(client.socket.getpeercert(binary_form=True))
                have = x509.load_pem_x509_certificate(open(keys[name]["certificate"], "rb").read())
                assert shown == have
                assert client.request("GET", "/health").status == 200
                other = "umbrella" if name == "acme" else "acme"
                assert client.request("GET", "/health", [("host", f"{other}.example.com")]).status == 421
        with pytest.raises((ssl.SSLError, OSError)):
            H1(envoy.ports["https"], tls=True, sni="stranger.example.com")
    assert len(app.requests) == 2


@pytest.fixture(scope="module")
def secrets():
    """A value for every variable of secrets.yaml."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    decryption = (FOLDER.parent / "tests/vectors/idp.key").read_text()
    return {
        "VESTIBULE_KEY": "a-first-key-of-at-least-32-octets-0123456789",
        "VESTIBULE_KEY_2": "a-second-key-of-at-least-32-octets-987654321",
        "APP_SCIM_TOKEN": "of-the-application-0123456789",
        "SAML_DECRYPTION_KEY": decryption,
        "ASSERTION_KEY": key.decode(),
    }


@proves("secrets.yaml")
def test_secrets_are_used_and_none_is_in_what_envoy_shows(begin, app, secrets):
    app.handler = lambda request: scim({"schemas": [USER], "id": "u-1", "userName": "ada"})
    with begin("secrets.yaml", environment=secrets) as envoy:
        published = envoy.ask(HOST, "/.vestibule/jwks.json")
        assert published.status == 200 and published.json()["keys"][0]["crv"] == "P-256"
        assert sent_to_sign_in(navigates(envoy, "/page"))
        assert envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [bearer(TOKENS[0])]).status == 200
        assert app.wait_for(1)[-1].get("authorization") == f"Bearer {secrets['APP_SCIM_TOKEN']}"
        shown = envoy.admin("/config_dump") + envoy.log()
        for name, value in secrets.items():
            assert name in shown
            for line in value.strip().splitlines():
                assert line in ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----") or line not in shown, name


def test_secrets_envoy_does_not_start_without_one_of_them(begin, secrets):
    fewer = {name: value for name, value in secrets.items() if name != "ASSERTION_KEY"}
    with pytest.raises(StartFailed) as failed, begin("secrets.yaml", environment=fewer):
        pass
    assert "ASSERTION_KEY" in failed.value.log


def token_for(envoy, key: Key):
    claims = federated_claims(
        iss=f"https://{LOGIN}/{DIRECTORY}/v2.0",
        tid=DIRECTORY,
        aud="api://99999999-8888-7777-6666-555555555555",
        sub="22222222-3333-4444-5555-666666666666",
        oid="22222222-3333-4444-5555-666666666666",
    )
    asked = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": key.sign(claims),
    }
    headers = [("content-type", "application/x-www-form-urlencoded")]
    return envoy.ask(HOST, "/.vestibule/oauth/token", headers, "POST", urlencode(asked).encode())


KEYS_SECRETS = {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop", "APP_SCIM_TOKEN": "of-the-application"}


@proves("keys-cluster.yaml")
def test_keys_are_fetched_from_the_server_that_proves_its_name(begin, app, keys):
    app.handler = lambda request: scim({"schemas": [USER], "id": "u-1", "userName": "ada"})
    key = Key("first")
    server = TlsKeyServer(keys["login"], key)
    try:
        with begin("keys-cluster.yaml", {PUBLISHED: server.port}, environment=KEYS_SECRETS) as envoy:
            server.wait_for(1)
            granted = token_for(envoy, key)
            assert granted.status == 200, granted.body
            token = granted.json()["access_token"]
            assert envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [bearer(token)]).status == 200
            assert envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [bearer(key.sign({}))]).status == 401
            assert set(server.names) == {LOGIN}, "the server is asked for by name (SNI)"
    finally:
        server.stop()


def test_keys_of_a_server_with_another_name_are_not_fetched(begin, app, keys):
    """The same authority vouches for it, so that only the name is wrong."""
    key = Key("first")
    server = TlsKeyServer(keys["impostor"], key)
    try:
        with begin("keys-cluster.yaml", {PUBLISHED: server.port}, environment=KEYS_SECRETS) as envoy:
            envoy.wait_for_log("event=document.failed")
            assert token_for(envoy, key).status == 503
            assert envoy.stats("cluster.login_microsoftonline.ssl.fail_verify_san").popitem()[1] > 0
        assert not server.requests
    finally:
        server.stop()


@proves("logging.yaml")
def test_logging_a_refused_request_is_told_as_json_and_to_a_collector(begin, app, keys):
    collector = TlsH2Application(keys["collector"])
    try:
        files = {"collector-ca.crt": keys["authority"]}
        with begin("logging.yaml", {"collector.internal:4317": collector.port}, files=files) as envoy:
            assert envoy.ask(HOST, "/health?who=ada").status == 200
            assert navigates(envoy, "/nowhere?who=ada").status == 403
            line = json.loads(envoy.wait_for_log(r'^\{.*"/nowhere"', 15))
            assert (line["tenant"], line["outcome"], line["code"]) == ("example", "access.refused", "no_policy")
            assert line["status"] == 403 and re.fullmatch("[0-9a-f]{10}", line["reference"])
            passed = json.loads(envoy.wait_for_log(r'^\{.*"/health"', 15))
            assert passed["outcome"] == "access.anonymous" and passed["status"] == 200
            until = time.monotonic() + 15
            while not collector.requests and time.monotonic() < until:
                time.sleep(0.1)
            told = b"".join(request.body for request in collector.requests)
            assert collector.requests[0].path == "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
            for text in ("vestibule.outcome", "access.refused", "no_policy", line["reference"], "GET /nowhere 403"):
                assert text.encode() in told, text
            assert b"/health" not in told and b"who=ada" not in told
            assert "who=ada" not in envoy.log()
    finally:
        collector.stop()


@proves("canary.yaml")
def test_canary_nothing_is_rewritten_and_what_would_be_is_counted(begin, app):
    app.handler = lambda request: scim({"schemas": [USER], "id": "u-1", "userName": "ada", "active": True})
    sent = patch({"op": "Replace", "path": "active", "value": "True"})
    with begin("canary.yaml") as envoy:
        reply = envoy.ask(HOST, "/scim/v2/Users/u-1", [bearer(TOKENS[0]), *SCIM], "PATCH", sent)
        assert reply.status == 200
        received = app.wait_for(1, "PATCH")[-1]
        assert (received.path, received.body) == ("/scim/v2/Users/u-1", sent), "octet by octet, where it always went"
        assert received.get("authorization") == f"Bearer {TOKENS[0]}"
        counted = envoy.stats(r"vestibule\.scim\.observed")
        assert counted["wasmcustom.vestibule.scim.observed"] >= 1 and len(counted) > 1, counted
        envoy.wait_for_log("event=scim.observed")
        assert envoy.ask(HOST, "/scim/v2/Users/u-1", [bearer("another")]).status == 401
        assert envoy.ask(HOST, "/page").status == 200
    assert len(app.seen("PATCH")) == 1


# envoy.yaml


METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>
</KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{sso}"/>
</IDPSSODescriptor></EntityDescriptor>"""
ENTITY = f"https://sts.windows.net/{DIRECTORY}/"
SERVICE, ACS = f"https://{HOST}/saml", f"https://{HOST}/.vestibule/saml/acs"


@pytest.fixture(scope="module")
def entra(keys):
    """Entra as far as envoy.yaml needs it: metadata by TLS under its name, and signed responses."""
    provider = IdentityProvider(keys["idp"])
    text = METADATA.format(
        entity=ENTITY, certificate=certificate_text(keys["idp"]["certificate"]), sso=f"https://{LOGIN}/{DIRECTORY}/saml2"
    )
    answer = Answer(200, text.encode(), [("content-type", "application/samlmetadata+xml")])
    server = TlsApplication(keys["login"], lambda request: answer)
    yield provider, server
    server.stop()
    provider.close()


class Person(Browser):
    """A browser on the host of the file."""

    def request(self, method, path, headers=(), body=None):
        pairs = list(headers)
        if self.cookies:
            pairs.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        reply = self.envoy.ask(HOST, path, pairs, method, body)
        for line in reply.all("set-cookie"):
            self._keep(line)
        return reply


def life(envoy, app, entra):
    """Signs somebody in, provisions, deactivates; gives the steps that went well."""
    provider, server = entra
    done = []
    somebody = {"schemas": [USER], "id": "u-1", "userName": "ada@n.example", "externalId": "object-of-ada", "active": True}

    def application(request):
        if request.method == "GET" and "/Users?" in request.path:
            found = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1}
            return scim(found | {"startIndex": 1, "itemsPerPage": 1, "Resources": [somebody]})
        if request.path.startswith("/scim/v2/"):
            return scim(somebody, 201 if request.method == "POST" else 200)
        return Answer()

    app.handler = application
    token, json_type = bearer(TOKENS[0]), ("content-type", "application/scim+json; charset=utf-8")
    body = scim_json({"schemas": [USER], "userName": "ada@n.example", "externalId": "object-of-ada", "active": "True"})
    reply = envoy.ask(HOST, "/scim/v2/entra/Users", [token, json_type], "POST", body)
    created = app.seen("POST")
    if reply.status == 201 and created and b'"active":true' in created[0].body.replace(b" ", b""):
        done.append("provisioned")
    person = Person(envoy, HOST)
    reply = person.get("/page")
    if sent_to_sign_in(reply):
        query = query_of(reply.get("location"))
        claims = {"object_id": "object-of-ada", "tenant_id": DIRECTORY, "roles": ["admin"]}
        xml = provider.response(
            AuthnRequest(query["SAMLRequest"]).id,
            "ada@n.example",
            claims,
            audience=SERVICE,
            recipient=ACS,
            issuer=ENTITY,
            metadata=SP_METADATA.format(entity=SERVICE, acs=ACS),
        )
        reply = person.post_form(urlsplit(ACS).path, form(xml, query["RelayState"]), origin=f"https://{LOGIN}")
        if reply.status == 303 and person.get("/page").status == 200 and app.requests[-1].get("x-user") == "ada@n.example":
            done.append("signed in")
            with H1(envoy.ports["https"], tls=True, host=HOST, sni=HOST) as stream:
                cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
                upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("cookie", cookies)]
                if stream.request("GET", "/socket", [*upgrade, ("origin", f"https://{HOST}")]).status == 101:
                    done.append("open stream")
                end = patch({"op": "Replace", "path": "active", "value": "False"})
                if envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [token, json_type], "PATCH", end).status == 200:
                    done.append("deactivated")
                if sent_to_sign_in(person.get("/page")):
                    done.append("session ended")
                stream.socket.settimeout(5)
                try:
                    if stream.stream.read(1) == b"":
                        done.append("stream ended")
                except OSError:
                    pass
    return done


LIFE = ["provisioned", "signed in", "open stream", "deactivated", "session ended", "stream ended"]
MAIN_SECRETS = {"VESTIBULE_KEY": "test-master-key-0123456789-abcdefghijklmnop", "APP_SCIM_TOKEN": "of-the-application"}


def main_file(begin, entra, **more):
    return begin("envoy.yaml", {PUBLISHED: entra[1].port}, "127.0.0.1:8080", environment=MAIN_SECRETS, **more)


SHOWN = [*LIFE, "other cookies kept", "answers rewritten", "trailers", "forged header taken away", "counted", "logged", "told to the access log"]


def shows(envoy, app, entra):
    """All that the module does with its capabilities, as far as it does."""

    def quietly(step):
        try:
            return step()
        except (OSError, AssertionError, IndexError, KeyError, ValueError):
            return None

    done = quietly(lambda: life(envoy, app, entra)) or []
    app.clear()

    def open_to_all():
        assert navigates(envoy, "/public/x", HOST, FORGED).status == 200
        return "x-user" not in app.only().names()

    def with_trailers():
        body = scim_json({"schemas": [USER], "userName": "bob", "active": "True"})
        with H2(envoy.ports["https"], tls=True, host=HOST, seconds=5) as client:
            headers = [bearer(TOKENS[0]), ("content-type", "application/scim+json"), ("te", "trailers")]
            client.request("POST", "/scim/v2/entra/Users", headers, body, trailers=[("x-end", "1")])
        return b'"active":true' in app.only("POST").body.replace(b" ", b"")

    def cookies_told_apart():
        cookie = ("cookie", "__Host-vestibule-s.example=x; theme=dark")
        assert envoy.ask(HOST, "/public/x", [cookie]).status == 200
        return app.only().get("cookie") == "theme=dark"

    def answer_rewritten():
        body = json.dumps({"schemas": [USER], "id": "u-2", "meta": {"location": f"https://{HOST}/scim/v2/Users/u-2"}})
        app.handler = lambda request: Answer(200, body.encode(), [*SCIM, ("location", f"https://{HOST}/scim/v2/Users/u-2")])
        reply = envoy.ask(HOST, "/scim/v2/entra/Users/u-2", [bearer(TOKENS[0])])
        public = f"https://{HOST}/scim/v2/entra/Users/u-2"
        return (reply.get("location"), reply.json()["meta"]["location"]) == (public, public)

    done += ["other cookies kept"] * bool(quietly(cookies_told_apart))
    done += ["answers rewritten"] * bool(quietly(answer_rewritten))
    app.clear()
    app.handler = lambda request: scim({"schemas": [USER], "id": "u-2", "userName": "bob"}, 201)
    done += ["trailers"] * bool(quietly(with_trailers))
    app.clear()
    done += ["forged header taken away"] * bool(quietly(open_to_all))
    app.clear()
    quietly(lambda: envoy.ask(HOST, "/private"))
    done += ["reached the application without a session"] * bool(app.requests)
    counted = quietly(lambda: envoy.stats("vestibule.access.sign_in_required")) or {}
    done += ["counted"] * any(counted.values())
    done += ["logged"] * bool(quietly(lambda: envoy.wait_for_log("event=revocation.deactivated", 2)))
    line = r"GET /private .* outcome=access\.sign_in_required"
    done += ["told to the access log"] * bool(quietly(lambda: envoy.wait_for_log(line, 12)))
    return done


@pytest.mark.core
@proves("envoy.yaml")
def test_envoy_yaml_provisions_signs_in_and_ends_a_session_with_no_capability_too_few(begin, app, entra):
    with main_file(begin, entra) as envoy:
        envoy.wait_for_log("event=document.fetched")
        assert life(envoy, app, entra) == LIFE
        assert set(entra[1].names) == {LOGIN}
        assert navigates(envoy, "/a%2Fb").status == 400
        assert navigates(envoy, "/public/x", HOST, ("x_user", "root")).status == 400
        reply = navigates(envoy, "/public/x", HOST, FORGED)
        assert reply.status == 200 and reply.get("strict-transport-security") == "max-age=31536000"
        assert "x-user" not in app.requests[-1].names()
        assert envoy.ask("stranger.example.com", "/").status == 421
        envoy.wait_for_log(r"GET /page .* 302 .* tenant=example outcome=access\.sign_in_required", 15)
        envoy.wait_for_log("event=sign_on.accepted")
        assert "SAMLRe" not in envoy.log()
        with pytest.raises(ssl.SSLError):
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with H1(envoy.ports["https"]) as plain:
                old.wrap_socket(plain.socket, server_hostname=HOST)


# The capabilities that envoy.yaml gives to the module.

RESTRICTION = re.compile(r"allowed_capabilities:\n((?: +(?:proxy_|random_|environ_)[a-z_]+: \{\}\n)+)")
CAPABILITIES = re.findall(r"[a-z_]+(?=: \{\})", RESTRICTION.search((FOLDER / "envoy.yaml").read_text()).group(1))
SOME_CAPABILITIES = ["proxy_set_buffer_bytes", "proxy_on_request_headers", "proxy_close_stream"]
# Without this callback Envoy never asks the filter: `vestibule check` takes such a list for an error.
OPENS = "proxy_on_request_headers"
# Without these the module works on, worse: see docs/envoy.md.
FOR_WHAT_LIFE_DOES_NOT_SHOW = {
    "proxy_get_property": "the address of the client, SNI and the metadata of routes come by it",
    "proxy_on_done": "the end of a stream is told by one of the two",
    "proxy_on_log": "the end of a stream is told by one of the two",
    "proxy_record_metric": "histograms stay empty",
    "proxy_call_foreign_function": "signatures are verified in Wasm, 26 times slower; RS256 assertions cannot be made",
    "proxy_on_response_trailers": "answers with trailers; needs an application that speaks HTTP/2",
    "proxy_on_delete": "memory of a stream is never given back",
}


def imported(wasm: str) -> set[str]:
    """The names of all functions that the module wants of its host."""
    octets, at, found = open(wasm, "rb").read(), 8, set()

    def number(at):
        value = shift = 0
        while True:
            value |= (octets[at] & 127) << shift
            at, shift, more = at + 1, shift + 7, octets[at] & 128
            if not more:
                return value, at

    def text(at):
        length, at = number(at)
        return octets[at : at + length].decode(), at + length

    while at < len(octets):
        kind, (length, start) = octets[at], number(at + 1)
        if kind == 2:
            count, here = number(start)
            for _ in range(count):
                _, here = text(here)
                name, here = text(here)
                assert octets[here] == 0, "only functions are imported"
                _, here = number(here + 1)
                found.add(name)
        at = start + length
    return found


def test_capabilities_are_what_the_sources_call_and_no_more(wasm):
    sources = FOLDER.parent / "src" / "host"
    called = set(re.findall(r"fn (proxy_[a-z_]+|random_get|environ_[a-z_]+)\(", (sources / "abi.rs").read_text()))
    assert called <= imported(wasm)
    assert {name for name in CAPABILITIES if not name.startswith("proxy_on_")} == called
    callbacks = set(re.findall(r'^extern "C" fn (proxy_on_[a-z_]+)\(', (sources / "dispatch.rs").read_text(), re.MULTILINE))
    # Memory is always to be had, and there is nothing to do when a VM starts.
    callbacks -= {"proxy_on_memory_allocate", "proxy_on_vm_start"}
    assert {name for name in CAPABILITIES if name.startswith("proxy_on_")} == callbacks


def noted(request, left_out, what):
    """For docs/envoy.md, where every capability is left out."""
    if request.config.getoption("--every-capability"):
        with open(os.environ["VESTIBULE_RECORD"], "a", encoding="utf-8") as record:
            record.write(f"| `{left_out}` | {what} |\n")


def test_a_capability_left_out_is_missed(begin, app, entra, left_out, request):
    """Each is needed: without it the filter does not start, or something of what it does is missing."""
    edited = re.compile(rf" +{left_out}: \{{\}}\n")
    try:
        with main_file(begin, entra, edit=lambda text: edited.sub("", text)) as envoy:
            envoy.crash_expected = True
            shown = shows(envoy, app, entra)
    except StartFailed:
        noted(request, left_out, "Envoy does not start")
        return
    missing = ", ".join(step for step in SHOWN if step not in shown)
    noted(request, left_out, missing or FOR_WHAT_LIFE_DOES_NOT_SHOW.get(left_out, "nothing"))
    if left_out in FOR_WHAT_LIFE_DOES_NOT_SHOW:
        assert shown == SHOWN, "this can be shown now: take it off the list"
    else:
        assert shown != SHOWN, f"{left_out} is not needed"
    assert ("reached the application without a session" in shown) == (left_out == OPENS)


def test_the_newer_place_of_the_list_is_good_as_well_where_envoy_knows_it(begin, app, entra, envoy_binary):
    """Envoy 1.40 knows it in `vm_config` as well, and says at start that it would rather have it there; older ones do not start."""

    def moved(text):
        block = re.search(r" {24}capability_restriction_config:\n(?: {26,}.*\n)+", text).group(0)
        text = text.replace(block, "")
        deeper = re.sub(r"^", "  ", block, flags=re.M).rstrip(" ")
        return text.replace("                          vm_id: vestibule\n", f"{deeper}                          vm_id: vestibule\n")

    if version(envoy_binary) < (1, 40):
        with pytest.raises(StartFailed, match="'capability_restriction_config'"), main_file(begin, entra, edit=moved):
            pass
        return
    with main_file(begin, entra, edit=moved) as envoy:
        envoy.wait_for_log("event=document.fetched")
        assert "Deprecated field" not in envoy.log()
        assert life(envoy, app, entra) == LIFE


# What stands in the manifests of examples/.

EXAMPLES = FOLDER.parent / "examples"


def test_kubernetes_the_configuration_in_the_config_map_starts_and_its_probe_says_nothing_but_ready(begin, app):
    text = (EXAMPLES / "kubernetes" / "vestibule.yaml").read_text(encoding="utf-8")
    text = textwrap.dedent(text.split("  envoy.yaml: |\n")[1].split("\n---\n")[0])
    for place in ("/etc/tls/", "/etc/vestibule/"):
        assert place in text
        text = text.replace(place, "")
    reached = "app.default.svc.cluster.local:8080"
    with begin("kubernetes/vestibule.yaml", application=reached, environment=MAIN_SECRETS, text=text) as envoy:
        assert sent_to_sign_in(navigates(envoy, "/page"))
        app.handler = lambda request: scim({"schemas": [USER], "id": "u-1", "userName": "ada"})
        assert envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [bearer(TOKENS[0])]).status == 200
        assert app.requests[-1].get("authorization") == "Bearer of-the-application"
        with H1(envoy.ports["probes"]) as probe:
            assert probe.request("GET", "/ready").body.strip() == b"LIVE"
            assert probe.request("POST", "/ready").status == 404
            for path in ("/", "/config_dump", "/quitquitquit", "/ready/../config_dump", "/ready?x=/config_dump"):
                assert b"static_listeners" not in probe.request("GET", path).body


def test_istio_the_filter_that_the_envoy_filter_puts_in_is_one_that_envoy_takes(begin, app):
    text = (EXAMPLES / "istio" / "envoy-filter.yaml").read_text(encoding="utf-8")
    block = text.split("        operation: INSERT_FIRST\n        value:\n")[1].split("    - applyTo: LISTENER")[0]
    block = textwrap.dedent(block).rsplit("# The filter holds", 1)[0].replace("/etc/vestibule/", "")
    filters = textwrap.indent("- " + textwrap.indent(block, "  ")[2:], " " * 18)
    around = (FOLDER / "policies.yaml").read_text(encoding="utf-8")
    before, rest = around.split("                  - name: vestibule\n", 1)
    after = rest.split("                  - name: envoy.filters.http.router\n", 1)[1]
    whole = before + filters + "                  - name: envoy.filters.http.router\n" + after
    with begin("istio/envoy-filter.yaml", environment=MAIN_SECRETS, text=whole) as envoy:
        assert sent_to_sign_in(navigates(envoy, "/page"))
        assert envoy.ask(HOST, "/scim/v2/entra/Users/u-1", [bearer("another")]).status == 401
    assert not app.requests


def test_every_file_is_started_here_and_answers_a_question_in_the_readme():
    files = {file.name for file in FOLDER.glob("*.yaml")}
    assert files == set(PROOFS)
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(([a-z-]+\.yaml)\)", readme)) == files


