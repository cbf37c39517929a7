"""An Envoy that runs a configuration as it is shipped; what an operator has to replace is replaced, and nothing else."""

import copy
import os
import re
import subprocess
from pathlib import Path

from .envoy import Envoy
from .servers import ROOT

# What every shipped file has of these, and what a test makes of it.
USUAL = {
    "address: 0.0.0.0, port_value: 8443": "address: 127.0.0.1, port_value: 0",
    "port_value: 9901": "port_value: 0",
    "https://app.example.com": "https://localhost:8443",
}


class Shipped(Envoy):
    """`replaced` maps what stands in the file to what a test puts there; each must stand there."""

    def __init__(self, binary: str, file: str, wasm: str, tls: dict, replaced: dict, environment: dict):
        self.text = (ROOT / file).read_text()
        files = {
            "filename: vestibule.wasm": f"filename: {wasm}",
            "filename: tls.crt": f"filename: {tls['certificate']}",
            "filename: tls.key": f"filename: {tls['key']}",
        }
        for what, by in (USUAL | files | replaced).items():
            assert what in self.text, f"{file} does not have {what!r}"
            self.text = self.text.replace(what, by)
        named = re.search(r"host_env_keys: \[([^]]*)\]", self.text).group(1).split(", ")
        assert set(environment) == set(named), "the variables that the file names, and no others"
        self.binary, self.concurrency, self.log_level = binary, 1, "warning"
        self.environment, self.crash_expected, self.ports = environment, False, {}

    def changed(self, what: str, by: str) -> "Shipped":
        """Another Envoy, which does not run yet, with one thing changed in the file."""
        assert what in self.text, f"the file does not have {what!r}"
        other = copy.copy(self)
        other.text, other.ports = self.text.replace(what, by), {}
        return other

    def _write(self, place: Path) -> str:
        (place / "envoy.yaml").write_text(self.text)
        return "envoy.yaml"

    def _note_ports(self) -> None:
        self.tls_port = self.ports["https"]

    def validated(self, what: str, by: str, folder: Path) -> subprocess.CompletedProcess:
        """What Envoy says of the file with one thing changed, if it is only to read it."""
        other = self.changed(what, by)
        command = [self.binary, "--mode", "validate", "-c", other._write(folder), "--log-level", "warning"]
        environment = {"PATH": os.environ["PATH"], **self.environment}
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)
