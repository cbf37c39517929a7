"""The same beside mod_auth_mellon: sign-ins per second and core, and what protecting a page costs each server."""

import contextlib

from .servers import settings

from harness.client import H1  # noqa: E402
from harness.tls import self_signed  # noqa: E402

from . import access, apache, load, people, sign_ins
from .report import Row, Section
from .responses import Signer
from .rounds import Rounds

FIGURES = ["sign_ins_vs_mellon_best", "sign_ins_vs_mellon_packaged", "sign_ins_in_wasm_vs_mellon_best", "mellon_protected_vs_open"]
COUNTS = {"best": 120, "packaged": 12}


class Mellon:
    """One Apache with the posts that it takes."""

    def __init__(self, server: apache.Apache, signer: Signer):
        self.server, self.signer, self._number = server, signer, 0

    def _post(self) -> tuple[list, bytes]:
        self._number += 1
        user = f"user-{self._number:06}@n.example"
        target = f"http://{self.server.authority}/private/page.html"
        headers = [
            *people.BROWSER,
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "https://idp.test"),
            # It wants to see that the browser keeps cookies.
            ("cookie", "mellon-cookie=cookietest"),
        ]
        return headers, self.signer.form(None, user, target)

    def posts(self, count: int) -> list[bytes]:
        """So many sign-ins, each to be sent once."""
        made = (self._post() for _ in range(count))
        return [load.raw("POST", "/mellon/postResponse", self.server.authority, *one) for one in made]

    def session(self) -> str:
        """The cookies of somebody who has signed in; a page is seen with them, and none without."""
        headers, body = self._post()
        with H1(self.server.port, host=self.server.authority) as client:
            reply = client.request("POST", "/mellon/postResponse", headers, body)
            assert reply.status in (302, 303), f"{reply.status}: {reply.body[:300]!r} {self.server.log()}"
            pairs = [line.split(";")[0] for line in reply.all("set-cookie")]
        cookie = "; ".join([*pairs, people.OTHER_COOKIES])
        for header, status in (([("cookie", cookie)], 200), ([], 303)):
            with H1(self.server.port, host=self.server.authority) as client:
                reply = client.request("GET", "/private/page.html", [*people.BROWSER, *header])
                assert reply.status == status, f"{reply.status} instead of {status}: {self.server.log()}"
        return cookie


@contextlib.contextmanager
def servers(run):
    """The proxies, and both kinds of Apache."""
    with contextlib.ExitStack() as stack:
        proxy, signer = stack.enter_context(sign_ins.proxies(run))
        idp, service = self_signed(run.place, "mellon-idp"), self_signed(run.place, "mellon-service")
        made = {}
        for name in ("best", "packaged"):
            server = apache.Apache(run.place / f"apache-{name}", name == "best", idp, service, settings.IDP)
            stack.enter_context(server)
            made[name] = Mellon(server, Signer(idp, settings.IDP, apache.ENTITY, server.acs))
        yield proxy, signer, made


def measure(run) -> list[Section]:
    """See the module."""
    facts = (
        "Every server bound to the same core. Apache 2.4 with the event MPM, a static page of 1,024 octets. As packaged: Debian's settings of"
        " Apache and mellon. Best: one process of 32 threads, no access log, `SSL_CERT_FILE=/dev/null`, which spares it loading the system's"
        " certificates at every signature. Sign-ins begin at the identity provider, which spares mellon the login that Vestibule looks up."
    )
    if why := apache.why_not():
        return [Section("Beside mod_auth_mellon", facts, []).lacks(FIGURES, why)]
    with servers(run) as (proxy, signer, mellons):
        variants = sign_ins.variants_of(run, proxy, signer, ("assertion",))
        for name, mellon in mellons.items():
            for connections in (1, 4):
                variants[f"{name}_{connections}"] = _sign_ins(run, mellon, COUNTS[name], connections)
            for place in ("open", "private"):
                variants[f"{name}_{place}"] = _pages(run, mellon, f"/{place}/page.html")
        watched = [("best_private", "best_open"), ("native_assertion", "best_4")]
        rounds = Rounds(variants, watched, run.say).run(run.half_width, run.rounds, min(run.seconds, 300))
    titles = {
        "native_assertion": "sign-in, Vestibule, the host verifies",
        "in_wasm_assertion": "sign-in, Vestibule, cryptography in Wasm only",
        "best_1": "sign-in, mellon, best, 1 connection",
        "best_4": "sign-in, mellon, best, 4 connections",
        "packaged_1": "sign-in, mellon as packaged, 1 connection",
        "packaged_4": "sign-in, mellon as packaged, 4 connections",
        "best_open": "page, Apache, best, not protected",
        "best_private": "page, Apache, best, signed in with mellon",
        "packaged_open": "page, Apache as packaged, not protected",
        "packaged_private": "page, Apache as packaged, signed in with mellon",
    }
    def base(name):
        kind = name.split("_")[0]
        return f"{kind}_open" if name.endswith(("open", "private")) else "best_4"
    rows = [
        Row(
            title,
            {
                "per second": rounds.of(name),
                "per second of processor": rounds.of(name, "processor_rate"),
                "of mellon's best, or of the page unprotected": rounds.ratio(name, base(name)),
                "the same, by processor": rounds.ratio(name, base(name), "processor_rate"),
            },
        )
        for name, title in titles.items()
    ]
    best = max(("best_1", "best_4"), key=lambda name: rounds.of(name).median)
    packaged = max(("packaged_1", "packaged_4"), key=lambda name: rounds.of(name).median)
    pairs = {
        "sign_ins_vs_mellon_best": ("native_assertion", best),
        "sign_ins_vs_mellon_packaged": ("native_assertion", packaged),
        "sign_ins_in_wasm_vs_mellon_best": ("in_wasm_assertion", best),
        "mellon_protected_vs_open": ("best_private", "best_open"),
    }
    return [Section("Beside mod_auth_mellon", facts, rows).ratios(rounds, pairs)]


def _sign_ins(run, mellon: Mellon, count: int, connections: int):
    count = max(count // (4 if run.quick else 1), 4)

    def one_round():
        requests = load.Requests(run.place, mellon.posts(count + connections))
        return load.once(mellon.server.port, mellon.server.pid, requests, connections, 303)

    return one_round


def _pages(run, mellon: Mellon, path: str):
    def one_round():
        # A session of its own: the sign-ins of other rounds push older ones out of mellon's cache.
        headers = [*people.BROWSER, ("cookie", mellon.session())]
        file = load.Requests(run.place, [load.raw("GET", path, mellon.server.authority, headers)])
        return load.load(mellon.server.port, mellon.server.pid, file, run.connections)

    return one_round
