"""XML documents made at random, with all that canonical XML has rules for, and random changes of them."""

import random

PREFIXES = ["", "a", "b", "ds", "xs"]
NAMES = ["urn:a", "urn:b", "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/XMLSchema"]
LOCALS = ["x", "y", "Name", "z-1", "\u00e9l\u00e9ment"]
TEXTS = [
    "t",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "&amp;",
    "&lt;",
    "&gt;",
    "&quot;",
    "&apos;",
    "&#13;",
    "&#x9;",
    "&#10;",
    "&#x1F600;",
    "\u00e9",
    "\U0001f600",
    ">",
    "]]&gt;",
    "'",
    '"',
    "<![CDATA[<&>]]>",
    "<![CDATA[]]>",
    "<!-- c -->",
    "<!---->",
    "<?p d?>",
    "<?p?>",
]
VALUES = [text for text in TEXTS if not text.startswith("<")]


def made(chance: random.Random) -> bytes:
    """A well-formed document with an element whose `ID` is `i`."""
    here = chance.randrange(2, 6)
    number = iter(range(1000))

    def element(depth: int, scope: dict[str, str]) -> str:
        scope, attributes = dict(scope), []
        for prefix in chance.sample(PREFIXES, chance.randrange(3)):
            name = chance.choice([*NAMES, *([""] if prefix == "" else [])])
            scope[prefix] = name
            quote = chance.choice("'\"")
            attributes.append(f"xmlns{':' if prefix else ''}{prefix}={quote}{name}{quote}")
        bound = [prefix for prefix in scope if prefix]
        seen = set()
        for _ in range(chance.randrange(4)):
            prefix, local = chance.choice(["", *bound]), chance.choice(LOCALS)
            key = (scope.get(prefix, "") if prefix else "", local)
            if key in seen:
                continue
            seen.add(key)
            value = "".join(chance.choices(VALUES, k=chance.randrange(4))).replace('"', "&quot;")
            attributes.append(f'{prefix}{":" if prefix else ""}{local}="{value}"')
        if next(number) == here:
            attributes.append('ID="i"')
        chance.shuffle(attributes)
        prefix = chance.choice(["", *bound])
        name = f"{prefix}{':' if prefix else ''}{chance.choice(LOCALS)}"
        space = chance.choice([" ", "\n", "\t ", " "])
        start = f"<{name}" + "".join(space + attribute for attribute in attributes)
        if depth > 5 or chance.random() < 0.15:
            return start + chance.choice(["/>", " />", f"></{name}>"])
        inside = []
        for _ in range(chance.randrange(1, 5)):
            inside.append(element(depth + 1, scope) if chance.random() < 0.5 else chance.choice(TEXTS))
        return f"{start}>{''.join(inside)}</{name}{chance.choice(['', ' '])}>"

    before = chance.choice(["", "", "<?xml version='1.0'?>\n", '<?xml version="1.0" encoding="UTF-8"?>', "\ufeff", "<!-- b -->"])
    return (before + element(0, {}) + chance.choice(["", "\n", "<!-- a -->\n"])).encode()


PIECES = [b"<", b">", b"/", b"'", b'"', b"&", b";", b"=", b" ", b"xmlns", b":", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>"]
PIECES += [b"&#0;", b"&#x110000;", b"&#xD800;", b"&#38;", b"<!DOCTYPE x>", b"\x00", b"\x0b", b"\xff", b"\xc3\xa9", b"\xef\xbf\xbf", b"\r\n"]
PIECES += [b"xml:lang='e'", b"xmlns:a=''", b"xmlns=''", b"xmlns:xml='urn:x'", b"a:", b"\xef\xbb\xbf", b"]]", b"--", b"&a;", b"&amp", b"&#;"]


def changed(octets: bytes, chance: random.Random) -> bytes:
    """The same with one to three small changes."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets) + 1)
        end = min(len(octets), at + chance.choice([0, 0, 1, 2, 8]))
        piece = chance.choice([chance.choice(PIECES), b"", octets[chance.randrange(len(octets) or 1) :][:12]])
        octets = octets[:at] + piece + octets[end:]
    return octets
