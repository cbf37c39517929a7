"""Entra's raw requests fail at third-party servers as they do in the field, and have the right effect through Envoy.

The effect is checked by reading the resource back from the server itself.
"""

import itertools

import pytest
from harness import bootstrap, servers, settings
from harness.client import scim_json
from harness.scim_app import USER, entra, patch

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
NUMBER = itertools.count()


class Site:
    """A third-party server and an Envoy before it."""

    def __init__(self, server, envoy):
        self.server, self.envoy = server, envoy

    def raw(self, method, path, body):
        """Sent straight to the server."""
        return self.server.ask(method, path, body)

    def filtered(self, method, path, body):
        """Sent as Entra sends it, through Envoy."""
        return entra(self.envoy, method, path, body)

    def create_user(self, **more) -> str:
        """A user made by a correct request, straight at the server."""
        reply = self.server.ask(
            "POST", "/Users", {"schemas": [USER], "userName": f"user-{next(NUMBER)}", "active": True} | more
        )
        assert reply.status == 201, reply.body
        return reply.json()["id"]

    def create_group(self, *members: str) -> str:
        """A group made by a correct request, straight at the server."""
        body = {
            "schemas": [GROUP],
            "displayName": f"group-{next(NUMBER)}",
            "members": [{"value": id} for id in members],
        }
        reply = self.server.ask("POST", "/Groups", body)
        assert reply.status == 201, reply.body
        return reply.json()["id"]

    def read(self, path) -> dict:
        """The resource as the server has it."""
        reply = self.server.ask("GET", path)
        assert reply.status == 200, reply.body
        return reply.json()

    def members(self, group) -> set[str]:
        """Ids of the members of a group as the server has it."""
        return {member["value"] for member in self.read(f"/Groups/{group}").get("members") or []}


@pytest.fixture(scope="module")
def site_of(start, base, tmp_path_factory):
    stack = []

    def make(kind):
        server = kind(tmp_path_factory.mktemp("server"))
        routes = [
            bootstrap.route(settings.APP_SCIM, "third", rewrite=server.base),
            bootstrap.route("/", "app"),
        ]
        made = settings.changed(base, "tenants.0.scim.application.cluster", "third")
        made = settings.changed(made, "tenants.0.scim.application.cluster_path", server.base)
        envoy = start(made, routes=routes, clusters={"third": server.port})
        stack.append((server, envoy))
        return Site(server, envoy.__enter__())

    yield make
    for server, envoy in stack:
        try:
            envoy.__exit__(None)
        finally:
            server.stop()


@pytest.fixture(scope="module")
def scim2(site_of):
    return site_of(servers.scim2_server)


@pytest.fixture(scope="module")
def scimmy(site_of):
    return site_of(servers.scimmy)


# PyPI scim2-server: manager as text (P7).


def manager(of):
    return patch({"op": "Add", "path": f"{ENTERPRISE}:manager", "value": of})


def manager_of(site, who):
    return (site.read(f"/Users/{who}").get(ENTERPRISE) or {}).get("manager", {}).get("value")


def test_scim2_server_does_not_take_a_manager_as_text(scim2):
    boss, who = scim2.create_user(), scim2.create_user()
    scim2.raw("PATCH", f"/Users/{who}", manager(boss))
    assert manager_of(scim2, who) != boss


@pytest.mark.core
def test_scim2_server_takes_a_manager_through_envoy(scim2):
    boss, who = scim2.create_user(), scim2.create_user()
    assert scim2.filtered("PATCH", f"/Users/{who}", manager(boss)).status in (200, 204)
    assert manager_of(scim2, who) == boss


# Member removal with a value (P20).


def removal(*members):
    return patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": id} for id in members]})


def test_scim2_server_does_not_remove_just_that_member(scim2):
    keep, leave = scim2.create_user(), scim2.create_user()
    group = scim2.create_group(keep, leave)
    scim2.raw("PATCH", f"/Groups/{group}", removal(leave))
    assert scim2.members(group) != {keep}


@pytest.mark.core
def test_scim2_server_removes_just_that_member_through_envoy(scim2):
    keep, leave, also = scim2.create_user(), scim2.create_user(), scim2.create_user()
    group = scim2.create_group(keep, leave, also)
    assert scim2.filtered("PATCH", f"/Groups/{group}", removal(leave, also)).status in (200, 204)
    assert scim2.members(group) == {keep}


# The ADSCIM schema (C3).


def adscim_group(name):
    body = {"schemas": [GROUP, ADSCIM], "externalId": f"object-of-{name}", "displayName": name, "members": []}
    return scim_json(body | {"meta": {"resourceType": "Group"}})


def test_scim2_server_refuses_the_adscim_schema(scim2):
    assert scim2.raw("POST", "/Groups", adscim_group(f"group-{next(NUMBER)}")).status >= 400


@pytest.mark.core
def test_scim2_server_creates_the_group_through_envoy(scim2):
    name = f"group-{next(NUMBER)}"
    reply = scim2.filtered("POST", "/Groups", adscim_group(name))
    assert reply.status == 201
    made = scim2.read(f"/Groups/{reply.json()['id']}")
    assert made["displayName"] == name and made["externalId"] == f"object-of-{name}"


# The whole life of a user as Entra leads it, at both servers.


@pytest.mark.parametrize("which", ["scim2", "scimmy"])
def test_a_user_is_found_created_changed_and_disabled_through_envoy(which, request):
    site = request.getfixturevalue(which)
    name = f"ada-{next(NUMBER)}@n.example"
    search = f"/Users?filter=userName+eq+%22{name.replace('@', '%40')}%22"
    none = site.filtered("GET", search, None)
    assert none.status == 200 and none.json()["totalResults"] == 0
    body = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "ada",
        "userName": name,
        "active": "True",
        "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        ENTERPRISE: {"department": "Engines"},
    }
    made = site.filtered("POST", "/Users", scim_json(body))
    assert made.status == 201, made.body
    id = made.json()["id"]
    assert made.json()["active"] is True
    found = site.filtered("GET", search, None).json()
    assert found["totalResults"] == 1 and found["Resources"][0]["id"] == id
    change = patch({"op": "Replace", "value": {"displayName": "Countess", "name.familyName": "Lovelace"}})
    assert site.filtered("PATCH", f"/Users/{id}", change).status in (200, 204)
    assert site.read(f"/Users/{id}")["name"]["familyName"] == "Lovelace"
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    assert site.filtered("PATCH", f"/Users/{id}", off).status in (200, 204)
    assert site.read(f"/Users/{id}")["active"] is False
    assert site.filtered("DELETE", f"/Users/{id}", None).status == 204
    assert site.filtered("GET", f"/Users/{id}", None).status == 404


@pytest.mark.parametrize("which", ["scim2", "scimmy"])
def test_locations_of_a_third_party_server_are_public(which, request):
    site = request.getfixturevalue(which)
    body = scim_json({"schemas": [USER], "userName": f"user-{next(NUMBER)}"})
    reply = site.filtered("POST", "/Users", body)
    public = f"https://localhost:8443{settings.SCIM}/Users/{reply.json()['id']}"
    assert reply.json()["meta"]["location"] == public


# npm scimmy: booleans as text (P2, C1).


def switched(text):
    return patch({"op": "Replace", "path": "active", "value": text})


def test_scimmy_does_not_understand_a_text_boolean(scimmy):
    who = scimmy.create_user()
    reply = scimmy.raw("PATCH", f"/Users/{who}", switched("False"))
    assert reply.status >= 400 or scimmy.read(f"/Users/{who}")["active"] is not False


def test_scimmy_does_not_create_a_user_with_a_text_boolean(scimmy):
    body = scim_json({"schemas": [USER], "userName": f"user-{next(NUMBER)}", "active": "False"})
    reply = scimmy.raw("POST", "/Users", body)
    assert reply.status >= 400 or scimmy.read(f"/Users/{reply.json()['id']}")["active"] is not False


@pytest.mark.core
@pytest.mark.parametrize(("text", "meant"), [("False", False), ("True", True)])
def test_scimmy_is_switched_by_a_text_boolean_through_envoy(scimmy, text, meant):
    who = scimmy.create_user(active=not meant)
    assert scimmy.filtered("PATCH", f"/Users/{who}", switched(text)).status in (200, 204)
    assert scimmy.read(f"/Users/{who}")["active"] is meant


@pytest.mark.core
def test_scimmy_creates_a_user_with_a_text_boolean_through_envoy(scimmy):
    body = scim_json({"schemas": [USER], "userName": f"user-{next(NUMBER)}", "active": "False"})
    reply = scimmy.filtered("POST", "/Users", body)
    assert reply.status == 201
    assert scimmy.read(f"/Users/{reply.json()['id']}")["active"] is False
