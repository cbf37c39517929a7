"""Where the time of a signed-in request, of a PATCH and of a list goes within the filter, function by function, under Node.

Wants a module with names: `CARGO_PROFILE_RELEASE_STRIP=none CARGO_TARGET_DIR=target/profile tools/build-wasm.sh`, then
`./bench --wasm target/profile/wasm32-wasip1/release/vestibule.wasm profile`."""

import collections
import json
import re

from . import access, host_calls, people, scim
from .report import Row, Section

MOST = 40


def measure(run) -> list[Section]:
    """See the module."""
    with access.proxies(run) as (_, persons, _token):
        cookies = persons.sessions(20)
        configuration = people.configuration(persons.signer.keys["certificate"])
    plan = host_calls.plan(run, configuration, cookies, False)
    signed_in = [(plan, exchange, 20_000) for exchange in plan["exchanges"] if exchange["name"] in ("public", "signed_in")]
    plan = host_calls.plan(run, scim.configuration(run), [""], False)
    provisioning = [(plan, exchange, times) for exchange, times in ((scim.patch_exchange(), 10_000), (scim.plain_patch_exchange(), 10_000), (scim.list_exchange(), 300))]
    sections = []
    for plan, exchange, repeat in signed_in + provisioning:
        place = run.place / exchange["name"]
        one = plan | {"exchanges": [exchange], "repeat": repeat, "rounds": 3}
        options = ["--cpu-prof", f"--cpu-prof-dir={place}", "--cpu-prof-interval", "200"]
        took = host_calls.played(run, one, *options)[exchange["name"]]["microseconds"]
        (file,) = place.iterdir()
        shares = inclusive(json.loads(file.read_text()))
        rows = [Row(f"`{name}`", {"of the exchange": f"{100 * share:.1f} %"}) for name, share in shares[:MOST]]
        facts = f"{took:.1f} µs for one exchange, the host's part included; each line with all that it calls."
        if "sent" in exchange or "received" in exchange:
            other = one | {"wasm": run.json, "configuration": "", "exchanges": [exchange | scim.AT_APPLICATION]}
            options[1] = f"--cpu-prof-dir={place}-compared"
            compared = host_calls.played(run, other, *options)[exchange["name"]]["microseconds"]
            facts += f" The filter that parses and prints: {compared:.1f} µs."
        sections.append(Section(f"Profile: {exchange['name'].replace('_', ' ')}", facts, rows))
    return sections


def inclusive(profile: dict) -> list[tuple[str, float]]:
    """Functions of the filter and calls to the host with their share of the time of an exchange, the largest first."""
    nodes = {node["id"]: node for node in profile["nodes"]}
    hits = collections.Counter(profile["samples"])
    total = collections.Counter()

    def walk(node: dict, above: frozenset) -> int:
        name = _plain(node["callFrame"]["functionName"])
        inside = above | {name}
        time = hits[node["id"]] + sum(walk(nodes[child], inside) for child in node.get("children", ()))
        if name not in above:
            total[name] += time
        return time

    walk(next(node for node in nodes.values() if node["callFrame"]["functionName"] == "(root)"), frozenset())
    whole = total["exchange"] or 1
    ours = ((name, time / whole) for name, time in total.items() if re.search(r"vestibule|^proxy_|^dl", name))
    return sorted(ours, key=lambda pair: -pair[1])


def _plain(name: str) -> str:
    """A mangled name as it is written, without its hash."""
    if not name.startswith("_ZN"):
        return name
    parts, rest = [], name[3:]
    while found := re.match(r"\d+", rest):
        length, rest = int(found[0]), rest[found.end() :]
        parts.append(rest[:length])
        rest = rest[length:]
    if parts and re.fullmatch(r"h[0-9a-f]{16}", parts[-1]):
        parts.pop()
    text = "::".join(parts).replace("$u20$", " ").replace("$LT$", "<").replace("$GT$", ">").replace("..", "::")
    return re.sub(r"\$[^$]*\$", "", text)
