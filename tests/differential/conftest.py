"""Others' answers to the questions that the filter's readers answer: libxml2 and xmlsec1, as the system has them."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Ours:
    """The filter's own code, asked by a program of `tests/mutants`."""

    def __init__(self, program: str):
        self.program = program

    def mutants(self, count: int, first: int = 0) -> list[tuple[str, bytes]]:
        """Changed responses, with their numbers."""
        made = subprocess.run([self.program, "emit", str(count), str(first)], capture_output=True, check=True)
        lines = map(json.loads, made.stdout.splitlines())
        return [(f"mutant {line['name']}", base64.b64decode(line["xml"])) for line in lines]

    def answers(self, questions: list[dict]) -> list[dict]:
        """One answer for each question; `xml` is octets."""
        lines = [json.dumps({**asked, "xml": base64.b64encode(asked["xml"]).decode()}) for asked in questions]
        said = subprocess.run(
            [self.program, "answer"], input="\n".join([*lines, ""]).encode(), capture_output=True, check=False
        )
        assert said.returncode == 0, said.stderr.decode()
        answers = [json.loads(line) for line in said.stdout.splitlines()]
        assert len(answers) == len(questions)
        return answers


@pytest.fixture(scope="session")
def ours():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    build = ["cargo", "build", "--quiet", "--locked", "--package", "saml-mutants", "--bin", "mutate"]
    subprocess.run(build, cwd=ROOT, check=True)
    return Ours(str(target / "debug" / "mutate"))


SHARED = Path(os.environ.get("VESTIBULE_FIXTURES", ROOT.parent / "shared" / "fixtures")) / "saml"


@pytest.fixture(scope="session")
def is_whole():
    """Whether more is there than this project carries itself: some hundreds of worked cases."""
    return (SHARED / "manifest.json").is_file()


@pytest.fixture(scope="session")
def corpus(is_whole):
    """Every message of the corpus that is there, and of our own vectors, with the certificates that count: name, octets, PEM."""
    own = ROOT / "tests" / "vectors" / "saml"
    pems = [own.joinpath(f"{name}.cert.pem").read_text() for name in ("idp", "idp-ec", "idp-ec384", "short")]
    found = [(path.name, path.read_bytes(), pems) for path in sorted(own.rglob("*.xml")) if path.stat().st_size]
    if is_whole:
        for case in json.loads((SHARED / "manifest.json").read_text())["cases"]:
            paths = case.get("cert_pem") or []
            paths = paths if isinstance(paths, list) else [paths]
            octets = (SHARED / case["file"]).read_bytes()
            if case["format"] != "xml":
                octets = base64.b64decode(b"".join(octets.split()) + b"==")
            certificates = [(SHARED / path).read_text() for path in paths]
            found.append((case["id"], octets, certificates))
        assert len(found) > 450
    return found
