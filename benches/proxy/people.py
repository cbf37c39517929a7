"""People who sign in through the filter, many and fast: logins that wait, the forms that answer them, sessions."""

import collections

from .servers import AUTHORITY, settings

from harness.browser import query_of  # noqa: E402
from harness.client import H1  # noqa: E402
from harness.idp import AuthnRequest  # noqa: E402

from . import load
from .responses import GROUPS, IDENTITY, ROLES, Signer, groups

# As a current browser sends it.
BROWSER = [
    ("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("upgrade-insecure-requests", "1"),
    ("referer", "https://localhost:8443/private/start"),
]
# What the application and others have set.
OTHER_COOKIES = "theme=dark; JSESSIONID=0123456789abcdef0123456789abcdef"
ACS_PATH = "/.vestibule/saml/acs"

Pending = collections.namedtuple("Pending", "request relay_state cookie")


def configuration(idp_certificate: str, **access) -> dict:
    """One tenant with sign-on as the example in the README, and rules for what is measured."""
    made = settings.settings(idp_certificate)
    tenant = made["tenants"][0]
    tenant["access"] = {
        "recheck": {"enabled": False},
        "application_cookies": [],
        "identity_headers": [
            {"name": "x-user", "value": "{name_id}"},
            {"name": "x-email", "value": f"{{claim:{IDENTITY}emailaddress}}"},
            {"name": "x-roles", "value": f"{{claim:{ROLES}}}"},
        ],
        "rules": [
            {"path": {"prefix": "/public"}, "access": "public"},
            {
                "path": {"prefix": "/group"},
                "access": "signed_in",
                "require": [{"claim": GROUPS, "one_of": [groups()[7]]}],
            },
            {"path": {"prefix": "/"}, "access": "signed_in"},
        ],
    } | access
    return made


class People:
    """Signs people in through one listener."""

    def __init__(self, port: int, signer: Signer):
        self.port, self.signer, self._number = port, signer, 0

    def pending(self, count: int) -> list[Pending]:
        """Logins that wait for the identity provider."""
        made = []
        with H1(self.port, host=AUTHORITY) as client:
            for _ in range(count):
                reply = client.request("GET", "/private/page", BROWSER)
                assert reply.status == 302, f"{reply.status}: {reply.body[:300]!r}"
                query = query_of(reply.get("location"))
                cookies = [line.split(";")[0] for line in reply.all("set-cookie") if "=;" not in line]
                made.append(Pending(AuthnRequest(query["SAMLRequest"]).id, query["RelayState"], "; ".join(cookies)))
        return made

    def user(self) -> str:
        """Somebody who was not there before."""
        self._number += 1
        return f"user-{self._number:06}@n.example"

    def post(self, pending: Pending, what: str = "assertion") -> tuple[list, bytes]:
        """Headers and body of the browser's POST to the assertion consumer."""
        headers = [
            *BROWSER,
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "https://idp.test"),
            ("cookie", pending.cookie),
        ]
        return headers, self.signer.form(pending.request, self.user(), pending.relay_state, what)

    def posts(self, count: int, what: str = "assertion") -> list[bytes]:
        """So many sign-ins, each to be sent once."""
        made = (self.post(one, what) for one in self.pending(count))
        return [load.raw("POST", ACS_PATH, AUTHORITY, headers, body) for headers, body in made]

    def sessions(self, count: int) -> list[str]:
        """So many `cookie` headers of people who have signed in."""
        made = []
        with H1(self.port, host=AUTHORITY) as client:
            for one in self.pending(count):
                headers, body = self.post(one)
                reply = client.request("POST", ACS_PATH, headers, body)
                assert reply.status == 303, f"{reply.status}: {reply.body[:300]!r}"
                pairs = [line.split(";")[0] for line in reply.all("set-cookie")]
                kept = [pair for pair in pairs if not pair.endswith("=") and "-l." not in pair.split("=")[0]]
                made.append("; ".join([*kept, OTHER_COOKIES]))
        return made


def page(path: str, cookie: str | None = None, *more) -> bytes:
    """A browser's request for a page."""
    headers = [*BROWSER, *more] + ([("cookie", cookie)] if cookie else [])
    return load.raw("GET", path, AUTHORITY, headers)
