"""What an application could take for a header that says who is there, however it folds names."""

import re

# As the profiles of the filter have them, and as well-known applications read them.
WELL_KNOWN = [
    "x-vestibule-assertion",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-mail",
    "x-forwarded-displayname",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-access-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "x-remote-user",
    "x-remote-group",
    "x-webauth-user",
    "x-webauth-email",
    "x-webauth-name",
    "x-webauth-groups",
    "x-webauth-role",
]


def spellings(name: str) -> list[str]:
    """Ways to write a name that some server reads as the name itself."""
    parts = name.split("-")
    return [
        name,
        name.upper(),
        name.title(),
        *(separator.join(parts) for separator in ("_", "--", "__", "-_", ".", "!", "~", "|", "+")),
        name.replace("-", "_", 1),
        name.replace("-", "_").upper(),
    ]


def folded(name: str) -> str:
    """The name as the most careless of servers reads it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def found(pairs, names) -> list[tuple[str, str]]:
    """Those of these headers that are one of `names` in any spelling."""
    return [(folded(name), value) for name, value in pairs if folded(name) in names]
