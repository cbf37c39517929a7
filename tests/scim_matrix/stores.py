"""What a server stores at all, established by the server: correct resources are created and read back."""

from harness.client import scim_json

from . import judge
from .clients import Client, document
from .scene import NUMBERS, Scene, Unprepared, user_body
from .words import ENTERPRISE, GROUP

ROLES = [{"value": "approver", "display": "Approver", "type": "app", "primary": True}]
SAME = [{"value": "reader", "type": "app", "primary": True}, {"value": "guest", "type": "app"}]
ADDRESSES = [{"type": "work", "streetAddress": "1", "locality": "L", "postalCode": "2", "country": "GB"}]
PHONES = [{"type": "work", "value": "+44 20 1815"}, {"type": "mobile", "value": "+44 7700 1"}]

# Name → what a user has beyond the usual, and what must be there when it is read back.
USERS: dict[str, tuple[dict, dict]] = {
    "active": ({}, {"active": True}),
    "inactive": ({"active": False}, {"active": False}),
    "externalId": ({"externalId": "object-x"}, {"externalId": "object-x"}),
    "displayName": ({"displayName": "Countess"}, {"displayName": "Countess"}),
    "name.givenName": ({}, {"name.givenName": "Ada"}),
    "name.familyName": (
        {"name": {"givenName": "A", "familyName": "King", "formatted": "A King"}},
        {"name.familyName": "King"},
    ),
    "title": ({"title": "Miss"}, {"title": "Miss"}),
    "preferredLanguage": ({"preferredLanguage": "nl-NL"}, {"preferredLanguage": "nl-NL"}),
    "emails.type": ({}, {"emails[type=work].primary": True}),
    "emails.none": ({"emails": None}, {"emails": None}),
    "phoneNumbers": ({"phoneNumbers": PHONES}, {"phoneNumbers": PHONES}),
    "addresses": ({"addresses": ADDRESSES}, {"addresses": ADDRESSES}),
    "roles": ({"roles": ROLES}, {"roles": ROLES}),
    "roles.several": ({"roles": SAME}, {"roles": SAME}),
    "ent.department": ({ENTERPRISE: {"department": "Looms"}}, {"ent.department": "Looms"}),
    "ent.employeeNumber": ({ENTERPRISE: {"employeeNumber": "1815"}}, {"ent.employeeNumber": "1815"}),
}


# Every name that a step may need.
STORABLE = frozenset(USERS) | {"manager", "groups", "group.externalId", "members"}


def stored(direct: Client) -> frozenset[str]:
    """The names that steps may need."""
    found = {name for name, (more, expected) in USERS.items() if _kept(direct, more, expected)}
    if _manager(direct):
        found.add("manager")
    return frozenset(found | _groups(direct))


def _try(direct: Client, path: str, body: dict) -> dict:
    """The resource as it is read back; empty where it cannot be created."""
    reply = direct.send("POST", path, scim_json(body))
    made = document(reply)
    if reply.status != 201 or not isinstance(made, dict) or "id" not in made:
        return {}
    return Scene(direct, frozenset()).state(f"{path}/{made['id']}")


def _kept(direct: Client, more: dict, expected: dict) -> bool:
    have = _try(direct, "/Users", user_body(f"probe{next(NUMBERS)}@n.example", **more))
    return bool(have) and not judge.compare(have, expected)


def _manager(direct: Client) -> bool:
    try:
        boss = Scene(direct, frozenset()).user()
    except Unprepared:
        return False
    return _kept(direct, {ENTERPRISE: {"manager": {"value": boss}}}, {"ent.manager.value": boss})


def _groups(direct: Client) -> set[str]:
    found = set()
    scene = Scene(direct, frozenset())
    try:
        member = scene.user()
    except Unprepared:
        return found
    for name, more in (("groups", {}), ("group.externalId", {"externalId": "object-g"})):
        body = {"schemas": [GROUP], "displayName": f"Probe {next(NUMBERS)}", **more}
        with_member = body | {"members": [{"value": member}]}
        have = _try(direct, "/Groups", body) or _try(direct, "/Groups", with_member)
        if have and not judge.compare(have, more):
            found.add(name)
    try:
        scene.group(member)
        found.add("members")
    except Unprepared:
        pass
    return found
