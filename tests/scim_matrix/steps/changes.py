"""Users are changed, disabled and come back."""

from ..scene import NUMBERS, Scene
from ..words import ENTERPRISE, USER, op
from .step import Step, change_user

ROLE = '{"id":"18","value":"approver","displayName":"Approver"}'
MANAGER = f"{ENTERPRISE}:manager"


def replaced(verb: str):
    """One operation for each attribute, with its path."""

    def operations(scene: Scene) -> list[dict]:
        return [op(verb, path, value) for path, value in wanted(scene, ENTERPRISE + ":").items()]

    return operations


def dotted(scene: Scene) -> list[dict]:
    """One operation without path, dotted keys: the dialect of the flag."""
    return [op("replace", value=wanted(scene, ENTERPRISE + ":"))]


def wanted(scene: Scene, enterprise: str) -> dict:
    """New values of the attributes that the server stores."""
    values = {"displayName": "Countess", "name.givenName": "Augusta", "name.familyName": "King", "title": "Analyst"}
    values |= {"preferredLanguage": "en-GB", f"{enterprise}department": "Looms", f"{enterprise}employeeNumber": "1815"}
    return {path: value for path, value in values.items() if scene.stores(path.replace(enterprise, "ent."))}


def then_wanted(scene: Scene) -> dict:
    """The same as paths of the judge."""
    return wanted(scene, "ent.")


def enterprise(**values):
    """What a user had of the enterprise extension."""
    return {ENTERPRISE: values}


def managed(scene: Scene) -> dict:
    """A user who has a manager."""
    return enterprise(manager={"value": scene.user("boss")})


def with_other(scene: Scene) -> dict:
    """A user with a manager, beside whom there is another."""
    scene.user("other")
    return managed(scene)


def with_candidate(scene: Scene) -> dict:
    """A user without manager, beside whom there is a boss."""
    scene.user("boss")
    return {}


def disabled(title: str, entra_value, rfc_value: bool, flag: bool) -> Step:
    """`active` is set."""
    verb = "replace" if flag else "Replace"
    return change_user(
        title,
        "T1" if flag else "P1 P2",
        "active inactive",
        had={"active": not rfc_value},
        entra=[op(verb, "active", entra_value)],
        rfc=[op("replace", "active", rfc_value)],
        then={"active": rfc_value},
        flag=flag,
    )


def letters(scene: Scene) -> str:
    """A new e-mail address, the same whenever asked in one scene."""
    return scene.made.setdefault("letters", f"augusta{next(NUMBERS)}@n.example")


def renamed(scene: Scene) -> str:
    """A new user name, the same whenever asked in one scene."""
    return scene.made.setdefault("new", f"countess{next(NUMBERS)}@n.example")


ADDRESS = {"streetAddress": "12 St James's Square", "locality": "London", "postalCode": "SW1Y 4JH", "country": "GB"}
WORK_ADDRESS = 'addresses[type eq "work"]'
PHONES = [{"type": "work", "value": "+44 20 1815"}, {"type": "mobile", "value": "+44 7700 1"}]
WORK = 'emails[type eq "work"].value'


def parts(verb: str) -> list[dict]:
    """One operation for each part of the address."""
    return [op(verb, f"{WORK_ADDRESS}.{name}", value) for name, value in ADDRESS.items()]


CHANGES = [
    change_user(
        "replace attributes, one operation each",
        "P1",
        "name.givenName",
        had=lambda scene: {"title": "Miss"} if scene.stores("title") else {},
        entra=replaced("Replace"),
        rfc=replaced("replace"),
        then=then_wanted,
    ),
    change_user(
        "add attributes, one operation each",
        "P1",
        "name.givenName",
        entra=replaced("Add"),
        rfc=replaced("add"),
        then=then_wanted,
    ),
    change_user(
        "replace attributes, dotted names without path (flag)",
        "P3 P4",
        "name.givenName",
        entra=dotted,
        rfc=replaced("replace"),
        then=then_wanted,
        flag=True,
    ),
    change_user(
        "rename user (userName)",
        "P1",
        "",
        entra=lambda s: [op("Replace", "userName", renamed(s))],
        rfc=lambda s: [op("replace", "userName", renamed(s))],
        then=lambda s: {"userName": renamed(s)},
    ),
    change_user(
        "rename user without path (flag)",
        "T1",
        "",
        entra=lambda s: [op("replace", value={"userName": renamed(s)})],
        rfc=lambda s: [op("replace", "userName", renamed(s))],
        then=lambda s: {"userName": renamed(s)},
        flag=True,
    ),
    disabled("disable user, text", "False", False, flag=False),
    disabled("enable user, text", "True", True, flag=False),
    disabled("disable user (flag)", False, False, flag=True),
    disabled("enable user (flag)", True, True, flag=True),
    change_user(
        "disable user, map without path, text",
        "P1 P2",
        "active inactive",
        entra=[op("Replace", value={"active": "False"})],
        rfc=[op("replace", "active", False)],
        then={"active": False},
    ),
    change_user(
        "change the work e-mail",
        "P1",
        "emails.type",
        entra=lambda s: [op("Replace", WORK, letters(s))],
        rfc=lambda s: [op("replace", WORK, letters(s))],
        then=lambda s: {"emails[type=work].value": letters(s)},
    ),
    change_user(
        "set a work e-mail where there is none",
        "P30",
        "emails.type emails.none",
        had={"emails": None},
        entra=lambda s: [op("Add", WORK, letters(s))],
        rfc=lambda s: [op("add", "emails", [{"type": "work", "value": letters(s)}])],
        then=lambda s: {"emails[type=work].value": letters(s)},
    ),
    change_user(
        "replace a work e-mail where there is none (flag)",
        "P30",
        "emails.type emails.none",
        had={"emails": None},
        entra=lambda s: [op("replace", WORK, letters(s)), op("replace", 'emails[type eq "work"].primary', True)],
        rfc=lambda s: [op("add", "emails", [{"type": "work", "value": letters(s), "primary": True}])],
        then=lambda s: {"emails[type=work].value": letters(s), "emails[type=work].primary": True},
        flag=True,
    ),
    change_user(
        "change one phone, add one of another type",
        "P30",
        "phoneNumbers",
        had={"phoneNumbers": PHONES},
        entra=[
            op("Replace", 'phoneNumbers[type eq "mobile"].value', "+44 7700 2"),
            op("Add", 'phoneNumbers[type eq "fax"].value', "+44 20 1816"),
        ],
        rfc=[
            op("replace", 'phoneNumbers[type eq "mobile"].value', "+44 7700 2"),
            op("add", "phoneNumbers", [{"type": "fax", "value": "+44 20 1816"}]),
        ],
        then={
            "phoneNumbers[type=work].value": "+44 20 1815",
            "phoneNumbers[type=mobile].value": "+44 7700 2",
            "phoneNumbers[type=fax].value": "+44 20 1816",
        },
    ),
    change_user(
        "set the parts of an address where there is none",
        "P31",
        "addresses",
        entra=parts("Add"),
        rfc=[op("add", "addresses", [{"type": "work", **ADDRESS}])],
        then={"addresses": [{"type": "work", **ADDRESS}]},
    ),
    change_user(
        "change the parts of an address",
        "P1",
        "addresses",
        had={
            "addresses": [
                {"type": "work", "streetAddress": "Old", "locality": "Old", "postalCode": "1", "country": "NL"}
            ]
        },
        entra=parts("Replace"),
        rfc=parts("replace"),
        then={"addresses": [{"type": "work", **ADDRESS}]},
    ),
    change_user(
        "roles as JSON text",
        "P35",
        "roles",
        entra=[op("Add", "roles", [{"value": ROLE}])],
        rfc=[op("add", "roles", [{"value": "approver", "display": "Approver"}])],
        then={"roles[value=approver].value": "approver", "roles[value=approver].display": "Approver"},
    ),
    change_user(
        "the primary role, selected by text",
        "F3 P1",
        "roles roles.several",
        had={"roles": [{"primary": True, "value": "reader", "type": "app"}, {"value": "guest", "type": "app"}]},
        entra=[op("Replace", 'roles[primary eq "True"].value', "approver")],
        rfc=[op("replace", "roles[primary eq true].value", "approver")],
        then={"roles[value=approver].primary": True, "roles[value=guest].value": "guest"},
    ),
    change_user(
        "set a manager, as text",
        "P7",
        "manager",
        had=with_candidate,
        entra=lambda s: [op("Add", MANAGER, s.made["boss"])],
        rfc=lambda s: [op("add", MANAGER, {"value": s.made["boss"]})],
        then=lambda s: {"ent.manager.value": s.made["boss"]},
    ),
    change_user(
        "change the manager, path without schema",
        "P7 P8",
        "manager",
        had=with_other,
        entra=lambda s: [op("Replace", "manager", s.made["other"])],
        rfc=lambda s: [op("replace", MANAGER, {"value": s.made["other"]})],
        then=lambda s: {"ent.manager.value": s.made["other"]},
    ),
    change_user(
        'take the manager away, ""',
        "P9 P41",
        "manager",
        had=managed,
        entra=[op("Replace", MANAGER, "")],
        rfc=[op("remove", MANAGER)],
        then={"ent.manager.value": None},
    ),
    change_user(
        'take the manager away, {"value":""}',
        "P9",
        "manager",
        had=managed,
        entra=[op("replace", MANAGER, {"value": ""})],
        rfc=[op("remove", MANAGER)],
        then={"ent.manager.value": None},
    ),
    change_user(
        "enterprise attributes without path",
        "P4",
        "ent.department",
        had=enterprise(department="Old"),
        entra=[op("Replace", value={f"{ENTERPRISE}:department": "Looms"})],
        rfc=[op("replace", f"{ENTERPRISE}:department", "Looms")],
        then={"ent.department": "Looms"},
    ),
    change_user(
        "enterprise attribute with a dot (old jobs)",
        "P11",
        "ent.department",
        had=enterprise(department="Old"),
        entra=[op("Replace", f"{ENTERPRISE}.department", "Looms")],
        rfc=[op("replace", f"{ENTERPRISE}:department", "Looms")],
        then={"ent.department": "Looms"},
    ),
    change_user(
        "values in wrappers (old jobs)",
        "P6",
        "name.givenName",
        entra=[op("Replace", "name.givenName", [{"$ref": None, "value": "Augusta"}])],
        rfc=[op("replace", "name.givenName", "Augusta")],
        then={"name.givenName": "Augusta"},
    ),
    change_user(
        "an attribute is set to null",
        "P40",
        "title",
        had={"title": "Miss"},
        entra=[op("Replace", "title", None)],
        rfc=[op("remove", "title")],
        then={"title": None},
    ),
    change_user(
        'an attribute is set to ""',
        "P41",
        "title",
        had={"title": "Miss"},
        entra=[op("Replace", "title", "")],
        rfc=[op("remove", "title")],
        then={"title": None},
    ),
    change_user(
        "names of the core schema in full",
        "P13",
        "displayName",
        entra=[op("Replace", f"{USER}:displayName", "Countess")],
        rfc=[op("replace", "displayName", "Countess")],
        then={"displayName": "Countess"},
    ),
    change_user(
        "remove an element that is not there",
        "P42",
        "phoneNumbers",
        had={"phoneNumbers": PHONES},
        entra=[op("Remove", 'phoneNumbers[type eq "fax"]'), op("Replace", "displayName", "Countess")],
        rfc=[op("replace", "displayName", "Countess")],
        then={"displayName": "Countess", "phoneNumbers[type=mobile].value": "+44 7700 1"},
    ),
    change_user(
        "a request without operations (validator)",
        "P43",
        "",
        entra=[],
        rfc=[],
        then={},
    ),
]
