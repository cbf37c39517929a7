"""What a host may say that is not so: sizes, octets, numbers, times, and callbacks in an order that makes no sense."""

import json

import pytest
import scenarios
from harness import settings
from harness.authorities import TENANT, Key, entra_claims
from scenarios import FORGERIES, scim, sign_in
from wasm_host.abi import REQUEST, RESPONSE, Status
from wasm_host.calls import CallAnswer
from wasm_host.faults import MANGLERS, Fault, Faults
from wasm_host.vm import ROOT
from world import BEGAN, Person, World, start

CALLBACKS = {
    "proxy_on_request_headers": 2, "proxy_on_request_body": 2, "proxy_on_request_trailers": 1,
    "proxy_on_response_headers": 2, "proxy_on_response_body": 2, "proxy_on_response_trailers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def started():
    return {}


@pytest.fixture
def world(started, module, base, idp):
    """A started host in which nothing has happened; whether it fails is up to the test."""
    if not started or started["host"].trapped:
        started["host"] = start(module, base)
        started["image"] = started["host"].image()
    started["host"].restore(started["image"], Faults(), seed=11)
    return World(started["host"], idp, faulty=True)


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("context", [0, ROOT, 4_000_000_000])
def test_nothing_goes_on_of_a_stream_that_never_was(world, name, context):
    assert world.host.callback(name, context, *[7] * CALLBACKS[name]) == 1


@pytest.mark.parametrize("name", ["proxy_on_log", "proxy_on_done", "proxy_on_delete", "proxy_on_tick"])
def test_what_never_was_can_end(world, name):
    world.host.callback(name, 4_000_000_000)


def test_an_end_may_come_twice_and_nothing_goes_on_after_it(world):
    stream = world.open([])
    stream.close()
    for name in ("proxy_on_log", "proxy_on_done", "proxy_on_delete"):
        world.host.callback(name, stream.id)
    for name, count in CALLBACKS.items():
        assert world.host.callback(name, stream.id, *[1] * count) == 1


@pytest.mark.parametrize("token", [0, 1, 0xFFFFFFFF])
@pytest.mark.parametrize("context", [ROOT, 0, 99])
def test_an_answer_to_no_call_is_nobodys(world, token, context):
    world.host.answer_call(token, context, CallAnswer([(b":status", b"200")], b"{}"))
    assert world.request("GET", "/public/x").status == 200


def test_an_answer_that_comes_twice_counts_once(world):
    answered = []
    world.answered_call = lambda call, answer: answered.append((call, answer)) or answer
    world.expect(scim(world, "PATCH", "/Users/u-1", scenarios.OFF), 200)
    assert answered, "a deactivation asks for nobody"
    before = len(world.scim_app.requests)
    for call, answer in answered:
        world.host.answer_call(call.token, call.context, answer)
    assert len(world.scim_app.requests) == before


def test_two_calls_of_one_number_are_one_call(world):
    """The second is as good as not made: nobody could tell whose answer it is."""
    world.host.calls.make = lambda context, *call: 5
    pairs = [
        (b":method", b"PATCH"),
        (b":path", f"{settings.SCIM}/Users/u-1".encode()),
        (b":authority", b"localhost:8443"),
        (b":scheme", b"https"),
        (b"authorization", settings.BEARER[1].encode()),
    ]
    first, second = (world.open(pairs) for _ in range(2))
    world.send(first, pairs, scenarios.OFF)
    assert not first.answered and not first.replied, "it waits for its call"
    world.send(second, pairs, scenarios.OFF)
    assert second.answered or second.replied or second.reset, "it waits for a call that is another's"
    world.host.answer_call(5, first.id, CallAnswer.broken())
    world.host.answer_call(5, second.id, CallAnswer.broken())
    world.finish(first)
    assert first.answered or first.replied or first.reset


@pytest.mark.parametrize("size", [0, 1, 5, 100_000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_body_of_another_size_than_was_said_is_not_taken_for_it(world, size):
    pairs = [(b":method", b"PATCH"), (b":path", f"{settings.SCIM}/Users/u-1".encode()), (b":authority", b"localhost:8443"),
             (b":scheme", b"https"), (b"authorization", settings.BEARER[1].encode()), (b"content-type", b"application/scim+json")]  # fmt: skip
    stream = world.open(pairs)
    stream.headers(REQUEST, list(pairs), False)
    stream.sides[REQUEST].body += b'{"a'
    action = world.host.callback("proxy_on_request_body", stream.id, size - (1 << 32) if size > 0x7FFFFFFF else size, 1)
    assert action == 1
    world.host.settle()
    world.finish(stream)
    assert not [request for request in world.scim_app.requests if request.method == "PATCH"]


@pytest.mark.parametrize("mangled", MANGLERS)
@pytest.mark.parametrize("name", ["proxy_get_shared_data", "proxy_call_foreign_function", "proxy_get_property"])
def test_what_all_share_is_not_believed(world, mangled, name):
    """A value that somebody else wrote, an answer that is none: for the whole of a sign-in and a deactivation."""
    world.host.faults = Faults(Fault(name, None, mangled=mangled))
    try:
        scenarios.deactivation(world)
    except scenarios.Stopped:
        pass


def test_values_of_another_key_are_not_believed(world):
    """Shared data in which every value stands under another key."""
    person = sign_in(world)
    shared = world.host.shared
    values = [shared.get(key)[0] for key in shared.keys()]
    for key, value in zip(shared.keys(), values[1:] + values[:1], strict=True):
        shared.set(key, value, 0)
    person.fetch("/private/page")
    world.refused(Person(world).fetch("/private/page"), "a stranger", 401)


@pytest.mark.parametrize("seconds", [0, 1, 253_402_300_799, 18_446_744_073])
def test_no_time_opens_a_session_that_is_over_or_has_not_begun(world, seconds):
    person = sign_in(world)
    world.host.clock.now_ns = seconds * 1_000_000_000
    reached = len(world.app.requests)
    assert person.fetch("/private/page").status in (401, 403, 500, 503)
    assert len(world.app.requests) == reached


def test_a_timer_that_comes_early_late_and_out_of_nowhere_changes_nothing(world):
    for milliseconds in (0, 0, 1, 10**9, -(10**9)):
        world.host.clock.move(milliseconds)
        world.host.tick()
    world.host.clock.move(0)
    assert world.request("GET", "/public/x", FORGERIES).status == 200
    assert world.request("GET", "/private/x").status in (401, 302)


def test_a_timer_that_never_comes_opens_nothing(world):
    world.host.faults = Faults(Fault("proxy_set_tick_period_milliseconds", None, Status.UNIMPLEMENTED))
    world.host.tick_period = 0
    assert world.request("GET", "/private/x").status in (401, 302)
    world.expect(scim(world, "PATCH", "/Users/u-1", scenarios.OFF), 200)


def test_a_response_before_its_request_is_no_way_in(world):
    stream = world.open([(b":path", b"/private/x"), (b":method", b"GET")])
    stream.headers(RESPONSE, [(b":status", b"200")], False)
    stream.headers(REQUEST, list(stream.came), True)
    world.serve(stream)
    assert not world.app.requests


def test_a_second_head_is_judged_by_itself(world):
    pairs = [(b":authority", b"localhost:8443"), (b":path", b"/public/x"), (b":method", b"POST"), (b":scheme", b"https")]
    stream = world.open(pairs)
    stream.headers(REQUEST, list(pairs), False)
    assert stream.sides[REQUEST].sent_headers
    stream.sides[REQUEST].sent_headers = None
    stream.came = [(name, b"/private/x" if name == b":path" else value) for name, value in pairs]
    stream.headers(REQUEST, list(stream.came), False)
    assert stream.sides[REQUEST].sent_headers is None


@pytest.mark.parametrize("size", [0, 1, 65_536, 8 << 20])
def test_room_is_made_for_as_many_octets_as_are_asked_for(world, size):
    at = world.host.run("proxy_on_memory_allocate", size) & 0xFFFFFFFF
    assert at + size <= world.host.memory.size()


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_room_that_there_is_not_is_none(world, size):
    assert world.host.run("proxy_on_memory_allocate", size - (1 << 32) if size > 0x7FFFFFFF else size) == 0
    assert world.request("GET", "/public/x").status == 200


PATCH = [(b":method", b"PATCH"), (b":path", f"{settings.SCIM}/Users/u-1".encode()), (b":authority", b"localhost:8443"),
         (b":scheme", b"https"), (b"authorization", settings.BEARER[1].encode()), (b"content-type", b"application/scim+json")]  # fmt: skip


def waiting(world):
    """A stream that waits for the answer to its call, and the call."""
    stream = world.open(PATCH)
    stream.headers(REQUEST, list(PATCH), False)
    stream.body(REQUEST, scenarios.OFF, True)
    [call] = world.host.calls.under_way.values()
    assert call.context == stream.id
    return stream, call


def went_on_of(stream):
    """Whether anything became of it: it went on, or was refused."""
    return stream.sides[REQUEST].sent_headers or stream.answered or stream.replied or stream.reset


def went_on(world, stream):
    """The same, or it made another call."""
    return went_on_of(stream) or world.host.calls.under_way


def test_a_number_that_is_given_out_twice_is_the_first_stream(world):
    stream, call = waiting(world)
    world.host.callback("proxy_on_context_create", stream.id, ROOT)
    world.host.answer_call(call.token, stream.id, CallAnswer.broken())
    assert went_on(world, stream), "it waits for an answer that another stream was given"
    stream.close()


def test_a_number_is_of_a_root_or_of_a_stream(world, base):
    stream, call = waiting(world)
    world.host.callback("proxy_on_context_create", stream.id, 0)
    world.host.configuration = json.dumps(base).encode()
    try:
        assert not world.host.callback("proxy_on_configure", stream.id, len(world.host.configuration))
    finally:
        world.host.configuration = None
    world.host.answer_call(call.token, stream.id, CallAnswer.broken())
    assert went_on(world, stream)
    stream.close()


def test_a_root_that_is_made_twice_keeps_its_configuration(world):
    for root in (0, ROOT):
        world.host.callback("proxy_on_context_create", ROOT, root)
    sign_in(world)


def test_an_answer_that_cannot_be_told_to_its_stream_is_done_to_no_other(world):
    stream, call = waiting(world)
    other = world.open([(b":method", b"GET"), (b":path", b"/private/x"), (b":authority", b"localhost:8443"), (b":scheme", b"https")])
    world.host.faults = Faults(Fault("proxy_set_effective_context", None, Status.INTERNAL_FAILURE))
    before = dict(world.host.faults.made)
    world.host.trace.clear()
    world.host.answer_call(call.token, other.id, CallAnswer([(b":status", b"200")], b"{}"))
    assert not before and set(world.host.trace) <= {"proxy_set_effective_context"}
    assert not (other.replied or other.answered or other.reset)
    assert not [request for request in world.scim_app.requests if request.method == "PATCH"]
    stream.close()


def test_an_open_stream_is_looked_at_in_its_own_name(world):
    person = sign_in(world)
    cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items()).encode()
    pairs = [(b":method", b"GET"), (b":path", b"/private/page"), (b":authority", b"localhost:8443"), (b":scheme", b"https"), (b"cookie", cookie)]  # fmt: skip
    stream = world.open(pairs)
    stream.headers(REQUEST, list(pairs), True)
    assert stream.sides[REQUEST].sent_headers
    entered, enter = [], world.host.enter
    world.host.enter = lambda context: entered.append(context) or enter(context)
    try:
        world.host.clock.move(600_000)
        world.host.tick()
    finally:
        world.host.enter = enter
    assert stream.id in entered and entered[-1] == ROOT
    assert world.host.effective == ROOT
    stream.close()


WRONG_ROOMS = {
    "more than there was room for": lambda at, size: (at, size + 1),
    "all there can be": lambda at, size: (at, 0xFFFFFFFF),
    "half of it": lambda at, size: (at, size // 2),
    "another place": lambda at, size: (at + 1, size - 1),
    "a place without room": lambda at, size: (1024, size),
    "no place": lambda at, size: (0, size),
    "a place of no size": lambda at, size: (at, 0),
}


@pytest.mark.parametrize("wrong", WRONG_ROOMS)
def test_octets_are_only_where_room_was_made_for_them(world, wrong):
    memory = world.host.memory
    hand_over = memory.hand_over

    def elsewhere(octets, to, size_to):
        status = hand_over(octets, to, size_to)
        if octets:
            at, size = (int.from_bytes(memory.read(place, 4), "little") for place in (to, size_to))
            for place, value in zip((to, size_to), WRONG_ROOMS[wrong](at, size), strict=True):
                memory.write_u32(place, value)
        return status

    memory.hand_over = elsewhere
    try:
        for path in ("/private/x", "/public/x"):
            world.request("GET", path, FORGERIES)
        scim(world, "PATCH", "/Users/u-1", scenarios.OFF)
    finally:
        memory.hand_over = hand_over
    assert not world.app.requests and not world.scim_app.requests
    assert world.request("GET", "/public/x").status == 200
    scenarios.deactivation(world)


def test_a_room_is_claimed_once(world):
    """A host that names a room again which it named before: it may be anybody's by now."""
    memory, rooms = world.host.memory, []
    hand_over = memory.hand_over

    def again(octets, to, size_to):
        status = hand_over(octets, to, size_to)
        rooms.append(memory.read(to, 4))
        memory.write(to, rooms[0])
        return status

    memory.hand_over = again
    try:
        for _ in range(3):
            world.request("GET", "/private/x")
    finally:
        memory.hand_over = hand_over
    assert not world.app.requests
    assert world.request("GET", "/public/x").status == 200


def test_rooms_that_nobody_claims_do_not_add_up(world):
    def fill():
        for _ in range(64):
            assert world.host.run("proxy_on_memory_allocate", 65_536)
        assert world.request("GET", "/public/x").status == 200

    fill()
    before = world.host.memory.size()
    for _ in range(8):
        fill()
    assert world.host.memory.size() - before < 1 << 20


def test_what_is_set_up_once_is_not_set_up_twice(world):
    """The constructors of what is linked in: a second run would undo what was built upon the first."""
    person = sign_in(world)
    world.host.trace.clear()
    world.host.run("_initialize")
    assert not world.host.trace
    assert person.fetch("/private/page").status == 200


def test_an_answer_that_cannot_be_told_to_the_root_is_none_and_who_waits_is_told(module, base, idp):
    """Keys of tokens are fetched by the root, for all who wait for them."""
    way_in = {"entra_token": {"tenant_id": TENANT, "keys": {"cluster": "scim_app"}}}
    world = World(start(module, settings.changed(base, "tenants.0.scim.authentication", way_in)), idp, faulty=True)
    token = Key("k").sign(entra_claims(nbf=BEGAN - 5, exp=BEGAN + 3600))
    pairs = [(name, f"Bearer {token}".encode() if name == b"authorization" else value) for name, value in PATCH]
    world.host.tick()
    [call] = world.host.calls.under_way.values()
    assert call.context == ROOT
    stream, other = world.open(pairs), world.open(PATCH)
    stream.headers(REQUEST, pairs, False)
    assert not went_on_of(stream), "it waits for the keys"
    world.host.faults = Faults(Fault("proxy_set_effective_context", None, Status.INTERNAL_FAILURE))
    world.host.answer_call(call.token, other.id, CallAnswer([(b":status", b"200")], b'{"keys":[]}'))
    assert not went_on_of(other)
    world.host.faults = Faults()
    world.host.clock.move(1_000)
    world.host.tick()
    [again] = world.host.calls.under_way.values()
    assert again.context == ROOT and not went_on_of(stream), "there are no keys at all, and it is asked again at once"
    keys = json.dumps({"keys": [Key("another").jwk()]}).encode()
    world.host.answer_call(again.token, ROOT, CallAnswer([(b":status", b"200")], keys))
    assert world.reply_of(stream).status == 401
