"""A scripted SCIM server: knows its users, and answers writes as it is told."""

import json
import re

from . import settings
from .client import H1, scim_json
from .messages import Reply, Request
from .upstream import Answer, Application

SCIM_HEADERS = [("content-type", "application/scim+json")]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def patch(*operations: dict) -> bytes:
    """A PATCH body as Entra prints it."""
    return scim_json({"schemas": [PATCH_OP], "Operations": list(operations)})


def user(name: str, id: str = "u-1", **more) -> dict:
    """A user resource; its `externalId` is the provider's object id."""
    made = {"schemas": [USER], "id": id, "userName": name, "externalId": f"object-of-{name}", "active": True}
    return made | more


class ScriptedScim:
    """Answers reads from `users`; writes get `write`, an answer or a way of not answering."""

    def __init__(self, application: Application, *users: dict, write=None):
        self.application = application
        self.users = {entry["id"]: entry for entry in users}
        self.write = write
        application.handler = self._answer

    def _answer(self, request: Request):
        path = request.path.split("?")[0]
        found = re.fullmatch(re.escape(settings.APP_SCIM) + r"/Users/([^/]+)", path)
        if request.method == "GET" and found:
            entry = self.users.get(found.group(1))
            return _scim(200, entry) if entry else error(404)
        if request.method == "GET":
            listed = list(self.users.values())
            body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": listed}
            return _scim(200, body | {"totalResults": len(listed), "startIndex": 1, "itemsPerPage": len(listed)})
        if self.write is not None:
            return self.write
        if request.method == "DELETE":
            return Answer(204, b"", [])
        if request.method == "POST":
            sent = json.loads(request.body)
            return _scim(201, sent | {"id": "u-new"})
        return _scim(200, next(iter(self.users.values()), user("somebody")))


def _scim(status: int, value: dict) -> Answer:
    return Answer(status, json.dumps(value).encode(), SCIM_HEADERS)


def error(status: int, **more) -> Answer:
    """A SCIM error of the application."""
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": "no"}
    return _scim(status, body | more)


def entra(envoy, method: str, path: str, body: bytes | None = None, headers=(settings.BEARER,)) -> Reply:
    """A request as Entra sends it, over HTTP/1.1; `path` is below the SCIM base."""
    pairs = list(headers) + ([settings.SCIM_JSON] if body is not None else [])
    with H1(envoy.plain_port) as client:
        return client.request(method, settings.SCIM + path, pairs, body)
