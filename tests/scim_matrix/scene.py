"""What a step plays on: a server, what it stores, and the people and groups made for one try."""

import itertools
from dataclasses import dataclass, field

from harness.client import scim_json
from harness.messages import Reply

from . import judge
from .clients import Client, document
from .words import ENTERPRISE, GROUP, USER, patch

NUMBERS = itertools.count(1)


class Unprepared(Exception):
    """The server refused a correct request that a step needs beforehand; the step says nothing then."""


def user_body(user_name: str, **more) -> dict:
    """A correct user with what nearly every server stores."""
    local = user_name.split("@")[0]
    made = {
        "schemas": [USER],
        "userName": user_name,
        "externalId": f"object-{local}",
        "displayName": f"Ada {local}",
        "active": True,
        "name": {"givenName": "Ada", "familyName": local, "formatted": f"Ada {local}"},
        "emails": [{"value": user_name, "type": "work", "primary": True}],
    }
    made |= more
    if ENTERPRISE in made:
        made["schemas"] = [USER, ENTERPRISE]
    return {key: value for key, value in made.items() if value is not None}


@dataclass
class Scene:
    """One try of one step."""

    direct: Client  # correct requests straight at the server
    stored: frozenset[str]
    client: Client | None = None  # the way that is tried
    problems: list[str] = field(default_factory=list)
    made: dict = field(default_factory=dict)  # ids by role
    before: dict = field(default_factory=dict)

    def stores(self, *attributes: str) -> bool:
        """Whether the server keeps all of these."""
        return self.stored.issuperset(attributes)

    def name(self, stem: str = "ada") -> str:
        """A user name that nobody has."""
        return f"{stem}{next(NUMBERS)}@n.example"

    def fail(self, problem: str) -> None:
        """Notes why the effect is not right."""
        self.problems.append(problem)

    # Beforehand, by correct requests straight at the server.

    def user(self, role: str = "user", **more) -> str:
        """Makes a user and gives its id."""
        name = more.pop("userName", None) or self.name()
        self.made[role] = self._create("/Users", user_body(name, **more))
        self.made[f"{role}.name"] = name
        return self.made[role]

    def group(self, *members: str, role: str = "group", **more) -> str:
        """Makes a group with these members and gives its id."""
        name = f"Group {next(NUMBERS)}"
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]} | more
        if not self.stores("group.externalId"):
            body.pop("externalId", None)
        id = self._create("/Groups", {key: value for key, value in body.items() if value})
        if members and self.members(id) != set(members):
            add = {"op": "add", "path": "members", "value": [{"value": member} for member in members]}
            self.direct.send("PATCH", f"/Groups/{id}", patch([add]))
            if self.members(id) != set(members):
                raise Unprepared("a correct group with members could not be made")
        self.made[role], self.made[f"{role}.name"] = id, body["displayName"]
        return id

    def _create(self, path: str, body: dict) -> str:
        reply = self.direct.send("POST", path, scim_json(body))
        made = document(reply)
        if reply.status != 201 or not isinstance(made, dict) or "id" not in made:
            raise Unprepared(f"POST {path} was answered {reply.status}: {reply.body[:200]!r}")
        return str(made["id"])

    # Afterwards, read from the server itself.

    def read(self, path: str) -> Reply:
        """What the server says by itself."""
        return self.direct.send("GET", path)

    def state(self, path: str) -> dict:
        """The resource as the server has it; empty where it has none."""
        reply = self.read(path)
        found = document(reply)
        return found if reply.status == 200 and isinstance(found, dict) else {}

    def members(self, group: str) -> set[str]:
        """Ids of the members as the server has them."""
        return {str(item.get("value")) for item in judge.elements(self.state(f"/Groups/{group}"), "members")}

    # Judging.

    def succeeded(self, *statuses: int) -> bool:
        """Whether every reply to the client was a success."""
        for reply in self.client.replies:
            if reply.status not in (statuses or range(200, 300)):
                self.fail(f"answered {reply.status}{why(reply)}")
                return False
        return True

    def expect(self, path: str, expected: dict, unharmed: bool = True) -> None:
        """The resource has this, and where it was looked at before, nothing else has changed."""
        after = self.state(path)
        if not after:
            return self.fail("the resource is gone")
        self.problems += judge.compare(after, expected)
        if unharmed and self.before:
            for other in judge.differences(self.before, after, set(expected)):
                self.fail(f"{other} changed too")
        return None


def why(reply: Reply) -> str:
    """What an error answer says, in brackets."""
    told = document(reply)
    detail = (told.get("detail") or told.get("scimType") or "") if isinstance(told, dict) else ""
    return f" ({' '.join(str(detail).split())[:90]})" if detail else ""
