"""Start-up, memory, and the size of the module."""

import gzip
import statistics
import time
from pathlib import Path

from .servers import Envoy, Proxy, Upstream, application, bootstrap, ours, settings, wasm

from harness.tls import self_signed  # noqa: E402

from . import load, people
from .report import Row, Section
from .responses import Signer
from .rounds import middle

WORKERS = (1, 5)


def _envoy(run, filters: list[dict], port: int, workers: int) -> Envoy:
    made = Proxy(run.envoy, {"main": filters}, {"app": port}, [bootstrap.route("/", "app")], load.PROXY_CORE)
    made.bootstrap["static_resources"]["listeners"] = [
        bootstrap.listener(name, [bootstrap.route("/", "app")], filters if name == "main" else [], None, None)
        for name in ("main", "plain", "tls")
    ]
    made.concurrency = workers
    return made


def measure(run) -> list[Section]:
    """See the module."""
    keys = self_signed(run.place, "idp")
    kinds = {
        "no filter": [],
        "empty Wasm filter": [wasm(run.empty, "empty")],
        "Vestibule": [ours(run.wasm, people.configuration(keys["certificate"]), "vestibule")],
    }
    seen: dict[tuple, list] = {}
    with Upstream(run.envoy, [application()]) as upstream:
        for _ in range(2 if run.quick else 5):
            for kind, filters in kinds.items():
                for workers in WORKERS:
                    with _envoy(run, filters, upstream.plain_port, workers) as envoy:
                        time.sleep(0.5)
                        processor = load.processor_seconds(envoy.process.pid)
                        one = (envoy.seconds_to_ready, processor, envoy.resident_kilobytes() * 1024)
                        seen.setdefault((kind, workers), []).append(one)

    def of(kind, workers, which):
        return [one[which] for one in seen[kind, workers]]

    def worker(kind):
        """Memory of one more worker, each round by itself."""
        few, many = WORKERS
        pairs = zip(of(kind, few, 2), of(kind, many, 2), strict=True)
        return [(b - a) / (many - few) for a, b in pairs]

    bare = statistics.median(worker("no filter"))
    per_vm = {kind: middle([one - bare for one in worker(kind)]) for kind in kinds}
    rows = [
        Row(
            kind,
            {
                "ready after s": middle(of(kind, 1, 0)),
                "processor s until then": middle(of(kind, 1, 1)),
                "resident MiB, one worker": _mib(middle(of(kind, 1, 2)).median),
                f"resident MiB, {WORKERS[1]} workers": _mib(middle(of(kind, WORKERS[1], 2)).median),
                "MiB of one more worker's VM": _mib(per_vm[kind].median),
            },
        )
        for kind in kinds
    ]
    module = Path(run.wasm).read_bytes()
    facts = (
        f"A worker's VM at rest: what each of {WORKERS[1] - WORKERS[0]} more workers adds to the resident memory of Envoy, without what it adds"
        f" to an Envoy that has no filter. One tenant. The module has {len(module):,} octets, {len(gzip.compress(module)):,} compressed."
    )
    figures = {
        "module_bytes": len(module),
        "module_bytes_gzip": len(gzip.compress(module)),
        "start_seconds": round(middle(of("Vestibule", 1, 0)).median, 3),
        "start_seconds_no_filter": round(middle(of("no filter", 1, 0)).median, 3),
        "resident_bytes_one_worker": int(middle(of("Vestibule", 1, 2)).median),
        "resident_bytes_one_worker_no_filter": int(middle(of("no filter", 1, 2)).median),
    }
    section = Section("Footprint", facts, rows, figures)
    section.figures["vm_bytes_at_rest"] = int(per_vm["Vestibule"].median)
    section.spread["vm_bytes_at_rest"] = int(per_vm["Vestibule"].half_width)
    return [section]


def _mib(octets: float) -> str:
    return f"{octets / (1 << 20):.1f}"


def million(run) -> list[Section]:
    """Memory of one worker over a million requests: public, signed in, first of a session, and refused."""
    total = 20_000 if run.quick else 1_000_000
    keys = self_signed(run.place, "idp")
    signer = Signer(keys, settings.IDP, settings.ENTITY, settings.ACS)
    filters = [ours(run.wasm, people.configuration(keys["certificate"]), "vestibule")]
    with (
        Upstream(run.envoy, [application()]) as upstream,
        _envoy(run, filters, upstream.plain_port, 1) as envoy,
    ):
        load.pin(envoy.process.pid, load.PROXY_CORE)
        cookies = people.People(envoy.ports["main"], signer).sessions(2500)
        pages = [people.page("/private/a", cookie) for cookie in cookies] + [people.page("/public/a")] * 500
        file = load.Requests(run.place, pages)
        resident, done = [(0, envoy.resident_kilobytes() * 1024)], 0
        while done < total:
            done += load.load(envoy.ports["main"], envoy.process.pid, file, run.connections, 5).requests
            resident.append((done, envoy.resident_kilobytes() * 1024))
            run.say(f"{done:,} requests, {_mib(resident[-1][1])} MiB")
        errors = sum(envoy.stats(r"downstream_rq_5xx").values())
    half = min(range(len(resident)), key=lambda at: abs(resident[at][0] - done / 2))
    rows = [Row(f"{count:,} requests", {"resident MiB": _mib(octets)}) for count, octets in (resident[0], resident[1], resident[half], resident[-1])]
    facts = f"One worker, 2,500 sessions in turn with requests of nobody between; {errors} answers of 500 and above."
    growth = resident[-1][1] - resident[half][1]
    return [Section("Memory over many requests", facts, rows, {"requests": done, "growth_bytes_second_half": growth})]
