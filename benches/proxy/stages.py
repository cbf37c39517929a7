"""What each stage costs, natively and in Wasm, and how it grows with its input."""

import json
import math
import statistics
import subprocess

from .servers import ROOT, settings

from harness.tls import self_signed  # noqa: E402

from . import people, scim
from .report import Row, Section
from .responses import Signer
from .rounds import middle

SIZES = [1, 2, 4, 8, 16]  # doubled each time
SESSION = {"id": "0" * 32, "keys": [], "issued": 0, "ends": 9_999_999_999_999}
TITLES = {
    "parse": ("parse a response", "octets of XML"),
    "canonicalise": ("canonicalise it", "octets of XML"),
    "verify": ("verify its assertion, RSA-2048 in this code", "octets of XML"),
    "decrypt": ("decrypt its assertion, RSA-2048 and AES-256-GCM", "octets of XML"),
    "open_cookie": ("open a session's cookie", "octets of the session"),
    "policy": ("whole decision on a request, rules", "rules"),
    "tenants": ("whole decision on a request, tenants", "tenants"),
    "patch": ("rewrite a PATCH", "octets of JSON"),
    "list": ("repair a list of users", "octets of JSON"),
}


def inputs(run) -> dict:
    """Inputs of every stage, by size."""
    keys, service = self_signed(run.place, "stage-idp"), self_signed(run.place, "stage-service")
    signer = Signer(keys, settings.IDP, settings.ENTITY, settings.ACS, service["certificate"])
    made: dict[str, dict] = {name: {} for name in TITLES}
    for size in SIZES:
        groups = 20 * size
        signed = signer.response("_id", "ada@n.example", groups=groups)
        encrypted = signer.response("_id", "ada@n.example", "encrypted", groups=groups)
        for stage in ("parse", "canonicalise", "verify"):
            made[stage][len(signed)] = signed
        made["decrypt"][len(encrypted)] = encrypted
        session = json.dumps(SESSION | {"identity": _identity(groups)})
        made["open_cookie"][len(session)] = session
        made["policy"][8 * size] = json.dumps(_with_rules(keys["certificate"], 8 * size))
        made["tenants"][8 * size] = json.dumps(_with_tenants(keys["certificate"], 8 * size))
        operations = json.loads(scim.PATCH)
        operations["Operations"] *= 2 * size
        patch = json.dumps(operations)
        made["patch"][len(patch)] = patch
        everybody = [scim.person(at) for at in range(12 * size)]
        list_ = json.dumps({"totalResults": len(everybody), "itemsPerPage": len(everybody), "startIndex": 1, "Resources": everybody})
        made["list"][len(list_)] = list_
    with open(service["key"]) as file:
        decryption_key = file.read()
    pairs = [(":authority", "localhost:8443"), (":path", "/public/a"), (":method", "GET"), (":scheme", "https"), *people.BROWSER]
    with open(keys["certificate"]) as file:
        certificate = file.read()
    return {
        "stages": made,
        "certificate": certificate,
        "decryption_key": decryption_key,
        "headers": pairs,
        "now": 1_800_000_000_000,
        "batch_microseconds": 5_000 if run.quick else 30_000,
    }


def _identity(groups: int) -> dict:
    many = {people.GROUPS: [f"aaaaaaaa-0000-4000-8000-{at:012}" for at in range(groups)]}
    return {"issuer": settings.IDP, "name_id": "ada@n.example", "attributes": many}


def _with_rules(certificate: str, count: int) -> dict:
    made = people.configuration(certificate)
    rules = made["tenants"][0]["access"]["rules"]
    made["tenants"][0]["access"]["rules"] = [
        {"path": {"prefix": f"/area-{at}"}, "access": "signed_in"} for at in range(count - 1)
    ] + rules[:1]
    return made


def _with_tenants(certificate: str, count: int) -> dict:
    made = people.configuration(certificate)
    (one,) = made["tenants"]
    text = json.dumps(one)
    others = [json.loads(text.replace("localhost", f"t{at}.test")) | {"name": f"t{at}"} for at in range(count - 1)]
    for at, other in enumerate(others):
        other["scim"]["tokens"] = [{"name": "own", "sha256": f"{at:064x}"}]
    made["tenants"] = [*others, one]
    return made


def measure(run) -> list[Section]:
    """See the module."""
    handed = json.dumps(inputs(run))
    script = ROOT / "benches" / "proxy" / "stages.mjs"
    commands = {"native": [run.stages], "wasm": ["node", str(script), run.stages_wasm]}
    rounds = {name: [] for name in commands}
    for at in range(2 if run.quick else 5):
        for name, command in commands.items():
            done = subprocess.run(command, input=handed, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr)
            rounds[name].append(json.loads(done.stdout))
        run.say(f"round {at + 1}")
    rows, figures = [], {}
    for stage, (title, unit) in TITLES.items():
        sizes = sorted(rounds["native"][0][stage], key=int)
        times = {way: {size: statistics.median(one[stage][size] for one in rounds[way]) for size in sizes} for way in rounds}
        ratio = middle([wasm[stage][sizes[0]] / native[stage][sizes[0]] for wasm, native in zip(rounds["wasm"], rounds["native"], strict=True)])
        rows.append(
            Row(
                title,
                {
                    "from": f"{int(sizes[0]):,}",
                    "to": f"{int(sizes[-1]):,} {unit}",
                    "native µs": _range(times["native"], sizes),
                    "Wasm µs": _range(times["wasm"], sizes),
                    "Wasm/native": ratio,
                    "growth native": f"{exponent(times['native']):.2f}",
                    "growth Wasm": f"{exponent(times['wasm']):.2f}",
                },
            )
        )
        figures |= {f"{stage}_wasm_vs_native": round(ratio.median, 3), f"{stage}_growth_wasm": round(exponent(times["wasm"]), 3)}
    facts = (
        "The same code natively and as Wasm under Node (V8). Growth: the exponent that fits time over size, from the smallest to the"
        " largest input, each twice the one before; 1 is linear, 0 does not depend on it."
    )
    return [Section("Stages", facts, rows, figures)]


def _range(times: dict, sizes: list[str]) -> str:
    return f"{times[sizes[0]]:,.1f} to {times[sizes[-1]]:,.1f}"


def exponent(times: dict[str, float]) -> float:
    """Slope of the logarithms, by least squares."""
    points = [(math.log(int(size)), math.log(time)) for size, time in times.items()]
    x, y = (statistics.mean(values) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
