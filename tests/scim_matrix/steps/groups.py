"""Groups are created, get and lose members, and go."""

from collections.abc import Callable

from harness.client import scim_json

from .. import judge as judging
from ..clients import document
from ..scene import NUMBERS, Scene
from ..words import ADSCIM, FLAG, GROUP, op, patch, refs
from .reads import keeper, quoted, search
from .step import Operations, Step, Values, made_by


def change_group(
    title: str, rules: str, needs: str, *, had: str = "", entra: Operations, rfc: Operations, then: Values, flag=False
) -> Step:
    """A PATCH of a group whose members are the keeper and `had`; `then` may name `members` as a set of roles."""

    def given(scene: Scene) -> None:
        people = [*keeper(scene), *(scene.user(role) for role in had.split())]
        scene.user("new")
        scene.user("newer")
        scene.group(*people, externalId=f"object-{next(NUMBERS)}")
        scene.before = scene.state(f"/Groups/{scene.made['group']}")

    def send(operations: Operations, query: str = "") -> Callable[[Scene], None]:
        def sender(scene: Scene) -> None:
            path, made = f"/Groups/{scene.made['group']}{query}", made_by(scene, operations)
            if made:  # a correct client sends nothing where it has no operation
                scene.client.send("PATCH", path, patch(made))

        return sender

    def judge(scene: Scene) -> None:
        if not scene.succeeded():
            return
        expected = dict(made_by(scene, then))
        members = expected.pop("members", {"keeper", *had.split()})
        have = {role for role in ("keeper", "new", "newer", *had.split()) if scene.made[role] in _members(scene)}
        if have != members or len(_members(scene)) != len(members):
            scene.fail(f"members are {sorted(have)}, not {sorted(members)}")
        scene.expect(f"/Groups/{scene.made['group']}", expected | {"members": _list(scene)})

    query = f"?{FLAG}" if flag else ""
    needed = frozenset(("members", *needs.split()))
    return Step(title, rules, needed, given, send(entra, query), send(rfc), judge)


def _members(scene: Scene) -> list[str]:
    group = scene.state(f"/Groups/{scene.made['group']}")
    return [str(item.get("value")) for item in judging.elements(group, "members")]


def _list(scene: Scene):
    """The members as they are: they have been judged already."""
    return judging.look(scene.state(f"/Groups/{scene.made['group']}"), "members")


def new_group(entra: bool) -> Callable[[Scene], None]:
    """A group as it is created: never with members."""

    def sender(scene: Scene) -> None:
        name = scene.made["name"] = f"Group {next(NUMBERS)}"
        body = {"schemas": [GROUP], "displayName": name}
        if scene.stores("group.externalId"):
            body["externalId"] = f"object-{name}"
        if entra:
            body |= {"schemas": [GROUP, ADSCIM], "members": [], "meta": {"resourceType": "Group"}}
            body.setdefault("externalId", f"object-{name}")
        scene.client.send("POST", "/Groups", scim_json(body))

    return sender


def judge_new(scene: Scene) -> None:
    """It is there, empty."""
    made = document(scene.client.replies[-1])
    if scene.succeeded(201):
        if not isinstance(made, dict) or "id" not in made:
            return scene.fail("the answer names no id")
        expected = {"displayName": scene.made["name"], "members": None}
        if scene.stores("group.externalId"):
            expected["externalId"] = f"object-{scene.made['name']}"
        scene.expect(f"/Groups/{made['id']}", expected)
    return None


def somewhere(scene: Scene) -> None:
    """A group of one."""
    scene.group(*keeper(scene))


def read_excluded(scene: Scene) -> None:
    """As Entra reads every group."""
    scene.client.send("GET", f"/Groups/{scene.made['group']}?excludedAttributes=members")


def judge_excluded(scene: Scene) -> None:
    """The group without its members."""
    if scene.succeeded(200):
        found = document(scene.client.replies[-1]) or {}
        if found.get("displayName") != scene.made["group.name"]:
            scene.fail("another group, or none")
        if found.get("members"):
            scene.fail("members are in the answer")


def deleted(path: str, role: str, given: Callable[[Scene], None], title: str, needs: str = "") -> Step:
    """A resource is deleted, and deleted again."""

    def send(scene: Scene) -> None:
        for method in ("DELETE", "GET", "DELETE"):
            scene.client.send(method, f"{path}/{scene.made[role]}")

    def judge(scene: Scene) -> None:
        told = [reply.status for reply in scene.client.replies]
        if told != [204, 404, 404]:
            scene.fail(f"answered {told[0]}, then {told[1]} to GET and {told[2]} to DELETE")
        if scene.read(f"{path}/{scene.made[role]}").status != 404:
            scene.fail("it is still there")

    return Step(title, "R5 R0", frozenset(needs.split()), given, send, send, judge)


def asks_member(text: str) -> Callable[[Scene], str]:
    """The check whether somebody is still a member."""
    return lambda s: f'id eq "{s.made["group"]}" and {text} eq "{s.made["keeper"]}"'


def group_name(scene: Scene) -> str:
    """A new name, the same whenever asked in one scene."""
    return scene.made.setdefault("name", f"Renamed {next(NUMBERS)}")


def adds(*roles: str, verb: str = "Add"):
    """One operation for each new member."""
    return lambda s: [op(verb, "members", refs(s.made[role]) if verb == "Add" else _bare(s, role)) for role in roles]


def _bare(scene: Scene, *roles: str) -> list[dict]:
    return [{"value": scene.made[role]} for role in roles]


def removes(*roles: str):
    """RFC 7644: one value path for each."""
    return lambda s: [op("remove", f'members[value eq "{s.made[role]}"]') for role in roles]


NAME = 'displayName eq "{}"'

STEPS = [
    Step("create group", "C3 C4", frozenset(["groups"]), lambda s: None, new_group(True), new_group(False), judge_new),
    search(
        "find group, without members",
        "R6",
        "members",
        entra=lambda s: NAME.format(s.made["group.name"]),
        finds="group",
        given=somewhere,
        where="/Groups",
        query="excludedAttributes=members&",
    ),
    search(
        "find group, name in other case",
        "R12",
        "members",
        entra=lambda s: NAME.format(s.made["group.name"].upper()),
        finds="group",
        given=somewhere,
        where="/Groups",
    ),
    search(
        "find group with quotes in the name",
        "F6",
        "members",
        entra=lambda s: NAME.format(s.made["plain"]),
        rfc=lambda s: NAME.format(s.made["escaped"]),
        finds="group",
        given=quoted,
        where="/Groups",
    ),
    Step(
        "read group, without members",
        "R6",
        frozenset(["members"]),
        somewhere,
        read_excluded,
        read_excluded,
        judge_excluded,
    ),
    change_group(
        "rename group",
        "P1",
        "",
        entra=lambda s: [op("Replace", "displayName", group_name(s))],
        rfc=lambda s: [op("replace", "displayName", group_name(s))],
        then=lambda s: {"displayName": group_name(s)},
    ),
    change_group(
        "rename group without path (flag)",
        "T1",
        "",
        entra=lambda s: [op("replace", value={"displayName": group_name(s)})],
        rfc=lambda s: [op("replace", "displayName", group_name(s))],
        then=lambda s: {"displayName": group_name(s)},
        flag=True,
    ),
    change_group(
        "change the externalId of a group",
        "P1",
        "group.externalId",
        entra=lambda s: [op("Replace", value={"externalId": group_name(s)})],
        rfc=lambda s: [op("replace", "externalId", group_name(s))],
        then=lambda s: {"externalId": group_name(s)},
    ),
    change_group(
        "add a member",
        "P23",
        "",
        entra=adds("new"),
        rfc=adds("new", verb="add"),
        then={"members": {"keeper", "new"}},
    ),
    change_group(
        "add members, one operation each",
        "P23",
        "",
        entra=adds("new", "newer"),
        rfc=adds("new", "newer", verb="add"),
        then={"members": {"keeper", "new", "newer"}},
    ),
    change_group(
        "add members in one list, one twice",
        "P27",
        "",
        entra=lambda s: [op("Add", "members", refs(s.made["new"], s.made["newer"], s.made["new"]))],
        rfc=lambda s: [op("add", "members", _bare(s, "new", "newer"))],
        then={"members": {"keeper", "new", "newer"}},
    ),
    change_group(
        "add a member as text",
        "P24",
        "",
        entra=lambda s: [op("Add", "members", s.made["new"])],
        rfc=adds("new", verb="add"),
        then={"members": {"keeper", "new"}},
    ),
    change_group(
        "add a member who is one already",
        "P23",
        "",
        had="a",
        entra=adds("a"),
        rfc=adds("a", verb="add"),
        then={"members": {"keeper", "a"}},
    ),
    change_group(
        "remove a member, by value",
        "P20",
        "",
        had="a b",
        entra=lambda s: [op("Remove", "members", refs(s.made["a"]))],
        rfc=removes("a"),
        then={"members": {"keeper", "b"}},
    ),
    change_group(
        "remove several members, by value",
        "P20",
        "",
        had="a b c",
        entra=lambda s: [op("Remove", "members", refs(s.made["a"], s.made["b"]))],
        rfc=removes("a", "b"),
        then={"members": {"keeper", "c"}},
    ),
    change_group(
        "remove a member (flag)",
        "T1",
        "",
        had="a b",
        entra=removes("a"),
        rfc=removes("a"),
        then={"members": {"keeper", "b"}},
        flag=True,
    ),
    change_group(
        "remove nobody: an empty list",
        "P21",
        "",
        had="a",
        entra=[op("Remove", "members", [])],
        rfc=[],
        then={"members": {"keeper", "a"}},
    ),
    change_group(
        "remove a member who is none",
        "P20 P42",
        "",
        had="a",
        entra=lambda s: [op("Remove", "members", refs(s.made["new"])), op("Add", "members", refs(s.made["newer"]))],
        rfc=lambda s: [*removes("new")(s), *adds("newer", verb="add")(s)],
        then={"members": {"keeper", "a", "newer"}},
    ),
    change_group(
        "add and remove in one request",
        "P26",
        "",
        had="a",
        entra=lambda s: [op("Add", "members", refs(s.made["new"])), op("Remove", "members", refs(s.made["a"]))],
        rfc=lambda s: [*adds("new", verb="add")(s), *removes("a")(s)],
        then={"members": {"keeper", "new"}},
    ),
    change_group(
        "replace all members (validator)",
        "P22",
        "",
        had="a",
        entra=lambda s: [op("replace", "members", _bare(s, "new", "newer"))],
        rfc=lambda s: [op("replace", "members", _bare(s, "new", "newer"))],
        then={"members": {"new", "newer"}},
    ),
    search(
        "is somebody a member? (reference query)",
        "F5",
        "members",
        entra=asks_member("members"),
        rfc=asks_member("members.value"),
        finds="group",
        given=somewhere,
        where="/Groups",
        query="attributes=id&",
    ),
    deleted("/Groups", "group", somewhere, "delete group, twice", "members"),
    deleted("/Users", "user", lambda s: s.user(), "delete user, twice"),
]
