"""Canaille, an identity server with a SCIM interface, in memory, with one client that may provision."""

import datetime
import os
import sys
import uuid
import wsgiref.simple_server
from socketserver import ThreadingMixIn

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from canaille import create_app  # noqa: E402
from canaille.app import models  # noqa: E402
from canaille.backends import Backend  # noqa: E402

PORT = int(sys.argv[1])


class Server(ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    """A connection that is kept open does not keep others waiting."""

    daemon_threads = True


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    """Says nothing of each request."""

    def log_request(self, *_):
        pass


def provisioner(token: str) -> None:
    """The OAuth client and its access token."""
    now = datetime.datetime.now(datetime.UTC)
    client = models.Client(client_id="entra", client_name="Entra", client_id_issued_at=now, scope=["openid"])
    Backend.instance.save(client)
    Backend.instance.save(
        models.Token(
            token_id=str(uuid.uuid4()),
            access_token=token,
            client=client,
            audience=[client],
            subject=None,
            type="access_token",
            scope=["openid"],
            issue_date=now,
            lifetime=86400,
        )
    )


app = create_app(
    {
        "TESTING": True,
        "SECRET_KEY": str(uuid.uuid4()),
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False},
        "CANAILLE_SCIM": {"ENABLE_SERVER": True},
        "CANAILLE_OIDC": {},
    }
)
with app.app_context():
    provisioner(os.environ["APP_SCIM_TOKEN"])
    wsgiref.simple_server.make_server("127.0.0.1", PORT, app, Server, Handler).serve_forever()
