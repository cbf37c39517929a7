"""Users are created."""

from harness.client import scim_json

from ..clients import document
from ..scene import Scene, user_body
from ..words import ENTERPRISE, USER
from .step import Step


def create_user(title: str, rules: str, needs: str, entra, rfc, then, given=lambda scene: None) -> Step:
    """A POST of one user; both bodies and what must be stored depend on the name."""

    def body(make):
        def sender(scene: Scene) -> None:
            name = scene.name()
            scene.made["user.name"] = name
            scene.client.send("POST", "/Users", scim_json(make(scene, name)))

        return sender

    def judge(scene: Scene) -> None:
        made = document(scene.client.replies[-1])
        if not scene.succeeded(201):
            return None
        if not isinstance(made, dict) or "id" not in made:
            return scene.fail("the answer names no id")
        expected = {"userName": scene.made["user.name"], **then(scene)}
        scene.expect(f"/Users/{made['id']}", expected)

    return Step(title, rules, frozenset(needs.split()), given, body(entra), body(rfc), judge)


def entra_user(scene: Scene, name: str) -> dict:
    """A new user as Entra sends it: booleans as text, nulls, meta."""
    body = user_body(name, active="True", meta={"resourceType": "User"}, title=None)
    body["emails"] = [{"primary": True, "type": "work", "value": name}]
    body |= {"nickName": None, "timezone": None}
    if scene.stores("roles"):
        body["roles"] = [{"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "approver"}]
    if scene.stores("ent.department"):
        body["schemas"] = [USER, ENTERPRISE]
        body[ENTERPRISE] = {"department": "Engines", "manager": None}
    else:
        body["schemas"] = [USER, ENTERPRISE]
    return body


def rfc_user(scene: Scene, name: str) -> dict:
    """The same user, correctly."""
    more = {}
    if scene.stores("roles"):
        more["roles"] = [{"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": "approver"}]
    if scene.stores("ent.department"):
        more[ENTERPRISE] = {"department": "Engines"}
    return user_body(name, **more)


def created(scene: Scene) -> dict:
    """What must have been stored of it."""
    expected = {
        "active": True,
        "name.givenName": "Ada",
        "externalId": f"object-{scene.made['user.name'].split('@')[0]}",
    }
    expected |= {"ent.department": "Engines", "roles[value=approver].primary": True}
    return {path: value for path, value in expected.items() if kept(scene, path)}


def kept(scene: Scene, path: str) -> bool:
    """Whether the server stores what the path names."""
    return scene.stores("roles" if path.startswith("roles") else path)


def duplicate(entra: bool):
    """Creates somebody whose name is taken."""

    def sender(scene: Scene) -> None:
        make = entra_user if entra else rfc_user
        scene.client.send("POST", "/Users", scim_json(make(scene, scene.made["user.name"])))

    return sender


CREATION = [
    create_user("create user, booleans as text, nulls", "C1 C2 C4", "active", entra_user, rfc_user, created),
    create_user(
        "create user who is disabled",
        "C1",
        "active inactive",
        lambda scene, name: user_body(name, active="False"),
        lambda scene, name: user_body(name, active=False),
        lambda scene: {"active": False},
    ),
    create_user(
        "create user with a manager as text",
        "C8",
        "manager",
        lambda scene, name: user_body(name, **{ENTERPRISE: {"manager": scene.made["boss"]}}),
        lambda scene, name: user_body(name, **{ENTERPRISE: {"manager": {"value": scene.made["boss"]}}}),
        lambda scene: {"ent.manager.value": scene.made["boss"]},
        given=lambda scene: scene.user("boss"),
    ),
    create_user(
        "create user with old enterprise names",
        "C6 C10",
        "ent.department",
        lambda scene, name: (
            user_body(name) | {"schemas": [USER, f"{ENTERPRISE[:-5]}User"], f"{ENTERPRISE}:department": "E"}
        ),
        lambda scene, name: user_body(name, **{ENTERPRISE: {"department": "E"}}),
        lambda scene: {"ent.department": "E"},
    ),
    Step(
        "create user whose name is taken: 409",
        "R9",
        frozenset(),
        lambda scene: scene.user(),
        duplicate(True),
        duplicate(False),
        lambda scene: scene.succeeded(409),
    ),
]
