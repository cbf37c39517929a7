#!/usr/bin/env python3
"""The demonstration: a simulated Entra provisions people and signs them in, before apps that know nothing of it.

    demo.py --envoy ENVOY --wasm vestibule.wasm --simulator entra-simulator --scim2-server scim2-server [--check]

Without --check it goes through the story once and then stays up, to be looked at in a browser. With --check it uses
free ports, ends after the story, and exits with 1 if any step was wrong. Only Python's standard library is needed.
"""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from processes import Children, NotReady, tail
from provisioning import Provisioning
from sign_on import SignOn
from stage import Stage
from story import Teller


def tell(stage):
    """The whole story, in order."""
    teller = Teller()
    first = Provisioning(stage)
    teller.tell(first.raw_group, first.raw_manager, first.raw_member)
    first.clean_up()
    teller.tell(first.test_connection, first.wrong_token, first.no_token, first.closed_path)
    teller.tell(first.cycle, first.user_created, first.manager_set, first.group_created)
    teller.tell(first.change, first.member_removed)
    if stage.options.only_provisioning:
        return teller
    second = SignOn(stage)
    teller.tell(second.anonymous, second.anonymous_script, second.forged_public, second.forged_closed, second.metadata)
    teller.tell(second.sign_in, second.session, second.roles, second.signing_options)
    teller.tell(second.stolen, second.tampered, second.broken, second.replayed)
    teller.tell(second.disabled, second.others, second.refused_sign_in, second.enabled, second.deleted)
    return teller


def stay(stage):
    """Keeps everything running until Control-C."""
    print(
        f"""
Open in a browser (the certificate is this machine's own: trust {stage.tls / "ca.pem"}, or accept the warning):
    {stage.origin}/         the application: sign in as anybody
    {stage.simulator}/       Entra: users, groups, provisioning, its log
Logs are in {stage.directory}. Control-C ends everything.""",
        flush=True,
    )
    while not stage.children.ended():
        time.sleep(1)
    names = ", ".join(stage.children.ended())
    raise NotReady(f"ended by itself: {names}")


def default_scim2_server():
    """The command beside our own Python, as in a virtual environment, or the one on the PATH."""
    beside = Path(sys.executable).parent / "scim2-server"
    return str(beside) if beside.exists() else shutil.which("scim2-server") or "scim2-server"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envoy", required=True, help="Envoy's binary")
    parser.add_argument("--wasm", required=True, help="the filter")
    parser.add_argument("--simulator", required=True, help="the binary of examples/entra-simulator")
    parser.add_argument(
        "--scim2-server", default=default_scim2_server(), help="the command of the PyPI package of that name"
    )
    parser.add_argument("--python", default=sys.executable, help="Python for the header application")
    parser.add_argument("--state-dir", default=".demo", help="where logs, keys and certificates are kept")
    parser.add_argument("--check", action="store_true", help="end after the story, with a verdict")
    parser.add_argument("--only-provisioning", action="store_true", help="leave out signing in (steps d to g)")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell that starts us in the background has interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stage = Stage(options, None)
        stage.prepare()
        with Children(stage.directory) as children:
            stage.children = children
            stage.start()
            teller = tell(stage)
            print(f"demo: {teller.right} steps right, {teller.wrong} wrong", flush=True)
            if teller.wrong:
                print(f"\nthe end of {stage.directory / 'envoy.log'}:\n{tail(stage.directory / 'envoy.log')}")
            if not options.check:
                stay(stage)
            return 1 if teller.wrong else 0
    except NotReady as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
