"""Sessions follow the account: across Envoys, restarts and names, while requests, downloads and sockets are open."""

import itertools
import socket
import threading
import time

import pytest
from harness import bootstrap, settings
from harness.browser import Browser
from harness.client import H1, H2
from harness.scim_app import ScriptedScim, entra, error, patch, user
from harness.sign_in import Login, has_session, sign_in
from harness.ticker import Ticker
from harness.upstream import RESET, Answer

EVERY = 2  # seconds between two checks in these tests
OFF = patch({"op": "Replace", "path": "active", "value": "False"})
ON = patch({"op": "Replace", "path": "active", "value": "True"})
NUMBER = itertools.count()
UPGRADE = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("origin", "https://localhost:8443"),
]


@pytest.fixture(scope="module")
def ticker():
    application = Ticker()
    yield application
    application.stop()


@pytest.fixture(scope="module")
def checking(base, start, ticker):
    """Makes an Envoy that checks sessions; what is named goes into its `access` section."""

    def make(concurrency=1, every=EVERY, **access):
        recheck = {"seconds": every} | access.pop("recheck", {})
        configuration = settings.changed(base, "tenants.0.access.recheck", recheck)
        # The scripted server keeps its place where it is asked from two Envoys at once.
        configuration["tenants"][0]["scim"]["application"]["timeout_ms"] = 1000
        section = configuration["tenants"][0]["access"]
        section["rules"].insert(0, {"path": {"prefix": "/h2/private"}, "access": "signed_in"})
        section.update(access)
        routes = [
            bootstrap.route("/app-scim/", "scim_app"),
            bootstrap.route("/private/ticks", "ticker", timeout="0s"),
            bootstrap.route("/h2/", "h2_app"),
            bootstrap.route("/", "app", timeout="0s"),
        ]
        return start(configuration, routes, concurrency=concurrency, clusters={"ticker": ticker.port})

    return make


@pytest.fixture(scope="module")
def one(checking):
    with checking() as envoy:
        yield envoy


class People:
    """The application's accounts, each of a person that no other test knows."""

    def __init__(self, scim_app, idp):
        self.scim, self.idp = ScriptedScim(scim_app), idp
        self.application = scim_app

    def add(self, **more) -> dict:
        number = next(NUMBER)
        account = user(f"account-{number}@n.example", f"a-{number}", **more)
        self.scim.users[account["id"]] = account
        return account

    def sign_in(self, envoy, account: dict) -> Browser:
        return sign_in(envoy, self.idp, account["userName"])

    def try_to_sign_in(self, envoy, name: str):
        browser = Browser(envoy)
        login = Login(browser)
        return login.answer(self.idp.response(login.request.id, name)), browser

    def slow_down(self, seconds: float) -> None:
        """The application takes its time for an answer."""
        known = self.application.handler

        def slowly(request):
            answer = known(request)
            answer.after = seconds
            return answer

        self.application.handler = slowly

    def asked(self) -> int:
        """How many questions the application was asked."""
        return len(self.application.seen("GET"))


@pytest.fixture
def people(scim_app, app, idp):
    return People(scim_app, idp)


def elsewhere(browser: Browser, envoy) -> Browser:
    """The same person at another Envoy."""
    other = Browser(envoy)
    other.cookies = dict(browser.cookies)
    return other


def cookie_of(browser: Browser) -> tuple[str, str]:
    return ("cookie", "; ".join(f"{name}={value}" for name, value in browser.cookies.items()))


def until(condition, seconds: float) -> float:
    """How long it took until `condition` held."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@pytest.mark.alone
@pytest.mark.core
@pytest.mark.quick
def test_a_deactivation_at_one_envoy_is_effective_at_the_other_within_the_recheck_time(checking, people):
    with checking() as here, checking() as there:
        account, other = people.add(), people.add()
        at_first, bystander = people.sign_in(here, account), people.sign_in(here, other)
        at_second, bystander = elsewhere(at_first, there), elsewhere(bystander, there)
        assert has_session(at_second) and has_session(bystander)
        account["active"] = False  # as the write below does at a real application
        assert entra(here, "PATCH", f"/Users/{account['id']}", OFF).status in (200, 204)
        assert not has_session(at_first), "at once where the write was seen"
        took = until(lambda: not has_session(at_second), EVERY + 2)
        print(f"re-check every {EVERY} s: effective at the other Envoy after {took:.2f} s")
        assert took <= EVERY + 1.5
        assert people.try_to_sign_in(there, account["userName"])[0].status == 403
        assert has_session(bystander)


@pytest.mark.core
def test_a_process_that_just_started_checks_each_session_at_its_first_use(checking, people):
    account, other = people.add(), people.add()
    with checking(every=300) as before:
        gone, stays = people.sign_in(before, account), people.sign_in(before, other)
        assert has_session(gone)
        account["active"] = False
        assert has_session(gone), "nobody told this process"
    with checking(every=300) as after:
        assert not has_session(elsewhere(gone, after))
        stays, asked = elsewhere(stays, after), people.asked()
        assert has_session(stays) and people.asked() == asked + 1
        assert has_session(stays) and people.asked() == asked + 1


@pytest.mark.core
def test_the_applications_login_ends_on_public_routes_as_soon_as_the_session_would(checking, people, app):
    def arrives(browser) -> str:
        assert browser.fetch("/public/x").status == 200
        return "; ".join(app.requests[-1].all("cookie"))

    with checking(application_cookies=["sid"]) as here, checking(application_cookies=["sid"]) as there:
        account, other = people.add(), people.add()
        app.handler = lambda request: Answer(200, b"{}", [("set-cookie", "sid=1; Path=/; HttpOnly")])
        gone, stays = people.sign_in(here, account), people.sign_in(here, other)
        for browser in (gone, stays):
            assert browser.fetch("/private/x").status == 200
        app.handler = lambda request: Answer(200, b"{}", [])
        gone, stays = elsewhere(gone, there), elsewhere(stays, there)
        # Only the public route is ever asked for, in a process that never saw the lock-out.
        assert arrives(gone) == "sid=1" == arrives(stays)
        account["active"] = False
        assert entra(here, "PATCH", f"/Users/{account['id']}", OFF).status in (200, 204)
        until(lambda: arrives(gone) == "", EVERY + 2)
        time.sleep(EVERY + 0.5)
        assert arrives(stays) == "sid=1", "the request waits for the answer and goes on whole"


def test_a_lock_out_outlives_the_process_that_saw_it(checking, people):
    account = people.add()
    with checking(every=300) as before:
        browser = people.sign_in(before, account)
        account["active"] = False
        entra(before, "PATCH", f"/Users/{account['id']}", OFF)
    with checking(every=300) as after:
        assert not has_session(elsewhere(browser, after))
        reply, _ = people.try_to_sign_in(after, account["userName"])
        assert reply.status == 403 and b"not active" in reply.body


@pytest.mark.core
def test_a_deleted_account_ends_its_sessions_at_the_next_check(one, people):
    account = people.add()
    browser = people.sign_in(one, account)
    del people.scim.users[account["id"]]
    until(lambda: not has_session(browser), EVERY + 1)


def test_a_reactivation_that_another_envoy_saw_lets_the_person_in_again(checking, people):
    with checking() as here, checking() as there:
        account = people.add()
        browser = people.sign_in(here, account)
        account["active"] = False
        entra(here, "PATCH", f"/Users/{account['id']}", OFF)
        account["active"] = True
        entra(there, "PATCH", f"/Users/{account['id']}", ON)
        assert people.try_to_sign_in(here, account["userName"])[0].status == 403, "the word of the other is not known yet"
        time.sleep(EVERY)
        reply, anew = people.try_to_sign_in(here, account["userName"])
        assert reply.status == 303 and has_session(anew)
        assert not has_session(browser), "what was issued before the lock-out stays void"


def test_a_lock_out_is_not_lifted_by_an_account_that_does_not_say_it_is_active(one, people):
    account = people.add()
    people.sign_in(one, account)
    entra(one, "PATCH", f"/Users/{account['id']}", OFF)
    del account["active"]
    time.sleep(EVERY)
    assert people.try_to_sign_in(one, account["userName"])[0].status == 403


@pytest.mark.core
def test_a_rename_between_sign_in_and_deactivation_hides_nobody(checking, people):
    with checking(every=300) as envoy:
        account = people.add()
        browser = people.sign_in(envoy, account)
        # Behind our back: neither the old name nor the object identifier is known to the application any more.
        account.update(userName=f"renamed-{account['userName']}", externalId="another")
        entra(envoy, "PATCH", f"/Users/{account['id']}", OFF)
        assert not has_session(browser)
        entra(envoy, "PATCH", f"/Users/{account['id']}", ON)
        assert not has_session(browser), "a session that ended stays ended"


@pytest.mark.core
def test_a_lock_out_on_record_by_the_account_alone_is_told_and_taken_back_and_makes_no_loop(checking, people):
    with checking() as envoy:
        account = people.add()
        names = {name: account[name] for name in ("userName", "externalId")}
        browser = people.sign_in(envoy, account)
        account.update(userName=f"other-{names['userName']}", externalId="another-one")
        entra(envoy, "PATCH", f"/Users/{account['id']}", OFF)
        account.update(names, active=True)  # behind our back
        assert not has_session(browser)
        reply, _ = people.try_to_sign_in(envoy, names["userName"])
        assert reply.status == 403 and "code=deactivated" in envoy.log()
        time.sleep(EVERY)
        reply, anew = people.try_to_sign_in(envoy, names["userName"])
        assert reply.status == 303 and has_session(anew)
        assert not has_session(browser), "what was issued before the lock-out stays void"


def test_somebody_else_who_goes_by_the_name_now_keeps_no_session_alive(one, people):
    account = people.add()
    browser = people.sign_in(one, account)
    del people.scim.users[account["id"]]
    people.add(userName=account["userName"], externalId=account["externalId"])
    until(lambda: not has_session(browser), EVERY + 1)


@pytest.mark.core
def test_who_is_not_known_is_found_out_and_nobody_else_signs_in_anew(checking, people):
    with checking(every=300) as envoy:
        account, other = people.add(), people.add()
        gone, stays = people.sign_in(envoy, account), people.sign_in(envoy, other)
        known = people.application.handler
        people.application.handler = lambda request: error(500) if request.method == "GET" else known(request)
        assert entra(envoy, "DELETE", f"/Users/{account['id']}").status == 204
        people.application.handler = known
        del people.scim.users[account["id"]]
        asked = people.asked()
        assert has_session(stays), "it is checked, not ended"
        assert people.asked() > asked
        assert not has_session(gone)


@pytest.mark.core
def test_doubt_that_comes_while_somebody_is_asked_about_has_them_asked_about_again(checking, people):
    with checking() as envoy:
        unknown, browser = people.add(), people.sign_in(envoy, people.add())
        time.sleep(EVERY)
        known, asked, deleted, statuses = people.application.handler, [], threading.Event(), []

        def answer(request):
            if request.method != "GET":
                return known(request)
            if unknown["id"] in request.path:
                return error(500)
            asked.append(request.path)
            deleted.wait(0.9)
            return known(request)

        people.application.handler = answer
        waiting = threading.Thread(target=lambda: statuses.append(browser.fetch("/private/x").status))
        waiting.start()
        until(lambda: asked, 2)
        assert entra(envoy, "DELETE", f"/Users/{unknown['id']}").status == 204
        time.sleep(0.05)  # what is asked in the very millisecond of the doubt says nothing of it either
        deleted.set()
        waiting.join()
        assert statuses == [200]
        assert len(asked) == 2, "what was asked before says nothing of it"
        assert has_session(browser) and len(asked) == 2


def test_a_session_is_asked_about_once_however_many_requests_wait(one, people):
    account = people.add()
    browser = people.sign_in(one, account)
    time.sleep(EVERY)
    people.slow_down(0.3)
    asked, statuses = people.asked(), []
    threads = [threading.Thread(target=lambda: statuses.append(browser.fetch("/private/x").status)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 12
    assert people.asked() == asked + 1


@pytest.mark.core
def test_traffic_that_never_pauses_keeps_nobody_waiting(one, people):
    """The root of a worker makes its calls when its timer comes, which nobody's events may put off."""
    browser, over, sent = people.sign_in(one, people.add()), threading.Event(), []

    def trickle():
        with H1(one.plain_port) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send_head("POST", "/public/upload", [("content-length", "1000000")])
            while not over.wait(0.002):
                client.send(b"x")
                sent.append(time.monotonic())

    upload = threading.Thread(target=trickle)
    upload.start()
    try:
        time.sleep(EVERY)
        began = time.monotonic()
        assert browser.fetch("/private/x").status == 200
        took = time.monotonic() - began
        pieces = len([at for at in sent if at >= began])
    finally:
        over.set()
        upload.join()
    print(f"answered after {took * 1000:.0f} ms, and {pieces} pieces of an upload meanwhile")
    assert pieces >= 3 and took < 1


def test_workers_share_what_they_found_out(checking, people):
    with checking(concurrency=2, every=300) as envoy:
        browser = people.sign_in(envoy, people.add())
        asked = people.asked()
        assert all(has_session(browser) for _ in range(40))
        assert people.asked() == asked


def test_who_is_there_all_the_time_never_waits(one, people):
    account = people.add()
    browser = people.sign_in(one, account)
    people.slow_down(0.4)
    longest, end = 0.0, time.monotonic() + 2 * EVERY
    while time.monotonic() < end:
        began = time.monotonic()
        assert has_session(browser)
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.05)
    print(f"slowest request while the application took 0.4 s for an answer: {longest * 1000:.0f} ms")
    assert longest < 0.35


@pytest.mark.core
@pytest.mark.parametrize("way", [RESET, error(500), error(401), error(429), Answer(200, b"<html>", [])])
def test_an_application_that_cannot_be_asked_ends_nobody_at_once_and_nobody_stays_for_ever(checking, people, way):
    with checking(every=1, recheck={"unreachable": {"grace_seconds": 3}}) as envoy:
        browser = people.sign_in(envoy, people.add())
        people.application.handler = lambda request: way
        time.sleep(1.5)
        assert has_session(browser), "within the grace"
        until(lambda: browser.fetch("/private/x").status == 503, 5)
        assert b"Not possible now" in browser.get("/private/x").body


def test_refuse_means_at_once(checking, people):
    with checking(every=1, recheck={"unreachable": "refuse"}) as envoy:
        browser = people.sign_in(envoy, people.add())
        assert has_session(browser)
        people.application.handler = lambda request: error(503)
        time.sleep(1.1)
        assert browser.fetch("/private/x").status == 503
        assert people.try_to_sign_in(envoy, "somebody@n.example")[0].status == 503


@pytest.mark.core
def test_without_an_account_nobody_gets_in_where_one_is_required(checking, people):
    with checking(require_provisioned=True) as envoy:
        reply, browser = people.try_to_sign_in(envoy, "nobody@n.example")
        assert reply.status == 403 and b"account is not set up yet" in reply.body
        assert not has_session(browser)
        account = people.add(active=False)
        reply, _ = people.try_to_sign_in(envoy, account["userName"])
        assert reply.status == 403 and b"not active" in reply.body
        account["active"] = True
        assert people.try_to_sign_in(envoy, account["userName"])[0].status == 303
        people.application.handler = lambda request: error(500)
        assert people.try_to_sign_in(envoy, account["userName"])[0].status == 503


def test_somebody_without_an_account_may_sign_in_where_none_is_required(one, people):
    reply, browser = people.try_to_sign_in(one, "guest@n.example")
    assert reply.status == 303
    assert has_session(browser)
    time.sleep(EVERY + 0.5)
    assert has_session(browser)
    people.add(userName="guest@n.example", active=False)
    until(lambda: not has_session(browser), EVERY + 1)


@pytest.mark.core
@pytest.mark.parametrize("trailers", [None, [("x-user", "forged"), ("authorization", "Basic eDp5"), ("x-check", "1")]])
def test_a_body_that_comes_while_the_account_is_asked_about_arrives_whole(one, people, h2_app, trailers):
    account = people.add()
    browser = people.sign_in(one, account)
    time.sleep(EVERY)
    people.slow_down(0.4)
    body = bytes(range(256)) * 400
    with H2(one.tls_port, tls=True, host="localhost:8443") as client:
        headers = [cookie_of(browser), ("content-type", "application/octet-stream"), ("x-user", "forged")]
        stream = client.start("POST", "/h2/private/upload", headers)
        client.send(stream, body[:50_000])
        time.sleep(0.1)
        client.send(stream, body[50_000:], end=trailers is None)
        if trailers:
            client.trailers(stream, trailers)
        assert client.reply(stream).status == 200
    (got,) = h2_app.requests
    assert bytes(got.body) == body
    assert got.get("x-user") == account["userName"]
    assert [name for name, _ in got.trailers or []] == (["x-check"] if trailers else [])


@pytest.mark.core
def test_a_body_that_is_still_coming_when_the_account_is_known_arrives_whole(one, people):
    browser = people.sign_in(one, people.add())
    time.sleep(EVERY)
    people.slow_down(0.2)
    body = b"0123456789" * 1000
    with H1(one.tls_port, tls=True, host="localhost:8443") as client:
        client.send_head("POST", "/private/upload", [cookie_of(browser), ("content-length", str(len(body)))])
        for at in range(0, len(body), 2500):
            client.send(body[at : at + 2500])
            time.sleep(0.15)
        assert client.reply("POST").status == 200


@pytest.mark.alone
@pytest.mark.core
def test_a_socket_is_closed_when_its_person_is_locked_out_and_others_stay(checking, people):
    with checking(every=300) as envoy:
        account, other = people.add(), people.add()
        gone, stays = people.sign_in(envoy, account), people.sign_in(envoy, other)
        with H1(envoy.tls_port, tls=True, host="localhost:8443") as first, H1(
            envoy.tls_port, tls=True, host="localhost:8443"
        ) as second:
            for client, browser in ((first, gone), (second, stays)):
                client.send_head("GET", "/private/socket", [*UPGRADE, cookie_of(browser)])
                assert client.reply().status == 101
            time.sleep(1.2)
            first.send(b"a")
            assert first.stream.read(6) == b"echo:a"
            entra(envoy, "PATCH", f"/Users/{account['id']}", OFF)
            began = time.monotonic()
            assert first.stream.read(1) == b"", "closed"
            took = time.monotonic() - began
            print(f"a WebSocket was closed {took:.2f} s after the deactivation")
            assert took < 5
            second.send(b"b")
            assert second.stream.read(6) == b"echo:b"
        assert envoy.stats("vestibule.stream.closed")


def ticks(client, browser, path="/private/ticks"):
    client.send_head("GET", path, [cookie_of(browser)])
    line = client.stream.readline()
    assert b" 200 " in line, line


def broken_off(client, seconds: float) -> float:
    """Seconds until the answer broke off; it never ends by itself."""
    client.socket.settimeout(seconds)
    began = time.monotonic()
    try:
        while client.stream.readline():
            assert time.monotonic() - began < seconds, "still open"
    except ConnectionError:
        pass
    return time.monotonic() - began


@pytest.mark.alone
@pytest.mark.core
def test_a_download_breaks_off_when_its_person_is_locked_out(checking, people, ticker):
    with checking(every=300) as envoy:
        account = people.add()
        browser = people.sign_in(envoy, account)
        with H1(envoy.tls_port, tls=True, host="localhost:8443") as client:
            ticks(client, browser)
            time.sleep(1.2)
            left = ticker.broken
            entra(envoy, "DELETE", f"/Users/{account['id']}")
            took = broken_off(client, 5)
            print(f"a download broke off {took:.2f} s after the deletion")
            assert took < 5
            until(lambda: ticker.broken > left, 3)


@pytest.mark.core
def test_over_http2_a_stream_is_reset_and_the_connection_lives_on(checking, people):
    with checking(every=300) as envoy:
        account = people.add()
        browser = people.sign_in(envoy, account)
        with H2(envoy.tls_port, tls=True, host="localhost:8443") as client:
            stream = client.start("GET", "/private/ticks", [cookie_of(browser)], end=True)
            entra(envoy, "PATCH", f"/Users/{account['id']}", OFF)
            reply = client.reply(stream)
            assert reply.status == 200 and reply.cut
            assert client.request("GET", "/private/x", [cookie_of(browser)]).status == 401


@pytest.mark.alone
def test_a_stream_at_another_envoy_ends_within_the_recheck_time(checking, people):
    with checking() as here, checking() as there:
        account = people.add()
        browser = people.sign_in(here, account)
        with H1(there.tls_port, tls=True, host="localhost:8443") as client:
            ticks(client, browser)
            account["active"] = False
            took = broken_off(client, 10)
            print(f"re-check every {EVERY} s: an open stream elsewhere broke off after {took:.2f} s")
            assert took < EVERY + 5


def test_a_stream_of_somebody_active_outlives_many_checks(one, people):
    browser = people.sign_in(one, people.add())
    with H1(one.tls_port, tls=True, host="localhost:8443") as client:
        ticks(client, browser)
        client.socket.settimeout(5)
        end = time.monotonic() + 3 * EVERY
        while time.monotonic() < end:
            assert client.stream.readline()


@pytest.mark.alone
def test_a_stream_gets_no_older_than_configured(checking, people):
    with checking(every=300, max_stream_age_seconds=2) as envoy:
        browser = people.sign_in(envoy, people.add())
        with H1(envoy.tls_port, tls=True, host="localhost:8443") as client:
            ticks(client, browser)
            assert 1.5 < broken_off(client, 8) < 4.5
        assert has_session(browser)


def members(envoy, *operations) -> None:
    reply = entra(envoy, "PATCH", "/Groups/g-1", patch(*operations))
    assert reply.status in (200, 204), reply


@pytest.mark.core
@pytest.mark.parametrize("op", ["Add", "Remove"])
def test_a_change_of_a_groups_members_ends_their_sessions_where_it_is_to(checking, people, op):
    with checking(every=300, on_group_change="end") as envoy:
        account, other = people.add(), people.add()
        gone, stays = people.sign_in(envoy, account), people.sign_in(envoy, other)
        people.scim.write = Answer(204, b"", [])
        members(envoy, {"op": op, "path": "members", "value": [{"$ref": None, "value": account["id"]}]})
        assert not has_session(gone)
        assert has_session(stays)
        assert people.try_to_sign_in(envoy, account["userName"])[0].status == 303
        members(envoy, {"op": "Remove", "path": "members"})
        assert not has_session(stays), "it does not say who was in it"


@pytest.mark.core
@pytest.mark.parametrize("mode", ["end", "refresh"])
def test_a_change_of_groups_ends_the_applications_login_in_the_next_session_too(checking, people, app, mode):
    def arrives(browser) -> str:
        assert browser.fetch("/private/x").status == 200
        return "; ".join(app.requests[-1].all("cookie"))

    with checking(every=300, on_group_change=mode, application_cookies=["sid"]) as envoy:
        account, other = people.add(), people.add()
        app.handler = lambda request: Answer(200, b"{}", [("set-cookie", "sid=1; Path=/; HttpOnly")])
        member, stays = people.sign_in(envoy, account), people.sign_in(envoy, other)
        assert member.fetch("/private/x").status == stays.fetch("/private/x").status == 200
        app.handler = lambda request: Answer(200, b"{}", [])
        people.scim.write = Answer(204, b"", [])
        members(envoy, {"op": "Remove", "path": "members", "value": [{"value": account["id"]}]})
        for browser, whose, expected in ((member, account, ""), (stays, other, "sid=1")):
            login = Login(browser, "/.vestibule/sign-in?return=/private/x")
            assert login.answer(people.idp.response(login.request.id, whose["userName"])).status == 303
            assert arrives(browser) == expected, "in it the application held them for a member"


def test_refresh_takes_the_next_page_through_a_sign_in(checking, people):
    with checking(every=300, on_group_change="refresh") as envoy:
        account, other = people.add(), people.add()
        browser, stays = people.sign_in(envoy, account), people.sign_in(envoy, other)
        people.scim.write = Answer(204, b"", [])
        members(envoy, {"op": "Add", "path": "members", "value": [{"value": account["id"]}]})
        assert browser.fetch("/private/x").status == 200
        assert browser.get("/private/page").status == 302
        assert stays.get("/private/page").status == 200


def test_groups_change_nothing_where_that_is_not_wanted(one, people):
    account = people.add()
    browser = people.sign_in(one, account)
    people.scim.write = Answer(204, b"", [])
    members(one, {"op": "Remove", "path": "members"})
    assert has_session(browser) and browser.get("/private/page").status == 200


@pytest.mark.core
def test_an_answer_without_a_body_locks_out_whom_the_look_before_the_write_found(checking, people):
    with checking(every=300) as envoy:
        account = people.add()
        browser = people.sign_in(envoy, account)
        people.scim.write = Answer(204, b"", [])
        assert entra(envoy, "PATCH", f"/Users/{account['id']}", OFF).status == 204
        assert not has_session(browser)
