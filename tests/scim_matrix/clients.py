"""The ways of sending: straight at the server, in Entra's or in correct dress, and through Envoy."""

from dataclasses import dataclass, field

from harness import settings
from harness.client import H1
from harness.messages import Reply

SECONDS = 20


@dataclass
class Client:
    """Sends below a base, keeps every reply."""

    port: int
    base: str
    token: str
    strict: bool  # with the headers that RFC 7644 asks for; otherwise those of Entra
    replies: list[Reply] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """One exchange on a connection of its own."""
        headers = [("authorization", f"Bearer {self.token}"), ("connection", "close")]
        if self.strict:
            headers.append(("accept", "application/scim+json"))
        if body is not None:
            headers.append(("content-type", "application/scim+json") if self.strict else settings.SCIM_JSON)
        with H1(self.port, seconds=SECONDS) as connection:
            try:
                reply = connection.request(method, self.base + path, headers, body)
            except (OSError, ValueError) as error:
                reply = Reply(0, [], str(error).encode(), cut=True)
        self.replies.append(reply)
        return reply

    def again(self) -> "Client":
        """The same way, with no replies yet."""
        return Client(self.port, self.base, self.token, self.strict)


def straight(process, strict: bool) -> Client:
    """To the server itself, with the application's own credential."""
    return Client(process.port, process.base, process.token, strict)


def through(envoy) -> Client:
    """To Envoy, as Entra."""
    return Client(envoy.plain_port, settings.SCIM, settings.TOKEN, strict=False)


def document(reply: Reply):
    """The body as JSON, or None."""
    try:
        return reply.json()
    except ValueError:
        return None
