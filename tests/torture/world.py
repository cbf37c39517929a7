"""Envoy with the filter between applications that record everything, and questions that show whether all is well."""

import tempfile
import threading
import time
from pathlib import Path

from harness import bootstrap, identity, settings
from harness.browser import Browser
from harness.envoy import Envoy
from harness.scim_app import ScriptedScim, entra, user
from harness.sign_in import Login
from harness.tls import self_signed
from harness.upstream import Application

from .signer import Signer
from .verdict import Verdict

ADA = "ada@n.example"
# Envoy says of each answer where it came from; `wasm_fail_stream` is a filter that trapped.
ACCESS_LOG = "ANSWERED %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"
TRAP = "wasm_fail_stream"
OWN = set(settings.IDENTITY_HEADERS) | set(identity.WELL_KNOWN[:1])


class World:
    """Use it as a context. Ada is signed in; `cookie` is hers."""

    def __init__(self, envoy: str, wasm: str | None, configuration=None, concurrency: int = 2, **more):
        self._place = tempfile.TemporaryDirectory(prefix="vestibule-torture-")
        keys = Path(self._place.name)
        self.tls, self.idp_keys = self_signed(keys, "localhost"), self_signed(keys, "idp")
        self.signer = Signer(self.idp_keys["key"])
        self.app, self.scim_app = Application(), Application()
        base = settings.settings(self.idp_keys["certificate"])
        self.configuration = configuration(base) if configuration else base
        # `people` is also made by some runs; whoever is asked for here is known.
        self.people = ScriptedScim(self.scim_app, user(ADA))
        listener = {"access_log": ACCESS_LOG} if more.pop("log_answers", True) else {}
        clusters = {"app": self.app.port, "scim_app": self.scim_app.port} | more.pop("clusters", {})
        routes = [bootstrap.route("/app-scim/", "scim_app"), bootstrap.route("/", "app")]
        self.envoy = more.pop("kind", Envoy)(
            envoy,
            clusters=clusters,
            routes=more.pop("routes", []) + routes,
            tls=self.tls,
            wasm=wasm,
            configuration=self.configuration,
            concurrency=concurrency,
            **listener,
            **more,
        )
        self.cookie, self._filtered, self.welcome = "", wasm is not None, {ADA}

    def __enter__(self):
        self.envoy.__enter__()
        if self._filtered:
            self.cookie = cookie_of(self.sign_in(ADA))
        return self

    def __exit__(self, kind, *rest):
        try:
            self.envoy.__exit__(kind, *rest)
        finally:
            self.app.stop()
            self.scim_app.stop()
            self._place.cleanup()

    def sign_in(self, name: str, clock: float | None = None) -> Browser:
        """A browser with a session."""
        browser = Browser(self.envoy)
        login = Login(browser)
        reply = login.answer(self.signer.response(login.request.id, name, clock))
        assert reply.status == 303, f"{reply.status}: {reply.body[:300]!r}"
        return browser

    def judge(self, verdict: Verdict, when: str) -> None:
        """Asks once for everything that must go on working; what is wrong goes into the verdict."""
        marker = f"/public/well-{threading.get_ident()}"
        try:
            with self.envoy.h1() as client:
                reply = client.request("GET", marker, [("x-user", "forged")])
                verdict.require(reply.status == 200, f"{when}: a public page is {reply.status}")
                reply = client.request("GET", "/private/well")
                verdict.require(reply.status == 401, f"{when}: a closed page is {reply.status} to a stranger")
                reply = client.request("GET", "/private/well", [("cookie", self.cookie), ("x-user", "forged")])
                verdict.require(reply.status == 200, f"{when}: a closed page is {reply.status} to Ada")
            reply = entra(self.envoy, "GET", "/Users/u-1")
            verdict.require(reply.status == 200, f"{when}: provisioning is {reply.status}")
            reply = entra(self.envoy, "GET", "/Users/u-1", headers=[])
            verdict.require(reply.status == 401, f"{when}: provisioning without token is {reply.status}")
        except (OSError, TimeoutError, ValueError, AssertionError) as error:
            verdict.fail(f"{when}: Envoy does not answer: {error!r}")
        verdict.count("questions whether all is well")

    def judge_traps(self, verdict: Verdict) -> None:
        """Nothing crashed, and no answer was that of a filter that trapped."""
        time.sleep(0.6)  # Envoy writes the access log every fifth of a second
        for sign in self.envoy.crashes():
            verdict.fail(f"crash: {sign}")
        for line in self.envoy.log().splitlines():
            if line.startswith("ANSWERED"):
                verdict.count("answers by Envoy's access log")
                if TRAP in line:
                    verdict.fail(f"trap: {line}")

    def judge_applications(self, verdict: Verdict) -> None:
        """Nothing reached an application that must not have; what came before is forgotten."""
        for request in list(self.app.requests):
            judge_request(verdict, request, self.welcome)
        for request in list(self.scim_app.requests):
            verdict.count("requests at the application's SCIM server")
            if request.get("authorization") != f"Bearer {settings.APP_TOKEN}":
                verdict.fail(f"reached the SCIM server without its credential: {request.method} {request.path}")
            if not request.path.startswith(settings.APP_SCIM):
                verdict.fail(f"reached the SCIM server by another path: {request.path}")
            _judge_framing(verdict, request)
            _judge_identity(verdict, request, set())
        for name, application in (("application", self.app), ("SCIM server", self.scim_app)):
            for octets in application.garbage:
                verdict.fail(f"octets that are no request reached the {name}: {octets[:80]!r}")
            application.requests, application.garbage = [], []


def judge_request(verdict: Verdict, request, welcome: set[str]) -> None:
    """A request at the application behind rules: closed paths only to those who are welcome, identity only theirs."""
    verdict.count("requests at the application")
    closed = not request.path.startswith("/public") and not request.path.startswith("/mixed")
    if closed and not request.path.startswith("/private"):
        verdict.fail(f"reached the application on a path without a policy: {request.path[:80]!r}")
    if closed and request.all("x-user") not in [[who] for who in welcome]:
        verdict.fail(f"reached a closed path as nobody: {request.method} {request.path[:80]!r} {request.all('x-user')}")
    _judge_identity(verdict, request, welcome if closed or request.path.startswith("/mixed") else set())
    _judge_framing(verdict, request)


def _judge_identity(verdict: Verdict, request, people: set[str]) -> None:
    told = identity.found(request.headers, OWN) + identity.found(request.trailers, OWN)
    for pair in told:
        if pair not in {("x-user", who) for who in people}:
            verdict.fail(f"an identity header that nobody of us set: {pair} at {request.path[:80]!r}")


def _judge_framing(verdict: Verdict, request) -> None:
    lengths, codings = request.all("content-length"), request.all("transfer-encoding")
    if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]) or len(request.all("host")) != 1:
        verdict.fail(f"framing that can be read in two ways: {lengths} {codings} {request.all('host')}")
    for name, value in request.headers:
        if any(ord(c) < 32 and c != "\t" for c in name + value):
            verdict.fail(f"a control character in the header {name!r}")


def cookie_of(browser: Browser) -> str:
    """The value of the header."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
