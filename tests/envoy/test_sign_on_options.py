"""What an administrator can choose about sign-on, through real Envoy and with providers that are not ours."""

import base64
import datetime
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from harness import bootstrap, saml_tools, settings
from harness.browser import Browser, query_of
from harness.client import H1
from harness.envoy import ENVIRONMENT
from harness.idp import IdentityProvider, form
from harness.sign_in import IDP_ORIGIN, Login, has_session, sign_in
from harness.tls import self_signed
from harness.upstream import HANG, Answer

pytestmark = pytest.mark.modes("held", "early")

ACS_PATH = urlsplit(settings.ACS).path
SAML = "tenants.0.saml"
REQUEST = "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest"


def saml(base, **fields):
    """The configuration with fields of `saml` set."""
    for name, value in fields.items():
        base = settings.changed(base, f"{SAML}.{name}", value)
    return base


def post(browser, xml, relay_state=None):
    return browser.post_form(ACS_PATH, form(xml, relay_state), origin=IDP_ORIGIN)


@pytest.fixture(scope="module")
def sp_keys(place):
    return self_signed(place, "sp")


@pytest.fixture(scope="module")
def own_key(sp_keys):
    """The private key and the certificate as a configuration has them."""
    return {
        "key": {"value": Path(sp_keys["key"]).read_text()},
        "certificate": settings.certificate_text(sp_keys["certificate"]),
    }


# Signatures.


@pytest.mark.core
@pytest.mark.parametrize(
    ("requires", "good"),
    [
        ("any", {"assertion", "response", "both"}),
        ("assertion", {"assertion", "both"}),
        ("response", {"response", "both"}),
        ("both", {"both"}),
    ],
)
def test_entras_signing_options_meet_what_is_required(start, base, app, idp, requires, good):
    with start(saml(base, requires=requires)) as envoy:
        for signed in ("assertion", "response", "both", "neither"):
            browser = Browser(envoy)
            login = Login(browser)
            reply = login.answer(idp.response(login.request.id, sign=signed))
            assert reply.status == (303 if signed in good else 403), signed
            assert has_session(browser) == (signed in good)


# Encryption.


@pytest.fixture(scope="module")
def decrypting(start, base, own_key):
    with start(saml(base, decryption_keys=[own_key])) as running:
        yield running


def answer_encrypted(envoy, idp, sp_keys, **how):
    browser = Browser(envoy)
    login = Login(browser)
    xml = saml_tools.encrypted(idp.response(login.request.id), sp_keys["certificate"], **how)
    assert b"ada@n.example" not in xml
    return login.answer(xml), browser


@pytest.mark.core
def test_an_encrypted_assertion_signs_the_person_in(decrypting, app, idp, sp_keys):
    reply, browser = answer_encrypted(decrypting, idp, sp_keys)
    assert reply.status == 303 and has_session(browser)
    assert app.requests[-1].get("x-user") == "ada@n.example"


def test_an_encrypted_assertion_may_be_as_large_as_one_that_is_not(decrypting, app, idp, sp_keys):
    browser = Browser(decrypting)
    login = Login(browser)
    response = idp.response(login.request.id, claims={"unused": [f"S-1-5-21-{number:060}" for number in range(600)]})
    xml = saml_tools.encrypted(response, sp_keys["certificate"])
    assert 100_000 < len(xml) < 200_000
    assert login.answer(xml).status == 303 and has_session(browser)


@pytest.mark.core
def test_cbc_is_refused_until_it_is_accepted_by_name(start, base, decrypting, app, idp, own_key, sp_keys):
    since = len(decrypting.log())
    reply, browser = answer_encrypted(decrypting, idp, sp_keys, cipher=saml_tools.CBC)
    assert reply.status == 403 and not has_session(browser)
    assert "code=encryption_cbc" in decrypting.log()[since:]
    with start(saml(base, decryption_keys=[own_key], accept=["cbc"])) as envoy:
        assert "`cbc`" in envoy.log(), "the operator is warned"
        reply, browser = answer_encrypted(envoy, idp, sp_keys, cipher=saml_tools.CBC)
        assert reply.status == 303 and has_session(browser)


def test_rsa_1_5_is_refused_whatever_is_accepted(start, base, app, idp, own_key, sp_keys):
    with start(saml(base, decryption_keys=[own_key], accept=["cbc"])) as envoy:
        reply, _ = answer_encrypted(envoy, idp, sp_keys, transport=saml_tools.RSA15)
        assert reply.status == 403 and "code=encryption_key_algorithm" in envoy.log()


def test_the_key_of_before_still_decrypts(start, base, app, idp, own_key, sp_keys, tmp_path):
    new = self_signed(tmp_path, "new")
    keys = [{"value": Path(new["key"]).read_text()}, own_key]
    with start(saml(base, decryption_keys=keys)) as envoy:
        for keys in (sp_keys, new):
            assert answer_encrypted(envoy, idp, keys)[0].status == 303


def test_an_encrypted_assertion_that_nobody_signed_is_refused(decrypting, app, idp, sp_keys):
    browser = Browser(decrypting)
    login = Login(browser)
    xml = saml_tools.encrypted(idp.response(login.request.id, sign="neither"), sp_keys["certificate"])
    assert login.answer(xml).status == 403 and not has_session(browser)


def test_row_6_3_6_5_what_fails_within_the_encryption_looks_the_same(start, base, app, idp, own_key, sp_keys, tmp_path):
    """Padding, keys, garbage inside, no signature, another's signature: one status, one page, one code."""
    budget = settings.changed(
        saml(base, decryption_keys=[own_key], accept=["cbc"]), "host.private_key_operations_per_second", 1000
    )
    stranger = IdentityProvider(self_signed(tmp_path, "stranger"))
    other = self_signed(tmp_path, "other")["certificate"]
    with start(budget) as envoy:
        seen = set()

        def judge(make):
            browser = Browser(envoy)
            login = Login(browser)
            since = len(envoy.log())
            reply = login.answer(make(login.request.id))
            text = re.sub(rb"<code>\w+</code>", b"", reply.body)
            headers = tuple(sorted((name, value) for name, value in reply.headers if name not in ("date",)))
            code = re.search(r"event=sign_on.rejected code=(\S+)", envoy.log()[since:]).group(1)
            seen.add((reply.status, text, tuple(h for h in headers if h[0] != "x-envoy-upstream-service-time"), code))

        def mutated(at, key=False):
            def make(id):
                xml = saml_tools.encrypted(idp.response(id), sp_keys["certificate"], cipher=saml_tools.CBC)
                values = re.findall(rb"CipherValue>([^<]+)<", xml)
                value = values[0 if key else 1]
                octets = bytearray(base64.b64decode(value))
                octets[at] ^= 1
                return xml.replace(value, base64.b64encode(bytes(octets)))

            return make

        for at in (0, 5, 15, 16, 40, -1, -16, -17, -32):
            judge(mutated(at))
        for at in (0, 100, 255):
            judge(mutated(at, key=True))
        judge(lambda id: saml_tools.encrypted(idp.response(id), other, cipher=saml_tools.CBC))
        judge(lambda id: saml_tools.encrypted(idp.response(id, sign="neither"), sp_keys["certificate"]))
        judge(lambda id: saml_tools.encrypted(stranger.response(id), sp_keys["certificate"]))
    stranger.close()
    assert len(seen) == 1, seen
    assert {code for *_, code in seen} == {"decryption"}


def test_row_6_10_beyond_the_budget_of_the_second_people_are_asked_to_come_back(start, base, app, idp, own_key, sp_keys):
    tight = settings.changed(saml(base, decryption_keys=[own_key]), "host.private_key_operations_per_second", 1)
    with start(tight) as envoy:
        logins = [Login(Browser(envoy)) for _ in range(6)]
        made = [saml_tools.encrypted(idp.response(login.request.id), sp_keys["certificate"]) for login in logins]
        replies = [login.answer(xml) for login, xml in zip(logins, made, strict=True)]
        statuses = [reply.status for reply in replies]
        assert set(statuses) == {303, 503}, statuses
        assert all(reply.get("retry-after") == "1" for reply in replies if reply.status == 503)


# Requests.


@pytest.fixture(scope="module")
def signing(start, base, own_key):
    with start(saml(base, request={"sign": own_key})) as running:
        yield running


@pytest.mark.core
def test_the_signature_of_a_redirect_is_verified_by_another_library(signing, app, sp_keys):
    location = Browser(signing).get("/private/page").get("location")
    message, signature = urlsplit(location).query.split("&Signature=")
    assert [part.split("=")[0] for part in message.split("&")] == ["SAMLRequest", "RelayState", "SigAlg"]
    assert query_of(location)["SigAlg"] == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    value = base64.b64decode(parse_qs(f"Signature={signature}")["Signature"][0])
    key = x509.load_pem_x509_certificate(Path(sp_keys["certificate"]).read_bytes()).public_key()
    key.verify(value, message.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_provider_that_demands_signed_requests_takes_ours(signing, app, idp, sp_keys):
    """pysaml2 verifies the query as it came, with the key of our metadata."""
    from saml2 import BINDING_HTTP_REDIRECT

    metadata = Browser(signing).get("/.vestibule/saml/metadata").body.decode()
    server = idp._server([metadata], settings.IDP)
    server.config.setattr("idp", "want_authn_requests_signed", True)
    query = query_of(Browser(signing).get("/private/page").get("location"))
    parsed = server.parse_authn_request(
        query["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=query["RelayState"],
        sigalg=query["SigAlg"],
        signature=query["Signature"],
    )
    assert parsed.message.issuer.text == settings.ENTITY
    forged = query["Signature"][:-8] + "AAAAAAA="
    with pytest.raises(Exception, match="not signed correctly"):
        server.parse_authn_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query["RelayState"],
            sigalg=query["SigAlg"],
            signature=forged,
        )


def fields_of(page: bytes) -> dict:
    import html

    found = re.findall(rb'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name.decode(): html.unescape(value.decode()) for name, value in found}


@pytest.mark.core
@pytest.mark.parametrize("signed", [False, True])
def test_by_post_the_request_is_a_form_and_its_signature_is_verified_by_xmlsec1(start, base, app, idp, own_key, sp_keys, signed):
    request = {"binding": "post", "name_id_format": "email", "hints": {"whr": "n.example"}}
    with start(saml(base, request=request | ({"sign": own_key} if signed else {}))) as envoy:
        browser = Browser(envoy)
        page = browser.get("/private/page")
        assert page.status == 200
        assert b'action="%s?whr=n.example"' % settings.IDP_SSO.encode() in page.body
        assert b"<button" in page.body and page.body.count(b"<script") == 1
        policy = page.get("content-security-policy")
        assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "unsafe" not in policy
        fields = fields_of(page.body)
        xml = base64.b64decode(fields["SAMLRequest"], validate=True)
        assert saml_tools.is_signed(xml, sp_keys["certificate"], REQUEST) == signed
        assert not saml_tools.is_signed(xml.replace(b"localhost", b"evilhosts"), sp_keys["certificate"], REQUEST)
        id = re.search(rb' ID="([^"]+)"', xml).group(1).decode()
        assert post(browser, idp.response(id), fields["RelayState"]).status == 303
        assert has_session(browser)


def test_our_metadata_announces_keys_and_is_signed_on_request(start, base, app, idp, own_key, sp_keys):
    with start(saml(base, request={"sign": own_key}, decryption_keys=[own_key], requires="assertion")) as envoy:
        browser = Browser(envoy)
        plain = browser.get("/.vestibule/saml/metadata").body
        signed = browser.get("/.vestibule/saml/metadata?signed=1").body
        descriptor = "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"
        assert saml_tools.is_signed(signed, sp_keys["certificate"], descriptor)
        assert not saml_tools.is_signed(plain, sp_keys["certificate"], descriptor)
        for text in (plain, signed):
            assert b'AuthnRequestsSigned="true"' in text and b'WantAssertionsSigned="true"' in text
            assert text.count(settings.certificate_text(sp_keys["certificate"]).encode()) >= 2
        from saml2.mdstore import InMemoryMetaData

        idp_reads = InMemoryMetaData(None, plain.decode())
        idp_reads.load()
        entity = settings.ENTITY
        assert idp_reads.certs(entity, "spsso", "encryption") and idp_reads.certs(entity, "spsso", "signing")


# Sign-ins that begin at the provider.


@pytest.fixture(scope="module")
def open_to_all(start, base):
    """IdP-initiated sign-in is allowed; the consumer is where one guide of an application wants it."""
    with start(saml(base, allow_unsolicited=True, acs_path="/auth/saml2/", start_path="/home")) as running:
        yield running


GUIDE = "https://localhost:8443/auth/saml2/"


def arrive(browser, xml, relay_state=None):
    return browser.post_form("/auth/saml2/", form(xml, relay_state), origin=IDP_ORIGIN)


@pytest.mark.core
def test_row_8_3_an_unsolicited_response_is_refused_accepted_or_bounced_as_configured(
    start, base, envoy, open_to_all, app, idp
):
    browser = Browser(envoy)
    assert post(browser, idp.response(None)).status == 403 and not has_session(browser)
    browser, xml = Browser(open_to_all), idp.response(None, recipient=GUIDE)
    reply = arrive(browser, xml, "/private/there")
    assert reply.status == 303 and reply.get("location").endswith("/private/there") and has_session(browser)
    again = Browser(open_to_all)
    assert arrive(again, xml).status == 403 and not has_session(again), "row 8.1"
    old = idp.response(None, recipient=GUIDE, ago=datetime.timedelta(minutes=10))
    assert arrive(Browser(open_to_all), old).status == 403
    with start(saml(base, allow_unsolicited="bounce")) as bouncing:
        browser = Browser(bouncing)
        reply = post(browser, idp.response(None), "https://localhost:8443/private/there")
        assert reply.status == 302 and reply.get("location").startswith(settings.IDP_SSO)
        assert not has_session(browser)
        query = query_of(reply.get("location"))
        from harness.idp import AuthnRequest

        reply = post(browser, idp.response(AuthnRequest(query["SAMLRequest"]).id), query["RelayState"])
        assert reply.get("location").endswith("/private/there") and has_session(browser)


@pytest.mark.core
def test_a_relay_state_that_is_the_consumer_lands_on_the_start_page(open_to_all, app, idp):
    browser = Browser(open_to_all)
    reply = arrive(browser, idp.response(None, recipient=GUIDE, sign="both"), GUIDE)
    assert (reply.status, reply.get("location")) == (303, "https://localhost:8443/home")
    assert has_session(browser)


@pytest.mark.parametrize(
    "relay_state",
    ["https://evil.test/", "//evil.test", "/\\evil.test", "/%5cevil.test", "javascript:alert(1)", "/a\r\nx: y", "A" * 8000],
)
def test_row_8_7_the_relay_state_of_an_unsolicited_response_never_leads_elsewhere(open_to_all, app, idp, relay_state):
    reply = arrive(Browser(open_to_all), idp.response(None, recipient=GUIDE), relay_state)
    assert (reply.status, reply.get("location")) == (303, "https://localhost:8443/home")


# Answers that sign nobody in.


def failure(in_response_to: str, status: str, message: str) -> bytes:
    name = "urn:oasis:names:tc:SAML:2.0:status:"
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f'<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0" IssueInstant="{now}" '
        f'Destination="{settings.ACS}" InResponseTo="{in_response_to}">'
        f'<Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{settings.IDP}</Issuer>'
        f'<p:Status><p:StatusCode Value="{name}Responder"><p:StatusCode Value="{name}{status}"/></p:StatusCode>'
        f"<p:StatusMessage>{message}</p:StatusMessage></p:Status></p:Response>"
    ).encode()


def test_each_status_has_a_page_of_its_own(envoy, app):
    pages = set()
    for status in ("AuthnFailed", "NoPassive", "RequestDenied", "NoAuthnContext", "UnknownPrincipal"):
        browser = Browser(envoy)
        login = Login(browser)
        since = len(envoy.log())
        reply = login.answer(failure(login.request.id, status, "Ada Lovelace &lt;script&gt;"))
        assert reply.status == 403 and b"eference" in reply.body
        assert b"Ada" not in reply.body and "Ada" not in envoy.log()[since:]
        assert status in envoy.log()[since:]
        pages.add(reply.body.split(b"<h1>")[1].split(b"<a ")[0])
    assert len(pages) == 5


@pytest.mark.core
def test_entras_code_is_explained_and_its_message_is_not_shown(envoy, app):
    browser = Browser(envoy)
    login = Login(browser)
    message = "AADSTS50105: The signed in user ada@n.example is not assigned to a role for the application"
    reply = login.answer(failure(login.request.id, "AuthnFailed", message))
    assert b"AADSTS50105" in reply.body and b"assign" in reply.body
    assert b"ada@n.example" not in reply.body and "ada@n.example" not in envoy.log()


# Loops.


@pytest.mark.core
def test_row_8_19_a_browser_without_cookies_is_not_sent_round(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    browser.cookies.clear()
    reply = login.answer(idp.response(login.request.id))
    assert reply.status == 403 and reply.get("location") is None and b"cookies" in reply.body


@pytest.mark.core
def test_row_8_19_a_browser_that_loses_its_session_is_stopped_at_the_third_redirect(envoy, app, idp):
    browser = Browser(envoy)
    for _ in range(2):
        login = Login(browser)
        assert login.answer(idp.response(login.request.id)).status == 303
        for name in browser.sessions():
            del browser.cookies[name]
    reply = browser.get("/private/page")
    assert reply.status == 403 and reply.get("location") is None and b"cookies" in reply.body
    assert "code=going_round" in envoy.log()
    assert browser.get("/.vestibule/sign-in?return=/private/page").status == 302, "a person may try again"


# One use in a fleet.


@pytest.fixture(scope="module")
def store():
    """A server that keeps what is put, as the store is documented."""
    kept = set()

    def put(request):
        assert (request.method, request.get("if-none-match")) == ("PUT", "*")
        assert re.fullmatch(r"/used/[0-9a-f]{64}", request.path) and b"ada" not in request.body
        fresh = request.path not in kept
        kept.add(request.path)
        return Answer(201 if fresh else 412, b"")

    return put


@pytest.fixture(scope="module")
def two_envoys(start, base):
    made = saml(base, replay_store={"cluster": "scim_app", "authority": "store.test", "path_prefix": "/used", "timeout_ms": 500})
    with start(made) as first, start(made) as second:
        yield first, second


@pytest.fixture
def fleet(two_envoys, scim_app, store):
    scim_app.handler = store
    return two_envoys


@pytest.mark.core
def test_row_8_1_an_assertion_is_used_once_in_a_whole_fleet(fleet, app, scim_app, idp):
    first, second = fleet
    browser = Browser(first)
    login = Login(browser)
    cookies, xml = dict(browser.cookies), idp.response(login.request.id)
    assert login.answer(xml).status == 303 and has_session(browser)
    assert scim_app.only("PUT").get("host") == "store.test"
    elsewhere = Browser(second)
    elsewhere.cookies = cookies
    assert post(elsewhere, xml).status == 403 and not has_session(elsewhere)
    assert "code=replayed_elsewhere" in second.log()


@pytest.mark.core
@pytest.mark.parametrize("answer", [Answer(200), Answer(204), Answer(500), HANG], ids=["200", "204", "500", "hangs"])
def test_a_store_that_does_not_confirm_the_first_use_gives_no_session(fleet, app, scim_app, idp, answer):
    scim_app.handler = lambda request: answer
    browser = Browser(fleet[0])
    login = Login(browser)
    reply = login.answer(idp.response(login.request.id))
    assert reply.status == 503 and reply.get("retry-after") == "1"
    assert not has_session(browser)


def test_a_store_that_is_not_there_gives_no_session(start, base, app, idp):
    with start(saml(base, replay_store={"cluster": "nobody"}), clusters={"nobody": 9}) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        assert login.answer(idp.response(login.request.id)).status == 503
        assert not has_session(browser) and "code=replay_store" in envoy.log()


@pytest.mark.modes("held")  # It makes a host of the other mode by itself.
def test_a_host_that_cannot_hold_headers_asks_the_store_too(start, base, app, scim_app, idp, store):
    scim_app.handler = store
    made = saml(base, replay_store={"cluster": "scim_app", "authority": "store.test", "path_prefix": "/used"})
    made = settings.changed(settings.changed(made, "host.stop_iteration", False), "tenants.0.scim", ...)
    buffer = bootstrap.typed("envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=1_000_000)
    behind = {"name": "envoy.filters.http.buffer", "typed_config": buffer}
    with start(made, stop_iteration=False, filters=(behind,)) as envoy:
        assert has_session(sign_in(envoy, idp, "ada@n.example"))
        assert len(scim_app.seen("PUT")) == 1
        scim_app.handler = lambda request: Answer(412, b"")
        login = Login(Browser(envoy))
        app.clear()
        assert login.answer(idp.response(login.request.id)).status == 403
        assert not app.requests


# Microsoft Entra ID.

DIRECTORY = "11111111-2222-3333-4444-555555555555"
ISSUER = f"https://sts.windows.net/{DIRECTORY}/"


@pytest.fixture(scope="module")
def of_entra(start, base):
    provider = base["tenants"][0]["saml"]["identity_provider"]
    fields = {"entra": {"tenant_id": DIRECTORY}, "identity_provider": {"certificates": provider["certificates"]}}
    with start(saml(base, **fields)) as running:
        yield running


def start_at_entra(envoy):
    from harness.idp import AuthnRequest

    browser = Browser(envoy)
    location = browser.get("/private/page").get("location")
    assert location.startswith(f"https://login.microsoftonline.com/{DIRECTORY}/saml2?")
    query = query_of(location)
    return browser, AuthnRequest(query["SAMLRequest"]).id, query["RelayState"]


@pytest.mark.core
@pytest.mark.parametrize(
    ("issuer", "claims", "code"),
    [
        (ISSUER, {"tenant_id": DIRECTORY}, None),
        (ISSUER, {"tenant_id": DIRECTORY.replace("1", "9")}, "entra_tenant"),
        (ISSUER, {}, "entra_tenant"),
        (ISSUER, {"tenant_id": DIRECTORY, "object_id": []}, "entra_object_id"),
        (ISSUER.replace("1", "9"), {"tenant_id": DIRECTORY}, "issuer_mismatch"),
    ],
)
def test_the_directory_is_pinned(of_entra, app, idp, issuer, claims, code):
    browser, id, state = start_at_entra(of_entra)
    since = len(of_entra.log())
    reply = post(browser, idp.response(id, issuer=issuer, claims=claims), state)
    assert reply.status == (403 if code else 303), of_entra.log()[since:]
    assert code is None or f"code={code} " in of_entra.log()[since:]


@pytest.mark.core
def test_row_5_14_an_overage_of_groups_is_not_taken_for_no_groups(envoy, app, idp):
    browser = Browser(envoy)
    login = Login(browser)
    reply = login.answer(idp.response(login.request.id, claims={"groups_link": "https://graph.windows.net/x"}))
    assert reply.status == 403 and b"groups" in reply.body and not has_session(browser)
    assert "code=group_overage" in envoy.log()


# Ways of asking.


def test_what_is_asked_for_is_in_the_request_and_nothing_else(start, base, app, idp):
    request = {"force_authn": True, "authn_context": ["urn:oasis:names:tc:SAML:2.0:ac:classes:Password"]}
    with start(saml(base, request=request)) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        assert b'ForceAuthn="true"' in login.request.xml and b'Comparison="exact"' in login.request.xml
        assert login.answer(idp.response(login.request.id)).status == 303
        passive = Browser(envoy).fetch("/.vestibule/sign-in?passive=1&return=/private/x")
        assert (passive.status, passive.get("location")) == (302, "/private/x"), "no way round it"
    with start(saml(base, request={"authn_context": ["urn:other"]})) as envoy:
        browser = Browser(envoy)
        login = Login(browser)
        assert login.answer(idp.response(login.request.id)).status == 403
        assert "code=authn_context" in envoy.log()


def test_keys_from_the_environment_are_used_and_never_shown(start, base, app, idp, own_key, sp_keys):
    key = own_key["key"]["value"]
    environment = ENVIRONMENT | {"APP_SCIM_TOKEN": key}
    made = saml(base, decryption_keys=[{"env": "APP_SCIM_TOKEN"}])
    if "scim" in made["tenants"][0]:
        made = settings.changed(made, "tenants.0.scim.application.credential", {"remove": True})
    with start(made, environment=environment) as envoy:
        assert answer_encrypted(envoy, idp, sp_keys)[0].status == 303
        assert key.splitlines()[1] not in envoy.log()


@pytest.mark.parametrize("expect", [False, True])
def test_row_8_30_a_form_in_many_pieces_without_a_length_is_read_whole(envoy, app, idp, expect):
    browser = Browser(envoy)
    login = Login(browser)
    body = urlencode(form(idp.response(login.request.id), login.relay_state)).encode()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", IDP_ORIGIN),
        ("cookie", cookie),
        ("transfer-encoding", "chunked"),
    ]
    with H1(envoy.tls_port, tls=True, host="localhost:8443") as connection:
        connection.send_head("POST", ACS_PATH, [*headers, ("expect", "100-continue")] if expect else headers)
        connection.send_chunks(*[body[at : at + 97] for at in range(0, len(body), 97)])
        assert connection.reply("POST").status == 303


def test_row_8_30_a_form_without_end_is_refused_at_the_bound(envoy, app):
    with H1(envoy.tls_port, tls=True, host="localhost:8443") as connection:
        headers = [("content-type", "application/x-www-form-urlencoded"), ("transfer-encoding", "chunked")]
        connection.send_head("POST", ACS_PATH, headers)
        try:
            for _ in range(64):
                connection.send(b"4000\r\n" + b"A" * 0x4000 + b"\r\n")
        except OSError:
            pass  # refused before all of it had gone
        assert connection.reply("POST").status == 413


def test_the_usual_sign_in_is_as_before(envoy, app, idp):
    assert has_session(sign_in(envoy, idp, "ada@n.example"))
