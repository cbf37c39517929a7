"""The four shipped scenarios, each with its application, third-party SCIM servers, directories and an Envoy."""

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from . import settings
from .authorities import Introspector, Key, KeyServer, server_claims
from .browser import Browser
from .client import H1, scim_json
from .idp import SP_METADATA, IdentityProvider
from .messages import Reply
from .scim_app import patch
from .servers import ROOT, scim2_server
from .shipped import Shipped
from .directory import Directory
from .site import Site, over_tls
from .tls import self_signed

ORIGIN = "https://localhost:8443"
MICROSOFT = "https://login.microsoftonline.com"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
DIRECTORY = "11111111-2222-3333-4444-555555555555"
OTHER_DIRECTORY = "22222222-3333-4444-5555-666666666666"
VESTIBULE_KEY = "test-master-key-0123456789-abcdefghijklmnop"


@dataclass
class Tenant:
    """One customer of the application: its directory, what its administrator pasted, and its SCIM server."""

    simulator: Directory
    token: str
    server: object
    tenant_url: str  # path
    entity: str
    acs: str
    person: str = "ada"

    def entra(self, envoy, method: str, path: str, body: dict | bytes | None = None, token: str | None = None) -> Reply:
        """A request in Entra's shape."""
        headers = [("authorization", f"Bearer {token or self.token}"), ("connection", "close")]
        if body is not None:
            headers.append(settings.SCIM_JSON)
            body = body if isinstance(body, bytes) else scim_json(body)
        with H1(envoy.tls_port, tls=True, host="localhost:8443", seconds=20) as client:
            return client.request(method, self.tenant_url.rstrip("/") + path, headers, body)

    def stored(self, path: str) -> dict:
        """The resource as the application's server has it."""
        reply = self.server.ask("GET", path)
        assert reply.status == 200, reply.body
        return reply.json()

    def accounts(self) -> dict[str, dict]:
        """All accounts as the server has them, by user name."""
        return {user["userName"]: user for user in self.stored("/Users").get("Resources") or []}

    def groups(self) -> dict[str, dict]:
        """All groups as the server has them, by name."""
        return {group["displayName"]: group for group in self.stored("/Groups").get("Resources") or []}

    def respond(self, location: str | None, user: str = "ada", **order) -> dict:
        """What the directory answers to a request for a sign-in; without one, as by *My Apps* and the *Test* button."""
        asked = {"saml_request_url": location} if location else {"unsolicited": True}
        return self.simulator.ask("/api/sign-in", {"user": user, **asked, **order})

    def post(self, browser: Browser, answer: dict, acs: str | None = None) -> Reply:
        """The page of the directory posts what it answered."""
        fields = {"SAMLResponse": answer["saml_response"]}
        if answer.get("relay_state") is not None:
            fields["RelayState"] = answer["relay_state"]
        return browser.post_form(acs or urlsplit(self.acs).path, fields, origin=MICROSOFT)

    def sign_in(self, envoy, path: str, user: str = "ada", browser: Browser | None = None, **order) -> Browser:
        """A browser of somebody who went to the directory and came back."""
        browser = browser or Browser(envoy)
        begun = browser.get(path)
        assert begun.status == 302, f"{begun.status}: {begun.body[:300]!r}"
        assert begun.get("location").split("?")[0] == f"{MICROSOFT}/{self.simulator.tenant_id}/saml2"
        reply = self.post(browser, self.respond(begun.get("location"), user, **order))
        assert reply.status == 303, f"{reply.status}: {reply.body[:600]!r}"
        return browser


@dataclass
class Scenario:
    """All that runs."""

    envoy: Shipped
    site: Site
    tenants: dict[str, Tenant]
    parts: dict = field(default_factory=dict)  # what only one of them has

    @property
    def tenant(self) -> Tenant:
        """The one tenant, or the first."""
        return next(iter(self.tenants.values()))

    def base(self) -> str:
        """Where the application's own SCIM server is."""
        return next(iter(self.site.scim))[0]

    def audit(self, since: int = 0) -> list[str]:
        """The audit records of rewritten requests, without those of rewritten answers."""
        lines = self.envoy.log()[since:].splitlines()
        return [line for line in lines if "event=scim.rewritten" in line and "what=response" not in line]


def digest(text: str) -> str:
    """As `vestibule token hash` makes it."""
    return hashlib.sha256(text.encode()).hexdigest()


def user_body(name: str, **more) -> dict:
    """A new user as Entra sends it: text for booleans, `meta`, a primary mail address."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"object-of-{name.split('@')[0]}",
        "userName": name,
        "active": "True",
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada"},
    } | more


def replace(path: str, value, verb: str = "Replace") -> bytes:
    """A PATCH of one attribute as Entra sends it."""
    return patch({"op": verb, "path": path, "value": value})


def shipped_certificates(file: str) -> list[str]:
    """The certificates of the identity providers in a shipped file."""
    return re.findall(r'- "(MII[^"]+)"', (ROOT / file).read_text())


class Builder:
    """Starts scenarios; everything it started ends with its `stack`."""

    def __init__(self, envoy_binary: str, wasm: str, tls: dict, folder, stack: contextlib.ExitStack):
        self.binary, self.wasm, self.tls, self.folder, self.stack = envoy_binary, wasm, tls, folder, stack

    def directory(self, tenant_id: str = DIRECTORY) -> Directory:
        """A directory, which does not serve yet."""
        made = Directory(self.folder("directory"), tenant_id)
        self.stack.callback(made.stop)
        return made

    def server(self, kind=scim2_server):
        """A third-party SCIM server."""
        made = kind(self.folder("server"))
        self.stack.callback(made.stop)
        return made

    def site(self, scim: dict) -> Site:
        """The application."""
        made = Site(scim)
        self.stack.callback(made.stop)
        return made

    def envoy(self, file: str, site: Site, replaced: dict, environment: dict) -> Shipped:
        """Envoy with a shipped file before the application."""
        replaced = {"127.0.0.1, port_value: 8080": f"127.0.0.1, port_value: {site.port}"} | replaced
        environment = {"VESTIBULE_KEY": VESTIBULE_KEY} | environment
        made = Shipped(self.binary, f"examples/scenarios/{file}", self.wasm, self.tls, replaced, environment)
        return self.stack.enter_context(made)

    def provisioning(self, envoy: Shipped, tenant: Tenant, *more: str) -> None:
        """The administrator's half, in the directory."""
        url = f"https://localhost:{envoy.tls_port}{tenant.tenant_url}"
        tenant.simulator.serve(tenant.entity, tenant.acs, url, tenant.token, self.tls["certificate"], *more)

    def securesafe(self) -> Scenario:
        """Two customers."""
        file = "securesafe/envoy.yaml"
        directories = {"acme": self.directory(), "umbrella": self.directory(OTHER_DIRECTORY)}
        certificates = shipped_certificates(f"examples/scenarios/{file}")
        tenants, scim, replaced, environment = {}, {}, {}, {}
        for number, (name, simulator) in enumerate(directories.items(), 1):
            token, own, server = f"secret-token-of-{name}", f"own-secret-for-{name}", self.server()
            scim[f"/{name}/api/scim/v2", f"Bearer {own}"] = server
            replaced[f"{'0' * 63}{number}"] = digest(token)
            replaced[certificates[number - 1]] = simulator.certificate
            environment[f"{name.upper()}_SCIM_TOKEN"] = own
            prefix = f"{ORIGIN}/{name}"
            tenants[name] = Tenant(
                simulator, token, server, f"/{name}/scim/v2", f"{prefix}/saml", f"{prefix}/saml/acs"
            )
        site = self.site(scim)
        envoy = self.envoy(file, site, replaced, environment)
        for tenant in tenants.values():
            self.provisioning(envoy, tenant)
        return Scenario(envoy, site, tenants)

    def sendsafely(self, **more) -> Scenario:
        """The token is the application's own account and key."""
        file, token = "sendsafely/envoy.yaml", "provisioning@app.example.com:key-of-the-application"
        basic = base64.b64encode(token.encode()).decode()
        more = {"kind": scim2_server} | more
        server, simulator = self.server(more.pop("kind")), self.directory()
        site = self.site({("/api/scim/v2", f"Basic {basic}"): server})
        replaced = {"0" * 64: digest(token)}
        replaced |= dict.fromkeys(shipped_certificates(f"examples/scenarios/{file}"), simulator.certificate)
        replaced |= more.pop("replaced", {})
        envoy = self.envoy(file, site, replaced, {"APP_SCIM_TOKEN": token})
        acs = f"{ORIGIN}/auth/saml2/"
        tenant = Tenant(simulator, token, server, "/scim/v2/entra/", acs, acs)
        self.provisioning(envoy, tenant)
        # The administrator switches group objects off in the mapping; without a group there is nothing to map.
        simulator.ask("/api/groups/orchard-crew", {"assigned": False}, "PATCH")
        return Scenario(envoy, site, {"sendsafely": tenant})

    def sosafe(self, token: str = "token-that-was-generated-for-one-directory", **more) -> Scenario:
        """Users and groups."""
        file = "sosafe/envoy.yaml"
        server, simulator = self.server(more.pop("kind", scim2_server)), self.directory()
        site = self.site({("/api/scim/v2", "Bearer own-secret"): server})
        replaced = {"0" * 64: digest(token)} | more.pop("replaced", {})
        replaced |= dict.fromkeys(shipped_certificates(f"examples/scenarios/{file}"), simulator.certificate)
        envoy = self.envoy(file, site, replaced, {"APP_SCIM_TOKEN": "own-secret"})
        return self._plain(envoy, site, simulator, token, server)

    def _plain(self, envoy, site, simulator, token, server) -> Scenario:
        acs = f"{ORIGIN}/.vestibule/saml/acs"
        tenant = Tenant(simulator, token, server, "/scim/v2/entra", f"{ORIGIN}/saml", acs)
        self.provisioning(envoy, tenant)
        return Scenario(envoy, site, {"only": tenant})

    def _securelogin(self, file: str, oauth, token: str, environment: dict, certified_for: str, kind) -> Scenario:
        keys = self_signed(Path(self.tls["certificate"]).parent, f"oauth-{oauth.port}", certified_for)
        over_tls(oauth, keys)
        self.stack.callback(oauth.stop)
        server, simulator = self.server(kind), self.directory()
        site = self.site({("/api/scim/v2", "Bearer own-secret"): server})
        replaced = {
            "address: oauth.example.com, port_value: 443": f"address: 127.0.0.1, port_value: {oauth.port}",
            "/etc/ssl/certs/ca-certificates.crt": keys["certificate"],
        }
        replaced |= dict.fromkeys(shipped_certificates(f"examples/scenarios/{file}"), simulator.certificate)
        envoy = self.envoy(file, site, replaced, {"APP_SCIM_TOKEN": "own-secret"} | environment)
        made = self._plain(envoy, site, simulator, token, server)
        made.parts["oauth"] = oauth
        return made

    def securelogin(self, certified_for: str = "oauth.example.com", kind=scim2_server) -> Scenario:
        """The authorization server is asked about tokens."""
        oauth, token = Introspector(), "access-token-of-the-server"
        oauth.tokens[token] = {"active": True} | server_claims(client_id="entra", scope="openid scim")
        secret = {"INTROSPECTION_SECRET": "secret-of-the-filter-at-the-server"}
        return self._securelogin("securelogin/envoy.yaml", oauth, token, secret, certified_for, kind)

    def securelogin_jwks(self, certified_for: str = "oauth.example.com", kind=scim2_server) -> Scenario:
        """The authorization server publishes its keys."""
        key = Key("first")
        token = self.access_token(key)
        made = self._securelogin("securelogin/envoy-jwks.yaml", KeyServer(key), token, {}, certified_for, kind)
        made.parts["key"] = key
        return made

    @staticmethod
    def access_token(key: Key, **claims) -> str:
        """An access token of the server (RFC 9068)."""
        said = {"iss": "https://oauth.example.com", "aud": f"{ORIGIN}/scim/v2/entra"} | claims
        return key.sign(server_claims(**said), typ="at+jwt")


def honest_or_not(tenant: Tenant, folder: Path) -> IdentityProvider:
    """pysaml2 with the directory's key: says what a test wants, which the directory would not."""
    place = tenant.simulator.place
    key = serialization.load_der_private_key((place / "signing-key.der").read_bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = x509.load_der_x509_certificate((place / "signing-certificate.der").read_bytes())
    paths = {"key": str(folder / "directory.key"), "certificate": str(folder / "directory.crt")}
    Path(paths["key"]).write_bytes(pem)
    Path(paths["certificate"]).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return IdentityProvider(paths)


def said(tenant: Tenant, provider: IdentityProvider, in_response_to: str | None, user: str, claims: dict, **more) -> dict:
    """What such a provider answers, in the words of `Tenant.post`; `claims` and nothing else are in it."""
    xml = provider.response(
        in_response_to,
        user,
        claims,
        issuer=more.pop("issuer", f"https://sts.windows.net/{tenant.simulator.tenant_id}/"),
        audience=more.pop("audience", tenant.entity),
        recipient=more.pop("recipient", tenant.acs),
        metadata=SP_METADATA.format(entity=tenant.entity, acs=tenant.acs),
        **more,
    )
    return {"saml_response": base64.b64encode(xml).decode()}
