"""The bounded tables in shared data are filled up by real requests: nothing is forgotten early, and what has no room is refused."""

import json
import random
import re
import time
from urllib.parse import urlencode, urlsplit

from harness import settings
from harness.browser import NAVIGATION, Browser, query_of
from harness.client import H1
from harness.idp import AuthnRequest, form
from harness.scim_app import SCIM_HEADERS, USER, patch, user
from harness.sign_in import Login, has_session
from harness.upstream import Answer

from .verdict import Verdict
from .world import ADA, World

OFF = patch({"op": "Replace", "path": "active", "value": "False"})
ADDRESSES = 24  # at work, of each account: each takes a row
SHORT = 40  # deactivations; the table has room for 131,072 rows


class Crowd:
    """An application in which every account exists, with many addresses."""

    def __init__(self, world: World):
        self.locked_out: set[str] = set()
        self._kept = world.people
        world.scim_app.handler = self._answer

    def _answer(self, request):
        found = re.search(r"/Users/(c-\d+)", request.path)
        if not found:
            return self._kept._answer(request)
        number = found[1]
        if request.method == "PATCH":
            self.locked_out.add(number)
        emails = [{"type": "work", "value": f"{number}-{n}@n.example"} for n in range(ADDRESSES)]
        entry = {"schemas": [USER], "id": number, "userName": f"{number}@n.example", "externalId": f"object-of-{number}@n.example"}
        entry |= {"active": number not in self.locked_out, "emails": emails}
        return Answer(200, json.dumps(entry).encode(), SCIM_HEADERS)


def run(envoy: str, wasm: str, minutes: float = 0.0, seed: int = 1) -> Verdict:
    """Deactivations until the table of people is full (or, in the short form, some), then the same with sign-ins."""
    verdict = Verdict("full tables")
    with World(envoy, wasm, concurrency=1, log_answers=False) as world:
        _people(world, verdict, time.monotonic() + minutes * 60, bool(minutes))
        for sign in world.envoy.crashes():
            verdict.fail(f"crash: {sign}")
        world.envoy.crash_expected = True
    with World(envoy, wasm, concurrency=1, log_answers=False) as world:
        _responses(world, verdict, time.monotonic() + minutes * 60, bool(minutes))
        for sign in world.envoy.crashes():
            verdict.fail(f"crash: {sign}")
        world.envoy.crash_expected = True
    return verdict


def _people(world: World, verdict: Verdict, until: float, long: bool) -> None:
    Crowd(world)
    bystander = world.sign_in(ADA)
    first = world.sign_in("c-0@n.example")
    last_name = "c-99999999"
    last = world.sign_in(f"{last_name}@n.example")
    sessions = [(0, first)]
    full = False
    headers = [settings.BEARER, settings.SCIM_JSON]
    with H1(world.envoy.plain_port, seconds=30) as client:
        number = 0
        while not full and (time.monotonic() < until if long else number < SHORT):
            reply = client.request("PATCH", f"{settings.SCIM}/Users/c-{number}", headers, OFF)
            verdict.require(reply.status in (200, 204), f"deactivation {number} was answered {reply.status}")
            number += 1
            if number % 100 == 0:
                # Doubt is cast on everybody where there was no room: whoever signed in before signs in anew.
                full = not has_session(bystander)
        verdict.count("accounts locked out", number)
        verdict.count("rows asked for, about", number * (ADDRESSES + 3))
        verdict.note(f"the table of people was {'filled up' if full else 'not filled up'}")
        reply = client.request("PATCH", f"{settings.SCIM}/Users/{last_name}", headers, OFF)
        verdict.require(reply.status in (200, 204), f"the last deactivation was answered {reply.status}")
    for _, browser in sessions:
        verdict.require(not has_session(browser), "who was locked out first has a session again")
    verdict.require(not has_session(last), "who was locked out last still has a session")
    for name in ["c-0", *(f"c-{n}" for n in random.sample(range(number), min(number, 20)))]:
        login = Login(Browser(world.envoy))
        status = login.answer(world.signer.response(login.request.id, f"{name}@n.example")).status
        verdict.require(status == 403, f"{name}, who was locked out, signs in: {status}")
        verdict.count("sign-ins of those locked out refused")
    if full:
        anew = world.sign_in(ADA)
        verdict.require(has_session(anew), "with a full table nobody can sign in")
        verdict.count("sign-ins of others beside a full table")
    verdict.require(full or has_session(bystander), "who has nothing to do with it lost their session")


def _responses(world: World, verdict: Verdict, until: float, long: bool) -> None:
    """Sign-ins until the table of used assertions has no room; then one is refused, and none is accepted twice."""
    acs = urlsplit(settings.ACS).path
    first = None
    with H1(world.envoy.plain_port, host="localhost:8443", seconds=30) as client:
        number = 0
        while time.monotonic() < until if long else number < SHORT:
            reply = client.request("GET", "/private/page", NAVIGATION)
            query = query_of(reply.get("location"))
            cookie = "; ".join(line.partition(";")[0] for line in reply.all("set-cookie"))
            xml = world.signer.response(AuthnRequest(query["SAMLRequest"]).id, f"p-{number}@n.example")
            body = urlencode(form(xml, query["RelayState"])).encode()
            headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://idp.test"), ("cookie", cookie)]
            reply = client.request("POST", acs, headers, body)
            first = first or (headers, body)
            number += 1
            if reply.status != 303:
                verdict.require(reply.status == 503, f"sign-in {number} was answered {reply.status}")
                verdict.note(f"the table of used assertions had no room for sign-in {number}")
                break
        verdict.count("assertions used", number)
        reply = client.request("POST", acs, *first)
        verdict.require(reply.status == 403, f"the first assertion was accepted again: {reply.status}")
