"""Names, bodies and operations of SCIM, and the spellings that Entra gives them."""

from urllib.parse import quote, quote_plus

from harness.client import scim_json

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# What Entra names among the schemas of a new group.
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
FLAG = "aadOptscim062020"

Operation = dict
MISSING = object()


def op(verb: str, path: str | None = None, value=MISSING) -> Operation:
    """One operation; without a value it has none, which is not `null`."""
    made = {"op": verb}
    if path is not None:
        made["path"] = path
    if value is not MISSING:
        made["value"] = value
    return made


def patch(operations: list[Operation]) -> bytes:
    """A PATCH message."""
    return scim_json({"schemas": [PATCH_OP], "Operations": operations})


def refs(*ids: str) -> list[dict]:
    """Members as Entra names them where its flag is off."""
    return [{"$ref": None, "value": id} for id in ids]


def entra_filter(text: str) -> str:
    """A filter as Entra's client library encodes it: form encoding, lower-case hexadecimal."""
    return quote_plus(text, safe="[]").replace("%2B", "%2b").replace("%3A", "%3a")


def rfc_filter(text: str) -> str:
    """A filter percent-encoded."""
    return quote(text, safe="")
