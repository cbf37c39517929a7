"""Sign-ins: posts to the assertion consumer per second, each with a response of its own to a login of its own."""

import contextlib

from .servers import Proxy, Upstream, application, bootstrap, ours, settings

from harness.tls import self_signed  # noqa: E402

from . import load, people
from .report import Row, Section
from .responses import Signer
from .rounds import Rounds

KINDS = {"assertion": "assertion signed", "both": "assertion and response signed", "encrypted": "assertion signed and encrypted"}
# Per round, so that each takes about half a second.
COUNTS = {"native": {"assertion": 600, "both": 500, "encrypted": 40}, "in_wasm": {"assertion": 300, "both": 200, "encrypted": 30}}


@contextlib.contextmanager
def proxies(run):
    """The Envoy with our filter twice: with the host's verification, and with cryptography in Wasm only."""
    keys, service = self_signed(run.place, "idp"), self_signed(run.place, "service")
    signer = Signer(keys, settings.IDP, settings.ENTITY, settings.ACS, service["certificate"])
    configurations = {}
    for name, native in (("native", "auto"), ("in_wasm", "off")):
        made = people.configuration(keys["certificate"])
        # Decryption is bounded so that nobody can keep a worker busy with it; here it is the thing measured.
        made["host"] |= {"native_crypto": native, "private_key_operations_per_second": 1000}
        with open(service["key"]) as file:
            made["tenants"][0]["saml"]["decryption_keys"] = [{"value": file.read()}]
        configurations[name] = made
    variants = {name: [ours(run.wasm, made, name)] for name, made in configurations.items()}
    with (
        Upstream(run.envoy, [application()]) as upstream,
        Proxy(run.envoy, variants, {"app": upstream.plain_port}, [bootstrap.route("/", "app")], load.PROXY_CORE) as proxy,
    ):
        yield proxy, signer


def variants_of(run, proxy, signer, kinds=tuple(KINDS), connections: int = 4):
    """One for each kind and way; each round has posts of its own, made before the clock starts."""

    def sign_ins(way, kind):
        persons = people.People(proxy.ports[way], signer)
        count = COUNTS[way][kind] // (4 if run.quick else 1)

        def one_round():
            return proxy.once(way, load.Requests(run.place, persons.posts(count + connections, kind)), connections, 303)

        return one_round

    return {f"{way}_{kind}": sign_ins(way, kind) for way in COUNTS for kind in kinds}


def measure(run) -> list[Section]:
    """See the module."""
    with proxies(run) as (proxy, signer):
        variants = variants_of(run, proxy, signer)
        watched = [(f"in_wasm_{kind}", f"native_{kind}") for kind in KINDS]
        rounds = Rounds(variants, watched, run.say).run(0.05, run.rounds, min(run.seconds, 240))
    rows = []
    for way, title in (("native", "the host verifies"), ("in_wasm", "cryptography in Wasm only")):
        for kind, what in KINDS.items():
            name = f"{way}_{kind}"
            rows.append(
                Row(
                    f"{what}, {title}",
                    {
                        "sign-ins/s": rounds.of(name),
                        "sign-ins per second of processor": rounds.of(name, "processor_rate"),
                        "of the first": rounds.ratio(name, "native_assertion"),
                        "the same, by processor": rounds.ratio(name, "native_assertion", "processor_rate"),
                    },
                )
            )
    size = len(signer.response("_id-0123456789abcdef", "user-000001@n.example"))
    facts = (
        f"POST to the assertion consumer over 4 connections, one worker; responses of {size:,} octets with RSA-2048 and SHA-256, 10"
        " attributes, 10 groups; encrypted with AES-256-GCM and RSA-OAEP (MGF1, SHA-1). Each answers a login of its own, gives a session, and is"
        " remembered as used."
    )
    section = Section("Sign-ins", facts, rows)
    section.figure("sign_ins_per_s", rounds.of("native_assertion"))
    section.figure("sign_ins_per_processor_second", rounds.of("native_assertion", "processor_rate"))
    section.figure("sign_ins_both_per_s", rounds.of("native_both"))
    section.figure("sign_ins_encrypted_per_s", rounds.of("native_encrypted"))
    return [section.ratios(rounds, {"sign_ins_in_wasm_vs_native": ("in_wasm_assertion", "native_assertion")})]
