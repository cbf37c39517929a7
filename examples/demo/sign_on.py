"""The second half of the story: signing in, forging, and losing the session."""

import base64
import urllib.parse

from story import step

FORGED = [("x-user", "mallory"), ("X_User", "mallory"), ("x-email", "mallory@evil.example"), ("X-Roles", "admin")]


class SignOn:
    """Steps d to g."""

    def __init__(self, stage):
        self.stage = stage
        self.ada = stage.new_browser()
        self.response = None

    # d. Without a session.

    @step("d1", "an anonymous visitor is sent to sign in, and the application hears nothing of it")
    def anonymous(self):
        before = len(self.stage.received())
        answer = self.stage.new_browser().open("/")
        location = answer.header("location") or ""
        heard = len(self.stage.received()) - before
        is_login = answer.status == 302 and location.startswith(self.stage.simulator) and "SAMLRequest=" in location
        return (
            "GET / as a page",
            f"HTTP {answer.status} to {location.split('?')[0]}; application: {heard} requests",
            is_login and heard == 0,
        )

    @step("d2", "a script without a session gets 401, no redirect")
    def anonymous_script(self):
        answer = self.stage.new_browser().fetch("/echo")
        error = answer.json().get("error")
        return (
            "GET /echo as a script",
            f"HTTP {answer.status} {error}",
            (answer.status, error) == (401, "sign_in_required"),
        )

    @step("d3", "forged identity headers on a public route do not reach the application")
    def forged_public(self):
        answer = self.stage.new_browser().open("/public/hello?echo", FORGED)
        names = identity_headers(answer)
        return (
            "GET /public/hello with x-user: mallory in two spellings",
            f"identity headers: {names}",
            answer.status == 200 and names == [],
        )

    @step("d4", "forged identity headers do not open a closed route")
    def forged_closed(self):
        answer = self.stage.new_browser().fetch("/admin/hello", FORGED)
        return "GET /admin/hello with x-roles: admin", f"HTTP {answer.status}", answer.status == 401

    @step("d5", "the service provider's metadata names what Entra has to be told")
    def metadata(self):
        answer = self.stage.new_browser().open("/.vestibule/saml/metadata")
        has_both = self.stage.entity_id in answer.text and self.stage.acs_url in answer.text
        return (
            "GET /.vestibule/saml/metadata",
            f"HTTP {answer.status}, {len(answer.body)} bytes",
            answer.status == 200 and has_both,
        )

    # e. A real sign-in.

    @step("e1", "ada signs in and lands on the page she asked for")
    def sign_in(self):
        answer = self._sign_in(self.ada, "ada", "/mixed/hello?echo", "/.vestibule/sign-in?return=/mixed/hello%3Fecho")
        location = answer.header("location") or ""
        right = answer.status == 303 and urllib.parse.urlsplit(location).path == "/mixed/hello"
        return (
            "POST SAMLResponse (assertion signed)",
            f"HTTP {answer.status} to {location}",
            right and not self.ada.faults,
        )

    @step("e2", "the application sees who she is, and neither forgeries nor our cookies")
    def session(self):
        answer = self.ada.open("/echo", FORGED)
        identity = identity_headers(answer)
        wanted = [["x-email", "ada.ferngrove@meadow.example"], ["x-roles", "member"], ["x-user", "ada@meadow.example"]]
        cookies = [value for name, value in headers_of(answer) if name == "cookie"]
        return (
            "GET /echo with session and x-user: mallory",
            f"{identity}, cookies: {cookies}",
            identity == wanted and not cookies,
        )

    @step("e3", "ada is not let in where a role is needed, mira is")
    def roles(self):
        mira = self.stage.new_browser()
        self._sign_in(mira, "mira", "/")
        statuses = [self.ada.open("/admin/hello").status, mira.open("/admin/hello").status]
        return "GET /admin/hello by ada and mira", f"HTTP {statuses}", statuses == [403, 200]

    @step("e4", "all three signing options are accepted")
    def signing_options(self):
        statuses = [
            self._sign_in(self.stage.new_browser(), "bo", "/", signing=option).status
            for option in ("assertion", "response", "both")
        ]
        return "POST SAMLResponse signed: assertion, response, both", f"HTTP {statuses}", statuses == [303, 303, 303]

    # f. Responses that must not sign anybody in.

    @step("f1", "the same response from another browser is refused")
    def stolen(self):
        victim, thief = self.stage.new_browser(), self.stage.new_browser()
        fields = self._response_for(victim, "ada", "/")
        answer = thief.post_from_elsewhere(self.stage.acs_url, fields)
        refused = is_refused(answer, thief)
        own = victim.post_from_elsewhere(self.stage.acs_url, fields)
        got = f"HTTP {answer.status}, from her own browser {own.status}"
        return "ada's response from a browser that asked for none", got, refused and own.status == 303

    @step("f2", "a response with one byte changed is refused")
    def tampered(self):
        somebody = self.stage.new_browser()
        fields = self._response_for(somebody, "ada", "/")
        xml = base64.b64decode(fields["SAMLResponse"])
        changed = xml.replace(b">ada@meadow.example</NameID>", b">adb@meadow.example</NameID>")
        fields["SAMLResponse"] = base64.b64encode(changed).decode()
        answer = somebody.post_from_elsewhere(self.stage.acs_url, fields)
        return "NameID ada → adb", f"HTTP {answer.status}", changed != xml and is_refused(answer, somebody)

    @step("f3", "every other fault is refused")
    def broken(self):
        faults = ("audience", "recipient", "expired", "signature", "content", "issuer")
        outcome = {}
        for fault in faults:
            somebody = self.stage.new_browser()
            answer = self._sign_in(somebody, "ada", "/", fault=fault)
            outcome[fault] = "refused" if is_refused(answer, somebody) else f"HTTP {answer.status}"
        return ", ".join(faults), str(outcome), set(outcome.values()) == {"refused"}

    @step("f4", "a response is good for one sign-in")
    def replayed(self):
        somebody = self.stage.new_browser()
        fields = self._response_for(somebody, "ada", "/")
        first = somebody.post_from_elsewhere(self.stage.acs_url, fields)
        second = somebody.post_from_elsewhere(self.stage.acs_url, fields)
        return (
            "the same response twice",
            f"HTTP {first.status}, {second.status}",
            (first.status, second.status) == (303, 403),
        )

    # g. The join.

    @step("g1", "ada is disabled in Entra and provisioned: her session is over at once")
    def disabled(self):
        still = self.ada.open("/echo").status
        sent = self._provision({"accountEnabled": False})
        before = len(self.stage.received())
        answers = [self.ada.open("/echo") for _ in range(8)] + [self.ada.fetch("/echo")]
        statuses = [answer.status for answer in answers]
        heard = len(self.stage.received()) - before
        right = still == 200 and statuses == [302] * 8 + [401] and heard == 0
        return sent, f"before: {still}, after: {statuses}; application: {heard} requests", right

    @step("g2", "somebody else is not touched")
    def others(self):
        bo = self.stage.new_browser()
        signed_in = self._sign_in(bo, "bo", "/")
        answer = bo.open("/echo")
        return (
            "bo signs in",
            f"HTTP {signed_in.status}, {answer.status}",
            (signed_in.status, answer.status) == (303, 200),
        )

    @step("g3", "Entra itself turns ada away, and a response made anyway is refused")
    def refused_sign_in(self):
        somebody = self.stage.new_browser()
        location = somebody.open("/").header("location")
        by_entra = self.stage.entra("POST", "sign-in", {"user": "ada", "saml_request_url": location}).json()
        answer = self._sign_in(somebody, "ada", "/", anyway=True)
        right = by_entra.get("error") == "AADSTS50057" and is_refused(answer, somebody)
        return "a good response for a deprovisioned user", f"{by_entra.get('error')}; HTTP {answer.status}", right

    @step("g4", "ada is enabled again and can sign in")
    def enabled(self):
        sent = self._provision({"accountEnabled": True})
        somebody = self.stage.new_browser()
        signed_in = self._sign_in(somebody, "ada", "/")
        answer = somebody.open("/echo")
        return sent, f"HTTP {signed_in.status}, {answer.status}", (signed_in.status, answer.status) == (303, 200)

    @step("g5", "bo is deleted for good: his session is over as well")
    def deleted(self):
        bo = self.stage.new_browser()
        self._sign_in(bo, "bo", "/")
        before = bo.open("/echo").status
        self.stage.entra("DELETE", "users/bo")
        report = self.stage.entra("POST", "provision/on-demand", {"user": "bo"}).json()
        after = bo.open("/echo").status
        sent = f"{report['entries'][-1]['request']['method']} /Users/..."
        return sent, f"{report['outcome']}; before: {before}, after: {after}", (before, after) == (200, 302)

    def _provision(self, change):
        """Changes ada in the directory and provisions her on demand; what was sent."""
        self.stage.entra("PATCH", "users/ada", change)
        report = self.stage.entra("POST", "provision/on-demand", {"user": "ada"}).json()
        if report["outcome"] != "success":
            raise RuntimeError(str([entry["detail"] for entry in report["entries"]]))
        patches = [entry["request"]["body"] for entry in report["entries"] if (entry["request"] or {}).get("body")]
        return str(patches[0]["Operations"])

    def _response_for(self, somebody, user, page, start=None, signing="assertion", fault=None, anyway=False):
        """Starts a sign-in and lets Entra answer it; the fields of the form that carries the response."""
        answer = somebody.open(start or page)
        if answer.status != 302:
            raise RuntimeError(f"no sign-in was started: HTTP {answer.status}")
        order = {
            "user": user,
            "saml_request_url": answer.header("location"),
            "signing": signing,
            "break": fault,
            "even_if_blocked": anyway,
        }
        signed = self.stage.entra("POST", "sign-in", order).json()
        if "saml_response" not in signed:
            raise RuntimeError(f"the simulator refuses: {signed}")
        if signed["acs_url"] != self.stage.acs_url:
            raise RuntimeError("the response would go elsewhere")
        return {"SAMLResponse": signed["saml_response"], "RelayState": signed["relay_state"] or ""}

    def _sign_in(self, somebody, user, page, start=None, **how):
        fields = self._response_for(somebody, user, page, start, **how)
        return somebody.post_from_elsewhere(self.stage.acs_url, fields)


def headers_of(answer):
    """The headers that the application received, names in lower case."""
    return [[name.lower(), value] for name, value in answer.json().get("headers", [])]


def identity_headers(answer):
    """Those that could tell the application who somebody is, in any spelling."""
    return sorted([n, v] for n, v in headers_of(answer) if n.replace("_", "-") in ("x-user", "x-email", "x-roles"))


def is_refused(answer, somebody):
    """A refusal: the error page, no session, and nothing behind the door."""
    return answer.status == 403 and somebody.fetch("/echo").status == 401
