"""An application as teams have one: pages, a SCIM server below them, perhaps an authorization server. It records all of it."""

import json
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from . import settings
from .client import H1
from .messages import Request
from .upstream import Answer, Application

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
FORWARDED = {"content-type", "accept", "if-match", "if-none-match"}
RETURNED = {"content-type", "etag", "location"}


def error(status: int, detail: str) -> Answer:
    """A SCIM error."""
    body = {"schemas": [ERROR], "status": str(status), "detail": detail}
    return Answer(status, json.dumps(body).encode(), [("content-type", "application/scim+json")])


class Site(Application):
    """`scim` maps a base path and the credential that is wanted there to a third-party server, which does the rest.

    `instead` may answer SCIM requests in its stead, and `pages` everything else."""

    def __init__(self, scim: dict[tuple[str, str], object]):
        self.scim = scim
        self.instead: Callable[[Request], object] | None = None
        self.pages: Callable[[Request], object] | None = None
        super().__init__(self._dispatch)

    def clear(self) -> None:
        super().clear()
        self.handler, self.instead, self.pages = self._dispatch, None, None

    def scim_requests(self, method: str | None = None) -> list[Request]:
        """What reached the SCIM server, or should have."""
        return [request for request in self.seen(method) if self._base(request)]

    def _base(self, request: Request) -> str | None:
        bases = {base for base, _ in self.scim}
        path = urlsplit(request.path).path
        return next((base for base in bases if path == base or path.startswith(f"{base}/")), None)

    def _dispatch(self, request: Request):
        base = self._base(request)
        if base is None:
            return self.pages(request) if self.pages else Answer()
        if self.instead and (answer := self.instead(request)) is not None:
            return answer
        server = self.scim.get((base, request.get("authorization") or ""))
        if server is None:
            return error(401, "the application does not know this credential")
        return _passed_on(server, request, base)


def _passed_on(server, request: Request, base: str) -> Answer:
    """What the server answers, as if it were mounted at `base` of the application."""
    headers = [(name, value) for name, value in request.headers if name.lower() in FORWARDED]
    headers += [("authorization", f"Bearer {settings.APP_TOKEN}"), ("connection", "close")]
    body = request.body if request.method in ("POST", "PUT", "PATCH") else None
    host = request.get("host")
    with H1(server.port, host=host, seconds=20) as client:
        reply = client.request(request.method, server.base + request.path.removeprefix(base), headers, body)
    there, here = f"{host}{server.base}/", f"{host}{base}/"
    headers = [(n, v.replace(there, here)) for n, v in reply.headers if n.lower() in RETURNED]
    return Answer(reply.status, reply.body.replace(there.encode(), here.encode()), headers)


def over_tls(application: Application, keys: dict) -> Application:
    """Has an application speak TLS with this key and certificate; who does not like it is gone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys["certificate"], keys["key"])
    serve = application._serve

    def secured(connection):
        try:
            connection.settimeout(10)
            wrapped = context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        serve(wrapped)

    application._serve = secured
    return application
