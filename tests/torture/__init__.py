"""Runs that try to break the filter in real Envoy, each with a verdict; `./torture` starts them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "envoy"))
