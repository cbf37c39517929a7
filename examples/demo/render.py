#!/usr/bin/env python3
"""Fills in a template: every @NAME@ is replaced by its value.

render.py TEMPLATE NAME=VALUE... > FILE
"""

import re
import sys

PLACEHOLDER = re.compile(r"@([A-Z][A-Z0-9_]*)@")
# Values stand inside YAML scalars, quoted or not, so nothing that could end one is let in.
UNSAFE = re.compile(r"[\x00-\x1f\"'\\{}\[\],#&*!|>%@`]|: ")


def render(template, values):
    """The template with its values; raises ValueError for one that is missing, unused or unsafe."""
    wanted = set(PLACEHOLDER.findall(template))
    if wanted != set(values):
        missing, unused = sorted(wanted - set(values)), sorted(set(values) - wanted)
        raise ValueError(f"no value for {missing}, no place for {unused}")
    for name, value in values.items():
        if UNSAFE.search(str(value)):
            raise ValueError(f"the value of {name} has a character that YAML would take as its own: {value!r}")
    return PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), template)


def main():
    if len(sys.argv) < 2 or any("=" not in argument for argument in sys.argv[2:]):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        template = file.read()
    try:
        sys.stdout.write(render(template, dict(argument.split("=", 1) for argument in sys.argv[2:])))
    except ValueError as problem:
        sys.exit(f"render.py: {problem}")


if __name__ == "__main__":
    main()
