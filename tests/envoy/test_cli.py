"""The command line against a real Envoy: what `init` writes starts, and `doctor` tells a good gateway from a bad one."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from harness.envoy import StartFailed
from harness.settings import TOKEN, changed
from harness.upstream import Answer

ROOT = Path(__file__).resolve().parents[2]
EMPTY = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    "totalResults": 0,
    "startIndex": 1,
    "itemsPerPage": 0,
    "Resources": [],
}


def listing(answer):
    """An application that answers every search with this."""
    return lambda request: Answer(200, json.dumps(answer).encode(), [("content-type", "application/scim+json")])


@pytest.fixture(scope="module")
def vestibule():
    """Runs the command line; `more` are variables of its environment."""
    binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "vestibule"
    if not binary.is_file():
        subprocess.run(["cargo", "build", "--locked", "--bin", "vestibule"], cwd=ROOT, check=True)

    def run(*arguments, given="", **more):
        environment = {"PATH": os.environ["PATH"], **more}
        return subprocess.run(
            [binary, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60, env=environment
        )

    return run


def verdicts(done) -> dict:
    return {line["question"]: (line["verdict"], line["found"]) for line in json.loads(done.stdout)["lines"]}


def started(envoy_binary, folder, seconds=30):
    """Envoy as the words of `init` start it; gives the process, the admin address and the listener's port."""
    command = "set -a; . ./secrets.env; set +a; exec \"$0\" -c envoy.yaml --concurrency 1 --use-dynamic-base-id "
    command += "--disable-hot-restart --admin-address-path admin.txt --log-level warning"
    log = (folder / "envoy.log").open("wb")
    process = subprocess.Popen(["/bin/sh", "-c", command, envoy_binary], cwd=folder, stdout=log, stderr=log)
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            admin = (folder / "admin.txt").read_text().strip()
            with urllib.request.urlopen(f"http://{admin}/ready", timeout=1) as answer:
                if answer.read().startswith(b"LIVE"):
                    return process, admin
        except (OSError, ValueError):
            time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError((folder / "envoy.log").read_text())


@pytest.mark.parametrize("choice", ["provisioning", "sign-on", "tls"])
def test_what_init_writes_starts_as_it_is(choice, vestibule, envoy_binary, wasm, idp_keys, tls, tmp_path):
    more = {
        "provisioning": [],
        "sign-on": ["--entra", "11111111-2222-3333-4444-555555555555", "--certificate", idp_keys["certificate"]],
        "tls": ["--tls-certificate", tls["certificate"], "--tls-key", tls["key"]],
    }[choice]
    made = vestibule(
        "init", tmp_path, "--yes", "--json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
        "--public-url", "https://localhost", *more,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    shutil.copy(wasm, tmp_path / "vestibule.wasm")
    # The certificates of the tests end in two days, which is warned about.
    assert vestibule("check", tmp_path / "envoy.yaml").returncode == 0
    process, admin = started(envoy_binary, tmp_path)
    try:
        with urllib.request.urlopen(f"http://{admin}/listeners?format=json", timeout=5) as answer:
            port = json.load(answer)["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
        scheme, ca = ("https", ["--ca", tls["certificate"]]) if choice == "tls" else ("http", [])
        done = vestibule("doctor", f"{scheme}://localhost:{port}", "--json", *ca)
        seen = verdicts(done)
        assert seen["reachable"][0] == "ok", seen
        expected = "no" if choice == "sign-on" else "-"  # its Reply URL is that of the public URL, without the port
        assert seen["metadata"][0] == expected, seen
        assert seen["sign-in"][0] == ("ok" if choice == "sign-on" else "-"), seen
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def gateway(start, base):
    """A gateway with provisioning and sign-on."""
    with start(base) as running:
        yield running


def ask(vestibule, gateway, tls, *more, **environment):
    return vestibule(
        "doctor", f"https://localhost:{gateway.tls_port}", "--ca", tls["certificate"], "--json", *more, **environment
    )


def test_a_good_gateway_is_told_good_line_by_line(vestibule, gateway, tls, scim_app):
    scim_app.handler = listing(EMPTY)
    done = ask(vestibule, gateway, tls, "--tenant-url", "/scim/v2/entra", "--token-env", "T", T=TOKEN)
    seen = verdicts(done)
    for question in ("reachable", "TLS", "clock", "sign-in", "closed to others", "Test: users", "Test: groups"):
        assert seen[question][0] == "ok", (question, seen)
    assert TOKEN not in done.stdout + done.stderr


def test_a_wrong_token_is_told_no(vestibule, gateway, tls):
    done = ask(vestibule, gateway, tls, "--tenant-url", "/scim/v2/entra", "--token-stdin", given="not-the-token\n")
    assert done.returncode == 1
    assert verdicts(done)["Test: users"][0] == "no"


def test_an_application_that_does_not_filter_is_told_no(vestibule, gateway, tls, scim_app):
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "ada"}
    scim_app.handler = listing(EMPTY | {"totalResults": 1, "Resources": [user]})
    done = ask(vestibule, gateway, tls, "--tenant-url", "/scim/v2/entra", "--token-env", "T", T=TOKEN)
    assert done.returncode == 1
    assert verdicts(done)["Test: users"][0] == "no"


def test_a_certificate_that_is_not_trusted_ends_the_questions(vestibule, gateway):
    done = vestibule("doctor", f"https://localhost:{gateway.tls_port}", "--json")
    seen = verdicts(done)
    assert done.returncode == 1 and seen["TLS"][0] == "no"
    assert list(seen) == ["reachable", "TLS"]


def test_a_certificate_for_another_name_is_told_no(vestibule, gateway, tls):
    done = vestibule("doctor", f"https://127.0.0.2:{gateway.tls_port}", "--ca", tls["certificate"], "--json")
    assert done.returncode == 1
    assert verdicts(done).get("TLS", ("no", ""))[0] == "no"


def test_a_scim_server_that_nobody_guards_is_told_no(vestibule, start, tls, scim_app):
    scim_app.handler = listing(EMPTY)
    with start(wasm=None) as open_gateway:
        done = ask(vestibule, open_gateway, tls, "--tenant-url", "/app-scim/v2")
    assert done.returncode == 1
    assert "ACCEPTED" in verdicts(done)["closed to others"][1]


def test_the_metadata_that_entra_writes_is_what_the_gateway_gives(vestibule, gateway, base, tmp_path):
    config, written = tmp_path / "config.json", tmp_path / "sp.xml"
    config.write_text(json.dumps(base))
    done = vestibule("entra", config, "--metadata", written)
    assert done.returncode == 0, done.stderr
    with gateway.h1() as client:
        answer = client.request("GET", "/.vestibule/saml/metadata")
    assert answer.status == 200 and answer.body.decode() == written.read_text()


@pytest.mark.parametrize(("where", "value", "good"), [("name", "demo", True), ("acess", {}, False)])
def test_check_and_envoy_agree(vestibule, start, base, tmp_path, where, value, good):
    """What `check` calls an error, Envoy refuses; what it calls good, Envoy starts."""
    made = changed(base, f"tenants.0.{where}", value)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(made))
    assert (vestibule("check", config).returncode == 0) is good
    try:
        with start(made):
            started = True
    except StartFailed:
        started = False
    assert started is good
