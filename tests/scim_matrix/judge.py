"""Whether a state is the one that was meant, and nothing else has changed."""

import json
import re

from .words import ENTERPRISE

# Where a path stands for no value at all: not there, null, empty.
ABSENT = None
SELECTED = re.compile(r"^(\w+)\[(\w+)=([^\]]+)\](?:\.(\w+))?$")
# What the server assigns or derives.
ITS_OWN = {"id", "meta", "schemas", "groups", "password"}


def look(resource: dict, path: str):
    """The value at `name.givenName`, `emails[type=work].value`, `ent.department`; None where there is none."""
    if found := SELECTED.match(path):
        name, key, wanted, sub = found.groups()
        matching = [item for item in elements(resource, name) if str(item.get(key)).lower() == wanted.lower()]
        if len(matching) > 1:
            return f"{len(matching)} elements"
        if not matching:
            return ABSENT
        return _value(matching[0].get(sub)) if sub else matching[0]
    at = resource
    for step in path.split("."):
        step = ENTERPRISE if step == "ent" else step
        at = at.get(step) if isinstance(at, dict) else None
    return _value(at)


def elements(resource: dict, name: str) -> list[dict]:
    """The elements of a multi-valued attribute."""
    found = resource.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _value(found):
    return ABSENT if found in ("", [], {}) else found


def flat(resource: dict) -> dict[str, str]:
    """Leaves by path, without what is empty and what the server assigns; a list is one leaf."""
    leaves = {}

    def walk(at: dict, prefix: str) -> None:
        for name, value in at.items():
            path = f"{prefix}{'ent' if name == ENTERPRISE else name}"
            if not prefix and name in ITS_OWN:
                continue
            if isinstance(value, dict):
                walk(value, path + ".")
            elif value not in (None, "", []):
                leaves[path] = json.dumps(_bare(value), sort_keys=True)

    walk(resource, "")
    return leaves


def _bare(value):
    """A value without references and labels, a list in an order of its own."""
    if isinstance(value, list):
        return sorted((_bare(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in value.items() if name not in ("$ref", "display") and item}
    return value


def differences(before: dict, after: dict, but: set[str]) -> list[str]:
    """Paths at which two states differ, except those named and what a server derives from names."""
    if any(path.startswith("name.") for path in but):
        but = but | {"displayName", "name.formatted"}
    exempt = {path.split("[")[0].removesuffix(".value") for path in but}
    old, new = flat(before), flat(after)
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    return sorted(path for path in changed if not any(path == e or path.startswith(e + ".") for e in exempt))


def compare(after: dict, expected: dict) -> list[str]:
    """What is not as expected, path by path."""
    problems = []
    for path, wanted in expected.items():
        have = look(after, path)
        if not _same(have, wanted):
            problems.append(f"{path} is {_brief(have)}, not {_brief(wanted)}")
    return problems


def _same(have, wanted) -> bool:
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(_same(have.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(have, list) and len(have) == len(wanted) and all(any(_same(h, w) for h in have) for w in wanted)
        )
    return have == wanted and isinstance(have, bool) == isinstance(wanted, bool)


def _brief(value) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 70 else text[:67] + "…"
