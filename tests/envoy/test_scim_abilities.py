"""Applications that cannot do what Entra needs, and what the filter does in their place."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from harness import settings
from harness.client import H1
from harness.memory_scim import MemoryScim
from harness.messages import scim_error
from harness.record import note
from harness.scim_app import ScriptedScim, entra, error, patch, user
from harness.upstream import HANG, RESET, Answer

SCIM = ("content-type", "application/scim+json")
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA = user("ada", displayName="Ada", nickName="kept") | {
    "name": {"givenName": "Ada", "familyName": "L"},
    "emails": [{"type": "work", "value": "ada@n.example", "primary": True}],
}


def able(start, base, **abilities):
    return start(settings.changed(base, "tenants.0.scim.abilities", abilities))


def by_name(name):
    return "/Users?filter=" + quote(f'userName eq "{name}"')


def methods(scim_app):
    return [request.method for request in scim_app.requests]


# PATCH by GET and PUT


@pytest.fixture(scope="module")
def putting(start, base):
    with able(start, base, patch="put") as envoy:
        yield envoy


@pytest.mark.core
def test_a_patch_becomes_a_read_and_a_replacement(putting, scim_app):
    server = MemoryScim(scim_app, ADA)
    change = patch(
        {"op": "Replace", "path": "name.givenName", "value": "Augusta"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "+1"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Engines"},
        {"op": "Remove", "path": "displayName"},
    )
    reply = entra(putting, "PATCH", "/Users/u-1", change)
    assert reply.status == 200 and reply.json()["name"]["givenName"] == "Augusta"
    assert methods(scim_app) == ["GET", "PUT"]
    stored = server.resources["u-1"]
    assert stored["name"] == {"givenName": "Augusta", "familyName": "L"}
    assert stored["phoneNumbers"] == [{"type": "work", "value": "+1"}]
    assert stored[ENTERPRISE] == {"department": "Engines"} and ENTERPRISE in stored["schemas"]
    assert "displayName" not in stored and stored["nickName"] == "kept"
    assert stored["emails"] == ADA["emails"]
    assert scim_app.requests[-1].get("content-length") == str(len(scim_app.requests[-1].body))


def test_members_are_added_and_removed_by_replacement(putting, scim_app):
    server = MemoryScim(scim_app, {"id": "g-1", "displayName": "G", "members": [{"value": "a"}, {"value": "b"}]})
    change = patch(
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "c"}]},
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "a"}]},
    )
    assert entra(putting, "PATCH", "/Groups/g-1", change).status in (200, 204)
    assert [one["value"] for one in server.resources["g-1"]["members"]] == ["b", "c"]


def test_a_version_guards_the_replacement_and_a_conflict_is_tried_once_more(putting, scim_app):
    server = MemoryScim(scim_app, ADA, etags=True)

    def meanwhile(server, request):
        if request.method == "PUT" and server.versions["u-1"] == 1:
            server.resources["u-1"]["title"] = "changed by somebody else"
            server.versions["u-1"] = 2

    server.between = meanwhile
    assert entra(putting, "PATCH", "/Users/u-1", patch({"op": "Replace", "path": "nickName", "value": "n"})).status == 200
    assert methods(scim_app) == ["GET", "PUT", "GET", "PUT"]
    assert [request.get("if-match") for request in scim_app.seen("PUT")] == ['W/"1"', 'W/"2"']
    assert server.resources["u-1"]["title"] == "changed by somebody else"
    assert server.resources["u-1"]["nickName"] == "n"


def test_a_second_conflict_is_the_last_word(putting, scim_app):
    server = MemoryScim(scim_app, ADA, etags=True)

    def always(server, request):
        if request.method == "PUT":
            server.versions["u-1"] += 1

    server.between = always
    scim_error(entra(putting, "PATCH", "/Users/u-1", patch({"op": "Replace", "path": "nickName", "value": "n"})), 412, False)
    assert methods(scim_app) == ["GET", "PUT", "GET", "PUT"]


@pytest.mark.core
def test_writes_of_one_resource_at_the_same_time_lose_nothing(putting, scim_app):
    server = MemoryScim(scim_app, {"id": "g-1", "displayName": "G", "members": []})

    def add(at):
        change = patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": f"m-{at}"}]})
        return entra(putting, "PATCH", "/Groups/g-1", change).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(add, range(16)))
    added = {f"m-{at}" for at, status in enumerate(statuses) if status in (200, 204)}
    assert added and set(statuses) <= {200, 204, 429}
    assert {one["value"] for one in server.resources["g-1"]["members"]} == added


def test_a_replacement_that_was_not_answered_is_never_sent_again(putting, scim_app):
    server = MemoryScim(scim_app, ADA)
    answer = scim_app.handler
    scim_app.handler = lambda request: RESET if request.method == "PUT" else answer(request)
    reply = entra(putting, "PATCH", "/Users/u-1", patch({"op": "Replace", "path": "nickName", "value": "n"}))
    assert reply.status in (502, 503, 504)
    assert methods(scim_app) == ["GET", "PUT"]
    assert server.resources["u-1"]["nickName"] == "kept"


def test_a_resource_that_is_not_there_is_404(putting, scim_app):
    MemoryScim(scim_app)
    scim_error(entra(putting, "PATCH", "/Users/u-9", patch({"op": "Replace", "path": "nickName", "value": "n"})), 404)


def test_what_changes_nothing_is_not_written(putting, scim_app):
    MemoryScim(scim_app, ADA)
    same = patch({"op": "Replace", "path": "nickName", "value": "kept"})
    assert entra(putting, "PATCH", "/Users/u-1", same).status in (200, 204)
    assert methods(scim_app) == ["GET"]


# Filters evaluated here


def listed(count):
    return [user(f"user{at:05}@n.example", id=f"u-{at}") for at in range(count)]


@pytest.fixture(scope="module")
def filtering(start, base):
    local = {"local": {"page": 1000, "most_entries": 25_000}}
    with able(start, base, filter=local) as envoy:
        yield envoy


@pytest.mark.core
@pytest.mark.parametrize("name", ["user00000@n.example", "USER19999@n.example"])
def test_one_of_20_000_is_found_without_the_application_filtering(filtering, scim_app, name):
    MemoryScim(scim_app, *listed(20_000))
    reply = entra(filtering, "GET", by_name(name))
    assert reply.status == 200
    assert [entry["userName"] for entry in reply.json()["Resources"]] == [name.lower()]
    assert reply.json()["totalResults"] == 1
    assert len(scim_app.requests) <= 20


def test_a_list_of_20_000_is_looked_through_in_bounded_memory(start, base, scim_app):
    everybody = [one | {"nickName": "x" * 2_000} for one in listed(20_000)]
    MemoryScim(scim_app, *everybody)
    with able(start, base, filter="local") as envoy:
        assert entra(envoy, "GET", "/Users/u-1").status == 200
        idle = envoy.resident_kilobytes()
        for at in (0, 10_000, 19_999):
            reply = entra(envoy, "GET", by_name(f"user{at:05}@n.example"))
            assert [one["id"] for one in reply.json()["Resources"]] == [f"u-{at}"]
        grown = (envoy.resident_kilobytes() - idle) / 1024
    whole = sum(len(json.dumps(one)) for one in everybody) / (1 << 20)
    note(f"20 000 users, {whole:.0f} MB, looked through three times: the process grew by {grown:.1f} MB")
    assert whole > 40 and grown < whole / 3, (whole, grown)


def test_nobody_among_many_is_an_empty_list(filtering, scim_app):
    MemoryScim(scim_app, *listed(2_500))
    reply = entra(filtering, "GET", by_name("nobody"))
    assert reply.status == 200 and reply.json()["totalResults"] == 0


def test_more_entries_than_allowed_are_an_error_and_never_nobody(filtering, scim_app):
    MemoryScim(scim_app, *listed(26_000))
    reply = entra(filtering, "GET", by_name("nobody"))
    assert reply.status >= 400
    scim_error(reply, reply.status)


@pytest.mark.parametrize("way", [error(500), RESET, HANG, Answer(200, b"<html>", [("content-type", "text/html")])])
def test_a_page_that_fails_is_an_error_and_never_nobody(start, base, scim_app, way):
    MemoryScim(scim_app, *listed(2_500))
    answer = scim_app.handler
    scim_app.handler = lambda request: way if "startIndex=1001" in request.path else answer(request)
    quick = settings.changed(base, "tenants.0.scim.application.timeout_ms", 500)
    changed = settings.changed(
        quick, "tenants.0.scim.abilities", {"filter": {"local": {"page": 1000, "most_entries": 9000}}}
    )
    with start(changed) as envoy:
        reply = entra(envoy, "GET", by_name("nobody"))
        assert reply.status >= 500
        scim_error(reply, reply.status)


# Members


@pytest.fixture(scope="module")
def listing_members(start, base):
    """As for django-scim2: members by PATCH in lists, everything else by PUT."""
    with able(start, base, patch="put", members="listed") as envoy:
        yield envoy


LISTED = [{"op": "remove", "path": "members", "value": [{"value": "u-1"}, {"value": "u-2"}]}]


@pytest.mark.core
@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u-1"}, {"value": "u-2"}]}],
        [{"op": "remove", "path": f'members[value eq "{id}"]'} for id in ("u-1", "u-2")],
    ],
)
def test_members_are_removed_by_a_list_where_the_application_knows_no_selectors(
    listing_members, scim_app, operations
):
    ScriptedScim(scim_app, write=Answer(204, b"", []))
    assert entra(listing_members, "PATCH", "/Groups/g-1", patch(*operations)).status == 204
    assert scim_app.only().json()["Operations"] == LISTED
    listing_members.wait_for_log("what=PATCH rules=.*members.listed@")


def test_a_replacement_of_all_members_is_the_difference_to_those_that_there_are(listing_members, scim_app):
    team = {"id": "g-1", "displayName": "Team", "members": [{"value": id} for id in ("u-1", "u-2", "u-3")]}

    def answer(request):
        return Answer(200, json.dumps(team).encode(), [SCIM]) if request.method == "GET" else Answer(204, b"", [])

    scim_app.handler = answer
    replace = patch({"op": "replace", "path": "members", "value": [{"value": "u-3"}, {"value": "u-4"}]})
    assert entra(listing_members, "PATCH", "/Groups/g-1", replace).status == 204
    assert methods(scim_app) == ["GET", "PATCH"]
    assert scim_app.only("PATCH").json()["Operations"] == [
        *LISTED,
        {"op": "add", "path": "members", "value": [{"value": "u-4"}]},
    ]


def test_a_group_is_still_renamed_by_put(listing_members, scim_app):
    team = {"schemas": [GROUP], "id": "g-1", "displayName": "Team", "members": [{"value": "u-1"}]}
    MemoryScim(scim_app, team)
    rename = patch({"op": "Replace", "path": "displayName", "value": "Crew"})
    assert entra(listing_members, "PATCH", "/Groups/g-1", rename).status in (200, 204)
    assert methods(scim_app) == ["GET", "PUT"]
    assert scim_app.only("PUT").json() == team | {"displayName": "Crew"}


# Value paths


def test_an_eager_attribute_is_looked_at_before_the_write(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with able(start, base, eager=["addresses"]) as envoy:
        change = patch({"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Kiel"})
        assert entra(envoy, "PATCH", "/Users/u-1", change).status == 200
    assert methods(scim_app) == ["GET", "PATCH"]
    assert scim_app.requests[-1].json()["Operations"] == [
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Kiel"}]}
    ]


# Accounts


def test_a_deletion_can_be_kept_from_the_application(start, base, scim_app):
    ScriptedScim(scim_app, user("ada", active=False))
    with able(start, base, delete="deactivate") as envoy:
        assert entra(envoy, "DELETE", "/Users/u-1").status == 204
    assert "DELETE" not in methods(scim_app)
    assert scim_app.only("PATCH").json()["Operations"] == [{"op": "replace", "path": "active", "value": False}]


def test_a_deactivation_can_become_a_deletion(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with able(start, base, deactivate="delete") as envoy:
        off = patch({"op": "Replace", "path": "active", "value": "False"})
        assert entra(envoy, "PATCH", "/Users/u-1", off).status == 204
        assert methods(scim_app)[-1] == "DELETE" and "PATCH" not in methods(scim_app)
        scim_app.clear()
        ScriptedScim(scim_app, user("ada"))
        title = patch({"op": "Replace", "path": "title", "value": "False"})
        assert entra(envoy, "PATCH", "/Users/u-1", title).status == 200
        assert "DELETE" not in methods(scim_app)


def test_a_change_of_user_name_is_refused_or_left_out(start, base, scim_app):
    both = patch(
        {"op": "Replace", "path": "userName", "value": "new"}, {"op": "Replace", "path": "title", "value": "t"}
    )
    ScriptedScim(scim_app, user("ada"))
    with able(start, base, user_name="refuse") as envoy:
        reply = entra(envoy, "PATCH", "/Users/u-1", both)
        scim_error(reply, 400)
        assert reply.json()["scimType"] == "mutability" and not scim_app.requests
    with able(start, base, user_name="drop") as envoy:
        assert entra(envoy, "PATCH", "/Users/u-1", both).status == 200
    assert scim_app.only("PATCH").json()["Operations"] == [{"op": "replace", "path": "title", "value": "t"}]


def test_groups_that_are_not_there_pass_the_test_connection_and_refuse_writes(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with able(start, base, groups=False) as envoy:
        empty = entra(envoy, "GET", "/Groups?excludedAttributes=members&filter=displayName+eq+%22x%22")
        assert empty.status == 200 and empty.json()["totalResults"] == 0
        made = json.dumps({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "G"})
        scim_error(entra(envoy, "POST", "/Groups", made.encode()), 501)
        assert not scim_app.requests


def test_discovery_is_answered_from_the_configuration(start, base, scim_app):
    with able(start, base, discovery="own") as envoy:
        for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
            reply = entra(envoy, "GET", path)
            assert reply.status == 200 and reply.get("content-type") == "application/scim+json"
            assert reply.json() and "null" not in reply.body.decode()
    assert not scim_app.requests


def test_a_deactivation_that_the_application_did_not_make_is_no_deletion(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with able(start, base, delete="deactivate") as envoy:
        scim_error(entra(envoy, "DELETE", "/Users/u-1"), 502)


# Modes


RAW = patch({"op": "Replace", "path": "active", "value": "False"}, {"op": "Add", "path": "title", "value": "t"})


def test_observing_rewrites_nothing_and_says_what_would_be(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"), write=Answer(200, b'{"id":"u-1","active":"False"}', [("content-type", "text/plain")]))
    with start(settings.changed(base, "tenants.0.scim.mode", "observe")) as envoy:
        reply = entra(envoy, "PATCH", "/Users/u-1", RAW)
        assert reply.status == 200 and reply.body == b'{"id":"u-1","active":"False"}'
        assert scim_app.only("PATCH").body == RAW
        envoy.wait_for_log("event=scim.observed what=PATCH rules=")


def test_strict_refuses_what_only_a_judgement_could_repair(start, base, scim_app):
    ScriptedScim(scim_app, user("ada"))
    with start(settings.changed(base, "tenants.0.scim.mode", "strict")) as envoy:
        reply = entra(envoy, "PATCH", "/Users/u-1", patch({"op": "Replace", "path": "title", "value": ""}))
        scim_error(reply, 400)
        assert not scim_app.requests
        assert entra(envoy, "PATCH", "/Users/u-1", RAW).status == 200
    assert scim_app.only("PATCH").json()["Operations"][0] == {"op": "replace", "path": "active", "value": False}


def test_a_client_that_leaves_during_an_errand_leaves_nothing_behind(putting, scim_app):
    MemoryScim(scim_app, ADA)
    answer = scim_app.handler
    scim_app.handler = lambda request: HANG
    change = patch({"op": "Replace", "path": "nickName", "value": "n"})
    client = H1(putting.plain_port)
    head = [settings.BEARER, settings.SCIM_JSON, ("content-length", str(len(change)))]
    client.send_head("PATCH", f"{settings.SCIM}/Users/u-1", head)
    client.send(change)
    scim_app.wait_for(1)
    client.close()
    scim_app.handler = answer
    assert entra(putting, "PATCH", "/Users/u-1", change).status == 200
