"""Where the Entra simulator's program is."""

import os
import subprocess
from pathlib import Path

from .servers import ROOT


def program() -> str:
    """The one that `VESTIBULE_SIMULATOR` names, or cargo's, brought up to date."""
    if named := os.environ.get("VESTIBULE_SIMULATOR"):
        return named
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "entra-simulator"], cwd=ROOT, check=True)
    return str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "entra-simulator")
