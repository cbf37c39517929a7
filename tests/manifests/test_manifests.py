"""The manifests of `examples/` hold against the published schemas, and mistakes in them do not."""

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
MODULES = HERE.parents[1] / ".tools" / "manifests"
FILES = sorted(file for name in ("istio", "envoy-gateway", "kubernetes") for file in (EXAMPLES / name).glob("*.yaml"))
KINDS = {
    "WasmPlugin", "EnvoyFilter", "EnvoyExtensionPolicy", "ClientTrafficPolicy", "BackendTrafficPolicy", "EnvoyProxy",
    "Gateway", "HTTPRoute", "Deployment", "Secret", "ConfigMap", "Service", "NetworkPolicy",
}  # fmt: skip


def check(*files) -> list[dict]:
    assert (MODULES / "node_modules").is_dir(), "the schemas are missing; run tools/setup.sh manifests"
    command = ["node", HERE / "check.mjs", MODULES, *files]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def checked():
    return check(*FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_manifest_of_the_examples_holds_against_its_schema(checked, file):
    mine = [entry for entry in checked if entry["file"] == str(file)]
    assert mine
    assert [entry for entry in mine if entry["problems"]] == []


def test_all_kinds_that_matter_were_looked_at(checked):
    assert {entry["kind"] for entry in checked} >= KINDS


MISTAKES = [
    ("istio/sign-on.yaml", "failStrategy: FAIL_RELOAD", "failStrategy: FAIL_SAFE", "failStrategy"),
    ("istio/sign-on.yaml", "phase: AUTHN", "phases: AUTHN", "phases"),
    ("istio/sign-on.yaml", "  url: oci://registry.example.com/vestibule:0.1.0\n", "", "url"),
    ("istio/envoy-filter.yaml", "applyTo: HTTP_FILTER", "applyTo: HTTP_FILTERS", "applyTo"),
    ("istio/envoy-filter.yaml", "operation: INSERT_FIRST", "operations: INSERT_FIRST", "operations"),
    ("istio/gateway.yaml", "image: registry", "images: registry", "images"),
    ("istio/gateway.yaml", "mtls: {mode: STRICT}", "mtls: {mode: ON}", "mode"),
    ("envoy-gateway/sign-on.yaml", "type: Image", "type: OCI", "type"),
    ("envoy-gateway/sign-on.yaml", "hostKeys:", "hostEnvKeys:", "hostEnvKeys"),
    ("envoy-gateway/sign-on.yaml", "bufferLimit: 2Mi", "bufferLimits: 2Mi", "bufferLimits"),
    ("envoy-gateway/sign-on.yaml", "after: envoy.filters.http.wasm", "after: vestibule", "after"),
    ("kubernetes/vestibule.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", "readOnlyRootFileSystem"),
    ("kubernetes/vestibule.yaml", "replicas: 2", "replicas: two", "replicas"),
    ("kubernetes/vestibule.yaml", "httpGet: {path: /ready, port: probes}, periodSeconds: 5", "httpGet: {path: /ready}, periodSeconds: 5", "port"),
    ("kubernetes/vestibule.yaml", "kind: Deployment", "kind: Deploy", "no schema"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """All mistakes in one run, each in a copy of its file."""
    place, files = tmp_path_factory.mktemp("mistakes"), []
    for at, (name, have, instead, _) in enumerate(MISTAKES):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        assert have in text, f"{name} has no {have!r}"
        files.append(place / f"{at}.yaml")
        files[-1].write_text(text.replace(have, instead, 1), encoding="utf-8")
    return check(*files)


@pytest.mark.parametrize("at", range(len(MISTAKES)), ids=lambda at: f"{MISTAKES[at][0]}-{MISTAKES[at][2][:30]}")
def test_a_mistake_is_found_and_named(mistaken, at):
    problems = [problem for entry in mistaken if Path(entry["file"]).stem == str(at) for problem in entry["problems"]]
    assert any(MISTAKES[at][3] in problem for problem in problems), problems
