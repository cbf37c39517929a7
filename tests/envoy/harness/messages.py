"""HTTP messages as the tests see them: header lists in order, nothing folded, nothing lost."""

import json
from dataclasses import dataclass, field

Pairs = list[tuple[str, str]]


class _Headers:
    headers: Pairs
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order; the name in any case."""
        return [value for have, value in self.headers if have.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The only value of a header; several are a failure."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def names(self) -> set[str]:
        """The names of all headers, in lower case."""
        return {name.lower() for name, _ in self.headers}

    def json(self):
        """The body read as JSON."""
        return json.loads(self.body)


@dataclass
class Request(_Headers):
    """A request as the application received it."""

    method: str
    path: str
    headers: Pairs
    body: bytes = b""
    chunked: bool = False
    trailers: Pairs = field(default_factory=list)


@dataclass
class Reply(_Headers):
    """A response as the client received it."""

    status: int
    headers: Pairs
    body: bytes = b""
    trailers: Pairs = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    cut: bool = False  # the connection or stream broke off before the end


def scim_error(reply: Reply, status: int, told: bool = True) -> dict:
    """Asserts that a reply is a SCIM error (RFC 7644 section 3.12) of this status; `told`: and says why."""
    assert reply.status == status, f"{reply.status}: {reply.body[:300]!r}"
    assert (reply.get("content-type") or "").startswith("application/scim+json"), reply.headers
    body = reply.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"], body
    assert body["status"] == str(status), body
    assert body.get("detail") or not told, f"the provisioning client is told nothing: {body}"
    return body
