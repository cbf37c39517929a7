"""A person's requests: the same page of one kilobyte through one Envoy with one worker, once for each filter."""

import contextlib
import datetime

from .servers import Proxy, Upstream, application, bootstrap, jwt_authn, lua, ours, wasm

from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from harness import settings  # noqa: E402
from harness.authorities import Key  # noqa: E402
from harness.tls import self_signed  # noqa: E402

from . import load, people
from .report import Row, Section
from .responses import Signer
from .rounds import Rounds

# More than a worker keeps opened (two generations of 1,024), so that each request finds its session unopened.
SESSIONS = 2500
WATCHED = [
    ("signed_in", "empty"),
    ("signed_in", "plain"),
    ("jwt_authn", "plain"),
    ("first_request", "empty"),
    ("public", "empty"),
]


def _assertion_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@contextlib.contextmanager
def proxies(run):
    """The Envoys, with everything that is compared."""
    keys = self_signed(run.place, "idp")
    signer = Signer(keys, settings.IDP, settings.ENTITY, settings.ACS)
    jwt = Key("k")
    configuration = people.configuration(keys["certificate"])
    asserting = people.configuration(
        keys["certificate"], assertion={"audience": "https://app.test", "key": {"value": _assertion_key()}}
    )
    variants = {
        "plain": [],
        "jwt_authn": [jwt_authn({"keys": [jwt.jwk()]}, settings.IDP, False)],
        "jwt_authn_cached": [jwt_authn({"keys": [jwt.jwk()]}, settings.IDP, True)],
        "lua": [lua()],
        "empty": [wasm(run.empty, "empty")],
        "ours": [ours(run.wasm, configuration, "ours")],
        "ours_assertion": [ours(run.wasm, asserting, "ours_assertion")],
    }
    with (
        Upstream(run.envoy, [application()]) as upstream,
        Proxy(run.envoy, variants, {"app": upstream.plain_port}, [bootstrap.route("/", "app")], load.PROXY_CORE) as proxy,
    ):
        yield proxy, people.People(proxy.ports["ours"], signer), _token(jwt)


def _token(key: Key) -> str:
    until = int((datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).timestamp())
    return key.sign({"iss": settings.IDP, "sub": "ada@n.example", "aud": "app", "exp": until})


def measure(run) -> list[Section]:
    """See the module."""
    with proxies(run) as (proxy, persons, token):
        run.say(f"signing {SESSIONS} people in")
        cookies = persons.sessions(SESSIONS)
        one = cookies[0]
        bearer = ("authorization", f"Bearer {token}")

        def repeated(listener, *requests):
            file = load.Requests(run.place, list(requests))
            return lambda: proxy.load(listener, file, run.connections)

        variants = {
            "plain": repeated("plain", people.page("/private/a", one)),
            "jwt_authn": repeated("jwt_authn", people.page("/private/a", one, bearer)),
            "jwt_authn_cached": repeated("jwt_authn_cached", people.page("/private/a", one, bearer)),
            "lua": repeated("lua", people.page("/private/a", one)),
            "empty": repeated("empty", people.page("/private/a", one)),
            "public": repeated("ours", people.page("/public/a", one)),
            "signed_in": repeated("ours", people.page("/private/a", one)),
            "first_request": repeated("ours", *(people.page("/private/a", cookie) for cookie in cookies)),
            "group": repeated("ours", people.page("/group/a", one)),
            "assertion": repeated("ours_assertion", people.page("/private/a", one)),
        }
        rounds = Rounds(variants, WATCHED, run.say).run(run.half_width, run.rounds, run.seconds)
        facts = (
            f"GET of a page of 1,024 octets; {len(people.BROWSER)} headers as Chrome sends them and a cookie header of"
            f" {len(one)} octets (session of 10 attributes with 10 groups, time of use, two of the application);"
            f" {run.connections} connections, HTTP/1.1 without TLS; {SESSIONS} sessions in turn for the first request of a session"
        )
        return [section(rounds, facts)]


def section(rounds: Rounds, facts: str) -> Section:
    """The table and the figures."""
    names = {
        "plain": "no filter",
        "jwt_authn": "native `jwt_authn`, RS256",
        "jwt_authn_cached": "native `jwt_authn`, RS256, with its cache",
        "lua": "Lua, one header",
        "empty": "empty Wasm filter",
        "public": "Vestibule, public route",
        "signed_in": "Vestibule, signed in",
        "first_request": "Vestibule, first request of a session",
        "group": "Vestibule, signed in, rule on a group",
        "assertion": "Vestibule, signed in, signed assertion to the application",
    }
    rows = [
        Row(
            names[name],
            {
                "of no filter": rounds.ratio(name, "plain"),
                "of an empty Wasm filter": rounds.ratio(name, "empty"),
                "the same, by processor": rounds.ratio(name, "empty", "processor_rate"),
                "requests/s": rounds.of(name),
                "processor µs": rounds.of(name, "processor_microseconds"),
            },
        )
        for name in names
    ]
    figures = {
        "signed_in_vs_empty_wasm": ("signed_in", "empty"),
        "signed_in_vs_plain": ("signed_in", "plain"),
        "jwt_authn_vs_plain": ("jwt_authn", "plain"),
        "first_request_vs_empty_wasm": ("first_request", "empty"),
        "public_vs_empty_wasm": ("public", "empty"),
        "group_vs_empty_wasm": ("group", "empty"),
        "assertion_vs_empty_wasm": ("assertion", "empty"),
        "lua_vs_plain": ("lua", "plain"),
        "empty_wasm_vs_plain": ("empty", "plain"),
    }
    return Section("Requests of people", facts, rows).ratios(rounds, figures)

