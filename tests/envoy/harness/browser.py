"""A browser as far as sign-on needs one: cookies, redirects by hand, navigations over TLS."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from .client import H1
from .messages import Pairs, Reply

NAVIGATION = [
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
]


class Browser:
    """Keeps the cookies of one person on `https://localhost:8443`, whatever port Envoy really has."""

    def __init__(self, envoy, authority: str = "localhost:8443"):
        self.envoy = envoy
        self.authority = authority
        self.cookies: dict[str, str] = {}
        self.attributes: dict[str, str] = {}

    def request(self, method: str, path: str, headers: Pairs = (), body: bytes | None = None) -> Reply:
        """One request with all cookies; new ones are kept."""
        pairs = list(headers)
        if self.cookies:
            pairs.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        with H1(self.envoy.tls_port, tls=True, host=self.authority) as connection:
            reply = connection.request(method, path, pairs, body)
        for line in reply.all("set-cookie"):
            self._keep(line)
        return reply

    def _keep(self, line: str) -> None:
        pair, _, attributes = line.partition(";")
        name, _, value = pair.strip().partition("=")
        gone = re.search(r"max-age=\s*(0|-\d+)\s*(;|$)|expires=[^;]*\b19\d\d\b", attributes, re.I)
        self.attributes[name] = attributes
        if gone:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def sessions(self) -> dict[str, str]:
        """The cookies that hold the session; others of the filter's only help to begin one."""
        return {name: value for name, value in self.cookies.items() if name.startswith("__Host-vestibule-s.")}

    def get(self, path: str, headers: Pairs = ()) -> Reply:
        """Follows a link."""
        return self.request("GET", path, [*NAVIGATION, *headers])

    def fetch(self, path: str, method: str = "GET", headers: Pairs = (), body: bytes | None = None) -> Reply:
        """A script's request: no navigation."""
        return self.request(method, path, [("accept", "application/json"), ("sec-fetch-mode", "cors"), *headers], body)

    def post_form(self, path: str, fields: dict[str, str], origin: str | None = None) -> Reply:
        """Submits a form, from a page of `origin`."""
        headers = [*NAVIGATION, ("content-type", "application/x-www-form-urlencoded")]
        headers.append(("origin", origin or f"https://{self.authority}"))
        return self.request("POST", path, headers, urlencode(fields).encode())


def query_of(url: str) -> dict[str, str]:
    """The query parameters of a URL, each of which must be there once."""
    found = parse_qs(urlsplit(url).query, strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), url
    return {name: values[0] for name, values in found.items()}
