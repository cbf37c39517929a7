"""One life from end to end: each request stands on what the ones before it left."""

from collections.abc import Callable

from harness.client import scim_json

from ..clients import document
from ..scene import NUMBERS, Scene
from ..words import GROUP, entra_filter, op, patch, refs, rfc_filter
from .creation import entra_user, rfc_user
from .reads import ids
from .step import Step


class _Ended(Exception):
    """A life that cannot go on."""


def _found(scene: Scene, encoded) -> list[str]:
    text = encoded(f'userName eq "{scene.made["user.name"]}"')
    return ids(scene, scene.client.send("GET", f"/Users?filter={text}")) or []


def _done(scene: Scene, what: str, *exchange) -> dict:
    reply = scene.client.send(*exchange)
    if not 200 <= reply.status < 300:
        scene.fail(f"{what}: answered {reply.status}")
        raise _Ended
    return document(reply) or {}


def _check(scene: Scene, what: str, holds: bool) -> None:
    if not holds:
        scene.fail(f"{what}: no effect")


def lead(entra: bool) -> Callable[[Scene], None]:
    """The life, in one of both spellings."""
    encoded = entra_filter if entra else rfc_filter

    def change(path: str, *operations: dict) -> tuple:
        return "PATCH", path, patch(list(operations))

    def active(value: bool) -> dict:
        return op("Replace", "active", str(value)) if entra else op("replace", "active", value)

    def live(scene: Scene) -> None:
        scene.made["user.name"] = scene.name()
        _check(scene, "nobody is found before", _found(scene, encoded) == [])
        body = (entra_user if entra else rfc_user)(scene, scene.made["user.name"])
        user = str(_done(scene, "create user", "POST", "/Users", scim_json(body)).get("id"))
        _check(scene, "the new user is found", _found(scene, encoded) == [user])
        verb = "Replace" if entra else "replace"
        _done(scene, "change", *change(f"/Users/{user}", op(verb, "name.familyName", "King")))
        _check(scene, "change", (scene.state(f"/Users/{user}").get("name") or {}).get("familyName") == "King")
        for value in (False, True):
            _done(scene, "active", *change(f"/Users/{user}", active(value)))
            _check(scene, f"active={value}", scene.state(f"/Users/{user}").get("active") is value)
            _check(scene, "found all the same", _found(scene, encoded) == [user])
        group = {"schemas": [GROUP], "displayName": f"Life {next(NUMBERS)}"}
        group = str(_done(scene, "create group", "POST", "/Groups", scim_json(group)).get("id"))
        add = op("Add", "members", refs(user)) if entra else op("add", "members", [{"value": user}])
        _done(scene, "add member", *change(f"/Groups/{group}", add))
        _check(scene, "add member", scene.members(group) == {user})
        gone = op("Remove", "members", refs(user)) if entra else op("remove", f'members[value eq "{user}"]')
        _done(scene, "remove member", *change(f"/Groups/{group}", gone))
        _check(scene, "remove member", scene.members(group) == set())
        for path in (f"/Groups/{group}", f"/Users/{user}"):
            _done(scene, "delete", "DELETE", path)
            _check(scene, "delete", scene.read(path).status == 404)
        _check(scene, "nobody is found afterwards", _found(scene, encoded) == [])

    def until_it_ends(scene: Scene) -> None:
        try:
            live(scene)
        except _Ended:
            pass

    return until_it_ends


# The life judges itself on the way.
STEPS = [
    Step(
        "a whole life, each request on the ones before",
        "all",
        frozenset(["active", "inactive", "groups"]),
        lambda scene: None,
        lead(True),
        lead(False),
        lambda scene: None,
    )
]
