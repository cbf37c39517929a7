"""HTTP as the demonstration needs it: plain calls, and a browser that keeps cookies but follows nothing by itself."""

import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass, field

MAX_ANSWER = 4 * 1024 * 1024
TIMEOUT = 20


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: list
    body: bytes

    def header(self, name):
        """The first value of a header, or None."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def all(self, name):
        """Every value of a header."""
        return [value for known, value in self.headers if known.lower() == name.lower()]

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        """The body as JSON; an empty object if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


def call(method, url, headers=(), body=None, context=None):
    """One request on a connection of its own, byte for byte as given."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    payload = body.encode() if isinstance(body, str) else body
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if payload is not None:
            connection.putheader("Content-Length", str(len(payload)))
        connection.endheaders(payload)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read(MAX_ANSWER))
    finally:
        connection.close()


def call_json(method, url, value=None, headers=(), context=None):
    """A call with a JSON body."""
    body = None if value is None else json.dumps(value)
    return call(method, url, [("Content-Type", "application/json"), *headers], body, context)


def trust(ca_file):
    """A TLS context that trusts one file and nothing else."""
    return ssl.create_default_context(cafile=str(ca_file))


@dataclass
class Cookie:
    """A cookie, with the attributes that decide whether it is sent."""

    value: str
    same_site: str


@dataclass
class Browser:
    """One person's browser at one origin."""

    origin: str
    context: ssl.SSLContext
    cookies: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)

    def open(self, path, headers=()):
        """Goes to a page of the origin."""
        return self._send("GET", path, [("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate"), *headers])

    def fetch(self, path, headers=()):
        """Calls as a script of the page would."""
        return self._send("GET", path, [("Accept", "application/json"), ("Sec-Fetch-Mode", "cors"), *headers])

    def post_from_elsewhere(self, url, fields):
        """Submits a form that stands on a page of another site."""
        headers = [
            ("Accept", "text/html,*/*;q=0.8"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Site", "cross-site"),
        ]
        path = url.removeprefix(self.origin)
        return self._send("POST", path, headers, urllib.parse.urlencode(fields), cross_site=True)

    def _send(self, method, path, headers, body=None, cross_site=False):
        sent = [
            f"{name}={cookie.value}"
            for name, cookie in self.cookies.items()
            if not cross_site or cookie.same_site == "none"
        ]
        if sent:
            headers = [*headers, ("Cookie", "; ".join(sent))]
        answer = call(method, self.origin + path, headers, body, self.context)
        for line in answer.all("set-cookie"):
            self._take(line)
        return answer

    def _take(self, line):
        pair, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        known = {}
        for attribute in attributes:
            key, _, text = attribute.partition("=")
            known[key.strip().lower()] = text.strip()
        if not ("secure" in known and "httponly" in known and known.get("path") == "/" and "domain" not in known):
            self.faults.append(f"cookie {name} is not Secure, HttpOnly, Path=/ and without Domain")
        if not name.startswith("__Host-"):
            self.faults.append(f"cookie {name} has no __Host- prefix")
        if known.get("max-age") == "0" or not value:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = Cookie(value, known.get("samesite", "lax").lower())
