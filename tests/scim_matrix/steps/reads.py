"""Searches and pages, as the connection test, the matching and the validators do them."""

import uuid
from collections.abc import Callable

from ..clients import document
from ..scene import NUMBERS, Scene, why
from ..words import ENTERPRISE, entra_filter, rfc_filter
from .step import Step

Text = Callable[[Scene], str]


def ids(scene: Scene, reply) -> list[str] | None:
    """The ids of a list response; anything else is a problem."""
    found = document(reply)
    if reply.status != 200:
        scene.fail(f"answered {reply.status}{why(reply)}")
    elif not isinstance(found, dict) or not isinstance(found.get("totalResults"), int):
        scene.fail("the answer is no list")
    elif found["totalResults"] and not isinstance(found.get("Resources"), list):
        scene.fail("a list without Resources")
    else:
        listed = [str(item.get("id")) for item in found.get("Resources") or []]
        if found["totalResults"] != len(listed):
            scene.fail(f"totalResults is {found['totalResults']}, but {len(listed)} are listed")
        return listed
    return None


def search(
    title: str,
    rules: str,
    needs: str,
    *,
    entra: Text,
    rfc: Text | None = None,
    finds: str | None,
    given=lambda scene: None,
    where: str = "/Users",
    query: str = "",
) -> Step:
    """A filtered list that must hold exactly one resource, or none."""

    def sender(text: Text, encoded) -> Callable[[Scene], None]:
        def send(scene: Scene) -> None:
            scene.client.send("GET", f"{where}?{query}filter={encoded(text(scene))}")

        return send

    def judge(scene: Scene) -> None:
        found = ids(scene, scene.client.replies[-1])
        wanted = [scene.made[finds]] if finds else []
        if found is not None and found != wanted:
            scene.fail(f"found {len(found)}, not the {len(wanted)} meant")

    return Step(
        title,
        rules,
        frozenset(needs.split()),
        given,
        sender(entra, entra_filter),
        sender(rfc or entra, rfc_filter),
        judge,
    )


def somebody(scene: Scene) -> None:
    """Two users, of whom one is looked for."""
    scene.user("other")
    scene.user()


def nobody(scene: Scene) -> str:
    """The filter of the connection test."""
    return f'userName eq "{uuid.uuid4()}"'


CONNECTION = [
    search("connection test: users", "R1 T3", "", entra=nobody, finds=None, given=somebody),
    search(
        "connection test: groups",
        "R1 T3",
        "",
        entra=lambda s: f'displayName eq "{uuid.uuid4()}"',
        finds=None,
        where="/Groups",
        query="excludedAttributes=members&",
    ),
]


def named(scene: Scene) -> str:
    """By user name."""
    return f'userName eq "{scene.made["user.name"]}"'


def plus(scene: Scene) -> None:
    """Somebody with a plus sign in the name."""
    scene.user(userName=scene.name("ada+x"))


def blocked(scene: Scene) -> None:
    """Somebody who is disabled."""
    scene.user(active=False)


def quoted(scene: Scene) -> None:
    """A group whose name has quotes in it."""
    number = next(NUMBERS)
    scene.made["plain"], scene.made["escaped"] = f'Team "Blue" {number}', f'Team \\"Blue\\" {number}'
    scene.group(*keeper(scene), displayName=scene.made["plain"])


def keeper(scene: Scene) -> list[str]:
    """A member for groups that may not be empty."""
    return [scene.user("keeper")]


def read_one(scene: Scene) -> None:
    """A user by id."""
    scene.client.send("GET", f"/Users/{scene.made['user']}")


def judge_one(scene: Scene) -> None:
    """It is the user, and `active` is a truth value."""
    if scene.succeeded(200):
        found = document(scene.client.replies[-1]) or {}
        if found.get("userName") != scene.made["user.name"] or str(found.get("id")) != scene.made["user"]:
            scene.fail("another user, or none")
        if scene.stores("active") and found.get("active") is not True:
            scene.fail(f"active is {found.get('active')!r}")


def pages(scene: Scene) -> None:
    """Eleven users in pages of five."""
    for start in (1, 6, 11):
        scene.client.send("GET", f"/Users?startIndex={start}&count=5")


def judge_pages(scene: Scene) -> None:
    """Each page is whole, says where it starts, and no user comes twice."""
    seen: list[str] = []
    for start, reply in zip((1, 6, 11), scene.client.replies, strict=True):
        found = document(reply)
        if reply.status != 200 or not isinstance(found, dict):
            return scene.fail(f"answered {reply.status}{why(reply)}")
        if found.get("startIndex") != start:
            scene.fail(f"startIndex is {found.get('startIndex')!r}, not {start}")
        listed = [str(item.get("id")) for item in found.get("Resources") or []]
        if len(listed) > 5 or (start < 11 and len(listed) != 5):
            scene.fail(f"{len(listed)} on a page of 5")
        if not isinstance(found.get("totalResults"), int) or found["totalResults"] < 11:
            scene.fail(f"totalResults is {found.get('totalResults')!r}")
        seen += listed
    if len(seen) != len(set(seen)):
        scene.fail("a user is on two pages")
    return None


def eleven(scene: Scene) -> None:
    """Enough for three pages."""
    for number in range(11):
        scene.user(f"user{number}")


def managed(scene: Scene) -> None:
    """Somebody with a manager."""
    boss = scene.user("boss")
    scene.user(**{ENTERPRISE: {"manager": {"value": boss}}})


SEARCHES = [
    search("find user", "F1", "", entra=named, finds="user", given=somebody),
    search(
        "find user, name in other case",
        "R12",
        "",
        entra=lambda s: f'userName eq "{s.made["user.name"].upper()}"',
        finds="user",
        given=somebody,
    ),
    search("find user with + in the name", "F1", "", entra=named, finds="user", given=plus),
    search("find user who is disabled", "R0", "active inactive", entra=named, finds="user", given=blocked),
    search(
        "find user by externalId",
        "F1",
        "externalId",
        entra=lambda s: f'externalId eq "object-{s.made["user.name"].split("@")[0]}"',
        finds="user",
        given=somebody,
    ),
    search(
        "find user by work e-mail",
        "F2",
        "emails.type",
        entra=lambda s: f'emails[type eq "work"].value eq "{s.made["user.name"]}"',
        rfc=lambda s: f'emails[type eq "work" and value eq "{s.made["user.name"]}"]',
        finds="user",
        given=somebody,
    ),
    search(
        "find user by work e-mail: nobody",
        "F2 R1",
        "emails.type",
        entra=lambda s: f'emails[type eq "work"].value eq "{uuid.uuid4()}@n.example"',
        rfc=lambda s: f'emails[type eq "work" and value eq "{uuid.uuid4()}@n.example"]',
        finds=None,
        given=somebody,
    ),
    Step("read user", "R7", frozenset(), lambda s: s.user(), read_one, read_one, judge_one),
    search(
        "is this the manager? (reference query)",
        "F5",
        "manager",
        entra=lambda s: f'id eq "{s.made["user"]}" and manager eq "{s.made["boss"]}"',
        rfc=lambda s: f'id eq "{s.made["user"]}" and {ENTERPRISE}:manager.value eq "{s.made["boss"]}"',
        finds="user",
        given=managed,
        query="attributes=id&",
    ),
    Step("pages of five (harness)", "R2", frozenset(), eleven, pages, pages, judge_pages),
]
