#!/usr/bin/env python3
"""Makes what the parts of the example share: certificates, secrets, Envoy's configuration. Once; a second start changes
nothing but the configuration.

Environment: HTTPS_PORT, SIMULATOR_PORT, APPLICATION (`header-app` or `grafana`), STATE (/state), PARTS (where the programs are).
"""

import hashlib
import os
import secrets
import subprocess
from pathlib import Path

import render

DIRECTORY = "3f2b8a10-5c6d-4e7f-8091-a2b3c4d5e6f7"
HERE = Path(__file__).resolve().parent
PARTS = Path(os.environ.get("PARTS", HERE))
STATE = Path(os.environ.get("STATE", "/state"))
# What an application is told, and where it keeps logins of its own.
APPLICATIONS = {"header-app": ("", ""), "grafana": ("grafana", "grafana_session, grafana_session_expiry")}


def simulator(*arguments):
    """What a command of the simulator prints."""
    command = [PARTS / "entra-simulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def secret(name):
    """A secret that is made at the first start and kept."""
    file = STATE / "secrets" / name
    if not file.exists():
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


def write(name, text):
    """Writes a file that parts of the example read; the place of a former one is taken at once."""
    part = STATE / f"{name}.part"
    part.write_text(text)
    part.replace(STATE / name)


def main():
    os.umask(0o077)
    (STATE / "secrets").mkdir(exist_ok=True)
    https, port = int(os.environ.get("HTTPS_PORT", "8443")), int(os.environ.get("SIMULATOR_PORT", "9081"))
    public = f"https://localhost:{https}"
    profiles, cookies = APPLICATIONS[os.environ.get("APPLICATION", "header-app")]
    simulator("tls-certificate", "--state-dir", STATE / "tls", "--name", "localhost")
    certificate = simulator("certificate", "--state-dir", STATE / "simulator")
    key, application_token, entra_token = secret("key"), secret("application-token"), secret("entra-token")
    values = {
        "STATE": STATE,
        "WASM": PARTS / "vestibule.wasm",
        "PUBLIC_URL": public,
        "TOKEN_SHA256": hashlib.sha256(entra_token.encode()).hexdigest(),
        "DIRECTORY": DIRECTORY,
        "LOGIN_URL": f"http://127.0.0.1:{port}/{DIRECTORY}/saml2",
        "CERTIFICATE": certificate,
        "SIMULATOR_PORT": port,
    }
    lists = {"@PROFILES@": profiles, "@APPLICATION_COOKIES@": cookies}
    template = (HERE / "envoy.yaml.in").read_text(encoding="utf-8")
    for name, value in lists.items():
        template = template.replace(name, value)
    write("envoy.yaml", render.render(template, values))
    write("gateway.env", f"export VESTIBULE_KEY={key} APP_SCIM_TOKEN={application_token}\n")
    write("scim.env", f"export APP_SCIM_TOKEN={application_token}\n")
    options = {
        "--listen": f"127.0.0.1:{port}",
        "--tenant-id": DIRECTORY,
        "--sp-entity-id": f"{public}/saml",
        "--acs-url": f"{public}/.vestibule/saml/acs",
        # In the gateway's own network, whatever port this machine publishes.
        "--scim-url": "https://localhost:8443/scim/v2/entra/",
        "--scim-token-env": "ENTRA_SCIM_TOKEN",
        "--ca-file": STATE / "tls" / "ca.pem",
        "--state-dir": STATE / "simulator",
    }
    line = " ".join(f"{name} {value}" for name, value in options.items())
    write("simulator.env", f"export ENTRA_SCIM_TOKEN={entra_token}\nOPTIONS='{line}'\n")
    print(f"open {public}/ and http://127.0.0.1:{port}/")


if __name__ == "__main__":
    main()
