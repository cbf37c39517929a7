"""The worked cases that `vestibule scim explain` is held to, once more through Envoy before an application that records.

Each case is a tenant of one gateway, told apart by its host. How a case's context becomes configuration is said in
`src/scim/explain/context.rs`; what the application publishes of itself is really published here, and read by the filter.
"""

import hashlib
import json
import os
import re
import time
from pathlib import Path

import pytest
from harness import bootstrap, settings
from harness.authorities import Key, KeyServer, encode
from harness.client import H1
from harness.upstream import Answer

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VESTIBULE_FIXTURES") or ROOT.parent / "shared" / "fixtures") / "scim"
PUBLIC = "/entra/scim"
APPLICATION = "/scim/v2"
TOKEN_PATH = "/oauth/token"
EDGE = f"https://edge.example{PUBLIC}"  # of the cases; here each has a host of its own
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SCIM_JSON = {"Content-Type": "application/scim+json"}
SECONDS = re.compile(r"now([+-]\d+)")


def read(path):
    case = json.loads(path.read_text())
    case["expected_normalized"] = json.loads(
        json.dumps(case["expected_normalized"]).replace(EDGE, f"https://{case['id']}.test{PUBLIC}")
    )
    return case


CASES = {
    case["id"]: case
    for folder in (SHARED, ROOT / "tests" / "vectors" / "scim")
    for case in map(read, sorted(folder.glob("*.json")))
}


def context(case, name):
    return (case.get("context") or {}).get(name)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def tenant(case):
    """The configuration that the case's context means."""
    said = dict(context(case, "config") or {})
    base = said.pop("upstream_base", None)
    public = said.pop("public_base", None)
    assert base in (None, f"https://app.example{APPLICATION}") and public in (None, EDGE)
    scim = {
        "public_path": PUBLIC,
        "application": {
            "path": APPLICATION,
            "cluster": "recorder",
            "authority": f"{case['id']}.test",
            "credential": {"keep": True},
        },
        "schemas": {"from_application": bool(published(case))},
    }
    scim["application"]["credential"] = credential(said)
    scim |= way_in(case, said, said.pop("mode", "static"))
    if said.pop("validator_mode", False):
        scim["validator"] = True
    if said.pop("without_groups", False):
        scim["abilities"] = {"groups": False}
    assert not said, f"what does {said} mean?"
    return {
        "name": case["id"],
        "hosts": [f"{case['id']}.test"],
        "public_url": f"https://{case['id']}.test",
        "scim": scim,
        "access": {"rules": [{"path": {"prefix": "/"}, "access": "public"}]},
    }


def credential(said):
    own = said.pop("upstream_credential", None) or said.pop("upstream_auth", None)
    return {"bearer": {"value": own}} if own else {"keep": True}


def own(case, secret):
    """A token belongs to one tenant, and each case is one."""
    return f"{secret}-{case['id']}"


def way_in(case, said, mode):
    keys = {"cluster": "keys"}
    endpoint = {"path": TOKEN_PATH, "lifetime_seconds": said.pop("token_lifetime_s", 3600)}
    match mode:
        case "static":
            secrets = said.pop("secrets", [settings.TOKEN])
            hashes = [digest(own(case, one)) for one in secrets]
            return {"tokens": [{"name": f"t{at}", "sha256": one} for at, one in enumerate(hashes)]}
        case "entra-v1":
            token = {name: said.pop(name) for name in ("tenant_ids", "audiences")}
            token |= {"applications": said.pop("appids"), "keys": keys}
            return {"authentication": {"entra_token": token}}
        case "client_credentials":
            hashed = [
                {"id": one["id"], "secrets": [{"sha256": digest(secret)} for secret in one["secrets"]]}
                for one in said.pop("clients")
            ]
            return {"authentication": {"token_endpoint": endpoint | {"clients": hashed}}}
        case "wif":
            federations = [
                {
                    "tenant_id": one["tid"],
                    "subject": one["subject"],
                    "audiences": one["audiences"],
                    "application": one["azp"],
                    "keys": keys,
                }
                for one in said.pop("tenants")
            ]
            return {"authentication": {"token_endpoint": endpoint | {"federations": federations}}}


def published(case):
    """The application's `/Schemas`, where the case says anything of them."""
    hints, known = context(case, "schema_hints") or {}, context(case, "known_schemas") or []
    if not hints and not known:
        return None
    schemas = {urn: [] for urn in [USER, *known]}
    schemas[USER].append({"name": "userName", "type": "string"})
    for name, kind in hints.items():
        urn, _, attribute = name.rpartition(":")
        schemas.setdefault(urn, []).append({"name": attribute, "type": kind})
    resources = [{"id": urn, "attributes": attributes} for urn, attributes in schemas.items()]
    return {"schemas": [LIST], "totalResults": len(resources), "Resources": resources}


class Recorder:
    """The application of all cases: answers as the case of the request's host says."""

    def __init__(self, application):
        self.application, self.case, self.left = application, None, []
        application.handler = self.answer

    def begin(self, case):
        self.case = case
        self.application.requests.clear()
        answers = [case["upstream_response"]] if "upstream_response" in case else None
        self.left = list(answers or context(case, "upstream_responses") or [])

    def received(self):
        """What reached the application because of the request, without what the filter asks for its own knowledge."""
        return [one for one in self.application.requests if not self.is_own_question(one)]

    def is_own_question(self, request):
        """`/Schemas` and `/ResourceTypes`; or who somebody is, before a write."""
        path = request.path.removeprefix(APPLICATION)
        asks_who = self.case["request"]["method"] not in ("GET", "POST") and re.fullmatch("/Users/[^/?]+", path)
        asks_what = path in ("/Schemas", "/ResourceTypes") and self.case["request"]["path"] != path
        return request.method == "GET" and bool(asks_who or asks_what)

    def answer(self, request):
        assert request.get("host") == f"{self.case['id']}.test", request.get("host")
        if self.is_own_question(request):
            publishes = published(self.case) if request.path.endswith("/Schemas") else None
            return answer(200, publishes) if publishes else refusal(404)
        if self.left:
            said = self.left.pop(0)
            return answer(said["status"], said.get("body"), said.get("headers", SCIM_JSON))
        resource = context(self.case, "upstream_resource")
        if resource and request.method == "GET":
            return answer(200, resource)
        if resource and request.method == "PATCH":
            return answer(200, resource) if satisfied(request, resource) else refusal(400, scimType="noTarget")
        return answer(204, None)


def satisfied(request, resource):
    """Whether every selector of a PATCH selects something; those of the cases compare one sub-attribute."""
    for operation in request.json()["Operations"]:
        found = re.match(r"(\w+)\[(\w+) eq (.+)\]", operation.get("path", ""))
        if found:
            name, sub, literal = found.groups()
            if not any(one.get(sub) == json.loads(literal) for one in resource.get(name, [])):
                return False
    return True


def answer(status, body, headers=SCIM_JSON):
    octets = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(status, octets, list(headers.items()))


def refusal(status, **more):
    return answer(status, {"schemas": [ERROR], "status": str(status)} | more)


@pytest.fixture(scope="module")
def keys():
    server = KeyServer(Key("known-key"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gateway(start, keys, _scim_app):
    configuration = {
        "host": {"stop_iteration": True},
        "keys": [{"id": "k1", "secret": {"env": "VESTIBULE_KEY"}}],
        "tenants": [tenant(case) for case in CASES.values()],
    }
    with start(
        configuration,
        routes=[bootstrap.route(APPLICATION, "recorder"), bootstrap.route("/", "app")],
        clusters={"recorder": _scim_app.port, "keys": keys.port},
    ) as running:
        yield running


@pytest.fixture
def recorder(scim_app):
    return Recorder(scim_app)


def token(case, keys):
    """The signed token that the case describes."""
    said = context(case, "jwt") or context(case, "assertion")
    if said is None:
        return ""
    now = int(time.time())
    moment = {name: SECONDS.fullmatch(str(value)) for name, value in said["claims"].items()}
    claims = {
        name: now + int(moment[name].group(1)) if moment[name] else value for name, value in said["claims"].items()
    }
    if said["header"]["alg"] != "RS256":
        head = encode(json.dumps(said["header"]).encode())
        return f"{head}.{encode(json.dumps(claims).encode())}.{encode(b'x' * 32)}"
    return keys.keys[0].sign(claims, **said["header"])


def send(envoy, case, keys):
    request = case["request"]
    signed = token(case, keys)
    headers = [(name, value.replace("<jwt>", signed)) for name, value in request["headers"].items()]
    for secret in (context(case, "config") or {}).get("secrets", []):
        headers = [(name, value.replace(secret, own(case, secret))) for name, value in headers]
    headers.append(("host", f"{case['id']}.test"))
    if case.get("category") != "auth":
        headers.append(("authorization", f"Bearer {own(case, settings.TOKEN)}"))
    body = request["body"]
    if body is not None:
        body = (body.replace("<jwt>", signed) if isinstance(body, str) else json.dumps(body)).encode()
    path = request["path"] if request["path"] == TOKEN_PATH else PUBLIC + request["path"]
    with H1(envoy.plain_port) as client:
        return client.request(request["method"], path, headers, body)


def accepted(case):
    return [case["expected_normalized"], *case.get("alternatives", [])]


@pytest.mark.parametrize("name", CASES)
def test_a_case_comes_out_through_envoy_as_it_does_by_explain(gateway, recorder, keys, name):
    case = CASES[name]
    recorder.begin(case)
    reply = send(gateway, case, keys)
    received = recorder.received()
    problems = [compare(case, want, reply, received) for want in accepted(case)]
    assert not all(problems), problems


def test_what_is_not_as_expected_is_seen(gateway, recorder, keys):
    case = CASES["removal-of-members"]
    recorder.begin(case)
    reply = send(gateway, case, keys)
    right, received = case["expected_normalized"], recorder.received()
    assert not compare(case, right, reply, received)
    for name, wrong in [("method", "PUT"), ("path", "/Groups/g-2"), ("headers", {}), ("body", None)]:
        assert compare(case, right | {name: wrong}, reply, received), name
    assert compare(case, right, reply, []) and compare(case, right, reply, received * 2)
    assert compare(case, {"short_circuit": {"status": 204, "headers": {}, "body": {}}}, reply, [])
    assert compare(case, {"upstream_requests": []}, reply, received)
    assert compare(case, {"decision": {"allow": False, "status": 401}}, reply, received)


def test_there_are_cases_of_every_kind():
    kinds = {kind for case in CASES.values() for kind in case["expected_normalized"]}
    assert {"path", "response", "decision", "upstream_requests", "short_circuit"} <= kinds


def compare(case, want, reply, received):
    """What is not as `want` says."""
    if "decision" in want:
        return judge(want["decision"], reply, received)
    problems = []
    if "response" in want:
        problems += compare_reply(want["response"], reply)
    if "short_circuit" in want:
        problems += compare_reply(want["short_circuit"], reply)
    if "upstream_requests" in want:
        problems += compare_all(want["upstream_requests"], received)
    if "path" in want:
        problems += compare_one(want, received)
    return problems


def compare_one(want, received):
    """One request. Where its form depends on the resource, the filter has tried another and was refused."""
    if not received:
        return ["nothing arrived"]
    *before, last = received
    tried = [one.method for one in before]
    problems = [] if tried in ([], ["PATCH", "GET"]) else [f"before it came {tried}"]
    return problems + compare_request(want, last)


def compare_all(want, received):
    if len(want) != len(received):
        return [f"{len(received)} requests arrived: {[(one.method, one.path) for one in received]}"]
    return [said for one, have in zip(want, received, strict=True) for said in compare_request(one, have)]


def compare_request(want, have):
    body = have.json() if have.body else None
    pairs = {
        "method": (want["method"], have.method),
        "path": (APPLICATION + want["path"], have.path),
        "accept": (want["headers"].get("Accept"), have.get("accept")),
        "content-type": (want["headers"].get("Content-Type"), have.get("content-type")),
        "body": (want["body"], body),
        "length": (len(have.body) if have.body else None, int(have.get("content-length") or 0) or None),
    }
    return [f"{name}: {got!r}, not {wanted!r}" for name, (wanted, got) in pairs.items() if wanted != got]


def compare_reply(want, reply):
    body = reply.json() if reply.body else None
    pairs = {name: (value, reply.get(name)) for name, value in want["headers"].items()}
    pairs |= {"status": (want["status"], reply.status), "body": (want["body"], body)}
    return [f"{name}: {got!r}, not {wanted!r}" for name, (wanted, got) in pairs.items() if wanted != got]


def judge(want, reply, received):
    """A decision on a credential. That an unknown key makes the filter read the keys anew, and at most once a minute,
    is shown in test_scim_auth.py."""
    if "token_response" in want:
        return judge_token(want["token_response"], reply)
    if not want["allow"]:
        problems = [] if not received else ["it reached the application"]
        return problems + [
            f"{name}: {reply.get(name)!r}, not {value!r}"
            for name, value in want.get("headers", {}).items()
            if reply.get(name) != value
        ] + ([] if reply.status == want["status"] else [f"answered {reply.status}"])
    if len(received) != 1:
        return [f"{len(received)} requests arrived, and the answer was {reply.status}"]
    headers = want.get("upstream_headers", {})
    return [f"{name} is {received[0].get(name)!r}" for name, value in headers.items() if received[0].get(name) != value]


def judge_token(want, reply):
    body = reply.json()
    if body.get("access_token"):
        body["access_token"] = "<opaque>"
    body.pop("error_description", None)
    problems = compare_reply(want | {"body": None}, reply)
    problems = [one for one in problems if not one.startswith("body")]
    return problems + ([] if body == want["body"] else [f"body: {body}"])
