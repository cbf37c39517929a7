"""A SCIM server that keeps what it is told, strict where it can do something and without what it cannot do."""

import json
import re
import threading
from urllib.parse import parse_qs, urlsplit

from . import settings
from .messages import Request
from .scim_app import error
from .upstream import Answer, Application

SCIM = [("content-type", "application/scim+json")]
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class MemoryScim:
    """Users and groups by GET, POST, PUT and DELETE. PATCH is answered 501, and a filter is 400, as in servers that
    have neither; `etags` says whether resources have versions."""

    def __init__(self, application: Application, *resources: dict, etags: bool = False, page: int = 1000):
        self.resources = {entry["id"]: dict(entry) for entry in resources}
        self.versions = dict.fromkeys(self.resources, 1)
        self.etags, self.page, self.between = etags, page, None
        self._lock = threading.Lock()
        application.handler = self._answer

    def _answer(self, request: Request):
        url = urlsplit(request.path)
        found = re.fullmatch(re.escape(settings.APP_SCIM) + r"/(Users|Groups)(?:/([^/]+))?", url.path)
        if not found:
            return error(404)
        if self.between:
            self.between(self, request)
        with self._lock:
            if found.group(2) is None:
                return self._collection(request, parse_qs(url.query))
            return self._one(request, found.group(2))

    def _collection(self, request: Request, query: dict):
        if request.method == "POST":
            made = request.json() | {"id": f"r-{len(self.resources) + 1}"}
            self.resources[made["id"]], self.versions[made["id"]] = made, 1
            return self._resource(201, made["id"])
        if "filter" in query:
            return error(400, scimType="invalidFilter")
        every = list(self.resources.values())
        start = int(query.get("startIndex", ["1"])[0])
        count = min(int(query.get("count", [str(self.page)])[0]), self.page)
        listed = every[start - 1 : start - 1 + count]
        body = {"schemas": [LIST], "totalResults": len(every), "startIndex": start, "itemsPerPage": len(listed)}
        return Answer(200, json.dumps(body | {"Resources": listed}).encode(), SCIM)

    def _one(self, request: Request, id: str):
        if id not in self.resources:
            return error(404)
        if request.method == "GET":
            return self._resource(200, id)
        if request.method == "DELETE":
            del self.resources[id]
            return Answer(204, b"", [])
        if request.method != "PUT":
            return error(501)
        if self.etags and request.get("if-match") not in (None, self._etag(id)):
            return error(412)
        self.resources[id] = request.json() | {"id": id}
        self.versions[id] += 1
        return self._resource(200, id)

    def _etag(self, id: str) -> str:
        return f'W/"{self.versions[id]}"'

    def _resource(self, status: int, id: str) -> Answer:
        headers = SCIM + ([("etag", self._etag(id))] if self.etags else [])
        return Answer(status, json.dumps(self.resources[id]).encode(), headers)
