"""The filter's configuration as most tests want it, and ways to change it."""

import copy
import hashlib
from pathlib import Path

TOKEN = "entra-secret-token-of-the-tests"
APP_TOKEN = "app-own-secret"  # APP_SCIM_TOKEN of the environment
IDP = "https://idp.test/metadata"
IDP_SSO = "https://idp.test/sso"
ENTITY = "https://localhost:8443/saml"
ACS = "https://localhost:8443/.vestibule/saml/acs"
SCIM = "/scim/v2/entra"  # what Entra calls
APP_SCIM = "/app-scim/v2"  # what the application calls it
BEARER = ("authorization", f"Bearer {TOKEN}")
SCIM_JSON = ("content-type", "application/scim+json; charset=utf-8")
IDENTITY_HEADERS = ["x-user", "x-email", "x-groups"]


def certificate_text(path: str) -> str:
    """The Base64 inside a PEM file, as an operator pastes it."""
    return "".join(Path(path).read_text().split("-----")[2].split())


def settings(idp_certificate: str) -> dict:
    """One tenant with provisioning, sign-on and every kind of route."""
    return {
        "host": {"stop_iteration": True, "native_crypto": "auto"},
        "keys": [{"id": "k1", "secret": {"env": "VESTIBULE_KEY"}}],
        "tenants": [
            {
                "name": "demo",
                "hosts": ["localhost"],
                "public_url": "https://localhost:8443",
                "scim": {
                    "public_path": SCIM,
                    "tokens": [{"name": "entra-2026", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
                    "application": {
                        "path": APP_SCIM,
                        "cluster": "scim_app",
                        "credential": {"bearer": {"env": "APP_SCIM_TOKEN"}},
                    },
                    "max_body_bytes": 100_000,
                    # Most tests count what the application receives.
                    "schemas": {"from_application": False},
                },
                "saml": {
                    "entity_id": ENTITY,
                    "acs_path": "/.vestibule/saml/acs",
                    "clock_skew_seconds": 60,
                    "identity_provider": {
                        "entity_id": IDP,
                        "sso_url": IDP_SSO,
                        "certificates": [certificate_text(idp_certificate)],
                    },
                },
                "session": {"lifetime_seconds": 3600},
                "access": {
                    # The scripted SCIM server knows nobody but whom a test puts there.
                    "recheck": {"enabled": False},
                    "identity_headers": [
                        {"name": "x-user", "value": "{name_id}"},
                        {"name": "x-email", "value": "{claim:email}"},
                        {"name": "x-groups", "value": "{claim:groups}"},
                    ],
                    "rules": [
                        {"path": {"prefix": "/public"}, "access": "public"},
                        {"path": {"prefix": "/mixed"}, "access": "optional"},
                        {
                            "path": {"prefix": "/admin"},
                            "access": "signed_in",
                            "require": [{"claim": "roles", "one_of": ["admin"]}],
                        },
                        {"path": {"prefix": "/h2/public"}, "access": "public"},
                        {"path": {"prefix": "/private"}, "access": "signed_in"},
                    ],
                },
            }
        ],
    }


def changed(base: dict, path: str, value) -> dict:
    """A copy with one place changed: `tenants.0.scim.max_body_bytes`. The value `...` takes the place away."""
    made = copy.deepcopy(base)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at = made
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return made
