"""Identity providers that are products of others, each in its own process, with the browser of a person who signs in there.

They call themselves `https://idp.test`. What they know of the filter is its published metadata, or what of it they can take."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from .client import H1
from .messages import Reply
from .servers import ROOT, free_port

ORIGIN = "https://idp.test"
NODE = ROOT / "tests" / "envoy" / "node"
PHP = ROOT / "tests" / "envoy" / "php"


class Provider:
    """A process that serves `https://idp.test`; what it writes is in `log`."""

    def __init__(self, command: list[str], folder: Path, place: Path, port: int | None, environment: dict):
        self.place, self.log = place, place / "server.log"
        environment = {"PATH": os.environ["PATH"], "PROVIDER_PLACE": str(place), **environment}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
        self.port = port or self._printed_port()
        self.cookies: dict[str, str] = {}
        self._wait()

    def _printed_port(self) -> int:
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"^(\d+)$", self.log.read_text(), re.M):
                return int(found.group(1))
            time.sleep(0.05)
        raise AssertionError(f"the provider did not start:\n{self.log.read_text()}")

    def _wait(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            try:
                return H1(self.port).close()
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError(f"the provider did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        """Ends this process and no other."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def configure(self, **fields) -> None:
        """What the provider is to do from now on."""
        (self.place / "settings.json").write_text(json.dumps(fields))

    def request(self, method: str, url: str, fields: dict | None = None) -> Reply:
        """One request of the browser to the provider."""
        parts = urlsplit(urljoin(ORIGIN, url))
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN, url
        headers = [("x-forwarded-proto", "https"), ("connection", "close"), ("accept", "text/html")]
        if self.cookies:
            headers.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        body = None if fields is None else urlencode(fields).encode()
        if body is not None:
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        with H1(self.port, host=parts.netloc) as connection:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            reply = connection.request(method, path or "/", headers, body)
        for line in reply.all("set-cookie"):
            name, _, value = line.partition(";")[0].strip().partition("=")
            self.cookies[name] = value
        return reply

    def visit(self, url: str, fields: dict | None = None) -> "Parting":
        """Goes to the provider and on as it says, until it sends the browser elsewhere or shows a page."""
        for _ in range(12):
            reply = self.request("GET" if fields is None else "POST", url, fields)
            fields = None
            if reply.status in (301, 302, 303, 307):
                url = urljoin(url, reply.get("location"))
                if url.startswith(f"{ORIGIN}/"):
                    continue
                return Parting(url, None, reply)
            form = Form(reply.body.decode())
            if form.action and form.is_saml():
                return Parting(urljoin(url, form.action), form.fields, reply)
            return Parting(None, None, reply)
        raise AssertionError(f"the provider sends the browser round: {url}")


class Parting:
    """Where a provider sends the browser, and with which form; nowhere where it shows a page."""

    def __init__(self, url: str | None, fields: dict | None, page: Reply):
        self.url, self.fields, self.page = url, fields, page

    def bring(self, browser, to: str) -> Reply:
        """Goes there, which must be this URL of the filter."""
        assert self.url, f"{self.page.status}: {self.page.body[:2000]!r}"
        parts = urlsplit(self.url)
        assert self.url.split("?")[0] == to, self.url
        if self.fields is None:
            return browser.get(f"{parts.path}?{parts.query}")
        return browser.post_form(parts.path, self.fields, origin=ORIGIN)


class Form(html.parser.HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def is_saml(self) -> bool:
        """Whether it brings a message."""
        return bool({"SAMLResponse", "SAMLRequest"} & self.fields.keys())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action")
        if tag == "input" and self.action is not None and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value") or ""


def _place(place: Path, keys: dict) -> Path:
    place.mkdir()
    shutil.copy(keys["key"], place / "idp.key")
    shutil.copy(keys["certificate"], place / "idp.crt")
    (place / "tmp").mkdir()
    (place / "settings.json").write_text("{}")
    return place


class Samlp(Provider):
    """npm `samlp`, of Auth0: xml-crypto signs, xml-encryption encrypts."""

    metadata_path = "/metadata"
    cbc = False
    refusal = b"SAMLRequest message MUST be signed", b"Signature check errors"

    def __init__(self, place: Path, keys: dict):
        folder = ROOT / ".tools" / "node"
        assert (folder / "node_modules" / "samlp").is_dir(), "samlp is missing; run tools/setup.sh node"
        super().__init__(["node", str(NODE / "samlp-provider.mjs")], folder, _place(place, keys), None, {})

    def know(self, service: bytes, sign: str = "assertion", signed_requests: bool = False, encryption: dict | None = None):
        """Takes from the filter's metadata where things go, and the key of its requests."""
        text = service.decode()

        def only(pattern: str) -> str:
            return re.search(pattern, text, re.S).group(1)

        more = {}
        if signed_requests:
            more["certificate"] = _pem(only(r'use="signing".*?<ds:X509Certificate>([^<]+)<'))
        if encryption:
            more["encryption"] = _pem(only(r'use="encryption".*?<ds:X509Certificate>([^<]+)<'))
            public = ["openssl", "x509", "-pubkey", "-noout", "-in", encryption["certificate"]]
            more["encryptionKey"] = subprocess.run(public, capture_output=True, check=True, text=True).stdout
        if logout := re.search(r'SingleLogoutService Binding="[^"]*Redirect" Location="([^"]+)"', text):
            more["logout"] = logout.group(1)
        consumer = only(r'AssertionConsumerService [^>]*Location="([^"]+)"')
        self.configure(service=only(r'entityID="([^"]+)"'), consumer=consumer, sign=sign, **more)

    def sign_out(self) -> Parting:
        """The person signs out at the provider."""
        return self.visit(f"{ORIGIN}/slo")


class SimpleSaml(Provider):
    """SimpleSAMLphp as Debian ships it, in PHP's own web server."""

    metadata_path = "/saml2/idp/metadata.php"
    cbc = True  # it encrypts in no other way
    refusal = b"Unhandled exception",

    def __init__(self, place: Path, keys: dict):
        root = ROOT / ".tools" / "simplesamlphp" / "usr" / "share" / "simplesamlphp" / "www"
        assert root.is_dir() and shutil.which("php"), "SimpleSAMLphp is missing; run tools/setup.sh simplesamlphp"
        port = free_port()
        (_place(place, keys) / "service.xml").write_text("<EntitiesDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata'/>")
        command = ["php", "-S", f"127.0.0.1:{port}", "-t", str(root), "-d", "display_errors=0"]
        super().__init__(command, root, place, port, {"SIMPLESAMLPHP_CONFIG_DIR": str(PHP)})

    def know(self, service: bytes, sign: str = "assertion", signed_requests: bool = False, encryption: dict | None = None):
        """Reads the filter's metadata as it is."""
        (self.place / "service.xml").write_bytes(service)
        self.configure(
            **{
                "saml20.sign.assertion": sign != "response",
                "saml20.sign.response": sign != "assertion",
                "validate.authnrequest": signed_requests,
                "assertion.encryption": encryption is not None,
            }
        )

    def sign_out(self) -> Parting:
        """The person signs out at the provider."""
        return self.visit(f"{ORIGIN}/saml2/idp/initSLO.php?" + urlencode({"RelayState": f"{ORIGIN}/bye"}))


def _pem(text: str) -> str:
    packed = "".join(text.split())
    lines = "\n".join(packed[at : at + 64] for at in range(0, len(packed), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
