"""The filter, compiled once for all instances of a run, and kept between runs by its digest."""

import hashlib
import importlib.metadata
from pathlib import Path

import wasmtime


class Module:
    """Compiled code."""

    def __init__(self, path: str, keep: Path | None = None):
        octets = Path(path).read_bytes()
        self.path, self.digest = path, hashlib.sha256(octets).hexdigest()
        self.engine = wasmtime.Engine()
        kept = keep / f"{self.digest}-{importlib.metadata.version('wasmtime')}.cwasm" if keep else None
        if kept and kept.is_file():
            self.code = wasmtime.Module.deserialize(self.engine, kept.read_bytes())
            return
        self.code = wasmtime.Module(self.engine, octets)
        if kept:
            keep.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(".part")
            part.write_bytes(self.code.serialize())
            part.rename(kept)

    def imports(self) -> list[tuple[str, str, wasmtime.FuncType]]:
        """What it wants of its host."""
        return [(wanted.module, wanted.name, wanted.type) for wanted in self.code.imports]

    def exports(self) -> list[str]:
        """What it offers."""
        return [offered.name for offered in self.code.exports]
