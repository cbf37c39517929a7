"""SoSafe, as it is shipped: a token and its directory, every attribute of the list, groups. docs/scenarios.md names each line."""

import contextlib
import itertools
import json

import pytest
from harness.authorities import Key
from harness.messages import scim_error
from harness.scenarios import DIRECTORY, ENTERPRISE, GROUP, OTHER_DIRECTORY, USER, Builder
from harness.scim_app import patch
from harness.site import error

ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
NUMBER = itertools.count()

# Every attribute of SoSafe's list by the target name of Entra's mapping: what it is at first, and afterwards.
ATTRIBUTES = {
    "userName": ("matched@meadow.example", "matched.anew@meadow.example"),
    "active": ("True", "False"),
    "displayName": ("Ada Lovelace", "Ada, Countess of Lovelace"),
    "title": ("Analyst", "Chief \"Analyst\" & Poet"),
    'emails[type eq "work"].value': ("ada@meadow.example", "ada.lovelace@meadow.example"),
    "preferredLanguage": ("en-GB", "de-CH"),
    "name.givenName": ("Ada", "Augusta"),
    "name.familyName": ("Lovelace", "King-Noël"),
    "name.formatted": ("Ada Lovelace", "Augusta Ada King-Noël"),
    "name.honorificPrefix": ("Ms", "Dr. True"),
    "name.honorificSuffix": ("PhD", "III"),
    'addresses[type eq "work"].formatted': ("12 St James's Square, London", "Horsley Towers, East Horsley"),
    'addresses[type eq "work"].streetAddress': ("12 St James's Square", "Horsley Towers"),
    'addresses[type eq "work"].locality': ("London", "East Horsley"),
    'addresses[type eq "work"].region': ("Greater London", "Surrey"),
    'addresses[type eq "work"].postalCode': ("00420", "07001"),
    'addresses[type eq "work"].country': ("GB", "CH"),
    'phoneNumbers[type eq "work"].value': ("+44 20 7946 0123", "+41 44 668 18 00"),
    "externalId": ("object-1815", "object-1852"),
    "nickName": ("Countess", "False"),
    "userType": ("Employee", "Contractor"),
    "locale": ("en-GB", "fr-CH"),
    "timezone": ("Europe/London", "Europe/Zurich"),
    f"{ENTERPRISE}:employeeNumber": ("0042", "0043"),
    f"{ENTERPRISE}:costCenter": ("4711", "0815"),
    f"{ENTERPRISE}:organization": ("Analytical Engines", "Difference Engines"),
    f"{ENTERPRISE}:division": ("Numbers", "Notes"),
    f"{ENTERPRISE}:department": ("Looms", "True"),
}


def place(body: dict, path: str, value) -> None:
    """Puts a value where Entra puts it in a request to create."""
    if path.startswith(ENTERPRISE):
        body.setdefault(ENTERPRISE, {})[path.removeprefix(f"{ENTERPRISE}:")] = value
    elif "[" in path:
        attribute, part = path.split("[")[0], path.split(".")[-1]
        elements = body.setdefault(attribute, [{"type": "work"} | ({"primary": True} if attribute == "emails" else {})])
        elements[0][part] = value
    elif "." in path:
        outer, inner = path.split(".")
        body.setdefault(outer, {})[inner] = value
    else:
        body[path] = value


def new_user(choice: int = 0, **more) -> dict:
    """All of the list, as Entra sends it without its flag."""
    body = {"schemas": [USER, ENTERPRISE], "meta": {"resourceType": "User"}}
    for path, values in ATTRIBUTES.items():
        place(body, path, values[choice])
    return body | {"userName": f"person-{next(NUMBER)}@meadow.example", "active": "True"} | more


def read(have: dict, path: str):
    """What the application has at a target name."""
    if path.startswith(ENTERPRISE):
        return (have.get(ENTERPRISE) or {}).get(path.removeprefix(f"{ENTERPRISE}:"))
    if "[" in path:
        attribute, part = path.split("[")[0], path.split(".")[-1]
        found = [element for element in have.get(attribute) or [] if element.get("type") == "work"]
        assert len(found) <= 1, f"{attribute} has {len(found)} elements for work"
        return found[0].get(part) if found else None
    if "." in path:
        outer, inner = path.split(".")
        return (have.get(outer) or {}).get(inner)
    return have.get(path)


def meant(path: str, value):
    """What a value of Entra's means."""
    return value == "True" if path == "active" else value


@pytest.fixture(scope="module")
def builder(envoy_binary, wasm, tls, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Builder(envoy_binary, wasm, tls, tmp_path_factory.mktemp, stack)


@pytest.fixture(scope="module")
def scenario(builder):
    return builder.sosafe()


@pytest.fixture(autouse=True)
def _fresh(scenario):
    scenario.site.clear()
    yield
    assert not scenario.site.garbage


@pytest.fixture(scope="module")
def tenant(scenario):
    return scenario.tenant


@pytest.fixture
def send(scenario, tenant):
    """Sends in Entra's shape; the answer must be a success."""

    def one(method, path, body=None, *statuses):
        reply = tenant.entra(scenario.envoy, method, path, body)
        assert reply.status in (statuses or (200, 201, 204)), f"{reply.status}: {reply.body[:400]!r}"
        return reply

    return one


# The pair of token and directory.


def test_the_token_and_its_directory_are_checked_as_a_pair(scenario, tenant, tmp_path):
    """The same token beside another directory's identity provider is refused with the configuration."""
    assert tenant.entra(scenario.envoy, "GET", "/Users").status == 200
    pair = [f"entra: {{tenant_id: {directory}}}" for directory in (DIRECTORY, OTHER_DIRECTORY)]
    told = scenario.envoy.validated(*pair, tmp_path)
    assert told.returncode != 0 and "tenant_id" in told.stderr and "pair" in told.stderr, told.stderr[-800:]


def test_a_token_that_says_another_directory_is_refused_though_its_hash_is_known(builder):
    key = Key("issuer")
    for directory, status in ((DIRECTORY, 200), (OTHER_DIRECTORY, 401)):
        made = builder.sosafe(token=key.sign({"tid": directory, "aud": "sosafe"}))
        assert made.tenant.entra(made.envoy, "GET", "/Users").status == status
        assert ("code=token_directory" in made.envoy.log()) == (status == 401)


def test_a_token_that_was_not_generated_is_refused(scenario, tenant):
    for token in ("", "x", tenant.token[:-1], tenant.token.upper(), f"{tenant.token} "):
        reply = tenant.entra(scenario.envoy, "GET", "/Users", token=token or "-")
        if token != f"{tenant.token} ":
            scim_error(reply, 401)
    assert all("Bearer own-secret" == request.get("authorization") for request in scenario.site.scim_requests())


# Every attribute.


def test_every_attribute_of_a_new_user_arrives_intact(send, tenant):
    body = new_user()
    have = tenant.stored(f"/Users/{send('POST', '/Users', body).json()['id']}")
    for path, (first, _) in ATTRIBUTES.items():
        expected = body["userName"] if path == "userName" else meant(path, first)
        assert read(have, path) == expected, path


CHANGED = [path for path in ATTRIBUTES]


@pytest.mark.parametrize("dialect", ["without the flag", "with the flag"])
@pytest.mark.parametrize("path", CHANGED)
def test_each_attribute_is_changed_by_itself_and_nothing_else_is(send, tenant, path, dialect):
    id = send("POST", "/Users", new_user()).json()["id"]
    before = tenant.stored(f"/Users/{id}")
    value = f"anew-{next(NUMBER)}@meadow.example" if path == "userName" else ATTRIBUTES[path][1]
    if dialect == "with the flag":
        sent = False if path == "active" else value
        operation = {"op": "replace", "path": path, "value": sent}
    elif "[" in path or path == "active":
        operation = {"op": "Replace", "path": path, "value": value}
    else:
        operation = {"op": "Replace", "value": {path: value}}
    send("PATCH", f"/Users/{id}", patch(operation))
    after = tenant.stored(f"/Users/{id}")
    assert read(after, path) == meant(path, value)
    for other in ATTRIBUTES:
        if other != path:
            assert read(after, other) == read(before, other), f"{other} changed too"


def test_all_attributes_are_changed_in_one_request(send, tenant):
    """As a cycle does it after many changes: one map without path, and value paths beside it."""
    id = send("POST", "/Users", new_user()).json()["id"]
    plain = {p: after for p, (_, after) in ATTRIBUTES.items() if "[" not in p and p not in ("userName", "active")}
    operations = [{"op": "Replace", "path": p, "value": after} for p, (_, after) in ATTRIBUTES.items() if "[" in p]
    send("PATCH", f"/Users/{id}", patch(*operations, {"op": "Replace", "value": plain}))
    after = tenant.stored(f"/Users/{id}")
    for path, (_, value) in ATTRIBUTES.items():
        if path not in ("userName", "active"):
            assert read(after, path) == value, path


@pytest.mark.parametrize("path", [p for p in ATTRIBUTES if p not in ("userName", "active")])
def test_each_attribute_that_the_user_did_not_have_is_added(send, tenant, path):
    minimal = {"schemas": [USER], "userName": f"bare-{next(NUMBER)}@meadow.example", "active": "True"}
    id = send("POST", "/Users", minimal | {"meta": {"resourceType": "User"}}).json()["id"]
    send("PATCH", f"/Users/{id}", patch({"op": "Add", "path": path, "value": ATTRIBUTES[path][1]}))
    assert read(tenant.stored(f"/Users/{id}"), path) == ATTRIBUTES[path][1]


@pytest.mark.parametrize("path", ["title", "name.honorificSuffix", "nickName", f"{ENTERPRISE}:division"])
def test_an_attribute_that_was_emptied_in_the_directory_is_removed(send, tenant, path):
    id = send("POST", "/Users", new_user()).json()["id"]
    send("PATCH", f"/Users/{id}", patch({"op": "Remove", "path": path}))
    assert not read(tenant.stored(f"/Users/{id}"), path)


def test_both_matching_attributes_can_be_filtered_by(send, tenant):
    body = new_user()
    id = send("POST", "/Users", body).json()["id"]
    found = send("GET", f"/Users?filter=userName+eq+%22{body['userName'].replace('@', '%40')}%22").json()
    assert [user["id"] for user in found["Resources"]] == [id]
    name = f"Matched {next(NUMBER)}"
    group = send("POST", "/Groups", new_group(name)).json()["id"]
    send("POST", "/Groups", new_group(f"{name} not"))
    found = send("GET", f"/Groups?excludedAttributes=members&filter=displayName+eq+%22{name.replace(' ', '+')}%22").json()
    assert [entry["id"] for entry in found["Resources"]] == [group]
    assert "members" not in found["Resources"][0]


# The life of a user.


def test_a_user_is_created_updated_disabled_and_removed(scenario, tenant):
    simulator = tenant.simulator
    simulator.ask("/api/users", {"name": "life", "givenName": "Li", "surname": "Fe", "jobTitle": "Student"})
    assert simulator.cycle()["outcome"] == "success"
    assert tenant.accounts()["life@meadow.example"]["title"] == "Student"
    simulator.change("life", jobTitle="Teacher", department="Looms", employeeId="7")
    assert simulator.cycle()["outcome"] == "success"
    have = tenant.accounts()["life@meadow.example"]
    assert have["title"] == "Teacher" and have[ENTERPRISE]["department"] == "Looms"
    simulator.change("life", accountEnabled=False)
    assert simulator.cycle()["outcome"] == "success"
    assert tenant.accounts()["life@meadow.example"]["active"] is False
    simulator.ask("/api/users/life", method="DELETE")
    assert simulator.cycle()["outcome"] == "success"
    assert "life@meadow.example" not in tenant.accounts()


# Groups.


def new_group(name: str, **more) -> dict:
    """A group as Entra creates it."""
    return {
        "schemas": [GROUP, ADSCIM],
        "externalId": f"object-of-{name}",
        "displayName": name,
        "meta": {"resourceType": "Group"},
    } | more


def members_of(tenant, group: str) -> set[str]:
    return {member["value"] for member in tenant.stored(f"/Groups/{group}").get("members") or []}


def crew(send, number: int) -> list[str]:
    body = {"schemas": [USER], "active": "True", "meta": {"resourceType": "User"}}
    return [send("POST", "/Users", body | {"userName": f"crew-{next(NUMBER)}"}).json()["id"] for _ in range(number)]


def add(*ids):
    return patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": id} for id in ids]})


def take(*ids):
    return patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": id} for id in ids]})


def test_name_members_and_external_id_of_a_group_arrive(send, tenant):
    one, two = crew(send, 2)
    group = send("POST", "/Groups", new_group("Looms")).json()["id"]
    send("PATCH", f"/Groups/{group}", add(one, two))
    have = tenant.stored(f"/Groups/{group}")
    assert have["displayName"] == "Looms" and have["externalId"] == "object-of-Looms"
    assert members_of(tenant, group) == {one, two}
    send("PATCH", f"/Groups/{group}", patch({"op": "Replace", "path": "displayName", "value": "Power looms"}))
    send("PATCH", f"/Groups/{group}", patch({"op": "Replace", "path": "externalId", "value": "object-anew"}))
    have = tenant.stored(f"/Groups/{group}")
    assert have["displayName"] == "Power looms" and have["externalId"] == "object-anew"
    assert members_of(tenant, group) == {one, two}, "and nobody has left"


def test_members_come_and_go_one_by_one(send, tenant):
    people = crew(send, 4)
    group = send("POST", "/Groups", new_group("One by one")).json()["id"]
    there = set()
    for person in people:
        send("PATCH", f"/Groups/{group}", add(person))
        there.add(person)
        assert members_of(tenant, group) == there
    send("PATCH", f"/Groups/{group}", add(people[0]))
    assert members_of(tenant, group) == there, "who is there already is there once"
    for person in people:
        send("PATCH", f"/Groups/{group}", take(person))
        there.remove(person)
        assert members_of(tenant, group) == there


def test_members_come_and_go_in_batches(send, tenant):
    people = crew(send, 45)
    group = send("POST", "/Groups", new_group("Batches")).json()["id"]
    for at in range(0, 45, 15):
        send("PATCH", f"/Groups/{group}", add(*people[at : at + 15]))
    assert members_of(tenant, group) == set(people)
    send("PATCH", f"/Groups/{group}", take(*people[:20]))
    assert members_of(tenant, group) == set(people[20:])
    send("PATCH", f"/Groups/{group}", patch(json.loads(take(people[20]))["Operations"][0], json.loads(add(people[0]))["Operations"][0]))
    assert members_of(tenant, group) == {people[0], *people[21:]}
    each = [{"op": "Add", "path": "members", "value": [{"$ref": None, "value": id}]} for id in people[1:5]]
    send("PATCH", f"/Groups/{group}", patch(*each))
    assert members_of(tenant, group) == {*people[:5], *people[21:]}


def test_a_removal_of_all_members_at_once_is_refused(scenario, tenant, send):
    people = crew(send, 3)
    group = send("POST", "/Groups", new_group("All")).json()["id"]
    send("PATCH", f"/Groups/{group}", add(*people))
    scim_error(tenant.entra(scenario.envoy, "PATCH", f"/Groups/{group}", patch({"op": "Remove", "path": "members"})), 400)
    assert members_of(tenant, group) == set(people)


def test_memberships_follow_the_directory_over_cycles(scenario, tenant):
    simulator = tenant.simulator
    simulator.ask("/api/groups", {"name": "cidery", "displayName": "Cidery", "members": ["ada"]})

    def there() -> set[str]:
        names = {user["id"]: name for name, user in tenant.accounts().items()}
        return {names[member["value"]].split("@")[0] for member in tenant.groups()["Cidery"].get("members") or []}

    for members in (["ada"], ["ada", "bo", "mira"], ["mira"], [], ["bo"]):
        simulator.ask("/api/groups/cidery", {"members": members}, "PATCH")
        report = simulator.cycle()
        assert report["outcome"] == "success" and report["quarantine"] is None, report
        assert there() == set(members)
    simulator.ask("/api/groups/cidery", method="DELETE")
    assert simulator.cycle()["outcome"] == "success" and "Cidery" not in tenant.groups()


def test_a_group_that_fails_says_why_and_is_mended_in_the_next_cycle(scenario, tenant):
    simulator = tenant.simulator
    simulator.ask("/api/groups", {"name": "press", "displayName": "Press", "members": ["ada"]})
    scenario.site.instead = lambda r: error(500, "out of order") if r.method == "POST" and "/Groups" in r.path else None
    report = simulator.cycle()
    assert report["outcome"] == "failure" and report["quarantine"] is None
    scenario.site.instead = None
    assert simulator.cycle()["outcome"] == "success" and tenant.groups()["Press"]["members"]
