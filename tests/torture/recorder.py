"""The application in a process of its own: it writes down what it is sent before it does it, and survives `kill -9`.

`python -m torture.recorder PORT JOURNAL`. SCIM users and groups with GET, POST, PATCH, DELETE and the filters that Entra sends;
everything else is answered 200.
"""

import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from harness import settings

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
EQUAL = re.compile(r'^(\w+) eq "([^"]*)"$')


class Store:
    """Resources, made anew from the journal at the start."""

    def __init__(self, journal: Path):
        self.resources: dict[str, dict[str, dict]] = {"Users": {}, "Groups": {}}
        self.lock = threading.Lock()
        whole = journal.read_bytes() if journal.exists() else b""
        whole = whole[: whole.rfind(b"\n") + 1]  # a line that was being written when the process was killed
        journal.write_bytes(whole)
        self._journal = journal.open("ab", buffering=0)
        for line in whole.splitlines():
            told = json.loads(line)
            self.apply(told["method"], told["path"], told["body"])

    def record(self, method: str, path: str, body, request_id: str) -> None:
        """Before anything is done, so that a kill can only lose the answer."""
        line = {"method": method, "path": path, "body": body, "request_id": request_id}
        self._journal.write(json.dumps(line).encode() + b"\n")
        os.fsync(self._journal.fileno())

    def apply(self, method: str, path: str, body) -> tuple[int, dict | None]:
        """Does what a request says."""
        found = re.fullmatch(re.escape(settings.APP_SCIM) + r"/(Users|Groups)(?:/([^/]+))?", path)
        if not found:
            return 404, None
        kept, id = self.resources[found[1]], found[2]
        if method == "POST":
            name = "userName" if found[1] == "Users" else "displayName"
            if any(entry.get(name) == body.get(name) for entry in kept.values()):
                return 409, None
            made = body | {"id": f"{found[1][0].lower()}-{len(kept) + 1}"}
            kept[made["id"]] = made
            return 201, made
        if id not in kept:
            return 404, None
        if method == "DELETE":
            del kept[id]
            return 204, None
        for operation in body.get("Operations", []):
            _operate(kept[id], operation)
        return 200, kept[id]


def _operate(resource: dict, operation: dict) -> None:
    path, value, verb = operation.get("path"), operation.get("value"), operation["op"].lower()
    if path is None:
        resource.update(value)
    elif path == "members":
        members = {entry["value"]: entry for entry in resource.get("members", [])}
        for entry in value or []:
            members[entry["value"]] = entry
        resource["members"] = list(members.values())
    elif found := re.fullmatch(r'members\[value eq "([^"]*)"\]', path):
        resource["members"] = [entry for entry in resource.get("members", []) if entry["value"] != found[1]]
    elif verb == "remove":
        resource.pop(path, None)
    else:
        resource[path] = value


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *_):
        """Nothing."""

    def _reply(self, status: int, value=None) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/scim+json")
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        if not url.path.startswith(settings.APP_SCIM):
            return self._reply(200, {"ok": True})
        with self.store.lock:
            if self.command == "GET":
                return self._read(url.path, parse_qs(url.query))
            value = json.loads(body) if body else None
            self.store.record(self.command, url.path, value, self.headers.get("x-request-id", ""))
            return self._reply(*self.store.apply(self.command, url.path, value))

    def _read(self, path: str, query: dict) -> None:
        kind, _, id = path.removeprefix(settings.APP_SCIM + "/").partition("/")
        kept = self.store.resources.get(kind)
        if kept is None or (id and id not in kept):
            return self._reply(404)
        if id:
            return self._reply(200, kept[id])
        every = list(kept.values())
        if found := EQUAL.match(query.get("filter", [""])[0]):
            every = [entry for entry in every if entry.get(found[1]) == found[2]]
        body = {"schemas": [LIST], "totalResults": len(every), "startIndex": 1, "itemsPerPage": len(every)}
        return self._reply(200, body | {"Resources": every})

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = _serve


class Server(ThreadingHTTPServer):
    """Takes its port back at once."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Handler.store = Store(Path(sys.argv[2]))
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
