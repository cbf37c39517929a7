"""What the filter asks of its host in one exchange, and how long it is in Wasm by itself."""

import json
import subprocess

from . import access, load, people, servers
from .report import Row, Section
from .rounds import Rounds, middle
from .servers import AUTHORITY

from harness.envoy import ENVIRONMENT  # noqa: E402


def _pairs(path: str, cookie: str | None) -> list:
    pseudo = [(":authority", AUTHORITY), (":path", path), (":method", "GET"), (":scheme", "http")]
    added = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http"), ("x-request-id", "6f1f1a0c-0000-4000-8000-000000000000")]
    return [*pseudo, *people.BROWSER, *added, *([("cookie", cookie)] if cookie else [])]


RESPONSE = [(":status", "200"), ("content-length", "1024"), ("content-type", "text/html"), ("date", "Thu, 26 Nov 2026 21:00:00 GMT"), ("server", "envoy")]


def plan(run, configuration: dict, cookies: list[str], count: bool, **more) -> dict:
    """What `host.mjs` is to do."""
    private = [_pairs("/private/a", cookie) for cookie in cookies]
    exchanges = [
        {"name": "public", "requests": [_pairs("/public/a", cookies[0])], "expected": 0},
        {"name": "signed_in", "requests": private[:1], "expected": 0},
        {"name": "first_request", "requests": private, "expected": 0},
        {"name": "group", "requests": [_pairs("/group/a", cookies[0])], "expected": 0},
    ]
    return {
        "wasm": run.wasm,
        "configuration": json.dumps(configuration),
        "environment": ENVIRONMENT,
        "exchanges": exchanges,
        "response": RESPONSE,
        "count": count,
        "rounds": 1 if count else 7,
        "repeat": 1000 if count or run.quick else 5000,
    } | more


def measure(run) -> list[Section]:
    """See the module."""
    with access.proxies(run) as (_, persons, _token):
        cookies = persons.sessions(access.SESSIONS)
        configuration = people.configuration(persons.signer.keys["certificate"])
    counted = played(run, plan(run, configuration, cookies, True))
    timed = played(run, plan(run, configuration, cookies, False))
    empty = played(run, plan(run, configuration, cookies, False, wasm=run.empty))
    names = {name: name.replace("_", " ") for name in counted}
    rows = [Row("**µs in the filter**", {names[name]: f"{one['microseconds']:.1f}" for name, one in timed.items()} | {"empty filter": f"{empty['signed_in']['microseconds']:.1f}"})]
    rows.append(Row("**calls**", {names[name]: _number(sum(one["calls"].values())) for name, one in counted.items()}))
    for call in sorted({call for one in counted.values() for call in one["calls"]}):
        rows.append(Row(f"`{call}`", {names[name]: _number(one["calls"].get(call, 0)) for name, one in counted.items()}))
    figures = {f"host_calls_{name}": round(sum(one["calls"].values()), 2) for name, one in counted.items()}
    figures |= {f"wasm_microseconds_{name}": round(one["microseconds"], 2) for name, one in timed.items()}
    facts = "One GET and its answer under a host of our own in Node (V8): time in the filter with calls that cost little, and the calls it makes."
    return [Section("Calls to the host", facts, rows, figures), costs(run)]


CALLS = ["get_time", "get_headers", "get_property", "get_source_address", "set_property", "replace_header", "get_shared_data", "increment_metric"]
MANY = 20


def costs(run) -> Section:
    """What each kind of call costs in Envoy: processor time of requests with many of them and of those with none."""
    variants = {"none": [servers.wasm(run.calls, "calls", "none 0")]}
    variants |= {call: [servers.wasm(run.calls, "calls", f"{call} {MANY}")] for call in CALLS}
    routes = [servers.bootstrap.route("/", "app")]
    with (
        servers.Upstream(run.envoy, [servers.application()]) as upstream,
        servers.Proxy(run.envoy, variants, {"app": upstream.plain_port}, routes, load.PROXY_CORE) as proxy,
    ):
        file = load.Requests(run.place, [people.page("/private/a")])

        def repeated(name):
            return lambda: proxy.load(name, file, run.connections)

        rounds = Rounds({name: repeated(name) for name in variants}, [], run.say).run(0, run.rounds, 0)
    none = [sample.processor_microseconds for sample in rounds.samples["none"]]
    rows, figures = [], {}
    for call in CALLS:
        each = [(sample.processor_microseconds - base) / MANY for sample, base in zip(rounds.samples[call], none, strict=True)]
        rows.append(Row(f"`{call}`", {"µs each": middle(each)}))
        figures[f"call_microseconds_{call}"] = round(middle(each).median, 2)
    facts = f"Processor time of Envoy's worker with {MANY} calls in a request over that with none; made by the SDK, 14 request headers."
    return Section("What a call to the host costs in Envoy", facts, rows, figures)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def played(run, plan_: dict, *options: str) -> dict:
    file = run.place / "plan.json"
    file.write_text(json.dumps(plan_))
    command = ["node", "--no-warnings", *options, str(servers.ROOT / "benches" / "proxy" / "host.mjs"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
