"""What people and the provisioning client live through, each step said once: with a sound host every step must come out
as it says; with a failing one each may be refused instead, which ends the scenario."""

import json

from harness import settings
from harness.browser import NAVIGATION, query_of
from harness.idp import AuthnRequest, form
from harness.logout import IDP_SLO
from harness.scim_app import patch
from harness.sign_in import IDP_ORIGIN
from urllib.parse import urlsplit
from world import FORGED, Person, Stopped, World

ACS = urlsplit(settings.ACS).path
SIGN_OUT = "/.vestibule/sign-out"
ADA = "ada@n.example"
FORGERIES = [("x-user", FORGED), ("X_Email", FORGED), ("x-groups", FORGED), ("x--user", FORGED)]
OFF = patch({"op": "Replace", "path": "active", "value": "False"})


def sign_in(world: World, path: str = "/private/page", who: str = ADA, **more) -> Person:
    """A whole sign-in."""
    person = Person(world)
    reply = world.expect(person.request("GET", path, [*NAVIGATION, *FORGERIES]), 302)
    query = query_of(reply.get("location"))
    request = AuthnRequest(query["SAMLRequest"])
    world.signing_in = who
    answer = form(world.signed(request.id, who, **more), query.get("RelayState"))
    reply = world.expect(person.post_form(ACS, answer, origin=IDP_ORIGIN), 303)
    world.signing_in = None
    world.demand(bool(person.sessions()), "a sign-in gave no session")
    return person


def scim(world: World, method: str, path: str, body: bytes | None = None, headers=(settings.BEARER,), **more):
    """A request of the provisioning client."""
    pairs = list(headers) + ([settings.SCIM_JSON] if body is not None else [])
    return world.request(method, settings.SCIM + path, pairs, body, **more)


def public(world: World) -> None:
    """A public and an optional route: the request comes through, what it forged does not."""
    for path in ("/public/x", "/mixed/x"):
        world.expect(world.request("GET", path, FORGERIES), 200)
        world.expect(world.request("POST", path, FORGERIES, b"a form", chunks=3), 200)


def closed(world: World) -> None:
    """Closed routes do not open to those who say who they are."""
    for path in ("/private/x", "/admin", "/", "/nowhere", "/public/../private/x", "/%70ublic/../private", "//private"):
        reply = world.request("GET", path, [*FORGERIES, ("cookie", "__Host-vestibule-s.demo=AAAA; a=b")])
        world.refused(reply, path, 401, 403, 400)
        world.demand(not world.app.requests, f"{path} reached the application")
    world.refused(world.request("POST", "/private/x", FORGERIES, b"x=y"), "a POST", 401, 403)


def session(world: World) -> None:
    """A whole sign-in, and its session used again: navigation, script, body with trailers."""
    person = sign_in(world)
    for path in ("/private/page", "/mixed/x"):
        world.expect(person.request("GET", path, FORGERIES), 200)
        known = world.app.requests[-1].all("x-user") == [ADA]
        # An optional route is open to those of whom nothing is known.
        world.demand(known or world.faulty and path.startswith("/mixed"), "the application does not know who it is")
    world.expect(person.fetch("/private/form", "POST", [("origin", "https://localhost:8443")], b"a=b"), 200)
    other = Person(world)
    world.refused(other.fetch("/private/page"), "a stranger", 401)


def replayed(world: World) -> None:
    """A response is good for one sign-in."""
    person = Person(world)
    reply = world.expect(person.get("/private/page"), 302)
    query = query_of(reply.get("location"))
    answer = form(world.signed(AuthnRequest(query["SAMLRequest"]).id, ADA), query.get("RelayState"))
    before = dict(person.cookies)
    world.signing_in = ADA
    world.expect(person.post_form(ACS, answer, origin=IDP_ORIGIN), 303)
    world.signing_in = None
    person.cookies = before
    again = person.post_form(ACS, answer, origin=IDP_ORIGIN)
    world.demand(not person.sessions(), f"a used response signed in again: {again.status}")
    world.refused(again, "a used response", 400, 403)


def policy(world: World) -> None:
    """A rule with a condition: only who meets it comes in."""
    admin = sign_in(world, claims=Roles("admin"))
    world.expect(admin.fetch("/admin/x"), 200)
    plain = sign_in(world, who="bob@n.example")
    reached = len(world.app.requests)
    world.refused(plain.fetch("/admin/x"), "somebody without the role", 403)
    world.demand(len(world.app.requests) == reached, "somebody without the role came in")


class Roles(dict):
    """Claims that can be the key of a cache."""

    def __init__(self, *roles: str):
        super().__init__(roles=list(roles))

    def __hash__(self):
        return hash(tuple(self["roles"]))

    def __lt__(self, _other):
        return False


def provisioning(world: World) -> None:
    """A PATCH is rewritten, a list repaired, and both only for who has the token."""
    body = patch({"op": "Replace", "path": "active", "value": "True"}, {"op": "Add", "path": "title", "value": "x"})
    world.expect(scim(world, "PATCH", "/Users/u-1", body, chunks=2), 200, 204)
    if not world.scim_app.requests and not world.faulty:
        world.violated("the PATCH did not arrive")
    for sent in [request for request in world.scim_app.requests if request.method == "PATCH"]:
        operations = sent.json()["Operations"]
        world.demand([one["op"] for one in operations] == ["replace", "add"], f"not rewritten: {operations}")
        world.demand(operations[0]["value"] is True, f"not rewritten: {operations}")
    known = world.scim_app.handler
    world.scim_app.handler = lambda request: _bare_list(known(request))
    reply = world.expect(scim(world, "GET", "/Users?filter=userName%20eq%20%22ada%40n.example%22"), 200)
    world.demand(reply.json().get("totalResults") == 1, f"not repaired: {reply.body[:200]!r}")
    world.scim_app.handler = known


def _bare_list(answer):
    listed = json.loads(answer.body)
    listed.pop("totalResults", None)
    listed.pop("itemsPerPage", None)
    answer.body = json.dumps(listed).encode()
    return answer


def refused_provisioning(world: World) -> None:
    """Nothing happens without the token."""
    for headers in ((), [("authorization", "Bearer wrong")], [settings.BEARER, settings.BEARER], [("x-authorization", settings.TOKEN)]):
        for method, body in (("GET", None), ("PATCH", OFF), ("DELETE", None)):
            reply = scim(world, method, "/Users/u-1", body, headers)
            world.refused(reply, f"{method} without the token", 401)
    world.demand(not world.scim_app.requests, "it reached the SCIM server")


def deactivation(world: World) -> None:
    """Who is deactivated loses the session at once."""
    person = sign_in(world)
    world.expect(person.fetch("/private/page"), 200)
    world.expect(scim(world, "PATCH", "/Users/u-1", OFF), 200, 204)
    for one in world.sessions.values():
        one.ended = True
    world.refused(person.fetch("/private/page"), "a deactivated person", 401, 403)


def sign_out(world: World) -> None:
    """Who signs out is out, also with a copy of the cookie."""
    person = sign_in(world)
    kept = dict(person.cookies)
    reply = world.expect(person.post_form(SIGN_OUT, {}), 303, 302, 200)
    world.demand(not any(value in kept.values() for value in person.sessions().values()), "the cookie was kept")
    world.demand((reply.get("location") or IDP_SLO).startswith((IDP_SLO, "/", "https://localhost:8443/")), "elsewhere")
    for one in world.sessions.values():
        one.ended = True
    person.cookies = kept
    world.refused(person.fetch("/private/page"), "the copy of a cookie", 401, 403)


SCENARIOS = {
    one.__name__: one
    for one in (
        public, closed, session, replayed, policy, provisioning, refused_provisioning, deactivation, sign_out,
    )
}  # fmt: skip


def live(world: World, scenario) -> str:
    """Lives through a scenario: `whole`, or `refused` where a failing host ended it."""
    outcome = "whole"
    try:
        scenario(world)
    except Stopped:
        outcome = "refused"
    world.check_logs()
    return outcome
