#!/usr/bin/env python3
"""A deliberately plain application of the kind that is put behind a gateway.

It knows its user from request headers only (x-user, x-email, x-roles), speaks HTTP/1.1, and cannot read chunked
requests: it answers them with 411, as many older servers do. It checks nothing. It must never be reachable but
through the gateway, so it listens on the loopback interface unless it is told otherwise.

    /              a page with the user's name
    /public/...    a page for everybody
    /mixed/...     a page for everybody, with the name of those who are signed in
    /admin/...     a page for administrators
    /echo          everything that was received, as JSON (so does ?echo on any path)
"""

import argparse
import html
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 10 * 1024 * 1024
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;
margin:2rem auto;padding:0 1rem}}pre{{overflow-x:auto}}.microsoft{{display:inline-flex;align-items:center;gap:12px;
height:41px;padding:0 12px;border:1px solid #8c8c8c;background:#fff;color:#5e5e5e;font:600 15px "Segoe UI",sans-serif;
text-decoration:none}}@media(prefers-color-scheme:dark){{.microsoft{{border-color:#2f2f2f;background:#2f2f2f;color:#fff}}}}
</style></head><body><h1>{title}</h1>{content}
<nav><a href="/">start</a> · <a href="/public/hello">public</a> · <a href="/mixed/hello">mixed</a> ·
<a href="/admin/hello">admin</a> · <a href="/echo">echo</a></nav></body></html>
"""
# The button that a page of an application offers beside its own sign-in; Microsoft's brand rules say how it looks.
MICROSOFT = """<p><a class="microsoft" href="/.vestibule/sign-in?return={target}"><svg width="21" height="21"
viewBox="0 0 21 21" aria-hidden="true"><path fill="#f25022" d="M1 1h9v9H1z"/><path fill="#7fba00" d="M11 1h9v9h-9z"/>
<path fill="#00a4ef" d="M1 11h9v9H1z"/><path fill="#ffb900" d="M11 11h9v9h-9z"/></svg>Sign in with Microsoft</a></p>"""


class Handler(BaseHTTPRequestHandler):
    """Answers every method in the same way."""

    protocol_version = "HTTP/1.1"
    server_version = "HeaderApp"
    sys_version = ""
    timeout = 60

    def do_GET(self):  # noqa: N802 (the name is the standard library's)
        body = self.read_body()
        if body is None:
            return
        received = {
            "method": self.command,
            "path": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            "body": body.decode("utf-8", "replace"),
        }
        self.server.record(received)
        path, _, query = self.path.partition("?")
        if path == "/echo" or query == "echo":
            self.answer(200, "application/json", json.dumps(received))
        else:
            self.answer(200, "text/html; charset=utf-8", self.page(path))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def read_body(self):
        """The body; None if the request was refused."""
        if self.headers.get("Transfer-Encoding") is not None:
            self.refuse(411, "this server needs a Content-Length")
            return None
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            self.refuse(400, "unusable Content-Length")
            return None
        if int(length) > MAX_BODY:
            self.refuse(413, "too large")
            return None
        return self.rfile.read(int(length))

    def page(self, path):
        user = self.headers.get("x-user")
        area = next((name for name in ("public", "mixed", "admin") if path.startswith(f"/{name}")), "start")
        if user is None:
            content = "<p>Nobody is signed in.</p>"
            if area == "mixed":
                content += MICROSOFT.format(target=urllib.parse.quote(path))
        else:
            facts = {
                "user": user,
                "email": self.headers.get("x-email", ""),
                "roles": self.headers.get("x-roles", ""),
            }
            items = "".join(f"<li>{name}: <b>{html.escape(value)}</b></li>" for name, value in facts.items())
            content = f"<p>Hello!</p><ul>{items}</ul><p><a href='/.vestibule/sign-out'>Sign out</a></p>"
        return PAGE.format(title=f"Header application: {area}", content=content)

    def refuse(self, status, text):
        # What is left of the request cannot be told from the next one.
        self.close_connection = True
        self.server.record({"method": self.command, "path": self.path, "refused": status})
        self.answer(status, "text/plain", text)

    def answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """The record is log enough."""


class Server(ThreadingHTTPServer):
    """Keeps a record of every request as one JSON object per line."""

    daemon_threads = True

    def __init__(self, address, record_path):
        super().__init__(address, Handler)
        self.record_path = record_path
        self.record_lock = threading.Lock()

    def record(self, received):
        if self.record_path is None:
            return
        with self.record_lock, open(self.record_path, "a", encoding="utf-8") as file:
            file.write(json.dumps(received) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=9080, help="port (default 9080)")
    parser.add_argument("--record", metavar="FILE", help="append every request to this file, one JSON object a line")
    options = parser.parse_args()
    server = Server((options.address, options.port), options.record)
    print(f"header application on http://{options.address}:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
